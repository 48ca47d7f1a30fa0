/* next_timer: a core that is given a tick only when it asked for one, or before a message, lives as
 * one that gets every tick. This is what lets an idle node sleep. Also what a core says about
 * itself.
 */
#include <criterion/criterion.h>

#include "base/prng.h"
#include "basin.h"

enum { NODES = 3, TICKS = 400 };

typedef struct life {
  basin *b;
  bool is_lazy;
  uint64_t now[NODES + 1]; /* as told to each node */
  uint32_t ticks;          /* told in all */
} life;

static uint32_t in_flight(const basin *b) {
  uint32_t count = 0;
  while (basin_in_flight(b, count)) count++;
  return count;
}

static void tell(life *l, uint32_t id, uint64_t now) {
  if (l->now[id] == now) return;
  bool is_due = basin_status(l->b, id).next_timer <= now;
  uint32_t before = in_flight(l->b);
  vlot_input tick = {.kind = VLOT_INPUT_TICK};
  tick.as.tick.now = now;
  tick.as.tick.elapsed = now - l->now[id];
  basin_step(l->b, id, &tick, 1);
  l->now[id] = now;
  l->ticks++;
  if (!is_due) cr_assert_eq(in_flight(l->b), before, "a tick that was not asked for has an effect");
}

static void pass(life *l, uint64_t now) {
  for (uint32_t id = 1; id <= NODES; id++)
    if (!l->is_lazy || basin_status(l->b, id).next_timer <= now) tell(l, id, now);
  while (basin_in_flight(l->b, 0)) {
    tell(l, basin_in_flight(l->b, 0)->to, now);
    basin_deliver_kth(l->b, 0);
  }
}

/* What happens from outside at a tick: the same in both lives. */
static void disturb(life *l, vlot__prng *prng, uint64_t now) {
  uint64_t what = vlot__prng_below(prng, 40);
  uint32_t id = 1 + (uint32_t)vlot__prng_below(prng, NODES);
  if (what < 4) {
    tell(l, id, now);
    basin_propose(l->b, id, "x");
  } else if (what == 4) {
    basin_isolate(l->b, id);
  } else if (what < 7) {
    basin_heal(l->b);
  }
}

static void begin(life *l, uint64_t seed, bool is_lazy) {
  vlot_raft_options like;
  vlot_raft_options_init(&like);
  like.seed = seed;
  like.heartbeat_ticks = 3;
  like.election_ticks_min = 10;
  like.election_ticks_max = 20;
  *l = (life){.b = basin_open(NODES, &like), .is_lazy = is_lazy};
  basin_start_all(l->b);
}

static void expect_same(const life *eager, const life *lazy, uint64_t now) {
  for (uint32_t id = 1; id <= NODES; id++) {
    vlot_raft_status a = basin_status(eager->b, id), b = basin_status(lazy->b, id);
    cr_assert_eq(a.role, b.role, "node %u at %d", id, (int)now);
    cr_assert_eq(a.term, b.term, "node %u at %d", id, (int)now);
    cr_assert_eq(a.leader, b.leader, "node %u at %d", id, (int)now);
    cr_assert_eq(a.commit_index, b.commit_index, "node %u at %d", id, (int)now);
    cr_assert_eq(a.last_index, b.last_index);
  }
}

Test(timer, ticks_at_next_timer_are_enough) {
  uint32_t eager_ticks = 0, lazy_ticks = 0;
  for (uint64_t seed = 1; seed <= 20; seed++) {
    life eager, lazy;
    vlot__prng one, other;
    begin(&eager, seed, false);
    begin(&lazy, seed, true);
    vlot__prng_init(&one, seed, 1);
    vlot__prng_init(&other, seed, 1);
    for (uint64_t now = 1; now <= TICKS; now++) {
      disturb(&eager, &one, now);
      disturb(&lazy, &other, now);
      pass(&eager, now);
      pass(&lazy, now);
      expect_same(&eager, &lazy, now);
    }
    eager_ticks += eager.ticks;
    lazy_ticks += lazy.ticks;
    basin_close(eager.b);
    basin_close(lazy.b);
  }
  cr_assert_lt(lazy_ticks * 3, eager_ticks * 2, "it does not sleep much");
}

Test(timer, of_an_idle_leader_is_its_next_heartbeat_and_of_a_lone_one_never) {
  vlot_raft_options like;
  vlot_raft_options_init(&like);
  basin *b = basin_open(3, &like);
  basin_start_all(b);
  basin_make_leader(b, 1);
  basin_run(b, 20);
  vlot_raft_status status = basin_status(b, 1);
  cr_assert(status.next_timer > status.now &&
            status.next_timer <= status.now + like.heartbeat_ticks);
  basin_close(b);
  b = basin_of(1);
  basin_make_leader(b, 1);
  cr_assert_eq(basin_status(b, 1).next_timer, VLOT_NEVER);
  basin_close(b);
}

