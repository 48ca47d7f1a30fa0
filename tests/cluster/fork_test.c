/* A forked child: no thread of its parent's clusters is there. Every call ends and says so, exit
 * runs through, and a cluster of its own works.
 */
#include <criterion/criterion.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fork.h"
#include "cluster/door.h"
#include "cluster/object.h"
#include "fleet.h"

/* --- the mark --- */

static int in_child(int (*does)(void *context), void *context) {
  fflush(NULL);
  pid_t child = fork();
  cr_assert_geq(child, 0);
  if (child == 0) {
    (void)signal(SIGALRM, SIG_DFL);
    alarm(20);
    _exit(does(context));
  }
  int status;
  cr_assert_eq(waitpid(child, &status, 0), child);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static int looks_at_epochs(void *context) {
  uint64_t before = *(uint64_t *)context;
  if (!vlot__has_forked(before)) return 1;
  uint64_t own = vlot__fork_epoch();
  if (own == 0 || own == before || vlot__has_forked(own)) return 2;
  return vlot__has_forked(before) ? 0 : 3; /* still */
}

static int looks_one_further(void *context) {
  uint64_t epochs[2] = {*(uint64_t *)context, vlot__fork_epoch()};
  pid_t child = fork();
  if (child == 0) {
    uint64_t own = vlot__fork_epoch();
    _exit(vlot__has_forked(epochs[0]) && vlot__has_forked(epochs[1]) && !vlot__has_forked(own) ? 0
                                                                                               : 1);
  }
  int status;
  return waitpid(child, &status, 0) == child && status == 0 ? 0 : 4;
}

Test(fork, an_epoch_is_of_one_process) {
  uint64_t epoch = vlot__fork_epoch();
  cr_expect_neq(epoch, 0);
  cr_expect_eq(vlot__fork_epoch(), epoch);
  cr_expect_not(vlot__has_forked(epoch));
  cr_expect_eq(in_child(looks_at_epochs, &epoch), 0);
  cr_expect_eq(in_child(looks_one_further, &epoch), 0);
  cr_expect_not(vlot__has_forked(epoch), "the parent's own");
}

/* --- every call --- */

typedef struct family {
  vlot_cluster *cluster;
  vlot_client *client;
  vlot_subscription *events;
  vlot_host *host;
  size_t row;
} family;

static bool no(vlot_result result) { return result == VLOT_UNSUPPORTED; }

static bool never(vlot_cluster *cluster, void *context) {
  (void)cluster;
  (void)context;
  return false;
}

static bool nodes(const family *f) {
  uint32_t ids[4];
  vlot_event event;
  vlot_lint lint;
  return no(vlot_cluster_spawn(f->cluster, 1)) && no(vlot_cluster_kill(f->cluster, 1, false)) &&
         no(vlot_cluster_restart(f->cluster, 1, VLOT_RESTART_KEEP)) &&
         no(vlot_cluster_suspend(f->cluster, 1)) && no(vlot_cluster_resume(f->cluster, 1)) &&
         no(vlot_cluster_heal(f->cluster)) && vlot_cluster_ids(f->cluster, ids, 4) == 0 &&
         vlot_cluster_nodes(f->cluster) == 0 &&
         vlot_cluster_events(f->cluster, 1, &event, 1) == 0 &&
         vlot_cluster_rare_events(f->cluster, 0, &event, 1) == 0 &&
         vlot_cluster_lint(f->cluster, &lint, 1) == 0 && vlot_cluster_leader(f->cluster) == 0 &&
         vlot_cluster_now(f->cluster) == 0 && !vlot_cluster_violation(f->cluster, NULL, 0);
}

static bool faults(const family *f) {
  vlot_link link = {0};
  vlot_disk_fault disk = {0};
  uint32_t sides[] = {1, 0, 2, 3};
  uint64_t hash, applied;
  vlot_node_status status;
  return no(vlot_cluster_set_link(f->cluster, 1, 2, &link)) &&
         no(vlot_cluster_get_link(f->cluster, 1, 2, &link)) &&
         no(vlot_cluster_partition(f->cluster, sides, 4)) &&
         no(vlot_cluster_set_disk(f->cluster, 1, &disk)) &&
         no(vlot_cluster_hash(f->cluster, 1, &hash, &applied)) && hash == 0 &&
         no(vlot_cluster_get_status(f->cluster, 1, &status)) && status.id == 1;
}

static bool awaits(const family *f) {
  uint32_t id = 7;
  return no(vlot_await_leader(f->cluster, VLOT_NEVER, &id)) && id == 0 &&
         no(vlot_await_applied(f->cluster, 0, 1, VLOT_NEVER)) &&
         no(vlot_await_role(f->cluster, 1, VLOT_ROLE_LEADER, VLOT_NEVER)) &&
         no(vlot_await_quiet(f->cluster, VLOT_NEVER)) && no(vlot_cluster_interrupt(f->cluster));
}

static bool steps(const family *f) {
  uint64_t done = 7;
  vlot_pending pending;
  return no(vlot_cluster_pause(f->cluster)) && no(vlot_cluster_unpause(f->cluster)) &&
         no(vlot_lockstep_step(f->cluster, 1, &done)) && done == 0 &&
         no(vlot_lockstep_until(f->cluster, never, NULL, 1)) &&
         no(vlot_lockstep_pass(f->cluster, 1, NULL, NULL, 1)) &&
         no(vlot_lockstep_fire(f->cluster, 1)) && no(vlot_lockstep_drop(f->cluster, 1)) &&
         no(vlot_lockstep_hold(f->cluster, 1, true)) && no(vlot_lockstep_delay(f->cluster, 1, 1)) &&
         no(vlot_lockstep_duplicate(f->cluster, 1, NULL)) &&
         no(vlot_lockstep_set_inline(f->cluster, true)) &&
         vlot_lockstep_pending(f->cluster, &pending, 1) == 0;
}

static bool clients(const family *f) {
  vlot_answer answer;
  vlot_client *other = f->client;
  vlot_subscription *more = f->events;
  vlot_client_interrupt(f->client);
  return no(fleet_submit(f->client, "x", 1, NULL)) &&
         no(vlot_client_read(f->client, "x", 1, 0, NULL)) &&
         no(vlot_client_propose(f->client, "x", 1, NULL)) &&
         no(vlot_client_query(f->client, "x", 1, NULL)) &&
         vlot_client_wait(f->client, &answer, 1) == 0 &&
         vlot_client_poll(f->client, &answer, 1) == 0 && vlot_client_inflight(f->client) == 0 &&
         vlot_client_number(f->client) == 1 && no(vlot_client_open(&other, f->cluster, NULL)) &&
         !other && no(vlot_subscription_open(&more, f->cluster, 0)) && !more;
}

static bool ends(const family *f) {
  vlot_event event;
  bool has_event = vlot_subscription_next(f->events, &event);
  vlot_client_close(f->client);
  vlot_subscription_close(f->events);
  return !has_event && no(vlot_cluster_close(f->cluster)) && no(vlot_cluster_close(f->cluster));
}

static bool hosts(const family *f) {
  vlot_cluster_options options = fleet_options(f->cluster->options.driver, 1);
  vlot_cluster *cluster = f->cluster;
  const char *problem = NULL;
  options.host = f->host;
  return vlot_host_groups(f->host) == 0 && no(vlot_host_close(f->host)) &&
         no(vlot_cluster_open(&cluster, &options, &problem)) && !cluster && problem &&
         no(vlot_groups_open(&cluster, 1, f->host, NULL, NULL)) && !cluster;
}

static bool journals(const family *f) {
  vlot_journal_status journal;
  vlot_replay_status replay;
  return no(vlot_journal_get_status(f->cluster, &journal)) &&
         no(vlot_replay_get_status(f->cluster, &replay));
}

static bool (*const rows[])(const family *f) = {nodes,   faults, awaits,   steps,
                                                clients, hosts,  journals, ends};
enum { ROWS = sizeof rows / sizeof *rows };

static int makes_calls(void *context) {
  family *f = context;
  return rows[f->row](f) ? 0 : 1;
}

static family open_family(vlot_driver driver) {
  family f = {0};
  cr_assert_eq(vlot_host_open(&f.host, NULL, NULL), VLOT_OK);
  vlot_cluster_options options = fleet_options(driver, 3);
  options.host = f.host;
  options.tick_ns = 10000000;
  f.cluster = fleet_open(&options);
  cr_assert(f.cluster);
  f.client = fleet_client(f.cluster, 0, 0);
  cr_assert(f.client);
  cr_assert_eq(vlot_subscription_open(&f.events, f.cluster, 0), VLOT_OK);
  cr_assert_eq(fleet_add(f.client, "x", 1), VLOT_OK);
  return f;
}

static void close_family(family *f) {
  cr_expect_eq(fleet_add(f->client, "x", 1), VLOT_OK, "the parent goes on");
  vlot_client_close(f->client);
  vlot_subscription_close(f->events);
  cr_expect_eq(vlot_cluster_close(f->cluster), VLOT_OK);
  cr_expect_eq(vlot_host_close(f->host), VLOT_OK);
}

Test(fork, every_call_of_a_child_ends_and_says_so, .timeout = 120) {
  const vlot_driver drivers[] = {VLOT_DRIVER_THREADS, VLOT_DRIVER_LOCKSTEP};
  for (size_t k = 0; k < 2; k++) {
    family f = open_family(drivers[k]);
    for (f.row = 0; f.row < ROWS; f.row++)
      cr_expect_eq(in_child(makes_calls, &f), 0, "driver %zu, row %zu", k, f.row);
    close_family(&f);
  }
}

/* --- with locks held --- */

typedef struct load {
  pthread_t thread;
  family *of;
  _Atomic bool must_end;
} load;

static void *run_load(void *context) {
  load *self = context;
  vlot_answer answers[64];
  vlot_client *client = fleet_client(self->of->cluster, 0, 0);
  while (!atomic_load(&self->must_end)) {
    (void)!fleet_submit(client, "y", 32, NULL);
    (void)vlot_client_wait(client, answers, 64);
    (void)fleet_stats(self->of->cluster);
    for (vlot_event event; vlot_subscription_next(self->of->events, &event);) continue;
  }
  vlot_client_close(client);
  return NULL;
}

static int makes_every_call(void *context) {
  family *f = context;
  for (size_t k = 0; k < ROWS; k++)
    if (!rows[k](f)) return (int)k + 1;
  return 0;
}

Test(fork, whatever_locks_others_hold_at_that_moment, .timeout = 120) {
  family f = open_family(VLOT_DRIVER_THREADS);
  load work = {.of = &f};
  cr_assert_eq(pthread_create(&work.thread, NULL, run_load, &work), 0);
  for (int round = 0; round < 200; round++) cr_assert_eq(in_child(makes_every_call, &f), 0);
  atomic_store(&work.must_end, true);
  pthread_join(work.thread, NULL);
  close_family(&f);
}

/* --- a child's own --- */

static void say_done(void) { (void)!write(STDERR_FILENO, "", 0); }

static int opens_its_own(void *context) {
  family *f = context;
  family own = {0};
  const vlot_driver drivers[] = {VLOT_DRIVER_THREADS, VLOT_DRIVER_LOCKSTEP};
  for (size_t k = 0; k < 2; k++) {
    vlot_cluster_options options = fleet_options(drivers[k], 3);
    own.cluster = fleet_open(&options);
    own.client = own.cluster ? fleet_client(own.cluster, 0, 0) : NULL;
    if (!own.client || fleet_add(own.client, "x", 1) != VLOT_OK) return 2;
    if (!no(fleet_add(f->client, "x", 1))) return 3; /* its own does not make the parent's one */
    vlot_client_close(own.client);
    if (vlot_cluster_close(own.cluster) != VLOT_OK) return 4;
  }
  return atexit(say_done) == 0 ? 0 : 5;
}

Test(fork, a_child_may_open_clusters_of_its_own, .timeout = 60) {
  family f = open_family(VLOT_DRIVER_THREADS);
  cr_expect_eq(in_child(opens_its_own, &f), 0);
  close_family(&f);
}

/* Inside a call, by a function that it calls: it ends its visit without a lock. */
static bool forks_inside(vlot_cluster *cluster, void *context) {
  int *result = context;
  (void)cluster;
  pid_t child = fork();
  if (child == 0) {
    alarm(20);
    _exit(vlot_cluster_leader(cluster) == 0 && no(vlot_cluster_close(cluster)) ? 0 : 1);
  }
  return waitpid(child, result, 0) == child;
}

Test(fork, in_a_function_that_a_call_calls) {
  family f = open_family(VLOT_DRIVER_LOCKSTEP);
  int result = -1;
  cr_expect_eq(vlot_lockstep_until(f.cluster, forks_inside, &result, 1), VLOT_OK);
  cr_expect_eq(result, 0);
  close_family(&f);
}
