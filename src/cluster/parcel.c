#include "cluster/parcel.h"

#include "cluster/by_id.h"

vlot__contact *vlot__contacts_get(vlot__contacts *contacts, const vlot_allocator *allocator,
                                  uint32_t to) {
  void *items = contacts->items;
  size_t place = vlot__by_id_enter(allocator, &items, &contacts->count, &contacts->capacity,
                                   sizeof *contacts->items, to);
  contacts->items = items;
  return place == SIZE_MAX ? NULL : &contacts->items[place];
}

void vlot__contacts_free(vlot__contacts *contacts, const vlot_allocator *allocator) {
  for (size_t k = 0; k < contacts->count; k++) vlot_actor_release(contacts->items[k].actor);
  vlot__alloc_free(allocator, contacts->items);
  *contacts = (vlot__contacts){0};
}
