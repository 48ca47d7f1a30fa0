/* The log: slices of shared batches above a base, in segments, so that it grows without ever moving
 * what it holds.
 *
 * Growing one array by realloc is what gives other implementations pauses of 50 to 75 ms.
 * Indexes: base_index is the last one below the log; entries stand at base_index + 1 … last_index.
 */
#ifndef VLOT_RAFT_LOG_H
#define VLOT_RAFT_LOG_H

#include "vlot/raft.h"

enum { VLOT__LOG_SEGMENT = 128 }; /* slices per segment: 4 KiB */

typedef struct vlot__log_segment {
  vlot_slice slices[VLOT__LOG_SEGMENT];
} vlot__log_segment;

typedef struct vlot__log {
  const vlot_allocator *allocator;
  /* [segment_capacity]; the first ceil(slice_count / VLOT__LOG_SEGMENT) and one spare are made */
  vlot__log_segment **segments;
  size_t segment_capacity;
  size_t segment_count; /* made */
  size_t slice_count;
  uint64_t base_index;
  uint64_t base_term;
  uint64_t last_index;
  uint64_t last_term;
} vlot__log;

void vlot__log_init(vlot__log *log, const vlot_allocator *allocator, uint64_t base_index,
                    uint64_t base_term);
void vlot__log_deinit(vlot__log *log);

/* Room for [more] further slices; false without memory, with nothing changed. */
bool vlot__log_reserve(vlot__log *log, size_t more);

/* Append a slice that begins at last_index + 1; retains its batch. Room must have been reserved. */
void vlot__log_append(vlot__log *log, const vlot_slice *slice);

/* Remove the entries from an index on; base_index < from. */
void vlot__log_truncate(vlot__log *log, uint64_t from);

/* Term of the entry at an index. False when it is not known here (below the base or above the
 * last): never "term 0". */
bool vlot__log_term(const vlot__log *log, uint64_t index, uint64_t *term);

/* Number of the slice that holds an index; base_index < index <= last_index. */
size_t vlot__log_find(const vlot__log *log, uint64_t index);

/* The k-th slice; k < slice_count. */
static inline const vlot_slice *vlot__log_slice(const vlot__log *log, size_t k) {
  return &log->segments[k / VLOT__LOG_SEGMENT]->slices[k % VLOT__LOG_SEGMENT];
}

/* The highest index <= limit whose term is <= term, and that term. At the base it stops:
 * (base_index, base_term). */
uint64_t vlot__log_find_agreement(const vlot__log *log, uint64_t limit, uint64_t term,
                                  uint64_t *found_term);

#endif
