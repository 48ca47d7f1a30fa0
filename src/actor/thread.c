/* Threads: placed, named, deaf to signals. */
#define _GNU_SOURCE /* affinity and names */
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <unistd.h>

#include "actor/actor.h"
#include "actor/refuse.h"

static uint32_t count_cores(const cpu_set_t *allowed) { return (uint32_t)CPU_COUNT(allowed); }

/* The n-th of the allowed cores, round and round. */
static uint32_t nth_core(const cpu_set_t *allowed, uint64_t n) {
  uint64_t left = n % count_cores(allowed);
  for (uint32_t core = 0; core < CPU_SETSIZE; core++)
    if (CPU_ISSET(core, allowed) && left-- == 0) return core;
  return 0;
}

static bool get_allowed(cpu_set_t *allowed) {
  CPU_ZERO(allowed);
  return sched_getaffinity(0, sizeof *allowed, allowed) == 0 && count_cores(allowed) > 0;
}

bool vlot__thread_place_is_valid(vlot_place place, uint32_t core) {
  if ((unsigned)place > VLOT_PLACE_SPREAD) return false;
  if (place != VLOT_PLACE_CORE) return true;
  cpu_set_t allowed;
  return get_allowed(&allowed) && core < CPU_SETSIZE && CPU_ISSET(core, &allowed);
}

/* The one core for a new thread. False: the kernel places it, or an error is in result. */
static bool choose_core(vlot_place place, uint64_t ordinal, uint32_t *core, vlot_result *result) {
  *result = VLOT_OK;
  if (place == VLOT_PLACE_KERNEL || place == VLOT_PLACE_DEFAULT) return false;
  cpu_set_t allowed;
  if (!get_allowed(&allowed))
    *result = vlot__refuse(
        VLOT_UNSUPPORTED,
        "the system does not say on which cores this process may run: use VLOT_PLACE_KERNEL");
  else if (place == VLOT_PLACE_SPREAD)
    *core = nth_core(&allowed, ordinal);
  return *result == VLOT_OK;
}

static int place_here(const cpu_set_t *cores) {
  return pthread_setaffinity_np(pthread_self(), sizeof *cores, cores);
}

/* The new thread inherits the mask: it is never, not for an instant, open to a signal of the host.
 */
static vlot_result create_deaf(vlot_actor *actor, const pthread_attr_t *attributes) {
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  pthread_t thread;
  int error = pthread_create(&thread, attributes, vlot__actor_main, actor);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  return error == 0
             ? VLOT_OK
             : vlot__refuse(
                   VLOT_BUSY,
                   "no more threads: the process or the machine allows no more (ulimit -u, or "
                   "ulimit -v for stacks, kernel.threads-max, pids.max, vm.max_map_count)");
}

/* A new thread inherits its maker's cores: not every C library lets them be said beforehand
 * (pthread_attr_setaffinity_np is glibc's). */
static vlot_result create_on(vlot_actor *actor, const pthread_attr_t *attributes, vlot_place place,
                             uint32_t core) {
  cpu_set_t before, one;
  CPU_ZERO(&one);
  CPU_SET(core, &one);
  if (!get_allowed(&before) || place_here(&one) != 0) return vlot__refuse_place(place, core);
  vlot_result result = create_deaf(actor, attributes);
  (void)place_here(&before);
  return result;
}

vlot_result vlot__thread_start(vlot_actor *actor, const vlot_actor_options *options) {
  const vlot_actor_system_options *defaults = &actor->system->options;
  bool is_default = options->place == VLOT_PLACE_DEFAULT;
  vlot_place place = is_default ? defaults->place : options->place;
  uint32_t core = is_default ? defaults->core : options->core;

  pthread_attr_t attributes;
  if (pthread_attr_init(&attributes) != 0) return VLOT_NOMEM;
  vlot_result result;
  bool is_placed = choose_core(place, actor->ordinal, &core, &result);
  if (result == VLOT_OK && pthread_attr_setstacksize(&attributes, options->stack_bytes) != 0)
    result = vlot__refuse_value(VLOT_INVALID, "stack_bytes {0}: too small for a thread here",
                                options->stack_bytes, 0);
  if (result == VLOT_OK)
    result =
        is_placed ? create_on(actor, &attributes, place, core) : create_deaf(actor, &attributes);
  pthread_attr_destroy(&attributes);
  return result;
}

void vlot__thread_name(const char *name) { pthread_setname_np(pthread_self(), name); }
