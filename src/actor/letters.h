/* The ledger of dead letters of a system: a ring of the last ones and a count per why. */
#ifndef VLOT_ACTOR_LETTERS_H
#define VLOT_ACTOR_LETTERS_H

#include <pthread.h>

#include "vlot/actor.h"

#define VLOT__WHYS_MAX 128 /* beyond every number of VLOT_WHYS */

typedef struct vlot__letters {
  pthread_mutex_t lock;
  vlot_letter *ring; /* [capacity] */
  uint32_t capacity;
  uint64_t total;
  uint64_t by_why[VLOT__WHYS_MAX];
} vlot__letters;

bool vlot__letters_init(vlot__letters *letters, const vlot_allocator *allocator, uint32_t capacity);
void vlot__letters_deinit(vlot__letters *letters, const vlot_allocator *allocator);
void vlot__letters_add(vlot__letters *letters, const vlot_letter *letter);
size_t vlot__letters_copy(vlot__letters *letters, vlot_letter *out, size_t max);
uint64_t vlot__letters_count(vlot__letters *letters, vlot_why why);

#endif
