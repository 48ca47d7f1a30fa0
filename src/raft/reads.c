/* Linearizable reads by ReadIndex: thesis 6.4. A read is answered when a quorum has answered
 * requests that were sent after it was registered, and an entry of this term has committed.
 */
#include "raft/core.h"

static bool has_committed_in_term(const vlot_raft *raft) {
  return raft->commit_index >= raft->term_first_index;
}

static void push_answer(vlot_raft *raft, uint64_t tag, uint64_t index, vlot_result result,
                        vlot_why why) {
  VLOT_ASSERT(index <= raft->commit_index);
  vlot_read_answer *answer = vlot__out_push(&raft->out_reads, sizeof *answer);
  *answer = (vlot_read_answer){.tag = tag, .index = index, .result = result, .why = why};
}

void vlot__reads_register(vlot_raft *raft, uint64_t tag, vlot_outcome *outcome) {
  if (raft->role != VLOT_ROLE_LEADER) {
    outcome->result = VLOT_NOT_LEADER;
    outcome->why = VLOT_WHY_NOT_LEADER;
    return;
  }
  if (raft->reads.count >= raft->options.reads_max) {
    outcome->result = VLOT_BUSY;
    outcome->why = VLOT_WHY_READS_FULL;
    return;
  }
  vlot__read *read = vlot__ring_push(&raft->reads);
  *read = (vlot__read){.tag = tag,
                       .round = raft->next_request,
                       .index = has_committed_in_term(raft) ? raft->commit_index : 0};
  for (uint32_t k = 0; k < raft->peer_count; k++)
    if (vlot__peer_is_voter(&raft->peers[k])) vlot__peer_ask(raft, &raft->peers[k], VLOT_WHY_NONE);
}

/* The newest request that a quorum has answered, oneself included. */
static uint64_t confirmed_request(vlot_raft *raft) {
  for (uint32_t k = 0; k < raft->peer_count; k++) {
    const vlot__peer *peer = &raft->peers[k];
    raft->scratch[k] = peer == raft->self ? UINT64_MAX : peer->acked_request;
  }
  return vlot__config_reached(raft);
}

void vlot__reads_answer(vlot_raft *raft) {
  if (raft->reads.count == 0 || !has_committed_in_term(raft)) return;
  uint64_t confirmed = confirmed_request(raft);
  while (raft->reads.count > 0) {
    const vlot__read *read = vlot__ring_at(&raft->reads, 0);
    VLOT_ASSERT(read->round <= raft->next_request);
    if (read->round > confirmed) return;
    uint64_t index = read->index ? read->index : raft->commit_index;
    VLOT_ASSERT(index >= raft->term_first_index); /* what this leader knows to be committed (6.4) */
    push_answer(raft, read->tag, index, VLOT_OK, VLOT_WHY_NONE);
    vlot__ring_pop_front(&raft->reads);
  }
}

void vlot__reads_fail(vlot_raft *raft) {
  while (raft->reads.count > 0) {
    const vlot__read *read = vlot__ring_at(&raft->reads, 0);
    push_answer(raft, read->tag, 0, VLOT_NOT_LEADER, VLOT_WHY_LEADERSHIP_LOST);
    vlot__ring_pop_front(&raft->reads);
  }
}
