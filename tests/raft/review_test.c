/* What a reviewer of the core tried to break: bounds of what comes in, disks that are slow but not
 * dead, a disk that lies, what a fenced step may still ask for, a thousand members.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "basin.h"
#include "raft/quorum.h"

/* --- one core, without a network -------------------------------------------------------------- */

static vlot_raft *open_core(uint32_t members, const vlot_allocator *allocator,
                            uint32_t like_ticks) {
  static vlot_member all[VLOT_MEMBERS_MAX];
  for (uint32_t k = 0; k < members; k++) all[k] = (vlot_member){.id = k + 1};
  vlot_raft_options options;
  vlot_raft_options_init(&options);
  options.allocator = allocator;
  options.id = 1;
  options.members = all;
  options.member_count = members;
  options.heartbeat_ticks = 1;
  options.election_ticks_min = like_ticks;
  options.election_ticks_max = like_ticks + 1;
  vlot_raft *raft = NULL;
  const char *problem = NULL;
  cr_assert_eq(vlot_raft_open(&raft, &options, &problem), VLOT_OK, "%s", problem);
  return raft;
}

static const vlot_output *take(vlot_raft *raft, const vlot_input *inputs, uint32_t count,
                               vlot_result expected) {
  const vlot_output *output = NULL;
  cr_assert_eq(vlot_raft_step(raft, inputs, count, &output), expected);
  return output;
}

static const vlot_output *take_one(vlot_raft *raft, vlot_input input, vlot_result expected) {
  return take(raft, &input, 1, expected);
}

static vlot_input tick(uint64_t now, uint64_t elapsed) {
  return (vlot_input){.kind = VLOT_INPUT_TICK, .as.tick = {.now = now, .elapsed = elapsed}};
}

static vlot_input stored(uint64_t token) {
  return (vlot_input){.kind = VLOT_INPUT_STORED, .as.token = token};
}

static vlot_input propose(const vlot_command *commands, uint32_t count) {
  return (vlot_input){.kind = VLOT_INPUT_PROPOSE,
                      .as.propose = {.commands = commands, .count = count}};
}

/* The only member leads, its no-op written but not said to be stored; returns that write's
 * token. */
static uint64_t lead_alone(vlot_raft *raft) {
  uint64_t vote = take_one(raft, (vlot_input){.kind = VLOT_INPUT_CAMPAIGN}, VLOT_OK)->write.token;
  const vlot_output *output = take_one(raft, stored(vote), VLOT_OK);
  cr_assert_eq(output->after.role, VLOT_ROLE_LEADER);
  return output->write.token;
}

/* --- what comes in ---------------------------------------------------------------------------- */

static void *resize_small(void *context, void *memory, size_t size) {
  (void)context;
  if (size == 0) {
    free(memory);
    return NULL;
  }
  return size > 1u << 20 ? NULL : realloc(memory, size);
}

/* A step that answered "no memory" would be given the same message again, for ever. */
Test(review, a_count_that_no_message_may_have_is_malformed_and_costs_no_memory, .timeout = 20) {
  const vlot_allocator small = {.resize = resize_small};
  vlot_raft *raft = open_core(3, &small, 10);
  vlot_message forged = {.kind = VLOT_MESSAGE_APPEND, .from = 2, .to = 1, .term = 1, .dealing = 1};
  forged.as.append.slice_count = UINT32_MAX;
  const vlot_output *output =
      take_one(raft, (vlot_input){.kind = VLOT_INPUT_MESSAGE, .as.message = &forged}, VLOT_OK);
  cr_assert_eq(output->change_count, 1);
  cr_assert_eq(output->changes[0].kind, VLOT_CHANGE_IGNORED);
  cr_assert_eq(output->changes[0].why, VLOT_WHY_MALFORMED);
  vlot_raft_close(raft);
}

