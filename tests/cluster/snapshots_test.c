/* Snapshots in a cluster: taken by policy, sent to who was away, restored from at a restart; in
 * both drivers, recorded and replayed, and without memory.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "cluster/object.h"
#include "fleet.h"
#include "taped.h"

enum { AWAY = 3 };

static vlot_cluster_options snapshot_options(vlot_driver driver) {
  vlot_cluster_options options = fleet_options(driver, 3);
  options.snapshot_bytes = 1500;
  options.snapshot_trailing = 4;
  options.raft.snapshot_chunk_bytes = 16;
  return options;
}

/* So many increments of one key, one after the other. */
static void add(vlot_cluster *cluster, uint32_t count) {
  vlot_client *client = fleet_client(cluster, 1, 2000);
  for (uint32_t k = 0; k < count; k++) cr_assert_eq(fleet_add(client, "key", 1), VLOT_OK);
  vlot_client_close(client);
}

static void expect_total(vlot_cluster *cluster, const char *total) {
  char value[32];
  vlot_client *client = fleet_client(cluster, AWAY, 2000);
  cr_assert_eq(fleet_get(client, "key", value, sizeof value), VLOT_OK);
  cr_expect_str_eq(value, total);
  vlot_client_close(client);
}

/* n3 is down while the others' logs forget what it lacks. */
static void leave_behind(vlot_cluster *cluster) {
  add(cluster, 10);
  cr_assert_eq(vlot_cluster_kill(cluster, AWAY, false), VLOT_OK);
  uint64_t last = fleet_status(cluster, AWAY).raft.last_index;
  add(cluster, 200);
  for (uint32_t id = 1; id < AWAY; id++) {
    /* its last image is written beside its turns */
    for (int k = 0; k < 1000 && fleet_status(cluster, id).raft.log_bytes >= 3000; k++)
      fleet_pass(cluster, 1);
    vlot_node_status status = fleet_status(cluster, id);
    cr_expect_gt(status.raft.base_index, last, "n%u has all that n3 lacks", id);
    cr_expect_eq(status.raft.base_index + 4, status.raft.snapshot_index);
    cr_expect_lt(status.raft.log_bytes, 3000);
  }
}

static void come_back_in(vlot_driver driver) {
  vlot_cluster_options options = snapshot_options(driver);
  vlot_cluster *cluster = fleet_open(&options);
  leave_behind(cluster);
  cr_assert_eq(vlot_cluster_spawn(cluster, AWAY), VLOT_OK);
  cr_assert(fleet_settle(cluster, 3000));
  cr_expect(fleet_agrees(cluster));
  cr_expect_gt(fleet_status(cluster, AWAY).raft.snapshot_index, 0);
  expect_total(cluster, "210");
  for (uint32_t id = 1; id <= 3; id++) /* from what they have now, and what follows */
    cr_assert_eq(vlot_cluster_restart(cluster, id, VLOT_RESTART_LOSE), VLOT_OK);
  cr_assert(fleet_settle(cluster, 3000));
  add(cluster, 5);
  cr_assert(fleet_settle(cluster, 3000));
  cr_expect(fleet_agrees(cluster));
  expect_total(cluster, "215");
  for (uint32_t id = 1; id <= 3; id++)
    cr_expect_gt(fleet_status(cluster, id).raft.snapshot_index, 0);
  cr_expect_eq(vlot_cluster_close(cluster), VLOT_OK);
}

Test(snapshots, who_was_away_comes_back_by_one_and_all_restart_from_theirs_in_lockstep) {
  come_back_in(VLOT_DRIVER_LOCKSTEP);
}

Test(snapshots, who_was_away_comes_back_by_one_and_all_restart_from_theirs_with_threads) {
  come_back_in(VLOT_DRIVER_THREADS);
}

/* --- a crash in the middle of an install --- */

static bool is_receiving(const vlot_node_status *status) {
  return status->raft.receives_offset > 0 && !status->raft.is_installing;
}

static bool is_writing(const vlot_node_status *status) {
  return status->raft.is_installing && status->raft.commit_index > status->applied_index;
}

