/* The heap of things that will happen: whatever is done to it, the earliest comes first. */
#include <criterion/criterion.h>
#include <string.h>

#include "base/prng.h"
#include "cluster/item.h"

enum { COUNT = 200 };

static void expect_in_order(vlot__heap *heap, size_t count) {
  const vlot__item *last = NULL;
  vlot__item *taken[COUNT];
  cr_assert_eq(heap->count, count);
  for (size_t k = 0; k < count; k++) {
    taken[k] = heap->items[0];
    if (last) cr_assert(vlot__item_is_before(last, taken[k]));
    last = taken[k];
    vlot__heap_take_out(heap, taken[k]);
  }
  cr_assert_eq(heap->count, 0);
}

Test(item, the_earliest_comes_first_whatever_is_moved_or_taken_out) {
  vlot__heap heap = {0};
  vlot__item *items[COUNT];
  vlot__prng prng;
  vlot__prng_init(&prng, 7, 1);
  cr_assert(vlot__heap_reserve(&heap, vlot_allocator_default(), COUNT));
  for (uint64_t k = 0; k < COUNT; k++) {
    items[k] = vlot__item_make(vlot_allocator_default(), 8);
    items[k]->due = vlot__prng_below(&prng, 20);
    items[k]->tie = vlot__prng_below(&prng, 5);
    items[k]->id = k;
    vlot__heap_push(&heap, items[k]);
  }
  for (size_t k = 0; k < COUNT; k += 3) {
    items[k]->due = 0;
    vlot__heap_sift_up(&heap, items[k]);
  }
  for (size_t k = 1; k < COUNT; k += 3) {
    items[k]->due += 30;
    vlot__heap_sift_down(&heap, items[k]);
  }
  size_t left = COUNT;
  for (size_t k = 2; k < COUNT; k += 3, left--) vlot__heap_take_out(&heap, items[k]);
  expect_in_order(&heap, left);
  for (size_t k = 0; k < COUNT; k++) vlot__alloc_free(vlot_allocator_default(), items[k]);
  vlot__alloc_free(vlot_allocator_default(), heap.items);
}

Test(item, a_listed_mail_is_the_parcel_it_was_made_of) {
  uint64_t slices[2] = {5, 6};
  vlot__mail_order order = {.head.id = 77, .kind = 3, .value = 4};
  vlot__parcel parcel = vlot__parcel_of(2, VLOT__MAIL_ORDER, &order, sizeof order);
  parcel.from = 3;
  parcel.due = 12;
  parcel.pieces[1] = (vlot_piece){.data = slices, .size = sizeof slices};
  parcel.count = 2;
  vlot__item *item = vlot__item_make(vlot_allocator_default(), vlot__parcel_size(&parcel));
  vlot__item_fill(item, &parcel);
  cr_assert_eq(item->id, 77);
  vlot__parcel again = vlot__item_parcel(item);
  cr_assert(again.to == 2 && again.from == 3 && again.due == 12 && again.count == 1);
  cr_assert_eq(again.kind, VLOT__MAIL_ORDER);
  cr_assert_eq(again.pieces[0].size, sizeof order + sizeof slices);
  cr_assert_eq(memcmp(again.pieces[0].data, &order, sizeof order), 0);
  cr_assert_eq(memcmp((const uint8_t *)again.pieces[0].data + sizeof order, slices, sizeof slices),
               0);
  vlot__alloc_free(vlot_allocator_default(), item);
}
