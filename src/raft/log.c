#include "raft/log.h"

#include "base/alloc.h"
#include "base/assert.h"
#include "raft/batch.h"

void vlot__log_init(vlot__log *log, const vlot_allocator *allocator, uint64_t base_index,
                    uint64_t base_term) {
  *log = (vlot__log){
      .allocator = allocator,
      .base_index = base_index,
      .base_term = base_term,
      .last_index = base_index,
      .last_term = base_term,
  };
}

void vlot__log_deinit(vlot__log *log) {
  for (size_t k = 0; k < log->slice_count; k++) vlot_batch_release(vlot__log_slice(log, k)->batch);
  for (size_t k = 0; k < log->segment_count; k++)
    vlot__alloc_free(log->allocator, log->segments[k]);
  vlot__alloc_free(log->allocator, log->segments);
}

bool vlot__log_reserve(vlot__log *log, size_t more) {
  size_t wanted = (log->slice_count + more + VLOT__LOG_SEGMENT - 1) / VLOT__LOG_SEGMENT;
  if (wanted <= log->segment_count) return true;
  void *segments = log->segments;
  if (!vlot__alloc_grow(log->allocator, &segments, &log->segment_capacity, wanted,
                        sizeof *log->segments))
    return false;
  log->segments = segments;
  while (log->segment_count < wanted) {
    vlot__log_segment *segment = vlot__alloc(log->allocator, 1, sizeof *segment);
    if (!segment) return false;
    log->segments[log->segment_count++] = segment;
  }
  return true;
}

static vlot_slice *slice_at(vlot__log *log, size_t k) {
  return &log->segments[k / VLOT__LOG_SEGMENT]->slices[k % VLOT__LOG_SEGMENT];
}

void vlot__log_append(vlot__log *log, const vlot_slice *slice) {
  VLOT_ASSERT(slice->index == log->last_index + 1);
  VLOT_ASSERT(slice->term >= log->last_term);
  VLOT_ASSERT(log->slice_count < log->segment_count * VLOT__LOG_SEGMENT);
  *slice_at(log, log->slice_count++) = *slice;
  vlot_batch_retain(slice->batch);
  log->last_index = vlot__slice_last(slice);
  log->last_term = slice->term;
}

void vlot__log_truncate(vlot__log *log, uint64_t from) {
  VLOT_ASSERT(from > log->base_index);
  while (log->slice_count > 0) {
    vlot_slice *last = slice_at(log, log->slice_count - 1);
    if (vlot__slice_last(last) < from) break;
    if (last->index < from) {
      last->count = (uint32_t)(from - last->index);
      break;
    }
    vlot_batch_release(last->batch);
    log->slice_count--;
  }
  if (log->slice_count == 0) {
    log->last_index = log->base_index;
    log->last_term = log->base_term;
  } else {
    const vlot_slice *last = vlot__log_slice(log, log->slice_count - 1);
    log->last_index = vlot__slice_last(last);
    log->last_term = last->term;
  }
}

size_t vlot__log_find(const vlot__log *log, uint64_t index) {
  VLOT_ASSERT(index > log->base_index && index <= log->last_index);
  /* Nearly every look-up is for the newest slices. */
  size_t high = log->slice_count - 1;
  for (int tries = 0; tries < 3; tries++) {
    if (vlot__log_slice(log, high)->index <= index) return high;
    high--; /* the first slice begins at base_index + 1 <= index, so this ends in time */
  }
  size_t low = 0;
  while (low < high) {
    size_t middle = low + (high - low + 1) / 2;
    if (vlot__log_slice(log, middle)->index <= index)
      low = middle;
    else
      high = middle - 1;
  }
  return low;
}

bool vlot__log_term(const vlot__log *log, uint64_t index, uint64_t *term) {
  if (index == log->last_index)
    *term = log->last_term;
  else if (index == log->base_index)
    *term = log->base_term;
  else if (index < log->base_index || index > log->last_index)
    return false;
  else
    *term = vlot__log_slice(log, vlot__log_find(log, index))->term;
  return true;
}

uint64_t vlot__log_find_agreement(const vlot__log *log, uint64_t limit, uint64_t term,
                                  uint64_t *found_term) {
  if (limit > log->last_index) limit = log->last_index;
  if (limit > log->base_index) {
    size_t k = vlot__log_find(log, limit) + 1;
    while (k-- > 0) {
      const vlot_slice *slice = vlot__log_slice(log, k);
      if (slice->term > term) continue;
      uint64_t last = vlot__slice_last(slice);
      *found_term = slice->term;
      return last < limit ? last : limit;
    }
  }
  *found_term = log->base_term;
  return log->base_index;
}