static void crash_when(bool (*is_it)(const vlot_node_status *status), bool is_stalled,
                       bool is_power_cut) {
  vlot_cluster_options options = snapshot_options(VLOT_DRIVER_LOCKSTEP);
  options.raft.snapshot_tick_bytes = 16;
  vlot_cluster *cluster = fleet_open(&options);
  leave_behind(cluster);
  uint64_t last = fleet_status(cluster, AWAY).raft.last_index;
  if (is_stalled) {
    vlot_disk_fault slow = {.delay_ticks_min = 3, .delay_ticks_max = 3};
    cr_assert_eq(vlot_cluster_set_disk(cluster, AWAY, &slow), VLOT_OK);
  }
  cr_assert_eq(vlot_cluster_spawn(cluster, AWAY), VLOT_OK);
  vlot_node_status status = fleet_status(cluster, AWAY);
  for (int k = 0; k < 500 && !is_it(&status); k++) {
    fleet_pass(cluster, 1);
    status = fleet_status(cluster, AWAY);
  }
  cr_assert(is_it(&status), "it never came to that");
  cr_assert_eq(vlot_cluster_kill(cluster, AWAY, is_power_cut), VLOT_OK);
  cr_assert_eq(vlot_cluster_spawn(cluster, AWAY), VLOT_OK);
  status = fleet_status(cluster, AWAY);
  if (is_stalled && !is_power_cut) /* the write was completed */
    cr_expect(status.raft.base_index > last &&
              status.raft.base_index == status.raft.snapshot_index);
  else if (!is_stalled)
    cr_expect(status.raft.last_index == last && status.raft.snapshot_index == 0);
  cr_assert(fleet_settle(cluster, 3000));
  cr_expect(fleet_agrees(cluster));
  expect_total(cluster, "210");
  cr_expect_eq(vlot_cluster_close(cluster), VLOT_OK);
}

Test(snapshots, a_crash_while_chunks_come_leaves_what_was) {
  crash_when(is_receiving, false, false);
  crash_when(is_receiving, false, true);
}

Test(snapshots, a_crash_behind_the_write_leaves_the_old_or_the_new) {
  crash_when(is_writing, true, false);
  crash_when(is_writing, true, true);
}

/* Every chunk holds a reference to what it is a part of, however often it comes, or never. */
Test(snapshots, chunks_that_are_lost_and_repeated_arrive_and_leave_nothing_behind) {
  vlot_fault_allocator *faults = vlot_fault_allocator_open();
  vlot_cluster_options options = snapshot_options(VLOT_DRIVER_LOCKSTEP);
  vlot_link bad = {.loss = 300000, .duplicate = 500000, .reorder = 500000, .reorder_ticks = 9};
  options.allocator = vlot_fault_allocator_get(faults);
  vlot_cluster *cluster = fleet_open(&options);
  leave_behind(cluster);
  cr_assert_eq(vlot_cluster_set_link(cluster, 0, AWAY, &bad), VLOT_OK);
  cr_assert_eq(vlot_cluster_spawn(cluster, AWAY), VLOT_OK);
  uint64_t base = fleet_status(cluster, 1).raft.base_index;
  for (int k = 0; k < 3000 && fleet_status(cluster, AWAY).applied_index < base; k++)
    fleet_pass(cluster, 1);
  cr_expect_geq(fleet_status(cluster, AWAY).applied_index, base, "over a bad link");
  cr_assert(fleet_settle(cluster, 3000));
  cr_expect(fleet_agrees(cluster));
  cr_expect_eq(vlot_cluster_close(cluster), VLOT_OK);
  cr_expect_eq(vlot_fault_allocator_live(faults), 0);
  vlot_fault_allocator_close(faults);
}

/* --- one run is one run --- */

static uint64_t storm(uint64_t seed, uint32_t is_inline, unsigned how) {
  vlot_cluster_options options = snapshot_options(VLOT_DRIVER_LOCKSTEP);
  options.seed = seed;
  options.is_inline = is_inline;
  vlot_cluster *cluster = fleet_open(&options);
  (void)fleet_storm(cluster, seed, 150, how);
  cr_expect(fleet_settle(cluster, 3000));
  uint64_t hash = fleet_stats(cluster).event_hash;
  cr_expect_eq(vlot_cluster_close(cluster), VLOT_OK, "seed %lu", (unsigned long)seed);
  return hash;
}

Test(snapshots, a_storm_with_them_is_the_same_inline_and_on_threads) {
  for (uint64_t seed = 1; seed <= 6; seed++) {
    uint64_t hash = storm(seed, 1, 0);
    cr_expect_eq(storm(seed, 1, FLEET_LOOKING), hash);
    cr_expect_eq(storm(seed, 0, FLEET_SWITCHING), hash);
  }
}