Test(review, to_propose_nothing_is_invalid) {
  vlot_raft *raft = open_core(1, NULL, 10);
  take_one(raft, stored(lead_alone(raft)), VLOT_OK);
  vlot_command unused = {0};
  const vlot_output *output = take_one(raft, propose(&unused, 0), VLOT_OK);
  cr_assert_eq(output->outcome_count, 1);
  cr_assert_eq(output->outcomes[0].result, VLOT_INVALID);
  cr_assert_eq(output->outcomes[0].accepted, 0);
  cr_assert_eq(output->write.token, 0);
  vlot_raft_close(raft);
}

/* Many peers: more messages than the room that any input gets. */
Test(review, however_long_a_tick_was_there_is_room_for_the_campaign_that_follows) {
  vlot_raft *raft = open_core(64, NULL, 10);
  take_one(raft, tick(5, 5), VLOT_OK);
  const vlot_output *output = take_one(raft, tick(UINT64_MAX - 1, UINT64_MAX - 1), VLOT_OK);
  cr_assert_eq(output->message_count, 63);
  cr_assert_eq(output->after.role, VLOT_ROLE_PRE_CANDIDATE);
  vlot_raft_close(raft);
}

Test(review, a_log_that_peers_would_refuse_is_refused_at_start) {
  const vlot_member only = {.id = 1};
  const vlot_log_entry entry = {
      .term = 1, .entry = {.data = (const uint8_t *)"x", .size = 1, .kind = VLOT_ENTRY_NOOP}};
  vlot_batch *batch = vlot_batch_make(NULL, &entry.entry, NULL, 1);
  const vlot_slice slice = {.batch = batch, .index = 1, .term = 1, .count = 1};
  for (int with_slices = 0; with_slices <= 1; with_slices++) {
    vlot_raft_options options;
    vlot_raft_options_init(&options);
    options.id = 1;
    options.members = &only;
    options.member_count = 1;
    options.hard.term = 1;
    if (with_slices) {
      options.log_slices = &slice;
      options.log_slice_count = 1;
    } else {
      options.log_entries = &entry;
      options.log_entry_count = 1;
    }
    vlot_raft *raft = NULL;
    const char *problem = NULL;
    cr_assert_eq(vlot_raft_open(&raft, &options, &problem), VLOT_INVALID);
    cr_assert_not_null(problem);
  }
  vlot_batch_release(batch);
}

Test(review, status_knows_the_next_timer_before_the_first_step) {
  vlot_raft *raft = open_core(3, NULL, 10);
  vlot_raft_status status;
  vlot_raft_get_status(raft, &status);
  cr_assert_eq(status.next_timer, 10);
  cr_assert_eq(take(raft, NULL, 0, VLOT_OK)->next_timer, 10);
  vlot_raft_close(raft);
}

/* --- a fenced step ---------------------------------------------------------------------------- */

/* Storage that failed one write must not be asked for the next: it would leave a gap. */
Test(review, a_step_that_ends_fenced_asks_for_no_write) {
  vlot_raft *raft = open_core(1, NULL, 10);
  uint64_t token = lead_alone(raft);
  vlot_command command = {.data = (const uint8_t *)"x", .size = 1};
  vlot_input inputs[2] = {propose(&command, 1),
                          {.kind = VLOT_INPUT_WRITE_FAILED, .as.token = token}};
  const vlot_output *output = take(raft, inputs, 2, VLOT_FENCED);
  cr_assert_eq(output->consumed, 2);
  cr_assert_eq(output->write.token, 0);
  cr_assert_eq(output->write.slice_count, 0);
  cr_assert_eq(output->apply_count, 0);
  cr_assert_eq(output->next_timer, VLOT_NEVER);
  output = take(raft, inputs, 1, VLOT_FENCED);
  cr_assert_eq(output->consumed, 0);
  cr_assert_eq(output->write.token, 0);
  vlot_raft_close(raft);
}

/* --- disks that are slow but not dead --------------------------------------------------------- */

/* While a new leader probes, its first entry waits for the followers' disks: longer than an
 * election timeout. */
