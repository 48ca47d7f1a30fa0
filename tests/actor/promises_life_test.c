/* Promises 6 to 12 of docs/catalogue.md: life, death, the fence, supervision. */
#include <pthread.h>
#include <sched.h>
#include <stdio.h>

#include "stage.h"
#include "vlot/actor_supervisor.h"

static stage on; /* each test is a process of its own */

enum { STARTED, STOPPED, FINISHED, FENCED, ENTERED, CUE, DISPOSED, MARKED };

static void begin(void) { stage_open(&on); }

TestSuite(promises, .init = begin, .timeout = 60);

static vlot_result start_ok(vlot_actor *self, void *context) {
  (void)self;
  (void)context;
  stage_mark(&on, STARTED);
  return VLOT_OK;
}

static vlot_result start_badly(vlot_actor *self, void *context) {
  (void)self;
  (void)context;
  stage_mark(&on, STARTED);
  return VLOT_CORRUPT;
}

static void stop(vlot_actor *self, void *context) {
  (void)self;
  (void)context;
  stage_mark(&on, STOPPED);
}

static void finish(void *context) {
  (void)context;
  stage_mark(&on, FINISHED);
}

static void fenced(void *context, const vlot_down *down) {
  (void)context;
  (void)down;
  stage_mark(&on, FENCED);
}

static void dispose(void *context, const vlot_mail *mail, vlot_why why) {
  (void)context;
  (void)mail;
  (void)why;
  stage_mark(&on, DISPOSED);
}

static vlot_actor_options full_options(uint32_t id, void (*turn)(vlot_actor *, void *, vlot_turn *),
                                       void *context) {
  vlot_actor_options options = stage_options(id, turn, context);
  options.behaviour = (vlot_behaviour){.turn = turn,
                                       .start = start_ok,
                                       .stop = stop,
                                       .fenced = fenced,
                                       .finish = finish,
                                       .dispose = dispose};
  return options;
}

/* --- 6 --- */

Test(promises, p6_spawn_returns_when_the_start_hook_has_succeeded_and_mail_is_taken) {
  vlot_actor_system *system = stage_system();
  vlot_actor_options options = full_options(4, stage_turn, &on);
  vlot_actor *actor = stage_spawn(system, &options);
  cr_expect_eq(stage_marks(&on, STARTED), 1);
  cr_expect_eq(
      vlot_actor_send_to(system, NULL, vlot_actor_address(actor), VLOT_LANE_DATA, 1, 0, NULL, 0),
      VLOT_OK);
  cr_expect_eq(vlot_actor_spawn(system, &options, NULL), VLOT_EXISTS);
  vlot_actor *found = vlot_actor_find(system, 4);
  cr_expect_eq(found, actor);
  vlot_actor_release(found);
  cr_assert(stage_await_mails(&on, 1));
  cr_expect_eq(vlot_actor_stop(actor, STAGE_PATIENCE_NS), VLOT_OK);
  cr_expect_eq(stage_marks(&on, STOPPED), 1);
  cr_expect_eq(stage_marks(&on, FENCED), 1);
  cr_expect_eq(stage_marks(&on, FINISHED), 1);
  cr_expect_null(vlot_actor_find(system, 4));
  vlot_actor_release(actor);
  stage_end(system);
}

Test(promises, p6_a_failed_start_fails_the_spawn_and_leaves_nothing) {
  vlot_fault_allocator *faults = vlot_fault_allocator_open();
  vlot_actor_system_options system_options;
  vlot_actor_system_options_init(&system_options);
  system_options.allocator = vlot_fault_allocator_get(faults);
  vlot_actor_system *system;
  cr_assert_eq(vlot_actor_system_open(&system_options, &system), VLOT_OK);
  vlot_actor_options options = full_options(4, stage_turn, &on);
  options.behaviour.start = start_badly;
  vlot_actor *actor = (vlot_actor *)&options;
  cr_expect_eq(vlot_actor_spawn(system, &options, &actor), VLOT_CORRUPT);
  uint64_t live = vlot_fault_allocator_live(faults);
  cr_expect_eq(vlot_actor_spawn(system, &options, &actor), VLOT_CORRUPT);
  cr_expect_eq(vlot_fault_allocator_live(faults), live);
  cr_expect_null(actor);
  cr_expect_null(vlot_actor_find(system, 4));
  cr_expect_eq(stage_marks(&on, FINISHED), 2);
  cr_expect_eq(stage_marks(&on, STOPPED), 0);
  vlot_actor_system_status status;
  vlot_actor_system_get_status(system, &status);
  cr_expect_eq(status.actors, 0);
  options.behaviour.start = start_ok;
  actor = stage_spawn(system, &options);
  vlot_actor_release(actor);
  stage_end(system);
  vlot_fault_allocator_close(faults);
}

