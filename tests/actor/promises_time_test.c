/* Promises 14 to 16 and 20 to 23 of docs/catalogue.md: timers, what a turn knows of waiting, locks,
 * shutdown, threads.
 */
#include <dirent.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "actor/actor.h"
#include "stage.h"

static stage on; /* each test is a process of its own */

enum { ENTERED, CUE, STOPPED, MARKED };

static void begin(void) { stage_open(&on); }

TestSuite(promises, .init = begin, .timeout = 60);

/* --- 14: mail sets and cancels timers; expiries are written down --- */

enum { SET = 1, CANCEL, SET_TWO_EACH_CANCELS_THE_OTHER };

static void keep_time(vlot_actor *self, void *context, vlot_turn *turn) {
  (void)context;
  const vlot_mail *mail;
  while ((mail = vlot_turn_next(turn))) {
    uint64_t delay = 0;
    if (mail->size == sizeof delay) memcpy(&delay, vlot_mail_payload(mail), sizeof delay);
    if (mail->kind == SET) {
      cr_assert_eq(vlot_timer_set(self, mail->stamp, delay, NULL), VLOT_OK);
    } else if (mail->kind == CANCEL) {
      vlot_timer_cancel(self, mail->stamp);
    } else if (mail->kind == SET_TWO_EACH_CANCELS_THE_OTHER) {
      cr_assert_eq(vlot_timer_set(self, 100, 0, NULL), VLOT_OK);
      cr_assert_eq(vlot_timer_set(self, 101, 0, NULL), VLOT_OK);
    } else {
      cr_assert_geq(vlot_clock_ns(), ((const vlot_timer_expiry *)vlot_mail_payload(mail))->due_ns);
      if (mail->stamp >= 100) vlot_timer_cancel(self, 201 - mail->stamp);
      stage_note(&on, mail, vlot_turn_lane(turn));
    }
  }
}

static void send_timer(vlot_actor *to, uint32_t kind, uint64_t timer, uint64_t delay) {
  cr_assert_eq(vlot_actor_send(NULL, to, VLOT_LANE_DATA, kind, timer, &delay, sizeof delay),
               VLOT_OK);
}

Test(promises, p14_a_timer_is_never_early_and_arming_replaces) {
  vlot_actor_system *system = stage_system();
  vlot_actor_options options = stage_options(1, keep_time, NULL);
  vlot_actor *actor = stage_spawn(system, &options);
  const uint64_t far = UINT64_C(3600000000000);
  send_timer(actor, SET, 1, far);
  send_timer(actor, SET, 1, 3000000);
  send_timer(actor, SET, 2, far);
  send_timer(actor, SET, 3, 1000000);
  cr_assert(stage_await_mails(&on, 2));
  cr_expect_eq(on.mails[0].stamp, 3);
  cr_expect_eq(on.mails[1].stamp, 1);
  cr_expect_eq(on.mails[1].expiry.generation, 2);
  vlot_actor_release(actor);
  stage_end(system);
  cr_expect_eq(stage_mail_count(&on), 2);
}

Test(promises, p14_after_cancel_or_arming_anew_the_old_expiry_is_never_delivered_even_if_due) {
  vlot_actor_system *system = stage_system();
  vlot_actor_options options = stage_options(1, keep_time, NULL);
  options.is_held = true;
  vlot_actor *actor = stage_spawn(system, &options);
  const uint64_t far = UINT64_C(3600000000000);
  /* 1 and 2 are due when the second turn takes the mail that cancels and re-arms them: timers come
   * before data, so the cancelling is done in the turn that arms.
   */
  send_timer(actor, SET, 1, 0);
  send_timer(actor, SET, 2, 0);
  send_timer(actor, CANCEL, 1, 0);
  send_timer(actor, SET, 2, far);
  send_timer(actor, SET_TWO_EACH_CANCELS_THE_OTHER, 0, 0);
  cr_assert(vlot_actor_run(actor));
  cr_assert(vlot_actor_run(actor), "a timer that is due is a reason for a turn");
  cr_assert_not(vlot_actor_run(actor));
  cr_assert_eq(stage_mail_count(&on), 1);
  cr_expect_eq(on.mails[0].stamp, 100, "100 and 101 were both due; handling 100 cancelled 101");
  vlot_actor_release(actor);
  stage_end(system);
}

static void arm_at_once(vlot_actor *self, void *context, vlot_turn *turn) {
  (void)context;
  const vlot_mail *mail;
  int expiries = 0;
  while ((mail = vlot_turn_next(turn))) {
    cr_assert_eq(vlot_timer_set(self, 1, 0, NULL), VLOT_OK);
    if (mail->kind == VLOT_MAIL_TIMER) expiries++;
  }
  cr_assert_leq(expiries, 1, "a timer of delay 0 waits for the next turn");
  stage_mark(&on, MARKED);
}

