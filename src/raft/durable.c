/* Durability: the log's writer, the tokens, what waits for them, and the net write of a step. */
#include "base/assert.h"
#include "raft/batch.h"
#include "raft/core.h"
#include "raft/message.h"

/* The token that makes the entry at an index durable; 0 when it is. */
uint64_t vlot__durable_token_of(const vlot_raft *raft, uint64_t index) {
  if (index <= raft->durable_index) return 0;
  for (size_t k = 0; k < raft->writes.count; k++) {
    const vlot__pending_write *write = vlot__ring_at(&raft->writes, k);
    if (write->last_index < index) continue;
    VLOT_ASSERT(write->token > raft->stored_token);
    return write->token;
  }
  return raft->last_token + 1;
}

static void config_changed(vlot_raft *raft) {
  raft->has_new_config = raft->has_open_config = true;
  if (raft->role == VLOT_ROLE_LEADER) raft->change.is_due = raft->has_business = true;
}

/* A configuration counts from the moment its entry is appended (thesis 4.1). The peers follow when
 * all of the input is here. */
static __attribute__((noinline)) void push_configs(vlot_raft *raft, const vlot_slice *slice,
                                                   uint32_t peer) {
  size_t count;
  const vlot__batch_config *brought = vlot__batch_configs(slice->batch, &count);
  for (size_t k = 0; k < count; k++) {
    if (brought[k].position < slice->first || brought[k].position - slice->first >= slice->count)
      continue;
    uint64_t before = vlot__configs_top(&raft->configs)->index;
    uint64_t index = slice->index + (brought[k].position - slice->first);
    vlot__configs_push(&raft->configs, index, brought[k].configuration);
    config_changed(raft);
    vlot__out_change(raft, VLOT_CHANGE_CONFIG, VLOT_WHY_NONE, peer, before, index, slice->term);
  }
}

/* … and does not any more when it is truncated (B093). */
static void pop_configs(vlot_raft *raft, uint64_t from, vlot_why why) {
  uint64_t before = vlot__configs_top(&raft->configs)->index;
  if (before < from) return;
  (void)vlot__configs_truncate(&raft->configs, from);
  config_changed(raft);
  vlot__out_change(raft, VLOT_CHANGE_CONFIG, why, 0, before,
                   vlot__configs_top(&raft->configs)->index, raft->hard.term);
}

void vlot__durable_append(vlot_raft *raft, const vlot_slice *slice, uint32_t peer) {
  VLOT_ASSERT(slice->index == raft->log.last_index + 1);
  VLOT_ASSERT(slice->term >= raft->log.last_term);
  VLOT_ASSERT(slice->term <= raft->hard.term);
  if (slice->index < raft->change_from) raft->change_from = slice->index;
  vlot_log_append(&raft->log, slice);
  if (raft->options.log_bytes_max > 0) raft->log_bytes += vlot__commit_bytes_of(slice);
  raft->appended_slices++;
  raft->write_cause = raft->kept_cause;
  if (raft->appended.place != raft->source.place) raft->appended_from = slice->index;
  raft->appended = raft->source;
  VLOT_ASSERT(raft->log.last_index > raft->commit_index);
  vlot__out_change(raft, VLOT_CHANGE_APPEND, VLOT_WHY_NONE, peer, slice->index,
                   vlot__slice_last(slice), slice->term);
  if (slice->batch->has_configs) push_configs(raft, slice, peer);
}

/* What is held and speaks of entries from an index on would leave untrue, once another entry there
 * is durable: two leaders of one term are needed for that, and no message is proof that there are
 * not two (I-9).
 */
static void drop_held_from(vlot_raft *raft, uint64_t from) {
  size_t kept = 0;
  for (size_t k = 0; k < raft->held.count; k++) {
    const vlot__held *held = vlot__ring_at(&raft->held, k);
    if (vlot__message_match(&held->message) >= from) continue;
    *(vlot__held *)vlot__ring_at(&raft->held, kept++) = *held;
  }
  while (raft->held.count > kept) vlot__ring_pop_back(&raft->held);
}

/* Entries from an index on are others now, or none: nothing that was asked for before makes them
 * durable. */
