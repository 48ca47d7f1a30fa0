#include <pthread.h>

#include "stage.h"

static stage on; /* each test is a process of its own */

enum { ECHO = 1, IGNORE, LATER, ASK, TWICE };
enum { CUE, SEEN };

static vlot_mail kept;

static void serve(vlot_actor *self, void *context, vlot_turn *turn) {
  const vlot_mail *mail;
  (void)context;
  while ((mail = vlot_turn_next(turn))) {
    if (mail->kind == ECHO)
      cr_expect_eq(vlot_actor_reply(self, mail, ECHO, vlot_mail_payload(mail), mail->size),
                   VLOT_OK);
    if (mail->kind == TWICE) {
      cr_expect_eq(vlot_actor_reply(self, mail, ECHO, "first", 6), VLOT_OK);
      cr_expect_eq(vlot_actor_reply(self, mail, ECHO, "second", 7), VLOT_CLOSED);
    }
    if (mail->kind == IGNORE) kept = *mail;
    if (mail->kind == LATER)
      cr_expect_eq(vlot_actor_reply(self, &kept, ECHO, "late", 5), VLOT_CLOSED);
    stage_mark(&on, SEEN);
  }
}

static void begin(void) { stage_open(&on); }

TestSuite(call, .init = begin, .timeout = 60);

Test(call, the_answer_comes_back_whole) {
  vlot_actor_system *system = stage_system();
  vlot_actor_options options = stage_options(1, serve, NULL);
  vlot_actor *actor = stage_spawn(system, &options);
  static char big[100000];
  memset(big, 'x', sizeof big);
  const size_t sizes[] = {0, 1, 17, sizeof big};
  for (size_t i = 0; i < 4; i++) {
    vlot_bytes *reply;
    cr_assert_eq(vlot_actor_call(actor, ECHO, big, sizes[i], STAGE_PATIENCE_NS, &reply), VLOT_OK);
    cr_expect_eq(vlot_bytes_size(reply), sizes[i]);
    cr_expect_eq(memcmp(vlot_bytes_data(reply), big, sizes[i]), 0);
    vlot_bytes_release(reply);
  }
  cr_expect_eq(vlot_actor_call(actor, ECHO, NULL, 0, STAGE_PATIENCE_NS, NULL), VLOT_OK);
  vlot_actor_release(actor);
  stage_end(system);
}

Test(call, a_late_answer_is_a_dead_letter_and_the_deadline_holds) {
  vlot_actor_system *system = stage_system();
  vlot_actor_options options = stage_options(1, serve, NULL);
  vlot_actor *actor = stage_spawn(system, &options);
  cr_expect_eq(vlot_actor_call(actor, IGNORE, NULL, 0, 1000000, NULL), VLOT_TIMEOUT);
  cr_assert(stage_await(&on, SEEN, 1));
  stage_send(actor, LATER, 0);
  cr_assert(stage_await(&on, SEEN, 2));
  cr_expect_eq(vlot_actor_system_letter_count(system, VLOT_WHY_DEADLINE), 1);
  vlot_letter letter;
  cr_assert_eq(vlot_actor_system_letters(system, &letter, 1), 1);
  cr_expect(letter.sender.id == 1 && letter.kind == ECHO && letter.size == 5);
  vlot_actor_release(actor);
  cr_expect_eq(vlot_actor_system_close(system), VLOT_OK);
}

Test(call, has_one_answer_the_first) {
  vlot_actor_system *system = stage_system();
  vlot_actor_options options = stage_options(1, serve, NULL);
  vlot_actor *actor = stage_spawn(system, &options);
  vlot_bytes *reply;
  cr_assert_eq(vlot_actor_call(actor, TWICE, NULL, 0, STAGE_PATIENCE_NS, &reply), VLOT_OK);
  cr_expect_str_eq((const char *)vlot_bytes_data(reply), "first");
  vlot_bytes_release(reply);
  vlot_actor_release(actor);
  stage_end(system);
}

static void *call_held(void *argument) {
  cr_expect_eq(vlot_actor_call(argument, ECHO, NULL, 0, VLOT_FOREVER, NULL), VLOT_CLOSED);
  return NULL;
}