/* --- 7 --- */

typedef struct watched {
  vlot_actor *target;
  vlot_address address;
  uint64_t monitors[8];
} watched;

enum { MONITOR = 1, DEMONITOR, MONITOR_ADDRESS, LINK, UNLINK };

static void watch(vlot_actor *self, void *context, vlot_turn *turn) {
  watched *targets = context;
  const vlot_mail *mail;
  while ((mail = vlot_turn_next(turn))) {
    uint64_t *monitor = &targets->monitors[mail->stamp % 8];
    switch (mail->kind) {
    case MONITOR: cr_assert_eq(vlot_actor_monitor(self, targets->target, monitor), VLOT_OK); break;
    case DEMONITOR: cr_assert_eq(vlot_actor_demonitor(self, *monitor), VLOT_OK); break;
    case MONITOR_ADDRESS:
      cr_assert_eq(vlot_actor_monitor_address(self, targets->address, monitor), VLOT_OK);
      break;
    case LINK: cr_assert_eq(vlot_actor_link(self, targets->target), VLOT_OK); break;
    case UNLINK: vlot_actor_unlink(self, targets->target); break;
    default: stage_note(&on, mail, vlot_turn_lane(turn)); break;
    }
    stage_mark(&on, MARKED);
  }
}

static void publish_and_end(vlot_actor *self, void *context, vlot_turn *turn) {
  (void)context;
  const vlot_mail *mail;
  while ((mail = vlot_turn_next(turn))) {
    uint8_t data[VLOT_OWNER_DATA] = {1, 2, 3, (uint8_t)mail->stamp};
    vlot_actor_publish(self, data);
    if (mail->kind == 9) vlot_actor_exit(self, VLOT_WHY_APPLY_FAILED, (uint32_t)mail->stamp);
  }
}

Test(promises, p7_each_monitor_gives_exactly_one_down_with_reason_code_and_data) {
  vlot_actor_system *system = stage_system();
  watched targets = {0};
  vlot_actor_options options = stage_options(1, publish_and_end, NULL);
  targets.target = stage_spawn(system, &options);
  options = stage_options(2, watch, &targets);
  vlot_actor *watcher = stage_spawn(system, &options);
  for (uint64_t i = 0; i < 3; i++) stage_send(watcher, MONITOR, i);
  stage_send(watcher, DEMONITOR, 1);
  cr_assert(stage_await(&on, MARKED, 4));
  stage_send(targets.target, 9, 77);
  cr_assert(stage_await_mails(&on, 2));
  for (size_t i = 0; i < 2; i++) {
    const vlot_down *down = &on.mails[i].down;
    cr_expect_eq(on.mails[i].kind, VLOT_MAIL_DOWN);
    cr_expect(down->end == VLOT_END_CRASHED && down->code == 77);
    cr_expect_eq(down->why, VLOT_WHY_APPLY_FAILED);
    cr_expect(down->actor.id == 1 && down->actor.incarnation == 1);
    cr_expect(down->data[2] == 3 && down->data[3] == 77);
    cr_expect_eq(on.mails[i].stamp, down->monitor);
    cr_expect_neq(down->monitor, targets.monitors[1]);
  }
  cr_expect_neq(on.mails[0].stamp, on.mails[1].stamp);
  vlot_actor_release(targets.target);
  vlot_actor_release(watcher);
  stage_end(system);
  cr_expect_eq(stage_mail_count(&on), 2);
}

