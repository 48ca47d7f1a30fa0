#include "cluster/item.h"

#include <string.h>

#include "base/alloc.h"

/* --- items --- */

vlot__item *vlot__item_make(const vlot_allocator *allocator, size_t capacity) {
  vlot__item *item = vlot__alloc(allocator, 1, sizeof *item + capacity);
  if (!item) return NULL;
  item->capacity = (uint32_t)capacity;
  item->is_held = false;
  item->size = 0;
  return item;
}

void vlot__item_fill(vlot__item *item, const vlot__parcel *parcel) {
  uint8_t *at = item->payload;
  for (size_t k = 0; k < parcel->count; k++) {
    memcpy(at, parcel->pieces[k].data, parcel->pieces[k].size);
    at += parcel->pieces[k].size;
  }
  item->size = (uint32_t)(at - item->payload);
  item->id = parcel->head->id;
  item->kind = parcel->from ? VLOT_PENDING_MESSAGE : VLOT_PENDING_CLIENT;
  item->node = parcel->to;
  item->from = parcel->from;
  item->mail_kind = parcel->kind;
  item->message_kind = parcel->message_kind;
  item->due = parcel->due;
}

vlot__parcel vlot__item_parcel(vlot__item *item) {
  vlot__parcel parcel = vlot__parcel_of(item->node, item->mail_kind, item->payload, item->size);
  parcel.from = item->from;
  parcel.message_kind = item->message_kind;
  parcel.due = item->due;
  return parcel;
}

/* --- the heap --- */

bool vlot__item_is_before(const vlot__item *a, const vlot__item *b) {
  if (a->due != b->due) return a->due < b->due;
  if (a->tie != b->tie) return a->tie < b->tie;
  return a->id < b->id;
}

static void set_place(vlot__heap *heap, size_t place, vlot__item *item) {
  heap->items[place] = item;
  item->place = place;
}

void vlot__heap_sift_up(vlot__heap *heap, vlot__item *item) {
  size_t place = item->place;
  while (place > 0) {
    size_t parent = (place - 1) / 2;
    if (!vlot__item_is_before(item, heap->items[parent])) break;
    set_place(heap, place, heap->items[parent]);
    place = parent;
  }
  set_place(heap, place, item);
}

void vlot__heap_sift_down(vlot__heap *heap, vlot__item *item) {
  size_t place = item->place;
  for (;;) {
    size_t child = 2 * place + 1;
    if (child >= heap->count) break;
    if (child + 1 < heap->count && vlot__item_is_before(heap->items[child + 1], heap->items[child]))
      child++;
    if (!vlot__item_is_before(heap->items[child], item)) break;
    set_place(heap, place, heap->items[child]);
    place = child;
  }
  set_place(heap, place, item);
}

bool vlot__heap_reserve(vlot__heap *heap, const vlot_allocator *allocator, size_t more) {
  void *items = heap->items;
  bool has_room =
      vlot__alloc_grow(allocator, &items, &heap->capacity, heap->count + more, sizeof *heap->items);
  heap->items = items;
  return has_room;
}

void vlot__heap_push(vlot__heap *heap, vlot__item *item) {
  item->place = heap->count++;
  vlot__heap_sift_up(heap, item);
}

void vlot__heap_take_out(vlot__heap *heap, vlot__item *item) {
  size_t place = item->place;
  vlot__item *last = heap->items[--heap->count];
  if (last == item) return;
  last->place = place;
  heap->items[place] = last;
  vlot__heap_sift_up(heap, last);
  vlot__heap_sift_down(heap, last);
}
