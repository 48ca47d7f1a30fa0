/* Cores alone under a network, disks and crashes drawn from a seed. The laws of the basin are the
 * oracle; afterwards the network heals and the nodes must agree.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/prng.h"
#include "basin.h"

typedef struct storm {
  basin *b;
  vlot__prng prng;
  uint32_t nodes, proposed;
  uint64_t committed;
  bool has_snapshots;
  uint32_t installed;
} storm;

static uint32_t draw(storm *s, uint32_t bound) {
  return (uint32_t)vlot__prng_below(&s->prng, bound);
}

static void move_a_message(storm *s) {
  uint32_t count = basin_in_flight_count(s->b);
  if (count == 0) return;
  uint32_t k = draw(s, 3) == 0 ? draw(s, count) : 0; /* mostly in order, sometimes not */
  if (count > 100) {
    basin_drop_kth(s->b, 0); /* a network holds only so much */
    return;
  }
  switch (draw(s, 20)) {
  case 0: basin_drop_kth(s->b, k); break;
  case 1: basin_duplicate_kth(s->b, k); break;
  case 2:
  case 3: basin_deliver_group(s->b, basin_in_flight(s->b, k)->to, 1 + draw(s, 8)); break;
  default: basin_deliver_kth(s->b, k); break;
  }
}

static void propose(storm *s, uint32_t id) {
  char text[64];
  snprintf(text, sizeof text, "p%u q%u", s->proposed, s->proposed);
  s->proposed++;
  vlot_outcome outcome = basin_propose(s->b, id, text);
  bool is_leader = basin_status(s->b, id).role == VLOT_ROLE_LEADER;
  cr_assert(is_leader || outcome.result == VLOT_NOT_LEADER);
}

static void trouble(storm *s, uint32_t id) {
  switch (draw(s, 12)) {
  case 0:
    basin_crash(s->b, id);
    if (draw(s, 2)) basin_start(s->b, id);
    break;
  case 1: basin_cut(s->b, id, 1 + draw(s, s->nodes)); break;
  case 2: basin_isolate(s->b, id); break;
  case 3:
  case 4: basin_heal(s->b); break;
  case 5: basin_campaign(s->b, id); break;
  case 6: basin_force_elect(s->b, id); break;
  case 7: basin_step_down(s->b, id); break;
  case 8: basin_forget_leader(s->b, id); break;
  case 9: basin_switches(s->b, id, draw(s, VLOT_SWITCH_SAFE + 1) | VLOT_SWITCH_TERM_FIRST); break;
  default: basin_switches(s->b, id, VLOT_SWITCH_ALL); break;
  }
}

/* A snapshot is taken, finished late, or restored well or badly. */
static void take_or_restore(storm *s, uint32_t id) {
  vlot_raft_status status = basin_status(s->b, id);
  if (status.is_fenced) return;
  if (basin_restoring(s->b, id)) {
    (void)basin_restored(s->b, id, draw(s, 5) ? VLOT_OK : VLOT_CORRUPT);
    return;
  }
  bool may_take = !status.is_installing && status.applied_index > status.snapshot_index &&
                  status.applied_index <= status.durable_index;
  if (may_take) basin_snapshot(s->b, id, draw(s, 2) ? 0 : draw(s, 10));
}

static void rage(storm *s, uint32_t rounds) {
  for (uint32_t round = 0; round < rounds; round++) {
    uint32_t id = 1 + draw(s, s->nodes);
    if (s->has_snapshots && basin_is_up(s->b, id) && draw(s, 12) == 0) take_or_restore(s, id);
    if (!basin_is_up(s->b, id)) {
      if (draw(s, 10) == 0) basin_start(s->b, id);
      continue;
    }
    uint32_t choice = draw(s, 100);
    if (choice < 50)
      move_a_message(s);
    else if (choice < 70)
      basin_tick(s->b, id, 1 + draw(s, 3));
    else if (choice < 80)
      basin_store_one(s->b, id);
    else if (choice < 83)
      basin_store_all(s->b, id);
    else if (choice < 93)
      propose(s, basin_leader(s->b) && draw(s, 8) ? basin_leader(s->b) : id);
    else if (choice < 96)
      basin_read(s->b, id, round);
    else if (draw(s, 3) == 0)
      trouble(s, id);
  }
}

