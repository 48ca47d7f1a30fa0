/* The checker: the safety properties I-1 to I-14 and I-16, fed by events, incremental: it
 * compares what changed and never copies a log. It keeps its own history, outside the nodes, across
 * restarts. It reports, and never stops the host.
 *
 * What it remembers is a window: so many entries below what is committed, so many terms, votes,
 * applied hashes. What stands below that in somebody's log is compared with the logs of others that
 * still know it; where nobody does, it is not compared. So a member that is down or far behind
 * costs nothing.
 *
 * Thread  one at a time: the observer feeds it in an order that agrees with causality.
 */
#ifndef VLOT_CLUSTER_CHECKER_H
#define VLOT_CLUSTER_CHECKER_H

#include "cluster/model.h"
#include "vlot/event.h"

typedef struct vlot__checker vlot__checker;

typedef struct vlot__violation {
  uint32_t invariant; /* 1 … 14, 16, 19: I-1 …; VLOT_REPLICA_HASH: R-1, docs/catalogue.md */
  uint32_t node;
  uint64_t action;
  char text[200]; /* with evidence */
} vlot__violation;

/* It knows nobody yet. window: at least 1. NULL without memory. */
vlot__checker *vlot__checker_open(const vlot_allocator *allocator, uint64_t window);
void vlot__checker_close(vlot__checker *checker);

/* One event.
 *
 * model    of the log of event->node, which has already taken what the event says; borrowed for the
 *          checker's life from the node's first event on. NULL: it has none, as the cluster itself;
 *          of such only CONFIG is looked at
 * returns  the first violation that the event causes, borrowed until the next call; NULL
 */
const vlot__violation *vlot__checker_feed(vlot__checker *checker, const vlot_event *event,
                                          const vlot__model *model);

/* The first violation ever; NULL. And did it ever run out of memory (then it knows less than it
 * should)? */
const vlot__violation *vlot__checker_first(const vlot__checker *checker);
bool vlot__checker_is_incomplete(const vlot__checker *checker);

#endif
