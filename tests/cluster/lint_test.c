/* What an expert would warn of: each with what is bad, and not with what is good. */
#include <criterion/criterion.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "cluster/node.h"
#include "cluster/seats.h"
#include "fleet.h"
#include "raft/core.h"

/* A number that is given twice does not compile. */
static bool is_number(uint32_t number) {
  switch (number) {
#define VLOT_X(name, number, word, sentence, advice) case VLOT_LINT_##name:
    VLOT_LINTS(VLOT_X)
#undef VLOT_X
    return true;
  default: return false;
  }
}

enum { LOOK = 64, MAX = 32, LONG = 5000 }; /* ticks between two looks; lints; ticks */

static const uint32_t ids[] = {
#define VLOT_X(name, number, word, sentence, advice) number,
    VLOT_LINTS(VLOT_X)
#undef VLOT_X
};

static size_t find(const vlot_lint *lints, size_t count, uint32_t number) {
  size_t k = 0;
  while (k < count && lints[k].number != number) k++;
  return k;
}

static bool has(vlot_cluster *cluster, uint32_t number, uint32_t node) {
  vlot_lint lints[MAX];
  size_t count = vlot_cluster_lint(cluster, lints, MAX);
  for (size_t k = 0; k < count; k++)
    if (lints[k].number == number && lints[k].node == node) return true;
  return false;
}

/* How often was it told, of the events that the cluster still has? */
static uint32_t told(vlot_cluster *cluster, uint32_t number) {
  vlot_event events[64];
  uint32_t count = 0;
  size_t size = vlot_cluster_events(cluster, 0, events, 64);
  for (size_t k = 0; k < size; k++)
    count +=
        events[k].kind == VLOT_EVENT_LINT && (number == 0 || events[k].as.change.from == number);
  return count;
}

/* --- texts --- */

Test(lint, every_row_has_a_name_and_a_sentence_with_its_numbers) {
  for (size_t k = 0; k < sizeof ids / sizeof *ids; k++) {
    char text[512], small[8];
    vlot_lint lint = {.number = ids[k], .node = 4711, .value = 1234, .other = 5678};
    size_t length = vlot_lint_text(&lint, text, sizeof text);
    cr_assert_lt(length, sizeof text);
    cr_expect_eq(strlen(text), length);
    cr_expect_null(strpbrk(text, "{}?"), "%s", text);
    cr_expect_not_null(strstr(text, "; "), "no advice: %s", text);
    cr_expect(ids[k] < VLOT_LINT_RUNNING || strstr(text, "n4711"), "%s", text);
    cr_expect(is_number(ids[k]));
    cr_expect_str_neq(vlot_lint_name(ids[k]), "?");
    cr_expect_eq(vlot_lint_text(&lint, small, sizeof small), length);
    cr_expect(strncmp(small, text, 7) == 0 && small[7] == '\0');
    cr_expect_eq(vlot_lint_text(&lint, NULL, 0), length);
  }
  char text[512];
  vlot_lint_text(&(vlot_lint){.number = VLOT_LINT_FIXED_TIMEOUTS, .value = 1}, text, sizeof text);
  cr_expect_not_null(strstr(text, "after 1 tick:"), "%s", text);
  vlot_lint_text(&(vlot_lint){.number = VLOT_LINT_FIXED_TIMEOUTS, .value = 11}, text, sizeof text);
  cr_expect_not_null(strstr(text, "after 11 ticks:"), "%s", text);
  vlot_lint_text(&(vlot_lint){.number = 31}, text, sizeof text);
  cr_expect_str_eq(text, "lint 31 is unknown");
  cr_expect_str_eq(vlot_lint_name(31), "?");
}

/* --- settings --- */

typedef struct setting {
  const char *what;
  uint32_t nodes, learners, min, max, heartbeat, off; /* 0: the default; off: switches */
  uint64_t tick_ns;
  uint32_t expected[3];
  const char *text; /* in the sentence of the first */
} setting;

