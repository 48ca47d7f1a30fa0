/* Timers, monitors, ids, postponed events: so many and no more, and what a call says then. */
#include "actor/actor.h"
#include "base/alloc.h"
#include "stage.h"
#include "vlot/actor_statem.h"

static stage on; /* each test is a process of its own */

static void begin(void) { stage_open(&on); }

TestSuite(bounds, .init = begin, .timeout = 60);

Test(bounds, timers_are_so_many_and_no_more) {
  vlot__timers timers = {0};
  const vlot_allocator *allocator = vlot_allocator_default();
  for (uint64_t kind = 1; kind < VLOT_ACTOR_TIMERS_MAX; kind++)
    cr_assert_eq(vlot__timers_set(&timers, allocator, kind, 10), VLOT_OK);
  cr_expect_eq(vlot__timers_set(&timers, allocator, VLOT_ACTOR_TIMERS_MAX, 10), VLOT_OK);
  cr_expect_eq(vlot__timers_set(&timers, allocator, VLOT_ACTOR_TIMERS_MAX + 1, 10), VLOT_BUSY);
  cr_expect_eq(timers.count, VLOT_ACTOR_TIMERS_MAX);
  cr_expect_eq(vlot__timers_set(&timers, allocator, 7, 20), VLOT_OK, "one that is armed already");
  cr_assert(vlot__timers_cancel(&timers, 9));
  cr_expect_eq(vlot__timers_set(&timers, allocator, VLOT_ACTOR_TIMERS_MAX + 1, 10), VLOT_OK);
  vlot__timers_deinit(&timers, allocator);
}

static vlot_actor *target;

/* As if it had so many already. */
static void watch_many(vlot_actor *self, void *context, vlot_turn *turn) {
  (void)context;
  while (vlot_turn_next(turn)) continue;
  if (self->monitor_count > 0) return;
  void *monitors = NULL;
  cr_assert(vlot__alloc_grow(self->system->allocator, &monitors, &self->monitor_capacity,
                             VLOT_ACTOR_MONITORS_MAX, sizeof *self->monitors));
  memset(monitors, 0, VLOT_ACTOR_MONITORS_MAX * sizeof *self->monitors);
  self->monitors = monitors;
  self->monitor_count = VLOT_ACTOR_MONITORS_MAX - 1;
  self->monitor_last = 1;
  uint64_t monitor = 0;
  cr_expect_eq(vlot_actor_monitor(self, target, &monitor), VLOT_OK, "the limit itself");
  cr_expect_eq(self->monitor_count, VLOT_ACTOR_MONITORS_MAX);
  cr_expect_eq(vlot_actor_monitor(self, target, NULL), VLOT_BUSY, "one more");
  cr_expect_eq(vlot_actor_demonitor(self, monitor), VLOT_OK);
  cr_expect_eq(vlot_actor_monitor(self, target, &monitor), VLOT_OK);
  cr_expect_eq(vlot_actor_demonitor(self, monitor), VLOT_OK);
  self->monitor_count = 0;
  stage_mark(&on, 0);
}

Test(bounds, monitors_are_so_many_and_no_more) {
  vlot_actor_system *system = stage_system();
  vlot_actor_options options = stage_options(1, stage_turn, &on);
  target = stage_spawn(system, &options);
  options = stage_options(2, watch_many, &on);
  vlot_actor *watcher = stage_spawn(system, &options);
  cr_assert_eq(vlot_actor_send(NULL, watcher, VLOT_LANE_DATA, 1, 0, NULL, 0), VLOT_OK);
  cr_assert(stage_await(&on, 0, 1));
  vlot_actor_release(watcher);
  vlot_actor_release(target);
  stage_end(system);
}

/* As if so many ids had been used; from 10 on. */
Test(bounds, ids_that_callers_choose_are_so_many_and_no_more) {
  vlot_actor_system *system = stage_system();
  void *entries = NULL;
  size_t capacity = 0;
  cr_assert(vlot__alloc_grow(system->allocator, &entries, &capacity, VLOT_ACTOR_IDS_MAX,
                             sizeof *system->entries));
  vlot__alloc_free(system->allocator, system->entries);
  system->entries = entries;
  system->entry_capacity = capacity;
  system->entry_count = VLOT_ACTOR_IDS_MAX - 1;
  for (uint32_t k = 0; k < system->entry_count; k++)
    system->entries[k] = (vlot__entry){.id = 10 + k};
  vlot_actor_options options = stage_options(1, stage_turn, &on);
  vlot_actor *actor = stage_spawn(system, &options); /* the limit itself */
  vlot_actor_release(actor);
  options = stage_options(2, stage_turn, &on);
  cr_expect_eq(vlot_actor_spawn(system, &options, NULL), VLOT_BUSY, "one more");
  options = stage_options(12, stage_turn, &on);
  cr_expect_eq(vlot_actor_spawn(system, &options, NULL), VLOT_OK, "one that was used before");
  stage_end(system);
}

/* --- postponed events --- */

enum { AGAIN = 1, CHANGE = 2, MAX = 4 };

/* All but CHANGE is postponed for ever, and CHANGE makes two next events that are postponed too. */
static vlot_statem_verdict postpone_all(vlot_statem *machine, void *context, uint32_t state,
                                        const vlot_statem_event *event) {
  (void)context;
  if (event->kind == VLOT_STATEM_ENTER || !event->mail) return VLOT_STATEM_HANDLED;
  if (event->mail->kind == AGAIN) return VLOT_STATEM_POSTPONE;
  cr_assert_eq(vlot_statem_next(machine, AGAIN, 0, NULL, 0), VLOT_OK);
  cr_assert_eq(vlot_statem_next(machine, AGAIN, 0, NULL, 0), VLOT_OK);
  vlot_statem_goto(machine, state + 1);
  return VLOT_STATEM_HANDLED;
}

static void count_disposed(void *context, const vlot_mail *mail, vlot_why why) {
  (void)context;
  if (mail->kind == AGAIN) stage_mark(&on, why == VLOT_WHY_MAILBOX_FULL ? 1 : 2);
}

/* What comes again after a change counts as well: however often the state changes. */
Test(bounds, postponed_events_are_so_many_and_no_more) {
  vlot_statem_options options;
  vlot_statem *machine;
  vlot_statem_options_init(&options);
  options.handler = postpone_all;
  options.dispose = count_disposed;
  options.postponed_max = MAX;
  cr_assert_eq(vlot_statem_open(&options, &machine), VLOT_OK);
  vlot_actor_system *system = stage_system();
  vlot_actor_options actor_options = stage_options(1, stage_turn, machine);
  actor_options.behaviour = vlot_statem_behaviour();
  vlot_actor *actor = stage_spawn(system, &actor_options);
  for (int k = 0; k < MAX - 1; k++)
    cr_assert_eq(vlot_actor_send(NULL, actor, VLOT_LANE_DATA, AGAIN, 0, NULL, 0), VLOT_OK);
  for (int k = 0; k < 10; k++)
    cr_assert_eq(vlot_actor_send(NULL, actor, VLOT_LANE_DATA, CHANGE, 0, NULL, 0), VLOT_OK);
  cr_expect(stage_await(&on, 1, 20 - 1), "one of those that came found room");
  cr_expect_eq(vlot_actor_stop(actor, STAGE_PATIENCE_NS), VLOT_OK);
  vlot_actor_release(actor);
  cr_expect_eq(stage_marks(&on, 1), 20 - 1);
  cr_expect_eq(stage_marks(&on, 2), MAX);
  stage_end(system);
}
