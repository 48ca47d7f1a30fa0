/* The lockstep driver: virtual time, the pending list and its verbs, and one seed, one run. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "fleet.h"

static vlot_cluster *open_nodes(uint32_t nodes, uint64_t seed) {
  vlot_cluster_options options = fleet_options(VLOT_DRIVER_LOCKSTEP, nodes);
  options.seed = seed;
  options.turn_max = 1;
  vlot_cluster *cluster = fleet_open(&options);
  cr_assert_not_null(cluster);
  return cluster;
}

static void close_well(vlot_cluster *cluster) {
  char text[256];
  if (vlot_cluster_violation(cluster, text, sizeof text)) cr_expect_fail("%s", text);
  cr_expect_eq(vlot_cluster_close(cluster), VLOT_OK);
}

/* --- clusters of every size --- */

Test(lockstep, clusters_of_1_to_101_nodes_elect_and_replicate) {
  static const uint32_t sizes[] = {1, 2, 3, 5, 7, 101};
  for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
    vlot_cluster_options options = fleet_options(VLOT_DRIVER_LOCKSTEP, sizes[k]);
    if (sizes[k] > 50) options.raft.election_ticks_max = 150, options.raft.election_ticks_min = 100;
    vlot_cluster *cluster = fleet_open(&options);
    uint32_t leader = 0;
    char value[16];
    cr_assert_eq(vlot_await_leader(cluster, 2000, &leader), VLOT_OK, "%u nodes", sizes[k]);
    vlot_client *client = fleet_client(cluster, 0, 0);
    for (int n = 0; n < 10; n++) cr_assert_eq(fleet_add(client, "n", 3), VLOT_OK);
    cr_assert_eq(fleet_get(client, "n", value, sizeof value), VLOT_OK);
    cr_expect_str_eq(value, "30");
    cr_assert_eq(vlot_await_quiet(cluster, 2000), VLOT_OK, "%u nodes", sizes[k]);
    cr_expect(fleet_agrees(cluster));
    cr_expect_eq(fleet_stats(cluster).elections, 1);
    cr_expect_eq(fleet_status(cluster, leader).raft.role, VLOT_ROLE_LEADER);
    vlot_client_close(client);
    close_well(cluster);
  }
}

/* --- who leads --- */

Test(lockstep, a_member_whose_disk_was_wiped_makes_nobody_leader) {
  vlot_cluster *cluster = open_nodes(3, 1);
  uint32_t leader;
  cr_assert_eq(vlot_await_leader(cluster, 200, &leader), VLOT_OK);
  uint32_t wiped = leader % 3 + 1, down = wiped % 3 + 1;
  cr_assert_eq(vlot_await_quiet(cluster, 200), VLOT_OK);
  cr_assert_eq(vlot_cluster_kill(cluster, down, false), VLOT_OK);
  cr_expect_eq(vlot_await_leader(cluster, 0, NULL), VLOT_OK, "two of three follow it");
  cr_assert_eq(vlot_cluster_restart(cluster, wiped, VLOT_RESTART_WIPE), VLOT_OK);
  for (int k = 0; k < 100 && fleet_status(cluster, wiped).raft.leader != leader; k++)
    cr_assert_eq(vlot_lockstep_step(cluster, 1, NULL), VLOT_OK);
  cr_assert_eq(fleet_status(cluster, wiped).raft.leader, leader, "it hears of it …");
  cr_assert_eq(fleet_status(cluster, leader).raft.role, VLOT_ROLE_LEADER);
  cr_expect_eq(vlot_await_leader(cluster, 0, NULL), VLOT_TIMEOUT, "… and is no voter");
  close_well(cluster);
}

/* --- one seed, one run --- */

typedef struct result {
  uint64_t hash, actions, answers;
} result;

static result play(uint32_t nodes, uint64_t seed, uint32_t turn_max, bool is_inline, unsigned how) {
  vlot_cluster_options options = fleet_options(VLOT_DRIVER_LOCKSTEP, nodes);
  options.seed = seed;
  options.turn_max = turn_max;
  options.is_inline = is_inline;
  vlot_cluster *cluster = fleet_open(&options);
  result out = {.answers = fleet_storm(cluster, 7, 120, how)};
  vlot_cluster_stats stats = fleet_stats(cluster);
  out.hash = stats.event_hash;
  out.actions = stats.actions;
  close_well(cluster);
  return out;
}

static void expect_same(const char *what, uint64_t seed, const result *a, const result *b) {
  cr_expect_eq(a->hash, b->hash, "%s, seed %llu: event hash", what, (unsigned long long)seed);
  cr_expect_eq(a->actions, b->actions, "%s, seed %llu: actions", what, (unsigned long long)seed);
  cr_expect_eq(a->answers, b->answers, "%s, seed %llu: answers", what, (unsigned long long)seed);
}

