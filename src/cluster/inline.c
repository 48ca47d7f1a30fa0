/* Lockstep on threads of the nodes' own, or inline: switched from one action to the next. */
#include "base/assert.h"
#include "cluster/actors.h"
#include "cluster/gate.h"
#include "cluster/refuse.h"

vlot_result vlot_lockstep_set_inline(vlot_cluster *cluster, bool is_inline) {
  VLOT_GIVEN(cluster);
  VLOT__VISIT_RESULT(cluster);
  if (vlot__driver_of(cluster) != &vlot__driver_lockstep)
    return vlot__refuse(VLOT_UNSUPPORTED,
                        "inline is a choice of lockstep: the cluster was opened with threads");
  if (vlot__check_change(cluster) != VLOT_OK) return VLOT_UNSUPPORTED;
  if (vlot__waits_for_itself(cluster)) return vlot__refuse_node_thread();
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
