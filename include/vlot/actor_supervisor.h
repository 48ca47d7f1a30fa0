/* vlot: supervision. A supervisor is an actor that starts its children in order, restarts those
 * that end when their kind says so, and stops them in reverse. One for one: the end of a child does
 * not touch the others.
 *
 * A restart is a recovery: the start hook runs again, with incarnation + 1. It is delayed by a
 * back-off that doubles within the period, with jitter from the system's seed. More than
 * restarts_max restarts of one child within period_ns: the supervisor reports FAILED, stops the
 * other children in reverse order and ends with VLOT_END_INTENSITY. The process never ends because
 * of it.
 */
#ifndef VLOT_ACTOR_SUPERVISOR_H
#define VLOT_ACTOR_SUPERVISOR_H

#include "vlot/actor.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum vlot_child_restart {
  VLOT_CHILD_PERMANENT = 0, /* whatever its end */
  VLOT_CHILD_TRANSIENT = 1, /* unless its end is NORMAL */
  VLOT_CHILD_TEMPORARY = 2  /* never */
} vlot_child_restart;

typedef struct vlot_child {
  vlot_actor_options actor;   /* with an id; its name is copied */
  vlot_child_restart restart; /* after which ends it is started again */
  /* NULL: every incarnation gets the same context, one after the other, and a child whose thread is
   * quarantined is not restarted. Otherwise: a context for the next incarnation, so that it can
   * begin while the thread of the last one is still stuck. Anything but VLOT_OK counts as a failed
   * start.
   */
  vlot_result (*renew)(void *context, void **actor_context);
  void *context; /* of renew */
} vlot_child;

typedef enum vlot_supervision_kind {
  VLOT_SUPERVISION_STARTED = 1,      /* first or again */
  VLOT_SUPERVISION_ENDED = 2,        /* with down */
  VLOT_SUPERVISION_START_FAILED = 3, /* of a restart, with result */
  VLOT_SUPERVISION_WAITS = 4,        /* it will be restarted in delay_ns */
  VLOT_SUPERVISION_FAILED = 5        /* given up */
} vlot_supervision_kind;

typedef struct vlot_supervision_event {
  vlot_supervision_kind kind;
  vlot_address child;    /* its last incarnation; incarnation 0: none has started */
  vlot_result result;    /* of START_FAILED and FAILED; else VLOT_OK */
  uint64_t delay_ns;     /* of WAITS; else 0 */
  const vlot_down *down; /* borrowed for the call; NULL unless ENDED */
} vlot_supervision_event;

typedef struct vlot_supervisor_options {
  size_t size;                /* sizeof, set by init */
  const char *name;           /* NULL: "vlot-sup"; copied */
  uint32_t id;                /* 0: assigned */
  const vlot_child *children; /* [child_count], copied */
  size_t child_count;
  uint32_t restarts_max;   /* of one child in a period; 1; not 0 */
  uint64_t period_ns;      /* 5 s */
  uint64_t backoff_ns_min; /* 1 ms */
  uint64_t backoff_ns_max; /* 1 s */
  uint64_t stop_ns;        /* per child; 1 s */
  /* What happens, told on the supervisor's own thread; event is borrowed for the call; NULL: not
   * wanted. */
  void (*event)(void *context, const vlot_supervision_event *event);
  void *context; /* of event */
} vlot_supervisor_options;

/* Set size and the defaults, which stand in the words above; what has none is 0 or NULL. */
VLOT_API void vlot_supervisor_options_init(vlot_supervisor_options *options);

/* Start a supervisor and its children. When a child's start fails, those before it are stopped in
 * reverse, and nothing remains.
 *
 * options     copied; contexts are borrowed for as long as the supervisor runs
 * supervisor  out, may be NULL: one reference. Stop it with vlot_actor_stop(); killing it kills the
 *             children
 * returns     as vlot_actor_spawn(), VLOT_INVALID also for a child without an id and for bounds
 *             that contradict each other; or the failed start's result
 * thread      any; blocks while the start hooks of the children run
 */
VLOT_API VLOT_MUST_CHECK vlot_result vlot_supervisor_spawn(vlot_actor_system *system,
                                                           const vlot_supervisor_options *options,
                                                           vlot_actor **supervisor);

#ifdef __cplusplus
}
#endif

#endif
