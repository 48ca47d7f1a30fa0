#include "stage.h"

static stage on; /* each test is a process of its own */

enum { ENTERED, CUE, RAN };

static void publish(vlot_actor *self, void *context, vlot_turn *turn) {
  (void)context;
  const vlot_mail *mail;
  while ((mail = vlot_turn_next(turn))) {
    uint8_t data[VLOT_OWNER_DATA] = {0};
    data[0] = (uint8_t)mail->stamp;
    vlot_actor_publish(self, data);
    if (mail->kind == 2) {
      stage_mark(&on, ENTERED);
      cr_assert(stage_await(&on, CUE, 1));
    }
    if (mail->kind == 3) vlot_actor_note(self, VLOT_WHY_FORCED, mail->stamp);
    stage_mark(&on, RAN);
  }
}

static void begin(void) { stage_open(&on); }

TestSuite(status, .init = begin, .timeout = 60);

Test(status, is_what_the_last_turn_published_and_is_read_without_waiting) {
  vlot_actor_system *system = stage_system();
  vlot_actor_options options = stage_options(6, publish, NULL);
  options.name = "a name that is longer than a thread's";
  vlot_actor *actor = stage_spawn(system, &options);
  vlot_actor_status status;
  vlot_actor_get_status(actor, &status);
  cr_expect_eq(status.turns, 0, "reading wakes nobody");
  cr_expect_str_eq(status.name, "a name that is ");
  cr_expect_eq(status.data[0], 0);
  stage_send(actor, 1, 11);
  stage_send(actor, 2, 22);
  cr_assert(stage_await(&on, ENTERED, 1));
  stage_send(actor, 1, 33);
  vlot_actor_get_status(actor, &status);
  cr_expect_eq(status.state, VLOT_ACTOR_RUNNING);
  cr_expect(status.data[0] == 0 || status.data[0] == 11, "not what the present turn has set");
  cr_expect_eq(status.sent, 3);
  cr_expect_geq(status.queued, 2);
  uint64_t turns = status.turns;
  vlot_actor_get_status(actor, &status);
  cr_expect_eq(status.turns, turns, "the same turn");
  stage_mark(&on, CUE);
  cr_assert(stage_await(&on, RAN, 3));
  cr_assert_eq(vlot_actor_hold(actor, STAGE_PATIENCE_NS), VLOT_OK);
  vlot_actor_get_status(actor, &status);
  cr_expect(status.data[0] == 33 && status.processed == 3 && status.queued == 0);
  cr_expect_eq(status.state, VLOT_ACTOR_PARKED);
  cr_expect_lt(status.age_ns, STAGE_PATIENCE_NS);
  vlot_actor_unhold(actor);
  cr_expect_eq(vlot_actor_stop(actor, STAGE_PATIENCE_NS), VLOT_OK);
  vlot_actor_get_status(actor, &status);
  cr_expect(status.state == VLOT_ACTOR_GONE && status.end == VLOT_END_NORMAL);
  cr_expect(vlot_actor_is_gone(actor));
  vlot_actor_release(actor);
  stage_end(system);
}

Test(status, the_last_events_are_kept_and_turns_in_a_row_are_one) {
  vlot_actor_system *system = stage_system();
  vlot_actor_options options = stage_options(6, publish, NULL);
  options.is_held = true;
  vlot_actor *actor = stage_spawn(system, &options);
  for (int i = 0; i < 3; i++) {
    stage_send(actor, 1, 0);
    stage_send(actor, 1, 0);
    cr_assert(vlot_actor_run(actor));
  }
  cr_expect_eq(vlot_actor_suspend(actor, 0), VLOT_OK);
  vlot_actor_resume(actor);
  stage_send(actor, 3, 99);
  cr_assert(vlot_actor_run(actor));
  vlot_actor_kill_wait(actor, VLOT_WHY_FORCED, STAGE_PATIENCE_NS);
  vlot_actor_event events[VLOT_ACTOR_EVENTS];
  const struct {
    vlot_actor_event_kind kind;
    uint64_t value;
  } rows[] = {{VLOT_ACTOR_EVENT_STARTED, 0},   {VLOT_ACTOR_EVENT_TURN, 6},
              {VLOT_ACTOR_EVENT_SUSPENDED, 0}, {VLOT_ACTOR_EVENT_RESUMED, 0},
              {VLOT_ACTOR_EVENT_NOTE, 99},     {VLOT_ACTOR_EVENT_TURN, 1},
              {VLOT_ACTOR_EVENT_KILLED, 0},    {VLOT_ACTOR_EVENT_GONE, 0}};
  cr_assert_eq(vlot_actor_events(actor, events, VLOT_ACTOR_EVENTS), 8);
  for (size_t i = 0; i < 8; i++)
    cr_expect(events[i].kind == rows[i].kind && events[i].value == rows[i].value &&
              events[i].sequence == i + 1);
  cr_expect_eq(events[6].why, VLOT_WHY_FORCED);
  cr_expect_eq(vlot_actor_events(actor, events, 1), 1);
  cr_expect_eq(events[0].kind, VLOT_ACTOR_EVENT_GONE, "the newest are kept");
  vlot_actor_release(actor);
  stage_end(system);
}

