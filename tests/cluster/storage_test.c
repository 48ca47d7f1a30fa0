/* Disks that outlive the cluster: what opening makes of what it finds on them. What was
 * acknowledged is there, or nobody leads.
 */
#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/prng.h"
#include "fleet.h"
#include "shelf.h"

enum { LONG = 1000, SHORT = 300, CLUSTER = 900 };

static const char *const edition_names[] = {"first edition", "second edition", "without format"};

/* Every disk that was opened is released. */
static void close_all(shelf *all, vlot_cluster *cluster) {
  cr_expect_eq(vlot_cluster_close(cluster), VLOT_OK);
  for (uint32_t id = 0; id <= SHELF_DISKS; id++)
    cr_expect_eq(all->disks[id].opened, all->disks[id].released, "n%" PRIu32, id);
}

static vlot_cluster *open_on(shelf *all, uint32_t nodes) {
  vlot_cluster_options options = shelf_options(all, VLOT_DRIVER_LOCKSTEP, nodes);
  vlot_cluster *cluster = NULL;
  cr_assert_eq(vlot_cluster_open(&cluster, &options, NULL), VLOT_OK, "%s", all->log);
  return cluster;
}

static void cut_off(vlot_cluster *cluster, uint32_t id) {
  vlot_link cut = {.is_cut = 1};
  cr_assert_eq(vlot_cluster_set_link(cluster, id, 0, &cut), VLOT_OK);
  cr_assert_eq(vlot_cluster_set_link(cluster, 0, id, &cut), VLOT_OK);
}

/* --- what is acknowledged in one life is there in the next, or nobody leads --- */

/* One life with a member cut off: add 1 ten times. -1: nobody leads. */
static long live(shelf *all, vlot_driver driver, uint32_t off) {
  vlot_cluster_options options = shelf_options(all, driver, 3);
  vlot_cluster *cluster;
  char value[32];
  cr_assert_eq(vlot_cluster_open(&cluster, &options, NULL), VLOT_OK, "%s", all->log);
  cut_off(cluster, off);
  long total = -1;
  if (vlot_await_leader(cluster, driver == VLOT_DRIVER_THREADS ? 100 : SHORT, NULL) == VLOT_OK) {
    vlot_client *client = fleet_client(cluster, 0, LONG);
    for (int k = 0; k < 10; k++) cr_assert_eq(fleet_add(client, "n", 1), VLOT_OK);
    cr_assert_eq(fleet_get(client, "n", value, sizeof value), VLOT_OK);
    total = strtol(value, NULL, 10);
    vlot_client_close(client);
  }
  close_all(all, cluster);
  return total;
}

Test(storage, a_disk_that_was_lost_does_not_vote_in_the_next_life) {
  for (int edition = 0; edition < SHELF_EDITIONS; edition++) {
    for (int driver = edition == SHELF_PLAIN; driver < 2; driver++) {
      shelf *all = shelf_open((shelf_edition)edition);
      cr_assert_eq(live(all, (vlot_driver)driver, 3), 10, "%s", edition_names[edition]);
      shelf_blank(all, 2);
      cr_expect_eq(live(all, (vlot_driver)driver, 1), -1,
                   "%s: n2 has forgotten what it acknowledged", edition_names[edition]);
      cr_expect_eq(live(all, (vlot_driver)driver, 1), -1, "%s: and it does not count later either",
                   edition_names[edition]);
      cr_expect_eq(live(all, (vlot_driver)driver, 2), 20, "%s: n1 and n3 have it all",
                   edition_names[edition]);
      shelf_close(all);
    }
  }
}

Test(storage, a_lost_disk_receives_entries_and_its_machine_catches_up) {
  for (int edition = 0; edition < SHELF_EDITIONS; edition++) {
    shelf *all = shelf_open((shelf_edition)edition);
    cr_assert_eq(live(all, VLOT_DRIVER_LOCKSTEP, 3), 10);
    shelf_blank(all, 2);
    vlot_cluster *cluster = open_on(all, 3);
    cr_assert(strstr(all->log, "n2's disk is blank among written ones"), "%s", all->log);
    cr_assert_eq(vlot_await_leader(cluster, LONG, NULL), VLOT_OK);
    cr_expect_neq(vlot_cluster_leader(cluster), 2);
    cr_expect_eq(vlot_await_quiet(cluster, LONG), VLOT_OK);
    cr_expect(fleet_agrees(cluster));
    cr_expect_eq(fleet_status(cluster, 2).raft.last_index,
                 fleet_status(cluster, vlot_cluster_leader(cluster)).raft.last_index);
    cr_expect_gt(all->disks[2].count, 0);
    close_all(all, cluster);
    shelf_close(all);
  }
}

