/* From a row of vlot/verb.h to its handler. A row without one is no program: the linker says so. */
#include "verbs.h"

static vlot__verbs_handler *const handlers[] = {
#define VLOT_X(verb, ...)                  vlot__verbs_##verb,
#define VLOT_R(request, number, verb, ...) vlot__verbs_##verb,
    VLOT_VERBS(VLOT_X, VLOT_R)
#undef VLOT_X
#undef VLOT_R
};

bool vlot__verbs_run(vlot__workspace *workspace, const vlot_verb *verb,
                     const vlot__arguments *arguments) {
  return handlers[verb - vlot_verbs](workspace, arguments);
}
