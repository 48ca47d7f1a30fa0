/* The durable log of an in-memory disk: retained slices above a base, in segments, so that it grows
 * without ever moving what it holds (one array grown by realloc would stall its node for tens of
 * milliseconds).
 */
#ifndef VLOT_CLUSTER_DISK_LOG_H
#define VLOT_CLUSTER_DISK_LOG_H

#include "vlot/raft.h"

enum { VLOT__DISK_SEGMENT = 128 }; /* slices per segment: 4 KiB */

typedef struct vlot__disk_segment {
  vlot_slice slices[VLOT__DISK_SEGMENT];
} vlot__disk_segment;

typedef struct vlot__disk_log {
  const vlot_allocator *allocator;
  vlot__disk_segment **segments; /* [segment_capacity], segment_count of them made */
  size_t segment_capacity;
  size_t segment_count;
  size_t slice_count;
  uint64_t base_index;
  uint64_t base_term;
  uint64_t last_index;
} vlot__disk_log;

void vlot__disk_log_init(vlot__disk_log *log, const vlot_allocator *allocator, uint64_t base_index,
                         uint64_t base_term);
void vlot__disk_log_deinit(vlot__disk_log *log);

/* Room for [more] slices beyond those it holds; false without memory, with nothing changed that can
 * be seen.
 */
bool vlot__disk_log_reserve(vlot__disk_log *log, size_t more);

/* Append a slice that begins at last_index + 1, in room that was reserved; retains its batch. */
void vlot__disk_log_append(vlot__disk_log *log, const vlot_slice *slice);

/* Remove the entries from an index above the base on. */
void vlot__disk_log_truncate(vlot__disk_log *log, uint64_t from);

/* All its slices into out [slice_count], no references taken. */
void vlot__disk_log_copy(const vlot__disk_log *log, vlot_slice *out);

#endif
