/* Looking at a core: nothing here changes it. */
#include "base/assert.h"
#include "raft/core.h"
#include "raft/sending.h"

const char *vlot_role_name(vlot_role role) {
  switch (role) {
  case VLOT_ROLE_FOLLOWER: return "follower";
  case VLOT_ROLE_PRE_CANDIDATE: return "pre-candidate";
  case VLOT_ROLE_CANDIDATE: return "candidate";
  case VLOT_ROLE_LEADER: return "leader";
  }
  return "?";
}

void vlot_raft_get_status(const vlot_raft *raft, vlot_raft_status *status) {
  VLOT_GIVEN(raft);
  VLOT_GIVEN(status);
  *status = (vlot_raft_status){
      .id = raft->id,
      .role = raft->role,
      .term = raft->hard.term,
      .vote = raft->hard.vote,
      .leader = raft->leader,
      .commit_index = raft->commit_index,
      .applied_index = raft->applied_index,
      .base_index = raft->log.base_index,
      .first_index = raft->log.base_index + 1,
      .last_index = raft->log.last_index,
      .last_term = raft->log.last_term,
      .durable_index = raft->durable_index,
      .durable_term = raft->durable_term,
      .now = raft->now,
      .next_timer = raft->output.next_timer,
      .next_due = raft->output.next_due,
      .election_ticks = raft->election_ticks,
      .election_elapsed = raft->election_elapsed,
      .votes_granted = raft->votes_granted,
      .quorum = vlot__config_quorum(raft),
      .switches = raft->switches,
      .is_voter = vlot__peer_is_voter(raft->self),
      .tail_bytes = raft->tail_bytes,
      .held_messages = (uint32_t)raft->held.count,
      .pending_reads = (uint32_t)raft->reads.count,
      .is_fenced = raft->is_fenced,
      .fenced_why = raft->fenced_why,
      .lacks_quorum = raft->role == VLOT_ROLE_LEADER && raft->lacks_quorum,
      .has_foreign_disk =
          raft->self->stands_in != 0 && !vlot__peer_knows_disk(raft->self, raft->hard.disk_id),
      .snapshot_index = raft->snapshot ? vlot_snapshot_get(raft->snapshot)->index : 0,
      .log_bytes = raft->log_bytes,
      .transfer_to = raft->role == VLOT_ROLE_LEADER ? raft->transfer.to : 0,
      .transfer_ticks = raft->transfer.ticks,
      .rank = vlot__rank_of(raft, raft->id),
  };
  const vlot__config_place *top = vlot__configs_top(&raft->configs);
  status->config_index = top->index;
  status->is_joint = top->configuration->half_count > 1;
  status->is_changing =
      top->index > raft->commit_index || status->is_joint || top->configuration->wish_count > 0;
  const vlot__receipt *receipt = raft->receipt;
  if (!receipt || !receipt->snapshot) return;
  status->receives_index = vlot_snapshot_get(receipt->snapshot)->index;
  status->receives_size = vlot_snapshot_get(receipt->snapshot)->size;
  status->receives_offset = vlot__receipt_wanted(receipt);
  status->is_installing = receipt->stage >= VLOT__RECEIPT_RESTORING;
}

vlot_result vlot_raft_get_progress(const vlot_raft *raft, uint32_t id, vlot_progress *progress) {
  VLOT_GIVEN(raft);
  VLOT_GIVEN(progress);
  *progress = (vlot_progress){.id = id};
  if (raft->role != VLOT_ROLE_LEADER) return VLOT_NOT_LEADER;
  const vlot__peer *peer = NULL;
  for (uint32_t k = 0; k < raft->peer_count; k++)
    if (raft->peers[k].id == id) peer = &raft->peers[k];
  if (!peer || peer == raft->self) return VLOT_NOT_FOUND;
  *progress = (vlot_progress){
      .id = id,
      .state = peer->state,
      .match_index = peer->match_index,
      .next_index = peer->next_index,
      .dealing = peer->dealing,
      .acked_request = peer->acked_request,
      .inflight_bytes = peer->inflight_bytes,
      .inflight_messages = (uint32_t)peer->inflight.count,
      .is_active = peer->is_active,
      .why = peer->why,
      .is_voter = vlot__peer_is_voter(peer),
      .round = peer->round.is_done ? 0 : peer->round.number,
      .round_index = peer->round.is_done ? 0 : peer->round.end,
      .round_ticks = peer->round.is_done ? 0 : peer->round.ticks,
  };
  if (peer->sending) {
    progress->snapshot_index = vlot_snapshot_get(peer->sending->snapshot)->index;
    progress->snapshot_size = vlot_snapshot_get(peer->sending->snapshot)->size;
    progress->snapshot_acked = peer->sending->acked;
  }
  return VLOT_OK;
}

vlot_result vlot_raft_get_entry(const vlot_raft *raft, uint64_t index, uint64_t *term,
                                vlot_entry *entry) {
  VLOT_GIVEN(raft);
  if (index <= raft->log.base_index || index > raft->log.last_index) return VLOT_NOT_FOUND;
  const vlot_slice *slice = vlot_log_slice(&raft->log, vlot_log_find(&raft->log, index));
  *term = slice->term;
  *entry = vlot_slice_entries(slice)[index - slice->index];
  return VLOT_OK;
}

vlot_configuration *vlot_raft_configuration(const vlot_raft *raft, uint64_t *index) {
  VLOT_GIVEN(raft);
  const vlot__config_place *top = vlot__configs_top(&raft->configs);
  if (index) *index = top->index;
  return top->configuration;
}

vlot_configuration *vlot_raft_configuration_at(const vlot_raft *raft, uint64_t index) {
  VLOT_GIVEN(raft);
  const vlot__configs *configs = &raft->configs;
  uint64_t lowest = raft->log.base_index;
  if (raft->snapshot && configs->count == 1 && configs->places[0].index > lowest)
    lowest = configs->places[0].index;
  if (index < lowest || index > raft->log.last_index) return NULL;
  size_t k = configs->count;
  while (k > 1 && configs->places[k - 1].index > index) k--;
  /* who waited for one does not know what was in force before it came */
  bool is_known = configs->places[k - 1].configuration->counts[0] > 0;
  return is_known ? configs->places[k - 1].configuration : NULL;
}

vlot_snapshot *vlot_raft_snapshot(const vlot_raft *raft) {
  VLOT_GIVEN(raft);
  return raft->snapshot;
}
