#include "vlot/actor_supervisor.h"

#include <string.h>

#include "actor/actor.h"
#include "base/alloc.h"
#include "base/assert.h"
#include "base/prng.h"
#include "base/problem.h"

#define POLL_NS (VLOT_NS_PER_S / 1000) /* how often to look whether an old thread has gone */

struct child {
  vlot_child options;
  /* the last incarnation; NULL: never started, or it is not to come back */
  vlot_actor *actor;
  vlot_address address;
  uint64_t monitor; /* 0: it is not running */
  uint64_t ended_ns;
  uint64_t *restarts_ns; /* [restarts_max]: a ring of when it was restarted */
  uint64_t restarts;
  char name[16];
};

typedef struct supervisor {
  vlot_supervisor_options options;
  vlot_actor_system *system;
  vlot_actor *self;
  vlot__prng prng;
  struct child *children;
  uint64_t *restarts_ns; /* [child_count][restarts_max] */
  bool has_failed;
} supervisor;

/* --- reports --- */

static void report_child(const supervisor *sup, const vlot_supervision_event *event) {
  if (sup->options.event) sup->options.event(sup->options.context, event);
}

/* --- children --- */

static vlot_result start_child(supervisor *sup, struct child *child) {
  vlot_actor_options options = child->options.actor;
  options.name = options.name ? child->name : NULL;
  vlot_result result = VLOT_OK;
  vlot_actor *actor = NULL;
  if (child->options.renew) result = child->options.renew(child->options.context, &options.context);
  if (result == VLOT_OK) result = vlot_actor_spawn(sup->system, &options, &actor);
  if (result == VLOT_OK) {
    result = vlot_actor_monitor(sup->self, actor, &child->monitor);
    if (result != VLOT_OK) {
      vlot_actor_kill_wait(actor, VLOT_WHY_START_FAILED, sup->options.stop_ns);
      vlot_actor_release(actor);
    }
  }
  if (result != VLOT_OK) return result;
  vlot_actor_release(child->actor);
  child->actor = actor;
  child->address = vlot_actor_address(actor);
  report_child(
      sup, &(vlot_supervision_event){.kind = VLOT_SUPERVISION_STARTED, .child = child->address});
  return VLOT_OK;
}

static void stop_child(supervisor *sup, struct child *child) {
  if (!child->actor) return;
  if (child->monitor != 0) vlot_actor_demonitor(sup->self, child->monitor);
  child->monitor = 0;
  vlot_actor_stop(child->actor, sup->options.stop_ns);
  vlot_actor_release(child->actor);
  child->actor = NULL;
}

static void stop_children(supervisor *sup, size_t count) {
  while (count > 0) stop_child(sup, &sup->children[--count]);
}

/* --- restarting --- */

static bool is_to_restart(const struct child *child, vlot_end end) {
  switch (child->options.restart) {
  case VLOT_CHILD_PERMANENT: return true;
  case VLOT_CHILD_TRANSIENT: return end != VLOT_END_NORMAL;
  case VLOT_CHILD_TEMPORARY: break;
  }
  return false;
}

/* How many of the last restarts fall into the period that ends now. */
static uint32_t count_restarts(const supervisor *sup, const struct child *child, uint64_t now) {
  uint32_t kept = sup->options.restarts_max, count = 0;
  for (uint64_t i = 0; i < kept && i < child->restarts; i++)
    if (now - child->restarts_ns[i] < sup->options.period_ns) count++;
  return count;
}

static uint64_t draw_delay(supervisor *sup, uint32_t restarts) {
  uint64_t delay = sup->options.backoff_ns_min;
  while (restarts-- > 0 && delay < sup->options.backoff_ns_max) delay *= 2;
  if (delay > sup->options.backoff_ns_max) delay = sup->options.backoff_ns_max;
  return vlot__prng_between(&sup->prng, delay - delay / 2, delay);
}

static void give_up(supervisor *sup, const struct child *child, vlot_result result, vlot_why why) {
  sup->has_failed = true;
  report_child(sup, &(vlot_supervision_event){.kind = VLOT_SUPERVISION_FAILED,
                                              .child = child->address,
                                              .result = result});
  vlot__actor_exit_as(sup->self, VLOT_END_INTENSITY, why, 0);
}

