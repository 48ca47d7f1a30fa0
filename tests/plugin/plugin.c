/* A plug-in that vlot is linked into: it closes a cluster whose machine is stuck, and is
 * unloaded. */
#include <semaphore.h>
#include <stdlib.h>

#include "vlot/vlot.h"

int plugin_run(sem_t *is_there, sem_t *may_go_on);

static sem_t *there, *goes_on; /* the host's: they outlive this code, or would */

static void wait_for(sem_t *signal) {
  while (sem_wait(signal) != 0) continue; /* a signal has come between */
}

static void *create(void *context, uint32_t node, bool is_replaying) {
  (void)context, (void)node, (void)is_replaying;
  return malloc(1);
}

static vlot_result apply(void *state, const vlot_entry *commands, uint32_t count, uint64_t first,
                         vlot_replies *replies) {
  (void)state, (void)commands, (void)count, (void)first, (void)replies;
  sem_post(there);
  wait_for(goes_on);
  sem_post(there);
  return VLOT_OK;
}

/* The machine posts is_there when it is stuck, which is taken here, and when it has gone on. 0, or
 * the line that complains. */
int plugin_run(sem_t *is_there, sem_t *may_go_on) {
  vlot_machine machine = {
      .size = sizeof machine, .name = "stuck", .create = create, .apply = apply, .destroy = free};
  vlot_cluster_options options;
  vlot_cluster *cluster;
  vlot_client *client;
  vlot_command command = {.data = (const uint8_t *)"x", .size = 1};
  there = is_there;
  goes_on = may_go_on;
  vlot_cluster_options_init(&options);
  options.machine = &machine;
  options.nodes = 1;
  options.stop_ns = 20000000;
  if (vlot_cluster_open(&cluster, &options, NULL) != VLOT_OK) return __LINE__;
  if (vlot_await_leader(cluster, 5000, NULL) != VLOT_OK) return __LINE__;
  if (vlot_client_open(&client, cluster, NULL) != VLOT_OK) return __LINE__;
  if (vlot_client_submit(client, &command, 1, NULL) != VLOT_OK) return __LINE__;
  wait_for(there);
  vlot_client_close(client);
  return vlot_cluster_close(cluster) == VLOT_TIMEOUT ? 0 : __LINE__;
}
