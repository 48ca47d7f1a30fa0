/* Lints of a cluster: its settings when it opens, and a look at what runs every now and then. */
#ifndef VLOT_CLUSTER_LINTS_H
#define VLOT_CLUSTER_LINTS_H

#include "cluster/object.h"
#include "cluster/seats.h"

void vlot__lint_open(vlot_cluster *cluster); /* before there are nodes */

static inline bool vlot__lint_is_due(vlot_cluster *cluster) {
  uint64_t next = atomic_load_explicit(&cluster->next_look, memory_order_relaxed);
  return next != 0 && vlot__now(cluster) >= next;
}
/* With threads: look at the clock's next tick, which its driver is told of. 0 would be never. */
static inline void vlot__lint_hurry(vlot_cluster *cluster) {
  uint64_t now = vlot__now(cluster);
  if (!cluster->options.has_lints) return;
  atomic_store_explicit(&cluster->next_look, now > 0 ? now : 1, memory_order_relaxed);
}
/* The caller has control, or steps the cluster. */
void vlot__lint_look(vlot_cluster *cluster);

#endif
