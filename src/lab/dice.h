/* The simulator's own random choices: splitmix64, integers only, so that a seed means the same
 * everywhere. Never draw twice in one expression: the order would be the compiler's.
 */
#ifndef VLOT_LAB_DICE_H
#define VLOT_LAB_DICE_H

#include <stdbool.h>
#include <stdint.h>

typedef struct vlot__dice {
  uint64_t state;
} vlot__dice;

static inline uint64_t vlot__dice_next(vlot__dice *dice) {
  uint64_t value = dice->state += 0x9e3779b97f4a7c15u;
  value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9u;
  value = (value ^ (value >> 27)) * 0x94d049bb133111ebu;
  return value ^ (value >> 31);
}

/* Streams of one seed are independent of each other. */
static inline vlot__dice vlot__dice_of(uint64_t seed, uint64_t stream) {
  vlot__dice dice = {seed};
  uint64_t mixed = vlot__dice_next(&dice);
  dice.state = mixed ^ (stream * 0xd1342543de82ef95u);
  vlot__dice_next(&dice);
  return dice;
}

/* Uniform in [0, bound), bound > 0: what lies beyond the last whole multiple is drawn again. */
static inline uint64_t vlot__dice_below(vlot__dice *dice, uint64_t bound) {
  uint64_t surplus = (0 - bound) % bound, value;
  do value = vlot__dice_next(dice);
  while (value < surplus);
  return value % bound;
}

/* Uniform in [low, high]. */
static inline uint64_t vlot__dice_between(vlot__dice *dice, uint64_t low, uint64_t high) {
  return low + vlot__dice_below(dice, high - low + 1);
}

static inline bool vlot__dice_chance(vlot__dice *dice, uint32_t permille) {
  return vlot__dice_below(dice, 1000) < permille;
}

#endif
