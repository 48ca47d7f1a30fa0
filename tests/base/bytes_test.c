/* Immutable bytes: copied once, shared by counting. */
#include <pthread.h>
#include <stdint.h>
#include <string.h>

#include <criterion/criterion.h>

#include "vlot/base.h"

enum { THREADS = 4, ROUNDS = 20000 };

Test(bytes, are_a_copy) {
  char data[] = "raft";
  vlot_bytes *bytes = vlot_bytes_copy(NULL, data, 4);
  data[0] = 'd';
  cr_assert_eq(vlot_bytes_size(bytes), 4);
  cr_assert_arr_eq(vlot_bytes_data(bytes), "raft", 4);
  vlot_bytes_release(bytes);
}

Test(bytes, may_be_none) {
  vlot_bytes *bytes = vlot_bytes_copy(NULL, NULL, 0);
  cr_assert_not_null(bytes);
  cr_assert_eq(vlot_bytes_size(bytes), 0);
  cr_assert_not_null(vlot_bytes_data(bytes));
  vlot_bytes_release(bytes);
  cr_assert_null(vlot_bytes_retain(NULL));
  vlot_bytes_release(NULL);
}

Test(bytes, made_of_a_size_are_filled_by_their_maker) {
  uint8_t *data;
  vlot_bytes *bytes = vlot_bytes_make(NULL, 3, &data);
  memcpy(data, "abc", 3);
  cr_assert_eq(vlot_bytes_data(bytes), data);
  cr_assert_arr_eq(vlot_bytes_data(bytes), "abc", 3);
  vlot_bytes_release(bytes);
}

Test(bytes, of_more_than_memory_can_hold_are_refused) {
  uint8_t *data;
  cr_assert_null(vlot_bytes_make(NULL, SIZE_MAX, &data));
  cr_assert_null(vlot_bytes_make(NULL, SIZE_MAX / 2, &data));
  cr_assert_null(vlot_bytes_copy(NULL, "x", SIZE_MAX - 1));
}

Test(bytes, live_until_their_last_reference_goes) {
  vlot_fault_allocator *faults = vlot_fault_allocator_open();
  vlot_bytes *bytes = vlot_bytes_copy(vlot_fault_allocator_get(faults), "x", 1);
  cr_assert_eq(vlot_bytes_retain(bytes), bytes);
  cr_assert_eq(vlot_fault_allocator_made(faults), 1, "header and data are one block");
  vlot_bytes_release(bytes);
  cr_assert_eq(vlot_fault_allocator_live(faults), 1);
  cr_assert_eq(vlot_bytes_data(bytes)[0], 'x');
  vlot_bytes_release(bytes);
  cr_assert_eq(vlot_fault_allocator_live(faults), 0);
  vlot_fault_allocator_close(faults);
}

Test(bytes, without_memory_are_null) {
  vlot_fault_allocator *faults = vlot_fault_allocator_open();
  vlot_fault_allocator_fail_at(faults, 1, true);
  cr_assert_null(vlot_bytes_copy(vlot_fault_allocator_get(faults), "x", 1));
  vlot_fault_allocator_close(faults);
}

/* Each thread is given a reference of its own; it takes and gives back many, looks at the bytes
 * each time, and ends with giving back the one it was given. The last of all frees.
 */
static void *share(void *context) {
  vlot_bytes *bytes = context;
  uint64_t wrong = 0;
  for (uint32_t k = 0; k < ROUNDS; k++) {
    vlot_bytes *mine = vlot_bytes_retain(bytes);
    wrong += memcmp(vlot_bytes_data(mine), "shared", 6) != 0;
    vlot_bytes_release(mine);
  }
  vlot_bytes_release(bytes);
  return (void *)(uintptr_t)wrong;
}

Test(bytes, are_shared_between_threads, .timeout = 60) {
  vlot_fault_allocator *faults = vlot_fault_allocator_open();
  vlot_bytes *bytes = vlot_bytes_copy(vlot_fault_allocator_get(faults), "shared", 6);
  pthread_t threads[THREADS];
  for (uint32_t k = 0; k < THREADS; k++)
    cr_assert_eq(pthread_create(&threads[k], NULL, share, vlot_bytes_retain(bytes)), 0);
  cr_assert_eq(vlot_fault_allocator_live(faults), 1);
  vlot_bytes_release(bytes);
  for (uint32_t k = 0; k < THREADS; k++) {
    void *wrong;
    pthread_join(threads[k], &wrong);
    cr_assert_null(wrong);
  }
  cr_assert_eq(vlot_fault_allocator_live(faults), 0, "freed exactly once");
  vlot_fault_allocator_close(faults);
}
