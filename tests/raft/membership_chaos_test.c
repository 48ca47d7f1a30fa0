/* Cores alone under changes: a network, disks, crashes, wiped disks, changes and transfers drawn
 * from a seed, in clusters that grow and shrink. The laws of the basin are the oracle; afterwards
 * the network heals, and there is a leader, a configuration without wishes, and one log.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/prng.h"
#include "basin.h"

enum { NODES = 6 };

typedef struct storm {
  basin *b;
  vlot__prng prng;
  uint64_t tag, disk;
  uint32_t proposed;
  uint64_t changes, refused, transfers, joints; /* what came of it */
} storm;

static uint32_t draw(storm *s, uint32_t bound) {
  return (uint32_t)vlot__prng_below(&s->prng, bound);
}

static void move_a_message(storm *s) {
  uint32_t count = basin_in_flight_count(s->b);
  if (count == 0) return;
  uint32_t k = draw(s, 3) == 0 ? draw(s, count) : 0;
  if (count > 150) {
    basin_drop_kth(s->b, 0);
    return;
  }
  uint32_t to = basin_in_flight(s->b, k)->to;
  switch (draw(s, 24)) {
  case 0: basin_drop_kth(s->b, k); break;
  case 1: basin_duplicate_kth(s->b, k); break;
  case 2:
  case 3:
    if (basin_is_up(s->b, to)) basin_deliver_group(s->b, to, 1 + draw(s, 8));
    break;
  default: basin_deliver_kth(s->b, k); break;
  }
}

static uint32_t some_leader(storm *s, uint32_t id) {
  uint32_t leader = basin_leader(s->b);
  return leader != 0 && draw(s, 8) ? leader : id;
}

/* Any edits, also those that make no sense. */
static void change(storm *s, uint32_t id) {
  static const char signs[] = "++++??^^v---*";
  char text[96];
  size_t used = 0;
  uint32_t count = draw(s, 3) ? 1 : 1 + draw(s, 3);
  if (draw(s, 6) == 0) used += (size_t)snprintf(text, sizeof text, "joint ");
  for (uint32_t k = 0; k < count; k++) {
    char sign = signs[draw(s, sizeof signs - 1)];
    uint32_t member = 1 + draw(s, NODES);
    bool has_disk = sign == '+' || sign == '?' || sign == '*';
    uint64_t disk = basin_disk_hard(s->b, member).disk_id;
    used += (size_t)snprintf(text + used, sizeof text - used, "%c%u", sign, member);
    if (has_disk)
      used += (size_t)snprintf(text + used, sizeof text - used, ":%llu", (unsigned long long)disk);
    used += (size_t)snprintf(text + used, sizeof text - used, " ");
  }
  vlot_outcome outcome = basin_change_members(s->b, some_leader(s, id), text, ++s->tag);
  if (outcome.result == VLOT_OK)
    s->changes++;
  else
    s->refused++;
}

static void trouble(storm *s, uint32_t id) {
  switch (draw(s, 14)) {
  case 0:
    basin_crash(s->b, id);
    if (draw(s, 2)) basin_start(s->b, id);
    break;
  case 1: basin_cut(s->b, id, 1 + draw(s, NODES)); break;
  case 2: basin_isolate(s->b, id); break;
  case 3:
  case 4:
  case 5: basin_heal(s->b); break;
  case 6: basin_campaign(s->b, id); break;
  case 7: basin_force_elect(s->b, id); break;
  case 8: basin_step_down(s->b, id); break;
  case 9: basin_forget_leader(s->b, id); break;
  case 10: basin_switches(s->b, id, draw(s, VLOT_SWITCH_SAFE + 1) | VLOT_SWITCH_TERM_FIRST); break;
  case 11:
    basin_crash(s->b, id);
    if (draw(s, 2)) basin_wipe(s->b, id, ++s->disk);
    basin_start(s->b, id);
    break;
  default: basin_switches(s->b, id, VLOT_SWITCH_ALL); break;
  }
}

static void take_snapshot(storm *s, uint32_t id) {
  vlot_raft_status status = basin_status(s->b, id);
  if (status.is_fenced || basin_restoring(s->b, id)) return;
  if (!vlot_raft_configuration_at(basin_core(s->b, id), status.applied_index)) return;
  if (!status.is_installing && status.applied_index > status.snapshot_index &&
      status.applied_index <= status.durable_index)
    basin_snapshot(s->b, id, draw(s, 2) ? 0 : draw(s, 10));
}

