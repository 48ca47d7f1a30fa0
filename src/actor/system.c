/* A set of actors: open, stop, close, and the conservation law. */
#include <stdarg.h>
#include <stdio.h>

#include "actor/actor.h"
#include "actor/refuse.h"
#include "base/alloc.h"
#include "base/assert.h"

void vlot_actor_system_options_init(vlot_actor_system_options *options) {
  VLOT_GIVEN(options);
  *options = (vlot_actor_system_options){.size = sizeof *options,
                                         .place = VLOT_PLACE_KERNEL,
                                         .stop_ns = VLOT_NS_PER_S,
                                         .seed = 1,
                                         .letters = 1024,
                                         .park_ns_max = 10 * VLOT_NS_PER_S};
}

/* --- open --- */

static vlot_result check_options(const vlot_actor_system_options *options) {
  if (options->size != sizeof *options)
    return vlot__refuse(VLOT_INVALID, "options: call vlot_actor_system_options_init() first");
  if (options->letters == 0 || options->park_ns_max == 0)
    return vlot__refuse(VLOT_INVALID, "letters, park_ns_max: at least 1");
  return vlot__thread_place_is_valid(options->place, options->core)
             ? VLOT_OK
             : vlot__refuse_place(options->place, options->core);
}

static bool init_locks(vlot_actor_system *system) {
  if (!vlot__lock_init(&system->lock)) return false;
  if (!vlot__lock_init(&system->calls_lock)) goto no_calls_lock;
  if (!vlot__cond_init(&system->stopped)) goto no_stopped;
  return true;
no_stopped:
  pthread_mutex_destroy(&system->calls_lock);
no_calls_lock:
  pthread_mutex_destroy(&system->lock);
  return false;
}

static void deinit_locks(vlot_actor_system *system) {
  pthread_cond_destroy(&system->stopped);
  pthread_mutex_destroy(&system->calls_lock);
  pthread_mutex_destroy(&system->lock);
}

static vlot_actor_system *make_system(const vlot_actor_system_options *options) {
  const vlot_allocator *allocator = vlot__alloc_or_default(options->allocator);
  vlot_actor_system *system = vlot__alloc_zero(allocator, 1, sizeof *system);
  if (!system) return NULL;
  system->allocator = allocator;
  system->options = *options;
  system->epoch = vlot__fork_epoch();
  atomic_init(&system->references, 1);
  if (!vlot__letters_init(&system->letters, allocator, options->letters)) goto no_letters;
  if (!init_locks(system)) goto no_locks;
  return system;
no_locks:
  vlot__letters_deinit(&system->letters, allocator);
no_letters:
  vlot__alloc_free(allocator, system);
  return NULL;
}

vlot_result vlot_actor_system_open(const vlot_actor_system_options *options,
                                   vlot_actor_system **system) {
  VLOT_GIVEN(system);
  vlot_actor_system_options defaults;
  vlot_actor_system_options_init(&defaults);
  if (!options) options = &defaults;
  *system = NULL;
  vlot_result result = check_options(options);
  if (result != VLOT_OK) return result;
  *system = make_system(options);
  return *system ? VLOT_OK : VLOT_NOMEM;
}

vlot_actor_system *vlot__system_retain(vlot_actor_system *system) {
  atomic_fetch_add_explicit(&system->references, 1, memory_order_relaxed);
  return system;
}

void vlot__system_release(vlot_actor_system *system) {
  if (atomic_fetch_sub_explicit(&system->references, 1, memory_order_acq_rel) > 1) return;
  const vlot_allocator *allocator = system->allocator;
  deinit_locks(system);
  vlot__letters_deinit(&system->letters, allocator);
  vlot__alloc_free(allocator, system->entries);
  vlot__alloc_free(allocator, system);
}

void vlot__system_log(vlot_actor_system *system, const char *format, ...) {
  if (!system->options.log) return;
  char line[160];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(line, sizeof line, format, arguments);
  va_end(arguments);
  system->options.log(system->options.context, line);
}

/* --- stop --- */

/* The youngest whose thread can still be waited for, retained. */
static vlot_actor *next_to_stop(vlot_actor_system *system) {
  vlot__lock(&system->lock);
  vlot_actor *actor = system->newest;
  while (actor && actor->is_detached) actor = actor->older;
  vlot_actor_retain(actor);
  vlot__unlock(&system->lock);
  return actor;
}

/* False: another thread is at it, or has been; *result is its result then. A hook that stops the
 * system from within its stop would wait for itself.
 */
