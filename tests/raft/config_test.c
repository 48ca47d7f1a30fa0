/* Configurations, the stack of them, and what they count. The stack is driven by hand: no entry
 * changes a configuration yet.
 */
#include <criterion/criterion.h>
#include <signal.h>
#include <string.h>

#include "raft/config.h"
#include "raft/core.h"

#define COUNT(list) (sizeof(list) / sizeof *(list))

static vlot_configuration *make(const vlot_member *members, uint32_t count) {
  cr_assert_null(vlot_configuration_problem(members, count));
  vlot_configuration *made =
      vlot__config_make(vlot__alloc_or_default(NULL), members, count, NULL, 0);
  cr_assert_not_null(made);
  return made;
}

Test(config, a_half_has_voters_and_names_nobody_twice) {
  const vlot_member none[] = {{.id = 0}}, twice[] = {{.id = 2}, {.id = 1}, {.id = 2}},
                    odd[] = {{.id = 1, .is_learner = 2}}, learners[] = {{.id = 1, .is_learner = 1}},
                    sparse[] = {{.id = 65535}, {.id = 7, .is_learner = 1}};
  cr_expect_str_eq(vlot_configuration_problem(NULL, 1), "members: 1 to 1024 of them are needed");
  cr_expect_str_eq(vlot_configuration_problem(none, 0), "members: 1 to 1024 of them are needed");
  cr_expect_str_eq(vlot_configuration_problem(none, 1), "members: id 0 means none");
  cr_expect_str_eq(vlot_configuration_problem(twice, 3), "members: an id stands there twice");
  cr_expect_str_eq(vlot_configuration_problem(odd, 1), "members: is_learner is 0 or 1");
  cr_expect_str_eq(vlot_configuration_problem(learners, 1),
                   "members: at least one voter is needed");
  cr_expect_null(vlot_configuration_problem(sparse, 2));
}

Test(config, a_member_is_found_by_its_id_in_each_half) {
  const vlot_member next[] = {{.id = 9, .disk_id = 90}, {.id = 2, .disk_id = 22}},
                    old[] = {{.id = 1, .disk_id = 10}, {.id = 2, .disk_id = 21}};
  vlot_configuration *joint =
      vlot__config_make(vlot__alloc_or_default(NULL), next, COUNT(next), old, COUNT(old));
  cr_assert_eq(joint->half_count, 2);
  cr_expect_eq(vlot__config_member(joint, 0, 9)->disk_id, 90);
  cr_expect_eq(vlot__config_member(joint, 0, 2)->disk_id, 22);
  cr_expect_null(vlot__config_member(joint, 0, 1));
  cr_expect_eq(vlot__config_member(joint, 1, 1)->disk_id, 10);
  cr_expect_eq(vlot__config_member(joint, 1, 2)->disk_id, 21);
  cr_expect_null(vlot__config_member(joint, 1, 9));
  cr_expect_null(vlot__config_member(joint, 1, 0));
  uint32_t count;
  cr_expect_eq(vlot_configuration_members(joint, &count)[0].id, 9);
  cr_expect_eq(count, 2);
  vlot_configuration_release(joint);
}

Test(config, pushing_puts_one_in_force_and_truncating_takes_it_away) {
  const vlot_member members[] = {{.id = 1}, {.id = 2}, {.id = 3}};
  vlot_configuration *made[3];
  vlot__configs configs;
  for (uint32_t k = 0; k < 3; k++) made[k] = make(members, k + 1);
  cr_assert(vlot__configs_init(&configs, vlot__alloc_or_default(NULL), 10, made[0]));
  cr_assert(vlot__configs_reserve(&configs, 2));
  cr_expect_eq(vlot__configs_top(&configs)->index, 10);
  vlot__configs_push(&configs, 12, made[1]);
  vlot__configs_push(&configs, 15, made[2]);
  for (uint32_t k = 0; k < 3; k++) vlot_configuration_release(made[k]); /* the stack has its own */
  cr_expect_eq(vlot__configs_top(&configs)->configuration, made[2]);
  cr_expect_not(vlot__configs_truncate(&configs, 16), "nothing stands there");
  cr_expect_eq(vlot__configs_top(&configs)->index, 15);
  cr_expect(vlot__configs_truncate(&configs, 13));
  cr_expect_eq(vlot__configs_top(&configs)->configuration, made[1]);
  cr_expect(vlot__configs_truncate(&configs, 11));
  cr_expect_eq(vlot__configs_top(&configs)->configuration, made[0]);
  cr_expect_eq(vlot__configs_top(&configs)->index, 10);
  vlot__configs_deinit(&configs);
}

