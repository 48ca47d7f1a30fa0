/* Watches, subscriptions with functions and the log are opened, told and closed, and why is asked,
 * while clients propose and nodes are killed, and the cluster is paused and closed under them. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "vlot/vlot.h"

enum { ROUNDS = 4, TURNS = 60, T = 60000 };

typedef struct shared_state {
  vlot_cluster *cluster;
  _Atomic bool must_stop;
  _Atomic uint64_t events, states, lines;
} shared_state;

static void check(bool condition, const char *what) {
  if (condition) return;
  fprintf(stderr, "race told: %s\n", what);
  exit(1);
}

static void told_event(void *context, const vlot_event *event) {
  shared_state *shared = context;
  if (event->sequence > 0) atomic_fetch_add(&shared->events, 1);
}
static void told_state(void *context, const vlot_watched *state) {
  shared_state *shared = context;
  if (state->changes > 0) atomic_fetch_add(&shared->states, 1);
}
static void told_line(void *context, vlot_log_level level, const char *line) {
  shared_state *shared = context;
  if (level && line[0]) atomic_fetch_add(&shared->lines, 1);
}

static void *propose(void *context) {
  shared_state *shared = context;
  vlot_client *client;
  vlot_client_options options;
  vlot_client_options_init(&options);
  options.timeout_ticks = 300;
  check(vlot_client_open(&client, shared->cluster, &options) == VLOT_OK, "no client");
  while (!atomic_load(&shared->must_stop)) (void)!vlot_client_propose(client, "x", 1, NULL);
  vlot_client_close(client);
  return NULL;
}

static void *listen_to(void *context) {
  shared_state *shared = context;
  vlot_subscription_options options;
  vlot_watch_options own;
  while (!atomic_load(&shared->must_stop)) {
    vlot_subscription *subscription;
    vlot_watch *leaders, *applied;
    vlot_watched state;
    vlot_subscription_options_init(&options);
    options.told = told_event;
    options.context = shared;
    check(vlot_subscription_open_with(&subscription, shared->cluster, &options) == VLOT_OK, "s");
    vlot_watch_options_init(&own, VLOT_WATCH_LEADER);
    own.told = told_state;
    own.context = shared;
    check(vlot_watch_open(&leaders, shared->cluster, &own) == VLOT_OK, "leaders");
    vlot_watch_options_init(&own, VLOT_WATCH_APPLIED);
    check(vlot_watch_open(&applied, shared->cluster, &own) == VLOT_OK, "applied");
    for (int k = 0; k < 20; k++) {
      (void)vlot_watch_take(applied, &state);
      (void)!vlot_await_applied(shared->cluster, 0, state.applied + 1, 2);
    }
    vlot_watch_close(applied);
    vlot_subscription_close(subscription);
    vlot_watch_close(leaders);
  }
  return NULL;
}

static void *ask(void *context) {
  shared_state *shared = context;
  vlot_past *past;
  vlot_subscription *subscription;
  vlot_event event;
  check(vlot_past_open(&past, NULL, 4096) == VLOT_OK, "past");
  check(vlot_subscription_open(&subscription, shared->cluster, 0) == VLOT_OK, "subscription");
  while (!atomic_load(&shared->must_stop)) {
    vlot_explanation *told;
    vlot_question question;
    vlot_question_init(&question);
    for (int k = 0; k < 2; k++) {
      vlot_result result = vlot_cluster_why(shared->cluster, &question, &told);
      check(result == VLOT_OK || result == VLOT_BUSY, "why");
      vlot_explanation_release(told);
      for (int n = 0; n < 1000 && vlot_subscription_next(subscription, &event); n++)
        vlot_past_add(past, &event);
      question.past = past;
    }
  }
  vlot_subscription_close(subscription);
  vlot_past_close(past);
  return NULL;
}

static void *(*const threads[])(void *context) = {propose, listen_to, listen_to, ask};
enum { THREADS = sizeof threads / sizeof *threads };

static void run(unsigned round) {
  shared_state shared = {.must_stop = false};
  vlot_cluster_options options;
  pthread_t ids[THREADS];
  vlot_cluster_options_init(&options);
  options.tick_ns = 1000000;
  options.log_line = told_line;
  options.log_context = &shared;
  options.log_level = VLOT_LOG_DETAIL;
  check(vlot_cluster_open(&shared.cluster, &options, NULL) == VLOT_OK, "open");
  for (int k = 0; k < THREADS; k++)
    check(pthread_create(&ids[k], NULL, threads[k], &shared) == 0, "thread");
  for (uint32_t k = 0; k < TURNS; k++) {
    check(vlot_await_leader(shared.cluster, T, NULL) == VLOT_OK, "nobody leads");
    if (k % 3 == 0) (void)vlot_cluster_restart(shared.cluster, k % 3 + 1, VLOT_RESTART_KEEP);
    if (k % 7 == 0 && vlot_cluster_pause(shared.cluster) == VLOT_OK) {
      (void)vlot_lockstep_step(shared.cluster, 50, NULL);
      check(vlot_cluster_unpause(shared.cluster) == VLOT_OK, "unpause");
    }
  }
  atomic_store(&shared.must_stop, true);
  for (int k = 0; k < THREADS; k++) pthread_join(ids[k], NULL);
  /* those that outlive it are told of the end, and then of nothing */
  vlot_watch *last;
  vlot_watched state;
  vlot_watch_options own;
  vlot_watch_options_init(&own, VLOT_WATCH_LEADER);
  check(vlot_watch_open(&last, shared.cluster, &own) == VLOT_OK, "last");
  check(vlot_cluster_close(shared.cluster) == VLOT_OK, "close");
  (void)vlot_watch_take(last, &state);
  check(state.leader == 0, "it leads on");
  vlot_watch_close(last);
  check(atomic_load(&shared.events) > 0 && atomic_load(&shared.states) > 0 &&
            atomic_load(&shared.lines) > 0,
        "something was not told");
  printf("race told: round %u: %llu events, %llu states, %llu lines\n", round,
         (unsigned long long)shared.events, (unsigned long long)shared.states,
         (unsigned long long)shared.lines);
}

int main(void) {
  for (unsigned round = 1; round <= ROUNDS; round++) run(round);
  return 0;
}
