/* vlot run --step-on: the threads run until something happens; then the cluster stands still, and a
 * prompt goes on message by message. */
#ifndef VLOT_LAB_RUN_STEP_H
#define VLOT_LAB_RUN_STEP_H

#include "record.h"
#include "vlot/cluster.h"

struct vlot__run;

typedef struct vlot__run_step {
  vlot_event_kind kind;         /* 0: never */
  uint32_t node;                /* 0: any */
  vlot_cluster_options options; /* of the cluster */
  vlot_subscription *events;    /* its own, or NULL: those of --events are seen */
  bool has_happened;            /* the first since it was looked */
  vlot_event event;
  uint32_t stops;
  uint64_t ticks; /* that passed by hand so far */
} vlot__run_step;

/* "leader", "vote:2". false: told on stderr. */
bool vlot__run_step_parse(vlot__run_step *step, const char *text, uint64_t nodes);

/* Is it that event? What is the cluster's own (node 0), such as a violation, is about its peer. */
bool vlot__run_step_awaits(const vlot__run_step *step, const vlot_event *event);

/* Events count, from the opening of the cluster on: it keeps events for its first reader, and there
 * is one only. That is `record`, where it keeps them in a file, which hands them on. false: no
 * memory. */
bool vlot__run_step_open(vlot__run_step *step, vlot__recording *record, vlot_cluster *cluster,
                         const vlot_cluster_options *options);
void vlot__run_step_close(vlot__run_step *step);

/* Has it happened? Then pause, talk, and go on; clocks of the run do not count that time. context:
 * the run. To be called often. */
void vlot__run_step_look(void *context);

#endif
