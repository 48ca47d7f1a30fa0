/* The right to run, and what is done with it: turns, the own thread, holds, grants, suspension. */
#include <sched.h>
#include <string.h>

#include "actor/actor.h"
#include "actor/refuse.h"
#include "base/assert.h"

/* --- one turn --- */

static bool is_due(vlot_actor *actor) {
  return actor->next_timer_ns != VLOT__TIMER_NEVER && actor->next_timer_ns <= vlot_clock_ns();
}

static bool has_work(vlot_actor *actor) {
  return vlot__actor_right(actor) == VLOT__READY || is_due(actor);
}

/* Under the lock: the right is won, the mail taken. */
static void begin_turn(vlot_actor *actor) {
  bool was_parked = actor->woke || vlot__actor_right(actor) == VLOT__PARKED;
  actor->turn.was_parked = was_parked && !actor->was_suspended;
  actor->woke = false;
  actor->was_suspended = false;
  actor->is_put_off = actor->is_overdue = false;
  actor->turns++;
  actor->runner = pthread_self();
  if (was_parked) actor->wakes++;
  vlot__actor_set_right(actor, VLOT__RUNNING);
  vlot__mailbox_take(&actor->box, &actor->hand);
}

static void free_garbage(vlot_actor *actor) {
  vlot__chunk *garbage = actor->hand.garbage;
  actor->hand.garbage = NULL;
  vlot__chunk_free_all(actor->box.allocator, garbage);
}

/* Without a lock: the behaviour. */
static void run_turn(vlot_actor *actor) {
  vlot_turn *turn = &actor->turn;
  if (actor->hand.garbage) free_garbage(actor);
  turn->messages_left = actor->turn_messages_max;
  turn->bytes_left = actor->turn_bytes_max;
  turn->asks_timers = actor->timers.count > 0;
  if (turn->asks_timers) turn->now_ns = vlot_clock_ns();
  turn->generation_max = actor->timers.generation;
  actor->behaviour.turn(actor, actor->context, turn);
  vlot__actor_check_left(actor);
}

/* Under the lock: settle, publish, and look at the mailbox again before parking. */
static void end_turn(vlot_actor *actor) {
  vlot__actor_record(actor, VLOT_ACTOR_EVENT_TURN, VLOT_WHY_NONE, actor->hand.processed);
  actor->batch = actor->hand.processed;
  vlot__mailbox_settle(&actor->box, &actor->hand);
  actor->next_timer_ns =
      actor->timers.count > 0 ? vlot__timers_next_ns(&actor->timers) : VLOT__TIMER_NEVER;
  actor->turn_ended_ns = vlot__clock_coarse_ns();
  memcpy(actor->data, actor->data_next, sizeof actor->data);
  bool is_idle = vlot__hand_is_empty(&actor->hand) && vlot__mailbox_is_empty(&actor->box);
  vlot__actor_set_right(actor, is_idle ? VLOT__PARKED : VLOT__READY);
  if (actor->wants_exit && actor->phase < VLOT__ENDING) {
    actor->phase = VLOT__ENDING;
    actor->box.is_closed = true;
  }
  if (actor->is_granted) {
    actor->is_granted = false;
    actor->grants++;
  }
  vlot__actor_tell_waiters(actor);
}

/* --- the mail of a turn --- */

static const vlot_mail *next_timer(vlot_turn *turn) {
  vlot__timers *timers = &turn->actor->timers;
  if (!vlot__timers_pop(timers, turn->now_ns, turn->generation_max, &turn->timer.expiry)) {
    turn->asks_timers = false;
    return NULL;
  }
  turn->timer.mail = (vlot_mail){.kind = VLOT_MAIL_TIMER,
                                 .size = sizeof turn->timer.expiry,
                                 .sender = turn->actor->address,
                                 .stamp = turn->timer.expiry.kind};
  turn->lane = VLOT_LANE_CONTROL;
  return &turn->timer.mail;
}

static const vlot_mail *next_control(vlot_turn *turn) {
  vlot__hand *hand = &turn->actor->hand;
  const vlot_mail *mail = vlot__hand_peek(hand, VLOT_LANE_CONTROL);
  vlot__hand_step(hand, VLOT_LANE_CONTROL, mail);
  turn->lane = VLOT_LANE_CONTROL;
  return mail;
}

