/* Without memory: the k-th allocation fails, alone or with all later ones, for every k of a script
 * of inputs. The step says VLOT_NOMEM, nothing of the input has happened, and the same input taken
 * again brings the same state as if nothing had been.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "raft/snapshot.h"

enum { MEMBERS = 3 };

/* One core and two peers that say what the script wants. */
typedef struct bench {
  vlot_fault_allocator *faults;
  vlot_raft *raft;
  uint64_t token, handed;                /* of the last write; last index handed out */
  uint64_t dealing, request_id;          /* of the last append to member 2 */
  uint64_t third_dealing, third_request; /* … to member 3 */
  uint32_t chunks;                       /* sent */
  uint64_t fails_from;                   /* number of the allocation that fails */
  uint32_t failures;
  char trail[8192]; /* what came out, of all steps */
} bench;

static const vlot_member members[MEMBERS] = {{.id = 1}, {.id = 2}, {.id = 3}};

static vlot_result open_core(bench *at, const vlot_raft_options *like) {
  vlot_raft_options options = *like;
  options.allocator = vlot_fault_allocator_get(at->faults);
  options.id = 1;
  options.members = members;
  options.member_count = MEMBERS;
  options.heartbeat_ticks = 1;
  options.election_ticks_min = 10;
  options.election_ticks_max = 11;
  const char *problem = NULL;
  return vlot_raft_open(&at->raft, &options, &problem);
}

/* What counts of a state. */
static void describe(const vlot_raft *raft, char *text, size_t size) {
  vlot_raft_status s;
  vlot_raft_get_status(raft, &s);
  snprintf(
      text, size,
      "%d T%llu v%u L%u c%llu a%llu l%llu/%llu d%llu h%u r%u t%llu e%u b%llu s%llu g%llu/%llu %u "
      "m%llu/%u%u>%u q%u",
      (int)s.role, (unsigned long long)s.term, s.vote, s.leader, (unsigned long long)s.commit_index,
      (unsigned long long)s.applied_index, (unsigned long long)s.last_index,
      (unsigned long long)s.last_term, (unsigned long long)s.durable_index, s.held_messages,
      s.pending_reads, (unsigned long long)s.tail_bytes, s.election_elapsed,
      (unsigned long long)s.base_index, (unsigned long long)s.snapshot_index,
      (unsigned long long)s.receives_offset, (unsigned long long)s.receives_index, s.is_installing,
      (unsigned long long)s.config_index, s.is_joint, s.is_changing, s.transfer_to, s.quorum);
}

static void note(bench *at, const vlot_output *output) {
  if (output->write.token) at->token = output->write.token;
  for (uint32_t k = 0; k < output->message_count; k++) {
    const vlot_message *message = &output->messages[k];
    if (message->kind == VLOT_MESSAGE_APPEND && message->to == 3) {
      at->third_dealing = message->dealing;
      at->third_request = message->request_id;
    }
    at->chunks += message->kind == VLOT_MESSAGE_INSTALL;
    if (message->kind == VLOT_MESSAGE_APPEND && message->to == 2) {
      at->dealing = message->dealing;
      at->request_id = message->request_id;
    }
    if (message->kind == VLOT_MESSAGE_PRE_VOTE || message->kind == VLOT_MESSAGE_VOTE)
      at->request_id = message->request_id;
  }
  for (uint32_t k = 0; k < output->apply_count; k++)
    at->handed = output->apply[k].index + output->apply[k].count - 1;
}

