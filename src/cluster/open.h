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

/* The default of snapshot_bytes gives way to a log that may not be that long. */
void vlot__options_fit_snapshots(vlot_cluster_options *options);
/* The machine or a disk cannot have snapshots: the default of snapshot_bytes takes none. */
void vlot__options_take_none(vlot_cluster_options *options);
/* What raft.log_bytes_max means; its default is no limit only where no snapshots are taken. */
uint64_t vlot__options_log_bytes_max(const vlot_cluster_options *options);

#endif
