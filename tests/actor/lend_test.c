/* A thread that lends itself: what it may run, what it has promised, and who is woken when it
 * ends. */
#include <sched.h>

#include "actor/actor.h"
#include "stage.h"
#include "vlot/actor_lend.h"

/* Who is awake takes its mail itself. */
static void await_asleep(vlot_actor *actor) {
  for (bool is_asleep = false; !is_asleep; sched_yield()) {
    vlot__lock(&actor->box.lock);
    is_asleep = actor->is_waiting && vlot__actor_right(actor) == VLOT__PARKED;
    vlot__unlock(&actor->box.lock);
  }
}

static vlot_actor *spawn_with(vlot_actor_system *system, const vlot_actor_options *options) {
  vlot_actor *actor = stage_spawn(system, options);
  await_asleep(actor);
  return actor;
}

static vlot_actor *spawn(vlot_actor_system *system, uint32_t id, stage *on) {
  vlot_actor_options options = stage_options(id, stage_turn, on);
  return spawn_with(system, &options);
}

static vlot_actor_status status_of(vlot_actor *actor) {
  vlot_actor_status status;
  vlot_actor_get_status(actor, &status);
  return status;
}

Test(lend, mail_of_a_lender_to_a_parked_actor_is_handed_over_on_the_lenders_thread) {
  enum { MAILS = 2000 };
  stage on;
  stage_open(&on);
  vlot_actor_system *system = stage_system();
  vlot_actor *actor = spawn(system, 1, &on);
  vlot_lend lend;
  vlot_lend_begin(&lend, system);
  cr_assert(vlot_lend_add(&lend, actor));
  for (uint64_t k = 0; k < MAILS; k++) {
    stage_send(actor, 7, k);
    cr_assert(vlot_lend_run(&lend), "its own thread took mail %llu", (unsigned long long)k);
    cr_assert_not(vlot_lend_run(&lend), "nothing is left");
  }
  vlot_lend_end(&lend);
  cr_expect_eq(stage_mail_count(&on), MAILS);
  cr_expect_eq(status_of(actor).lent_turns, MAILS);
  cr_expect_eq(status_of(actor).turns, MAILS);
  vlot_actor_release(actor);
  stage_end(system);
  stage_close(&on);
}

/* Passes on to its neighbour until the stamp is 0, and notes who ran it. */
typedef struct passer {
  stage *on;
  vlot_actor *next;
  pthread_t runner;
} passer;

static void pass_on(vlot_actor *self, void *context, vlot_turn *turn) {
  passer *one = context;
  const vlot_mail *mail;
  while ((mail = vlot_turn_next(turn))) {
    one->runner = pthread_self();
    stage_note(one->on, mail, vlot_turn_lane(turn));
    if (mail->stamp > 0)
      cr_expect_eq(vlot_actor_send(self, one->next, VLOT_LANE_DATA, 7, mail->stamp - 1, NULL, 0),
                   VLOT_OK);
  }
}

Test(lend, what_a_borrowed_turn_sends_to_a_parked_actor_is_run_by_the_same_lender) {
  stage on;
  stage_open(&on);
  vlot_actor_system *system = stage_system();
  passer ring[3];
  vlot_actor *actors[3];
  for (uint32_t k = 0; k < 3; k++) {
    ring[k] = (passer){.on = &on};
    vlot_actor_options options = stage_options(k + 1, pass_on, &ring[k]);
    actors[k] = spawn_with(system, &options);
  }
  for (uint32_t k = 0; k < 3; k++) ring[k].next = actors[(k + 1) % 3];
  vlot_lend lend;
  vlot_lend_begin(&lend, system);
  stage_send(actors[0], 7, 299);
  while (vlot_lend_run(&lend)) continue;
  vlot_lend_end(&lend);
  cr_expect_eq(stage_mail_count(&on), 300);
  for (uint32_t k = 0; k < 3; k++) {
    cr_expect(pthread_equal(ring[k].runner, pthread_self()));
    cr_expect_eq(status_of(actors[k]).lent_turns, 100);
    vlot_actor_release(actors[k]);
  }
  stage_end(system);
  stage_close(&on);
}

Test(lend, at_the_end_whoever_has_mail_is_woken) {
  stage on;
  stage_open(&on);
  vlot_actor_system *system = stage_system();
  vlot_actor *actor = spawn(system, 1, &on);
  for (size_t k = 1; k <= 100; k++) {
    vlot_lend lend;
    vlot_lend_begin(&lend, system);
    stage_send(actor, 7, k);
    vlot_lend_end(&lend);
    cr_assert(stage_await_mails(&on, k), "mail %zu waits for ever", k);
  }
  cr_expect_eq(status_of(actor).lent_turns, 0);
  vlot_actor_release(actor);
  stage_end(system);
  stage_close(&on);
}

static void *send_one(void *context) {
  stage_send(context, 7, 1);
  return NULL;
}

