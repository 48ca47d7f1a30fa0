/* The threads driver: real threads under load, the clock that never catches up, user code that
 * blocks, fails or calls back, disks that answer from another thread, and a cluster that is paused,
 * stepped and goes on.
 */
#include <criterion/criterion.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fleet.h"

enum { LONG = 10000 }; /* ticks: far more than anything takes */

static vlot_cluster *open_nodes(uint32_t nodes) {
  vlot_cluster_options options = fleet_options(VLOT_DRIVER_THREADS, nodes);
  vlot_cluster *cluster = fleet_open(&options);
  cr_assert_not_null(cluster);
  return cluster;
}

static void close_well(vlot_cluster *cluster) {
  char text[256];
  if (vlot_cluster_violation(cluster, text, sizeof text)) cr_expect_fail("%s", text);
  cr_expect_eq(vlot_cluster_close(cluster), VLOT_OK);
}

static uint32_t leader_of(vlot_cluster *cluster) {
  uint32_t leader = 0;
  cr_assert_eq(vlot_await_leader(cluster, LONG, &leader), VLOT_OK);
  return leader;
}

/* Real time, for what does not go by the cluster clock: look until it holds, at most 20 s. */
#define LOOK_UNTIL(condition)                                         \
  do {                                                                \
    uint64_t look_end = vlot_clock_ns() + UINT64_C(20000000000);      \
    while (!(condition) && vlot_clock_ns() < look_end) sched_yield(); \
    cr_assert(condition);                                             \
  } while (0)

/* --- load --- */

typedef struct tally {
  uint64_t ok, unknown, rejected, last_number;
  bool is_in_order;
} tally;

static void take(tally *counts, const vlot_answer *answer) {
  if (answer->result == VLOT_UNKNOWN) counts->unknown++;
  if (answer->result == VLOT_REJECTED) counts->rejected++;
  if (answer->result != VLOT_OK) return;
  uint64_t number = (uint64_t)fleet_number(answer);
  counts->ok++;
  if (number <= counts->last_number) counts->is_in_order = false;
  counts->last_number = number;
}

static void drain(tally *counts, vlot_client *client) {
  vlot_answer answers[64];
  for (size_t count; (count = vlot_client_wait(client, answers, 64)) > 0;)
    for (size_t k = 0; k < count; k++) take(counts, &answers[k]);
}

Test(threads, a_leader_killed_under_load_loses_nothing_that_was_acknowledged) {
  static const uint32_t sizes[] = {1, 3, 5, 7};
  for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
    vlot_cluster *cluster = open_nodes(sizes[k]);
    vlot_client *client = fleet_client(cluster, 0, 300);
    tally counts = {.is_in_order = true};
    for (int round = 0; round < 30; round++) {
      uint32_t leader = leader_of(cluster);
      for (int batch = 0; batch < 8; batch++)
        if (fleet_submit(client, "n", 16, NULL) != VLOT_OK) counts.rejected++;
      if (round % 10 == 5)
        cr_assert_eq(vlot_cluster_kill(cluster, leader, round % 20 == 5), VLOT_OK);
      drain(&counts, client);
      if (round % 10 == 5) cr_assert_eq(vlot_cluster_spawn(cluster, leader), VLOT_OK);
    }
    cr_expect(fleet_settle(cluster, LONG), "%u nodes", sizes[k]);
    char value[32];
    vlot_client *reader = fleet_client(cluster, 0, LONG);
    cr_assert_eq(fleet_get(reader, "n", value, sizeof value), VLOT_OK);
    uint64_t number = strtoull(value, NULL, 10);
    cr_expect_geq(counts.ok, 16, "%u nodes", sizes[k]);
    cr_expect_geq(number, counts.ok, "%u nodes", sizes[k]);
    cr_expect_leq(number, counts.ok + counts.unknown, "%u nodes: a rejected command was applied",
                  sizes[k]);
    cr_expect(counts.is_in_order);
    vlot_client_close(client);
    vlot_client_close(reader);
    close_well(cluster);
  }
}

/* --- the clock --- */

