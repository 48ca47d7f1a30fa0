#include "vlot/verb.h"
#include "vlot/event.h"

#include <stdbool.h>
#include <string.h>

#include "vlot/raft.h"

/* Kept also by a linker that drops what nobody uses: a debugger reads it. */
#define KEPT __attribute__((used))

KEPT const vlot_verb vlot_verbs[] = {
#define VLOT_X(verb, ...)               {.name = #verb, __VA_ARGS__},
#define VLOT_R(kind, number, verb, ...) {.name = #verb, .request = number, __VA_ARGS__},
    VLOT_VERBS(VLOT_X, VLOT_R)
#undef VLOT_X
#undef VLOT_R
};

KEPT const size_t vlot_verb_count = sizeof vlot_verbs / sizeof *vlot_verbs;

const vlot_verb *vlot_verb_find(const char *name) {
  for (size_t k = 0; k < vlot_verb_count; k++) {
    const vlot_verb *verb = &vlot_verbs[k];
    if (strcmp(verb->name, name) == 0 || (verb->alias && strcmp(verb->alias, name) == 0))
      return verb;
  }
  return NULL;
}

/* deliver and fire are one request: the first row names it. */
const vlot_verb *vlot_verb_of_request(uint64_t request) {
  for (size_t k = 0; k < vlot_verb_count; k++)
    if (request != 0 && vlot_verbs[k].request == request) return &vlot_verbs[k];
  return NULL;
}
