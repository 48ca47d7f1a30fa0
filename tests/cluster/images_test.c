/* Images: a machine that freezes, and what may happen before its image is written; in lockstep by
 * an action, with threads by a host's helper.
 */
#include <criterion/criterion.h>
#include <dirent.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>

#include "fleet.h"
#include "taped.h"
#include "vlot/actor.h"

/* --- a key-value machine whose images are written when the gate is open --- */

static struct {
  pthread_mutex_t lock;
  pthread_cond_t changed;
  bool is_shut;
  bool asks;        /* the writer, again and again, instead of waiting */
  uint32_t begun;   /* writings */
  uint32_t freed;   /* images */
  vlot_result said; /* by the writer, last */
} gate = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static vlot_result gate_write(void *image, const vlot_writer *writer) {
  pthread_mutex_lock(&gate.lock);
  gate.begun++;
  pthread_cond_broadcast(&gate.changed);
  while (gate.is_shut && !gate.asks) pthread_cond_wait(&gate.changed, &gate.lock);
  bool asks = gate.asks;
  pthread_mutex_unlock(&gate.lock);
  vlot_result result = VLOT_OK;
  while (asks && result == VLOT_OK) result = writer->write(writer->context, "", 0);
  return result == VLOT_OK ? vlot_kv_machine()->image_write(image, writer) : result;
}

static void gate_free(void *image) {
  vlot_kv_machine()->image_free(image);
  pthread_mutex_lock(&gate.lock);
  gate.freed++;
  pthread_cond_broadcast(&gate.changed);
  pthread_mutex_unlock(&gate.lock);
}

static void gate_open(void) {
  pthread_mutex_lock(&gate.lock);
  gate.is_shut = false;
  pthread_cond_broadcast(&gate.changed);
  pthread_mutex_unlock(&gate.lock);
}

static void gate_await(const uint32_t *count, uint32_t wanted) {
  pthread_mutex_lock(&gate.lock);
  while (*count < wanted) pthread_cond_wait(&gate.changed, &gate.lock);
  pthread_mutex_unlock(&gate.lock);
}

static vlot_machine gated(void) {
  vlot_machine machine = *vlot_kv_machine();
  machine.image_write = gate_write;
  machine.image_free = gate_free;
  return machine;
}

static vlot_cluster_options image_options(vlot_driver driver, uint32_t nodes) {
  vlot_cluster_options options = fleet_options(driver, nodes);
  options.snapshot_bytes = 1500;
  options.snapshot_trailing = 4;
  return options;
}

static void add(vlot_cluster *cluster, uint32_t count) {
  vlot_client *client = fleet_client(cluster, 1, 2000);
  for (uint32_t k = 0; k < count; k++) cr_assert_eq(fleet_add(client, "key", 1), VLOT_OK);
  vlot_client_close(client);
}

/* --- lockstep --- */

/* Commands until some node's image is pending; its id, 0: it never was. */
static uint64_t freeze_one(vlot_cluster *cluster, uint32_t *node) {
  vlot_pending pending[64];
  vlot_client *client = fleet_client(cluster, 0, 2000);
  uint64_t sequence;
  for (int tries = 0; tries < 200; tries++) {
    cr_assert_eq(fleet_submit(client, "key", 1, &sequence), VLOT_OK);
    for (int step = 0; step < 60; step++) {
      size_t count = vlot_lockstep_pending(cluster, pending, 64);
      for (size_t k = 0; k < count && k < 64; k++) {
        if (pending[k].kind != VLOT_PENDING_IMAGE) continue;
        *node = pending[k].node;
        vlot_client_close(client);
        return pending[k].id;
      }
      cr_assert_eq(vlot_lockstep_step(cluster, 1, NULL), VLOT_OK);
    }
  }
  vlot_client_close(client);
  return 0;
}

