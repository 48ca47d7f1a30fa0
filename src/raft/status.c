/* Looking at a core: nothing here changes it. */
#include "raft/core.h"

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
  };
}

vlot_result vlot_raft_get_progress(const vlot_raft *raft, uint32_t id, vlot_progress *progress) {
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
  };
  return VLOT_OK;
}

vlot_result vlot_raft_get_entry(const vlot_raft *raft, uint64_t index, uint64_t *term,
                                vlot_entry *entry) {
  if (index <= raft->log.base_index || index > raft->log.last_index) return VLOT_NOT_FOUND;
  const vlot_slice *slice = vlot_log_slice(&raft->log, vlot_log_find(&raft->log, index));
  *term = slice->term;
  *entry = vlot_slice_entries(slice)[index - slice->index];
  return VLOT_OK;
}

vlot_configuration *vlot_raft_configuration(const vlot_raft *raft, uint64_t *index) {
  const vlot__config_place *top = vlot__configs_top(&raft->configs);
  if (index) *index = top->index;
  return top->configuration;
}
