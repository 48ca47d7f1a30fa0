/* Handlers of the verbs, in the files verbs_*.c: vlot__verbs_NAME() carries out NAME. */
#ifndef VLOT_LAB_VERBS_H
#define VLOT_LAB_VERBS_H

#include "command.h"
#include "view.h"

/* false: vlot__workspace_fail() has been called, and nothing was done */
typedef bool vlot__verbs_handler(vlot__workspace *workspace, const vlot__arguments *arguments);

#define VLOT_X(verb, ...)                  vlot__verbs_handler vlot__verbs_##verb;
#define VLOT_R(request, number, verb, ...) vlot__verbs_handler vlot__verbs_##verb;
VLOT_VERBS(VLOT_X, VLOT_R)
#undef VLOT_X
#undef VLOT_R

/* Carry out a row of vlot_verbs. */
bool vlot__verbs_run(vlot__workspace *workspace, const vlot_verb *verb,
                     const vlot__arguments *arguments);

/* Does it only look, as this is said? */
bool vlot__verbs_looks(const vlot_verb *verb, const vlot__arguments *arguments);

/* Show a view, and free it. is_filled false: there was no memory, and that is told. */
bool vlot__verbs_show(vlot__workspace *workspace, vlot__view *view, bool is_filled);

/* The newest pending thing of a kind at a node is carried out; missing: what is told where there is
 * none. */
bool vlot__verbs_fire_newest(vlot__workspace *workspace, vlot_pending_kind kind, uint32_t node,
                             const char *missing);

/* A result that is not OK becomes a problem at a word; true: it was OK. */
bool vlot__verbs_result(vlot__workspace *workspace, unsigned word, vlot_result result);

#endif
