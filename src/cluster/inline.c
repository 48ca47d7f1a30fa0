/* Lockstep on threads of the nodes' own, or inline: switched from one action to the next. */
#include "cluster/actors.h"
#include "cluster/gate.h"

vlot_result vlot_lockstep_set_inline(vlot_cluster *cluster, bool is_inline) {
  VLOT__VISIT_RESULT(cluster);
  if (vlot__driver_of(cluster) != &vlot__driver_lockstep) return VLOT_UNSUPPORTED;
  if (vlot__check_change(cluster) != VLOT_OK) return VLOT_UNSUPPORTED;
  if (vlot__is_node_thread(cluster)) return VLOT_DEADLOCK;
  if (cluster->lockstep.is_inline == is_inline) return VLOT_OK;
  vlot_result result = is_inline ? VLOT_OK : vlot__actors_open(cluster);
  vlot__seat *seat;
  VLOT__FOR_EACH_SEAT (seat, cluster) {
    if (!seat->node || result != VLOT_OK) continue;
    if (is_inline)
      (void)vlot__actors_stop(seat, VLOT_WHY_ASKED);
    else
      result = vlot__actors_start(seat, true);
  }
  if (result == VLOT_OK) cluster->lockstep.is_inline = is_inline;
  return result;
}
