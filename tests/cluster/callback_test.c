#include <criterion/criterion.h>
#include <string.h>

#include "vlot/cluster.h"

enum { COMMANDS = 200 };

typedef struct counter {
  vlot_client *client;
  uint64_t next; /* the sequence that is answered next */
  uint32_t answered;
  uint32_t submitted;
} counter;

static void submit_one(counter *c) {
  cr_assert_eq(vlot_client_submit(
                   c->client, &(vlot_command){.data = (const uint8_t *)"x", .size = 1}, 1, NULL),
               VLOT_OK);
  c->submitted++;
}

/* Each answer submits the next command: a client may talk from inside its own function. */
static void count_answer(void *context, const vlot_answer *answer) {
  counter *c = context;
  cr_assert_eq(answer->result, VLOT_OK);
  cr_assert_eq(answer->sequence, c->next++);
  c->answered++;
  if (c->submitted < COMMANDS) submit_one(c);
}

static void run(vlot_driver driver) {
  vlot_cluster_options options;
  vlot_client_options client;
  vlot_cluster *cluster;
  counter c = {.next = 1};
  vlot_cluster_options_init(&options);
  vlot_client_options_init(&client);
  options.driver = driver;
  client.answered = count_answer;
  client.context = &c;
  cr_assert_eq(vlot_cluster_open(&cluster, &options, NULL), VLOT_OK);
  cr_assert_eq(vlot_await_leader(cluster, 10000, NULL), VLOT_OK);
  cr_assert_eq(vlot_client_open(&c.client, cluster, &client), VLOT_OK);
  for (int k = 0; k < 10; k++) submit_one(&c);
  while (vlot_client_inflight(c.client) > 0) cr_assert_gt(vlot_client_wait(c.client, NULL, 0), 0);
  cr_assert_eq(c.answered, COMMANDS);
  /* propose keeps its own answer */
  cr_assert_eq(vlot_client_propose(c.client, "y", 1, NULL), VLOT_OK);
  cr_assert_eq(c.answered, COMMANDS);
  vlot_client_close(c.client);
  cr_assert_eq(vlot_cluster_close(cluster), VLOT_OK);
}

Test(callback, answers_go_to_the_clients_function_in_its_own_wait) { run(VLOT_DRIVER_THREADS); }

Test(callback, answers_go_to_the_clients_function_in_lockstep) { run(VLOT_DRIVER_LOCKSTEP); }

/* --- calls from functions that a control call calls ------------------------------------------- */

static struct {
  vlot_cluster *cluster;
  bool is_armed, is_stepped;
  uint32_t calls;
} inside;

/* Control is not free before they return: whatever waits for it would wait for itself. */
static void call_everything(void) {
  if (!inside.is_armed) return;
  vlot_cluster *cluster = inside.cluster;
  vlot_event events[2];
  vlot_node_status status;
  uint64_t hash, applied, done;
  inside.is_armed = false;
  inside.calls++;
  cr_expect_eq(vlot_cluster_kill(cluster, 2, true), VLOT_DEADLOCK);
  cr_expect_eq(vlot_cluster_restart(cluster, 1, VLOT_RESTART_KEEP), VLOT_DEADLOCK);
  cr_expect_eq(vlot_cluster_suspend(cluster, 2), VLOT_DEADLOCK);
  cr_expect_eq(vlot_cluster_resume(cluster, 2), VLOT_DEADLOCK);
  cr_expect_eq(vlot_cluster_set_disk(cluster, 2, &(vlot_disk_fault){0}), VLOT_DEADLOCK);
  cr_expect_eq(vlot_cluster_set_link(cluster, 1, 2, &(vlot_link){0}), VLOT_DEADLOCK);
  cr_expect_eq(vlot_cluster_set_clock_rate(cluster, 2, 500), VLOT_DEADLOCK);
  cr_expect_eq(vlot_cluster_heal(cluster), VLOT_DEADLOCK);
  cr_expect_eq(vlot_cluster_partition(cluster, (uint32_t[]){1}, 1), VLOT_DEADLOCK);
  cr_expect_eq(vlot_cluster_hash(cluster, 2, &hash, &applied), VLOT_DEADLOCK);
  cr_expect_eq(vlot_cluster_events(cluster, 2, events, 2), 0);
  cr_expect_eq(vlot_await_leader(cluster, 10, NULL), VLOT_DEADLOCK);
  cr_expect_eq(vlot_cluster_close(cluster), VLOT_DEADLOCK);
  if (inside.is_stepped) cr_expect_eq(vlot_lockstep_step(cluster, 1, &done), VLOT_DEADLOCK);
  if (!inside.is_stepped) cr_expect_eq(vlot_cluster_pause(cluster), VLOT_DEADLOCK);
  /* what only looks is free to */
  cr_expect_eq(vlot_cluster_get_status(cluster, 2, &status), VLOT_OK);
}