static const setting settings[] = {
    {"the defaults", 0, 0, 0, 0, 0, 0, 0, {0}, NULL},
    {"five nodes and two learners", 7, 2, 0, 0, 0, 0, 0, {0}, NULL},
    {"a large cluster", 31, 0, 0, 0, 0, 0, 0, {0}, NULL},
    {"long periods", 3, 0, 150, 300, 50, 0, 1000000, {0}, NULL},
    {"half of T apart", 3, 0, 16, 24, 5, 0, 0, {0}, NULL},
    {"less than half of T apart",
     3,
     0,
     16,
     23,
     5,
     0,
     0,
     {VLOT_LINT_NARROW_TIMEOUTS},
     "16 to 23 ticks"},
    {"one timeout for all",
     3,
     0,
     3,
     4,
     1,
     0,
     0,
     {VLOT_LINT_NARROW_TIMEOUTS},
     "election_ticks_max of 6 or more"},
    {"nothing random",
     3,
     0,
     0,
     0,
     0,
     VLOT_SWITCH_RANDOM_TIMEOUT,
     0,
     {VLOT_LINT_FIXED_TIMEOUTS},
     "after 15 ticks"},
    {"a fast enough heartbeat", 3, 0, 15, 30, 7, 0, 0, {0}, NULL},
    {"a slow heartbeat",
     3,
     0,
     15,
     30,
     8,
     0,
     0,
     {VLOT_LINT_SLOW_HEARTBEAT},
     "heartbeat_ticks 8 is at least half of the shortest election timeout 15"},
    {"a slow heartbeat's advice",
     3,
     0,
     15,
     30,
     14,
     0,
     0,
     {VLOT_LINT_SLOW_HEARTBEAT},
     "use at most 7"},
    {"half exactly", 3, 0, 16, 32, 8, 0, 0, {VLOT_LINT_SLOW_HEARTBEAT}, "use at most 7"},
    {"four nodes",
     4,
     0,
     0,
     0,
     0,
     0,
     0,
     {VLOT_LINT_EVEN_VOTERS},
     "4 voters need a quorum of 3, and survive no more failures than 3 would"},
    {"five nodes, one of them a learner", 5, 1, 0, 0, 0, 0, 0, {VLOT_LINT_EVEN_VOTERS}, "4 voters"},
    {"one voter", 3, 2, 0, 0, 0, 0, 0, {VLOT_LINT_SINGLE_VOTER}, "one voter"},
    {"one node with bad periods that do not matter",
     1,
     0,
     4,
     5,
     3,
     VLOT_SWITCH_PRE_VOTE,
     0,
     {VLOT_LINT_SINGLE_VOTER},
     "one voter"},
    {"plain Raft",
     3,
     0,
     0,
     0,
     0,
     VLOT_SWITCH_PRE_VOTE | VLOT_SWITCH_CHECK_QUORUM | VLOT_SWITCH_STICKINESS,
     0,
     {0},
     NULL},
    {"no pre-vote",
     3,
     0,
     0,
     0,
     0,
     VLOT_SWITCH_PRE_VOTE,
     0,
     {VLOT_LINT_NO_PRE_VOTE},
     "VLOT_SWITCH_PRE_VOTE"},
    {"no check-quorum",
     3,
     0,
     0,
     0,
     0,
     VLOT_SWITCH_CHECK_QUORUM,
     0,
     {VLOT_LINT_NO_CHECK_QUORUM},
     "VLOT_SWITCH_CHECK_QUORUM"},
    {"timeouts of 10 ms", 3, 0, 100, 200, 20, 0, 100000, {0}, NULL},
    {"timeouts of 9.9 ms",
     3,
     0,
     99,
     198,
     20,
     0,
     100000,
     {VLOT_LINT_SHORT_TIMEOUTS},
     "lasts 9900 microseconds"},
    {"short timeouts' advice",
     3,
     0,
     15,
     30,
     5,
     0,
     100000,
     {VLOT_LINT_SHORT_TIMEOUTS},
     "election_ticks_min of 100 or more"},
    {"several",
     4,
     0,
     10,
     12,
     5,
     0,
     0,
     {VLOT_LINT_EVEN_VOTERS, VLOT_LINT_NARROW_TIMEOUTS, VLOT_LINT_SLOW_HEARTBEAT},
     "4 voters"},
};

static vlot_cluster_options options_of(const setting *one, vlot_driver driver) {
  vlot_cluster_options options;
  vlot_cluster_options_init(&options);
  options.driver = driver;
  options.learners = one->learners;
  if (one->nodes) options.nodes = one->nodes;
  if (one->min) options.raft.election_ticks_min = one->min;
  if (one->max) options.raft.election_ticks_max = one->max;
  if (one->heartbeat) options.raft.heartbeat_ticks = one->heartbeat;
  if (one->tick_ns) options.tick_ns = one->tick_ns;
  options.raft.switches &= ~one->off;
  return options;
}

