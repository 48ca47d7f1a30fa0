/* Who runs a turn: the own thread, a caller inline, a grant; holds and suspension. */
#include <pthread.h>
#include <signal.h>

#include "stage.h"

static stage on; /* each test is a process of its own */

enum { ENTERED, CUE, RAN };

static pthread_t ran_on[64];

static void note_thread(vlot_actor *self, void *context, vlot_turn *turn) {
  (void)self;
  (void)context;
  const vlot_mail *mail;
  while ((mail = vlot_turn_next(turn))) {
    ran_on[stage_marks(&on, RAN)] = pthread_self();
    stage_mark(&on, RAN);
  }
}

static void begin(void) { stage_open(&on); }

TestSuite(run, .init = begin, .timeout = 60);

Test(run, a_held_actor_runs_only_when_run_or_granted) {
  vlot_actor_system *system = stage_system();
  vlot_actor_options options = stage_options(1, note_thread, NULL);
  options.is_held = true;
  vlot_actor *actor = stage_spawn(system, &options);
  cr_expect_not(vlot_actor_run(actor), "nothing to do");
  cr_expect_eq(vlot_actor_grant(actor), VLOT_NOT_FOUND);
  stage_send(actor, 1, 0);
  vlot_actor_status status;
  vlot_actor_get_status(actor, &status);
  cr_expect_eq(status.state, VLOT_ACTOR_READY);
  cr_expect(vlot_actor_run(actor));
  cr_expect(pthread_equal(ran_on[0], pthread_self()));
  for (uint64_t i = 1; i < 20; i++) {
    stage_send(actor, 1, i);
    cr_expect_eq(vlot_actor_grant(actor), VLOT_OK);
    cr_assert_eq(stage_marks(&on, RAN), 1 + i, "the turn has ended when grant returns");
    cr_expect_not(pthread_equal(ran_on[i], pthread_self()));
    cr_expect(pthread_equal(ran_on[i], ran_on[1]), "it is always the actor's own thread");
  }
  stage_send(actor, 1, 0);
  vlot_actor_unhold(actor);
  cr_assert(stage_await(&on, RAN, 21), "let go, it runs by itself");
  cr_expect_eq(vlot_actor_grant(actor), VLOT_INVALID);
  vlot_actor_release(actor);
  stage_end(system);
}

Test(run, holds_are_counted_and_suspension_is_a_flag_of_its_own) {
  vlot_actor_system *system = stage_system();
  vlot_actor_options options = stage_options(1, note_thread, NULL);
  vlot_actor *actor = stage_spawn(system, &options);
  cr_assert_eq(vlot_actor_hold(actor, STAGE_PATIENCE_NS), VLOT_OK);
  cr_assert_eq(vlot_actor_hold(actor, STAGE_PATIENCE_NS), VLOT_OK);
  cr_assert_eq(vlot_actor_suspend(actor, STAGE_PATIENCE_NS), VLOT_OK);
  cr_assert_eq(vlot_actor_suspend(actor, STAGE_PATIENCE_NS), VLOT_OK);
  stage_send(actor, 1, 0);
  cr_expect_not(vlot_actor_run(actor), "nobody runs a suspended actor");
  cr_expect_eq(vlot_actor_grant(actor), VLOT_BUSY);
  vlot_actor_unhold(actor);
  vlot_actor_resume(actor);
  vlot_actor_resume(actor);
  vlot_actor_status status;
  vlot_actor_get_status(actor, &status);
  cr_expect_eq(status.holds, 1);
  cr_expect_not(status.is_suspended);
  cr_expect_eq(stage_marks(&on, RAN), 0, "still held once");
  vlot_actor_unhold(actor);
  cr_assert(stage_await(&on, RAN, 1));
  vlot_actor_release(actor);
  stage_end(system);
}

static void wait_for_cue(vlot_actor *self, void *context, vlot_turn *turn) {
  (void)self;
  (void)context;
  while (vlot_turn_next(turn)) {
    stage_mark(&on, ENTERED);
    cr_assert(stage_await(&on, CUE, 1));
    stage_mark(&on, RAN);
  }
}

static void *give_cue_when_held(void *argument) {
  vlot_actor *actor = argument;
  vlot_actor_status status;
  do vlot_actor_get_status(actor, &status);
  while (status.holds < 1);
  stage_mark(&on, CUE);
  return NULL;
}

