/* Snapshots by hand: taken, their log dropped; what is refused, and why. In both drivers, and
 * recorded and replayed.
 */
#include <criterion/criterion.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>

#include "cluster/object.h"
#include "cluster/seats.h"
#include "fleet.h"
#include "taped.h"

enum { WAIT = 500 };

static void add(vlot_cluster *cluster, uint32_t count) {
  vlot_client *client = fleet_client(cluster, 1, 2000);
  for (uint32_t k = 0; k < count; k++) cr_assert_eq(fleet_add(client, "key", 1), VLOT_OK);
  vlot_client_close(client);
}

static void take_by_hand(vlot_driver driver) {
  vlot_cluster_options options = fleet_options(driver, 3);
  options.snapshot_trailing = 0;
  vlot_cluster *cluster = fleet_open(&options);
  uint64_t index, base;
  add(cluster, 20);
  cr_assert(fleet_settle(cluster, 3000));
  uint64_t applied = fleet_status(cluster, 2).applied_index;
  cr_expect_eq(vlot_cluster_compact(cluster, 2, UINT64_MAX, WAIT, &base), VLOT_NOT_FOUND);
  cr_expect(strstr(vlot_problem(VLOT_NOT_FOUND), "node 2 has no snapshot"));
  cr_assert_eq(vlot_cluster_snapshot(cluster, 2, WAIT, &index), VLOT_OK);
  cr_expect_geq(index, applied);
  cr_expect_eq(fleet_status(cluster, 2).raft.snapshot_index, index, "the status shows it");
  cr_expect_eq(fleet_status(cluster, 1).raft.snapshot_index, 0, "nobody else has one");
  cr_assert_eq(vlot_cluster_compact(cluster, 2, 5, WAIT, &base), VLOT_OK);
  cr_expect_eq(fleet_status(cluster, 2).raft.base_index, index, "its log ended with the snapshot");
  cr_assert_eq(vlot_cluster_restart(cluster, 2, VLOT_RESTART_LOSE), VLOT_OK);
  cr_assert(fleet_settle(cluster, 3000));
  cr_expect(fleet_agrees(cluster));
  cr_expect_geq(fleet_status(cluster, 2).raft.snapshot_index, index);
  cr_expect_eq(vlot_cluster_close(cluster), VLOT_OK);
}

Test(snapshot_calls, one_is_taken_by_hand_in_lockstep) { take_by_hand(VLOT_DRIVER_LOCKSTEP); }
Test(snapshot_calls, one_is_taken_by_hand_with_threads) { take_by_hand(VLOT_DRIVER_THREADS); }

static void drop_by_hand(vlot_driver driver) {
  vlot_cluster_options options = fleet_options(driver, 3);
  options.snapshot_trailing = 10;
  vlot_cluster *cluster = fleet_open(&options);
  uint64_t index, base;
  add(cluster, 30);
  cr_assert_eq(vlot_cluster_snapshot(cluster, 1, WAIT, &index), VLOT_OK);
  cr_expect_eq(fleet_status(cluster, 1).raft.base_index, index - 10, "as the options say");
  cr_expect_eq(vlot_cluster_compact(cluster, 1, index - 5, WAIT, &base), VLOT_OK);
  cr_expect_eq(base, index - 5);
  cr_expect_eq(vlot_cluster_compact(cluster, 1, 3, WAIT, &base), VLOT_OK);
  cr_expect_eq(base, index - 5, "it never grows again");
  add(cluster, 4);
  cr_expect_eq(vlot_cluster_compact(cluster, 1, UINT64_MAX, WAIT, &base), VLOT_OK);
  cr_expect_eq(base, index, "no further than the snapshot");
  cr_expect_eq(vlot_cluster_compact(cluster, 1, 0, WAIT, &base), VLOT_INVALID);
  cr_expect(strstr(vlot_problem(VLOT_INVALID), "index 0"));
  cr_assert(fleet_settle(cluster, 3000));
  cr_expect(fleet_agrees(cluster));
  cr_expect_eq(vlot_cluster_close(cluster), VLOT_OK);
}

