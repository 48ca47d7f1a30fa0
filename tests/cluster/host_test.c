/* Hosts and groups: many clusters that share a clock thread, or virtual time. */
#define _GNU_SOURCE /* RTLD_NEXT */
#include <criterion/criterion.h>
#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>

#include "cluster/clock.h"
#include "cluster/host.h"
#include "fleet.h"

enum { FEW = 5 };

static vlot_cluster_options options_on(vlot_host *host, vlot_driver driver, uint32_t nodes) {
  vlot_cluster_options options = fleet_options(driver, nodes);
  options.host = host;
  return options;
}

static vlot_host *open_host(void) {
  vlot_host_options options;
  vlot_host *host;
  vlot_host_options_init(&options);
  options.tick_ns = fleet_options(VLOT_DRIVER_THREADS, 1).tick_ns;
  cr_assert_eq(vlot_host_open(&host, &options, NULL), VLOT_OK);
  return host;
}

static vlot_cluster *open_on(vlot_host *host, vlot_driver driver, uint32_t nodes, uint64_t seed) {
  vlot_cluster_options options = options_on(host, driver, nodes);
  vlot_cluster *cluster = NULL;
  options.seed = seed;
  cr_assert_eq(vlot_cluster_open(&cluster, &options, NULL), VLOT_OK);
  return cluster;
}

static void close_all(vlot_cluster **clusters, uint32_t count) {
  for (uint32_t k = 0; k < count; k++) cr_assert_eq(vlot_cluster_close(clusters[k]), VLOT_OK);
}

/* --- opening and closing --- */

Test(host, options_are_judged_at_their_limits_and_named) {
  vlot_host_options options;
  vlot_host *host;
  const char *problem;
  const struct {
    uint64_t tick_ns;
    vlot_result result;
  } cases[] = {{99999, VLOT_INVALID},
               {100000, VLOT_OK},
               {10000000000, VLOT_OK},
               {10000000001, VLOT_INVALID}};
  for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
    vlot_host_options_init(&options);
    options.tick_ns = cases[k].tick_ns;
    cr_assert_eq(vlot_host_open(&host, &options, &problem), cases[k].result);
    cr_assert_eq(host != NULL, cases[k].result == VLOT_OK);
    if (!host) cr_assert_str_eq(problem, "tick_ns: 100 microseconds to 10 seconds");
    cr_assert_eq(vlot_host_close(host), VLOT_OK);
  }
  options.size = 1;
  cr_assert_eq(vlot_host_open(&host, &options, NULL), VLOT_INVALID);
}

Test(host, is_not_closed_while_groups_are_open) {
  vlot_host *host = open_host();
  cr_assert_eq(vlot_host_groups(host), 0);
  vlot_cluster *one = open_on(host, VLOT_DRIVER_LOCKSTEP, 1, 1),
               *other = open_on(host, VLOT_DRIVER_THREADS, 1, 1);
  cr_assert_eq(vlot_host_groups(host), 2);
  cr_assert_eq(vlot_host_close(host), VLOT_BUSY);
  cr_assert_eq(vlot_cluster_close(one), VLOT_OK);
  cr_assert_eq(vlot_host_close(host), VLOT_BUSY);
  cr_assert_eq(vlot_await_leader(other, 1000, NULL), VLOT_OK, "the refused close did nothing");
  cr_assert_eq(vlot_cluster_close(other), VLOT_OK);
  cr_assert_eq(vlot_host_close(host), VLOT_OK);
  cr_assert_eq(vlot_host_close(NULL), VLOT_OK);
}

static void expect_problem(const vlot_cluster_options *options, const char *wanted) {
  vlot_cluster *cluster;
  const char *problem = NULL;
  vlot_result result = vlot_cluster_open(&cluster, options, &problem);
  cr_assert_eq(result, wanted ? VLOT_INVALID : VLOT_OK);
  if (wanted)
    cr_assert_str_eq(problem, wanted);
  else
    cr_assert_eq(vlot_cluster_close(cluster), VLOT_OK);
}