/* One input until it is taken; in between everything must be as before. */
static void give(bench *at, vlot_input input) {
  char before[384], after[384];
  describe(at->raft, before, sizeof before);
  for (int tries = 0;; tries++) {
    cr_assert_lt(tries, 200, "it never recovers");
    const vlot_output *output = NULL;
    vlot_result result = vlot_raft_step(at->raft, &input, 1, &output);
    note(at, output);
    describe(at->raft, after, sizeof after);
    if (result == VLOT_OK) {
      cr_assert_eq(output->consumed, 1);
      break;
    }
    cr_assert_eq(result, VLOT_NOMEM);
    cr_assert_eq(output->consumed, 0);
    cr_assert_eq(output->outcome_count, 0);
    cr_assert_eq(output->write.token, 0);
    cr_assert_str_eq(after, before, "something of it has happened");
    at->failures++;
    vlot_fault_allocator_fail_at(at->faults, 0, false); /* memory is back */
  }
  /* Sending and handing out are put off without memory, not refused: the next step, even an empty
   * one, catches up. */
  if (vlot_fault_allocator_made(at->faults) >= at->fails_from)
    vlot_fault_allocator_fail_at(at->faults, 0, false);
  const vlot_output *output = NULL;
  cr_assert_eq(vlot_raft_step(at->raft, NULL, 0, &output), VLOT_OK);
  note(at, output);
  describe(at->raft, after, sizeof after);
  size_t used = strlen(at->trail);
  snprintf(at->trail + used, sizeof at->trail - used, "%s\n", after);
}

static void tick(bench *at, uint64_t now, uint64_t elapsed) {
  vlot_input input = {.kind = VLOT_INPUT_TICK};
  input.as.tick.now = now;
  input.as.tick.elapsed = elapsed;
  give(at, input);
}

static void store(bench *at) {
  give(at, (vlot_input){.kind = VLOT_INPUT_STORED, .as.token = at->token});
}

static void propose(bench *at, const char *text) {
  vlot_command command = {.data = (const uint8_t *)text, .size = strlen(text)};
  vlot_input input = {.kind = VLOT_INPUT_PROPOSE};
  input.as.propose.commands = &command;
  input.as.propose.count = 1;
  give(at, input);
}

static void hear(bench *at, vlot_message message) {
  message.to = 1;
  give(at, (vlot_input){.kind = VLOT_INPUT_MESSAGE, .as.message = &message});
}

static vlot_message grant(const bench *at, uint16_t kind, uint64_t term) {
  return (vlot_message){.kind = kind,
                        .flags = VLOT_MESSAGE_OK,
                        .from = 2,
                        .term = term,
                        .request_id = at->request_id};
}

static void acknowledge(bench *at, uint64_t term, uint64_t match) {
  vlot_message reply = grant(at, VLOT_MESSAGE_APPEND_REPLY, term);
  reply.dealing = at->dealing;
  reply.as.reply.match_index = match;
  hear(at, reply);
}

/* An append of three slices from member 3, as of a batch of its own. */
static void follow(bench *at, uint64_t term, uint64_t prev_index, uint64_t prev_term,
                   uint64_t commit) {
  vlot_entry entries[3] = {{.kind = 1}, {.kind = 1}, {.kind = 1}};
  vlot_batch *batch = vlot_batch_make(NULL, entries, NULL, 3);
  vlot_slice slices[3];
  for (uint32_t k = 0; k < 3; k++)
    slices[k] = (vlot_slice){
        .batch = batch, .index = prev_index + 1 + k, .term = term, .first = k, .count = 1};
  vlot_message message = {
      .kind = VLOT_MESSAGE_APPEND, .from = 3, .term = term, .request_id = 1, .dealing = 1};
  message.as.append.prev_index = prev_index;
  message.as.append.prev_term = prev_term;
  message.as.append.commit = commit;
  message.as.append.slices = slices;
  message.as.append.slice_count = message.as.append.entry_count = 3;
  hear(at, message);
  vlot_batch_release(batch);
}

static void be_elected(bench *at) {
  tick(at, 10, 10);
  hear(at, grant(at, VLOT_MESSAGE_PRE_VOTE_REPLY, 0));
  store(at);
  hear(at, grant(at, VLOT_MESSAGE_VOTE_REPLY, 1));
  store(at);
}

/* A life that passes every door: elected, proposing, reading, committing, applying, deposed,
 * following, overwritten. */
