/* Mutexes and condition variables of the actor layer.
 *
 * Mutexes are leaves: a thread holds at most one, and none across a function pointer, so that there
 * is no order to remember. Debug builds count per thread and assert it. Conditions use the
 * monotonic clock.
 */
#ifndef VLOT_ACTOR_LOCK_H
#define VLOT_ACTOR_LOCK_H

#include <pthread.h>

#include "base/assert.h"

#define VLOT_NS_PER_S UINT64_C(1000000000)

extern _Thread_local int vlot__lock_count; /* moved in debug builds only */

/* Locks held by the calling thread; 0 in builds that do not count. */
int vlot__lock_held(void);

static inline void vlot__lock(pthread_mutex_t *mutex) {
#ifndef NDEBUG
  VLOT_ASSERT(vlot__lock_count == 0);
  vlot__lock_count++;
#endif
  pthread_mutex_lock(mutex);
}

static inline void vlot__unlock(pthread_mutex_t *mutex) {
  pthread_mutex_unlock(mutex);
#ifndef NDEBUG
  vlot__lock_count--;
#endif
}

/* false: the C library has no room for them, and nothing is left behind. */
bool vlot__lock_init(pthread_mutex_t *mutex);
bool vlot__cond_init(pthread_cond_t *cond);

/* Wait under the lock until signalled, woken for nothing, or deadline_ns of the monotonic clock.
 * False: the deadline.
 */
bool vlot__cond_wait_until(pthread_cond_t *cond, pthread_mutex_t *mutex, uint64_t deadline_ns);

/* The same in one piece of a second at most, so that no wait depends on one wake-up alone. False:
 * the deadline has passed.
 */
bool vlot__cond_wait_piece(pthread_cond_t *cond, pthread_mutex_t *mutex, uint64_t deadline_ns);

/* Now, to some milliseconds and cheaper than vlot_clock_ns. */
uint64_t vlot__clock_coarse_ns(void);

/* now + delay without wrapping. */
static inline uint64_t vlot__clock_after(uint64_t now_ns, uint64_t delay_ns) {
  return delay_ns > UINT64_MAX - now_ns ? UINT64_MAX : now_ns + delay_ns;
}

#endif
