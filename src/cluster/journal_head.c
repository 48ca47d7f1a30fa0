/* The head of a journal: what a cluster must be opened with to carry the run out again. */
#include <inttypes.h>
#include <stdio.h>

#include "base/assert.h"
#include "cluster/object.h"
#include "cluster/replay.h"
#include "vlot/raft_snapshot.h"

enum {
  HAS_MACHINE = 1,
  HAS_SNAPSHOT = 2,
  FIXED_BYTES = 4 + 32 + 64 + 8 + 16 + 48 + 16 + 4 + 12 + 16 + 16,
  VERSION_BYTES = 32,
  MACHINE_BYTES = 64
};

/* --- making --- */

static size_t starts_bytes(const vlot_cluster_options *options) {
  size_t size = 0;
  for (size_t k = 0; k < options->start_count; k++) {
    const vlot_start *start = &options->starts[k];
    size += 24;
    for (size_t e = 0; e < start->log_count; e++) size += 16 + (size_t)start->log[e].entry.size;
  }
  return size;
}

static size_t begin_bytes(const vlot_cluster_options *options) {
  return options->snapshot ? 40 + (size_t)vlot_snapshot_get(options->snapshot)->size : 0;
}

static uint8_t *put_text(uint8_t *at, const char *text, size_t size) {
  memset(at, 0, size);
  for (size_t k = 0; k + 1 < size && text && text[k]; k++) at[k] = (uint8_t)text[k];
  return at + size;
}

static uint8_t *put_raft(uint8_t *at, const vlot_raft_options *raft) {
  const uint32_t fields[10] = {raft->election_ticks_min, raft->election_ticks_max,
                               raft->heartbeat_ticks,    raft->switches,
                               raft->entry_bytes_max,    raft->append_entries_max,
                               raft->append_bytes_max,   raft->window_messages_max,
                               raft->reads_max,          raft->apply_entries_max};
  for (int k = 0; k < 10; k++) at = vlot__put32(at, fields[k]);
  return vlot__put64(vlot__put64(at, raft->window_bytes_max), raft->tail_bytes_max);
}

static uint8_t *put_snapshots(uint8_t *at, const vlot_cluster_options *options) {
  const vlot_raft_options *raft = &options->raft;
  at = vlot__put32(vlot__put32(at, raft->snapshot_chunk_bytes), raft->snapshot_window_bytes);
  at = vlot__put64(vlot__put32(at, raft->snapshot_tick_bytes), raft->snapshot_bytes_max);
  at = vlot__put64(vlot__put64(at, raft->log_bytes_max), options->snapshot_bytes);
  return vlot__put64(at, options->snapshot_trailing);
}

static uint8_t *put_disk_ids(uint8_t *at, const vlot_cluster *cluster) {
  at = vlot__put64(at, cluster->cluster_id);
  for (uint32_t k = 0; k < cluster->bootstrap_count; k++)
    at = vlot__put64(at, cluster->bootstrap[k].disk_id);
  return at;
}

/* What it begins with; who belongs to it is said elsewhere. */
static vlot_result put_begin(uint8_t **at, const vlot_snapshot *snapshot) {
  if (!snapshot) return VLOT_OK;
  const vlot_snapshot_head *head = vlot_snapshot_get(snapshot);
  *at = vlot__put64(vlot__put64(vlot__put64(*at, head->index), head->term), head->chain);
  *at = vlot__put64(vlot__put64(*at, head->size), head->checksum);
  vlot_result result = vlot_snapshot_read(snapshot, 0, (uint32_t)head->size, *at);
  *at += head->size;
  return result;
}

static uint8_t *put_starts(uint8_t *at, const vlot_cluster_options *options) {
  at = vlot__put32(at, (uint32_t)options->start_count);
  for (size_t k = 0; k < options->start_count; k++) {
    const vlot_start *start = &options->starts[k];
    at = vlot__put32(vlot__put32(at, start->id), start->vote);
    at = vlot__put64(vlot__put64(at, start->term), start->log_count);
    for (size_t e = 0; e < start->log_count; e++) {
      const vlot_log_entry *entry = &start->log[e];
      at = vlot__put64(at, entry->term);
      at = vlot__put32(vlot__put32(at, entry->entry.kind), entry->entry.size);
      if (entry->entry.size > 0) memcpy(at, entry->entry.data, entry->entry.size);
      at += entry->entry.size;
    }
  }
  return at;
}

