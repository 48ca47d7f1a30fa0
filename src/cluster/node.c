/* A running member: mail becomes inputs of its core, the core's output becomes writes, messages,
 * applies and answers. There is no thread in here: both drivers call begin, take, end.
 */
#include <string.h>

#include "cluster/node.h"

/* --- opening and closing --- */

static vlot_result create_machine(vlot__node *node) {
  vlot_cluster *cluster = node->cluster;
  node->machine = cluster->machine.create(cluster->machine.context, node->slot->id,
                                          cluster->options.is_replaying != 0);
  return node->machine ? VLOT_OK : VLOT_FAILED;
}

static vlot_result open_core(vlot__node *node, const vlot_stored *stored, const char **problem) {
  vlot__slot *slot = node->slot;
  vlot_raft_options options = node->cluster->options.raft;
  options.allocator = node->allocator;
  options.id = slot->id;
  options.members = node->cluster->members;
  options.member_count = node->cluster->nodes;
  options.seed = vlot__prng_mix(slot->seed + slot->incarnation);
  options.now = 0;
  options.request_base = ((uint64_t)slot->incarnation << 32) + 1;
  options.hard = stored->hard;
  options.hard.disk_id = slot->disk_id;
  options.base_index = stored->base_index;
  options.base_term = stored->base_term;
  options.log_slices = stored->slices;
  options.log_slice_count = stored->slice_count;
  options.log_entries = NULL;
  options.log_entry_count = 0;
  options.base_snapshot = NULL;
  return vlot_raft_open(&node->raft, &options, problem);
}

static void read_time(vlot__node *node, const vlot_output *output) {
  node->next_timer = output->next_timer;
  node->spare = output->next_timer == VLOT_NEVER ? VLOT_NEVER
                : output->next_timer > node->now ? output->next_timer - node->now - 1
                                                 : 0;
}

void vlot__node_free(vlot__node *node) {
  if (node->machine) node->cluster->machine.destroy(node->machine);
  vlot_raft_close(node->raft);
  vlot__replies_deinit(&node->replies);
  for (size_t k = 0; k < node->waiting_reads.count; k++)
    vlot__alloc_free(node->allocator,
                     ((vlot__node_read *)vlot__ring_at(&node->waiting_reads, k))->question);
  vlot__ring_deinit(&node->waiters);
  vlot__ring_deinit(&node->waiting_reads);
  vlot__alloc_free(node->allocator, node->inputs);
  vlot__alloc_free(node->allocator, node->commands);
  vlot__alloc_free(node->allocator, node->groups);
  vlot__alloc_free(node->allocator, node->answers.bytes);
  vlot__alloc_free(node->allocator, node->tape.bytes);
  vlot__alloc_free(node->allocator, node);
}

vlot__node *vlot__node_open(vlot__slot *slot, vlot_result *result, const char **problem) {
  vlot_cluster *cluster = slot->cluster;
  vlot_stored stored = {0};
  *problem = "the storage cannot be read";
  *result = slot->storage.load(slot->storage.context, &stored);
  if (*result != VLOT_OK) return NULL;
  *problem = "out of memory";
  *result = VLOT_NOMEM;
  vlot__node *node = vlot__alloc_zero(cluster->allocator, 1, sizeof *node);
  if (!node) return NULL;
  node->slot = slot;
  node->cluster = cluster;
  node->allocator = cluster->allocator;
  node->seen_tick = vlot__now(cluster);
  node->permille = atomic_load(&slot->clock_permille);
  node->tape.open = SIZE_MAX;
  vlot__replies_init(&node->replies, cluster->allocator);
  vlot__ring_init(&node->waiters, cluster->allocator, sizeof(vlot__waiter));
  vlot__ring_init(&node->waiting_reads, cluster->allocator, sizeof(vlot__node_read));
  *result = open_core(node, &stored, problem);
  if (*result == VLOT_OK) {
    *problem = "the machine could not be created";
    *result = create_machine(node);
  }
  if (*result != VLOT_OK) {
    vlot__node_free(node);
    return NULL;
  }
  const vlot_output *output;
  *result = vlot_raft_step(node->raft, NULL, 0, &output);
  read_time(node, output);
  node->brief = output->after;
  node->applied_index = node->told_applied = node->commit_index = stored.base_index;
  vlot__observe_recovered(slot, &stored);
  return node;
}

void vlot__node_share(vlot__node *node) { atomic_store(&node->has_left, false); }

bool vlot__node_leave(vlot__node *node) { return atomic_exchange(&node->has_left, true); }

vlot__slot *vlot__node_slot(const vlot__node *node) { return node->slot; }

/* --- the fence --- */

/* Effects are let go between enter and leave, so that a kill is wholly before or wholly after them.
 * In lockstep no kill comes between two instructions.
 */
bool vlot__node_enter_effects(vlot__node *node) {
  bool may = !node->is_void && (!node->actor || vlot_actor_enter(node->actor));
  return node->cluster->has_tapes ? vlot__tape_check(node, may) : may;
}

