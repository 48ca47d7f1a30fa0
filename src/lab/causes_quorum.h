/* What members have stored, as their events tell it: for the question which of them completed a
 * quorum. Inside causes.c.
 */
#ifndef VLOT_LAB_CAUSES_QUORUM_H
#define VLOT_LAB_CAUSES_QUORUM_H

#include "vlot/event.h"

typedef struct vlot__causes_quorum vlot__causes_quorum;

vlot__causes_quorum *vlot__causes_quorum_open(void);
void vlot__causes_quorum_close(vlot__causes_quorum *quorum);

/* The next event of all of a cluster's. life: of a MATCH, the sender's incarnation of the reply it
 * follows from; 0: not known. */
void vlot__causes_quorum_feed(vlot__causes_quorum *quorum, const vlot_event *event, uint32_t life);

/* Of a COMMIT that comes next: the event with which a quorum had all of it. false: that is not
 * known from what was seen, or it is none of a leader. *cause 0: there was a quorum before this
 * step, or there is none. */
bool vlot__causes_quorum_completed(const vlot__causes_quorum *quorum, const vlot_event *commit,
                                   uint64_t *cause);

/* Up to where a node knows entries as committed; false: not known from what was seen. */
bool vlot__causes_quorum_commit(const vlot__causes_quorum *quorum, uint32_t node, uint64_t *index);

#endif
