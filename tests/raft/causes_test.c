/* Whatever comes out of a step names the input that it came from, also where a step takes several
 * and where a message had to wait for the disk.
 */
#include <criterion/criterion.h>

#include "vlot/raft.h"

enum { FIRST = 100, SECOND = 200, THIRD = 300 };

static vlot_raft *open_core(uint32_t members) {
  vlot_member all[5];
  vlot_raft_options options;
  for (uint32_t k = 0; k < members; k++) all[k] = (vlot_member){.id = k + 1};
  vlot_raft_options_init(&options);
  options.id = 1;
  options.members = all;
  options.member_count = members;
  vlot_raft *raft = NULL;
  cr_assert_eq(vlot_raft_open(&raft, &options, NULL), VLOT_OK);
  return raft;
}

static const vlot_output *take(vlot_raft *raft, const vlot_input *inputs, uint32_t count) {
  const vlot_output *output = NULL;
  cr_assert_eq(vlot_raft_step(raft, inputs, count, &output), VLOT_OK);
  return output;
}

static vlot_input message(const vlot_message *message, uint64_t cause) {
  return (vlot_input){.kind = VLOT_INPUT_MESSAGE, .as.message = message, .cause = cause};
}

static vlot_input stored(uint64_t token, uint64_t cause) {
  return (vlot_input){.kind = VLOT_INPUT_STORED, .as.token = token, .cause = cause};
}

static vlot_input propose(const vlot_command *command, uint64_t cause) {
  return (vlot_input){
      .kind = VLOT_INPUT_PROPOSE, .as.propose = {.commands = command, .count = 1}, .cause = cause};
}

/* The cause of the only change of a kind. */
static uint64_t cause_of(const vlot_output *output, vlot_change_kind kind) {
  const vlot_change *found = NULL;
  for (uint32_t k = 0; k < output->change_count; k++) {
    if (output->changes[k].kind != kind) continue;
    cr_assert_null(found, "two of kind %d", kind);
    found = &output->changes[k];
  }
  cr_assert_not_null(found, "none of kind %d", kind);
  return found->cause;
}

static const vlot_message vote_asked = {.kind = VLOT_MESSAGE_VOTE, .from = 3, .to = 1, .term = 1};

static vlot_message append_of(uint32_t from, uint64_t term, uint64_t request) {
  return (vlot_message){.kind = VLOT_MESSAGE_APPEND,
                        .from = from,
                        .to = 1,
                        .term = term,
                        .request_id = request,
                        .dealing = 1};
}

/* The very case that the prompt told wrongly: a vote is asked for, and an append of who won. */
Test(causes, two_messages_of_one_step_are_not_mixed_up) {
  vlot_raft *raft = open_core(3);
  vlot_message append = append_of(3, 1, 7);
  vlot_input inputs[] = {message(&vote_asked, FIRST), message(&append, SECOND)};
  const vlot_output *output = take(raft, inputs, 2);
  cr_expect_eq(cause_of(output, VLOT_CHANGE_TERM), FIRST);
  cr_expect_eq(cause_of(output, VLOT_CHANGE_VOTE), FIRST);
  cr_expect_eq(cause_of(output, VLOT_CHANGE_LEADER), SECOND);
  cr_expect_eq(output->write_cause, FIRST, "the vote is what is written");
  cr_assert_eq(output->message_count, 0);
  vlot_input done = stored(output->write.token, THIRD);
  output = take(raft, &done, 1);
  cr_assert_eq(output->message_count, 2);
  cr_expect_eq(output->message_causes[0], FIRST, "of the request, not of the STORED");
  cr_expect_eq(output->message_causes[1], SECOND);
  cr_expect_eq(cause_of(output, VLOT_CHANGE_DURABLE), FIRST, "what was written");
  vlot_raft_close(raft);
}

