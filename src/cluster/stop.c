#include "cluster/stop.h"

#define KEPT __attribute__((noinline, used))

KEPT void vlot__stop_opened(vlot_cluster *cluster) {
  __asm__ volatile("" ::"g"(cluster) : "memory");
}

KEPT void vlot__stop_here(vlot_cluster *cluster, uint64_t action) {
  __asm__ volatile("" ::"g"(cluster), "g"(action) : "memory");
}

void vlot__requests_stop(vlot_cluster *cluster) {
  vlot__requests *requests = &cluster->requests;
  uint64_t action = cluster->action, steps = atomic_load(&requests->steps),
           at = atomic_load(&requests->stop_action);
  /* a request's action ends when its answer is there */
  if (atomic_load(&requests->obeys) != 0) return;
  bool is_reached = at != 0 && action >= at;
  if (steps != 0) {
    atomic_store(&requests->steps, steps - 1);
    if (steps == 1) is_reached = true;
  }
  if (is_reached) vlot__stop_here(cluster, action);
}

void vlot__requests_stand(vlot_cluster *cluster) {
  atomic_store(&cluster->requests.stop_before, 0);
  vlot__stop_here(cluster, cluster->action);
}
