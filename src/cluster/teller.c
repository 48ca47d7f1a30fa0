#include "cluster/teller.h"

#include "base/lock.h"
#include "cluster/driver.h"
#include "cluster/gate.h"
#include "cluster/host.h"
#include "cluster/refuse.h"

/* A look ends, and the next one is when somebody asks for it; a tick that never comes does not fit
 * into every time_t. */
static const uint64_t LATER_NS = UINT64_C(3600000000000);

/* --- telling --- */

/* Under the lock, which it gives back meanwhile; the next one. Where it steps the cluster nothing
 * that would step or change it may be called from there, as from a turn; closing nowhere. */
static vlot__listener *tell_one(vlot_cluster *cluster, vlot__listener *listener) {
  vlot__teller *teller = &cluster->teller;
  vlot__frame frame;
  vlot__visit visit;
  bool is_stepped = vlot__may_step(cluster);
  listener->is_telling = true;
  vlot__unlock(&teller->lock);
  vlot__visit_note(&visit, cluster);
  if (is_stepped) vlot__inside_push(&frame, vlot__line_place(cluster), NULL);
  int cancel_state = vlot__cancel_off();
  listener->tell(listener);
  vlot__cancel_restore(cancel_state);
  if (is_stepped) vlot__inside_pop(&frame);
  vlot__visit_end(&visit);
  vlot__lock(&teller->lock);
  listener->is_telling = false;
  pthread_cond_broadcast(&teller->told);
  return listener->next;
}

static void unlink_listener(vlot__teller *teller, const vlot__listener *listener) {
  vlot__listener **link = &teller->first;
  while (*link && *link != listener) link = &(*link)->next;
  if (*link) *link = listener->next;
  atomic_store(&teller->is_heard, teller->first != NULL);
}

/* Under the lock. */
static void tell_all(vlot_cluster *cluster) {
  vlot__teller *teller = &cluster->teller;
  for (vlot__listener *one = teller->first, *next; one; one = next) {
    next = tell_one(cluster, one);
    if (!one->is_gone) continue;
    unlink_listener(teller, one);
    vlot__unlock(&teller->lock);
    one->gone(one);
    vlot__lock(&teller->lock);
    next = teller->first; /* others may have gone meanwhile; who has no news says nothing */
  }
}

/* Who finds another thread telling leaves it to that one, which looks again. */
static void tell_news(vlot_cluster *cluster) {
  vlot__teller *teller = &cluster->teller;
  vlot__lock(&teller->lock);
  bool is_free = teller->thread == 0 && teller->state != VLOT__TELLER_OVER;
  while (is_free && atomic_exchange(&teller->owes, false)) {
    teller->thread = vlot__thread_number();
    tell_all(cluster);
    teller->thread = 0;
  }
  vlot__unlock(&teller->lock);
}

/* The host's thread looks, or will. */
static void poke(vlot_cluster *cluster) {
  if (atomic_load(&cluster->teller.is_served))
    vlot__timekeeper_poke(&cluster->host->teller, &cluster->teller.kept);
}

static uint64_t look(void *context) {
  tell_news(context);
  return vlot_clock_ns() + LATER_NS;
}

void vlot__teller_news_now(vlot_cluster *cluster) {
  vlot__teller *teller = &cluster->teller;
  if (!atomic_exchange(&teller->owes, true) && !vlot__driver_of(cluster)->is_stepped) poke(cluster);
}

void vlot__teller_ended_now(vlot_cluster *cluster) {
  vlot__teller *teller = &cluster->teller;
  if (!vlot__driver_of(cluster)->is_stepped) { /* what was owed while it was paused */
    if (atomic_load(&teller->owes)) poke(cluster);
    return;
  }
  if (!vlot__may_step(cluster) || vlot__is_node_thread(cluster)) return;
  atomic_store(&teller->owes, true); /* a watch looks for itself */
  tell_news(cluster);
}

/* --- who listens --- */

/* Under the lock, which it gives back meanwhile: the first one brings the thread. */
static vlot_result start_telling(vlot_cluster *cluster) {
  vlot__teller *teller = &cluster->teller;
  while (teller->state == VLOT__TELLER_STARTS) vlot__cond_wait(&teller->told, &teller->lock);
  if (teller->state == VLOT__TELLER_OVER) return vlot__refuse_closed();
  if (teller->state == VLOT__TELLER_READY) return VLOT_OK;
  if (cluster->options.driver == VLOT_DRIVER_LOCKSTEP) {
    teller->state = VLOT__TELLER_READY;
    return VLOT_OK;
  }
  teller->state = VLOT__TELLER_STARTS;
  teller->kept = (vlot__kept){.look = look, .context = cluster};
  vlot__unlock(&teller->lock);
  vlot_result result = vlot__timekeeper_add(&cluster->host->teller, &teller->kept);
  atomic_store(&teller->is_served, result == VLOT_OK);
  if (atomic_load(&teller->owes)) poke(cluster); /* what came before it was served */
  vlot__lock(&teller->lock);
  teller->state = result == VLOT_OK ? VLOT__TELLER_READY : VLOT__TELLER_NONE;
  pthread_cond_broadcast(&teller->told);
  return result;
}

vlot_result vlot__teller_add(vlot_cluster *cluster, vlot__listener *listener) {
  vlot__teller *teller = &cluster->teller;
  vlot__lock(&teller->lock);
  vlot_result result = start_telling(cluster);
  if (result == VLOT_OK) {
    listener->is_telling = listener->is_gone = false;
    listener->next = teller->first;
    teller->first = listener;
    atomic_store(&teller->is_heard, true);
  }
  vlot__unlock(&teller->lock);
  return result;
}

bool vlot__teller_remove(vlot_cluster *cluster, vlot__listener *listener) {
  vlot__teller *teller = &cluster->teller;
  vlot__lock(&teller->lock);
  bool is_inside = listener->is_telling && teller->thread == vlot__thread_number();
  if (is_inside) listener->is_gone = true; /* which its tell looks at, without the lock */
  while (!is_inside && listener->is_telling) vlot__cond_wait(&teller->told, &teller->lock);
  if (!is_inside) unlink_listener(teller, listener);
  vlot__unlock(&teller->lock);
  return !is_inside;
}

void vlot__teller_stop(vlot_cluster *cluster) {
  vlot__teller *teller = &cluster->teller;
  vlot__lock(&teller->lock);
  bool is_over = teller->state == VLOT__TELLER_OVER;
  if (teller->first) atomic_store(&teller->owes, true);
  vlot__unlock(&teller->lock);
  if (is_over) return;
  if (atomic_exchange(&teller->is_served, false)) {
    vlot__timekeeper_stand(&cluster->host->teller, &teller->kept); /* behind one more look */
    vlot__timekeeper_remove(&cluster->host->teller, &teller->kept);
  }
  tell_news(cluster); /* in lockstep; and what came in between */
  vlot__lock(&teller->lock);
  teller->state = VLOT__TELLER_OVER;
  teller->first = NULL;
  atomic_store(&teller->is_heard, false);
  vlot__unlock(&teller->lock);
}
