/* Death: the orderly end, the kill, dead letters, and quarantine for a thread that does not come
 * back.
 */
#include "actor/actor.h"
#include "actor/refuse.h"
#include "base/alloc.h"
#include "base/assert.h"
#include "base/pin.h"

/* --- the end --- */

bool vlot__actor_close_fence(vlot_actor *actor, vlot_end end, vlot_why why, uint32_t code) {
  actor->box.is_closed = true;
  actor->is_fence_closed = true;
  actor->end = end;
  actor->why = why;
  actor->code = code;
  return vlot__fence_close(&actor->fence);
}

static vlot_why why_of_letters(vlot_end end) {
  if (end == VLOT_END_KILLED) return VLOT_WHY_KILLED;
  return end == VLOT_END_CRASHED ? VLOT_WHY_CRASHED : VLOT_WHY_NODE_DOWN;
}

static void bury(vlot_actor *actor, vlot_lane lane, const vlot_mail *mail, vlot_why why) {
  vlot_letter letter = {.sender = mail->sender,
                        .receiver = actor->address,
                        .kind = mail->kind,
                        .size = mail->size,
                        .stamp = mail->stamp,
                        .why = why,
                        .lane = lane};
  bool is_call = mail->sender.id == 0 && mail->sender.incarnation == VLOT__CALLER;
  if (mail->kind < VLOT_MAIL_RESERVED && actor->behaviour.dispose)
    actor->behaviour.dispose(actor->context, mail, why);
  vlot__letters_add(&actor->system->letters, &letter);
  if (is_call) (void)vlot__call_answer(actor->system, letter.stamp, VLOT_CLOSED, NULL);
}

static void bury_hand(vlot_actor *actor, vlot_why why) {
  vlot__hand *hand = &actor->hand;
  for (int lane = 0; lane < 2; lane++) {
    const vlot_mail *mail;
    while ((mail = vlot__hand_peek(hand, (vlot_lane)lane))) {
      bury(actor, (vlot_lane)lane, mail, why);
      vlot__hand_step(hand, (vlot_lane)lane, mail);
    }
  }
}

/* Under the lock: what was stepped over since the last settle was dropped, not processed. */
static void settle_as_dropped(vlot_actor *actor) {
  uint64_t dropped = actor->hand.processed;
  actor->hand.processed = 0;
  actor->box.taken -= dropped;
  actor->box.dropped += dropped;
  vlot__mailbox_settle(&actor->box, &actor->hand);
}

/* The mailbox is closed: what is in it and in hand becomes dead letters. The rest of the hand
 * first, then what still waits.
 */
static void bury_all(vlot_actor *actor) {
  vlot_why why = why_of_letters(actor->end);
  for (;;) {
    bury_hand(actor, why);
    vlot__lock(&actor->box.lock);
    settle_as_dropped(actor);
    vlot__mailbox_take(&actor->box, &actor->hand);
    vlot__unlock(&actor->box.lock);
    vlot__chunk_free_all(actor->box.allocator, actor->hand.garbage);
    actor->hand.garbage = NULL;
    if (vlot__hand_is_empty(&actor->hand)) break;
  }
}

static void wait_until_announced(vlot_actor *actor) {
  vlot__lock(&actor->box.lock);
  while (!actor->is_announced) vlot__actor_wait(actor, VLOT_FOREVER);
  vlot__unlock(&actor->box.lock);
}

/* Close the fence unless a kill was first. True: it is ours to announce. */
static bool close_own_fence(vlot_actor *actor, bool has_started) {
  vlot_end end = has_started ? actor->exit_end : VLOT_END_START_FAILED;
  vlot_why why = actor->wants_exit ? actor->exit_why : VLOT_WHY_ASKED;
  if (!has_started) why = VLOT_WHY_START_FAILED;
  vlot__lock(&actor->box.lock);
  bool is_ours = !actor->is_fence_closed;
  bool announces = is_ours && vlot__actor_close_fence(actor, end, why, actor->exit_code);
  vlot__unlock(&actor->box.lock);
  VLOT_ASSERT(announces == is_ours); /* no effect of ours is open between turns */
  return is_ours;
}

