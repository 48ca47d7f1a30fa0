/* Who may act on a cluster now. */
#ifndef VLOT_CLUSTER_GATE_H
#define VLOT_CLUSTER_GATE_H

#include "cluster/door.h"
#include "cluster/driver.h"
#include "cluster/line.h"

/* Is this thread inside a turn of one of this cluster's nodes (or of a group that it runs), or one
 * of its nodes' own? */
static inline bool vlot__is_node_thread(const vlot_cluster *cluster) {
  if (!vlot__innermost) return false;
  return vlot__inside(vlot__line_place(cluster)) ||
         (cluster->actors && vlot__inside(cluster->actors));
}

/* Does this thread run the schedule? Never where nodes run freely; in lockstep whoever calls; while
 * a threads cluster is paused, only the thread that paused it: what others do waits in the
 * mailboxes until the cluster goes on.
 */
static inline bool vlot__may_step(vlot_cluster *cluster) {
  return vlot__driver_of(cluster)->may_step(cluster);
}

/* VLOT_UNSUPPORTED: it replays a recorded run, and the call would make it another one. */
vlot_result vlot__check_change(vlot_cluster *cluster);

/* Is this a function of the user that a control call of this very thread has called? Control is not
 * free before it returns. */
bool vlot__has_control(const vlot_cluster *cluster);

/* Would this thread wait for itself? In a turn, on a node's thread, in a function that a control
 * call has called, and on the clock's thread, which counts the ticks that a wait counts. */
bool vlot__looks_for_itself(const vlot_cluster *cluster); /* that, looked at frame by frame */
static inline bool vlot__waits_for_itself(const vlot_cluster *cluster) {
  const vlot__frame *frame = vlot__innermost; /* mostly none, or this very call's */
  bool is_alone = !frame || (frame->place == &cluster->door && !frame->outer);
  bool is_free = atomic_load_explicit(&cluster->controller, memory_order_relaxed) == 0;
  return !(is_alone && is_free) && vlot__looks_for_itself(cluster);
}

/* Take control, unless this is a node's thread or one that has it (VLOT_DEADLOCK), the cluster is
 * paused by another thread (VLOT_BUSY) or closing (VLOT_CLOSED). */
vlot_result vlot__control_take(vlot_cluster *cluster);
/* Take control for a call that changes the run: a replay refuses it (VLOT_UNSUPPORTED). */
vlot_result vlot__control_take_to_change(vlot_cluster *cluster);
void vlot__control_begin(vlot_cluster *cluster);
/* The door is shut: whoever waits for control leaves. */
void vlot__control_wake(vlot_cluster *cluster);
/* the clock's: it never waits for whoever waits for it */
bool vlot__control_try(vlot_cluster *cluster);
void vlot__control_end(vlot_cluster *cluster);

/* A call changes the cluster from here on, and cannot fail any more: where the cluster is stepped
 * that is an action of its own, so that every state has a number. Not for what user code does
 * inside a turn: that belongs to the turn.
 */
void vlot__count_command(vlot_cluster *cluster);
void vlot__uncount_command(vlot_cluster *cluster); /* nothing has come of it after all */
/* What was counted is done: a debugger may want to stop behind it. Giving up control implies it. */
void vlot__command_ended(vlot_cluster *cluster);

#endif
