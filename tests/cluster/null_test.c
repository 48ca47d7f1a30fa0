/* NULL where it is not allowed: for an object, a function or a place to store in it is a duty that
 * is broken, and said so; bytes that are missing, or a table without its functions, are refused. */
#include <criterion/criterion.h>
#include <string.h>

#include "duty.h"
#include "vlot/actor_statem.h"
#include "vlot/actor_supervisor.h"
#include "vlot/vlot.h"

/* --- objects ---------------------------------------------------------------------------------- */

/* Not a constant: the compiler has nothing to say about it. */
static void *volatile nothing;

static void system_status(void *context) {
  vlot_actor_system_status status;
  (void)context;
  vlot_actor_system_get_status(nothing, &status);
}
static void spawn(void *context) {
  vlot_actor_options options;
  vlot_actor *actor;
  (void)context;
  vlot_actor_options_init(&options);
  (void)!vlot_actor_spawn(nothing, &options, &actor);
}
static void send(void *context) {
  (void)context;
  (void)!vlot_actor_send(NULL, nothing, VLOT_LANE_DATA, 1, 0, NULL, 0);
}
static void actor_status(void *context) {
  vlot_actor_status status;
  (void)context;
  vlot_actor_get_status(nothing, &status);
}
static void statem_open(void *context) {
  vlot_statem_options options;
  (void)context;
  vlot_statem_options_init(&options);
  (void)!vlot_statem_open(&options, nothing);
}
static void supervise(void *context) {
  vlot_supervisor_options options;
  vlot_actor *supervisor;
  (void)context;
  vlot_supervisor_options_init(&options);
  (void)!vlot_supervisor_spawn(nothing, &options, &supervisor);
}
static void bytes_size(void *context) {
  (void)context;
  (void)vlot_bytes_size(nothing);
}
static void raft_step(void *context) {
  const vlot_output *output;
  (void)context;
  (void)!vlot_raft_step(nothing, NULL, 0, &output);
}
static void raft_status(void *context) {
  vlot_raft_status status;
  (void)context;
  vlot_raft_get_status(nothing, &status);
}
static void message_size(void *context) {
  (void)context;
  (void)vlot_message_size(nothing);
}
static void cluster_open(void *context) {
  (void)context;
  (void)!vlot_cluster_open(nothing, NULL, NULL);
}
static void cluster_kill(void *context) {
  (void)context;
  (void)!vlot_cluster_kill(nothing, 1, false);
}
static void cluster_stats(void *context) {
  vlot_cluster_stats stats;
  (void)context;
  vlot_cluster_get_stats(nothing, &stats);
}
static void cluster_await(void *context) {
  (void)context;
  (void)!vlot_await_leader(nothing, 0, NULL);
}
static void lockstep_step(void *context) {
  (void)context;
  (void)!vlot_lockstep_step(nothing, 1, NULL);
}
static void client_open(void *context) {
  vlot_client *client;
  (void)context;
  (void)!vlot_client_open(&client, nothing, NULL);
}
static void client_submit(void *context) {
  vlot_command command = {.size = 0};
  (void)context;
  (void)!vlot_client_submit(nothing, &command, 1, NULL);
}
static void client_wait(void *context) {
  vlot_answer answer;
  (void)context;
  (void)vlot_client_wait(nothing, &answer, 1);
}
static void subscription_next(void *context) {
  vlot_event event;
  (void)context;
  (void)vlot_subscription_next(nothing, &event);
}
static void history_end(void *context) {
  (void)context;
  (void)!vlot_history_end(nothing, 0, 0, VLOT_OK, NULL, 0);
}
static void host_groups(void *context) {
  (void)context;
  (void)vlot_host_groups(nothing);
}
static void event_is_rare(void *context) {
  (void)context;
  (void)vlot_event_is_rare(nothing);
}
static void until_nothing(void *context) {
  vlot_cluster_options options;
  vlot_cluster *cluster;
  (void)context;
  vlot_cluster_options_init(&options);
  options.driver = VLOT_DRIVER_LOCKSTEP;
  if (vlot_cluster_open(&cluster, &options, NULL) != VLOT_OK) return;
  (void)!vlot_lockstep_until(cluster, NULL, NULL, 1);
}