Test(lint, each_is_told_of_bad_settings_and_of_no_good_ones) {
  for (size_t k = 0; k < sizeof settings / sizeof *settings; k++) {
    const setting *one = &settings[k];
    vlot_cluster_options options = options_of(one, VLOT_DRIVER_THREADS);
    vlot_lint lints[MAX];
    char text[512] = "";
    size_t expected = 0, count = vlot_cluster_options_lint(&options, lints, MAX);
    while (expected < 3 && one->expected[expected]) expected++;
    cr_assert_eq(count, expected, "%s: %zu lints", one->what, count);
    for (size_t e = 0; e < expected; e++)
      cr_expect_lt(find(lints, count, one->expected[e]), count, "%s", one->what);
    if (count == 0) continue;
    vlot_lint_text(&lints[0], text, sizeof text);
    cr_expect_not_null(strstr(text, one->text), "%s: %s", one->what, text);
    cr_expect_eq(vlot_cluster_options_lint(&options, NULL, 0), count);
  }
}

Test(lint, ticks_of_virtual_time_are_never_short) {
  setting one = {.tick_ns = 100000};
  vlot_cluster_options options = options_of(&one, VLOT_DRIVER_LOCKSTEP);
  cr_expect_eq(vlot_cluster_options_lint(&options, NULL, 0), 0);
}

typedef struct lines {
  uint32_t count;
  char first[512];
} lines;

static void note_line(void *context, const char *line) {
  lines *all = context;
  if (all->count++ == 0) snprintf(all->first, sizeof all->first, "%s", line);
}

static vlot_cluster *open_four(vlot_driver driver, uint32_t has_lints, lines *all) {
  vlot_cluster_options options = fleet_options(driver, 4);
  options.log = note_line;
  options.log_context = all;
  options.has_lints = has_lints;
  vlot_cluster *cluster = fleet_open(&options);
  cr_assert_not_null(cluster);
  return cluster;
}

Test(lint, an_opening_cluster_tells_it_as_an_event_and_as_a_line) {
  for (int driver = VLOT_DRIVER_THREADS; driver <= VLOT_DRIVER_LOCKSTEP; driver++) {
    lines all = {0};
    vlot_cluster *cluster = open_four((vlot_driver)driver, 1, &all);
    vlot_event event;
    char text[512];
    cr_assert_eq(vlot_cluster_events(cluster, 0, &event, 1), 1);
    cr_expect_eq(event.kind, VLOT_EVENT_LINT);
    cr_expect(event.as.change.from == VLOT_LINT_EVEN_VOTERS && event.as.change.to == 4 &&
              event.as.change.term == 3);
    vlot_event_text(&event, text, sizeof text);
    cr_expect_str_eq(text, "Note: 4 voters need a quorum of 3, and survive no more failures than 3 "
                           "would; use an odd number of voters");
    cr_expect_eq(all.count, 1);
    cr_expect_str_eq(all.first, text + strlen("Note: "));
    vlot_event_json(&event, text, sizeof text);
    cr_expect_not_null(
        strstr(text,
               "\"event\":\"lint\",\"lint\":\"even_voters\",\"peer\":0,\"value\":4,\"other\":3"),
        "%s", text);
    cr_expect(has(cluster, VLOT_LINT_EVEN_VOTERS, 0));
    cr_expect_eq(vlot_cluster_close(cluster), VLOT_OK);
  }
}

/* The leader's core is given another configuration by hand: no entry changes one yet. */
Test(lint, voters_are_those_of_the_configuration_in_force_at_the_leader) {
  vlot_cluster_options options = fleet_options(VLOT_DRIVER_LOCKSTEP, 3);
  vlot_cluster *cluster = fleet_open(&options);
  const vlot_member members[] = {{.id = 1}, {.id = 2}, {.id = 3}, {.id = 9}};
  uint32_t leader;
  cr_assert_eq(vlot_await_leader(cluster, LONG, &leader), VLOT_OK);
  cr_expect_not(has(cluster, VLOT_LINT_EVEN_VOTERS, 0));
  vlot__seat *seat = vlot__seat_of(cluster, leader);
  vlot_raft *raft = (vlot_raft *)vlot__node_raft(seat->node);
  vlot__config_place *top = &raft->configs.places[raft->configs.count - 1];
  vlot_configuration_release(top->configuration);
  top->configuration = vlot__config_make(vlot_allocator_default(), members, 4, NULL, 0);
  cr_expect(has(cluster, VLOT_LINT_EVEN_VOTERS, 0));
  cr_expect_eq(vlot_cluster_close(cluster), VLOT_OK);
}

