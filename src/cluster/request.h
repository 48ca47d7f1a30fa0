#ifndef VLOT_CLUSTER_REQUEST_H
#define VLOT_CLUSTER_REQUEST_H

#include "cluster/object.h"

/* Carry out the oldest requests, at most so many. false: somebody else has control; later. Called
 * through cluster->requests.obey. */
bool vlot__requests_obey(vlot_cluster *cluster, uint64_t most);

#endif
