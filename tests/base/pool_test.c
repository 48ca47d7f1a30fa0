/* Pools: what is freed is used again, within a bound, and may be freed when the owner is gone. */
#include <criterion/criterion.h>
#include <stdint.h>
#include <string.h>

#include "base/alloc.h"
#include "base/pool.h"

#if defined(__SANITIZE_ADDRESS__)
#define HAS_POISON 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HAS_POISON 1
#endif
#endif
#ifdef HAS_POISON
#include <sanitizer/asan_interface.h>
#endif

enum { MIN = VLOT__POOL_BLOCK_MIN, MAX = VLOT__POOL_BLOCK_MAX, PLENTY = 64 << 20 };

typedef struct stage {
  vlot_fault_allocator *under;
  vlot__pool *pool;
  const vlot_allocator *allocator;
} stage;

static stage stage_open(size_t bytes_max) {
  stage s = {.under = vlot_fault_allocator_open()};
  s.pool = vlot__pool_open(vlot_fault_allocator_get(s.under), bytes_max);
  s.allocator = vlot__pool_allocator(s.pool);
  return s;
}

static void stage_close(stage *s) {
  vlot__pool_close(s->pool);
  vlot_fault_allocator_close(s->under); /* asserts that nothing is live */
}

static uint8_t *take(stage *s, size_t size) {
  uint8_t *block = vlot__alloc(s->allocator, 1, size);
  cr_assert_not_null(block);
  cr_assert_eq((uintptr_t)block % _Alignof(max_align_t), 0);
  memset(block, 0xa5, size); /* all of it is there */
  return block;
}

Test(pool, a_freed_block_is_used_again) {
  stage s = stage_open(PLENTY);
  static const size_t sizes[] = {MIN, MIN + 1, 1500, 4096, 5000, 70000, MAX / 2, MAX - 1};
  for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
    uint8_t *block = take(&s, sizes[k]);
    uint64_t made = vlot_fault_allocator_made(s.under);
    for (int again = 0; again < 3; again++) {
      vlot__alloc_free(s.allocator, block);
      cr_expect_geq(vlot__pool_kept(s.pool), sizes[k]);
      cr_expect_eq(take(&s, sizes[k]), block);
    }
    cr_expect_eq(vlot_fault_allocator_made(s.under), made, "%zu bytes", sizes[k]);
    vlot__alloc_free(s.allocator, block);
  }
  stage_close(&s);
}

Test(pool, small_and_huge_blocks_are_not_kept) {
  stage s = stage_open(PLENTY);
  static const size_t sizes[] = {1, 16, MIN - 1, MAX, MAX + 1};
  for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
    vlot__alloc_free(s.allocator, take(&s, sizes[k]));
    cr_expect_eq(vlot__pool_kept(s.pool), 0, "%zu bytes", sizes[k]);
  }
  cr_expect_null(vlot__alloc(s.allocator, 1, SIZE_MAX / 2));
  stage_close(&s);
}

/* What is given is as large as was asked for, or by an eighth larger at most, where it was kept. */
Test(pool, a_block_is_used_again_for_what_is_a_little_smaller) {
  stage s = stage_open(PLENTY);
  for (size_t size = MIN; size < MAX; size += size / 37 + 1) {
    uint8_t *block = take(&s, size);
    size_t before = vlot__pool_kept(s.pool);
    vlot__alloc_free(s.allocator, block);
    cr_assert_eq(vlot__pool_kept(s.pool) - before, size);
    uint64_t made = vlot_fault_allocator_made(s.under);
    uint8_t *same = take(&s, size);
    uint8_t *other = take(&s, size - size / 32); /* of another block that was kept, or of none */
    cr_expect_eq(same, block, "%zu bytes", size);
    cr_expect_leq(vlot_fault_allocator_made(s.under), made + 1);
    vlot__alloc_free(s.allocator, other);
    vlot__alloc_free(s.allocator, same);
    if (size - size / 32 < MIN) continue;
    made = vlot_fault_allocator_made(s.under);
    other = take(&s, size - size / 32);
    cr_expect_eq(vlot_fault_allocator_made(s.under), made, "%zu bytes", size);
    vlot__alloc_free(s.allocator, other);
  }
  stage_close(&s);
}