/* Fold the counts of this actor into the system's and leave its lists. */
static void leave_system(vlot_actor *actor) {
  vlot_actor_system *system = actor->system;
  const vlot__mailbox *box = &actor->box;
  uint64_t sent = box->lanes[0].sent + box->lanes[1].sent;
  vlot__lock(&system->lock);
  vlot__registry_unlist(system, actor);
  system->totals.sent += sent;
  system->totals.processed += box->processed;
  system->totals.dropped += box->dropped;
  system->totals.lost_wakes += actor->lost_wakes;
  if (actor->is_detached) {
    system->totals.quarantined--;
  } else {
    actor->next_gone = system->gone;
    system->gone = actor;
  }
  vlot__unlock(&system->lock);
}

static void finish_actor(vlot_actor *actor, bool has_started) {
  vlot__lock(&actor->box.lock);
  actor->phase = VLOT__ENDING;
  actor->box.is_closed = true;
  bool is_orderly = has_started && !actor->is_fence_closed;
  vlot__unlock(&actor->box.lock);

  if (is_orderly && actor->behaviour.stop) actor->behaviour.stop(actor, actor->context);
  vlot__actor_check_left(actor);
  bool is_ours = close_own_fence(actor, has_started);
  if (is_ours)
    vlot__actor_call_fenced(actor);
  else
    wait_until_announced(actor);
  bury_all(actor);
  vlot__monitor_drop_all(actor);
  if (actor->behaviour.finish) actor->behaviour.finish(actor->context);
  /* an orderly end is told when files and locks of the context are released */
  if (is_ours) vlot__actor_tell_watchers(actor);
}

static void go(vlot_actor *actor) {
  leave_system(actor);
  vlot__lock(&actor->box.lock);
  actor->phase = VLOT__GONE;
  vlot__actor_record(actor, VLOT_ACTOR_EVENT_GONE, actor->why, 0);
  bool is_detached = actor->is_quarantined;
  vlot__actor_tell_waiters(actor);
  vlot__unlock(&actor->box.lock);
  if (is_detached) vlot_actor_release(actor); /* for the registry: nobody will join */
  vlot_actor_release(actor);
}

void vlot__actor_end(vlot_actor *actor, bool has_started) {
  finish_actor(actor, has_started);
  go(actor);
}

/* --- from outside --- */

void vlot_actor_exit(vlot_actor *self, vlot_why why, uint32_t code) {
  VLOT_GIVEN(self);
  vlot__actor_exit_as(self, code != 0 ? VLOT_END_CRASHED : VLOT_END_NORMAL, why, code);
}

void vlot__actor_exit_as(vlot_actor *self, vlot_end end, vlot_why why, uint32_t code) {
  self->wants_exit = true;
  self->exit_end = end;
  self->exit_why = why;
  self->exit_code = code;
}

bool vlot__actor_kill_locked(vlot_actor *actor, vlot_why why, bool *announces) {
  *announces = false;
  if (actor->is_fence_closed) return false;
  *announces = vlot__actor_close_fence(actor, VLOT_END_KILLED, why, 0);
  if (actor->phase < VLOT__ENDING) actor->phase = VLOT__ENDING;
  vlot__actor_record(actor, VLOT_ACTOR_EVENT_KILLED, why, 0);
  vlot__actor_rouse(actor);
  return true;
}

vlot_result vlot_actor_kill(vlot_actor *actor, vlot_why why) {
  VLOT_GIVEN(actor);
  bool announces;
  if (vlot__system_is_forked(actor->system)) return vlot__refuse_forked();
  vlot__lock(&actor->box.lock);
  bool was_running = vlot__actor_kill_locked(actor, why, &announces);
  vlot__unlock(&actor->box.lock);
  if (announces) vlot__actor_announce(actor);
  return was_running ? VLOT_OK : vlot__refuse(VLOT_CLOSED, "the actor has ended already");
}

