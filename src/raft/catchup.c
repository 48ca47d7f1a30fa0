/* New voters are caught up before they count, in rounds: each brings what the log had when it
 * began, and once one takes less than an election timeout, the rest comes in less than that too
 * (thesis 4.2.1). Who does not come closer is given up.
 */
#include "raft/core.h"
#include "raft/sending.h"

enum {
  ROUNDS_MAX = 10,   /* of the thesis */
  IDLE_TIMEOUTS = 10 /* election timeouts without coming closer */
};

static const vlot_configuration *in_force(const vlot_raft *raft) {
  return vlot__configs_top(&raft->configs)->configuration;
}

static bool is_awaited(const vlot_raft *raft, const vlot__peer *peer) {
  const vlot_member *member = vlot__config_member(in_force(raft), 0, peer->id);
  return member && (member->wish == VLOT_WISH_JOIN || member->wish == VLOT_WISH_PROMOTE);
}

static bool is_of_known_disk(const vlot__peer *peer) {
  return vlot__peer_knows_disk(peer, peer->seen_disk_id);
}

/* Has it come closer since the last look? Chunks of a snapshot count, too. */
static bool is_closer(vlot__peer *peer) {
  uint64_t bytes = peer->sending ? peer->sending->acked : 0;
  bool is_more = peer->match_index > peer->round.best || bytes > peer->round.best_bytes;
  if (peer->match_index > peer->round.best) peer->round.best = peer->match_index;
  peer->round.best_bytes = bytes;
  return is_more && is_of_known_disk(peer);
}

void vlot__catchup_tick(vlot_raft *raft, uint32_t elapsed) {
  if (in_force(raft)->wish_count == 0) return;
  for (uint32_t k = 0; k < raft->peer_count; k++) {
    vlot__peer *peer = &raft->peers[k];
    if (peer->round.number == 0 || peer->round.is_done) continue;
    peer->round.ticks += elapsed;
    peer->round.idle = is_closer(peer) ? 0 : peer->round.idle + elapsed;
  }
}

static void begin_round(vlot_raft *raft, vlot__peer *peer) {
  peer->round.number++;
  peer->round.end = raft->log.last_index;
  peer->round.ticks = 0;
  vlot__out_change(raft, VLOT_CHANGE_ROUND, VLOT_WHY_NONE, peer->id, peer->round.number,
                   peer->round.end, raft->hard.term);
}

/* It may begin and end at most one round per step. */
static void look_at_round(vlot_raft *raft, vlot__peer *peer) {
  if (peer->round.number == 0) begin_round(raft, peer);
  if (peer->round.is_done || peer->match_index < peer->round.end || !is_of_known_disk(peer)) return;
  if (peer->round.ticks >= raft->options.election_ticks_min) {
    begin_round(raft, peer);
    return;
  }
  peer->round.is_done = true;
  vlot__out_change(raft, VLOT_CHANGE_ROUND, VLOT_WHY_NONE, peer->id, 0, peer->round.end,
                   raft->hard.term);
}

static bool is_hopeless(const vlot_raft *raft, const vlot__peer *peer) {
  return peer->round.number > ROUNDS_MAX ||
         (!peer->round.is_done &&
          peer->round.idle >= IDLE_TIMEOUTS * raft->options.election_ticks_min);
}

vlot__catchup vlot__catchup_look(vlot_raft *raft, uint32_t *hopeless) {
  vlot__catchup state = VLOT__CATCHUP_DONE;
  *hopeless = 0;
  if (!vlot__out_reserve(raft, &raft->out_changes, 2 * (size_t)raft->peer_count,
                         sizeof(vlot_change)))
    return VLOT__CATCHUP_WAITS;
  for (uint32_t k = 0; k < raft->peer_count; k++) {
    vlot__peer *peer = &raft->peers[k];
    if (peer == raft->self || !is_awaited(raft, peer)) continue;
    look_at_round(raft, peer);
    if (!peer->round.is_done && state == VLOT__CATCHUP_DONE) state = VLOT__CATCHUP_WAITS;
    if (!is_hopeless(raft, peer) || state == VLOT__CATCHUP_FAILED) continue;
    *hopeless = peer->id;
    state = VLOT__CATCHUP_FAILED;
  }
  return state;
}

void vlot__catchup_end(vlot_raft *raft) {
  for (uint32_t k = 0; k < raft->peer_count; k++) raft->peers[k].round = (vlot__round){0};
}

/* It has all that is committed, from a disk that counts, and answers. */
bool vlot__catchup_is_there(vlot_raft *raft, uint32_t id) {
  const vlot__peer *peer = vlot__peer_find(raft, id);
  return peer && peer->state == VLOT_PROGRESS_REPLICATE && is_of_known_disk(peer) &&
         peer->match_index >= raft->commit_index && vlot__peer_is_alive(peer);
}
