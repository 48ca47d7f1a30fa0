/* Every duty of a caller, layer by layer: it is broken in a process of its own, and said in the
 * words of the header (tools/check_duties.py holds the three together).
 */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/lock.h"
#include "basin.h"
#include "duty.h"
#include "vlot/actor_statem.h"
#include "vlot/raft_log.h"
#include "vlot/vlot.h"

#define PATIENCE_NS UINT64_C(10000000000)

/* --- base ------------------------------------------------------------------------------------- */

/* Nothing is given back: a reference too few can be seen in what would be freed. */
static void *keep(void *context, void *memory, size_t size) {
  (void)context;
  return size > 0 ? realloc(memory, size) : NULL;
}
static const vlot_allocator keeps = {.resize = keep};

static void release_bytes_twice(void *context) {
  (void)context;
  vlot_bytes *bytes = vlot_bytes_copy(&keeps, "x", 1);
  for (int k = 0; k < 2; k++) vlot_bytes_release(bytes);
}

static void close_allocator_in_use(void *context) {
  (void)context;
  vlot_fault_allocator *faults = vlot_fault_allocator_open();
  (void)vlot_bytes_copy(vlot_fault_allocator_get(faults), "x", 1);
  vlot_fault_allocator_close(faults);
}

static void take_two_locks(void *context) {
  (void)context;
  pthread_mutex_t one = PTHREAD_MUTEX_INITIALIZER, two = PTHREAD_MUTEX_INITIALIZER;
  vlot__lock(&one);
  vlot__lock(&two);
}

/* --- raft ------------------------------------------------------------------------------------- */

static vlot_batch *batch_of(uint32_t count) {
  vlot_entry entries[3] = {{.kind = VLOT_ENTRY_COMMAND}, {.kind = VLOT_ENTRY_COMMAND}};
  return vlot_batch_make(&keeps, entries, NULL, count);
}

static void release_batch_twice(void *context) {
  (void)context;
  vlot_batch *batch = batch_of(1);
  for (int k = 0; k < 2; k++) vlot_batch_release(batch);
}

static void release_snapshot_twice(void *context) {
  (void)context;
  vlot_snapshot_head head = {.index = 1, .term = 1};
  head.configuration = vlot_configuration_make(&keeps, &(vlot_member){.id = 1}, 1, NULL, 0);
  vlot_bytes *bytes = vlot_bytes_copy(&keeps, NULL, 0);
  vlot_snapshot *snapshot = vlot_snapshot_make(&keeps, &head, bytes);
  vlot_snapshot_release(snapshot);
  vlot_snapshot_release(snapshot);
}
static void release_configuration_twice(void *context) {
  (void)context;
  vlot_raft_options options;
  vlot_raft_options_init(&options);
  vlot_raft *raft;
  options.allocator = &keeps;
  options.id = 1;
  options.members = &(vlot_member){.id = 1};
  options.member_count = 1;
  if (vlot_raft_open(&raft, &options, NULL) != VLOT_OK) return;
  vlot_configuration *configuration =
      vlot_configuration_retain(vlot_raft_configuration(raft, NULL));
  vlot_raft_close(raft);
  for (int k = 0; k < 2; k++) vlot_configuration_release(configuration);
}

static void apply_what_was_not_handed_out(void *context) {
  (void)context;
  basin *b = basin_of(3);
  basin_make_leader(b, 1);
  basin_apply_to(b, 1, basin_status(b, 1).commit_index + 1);
}

/* Entries 12 and 13 above a base, and room for one slice more. */
static vlot_log two_above_a_base(void) {
  vlot_log log;
  vlot_log_init(&log, NULL, 10, 1);
  if (!vlot_log_reserve(&log, 2)) abort();
  vlot_log_append(&log, &(vlot_slice){.batch = batch_of(3), .index = 11, .term = 1, .count = 3});
  vlot_log_compact(&log, 11);
  return log;
}

static void append(vlot_log *log, uint64_t index, uint32_t count) {
  vlot_log_append(log,
                  &(vlot_slice){.batch = batch_of(1), .index = index, .term = 1, .count = count});
}