Test(review, a_slow_disk_does_not_look_like_a_dead_follower_to_a_leader_that_probes) {
  basin *b = basin_of(3);
  basin_campaign(b, 1);
  while (basin_status(b, 1).role != VLOT_ROLE_LEADER)
    cr_assert_gt(basin_deliver(b, BASIN_ANY, BASIN_ANY, BASIN_ANY), 0);
  basin_hold_disk(b, 2);
  basin_hold_disk(b, 3);
  basin_run(b, 60);
  cr_assert_eq(basin_status(b, 1).role, VLOT_ROLE_LEADER);
  cr_assert_eq(basin_status(b, 1).term, 1);
  cr_assert_eq(basin_status(b, 1).commit_index, 0);
  cr_assert_leq(basin_status(b, 2).held_messages, 4, "and acknowledgements do not pile up");
  basin_release_disk(b, 2);
  basin_release_disk(b, 3);
  basin_run(b, 3);
  cr_assert_eq(basin_status(b, 1).commit_index, 1);
  cr_assert_eq(basin_progress(b, 1, 2).match_index, 1);
  cr_assert_eq(basin_progress(b, 1, 2).inflight_messages, 0);
  basin_close(b);
}

/* Each tick comes together with a proposal, so that there is always an entry to send. */
Test(review, a_slow_disk_does_not_look_like_a_dead_follower_under_load) {
  basin *b = basin_of(3);
  basin_make_leader(b, 1);
  basin_run(b, 2);
  basin_hold_disk(b, 2);
  basin_hold_disk(b, 3);
  uint64_t now = basin_now(b, 1);
  vlot_command command = {.data = (const uint8_t *)"x", .size = 1};
  for (int k = 0; k < 40; k++) {
    now++;
    vlot_input inputs[2] = {tick(now, 1), propose(&command, 1)};
    cr_assert_eq(basin_step(b, 1, inputs, 2), VLOT_OK);
    basin_deliver_all(b);
  }
  cr_assert_eq(basin_status(b, 1).role, VLOT_ROLE_LEADER);
  cr_assert_eq(basin_status(b, 1).commit_index, 1);
  basin_release_disk(b, 2);
  basin_release_disk(b, 3);
  basin_deliver_all(b);
  cr_assert_eq(basin_status(b, 1).commit_index, 41);
  basin_close(b);
}

/* --- an acknowledgement that waits and becomes untrue meanwhile ----------------------------- */

static uint64_t highest_match(basin *b, uint32_t from, uint32_t to) {
  uint64_t highest = 0;
  const vlot_message *message;
  for (uint32_t k = 0; (message = basin_in_flight(b, k)); k++)
    if (message->kind == VLOT_MESSAGE_APPEND_REPLY && message->from == from && message->to == to &&
        message->as.reply.match_index > highest)
      highest = message->as.reply.match_index;
  return highest;
}

/* Two leaders of one term are a forgery. What one of them was to be told must still be true when it
 * leaves: the other has written over it. What stands below that is acknowledged as ever. */
Test(review, an_acknowledgement_of_what_was_written_over_meanwhile_never_leaves) {
  basin *b = basin_of(3);
  basin_lawless(b);
  basin_hold_disk(b, 2);
  vlot_message first = basin_forge_append(b, 1, 2, 2, 0, 0, 0, "1");
  cr_assert_eq(basin_inject(b, &first), VLOT_OK);
  vlot_message more = basin_forge_append(b, 1, 2, 2, 1, 1, 0, "1 1");
  cr_assert_eq(basin_inject(b, &more), VLOT_OK);
  basin_forget_leader(b, 2);
  vlot_message other = basin_forge_append(b, 3, 2, 2, 1, 1, 0, "2");
  cr_assert_eq(basin_inject(b, &other), VLOT_OK);
  cr_assert_str_eq(basin_log(b, 2), "1 2");
  cr_assert_eq(basin_status(b, 2).held_messages, 2);
  basin_store_all(b, 2);
  cr_assert_eq(basin_status(b, 2).durable_index, 2);
  cr_assert_eq(highest_match(b, 2, 1), 1, "of entry 1, which is still there");
  cr_assert_eq(highest_match(b, 2, 3), 2);
  basin_close(b);
}

