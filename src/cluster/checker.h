/* The checker: the safety properties I-1 to I-11, fed by events, incremental: it compares what
 * changed and never copies a log. It keeps its own history, outside the nodes, across restarts. It
 * reports, and never stops the host.
 *
 * Thread  one at a time: the observer feeds it in an order that agrees with causality.
 */
#ifndef VLOT_CLUSTER_CHECKER_H
#define VLOT_CLUSTER_CHECKER_H

#include "cluster/model.h"
#include "vlot/event.h"

typedef struct vlot__checker vlot__checker;

typedef struct vlot__violation {
  uint32_t invariant; /* 1 … 11: I-1 …; 100: R-1, docs/catalogue.md */
  uint32_t node;
  uint64_t action;
  char text[200]; /* with evidence */
} vlot__violation;

/* members [count], the configuration at the base; models [count], one per member in the same order,
 * borrowed for its life. */
vlot__checker *vlot__checker_open(const vlot_allocator *allocator, const vlot_member *members,
                                  uint32_t count, const vlot__model *const *models);
void vlot__checker_close(vlot__checker *checker);

/* One event. The node's model has already taken what the event says. Returns the first violation it
 * causes, borrowed until the next call; NULL.
 */
const vlot__violation *vlot__checker_feed(vlot__checker *checker, const vlot_event *event);

/* A member's disk was replaced: its promises are gone with it. What it had made durable still
 * counts as held (it votes no more, so it can no more elect anybody who lacks it).
 */
void vlot__checker_disk_wiped(vlot__checker *checker, uint32_t node);

/* The first violation ever; NULL. And did it ever run out of memory (then it knows less than it
 * should)? */
const vlot__violation *vlot__checker_first(const vlot__checker *checker);
bool vlot__checker_is_incomplete(const vlot__checker *checker);

#endif