vlot_result vlot__replay_head_make(vlot_cluster *cluster, uint8_t **head, size_t *size) {
  const vlot_cluster_options *options = &cluster->options;
  size_t body = FIXED_BYTES + starts_bytes(options) + begin_bytes(options) +
                8 * ((size_t)cluster->bootstrap_count + 1),
         before = VLOT__JOURNAL_FILE_HEAD + VLOT__JOURNAL_BLOCK_HEAD;
  if (body > UINT32_MAX) return VLOT_TOO_LARGE;
  uint8_t *bytes = vlot__alloc_zero(cluster->allocator, 1, before + body);
  if (!bytes) return VLOT_NOMEM;
  memcpy(bytes, VLOT__JOURNAL_MAGIC, 8);
  vlot__put32(bytes + 8, VLOT_JOURNAL_FORMAT);
  uint8_t *at = bytes + before;
  at = vlot__put32(at, (options->machine ? HAS_MACHINE : 0) |
                           (options->snapshot ? (uint32_t)HAS_SNAPSHOT : 0));
  at = put_text(at, vlot_version_string(), VERSION_BYTES);
  at = put_text(at, cluster->machine.name, MACHINE_BYTES);
  at = vlot__put32(vlot__put32(at, options->nodes), options->learners);
  at = vlot__put64(vlot__put64(at, options->seed), options->tick_ns);
  at = put_disk_ids(at, cluster);
  at = put_snapshots(put_raft(at, &options->raft), options);
  vlot_result result = put_begin(&at, options->snapshot);
  at = put_starts(at, options);
  *size = (size_t)(at - bytes);
  vlot__put32(bytes + VLOT__JOURNAL_FILE_HEAD, (uint32_t)(*size - before));
  vlot__put64(bytes + VLOT__JOURNAL_FILE_HEAD + 8,
              vlot__journal_hash(0, bytes + before, *size - before));
  if (result != VLOT_OK) {
    vlot__alloc_free(cluster->allocator, bytes);
    return result;
  }
  *head = bytes;
  return VLOT_OK;
}

/* --- reading --- */

static void read_text(vlot__journal_reader *reader, char *text, size_t size) {
  const uint8_t *bytes = vlot__read_bytes(reader, size);
  if (reader->is_bad) return;
  memcpy(text, bytes, size);
  text[size - 1] = '\0';
}

static void read_raft(vlot__journal_reader *reader, vlot_raft_options *raft) {
  uint32_t *const fields[10] = {&raft->election_ticks_min, &raft->election_ticks_max,
                                &raft->heartbeat_ticks,    &raft->switches,
                                &raft->entry_bytes_max,    &raft->append_entries_max,
                                &raft->append_bytes_max,   &raft->window_messages_max,
                                &raft->reads_max,          &raft->apply_entries_max};
  for (int k = 0; k < 10; k++) *fields[k] = vlot__read32(reader);
  raft->window_bytes_max = vlot__read64(reader);
  raft->tail_bytes_max = vlot__read64(reader);
}

static void read_snapshots(vlot__journal_reader *reader, vlot__journal_head *head) {
  vlot_raft_options *raft = &head->raft;
  raft->snapshot_chunk_bytes = vlot__read32(reader);
  raft->snapshot_window_bytes = vlot__read32(reader);
  raft->snapshot_tick_bytes = vlot__read32(reader);
  raft->snapshot_bytes_max = vlot__read64(reader);
  raft->log_bytes_max = vlot__read64(reader);
  head->snapshot_bytes = vlot__read64(reader);
  head->snapshot_trailing = vlot__read64(reader);
}

