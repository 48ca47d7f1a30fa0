#ifndef VLOT_CLUSTER_AWAIT_H
#define VLOT_CLUSTER_AWAIT_H

#include "vlot/cluster.h"

/* Wait until is_reached(), timeout_ticks have passed (VLOT_TIMEOUT) or the cluster closes
 * (VLOT_CLOSED). By a visitor. */
vlot_result vlot__await(vlot_cluster *cluster,
                        bool (*is_reached)(vlot_cluster *cluster, void *context), void *context,
                        uint64_t timeout_ticks);

/* The same, and VLOT_INTERRUPTED by vlot_cluster_interrupt(). */
vlot_result vlot__await_reached(vlot_cluster *cluster,
                                bool (*is_reached)(vlot_cluster *cluster, void *context),
                                void *context, uint64_t timeout_ticks);

#endif
