/* Assertions: a caller's broken duty, on in every build. Never on data from outside. */
#ifndef VLOT_BASE_ASSERT_H
#define VLOT_BASE_ASSERT_H

#include "vlot/base.h"

#define VLOT_ASSERT(condition) \
  ((condition) ? (void)0 : vlot_assert_failed(__FILE__, __LINE__, #condition))

#endif
