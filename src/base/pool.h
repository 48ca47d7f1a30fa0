/* A pool: an allocator over another one that keeps freed blocks, up to a bound in bytes, and hands
 * them out again. For large blocks that one thread makes and another frees, over and over, as
 * batches and segments of logs are: where malloc() has a lock, merges and splits, and goes to the
 * kernel for the largest. Small ones, which malloc() has its caches for, go through to it.
 *
 * Blocks may outlive their owner: the last of them takes the pool along. Under AddressSanitizer
 * what is kept is poisoned, so that a use after free is found.
 *
 * Thread  any. Its lock is held for a few instructions, below whatever lock the caller holds, as
 *         malloc()'s is.
 */
#ifndef VLOT_BASE_POOL_H
#define VLOT_BASE_POOL_H

#include "vlot/base.h"

enum {
  VLOT__POOL_BLOCK_MIN = 1024,    /* bytes: smaller ones are not kept … */
  VLOT__POOL_BLOCK_MAX = 1 << 20, /* … nor are these, and larger ones */
};

typedef struct vlot__pool vlot__pool;

/* under: borrowed until the last block is freed. bytes_max: of what is kept. NULL without
 * memory. */
vlot__pool *vlot__pool_open(const vlot_allocator *under, size_t bytes_max);

/* The owner is done: what is kept goes back, what is in use does when it is freed. NULL is
 * allowed. */
void vlot__pool_close(vlot__pool *pool);

/* Valid as long as the pool, or any block of it, is. */
const vlot_allocator *vlot__pool_allocator(const vlot__pool *pool);

/* Bytes kept at the moment. */
size_t vlot__pool_kept(vlot__pool *pool);

#endif
