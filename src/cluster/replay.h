/* Replay: carries a journal out again. What journal.c records, replay.c gives back, in the same
 * places. */
#ifndef VLOT_CLUSTER_REPLAY_H
#define VLOT_CLUSTER_REPLAY_H

#include "cluster/journal.h"

typedef struct vlot__replay vlot__replay;

/* --- the head: the recorded run's options (journal_head.c) ------------------------------------ */

typedef struct vlot__journal_head {
  uint64_t snapshot_bytes, snapshot_trailing;
  vlot_journal_info info;
  vlot_raft_options raft;
  vlot_start *starts; /* [start_count]; their logs' data lie in the journal */
  size_t start_count;
  vlot_snapshot *snapshot; /* what it began with; NULL */
  vlot_log_entry *entries; /* of all of them */
  uint64_t *disk_ids;      /* [nodes + 1] the cluster's id, then each member's disk */
  size_t bytes;            /* up to the first block of records */
} vlot__journal_head;

/* The bytes that a cluster's journal begins with; freed by the caller. */
vlot_result vlot__replay_head_make(vlot_cluster *cluster, uint8_t **head, size_t *size);

/* Read them. has_starts: starts, entries and disk ids are wanted, and are freed by the caller,
 * whatever is returned. info.problem says what is wrong.
 */
vlot_result vlot__replay_head_read(vlot__journal_head *head, const uint8_t *journal, size_t size,
                                   bool has_starts, const vlot_allocator *allocator);
void vlot__replay_head_free(vlot__journal_head *head, const vlot_allocator *allocator);

/* Reads little-endian numbers; behind the end everything is 0 and is_bad is set. */
typedef struct vlot__journal_reader {
  const uint8_t *at, *end;
  bool is_bad;
} vlot__journal_reader;

static inline const uint8_t *vlot__read_bytes(vlot__journal_reader *reader, size_t size) {
  static const uint8_t none[8] = {0};
  if ((size_t)(reader->end - reader->at) < size) {
    reader->is_bad = true;
    reader->at = reader->end;
    return none;
  }
  const uint8_t *bytes = reader->at;
  reader->at += size;
  return bytes;
}
static inline uint64_t vlot__read64(vlot__journal_reader *reader) {
  return vlot__get64(vlot__read_bytes(reader, 8));
}
static inline uint32_t vlot__read32(vlot__journal_reader *reader) {
  return vlot__get32(vlot__read_bytes(reader, 4));
}
static inline uint32_t vlot__read16(vlot__journal_reader *reader) {
  return vlot__get16(vlot__read_bytes(reader, 2));
}
static inline uint64_t vlot__read_var(vlot__journal_reader *reader) {
  uint64_t value = 0;
  for (uint32_t shift = 0; shift < 64; shift += 7) {
    uint8_t byte = *vlot__read_bytes(reader, 1);
    value |= (uint64_t)(byte & 127) << shift;
    if (byte < 128) return value;
  }
  reader->is_bad = true;
  return 0;
}
static inline uint8_t vlot__read8(vlot__journal_reader *reader) {
  return *vlot__read_bytes(reader, 1);
}

#endif