Test(snapshot_calls, a_log_is_dropped_up_to_the_snapshot_at_most_in_lockstep) {
  drop_by_hand(VLOT_DRIVER_LOCKSTEP);
}
Test(snapshot_calls, a_log_is_dropped_up_to_the_snapshot_at_most_with_threads) {
  drop_by_hand(VLOT_DRIVER_THREADS);
}

/* --- what is refused --- */

static void expect_refused(vlot_cluster *cluster, uint32_t id, vlot_result result,
                           const char *words) {
  uint64_t index = 77, before = fleet_status(cluster, id).raft.snapshot_index;
  cr_expect_eq(vlot_cluster_snapshot(cluster, id, WAIT, &index), result, "%s", words);
  cr_expect(strstr(vlot_problem(result), words), "'%s' has no '%s'", vlot_problem(result), words);
  cr_expect_eq(index, 0);
  cr_expect_eq(fleet_status(cluster, id).raft.snapshot_index, before, "the old one is whole");
}

static void refuse_in(vlot_driver driver) {
  vlot_cluster_options options = fleet_options(driver, 3);
  vlot_cluster *cluster = fleet_open(&options);
  uint64_t index;
  add(cluster, 5);
  cr_assert(fleet_settle(cluster, 3000));
  cr_expect_eq(vlot_cluster_snapshot(cluster, 9, WAIT, &index), VLOT_NOT_FOUND);
  cr_assert_eq(vlot_cluster_snapshot(cluster, 3, WAIT, &index), VLOT_OK);
  expect_refused(cluster, 3, VLOT_EXISTS, "nothing behind its newest snapshot");
  cr_assert_eq(vlot_cluster_suspend(cluster, 3), VLOT_OK);
  expect_refused(cluster, 3, VLOT_BUSY, "node 3 is suspended");
  cr_assert_eq(vlot_cluster_resume(cluster, 3), VLOT_OK);
  add(cluster, 5);
  cr_assert(fleet_settle(cluster, 3000));
  cr_assert_eq(vlot_cluster_set_disk(cluster, 3, &(vlot_disk_fault){.is_stalled = 1}), VLOT_OK);
  expect_refused(cluster, 3, VLOT_BUSY, "takes nothing just now");
  cr_assert_eq(vlot_cluster_set_disk(cluster, 3, &(vlot_disk_fault){.is_full = 1}), VLOT_OK);
  expect_refused(cluster, 3, VLOT_IO, "write failed");
  cr_assert_eq(vlot_cluster_set_disk(cluster, 3, &(vlot_disk_fault){0}), VLOT_OK);
  cr_assert_eq(vlot_cluster_kill(cluster, 3, false), VLOT_OK);
  expect_refused(cluster, 3, VLOT_CLOSED, "3");
  cr_assert_eq(vlot_cluster_spawn(cluster, 3), VLOT_OK);
  cr_assert(fleet_settle(cluster, 3000));
  cr_assert_eq(vlot_cluster_snapshot(cluster, 3, WAIT, &index), VLOT_OK);
  cr_expect_eq(vlot_cluster_close(cluster), VLOT_OK);
}

Test(snapshot_calls, what_cannot_be_taken_is_refused_with_the_reason_in_lockstep) {
  refuse_in(VLOT_DRIVER_LOCKSTEP);
}
Test(snapshot_calls, what_cannot_be_taken_is_refused_with_the_reason_with_threads) {
  refuse_in(VLOT_DRIVER_THREADS);
}

/* What is applied is not durable here yet: it waits, and then takes it. */
Test(snapshot_calls, one_waits_until_what_is_applied_is_durable) {
  vlot_cluster_options options = fleet_options(VLOT_DRIVER_LOCKSTEP, 3);
  vlot_cluster *cluster = fleet_open(&options);
  uint64_t index;
  add(cluster, 2);
  cr_assert(fleet_settle(cluster, 3000));
  cr_assert_eq(vlot_cluster_set_disk(
                   cluster, 3, &(vlot_disk_fault){.delay_ticks_min = 20, .delay_ticks_max = 20}),
               VLOT_OK);
  add(cluster, 1);
  fleet_pass(cluster, 6); /* with the next heartbeat it is committed there */
  vlot_node_status status = fleet_status(cluster, 3);
  cr_assert_gt(status.applied_index, status.raft.durable_index);
  cr_assert_eq(vlot_cluster_snapshot(cluster, 3, 1, &index), VLOT_TIMEOUT);
  cr_assert_eq(vlot_cluster_snapshot(cluster, 3, WAIT, &index), VLOT_OK);
  cr_expect_geq(index, status.applied_index);
  cr_expect_eq(vlot_cluster_close(cluster), VLOT_OK);
}