Test(lockstep, one_seed_is_one_run_however_it_is_run) {
  static const struct {
    const char *name;
    bool is_inline;
    unsigned how;
  } ways[] = {{"again", true, 0},
              {"one by one", true, FLEET_ONE_BY_ONE},
              {"looking at the pending list", true, FLEET_LISTING},
              {"looking at nodes and events", true, FLEET_LOOKING},
              {"on the nodes' threads", false, 0},
              {"inline and threads in turns", true, FLEET_SWITCHING}};
  for (uint64_t seed = 1; seed <= 6; seed++) {
    uint32_t nodes = seed % 3 == 0 ? 5 : 3, turn_max = seed % 2 == 0 ? 8 : 1;
    result first = play(nodes, seed, turn_max, true, 0);
    cr_expect_gt(first.actions, 20);
    for (size_t k = 0; k < sizeof ways / sizeof *ways; k++) {
      result other = play(nodes, seed, turn_max, ways[k].is_inline, ways[k].how);
      expect_same(ways[k].name, seed, &first, &other);
    }
  }
}

Test(lockstep, another_seed_or_grouping_is_another_run) {
  result first = play(3, 1, 8, true, 0);
  result seed = play(3, 2, 8, true, 0);
  result group = play(3, 1, 1, true, 0);
  cr_expect_neq(first.hash, seed.hash);
  cr_expect_neq(first.hash, group.hash);
}

Test(lockstep, steps_one_by_one_are_the_same_as_many_at_once) {
  for (uint64_t seed = 1; seed <= 3; seed++) {
    vlot_cluster *one = open_nodes(5, seed), *many = open_nodes(5, seed);
    uint64_t done, total = 0;
    for (int k = 0; k < 3000; k++) {
      cr_assert_eq(vlot_lockstep_step(one, 1, &done), VLOT_OK);
      cr_assert_eq(done, 1);
    }
    for (uint64_t chunk = 1; total < 3000; chunk++) {
      cr_assert_eq(vlot_lockstep_step(many, chunk < 3000 - total ? chunk : 3000 - total, &done),
                   VLOT_OK);
      total += done;
    }
    cr_expect_eq(total, 3000);
    cr_expect_eq(fleet_stats(one).actions, 3000);
    cr_expect_eq(fleet_stats(one).event_hash, fleet_stats(many).event_hash);
    cr_expect_eq(vlot_cluster_now(one), vlot_cluster_now(many));
    close_well(one);
    close_well(many);
  }
}

Test(lockstep, two_clusters_in_one_process_do_not_touch_each_other) {
  vlot_cluster *alone = open_nodes(3, 5);
  (void)vlot_lockstep_step(alone, 1000, NULL);
  uint64_t hash = fleet_stats(alone).event_hash;
  close_well(alone);
  vlot_cluster *a = open_nodes(3, 5), *b = open_nodes(5, 9);
  for (int k = 0; k < 1000; k++) {
    (void)vlot_lockstep_step(a, 1, NULL);
    (void)vlot_lockstep_step(b, 3, NULL);
  }
  cr_expect_eq(fleet_stats(a).event_hash, hash);
  cr_expect_neq(fleet_stats(b).event_hash, hash);
  close_well(a);
  close_well(b);
}

/* --- the pending list --- */

enum { LIST_MAX = 256 };

typedef struct list {
  vlot_pending items[LIST_MAX];
  size_t count;
} list;

static void look(vlot_cluster *cluster, list *out) {
  out->count = vlot_lockstep_pending(cluster, out->items, LIST_MAX);
  cr_assert_leq(out->count, LIST_MAX);
}

static const vlot_pending *find_id(const list *all, uint64_t id) {
  for (size_t k = 0; k < all->count; k++)
    if (all->items[k].id == id) return &all->items[k];
  return NULL;
}

static bool is_pending(vlot_cluster *cluster, uint64_t id, vlot_pending *item) {
  list all;
  look(cluster, &all);
  const vlot_pending *found = find_id(&all, id);
  if (found && item) *item = *found;
  return found != NULL;
}

/* Step until something of a kind (and message kind, 0: any) is pending. */
static vlot_pending step_to(vlot_cluster *cluster, vlot_pending_kind kind, uint32_t message_kind) {
  for (int tries = 0; tries < 20000; tries++) {
    list all;
    look(cluster, &all);
    for (size_t k = 0; k < all.count; k++)
      if (all.items[k].kind == kind && (!message_kind || all.items[k].message_kind == message_kind))
        return all.items[k];
    cr_assert_eq(vlot_lockstep_step(cluster, 1, NULL), VLOT_OK);
  }
  cr_assert_fail("kind %d never became pending", (int)kind);
  return (vlot_pending){0};
}

Test(lockstep, pending_things_keep_their_ids_until_they_happen) {
  vlot_cluster *cluster = open_nodes(3, 3);
  list before, after;
  uint64_t done;
  look(cluster, &before);
  cr_assert_eq(before.count, 3, "three timers");
  for (int k = 0; k < 500; k++) {
    uint64_t first = before.items[0].id;
    cr_assert_eq(vlot_lockstep_step(cluster, 1, &done), VLOT_OK);
    look(cluster, &after);
    for (size_t m = 0; m < before.count; m++) {
      const vlot_pending *now = find_id(&after, before.items[m].id);
      bool may_end = before.items[m].id == first || before.items[m].kind != VLOT_PENDING_MESSAGE;
      cr_assert(now || may_end, "action %d: %llu vanished", k,
                (unsigned long long)before.items[m].id);
      if (now && before.items[m].kind == VLOT_PENDING_MESSAGE)
        cr_assert(now->node == before.items[m].node && now->from == before.items[m].from &&
                  now->due == before.items[m].due);
    }
    for (size_t m = 1; m < after.count; m++)
      cr_assert_leq(after.items[m - 1].due, after.items[m].due);
    before = after;
  }
  vlot_pending few[1];
  cr_expect_eq(vlot_lockstep_pending(cluster, few, 1), after.count, "how many there are");
  cr_expect_eq(vlot_lockstep_pending(cluster, NULL, 0), after.count);
  close_well(cluster);
}

