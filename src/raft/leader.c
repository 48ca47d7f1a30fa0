/* The leader: proposals, progress of its peers, sends. Figure 2 and section 5.3. */
#include "base/assert.h"
#include "raft/core.h"
#include "raft/message.h"
#include "raft/sending.h"

/* --- one leadership --- */

enum { DOUBT = 64 }; /* after a loss a link is in doubt for so many answers */

static void reset_progress(vlot_raft *raft, vlot__peer *peer) {
  peer->state = VLOT_PROGRESS_PROBE;
  peer->match_index = peer == raft->self ? raft->durable_index : 0;
  peer->next_index = raft->log.last_index + 1;
  peer->dealing = raft->next_dealing++;
  peer->acked_request = 0;
  peer->match_request = 0;
  peer->asked_request = 0;
  peer->gap_request = 0;
  peer->sent_commit = 0;
  peer->seen_disk_id = peer == raft->self ? raft->hard.disk_id : 0;
  vlot__ring_clear(&peer->inflight);
  peer->inflight_bytes = 0;
  vlot__sending_drop(raft, peer);
  peer->is_active = peer->was_active = false;
  peer->round = (vlot__round){0};
  peer->is_paused = false;
  peer->wants_append = peer->wants_heartbeat = false;
  peer->opened = raft->source;
  vlot__peer_ask(raft, peer, VLOT_WHY_NONE); /* tell everybody at once */
  peer->silent_ticks = 0;
  peer->answer_ticks = 0;
  peer->timed_request = 0;
  vlot__peer_has_answered(peer);
  peer->doubt = 0;
  peer->why = VLOT_WHY_NONE;
  VLOT_ASSERT(peer->match_index < peer->next_index);
}

void vlot__leader_begin(vlot_raft *raft) {
  VLOT_ASSERT(raft->role == VLOT_ROLE_LEADER);
  VLOT_ASSERT(raft->reads.count == 0);
  VLOT_ASSERT(raft->log.last_term < raft->hard.term); /* no entry of a term before its leader */
  for (uint32_t k = 0; k < raft->peer_count; k++) reset_progress(raft, &raft->peers[k]);
  raft->self->match_index = raft->durable_index; /* wherever it stands */
  raft->change = (vlot__change){.is_due = true};
  raft->has_business = true;
  raft->heartbeat_elapsed = 0;
  raft->quorum_elapsed = 0;
  raft->lacks_quorum = false;
  raft->term_first_index = raft->log.last_index + 1;
  raft->tail_bytes = vlot__commit_bytes_between(raft, raft->commit_index + 1, raft->log.last_index);
  raft->new_matches = raft->peer_count;
  raft->newest_match = raft->own_match = raft->source.cause;
  raft->snapshot_budget = 0;
  vlot__sending_tick(raft, UINT32_MAX);
  if (!(raft->switches & VLOT_SWITCH_NOOP)) return;
  vlot_slice slice = {
      .batch = raft->noop, .index = raft->log.last_index + 1, .term = raft->hard.term, .count = 1};
  vlot__durable_append(raft, &slice, raft->id);
  raft->tail_bytes += vlot__commit_bytes_of(&slice);
  VLOT_ASSERT(raft->log.last_index == raft->term_first_index);
}

void vlot__leader_meet(vlot_raft *raft) {
  for (uint32_t k = 0; k < raft->peer_count; k++) {
    vlot__peer *peer = &raft->peers[k];
    if (peer == raft->self) continue;
    bool is_known = vlot__peer_knows_disk(peer, peer->seen_disk_id);
    if (peer->dealing == 0) reset_progress(raft, peer);
    if (peer->seen_disk_id != 0 && is_known == (peer->why == VLOT_WHY_FOREIGN_DISK))
      peer->why = is_known ? VLOT_WHY_NONE : VLOT_WHY_FOREIGN_DISK;
  }
}

void vlot__leader_end(vlot_raft *raft) {
  VLOT_ASSERT(raft->role != VLOT_ROLE_LEADER);
  vlot__reads_fail(raft);
  for (uint32_t k = 0; k < raft->peer_count; k++) {
    vlot__ring_clear(&raft->peers[k].inflight);
    raft->peers[k].inflight_bytes = 0;
    vlot__sending_drop(raft, &raft->peers[k]);
    raft->peers[k].wants_append = raft->peers[k].wants_heartbeat = false;
  }
  raft->tail_bytes = 0;
  raft->new_matches = 0;
}

/* --- proposals --- */

/* The newest range of own proposals grows, or another begins: after a leadership, or after a no-op
 * between. */
