/* Being told instead of asking: subscriptions with a function or a descriptor, and watches, which
 * never lose the last state; in both drivers. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "vlot/vlot.h"

enum { T = 60000, PATIENCE_MS = 30000 };

static vlot_cluster *cluster;
static vlot_client *client;

static void begin(vlot_driver driver) {
  vlot_cluster_options options;
  vlot_client_options own;
  vlot_cluster_options_init(&options);
  options.driver = driver;
  options.tick_ns = 1000000;
  cr_assert_eq(vlot_cluster_open(&cluster, &options, NULL), VLOT_OK);
  vlot_client_options_init(&own);
  own.timeout_ticks = T;
  cr_assert_eq(vlot_client_open(&client, cluster, &own), VLOT_OK);
}
static void begin_lockstep(void) { begin(VLOT_DRIVER_LOCKSTEP); }
static void begin_threads(void) { begin(VLOT_DRIVER_THREADS); }
static void end(void) {
  vlot_client_close(client);
  cr_expect_eq(vlot_cluster_close(cluster), VLOT_OK);
}

static uint32_t lead(void) {
  uint32_t leader;
  cr_assert_eq(vlot_await_leader(cluster, T, &leader), VLOT_OK);
  return leader;
}

static void propose(void) { cr_assert_eq(vlot_client_propose(client, "x", 1, NULL), VLOT_OK); }

/* --- what was told --- */

typedef struct heard {
  pthread_mutex_t lock;
  pthread_cond_t changed;
  uint64_t events; /* calls */
  uint64_t last;   /* sequence of the newest of its node */
  uint32_t kinds_wrong;
  pthread_t thread;
  vlot_watched state;
  vlot_result stepping; /* what a step in there said */
  vlot_result closing;
  vlot_subscription *closes; /* this one, at the first event */
} heard;

static heard h = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static void told_event(void *context, const vlot_event *event) {
  heard *all = context;
  pthread_mutex_lock(&all->lock);
  all->events++;
  all->kinds_wrong += event->kind != VLOT_EVENT_LEADER && event->kind != VLOT_EVENT_COMMIT;
  all->thread = pthread_self();
  pthread_cond_broadcast(&all->changed);
  pthread_mutex_unlock(&all->lock);
  all->stepping = vlot_lockstep_step(cluster, 1, NULL);
  all->closing = vlot_cluster_close(cluster);
  if (all->closes) vlot_subscription_close(all->closes);
  all->closes = NULL;
}

static void told_state(void *context, const vlot_watched *state) {
  heard *all = context;
  pthread_mutex_lock(&all->lock);
  all->events++;
  all->state = *state;
  all->thread = pthread_self();
  pthread_cond_broadcast(&all->changed);
  pthread_mutex_unlock(&all->lock);
}

static bool is_leader(const heard *all, uint64_t wanted) { return all->state.leader == wanted; }
static bool has_applied(const heard *all, uint64_t wanted) { return all->state.applied == wanted; }
static bool has_events(const heard *all, uint64_t wanted) { return all->events >= wanted; }

/* Until it has been told. */
static void await(bool (*is_so)(const heard *all, uint64_t wanted), uint64_t wanted) {
  pthread_mutex_lock(&h.lock);
  while (!is_so(&h, wanted)) pthread_cond_wait(&h.changed, &h.lock);
  pthread_mutex_unlock(&h.lock);
}

static vlot_subscription *subscribe(uint64_t kinds, bool has_function, int fd) {
  vlot_subscription_options options;
  vlot_subscription *subscription;
  vlot_subscription_options_init(&options);
  options.kinds = kinds;
  options.told = has_function ? told_event : NULL;
  options.context = &h;
  options.fd = fd;
  cr_assert_eq(vlot_subscription_open_with(&subscription, cluster, &options), VLOT_OK);
  return subscription;
}

