#include "cluster/replies.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static void expect(const vlot_replies *replies, uint32_t k, const char *text) {
  const uint8_t *data;
  size_t size;
  vlot__replies_get(replies, k, &data, &size);
  cr_assert_eq(size, strlen(text), "answer %u has %zu bytes, not those of \"%s\"", k, size, text);
  if (size > 0) cr_assert(memcmp(data, text, size) == 0, "answer %u is not \"%s\"", k, text);
}

Test(replies, answers_are_found_under_their_command) {
  vlot_replies replies;
  vlot__replies_init(&replies, NULL);
  for (uint32_t count = 0; count < 100; count++) {
    cr_assert_eq(vlot__replies_begin(&replies, count), VLOT_OK);
    char text[20];
    for (uint32_t k = count; k-- > 0;) { /* in any order */
      int size = snprintf(text, sizeof text, "%u of %u", k, count);
      if (k % 3 != 0) cr_assert_eq(vlot_replies_set(&replies, k, text, (size_t)size), VLOT_OK);
    }
    for (uint32_t k = 0; k < count; k++) {
      snprintf(text, sizeof text, "%u of %u", k, count);
      expect(&replies, k, k % 3 != 0 ? text : "");
    }
  }
  vlot__replies_deinit(&replies);
}

Test(replies, a_second_answer_replaces_the_first) {
  static const char *const texts[] = {"first", "a longer one", "short", "", "again"};
  vlot_replies replies;
  vlot__replies_init(&replies, NULL);
  cr_assert_eq(vlot__replies_begin(&replies, 2), VLOT_OK);
  cr_assert_eq(vlot_replies_set(&replies, 1, "other", 5), VLOT_OK);
  for (size_t t = 0; t < sizeof texts / sizeof *texts; t++) {
    cr_assert_eq(vlot_replies_set(&replies, 0, texts[t], strlen(texts[t])), VLOT_OK);
    expect(&replies, 0, texts[t]);
    expect(&replies, 1, "other");
  }
  vlot__replies_deinit(&replies);
}

Test(replies, what_is_out_of_range_is_refused_and_nobody_asked_is_fine) {
  vlot_replies replies;
  vlot__replies_init(&replies, NULL);
  cr_assert_eq(vlot__replies_begin(&replies, 2), VLOT_OK);
  cr_assert_eq(vlot_replies_set(&replies, 2, "x", 1), VLOT_INVALID);
  cr_assert_eq(vlot_replies_set(&replies, 0, NULL, 1), VLOT_INVALID);
  cr_assert_eq(vlot_replies_set(NULL, 0, "x", 1), VLOT_OK);
  cr_assert_null(vlot__replies_place(&replies, 2, 1));
  cr_assert_null(vlot__replies_place(NULL, 0, 1));
  expect(&replies, 0, "");
  expect(&replies, 1, "");
  vlot__replies_deinit(&replies);
}

Test(replies, a_steady_load_allocates_nothing) {
  vlot_fault_allocator *faults = vlot_fault_allocator_open();
  vlot_replies replies;
  vlot__replies_init(&replies, vlot_fault_allocator_get(faults));
  uint64_t made = 0;
  for (int batch = 0; batch < 10; batch++) {
    cr_assert_eq(vlot__replies_begin(&replies, 1000), VLOT_OK);
    for (uint32_t k = 0; k < 1000; k++)
      cr_assert_eq(vlot_replies_set(&replies, k, "0123456789", 10), VLOT_OK);
    if (batch == 0) made = vlot_fault_allocator_made(faults);
  }
  cr_assert_eq(vlot_fault_allocator_made(faults), made);
  vlot__replies_deinit(&replies);
  vlot_fault_allocator_close(faults);
}

Test(replies, without_memory_an_answer_is_empty_and_the_others_stay) {
  vlot_fault_allocator *faults = vlot_fault_allocator_open();
  vlot_replies replies;
  vlot__replies_init(&replies, vlot_fault_allocator_get(faults));
  vlot_fault_allocator_fail_at(faults, 1, false);
  cr_assert_eq(vlot__replies_begin(&replies, 2), VLOT_NOMEM);
  cr_assert_eq(vlot_replies_set(&replies, 0, "x", 1), VLOT_INVALID, "there is no batch");
  cr_assert_eq(vlot__replies_begin(&replies, 2), VLOT_OK);
  cr_assert_eq(vlot_replies_set(&replies, 0, "kept", 4), VLOT_OK);
  cr_assert_eq(vlot_replies_set(&replies, 1, "old", 3), VLOT_OK);
  static const uint8_t large[5000];
  vlot_fault_allocator_fail_at(faults, 1, false);
  cr_assert_eq(vlot_replies_set(&replies, 1, large, sizeof large), VLOT_NOMEM);
  expect(&replies, 0, "kept");
  expect(&replies, 1, "");
  cr_assert_eq(vlot_replies_set(&replies, 1, large, SIZE_MAX), VLOT_TOO_LARGE);
  vlot__replies_deinit(&replies);
  vlot_fault_allocator_close(faults);
}
