/* Churn for ThreadSanitizer: actors are spawned, killed, stopped, held and watched while others
 * send to them by handle and by address, arm timers, link and call.
 *
 * Exit 0 when every monitor gave exactly one DOWN, nothing of a dead incarnation came after it, and
 * the law of conservation held.
 */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vlot/actor.h"

enum { IDS = 6, ROUNDS = 5000, CHURNERS = 2 };
enum { WORK = 1, WATCH, ECHO, SPEAK };

static vlot_actor_system *life;
static vlot_actor *watcher;
static atomic_int failures;
static atomic_bool is_over;
static atomic_ulong monitors, downs, started, finished, fences;

static void require(bool condition, const char *what) {
  if (condition) return;
  fprintf(stderr, "actor_kill: %s\n", what);
  atomic_fetch_add(&failures, 1);
}

/* The highest incarnation of each id whose DOWN the watcher has seen; its own. */
static uint32_t is_down_up_to[IDS + 1];

static void watch(vlot_actor *self, void *context, vlot_turn *turn) {
  (void)context;
  const vlot_mail *mail;
  while ((mail = vlot_turn_next(turn))) {
    if (mail->kind == WATCH) {
      vlot_address target;
      memcpy(&target, vlot_mail_payload(mail), sizeof target);
      if (vlot_actor_monitor_address(self, target, NULL) == VLOT_OK) atomic_fetch_add(&monitors, 1);
    } else if (mail->kind == VLOT_MAIL_DOWN) {
      const vlot_down *down = vlot_mail_payload(mail);
      uint32_t *last = &is_down_up_to[down->actor.id];
      if (down->actor.incarnation > *last) *last = down->actor.incarnation;
      atomic_fetch_add(&downs, 1);
    } else if (mail->kind == SPEAK) {
      require(mail->sender.incarnation > is_down_up_to[mail->sender.id], "mail of the dead");
    }
  }
}

static vlot_result start(vlot_actor *self, void *context) {
  (void)context;
  atomic_fetch_add(&started, 1);
  return vlot_timer_set(self, 1, 50000, NULL);
}

static void finish(void *context) {
  (void)context;
  atomic_fetch_add(&finished, 1);
}

static void fenced(void *context, const vlot_down *down) {
  (void)context;
  require(down->actor.id > 0, "no address");
  atomic_fetch_add(&fences, 1);
}

static void work(vlot_actor *self, void *context, vlot_turn *turn) {
  (void)context;
  const vlot_mail *mail;
  uint8_t data[VLOT_OWNER_DATA] = {1};
  while ((mail = vlot_turn_next(turn))) {
    if (mail->kind == ECHO) vlot_actor_reply(self, mail, ECHO, mail, sizeof *mail);
    if (mail->kind == VLOT_MAIL_TIMER) (void)!vlot_timer_set(self, 1, 20000, NULL);
    if (mail->kind == WORK && mail->stamp % 17 == 0) vlot_actor_exit(self, VLOT_WHY_ASKED, 3);
    if (mail->kind == WORK && mail->stamp % 5 == 0) {
      vlot_actor *peer = vlot_actor_find(life, 1 + vlot_actor_address(self).id % IDS);
      if (peer && mail->stamp % 3 == 0) (void)!vlot_actor_link(self, peer);
      if (peer) (void)!vlot_actor_monitor(self, peer, NULL);
      if (peer) vlot_actor_unlink(self, peer);
      vlot_actor_release(peer);
    }
    vlot_actor_publish(self, data);
    if (!vlot_actor_enter(self)) return;
    (void)!vlot_actor_send(self, watcher, VLOT_LANE_DATA, SPEAK, 0, NULL, 0);
    vlot_actor_leave(self);
  }
}

static vlot_actor *spawn(uint32_t id) {
  vlot_actor_options options;
  vlot_actor_options_init(&options);
  options.id = id;
  options.behaviour =
      (vlot_behaviour){.turn = work, .start = start, .finish = finish, .fenced = fenced};
  vlot_actor *actor = NULL;
  (void)!vlot_actor_spawn(life, &options, &actor);
  return actor;
}

