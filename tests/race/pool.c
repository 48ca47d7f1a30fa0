/* A pool under three threads: each makes blocks that another one frees, and its owner closes it
 * while blocks are still in use. What stands in a block must be what its maker wrote.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/pool.h"

enum { THREADS = 3, SLOTS = 32, ROUNDS = 20000 };

static const vlot_allocator *allocator;
static _Atomic(uint32_t *) slots[SLOTS];
static _Atomic uint64_t wrong;

static void free_checked(uint32_t *block) {
  if (!block) return;
  uint32_t words = block[0];
  if (block[words - 1] != words) atomic_fetch_add(&wrong, 1);
  memset(block, 0xff, words * sizeof *block);
  vlot__alloc_free(allocator, block);
}

static void *churn(void *context) {
  uint32_t state = (uint32_t)(uintptr_t)context * 2654435761u + 1;
  for (int k = 0; k < ROUNDS; k++) {
    state = state * 1664525u + 1013904223u;
    uint32_t words = 200 + (state >> 8) % 1500;
    uint32_t *block = vlot__alloc(allocator, words, sizeof *block);
    if (!block) break;
    block[0] = block[words - 1] = words;
    free_checked(atomic_exchange(&slots[state % SLOTS], block));
  }
  return NULL;
}

int main(void) {
  vlot__pool *pool = vlot__pool_open(vlot_allocator_default(), 64 << 10);
  pthread_t threads[THREADS];
  if (!pool) return 1;
  allocator = vlot__pool_allocator(pool);
  for (uintptr_t k = 0; k < THREADS; k++)
    if (pthread_create(&threads[k], NULL, churn, (void *)(k + 1)) != 0) return 1;
  while (vlot__pool_kept(pool) == 0) continue;
  uint32_t *last = vlot__alloc(allocator, 300, sizeof *last); /* keeps it alive */
  if (!last) return 1;
  last[0] = last[299] = 300;
  vlot__pool_close(pool);
  for (int k = 0; k < THREADS; k++) pthread_join(threads[k], NULL);
  for (int k = 0; k < SLOTS; k++) free_checked(atomic_load(&slots[k]));
  free_checked(last);
  printf("%llu blocks were not what their maker wrote\n", (unsigned long long)wrong);
  return wrong != 0;
}