Test(config, the_bases_cannot_be_truncated, .signal = SIGABRT) {
  const vlot_member member = {.id = 1};
  vlot_configuration *base = make(&member, 1);
  vlot__configs configs;
  cr_assert(vlot__configs_init(&configs, vlot__alloc_or_default(NULL), 10, base));
  (void)vlot__configs_truncate(&configs, 10);
}

/* --- counting, by a core whose peers are filled in by hand --- */

enum { PEERS = 5 };

typedef struct bench {
  vlot_raft raft;
  vlot__peer peers[PEERS];
  uint64_t scratch[2 * PEERS];
  vlot_configuration *configuration;
} bench;

/* Voters by half, as a bit mask of peers 1 … 5; each speaks from disk 100 + id, and a half names
 * disk 100 + id, or 200 + id where `other` has its bit: then what it says does not count there. */
static void set_up(bench *b, const uint32_t *voters, const uint32_t *others, uint32_t halves) {
  *b = (bench){.raft = {.peers = b->peers, .peer_count = PEERS, .scratch = b->scratch}};
  vlot_member members[2][PEERS];
  uint32_t counts[2] = {0, 0};
  for (uint32_t half = 0; half < halves; half++)
    for (uint32_t k = 0; k < PEERS; k++) {
      if (!(voters[half] >> k & 1u)) continue;
      uint64_t disk_id = (others[half] >> k & 1u ? 200 : 100) + k + 1;
      members[half][counts[half]++] = (vlot_member){.id = k + 1, .disk_id = disk_id};
      b->peers[k].votes_in |= 1u << half;
      b->peers[k].stands_in |= 1u << half;
      b->peers[k].disk_ids[half] = disk_id;
    }
  for (uint32_t k = 0; k < PEERS; k++) {
    b->peers[k].id = k + 1;
    b->peers[k].seen_disk_id = b->peers[k].vote_disk_id = 100 + k + 1;
  }
  b->raft.self = &b->peers[0];
  b->configuration =
      vlot__config_make(vlot__alloc_or_default(NULL), members[0], counts[0], members[1], counts[1]);
  cr_assert(
      vlot__configs_init(&b->raft.configs, vlot__alloc_or_default(NULL), 0, b->configuration));
}

static void tear_down(bench *b) {
  vlot__configs_deinit(&b->raft.configs);
  vlot_configuration_release(b->configuration);
}

