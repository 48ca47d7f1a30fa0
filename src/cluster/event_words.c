/* Events as the words that the event hash is made of. */
#include "cluster/event_inside.h"

static uint64_t pair(uint32_t high, uint32_t low) { return (uint64_t)high << 32 | low; }

static void brief_words(const vlot_brief *brief, uint64_t words[4]) {
  words[0] = brief->term;
  words[1] = brief->last_index;
  words[2] = brief->commit_index;
  words[3] = pair(brief->vote, brief->role);
}

/* Field by field: reading the memory of a record that was just written in smaller pieces would wait
 * for the stores. */
uint32_t vlot_event_words(const vlot_event *event, uint64_t words[VLOT_EVENT_WORDS]) {
  words[0] = event->sequence;
  words[1] = event->lamport;
  words[2] = event->action;
  words[3] = event->cause;
  words[4] = event->tick;
  words[5] = event->message;
  words[6] = pair(event->node, event->incarnation);
  words[7] = pair(event->peer, (uint32_t)event->kind << 16 | event->why);
  switch (vlot__event_body_of(event)) {
  case VLOT__EVENT_BODY_none: return 8;
  case VLOT__EVENT_BODY_step:
    brief_words(&event->as.step.before, words + 8);
    brief_words(&event->as.step.after, words + 12);
    return 16;
  case VLOT__EVENT_BODY_message:
    words[8] = pair(event->as.message.kind, event->as.message.flags);
    words[9] = event->as.message.term;
    words[10] = event->as.message.index;
    words[11] = event->as.message.log_term;
    words[12] = event->as.message.commit;
    words[13] = event->as.message.request_id;
    words[14] = pair(event->as.message.entries, event->as.message.from);
    return 15;
  case VLOT__EVENT_BODY_change:
    words[8] = event->as.change.from;
    words[9] = event->as.change.to;
    words[10] = event->as.change.term;
    return 11;
  case VLOT__EVENT_BODY_slice:
    words[8] = event->as.slice.first;
    words[9] = event->as.slice.count;
    words[10] = event->as.slice.term;
    return 11;
  case VLOT__EVENT_BODY_client:
    words[8] = event->as.client.sequence;
    words[9] = event->as.client.index;
    words[10] = event->as.client.term;
    words[11] = pair(event->as.client.client, event->as.client.count);
    words[12] = event->as.client.result;
    return 13;
  case VLOT__EVENT_BODY_config:
    words[8] = event->as.config.index;
    words[9] = event->as.config.disk_id;
    words[10] = pair(event->as.config.place, event->as.config.count);
    words[11] = event->as.config.roles;
    return 12;
  }
  return 8;
}
