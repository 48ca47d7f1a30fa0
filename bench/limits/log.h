/* The log of the pipeline: records of one size in segments, never moved by growing. */
#ifndef VLOT_BENCH_LIMITS_LOG_H
#define VLOT_BENCH_LIMITS_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "../measure.h"

/* Record number i is in segment (i / records per segment), modulo the number of segments: a full
 * log writes its oldest segment again. Both are powers of two, so that finding a record costs no
 * division. */
struct limit_log {
  uint8_t **segments;
  uint64_t segment_mask;
  uint64_t record_mask;
  uint32_t record_shift;
  size_t record_bytes;
  uint64_t end; /* records ever appended */
};

/* log_bytes  the log keeps at most this, and at least half of it
 * pretouch   make and touch all segments now
 * returns    false if there is no memory
 */
bool limit_log_init(struct limit_log *log, size_t record_bytes, uint64_t log_bytes, bool pretouch);
void limit_log_deinit(struct limit_log *log);

/* Records the log keeps at most. */
static inline uint64_t limit_log_capacity(const struct limit_log *log) {
  return (log->segment_mask + 1) << log->record_shift;
}

/* Make the segment that a record belongs to. */
void limit_log_make_segment(struct limit_log *log, uint64_t index);

/* Where a record is or will be, and how many records follow it in the same piece of memory. */
static inline uint8_t *limit_log_at(struct limit_log *log, uint64_t index, uint64_t *run) {
  uint64_t segment = (index >> log->record_shift) & log->segment_mask;
  if (log->segments[segment] == NULL) {
    limit_log_make_segment(log, index);
  }
  *run = log->record_mask + 1 - (index & log->record_mask);
  return log->segments[segment] + (index & log->record_mask) * log->record_bytes;
}

/* Append [count] records that lie one after the other. */
void limit_log_append(struct limit_log *log, const uint8_t *records, uint64_t count);

/* Copy records from..from+count-1, which the log still keeps. */
void limit_log_copy(struct limit_log *log, uint8_t *into, uint64_t from, uint64_t count);

#endif