Test(config, a_quorum_of_each_half_is_needed_and_only_known_disks_count) {
  const struct {
    uint32_t voters[2], others[2], halves;
    uint64_t values[PEERS];
    uint64_t reached;
  } rows[] = {
      {{7, 0}, {0, 0}, 1, {5, 4, 3, 9, 9}, 4},  /* 4 and 5 are no voters */
      {{7, 0}, {2, 0}, 1, {5, 4, 3, 9, 9}, 3},  /* 2 speaks from a foreign disk */
      {{15, 0}, {0, 0}, 1, {5, 4, 3, 2, 9}, 3}, /* three of four */
      {{1, 0}, {0, 0}, 1, {5, 0, 0, 0, 0}, 5},  /* alone */
      {{7, 28}, {0, 0}, 2, {9, 8, 3, 2, 1}, 2}, /* 8 of the one half, 2 of the other */
      {{7, 7}, {0, 0}, 2, {9, 8, 3, 0, 0}, 8},  /* both halves alike */
      {{7, 7}, {0, 2}, 2, {9, 8, 3, 0, 0}, 3},  /* 2 counts in the first half only */
      {{7, 7}, {2, 0}, 2, {9, 8, 3, 0, 0}, 3},  /* … in the second half only */
      {{31, 1}, {0, 0}, 2, {0, 9, 9, 9, 9}, 0}, /* the old half's only voter lags */
  };
  for (size_t k = 0; k < COUNT(rows); k++) {
    bench b;
    set_up(&b, rows[k].voters, rows[k].others, rows[k].halves);
    memcpy(b.raft.scratch, rows[k].values, sizeof rows[k].values);
    cr_expect_eq(vlot__config_reached(&b.raft), rows[k].reached, "row %zu", k);
    tear_down(&b);
  }
}

Test(config, votes_are_won_in_all_halves_and_lost_in_one) {
  const struct {
    uint32_t voters[2], others[2], halves;
    const char *votes; /* + granted, - refused, . none */
    uint32_t granted, quorum;
    bool is_won, is_lost;
  } rows[] = {
      {{7, 0}, {0, 0}, 1, "+....", 1, 2, false, false},
      {{7, 0}, {0, 0}, 1, "++...", 2, 2, true, false},
      {{7, 0}, {0, 0}, 1, "+--..", 1, 2, false, true},
      {{15, 0}, {0, 0}, 1, "++-..", 2, 3, false, false},
      {{15, 0}, {0, 0}, 1, "++--.", 2, 3, false, true},
      {{7, 0}, {0, 0}, 1, "+..++", 1, 2, false, false}, /* of those who do not vote */
      {{7, 0}, {2, 0}, 1, "++...", 1, 2, false, false}, /* from a foreign disk */
      {{7, 28}, {0, 0}, 2, "++...", 0, 2, false, false},
      {{7, 28}, {0, 0}, 2, "++.++", 2, 2, true, false},
      {{7, 28}, {0, 0}, 2, "++.--", 0, 2, false, true},
      {{7, 7}, {0, 2}, 2, "++...", 1, 2, false, false}, /* counts in one half only */
  };
  for (size_t k = 0; k < COUNT(rows); k++) {
    bench b;
    set_up(&b, rows[k].voters, rows[k].others, rows[k].halves);
    for (uint32_t p = 0; p < PEERS; p++)
      b.peers[p].vote = rows[k].votes[p] == '+'   ? VLOT__VOTE_GRANTED
                        : rows[k].votes[p] == '-' ? VLOT__VOTE_REFUSED
                                                  : VLOT__VOTE_UNKNOWN;
    vlot__config_tally tally = vlot__config_count_votes(&b.raft);
    cr_expect_eq(tally.granted, rows[k].granted, "row %zu: %u granted", k, tally.granted);
    cr_expect_eq(tally.quorum, rows[k].quorum, "row %zu", k);
    cr_expect_eq(tally.is_won, rows[k].is_won, "row %zu", k);
    cr_expect_eq(tally.is_lost, rows[k].is_lost, "row %zu", k);
    tear_down(&b);
  }
}