Test(images, in_lockstep_an_image_is_pending_and_others_act_before_it_is_written) {
  vlot_cluster_options options = image_options(VLOT_DRIVER_LOCKSTEP, 3);
  vlot_cluster *cluster = fleet_open(&options);
  char name[8];
  uint32_t node = 0;
  uint64_t id = freeze_one(cluster, &node), parsed;
  cr_assert_eq(id, VLOT_PENDING_IMAGE_ID(node));
  cr_expect_eq(vlot_pending_name(id, name, sizeof name), 2);
  cr_expect(vlot_pending_parse(name, &parsed) && parsed == id && name[0] == 'i');
  cr_assert_eq(vlot_lockstep_hold(cluster, id, true), VLOT_OK);
  cr_expect_eq(vlot_lockstep_drop(cluster, id), VLOT_UNSUPPORTED);
  uint64_t frozen = fleet_status(cluster, node).applied_index;
  cr_expect_eq(fleet_status(cluster, node).raft.snapshot_index, 0);
  add(cluster, 100); /* its log grows meanwhile, and nothing is frozen a second time */
  cr_expect_geq(fleet_status(cluster, node).applied_index, frozen + 99);
  cr_expect_eq(fleet_status(cluster, node).raft.snapshot_index, 0);
  cr_assert_eq(vlot_lockstep_fire(cluster, id), VLOT_OK);
  vlot_node_status status = fleet_status(cluster, node);
  cr_expect_eq(status.raft.snapshot_index, frozen, "it is of what was frozen");
  cr_expect_eq(status.raft.base_index, frozen - 4);
  cr_expect(fleet_settle(cluster, 3000));
  cr_expect(fleet_agrees(cluster));
  cr_expect_eq(vlot_cluster_close(cluster), VLOT_OK);
}

enum { KILL, CUT, WIPE, SUSPEND, CLOSE, WAYS };

static void end_in_between(int way) {
  vlot_fault_allocator *faults = vlot_fault_allocator_open();
  vlot_cluster_options options = image_options(VLOT_DRIVER_LOCKSTEP, 3);
  vlot_machine machine = *vlot_kv_machine();
  options.allocator = vlot_fault_allocator_get(faults);
  machine.context = (void *)(uintptr_t)options.allocator;
  options.machine = &machine;
  options.is_inline = way % 2 == 0;
  vlot_cluster *cluster = fleet_open(&options);
  uint32_t node = 0;
  uint64_t id = freeze_one(cluster, &node);
  cr_assert_neq(id, 0);
  if (way == KILL || way == CUT)
    cr_assert_eq(vlot_cluster_kill(cluster, node, way == CUT), VLOT_OK);
  if (way == WIPE) cr_assert_eq(vlot_cluster_restart(cluster, node, VLOT_RESTART_WIPE), VLOT_OK);
  if (way == SUSPEND) cr_assert_eq(vlot_cluster_suspend(cluster, node), VLOT_OK);
  if (way != CLOSE) {
    cr_expect_eq(vlot_lockstep_fire(cluster, id), VLOT_NOT_FOUND, "it went with its node");
    cr_expect_eq(fleet_status(cluster, node).raft.snapshot_index, 0);
    if (way == SUSPEND) {
      cr_assert_eq(vlot_cluster_resume(cluster, node), VLOT_OK);
      cr_expect_eq(vlot_lockstep_fire(cluster, id), VLOT_OK, "and is there again");
      cr_expect_gt(fleet_status(cluster, node).raft.snapshot_index, 0);
    }
    if (way == KILL || way == CUT) cr_assert_eq(vlot_cluster_spawn(cluster, node), VLOT_OK);
    cr_assert(way == WIPE || fleet_settle(cluster, 3000));
  }
  cr_expect_eq(vlot_cluster_close(cluster), VLOT_OK);
  cr_expect_eq(vlot_fault_allocator_live(faults), 0, "way %d", way);
  vlot_fault_allocator_close(faults);
}

Test(images, what_ends_a_node_before_its_image_is_written_leaves_nothing) {
  for (int way = 0; way < WAYS; way++) end_in_between(way);
}

/* --- threads --- */