/* n1 leads 1 … members, told by its input; returns the token of its no-op. */
static uint64_t lead(vlot_raft *raft, uint32_t voters) {
  vlot_input campaign = {.kind = VLOT_INPUT_ELECT, .cause = FIRST};
  const vlot_output *output = take(raft, &campaign, 1);
  vlot_input done = stored(output->write.token, SECOND);
  output = take(raft, &done, 1);
  cr_expect_eq(cause_of(output, VLOT_CHANGE_DURABLE), FIRST);
  cr_expect_eq(cause_of(output, VLOT_CHANGE_TALLY), SECOND, "the own vote counts from then on");
  cr_assert_eq(output->message_count, voters - 1);
  uint64_t request = output->messages[0].request_id;
  for (uint32_t k = 0; k + 1 < voters; k++) cr_expect_eq(output->message_causes[k], FIRST);
  for (uint32_t from = 2; output->after.role != VLOT_ROLE_LEADER; from++) {
    vlot_message reply = {.kind = VLOT_MESSAGE_VOTE_REPLY,
                          .flags = VLOT_MESSAGE_OK,
                          .from = from,
                          .to = 1,
                          .term = 1,
                          .request_id = request};
    vlot_input input = message(&reply, THIRD + from);
    output = take(raft, &input, 1);
    cr_expect_eq(cause_of(output, VLOT_CHANGE_TALLY), THIRD + from);
    if (output->after.role != VLOT_ROLE_LEADER) continue;
    cr_expect_eq(cause_of(output, VLOT_CHANGE_ROLE), THIRD + from, "the vote that was missing");
    cr_expect_eq(cause_of(output, VLOT_CHANGE_APPEND), THIRD + from);
    for (uint32_t k = 0; k < output->message_count; k++)
      cr_expect_eq(output->message_causes[k], THIRD + from);
  }
  return output->write.token;
}

static vlot_message ok_of(const vlot_raft *raft, uint32_t from, uint64_t match) {
  vlot_progress progress;
  vlot_message reply = {.kind = VLOT_MESSAGE_APPEND_REPLY,
                        .flags = VLOT_MESSAGE_OK,
                        .from = from,
                        .to = 1,
                        .term = 1,
                        .as.reply.match_index = match};
  cr_assert_eq(vlot_raft_get_progress(raft, from, &progress), VLOT_OK);
  reply.dealing = progress.dealing;
  return reply;
}

/* Five voters: of three replies in one step the second one makes the quorum. */
Test(causes, a_commit_names_the_reply_with_which_a_quorum_had_it) {
  vlot_raft *raft = open_core(5);
  uint64_t token = lead(raft, 5);
  vlot_message two = ok_of(raft, 2, 1), three = ok_of(raft, 3, 1), four = ok_of(raft, 4, 1);
  vlot_input inputs[] = {stored(token, 1), message(&two, FIRST), message(&three, SECOND),
                         message(&four, THIRD)};
  const vlot_output *output = take(raft, inputs, 4);
  cr_expect_eq(output->after.commit_index, 1);
  cr_expect_eq(cause_of(output, VLOT_CHANGE_COMMIT), SECOND);
  vlot_raft_close(raft);
}

/* n1 leads five, with so many commands behind its no-op, all of them on its own disk. */
static vlot_raft *lead_with(uint32_t commands) {
  vlot_raft *raft = open_core(5);
  vlot_command command = {.size = 0};
  uint64_t token = lead(raft, 5);
  for (uint32_t k = 0; k < commands; k++) {
    vlot_input asked = propose(&command, 1);
    token = take(raft, &asked, 1)->write.token;
  }
  vlot_input done = stored(token, 2);
  cr_assert_eq(take(raft, &done, 1)->after.commit_index, 0);
  return raft;
}

/* The quorum has two entries with the second reply, and the third says that its sender has more. */
Test(causes, a_commit_does_not_name_a_later_reply_of_who_had_it) {
  vlot_raft *raft = lead_with(2);
  vlot_message two = ok_of(raft, 2, 2), three = ok_of(raft, 3, 2), more = ok_of(raft, 3, 3);
  vlot_input inputs[] = {message(&two, FIRST), message(&three, SECOND), message(&more, THIRD)};
  const vlot_output *output = take(raft, inputs, 3);
  cr_expect_eq(output->after.commit_index, 2);
  cr_expect_eq(cause_of(output, VLOT_CHANGE_COMMIT), SECOND);
  vlot_raft_close(raft);
}

