#include "cluster/span.h"

#include "base/alloc.h"

void vlot__span_init(vlot__span *span, const vlot_allocator *allocator, uint64_t base_index,
                     const vlot__span_entry *base) {
  *span = (vlot__span){.base_index = base_index, .base = *base, .last_index = base_index};
  vlot__ring_init(&span->segments, allocator, sizeof(vlot__span_segment *));
}

static vlot__span_segment **segment_at(vlot__span *span, size_t k) {
  return vlot__ring_at(&span->segments, k);
}

void vlot__span_deinit(vlot__span *span) {
  const vlot_allocator *allocator = span->segments.allocator;
  for (size_t k = 0; k < span->segments.count; k++)
    vlot__alloc_free(allocator, *segment_at(span, k));
  vlot__alloc_free(allocator, span->spare);
  if (allocator) vlot__ring_deinit(&span->segments);
  span->spare = NULL;
  span->skipped = 0;
  span->last_index = span->base_index;
}

static void recycle(vlot__span *span, vlot__span_segment *segment) {
  if (span->spare)
    vlot__alloc_free(span->segments.allocator, segment);
  else
    span->spare = segment;
}

static bool add_segment(vlot__span *span) {
  if (!vlot__ring_reserve(&span->segments, 1)) return false;
  vlot__span_segment *segment = span->spare;
  if (!segment) segment = vlot__alloc(span->segments.allocator, 1, sizeof *segment);
  if (!segment) return false;
  span->spare = NULL;
  *(vlot__span_segment **)vlot__ring_push(&span->segments) = segment;
  return true;
}

vlot__span_entry *vlot__span_push(vlot__span *span) {
  size_t used = span->skipped + (size_t)(span->last_index - span->base_index);
  if (used == span->segments.count * VLOT__SPAN_SEGMENT && !add_segment(span)) return NULL;
  return vlot__span_at(span, ++span->last_index);
}

void vlot__span_cut(vlot__span *span, uint64_t last_index) {
  VLOT_ASSERT(last_index >= span->base_index);
  VLOT_ASSERT(last_index <= span->last_index);
  span->last_index = last_index;
  size_t used = span->skipped + (size_t)(last_index - span->base_index);
  while (span->segments.count > 0 && (span->segments.count - 1) * VLOT__SPAN_SEGMENT >= used) {
    recycle(span, *segment_at(span, span->segments.count - 1));
    vlot__ring_pop_back(&span->segments);
  }
  if (span->segments.count == 0) span->skipped = 0;
}

void vlot__span_drop(vlot__span *span, uint64_t base_index) {
  VLOT_ASSERT(base_index >= span->base_index);
  VLOT_ASSERT(base_index <= span->last_index);
  if (base_index == span->base_index) return;
  span->base = *vlot__span_at(span, base_index);
  span->skipped += (size_t)(base_index - span->base_index);
  span->base_index = base_index;
  while (span->skipped >= VLOT__SPAN_SEGMENT) {
    recycle(span, *segment_at(span, 0));
    vlot__ring_pop_front(&span->segments);
    span->skipped -= VLOT__SPAN_SEGMENT;
  }
}
