#ifndef VLOT_CLUSTER_LOOK_H
#define VLOT_CLUSTER_LOOK_H

#include "cluster/object.h"
#include "cluster/seats.h"

/* Publish a node's status: at the end of a turn, or while none runs. */
void vlot__seat_publish(vlot__seat *seat);

/* As vlot_cluster_get_status() and vlot_cluster_leader(). By a visitor, or one of the cluster's own
 * threads. */
vlot_node_status vlot__seat_status(vlot__seat *seat);
uint32_t vlot__leader(vlot_cluster *cluster);

/* The configuration in force at its node, as of its last turn; NULL: it never ran. The caller
 * releases it. */
vlot_configuration *vlot__seat_configuration(vlot__seat *seat);

/* Are so many voters on a disk that their configuration does not name that the others are no
 * quorum? Also before any node runs. */
bool vlot__has_lost_disks(vlot_cluster *cluster, uint32_t *lost, uint32_t *voters);

#endif