Test(host, has_one_allocator_and_one_tick_for_all_groups) {
  vlot_fault_allocator *counting = vlot_fault_allocator_open();
  vlot_host_options own;
  vlot_host *host;
  vlot_host_options_init(&own);
  own.allocator = vlot_fault_allocator_get(counting);
  own.tick_ns = 1000000;
  cr_assert_eq(vlot_host_open(&host, &own, NULL), VLOT_OK);
  vlot_cluster_options options = options_on(host, VLOT_DRIVER_THREADS, 1);
  vlot_cluster_options defaults;
  vlot_cluster_options_init(&defaults);
  const uint64_t ticks[] = {defaults.tick_ns, 1000000, 2000000};
  for (size_t k = 0; k < 3; k++) {
    options.tick_ns = ticks[k];
    expect_problem(&options,
                   k == 2 ? "tick_ns: that of the host, or the default, which gives way to it"
                          : NULL);
  }
  options.tick_ns = own.tick_ns;
  vlot_fault_allocator *foreign = vlot_fault_allocator_open();
  const vlot_allocator *allocators[] = {NULL, own.allocator, vlot_fault_allocator_get(foreign)};
  for (size_t k = 0; k < 3; k++) {
    options.allocator = allocators[k];
    expect_problem(&options, k == 2 ? "allocator: that of the host, or NULL" : NULL);
  }
  cr_assert_eq(vlot_host_close(host), VLOT_OK);
  cr_assert_eq(vlot_fault_allocator_live(counting), 0);
  vlot_fault_allocator_close(foreign);
  vlot_fault_allocator_close(counting);
}

/* --- groups_open --- */

Test(groups, get_the_seeds_that_follow_each_other) {
  vlot_cluster *groups[FEW], *alone;
  vlot_cluster_options options = fleet_options(VLOT_DRIVER_LOCKSTEP, 3);
  options.seed = 40;
  cr_assert_eq(vlot_groups_open(groups, FEW, NULL, &options, NULL), VLOT_OK);
  for (uint32_t k = 0; k < FEW; k++) {
    options.seed = 40 + k;
    cr_assert_eq(vlot_cluster_open(&alone, &options, NULL), VLOT_OK);
    cr_assert_eq(vlot_await_leader(alone, 1000, NULL), VLOT_OK);
    cr_assert_eq(vlot_await_leader(groups[k], 1000, NULL), VLOT_OK);
    while (fleet_stats(alone).actions < fleet_stats(groups[k]).actions)
      cr_assert_eq(vlot_lockstep_step(alone, 1, NULL), VLOT_OK);
    cr_assert_eq(fleet_stats(alone).event_hash, fleet_stats(groups[k]).event_hash, "group %u", k);
    cr_assert_eq(vlot_cluster_close(alone), VLOT_OK);
  }
  close_all(groups, FEW);
}

Test(groups, are_all_open_or_none) {
  vlot_cluster *groups[FEW];
  vlot_host *host = open_host();
  vlot_cluster_options options = fleet_options(VLOT_DRIVER_LOCKSTEP, 1);
  const char *problem = NULL;
  options.nodes = 0;
  cr_assert_eq(vlot_groups_open(groups, FEW, host, &options, &problem), VLOT_INVALID);
  cr_assert_str_eq(problem, "nodes: 1 to 1024");
  for (uint32_t k = 0; k < FEW; k++) cr_assert_null(groups[k]);
  options.nodes = 1;
  cr_assert_eq(vlot_groups_open(groups, 0, NULL, &options, NULL), VLOT_OK);
  cr_assert_eq(vlot_groups_open(groups, FEW, host, &options, NULL), VLOT_OK);
  cr_assert_eq(vlot_host_groups(host), FEW);
  close_all(groups, FEW);
  cr_assert_eq(vlot_host_close(host), VLOT_OK);
}

static vlot_result refuse_storage(void *context, uint32_t id, vlot_storage *storage) {
  (void)context, (void)id, (void)storage;
  return VLOT_FAILED;
}

Test(groups, do_not_share_what_is_one_cluster_s) {
  vlot_cluster *groups[2];
  vlot_host *host = open_host(), *other = open_host();
  vlot_cluster_options options = options_on(other, VLOT_DRIVER_THREADS, 1);
  const char *problem = NULL;
  cr_assert_eq(vlot_groups_open(groups, 2, host, &options, &problem), VLOT_INVALID);
  cr_assert_str_eq(problem, "host: options.host is another one; leave it NULL");
  options.host = host;
  options.open_storage = refuse_storage;
  cr_assert_eq(vlot_groups_open(groups, 2, host, &options, &problem), VLOT_INVALID);
  cr_assert_eq(vlot_groups_open(groups, 1, host, &options, &problem), VLOT_FAILED, "it is asked");
  cr_assert_eq(vlot_host_groups(host), 0);
  cr_assert_eq(vlot_host_close(host), VLOT_OK);
  cr_assert_eq(vlot_host_close(other), VLOT_OK);
}