/* Disks are lost, members cut off, nodes killed, life after life. */
static void live_on(shelf_edition edition, uint64_t seed) {
  shelf *all = shelf_open(edition);
  vlot__prng dice;
  uint64_t acknowledged = 0, unknown = 0;
  char value[32];
  vlot__prng_init(&dice, seed, 1);
  for (int life = 0; life < 6; life++) {
    uint32_t lost = (uint32_t)vlot__prng_below(&dice, 4),
             off = (uint32_t)vlot__prng_below(&dice, 4);
    if (life > 0 && lost > 0 && vlot__prng_chance(&dice, 400000)) shelf_blank(all, lost);
    vlot_cluster_options options = shelf_options(all, VLOT_DRIVER_LOCKSTEP, 3);
    vlot_cluster *cluster;
    options.seed = seed * 8 + (uint64_t)life;
    cr_assert_eq(vlot_cluster_open(&cluster, &options, NULL), VLOT_OK, "%s", all->log);
    if (off > 0) cut_off(cluster, off);
    vlot_client *client = fleet_client(cluster, 0, 60);
    for (int k = 0; k < 6; k++) {
      vlot_result result = fleet_add(client, "n", 1);
      if (result == VLOT_OK) acknowledged++;
      if (result == VLOT_UNKNOWN) unknown++;
      if (k != 3) continue;
      off = (uint32_t)vlot__prng_below(&dice, 4);
      cr_assert_eq(vlot_cluster_heal(cluster), VLOT_OK);
      if (off > 0) cut_off(cluster, off);
      uint32_t again = 1 + (uint32_t)vlot__prng_below(&dice, 3);
      cr_assert_eq(vlot_cluster_restart(cluster, again, VLOT_RESTART_KEEP), VLOT_OK);
    }
    cr_assert_eq(vlot_cluster_heal(cluster), VLOT_OK);
    if (vlot_await_leader(cluster, SHORT, NULL) == VLOT_OK &&
        fleet_get(client, "n", value, sizeof value) == VLOT_OK) {
      uint64_t total = strtoull(value, NULL, 10);
      cr_assert_geq(total, acknowledged, "%s, seed %" PRIu64 ", life %d: entries are lost",
                    edition_names[edition], seed, life);
      cr_assert_leq(total, acknowledged + unknown);
    }
    vlot_client_close(client);
    close_all(all, cluster);
  }
  shelf_close(all);
}

Test(storage, in_many_lives_nothing_that_was_acknowledged_is_lost) {
  for (int edition = 0; edition < SHELF_EDITIONS; edition++)
    for (uint64_t seed = 1; seed <= 60; seed++) live_on((shelf_edition)edition, seed);
}

/* --- every combination of what three disks can hold --- */

typedef enum disk_state { BLANK, FORMATTED, MADE, WRITTEN, STATES } disk_state;

static const vlot_member three[] = {
    {.id = 1, .disk_id = 11}, {.id = 2, .disk_id = 12}, {.id = 3, .disk_id = 13}};

static void put_label(shelf *all, uint32_t id, bool is_made) {
  shelf_disk *disk = &all->disks[id];
  memcpy(disk->members, three, sizeof three);
  disk->label = (vlot_disk_label){.cluster_id = CLUSTER,
                                  .disk_id = 10 + id,
                                  .member = id,
                                  .is_made = is_made,
                                  .member_count = 3,
                                  .members = disk->members};
}

/* Two entries of term 2, in term 3. */
static void put_log(shelf_disk *disk) {
  const vlot_entry entries[] = {{.kind = VLOT_ENTRY_NOOP}, {.kind = VLOT_ENTRY_NOOP}};
  disk->hard.term = 3;
  disk->slices[disk->count++] = (vlot_slice){
      .batch = vlot_batch_make(NULL, entries, NULL, 2), .index = 1, .term = 2, .count = 2};
}