static vlot_watch *watch(vlot_watch_kind kind, uint32_t node, bool has_function, int fd) {
  vlot_watch_options options;
  vlot_watch *opened;
  vlot_watch_options_init(&options, kind);
  options.node = node;
  options.told = has_function ? told_state : NULL;
  options.context = &h;
  options.fd = fd;
  cr_assert_eq(vlot_watch_open(&opened, cluster, &options), VLOT_OK);
  return opened;
}

#define BIT(kind) (UINT64_C(1) << VLOT_EVENT_##kind)

/* --- subscriptions --- */

Test(watch, in_lockstep_a_function_is_called_inside_the_call_that_steps, .init = begin_lockstep,
     .fini = end) {
  vlot_subscription *subscription = subscribe(BIT(LEADER) | BIT(COMMIT), true, -1);
  cr_expect_eq(h.events, 0u);
  lead();
  propose();
  cr_expect_geq(h.events, 2u);
  cr_expect_eq(h.kinds_wrong, 0u);
  cr_expect(pthread_equal(h.thread, pthread_self()));
  cr_expect_eq(h.stepping, VLOT_DEADLOCK);
  cr_expect_eq(h.closing, VLOT_DEADLOCK);
  vlot_event event;
  cr_expect(!vlot_subscription_next(subscription, &event), "all of them went to the function");
  uint64_t before = h.events;
  vlot_subscription_close(subscription);
  propose();
  cr_expect_eq(h.events, before);
}

Test(watch, with_threads_a_function_is_called_on_no_thread_of_a_node, .init = begin_threads,
     .fini = end) {
  char name[16] = "";
  vlot_subscription *subscription = subscribe(BIT(LEADER) | BIT(COMMIT), true, -1);
  lead();
  propose();
  await(has_events, 2);
  cr_assert_eq(pthread_getname_np(h.thread, name, sizeof name), 0);
  cr_expect_str_eq(name, "vlot-tell");
  cr_expect_eq(h.stepping, VLOT_UNSUPPORTED);
  cr_expect_eq(h.closing, VLOT_DEADLOCK);
  vlot_subscription_close(subscription);
  uint64_t before = h.events;
  propose();
  cr_assert_eq(vlot_await_quiet(cluster, T), VLOT_OK);
  cr_expect_eq(h.events, before, "not once its close has returned");
}

Test(watch, a_function_may_close_its_own_subscription) {
  for (int k = 0; k < 2; k++) {
    begin(k ? VLOT_DRIVER_THREADS : VLOT_DRIVER_LOCKSTEP);
    h.events = 0;
    pthread_mutex_lock(&h.lock);
    vlot_subscription *own = subscribe(BIT(COMMIT), true, -1);
    h.closes = own;
    pthread_mutex_unlock(&h.lock);
    lead();
    propose();
    await(has_events, 1);
    propose();
    propose();
    cr_assert_eq(vlot_await_quiet(cluster, T), VLOT_OK);
    end();
    cr_expect_eq(h.events, 1u);
  }
}

Test(watch, what_happens_at_the_very_end_is_told_before_close_returns) {
  for (int k = 0; k < 2; k++) {
    begin(k ? VLOT_DRIVER_THREADS : VLOT_DRIVER_LOCKSTEP);
    h.events = 0;
    vlot_subscription *subscription = subscribe(BIT(KILL), true, -1);
    lead();
    end();
    cr_expect_eq(h.events, 3u, "each node's end");
    vlot_subscription_close(subscription);
  }
}

static bool is_readable(int fd, int patience_ms) {
  struct pollfd one = {.fd = fd, .events = POLLIN};
  return poll(&one, 1, patience_ms) == 1;
}

static void drain(int fd) {
  uint64_t count;
  cr_assert_eq(read(fd, &count, sizeof count), (ssize_t)sizeof count);
}