/* n1 has a snapshot above that index by and by. */
static bool await_snapshot(vlot_cluster *cluster, uint64_t above) {
  for (int k = 0; k < 5000 && fleet_status(cluster, 1).raft.snapshot_index <= above; k++)
    fleet_pass(cluster, 1);
  return fleet_status(cluster, 1).raft.snapshot_index > above;
}

/* A cluster of one whose first image is being written, and will be for as long as the gate is
 * shut. */
static vlot_cluster *open_writing(const vlot_machine *machine, uint64_t stop_ns) {
  vlot_cluster_options options = image_options(VLOT_DRIVER_THREADS, 1);
  options.machine = machine;
  options.stop_ns = stop_ns;
  gate.is_shut = true;
  vlot_cluster *cluster = fleet_open(&options);
  add(cluster, 100);
  gate_await(&gate.begun, 1);
  return cluster;
}

Test(images, with_threads_commands_are_answered_while_an_image_is_written) {
  vlot_machine machine = gated();
  vlot_cluster *cluster = open_writing(&machine, 1000000000);
  add(cluster, 200);
  cr_expect_eq(fleet_status(cluster, 1).raft.snapshot_index, 0);
  cr_expect_eq(gate.begun, 1, "one at a time");
  gate_open();
  cr_assert(await_snapshot(cluster, 0));
  cr_expect_eq(vlot_cluster_restart(cluster, 1, VLOT_RESTART_LOSE), VLOT_OK);
  add(cluster, 1);
  char value[8];
  vlot_client *client = fleet_client(cluster, 1, 2000);
  cr_assert_eq(fleet_get(client, "key", value, sizeof value), VLOT_OK);
  cr_expect_str_eq(value, "301");
  vlot_client_close(client);
  cr_expect_eq(vlot_cluster_close(cluster), VLOT_OK);
  cr_expect_geq(gate.freed, gate.begun);
}

Test(images, a_node_that_ends_does_not_wait_for_its_image_and_the_next_one_has_its_own) {
  vlot_machine machine = gated();
  vlot_cluster *cluster = open_writing(&machine, 1000000000);
  cr_assert_eq(vlot_cluster_kill(cluster, 1, true), VLOT_OK);
  cr_assert_eq(vlot_cluster_spawn(cluster, 1), VLOT_OK);
  cr_expect_eq(fleet_status(cluster, 1).raft.snapshot_index, 0);
  gate_open(); /* the old image is written by and by, and nobody wants it */
  gate_await(&gate.freed, 1);
  add(cluster, 100);
  cr_assert(await_snapshot(cluster, 0));
  cr_expect_eq(vlot_cluster_close(cluster), VLOT_OK);
  cr_expect_geq(gate.freed, gate.begun);
}

/* --- whoever waits for one --- */

typedef struct waiter {
  vlot_cluster *cluster;
  uint64_t index;
  vlot_result result;
} waiter;

static void *ask_for_one(void *context) {
  waiter *self = context;
  self->result = vlot_cluster_snapshot(self->cluster, 1, VLOT_NEVER, &self->index);
  return NULL;
}

typedef enum ending { IT_IS_WRITTEN, THE_NODE_ENDS, ANOTHER_BEGINS } ending;

/* A cluster of one is asked by a thread, and the image of that is being written when it ends so. */
static vlot_result answer_after(ending way) {
  vlot_machine machine = gated();
  vlot_cluster_options options = fleet_options(VLOT_DRIVER_THREADS, 1);
  pthread_t thread;
  options.machine = &machine;
  gate.is_shut = true;
  gate.begun = 0;
  vlot_cluster *cluster = fleet_open(&options);
  waiter self = {.cluster = cluster};
  add(cluster, 10);
  cr_assert_eq(pthread_create(&thread, NULL, ask_for_one, &self), 0);
  gate_await(&gate.begun, 1);
  add(cluster, 10); /* behind it */
  uint64_t applied = fleet_status(cluster, 1).applied_index;
  if (way == IT_IS_WRITTEN) gate_open();
  if (way == THE_NODE_ENDS) cr_expect_eq(vlot_cluster_kill(cluster, 1, true), VLOT_OK);
  if (way == ANOTHER_BEGINS)
    cr_expect_eq(vlot_cluster_restart(cluster, 1, VLOT_RESTART_KEEP), VLOT_OK);
  cr_assert_eq(pthread_join(thread, NULL), 0);
  if (way == IT_IS_WRITTEN) cr_expect(self.index > 0 && self.index < applied);
  gate_open();
  cr_expect_eq(vlot_cluster_close(cluster), VLOT_OK);
  return self.result;
}

