/* A size that does not fit is refused before the bytes are looked at: here they are not there. And
 * one limit holds for whatever a client hands in: what is at the limit goes through, what is above
 * it does not. */
#include <criterion/criterion.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "cluster/replies.h"
#include "vlot/cluster.h"
#include "vlot/history.h"
#include "vlot/machine.h"
#include "vlot/vlot.h"

#define HUGE_SIZE ((size_t)UINT32_MAX + 2) /* 4 GiB + 1: cut to 32 bits it is 1 */

static const uint8_t one[1] = {'x'};

typedef struct fixture {
  vlot_cluster *cluster;
  vlot_client *client;
} fixture;

static fixture open_with(vlot_driver driver, uint32_t entry_bytes_max, uint32_t contact) {
  vlot_cluster_options options;
  vlot_client_options client;
  fixture at;
  vlot_cluster_options_init(&options);
  vlot_client_options_init(&client);
  options.driver = driver;
  if (entry_bytes_max > 1u << 24) { /* copying it may take longer than an election */
    options.raft.election_ticks_min = 100;
    options.raft.election_ticks_max = 200;
  }
  if (entry_bytes_max > 0) options.raft.entry_bytes_max = entry_bytes_max;
  client.timeout_ticks = 2000;
  cr_assert_eq(vlot_cluster_open(&at.cluster, &options, NULL), VLOT_OK);
  uint32_t leader = 0;
  cr_assert_eq(vlot_await_leader(at.cluster, 5000, &leader), VLOT_OK);
  client.contact = contact == 0 ? 0 : leader % 3 + 1; /* a follower */
  cr_assert_eq(vlot_client_open(&at.client, at.cluster, &client), VLOT_OK);
  return at;
}

static void close_both(fixture *at) {
  vlot_client_close(at->client);
  cr_assert_eq(vlot_cluster_close(at->cluster), VLOT_OK);
}

/* --- above 32 bits ---------------------------------------------------------------------------- */

Test(sizes, a_client_hands_in_nothing_above_32_bits) {
  for (int driver = 0; driver < 2; driver++) {
    fixture at = open_with((vlot_driver)driver, 0, 0);
    vlot_bytes *reply = NULL;
    vlot_command commands[2] = {{.data = one, .size = 1}, {.data = one, .size = HUGE_SIZE}};
    cr_expect_eq(vlot_client_submit(at.client, commands, 2, NULL), VLOT_TOO_LARGE);
    commands[1].size = SIZE_MAX;
    cr_expect_eq(vlot_client_submit(at.client, commands, 2, NULL), VLOT_TOO_LARGE);
    cr_expect_eq(vlot_client_submit(at.client, commands, UINT32_MAX, NULL), VLOT_BUSY);
    cr_expect_eq(vlot_client_inflight(at.client), 0);
    cr_expect_eq(vlot_client_propose(at.client, one, HUGE_SIZE, &reply), VLOT_TOO_LARGE);
    cr_expect_eq(vlot_client_query(at.client, one, HUGE_SIZE, &reply), VLOT_TOO_LARGE);
    cr_expect_eq(vlot_client_read(at.client, one, HUGE_SIZE, 0, NULL), VLOT_TOO_LARGE);
    cr_expect_null(reply);
    close_both(&at);
  }
}

Test(sizes, the_core_takes_no_command_above_32_bits) {
  vlot_raft_options options;
  vlot_raft *raft;
  const vlot_output *output;
  const vlot_member alone = {.id = 1};
  vlot_raft_options_init(&options);
  options.id = 1;
  options.members = &alone;
  options.member_count = 1;
  cr_assert_eq(vlot_raft_open(&raft, &options, NULL), VLOT_OK);
  vlot_input elect = {.kind = VLOT_INPUT_ELECT};
  cr_assert_eq(vlot_raft_step(raft, &elect, 1, &output), VLOT_OK);
  vlot_input stored = {.kind = VLOT_INPUT_STORED, .as.token = output->write.token};
  cr_assert_eq(vlot_raft_step(raft, &stored, 1, &output), VLOT_OK);
  vlot_command commands[2] = {{.data = one, .size = 1}, {.data = one, .size = HUGE_SIZE}};
  vlot_input propose = {.kind = VLOT_INPUT_PROPOSE,
                        .as.propose = {.commands = commands, .count = 2}};
  cr_assert_eq(vlot_raft_step(raft, &propose, 1, &output), VLOT_OK);
  cr_assert_eq(output->outcome_count, 1);
  cr_expect_eq(output->outcomes[0].accepted, 1);
  cr_expect_eq(output->outcomes[0].result, VLOT_TOO_LARGE);
  cr_expect_eq(output->outcomes[0].why, VLOT_WHY_ENTRY_TOO_LARGE);
  vlot_raft_close(raft);
}

