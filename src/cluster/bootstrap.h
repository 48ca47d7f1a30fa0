/* Opening the disks of a cluster: what they hold decides who belongs to it. `nodes` and `learners`
 * of the options count where no disk says anything yet; then they are formatted in two rounds, so
 * that no disk says that it is made before all have their label. docs/decisions/disk-ids.md.
 *
 *   found.c      asks the disks, and compares what they say
 *   bootstrap.c  decides, formats, and hands the disks to the seats
 */
#ifndef VLOT_CLUSTER_BOOTSTRAP_H
#define VLOT_CLUSTER_BOOTSTRAP_H

#include "cluster/object.h"

/* A disk that was asked. */
typedef struct vlot__found {
  uint32_t id;          /* whose it is */
  vlot_storage storage; /* all 0: a seat has it now */
  vlot__disk *disk;     /* NULL: a user's */
  bool has_label;       /* it keeps one; else it is marked in its hard state */
  bool is_blank;
  bool is_made;
  uint64_t disk_id; /* 0 while it is blank and no id was chosen */
} vlot__found;

typedef struct vlot__bootstrap {
  vlot_cluster *cluster;
  vlot__found *found; /* [found_count] 1 … nodes first */
  size_t found_count;
  size_t found_capacity;
  uint64_t cluster_id;
  vlot_member *members; /* [member_count] the configuration; NULL: no label was found yet */
  uint32_t member_count;
  uint32_t told_by; /* whose label it is of */
} vlot__bootstrap;

/* Ask, decide, format. Then the cluster has its configuration (bootstrap, bootstrap_count,
 * cluster_id), and each member's disk is taken over with vlot__bootstrap_take(). What failed is
 * said with vlot__problem(). It ends with vlot__bootstrap_close() in any case, which releases disks
 * that nobody took. */
vlot_result vlot__bootstrap_open(vlot__bootstrap *bootstrap, vlot_cluster *cluster);
void vlot__bootstrap_take(vlot__bootstrap *bootstrap, const vlot_member *member, vlot__seat *seat);
void vlot__bootstrap_close(vlot__bootstrap *bootstrap);

/* --- found.c --- */

/* Ask disks 1 … nodes, and those of every member that one of them names. */
vlot_result vlot__found_ask_all(vlot__bootstrap *bootstrap);
/* The disk of a member; NULL: it was not asked. */
vlot__found *vlot__found_of(const vlot__bootstrap *bootstrap, uint32_t id);
/* A call on a disk gave this: say so, with the storage's words for it. Returns result. */
vlot_result vlot__found_failed(vlot__bootstrap *bootstrap, const vlot__found *found,
                               const char *what, vlot_result result);

/* The disk id that was stored there. */
static inline uint64_t vlot__stored_disk_id(bool has_label, const vlot_stored *stored) {
  return has_label ? stored->label.disk_id : stored->hard.disk_id;
}

#endif
