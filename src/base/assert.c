#include "base/assert.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

enum { EVIDENCE_BYTES = 512 };

static void print_and_abort(const vlot_failure *failure) {
  switch (failure->kind) {
  case VLOT_FAILURE_DUTY:
    fprintf(stderr, "vlot: the caller's duty is broken: %s (%s:%d)\n", failure->text, failure->file,
            failure->line);
    break;
  case VLOT_FAILURE_BUG:
    fprintf(stderr,
            "vlot: a bug of vlot, not of its caller: %s (%s:%d%s%s); please report it, with this "
            "line and what led to it\n",
            failure->text, failure->file, failure->line, *failure->evidence ? ": " : "",
            failure->evidence);
    break;
  }
  abort();
}

/* The one global variable of the library: a failure has no object whose options could say where to
 * report it. */
static _Atomic(vlot_assert_handler) current_handler = print_and_abort;

vlot_assert_handler vlot_assert_set_handler(vlot_assert_handler handler) {
  return atomic_exchange(&current_handler, handler ? handler : print_and_abort);
}

void vlot_assert_failed(const vlot_failure *failure) {
  atomic_load (&current_handler)(failure);
  abort(); /* a handler that returns has broken its own promise */
}

void vlot__assert_duty(const char *file, int line, const char *sentence) {
  vlot_assert_failed(&(vlot_failure){
      .kind = VLOT_FAILURE_DUTY, .line = line, .file = file, .text = sentence, .evidence = ""});
}

void vlot__assert_bug(const char *file, int line, const char *broken,
                      const vlot__evidence *evidence, size_t count) {
  char seen[EVIDENCE_BYTES] = "";
  size_t size = 0;
  for (size_t k = 0; k < count && size < sizeof seen; k++)
    size += (size_t)snprintf(seen + size, sizeof seen - size, "%s%s %" PRIu64, k > 0 ? ", " : "",
                             evidence[k].name, evidence[k].value);
  vlot_assert_failed(&(vlot_failure){
      .kind = VLOT_FAILURE_BUG, .line = line, .file = file, .text = broken, .evidence = seen});
}
