#include "base/prng.h"

#include "base/assert.h"

void vlot__prng_init(vlot__prng *prng, uint64_t seed, uint64_t stream) {
  uint64_t value = vlot__prng_mix(seed) ^ vlot__prng_mix(~stream);
  for (int i = 0; i < 4; i++) {
    value += 0x9e3779b97f4a7c15u;
    prng->state[i] = vlot__prng_mix(value);
  }
}

static uint64_t rotate_left(uint64_t value, int bits) {
  return (value << bits) | (value >> (64 - bits));
}

uint64_t vlot__prng_next(vlot__prng *prng) {
  uint64_t *s = prng->state;
  uint64_t result = rotate_left(s[1] * 5, 7) * 9;
  uint64_t shifted = s[1] << 17;
  s[2] ^= s[0];
  s[3] ^= s[1];
  s[1] ^= s[2];
  s[0] ^= s[3];
  s[2] ^= shifted;
  s[3] = rotate_left(s[3], 45);
  return result;
}

/* Below 2^32 by Lemire's multiplication with rejection; above by drawing under a mask until it
 * fits. */
uint64_t vlot__prng_below(vlot__prng *prng, uint64_t bound) {
  if (bound <= 1) return 0;
  if (bound <= UINT32_MAX) {
    uint32_t narrow = (uint32_t)bound;
    uint32_t threshold = (uint32_t)(-narrow) % narrow;
    for (;;) {
      uint64_t product = (vlot__prng_next(prng) >> 32) * narrow;
      if ((uint32_t)product >= threshold) return product >> 32;
    }
  }
  uint64_t mask = UINT64_MAX >> __builtin_clzll(bound - 1);
  for (;;) {
    uint64_t drawn = vlot__prng_next(prng) & mask;
    if (drawn < bound) return drawn;
  }
}

uint64_t vlot__prng_between(vlot__prng *prng, uint64_t low, uint64_t high) {
  VLOT_ASSERT(low <= high);
  if (low == 0 && high == UINT64_MAX) return vlot__prng_next(prng);
  return low + vlot__prng_below(prng, high - low + 1);
}

bool vlot__prng_chance(vlot__prng *prng, uint32_t millionths) {
  if (millionths == 0) return false;
  return vlot__prng_below(prng, 1000000) < millionths;
}
