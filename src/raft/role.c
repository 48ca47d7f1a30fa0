/* Roles and terms. The only file that writes role, term, vote and leader. */
#include "raft/core.h"

static void set_role(vlot_raft *raft, vlot_role role, vlot_why why, uint32_t peer) {
  if (raft->role == role) return;
  vlot_role from = raft->role;
  VLOT_ASSERT(from != VLOT_ROLE_LEADER || role == VLOT_ROLE_FOLLOWER);
  VLOT_ASSERT(role != VLOT_ROLE_LEADER || from == VLOT_ROLE_CANDIDATE);
  raft->role = role; /* first: whoever stops in the hook sees what has come of it */
  vlot__out_change(raft, VLOT_CHANGE_ROLE, why, peer, from, role, raft->hard.term);
}

static void set_leader(vlot_raft *raft, uint32_t leader, vlot_why why) {
  if (raft->leader == leader) return;
  VLOT_ASSERT((leader == raft->id) == (raft->role == VLOT_ROLE_LEADER));
  vlot__out_change(raft, VLOT_CHANGE_LEADER, why, leader, raft->leader, leader, raft->hard.term);
  raft->leader = leader;
}

static void hard_state_changed(vlot_raft *raft) {
  raft->has_hard_changed = true;
  raft->write_cause = raft->kept_cause;
  raft->hard_token = raft->last_token + 1;
  VLOT_ASSERT(raft->hard_token > raft->stored_token);
}

/* A higher term always clears the vote, and only that does (B008). What was held is of a term that
 * is over: an acknowledgement must not leave once a newer leader may have overwritten what it
 * speaks of.
 */
static void raise_term(vlot_raft *raft, uint64_t term, uint32_t peer, vlot_why why) {
  uint64_t from = raft->hard.term;
  VLOT_ASSERT(term > from);
  VLOT_ASSERT(term < VLOT_INDEX_MAX);
  raft->hard.term = term;
  raft->hard.vote = 0;
  vlot__out_change(raft, VLOT_CHANGE_TERM, why, peer, from, term, term);
  vlot__ring_clear(&raft->held);
  hard_state_changed(raft);
}

/* Those of higher rank go first: each has a spread of timeouts of its own, up to three. So a
 * cluster waits no longer than four times the spread for whoever is left. */
static void wait_for_higher_ranks(vlot_raft *raft) {
  enum { AHEAD_MAX = 3 };
  const vlot_configuration *configuration = vlot__configs_top(&raft->configs)->configuration;
  uint32_t own = vlot__rank_of(raft, raft->id), ahead = 0;
  for (uint32_t k = 0; k < configuration->counts[0] && ahead < AHEAD_MAX; k++)
    ahead += !configuration->members[k].is_learner &&
             vlot__rank_of(raft, configuration->members[k].id) > own;
  raft->rank_delay = ahead * (raft->options.election_ticks_max - raft->options.election_ticks_min);
  raft->election_ticks += raft->rank_delay;
}

void vlot__role_reset_election_timer(vlot_raft *raft) {
  const vlot_raft_options *options = &raft->options;
  raft->election_elapsed = 0;
  raft->election_ticks = options->election_ticks_min;
  raft->rank_delay = 0;
  if (raft->switches & VLOT_SWITCH_RANDOM_TIMEOUT)
    raft->election_ticks += (uint32_t)vlot__prng_below(
        &raft->prng, options->election_ticks_max - options->election_ticks_min);
  VLOT_ASSERT(raft->election_ticks < options->election_ticks_max);
  if (raft->rank_count > 0) wait_for_higher_ranks(raft);
}

bool vlot__role_follow(vlot_raft *raft, uint64_t term, uint32_t leader, uint32_t peer,
                       vlot_why why) {
  bool was_leader = raft->role == VLOT_ROLE_LEADER;
  VLOT_ASSERT(term >= raft->hard.term);
  set_role(raft, VLOT_ROLE_FOLLOWER, why, peer);
  if (was_leader) vlot__role_reset_election_timer(raft);
  if (term > raft->hard.term) {
    set_leader(raft, 0, why);
    raise_term(raft, term, peer, why);
  }
  set_leader(raft, leader, why);
  VLOT_ASSERT(raft->hard.term == term);
  return was_leader;
}