Test(threads, an_idle_cluster_elects_nobody) {
  vlot_cluster *cluster = open_nodes(5);
  uint32_t leader = leader_of(cluster);
  cr_assert_eq(vlot_await_quiet(cluster, LONG), VLOT_OK);
  vlot_cluster_stats before = fleet_stats(cluster);
  uint64_t term = fleet_status(cluster, leader).raft.term,
           turns = fleet_status(cluster, leader).turns;
  fleet_pass(cluster, 400);
  cr_expect_eq(fleet_stats(cluster).elections, before.elections);
  cr_expect_eq(fleet_stats(cluster).campaigns, before.campaigns);
  cr_expect_eq(fleet_status(cluster, leader).raft.term, term);
  cr_expect_lt(fleet_status(cluster, leader).turns - turns, 400 / 5 * 6 + 60,
               "heartbeats and their replies");
  close_well(cluster);
}

/* In a process of its own: stopped as a whole, as by a debugger. Returns 0 when nobody noticed. */
static int be_stopped(void) {
  vlot_cluster_options options = fleet_options(VLOT_DRIVER_THREADS, 3);
  vlot_cluster *cluster = fleet_open(&options);
  uint32_t leader;
  if (!cluster || vlot_await_leader(cluster, LONG, &leader) != VLOT_OK) return 10;
  fleet_pass(cluster, 50);
  vlot_cluster_stats before = fleet_stats(cluster);
  uint64_t now = vlot_cluster_now(cluster);
  raise(SIGSTOP);
  uint64_t passed = vlot_cluster_now(cluster) - now;
  fleet_pass(cluster, 100);
  vlot_cluster_stats after = fleet_stats(cluster);
  if (passed > 30) return 11;
  if (after.elections != before.elections || after.campaigns != before.campaigns) return 12;
  return vlot_cluster_close(cluster) == VLOT_OK ? 0 : 13;
}

Test(threads, a_process_that_was_stopped_elects_nobody_and_its_clock_does_not_catch_up) {
  pid_t child = fork();
  if (child == 0) _exit(be_stopped());
  int status = 0;
  cr_assert_eq(waitpid(child, &status, WUNTRACED), child);
  cr_assert(WIFSTOPPED(status), "status %d", status);
  (void)poll(NULL, 0, 600); /* 300 ticks of real time: what it is all about */
  kill(child, SIGCONT);
  cr_assert_eq(waitpid(child, &status, 0), child);
  cr_expect(WIFEXITED(status) && WEXITSTATUS(status) == 0, "exit %d", WEXITSTATUS(status));
}

/* --- user code --- */

/* A machine that counts its commands, and does what a test asks. */
typedef struct gate {
  pthread_mutex_t lock;
  pthread_cond_t changed;
  uint32_t node; /* whose apply waits, or fails */
  bool is_shut;
  bool fails;
  uint32_t waiting;
  vlot_cluster *cluster; /* to be called back */
  vlot_client *client;
  vlot_result called[6];
  bool was_called;
} gate;

typedef struct counter {
  gate *at;
  uint32_t node;
  uint64_t count;
} counter;

static void *counter_create(void *context, uint32_t node, bool is_replaying) {
  counter *self = calloc(1, sizeof *self);
  (void)is_replaying;
  if (self) *self = (counter){.at = context, .node = node};
  return self;
}

static void call_back(gate *at) {
  uint64_t hash, applied;
  at->called[0] = vlot_client_propose(at->client, "x", 1, NULL);
  at->called[1] = vlot_client_query(at->client, "x", 1, NULL);
  at->called[2] = vlot_cluster_kill(at->cluster, 1, false);
  at->called[3] = vlot_await_leader(at->cluster, 10, NULL);
  at->called[4] = vlot_cluster_hash(at->cluster, 1, &hash, &applied);
  at->called[5] = vlot_cluster_close(at->cluster);
  at->was_called = true;
}