static void remember_proposed(vlot_raft *raft, uint64_t first, uint64_t last) {
  VLOT_ASSERT(first <= last);
  vlot_lost *range =
      raft->proposed.count > 0 ? vlot__ring_at(&raft->proposed, raft->proposed.count - 1) : NULL;
  if (range && range->term == raft->hard.term && range->last + 1 == first) {
    range->last = last;
    return;
  }
  range = vlot__ring_push(&raft->proposed);
  *range = (vlot_lost){.term = raft->hard.term, .first = first, .last = last};
}

void vlot__leader_propose(vlot_raft *raft, vlot_batch *batch, uint32_t count,
                          vlot_outcome *outcome) {
  VLOT_ASSERT(raft->role == VLOT_ROLE_LEADER);
  VLOT_ASSERT(count <= vlot_batch_count(batch));
  vlot_slice slice = {
      .batch = batch, .index = raft->log.last_index + 1, .term = raft->hard.term, .count = count};
  outcome->index = slice.index;
  outcome->term = slice.term;
  outcome->accepted = count;
  vlot__durable_append(raft, &slice, raft->id);
  raft->tail_bytes += vlot__commit_bytes_of(&slice);
  remember_proposed(raft, slice.index, raft->log.last_index);
}

/* --- replies --- */

static void clear_window(vlot__peer *peer) {
  vlot__ring_clear(&peer->inflight);
  peer->inflight_bytes = 0;
}

static void set_state(vlot_raft *raft, vlot__peer *peer, vlot_progress_state state, vlot_why why) {
  if (peer->state == state) return;
  vlot__out_change(raft, VLOT_CHANGE_PROGRESS, why, peer->id, peer->state, state, raft->hard.term);
  peer->state = state;
  peer->is_paused = false;
  clear_window(peer); /* leaving a state clears the whole window (B047) */
  if (state != VLOT_PROGRESS_SNAPSHOT) vlot__sending_drop(raft, peer);
}

static void free_window(vlot__peer *peer) {
  while (peer->inflight.count > 0) {
    const vlot__inflight *oldest = vlot__ring_at(&peer->inflight, 0);
    if (oldest->last_index > peer->match_index) return;
    VLOT_ASSERT(oldest->bytes <= peer->inflight_bytes);
    peer->inflight_bytes -= oldest->bytes;
    vlot__ring_pop_front(&peer->inflight);
  }
  VLOT_ASSERT(peer->inflight_bytes == 0);
}

/* The peer holds the leader's log, durably, up to match: a fact of this term, however late it
 * arrives (B038, B039). */
static void advance_match(vlot_raft *raft, vlot__peer *peer, uint64_t match) {
  if (match > peer->match_index) {
    vlot__out_change(raft, VLOT_CHANGE_MATCH, VLOT_WHY_NONE, peer->id, peer->match_index, match,
                     raft->hard.term);
    peer->match_index = match;
    peer->match_request = raft->next_request;
    vlot__peer_has_answered(peer);
    if (peer->doubt > 0) peer->doubt--;
    vlot__matched(raft);
  }
  if (peer->next_index <= peer->match_index) peer->next_index = peer->match_index + 1;
  free_window(peer);
  VLOT_ASSERT(peer->match_index <= raft->log.last_index);
  VLOT_ASSERT(peer->match_index < peer->next_index);
}

/* Step back to the highest place where the logs can agree, by the follower's hint and the own log
 * (5.3). Where the hint is an entry of the own log it is where they do agree (Log Matching), and
 * something is missing behind it: it was lost on its way, and pipelining goes on from there. One
 * message at a time, the next loss would stop it until somebody asks again.
 */
static void step_back(vlot_raft *raft, vlot__peer *peer, const vlot_message *message) {
  uint64_t term;
  /* a mismatch at prev_index > match_index >= 0 */
  uint64_t limit = message->as.reply.prev_index - 1;
  if (message->as.reply.hint_index < limit) limit = message->as.reply.hint_index;
  uint64_t agreed = vlot_log_find_agreement(&raft->log, limit, message->as.reply.hint_term, &term);
  bool is_gap = agreed <= limit && agreed == message->as.reply.hint_index &&
                term == message->as.reply.hint_term && agreed >= peer->match_index;
  /* the base is above what the follower has: it needs a snapshot */
  if (agreed > limit) agreed = limit;
  if (agreed < peer->match_index) agreed = peer->match_index;
  if (is_gap && peer->state == VLOT_PROGRESS_REPLICATE) {
    clear_window(peer);
    peer->doubt = DOUBT;
  } else {
    set_state(raft, peer, VLOT_PROGRESS_PROBE, VLOT_WHY_LOG_MISMATCH);
  }
  peer->next_index = agreed + 1;
  peer->gap_request = raft->next_request;
  vlot__peer_has_answered(peer);
  peer->is_paused = false;
  peer->opened = raft->source; /* whatever was to be sent, it begins elsewhere now */
  VLOT_ASSERT(peer->match_index < peer->next_index);
  VLOT_ASSERT(peer->next_index <=
              message->as.reply.prev_index); /* each refusal leads further back */
}