/* A restart is due, after a back-off, unless there have been too many. */
static void plan_restart(supervisor *sup, struct child *child) {
  uint64_t now = vlot_clock_ns();
  uint32_t restarts = count_restarts(sup, child, now);
  if (restarts >= sup->options.restarts_max) {
    give_up(sup, child, VLOT_FAILED, VLOT_WHY_RESTART_INTENSITY);
    return;
  }
  uint64_t delay = draw_delay(sup, restarts);
  child->ended_ns = now;
  if (vlot_timer_set(sup->self, (uint64_t)(child - sup->children), delay, NULL) != VLOT_OK) {
    give_up(sup, child, VLOT_NOMEM, VLOT_WHY_NO_MEMORY);
    return;
  }
  report_child(sup, &(vlot_supervision_event){.kind = VLOT_SUPERVISION_WAITS,
                                              .child = child->address,
                                              .delay_ns = delay});
}

/* The old thread may still be in user code with the context that the new one would get. */
static bool must_wait_for_old_thread(supervisor *sup, struct child *child) {
  if (child->options.renew || !child->actor || vlot_actor_is_gone(child->actor)) return false;
  if (vlot_clock_ns() - child->ended_ns > sup->options.stop_ns) {
    if (vlot_actor_kill_wait(child->actor, VLOT_WHY_QUARANTINED, 0) == VLOT_OK) return false;
    give_up(sup, child, VLOT_TIMEOUT, VLOT_WHY_QUARANTINED);
  } else if (vlot_timer_set(sup->self, (uint64_t)(child - sup->children), POLL_NS, NULL) !=
             VLOT_OK) {
    give_up(sup, child, VLOT_NOMEM, VLOT_WHY_NO_MEMORY);
  }
  return true;
}

static void restart_child(supervisor *sup, struct child *child) {
  if (sup->has_failed || must_wait_for_old_thread(sup, child)) return;
  child->restarts_ns[child->restarts++ % sup->options.restarts_max] = vlot_clock_ns();
  vlot_result result = start_child(sup, child);
  if (result == VLOT_OK || result == VLOT_CLOSED) return; /* closed: the system is stopping */
  report_child(sup, &(vlot_supervision_event){.kind = VLOT_SUPERVISION_START_FAILED,
                                              .child = child->address,
                                              .result = result});
  plan_restart(sup, child);
}

static void child_ended(supervisor *sup, const vlot_down *down) {
  struct child *child = sup->children;
  while (child < sup->children + sup->options.child_count && child->monitor != down->monitor)
    child++;
  if (child == sup->children + sup->options.child_count) return;
  child->monitor = 0;
  report_child(sup, &(vlot_supervision_event){
                        .kind = VLOT_SUPERVISION_ENDED, .child = child->address, .down = down});
  if (!sup->has_failed && is_to_restart(child, down->end)) plan_restart(sup, child);
}

/* --- the behaviour --- */

static void turn(vlot_actor *self, void *context, vlot_turn *mails) {
  supervisor *sup = context;
  (void)self;
  const vlot_mail *mail;
  while ((mail = vlot_turn_next(mails))) {
    if (mail->kind == VLOT_MAIL_DOWN) child_ended(sup, vlot_mail_payload(mail));
    if (mail->kind == VLOT_MAIL_TIMER) restart_child(sup, &sup->children[mail->stamp]);
  }
}

static vlot_result start(vlot_actor *self, void *context) {
  supervisor *sup = context;
  sup->self = self;
  vlot__prng_init(&sup->prng, sup->system->options.seed, vlot_actor_address(self).id);
  for (size_t i = 0; i < sup->options.child_count; i++) {
    vlot_result result = start_child(sup, &sup->children[i]);
    if (result == VLOT_OK) continue;
    stop_children(sup, i);
    return result;
  }
  return VLOT_OK;
}

static void stop(vlot_actor *self, void *context) {
  supervisor *sup = context;
  (void)self;
  stop_children(sup, sup->options.child_count);
}

static void free_supervisor(supervisor *sup) {
  const vlot_allocator *allocator = sup->system->allocator;
  vlot__alloc_free(allocator, sup->restarts_ns);
  vlot__alloc_free(allocator, sup->children);
  vlot__alloc_free(allocator, sup);
}

