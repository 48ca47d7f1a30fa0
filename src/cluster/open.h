#ifndef VLOT_CLUSTER_OPEN_H
#define VLOT_CLUSTER_OPEN_H

#include "cluster/object.h"
#include "cluster/seats.h"

/* A cluster whose nodes are not started yet. recorder, replay: NULL, or what a replay brings along;
 * on an error they are still the caller's. */
vlot_result vlot__cluster_make(vlot_cluster **out, const vlot_cluster_options *options,
                               const struct vlot__recorder *recorder, struct vlot__replay *replay,
                               const char **problem);

/* options.c: what is wrong with them, found without opening anything. */
vlot_result vlot__client_options_check(vlot_cluster *cluster, const vlot_client_options *options);
vlot_result vlot__options_check(const vlot_cluster_options *options, const char **problem);

#endif