Test(lint, who_does_not_want_any_gets_none) {
  lines all = {0};
  vlot_cluster *cluster = open_four(VLOT_DRIVER_LOCKSTEP, 0, &all);
  cr_expect_eq(told(cluster, 0), 0);
  cr_expect_eq(all.count, 0);
  cr_expect_eq(vlot_cluster_lint(cluster, NULL, 0), 0);
  cr_expect_eq(vlot_cluster_close(cluster), VLOT_OK);
  const char *problem;
  vlot_cluster_options options = fleet_options(VLOT_DRIVER_LOCKSTEP, 3);
  options.has_lints = 2;
  cr_expect_eq(vlot_cluster_open(&cluster, &options, &problem), VLOT_INVALID);
  cr_expect_not_null(strstr(problem, "has_lints"));
}

/* --- while it runs --- */

static vlot_cluster *open_nodes(uint32_t nodes, uint32_t off, bool is_inline) {
  vlot_cluster_options options = fleet_options(VLOT_DRIVER_LOCKSTEP, nodes);
  options.raft.switches &= ~off;
  options.is_inline = is_inline;
  vlot_cluster *cluster = fleet_open(&options);
  cr_assert_not_null(cluster);
  return cluster;
}

static uint32_t leader_of(vlot_cluster *cluster) {
  uint32_t leader = 0;
  cr_assert_eq(vlot_await_leader(cluster, LONG, &leader), VLOT_OK);
  return leader;
}

/* Mails of one increment each; answers are thrown away. */
static void submit(vlot_client *client, uint32_t mails) {
  vlot_answer answers[64];
  for (uint32_t k = 0; k < mails; k++) cr_assert_eq(fleet_submit(client, "k", 1, NULL), VLOT_OK);
  while (vlot_client_poll(client, answers, 64) > 0) continue;
}

Test(lint, a_run_without_faults_is_silent) {
  vlot_cluster *cluster = open_nodes(5, 0, true);
  vlot_client *client = fleet_client(cluster, 0, 500);
  leader_of(cluster);
  for (int k = 0; k < 20; k++) {
    submit(client, 2000);
    fleet_pass(cluster, LOOK);
  }
  cr_expect_eq(vlot_cluster_lint(cluster, NULL, 0), 0);
  cr_expect_eq(told(cluster, 0), 0);
  vlot_client_close(client);
  cr_expect_eq(vlot_cluster_close(cluster), VLOT_OK);
}

static void cut_off(vlot_cluster *cluster, uint32_t id) {
  cr_assert_eq(vlot_cluster_partition(cluster, &id, 1), VLOT_OK);
}

Test(lint, a_leader_that_no_quorum_answers_is_told_once_until_it_has_passed) {
  vlot_cluster *cluster = open_nodes(3, VLOT_SWITCH_CHECK_QUORUM | VLOT_SWITCH_STICKINESS, true);
  uint32_t leader = leader_of(cluster);
  for (uint32_t round = 1; round <= 2; round++) {
    cut_off(cluster, leader);
    fleet_pass(cluster, 5 * LOOK);
    cr_expect(has(cluster, VLOT_LINT_NO_QUORUM_CONTACT, leader));
    cr_expect_eq(told(cluster, VLOT_LINT_NO_QUORUM_CONTACT), round);
    cr_assert_eq(vlot_cluster_heal(cluster), VLOT_OK);
    fleet_pass(cluster, 3 * LOOK);
    cr_expect_eq(vlot_cluster_lint(cluster, NULL, 0), 0);
    leader = leader_of(cluster);
  }
  cr_expect_eq(vlot_cluster_close(cluster), VLOT_OK);
}

Test(lint, a_leader_that_steps_down_for_it_needs_no_lint) {
  vlot_cluster *cluster = open_nodes(3, 0, true);
  cut_off(cluster, leader_of(cluster));
  fleet_pass(cluster, 5 * LOOK);
  cr_expect_eq(told(cluster, VLOT_LINT_NO_QUORUM_CONTACT), 0);
  cr_expect_eq(vlot_cluster_close(cluster), VLOT_OK);
}

Test(lint, a_mailbox_that_grows_is_told_and_one_that_is_only_full_is_not) {
  vlot_cluster *cluster = open_nodes(3, 0, true);
  uint32_t leader = leader_of(cluster), other = leader % 3 + 1;
  vlot_client *client = fleet_client(cluster, other, LONG);
  cr_assert_eq(vlot_cluster_suspend(cluster, other), VLOT_OK);
  submit(client, 2000);
  fleet_pass(cluster, LOOK);
  /* heartbeats make it a little fuller, but it takes more than one look */
  cr_expect_eq(told(cluster, 0), 0);
  for (int k = 0; k < 4; k++) {
    submit(client, 400);
    fleet_pass(cluster, LOOK);
  }
  cr_expect(has(cluster, VLOT_LINT_MAILBOX_GROWS, other));
  cr_expect_eq(told(cluster, VLOT_LINT_MAILBOX_GROWS), 1);
  cr_assert_eq(vlot_cluster_resume(cluster, other), VLOT_OK);
  fleet_pass(cluster, 2 * LOOK);
  cr_expect_not(has(cluster, VLOT_LINT_MAILBOX_GROWS, other));
  vlot_client_close(client);
  cr_expect_eq(vlot_cluster_close(cluster), VLOT_OK);
}