static void disclaim(vlot_raft *raft, uint64_t from) {
  if (raft->durable_index >= from) raft->durable_index = from - 1;
  for (size_t k = 0; k < raft->writes.count; k++) {
    vlot__pending_write *write = vlot__ring_at(&raft->writes, k);
    if (write->last_index >= from) write->last_index = from - 1;
  }
  drop_held_from(raft, from);
}

/* Truncation lowers the durable mark at once, and what pending writes may claim (B058). */
void vlot__durable_truncate(vlot_raft *raft, uint64_t from, vlot_why why) {
  VLOT_ASSERT(from > raft->commit_index);
  VLOT_ASSERT(from <= raft->log.last_index);
  VLOT_ASSERT(raft->role != VLOT_ROLE_LEADER); /* a leader's log only grows (5.3) */
  vlot__out_change(raft, VLOT_CHANGE_TRUNCATE, why, 0, from, raft->log.last_index, raft->hard.term);
  if (raft->options.log_bytes_max > 0)
    raft->log_bytes -= vlot__commit_bytes_between(raft, from, raft->log.last_index);
  vlot_log_truncate(&raft->log, from);
  pop_configs(raft, from, why);
  if (from < raft->change_from) raft->change_from = from;
  raft->write_cause = raft->kept_cause;
  disclaim(raft, from);
  VLOT_ASSERT(raft->log.last_index == from - 1);
  VLOT_ASSERT(raft->durable_index <= raft->log.last_index);
}

/* Log, commit index and all that was handed out begin at a snapshot, whose last entry the log does
 * not hold. What is durable is what was committed before, until its write is. Cannot fail.
 */
void vlot__durable_install(vlot_raft *raft, vlot_snapshot *snapshot, uint32_t peer) {
  const vlot_snapshot_head *head = vlot_snapshot_get(snapshot);
  uint64_t before = raft->commit_index;
  VLOT_ASSERT(head->index > before);
  disclaim(raft, before + 1);
  vlot_log_restart(&raft->log, head->index, head->term);
  vlot_snapshot_release(raft->snapshot);
  raft->snapshot = vlot_snapshot_retain(snapshot);
  raft->commit_index = raft->handed_index = raft->applied_index = head->index;
  raft->submitted_index = head->index;
  raft->log_bytes = 0;
  raft->change_from = UINT64_MAX;
  raft->has_new_base = true;
  raft->write_cause = raft->kept_cause;
  vlot__out_change(raft, VLOT_CHANGE_SNAPSHOT_INSTALLED, VLOT_WHY_NONE, peer, before, head->index,
                   head->term);
}

/* What leaves is durable. */
static void check_release(const vlot_raft *raft, const vlot_message *message) {
  VLOT_ASSERT(message->term == raft->durable_term);
  VLOT_ASSERT(vlot__message_match(message) <= raft->durable_index);
  VLOT_ASSERT(message->kind != VLOT_MESSAGE_VOTE || raft->durable_vote == raft->id);
  VLOT_ASSERT(message->kind != VLOT_MESSAGE_VOTE_REPLY || !(message->flags & VLOT_MESSAGE_OK) ||
              raft->durable_vote == message->to);
}

/* The vote granter's timer starts when its vote is durable: a slow disk must not make it campaign
 * against the leader it has just elected (B026).
 */
static void release_held(vlot_raft *raft) {
  size_t kept = 0;
  for (size_t k = 0; k < raft->held.count; k++) {
    vlot__held held = *(vlot__held *)vlot__ring_at(&raft->held, k);
    if (held.token > raft->stored_token) {
      *(vlot__held *)vlot__ring_at(&raft->held, kept++) = held;
      continue;
    }
    if (held.message.kind == VLOT_MESSAGE_VOTE_REPLY && (held.message.flags & VLOT_MESSAGE_OK))
      raft->election_elapsed = 0;
    check_release(raft, &held.message);
    vlot__out_message(raft, &held.message, held.cause);
  }
  while (raft->held.count > kept) vlot__ring_pop_back(&raft->held);
}

