/* Why, of a workspace: the library's answer (vlot/why.h), from all that the workspace remembers. */
#ifndef VLOT_LAB_WHY_H
#define VLOT_LAB_WHY_H

#include "view.h"
#include "workspace.h"

/* node 0: the leader, or why there is none. */
vlot_result vlot__why_look(vlot__view_why *view, vlot__workspace *workspace, uint32_t node,
                           vlot_ask ask);

/* Why there is no leader, in half a sentence. */
void vlot__why_say_nobody_leads(vlot__workspace *workspace, vlot__text *out);

/* The index up to which the leader knows a node's log to agree with its own; 0: none, it leads, or
 * there is no leader. */
uint64_t vlot__why_match(vlot__workspace *workspace, uint32_t id);

#endif