Test(promises, p7_who_has_ended_already_gives_noproc_at_once) {
  vlot_actor_system *system = stage_system();
  watched targets = {.address = {.id = 55, .incarnation = 1}};
  vlot_actor_options options = stage_options(1, stage_turn, &on);
  targets.target = stage_spawn(system, &options);
  cr_assert_eq(vlot_actor_stop(targets.target, STAGE_PATIENCE_NS), VLOT_OK);
  options = stage_options(2, watch, &targets);
  vlot_actor *watcher = stage_spawn(system, &options);
  stage_send(watcher, MONITOR, 0);
  stage_send(watcher, MONITOR_ADDRESS, 1);
  cr_assert(stage_await_mails(&on, 2));
  for (size_t i = 0; i < 2; i++) cr_expect_eq(on.mails[i].down.end, VLOT_END_NOPROC);
  cr_expect_eq(on.mails[1].down.actor.id, 55);
  vlot_actor_release(targets.target);
  vlot_actor_release(watcher);
  stage_end(system);
}

Test(promises, p7_a_down_that_is_queued_already_is_not_handed_over_after_demonitor) {
  vlot_actor_system *system = stage_system();
  watched targets = {0};
  vlot_actor_options options = stage_options(1, stage_turn, &on);
  targets.target = stage_spawn(system, &options);
  options = stage_options(2, watch, &targets);
  options.is_held = true;
  vlot_actor *watcher = stage_spawn(system, &options);
  stage_send(watcher, MONITOR, 0);
  cr_assert(vlot_actor_run(watcher));
  stage_send(watcher, DEMONITOR, 0);
  cr_assert_eq(vlot_actor_kill_wait(targets.target, VLOT_WHY_ASKED, STAGE_PATIENCE_NS), VLOT_OK);
  cr_assert(vlot_actor_run(watcher));
  cr_expect_eq(stage_mail_count(&on), 0);
  vlot_actor_release(targets.target);
  vlot_actor_release(watcher);
  stage_end(system);
}

static void send_then_end(vlot_actor *self, void *context, vlot_turn *turn) {
  while (vlot_turn_next(turn)) {
    for (uint64_t i = 0; i < 100; i++)
      cr_assert_eq(vlot_actor_send(self, context, VLOT_LANE_DATA, 20, i, NULL, 0), VLOT_OK);
    vlot_actor_exit(self, VLOT_WHY_ASKED, 0);
  }
}

Test(promises, p7_down_comes_behind_the_last_mail_of_the_dead) {
  vlot_actor_system *system = stage_system();
  watched targets = {0};
  vlot_actor_options options = stage_options(2, watch, &targets);
  vlot_actor *watcher = stage_spawn(system, &options);
  options = stage_options(1, send_then_end, watcher);
  targets.target = stage_spawn(system, &options);
  stage_send(watcher, MONITOR, 0);
  cr_assert(stage_await(&on, MARKED, 1));
  stage_send(targets.target, 1, 0);
  cr_assert(stage_await_mails(&on, 101));
  cr_expect_eq(on.mails[100].kind, VLOT_MAIL_DOWN);
  cr_expect_eq(on.mails[100].down.end, VLOT_END_NORMAL);
  vlot_actor_release(targets.target);
  vlot_actor_release(watcher);
  stage_end(system);
}

Test(promises, p7_a_chain_of_links_falls_together_unless_the_end_is_normal) {
  enum { CHAIN = 50 };
  vlot_actor_system *system = stage_system();
  vlot_actor *actors[CHAIN];
  watched targets[CHAIN] = {0};
  for (uint32_t i = 0; i < CHAIN; i++) {
    vlot_actor_options options = stage_options(i + 1, watch, &targets[i]);
    actors[i] = stage_spawn(system, &options);
    if (i == 0) continue;
    targets[i].target = actors[i - 1];
    stage_send(actors[i], LINK, 0);
    stage_send(actors[i], LINK, 0);
  }
  cr_assert(stage_await(&on, MARKED, 2 * (CHAIN - 1)));
  stage_send(actors[5], UNLINK, 0); /* 0 to 4 and 5 to 49 */
  cr_assert(stage_await(&on, MARKED, 2 * (CHAIN - 1) + 1));
  cr_expect_eq(vlot_actor_stop(actors[0], STAGE_PATIENCE_NS), VLOT_OK);
  cr_expect_not(vlot_actor_is_fenced(actors[1]));
  cr_expect_eq(vlot_actor_kill(actors[30], VLOT_WHY_FORCED), VLOT_OK);
  for (uint32_t i = 5; i < CHAIN; i++) {
    cr_expect_eq(vlot_actor_kill_wait(actors[i], VLOT_WHY_ASKED, STAGE_PATIENCE_NS), VLOT_OK);
    vlot_actor_status status;
    vlot_actor_get_status(actors[i], &status);
    cr_expect_eq(status.why, VLOT_WHY_FORCED, "actor %u fell with the chain", (unsigned)i);
  }
  for (uint32_t i = 1; i < 5; i++) cr_expect_not(vlot_actor_is_fenced(actors[i]));
  for (uint32_t i = 0; i < CHAIN; i++) vlot_actor_release(actors[i]);
  stage_end(system);
}