static vlot_result counter_apply(void *state, const vlot_entry *commands, uint32_t count,
                                 uint64_t first_index, vlot_replies *replies) {
  counter *self = state;
  gate *at = self->at;
  (void)commands;
  (void)first_index;
  pthread_mutex_lock(&at->lock);
  bool is_mine = at->node == self->node;
  if (is_mine && at->is_shut) {
    at->waiting++;
    while (at->is_shut) pthread_cond_wait(&at->changed, &at->lock);
    at->waiting--;
  }
  bool fails = is_mine && at->fails, calls = is_mine && at->cluster && !at->was_called;
  pthread_mutex_unlock(&at->lock);
  if (calls) call_back(at);
  if (fails) return VLOT_FAILED;
  for (uint32_t k = 0; k < count; k++) {
    self->count++;
    (void)vlot_replies_set(replies, k, &self->count, sizeof self->count);
  }
  return VLOT_OK;
}

static uint64_t counter_hash(void *state) {
  return ((counter *)state)->count * UINT64_C(0x9e3779b97f4a7c15);
}

static void gate_init(gate *at, vlot_machine *machine) {
  *at = (gate){.node = 0};
  pthread_mutex_init(&at->lock, NULL);
  pthread_cond_init(&at->changed, NULL);
  *machine = (vlot_machine){.size = sizeof *machine,
                            .name = "counter",
                            .context = at,
                            .create = counter_create,
                            .apply = counter_apply,
                            .hash = counter_hash,
                            .destroy = free};
}

static void set_gate(gate *at, uint32_t node, bool is_shut) {
  pthread_mutex_lock(&at->lock);
  at->node = node;
  at->is_shut = is_shut;
  pthread_mutex_unlock(&at->lock);
  pthread_cond_broadcast(&at->changed);
}

static uint32_t waiting_at(gate *at) {
  pthread_mutex_lock(&at->lock);
  uint32_t waiting = at->waiting;
  pthread_mutex_unlock(&at->lock);
  return waiting;
}

static void submit_one(vlot_client *client) {
  cr_assert_eq(
      vlot_client_submit(client, &(vlot_command){.data = (const uint8_t *)"x", .size = 1}, 1, NULL),
      VLOT_OK);
}

Test(threads, the_clock_waits_for_a_straggler_when_it_is_told_to) {
  gate at;
  vlot_machine machine;
  gate_init(&at, &machine);
  vlot_cluster_options options = fleet_options(VLOT_DRIVER_THREADS, 3);
  options.machine = &machine;
  options.clock_waits = VLOT_CLOCK_WAITS_ALWAYS;
  vlot_cluster *cluster = fleet_open(&options);
  vlot_client *client = fleet_client(cluster, 0, LONG);
  uint32_t leader = leader_of(cluster);
  vlot_cluster_stats before = fleet_stats(cluster);
  set_gate(&at, leader, true);
  submit_one(client);
  LOOK_UNTIL(waiting_at(&at) == 1);
  LOOK_UNTIL(fleet_stats(cluster).clock_waits > before.clock_waits);
  uint64_t now = vlot_cluster_now(cluster), end = vlot_clock_ns() + 150000000;
  while (vlot_clock_ns() < end) sched_yield(); /* 75 ticks */
  cr_expect_leq(vlot_cluster_now(cluster), now + 1);
  cr_expect_eq(fleet_stats(cluster).elections, before.elections);
  set_gate(&at, 0, false);
  cr_expect_eq(fleet_wait(client).result, VLOT_OK);
  fleet_pass(cluster, 60);
  cr_expect_eq(fleet_stats(cluster).elections, before.elections, "nobody was missed");
  vlot_client_close(client);
  close_well(cluster);
}

Test(threads, without_being_told_the_others_go_on_without_a_straggler) {
  gate at;
  vlot_machine machine;
  gate_init(&at, &machine);
  vlot_cluster_options options = fleet_options(VLOT_DRIVER_THREADS, 3);
  options.machine = &machine;
  vlot_cluster *cluster = fleet_open(&options);
  vlot_client *client = fleet_client(cluster, 0, LONG);
  uint32_t leader = leader_of(cluster);
  set_gate(&at, leader, true);
  submit_one(client);
  LOOK_UNTIL(waiting_at(&at) == 1);
  uint32_t next = leader;
  for (int tries = 0; tries < 1000 && next == leader; tries++) {
    fleet_pass(cluster, 5);
    uint64_t term = 0;
    for (uint32_t id = 1; id <= 3; id++) {
      vlot_node_status status = fleet_status(cluster, id);
      if (status.raft.role == VLOT_ROLE_LEADER && status.raft.term > term)
        next = id, term = status.raft.term;
    }
  }
  cr_expect_neq(next, leader);
  cr_expect_eq(fleet_stats(cluster).clock_waits, 0);
  set_gate(&at, 0, false);
  cr_expect_neq(fleet_wait(client).result, VLOT_REJECTED, "it was committed");
  cr_expect(fleet_settle(cluster, LONG));
  vlot_client_close(client);
  close_well(cluster);
}

