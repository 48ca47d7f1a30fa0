/* The lockstep driver from inside: pause.c's pauser does the same, and verbs.c is the caller's hand
 * in it.
 */
#ifndef VLOT_CLUSTER_LOCKSTEP_H
#define VLOT_CLUSTER_LOCKSTEP_H

#include "cluster/driver.h"
#include "cluster/line.h"

/* --- functions of its table that another driver has as well ----------------------------------- */

vlot_result vlot__lockstep_start(vlot__seat *seat);
vlot_result vlot__lockstep_stop(vlot__seat *seat, vlot_why why);
vlot_result vlot__lockstep_suspend(vlot__seat *seat);
void vlot__lockstep_resume(vlot__seat *seat);
vlot_result vlot__lockstep_hold(vlot__seat *seat);
void vlot__lockstep_unhold(vlot__seat *seat);
void vlot__lockstep_rate_changed(vlot__seat *seat);
void vlot__lockstep_turn(vlot_actor *self, vlot__node *node, vlot_turn *turn);

/* --- running the schedule --------------------------------------------------------------------- */

/* One action of the cluster's host, none of it later than `limit`; then its time stands at limit.
 * False: there was none. */
bool vlot__lockstep_run_one(vlot_cluster *cluster, uint64_t limit);

/* What counts the actions of vlot__lockstep_run_one(): its own, or those of all its host's
 * groups. */
static inline const uint64_t *vlot__lockstep_counter(const vlot_cluster *cluster) {
  return cluster->lockstep.in_line ? &cluster->host->actions : &cluster->action;
}

/* Carry out one thing that is out of the list. is_early: a timer, before it is due */
void vlot__lockstep_carry_out(vlot_cluster *cluster, vlot__item *item, uint32_t turn_max,
                              bool is_early);

/* Carry out one thing that a debugger asks, if there is one. */
bool vlot__lockstep_obey_one(vlot_cluster *cluster);

#endif
