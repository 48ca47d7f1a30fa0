/* Checked products, growth by doubling, and the allocator that fails on demand. */
#include <signal.h>
#include <stdint.h>
#include <string.h>

#include <criterion/criterion.h>

#include "base/alloc.h"

Test(alloc, gives_at_least_one_byte) {
  const vlot_allocator *allocator = vlot_allocator_default();
  const size_t shapes[][2] = {{0, 0}, {0, 8}, {8, 0}, {1, 1}, {3, 7}};
  for (size_t k = 0; k < sizeof shapes / sizeof *shapes; k++) {
    unsigned char *memory = vlot__alloc(allocator, shapes[k][0], shapes[k][1]);
    cr_assert_not_null(memory, "%zu x %zu", shapes[k][0], shapes[k][1]);
    memory[0] = 1;
    vlot__alloc_free(allocator, memory);
  }
}

Test(alloc, refuses_a_product_that_overflows) {
  const vlot_allocator *allocator = vlot_allocator_default();
  const size_t shapes[][2] = {
      {SIZE_MAX, 2},
      {2, SIZE_MAX},
      {SIZE_MAX / 2 + 1, 1},
      {(size_t)1 << (sizeof(size_t) * 4), (size_t)1 << (sizeof(size_t) * 4)},
      {SIZE_MAX / 8 + 2, 8}};
  for (size_t k = 0; k < sizeof shapes / sizeof *shapes; k++) {
    cr_assert_null(vlot__alloc(allocator, shapes[k][0], shapes[k][1]));
    cr_assert_null(vlot__alloc_zero(allocator, shapes[k][0], shapes[k][1]));
  }
}

Test(alloc, zeroed_memory_is_zero) {
  const vlot_allocator *allocator = vlot_allocator_default();
  const unsigned char zeros[97] = {0};
  for (int round = 0; round < 8; round++) {
    unsigned char *memory = vlot__alloc_zero(allocator, sizeof zeros, 1);
    cr_assert_arr_eq(memory, zeros, sizeof zeros);
    memset(memory, 0xff, sizeof zeros); /* what the next round may be given */
    vlot__alloc_free(allocator, memory);
  }
}

Test(alloc, freeing_nothing_is_allowed) {
  vlot_fault_allocator *faults = vlot_fault_allocator_open();
  vlot__alloc_free(vlot_fault_allocator_get(faults), NULL);
  cr_assert_eq(vlot_fault_allocator_live(faults), 0);
  vlot_fault_allocator_close(faults);
}

Test(alloc, a_growable_array_keeps_its_elements_and_doubles) {
  const vlot_allocator *allocator = vlot_allocator_default();
  void *array = NULL;
  size_t capacity = 0;
  for (uint32_t k = 0; k < 1000; k++) {
    size_t before = capacity;
    cr_assert(vlot__alloc_grow(allocator, &array, &capacity, k + 1, sizeof(uint32_t)));
    cr_assert(capacity == before || capacity == 4 || capacity == 2 * before);
    ((uint32_t *)array)[k] = k;
  }
  for (uint32_t k = 0; k < 1000; k++) cr_assert_eq(((uint32_t *)array)[k], k);
  vlot__alloc_free(allocator, array);
}

Test(alloc, a_growth_that_fails_changes_nothing, .timeout = 10) {
  vlot_fault_allocator *faults = vlot_fault_allocator_open();
  const vlot_allocator *allocator = vlot_fault_allocator_get(faults);
  void *array = NULL;
  size_t capacity = 0;
  cr_assert(vlot__alloc_grow(allocator, &array, &capacity, 4, 8));
  void *array_before = array;
  memset(array, 7, 32);
  vlot_fault_allocator_fail_at(faults, 1, false);
  cr_assert_not(vlot__alloc_grow(allocator, &array, &capacity, 5, 8));
  const size_t too_many[] = {SIZE_MAX, SIZE_MAX / 2, SIZE_MAX / 8};
  for (size_t k = 0; k < sizeof too_many / sizeof *too_many; k++)
    cr_assert_not(vlot__alloc_grow(allocator, &array, &capacity, too_many[k], 8));
  cr_assert_eq(array, array_before);
  cr_assert_eq(capacity, 4);
  for (size_t k = 0; k < 32; k++) cr_assert_eq(((unsigned char *)array)[k], 7);
  cr_assert(vlot__alloc_grow(allocator, &array, &capacity, 5, 8));
  vlot__alloc_free(allocator, array);
  vlot_fault_allocator_close(faults);
}

