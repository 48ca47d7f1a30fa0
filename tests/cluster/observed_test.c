/* What observes a cluster is bounded, and sees the same whatever it may remember: event hashes do
 * not depend on it, a member that is down holds nothing back, and what is broken is found.
 */
#include <criterion/criterion.h>

#include "cluster/checker_inside.h"
#include "cluster/seats.h"
#include "fleet.h"

enum { LONG = 5000, ENTRIES = 4000, BATCH = 50, WINDOW = 20 };

static void submit(vlot_cluster *cluster, vlot_client *client, uint32_t entries) {
  vlot_answer answers[BATCH];
  for (uint32_t done = 0; done < entries; done += BATCH) {
    cr_assert_eq(fleet_submit(client, "n", BATCH, NULL), VLOT_OK);
    while (vlot_client_wait(client, answers, BATCH) > 0) continue;
  }
  cr_assert_eq(vlot_await_quiet(cluster, LONG), VLOT_OK);
}

static uint64_t kept_of(vlot_cluster *cluster, uint32_t id) {
  const vlot__span *span = &vlot__seat_of(cluster, id)->model.span;
  return span->last_index - span->base_index;
}

/* One is down for half of the time, and has to be brought up to date from far behind. */
static uint64_t live(uint32_t observed_entries, bool is_bounded) {
  vlot_cluster_options options = fleet_options(VLOT_DRIVER_LOCKSTEP, 3);
  uint32_t leader;
  options.observed_entries = observed_entries;
  vlot_cluster *cluster = fleet_open(&options);
  vlot_client *client = fleet_client(cluster, 0, LONG);
  cr_assert_eq(vlot_await_leader(cluster, LONG, &leader), VLOT_OK);
  submit(cluster, client, ENTRIES);
  uint32_t other = leader % 3 + 1;
  cr_assert_eq(vlot_cluster_kill(cluster, other, false), VLOT_OK);
  submit(cluster, client, ENTRIES);
  const vlot__span *history = &cluster->observer.checker->history;
  uint64_t bound = WINDOW + VLOT__SPAN_SEGMENT + 8 * BATCH; /* and what one turn appends */
  if (is_bounded) {
    for (uint32_t id = 1; id <= 3; id++) cr_expect_leq(kept_of(cluster, id), bound, "n%u", id);
    cr_expect_leq(history->last_index - history->base_index, bound);
    cr_expect_gt(history->base_index, 7000);
    cr_expect_lt(vlot__model_base(&vlot__seat_of(cluster, other)->model), ENTRIES);
  }
  cr_assert_eq(vlot_cluster_restart(cluster, other, VLOT_RESTART_KEEP), VLOT_OK);
  cr_assert_eq(vlot_await_applied(cluster, 0, 2 * ENTRIES, LONG), VLOT_OK);
  submit(cluster, client, BATCH);
  if (is_bounded)
    for (uint32_t id = 1; id <= 3; id++) cr_expect_leq(kept_of(cluster, id), bound, "n%u", id);
  uint64_t hash = fleet_stats(cluster).event_hash;
  vlot_client_close(client);
  cr_expect_eq(vlot_cluster_close(cluster), VLOT_OK);
  return hash;
}

Test(observed, is_bounded_and_the_run_is_the_same) {
  uint64_t hash = live(16384, false);
  cr_expect_eq(live(WINDOW, true), hash);
  cr_expect_eq(live(1, false), hash);
}

/* Any log would do for it: what is compared are the last entries. */
Test(observed, storms_break_nothing_however_little_is_remembered) {
  for (uint64_t seed = 1; seed <= 12; seed++) {
    uint64_t hashes[2];
    for (int k = 0; k < 2; k++) {
      vlot_cluster_options options = fleet_options(VLOT_DRIVER_LOCKSTEP, seed % 2 == 0 ? 3 : 5);
      options.seed = seed;
      options.observed_entries = k == 0 ? 16384 : 1;
      vlot_cluster *cluster = fleet_open(&options);
      vlot_client *client = fleet_client(cluster, 0, LONG);
      cr_assert_eq(vlot_await_leader(cluster, LONG, NULL), VLOT_OK);
      submit(cluster, client, 8 * BATCH);
      (void)fleet_storm(cluster, seed, 100, 0);
      cr_expect(fleet_settle(cluster, 3000));
      hashes[k] = fleet_stats(cluster).event_hash;
      vlot_client_close(client);
      cr_expect_eq(vlot_cluster_close(cluster), VLOT_OK, "seed %d", (int)seed);
    }
    cr_expect_eq(hashes[0], hashes[1], "seed %d", (int)seed);
  }
}

/* A member's model is bent, as if another entry stood in its log: what it commits next tells. */
Test(observed, what_is_broken_is_found_beside_a_base) {
  for (uint64_t distance = 0; distance <= 1; distance++) {
    vlot_cluster_options options = fleet_options(VLOT_DRIVER_LOCKSTEP, 3);
    options.observed_entries = 1;
    vlot_cluster *cluster = fleet_open(&options);
    vlot_client *client = fleet_client(cluster, 0, LONG);
    cr_assert_eq(vlot_await_leader(cluster, LONG, NULL), VLOT_OK);
    submit(cluster, client, 8 * BATCH);
    cr_assert_not(vlot_cluster_violation(cluster, NULL, 0));
    vlot__span *span = &vlot__seat_of(cluster, 2)->model.span;
    cr_assert_gt(span->base_index, 0);
    if (distance > 0)
      vlot__span_at(span, span->last_index)->chain ^= 1;
    else
      vlot__span_drop(span, span->last_index), span->base.chain ^= 1;
    cr_assert_eq(fleet_submit(client, "n", BATCH, NULL), VLOT_OK);
    cr_expect_eq(vlot_lockstep_step(cluster, 100000, NULL), VLOT_VIOLATED);
    vlot_client_close(client);
    cr_expect_eq(vlot_cluster_close(cluster), VLOT_VIOLATED);
  }
}
