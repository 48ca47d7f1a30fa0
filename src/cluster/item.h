/* Things that will happen, and a heap of them, the earliest first: the pending list of lockstep,
 * and mail that links delay.
 */
#ifndef VLOT_CLUSTER_ITEM_H
#define VLOT_CLUSTER_ITEM_H

#include "base/alloc.h"
#include "cluster/parcel.h"
#include "vlot/cluster.h"

typedef struct vlot__item vlot__item;

struct vlot__item {
  uint64_t due;
  uint64_t tie; /* order among those due at the same tick; then the id */
  uint64_t id;
  vlot__item *next; /* in a pool */
  size_t place;     /* in a heap */
  uint32_t kind;    /* vlot_pending_kind */
  uint32_t node;
  uint32_t from;
  uint32_t mail_kind; /* 0: it is no mail */
  uint32_t message_kind;
  uint32_t size;
  uint32_t capacity;
  bool is_held;
  uint8_t payload[] __attribute__((aligned(8)));
};

/* Room for a payload of so many bytes; NULL without memory. */
vlot__item *vlot__item_make(const vlot_allocator *allocator, size_t capacity);

/* Make a listed mail of a parcel, whose payload is copied into room for all of it. */
void vlot__item_fill(vlot__item *item, const vlot__parcel *parcel);

/* The parcel of a listed mail again. */
vlot__parcel vlot__item_parcel(vlot__item *item);

/* --- the heap ---
 *
 * Every action goes through it several times: its functions stand here to be inlined.
 */

typedef struct vlot__heap {
  vlot__item **items; /* by (due, tie, id) */
  size_t count;
  size_t capacity;
} vlot__heap;

static inline bool vlot__item_is_before(const vlot__item *a, const vlot__item *b) {
  if (a->due != b->due) return a->due < b->due;
  if (a->tie != b->tie) return a->tie < b->tie;
  return a->id < b->id;
}

static inline void vlot__heap_place(vlot__heap *heap, size_t place, vlot__item *item) {
  heap->items[place] = item;
  item->place = place;
}

/* It may be due earlier now. */
static inline void vlot__heap_sift_up(vlot__heap *heap, vlot__item *item) {
  size_t place = item->place;
  while (place > 0) {
    size_t parent = (place - 1) / 2;
    if (!vlot__item_is_before(item, heap->items[parent])) break;
    vlot__heap_place(heap, place, heap->items[parent]);
    place = parent;
  }
  vlot__heap_place(heap, place, item);
}

/* It may be due later now. */
static inline void vlot__heap_sift_down(vlot__heap *heap, vlot__item *item) {
  size_t place = item->place;
  for (;;) {
    size_t child = 2 * place + 1;
    if (child >= heap->count) break;
    if (child + 1 < heap->count && vlot__item_is_before(heap->items[child + 1], heap->items[child]))
      child++;
    if (!vlot__item_is_before(heap->items[child], item)) break;
    vlot__heap_place(heap, place, heap->items[child]);
    place = child;
  }
  vlot__heap_place(heap, place, item);
}

VLOT_MUST_CHECK static inline bool
vlot__heap_reserve(vlot__heap *heap, const vlot_allocator *allocator, size_t more) {
  void *items = heap->items;
  bool has_room =
      vlot__alloc_grow(allocator, &items, &heap->capacity, heap->count + more, sizeof *heap->items);
  heap->items = items;
  return has_room;
}

/* Into room that was reserved. */
static inline void vlot__heap_push(vlot__heap *heap, vlot__item *item) {
  item->place = heap->count++;
  vlot__heap_sift_up(heap, item);
}

static inline void vlot__heap_take_out(vlot__heap *heap, vlot__item *item) {
  size_t place = item->place;
  vlot__item *last = heap->items[--heap->count];
  if (last == item) return;
  last->place = place;
  heap->items[place] = last;
  vlot__heap_sift_up(heap, last);
  vlot__heap_sift_down(heap, last);
}

#endif
