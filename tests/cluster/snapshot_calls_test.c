/* Snapshots by hand: taken, their log dropped; what is refused, and why. In both drivers, and
 * recorded and replayed.
 */
#include <criterion/criterion.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
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

/* --- an order that comes while an image is on its way --- */

/* n1's machine is frozen by an order, and its image is held. Returns the index that it is of. */
static uint64_t freeze_and_hold(vlot_cluster *cluster, uint32_t id) {
  vlot_pending image = {0};
  cr_assert_eq(vlot_cluster_snapshot(cluster, id, 0, NULL), VLOT_OK);
  cr_assert_eq(vlot_lockstep_fire(cluster, find(cluster, VLOT_PENDING_CLIENT, NULL)), VLOT_OK);
  cr_assert_eq(find(cluster, VLOT_PENDING_IMAGE, &image), VLOT_PENDING_IMAGE_ID(id));
  cr_assert_eq(vlot_lockstep_hold(cluster, image.id, true), VLOT_OK);
  return image.index;
}

Test(snapshot_calls, who_asks_while_an_image_is_on_its_way_gets_one_of_what_is_applied_then) {
  vlot_cluster_options options = fleet_options(VLOT_DRIVER_LOCKSTEP, 3);
  vlot_cluster *cluster = fleet_open(&options);
  uint64_t index;
  add(cluster, 5);
  cr_assert(fleet_settle(cluster, 3000));
  uint64_t frozen = freeze_and_hold(cluster, 1);
  add(cluster, 5);
  uint64_t applied = fleet_status(cluster, 1).applied_index;
  cr_assert_gt(applied, frozen);
  cr_assert_eq(vlot_lockstep_delay(cluster, VLOT_PENDING_IMAGE_ID(1), 10), VLOT_OK);
  cr_assert_eq(vlot_lockstep_hold(cluster, VLOT_PENDING_IMAGE_ID(1), false), VLOT_OK);
  cr_assert_eq(vlot_cluster_snapshot(cluster, 1, WAIT, &index), VLOT_OK);
  cr_expect_geq(index, applied, "not the one that was frozen before it asked");
  cr_expect_eq(fleet_status(cluster, 1).raft.snapshot_index, index);
  cr_expect_eq(vlot_cluster_close(cluster), VLOT_OK);
}

Test(snapshot_calls, who_asks_while_an_image_of_the_same_state_is_on_its_way_hears_that_it_is_so) {
  vlot_cluster_options options = fleet_options(VLOT_DRIVER_LOCKSTEP, 1);
  vlot_cluster *cluster = fleet_open(&options);
  uint64_t index = 77;
  add(cluster, 5);
  cr_assert(fleet_settle(cluster, 3000));
  uint64_t frozen = freeze_and_hold(cluster, 1);
  cr_expect_eq(vlot_cluster_snapshot(cluster, 1, 20, &index), VLOT_TIMEOUT, "it is held");
  cr_assert_eq(vlot_lockstep_delay(cluster, VLOT_PENDING_IMAGE_ID(1), 10), VLOT_OK);
  cr_assert_eq(vlot_lockstep_hold(cluster, VLOT_PENDING_IMAGE_ID(1), false), VLOT_OK);
  cr_expect_eq(vlot_cluster_snapshot(cluster, 1, WAIT, &index), VLOT_EXISTS);
  cr_expect_eq(index, 0);
  char words[64];
  snprintf(words, sizeof words, "its newest snapshot, which is at %lu", (unsigned long)frozen);
  cr_expect(strstr(vlot_problem(VLOT_EXISTS), words), "%s", vlot_problem(VLOT_EXISTS));
  cr_expect_eq(fleet_status(cluster, 1).raft.snapshot_index, frozen);
  cr_expect_eq(vlot_cluster_close(cluster), VLOT_OK);
}

/* n3's image is overtaken by a newer snapshot, which its leader sends it: what it was asked for is
 * there, and it says so, once. */
Test(snapshot_calls, an_order_whose_image_is_overtaken_is_answered_by_what_has_overtaken_it) {
  vlot_cluster_options options = fleet_options(VLOT_DRIVER_LOCKSTEP, 3);
  options.snapshot_trailing = 0;
  vlot_cluster *cluster = fleet_open(&options);
  vlot_subscription *events;
  vlot_event event;
  uint64_t index;
  uint32_t leader, answers = 0;
  add(cluster, 5);
  cr_assert(fleet_settle(cluster, 3000));
  cr_assert_eq(vlot_await_leader(cluster, 3000, &leader), VLOT_OK);
  uint32_t id = leader % 3 + 1;
  cr_assert_eq(vlot_subscription_open(&events, cluster, 1 << 20), VLOT_OK);
  uint64_t frozen = freeze_and_hold(cluster, id);
  cr_assert_eq(vlot_cluster_partition(cluster, &id, 1), VLOT_OK);
  vlot_client *client = fleet_client(cluster, leader, 2000);
  for (int k = 0; k < 5; k++) cr_assert_eq(fleet_add(client, "key", 1), VLOT_OK);
  vlot_client_close(client);
  cr_assert_eq(vlot_cluster_snapshot(cluster, leader, WAIT, &index), VLOT_OK);
  cr_assert_gt(index, frozen);
  cr_assert_eq(vlot_cluster_heal(cluster), VLOT_OK);
  for (int k = 0; k < 300 && fleet_status(cluster, id).raft.snapshot_index < index; k++)
    fleet_pass(cluster, 1);
  cr_assert_eq(fleet_status(cluster, id).raft.snapshot_index, index);
  cr_assert_eq(vlot_lockstep_fire(cluster, VLOT_PENDING_IMAGE_ID(id)), VLOT_OK);
  fleet_pass(cluster, 20);
  while (vlot_subscription_next(events, &event)) {
    if (event.node != id) continue;
    cr_expect_neq(event.kind, VLOT_EVENT_SNAPSHOT_TAKEN);
    if (event.kind != VLOT_EVENT_NO_SNAPSHOT) continue;
    answers++;
    cr_expect_eq(event.why, VLOT_WHY_NOTHING_NEW);
    cr_expect_eq(event.as.change.from, index);
  }
  cr_expect_eq(answers, 1);
  vlot_subscription_close(events);
  cr_expect(fleet_settle(cluster, 3000) && fleet_agrees(cluster));
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
