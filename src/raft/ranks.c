/* Ranks: who waits before it campaigns, and to whom a leader hands over by itself (transfer.c).
 * They decide nothing that safety depends on: members may have different ones.
 */
#include <string.h>

#include "base/alloc.h"
#include "raft/core.h"

uint32_t vlot__rank_of(const vlot_raft *raft, uint32_t id) {
  for (uint32_t k = 0; k < raft->rank_count; k++)
    if (raft->ranks[k].id == id) return raft->ranks[k].rank;
  return 0;
}

bool vlot__ranks_set(vlot_raft *raft, const vlot_rank *ranks, uint32_t count) {
  vlot_rank *kept = NULL;
  if (count > 0) {
    kept = vlot__alloc(raft->allocator, count, sizeof *kept);
    if (!kept) return false;
    memcpy(kept, ranks, count * sizeof *kept);
  }
  vlot__alloc_free(raft->allocator, raft->ranks);
  raft->ranks = kept;
  raft->rank_count = count;
  return true;
}

bool vlot__ranks_take(vlot_raft *raft, const vlot_input *input, vlot_outcome *outcome) {
  uint32_t count = input->as.ranks.count;
  const vlot_rank *ranks = input->as.ranks.ranks;
  bool is_legal = count <= VLOT_MEMBERS_MAX && (count == 0 || ranks);
  for (uint32_t k = 0; is_legal && k < count; k++) is_legal = ranks[k].id != 0;
  if (is_legal) return vlot__ranks_set(raft, ranks, count);
  outcome->result = VLOT_INVALID;
  return true;
}
