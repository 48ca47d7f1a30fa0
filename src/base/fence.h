/* A fence: one atomic word holds whether it is closed and how many effects are open behind it. An
 * actor's incarnation has one for what it does to the world, a cluster one for the calls inside it.
 *
 * The linearisation point of a kill is the fetch_or in close. An enter that succeeded before it
 * keeps the count above zero until its leave; an enter after it fails and touches nothing. So
 * exactly one call, close or the last leave, finds the fence closed and no effect open, and returns
 * true: that caller announces the end.
 */
#ifndef VLOT_BASE_FENCE_H
#define VLOT_BASE_FENCE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct vlot__fence {
  _Atomic uint32_t word; /* bit 0: closed; above: open effects */
};

#define VLOT__FENCE_CLOSED 1u
#define VLOT__FENCE_EFFECT 2u

static inline void vlot__fence_init(struct vlot__fence *fence) { atomic_init(&fence->word, 0); }

/* false: closed. */
static inline bool vlot__fence_enter(struct vlot__fence *fence) {
  uint32_t word = atomic_load_explicit(&fence->word, memory_order_relaxed);
  do {
    if (word & VLOT__FENCE_CLOSED) return false;
  } while (!atomic_compare_exchange_weak_explicit(&fence->word, &word, word + VLOT__FENCE_EFFECT,
                                                  memory_order_acquire, memory_order_relaxed));
  return true;
}

/* true: it was the last one behind a closed fence; announce. */
static inline bool vlot__fence_leave(struct vlot__fence *fence) {
  uint32_t before =
      atomic_fetch_sub_explicit(&fence->word, VLOT__FENCE_EFFECT, memory_order_acq_rel);
  return before == (VLOT__FENCE_EFFECT | VLOT__FENCE_CLOSED);
}

/* true: closed now, and no effect is open; announce. False: closed before, or a leave will
 * announce.
 */
static inline bool vlot__fence_close(struct vlot__fence *fence) {
  return atomic_fetch_or_explicit(&fence->word, VLOT__FENCE_CLOSED, memory_order_acq_rel) == 0;
}

static inline bool vlot__fence_is_closed(const struct vlot__fence *fence) {
  return atomic_load_explicit(&fence->word, memory_order_acquire) & VLOT__FENCE_CLOSED;
}

#endif