Test(snapshots, a_recorded_run_with_them_is_replayed) {
  taped tape = {0};
  char text[320];
  vlot_writer sink = taped_sink(&tape);
  vlot_cluster_options options = snapshot_options(VLOT_DRIVER_THREADS);
  options.journal = &sink;
  vlot_cluster *cluster = fleet_open(&options);
  leave_behind(cluster);
  vlot_disk_fault slow = {.delay_ticks_min = 1, .delay_ticks_max = 2};
  cr_assert_eq(vlot_cluster_set_disk(cluster, 2, &slow), VLOT_OK);
  cr_assert_eq(vlot_cluster_spawn(cluster, AWAY), VLOT_OK);
  cr_assert(fleet_settle(cluster, 3000));
  add(cluster, 100);
  cr_assert_eq(vlot_cluster_restart(cluster, 1, VLOT_RESTART_LOSE), VLOT_OK);
  cr_assert(fleet_settle(cluster, 3000));
  cr_expect_eq(vlot_cluster_close(cluster), VLOT_OK);
  cr_expect_str_eq(taped_replay(&tape, NULL, NULL, text), "");
  taped_free(&tape);
}

/* --- without memory --- */

/* False: nothing failed any more. */
static bool sweep_once(uint64_t fail_at) {
  vlot_fault_allocator *faults = vlot_fault_allocator_open();
  vlot_cluster_options options = snapshot_options(VLOT_DRIVER_LOCKSTEP);
  options.allocator = vlot_fault_allocator_get(faults);
  vlot_cluster *cluster = fleet_open(&options);
  cr_assert_not_null(cluster);
  leave_behind(cluster);
  uint64_t before = vlot_fault_allocator_made(faults);
  vlot_fault_allocator_fail_at(faults, fail_at, false);
  (void)vlot_cluster_spawn(cluster, AWAY);
  fleet_pass(cluster, 60);
  bool has_failed = vlot_fault_allocator_made(faults) - before >= fail_at;
  vlot_fault_allocator_fail_at(faults, 0, false);
  for (uint32_t id = 1; id <= 3; id++)
    if (fleet_status(cluster, id).state != VLOT_NODE_UP)
      cr_assert_eq(vlot_cluster_restart(cluster, id, VLOT_RESTART_KEEP), VLOT_OK);
  cr_assert(fleet_settle(cluster, 3000), "fail_at %lu", (unsigned long)fail_at);
  cr_expect(fleet_agrees(cluster), "fail_at %lu", (unsigned long)fail_at);
  cr_expect_eq(vlot_cluster_close(cluster), VLOT_OK);
  vlot_fault_allocator_close(faults); /* asserts that nothing is left */
  return has_failed;
}

Test(snapshots, any_allocation_of_an_install_may_fail) {
  uint64_t fail_at = 1;
  while (fail_at < 400 && sweep_once(fail_at)) fail_at++;
  cr_expect_gt(fail_at, 20, "the sweep failed next to nothing");
}

/* What is done while an allocation fails, with a cluster that has snapshots already. */
typedef void careless(vlot_cluster *cluster);

/* An image is written at the next tick, at the earliest: where n1's newest snapshot is then, once
 * it is above this index. */
static uint64_t await_images(vlot_cluster *cluster, uint64_t above) {
  for (int k = 0; k < 20 && fleet_status(cluster, 1).raft.snapshot_index <= above; k++)
    fleet_pass(cluster, 1);
  return fleet_status(cluster, 1).raft.snapshot_index;
}

static void take_more(vlot_cluster *cluster) {
  vlot_client *client;
  if (vlot_client_open(&client, cluster, NULL) != VLOT_OK) return;
  for (int k = 0; k < 40; k++) (void)fleet_add(client, "key", 0);
  vlot_client_close(client);
  fleet_pass(cluster, 5); /* the last image is written, too */
}

static void begin_from_theirs(vlot_cluster *cluster) {
  for (uint32_t id = 1; id <= 3; id++) (void)vlot_cluster_restart(cluster, id, VLOT_RESTART_LOSE);
  fleet_pass(cluster, 60);
}

