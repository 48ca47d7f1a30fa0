#include "causes.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "causes_quorum.h"

enum { KEPT = 1 << 12, NODES = 1 << 16 };

struct vlot__causes {
  vlot_event *rings[NODES]; /* [KEPT] the last ones of each node, by sequence; NULL: none yet */
  vlot__causes_quorum *quorum;
  vlot__causes_count count;
  char text[800];
};

vlot__causes *vlot__causes_open(void) {
  vlot__causes *causes = calloc(1, sizeof(vlot__causes));
  if (causes) causes->quorum = vlot__causes_quorum_open();
  if (causes && causes->quorum) return causes;
  free(causes);
  return NULL;
}

void vlot__causes_close(vlot__causes *causes) {
  if (!causes) return;
  for (size_t k = 0; k < NODES; k++) free(causes->rings[k]);
  vlot__causes_quorum_close(causes->quorum);
  free(causes);
}

vlot__causes_count vlot__causes_count_of(const vlot__causes *causes) { return causes->count; }

/* --- which kinds may lead to which --- */

#define E(kind) (UINT64_C(1) << VLOT_EVENT_##kind)
#define INPUTS  (E(RECEIVED) | E(PROPOSE) | E(READ) | E(ORDER))

typedef struct rule {
  bool may_begin; /* nothing led there but time, a client or a person */
  uint64_t causes;
} rule;

static const rule rules[VLOT_EVENT_KINDS] = {
    [VLOT_EVENT_STEP] = {true, INPUTS},
    [VLOT_EVENT_SENT] = {true, INPUTS | E(DURABLE) | E(SENT)},
    [VLOT_EVENT_RECEIVED] = {false, E(SENT)},
    [VLOT_EVENT_DROPPED] = {true, E(SENT) | E(PROPOSE) | E(READ)},
    [VLOT_EVENT_CAMPAIGN] = {true, E(RECEIVED) | E(ORDER)},
    [VLOT_EVENT_LEADER] = {false, E(RECEIVED) | E(DURABLE)},
    [VLOT_EVENT_STEP_DOWN] = {true, E(RECEIVED) | E(ORDER)},
    [VLOT_EVENT_ROLE] = {true, E(RECEIVED) | E(ORDER)},
    [VLOT_EVENT_TERM] = {true, E(RECEIVED) | E(ORDER)},
    [VLOT_EVENT_KNOWN_LEADER] = {true, E(RECEIVED) | E(ORDER) | E(DURABLE)},
    [VLOT_EVENT_VOTE] = {false, E(RECEIVED)},
    [VLOT_EVENT_TALLY] = {true, E(RECEIVED) | E(ORDER) | E(DURABLE)},
    [VLOT_EVENT_APPEND] = {false, E(RECEIVED) | E(PROPOSE) | E(DURABLE)},
    [VLOT_EVENT_TRUNCATE] = {false, E(RECEIVED)},
    [VLOT_EVENT_MATCH] = {false, E(RECEIVED)},
    [VLOT_EVENT_PROGRESS] = {false, INPUTS | E(DURABLE)},
    [VLOT_EVENT_MISMATCH] = {false, E(RECEIVED)},
    [VLOT_EVENT_DURABLE] = {true, E(RECEIVED) | E(PROPOSE) | E(ORDER)},
    [VLOT_EVENT_COMMIT] = {false, E(RECEIVED) | E(DURABLE)},
    [VLOT_EVENT_APPLY] = {false, E(COMMIT) | E(APPLY)},
    [VLOT_EVENT_IGNORED] = {false, E(RECEIVED)},
    [VLOT_EVENT_FENCED] = {true, INPUTS | E(COMMIT) | E(APPLY)},
    [VLOT_EVENT_START] = {true, E(RESTART)},
    [VLOT_EVENT_KILL] = {true, 0},
    [VLOT_EVENT_RESTART] = {true, 0},
    [VLOT_EVENT_SUSPEND] = {true, 0},
    [VLOT_EVENT_RESUME] = {true, 0},
    [VLOT_EVENT_FAULT] = {true, 0},
    [VLOT_EVENT_CLOCK_WAIT] = {true, 0},
    [VLOT_EVENT_PROPOSE] = {true, E(PROPOSE)},
    [VLOT_EVENT_ANSWER] = {false, E(PROPOSE) | E(READ) | E(COMMIT) | E(APPLY) | E(FENCED) |
                                      E(KILL) | E(SNAPSHOT_INSTALLED)},
    [VLOT_EVENT_READ] = {true, E(READ)},
    [VLOT_EVENT_VIOLATION] = {false, ~UINT64_C(0)},
    [VLOT_EVENT_LINT] = {true, 0},
    [VLOT_EVENT_REQUEST] = {true, 0},
    [VLOT_EVENT_CONFIG] = {true, E(RECONFIGURED)},
    [VLOT_EVENT_ORDER] = {true, 0},
    [VLOT_EVENT_SNAPSHOT_TAKEN] = {true, E(ORDER)},
    [VLOT_EVENT_SNAPSHOT_SENT] = {true, INPUTS | E(DURABLE)},
    [VLOT_EVENT_SNAPSHOT_INSTALLED] = {true, E(RECEIVED)},
    [VLOT_EVENT_COMPACTED] = {true, E(ORDER)},
    [VLOT_EVENT_NO_SNAPSHOT] = {false, E(ORDER)},
    [VLOT_EVENT_RECONFIGURED] = {true, INPUTS | E(DURABLE)},
    [VLOT_EVENT_ROUND] = {true, INPUTS | E(DURABLE)},
    [VLOT_EVENT_TRANSFER] = {true, INPUTS | E(DURABLE)},
};

