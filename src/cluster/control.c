/* What a person can do to nodes while load runs: spawn, kill, restart, suspend, orders, clocks,
 * disks. */
#include "cluster/control.h"

#include "base/assert.h"
#include "base/lock.h"
#include "cluster/change.h"
#include "cluster/disk_ids.h"
#include "cluster/driver.h"
#include "cluster/gate.h"
#include "cluster/link.h"
#include "cluster/look.h"
#include "cluster/observe.h"
#include "cluster/pending.h"
#include "cluster/recorder.h"
#include "cluster/refuse.h"

/* --- one seat, under the driver in force; control is held --- */

static void emit_start(vlot__seat *seat) {
  vlot_raft_status status;
  vlot_raft_get_status(vlot__node_raft(seat->node), &status);
  vlot_event *event = vlot__event_begin(seat->cluster, seat, VLOT_EVENT_START, VLOT_WHY_NONE, 0);
  event->as.step.after = (vlot_brief){.term = status.term,
                                      .last_index = status.last_index,
                                      .commit_index = status.commit_index,
                                      .vote = status.vote,
                                      .role = status.role};
  vlot__emit(seat->cluster, seat, event); /* follows from a RESTART, or from nothing */
  seat->cause = 0;
}

vlot_result vlot__seat_start(vlot__seat *seat) {
  vlot_cluster *cluster = seat->cluster;
  vlot_result result;
  const char *problem;
  seat->incarnation++;
  vlot__node *node = vlot__node_open(seat, &result, &problem);
  if (!node) {
    seat->incarnation--;
    vlot__problem(cluster, "n%u could not start: %s", seat->id, problem);
    return result;
  }
  seat->node = node;
  emit_start(seat);
  VLOT__RECORD(cluster, start, seat);
  atomic_store(&seat->due, vlot__node_due(node));
  vlot__seat_publish(seat);
  result = vlot__driver_of(cluster)->start(seat);
  if (result != VLOT_OK) {
    VLOT__RECORD(cluster, unstart, seat);
    seat->node = NULL;
    vlot__node_close(node, VLOT_WHY_START_FAILED);
    return result;
  }
  seat->was_suspended = false;
  atomic_store(&seat->state, VLOT_NODE_UP);
  vlot__driver_of(cluster)->changed(seat);
  return VLOT_OK;
}

void vlot__log_fenced(vlot__seat *seat) {
  vlot_node_status status;
  vlot__node_get_status(seat->node, &status);
  const char *words =
      status.raft.fenced_why == VLOT_WHY_WRITE_FAILED ? vlot__storage_words(&seat->storage) : NULL;
  vlot__log(seat->cluster, VLOT_LOG_ERROR, "n%u is fenced and takes nothing any more: %s%s%s",
            seat->id, vlot_why_text(status.raft.fenced_why), words ? ": " : "", words ? words : "");
}

static bool was_leader(vlot__seat *seat) {
  vlot__lock(&seat->status_lock);
  bool was = seat->status.raft.role == VLOT_ROLE_LEADER;
  vlot__unlock(&seat->status_lock);
  return vlot__record_was_leader(seat->cluster, seat, was);
}

vlot_result vlot__seat_stop(vlot__seat *seat, vlot_why why, bool is_power_cut) {
  vlot_cluster *cluster = seat->cluster;
  vlot__node *node = seat->node;
  if (!node) return VLOT_CLOSED;
  atomic_store(&seat->state, VLOT_NODE_DOWN);
  vlot_result result = vlot__driver_of(cluster)->stop(seat, why);
  if (seat->storage.stop) seat->storage.stop(seat->storage.context, is_power_cut);
  if (result != VLOT_TIMEOUT) vlot__seat_publish(seat); /* the turn that it was killed in, too */
  seat->has_pending_writes = false;
  bool was = was_leader(seat);
  VLOT__RECORD(cluster, kill, seat, why, is_power_cut, was, result == VLOT_TIMEOUT);
  seat->node = NULL;
  seat->cause = 0;
  seat->cause = vlot__emit_change(cluster, seat, VLOT_EVENT_KILL, why, 0, is_power_cut, was, 0);
  vlot__pending_lose_parked(seat, VLOT_WHY_NODE_DOWN);
  if (result != VLOT_TIMEOUT)
    vlot__node_close(node, why);
  else if (vlot__node_leave(node))
    vlot__node_free(node); /* it has come back meanwhile */
  seat->cause = 0;
  return result;
}

/* --- calls --- */

