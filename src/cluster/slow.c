#include "cluster/slow.h"

#include <time.h>

#include "base/lock.h"
#include "cluster/driver.h"
#include "cluster/lints.h"

#ifndef CLOCK_MONOTONIC_COARSE
#define CLOCK_MONOTONIC_COARSE CLOCK_MONOTONIC
#endif

/* The coarse clock is late by one tick of the kernel, 10 ms at most. */
enum { COARSE_NS = 10000000 };

uint64_t vlot__coarse_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
  return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

uint64_t vlot__slow_begin(vlot_cluster *cluster) {
  bool is_looked_at =
      vlot__driver_of(cluster) == &vlot__driver_threads && cluster->options.has_lints;
  return is_looked_at ? vlot__coarse_ns() : 0;
}

void vlot__slow_end(vlot__seat *seat, int function, uint64_t begin) {
  if (begin == 0) return;
  vlot_cluster *cluster = seat->cluster;
  uint64_t took = vlot__coarse_ns() - begin;
  if (took <= vlot__slow_limit_ns(cluster) + COARSE_NS) return;
  vlot__slow_calls *slow = &seat->slow_calls[function];
  vlot__lock(&seat->status_lock);
  if (took > slow->ns) slow->ns = took;
  seat->slow_count++;
  vlot__unlock(&seat->status_lock);
  /* it is the clock's to say, which has control for that: soon, and not at its next look */
  vlot__lint_hurry(cluster);
  vlot__driver_of(cluster)->violated(cluster); /* wakes the clock */
}