Test(null, where_it_is_not_allowed_it_is_a_broken_duty) {
  static void (*const breaks[])(void *context) = {
      system_status, spawn,         send,          actor_status,      statem_open,   supervise,
      bytes_size,    raft_step,     raft_status,   message_size,      cluster_open,  cluster_kill,
      cluster_stats, cluster_await, lockstep_step, client_open,       client_submit, client_wait,
      history_end,   host_groups,   event_is_rare, subscription_next, until_nothing};
  for (size_t k = 0; k < sizeof breaks / sizeof *breaks; k++) {
    duty_told told = duty_break(breaks[k], NULL);
    cr_expect_eq(told.kind, VLOT_FAILURE_DUTY, "%zu: %s", k, told.text);
    cr_expect_not_null(strstr(told.text, "pass NULL only where it is allowed"), "%zu: %s", k,
                       told.text);
  }
}

Test(null, where_it_is_allowed_nothing_happens) {
  vlot_bytes_release(NULL);
  vlot_batch_release(NULL);
  vlot_configuration_release(NULL);
  vlot_raft_close(NULL);
  vlot_actor_release(NULL);
  vlot_client_close(NULL);
  vlot_subscription_close(NULL);
  vlot_history_close(NULL);
  vlot_message_free(NULL, NULL);
  cr_expect_null(vlot_bytes_retain(NULL));
  cr_expect_eq(vlot_cluster_close(NULL), VLOT_OK);
  cr_expect_eq(vlot_host_close(NULL), VLOT_OK);
  cr_expect_eq(vlot_replies_set(NULL, 0, NULL, 0), VLOT_OK);
  cr_expect_null(vlot_kv_encode(NULL, NULL));
  cr_expect_eq(vlot_json_bytes(NULL, 0, NULL, 0), strlen("null"));
}

/* --- bytes and functions that are missing ----------------------------------------------------- */

Test(null, bytes_that_are_missing_are_refused) {
  vlot_cluster_options options;
  vlot_cluster *cluster;
  vlot_client *client;
  vlot_bytes *reply;
  vlot_command commands[2] = {{.size = 0}, {.size = 1}};
  vlot_cluster_options_init(&options);
  options.driver = VLOT_DRIVER_LOCKSTEP;
  cr_assert_eq(vlot_cluster_open(&cluster, &options, NULL), VLOT_OK);
  cr_assert_eq(vlot_client_open(&client, cluster, NULL), VLOT_OK);
  cr_expect_eq(vlot_client_submit(client, commands, 2, NULL), VLOT_INVALID);
  cr_expect_eq(vlot_client_submit(client, NULL, 1, NULL), VLOT_INVALID);
  cr_expect_eq(vlot_client_read(client, NULL, 1, 0, NULL), VLOT_INVALID);
  cr_expect_eq(vlot_client_propose(client, NULL, 1, &reply), VLOT_INVALID);
  cr_expect_eq(vlot_client_query(client, NULL, 1, &reply), VLOT_INVALID);
  cr_expect_eq(vlot_client_inflight(client), 0);
  cr_expect_eq(vlot_client_submit(client, commands, 1, NULL), VLOT_OK, "empty may be NULL");
  vlot_client_close(client);
  cr_expect_eq(vlot_cluster_close(cluster), VLOT_OK);
}

Test(null, functions_that_are_missing_are_refused) {
  const vlot_allocator allocator = {.context = NULL};
  const vlot_history_sink sink = {.context = NULL};
  vlot_cluster_options options;
  vlot_cluster *cluster;
  vlot_history *history;
  const char *problem;
  vlot_cluster_options_init(&options);
  options.allocator = &allocator;
  cr_expect_eq(vlot_cluster_open(&cluster, &options, &problem), VLOT_INVALID);
  cr_expect_str_eq(problem, "allocator: resize is missing");
  cr_expect_eq(vlot_history_open(&history, NULL, &sink), VLOT_INVALID);
  cr_expect_null(history);
}
