/* A growable ring (double-ended queue) of fixed-size elements: push at the back, pop at either end.
 * Bounded by the caller; grows by doubling; one thread at a time.
 */
#ifndef VLOT_BASE_RING_H
#define VLOT_BASE_RING_H

#include "vlot/base.h"

typedef struct vlot__ring {
  const vlot_allocator *allocator;
  unsigned char *slots; /* [capacity][element] */
  size_t element;       /* bytes */
  size_t capacity;      /* a power of two, or 0 */
  size_t head;          /* slot of the first element */
  size_t count;
} vlot__ring;

void vlot__ring_init(vlot__ring *ring, const vlot_allocator *allocator, size_t element);
void vlot__ring_deinit(vlot__ring *ring);

/* Room for [more] further elements; false without memory, with nothing changed. */
bool vlot__ring_grow(vlot__ring *ring, size_t more);
static inline bool vlot__ring_reserve(vlot__ring *ring, size_t more) {
  return more <= ring->capacity - ring->count || vlot__ring_grow(ring, more);
}

/* A new element at the back, uninitialised; NULL without memory. Cannot fail after a reserve. */
void *vlot__ring_push(vlot__ring *ring);

/* The k-th element from the front; k < count. */
static inline void *vlot__ring_at(const vlot__ring *ring, size_t k) {
  return ring->slots + ((ring->head + k) & (ring->capacity - 1)) * ring->element;
}

/* Forget the first or the last element; count > 0. */
static inline void vlot__ring_pop_front(vlot__ring *ring) {
  ring->head = (ring->head + 1) & (ring->capacity - 1);
  ring->count--;
}
static inline void vlot__ring_pop_back(vlot__ring *ring) { ring->count--; }

static inline void vlot__ring_clear(vlot__ring *ring) { ring->head = ring->count = 0; }

#endif
