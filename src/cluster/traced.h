/* Is a debugger attached to this process? */
#ifndef VLOT_CLUSTER_TRACED_H
#define VLOT_CLUSTER_TRACED_H

#include <stdbool.h>
#include <stdint.h>

typedef struct vlot__traced {
  uint64_t looked_ns; /* when that was looked up */
  bool is_traced;
} vlot__traced;

/* Looked up at most every 100 ms. One thread at a time. */
bool vlot__traced_is(vlot__traced *traced);

#endif
