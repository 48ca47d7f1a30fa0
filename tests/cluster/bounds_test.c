/* What a cluster keeps for later is bounded: at its bound it refuses or loses as a full mailbox
 * does, says so, and goes on when there is room again. docs/bounds.md lists all of them.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "cluster/clock.h"
#include "cluster/pending.h"
#include "fleet.h"

enum { LONG = 5000, NEVER_TICKS = 1 << 30 };

static vlot_cluster *led(const vlot_cluster_options *options) {
  vlot_cluster *cluster = fleet_open(options);
  cr_assert_not_null(cluster);
  cr_assert_eq(vlot_await_leader(cluster, LONG, NULL), VLOT_OK);
  if (options->driver == VLOT_DRIVER_LOCKSTEP)
    cr_assert_eq(vlot_await_quiet(cluster, LONG), VLOT_OK);
  return cluster;
}

static vlot_client *wide_client(vlot_cluster *cluster, uint32_t contact) {
  vlot_client_options options;
  vlot_client *client;
  vlot_client_options_init(&options);
  options.contact = contact;
  options.inflight_max = 1u << 20;
  options.timeout_ticks = NEVER_TICKS;
  cr_assert_eq(vlot_client_open(&client, cluster, &options), VLOT_OK);
  return client;
}

static size_t listed(const vlot_cluster *cluster) {
  return cluster->lockstep.heap.count + cluster->lockstep.held_count;
}

static uint32_t drops(vlot_cluster *cluster, uint32_t id, vlot_why why) {
  vlot_event events[16];
  uint32_t count = 0;
  size_t kept = vlot_cluster_events(cluster, id, events, 16);
  for (size_t k = 0; k < kept; k++)
    count += events[k].kind == VLOT_EVENT_DROPPED && events[k].why == (uint16_t)why;
  return count;
}

/* --- rare events --- */

Test(bounds, of_rare_events_of_a_node_the_last_ones_are_kept) {
  vlot_cluster_options options = fleet_options(VLOT_DRIVER_LOCKSTEP, 3);
  vlot_cluster *cluster = led(&options);
  vlot_event events[VLOT_RARE_EVENTS + 1];
  size_t kept = vlot_cluster_rare_events(cluster, 3, events, VLOT_RARE_EVENTS + 1);
  cr_assert(kept > 1 && kept < VLOT_RARE_EVENTS - 1);
  vlot_event first = events[0], second = events[1];
  bool is_suspended = false;
  for (size_t made = kept + 1; made <= VLOT_RARE_EVENTS + 1; made++) {
    cr_assert_eq(is_suspended ? vlot_cluster_resume(cluster, 3) : vlot_cluster_suspend(cluster, 3),
                 VLOT_OK);
    is_suspended = !is_suspended;
    bool is_full = made > VLOT_RARE_EVENTS;
    kept = vlot_cluster_rare_events(cluster, 3, events, VLOT_RARE_EVENTS + 1);
    cr_expect_eq(kept, is_full ? VLOT_RARE_EVENTS : made, "%zu of %zu", kept, made);
    cr_expect_eq(events[0].sequence, is_full ? second.sequence : first.sequence, "%zu", made);
    cr_expect_eq(events[kept - 1].kind, is_suspended ? VLOT_EVENT_SUSPEND : VLOT_EVENT_RESUME);
  }
  cr_expect_eq(vlot_cluster_close(cluster), VLOT_OK);
}

/* --- the pending list --- */