Test(promises, p14_a_timer_armed_with_no_delay_does_not_keep_its_turn_going) {
  vlot_actor_system *system = stage_system();
  vlot_actor_options options = stage_options(1, arm_at_once, NULL);
  vlot_actor *actor = stage_spawn(system, &options);
  stage_send(actor, 1, 0);
  cr_assert(stage_await(&on, MARKED, 5));
  vlot_actor_release(actor);
  stage_end(system);
}

/* --- 15 --- */

static void note_waking(vlot_actor *self, void *context, vlot_turn *turn) {
  (void)self;
  (void)context;
  bool was_parked = vlot_turn_was_parked(turn);
  const vlot_mail *mail = vlot_turn_next(turn);
  if (!mail) return;
  vlot_mail noted = *mail;
  noted.size = was_parked;
  stage_note(&on, &noted, VLOT_LANE_DATA);
  if (mail->kind == 2) cr_assert(stage_await(&on, CUE, 1));
}

static bool await_parked(vlot_actor *actor) {
  uint64_t deadline = vlot_clock_ns() + STAGE_PATIENCE_NS;
  vlot_actor_status status;
  do {
    vlot_actor_get_status(actor, &status);
    if (status.state == VLOT_ACTOR_PARKED) return true;
    sched_yield();
  } while (vlot_clock_ns() < deadline);
  return false;
}

Test(promises, p15_a_turn_knows_whether_its_actor_was_parked_or_busy_or_suspended) {
  vlot_actor_system *system = stage_system();
  vlot_actor_options options = stage_options(1, note_waking, NULL);
  vlot_actor *actor = stage_spawn(system, &options);
  stage_send(actor, 1, 0);
  cr_assert(stage_await_mails(&on, 1));
  cr_expect(on.mails[0].size, "it was parked");

  cr_expect_eq(vlot_actor_suspend(actor, STAGE_PATIENCE_NS), VLOT_OK);
  stage_send(actor, 1, 0);
  vlot_actor_resume(actor);
  cr_assert(stage_await_mails(&on, 2));
  cr_expect_not(on.mails[1].size, "it was suspended");

  cr_expect_eq(vlot_actor_suspend(actor, STAGE_PATIENCE_NS), VLOT_OK);
  vlot_actor_resume(actor);
  stage_send(actor, 1, 0);
  cr_assert(stage_await_mails(&on, 3));
  cr_expect_not(on.mails[2].size, "it was suspended for a part of the time");

  cr_assert(await_parked(actor));
  stage_send(actor, 2, 0);
  cr_assert(stage_await_mails(&on, 4));
  cr_expect(on.mails[3].size);
  stage_send(actor, 1, 0);
  stage_mark(&on, CUE);
  cr_assert(stage_await_mails(&on, 5));
  cr_expect_not(on.mails[4].size, "it was inside a turn");
  vlot_actor_release(actor);
  stage_end(system);
}

/* --- 16 --- */

Test(promises, p16_timers_due_at_the_same_instant_come_in_the_order_of_arming) {
  vlot__timers timers = {0};
  const uint64_t kinds[] = {5, 1, 9, 3};
  for (size_t i = 0; i < 4; i++)
    cr_assert_eq(vlot__timers_set(&timers, vlot_allocator_default(), kinds[i], 1000), VLOT_OK);
  vlot_timer_expiry expiry;
  for (size_t i = 0; i < 4; i++) {
    cr_assert(vlot__timers_pop(&timers, 1000, UINT64_MAX, &expiry));
    cr_expect_eq(expiry.kind, kinds[i]);
  }
  vlot__timers_deinit(&timers, vlot_allocator_default());
}

/* --- 20 --- */

static int locks_held_in_hooks;

static void check_locks(void) {
  if (vlot__lock_held() != 0) __atomic_fetch_add(&locks_held_in_hooks, 1, __ATOMIC_RELAXED);
  __atomic_fetch_add(&on.marks[MARKED], 1, __ATOMIC_RELAXED);
}

static void *checked_resize(void *context, void *memory, size_t size) {
  (void)context;
  check_locks();
  if (size > 0) return realloc(memory, size);
  free(memory);
  return NULL;
}

static void checked_log(void *context, const char *line) {
  (void)context;
  (void)line;
  check_locks();
}

static void checked_system_down(void *context, const vlot_down *down) {
  (void)context;
  (void)down;
  check_locks();
}

