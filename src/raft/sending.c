/* A leader's snapshot on its way to a peer: chunks within a window and a rate. What is lost shows
 * in the answers to what was sent later, or in the one to a chunk without bytes, which asks after
 * silence and costs nothing; only that is sent again.
 */
#include "raft/sending.h"

#include "base/assert.h"

static uint64_t size_of(const vlot__sending *sending) {
  return vlot_snapshot_get(sending->snapshot)->size;
}

static void begin_anew(vlot_raft *raft, vlot__sending *sending) {
  sending->acked = sending->next = sending->hole_from = sending->hole_to = 0;
  sending->since = sending->gap_request = raft->next_request;
  sending->answered = 0;
  sending->opened = raft->source;
  sending->wants_ask = size_of(sending) == 0; /* that is all there is to say */
  sending->is_refused = false;
}

bool vlot__sending_begin(vlot_raft *raft, vlot__peer *peer) {
  vlot__sending *sending = peer->sending;
  if (!sending) sending = vlot__alloc_zero(raft->allocator, 1, sizeof *sending);
  if (!sending) return false;
  peer->sending = sending;
  vlot_snapshot_release(sending->snapshot);
  sending->snapshot = vlot_snapshot_retain(raft->snapshot);
  begin_anew(raft, sending);
  return true;
}

void vlot__sending_drop(vlot_raft *raft, vlot__peer *peer) {
  if (!peer->sending) return;
  vlot_snapshot_release(peer->sending->snapshot);
  vlot__alloc_free(raft->allocator, peer->sending);
  peer->sending = NULL;
}

/* A newer snapshot alone is no reason: then a transfer that takes longer than the way to the next
 * one would never end. It is, when the log does not go on where this one ends.
 */
bool vlot__sending_is_outdated(const vlot_raft *raft, const vlot__peer *peer) {
  return vlot_snapshot_get(peer->sending->snapshot)->index < raft->log.base_index;
}

/* --- answers ---------------------------------------------------------------------------------- */

/* Bytes that were sent are missing, and what was sent behind them is not; or nothing is under way
 * any more that could be them. What was sent again since is waited for first.
 */
static void find_hole(vlot_raft *raft, vlot__sending *sending, const vlot_message *message) {
  uint64_t from = message->as.installed.offset, to = message->as.installed.limit;
  bool is_newest = message->request_id == sending->last_request;
  if (to > sending->next) to = sending->next;
  bool is_behind = message->as.installed.limit < sending->next;
  if (from >= to || message->request_id < sending->gap_request || (!is_newest && !is_behind))
    return;
  sending->hole_from = from;
  sending->hole_to = to;
  sending->gap_request = raft->next_request;
}

static void take_offset(vlot_raft *raft, vlot__peer *peer, const vlot_message *message) {
  vlot__sending *sending = peer->sending;
  uint64_t offset = message->as.installed.offset;
  bool is_newer = message->request_id >= sending->answered;
  if (is_newer) sending->answered = message->request_id;
  if (offset > sending->acked) {
    sending->acked = offset;
    vlot__peer_has_answered(peer);
  } else if (offset < sending->acked && is_newer) { /* it has forgotten: another incarnation */
    sending->acked = sending->next = offset;
    sending->hole_from = sending->hole_to = 0;
  }
  if (sending->next < sending->acked) sending->next = sending->acked;
  if (sending->hole_from < sending->acked) sending->hole_from = sending->acked;
  if (offset >= sending->acked) find_hole(raft, sending, message);
  VLOT_ASSERT(sending->acked <= sending->next && sending->next <= size_of(sending));
}

bool vlot__sending_on_reply(vlot_raft *raft, vlot__peer *peer, const vlot_message *message) {
  vlot__sending *sending = peer->sending;
  if (!sending || message->request_id < sending->since ||
      message->as.installed.index != vlot_snapshot_get(sending->snapshot)->index ||
      message->as.installed.limit > size_of(sending))
    return false;
  sending->opened = raft->source;
  switch (message->why) {
  case VLOT_WHY_SNAPSHOT_PARTIAL: take_offset(raft, peer, message); break;
  case VLOT_WHY_SNAPSHOT_INSTALLING: /* this one, or another before it, which is waited for */
    if (message->as.installed.offset == size_of(sending)) take_offset(raft, peer, message);
    break;
  case VLOT_WHY_SNAPSHOT_CORRUPT: begin_anew(raft, sending); break;
  case VLOT_WHY_SNAPSHOT_TOO_LARGE:
    sending->is_refused = true;
    peer->why = VLOT_WHY_SNAPSHOT_TOO_LARGE;
    break;
  default: return false;
  }
  return true;
}