/* A peer has forgotten what it acknowledged: deal with it afresh, in a new dealing, so that what it
 * said before does not count. */
static void start_over(vlot_raft *raft, vlot__peer *peer, vlot_why why) {
  VLOT_ASSERT(peer != raft->self);
  set_state(raft, peer, VLOT_PROGRESS_PROBE, why);
  if (peer->match_index > 0)
    vlot__out_change(raft, VLOT_CHANGE_MATCH, why, peer->id, peer->match_index, 0, raft->hard.term);
  reset_progress(raft, peer);
}

/* Refused, although it was sent after its place had been acknowledged: the follower's disk has lost
 * what it called durable. A refusal that was merely overtaken is of an earlier request (B044), so
 * this one is proof (B045).
 */
static bool has_lost_entries(const vlot__peer *peer, const vlot_message *message) {
  return peer->match_index > 0 && message->as.reply.prev_index <= peer->match_index &&
         message->request_id >= peer->match_request && message->why == VLOT_WHY_LOG_MISMATCH;
}

/* A peer that answers from another disk than before knows nothing of what the old one
 * acknowledged. */
static void observe_disk(vlot_raft *raft, vlot__peer *peer, uint64_t disk) {
  if (peer->seen_disk_id == disk) return;
  if (peer->seen_disk_id != 0) {
    start_over(raft, peer, VLOT_WHY_FOREIGN_DISK);
    peer->next_index = raft->log.base_index + 1;
  }
  peer->seen_disk_id = disk;
  peer->why = vlot__peer_knows_disk(peer, disk) ? VLOT_WHY_NONE : VLOT_WHY_FOREIGN_DISK;
}

/* Why a reply says nothing about this leadership; NONE when it does (B042, B043). */
static vlot_why reply_obstacle(const vlot_raft *raft, const vlot__peer *peer,
                               const vlot_message *message) {
  bool is_ok = (message->flags & VLOT_MESSAGE_OK) != 0;
  if (!peer || peer == raft->self) return VLOT_WHY_UNKNOWN_MEMBER;
  if (raft->role != VLOT_ROLE_LEADER) return VLOT_WHY_NOT_LEADER;
  if (message->dealing != peer->dealing || message->request_id >= raft->next_request)
    return VLOT_WHY_STALE_REPLY;
  if (is_ok && vlot__message_match(message) > raft->log.last_index) return VLOT_WHY_MALFORMED;
  return VLOT_WHY_NONE;
}

static bool has_window(const vlot_raft *raft, const vlot__peer *peer) {
  return peer->inflight.count < raft->options.window_messages_max &&
         peer->inflight_bytes < raft->options.window_bytes_max;
}

/* It is owed entries, and nothing keeps them here. */
static bool may_send_entries(const vlot_raft *raft, const vlot__peer *peer) {
  if (peer->next_index > raft->log.last_index) return false;
  if (peer->state == VLOT_PROGRESS_SNAPSHOT) return false;
  return peer->state == VLOT_PROGRESS_PROBE ? !peer->is_paused : has_window(raft, peer);
}

static void take_ok(vlot_raft *raft, vlot__peer *peer, uint64_t match) {
  bool could_send = may_send_entries(raft, peer);
  advance_match(raft, peer, match);
  bool is_below = peer->next_index <= raft->log.base_index; /* the log does not go on there */
  if (peer->state != VLOT_PROGRESS_SNAPSHOT || !is_below)
    set_state(raft, peer, VLOT_PROGRESS_REPLICATE, VLOT_WHY_NONE);
  if (!could_send) peer->opened = raft->source;
}

/* A refusal that moves something back; or why it does not. */
static vlot_why take_refusal(vlot_raft *raft, vlot__peer *peer, const vlot_message *message) {
  if (message->kind == VLOT_MESSAGE_INSTALL_REPLY)
    return vlot__sending_on_reply(raft, peer, message) ? VLOT_WHY_NONE : VLOT_WHY_STALE_REPLY;
  /* it is sent what it lacks, whatever it refuses meanwhile: that is contact (B083) */
  if (peer->state == VLOT_PROGRESS_SNAPSHOT) return VLOT_WHY_NONE;
  if (message->as.reply.prev_index > peer->match_index &&
      message->as.reply.prev_index < peer->next_index && message->request_id >= peer->gap_request) {
    step_back(raft, peer, message);
    return VLOT_WHY_NONE;
  }
  if (has_lost_entries(peer, message)) {
    start_over(raft, peer, VLOT_WHY_LOG_MISMATCH);
    peer->seen_disk_id = message->disk_id;
    return VLOT_WHY_NONE;
  }
  /* a refusal below what it acknowledged since, or of what was sent before the newest gap was
   * known (B044) */
  return VLOT_WHY_STALE_REPLY;
}

