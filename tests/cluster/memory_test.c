/* Without memory: the k-th allocation of a script fails, alone or with every later one. Allowed is
 * that a call says NOMEM and nothing has changed, that a command is rejected or unknown, or that a
 * node is fenced. Never a crash, a leak, a broken promise, or a cluster that does not come back
 * when memory does.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "fleet.h"

typedef struct script {
  vlot_fault_allocator *faults;
  vlot_machine machine;
  uint32_t nodes;
  uint64_t acknowledged;
  uint64_t unknown;
} script;

static bool is_allowed(vlot_result result) {
  return result == VLOT_OK || result == VLOT_NOMEM || result == VLOT_REJECTED ||
         result == VLOT_UNKNOWN || result == VLOT_BUSY || result == VLOT_TIMEOUT ||
         result == VLOT_CLOSED || result == VLOT_EXISTS || result == VLOT_FAILED;
}

static void add(script *self, vlot_client *client) {
  vlot_result result = fleet_add(client, "n", 1);
  cr_assert(is_allowed(result), "%s", vlot_result_name(result));
  if (result == VLOT_OK) self->acknowledged++;
  if (result == VLOT_UNKNOWN) self->unknown++;
}

static void submit_and_read(script *self, vlot_client *client) {
  vlot_answer answers[8];
  if (fleet_submit(client, "n", 3, NULL) == VLOT_OK)
    for (size_t count; (count = vlot_client_wait(client, answers, 8)) > 0;)
      for (size_t k = 0; k < count; k++) {
        self->acknowledged += answers[k].result == VLOT_OK;
        self->unknown += answers[k].result == VLOT_UNKNOWN;
      }
  char value[32];
  vlot_result result = fleet_get(client, "n", value, sizeof value);
  cr_assert(is_allowed(result), "%s", vlot_result_name(result));
  if (result == VLOT_OK) cr_assert_geq(strtoull(value, NULL, 10), self->acknowledged);
}

/* All that a user may do, in short. */
static void play(script *self, vlot_cluster *cluster) {
  uint32_t leader = 0;
  vlot_client_options options;
  vlot_client *client, *through = NULL;
  vlot_client_options_init(&options);
  options.timeout_ticks = 60;
  if (vlot_client_open(&client, cluster, &options) != VLOT_OK) return;
  options.contact = self->nodes;
  if (vlot_client_open(&through, cluster, &options) != VLOT_OK) cr_assert_null(through);
  cr_assert(is_allowed(vlot_await_leader(cluster, 100, &leader)));
  add(self, client);
  if (through) add(self, through);
  submit_and_read(self, client);
  vlot_link lossy = {.delay_ticks_max = 3, .duplicate = 200000};
  cr_assert(is_allowed(vlot_cluster_set_link(cluster, 0, 1, &lossy)));
  cr_assert(is_allowed(vlot_cluster_kill(cluster, leader ? leader : 1, true)));
  cr_assert(is_allowed(vlot_await_leader(cluster, 100, NULL)));
  add(self, client);
  cr_assert(is_allowed(vlot_cluster_spawn(cluster, leader ? leader : 1)));
  cr_assert(is_allowed(vlot_cluster_suspend(cluster, 1)));
  add(self, client);
  cr_assert(is_allowed(vlot_cluster_resume(cluster, 1)));
  cr_assert(is_allowed(vlot_cluster_restart(cluster, 1, VLOT_RESTART_LOSE)));
  submit_and_read(self, client);
  cr_assert(is_allowed(vlot_cluster_heal(cluster)));
  vlot_client_close(through);
  vlot_client_close(client);
}

static bool is_whole(vlot_cluster *cluster) {
  for (uint32_t id = 1; id <= vlot_cluster_nodes(cluster); id++)
    if (fleet_status(cluster, id).state != VLOT_NODE_UP) return false;
  return true;
}

/* Memory is back. A node that is up must go on by itself. */
static void recover(script *self, vlot_cluster *cluster, const char *when) {
  char text[256], value[32];
  if (is_whole(cluster))
    cr_expect_eq(vlot_await_leader(cluster, 1000, NULL), VLOT_OK, "%s: nobody leads any more",
                 when);
  cr_expect(fleet_settle(cluster, 1000), "%s: it does not settle", when);
  if (vlot_cluster_violation(cluster, text, sizeof text)) cr_expect_fail("%s: %s", when, text);
  vlot_client *client = fleet_client(cluster, 0, 1000);
  cr_expect_eq(fleet_get(client, "n", value, sizeof value), VLOT_OK, "%s", when);
  uint64_t number = strtoull(value, NULL, 10);
  cr_expect_geq(number, self->acknowledged, "%s: an acknowledged command is lost", when);
  cr_expect_leq(number, self->acknowledged + self->unknown, "%s: a rejected command was applied",
                when);
  vlot_client_close(client);
}

/* What is said without memory is said in words. */
static void look_at_line(void *context, const char *line) {
  (void)context;
  cr_expect_null(strstr(line, "(null)"), "%s", line);
}

/* Returns the number of allocations made. */
static uint64_t run(uint32_t nodes, uint64_t fail_at, bool is_sticky) {
  script self = {
      .faults = vlot_fault_allocator_open(), .nodes = nodes, .machine = *vlot_kv_machine()};
  vlot_cluster_options options = fleet_options(VLOT_DRIVER_LOCKSTEP, nodes);
  vlot_cluster *cluster = NULL;
  char when[64];
  snprintf(when, sizeof when, "%u nodes, allocation %llu%s", nodes, (unsigned long long)fail_at,
           is_sticky ? " and all later" : "");
  self.machine.context = (void *)(uintptr_t)vlot_fault_allocator_get(self.faults);
  options.allocator = vlot_fault_allocator_get(self.faults);
  options.machine = &self.machine;
  options.log = look_at_line;
  options.raft.election_ticks_min = 8;
  options.raft.election_ticks_max = 16;
  options.raft.heartbeat_ticks = 3;
  vlot_fault_allocator_fail_at(self.faults, fail_at, is_sticky);
  vlot_result result = vlot_cluster_open(&cluster, &options, NULL);
  cr_assert(result == VLOT_OK || result == VLOT_NOMEM || result == VLOT_FAILED, "%s: %s", when,
            vlot_result_name(result));
  cr_assert_eq(cluster != NULL, result == VLOT_OK);
  if (cluster) play(&self, cluster);
  uint64_t made = vlot_fault_allocator_made(self.faults);
  vlot_fault_allocator_fail_at(self.faults, 0, false);
  if (cluster) {
    recover(&self, cluster, when);
    cr_expect_eq(vlot_cluster_close(cluster), VLOT_OK, "%s", when);
  }
  cr_assert_eq(vlot_fault_allocator_live(self.faults), 0, "%s: memory is lost", when);
  vlot_fault_allocator_close(self.faults);
  return made;
}

static void sweep(uint32_t nodes, bool is_sticky) {
  uint64_t count = run(nodes, 0, false);
  cr_assert_gt(count, 50);
  for (uint64_t k = 1; k <= count; k++) (void)run(nodes, k, is_sticky);
}

Test(memory, any_single_allocation_may_fail_in_a_cluster_of_1) { sweep(1, false); }
Test(memory, any_single_allocation_may_fail_in_a_cluster_of_3) { sweep(3, false); }
Test(memory, all_allocations_may_fail_from_any_on_in_a_cluster_of_1) { sweep(1, true); }
Test(memory, all_allocations_may_fail_from_any_on_in_a_cluster_of_3) { sweep(3, true); }