/* Of what is pending of a kind the newest one; its id, 0: nothing is. */
static uint64_t find(vlot_cluster *cluster, vlot_pending_kind kind, vlot_pending *found) {
  vlot_pending pending[64];
  size_t count = vlot_lockstep_pending(cluster, pending, 64);
  uint64_t id = 0;
  for (size_t k = 0; k < count && k < 64; k++) {
    if (pending[k].kind != kind) continue;
    id = pending[k].id;
    if (found) *found = pending[k];
  }
  return id;
}

/* Without a wait it is an order like others: it is pending until somebody delivers it. */
Test(snapshot_calls, without_a_wait_it_is_pending_and_an_action_of_its_own) {
  vlot_cluster_options options = fleet_options(VLOT_DRIVER_LOCKSTEP, 3);
  vlot_cluster *cluster = fleet_open(&options);
  add(cluster, 5);
  cr_assert(fleet_settle(cluster, 3000));
  cr_assert_eq(vlot_cluster_snapshot(cluster, 1, 0, NULL), VLOT_OK);
  cr_expect_eq(fleet_status(cluster, 1).raft.snapshot_index, 0);
  cr_assert_eq(vlot_lockstep_fire(cluster, find(cluster, VLOT_PENDING_CLIENT, NULL)), VLOT_OK);
  uint64_t frozen = fleet_status(cluster, 1).applied_index, now = vlot_cluster_now(cluster);
  cr_expect_eq(fleet_status(cluster, 1).raft.snapshot_index, 0, "it is frozen, and not written");
  vlot_pending image = {0};
  cr_assert_eq(find(cluster, VLOT_PENDING_IMAGE, &image), VLOT_PENDING_IMAGE_ID(1));
  cr_expect_eq(image.node, 1);
  cr_expect_eq(image.index, frozen, "the pending list says of what it is");
  cr_expect_eq(image.due, now + 1);
  cr_assert_eq(vlot_lockstep_fire(cluster, image.id), VLOT_OK);
  cr_expect_eq(fleet_status(cluster, 1).raft.snapshot_index, frozen);
  cr_expect_eq(vlot_cluster_close(cluster), VLOT_OK);
}

/* A machine that can only be asked to do so. */
Test(snapshot_calls, a_machine_without_snapshots_is_told_so) {
  vlot_machine machine = *vlot_kv_machine();
  vlot_cluster_options options = fleet_options(VLOT_DRIVER_LOCKSTEP, 1);
  machine.snapshot = NULL;
  machine.freeze = NULL;
  machine.image_write = NULL;
  machine.image_free = NULL;
  options.machine = &machine;
  vlot_cluster *cluster = fleet_open(&options);
  add(cluster, 2);
  expect_refused(cluster, 1, VLOT_UNSUPPORTED, "vlot_machine.snapshot");
  cr_expect_eq(vlot_cluster_close(cluster), VLOT_OK);
}

Test(snapshot_calls, a_recorded_run_with_them_is_replayed) {
  taped tape = {0};
  char text[320];
  uint64_t index, base;
  vlot_writer sink = taped_sink(&tape);
  vlot_cluster_options options = fleet_options(VLOT_DRIVER_THREADS, 3);
  options.journal = &sink;
  options.snapshot_trailing = 20;
  vlot_cluster *cluster = fleet_open(&options);
  add(cluster, 30);
  cr_assert_eq(vlot_cluster_kill(cluster, 3, false), VLOT_OK);
  for (uint32_t id = 1; id <= 2; id++) {
    add(cluster, 5);
    cr_assert_eq(vlot_cluster_snapshot(cluster, id, WAIT, &index), VLOT_OK);
    cr_assert_eq(vlot_cluster_compact(cluster, id, index - 3, WAIT, &base), VLOT_OK);
    cr_expect_eq(base, index - 3);
  }
  cr_assert_eq(vlot_cluster_snapshot(cluster, 2, 0, NULL), VLOT_OK); /* nothing new, or something */
  cr_assert_eq(vlot_cluster_spawn(cluster, 3), VLOT_OK);
  cr_assert(fleet_settle(cluster, 3000));
  cr_expect_eq(vlot_cluster_close(cluster), VLOT_OK);
  vlot_cluster *replay;
  cr_expect_str_eq(taped_replay(&tape, NULL, &replay, text), "");
  cr_expect_eq(vlot_cluster_snapshot(replay, 1, WAIT, &index), VLOT_UNSUPPORTED);
  cr_expect_eq(vlot_cluster_close(replay), VLOT_OK);
  taped_free(&tape);
}