/* The one function that acknowledges progress. */
void vlot__leader_on_reply(vlot_raft *raft, const vlot_message *message,
                           vlot__term_verdict verdict) {
  vlot__peer *peer = vlot__peer_find(raft, message->from);
  vlot_why why =
      verdict == VLOT__TERM_STALE ? VLOT_WHY_STALE_TERM : reply_obstacle(raft, peer, message);
  if (why == VLOT_WHY_NONE) {
    uint64_t dealing = peer->dealing;
    observe_disk(raft, peer, message->disk_id);
    if (peer->dealing != dealing) why = VLOT_WHY_FOREIGN_DISK;
  }
  if (why == VLOT_WHY_NONE) {
    peer->is_active = true;
    peer->silent_ticks = 0;
    vlot__silence_answered(raft, peer, message->request_id);
    if (message->request_id > peer->acked_request) peer->acked_request = message->request_id;
    if (message->flags & VLOT_MESSAGE_OK)
      take_ok(raft, peer, vlot__message_match(message));
    else
      why = take_refusal(raft, peer, message);
  }
  if (why != VLOT_WHY_NONE)
    vlot__out_change(raft, VLOT_CHANGE_IGNORED, why, message->from, message->kind, 0,
                     message->term);
}

/* --- sends --- */

static void send_entries(vlot_raft *raft, vlot__peer *peer) {
  switch (peer->state) {
  case VLOT_PROGRESS_PROBE:
    if (!peer->is_paused)
      peer->is_paused = vlot__append_send(raft, peer, peer->next_index - 1, true);
    return;
  case VLOT_PROGRESS_SNAPSHOT: return;
  case VLOT_PROGRESS_REPLICATE:
    while (peer->next_index <= raft->log.last_index && has_window(raft, peer)) {
      if (!vlot__append_send(raft, peer, peer->next_index - 1, true)) return;
      /* Over a link that loses, what shows the loss of the last one before any tick. */
      if (peer->doubt > 0) vlot__peer_ask_heartbeat(raft, peer, VLOT_WHY_LINK_IN_DOUBT);
    }
    return;
  }
}

/* Its entries are gone: it is sent a snapshot, where there is one. Heartbeats go on, with an append
 * that it can only refuse until it is there.
 */
static void send_below_base(vlot_raft *raft, vlot__peer *peer) {
  if (peer->wants_append || peer->wants_heartbeat)
    vlot__append_send(raft, peer, raft->log.base_index, false);
  if (!raft->snapshot) {
    if (peer->why == VLOT_WHY_NONE) peer->why = VLOT_WHY_NEEDS_SNAPSHOT;
    return;
  }
  if (!vlot__out_reserve(raft, &raft->out_changes, 1, sizeof(vlot_change))) return;
  bool is_due = !peer->sending || vlot__sending_is_outdated(raft, peer);
  if (is_due && !vlot__sending_begin(raft, peer)) return;
  if (peer->why == VLOT_WHY_NEEDS_SNAPSHOT) peer->why = VLOT_WHY_NONE;
  set_state(raft, peer, VLOT_PROGRESS_SNAPSHOT, VLOT_WHY_NEEDS_SNAPSHOT);
  vlot__sending_send(raft, peer);
}

/* A heartbeat has no entries even where there are some to send: an append with entries is answered
 * when they are durable, and a leader that sent nothing else would take a slow disk for a dead
 * follower. Its answer also ends a probe that was lost.
 */
static void send_to(vlot_raft *raft, vlot__peer *peer) {
  if (peer->next_index <= raft->log.base_index) {
    send_below_base(raft, peer);
    return;
  }
  if (peer->why == VLOT_WHY_NEEDS_SNAPSHOT) peer->why = VLOT_WHY_NONE;
  send_entries(raft, peer);
  if (peer->wants_append || peer->wants_heartbeat)
    vlot__append_send(raft, peer, peer->next_index - 1, false);
}

void vlot__leader_send(vlot_raft *raft) {
  for (uint32_t k = 0; k < raft->peer_count; k++)
    if (&raft->peers[k] != raft->self) send_to(raft, &raft->peers[k]);

  /* the arena may have moved while it grew: hand out its runs now */
  const vlot_message *end =
      (const vlot_message *)raft->out_messages.items + raft->out_messages.count;
  const vlot_slice *run = raft->out_slices.items;
  for (vlot_message *message = raft->out_messages.items; message && message < end; message++) {
    if (message->kind != VLOT_MESSAGE_APPEND || message->as.append.slice_count == 0) continue;
    message->as.append.slices = run;
    run += message->as.append.slice_count;
  }
  VLOT_ASSERT((size_t)(run - (vlot_slice *)raft->out_slices.items) == raft->out_slices.count);
}
