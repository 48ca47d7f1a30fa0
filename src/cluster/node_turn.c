/* A turn: what its mail has become goes into the core, and what comes out of it has effects. */
#include "cluster/node_inside.h"
#include "cluster/observe.h"
#include "cluster/recorder.h"
#include "vlot/raft_snapshot.h"

/* --- the core's output: what happened --- */

static vlot_event_kind event_kind_of(const vlot_change *change) {
  switch ((vlot_change_kind)change->kind) {
  case VLOT_CHANGE_TERM: return VLOT_EVENT_TERM;
  case VLOT_CHANGE_ROLE:
    return change->to == VLOT_ROLE_LEADER     ? VLOT_EVENT_LEADER
           : change->from == VLOT_ROLE_LEADER ? VLOT_EVENT_STEP_DOWN
                                              : VLOT_EVENT_ROLE;
  case VLOT_CHANGE_LEADER: return VLOT_EVENT_KNOWN_LEADER;
  case VLOT_CHANGE_CAMPAIGN: return VLOT_EVENT_CAMPAIGN;
  case VLOT_CHANGE_VOTE: return VLOT_EVENT_VOTE;
  case VLOT_CHANGE_TALLY: return VLOT_EVENT_TALLY;
  case VLOT_CHANGE_APPEND: return VLOT_EVENT_APPEND;
  case VLOT_CHANGE_TRUNCATE: return VLOT_EVENT_TRUNCATE;
  case VLOT_CHANGE_MATCH: return VLOT_EVENT_MATCH;
  case VLOT_CHANGE_PROGRESS: return VLOT_EVENT_PROGRESS;
  case VLOT_CHANGE_MISMATCH: return VLOT_EVENT_MISMATCH;
  case VLOT_CHANGE_DURABLE: return VLOT_EVENT_DURABLE;
  case VLOT_CHANGE_COMMIT: return VLOT_EVENT_COMMIT;
  case VLOT_CHANGE_IGNORED: return VLOT_EVENT_IGNORED;
  case VLOT_CHANGE_FENCED: return VLOT_EVENT_FENCED;
  case VLOT_CHANGE_SNAPSHOT_TAKEN: return VLOT_EVENT_SNAPSHOT_TAKEN;
  case VLOT_CHANGE_SNAPSHOT_SENT: return VLOT_EVENT_SNAPSHOT_SENT;
  case VLOT_CHANGE_SNAPSHOT_INSTALLED: return VLOT_EVENT_SNAPSHOT_INSTALLED;
  case VLOT_CHANGE_COMPACTED: return VLOT_EVENT_COMPACTED;
  case VLOT_CHANGE_CONFIG: return VLOT_EVENT_RECONFIGURED;
  case VLOT_CHANGE_ROUND: return VLOT_EVENT_ROUND;
  case VLOT_CHANGE_TRANSFER: return VLOT_EVENT_TRANSFER;
  }
  return VLOT_EVENT_STEP;
}

/* APPEND, TRUNCATE, COMMIT speak of entries: first, count, and the chain at the newest entry that
 * stands after it. */
static void emit_slice(vlot__node *node, const vlot_change *change, vlot_event_kind kind) {
  vlot_event *event =
      vlot__event_begin(node->cluster, node->seat, kind, (vlot_why)change->why, change->peer);
  uint64_t first = kind == VLOT_EVENT_COMMIT ? change->from + 1 : change->from;
  uint64_t newest = kind == VLOT_EVENT_TRUNCATE ? change->from - 1 : change->to;
  uint64_t term;
  event->as.slice.first = first;
  event->as.slice.count = change->to - first + 1;
  event->as.slice.term = change->term;
  if (!vlot__model_at(&node->seat->model, newest, &term, &event->as.slice.chain))
    event->as.slice.chain = 0;
  vlot__emit(node->cluster, node->seat, event);
}

/* The last input that is an event of its own completes a step. */
static uint64_t step_cause(const vlot__node *node, uint32_t consumed) {
  for (uint32_t k = consumed; k > 0; k--) {
    uint64_t cause = node->inputs[k - 1].cause;
    if (cause != 0 && cause != VLOT__CAUSE_STORED) return cause;
  }
  return 0;
}

/* The core was told that a write failed; the node knows what for. */
static vlot_why note_fenced(vlot__node *node, vlot_why why, uint64_t event) {
  node->fenced_event = event;
  node->fenced_tick = vlot__now(node->cluster);
  if (why == VLOT_WHY_WRITE_FAILED && node->lacks_memory) node->fenced_why = VLOT_WHY_NO_MEMORY;
  return node->fenced_why ? node->fenced_why : why;
}

/* Who belongs to it stands behind it at once: what commits in the same step counts by that. Where
 * its entry was removed again in this step, it is told as the one in force there now. */
static void emit_members(vlot__node *node, const vlot_change *change) {
  node->is_reconfigured = true;
  vlot__emit_configuration(node->cluster, node->seat, change->to,
                           vlot_raft_configuration_at(node->raft, change->to));
}

/* Each change has one event, and so the k-th one the k-th number behind its STEP, but for the
 * members of configurations between them. */
