/* Why: the chain of causes of what a node did, and what is missing for what it has not done yet. */
#ifndef VLOT_LAB_WHY_H
#define VLOT_LAB_WHY_H

#include "view.h"
#include "workspace.h"

/* What it is about: those of the verb, in their order. */
typedef enum vlot__why_about {
  VLOT__WHY_CHANGE,
  VLOT__WHY_ROLE,
  VLOT__WHY_VOTE,
  VLOT__WHY_TERM,
  VLOT__WHY_LOG,
  VLOT__WHY_COMMIT,
  VLOT__WHY_CAMPAIGN,
  VLOT__WHY_ANYTHING, /* nothing was said */
} vlot__why_about;

/* node 0: the leader, or why there is none. false: no memory, and the view is empty. */
bool vlot__why_look(vlot__view_why *view, vlot__workspace *workspace, uint32_t node,
                    vlot__why_about about);

/* Why there is no leader, in half a sentence. */
void vlot__why_nobody_leads(vlot__workspace *workspace, vlot__text *out);

/* The index up to which the leader knows a node's log to agree with its own; 0: none, it leads, or
 * there is no leader. */
uint64_t vlot__why_match(vlot__workspace *workspace, uint32_t id);

#endif