static void checked_turn(vlot_actor *self, void *context, vlot_turn *turn) {
  check_locks();
  const vlot_mail *mail;
  while ((mail = vlot_turn_next(turn))) {
    if (mail->kind == 1) cr_assert_eq(vlot_actor_monitor(self, context, NULL), VLOT_OK);
    if (mail->kind == 2) cr_assert_eq(vlot_actor_link(self, context), VLOT_OK);
    if (mail->kind == 3) (void)vlot_actor_reply(self, mail, 3, NULL, 0);
  }
}

static vlot_result checked_start(vlot_actor *self, void *context) {
  (void)self;
  (void)context;
  check_locks();
  return VLOT_OK;
}

static void checked_stop(vlot_actor *self, void *context) {
  (void)self;
  (void)context;
  check_locks();
}

static void checked_finish(void *context) {
  (void)context;
  check_locks();
}

static void checked_dispose(void *context, const vlot_mail *mail, vlot_why why) {
  (void)context;
  (void)mail;
  (void)why;
  check_locks();
}

static vlot_actor_options checked_options(uint32_t id, void *context) {
  vlot_actor_options options = stage_options(id, checked_turn, context);
  options.behaviour = (vlot_behaviour){.turn = checked_turn,
                                       .start = checked_start,
                                       .stop = checked_stop,
                                       .fenced = checked_system_down,
                                       .finish = checked_finish,
                                       .dispose = checked_dispose};
  return options;
}

Test(promises, p20_no_lock_is_held_across_any_function_pointer) {
  const vlot_allocator allocator = {.resize = checked_resize};
  vlot_actor_system_options system_options;
  vlot_actor_system_options_init(&system_options);
  system_options.allocator = &allocator;
  system_options.log = checked_log;
  system_options.down = checked_system_down;
  vlot_actor_system *system;
  cr_assert_eq(vlot_actor_system_open(&system_options, &system), VLOT_OK);
  for (int round = 0; round < 5; round++) {
    vlot_actor_options options = checked_options(1, NULL);
    vlot_actor *target = stage_spawn(system, &options);
    options = checked_options(2, target);
    vlot_actor *watcher = stage_spawn(system, &options);
    for (uint32_t kind = 1; kind <= 2; kind++) stage_send(watcher, kind, 0);
    cr_expect_eq(vlot_actor_call(watcher, 3, NULL, 0, STAGE_PATIENCE_NS, NULL), VLOT_OK);
    cr_expect_eq(vlot_actor_hold(target, STAGE_PATIENCE_NS), VLOT_OK);
    for (int i = 0; i < 2000; i++) stage_send(target, 0, 0);
    cr_expect_eq(vlot_actor_kill_wait(target, VLOT_WHY_ASKED, STAGE_PATIENCE_NS), VLOT_OK);
    cr_expect_eq(vlot_actor_kill_wait(watcher, VLOT_WHY_ASKED, STAGE_PATIENCE_NS), VLOT_OK);
    vlot_actor_release(target);
    vlot_actor_release(watcher);
  }
  stage_end(system);
  cr_expect_gt(on.marks[MARKED], 10000);
  cr_expect_eq(locks_held_in_hooks, 0);
}

Test(promises, p20_taking_a_second_lock_is_an_assertion, .signal = SIGABRT) {
  pthread_mutex_t one = PTHREAD_MUTEX_INITIALIZER, two = PTHREAD_MUTEX_INITIALIZER;
  vlot__lock(&one);
  vlot__lock(&two);
}

/* --- 21 --- */

static size_t count_entries(const char *path) {
  size_t count = 0;
  DIR *directory = opendir(path);
  cr_assert_not_null(directory);
  while (readdir(directory)) count++;
  closedir(directory);
  return count;
}

/* A thread that was joined may still be listed for an instant. */
static bool await_entries(const char *path, size_t count) {
  uint64_t deadline = vlot_clock_ns() + STAGE_PATIENCE_NS;
  while (count_entries(path) != count && vlot_clock_ns() < deadline) sched_yield();
  return count_entries(path) == count;
}

static void note_stop(vlot_actor *self, void *context) {
  (void)context;
  vlot_mail mail = {.stamp = vlot_actor_address(self).id};
  stage_note(&on, &mail, VLOT_LANE_DATA);
}

static void *stop_system(void *argument) {
  cr_expect_eq(vlot_actor_system_stop(argument), VLOT_OK);
  stage_mark(&on, STOPPED);
  return NULL;
}

