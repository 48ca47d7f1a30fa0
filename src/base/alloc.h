/* Allocation through an instance's allocator; sizes are checked products. */
#ifndef VLOT_BASE_ALLOC_H
#define VLOT_BASE_ALLOC_H

#include "vlot/base.h"

/* Uninitialised, or NULL: count * size bytes (at least 1). */
void *vlot__alloc(const vlot_allocator *allocator, size_t count, size_t size);

/* The same, zeroed. */
void *vlot__alloc_zero(const vlot_allocator *allocator, size_t count, size_t size);

void vlot__alloc_free(const vlot_allocator *allocator, void *memory);

/* Make room for [wanted] elements in a growable array, by doubling. On failure nothing has
 * changed. */
bool vlot__alloc_grow_more(const vlot_allocator *allocator, void **array, size_t *capacity,
                           size_t wanted, size_t size);

static inline bool vlot__alloc_grow(const vlot_allocator *allocator, void **array, size_t *capacity,
                                    size_t wanted, size_t size) {
  return wanted <= *capacity || vlot__alloc_grow_more(allocator, array, capacity, wanted, size);
}

static inline const vlot_allocator *vlot__alloc_or_default(const vlot_allocator *allocator) {
  return allocator ? allocator : vlot_allocator_default();
}

#endif