static void live(bench *at) {
  be_elected(at);
  propose(at, "one");
  propose(at, "two");
  store(at);
  acknowledge(at, 1, 3);
  give(at, (vlot_input){.kind = VLOT_INPUT_APPLIED, .as.index = at->handed});
  give(at, (vlot_input){.kind = VLOT_INPUT_READ, .as.read_tag = 5});
  tick(at, 11, 1);
  acknowledge(at, 1, 3);
  for (int k = 0; k < 20; k++) propose(at, "many"); /* until arrays have to grow */
  store(at);
  hear(at, (vlot_message){.kind = VLOT_MESSAGE_VOTE,
                          .flags = VLOT_MESSAGE_FORCED,
                          .from = 3,
                          .term = 2,
                          .request_id = 1,
                          .as.vote = {.last_index = 30, .last_term = 1}});
  store(at);
  follow(at, 2, 3, 1, 3);
  store(at);
  follow(at, 2, 6, 2, 9);
  store(at);
  give(at, (vlot_input){.kind = VLOT_INPUT_CAMPAIGN});
  give(at, (vlot_input){.kind = VLOT_INPUT_ELECT});
  store(at);
  give(at, (vlot_input){.kind = VLOT_INPUT_STEP_DOWN});
  give(at, (vlot_input){.kind = VLOT_INPUT_SWITCHES, .as.switches = 0});
}

/* Of three members, or of two: then the peers are others. */
static vlot_snapshot_head head_at(uint64_t index, uint64_t term, uint32_t count) {
  vlot_snapshot_head head = {.index = index, .term = term, .size = 6};
  head.checksum = vlot_snapshot_checksum(VLOT_SNAPSHOT_CHECKSUM, "state.", 6);
  head.configuration = vlot_configuration_make(NULL, members, count, NULL, 0);
  return head;
}

static void hear_part(bench *at, uint64_t term, uint64_t index, uint64_t offset) {
  vlot_snapshot_head head = head_at(index, 2, 2);
  uint8_t *data = NULL;
  vlot_snapshot *part = vlot__snapshot_make_part(NULL, &head, offset, 3, &data);
  memcpy(data, &"state."[offset], 3);
  vlot_message message = {
      .kind = VLOT_MESSAGE_INSTALL, .from = 3, .term = term, .request_id = 1, .dealing = 1};
  message.as.install.snapshot = part;
  message.as.install.offset = offset;
  message.as.install.length = 3;
  hear(at, message);
  vlot_snapshot_release(part);
  vlot_configuration_release(head.configuration);
}

/* Takes a snapshot, sends it, leads no more, and is sent another one. */
static void live_with_snapshots(bench *at) {
  be_elected(at);
  propose(at, "one");
  store(at);
  acknowledge(at, 1, 2);
  give(at, (vlot_input){.kind = VLOT_INPUT_APPLIED, .as.index = at->handed});
  vlot_snapshot_head head = head_at(2, 1, MEMBERS);
  vlot_bytes *bytes = vlot_bytes_copy(NULL, "state.", 6);
  vlot_snapshot *snapshot = vlot_snapshot_make(NULL, &head, bytes);
  vlot_input taken = {.kind = VLOT_INPUT_SNAPSHOT_TAKEN};
  taken.as.taken.snapshot = snapshot;
  taken.as.taken.compact_to = 2;
  give(at, taken);
  vlot_snapshot_release(snapshot);
  vlot_bytes_release(bytes);
  vlot_configuration_release(head.configuration);
  vlot_message refusal = {.kind = VLOT_MESSAGE_APPEND_REPLY,
                          .why = VLOT_WHY_LOG_MISMATCH,
                          .from = 3,
                          .term = 1,
                          .request_id = at->third_request,
                          .dealing = at->third_dealing};
  refusal.as.reply.prev_index = 1; /* of the first append: what stands before it is missing too */
  hear(at, refusal);
  tick(at, 12, 2);
  cr_assert_gt(at->chunks, 0);
  hear_part(at, 3, 9, 3);
  store(at);
  hear_part(at, 4, 9, 3); /* the same of another leader */
  store(at);
  hear_part(at, 4, 10, 0); /* a newer one */
  hear_part(at, 4, 10, 3);
  give(at, (vlot_input){.kind = VLOT_INPUT_RESTORED});
  store(at);
}