/* --- do the two agree? --- */

static bool is_message(const vlot_event *event, vlot_event_kind kind, vlot_message_kind message) {
  return event->kind == kind && event->as.message.kind == message;
}

static bool is_ok(const vlot_event *event) {
  return (event->as.message.flags & VLOT_MESSAGE_OK) != 0;
}

static bool is_vote_reply(const vlot_event *event) {
  return is_message(event, VLOT_EVENT_RECEIVED, VLOT_MESSAGE_PRE_VOTE_REPLY) ||
         is_message(event, VLOT_EVENT_RECEIVED, VLOT_MESSAGE_VOTE_REPLY);
}

static uint64_t slice_last(const vlot_event *event) {
  return event->as.slice.first + event->as.slice.count - 1;
}

static bool same_message(const vlot_event *one, const vlot_event *other) {
  return one->as.message.kind == other->as.message.kind &&
         one->as.message.flags == other->as.message.flags &&
         one->as.message.term == other->as.message.term &&
         one->as.message.index == other->as.message.index &&
         one->as.message.log_term == other->as.message.log_term &&
         one->as.message.commit == other->as.message.commit &&
         one->as.message.request_id == other->as.message.request_id &&
         one->as.message.entries == other->as.message.entries &&
         one->as.message.from == other->as.message.from;
}

static bool is_fired(const vlot_event *event) {
  return event->kind == VLOT_EVENT_ORDER && event->as.change.from == VLOT_INPUT_TICK;
}

/* Only time asks the silent and tells the commit index alone, with an append without entries. */
static bool is_told_by_time(const vlot_event *sent) {
  return sent->why == VLOT_WHY_SILENCE || sent->why == VLOT_WHY_COMMIT_ALONE;
}

/* A reply answers the very request; entries go on because of what brought them, or opened the way
 * to that peer; votes are asked for by who may. */