static void fall_behind(vlot_cluster *cluster, vlot_client *client, uint32_t id) {
  cut_off(cluster, id);
  for (int k = 0; k < 8; k++) {
    submit(client, 500);
    fleet_pass(cluster, LOOK);
  }
}

Test(lint, a_node_that_falls_behind_is_told_and_passes) {
  uint64_t hashes[2];
  for (int is_inline = 0; is_inline < 2; is_inline++) {
    vlot_cluster *cluster = open_nodes(3, 0, is_inline);
    vlot_client *client = fleet_client(cluster, 0, LONG);
    uint32_t other = leader_of(cluster) % 3 + 1;
    fall_behind(cluster, client, other);
    cr_expect(has(cluster, VLOT_LINT_FALLS_BEHIND, other));
    cr_expect_eq(told(cluster, 0), 1);
    cr_assert_eq(vlot_cluster_heal(cluster), VLOT_OK);
    fleet_pass(cluster, 4 * LOOK);
    cr_expect_eq(vlot_cluster_lint(cluster, NULL, 0), 0);
    cr_expect_eq(told(cluster, 0), 1);
    hashes[is_inline] = fleet_stats(cluster).event_hash;
    vlot_client_close(client);
    cr_expect_eq(vlot_cluster_close(cluster), VLOT_OK);
  }
  cr_expect_eq(hashes[0], hashes[1],
               "lints come at other places when nodes have their own threads");
}

Test(lint, so_many_lost_disks_that_nobody_can_lead_are_told) {
  uint64_t hashes[2];
  for (int is_inline = 0; is_inline < 2; is_inline++) {
    vlot_cluster *cluster = open_nodes(3, 0, is_inline);
    leader_of(cluster);
    cr_expect_eq(vlot_cluster_leaderless_why(cluster), VLOT_WHY_NONE);
    cr_assert_eq(vlot_cluster_restart(cluster, 1, VLOT_RESTART_WIPE), VLOT_OK);
    leader_of(cluster);
    fleet_pass(cluster, 2 * LOOK);
    cr_expect_eq(vlot_cluster_lint(cluster, NULL, 0), 1, "two of three are left");
    cr_expect(has(cluster, VLOT_LINT_BLANK_DISK, 1));
    cr_assert_eq(vlot_cluster_restart(cluster, 2, VLOT_RESTART_WIPE), VLOT_OK);
    fleet_pass(cluster, 4 * LOOK);
    cr_expect(has(cluster, VLOT_LINT_DISKS_LOST, 1));
    cr_expect(has(cluster, VLOT_LINT_DISKS_LOST, 2));
    cr_expect_not(has(cluster, VLOT_LINT_DISKS_LOST, 3));
    cr_expect_eq(told(cluster, VLOT_LINT_DISKS_LOST), 2, "once of each");
    cr_expect_eq(vlot_cluster_leaderless_why(cluster), VLOT_WHY_DISKS_LOST);
    hashes[is_inline] = fleet_stats(cluster).event_hash;
    cr_expect_eq(vlot_cluster_close(cluster), VLOT_OK);
  }
  cr_expect_eq(hashes[0], hashes[1]);
}

Test(lint, with_threads_a_mailbox_that_grows_is_told) {
  vlot_cluster_options options = fleet_options(VLOT_DRIVER_THREADS, 3);
  vlot_cluster *cluster = fleet_open(&options);
  uint32_t leader = leader_of(cluster), other = leader % 3 + 1;
  vlot_client *client = fleet_client(cluster, other, 1000000);
  cr_assert_eq(vlot_cluster_suspend(cluster, other), VLOT_OK);
  submit(client, 1500);
  for (int k = 0; k < LONG && !has(cluster, VLOT_LINT_MAILBOX_GROWS, other); k++) {
    submit(client, 1);
    fleet_pass(cluster, 1);
  }
  cr_expect(has(cluster, VLOT_LINT_MAILBOX_GROWS, other));
  cr_expect_eq(told(cluster, VLOT_LINT_MAILBOX_GROWS), 1);
  cr_assert_eq(vlot_cluster_resume(cluster, other), VLOT_OK);
  for (int k = 0; k < LONG && has(cluster, VLOT_LINT_MAILBOX_GROWS, other); k++)
    fleet_pass(cluster, 1);
  cr_expect_not(has(cluster, VLOT_LINT_MAILBOX_GROWS, other));
  vlot_client_close(client);
  cr_expect_eq(vlot_cluster_close(cluster), VLOT_OK);
}

