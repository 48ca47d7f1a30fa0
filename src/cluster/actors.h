/* A node as an actor: a thread of its own and a mailbox, which every driver can give it. */
#ifndef VLOT_CLUSTER_ACTORS_H
#define VLOT_CLUSTER_ACTORS_H

#include "cluster/driver.h"

/* The actor system; open: there may be one already. */
vlot_result vlot__actors_open(vlot_cluster *cluster);
vlot_result vlot__actors_close(vlot_cluster *cluster); /* VLOT_TIMEOUT: a thread is stuck */

/* Give a seat's node an actor (is_held: whose turns are granted), or take it away. */
vlot_result vlot__actors_start(vlot__seat *seat, bool is_held);
vlot_result vlot__actors_stop(vlot__seat *seat, vlot_why why);

/* The actor of a seat, with a reference; NULL. */
vlot_actor *vlot__actors_find(vlot__seat *seat);

/* Into the receiver's mailbox, at once. */
vlot_result vlot__actors_post(vlot_cluster *cluster, const vlot__parcel *parcel);
void vlot__actors_stored(vlot__seat *seat, vlot__mail_stored *stored);
/* False: no memory for the mail; again, later. */
bool vlot__actors_written(struct vlot__image *image);
void vlot__actors_tick(vlot__seat *seat); /* let it look at its clock */
size_t vlot__actors_queued(vlot__seat *seat);

#endif
