/* Requests as a debugger makes them: it writes memory, and whoever drives the cluster obeys. */
#include <criterion/criterion.h>
#include <string.h>

#include "cluster/await.h"
#include "cluster/object.h"

static vlot_cluster *open_cluster(vlot_driver driver) {
  vlot_cluster_options options;
  vlot_cluster *cluster = NULL;
  vlot_cluster_options_init(&options);
  options.driver = driver;
  options.seed = 7;
  options.tick_ns = 1000000;
  cr_assert_eq(vlot_cluster_open(&cluster, &options, NULL), VLOT_OK);
  return cluster;
}

static uint64_t ask(vlot_cluster *cluster, vlot__request request) {
  vlot__requests *requests = &cluster->requests;
  uint64_t asked = atomic_load(&requests->asked);
  requests->ring[asked % VLOT__REQUESTS] = request;
  atomic_store(&requests->asked, asked + 1);
  return asked + 1;
}

static const vlot__request *request_at(const vlot_cluster *cluster, uint64_t number) {
  return &cluster->requests.ring[(number - 1) % VLOT__REQUESTS];
}

static vlot_event newest_event(vlot_cluster *cluster) {
  vlot_event events[16];
  size_t count = vlot_cluster_events(cluster, 0, events, 16);
  cr_assert_gt(count, 0);
  return events[count - 1];
}

Test(request, in_lockstep_each_is_the_next_action_and_an_event) {
  vlot_cluster *cluster = open_cluster(VLOT_DRIVER_LOCKSTEP);
  uint64_t done;
  /* a campaign begins: mail is under way */
  cr_assert_eq(vlot_lockstep_step(cluster, 1, NULL), VLOT_OK);
  vlot_pending pending[16];
  size_t count = vlot_lockstep_pending(cluster, pending, 16);
  uint64_t message = 0;
  for (size_t k = 0; k < count; k++)
    if (pending[k].kind == VLOT_PENDING_MESSAGE) message = pending[k].id;
  cr_assert_neq(message, 0);

  uint64_t action = cluster->action;
  ask(cluster, (vlot__request){.kind = VLOT_REQUEST_DROP, .id = message});
  ask(cluster, (vlot__request){.kind = VLOT_REQUEST_KILL, .node = 3});
  uint64_t third = ask(cluster, (vlot__request){.kind = VLOT_REQUEST_SPAWN, .node = 9});
  cr_assert_eq(vlot_lockstep_step(cluster, 1, &done), VLOT_OK);
  cr_assert_eq(done, 1);
  cr_assert_eq(cluster->action, action + 1);
  cr_assert_eq(atomic_load(&cluster->requests.done), 1);
  cr_assert_eq(request_at(cluster, 1)->result, VLOT_OK);
  vlot_event event = newest_event(cluster);
  cr_assert_eq(event.kind, VLOT_EVENT_REQUEST);
  cr_assert_eq(event.as.change.from, VLOT_REQUEST_DROP);
  cr_assert_eq(event.message, message);
  cr_assert_eq(event.why, VLOT_WHY_ASKED);
  cr_assert_eq(event.action, action + 1);

  while (atomic_load(&cluster->requests.done) < third)
    cr_assert_eq(vlot_lockstep_step(cluster, 1, NULL), VLOT_OK);
  vlot_node_status status;
  cr_assert_eq(vlot_cluster_get_status(cluster, 3, &status), VLOT_OK);
  cr_assert_eq(status.state, VLOT_NODE_DOWN);
  cr_assert_eq(request_at(cluster, third)->result, VLOT_NOT_FOUND);
  char text[256];
  event = newest_event(cluster);
  vlot_event_text(&event, text, sizeof text);
  cr_assert_str_eq(text, "A debugger asks: spawn n9, and gets: no such thing");
  vlot_event_json(&event, text, sizeof text);
  cr_assert_not_null(strstr(text, "\"request\":\"spawn\""), "%s", text);
  cr_assert_not_null(strstr(text, "\"result\":\"NOT_FOUND\""), "%s", text);
  cr_assert_eq(vlot_cluster_close(cluster), VLOT_OK);
}