/* False: the turn has had its share. One record is always handed over, or a large one would never
 * be.
 */
static bool may_take(const vlot_turn *turn, size_t bytes) {
  if (turn->messages_left == 0) return false;
  return bytes <= turn->bytes_left || turn->messages_left == turn->actor->turn_messages_max;
}

static const vlot_mail *next_data(vlot_turn *turn) {
  vlot__hand *hand = &turn->actor->hand;
  turn->lane = VLOT_LANE_DATA;
  for (;;) {
    const vlot_mail *mail = vlot__hand_peek(hand, VLOT_LANE_DATA);
    if (!mail) return NULL;
    size_t bytes = vlot__mail_bytes(mail->size);
    if (!may_take(turn, bytes)) return NULL;
    turn->messages_left--;
    turn->bytes_left -= bytes < turn->bytes_left ? bytes : turn->bytes_left;
    vlot__hand_step(hand, VLOT_LANE_DATA, mail);
    if (mail->kind != VLOT_MAIL_DOWN || vlot__monitor_take(turn->actor, mail->stamp)) return mail;
  }
}

const vlot_mail *vlot_turn_next(vlot_turn *turn) {
  VLOT_GIVEN(turn);
  if (turn->actor->hand.lanes[VLOT_LANE_CONTROL].first) return next_control(turn);
  if (turn->asks_timers) {
    const vlot_mail *mail = next_timer(turn);
    if (mail) return mail;
  }
  return next_data(turn);
}

vlot_lane vlot_turn_lane(const vlot_turn *turn) {
  VLOT_GIVEN(turn);
  return turn->lane;
}

bool vlot_turn_was_parked(const vlot_turn *turn) {
  VLOT_GIVEN(turn);
  return turn->was_parked;
}

/* --- the own thread --- */

#define YIELD_MESSAGES 64 /* in one turn are much mail */

/* Look for mail without sleeping, and without the lock. Nobody signals meanwhile: is_waiting is
 * false.
 */
static void spin(vlot_actor *actor) {
  vlot__unlock(&actor->box.lock);
  uint64_t until = vlot__clock_after(vlot_clock_ns(), actor->spin_ns);
  while (vlot__actor_right(actor) == VLOT__PARKED && vlot_clock_ns() < until) {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#endif
  }
  vlot__lock(&actor->box.lock);
}

/* A turn that had much mail will have more soon: give the core away once instead of parking, so
 * that producers on this core go on without waking anybody. Worth a factor of two with three
 * producers on one core; nothing when nobody else is ready.
 */
static void give_core_away(vlot_actor *actor) {
  actor->batch = 0;
  vlot__unlock(&actor->box.lock);
  sched_yield();
  vlot__lock(&actor->box.lock);
}

/* Under the lock, given up meanwhile: the hand is a lender's as soon as that begins a turn. True:
 * there was some, look again. */
static bool free_garbage_between_turns(vlot_actor *actor) {
  if (vlot__actor_right(actor) == VLOT__RUNNING || !actor->hand.garbage) return false;
  vlot__chunk *garbage = actor->hand.garbage;
  actor->hand.garbage = NULL;
  vlot__unlock(&actor->box.lock);
  vlot__chunk_free_all(actor->box.allocator, garbage);
  vlot__lock(&actor->box.lock);
  return true;
}

/* Under the lock. The wait has a deadline of its own, so that a wake-up lost by a bug is survived,
 * and counted.
 */
static void park(vlot_actor *actor) {
  if (free_garbage_between_turns(actor)) return;
  if (actor->batch >= YIELD_MESSAGES && vlot__actor_may_run_alone(actor)) {
    give_core_away(actor);
    return;
  }
  if (actor->spin_ns > 0 && vlot__actor_may_run_alone(actor)) {
    spin(actor);
    if (actor->phase >= VLOT__ENDING || (vlot__actor_may_run_alone(actor) && has_work(actor)))
      return;
  }
  uint64_t until = actor->system->options.park_ns_max;
  if (until != VLOT_FOREVER) until = vlot__clock_after(vlot_clock_ns(), until);
  if (vlot__actor_may_run_alone(actor) && actor->next_timer_ns < until)
    until = actor->next_timer_ns;
  actor->is_waiting = true;
  bool was_woken = vlot__cond_wait_until(&actor->wake, &actor->box.lock, until);
  bool is_promised = actor->promises > 0 || actor->is_put_off;
  if (!was_woken && actor->is_waiting && vlot__actor_may_run_alone(actor) &&
      vlot__actor_right(actor) == VLOT__READY && !is_promised)
    actor->lost_wakes++;
  actor->is_waiting = false;
}