/* --- without memory --- */

static uint64_t open_without_memory(vlot_driver driver, uint64_t fail_at, bool is_sticky) {
  vlot_fault_allocator *faults = vlot_fault_allocator_open();
  vlot_cluster_options options = fleet_options(driver, 1);
  vlot_cluster *groups[2] = {NULL};
  vlot_machine machine = *vlot_kv_machine();
  options.allocator = vlot_fault_allocator_get(faults);
  machine.context = (void *)(uintptr_t)options.allocator;
  options.machine = &machine;
  vlot_fault_allocator_fail_at(faults, fail_at, is_sticky);
  vlot_result result = vlot_groups_open(groups, 2, NULL, &options, NULL);
  cr_assert(result == VLOT_OK || result == VLOT_NOMEM || result == VLOT_FAILED, "%llu: %s",
            (unsigned long long)fail_at, vlot_result_name(result));
  cr_assert_eq(groups[0] != NULL, result == VLOT_OK);
  cr_assert_eq(groups[1] != NULL, result == VLOT_OK);
  uint64_t made = vlot_fault_allocator_made(faults);
  vlot_fault_allocator_fail_at(faults, 0, false);
  if (result == VLOT_OK) {
    for (int k = 0; k < 2; k++) cr_assert_eq(vlot_await_leader(groups[k], 1000, NULL), VLOT_OK);
    close_all(groups, 2);
  }
  cr_assert_eq(vlot_fault_allocator_live(faults), 0, "allocation %llu: memory is lost",
               (unsigned long long)fail_at);
  vlot_fault_allocator_close(faults);
  return made;
}

Test(memory, any_allocation_of_groups_that_open_may_fail) {
  for (int driver = VLOT_DRIVER_THREADS; driver <= VLOT_DRIVER_LOCKSTEP; driver++) {
    uint64_t count = open_without_memory((vlot_driver)driver, 0, false);
    cr_assert_gt(count, 30);
    for (uint64_t k = 1; k <= count; k++) {
      (void)open_without_memory((vlot_driver)driver, k, false);
      (void)open_without_memory((vlot_driver)driver, k, true);
    }
  }
}

/* --- the limit of threads --- */

/* The library's calls come here first: so many threads can still be made, then none. */
static _Atomic int threads_left = INT_MAX;

int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *),
                   void *argument) {
  int (*create)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
  *(void **)&create = dlsym(RTLD_NEXT, "pthread_create");
  if (atomic_fetch_sub(&threads_left, 1) <= 0) return EAGAIN;
  return create(thread, attributes, run, argument);
}

static void keep_line(void *context, const char *line) {
  if (strncmp(line, "no more threads", 15) == 0) snprintf(context, 256, "%s", line);
}

/* Three nodes each, and one thread for the clock of both. */
Test(host, names_the_limit_of_threads_and_leaves_nothing_behind) {
  enum { NEEDED = 7 };
  vlot_host *host = open_host();
  vlot_cluster_options options = fleet_options(VLOT_DRIVER_THREADS, 3);
  vlot_cluster *groups[2];
  char line[256], wanted[64];
  options.log = keep_line;
  options.log_context = line;
  for (int limit = 0; limit <= NEEDED; limit++) {
    const char *problem = NULL;
    line[0] = 0;
    atomic_store(&threads_left, limit);
    vlot_result result = vlot_groups_open(groups, 2, host, &options, &problem);
    atomic_store(&threads_left, INT_MAX);
    cr_assert_eq(result, limit < NEEDED ? VLOT_BUSY : VLOT_OK, "%d: %s", limit,
                 vlot_result_name(result));
    if (limit == NEEDED) break;
    cr_assert_not_null(problem, "%d", limit);
    cr_assert_eq(strncmp(problem, "threads: the process or the machine allows no more", 50), 0);
    snprintf(wanted, sizeof wanted, "this host runs %d for nodes, in %s, ",
             limit > 0 ? limit - 1 : 0, limit < 4 ? "1 group" : "2 groups");
    cr_assert_not_null(strstr(line, wanted), "%d: %s", limit, line);
    cr_assert_eq(vlot_host_groups(host), 0);
  }
  for (int k = 0; k < 2; k++) cr_assert_eq(vlot_await_leader(groups[k], 5000, NULL), VLOT_OK);
  close_all(groups, 2);
  cr_assert_eq(vlot_host_close(host), VLOT_OK);
}

