#include <signal.h>
#include <stdio.h>

#include "stage.h"
#include "vlot/actor_statem.h"

static stage on; /* each test is a process of its own */

enum { A, B, C };
enum {
  GO_B = 1,
  GO_C,
  ARM_STATE,
  ARM_EVENT,
  ARM_NAME,
  CANCEL_NAME,
  HOLD_BACK,
  PLAIN,
  ARM_AND_GO_B
};

static const uint64_t soon = 1, never = UINT64_C(3600000000000);

/* A line of text of what was seen: "B" entered B, "m8" mail of kind 8, "s", "e" state and event
 * timeouts, "t5" timeout 5.
 */
static char story[512];

static void tell(const char *format, unsigned long number) {
  size_t used = strlen(story);
  snprintf(story + used, sizeof story - used, format, number);
}

static void arm(vlot_statem *machine, const vlot_mail *mail) {
  uint64_t delay = mail->stamp == 0 ? 0 : mail->stamp == 1 ? soon : never;
  vlot_result result = VLOT_OK;
  if (mail->kind == ARM_STATE || mail->kind == ARM_AND_GO_B)
    result = vlot_statem_set_state_timeout(machine, delay);
  if (mail->kind == ARM_EVENT) result = vlot_statem_set_event_timeout(machine, delay);
  if (mail->kind == ARM_NAME) result = vlot_statem_set_timeout(machine, 5, delay);
  if (mail->kind == CANCEL_NAME) cr_expect(vlot_statem_cancel_timeout(machine, 5));
  cr_assert_eq(result, VLOT_OK);
}

static vlot_statem_verdict handle(vlot_statem *machine, void *context, uint32_t state,
                                  const vlot_statem_event *event) {
  (void)context;
  switch (event->kind) {
  case VLOT_STATEM_ENTER: tell("%c ", 'A' + state); return VLOT_STATEM_HANDLED;
  case VLOT_STATEM_TIMEOUT: tell("t%lu ", (unsigned long)event->name); return VLOT_STATEM_HANDLED;
  case VLOT_STATEM_STATE_TIMEOUT: tell("s ", 0); return VLOT_STATEM_HANDLED;
  case VLOT_STATEM_EVENT_TIMEOUT: tell("e ", 0); return VLOT_STATEM_HANDLED;
  case VLOT_STATEM_MAIL:
  case VLOT_STATEM_NEXT: break;
  }
  const vlot_mail *mail = event->mail;
  if (mail->kind == HOLD_BACK && state < C) return VLOT_STATEM_POSTPONE;
  tell("m%lu ", mail->kind == HOLD_BACK ? 100 + mail->stamp : mail->kind);
  arm(machine, mail);
  if (mail->kind == GO_B || mail->kind == ARM_AND_GO_B) vlot_statem_goto(machine, B);
  if (mail->kind == GO_C) vlot_statem_goto(machine, C);
  return VLOT_STATEM_HANDLED;
}

static uint64_t disposed, finished;

static void dispose(void *context, const vlot_mail *mail, vlot_why why) {
  (void)context;
  (void)mail;
  (void)why;
  disposed++;
}

static void finish(void *context) {
  (void)context;
  finished++;
}

static vlot_statem_options machine_options(void) {
  vlot_statem_options options;
  vlot_statem_options_init(&options);
  options.handler = handle;
  options.dispose = dispose;
  options.finish = finish;
  return options;
}

static vlot_actor *spawn_machine(vlot_actor_system *system, const vlot_statem_options *options) {
  vlot_statem *machine;
  cr_assert_eq(vlot_statem_open(options, &machine), VLOT_OK);
  vlot_actor_options actor = stage_options(1, NULL, machine);
  actor.behaviour = vlot_statem_behaviour();
  actor.is_held = true;
  return stage_spawn(system, &actor);
}

/* Run turns until nothing is left to do; timers of 1 ns are due by then. */
static void run_all(vlot_actor *actor) {
  while (vlot_actor_run(actor)) continue;
}

static void begin(void) { stage_open(&on); }

TestSuite(statem, .init = begin, .timeout = 60);

typedef struct step {
  uint32_t kind;
  uint64_t stamp;
} step;