static void put_state(shelf *all, uint32_t id, disk_state state) {
  shelf_disk *disk = &all->disks[id];
  if (state == BLANK) return;
  if (all->edition == SHELF_SECOND)
    put_label(all, id, state > FORMATTED);
  else
    disk->hard = (vlot_hard_state){.disk_id = 10 + id, .term = state > FORMATTED};
  if (state == WRITTEN) put_log(disk);
}

static void check_states(shelf_edition edition, const disk_state states[3]) {
  char what[96];
  shelf *all = shelf_open(edition);
  bool is_made = false;
  uint32_t lost = 0;
  snprintf(what, sizeof what, "%s, %d %d %d", edition_names[edition], (int)states[0],
           (int)states[1], (int)states[2]);
  for (int k = 0; k < 3; k++) is_made = is_made || states[k] >= MADE;
  for (int k = 0; k < 3; k++) lost += is_made && states[k] == BLANK;
  for (uint32_t id = 1; id <= 3; id++) put_state(all, id, states[id - 1]);
  uint64_t ids[2][4] = {{0}};
  for (int life = 0; life < 2; life++) {
    vlot_cluster *cluster = open_on(all, 3);
    for (uint32_t id = 1; id <= 3; id++) {
      ids[life][id] = fleet_status(cluster, id).disk_id;
      cr_expect_eq(ids[life][id], shelf_disk_id(all, id), "%s", what);
      cr_expect(shelf_is_made(all, id), "%s", what);
      if (states[id - 1] != BLANK) cr_expect_eq(ids[life][id], 10 + id, "%s", what);
      bool counts = !is_made || states[id - 1] != BLANK;
      if (edition == SHELF_SECOND)
        cr_expect_eq(all->disks[id].members[id - 1].disk_id == ids[life][id], counts, "%s", what);
      if (states[id - 1] == BLANK && life == 1) cr_expect_eq(ids[1][id], ids[0][id], "%s", what);
    }
    bool leads = vlot_await_leader(cluster, SHORT, NULL) == VLOT_OK;
    cr_expect_eq(leads, lost < 2, "%s, life %d", what, life);
    close_all(all, cluster);
  }
  shelf_close(all);
}

Test(storage, opening_knows_every_combination_of_what_three_disks_hold) {
  for (int edition = 0; edition < SHELF_EDITIONS; edition++)
    for (int k = 0; k < STATES * STATES * STATES; k++) {
      const disk_state states[3] = {(disk_state)(k % STATES), (disk_state)(k / STATES % STATES),
                                    (disk_state)(k / STATES / STATES)};
      check_states((shelf_edition)edition, states);
    }
}

/* --- crashes while disks are formatted --- */

Test(storage, a_bootstrap_that_was_interrupted_anywhere_is_completed) {
  for (int edition = 0; edition < SHELF_EDITIONS; edition++)
    for (uint32_t first = 1; first <= 6; first++)
      for (uint32_t second = 1; second <= 7; second++) {
        shelf *all = shelf_open((shelf_edition)edition);
        vlot_cluster_options options = shelf_options(all, VLOT_DRIVER_LOCKSTEP, 3);
        vlot_cluster *cluster;
        all->crash_in = first;
        cr_assert_eq(vlot_cluster_open(&cluster, &options, NULL), VLOT_IO);
        cr_expect_eq(all->formats, first);
        all->crash_in = second; /* and once more, if it comes to that */
        if (vlot_cluster_open(&cluster, &options, NULL) == VLOT_OK) close_all(all, cluster);
        all->crash_in = 0;
        cluster = open_on(all, 3);
        cr_expect_not(strstr(all->log, "blank"), "%s", all->log);
        for (uint32_t id = 1; id <= 3; id++) {
          cr_expect(shelf_is_made(all, id));
          cut_off(cluster, id);
          cr_expect_eq(vlot_await_leader(cluster, LONG, NULL), VLOT_OK,
                       "%s, %" PRIu32 ": the other two count", edition_names[edition], first);
          cr_assert_eq(vlot_cluster_heal(cluster), VLOT_OK);
        }
        close_all(all, cluster);
        shelf_close(all);
      }
}

