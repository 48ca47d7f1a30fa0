/* Four clients load a threads cluster whose checker is on: it looks at every member's log in any
 * node's turn, while members are killed and started again.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "vlot/cluster.h"

enum { CLIENTS = 4, ROUNDS = 300, RUN = 16, BYTES = 900 };

static void check(bool condition, const char *what) {
  if (condition) return;
  fprintf(stderr, "race checker: %s\n", what);
  exit(1);
}

static void *load(void *argument) {
  static const uint8_t payload[BYTES];
  vlot_cluster *cluster = argument;
  vlot_client *client;
  vlot_command commands[RUN];
  vlot_answer answers[RUN];
  size_t committed = 0;
  check(vlot_client_open(&client, cluster, NULL) == VLOT_OK, "a client cannot be opened");
  for (int k = 0; k < RUN; k++) commands[k] = (vlot_command){.data = payload, .size = BYTES};
  for (int round = 0; round < ROUNDS; round++) {
    /* what is refused between two leaders is refused at once: wait for the next one, or the rounds
     * are over before it leads */
    check(vlot_await_leader(cluster, 10000, NULL) == VLOT_OK, "there is no leader to talk to");
    if (vlot_client_submit(client, commands, RUN, NULL) != VLOT_OK) continue;
    size_t count = vlot_client_wait(client, answers, RUN);
    for (size_t k = 0; k < count; k++) committed += answers[k].result == VLOT_OK;
  }
  check(committed > 0, "nothing was committed");
  vlot_client_close(client);
  return NULL;
}

int main(void) {
  vlot_cluster_options options;
  vlot_cluster *cluster;
  pthread_t threads[CLIENTS];
  char text[256];
  vlot_cluster_options_init(&options);
  options.has_checker = 1;
  check(vlot_cluster_open(&cluster, &options, NULL) == VLOT_OK, "the cluster cannot be opened");
  check(vlot_await_leader(cluster, 10000, NULL) == VLOT_OK, "there is no leader");
  for (int k = 0; k < CLIENTS; k++)
    check(pthread_create(&threads[k], NULL, load, cluster) == 0, "no thread");
  for (uint32_t id = 1; id <= 3; id++) {
    check(vlot_cluster_restart(cluster, id, VLOT_RESTART_LOSE) == VLOT_OK,
          "a member cannot be restarted");
    check(vlot_await_leader(cluster, 10000, NULL) == VLOT_OK, "there is no leader after a restart");
  }
  for (int k = 0; k < CLIENTS; k++) pthread_join(threads[k], NULL);
  if (vlot_cluster_violation(cluster, text, sizeof text)) fprintf(stderr, "%s\n", text);
  check(vlot_cluster_close(cluster) == VLOT_OK, "the cluster does not close well");
  puts("the checker has looked at logs that grew meanwhile, and found nothing");
  return 0;
}
