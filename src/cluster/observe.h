/* Events: how they are recorded, and who sees them. */
#ifndef VLOT_CLUSTER_OBSERVE_H
#define VLOT_CLUSTER_OBSERVE_H

#include "cluster/mail.h"
#include "cluster/object.h"
#include "cluster/seats.h"

/* is_shared: several threads emit; has_hash: all events join a hash, in their order */
bool vlot__observer_init(vlot_cluster *cluster, bool is_shared, bool has_hash);
void vlot__observer_deinit(vlot_cluster *cluster);

/* The next event of a seat (NULL: of the cluster), in its place in the ring: fill it there, then
 * emit it. Cleared in pieces, because for the whole of it compilers use an instruction that takes
 * longer than everything else here.
 */
static inline vlot_event *vlot__event_begin(const vlot_cluster *cluster, const vlot__seat *seat,
                                            vlot_event_kind kind, vlot_why why, uint32_t peer) {
  uint64_t sequence = (seat ? seat->sequence : cluster->sequence) + 1;
  vlot_event *event =
      &(seat ? seat->events : cluster->events)[sequence & (cluster->options.ring_events - 1)];
  event->cause = event->message = 0;
  event->peer = peer;
  event->kind = (uint16_t)kind;
  event->why = (uint16_t)why;
  event->as.step.before = event->as.step.after = (vlot_brief){0};
  return event;
}

/* Record an event that was begun: number, time, Lamport time and, where it has none, its cause are
 * filled in. Returns its id. */
uint64_t vlot__emit(vlot_cluster *cluster, vlot__seat *seat, vlot_event *event);

/* The event of a message; kind SENT, RECEIVED or DROPPED. Its cause is the mail's, its SENT, and
 * that one's the seat's. */
uint64_t vlot__emit_message(vlot_cluster *cluster, vlot__seat *seat, vlot_event_kind kind,
                            vlot_why why, const vlot__mail_head *head, const vlot_message *message);
/* A mail is lost, of whatever kind. seat NULL: where the cluster does that. */
void vlot__emit_dropped(vlot_cluster *cluster, vlot__seat *seat, vlot_why why, uint32_t to,
                        uint32_t kind, const void *payload);
/* The cluster has copied a mail that is on its way; of a Raft message that is a SENT, which follows
 * from the first one, and the copy from it. */
void vlot__emit_copied(vlot_cluster *cluster, uint32_t kind, void *payload);
uint64_t vlot__emit_change(vlot_cluster *cluster, vlot__seat *seat, vlot_event_kind kind,
                           vlot_why why, uint32_t peer, uint64_t from, uint64_t to, uint64_t term);

/* A CONFIG for each member. Of a node: all members of what it counts by from the index on, of both
 * halves; as many events as the second says. NULL: none. */
void vlot__emit_configuration(vlot_cluster *cluster, vlot__seat *seat, uint64_t index,
                              const vlot_configuration *configuration);
uint32_t vlot__configuration_rows(const vlot_configuration *configuration);
/* Of the cluster itself: what it was opened with. */
void vlot__emit_config(vlot_cluster *cluster, uint64_t index, const vlot_member *members,
                       uint32_t count);

/* A safety property is broken and the event that tells it is owed: it is the cluster's, and whoever
 * may emit those does, once. */
static inline bool vlot__owes_violation(vlot_cluster *cluster) {
  return atomic_load_explicit(&cluster->observer.owes_violation, memory_order_acquire);
}
void vlot__emit_violation(vlot_cluster *cluster);

/* A member's log begins anew (a start): the model takes what was recovered. */
void vlot__observe_recovered(vlot__seat *seat, const vlot_stored *stored);

/* Its log changes by this write: the model takes it before the step's events are recorded, and
 * forgets what is far below the applied index. */
void vlot__observe_write(vlot__seat *seat, const vlot_write *write, uint64_t applied);

/* A step is over and its STEP event was emitted: where that is wished, are the core's laws kept
 * (vlot_raft_check())? */
void vlot__observe_core(vlot__seat *seat, const vlot_raft *raft, vlot_raft_seen *seen);

/* --- subscription.c --- */

/* Give one event to whoever has subscribed, under the observer's lock where it is shared. */
void vlot__subscriptions_push(vlot_cluster *cluster, const vlot_event *event);
/* Somebody observes, or nobody does any more: what is kept follows from it. */
void vlot__observer_changed(vlot_cluster *cluster);

#endif