Test(storage, a_bootstrap_is_completed_as_it_was_begun) {
  for (uint32_t nodes = 1; nodes <= 5; nodes++)
    for (uint32_t crash = 2; crash <= 6; crash++) {
      shelf *all = shelf_open(SHELF_SECOND);
      vlot_cluster_options options = shelf_options(all, VLOT_DRIVER_LOCKSTEP, 3);
      vlot_cluster *cluster;
      all->crash_in = crash;
      cr_assert_eq(vlot_cluster_open(&cluster, &options, NULL), VLOT_IO);
      all->crash_in = 0;
      cluster = open_on(all, nodes);
      cr_expect_eq(vlot_cluster_nodes(cluster), 3);
      cr_expect_eq(vlot_await_leader(cluster, LONG, NULL), VLOT_OK);
      close_all(all, cluster);
      shelf_close(all);
    }
}

Test(storage, a_crash_while_a_lost_disk_is_formatted_leaves_it_lost) {
  for (int edition = 0; edition < SHELF_EDITIONS; edition++) {
    shelf *all = shelf_open((shelf_edition)edition);
    cr_assert_eq(live(all, VLOT_DRIVER_LOCKSTEP, 3), 10);
    shelf_blank(all, 2);
    vlot_cluster_options options = shelf_options(all, VLOT_DRIVER_LOCKSTEP, 3);
    vlot_cluster *cluster;
    all->crash_in = 1;
    cr_assert_eq(vlot_cluster_open(&cluster, &options, NULL), VLOT_IO);
    all->crash_in = 0;
    cr_expect_eq(shelf_disk_id(all, 2), 0);
    cr_expect_eq(live(all, VLOT_DRIVER_LOCKSTEP, 1), -1);
    cr_expect_eq(live(all, VLOT_DRIVER_LOCKSTEP, 2), 20);
    shelf_close(all);
  }
}

Test(storage, writes_that_are_pending_while_opening_are_waited_for_or_stopped) {
  shelf *all = shelf_open(SHELF_FIRST);
  vlot_cluster_options options = shelf_options(all, VLOT_DRIVER_LOCKSTEP, 3);
  vlot_cluster *cluster;
  all->is_pending = true;
  cr_assert_eq(vlot_cluster_open(&cluster, &options, NULL), VLOT_OK, "%s", all->log);
  for (uint32_t id = 1; id <= 3; id++) cr_expect(shelf_is_made(all, id));
  close_all(all, cluster);
  shelf_close(all);
}

/* --- a majority of blank disks --- */

static void expect_lost(shelf_edition edition, vlot_driver driver) {
  vlot_lint lints[4];
  shelf *all = shelf_open(edition);
  put_state(all, 2, WRITTEN);
  vlot_cluster_options options = shelf_options(all, driver, 3);
  vlot_cluster *cluster;
  cr_assert_eq(vlot_cluster_open(&cluster, &options, NULL), VLOT_OK, "%s", all->log);
  cr_expect(strstr(all->log, "n1's disk was lost, as those of 2 of 3 voters"), "%s", all->log);
  cr_expect(strstr(all->log, "n3's disk was lost, as those of 2 of 3 voters"), "%s", all->log);
  cr_assert_eq(vlot_cluster_lint(cluster, lints, 4), 2);
  cr_expect(lints[0].number == VLOT_LINT_DISKS_LOST && lints[0].node == 1);
  cr_expect(lints[1].number == VLOT_LINT_DISKS_LOST && lints[1].node == 3);
  cr_expect_eq(vlot_await_leader(cluster, 100, NULL), VLOT_TIMEOUT);
  cr_expect_eq(vlot_cluster_leaderless_why(cluster), VLOT_WHY_DISKS_LOST);
  for (uint32_t id = 1; id <= 3; id++)
    cr_expect_eq(fleet_status(cluster, id).raft.has_foreign_disk, id != 2);
  cr_assert_eq(vlot_cluster_lint(cluster, lints, 4), 2, "it is so while it runs, too");
  close_all(all, cluster);
  shelf_close(all);
}