static bool begin_stop(vlot_actor_system *system, vlot_result *result) {
  vlot__lock(&system->lock);
  bool is_first = !system->is_stopping;
  if (is_first) system->stopper = pthread_self();
  bool is_own = !is_first && pthread_equal(system->stopper, pthread_self());
  if (is_own && !system->is_stopped) {
    vlot__unlock(&system->lock);
    *result = vlot__refuse(
        VLOT_DEADLOCK, "a hook of this system stops it while it stops: it would wait for itself");
    return false;
  }
  system->is_stopping = true;
  while (!is_first && !system->is_stopped)
    vlot__cond_wait_piece(&system->stopped, &system->lock, VLOT_FOREVER);
  *result = system->stop_result;
  vlot__unlock(&system->lock);
  return is_first;
}

static vlot_result end_stop(vlot_actor_system *system) {
  vlot__lock(&system->lock);
  system->stop_result = system->totals.quarantined > 0 ? VLOT_TIMEOUT : VLOT_OK;
  system->is_stopped = true;
  vlot_result result = system->stop_result;
  pthread_cond_broadcast(&system->stopped);
  vlot__unlock(&system->lock);
  return result;
}

vlot_result vlot_actor_system_stop(vlot_actor_system *system) {
  VLOT_GIVEN(system);
  vlot_result result;
  if (vlot__system_is_forked(system)) return vlot__refuse_forked();
  if (vlot__system_current(system)) return vlot__refuse_inside();
  if (!begin_stop(system, &result)) return result;
  vlot__calls_end_all(system);
  vlot_actor *actor;
  while ((actor = next_to_stop(system))) {
    (void)vlot_actor_stop(actor, system->options.stop_ns);
    vlot_actor_release(actor);
  }
  vlot__actor_reap(system);
  return end_stop(system);
}

vlot_result vlot_actor_system_close(vlot_actor_system *system) {
  if (!system) return VLOT_OK;
  vlot_result result = vlot_actor_system_stop(system);
  /* in a forked child nothing can be freed safely: its threads do not exist, its locks may be held
   */
  if (result == VLOT_OK || result == VLOT_TIMEOUT) vlot__system_release(system);
  return result;
}

/* --- looking --- */

void vlot_actor_system_get_status(vlot_actor_system *system, vlot_actor_system_status *status) {
  VLOT_GIVEN(system);
  VLOT_GIVEN(status);
  *status = (vlot_actor_system_status){0};
  if (vlot__system_is_forked(system)) return;
  vlot__lock(&system->lock);
  *status = system->totals;
  vlot__unlock(&system->lock);
}

size_t vlot_actor_system_letters(vlot_actor_system *system, vlot_letter *letters, size_t max) {
  VLOT_GIVEN(system);
  if (vlot__system_is_forked(system)) return 0;
  return vlot__letters_copy(&system->letters, letters, max);
}

uint64_t vlot_actor_system_letter_count(vlot_actor_system *system, vlot_why why) {
  VLOT_GIVEN(system);
  if (vlot__system_is_forked(system)) return 0;
  return vlot__letters_count(&system->letters, why);
}

static bool is_conserved(vlot_actor *actor) {
  vlot_actor_status status;
  vlot_actor_get_status(actor, &status);
  bool is_right = status.sent == status.processed + status.queued + status.dropped;
  if (!is_right)
    vlot__system_log(actor->system, "%s: sent is not processed + queued + dropped", actor->name);
  return is_right;
}

static bool are_the_gone_conserved(vlot_actor_system *system) {
  vlot_actor_system_status totals;
  vlot_actor_system_get_status(system, &totals);
  bool is_right = totals.sent == totals.processed + totals.dropped;
  if (!is_right) vlot__system_log(system, "actors gone: sent is not processed + dropped");
  return is_right;
}

vlot_result vlot_actor_system_check(vlot_actor_system *system) {
  VLOT_GIVEN(system);
  vlot_actor **actors;
  size_t count;
  if (vlot__system_is_forked(system)) return vlot__refuse_forked();
  if (!vlot__registry_snapshot(system, &actors, &count)) return VLOT_NOMEM;
  bool is_right = true;
  for (size_t i = 0; i < count; i++) {
    if (!is_conserved(actors[i])) is_right = false;
    vlot_actor_release(actors[i]);
  }
  vlot__alloc_free(system->allocator, actors);
  if (!are_the_gone_conserved(system)) is_right = false;
  return is_right ? VLOT_OK : VLOT_VIOLATED;
}
