/* What somebody asks of a node's snapshots: to take one now, to drop more of its log. */
#include "cluster/asked.h"
#include "cluster/node_inside.h"
#include "cluster/observe.h"
#include "vlot/raft_snapshot.h"

void vlot__snapshots_ask(vlot__node *node, const vlot__mail_order *order, uint64_t event) {
  vlot__node_snapshots *on = &node->snapshots;
  vlot__asked_taken(node->seat, order->value);
  if (order->kind == VLOT_ORDER_SNAPSHOT) {
    on->is_asked = true;
    on->asked_event = event;
  } else {
    if (order->index > on->compact_to) on->compact_to = order->index;
    on->compact_event = event;
  }
}

void vlot__snapshots_begin(vlot__node *node) {
  vlot__node_snapshots *on = &node->snapshots;
  on->is_for_order = on->is_asked;
  on->order_event = on->asked_event;
  on->is_asked = false;
  if (on->is_for_order) vlot__asked_begun(node->seat, VLOT_ORDER_SNAPSHOT);
}

/* Whoever has asked since is the newest, then. */
void vlot__snapshots_begin_again(vlot__node *node) {
  vlot__node_snapshots *on = &node->snapshots;
  if (on->is_for_order && !on->is_asked) on->asked_event = on->order_event;
  on->is_asked = on->is_asked || on->is_for_order;
  on->is_for_order = false;
}

static uint64_t newest_index(const vlot__node *node) {
  const vlot_snapshot *snapshot = vlot_raft_snapshot(node->raft);
  return snapshot ? vlot_snapshot_get(snapshot)->index : 0;
}

/* Memory and a busy disk are not what was in the way as a rule, and are named. */
static vlot_why why_of(vlot_result result, vlot_why why) {
  if (result == VLOT_NOMEM) return VLOT_WHY_NO_MEMORY;
  if (why != VLOT_WHY_WRITE_FAILED) return why;
  return result == VLOT_BUSY      ? VLOT_WHY_DISK_BUSY
         : result == VLOT_INVALID ? VLOT_WHY_SNAPSHOT_STALE
                                  : why;
}

void vlot__snapshots_refuse(vlot__node *node, vlot_result result, vlot_why why) {
  vlot__node_snapshots *on = &node->snapshots;
  if (!on->is_for_order) return;
  on->is_for_order = false;
  why = why_of(result, why);
  node->seat->cause = on->order_event;
  vlot__emit_change(node->cluster, node->seat, VLOT_EVENT_NO_SNAPSHOT, why, 0, newest_index(node),
                    node->applied_index, result);
  vlot__asked_settle(node->seat, VLOT_ORDER_SNAPSHOT, result, why, newest_index(node));
}

void vlot__snapshots_give_up(vlot__node *node, vlot_why why) {
  vlot__node_snapshots *on = &node->snapshots;
  if (!on->is_compacting) {
    vlot__snapshots_refuse(node, VLOT_NOMEM, why);
    return;
  }
  on->is_compacting = false;
  vlot__asked_settle(node->seat, VLOT_ORDER_COMPACT, VLOT_NOMEM, why, 0);
}

void vlot__snapshots_compact(vlot__node *node) {
  vlot__node_snapshots *on = &node->snapshots;
  uint64_t to = on->compact_to;
  vlot_snapshot *snapshot = vlot_raft_snapshot(node->raft);
  vlot_input *input =
      snapshot ? vlot__node_new_input(node, VLOT_INPUT_SNAPSHOT_TAKEN, on->compact_event) : NULL;
  on->compact_to = 0;
  vlot__asked_begun(node->seat, VLOT_ORDER_COMPACT);
  if (!input) {
    vlot__asked_settle(node->seat, VLOT_ORDER_COMPACT, VLOT_NOMEM,
                       snapshot ? VLOT_WHY_NO_MEMORY : VLOT_WHY_NO_SNAPSHOT, 0);
    return;
  }
  on->is_compacting = true;
  on->taken = vlot_snapshot_retain(snapshot);
  input->as.taken.snapshot = on->taken;
  input->as.taken.compact_to = to;
}

void vlot__snapshots_answer(vlot__node *node, const vlot_outcome *outcome) {
  vlot__node_snapshots *on = &node->snapshots;
  vlot_raft_status status;
  vlot_raft_get_status(node->raft, &status);
  if (on->is_compacting) {
    on->is_compacting = false;
    vlot__asked_settle(node->seat, VLOT_ORDER_COMPACT, outcome->result, outcome->why,
                       status.base_index);
    return;
  }
  if (!on->is_for_order) return;
  on->is_for_order = false;
  vlot__asked_settle(node->seat, VLOT_ORDER_SNAPSHOT, outcome->result, outcome->why,
                     status.snapshot_index);
}
