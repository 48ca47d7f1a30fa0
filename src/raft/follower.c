/* AppendEntries at its receiver: Figure 2 and section 5.3 of the paper. */
#include "raft/batch.h"
#include "raft/core.h"

static void refuse(vlot_raft *raft, const vlot_message *message, vlot_why why) {
  vlot_message reply = vlot__out_reply(raft, VLOT_MESSAGE_APPEND_REPLY, message);
  reply.why = why;
  reply.as.reply.prev_index = message->as.append.prev_index;
  vlot__out_when_stored(raft, &reply, raft->hard_token);
}

/* The hint lets the leader skip a whole term at a time: the highest place at or below prev whose
 * term here is not above prev's term there is the highest place where the two logs can agree.
 */
static void refuse_mismatch(vlot_raft *raft, const vlot_message *message) {
  uint64_t hint_term;
  uint64_t hint_index = vlot_log_find_agreement(&raft->log, message->as.append.prev_index,
                                                message->as.append.prev_term, &hint_term);
  VLOT_ASSERT(hint_index <= message->as.append.prev_index);
  vlot__out_change(raft, VLOT_CHANGE_MISMATCH, VLOT_WHY_LOG_MISMATCH, message->from,
                   message->as.append.prev_index, hint_index, message->as.append.prev_term);
  vlot_message reply = vlot__out_reply(raft, VLOT_MESSAGE_APPEND_REPLY, message);
  reply.why = VLOT_WHY_LOG_MISMATCH;
  reply.as.reply.prev_index = message->as.append.prev_index;
  reply.as.reply.hint_index = hint_index;
  reply.as.reply.hint_term = hint_term;
  vlot__out_when_stored(raft, &reply, raft->hard_token);
}

/* An append with entries is acknowledged when they are durable. One without (a heartbeat) is
 * answered at once, for what is durable of what it verified: a slow disk must not look like a dead
 * follower.
 */
static void acknowledge(vlot_raft *raft, const vlot_message *message, uint64_t verified) {
  vlot_message reply = vlot__out_reply(raft, VLOT_MESSAGE_APPEND_REPLY, message);
  uint64_t token = raft->hard_token;
  VLOT_ASSERT(verified <= raft->log.last_index);
  reply.flags = VLOT_MESSAGE_OK;
  reply.as.reply.prev_index = message->as.append.prev_index;
  reply.as.reply.match_index = verified;
  if (message->as.append.entry_count > 0) {
    uint64_t entries = vlot__durable_token_of(raft, verified);
    if (entries > token) token = entries;
  } else if (verified > raft->durable_index) {
    reply.as.reply.match_index = raft->durable_index;
  }
  VLOT_ASSERT(token > raft->stored_token || reply.as.reply.match_index <= raft->durable_index);
  vlot__out_when_stored(raft, &reply, token);
}

/* The first index at which the message's entries and the log differ; one past the message's last
 * when they do not. */
static uint64_t find_conflict(const vlot_raft *raft, const vlot_message *message, uint64_t from) {
  VLOT_ASSERT(from > raft->log.base_index);
  for (uint32_t k = 0; k < message->as.append.slice_count; k++) {
    const vlot_slice *slice = &message->as.append.slices[k];
    uint64_t last = vlot__slice_last(slice);
    for (uint64_t index = slice->index > from ? slice->index : from; index <= last;) {
      if (index > raft->log.last_index) return index;
      const vlot_slice *mine = vlot_log_slice(&raft->log, vlot_log_find(&raft->log, index));
      if (mine->term != slice->term) return index;
      /* one term per slice: the rest of both runs agrees */
      index = vlot__slice_last(mine) + 1;
    }
  }
  return message->as.append.prev_index + message->as.append.entry_count + 1;
}

static void append_from(vlot_raft *raft, const vlot_message *message, uint64_t from) {
  VLOT_ASSERT(from == raft->log.last_index + 1);
  for (uint32_t k = 0; k < message->as.append.slice_count; k++) {
    const vlot_slice *slice = &message->as.append.slices[k];
    if (vlot__slice_last(slice) < from) continue;
    vlot_slice cut = vlot__slice_cut(slice, from, UINT64_MAX);
    vlot__durable_append(raft, &cut, message->from);
  }
}

/* An append from below the base on names the base's entry, which is committed: nobody honest has
 * another one there. */
static bool agrees_at_base(const vlot_raft *raft, const vlot_message *message) {
  uint64_t base = raft->log.base_index;
  if (message->as.append.prev_index >= base) return true;
  for (uint32_t k = 0; k < message->as.append.slice_count; k++)
    if (vlot__slice_last(&message->as.append.slices[k]) >= base)
      return message->as.append.slices[k].term == raft->log.base_term;
  return true;
}