/* allocator NULL: it is only passed over. Its configuration is a stand-in: the opening makes it. */
static vlot_result read_begin(vlot__journal_reader *reader, vlot__journal_head *head,
                              const vlot_allocator *allocator) {
  vlot_member member = {.id = 1};
  vlot_snapshot_head begin = {.index = vlot__read64(reader)};
  begin.term = vlot__read64(reader);
  begin.chain = vlot__read64(reader);
  begin.size = vlot__read64(reader);
  begin.checksum = vlot__read64(reader);
  const uint8_t *content = vlot__read_bytes(reader, (size_t)begin.size);
  if (reader->is_bad || begin.index == 0 || begin.term == 0) return VLOT_CORRUPT;
  if (!allocator) return VLOT_OK;
  begin.configuration = vlot_configuration_make(allocator, &member, 1, NULL, 0);
  vlot_bytes *bytes = vlot_bytes_copy(allocator, content, (size_t)begin.size);
  if (begin.configuration && bytes) head->snapshot = vlot_snapshot_make(allocator, &begin, bytes);
  vlot_bytes_release(bytes);
  vlot_configuration_release(begin.configuration);
  return head->snapshot ? VLOT_OK : VLOT_NOMEM;
}

/* They lie in the journal before the core's options. */
static vlot_result keep_disk_ids(vlot__journal_head *head, vlot__journal_reader reader,
                                 const vlot_allocator *allocator) {
  size_t count = (size_t)head->info.nodes + 1;
  head->disk_ids = vlot__alloc(allocator, count, sizeof *head->disk_ids);
  if (!head->disk_ids) return VLOT_NOMEM;
  for (size_t k = 0; k < count; k++) head->disk_ids[k] = vlot__read64(&reader);
  return VLOT_OK;
}

/* Twice: first it counts the entries, then there is room for them. */
static size_t read_starts(vlot__journal_reader reader, vlot__journal_head *head, bool is_counting,
                          bool *is_bad) {
  size_t entries = 0;
  for (size_t k = 0; k < head->start_count && !reader.is_bad; k++) {
    vlot_start start = {.id = vlot__read32(&reader)};
    start.vote = vlot__read32(&reader);
    start.term = vlot__read64(&reader);
    start.log_count = (size_t)vlot__read64(&reader);
    if (!is_counting) {
      start.log = head->entries + entries;
      head->starts[k] = start;
    }
    for (size_t e = 0; e < start.log_count && !reader.is_bad; e++, entries++) {
      vlot_log_entry entry = {.term = vlot__read64(&reader)};
      entry.entry.kind = vlot__read32(&reader);
      entry.entry.size = vlot__read32(&reader);
      entry.entry.data = vlot__read_bytes(&reader, entry.entry.size);
      if (!is_counting && !reader.is_bad) head->entries[entries] = entry;
    }
  }
  *is_bad = reader.is_bad || reader.at != reader.end;
  return entries;
}

static vlot_result keep_starts(vlot__journal_head *head, vlot__journal_reader reader,
                               const vlot_allocator *allocator) {
  bool is_bad;
  size_t entries = read_starts(reader, head, true, &is_bad);
  if (is_bad) return VLOT_CORRUPT;
  head->starts = vlot__alloc_zero(allocator, head->start_count + 1, sizeof *head->starts);
  head->entries = vlot__alloc_zero(allocator, entries + 1, sizeof *head->entries);
  if (!head->starts || !head->entries) return VLOT_NOMEM;
  read_starts(reader, head, false, &is_bad);
  return VLOT_OK;
}

