/* What is asked of a node's snapshots, and who waits for it: an order goes to the node, and what
 * comes of it is told once the node's status shows it, too.
 */
#ifndef VLOT_CLUSTER_ASKED_H
#define VLOT_CLUSTER_ASKED_H

#include "cluster/object.h"
#include "vlot/base.h"

/* A caller's, on its stack; it stands in its seat's list, under status_lock. */
typedef struct vlot__asked {
  struct vlot__asked *next;
  uint32_t number; /* of the seat's, from 1; the order has it */
  uint32_t kind;   /* VLOT_ORDER_* */
  uint32_t incarnation;
  bool is_taken;   /* the node has the order … */
  bool is_begun;   /* … and carries it out: what comes of that is its answer */
  bool is_settled; /* what follows is so … */
  bool is_done;    /* … and the status shows it */
  vlot_result result;
  vlot_why why;
  uint64_t index; /* of the snapshot; COMPACT: behind which the log begins */
} vlot__asked;

/* The caller's: from before the order is sent to when nobody waits any more. */
void vlot__asked_begin(vlot__seat *seat, vlot__asked *asked);
void vlot__asked_end(vlot__seat *seat, vlot__asked *asked);
/* As it stands now. */
vlot__asked vlot__asked_look(vlot__seat *seat, const vlot__asked *asked);

/* The node's: it has the order of this number; it begins what it has of a kind; all of those come
 * to this. One that it has got since is not answered: it may be about more. */
void vlot__asked_taken(vlot__seat *seat, uint32_t number);
void vlot__asked_begun(vlot__seat *seat, uint32_t kind);
void vlot__asked_settle(vlot__seat *seat, uint32_t kind, vlot_result result, vlot_why why,
                        uint64_t index);
/* The status is published; status_lock is held. */
void vlot__asked_publish(vlot__seat *seat);

#endif