static void rage(storm *s, uint32_t rounds) {
  for (uint32_t round = 0; round < rounds; round++) {
    uint32_t id = 1 + draw(s, NODES);
    if (!basin_is_up(s->b, id)) {
      if (draw(s, 6) == 0) basin_start(s->b, id);
      continue;
    }
    uint32_t choice = draw(s, 100);
    if (choice < 55) {
      move_a_message(s);
    } else if (choice < 75) {
      basin_tick(s->b, id, 1 + draw(s, 3));
    } else if (choice < 83) {
      basin_store_all(s->b, id);
    } else if (choice < 89) {
      char text[32];
      snprintf(text, sizeof text, "p%u", s->proposed++);
      (void)basin_propose(s->b, some_leader(s, id), text);
    } else if (choice < 94) {
      change(s, id);
    } else if (choice < 95) {
      uint32_t at = some_leader(s, id);
      vlot_outcome outcome = basin_transfer(s->b, at, draw(s, NODES + 1), draw(s, 12), ++s->tag);
      s->transfers += outcome.result == VLOT_OK;
    } else if (choice < 96) {
      (void)basin_cancel_change(s->b, some_leader(s, id));
    } else if (choice < 97) {
      take_snapshot(s, id);
    } else if (choice < 98) {
      (void)basin_read(s->b, some_leader(s, id), round);
    } else if (draw(s, 4) == 0) {
      trouble(s, id);
    }
    uint32_t leader = basin_leader(s->b);
    if (leader != 0 && basin_status(s->b, leader).is_joint) s->joints++;
  }
}

/* Everybody is up and hears of everybody. Disks that were wiped may have cost a quorum: then nobody
 * leads, and that is right. */
static bool can_have_a_leader(storm *s) {
  for (uint32_t id = 1; id <= NODES; id++) {
    if (!basin_is_up(s->b, id)) basin_start(s->b, id);
    basin_release_disk(s->b, id);
    basin_switches(s->b, id, VLOT_SWITCH_ALL);
    (void)basin_ranks(s->b, id, NULL, 0);
  }
  basin_heal(s->b);
  for (uint32_t k = 0; k < 12 && basin_leader(s->b) == 0; k++) basin_run(s->b, 30);
  basin_run(s->b, 20);
  /* who was elected with its no-op switched off waits for an entry of its term */
  if (basin_leader(s->b) != 0) (void)basin_propose(s->b, basin_leader(s->b), "calm");
  basin_run(s->b, 150);
  return basin_leader(s->b) != 0;
}

static bool calm_down(storm *s) {
  if (!can_have_a_leader(s)) return false;
  uint32_t leader = basin_leader(s->b);
  vlot_raft_status status = basin_status(s->b, leader);
  if (status.lacks_quorum) return false;
  cr_expect_not(status.is_joint, "it stays joint");
  cr_expect_not(status.is_changing, "%s", basin_members(s->b, leader));
  cr_expect_eq(status.transfer_to, 0);
  cr_expect_eq(status.commit_index, status.last_index);
  uint32_t count;
  const vlot_member *members =
      vlot_configuration_members(vlot_raft_configuration(basin_core(s->b, leader), NULL), &count);
  for (uint32_t k = 0; k < count; k++) {
    vlot_raft_status at = basin_status(s->b, members[k].id);
    if (at.is_fenced) continue;
    cr_expect_eq(at.last_index, status.last_index, "member %u", members[k].id);
    char here[256];
    snprintf(here, sizeof here, "%s", basin_members(s->b, leader));
    const char *there = basin_members(s->b, members[k].id);
    /* one that was wiped, and no entry has told it yet */
    if (there[0] != 0) cr_expect_str_eq(there, here, "member %u", members[k].id);
  }
  return true;
}

Test(chaos, members_agree_after_any_storm_of_changes) {
  const char *asked = getenv("VLOT_SEEDS");
  unsigned long long from = 1, count = 120, calm = 0;
  if (asked) sscanf(asked, "%llu %llu", &from, &count);
  uint64_t changes = 0, transfers = 0, joints = 0, refused = 0;
  for (unsigned long long seed = from; seed < from + count; seed++) {
    if (asked) fprintf(stderr, "seed %llu\n", seed);
    storm s = {.disk = 1000};
    vlot__prng_init(&s.prng, seed, 11);
    vlot_raft_options like;
    vlot_raft_options_init(&like);
    like.heartbeat_ticks = 1 + draw(&s, 3);
    like.election_ticks_min = 6 + draw(&s, 5);
    like.election_ticks_max = like.election_ticks_min + 8;
    like.append_entries_max = 1 + draw(&s, 6);
    like.window_messages_max = 1 + draw(&s, 4);
    like.seed = seed;
    const vlot_rank ranks[] = {{1, 2}, {2, 1}, {5, 3}};
    like.ranks = ranks;
    like.rank_count = draw(&s, 3) ? 0 : 3;
    s.b = basin_open(NODES, &like);
    uint32_t members = 1 + draw(&s, 4);
    for (uint32_t id = 1; id <= NODES; id++) {
      basin_preset_disk(s.b, id, 100 + id, 100 + id);
      if (id > members) basin_preset_absent(s.b, id);
    }
    basin_start_all(s.b);
    for (uint32_t id = 1; id <= NODES; id++)
      if (draw(&s, 2)) basin_hold_disk(s.b, id);
    rage(&s, 3000);
    calm += calm_down(&s);
    changes += s.changes, transfers += s.transfers, joints += s.joints, refused += s.refused;
    basin_close(s.b);
  }
  if (asked)
    fprintf(stderr, "%llu changes, %llu refused, %llu transfers, %llu steps joint, %llu calm\n",
            (unsigned long long)changes, (unsigned long long)refused, (unsigned long long)transfers,
            (unsigned long long)joints, calm);
  cr_assert_gt(changes, count * 3);
  cr_assert_gt(transfers, count / 2);
  cr_assert_gt(joints, count * 10);
  cr_assert_gt(calm, count / 3);
}
