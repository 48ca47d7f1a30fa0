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

#endif