static vlot_result begin(vlot_cluster *cluster, uint32_t id, vlot__seat **seat) {
  *seat = vlot__seat_of(cluster, id);
  if (!*seat) return vlot__refuse_member(id);
  return vlot__control_take_to_change(cluster);
}

static vlot_result end(vlot_cluster *cluster, vlot_result result) {
  vlot__control_end(cluster);
  vlot__notify_changed(cluster);
  return result;
}

vlot_result vlot_cluster_spawn(vlot_cluster *cluster, uint32_t id) {
  VLOT_GIVEN(cluster);
  VLOT__VISIT_RESULT(cluster);
  vlot__seat *seat;
  vlot_result result = begin(cluster, id, &seat);
  if (result != VLOT_OK) return result;
  if (seat->node)
    return end(cluster, vlot__refuse_value(VLOT_EXISTS, "node {0} is up already", id, 0));
  uint64_t before = seat->sequence;
  vlot__count_command(cluster);
  result = vlot__seat_start(seat);
  /* nothing has happened */
  if (result != VLOT_OK && seat->sequence == before) vlot__uncount_command(cluster);
  return end(cluster, result);
}

vlot_result vlot_cluster_kill(vlot_cluster *cluster, uint32_t id, bool is_power_cut) {
  VLOT_GIVEN(cluster);
  VLOT__VISIT_RESULT(cluster);
  vlot__seat *seat;
  vlot_result result = begin(cluster, id, &seat);
  if (result != VLOT_OK) return result;
  if (!seat->node) return end(cluster, vlot__refuse_down(id));
  vlot__count_command(cluster);
  return end(cluster, vlot__seat_stop(seat, VLOT_WHY_KILLED, is_power_cut));
}

void vlot__seat_restarted(vlot__seat *seat, vlot_restart how, uint64_t disk_id) {
  VLOT__RECORD(seat->cluster, restart, seat, how, disk_id);
  seat->cause =
      vlot__emit_change(seat->cluster, seat, VLOT_EVENT_RESTART, VLOT_WHY_RESTARTED, 0, how, 0, 0);
  if (how != VLOT_RESTART_WIPE) return;
  seat->disk_number++;
  seat->disk_id = disk_id;
  vlot__disk_wipe(seat->disk, disk_id);
}

vlot_result vlot_cluster_restart(vlot_cluster *cluster, uint32_t id, vlot_restart how) {
  VLOT_GIVEN(cluster);
  VLOT__VISIT_RESULT(cluster);
  vlot__seat *seat;
  uint64_t disk_id = 0;
  if (how > VLOT_RESTART_WIPE)
    return vlot__refuse_value(VLOT_INVALID, "how {0}: VLOT_RESTART_KEEP, LOSE or WIPE", how, 0);
  vlot_result result = begin(cluster, id, &seat);
  if (result != VLOT_OK) return result;
  if (how == VLOT_RESTART_WIPE && !seat->disk)
    return end(
        cluster,
        vlot__refuse(VLOT_UNSUPPORTED,
                     "a storage of the caller's cannot be wiped: restart with KEEP or LOSE"));
  if (how == VLOT_RESTART_WIPE)
    result = vlot__disk_id_new(cluster, id, seat->disk_number + 1, true, &disk_id);
  if (result != VLOT_OK) return end(cluster, result);
  vlot__count_command(cluster);
  vlot__seat_stop(seat, VLOT_WHY_RESTARTED, how == VLOT_RESTART_LOSE);
  vlot__seat_restarted(seat, how, disk_id);
  return end(cluster, vlot__seat_start(seat));
}

vlot_result vlot_cluster_suspend(vlot_cluster *cluster, uint32_t id) {
  VLOT_GIVEN(cluster);
  VLOT__VISIT_RESULT(cluster);
  vlot__seat *seat;
  vlot_result result = begin(cluster, id, &seat);
  if (result != VLOT_OK) return result;
  vlot_node_state state = atomic_load(&seat->state);
  if (state == VLOT_NODE_SUSPENDED) return end(cluster, VLOT_OK);
  if (state != VLOT_NODE_UP) return end(cluster, vlot__refuse_down(id));
  result = vlot__driver_of(cluster)->suspend(seat);
  if (result != VLOT_OK) return end(cluster, result);
  vlot__count_command(cluster);
  atomic_store(&seat->state, VLOT_NODE_SUSPENDED);
  seat->cause = 0; /* not what its last turn followed from */
  VLOT__RECORD(cluster, suspend, seat, true);
  vlot__emit_change(cluster, seat, VLOT_EVENT_SUSPEND, VLOT_WHY_SUSPENDED, 0, 0, 0, 0);
  return end(cluster, VLOT_OK);
}