static void change(bench *at, vlot_edit_kind kind, uint32_t id, bool is_joint) {
  vlot_edit edit = {.kind = kind, .id = id};
  vlot_input input = {.kind = VLOT_INPUT_CHANGE};
  input.as.change.edits = &edit;
  input.as.change.count = 1;
  input.as.change.is_joint = is_joint;
  give(at, input);
}

/* An append of one configuration, of member 2 and some others. */
static void follow_config(bench *at, uint64_t term, uint64_t prev_index, uint64_t prev_term,
                          uint32_t count) {
  const vlot_member many[] = {{.id = 2}, {.id = 1}, {.id = 3}, {.id = 4}, {.id = 5}, {.id = 6}};
  vlot_configuration *one = vlot_configuration_make(NULL, many, count, NULL, 0);
  uint8_t bytes[256];
  size_t size = vlot_configuration_encode(one, bytes, sizeof bytes);
  vlot_entry entry = {.data = bytes, .size = (uint32_t)size, .kind = VLOT_ENTRY_CONFIG};
  vlot_batch *batch = vlot_batch_make(NULL, &entry, NULL, 1);
  vlot_slice slice = {.batch = batch, .index = prev_index + 1, .term = term, .count = 1};
  vlot_message message = {
      .kind = VLOT_MESSAGE_APPEND, .from = 2, .term = term, .request_id = 1, .dealing = 1};
  message.as.append.prev_index = prev_index;
  message.as.append.prev_term = prev_term;
  message.as.append.slices = &slice;
  message.as.append.slice_count = message.as.append.entry_count = 1;
  hear(at, message);
  vlot_batch_release(batch);
  vlot_configuration_release(one);
}

/* Removes a member by way of both, begins to add one, takes that back, hands over, and is told of
 * other configurations, one of which is truncated. */
static void live_with_members(bench *at) {
  be_elected(at);
  acknowledge(at, 1, 1);
  change(at, VLOT_EDIT_REMOVE, 3, true);
  store(at);
  acknowledge(at, 1, 2);
  store(at);
  acknowledge(at, 1, 3);
  change(at, VLOT_EDIT_ADD_VOTER, 4, false);
  store(at);
  acknowledge(at, 1, 4);
  give(at, (vlot_input){.kind = VLOT_INPUT_CANCEL_CHANGE});
  store(at);
  acknowledge(at, 1, 5);
  const vlot_rank ranks[] = {{2, 1}};
  vlot_input ranked = {.kind = VLOT_INPUT_RANKS};
  ranked.as.ranks.ranks = ranks;
  ranked.as.ranks.count = 1;
  give(at, ranked);
  vlot_input transfer = {.kind = VLOT_INPUT_TRANSFER};
  transfer.as.transfer.to = 2;
  give(at, transfer);
  vlot_raft_status status;
  vlot_raft_get_status(at->raft, &status);
  cr_assert_eq(status.config_index, 5, "%llu", (unsigned long long)status.config_index);
  cr_assert_eq(status.transfer_to, 2);
  hear(at, (vlot_message){.kind = VLOT_MESSAGE_VOTE,
                          .flags = VLOT_MESSAGE_FORCED,
                          .from = 2,
                          .term = 2,
                          .request_id = 1,
                          .as.vote = {.last_index = 5, .last_term = 1}});
  store(at);
  follow_config(at, 2, 5, 1, 6);
  store(at);
  follow_config(at, 3, 5, 1, 4);
  store(at);
  hear(at,
       (vlot_message){
           .kind = VLOT_MESSAGE_TIMEOUT_NOW, .from = 2, .term = 3, .request_id = 9, .dealing = 1});
  store(at);
  vlot_raft_get_status(at->raft, &status);
  cr_assert_eq(status.role, VLOT_ROLE_CANDIDATE);
  cr_assert_eq(status.quorum, 3);
}

static void (*lives[])(bench *at) = {live, live_with_snapshots, live_with_members};