Test(bounds, a_full_pending_list_refuses_what_is_sent) {
  vlot_cluster_options options = fleet_options(VLOT_DRIVER_LOCKSTEP, 3);
  options.turn_max = 1;
  vlot_cluster *cluster = led(&options);
  vlot_client *client = wide_client(cluster, 0);
  vlot_pending *pending = calloc(VLOT__PENDING_MAX + 8, sizeof *pending);
  vlot_result result = VLOT_OK;
  size_t before = listed(cluster);
  for (size_t k = before; k < VLOT__PENDING_MAX - 1; k++)
    cr_assert_eq(fleet_submit(client, "n", 1, NULL), VLOT_OK);
  cr_expect_eq(fleet_submit(client, "n", 1, NULL), VLOT_OK, "the limit itself");
  cr_expect_eq(listed(cluster), VLOT__PENDING_MAX);
  cr_expect_eq(fleet_submit(client, "n", 1, NULL), VLOT_BUSY, "one more");
  cr_expect_eq(listed(cluster), VLOT__PENDING_MAX);
  cr_expect_eq(vlot_lockstep_pending(cluster, NULL, 0), VLOT__PENDING_MAX);
  /* a command is taken: there is room for one of the leader's two appends */
  size_t count = vlot_lockstep_pending(cluster, pending, VLOT__PENDING_MAX + 8);
  uint32_t leader = 0;
  uint64_t command = 0;
  for (size_t k = 0; k < count && command == 0; k++)
    if (pending[k].kind == VLOT_PENDING_CLIENT) {
      command = pending[k].id;
      leader = pending[k].node;
    }
  cr_assert_eq(vlot_lockstep_fire(cluster, command), VLOT_OK);
  cr_expect_eq(drops(cluster, leader, VLOT_WHY_MAILBOX_FULL), 1);
  cr_expect_eq(listed(cluster), VLOT__PENDING_MAX);
  count = vlot_lockstep_pending(cluster, pending, VLOT__PENDING_MAX + 8);
  for (size_t k = 0; k < count; k++)
    if (pending[k].kind == VLOT_PENDING_MESSAGE) {
      cr_expect_eq(vlot_lockstep_duplicate(cluster, pending[k].id, NULL), VLOT_BUSY);
      result = vlot_lockstep_hold(cluster, pending[k].id, true);
      break;
    }
  cr_expect_eq(result, VLOT_OK, "what is held counts, too");
  cr_expect_eq(fleet_submit(client, "n", 1, NULL), VLOT_BUSY);
  /* items are not kept for ever */
  for (size_t k = 0; k < 3000; k++)
    if (pending[k].kind == VLOT_PENDING_CLIENT)
      cr_assert_eq(vlot_lockstep_drop(cluster, pending[k].id), VLOT_OK);
  cr_expect_eq(cluster->lockstep.pooled, VLOT__PENDING_POOLED_MAX);
  cr_expect_eq(fleet_submit(client, "n", 1, NULL), VLOT_OK);
  free(pending);
  vlot_client_close(client);
  cr_expect_eq(vlot_cluster_close(cluster), VLOT_OK);
}

/* --- mail of a suspended node --- */

Test(bounds, mail_of_a_suspended_node_is_lost_where_its_mailbox_would_be_full) {
  vlot_cluster_options options = fleet_options(VLOT_DRIVER_LOCKSTEP, 3);
  vlot_cluster *cluster = led(&options);
  vlot_client *client = wide_client(cluster, 2);
  vlot_answer answers[4];
  cr_assert_eq(vlot_cluster_suspend(cluster, 2), VLOT_OK);
  vlot__seat *seat = vlot__seat_of(cluster, 2);
  /* nothing else is to come to it */
  cr_assert_eq(vlot_cluster_partition(cluster, (const uint32_t[]){2}, 1), VLOT_OK);
  for (size_t k = seat->parked_mail.count; k < VLOT__PARKED_MAX + 1; k++)
    cr_assert_eq(fleet_submit(client, "n", 1, NULL), VLOT_OK);
  while (seat->parked_mail.count < VLOT__PARKED_MAX - 1)
    cr_assert_eq(vlot_lockstep_step(cluster, 1, NULL), VLOT_OK);
  cr_expect_eq(vlot_client_poll(client, answers, 4), 0);
  uint64_t end = vlot_cluster_now(cluster) + 10;
  while (vlot_cluster_now(cluster) < end)
    cr_assert_eq(vlot_lockstep_step(cluster, 1, NULL), VLOT_OK);
  cr_expect_eq(seat->parked_mail.count, VLOT__PARKED_MAX);
  cr_expect_eq(fleet_status(cluster, 2).mailbox, VLOT__PARKED_MAX);
  cr_expect_eq(vlot_client_poll(client, answers, 4), 1);
  cr_expect_eq(answers[0].result, VLOT_REJECTED);
  cr_expect_eq(answers[0].why, VLOT_WHY_MAILBOX_FULL);
  vlot_client_close(client);
  cr_expect_eq(vlot_cluster_close(cluster), VLOT_OK);
}

/* --- mail that links delay --- */

