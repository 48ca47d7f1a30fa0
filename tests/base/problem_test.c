/* What vlot_problem() says, and of whose calls. */
#include <pthread.h>
#include <string.h>

#include <criterion/criterion.h>

#include "base/problem.h"

Test(problem, a_result_that_was_not_refused_has_the_text_of_the_table) {
  cr_expect_str_eq(vlot_problem(VLOT_BUSY), vlot_result_text(VLOT_BUSY));
  cr_expect_eq(vlot__refuse(VLOT_BUSY, "the box is full"), VLOT_BUSY);
  cr_expect_str_eq(vlot_problem(VLOT_BUSY), "the box is full");
  cr_expect_str_eq(vlot_problem(VLOT_BUSY), "the box is full", "asking changes nothing");
  cr_expect_str_eq(vlot_problem(VLOT_INVALID), vlot_result_text(VLOT_INVALID), "another's");
  cr_expect_str_eq(vlot_problem(VLOT_OK), "ok");
  cr_expect_str_eq(vlot_problem((vlot_result)4711), "?");
}

Test(problem, value_and_limit_stand_in_the_sentence) {
  (void)vlot__refuse_value(VLOT_INVALID, "size {0}: {1} to {0}", 7, UINT64_MAX);
  cr_expect_str_eq(vlot_problem(VLOT_INVALID), "size 7: 18446744073709551615 to 7");
  (void)vlot__refuse_value(VLOT_TOO_LARGE, "{0}", 0, 1);
  cr_expect_str_eq(vlot_problem(VLOT_TOO_LARGE), "0");
}

Test(problem, words_are_copied_and_cut_where_they_are_too_long) {
  char words[600];
  memset(words, 'x', sizeof words);
  words[sizeof words - 1] = '\0';
  (void)vlot__refuse_words(VLOT_INVALID, words);
  memset(words, 'y', sizeof words - 1);
  const char *said = vlot_problem(VLOT_INVALID);
  cr_expect_eq(strlen(said), 255);
  cr_expect_eq(strspn(said, "x"), 255);
}

static void *refuse_elsewhere(void *context) {
  (void)vlot__refuse(VLOT_BUSY, "elsewhere");
  strcpy(context, vlot_problem(VLOT_BUSY));
  return NULL;
}

Test(problem, each_thread_has_its_own) {
  pthread_t thread;
  char said[32] = "";
  (void)vlot__refuse(VLOT_BUSY, "here");
  cr_assert_eq(pthread_create(&thread, NULL, refuse_elsewhere, said), 0);
  cr_assert_eq(pthread_join(thread, NULL), 0);
  cr_expect_str_eq(said, "elsewhere");
  cr_expect_str_eq(vlot_problem(VLOT_BUSY), "here");
}
