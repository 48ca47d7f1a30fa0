/* Requests for ThreadSanitizer: what a debugger writes is obeyed by the clock, while other
 * threads kill, spawn, cut and pause the same cluster. Nobody waits for anybody for ever, and each
 * request gets its answer.
 *
 * Exit 0 when every request was carried out, in its order, and the cluster closes.
 */
#include <sched.h>
#include <stdio.h>

#include "cluster/object.h"

enum { NODES = 3, REQUESTS = 3000 };

static atomic_bool is_over;

static void ask(vlot_cluster *cluster, const vlot__request *request) {
  vlot__requests *requests = &cluster->requests;
  uint64_t asked = atomic_load(&requests->asked);
  while (asked - atomic_load(&requests->done) >= VLOT__REQUESTS) sched_yield();
  requests->ring[asked % VLOT__REQUESTS] = *request;
  atomic_store(&requests->asked, asked + 1);
}

static void *control(void *context) {
  vlot_cluster *cluster = context;
  for (uint32_t k = 0; !atomic_load(&is_over); k++) {
    uint32_t id = 1 + k % NODES;
    if (k % 4 == 0 && vlot_cluster_pause(cluster) == VLOT_OK) {
      (void)vlot_lockstep_step(cluster, 5, NULL);
      (void)vlot_cluster_unpause(cluster);
    }
    (void)vlot_cluster_restart(cluster, id, VLOT_RESTART_KEEP);
    (void)vlot_cluster_heal(cluster);
    (void)vlot_cluster_suspend(cluster, id);
    (void)vlot_cluster_resume(cluster, id);
  }
  return NULL;
}

int main(void) {
  static const vlot_request_kind kinds[] = {
      VLOT_REQUEST_KILL,    VLOT_REQUEST_SPAWN,   VLOT_REQUEST_PARTITION, VLOT_REQUEST_HEAL,
      VLOT_REQUEST_SUSPEND, VLOT_REQUEST_RESUME,  VLOT_REQUEST_RESTART,   VLOT_REQUEST_ELECT,
      VLOT_REQUEST_DROP,    VLOT_REQUEST_STEPDOWN};
  vlot_cluster_options options;
  vlot_cluster *cluster;
  pthread_t other;
  vlot_cluster_options_init(&options);
  options.tick_ns = 1000000;
  if (vlot_cluster_open(&cluster, &options, NULL) != VLOT_OK ||
      pthread_create(&other, NULL, control, cluster) != 0)
    return 1;
  for (uint32_t k = 0; k < REQUESTS; k++)
    ask(cluster, &(vlot__request){.kind = kinds[k % (sizeof kinds / sizeof *kinds)],
                                  .node = 1 + k % NODES,
                                  .id = k,
                                  .id_count = 1,
                                  .ids = {1}});
  while (atomic_load(&cluster->requests.done) < REQUESTS) sched_yield();
  atomic_store(&is_over, true);
  pthread_join(other, NULL);
  vlot_result closed = vlot_cluster_close(cluster);
  if (closed != VLOT_OK) fprintf(stderr, "requests: closing: %s\n", vlot_result_name(closed));
  return closed != VLOT_OK;
}
