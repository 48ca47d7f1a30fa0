/* What JSON, sentences and words of events share. */
#ifndef VLOT_CLUSTER_EVENT_INSIDE_H
#define VLOT_CLUSTER_EVENT_INSIDE_H

#include "vlot/event.h"

/* Which member of the union a kind of event uses. */
typedef enum vlot__event_body {
  VLOT__EVENT_BODY_none, /* of a kind outside the table */
  VLOT__EVENT_BODY_step,
  VLOT__EVENT_BODY_message,
  VLOT__EVENT_BODY_change,
  VLOT__EVENT_BODY_slice,
  VLOT__EVENT_BODY_client,
  VLOT__EVENT_BODY_config,
} vlot__event_body;

extern const uint8_t vlot__event_bodies[VLOT_EVENT_KINDS]; /* of each kind: event.c */

static inline vlot__event_body vlot__event_body_of(const vlot_event *event) {
  return event->kind < VLOT_EVENT_KINDS ? (vlot__event_body)vlot__event_bodies[event->kind]
                                        : VLOT__EVENT_BODY_none;
}

#define VLOT__EVENT_BIT(kind) (UINT64_C(1) << VLOT_EVENT_##kind)
#define VLOT__EVENTS_RARE                                                             \
  (VLOT__EVENT_BIT(CAMPAIGN) | VLOT__EVENT_BIT(LEADER) | VLOT__EVENT_BIT(STEP_DOWN) | \
   VLOT__EVENT_BIT(ROLE) | VLOT__EVENT_BIT(TERM) | VLOT__EVENT_BIT(KNOWN_LEADER) |    \
   VLOT__EVENT_BIT(VOTE) | VLOT__EVENT_BIT(TALLY) | VLOT__EVENT_BIT(TRUNCATE) |       \
   VLOT__EVENT_BIT(MISMATCH) | VLOT__EVENT_BIT(FENCED) | VLOT__EVENT_BIT(START) |     \
   VLOT__EVENT_BIT(KILL) | VLOT__EVENT_BIT(RESTART) | VLOT__EVENT_BIT(SUSPEND) |      \
   VLOT__EVENT_BIT(RESUME) | VLOT__EVENT_BIT(FAULT) | VLOT__EVENT_BIT(VIOLATION) |    \
   VLOT__EVENT_BIT(REQUEST) | VLOT__EVENT_BIT(CONFIG) | VLOT__EVENT_BIT(ORDER) |      \
   VLOT__EVENT_BIT(SNAPSHOT_TAKEN) | VLOT__EVENT_BIT(SNAPSHOT_INSTALLED) |            \
   VLOT__EVENT_BIT(RECONFIGURED) | VLOT__EVENT_BIT(ROUND) | VLOT__EVENT_BIT(TRANSFER))

/* Of a message's event: by which votes travel? */
static inline bool vlot__event_is_vote(const vlot_event *event) {
  return event->as.message.kind >= VLOT_MESSAGE_PRE_VOTE &&
         event->as.message.kind <= VLOT_MESSAGE_VOTE_REPLY;
}

/* What it means that an invariant is broken: its number in the catalogue, text. */
#define VLOT__BROKEN(X)                                                  \
  X(1, "a term has two leaders")                                         \
  X(2, "a leader changed entries of its own log")                        \
  X(3, "two logs differ below an entry of the same index and term")      \
  X(4, "a leader lacks an entry that was committed before its term")     \
  X(5, "other entries are committed or applied here than elsewhere")     \
  X(6, "what was known as committed is gone")                            \
  X(7, "a term or a commit index went back, or beyond what the log has") \
  X(8, "a member voted twice in a term, or before the vote was durable") \
  X(9, "what was acknowledged, or was durable, is not there")            \
  X(10, "an entry is committed that no quorum holds")                    \
  X(11, "a leader counted acknowledgements of an entry of another term") \
  X(19, "a core does not keep its own laws")

/* Of numbers that stand in events. */
const char *vlot__event_role_name(uint64_t role);
const char *vlot__event_progress_name(uint64_t state);
const char *vlot__event_request_name(uint64_t kind);
const char *vlot__event_order_name(uint64_t kind);

/* Of a message's event: who gets it; does the reply say yes? */
uint32_t vlot__event_receiver(const vlot_event *event);
bool vlot__event_is_success(const vlot_event *event);

/* What an event adds to the event hash: its words (vlot_event_words()), how many they are, and
 * which stands where, in one number. */
uint64_t vlot__event_sum(const vlot_event *event);

#endif