/* --- nodes that lack memory, and machines that are slow --- */

typedef struct trouble {
  _Atomic uint32_t victim; /* whose machine it is; 0: everyone's */
  _Atomic uint64_t slow_ns;
  _Atomic bool lacks_memory;
  _Atomic uint32_t lines; /* of the log that name what is looked for */
  const char *wanted;
  uint32_t ids[4];
} trouble;

static trouble *troubled; /* create() hands out a place in it */

static void *trouble_create(void *context, uint32_t node, bool is_replaying) {
  trouble *at = context;
  (void)is_replaying;
  troubled = at;
  at->ids[node] = node;
  return &at->ids[node];
}

static void take_time(void) {
  uint64_t until = vlot_clock_ns() + atomic_load(&troubled->slow_ns);
  while (vlot_clock_ns() < until) continue;
}

static bool is_concerned(const void *machine) {
  uint32_t victim = atomic_load(&troubled->victim);
  return victim == 0 || victim == *(const uint32_t *)machine;
}

static vlot_result trouble_apply(void *machine, const vlot_entry *commands, uint32_t count,
                                 uint64_t first, vlot_replies *replies) {
  (void)commands, (void)count, (void)first, (void)replies;
  if (!is_concerned(machine)) return VLOT_OK;
  take_time();
  return atomic_load(&troubled->lacks_memory) ? VLOT_NOMEM : VLOT_OK;
}

static vlot_result trouble_query(void *machine, const void *question, size_t size,
                                 vlot_replies *replies) {
  (void)question, (void)size, (void)replies;
  if (is_concerned(machine)) take_time();
  return VLOT_OK;
}

static void trouble_destroy(void *machine) { (void)machine; }

static void trouble_log(void *context, const char *line) {
  trouble *at = context;
  if (strstr(line, at->wanted)) atomic_fetch_add(&at->lines, 1);
}

static vlot_cluster *open_troubled(trouble *at, vlot_driver driver, const char *wanted) {
  static const vlot_machine machine = {.size = sizeof machine,
                                       .name = "trouble",
                                       .create = trouble_create,
                                       .apply = trouble_apply,
                                       .query = trouble_query,
                                       .destroy = trouble_destroy};
  vlot_machine own = machine;
  vlot_cluster_options options = fleet_options(driver, 3);
  own.context = at;
  *at = (trouble){.wanted = wanted};
  options.machine = &own;
  options.log = trouble_log;
  options.log_context = at;
  return fleet_open(&options);
}

Test(lint, a_node_that_is_fenced_for_want_of_memory_is_told_with_its_tick) {
  for (int driver = 0; driver < 2; driver++) {
    trouble at;
    vlot_cluster *cluster =
        open_troubled(&at, (vlot_driver)driver, "fenced and takes nothing any more: out of memory");
    vlot_client *client = fleet_client(cluster, 0, LONG);
    uint32_t victim = leader_of(cluster) % 3 + 1;
    atomic_store(&at.victim, victim);
    atomic_store(&at.lacks_memory, true);
    cr_expect_eq(vlot_client_propose(client, "x", 1, NULL), VLOT_OK, "the others go on");
    for (int k = 0; k < LONG && !has(cluster, VLOT_LINT_OUT_OF_MEMORY, victim); k++)
      fleet_pass(cluster, 1);
    cr_expect(has(cluster, VLOT_LINT_OUT_OF_MEMORY, victim));
    cr_expect_eq(told(cluster, VLOT_LINT_OUT_OF_MEMORY), 1);
    cr_expect_eq(atomic_load(&at.lines), 1);
    vlot_node_status status = fleet_status(cluster, victim);
    cr_expect_eq(status.state, VLOT_NODE_FENCED);
    cr_expect_eq(status.raft.fenced_why, VLOT_WHY_NO_MEMORY, "%s",
                 vlot_why_name(status.raft.fenced_why));
    cr_expect_gt(status.fenced_tick, 0);
    cr_expect_leq(status.fenced_tick, vlot_cluster_now(cluster));
    atomic_store(&at.lacks_memory, false);
    cr_assert_eq(vlot_cluster_restart(cluster, victim, VLOT_RESTART_KEEP), VLOT_OK);
    for (int k = 0; k < LONG && has(cluster, VLOT_LINT_OUT_OF_MEMORY, victim); k++)
      fleet_pass(cluster, 1);
    cr_expect_not(has(cluster, VLOT_LINT_OUT_OF_MEMORY, victim));
    cr_expect_eq(fleet_status(cluster, victim).fenced_tick, 0);
    vlot_client_close(client);
    cr_expect_eq(vlot_cluster_close(cluster), VLOT_OK);
  }
}

