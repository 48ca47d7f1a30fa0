#ifndef VLOT_CLUSTER_LOOK_H
#define VLOT_CLUSTER_LOOK_H

#include "cluster/object.h"

/* Publish a node's status: at the end of a turn, or while none runs. */
void vlot__seat_publish(vlot__seat *seat);

#endif
