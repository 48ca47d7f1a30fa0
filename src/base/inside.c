#include "base/inside.h"

#include <stdatomic.h>

_Thread_local const vlot__frame *vlot__innermost;

uint64_t vlot__thread_number(void) {
  static _Atomic uint64_t last;
  static _Thread_local uint64_t number;
  if (number == 0) number = atomic_fetch_add_explicit(&last, 1, memory_order_relaxed) + 1;
  return number;
}