Test(pool, is_bounded_in_bytes) {
  enum { BLOCKS = 8, SIZE = 4096 };
  for (size_t limit = BLOCKS * SIZE - 1; limit <= BLOCKS * SIZE + 1; limit++) {
    stage s = stage_open(limit);
    uint8_t *blocks[BLOCKS + 1];
    for (int k = 0; k <= BLOCKS; k++) blocks[k] = take(&s, SIZE);
    for (int k = 0; k <= BLOCKS; k++) vlot__alloc_free(s.allocator, blocks[k]);
    cr_expect_eq(vlot__pool_kept(s.pool), limit / SIZE * SIZE, "limit %zu", limit);
    cr_expect_leq(vlot__pool_kept(s.pool), limit);
    cr_expect_eq(vlot_fault_allocator_live(s.under), 1 + limit / SIZE);
    stage_close(&s);
  }
}

Test(pool, blocks_outlive_their_owner_and_the_last_one_takes_the_pool_along) {
  stage s = stage_open(PLENTY);
  uint8_t *kept = take(&s, 2000), *large = take(&s, 3000), *small = take(&s, 10);
  const vlot_allocator *allocator = s.allocator;
  vlot__alloc_free(allocator, kept);
  vlot__pool_close(s.pool);
  cr_expect_eq(vlot_fault_allocator_live(s.under), 3, "the pool and two blocks");
  memset(large, 1, 3000);
  large = allocator->resize(allocator->context, large, 5000);
  cr_assert_not_null(large);
  cr_expect_eq(large[2999], 1);
  vlot__alloc_free(allocator, large);
  cr_expect_eq(vlot_fault_allocator_live(s.under), 2, "nothing is kept any more");
  vlot__alloc_free(allocator, small);
  cr_expect_eq(vlot_fault_allocator_live(s.under), 0);
  vlot_fault_allocator_close(s.under);
  vlot__pool_close(NULL);
}

Test(pool, what_stands_in_a_block_moves_with_it) {
  static const size_t sizes[] = {1, 700, MIN - 1, MIN, MIN + 1, 3000, 3001, 90000, MAX, MAX + 1};
  enum { SIZES = sizeof sizes / sizeof *sizes };
  for (int from = 0; from < SIZES; from++)
    for (int to = 0; to < SIZES; to++) {
      stage s = stage_open(PLENTY);
      uint8_t *block = take(&s, sizes[from]);
      for (size_t k = 0; k < sizes[from]; k++) block[k] = (uint8_t)(k % 251);
      block = s.allocator->resize(s.allocator->context, block, sizes[to]);
      cr_assert_not_null(block);
      for (size_t k = 0; k < sizes[from] && k < sizes[to]; k++) cr_assert_eq(block[k], k % 251);
      vlot__alloc_free(s.allocator, block);
      stage_close(&s);
    }
}

Test(pool, without_memory_nothing_changes_and_what_is_kept_goes_first) {
  stage s = stage_open(PLENTY);
  uint8_t *block = take(&s, 2000), *kept = take(&s, 5000);
  vlot__alloc_free(s.allocator, kept);
  vlot_fault_allocator_fail_at(s.under, 1, false);
  uint8_t *other = take(&s, 3000); /* the first time it fails; then nothing is kept any more */
  cr_expect_eq(vlot__pool_kept(s.pool), 0);
  vlot_fault_allocator_fail_at(s.under, 1, true);
  cr_expect_null(vlot__alloc(s.allocator, 1, 4000));
  cr_expect_null(s.allocator->resize(s.allocator->context, block, 4000));
  cr_expect_eq(block[1999], 0xa5);
  vlot_fault_allocator_fail_at(s.under, 0, false);
  vlot__alloc_free(s.allocator, block);
  vlot__alloc_free(s.allocator, other);
  stage_close(&s);
  s.under = vlot_fault_allocator_open();
  vlot_fault_allocator_fail_at(s.under, 1, true);
  cr_expect_null(vlot__pool_open(vlot_fault_allocator_get(s.under), PLENTY));
  vlot_fault_allocator_close(s.under);
}

/* The sanitizer would report every touch: so it is asked whether it would. */
Test(pool, a_use_after_free_is_found) {
#ifdef HAS_POISON
  stage s = stage_open(PLENTY);
  uint8_t *block = take(&s, 2000);
  cr_expect_not(__asan_address_is_poisoned(block));
  vlot__alloc_free(s.allocator, block);
  for (size_t k = 0; k < 2000; k++) cr_assert(__asan_address_is_poisoned(block + k));
  cr_assert_eq(take(&s, 2000), block);
  for (size_t k = 0; k < 2000; k++) cr_assert_not(__asan_address_is_poisoned(block + k));
  vlot__alloc_free(s.allocator, block);
  stage_close(&s);
#endif
}