Test(storage, a_majority_of_blank_disks_opens_without_a_leader_and_says_why) {
  for (int edition = 0; edition < SHELF_EDITIONS; edition++)
    expect_lost((shelf_edition)edition, VLOT_DRIVER_LOCKSTEP);
  expect_lost(SHELF_SECOND, VLOT_DRIVER_THREADS);
}

/* --- ids of disks --- */

static void read_ids(vlot_driver driver, uint64_t ids[6]) {
  vlot_cluster_options options = fleet_options(driver, 3);
  vlot_cluster *cluster = fleet_open(&options);
  for (uint32_t id = 1; id <= 3; id++) ids[id - 1] = fleet_status(cluster, id).disk_id;
  for (uint32_t k = 3; k < 6; k++) {
    cr_assert_eq(vlot_cluster_restart(cluster, 2, VLOT_RESTART_WIPE), VLOT_OK);
    ids[k] = fleet_status(cluster, 2).disk_id;
  }
  cr_expect_eq(vlot_cluster_close(cluster), VLOT_OK);
}

Test(storage, disks_are_told_apart_with_threads_in_all_clusters_and_in_lockstep_in_one) {
  uint64_t ids[2][6];
  read_ids(VLOT_DRIVER_THREADS, ids[0]);
  read_ids(VLOT_DRIVER_THREADS, ids[1]);
  for (int a = 0; a < 12; a++)
    for (int b = 0; b < a; b++) cr_expect_neq(ids[a / 6][a % 6], ids[b / 6][b % 6]);
  read_ids(VLOT_DRIVER_LOCKSTEP, ids[0]);
  read_ids(VLOT_DRIVER_LOCKSTEP, ids[1]);
  for (int a = 0; a < 6; a++) {
    cr_expect_eq(ids[0][a], ids[1][a], "the seed gives them");
    for (int b = 0; b < a; b++) cr_expect_neq(ids[0][a], ids[0][b]);
  }
}

/* --- who belongs to it --- */

Test(storage, the_stored_configuration_wins_over_the_options) {
  const struct {
    uint32_t nodes, learners;
    const char *says;
  } rows[] = {
      {5, 0, "options say 5 nodes, the stored configuration has 3: it wins"},
      {1, 0, "options say 1 nodes, the stored configuration has 3: it wins"},
      {3, 1, "options say 1 learners, the stored configuration has 0: it wins"},
      {3, 0, ""},
  };
  for (size_t k = 0; k < sizeof rows / sizeof *rows; k++) {
    shelf *all = shelf_open(SHELF_SECOND);
    for (uint32_t id = 1; id <= 3; id++) put_state(all, id, MADE);
    vlot_cluster_options options = shelf_options(all, VLOT_DRIVER_LOCKSTEP, rows[k].nodes);
    vlot_cluster *cluster;
    options.learners = rows[k].learners;
    cr_assert_eq(vlot_cluster_open(&cluster, &options, NULL), VLOT_OK, "%s", all->log);
    cr_expect(strstr(all->log, rows[k].says), "%s", all->log);
    cr_expect_eq(vlot_cluster_nodes(cluster), 3);
    cr_expect_eq(fleet_status(cluster, 3).is_learner, 0);
    cr_expect_eq(vlot_await_leader(cluster, LONG, NULL), VLOT_OK);
    cr_expect_eq(shelf_disk_id(all, 4), 0, "who does not belong to it is not formatted");
    close_all(all, cluster);
    shelf_close(all);
  }
}

Test(storage, members_of_any_id_are_asked_for_their_disks) {
  static const vlot_member far[] = {{.id = 2, .disk_id = 12},
                                    {.id = 5, .disk_id = 15},
                                    {.id = 8, .disk_id = 18, .is_learner = 1}};
  shelf *all = shelf_open(SHELF_SECOND);
  for (int k = 0; k < 3; k++) {
    put_label(all, far[k].id, true);
    memcpy(all->disks[far[k].id].members, far, sizeof far);
  }
  vlot_cluster *cluster = open_on(all, 3);
  uint32_t ids[4];
  cr_expect_eq(vlot_cluster_ids(cluster, ids, 4), 3);
  for (int k = 0; k < 3; k++) cr_expect_eq(ids[k], far[k].id);
  cr_expect_eq(fleet_status(cluster, 8).is_learner, 1);
  cr_expect_eq(vlot_await_leader(cluster, LONG, NULL), VLOT_OK);
  close_all(all, cluster);
  shelf_close(all);
}

