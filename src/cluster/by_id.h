/* Small tables by member: arrays, ascending by id, of structs that begin with a uint32_t id. Ids
 * are the caller's choice, 1 to 65,535, and mostly 1 … n: so the place of an id is guessed first.
 */
#ifndef VLOT_CLUSTER_BY_ID_H
#define VLOT_CLUSTER_BY_ID_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/alloc.h"

/* The id at a place of an array of structs of [stride] bytes. */
static inline uint32_t vlot__by_id_at(const void *items, size_t stride, size_t place) {
  uint32_t id;
  memcpy(&id, (const char *)items + place * stride, sizeof id);
  return id;
}

/* Where the first id stands that is not below this one; count: nowhere. by_id.c */
size_t vlot__by_id_search(const void *items, size_t count, size_t stride, uint32_t id);

/* The place of an id; SIZE_MAX: it is not there. In a table of all members it stands at id - 1, in
 * one of a member's peers perhaps one before. */
static inline size_t vlot__by_id_find(const void *items, size_t count, size_t stride, uint32_t id) {
  size_t guess = (size_t)id - 1;
  if (guess < count && vlot__by_id_at(items, stride, guess) == id) return guess;
  if (guess - 1 < count && vlot__by_id_at(items, stride, guess - 1) == id) return guess - 1;
  size_t place = vlot__by_id_search(items, count, stride, id);
  return place < count && vlot__by_id_at(items, stride, place) == id ? place : SIZE_MAX;
}

/* The place of an id, which is entered with nothing else if it is not there: whatever stood in the
 * array may have moved. SIZE_MAX: out of memory, with nothing changed.
 */
size_t vlot__by_id_enter(const vlot_allocator *allocator, void **items, size_t *count,
                         size_t *capacity, size_t stride, uint32_t id);

#endif
