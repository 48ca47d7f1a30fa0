/* What the tests of actors share: a stage on which actors leave marks and wait for cues, so that no
 * test sleeps.
 *
 * Every wait has a generous deadline and says whether it was met; a test asserts that.
 */
#ifndef VLOT_TESTS_ACTOR_STAGE_H
#define VLOT_TESTS_ACTOR_STAGE_H

#include <criterion/criterion.h>
#include <pthread.h>
#include <string.h>
#include <time.h>

#include "vlot/actor.h"

#define STAGE_PATIENCE_NS UINT64_C(30000000000)
#define STAGE_MAILS       8192

typedef struct stage_mail {
  uint32_t kind;
  uint64_t stamp;
  vlot_address sender;
  vlot_lane lane;
  uint32_t size;
  vlot_down down;           /* of VLOT_MAIL_DOWN */
  vlot_timer_expiry expiry; /* of VLOT_MAIL_TIMER */
} stage_mail;

typedef struct stage {
  pthread_mutex_t lock;
  pthread_cond_t changed;
  uint64_t marks[16];
  stage_mail mails[STAGE_MAILS];
  size_t mail_count;
} stage;

static inline void stage_open(stage *on) {
  memset(on, 0, sizeof *on);
  pthread_mutex_init(&on->lock, NULL);
  pthread_condattr_t monotonic;
  pthread_condattr_init(&monotonic);
  pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
  pthread_cond_init(&on->changed, &monotonic);
  pthread_condattr_destroy(&monotonic);
}

static inline void stage_close(stage *on) {
  pthread_mutex_destroy(&on->lock);
  pthread_cond_destroy(&on->changed);
}

/* A mark is a counter that only grows. */
static inline void stage_mark(stage *on, int mark) {
  pthread_mutex_lock(&on->lock);
  on->marks[mark]++;
  pthread_cond_broadcast(&on->changed);
  pthread_mutex_unlock(&on->lock);
}

static inline uint64_t stage_marks(stage *on, int mark) {
  pthread_mutex_lock(&on->lock);
  uint64_t count = on->marks[mark];
  pthread_mutex_unlock(&on->lock);
  return count;
}

static inline struct timespec stage_deadline(void) {
  uint64_t ns = vlot_clock_ns() + STAGE_PATIENCE_NS;
  return (struct timespec){.tv_sec = (time_t)(ns / 1000000000), .tv_nsec = (long)(ns % 1000000000)};
}

/* Until a mark has been left so often; false: the deadline. */
static inline bool stage_await(stage *on, int mark, uint64_t count) {
  struct timespec deadline = stage_deadline();
  int error = 0;
  pthread_mutex_lock(&on->lock);
  while (on->marks[mark] < count && error == 0)
    error = pthread_cond_timedwait(&on->changed, &on->lock, &deadline);
  bool is_met = on->marks[mark] >= count;
  pthread_mutex_unlock(&on->lock);
  return is_met;
}

static inline bool stage_await_mails(stage *on, size_t count) {
  struct timespec deadline = stage_deadline();
  int error = 0;
  pthread_mutex_lock(&on->lock);
  while (on->mail_count < count && error == 0)
    error = pthread_cond_timedwait(&on->changed, &on->lock, &deadline);
  bool is_met = on->mail_count >= count;
  pthread_mutex_unlock(&on->lock);
  return is_met;
}

static inline size_t stage_mail_count(stage *on) {
  pthread_mutex_lock(&on->lock);
  size_t count = on->mail_count;
  pthread_mutex_unlock(&on->lock);
  return count;
}

/* Write a mail down, for the test to look at. */
static inline void stage_note(stage *on, const vlot_mail *mail, vlot_lane lane) {
  pthread_mutex_lock(&on->lock);
  cr_assert_lt(on->mail_count, (size_t)STAGE_MAILS);
  stage_mail *noted = &on->mails[on->mail_count];
  *noted = (stage_mail){.kind = mail->kind,
                        .stamp = mail->stamp,
                        .sender = mail->sender,
                        .lane = lane,
                        .size = mail->size};
  if (mail->kind == VLOT_MAIL_DOWN)
    memcpy(&noted->down, vlot_mail_payload(mail), sizeof noted->down);
  if (mail->kind == VLOT_MAIL_TIMER)
    memcpy(&noted->expiry, vlot_mail_payload(mail), sizeof noted->expiry);
  on->mail_count++;
  pthread_cond_broadcast(&on->changed);
  pthread_mutex_unlock(&on->lock);
}

/* A behaviour that writes down all its mail; context: a stage. */
static inline void stage_turn(vlot_actor *self, void *context, vlot_turn *turn) {
  (void)self;
  const vlot_mail *mail;
  while ((mail = vlot_turn_next(turn))) stage_note(context, mail, vlot_turn_lane(turn));
}

static inline vlot_actor_system *stage_system(void) {
  vlot_actor_system *system = NULL;
  cr_assert_eq(vlot_actor_system_open(NULL, &system), VLOT_OK);
  return system;
}

static inline vlot_actor_options
stage_options(uint32_t id, void (*turn)(vlot_actor *, void *, vlot_turn *), void *context) {
  vlot_actor_options options;
  vlot_actor_options_init(&options);
  options.id = id;
  options.behaviour.turn = turn;
  options.context = context;
  return options;
}

static inline vlot_actor *stage_spawn(vlot_actor_system *system,
                                      const vlot_actor_options *options) {
  vlot_actor *actor = NULL;
  cr_assert_eq(vlot_actor_spawn(system, options, &actor), VLOT_OK);
  return actor;
}

/* Send an empty record in the data lane from outside. */
static inline void stage_send(vlot_actor *to, uint32_t kind, uint64_t stamp) {
  cr_assert_eq(vlot_actor_send(NULL, to, VLOT_LANE_DATA, kind, stamp, NULL, 0), VLOT_OK);
}

/* The law of conservation, then close; nothing may be quarantined or lost. */
static inline void stage_end(vlot_actor_system *system) {
  cr_expect_eq(vlot_actor_system_check(system), VLOT_OK);
  cr_expect_eq(vlot_actor_system_stop(system), VLOT_OK);
  cr_expect_eq(vlot_actor_system_check(system), VLOT_OK);
  vlot_actor_system_status status;
  vlot_actor_system_get_status(system, &status);
  cr_expect_eq(status.actors, 0);
  cr_expect_eq(status.lost_wakes, 0);
  cr_expect_eq(vlot_actor_system_close(system), VLOT_OK);
}

#endif
