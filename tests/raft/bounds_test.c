/* What waits for a disk that does not answer is bounded, and the core goes on when it does. */
#include <criterion/criterion.h>

#include "raft/core.h"

typedef struct stage {
  vlot_raft *raft;
  const vlot_output *output;
  vlot_raft_seen seen;
} stage;

static void step(stage *s, const vlot_input *input) {
  cr_assert_eq(vlot_raft_step(s->raft, input, input ? 1 : 0, &s->output), VLOT_OK);
  const char *broken = vlot_raft_check(s->raft, &s->seen);
  cr_assert_null(broken, "%s", broken);
}

static void stored(stage *s, uint64_t token) {
  step(s, &(vlot_input){.kind = VLOT_INPUT_STORED, .as.token = token});
}

static stage stage_of(uint32_t count) {
  static const vlot_member members[] = {{.id = 1}, {.id = 2}, {.id = 3}};
  vlot_raft_options options;
  stage s = {0};
  vlot_raft_options_init(&options);
  options.id = 1;
  options.members = members;
  options.member_count = count;
  cr_assert_eq(vlot_raft_open(&s.raft, &options, NULL), VLOT_OK);
  step(&s, NULL);
  return s;
}

/* So many writes wait for the disk: all but those that wait already were of an earlier time. */
static void let_writes_wait(stage *s, size_t count) {
  vlot_raft *raft = s->raft;
  while (raft->writes.count < count) {
    vlot__pending_write *write = vlot__ring_push(&raft->writes);
    *write = (vlot__pending_write){.token = ++raft->last_token,
                                   .last_index = raft->log.last_index,
                                   .term = raft->hard.term,
                                   .vote = raft->hard.vote};
  }
}

static vlot_outcome propose(stage *s) {
  vlot_command command = {.size = 0};
  vlot_input input = {.kind = VLOT_INPUT_PROPOSE};
  input.as.propose.commands = &command;
  input.as.propose.count = 1;
  step(s, &input);
  cr_assert_eq(s->output->outcome_count, 1);
  return s->output->outcomes[0];
}

Test(bounds, commands_are_refused_where_too_many_writes_wait) {
  for (size_t waiting = VLOT__WRITES_MAX - 1; waiting <= VLOT__WRITES_MAX + 1; waiting++) {
    stage s = stage_of(1);
    step(&s, &(vlot_input){.kind = VLOT_INPUT_ELECT});
    stored(&s, s.raft->last_token);
    cr_assert_eq(s.raft->role, VLOT_ROLE_LEADER);
    let_writes_wait(&s, waiting);
    vlot_outcome outcome = propose(&s);
    bool is_taken = waiting < VLOT__WRITES_MAX;
    cr_expect_eq(outcome.result, is_taken ? VLOT_OK : VLOT_BUSY, "%zu wait", waiting);
    cr_expect_eq(outcome.why, is_taken ? VLOT_WHY_NONE : VLOT_WHY_WRITES_FULL);
    cr_expect_eq(propose(&s).result, VLOT_BUSY);
    stored(&s, s.raft->last_token - VLOT__WRITES_MAX / 2);
    cr_expect_eq(propose(&s).result, VLOT_OK);
    vlot_raft_close(s.raft);
  }
}

static vlot_message vote_of(stage *s, uint64_t term) {
  vlot_message message = {.kind = VLOT_MESSAGE_VOTE, .from = 2, .to = 1, .term = term};
  message.request_id = term;
  (void)s;
  return message;
}

static bool is_ignored(const stage *s, vlot_why why) {
  for (uint32_t k = 0; k < s->output->change_count; k++)
    if (s->output->changes[k].kind == VLOT_CHANGE_IGNORED && s->output->changes[k].why == why)
      return true;
  return false;
}

static void deliver(stage *s, const vlot_message *message) {
  step(s, &(vlot_input){.kind = VLOT_INPUT_MESSAGE, .as.message = message});
}

Test(bounds, requests_are_ignored_where_too_many_writes_wait) {
  for (size_t waiting = VLOT__WRITES_MAX - 1; waiting <= VLOT__WRITES_MAX + 1; waiting++) {
    stage s = stage_of(3);
    let_writes_wait(&s, waiting);
    vlot_message message = vote_of(&s, 7);
    deliver(&s, &message);
    bool is_taken = waiting < VLOT__WRITES_MAX;
    cr_expect_eq(is_ignored(&s, VLOT_WHY_WRITES_FULL), !is_taken, "%zu wait", waiting);
    cr_expect_eq(s.raft->hard.term, is_taken ? 7 : 0);
    cr_expect_eq(s.raft->held.count, is_taken ? 1 : 0);
    message = vote_of(&s, 8);
    deliver(&s, &message);
    cr_expect(is_ignored(&s, VLOT_WHY_WRITES_FULL));
    stored(&s, s.raft->last_token);
    deliver(&s, &message);
    cr_expect_eq(s.raft->hard.term, 8);
    vlot_raft_close(s.raft);
  }
}

/* The same of answers: a repeated request writes nothing, and its answer waits. */
Test(bounds, requests_are_ignored_where_too_many_answers_wait) {
  for (size_t waiting = VLOT__WRITES_MAX - 1; waiting <= VLOT__WRITES_MAX + 1; waiting++) {
    stage s = stage_of(3);
    vlot_message message = vote_of(&s, 7);
    deliver(&s, &message);
    while (s.raft->held.count < waiting) {
      vlot__held first = *(vlot__held *)vlot__ring_at(&s.raft->held, 0);
      *(vlot__held *)vlot__ring_push(&s.raft->held) = first;
    }
    deliver(&s, &message);
    bool is_taken = waiting < VLOT__WRITES_MAX;
    cr_expect_eq(is_ignored(&s, VLOT_WHY_WRITES_FULL), !is_taken, "%zu wait", waiting);
    cr_expect_eq(s.raft->held.count, waiting + is_taken);
    stored(&s, s.raft->last_token);
    cr_expect_eq(s.raft->held.count, 0);
    deliver(&s, &message);
    cr_expect_not(is_ignored(&s, VLOT_WHY_WRITES_FULL));
    vlot_raft_close(s.raft);
  }
}

Test(bounds, nobody_campaigns_who_could_not_write_its_vote) {
  for (size_t waiting = VLOT__WRITES_MAX - 1; waiting <= VLOT__WRITES_MAX + 1; waiting++) {
    stage s = stage_of(3);
    let_writes_wait(&s, waiting);
    vlot_input tick = {.kind = VLOT_INPUT_TICK};
    tick.as.tick.now = tick.as.tick.elapsed = 1000;
    step(&s, &tick);
    bool may = waiting < VLOT__WRITES_MAX;
    cr_expect_eq(s.raft->role, may ? VLOT_ROLE_PRE_CANDIDATE : VLOT_ROLE_FOLLOWER, "%zu wait",
                 waiting);
    if (may) {
      vlot_raft_close(s.raft);
      continue;
    }
    cr_expect_eq(s.output->next_timer, VLOT_NEVER);
    step(&s, &(vlot_input){.kind = VLOT_INPUT_ELECT});
    cr_expect_eq(s.output->outcomes[0].why, VLOT_WHY_WRITES_FULL);
    stored(&s, s.raft->last_token);
    cr_expect_eq(s.output->next_timer, 1001);
    tick.as.tick.now = 1001;
    tick.as.tick.elapsed = 1;
    step(&s, &tick);
    cr_expect_eq(s.raft->role, VLOT_ROLE_PRE_CANDIDATE);
    vlot_raft_close(s.raft);
  }
}
