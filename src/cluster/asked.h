/* What is asked of a node, of its snapshots or its leadership, and who waits for it: an order goes
 * to the node, and what comes of it is told once the node's status shows it, too.
 */
#ifndef VLOT_CLUSTER_ASKED_H
#define VLOT_CLUSTER_ASKED_H

#include "cluster/object.h"
#include "vlot/base.h"

/* A caller's, on its stack; it stands in its seat's list, under status_lock. */
typedef struct vlot__asked {
  struct vlot__asked *next;
  uint32_t number; /* of the seat's, from 1; the order has it */
  uint32_t kind;   /* VLOT_ORDER_*, VLOT_INPUT_TRANSFER */
  uint32_t incarnation;
  bool is_taken;   /* the node has the order … */
  bool is_begun;   /* … and carries it out: what comes of that is its answer */
  bool is_settled; /* what follows is so … */
  bool is_done;    /* … and the status shows it */
  vlot_result result;
  vlot_why why;
  /* of the snapshot; COMPACT: behind which the log begins; TRANSFER: the target */
  uint64_t index;
} vlot__asked;

/* The caller's: from before the order is sent to when nobody waits any more. */
void vlot__asked_begin(vlot__seat *seat, vlot__asked *asked);
void vlot__asked_end(vlot__seat *seat, vlot__asked *asked);
/* May this node be asked now? VLOT_OK, or refused in words. */
vlot_result vlot__asked_check(vlot__seat *seat);
/* Send the order, and wait until it is settled; timeout_ticks 0: not at all. VLOT_OK: what came of
 * it stands in asked, or nobody waits. By a visitor. */
vlot_result vlot__asked_wait(vlot__seat *seat, vlot__asked *asked, uint64_t index,
                             uint64_t timeout_ticks);
/* As it stands now. */
vlot__asked vlot__asked_look(vlot__seat *seat, const vlot__asked *asked);

/* The node's: it has the order of this number; it begins what it has of a kind; all of those come
 * to this. One that it has got since is not answered: it may be about more. */
void vlot__asked_taken(vlot__seat *seat, uint32_t number);
void vlot__asked_begun(vlot__seat *seat, uint32_t kind);
void vlot__asked_settle(vlot__seat *seat, uint32_t kind, vlot_result result, vlot_why why,
                        uint64_t index);
/* Or the one order of this number does: another of its kind may still be under way. */
void vlot__asked_settle_one(vlot__seat *seat, uint32_t number, vlot_result result, vlot_why why,
                            uint64_t index);
/* The status is published; status_lock is held. */
void vlot__asked_publish(vlot__seat *seat);

#endif
