/* Requests: what a debugger asks of a cluster. It only writes memory while all threads stand still,
 * first the request, then the counter `asked`; nothing is called in the process, so no lock of a
 * thread that stands still can be in the way. Whoever drives the cluster carries the request out
 * when it comes by, with the functions of vlot/cluster.h: in lockstep as actions of its own, with
 * threads the clock when it looks at its clock.
 */
#include "cluster/request.h"

#include "base/describe.h"
#include "cluster/change.h"
#include "cluster/gate.h"
#include "cluster/observe.h"

/* Nothing else names these tables, and in an archive each is a file of its own: so a program that
 * opens a cluster has them. */
static const vlot__described *const described[] __attribute__((used)) = {
    vlot_described_raft, vlot_described_actor, vlot_described_cluster, vlot_described_snapshot};

/* --- carrying out --- */

static vlot_result partition(vlot_cluster *cluster, const vlot__request *request) {
  if (request->id_count > VLOT__REQUEST_IDS) return VLOT_TOO_LARGE;
  return vlot_cluster_partition(cluster, request->ids, request->id_count);
}

/* One case for each row of vlot/verb.h that a debugger may ask. */
static vlot_result carry_out(vlot_cluster *cluster, const vlot__request *request) {
  uint32_t node = request->node;
  switch ((vlot_request_kind)request->kind) {
  case VLOT_REQUEST_DROP: return vlot_lockstep_drop(cluster, request->id);
  case VLOT_REQUEST_DUPLICATE: return vlot_lockstep_duplicate(cluster, request->id, NULL);
  case VLOT_REQUEST_DELAY: return vlot_lockstep_delay(cluster, request->id, request->value);
  case VLOT_REQUEST_HOLD: return vlot_lockstep_hold(cluster, request->id, true);
  case VLOT_REQUEST_RELEASE: return vlot_lockstep_hold(cluster, request->id, false);
  case VLOT_REQUEST_FIRE: return vlot_lockstep_fire(cluster, request->id);
  case VLOT_REQUEST_TIMEOUT: return vlot_lockstep_fire(cluster, VLOT_PENDING_TIMER_ID(node));
  case VLOT_REQUEST_PARTITION: return partition(cluster, request);
  case VLOT_REQUEST_HEAL: return vlot_cluster_heal(cluster);
  case VLOT_REQUEST_KILL: return vlot_cluster_kill(cluster, node, request->value != 0);
  case VLOT_REQUEST_SPAWN: return vlot_cluster_spawn(cluster, node);
  case VLOT_REQUEST_RESTART:
    return vlot_cluster_restart(cluster, node, (vlot_restart)request->value);
  case VLOT_REQUEST_SUSPEND: return vlot_cluster_suspend(cluster, node);
  case VLOT_REQUEST_RESUME: return vlot_cluster_resume(cluster, node);
  case VLOT_REQUEST_CAMPAIGN: return vlot_cluster_order(cluster, node, VLOT_INPUT_CAMPAIGN, 0);
  case VLOT_REQUEST_ELECT: return vlot_cluster_order(cluster, node, VLOT_INPUT_ELECT, 0);
  case VLOT_REQUEST_STEPDOWN: return vlot_cluster_order(cluster, node, VLOT_INPUT_STEP_DOWN, 0);
  case VLOT_REQUEST_SNAPSHOT: return vlot_cluster_snapshot(cluster, node, 0, NULL);
  case VLOT_REQUEST_COMPACT:
    return vlot_cluster_compact(cluster, node, request->value > 0 ? request->value : UINT64_MAX, 0,
                                NULL);
  }
  return VLOT_INVALID; /* a debugger may write anything */
}

static void answer(vlot_cluster *cluster, vlot__request *request) {
  vlot_result result = carry_out(cluster, request);
  request->result = result;
  request->action = cluster->action;
  request->tick = vlot__now(cluster);
  vlot_event *event =
      vlot__event_begin(cluster, NULL, VLOT_EVENT_REQUEST, VLOT_WHY_ASKED, request->node);
  event->message = request->id;
  event->as.change.from = request->kind;
  event->as.change.to = request->value;
  event->as.change.term = result;
  vlot__emit(cluster, NULL, event);
}

/* Control is taken for all of it, and never waited for: who holds it may be waiting for the
 * clock. */
static bool take_control(vlot_cluster *cluster) {
  if (!vlot__control_try(cluster)) return false;
  atomic_store(&cluster->requests.obeys, vlot__thread_number());
  return true;
}

static void give_control(vlot_cluster *cluster) {
  cluster->requests.has_command = false; /* who obeys says when it has ended */
  atomic_store(&cluster->requests.obeys, 0);
  vlot__control_end(cluster);
  vlot__notify_changed(cluster);
}

bool vlot__requests_obey(vlot_cluster *cluster, uint64_t most) {
  vlot__requests *requests = &cluster->requests;
  if (!take_control(cluster)) return false;
  uint64_t done = atomic_load(&requests->done);
  for (; most > 0 && done < atomic_load(&requests->asked); most--) {
    answer(cluster, &requests->ring[done % VLOT__REQUESTS]);
    atomic_store(&requests->done, ++done);
  }
  give_control(cluster);
  return true;
}