Test(sizes, a_log_with_an_entry_that_no_message_carries_is_refused) {
  vlot_raft_options options;
  vlot_raft *raft;
  const char *problem = NULL;
  const vlot_member alone = {.id = 1};
  const vlot_log_entry entry = {
      .term = 1, .entry = {.data = one, .size = (64u << 20) + 1, .kind = VLOT_ENTRY_COMMAND}};
  vlot_raft_options_init(&options);
  options.id = 1;
  options.members = &alone;
  options.member_count = 1;
  options.hard.term = 1;
  options.log_entries = &entry;
  options.log_entry_count = 1;
  cr_expect_eq(vlot_raft_open(&raft, &options, &problem), VLOT_INVALID);
  cr_expect_str_eq(problem, "log_entries: an entry has more than 64 MiB");
}

Test(sizes, a_message_above_32_bits_is_refused_unread) {
  vlot_message *message;
  vlot_why why;
  cr_expect_eq(vlot_message_decode(NULL, one, HUGE_SIZE, &message, &why), VLOT_TOO_LARGE);
  cr_expect_null(message);
}

static void take_nothing(vlot_actor *self, void *context, vlot_turn *turn) {
  (void)self, (void)context;
  while (vlot_turn_next(turn)) continue;
}

Test(sizes, mail_above_32_bits_is_refused_in_whatever_pieces) {
  vlot_actor_system *system;
  vlot_actor *actor;
  vlot_actor_options options;
  vlot_actor_options_init(&options);
  options.behaviour.turn = take_nothing;
  cr_assert_eq(vlot_actor_system_open(NULL, &system), VLOT_OK);
  cr_assert_eq(vlot_actor_spawn(system, &options, &actor), VLOT_OK);
  cr_expect_eq(vlot_actor_send(NULL, actor, VLOT_LANE_DATA, 1, 0, one, HUGE_SIZE), VLOT_TOO_LARGE);
  cr_expect_eq(vlot_actor_send_latest(NULL, actor, 1, 0, one, HUGE_SIZE), VLOT_TOO_LARGE);
  cr_expect_eq(vlot_actor_call(actor, 1, one, HUGE_SIZE, 1, NULL), VLOT_TOO_LARGE);
  const vlot_piece pieces[3] = {{one, 1}, {one, SIZE_MAX - 1}, {one, 2}};
  cr_expect_eq(vlot_actor_send_pieces(NULL, actor, VLOT_LANE_DATA, 1, 0, pieces, 3),
               VLOT_TOO_LARGE);
  vlot_actor_release(actor);
  cr_assert_eq(vlot_actor_system_close(system), VLOT_OK);
}

Test(sizes, the_key_value_codec_refuses_what_is_above_32_bits) {
  vlot_kv_command set = {
      .operation = VLOT_KV_SET, .key = one, .key_size = 1, .value = one, .value_size = HUGE_SIZE};
  cr_expect_null(vlot_kv_encode(NULL, &set));
  set.value_size = 1;
  set.key_size = HUGE_SIZE;
  cr_expect_null(vlot_kv_encode(NULL, &set));
  vlot_kv_command cas = set;
  cas.operation = VLOT_KV_CAS;
  cas.key_size = 1;
  cas.expected = one;
  cas.expected_size = HUGE_SIZE;
  cr_expect_null(vlot_kv_encode(NULL, &cas));
  const uint8_t bytes[8] = {VLOT_KV_SET, 1, 0, 'k', 'v'};
  vlot_kv_answer answer;
  cr_expect_eq(vlot_kv_decode(bytes, HUGE_SIZE, &set), VLOT_CORRUPT);
  cr_expect_eq(vlot_kv_answer_decode("", HUGE_SIZE, &answer), VLOT_CORRUPT);
}

static void no_line(void *context, const char *text, size_t size) {
  (void)context, (void)text, (void)size;
}

Test(sizes, a_history_refuses_what_no_memory_holds) {
  vlot_history *history;
  vlot_history_sink sink = {.line = no_line};
  uint32_t operation;
  vlot_history_call call = {.operation = "get", .key = one, .key_size = SIZE_MAX / 2};
  cr_assert_eq(vlot_history_open(&history, NULL, &sink), VLOT_OK);
  cr_expect_eq(vlot_history_begin(history, &call, &operation), VLOT_TOO_LARGE);
  call.key_size = 1;
  cr_assert_eq(vlot_history_begin(history, &call, &operation), VLOT_OK);
  cr_expect_eq(vlot_history_end(history, operation, 1, VLOT_OK, one, SIZE_MAX / 2), VLOT_TOO_LARGE);
  cr_expect_eq(vlot_history_end(history, operation, 1, VLOT_OK, one, 1), VLOT_OK);
  vlot_history_close(history);
}

