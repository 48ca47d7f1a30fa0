#include "raft/quorum.h"

#include <stddef.h>

static void swap(uint64_t *a, uint64_t *b) {
  uint64_t kept = *a;
  *a = *b;
  *b = kept;
}

/* Quickselect: the value that would stand at position k if values were sorted downwards. Three
 * ways, because equal values are the usual case here (all peers hold everything), and two ways
 * would be quadratic in them.
 */
static uint64_t select_descending(uint64_t *values, uint32_t count, uint32_t k) {
  uint32_t low = 0, high = count; /* position k lies in [low, high) */
  for (;;) {
    uint64_t pivot = values[low + (high - low) / 2];
    /* [low, equal) is above the pivot, [below, high) is below it */
    uint32_t equal = low, below = high;
    for (uint32_t i = low; i < below;) {
      if (values[i] > pivot)
        swap(&values[i++], &values[equal++]);
      else if (values[i] < pivot)
        swap(&values[i], &values[--below]);
      else
        i++;
    }
    if (k < equal)
      high = equal;
    else if (k >= below)
      low = below;
    else
      return pivot;
  }
}

uint64_t vlot__quorum_reached(uint64_t *values, uint32_t count) {
  return count > 0 ? select_descending(values, count, vlot__quorum_of(count) - 1) : 0;
}
