/* What the limits share: refusing options, gates between the phases of a run, filling in results.
 */
#ifndef VLOT_BENCH_LIMITS_COMMON_H
#define VLOT_BENCH_LIMITS_COMMON_H

#include <pthread.h>
#include <stdint.h>

#include "limits.h"

/* Time or operations that warm caches, branch predictors and the clock rate before each
 * measurement. */
#define LIMIT_WARMUP_NS    UINT64_C(100000000)
#define LIMIT_WARMUP_SHARE 10U

/* One message's fixed part, 16 bytes; a payload may follow. */
struct limit_header {
  uint32_t kind;
  uint32_t count; /* of records in the payload, or a node's number */
  uint64_t value; /* an index */
};
_Static_assert(sizeof(struct limit_header) == 16, "bytebox_push() copies headers of 16 bytes");

/* Fold a value into a sum that also depends on the order of what was folded in. */
static inline uint64_t limit_fold(uint64_t sum, uint64_t value) {
  return sum * UINT64_C(0x9E3779B97F4A7C15) + value;
}

/* A result that says why nothing was measured. */
struct limit_result limit_refuse(enum limit_status status, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Check what several limits have in common. Returns LIMIT_OK or a refusal. */
struct limit_result limit_check_range(const char *name, uint64_t value, uint64_t low,
                                      uint64_t high);
struct limit_result limit_check_duration(double seconds, uint64_t ops);

/* The checked duration; 0 where ops decide, as seconds may then be anything. */
uint64_t limit_duration_ns(double seconds, uint64_t ops);

/* Fill in ops, seconds, rate and, unless it is NULL, the histogram's percentiles. */
struct limit_result limit_report(uint64_t ops, uint64_t elapsed_ns,
                                 const struct measure_histogram *latencies);

/* Start a named thread; false if the system has none left. */
bool limit_spawn(pthread_t *thread, const char *name, void *(*run)(void *), void *argument);

/* Somebody waits until a number of others have arrived. */
struct limit_latch {
  pthread_mutex_t lock;
  pthread_cond_t reached;
  uint32_t arrived;
};

void limit_latch_init(struct limit_latch *latch);
void limit_latch_deinit(struct limit_latch *latch);
void limit_latch_arrive(struct limit_latch *latch);
/* Wait for count arrivals and take them off, so that the latch serves again. */
void limit_latch_wait(struct limit_latch *latch, uint32_t count);

#endif