Test(lockstep, time_jumps_only_to_what_is_due) {
  vlot_cluster *cluster = open_nodes(5, 4);
  list all;
  for (int k = 0; k < 1000; k++) {
    uint64_t now = vlot_cluster_now(cluster);
    look(cluster, &all);
    uint64_t due = all.items[0].due > now ? all.items[0].due : now;
    cr_assert_eq(vlot_lockstep_step(cluster, 1, NULL), VLOT_OK);
    cr_assert_eq(vlot_cluster_now(cluster), due);
  }
  close_well(cluster);
}

/* --- verbs --- */

Test(lockstep, fire_delivers_a_message_out_of_turn) {
  vlot_cluster *cluster = open_nodes(3, 1);
  vlot_pending item = step_to(cluster, VLOT_PENDING_MESSAGE, VLOT_MESSAGE_PRE_VOTE);
  uint64_t now = vlot_cluster_now(cluster), actions = fleet_stats(cluster).actions;
  cr_expect_eq(vlot_lockstep_fire(cluster, item.id), VLOT_OK);
  cr_expect_not(is_pending(cluster, item.id, NULL));
  cr_expect_eq(vlot_cluster_now(cluster), now, "firing moves no clock");
  cr_expect_eq(fleet_stats(cluster).actions, actions + 1);
  cr_expect_eq(vlot_lockstep_fire(cluster, item.id), VLOT_NOT_FOUND);
  close_well(cluster);
}

Test(lockstep, fire_makes_a_timer_expire_before_it_is_due) {
  vlot_cluster *cluster = open_nodes(3, 1);
  cr_assert_eq(vlot_lockstep_fire(cluster, VLOT_PENDING_TIMER_ID(2)), VLOT_OK);
  cr_expect_eq(vlot_cluster_now(cluster), 0);
  cr_expect_eq(fleet_status(cluster, 2).raft.role, VLOT_ROLE_PRE_CANDIDATE);
  cr_expect_eq(fleet_status(cluster, 1).raft.role, VLOT_ROLE_FOLLOWER);
  cr_expect(is_pending(cluster, VLOT_PENDING_TIMER_ID(2), NULL), "the next timer has the same id");
  cr_expect_eq(vlot_await_leader(cluster, 100, NULL), VLOT_OK);
  cr_expect_eq(vlot_cluster_leader(cluster), 2);
  close_well(cluster);
}

/* Time that has passed for everybody has passed for the node too: its next timer is a whole timeout
 * away from now. */
Test(lockstep, a_timer_that_is_fired_early_is_followed_by_a_whole_timeout) {
  vlot_cluster *cluster = open_nodes(3, 1);
  cr_assert_eq(vlot_lockstep_step(cluster, 1, NULL), VLOT_OK);
  uint64_t now = vlot_cluster_now(cluster);
  cr_assert_geq(now, 15);
  for (uint32_t id = 2; id <= 3; id++) {
    vlot_pending pending[16];
    cr_assert_eq(vlot_lockstep_fire(cluster, VLOT_PENDING_TIMER_ID(id)), VLOT_OK);
    size_t count = vlot_lockstep_pending(cluster, pending, 16);
    for (size_t k = 0; k < count; k++)
      if (pending[k].kind == VLOT_PENDING_TIMER && pending[k].node == id)
        cr_expect_geq(pending[k].due, now + 15, "n%u", id);
  }
  vlot_cluster_close(cluster);
}

Test(lockstep, a_dropped_message_never_arrives) {
  vlot_cluster *cluster = open_nodes(3, 1);
  uint64_t dropped = 0;
  while (dropped < 200) {
    vlot_pending item = step_to(cluster, VLOT_PENDING_MESSAGE, 0);
    cr_assert_eq(vlot_lockstep_drop(cluster, item.id), VLOT_OK);
    cr_assert_not(is_pending(cluster, item.id, NULL));
    dropped++;
  }
  cr_expect_eq(fleet_stats(cluster).elections, 0, "without messages there is no leader");
  cr_expect_eq(fleet_stats(cluster).delivered, 0);
  close_well(cluster);
}

