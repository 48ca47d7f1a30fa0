#include "cluster/disk_log.h"

#include "base/alloc.h"
#include "base/assert.h"

void vlot__disk_log_init(vlot__disk_log *log, const vlot_allocator *allocator, uint64_t base_index,
                         uint64_t base_term) {
  *log = (vlot__disk_log){.allocator = allocator,
                          .base_index = base_index,
                          .base_term = base_term,
                          .last_index = base_index};
}

static vlot_slice *disk_slice_at(const vlot__disk_log *log, size_t k) {
  return &log->segments[k / VLOT__DISK_SEGMENT]->slices[k % VLOT__DISK_SEGMENT];
}

void vlot__disk_log_deinit(vlot__disk_log *log) {
  for (size_t k = 0; k < log->slice_count; k++) vlot_batch_release(disk_slice_at(log, k)->batch);
  for (size_t k = 0; k < log->segment_count; k++)
    vlot__alloc_free(log->allocator, log->segments[k]);
  vlot__alloc_free(log->allocator, log->segments);
}

bool vlot__disk_log_reserve(vlot__disk_log *log, size_t more) {
  size_t wanted = (log->slice_count + more + VLOT__DISK_SEGMENT - 1) / VLOT__DISK_SEGMENT;
  if (wanted <= log->segment_count) return true;
  void *grown = log->segments;
  if (!vlot__alloc_grow(log->allocator, &grown, &log->segment_capacity, wanted,
                        sizeof(vlot__disk_segment *)))
    return false;
  log->segments = grown;
  while (log->segment_count < wanted) {
    vlot__disk_segment *segment = vlot__alloc(log->allocator, 1, sizeof *segment);
    if (!segment) return false;
    log->segments[log->segment_count++] = segment;
  }
  return true;
}

void vlot__disk_log_append(vlot__disk_log *log, const vlot_slice *slice) {
  VLOT_ASSERT(slice->count > 0);
  VLOT_ASSERT(slice->index == log->last_index + 1);
  VLOT_ASSERT(log->slice_count < log->segment_count * VLOT__DISK_SEGMENT);
  *disk_slice_at(log, log->slice_count++) = *slice;
  vlot_batch_retain(slice->batch);
  log->last_index += slice->count;
}

void vlot__disk_log_truncate(vlot__disk_log *log, uint64_t from) {
  VLOT_ASSERT(from > log->base_index);
  while (log->slice_count > 0 && log->last_index >= from) {
    vlot_slice *last = disk_slice_at(log, log->slice_count - 1);
    if (last->index < from) {
      last->count = (uint32_t)(from - last->index);
      log->last_index = from - 1;
      return;
    }
    log->last_index = last->index - 1;
    log->slice_count--;
    vlot_batch_release(last->batch);
  }
}

void vlot__disk_log_copy(const vlot__disk_log *log, vlot_slice *out) {
  for (size_t k = 0; k < log->slice_count; k++) out[k] = *disk_slice_at(log, k);
}