/* Runs the life with the n-th allocation failing; returns the allocations it took. */
static uint64_t live_with(uint64_t n, bool is_sticky, bench *at, int life) {
  vlot_raft_options options;
  vlot_raft_options_init(&options);
  memset(at, 0, sizeof *at);
  at->faults = vlot_fault_allocator_open();
  cr_assert_eq(open_core(at, &options), VLOT_OK);
  uint64_t before = vlot_fault_allocator_made(at->faults);
  vlot_fault_allocator_fail_at(at->faults, n, is_sticky);
  at->fails_from = n > 0 ? before + n : UINT64_MAX;
  lives[life](at);
  uint64_t made = vlot_fault_allocator_made(at->faults) - before;
  vlot_raft_close(at->raft);
  cr_assert_eq(vlot_fault_allocator_live(at->faults), 0, "leaked");
  vlot_fault_allocator_close(at->faults);
  return made;
}

static void sweep(bool is_sticky, int life) {
  static bench calm, troubled;
  uint64_t made = live_with(0, false, &calm, life);
  cr_assert_gt(made, 10);
  uint32_t refused = 0;
  for (uint64_t n = 1; n <= made; n++) {
    live_with(n, is_sticky, &troubled, life);
    cr_assert_str_eq(troubled.trail, calm.trail, "allocation %d", (int)n);
    refused += troubled.failures;
  }
  cr_assert_gt(refused, made / 3, "hardly any allocation was for an input");
}

Test(memory, a_step_that_had_none_can_be_repeated) { sweep(false, 0); }

Test(memory, a_step_that_had_none_for_a_while_can_be_repeated) { sweep(true, 0); }

Test(memory, a_step_with_a_snapshot_that_had_none_can_be_repeated) { sweep(false, 1); }

Test(memory, a_step_with_a_snapshot_that_had_none_for_a_while_can_be_repeated) { sweep(true, 1); }

Test(memory, a_step_with_a_change_that_had_none_can_be_repeated) { sweep(false, 2); }

Test(memory, a_step_with_a_change_that_had_none_for_a_while_can_be_repeated) { sweep(true, 2); }

Test(memory, an_open_that_has_none_makes_nothing) {
  vlot_log_entry entries[3] = {
      {.term = 1, .entry.kind = 1}, {.term = 1, .entry.kind = 1}, {.term = 2, .entry.kind = 1}};
  vlot_raft_options options;
  vlot_raft_options_init(&options);
  options.hard.term = 2;
  options.log_entries = entries;
  options.log_entry_count = 3;
  for (int is_sticky = 0; is_sticky < 2; is_sticky++) {
    uint64_t n = 0;
    for (vlot_result result = VLOT_NOMEM; result != VLOT_OK;) {
      bench at = {.faults = vlot_fault_allocator_open(), .fails_from = UINT64_MAX};
      vlot_fault_allocator_fail_at(at.faults, ++n, is_sticky);
      result = open_core(&at, &options);
      cr_assert(result == VLOT_OK || result == VLOT_NOMEM);
      cr_assert((result == VLOT_OK) == (at.raft != NULL));
      vlot_raft_close(at.raft);
      cr_assert_eq(vlot_fault_allocator_live(at.faults), 0);
      vlot_fault_allocator_close(at.faults);
    }
    cr_assert_gt(n, 8, "there was something to fail");
  }
}

