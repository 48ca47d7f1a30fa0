#include "raft/quorum.h"

#include <stddef.h>

static void swap(uint64_t *a, uint64_t *b) {
  uint64_t kept = *a;
  *a = *b;
  *b = kept;
}

/* Quickselect: the value that would stand at position k if values were sorted downwards. */
static uint64_t select_descending(uint64_t *values, uint32_t count, uint32_t k) {
  uint32_t low = 0, high = count - 1;
  while (low < high) {
    swap(&values[low + (high - low) / 2], &values[high]);
    uint32_t kept = low;
    for (uint32_t i = low; i < high; i++)
      if (values[i] > values[high]) swap(&values[i], &values[kept++]);
    swap(&values[kept], &values[high]);
    if (kept == k) return values[k];
    if (kept < k) low = kept + 1;
    else high = kept - 1;
  }
  return values[k];
}

uint64_t vlot__quorum_reached(uint64_t *values, uint32_t count) {
  return count > 0 ? select_descending(values, count, vlot__quorum_of(count) - 1) : 0;
}