void vlot__role_pre_candidate(vlot_raft *raft, vlot_why why) {
  set_role(raft, VLOT_ROLE_PRE_CANDIDATE, why, 0);
  set_leader(raft, 0, why);
  VLOT_ASSERT(raft->leader == 0);
}

void vlot__role_candidate(vlot_raft *raft, vlot_why why) {
  set_leader(raft, 0, why);
  raise_term(raft, raft->hard.term + 1, raft->id, why);
  set_role(raft, VLOT_ROLE_CANDIDATE, why, 0); /* of the new term */
  vlot__role_vote_for(raft, raft->id);
  VLOT_ASSERT(raft->hard.vote == raft->id);
  VLOT_ASSERT(raft->hard_token > raft->stored_token); /* its own vote is not durable yet (B003) */
}

void vlot__role_lead(vlot_raft *raft) {
  VLOT_ASSERT(raft->hard.vote == raft->id);
  VLOT_ASSERT(raft->hard_token <= raft->stored_token); /* its own vote is (B003) */
  VLOT_ASSERT(raft->durable_term == raft->hard.term);
  vlot_why why =
      vlot__config_is_sole_voter(raft) ? VLOT_WHY_SINGLE_VOTER : VLOT_WHY_QUORUM_OF_VOTES;
  set_role(raft, VLOT_ROLE_LEADER, why, 0);
  set_leader(raft, raft->id, why);
}

void vlot__role_vote_for(vlot_raft *raft, uint32_t candidate) {
  if (raft->hard.vote == candidate) return;
  VLOT_ASSERT(raft->hard.vote == 0); /* a term has one vote */
  raft->hard.vote = candidate;
  hard_state_changed(raft);
}

void vlot__role_forget_leader(vlot_raft *raft, vlot_why why) { set_leader(raft, 0, why); }

/* Thesis 4.2.3: whoever heard from a leader within the minimum election timeout grants no vote. */
bool vlot__role_is_sticky(const vlot_raft *raft) {
  if (!(raft->switches & VLOT_SWITCH_STICKINESS)) return false;
  if (raft->role == VLOT_ROLE_LEADER) return true;
  return raft->leader != 0 && raft->election_elapsed < raft->options.election_ticks_min;
}

vlot_why vlot__role_campaign_obstacle(const vlot_raft *raft) {
  bool is_voter = vlot__peer_is_voter(raft->self);
  bool is_known = vlot__peer_knows_disk(raft->self, raft->hard.disk_id);
  if ((!is_voter || !is_known) && !vlot__config_was_voter(raft))
    return is_voter ? VLOT_WHY_FOREIGN_DISK : VLOT_WHY_NOT_A_VOTER;
  if (raft->hard.term + 1 >= VLOT_INDEX_MAX || raft->log.last_index + 1 >= VLOT_INDEX_MAX)
    return VLOT_WHY_INDEX_LIMIT;
  if (vlot__durable_is_full(raft)) return VLOT_WHY_WRITES_FULL;
  return VLOT_WHY_NONE;
}

/* Every message passes here first, of whatever kind (B053). Figure 2, "Rules for servers". */
vlot__term_verdict vlot__role_observe_term(vlot_raft *raft, const vlot_message *message,
                                           bool *was_leader) {
  *was_leader = false;
  bool is_vote = message->kind == VLOT_MESSAGE_VOTE || message->kind == VLOT_MESSAGE_PRE_VOTE;
  bool is_forced = (message->flags & VLOT_MESSAGE_FORCED) != 0;
  if (message->term < raft->hard.term) return VLOT__TERM_STALE;
  if (is_vote && !is_forced && vlot__role_is_sticky(raft)) return VLOT__TERM_REFUSED;
  if (message->term > raft->hard.term)
    *was_leader = vlot__role_follow(raft, message->term, 0, message->from, VLOT_WHY_HIGHER_TERM);
  VLOT_ASSERT(raft->hard.term == message->term);
  return VLOT__TERM_CURRENT;
}

/* A broken promise is a value, not an abort: this core takes no further input, and says why. */
void vlot__fence(vlot_raft *raft, vlot_why why, uint32_t peer, uint64_t from, uint64_t to,
                 uint64_t term) {
  VLOT_ASSERT(why != VLOT_WHY_NONE);
  VLOT_ASSERT(!raft->is_fenced);
  raft->is_fenced = true;
  raft->fenced_why = why;
  vlot__out_change(raft, VLOT_CHANGE_FENCED, why, peer, from, to, term);
}