/* --- 8 --- */

static void act_after_the_cue(vlot_actor *self, void *context, vlot_turn *turn) {
  vlot_actor *witness = context;
  const vlot_mail *mail = vlot_turn_next(turn);
  if (!mail) return;
  cr_assert_eq(vlot_actor_send(self, witness, VLOT_LANE_DATA, 20, 1, NULL, 0), VLOT_OK);
  stage_mark(&on, ENTERED);
  cr_assert(stage_await(&on, CUE, 1));
  cr_expect(vlot_actor_is_fenced(self));
  cr_expect_not(vlot_actor_enter(self));
  cr_expect_eq(vlot_actor_send(self, witness, VLOT_LANE_DATA, 20, 2, NULL, 0), VLOT_FENCED);
  cr_expect_eq(vlot_actor_send_latest(self, witness, 20, 3, NULL, 0), VLOT_FENCED);
  cr_expect_eq(vlot_actor_reply(self, mail, 20, NULL, 0), VLOT_FENCED);
  cr_expect_eq(vlot_actor_monitor(self, witness, NULL), VLOT_FENCED);
  cr_expect_eq(vlot_actor_link(self, witness), VLOT_FENCED);
  cr_expect_eq(vlot_timer_set(self, 1, 0, NULL), VLOT_OK, "void, as no turn follows");
}

static void *call_for_nothing(void *argument) {
  vlot_bytes *reply = NULL;
  vlot_result result = vlot_actor_call(argument, 1, NULL, 0, VLOT_FOREVER, &reply);
  cr_expect_eq(result, VLOT_CLOSED, "told at once, while the turn is still running");
  cr_expect_null(reply);
  return NULL;
}

Test(promises, p8_after_down_no_effect_of_the_dead_becomes_visible) {
  vlot_actor_system *system = stage_system();
  watched targets = {0};
  vlot_actor_options options = stage_options(2, watch, &targets);
  vlot_actor *witness = stage_spawn(system, &options);
  options = full_options(1, act_after_the_cue, witness);
  targets.target = stage_spawn(system, &options);
  stage_send(witness, MONITOR, 0);
  cr_assert(stage_await(&on, MARKED, 1));
  pthread_t caller;
  cr_assert_eq(pthread_create(&caller, NULL, call_for_nothing, targets.target), 0);
  cr_assert(stage_await(&on, ENTERED, 1));
  cr_expect_eq(vlot_actor_kill(targets.target, VLOT_WHY_ASKED), VLOT_OK);
  cr_expect_eq(vlot_actor_kill(targets.target, VLOT_WHY_ASKED), VLOT_CLOSED);
  cr_assert(stage_await_mails(&on, 2), "DOWN is there while the turn is still running");
  cr_expect_eq(on.mails[1].kind, VLOT_MAIL_DOWN);
  cr_expect_eq(stage_marks(&on, FINISHED), 0);
  pthread_join(caller, NULL);
  stage_mark(&on, CUE);
  cr_expect_eq(vlot_actor_kill_wait(targets.target, VLOT_WHY_ASKED, STAGE_PATIENCE_NS), VLOT_OK);
  cr_expect_eq(stage_marks(&on, STOPPED), 0, "a kill is no orderly end");
  cr_expect_eq(stage_marks(&on, FENCED), 1);
  cr_expect_eq(stage_marks(&on, FINISHED), 1);
  vlot_actor_release(targets.target);
  vlot_actor_release(witness);
  stage_end(system);
  cr_expect_eq(stage_mail_count(&on), 2);
}

/* --- 9 --- */