static void append_nothing(void *context) {
  (void)context;
  vlot_log log = two_above_a_base();
  append(&log, 14, 0);
}
static void append_behind_a_gap(void *context) {
  (void)context;
  vlot_log log = two_above_a_base();
  append(&log, 15, 1);
}
static void append_without_room(void *context) {
  (void)context;
  vlot_log log = two_above_a_base();
  for (uint32_t k = 0; k <= VLOT_LOG_SEGMENT; k++) append(&log, 14 + k, 1);
}
static void truncate_at_the_base(void *context) {
  (void)context;
  vlot_log log = two_above_a_base();
  vlot_log_truncate(&log, 11);
}
static void compact_below_the_base(void *context) {
  (void)context;
  vlot_log log = two_above_a_base();
  vlot_log_compact(&log, 10);
}
static void compact_above_the_last(void *context) {
  (void)context;
  vlot_log log = two_above_a_base();
  vlot_log_compact(&log, 14);
}
static void find_the_base(void *context) {
  (void)context;
  vlot_log log = two_above_a_base();
  (void)vlot_log_find(&log, 11);
}
static void find_above_the_last(void *context) {
  (void)context;
  vlot_log log = two_above_a_base();
  (void)vlot_log_find(&log, 14);
}

/* --- actor ------------------------------------------------------------------------------------ */

static void take_mail(vlot_actor *self, void *context, vlot_turn *turn) {
  (void)self, (void)context;
  while (vlot_turn_next(turn)) {
  }
}

static vlot_actor *spawn(const vlot_actor_options *like, const vlot_behaviour *behaviour) {
  vlot_actor_system_options system_options;
  vlot_actor_system_options_init(&system_options);
  system_options.allocator = &keeps;
  vlot_actor_system *system;
  vlot_actor_options options;
  vlot_actor *actor = NULL;
  vlot_actor_options_init(&options);
  if (like) options = *like;
  if (behaviour) options.behaviour = *behaviour;
  if (vlot_actor_system_open(&system_options, &system) != VLOT_OK) abort();
  (void)!vlot_actor_spawn(system, &options, &actor);
  return actor;
}

static void release_actor_twice(void *context) {
  (void)context;
  vlot_actor *actor = spawn(NULL, &(vlot_behaviour){.turn = take_mail});
  (void)vlot_actor_stop(actor, PATIENCE_NS);
  vlot_actor_system_close(vlot_actor_get_system(actor));
  for (int k = 0; k < 2; k++) vlot_actor_release(actor);
}

static void unhold_what_is_not_held(void *context) {
  (void)context;
  vlot_actor_unhold(spawn(NULL, &(vlot_behaviour){.turn = take_mail}));
}

static void enter_only(vlot_actor *self, void *context, vlot_turn *turn) {
  take_mail(self, context, turn);
  (void)!vlot_actor_enter(self);
}
static void enter_twice(vlot_actor *self, void *context, vlot_turn *turn) {
  enter_only(self, context, turn);
  (void)!vlot_actor_enter(self);
}
static void leave_only(vlot_actor *self, void *context, vlot_turn *turn) {
  take_mail(self, context, turn);
  vlot_actor_leave(self);
}
static vlot_result enter_in_start(vlot_actor *self, void *context) {
  (void)context;
  return vlot_actor_enter(self) ? VLOT_OK : VLOT_FAILED;
}
static void enter_in_stop(vlot_actor *self, void *context) {
  (void)context;
  (void)!vlot_actor_enter(self);
}

/* A turn of a held actor runs on the caller's thread. */
static void run(vlot_actor *actor) {
  (void)!vlot_actor_send(NULL, actor, VLOT_LANE_DATA, 1, 0, NULL, 0);
  (void)vlot_actor_run(actor);
}
static void run_behaviour(const vlot_behaviour *behaviour) {
  vlot_actor_options options;
  vlot_actor_options_init(&options);
  options.is_held = true;
  run(spawn(&options, behaviour));
}

static void keep_open_in_a_turn(void *context) {
  (void)context;
  run_behaviour(&(vlot_behaviour){.turn = enter_only});
}
static void keep_open_in_start(void *context) {
  (void)context;
  (void)spawn(NULL, &(vlot_behaviour){.turn = take_mail, .start = enter_in_start});
}
static void keep_open_in_stop(void *context) {
  (void)context;
  (void)vlot_actor_stop(spawn(NULL, &(vlot_behaviour){.turn = take_mail, .stop = enter_in_stop}),
                        PATIENCE_NS);
}
static void enter_inside(void *context) {
  (void)context;
  run_behaviour(&(vlot_behaviour){.turn = enter_twice});
}
static void leave_outside(void *context) {
  (void)context;
  run_behaviour(&(vlot_behaviour){.turn = leave_only});
}

static vlot_actor *sent_to;
static void send_again(int number) {
  (void)number;
  (void)!vlot_actor_send(NULL, sent_to, VLOT_LANE_CONTROL, 2, 0, NULL, 0);
}