/* Who had more than what is committed before the step completes nothing with what it has now. */
Test(causes, a_commit_does_not_name_who_had_it_in_an_earlier_step) {
  vlot_raft *raft = lead_with(3);
  vlot_message two = ok_of(raft, 2, 3), more = ok_of(raft, 2, 4), three = ok_of(raft, 3, 2);
  vlot_input before = message(&two, FIRST);
  cr_expect_eq(take(raft, &before, 1)->after.commit_index, 0);
  vlot_input inputs[] = {message(&three, SECOND), message(&more, THIRD)};
  const vlot_output *output = take(raft, inputs, 2);
  cr_expect_eq(output->after.commit_index, 2);
  cr_expect_eq(cause_of(output, VLOT_CHANGE_COMMIT), SECOND);
  vlot_raft_close(raft);
}

/* The own disk is what two others waited for, and replies of the same step add nothing. */
Test(causes, a_commit_names_the_own_disk_where_others_only_say_more) {
  vlot_raft *raft = lead_with(0);
  vlot_command command = {.size = 0};
  vlot_input asked = propose(&command, 1);
  (void)take(raft, &asked, 1);
  uint64_t token = take(raft, &asked, 1)->write.token;
  vlot_message two = ok_of(raft, 2, 2), three = ok_of(raft, 3, 2), more = ok_of(raft, 3, 3);
  vlot_input before[] = {message(&two, 3), message(&three, 4)};
  cr_expect_eq(take(raft, before, 2)->after.commit_index, 1, "the own disk is missing");
  vlot_input inputs[] = {message(&more, FIRST), stored(token, SECOND)};
  const vlot_output *output = take(raft, inputs, 2);
  cr_expect_eq(output->after.commit_index, 2);
  cr_expect_eq(cause_of(output, VLOT_CHANGE_COMMIT), SECOND);
  vlot_raft_close(raft);
}

/* The own disk counts as heard first in its step, however late a driver says it; where nothing else
 * is new, it is what completes the quorum. */
Test(causes, a_commit_names_the_own_disk_only_where_it_was_the_last) {
  vlot_raft *raft = open_core(3);
  uint64_t token = lead(raft, 3);
  vlot_message two = ok_of(raft, 2, 1);
  vlot_input inputs[] = {message(&two, FIRST), stored(token, SECOND)};
  cr_expect_eq(cause_of(take(raft, inputs, 2), VLOT_CHANGE_COMMIT), FIRST);
  vlot_command command = {.size = 0};
  vlot_input asked = propose(&command, FIRST);
  token = take(raft, &asked, 1)->write.token;
  two = ok_of(raft, 2, 2);
  vlot_input reply = message(&two, SECOND), done = stored(token, THIRD);
  cr_expect_eq(take(raft, &reply, 1)->after.commit_index, 1, "the own disk is missing");
  cr_expect_eq(cause_of(take(raft, &done, 1), VLOT_CHANGE_COMMIT), THIRD);
  vlot_raft_close(raft);
}

/* What goes to a peer goes because of the command, or because of the reply that opened the way. */
Test(causes, an_append_names_what_made_it_possible_last) {
  vlot_raft *raft = open_core(3);
  (void)lead(raft, 3);
  vlot_message two = ok_of(raft, 2, 1);
  vlot_command command = {.size = 0};
  /* n2's probe is answered, n3's is not: only n2 is sent the command, and because of it */
  vlot_input inputs[] = {message(&two, FIRST), propose(&command, SECOND)};
  const vlot_output *output = take(raft, inputs, 2);
  cr_assert_eq(output->message_count, 1);
  cr_expect_eq(output->messages[0].to, 2);
  cr_expect_eq(output->message_causes[0], SECOND);
  /* n3 is sent it because its probe is answered at last */
  vlot_message three = ok_of(raft, 3, 1);
  vlot_input answer = message(&three, THIRD);
  output = take(raft, &answer, 1);
  cr_assert_eq(output->message_count, 1);
  cr_expect_eq(output->messages[0].to, 3);
  cr_expect_eq(output->messages[0].as.append.entry_count, 1);
  cr_expect_eq(output->message_causes[0], THIRD);
  vlot_raft_close(raft);
}

