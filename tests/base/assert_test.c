/* Assertions go to one replaceable handler, which must not return. */
#include <setjmp.h>
#include <signal.h>
#include <string.h>

#include <criterion/criterion.h>

#include "base/assert.h"

static jmp_buf back;
static struct {
  const char *file;
  const char *condition;
  int line;
} told;

static void jump_back(const char *file, int line, const char *condition) {
  told.file = file;
  told.line = line;
  told.condition = condition;
  longjmp(back, 1);
}

static void come_back(const char *file, int line, const char *condition) {
  (void)file, (void)line, (void)condition;
}

Test(assert, that_holds_says_nothing_and_is_evaluated_once) {
  int evaluated = 0;
  VLOT_ASSERT(++evaluated == 1);
  cr_assert_eq(evaluated, 1);
}

Test(assert, that_fails_aborts, .signal = SIGABRT) { VLOT_ASSERT(1 + 1 == 3); }

Test(assert, handler_is_told_where_and_what) {
  vlot_assert_handler standard = vlot_assert_set_handler(jump_back);
  cr_assert_not_null((void *)(uintptr_t)standard);
  volatile int line = 0;
  if (setjmp(back) == 0) {
    line = __LINE__ + 1;
    VLOT_ASSERT(1 + 1 == 3);
    cr_assert_fail("it must not go on");
  }
  cr_assert_str_eq(told.condition, "1 + 1 == 3");
  cr_assert_eq(told.line, line);
  cr_assert_not_null(strstr(told.file, "assert_test.c"));
  cr_assert(vlot_assert_set_handler(standard) == jump_back, "the previous one comes back");
}

Test(assert, null_restores_the_handler_that_aborts, .signal = SIGABRT) {
  vlot_assert_set_handler(jump_back);
  vlot_assert_handler before = vlot_assert_set_handler(NULL);
  cr_assert(before == jump_back);
  VLOT_ASSERT(1 + 1 == 3);
}

Test(assert, a_handler_that_returns_is_not_let_go, .signal = SIGABRT) {
  vlot_assert_set_handler(come_back);
  VLOT_ASSERT(1 + 1 == 3);
}
