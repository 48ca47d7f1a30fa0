/* Who is inside a client: one thread at a time, which may come in again (in its own `answered`).
 * Another one is told so instead of wrecking what it does. Whoever closes it while a thread is
 * inside leaves the freeing to that thread.
 */
#ifndef VLOT_CLUSTER_OWNER_H
#define VLOT_CLUSTER_OWNER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct vlot__owner {
  _Atomic uintptr_t thread; /* 0: nobody is inside; bit 0: it is closed */
} vlot__owner;

enum vlot__owner_entry { VLOT__OWNER_REFUSED, VLOT__OWNER_ENTERED, VLOT__OWNER_WAS_INSIDE };

static inline enum vlot__owner_entry vlot__owner_enter(vlot__owner *owner) {
  uintptr_t self = (uintptr_t)pthread_self(), found = 0;
  if (atomic_compare_exchange_strong_explicit(&owner->thread, &found, self, memory_order_acquire,
                                              memory_order_relaxed))
    return VLOT__OWNER_ENTERED;
  return (found & ~(uintptr_t)1) == self ? VLOT__OWNER_WAS_INSIDE : VLOT__OWNER_REFUSED;
}

/* By who has entered. True: it was closed meanwhile, and is the caller's to free. */
static inline bool vlot__owner_leave(vlot__owner *owner) {
  uintptr_t self = (uintptr_t)pthread_self();
  return !atomic_compare_exchange_strong_explicit(&owner->thread, &self, 0, memory_order_acq_rel,
                                                  memory_order_relaxed);
}

/* True: nobody is inside, and it is the caller's to free. */
static inline bool vlot__owner_close(vlot__owner *owner) {
  return (atomic_fetch_or(&owner->thread, 1) & ~(uintptr_t)1) == 0;
}

static inline bool vlot__owner_is_closed(const vlot__owner *owner) {
  return atomic_load_explicit(&owner->thread, memory_order_relaxed) & 1;
}

#endif
