/* Is a debugger attached to this process? */
#ifndef VLOT_CLUSTER_TRACED_H
#define VLOT_CLUSTER_TRACED_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct vlot__traced {
  _Atomic uint64_t looked_ns; /* when that was looked up; by whoever moves it on */
  _Atomic bool is_traced;
} vlot__traced;

/* Looked up at most every 100 ms; another thread may look meanwhile, and the answer be as old. now:
 * nanoseconds of the monotonic clock, to some milliseconds. */
bool vlot__traced_is_at(vlot__traced *traced, uint64_t now_ns);
bool vlot__traced_is(vlot__traced *traced);

#endif
