/* Every allocation of a script fails once, alone and with all that follow: the call says NOMEM and
 * nothing has changed, or it succeeds; nothing leaks, hangs or is half done.
 */
#include "stage.h"
#include "vlot/actor_statem.h"
#include "vlot/actor_supervisor.h"

static stage on; /* each test is a process of its own */

enum { SEEN };

static void begin(void) { stage_open(&on); }

TestSuite(memory, .init = begin, .timeout = 120);

static bool is_allowed(vlot_result result) { return result == VLOT_OK || result == VLOT_NOMEM; }

/* Uses each facility that allocates; context: the actor to watch. */
static void use_all(vlot_actor *self, void *context, vlot_turn *turn) {
  const vlot_mail *mail;
  while ((mail = vlot_turn_next(turn))) {
    if (mail->kind == VLOT_MAIL_TIMER || mail->kind == VLOT_MAIL_DOWN) continue;
    uint64_t monitor = 0;
    for (uint64_t kind = 0; kind < 6; kind++)
      cr_expect(is_allowed(vlot_timer_set(self, kind, 0, NULL)));
    for (int i = 0; i < 6; i++) cr_expect(is_allowed(vlot_actor_monitor(self, context, &monitor)));
    if (monitor != 0) vlot_actor_demonitor(self, monitor);
    cr_expect(is_allowed(vlot_actor_link(self, context)));
    vlot_actor_unlink(self, context);
    cr_expect(is_allowed(vlot_actor_reply(self, mail, 1, "answer", 7)));
    stage_mark(&on, SEEN);
  }
}

static void script(const vlot_allocator *allocator) {
  vlot_actor_system_options system_options;
  vlot_actor_system_options_init(&system_options);
  system_options.allocator = allocator;
  vlot_actor_system *system;
  vlot_result opened = vlot_actor_system_open(&system_options, &system);
  cr_assert(is_allowed(opened));
  if (opened != VLOT_OK) return;

  vlot_actor *target = NULL, *actor = NULL;
  vlot_actor_options options = stage_options(1, stage_turn, &on);
  cr_expect(is_allowed(vlot_actor_spawn(system, &options, &target)));
  options = stage_options(2, use_all, target);
  if (target) cr_expect(is_allowed(vlot_actor_spawn(system, &options, &actor)));
  if (actor) {
    /* bounded: the answer may be what could not be allocated */
    vlot_result called = vlot_actor_call(actor, 1, "question", 9, 20000000, NULL);
    cr_expect(is_allowed(called) || called == VLOT_TIMEOUT);
    static const char big[3000];
    for (int i = 0; i < 3; i++)
      cr_expect(is_allowed(vlot_actor_send(NULL, target, VLOT_LANE_DATA, 1, 0, big, sizeof big)));
  }
  vlot_result checked = vlot_actor_system_check(system);
  cr_expect(is_allowed(checked));
  vlot_actor_release(actor);
  vlot_actor_release(target);
  cr_expect_eq(vlot_actor_system_close(system), VLOT_OK, "stop and close need no memory");
}

static void child_turn(vlot_actor *self, void *context, vlot_turn *turn) {
  (void)context;
  while (vlot_turn_next(turn)) vlot_actor_exit(self, VLOT_WHY_ASKED, 1);
}

static void script_of_supervision(const vlot_allocator *allocator) {
  vlot_actor_system_options system_options;
  vlot_actor_system_options_init(&system_options);
  system_options.allocator = allocator;
  vlot_actor_system *system;
  if (vlot_actor_system_open(&system_options, &system) != VLOT_OK) return;
  vlot_child children[2] = {{.actor = stage_options(1, child_turn, NULL)},
                            {.actor = stage_options(2, child_turn, NULL)}};
  vlot_supervisor_options options;
  vlot_supervisor_options_init(&options);
  options.children = children;
  options.child_count = 2;
  options.backoff_ns_min = options.backoff_ns_max = 1;
  vlot_actor *supervisor;
  cr_expect(is_allowed(vlot_supervisor_spawn(system, &options, &supervisor)));
  vlot_actor *child = vlot_actor_find(system, 2);
  if (child) cr_expect(is_allowed(vlot_actor_send(NULL, child, VLOT_LANE_DATA, 1, 0, NULL, 0)));
  vlot_actor_release(child);
  vlot_actor_release(supervisor);
  cr_expect_eq(vlot_actor_system_close(system), VLOT_OK);
}