void vlot__node_leave_effects(vlot__node *node) {
  if (node->actor) vlot_actor_leave(node->actor);
}

/* After user code: was this node killed meanwhile? Then its place may belong to another incarnation
 * already. */
bool vlot__node_is_void(vlot__node *node) {
  if (node->actor && vlot_actor_is_fenced(node->actor)) node->is_void = true;
  if (node->cluster->has_tapes && !vlot__tape_check(node, !node->is_void)) node->is_void = true;
  return node->is_void;
}

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
  }
  return VLOT_EVENT_STEP;
}

/* APPEND, TRUNCATE, COMMIT speak of entries: first, count, and the chain at the newest entry that
 * stands after it. */
static void emit_slice(vlot__node *node, const vlot_change *change, vlot_event_kind kind) {
  vlot_event *event =
      vlot__event_begin(node->cluster, node->slot, kind, (vlot_why)change->why, change->peer);
  uint64_t first = kind == VLOT_EVENT_COMMIT ? change->from + 1 : change->from;
  uint64_t newest = kind == VLOT_EVENT_TRUNCATE ? change->from - 1 : change->to;
  uint64_t term;
  event->as.slice.first = first;
  event->as.slice.count = change->to - first + 1;
  event->as.slice.term = change->term;
  if (!vlot__model_at(&node->slot->model, newest, &term, &event->as.slice.chain))
    event->as.slice.chain = 0;
  vlot__emit(node->cluster, node->slot, event);
}

static void emit_changes(vlot__node *node, const vlot_output *output) {
  vlot__slot *slot = node->slot;
  vlot_event *event = vlot__event_begin(node->cluster, slot, VLOT_EVENT_STEP, VLOT_WHY_NONE, 0);
  event->as.step.before = node->brief;
  event->as.step.after = node->brief = output->after;
  node->leader = output->leader;
  node->awaits_storage = output->awaits_storage != 0;
  slot->cause = vlot__emit(node->cluster, slot, event);
  for (uint32_t k = 0; k < output->change_count; k++) {
    const vlot_change *change = &output->changes[k];
    vlot_event_kind kind = event_kind_of(change);
    switch ((vlot_change_kind)change->kind) {
    case VLOT_CHANGE_COMMIT: node->commit_index = change->to; /* fall through */
    case VLOT_CHANGE_APPEND:
    case VLOT_CHANGE_TRUNCATE: emit_slice(node, change, kind); break;
    default:
      vlot__emit_change(node->cluster, slot, kind, (vlot_why)change->why, change->peer,
                        change->from, change->to, change->term);
    }
  }
}

/* --- the core's output: effects --- */

static void submit_write(vlot__node *node, const vlot_write *write) {
  vlot__slot *slot = node->slot;
  if (write->token == 0) return;
  vlot_storage_done done = {.context = slot, .done = vlot__write_done};
  vlot_result result = node->cluster->has_tapes
                           ? vlot__tape_submit(node, write, &done)
                           : slot->storage.submit(slot->storage.context, write, &done);
  if (result == VLOT_OK)
    node->stored_token = write->token;
  else if (result == VLOT_PENDING)
    slot->has_pending_writes = true;
  else
    node->failed_token = write->token;
}

static void send_message(vlot__node *node, const vlot_message *message) {
  vlot__slot *slot = node->slot;
  vlot__mail_message mail = {.message = *message};
  uint32_t slices = message->kind == VLOT_MESSAGE_APPEND ? message->as.append.slice_count : 0;
  vlot_piece pieces[2] = {{.data = &mail, .size = sizeof mail},
                          {.size = slices * sizeof(vlot_slice)}};
  if (slices > 0) {
    pieces[1].data = message->as.append.slices;
    for (uint32_t k = 0; k < slices; k++) vlot_batch_retain(message->as.append.slices[k].batch);
  }
  vlot__contact *contact = slot->contacts ? &slot->contacts[message->to - 1] : NULL;
  (void)vlot__route(node->cluster, slot, contact, message->to, VLOT__MAIL_MESSAGE, message->kind,
                    pieces, slices > 0 ? 2 : 1);
}

/* Writes, messages, answers: inside one enter and leave. */
static bool let_go(vlot__node *node, const vlot_output *output) {
  bool has_effects =
      node->answers.size > 0 || (output && (output->write.token != 0 || output->message_count > 0));
  if (!has_effects) return true;
  if (!vlot__node_enter_effects(node)) return false;
  if (output) {
    submit_write(node, &output->write);
    for (uint32_t k = 0; k < output->message_count; k++) send_message(node, &output->messages[k]);
  }
  vlot__node_deliver_answers(node);
  vlot__node_leave_effects(node);
  return true;
}

/* --- a turn --- */

static void add_internal_inputs(vlot__node *node) {
  if (node->applied_index > node->told_applied) {
    vlot_input *input = vlot__node_new_input(node, VLOT_INPUT_APPLIED);
    if (input) input->as.index = node->told_applied = node->applied_index;
  }
  if (node->failed_token) {
    vlot_input *input = vlot__node_new_input(node, VLOT_INPUT_WRITE_FAILED);
    if (input) input->as.token = node->failed_token;
    node->failed_token = 0;
  }
  if (node->stored_token) {
    vlot_input *input = vlot__node_new_input(node, VLOT_INPUT_STORED);
    if (!input) return;
    input->as.token = node->stored_token;
    node->stored_token = 0;
  }
}