static bool agrees_sent(const vlot_event *sent, const vlot_event *cause) {
  bool is_taken = cause->kind == VLOT_EVENT_RECEIVED;
  if (cause->kind == VLOT_EVENT_SENT)
    return (sent->why == VLOT_WHY_LINK_DUPLICATE || sent->why == VLOT_WHY_COPIED) &&
           same_message(sent, cause);
  switch ((vlot_message_kind)sent->as.message.kind) {
  case VLOT_MESSAGE_PRE_VOTE: return cause->kind == VLOT_EVENT_ORDER;
  case VLOT_MESSAGE_VOTE:
    return cause->kind == VLOT_EVENT_ORDER ||
           is_message(cause, VLOT_EVENT_RECEIVED, VLOT_MESSAGE_TIMEOUT_NOW) ||
           (is_message(cause, VLOT_EVENT_RECEIVED, VLOT_MESSAGE_PRE_VOTE_REPLY) && is_ok(cause) &&
            cause->as.message.term < sent->as.message.term);
  case VLOT_MESSAGE_APPEND:
    if (cause->kind == VLOT_EVENT_ORDER) return is_fired(cause) && sent->as.message.entries == 0;
    if (is_told_by_time(sent)) return false;
    if (!is_taken) return true;
    return is_message(cause, VLOT_EVENT_RECEIVED, VLOT_MESSAGE_VOTE_REPLY)
               ? is_ok(cause) && cause->as.message.term == sent->as.message.term
               : (cause->as.message.kind == VLOT_MESSAGE_APPEND_REPLY ||
                  cause->as.message.kind == VLOT_MESSAGE_INSTALL_REPLY) &&
                     cause->peer == sent->peer;
  /* what was to be sent next found it needed, or an answer made room for more; the rate is one for
   * all peers, so that it may be another's */
  case VLOT_MESSAGE_INSTALL:
  case VLOT_MESSAGE_TIMEOUT_NOW: return true;
  case VLOT_MESSAGE_PRE_VOTE_REPLY:
  case VLOT_MESSAGE_VOTE_REPLY:
  case VLOT_MESSAGE_APPEND_REPLY:
  case VLOT_MESSAGE_INSTALL_REPLY:
    return is_taken && cause->as.message.kind + 1 == sent->as.message.kind &&
           cause->peer == sent->peer &&
           cause->as.message.request_id == sent->as.message.request_id &&
           (sent->as.message.kind != VLOT_MESSAGE_APPEND_REPLY ||
            cause->as.message.index == sent->as.message.commit);
  }
  return false;
}

static bool agrees_append(const vlot_event *event, const vlot_event *cause) {
  if (is_message(cause, VLOT_EVENT_RECEIVED, VLOT_MESSAGE_APPEND))
    return cause->peer == event->peer && event->as.slice.first > cause->as.message.index &&
           slice_last(event) <= cause->as.message.index + cause->as.message.entries &&
           event->as.slice.term <= cause->as.message.term;
  if (event->peer != event->node) return false; /* only a leader has others */
  return cause->kind == VLOT_EVENT_PROPOSE ||
         (event->as.slice.count == 1 &&
          (cause->kind == VLOT_EVENT_DURABLE || (is_vote_reply(cause) && is_ok(cause) &&
                                                 cause->as.message.term == event->as.slice.term)));
}

/* A follower knows as much as the append says and verifies. A leader counts what is stored: which
 * of those that store it completed the quorum is looked at with all of them. */
static bool agrees_commit(const vlot_event *event, const vlot_event *cause) {
  if (cause->kind == VLOT_EVENT_DURABLE) return cause->as.change.to >= slice_last(event);
  if (cause->as.message.kind == VLOT_MESSAGE_APPEND) {
    uint64_t verified = cause->as.message.index + cause->as.message.entries;
    uint64_t told = cause->as.message.commit;
    return slice_last(event) == (told < verified ? told : verified);
  }
  if (cause->as.message.kind == VLOT_MESSAGE_INSTALL) /* its last entry is here already */
    return cause->as.message.index == slice_last(event);
  bool is_reply = cause->as.message.kind == VLOT_MESSAGE_APPEND_REPLY ||
                  cause->as.message.kind == VLOT_MESSAGE_INSTALL_REPLY;
  return is_reply && is_ok(cause) && cause->as.message.index >= slice_last(event) &&
         cause->as.message.term == event->as.slice.term;
}

