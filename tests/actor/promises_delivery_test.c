/* Promises 1 to 5, 13, 17 to 19 of docs/catalogue.md: delivery, order, bounds, conservation. */
#include <pthread.h>
#include <stdio.h>

#include "stage.h"
#include "vlot/actor_statem.h"

static stage on; /* each test is a process of its own */

static void begin(void) { stage_open(&on); }

TestSuite(promises, .init = begin, .timeout = 60);

Test(promises, p1_a_send_says_what_became_of_it_and_nothing_queued_is_lost) {
  vlot_fault_allocator *faults = vlot_fault_allocator_open();
  vlot_actor_system_options system_options;
  vlot_actor_system_options_init(&system_options);
  system_options.allocator = vlot_fault_allocator_get(faults);
  vlot_actor_system *system;
  cr_assert_eq(vlot_actor_system_open(&system_options, &system), VLOT_OK);
  vlot_actor_options options = stage_options(1, stage_turn, &on);
  options.is_held = true;
  options.data_messages_max = 4;
  vlot_actor *actor = stage_spawn(system, &options);

  vlot_fault_allocator_fail_at(faults, 1, false);
  cr_expect_eq(vlot_actor_send(NULL, actor, VLOT_LANE_DATA, 1, 0, NULL, 0), VLOT_NOMEM);
  for (uint64_t i = 0; i < 4; i++)
    cr_expect_eq(vlot_actor_send(NULL, actor, VLOT_LANE_DATA, 1, i, NULL, 0), VLOT_OK);
  cr_expect_eq(vlot_actor_send(NULL, actor, VLOT_LANE_DATA, 1, 4, NULL, 0), VLOT_BUSY);
  cr_expect_eq(vlot_actor_stop(actor, STAGE_PATIENCE_NS), VLOT_OK);
  cr_expect_eq(vlot_actor_send(NULL, actor, VLOT_LANE_DATA, 1, 5, NULL, 0), VLOT_CLOSED);

  vlot_letter letters[8];
  cr_assert_eq(vlot_actor_system_letters(system, letters, 8), 4);
  for (uint64_t i = 0; i < 4; i++)
    cr_expect(letters[i].stamp == i && letters[i].why == VLOT_WHY_NODE_DOWN);
  cr_expect_eq(vlot_actor_system_letter_count(system, VLOT_WHY_NODE_DOWN), 4);
  vlot_actor_release(actor);
  stage_end(system);
  vlot_fault_allocator_close(faults);
}

