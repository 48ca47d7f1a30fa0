#include <criterion/criterion.h>
#include <string.h>

#include "vlot/cluster.h"

static void begins_with_the_cluster(vlot_driver driver) {
  vlot_cluster_options options;
  vlot_cluster *cluster;
  vlot_subscription *first, *second;
  vlot_event event;
  uint64_t next[4] = {1, 1, 1, 1};
  uint32_t starts = 0;
  vlot_cluster_options_init(&options);
  options.driver = driver;
  options.keeps_events = 1;
  cr_assert_eq(vlot_cluster_open(&cluster, &options, NULL), VLOT_OK);
  cr_assert_eq(vlot_await_leader(cluster, 10000, NULL), VLOT_OK);
  cr_assert_eq(vlot_subscription_open(&first, cluster, 0), VLOT_OK);
  cr_assert_eq(vlot_subscription_open(&second, cluster, 0), VLOT_OK);
  while (vlot_subscription_next(first, &event)) {
    cr_assert_leq(event.node, 3);
    cr_assert_eq(event.sequence, next[event.node]++, "node %u", event.node);
    starts += event.kind == VLOT_EVENT_START;
  }
  cr_expect_eq(starts, 3);
  if (driver == VLOT_DRIVER_LOCKSTEP)
    cr_expect_not(vlot_subscription_next(second, &event), "it begins now");
  vlot_subscription_close(first);
  vlot_subscription_close(second);
  cr_assert_eq(vlot_cluster_close(cluster), VLOT_OK);
  /* nobody subscribes: what was kept goes with the cluster */
  cr_assert_eq(vlot_cluster_open(&cluster, &options, NULL), VLOT_OK);
  cr_assert_eq(vlot_cluster_close(cluster), VLOT_OK);
}

Test(subscription, the_first_one_begins_with_the_cluster_where_events_are_kept) {
  begins_with_the_cluster(VLOT_DRIVER_LOCKSTEP);
  begins_with_the_cluster(VLOT_DRIVER_THREADS);
}

static void begins_with_a_configuration(vlot_driver driver) {
  vlot_cluster_options options;
  vlot_cluster *cluster;
  vlot_subscription *subscription;
  vlot_node_status status;
  vlot_event event;
  vlot_cluster_options_init(&options);
  options.driver = driver;
  options.keeps_events = 1;
  options.learners = 1;
  cr_assert_eq(vlot_cluster_open(&cluster, &options, NULL), VLOT_OK);
  cr_assert_eq(vlot_subscription_open(&subscription, cluster, 0), VLOT_OK);
  for (uint32_t k = 0; k < 3; k++) {
    cr_assert(vlot_subscription_next(subscription, &event));
    cr_assert_eq(event.kind, VLOT_EVENT_CONFIG);
    cr_assert_eq(vlot_cluster_get_status(cluster, k + 1, &status), VLOT_OK);
    cr_expect_eq(event.node, 0);
    cr_expect_eq(event.peer, k + 1);
    cr_expect_eq(event.as.config.index, 0);
    cr_expect_eq(event.as.config.place, k);
    cr_expect_eq(event.as.config.count, 3);
    cr_expect_eq(event.as.config.disk_id, status.disk_id);
    cr_expect_eq(event.as.config.roles, k < 2 ? VLOT_CONFIG_VOTER : VLOT_CONFIG_LEARNER);
  }
  vlot_subscription_close(subscription);
  cr_assert_eq(vlot_cluster_close(cluster), VLOT_OK);
}

Test(subscription, the_configuration_is_told_before_anything_else) {
  begins_with_a_configuration(VLOT_DRIVER_LOCKSTEP);
  begins_with_a_configuration(VLOT_DRIVER_THREADS);
}

Test(subscription, options_out_of_range_are_named) {
  vlot_cluster_options options;
  vlot_cluster *cluster;
  const char *problem = NULL;
  vlot_cluster_options_init(&options);
  options.spin_ns = 10000001;
  cr_expect_eq(vlot_cluster_open(&cluster, &options, &problem), VLOT_INVALID);
  cr_expect(problem && strstr(problem, "spin_ns"));
  vlot_cluster_options_init(&options);
  options.place = VLOT_PLACE_CORE;
  options.core = 9999;
  cr_expect_eq(vlot_cluster_open(&cluster, &options, &problem), VLOT_INVALID);
  cr_expect(problem && strstr(problem, "core"));
}