Test(threads, a_machine_that_calls_the_cluster_is_told_that_it_would_wait_for_itself) {
  for (int way = 0; way < 3; way++) { /* threads, lockstep inline, lockstep on threads */
    gate at;
    vlot_machine machine;
    gate_init(&at, &machine);
    vlot_cluster_options options =
        fleet_options(way == 0 ? VLOT_DRIVER_THREADS : VLOT_DRIVER_LOCKSTEP, 3);
    options.machine = &machine;
    options.is_inline = way == 1;
    vlot_cluster *cluster = fleet_open(&options);
    vlot_client *client = fleet_client(cluster, 0, LONG);
    leader_of(cluster);
    pthread_mutex_lock(&at.lock);
    at.client = fleet_client(cluster, 0, LONG);
    at.cluster = cluster;
    at.node = 2;
    pthread_mutex_unlock(&at.lock);
    cr_expect_eq(vlot_client_propose(client, "x", 1, NULL), VLOT_OK);
    cr_assert_eq(vlot_await_quiet(cluster, LONG), VLOT_OK);
    uint64_t hash, applied; /* waits for the node's turn to end */
    cr_expect_eq(vlot_cluster_hash(cluster, 2, &hash, &applied), VLOT_OK);
    cr_expect(at.was_called);
    for (int k = 0; k < 6; k++)
      cr_expect_eq(at.called[k], VLOT_DEADLOCK, "way %d, call %d: %s", way, k,
                   vlot_result_name(at.called[k]));
    vlot_client_close(client);
    vlot_client_close(at.client);
    close_well(cluster);
  }
}

Test(threads, a_machine_that_fails_fences_its_node) {
  for (int way = 0; way < 2; way++) {
    gate at;
    vlot_machine machine;
    gate_init(&at, &machine);
    vlot_cluster_options options =
        fleet_options(way == 0 ? VLOT_DRIVER_THREADS : VLOT_DRIVER_LOCKSTEP, 3);
    options.machine = &machine;
    vlot_cluster *cluster = fleet_open(&options);
    vlot_client *client = fleet_client(cluster, 0, LONG);
    uint32_t leader = leader_of(cluster), victim = leader == 1 ? 2 : 1;
    pthread_mutex_lock(&at.lock);
    at.node = victim;
    at.fails = true;
    pthread_mutex_unlock(&at.lock);
    cr_expect_eq(vlot_client_propose(client, "x", 1, NULL), VLOT_OK, "the others go on");
    for (int tries = 0; tries < 500 && fleet_status(cluster, victim).state != VLOT_NODE_FENCED;
         tries++)
      fleet_pass(cluster, 2);
    vlot_node_status status = fleet_status(cluster, victim);
    cr_expect_eq(status.state, VLOT_NODE_FENCED);
    cr_expect_eq(status.raft.fenced_why, VLOT_WHY_APPLY_FAILED, "%s",
                 vlot_why_name(status.raft.fenced_why));
    pthread_mutex_lock(&at.lock);
    at.fails = false;
    pthread_mutex_unlock(&at.lock);
    cr_assert_eq(vlot_cluster_restart(cluster, victim, VLOT_RESTART_KEEP), VLOT_OK);
    cr_expect(fleet_settle(cluster, LONG), "a new machine applies everything again");
    vlot_client_close(client);
    close_well(cluster);
  }
}

/* What the quarantine leaves alone is lost for good, as it says: in a process of its own, that no
 * leak is reported. Returns the line of the first complaint, or 0.
 */