static bool agrees_client(const vlot_event *event, const vlot_event *cause) {
  return cause->as.client.client == event->as.client.client &&
         cause->as.client.sequence < event->as.client.sequence + event->as.client.count &&
         event->as.client.sequence < cause->as.client.sequence + cause->as.client.count;
}

static bool agrees_answer(const vlot_event *event, const vlot_event *cause) {
  if (cause->kind == VLOT_EVENT_PROPOSE || cause->kind == VLOT_EVENT_READ)
    return agrees_client(event, cause);
  if (cause->kind == VLOT_EVENT_FENCED || cause->kind == VLOT_EVENT_KILL ||
      cause->kind == VLOT_EVENT_SNAPSHOT_INSTALLED)
    return event->as.client.result != VLOT_OK;
  return cause->kind == VLOT_EVENT_APPLY || event->as.client.index <= slice_last(cause);
}

/* A message raises a term by its own; a candidate goes one further by itself. */
static bool agrees_term(const vlot_event *event, const vlot_event *cause) {
  if (event->peer == event->node) return event->as.change.to == event->as.change.from + 1;
  return cause->kind == VLOT_EVENT_RECEIVED && cause->peer == event->peer &&
         cause->as.message.term == event->as.change.to;
}

static bool agrees_taken(const vlot_event *event, const vlot_event *cause) {
  bool is_reply = is_message(cause, VLOT_EVENT_RECEIVED, VLOT_MESSAGE_APPEND_REPLY) ||
                  is_message(cause, VLOT_EVENT_RECEIVED, VLOT_MESSAGE_INSTALL_REPLY);
  switch ((vlot_event_kind)event->kind) {
  case VLOT_EVENT_VOTE:
    return cause->as.message.kind ==
               (event->as.change.from ? VLOT_MESSAGE_PRE_VOTE : VLOT_MESSAGE_VOTE) &&
           cause->as.message.term == event->as.change.term;
  case VLOT_EVENT_MATCH:
    return is_reply && (event->as.change.to == 0 ||
                        (is_ok(cause) && event->as.change.to == cause->as.message.index));
  case VLOT_EVENT_PROGRESS: return is_reply;
  case VLOT_EVENT_MISMATCH:
    return cause->as.message.kind == VLOT_MESSAGE_APPEND &&
           event->as.change.from == cause->as.message.index &&
           event->as.change.term == cause->as.message.log_term;
  case VLOT_EVENT_IGNORED:
    return cause->as.message.kind == event->as.change.from &&
           cause->as.message.term == event->as.change.term;
  default: return true;
  }
}

