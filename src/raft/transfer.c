/* Leadership is handed over: thesis 3.10. The leader takes no commands, brings the target up to its
 * own log, and tells it to campaign at once; whatever comes in between ends the attempt.
 */
#include "raft/core.h"

/* --- under way -------------------------------------------------------------------------------- */

static void answer_transfer(vlot_raft *raft, vlot_result result, vlot_why why) {
  const vlot__transfer *transfer = &raft->transfer;
  if (!transfer->is_asked) return;
  vlot_late_answer *said = vlot__out_push(&raft->out_answers, sizeof *said);
  *said = (vlot_late_answer){.what = VLOT_INPUT_TRANSFER,
                             .result = result,
                             .why = why,
                             .peer = transfer->to,
                             .tag = transfer->tag};
}

/* Room for the change is reserved: with the input, or by who looks. */
static void end_transfer(vlot_raft *raft, vlot_result result, vlot_why why) {
  answer_transfer(raft, result, why);
  if (!raft->transfer.is_over)
    vlot__out_change(raft, VLOT_CHANGE_TRANSFER, why, 0, raft->transfer.to, 0, raft->hard.term);
  raft->transfer = (vlot__transfer){.ranked_term = raft->transfer.ranked_term};
}

static void begin_transfer(vlot_raft *raft, const vlot__peer *target, uint32_t ticks,
                           vlot_why why) {
  raft->transfer = (vlot__transfer){.to = target->id,
                                    .ticks = ticks,
                                    .dealing = target->dealing,
                                    .ranked_term = raft->transfer.ranked_term};
  raft->has_business = true;
  vlot__out_change(raft, VLOT_CHANGE_TRANSFER, why, 0, 0, target->id, raft->hard.term);
}

static bool is_voter_to_be(const vlot__peer *peer) { return (peer->votes_in & 1u) != 0; }

static bool is_better(const vlot_raft *raft, const vlot__peer *one, const vlot__peer *other) {
  if (!other) return true;
  if (vlot__peer_is_alive(one) != vlot__peer_is_alive(other)) return vlot__peer_is_alive(one);
  if (one->match_index != other->match_index) return one->match_index > other->match_index;
  return vlot__rank_of(raft, one->id) > vlot__rank_of(raft, other->id);
}

/* Whoever has most of the log: it takes over soonest. NULL: there is nobody. */
static const vlot__peer *find_best(const vlot_raft *raft) {
  const vlot__peer *best = NULL;
  for (uint32_t k = 0; k < raft->peer_count; k++) {
    const vlot__peer *peer = &raft->peers[k];
    if (peer != raft->self && is_voter_to_be(peer) && peer->state != VLOT_PROGRESS_SNAPSHOT &&
        vlot__peer_knows_disk(peer, peer->seen_disk_id) && is_better(raft, peer, best))
      best = peer;
  }
  return best;
}

static vlot_result refuse(vlot_outcome *outcome, vlot_result result, vlot_why why) {
  outcome->why = why;
  return outcome->result = result;
}

/* Never to a learner, a stranger or itself. */
static vlot_result find_target(vlot_raft *raft, uint32_t to, const vlot__peer **target,
                               vlot_outcome *outcome) {
  if (raft->role != VLOT_ROLE_LEADER) return refuse(outcome, VLOT_NOT_LEADER, VLOT_WHY_NOT_LEADER);
  if (raft->transfer.to != 0) return refuse(outcome, VLOT_BUSY, VLOT_WHY_TRANSFER);
  if (to == raft->id) return refuse(outcome, VLOT_INVALID, VLOT_WHY_IS_LEADER);
  const vlot__peer *peer = to == 0 ? find_best(raft) : vlot__peer_find(raft, to);
  if (!peer) return refuse(outcome, VLOT_NOT_FOUND, VLOT_WHY_NO_SUCH_MEMBER);
  if (!is_voter_to_be(peer)) return refuse(outcome, VLOT_INVALID, VLOT_WHY_NOT_A_VOTER);
  if (peer->seen_disk_id != 0 && !vlot__peer_knows_disk(peer, peer->seen_disk_id))
    return refuse(outcome, VLOT_REJECTED, VLOT_WHY_FOREIGN_DISK);
  if (peer->state == VLOT_PROGRESS_SNAPSHOT)
    return refuse(outcome, VLOT_REJECTED, VLOT_WHY_NOT_CAUGHT_UP);
  *target = peer;
  return VLOT_OK;
}

void vlot__transfer_take(vlot_raft *raft, const vlot_input *input, vlot_outcome *outcome) {
  const vlot__peer *target;
  uint32_t ticks = input->as.transfer.ticks;
  if (find_target(raft, input->as.transfer.to, &target, outcome) != VLOT_OK) return;
  begin_transfer(raft, target, ticks ? ticks : raft->options.election_ticks_min, VLOT_WHY_ASKED);
  raft->transfer.is_asked = true;
  raft->transfer.tag = input->as.transfer.tag;
}

/* It votes no more: nobody waits for it, and the term goes to whoever is best. Where that is not
 * possible the next election timeout decides. */
void vlot__transfer_retire(vlot_raft *raft) {
  const vlot__peer *best = raft->transfer.to == 0 ? find_best(raft) : NULL;
  if (best) begin_transfer(raft, best, raft->options.election_ticks_min, VLOT_WHY_REMOVED);
}