/* Pairs are let go inside one enter and leave: a witness that sees one half sees the other. */
static void send_pairs(vlot_actor *self, void *context, vlot_turn *turn) {
  vlot_actor *witness = context;
  while (vlot_turn_next(turn)) continue;
  if (vlot_actor_send(self, self, VLOT_LANE_DATA, 1, 0, NULL, 0) != VLOT_OK) return;
  if (!vlot_actor_enter(self)) return;
  for (uint64_t half = 0; half < 2; half++)
    while (vlot_actor_send(self, witness, VLOT_LANE_DATA, 20, half, NULL, 0) == VLOT_BUSY)
      sched_yield();
  vlot_actor_leave(self);
  stage_mark(&on, ENTERED);
}

typedef struct pairs {
  uint64_t halves;
  uint64_t wrong;
  bool is_down;
} pairs;

static void count_pairs(vlot_actor *self, void *context, vlot_turn *turn) {
  pairs *seen = context;
  const vlot_mail *mail;
  while ((mail = vlot_turn_next(turn))) {
    if (mail->kind == 20) {
      if (mail->stamp != seen->halves++ % 2 || seen->is_down) seen->wrong++;
    } else if (mail->kind == VLOT_MAIL_DOWN) {
      if (seen->halves % 2 != 0) seen->wrong++;
      seen->is_down = true;
      stage_mark(&on, MARKED);
    } else if (mail->kind == MONITOR) {
      vlot_address target = {.id = 1, .incarnation = 0};
      memcpy(&target.incarnation, &mail->stamp, sizeof target.incarnation);
      seen->is_down = false;
      cr_assert_eq(vlot_actor_monitor_address(self, target, NULL), VLOT_OK);
      stage_mark(&on, STARTED);
    }
  }
}

Test(promises, p9_an_effect_is_wholly_before_or_wholly_after_a_kill) {
  enum { KILLS = 150 };
  vlot_actor_system *system = stage_system();
  pairs seen = {0};
  vlot_actor_options options = stage_options(2, count_pairs, &seen);
  vlot_actor *witness = stage_spawn(system, &options);
  options = stage_options(1, send_pairs, witness);
  options.behaviour.fenced = fenced;
  uint64_t sent = 0;
  for (uint64_t i = 1; i <= KILLS; i++) {
    vlot_actor *actor = stage_spawn(system, &options);
    stage_send(witness, MONITOR, i);
    cr_assert(stage_await(&on, STARTED, i));
    stage_send(actor, 1, 0);
    sent += i % 4;
    cr_assert(stage_await(&on, ENTERED, sent));
    cr_expect_eq(vlot_actor_kill(actor, VLOT_WHY_ASKED), VLOT_OK);
    cr_assert(stage_await(&on, MARKED, i));
    cr_expect_eq(stage_marks(&on, FENCED), i);
    cr_expect_eq(vlot_actor_kill_wait(actor, VLOT_WHY_ASKED, STAGE_PATIENCE_NS), VLOT_OK);
    sent = stage_marks(&on, ENTERED);
    vlot_actor_release(actor);
  }
  cr_expect_eq(vlot_actor_stop(witness, STAGE_PATIENCE_NS), VLOT_OK);
  cr_expect_eq(seen.wrong, 0);
  cr_expect_gt(seen.halves, 0);
  vlot_actor_release(witness);
  stage_end(system);
}

static void kill_inside(vlot_actor *self, void *context, vlot_turn *turn) {
  (void)context;
  while (vlot_turn_next(turn)) continue;
  cr_assert(vlot_actor_enter(self));
  cr_expect_eq(vlot_actor_kill(self, VLOT_WHY_ASKED), VLOT_OK);
  cr_expect_eq(stage_marks(&on, FENCED), 0, "nobody knows of it while an effect is open");
  vlot_actor_leave(self);
  cr_expect_eq(stage_marks(&on, FENCED), 1, "the last one out tells");
  stage_mark(&on, MARKED);
}

Test(promises, p9_the_end_is_told_exactly_when_no_effect_is_open) {
  vlot_actor_system *system = stage_system();
  vlot_actor_options options = full_options(1, kill_inside, NULL);
  vlot_actor *actor = stage_spawn(system, &options);
  stage_send(actor, 1, 0);
  cr_assert(stage_await(&on, MARKED, 1));
  vlot_actor_release(actor);
  stage_end(system);
  cr_expect_eq(stage_marks(&on, FENCED), 1);
}

