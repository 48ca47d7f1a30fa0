/* Every refused call leaves words that lead to its cause. */
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include <criterion/criterion.h>

#include "fleet.h"

/* The call is refused with that result, and what is said has those words in it. */
#define REFUSES(call, wanted, words)                                                          \
  do {                                                                                        \
    vlot_result got = (call);                                                                 \
    cr_expect_eq(got, wanted, "%s: %s", #call, vlot_result_name(got));                        \
    cr_expect_not_null(strstr(vlot_problem(got), words), "%s: %s is said, not \"%s\"", #call, \
                       vlot_problem(got), words);                                             \
  } while (0)

static vlot_cluster *open_lockstep(void) {
  vlot_cluster_options options = fleet_options(VLOT_DRIVER_LOCKSTEP, 3);
  return fleet_open(&options);
}

Test(problem, of_an_opening) {
  vlot_cluster *cluster;
  vlot_cluster_options options = fleet_options(VLOT_DRIVER_LOCKSTEP, 3);
  options.size = 1;
  REFUSES(vlot_cluster_open(&cluster, &options, NULL), VLOT_INVALID, "vlot_cluster_options_init()");
  options = fleet_options(VLOT_DRIVER_LOCKSTEP, 3);
  options.turn_max = 0;
  REFUSES(vlot_cluster_open(&cluster, &options, NULL), VLOT_INVALID, "turn_max");
  options = fleet_options(VLOT_DRIVER_LOCKSTEP, 3);
  options.raft.heartbeat_ticks = 0;
  REFUSES(vlot_cluster_open(&cluster, &options, NULL), VLOT_INVALID, "heartbeat");
  options = fleet_options(VLOT_DRIVER_LOCKSTEP, 3);
  options.problem_size = 10;
  REFUSES(vlot_cluster_open(&cluster, &options, NULL), VLOT_INVALID, "problem: missing");
  vlot_host *host;
  vlot_host_options of_host;
  vlot_host_options_init(&of_host);
  of_host.tick_ns = 1;
  REFUSES(vlot_host_open(&host, &of_host, NULL), VLOT_INVALID, "100 microseconds to 10 seconds");
  cr_assert_eq(vlot_host_open(&host, NULL, NULL), VLOT_OK);
  options = fleet_options(VLOT_DRIVER_LOCKSTEP, 3);
  options.host = host;
  options.tick_ns = 10000000;
  cr_assert_eq(vlot_cluster_open(&cluster, &options, NULL), VLOT_OK, "%s",
               vlot_problem(VLOT_INVALID));
  REFUSES(vlot_host_close(host), VLOT_BUSY, "1 groups are open");
  cr_expect_eq(vlot_cluster_close(cluster), VLOT_OK);
  cr_expect_eq(vlot_host_close(host), VLOT_OK);
}

Test(problem, of_calls_that_control_nodes) {
  vlot_cluster *cluster = open_lockstep();
  REFUSES(vlot_cluster_spawn(cluster, 1), VLOT_EXISTS, "node 1 is up already");
  REFUSES(vlot_cluster_spawn(cluster, 9), VLOT_NOT_FOUND, "no member 9");
  REFUSES(vlot_cluster_restart(cluster, 1, (vlot_restart)17), VLOT_INVALID, "how 17");
  REFUSES(vlot_cluster_order(cluster, 1, (vlot_input_kind)99, 0), VLOT_INVALID, "kind 99");
  REFUSES(vlot_cluster_order(cluster, 8, VLOT_INPUT_CAMPAIGN, 0), VLOT_NOT_FOUND, "no member 8");
  REFUSES(vlot_cluster_set_clock_rate(cluster, 1, 100001), VLOT_INVALID,
          "permille 100001: at most 100000");
  vlot_disk_fault fault = {.delay_ticks_min = 5, .delay_ticks_max = 4};
  REFUSES(vlot_cluster_set_disk(cluster, 1, &fault), VLOT_INVALID,
          "min 5 is above delay_ticks_max 4");
  cr_assert_eq(vlot_cluster_kill(cluster, 2, false), VLOT_OK);
  REFUSES(vlot_cluster_kill(cluster, 2, false), VLOT_CLOSED, "node 2 is down");
  REFUSES(vlot_cluster_suspend(cluster, 2), VLOT_CLOSED, "node 2 is down");
  REFUSES(vlot_cluster_resume(cluster, 2), VLOT_CLOSED, "node 2 is down");
  REFUSES(vlot_cluster_order(cluster, 2, VLOT_INPUT_CAMPAIGN, 0), VLOT_CLOSED, "node 2 is down");
  uint64_t hash, applied;
  REFUSES(vlot_cluster_hash(cluster, 2, &hash, &applied), VLOT_CLOSED, "node 2 is down");
  REFUSES(vlot_cluster_hash(cluster, 7, &hash, &applied), VLOT_NOT_FOUND, "no member 7");
  vlot_node_status status;
  REFUSES(vlot_cluster_get_status(cluster, 6, &status), VLOT_NOT_FOUND, "no member 6");
  cr_expect_eq(vlot_cluster_close(cluster), VLOT_OK);
}

Test(problem, of_links_and_waits) {
  vlot_cluster *cluster = open_lockstep();
  vlot_link link = {.loss = 1000001};
  REFUSES(vlot_cluster_set_link(cluster, 1, 2, &link), VLOT_INVALID, "loss 1000001");
  link = (vlot_link){.tail = 2000000};
  REFUSES(vlot_cluster_set_link(cluster, 1, 2, &link), VLOT_INVALID, "tail 2000000");
  link = (vlot_link){.delay_ticks_min = 3, .delay_ticks_max = 2};
  REFUSES(vlot_cluster_set_link(cluster, 1, 2, &link), VLOT_INVALID, "delay_ticks_min 3");
  link = (vlot_link){0};
  REFUSES(vlot_cluster_set_link(cluster, 1, 44, &link), VLOT_NOT_FOUND, "no member 44");
  REFUSES(vlot_cluster_get_link(cluster, 2, 2, &link), VLOT_NOT_FOUND, "no link to itself");
  const uint32_t twice[] = {1, 0, 1}, unknown[] = {5};
  REFUSES(vlot_cluster_partition(cluster, twice, 3), VLOT_INVALID, "member 1 is named twice");
  REFUSES(vlot_cluster_partition(cluster, unknown, 1), VLOT_NOT_FOUND, "no member 5");
  REFUSES(vlot_await_applied(cluster, 12, 1, 1), VLOT_NOT_FOUND, "no member 12");
  REFUSES(vlot_await_role(cluster, 0, VLOT_ROLE_LEADER, 1), VLOT_NOT_FOUND, "no member 0");
  REFUSES(vlot_await_applied(cluster, 1, 1000, 3), VLOT_TIMEOUT, "3 ticks");
  cr_expect_eq(vlot_cluster_close(cluster), VLOT_OK);
}

Test(problem, of_the_pending_list) {
  vlot_cluster *cluster = open_lockstep();
  uint64_t timer = VLOT_PENDING_TIMER_ID(1), copy;
  REFUSES(vlot_lockstep_fire(cluster, 999999), VLOT_NOT_FOUND, "id 999999");
  REFUSES(vlot_lockstep_drop(cluster, timer), VLOT_UNSUPPORTED, "timers and writes");
  REFUSES(vlot_lockstep_duplicate(cluster, timer, &copy), VLOT_UNSUPPORTED, "only messages");
  REFUSES(vlot_lockstep_delay(cluster, timer, 1), VLOT_UNSUPPORTED, "hold it");
  REFUSES(vlot_lockstep_pass(cluster, 100, NULL, NULL, 1), VLOT_TIMEOUT, "1 actions were too few");
  REFUSES(vlot_cluster_pause(cluster), VLOT_UNSUPPORTED, "nothing to pause");
  vlot_replay_status replay;
  REFUSES(vlot_replay_get_status(cluster, &replay), VLOT_UNSUPPORTED, "no replay");
  vlot_journal_status journal;
  REFUSES(vlot_journal_get_status(cluster, &journal), VLOT_UNSUPPORTED, "options.journal");
  cr_expect_eq(vlot_cluster_close(cluster), VLOT_OK);
}

Test(problem, of_a_client) {
  vlot_cluster *cluster = open_lockstep();
  vlot_client *client;
  vlot_client_options options;
  vlot_client_options_init(&options);
  options.contact = 17;
  REFUSES(vlot_client_open(&client, cluster, &options), VLOT_INVALID, "contact 17");
  options.contact = 0, options.inflight_max = 0;
  REFUSES(vlot_client_open(&client, cluster, &options), VLOT_INVALID,
          "inflight_max 0: 1 to 1048576");
  options.inflight_max = 2, options.timeout_ticks = 0;
  REFUSES(vlot_client_open(&client, cluster, &options), VLOT_INVALID, "timeout_ticks 0");
  options.timeout_ticks = 10;
  cr_assert_eq(vlot_client_open(&client, cluster, &options), VLOT_OK);
  vlot_command commands[3] = {{.data = (const uint8_t *)"x", .size = 1},
                              {.data = (const uint8_t *)"x", .size = 1},
                              {.data = (const uint8_t *)"x", .size = UINT32_MAX}};
  REFUSES(vlot_client_submit(client, commands, 0, NULL), VLOT_INVALID, "count 0");
  REFUSES(vlot_client_submit(client, commands, 3, NULL), VLOT_BUSY, "inflight_max allows 2");
  REFUSES(vlot_client_submit(client, commands + 2, 1, NULL), VLOT_TOO_LARGE, "4294967295 bytes");
  REFUSES(vlot_client_propose(client, "x", SIZE_MAX, NULL), VLOT_TOO_LARGE, "entry_bytes_max");
  cr_assert_eq(vlot_client_submit(client, commands, 1, NULL), VLOT_OK);
  REFUSES(vlot_client_propose(client, "x", 1, NULL), VLOT_BUSY, "1 of this client's are in flight");
  vlot_client_close(client);
  cr_assert_eq(vlot_client_open(&client, cluster, &options), VLOT_OK);
  for (uint32_t id = 1; id <= 3; id++) cr_assert_eq(vlot_cluster_kill(cluster, id, false), VLOT_OK);
  REFUSES(vlot_client_submit(client, commands, 1, NULL), VLOT_REJECTED,
          "no node that may be asked");
  REFUSES(vlot_client_propose(client, "x", 1, NULL), VLOT_REJECTED, "no node that may be asked");
  cr_expect_eq(vlot_cluster_close(cluster), VLOT_OK);
  REFUSES(vlot_client_submit(client, commands, 1, NULL), VLOT_CLOSED, "the cluster is clos");
  REFUSES(vlot_client_propose(client, "x", 1, NULL), VLOT_CLOSED, "the cluster is clos");
  vlot_client_close(client);
}

/* --- with threads --- */

static void *while_it_is_paused(void *context) {
  vlot_cluster *cluster = context;
  REFUSES(vlot_cluster_kill(cluster, 1, false), VLOT_BUSY, "another thread has paused");
  REFUSES(vlot_lockstep_step(cluster, 1, NULL), VLOT_BUSY, "another thread has paused");
  REFUSES(vlot_cluster_unpause(cluster), VLOT_BUSY, "another thread has paused");
  return NULL;
}

Test(problem, of_a_cluster_with_threads) {
  vlot_cluster_options options = fleet_options(VLOT_DRIVER_THREADS, 3);
  vlot_cluster *cluster = fleet_open(&options);
  REFUSES(vlot_lockstep_step(cluster, 1, NULL), VLOT_UNSUPPORTED, "nodes run on their own");
  REFUSES(vlot_lockstep_set_inline(cluster, true), VLOT_UNSUPPORTED, "opened with threads");
  cr_assert_eq(vlot_cluster_pause(cluster), VLOT_OK);
  pthread_t thread;
  cr_assert_eq(pthread_create(&thread, NULL, while_it_is_paused, cluster), 0);
  cr_assert_eq(pthread_join(thread, NULL), 0);
  cr_assert_eq(vlot_cluster_unpause(cluster), VLOT_OK);
  cr_expect_eq(vlot_cluster_close(cluster), VLOT_OK);
}

/* Its apply calls the cluster, and its create fails where it is told to. */
typedef struct caller {
  vlot_cluster *cluster;
  vlot_result result;
  char said[256];
  bool creates_nothing;
} caller;

static caller *calls; /* create() hands it out, as every node's machine */

static void *create_caller(void *context, uint32_t node, bool is_replaying) {
  (void)node, (void)is_replaying;
  calls = context;
  return calls->creates_nothing ? NULL : calls;
}

static vlot_result apply_and_call(void *machine, const vlot_entry *commands, uint32_t count,
                                  uint64_t first, vlot_replies *replies) {
  caller *at = machine;
  (void)commands, (void)count, (void)first, (void)replies;
  at->result = vlot_cluster_kill(at->cluster, 1, false);
  snprintf(at->said, sizeof at->said, "%s", vlot_problem(at->result));
  return VLOT_OK;
}

static void destroy_caller(void *machine) { (void)machine; }

Test(problem, of_calls_out_of_a_machine_and_of_machines) {
  caller at = {0};
  vlot_machine machine = {.size = sizeof machine,
                          .name = "caller",
                          .context = &at,
                          .create = create_caller,
                          .apply = apply_and_call,
                          .destroy = destroy_caller};
  vlot_cluster_options options = fleet_options(VLOT_DRIVER_LOCKSTEP, 3);
  options.machine = &machine;
  at.cluster = fleet_open(&options);
  vlot_client *client = fleet_client(at.cluster, 0, 1000);
  cr_expect_eq(vlot_client_propose(client, "x", 1, NULL), VLOT_OK);
  cr_expect_eq(at.result, VLOT_DEADLOCK);
  cr_expect_not_null(strstr(at.said, "it would wait for itself"), "%s", at.said);
  REFUSES(vlot_client_query(client, "x", 1, NULL), VLOT_UNSUPPORTED, "vlot_machine.query");
  uint64_t hash, applied;
  REFUSES(vlot_cluster_hash(at.cluster, 1, &hash, &applied), VLOT_UNSUPPORTED, "vlot_machine.hash");
  cr_assert_eq(vlot_cluster_kill(at.cluster, 1, false), VLOT_OK);
  at.creates_nothing = true;
  REFUSES(vlot_cluster_spawn(at.cluster, 1), VLOT_FAILED, "create() returned NULL");
  vlot_client_close(client);
  cr_expect_eq(vlot_cluster_close(at.cluster), VLOT_OK);
  vlot_cluster *cluster;
  REFUSES(vlot_cluster_open(&cluster, &options, NULL), VLOT_FAILED, "could not start");
}

/* --- actors --- */

static void idle_turn(vlot_actor *self, void *context, vlot_turn *mail) {
  (void)self, (void)context;
  while (vlot_turn_next(mail)) continue;
}

Test(problem, of_actors) {
  vlot_actor_system *system;
  vlot_actor_system_options of_system;
  vlot_actor_system_options_init(&of_system);
  of_system.letters = 0;
  REFUSES(vlot_actor_system_open(&of_system, &system), VLOT_INVALID, "letters");
  cr_assert_eq(vlot_actor_system_open(NULL, &system), VLOT_OK);
  vlot_actor_options options;
  vlot_actor *actor;
  vlot_actor_options_init(&options);
  REFUSES(vlot_actor_spawn(system, &options, &actor), VLOT_INVALID, "behaviour.turn");
  options.behaviour.turn = idle_turn;
  options.data_bytes_max = 1;
  REFUSES(vlot_actor_spawn(system, &options, &actor), VLOT_INVALID, "data_bytes_max 1");
  options.data_bytes_max = 4096;
  options.data_messages_max = 1;
  options.id = 7;
  options.is_held = true; /* what is sent waits */
  cr_assert_eq(vlot_actor_spawn(system, &options, &actor), VLOT_OK);
  vlot_actor *second;
  REFUSES(vlot_actor_spawn(system, &options, &second), VLOT_EXISTS, "id 7");
  REFUSES(vlot_actor_send(NULL, actor, VLOT_LANE_DATA, VLOT_MAIL_RESERVED, 0, NULL, 0),
          VLOT_INVALID, "kind ");
  REFUSES(vlot_actor_send(NULL, actor, (vlot_lane)5, 1, 0, NULL, 0), VLOT_INVALID, "lane 5");
  REFUSES(vlot_actor_send(NULL, actor, VLOT_LANE_DATA, 1, 0, NULL, 3), VLOT_INVALID,
          "its size is 3");
  char large[8192] = "";
  REFUSES(vlot_actor_send(NULL, actor, VLOT_LANE_DATA, 1, 0, large, sizeof large), VLOT_TOO_LARGE,
          "than the 4096 allowed");
  REFUSES(vlot_actor_grant(actor), VLOT_NOT_FOUND, "no mail");
  cr_assert_eq(vlot_actor_send(NULL, actor, VLOT_LANE_DATA, 1, 0, NULL, 0), VLOT_OK);
  REFUSES(vlot_actor_send(NULL, actor, VLOT_LANE_DATA, 1, 0, NULL, 0), VLOT_BUSY,
          "the mailbox is full: 1 messages");
  vlot_address nobody = {.id = 99, .incarnation = 1};
  REFUSES(vlot_actor_send_to(system, NULL, nobody, VLOT_LANE_DATA, 1, 0, NULL, 0), VLOT_CLOSED,
          "id 99");
  cr_assert_eq(vlot_actor_kill(actor, VLOT_WHY_KILLED), VLOT_OK);
  REFUSES(vlot_actor_kill(actor, VLOT_WHY_KILLED), VLOT_CLOSED, "ended already");
  REFUSES(vlot_actor_send(NULL, actor, VLOT_LANE_DATA, 1, 0, NULL, 0), VLOT_CLOSED, "has ended");
  vlot_actor_release(actor);
  cr_expect_eq(vlot_actor_system_stop(system), VLOT_OK);
  REFUSES(vlot_actor_spawn(system, &options, &actor), VLOT_CLOSED, "stopping");
  (void)vlot_actor_system_close(system);
}