Test(request, every_kind_is_carried_out_in_lockstep) {
  static const vlot_request_kind kinds[] = {
      VLOT_REQUEST_TIMEOUT, VLOT_REQUEST_CAMPAIGN,  VLOT_REQUEST_ELECT,   VLOT_REQUEST_STEPDOWN,
      VLOT_REQUEST_SUSPEND, VLOT_REQUEST_RESUME,    VLOT_REQUEST_RESTART, VLOT_REQUEST_KILL,
      VLOT_REQUEST_SPAWN,   VLOT_REQUEST_PARTITION, VLOT_REQUEST_HEAL};
  vlot_cluster *cluster = open_cluster(VLOT_DRIVER_LOCKSTEP);
  for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
    uint64_t number =
        ask(cluster, (vlot__request){.kind = kinds[k], .node = 1, .id_count = 1, .ids = {1}});
    cr_assert_eq(vlot_lockstep_step(cluster, 1, NULL), VLOT_OK);
    cr_assert_eq(atomic_load(&cluster->requests.done), number);
    cr_assert_eq(request_at(cluster, number)->result, VLOT_OK, "kind %u: %s", kinds[k],
                 vlot_result_name((vlot_result)request_at(cluster, number)->result));
  }
  static const vlot_request_kind of_mail[] = {VLOT_REQUEST_HOLD, VLOT_REQUEST_RELEASE,
                                              VLOT_REQUEST_DELAY, VLOT_REQUEST_DUPLICATE,
                                              VLOT_REQUEST_FIRE};
  ask(cluster, (vlot__request){.kind = VLOT_REQUEST_TIMEOUT, .node = 2});
  cr_assert_eq(vlot_lockstep_step(cluster, 1, NULL), VLOT_OK);
  vlot_pending pending[16];
  size_t count = vlot_lockstep_pending(cluster, pending, 16);
  uint64_t message = 0;
  for (size_t k = 0; k < count && message == 0; k++)
    if (pending[k].kind == VLOT_PENDING_MESSAGE && pending[k].message_kind) message = pending[k].id;
  cr_assert_neq(message, 0);
  for (size_t k = 0; k < sizeof of_mail / sizeof *of_mail; k++) {
    uint64_t number = ask(cluster, (vlot__request){.kind = of_mail[k], .id = message, .value = 1});
    cr_assert_eq(vlot_lockstep_step(cluster, 1, NULL), VLOT_OK);
    cr_assert_eq(request_at(cluster, number)->result, VLOT_OK, "kind %u", of_mail[k]);
  }
  uint64_t number = ask(cluster, (vlot__request){.kind = 99});
  cr_assert_eq(vlot_lockstep_step(cluster, 1, NULL), VLOT_OK);
  cr_assert_eq(request_at(cluster, number)->result, VLOT_INVALID);
  cr_assert_eq(vlot_cluster_close(cluster), VLOT_OK);
}

static bool is_done(vlot_cluster *cluster, void *number) {
  return atomic_load(&cluster->requests.done) >= *(uint64_t *)number;
}

Test(request, with_threads_the_clock_obeys, .timeout = 60) {
  vlot_cluster *cluster = open_cluster(VLOT_DRIVER_THREADS);
  uint64_t number = 0;
  for (uint32_t id = 1; id <= 3; id++)
    number = ask(cluster, (vlot__request){.kind = VLOT_REQUEST_KILL, .node = id, .value = 1});
  cr_assert_eq(vlot__await(cluster, is_done, &number, 30000), VLOT_OK);
  vlot_node_status status;
  for (uint32_t id = 1; id <= 3; id++) {
    cr_assert_eq(request_at(cluster, id)->result, VLOT_OK);
    cr_assert_eq(vlot_cluster_get_status(cluster, id, &status), VLOT_OK);
    cr_assert_eq(status.state, VLOT_NODE_DOWN);
  }
  /* nothing is due any more, and still it comes by */
  ask(cluster, (vlot__request){.kind = VLOT_REQUEST_DROP, .id = 99});
  for (uint32_t id = 1; id <= 3; id++)
    number = ask(cluster, (vlot__request){.kind = VLOT_REQUEST_SPAWN, .node = id});
  /* the test's timeout is the deadline */
  while (atomic_load(&cluster->requests.done) < number) continue;
  cr_assert_eq(request_at(cluster, 4)->result, VLOT_UNSUPPORTED);
  for (uint32_t id = 1; id <= 3; id++) {
    cr_assert_eq(vlot_cluster_get_status(cluster, id, &status), VLOT_OK);
    cr_assert_eq(status.state, VLOT_NODE_UP);
  }
  cr_assert_eq(vlot_await_leader(cluster, 30000, NULL), VLOT_OK);
  cr_assert_eq(vlot_cluster_close(cluster), VLOT_OK);
}

Test(request, it_never_keeps_a_pause_or_the_closing_waiting, .timeout = 60) {
  for (uint32_t round = 0; round < 20; round++) {
    vlot_cluster *cluster = open_cluster(VLOT_DRIVER_THREADS);
    ask(cluster, (vlot__request){.kind = VLOT_REQUEST_RESTART, .node = 1 + round % 3});
    if (round % 2) {
      cr_assert_eq(vlot_cluster_pause(cluster), VLOT_OK);
      cr_assert_eq(vlot_lockstep_step(cluster, 3, NULL), VLOT_OK);
      cr_assert_eq(atomic_load(&cluster->requests.done), 1);
      cr_assert_eq(vlot_cluster_unpause(cluster), VLOT_OK);
    }
    ask(cluster, (vlot__request){.kind = VLOT_REQUEST_KILL, .node = 2});
    cr_assert_eq(vlot_cluster_close(cluster), VLOT_OK);
  }
}
