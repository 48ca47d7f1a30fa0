#include "actor/wait.h"

#include <time.h>

#include "vlot/actor.h"

bool vlot__cond_wait_piece(pthread_cond_t *cond, pthread_mutex_t *mutex, uint64_t deadline_ns) {
  uint64_t piece_ns = vlot__clock_after(vlot_clock_ns(), VLOT_NS_PER_S);
  vlot__cond_wait_until(cond, mutex, piece_ns < deadline_ns ? piece_ns : deadline_ns);
  return vlot_clock_ns() < deadline_ns;
}

static uint64_t read_clock(clockid_t clock) {
  struct timespec now;
  clock_gettime(clock, &now);
  return (uint64_t)now.tv_sec * VLOT_NS_PER_S + (uint64_t)now.tv_nsec;
}

uint64_t vlot_clock_ns(void) { return read_clock(CLOCK_MONOTONIC); }

uint64_t vlot__clock_coarse_ns(void) {
#ifdef CLOCK_MONOTONIC_COARSE
  return read_clock(CLOCK_MONOTONIC_COARSE);
#else
  return read_clock(CLOCK_MONOTONIC);
#endif
}