/* --- 10 --- */

static void stick(vlot_actor *self, void *context, vlot_turn *turn) {
  (void)self;
  (void)context;
  if (!vlot_turn_next(turn)) return;
  stage_mark(&on, ENTERED);
  cr_assert(stage_await(&on, CUE, 1));
}

static uint32_t quarantined(vlot_actor_system *system) {
  vlot_actor_system_status status;
  vlot_actor_system_get_status(system, &status);
  return status.quarantined;
}

static bool await_no_quarantine(vlot_actor_system *system) {
  uint64_t deadline = vlot_clock_ns() + STAGE_PATIENCE_NS;
  while (quarantined(system) > 0 && vlot_clock_ns() < deadline) sched_yield();
  return quarantined(system) == 0;
}

static void note_log(void *context, const char *line) {
  (void)context;
  if (strstr(line, "quarantined")) stage_mark(&on, MARKED);
}

Test(promises, p10_user_code_that_overruns_is_quarantined_and_left_alone) {
  vlot_fault_allocator *faults = vlot_fault_allocator_open();
  vlot_actor_system_options system_options;
  vlot_actor_system_options_init(&system_options);
  system_options.allocator = vlot_fault_allocator_get(faults);
  system_options.log = note_log;
  vlot_actor_system *system;
  cr_assert_eq(vlot_actor_system_open(&system_options, &system), VLOT_OK);
  vlot_actor_options options = full_options(1, stick, NULL);
  vlot_actor *stuck = stage_spawn(system, &options);
  stage_send(stuck, 1, 0);
  cr_assert(stage_await(&on, ENTERED, 1));
  stage_send(stuck, 1, 0);
  cr_expect_eq(vlot_actor_stop(stuck, 1), VLOT_TIMEOUT);
  cr_expect_eq(vlot_actor_kill_wait(stuck, VLOT_WHY_ASKED, 1), VLOT_TIMEOUT);
  vlot_actor_status status;
  vlot_actor_get_status(stuck, &status);
  cr_expect(status.is_quarantined && status.state == VLOT_ACTOR_ENDING);
  cr_expect(status.end == VLOT_END_KILLED && status.why == VLOT_WHY_QUARANTINED);
  cr_expect_eq(quarantined(system), 1);
  cr_expect_eq(stage_marks(&on, MARKED), 1, "reported once");
  cr_expect_eq(stage_marks(&on, FINISHED) + stage_marks(&on, DISPOSED), 0, "left alone");

  options = full_options(1, stage_turn, &on);
  vlot_actor *next = stage_spawn(system, &options);
  cr_expect_eq(vlot_actor_address(next).incarnation, 2);
  vlot_actor_release(next);
  cr_expect_eq(vlot_actor_system_check(system), VLOT_OK);
  cr_expect_eq(vlot_actor_system_stop(system), VLOT_TIMEOUT);
  stage_mark(&on, CUE);
  cr_expect(await_no_quarantine(system), "it came back and went by itself");
  cr_expect_eq(stage_marks(&on, DISPOSED), 1);
  cr_expect_eq(stage_marks(&on, FINISHED), 2);
  vlot_actor_release(stuck);
  vlot_actor_system_close(system);
  uint64_t deadline = vlot_clock_ns() + STAGE_PATIENCE_NS;
  while (vlot_fault_allocator_live(faults) > 0 && vlot_clock_ns() < deadline) sched_yield();
  vlot_fault_allocator_close(faults);
}

/* --- 11, 12 --- */

typedef struct nursery {
  vlot_supervision_kind kinds[256];
  uint32_t ids[256];
  uint64_t delays[256];
  size_t count;
} nursery;

static nursery seen;

static void note_supervision(void *context, const vlot_supervision_event *event) {
  (void)context;
  pthread_mutex_lock(&on.lock);
  if (seen.count < 256) {
    seen.kinds[seen.count] = event->kind;
    seen.ids[seen.count] = event->child.id;
    seen.delays[seen.count++] = event->delay_ns;
  }
  pthread_mutex_unlock(&on.lock);
  stage_mark(&on, 8 + (int)event->kind);
}