static int be_stuck(void) {
  gate at;
  vlot_machine machine;
  gate_init(&at, &machine);
  vlot_cluster_options options = fleet_options(VLOT_DRIVER_THREADS, 3);
  options.machine = &machine;
  options.stop_ns = 200000000;
  vlot_cluster *cluster = fleet_open(&options);
  vlot_client *client = fleet_client(cluster, 0, LONG);
  uint32_t leader;
  if (vlot_await_leader(cluster, LONG, &leader) != VLOT_OK) return __LINE__;
  uint32_t victim = leader == 1 ? 2 : 1;
  uint64_t hash, applied;
  set_gate(&at, victim, true);
  if (vlot_client_propose(client, "x", 1, NULL) != VLOT_OK) return __LINE__;
  while (waiting_at(&at) == 0) sched_yield();
  if (vlot_cluster_hash(cluster, victim, &hash, &applied) != VLOT_TIMEOUT) return __LINE__;
  uint64_t begin = vlot_clock_ns();
  if (vlot_cluster_kill(cluster, victim, false) != VLOT_TIMEOUT) return __LINE__;
  if (vlot_clock_ns() - begin > UINT64_C(10000000000)) return __LINE__; /* bounded */
  if (fleet_status(cluster, victim).state != VLOT_NODE_DOWN) return __LINE__;
  set_gate(&at, 99, true); /* the stuck one goes on waiting, its successor does not */
  if (vlot_cluster_spawn(cluster, victim) != VLOT_OK) return __LINE__;
  if (vlot_client_propose(client, "x", 1, NULL) != VLOT_OK) return __LINE__;
  if (vlot_await_quiet(cluster, LONG) != VLOT_OK) return __LINE__;
  if (!fleet_agrees(cluster)) return __LINE__; /* the successor has a machine of its own */
  vlot_client_close(client);
  begin = vlot_clock_ns();
  if (vlot_cluster_close(cluster) != VLOT_TIMEOUT) return __LINE__;
  if (vlot_clock_ns() - begin > UINT64_C(10000000000)) return __LINE__;
  set_gate(&at, 99, false);
  while (waiting_at(&at) > 0) sched_yield();
  return 0;
}

Test(threads, a_node_stuck_in_user_code_is_quarantined_and_replaced, .timeout = 60) {
  int pipes[2], line = -1, status = 0;
  cr_assert_eq(pipe(pipes), 0);
  pid_t child = fork();
  if (child == 0) {
    line = be_stuck();
    _exit(write(pipes[1], &line, sizeof line) == sizeof line ? 0 : 1);
  }
  close(pipes[1]);
  cr_assert_eq(read(pipes[0], &line, sizeof line), sizeof line);
  cr_assert_eq(waitpid(child, &status, 0), child);
  close(pipes[0]);
  cr_expect_eq(line, 0, "line %d complains", line);
  cr_expect_eq(status, 0);
}

/* --- a disk that answers from another thread --- */

typedef struct job {
  vlot_storage_done done;
  uint64_t token;
} job;

enum { LOG_MAX = 4096, JOBS_MAX = 1024 };

typedef struct remote_disk {
  pthread_mutex_t lock;
  pthread_cond_t arrived;
  pthread_t thread;
  bool must_stop;
  vlot_hard_state hard;
  vlot_slice log[LOG_MAX];
  size_t log_count;
  job jobs[JOBS_MAX];
  size_t first, count;
  uint32_t released;
} remote_disk;

static void *complete_jobs(void *context) {
  remote_disk *disk = context;
  pthread_mutex_lock(&disk->lock);
  while (!disk->must_stop) {
    if (disk->count == 0) {
      pthread_cond_wait(&disk->arrived, &disk->lock);
      continue;
    }
    job next = disk->jobs[disk->first];
    disk->first = (disk->first + 1) % JOBS_MAX;
    disk->count--;
    pthread_mutex_unlock(&disk->lock);
    next.done.done(next.done.context, next.token, VLOT_OK);
    pthread_mutex_lock(&disk->lock);
  }
  pthread_mutex_unlock(&disk->lock);
  return NULL;
}

