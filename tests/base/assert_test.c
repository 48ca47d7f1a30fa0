/* Assertions go to one replaceable handler, which must not return. */
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "base/assert.h"

static jmp_buf back;
static vlot_failure told;
static char evidence[64];

static void jump_back(const vlot_failure *failure) {
  told = *failure;
  snprintf(evidence, sizeof evidence, "%s", failure->evidence);
  longjmp(back, 1);
}

static void come_back(const vlot_failure *failure) { (void)failure; }

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
  cr_assert_eq(told.kind, VLOT_FAILURE_BUG);
  cr_assert_str_eq(told.text, "1 + 1 == 3 does not hold");
  cr_assert_str_eq(evidence, "");
  cr_assert_eq(told.line, line);
  cr_assert_str_eq(told.file, "tests/base/assert_test.c", "no path of who built it");
  cr_assert(vlot_assert_set_handler(standard) == jump_back, "the previous one comes back");
}

Test(assert, a_duty_is_said_in_its_own_words) {
  vlot_assert_set_handler(jump_back);
  if (setjmp(back) == 0) VLOT_DUTY(1 + 1 == 3, "count to 3");
  cr_assert_eq(told.kind, VLOT_FAILURE_DUTY);
  cr_assert_str_eq(told.text, "count to 3");
  cr_assert_str_eq(evidence, "");
}

Test(assert, a_bug_shows_its_evidence) {
  vlot_assert_set_handler(jump_back);
  const vlot__evidence seen[] = {{"node", 1}, {"term", UINT64_MAX}};
  if (setjmp(back) == 0) vlot__assert_bug("f.c", 7, "the term went back", seen, 2);
  cr_assert_eq(told.kind, VLOT_FAILURE_BUG);
  cr_assert_str_eq(told.text, "the term went back");
  cr_assert_str_eq(evidence, "node 1, term 18446744073709551615");
}

/* What stands on stderr when the process ends of it. */
static void expect_said(void (*breaks)(void), const char *wanted) {
  int ends[2], status;
  char said[400] = "";
  cr_assert_eq(pipe(ends), 0);
  pid_t child = fork();
  if (child == 0) {
    dup2(ends[1], 2);
    signal(SIGABRT, SIG_DFL);
    breaks();
    _exit(0);
  }
  close(ends[1]);
  cr_assert_gt(read(ends[0], said, sizeof said - 1), 0);
  close(ends[0]);
  cr_assert_eq(waitpid(child, &status, 0), child);
  cr_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
  cr_assert_str_eq(said, wanted);
}

static void break_a_duty(void) { vlot__assert_duty("f.c", 7, "count to 3"); }
static void break_a_law(void) {
  vlot__assert_bug("f.c", 7, "time went back", &(vlot__evidence){"now", 3}, 1);
}
static void break_a_condition(void) { vlot__assert_bug("f.c", 7, "a does not hold", NULL, 0); }

Test(assert, a_duty_and_a_bug_are_told_apart) {
  expect_said(break_a_duty, "vlot: the caller's duty is broken: count to 3 (f.c:7)\n");
  expect_said(break_a_law, "vlot: a bug of vlot, not of its caller: time went back (f.c:7: now 3); "
                           "please report it, with this line and what led to it\n");
  expect_said(break_a_condition, "vlot: a bug of vlot, not of its caller: a does not hold (f.c:7); "
                                 "please report it, with this line and what led to it\n");
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