Test(storage, one_voter_with_a_blank_disk_bootstraps_and_stays) {
  for (int edition = 0; edition < SHELF_EDITIONS; edition++) {
    shelf *all = shelf_open((shelf_edition)edition);
    for (int life = 0; life < 3; life++) {
      vlot_cluster *cluster = open_on(all, 1);
      vlot_client *client = fleet_client(cluster, 0, LONG);
      char value[32];
      cr_assert_eq(fleet_add(client, "n", 1), VLOT_OK);
      cr_assert_eq(fleet_get(client, "n", value, sizeof value), VLOT_OK);
      cr_expect_eq(strtol(value, NULL, 10), life + 1);
      vlot_client_close(client);
      close_all(all, cluster);
    }
    shelf_close(all);
  }
}

Test(storage, a_node_does_not_start_on_another_disk_than_was_opened) {
  for (int edition = 0; edition < SHELF_EDITIONS; edition++) {
    shelf *all = shelf_open((shelf_edition)edition);
    vlot_cluster *cluster = open_on(all, 3);
    cr_assert_eq(vlot_cluster_kill(cluster, 2, false), VLOT_OK);
    shelf_blank(all, 2);
    cr_expect_eq(vlot_cluster_spawn(cluster, 2), VLOT_INVALID);
    cr_expect(strstr(all->log, "n2 could not start: its storage holds another disk"), "%s",
              all->log);
    close_all(all, cluster);
    shelf_close(all);
  }
}

/* --- what is refused, in words --- */

static const vlot_member stranger[] = {{.id = 1, .disk_id = 11}, {.id = 2, .disk_id = 99}};
static const vlot_member twice[] = {{.id = 1, .disk_id = 11}, {.id = 1, .disk_id = 12}};
static const vlot_member nobody[] = {{.id = 0, .disk_id = 11}};
static const vlot_member learners[] = {{.id = 1, .disk_id = 11, .is_learner = 1}};
static const vlot_member too_far[] = {{.id = 70000, .disk_id = 11}};
static const vlot_member no_disk[] = {{.id = 1, .disk_id = 11}, {.id = 2}};
static const vlot_member one_disk[] = {{.id = 1, .disk_id = 11}, {.id = 2, .disk_id = 11}};

static void configure(vlot_disk_label *label, const vlot_member *members, uint32_t count) {
  label->members = members;
  label->member_count = count;
}

enum { REFUSALS = 18 };

/* Break what three sound disks say, in one of so many ways; what is said of it. */
static const char *break_it(shelf *all, int how) {
  shelf_disk *one = &all->disks[1], *two = &all->disks[2];
  switch (how) {
  case 0:
    two->label.cluster_id = 901;
    return "n1's disk is of cluster 0000000000000384, and n2's of cluster 0000000000000385";
  case 1:
    configure(&two->label, stranger, 2);
    return "the disks of n1 and n2 name different configurations, of 3 and of 2 members";
  case 2: two->label.member = 3; return "n2's disk says that it is n3's";
  case 3: two->label.disk_id = 11; return "n1 and n2 have the same disk, 000000000000000b";
  case 4: two->label.disk_id = 0; return "n2's disk has a label without a disk id";
  case 5: two->label.cluster_id = 0; return "n2's disk has a label without a cluster id";
  case 6: two->label.is_made = 2; return "n2's disk has a label whose is_made is neither 0 nor 1";
  case 7:
    configure(&one->label, twice, 2);
    return "the label of n1's disk: members: an id stands there twice";
  case 8:
    configure(&one->label, nobody, 1);
    return "the label of n1's disk: members: id 0 means none";
  case 9:
    configure(&one->label, learners, 1);
    return "the label of n1's disk: members: at least one voter is needed";
  case 10:
    configure(&one->label, NULL, 3);
    return "the label of n1's disk: members: 1 to 1024 of them are needed";
  case 11:
    configure(&one->label, three, 100000);
    return "the label of n1's disk: members: 1 to 1024 of them are needed";
  case 12:
    configure(&one->label, too_far, 1);
    return "the label of n1's disk names a member 70000: 1 to 65535";
  case 13: configure(&one->label, no_disk, 2); return "the label of n1's disk names no disk for n2";
  case 14:
    configure(&one->label, one_disk, 2);
    return "the label of n1's disk names disk 000000000000000b for n1 and for n2";
  case 15:
    two->label = (vlot_disk_label){0};
    put_log(two);
    return "n2's disk has a term or a log, and no label";
  case 16:
    two->label.is_made = 0;
    put_log(two);
    return "n2's disk has a term or a log, and says that it is not made yet";
  default:
    two->hard.disk_id = 77;
    return "n2's disk has another disk id in its hard state than in its label";
  }
}