Test(memory, of_a_group_of_inputs_those_before_the_failure_stand) {
  bench at = {.faults = vlot_fault_allocator_open(), .fails_from = UINT64_MAX};
  vlot_raft_options options;
  vlot_raft_options_init(&options);
  cr_assert_eq(open_core(&at, &options), VLOT_OK);
  tick(&at, 10, 10);
  hear(&at, grant(&at, VLOT_MESSAGE_PRE_VOTE_REPLY, 0));
  store(&at);
  hear(&at, grant(&at, VLOT_MESSAGE_VOTE_REPLY, 1));
  store(&at);
  vlot_command command = {.data = (const uint8_t *)"x", .size = 1};
  vlot_input inputs[40] = {0};
  for (int k = 0; k < 40; k++) {
    inputs[k].kind = VLOT_INPUT_PROPOSE;
    inputs[k].as.propose.commands = &command;
    inputs[k].as.propose.count = 1;
  }
  const vlot_output *output;
  vlot_fault_allocator_fail_at(at.faults, 20, false);
  cr_assert_eq(vlot_raft_step(at.raft, inputs, 40, &output), VLOT_NOMEM);
  uint32_t taken = output->consumed;
  cr_assert(taken > 0 && taken < 40);
  cr_assert_eq(output->outcome_count, taken);
  vlot_raft_status status;
  vlot_raft_get_status(at.raft, &status);
  cr_assert_eq(status.last_index, 1 + taken);
  cr_assert_eq(output->write.slice_count, taken, "what was taken is written");
  cr_assert_eq(vlot_raft_step(at.raft, inputs + taken, 40 - taken, &output), VLOT_OK);
  vlot_raft_get_status(at.raft, &status);
  cr_assert_eq(status.last_index, 41);
  vlot_raft_close(at.raft);
  vlot_fault_allocator_close(at.faults);
}

/* Even where nothing else would wake the node. */
Test(memory, what_could_not_be_handed_out_is_so_at_the_next_tick) {
  for (uint64_t n = 1;; n++) {
    cr_assert_lt(n, 50, "handing out never lacked memory");
    vlot_raft_options options;
    vlot_raft_options_init(&options);
    bench at = {.faults = vlot_fault_allocator_open(), .fails_from = UINT64_MAX};
    options.allocator = vlot_fault_allocator_get(at.faults);
    options.id = 1;
    options.members = members;
    options.member_count = 1;
    cr_assert_eq(vlot_raft_open(&at.raft, &options, NULL), VLOT_OK);
    give(&at, (vlot_input){.kind = VLOT_INPUT_CAMPAIGN});
    store(&at);
    vlot_fault_allocator_fail_at(at.faults, n, false);
    const vlot_output *output;
    vlot_input stored = {.kind = VLOT_INPUT_STORED, .as.token = at.token};
    vlot_result result = vlot_raft_step(at.raft, &stored, 1, &output);
    bool is_put_off = result == VLOT_OK && output->apply_count == 0;
    if (is_put_off) {
      cr_assert_eq(output->next_timer, 1);
      vlot_input tick = {.kind = VLOT_INPUT_TICK, .as.tick = {.now = 1, .elapsed = 1}};
      cr_assert_eq(vlot_raft_step(at.raft, &tick, 1, &output), VLOT_OK);
      cr_assert_eq(output->apply_count, 1);
      cr_assert_eq(output->next_timer, VLOT_NEVER);
    }
    vlot_raft_close(at.raft);
    vlot_fault_allocator_close(at.faults);
    if (is_put_off) break;
  }
}

/* A vote, a heartbeat and stepping down need nothing new once they have been done. */
Test(memory, what_was_done_before_needs_none_again) {
  bench at = {.faults = vlot_fault_allocator_open(), .fails_from = UINT64_MAX};
  vlot_raft_options options;
  vlot_raft_options_init(&options);
  cr_assert_eq(open_core(&at, &options), VLOT_OK);
  for (uint64_t term = 1; term <= 3; term++) {
    if (term == 3) vlot_fault_allocator_fail_at(at.faults, 1, true);
    uint64_t made = vlot_fault_allocator_made(at.faults);
    hear(&at, (vlot_message){.kind = VLOT_MESSAGE_VOTE,
                             .flags = VLOT_MESSAGE_FORCED,
                             .from = 3,
                             .term = term,
                             .request_id = term});
    store(&at);
    vlot_message heartbeat = {
        .kind = VLOT_MESSAGE_APPEND, .from = 3, .term = term, .request_id = term, .dealing = 1};
    hear(&at, heartbeat);
    if (term == 3) cr_assert_eq(vlot_fault_allocator_made(at.faults), made);
  }
  cr_assert_eq(at.failures, 0);
  vlot_raft_close(at.raft);
  vlot_fault_allocator_close(at.faults);
}