/* --- a disk that lost what it had said was durable -------------------------------------------- */

/* The same disk, an older state: the refusal of a request sent after the acknowledgement proves the
 * loss. */
Test(review, a_follower_that_lost_what_it_acknowledged_is_filled_again) {
  basin *b = basin_of(3);
  basin_lawless(b); /* the disk lies */
  basin_make_leader(b, 1);
  basin_propose(b, 1, "a b c");
  basin_run(b, 3);
  cr_assert_eq(basin_progress(b, 1, 3).match_index, 4);
  basin_crash(b, 3);
  basin_preset(b, 3, 1, 1, "1");
  basin_start(b, 3);
  basin_run(b, 5);
  cr_assert_eq(basin_status(b, 1).role, VLOT_ROLE_LEADER);
  cr_assert_eq(basin_status(b, 3).last_index, 4);
  cr_assert_eq(basin_progress(b, 1, 3).match_index, 4);
  basin_close(b);
}

/* But a refusal that was overtaken proves nothing (the other exhibit of the pair: a delayed
 * conflict is not a loss). */
Test(review, a_late_refusal_is_not_a_loss) {
  basin *b = basin_of(3);
  basin_make_leader(b, 1);
  basin_propose(b, 1, "a");
  basin_run(b, 2);
  basin_propose(b, 1, "b");
  const vlot_message *append = basin_peek(b, 1, 3, VLOT_MESSAGE_APPEND);
  vlot_message refusal = basin_forge_reply(append, 1, false, 0);
  basin_deliver_all(b);
  vlot_progress before = basin_progress(b, 1, 3);
  cr_assert_eq(before.match_index, 3);
  basin_lawless(b); /* no follower would say this */
  basin_inject(b, &refusal);
  vlot_progress after = basin_progress(b, 1, 3);
  cr_assert_eq(after.match_index, before.match_index);
  cr_assert_eq(after.dealing, before.dealing);
  cr_assert_eq(after.state, before.state);
  basin_close(b);
}

/* --- members ---------------------------------------------------------------------------------- */

/* In whatever order they stand, and wherever the two are. */
Test(review, an_id_that_stands_twice_is_found_in_any_order) {
  const uint32_t cases[][5] = {{1, 1, 2, 3, 4}, {1, 2, 3, 4, 1}, {5, 4, 1, 3, 4},
                               {9, 1, 9, 2, 3}, {1, 5, 3, 2, 3}, {5, 4, 3, 2, 1}};
  const size_t count = sizeof cases / sizeof *cases;
  for (size_t k = 0; k < count; k++) {
    vlot_member members[5] = {{0}};
    for (size_t n = 0; n < 5; n++) members[n].id = cases[k][n];
    vlot_raft_options options;
    vlot_raft_options_init(&options);
    options.id = 1;
    options.members = members;
    options.member_count = 5;
    vlot_raft *raft = NULL;
    vlot_result expected = k + 1 < count ? VLOT_INVALID : VLOT_OK;
    cr_assert_eq(vlot_raft_open(&raft, &options, NULL), expected, "case %zu", k);
    vlot_raft_close(raft);
  }
}

/* --- a thousand members ----------------------------------------------------------------------- */

/* Equal values are the usual case: all peers hold everything. Choosing among them must not be
 * quadratic. */
Test(review, the_quorum_of_a_thousand_equal_values_is_found_in_linear_time, .timeout = 10) {
  static uint64_t values[VLOT_MEMBERS_MAX];
  uint64_t sum = 0;
  for (int round = 0; round < 30000; round++) {
    for (uint32_t k = 0; k < VLOT_MEMBERS_MAX; k++) values[k] = 7;
    sum += vlot__quorum_reached(values, VLOT_MEMBERS_MAX);
  }
  cr_assert_eq(sum, 210000);
}
