/* Sequence numbers under way. Neighbouring numbers never collide; the table doubles when an old one
 * is overtaken by a whole table's length.
 */
#include "flights.h"

#include <stdlib.h>

static bool grow(vlot__flights *flights) {
  uint32_t size = flights->size ? flights->size * 2 : 256;
  vlot__flight *slots = size ? calloc(size, sizeof *slots) : NULL;
  if (!slots) return false;
  /* Numbers that differ in the lower bits also differ in more of them. */
  for (uint32_t k = 0; k < flights->size; k++)
    if (flights->slots[k].is_busy)
      slots[flights->slots[k].sequence & (size - 1)] = flights->slots[k];
  free(flights->slots);
  flights->slots = slots;
  flights->size = size;
  return true;
}

bool vlot__flights_add(vlot__flights *flights, uint64_t sequence, uint32_t item) {
  while (flights->size == 0 || flights->slots[sequence & (flights->size - 1)].is_busy)
    if (!grow(flights)) return false;
  flights->slots[sequence & (flights->size - 1)] =
      (vlot__flight){.sequence = sequence, .item = item, .is_busy = 1};
  flights->count++;
  return true;
}

bool vlot__flights_take(vlot__flights *flights, uint64_t sequence, uint32_t *item) {
  if (flights->size == 0) return false;
  vlot__flight *slot = &flights->slots[sequence & (flights->size - 1)];
  if (!slot->is_busy || slot->sequence != sequence) return false;
  slot->is_busy = 0;
  flights->count--;
  *item = slot->item;
  return true;
}

void vlot__flights_deinit(vlot__flights *flights) {
  free(flights->slots);
  *flights = (vlot__flights){0};
}
