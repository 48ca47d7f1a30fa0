/* One append to a peer: which entries it carries, and which input made it possible. Section 5.3. */
#include "base/assert.h"
#include "raft/batch.h"
#include "raft/core.h"

/* Put the entries from an index on into the slice arena, as many as one message may carry. Returns
 * their payload. */
static uint64_t gather_slices(vlot_raft *raft, uint64_t from, vlot_message *message) {
  uint64_t bytes = 0;
  uint32_t entries = 0;
  size_t k = from <= raft->log.last_index ? vlot_log_find(&raft->log, from) : raft->log.slice_end;
  for (; k < raft->log.slice_end && entries < raft->options.append_entries_max; k++) {
    const vlot_slice *slice = vlot_log_slice(&raft->log, k);
    vlot_slice cut =
        vlot__slice_cut(slice, from, from + (raft->options.append_entries_max - entries) - 1);
    uint64_t size = vlot_slice_bytes(&cut);
    if (bytes + size > raft->options.append_bytes_max) {
      const vlot_entry *entry = vlot_slice_entries(&cut);
      uint32_t fit = 0;
      for (size = 0;
           fit < cut.count && bytes + size + entry[fit].size <= raft->options.append_bytes_max;
           fit++)
        size += entry[fit].size;
      if (fit == 0 && entries == 0) size = entry[fit++].size; /* one entry always fits */
      cut.count = fit;
    }
    if (cut.count == 0 || !vlot__out_reserve(raft, &raft->out_slices, 1, sizeof cut)) break;
    *(vlot_slice *)vlot__out_push(&raft->out_slices, sizeof cut) = cut;
    message->as.append.slice_count++;
    entries += cut.count;
    bytes += size;
    from += cut.count;
    /* not all of it fits: what follows would leave a gap */
    if (from <= vlot__slice_last(slice)) break;
  }
  message->as.append.entry_count = entries;
  VLOT_ASSERT(entries <= raft->options.append_entries_max);
  VLOT_ASSERT((entries == 0) == (message->as.append.slice_count == 0));
  return bytes;
}

/* Which input brought the entry at an index, in this step; place 0: it is older. */
static vlot__source appended_by(const vlot_raft *raft, uint64_t index) {
  if (raft->appended.place <= raft->step_place) return (vlot__source){0};
  if (index >= raft->appended_from) return raft->appended;
  const vlot_change *change = raft->out_changes.items;
  for (size_t k = 0; k < raft->out_changes.count; k++, change++)
    if (change->kind == VLOT_CHANGE_APPEND && change->from <= index && index <= change->to)
      return (vlot__source){.cause = change->cause, .place = raft->step_place + 1};
  return (vlot__source){0};
}

/* The input of this step that made an append possible last: its newest entry came, or the way for
 * it was opened. Without entries: who wanted it first. */
static uint64_t append_cause(const vlot_raft *raft, const vlot__peer *peer, uint64_t last,
                             bool has_entries) {
  vlot__source way = has_entries ? peer->opened : peer->asked;
  vlot__source brought = has_entries ? appended_by(raft, last) : (vlot__source){0};
  vlot__source later = brought.place > way.place ? brought : way;
  return later.place > raft->step_place ? later.cause : 0;
}

/* One append to a peer, of the entries after prev (or none). False when there was no memory for
 * it. */
bool vlot__append_send(vlot_raft *raft, vlot__peer *peer, uint64_t prev, bool has_entries) {
  vlot_message message = vlot__out_request(raft, VLOT_MESSAGE_APPEND, peer->id);
  if (!vlot__out_reserve_messages(raft, 1)) return false;
  if (!vlot__ring_reserve(&peer->inflight, 1)) return false;
  vlot_why why = has_entries ? VLOT_WHY_NONE : peer->asked_why;
  if (why != VLOT_WHY_NONE && !vlot__out_reserve_why(raft)) return false;
  bool is_known = vlot_log_term(&raft->log, prev, &message.as.append.prev_term);
  VLOT_ASSERT(is_known);
  message.dealing = peer->dealing;
  message.as.append.prev_index = prev;
  message.as.append.commit = raft->commit_index;
  uint64_t bytes = has_entries ? gather_slices(raft, prev + 1, &message) : 0;
  if (has_entries && message.as.append.entry_count == 0 && prev < raft->log.last_index)
    return false;
  message.request_id = raft->next_request++;
  if (has_entries || peer->wants_append) vlot__silence_asked(raft, peer, message.request_id);
  if (peer->state == VLOT_PROGRESS_REPLICATE && message.as.append.entry_count > 0) {
    peer->next_index = prev + message.as.append.entry_count + 1;
    peer->inflight_bytes += bytes;
    vlot__inflight *inflight = vlot__ring_push(&peer->inflight);
    *inflight = (vlot__inflight){.last_index = peer->next_index - 1, .bytes = bytes};
    VLOT_ASSERT(peer->inflight.count <= raft->options.window_messages_max);
    VLOT_ASSERT(peer->next_index <= raft->log.last_index + 1);
  }
  raft->source.cause = append_cause(raft, peer, prev + message.as.append.entry_count,
                                    message.as.append.entry_count > 0);
  peer->wants_append = false;
  if (message.as.append.entry_count == 0) peer->wants_heartbeat = false;
  peer->sent_commit = raft->commit_index;
  if (why != VLOT_WHY_NONE) vlot__out_why(raft, why);
  vlot__out_when_stored(raft, &message, raft->hard_token);
  return true;
}
