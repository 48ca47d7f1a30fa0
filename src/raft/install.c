/* InstallSnapshot at its receiver: figure 13 of the paper, in the order of
 * docs/decisions/snapshots.md. Chunks are put together, the driver restores a machine from what is
 * whole, one write replaces log and base, and then the machines are swapped.
 */
#include "base/assert.h"
#include "base/hook.h"
#include "raft/core.h"

static void answer_chunk(vlot_raft *raft, const vlot_message *message, vlot_why why,
                         uint64_t offset, uint64_t limit) {
  vlot_message reply = vlot__out_reply(raft, VLOT_MESSAGE_INSTALL_REPLY, message);
  reply.why = why;
  reply.as.installed.index = vlot_snapshot_get(message->as.install.snapshot)->index;
  reply.as.installed.offset = offset;
  reply.as.installed.limit = limit;
  vlot__out_when_stored(raft, &reply, raft->hard_token);
}

/* All up to the snapshot's last entry is here: said when that is durable. */
static void answer_installed(vlot_raft *raft, const vlot_message *message) {
  uint64_t index = vlot_snapshot_get(message->as.install.snapshot)->index;
  uint64_t token = vlot__durable_token_of(raft, index);
  vlot_message reply = vlot__out_reply(raft, VLOT_MESSAGE_INSTALL_REPLY, message);
  reply.flags = VLOT_MESSAGE_OK;
  reply.as.installed.index = index;
  reply.as.installed.match_index = index;
  vlot__out_when_stored(raft, &reply, token > raft->hard_token ? token : raft->hard_token);
}

static void ignore(vlot_raft *raft, const vlot_message *message, vlot_why why) {
  vlot__out_change(raft, VLOT_CHANGE_IGNORED, why, message->from, message->kind, 0, message->term);
}

/* Its last entry is here, and so is all before it: what follows is kept, and nothing has to be
 * installed (figure 13, 6). It is committed, as whatever is in a snapshot.
 */
static bool has_entry(const vlot_raft *raft, const vlot_snapshot_head *head) {
  uint64_t term;
  return vlot_log_term(&raft->log, head->index, &term) && term == head->term;
}

static bool is_here(vlot_raft *raft, const vlot_snapshot_head *head) {
  if (head->index <= raft->commit_index) return true; /* overtaken (B073) */
  if (!has_entry(raft, head)) return false;
  vlot__commit_to(raft, head->index);
  return true;
}

/* What is here of it is kept until leader or snapshot change. */
static bool is_continued(const vlot__receipt *receipt, const vlot_message *message) {
  return receipt->stage != VLOT__RECEIPT_EMPTY && receipt->from == message->from &&
         receipt->term == message->term &&
         vlot__snapshot_is_same(receipt->snapshot, message->as.install.snapshot);
}

static bool is_late(const vlot__receipt *receipt, const vlot_message *message) {
  return receipt->stage == VLOT__RECEIPT_RECEIVING && receipt->from == message->from &&
         receipt->term == message->term &&
         vlot_snapshot_get(receipt->snapshot)->index >
             vlot_snapshot_get(message->as.install.snapshot)->index;
}

/* For a debugger: what happens to the snapshot that comes. */
static void tell_install(const vlot_raft *raft, vlot_install_stage stage, vlot_why why) {
  const vlot__receipt *receipt = raft->receipt;
  const vlot_snapshot_head *head = vlot_snapshot_get(receipt->snapshot);
  (void)head; /* without hooks */
  (void)stage;
  (void)why;
  VLOT_HOOK(install,
            (raft->id, stage, head->index, vlot__receipt_wanted(receipt), head->size, why));
}

static void restore(vlot_raft *raft, const vlot_message *message) {
  vlot__receipt *receipt = raft->receipt;
  receipt->stage = VLOT__RECEIPT_RESTORING;
  receipt->request_id = message->request_id;
  receipt->dealing = message->dealing;
  raft->output.restore = receipt->snapshot;
  raft->output.restore_cause = raft->source.cause;
  tell_install(raft, VLOT_INSTALL_WHOLE, VLOT_WHY_NONE);
}

bool vlot__install_reserve_chunk(vlot_raft *raft, const vlot_message *message) {
  const vlot__receipt *receipt = raft->receipt;
  if (vlot_message_check(message) != VLOT_WHY_NONE) return true; /* it will be refused */
  if (vlot_snapshot_get(message->as.install.snapshot)->index <= raft->commit_index) return true;
  if (receipt && receipt->stage >= VLOT__RECEIPT_RESTORING) return true;
  return vlot__receipt_reserve(&raft->receipt, raft->allocator, message->as.install.snapshot,
                               raft->options.snapshot_bytes_max);
}