Test(promises, p1_bad_input_is_refused_and_changes_nothing) {
  vlot_actor_system *system = stage_system();
  vlot_actor_options options = stage_options(1, stage_turn, &on);
  options.is_held = true;
  options.data_bytes_max = 100;
  vlot_actor *actor = stage_spawn(system, &options);
  const char bytes[200] = {0};
  const struct {
    vlot_lane lane;
    uint32_t kind;
    const void *payload;
    size_t size;
    vlot_result result;
  } rows[] = {
      {VLOT_LANE_DATA, VLOT_MAIL_RESERVED, NULL, 0, VLOT_INVALID},
      {VLOT_LANE_DATA, VLOT_MAIL_DOWN, NULL, 0, VLOT_INVALID},
      {(vlot_lane)2, 1, NULL, 0, VLOT_INVALID},
      {VLOT_LANE_DATA, 1, NULL, 1, VLOT_INVALID},
      {VLOT_LANE_DATA, 1, bytes, 77, VLOT_TOO_LARGE},
      {VLOT_LANE_DATA, 1, bytes, SIZE_MAX, VLOT_TOO_LARGE},
      {VLOT_LANE_DATA, 1, bytes, 72, VLOT_OK},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    cr_expect_eq(
        vlot_actor_send(NULL, actor, rows[i].lane, rows[i].kind, 0, rows[i].payload, rows[i].size),
        rows[i].result, "row %zu", i);
  vlot_actor_status status;
  vlot_actor_get_status(actor, &status);
  cr_expect_eq(status.sent, 1);
  cr_expect(vlot_actor_run(actor));
  vlot_actor_release(actor);
  stage_end(system);
}

static void send_numbers(vlot_actor *self, void *context, vlot_turn *turn) {
  vlot_actor *to = context;
  const vlot_mail *mail;
  while ((mail = vlot_turn_next(turn)))
    for (uint64_t i = 0; i < mail->stamp; i++)
      cr_assert_eq(vlot_actor_send(self, to, VLOT_LANE_DATA, 1, i, NULL, 0), VLOT_OK);
}

Test(promises, p2_mail_of_one_sender_to_one_receiver_keeps_its_order) {
  enum { SENDERS = 3, EACH = 2000 };
  vlot_actor_system *system = stage_system();
  vlot_actor_options options = stage_options(9, stage_turn, &on);
  options.turn_messages_max = 7; /* order must survive what is left over from turn to turn */
  vlot_actor *receiver = stage_spawn(system, &options);
  for (uint32_t id = 1; id <= SENDERS; id++) {
    vlot_actor_options sender = stage_options(id, send_numbers, receiver);
    vlot_actor *actor = stage_spawn(system, &sender);
    stage_send(actor, 1, EACH);
    vlot_actor_release(actor);
  }
  cr_assert(stage_await_mails(&on, SENDERS * EACH));
  uint64_t next[SENDERS + 1] = {0};
  for (size_t i = 0; i < SENDERS * EACH; i++)
    cr_assert_eq(on.mails[i].stamp, next[on.mails[i].sender.id]++);
  vlot_actor_release(receiver);
  stage_end(system);
}

Test(promises, p3_mail_never_passes_from_one_incarnation_to_the_next) {
  vlot_actor_system *system = stage_system();
  vlot_actor_options options = stage_options(3, stage_turn, &on);
  options.is_held = true;
  vlot_actor *first = stage_spawn(system, &options);
  vlot_address old = vlot_actor_address(first);
  stage_send(first, 1, 10);
  cr_expect_eq(vlot_actor_send_to(system, NULL, old, VLOT_LANE_DATA, 1, 11, NULL, 0), VLOT_OK);
  cr_expect_eq(vlot_actor_kill_wait(first, VLOT_WHY_ASKED, STAGE_PATIENCE_NS), VLOT_OK);

  options.is_held = false;
  vlot_actor *second = stage_spawn(system, &options);
  cr_expect_eq(vlot_actor_address(second).incarnation, old.incarnation + 1);
  cr_expect_eq(vlot_actor_send_to(system, NULL, old, VLOT_LANE_DATA, 1, 12, NULL, 0), VLOT_CLOSED);
  cr_expect_eq(vlot_actor_send(NULL, first, VLOT_LANE_DATA, 1, 13, NULL, 0), VLOT_CLOSED);
  stage_send(second, 1, 20);
  cr_assert(stage_await_mails(&on, 1));
  cr_expect_eq(on.mails[0].stamp, 20);
  vlot_letter letters[4];
  cr_assert_eq(vlot_actor_system_letters(system, letters, 4), 2);
  for (uint64_t i = 0; i < 2; i++)
    cr_expect(letters[i].stamp == 10 + i && letters[i].receiver.incarnation == old.incarnation &&
              letters[i].why == VLOT_WHY_KILLED);
  vlot_actor_release(first);
  vlot_actor_release(second);
  stage_end(system);
  cr_expect_eq(stage_mail_count(&on), 1);
}

Test(promises, p4_control_comes_first_and_a_turn_is_bounded) {
  vlot_actor_system *system = stage_system();
  vlot_actor_options options = stage_options(1, stage_turn, &on);
  options.is_held = true;
  options.turn_messages_max = 3;
  vlot_actor *actor = stage_spawn(system, &options);
  for (uint64_t i = 0; i < 5; i++) stage_send(actor, 1, i);
  for (uint64_t i = 0; i < 5; i++)
    cr_assert_eq(vlot_actor_send(NULL, actor, VLOT_LANE_CONTROL, 2, i, NULL, 0), VLOT_OK);
  cr_assert(vlot_actor_run(actor));
  cr_assert_eq(on.mail_count, 8);
  for (uint64_t i = 0; i < 5; i++)
    cr_expect(on.mails[i].lane == VLOT_LANE_CONTROL && on.mails[i].stamp == i);
  for (uint64_t i = 0; i < 3; i++)
    cr_expect(on.mails[5 + i].lane == VLOT_LANE_DATA && on.mails[5 + i].stamp == i);
  stage_send(actor, 1, 5);
  cr_assert(vlot_actor_run(actor));
  cr_assert(vlot_actor_run(actor));
  cr_assert_not(vlot_actor_run(actor));
  cr_assert_eq(on.mail_count, 11);
  for (uint64_t i = 3; i < 6; i++) cr_expect_eq(on.mails[5 + i].stamp, i, "left over comes first");
  vlot_actor_release(actor);
  stage_end(system);
}

Test(promises, p4_a_turn_is_bounded_in_bytes_but_takes_one_record_always) {
  vlot_actor_system *system = stage_system();
  vlot_actor_options options = stage_options(1, stage_turn, &on);
  options.is_held = true;
  options.turn_bytes_max = 100;
  vlot_actor *actor = stage_spawn(system, &options);
  static const char bytes[500];
  const size_t sizes[] = {500, 16, 16, 16};
  for (size_t i = 0; i < 4; i++)
    cr_assert_eq(vlot_actor_send(NULL, actor, VLOT_LANE_DATA, 1, i, bytes, sizes[i]), VLOT_OK);
  const size_t seen[] = {1, 3, 4};
  for (size_t i = 0; i < 3; i++) {
    cr_assert(vlot_actor_run(actor));
    cr_expect_eq(on.mail_count, seen[i], "turn %zu", i);
  }
  vlot_actor_release(actor);
  stage_end(system);
}

Test(promises, p4_a_tick_keeps_its_place_and_at_most_one_is_pending) {
  vlot_actor_system *system = stage_system();
  vlot_actor_options options = stage_options(1, stage_turn, &on);
  options.is_held = true;
  vlot_actor *actor = stage_spawn(system, &options);
  stage_send(actor, 1, 100);
  for (uint64_t tick = 1; tick <= 3; tick++) {
    cr_assert_eq(vlot_actor_send_latest(NULL, actor, 7, tick, &tick, sizeof tick), VLOT_OK);
    stage_send(actor, 1, 100 + tick);
  }
  cr_assert(vlot_actor_run(actor));
  const uint64_t stamps[] = {100, 3, 101, 102, 103};
  cr_assert_eq(on.mail_count, 5);
  for (size_t i = 0; i < 5; i++) cr_expect_eq(on.mails[i].stamp, stamps[i]);
  cr_assert_eq(vlot_actor_send_latest(NULL, actor, 7, 9, NULL, 0), VLOT_OK);
  cr_assert(vlot_actor_run(actor));
  cr_expect_eq(on.mails[5].stamp, 9);
  vlot_actor_status status;
  vlot_actor_get_status(actor, &status);
  cr_expect_eq(status.dropped, 2);
  vlot_actor_release(actor);
  stage_end(system);
}

/* --- 5 --- */

enum { IDLE, BUSY_STATE };

static vlot_statem_verdict two_states(vlot_statem *machine, void *context, uint32_t state,
                                      const vlot_statem_event *event) {
  (void)context;
  if (event->kind == VLOT_STATEM_ENTER) return VLOT_STATEM_HANDLED;
  const vlot_mail *mail = event->mail;
  if (state == IDLE && mail->kind == 1) return VLOT_STATEM_POSTPONE;
  stage_note(&on, mail, VLOT_LANE_DATA);
  if (mail->kind == 2) {
    vlot_statem_goto(machine, BUSY_STATE);
    for (uint64_t i = 0; i < 2; i++)
      cr_assert_eq(vlot_statem_next(machine, 3, i, NULL, 0), VLOT_OK);
  }
  return VLOT_STATEM_HANDLED;
}

Test(promises, p5_next_events_come_before_all_and_postponed_ones_return_in_order) {
  vlot_actor_system *system = stage_system();
  vlot_statem_options machine_options;
  vlot_statem_options_init(&machine_options);
  machine_options.handler = two_states;
  vlot_statem *machine;
  cr_assert_eq(vlot_statem_open(&machine_options, &machine), VLOT_OK);
  vlot_actor_options options = stage_options(1, NULL, machine);
  options.behaviour = vlot_statem_behaviour();
  options.is_held = true;
  vlot_actor *actor = stage_spawn(system, &options);
  stage_send(actor, 1, 10);
  stage_send(actor, 1, 11);
  stage_send(actor, 2, 0);
  stage_send(actor, 4, 0);
  cr_assert(vlot_actor_run(actor));
  const uint32_t kinds[] = {2, 3, 3, 1, 1, 4};
  const uint64_t stamps[] = {0, 0, 1, 10, 11, 0};
  cr_assert_eq(on.mail_count, 6);
  for (size_t i = 0; i < 6; i++)
    cr_expect(on.mails[i].kind == kinds[i] && on.mails[i].stamp == stamps[i], "event %zu", i);
  vlot_actor_release(actor);
  stage_end(system);
}

/* --- 13 --- */

Test(promises, p13_stamps_are_the_callers_and_pass_through_unread) {
  vlot_actor_system *system = stage_system();
  vlot_actor_options options = stage_options(1, stage_turn, &on);
  options.is_held = true;
  vlot_actor *actor = stage_spawn(system, &options);
  const uint64_t stamps[] = {UINT64_MAX, 0, 7, UINT64_MAX - 1, 7};
  for (size_t i = 0; i < 5; i++) stage_send(actor, 1, stamps[i]);
  cr_assert(vlot_actor_run(actor));
  for (size_t i = 0; i < 5; i++) cr_expect_eq(on.mails[i].stamp, stamps[i]);
  vlot_actor_release(actor);
  stage_end(system);
}

/* --- 17, 18, 19 --- */

Test(promises, p17_data_cannot_use_up_the_capacity_of_control_and_refusals_are_counted) {
  vlot_actor_system *system = stage_system();
  vlot_actor_options options = stage_options(1, stage_turn, &on);
  options.is_held = true;
  options.data_messages_max = 10;
  options.control_messages_max = 2;
  vlot_actor *actor = stage_spawn(system, &options);
  for (int i = 0; i < 15; i++)
    cr_expect_eq(vlot_actor_send(NULL, actor, VLOT_LANE_DATA, 1, 0, NULL, 0),
                 i < 10 ? VLOT_OK : VLOT_BUSY);
  for (int i = 0; i < 3; i++)
    cr_expect_eq(vlot_actor_send(NULL, actor, VLOT_LANE_CONTROL, 1, 0, NULL, 0),
                 i < 2 ? VLOT_OK : VLOT_BUSY);
  vlot_actor_status status;
  vlot_actor_get_status(actor, &status);
  cr_expect_eq(status.refused, 6);
  cr_expect_eq(status.queued, 12);
  cr_assert(vlot_actor_run(actor));
  stage_send(actor, 1, 0);
  vlot_actor_release(actor);
  stage_end(system);
}

static void watch_then_note(vlot_actor *self, void *context, vlot_turn *turn) {
  const vlot_mail *mail;
  while ((mail = vlot_turn_next(turn))) {
    if (mail->kind == 5)
      cr_assert_eq(vlot_actor_monitor(self, context, NULL), VLOT_OK);
    else
      stage_note(&on, mail, vlot_turn_lane(turn));
  }
}

Test(promises, p17_a_death_notice_has_its_place_reserved_in_a_full_mailbox_and_without_memory) {
  vlot_fault_allocator *faults = vlot_fault_allocator_open();
  vlot_actor_system_options system_options;
  vlot_actor_system_options_init(&system_options);
  system_options.allocator = vlot_fault_allocator_get(faults);
  vlot_actor_system *system;
  cr_assert_eq(vlot_actor_system_open(&system_options, &system), VLOT_OK);
  vlot_actor_options options = stage_options(1, stage_turn, &on);
  vlot_actor *target = stage_spawn(system, &options);
  options = stage_options(2, watch_then_note, target);
  options.is_held = true;
  options.data_messages_max = 2;
  vlot_actor *watcher = stage_spawn(system, &options);
  stage_send(watcher, 5, 0);
  cr_assert(vlot_actor_run(watcher));
  stage_send(watcher, 1, 0);
  stage_send(watcher, 1, 1);
  cr_expect_eq(vlot_actor_send(NULL, watcher, VLOT_LANE_DATA, 1, 2, NULL, 0), VLOT_BUSY);
  vlot_fault_allocator_fail_at(faults, 1, true);
  cr_expect_eq(vlot_actor_kill_wait(target, VLOT_WHY_ASKED, STAGE_PATIENCE_NS), VLOT_OK);
  vlot_fault_allocator_fail_at(faults, 0, false);
  cr_assert(vlot_actor_run(watcher));
  cr_assert_eq(on.mail_count, 3);
  cr_expect_eq(on.mails[2].kind, VLOT_MAIL_DOWN);
  cr_expect_eq(on.mails[2].down.end, VLOT_END_KILLED);
  vlot_actor_release(target);
  vlot_actor_release(watcher);
  stage_end(system);
  vlot_fault_allocator_close(faults);
}

static void try_to_block(vlot_actor *self, void *context, vlot_turn *turn) {
  vlot_actor *full = context;
  const vlot_mail *mail = vlot_turn_next(turn);
  if (!mail) return;
  vlot_actor_system *system = vlot_actor_get_system(self);
  cr_expect_eq(vlot_actor_send(self, full, VLOT_LANE_DATA, 1, 0, NULL, 0), VLOT_BUSY);
  cr_expect_eq(vlot_actor_call(full, 1, NULL, 0, VLOT_FOREVER, NULL), VLOT_DEADLOCK);
  cr_expect_eq(vlot_actor_stop(self, VLOT_FOREVER), VLOT_DEADLOCK);
  cr_expect_eq(vlot_actor_kill_wait(self, VLOT_WHY_ASKED, VLOT_FOREVER), VLOT_DEADLOCK);
  cr_expect_eq(vlot_actor_grant(self), VLOT_DEADLOCK);
  cr_expect_eq(vlot_actor_system_stop(system), VLOT_DEADLOCK);
  cr_expect_eq(vlot_actor_hold(self, VLOT_FOREVER), VLOT_OK);
  vlot_actor_unhold(self);
  stage_mark(&on, 0);
}

Test(promises, p18_an_actor_never_waits_for_a_mailbox_an_answer_or_itself) {
  vlot_actor_system *system = stage_system();
  vlot_actor_options options = stage_options(1, stage_turn, &on);
  options.is_held = true;
  options.data_messages_max = 1;
  vlot_actor *full = stage_spawn(system, &options);
  stage_send(full, 1, 0);
  options = stage_options(2, try_to_block, full);
  vlot_actor *actor = stage_spawn(system, &options);
  stage_send(actor, 1, 0);
  cr_assert(stage_await(&on, 0, 1));
  vlot_actor_release(full);
  vlot_actor_release(actor);
  stage_end(system);
}

static vlot_actor *flooded;

static void *flood(void *argument) {
  (void)argument;
  for (uint64_t i = 0; i < 20000; i++)
    while (vlot_actor_send(NULL, flooded, VLOT_LANE_DATA, 1, i, &i, sizeof i) == VLOT_BUSY)
      continue;
  return NULL;
}

static void discard(vlot_actor *self, void *context, vlot_turn *turn) {
  (void)self;
  (void)context;
  while (vlot_turn_next(turn)) continue;
}

Test(promises, p19_sent_is_processed_plus_queued_plus_dropped_at_any_time) {
  vlot_actor_system *system = stage_system();
  vlot_actor_options options = stage_options(1, discard, NULL);
  options.data_messages_max = 500;
  options.turn_messages_max = 100;
  flooded = stage_spawn(system, &options);
  pthread_t threads[2];
  for (int i = 0; i < 2; i++) cr_assert_eq(pthread_create(&threads[i], NULL, flood, NULL), 0);
  for (int i = 0; i < 200; i++) cr_assert_eq(vlot_actor_system_check(system), VLOT_OK);
  for (int i = 0; i < 2; i++) pthread_join(threads[i], NULL);
  vlot_actor_status status;
  vlot_actor_get_status(flooded, &status);
  cr_expect_eq(status.sent, 40000);
  cr_expect_eq(vlot_actor_hold(flooded, STAGE_PATIENCE_NS), VLOT_OK);
  for (int i = 0; i < 5; i++) stage_send(flooded, 1, 0);
  cr_expect_eq(vlot_actor_stop(flooded, STAGE_PATIENCE_NS), VLOT_OK);
  vlot_actor_system_status totals;
  vlot_actor_system_get_status(system, &totals);
  cr_expect_eq(totals.sent, 40005);
  cr_expect_eq(totals.sent, totals.processed + totals.dropped);
  cr_expect_eq(totals.dropped, vlot_actor_system_letter_count(system, VLOT_WHY_NONE));
  vlot_actor_release(flooded);
  stage_end(system);
}
