/* Time: what a tick does, and when the next one is needed. Ticks are the core's only clock. */
#include "base/hook.h"
#include "raft/core.h"

/* No timer is longer than this, and sums stay below 2^32. */
enum { ELAPSED_MAX = UINT32_MAX / 4 };

/* A leader that votes no more has told everybody in the step before this tick, and somebody to
 * campaign. */
static bool may_retire(const vlot_raft *raft) {
  return raft->change.is_retiring && (raft->transfer.to == 0 || raft->transfer.is_sent);
}

vlot__next vlot__time_take_tick(vlot_raft *raft, const vlot_input *input) {
  uint64_t elapsed = input->as.tick.elapsed;
  if (input->as.tick.now > raft->now) raft->now = input->as.tick.now;
  VLOT_HOOK(tick, (raft->id, raft->now, elapsed));
  uint32_t counted = elapsed < ELAPSED_MAX ? (uint32_t)elapsed : ELAPSED_MAX;
  if (raft->role == VLOT_ROLE_LEADER) {
    vlot__next next = vlot__leader_tick(raft, counted);
    if (raft->change.is_due) vlot__catchup_tick(raft, counted);
    if (raft->transfer.to != 0 || raft->rank_count > 0) vlot__transfer_tick(raft, counted);
    return next == VLOT__NEXT_NOTHING && may_retire(raft) ? VLOT__NEXT_RETIRE : next;
  }
  if (raft->transfer.to != 0) vlot__transfer_tick(raft, counted);
  if (raft->election_elapsed < ELAPSED_MAX) raft->election_elapsed += counted;
  if (raft->election_elapsed < raft->election_ticks) return VLOT__NEXT_NOTHING;
  vlot_why obstacle = vlot__role_campaign_obstacle(raft);
  /* it passes with the next write that is done: the tick after that fires the timer */
  if (obstacle == VLOT_WHY_WRITES_FULL) raft->election_elapsed = raft->election_ticks - 1;
  if (obstacle) return VLOT__NEXT_NOTHING;
  VLOT_HOOK(election_timeout, (raft->id, raft->hard.term));
  return VLOT__NEXT_PRE_CAMPAIGN;
}

static uint64_t after(uint64_t now, uint32_t period, uint32_t elapsed) {
  VLOT_ASSERT(period > 0);
  return elapsed >= period ? now + 1 : now + (period - elapsed);
}

/* Of what is due at the same tick the more telling one is named. */
static uint64_t leader_next(const vlot_raft *raft, vlot_due *what) {
  uint32_t due = vlot__leader_due(raft, what);
  uint64_t heartbeat = after(raft->now, raft->options.heartbeat_ticks, raft->heartbeat_elapsed);
  uint64_t quorum = after(raft->now, raft->options.election_ticks_min, raft->quorum_elapsed);
  uint64_t next = heartbeat <= quorum ? heartbeat : quorum;
  if (due < next - raft->now) return raft->now + due;
  *what = heartbeat <= quorum ? VLOT_DUE_HEARTBEAT : VLOT_DUE_QUORUM;
  return next;
}

static uint64_t find_next(const vlot_raft *raft, vlot_due *what) {
  if (raft->is_fenced) return VLOT_NEVER;
  if (raft->handed_index < vlot__hand_out_limit(raft)) {
    *what = VLOT_DUE_APPLY; /* entries that were put off without memory */
    return raft->now + 1;
  }
  if (raft->role == VLOT_ROLE_LEADER) {
    bool is_alone = raft->peer_count == 1 && raft->self == raft->peers; /* nobody to tell */
    return is_alone ? VLOT_NEVER : leader_next(raft, what);
  }
  if (vlot__role_campaign_obstacle(raft)) return VLOT_NEVER;
  *what = VLOT_DUE_ELECTION;
  return after(raft->now, raft->election_ticks, raft->election_elapsed);
}

/* A transfer's deadline; a leader that retires; a change that was put off without memory. */
static __attribute__((noinline)) void plan_business(const vlot_raft *raft, vlot_output *output) {
  const vlot__config_place *top = vlot__configs_top(&raft->configs);
  bool is_put_off = raft->role == VLOT_ROLE_LEADER && raft->change.is_due &&
                    top->index <= raft->commit_index && top->configuration->wish_count == 0 &&
                    raft->commit_index >= raft->term_first_index;
  uint64_t due = raft->transfer.ticks > 0 ? raft->transfer.ticks : 1;
  if (raft->change.is_retiring || is_put_off)
    due = 1;
  else if (raft->transfer.to == 0)
    return;
  if (output->next_timer != VLOT_NEVER && output->next_timer - raft->now <= due) return;
  output->next_due = VLOT_DUE_MEMBERSHIP;
  output->next_timer = raft->now + due;
}

void vlot__time_plan(const vlot_raft *raft, vlot_output *output) {
  output->next_due = VLOT_DUE_NOTHING;
  output->next_timer = find_next(raft, &output->next_due);
  if (raft->has_business && !raft->is_fenced) plan_business(raft, output);
}

const char *vlot_due_text(vlot_due due) {
  switch (due) {
#define VLOT_X(name, number, text) \
  case VLOT_DUE_##name: return text;
    VLOT_DUES(VLOT_X)
#undef VLOT_X
  }
  return "?";
}
