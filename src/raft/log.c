#include "vlot/raft_log.h"

#include <string.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "raft/batch.h"

enum { SPARE_SEGMENTS = 1 }; /* beyond what is reserved */

void vlot_log_init(vlot_log *log, const vlot_allocator *allocator, uint64_t base_index,
                   uint64_t base_term) {
  *log = (vlot_log){
      .allocator = vlot__alloc_or_default(allocator),
      .base_index = base_index,
      .base_term = base_term,
      .last_index = base_index,
      .last_term = base_term,
  };
}

static void free_segments_above(vlot_log *log, size_t kept) {
  while (log->segment_count > kept)
    vlot__alloc_free(log->allocator, log->segments[--log->segment_count]);
}

void vlot_log_deinit(vlot_log *log) {
  for (size_t k = log->slice_first; k < log->slice_end; k++)
    vlot_batch_release(vlot_log_slice(log, k)->batch);
  free_segments_above(log, 0);
  vlot__alloc_free(log->allocator, log->table);
}

/* Room in the table. What was dropped from its front is used again once it is half of it: so the
 * table moves its few pointers no more often than they are dropped. */
static bool reserve_table(vlot_log *log, size_t wanted) {
  size_t dropped = log->table ? (size_t)(log->segments - log->table) : 0;
  if (dropped > 0 && dropped >= log->segment_count && dropped + wanted > log->segment_capacity) {
    memmove(log->table, log->segments, log->segment_count * sizeof *log->table);
    dropped = 0;
    log->segments = log->table;
  }
  void *table = log->table;
  if (!vlot__alloc_grow(log->allocator, &table, &log->segment_capacity, dropped + wanted,
                        sizeof *log->table))
    return false;
  log->table = table;
  log->segments = log->table + dropped;
  return true;
}

/* Apart from vlot_log_reserve(), which every input goes through: it needs no stack so. */
static __attribute__((noinline)) bool change_segments(vlot_log *log, size_t more, size_t room) {
  if (more <= room) {
    size_t spare = (room - more) / VLOT_LOG_SEGMENT;
    free_segments_above(log, log->segment_count - spare + SPARE_SEGMENTS);
    VLOT_ASSERT(log->segment_count * VLOT_LOG_SEGMENT - log->slice_end >= more);
    return true;
  }
  size_t wanted = log->segment_count + (more - room - 1) / VLOT_LOG_SEGMENT + 1;
  if (!reserve_table(log, wanted)) return false;
  while (log->segment_count < wanted) {
    vlot_log_segment *segment = vlot__alloc(log->allocator, 1, sizeof *segment);
    if (!segment) return false;
    log->segments[log->segment_count++] = segment;
  }
  return true;
}

bool vlot_log_reserve(vlot_log *log, size_t more) {
  size_t room = log->segment_count * VLOT_LOG_SEGMENT - log->slice_end;
  bool is_enough = more <= room && room - more < (SPARE_SEGMENTS + 1) * VLOT_LOG_SEGMENT;
  return is_enough || change_segments(log, more, room);
}

static vlot_slice *slice_at(vlot_log *log, size_t k) {
  return &log->segments[k / VLOT_LOG_SEGMENT]->slices[k % VLOT_LOG_SEGMENT];
}

void vlot_log_append(vlot_log *log, const vlot_slice *slice) {
  VLOT_DUTY(slice->count > 0, "append a slice that has an entry");
  VLOT_DUTY(slice->index == log->last_index + 1, "append a slice that begins at last_index + 1");
  VLOT_DUTY(log->slice_end < log->segment_count * VLOT_LOG_SEGMENT,
            "reserve room before a slice is appended");
  *slice_at(log, log->slice_end++) = *slice;
  vlot_batch_retain(slice->batch);
  log->last_index = vlot__slice_last(slice);
  log->last_term = slice->term;
}

