/* Opening a core, and its one door: step(). Take inputs in order, then finish: commit, answer,
 * apply, send, write. */
#include <string.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/hook.h"
#include "raft/batch.h"
#include "raft/core.h"
#include "raft/message.h"

enum {
  CHANGES_PER_INPUT = 24, /* more than any input causes beside one per slice */
};

/* --- inputs --- */

static void end_leadership(vlot_raft *raft) {
  vlot__leader_end(raft);
  vlot__change_end(raft);
  vlot__transfer_end(raft);
}

/* Become a follower of the present term, without a leader. */
static void step_down(vlot_raft *raft, vlot_why why) {
  if (vlot__role_follow(raft, raft->hard.term, 0, 0, why)) end_leadership(raft);
  VLOT_ASSERT(raft->role == VLOT_ROLE_FOLLOWER);
  VLOT_ASSERT(raft->leader == 0);
}

/* Only answers of this term leave nothing that waits. */
static bool may_wait_for_storage(const vlot_raft *raft, const vlot_message *message) {
  switch ((vlot_message_kind)message->kind) {
  case VLOT_MESSAGE_PRE_VOTE_REPLY:
  case VLOT_MESSAGE_VOTE_REPLY:
  case VLOT_MESSAGE_APPEND_REPLY:
  case VLOT_MESSAGE_INSTALL_REPLY: return message->term > raft->hard.term;
  case VLOT_MESSAGE_PRE_VOTE:
  case VLOT_MESSAGE_VOTE:
  case VLOT_MESSAGE_APPEND:
  case VLOT_MESSAGE_INSTALL:
  case VLOT_MESSAGE_TIMEOUT_NOW: break;
  }
  return true;
}

static vlot__next take_message(vlot_raft *raft, const vlot_message *message) {
  vlot_why why = vlot_message_check(message);
  if (why == VLOT_WHY_NONE && message->to != raft->id) why = VLOT_WHY_NOT_FOR_ME;
  /* before its term is looked at: who was removed deposes nobody by answering late */
  if (why == VLOT_WHY_NONE && message->term > raft->hard.term &&
      (vlot_message_rules_of(message->kind) & VLOT_RULE_REPLY) &&
      !vlot__peers_have(raft, message->from))
    why = VLOT_WHY_UNKNOWN_MEMBER;
  if (why == VLOT_WHY_NONE && vlot__durable_is_full(raft) && may_wait_for_storage(raft, message))
    why = VLOT_WHY_WRITES_FULL;
  if (why != VLOT_WHY_NONE) {
    vlot__out_change(raft, VLOT_CHANGE_IGNORED, why, message->from, message->kind, 0,
                     message->term);
    return VLOT__NEXT_NOTHING;
  }
  bool was_leader;
  vlot__term_verdict verdict = vlot__role_observe_term(raft, message, &was_leader);
  if (was_leader) end_leadership(raft);
  switch ((vlot_message_kind)message->kind) {
  case VLOT_MESSAGE_PRE_VOTE:
  case VLOT_MESSAGE_VOTE: vlot__election_on_vote(raft, message, verdict); break;
  case VLOT_MESSAGE_PRE_VOTE_REPLY:
  case VLOT_MESSAGE_VOTE_REPLY: return vlot__election_on_reply(raft, message, verdict);
  case VLOT_MESSAGE_APPEND: vlot__follower_on_append(raft, message, verdict); break;
  case VLOT_MESSAGE_INSTALL: vlot__install_on_chunk(raft, message, verdict); break;
  case VLOT_MESSAGE_APPEND_REPLY:
  case VLOT_MESSAGE_INSTALL_REPLY: vlot__leader_on_reply(raft, message, verdict); break;
  case VLOT_MESSAGE_TIMEOUT_NOW: return vlot__transfer_on_timeout_now(raft, message, verdict);
  }
  return VLOT__NEXT_NOTHING;
}

static void refuse_input(vlot_outcome *outcome, vlot_result result, vlot_why why) {
  outcome->result = result;
  outcome->why = why;
}

/* How many of the commands fit, from the first on; *why says what stopped the next one. The first
 * entry of a term always fits: without a no-op nothing else commits a full tail of earlier terms
 * (5.4.2), and it would stay full for ever. So does the first one of a tail: a limit below what it
 * takes would let nothing through. A log that is full waits for a snapshot.
 */
