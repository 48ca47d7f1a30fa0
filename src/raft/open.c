/* Opening and closing a core: options, members, and what storage gave back. */
#include "base/alloc.h"
#include "base/assert.h"
#include "raft/batch.h"
#include "raft/core.h"
#include "raft/message.h"

void vlot_raft_options_init(vlot_raft_options *options) {
  VLOT_GIVEN(options);
  *options = (vlot_raft_options){
      .size = sizeof *options,
      .request_base = 1,
      .election_ticks_min = 15,
      .election_ticks_max = 30,
      .heartbeat_ticks = 5,
      .switches = VLOT_SWITCH_ALL,
      .entry_bytes_max = 4u << 20,
      .append_entries_max = 4096,
      .append_bytes_max = 1u << 20,
      .window_messages_max = 64,
      .window_bytes_max = 4u << 20,
      .tail_bytes_max = 64u << 20,
      .reads_max = 65536,
      .apply_entries_max = 65536,
      .snapshot_chunk_bytes = 256u << 10,
      .snapshot_window_bytes = 1u << 20,
      .snapshot_bytes_max = 1u << 30,
  };
}

static bool is_member(const vlot_raft_options *options) {
  for (uint32_t k = 0; k < options->member_count; k++)
    if (options->members[k].id == options->id) return true;
  return false;
}

/* Without any it waits for a configuration. */
static const char *members_problem(const vlot_raft_options *options) {
  if (options->snapshot) return options->id ? NULL : "id: 0 means none"; /* it has them */
  if (options->member_count == 0) return options->id ? NULL : "id: 0 means none";
  const char *problem = vlot_configuration_problem(options->members, options->member_count);
  if (problem) return problem;
  return is_member(options) ? NULL : "id: it must be one of the members";
}

static const char *limits_problem(const vlot_raft_options *options) {
  const struct {
    uint64_t value, low, high;
    const char *problem;
  } ranges[] = {
      {options->heartbeat_ticks, 1, 1u << 20, "heartbeat_ticks: 1 to 1048576"},
      {options->election_ticks_min, (uint64_t)options->heartbeat_ticks + 1, 1u << 20,
       "election_ticks_min: more than heartbeat_ticks, at most 1048576"},
      {options->election_ticks_max, (uint64_t)options->election_ticks_min + 1, 1u << 21,
       "election_ticks_max: more than election_ticks_min, at most 2097152"},
      {options->rank_count, 0, VLOT_MEMBERS_MAX, "rank_count: at most 1024"},
      {options->switches, 0, VLOT_SWITCH_ALL, "switches: a combination of VLOT_SWITCH_*"},
      {options->entry_bytes_max, 1, 64u << 20, "entry_bytes_max: 1 to 64 MiB"},
      {options->append_entries_max, 1, 65536, "append_entries_max: 1 to 65536"},
      {options->append_bytes_max, 1, 64u << 20, "append_bytes_max: 1 to 64 MiB"},
      {options->window_messages_max, 1, 1024, "window_messages_max: 1 to 1024"},
      {options->window_bytes_max, 1, 1u << 30, "window_bytes_max: 1 to 1 GiB"},
      {options->tail_bytes_max, 1, 1u << 30, "tail_bytes_max: 1 to 1 GiB"},
      {options->reads_max, 1, 1u << 20, "reads_max: 1 to 1048576"},
      {options->apply_entries_max, 1, 1u << 20, "apply_entries_max: 1 to 1048576"},
      {options->snapshot_chunk_bytes, 1, 64u << 20, "snapshot_chunk_bytes: 1 to 64 MiB"},
      {options->snapshot_window_bytes, 1, 1u << 30, "snapshot_window_bytes: 1 to 1 GiB"},
      {options->snapshot_tick_bytes, 0, 1u << 30, "snapshot_tick_bytes: 0 (no limit) to 1 GiB"},
      {options->snapshot_bytes_max, 1, (uint64_t)1 << 40, "snapshot_bytes_max: 1 to 1 TiB"},
      {options->request_base, 1, VLOT_INDEX_MAX - 1, "request_base: 1 to 2^62 - 1"},
      {options->hard.term, 0, VLOT_INDEX_MAX - 1, "hard.term: below 2^62"},
      {options->base_index, 0, VLOT_INDEX_MAX - 1, "base_index: below 2^62"},
  };
  for (size_t k = 0; k < sizeof ranges / sizeof *ranges; k++)
    if (ranges[k].value < ranges[k].low || ranges[k].value > ranges[k].high)
      return ranges[k].problem;
  return NULL;
}