Test(run, a_hold_waits_for_the_turn_to_end_and_gives_up_without_a_trace) {
  vlot_actor_system *system = stage_system();
  vlot_actor_options options = stage_options(1, wait_for_cue, NULL);
  vlot_actor *actor = stage_spawn(system, &options);
  stage_send(actor, 1, 0);
  cr_assert(stage_await(&on, ENTERED, 1));
  cr_expect_eq(vlot_actor_hold(actor, 1), VLOT_TIMEOUT);
  cr_expect_eq(vlot_actor_suspend(actor, 1), VLOT_TIMEOUT);
  vlot_actor_status status;
  vlot_actor_get_status(actor, &status);
  cr_expect(status.holds == 0 && !status.is_suspended && status.state == VLOT_ACTOR_RUNNING);
  cr_expect_not(vlot_actor_run(actor), "the right is taken, and nobody blocks on it");
  pthread_t helper;
  cr_assert_eq(pthread_create(&helper, NULL, give_cue_when_held, actor), 0);
  cr_expect_eq(vlot_actor_hold(actor, STAGE_PATIENCE_NS), VLOT_OK);
  cr_expect_eq(stage_marks(&on, RAN), 1);
  pthread_join(helper, NULL);
  vlot_actor_unhold(actor);
  vlot_actor_release(actor);
  stage_end(system);
}

Test(run, stop_and_kill_end_held_and_suspended_actors) {
  vlot_actor_system *system = stage_system();
  for (uint32_t i = 0; i < 8; i++) {
    vlot_actor_options options = stage_options(1, note_thread, NULL);
    options.is_held = i & 1;
    vlot_actor *actor = stage_spawn(system, &options);
    if (i & 2) cr_expect_eq(vlot_actor_suspend(actor, STAGE_PATIENCE_NS), VLOT_OK);
    vlot_result result = i & 4 ? vlot_actor_stop(actor, STAGE_PATIENCE_NS)
                               : vlot_actor_kill_wait(actor, VLOT_WHY_ASKED, STAGE_PATIENCE_NS);
    cr_expect_eq(result, VLOT_OK);
    cr_expect_eq(vlot_actor_grant(actor), VLOT_CLOSED);
    cr_expect_not(vlot_actor_run(actor));
    vlot_actor_release(actor);
  }
  stage_end(system);
}

static vlot_actor *waiting;

static void *grant(void *argument) {
  (void)argument;
  cr_expect_eq(vlot_actor_grant(waiting), VLOT_OK);
  return NULL;
}

Test(run, a_grant_to_an_actor_that_is_killed_inside_its_turn_returns) {
  vlot_actor_system *system = stage_system();
  vlot_actor_options options = stage_options(1, wait_for_cue, NULL);
  options.is_held = true;
  waiting = stage_spawn(system, &options);
  stage_send(waiting, 1, 0);
  pthread_t helper;
  cr_assert_eq(pthread_create(&helper, NULL, grant, NULL), 0);
  cr_assert(stage_await(&on, ENTERED, 1));
  cr_expect_eq(vlot_actor_grant(waiting), VLOT_BUSY);
  cr_expect_eq(vlot_actor_kill(waiting, VLOT_WHY_ASKED), VLOT_OK);
  stage_mark(&on, CUE);
  pthread_join(helper, NULL);
  vlot_actor_release(waiting);
  stage_end(system);
}

Test(run, an_inline_turn_of_an_actor_that_is_not_held_hands_back_to_its_thread) {
  vlot_actor_system *system = stage_system();
  vlot_actor_options options = stage_options(1, note_thread, NULL);
  vlot_actor *actor = stage_spawn(system, &options);
  for (uint64_t i = 0; i < 60; i++) {
    stage_send(actor, 1, i);
    vlot_actor_run(actor);
    cr_assert(stage_await(&on, RAN, i + 1));
  }
  vlot_actor_release(actor);
  stage_end(system);
}

Test(run, spinning_before_parking_changes_nothing_but_time) {
  vlot_actor_system *system = stage_system();
  vlot_actor_options options = stage_options(1, note_thread, NULL);
  options.spin_ns = 20000;
  vlot_actor *actor = stage_spawn(system, &options);
  for (uint64_t i = 0; i < 50; i++) {
    stage_send(actor, 1, i);
    cr_assert(stage_await(&on, RAN, i + 1));
  }
  vlot_actor_release(actor);
  stage_end(system);
}
