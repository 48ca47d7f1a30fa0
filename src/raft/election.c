/* Campaigns and votes: section 5.2 and 5.4.1 of the paper, PreVote of thesis 9.6. */
#include "raft/core.h"

/* Begin a campaign: forget the votes of the last one, and number it, so that late replies to that
 * one do not count. */
static void begin_campaign(vlot_raft *raft) {
  VLOT_ASSERT(raft->has_peers);
  VLOT_ASSERT(raft->leader == 0);
  for (uint32_t k = 0; k < raft->peer_count; k++) raft->peers[k].vote = VLOT__VOTE_UNKNOWN;
  raft->self->vote = VLOT__VOTE_UNKNOWN;
  raft->votes_granted = 0;
  raft->campaign_request = raft->next_request++;
  vlot__role_reset_election_timer(raft);
}

static void ask_everybody(vlot_raft *raft, vlot_message_kind kind, uint16_t flags) {
  for (uint32_t k = 0; k < raft->peer_count; k++) {
    const vlot__peer *peer = &raft->peers[k];
    if (peer == raft->self || !vlot__peer_is_voter(peer)) continue;
    vlot_message request = vlot__out_request(raft, kind, peer->id);
    request.flags = flags;
    request.request_id = raft->campaign_request;
    request.as.vote.last_index = raft->log.last_index;
    request.as.vote.last_term = raft->log.last_term;
    vlot__out_when_stored(raft, &request, raft->hard_token);
  }
}

/* A vote counts once per voter (B007), and by the disk that gave it. */
static vlot__next count_vote(vlot_raft *raft, vlot__peer *voter, bool is_granted, uint64_t disk_id,
                             vlot_why why) {
  VLOT_ASSERT(vlot__peer_is_voter(voter));
  bool is_first = voter->vote == VLOT__VOTE_UNKNOWN;
  if (is_first) {
    voter->vote = is_granted ? VLOT__VOTE_GRANTED : VLOT__VOTE_REFUSED;
    voter->vote_disk_id = disk_id;
  }
  vlot__config_tally tally = vlot__config_count_votes(raft);
  raft->votes_granted = tally.granted;
  VLOT_ASSERT(tally.granted <= raft->peer_count);
  VLOT_ASSERT(!tally.is_won || !tally.is_lost);
  if (is_first)
    vlot__out_change(raft, VLOT_CHANGE_TALLY, why, voter->id, tally.granted, tally.quorum,
                     raft->hard.term);
  if (tally.is_won)
    return raft->role == VLOT_ROLE_PRE_CANDIDATE ? VLOT__NEXT_CAMPAIGN : VLOT__NEXT_LEAD;
  return tally.is_lost ? VLOT__NEXT_LOSE : VLOT__NEXT_NOTHING;
}

/* Its own vote counts only where the configuration has it (thesis 4.2.2). */
static vlot__next count_self(vlot_raft *raft) {
  raft->self->vote = vlot__peer_is_voter(raft->self) ? raft->self->vote : VLOT__VOTE_GRANTED;
  if (!vlot__peer_is_voter(raft->self)) return VLOT__NEXT_NOTHING;
  return count_vote(raft, raft->self, true, raft->hard.disk_id, VLOT_WHY_NONE);
}

vlot__next vlot__election_pre_campaign(vlot_raft *raft, vlot_why why) {
  if (!(raft->switches & VLOT_SWITCH_PRE_VOTE)) return vlot__election_campaign(raft, false, why);
  vlot__peers_make(raft);
  vlot__role_pre_candidate(raft, why);
  begin_campaign(raft);
  vlot__out_change(raft, VLOT_CHANGE_CAMPAIGN, why, 0, 0, raft->log.last_index, raft->hard.term);
  ask_everybody(raft, VLOT_MESSAGE_PRE_VOTE, 0);
  return count_self(raft);
}

/* The candidate's own vote counts, and its requests leave, only when (term, vote) is durable
 * (B003). */
vlot__next vlot__election_campaign(vlot_raft *raft, bool is_forced, vlot_why why) {
  vlot__peers_make(raft);
  vlot__role_candidate(raft, why);
  begin_campaign(raft);
  vlot__out_change(raft, VLOT_CHANGE_CAMPAIGN, why, 0, is_forced ? 2 : 1, raft->log.last_index,
                   raft->hard.term);
  ask_everybody(raft, VLOT_MESSAGE_VOTE, is_forced ? VLOT_MESSAGE_FORCED : 0);
  return VLOT__NEXT_NOTHING;
}

vlot__next vlot__election_count_own_vote(vlot_raft *raft) {
  if (raft->role != VLOT_ROLE_CANDIDATE || raft->self->vote != VLOT__VOTE_UNKNOWN)
    return VLOT__NEXT_NOTHING;
  if (raft->hard_token > raft->stored_token) return VLOT__NEXT_NOTHING;
  VLOT_ASSERT(raft->durable_term == raft->hard.term);
  VLOT_ASSERT(raft->durable_vote == raft->id);
  return count_self(raft);
}