/* B079 */
Test(configs, a_change_whose_predecessor_was_compacted_can_be_truncated) {
  const vlot_allocator *allocator = vlot_allocator_default();
  vlot_configuration *made[3];
  vlot__configs configs;
  for (uint32_t k = 0; k < 3; k++)
    made[k] = vlot__config_make(allocator, &(vlot_member){.id = k + 1}, 1, NULL, 0);
  cr_assert(vlot__configs_init(&configs, allocator, 0, made[0]));
  cr_assert(vlot__configs_reserve(&configs, 2));
  vlot__configs_push(&configs, 10, made[1]);
  vlot__configs_push(&configs, 15, made[2]);
  vlot__configs_compact(&configs, 9);
  cr_assert_eq(configs.count, 3, "what is in force at 9 is still the first");
  vlot__configs_compact(&configs, 12);
  cr_assert_eq(configs.count, 2);
  cr_assert_eq(configs.places[0].index, 10);
  cr_assert(vlot__configs_truncate(&configs, 15));
  cr_assert_eq(vlot__configs_top(&configs)->configuration, made[1]);
  vlot__configs_restart(&configs, 20, made[2]);
  cr_assert_eq(configs.count, 1);
  cr_assert_eq(vlot__configs_top(&configs)->index, 20);
  vlot__configs_deinit(&configs);
  for (uint32_t k = 0; k < 3; k++) vlot_configuration_release(made[k]);
}

Test(config, contact_is_with_a_quorum_of_each_half_oneself_included) {
  const struct {
    uint32_t voters[2], others[2], halves, active;
    bool has_contact;
  } rows[] = {
      {{7, 0}, {0, 0}, 1, 0, false},  {{7, 0}, {0, 0}, 1, 2, true},
      {{7, 0}, {2, 0}, 1, 2, false},  {{7, 0}, {0, 0}, 1, 8, false},
      {{1, 0}, {0, 0}, 1, 0, true},   {{6, 0}, {0, 0}, 1, 2, false},
      {{7, 28}, {0, 0}, 2, 2, false}, {{7, 28}, {0, 0}, 2, 2 + 8 + 16, true},
  };
  for (size_t k = 0; k < COUNT(rows); k++) {
    bench b;
    set_up(&b, rows[k].voters, rows[k].others, rows[k].halves);
    for (uint32_t p = 0; p < PEERS; p++) b.peers[p].is_active = rows[k].active >> p & 1u;
    cr_expect_eq(vlot__config_has_contact(&b.raft), rows[k].has_contact, "row %zu", k);
    tear_down(&b);
  }
}

Test(config, who_is_alone_is_the_quorum) {
  const uint32_t none[2] = {0, 0}, one[2] = {1, 0}, other[2] = {2, 0}, joint[2] = {1, 3};
  bench b;
  set_up(&b, one, none, 1);
  cr_expect(vlot__config_is_sole_voter(&b.raft));
  cr_expect_eq(vlot__config_quorum(&b.raft), 1);
  tear_down(&b);
  set_up(&b, other, none, 1);
  cr_expect_not(vlot__config_is_sole_voter(&b.raft), "another is");
  tear_down(&b);
  set_up(&b, joint, none, 2);
  cr_expect_not(vlot__config_is_sole_voter(&b.raft), "the old half has two");
  tear_down(&b);
}

static bool is_named(void *context, const vlot_member *member) {
  return *(const uint32_t *)context >> (member->id - 1) & 1u;
}

Test(config, a_reader_may_ask_whether_some_are_a_quorum) {
  const struct {
    uint32_t voters[2], halves, named;
    bool are_a_quorum;
  } rows[] = {
      {{7, 0}, 1, 3, true},   {{7, 0}, 1, 1, false},   {{7, 0}, 1, 8 + 16, false},
      {{15, 0}, 1, 3, false}, {{7, 28}, 2, 3, false},  {{7, 28}, 2, 12, false},
      {{7, 28}, 2, 15, true}, {{7, 28}, 2, 24, false}, {{1, 0}, 1, 1, true},
  };
  for (size_t k = 0; k < COUNT(rows); k++) {
    bench b;
    uint32_t named = rows[k].named;
    set_up(&b, rows[k].voters, (uint32_t[2]){0, 0}, rows[k].halves);
    cr_expect_eq(vlot_configuration_has_quorum(b.configuration, is_named, &named),
                 rows[k].are_a_quorum, "row %zu", k);
    tear_down(&b);
  }
}