/* --- answers ---------------------------------------------------------------------------------- */

Test(sizes, an_answer_above_its_limit_is_refused_unread_and_says_so) {
  vlot_replies replies;
  vlot__replies_init(&replies, NULL);
  cr_assert_eq(vlot__replies_begin(&replies, 2), VLOT_OK);
  cr_expect_eq(vlot_replies_set(&replies, 0, one, HUGE_SIZE), VLOT_TOO_LARGE);
  cr_expect_eq(vlot_replies_set(&replies, 0, one, (size_t)VLOT_REPLY_BYTES_MAX + 1),
               VLOT_TOO_LARGE);
  cr_expect_eq(vlot__replies_lack(&replies, 0), VLOT_WHY_REPLY_TOO_LARGE);
  cr_expect_eq(vlot__replies_lack(&replies, 1), VLOT_WHY_NONE);
  cr_expect_eq(vlot_replies_set(&replies, 0, one, 1), VLOT_OK);
  cr_expect_eq(vlot__replies_lack(&replies, 0), VLOT_WHY_NONE);
  vlot__replies_deinit(&replies);
}

/* A machine that answers too much, and does not look what came of it. */
static void *create_one(void *context, uint32_t node, bool is_replaying) {
  static uint8_t state;
  (void)context, (void)node, (void)is_replaying;
  return &state;
}

static vlot_result answer_too_much(void *state, const vlot_entry *commands, uint32_t count,
                                   uint64_t first_index, vlot_replies *replies) {
  (void)state, (void)commands, (void)first_index;
  for (uint32_t k = 0; k < count; k++) (void)vlot_replies_set(replies, k, one, HUGE_SIZE);
  return VLOT_OK;
}

static vlot_result answer_too_much_to_a_question(void *state, const void *question, size_t size,
                                                 vlot_replies *replies) {
  (void)state, (void)question, (void)size;
  (void)vlot_replies_set(replies, 0, one, HUGE_SIZE);
  return VLOT_OK;
}

static void destroy_none(void *state) { (void)state; }

Test(sizes, an_answer_that_is_not_kept_is_not_an_empty_one) {
  const vlot_machine machine = {.size = sizeof machine,
                                .name = "answers too much",
                                .create = create_one,
                                .apply = answer_too_much,
                                .query = answer_too_much_to_a_question,
                                .destroy = destroy_none};
  vlot_cluster_options options;
  vlot_cluster *cluster;
  vlot_client *client;
  vlot_answer answer;
  vlot_bytes *reply;
  vlot_cluster_options_init(&options);
  options.driver = VLOT_DRIVER_LOCKSTEP;
  options.machine = &machine;
  cr_assert_eq(vlot_cluster_open(&cluster, &options, NULL), VLOT_OK);
  cr_assert_eq(vlot_client_open(&client, cluster, NULL), VLOT_OK);
  cr_assert_eq(vlot_await_leader(cluster, 1000, NULL), VLOT_OK);
  vlot_command command = {.data = one, .size = 1};
  cr_assert_eq(vlot_client_submit(client, &command, 1, NULL), VLOT_OK);
  cr_assert_eq(vlot_client_wait(client, &answer, 1), 1);
  cr_expect_eq(answer.result, VLOT_OK);
  cr_expect_eq(answer.why, VLOT_WHY_REPLY_TOO_LARGE);
  cr_expect_eq(answer.reply_size, 0);
  cr_expect_eq(vlot_client_propose(client, one, 1, NULL), VLOT_OK);
  cr_expect_eq(vlot_client_propose(client, one, 1, &reply), VLOT_UNKNOWN);
  cr_expect_null(reply);
  cr_expect_eq(vlot_client_query(client, one, 1, &reply), VLOT_TOO_LARGE);
  vlot_client_close(client);
  cr_assert_eq(vlot_cluster_close(cluster), VLOT_OK);
}

/* --- one limit -------------------------------------------------------------------------------- */

