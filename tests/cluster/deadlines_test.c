/* Deadlines of clients on the cluster clock, with real threads. */
#include <criterion/criterion.h>

#include "vlot/cluster.h"

static vlot_cluster *open_fast(void) {
  vlot_cluster_options options;
  vlot_cluster *cluster;
  vlot_cluster_options_init(&options);
  options.tick_ns = 100000; /* the least: a woken client is slower than a tick */
  cr_assert_eq(vlot_cluster_open(&cluster, &options, NULL), VLOT_OK);
  return cluster;
}

/* The clock once took a deadline that had passed for one an hour away, and the cluster's time
 * stood still. */
Test(deadlines, time_goes_on_while_a_client_has_not_come_round_to_its_deadline) {
  vlot_cluster *cluster = open_fast();
  vlot_client_options options;
  vlot_client *client;
  vlot_client_options_init(&options);
  options.contact = 1;
  options.timeout_ticks = 2;
  cr_assert_eq(vlot_client_open(&client, cluster, &options), VLOT_OK);
  cr_assert_eq(vlot_cluster_suspend(cluster, 1), VLOT_OK);
  for (int k = 0; k < 300; k++) {
    vlot_command command = {.data = (const uint8_t *)"x", .size = 1};
    vlot_answer answer;
    cr_assert_eq(vlot_client_submit(client, &command, 1, NULL), VLOT_OK);
    cr_assert_eq(vlot_client_wait(client, &answer, 1), 1);
    cr_assert_eq(answer.result, VLOT_UNKNOWN);
    cr_assert_eq(answer.why, VLOT_WHY_DEADLINE);
  }
  cr_assert_geq(vlot_cluster_now(cluster), 600);
  vlot_client_close(client);
  cr_assert_eq(vlot_cluster_close(cluster), VLOT_OK);
}