enum {
  CHILD_STARTED = 8 + VLOT_SUPERVISION_STARTED,
  CHILD_ENDED = 8 + VLOT_SUPERVISION_ENDED,
  CHILD_START_FAILED = 8 + VLOT_SUPERVISION_START_FAILED,
  CHILD_FAILED = 8 + VLOT_SUPERVISION_FAILED
};

static void end_on_demand(vlot_actor *self, void *context, vlot_turn *turn) {
  (void)context;
  const vlot_mail *mail;
  while ((mail = vlot_turn_next(turn)))
    vlot_actor_exit(self, VLOT_WHY_ASKED, (uint32_t)mail->stamp);
}

static vlot_supervisor_options nursery_options(vlot_child *children, uint32_t count) {
  for (uint32_t i = 0; i < count; i++) children[i].actor = full_options(i + 1, end_on_demand, NULL);
  vlot_supervisor_options options;
  vlot_supervisor_options_init(&options);
  options.children = children;
  options.child_count = count;
  options.restarts_max = 3;
  options.period_ns = UINT64_C(3600000000000);
  options.backoff_ns_min = 1000;
  options.backoff_ns_max = 1000000;
  options.event = note_supervision;
  return options;
}

/* End a child with a code, as its present incarnation. */
static void end_child(vlot_actor_system *system, uint32_t id, uint64_t code) {
  vlot_actor *child = vlot_actor_find(system, id);
  cr_assert_not_null(child);
  stage_send(child, 1, code);
  vlot_actor_release(child);
}

Test(promises, p11_a_child_is_restarted_when_its_kind_says_so) {
  vlot_actor_system *system = stage_system();
  vlot_child children[3] = {{.restart = VLOT_CHILD_PERMANENT},
                            {.restart = VLOT_CHILD_TRANSIENT},
                            {.restart = VLOT_CHILD_TEMPORARY}};
  vlot_supervisor_options options = nursery_options(children, 3);
  vlot_actor *supervisor;
  cr_assert_eq(vlot_supervisor_spawn(system, &options, &supervisor), VLOT_OK);
  cr_expect_eq(stage_marks(&on, CHILD_STARTED), 3);
  for (uint32_t id = 1; id <= 3; id++) cr_expect_eq(seen.ids[id - 1], id, "started in order");

  uint64_t started = 3, ended = 0;
  const struct {
    uint32_t id;
    uint64_t code;
    bool comes_back;
  } rows[] = {{1, 0, true}, {1, 5, true}, {2, 5, true}, {2, 0, false}, {3, 5, false}};
  for (size_t i = 0; i < 5; i++) {
    end_child(system, rows[i].id, rows[i].code);
    cr_assert(stage_await(&on, CHILD_ENDED, ++ended));
    if (rows[i].comes_back) cr_assert(stage_await(&on, CHILD_STARTED, ++started));
  }
  vlot_actor *first = vlot_actor_find(system, 1);
  cr_assert_not_null(first);
  cr_expect_eq(vlot_actor_address(first).incarnation, 3);
  vlot_actor_release(first);
  cr_expect_null(vlot_actor_find(system, 2));
  cr_expect_null(vlot_actor_find(system, 3));
  cr_expect_eq(vlot_actor_stop(supervisor, STAGE_PATIENCE_NS), VLOT_OK);
  cr_expect_null(vlot_actor_find(system, 1));
  cr_expect_eq(stage_marks(&on, STARTED), stage_marks(&on, FINISHED));
  vlot_actor_release(supervisor);
  stage_end(system);
  cr_expect_eq(stage_marks(&on, CHILD_STARTED), started);
}

