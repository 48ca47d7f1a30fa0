/* Waiting on conditions, and clocks, as actors need them. */
#ifndef VLOT_ACTOR_WAIT_H
#define VLOT_ACTOR_WAIT_H

#include "base/lock.h"

/* Wait as vlot__cond_wait_until(), a second at most, so that no wait depends on one wake-up alone.
 * False: the deadline has passed.
 */
bool vlot__cond_wait_piece(pthread_cond_t *cond, pthread_mutex_t *mutex, uint64_t deadline_ns);

/* Now, to some milliseconds and cheaper than vlot_clock_ns. */
uint64_t vlot__clock_coarse_ns(void);

#endif