/* --- what ends a wait --- */

typedef struct waiter {
  vlot_cluster *cluster;
  pthread_t thread;
  vlot_result result;
} waiter;

static void *take_one(void *context) {
  waiter *self = context;
  self->result = vlot_cluster_snapshot(self->cluster, 3, VLOT_NEVER, NULL);
  return NULL;
}

/* n3 has applied what its disk will never have: a snapshot of it waits. */
static void begin_wait(waiter *self) {
  vlot_cluster_options options = fleet_options(VLOT_DRIVER_THREADS, 3);
  *self = (waiter){.cluster = fleet_open(&options)};
  add(self->cluster, 2);
  cr_assert_eq(vlot_await_applied(self->cluster, 3, 3, 3000), VLOT_OK);
  cr_assert_eq(vlot_cluster_set_disk(self->cluster, 3, &(vlot_disk_fault){.is_stalled = 1}),
               VLOT_OK);
  add(self->cluster, 2);
  vlot_node_status status;
  do {
    status = fleet_status(self->cluster, 3);
    sched_yield();
  } while (status.applied_index <= status.raft.durable_index);
  cr_assert_eq(pthread_create(&self->thread, NULL, take_one, self), 0);
  vlot__seat *seat = vlot__seat_of(self->cluster, 3);
  for (bool waits = false; !waits; sched_yield()) {
    pthread_mutex_lock(&seat->status_lock);
    waits = seat->asked != NULL;
    pthread_mutex_unlock(&seat->status_lock);
  }
}

static void end_wait(waiter *self, vlot_result result) {
  cr_assert_eq(pthread_join(self->thread, NULL), 0);
  cr_expect_eq(self->result, result, "%s", vlot_result_name(self->result));
}

Test(snapshot_calls, a_wait_ends_when_the_node_is_stopped) {
  waiter self;
  begin_wait(&self);
  cr_expect_eq(vlot_cluster_kill(self.cluster, 3, false), VLOT_OK);
  end_wait(&self, VLOT_CLOSED);
  cr_expect_eq(vlot_cluster_close(self.cluster), VLOT_OK);
}

Test(snapshot_calls, a_wait_ends_when_the_node_is_another) {
  waiter self;
  begin_wait(&self);
  cr_expect_eq(vlot_cluster_restart(self.cluster, 3, VLOT_RESTART_KEEP), VLOT_OK);
  end_wait(&self, VLOT_CLOSED);
  cr_expect_eq(vlot_cluster_close(self.cluster), VLOT_OK);
}

Test(snapshot_calls, a_wait_is_interrupted_and_the_node_does_it_all_the_same) {
  waiter self;
  begin_wait(&self);
  cr_expect_eq(vlot_cluster_interrupt(self.cluster), VLOT_OK);
  end_wait(&self, VLOT_INTERRUPTED);
  cr_assert_eq(vlot_cluster_set_disk(self.cluster, 3, &(vlot_disk_fault){0}), VLOT_OK);
  for (int k = 0; k < 3000 && fleet_status(self.cluster, 3).raft.snapshot_index == 0; k++)
    fleet_pass(self.cluster, 1);
  cr_expect_gt(fleet_status(self.cluster, 3).raft.snapshot_index, 0);
  cr_expect_eq(vlot_cluster_close(self.cluster), VLOT_OK);
}

Test(snapshot_calls, a_wait_ends_when_the_cluster_closes) {
  waiter self;
  begin_wait(&self);
  cr_expect_eq(vlot_cluster_close(self.cluster), VLOT_OK);
  end_wait(&self, VLOT_CLOSED);
}