Test(promises, p11_too_many_restarts_are_reported_and_end_the_supervisor_not_the_process) {
  vlot_actor_system *system = stage_system();
  vlot_child children[2] = {{.restart = VLOT_CHILD_PERMANENT}, {.restart = VLOT_CHILD_PERMANENT}};
  vlot_supervisor_options options = nursery_options(children, 2);
  vlot_actor *supervisor;
  cr_assert_eq(vlot_supervisor_spawn(system, &options, &supervisor), VLOT_OK);
  for (uint64_t i = 0; i < 3; i++) {
    end_child(system, 2, 7);
    cr_assert(stage_await(&on, CHILD_STARTED, 3 + i));
  }
  watched targets = {.target = supervisor};
  vlot_actor_options watching = stage_options(9, watch, &targets);
  vlot_actor *watcher = stage_spawn(system, &watching);
  stage_send(watcher, MONITOR, 0);
  cr_assert(stage_await(&on, MARKED, 1));
  end_child(system, 2, 7);
  cr_assert(stage_await(&on, CHILD_FAILED, 1));
  cr_assert(stage_await_mails(&on, 1));
  cr_expect_eq(on.mails[0].down.end, VLOT_END_INTENSITY);
  cr_expect_eq(on.mails[0].down.why, VLOT_WHY_RESTART_INTENSITY);
  cr_expect_null(vlot_actor_find(system, 1), "the others were stopped");
  uint64_t last = 0;
  for (size_t i = 0; i < seen.count; i++) {
    if (seen.kinds[i] != VLOT_SUPERVISION_WAITS) continue;
    cr_expect_gt(seen.delays[i], last / 2, "the back-off doubles, less at most a half of jitter");
    last = seen.delays[i];
  }
  cr_expect_geq(last, 2000, "three restarts: 1, 2, 4 microseconds, less a half at most");
  vlot_actor_release(supervisor);
  vlot_actor_release(watcher);
  stage_end(system);
}

static vlot_result renew_badly(void *context, void **actor_context) {
  uint64_t *calls = context;
  *actor_context = NULL;
  return ++*calls == 2 ? VLOT_IO : VLOT_OK;
}

Test(promises, p11_a_failed_restart_is_tried_again) {
  vlot_actor_system *system = stage_system();
  uint64_t calls = 0;
  vlot_child children[1] = {
      {.restart = VLOT_CHILD_PERMANENT, .renew = renew_badly, .context = &calls}};
  vlot_supervisor_options options = nursery_options(children, 1);
  vlot_actor *supervisor;
  cr_assert_eq(vlot_supervisor_spawn(system, &options, &supervisor), VLOT_OK);
  end_child(system, 1, 1);
  cr_assert(stage_await(&on, CHILD_STARTED, 2));
  cr_expect_eq(stage_marks(&on, CHILD_START_FAILED), 1);
  vlot_actor_release(supervisor);
  stage_end(system);
}

Test(promises, p11_a_failed_first_start_fails_the_spawn_and_stops_the_elder_children) {
  vlot_actor_system *system = stage_system();
  vlot_child children[2] = {{.restart = VLOT_CHILD_PERMANENT}, {.restart = VLOT_CHILD_PERMANENT}};
  vlot_supervisor_options options = nursery_options(children, 2);
  children[1].actor.behaviour.start = start_badly;
  vlot_actor *supervisor;
  cr_expect_eq(vlot_supervisor_spawn(system, &options, &supervisor), VLOT_CORRUPT);
  cr_expect_null(supervisor);
  cr_expect_eq(stage_marks(&on, STOPPED), 1);
  cr_expect_eq(stage_marks(&on, FINISHED), 2);
  stage_end(system);
}

Test(promises, p12_children_fall_with_a_supervisor_that_is_killed_and_stop_still_works) {
  vlot_actor_system *system = stage_system();
  vlot_child children[2] = {{.restart = VLOT_CHILD_PERMANENT}, {.restart = VLOT_CHILD_PERMANENT}};
  vlot_supervisor_options options = nursery_options(children, 2);
  vlot_actor *supervisor;
  cr_assert_eq(vlot_supervisor_spawn(system, &options, &supervisor), VLOT_OK);
  vlot_actor *child = vlot_actor_find(system, 1);
  cr_assert_not_null(child);
  cr_expect_eq(vlot_actor_kill_wait(supervisor, VLOT_WHY_ASKED, STAGE_PATIENCE_NS), VLOT_OK);
  cr_expect_eq(vlot_actor_kill_wait(child, VLOT_WHY_ASKED, STAGE_PATIENCE_NS), VLOT_OK);
  cr_expect_null(vlot_actor_find(system, 1));
  cr_expect_null(vlot_actor_find(system, 2));
  vlot_actor_release(child);
  vlot_actor_release(supervisor);
  stage_end(system);
  cr_expect_eq(stage_marks(&on, FENCED), 2);
}
