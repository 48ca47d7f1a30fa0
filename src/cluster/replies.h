/* The answers to one batch of commands: per command where its answer lies, and one block of bytes
 * for all of them. Memory is kept from batch to batch, so that a steady load allocates nothing.
 */
#ifndef VLOT_CLUSTER_REPLIES_H
#define VLOT_CLUSTER_REPLIES_H

#include "vlot/machine.h"

typedef struct vlot__reply {
  size_t offset; /* in bytes */
  size_t size;   /* 0: not answered, or empty */
  uint32_t lack; /* vlot_why: there was an answer, and it could not be kept; NONE */
} vlot__reply;

struct vlot_replies {
  const vlot_allocator *allocator;
  vlot__reply *replies; /* [reply_capacity] */
  uint8_t *bytes;       /* [byte_capacity], byte_count in use */
  size_t reply_capacity;
  size_t byte_capacity;
  size_t byte_count;
  uint32_t count; /* commands of the batch under way */
};

void vlot__replies_init(vlot_replies *replies, const vlot_allocator *allocator);
void vlot__replies_deinit(vlot_replies *replies);

/* Forget the last batch; the next one has [count] commands, all of them unanswered. VLOT_NOMEM:
 * there are none (count 0).
 */
VLOT_MUST_CHECK vlot_result vlot__replies_begin(vlot_replies *replies, uint32_t count);

/* Room for the k-th answer, [size] bytes to be filled before the next call; its earlier answer is
 * gone. NULL: without memory, above VLOT_REPLY_BYTES_MAX, with size 0 or with k outside the batch;
 * the answer is empty then, and vlot__replies_lack() says what it lacks. replies may be NULL.
 */
uint8_t *vlot__replies_place(vlot_replies *replies, uint32_t k, size_t size);

/* The k-th answer, borrowed until the next call that changes the replies; empty when nobody
 * answered. k < count.
 */
static inline void vlot__replies_get(const vlot_replies *replies, uint32_t k, const uint8_t **data,
                                     size_t *size) {
  const vlot__reply *reply = &replies->replies[k];
  *data = reply->size > 0 ? replies->bytes + reply->offset : NULL;
  *size = reply->size;
}

/* Why the k-th answer is empty although there was one; NONE. k < count. */
static inline vlot_why vlot__replies_lack(const vlot_replies *replies, uint32_t k) {
  return (vlot_why)replies->replies[k].lack;
}

/* What that is for who asked; OK where it lacks nothing. */
static inline vlot_result vlot__replies_lack_result(vlot_why lack) {
  if (lack == VLOT_WHY_NONE) return VLOT_OK;
  vlot_result result = VLOT_TOO_LARGE;
  if (lack == VLOT_WHY_NO_MEMORY) result = VLOT_NOMEM;
  return result;
}

#endif