/* --- lockstep --- */

/* What a group does alone: its hash after so many actions. */
static uint64_t hash_alone(uint64_t seed, uint64_t actions) {
  vlot_cluster *alone = open_on(NULL, VLOT_DRIVER_LOCKSTEP, 3, seed);
  cr_assert_eq(vlot_lockstep_step(alone, actions - fleet_stats(alone).actions, NULL), VLOT_OK);
  vlot_cluster_stats stats = fleet_stats(alone);
  cr_assert_eq(stats.actions, actions);
  cr_assert_eq(vlot_cluster_close(alone), VLOT_OK);
  return stats.event_hash;
}

static vlot_cluster *open_single(vlot_host *host, uint64_t seed, bool is_inline) {
  vlot_cluster_options options = options_on(host, VLOT_DRIVER_LOCKSTEP, 3);
  vlot_cluster *cluster = NULL;
  options.seed = seed;
  options.turn_max = 1; /* a turn is an action: runs can be compared at each of them */
  options.is_inline = is_inline;
  cr_assert_eq(vlot_cluster_open(&cluster, &options, NULL), VLOT_OK);
  return cluster;
}

/* Until it has carried out so many more of its own. */
static void run_own(vlot_cluster *cluster, uint64_t actions) {
  uint64_t target = fleet_stats(cluster).actions + actions;
  while (fleet_stats(cluster).actions < target)
    cr_assert_eq(vlot_lockstep_step(cluster, 1, NULL), VLOT_OK);
}

/* One round of faults and commands, a function of the seed and of how often it was called. */
static void play_round(vlot_cluster *cluster, vlot_client *client, uint32_t round, uint64_t seed) {
  static const vlot_link slow = {.delay_ticks_max = 4, .loss = 50000, .duplicate = 50000};
  uint32_t node = 1 + (uint32_t)((seed + round) % 3);
  vlot_answer answers[8];
  (void)fleet_submit(client, "n", 1 + round % 3, NULL);
  run_own(cluster, 20 + (seed * 7 + round * 13) % 50);
  switch (round % 6) {
  case 0: cr_assert_eq(vlot_cluster_kill(cluster, node, true), VLOT_OK); break;
  case 1: cr_assert_eq(vlot_cluster_set_link(cluster, 0, node, &slow), VLOT_OK); break;
  case 2: cr_assert_eq(vlot_cluster_partition(cluster, &node, 1), VLOT_OK); break;
  case 3: (void)vlot_lockstep_fire(cluster, VLOT_PENDING_TIMER_ID(node)); break;
  case 4: (void)vlot_cluster_suspend(cluster, node); break;
  case 5:
    cr_assert_eq(vlot_cluster_heal(cluster), VLOT_OK);
    for (uint32_t id = 1; id <= 3; id++) {
      (void)vlot_cluster_spawn(cluster, id);
      (void)vlot_cluster_resume(cluster, id);
    }
  }
  (void)vlot_client_poll(client, answers, 8);
}

/* What is said to a group, and when by its own count, is all that its run depends on: not on the
 * groups beside it, nor on who steps the host. */