Test(images, who_waits_for_one_hears_what_becomes_of_it) {
  cr_expect_eq(answer_after(IT_IS_WRITTEN), VLOT_OK);
  cr_expect_eq(answer_after(THE_NODE_ENDS), VLOT_CLOSED);
  cr_expect_eq(answer_after(ANOTHER_BEGINS), VLOT_CLOSED);
}

Test(images, a_writer_is_told_that_the_cluster_closes) {
  vlot_machine machine = gated();
  gate.asks = true;
  vlot_cluster *cluster = open_writing(&machine, UINT64_C(60) * 1000000000);
  cr_expect_eq(vlot_cluster_close(cluster), VLOT_OK);
  cr_expect_eq(gate.freed, 1);
}

/* Its memory is left alone for good: known to whoever looks for leaks. */
static vlot_cluster *volatile left_alone;

Test(images, close_says_that_an_image_is_stuck_and_does_not_wait_for_it) {
  vlot_machine machine = gated();
  left_alone = open_writing(&machine, 20000000);
  cr_expect_eq(vlot_cluster_close(left_alone), VLOT_TIMEOUT);
  gate_open();
  gate_await(&gate.freed, 1); /* the machine is this test's */
}

Test(images, on_a_shared_host_who_is_stuck_keeps_nobody_else_from_theirs) {
  vlot_host *host;
  vlot_machine machine = gated();
  cr_assert_eq(vlot_host_open(&host, NULL, NULL), VLOT_OK);
  vlot_cluster_options options = image_options(VLOT_DRIVER_THREADS, 1);
  options.host = host;
  options.tick_ns = 10000000;
  vlot_cluster *other = fleet_open(&options);
  options.machine = &machine;
  options.stop_ns = 20000000;
  gate.is_shut = true;
  vlot_cluster *stuck = left_alone = fleet_open(&options);
  add(stuck, 100);
  gate_await(&gate.begun, 1);
  cr_expect_eq(vlot_cluster_close(stuck), VLOT_TIMEOUT);
  add(other, 100);
  cr_assert(await_snapshot(other, 0));
  cr_expect_eq(vlot_cluster_close(other), VLOT_OK);
  cr_expect_eq(vlot_host_close(host), VLOT_OK);
  gate_open();
  gate_await(&gate.freed, 1);
}

static vlot_result open_no_storage(void *context, uint32_t id, vlot_storage *storage) {
  (void)context;
  (void)id;
  (void)storage;
  return VLOT_IO;
}

static uint32_t count_threads(void) {
  uint32_t count = 0;
  DIR *tasks = opendir("/proc/self/task");
  cr_assert_not_null(tasks);
  for (const struct dirent *one; (one = readdir(tasks)) != NULL;) count += one->d_name[0] != '.';
  closedir(tasks);
  return count;
}

Test(images, a_helper_ends_with_the_last_group_that_was_opened) {
  vlot_host *host;
  cr_assert_eq(vlot_host_open(&host, NULL, NULL), VLOT_OK);
  uint32_t threads = count_threads();
  vlot_cluster_options options = image_options(VLOT_DRIVER_THREADS, 1);
  options.host = host;
  options.tick_ns = 10000000;
  vlot_cluster *cluster = fleet_open(&options), *none;
  options.open_storage = open_no_storage;
  for (int k = 0; k < 3; k++) cr_expect_eq(vlot_cluster_open(&none, &options, NULL), VLOT_IO);
  add(cluster, 100);
  cr_assert(await_snapshot(cluster, 0));
  cr_expect_eq(vlot_cluster_close(cluster), VLOT_OK);
  /* one that was joined may stand there for a moment */
  for (int k = 0; k < 100000 && count_threads() > threads; k++) sched_yield();
  cr_expect_eq(count_threads(), threads);
  cr_expect_eq(vlot_host_close(host), VLOT_OK);
}