vlot_result vlot_cluster_resume(vlot_cluster *cluster, uint32_t id) {
  VLOT_GIVEN(cluster);
  VLOT__VISIT_RESULT(cluster);
  vlot__seat *seat;
  vlot_result result = begin(cluster, id, &seat);
  if (result != VLOT_OK) return result;
  vlot_node_state state = atomic_load(&seat->state);
  if (state != VLOT_NODE_SUSPENDED)
    return end(cluster, state == VLOT_NODE_UP ? VLOT_OK : vlot__refuse_down(id));
  vlot__count_command(cluster);
  seat->cause = 0;
  VLOT__RECORD(cluster, suspend, seat, false);
  vlot__emit_change(cluster, seat, VLOT_EVENT_RESUME, VLOT_WHY_RESUMED, 0, 0, 0, 0);
  atomic_store(&seat->state, VLOT_NODE_UP);
  vlot__driver_of(cluster)->resume(seat);
  return end(cluster, VLOT_OK);
}

vlot_result vlot_cluster_order(vlot_cluster *cluster, uint32_t id, vlot_input_kind kind,
                               uint32_t value) {
  VLOT_GIVEN(cluster);
  VLOT__VISIT_RESULT(cluster);
  vlot__seat *seat = vlot__seat_of(cluster, id);
  if (!vlot__mail_is_input(kind, value))
    return vlot__refuse_value(VLOT_INVALID,
                              "kind {0} with value {1}: CAMPAIGN, ELECT, STEP_DOWN, FORGET_LEADER, "
                              "or SWITCHES with known VLOT_SWITCH_* only",
                              kind, value);
  if (!seat) return vlot__refuse_member(id);
  vlot_result result = vlot__check_change(cluster);
  if (result != VLOT_OK) return result;
  if (atomic_load(&seat->state) == VLOT_NODE_DOWN) return vlot__refuse_down(id);
  vlot__mail_order order = {.kind = kind, .value = value};
  vlot__parcel parcel = vlot__parcel_of(id, VLOT__MAIL_ORDER, &order, sizeof order);
  result = vlot__route(cluster, &parcel);
  if (result == VLOT_BUSY)
    vlot__refuse_value(
        result, "the mailbox of node {0} is full: the order was not taken; try again later", id, 0);
  if (result == VLOT_CLOSED) vlot__refuse_down(id);
  /* it is listed; its delivery is another action */
  if (result == VLOT_OK) vlot__count_command(cluster);
  return result;
}

vlot_result vlot_cluster_set_clock_rate(vlot_cluster *cluster, uint32_t id, uint32_t permille) {
  VLOT_GIVEN(cluster);
  VLOT__VISIT_RESULT(cluster);
  vlot__seat *seat;
  if (permille > 100000)
    return vlot__refuse_value(VLOT_INVALID, "permille {0}: at most {1} is allowed", permille,
                              100000);
  vlot_result result = begin(cluster, id, &seat);
  if (result != VLOT_OK) return result;
  vlot__count_command(cluster);
  /* first: whoever sees the new rate sees since when */
  atomic_store(&seat->clock_changed, vlot__now(cluster));
  atomic_store(&seat->clock_permille, permille);
  vlot__emit_change(cluster, NULL, VLOT_EVENT_FAULT, VLOT_WHY_CLOCK_FAULT, id, 0, permille, 0);
  vlot__driver_of(cluster)->rate_changed(seat);
  return end(cluster, VLOT_OK);
}

vlot_result vlot_cluster_set_disk(vlot_cluster *cluster, uint32_t id,
                                  const vlot_disk_fault *fault) {
  VLOT_GIVEN(cluster);
  VLOT_GIVEN(fault);
  VLOT__VISIT_RESULT(cluster);
  vlot__seat *seat;
  vlot_result result = begin(cluster, id, &seat);
  if (result != VLOT_OK) return result;
  if (!seat->disk)
    return end(
        cluster,
        vlot__refuse(VLOT_UNSUPPORTED,
                     "faults are of disks in memory: this member has a storage of the caller's"));
  result = vlot__disk_set_fault(seat->disk, fault);
  if (result != VLOT_OK) return end(cluster, result);
  vlot__count_command(cluster);
  vlot__emit_change(cluster, NULL, VLOT_EVENT_FAULT, VLOT_WHY_DISK_FAULT, id, fault->fail_at,
                    fault->delay_ticks_max,
                    (uint64_t)(fault->is_stalled != 0) | (uint64_t)(fault->is_full != 0) << 1);
  vlot__driver_of(cluster)->changed(seat);
  return end(cluster, VLOT_OK);
}
