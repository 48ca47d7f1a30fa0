#include "log.h"

#include <string.h>

#define SEGMENT_BYTES (UINT64_C(1) << 20)

static size_t segment_bytes(const struct limit_log *log) {
  return (size_t)(log->record_mask + 1) * log->record_bytes;
}

bool limit_log_init(struct limit_log *log, size_t record_bytes, uint64_t log_bytes, bool pretouch) {
  *log = (struct limit_log){.record_bytes = record_bytes};
  while ((UINT64_C(2) << log->record_shift) * record_bytes <= SEGMENT_BYTES) {
    log->record_shift++;
  }
  log->record_mask = (UINT64_C(1) << log->record_shift) - 1;
  uint64_t segments = 1;
  while (2 * segments * segment_bytes(log) <= log_bytes) {
    segments *= 2;
  }
  log->segment_mask = segments - 1;
  log->segments = calloc((size_t)segments, sizeof *log->segments);
  if (log->segments == NULL) {
    return false;
  }
  for (uint64_t i = 0; pretouch && i < segments; i++) {
    limit_log_make_segment(log, i << log->record_shift);
    memset(log->segments[i], 1, segment_bytes(log));
  }
  return true;
}

void limit_log_deinit(struct limit_log *log) {
  for (uint64_t i = 0; log->segments != NULL && i <= log->segment_mask; i++) {
    free(log->segments[i]);
  }
  free(log->segments);
  log->segments = NULL;
}

void limit_log_make_segment(struct limit_log *log, uint64_t index) {
  uint8_t *segment = malloc(segment_bytes(log));
  if (segment == NULL) {
    measure_fatal("no memory for a log segment");
  }
  log->segments[(index >> log->record_shift) & log->segment_mask] = segment;
}

void limit_log_append(struct limit_log *log, const uint8_t *records, uint64_t count) {
  while (count > 0) {
    uint64_t run;
    uint8_t *at = limit_log_at(log, log->end, &run);
    if (run > count) {
      run = count;
    }
    memcpy(at, records, (size_t)run * log->record_bytes);
    records += run * log->record_bytes;
    log->end += run;
    count -= run;
  }
}

void limit_log_copy(struct limit_log *log, uint8_t *into, uint64_t from, uint64_t count) {
  while (count > 0) {
    uint64_t run;
    const uint8_t *at = limit_log_at(log, from, &run);
    if (run > count) {
      run = count;
    }
    memcpy(into, at, (size_t)run * log->record_bytes);
    into += run * log->record_bytes;
    from += run;
    count -= run;
  }
}
