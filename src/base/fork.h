/* Has this process been forked since something was opened? None of vlot's threads is in the child
 * then, and any lock may be held by one of them, for ever: calls of what is older than the fork
 * have to end without taking one.
 *
 * It costs no system call: a page that fork wipes holds the epoch of the process. Who opens
 * something notes it, and in a child finds another number there: 0, or that of what was opened
 * since. Where the kernel wipes no page, a handler of fork does.
 */
#ifndef VLOT_BASE_FORK_H
#define VLOT_BASE_FORK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

extern _Atomic(_Atomic uint64_t *) vlot__fork_word;

/* The epoch of this process, never 0; a child's is another than that of each of its ancestors. */
uint64_t vlot__fork_epoch(void);

/* Is the epoch, of when something was opened here, that of an ancestor? */
static inline bool vlot__has_forked(uint64_t epoch) {
  const _Atomic uint64_t *word = atomic_load_explicit(&vlot__fork_word, memory_order_relaxed);
  return __builtin_expect(atomic_load_explicit(word, memory_order_relaxed) != epoch, 0);
}

#endif