/* Everything works again: within a few election timeouts all logs and machines are the same. */
static void calm_down(storm *s) {
  basin_heal(s->b);
  for (uint32_t id = 1; id <= s->nodes; id++) {
    if (!basin_is_up(s->b, id)) basin_start(s->b, id);
    basin_switches(s->b, id, VLOT_SWITCH_ALL);
    basin_release_disk(s->b, id);
    basin_release_restore(s->b, id);
  }
  basin_run(s->b, 200);
  uint32_t leader = basin_leader(s->b);
  cr_assert_neq(leader, 0, "no leader after healing");
  basin_propose(s->b, leader, "calm");
  basin_run(s->b, 20);
  vlot_raft_status at_leader = basin_status(s->b, leader);
  cr_assert_eq(at_leader.commit_index, at_leader.last_index);
  cr_assert_eq(at_leader.tail_bytes, 0, "the ledger of the tail is not empty");
  for (uint32_t id = 1; id <= s->nodes; id++) {
    vlot_raft_status status = basin_status(s->b, id);
    cr_assert_eq(status.commit_index, at_leader.commit_index, "node %u is behind", id);
    cr_assert_eq(status.leader, leader);
    cr_assert_eq(status.held_messages, 0);
    if (id == leader) continue;
    vlot_progress progress = basin_progress(s->b, leader, id);
    cr_assert_eq(progress.match_index, at_leader.last_index);
    cr_assert_eq(progress.state, VLOT_PROGRESS_REPLICATE);
    cr_assert_eq(progress.inflight_bytes, 0);
    cr_assert_eq(progress.inflight_messages, 0);
  }
  cr_assert_eq(at_leader.pending_reads, 0);
  s->committed = at_leader.commit_index;
}

static uint64_t run_storm(uint64_t seed, uint32_t nodes, uint32_t rounds, bool has_snapshots,
                          uint32_t *installed) {
  storm s = {.nodes = nodes, .has_snapshots = has_snapshots};
  vlot__prng_init(&s.prng, seed, 7);
  vlot_raft_options like;
  vlot_raft_options_init(&like);
  like.heartbeat_ticks = 1 + draw(&s, 3);
  like.election_ticks_min = 6 + draw(&s, 5);
  like.election_ticks_max = like.election_ticks_min + 8;
  like.append_entries_max = 1 + draw(&s, 6);
  like.append_bytes_max = 1 + draw(&s, 12);
  like.window_messages_max = 1 + draw(&s, 4);
  like.window_bytes_max = 1 + draw(&s, 40);
  like.apply_entries_max = 1 + draw(&s, 5);
  like.seed = seed;
  if (has_snapshots) {
    like.snapshot_chunk_bytes = 1 + draw(&s, 30);
    like.snapshot_window_bytes = 1 + draw(&s, 90);
    like.snapshot_tick_bytes = draw(&s, 2) ? 0 : 20 + draw(&s, 40);
    like.log_bytes_max = draw(&s, 2) ? 0 : 400 + draw(&s, 2000);
  }
  s.b = basin_open(nodes, &like);
  if (has_snapshots && draw(&s, 2)) basin_by_wire(s.b);
  basin_start_all(s.b);
  for (uint32_t id = 1; id <= nodes; id++)
    if (draw(&s, 2)) basin_hold_disk(s.b, id);
  for (uint32_t id = 1; id <= nodes && has_snapshots; id++)
    if (draw(&s, 2)) basin_hold_restore(s.b, id);
  rage(&s, rounds);
  calm_down(&s);
  uint64_t term = basin_status(s.b, 1).term;
  for (uint32_t id = 1; id <= nodes; id++) *installed += basin_swaps(s.b, id);
  basin_close(s.b);
  if (getenv("VLOT_SEEDS"))
    fprintf(stderr, "  %llu committed, %u proposed, term %llu\n", (unsigned long long)s.committed,
            s.proposed, (unsigned long long)term);
  return s.committed;
}

static void run_seeds(uint32_t nodes, bool has_snapshots) {
  const char *asked = getenv("VLOT_SEEDS"); /* "from count", to look further than the suite does */
  unsigned long long from = 1, count = 60;
  if (asked) sscanf(asked, "%llu %llu", &from, &count);
  uint64_t committed = 0;
  uint32_t installed = 0;
  for (unsigned long long seed = from; seed < from + count; seed++) {
    if (asked) fprintf(stderr, "seed %llu\n", seed);
    committed += run_storm(seed, nodes, 2000, has_snapshots, &installed);
  }
  cr_assert_gt(committed, count * 10, "the storms do not get anything done");
  if (has_snapshots) cr_assert_gt(installed, count, "%u are installed", installed);
}

Test(chaos, one_node_agrees_with_itself) { run_seeds(1, false); }
Test(chaos, two_nodes_agree_after_any_storm) { run_seeds(2, false); }
Test(chaos, three_nodes_agree_after_any_storm) { run_seeds(3, false); }
Test(chaos, five_nodes_agree_after_any_storm) { run_seeds(5, false); }

Test(chaos, three_nodes_agree_after_any_storm_with_snapshots) { run_seeds(3, true); }
Test(chaos, five_nodes_agree_after_any_storm_with_snapshots) { run_seeds(5, true); }