Test(lockstep, what_is_held_does_not_happen_until_it_is_released) {
  vlot_cluster *cluster = open_nodes(3, 1);
  vlot_pending item;
  for (uint32_t id = 1; id <= 3; id++)
    cr_assert_eq(vlot_lockstep_hold(cluster, VLOT_PENDING_TIMER_ID(id), true), VLOT_OK);
  uint64_t done = 7;
  cr_expect_eq(vlot_lockstep_step(cluster, 10, &done), VLOT_OK);
  cr_expect_eq(done, 0, "everything is held");
  cr_expect_eq(vlot_cluster_now(cluster), 0);
  cr_expect(is_pending(cluster, VLOT_PENDING_TIMER_ID(2), &item));
  cr_expect_eq(item.is_held, 1);
  cr_expect_eq(vlot_lockstep_hold(cluster, VLOT_PENDING_TIMER_ID(2), true), VLOT_OK,
               "twice is once");
  cr_expect_eq(vlot_lockstep_hold(cluster, VLOT_PENDING_TIMER_ID(2), false), VLOT_OK);
  cr_expect_eq(vlot_await_leader(cluster, 100, NULL), VLOT_OK);
  cr_expect_eq(vlot_cluster_leader(cluster), 2, "only n2 could stand");
  cr_expect_eq(vlot_lockstep_fire(cluster, VLOT_PENDING_TIMER_ID(1)), VLOT_OK,
               "held things can be fired");
  cr_expect_eq(vlot_lockstep_hold(cluster, VLOT_PENDING_TIMER_ID(3), false), VLOT_OK);
  cr_expect_eq(vlot_await_leader(cluster, 200, NULL), VLOT_OK);
  close_well(cluster);
}

Test(lockstep, a_message_held_arrives_late_and_once) {
  vlot_cluster *cluster = open_nodes(3, 1);
  vlot_pending item = step_to(cluster, VLOT_PENDING_MESSAGE, VLOT_MESSAGE_VOTE);
  uint64_t delivered;
  cr_assert_eq(vlot_lockstep_hold(cluster, item.id, true), VLOT_OK);
  cr_assert_eq(vlot_lockstep_step(cluster, 500, NULL), VLOT_OK);
  cr_expect(is_pending(cluster, item.id, NULL));
  cr_expect_neq(vlot_cluster_leader(cluster), 0, "the other follower's vote is enough");
  delivered = fleet_stats(cluster).delivered;
  cr_expect_eq(vlot_lockstep_fire(cluster, item.id), VLOT_OK);
  cr_expect_eq(fleet_stats(cluster).delivered, delivered + 1);
  cr_expect_not(is_pending(cluster, item.id, NULL));
  cr_expect_eq(vlot_lockstep_step(cluster, 500, NULL), VLOT_OK);
  close_well(cluster);
}

Test(lockstep, a_duplicate_is_a_message_of_its_own) {
  vlot_cluster *cluster = open_nodes(3, 1);
  for (int k = 0; k < 50; k++) {
    vlot_pending item = step_to(cluster, VLOT_PENDING_MESSAGE, k % 2 ? VLOT_MESSAGE_APPEND : 0),
                 twin;
    uint64_t copy = 0, sent = fleet_stats(cluster).sent;
    cr_assert_eq(vlot_lockstep_duplicate(cluster, item.id, &copy), VLOT_OK);
    cr_assert_neq(copy, item.id);
    cr_expect_eq(fleet_stats(cluster).sent, sent + 1, "it has an event");
    vlot_event told;
    cr_assert_eq(vlot_cluster_events(cluster, 0, &told, 1), 1);
    cr_expect(told.kind == VLOT_EVENT_SENT && told.why == VLOT_WHY_COPIED && told.message == copy);
    cr_expect(told.peer == item.node && told.as.message.from == item.from && told.cause != 0);
    cr_assert(is_pending(cluster, copy, &twin));
    cr_assert(twin.node == item.node && twin.from == item.from && twin.term == item.term &&
              twin.message_kind == item.message_kind && twin.entries == item.entries);
    cr_assert_eq(vlot_lockstep_fire(cluster, copy), VLOT_OK);
    cr_assert(is_pending(cluster, item.id, NULL), "the first one is still there");
    cr_assert_eq(vlot_lockstep_step(cluster, 3, NULL), VLOT_OK);
  }
  cr_expect_eq(vlot_lockstep_duplicate(cluster, 999999, NULL), VLOT_NOT_FOUND);
  close_well(cluster);
}

Test(lockstep, a_delayed_message_is_overtaken) {
  vlot_cluster *cluster = open_nodes(3, 1);
  vlot_pending item = step_to(cluster, VLOT_PENDING_MESSAGE, VLOT_MESSAGE_APPEND), later;
  cr_assert_eq(vlot_lockstep_delay(cluster, item.id, 12), VLOT_OK);
  cr_assert(is_pending(cluster, item.id, &later));
  cr_expect_eq(later.due, item.due + 12);
  while (is_pending(cluster, item.id, NULL))
    cr_assert_eq(vlot_lockstep_step(cluster, 1, NULL), VLOT_OK);
  cr_expect_eq(vlot_cluster_now(cluster), item.due + 12);
  item = step_to(cluster, VLOT_PENDING_MESSAGE, VLOT_MESSAGE_APPEND);
  cr_assert_eq(vlot_lockstep_delay(cluster, item.id, VLOT_NEVER), VLOT_OK, "no wrap-around");
  cr_assert_eq(vlot_lockstep_step(cluster, 100, NULL), VLOT_OK);
  cr_expect(is_pending(cluster, item.id, &later));
  cr_expect_eq(later.due, VLOT_NEVER);
  cr_expect_lt(vlot_cluster_now(cluster), 1000000);
  close_well(cluster);
}

