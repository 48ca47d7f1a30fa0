/* No lock of vlot is held while it calls a function of its user (P20): machine, storage, log,
 * journal, answers. Clusters with threads and in lockstep, with all of them, while they are
 * disturbed. That a thread takes one lock at most, vlot__lock asserts by itself.
 */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/lock.h"
#include "cluster/disk.h"
#include "vlot/cluster.h"
#include "vlot/journal.h"

enum { ROUNDS = 30, PATIENCE = 20000 }; /* ticks */

typedef enum hook {
  CREATE,
  APPLY,
  QUERY,
  HASH,
  FORMAT,
  LOAD,
  SUBMIT,
  STOP,
  LOG,
  SINK,
  ANSWER,
  HOOKS
} hook;

static const char *const hook_names[] = {"create", "apply", "query", "hash", "format",  "load",
                                         "submit", "stop",  "log",   "sink", "answered"};
static _Atomic unsigned calls[HOOKS];

static void check(bool condition, const char *what) {
  if (condition) return;
  fprintf(stderr, "race leaves: %s\n", what);
  exit(1);
}

static void called(hook which) {
  atomic_fetch_add_explicit(&calls[which], 1, memory_order_relaxed);
  if (vlot__lock_held() == 0) return;
  fprintf(stderr, "race leaves: a lock is held while %s is called\n", hook_names[which]);
  exit(1);
}

/* --- a machine, a storage: the ones there are, looked at -------------------------------------- */

static void *create(void *context, uint32_t node, bool is_replaying) {
  called(CREATE);
  return vlot_kv_machine()->create(context, node, is_replaying);
}
static vlot_result apply(void *state, const vlot_entry *commands, uint32_t count,
                         uint64_t first_index, vlot_replies *replies) {
  called(APPLY);
  return vlot_kv_machine()->apply(state, commands, count, first_index, replies);
}
static vlot_result query(void *state, const void *question, size_t size, vlot_replies *replies) {
  called(QUERY);
  return vlot_kv_machine()->query(state, question, size, replies);
}
static uint64_t hash(void *state) {
  called(HASH);
  return vlot_kv_machine()->hash(state);
}

static vlot_result format(void *context, const vlot_disk_label *label) {
  const vlot_storage *disk = context;
  called(FORMAT);
  return disk->format(disk->context, label);
}
static vlot_result load(void *context, vlot_stored *stored) {
  const vlot_storage *disk = context;
  called(LOAD);
  return disk->load(disk->context, stored);
}
static vlot_result submit(void *context, const vlot_write *write, const vlot_storage_done *done) {
  const vlot_storage *disk = context;
  called(SUBMIT);
  return disk->submit(disk->context, write, done);
}
static void stop(void *context, bool is_power_cut) {
  const vlot_storage *disk = context;
  called(STOP);
  disk->stop(disk->context, is_power_cut);
}
static void release(void *context) {
  vlot_storage *disk = context;
  disk->release(disk->context);
  free(disk);
}
static vlot_result open_storage(void *context, uint32_t id, vlot_storage *storage) {
  (void)context;
  vlot_storage *disk = malloc(sizeof *disk);
  check(disk, "no memory");
  *disk = vlot__disk_storage(vlot__disk_open(NULL, 1, id));
  *storage = (vlot_storage){.context = disk,
                            .load = load,
                            .submit = submit,
                            .stop = stop,
                            .release = release,
                            .size = sizeof *storage,
                            .format = format};
  return VLOT_OK;
}

static void take_line(void *context, const char *line) {
  (void)context, (void)line;
  called(LOG);
}
static vlot_result sink(void *context, const void *data, size_t size) {
  (void)context, (void)data, (void)size;
  called(SINK);
  return VLOT_OK;
}
static void take_answer(void *context, const vlot_answer *answer) {
  (void)context, (void)answer;
  called(ANSWER);
}

/* --- clusters --------------------------------------------------------------------------------- */

