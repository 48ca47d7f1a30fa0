/* The chain of causes: what happened, because of what, and so on down to a timer, a client or a
 * person. What several things led to is told with all of them.
 */
#include <inttypes.h>
#include <stdio.h>

#include "cluster/why_inside.h"

enum { CHAIN_MAX = 48 };

void vlot__why_add_event(why *at, const vlot_event *event) {
  vlot__why_begin_event(at, VLOT_REASON_EVENT, event);
}

/* Time sends three kinds of appends. One with entries waited for memory. */
static void say_root_of_append(char *text, size_t capacity, const vlot_event *append) {
  if (append->why == VLOT_WHY_SILENCE)
    snprintf(text, capacity, "n%u's timer fired: n%u had not answered what it was sent",
             append->node, append->peer);
  else if (append->why == VLOT_WHY_COMMIT_ALONE)
    snprintf(text, capacity, "n%u's timer fired: nothing else took the commit index to n%u",
             append->node, append->peer);
  else if (append->as.message.entries == 0)
    snprintf(text, capacity, "n%u's heartbeat timer fired", append->node);
  else
    snprintf(text, capacity, "n%u sends what it had no memory for before", append->node);
}

/* What was there first: nothing of the cluster's own. */
static void add_root(why *at, const vlot_event *first) {
  const char *root = "nothing is recorded that led there";
  char text[128];
  if (first->why == VLOT_WHY_ELECTION_TIMEOUT || first->kind == VLOT_EVENT_DURABLE ||
      (first->kind == VLOT_EVENT_CAMPAIGN && first->why == VLOT_WHY_PRE_VOTES_WON))
    root = "its election timer fired";
  else if (first->why == VLOT_WHY_NO_QUORUM_CONTACT)
    root = "its timer fired, with which a leader looks whether a quorum still answers";
  else if (first->kind == VLOT_EVENT_PROPOSE || first->kind == VLOT_EVENT_READ)
    root = "a client asked";
  else if (first->kind == VLOT_EVENT_ORDER)
    root = "it was told to";
  else if (first->kind == VLOT_EVENT_START)
    root = "it was started";
  else if (first->kind == VLOT_EVENT_KILL || first->kind == VLOT_EVENT_SUSPEND ||
           first->kind == VLOT_EVENT_RESUME || first->kind == VLOT_EVENT_RESTART)
    root = "somebody did that to it";
  else if (first->kind == VLOT_EVENT_SENT && first->as.message.kind == VLOT_MESSAGE_APPEND) {
    say_root_of_append(text, sizeof text, first);
    root = text;
  } else if (first->kind == VLOT_EVENT_SENT) {
    root = "its election timer fired";
  }
  vlot__why_begin(at, VLOT_REASON_DETAIL, first->node);
  vlot__why_say(at, "and that is the beginning: %s", root);
}

/* --- why a message was sent --- */

static bool is_reason(const vlot_event *event, const vlot_event *message) {
  bool is_pre = message->as.message.kind == VLOT_MESSAGE_PRE_VOTE ||
                message->as.message.kind == VLOT_MESSAGE_PRE_VOTE_REPLY;
  switch ((vlot_message_kind)message->as.message.kind) {
  case VLOT_MESSAGE_PRE_VOTE:
  case VLOT_MESSAGE_VOTE:
    return event->kind == VLOT_EVENT_CAMPAIGN && (event->as.change.from == 0) == is_pre &&
           event->as.change.term == message->as.message.term;
  case VLOT_MESSAGE_PRE_VOTE_REPLY:
  case VLOT_MESSAGE_VOTE_REPLY:
    return event->kind == VLOT_EVENT_VOTE && event->peer == message->peer &&
           (event->as.change.from == 1) == is_pre && event->cause == message->cause;
  case VLOT_MESSAGE_APPEND:
    return (event->kind == VLOT_EVENT_LEADER || event->kind == VLOT_EVENT_APPEND) &&
           event->cause == message->cause;
  case VLOT_MESSAGE_APPEND_REPLY:
    return event->kind == VLOT_EVENT_MISMATCH && event->cause == message->cause;
  case VLOT_MESSAGE_INSTALL:
    return event->kind == VLOT_EVENT_SNAPSHOT_SENT && event->cause == message->cause;
  case VLOT_MESSAGE_INSTALL_REPLY:
    return event->kind == VLOT_EVENT_SNAPSHOT_INSTALLED && event->cause == message->cause;
  case VLOT_MESSAGE_TIMEOUT_NOW: return false;
  }
  return false;
}

