/* The commit index: one function advances it, at a leader and at a follower. With it go the bytes
 * of the uncommitted tail, and what became of own proposals. Sections 5.3 and 5.4.2 of the paper.
 */
#include "raft/batch.h"
#include "raft/core.h"

uint64_t vlot__commit_bytes_of(const vlot_slice *slice) {
  return vlot_slice_bytes(slice) + (uint64_t)slice->count * VLOT_ENTRY_OVERHEAD;
}

/* The tail is recounted at the start of a leadership, so that the ledger cannot drift (B054). */
uint64_t vlot__commit_bytes_between(const vlot_raft *raft, uint64_t from, uint64_t to) {
  uint64_t bytes = 0;
  if (from > to) return 0;
  VLOT_ASSERT(to <= raft->log.last_index);
  for (size_t k = vlot_log_find(&raft->log, from); k < raft->log.slice_end; k++) {
    const vlot_slice *slice = vlot_log_slice(&raft->log, k);
    if (slice->index > to) break;
    vlot_slice cut = vlot__slice_cut(slice, from, to);
    bytes += vlot__commit_bytes_of(&cut);
  }
  return bytes;
}

/* From its base on, where it has no snapshot. */
void vlot__log_bytes_drop(vlot_raft *raft, uint64_t index) {
  if (raft->options.log_bytes_max == 0) return;
  uint64_t from = raft->log.base_index + 1;
  if (raft->snapshot && vlot_snapshot_get(raft->snapshot)->index >= from)
    from = vlot_snapshot_get(raft->snapshot)->index + 1;
  uint64_t bytes = vlot__commit_bytes_between(raft, from, index);
  VLOT_ASSERT(bytes <= raft->log_bytes);
  raft->log_bytes -= bytes;
}

/* What became of own proposals at or below the commit index. Once one of them is known to be
 * overwritten, so are all after it: the log holds another entry below them (5.3, Log Matching).
 */
static void settle_proposed(vlot_raft *raft) {
  while (raft->proposed.count > 0) {
    vlot_lost *range = vlot__ring_at(&raft->proposed, 0);
    if (range->first > raft->commit_index) return;
    VLOT_ASSERT(range->first <= range->last);
    VLOT_ASSERT(range->term <= raft->hard.term);
    uint64_t term;
    uint64_t limit = range->last < raft->commit_index ? range->last : raft->commit_index;
    uint64_t kept = vlot_log_find_agreement(&raft->log, limit, range->term, &term);
    if (term != range->term || kept < range->first) kept = range->first - 1;
    if (kept < limit) {
      vlot_lost *lost = vlot__out_push(&raft->out_lost, sizeof *lost);
      *lost = (vlot_lost){.term = range->term, .first = kept + 1, .last = range->last};
      kept = range->last;
    }
    range->first = kept + 1;
    if (range->first > range->last) vlot__ring_pop_front(&raft->proposed);
  }
}

/* The one function that advances the commit index. */
void vlot__commit_to(vlot_raft *raft, uint64_t index) {
  uint64_t before = raft->commit_index, term;
  VLOT_ASSERT(index > before && index <= raft->log.last_index);
  bool is_known = vlot_log_term(&raft->log, index, &term);
  VLOT_ASSERT(is_known);
  VLOT_ASSERT(term <= raft->hard.term);
  if (raft->role == VLOT_ROLE_LEADER) {
    uint64_t bytes = vlot__commit_bytes_between(raft, before + 1, index);
    VLOT_ASSERT(bytes <= raft->tail_bytes);
    raft->tail_bytes -= bytes;
  }
  raft->commit_index = index;
  vlot__out_change(raft, VLOT_CHANGE_COMMIT, VLOT_WHY_NONE, 0, before, index, term);
  settle_proposed(raft);
}

/* What took the quorum's last one to the index; scratch has the matches. What stood there before
 * the step was no quorum, and this step's changes say what else came, and when: of several replies
 * of one peer it is the last with which it went from below to the index. The own disk comes before
 * them all: a driver may tell it later than replies that are in the same step, and storage was done
 * by then.
 */
static uint64_t completed_by(vlot_raft *raft, uint64_t index) {
  const vlot_change *changes = raft->out_changes.items;
  if (raft->new_matches == 1) return raft->newest_match;
  for (uint32_t k = 0; k < raft->peer_count; k++)
    raft->scratch[k] = raft->scratch[k] >= index ? UINT64_MAX : 0;
  for (size_t c = 0; c < raft->out_changes.count; c++) {
    if (changes[c].kind != VLOT_CHANGE_MATCH || changes[c].from >= index || changes[c].to < index)
      continue;
    uint32_t k = 0; /* who said so is still there, unless it was removed meanwhile */
    while (k < raft->peer_count && raft->peers[k].id != changes[c].peer) k++;
    if (k < raft->peer_count && raft->peers[k].match_index >= index)
      raft->scratch[k] = UINT64_MAX - 1 - c;
  }
  uint64_t place = UINT64_MAX - vlot__config_reached(raft);
  return place == 0 ? raft->own_match : changes[place - 1].cause;
}

/* 5.4.2: only entries of the leader's own term are committed by counting; older ones ride along. */
void vlot__commit_count(vlot_raft *raft) {
  uint64_t term;
  VLOT_ASSERT(raft->role == VLOT_ROLE_LEADER);
  for (uint32_t k = 0; k < raft->peer_count; k++) raft->scratch[k] = raft->peers[k].match_index;
  uint64_t reached = vlot__config_reached(raft);
  VLOT_ASSERT(reached <= raft->log.last_index);
  bool is_new = reached > raft->commit_index && vlot_log_term(&raft->log, reached, &term) &&
                term == raft->hard.term;
  if (is_new) raft->source.cause = completed_by(raft, reached);
  raft->new_matches = 0;
  if (is_new) vlot__commit_to(raft, reached);
}