static void disturb(vlot_cluster *cluster, uint32_t round, bool has_threads) {
  uint32_t leader = 0;
  vlot_node_status status;
  vlot_cluster_stats stats;
  check(vlot_await_leader(cluster, PATIENCE, &leader) == VLOT_OK, "there is no leader");
  switch (round % 5) {
  case 0:
    (void)vlot_cluster_kill(cluster, leader, round % 2 == 0);
    check(vlot_cluster_restart(cluster, leader, VLOT_RESTART_KEEP) == VLOT_OK, "no restart");
    break;
  case 1: (void)vlot_cluster_partition(cluster, &leader, 1); break;
  case 2: (void)vlot_cluster_heal(cluster); break;
  case 3:
    (void)vlot_cluster_suspend(cluster, leader);
    (void)vlot_cluster_resume(cluster, leader);
    break;
  case 4:
    if (has_threads && vlot_cluster_pause(cluster) == VLOT_OK) {
      (void)vlot_lockstep_step(cluster, 20, NULL);
      (void)vlot_cluster_unpause(cluster);
    }
    break;
  }
  uint64_t value, applied;
  (void)vlot_cluster_get_status(cluster, leader, &status);
  (void)!vlot_cluster_hash(cluster, leader, &value, &applied);
  vlot_cluster_get_stats(cluster, &stats);
}

static vlot_bytes *encode(vlot_kv_operation operation) {
  return vlot_kv_encode(NULL, &(vlot_kv_command){.operation = operation,
                                                 .key = "n",
                                                 .key_size = 1,
                                                 .value = "x",
                                                 .value_size = operation == VLOT_KV_SET});
}

static void run(vlot_driver driver, bool has_storage, bool is_inline) {
  vlot_machine machine = *vlot_kv_machine();
  machine.create = create;
  machine.apply = apply;
  machine.query = query;
  machine.hash = hash;
  const vlot_writer writer = {.write = sink};
  bool has_threads = driver == VLOT_DRIVER_THREADS;
  vlot_cluster_options options;
  vlot_client_options calls_back;
  vlot_cluster *cluster;
  vlot_client *client, *asker;
  vlot_cluster_options_init(&options);
  vlot_client_options_init(&calls_back);
  options.driver = driver;
  options.is_inline = is_inline;
  options.tick_ns = 500000;
  options.machine = &machine;
  options.has_checker = 1;
  options.log = take_line;
  if (has_storage) options.open_storage = open_storage;
  if (has_threads && !has_storage) options.journal = &writer;
  calls_back.answered = take_answer;
  check(vlot_cluster_open(&cluster, &options, NULL) == VLOT_OK, "a cluster cannot be opened");
  check(vlot_client_open(&client, cluster, &calls_back) == VLOT_OK &&
            vlot_client_open(&asker, cluster, NULL) == VLOT_OK,
        "a client cannot be opened");
  vlot_bytes *set = encode(VLOT_KV_SET), *get = encode(VLOT_KV_GET);
  vlot_command command = {.data = vlot_bytes_data(set), .size = vlot_bytes_size(set)};
  for (uint32_t round = 0; round < ROUNDS; round++) {
    for (int k = 0; k < 20; k++) (void)!vlot_client_submit(client, &command, 1, NULL);
    (void)!vlot_client_query(asker, vlot_bytes_data(get), vlot_bytes_size(get), NULL);
    disturb(cluster, round, has_threads);
    (void)vlot_client_wait(client, NULL, 0);
  }
  vlot_bytes_release(set);
  vlot_bytes_release(get);
  vlot_client_close(client);
  vlot_client_close(asker);
  check(vlot_cluster_close(cluster) == VLOT_OK, "a cluster does not close");
}

int main(void) {
  for (int has_storage = 0; has_storage < 2; has_storage++) {
    run(VLOT_DRIVER_THREADS, has_storage, false);
    run(VLOT_DRIVER_LOCKSTEP, has_storage, false);
    run(VLOT_DRIVER_LOCKSTEP, has_storage, true);
  }
  for (hook which = 0; which < HOOKS; which++) check(calls[which] > 0, hook_names[which]);
  puts("race leaves: ok");
  return 0;
}
