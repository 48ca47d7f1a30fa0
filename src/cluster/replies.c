#include "cluster/replies.h"

#include <string.h>

#include "base/alloc.h"
#include "base/problem.h"

void vlot__replies_init(vlot_replies *replies, const vlot_allocator *allocator) {
  *replies = (vlot_replies){.allocator = vlot__alloc_or_default(allocator)};
}

void vlot__replies_deinit(vlot_replies *replies) {
  vlot__alloc_free(replies->allocator, replies->replies);
  vlot__alloc_free(replies->allocator, replies->bytes);
}

vlot_result vlot__replies_begin(vlot_replies *replies, uint32_t count) {
  replies->count = 0;
  replies->byte_count = 0;
  void *grown = replies->replies;
  if (!vlot__alloc_grow(replies->allocator, &grown, &replies->reply_capacity, count,
                        sizeof *replies->replies))
    return VLOT_NOMEM;
  replies->replies = grown;
  if (count > 0) memset(replies->replies, 0, count * sizeof *replies->replies);
  replies->count = count;
  return VLOT_OK;
}

/* Room for an answer that has none yet; false: it is empty. */
static bool find_place(vlot_replies *replies, vlot__reply *reply, size_t size) {
  void *grown = replies->bytes;
  reply->size = 0;
  reply->lack = size > VLOT_REPLY_BYTES_MAX ? VLOT_WHY_REPLY_TOO_LARGE : VLOT_WHY_NO_MEMORY;
  if (size > VLOT_REPLY_BYTES_MAX || size > SIZE_MAX / 2 - replies->byte_count) return false;
  if (!vlot__alloc_grow(replies->allocator, &grown, &replies->byte_capacity,
                        replies->byte_count + size, 1))
    return false;
  replies->bytes = grown;
  reply->offset = replies->byte_count;
  replies->byte_count += size;
  return true;
}

uint8_t *vlot__replies_place(vlot_replies *replies, uint32_t k, size_t size) {
  if (!replies || k >= replies->count) return NULL;
  vlot__reply *reply = &replies->replies[k];
  /* an earlier answer that was as long gives its place */
  if (size > reply->size && !find_place(replies, reply, size)) return NULL;
  reply->lack = VLOT_WHY_NONE;
  reply->size = size;
  return size > 0 ? replies->bytes + reply->offset : NULL;
}

vlot_result vlot_replies_set(vlot_replies *replies, uint32_t k, const void *data, size_t size) {
  if (!replies) return VLOT_OK;
  if (k >= replies->count || (size > 0 && !data))
    return vlot__refuse_value(VLOT_INVALID,
                              "k {0}: below {1}; and data is needed where size is not 0", k,
                              replies->count);
  uint8_t *place = vlot__replies_place(replies, k, size);
  if (size == 0) return VLOT_OK;
  if (!place) {
    vlot_why lack = vlot__replies_lack(replies, k);
    return vlot__refuse(vlot__replies_lack_result(lack), vlot_why_text(lack));
  }
  memcpy(place, data, size);
  return VLOT_OK;
}
