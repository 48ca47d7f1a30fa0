/* What a person can do to a node's snapshots: take one, drop the log below it. Each is an order to
 * the node, which carries it out in its turn. */
#include "base/assert.h"
#include "cluster/asked.h"
#include "cluster/await.h"
#include "cluster/gate.h"
#include "cluster/link.h"
#include "cluster/look.h"
#include "cluster/refuse.h"
#include "cluster/seats.h"

/* --- may it be asked? --- */

vlot_result vlot__asked_check(vlot__seat *seat) {
  switch (atomic_load(&seat->state)) {
  case VLOT_NODE_DOWN: return vlot__refuse_down(seat->id);
  case VLOT_NODE_FENCED:
    return vlot__refuse_value(VLOT_FENCED, "node {0} is fenced and takes nothing: restart it",
                              seat->id, 0);
  case VLOT_NODE_SUSPENDED:
    return vlot__refuse_value(VLOT_BUSY,
                              "node {0} is suspended and takes nothing: vlot_cluster_resume() it",
                              seat->id, 0);
  case VLOT_NODE_UP: break;
  }
  return VLOT_OK;
}

static vlot_result check_machine(vlot__seat *seat) {
  const vlot_machine *machine = &seat->cluster->machine;
  if (!machine->snapshot)
    return vlot__refuse(VLOT_UNSUPPORTED,
                        "the machine has no snapshot(): set vlot_machine.snapshot and restore");
  if (!machine->restore)
    return vlot__refuse(VLOT_UNSUPPORTED, "the machine has no restore(): set vlot_machine.restore, "
                                          "or nobody can use its snapshots");
  if (!seat->storage.keep)
    return vlot__refuse_value(
        VLOT_UNSUPPORTED, "the storage of node {0} cannot keep snapshots: set vlot_storage.keep",
        seat->id, 0);
  return VLOT_OK;
}

/* --- asking --- */

static vlot_result send_order(vlot__seat *seat, uint32_t kind, uint32_t number, uint64_t index) {
  vlot__mail_order order = {.kind = kind, .value = number, .index = index};
  vlot__parcel parcel = vlot__parcel_of(seat->id, VLOT__MAIL_ORDER, &order, sizeof order);
  vlot_result result = vlot__route(seat->cluster, &parcel);
  if (result == VLOT_BUSY)
    vlot__refuse_value(result,
                       "the mailbox of node {0} is full: the order was not taken; try again later",
                       seat->id, 0);
  if (result == VLOT_CLOSED) vlot__refuse_down(seat->id);
  if (result == VLOT_OK) vlot__count_command(seat->cluster);
  return result;
}

typedef struct waiting {
  vlot__seat *seat;
  const vlot__asked *asked;
  vlot__asked now;
} waiting;

static bool is_over(vlot_cluster *cluster, void *context) {
  waiting *on = context;
  (void)cluster;
  vlot_node_state state = vlot__seat_status(on->seat).state;
  on->now = vlot__asked_look(on->seat, on->asked);
  if (!on->now.is_done && (state == VLOT_NODE_DOWN || state == VLOT_NODE_FENCED)) {
    on->now.is_done = true;
    on->now.result = VLOT_FENCED; /* the why says it */
    on->now.why = state == VLOT_NODE_DOWN ? VLOT_WHY_KILLED : VLOT_WHY_CRASHED;
  }
  return on->now.is_done;
}

static vlot_result result_of(const vlot__seat *seat, const vlot__asked *asked) {
  switch (asked->why) {
  case VLOT_WHY_NONE: break;
  case VLOT_WHY_NOTHING_NEW:
    return vlot__refuse_value(
        asked->result, "node {0} has applied nothing behind its newest snapshot, which is at {1}",
        seat->id, asked->index);
  case VLOT_WHY_NO_SNAPSHOT:
    return vlot__refuse_value(
        VLOT_NOT_FOUND,
        "node {0} has no snapshot yet, and without one nothing of its log may go: "
        "vlot_cluster_snapshot() takes one",
        seat->id, 0);
  case VLOT_WHY_KILLED:
    return vlot__refuse_value(VLOT_CLOSED, "node {0} was stopped meanwhile", seat->id, 0);
  default: return vlot__refuse(asked->result, vlot_why_text(asked->why));
  }
  return asked->result;
}

vlot_result vlot__asked_wait(vlot__seat *seat, vlot__asked *asked, uint64_t index,
                             uint64_t timeout_ticks) {
  waiting on = {.seat = seat, .asked = asked};
  if (timeout_ticks == 0) return send_order(seat, asked->kind, 0, index);
  if (vlot__waits_for_itself(seat->cluster)) return vlot__refuse_node_thread();
  vlot__asked_begin(seat, asked);
  vlot_result result = send_order(seat, asked->kind, asked->number, index);
  if (result == VLOT_OK) result = vlot__await_reached(seat->cluster, is_over, &on, timeout_ticks);
  vlot__asked_end(seat, asked);
  if (result == VLOT_OK) *asked = on.now;
  return result;
}

static vlot_result ask(vlot__seat *seat, vlot__asked *asked, uint64_t index,
                       uint64_t timeout_ticks) {
  vlot_result result = vlot__asked_wait(seat, asked, index, timeout_ticks);
  return result == VLOT_OK ? result_of(seat, asked) : result;
}

/* --- calls --- */

vlot_result vlot_cluster_snapshot(vlot_cluster *cluster, uint32_t id, uint64_t timeout_ticks,
                                  uint64_t *index) {
  VLOT_GIVEN(cluster);
  if (index) *index = 0;
  VLOT__VISIT_RESULT(cluster);
  vlot__seat *seat = vlot__seat_of(cluster, id);
  vlot__asked asked = {.kind = VLOT_ORDER_SNAPSHOT};
  if (!seat) return vlot__refuse_member(id);
  vlot_result result = vlot__check_change(cluster);
  if (result == VLOT_OK) result = vlot__asked_check(seat);
  if (result == VLOT_OK) result = check_machine(seat);
  if (result == VLOT_OK) result = ask(seat, &asked, 0, timeout_ticks);
  if (index && result == VLOT_OK) *index = asked.index;
  return result;
}

vlot_result vlot_cluster_compact(vlot_cluster *cluster, uint32_t id, uint64_t index,
                                 uint64_t timeout_ticks, uint64_t *base) {
  VLOT_GIVEN(cluster);
  if (base) *base = 0;
  VLOT__VISIT_RESULT(cluster);
  vlot__seat *seat = vlot__seat_of(cluster, id);
  vlot__asked asked = {.kind = VLOT_ORDER_COMPACT};
  if (!seat) return vlot__refuse_member(id);
  if (index == 0)
    return vlot__refuse_value(
        VLOT_INVALID, "index {0}: from 1 on; what is above the snapshot stays anyhow", 0, 0);
  vlot_result result = vlot__check_change(cluster);
  if (result == VLOT_OK) result = vlot__asked_check(seat);
  if (result == VLOT_OK) result = ask(seat, &asked, index, timeout_ticks);
  if (base && result == VLOT_OK) *base = asked.index;
  return result;
}