Test(line, a_group_runs_as_if_it_were_alone) {
  enum { ROUNDS = 60 };
  vlot_host *host = open_host();
  vlot_cluster *groups[FEW];
  vlot_client *clients[FEW];
  for (uint32_t k = 0; k < FEW; k++) {
    groups[k] = open_on(host, VLOT_DRIVER_LOCKSTEP, 3, 7 + k);
    clients[k] = fleet_client(groups[k], 0, 100);
  }
  uint64_t seen[FEW][ROUNDS], actions[FEW][ROUNDS];
  for (uint32_t round = 0; round < ROUNDS; round++)
    for (uint32_t k = 0; k < FEW; k++) {
      actions[k][round] = fleet_stats(groups[k]).actions; /* others have run it meanwhile */
      play_round(groups[k], clients[k], round, 7 + k);
      seen[k][round] = fleet_stats(groups[k]).event_hash;
    }
  for (uint32_t k = 0; k < FEW; k++) {
    vlot_cluster *alone = open_on(NULL, VLOT_DRIVER_LOCKSTEP, 3, 7 + k);
    vlot_client *client = fleet_client(alone, 0, 100);
    for (uint32_t round = 0; round < ROUNDS; round++) {
      run_own(alone, actions[k][round] - fleet_stats(alone).actions);
      play_round(alone, client, round, 7 + k);
      cr_assert_eq(fleet_stats(alone).event_hash, seen[k][round], "group %u, round %u", k, round);
    }
    vlot_client_close(client);
    vlot_client_close(clients[k]);
    cr_assert_eq(vlot_cluster_close(alone), VLOT_OK);
  }
  close_all(groups, FEW);
  cr_assert_eq(vlot_host_close(host), VLOT_OK);
}

Test(line, stepping_one_group_steps_all_in_the_order_of_ticks) {
  vlot_host *host = open_host();
  vlot_cluster *groups[FEW];
  for (uint32_t k = 0; k < FEW; k++) groups[k] = open_single(host, 1 + k, k % 2 == 0);
  uint64_t done, before[FEW], total = 0;
  for (int round = 0; round < 3000; round++) {
    uint32_t acted = FEW;
    for (uint32_t k = 0; k < FEW; k++) before[k] = fleet_stats(groups[k]).actions;
    cr_assert_eq(vlot_lockstep_step(groups[round % FEW], 1, &done), VLOT_OK);
    cr_assert_eq(done, 1);
    for (uint32_t k = 0; k < FEW; k++)
      if (fleet_stats(groups[k]).actions != before[k]) {
        cr_assert_eq(acted, FEW, "one action is one group's");
        acted = k;
      }
    /* nobody else has anything earlier */
    for (uint32_t k = 0; k < FEW; k++) {
      vlot_pending first;
      cr_assert_gt(vlot_lockstep_pending(groups[k], &first, 1), 0);
      uint64_t now = vlot_cluster_now(groups[acted]);
      cr_assert(k <= acted || first.due >= now, "group %u acts before %u, which is earlier", acted,
                k);
      cr_assert(k >= acted || first.due > now, "group %u acts before %u, its elder", acted, k);
    }
  }
  for (uint32_t k = 0; k < FEW; k++) total += fleet_stats(groups[k]).actions;
  cr_assert_geq(total, 3000);
  close_all(groups, FEW);
  cr_assert_eq(vlot_host_close(host), VLOT_OK);
}

Test(line, a_group_that_comes_later_begins_at_its_own_tick_0) {
  vlot_host *host = open_host();
  vlot_cluster *elder = open_on(host, VLOT_DRIVER_LOCKSTEP, 3, 1);
  fleet_pass(elder, 500);
  cr_assert_eq(vlot_cluster_now(elder), 500);
  vlot_cluster *younger = open_on(host, VLOT_DRIVER_LOCKSTEP, 3, 2);
  cr_assert_eq(vlot_cluster_now(younger), 0);
  fleet_pass(elder, 100);
  uint64_t now = vlot_cluster_now(younger), actions = fleet_stats(younger).actions;
  cr_assert(now > 50 && now <= 100, "tick %llu", (unsigned long long)now);
  cr_assert_eq(fleet_stats(younger).event_hash, hash_alone(2, actions));
  cr_assert_eq(vlot_cluster_close(elder), VLOT_OK);
  cr_assert_eq(vlot_await_leader(younger, 1000, NULL), VLOT_OK);
  cr_assert_eq(vlot_cluster_close(younger), VLOT_OK);
  cr_assert_eq(vlot_host_close(host), VLOT_OK);
}

/* While all its nodes are down a group's time stands still; then it goes on from there, and the
 * others do not wait until it has caught up. */