static uint32_t acceptable(const vlot_raft *raft, const vlot_input *input, vlot_why *why) {
  uint64_t bytes = raft->tail_bytes, log_bytes = raft->log_bytes;
  uint64_t log_max = raft->options.log_bytes_max ? raft->options.log_bytes_max : UINT64_MAX;
  bool is_first = raft->log.last_index < raft->term_first_index;
  for (uint32_t k = 0; k < input->as.propose.count; k++) {
    const vlot_command *command = &input->as.propose.commands[k];
    bool always_fits = k == 0 && (is_first || raft->tail_bytes == 0);
    bytes += (uint64_t)command->size + VLOT_ENTRY_OVERHEAD;
    log_bytes += (uint64_t)command->size + VLOT_ENTRY_OVERHEAD;
    bool fits_log = log_bytes <= log_max || (k == 0 && (is_first || raft->log_bytes == 0));
    *why = command->size > raft->options.entry_bytes_max          ? VLOT_WHY_ENTRY_TOO_LARGE
           : bytes > raft->options.tail_bytes_max && !always_fits ? VLOT_WHY_TAIL_FULL
           : !fits_log                                            ? VLOT_WHY_LOG_FULL
           : raft->log.last_index + k + 1 >= VLOT_INDEX_MAX       ? VLOT_WHY_INDEX_LIMIT
                                                                  : VLOT_WHY_NONE;
    if (*why != VLOT_WHY_NONE) return k;
  }
  return input->as.propose.count;
}

/* False without memory, with nothing changed. */
static bool take_propose(vlot_raft *raft, const vlot_input *input, vlot_outcome *outcome) {
  if (raft->role != VLOT_ROLE_LEADER) {
    refuse_input(outcome, VLOT_NOT_LEADER, VLOT_WHY_NOT_LEADER);
    return true;
  }
  if (input->as.propose.count == 0) {
    refuse_input(outcome, VLOT_INVALID, VLOT_WHY_NONE);
    return true;
  }
  if (vlot__durable_is_full(raft) || raft->transfer.to != 0) {
    refuse_input(outcome, VLOT_BUSY,
                 raft->transfer.to != 0 ? VLOT_WHY_TRANSFER : VLOT_WHY_WRITES_FULL);
    return true;
  }
  vlot_why why;
  uint32_t count = acceptable(raft, input, &why);
  VLOT_ASSERT(why != VLOT_WHY_NONE || count == input->as.propose.count);
  if (count > 0) {
    vlot_batch *batch =
        vlot__batch_from_commands(raft->allocator, input->as.propose.commands, count);
    if (!batch) return false;
    vlot__leader_propose(raft, batch, count, outcome);
    vlot_batch_release(batch);
  }
  if (why != VLOT_WHY_NONE)
    refuse_input(outcome, why == VLOT_WHY_ENTRY_TOO_LARGE ? VLOT_TOO_LARGE : VLOT_BUSY, why);
  return true;
}

static vlot__next take_campaign(vlot_raft *raft, bool is_forced, vlot_outcome *outcome) {
  vlot_why obstacle = vlot__role_campaign_obstacle(raft);
  if (raft->role == VLOT_ROLE_LEADER) {
    refuse_input(outcome, VLOT_EXISTS, VLOT_WHY_IS_LEADER);
    return VLOT__NEXT_NOTHING;
  }
  if (obstacle != VLOT_WHY_NONE) {
    refuse_input(outcome, VLOT_REJECTED, obstacle);
    return VLOT__NEXT_NOTHING;
  }
  return is_forced ? VLOT__NEXT_ELECT : VLOT__NEXT_PRE_CAMPAIGN;
}

static void take_step_down(vlot_raft *raft, vlot_outcome *outcome) {
  if (raft->role == VLOT_ROLE_FOLLOWER) {
    refuse_input(outcome, VLOT_NOT_LEADER, VLOT_WHY_NOT_LEADER);
    return;
  }
  step_down(raft, VLOT_WHY_ASKED);
}

static void take_forget_leader(vlot_raft *raft, vlot_outcome *outcome) {
  if (raft->role == VLOT_ROLE_LEADER) {
    refuse_input(outcome, VLOT_INVALID, VLOT_WHY_IS_LEADER);
    return;
  }
  vlot__role_forget_leader(raft, VLOT_WHY_LEADER_FORGOTTEN);
}