static void take_chunk(vlot_raft *raft, const vlot_message *message) {
  vlot_snapshot *part = message->as.install.snapshot;
  vlot__receipt *receipt = raft->receipt;
  uint64_t size = vlot_snapshot_get(part)->size;
  VLOT_ASSERT(receipt);
  bool begins = !is_continued(receipt, message);
  if (begins) vlot__receipt_begin(receipt, part, message->from, message->term);
  vlot__receipt_take(receipt, part, message->as.install.offset, message->as.install.length);
  if (begins) tell_install(raft, VLOT_INSTALL_BEGUN, VLOT_WHY_NONE);
  if (message->as.install.length > 0) tell_install(raft, VLOT_INSTALL_CHUNK, VLOT_WHY_NONE);
  uint64_t wanted = vlot__receipt_wanted(receipt);
  if (wanted == size) restore(raft, message);
  answer_chunk(raft, message,
               wanted == size ? VLOT_WHY_SNAPSHOT_INSTALLING : VLOT_WHY_SNAPSHOT_PARTIAL, wanted,
               vlot__receipt_limit(receipt));
}

void vlot__install_on_chunk(vlot_raft *raft, const vlot_message *message,
                            vlot__term_verdict verdict) {
  const vlot_snapshot_head *head = vlot_snapshot_get(message->as.install.snapshot);
  const vlot__receipt *receipt = raft->receipt;
  if (verdict == VLOT__TERM_STALE) {
    answer_chunk(raft, message, VLOT_WHY_STALE_TERM, 0, 0);
    return;
  }
  if (!vlot__follower_hear(raft, message)) return;
  if (is_here(raft, head)) {
    answer_installed(raft, message);
  } else if (head->size > raft->options.snapshot_bytes_max) {
    answer_chunk(raft, message, VLOT_WHY_SNAPSHOT_TOO_LARGE, 0, head->size);
  } else if (receipt->stage >= VLOT__RECEIPT_RESTORING) { /* one at a time */
    bool is_it = vlot__snapshot_is_same(receipt->snapshot, message->as.install.snapshot);
    answer_chunk(raft, message, VLOT_WHY_SNAPSHOT_INSTALLING, is_it ? head->size : 0, head->size);
  } else if (is_late(receipt, message)) {
    ignore(raft, message, VLOT_WHY_SNAPSHOT_STALE);
  } else {
    take_chunk(raft, message);
  }
}

/* --- a machine was restored from it ----------------------------------------------------------- */

/* The chunk that made it whole; its sender may not lead any more. */
static bool is_asked(const vlot_raft *raft, vlot_message *chunk) {
  const vlot__receipt *receipt = raft->receipt;
  *chunk = (vlot_message){.kind = VLOT_MESSAGE_INSTALL,
                          .from = receipt->from,
                          .request_id = receipt->request_id,
                          .dealing = receipt->dealing,
                          .as.install.snapshot = receipt->snapshot};
  return receipt->term == raft->hard.term && receipt->from == raft->leader;
}

bool vlot__install_reserve(vlot_raft *raft) {
  const vlot__receipt *receipt = raft->receipt;
  if (!receipt || receipt->stage != VLOT__RECEIPT_RESTORING) return true;
  return vlot__out_reserve(raft, &raft->out_lost, raft->proposed.count + 1, sizeof(vlot_lost)) &&
         vlot__peers_reserve(raft, vlot_snapshot_get(receipt->snapshot)->configuration->peer_count);
}

/* Own proposals behind the last entry of the snapshot stood on another past: they are lost. Of
 * those before it nobody here can say any more (B080).
 */
static void forget_proposed(vlot_raft *raft, uint64_t index) {
  for (size_t k = 0; k < raft->proposed.count; k++) {
    const vlot_lost *range = vlot__ring_at(&raft->proposed, k);
    if (range->last <= index) continue;
    vlot_lost *lost = vlot__out_push(&raft->out_lost, sizeof *lost);
    *lost = *range;
    if (lost->first <= index) lost->first = index + 1;
  }
  vlot__ring_clear(&raft->proposed);
}

static void install_config(vlot_raft *raft, const vlot_snapshot_head *head, uint32_t from) {
  const vlot__config_place *top = vlot__configs_top(&raft->configs);
  uint64_t before = top->index;
  bool is_same = vlot__config_is_same(top->configuration, head->configuration);
  vlot__configs_restart(&raft->configs, head->index, head->configuration);
  if (is_same) return;
  vlot__out_change(raft, VLOT_CHANGE_CONFIG, VLOT_WHY_NONE, from, before, head->index, head->term);
  vlot__peers_change(raft);
}

static void install(vlot_raft *raft) {
  vlot__receipt *receipt = raft->receipt;
  const vlot_snapshot_head *head = vlot_snapshot_get(receipt->snapshot);
  vlot_message chunk;
  VLOT_ASSERT(raft->role != VLOT_ROLE_LEADER);
  /* who campaigned meanwhile knew less than there is: it waits for its next timeout */
  (void)vlot__role_follow(raft, raft->hard.term, raft->leader, 0, VLOT_WHY_SNAPSHOT_INSTALLING);
  forget_proposed(raft, head->index);
  vlot__durable_install(raft, receipt->snapshot, receipt->from);
  install_config(raft, head, receipt->from);
  receipt->stage = VLOT__RECEIPT_WRITING;
  receipt->token = raft->last_token + 1;
  tell_install(raft, VLOT_INSTALL_WRITTEN, VLOT_WHY_NONE);
  if (is_asked(raft, &chunk)) answer_installed(raft, &chunk);
}

