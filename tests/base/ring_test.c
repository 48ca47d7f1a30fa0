/* The ring against a plain array: whatever is done to one is done to the other. */
#include <string.h>

#include <criterion/criterion.h>

#include "base/prng.h"
#include "base/ring.h"

enum { MODEL_MAX = 4096 };

/* Elements that are no machine word, so that an error of a byte shows. */
typedef struct element {
  uint32_t number;
  unsigned char tail[5];
} element;

typedef struct model {
  uint32_t numbers[MODEL_MAX];
  size_t first, count;
  uint32_t next;
} model;

static void fill(element *e, uint32_t number) {
  e->number = number;
  memset(e->tail, (int)(number & 0xff), sizeof e->tail);
}

static void check(const vlot__ring *ring, const model *m) {
  cr_assert_eq(ring->count, m->count);
  cr_assert_leq(ring->count, ring->capacity);
  cr_assert_eq(ring->capacity & (ring->capacity - 1), 0, "a power of two, or 0");
  for (size_t k = 0; k < m->count; k++) {
    element expected;
    fill(&expected, m->numbers[m->first + k]);
    const element *found = vlot__ring_at(ring, k);
    cr_assert_eq(found->number, expected.number, "element %zu of %zu", k, m->count);
    cr_assert_arr_eq(found->tail, expected.tail, sizeof expected.tail);
  }
}

static void push(vlot__ring *ring, model *m) {
  element *e = vlot__ring_push(ring);
  cr_assert_not_null(e);
  fill(e, m->next);
  m->numbers[m->first + m->count++] = m->next++;
}

static void pop_front(vlot__ring *ring, model *m) {
  vlot__ring_pop_front(ring);
  m->first++;
  m->count--;
}

static void pop_back(vlot__ring *ring, model *m) {
  vlot__ring_pop_back(ring);
  m->count--;
}

Test(ring, agrees_with_an_array_whatever_is_done_to_it) {
  static model m;
  for (uint64_t seed = 0; seed < 64; seed++) {
    vlot__prng prng;
    vlot__prng_init(&prng, seed, 0);
    vlot__ring ring;
    vlot__ring_init(&ring, vlot_allocator_default(), sizeof(element));
    memset(&m, 0, sizeof m);
    for (int step = 0; step < 1500; step++) {
      switch (vlot__prng_below(&prng, 16)) {
      case 0:
        if (vlot__prng_chance(&prng, 100000)) {
          vlot__ring_clear(&ring);
          m.first += m.count;
          m.count = 0;
        }
        break;
      case 1: cr_assert(vlot__ring_reserve(&ring, vlot__prng_below(&prng, 9))); break;
      case 2:
      case 3:
        if (m.count > 0) pop_back(&ring, &m);
        break;
      case 4:
      case 5:
      case 6:
      case 7:
      case 8:
        if (m.count > 0) pop_front(&ring, &m);
        break;
      default: push(&ring, &m);
      }
      check(&ring, &m);
    }
    vlot__ring_deinit(&ring);
  }
}

/* Growth is where a wrapped ring loses or reorders what it holds: every fill level, every place of
 * the first element. */
Test(ring, growth_keeps_the_order_wherever_the_ring_has_wrapped) {
  static model m;
  for (size_t reserved = 1; reserved <= 17; reserved++)
    for (size_t offset = 0; offset <= 32; offset++)
      for (size_t more = 1; more <= 40; more += 13) {
        vlot__ring ring;
        vlot__ring_init(&ring, vlot_allocator_default(), sizeof(element));
        memset(&m, 0, sizeof m);
        cr_assert(vlot__ring_reserve(&ring, reserved));
        size_t capacity = ring.capacity;
        cr_assert_geq(capacity, reserved);
        for (size_t k = 0; k < offset; k++) {
          push(&ring, &m);
          pop_front(&ring, &m);
        }
        for (size_t k = 0; k < reserved; k++) push(&ring, &m);
        cr_assert_eq(ring.capacity, capacity, "what was reserved needs no growth");
        check(&ring, &m);
        cr_assert(vlot__ring_reserve(&ring, capacity - reserved + more));
        cr_assert_geq(ring.capacity, capacity + more);
        check(&ring, &m);
        for (size_t k = 0; k < more; k++) push(&ring, &m);
        check(&ring, &m);
        vlot__ring_deinit(&ring);
      }
}

Test(ring, a_push_after_a_reserve_needs_no_memory) {
  vlot_fault_allocator *faults = vlot_fault_allocator_open();
  vlot__ring ring;
  vlot__ring_init(&ring, vlot_fault_allocator_get(faults), sizeof(element));
  cr_assert(vlot__ring_reserve(&ring, 17));
  uint64_t made = vlot_fault_allocator_made(faults);
  vlot_fault_allocator_fail_at(faults, 1, true);
  for (uint32_t k = 0; k < 17; k++) cr_assert_not_null(vlot__ring_push(&ring));
  cr_assert_eq(vlot_fault_allocator_made(faults), made);
  vlot__ring_deinit(&ring);
  vlot_fault_allocator_close(faults);
}

Test(ring, without_memory_nothing_has_changed) {
  static model m;
  vlot_fault_allocator *faults = vlot_fault_allocator_open();
  vlot__ring ring;
  vlot__ring_init(&ring, vlot_fault_allocator_get(faults), sizeof(element));
  vlot_fault_allocator_fail_at(faults, 1, false);
  cr_assert_null(vlot__ring_push(&ring));
  cr_assert_eq(ring.count, 0);
  for (uint32_t k = 0; k < 3; k++) push(&ring, &m);
  pop_front(&ring, &m);
  while (ring.count < ring.capacity) push(&ring, &m);
  vlot_fault_allocator_fail_at(faults, 1, true);
  cr_assert_null(vlot__ring_push(&ring));
  cr_assert_not(vlot__ring_reserve(&ring, 100));
  check(&ring, &m);
  vlot_fault_allocator_fail_at(faults, 0, false);
  push(&ring, &m);
  check(&ring, &m);
  vlot__ring_deinit(&ring);
  vlot_fault_allocator_close(faults);
}

Test(ring, more_than_memory_can_hold_is_refused, .timeout = 10) {
  const size_t wishes[] = {SIZE_MAX, SIZE_MAX - 1, SIZE_MAX / 2 + 1, SIZE_MAX / 4};
  vlot__ring ring;
  vlot__ring_init(&ring, vlot_allocator_default(), sizeof(element));
  cr_assert_not_null(vlot__ring_push(&ring));
  for (size_t k = 0; k < sizeof wishes / sizeof *wishes; k++)
    cr_assert_not(vlot__ring_reserve(&ring, wishes[k]), "%zx", wishes[k]);
  cr_assert_eq(ring.count, 1);
  vlot__ring_deinit(&ring);
}

Test(ring, can_be_used_again_after_clear_and_after_deinit) {
  static model m;
  vlot__ring ring;
  vlot__ring_init(&ring, vlot_allocator_default(), sizeof(element));
  for (int round = 0; round < 2; round++) {
    for (uint32_t k = 0; k < 9; k++) push(&ring, &m);
    check(&ring, &m);
    vlot__ring_clear(&ring);
    m.count = 0;
    check(&ring, &m);
    for (uint32_t k = 0; k < 5; k++) push(&ring, &m);
    check(&ring, &m);
    vlot__ring_deinit(&ring);
    m.count = 0;
    cr_assert_eq(ring.capacity, 0);
    check(&ring, &m);
  }
}
