/* What edits make of a configuration. */
#ifndef VLOT_RAFT_EDITS_H
#define VLOT_RAFT_EDITS_H

#include "raft/config.h"

/* Members in the making: those of the configuration in force, and what is wished of them. */
typedef struct vlot__edited {
  vlot_member *members; /* [count], with room for as many more as there are edits */
  uint32_t count;
  uint32_t accepted; /* edits in order */
  vlot_why why;      /* of the next one, where it is refused */
  bool has_new_voters, has_new_disks;
} vlot__edited;

/* Take edits: members get wishes, and new disks at once. configs: what is known of earlier
 * disks. */
vlot_result vlot__edits_take(vlot__edited *edited, const vlot__configs *configs,
                             const vlot_edit *edits, uint32_t count);

/* What becomes of a member, whose wish is over: as it wished, or as it was. False: it goes. */
bool vlot__edits_fulfil(vlot_member *member);
bool vlot__edits_renounce(vlot_member *member);

/* All of them: out [count]; returns how many stay. */
uint32_t vlot__edits_resolve(const vlot_member *members, uint32_t count,
                             bool (*resolve)(vlot_member *member), vlot_member *out);

/* How many voters, each by its disk, stand in one and not in the other: quorums of configurations
 * that differ by at most one have a member in common (thesis 4.1). */
uint32_t vlot__edits_distance(const vlot_member *one, uint32_t one_count, const vlot_member *other,
                              uint32_t other_count);

#endif