Test(line, an_idle_group_holds_nobody_up_when_it_goes_on) {
  vlot_host *host = open_host();
  vlot_cluster *idle = open_on(host, VLOT_DRIVER_LOCKSTEP, 1, 1),
               *busy = open_on(host, VLOT_DRIVER_LOCKSTEP, 3, 2);
  cr_assert_eq(vlot_cluster_kill(idle, 1, false), VLOT_OK);
  fleet_pass(busy, 10000);
  uint64_t before = vlot_cluster_now(idle);
  cr_assert_lt(before, 100);
  cr_assert_eq(vlot_cluster_spawn(idle, 1), VLOT_OK);
  fleet_pass(busy, 100);
  uint64_t passed = vlot_cluster_now(idle) - before;
  cr_assert(passed > 0 && passed <= 101, "%llu ticks", (unsigned long long)passed);
  fleet_pass(idle, 50); /* its deadline too is one of its own ticks */
  cr_assert_eq(vlot_cluster_now(idle), before + passed + 50);
  cr_assert_eq(vlot_cluster_close(idle), VLOT_OK);
  cr_assert_eq(vlot_cluster_close(busy), VLOT_OK);
  cr_assert_eq(vlot_host_close(host), VLOT_OK);
}

Test(line, verbs_act_on_their_own_group_only) {
  vlot_host *host = open_host();
  vlot_cluster *one = open_on(host, VLOT_DRIVER_LOCKSTEP, 3, 1),
               *other = open_on(host, VLOT_DRIVER_LOCKSTEP, 3, 2);
  uint64_t before = fleet_stats(other).actions;
  cr_assert_eq(vlot_lockstep_fire(one, VLOT_PENDING_TIMER_ID(2)), VLOT_OK);
  cr_assert_eq(vlot_cluster_set_clock_rate(one, 1, 2000), VLOT_OK);
  cr_assert_eq(vlot_cluster_now(one), 0);
  cr_assert_eq(fleet_stats(other).actions, before);
  /* what it has fired is earlier than all that the others have */
  before = fleet_stats(one).actions;
  cr_assert_eq(vlot_lockstep_step(other, 1, NULL), VLOT_OK);
  cr_assert_gt(fleet_stats(one).actions, before);
  cr_assert_eq(vlot_cluster_close(one), VLOT_OK);
  cr_assert_eq(vlot_cluster_close(other), VLOT_OK);
  cr_assert_eq(vlot_host_close(host), VLOT_OK);
}

/* A machine that asks another group of its host in the middle of its turn. */
static vlot_cluster *asked;
static vlot_result said = VLOT_PENDING;

static void *make_state(void *context, uint32_t node, bool is_replaying) {
  static int state;
  (void)context, (void)node, (void)is_replaying;
  return &state;
}
static vlot_result ask_in_turn(void *state, const vlot_entry *commands, uint32_t count,
                               uint64_t first, vlot_replies *replies) {
  (void)state, (void)commands, (void)count, (void)first, (void)replies;
  said = vlot_lockstep_step(asked, 1, NULL);
  return VLOT_OK;
}
static void drop_state(void *state) { (void)state; }

static void ask_from(vlot_host *host, vlot_cluster *other, bool is_inline) {
  vlot_machine machine = {.size = sizeof machine,
                          .name = "asks",
                          .create = make_state,
                          .apply = ask_in_turn,
                          .destroy = drop_state};
  vlot_cluster_options options = options_on(host, VLOT_DRIVER_LOCKSTEP, 1);
  vlot_cluster *cluster = NULL;
  options.machine = &machine;
  options.is_inline = is_inline;
  cr_assert_eq(vlot_cluster_open(&cluster, &options, NULL), VLOT_OK);
  cr_assert_eq(vlot_await_leader(cluster, 1000, NULL), VLOT_OK);
  asked = other;
  said = VLOT_PENDING;
  vlot_client *client = fleet_client(cluster, 0, 1000);
  cr_assert_eq(fleet_set(client, "a", "b"), VLOT_OK);
  vlot_client_close(client);
  cr_assert_eq(vlot_cluster_close(cluster), VLOT_OK);
}

Test(line, inside_a_turn_no_group_of_the_host_is_stepped) {
  vlot_host *host = open_host();
  vlot_cluster *near = open_on(host, VLOT_DRIVER_LOCKSTEP, 1, 1),
               *far = open_on(NULL, VLOT_DRIVER_LOCKSTEP, 1, 1);
  for (int is_inline = 0; is_inline < 2; is_inline++) {
    ask_from(host, near, is_inline);
    cr_assert_eq(said, VLOT_DEADLOCK);
    ask_from(host, far, is_inline);
    cr_assert_eq(said, VLOT_OK, "another host is nothing to it");
  }
  cr_assert_eq(vlot_cluster_close(near), VLOT_OK);
  cr_assert_eq(vlot_cluster_close(far), VLOT_OK);
  cr_assert_eq(vlot_host_close(host), VLOT_OK);
}