static void take_write_failed(vlot_raft *raft, uint64_t token) {
  vlot_why why = token > raft->last_token ? VLOT_WHY_TOKEN_UNKNOWN : VLOT_WHY_WRITE_FAILED;
  for (size_t k = 0; k < raft->writes.count; k++) {
    const vlot__pending_write *write = vlot__ring_at(&raft->writes, k);
    if (write->token == token) raft->source.cause = write->cause;
  }
  vlot__fence(raft, why, 0, token, raft->last_token, raft->hard.term);
}

static void take_applied(vlot_raft *raft, uint64_t index) {
  VLOT_DUTY(index <= raft->handed_index,
            "say APPLIED for no index above what was handed out in apply");
  if (index > raft->applied_index) raft->applied_index = index;
}

static vlot__next follow_up(vlot_raft *raft, vlot__next next, vlot_why why) {
  switch (next) {
  case VLOT__NEXT_NOTHING: return VLOT__NEXT_NOTHING;
  case VLOT__NEXT_PRE_CAMPAIGN: return vlot__election_pre_campaign(raft, why);
  case VLOT__NEXT_CAMPAIGN: return vlot__election_campaign(raft, false, VLOT_WHY_PRE_VOTES_WON);
  case VLOT__NEXT_ELECT: return vlot__election_campaign(raft, true, VLOT_WHY_FORCED);
  case VLOT__NEXT_TAKE_OVER: return vlot__election_campaign(raft, true, VLOT_WHY_TRANSFER);
  case VLOT__NEXT_RETIRE: step_down(raft, VLOT_WHY_REMOVED); return VLOT__NEXT_NOTHING;
  case VLOT__NEXT_COUNT_OWN_VOTE: return vlot__election_count_own_vote(raft);
  case VLOT__NEXT_LOSE: step_down(raft, VLOT_WHY_QUORUM_REFUSED); return VLOT__NEXT_NOTHING;
  case VLOT__NEXT_STEP_DOWN: step_down(raft, VLOT_WHY_NO_QUORUM_CONTACT); return VLOT__NEXT_NOTHING;
  case VLOT__NEXT_LEAD:
    vlot__role_lead(raft);
    vlot__leader_begin(raft);
    return VLOT__NEXT_NOTHING;
  }
  return VLOT__NEXT_NOTHING;
}

static vlot_outcome *new_outcome(vlot_raft *raft, uint32_t position) {
  vlot_outcome *outcome = vlot__out_push(&raft->out_outcomes, sizeof *outcome);
  *outcome = (vlot_outcome){.input = position, .term = raft->hard.term};
  return outcome;
}

/* Inputs that need memory beyond what is reserved. False without it, with nothing changed. */
static bool take_with_memory(vlot_raft *raft, const vlot_input *input, uint32_t position) {
  vlot_outcome *outcome = new_outcome(raft, position);
  /* what waits for an answer is one of each */
  bool is_taken = vlot__out_reserve(raft, &raft->out_answers, 2, sizeof(vlot_late_answer));
  if (is_taken && input->kind == VLOT_INPUT_CHANGE)
    is_taken = vlot__change_take(raft, input, outcome);
  else if (is_taken && input->kind == VLOT_INPUT_RANKS)
    is_taken = vlot__ranks_take(raft, input, outcome);
  else if (is_taken)
    vlot__transfer_take(raft, input, outcome);
  if (!is_taken) raft->out_outcomes.count--;
  return is_taken;
}

/* Take one input; room for what it causes is reserved. False without memory for a batch, with
 * nothing changed. */
