/* A plug-in that vlot is linked into: it closes a cluster whose machine is stuck, and is
 * unloaded. */
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include "vlot/vlot.h"

int plugin_run(atomic_int *is_stuck, atomic_int *may_go_on);

static atomic_int *stuck, *goes_on; /* the host's: it outlives this code, or would */

static void *create(void *context, uint32_t node, bool is_replaying) {
  (void)context, (void)node, (void)is_replaying;
  return malloc(1);
}

static vlot_result apply(void *state, const vlot_entry *commands, uint32_t count, uint64_t first,
                         vlot_replies *replies) {
  (void)state, (void)commands, (void)count, (void)first, (void)replies;
  atomic_store(stuck, 1);
  while (!atomic_load(goes_on)) nanosleep(&(struct timespec){.tv_nsec = 100000}, NULL);
  return VLOT_OK;
}

/* 0, or the line that complains. */
int plugin_run(atomic_int *is_stuck, atomic_int *may_go_on) {
  vlot_machine machine = {
      .size = sizeof machine, .name = "stuck", .create = create, .apply = apply, .destroy = free};
  vlot_cluster_options options;
  vlot_cluster *cluster;
  vlot_client *client;
  vlot_command command = {.data = (const uint8_t *)"x", .size = 1};
  stuck = is_stuck;
  goes_on = may_go_on;
  vlot_cluster_options_init(&options);
  options.machine = &machine;
  options.nodes = 1;
  options.stop_ns = 20000000;
  if (vlot_cluster_open(&cluster, &options, NULL) != VLOT_OK) return __LINE__;
  if (vlot_await_leader(cluster, 5000, NULL) != VLOT_OK) return __LINE__;
  if (vlot_client_open(&client, cluster, NULL) != VLOT_OK) return __LINE__;
  if (vlot_client_submit(client, &command, 1, NULL) != VLOT_OK) return __LINE__;
  while (!atomic_load(stuck)) nanosleep(&(struct timespec){.tv_nsec = 100000}, NULL);
  vlot_client_close(client);
  return vlot_cluster_close(cluster) == VLOT_TIMEOUT ? 0 : __LINE__;
}