Test(images, what_a_pause_finds_being_written_comes_when_the_cluster_goes_on) {
  vlot_machine machine = gated();
  vlot_cluster *cluster = open_writing(&machine, 1000000000);
  cr_assert_eq(vlot_cluster_pause(cluster), VLOT_OK);
  gate_open();
  gate_await(&gate.freed, 1);
  for (int k = 0; k < 50; k++) (void)vlot_lockstep_step(cluster, 1, NULL);
  cr_expect_eq(fleet_status(cluster, 1).raft.snapshot_index, 0);
  add(cluster, 5); /* paused: this thread steps */
  cr_assert_eq(vlot_cluster_unpause(cluster), VLOT_OK);
  cr_assert(await_snapshot(cluster, 0));
  cr_expect_eq(vlot_cluster_close(cluster), VLOT_OK);
}

Test(images, what_is_frozen_in_a_pause_is_an_action_of_it) {
  vlot_cluster_options options = image_options(VLOT_DRIVER_THREADS, 1);
  vlot_cluster *cluster = fleet_open(&options);
  add(cluster, 3);
  cr_assert_eq(vlot_cluster_pause(cluster), VLOT_OK);
  uint32_t node;
  uint64_t id = freeze_one(cluster, &node);
  cr_assert_eq(id, VLOT_PENDING_IMAGE_ID(1));
  cr_assert_eq(vlot_lockstep_fire(cluster, id), VLOT_OK);
  cr_expect_gt(fleet_status(cluster, 1).raft.snapshot_index, 0);
  cr_assert_eq(freeze_one(cluster, &node), id, "the next one");
  cr_assert_eq(vlot_cluster_unpause(cluster), VLOT_OK);
  uint64_t before = fleet_status(cluster, 1).raft.snapshot_index;
  add(cluster, 1); /* its next turn hands it over */
  cr_expect(await_snapshot(cluster, before));
  cr_expect_eq(vlot_cluster_close(cluster), VLOT_OK);
}

/* --- recorded --- */

/* The journal says in which turn a node took what its helper has written. */
Test(images, a_recorded_run_takes_each_image_where_it_was_taken) {
  taped tape = {0};
  char text[320];
  vlot_writer sink = taped_sink(&tape);
  vlot_machine machine = gated(), plain = *vlot_kv_machine();
  vlot_cluster_options options = image_options(VLOT_DRIVER_THREADS, 3);
  options.machine = &machine;
  options.journal = &sink;
  gate.is_shut = true;
  vlot_cluster *cluster = fleet_open(&options);
  add(cluster, 100);
  gate_await(&gate.begun, 1);
  add(cluster, 50);
  cr_assert_eq(vlot_cluster_restart(cluster, 2, VLOT_RESTART_LOSE), VLOT_OK);
  gate_open();
  add(cluster, 200);
  cr_assert(fleet_settle(cluster, 3000));
  cr_expect_eq(vlot_cluster_close(cluster), VLOT_OK);
  cr_expect_gt(gate.begun, 3);
  options.machine = &plain;
  options.journal = NULL;
  cr_expect_str_eq(taped_replay(&tape, &options, NULL, text), "");
  taped_free(&tape);
}

/* --- bounds and defaults --- */

