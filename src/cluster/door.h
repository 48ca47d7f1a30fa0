/* Who is inside a cluster, and who still holds on to it.
 *
 * A call that uses more of a cluster than its struct is a visit. Closing shuts the door: nobody is
 * let in any more, who waits inside is woken and leaves, and when the last one has left everything
 * behind the door can go. The struct itself, with its locks and its seats, stays until the last
 * handle (cluster, client, subscription) is closed, so that a shell is safe to call.
 *
 * A visit inside a visit of the same thread (a callback that looks) is always let in: the outer one
 * keeps the cluster.
 */
#ifndef VLOT_CLUSTER_DOOR_H
#define VLOT_CLUSTER_DOOR_H

#include "base/fork.h"
#include "base/inside.h"
#include "cluster/object.h"

/* On the visitor's stack. */
typedef struct vlot__visit {
  vlot__frame frame;     /* its place is the cluster's door */
  vlot_cluster *cluster; /* NULL: it was not let in */
  bool is_counted;
  bool holds_struct; /* it has stepped out, and nothing else may keep the struct */
} vlot__visit;

/* Is this a child that was forked since it was opened? None of its threads is here, and any of its
 * locks may be held: from here on nothing of it is used but its struct, and nothing freed. */
static inline bool vlot__is_forked(const vlot_cluster *cluster) {
  return vlot__has_forked(cluster->epoch);
}

/* begin  false: the door is shut, or this is a forked child; there is nothing to end then, and
 *        ending it does nothing
 * note   user code is called for this cluster here, which keeps nothing: it only must not close it
 */
VLOT_MUST_CHECK bool vlot__visit_begin(vlot__visit *visit, const vlot_cluster *cluster);
void vlot__visit_note(vlot__visit *visit, vlot_cluster *cluster);
void vlot__visit_end(vlot__visit *visit);

/* A visitor that runs a node's turn is that node's thread meanwhile: closing waits for it as for
 * one (stop_ns), and not as for a visitor, who comes back. So it steps out, and in again.
 *
 * may   the thread is inside of nothing but this one visit
 * in    false: the door was shut meanwhile; nothing behind it may be used any more. The struct
 *       stays until the visit ends
 */
vlot__visit *vlot__visit_may_step_out(const vlot_cluster *cluster); /* NULL: no */
void vlot__visit_step_out(vlot__visit *visit);
bool vlot__visit_step_in(vlot__visit *visit);

/* The rest of a function's block is a visit. Where one is not let in it returns `nothing`; or, the
 * second, the result that says why. */
#define VLOT__VISIT(cluster, nothing)                          \
  __attribute__((cleanup(vlot__visit_end))) vlot__visit visit; \
  if (!vlot__visit_begin(&visit, cluster)) return nothing
#define VLOT__VISIT_RESULT(cluster) VLOT__VISIT(cluster, vlot__visit_refusal(cluster))

/* Why nobody is let in: CLOSED, or UNSUPPORTED in a forked child. */
vlot_result vlot__visit_refusal(const vlot_cluster *cluster);

/* Is this thread inside, or in user code that was called for this cluster? */
bool vlot__is_inside(const vlot_cluster *cluster);

/* Is it closing, or closed, or forked? Whoever waits inside looks before each wait. */
static inline bool vlot__is_shut(const vlot_cluster *cluster) {
  return vlot__fence_is_closed(&cluster->door) || vlot__is_forked(cluster);
}

/* Shut it; false: another thread has. By a visitor, who then leaves, wakes those who wait, and
 * waits until all have left. */
bool vlot__door_shut(vlot_cluster *cluster);
void vlot__door_wait(vlot_cluster *cluster);

/* The struct: a reference for each handle. The last one frees what is left. */
void vlot__cluster_retain(vlot_cluster *cluster);
void vlot__cluster_release(vlot_cluster *cluster);

#endif