static void emit_changes(vlot__node *node, const vlot_output *output) {
  vlot__seat *seat = node->seat;
  seat->cause = step_cause(node, output->consumed);
  vlot_event *event = vlot__event_begin(node->cluster, seat, VLOT_EVENT_STEP, VLOT_WHY_NONE, 0);
  event->as.step.before = node->brief;
  event->as.step.after = node->brief = output->after;
  node->leader = output->leader;
  if (output->after.role == VLOT_ROLE_LEADER) node->forwarding.led_term = output->after.term;
  node->awaits_storage = output->awaits_storage != 0;
  seat->cause = node->step_event = vlot__emit(node->cluster, seat, event);
  vlot__observe_core(seat, node->raft, &node->seen);
  node->durable_event = 0;
  node->is_reconfigured = false;
  for (uint32_t k = 0; k < output->change_count; k++) {
    const vlot_change *change = &output->changes[k];
    vlot_event_kind kind = event_kind_of(change);
    vlot_why why = (vlot_why)change->why;
    seat->cause = vlot__node_event_of(node, change->cause);
    switch ((vlot_change_kind)change->kind) {
    case VLOT_CHANGE_COMMIT: node->commit_index = change->to; /* fall through */
    case VLOT_CHANGE_APPEND:
    case VLOT_CHANGE_TRUNCATE: emit_slice(node, change, kind); continue;
    case VLOT_CHANGE_SNAPSHOT_INSTALLED:
      node->commit_index = change->to;
      node->snapshots.installed_event = vlot__node_change_event(node, output, k);
      break;
    case VLOT_CHANGE_DURABLE: node->durable_event = vlot__node_change_event(node, output, k); break;
    case VLOT_CHANGE_FENCED:
      why = note_fenced(node, why, vlot__node_change_event(node, output, k));
      break;
    default: break;
    }
    seat->cause = vlot__emit_change(node->cluster, seat, kind, why, change->peer, change->from,
                                    change->to, change->term);
    if (change->kind == VLOT_CHANGE_CONFIG) emit_members(node, change);
  }
}

/* --- a turn --- */

void vlot__node_begin(vlot__node *node, const vlot__turn_fence *fence, bool was_parked) {
  node->fence = fence ? *fence : (vlot__turn_fence){0};
  node->counts_in_full = was_parked;
  node->input_count = node->command_count = node->group_count = 0;
  node->seat->cause = 0;
  VLOT__RECORD(node->cluster, begin, node, was_parked);
}

static void add_internal_inputs(vlot__node *node) {
  if (node->applied_index > node->told_applied) {
    vlot_input *input = vlot__node_new_input(node, VLOT_INPUT_APPLIED, 0);
    if (input) input->as.index = node->told_applied = node->applied_index;
  }
  if (node->failed_token) {
    vlot_input *input = vlot__node_new_input(node, VLOT_INPUT_WRITE_FAILED, 0);
    if (input) input->as.token = node->failed_token;
    node->failed_token = 0;
  }
  vlot__snapshots_tell(node);
  vlot__snapshots_keep(node);
  if (node->stored_token) {
    vlot_input *input = vlot__node_new_input(node, VLOT_INPUT_STORED, VLOT__CAUSE_STORED);
    if (!input) return;
    input->as.token = node->stored_token;
    node->stored_token = 0;
  }
}

/* One event for commands in a row of one client; what was forwarded follows from what the last of
 * them came from. */
static void emit_proposals(vlot__node *node) {
  for (size_t from = 0, to; from < node->group_count; from = to) {
    const vlot__mail_propose *first = node->groups[from].mail;
    uint32_t count = first->count;
    for (to = from + 1; to < node->group_count; to++) {
      const vlot__mail_propose *next = node->groups[to].mail;
      if (next->client != first->client || next->sequence != first->sequence + count) break;
      count += next->count;
    }
    node->seat->cause = node->groups[to - 1].mail->head.cause;
    vlot__node_emit_client(node, VLOT_EVENT_PROPOSE, first->client, first->sequence, count);
    for (size_t k = from; k < to; k++) node->groups[k].cause = node->seat->cause;
  }
}

static void add_proposals(vlot__node *node) {
  if (node->command_count == 0) return;
  emit_proposals(node);
  vlot_input *input = vlot__node_new_input(node, VLOT_INPUT_PROPOSE, node->seat->cause);
  if (!input) return;
  input->as.propose.commands = node->commands;
  input->as.propose.count = (uint32_t)node->command_count;
}

/* Inputs that the core did not take, for want of memory or because it is fenced: messages are lost
 * as on a network, clients are told, completions come again.
 */
