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

/* What its ring keeps (seat NULL: the cluster's), or its rare ones, oldest first: the newest
 * [capacity] of them. Control is held, and no turn of it runs. */
size_t vlot__seat_events(const vlot_cluster *cluster, const vlot__seat *seat, bool is_rare,
                         vlot_event *events, size_t capacity);

/* The configuration in force at its node, as of its last turn; NULL: it never ran. The caller
 * releases it. */
vlot_configuration *vlot__seat_configuration(vlot__seat *seat);

/* Are so many voters on a disk that their configuration does not name that the others are no
 * quorum? Also before any node runs. */
bool vlot__has_lost_disks(vlot_cluster *cluster, uint32_t *lost, uint32_t *voters);

#endif