/* False: nothing failed any more. */
static bool fail_during(careless *what, uint64_t fail_at, bool is_sticky) {
  vlot_fault_allocator *faults = vlot_fault_allocator_open();
  vlot_cluster_options options = snapshot_options(VLOT_DRIVER_LOCKSTEP);
  options.snapshot_bytes = 500;
  options.allocator = vlot_fault_allocator_get(faults);
  vlot_cluster *cluster = fleet_open(&options);
  cr_assert_not_null(cluster);
  add(cluster, 50);
  uint64_t taken = await_images(cluster, 0);
  uint64_t before = vlot_fault_allocator_made(faults);
  cr_assert_gt(taken, 0);
  vlot_fault_allocator_fail_at(faults, fail_at, is_sticky);
  what(cluster);
  bool has_failed = vlot_fault_allocator_made(faults) - before >= fail_at;
  vlot_fault_allocator_fail_at(faults, 0, false);
  for (uint32_t id = 1; id <= 3; id++)
    if (fleet_status(cluster, id).state != VLOT_NODE_UP)
      cr_assert_eq(vlot_cluster_restart(cluster, id, VLOT_RESTART_KEEP), VLOT_OK);
  cr_assert(fleet_settle(cluster, 3000), "fail_at %lu", (unsigned long)fail_at);
  cr_expect(fleet_agrees(cluster), "fail_at %lu", (unsigned long)fail_at);
  add(cluster, 50);
  cr_assert(fleet_settle(cluster, 3000));
  expect_total(cluster, "100"); /* what failed added nothing to it */
  cr_expect_gt(await_images(cluster, taken), taken, "fail_at %lu", (unsigned long)fail_at);
  cr_expect_eq(vlot_cluster_close(cluster), VLOT_OK);
  vlot_fault_allocator_close(faults); /* asserts that nothing is left */
  return has_failed;
}

static void sweep(careless *what, bool is_sticky) {
  uint64_t fail_at = 1;
  while (fail_at < 1000 && fail_during(what, fail_at, is_sticky)) fail_at++;
  cr_expect_gt(fail_at, 20, "the sweep failed next to nothing");
  cr_expect_lt(fail_at, 1000, "it never came to the end");
}

Test(snapshots, any_allocation_may_fail_while_they_are_taken) { sweep(take_more, false); }

Test(snapshots, memory_may_end_while_they_are_taken) { sweep(take_more, true); }

Test(snapshots, any_allocation_may_fail_while_nodes_start_from_them) {
  sweep(begin_from_theirs, false);
}

Test(snapshots, memory_may_end_while_nodes_start_from_them) { sweep(begin_from_theirs, true); }

/* --- bad input --- */

static vlot_result open_without(void *context, uint32_t id, vlot_storage *storage) {
  (void)id;
  vlot__disk *disk = vlot__disk_open(NULL, 1, 1);
  *storage = vlot__disk_storage(disk);
  if (*(bool *)context) storage->keep = NULL;
  return VLOT_OK;
}

Test(snapshots, who_cannot_have_them_is_refused_by_name) {
  char words[256];
  bool is_without = true;
  const char *problem = NULL;
  vlot_cluster *cluster;
  vlot_cluster_options options = snapshot_options(VLOT_DRIVER_LOCKSTEP);
  options.open_storage = open_without;
  options.storage_context = &is_without;
  options.problem = words;
  options.problem_size = sizeof words;
  cr_expect_eq(vlot_cluster_open(&cluster, &options, NULL), VLOT_INVALID);
  cr_expect_str_eq(words,
                   "n1's storage: snapshot_bytes is not 0, and it cannot keep snapshots: it has no "
                   "keep");
  options = snapshot_options(VLOT_DRIVER_LOCKSTEP);
  vlot_machine machine = *vlot_kv_machine();
  machine.restore = NULL;
  options.machine = &machine;
  cr_expect_eq(vlot_cluster_open(&cluster, &options, &problem), VLOT_INVALID);
  cr_expect_str_eq(problem,
                   "snapshot_bytes: the machine has no snapshot and restore; 0 takes none");
  options.machine = NULL;
  options.raft.log_bytes_max = options.snapshot_bytes - 1;
  cr_expect_eq(vlot_cluster_open(&cluster, &options, &problem), VLOT_INVALID);
  cr_expect_str_eq(problem,
                   "snapshot_bytes: at most raft.log_bytes_max, or that log is full before");
}