static bool is_config_legal(const vlot_raft_options *options, const vlot_entry *entry) {
  vlot_configuration *decoded = NULL;
  if (entry->kind != VLOT_ENTRY_CONFIG) return true;
  vlot_result result =
      vlot_configuration_decode(options->allocator, entry->data, entry->size, &decoded);
  vlot_configuration_release(decoded);
  return result != VLOT_CORRUPT; /* memory is asked for later, and is missing then */
}

/* The log must be one that a Raft node can have left behind: terms do not go down, and none is
 * above the hard state's: a log without its hard state means a vote may have been forgotten (B005).
 */
static const char *log_problem(const vlot_raft_options *options) {
  uint64_t index = options->base_index, term = options->base_term;
  if ((options->base_index == 0) != (options->base_term == 0))
    return "base_term: 0 exactly when base_index is 0";
  if (options->log_slice_count > 0 && options->log_entry_count > 0)
    return "log: give slices or entries, not both";
  if (options->log_slice_count > 0 && !options->log_slices) return "log_slices: missing";
  if (options->log_entry_count > 0 && !options->log_entries) return "log_entries: missing";
  for (size_t k = 0; k < options->log_slice_count; k++) {
    const vlot_slice *slice = &options->log_slices[k];
    if (!slice->batch || slice->count == 0 || slice->index != index + 1 ||
        slice->count > vlot_batch_count(slice->batch) ||
        slice->first > vlot_batch_count(slice->batch) - slice->count)
      return "log_slices: must be contiguous from base_index + 1 and lie inside their batches";
    if (slice->term < term || slice->term == 0) return "log_slices: terms must not go down";
    if (!vlot__batch_is_legal(slice->batch))
      return "log_slices: an entry of unknown kind, a no-op that is not empty, a configuration "
             "that "
             "is none, or one above 64 MiB";
    term = slice->term;
    index = vlot__slice_last(slice);
  }
  for (size_t k = 0; k < options->log_entry_count; k++) {
    const vlot_log_entry *entry = &options->log_entries[k];
    if (entry->term < term || entry->term == 0) return "log_entries: terms must not go down";
    if (entry->entry.kind > VLOT_ENTRY_CONFIG) return "log_entries: unknown kind of entry";
    if (entry->entry.kind == VLOT_ENTRY_NOOP && entry->entry.size > 0)
      return "log_entries: a no-op is empty";
    if (entry->entry.size > VLOT__MESSAGE_PAYLOAD_MAX)
      return "log_entries: an entry has more than 64 MiB";
    if (entry->entry.size > 0 && !entry->entry.data) return "log_entries: data is missing";
    if (!is_config_legal(options, &entry->entry))
      return "log_entries: a configuration that is none";
    term = entry->term;
    index++;
  }
  if (index >= VLOT_INDEX_MAX) return "log: indexes must stay below 2^62";
  return term > options->hard.term
             ? "hard.term: below the log's last term; the hard state is missing or old"
             : NULL;
}

static const char *snapshot_problem(const vlot_raft_options *options) {
  if (!options->snapshot) return NULL;
  const vlot_snapshot_head *head = vlot_snapshot_get(options->snapshot);
  if (!vlot__snapshot_is_whole(options->snapshot)) return "snapshot: it is part of one";
  if (head->index < options->base_index)
    return "snapshot: below base_index; what lies between is missing"; /* (B077) */
  if (head->index == options->base_index && head->term != options->base_term)
    return "snapshot: of another term than the base at its index";
  return head->term > options->hard.term
             ? "hard.term: below the snapshot's term; the hard state is missing or old"
             : NULL;
}

