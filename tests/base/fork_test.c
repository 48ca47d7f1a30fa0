/* The word of base/fork.c where the kernel wipes no page: a handler of fork does it. */
#include <criterion/criterion.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#undef MADV_WIPEONFORK
#define vlot__fork_word  without_page_word
#define vlot__fork_epoch without_page_epoch
#include "base/fork.c"

Test(fork, is_noticed_without_a_page_too) {
  uint64_t epoch = without_page_epoch();
  cr_assert_eq(atomic_load(&without_page_word), &own_word, "it is the one without a page");
  cr_expect_not(vlot__has_forked(epoch));
  pid_t child = fork();
  if (child == 0) {
    bool is_noticed = vlot__has_forked(epoch);
    uint64_t own = without_page_epoch();
    _exit(is_noticed && own != 0 && own != epoch && !vlot__has_forked(own) ? 0 : 1);
  }
  int status;
  cr_assert_eq(waitpid(child, &status, 0), child);
  cr_expect_eq(status, 0);
  cr_expect_not(vlot__has_forked(epoch));
}