bool vlot__sending_is_awaited(const vlot__peer *peer) {
  const vlot__sending *sending = peer->sending;
  return sending && !sending->is_refused &&
         (sending->acked < sending->next || sending->next == size_of(sending));
}

/* --- chunks ----------------------------------------------------------------------------------- */

static uint64_t least(uint64_t one, uint64_t other) { return one < other ? one : other; }

/* Bytes of the next chunk, and where it begins; 0: the window is full, or all is sent. */
static uint64_t next_chunk(const vlot_raft *raft, const vlot__sending *sending, uint64_t *offset) {
  uint64_t most = raft->options.snapshot_chunk_bytes;
  if (sending->is_refused) return 0;
  if (sending->hole_from < sending->hole_to) {
    *offset = sending->hole_from;
    return least(most, sending->hole_to - sending->hole_from);
  }
  uint64_t length = least(most, size_of(sending) - sending->next);
  uint64_t in_flight = sending->next - sending->acked;
  *offset = sending->next;
  bool has_window = in_flight == 0 || in_flight + length <= raft->options.snapshot_window_bytes;
  return has_window ? length : 0;
}

static bool has_budget(const vlot_raft *raft, uint64_t length) {
  return raft->options.snapshot_tick_bytes == 0 || raft->snapshot_budget >= length;
}

bool vlot__sending_is_throttled(const vlot_raft *raft, const vlot__peer *peer) {
  uint64_t offset, length = peer->sending ? next_chunk(raft, peer->sending, &offset) : 0;
  return length > 0 && !has_budget(raft, length);
}

/* What was not used does not add up, but for a chunk that is larger than what a tick brings. */
void vlot__sending_tick(vlot_raft *raft, uint32_t elapsed) {
  uint64_t rate = raft->options.snapshot_tick_bytes, most = raft->options.snapshot_chunk_bytes;
  if (rate == 0) return;
  if (most < rate) most = rate;
  raft->snapshot_budget = least(most, raft->snapshot_budget + rate * elapsed);
  for (uint32_t k = 0; k < raft->peer_count; k++)
    if (raft->peers[k].sending) raft->peers[k].sending->opened = raft->source;
}

void vlot__sending_ask(vlot_raft *raft, vlot__peer *peer) {
  if (!vlot__sending_is_awaited(peer) && !peer->sending->is_refused) return;
  peer->sending->wants_ask = true;
  peer->sending->opened = raft->source;
}

/* False without memory: another time. */
static bool send_chunk(vlot_raft *raft, vlot__peer *peer, uint64_t offset, uint64_t length) {
  vlot__sending *sending = peer->sending;
  const vlot_snapshot_head *head = vlot_snapshot_get(sending->snapshot);
  if (!vlot__out_reserve_messages(raft, 1) ||
      !vlot__out_reserve(raft, &raft->out_changes, 1, sizeof(vlot_change)))
    return false;
  vlot_message message = vlot__out_request(raft, VLOT_MESSAGE_INSTALL, peer->id);
  message.dealing = peer->dealing;
  message.request_id = sending->last_request = raft->next_request++;
  message.as.install.snapshot = sending->snapshot;
  message.as.install.offset = offset;
  message.as.install.length = (uint32_t)length;
  raft->source.cause = sending->opened.place > raft->step_place ? sending->opened.cause : 0;
  if (length > 0)
    vlot__out_change(raft, VLOT_CHANGE_SNAPSHOT_SENT, VLOT_WHY_NONE, peer->id, offset,
                     offset + length, head->index);
  vlot__out_when_stored(raft, &message, raft->hard_token);
  sending->wants_ask = false; /* its answer says how far the peer is */
  return true;
}

void vlot__sending_send(vlot_raft *raft, vlot__peer *peer) {
  vlot__sending *sending = peer->sending;
  uint64_t offset, length;
  while ((length = next_chunk(raft, sending, &offset)) > 0 && has_budget(raft, length)) {
    if (!send_chunk(raft, peer, offset, length)) return;
    if (raft->options.snapshot_tick_bytes > 0) raft->snapshot_budget -= length;
    if (offset == sending->next)
      sending->next += length;
    else
      sending->hole_from += length;
  }
  if (sending->wants_ask) (void)send_chunk(raft, peer, size_of(sending), 0);
}
