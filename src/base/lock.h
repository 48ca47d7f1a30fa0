/* Mutexes and condition variables.
 *
 * Mutexes are leaves: a thread holds at most one, and none across a function pointer of a user (but
 * the allocator's), so that there is no order to remember. Each thread counts those that it holds,
 * in every build. vlot takes none inside another, so who takes a second one was called from where
 * nothing may be called, and may wait for itself, for ever and without a word.
 * Conditions use the monotonic clock. Waiting for one, or for a thread's end, is no point of
 * cancellation: who is cancelled meanwhile leaves no lock, count or list behind.
 */
#ifndef VLOT_BASE_LOCK_H
#define VLOT_BASE_LOCK_H

#include <pthread.h>

#include "base/assert.h"

#define VLOT_NS_PER_S UINT64_C(1000000000)

extern _Thread_local int vlot__lock_count;

/* Locks held by the calling thread. */
int vlot__lock_held(void);

/* Take it; file and line are the caller's. */
#define vlot__lock(mutex) vlot__lock_at((mutex), __FILE__, __LINE__)
static inline void vlot__lock_at(pthread_mutex_t *mutex, const char *file, int line) {
  if (vlot__lock_count != 0)
    vlot__assert_duty(file, line,
                      "call vlot from no signal handler, allocator or assertion handler");
  vlot__lock_count = 1;
  pthread_mutex_lock(mutex);
}

static inline void vlot__unlock(pthread_mutex_t *mutex) {
  pthread_mutex_unlock(mutex);
  vlot__lock_count = 0;
}

/* false: the C library has no room for them, and nothing is left behind. */
bool vlot__lock_init(pthread_mutex_t *mutex);
bool vlot__cond_init(pthread_cond_t *cond);

/* No cancellation of this thread until the state that was is given back. */
int vlot__cancel_off(void);
void vlot__cancel_restore(int state);

void vlot__thread_join(pthread_t thread);

/* Wait under the lock until signalled, woken for nothing, or deadline_ns of the monotonic clock.
 * False: the deadline.
 */
void vlot__cond_wait(pthread_cond_t *cond, pthread_mutex_t *mutex);
bool vlot__cond_wait_until(pthread_cond_t *cond, pthread_mutex_t *mutex, uint64_t deadline_ns);

/* now + delay without wrapping. */
static inline uint64_t vlot__clock_after(uint64_t now_ns, uint64_t delay_ns) {
  return delay_ns > UINT64_MAX - now_ns ? UINT64_MAX : now_ns + delay_ns;
}

#endif
