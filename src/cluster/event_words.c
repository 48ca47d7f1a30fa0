/* Events as the words that the event hash is made of. What each kind of event says stands once, in
 * the *_words() below: vlot_event_words() hands them out, vlot__event_sum() adds them up without
 * putting them into memory first, which is three times as fast.
 */
#include "base/assert.h"
#include "cluster/event_inside.h"

enum { HEAD_WORDS = 8, BODY_WORDS = VLOT_EVENT_WORDS - HEAD_WORDS };

static inline uint64_t pair(uint32_t high, uint32_t low) { return (uint64_t)high << 32 | low; }

/* Field by field: reading the memory of a record that was just written in smaller pieces would wait
 * for the stores. */
static inline void head_words(const vlot_event *event, uint64_t *words) {
  words[0] = event->sequence;
  words[1] = event->lamport;
  words[2] = event->action;
  words[3] = event->cause;
  words[4] = event->tick;
  words[5] = event->message;
  words[6] = pair(event->node, event->incarnation);
  words[7] = pair(event->peer, (uint32_t)event->kind << 16 | event->why);
}

static inline void brief_words(const vlot_brief *brief, uint64_t *words) {
  words[0] = brief->term;
  words[1] = brief->last_index;
  words[2] = brief->commit_index;
  words[3] = pair(brief->vote, brief->role);
}

static inline void step_words(const vlot_event *event, uint64_t *words) {
  brief_words(&event->as.step.before, words);
  brief_words(&event->as.step.after, words + 4);
}

static inline void message_words(const vlot_event *event, uint64_t *words) {
  words[0] = pair(event->as.message.kind, event->as.message.flags);
  words[1] = event->as.message.term;
  words[2] = event->as.message.index;
  words[3] = event->as.message.log_term;
  words[4] = event->as.message.commit;
  words[5] = event->as.message.request_id;
  words[6] = pair(event->as.message.entries, event->as.message.from);
}

static inline void change_words(const vlot_event *event, uint64_t *words) {
  words[0] = event->as.change.from;
  words[1] = event->as.change.to;
  words[2] = event->as.change.term;
}

static inline void slice_words(const vlot_event *event, uint64_t *words) {
  words[0] = event->as.slice.first;
  words[1] = event->as.slice.count;
  words[2] = event->as.slice.term;
}

static inline void client_words(const vlot_event *event, uint64_t *words) {
  words[0] = event->as.client.sequence;
  words[1] = event->as.client.index;
  words[2] = event->as.client.term;
  words[3] = pair(event->as.client.client, event->as.client.count);
  words[4] = event->as.client.result;
}

static inline void config_words(const vlot_event *event, uint64_t *words) {
  words[0] = event->as.config.index;
  words[1] = event->as.config.disk_id;
  words[2] = pair(event->as.config.place, event->as.config.count);
  words[3] = event->as.config.roles;
}

/* The words of the body, and what is made of them, for whichever body it is: X(body, words). */
#define EACH_BODY(X) \
  X(step, 8)         \
  X(message, 7)      \
  X(change, 3)       \
  X(slice, 3)        \
  X(client, 5)       \
  X(config, 4)

uint32_t vlot_event_words(const vlot_event *event, uint64_t words[VLOT_EVENT_WORDS]) {
  VLOT_GIVEN(event);
  VLOT_GIVEN(words);
  head_words(event, words);
  switch (vlot__event_body_of(event)) {
  case VLOT__EVENT_BODY_none: break;
#define LAY_OUT(body, count)                 \
  case VLOT__EVENT_BODY_##body:              \
    body##_words(event, words + HEAD_WORDS); \
    return HEAD_WORDS + (count);
    EACH_BODY(LAY_OUT)
  }
  return HEAD_WORDS;
}

/* A product for each word, by its place, which need not wait for each other. */
static inline uint64_t add_up(const uint64_t *words, uint32_t from, uint32_t count) {
  static const uint64_t odd[VLOT_EVENT_WORDS] = {
      0x9e3779b97f4a7c15, 0xbf58476d1ce4e5b9, 0x94d049bb133111eb, 0xd6e8feb86659fd93,
      0xa0761d6478bd642f, 0xe7037ed1a0b428db, 0x8ebc6af09c88c6e3, 0x589965cc75374cc3,
      0x1d8e4e27c47d124f, 0xeb44accab455d165, 0x2545f4914f6cdd1d, 0xc2b2ae3d27d4eb4f,
      0x165667b19e3779f9, 0x85ebca77c2b2ae63, 0x27d4eb2f165667c5, 0xff51afd7ed558ccd};
  uint64_t sum = 0;
  for (uint32_t k = 0; k < count; k++) sum += words[k] * odd[from + k];
  return sum;
}

uint64_t vlot__event_sum(const vlot_event *event) {
  uint64_t words[HEAD_WORDS > BODY_WORDS ? HEAD_WORDS : BODY_WORDS];
  head_words(event, words);
  uint64_t sum = HEAD_WORDS + add_up(words, 0, HEAD_WORDS);
  switch (vlot__event_body_of(event)) {
  case VLOT__EVENT_BODY_none: break;
#define ADD_UP(body, count)     \
  case VLOT__EVENT_BODY_##body: \
    body##_words(event, words); \
    return sum + (count) + add_up(words, HEAD_WORDS, count);
    EACH_BODY(ADD_UP)
  }
  return sum;
}