/* Returns how many allocations the script makes when none fails. */
static uint64_t sweep(void (*run)(const vlot_allocator *)) {
  vlot_fault_allocator *faults = vlot_fault_allocator_open();
  run(vlot_fault_allocator_get(faults));
  uint64_t made = vlot_fault_allocator_made(faults);
  for (uint64_t n = 1; n <= made + 2; n++) {
    for (int sticky = 0; sticky < 2; sticky++) {
      vlot_fault_allocator_fail_at(faults, n, sticky);
      run(vlot_fault_allocator_get(faults));
      vlot_fault_allocator_fail_at(faults, 0, false);
      cr_assert_eq(vlot_fault_allocator_live(faults), 0, "leak when allocation %lu fails",
                   (unsigned long)n);
    }
  }
  vlot_fault_allocator_close(faults);
  return made;
}

Test(memory, no_failed_allocation_breaks_spawn_send_timers_monitors_links_or_calls) {
  cr_expect_gt(sweep(script), 20);
}

Test(memory, no_failed_allocation_breaks_supervision) {
  cr_expect_gt(sweep(script_of_supervision), 10);
}

Test(memory, bad_options_are_refused_and_nothing_is_left) {
  vlot_actor_system *system = stage_system();
  vlot_actor_options good = stage_options(1, stage_turn, &on);
  for (int row = 0; row < 11; row++) {
    vlot_actor_options options = good;
    switch (row) {
    case 0: options.size = 0; break;
    case 1: options.behaviour.turn = NULL; break;
    case 2: options.id = UINT32_C(1) << 31; break;
    case 3: options.data_messages_max = 0; break;
    case 4: options.data_bytes_max = 23; break;
    case 5: options.control_messages_max = 0; break;
    case 6: options.control_bytes_max = 0; break;
    case 7: options.turn_messages_max = 0; break;
    case 8: options.stack_bytes = 1; break;
    case 9: options.place = (vlot_place)9; break;
    default:
      options.place = VLOT_PLACE_CORE;
      options.core = 100000;
      break;
    }
    vlot_actor *actor = (vlot_actor *)&good;
    cr_expect_eq(vlot_actor_spawn(system, &options, &actor), VLOT_INVALID, "row %d", row);
    cr_expect_null(actor);
  }
  vlot_actor_system_status status;
  vlot_actor_system_get_status(system, &status);
  cr_expect_eq(status.actors, 0);
  stage_end(system);

  vlot_actor_system_options options;
  for (int row = 0; row < 4; row++) {
    vlot_actor_system_options_init(&options);
    if (row == 0) options.size = 1;
    if (row == 1) options.letters = 0;
    if (row == 2) options.park_ns_max = 0;
    if (row == 3) options.place = (vlot_place)4;
    cr_expect_eq(vlot_actor_system_open(&options, &system), VLOT_INVALID, "row %d", row);
    cr_expect_null(system);
  }
}

Test(memory, placements_work_where_the_process_may_run) {
  const vlot_place places[] = {VLOT_PLACE_DEFAULT, VLOT_PLACE_KERNEL, VLOT_PLACE_SPREAD};
  vlot_actor_system *system = stage_system();
  for (size_t i = 0; i < 3; i++) {
    vlot_actor_options options = stage_options(0, stage_turn, &on);
    options.place = places[i];
    vlot_actor *actor = stage_spawn(system, &options);
    stage_send(actor, 1, 0);
    cr_assert(stage_await_mails(&on, i + 1));
    vlot_actor_release(actor);
  }
  stage_end(system);
}
