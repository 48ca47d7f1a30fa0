/* Life: references, spawn, the own thread from its first to its last call. */
#include <string.h>

#include "actor/actor.h"
#include "actor/refuse.h"
#include "base/alloc.h"
#include "base/assert.h"

/* --- references --- */

vlot_actor *vlot_actor_retain(vlot_actor *actor) {
  if (actor) atomic_fetch_add_explicit(&actor->references, 1, memory_order_relaxed);
  return actor;
}

static void free_actor(vlot_actor *actor) {
  vlot_actor_system *system = actor->system;
  vlot__timers_deinit(&actor->timers, system->allocator);
  vlot__chunk_free_all(system->allocator, actor->hand.used.first);
  vlot__chunk_free_all(system->allocator, actor->hand.garbage);
  vlot__alloc_free(system->allocator, actor->monitors);
  pthread_cond_destroy(&actor->wake);
  pthread_cond_destroy(&actor->changed);
  vlot__mailbox_deinit(&actor->box);
  vlot__alloc_free(system->allocator, actor);
  vlot__system_release(system);
}

void vlot_actor_release(vlot_actor *actor) {
  if (!actor) return;
  uint32_t before = atomic_fetch_sub_explicit(&actor->references, 1, memory_order_acq_rel);
  VLOT_DUTY(before > 0, "release each reference to an actor once");
  if (before == 1 && !vlot__system_is_forked(actor->system)) free_actor(actor);
}

vlot_address vlot_actor_address(const vlot_actor *actor) {
  VLOT_GIVEN(actor);
  return actor->address;
}

vlot_actor_system *vlot_actor_get_system(const vlot_actor *actor) {
  VLOT_GIVEN(actor);
  return actor->system;
}

/* --- spawn --- */

void vlot_actor_options_init(vlot_actor_options *options) {
  VLOT_GIVEN(options);
  *options = (vlot_actor_options){.size = sizeof *options,
                                  .stack_bytes = 256 * 1024,
                                  .data_messages_max = 65536,
                                  .data_bytes_max = 64u << 20,
                                  .control_messages_max = 4096,
                                  .control_bytes_max = 4u << 20,
                                  .turn_messages_max = 4096,
                                  .turn_bytes_max = 4u << 20};
}

static vlot_result check_options(const vlot_actor_options *options) {
  enum { ROOM = sizeof(vlot_mail) };
  if (!options || options->size != sizeof *options)
    return vlot__refuse(VLOT_INVALID, "options: call vlot_actor_options_init() first");
  if (!options->behaviour.turn) return vlot__refuse(VLOT_INVALID, "behaviour.turn: missing");
  if (options->id > INT32_MAX)
    return vlot__refuse_value(VLOT_INVALID, "id {0}: at most {1}; 0 is a free one", options->id,
                              INT32_MAX);
  if (options->data_messages_max == 0 || options->control_messages_max == 0)
    return vlot__refuse(VLOT_INVALID, "data_messages_max, control_messages_max: at least 1");
  if (options->data_bytes_max < ROOM)
    return vlot__refuse_value(VLOT_INVALID, "data_bytes_max {0}: at least {1}",
                              options->data_bytes_max, ROOM);
  if (options->control_bytes_max < ROOM)
    return vlot__refuse_value(VLOT_INVALID, "control_bytes_max {0}: at least {1}",
                              options->control_bytes_max, ROOM);
  if (options->turn_messages_max == 0 || options->turn_bytes_max == 0)
    return vlot__refuse(VLOT_INVALID, "turn_messages_max, turn_bytes_max: at least 1");
  return vlot__thread_place_is_valid(options->place, options->core)
             ? VLOT_OK
             : vlot__refuse_place(options->place, options->core);
}

static bool init_synchronisation(vlot_actor *actor) {
  if (!vlot__mailbox_init(&actor->box, actor->system->allocator)) return false;
  if (!vlot__cond_init(&actor->wake)) goto no_wake;
  if (!vlot__cond_init(&actor->changed)) goto no_changed;
  return true;
no_changed:
  pthread_cond_destroy(&actor->wake);
no_wake:
  pthread_mutex_destroy(&actor->box.lock);
  return false;
}

static void take_options(vlot_actor *actor, const vlot_actor_options *options) {
  vlot__mail_lane *lanes = actor->box.lanes;
  lanes[VLOT_LANE_CONTROL].messages_max = options->control_messages_max;
  lanes[VLOT_LANE_CONTROL].bytes_max = options->control_bytes_max;
  lanes[VLOT_LANE_DATA].messages_max = options->data_messages_max;
  lanes[VLOT_LANE_DATA].bytes_max = options->data_bytes_max;
  actor->behaviour = options->behaviour;
  actor->context = options->context;
  actor->turn_messages_max = options->turn_messages_max;
  actor->turn_bytes_max = options->turn_bytes_max;
  actor->spin_ns = options->spin_ns;
  actor->holds = options->is_held ? 1 : 0;
  actor->keeps_turns = options->keeps_turns;
}