Test(status, names_and_ids_are_given_or_assigned) {
  vlot_actor_system *system = stage_system();
  vlot_actor_options options = stage_options(12, stage_turn, &on);
  vlot_actor *given = stage_spawn(system, &options);
  options.id = 0;
  vlot_actor *first = stage_spawn(system, &options), *second = stage_spawn(system, &options);
  vlot_actor_status status;
  vlot_actor_get_status(given, &status);
  cr_expect_str_eq(status.name, "vlot-12");
  cr_expect_eq(vlot_actor_address(first).id, UINT32_C(1) << 31);
  cr_expect_eq(vlot_actor_address(second).id, (UINT32_C(1) << 31) + 1);
  vlot_actor_release(given);
  vlot_actor_release(first);
  vlot_actor_release(second);
  stage_end(system);
}

Test(status, dead_letters_are_kept_in_a_ring_and_counted_beyond_it) {
  vlot_actor_system_options system_options;
  vlot_actor_system_options_init(&system_options);
  system_options.letters = 4;
  vlot_actor_system *system;
  cr_assert_eq(vlot_actor_system_open(&system_options, &system), VLOT_OK);
  vlot_actor_options options = stage_options(1, stage_turn, &on);
  options.is_held = true;
  vlot_actor *actor = stage_spawn(system, &options);
  for (uint64_t i = 0; i < 10; i++) stage_send(actor, 1, i);
  cr_expect_eq(vlot_actor_kill_wait(actor, VLOT_WHY_ASKED, STAGE_PATIENCE_NS), VLOT_OK);
  vlot_letter letters[8];
  cr_assert_eq(vlot_actor_system_letters(system, letters, 8), 4);
  for (uint64_t i = 0; i < 4; i++) cr_expect_eq(letters[i].stamp, 6 + i);
  cr_expect_eq(vlot_actor_system_letters(system, letters, 2), 2);
  cr_expect_eq(letters[1].stamp, 9);
  cr_expect_eq(vlot_actor_system_letter_count(system, VLOT_WHY_KILLED), 10);
  cr_expect_eq(vlot_actor_system_letter_count(system, VLOT_WHY_NODE_DOWN), 0);
  cr_expect_eq(vlot_actor_system_letter_count(system, (vlot_why)1000000), 0);
  vlot_actor_release(actor);
  stage_end(system);
}

Test(status, an_idle_actor_costs_less_than_six_kibibytes_beside_its_stack) {
  vlot_fault_allocator *faults = vlot_fault_allocator_open();
  vlot_actor_system_options system_options;
  vlot_actor_system_options_init(&system_options);
  system_options.allocator = vlot_fault_allocator_get(faults);
  vlot_actor_system *system;
  cr_assert_eq(vlot_actor_system_open(&system_options, &system), VLOT_OK);
  vlot_actor_options options = stage_options(1, stage_turn, &on);
  vlot_actor *actor = stage_spawn(system, &options);
  uint64_t before = vlot_fault_allocator_live(faults);
  for (uint64_t i = 0; i < 50; i++) {
    stage_send(actor, 1, i);
    cr_assert(stage_await_mails(&on, i + 1));
  }
  /* chunks of 1 KiB: in the lane, in hand, and of control */
  cr_expect_leq(vlot_fault_allocator_live(faults) - before, 3);
  vlot_actor_release(actor);
  stage_end(system);
  vlot_fault_allocator_close(faults);
}