/* Leave a thread that is stuck in user code alone, with all it may touch. False: it has come back
 * meanwhile, or has not begun yet.
 */
static bool detach(vlot_actor *actor) {
  vlot_actor_system *system = actor->system;
  vlot__lock(&actor->box.lock);
  bool was_quarantined = actor->is_quarantined;
  vlot__unlock(&actor->box.lock);
  if (was_quarantined) return true;
  vlot__lock(&system->lock);
  bool is_stuck = !actor->is_unlisted;
  bool is_first = is_stuck && actor->has_thread && !actor->is_detached;
  if (is_first) {
    actor->is_detached = true;
    system->totals.quarantined++;
    pthread_detach(actor->thread);
  }
  bool is_detached = actor->is_detached;
  vlot__unlock(&system->lock);
  if (!is_first) return is_stuck && is_detached;

  vlot__lock(&actor->box.lock);
  actor->is_quarantined = true;
  vlot__actor_record(actor, VLOT_ACTOR_EVENT_QUARANTINED, VLOT_WHY_QUARANTINED, 0);
  vlot__actor_tell_waiters(actor);
  vlot__unlock(&actor->box.lock);
  vlot__pin_code();
  vlot__system_log(system,
                   "%s is stuck in user code: quarantined; the code of vlot stays loaded until the "
                   "process ends, and what this thread is inside must stay, too",
                   actor->name);
  return true;
}

static vlot_result wait_until_gone(vlot_actor *actor, uint64_t wait_ns) {
  uint64_t deadline = vlot__clock_after(vlot_clock_ns(), wait_ns);
  vlot__lock(&actor->box.lock);
  bool in_time = true;
  while (actor->phase != VLOT__GONE && in_time) in_time = vlot__actor_wait(actor, deadline);
  bool is_gone = actor->phase == VLOT__GONE;
  vlot__unlock(&actor->box.lock);
  if (!is_gone) {
    vlot_actor_kill(actor, VLOT_WHY_QUARANTINED);
    if (detach(actor)) return VLOT_TIMEOUT;
  }
  vlot__actor_reap(actor->system);
  return VLOT_OK;
}

static vlot_result refuse_wait(const vlot_actor *actor) {
  if (vlot__system_is_forked(actor->system)) return vlot__refuse_forked();
  return vlot__system_current(actor->system) == actor ? vlot__refuse_inside() : VLOT_OK;
}

vlot_result vlot_actor_stop(vlot_actor *actor, uint64_t wait_ns) {
  VLOT_GIVEN(actor);
  vlot_result result = refuse_wait(actor);
  if (result != VLOT_OK) return result;
  vlot__lock(&actor->box.lock);
  if (actor->phase < VLOT__ENDING) {
    actor->phase = VLOT__ENDING;
    actor->box.is_closed = true;
    vlot__actor_record(actor, VLOT_ACTOR_EVENT_STOPPING, VLOT_WHY_ASKED, 0);
    vlot__actor_rouse(actor);
  }
  vlot__unlock(&actor->box.lock);
  return wait_until_gone(actor, wait_ns);
}

vlot_result vlot_actor_kill_wait(vlot_actor *actor, vlot_why why, uint64_t wait_ns) {
  VLOT_GIVEN(actor);
  vlot_result result = refuse_wait(actor);
  if (result != VLOT_OK) return result;
  vlot_actor_kill(actor, why);
  return wait_until_gone(actor, wait_ns);
}

bool vlot_actor_is_gone(vlot_actor *actor) {
  VLOT_GIVEN(actor);
  if (vlot__system_is_forked(actor->system)) return false;
  vlot__lock(&actor->box.lock);
  bool is_gone = actor->phase == VLOT__GONE;
  vlot__unlock(&actor->box.lock);
  return is_gone;
}