Test(watch, a_descriptor_is_readable_when_there_is_news_and_once_until_it_is_taken) {
  for (int k = 0; k < 2; k++) {
    begin(k ? VLOT_DRIVER_THREADS : VLOT_DRIVER_LOCKSTEP);
    int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    cr_assert_geq(fd, 0);
    lead();
    vlot_subscription *subscription = subscribe(BIT(COMMIT), false, fd);
    vlot_event event;
    for (unsigned round = 0; round < 20; round++) {
      propose();
      cr_assert(is_readable(fd, PATIENCE_MS), "round %u", round);
      drain(fd);
      unsigned found = 0;
      while (vlot_subscription_next(subscription, &event)) found++;
      cr_expect_geq(found, round == 0);
      cr_assert_eq(vlot_await_quiet(cluster, T), VLOT_OK);
      if (is_readable(fd, 0)) drain(fd);
      while (vlot_subscription_next(subscription, &event)) continue;
    }
    end();
    vlot_subscription_close(subscription);
    close(fd);
  }
}

/* --- watches --- */

Test(watch, the_last_leader_is_never_missed) {
  for (int k = 0; k < 2; k++) {
    begin(k ? VLOT_DRIVER_THREADS : VLOT_DRIVER_LOCKSTEP);
    vlot_watch *leaders = watch(VLOT_WATCH_LEADER, 0, true, -1);
    for (unsigned round = 0; round < 10; round++) {
      uint32_t leader = lead();
      await(is_leader, leader);
      cr_assert_eq(vlot_cluster_kill(cluster, leader, false), VLOT_OK);
      await(is_leader, 0);
      cr_assert_eq(vlot_cluster_spawn(cluster, leader), VLOT_OK);
    }
    vlot_watched state;
    cr_expect(vlot_watch_take(leaders, &state));
    cr_expect_geq(state.changes, 20u);
    end();
    cr_expect_eq(h.state.leader, 0u, "it is told of the end, too");
    vlot_watch_close(leaders);
    memset(&h.state, 0, sizeof h.state);
  }
}

Test(watch, the_last_applied_index_is_never_missed) {
  for (int k = 0; k < 2; k++) {
    begin(k ? VLOT_DRIVER_THREADS : VLOT_DRIVER_LOCKSTEP);
    lead();
    vlot_watch *own = watch(VLOT_WATCH_APPLIED, 2, true, -1);
    for (unsigned round = 0; round < 200; round++) {
      vlot_node_status status;
      propose();
      if (round % 20 > 0) continue;
      cr_assert_eq(vlot_await_quiet(cluster, T), VLOT_OK);
      vlot_cluster_get_status(cluster, 2, &status);
      await(has_applied, status.applied_index);
    }
    cr_expect_eq(h.state.node, 2u);
    vlot_watch_close(own);
    end();
  }
}

Test(watch, one_without_a_function_is_taken_when_its_descriptor_is_readable) {
  for (int k = 0; k < 2; k++) {
    int ends[2];
    char bytes[8];
    vlot_watched state;
    begin(k ? VLOT_DRIVER_THREADS : VLOT_DRIVER_LOCKSTEP);
    cr_assert_eq(pipe2(ends, O_NONBLOCK | O_CLOEXEC), 0);
    vlot_watch *leaders = watch(VLOT_WATCH_LEADER, 0, false, ends[1]);
    uint32_t leader = lead();
    do {
      cr_assert(is_readable(ends[0], PATIENCE_MS));
      cr_assert_eq(read(ends[0], bytes, sizeof bytes), 8);
      (void)vlot_watch_take(leaders, &state);
    } while (state.leader != leader);
    cr_expect(!vlot_watch_take(leaders, &state), "nothing has changed since");
    end();
    (void)vlot_watch_take(leaders, &state);
    cr_expect_eq(state.leader, 0u);
    vlot_watch_close(leaders);
    close(ends[0]);
    close(ends[1]);
  }
}

Test(watch, a_paused_cluster_tells_whoever_steps_it, .init = begin_threads, .fini = end) {
  vlot_watch *leaders = watch(VLOT_WATCH_LEADER, 0, true, -1);
  uint32_t leader = lead();
  await(is_leader, leader);
  cr_assert_eq(vlot_cluster_pause(cluster), VLOT_OK);
  cr_assert_eq(vlot_cluster_kill(cluster, leader, false), VLOT_OK);
  cr_expect_eq(h.state.leader, 0u, "inside that call");
  cr_expect(pthread_equal(h.thread, pthread_self()));
  cr_assert_eq(vlot_cluster_unpause(cluster), VLOT_OK);
  leader = lead();
  await(is_leader, leader);
  cr_expect(!pthread_equal(h.thread, pthread_self()));
  vlot_watch_close(leaders);
}

