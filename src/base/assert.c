#include "base/assert.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

static void print_and_abort(const char *file, int line, const char *condition) {
  fprintf(stderr, "vlot: %s:%d: the caller's duty is broken: %s\n", file, line, condition);
  abort();
}

/* The one global variable of the library: a broken duty has no object whose options could say where
 * to report it. */
static _Atomic(vlot_assert_handler) current_handler = print_and_abort;

vlot_assert_handler vlot_assert_set_handler(vlot_assert_handler handler) {
  return atomic_exchange(&current_handler, handler ? handler : print_and_abort);
}

void vlot_assert_failed(const char *file, int line, const char *condition) {
  atomic_load (&current_handler)(file, line, condition);
  abort(); /* a handler that returns has broken its own promise */
}
