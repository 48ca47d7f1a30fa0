/* What a workspace asks of what has happened in its cluster (vlot/why.h). */
#ifndef VLOT_LAB_PAST_H
#define VLOT_LAB_PAST_H

#include "vlot/verb.h"
#include "vlot/why.h"

/* The tick of an action, by its newest event; VLOT_NEVER: none is known. */
uint64_t vlot__past_action_tick(const vlot_past *past, uint64_t action);

/* What was last said of a node's disk, of its cluster or in what was recorded; NULL: nothing. */
const vlot_event *vlot__past_disk_fault(const vlot_past *past, uint32_t node);

#endif
