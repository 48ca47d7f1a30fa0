/* A violation is told once, whoever gets to it: nodes find it, the clock and control calls may both
 * be about to emit it.
 */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "fleet.h"

enum { ROUNDS = 10 };

static _Atomic uint64_t drift;

static uint64_t drifting_hash(void *state) {
  (void)state;
  return 1 + atomic_fetch_add(&drift, 1);
}

static uint32_t play(uint64_t seed) {
  vlot_cluster_options options = fleet_options(VLOT_DRIVER_THREADS, 3);
  vlot_machine machine = *vlot_kv_machine();
  vlot_subscription *events;
  vlot_event event;
  char text[256];
  uint32_t told = 0;
  machine.hash = drifting_hash;
  options.machine = &machine;
  options.seed = seed;
  options.keeps_events = 1;
  vlot_cluster *cluster = fleet_open(&options);
  if (!cluster || vlot_subscription_open(&events, cluster, 0) != VLOT_OK) exit(1);
  while (!vlot_cluster_violation(cluster, text, sizeof text)) {
    if (seed % 2)
      (void)vlot_cluster_heal(cluster);
    else
      fleet_pass(cluster, 1);
    while (vlot_subscription_next(events, &event)) told += event.kind == VLOT_EVENT_VIOLATION;
  }
  (void)vlot_cluster_heal(cluster); /* whoever tells it has done so by now */
  if (vlot_await_leader(cluster, 5000, NULL) != VLOT_OK) exit(1);
  while (vlot_subscription_next(events, &event)) told += event.kind == VLOT_EVENT_VIOLATION;
  vlot_subscription_close(events);
  if (vlot_cluster_close(cluster) != VLOT_VIOLATED) exit(1);
  return told;
}

int main(void) {
  for (uint64_t seed = 1; seed <= ROUNDS; seed++) {
    uint32_t told = play(seed);
    if (told == 1) continue;
    fprintf(stderr, "seed %d: told %u times\n", (int)seed, told);
    return 1;
  }
  return 0;
}