static vlot_result remote_load(void *context, vlot_stored *stored) {
  remote_disk *disk = context;
  *stored = (vlot_stored){.hard = disk->hard, .slices = disk->log, .slice_count = disk->log_count};
  return VLOT_OK;
}

static void truncate_from(remote_disk *disk, uint64_t index) {
  while (disk->log_count > 0) {
    vlot_slice *last = &disk->log[disk->log_count - 1];
    if (last->index + last->count <= index) return;
    if (last->index < index) {
      last->count = (uint32_t)(index - last->index);
      return;
    }
    vlot_batch_release(last->batch);
    disk->log_count--;
  }
}

static vlot_result remote_submit(void *context, const vlot_write *write,
                                 const vlot_storage_done *done) {
  remote_disk *disk = context;
  pthread_mutex_lock(&disk->lock);
  if (write->truncate_from) truncate_from(disk, write->truncate_from);
  if (write->has_hard) disk->hard = write->hard;
  bool has_room = disk->log_count + write->slice_count <= LOG_MAX && disk->count < JOBS_MAX;
  for (uint32_t k = 0; has_room && k < write->slice_count; k++) {
    disk->log[disk->log_count] = write->slices[k];
    vlot_batch_retain(disk->log[disk->log_count++].batch);
  }
  if (has_room)
    disk->jobs[(disk->first + disk->count++) % JOBS_MAX] =
        (job){.done = *done, .token = write->token};
  pthread_mutex_unlock(&disk->lock);
  pthread_cond_signal(&disk->arrived);
  return has_room ? VLOT_PENDING : VLOT_IO;
}

static void remote_stop(void *context, bool is_power_cut) {
  remote_disk *disk = context;
  (void)is_power_cut; /* what was submitted is written */
  pthread_mutex_lock(&disk->lock);
  disk->count = 0;
  pthread_mutex_unlock(&disk->lock);
}

static void remote_release(void *context) {
  remote_disk *disk = context;
  disk->released++;
  truncate_from(disk, 0);
}

static vlot_result remote_open(void *context, uint32_t id, vlot_storage *storage) {
  remote_disk *disk = &((remote_disk *)context)[id - 1];
  *storage = (vlot_storage){.context = disk,
                            .load = remote_load,
                            .submit = remote_submit,
                            .stop = remote_stop,
                            .release = remote_release};
  return VLOT_OK;
}

Test(threads, a_disk_may_answer_from_another_thread) {
  remote_disk *disks = calloc(3, sizeof *disks);
  for (int k = 0; k < 3; k++) {
    pthread_mutex_init(&disks[k].lock, NULL);
    pthread_cond_init(&disks[k].arrived, NULL);
    pthread_create(&disks[k].thread, NULL, complete_jobs, &disks[k]);
  }
  vlot_cluster_options options = fleet_options(VLOT_DRIVER_THREADS, 3);
  options.open_storage = remote_open;
  options.storage_context = disks;
  vlot_cluster *cluster = fleet_open(&options);
  cr_assert_not_null(cluster);
  vlot_client *client = fleet_client(cluster, 0, LONG);
  for (int k = 0; k < 50; k++) cr_assert_eq(fleet_add(client, "n", 1), VLOT_OK);
  cr_expect_eq(vlot_cluster_set_disk(cluster, 1, &(vlot_disk_fault){.is_stalled = 1}),
               VLOT_UNSUPPORTED);
  cr_expect_eq(vlot_cluster_restart(cluster, 1, VLOT_RESTART_WIPE), VLOT_UNSUPPORTED);
  for (uint32_t id = 1; id <= 3; id++)
    cr_assert_eq(vlot_cluster_restart(cluster, id, VLOT_RESTART_KEEP), VLOT_OK);
  for (int k = 0; k < 50; k++) cr_assert_eq(fleet_add(client, "n", 1), VLOT_OK);
  char value[16];
  cr_assert_eq(fleet_get(client, "n", value, sizeof value), VLOT_OK);
  cr_expect_str_eq(value, "100");
  cr_assert_eq(vlot_await_quiet(cluster, LONG), VLOT_OK);
  cr_expect(fleet_agrees(cluster));
  vlot_client_close(client);
  close_well(cluster);
  for (int k = 0; k < 3; k++) {
    cr_expect_eq(disks[k].released, 1);
    pthread_mutex_lock(&disks[k].lock);
    disks[k].must_stop = true;
    pthread_mutex_unlock(&disks[k].lock);
    pthread_cond_signal(&disks[k].arrived);
    pthread_join(disks[k].thread, NULL);
  }
  free(disks);
}