Test(lockstep, writes_can_be_fired_held_and_delayed_but_not_dropped) {
  vlot_cluster *cluster = open_nodes(3, 1);
  vlot_disk_fault slow = {.delay_ticks_min = 4, .delay_ticks_max = 4};
  for (uint32_t id = 1; id <= 3; id++)
    cr_assert_eq(vlot_cluster_set_disk(cluster, id, &slow), VLOT_OK);
  vlot_pending item = step_to(cluster, VLOT_PENDING_WRITE, 0), later;
  cr_expect_eq(item.id, VLOT_PENDING_WRITE_ID(item.node));
  cr_expect_eq(item.due, vlot_cluster_now(cluster) + 4);
  cr_expect_eq(vlot_lockstep_drop(cluster, item.id), VLOT_UNSUPPORTED);
  cr_expect_eq(vlot_lockstep_duplicate(cluster, item.id, NULL), VLOT_UNSUPPORTED);
  cr_assert_eq(vlot_lockstep_delay(cluster, item.id, 5), VLOT_OK);
  cr_assert(is_pending(cluster, item.id, &later));
  cr_expect_eq(later.due, item.due + 5);
  cr_assert_eq(vlot_lockstep_hold(cluster, item.id, true), VLOT_OK);
  uint64_t durable = fleet_status(cluster, item.node).raft.durable_term;
  cr_assert_eq(vlot_lockstep_step(cluster, 60, NULL), VLOT_OK);
  cr_expect_eq(fleet_status(cluster, item.node).raft.durable_term, durable);
  cr_assert_eq(vlot_lockstep_fire(cluster, item.id), VLOT_OK);
  cr_expect_gt(fleet_status(cluster, item.node).raft.durable_term, durable);
  cr_expect_eq(vlot_await_leader(cluster, 1000, NULL), VLOT_OK);
  close_well(cluster);
}

Test(lockstep, ids_are_written_with_a_letter_where_they_are_no_mails) {
  const struct {
    uint64_t id;
    const char *text;
  } rows[] = {{1, "1"},
              {UINT64_MAX >> 2, "4611686018427387903"},
              {VLOT_PENDING_TIMER_ID(3), "t3"},
              {VLOT_PENDING_WRITE_ID(65535), "w65535"}};
  const char *wrong[] = {
      "", "#", "0", "t", "t0", "x3", "3x", "t3 ", "-1", "t4294967296", "9223372036854775808"};
  char text[32];
  uint64_t id;
  for (size_t k = 0; k < sizeof rows / sizeof *rows; k++) {
    cr_expect_eq(vlot_pending_name(rows[k].id, text, sizeof text), strlen(rows[k].text));
    cr_expect_str_eq(text, rows[k].text);
    cr_expect(vlot_pending_parse(text, &id) && id == rows[k].id, "%s", text);
  }
  cr_expect(vlot_pending_parse("#17", &id) && id == 17);
  cr_expect_eq(vlot_pending_name(VLOT_PENDING_TIMER_ID(12), text, 2), 3, "it would be longer");
  cr_expect_str_eq(text, "t");
  id = 99;
  for (size_t k = 0; k < sizeof wrong / sizeof *wrong; k++)
    cr_expect_not(vlot_pending_parse(wrong[k], &id), "'%s'", wrong[k]);
  cr_expect_eq(id, 99, "not set");
}

/* One more member changes no id of what went before. */
Test(lockstep, ids_depend_on_no_option) {
  for (uint32_t nodes = 2; nodes <= 9; nodes++) {
    vlot_cluster *cluster = open_nodes(nodes, 1);
    cr_expect(is_pending(cluster, VLOT_PENDING_TIMER_ID(nodes), NULL));
    cr_assert_eq(vlot_lockstep_fire(cluster, VLOT_PENDING_TIMER_ID(1)), VLOT_OK);
    for (uint64_t id = 1; id < nodes; id++)
      cr_expect(is_pending(cluster, id, NULL), "%u nodes: the first PreVotes are 1 …", nodes);
    cr_expect_not(is_pending(cluster, nodes, NULL));
    close_well(cluster);
  }
}

Test(lockstep, timers_cannot_be_dropped_duplicated_or_delayed) {
  vlot_cluster *cluster = open_nodes(3, 1);
  cr_expect_eq(vlot_lockstep_drop(cluster, VLOT_PENDING_TIMER_ID(1)), VLOT_UNSUPPORTED);
  cr_expect_eq(vlot_lockstep_duplicate(cluster, VLOT_PENDING_TIMER_ID(1), NULL), VLOT_UNSUPPORTED);
  cr_expect_eq(vlot_lockstep_delay(cluster, VLOT_PENDING_TIMER_ID(1), 3), VLOT_UNSUPPORTED);
  cr_expect_eq(vlot_lockstep_fire(cluster, 424242), VLOT_NOT_FOUND);
  cr_expect_eq(vlot_lockstep_drop(cluster, 424242), VLOT_NOT_FOUND);
  cr_expect_eq(vlot_lockstep_hold(cluster, 424242, true), VLOT_NOT_FOUND);
  cr_expect_eq(vlot_lockstep_delay(cluster, 424242, 3), VLOT_NOT_FOUND);
  close_well(cluster);
}