/* The first block, when it is whole. */
static vlot_result find_body(vlot__journal_head *head, const uint8_t *journal, size_t size,
                             vlot__journal_reader *reader) {
  char *problem = head->info.problem;
  size_t room = sizeof head->info.problem,
         before = VLOT__JOURNAL_FILE_HEAD + VLOT__JOURNAL_BLOCK_HEAD;
  size_t known = size < 8 ? size : 8;
  if (size == 0 || memcmp(journal, VLOT__JOURNAL_MAGIC, known) != 0) {
    snprintf(problem, room, "this is no journal of vlot");
    return VLOT_CORRUPT;
  }
  if (size >= 12) head->info.format = vlot__get32(journal + 8);
  if (size >= 12 && head->info.format != VLOT_JOURNAL_FORMAT) {
    snprintf(problem, room,
             "the journal is of format version %" PRIu32 ", and this build reads version %u",
             head->info.format, VLOT_JOURNAL_FORMAT);
    return VLOT_UNSUPPORTED;
  }
  uint32_t body = size >= before ? vlot__get32(journal + VLOT__JOURNAL_FILE_HEAD) : 0;
  if (size < before || size - before < body) {
    snprintf(problem, room,
             "the journal is cut in its head, after %zu bytes: nothing of the run is in it", size);
    return VLOT_CORRUPT;
  }
  bool has_reserved =
      vlot__get32(journal + 12) != 0 || vlot__get32(journal + VLOT__JOURNAL_FILE_HEAD + 4) != 0;
  if (has_reserved || vlot__get64(journal + VLOT__JOURNAL_FILE_HEAD + 8) !=
                          vlot__journal_hash(0, journal + before, body)) {
    snprintf(problem, room, "the journal's head, at byte %d, has a wrong checksum",
             VLOT__JOURNAL_FILE_HEAD);
    return VLOT_CORRUPT;
  }
  *reader = (vlot__journal_reader){.at = journal + before, .end = journal + before + body};
  head->bytes = before + body;
  return VLOT_OK;
}

vlot_result vlot__replay_head_read(vlot__journal_head *head, const uint8_t *journal, size_t size,
                                   bool has_starts, const vlot_allocator *allocator) {
  vlot__journal_reader reader;
  *head = (vlot__journal_head){0};
  vlot_result result = find_body(head, journal, size, &reader);
  if (result != VLOT_OK) return result;
  vlot_raft_options_init(&head->raft);
  uint32_t flags = vlot__read32(&reader);
  head->info.has_machine = flags & HAS_MACHINE;
  read_text(&reader, head->info.version, sizeof head->info.version);
  read_text(&reader, head->info.machine, sizeof head->info.machine);
  head->info.nodes = vlot__read32(&reader);
  head->info.learners = vlot__read32(&reader);
  head->info.seed = vlot__read64(&reader);
  head->info.tick_ns = vlot__read64(&reader);
  vlot__journal_reader disk_ids = reader;
  bool has_nodes = head->info.nodes > 0 && head->info.nodes <= VLOT_MEMBERS_MAX;
  if (has_nodes) (void)vlot__read_bytes(&reader, 8 * ((size_t)head->info.nodes + 1));
  read_raft(&reader, &head->raft);
  read_snapshots(&reader, head);
  if (flags & HAS_SNAPSHOT)
    result = read_begin(&reader, head, has_starts && has_nodes ? allocator : NULL);
  head->start_count = vlot__read32(&reader);
  if (reader.is_bad || !has_nodes || head->start_count > VLOT_MEMBERS_MAX)
    result = VLOT_CORRUPT;
  else if (has_starts && result == VLOT_OK)
    result = keep_disk_ids(head, disk_ids, allocator);
  if (has_starts && result == VLOT_OK) result = keep_starts(head, reader, allocator);
  if (result == VLOT_CORRUPT)
    snprintf(head->info.problem, sizeof head->info.problem,
             "the journal's head does not say what it must");
  return result;
}

void vlot__replay_head_free(vlot__journal_head *head, const vlot_allocator *allocator) {
  vlot__alloc_free(allocator, head->starts);
  vlot__alloc_free(allocator, head->entries);
  vlot__alloc_free(allocator, head->disk_ids);
  vlot_snapshot_release(head->snapshot);
}

vlot_result vlot_journal_read_info(const void *journal, size_t size, vlot_journal_info *info) {
  VLOT_GIVEN(info);
  vlot__journal_head head;
  vlot_result result =
      vlot__replay_head_read(&head, journal, size, false, vlot_allocator_default());
  *info = head.info;
  return result;
}