static const char *find_options_problem(const vlot_raft_options *options) {
  if (!options || options->size != sizeof *options)
    return "options: call vlot_raft_options_init() first";
  const char *problem = members_problem(options);
  if (!problem) problem = limits_problem(options);
  if (!problem) problem = log_problem(options);
  return problem ? problem : snapshot_problem(options);
}

/* One slice per run of entries of the same term. */
static bool restore_entries(vlot_raft *raft, const vlot_raft_options *options) {
  for (size_t from = 0, to; from < options->log_entry_count; from = to) {
    uint64_t term = options->log_entries[from].term;
    for (to = from; to < options->log_entry_count && options->log_entries[to].term == term &&
                    to - from < 65536;)
      to++;
    vlot_entry *entries = vlot__alloc(raft->allocator, to - from, sizeof *entries);
    if (!entries) return false;
    for (size_t k = from; k < to; k++) entries[k - from] = options->log_entries[k].entry;
    vlot_batch *batch = vlot_batch_make(raft->allocator, entries, NULL, (uint32_t)(to - from));
    vlot__alloc_free(raft->allocator, entries);
    bool is_ready = batch && vlot_log_reserve(&raft->log, 1);
    if (is_ready)
      vlot_log_append(&raft->log, &(vlot_slice){.batch = batch,
                                                .index = raft->log.last_index + 1,
                                                .term = term,
                                                .count = (uint32_t)(to - from)});
    vlot_batch_release(batch);
    if (!is_ready) return false;
  }
  return true;
}

static bool restore_log(vlot_raft *raft, const vlot_raft_options *options) {
  if (!vlot_log_reserve(&raft->log, options->log_slice_count + 1)) return false;
  for (size_t k = 0; k < options->log_slice_count; k++)
    vlot_log_append(&raft->log, &options->log_slices[k]);
  return restore_entries(raft, options);
}

/* The configuration at the base. */
static bool restore_base_config(vlot_raft *raft, const vlot_raft_options *options) {
  vlot_configuration *base =
      options->snapshot
          ? vlot_configuration_retain(vlot_snapshot_get(options->snapshot)->configuration)
          : vlot__config_make(raft->allocator, options->members, options->member_count, NULL, 0);
  bool is_ready =
      base && vlot__configs_init(&raft->configs, raft->allocator, options->base_index, base);
  vlot_configuration_release(base);
  return is_ready;
}

/* What the log's entries changed since, above the snapshot: all of it is in force again, committed
 * or not. */
static bool restore_configs(vlot_raft *raft) {
  uint64_t above = raft->snapshot ? vlot_snapshot_get(raft->snapshot)->index : raft->log.base_index;
  for (size_t k = raft->log.slice_first; k < raft->log.slice_end; k++) {
    const vlot_slice *slice = vlot_log_slice(&raft->log, k);
    size_t count;
    const vlot__batch_config *brought = vlot__batch_configs(slice->batch, &count);
    if (!vlot__configs_reserve(&raft->configs, count)) return false;
    for (size_t n = 0; n < count; n++) {
      uint64_t index = slice->index + brought[n].position - slice->first;
      bool is_inside = brought[n].position >= slice->first && index <= vlot__slice_last(slice);
      if (is_inside && index > above)
        vlot__configs_push(&raft->configs, index, brought[n].configuration);
      raft->has_open_config = true;
    }
  }
  return vlot__peers_open(raft);
}

/* A log that does not hold the snapshot's last entry is older than the snapshot, or has another
 * past: it goes, as where a follower installs one (figure 13), and the first write says so.
 */
static void restore_snapshot(vlot_raft *raft, const vlot_raft_options *options) {
  raft->snapshot = vlot_snapshot_retain(options->snapshot);
  if (!raft->snapshot) return;
  const vlot_snapshot_head *head = vlot_snapshot_get(raft->snapshot);
  uint64_t term;
  if (vlot_log_term(&raft->log, head->index, &term) && term == head->term) return;
  vlot_log_restart(&raft->log, head->index, head->term);
  vlot__configs_restart(&raft->configs, head->index, head->configuration);
  raft->owes_base = true;
}

