#include "cluster/kv_table.h"

#include <string.h>

#include "base/alloc.h"
#include "base/little.h"
#include "base/prng.h"
#include "cluster/kv_image.h"

/* --- hashing: by value, 8 bytes at a time, the same on every platform --- */

static uint64_t hash_bytes(const void *bytes, size_t size) {
  const uint8_t *data = bytes;
  uint64_t hash = size * 0x9fb21c651e98df25u;
  for (; size >= 8; size -= 8, data += 8) {
    hash = (hash ^ vlot__get64(data)) * 0xd6e8feb86659fd93u;
    hash ^= hash >> 32;
  }
  if (size > 0) hash = (hash ^ vlot__get_word(data, size)) * 0xd6e8feb86659fd93u;
  return vlot__prng_mix(hash);
}

static uint64_t digest_of(uint64_t key_hash, const void *value, size_t size) {
  return vlot__prng_mix(key_hash * 0xa0761d6478bd642fu + hash_bytes(value, size));
}

uint64_t vlot__kv_table_hash(const vlot__kv_table *table) {
  return vlot__prng_mix(table->digest + vlot__prng_mix(table->count));
}

/* --- buckets --- */

vlot_result vlot__kv_table_init(vlot__kv_table *table, const vlot_allocator *allocator) {
  *table = (vlot__kv_table){.allocator = allocator};
  void *segments = NULL;
  if (!vlot__alloc_grow(allocator, &segments, &table->segment_capacity, 1,
                        sizeof(vlot__kv_segment *)))
    return VLOT_NOMEM;
  table->segments = segments;
  table->segments[0] = vlot__alloc_zero(allocator, 1, sizeof(vlot__kv_segment));
  if (!table->segments[0]) {
    vlot__alloc_free(allocator, segments);
    return VLOT_NOMEM;
  }
  table->segment_count = 1;
  table->bucket_count = VLOT__KV_SEGMENT;
  table->mask = VLOT__KV_SEGMENT - 1;
  return VLOT_OK;
}

static vlot__kv_item **bucket_at(const vlot__kv_table *table, size_t bucket) {
  return &table->segments[bucket / VLOT__KV_SEGMENT]->buckets[bucket % VLOT__KV_SEGMENT];
}

/* Does an image need what was made in that epoch? */
static bool is_frozen(const vlot__kv_table *table, uint32_t epoch) {
  return table->image && epoch != table->epoch;
}

static void leave_item(const vlot__kv_table *table, vlot__kv_item *item, vlot__kv_gone *gone) {
  if (!is_frozen(table, item->epoch)) {
    vlot__alloc_free(table->allocator, item);
    return;
  }
  item->gone = gone->items;
  gone->items = item;
}

static void leave_segment(const vlot__kv_table *table, vlot__kv_segment *segment,
                          vlot__kv_gone *gone) {
  if (!is_frozen(table, segment->epoch)) {
    vlot__alloc_free(table->allocator, segment);
    return;
  }
  segment->gone = gone->segments;
  gone->segments = segment;
}

void vlot__kv_table_deinit(vlot__kv_table *table) {
  vlot__kv_gone gone = {0};
  for (size_t bucket = 0; bucket < table->bucket_count; bucket++) {
    vlot__kv_item *item = *bucket_at(table, bucket);
    while (item) {
      vlot__kv_item *next = item->next;
      leave_item(table, item, &gone);
      item = next;
    }
  }
  for (size_t k = 0; k < table->segment_count; k++) leave_segment(table, table->segments[k], &gone);
  if (table->image) vlot__kv_image_leave(table, gone);
  vlot__kv_image_part(table);
  vlot__alloc_free(table->allocator, table->segments);
}

/* --- what is shared with an image is copied before it is changed --- */

static bool own_segment(vlot__kv_table *table, size_t bucket, vlot__kv_gone *gone) {
  vlot__kv_segment **place = &table->segments[bucket / VLOT__KV_SEGMENT];
  vlot__kv_segment *old = *place;
  if (!is_frozen(table, old->epoch)) return true;
  vlot__kv_segment *copy = vlot__alloc(table->allocator, 1, sizeof *copy);
  if (!copy) return false;
  memcpy((void *)copy->buckets, (const void *)old->buckets, sizeof copy->buckets);
  copy->epoch = table->epoch;
  *place = copy;
  leave_segment(table, old, gone);
  return true;
}

static vlot__kv_item *copy_item(const vlot__kv_table *table, const vlot__kv_item *item) {
  size_t size = sizeof *item + item->key_size + item->value_room;
  vlot__kv_item *copy = vlot__alloc(table->allocator, 1, size);
  if (!copy) return NULL;
  /* not what an image's table has left behind in `gone`, nor a room that nobody has written to */
  memcpy(copy, item, sizeof *item + item->key_size + item->value_size);
  copy->epoch = table->epoch;
  return copy;
}

/* Its segment and its items are the table's own from here on. Without memory the table holds what
 * it held, whatever was copied. */
static bool own_bucket(vlot__kv_table *table, size_t bucket) {
  if (!table->image) return true;
  vlot__kv_gone gone = {0};
  bool has_room = own_segment(table, bucket, &gone);
  for (vlot__kv_item **link = bucket_at(table, bucket); has_room && *link; link = &(*link)->next) {
    vlot__kv_item *old = *link;
    if (!is_frozen(table, old->epoch)) continue;
    vlot__kv_item *copy = copy_item(table, old);
    has_room = copy != NULL;
    if (!copy) break;
    *link = copy;
    leave_item(table, old, &gone);
  }
  if (gone.items || gone.segments) vlot__kv_image_leave(table, gone);
  return has_room;
}

