/* Campaigns and votes: section 5.2 and 5.4.1 of the paper, PreVote of thesis 9.6. */
#include "raft/core.h"

vlot_why vlot__election_obstacle(const vlot_raft *raft) {
  if (!raft->self->is_voter) return VLOT_WHY_NOT_A_VOTER;
  if (!vlot__peer_counts_disk(raft->self, raft->hard.disk_id)) return VLOT_WHY_FOREIGN_DISK;
  if (raft->hard.term + 1 >= VLOT_INDEX_MAX || raft->log.last_index + 1 >= VLOT_INDEX_MAX)
    return VLOT_WHY_INDEX_LIMIT;
  return VLOT_WHY_NONE;
}

/* Begin a campaign: forget the votes of the last one, and number it, so that late replies to that
 * one do not count. */
static void begin_campaign(vlot_raft *raft) {
  for (uint32_t k = 0; k < raft->peer_count; k++) raft->peers[k].vote = VLOT__VOTE_UNKNOWN;
  raft->votes_granted = 0;
  raft->votes_refused = 0;
  raft->campaign_request = raft->next_request++;
  vlot__role_reset_election_timer(raft);
}

static void ask_everybody(vlot_raft *raft, vlot_message_kind kind, uint16_t flags) {
  for (uint32_t k = 0; k < raft->peer_count; k++) {
    const vlot__peer *peer = &raft->peers[k];
    if (peer == raft->self || !peer->is_voter) continue;
    vlot_message request = vlot__out_request(raft, kind, peer->id);
    request.flags = flags;
    request.request_id = raft->campaign_request;
    request.as.vote.last_index = raft->log.last_index;
    request.as.vote.last_term = raft->log.last_term;
    vlot__out_when_stored(raft, &request, raft->hard_token);
  }
}

typedef enum tally { TALLY_OPEN, TALLY_WON, TALLY_LOST } tally;

/* A vote counts once per voter (B007). */
static tally count_vote(vlot_raft *raft, vlot__peer *voter, bool is_granted, vlot_why why) {
  uint32_t quorum = vlot__quorum_of(raft->voter_count);
  if (voter->vote == VLOT__VOTE_UNKNOWN) {
    voter->vote = is_granted ? VLOT__VOTE_GRANTED : VLOT__VOTE_REFUSED;
    if (is_granted)
      raft->votes_granted++;
    else
      raft->votes_refused++;
    vlot__out_change(raft, VLOT_CHANGE_TALLY, why, voter->id, raft->votes_granted, quorum,
                     raft->hard.term);
  }
  if (raft->votes_granted >= quorum) return TALLY_WON;
  return raft->votes_refused > raft->voter_count - quorum ? TALLY_LOST : TALLY_OPEN;
}

static vlot__next after_tally(vlot_raft *raft, tally outcome) {
  switch (outcome) {
  case TALLY_OPEN: return VLOT__NEXT_NOTHING;
  case TALLY_WON:
    return raft->role == VLOT_ROLE_PRE_CANDIDATE ? VLOT__NEXT_CAMPAIGN : VLOT__NEXT_LEAD;
  case TALLY_LOST:
    /* the timer keeps running: the next campaign begins when it ends */
    vlot__role_follow(raft, raft->hard.term, 0, 0, VLOT_WHY_QUORUM_REFUSED);
    return VLOT__NEXT_NOTHING;
  }
  return VLOT__NEXT_NOTHING;
}

vlot__next vlot__election_pre_campaign(vlot_raft *raft, vlot_why why) {
  if (!(raft->switches & VLOT_SWITCH_PRE_VOTE)) return vlot__election_campaign(raft, false, why);
  vlot__peers_make(raft);
  vlot__role_pre_candidate(raft, why);
  begin_campaign(raft);
  vlot__out_change(raft, VLOT_CHANGE_CAMPAIGN, why, 0, 0, raft->log.last_index, raft->hard.term);
  ask_everybody(raft, VLOT_MESSAGE_PRE_VOTE, 0);
  return after_tally(raft, count_vote(raft, raft->self, true, VLOT_WHY_NONE));
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
  return after_tally(raft, count_vote(raft, raft->self, true, VLOT_WHY_NONE));
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
  if (!vlot__peer_counts_disk(raft->self, raft->hard.disk_id)) return VLOT_WHY_FOREIGN_DISK;
  if (raft->role == VLOT_ROLE_LEADER)
    return is_pre_vote ? VLOT_WHY_IS_LEADER : VLOT_WHY_ALREADY_VOTED;
  if (!is_pre_vote && raft->hard.vote != 0 && raft->hard.vote != message->from)
    return VLOT_WHY_ALREADY_VOTED;
  if (!is_up_to_date(raft, message)) return VLOT_WHY_LOG_BEHIND;
  return VLOT_WHY_NONE;
}

static void answer_candidate(vlot_raft *raft, const vlot_message *message, vlot_why why) {
  bool is_pre_vote = message->kind == VLOT_MESSAGE_PRE_VOTE;
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
void vlot__election_on_vote(vlot_raft *raft, const vlot_message *message) {
  vlot__term_verdict verdict = vlot__role_observe_term(raft, message);
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

vlot__next vlot__election_on_reply(vlot_raft *raft, const vlot_message *message) {
  bool is_pre_vote = message->kind == VLOT_MESSAGE_PRE_VOTE_REPLY;
  bool is_granted = (message->flags & VLOT_MESSAGE_OK) != 0;
  vlot__term_verdict verdict = vlot__role_observe_term(raft, message);
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
  else if (!voter->is_voter)
    why = VLOT_WHY_NOT_A_VOTER;
  else if (!vlot__peer_counts_disk(voter, message->disk_id))
    why = VLOT_WHY_FOREIGN_DISK;
  if (why != VLOT_WHY_NONE) {
    vlot__out_change(raft, VLOT_CHANGE_IGNORED, why, message->from, message->kind, 0,
                     message->term);
    return VLOT__NEXT_NOTHING;
  }
  return after_tally(raft, count_vote(raft, voter, is_granted, (vlot_why)message->why));
}
