/* A span of a log: term and chain of entries whose indexes follow each other, above a base. Both of
 * its ends can be dropped. It lies in segments, so that growing never copies it, and one that comes
 * free is used again. One thread at a time.
 */
#ifndef VLOT_CLUSTER_SPAN_H
#define VLOT_CLUSTER_SPAN_H

#include "base/assert.h"
#include "base/ring.h"

typedef struct vlot__span_entry {
  uint64_t term;
  uint64_t chain; /* hash over (term, kind, content) of this entry and every one below it */
} vlot__span_entry;

enum { VLOT__SPAN_SEGMENT = 32 }; /* entries: half a KiB */

typedef struct vlot__span_segment {
  vlot__span_entry entries[VLOT__SPAN_SEGMENT];
} vlot__span_segment;

typedef struct vlot__span {
  vlot__ring segments;       /* vlot__span_segment *, no more than hold its entries */
  vlot__span_segment *spare; /* one that came free; NULL */
  size_t skipped;            /* places of the first segment that are below the base */
  uint64_t base_index;
  vlot__span_entry base; /* what stands at the base */
  uint64_t last_index;
} vlot__span;

/* What a span says of an index. */
typedef enum vlot__known {
  VLOT__KNOWN = 0,
  VLOT__FORGOTTEN, /* below the base: there was one, which is not known any more */
  VLOT__ABSENT,    /* above the end */
} vlot__known;

/* Empty, above a base: nothing is allocated. */
void vlot__span_init(vlot__span *span, const vlot_allocator *allocator, uint64_t base_index,
                     const vlot__span_entry *base);
void vlot__span_deinit(vlot__span *span);

/* The place of the next index, uninitialised; NULL without memory, with nothing changed. */
vlot__span_entry *vlot__span_push(vlot__span *span);

/* Forget what stands above an index, which is not below the base. */
void vlot__span_cut(vlot__span *span, uint64_t last_index);

/* Forget what stands below an index of the span, which becomes the base. */
void vlot__span_drop(vlot__span *span, uint64_t base_index);

/* An entry of the span: base_index < index <= last_index. */
static inline vlot__span_entry *vlot__span_at(const vlot__span *span, uint64_t index) {
  size_t place = span->skipped + (size_t)(index - span->base_index - 1);
  vlot__span_segment *const *segment = vlot__ring_at(&span->segments, place / VLOT__SPAN_SEGMENT);
  return &(*segment)->entries[place % VLOT__SPAN_SEGMENT];
}

/* *entry: what stands at the index; all 0 unless it is known. */
static inline vlot__known vlot__span_look(const vlot__span *span, uint64_t index,
                                          vlot__span_entry *entry) {
  *entry = (vlot__span_entry){0};
  if (index < span->base_index) return VLOT__FORGOTTEN;
  if (index > span->last_index) return VLOT__ABSENT;
  *entry = index == span->base_index ? span->base : *vlot__span_at(span, index);
  return VLOT__KNOWN;
}

#endif
