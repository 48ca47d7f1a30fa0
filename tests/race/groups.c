/* Groups on one host that come and go: two threads open, drive, pause and close them while a third
 * group runs all the time; every now and then all of theirs are closed, so that the clock's thread
 * ends and starts again under them where the third has ended too. Then many at once.
 *
 * groups [rounds]
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "fleet.h"

enum { AT_ONCE = 8 };

typedef struct side {
  pthread_t thread;
  vlot_host *host;
  uint32_t number;
  uint32_t rounds;
  const char *complaint;
} side;

static const char *use(vlot_cluster *cluster, uint32_t round) {
  vlot_client *client = fleet_client(cluster, 0, 2000);
  if (!client) return "no client";
  const char *complaint = NULL;
  vlot_link slow = {.delay_ticks_max = 2};
  if (vlot_await_leader(cluster, 5000, NULL) != VLOT_OK) complaint = "no leader";
  if (!complaint && fleet_add(client, "n", 1) != VLOT_OK) complaint = "not committed";
  if (round % 3 == 0) (void)vlot_cluster_set_link(cluster, 0, 1, &slow);
  if (!complaint && round % 2 == 0) {
    if (vlot_cluster_pause(cluster) != VLOT_OK) complaint = "not paused";
    (void)vlot_lockstep_step(cluster, 10, NULL);
    if (round % 4 == 0 && vlot_cluster_unpause(cluster) != VLOT_OK) complaint = "not resumed";
  }
  vlot_client_close(client);
  return complaint;
}

static const char *play(const side *self, uint32_t round) {
  vlot_cluster_options options = fleet_options(VLOT_DRIVER_THREADS, 1 + round % 3);
  vlot_cluster *groups[2];
  options.seed = round * 2 + self->number;
  options.has_checker = 0;
  if (vlot_groups_open(groups, 2, self->host, &options, NULL) != VLOT_OK) return "not opened";
  const char *complaint = use(groups[round % 2], round);
  for (int k = 0; k < 2; k++)
    if (vlot_cluster_close(groups[k]) != VLOT_OK) complaint = "not closed";
  return complaint;
}

static void *run(void *context) {
  side *self = context;
  for (uint32_t round = 0; round < self->rounds && !self->complaint; round++)
    self->complaint = play(self, round);
  return NULL;
}

static const char *run_sides(vlot_host *host, uint32_t rounds) {
  side sides[2] = {{.host = host, .number = 0, .rounds = rounds},
                   {.host = host, .number = 1, .rounds = rounds}};
  for (int k = 0; k < 2; k++) pthread_create(&sides[k].thread, NULL, run, &sides[k]);
  for (int k = 0; k < 2; k++) pthread_join(sides[k].thread, NULL);
  return sides[0].complaint ? sides[0].complaint : sides[1].complaint;
}

/* The third runs beside them in the first half. */
static const char *run_all(vlot_host *host, uint32_t rounds) {
  vlot_cluster_options options = fleet_options(VLOT_DRIVER_THREADS, 3);
  vlot_cluster *third;
  options.host = host;
  if (vlot_cluster_open(&third, &options, NULL) != VLOT_OK) return "no third group";
  uint64_t now = vlot_cluster_now(third);
  const char *complaint = run_sides(host, rounds / 2);
  if (vlot_await_leader(third, 5000, NULL) != VLOT_OK) complaint = "the third has no leader";
  if (vlot_cluster_now(third) == now) complaint = "the third's clock stood still";
  if (vlot_host_close(host) != VLOT_BUSY) complaint = "closed with a group on it";
  if (vlot_cluster_close(third) != VLOT_OK) complaint = "the third is not closed";
  return complaint ? complaint : run_sides(host, rounds - rounds / 2);
}

static const char *run_many(void) {
  vlot_cluster_options options = fleet_options(VLOT_DRIVER_THREADS, 3);
  vlot_cluster *groups[AT_ONCE];
  const char *complaint = NULL;
  if (vlot_groups_open(groups, AT_ONCE, NULL, &options, NULL) != VLOT_OK) return "not many";
  for (int k = 0; k < AT_ONCE; k++)
    if (vlot_await_leader(groups[k], 5000, NULL) != VLOT_OK) complaint = "one has no leader";
  for (int k = 0; k < AT_ONCE; k++)
    if (vlot_cluster_close(groups[(k + 3) % AT_ONCE]) != VLOT_OK) complaint = "one is not closed";
  return complaint;
}

int main(int argc, char **argv) {
  uint32_t rounds = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : 24;
  vlot_host_options options;
  vlot_host *host;
  vlot_host_options_init(&options);
  options.tick_ns = fleet_options(VLOT_DRIVER_THREADS, 1).tick_ns;
  if (vlot_host_open(&host, &options, NULL) != VLOT_OK) return 1;
  const char *complaint = run_all(host, rounds);
  if (!complaint) complaint = run_many();
  if (vlot_host_close(host) != VLOT_OK) complaint = "the host is not closed";
  puts(complaint ? complaint : "ok");
  return complaint != NULL;
}
