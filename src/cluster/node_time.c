/* A node's time: it follows the cluster clock at its own rate, and only a TICK fires timers. */
#include "cluster/node_inside.h"
#include "cluster/observe.h"
#include "cluster/recorder.h"

vlot_input *vlot__node_new_input(vlot__node *node, vlot_input_kind kind, uint64_t cause) {
  void *inputs = node->inputs;
  if (!vlot__alloc_grow(node->allocator, &inputs, &node->input_capacity, node->input_count + 1,
                        sizeof *node->inputs))
    return NULL;
  node->inputs = inputs;
  vlot_input *input = &node->inputs[node->input_count++];
  input->kind = kind;
  input->cause = cause;
  return input;
}

/* The clock has another rate by now: what passed before the change passed at the old one, and stays
 * in `rest`. */
static void change_rate(vlot__node *node, uint64_t tick) {
  VLOT__RECORD(node->cluster, see_rate, node);
  uint32_t permille = atomic_load_explicit(&node->seat->clock_permille, memory_order_acquire);
  if (permille == node->permille) return;
  uint64_t changed = atomic_load_explicit(&node->seat->clock_changed, memory_order_relaxed);
  VLOT__RECORD(node->cluster, rate, node, permille, changed);
  if (changed > tick) changed = tick;
  if (changed > node->seen_tick) {
    node->rest += (changed - node->seen_tick) * node->permille;
    node->seen_tick = changed;
  }
  node->permille = permille;
}

void vlot__node_clock_changed(vlot__node *node) { change_rate(node, vlot__now(node->cluster)); }

/* What comes next, in its own ticks: the core's timer, or forwarded commands go again. */
static uint64_t next_time(const vlot__node *node) {
  return node->next_timer < node->forwarding.due ? node->next_timer : node->forwarding.due;
}

/* At the same tick both are due, and the core's is named. */
vlot_due vlot__node_due_for(const vlot__node *node) {
  if (node->is_fenced || next_time(node) == VLOT_NEVER) return VLOT_DUE_NOTHING;
  if (node->forwarding.due < node->next_timer) return VLOT_DUE_FORWARD;
  vlot_raft_status status;
  vlot_raft_get_status(node->raft, &status);
  return status.next_due;
}

/* A timer is made to fire before it is due: for this node alone time jumps, and not beyond that
 * timer. That it was made to is what follows from it. */
static void fire(vlot__node *node) {
  uint64_t next = next_time(node);
  vlot_due what = vlot__node_due_for(node);
  if (what == VLOT_DUE_NOTHING) return;
  node->seat->cause = 0; /* of the mail before it, and not of this */
  uint64_t event = vlot__emit_change(node->cluster, node->seat, VLOT_EVENT_ORDER, VLOT_WHY_ASKED, 0,
                                     VLOT_INPUT_TICK, what, node->brief.term);
  vlot_input *fired = vlot__node_new_input(node, VLOT_INPUT_TICK, event);
  if (!fired) return;
  uint64_t elapsed = next > node->now ? next - node->now : 0;
  if (what != VLOT_DUE_FORWARD) elapsed = node->spare + 1;
  node->spare = elapsed > node->spare ? 0 : node->spare - elapsed;
  node->now += elapsed;
  fired->as.tick.now = node->now;
  fired->as.tick.elapsed = elapsed;
  fired->as.tick.is_fired = 1;
}

/* Let the node's time go on to a cluster tick, by its own clock's rate. Only a TICK fires timers:
 * whatever else arrives first stops its timers just short of it, so that a heartbeat that waits in
 * the mailbox is never overtaken.
 */
void vlot__node_pass_time(vlot__node *node, uint64_t tick, bool is_tick) {
  if (tick == VLOT__STAMP_FIRE) {
    fire(node);
    return;
  }
  uint64_t counted = 0;
  change_rate(node, tick);
  if (tick > node->seen_tick || node->rest >= 1000) {
    uint64_t thousandths = (tick - node->seen_tick) * node->permille + node->rest;
    uint64_t passed = thousandths / 1000;
    node->rest = thousandths % 1000;
    node->seen_tick = tick;
    node->now += passed;
    counted = node->counts_in_full || passed < 1 ? passed : 1;
  }
  node->counts_in_full = false;
  if (counted > node->spare) {
    if (!is_tick) counted = node->spare;
    node->spare = counted > node->spare ? 0 : node->spare - counted;
  } else if (node->spare != VLOT_NEVER) {
    node->spare -= counted;
  }
  if (counted == 0 && !is_tick) return;
  vlot_input *input = vlot__node_new_input(node, VLOT_INPUT_TICK, 0);
  if (!input) return; /* time stands still without memory; the next tick makes up for it */
  input->as.tick.now = node->now;
  input->as.tick.elapsed = counted;
  input->as.tick.is_fired = 0;
}

uint64_t vlot__node_due(const vlot__node *node) {
  uint32_t permille = atomic_load_explicit(&node->seat->clock_permille, memory_order_acquire);
  uint64_t timer = next_time(node);
  if (timer == VLOT_NEVER || permille == 0 || node->is_fenced) return VLOT_NEVER;
  uint64_t ticks = timer > node->now ? timer - node->now : 1;
  uint64_t from = node->seen_tick, gone = node->rest, wanted = ticks * 1000;
  if (permille != node->permille) { /* up to the change it went on at the old rate */
    uint64_t changed = atomic_load_explicit(&node->seat->clock_changed, memory_order_relaxed);
    if (changed > from) {
      gone += (changed - from) * node->permille;
      from = changed;
    }
  }
  return gone < wanted ? from + (wanted - gone + permille - 1) / permille : from;
}