static vlot_actor *make_actor(vlot_actor_system *system, const vlot_actor_options *options) {
  vlot_actor *actor = vlot__alloc_zero(system->allocator, 1, sizeof *actor);
  if (!actor) return NULL;
  actor->system = system;
  if (!init_synchronisation(actor)) {
    vlot__alloc_free(system->allocator, actor);
    return NULL;
  }
  vlot__system_retain(system);
  vlot__fence_init(&actor->fence);
  atomic_init(&actor->right, VLOT__PARKED);
  atomic_init(&actor->references, 1);
  actor->turn.actor = actor;
  actor->next_timer_ns = VLOT__TIMER_NEVER;
  actor->start_result = VLOT_PENDING;
  take_options(actor, options);
  return actor;
}

static vlot_result wait_for_start(vlot_actor *actor) {
  vlot__lock(&actor->box.lock);
  while (actor->start_result == VLOT_PENDING && !actor->is_quarantined)
    vlot__actor_wait(actor, VLOT_FOREVER);
  vlot_result result = actor->start_result;
  bool has_failed = result != VLOT_OK && result != VLOT_PENDING;
  while (has_failed && actor->phase != VLOT__GONE) vlot__actor_wait(actor, VLOT_FOREVER);
  vlot__unlock(&actor->box.lock);
  return result == VLOT_PENDING
             ? vlot__refuse(VLOT_FENCED, "the actor was killed before it had begun")
             : result;
}

/* It never had a thread; a stop that came by meanwhile may be waiting for it. */
static void forget_actor(vlot_actor *actor) {
  vlot__lock(&actor->box.lock);
  actor->phase = VLOT__GONE;
  vlot__actor_tell_waiters(actor);
  vlot__unlock(&actor->box.lock);
  atomic_fetch_sub_explicit(&actor->references, 2, memory_order_relaxed);
}

/* References: the registry's, until its thread is joined or quarantined and gone; the thread's; the
 * caller's.
 */
static vlot_result start_actor(vlot_actor *actor, const vlot_actor_options *options,
                               bool *has_begun) {
  vlot_result result = vlot__registry_add(actor->system, actor, options);
  if (result != VLOT_OK) return result;
  atomic_fetch_add_explicit(&actor->references, 2, memory_order_relaxed);
  result = vlot__thread_start(actor, options);
  if (result != VLOT_OK) {
    vlot__registry_remove(actor);
    forget_actor(actor);
    return result;
  }
  *has_begun = true;
  result = wait_for_start(actor);
  if (result != VLOT_OK) vlot__actor_reap(actor->system);
  return result;
}

vlot_result vlot__actor_spawn(vlot_actor_system *system, const vlot_actor_options *options,
                              vlot_actor **actor, bool *has_begun) {
  *has_begun = false;
  if (actor) *actor = NULL;
  vlot_result result = check_options(options);
  if (result != VLOT_OK) return result;
  if (vlot__system_is_forked(system)) return vlot__refuse_forked();
  vlot__actor_reap(system);
  vlot_actor *spawned = make_actor(system, options);
  if (!spawned) return VLOT_NOMEM;
  result = start_actor(spawned, options, has_begun);
  if (result == VLOT_OK && actor)
    *actor = spawned;
  else
    vlot_actor_release(spawned);
  return result;
}

vlot_result vlot_actor_spawn(vlot_actor_system *system, const vlot_actor_options *options,
                             vlot_actor **actor) {
  VLOT_GIVEN(system);
  bool has_begun;
  return vlot__actor_spawn(system, options, actor, &has_begun);
}

/* --- the own thread --- */

static bool begin_life(vlot_actor *actor) {
  vlot_result result = VLOT_OK;
  if (actor->behaviour.start) result = actor->behaviour.start(actor, actor->context);
  vlot__actor_check_left(actor);
  if (result == VLOT_PENDING) result = VLOT_FAILED;
  if (result == VLOT_OK) vlot__registry_route(actor);

  vlot__lock(&actor->box.lock);
  actor->start_result = result;
  if (result == VLOT_OK && actor->phase == VLOT__STARTING) actor->phase = VLOT__LIVE;
  if (actor->timers.count > 0) actor->next_timer_ns = vlot__timers_next_ns(&actor->timers);
  actor->turn_ended_ns = vlot__clock_coarse_ns();
  memcpy(actor->data, actor->data_next, sizeof actor->data);
  vlot__actor_record(actor, VLOT_ACTOR_EVENT_STARTED, VLOT_WHY_NONE, 0);
  vlot__actor_tell_waiters(actor);
  vlot__unlock(&actor->box.lock);
  return result == VLOT_OK;
}

void *vlot__actor_main(void *argument) {
  vlot_actor *actor = argument;
  vlot__frame frame; /* for as long as the thread lives, which is no longer than this function */
  vlot__inside_push(&frame, actor->system, actor);
  vlot__thread_name(actor->name);
  vlot__lock(&actor->system->lock);
  actor->thread = pthread_self(); /* by itself: its creator may be slower than its end */
  actor->has_thread = true;
  vlot__unlock(&actor->system->lock);
  bool has_started = begin_life(actor);
  if (has_started) vlot__actor_live(actor);
  vlot__actor_end(actor, has_started);
  vlot__inside_pop(&frame);
  return NULL;
}

void vlot__actor_reap(vlot_actor_system *system) {
  vlot__lock(&system->lock);
  vlot_actor *gone = system->gone;
  system->gone = NULL;
  vlot__unlock(&system->lock);
  while (gone) {
    vlot_actor *next = gone->next_gone;
    vlot__thread_join(gone->thread);
    vlot_actor_release(gone);
    gone = next;
  }
}
