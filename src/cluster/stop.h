/* Where a debugger stops, and what it has asked. */
#ifndef VLOT_CLUSTER_STOP_H
#define VLOT_CLUSTER_STOP_H

#include "cluster/object.h"

/* Is something asked that is not carried out yet? Looked at before every action, and whenever the
 * clock wakes. */
static inline bool vlot__requests_wait(vlot_cluster *cluster) {
  const vlot__requests *requests = &cluster->requests;
  return atomic_load_explicit(&requests->asked, memory_order_relaxed) !=
             atomic_load_explicit(&requests->done, memory_order_relaxed) &&
         atomic_load_explicit(&requests->obeys, memory_order_relaxed) == 0;
}

/* The end of an action: does a debugger want to stop here? */
void vlot__requests_stop(vlot_cluster *cluster);
static inline void vlot__requests_ended(vlot_cluster *cluster) {
  if (atomic_load_explicit(&cluster->requests.is_armed, memory_order_relaxed))
    vlot__requests_stop(cluster);
}

/* Time stands where a debugger wants it to: it stops here, and says anew what it wants. */
void vlot__requests_stand(vlot_cluster *cluster);

/* The tick at which a debugger wants to stop once all that is due by then is done; VLOT_NEVER. */
static inline uint64_t vlot__requests_tick(vlot_cluster *cluster) {
  const vlot__requests *requests = &cluster->requests;
  if (!atomic_load_explicit(&requests->is_armed, memory_order_relaxed)) return VLOT_NEVER;
  return atomic_load(&requests->stop_before) - 1; /* 0: it wants no such thing */
}

/* Empty: a debugger's breakpoints. A cluster is open, all its nodes are up; an action has ended, or
 * time stands, where it wants to stop. */
void vlot__stop_opened(vlot_cluster *cluster);
void vlot__stop_here(vlot_cluster *cluster, uint64_t action);

#endif
