/* Numbers as bytes, little-endian whatever the machine is: of every encoding and hash. */
#ifndef VLOT_BASE_LITTLE_H
#define VLOT_BASE_LITTLE_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* The lowest [size <= 8] bytes of a number; returns what is behind them. */
static inline uint8_t *vlot__put_word(uint8_t *at, uint64_t value, size_t size) {
  for (size_t k = 0; k < size; k++) *at++ = (uint8_t)(value >> (8 * k));
  return at;
}
static inline uint64_t vlot__get_word(const uint8_t *at, size_t size) {
  uint64_t value = 0;
  for (size_t k = 0; k < size; k++) value |= (uint64_t)at[k] << (8 * k);
  return value;
}

/* The same of a size that is known: one load or store. */
static inline uint64_t vlot__little(uint64_t value) {
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
  return __builtin_bswap64(value);
#else
  return value;
#endif
}
static inline uint8_t *vlot__put64(uint8_t *at, uint64_t value) {
  value = vlot__little(value);
  memcpy(at, &value, 8);
  return at + 8;
}
static inline uint8_t *vlot__put32(uint8_t *at, uint32_t value) {
  return vlot__put_word(at, value, 4);
}
static inline uint8_t *vlot__put16(uint8_t *at, uint32_t value) {
  return vlot__put_word(at, value, 2);
}
static inline uint64_t vlot__get64(const uint8_t *at) {
  uint64_t value;
  memcpy(&value, at, 8);
  return vlot__little(value);
}
static inline uint32_t vlot__get32(const uint8_t *at) {
  return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}
static inline uint32_t vlot__get16(const uint8_t *at) {
  return (uint32_t)at[0] | (uint32_t)at[1] << 8;
}

#endif
