/* A running member, as its driver and control see it. */
#ifndef VLOT_CLUSTER_NODE_H
#define VLOT_CLUSTER_NODE_H

#include "cluster/seat.h"

/* Make a node from its seat's disk: recovery. NULL: *result and *problem say why. */
vlot__node *vlot__node_open(vlot__seat *seat, vlot_result *result, const char **problem);
/* Free it; whoever waits for an outcome here gets UNKNOWN with this why. */
void vlot__node_close(vlot__node *node, vlot_why why);

/* A node's memory has two owners while it has a thread: control, and the thread. The first to leave
 * leaves it to the other, who gets true and must free it: so a node that was stuck in user code is
 * freed when it comes back, and not under its hands.
 */
void vlot__node_share(vlot__node *node);
bool vlot__node_leave(vlot__node *node);
/* nobody who waits is told: their deadlines say UNKNOWN */
void vlot__node_free(vlot__node *node);
vlot__seat *vlot__node_seat(const vlot__node *node);

/* What stands between the effects of a turn and a node that is killed meanwhile: effects are let go
 * between enter and leave, so that a kill is wholly before or wholly after them. The driver's.
 *
 * enter      false: killed; nothing may be let go any more, and leave must not be called
 * is_closed  is it killed by now?
 */
typedef struct vlot__turn_fence {
  bool (*enter)(void *context);
  void (*leave)(void *context);
  bool (*is_closed)(void *context);
  void *context;
} vlot__turn_fence;

/* One turn: begin, take each mail, end.
 *
 * fence       copied; NULL: no kill comes between two instructions
 * was_parked  nothing kept the node from running when the first mail came, so that the ticks since
 *             its last turn count in full; else as one (P15)
 */
void vlot__node_begin(vlot__node *node, const vlot__turn_fence *fence, bool was_parked);
void vlot__node_take(vlot__node *node, uint32_t kind, uint64_t stamp, void *payload, uint32_t size);
void vlot__node_end(vlot__node *node);

/* Has it frozen its machine, and nobody has taken the image to write it? take: a reference; whoever
 * has it writes it, and sends it back in a mail, VLOT__MAIL_WRITTEN. NULL: there is none. Between
 * turns, or behind the end of one. index: of what it is the state; 0: there is none. */
bool vlot__node_has_image(const vlot__node *node);
uint64_t vlot__node_image_index(const vlot__node *node);
struct vlot__image *vlot__node_take_image(vlot__node *node);

/* Take over another rate of its seat's clock, between turns. Where nodes run freely, the TICK that
 * follows a change does it. */
void vlot__node_clock_changed(vlot__node *node);

/* Cluster tick at which it needs a TICK; VLOT_NEVER; and what for. Valid between turns. */
uint64_t vlot__node_due(const vlot__node *node);
vlot_due vlot__node_due_for(const vlot__node *node);
/* fills raft, applied, waiting, turns */
void vlot__node_get_status(const vlot__node *node, vlot_node_status *status);
vlot_result vlot__node_hash(vlot__node *node, uint64_t *hash, uint64_t *applied);
bool vlot__node_is_fenced(const vlot__node *node);
const vlot_raft *vlot__node_raft(const vlot__node *node);
void *vlot__node_machine(const vlot__node *node);

#endif