/* A heartbeat has the cause of the tick, a confirmation that of the read. */
Test(causes, an_empty_append_names_who_wanted_it) {
  vlot_raft *raft = open_core(3);
  (void)lead(raft, 3);
  vlot_input read = {.kind = VLOT_INPUT_READ, .as.read_tag = 1, .cause = FIRST};
  const vlot_output *output = take(raft, &read, 1);
  cr_assert_eq(output->message_count, 2);
  for (uint32_t k = 0; k < 2; k++) cr_expect_eq(output->message_causes[k], FIRST);
  vlot_input tick = {.kind = VLOT_INPUT_TICK, .as.tick = {.now = 5, .elapsed = 5}, .cause = SECOND};
  output = take(raft, &tick, 1);
  cr_assert_eq(output->message_count, 2);
  for (uint32_t k = 0; k < 2; k++) cr_expect_eq(output->message_causes[k], SECOND);
  vlot_raft_close(raft);
}

static vlot_input tick_of(uint64_t now, uint32_t is_fired) {
  return (vlot_input){.kind = VLOT_INPUT_TICK,
                      .as.tick = {.now = now, .elapsed = 2, .is_fired = is_fired},
                      .cause = is_fired ? THIRD : 0};
}

/* A question after silence has its why, a heartbeat none; the timer says which of them it is. */
Test(causes, what_time_sends_says_why) {
  vlot_raft *raft = open_core(3);
  vlot_raft_status status;
  (void)lead(raft, 3);
  vlot_raft_get_status(raft, &status);
  cr_expect_eq(status.next_due, VLOT_DUE_SILENCE, "%s", vlot_due_text(status.next_due));
  vlot_input tick = tick_of(2, 0);
  const vlot_output *output = take(raft, &tick, 1);
  cr_assert_eq(output->message_count, 2);
  cr_assert_eq(output->why_count, 2);
  for (uint32_t k = 0; k < 2; k++) {
    cr_expect_eq(output->whys[k].message, k);
    cr_expect_eq(output->whys[k].why, VLOT_WHY_SILENCE);
  }
  cr_expect_eq(output->next_due, VLOT_DUE_HEARTBEAT, "%s", vlot_due_text(output->next_due));
  tick = (vlot_input){.kind = VLOT_INPUT_TICK, .as.tick = {.now = 5, .elapsed = 3}};
  output = take(raft, &tick, 1);
  cr_expect_eq(output->message_count, 2);
  cr_expect_eq(output->why_count, 0, "heartbeats");
  vlot_raft_close(raft);
}

/* A commit index that travels alone says so. */
Test(causes, a_commit_index_that_is_told_alone_says_so) {
  vlot_raft *raft = open_core(3);
  uint64_t token = lead(raft, 3);
  vlot_message two = ok_of(raft, 2, 1), three = ok_of(raft, 3, 1);
  vlot_input inputs[] = {stored(token, 1), message(&two, FIRST), message(&three, SECOND)};
  const vlot_output *output = take(raft, inputs, 3);
  cr_expect_eq(output->after.commit_index, 1);
  cr_expect_eq(output->next_due, VLOT_DUE_COMMIT, "%s", vlot_due_text(output->next_due));
  vlot_input tick = {.kind = VLOT_INPUT_TICK, .as.tick = {.now = 1, .elapsed = 1}};
  output = take(raft, &tick, 1);
  cr_assert_eq(output->why_count, 2);
  cr_expect_eq(output->whys[1].why, VLOT_WHY_COMMIT_ALONE);
  vlot_raft_close(raft);
}

/* Whoever campaigns because a person made its timer fire has not waited for anybody. */
Test(causes, a_timer_that_is_made_to_fire_is_no_silence_of_a_leader) {
  vlot_raft *raft = open_core(3);
  vlot_raft_status status;
  vlot_raft_get_status(raft, &status);
  cr_expect_eq(status.next_due, VLOT_DUE_ELECTION);
  vlot_input fired = tick_of(status.next_timer, 1);
  fired.as.tick.elapsed = status.next_timer;
  const vlot_output *output = take(raft, &fired, 1);
  cr_expect_eq(cause_of(output, VLOT_CHANGE_CAMPAIGN), THIRD);
  for (uint32_t k = 0; k < output->change_count; k++)
    if (output->changes[k].kind == VLOT_CHANGE_CAMPAIGN)
      cr_expect_eq(output->changes[k].why, VLOT_WHY_TIMER_FIRED);
  vlot_raft_close(raft);
}
