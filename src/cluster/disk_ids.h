/* Ids of disks, and of clusters. They are compared for equality, and never with 0. */
#ifndef VLOT_CLUSTER_DISK_IDS_H
#define VLOT_CLUSTER_DISK_IDS_H

#include "cluster/object.h"

/* Another id for a member's disk; member 0: for a cluster.
 *
 * number    so many disks the member has had, with this one: from 1
 * is_later  it is not one that a bootstrap gives: the id itself says so, since a disk without a
 *           label has no other place for it
 */
vlot_result vlot__disk_id_new(vlot_cluster *cluster, uint32_t member, uint32_t number,
                              bool is_later, uint64_t *id);

/* Was it given to a disk that was blank when others were written? */
bool vlot__disk_id_is_later(uint64_t id);

/* Which of the member's disks has this id, by this seed; 1: it cannot be told. */
uint32_t vlot__disk_id_number(const vlot_cluster *cluster, uint32_t member, uint64_t id);

#endif