Test(lockstep, a_clients_command_dropped_is_certainly_not_committed) {
  vlot_cluster *cluster = open_nodes(3, 1);
  cr_assert_eq(vlot_await_leader(cluster, 1000, NULL), VLOT_OK);
  vlot_client *client = fleet_client(cluster, 0, 0);
  uint64_t sequence;
  cr_assert_eq(fleet_submit(client, "n", 2, &sequence), VLOT_OK);
  vlot_pending item = step_to(cluster, VLOT_PENDING_CLIENT, 0);
  cr_expect_eq(item.from, vlot_client_number(client));
  cr_expect_eq(item.entries, 2);
  cr_assert_eq(vlot_lockstep_drop(cluster, item.id), VLOT_OK);
  for (int k = 0; k < 2; k++) {
    vlot_answer answer = fleet_wait(client);
    cr_expect_eq(answer.sequence, sequence + (uint64_t)k);
    cr_expect_eq(answer.result, VLOT_REJECTED);
    cr_expect_eq(answer.why, VLOT_WHY_DROPPED);
  }
  vlot_client_close(client);
  close_well(cluster);
}

Test(lockstep, a_clients_call_is_not_duplicated) {
  vlot_cluster *cluster = open_nodes(3, 1);
  cr_assert_eq(vlot_await_leader(cluster, 1000, NULL), VLOT_OK);
  vlot_client *client = fleet_client(cluster, 0, 0);
  cr_assert_eq(fleet_submit(client, "n", 1, NULL), VLOT_OK);
  vlot_pending item = step_to(cluster, VLOT_PENDING_CLIENT, 0);
  cr_expect_eq(vlot_lockstep_duplicate(cluster, item.id, NULL), VLOT_UNSUPPORTED);
  vlot_answer answer = fleet_wait(client);
  cr_expect_eq(answer.result, VLOT_OK);
  cr_expect_eq(fleet_number(&answer), 1);
  vlot_client_close(client);
  close_well(cluster);
}

Test(lockstep, deadlines_expire_as_unknown_when_nothing_can_happen) {
  vlot_cluster *cluster = open_nodes(3, 1);
  cr_assert_eq(vlot_await_leader(cluster, 1000, NULL), VLOT_OK);
  vlot_client *client = fleet_client(cluster, 0, 300);
  uint64_t now = vlot_cluster_now(cluster), done;
  cr_assert_eq(fleet_submit(client, "n", 1, NULL), VLOT_OK);
  list all;
  look(cluster, &all);
  for (size_t k = 0; k < all.count; k++)
    cr_assert_eq(vlot_lockstep_hold(cluster, all.items[k].id, true), VLOT_OK);
  cr_assert_eq(vlot_lockstep_step(cluster, 5, &done), VLOT_OK);
  cr_expect_eq(done, 0);
  vlot_answer answer = fleet_wait(client);
  cr_expect_eq(answer.result, VLOT_UNKNOWN);
  cr_expect_eq(answer.why, VLOT_WHY_DEADLINE);
  cr_expect_eq(vlot_cluster_now(cluster), now + 300);
  cr_expect_eq(vlot_client_inflight(client), 0);
  vlot_client_close(client);
  close_well(cluster);
}

static bool has_committed(vlot_cluster *cluster, void *context) {
  return fleet_stats(cluster).commits >= *(uint64_t *)context;
}

Test(lockstep, until_stops_at_the_condition_or_at_its_bound) {
  vlot_cluster *cluster = open_nodes(3, 1);
  uint64_t one = 1, many = 1000;
  cr_expect_eq(vlot_lockstep_until(cluster, has_committed, &one, 10000), VLOT_OK);
  uint64_t actions = fleet_stats(cluster).actions;
  cr_expect_eq(fleet_stats(cluster).commits, 1);
  cr_expect_eq(vlot_lockstep_until(cluster, has_committed, &one, 0), VLOT_OK, "it holds already");
  cr_expect_eq(vlot_lockstep_until(cluster, has_committed, &many, 50), VLOT_TIMEOUT);
  cr_expect_eq(fleet_stats(cluster).actions, actions + 50);
  close_well(cluster);
}

static uint64_t next_due(vlot_cluster *cluster) {
  list all;
  look(cluster, &all);
  return all.items[0].due;
}