static void end(vlot_actor *actor, uint64_t how) {
  switch (how % 4) {
  case 0: vlot_actor_kill(actor, VLOT_WHY_ASKED); break;
  case 1: vlot_actor_stop(actor, VLOT_FOREVER); break;
  case 2: vlot_actor_kill_wait(actor, VLOT_WHY_ASKED, VLOT_FOREVER); break;
  default:
    if (vlot_actor_hold(actor, VLOT_FOREVER) == VLOT_OK) vlot_actor_run(actor);
    vlot_actor_kill(actor, VLOT_WHY_FORCED);
    break;
  }
}

static void *churn(void *argument) {
  uint64_t number = (uint64_t)(uintptr_t)argument;
  for (uint64_t round = 0; round < ROUNDS; round++) {
    uint32_t id = (uint32_t)(1 + (round + number) % IDS);
    vlot_actor *actor = spawn(id);
    if (!actor) actor = vlot_actor_find(life, id);
    if (!actor) continue;
    vlot_address address = vlot_actor_address(actor);
    (void)!vlot_actor_send(NULL, watcher, VLOT_LANE_CONTROL, WATCH, 0, &address, sizeof address);
    for (uint64_t i = 0; i < 20; i++)
      (void)!vlot_actor_send(NULL, actor, VLOT_LANE_DATA, WORK, round * 20 + i, NULL, 0);
    if (round % 3 == 0) (void)!vlot_actor_call(actor, ECHO, NULL, 0, 1000000, NULL);
    end(actor, round + number);
    vlot_actor_release(actor);
  }
  return NULL;
}

static void *shout(void *argument) {
  (void)argument;
  for (uint64_t i = 0; !atomic_load(&is_over); i++) {
    vlot_address to = {.id = (uint32_t)(1 + i % IDS), .incarnation = (uint32_t)(1 + i / 37 % 100)};
    (void)!vlot_actor_send_to(life, NULL, to, VLOT_LANE_DATA, WORK, i, NULL, 0);
    if (i % 64 == 0) require(vlot_actor_system_check(life) == VLOT_OK, "not conserved");
    if (i % 16 == 0) sched_yield();
  }
  return NULL;
}

static void end_all(void) {
  for (uint32_t id = 1; id <= IDS; id++) {
    vlot_actor *actor = vlot_actor_find(life, id);
    if (actor) vlot_actor_kill_wait(actor, VLOT_WHY_ASKED, VLOT_FOREVER);
    vlot_actor_release(actor);
  }
}

int main(void) {
  vlot_actor_options options;
  vlot_actor_options_init(&options);
  options.id = 1000;
  options.behaviour.turn = watch;
  if (vlot_actor_system_open(NULL, &life) != VLOT_OK) return EXIT_FAILURE;
  if (vlot_actor_spawn(life, &options, &watcher) != VLOT_OK) return EXIT_FAILURE;
  pthread_t churners[CHURNERS], shouter;
  pthread_create(&shouter, NULL, shout, NULL);
  for (uintptr_t i = 0; i < CHURNERS; i++) pthread_create(&churners[i], NULL, churn, (void *)i);
  for (int i = 0; i < CHURNERS; i++) pthread_join(churners[i], NULL);
  atomic_store(&is_over, true);
  pthread_join(shouter, NULL);
  end_all();
  vlot_actor_status status;
  do {
    vlot_actor_get_status(watcher, &status);
    sched_yield();
  } while (status.queued > 0 || status.state != VLOT_ACTOR_PARKED);
  require(atomic_load(&downs) == atomic_load(&monitors), "one DOWN per monitor");
  vlot_actor_release(watcher);
  require(vlot_actor_system_stop(life) == VLOT_OK, "stop");
  require(atomic_load(&started) == atomic_load(&finished), "finish once per start");
  require(atomic_load(&started) == atomic_load(&fences), "fenced once per start");
  require(vlot_actor_system_check(life) == VLOT_OK, "not conserved at the end");
  vlot_actor_system_status totals;
  vlot_actor_system_get_status(life, &totals);
  require(totals.lost_wakes == 0, "a wake-up was lost");
  vlot_actor_system_close(life);
  printf("%lu lives, %lu downs, %d failures\n", atomic_load(&started), atomic_load(&downs),
         atomic_load(&failures));
  return atomic_load(&failures) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