Test(lint, a_quorum_that_is_fenced_for_want_of_memory_is_why_nobody_leads) {
  trouble at;
  vlot_cluster *cluster = open_troubled(&at, VLOT_DRIVER_LOCKSTEP, "out of memory");
  vlot_client *client = fleet_client(cluster, 0, 100);
  leader_of(cluster);
  atomic_store(&at.lacks_memory, true);
  cr_expect_neq(vlot_client_propose(client, "x", 1, NULL), VLOT_OK);
  fleet_pass(cluster, 4 * LOOK);
  cr_expect_eq(vlot_cluster_leaderless_why(cluster), VLOT_WHY_NO_MEMORY);
  vlot_client_close(client);
  cr_expect_eq(vlot_cluster_close(cluster), VLOT_OK);
}

/* 15 ticks of 8 ms are 120 ms; the coarse clock may be late by 10. */
enum { SLOW_NS = 200000000 };

Test(lint, with_threads_a_machine_that_is_slower_than_an_election_timeout_is_told) {
  static const uint32_t numbers[] = {VLOT_LINT_SLOW_APPLY, VLOT_LINT_SLOW_QUERY};
  static const char *const names[] = {"apply() of n", "query() of n"};
  for (int way = 0; way < 2; way++) {
    trouble at;
    vlot_cluster *cluster = open_troubled(&at, VLOT_DRIVER_THREADS, names[way]);
    vlot_client *client = fleet_client(cluster, 0, LONG);
    uint32_t leader = leader_of(cluster);
    cr_expect_eq(fleet_status(cluster, leader).slow_calls, 0);
    atomic_store(&at.victim, leader);
    atomic_store(&at.slow_ns, SLOW_NS);
    for (int k = 0; k < 3; k++) { /* whatever becomes of it: another may lead meanwhile */
      vlot_result result = way == 0 ? vlot_client_propose(client, "x", 1, NULL)
                                    : vlot_client_query(client, "x", 1, NULL);
      cr_expect(result == VLOT_OK || result == VLOT_UNKNOWN || result == VLOT_REJECTED);
    }
    atomic_store(&at.slow_ns, 0);
    for (int k = 0; k < LONG && !has(cluster, numbers[way], leader); k++) fleet_pass(cluster, 1);
    cr_expect(has(cluster, numbers[way], leader), "way %d", way);
    cr_expect_not(has(cluster, numbers[1 - way], leader));
    cr_expect_eq(told(cluster, numbers[way]), 1, "once, and not per call");
    cr_expect_eq(atomic_load(&at.lines), 1);
    cr_expect_geq(fleet_status(cluster, leader).slow_calls, 1);
    vlot_lint lints[MAX];
    size_t count = vlot_cluster_lint(cluster, lints, MAX),
           at_lint = find(lints, count, numbers[way]);
    cr_assert_lt(at_lint, count);
    cr_expect_geq(lints[at_lint].value, SLOW_NS / 1000000 - 10);
    cr_expect_eq(lints[at_lint].other, 120);
    vlot_client_close(client);
    cr_expect_eq(vlot_cluster_close(cluster), VLOT_OK);
  }
}

Test(lint, in_lockstep_no_real_time_is_looked_at) {
  uint64_t hashes[2];
  for (int is_slow = 0; is_slow < 2; is_slow++) {
    trouble at;
    vlot_cluster *cluster = open_troubled(&at, VLOT_DRIVER_LOCKSTEP, "apply() of n");
    vlot_client *client = fleet_client(cluster, 0, LONG);
    leader_of(cluster);
    atomic_store(&at.slow_ns, is_slow ? SLOW_NS : 0);
    cr_expect_eq(vlot_client_propose(client, "x", 1, NULL), VLOT_OK);
    fleet_pass(cluster, 4 * LOOK);
    cr_expect_eq(vlot_cluster_lint(cluster, NULL, 0), 0);
    cr_expect_eq(fleet_status(cluster, 1).slow_calls, 0);
    hashes[is_slow] = fleet_stats(cluster).event_hash;
    vlot_client_close(client);
    cr_expect_eq(vlot_cluster_close(cluster), VLOT_OK);
  }
  cr_expect_eq(hashes[0], hashes[1]);
}

