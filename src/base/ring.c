#include "base/ring.h"

#include <string.h>

#include "base/alloc.h"

void vlot__ring_init(vlot__ring *ring, const vlot_allocator *allocator, size_t element) {
  *ring = (vlot__ring){.allocator = allocator, .element = element};
}

void vlot__ring_deinit(vlot__ring *ring) {
  vlot__alloc_free(ring->allocator, ring->slots);
  *ring = (vlot__ring){.allocator = ring->allocator, .element = ring->element};
}

bool vlot__ring_grow(vlot__ring *ring, size_t more) {
  if (more > SIZE_MAX / 4 - ring->count) return false; /* doubling must not overflow */
  size_t capacity = ring->capacity > 0 ? ring->capacity : 4;
  while (capacity < ring->count + more) capacity *= 2;
  unsigned char *slots = vlot__alloc(ring->allocator, capacity, ring->element);
  if (!slots) return false;
  /* unwrap: first the run up to the old end, then what had wrapped to the old beginning */
  size_t straight = ring->capacity - ring->head;
  if (straight > ring->count) straight = ring->count;
  if (straight > 0)
    memcpy(slots, ring->slots + ring->head * ring->element, straight * ring->element);
  if (ring->count > straight)
    memcpy(slots + straight * ring->element, ring->slots, (ring->count - straight) * ring->element);
  vlot__alloc_free(ring->allocator, ring->slots);
  ring->slots = slots;
  ring->capacity = capacity;
  ring->head = 0;
  return true;
}

void *vlot__ring_push(vlot__ring *ring) {
  if (!vlot__ring_reserve(ring, 1)) return NULL;
  ring->count++;
  return vlot__ring_at(ring, ring->count - 1);
}