/* Where applying begins. */
static uint64_t restored_index(const vlot_raft *raft) {
  return raft->snapshot ? vlot_snapshot_get(raft->snapshot)->index : raft->log.base_index;
}

static bool restore(vlot_raft *raft, const vlot_raft_options *options) {
  raft->noop = vlot_batch_make(raft->allocator, &(vlot_entry){.kind = VLOT_ENTRY_NOOP}, NULL, 1);
  if (!raft->noop || !restore_base_config(raft, options) || !restore_log(raft, options))
    return false;
  restore_snapshot(raft, options);
  return restore_configs(raft) && vlot__ranks_set(raft, options->ranks, options->rank_count);
}

vlot_result vlot_raft_open(vlot_raft **out, const vlot_raft_options *options,
                           const char **problem) {
  VLOT_GIVEN(out);
  const char *found = find_options_problem(options);
  if (problem) *problem = found;
  *out = NULL;
  if (found) return VLOT_INVALID;
  const vlot_allocator *allocator = vlot__alloc_or_default(options->allocator);
  vlot_raft *raft = vlot__alloc_zero(allocator, 1, sizeof *raft);
  if (!raft) return VLOT_NOMEM;

  raft->allocator = allocator;
  raft->options = *options;
  raft->id = options->id;
  raft->switches = options->switches;
  raft->hard = options->hard;
  raft->now = options->now;
  raft->next_request = options->request_base;
  raft->next_dealing = options->request_base;
  raft->last_token = raft->stored_token = options->request_base - 1;
  vlot__prng_init(&raft->prng, options->seed, options->id);
  vlot_log_init(&raft->log, allocator, options->base_index, options->base_term);
  vlot__ring_init(&raft->writes, allocator, sizeof(vlot__pending_write));
  vlot__ring_init(&raft->held, allocator, sizeof(vlot__held));
  vlot__ring_init(&raft->reads, allocator, sizeof(vlot__read));
  vlot__ring_init(&raft->proposed, allocator, sizeof(vlot_lost));
  if (!restore(raft, options)) {
    vlot_raft_close(raft);
    return VLOT_NOMEM;
  }
  raft->durable_index = raft->submitted_index = raft->log.last_index;
  raft->durable_term = raft->hard.term;
  raft->durable_vote = raft->hard.vote;
  raft->commit_index = raft->handed_index = raft->applied_index = restored_index(raft);
  if (raft->options.log_bytes_max > 0)
    raft->log_bytes =
        vlot__commit_bytes_between(raft, raft->commit_index + 1, raft->log.last_index);
  vlot__role_reset_election_timer(raft);
  vlot__time_plan(raft, &raft->output);
  VLOT_ASSERT(raft->log.last_index < VLOT_INDEX_MAX);
  VLOT_ASSERT(raft->log.last_term <= raft->hard.term);
  VLOT_ASSERT(raft->configs.count > 0);
  *out = raft;
  return VLOT_OK;
}

void vlot_raft_close(vlot_raft *raft) {
  if (!raft) return;
  const vlot_allocator *allocator = raft->allocator;
  void *owned[] = {raft->out_messages.items, raft->out_causes.items,  raft->out_whys.items,
                   raft->out_slices.items,   raft->out_write.items,   raft->out_apply.items,
                   raft->out_reads.items,    raft->out_lost.items,    raft->out_outcomes.items,
                   raft->out_changes.items,  raft->out_answers.items, raft->ranks};
  vlot__peers_close(raft);
  vlot__configs_deinit(&raft->configs);
  for (size_t k = 0; k < sizeof owned / sizeof *owned; k++) vlot__alloc_free(allocator, owned[k]);
  vlot__ring_deinit(&raft->writes);
  vlot__ring_deinit(&raft->held);
  vlot__ring_deinit(&raft->reads);
  vlot__ring_deinit(&raft->proposed);
  vlot_log_deinit(&raft->log);
  vlot_batch_release(raft->noop);
  vlot_snapshot_release(raft->snapshot);
  vlot__receipt_drop(&raft->receipt, allocator);
  vlot__alloc_free(allocator, raft);
}