/* What its sender did for the same reason: it campaigns, decides on a vote, appends. It stands
 * between the message and their common cause; NULL: nothing does, or it is not known. */
static const vlot_event *reason_of(const why *at, const vlot_event *message) {
  const vlot__past_node *past = vlot__past_of(at->past, message->node);
  uint64_t after = message->cause & ((UINT64_C(1) << 48) - 1);
  bool campaigns = message->as.message.kind == VLOT_MESSAGE_PRE_VOTE ||
                   message->as.message.kind == VLOT_MESSAGE_VOTE;
  if (message->cause == 0 && !campaigns) return NULL;
  for (size_t k = past->count; k > 0 && past->events[k - 1].sequence > after; k--) {
    const vlot_event *event = &past->events[k - 1];
    if (event->sequence < message->sequence && is_reason(event, message)) return event;
  }
  return NULL;
}

/* How the sender of an append came to know a follower's entry as committed: by its own COMMIT,
 * whatever made it send just then. NULL: it is not known. */
static const vlot_event *commit_of(const why *at, const vlot_event *append, uint64_t index) {
  const vlot__past_node *past = vlot__past_of(at->past, append->node);
  for (size_t k = past->count; k > 0; k--) {
    const vlot_event *event = &past->events[k - 1];
    bool has_it = event->kind == VLOT_EVENT_COMMIT && event->as.slice.first <= index &&
                  index < event->as.slice.first + event->as.slice.count;
    if (has_it && event->sequence < append->sequence) return event;
  }
  return NULL;
}

/* A no-op stands for the leadership that it begins. */
static const vlot_event *leadership_of(const why *at, const vlot_event *append) {
  const vlot__past_node *past = vlot__past_of(at->past, append->node);
  if (append->kind != VLOT_EVENT_APPEND || append->peer != append->node) return NULL;
  for (size_t k = past->count; k > 0; k--) {
    const vlot_event *event = &past->events[k - 1];
    if (event->kind == VLOT_EVENT_LEADER && event->cause == append->cause) return event;
  }
  return NULL;
}

/* --- what several things led to --- */

/* How one of several is told: "n2 (tick 18)", after the words before the first. */
static void add_one(why *at, const vlot_event *event, uint32_t who, const char *words,
                    bool *is_first) {
  if (*is_first) vlot__why_begin(at, VLOT_REASON_DETAIL, event->node);
  vlot__why_say(at, "%s n%u (tick %" PRIu64 ")", *is_first ? words : ",", who, event->tick);
  *is_first = false;
}

/* The votes that were granted in the campaign before it. */
static void add_votes(why *at, const vlot_event *event) {
  const vlot__past_node *past = vlot__past_of(at->past, event->node);
  bool is_first = true;
  size_t end = past->count, begin;
  while (end > 0 && past->events[end - 1].sequence >= event->sequence) end--;
  begin = end;
  while (begin > 0 && past->events[begin - 1].kind != VLOT_EVENT_CAMPAIGN) begin--;
  if (begin == 0) return;
  for (size_t k = begin; k < end; k++)
    if (past->events[k].kind == VLOT_EVENT_TALLY && past->events[k].why == VLOT_WHY_NONE)
      add_one(at, &past->events[k], past->events[k].peer, "with what was granted by", &is_first);
}

/* Is it the first word of its kind, of that peer, that what is up to `last` is stored? */
static bool is_first_word(const vlot__past_node *past, const vlot_event *won, size_t k,
                          uint64_t last) {
  const vlot_event *event = &past->events[k];
  while (k > 0 && past->events[k - 1].sequence > won->sequence) {
    const vlot_event *before = &past->events[--k];
    if (before->kind == event->kind && before->as.change.to >= last &&
        (event->kind == VLOT_EVENT_DURABLE || before->peer == event->peer))
      return false;
  }
  return true;
}