void vlot_log_truncate(vlot_log *log, uint64_t from) {
  VLOT_DUTY(from > log->base_index, "truncate from an index above base_index");
  while (log->slice_end > log->slice_first) {
    vlot_slice *last = slice_at(log, log->slice_end - 1);
    if (vlot__slice_last(last) < from) break;
    if (last->index < from) {
      last->count = (uint32_t)(from - last->index);
      break;
    }
    vlot_batch_release(last->batch);
    log->slice_end--;
  }
  if (log->slice_end == log->slice_first) {
    log->last_index = log->base_index;
    log->last_term = log->base_term;
  } else {
    const vlot_slice *last = vlot_log_slice(log, log->slice_end - 1);
    log->last_index = vlot__slice_last(last);
    log->last_term = last->term;
  }
  VLOT_ASSERT(log->last_index < from);
  VLOT_ASSERT(log->last_index >= log->base_index);
}

/* The first segment is empty: numbers begin with the next one. */
static void drop_segment(vlot_log *log) {
  VLOT_ASSERT(log->slice_end >= VLOT_LOG_SEGMENT);
  vlot__alloc_free(log->allocator, log->segments[0]);
  log->segments++;
  log->segment_count--;
  log->slice_first = 0;
  log->slice_end -= VLOT_LOG_SEGMENT;
}

void vlot_log_compact(vlot_log *log, uint64_t to) {
  VLOT_DUTY(to >= log->base_index && to <= log->last_index,
            "compact to an index from base_index to last_index");
  uint64_t term = log->base_term;
  (void)vlot_log_term(log, to, &term); /* known, as it is in the log */
  while (log->slice_first < log->slice_end) {
    vlot_slice *first = slice_at(log, log->slice_first);
    if (first->index > to) break;
    if (vlot__slice_last(first) > to) {
      *first = vlot__slice_cut(first, to + 1, UINT64_MAX);
      break;
    }
    vlot_batch_release(first->batch);
    if (++log->slice_first == VLOT_LOG_SEGMENT) drop_segment(log);
  }
  log->base_index = to;
  log->base_term = term;
  VLOT_ASSERT((log->slice_first == log->slice_end) == (log->base_index == log->last_index));
  VLOT_ASSERT(log->base_term <= log->last_term);
}

void vlot_log_restart(vlot_log *log, uint64_t base_index, uint64_t base_term) {
  vlot_log_truncate(log, log->base_index + 1);
  VLOT_ASSERT(log->slice_first == log->slice_end);
  log->base_index = log->last_index = base_index;
  log->base_term = log->last_term = base_term;
}

size_t vlot_log_find(const vlot_log *log, uint64_t index) {
  VLOT_DUTY(index > log->base_index && index <= log->last_index,
            "find an index from base_index + 1 to last_index");
  /* Nearly every look-up is for the newest slices. */
  size_t high = log->slice_end - 1;
  for (int tries = 0; tries < 3; tries++) {
    if (vlot_log_slice(log, high)->index <= index) return high;
    high--; /* the first slice begins at base_index + 1 <= index, so this ends in time */
  }
  size_t low = log->slice_first;
  while (low < high) {
    size_t middle = low + (high - low + 1) / 2;
    if (vlot_log_slice(log, middle)->index <= index)
      low = middle;
    else
      high = middle - 1;
  }
  VLOT_ASSERT(vlot_log_slice(log, low)->index <= index);
  VLOT_ASSERT(vlot__slice_last(vlot_log_slice(log, low)) >= index);
  return low;
}

bool vlot_log_term(const vlot_log *log, uint64_t index, uint64_t *term) {
  if (index == log->last_index)
    *term = log->last_term;
  else if (index == log->base_index)
    *term = log->base_term;
  else if (index < log->base_index || index > log->last_index)
    return false;
  else
    *term = vlot_log_slice(log, vlot_log_find(log, index))->term;
  return true;
}

uint64_t vlot_log_find_agreement(const vlot_log *log, uint64_t limit, uint64_t term,
                                 uint64_t *found_term) {
  if (limit > log->last_index) limit = log->last_index;
  if (limit > log->base_index) {
    size_t k = vlot_log_find(log, limit) + 1;
    while (k-- > log->slice_first) {
      const vlot_slice *slice = vlot_log_slice(log, k);
      if (slice->term > term) continue;
      uint64_t last = vlot__slice_last(slice);
      *found_term = slice->term;
      return last < limit ? last : limit;
    }
  }
  *found_term = log->base_term;
  return log->base_index;
}
