/* A broken safety property is an event, once, behind the event that broke it: whoever subscribes
 * sees it. The broken thing here is mostly a machine whose hash is another each time.
 */
#include <criterion/criterion.h>
#include <stdatomic.h>

#include "cluster/node_inside.h"
#include "cluster/seats.h"
#include "fleet.h"
#include "taped.h"

enum { LONG = 5000 };

static _Atomic uint64_t drift;

static uint64_t drifting_hash(void *state) {
  (void)state;
  return 1 + atomic_fetch_add(&drift, 1);
}

static vlot_machine machine;

static vlot_cluster_options broken_options(vlot_driver driver) {
  vlot_cluster_options options = fleet_options(driver, 3);
  machine = *vlot_kv_machine();
  machine.hash = drifting_hash;
  options.machine = &machine;
  options.keeps_events = 1;
  return options;
}

typedef struct found {
  uint32_t count;
  vlot_event event;
  vlot_event before;
} found;

static void look(vlot_subscription *events, found *all) {
  vlot_event event;
  while (vlot_subscription_next(events, &event)) {
    if (event.kind == VLOT_EVENT_VIOLATION) {
      all->count++;
      all->event = event;
    } else if (all->count == 0) {
      all->before = event;
    }
  }
}

static void expect_one(const found *all) {
  cr_assert_eq(all->count, 1);
  cr_expect_eq(all->event.node, 0);
  cr_expect_eq(all->event.as.change.from, VLOT_REPLICA_HASH);
  cr_expect_geq(all->event.peer, 1);
  cr_expect_leq(all->event.peer, 3);
  cr_expect_eq(all->event.cause >> 48, all->event.peer, "an event of the node concerned");
}

static void check_lockstep(uint32_t is_inline) {
  vlot_cluster_options options = broken_options(VLOT_DRIVER_LOCKSTEP);
  options.is_inline = is_inline;
  vlot_cluster *cluster = fleet_open(&options);
  vlot_subscription *events;
  found all = {0};
  cr_assert_eq(vlot_subscription_open(&events, cluster, 0), VLOT_OK);
  cr_assert_eq(vlot_lockstep_step(cluster, 100000, NULL), VLOT_VIOLATED);
  look(events, &all);
  expect_one(&all);
  cr_expect_eq(all.before.kind, VLOT_EVENT_APPLY);
  cr_expect_eq(all.before.node, all.event.peer);
  cr_expect_eq(vlot_event_id(all.before.node, all.before.sequence), all.event.cause);
  vlot_client *client = fleet_client(cluster, 0, LONG);
  for (int k = 0; k < 5; k++) cr_assert_eq(fleet_set(client, "key", "value"), VLOT_OK);
  cr_assert_eq(vlot_await_quiet(cluster, LONG), VLOT_OK);
  look(events, &all);
  expect_one(&all); /* it is broken ever again, and told once */
  vlot_client_close(client);
  vlot_subscription_close(events);
  cr_assert_eq(vlot_cluster_close(cluster), VLOT_VIOLATED);
}

Test(violation, is_an_event_behind_the_one_that_broke_it_and_only_once) {
  check_lockstep(1);
  check_lockstep(0);
}

/* I-19. What the checker remembers of a core is bent, not the core: builds for debugging look at
 * that themselves, and abort. */
Test(violation, is_also_a_core_that_does_not_keep_its_own_laws) {
  vlot_cluster_options options = fleet_options(VLOT_DRIVER_LOCKSTEP, 3);
  options.is_inline = 1;
  vlot_cluster *cluster = fleet_open(&options);
  vlot_subscription *events;
  found all = {0};
  char text[256];
  cr_assert_eq(vlot_subscription_open(&events, cluster, 0), VLOT_OK);
  cr_assert_eq(vlot_await_leader(cluster, LONG, NULL), VLOT_OK);
  cr_assert_not(vlot_cluster_violation(cluster, text, sizeof text));
  vlot__seat_of(cluster, 2)->node->seen.commit_index = 1000;
  cr_assert_eq(vlot_lockstep_step(cluster, 100000, NULL), VLOT_VIOLATED);
  look(events, &all);
  cr_assert_eq(all.count, 1);
  cr_expect_eq(all.event.as.change.from, 19);
  cr_expect_eq(all.event.peer, 2);
  cr_expect_eq(all.before.kind, VLOT_EVENT_STEP);
  cr_expect_eq(vlot_event_id(all.before.node, all.before.sequence), all.event.cause);
  cr_assert(vlot_cluster_violation(cluster, text, sizeof text));
  cr_expect_eq(strstr(text, "I-19: n2, "), text, "%s", text);
  cr_expect_not_null(strstr(text, ": the commit index went back (applied "), "%s", text);
  vlot_subscription_close(events);
  cr_assert_eq(vlot_cluster_close(cluster), VLOT_VIOLATED);
}

