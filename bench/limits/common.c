#include "common.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct limit_result limit_refuse(enum limit_status status, const char *format, ...) {
  struct limit_result result = {.status = status};
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(result.why, sizeof result.why, format, arguments);
  va_end(arguments);
  return result;
}

struct limit_result limit_check_range(const char *name, uint64_t value, uint64_t low,
                                      uint64_t high) {
  if (value < low || value > high) {
    return limit_refuse(LIMIT_INVALID, "%s %" PRIu64 ": allowed are %" PRIu64 "..%" PRIu64, name,
                        value, low, high);
  }
  return (struct limit_result){.status = LIMIT_OK};
}

struct limit_result limit_check_duration(double seconds, uint64_t ops) {
  if (ops == 0 && !(isfinite(seconds) && seconds > 0.0 && seconds <= 3600.0)) {
    return limit_refuse(LIMIT_INVALID, "seconds %g: allowed is above 0, at most 3600", seconds);
  }
  return limit_check_range("ops", ops, 0, UINT64_C(1) << 40);
}

uint64_t limit_duration_ns(double seconds, uint64_t ops) {
  return ops > 0 ? 0 : (uint64_t)(seconds * 1e9);
}

struct limit_result limit_report(uint64_t ops, uint64_t elapsed_ns,
                                 const struct measure_histogram *latencies) {
  struct limit_result result = {.status = LIMIT_OK, .ops = ops};
  result.seconds = (double)elapsed_ns / 1e9;
  result.ops_per_second = elapsed_ns > 0 ? (double)ops / result.seconds : 0.0;
  if (latencies != NULL) {
    result.p50_ns = measure_histogram_percentile(latencies, 50.0);
    result.p99_ns = measure_histogram_percentile(latencies, 99.0);
    result.p999_ns = measure_histogram_percentile(latencies, 99.9);
    result.max_ns = latencies->max;
  }
  return result;
}

bool limit_spawn(pthread_t *thread, const char *name, void *(*run)(void *), void *argument) {
  if (pthread_create(thread, NULL, run, argument) != 0) {
    return false;
  }
  pthread_setname_np(*thread, name);
  return true;
}

void limit_latch_init(struct limit_latch *latch) {
  pthread_mutex_init(&latch->lock, NULL);
  pthread_cond_init(&latch->reached, NULL);
  latch->arrived = 0;
}

void limit_latch_deinit(struct limit_latch *latch) {
  pthread_mutex_destroy(&latch->lock);
  pthread_cond_destroy(&latch->reached);
}

void limit_latch_arrive(struct limit_latch *latch) {
  pthread_mutex_lock(&latch->lock);
  latch->arrived++;
  pthread_cond_signal(&latch->reached);
  pthread_mutex_unlock(&latch->lock);
}

void limit_latch_wait(struct limit_latch *latch, uint32_t count) {
  pthread_mutex_lock(&latch->lock);
  while (latch->arrived < count) {
    pthread_cond_wait(&latch->reached, &latch->lock);
  }
  latch->arrived -= count;
  pthread_mutex_unlock(&latch->lock);
}
