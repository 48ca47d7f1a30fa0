/* Death tests: what an assertion says when something is done that must not be. */
#ifndef VLOT_TEST_DUTY_H
#define VLOT_TEST_DUTY_H

#include "vlot/base.h"

enum { DUTY_BYTES = 512 };

typedef struct duty_told {
  vlot_failure_kind kind; /* 0: nothing failed */
  char text[DUTY_BYTES];
} duty_told;

/* Call breaks(context) in a process of its own, which ends with the first assertion that fails, on
 * any thread. */
duty_told duty_break(void (*breaks)(void *context), void *context);

#endif