static void refuse(vlot_outcome *outcome, vlot_result result, vlot_why why) {
  outcome->result = result;
  outcome->why = why;
}

void vlot__install_on_restored(vlot_raft *raft, vlot_result result, vlot_outcome *outcome) {
  vlot__receipt *receipt = raft->receipt;
  vlot_message chunk;
  if (!receipt || receipt->stage != VLOT__RECEIPT_RESTORING) {
    refuse(outcome, VLOT_INVALID, VLOT_WHY_NONE);
    return;
  }
  const vlot_snapshot_head *head = vlot_snapshot_get(receipt->snapshot);
  if (result == VLOT_CORRUPT) {
    tell_install(raft, VLOT_INSTALL_FAILED, VLOT_WHY_SNAPSHOT_CORRUPT);
    refuse(outcome, VLOT_REJECTED, VLOT_WHY_SNAPSHOT_CORRUPT);
    if (is_asked(raft, &chunk))
      answer_chunk(raft, &chunk, VLOT_WHY_SNAPSHOT_CORRUPT, 0, head->size);
  } else if (result != VLOT_OK) {
    tell_install(raft, VLOT_INSTALL_FAILED, VLOT_WHY_RESTORE_FAILED);
    refuse(outcome, VLOT_REJECTED, VLOT_WHY_RESTORE_FAILED);
    vlot__fence(raft, VLOT_WHY_RESTORE_FAILED, receipt->from, raft->commit_index, head->index,
                raft->hard.term);
    return;
  } else if (raft->role == VLOT_ROLE_LEADER || is_here(raft, head)) {
    refuse(outcome, VLOT_REJECTED, VLOT_WHY_SNAPSHOT_STALE);
    if (raft->role != VLOT_ROLE_LEADER && is_asked(raft, &chunk)) answer_installed(raft, &chunk);
  } else {
    install(raft);
    return;
  }
  vlot__receipt_drop(&raft->receipt, raft->allocator);
}

void vlot__install_on_stored(vlot_raft *raft) {
  const vlot__receipt *receipt = raft->receipt;
  if (!receipt || receipt->stage != VLOT__RECEIPT_WRITING || receipt->token > raft->stored_token)
    return;
  raft->output.has_swapped = 1;
  tell_install(raft, VLOT_INSTALL_DONE, VLOT_WHY_NONE);
  vlot__receipt_drop(&raft->receipt, raft->allocator);
}

/* --- one of the own machine ------------------------------------------------------------------- */

/* Is it one of what is applied and durable here? */
static bool is_own(const vlot_raft *raft, const vlot_snapshot_head *head) {
  uint64_t term;
  if (head->index > raft->applied_index || head->index > raft->durable_index) return false;
  if (!vlot_log_term(&raft->log, head->index, &term) || term != head->term) return false;
  return vlot__config_is_same(vlot_raft_configuration_at(raft, head->index), head->configuration);
}

static void compact(vlot_raft *raft, uint64_t to) {
  uint64_t before = raft->log.base_index;
  VLOT_ASSERT(to <= raft->durable_index && to <= raft->applied_index);
  if (to <= before) return;
  vlot_log_compact(&raft->log, to);
  vlot__configs_compact(&raft->configs, to);
  raft->output.compact_index = to;
  raft->output.compact_term = raft->log.base_term;
  vlot__out_change(raft, VLOT_CHANGE_COMPACTED, VLOT_WHY_NONE, 0, before, to, raft->log.base_term);
}

/* The same one may be named again, to drop more of the log. */
void vlot__install_on_taken(vlot_raft *raft, const vlot_input *input, vlot_outcome *outcome) {
  vlot_snapshot *snapshot = input->as.taken.snapshot;
  uint64_t before = raft->snapshot ? vlot_snapshot_get(raft->snapshot)->index : 0;
  if (!snapshot || !vlot__snapshot_is_whole(snapshot)) {
    refuse(outcome, VLOT_INVALID, VLOT_WHY_NONE);
    return;
  }
  const vlot_snapshot_head *head = vlot_snapshot_get(snapshot);
  if (head->index < raft->log.base_index || (head->index <= before && snapshot != raft->snapshot)) {
    refuse(outcome, VLOT_REJECTED, VLOT_WHY_SNAPSHOT_STALE); /* it was finished late (B074) */
    return;
  }
  if (!is_own(raft, head)) {
    refuse(outcome, VLOT_INVALID, VLOT_WHY_NONE);
    return;
  }
  if (snapshot != raft->snapshot) {
    vlot__log_bytes_drop(raft, head->index);
    vlot_snapshot_release(raft->snapshot);
    raft->snapshot = vlot_snapshot_retain(snapshot);
    VLOT_HOOK(snapshot, (raft->id, head->index, head->term, head->size));
    vlot__out_change(raft, VLOT_CHANGE_SNAPSHOT_TAKEN, VLOT_WHY_NONE, 0, before, head->index,
                     head->term);
  }
  uint64_t to = input->as.taken.compact_to;
  compact(raft, to < head->index ? to : head->index); /* no further than a snapshot (B081) */
}
