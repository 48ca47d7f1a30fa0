#include "cluster/item.h"

#include <string.h>

#include "base/alloc.h"

vlot__item *vlot__item_make(const vlot_allocator *allocator, size_t capacity) {
  vlot__item *item =
      capacity <= UINT32_MAX ? vlot__alloc(allocator, 1, sizeof *item + capacity) : NULL;
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