Test(call, a_call_that_dies_in_the_mailbox_is_answered_at_once) {
  vlot_actor_system *system = stage_system();
  vlot_actor_options options = stage_options(1, serve, NULL);
  options.is_held = true;
  vlot_actor *actor = stage_spawn(system, &options);
  pthread_t caller;
  cr_assert_eq(pthread_create(&caller, NULL, call_held, actor), 0);
  vlot_actor_status status;
  do vlot_actor_get_status(actor, &status);
  while (status.queued == 0);
  cr_expect_eq(vlot_actor_kill(actor, VLOT_WHY_ASKED), VLOT_OK);
  pthread_join(caller, NULL);
  cr_expect_eq(vlot_actor_call(actor, ECHO, NULL, 0, VLOT_FOREVER, NULL), VLOT_CLOSED);
  vlot_actor_release(actor);
  stage_end(system);
}

/* --- what ends a call that is not answered --- */

typedef struct question {
  pthread_t thread;
  vlot_actor *to;
  vlot_result result;
} question;

static void *call_ignored(void *argument) {
  question *self = argument;
  self->result = vlot_actor_call(self->to, IGNORE, NULL, 0, VLOT_FOREVER, NULL);
  return NULL;
}

/* It has been taken, in a turn that is over, and may be answered at any time. */
static void ask_for_ever(question *self, vlot_actor *to) {
  uint64_t seen = stage_marks(&on, SEEN);
  self->to = to;
  cr_assert_eq(pthread_create(&self->thread, NULL, call_ignored, self), 0);
  cr_assert(stage_await(&on, SEEN, seen + 1));
}

static vlot_result told(question *self) {
  pthread_join(self->thread, NULL);
  return self->result;
}

Test(call, ends_at_once_with_the_actor_that_was_asked) {
  vlot_actor_system *system = stage_system();
  vlot_actor_options options = stage_options(1, serve, NULL);
  vlot_actor *stopped = stage_spawn(system, &options);
  question ask = {0};
  ask_for_ever(&ask, stopped);
  cr_expect_eq(vlot_actor_stop(stopped, STAGE_PATIENCE_NS), VLOT_OK);
  cr_expect_eq(told(&ask), VLOT_CLOSED);
  options.id = 2;
  vlot_actor *killed = stage_spawn(system, &options);
  ask_for_ever(&ask, killed);
  cr_expect_eq(vlot_actor_kill(killed, VLOT_WHY_ASKED), VLOT_OK);
  cr_expect_eq(told(&ask), VLOT_CLOSED);
  vlot_actor_release(stopped);
  vlot_actor_release(killed);
  stage_end(system);
}

/* The younger one is stopped first, and holds up the stop until it has its cue. */
static void stop_at_the_cue(vlot_actor *self, void *context) {
  (void)self;
  (void)context;
  cr_assert(stage_await(&on, CUE, 1));
}

static void *stop_system(void *system) {
  cr_expect_eq(vlot_actor_system_stop(system), VLOT_OK);
  return NULL;
}

Test(call, ends_at_once_when_its_system_stops) {
  vlot_actor_system_options slow;
  vlot_actor_system *system;
  vlot_actor_system_options_init(&slow);
  slow.stop_ns = STAGE_PATIENCE_NS;
  cr_assert_eq(vlot_actor_system_open(&slow, &system), VLOT_OK);
  vlot_actor_options options = stage_options(1, serve, NULL);
  vlot_actor *older = stage_spawn(system, &options);
  options.id = 2;
  options.behaviour.stop = stop_at_the_cue;
  vlot_actor *younger = stage_spawn(system, &options);
  question ask;
  pthread_t stopper;
  ask_for_ever(&ask, older);
  cr_assert_eq(pthread_create(&stopper, NULL, stop_system, system), 0);
  cr_expect_eq(told(&ask), VLOT_CLOSED);
  cr_expect_eq(vlot_actor_call(older, ECHO, NULL, 0, VLOT_FOREVER, NULL), VLOT_CLOSED);
  cr_expect_not(vlot_actor_is_gone(younger));
  stage_mark(&on, CUE);
  pthread_join(stopper, NULL);
  vlot_actor_release(older);
  vlot_actor_release(younger);
  cr_expect_eq(vlot_actor_system_close(system), VLOT_OK);
}