Test(promises, p21_stop_is_idempotent_in_reverse_order_of_start_and_leaves_no_thread) {
  enum { ACTORS = 7, STOPPERS = 3 };
  size_t threads_before = count_entries("/proc/self/task");
  size_t files_before = count_entries("/proc/self/fd");
  vlot_fault_allocator *faults = vlot_fault_allocator_open();
  vlot_actor_system_options system_options;
  vlot_actor_system_options_init(&system_options);
  system_options.allocator = vlot_fault_allocator_get(faults);
  vlot_actor_system *system;
  cr_assert_eq(vlot_actor_system_open(&system_options, &system), VLOT_OK);
  for (uint32_t id = 1; id <= ACTORS; id++) {
    vlot_actor_options options = stage_options(id * 10 % 11, stage_turn, &on);
    options.behaviour.stop = note_stop;
    options.is_held = id % 2;
    cr_assert_eq(vlot_actor_spawn(system, &options, NULL), VLOT_OK);
  }
  pthread_t stoppers[STOPPERS];
  for (int i = 0; i < STOPPERS; i++)
    cr_assert_eq(pthread_create(&stoppers[i], NULL, stop_system, system), 0);
  for (int i = 0; i < STOPPERS; i++) pthread_join(stoppers[i], NULL);
  cr_assert_eq(stage_mail_count(&on), ACTORS);
  for (uint64_t i = 0; i < ACTORS; i++) cr_expect_eq(on.mails[i].stamp, (ACTORS - i) * 10 % 11);
  vlot_actor_options late = stage_options(50, stage_turn, &on);
  cr_expect_eq(vlot_actor_spawn(system, &late, NULL), VLOT_CLOSED);
  stage_end(system);
  cr_expect(await_entries("/proc/self/task", threads_before));
  cr_expect_eq(count_entries("/proc/self/fd"), files_before);
  cr_expect_eq(vlot_fault_allocator_live(faults), 0);
  vlot_fault_allocator_close(faults);
}

static vlot_actor_system *stopping;

static void stop_again(void *context, const vlot_down *down) {
  (void)context;
  (void)down;
  if (stage_marks(&on, CUE) > 0) return;
  stage_mark(&on, CUE);
  cr_expect_eq(vlot_actor_system_stop(stopping), VLOT_DEADLOCK);
}

static void ignore_cue(vlot_actor *self, void *context, vlot_turn *turn) {
  (void)self;
  (void)context;
  if (!vlot_turn_next(turn)) return;
  stage_mark(&on, ENTERED);
  cr_assert(stage_await(&on, MARKED, 1));
}

Test(promises, p21_stop_from_a_hook_within_the_stop_is_refused) {
  vlot_actor_system_options system_options;
  vlot_actor_system_options_init(&system_options);
  system_options.stop_ns = 1;
  system_options.down = stop_again;
  cr_assert_eq(vlot_actor_system_open(&system_options, &stopping), VLOT_OK);
  vlot_actor_options options = stage_options(1, ignore_cue, NULL);
  vlot_actor *actor = stage_spawn(stopping, &options);
  stage_send(actor, 1, 0);
  cr_assert(stage_await(&on, ENTERED, 1));
  cr_expect_eq(vlot_actor_system_stop(stopping), VLOT_TIMEOUT);
  cr_expect_eq(stage_marks(&on, CUE), 1);
  stage_mark(&on, MARKED);
  vlot_actor_release(actor);
  cr_expect_eq(vlot_actor_system_close(stopping), VLOT_TIMEOUT);
}

static void stick(vlot_actor *self, void *context, vlot_turn *turn) {
  (void)self;
  (void)context;
  if (!vlot_turn_next(turn)) return;
  stage_mark(&on, ENTERED);
  cr_assert(stage_await(&on, CUE, 1));
  stage_mark(&on, MARKED);
}

Test(promises, p21_stop_is_bounded_even_if_every_actor_is_stuck) {
  enum { ACTORS = 5 };
  vlot_actor_system_options system_options;
  vlot_actor_system_options_init(&system_options);
  system_options.stop_ns = 2000000;
  vlot_actor_system *system;
  cr_assert_eq(vlot_actor_system_open(&system_options, &system), VLOT_OK);
  for (uint32_t id = 1; id <= ACTORS; id++) {
    vlot_actor_options options = stage_options(id, stick, NULL);
    vlot_actor *actor = stage_spawn(system, &options);
    stage_send(actor, 1, 0);
    cr_assert(stage_await(&on, ENTERED, id));
    vlot_actor_release(actor);
  }
  uint64_t began = vlot_clock_ns();
  cr_expect_eq(vlot_actor_system_stop(system), VLOT_TIMEOUT);
  cr_expect_lt(vlot_clock_ns() - began, ACTORS * system_options.stop_ns + UINT64_C(1000000000));
  cr_expect_eq(vlot_actor_system_stop(system), VLOT_TIMEOUT);
  vlot_actor_system_status status;
  vlot_actor_system_get_status(system, &status);
  cr_expect_eq(status.quarantined, ACTORS);
  stage_mark(&on, CUE);
  cr_assert(stage_await(&on, MARKED, ACTORS));
  cr_expect_eq(vlot_actor_system_close(system), VLOT_TIMEOUT);
}