/* --- threads --- */

Test(timekeeper, a_pause_holds_its_own_group_only) {
  vlot_host *host = open_host();
  vlot_cluster *paused = open_on(host, VLOT_DRIVER_THREADS, 3, 1),
               *free = open_on(host, VLOT_DRIVER_THREADS, 3, 2),
               *stepped = open_on(host, VLOT_DRIVER_LOCKSTEP, 3, 3);
  cr_assert_eq(vlot_await_leader(paused, 5000, NULL), VLOT_OK);
  cr_assert_eq(vlot_cluster_pause(paused), VLOT_OK);
  uint64_t now = vlot_cluster_now(paused);
  fleet_pass(free, 50);
  cr_assert_eq(vlot_cluster_now(paused), now);
  /* stepping it steps no other group */
  cr_assert_eq(vlot_lockstep_step(paused, 20, NULL), VLOT_OK);
  cr_assert_eq(vlot_cluster_now(stepped), 0);
  cr_assert_eq(vlot_cluster_unpause(paused), VLOT_OK);
  fleet_pass(paused, 10);
  cr_assert_eq(vlot_cluster_pause(paused), VLOT_OK);
  cr_assert_eq(vlot_cluster_close(paused), VLOT_OK, "paused as it is");
  fleet_pass(free, 10);
  cr_assert_eq(vlot_cluster_close(free), VLOT_OK);
  cr_assert_eq(vlot_cluster_close(stepped), VLOT_OK);
  cr_assert_eq(vlot_host_close(host), VLOT_OK);
}

/* A machine that sits in its turn until it is let go. */
typedef struct gate {
  pthread_mutex_t lock;
  pthread_cond_t changed;
  bool is_closed;
} gate;

static void *make_gate(void *context, uint32_t node, bool is_replaying) {
  (void)node, (void)is_replaying;
  return context;
}
static vlot_result wait_at_gate(void *state, const vlot_entry *commands, uint32_t count,
                                uint64_t first, vlot_replies *replies) {
  gate *self = state;
  (void)commands, (void)count, (void)first, (void)replies;
  pthread_mutex_lock(&self->lock);
  while (self->is_closed) pthread_cond_wait(&self->changed, &self->lock);
  pthread_mutex_unlock(&self->lock);
  return VLOT_OK;
}

Test(timekeeper, a_straggler_holds_the_clock_of_its_own_group_only) {
  gate self = {
      .lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER, .is_closed = true};
  vlot_machine machine = {.size = sizeof machine,
                          .name = "gate",
                          .context = &self,
                          .create = make_gate,
                          .apply = wait_at_gate,
                          .destroy = drop_state};
  vlot_host *host = open_host();
  vlot_cluster_options options = options_on(host, VLOT_DRIVER_THREADS, 3);
  options.machine = &machine;
  options.clock_waits = VLOT_CLOCK_WAITS_ALWAYS;
  vlot_cluster *stuck = NULL, *free = open_on(host, VLOT_DRIVER_THREADS, 3, 2);
  cr_assert_eq(vlot_cluster_open(&stuck, &options, NULL), VLOT_OK);
  cr_assert_eq(vlot_await_leader(stuck, 5000, NULL), VLOT_OK);
  vlot_client *client = fleet_client(stuck, 0, 100000);
  cr_assert_eq(fleet_submit(client, "n", 1, NULL), VLOT_OK);
  while (fleet_stats(stuck).clock_waits == 0) fleet_pass(free, 1);
  uint64_t now = vlot_cluster_now(stuck);
  fleet_pass(free, 100);
  cr_assert_eq(vlot_cluster_now(stuck), now, "it waits");
  pthread_mutex_lock(&self.lock);
  self.is_closed = false;
  pthread_cond_broadcast(&self.changed);
  pthread_mutex_unlock(&self.lock);
  cr_assert_eq(fleet_wait(client).result, VLOT_OK);
  fleet_pass(stuck, 10);
  vlot_client_close(client);
  cr_assert_eq(vlot_cluster_close(stuck), VLOT_OK);
  cr_assert_eq(vlot_cluster_close(free), VLOT_OK);
  cr_assert_eq(vlot_host_close(host), VLOT_OK);
}

