/* Things that will happen, and a heap of them, the earliest first: the pending list of lockstep,
 * and mail that links delay.
 */
#ifndef VLOT_CLUSTER_ITEM_H
#define VLOT_CLUSTER_ITEM_H

#include "cluster/parcel.h"
#include "vlot/cluster.h"

typedef struct vlot__item vlot__item;

struct vlot__item {
  uint64_t due;
  uint64_t tie; /* order among those due at the same tick; then the id */
  uint64_t id;
  vlot__item *next; /* in a pool */
  size_t place;     /* in a heap */
  uint32_t kind;    /* vlot_pending_kind */
  uint32_t node;
  uint32_t from;
  uint32_t mail_kind; /* 0: it is no mail */
  uint32_t message_kind;
  uint32_t size;
  uint32_t capacity;
  bool is_held;
  uint8_t payload[] __attribute__((aligned(8)));
};

/* Room for a payload of so many bytes; NULL without memory. */
vlot__item *vlot__item_make(const vlot_allocator *allocator, size_t capacity);

/* Make a listed mail of a parcel, whose payload is copied into room for all of it. */
void vlot__item_fill(vlot__item *item, const vlot__parcel *parcel);

/* The parcel of a listed mail again. */
vlot__parcel vlot__item_parcel(vlot__item *item);

typedef struct vlot__heap {
  vlot__item **items; /* by (due, tie, id) */
  size_t count;
  size_t capacity;
} vlot__heap;

bool vlot__item_is_before(const vlot__item *a, const vlot__item *b);
VLOT_MUST_CHECK bool vlot__heap_reserve(vlot__heap *heap, const vlot_allocator *allocator,
                                        size_t more);
void vlot__heap_push(vlot__heap *heap, vlot__item *item); /* into room that was reserved */
void vlot__heap_take_out(vlot__heap *heap, vlot__item *item);
void vlot__heap_sift_up(vlot__heap *heap, vlot__item *item);   /* it may be due earlier now */
void vlot__heap_sift_down(vlot__heap *heap, vlot__item *item); /* later */

#endif
