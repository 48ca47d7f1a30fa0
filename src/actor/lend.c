/* A thread that would wait runs the turns of parked actors, instead of waking their threads. */
#include "vlot/actor_lend.h"

#include "actor/actor.h"
#include "base/assert.h"

_Thread_local vlot_lend *vlot__lending;

void vlot_lend_begin(vlot_lend *lend, const vlot_actor_system *system) {
  VLOT_GIVEN(lend);
  lend->system = system;
  lend->count = lend->next = lend->put_off = 0;
  lend->outer = vlot__lending;
  vlot__lending = lend;
}

static bool has_promised(const vlot_lend *lend, const vlot_actor *actor) {
  for (uint32_t k = 0; k < lend->count; k++)
    if (lend->actors[k] == actor) return true;
  return false;
}

/* Under the lock of the actor. */
static bool promise(vlot_lend *lend, vlot_actor *actor) {
  if (has_promised(lend, actor)) return true;
  if (lend->count == VLOT_LEND_ACTORS || !vlot__actor_may_lend(actor)) return false;
  lend->actors[lend->count++] = vlot_actor_retain(actor);
  actor->promises++;
  return true;
}

bool vlot_lend_add(vlot_lend *lend, vlot_actor *actor) {
  VLOT_GIVEN(lend);
  VLOT_GIVEN(actor);
  if (vlot__system_is_forked(actor->system)) return false;
  vlot__lock(&actor->box.lock);
  bool is_promised = promise(lend, actor);
  vlot__unlock(&actor->box.lock);
  return is_promised;
}

/* One after the other, so that none waits for what two others say to each other. */
bool vlot_lend_run(vlot_lend *lend) {
  VLOT_GIVEN(lend);
  for (uint32_t k = 0; k < lend->count; k++) {
    vlot_actor *actor = lend->actors[lend->next];
    lend->next = lend->next + 1 < lend->count ? lend->next + 1 : 0;
    /* a hint: what is not seen here is seen under the lock, at the end */
    if (vlot__actor_right(actor) == VLOT__READY && vlot__actor_run_lent(actor)) return true;
  }
  return false;
}

/* Is its own thread to be woken, now that this promise is gone? Whoever unholds or resumes wakes
 * what was kept. */
static bool withdraw_promise(vlot_actor *actor) {
  actor->promises--;
  return actor->promises == 0 && actor->is_waiting && vlot__actor_may_run_alone(actor) &&
         vlot__actor_right(actor) == VLOT__READY;
}

void vlot_lend_end(vlot_lend *lend) {
  VLOT_GIVEN(lend);
  vlot__lending = lend->outer;
  for (uint32_t k = 0; k < lend->count; k++) {
    vlot_actor *actor = lend->actors[k];
    vlot__lock(&actor->box.lock);
    bool wakes = withdraw_promise(actor);
    if (wakes) actor->is_waiting = false;
    vlot__unlock(&actor->box.lock);
    if (wakes) pthread_cond_signal(&actor->wake);
    vlot_actor_release(actor);
  }
  lend->count = 0;
}

/* --- putting off --- */

void vlot_lend_put_off_begin(vlot_lend *lend) {
  VLOT_GIVEN(lend);
  vlot_lend_begin(lend, NULL);
}

bool vlot_lend_put_off_end(vlot_lend *lend) {
  VLOT_GIVEN(lend);
  vlot__lending = lend->outer;
  return lend->put_off > 0;
}

/* Under the lock. A thread that is awake comes by itself. */
static bool put_off_for(vlot_lend *lend, vlot_actor *actor) {
  if (!actor->is_waiting || !vlot__actor_may_lend(actor)) return false;
  actor->is_put_off = true;
  lend->put_off++;
  return true;
}

bool vlot__lend_promise(vlot_actor *actor) {
  vlot_lend *lend = vlot__lending;
  if (!lend->system) return put_off_for(lend, actor);
  return lend->system == actor->system && promise(lend, actor);
}

bool vlot_actor_remind(vlot_actor *actor, bool is_first_look) {
  VLOT_GIVEN(actor);
  if (vlot__system_is_forked(actor->system)) return false;
  vlot__lock(&actor->box.lock);
  bool is_left = actor->is_put_off && actor->promises == 0 && actor->is_waiting &&
                 vlot__actor_may_run_alone(actor);
  bool wakes = is_left && (actor->is_overdue || !is_first_look);
  if (is_left) actor->is_overdue = true;
  if (wakes) actor->is_waiting = false;
  vlot__unlock(&actor->box.lock);
  if (wakes) pthread_cond_signal(&actor->wake);
  return is_left;
}

void vlot_actor_keep_turns(vlot_actor *actor) {
  VLOT_GIVEN(actor);
  if (vlot__system_is_forked(actor->system)) return;
  vlot__lock(&actor->box.lock);
  actor->keeps_turns = true;
  vlot__unlock(&actor->box.lock);
}
