#include "base/lock.h"

#include <errno.h>
#include <time.h>

_Thread_local int vlot__lock_count;

int vlot__lock_held(void) { return vlot__lock_count; }

bool vlot__lock_init(pthread_mutex_t *mutex) { return pthread_mutex_init(mutex, NULL) == 0; }

bool vlot__cond_init(pthread_cond_t *cond) {
  pthread_condattr_t monotonic;
  if (pthread_condattr_init(&monotonic) != 0) return false;
  bool is_ready = pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC) == 0 &&
                  pthread_cond_init(cond, &monotonic) == 0;
  pthread_condattr_destroy(&monotonic);
  return is_ready;
}

int vlot__cancel_off(void) {
  int state;
  (void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
  return state;
}

void vlot__cancel_restore(int state) { (void)pthread_setcancelstate(state, NULL); }

void vlot__thread_join(pthread_t thread) {
  int state = vlot__cancel_off();
  pthread_join(thread, NULL);
  vlot__cancel_restore(state);
}

void vlot__cond_wait(pthread_cond_t *cond, pthread_mutex_t *mutex) {
  int state = vlot__cancel_off();
  pthread_cond_wait(cond, mutex);
  vlot__cancel_restore(state);
}

bool vlot__cond_wait_until(pthread_cond_t *cond, pthread_mutex_t *mutex, uint64_t deadline_ns) {
  if (deadline_ns == UINT64_MAX) {
    vlot__cond_wait(cond, mutex);
    return true;
  }
  /* the C library's seconds are signed: a deadline beyond them is some 146 years away in any case
   */
  uint64_t ns = deadline_ns > INT64_MAX / 2 ? INT64_MAX / 2 : deadline_ns;
  struct timespec deadline = {.tv_sec = (time_t)(ns / VLOT_NS_PER_S),
                              .tv_nsec = (long)(ns % VLOT_NS_PER_S)};
  int state = vlot__cancel_off();
  int error = pthread_cond_timedwait(cond, mutex, &deadline);
  vlot__cancel_restore(state);
  return error != ETIMEDOUT;
}