void vlot__actor_live(vlot_actor *actor) {
  vlot__lock(&actor->box.lock);
  for (;;) {
    bool is_running = vlot__actor_right(actor) == VLOT__RUNNING; /* by somebody inline */
    if (actor->phase == VLOT__ENDING && !is_running) break;
    if (!vlot__actor_may_run_alone(actor) || !has_work(actor)) {
      park(actor);
      continue;
    }
    begin_turn(actor);
    vlot__unlock(&actor->box.lock);
    run_turn(actor);
    vlot__lock(&actor->box.lock);
    end_turn(actor);
  }
  vlot__unlock(&actor->box.lock);
}

/* --- others --- */

bool vlot__actor_wait(vlot_actor *actor, uint64_t deadline_ns) {
  actor->waiters++;
  bool in_time = vlot__cond_wait_piece(&actor->changed, &actor->box.lock, deadline_ns);
  actor->waiters--;
  return in_time;
}

/* Without the lock, between begin and end: the turn, on a thread that is not the actor's. */
static void run_inside(vlot_actor *actor) {
  vlot__frame frame;
  vlot__inside_push(&frame, actor->system, actor);
  run_turn(actor);
  vlot__inside_pop(&frame);
}

bool vlot_actor_run(vlot_actor *actor) {
  VLOT_GIVEN(actor);
  if (vlot__system_is_forked(actor->system)) return false;
  vlot__lock(&actor->box.lock);
  bool may_run = actor->phase == VLOT__LIVE && vlot__actor_right(actor) != VLOT__RUNNING &&
                 !actor->is_suspended && has_work(actor);
  if (may_run) begin_turn(actor);
  vlot__unlock(&actor->box.lock);
  if (!may_run) return false;

  run_inside(actor);

  vlot__lock(&actor->box.lock);
  end_turn(actor);
  bool is_last = actor->phase >= VLOT__ENDING;
  if (actor->is_waiting && (is_last || vlot__actor_may_run_alone(actor))) vlot__actor_rouse(actor);
  vlot__unlock(&actor->box.lock);
  return true;
}

bool vlot__actor_run_lent(vlot_actor *actor) {
  vlot__lock(&actor->box.lock);
  bool may_run = vlot__actor_may_lend(actor) && vlot__actor_right(actor) == VLOT__READY;
  if (may_run) begin_turn(actor);
  vlot__unlock(&actor->box.lock);
  if (!may_run) return false;

  run_inside(actor);

  /* what came meanwhile is promised for; an end and a timer are the own thread's */
  vlot__lock(&actor->box.lock);
  end_turn(actor);
  actor->lent_turns++;
  bool is_its_own = actor->phase >= VLOT__ENDING || actor->next_timer_ns != VLOT__TIMER_NEVER;
  if (actor->is_waiting && is_its_own) vlot__actor_rouse(actor);
  vlot__unlock(&actor->box.lock);
  return true;
}

/* Under the lock: no turn is running, or it is the caller's own. */
static bool wait_for_turn_end(vlot_actor *actor, uint64_t wait_ns) {
  if (vlot__system_current(actor->system) == actor) return true;
  uint64_t deadline = vlot__clock_after(vlot_clock_ns(), wait_ns);
  bool in_time = true;
  while (vlot__actor_right(actor) == VLOT__RUNNING && in_time)
    in_time = vlot__actor_wait(actor, deadline);
  return vlot__actor_right(actor) != VLOT__RUNNING;
}

/* Under the lock: what kept the own thread from running has gone. */
static void rouse_if_it_may(vlot_actor *actor) {
  if (actor->is_waiting && vlot__actor_may_run_alone(actor)) vlot__actor_rouse(actor);
}

vlot_result vlot_actor_hold(vlot_actor *actor, uint64_t wait_ns) {
  VLOT_GIVEN(actor);
  if (vlot__system_is_forked(actor->system)) return vlot__refuse_forked();
  vlot__lock(&actor->box.lock);
  actor->holds++;
  bool is_still = wait_for_turn_end(actor, wait_ns);
  if (!is_still) {
    actor->holds--;
    rouse_if_it_may(actor);
  }
  vlot__unlock(&actor->box.lock);
  return is_still ? VLOT_OK : VLOT_TIMEOUT;
}