static void *create_and_call(void *context, uint32_t node, bool is_replaying) {
  call_everything();
  return vlot_kv_machine()->create(context, node, is_replaying);
}
static void destroy_and_call(void *state) {
  call_everything();
  vlot_kv_machine()->destroy(state);
}

static void call_from(vlot_driver driver, bool is_destroy) {
  vlot_machine machine = *vlot_kv_machine();
  vlot_cluster_options options;
  vlot_cluster_options_init(&options);
  options.driver = driver;
  options.machine = &machine;
  if (is_destroy)
    machine.destroy = destroy_and_call;
  else
    machine.create = create_and_call;
  cr_assert_eq(vlot_cluster_open(&inside.cluster, &options, NULL), VLOT_OK);
  cr_assert_eq(vlot_await_leader(inside.cluster, 10000, NULL), VLOT_OK);
  inside.calls = 0;
  inside.is_stepped = driver == VLOT_DRIVER_LOCKSTEP;
  inside.is_armed = true;
  cr_expect_eq(vlot_cluster_restart(inside.cluster, 1, VLOT_RESTART_KEEP), VLOT_OK);
  cr_expect_eq(inside.calls, 1);
  cr_expect_eq(vlot_cluster_kill(inside.cluster, 2, true), VLOT_OK, "control is free again");
  cr_expect_eq(vlot_cluster_close(inside.cluster), VLOT_OK);
}

Test(callback, what_would_wait_for_the_call_that_it_is_in_is_a_deadlock, .timeout = 60) {
  for (int k = 0; k < 4; k++)
    call_from(k % 2 ? VLOT_DRIVER_LOCKSTEP : VLOT_DRIVER_THREADS, k / 2 == 1);
}

/* A line of the log that the clock's thread says, with control or without: what looks or changes
 * is a deadlock or done, and nothing that counts ticks may wait for them there. */
static void log_and_call(void *context, const char *line) {
  (void)context;
  if (!inside.is_armed || !strstr(line, "no quorum")) return;
  vlot_event events[2];
  inside.is_armed = false;
  inside.calls++;
  cr_expect_eq(vlot_cluster_events(inside.cluster, 2, events, 2), 0);
  cr_expect_eq(vlot_await_applied(inside.cluster, 1, UINT64_MAX, 10), VLOT_DEADLOCK);
}

Test(callback, a_log_line_that_the_clock_says_holds_up_nobody, .timeout = 60) {
  vlot_cluster_options options;
  vlot_cluster_options_init(&options);
  options.tick_ns = 500000;
  options.raft.switches &= ~(uint32_t)VLOT_SWITCH_CHECK_QUORUM;
  options.log = log_and_call;
  inside.calls = 0;
  cr_assert_eq(vlot_cluster_open(&inside.cluster, &options, NULL), VLOT_OK);
  uint32_t leader;
  cr_assert_eq(vlot_await_leader(inside.cluster, 10000, &leader), VLOT_OK);
  inside.is_armed = true;
  for (uint32_t id = 1; id <= 3; id++)
    if (id != leader) cr_assert_eq(vlot_cluster_kill(inside.cluster, id, true), VLOT_OK);
  cr_expect_eq(vlot_await_applied(inside.cluster, leader, UINT64_MAX, 400), VLOT_TIMEOUT);
  cr_expect_eq(inside.calls, 1);
  cr_expect_eq(vlot_cluster_close(inside.cluster), VLOT_OK);
}