static bool take(vlot_raft *raft, const vlot_input *input, uint32_t position) {
  vlot__next next = VLOT__NEXT_NOTHING;
  vlot_why why = VLOT_WHY_ASKED;
  raft->source.cause = raft->kept_cause = input->cause;
  raft->source.place++;
  switch (input->kind) {
  case VLOT_INPUT_TICK:
    next = vlot__time_take_tick(raft, input);
    why = input->as.tick.is_fired ? VLOT_WHY_TIMER_FIRED : VLOT_WHY_ELECTION_TIMEOUT;
    break;
  case VLOT_INPUT_MESSAGE: next = take_message(raft, input->as.message); break;
  case VLOT_INPUT_PROPOSE:
    if (!take_propose(raft, input, new_outcome(raft, position))) {
      raft->out_outcomes.count--;
      return false;
    }
    break;
  case VLOT_INPUT_CHANGE:
  case VLOT_INPUT_TRANSFER:
  case VLOT_INPUT_RANKS:
    if (!take_with_memory(raft, input, position)) return false;
    break;
  case VLOT_INPUT_CANCEL_CHANGE: vlot__change_cancel(raft, new_outcome(raft, position)); break;
  case VLOT_INPUT_READ:
    vlot__reads_register(raft, input->as.read_tag, new_outcome(raft, position));
    break;
  case VLOT_INPUT_CAMPAIGN: next = take_campaign(raft, false, new_outcome(raft, position)); break;
  case VLOT_INPUT_ELECT: next = take_campaign(raft, true, new_outcome(raft, position)); break;
  case VLOT_INPUT_STEP_DOWN: take_step_down(raft, new_outcome(raft, position)); break;
  case VLOT_INPUT_FORGET_LEADER: take_forget_leader(raft, new_outcome(raft, position)); break;
  case VLOT_INPUT_STORED:
    next = vlot__durable_on_stored(raft, input->as.token);
    vlot__install_on_stored(raft);
    break;
  case VLOT_INPUT_WRITE_FAILED: take_write_failed(raft, input->as.token); break;
  case VLOT_INPUT_APPLIED: take_applied(raft, input->as.index); break;
  case VLOT_INPUT_SWITCHES: raft->switches = input->as.switches & VLOT_SWITCH_ALL; break;
  case VLOT_INPUT_SNAPSHOT_TAKEN:
    vlot__install_on_taken(raft, input, new_outcome(raft, position));
    break;
  case VLOT_INPUT_RESTORED:
    vlot__install_on_restored(raft, input->as.restored, new_outcome(raft, position));
    break;
  }
  while (next != VLOT__NEXT_NOTHING) next = follow_up(raft, next, why);
  return true;
}

/* --- room --- */

static bool may_campaign(const vlot_raft *raft, const vlot_input *input) {
  switch (input->kind) {
  case VLOT_INPUT_TICK:
    return raft->role != VLOT_ROLE_LEADER &&
           (input->as.tick.elapsed >= raft->election_ticks || /* the sum could overflow */
            raft->election_elapsed + input->as.tick.elapsed >= raft->election_ticks);
  case VLOT_INPUT_MESSAGE:
    return input->as.message->kind == VLOT_MESSAGE_PRE_VOTE_REPLY ||
           input->as.message->kind == VLOT_MESSAGE_TIMEOUT_NOW;
  case VLOT_INPUT_CAMPAIGN:
  case VLOT_INPUT_ELECT: return true;
  default: return false;
  }
}

static bool has_configs(const vlot_message *message) {
  const vlot_slice *slices = message->as.append.slices;
  for (uint32_t k = 0; slices && k < message->as.append.slice_count; k++)
    if (slices[k].batch && slices[k].batch->has_configs) return true;
  return false;
}

