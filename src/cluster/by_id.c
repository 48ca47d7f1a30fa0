#include "cluster/by_id.h"

size_t vlot__by_id_search(const void *items, size_t count, size_t stride, uint32_t id) {
  size_t low = 0, high = count;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    if (vlot__by_id_at(items, stride, middle) < id)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

size_t vlot__by_id_enter(const vlot_allocator *allocator, void **items, size_t *count,
                         size_t *capacity, size_t stride, uint32_t id) {
  size_t place = vlot__by_id_find(*items, *count, stride, id);
  if (place != SIZE_MAX) return place;
  place = vlot__by_id_search(*items, *count, stride, id);
  if (!vlot__alloc_grow(allocator, items, capacity, *count + 1, stride)) return SIZE_MAX;
  char *at = (char *)*items + place * stride;
  memmove(at + stride, at, (*count - place) * stride);
  memset(at, 0, stride);
  memcpy(at, &id, sizeof id);
  ++*count;
  return place;
}
