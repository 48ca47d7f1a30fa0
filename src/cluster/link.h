/* Links: what happens to a message between two members. */
#ifndef VLOT_CLUSTER_LINK_H
#define VLOT_CLUSTER_LINK_H

#include "cluster/parcel.h"
#include "vlot/cluster.h"

/* Send a mail through the link to its receiver: parcel->sender's link, or none. The head gets id,
 * lamport and cause here; due and may_overtake are the link's to say.
 *
 * returns  VLOT_OK: the references are taken over, also when the link has lost it. VLOT_CLOSED,
 *          VLOT_BUSY, VLOT_NOMEM: nobody took it, and they are still the caller's
 */
VLOT_MUST_CHECK vlot_result vlot__route(vlot_cluster *cluster, vlot__parcel *parcel);

/* What becomes of one message: copies [0..2] with a delay each; may_overtake: it may pass earlier
 * ones. */
typedef struct vlot__fate {
  uint32_t copies;
  uint64_t delay[2];
  bool may_overtake;
  vlot_why why;           /* of no copy, or of two */
  vlot_result results[2]; /* what became of each copy: recorded, replayed */
} vlot__fate;

/* Set one link without an event, for a replay; link NULL: all are clean again. */
bool vlot__links_restore(vlot_cluster *cluster, uint32_t from, uint32_t to, const vlot_link *link);
vlot__fate vlot__links_fate(struct vlot__seat *from, uint32_t to, uint32_t message_kind);

#endif
