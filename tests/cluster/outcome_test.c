/* What came of a call, as data and in words; deadlines of a call's own; many questions at once. */
#include <criterion/criterion.h>
#include <string.h>

#include "vlot/vlot.h"

enum { T = 60000 };

static vlot_cluster *cluster;
static vlot_client *client;

static void begin_with(vlot_cluster_options *options) {
  options->driver = VLOT_DRIVER_LOCKSTEP;
  vlot_client_options own;
  cr_assert_eq(vlot_cluster_open(&cluster, options, NULL), VLOT_OK);
  vlot_client_options_init(&own);
  own.timeout_ticks = T;
  cr_assert_eq(vlot_client_open(&client, cluster, &own), VLOT_OK);
}
static void begin(void) {
  vlot_cluster_options options;
  vlot_cluster_options_init(&options);
  begin_with(&options);
}
static void end(void) {
  vlot_client_close(client);
  cr_expect_eq(vlot_cluster_close(cluster), VLOT_OK);
}

static void expect(const vlot_conclusion *outcome, vlot_result result, vlot_why why) {
  cr_expect_eq(outcome->result, result, "%s", vlot_result_name(outcome->result));
  cr_expect_eq(outcome->why, why, "%s", vlot_why_text(outcome->why));
  if (why != VLOT_WHY_NONE && why != VLOT_WHY_NODE_DOWN && why != VLOT_WHY_ENTRY_TOO_LARGE)
    cr_expect_str_eq(vlot_problem(result), vlot_why_text(why));
}

Test(outcome, of_what_is_committed_says_where, .init = begin, .fini = end) {
  vlot_conclusion outcome;
  cr_assert_eq(vlot_client_propose_by(client, "x", 1, 0, &outcome), VLOT_OK);
  expect(&outcome, VLOT_OK, VLOT_WHY_NONE);
  cr_expect_eq(outcome.index, 2u);
  cr_expect_eq(outcome.term, 1u);
  cr_expect_eq(outcome.node, vlot_cluster_leader(cluster));
  cr_assert(outcome.reply);
  vlot_bytes_release(outcome.reply);
  cr_assert_eq(vlot_client_query_by(client, "x", 1, 0, &outcome), VLOT_OK);
  cr_assert(outcome.reply);
  vlot_bytes_release(outcome.reply);
}

Test(outcome, of_what_is_refused_says_why, .init = begin, .fini = end) {
  vlot_conclusion outcome;
  cr_assert_eq(vlot_await_leader(cluster, T, NULL), VLOT_OK);
  for (uint32_t id = 1; id <= 2; id++) cr_assert_eq(vlot_cluster_kill(cluster, id, false), VLOT_OK);
  cr_assert_eq(vlot_await_leader(cluster, 100, NULL), VLOT_TIMEOUT);
  uint64_t before = vlot_cluster_now(cluster);
  cr_expect_eq(vlot_client_propose_by(client, "x", 1, 30, &outcome), VLOT_REJECTED);
  expect(&outcome, VLOT_REJECTED, VLOT_WHY_NO_LEADER);
  cr_expect_leq(vlot_cluster_now(cluster) - before, 62u, "its own deadline");
  cr_expect_null(outcome.reply);
  cr_assert_eq(vlot_cluster_kill(cluster, 3, false), VLOT_OK);
  cr_expect_eq(vlot_client_propose_by(client, "x", 1, 5, &outcome), VLOT_REJECTED);
  expect(&outcome, VLOT_REJECTED, VLOT_WHY_NODE_DOWN);
}

Test(outcome, of_what_is_too_large_or_finds_a_full_log_says_so) {
  vlot_cluster_options options;
  vlot_conclusion outcome;
  vlot_cluster_options_init(&options);
  options.raft.entry_bytes_max = 1024;
  options.raft.log_bytes_max = 4096;
  options.snapshot_bytes = 0; /* it would never be full */
  begin_with(&options);
  char large[2000] = "";
  cr_expect_eq(vlot_client_propose_by(client, large, sizeof large, 10, &outcome), VLOT_TOO_LARGE);
  expect(&outcome, VLOT_TOO_LARGE, VLOT_WHY_ENTRY_TOO_LARGE);
  vlot_result result = VLOT_OK;
  for (unsigned k = 0; k < 10 && result == VLOT_OK; k++) {
    result = vlot_client_propose_by(client, large, 1000, 20, &outcome);
    vlot_bytes_release(outcome.reply);
  }
  cr_expect_eq(result, VLOT_REJECTED);
  expect(&outcome, VLOT_REJECTED, VLOT_WHY_LOG_FULL);
  end();
}