Test(call, can_be_interrupted_while_it_waits_or_before) {
  vlot_actor_system *system = stage_system();
  vlot_actor_options options = stage_options(1, serve, NULL);
  vlot_actor *actor = stage_spawn(system, &options);
  question ask[2];
  ask_for_ever(&ask[0], actor);
  ask_for_ever(&ask[1], actor);
  vlot_actor_interrupt(actor);
  cr_expect_eq(told(&ask[0]), VLOT_INTERRUPTED);
  cr_expect_eq(told(&ask[1]), VLOT_INTERRUPTED);
  vlot_actor_interrupt(actor);
  vlot_actor_interrupt(actor);
  cr_expect_eq(vlot_actor_call(actor, IGNORE, NULL, 0, VLOT_FOREVER, NULL), VLOT_INTERRUPTED);
  cr_expect_eq(vlot_actor_call(actor, ECHO, NULL, 0, STAGE_PATIENCE_NS, NULL), VLOT_OK);
  vlot_actor_release(actor);
  stage_end(system);
}

static void *call_often(void *argument) {
  for (uint64_t i = 0; i < 200; i++) {
    uint64_t number = i * 7 + (uint64_t)(uintptr_t)&i;
    vlot_bytes *reply;
    cr_assert_eq(vlot_actor_call(argument, ECHO, &number, sizeof number, STAGE_PATIENCE_NS, &reply),
                 VLOT_OK);
    cr_assert_eq(memcmp(vlot_bytes_data(reply), &number, sizeof number), 0);
    vlot_bytes_release(reply);
  }
  return NULL;
}

Test(call, each_of_many_callers_gets_its_own_answer) {
  vlot_actor_system *system = stage_system();
  vlot_actor_options options = stage_options(1, serve, NULL);
  vlot_actor *actor = stage_spawn(system, &options);
  pthread_t callers[4];
  for (int i = 0; i < 4; i++) cr_assert_eq(pthread_create(&callers[i], NULL, call_often, actor), 0);
  for (int i = 0; i < 4; i++) pthread_join(callers[i], NULL);
  vlot_actor_release(actor);
  stage_end(system);
}

static void ask(vlot_actor *self, void *context, vlot_turn *turn) {
  const vlot_mail *mail;
  while ((mail = vlot_turn_next(turn))) {
    if (mail->kind == ASK)
      cr_expect_eq(vlot_actor_send(self, context, VLOT_LANE_DATA, ECHO, 4711, "hi", 3), VLOT_OK);
    else
      stage_note(&on, mail, vlot_turn_lane(turn));
  }
}

Test(call, inside_an_actor_asking_is_a_send_and_the_answer_is_mail_with_its_stamp) {
  vlot_actor_system *system = stage_system();
  vlot_actor_options options = stage_options(1, serve, NULL);
  vlot_actor *server = stage_spawn(system, &options);
  options = stage_options(2, ask, server);
  vlot_actor *client = stage_spawn(system, &options);
  stage_send(client, ASK, 0);
  cr_assert(stage_await_mails(&on, 1));
  cr_expect(on.mails[0].stamp == 4711 && on.mails[0].sender.id == 1 && on.mails[0].size == 3);
  vlot_actor_release(server);
  vlot_actor_release(client);
  stage_end(system);
}

static void reply_to_nobody(vlot_actor *self, void *context, vlot_turn *turn) {
  const vlot_mail *mail;
  (void)context;
  while ((mail = vlot_turn_next(turn))) {
    cr_expect_eq(vlot_actor_reply(self, mail, 1, NULL, 0), VLOT_INVALID);
    cr_expect_eq(vlot_actor_reply(self, mail, VLOT_MAIL_DOWN, NULL, 0), VLOT_INVALID);
    stage_mark(&on, SEEN);
  }
}

Test(call, mail_without_a_sender_cannot_be_answered) {
  vlot_actor_system *system = stage_system();
  vlot_actor_options options = stage_options(1, reply_to_nobody, NULL);
  vlot_actor *actor = stage_spawn(system, &options);
  stage_send(actor, 1, 0);
  cr_assert(stage_await(&on, SEEN, 1));
  vlot_actor_release(actor);
  stage_end(system);
}