/* Everything an input may need, before it is taken. */
static bool reserve(vlot_raft *raft, const vlot_input *input) {
  size_t slices = 1; /* a no-op, a batch */
  size_t messages = 1;
  size_t changes = CHANGES_PER_INPUT;
  if (input->kind == VLOT_INPUT_MESSAGE && input->as.message->kind == VLOT_MESSAGE_APPEND &&
      /* more is malformed: no room for it */
      input->as.message->as.append.slice_count <= VLOT__MESSAGE_ENTRIES_MAX) {
    slices += input->as.message->as.append.slice_count;
    if ((raft->has_open_config || has_configs(input->as.message)) &&
        !vlot__follower_reserve(raft, input->as.message))
      return false;
  }
  if (input->kind == VLOT_INPUT_STORED) messages += raft->held.count;
  if (input->kind == VLOT_INPUT_RESTORED && !vlot__install_reserve(raft)) return false;
  if (input->kind == VLOT_INPUT_MESSAGE && input->as.message->kind == VLOT_MESSAGE_INSTALL &&
      !vlot__install_reserve_chunk(raft, input->as.message))
    return false;
  if (may_campaign(raft, input)) messages += raft->peer_count;
  if (input->kind == VLOT_INPUT_READ &&
      (!vlot__ring_reserve(&raft->reads, 1) ||
       !vlot__out_reserve(raft, &raft->out_reads, raft->reads.count + 1, sizeof(vlot_read_answer))))
    return false;
  if (input->kind == VLOT_INPUT_PROPOSE &&
      (!vlot__ring_reserve(&raft->proposed, 1) ||
       !vlot__out_reserve(raft, &raft->out_lost, raft->proposed.count + 1, sizeof(vlot_lost))))
    return false;
  return vlot__out_reserve_messages(raft, messages) && vlot__ring_reserve(&raft->held, messages) &&
         vlot__out_reserve(raft, &raft->out_changes, changes + slices, sizeof(vlot_change)) &&
         vlot__out_reserve(raft, &raft->out_outcomes, 1, sizeof(vlot_outcome)) &&
         vlot__out_reserve(raft, &raft->out_write, raft->appended_slices + slices,
                           sizeof(vlot_slice)) &&
         vlot_log_reserve(&raft->log, slices) && vlot__ring_reserve(&raft->writes, 1);
}

/* --- finish --- */

/* Committed entries that were not handed out yet, as many as the machine may have before it and as
 * there is memory for. */
static void hand_out_entries(vlot_raft *raft) {
  uint64_t limit = vlot__hand_out_limit(raft);
  VLOT_ASSERT(raft->applied_index <= raft->handed_index);
  if (raft->handed_index >= limit) return;
  size_t k = vlot_log_find(&raft->log, raft->handed_index + 1);
  while (raft->handed_index < limit &&
         vlot__out_reserve(raft, &raft->out_apply, 1, sizeof(vlot_slice))) {
    vlot_slice *slice = vlot__out_push(&raft->out_apply, sizeof *slice);
    *slice = vlot__slice_cut(vlot_log_slice(&raft->log, k++), raft->handed_index + 1, limit);
    raft->handed_index = vlot__slice_last(slice);
  }
  VLOT_ASSERT(raft->handed_index <= raft->commit_index);
}

static void begin_step(vlot_raft *raft) {
  raft->out_messages.count = raft->out_causes.count = 0;
  raft->output.why_count = 0;
  raft->out_slices.count = raft->out_write.count = raft->out_apply.count = 0;
  raft->out_reads.count = raft->out_lost.count = raft->out_outcomes.count =
      raft->out_changes.count = raft->out_answers.count = 0;
  raft->output.write = (vlot_write){0};
  raft->output.has_swapped = 0;
  raft->output.restore = NULL;
  raft->output.restore_cause = raft->output.compact_index = raft->output.compact_term = 0;
  raft->has_new_base = raft->owes_base;
  raft->owes_base = false;
  raft->change_from = UINT64_MAX;
  raft->appended_slices = 0;
  raft->has_hard_changed = false;
  raft->step_place = ++raft->source.place;
  raft->write_cause = 0;
}

/* Held messages wait, and so does a sole voter, whose own disk is the quorum. Any other leader
 * needs an answer first anyway. */
static bool awaits_storage(const vlot_raft *raft) {
  return raft->held.count > 0 || vlot__config_is_sole_voter(raft);
}

/* Part of a snapshot that nobody sends any more, or that the log has overtaken. */
static void drop_receipt(vlot_raft *raft) {
  const vlot__receipt *receipt = raft->receipt;
  if (!receipt || receipt->stage >= VLOT__RECEIPT_RESTORING) return;
  if (receipt->stage == VLOT__RECEIPT_EMPTY || receipt->term < raft->hard.term ||
      vlot_snapshot_get(receipt->snapshot)->index <= raft->commit_index)
    vlot__receipt_drop(&raft->receipt, raft->allocator);
}

/* What is under way beside entries. Apart from steps that have none of it. */
static __attribute__((noinline)) void attend_to_change(vlot_raft *raft) {
  if (raft->is_fenced) return;
  if (raft->role == VLOT_ROLE_LEADER && raft->change.is_due) {
    vlot__change_go_on(raft);
    if (raft->change.is_retiring &&
        vlot__out_reserve(raft, &raft->out_changes, 1, sizeof(vlot_change)))
      vlot__transfer_retire(raft);
  }
}