Test(bounds, delayed_mail_is_refused_where_too_much_is_under_way) {
  vlot_cluster_options options = fleet_options(VLOT_DRIVER_THREADS, 1);
  vlot_cluster *cluster = led(&options);
  vlot__mail_order order = {.kind = VLOT_INPUT_CAMPAIGN};
  vlot__parcel parcel = vlot__parcel_of(1, VLOT__MAIL_ORDER, &order, sizeof order);
  parcel.due = NEVER_TICKS;
  for (size_t k = 0; k < VLOT__LATE_MAX - 1; k++)
    cr_assert_eq(vlot__clock_post(cluster, &parcel), VLOT_OK);
  cr_expect_eq(vlot__clock_post(cluster, &parcel), VLOT_OK, "the limit itself");
  cr_expect_eq(vlot__clock_post(cluster, &parcel), VLOT_BUSY, "one more");
  cr_expect_eq(vlot_cluster_close(cluster), VLOT_OK);
}

/* --- reads --- */

static vlot_why why_of_read(vlot_cluster *cluster, vlot_client *client) {
  vlot_answer answer;
  uint64_t end = vlot_cluster_now(cluster) + 20;
  cr_assert_eq(fleet_read(client, "n", 1000000, NULL), VLOT_OK);
  while (vlot_cluster_now(cluster) < end) {
    if (vlot_client_poll(client, &answer, 1) > 0) return answer.why;
    cr_assert_eq(vlot_lockstep_step(cluster, 1, NULL), VLOT_OK);
  }
  return VLOT_WHY_NONE;
}

Test(bounds, reads_that_wait_for_an_index_are_as_many_as_reads_max) {
  enum { READS = 4 };
  vlot_cluster_options options = fleet_options(VLOT_DRIVER_LOCKSTEP, 3);
  options.raft.reads_max = READS;
  vlot_cluster *cluster = led(&options);
  vlot_client *client = wide_client(cluster, 2);
  for (int k = 1; k <= READS + 1; k++)
    cr_expect_eq(why_of_read(cluster, client), k <= READS ? VLOT_WHY_NONE : VLOT_WHY_READS_FULL,
                 "read %d", k);
  cr_expect_eq(fleet_status(cluster, 2).waiting, READS);
  vlot_client_close(client);
  cr_expect_eq(vlot_cluster_close(cluster), VLOT_OK);
}

/* --- subscriptions --- */

static uint64_t events_of(vlot_subscription *events) {
  vlot_event event;
  uint64_t count = 0;
  while (vlot_subscription_next(events, &event)) count++;
  return count;
}

/* Blocks are of 256 events: a bound of two blocks, a byte less, a byte more. */
Test(bounds, a_subscription_loses_what_finds_it_full_and_counts_it) {
  enum { EVENTS = 256 };
  uint64_t block = 0;
  for (uint64_t bytes = 32 << 10; block == 0; bytes += 8) { /* how large is one? */
    vlot_cluster_options options = fleet_options(VLOT_DRIVER_LOCKSTEP, 1);
    vlot_cluster *cluster = led(&options);
    vlot_subscription *events;
    cr_assert_eq(vlot_subscription_open(&events, cluster, bytes), VLOT_OK);
    vlot_client *client = wide_client(cluster, 0);
    while (vlot_subscription_lost(events) == 0) {
      cr_assert_eq(fleet_add(client, "n", 1), VLOT_OK);
      if (vlot_subscription_lost(events) > 0 && events_of(events) > EVENTS) block = bytes / 2;
    }
    vlot_client_close(client);
    vlot_subscription_close(events);
    cr_assert_eq(vlot_cluster_close(cluster), VLOT_OK);
    cr_assert_lt(bytes, 80 << 10);
  }
  for (int more = -1; more <= 1; more++) {
    vlot_cluster_options options = fleet_options(VLOT_DRIVER_LOCKSTEP, 1);
    vlot_cluster *cluster = led(&options);
    vlot_subscription *events;
    cr_assert_eq(vlot_subscription_open(&events, cluster, 2 * block + (uint64_t)(int64_t)more),
                 VLOT_OK);
    vlot_client *client = wide_client(cluster, 0);
    while (vlot_subscription_lost(events) == 0) cr_assert_eq(fleet_add(client, "n", 1), VLOT_OK);
    cr_expect_eq(events_of(events), more < 0 ? EVENTS : 2 * EVENTS, "%d", more);
    cr_assert_eq(fleet_add(client, "n", 1), VLOT_OK);
    cr_expect_gt(events_of(events), 0, "there is room again");
    vlot_client_close(client);
    vlot_subscription_close(events);
    cr_assert_eq(vlot_cluster_close(cluster), VLOT_OK);
  }
}