Test(images, a_full_log_refuses_commands_until_the_image_is_written) {
  vlot_cluster_options options = image_options(VLOT_DRIVER_LOCKSTEP, 1);
  options.raft.log_bytes_max = 4000;
  vlot_cluster *cluster = fleet_open(&options);
  uint32_t node;
  uint64_t id = freeze_one(cluster, &node), sequence;
  cr_assert_neq(id, 0);
  cr_assert_eq(vlot_lockstep_hold(cluster, id, true), VLOT_OK);
  vlot_client *client = fleet_client(cluster, 1, 2000);
  vlot_answer answer = {.result = VLOT_OK};
  for (int k = 0; k < 200 && answer.result == VLOT_OK; k++) {
    cr_assert_eq(fleet_submit(client, "key", 1, &sequence), VLOT_OK);
    answer = fleet_wait(client);
  }
  cr_expect_eq(answer.result, VLOT_REJECTED);
  cr_expect_eq(answer.why, VLOT_WHY_LOG_FULL);
  cr_expect_leq(fleet_status(cluster, 1).raft.log_bytes, 4000);
  cr_assert_eq(vlot_lockstep_fire(cluster, id), VLOT_OK);
  cr_expect_eq(fleet_add(client, "key", 1), VLOT_OK);
  vlot_client_close(client);
  cr_expect_eq(vlot_cluster_close(cluster), VLOT_OK);
}

Test(images, the_default_gives_way_to_a_log_that_may_not_be_that_long) {
  vlot_cluster_options options = fleet_options(VLOT_DRIVER_LOCKSTEP, 1);
  options.raft.log_bytes_max = 4000;
  vlot_cluster *cluster = fleet_open(&options);
  add(cluster, 500);
  fleet_pass(cluster, 5);
  cr_expect_leq(fleet_status(cluster, 1).raft.log_bytes, 4000);
  cr_expect_gt(fleet_status(cluster, 1).raft.snapshot_index, 0);
  cr_expect_eq(vlot_cluster_close(cluster), VLOT_OK);
}

/* A state that is larger than snapshot_bytes is not written again for each so many bytes of log. */
Test(images, the_next_one_waits_until_the_log_is_as_large_as_the_last_one) {
  static char value[6000];
  vlot_cluster_options options = image_options(VLOT_DRIVER_LOCKSTEP, 1);
  vlot_cluster *cluster = fleet_open(&options);
  vlot_client *client = fleet_client(cluster, 1, 2000);
  memset(value, 'v', sizeof value - 1);
  cr_assert_eq(fleet_set(client, "large", value), VLOT_OK);
  fleet_pass(cluster, 5);
  uint64_t first = fleet_status(cluster, 1).raft.snapshot_index, most = 0;
  cr_assert_gt(first, 0);
  while (fleet_status(cluster, 1).raft.snapshot_index == first) {
    uint64_t bytes = fleet_status(cluster, 1).raft.log_bytes;
    if (bytes > most) most = bytes;
    cr_assert_eq(fleet_add(client, "key", 1), VLOT_OK);
  }
  cr_expect_geq(most, 6000);
  cr_expect_lt(most, 9000);
  vlot_client_close(client);
  cr_expect_eq(vlot_cluster_close(cluster), VLOT_OK);
}

/* The default, of a machine that cannot: nothing is taken, and nothing refused. */
Test(images, by_default_who_can_takes_them_and_who_cannot_need_not) {
  for (int way = 0; way < 2; way++) {
    vlot_cluster_options options;
    vlot_cluster_options_init(&options);
    cr_expect_eq(options.snapshot_bytes, 16 << 20);
    vlot_machine machine = *vlot_kv_machine();
    if (way == 1) {
      machine.snapshot = NULL;
      machine.restore = NULL;
      machine.freeze = NULL;
      machine.image_write = NULL;
      machine.image_free = NULL;
    }
    options.driver = VLOT_DRIVER_LOCKSTEP;
    options.nodes = 1;
    options.machine = &machine;
    vlot_cluster *cluster = fleet_open(&options);
    static char value[1 << 20];
    memset(value, 'v', sizeof value - 1);
    vlot_client *client = fleet_client(cluster, 1, 2000);
    for (int k = 0; k < 17; k++) cr_assert_eq(fleet_set(client, "key", value), VLOT_OK);
    fleet_pass(cluster, 5);
    vlot_node_status status = fleet_status(cluster, 1);
    cr_expect_eq(status.raft.snapshot_index > 0, way == 0);
    cr_expect_eq(status.raft.base_index > 0, way == 0);
    vlot_client_close(client);
    cr_expect_eq(vlot_cluster_close(cluster), VLOT_OK);
  }
}

