/* Whoever waits for something to change, where nodes run by themselves. */
#ifndef VLOT_CLUSTER_CHANGE_H
#define VLOT_CLUSTER_CHANGE_H

#include "cluster/object.h"

/* Something may be another now: whoever waits looks again. Nearly free while nobody does. */
void vlot__notify_changed(vlot_cluster *cluster);

/* How often something has changed; wait until that is more than was seen, or the clock says that
 * the deadline has come. */
uint64_t vlot__change_count(vlot_cluster *cluster);
void vlot__change_wait(vlot_cluster *cluster, uint64_t seen, uint64_t deadline);

/* An await that can be interrupted begins and ends: it is, when the number of interrupts is more
 * than it was given at its begin. Interrupt: those that are under way, or the next one. */
uint64_t vlot__await_begin(vlot_cluster *cluster);
void vlot__await_end(vlot_cluster *cluster);
void vlot__await_interrupt(vlot_cluster *cluster);

#endif