Test(lockstep, passing_time_does_what_is_due_in_it_and_nothing_else) {
  vlot_cluster *cluster = open_nodes(3, 1);
  uint64_t due = next_due(cluster);
  cr_assert_gt(due, 2);
  cr_expect_eq(vlot_lockstep_pass(cluster, 0, NULL, NULL, 10), VLOT_OK);
  for (uint64_t tick = 1; tick < due; tick++) {
    cr_assert_eq(vlot_lockstep_pass(cluster, 1, NULL, NULL, 10), VLOT_OK);
    cr_assert_eq(vlot_cluster_now(cluster), tick);
    cr_assert_eq(fleet_stats(cluster).actions, 0);
    cr_assert_eq(fleet_stats(cluster).idle_ticks, tick);
    cr_assert_eq(next_due(cluster), due, "what is to come stays as it was");
  }
  for (uint64_t tick = due; tick < 400; tick++) {
    cr_assert_eq(vlot_lockstep_pass(cluster, 1, NULL, NULL, 1000), VLOT_OK);
    cr_assert_eq(vlot_cluster_now(cluster), tick);
    cr_assert_gt(next_due(cluster), tick, "all of this tick is done");
  }
  cr_expect_gt(fleet_stats(cluster).commits, 0);
  cr_expect_eq(vlot_lockstep_pass(cluster, 1000, NULL, NULL, 5), VLOT_TIMEOUT, "too few actions");
  cr_expect_eq(fleet_stats(cluster).idle_ticks, 0);
  close_well(cluster);
}

Test(lockstep, how_time_passes_does_not_change_the_run) {
  vlot_cluster *once = open_nodes(5, 7), *by_ticks = open_nodes(5, 7), *steps = open_nodes(5, 7);
  cr_assert_eq(vlot_lockstep_pass(once, 500, NULL, NULL, 100000), VLOT_OK);
  for (int k = 0; k < 500; k++)
    cr_assert_eq(vlot_lockstep_pass(by_ticks, 1, NULL, NULL, 1000), VLOT_OK);
  uint64_t actions = fleet_stats(once).actions;
  cr_assert_eq(vlot_lockstep_step(steps, actions, NULL), VLOT_OK);
  cr_expect_eq(fleet_stats(once).event_hash, fleet_stats(by_ticks).event_hash);
  cr_expect_eq(fleet_stats(once).event_hash, fleet_stats(steps).event_hash);
  cr_expect_eq(vlot_cluster_now(once), vlot_cluster_now(steps) + fleet_stats(once).idle_ticks);
  close_well(once);
  close_well(by_ticks);
  close_well(steps);
}

Test(lockstep, time_that_passes_ends_at_a_condition_and_without_end_when_nothing_is_left) {
  vlot_cluster *cluster = open_nodes(3, 1);
  uint64_t one = 1, many = 1000;
  cr_expect_eq(vlot_lockstep_pass(cluster, 400, has_committed, &one, 10000), VLOT_OK);
  cr_expect_eq(fleet_stats(cluster).commits, 1);
  cr_expect_lt(vlot_cluster_now(cluster), 400);
  uint64_t now = vlot_cluster_now(cluster);
  cr_expect_eq(vlot_lockstep_pass(cluster, 40, has_committed, &many, 10000), VLOT_OK);
  cr_expect_eq(vlot_cluster_now(cluster), now + 40);
  for (uint32_t id = 1; id <= 3; id++) cr_assert_eq(vlot_cluster_kill(cluster, id, false), VLOT_OK);
  cr_expect_eq(vlot_lockstep_pass(cluster, 40, NULL, NULL, 10000), VLOT_OK);
  cr_expect_eq(vlot_cluster_now(cluster), now + 80, "time passes where nothing happens");
  cr_expect_eq(vlot_lockstep_pass(cluster, VLOT_NEVER, NULL, NULL, 10000), VLOT_TIMEOUT);
  cr_expect_eq(vlot_lockstep_pass(cluster, VLOT_NEVER - 1, NULL, NULL, 10000), VLOT_TIMEOUT);
  cr_expect_eq(vlot_cluster_now(cluster), now + 80);
  close_well(cluster);
}

Test(lockstep, an_answer_carries_the_tick_at_which_it_was_given) {
  vlot_cluster *cluster = open_nodes(3, 1);
  vlot_answer answer;
  cr_assert_eq(vlot_await_leader(cluster, 1000, NULL), VLOT_OK);
  cr_assert_eq(vlot_await_quiet(cluster, 1000), VLOT_OK);
  vlot_client *client = fleet_client(cluster, 0, 30);
  uint64_t now = vlot_cluster_now(cluster);
  cr_assert_eq(fleet_submit(client, "n", 1, NULL), VLOT_OK);
  cr_assert_eq(vlot_lockstep_pass(cluster, 300, NULL, NULL, 10000), VLOT_OK);
  cr_assert_eq(vlot_client_poll(client, &answer, 1), 1);
  cr_expect_eq(answer.result, VLOT_OK);
  cr_expect_leq(answer.tick, now + 2, "not when it was taken");
  cr_expect_geq(answer.tick, now);
  for (uint32_t id = 1; id <= 3; id++) cr_assert_eq(vlot_cluster_suspend(cluster, id), VLOT_OK);
  now = vlot_cluster_now(cluster);
  cr_assert_eq(fleet_submit(client, "n", 1, NULL), VLOT_OK);
  cr_assert_eq(vlot_lockstep_pass(cluster, 300, NULL, NULL, 10000), VLOT_OK);
  cr_assert_eq(vlot_client_poll(client, &answer, 1), 1);
  cr_expect_eq(answer.result, VLOT_UNKNOWN);
  cr_expect_eq(answer.tick, now + 30, "of its deadline");
  vlot_client_close(client);
  close_well(cluster);
}