Test(lend, what_others_send_meanwhile_is_the_lenders_to_run_or_to_wake_for) {
  stage on;
  stage_open(&on);
  vlot_actor_system *system = stage_system();
  vlot_actor *actor = spawn(system, 1, &on);
  for (size_t k = 1; k <= 50; k++) {
    pthread_t other;
    vlot_lend lend;
    await_asleep(actor);
    vlot_lend_begin(&lend, system);
    cr_assert(vlot_lend_add(&lend, actor));
    cr_assert_eq(pthread_create(&other, NULL, send_one, actor), 0);
    cr_assert_eq(pthread_join(other, NULL), 0);
    if (k % 2) cr_expect(vlot_lend_run(&lend), "nobody else was told");
    vlot_lend_end(&lend);
    cr_assert(stage_await_mails(&on, k));
  }
  cr_expect_eq(status_of(actor).lent_turns, 25);
  vlot_actor_release(actor);
  stage_end(system);
  stage_close(&on);
}

Test(lend, of_two_lenders_the_last_one_wakes) {
  stage on;
  stage_open(&on);
  vlot_actor_system *system = stage_system();
  vlot_actor *actor = spawn(system, 1, &on);
  vlot_lend outer, inner;
  vlot_lend_begin(&outer, system);
  cr_assert(vlot_lend_add(&outer, actor));
  vlot_lend_begin(&inner, system);
  cr_assert(vlot_lend_add(&inner, actor));
  stage_send(actor, 7, 1);
  vlot_lend_end(&inner);
  cr_expect(vlot_lend_run(&outer), "the other lender has not woken it");
  stage_send(actor, 7, 2);
  vlot_lend_end(&outer);
  cr_assert(stage_await_mails(&on, 2));
  cr_expect_eq(status_of(actor).lent_turns, 1);
  vlot_actor_release(actor);
  stage_end(system);
  stage_close(&on);
}

Test(lend, no_lender_runs_what_is_held_suspended_ended_has_a_timer_or_keeps_its_turns) {
  stage on;
  stage_open(&on);
  vlot_actor_system *system = stage_system();
  vlot_actor *held = spawn(system, 1, &on), *suspended = spawn(system, 2, &on);
  vlot_actor *dead = spawn(system, 3, &on), *keeper = spawn(system, 4, &on);
  vlot_lend lend;
  cr_assert_eq(vlot_actor_hold(held, STAGE_PATIENCE_NS), VLOT_OK);
  cr_assert_eq(vlot_actor_suspend(suspended, STAGE_PATIENCE_NS), VLOT_OK);
  cr_assert_eq(vlot_actor_kill_wait(dead, VLOT_WHY_KILLED, STAGE_PATIENCE_NS), VLOT_OK);
  vlot_actor_keep_turns(keeper);
  vlot_lend_begin(&lend, system);
  cr_expect_not(vlot_lend_add(&lend, held));
  cr_expect_not(vlot_lend_add(&lend, suspended));
  cr_expect_not(vlot_lend_add(&lend, dead));
  cr_expect_not(vlot_lend_add(&lend, keeper));
  stage_send(held, 7, 1);
  stage_send(suspended, 7, 2);
  stage_send(keeper, 7, 3);
  cr_expect_not(vlot_lend_run(&lend));
  cr_assert(stage_await_mails(&on, 1), "its own thread is woken at once");
  vlot_lend_end(&lend);
  cr_expect_eq(stage_mail_count(&on), 1);
  vlot_actor_unhold(held);
  vlot_actor_resume(suspended);
  cr_assert(stage_await_mails(&on, 3));
  vlot_actor *all[] = {held, suspended, dead, keeper};
  for (size_t k = 0; k < 4; k++) {
    cr_expect_eq(status_of(all[k]).lent_turns, 0);
    vlot_actor_release(all[k]);
  }
  stage_end(system);
  stage_close(&on);
}

Test(lend, what_is_held_after_the_promise_is_woken_by_its_unhold) {
  stage on;
  stage_open(&on);
  vlot_actor_system *system = stage_system();
  vlot_actor *actor = spawn(system, 1, &on);
  vlot_lend lend;
  vlot_lend_begin(&lend, system);
  stage_send(actor, 7, 1);
  cr_assert_eq(vlot_actor_hold(actor, STAGE_PATIENCE_NS), VLOT_OK);
  cr_expect_not(vlot_lend_run(&lend));
  vlot_lend_end(&lend);
  cr_expect_eq(stage_mail_count(&on), 0);
  vlot_actor_unhold(actor);
  cr_assert(stage_await_mails(&on, 1));
  vlot_actor_release(actor);
  stage_end(system);
  stage_close(&on);
}

