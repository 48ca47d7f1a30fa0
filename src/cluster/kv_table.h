/* The key-value machine's table: linear hashing, so that it grows by one bucket at a time and no
 * insertion pays for a rehash; and a hash of the whole content that is kept up to date by every
 * change.
 *
 * Nothing in it depends on addresses: the same changes in the same order give the same table,
 * bucket by bucket. While an image of it is there (kv_image.h), a bucket is copied before its first
 * change.
 */
#ifndef VLOT_CLUSTER_KV_TABLE_H
#define VLOT_CLUSTER_KV_TABLE_H

#include "vlot/base.h"

/* buckets per segment: 1 KiB, all that an empty table takes */
enum { VLOT__KV_SEGMENT = 128 };

typedef struct vlot__kv_image vlot__kv_image; /* kv_image.h */

typedef struct vlot__kv_item {
  struct vlot__kv_item *next;   /* of the same bucket */
  uint64_t hash;                /* of the key */
  union {                       /* an image reads neither */
    uint64_t digest;            /* of key and value */
    struct vlot__kv_item *gone; /* the next one that only an image needs */
  };
  uint32_t key_size;
  uint32_t value_size;
  /* bytes there are for the value: a new one that fits is written in place */
  uint32_t value_room;
  uint32_t epoch;  /* of the table when it was made */
  uint8_t bytes[]; /* key, value */
} vlot__kv_item;

typedef struct vlot__kv_segment {
  vlot__kv_item *buckets[VLOT__KV_SEGMENT];
  struct vlot__kv_segment *gone; /* as an item's */
  uint32_t epoch;
} vlot__kv_segment;

typedef struct vlot__kv_table {
  const vlot_allocator *allocator;
  vlot__kv_segment **segments; /* [segment_capacity], segment_count of them made */
  size_t segment_capacity;
  size_t segment_count;
  size_t bucket_count; /* in use */
  size_t mask;         /* 2^level - 1, where 2^level <= bucket_count < 2^(level + 1) */
  uint64_t count;
  uint64_t digest; /* sum over the items, so that no order matters */
  /* shares with the table what has an earlier epoch, so that it must not be changed; NULL: nobody
   * does */
  vlot__kv_image *image;
  uint32_t epoch;
} vlot__kv_table;

/* VLOT_NOMEM: nothing was made. */
VLOT_MUST_CHECK vlot_result vlot__kv_table_init(vlot__kv_table *table,
                                                const vlot_allocator *allocator);
void vlot__kv_table_deinit(vlot__kv_table *table);

/* The item of a key, borrowed until the next change; NULL. */
const vlot__kv_item *vlot__kv_table_get(const vlot__kv_table *table, const void *key,
                                        size_t key_size);

/* Store a value under a key; neither may lie in the table. VLOT_NOMEM: nothing has changed. */
VLOT_MUST_CHECK vlot_result vlot__kv_table_set(vlot__kv_table *table, const void *key,
                                               size_t key_size, const void *value,
                                               size_t value_size);

/* Was the key there? It is not any more. VLOT_NOMEM (only while an image is there): nothing has
 * changed. */
VLOT_MUST_CHECK vlot_result vlot__kv_table_delete(vlot__kv_table *table, const void *key,
                                                  size_t key_size, bool *was_there);

/* Equal contents, equal hashes; in constant time. */
uint64_t vlot__kv_table_hash(const vlot__kv_table *table);

/* First item of a bucket; bucket < bucket_count. */
static inline const vlot__kv_item *vlot__kv_table_bucket(const vlot__kv_table *table,
                                                         size_t bucket) {
  return table->segments[bucket / VLOT__KV_SEGMENT]->buckets[bucket % VLOT__KV_SEGMENT];
}

static inline const uint8_t *vlot__kv_item_value(const vlot__kv_item *item) {
  return item->bytes + item->key_size;
}

#endif