void vlot_actor_unhold(vlot_actor *actor) {
  VLOT_GIVEN(actor);
  if (vlot__system_is_forked(actor->system)) return;
  vlot__lock(&actor->box.lock);
  bool was_held = actor->holds > 0;
  if (was_held) actor->holds--;
  rouse_if_it_may(actor);
  vlot__unlock(&actor->box.lock);
  VLOT_DUTY(was_held, "unhold an actor once for each hold that returned VLOT_OK");
}

static vlot_result refuse_grant(vlot_actor *actor) {
  if (actor->phase != VLOT__LIVE) return vlot__refuse(VLOT_CLOSED, "the actor has ended");
  if (actor->holds == 0) return vlot__refuse(VLOT_INVALID, "the actor is not held: hold it first");
  if (actor->is_suspended) return vlot__refuse(VLOT_BUSY, "the actor is suspended");
  if (actor->is_granted) return vlot__refuse(VLOT_BUSY, "another thread has granted it a turn");
  if (vlot__actor_right(actor) == VLOT__RUNNING)
    return vlot__refuse(VLOT_BUSY, "the actor is inside a turn");
  return has_work(actor) ? VLOT_OK : vlot__refuse(VLOT_NOT_FOUND, "the actor has no mail");
}

vlot_result vlot_actor_grant(vlot_actor *actor) {
  VLOT_GIVEN(actor);
  if (vlot__system_is_forked(actor->system)) return vlot__refuse_forked();
  if (vlot__system_current(actor->system) == actor) return vlot__refuse_inside();
  vlot__lock(&actor->box.lock);
  vlot_result result = refuse_grant(actor);
  if (result == VLOT_OK) {
    uint64_t before = actor->grants;
    actor->is_granted = true;
    vlot__actor_rouse(actor);
    while (actor->grants == before && actor->phase < VLOT__GONE)
      vlot__actor_wait(actor, VLOT_FOREVER);
    if (actor->grants == before) result = VLOT_CLOSED;
  }
  vlot__unlock(&actor->box.lock);
  return result;
}

vlot_result vlot_actor_suspend(vlot_actor *actor, uint64_t wait_ns) {
  VLOT_GIVEN(actor);
  if (vlot__system_is_forked(actor->system)) return vlot__refuse_forked();
  vlot__lock(&actor->box.lock);
  bool was_suspended = actor->is_suspended;
  actor->is_suspended = true;
  bool is_still = wait_for_turn_end(actor, wait_ns);
  if (!is_still) {
    actor->is_suspended = was_suspended;
    rouse_if_it_may(actor);
  } else if (!was_suspended) {
    vlot__actor_record(actor, VLOT_ACTOR_EVENT_SUSPENDED, VLOT_WHY_SUSPENDED, 0);
  }
  vlot__unlock(&actor->box.lock);
  return is_still ? VLOT_OK : VLOT_TIMEOUT;
}

void vlot_actor_resume(vlot_actor *actor) {
  VLOT_GIVEN(actor);
  if (vlot__system_is_forked(actor->system)) return;
  vlot__lock(&actor->box.lock);
  if (actor->is_suspended) {
    actor->is_suspended = false;
    actor->was_suspended = true;
    vlot__actor_record(actor, VLOT_ACTOR_EVENT_RESUMED, VLOT_WHY_RESUMED, 0);
    rouse_if_it_may(actor);
  }
  vlot__unlock(&actor->box.lock);
}

/* --- timers --- */

vlot_result vlot_timer_set(vlot_actor *self, uint64_t kind, uint64_t delay_ns,
                           uint64_t *generation) {
  VLOT_GIVEN(self);
  uint64_t due = vlot__clock_after(vlot_clock_ns(), delay_ns);
  vlot_result result = vlot__timers_set(&self->timers, self->system->allocator, kind, due);
  if (result == VLOT_OK && generation) *generation = self->timers.generation;
  return result;
}

bool vlot_timer_cancel(vlot_actor *self, uint64_t kind) {
  VLOT_GIVEN(self);
  return vlot__timers_cancel(&self->timers, kind);
}