Test(lend, beyond_its_promises_actors_are_woken_as_ever) {
  enum { MORE = VLOT_LEND_ACTORS + 8 };
  stage on;
  stage_open(&on);
  vlot_actor_system *system = stage_system();
  vlot_actor *actors[MORE];
  for (uint32_t k = 0; k < MORE; k++) actors[k] = spawn(system, k + 1, &on);
  vlot_lend lend;
  vlot_lend_begin(&lend, system);
  for (uint32_t k = 0; k < MORE; k++) stage_send(actors[k], 7, k);
  cr_assert(stage_await_mails(&on, MORE - VLOT_LEND_ACTORS));
  for (uint32_t k = 0; k < VLOT_LEND_ACTORS; k++) cr_expect(vlot_lend_run(&lend));
  cr_expect_not(vlot_lend_run(&lend));
  cr_expect_eq(stage_mail_count(&on), MORE);
  vlot_lend_end(&lend);
  for (uint32_t k = 0; k < MORE; k++) vlot_actor_release(actors[k]);
  stage_end(system);
  stage_close(&on);
}

/* --- putting off --- */

static bool put_off(vlot_actor *actor, uint64_t stamp) {
  vlot_lend lend;
  vlot_lend_put_off_begin(&lend);
  stage_send(actor, 7, stamp);
  return vlot_lend_put_off_end(&lend);
}

Test(lend, a_wake_up_that_was_put_off_is_given_by_the_next_mail_or_the_second_look) {
  stage on;
  stage_open(&on);
  vlot_actor_system *system = stage_system();
  vlot_actor *actor = spawn(system, 1, &on);
  for (int k = 0; k < 50; k++) {
    await_asleep(actor);
    cr_assert(put_off(actor, 0));
    size_t sent = status_of(actor).sent;
    if (k % 3 == 0) {
      stage_send(actor, 7, 1);
      sent++;
    } else if (k % 3 == 1) {
      cr_expect(vlot_actor_remind(actor, true), "the first look only notes it");
      cr_expect(vlot_actor_remind(actor, true));
    } else {
      cr_expect(vlot_actor_remind(actor, false));
    }
    cr_assert(stage_await_mails(&on, sent));
    cr_expect_not(vlot_actor_remind(actor, false), "there is nothing any more");
  }
  vlot_actor_release(actor);
  stage_end(system);
  stage_close(&on);
}

Test(lend, what_was_put_off_is_the_first_that_a_lender_finds) {
  stage on;
  stage_open(&on);
  vlot_actor_system *system = stage_system();
  vlot_actor *actor = spawn(system, 1, &on);
  cr_assert(put_off(actor, 1));
  vlot_lend lend;
  vlot_lend_begin(&lend, system);
  cr_assert(vlot_lend_add(&lend, actor));
  cr_expect_not(vlot_actor_remind(actor, false), "a lender has promised");
  cr_expect(vlot_lend_run(&lend));
  vlot_lend_end(&lend);
  cr_expect_not(vlot_actor_remind(actor, false));
  cr_expect_eq(status_of(actor).lent_turns, 1);
  vlot_actor_release(actor);
  stage_end(system);
  stage_close(&on);
}

/* --- the end of an actor --- */

static void exit_at_once(vlot_actor *self, void *context, vlot_turn *turn) {
  const vlot_mail *mail;
  while ((mail = vlot_turn_next(turn))) stage_note(context, mail, vlot_turn_lane(turn));
  vlot_actor_exit(self, VLOT_WHY_ASKED, 0);
}

Test(lend, an_actor_that_exits_in_a_borrowed_turn_ends_on_its_own_thread) {
  stage on;
  stage_open(&on);
  vlot_actor_system *system = stage_system();
  vlot_actor_options options = stage_options(1, exit_at_once, &on);
  vlot_actor *actor = spawn_with(system, &options);
  vlot_lend lend;
  vlot_lend_begin(&lend, system);
  stage_send(actor, 7, 1);
  cr_expect(vlot_lend_run(&lend));
  cr_expect_eq(vlot_actor_stop(actor, STAGE_PATIENCE_NS), VLOT_OK);
  cr_expect(vlot_actor_is_gone(actor));
  cr_expect_not(vlot_lend_run(&lend));
  vlot_lend_end(&lend);
  vlot_actor_release(actor);
  stage_end(system);
  stage_close(&on);
}

static void set_timer(vlot_actor *self, void *context, vlot_turn *turn) {
  const vlot_mail *mail;
  while ((mail = vlot_turn_next(turn))) {
    stage_note(context, mail, vlot_turn_lane(turn));
    if (mail->kind == 7) cr_expect_eq(vlot_timer_set(self, 3, 1000000, NULL), VLOT_OK);
  }
}

Test(lend, a_timer_that_a_borrowed_turn_sets_fires_on_the_own_thread) {
  stage on;
  stage_open(&on);
  vlot_actor_system *system = stage_system();
  vlot_actor_options options = stage_options(1, set_timer, &on);
  vlot_actor *actor = spawn_with(system, &options);
  vlot_lend lend;
  vlot_lend_begin(&lend, system);
  stage_send(actor, 7, 1);
  cr_expect(vlot_lend_run(&lend));
  cr_assert(stage_await_mails(&on, 2), "nobody slept until it was due");
  vlot_lend_end(&lend);
  cr_expect_eq(on.mails[1].kind, VLOT_MAIL_TIMER);
  cr_expect_eq(status_of(actor).lent_turns, 1);
  vlot_actor_release(actor);
  stage_end(system);
  stage_close(&on);
}