/* What a callback on the clock's thread may not do. */
typedef struct caller {
  vlot__kept kept;
  vlot_cluster *cluster;
  _Atomic int closed, paused;
} caller;

static uint64_t close_and_pause(void *context) {
  caller *self = context;
  atomic_store(&self->paused, (int)vlot_cluster_pause(self->cluster));
  atomic_store(&self->closed, (int)vlot_cluster_close(self->cluster));
  return VLOT_NEVER - 1;
}

Test(timekeeper, whoever_is_on_its_thread_does_not_wait_for_it) {
  vlot_host *host = open_host();
  caller self = {.kept = {.look = close_and_pause, .context = &self},
                 .cluster = open_on(host, VLOT_DRIVER_THREADS, 1, 1),
                 .closed = -1};
  cr_assert_eq(vlot__timekeeper_add(&host->timekeeper, &self.kept), VLOT_OK);
  while (atomic_load(&self.closed) < 0) sched_yield();
  cr_assert_eq(atomic_load(&self.closed), (int)VLOT_DEADLOCK);
  cr_assert_eq(atomic_load(&self.paused), (int)VLOT_DEADLOCK);
  vlot__timekeeper_remove(&host->timekeeper, &self.kept);
  cr_assert_eq(vlot_cluster_close(self.cluster), VLOT_OK);
  cr_assert_eq(vlot_host_close(host), VLOT_OK);
}

/* --- the timekeeper by itself --- */

typedef struct watch {
  vlot__kept kept;
  uint64_t every_ns;
  _Atomic uint64_t looks;
  _Atomic uint64_t last_ns;
} watch;

static uint64_t look_at_watch(void *context) {
  watch *self = context;
  uint64_t now = vlot_clock_ns();
  atomic_store(&self->last_ns, now);
  atomic_fetch_add(&self->looks, 1);
  return now + self->every_ns;
}

static void await_looks(const watch *self, uint64_t looks) {
  while (atomic_load(&self->looks) < looks) sched_yield();
}

Test(timekeeper, serves_clocks_in_the_order_in_which_they_are_due) {
  enum { SECOND = 1000000000, COUNT = 9 };
  vlot__timekeeper keeper;
  watch watches[COUNT] = {0};
  vlot__timekeeper_init(&keeper, vlot__alloc_or_default(NULL), "vlot-clock");
  for (int k = 0; k < COUNT; k++) {
    watches[k].kept = (vlot__kept){.look = look_at_watch, .context = &watches[k]};
    watches[k].every_ns = k == 4 ? 1000000 : (uint64_t)SECOND * 3600;
    cr_assert_eq(vlot__timekeeper_add(&keeper, &watches[k].kept), VLOT_OK);
  }
  for (int k = 0; k < COUNT; k++) await_looks(&watches[k], 1);
  await_looks(&watches[4], 5);
  for (int k = 0; k < COUNT; k++)
    if (k != 4) cr_assert_eq(atomic_load(&watches[k].looks), 1, "watch %d is not due", k);
  vlot__timekeeper_poke(&keeper, &watches[7].kept);
  await_looks(&watches[7], 2);
  vlot__timekeeper_stand(&keeper, &watches[4].kept);
  uint64_t looks = atomic_load(&watches[4].looks);
  vlot__timekeeper_poke(&keeper, &watches[4].kept);
  vlot__timekeeper_poke(&keeper, &watches[8].kept);
  await_looks(&watches[8], 2);
  cr_assert_eq(atomic_load(&watches[4].looks), looks, "it stands still");
  vlot__timekeeper_go_on(&keeper, &watches[4].kept);
  await_looks(&watches[4], looks + 3);
  for (int k = 0; k < COUNT; k++) vlot__timekeeper_remove(&keeper, &watches[k].kept);
  cr_assert_eq(keeper.state, VLOT__TIMEKEEPER_NONE, "the last one ends the thread");
  cr_assert_eq(vlot__timekeeper_add(&keeper, &watches[0].kept), VLOT_OK,
               "and the next one starts it");
  vlot__timekeeper_remove(&keeper, &watches[0].kept);
  vlot__timekeeper_deinit(&keeper);
}