/* Who stores what a leader commits: when it was told so first, and when its own disk was done. */
static void add_matches(why *at, const vlot_event *commit) {
  const vlot__past_node *past = vlot__past_of(at->past, commit->node);
  uint64_t last = commit->as.slice.first + commit->as.slice.count - 1;
  bool is_first = true;
  const vlot_event *won = NULL;
  for (size_t k = 0; k < past->count && past->events[k].sequence < commit->sequence; k++)
    if (past->events[k].kind == VLOT_EVENT_LEADER) won = &past->events[k];
  for (size_t k = 0; won && k < past->count && past->events[k].sequence < commit->sequence; k++) {
    const vlot_event *event = &past->events[k];
    bool is_own = event->kind == VLOT_EVENT_DURABLE;
    uint32_t who = is_own ? event->node : event->peer;
    if ((!is_own && event->kind != VLOT_EVENT_MATCH) || event->sequence < won->sequence) continue;
    if (event->as.change.to < last || !is_first_word(past, won, k, last)) continue;
    add_one(at, event, who, "it is stored by", &is_first);
    if (vlot__why_status(at, who).is_learner)
      vlot__why_say(at, " [a learner: not counted]");
    else if (!is_own && !vlot__why_counts(at, who, event))
      vlot__why_say(at, " [not the disk that the configuration knows: not counted]");
  }
}

static void add_others(why *at, const vlot_event *event, const vlot_event *cause) {
  bool is_counted = event->why == VLOT_WHY_QUORUM_OF_VOTES || event->why == VLOT_WHY_PRE_VOTES_WON;
  bool is_leaders =
      cause->kind == VLOT_EVENT_DURABLE || cause->as.message.kind == VLOT_MESSAGE_APPEND_REPLY;
  if (event->kind == VLOT_EVENT_COMMIT && is_leaders)
    add_matches(at, event);
  else if (is_counted)
    add_votes(at, event);
}

/* --- the chain --- */

static void end_forgotten(why *at, uint32_t node, uint64_t event) {
  vlot__why_begin(at, VLOT_REASON_DETAIL, node);
  vlot__why_say(at, "what led there is ");
  vlot__why_say_forgotten(at, (uint32_t)(event >> 48));
}

/* That what was taken was sent goes without saying: only why it was. effect: what was told of it
 * before; *from: where the chain goes on. NULL: nothing stands between. */
static const vlot_event *why_sent(const why *at, const vlot_event *sent, const vlot_event *effect,
                                  const vlot_event **from) {
  bool is_commit =
      effect->kind == VLOT_EVENT_COMMIT && sent->as.message.kind == VLOT_MESSAGE_APPEND;
  if (!is_commit) return reason_of(at, sent);
  const vlot_event *known =
      commit_of(at, sent, effect->as.slice.first + effect->as.slice.count - 1);
  *from = known;
  return known;
}

void vlot__why_add_chain(why *at, const vlot_event *event) {
  const vlot_event *said = event, *effect = event, *cause;
  vlot__why_add_event(at, event);
  for (unsigned k = 0; k < CHAIN_MAX; k++, event = cause) {
    if (event->cause == 0) {
      add_root(at, said);
      return;
    }
    cause = vlot_past_find(at->past, event->cause);
    bool was_sent = cause && cause->kind == VLOT_EVENT_SENT &&
                    (event->kind == VLOT_EVENT_RECEIVED || event->kind == VLOT_EVENT_SENT);
    const vlot_event *sent = cause, *shown = cause;
    if (was_sent) shown = why_sent(at, sent, effect, &cause);
    if (!cause) {
      end_forgotten(at, said->node, event->cause);
      return;
    }
    if (was_sent && !shown) said = sent;
    if (!shown || shown == said) continue;
    const vlot_event *leadership = was_sent ? NULL : leadership_of(at, said);
    if (leadership) vlot__why_begin_event(at, VLOT_REASON_CAUSE, leadership);
    vlot__why_begin_event(at, VLOT_REASON_CAUSE, shown);
    if (!was_sent) add_others(at, leadership ? leadership : said, shown);
    effect = said;
    said = shown;
  }
  vlot__why_begin(at, VLOT_REASON_DETAIL, said->node);
  vlot__why_say(at, "and so on: the chain is longer");
}