/* Opening fails and says why, in the log and where it was asked to. */
static void expect_refused(shelf *all, vlot_result result, const char *says) {
  char words[256];
  const char *problem;
  vlot_cluster *cluster;
  vlot_cluster_options options = shelf_options(all, VLOT_DRIVER_LOCKSTEP, 3);
  cr_expect_eq(vlot_cluster_open(&cluster, &options, &problem), result, "%s", says);
  cr_expect_not_null(problem, "%s", says);
  options.problem = words;
  options.problem_size = sizeof words;
  cr_expect_eq(vlot_cluster_open(&cluster, &options, &problem), result, "%s", says);
  cr_expect_null(cluster);
  cr_expect_eq(problem, words);
  cr_expect_str_eq(words, says);
  cr_expect(strstr(all->log, says), "%s: %s", says, all->log);
  for (uint32_t id = 0; id <= SHELF_DISKS; id++)
    cr_expect_eq(all->disks[id].opened, all->disks[id].released);
}

Test(storage, labels_that_do_not_fit_are_refused_in_words) {
  for (int how = 0; how < REFUSALS; how++) {
    shelf *all = shelf_open(SHELF_SECOND);
    for (uint32_t id = 1; id <= 3; id++) put_state(all, id, MADE);
    const char *says = break_it(all, how);
    expect_refused(all, VLOT_INVALID, says);
    shelf_close(all);
  }
}

Test(storage, a_disk_without_an_id_is_refused_in_the_first_edition) {
  shelf *all = shelf_open(SHELF_FIRST);
  for (uint32_t id = 1; id <= 3; id++) put_state(all, id, WRITTEN);
  all->disks[2].hard.disk_id = 0;
  expect_refused(all, VLOT_INVALID, "n2's disk has a term or a log, and no disk id");
  all->disks[2].hard.disk_id = 13;
  expect_refused(all, VLOT_INVALID, "n2 and n3 have the same disk, 000000000000000d");
  shelf_close(all);
}

Test(storage, what_a_storage_says_of_its_failure_is_passed_on) {
  shelf *all = shelf_open(SHELF_SECOND);
  all->breaks_at = 2;
  expect_refused(all, VLOT_IO, "n2's storage cannot be read: storage failed");
  all->disks[2].words = "the file n2.log is cut";
  expect_refused(all, VLOT_IO, "n2's storage cannot be read: the file n2.log is cut");
  all->breaks_at = 0;
  all->crash_in = 2;
  expect_refused(all, VLOT_IO, "n2's storage cannot be formatted: the file n2.log is cut");
  shelf_close(all);
}

Test(storage, what_a_storage_says_while_the_cluster_runs_is_in_the_log) {
  shelf *all = shelf_open(SHELF_SECOND);
  vlot_cluster *cluster = open_on(all, 3);
  cr_assert_eq(vlot_await_leader(cluster, LONG, NULL), VLOT_OK);
  for (uint32_t id = 1; id <= 3; id++) all->disks[id].words = "the disk is full";
  all->breaks_at = 2;
  cr_expect_eq(vlot_cluster_restart(cluster, 2, VLOT_RESTART_KEEP), VLOT_IO);
  cr_expect(strstr(all->log, "n2 could not start: the disk is full"), "%s", all->log);
  all->crash_in = 1;
  vlot_client *client = fleet_client(cluster, 0, LONG);
  cr_expect_neq(fleet_add(client, "n", 1), VLOT_OK);
  cr_expect(strstr(all->log, "is fenced and takes nothing any more: a storage write failed: "
                             "the disk is full"),
            "%s", all->log);
  vlot_client_close(client);
  close_all(all, cluster);
  shelf_close(all);
}

