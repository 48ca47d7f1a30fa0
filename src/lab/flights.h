/* Which item a client's sequence number stands for, while its answer is under way. Sequence numbers
 * grow; answers come in any order.
 */
#ifndef VLOT_LAB_FLIGHTS_H
#define VLOT_LAB_FLIGHTS_H

#include <stdbool.h>
#include <stdint.h>

typedef struct vlot__flight {
  uint64_t sequence;
  uint32_t item;
  uint32_t is_busy;
} vlot__flight;

typedef struct vlot__flights {
  vlot__flight *slots; /* [size], by the lower bits of the sequence */
  uint32_t size;       /* a power of two */
  uint32_t count;
} vlot__flights;

/* false: out of memory, nothing has changed. */
bool vlot__flights_add(vlot__flights *flights, uint64_t sequence, uint32_t item);

/* Take it out; false: there is no such number. */
bool vlot__flights_take(vlot__flights *flights, uint64_t sequence, uint32_t *item);

void vlot__flights_deinit(vlot__flights *flights);

#endif