vlot__next vlot__durable_on_stored(vlot_raft *raft, uint64_t token) {
  if (token == 0 || token > raft->last_token) {
    vlot__fence(raft, VLOT_WHY_TOKEN_UNKNOWN, 0, token, raft->last_token, raft->hard.term);
    return VLOT__NEXT_NOTHING;
  }
  if (token <= raft->stored_token) return VLOT__NEXT_NOTHING;
  uint64_t before = raft->durable_index, cause = raft->source.cause;
  raft->stored_token = token;
  while (raft->writes.count > 0) {
    const vlot__pending_write *write = vlot__ring_at(&raft->writes, 0);
    if (write->token > token) break;
    if (write->last_index > raft->durable_index) raft->durable_index = write->last_index;
    raft->durable_term = write->term;
    raft->durable_vote = write->vote;
    raft->kept_cause = write->cause;
    vlot__ring_pop_front(&raft->writes);
  }
  VLOT_ASSERT(raft->durable_index >= before);
  VLOT_ASSERT(raft->durable_index <= raft->log.last_index);
  VLOT_ASSERT(raft->durable_term <= raft->hard.term);
  VLOT_ASSERT(raft->writes.count == raft->last_token - raft->stored_token);
  raft->source.cause = raft->kept_cause; /* it was asked for by then */
  vlot__out_change(raft, VLOT_CHANGE_DURABLE, VLOT_WHY_NONE, raft->durable_vote, before,
                   raft->durable_index, raft->durable_term);
  raft->source.cause = cause;
  release_held(raft);
  if (raft->role == VLOT_ROLE_LEADER && raft->durable_index > raft->self->match_index) {
    raft->self->match_index = raft->durable_index;
    raft->own_match = cause;
    vlot__matched(raft);
  }
  return VLOT__NEXT_COUNT_OWN_VOTE;
}

/* What this step changed, as one atomic write. Every slice at or above the lowest change was
 * appended in this step, so the room reserved for those appends is enough. Storage that broke its
 * promise is asked for nothing more: what came after a failed write would leave a gap.
 */
void vlot__durable_write(vlot_raft *raft) {
  vlot_write *write = &raft->output.write;
  bool has_log_changed = raft->change_from != UINT64_MAX;
  bool has_storage_failed =
      raft->fenced_why == VLOT_WHY_WRITE_FAILED || raft->fenced_why == VLOT_WHY_TOKEN_UNKNOWN;
  if (has_storage_failed) return;
  if (!has_log_changed && !raft->has_hard_changed && !raft->has_new_base) return;

  if (has_log_changed && raft->change_from <= raft->log.last_index) {
    size_t k = vlot_log_find(&raft->log, raft->change_from);
    for (; k < raft->log.slice_end; k++) {
      vlot_slice *slice = vlot__out_push(&raft->out_write, sizeof *slice);
      *slice = vlot__slice_cut(vlot_log_slice(&raft->log, k), raft->change_from, UINT64_MAX);
    }
  }
  write->token = ++raft->last_token;
  write->truncate_from =
      has_log_changed && raft->change_from <= raft->submitted_index ? raft->change_from : 0;
  write->hard = raft->hard;
  write->has_hard = raft->has_hard_changed;
  write->snapshot = raft->has_new_base ? raft->snapshot : NULL;
  write->slices = raft->out_write.items;
  write->slice_count = (uint32_t)raft->out_write.count;
  VLOT_ASSERT(!has_log_changed || raft->change_from <= raft->submitted_index + 1); /* no gap */
  VLOT_ASSERT(write->truncate_from == 0 || write->truncate_from > raft->log.base_index);
  VLOT_ASSERT(write->slice_count == 0 || write->slices[0].index == raft->change_from);
  VLOT_ASSERT(raft->hard_token <= raft->last_token);
  raft->submitted_index = raft->log.last_index;

  vlot__pending_write *pending = vlot__ring_push(&raft->writes);
  *pending = (vlot__pending_write){
      .token = write->token,
      .last_index = has_log_changed || raft->has_new_base ? raft->log.last_index : 0,
      .term = raft->hard.term,
      .cause = raft->write_cause,
      .vote = raft->hard.vote};
}
