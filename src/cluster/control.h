/* What can be done to nodes while load runs, one at a time; control is held. */
#ifndef VLOT_CLUSTER_CONTROL_H
#define VLOT_CLUSTER_CONTROL_H

#include "cluster/object.h"
#include "cluster/seats.h"

/* Start and stop a seat's node under the driver in force. stop: VLOT_TIMEOUT: its thread is stuck
 * in user code and quarantined; node, machine and mailbox are left alone until it comes back. */
vlot_result vlot__seat_start(vlot__seat *seat);
/* A line of the log: its node has been fenced, why, and what its storage says of that. */
void vlot__log_fenced(vlot__seat *seat);
vlot_result vlot__seat_stop(vlot__seat *seat, vlot_why why, bool is_power_cut);
/* Between the two: it is started again; wiped: on another disk. */
void vlot__seat_restarted(vlot__seat *seat, vlot_restart how, uint64_t disk_id);

#endif