static void give_up_node(vlot__node *node, uint32_t from, vlot_why why) {
  for (size_t k = from; k < node->input_count; k++) {
    const vlot_input *input = &node->inputs[k];
    switch (input->kind) {
    case VLOT_INPUT_STORED: node->stored_token = input->as.token; break;
    case VLOT_INPUT_WRITE_FAILED: node->failed_token = input->as.token; break;
    case VLOT_INPUT_APPLIED: node->told_applied = 0; break;
    case VLOT_INPUT_TRANSFER: /* who waits sees by itself that the node is fenced */
      if (why == VLOT_WHY_NO_MEMORY) vlot__transfers_settle(node, input, VLOT_NOMEM, why);
      break;
    case VLOT_INPUT_RESTORED: node->snapshots.owes_restored = true; break;
    case VLOT_INPUT_SNAPSHOT_TAKEN: vlot__snapshots_give_up(node, why); break;
    case VLOT_INPUT_READ: vlot__node_drop_read(node, input->as.read_tag, why); break;
    case VLOT_INPUT_PROPOSE:
      vlot__node_settle_groups(node, &(vlot_outcome){.result = VLOT_REJECTED, .why = why});
      break;
    default: break;
    }
  }
}

/* One step of the core and what follows from it. False: the node is fenced, or killed meanwhile.
 *
 * output->lost is not looked at: whoever waits here is answered by what is applied at (index, term)
 * in the end, which covers what was lost, too (node_apply.c).
 */
static bool step_core(vlot__node *node) {
  const vlot_output *output;
  vlot_result result =
      vlot_raft_step(node->raft, node->inputs, (uint32_t)node->input_count, &output);
  vlot__observe_write(node->seat, &output->write, node->applied_index);
  emit_changes(node, output);
  vlot__node_read_time(node, output);
  vlot__node_settle_outcomes(node, output);
  if (result != VLOT_OK)
    give_up_node(node, output->consumed,
                 result == VLOT_NOMEM ? VLOT_WHY_NO_MEMORY : VLOT_WHY_CRASHED);
  if (result == VLOT_FENCED) {
    node->is_fenced = true;
    vlot__node_settle_reads(node, output);
    (void)vlot__node_let_go(node, NULL); /* what clients are told */
    return false;
  }
  if (!vlot__node_let_go(node, output)) return false;
  vlot__snapshots_see(node, output);
  if (output->has_swapped) vlot__snapshots_swap(node);
  if (node->is_void) return false;
  vlot__node_apply(node, output);
  if (node->is_void) return false;
  vlot__node_settle_reads(node, output);
  vlot__node_serve_reads(node);
  /* without memory: go on in a later turn */
  return result == VLOT_OK && !node->is_fenced && !node->is_void;
}

static void release_mail(vlot__node *node) {
  for (size_t k = 0; k < node->input_count; k++) {
    if (node->inputs[k].kind != VLOT_INPUT_MESSAGE) continue;
    const vlot_message *message = node->inputs[k].as.message;
    if (message->kind == VLOT_MESSAGE_INSTALL) vlot_snapshot_release(message->as.install.snapshot);
    if (message->kind != VLOT_MESSAGE_APPEND) continue;
    for (uint32_t s = 0; s < message->as.append.slice_count; s++)
      vlot_batch_release(message->as.append.slices[s].batch);
  }
  for (size_t k = 0; k < node->group_count; k++)
    vlot__mail_dispose(VLOT__MAIL_PROPOSE, node->groups[k].mail);
}

/* False: there is nothing to be told to the core now. */
static bool add_what_follows(vlot__node *node) {
  vlot__snapshots_restore(node);
  bool follows = (node->stored_token && node->awaits_storage) || node->failed_token ||
                 node->snapshots.owes_restored || node->applied_index < node->commit_index;
  bool is_due = !follows && vlot__snapshots_are_due(node);
  bool compacts = !follows && !is_due && node->snapshots.compact_to > 0;
  if (node->is_void || (!follows && !is_due && !compacts)) return false;
  add_internal_inputs(node);
  if (is_due) vlot__snapshots_take(node);
  if (compacts) vlot__snapshots_compact(node);
  vlot__snapshots_keep(node);
  if (node->is_void) node->input_count = 0;
  return node->input_count > 0;
}

/* Step until nothing more follows at once: a write that is durable already is told to the core in
 * the same turn if something in there waits for it, else with the next input.
 */
static void end_steps(vlot__node *node) {
  if (node->is_fenced) return;
  add_internal_inputs(node);
  add_proposals(node);
  if (node->is_void) node->input_count = 0; /* killed while it kept a snapshot */
  bool goes_on = node->input_count == 0 || step_core(node);
  vlot__snapshots_taken(node);
  release_mail(node);
  node->command_count = node->group_count = node->input_count = 0;
  while (goes_on && add_what_follows(node)) {
    goes_on = step_core(node);
    vlot__snapshots_taken(node);
    node->input_count = 0;
  }
  if (node->is_fenced && !node->is_void) {
    node->seat->cause = node->fenced_event;
    vlot__node_give_up_waiting(node, VLOT_WHY_CRASHED);
    vlot__forwards_give_up(node, VLOT_WHY_CRASHED);
  }
  vlot__node_serve_reads(node);
  if (vlot__forwards_wait(node)) vlot__forwards_end(node);
  (void)vlot__node_let_go(node, NULL);
}

void vlot__node_end(vlot__node *node) {
  node->turns++;
  end_steps(node);
  VLOT__RECORD(node->cluster, end, node);
}