/* --- lints --- */

static bool has_lint(vlot_cluster *cluster, uint32_t number, uint64_t *value) {
  vlot_lint lints[32];
  size_t count = vlot_cluster_lint(cluster, lints, 32);
  for (size_t k = 0; k < count && k < 32; k++) {
    if (lints[k].number != number) continue;
    *value = lints[k].value;
    return true;
  }
  return false;
}

static void count_line(void *context, const char *line) {
  if (strstr(line, "nothing of it is ever dropped")) ++*(uint32_t *)context;
}

Test(images, a_log_that_is_kept_whole_is_told_of_and_again_when_it_has_doubled) {
  enum { SIZE = 4 << 20, LOOK = 64 };
  static const uint32_t lines[] = {0, 1, 1, 2};
  static uint8_t zero[SIZE];
  uint32_t said = 0;
  uint64_t value = 0;
  vlot_cluster_options options = fleet_options(VLOT_DRIVER_LOCKSTEP, 1);
  options.snapshot_bytes = 0;
  options.log = count_line;
  options.log_context = &said;
  vlot_cluster *cluster = fleet_open(&options);
  vlot_client *client = fleet_client(cluster, 1, 2000);
  for (int part = 0; part < 4; part++) {
    for (int k = 0; k < 11; k++)
      cr_assert_eq(vlot_client_propose(client, zero, sizeof zero - 100, NULL), VLOT_OK);
    fleet_pass(cluster, 2 * LOOK); /* whatever happens next looks */
    cr_assert_eq(vlot_client_propose(client, "x", 1, NULL), VLOT_OK);
    cr_expect_eq(said, lines[part], "at %d MiB", (part + 1) * 44);
    cr_expect_eq(has_lint(cluster, VLOT_LINT_LONG_LOG, &value), part > 0);
    if (part > 0) cr_expect_eq(value, (uint64_t)(part + 1) * 44 - 1);
  }
  vlot_client_close(client);
  cr_expect_eq(vlot_cluster_close(cluster), VLOT_OK);
}

/* Longer than 15 ticks of 8 ms, and than the coarse clock can tell. */
static vlot_result slow_snapshot(void *state, const vlot_writer *writer) {
  uint64_t begin = vlot_clock_ns();
  while (vlot_clock_ns() - begin < 200000000) continue;
  return vlot_kv_machine()->snapshot(state, writer);
}

Test(images, a_machine_that_cannot_freeze_is_told_how_long_it_took) {
  vlot_machine machine = *vlot_kv_machine();
  machine.snapshot = slow_snapshot;
  machine.freeze = NULL;
  machine.image_write = NULL;
  machine.image_free = NULL;
  uint64_t value = 0;
  vlot_cluster_options options = image_options(VLOT_DRIVER_THREADS, 1);
  options.machine = &machine;
  vlot_cluster *cluster = fleet_open(&options);
  add(cluster, 60);
  cr_assert(await_snapshot(cluster, 0));
  for (int k = 0; k < 5000 && !has_lint(cluster, VLOT_LINT_SLOW_SNAPSHOT, &value); k++)
    fleet_pass(cluster, 1);
  cr_expect_geq(value, 190);
  cr_expect_eq(vlot_cluster_close(cluster), VLOT_OK);
}

/* --- bad input --- */

Test(images, functions_of_images_go_together) {
  const char *problem = NULL;
  vlot_cluster *cluster;
  vlot_cluster_options options = image_options(VLOT_DRIVER_LOCKSTEP, 3);
  vlot_machine machine = gated();
  options.machine = &machine;
  machine.image_free = NULL;
  cr_expect_eq(vlot_cluster_open(&cluster, &options, &problem), VLOT_INVALID);
  cr_expect_str_eq(problem, "machine: freeze, image_write and image_free go together");
  machine = gated();
  options.snapshot_bytes = 0;
  machine.snapshot = NULL;
  cr_expect_eq(vlot_cluster_open(&cluster, &options, &problem), VLOT_INVALID);
  cr_expect_str_eq(problem, "machine: freeze goes with snapshot");
}
