/* A leader's time: heartbeats, whether a quorum answers, and asking whoever is silent for longer
 * than its answers take. */
#include "raft/core.h"
#include "raft/sending.h"

/* --- how long answers take --- */

/* How long its answers take. Timed is one request after the other, by the answer to that very one:
 * what was lost in between says nothing of it. One that took longer counts at once, one that took
 * less by and by. */
void vlot__silence_look(const vlot_raft *raft, vlot__peer *peer, uint64_t request) {
  uint64_t ticks = raft->now - peer->timed_at;
  if (request > peer->timed_request) {
    /* it was answered with others, or lost: unless it only waits for a disk */
    if (ticks > raft->options.heartbeat_ticks) peer->timed_request = 0;
    return;
  }
  peer->timed_request = 0;
  if (ticks > raft->options.heartbeat_ticks) ticks = raft->options.heartbeat_ticks;
  if (ticks >= peer->answer_ticks)
    peer->answer_ticks = (uint32_t)ticks;
  else
    peer->answer_ticks -= (peer->answer_ticks - (uint32_t)ticks + 7) / 8;
}

/* --- a tick --- */

static bool has_quorum_contact(vlot_raft *raft) {
  bool has_contact = vlot__config_has_contact(raft);
  for (uint32_t k = 0; k < raft->peer_count; k++) {
    raft->peers[k].was_active = raft->peers[k].is_active;
    raft->peers[k].is_active = false;
  }
  return has_contact;
}

/* Something was sent that it has not answered, or has not called durable. */
static bool is_awaited(const vlot__peer *peer) {
  if (peer->state == VLOT_PROGRESS_SNAPSHOT) return vlot__sending_is_awaited(peer);
  return peer->asked_request > peer->acked_request ||
         (peer->state == VLOT_PROGRESS_REPLICATE && peer->match_index + 1 < peer->next_index);
}

static bool has_unsent_commit(const vlot_raft *raft, const vlot__peer *peer) {
  return peer->state == VLOT_PROGRESS_REPLICATE && peer->sent_commit < raft->commit_index;
}

uint32_t vlot__leader_due(const vlot_raft *raft, vlot_due *what) {
  uint32_t due = UINT32_MAX;
  *what = VLOT_DUE_SILENCE;
  for (uint32_t k = 0; k < raft->peer_count; k++) {
    const vlot__peer *peer = &raft->peers[k];
    if (peer == raft->self) continue;
    bool is_throttled = vlot__sending_is_throttled(raft, peer);
    if (is_throttled || has_unsent_commit(raft, peer)) {
      *what = is_throttled ? VLOT_DUE_SNAPSHOT : VLOT_DUE_COMMIT;
      return 1;
    }
    if (peer->silence_max < raft->options.heartbeat_ticks && is_awaited(peer) &&
        peer->silence_max - peer->silent_ticks < due)
      due = peer->silence_max - peer->silent_ticks;
  }
  return due;
}

/* Is it time to ask a peer that does not answer? One append without entries, at the end of what it
 * was sent: its answer shows a gap, or that there is none, however slow the disk.
 */
static bool ends_silence(const vlot_raft *raft, vlot__peer *peer, uint32_t elapsed) {
  if (!is_awaited(peer)) {
    peer->silent_ticks = 0;
    vlot__peer_has_answered(peer);
    return false;
  }
  if (peer->silence_max >= raft->options.heartbeat_ticks) return false;
  peer->silent_ticks += elapsed;
  if (peer->silent_ticks < peer->silence_max) return false;
  peer->silent_ticks = 0;
  peer->silence_max *= 2;
  return true;
}

vlot__next vlot__leader_tick(vlot_raft *raft, uint32_t elapsed) {
  VLOT_ASSERT(raft->role == VLOT_ROLE_LEADER);
  raft->quorum_elapsed += elapsed;
  if (raft->quorum_elapsed >= raft->options.election_ticks_min) {
    raft->quorum_elapsed = 0;
    raft->lacks_quorum = !has_quorum_contact(raft);
    if (raft->lacks_quorum && (raft->switches & VLOT_SWITCH_CHECK_QUORUM))
      return VLOT__NEXT_STEP_DOWN;
  }
  raft->heartbeat_elapsed += elapsed;
  bool is_heartbeat = raft->heartbeat_elapsed >= raft->options.heartbeat_ticks;
  if (is_heartbeat) raft->heartbeat_elapsed = 0;
  VLOT_ASSERT(raft->heartbeat_elapsed < raft->options.heartbeat_ticks);
  VLOT_ASSERT(raft->quorum_elapsed < raft->options.election_ticks_min);
  vlot__sending_tick(raft, elapsed);
  for (uint32_t k = 0; k < raft->peer_count; k++) {
    vlot__peer *peer = &raft->peers[k];
    if (peer == raft->self) continue;
    if (is_heartbeat) {
      vlot__peer_ask_heartbeat(raft, peer, VLOT_WHY_NONE);
      if (peer->sending) vlot__sending_ask(raft, peer);
      peer->silent_ticks = 0; /* it asks, too */
      continue;
    }
    if (ends_silence(raft, peer, elapsed)) {
      if (peer->sending)
        vlot__sending_ask(raft, peer);
      else
        vlot__peer_ask_heartbeat(raft, peer, VLOT_WHY_SILENCE);
    }
    /* the commit index rides on the next append; when none came within a tick it travels alone */
    if (has_unsent_commit(raft, peer)) vlot__peer_ask(raft, peer, VLOT_WHY_COMMIT_ALONE);
  }
  return VLOT__NEXT_NOTHING;
}