Test(alloc, no_allocator_means_the_default) {
  vlot_allocator other = {0};
  cr_assert_eq(vlot__alloc_or_default(NULL), vlot_allocator_default());
  cr_assert_eq(vlot__alloc_or_default(&other), &other);
}

/* --- the allocator that fails on demand --- */

Test(fault_allocator, counts_what_is_made_and_what_lives) {
  vlot_fault_allocator *faults = vlot_fault_allocator_open();
  const vlot_allocator *allocator = vlot_fault_allocator_get(faults);
  void *one = vlot__alloc(allocator, 1, 10);
  void *other = vlot__alloc(allocator, 1, 10);
  cr_assert_eq(vlot_fault_allocator_live(faults), 2);
  other = allocator->resize(allocator->context, other, 100);
  cr_assert_eq(vlot_fault_allocator_live(faults), 2, "a resize is not another allocation");
  cr_assert_eq(vlot_fault_allocator_made(faults), 3, "but it is asked for, and may fail");
  vlot__alloc_free(allocator, one);
  cr_assert_eq(vlot_fault_allocator_live(faults), 1);
  vlot__alloc_free(allocator, other);
  cr_assert_eq(vlot_fault_allocator_live(faults), 0);
  cr_assert_eq(vlot_fault_allocator_made(faults), 3);
  vlot_fault_allocator_close(faults);
}

Test(fault_allocator, fails_the_nth_from_now_and_only_that) {
  vlot_fault_allocator *faults = vlot_fault_allocator_open();
  const vlot_allocator *allocator = vlot_fault_allocator_get(faults);
  for (uint64_t n = 0; n <= 5; n++) {
    vlot_fault_allocator_fail_at(faults, n, false);
    for (uint64_t k = 1; k <= 8; k++) {
      void *memory = vlot__alloc(allocator, 1, 1);
      cr_assert_eq(memory == NULL, k == n, "allocation %lu, told to fail at %lu", (unsigned long)k,
                   (unsigned long)n);
      vlot__alloc_free(allocator, memory);
    }
  }
  vlot_fault_allocator_close(faults);
}

Test(fault_allocator, sticky_fails_from_the_nth_on_until_told_otherwise) {
  vlot_fault_allocator *faults = vlot_fault_allocator_open();
  const vlot_allocator *allocator = vlot_fault_allocator_get(faults);
  vlot_fault_allocator_fail_at(faults, 3, true);
  for (uint64_t k = 1; k <= 8; k++) {
    void *memory = vlot__alloc(allocator, 1, 1);
    cr_assert_eq(memory == NULL, k >= 3);
    vlot__alloc_free(allocator, memory);
  }
  vlot_fault_allocator_fail_at(faults, 0, true);
  void *memory = vlot__alloc(allocator, 1, 1);
  cr_assert_not_null(memory, "0 means never, sticky or not");
  vlot__alloc_free(allocator, memory);
  vlot_fault_allocator_close(faults);
}

Test(fault_allocator, a_resize_that_fails_leaves_memory_as_it_was) {
  vlot_fault_allocator *faults = vlot_fault_allocator_open();
  const vlot_allocator *allocator = vlot_fault_allocator_get(faults);
  char *memory = vlot__alloc(allocator, 1, 6);
  memcpy(memory, "as was", 6);
  vlot_fault_allocator_fail_at(faults, 1, false);
  cr_assert_null(allocator->resize(allocator->context, memory, 1000));
  cr_assert_arr_eq(memory, "as was", 6);
  cr_assert_eq(vlot_fault_allocator_live(faults), 1);
  vlot__alloc_free(allocator, memory);
  vlot_fault_allocator_close(faults);
}

Test(fault_allocator, closing_none_is_allowed) {
  vlot_fault_allocator_close(NULL);
  cr_assert(true);
}