Test(lockstep, calls_for_a_stepped_cluster_are_refused_while_threads_run) {
  vlot_cluster_options options = fleet_options(VLOT_DRIVER_THREADS, 1);
  vlot_cluster *cluster = fleet_open(&options);
  cr_expect_eq(vlot_lockstep_step(cluster, 1, NULL), VLOT_UNSUPPORTED);
  cr_expect_eq(vlot_lockstep_until(cluster, has_committed, NULL, 1), VLOT_UNSUPPORTED);
  cr_expect_eq(vlot_lockstep_pass(cluster, 1, NULL, NULL, 1), VLOT_UNSUPPORTED);
  cr_expect_eq(vlot_lockstep_fire(cluster, VLOT_PENDING_TIMER_ID(1)), VLOT_UNSUPPORTED);
  cr_expect_eq(vlot_lockstep_drop(cluster, VLOT_PENDING_TIMER_ID(1)), VLOT_UNSUPPORTED);
  cr_expect_eq(vlot_lockstep_hold(cluster, VLOT_PENDING_TIMER_ID(1), true), VLOT_UNSUPPORTED);
  cr_expect_eq(vlot_lockstep_duplicate(cluster, VLOT_PENDING_TIMER_ID(1), NULL), VLOT_UNSUPPORTED);
  cr_expect_eq(vlot_lockstep_delay(cluster, VLOT_PENDING_TIMER_ID(1), 1), VLOT_UNSUPPORTED);
  cr_expect_eq(vlot_lockstep_set_inline(cluster, true), VLOT_UNSUPPORTED);
  cr_expect_eq(vlot_lockstep_pending(cluster, NULL, 0), 0);
  cr_expect_eq(vlot_cluster_close(cluster), VLOT_OK);
}

/* --- starts --- */

static vlot_log_entry entry_of(uint64_t term, const char *data) {
  return (vlot_log_entry){.term = term,
                          .entry = {.data = (const uint8_t *)data,
                                    .size = (uint32_t)strlen(data),
                                    .kind = VLOT_ENTRY_COMMAND}};
}

Test(lockstep, members_begin_with_the_term_vote_and_log_they_are_given) {
  vlot_log_entry longer[3] = {entry_of(1, "a"), entry_of(2, "b"), entry_of(4, "c")};
  vlot_start starts[2] = {{.id = 1, .vote = 3, .term = 6, .log = longer, .log_count = 3},
                          {.id = 3, .term = 5, .log = longer, .log_count = 1}};
  vlot_cluster_options options = fleet_options(VLOT_DRIVER_LOCKSTEP, 3);
  options.starts = starts;
  options.start_count = 2;
  vlot_cluster *cluster = fleet_open(&options);
  vlot_raft_status one = fleet_status(cluster, 1).raft, two = fleet_status(cluster, 2).raft;
  cr_expect(one.term == 6 && one.vote == 3 && one.last_index == 3 && one.last_term == 4);
  cr_expect(two.term == 0 && two.vote == 0 && two.last_index == 0);
  cr_expect_eq(fleet_status(cluster, 3).raft.last_index, 1);
  cr_expect(fleet_settle(cluster, 1000));
  cr_expect_gt(fleet_status(cluster, 2).raft.term, 6);
  for (uint32_t id = 1; id <= 3; id++) cr_expect_eq(fleet_status(cluster, id).raft.last_index, 4);
  close_well(cluster);
}

Test(lockstep, a_start_that_cannot_be_is_refused_by_name) {
  vlot_log_entry sinking[2] = {entry_of(4, "a"), entry_of(2, "b")};
  vlot_log_entry rising[1] = {entry_of(9, "a")};
  const struct {
    vlot_start starts[2];
    size_t count;
    const char *problem;
  } table[] = {
      {{{.id = 0}}, 1, "id"},
      {{{.id = 4}}, 1, "id"},
      {{{.id = 1, .vote = 4, .term = 1}}, 1, "vote"},
      {{{.id = 1, .vote = 2}}, 1, "votes"},
      {{{.id = 1, .term = 8, .log = rising, .log_count = 1}}, 1, "term"},
      {{{.id = 2}, {.id = 2}}, 2, "twice"},
      {{{.id = 1, .term = 4, .log = sinking, .log_count = 2}}, 1, "down"},
      {{{.id = 1, .term = VLOT_INDEX_MAX}}, 1, "term"},
      {{{.id = 1, .term = 1, .log = NULL, .log_count = 1}}, 1, "missing"},
  };
  for (size_t k = 0; k < sizeof table / sizeof *table; k++) {
    vlot_cluster_options options = fleet_options(VLOT_DRIVER_LOCKSTEP, 3);
    vlot_cluster *cluster = NULL;
    const char *problem = NULL;
    options.starts = table[k].starts;
    options.start_count = table[k].count;
    cr_assert_eq(vlot_cluster_open(&cluster, &options, &problem), VLOT_INVALID, "row %zu", k);
    cr_expect_null(cluster);
    cr_assert_not_null(problem, "row %zu", k);
    cr_expect(strstr(problem, table[k].problem), "row %zu: %s", k, problem);
  }
}