Test(timer, of_a_follower_is_the_end_of_its_election_timeout) {
  basin *b = basin_of(3);
  vlot_raft_status status = basin_status(b, 1);
  const vlot_output *output;
  cr_assert_eq(vlot_raft_step(basin_core(b, 1), NULL, 0, &output), VLOT_OK);
  cr_assert_eq(output->next_timer, status.now + status.election_ticks);
  basin_tick(b, 1, status.election_ticks - 1);
  cr_assert_eq(basin_status(b, 1).next_timer, basin_now(b, 1) + 1);
  basin_close(b);
}

Test(timer, time_does_not_go_back) {
  basin *b = basin_of(1 + 2);
  vlot_input tick = {.kind = VLOT_INPUT_TICK};
  tick.as.tick.now = 50;
  basin_step(b, 1, &tick, 1);
  tick.as.tick.now = 40;
  basin_step(b, 1, &tick, 1);
  cr_assert_eq(basin_status(b, 1).now, 50);
  basin_close(b);
}

Test(status, roles_have_names) {
  cr_assert_str_eq(vlot_role_name(VLOT_ROLE_FOLLOWER), "follower");
  cr_assert_str_eq(vlot_role_name(VLOT_ROLE_PRE_CANDIDATE), "pre-candidate");
  cr_assert_str_eq(vlot_role_name(VLOT_ROLE_CANDIDATE), "candidate");
  cr_assert_str_eq(vlot_role_name(VLOT_ROLE_LEADER), "leader");
  cr_assert_str_eq(vlot_role_name((vlot_role)4), "?");
}

Test(status, progress_is_known_at_the_leader_of_other_members) {
  basin *b = basin_of(3);
  vlot_progress progress;
  cr_assert_eq(vlot_raft_get_progress(basin_core(b, 1), 2, &progress), VLOT_NOT_LEADER);
  basin_make_leader(b, 1);
  cr_assert_eq(vlot_raft_get_progress(basin_core(b, 1), 2, &progress), VLOT_OK);
  cr_assert_eq(progress.id, 2);
  cr_assert_eq(vlot_raft_get_progress(basin_core(b, 1), 1, &progress), VLOT_NOT_FOUND);
  cr_assert_eq(vlot_raft_get_progress(basin_core(b, 1), 9, &progress), VLOT_NOT_FOUND);
  basin_close(b);
}

Test(status, requests_that_make_no_sense_are_refused_with_a_reason) {
  basin *b = basin_of(3);
  cr_assert_eq(basin_step_down(b, 1).result, VLOT_NOT_LEADER);
  basin_make_leader(b, 1);
  cr_assert_eq(basin_campaign(b, 1).result, VLOT_EXISTS);
  cr_assert_eq(basin_force_elect(b, 1).result, VLOT_EXISTS);
  cr_assert_eq(basin_forget_leader(b, 1).result, VLOT_INVALID);
  cr_assert_eq(basin_step_down(b, 1).result, VLOT_OK);
  cr_assert_eq(basin_status(b, 1).role, VLOT_ROLE_FOLLOWER);
  cr_assert_eq(basin_status(b, 1).term, 1);
  basin_close(b);
}

Test(switches, are_taken_live_and_unknown_bits_are_ignored) {
  basin *b = basin_of(3);
  basin_switches(b, 1, UINT32_MAX);
  cr_assert_eq(basin_status(b, 1).switches, VLOT_SWITCH_ALL);
  basin_switches(b, 1, 0);
  cr_assert_eq(basin_status(b, 1).switches, 0);
  basin_campaign(b, 1);
  cr_assert_eq(basin_status(b, 1).role, VLOT_ROLE_CANDIDATE, "no PreVote");
  cr_assert_eq(basin_status(b, 1).election_ticks, 10, "no randomness");
  basin_deliver_all(b);
  cr_assert_eq(basin_status(b, 1).last_index, 0, "no no-op");
  basin_isolate(b, 1);
  basin_tick(b, 1, 100);
  cr_assert_eq(basin_status(b, 1).role, VLOT_ROLE_LEADER, "no CheckQuorum");
  basin_close(b);
}

Test(switches, a_forced_election_overrides_pre_vote_and_stickiness) {
  basin *b = basin_of(3);
  basin_make_leader(b, 1);
  basin_run(b, 2);
  basin_campaign(b, 2);
  basin_deliver_all(b);
  cr_assert_eq(basin_leader(b), 1, "a plain campaign is refused: the leader is alive");
  cr_assert_eq(basin_status(b, 2).term, 1);
  cr_assert_eq(basin_force_elect(b, 2).result, VLOT_OK);
  basin_deliver_all(b);
  cr_assert_eq(basin_leader(b), 2);
  cr_assert_eq(basin_status(b, 2).term, 2);
  cr_assert_eq(basin_change(b, 2, VLOT_CHANGE_CAMPAIGN).why, VLOT_WHY_FORCED);
  basin_close(b);
}