/* One event for commands in a row of one client. */
static void emit_proposals(vlot__node *node) {
  for (size_t from = 0, to; from < node->group_count; from = to) {
    const vlot__mail_propose *first = node->groups[from].mail;
    uint32_t count = first->count;
    for (to = from + 1; to < node->group_count; to++) {
      const vlot__mail_propose *next = node->groups[to].mail;
      if (next->client != first->client || next->sequence != first->sequence + count) break;
      count += next->count;
    }
    vlot__node_emit_client(node, VLOT_EVENT_PROPOSE, first->client, first->sequence, count);
  }
}

static void add_proposals(vlot__node *node) {
  if (node->command_count == 0) return;
  emit_proposals(node);
  vlot_input *input = vlot__node_new_input(node, VLOT_INPUT_PROPOSE);
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
    case VLOT_INPUT_READ: vlot__node_drop_read(node, input->as.read_tag, VLOT_REJECTED, why); break;
    case VLOT_INPUT_PROPOSE:
      vlot__node_settle_groups(node, &(vlot_outcome){.result = VLOT_REJECTED, .why = why});
      break;
    default: break;
    }
  }
}

/* One step of the core and what follows from it. False: the node is fenced, or killed meanwhile. */
static bool step_core(vlot__node *node) {
  const vlot_output *output;
  vlot_result result =
      vlot_raft_step(node->raft, node->inputs, (uint32_t)node->input_count, &output);
  vlot__observe_write(node->slot, &output->write);
  emit_changes(node, output);
  read_time(node, output);
  vlot__node_settle_outcomes(node, output);
  if (result != VLOT_OK)
    give_up_node(node, output->consumed,
                 result == VLOT_NOMEM ? VLOT_WHY_NO_MEMORY : VLOT_WHY_CRASHED);
  if (result == VLOT_FENCED) {
    node->is_fenced = true;
    vlot__node_settle_reads(node, output);
    return let_go(node, NULL) && false;
  }
  if (!let_go(node, output)) return false;
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
    if (message->kind != VLOT_MESSAGE_APPEND) continue;
    for (uint32_t s = 0; s < message->as.append.slice_count; s++)
      vlot_batch_release(message->as.append.slices[s].batch);
  }
  for (size_t k = 0; k < node->group_count; k++)
    vlot__mail_dispose(VLOT__MAIL_PROPOSE, (void *)(uintptr_t)node->groups[k].mail);
}

/* Step until nothing more follows at once: a write that is durable already is told to the core in
 * the same turn if something in there waits for it, else with the next input.
 */
static void end_steps(vlot__node *node) {
  if (node->is_fenced) return;
  add_internal_inputs(node);
  add_proposals(node);
  bool goes_on = node->input_count == 0 || step_core(node);
  release_mail(node);
  node->command_count = node->group_count = node->input_count = 0;
  while (goes_on && ((node->stored_token && node->awaits_storage) || node->failed_token ||
                     node->applied_index < node->commit_index)) {
    add_internal_inputs(node);
    if (node->input_count == 0) break;
    goes_on = step_core(node);
    node->input_count = 0;
  }
  if (node->is_fenced && !node->is_void) vlot__node_give_up_waiting(node, VLOT_WHY_CRASHED);
  vlot__node_serve_reads(node);
  (void)let_go(node, NULL);
}

void vlot__node_end(vlot__node *node) {
  node->turns++;
  end_steps(node);
  if (node->cluster->journal) vlot__tape_end(node);
}

/* --- looking --- */

bool vlot__node_is_fenced(const vlot__node *node) { return node->is_fenced; }

const char *vlot__node_fenced_text(const vlot__node *node) {
  vlot_node_status status;
  vlot__node_get_status(node, &status);
  return vlot_why_text(status.raft.fenced_why);
}

const vlot_raft *vlot__node_raft(const vlot__node *node) { return node->raft; }

void vlot__node_get_status(const vlot__node *node, vlot_node_status *status) {
  vlot_raft_get_status(node->raft, &status->raft);
  if (node->is_fenced && !status->raft.is_fenced) {
    status->raft.is_fenced = 1;
    status->raft.fenced_why = node->fenced_why;
  }
  status->applied_index = node->applied_index;
  status->turns = node->turns;
  status->waiting = node->waiting_reads.count;
  for (size_t k = 0; k < node->waiters.count; k++)
    status->waiting += ((const vlot__waiter *)vlot__ring_at(&node->waiters, k))->count;
}

vlot_result vlot__node_hash(vlot__node *node, uint64_t *hash, uint64_t *applied) {
  if (!node->cluster->machine.hash) return VLOT_UNSUPPORTED;
  *hash = node->cluster->machine.hash(node->machine);
  *applied = node->applied_index;
  return VLOT_OK;
}