static bool agrees(const vlot_event *event, const vlot_event *cause) {
  switch ((vlot_event_kind)event->kind) {
  case VLOT_EVENT_SENT: return agrees_sent(event, cause);
  case VLOT_EVENT_RECEIVED:
    /* a copy by hand is the cluster's */
    return (cause->node == event->peer || cause->why == VLOT_WHY_COPIED) &&
           cause->peer == event->node && same_message(event, cause);
  case VLOT_EVENT_DROPPED:
    return cause->kind != VLOT_EVENT_SENT ||
           (cause->peer == event->peer && same_message(event, cause));
  case VLOT_EVENT_CAMPAIGN:
    if (event->why == VLOT_WHY_TIMER_FIRED) return is_fired(cause);
    if (is_fired(cause)) return false;
    if (is_message(cause, VLOT_EVENT_RECEIVED, VLOT_MESSAGE_TIMEOUT_NOW))
      return event->as.change.from == 2;
    return cause->kind == VLOT_EVENT_ORDER ||
           (event->why == VLOT_WHY_PRE_VOTES_WON && is_ok(cause) &&
            cause->as.message.kind == VLOT_MESSAGE_PRE_VOTE_REPLY);
  case VLOT_EVENT_LEADER:
    return cause->kind == VLOT_EVENT_DURABLE ||
           (cause->as.message.kind == VLOT_MESSAGE_VOTE_REPLY && is_ok(cause) &&
            cause->as.message.term == event->as.change.term);
  case VLOT_EVENT_TERM: return agrees_term(event, cause);
  case VLOT_EVENT_TALLY:
    return event->peer == event->node || (is_vote_reply(cause) && cause->peer == event->peer);
  case VLOT_EVENT_PROGRESS:
    if (event->as.change.to == VLOT_PROGRESS_SNAPSHOT) return true;
    return cause->peer == event->peer && agrees_taken(event, cause);
  case VLOT_EVENT_VOTE:
  case VLOT_EVENT_MATCH:
  case VLOT_EVENT_MISMATCH:
  case VLOT_EVENT_IGNORED: return cause->peer == event->peer && agrees_taken(event, cause);
  case VLOT_EVENT_APPEND: return agrees_append(event, cause);
  case VLOT_EVENT_TRUNCATE:
    return cause->as.message.kind == VLOT_MESSAGE_APPEND &&
           event->as.slice.first > cause->as.message.index &&
           event->as.slice.first <= cause->as.message.index + cause->as.message.entries;
  case VLOT_EVENT_COMMIT: return agrees_commit(event, cause);
  case VLOT_EVENT_APPLY:
    return cause->kind == VLOT_EVENT_APPLY ? slice_last(cause) + 1 == event->as.slice.first
                                           : cause->as.slice.first <= slice_last(event) &&
                                                 slice_last(event) <= slice_last(cause);
  case VLOT_EVENT_PROPOSE:
  case VLOT_EVENT_READ: return cause->node != event->node && agrees_client(event, cause);
  case VLOT_EVENT_ANSWER: return agrees_answer(event, cause);
  default: return true;
  }
}

/* Where nothing else led there: time campaigns, looks for a quorum and sends heartbeats. */
static bool may_begin(const vlot_event *event) {
  bool is_clients_mail = event->kind == VLOT_EVENT_DROPPED && event->as.message.kind == 0;
  switch ((vlot_event_kind)event->kind) {
  case VLOT_EVENT_SENT:
    return event->as.message.kind != VLOT_MESSAGE_PRE_VOTE_REPLY &&
           event->as.message.kind != VLOT_MESSAGE_VOTE_REPLY &&
           event->as.message.kind != VLOT_MESSAGE_APPEND_REPLY &&
           event->as.message.kind != VLOT_MESSAGE_INSTALL_REPLY;
  case VLOT_EVENT_DROPPED: return is_clients_mail;
  case VLOT_EVENT_CAMPAIGN:
    return event->why == VLOT_WHY_ELECTION_TIMEOUT || event->why == VLOT_WHY_PRE_VOTES_WON;
  /* whatever is to be sent next finds out that its entries are gone, a heartbeat too */
  case VLOT_EVENT_PROGRESS: return event->as.change.to == VLOT_PROGRESS_SNAPSHOT;
  case VLOT_EVENT_TERM:
  case VLOT_EVENT_TALLY: return event->peer == event->node;
  case VLOT_EVENT_STEP_DOWN: return event->why == VLOT_WHY_NO_QUORUM_CONTACT;
  default: return rules[event->kind].may_begin;
  }
}

/* What is told from one node to another; all else stays within one run of a node. */
static bool may_come_from(const vlot_event *event, const vlot_event *cause) {
  switch ((vlot_event_kind)event->kind) {
  case VLOT_EVENT_RECEIVED:
  case VLOT_EVENT_DROPPED:
  case VLOT_EVENT_PROPOSE:
  case VLOT_EVENT_READ:
  case VLOT_EVENT_VIOLATION: return true;
  case VLOT_EVENT_SENT:
    if (event->why == VLOT_WHY_COPIED) return cause->kind == VLOT_EVENT_SENT;
    return cause->node == event->node && cause->incarnation == event->incarnation;
  case VLOT_EVENT_START: return cause->node == event->node;
  default: return cause->node == event->node && cause->incarnation == event->incarnation;
  }
}

/* --- the stream --- */