static void tell_target(vlot_raft *raft, const vlot__peer *target) {
  if (!vlot__out_reserve_messages(raft, 1)) return;
  vlot_message message = vlot__out_request(raft, VLOT_MESSAGE_TIMEOUT_NOW, target->id);
  message.dealing = target->dealing;
  message.request_id = raft->next_request++;
  raft->transfer.is_sent = true;
  raft->transfer.is_repeated = false;
  vlot__out_when_stored(raft, &message, raft->hard_token);
}

static void look_as_leader(vlot_raft *raft) {
  vlot__transfer *transfer = &raft->transfer;
  const vlot__peer *target = vlot__peer_find(raft, transfer->to);
  vlot_result uncertain = transfer->is_sent ? VLOT_UNKNOWN : VLOT_REJECTED;
  if (!target || !is_voter_to_be(target))
    end_transfer(raft, uncertain, VLOT_WHY_NOT_A_VOTER);
  else if (target->dealing != transfer->dealing || target->state == VLOT_PROGRESS_SNAPSHOT)
    end_transfer(raft, uncertain, VLOT_WHY_NOT_CAUGHT_UP);
  else if (transfer->ticks == 0)
    end_transfer(raft, uncertain, VLOT_WHY_DEADLINE);
  else if ((!transfer->is_sent || transfer->is_repeated) &&
           target->match_index == raft->log.last_index)
    tell_target(raft, target);
}

void vlot__transfer_look(vlot_raft *raft) {
  const vlot__transfer *transfer = &raft->transfer;
  if (!vlot__out_reserve(raft, &raft->out_changes, 1, sizeof(vlot_change))) return;
  if (!transfer->is_over)
    look_as_leader(raft);
  else if (raft->leader == transfer->to)
    end_transfer(raft, VLOT_OK, VLOT_WHY_NONE);
  else if (raft->leader != 0)
    end_transfer(raft, VLOT_REJECTED, VLOT_WHY_ELECTED_OTHER);
  else if (transfer->ticks == 0)
    end_transfer(raft, transfer->is_sent ? VLOT_UNKNOWN : VLOT_REJECTED, VLOT_WHY_DEADLINE);
}

/* The leadership is over; whether it went where it should shows when somebody leads. */
void vlot__transfer_end(vlot_raft *raft) {
  if (raft->transfer.is_asked)
    raft->transfer.is_over = true;
  else
    raft->transfer.to = 0;
}

/* A leader of lower rank makes room, once per term, for one that has caught up: where that one does
 * not take over, this leadership goes on. */
static void look_for_higher_rank(vlot_raft *raft) {
  const vlot__peer *best = NULL;
  uint32_t rank = vlot__rank_of(raft, raft->id);
  if (raft->transfer.ranked_term == raft->hard.term || raft->change.is_due ||
      raft->commit_index < raft->term_first_index)
    return;
  for (uint32_t k = 0; k < raft->peer_count; k++) {
    const vlot__peer *peer = &raft->peers[k];
    if (peer == raft->self || !is_voter_to_be(peer) || peer->state != VLOT_PROGRESS_REPLICATE ||
        peer->match_index < raft->commit_index || !vlot__peer_is_alive(peer) ||
        !vlot__peer_knows_disk(peer, peer->seen_disk_id) || vlot__rank_of(raft, peer->id) <= rank)
      continue;
    rank = vlot__rank_of(raft, peer->id);
    best = peer;
  }
  if (!best) return;
  raft->transfer.ranked_term = raft->hard.term;
  begin_transfer(raft, best, raft->options.election_ticks_min, VLOT_WHY_RANK);
}

/* What told the target may be lost: it is told again with each heartbeat. */
void vlot__transfer_tick(vlot_raft *raft, uint32_t elapsed) {
  vlot__transfer *transfer = &raft->transfer;
  bool is_leader = raft->role == VLOT_ROLE_LEADER;
  transfer->ticks = transfer->ticks > elapsed ? transfer->ticks - elapsed : 0;
  if (is_leader && transfer->to != 0 && raft->heartbeat_elapsed == 0) transfer->is_repeated = true;
  if (is_leader && transfer->to == 0 && raft->rank_count > 0) look_for_higher_rank(raft);
}

/* --- at the target ---------------------------------------------------------------------------- */

/* As if its election timeout had passed; its requests override stickiness, as the leader asks for
 * it (thesis 3.10, 4.2.3). */
vlot__next vlot__transfer_on_timeout_now(vlot_raft *raft, const vlot_message *message,
                                         vlot__term_verdict verdict) {
  vlot_why why = VLOT_WHY_STALE_TERM;
  if (verdict != VLOT__TERM_STALE) {
    if (!vlot__follower_hear(raft, message)) return VLOT__NEXT_NOTHING;
    why = vlot__role_campaign_obstacle(raft);
  }
  if (why == VLOT_WHY_NONE) return VLOT__NEXT_TAKE_OVER;
  vlot__out_change(raft, VLOT_CHANGE_IGNORED, why, message->from, message->kind, 0, message->term);
  return VLOT__NEXT_NOTHING;
}