Test(outcome, of_what_nobody_answers_is_the_deadline, .init = begin, .fini = end) {
  vlot_conclusion outcome;
  uint32_t leader;
  cr_assert_eq(vlot_await_leader(cluster, T, &leader), VLOT_OK);
  cr_assert_eq(vlot_cluster_suspend(cluster, leader), VLOT_OK);
  uint64_t before = vlot_cluster_now(cluster);
  cr_expect_eq(vlot_client_propose_by(client, "x", 1, 3, &outcome), VLOT_UNKNOWN);
  expect(&outcome, VLOT_UNKNOWN, VLOT_WHY_DEADLINE);
  cr_expect_leq(vlot_cluster_now(cluster) - before, 6u);
}

Test(outcome, an_early_deadline_does_not_wait_for_a_later_one_before_it, .init = begin,
     .fini = end) {
  uint64_t slow, fast;
  vlot_answer answer;
  uint32_t leader;
  const vlot_command one = {.data = (const uint8_t *)"x", .size = 1};
  cr_assert_eq(vlot_await_leader(cluster, T, &leader), VLOT_OK);
  cr_assert_eq(vlot_cluster_suspend(cluster, leader), VLOT_OK);
  cr_assert_eq(vlot_client_submit_by(client, &one, 1, 9000, &slow), VLOT_OK);
  cr_assert_eq(vlot_client_submit_by(client, &one, 1, 5, &fast), VLOT_OK);
  uint64_t before = vlot_cluster_now(cluster);
  cr_assert_eq(vlot_client_wait(client, &answer, 1), 1u);
  cr_expect_eq(answer.sequence, fast);
  cr_expect_eq(answer.result, VLOT_UNKNOWN);
  cr_expect_eq(answer.why, VLOT_WHY_DEADLINE);
  cr_expect_eq(answer.tick, before + 5);
  cr_expect_leq(vlot_cluster_now(cluster) - before, 6u);
  cr_assert_eq(vlot_cluster_resume(cluster, leader), VLOT_OK);
  cr_assert_eq(vlot_client_wait(client, &answer, 1), 1u);
  cr_expect_eq(answer.sequence, slow);
}

Test(outcome, many_questions_get_an_answer_each, .init = begin, .fini = end) {
  enum { COUNT = 40 };
  vlot_command questions[COUNT];
  vlot_answer answers[COUNT];
  uint64_t first;
  uint32_t submitted;
  for (size_t k = 0; k < COUNT; k++)
    questions[k] = (vlot_command){.data = (const uint8_t *)"q", .size = 1};
  cr_assert_eq(vlot_await_leader(cluster, T, NULL), VLOT_OK);
  cr_assert_eq(
      vlot_client_read_many(client, questions, COUNT, VLOT_READ_LINEARIZABLE, &first, &submitted),
      VLOT_OK);
  cr_expect_eq(submitted, COUNT);
  cr_expect_eq(vlot_client_inflight(client), COUNT);
  bool has_answer[COUNT] = {false};
  for (size_t taken = 0; taken < COUNT;) {
    size_t count = vlot_client_wait(client, answers, COUNT);
    cr_assert_gt(count, 0u);
    for (size_t k = 0; k < count; k++) {
      cr_expect_eq(answers[k].result, VLOT_OK);
      cr_expect(!has_answer[answers[k].sequence - first]);
      has_answer[answers[k].sequence - first] = true;
    }
    taken += count;
  }
  questions[1].data = NULL;
  cr_expect_eq(vlot_client_read_many(client, questions, COUNT, 0, NULL, &submitted), VLOT_INVALID);
  cr_expect_eq(submitted, 0u);
  cr_expect_eq(vlot_client_read_many(client, questions, 0, 0, NULL, &submitted), VLOT_INVALID);
}
