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

static vlot_result place_thread(pthread_attr_t *attributes, vlot_place place, uint32_t core,
                                uint64_t ordinal) {
  if (place == VLOT_PLACE_KERNEL || place == VLOT_PLACE_DEFAULT) return VLOT_OK;
  cpu_set_t allowed;
  if (!get_allowed(&allowed))
    return vlot__refuse(
        VLOT_UNSUPPORTED,
        "the system does not say on which cores this process may run: use VLOT_PLACE_KERNEL");
  if (place == VLOT_PLACE_SPREAD) core = nth_core(&allowed, ordinal);
  CPU_ZERO(&allowed);
  CPU_SET(core, &allowed);
  int error = pthread_attr_setaffinity_np(attributes, sizeof allowed, &allowed);
  return error == 0 ? VLOT_OK : vlot__refuse_place(place, core);
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

vlot_result vlot__thread_start(vlot_actor *actor, const vlot_actor_options *options) {
  const vlot_actor_system_options *defaults = &actor->system->options;
  bool is_default = options->place == VLOT_PLACE_DEFAULT;
  vlot_place place = is_default ? defaults->place : options->place;
  uint32_t core = is_default ? defaults->core : options->core;

  pthread_attr_t attributes;
  if (pthread_attr_init(&attributes) != 0) return VLOT_NOMEM;
  vlot_result result = place_thread(&attributes, place, core, actor->ordinal);
  if (result == VLOT_OK && pthread_attr_setstacksize(&attributes, options->stack_bytes) != 0)
    result = vlot__refuse_value(VLOT_INVALID, "stack_bytes {0}: too small for a thread here",
                                options->stack_bytes, 0);
  if (result == VLOT_OK) result = create_deaf(actor, &attributes);
  pthread_attr_destroy(&attributes);
  return result;
}

void vlot__thread_name(const char *name) { pthread_setname_np(pthread_self(), name); }