/* Last of all that leaves: the target is to have what was sent before it campaigns. */
static __attribute__((noinline)) void attend_to_transfer(vlot_raft *raft) {
  if (raft->transfer.to != 0 && !raft->is_fenced) vlot__transfer_look(raft);
  raft->has_business = raft->change.is_due || raft->change.is_retiring || raft->transfer.to != 0;
}

static void finish_step(vlot_raft *raft) {
  vlot_output *output = &raft->output;
  drop_receipt(raft);
  bool leads = raft->role == VLOT_ROLE_LEADER && !raft->is_fenced;
  if (leads && raft->new_matches > 0) vlot__commit_count(raft);
  if (raft->has_business) attend_to_change(raft);
  if (leads) {
    vlot__reads_answer(raft);
    vlot__leader_send(raft);
  }
  if (raft->has_business) attend_to_transfer(raft);
  if (!raft->is_fenced) hand_out_entries(raft);
  vlot__durable_write(raft);
  output->messages = raft->out_messages.items;
  output->message_causes = raft->out_causes.items;
  output->message_count = (uint32_t)raft->out_messages.count;
  output->apply = raft->out_apply.items;
  output->apply_count = (uint32_t)raft->out_apply.count;
  output->reads = raft->out_reads.items;
  output->read_count = (uint32_t)raft->out_reads.count;
  output->lost = raft->out_lost.items;
  output->lost_count = (uint32_t)raft->out_lost.count;
  output->outcomes = raft->out_outcomes.items;
  output->outcome_count = (uint32_t)raft->out_outcomes.count;
  output->changes = raft->out_changes.items;
  output->change_count = (uint32_t)raft->out_changes.count;
  output->answers = raft->out_answers.items;
  output->answer_count = (uint32_t)raft->out_answers.count;
  output->write_cause = raft->write_cause;
  vlot__time_plan(raft, output);
  output->leader = raft->leader;
  output->awaits_storage = awaits_storage(raft);
  output->after = (vlot_brief){.term = raft->hard.term,
                               .last_index = raft->log.last_index,
                               .commit_index = raft->commit_index,
                               .vote = raft->hard.vote,
                               .role = raft->role};
}

/* Builds for debugging look at the laws after each step, others only where somebody asks. */
#ifdef VLOT_CHECK_STEPS
enum { CHECKS_STEPS = 1 };
#else
enum { CHECKS_STEPS = 0 };
#endif

static void check_laws(const vlot_raft *raft, vlot_raft_seen before) {
  const char *broken = vlot_raft_check(raft, &before);
  if (!broken) return;
  const vlot__evidence seen[] = {{"node", raft->id},
                                 {"role", raft->role},
                                 {"term", raft->hard.term},
                                 {"vote", raft->hard.vote},
                                 {"leader", raft->leader},
                                 {"base", raft->log.base_index},
                                 {"last", raft->log.last_index},
                                 {"durable", raft->durable_index},
                                 {"commit", raft->commit_index},
                                 {"applied", raft->applied_index},
                                 {"stored token", raft->stored_token},
                                 {"last token", raft->last_token}};
  vlot__assert_bug(__FILE__, __LINE__, broken, seen, sizeof seen / sizeof *seen);
}

vlot_result vlot_raft_step(vlot_raft *raft, const vlot_input *inputs, uint32_t count,
                           const vlot_output **output) {
  VLOT_GIVEN(raft);
  VLOT_GIVEN(output);
  vlot_result result = VLOT_OK;
  uint32_t taken = 0;
  vlot_raft_seen before;
  if (CHECKS_STEPS) before = vlot__invariant_see(raft);
  begin_step(raft);
  for (; taken < count && !raft->is_fenced; taken++) {
    if (reserve(raft, &inputs[taken]) && take(raft, &inputs[taken], taken)) continue;
    result = VLOT_NOMEM;
    break;
  }
  finish_step(raft);
  raft->output.consumed = taken;
  VLOT_ASSERT(raft->output.outcome_count <= taken);
  *output = &raft->output;
  if (CHECKS_STEPS) check_laws(raft, before);
  return raft->is_fenced ? VLOT_FENCED : result;
}
