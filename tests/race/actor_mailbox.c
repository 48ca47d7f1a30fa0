/* Many producers, one consumer, bounds that are reached, while others look, hold, suspend and
 * check: for ThreadSanitizer.
 *
 * Exit 0 when each sender's mail arrived in order and complete and the law of conservation held all
 * the time.
 */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "vlot/actor.h"

enum { PRODUCERS = 3, EACH = 60000, TICK = 9 };

static vlot_actor_system *life;
static vlot_actor *consumer;
static atomic_int failures;
static atomic_bool is_over;
static atomic_ulong seen;

static void require(bool condition, const char *what) {
  if (condition) return;
  fprintf(stderr, "actor_mailbox: %s\n", what);
  atomic_fetch_add(&failures, 1);
}

typedef struct ledger {
  uint64_t next[PRODUCERS][2];
  uint64_t last_tick;
} ledger;

static void consume(vlot_actor *self, void *context, vlot_turn *turn) {
  ledger *book = context;
  const vlot_mail *mail;
  (void)self;
  while ((mail = vlot_turn_next(turn))) {
    if (mail->kind == TICK) {
      require(mail->stamp >= book->last_tick, "a tick went back");
      book->last_tick = mail->stamp;
      continue;
    }
    uint64_t *next = &book->next[mail->kind][vlot_turn_lane(turn)];
    require(mail->stamp == *next, "mail of one sender in one lane out of order");
    *next = mail->stamp + 1;
    atomic_fetch_add(&seen, 1);
  }
}

static void *produce(void *argument) {
  uint32_t kind = (uint32_t)(uintptr_t)argument;
  uint64_t next[2] = {0};
  for (uint64_t i = 0; i < EACH; i++) {
    vlot_lane lane = i % 10 == 0 ? VLOT_LANE_CONTROL : VLOT_LANE_DATA;
    unsigned char bytes[40] = {0};
    vlot_piece pieces[2] = {{bytes, (size_t)(i % 20)}, {bytes, (size_t)(i % 7)}};
    vlot_result result;
    do {
      result = vlot_actor_send_pieces(NULL, consumer, lane, kind, next[lane], pieces, 2);
      if (result == VLOT_BUSY) sched_yield();
    } while (result == VLOT_BUSY);
    require(result == VLOT_OK, "a send failed");
    next[lane]++;
    if (kind == 0 && i % 50 == 0) (void)!vlot_actor_send_latest(NULL, consumer, TICK, i, NULL, 0);
  }
  return NULL;
}

static void *disturb(void *argument) {
  (void)argument;
  while (!atomic_load(&is_over)) {
    vlot_actor_status status;
    vlot_actor_event events[VLOT_ACTOR_EVENTS];
    vlot_actor_get_status(consumer, &status);
    require(status.sent == status.processed + status.queued + status.dropped, "status is torn");
    vlot_actor_events(consumer, events, VLOT_ACTOR_EVENTS);
    require(vlot_actor_system_check(life) == VLOT_OK, "not conserved");
    if (vlot_actor_hold(consumer, VLOT_FOREVER) == VLOT_OK) {
      vlot_actor_run(consumer);
      vlot_result granted = vlot_actor_grant(consumer);
      require(granted == VLOT_OK || granted == VLOT_NOT_FOUND || granted == VLOT_BUSY, "grant");
      vlot_actor_unhold(consumer);
    }
    if (vlot_actor_suspend(consumer, VLOT_FOREVER) == VLOT_OK) vlot_actor_resume(consumer);
    vlot_actor_run(consumer);
    sched_yield();
  }
  return NULL;
}

int main(void) {
  static ledger book;
  vlot_actor_options options;
  vlot_actor_options_init(&options);
  options.behaviour.turn = consume;
  options.context = &book;
  options.data_messages_max = 300;
  options.control_messages_max = 50;
  options.turn_messages_max = 64;
  if (vlot_actor_system_open(NULL, &life) != VLOT_OK) return EXIT_FAILURE;
  if (vlot_actor_spawn(life, &options, &consumer) != VLOT_OK) return EXIT_FAILURE;
  pthread_t producers[PRODUCERS], disturber;
  pthread_create(&disturber, NULL, disturb, NULL);
  for (uintptr_t i = 0; i < PRODUCERS; i++) pthread_create(&producers[i], NULL, produce, (void *)i);
  for (int i = 0; i < PRODUCERS; i++) pthread_join(producers[i], NULL);
  while (atomic_load(&seen) < PRODUCERS * EACH && atomic_load(&failures) == 0) sched_yield();
  atomic_store(&is_over, true);
  pthread_join(disturber, NULL);
  vlot_actor_status status;
  vlot_actor_get_status(consumer, &status);
  require(status.lost_wakes == 0, "a wake-up was lost");
  vlot_actor_release(consumer);
  require(vlot_actor_system_stop(life) == VLOT_OK, "stop");
  require(vlot_actor_system_check(life) == VLOT_OK, "not conserved at the end");
  vlot_actor_system_close(life);
  printf("%lu mails, %d failures\n", atomic_load(&seen), atomic_load(&failures));
  return atomic_load(&failures) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