/* As when the signal comes while this thread sends. */
static void send_in_a_signal_handler(void *context) {
  (void)context;
  pthread_mutex_t one = PTHREAD_MUTEX_INITIALIZER;
  sent_to = spawn(NULL, &(vlot_behaviour){.turn = take_mail});
  signal(SIGUSR1, send_again);
  vlot__lock(&one);
  raise(SIGUSR1);
}

static vlot_statem_verdict postpone_timeouts(vlot_statem *machine, void *context, uint32_t state,
                                             const vlot_statem_event *event) {
  (void)context, (void)state;
  if (event->kind == VLOT_STATEM_ENTER) (void)!vlot_statem_set_timeout(machine, 1, 0);
  return event->kind == VLOT_STATEM_TIMEOUT ? VLOT_STATEM_POSTPONE : VLOT_STATEM_HANDLED;
}
static vlot_statem_verdict go_on_entering(vlot_statem *machine, void *context, uint32_t state,
                                          const vlot_statem_event *event) {
  (void)context, (void)state;
  if (event->kind == VLOT_STATEM_ENTER) vlot_statem_goto(machine, 1);
  return VLOT_STATEM_HANDLED;
}

static void run_machine(vlot_statem_handler handler) {
  vlot_statem_options options;
  vlot_statem_options_init(&options);
  options.handler = handler;
  vlot_statem *machine;
  if (vlot_statem_open(&options, &machine) != VLOT_OK) return;
  vlot_actor_options actor;
  vlot_actor_options_init(&actor);
  actor.behaviour = vlot_statem_behaviour();
  actor.context = machine;
  actor.is_held = true;
  run(spawn(&actor, NULL));
}
static void postpone_a_timeout(void *context) {
  (void)context;
  run_machine(postpone_timeouts);
}
static void go_in_enter(void *context) {
  (void)context;
  run_machine(go_on_entering);
}

/* --- all of them ------------------------------------------------------------------------------ */

static const struct duty {
  void (*breaks)(void *context);
  const char *sentence;
} duties[] = {
    {release_bytes_twice, "release each reference to bytes once"},
    {close_allocator_in_use, "free all that a fault allocator gave before it is closed"},
    {take_two_locks, "call vlot from no signal handler, allocator or assertion handler"},
    {send_in_a_signal_handler, "call vlot from no signal handler, allocator or assertion handler"},
    {release_batch_twice, "release each reference to a batch once"},
    {release_snapshot_twice, "release each reference to a snapshot once"},
    {release_configuration_twice, "release each reference to a configuration once"},
    {apply_what_was_not_handed_out, "say APPLIED for no index above what was handed out in apply"},
    {append_nothing, "append a slice that has an entry"},
    {append_behind_a_gap, "append a slice that begins at last_index + 1"},
    {append_without_room, "reserve room before a slice is appended"},
    {truncate_at_the_base, "truncate from an index above base_index"},
    {compact_below_the_base, "compact to an index from base_index to last_index"},
    {compact_above_the_last, "compact to an index from base_index to last_index"},
    {find_the_base, "find an index from base_index + 1 to last_index"},
    {find_above_the_last, "find an index from base_index + 1 to last_index"},
    {release_actor_twice, "release each reference to an actor once"},
    {unhold_what_is_not_held, "unhold an actor once for each hold that returned VLOT_OK"},
    {keep_open_in_a_turn, "leave all that was entered before start, a turn or stop returns"},
    {keep_open_in_start, "leave all that was entered before start, a turn or stop returns"},
    {keep_open_in_stop, "leave all that was entered before start, a turn or stop returns"},
    {enter_inside, "leave before entering again"},
    {leave_outside, "leave only what was entered"},
    {postpone_a_timeout, "postpone MAIL and NEXT only, no timeout"},
    {go_in_enter, "go to another state in any event but ENTER"},
};

Test(duties, each_is_said_in_the_words_of_its_header, .timeout = 60) {
  for (size_t k = 0; k < sizeof duties / sizeof *duties; k++) {
    duty_told told = duty_break(duties[k].breaks, NULL);
    cr_expect_eq(told.kind, VLOT_FAILURE_DUTY, "%s: kind %d", duties[k].sentence, (int)told.kind);
    cr_expect_str_eq(told.text, duties[k].sentence);
  }
}

/* Whoever replaced nothing still ends: the default handler aborts. */
Test(duties, a_broken_one_aborts, .signal = SIGABRT) { close_allocator_in_use(NULL); }