/* --- a cluster that does not get on ----------------------------------------------------------- */

static vlot_cluster *open_plain(vlot_driver driver) {
  vlot_cluster *cluster;
  vlot_cluster_options options;
  vlot_cluster_options_init(&options);
  options.driver = driver;
  options.tick_ns = 1000000;
  cr_assert_eq(vlot_cluster_open(&cluster, &options, NULL), VLOT_OK);
  cr_assert_eq(vlot_await_leader(cluster, 60000, NULL), VLOT_OK);
  return cluster;
}

static bool sees(vlot_cluster *cluster, uint32_t number, uint32_t node) {
  vlot_lint lints[64];
  size_t count = vlot_cluster_lint(cluster, lints, 64);
  for (size_t k = 0; k < count && k < 64; k++)
    if (lints[k].number == number && (node == 0 || lints[k].node == node)) return true;
  return false;
}

/* Within so many ticks; with threads or in lockstep. */
static bool comes_to_see(vlot_cluster *cluster, uint32_t number, uint32_t node, bool wanted) {
  for (unsigned k = 0; k < 2000; k++) {
    if (sees(cluster, number, node) == wanted) return true;
    cr_assert_eq(vlot_await_applied(cluster, 1, VLOT_INDEX_MAX, 8), VLOT_TIMEOUT);
  }
  return false;
}

Test(lint, sees_what_keeps_a_cluster_from_its_work) {
  for (int k = 0; k < 2; k++) {
    const vlot_disk_fault stalled = {.is_stalled = 1}, well = {0}, full = {.is_full = 1};
    vlot_cluster *cluster = open_plain(k ? VLOT_DRIVER_THREADS : VLOT_DRIVER_LOCKSTEP);
    vlot_client *client;
    cr_assert_eq(vlot_client_open(&client, cluster, NULL), VLOT_OK);
    uint32_t leader = vlot_cluster_leader(cluster), other = leader % 3 + 1, third = other % 3 + 1;
    cr_expect(!sees(cluster, VLOT_LINT_NO_LEADER, 0));

    cr_assert_eq(vlot_cluster_set_disk(cluster, other, &stalled), VLOT_OK);
    cr_assert_eq(vlot_client_propose(client, "x", 1, NULL), VLOT_OK);
    cr_expect(comes_to_see(cluster, VLOT_LINT_DISK_STALLED, other, true));
    cr_assert_eq(vlot_cluster_set_disk(cluster, other, &well), VLOT_OK);
    cr_expect(comes_to_see(cluster, VLOT_LINT_DISK_STALLED, other, false));

    cr_assert_eq(vlot_cluster_set_disk(cluster, third, &full), VLOT_OK);
    cr_assert_eq(vlot_client_propose(client, "x", 1, NULL), VLOT_OK);
    cr_expect(comes_to_see(cluster, VLOT_LINT_DISK_FAILED, third, true));
    cr_assert_eq(vlot_cluster_set_disk(cluster, third, &well), VLOT_OK);
    cr_assert_eq(vlot_cluster_restart(cluster, third, VLOT_RESTART_KEEP), VLOT_OK);
    cr_expect(comes_to_see(cluster, VLOT_LINT_DISK_FAILED, third, false));

    cr_assert_eq(vlot_cluster_suspend(cluster, other), VLOT_OK);
    cr_expect(!sees(cluster, VLOT_LINT_SUSPENDED, other), "one of three is no majority");
    cr_assert_eq(vlot_cluster_suspend(cluster, third), VLOT_OK);
    cr_expect(comes_to_see(cluster, VLOT_LINT_SUSPENDED, third, true));
    cr_expect(comes_to_see(cluster, VLOT_LINT_NO_LEADER, 0, true));
    cr_assert_eq(vlot_cluster_resume(cluster, other), VLOT_OK);
    cr_assert_eq(vlot_cluster_resume(cluster, third), VLOT_OK);
    cr_expect(comes_to_see(cluster, VLOT_LINT_SUSPENDED, third, false));
    cr_expect(comes_to_see(cluster, VLOT_LINT_NO_LEADER, 0, false));

    cr_assert_eq(vlot_cluster_restart(cluster, other, VLOT_RESTART_WIPE), VLOT_OK);
    cr_expect(comes_to_see(cluster, VLOT_LINT_BLANK_DISK, other, true));
    vlot_client_close(client);
    cr_assert_eq(vlot_cluster_close(cluster), VLOT_OK);
  }
}