/* Buckets below bucket_count - 2^level have been split already: their keys use one bit more. */
static size_t bucket_of(const vlot__kv_table *table, uint64_t hash) {
  size_t bucket = (size_t)hash & (table->mask * 2 + 1);
  return bucket < table->bucket_count ? bucket : bucket & table->mask;
}

static bool grow_segments(vlot__kv_table *table) {
  if (table->bucket_count < table->segment_count * VLOT__KV_SEGMENT) return true;
  void *grown = table->segments;
  if (!vlot__alloc_grow(table->allocator, &grown, &table->segment_capacity,
                        table->segment_count + 1, sizeof(vlot__kv_segment *)))
    return false;
  table->segments = grown;
  vlot__kv_segment *segment = vlot__alloc_zero(table->allocator, 1, sizeof *segment);
  if (!segment) return false;
  segment->epoch = table->epoch;
  table->segments[table->segment_count++] = segment;
  return true;
}

/* One more bucket: it takes its share of the one whose turn it is. Without memory the chains just
 * get longer.
 */
static void grow(vlot__kv_table *table) {
  size_t fresh = table->bucket_count;
  if (!grow_segments(table) || !own_bucket(table, fresh & table->mask) || !own_bucket(table, fresh))
    return;
  table->bucket_count++;
  vlot__kv_item **from = bucket_at(table, fresh & table->mask);
  vlot__kv_item **to = bucket_at(table, fresh);
  while (*from) {
    vlot__kv_item *item = *from;
    if (((size_t)item->hash & (table->mask * 2 + 1)) == fresh) {
      *from = item->next;
      item->next = NULL;
      *to = item;
      to = &item->next;
    } else {
      from = &item->next;
    }
  }
  if (table->bucket_count == table->mask * 2 + 2) table->mask = table->mask * 2 + 1;
}

/* The pointer to the item of a key, or the end of the chain where it would stand. */
static vlot__kv_item **find(const vlot__kv_table *table, uint64_t hash, const void *key,
                            size_t key_size) {
  vlot__kv_item **link = bucket_at(table, bucket_of(table, hash));
  while (*link) {
    const vlot__kv_item *item = *link;
    if (item->hash == hash && item->key_size == key_size && memcmp(item->bytes, key, key_size) == 0)
      break;
    link = &(*link)->next;
  }
  return link;
}

const vlot__kv_item *vlot__kv_table_get(const vlot__kv_table *table, const void *key,
                                        size_t key_size) {
  return *find(table, hash_bytes(key, key_size), key, key_size);
}

/* --- changes --- */

static vlot__kv_item *item_make(vlot__kv_table *table, const void *key, size_t key_size,
                                size_t value_size) {
  size_t bytes =
      (key_size + value_size + 7) / 8 * 8; /* a number that gains a digit stays in place */
  vlot__kv_item *item = vlot__alloc(table->allocator, 1, sizeof *item + bytes);
  if (!item) return NULL;
  item->next = NULL;
  item->epoch = table->epoch;
  item->key_size = (uint32_t)key_size;
  item->value_room = (uint32_t)(bytes - key_size);
  memcpy(item->bytes, key, key_size);
  return item;
}

/* Fits, and not by wasting what a much larger value has left behind. */
static bool item_has_room(const vlot__kv_item *item, size_t value_size) {
  return value_size <= item->value_room && item->value_room <= value_size * 2 + 64;
}

vlot_result vlot__kv_table_set(vlot__kv_table *table, const void *key, size_t key_size,
                               const void *value, size_t value_size) {
  uint64_t hash = hash_bytes(key, key_size);
  if (!own_bucket(table, bucket_of(table, hash))) return VLOT_NOMEM;
  vlot__kv_item **link = find(table, hash, key, key_size);
  vlot__kv_item *old = *link;
  vlot__kv_item *item = old;
  if (!old || !item_has_room(old, value_size)) {
    item = item_make(table, key, key_size, value_size);
    if (!item) return VLOT_NOMEM;
    item->hash = hash;
  }

  if (old)
    table->digest -= old->digest;
  else
    table->count++;
  if (value_size > 0) memcpy(item->bytes + key_size, value, value_size);
  item->value_size = (uint32_t)value_size;
  item->digest = digest_of(hash, value, value_size);
  table->digest += item->digest;
  if (item != old) {
    item->next = old ? old->next : NULL;
    *link = item;
    vlot__alloc_free(table->allocator, old);
  }
  if (table->count > table->bucket_count) grow(table);
  return VLOT_OK;
}

vlot_result vlot__kv_table_delete(vlot__kv_table *table, const void *key, size_t key_size,
                                  bool *was_there) {
  uint64_t hash = hash_bytes(key, key_size);
  *was_there = *find(table, hash, key, key_size) != NULL;
  if (!*was_there) return VLOT_OK;
  if (!own_bucket(table, bucket_of(table, hash))) return VLOT_NOMEM;
  vlot__kv_item **link = find(table, hash, key, key_size), *item = *link;
  *link = item->next;
  table->digest -= item->digest;
  table->count--;
  vlot__alloc_free(table->allocator, item);
  return VLOT_OK;
}