Test(violation, is_told_with_threads_by_the_clock) {
  vlot_cluster_options options = broken_options(VLOT_DRIVER_THREADS);
  vlot_cluster *cluster = fleet_open(&options);
  vlot_subscription *events;
  found all = {0};
  cr_assert_eq(vlot_subscription_open(&events, cluster, 0), VLOT_OK);
  for (int k = 0; k < LONG && all.count == 0; k++) {
    fleet_pass(cluster, 1);
    look(events, &all);
  }
  expect_one(&all);
  vlot_client *client = fleet_client(cluster, 0, LONG);
  for (int k = 0; k < 20; k++) cr_assert_eq(fleet_set(client, "key", "value"), VLOT_OK);
  cr_assert_eq(vlot_await_quiet(cluster, LONG), VLOT_OK);
  look(events, &all);
  expect_one(&all);
  vlot_client_close(client);
  vlot_subscription_close(events);
  cr_assert_eq(vlot_cluster_close(cluster), VLOT_VIOLATED);
}

Test(violation, is_told_by_whoever_had_control_when_it_came) {
  vlot_cluster_options options = broken_options(VLOT_DRIVER_THREADS);
  vlot_cluster *cluster = fleet_open(&options);
  vlot_event told[64];
  uint32_t count = 0;
  char text[256];
  while (!vlot_cluster_violation(cluster, text, sizeof text)) fleet_pass(cluster, 1);
  (void)vlot_cluster_heal(cluster);
  size_t events = vlot_cluster_events(cluster, 0, told, 64);
  for (size_t k = 0; k < events; k++) count += told[k].kind == VLOT_EVENT_VIOLATION;
  cr_assert_eq(count, 1);
  cr_assert_eq(vlot_cluster_close(cluster), VLOT_VIOLATED);
}

Test(violation, is_told_while_threads_are_paused) {
  vlot_cluster_options options = broken_options(VLOT_DRIVER_THREADS);
  vlot_cluster *cluster = fleet_open(&options);
  vlot_subscription *events;
  found all = {0};
  cr_assert_eq(vlot_subscription_open(&events, cluster, 0), VLOT_OK);
  cr_assert_eq(vlot_cluster_pause(cluster), VLOT_OK);
  cr_assert_eq(vlot_lockstep_step(cluster, 100000, NULL), VLOT_VIOLATED);
  look(events, &all);
  expect_one(&all);
  cr_assert_eq(vlot_cluster_unpause(cluster), VLOT_OK);
  cr_assert_eq(vlot_await_quiet(cluster, LONG), VLOT_OK);
  look(events, &all);
  expect_one(&all);
  vlot_subscription_close(events);
  cr_assert_eq(vlot_cluster_close(cluster), VLOT_VIOLATED);
}

/* By its own checker, or from the journal where it has none. */
static void check_replay(const taped *tape, uint32_t has_checker) {
  vlot_cluster_options options = broken_options(VLOT_DRIVER_THREADS);
  vlot_cluster *cluster;
  vlot_subscription *events;
  char text[320];
  found all = {0};
  options.has_checker = has_checker;
  (void)taped_replay(tape, &options, &cluster, text);
  cr_assert_not_null(cluster, "%s", text);
  cr_assert_eq(vlot_subscription_open(&events, cluster, 0), VLOT_OK);
  look(events, &all);
  cr_expect_eq(all.count, 1, "has_checker %u", has_checker);
  fleet_pass(cluster, 1000); /* behind the violation */
  look(events, &all);
  cr_expect_eq(all.count, 1, "has_checker %u", has_checker);
  cr_expect_eq(all.event.as.change.from, VLOT_REPLICA_HASH);
  vlot_subscription_close(events);
  cr_assert_eq(vlot_cluster_close(cluster), has_checker ? VLOT_VIOLATED : VLOT_OK);
}

Test(violation, is_told_once_in_a_replay) {
  taped tape = {0};
  vlot_writer sink = taped_sink(&tape);
  vlot_cluster_options options = broken_options(VLOT_DRIVER_THREADS);
  options.journal = &sink;
  vlot_cluster *cluster = fleet_open(&options);
  char text[256];
  while (!vlot_cluster_violation(cluster, text, sizeof text)) fleet_pass(cluster, 1);
  cr_assert_eq(vlot_await_quiet(cluster, LONG), VLOT_OK);
  cr_assert_eq(vlot_cluster_heal(cluster), VLOT_OK); /* control: it is told by now */
  cr_assert_eq(vlot_cluster_close(cluster), VLOT_VIOLATED);
  check_replay(&tape, 1);
  check_replay(&tape, 0);
  taped_free(&tape);
}