/* --- 22 --- */

Test(promises, p22_a_lost_wake_up_is_survived_and_counted) {
  vlot_actor_system_options system_options;
  vlot_actor_system_options_init(&system_options);
  system_options.park_ns_max = 5000000;
  vlot_actor_system *system;
  cr_assert_eq(vlot_actor_system_open(&system_options, &system), VLOT_OK);
  vlot_actor_options options = stage_options(1, stage_turn, &on);
  vlot_actor *actor = stage_spawn(system, &options);
  stage_send(actor, 1, 1);
  cr_assert(stage_await_mails(&on, 1));
  cr_assert_eq(vlot_actor_hold(actor, STAGE_PATIENCE_NS), VLOT_OK);
  stage_send(actor, 1, 2);
  vlot__lock(&actor->box.lock);
  actor->holds = 0; /* the bug: nobody rouses it */
  vlot__unlock(&actor->box.lock);
  cr_assert(stage_await_mails(&on, 2));
  vlot_actor_status status;
  vlot_actor_get_status(actor, &status);
  cr_expect_eq(status.lost_wakes, 1);
  vlot_actor_release(actor);
  cr_expect_eq(vlot_actor_system_close(system), VLOT_OK);
}

/* --- 23 --- */

static void look_at_thread(vlot_actor *self, void *context, vlot_turn *turn) {
  (void)self;
  (void)context;
  if (!vlot_turn_next(turn)) return;
  sigset_t mask;
  cr_assert_eq(pthread_sigmask(SIG_BLOCK, NULL, &mask), 0);
  int open = 0;
  for (int signal = 1; signal < 32; signal++)
    if (signal != SIGKILL && signal != SIGSTOP && !sigismember(&mask, signal)) open++;
  cr_expect_eq(open, 0);
  char name[32] = "", path[64];
  snprintf(path, sizeof path, "/proc/thread-self/comm");
  FILE *comm = fopen(path, "r");
  cr_assert_not_null(comm);
  cr_expect_not_null(fgets(name, sizeof name, comm));
  fclose(comm);
  cr_expect_str_eq(name, "vlot-n3\n");
  stage_mark(&on, MARKED);
}

Test(promises, p23_threads_are_deaf_to_signals_and_named_and_the_hosts_mask_is_untouched) {
  sigset_t before, after;
  pthread_sigmask(SIG_BLOCK, NULL, &before);
  vlot_actor_system *system = stage_system();
  vlot_actor_options options = stage_options(3, look_at_thread, NULL);
  options.name = "vlot-n3";
  vlot_actor *actor = stage_spawn(system, &options);
  stage_send(actor, 1, 0);
  cr_assert(stage_await(&on, MARKED, 1));
  pthread_sigmask(SIG_BLOCK, NULL, &after);
  for (int signal = 1; signal < 32; signal++)
    cr_expect_eq(sigismember(&before, signal), sigismember(&after, signal));
  vlot_actor_release(actor);
  stage_end(system);
}

Test(promises, p23_a_forked_child_is_detected_and_refused) {
  vlot_actor_system *system = stage_system();
  vlot_actor_options options = stage_options(1, stage_turn, &on);
  vlot_actor *actor = stage_spawn(system, &options);
  pid_t child = fork();
  if (child == 0) {
    options.id = 2;
    bool is_refused = vlot_actor_spawn(system, &options, NULL) == VLOT_UNSUPPORTED &&
                      vlot_actor_call(actor, 1, NULL, 0, 0, NULL) == VLOT_UNSUPPORTED &&
                      vlot_actor_stop(actor, VLOT_FOREVER) == VLOT_UNSUPPORTED &&
                      vlot_actor_system_stop(system) == VLOT_UNSUPPORTED &&
                      vlot_actor_system_close(system) == VLOT_UNSUPPORTED;
    _exit(is_refused ? 0 : 1);
  }
  cr_assert_gt(child, 0);
  int status;
  cr_assert_eq(waitpid(child, &status, 0), child);
  cr_expect(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  vlot_actor_release(actor);
  stage_end(system);
}