bool vlot__follower_reserve(vlot_raft *raft, const vlot_message *message) {
  const vlot__configs *configs = &raft->configs;
  size_t brought = 0;
  uint32_t most = 0;
  for (uint32_t k = 0; message->as.append.slices && k < message->as.append.slice_count; k++) {
    size_t count = 0;
    const vlot_batch *batch = message->as.append.slices[k].batch;
    if (!batch || !batch->has_configs) continue;
    const vlot__batch_config *of = vlot__batch_configs(batch, &count);
    for (size_t n = 0; n < count; n++, brought++)
      if (of[n].configuration->peer_count > most) most = of[n].configuration->peer_count;
  }
  /* those that are not committed may be truncated */
  for (size_t k = configs->count; k-- > 1 && configs->places[k].index > raft->commit_index;)
    if (configs->places[k - 1].configuration->peer_count > most)
      most = configs->places[k - 1].configuration->peer_count;
  raft->has_open_config = vlot__configs_top(configs)->index > raft->commit_index;
  if (most == 0) return true;
  return vlot__configs_reserve(&raft->configs, brought) && vlot__peers_reserve(raft, most) &&
         vlot__out_reserve(raft, &raft->out_changes, brought, sizeof(vlot_change));
}

/* Truncate only from the first entry whose term differs: a late append must not cut a suffix that
 * matches (B033). */
static bool store(vlot_raft *raft, const vlot_message *message) {
  uint64_t verified = message->as.append.prev_index + message->as.append.entry_count;
  uint64_t from = message->as.append.prev_index + 1;
  /* below the base all is committed: already here */
  if (from <= raft->log.base_index) from = raft->log.base_index + 1;
  if (from > verified) return true;
  if (!agrees_at_base(raft, message)) {
    vlot__fence(raft, VLOT_WHY_COMMITTED_CONFLICT, message->from, raft->log.base_index,
                raft->commit_index, message->term);
    return false;
  }
  uint64_t conflict = find_conflict(raft, message, from);
  if (conflict > verified) return true;
  if (conflict <= raft->commit_index) {
    vlot__fence(raft, VLOT_WHY_COMMITTED_CONFLICT, message->from, conflict, raft->commit_index,
                message->term);
    return false;
  }
  if (conflict <= raft->log.last_index) vlot__durable_truncate(raft, conflict, VLOT_WHY_CONFLICT);
  append_from(raft, message, conflict);
  if (raft->has_new_config) vlot__peers_change(raft);
  VLOT_ASSERT(raft->log.last_index == verified);
  return true;
}

static bool has_previous(const vlot_raft *raft, const vlot_message *message) {
  uint64_t term;
  if (message->as.append.prev_index < raft->log.base_index) return true;
  return vlot_log_term(&raft->log, message->as.append.prev_index, &term) &&
         term == message->as.append.prev_term;
}

bool vlot__follower_hear(vlot_raft *raft, const vlot_message *message) {
  /* two leaders of one term: safety is broken, stop here (B027) */
  if (raft->role == VLOT_ROLE_LEADER || (raft->leader != 0 && raft->leader != message->from)) {
    vlot__fence(raft, VLOT_WHY_TWO_LEADERS, message->from, raft->leader, message->from,
                message->term);
    return false;
  }
  bool was_leader =
      vlot__role_follow(raft, message->term, message->from, message->from, VLOT_WHY_LEADER_SEEN);
  VLOT_ASSERT(!was_leader);
  VLOT_ASSERT(raft->role == VLOT_ROLE_FOLLOWER);
  VLOT_ASSERT(raft->leader == message->from);
  raft->election_elapsed = 0;
  return true;
}

void vlot__follower_on_append(vlot_raft *raft, const vlot_message *message,
                              vlot__term_verdict verdict) {
  if (verdict == VLOT__TERM_STALE) {
    refuse(raft, message, VLOT_WHY_STALE_TERM);
    return;
  }
  if (!vlot__follower_hear(raft, message)) return;
  if (!has_previous(raft, message)) {
    refuse_mismatch(raft, message);
    return;
  }
  if (!store(raft, message)) return;
  uint64_t verified = message->as.append.prev_index + message->as.append.entry_count;
  uint64_t commit = message->as.append.commit < verified ? message->as.append.commit : verified;
  acknowledge(raft, message, verified);
  if (commit > raft->commit_index) vlot__commit_to(raft, commit);
}
