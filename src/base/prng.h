/* Seeded random numbers: xoshiro256** (Blackman and Vigna), seeded by splitmix64. The state lives
 * in its owner. Integers only and without bias, so that every platform draws the same. Never draw
 * twice in one expression: the order would be the compiler's.
 */
#ifndef VLOT_BASE_PRNG_H
#define VLOT_BASE_PRNG_H

#include <stdbool.h>
#include <stdint.h>

typedef struct vlot__prng {
  uint64_t state[4];
} vlot__prng;

/* stream separates generators of one seed (a node, a link, a disk, the schedule). */
void vlot__prng_init(vlot__prng *prng, uint64_t seed, uint64_t stream);

uint64_t vlot__prng_next(vlot__prng *prng);

/* Uniform in [0, bound); 0 for bound 0. */
uint64_t vlot__prng_below(vlot__prng *prng, uint64_t bound);

/* Uniform in [low, high]; low <= high. */
uint64_t vlot__prng_between(vlot__prng *prng, uint64_t low, uint64_t high);

/* True with probability millionths / 1,000,000. */
bool vlot__prng_chance(vlot__prng *prng, uint32_t millionths);

/* One round of splitmix64's mixing: a good hash of 64 bits. */
static inline uint64_t vlot__prng_mix(uint64_t value) {
  value += 0x9e3779b97f4a7c15u;
  value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9u;
  value = (value ^ (value >> 27)) * 0x94d049bb133111ebu;
  return value ^ (value >> 31);
}

#endif