/* --- refusals --- */

static void expect_refused(int fd, bool has_function, uint64_t kinds, const char *words) {
  vlot_subscription_options options;
  vlot_subscription *subscription;
  vlot_subscription_options_init(&options);
  options.fd = fd;
  options.told = has_function ? told_event : NULL;
  options.kinds = kinds;
  cr_expect_eq(vlot_subscription_open_with(&subscription, cluster, &options), VLOT_INVALID);
  cr_expect_null(subscription);
  cr_expect(strstr(vlot_problem(VLOT_INVALID), words), "%s", vlot_problem(VLOT_INVALID));
}

Test(watch, what_cannot_be_told_is_refused, .init = begin_lockstep, .fini = end) {
  int ends[2], would_block[2];
  cr_assert_eq(pipe2(ends, O_NONBLOCK), 0);
  cr_assert_eq(pipe(would_block), 0);
  expect_refused(ends[1], true, 0, "one of the two is told");
  expect_refused(ends[0], false, 0, "it cannot be written to");
  expect_refused(would_block[1], false, 0, "it would block");
  expect_refused(9999, false, 0, "fd 9999: no open descriptor");
  expect_refused(-1, true, UINT64_C(1) << 63, "bits of vlot_event_kind");
  vlot_watch_options options;
  vlot_watch *opened;
  vlot_watch_options_init(&options, VLOT_WATCH_APPLIED);
  options.node = 9;
  cr_expect_eq(vlot_watch_open(&opened, cluster, &options), VLOT_NOT_FOUND);
  options.kind = 7;
  cr_expect_eq(vlot_watch_open(&opened, cluster, &options), VLOT_INVALID);
  for (int k = 0; k < 2; k++) close(ends[k]), close(would_block[k]);
}

Test(watch, behind_the_clusters_close_the_last_state_is_there, .init = begin_lockstep) {
  vlot_watched state;
  vlot_watch *applied = watch(VLOT_WATCH_APPLIED, 0, false, -1);
  lead();
  propose();
  cr_expect(vlot_watch_take(applied, &state));
  cr_expect_geq(state.applied, 2u);
  end();
  (void)vlot_watch_take(applied, &state);
  cr_expect_eq(state.applied, 0u);
  cr_expect(!vlot_watch_take(applied, &state));
  vlot_watch_close(applied);
}

/* --- without memory --- */

Test(watch, without_memory_nothing_is_left) {
  vlot_cluster_options options;
  vlot_fault_allocator *fault = vlot_fault_allocator_open();
  cr_assert(fault);
  vlot_cluster_options_init(&options);
  options.allocator = vlot_fault_allocator_get(fault);
  options.tick_ns = 1000000;
  cr_assert_eq(vlot_cluster_open(&cluster, &options, NULL), VLOT_OK);
  lead();
  vlot_watch_options own;
  vlot_watch *opened = NULL;
  vlot_watch_options_init(&own, VLOT_WATCH_LEADER);
  unsigned failures = 0;
  for (; !opened && failures < 100000; failures++) {
    vlot_fault_allocator_fail_at(fault, failures + 1, true);
    vlot_result result = vlot_watch_open(&opened, cluster, &own);
    vlot_fault_allocator_fail_at(fault, 0, false);
    cr_assert(result == VLOT_OK || result == VLOT_NOMEM);
  }
  cr_expect(opened);
  cr_assert_eq(vlot_cluster_close(cluster), VLOT_OK);
  vlot_watch_close(opened);
  cr_expect_eq(vlot_fault_allocator_live(fault), 0u);
  vlot_fault_allocator_close(fault);
}