/* After an orderly end nothing is left here. After a kill the children go with their supervisor. */
static void finish(void *context) {
  supervisor *sup = context;
  for (size_t i = sup->options.child_count; i-- > 0;) {
    vlot_actor *actor = sup->children[i].actor;
    if (actor) vlot_actor_kill(actor, VLOT_WHY_KILLED);
    vlot_actor_release(actor);
  }
  free_supervisor(sup);
}

/* --- spawn --- */

void vlot_supervisor_options_init(vlot_supervisor_options *options) {
  VLOT_GIVEN(options);
  *options = (vlot_supervisor_options){.size = sizeof *options,
                                       .restarts_max = 1,
                                       .period_ns = 5 * VLOT_NS_PER_S,
                                       .backoff_ns_min = VLOT_NS_PER_S / 1000,
                                       .backoff_ns_max = VLOT_NS_PER_S,
                                       .stop_ns = VLOT_NS_PER_S};
}

static vlot_result check_options(const vlot_supervisor_options *options) {
  if (!options || options->size != sizeof *options)
    return vlot__refuse(VLOT_INVALID, "options: call vlot_supervisor_options_init() first");
  if (options->restarts_max == 0 || options->period_ns == 0)
    return vlot__refuse(VLOT_INVALID, "restarts_max, period_ns: at least 1");
  if (options->backoff_ns_max < options->backoff_ns_min || options->backoff_ns_max > UINT64_MAX / 2)
    return vlot__refuse_value(VLOT_INVALID,
                              "backoff_ns_max {0}: from backoff_ns_min, {1}, to 2^63 - 1",
                              options->backoff_ns_max, options->backoff_ns_min);
  if (options->child_count > 0 && !options->children)
    return vlot__refuse_value(VLOT_INVALID, "children: missing, and child_count is {0}",
                              options->child_count, 0);
  for (size_t i = 0; i < options->child_count; i++)
    if (options->children[i].actor.id == 0)
      return vlot__refuse_value(VLOT_INVALID, "children[{0}]: a child needs an id that is not 0", i,
                                0);
  return VLOT_OK;
}

static void take_child(supervisor *sup, size_t i, const vlot_child *options) {
  struct child *child = &sup->children[i];
  child->options = *options;
  child->address.id = options->actor.id;
  child->restarts_ns = &sup->restarts_ns[i * sup->options.restarts_max];
  const char *name = options->actor.name;
  if (name) strncpy(child->name, name, sizeof child->name - 1);
}

static supervisor *make_supervisor(vlot_actor_system *system,
                                   const vlot_supervisor_options *options) {
  const vlot_allocator *allocator = system->allocator;
  size_t count = options->child_count;
  supervisor *sup = vlot__alloc_zero(allocator, 1, sizeof *sup);
  if (!sup) return NULL;
  sup->options = *options;
  sup->system = system;
  sup->children = vlot__alloc_zero(allocator, count, sizeof *sup->children);
  sup->restarts_ns = vlot__alloc_zero(allocator, count * options->restarts_max, sizeof(uint64_t));
  if (!sup->children || !sup->restarts_ns) {
    free_supervisor(sup);
    return NULL;
  }
  for (size_t i = 0; i < count; i++) take_child(sup, i, &options->children[i]);
  return sup;
}

vlot_result vlot_supervisor_spawn(vlot_actor_system *system, const vlot_supervisor_options *options,
                                  vlot_actor **actor) {
  VLOT_GIVEN(system);
  if (actor) *actor = NULL;
  vlot_result result = check_options(options);
  if (result != VLOT_OK) return result;
  supervisor *sup = make_supervisor(system, options);
  if (!sup) return VLOT_NOMEM;

  bool has_begun = false;
  vlot_actor_options own;
  vlot_actor_options_init(&own);
  own.name = options->name ? options->name : "vlot-sup";
  own.id = options->id;
  own.behaviour = (vlot_behaviour){.turn = turn, .start = start, .stop = stop, .finish = finish};
  own.context = sup;
  result = vlot__actor_spawn(system, &own, actor, &has_begun);
  if (result != VLOT_OK && !has_begun) free_supervisor(sup);
  return result;
}