/* 5.4.1: the later last term is more up to date; with equal last terms the longer log is. */
static bool is_up_to_date(const vlot_raft *raft, const vlot_message *message) {
  if (message->as.vote.last_term != raft->log.last_term)
    return message->as.vote.last_term > raft->log.last_term;
  return message->as.vote.last_index >= raft->log.last_index;
}

/* Why a vote is refused; NONE grants it. Anybody answers on log and promise, even a learner: the
 * candidate counts only the members of its configuration (B024). The term is known to be current,
 * and stickiness has been looked at.
 */
static vlot_why refusal(const vlot_raft *raft, const vlot_message *message) {
  bool is_pre_vote = message->kind == VLOT_MESSAGE_PRE_VOTE;
  bool is_named = vlot__peer_knows_disk(raft->self, raft->hard.disk_id);
  if (!is_named && raft->self->stands_in != 0) return VLOT_WHY_FOREIGN_DISK;
  if (raft->role == VLOT_ROLE_LEADER)
    return is_pre_vote ? VLOT_WHY_IS_LEADER : VLOT_WHY_ALREADY_VOTED;
  if (!is_pre_vote && raft->hard.vote != 0 && raft->hard.vote != message->from)
    return VLOT_WHY_ALREADY_VOTED;
  if (!is_up_to_date(raft, message)) return VLOT_WHY_LOG_BEHIND;
  return VLOT_WHY_NONE;
}

static void answer_candidate(vlot_raft *raft, const vlot_message *message, vlot_why why) {
  bool is_pre_vote = message->kind == VLOT_MESSAGE_PRE_VOTE;
  VLOT_ASSERT(why != VLOT_WHY_NONE || is_pre_vote || raft->hard.vote == message->from);
  VLOT_ASSERT(why != VLOT_WHY_NONE || raft->hard.term == message->term);
  vlot__out_change(raft, VLOT_CHANGE_VOTE, why, message->from, is_pre_vote, why == VLOT_WHY_NONE,
                   message->term);
  vlot_message reply = vlot__out_reply(
      raft, is_pre_vote ? VLOT_MESSAGE_PRE_VOTE_REPLY : VLOT_MESSAGE_VOTE_REPLY, message);
  reply.why = why;
  reply.flags = why == VLOT_WHY_NONE ? VLOT_MESSAGE_OK : 0;
  vlot__out_when_stored(raft, &reply, raft->hard_token);
}

/* The one function that grants. A pre-vote's grant changes nothing here (B016); a vote's is held
 * until it is durable. */
void vlot__election_on_vote(vlot_raft *raft, const vlot_message *message,
                            vlot__term_verdict verdict) {
  bool is_leader = raft->role == VLOT_ROLE_LEADER;
  vlot_why why = verdict == VLOT__TERM_STALE ? VLOT_WHY_STALE_TERM
                 : verdict == VLOT__TERM_REFUSED
                     ? (is_leader ? VLOT_WHY_IS_LEADER : VLOT_WHY_LEADER_ALIVE)
                     : refusal(raft, message);
  if (why == VLOT_WHY_NONE && message->kind == VLOT_MESSAGE_VOTE) {
    vlot__role_vote_for(raft, message->from);
    vlot__role_reset_election_timer(raft);
  }
  answer_candidate(raft, message, why);
}

vlot__next vlot__election_on_reply(vlot_raft *raft, const vlot_message *message,
                                   vlot__term_verdict verdict) {
  bool is_pre_vote = message->kind == VLOT_MESSAGE_PRE_VOTE_REPLY;
  bool is_granted = (message->flags & VLOT_MESSAGE_OK) != 0;
  vlot_role wanted = is_pre_vote ? VLOT_ROLE_PRE_CANDIDATE : VLOT_ROLE_CANDIDATE;
  vlot__peer *voter = vlot__peer_find(raft, message->from);
  vlot_why why = VLOT_WHY_NONE;
  if (!voter)
    why = VLOT_WHY_UNKNOWN_MEMBER;
  else if (raft->role != wanted || message->request_id != raft->campaign_request)
    why = VLOT_WHY_NOT_CANDIDATE;
  /* nobody was asked yet: a forgery */
  else if (raft->hard_token > raft->stored_token)
    why = VLOT_WHY_STALE_REPLY;
  else if (verdict == VLOT__TERM_STALE && is_granted)
    why = VLOT_WHY_STALE_TERM;
  else if (!vlot__peer_is_voter(voter))
    why = VLOT_WHY_NOT_A_VOTER;
  else if (!vlot__peer_knows_disk(voter, message->disk_id))
    why = VLOT_WHY_FOREIGN_DISK;
  if (why != VLOT_WHY_NONE) {
    vlot__out_change(raft, VLOT_CHANGE_IGNORED, why, message->from, message->kind, 0,
                     message->term);
    return VLOT__NEXT_NOTHING;
  }
  return count_vote(raft, voter, is_granted, message->disk_id, (vlot_why)message->why);
}