Test(sizes, what_the_key_value_codec_encodes_is_proposed_and_asked) {
  vlot_raft_options raft;
  static uint8_t value[1 << 20], expected[1 << 20], key[65535] = {'k'};
  vlot_kv_command cas = {.operation = VLOT_KV_CAS,
                         .key = key,
                         .key_size = sizeof key,
                         .value = value,
                         .value_size = sizeof value,
                         .expected = expected,
                         .expected_size = sizeof expected};
  vlot_bytes *largest = vlot_kv_encode(NULL, &cas);
  cr_assert_not_null(largest);
  vlot_raft_options_init(&raft);
  cr_expect_eq(vlot_bytes_size(largest), 2162695);
  cr_expect_leq(vlot_bytes_size(largest), raft.entry_bytes_max);
  for (int driver = 0; driver < 2; driver++) {
    fixture at = open_with((vlot_driver)driver, 0, 0);
    vlot_bytes *reply;
    cr_expect_eq(
        vlot_client_propose(at.client, vlot_bytes_data(largest), vlot_bytes_size(largest), &reply),
        VLOT_OK);
    vlot_bytes_release(reply);
    /* it is no question of this machine, and so it answers: it came to it */
    cr_expect_eq(
        vlot_client_query(at.client, vlot_bytes_data(largest), vlot_bytes_size(largest), &reply),
        VLOT_OK);
    vlot_bytes_release(reply);
    close_both(&at);
  }
  vlot_bytes_release(largest);
  cas.value_size++;
  cr_expect_null(vlot_kv_encode(NULL, &cas));
}

static void try_the_limit(vlot_driver driver, uint32_t limit, uint32_t contact) {
  fixture at = open_with(driver, limit, contact);
  uint8_t *bytes = calloc(1, (size_t)limit + 1);
  vlot_answer answer;
  cr_assert_not_null(bytes);
  cr_expect_eq(vlot_client_propose(at.client, bytes, limit, NULL), VLOT_OK, "%u", limit);
  vlot_command command = {.data = bytes, .size = limit};
  cr_expect_eq(vlot_client_submit(at.client, &command, 1, NULL), VLOT_OK);
  while (vlot_client_wait(at.client, &answer, 1) == 0) continue;
  cr_expect_eq(answer.result, VLOT_OK);
  cr_expect_eq(vlot_client_read(at.client, bytes, limit, VLOT_READ_LINEARIZABLE, NULL), VLOT_OK);
  while (vlot_client_wait(at.client, &answer, 1) == 0) continue;
  cr_expect_eq(answer.result, VLOT_OK, "%u by n%u: %s", limit, answer.node,
               vlot_why_text(answer.why));
  cr_expect_eq(vlot_client_propose(at.client, bytes, (size_t)limit + 1, NULL), VLOT_TOO_LARGE);
  cr_expect_eq(vlot_client_query(at.client, bytes, (size_t)limit + 1, NULL), VLOT_TOO_LARGE);
  command.size++;
  cr_expect_eq(vlot_client_submit(at.client, &command, 1, NULL), VLOT_TOO_LARGE);
  cr_expect_eq(vlot_client_read(at.client, bytes, (size_t)limit + 1, 0, NULL), VLOT_TOO_LARGE);
  free(bytes);
  close_both(&at);
}

Test(sizes, one_limit_holds_for_commands_and_questions) {
  for (int driver = 0; driver < 2; driver++)
    for (uint32_t contact = 0; contact < 2; contact++) {
      try_the_limit((vlot_driver)driver, 5, contact);
      try_the_limit((vlot_driver)driver, 4u << 20, contact);
    }
}

Test(sizes, the_largest_limit_holds_too) {
  for (uint32_t contact = 0; contact < 2; contact++)
    try_the_limit(VLOT_DRIVER_THREADS, 64u << 20, contact);
}

Test(sizes, many_commands_at_once_are_refused_where_no_mailbox_takes_them) {
  enum { COUNT = 65536 };
  static uint8_t bytes[1008]; /* with its header 1 KiB each, 64 MiB in all; one more is too much */
  vlot_command *commands = calloc(COUNT + 8, sizeof *commands);
  cr_assert_not_null(commands);
  for (int driver = 0; driver < 2; driver++) {
    vlot_client_options options;
    fixture at = open_with((vlot_driver)driver, 0, 0);
    vlot_client *client;
    vlot_client_options_init(&options);
    options.inflight_max = COUNT + 8;
    cr_assert_eq(vlot_client_open(&client, at.cluster, &options), VLOT_OK);
    for (int k = 0; k < COUNT + 8; k++)
      commands[k] = (vlot_command){.data = bytes, .size = sizeof bytes};
    cr_expect_eq(vlot_client_submit(client, commands, COUNT + 8, NULL), VLOT_TOO_LARGE);
    cr_expect_eq(vlot_client_submit(client, commands, COUNT, NULL), VLOT_OK);
    vlot_client_close(client);
    close_both(&at);
  }
  free(commands);
}