/* --- tables --- */

static vlot_storage odd;

static vlot_result never_load(void *context, vlot_stored *stored) {
  (void)context, (void)stored;
  return VLOT_OK;
}

static vlot_result never_submit(void *context, const vlot_write *write,
                                const vlot_storage_done *done) {
  (void)context, (void)write, (void)done;
  return VLOT_IO;
}

static vlot_result never_format(void *context, const vlot_disk_label *label) {
  (void)context, (void)label;
  return VLOT_IO;
}

static vlot_result open_odd(void *context, uint32_t id, vlot_storage *storage) {
  (void)context;
  *storage = odd;
  if (id != 2) storage->format = NULL;
  return VLOT_OK;
}

static void expect_odd(const char *says) {
  char words[256];
  vlot_cluster *cluster;
  vlot_cluster_options options = fleet_options(VLOT_DRIVER_LOCKSTEP, 3);
  options.open_storage = open_odd;
  options.problem = words;
  options.problem_size = sizeof words;
  cr_expect_eq(vlot_cluster_open(&cluster, &options, NULL), VLOT_INVALID);
  cr_expect_str_eq(words, says);
}

Test(storage, a_table_says_how_much_of_it_there_is) {
  vlot_storage_init(&odd);
  cr_expect_eq(odd.size, sizeof odd);
  cr_expect(!odd.context && !odd.load && !odd.submit && !odd.stop && !odd.release && !odd.format);
  expect_odd("n1's storage: load and submit are needed");
  odd.load = never_load;
  expect_odd("n1's storage: load and submit are needed");
  odd.submit = never_submit;
  odd.format = never_format;
  expect_odd("n2's storage keeps a label and n1's keeps none: all of them must, or none");
  odd.size = 0;
  expect_odd(
      "n2's storage: size is 0, as in the first edition, and it has functions of the second: "
      "call vlot_storage_init()");
  odd.size = sizeof odd + 8;
  expect_odd("n1's storage: its size is of no edition that this build knows");
  odd.size = offsetof(vlot_storage, keep); /* as it was before there were snapshots */
  expect_odd("n2's storage keeps a label and n1's keeps none: all of them must, or none");
  cr_expect_eq(vlot_cluster_options_lint(NULL, NULL, 0), 0);
}

/* --- without memory --- */

static uint64_t open_without(shelf_edition edition, disk_state second, uint64_t fail_at) {
  shelf *all = shelf_open(edition);
  vlot_fault_allocator *faults = vlot_fault_allocator_open();
  vlot_cluster_options options = shelf_options(all, VLOT_DRIVER_LOCKSTEP, 3);
  vlot_cluster *cluster;
  for (uint32_t id = 1; id <= 3; id++) put_state(all, id, id == 2 ? second : MADE);
  options.allocator = vlot_fault_allocator_get(faults);
  vlot_fault_allocator_fail_at(faults, fail_at, false);
  vlot_result result = vlot_cluster_open(&cluster, &options, NULL);
  cr_assert(result == VLOT_OK || result == VLOT_NOMEM, "%s", vlot_result_name(result));
  uint64_t made = vlot_fault_allocator_made(faults);
  if (result == VLOT_OK) close_all(all, cluster);
  for (uint32_t id = 0; id <= SHELF_DISKS; id++)
    cr_expect_eq(all->disks[id].opened, all->disks[id].released);
  for (uint32_t id = 0; id <= SHELF_DISKS; id++) shelf_blank(all, id);
  cr_assert_eq(vlot_fault_allocator_live(faults), 0);
  vlot_fault_allocator_close(faults);
  shelf_close(all);
  return made;
}

Test(storage, any_allocation_of_an_opening_may_fail) {
  for (int edition = 0; edition < SHELF_EDITIONS; edition++)
    for (int second = 0; second < STATES; second++) {
      uint64_t count = open_without((shelf_edition)edition, (disk_state)second, 0);
      cr_assert_gt(count, 10);
      for (uint64_t k = 1; k <= count; k++)
        open_without((shelf_edition)edition, (disk_state)second, k);
    }
}
