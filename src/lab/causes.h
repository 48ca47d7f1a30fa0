/* Is every cause true? Reads the events of a run in their order. What it says is false, is false:
 * the cause did not happen before, its kind cannot lead to that, or member, term, request or index
 * of the two do not fit each other.
 */
#ifndef VLOT_LAB_CAUSES_H
#define VLOT_LAB_CAUSES_H

#include "vlot/event.h"

typedef struct vlot__causes vlot__causes;

/* NULL: no memory. close: NULL is allowed. */
vlot__causes *vlot__causes_open(void);
void vlot__causes_close(vlot__causes *causes);

/* The next event of all of a cluster's. Returns NULL, or what is false about its cause, borrowed
 * until the next call. */
const char *vlot__causes_feed(vlot__causes *causes, const vlot_event *event);

typedef struct vlot__causes_count {
  uint64_t events;
  uint64_t caused;    /* that name a cause */
  uint64_t forgotten; /* whose cause is too old to be looked at (one of 2^12 events of its node) */
} vlot__causes_count;

vlot__causes_count vlot__causes_count_of(const vlot__causes *causes);

#endif
