#include "base/pool.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "base/alloc.h"

#ifdef __has_feature
#if __has_feature(address_sanitizer)
#define HAS_POISON 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(HAS_POISON)
#include <sanitizer/asan_interface.h>
#define POISON(memory, size)   ASAN_POISON_MEMORY_REGION(memory, size)
#define UNPOISON(memory, size) ASAN_UNPOISON_MEMORY_REGION(memory, size)
#else
#define POISON(memory, size)   ((void)(memory), (void)(size))
#define UNPOISON(memory, size) ((void)(memory), (void)(size))
#endif

/* Bins: 16 between a power of two and the next. */
enum { STEP_BITS = 4, STEPS = 1 << STEP_BITS, DOUBLINGS = 10, BINS = DOUBLINGS * STEPS };
_Static_assert(VLOT__POOL_BLOCK_MIN << DOUBLINGS == VLOT__POOL_BLOCK_MAX, "bins end at the max");

/* In front of every block; what follows is aligned as malloc() does. */
typedef struct block {
  _Alignas(max_align_t) size_t size; /* bytes behind this */
  struct block *next;                /* kept: in its bin */
} block;

struct vlot__pool {
  vlot_allocator allocator;
  const vlot_allocator *under;
  _Atomic size_t references; /* of the owner, and of each block in use */
  size_t bytes_max;
  pthread_mutex_t lock;
  size_t bytes; /* kept */
  bool is_closed;
  block *bins[BINS]; /* what is kept */
};

/* The bin that a block of so many bytes is kept in; BINS: it is not kept. */
static uint32_t bin_of(size_t size) {
  if (size < VLOT__POOL_BLOCK_MIN || size >= VLOT__POOL_BLOCK_MAX) return BINS;
  uint32_t bits = 63 - (uint32_t)__builtin_clzll(size);
  uint32_t doubling = bits - (63 - (uint32_t)__builtin_clzll(VLOT__POOL_BLOCK_MIN));
  return doubling * STEPS + (uint32_t)(size >> (bits - STEP_BITS)) - STEPS;
}

static void release_pool(vlot__pool *pool) {
  if (atomic_fetch_sub_explicit(&pool->references, 1, memory_order_acq_rel) > 1) return;
  pthread_mutex_destroy(&pool->lock);
  vlot__alloc_free(pool->under, pool);
}

/* Under the lock: all that is kept, in one list. */
static block *take_all(vlot__pool *pool) {
  block *all = NULL;
  for (uint32_t bin = 0; bin < BINS; bin++) {
    while (pool->bins[bin]) {
      block *one = pool->bins[bin];
      pool->bins[bin] = one->next;
      one->next = all;
      all = one;
    }
  }
  pool->bytes = 0;
  return all;
}

static void free_all(vlot__pool *pool, block *all) {
  while (all) {
    block *next = all->next;
    UNPOISON(all + 1, all->size);
    vlot__alloc_free(pool->under, all);
    all = next;
  }
}

/* Where memory is short, what is kept goes first. */
static block *make_block(vlot__pool *pool, size_t size) {
  block *one = vlot__alloc(pool->under, 1, sizeof *one + size);
  if (one) return one;
  pthread_mutex_lock(&pool->lock);
  block *all = take_all(pool);
  pthread_mutex_unlock(&pool->lock);
  if (!all) return NULL;
  free_all(pool, all);
  return vlot__alloc(pool->under, 1, sizeof *one + size);
}

/* Under the lock: the newest of its bin, where it is large enough, as when the same is asked for
 * again and again. Else one of the next bin, where all are. */
static block *unlink_kept(vlot__pool *pool, size_t size, uint32_t bin) {
  block *one = pool->bins[bin];
  if ((!one || one->size < size) && bin + 1 < BINS) one = pool->bins[++bin];
  if (!one || one->size < size) return NULL;
  pool->bins[bin] = one->next;
  pool->bytes -= one->size;
  return one;
}

static block *take_kept(vlot__pool *pool, size_t size) {
  uint32_t bin = bin_of(size);
  if (bin == BINS) return NULL;
  pthread_mutex_lock(&pool->lock);
  block *one = unlink_kept(pool, size, bin);
  pthread_mutex_unlock(&pool->lock);
  if (one) UNPOISON(one + 1, one->size);
  return one;
}

static void *take_block(vlot__pool *pool, size_t size) {
  if (size > SIZE_MAX / 2 - sizeof(block)) return NULL;
  block *one = take_kept(pool, size);
  if (!one && (one = make_block(pool, size)) != NULL) one->size = size;
  if (!one) return NULL;
  atomic_fetch_add_explicit(&pool->references, 1, memory_order_relaxed);
  return one + 1;
}

/* Unless that is too much, or the owner is gone. */
static bool keep_block(vlot__pool *pool, block *one, uint32_t bin) {
  POISON(one + 1, one->size);
  pthread_mutex_lock(&pool->lock);
  bool has_room = !pool->is_closed && one->size <= pool->bytes_max - pool->bytes;
  if (has_room) {
    one->next = pool->bins[bin];
    pool->bins[bin] = one;
    pool->bytes += one->size;
  }
  pthread_mutex_unlock(&pool->lock);
  if (!has_room) UNPOISON(one + 1, one->size);
  return has_room;
}

static void give_block(vlot__pool *pool, block *one) {
  uint32_t bin = bin_of(one->size);
  if (bin == BINS || !keep_block(pool, one, bin)) vlot__alloc_free(pool->under, one);
  release_pool(pool);
}

/* What grows does not come and go: it goes through, and nothing is kept of it. */
static void *resize_block(vlot__pool *pool, block *one, size_t size) {
  if (size > SIZE_MAX / 2 - sizeof *one) return NULL;
  one = pool->under->resize(pool->under->context, one, sizeof *one + size);
  if (!one) return NULL;
  one->size = size;
  return one + 1;
}

static void *resize_in_pool(void *context, void *memory, size_t size) {
  if (!memory) return size > 0 ? take_block(context, size) : NULL;
  if (size > 0) return resize_block(context, (block *)memory - 1, size);
  give_block(context, (block *)memory - 1);
  return NULL;
}

vlot__pool *vlot__pool_open(const vlot_allocator *under, size_t bytes_max) {
  vlot__pool *pool = vlot__alloc_zero(under, 1, sizeof *pool);
  if (!pool) return NULL;
  if (pthread_mutex_init(&pool->lock, NULL) != 0) {
    vlot__alloc_free(under, pool);
    return NULL;
  }
  pool->allocator = (vlot_allocator){.context = pool, .resize = resize_in_pool};
  pool->under = under;
  pool->bytes_max = bytes_max;
  atomic_init(&pool->references, 1);
  return pool;
}

void vlot__pool_close(vlot__pool *pool) {
  if (!pool) return;
  pthread_mutex_lock(&pool->lock);
  pool->is_closed = true;
  block *all = take_all(pool);
  pthread_mutex_unlock(&pool->lock);
  free_all(pool, all);
  release_pool(pool);
}

const vlot_allocator *vlot__pool_allocator(const vlot__pool *pool) { return &pool->allocator; }

size_t vlot__pool_kept(vlot__pool *pool) {
  pthread_mutex_lock(&pool->lock);
  size_t bytes = pool->bytes;
  pthread_mutex_unlock(&pool->lock);
  return bytes;
}
