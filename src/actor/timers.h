/* The timers of one actor: one slot per kind, used by its runner only.
 *
 * Nothing is ever queued for an expiry: what is due is looked up in the slots when a turn asks for
 * it. So a timer that was cancelled or armed anew cannot deliver an old expiry, whatever was due
 * before.
 */
#ifndef VLOT_ACTOR_TIMERS_H
#define VLOT_ACTOR_TIMERS_H

#include "vlot/actor.h"

#define VLOT__TIMER_NEVER UINT64_MAX

typedef struct vlot__timer {
  uint64_t kind;
  uint64_t due_ns;
  /* of the arming; grows over all kinds, hence also the order of equal deadlines */
  uint64_t generation;
} vlot__timer;

typedef struct vlot__timers {
  vlot__timer *slots;
  size_t count;
  size_t capacity;
  uint64_t generation; /* of the last arming */
} vlot__timers;

void vlot__timers_deinit(vlot__timers *timers, const vlot_allocator *allocator);

/* VLOT_NOMEM, VLOT_BUSY (too many are armed): nothing has changed. */
vlot_result vlot__timers_set(vlot__timers *timers, const vlot_allocator *allocator, uint64_t kind,
                             uint64_t due_ns);
bool vlot__timers_cancel(vlot__timers *timers, uint64_t kind);

/* When the next one is due; VLOT__TIMER_NEVER: none is armed. */
uint64_t vlot__timers_next_ns(const vlot__timers *timers);

/* Disarm and hand out the first one, in the order of (due, arming), that is due at now_ns and was
 * armed no later than a generation: a timer armed with delay 0 inside a turn waits for the next
 * one.
 */
bool vlot__timers_pop(vlot__timers *timers, uint64_t now_ns, uint64_t generation_max,
                      vlot_timer_expiry *expiry);

#endif
