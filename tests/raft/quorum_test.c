/* Majorities: the commit rule as arithmetic. */
#include <criterion/criterion.h>

#include "base/prng.h"
#include "raft/quorum.h"

/* By definition: the highest value that at least a majority reaches. */
static uint64_t reached_slowly(const uint64_t *values, uint32_t count) {
  uint64_t best = 0;
  for (uint32_t k = 0; k < count; k++) {
    uint32_t at_least = 0;
    for (uint32_t other = 0; other < count; other++) at_least += values[other] >= values[k];
    if (at_least > count / 2 && values[k] > best) best = values[k];
  }
  return best;
}

Test(quorum, is_more_than_half) {
  for (uint32_t voters = 1; voters <= 1024; voters++) {
    cr_assert_gt(2 * vlot__quorum_of(voters), voters, "two quorums share a voter");
    cr_assert_leq(2 * (vlot__quorum_of(voters) - 1), voters, "and one vote less is not enough");
  }
}

Test(quorum, reached_is_the_highest_value_a_majority_has) {
  struct {
    uint32_t count;
    uint64_t values[5], reached;
  } cases[] = {
      {0, {0}, 0},
      {1, {7}, 7},
      {2, {3, 7}, 3},
      {3, {9, 5, 7}, 7},
      {3, {5, 5, 0}, 5},
      {4, {4, 3, 2, 1}, 2},
      {5, {0, 0, 8, 8, 8}, 8},
      {5, {0, 0, 0, 8, 8}, 0},
      {5, {UINT64_MAX, 1, 2, 3, UINT64_MAX}, 3},
  };
  for (size_t k = 0; k < sizeof cases / sizeof *cases; k++)
    cr_assert_eq(vlot__quorum_reached(cases[k].values, cases[k].count), cases[k].reached,
                 "case %zu", k);
}

Test(quorum, reached_agrees_with_its_definition_in_every_small_case) {
  for (uint32_t count = 1; count <= 6; count++) {
    uint32_t combinations = 1;
    for (uint32_t k = 0; k < count; k++) combinations *= 4;
    for (uint32_t code = 0; code < combinations; code++) {
      uint64_t values[6];
      for (uint32_t k = 0, rest = code; k < count; k++, rest /= 4) values[k] = rest % 4;
      uint64_t expected = reached_slowly(values, count);
      cr_assert_eq(vlot__quorum_reached(values, count), expected);
    }
  }
}

Test(quorum, reached_agrees_with_its_definition_in_large_cases) {
  vlot__prng prng;
  vlot__prng_init(&prng, 1, 0);
  for (int round = 0; round < 300; round++) {
    uint64_t values[300];
    uint32_t count = 1 + (uint32_t)vlot__prng_below(&prng, 300);
    uint64_t bound = 1 + vlot__prng_below(&prng, 400);
    for (uint32_t k = 0; k < count; k++) values[k] = vlot__prng_below(&prng, bound);
    uint64_t expected = reached_slowly(values, count);
    cr_assert_eq(vlot__quorum_reached(values, count), expected);
  }
}
