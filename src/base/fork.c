/* The page that fork wipes, or the word that a handler of fork does. */
#define _GNU_SOURCE /* MADV_WIPEONFORK, anonymous maps */
#include "base/fork.h"

#include <errno.h>
#include <pthread.h>
#include <stddef.h>
#include <sys/mman.h>
#include <unistd.h>

static _Atomic uint64_t own_word; /* until there is a page; for good where there can be none */
static _Atomic uint64_t last_epoch;

_Atomic(_Atomic uint64_t *) vlot__fork_word = &own_word;

static void wipe_own(void) { atomic_store(&own_word, 0); }

/* NULL: this kernel wipes none. One that takes any advice for good takes this one too, and does
 * nothing: emulators do that. */
static void *map_page(size_t size) {
#ifdef MADV_WIPEONFORK
  void *page = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (page == MAP_FAILED) return NULL;
  bool is_wiped = madvise(page, size, -1) != 0 && madvise(page, size, MADV_WIPEONFORK) == 0;
  if (is_wiped) return page;
  (void)munmap(page, size);
#else
  (void)size;
#endif
  return NULL;
}

/* Once in a process and all its children. Calls that succeed leave errno alone. */
static void choose_word(void) {
  int before = errno;
  void *page = map_page((size_t)sysconf(_SC_PAGESIZE));
  errno = before;
  if (page)
    atomic_store(&vlot__fork_word, (_Atomic uint64_t *)page);
  else
    (void)pthread_atfork(NULL, NULL, wipe_own);
}

uint64_t vlot__fork_epoch(void) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  (void)pthread_once(&once, choose_word);
  _Atomic uint64_t *word = atomic_load(&vlot__fork_word);
  uint64_t epoch = atomic_load(word);
  if (epoch != 0) return epoch;
  uint64_t fresh = atomic_fetch_add(&last_epoch, 1) + 1;
  return atomic_compare_exchange_strong(word, &epoch, fresh) ? fresh : epoch;
}