/* --- pause --- */

Test(threads, a_paused_cluster_can_be_stepped_and_goes_on_without_loss) {
  vlot_cluster *cluster = open_nodes(3);
  vlot_client *client = fleet_client(cluster, 0, LONG);
  tally counts = {.is_in_order = true};
  uint64_t submitted = 0, stepped = 0;
  leader_of(cluster);
  for (int round = 0; round < 30; round++) {
    for (int batch = 0; batch < 6; batch++) {
      cr_assert_eq(fleet_submit(client, "n", 5, NULL), VLOT_OK);
      submitted += 5;
    }
    cr_assert_eq(vlot_cluster_pause(cluster), VLOT_OK);
    cr_expect_eq(vlot_cluster_pause(cluster), VLOT_OK, "twice is once");
    uint64_t done = 0, now = vlot_cluster_now(cluster);
    vlot_pending pending[8];
    (void)vlot_lockstep_pending(cluster, pending, 8);
    cr_expect_eq(vlot_cluster_now(cluster), now, "time stands still");
    cr_assert_eq(vlot_lockstep_step(cluster, (uint64_t)round % 10, &done), VLOT_OK);
    stepped += done;
    if (round % 3 == 0) {
      cr_assert_eq(fleet_submit(client, "n", 5, NULL), VLOT_OK, "while it is paused");
      submitted += 5;
    }
    cr_assert_eq(vlot_cluster_unpause(cluster), VLOT_OK);
    cr_expect_eq(vlot_cluster_unpause(cluster), VLOT_OK);
    drain(&counts, client);
  }
  cr_expect_gt(stepped, 30);
  cr_expect_eq(counts.ok, submitted, "%llu unknown, %llu rejected",
               (unsigned long long)counts.unknown, (unsigned long long)counts.rejected);
  cr_expect_eq(counts.last_number, submitted);
  cr_expect(counts.is_in_order);
  cr_assert_eq(vlot_await_quiet(cluster, LONG), VLOT_OK);
  cr_expect(fleet_agrees(cluster));
  vlot_client_close(client);
  close_well(cluster);
}

Test(threads, time_of_a_paused_cluster_passes_tick_by_tick) {
  vlot_cluster *cluster = open_nodes(3);
  leader_of(cluster);
  cr_assert_eq(vlot_cluster_pause(cluster), VLOT_OK);
  uint64_t now = vlot_cluster_now(cluster);
  for (uint64_t tick = 1; tick <= 100; tick++) {
    vlot_pending first;
    cr_assert_eq(vlot_lockstep_pass(cluster, 1, NULL, NULL, 1000), VLOT_OK);
    cr_assert_eq(vlot_cluster_now(cluster), now + tick);
    cr_assert_gt(vlot_lockstep_pending(cluster, &first, 1), 0);
    cr_assert_gt(first.due, now + tick, "all that is due is done, and nothing else");
  }
  cr_assert_eq(vlot_cluster_unpause(cluster), VLOT_OK);
  leader_of(cluster);
  close_well(cluster);
}