static const char *tell(vlot__causes *causes, const vlot_event *event, const vlot_event *cause,
                        const char *what) {
  char one[320], other[320] = "nothing";
  vlot_event_text(event, one, sizeof one);
  if (cause) vlot_event_text(cause, other, sizeof other);
  snprintf(causes->text, sizeof causes->text,
           "event %u.%" PRIu64 ", \"%s\", says it follows from %u.%" PRIu64 ", \"%s\": %s",
           event->node, event->sequence, one, (uint32_t)(event->cause >> 48),
           event->cause & ((UINT64_C(1) << 48) - 1), other, what);
  return causes->text;
}

static const vlot_event *find(const vlot__causes *causes, uint64_t id) {
  uint64_t sequence = id & ((UINT64_C(1) << 48) - 1);
  const vlot_event *ring = causes->rings[id >> 48];
  const vlot_event *event = ring ? &ring[sequence % KEPT] : NULL;
  return event && event->sequence == sequence ? event : NULL;
}

/* In which life a message was sent that was taken; 0: that is forgotten. */
static uint32_t life_of(const vlot__causes *causes, uint64_t received) {
  const vlot_event *taken = find(causes, received);
  const vlot_event *sent = taken ? find(causes, taken->cause) : NULL;
  return sent ? sent->incarnation : 0;
}

/* What takes more than two events to see. NULL: it is true. */
static const char *look_further(const vlot__causes *causes, const vlot_event *event) {
  uint64_t completed, commit;
  bool is_append = is_message(event, VLOT_EVENT_SENT, VLOT_MESSAGE_APPEND);
  if (event->kind == VLOT_EVENT_SENT && is_told_by_time(event) &&
      (!is_append || event->as.message.entries > 0))
    return "it is no append without entries";
  if (event->kind == VLOT_EVENT_COMMIT &&
      vlot__causes_quorum_completed(causes->quorum, event, &completed) && completed != event->cause)
    return completed ? "another one completed the quorum" : "no quorum was completed in its step";
  if (is_append && event->why != VLOT_WHY_LINK_DUPLICATE &&
      vlot__causes_quorum_commit(causes->quorum, event->node, &commit) &&
      commit != event->as.message.commit)
    return "its sender knows another commit index";
  return NULL;
}

static const char *judge(vlot__causes *causes, const vlot_event *event) {
  if (event->kind >= VLOT_EVENT_KINDS) return NULL;
  if (event->cause == 0) {
    const char *false_of_itself =
        may_begin(event) ? look_further(causes, event) : "something must have led there";
    return false_of_itself ? tell(causes, event, NULL, false_of_itself) : NULL;
  }
  uint64_t sequence = event->cause & ((UINT64_C(1) << 48) - 1);
  const vlot_event *ring = causes->rings[event->cause >> 48];
  const vlot_event *cause = ring ? &ring[sequence % KEPT] : NULL;
  causes->count.caused++;
  if (!cause || cause->sequence < sequence)
    return tell(causes, event, NULL, "that has not happened yet");
  if (cause->sequence > sequence) {
    causes->count.forgotten++;
    return NULL;
  }
  if (cause->lamport >= event->lamport) return tell(causes, event, cause, "its time is later");
  if (!(rules[event->kind].causes >> cause->kind & 1))
    return tell(causes, event, cause, "its kind does not lead there");
  if (!may_come_from(event, cause)) return tell(causes, event, cause, "it is of another node");
  if (!agrees(event, cause)) return tell(causes, event, cause, "the two do not fit");
  const char *problem = look_further(causes, event);
  return problem ? tell(causes, event, cause, problem) : NULL;
}

const char *vlot__causes_feed(vlot__causes *causes, const vlot_event *event) {
  const char *problem = judge(causes, event);
  vlot__causes_quorum_feed(causes->quorum, event,
                           event->kind == VLOT_EVENT_MATCH ? life_of(causes, event->cause) : 0);
  vlot_event **ring = &causes->rings[event->node % NODES];
  if (!*ring) *ring = calloc(KEPT, sizeof **ring);
  if (*ring) (*ring)[event->sequence % KEPT] = *event;
  causes->count.events++;
  return problem;
}