/* Each row: mail of one turn, then turns until nothing is left. */
Test(statem, timeouts_and_postponed_events_follow_the_state) {
  const struct {
    const char *what;
    step steps[6];
    const char *story;
  } rows[] = {
      {"a state timeout fires in its state", {{ARM_STATE, 0}}, "A m3 s "},
      {"a state timeout that is due ends with its state",
       {{ARM_STATE, 0}, {GO_B, 0}},
       "A m3 m1 B "},
      {"one armed together with a change belongs to the new state",
       {{ARM_AND_GO_B, 0}},
       "A m9 B s "},
      {"any event ends the event timeout, also one that is due",
       {{ARM_EVENT, 0}, {PLAIN, 0}},
       "A m4 m8 "},
      {"an event timeout fires when nothing comes", {{ARM_EVENT, 0}}, "A m4 e "},
      {"a named timeout outlives the state", {{ARM_NAME, 0}, {GO_B, 0}}, "A m5 m1 B t5 "},
      {"a cancelled one never comes", {{ARM_NAME, 0}, {CANCEL_NAME, 0}}, "A m5 m6 "},
      {"an armed one can be armed anew", {{ARM_NAME, 0}, {ARM_NAME, 2}}, "A m5 m5 "},
      {"going where one is is no change", {{GO_B, 0}, {GO_B, 0}}, "A m1 B m1 "},
      {"postponed events wait for a change and come before newer mail",
       {{HOLD_BACK, 1}, {HOLD_BACK, 2}, {PLAIN, 0}, {GO_C, 0}, {PLAIN, 0}},
       "A m8 m2 C m101 m102 m8 "},
      {"postponed twice they keep their order",
       {{HOLD_BACK, 1}, {HOLD_BACK, 2}, {GO_B, 0}, {HOLD_BACK, 3}, {GO_C, 0}},
       "A m1 B m2 C m101 m102 m103 "},
  };
  for (size_t row = 0; row < sizeof rows / sizeof *rows; row++) {
    story[0] = 0;
    vlot_actor_system *system = stage_system();
    vlot_statem_options options = machine_options();
    vlot_actor *actor = spawn_machine(system, &options);
    for (size_t i = 0; i < 6 && rows[row].steps[i].kind != 0; i++)
      stage_send(actor, rows[row].steps[i].kind, rows[row].steps[i].stamp);
    run_all(actor);
    cr_expect_str_eq(story, rows[row].story, "%s: %s", rows[row].what, story);
    vlot_actor_release(actor);
    stage_end(system);
  }
  cr_expect_eq(finished, sizeof rows / sizeof *rows);
}

Test(statem, what_is_postponed_is_bounded_and_disposed_of_at_the_end) {
  vlot_actor_system *system = stage_system();
  vlot_statem_options options = machine_options();
  options.postponed_max = 2;
  vlot_actor *actor = spawn_machine(system, &options);
  for (uint64_t i = 0; i < 5; i++) stage_send(actor, HOLD_BACK, i);
  run_all(actor);
  cr_expect_eq(disposed, 3);
  vlot_actor_release(actor);
  stage_end(system);
  cr_expect_eq(disposed, 5);
  cr_expect_eq(finished, 1);
}

static vlot_statem_verdict next_in_enter(vlot_statem *machine, void *context, uint32_t state,
                                         const vlot_statem_event *event) {
  (void)context;
  (void)state;
  tell(event->kind == VLOT_STATEM_ENTER ? "enter " : "next%lu ",
       event->mail ? event->mail->stamp : 0);
  if (event->kind != VLOT_STATEM_ENTER) return VLOT_STATEM_HANDLED;
  cr_expect_eq(vlot_statem_next(machine, 1, 1, NULL, 0), VLOT_OK);
  cr_expect_eq(vlot_statem_next(machine, 1, 2, "x", 1), VLOT_OK);
  cr_expect_eq(vlot_statem_next(machine, 1, 3, NULL, 0), VLOT_BUSY);
  cr_expect_eq(vlot_statem_next(machine, VLOT_MAIL_DOWN, 3, NULL, 0), VLOT_INVALID);
  cr_expect_eq(vlot_statem_set_timeout(machine, UINT64_MAX, 0), VLOT_INVALID);
  return VLOT_STATEM_HANDLED;
}

Test(statem, next_events_of_the_first_enter_need_no_mail_to_be_handled) {
  vlot_actor_system *system = stage_system();
  vlot_statem_options options = machine_options();
  options.handler = next_in_enter;
  options.next_max = 2;
  vlot_actor *actor = spawn_machine(system, &options);
  run_all(actor);
  cr_expect_str_eq(story, "enter next1 next2 ");
  vlot_actor_release(actor);
  stage_end(system);
}

Test(statem, without_memory_nothing_is_opened_and_bad_options_are_refused) {
  vlot_fault_allocator *faults = vlot_fault_allocator_open();
  vlot_statem_options options = machine_options();
  options.allocator = vlot_fault_allocator_get(faults);
  vlot_statem *machine;
  vlot_fault_allocator_fail_at(faults, 1, true);
  cr_expect_eq(vlot_statem_open(&options, &machine), VLOT_NOMEM);
  cr_expect_null(machine);
  vlot_fault_allocator_fail_at(faults, 0, false);
  options.handler = NULL;
  cr_expect_eq(vlot_statem_open(&options, &machine), VLOT_INVALID);
  options.handler = handle;
  options.size = 1;
  cr_expect_eq(vlot_statem_open(&options, &machine), VLOT_INVALID);
  vlot_statem_close(NULL);
  vlot_fault_allocator_close(faults);
}
