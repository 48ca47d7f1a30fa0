/* Whole systems opened and closed under fire, for ThreadSanitizer: a supervisor whose children
 * crash, actors that are stuck when the stop comes and return later, two threads that stop at once,
 * callers that wait meanwhile.
 *
 * Exit 0 when nothing is left of any system and every context was finished exactly once.
 */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "vlot/actor_supervisor.h"

enum { ROUNDS = 150, CHILDREN = 3 };

static vlot_actor_system *life;
static atomic_int failures;
static atomic_ulong started, finished;
static atomic_bool is_released;

static void require(bool condition, const char *what) {
  if (condition) return;
  fprintf(stderr, "actor_stop: %s\n", what);
  atomic_fetch_add(&failures, 1);
}

static vlot_result start(vlot_actor *self, void *context) {
  (void)self;
  (void)context;
  atomic_fetch_add(&started, 1);
  return VLOT_OK;
}

static void finish(void *context) {
  (void)context;
  atomic_fetch_add(&finished, 1);
}

static void crash(vlot_actor *self, void *context, vlot_turn *turn) {
  (void)context;
  const vlot_mail *mail;
  while ((mail = vlot_turn_next(turn))) {
    if (mail->stamp % 3 == 0) vlot_actor_exit(self, VLOT_WHY_ASKED, 1);
    vlot_actor_reply(self, mail, 1, NULL, 0);
  }
}

static void stick(vlot_actor *self, void *context, vlot_turn *turn) {
  (void)self;
  (void)context;
  while (vlot_turn_next(turn))
    while (!atomic_load(&is_released)) sched_yield();
}

static vlot_actor_options make_options(uint32_t id,
                                       void (*turn)(vlot_actor *, void *, vlot_turn *)) {
  vlot_actor_options options;
  vlot_actor_options_init(&options);
  options.id = id;
  options.behaviour = (vlot_behaviour){.turn = turn, .start = start, .finish = finish};
  return options;
}

static void spawn_supervisor(void) {
  vlot_child children[CHILDREN] = {0};
  for (uint32_t i = 0; i < CHILDREN; i++) children[i].actor = make_options(i + 1, crash);
  vlot_supervisor_options options;
  vlot_supervisor_options_init(&options);
  options.children = children;
  options.child_count = CHILDREN;
  options.restarts_max = 4;
  options.backoff_ns_min = options.backoff_ns_max = 1000;
  require(vlot_supervisor_spawn(life, &options, NULL) == VLOT_OK, "no supervisor");
}

static vlot_actor *spawn_stuck(uint32_t id) {
  vlot_actor_options options = make_options(id, stick);
  vlot_actor *actor = NULL;
  require(vlot_actor_spawn(life, &options, &actor) == VLOT_OK, "no stuck actor");
  if (actor) (void)!vlot_actor_send(NULL, actor, VLOT_LANE_DATA, 1, 0, NULL, 0);
  return actor;
}

static void *trouble(void *argument) {
  uint64_t number = (uint64_t)(uintptr_t)argument;
  for (uint64_t i = 0; i < 60; i++) {
    vlot_actor *child = vlot_actor_find(life, (uint32_t)(1 + (i + number) % CHILDREN));
    if (!child) continue;
    (void)!vlot_actor_send(NULL, child, VLOT_LANE_DATA, 1, i, NULL, 0);
    if (i % 7 == 0) (void)!vlot_actor_call(child, 1, NULL, 0, 2000000, NULL);
    if (i % 11 == 0) vlot_actor_kill(child, VLOT_WHY_ASKED);
    vlot_actor_release(child);
  }
  return NULL;
}

static void *stop(void *argument) {
  (void)argument;
  vlot_result result = vlot_actor_system_stop(life);
  require(result == VLOT_OK || result == VLOT_TIMEOUT, "stop");
  return NULL;
}

static void run_round(uint64_t round) {
  bool has_stuck = round % 3 == 0;
  vlot_actor_system_options options;
  vlot_actor_system_options_init(&options);
  if (has_stuck) options.stop_ns = 100000;
  atomic_store(&is_released, false);
  if (vlot_actor_system_open(&options, &life) != VLOT_OK) {
    require(false, "open");
    return;
  }
  vlot_actor *stuck = has_stuck ? spawn_stuck(50) : NULL;
  spawn_supervisor();
  pthread_t threads[4];
  for (int i = 0; i < 2; i++)
    pthread_create(&threads[i], NULL, trouble, (void *)(uintptr_t)((uint64_t)i + round));
  if (round % 2 == 0)
    for (int i = 0; i < 2; i++) pthread_join(threads[i], NULL);
  for (int i = 2; i < 4; i++) pthread_create(&threads[i], NULL, stop, NULL);
  for (int i = round % 2 == 0 ? 2 : 0; i < 4; i++) pthread_join(threads[i], NULL);
  atomic_store(&is_released, true);
  if (stuck) vlot_actor_kill_wait(stuck, VLOT_WHY_ASKED, VLOT_FOREVER);
  vlot_actor_release(stuck);
  require(vlot_actor_system_check(life) == VLOT_OK, "not conserved");
  vlot_actor_system_close(life);
}

int main(void) {
  for (uint64_t round = 0; round < ROUNDS; round++) run_round(round);
  while (atomic_load(&started) != atomic_load(&finished) && atomic_load(&failures) == 0)
    sched_yield(); /* threads that were quarantined go by themselves */
  printf("%lu lives, %d failures\n", atomic_load(&started), atomic_load(&failures));
  return atomic_load(&failures) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