Test(threads, what_is_done_to_a_paused_cluster_stays_done) {
  vlot_cluster *cluster = open_nodes(3);
  vlot_client *client = fleet_client(cluster, 0, LONG);
  uint32_t leader = leader_of(cluster), one = leader == 1 ? 2 : 1, two = 6 - leader - one;
  cr_assert_eq(vlot_cluster_suspend(cluster, one), VLOT_OK);
  cr_assert_eq(fleet_add(client, "n", 1), VLOT_OK);
  cr_assert_eq(vlot_cluster_pause(cluster), VLOT_OK);
  cr_expect_eq(vlot_lockstep_set_inline(cluster, true), VLOT_UNSUPPORTED, "its nodes have threads");
  cr_expect_eq(fleet_status(cluster, one).state, VLOT_NODE_SUSPENDED);
  cr_assert_eq(vlot_cluster_resume(cluster, one), VLOT_OK);
  cr_assert_eq(vlot_cluster_suspend(cluster, two), VLOT_OK);
  cr_assert_eq(vlot_cluster_unpause(cluster), VLOT_OK);
  uint64_t applied = fleet_status(cluster, two).applied_index;
  cr_assert_eq(fleet_add(client, "n", 1), VLOT_OK, "the resumed one is in the quorum");
  fleet_pass(cluster, 20);
  cr_expect_eq(fleet_status(cluster, two).applied_index, applied, "the suspended one stands");
  cr_assert_eq(vlot_cluster_resume(cluster, two), VLOT_OK);
  cr_assert_eq(vlot_cluster_pause(cluster), VLOT_OK);
  cr_assert_eq(vlot_cluster_kill(cluster, two, true), VLOT_OK);
  cr_assert_eq(vlot_cluster_unpause(cluster), VLOT_OK);
  cr_assert_eq(fleet_add(client, "n", 1), VLOT_OK);
  cr_assert_eq(vlot_cluster_pause(cluster), VLOT_OK);
  cr_assert_eq(vlot_cluster_spawn(cluster, two), VLOT_OK);
  cr_assert_eq(vlot_lockstep_step(cluster, 50, NULL), VLOT_OK);
  cr_assert_eq(vlot_cluster_unpause(cluster), VLOT_OK);
  cr_expect(fleet_settle(cluster, LONG));
  vlot_client_close(client);
  cr_assert_eq(vlot_cluster_pause(cluster), VLOT_OK);
  close_well(cluster); /* paused */
}

Test(threads, a_cluster_in_lockstep_is_not_paused) {
  vlot_cluster_options options = fleet_options(VLOT_DRIVER_LOCKSTEP, 3);
  vlot_cluster *cluster = fleet_open(&options);
  cr_expect_eq(vlot_cluster_pause(cluster), VLOT_UNSUPPORTED);
  cr_expect_eq(vlot_cluster_unpause(cluster), VLOT_UNSUPPORTED);
  close_well(cluster);
}

/* --- events --- */

Test(threads, a_subscription_misses_nothing_until_it_is_full) {
  vlot_cluster *cluster = open_nodes(3);
  vlot_subscription *all, *few;
  cr_assert_eq(vlot_subscription_open(&all, cluster, 0), VLOT_OK);
  cr_assert_eq(vlot_subscription_open(&few, cluster, 1), VLOT_OK);
  vlot_client *client = fleet_client(cluster, 0, LONG);
  for (int k = 0; k < 100; k++) cr_assert_eq(fleet_add(client, "n", 1), VLOT_OK);
  cr_assert_eq(vlot_cluster_restart(cluster, leader_of(cluster), VLOT_RESTART_KEEP), VLOT_OK);
  cr_assert_eq(fleet_add(client, "n", 1), VLOT_OK);
  uint64_t next[4] = {0}, count = 0, lamport[4] = {0};
  for (vlot_event event; vlot_subscription_next(all, &event); count++) {
    cr_assert_leq(event.node, 3);
    if (next[event.node]) cr_assert_eq(event.sequence, next[event.node], "node %u", event.node);
    cr_assert_gt(event.lamport, lamport[event.node]);
    next[event.node] = event.sequence + 1;
    lamport[event.node] = event.lamport;
  }
  cr_expect_gt(count, 1000);
  cr_expect_eq(vlot_subscription_lost(all), 0);
  cr_expect_gt(vlot_subscription_lost(few), 0);
  vlot_event event;
  cr_expect(vlot_subscription_next(few, &event), "the first ones are there");
  vlot_event ring[100];
  size_t kept = vlot_cluster_events(cluster, 2, ring, 100);
  cr_expect_eq(kept, 64, "the ring's size");
  for (size_t k = 1; k < kept; k++) cr_expect_eq(ring[k].sequence, ring[k - 1].sequence + 1);
  vlot_subscription_close(all);
  vlot_subscription_close(few);
  vlot_subscription_close(NULL);
  vlot_client_close(client);
  close_well(cluster);
}
