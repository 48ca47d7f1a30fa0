/* The key-value machine as a stream: mark 8 · items 8 · each key size 4, value size 4, key, value ·
 * hash of the state 8.
 */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/little.h"
#include "cluster/kv.h"
#include "cluster/kv_image.h"

enum { BUFFER = 4096 };

static const uint8_t mark[8] = {'v', 'l', 'o', 't', '-', 'k', 'v', 1};

/* --- out --- */

typedef struct sink {
  const vlot_writer *writer;
  vlot_result result; /* the first error; nothing is written after it */
  size_t used;
  uint8_t buffer[BUFFER];
} sink;

static void sink_flush(sink *out) {
  if (out->result == VLOT_OK && out->used > 0)
    out->result = out->writer->write(out->writer->context, out->buffer, out->used);
  out->used = 0;
}

static void sink_put(sink *out, const void *data, size_t size) {
  if (size > BUFFER - out->used) sink_flush(out);
  if (size > BUFFER) {
    if (out->result == VLOT_OK) out->result = out->writer->write(out->writer->context, data, size);
  } else if (size > 0) {
    memcpy(out->buffer + out->used, data, size);
    out->used += size;
  }
}

static void sink_number(sink *out, uint64_t value, size_t size) {
  uint8_t bytes[8];
  vlot__put_word(bytes, value, size);
  sink_put(out, bytes, size);
}

/* What a table has grown to, and how its buckets are ordered, depends on what it once held, and on
 * whether it was restored: bytes shall depend on its content only. So items go out by classes, the
 * lowest bits of their hash, which any table keeps apart, and sorted within each.
 */
typedef struct item_class {
  const vlot__kv_item **items;
  void *room;
  size_t capacity;
  size_t count;
} item_class;

static int compare_items(const void *left, const void *right) {
  const vlot__kv_item *a = *(const vlot__kv_item *const *)left,
                      *b = *(const vlot__kv_item *const *)right;
  if (a->hash != b->hash) return a->hash < b->hash ? -1 : 1;
  if (a->key_size != b->key_size) return a->key_size < b->key_size ? -1 : 1;
  return memcmp(a->bytes, b->bytes, a->key_size);
}

static vlot_result class_gather(item_class *all, const vlot__kv_table *table, size_t first) {
  all->count = 0;
  for (size_t bucket = first; bucket < table->bucket_count; bucket += VLOT__KV_SEGMENT) {
    for (const vlot__kv_item *item = vlot__kv_table_bucket(table, bucket); item;
         item = item->next) {
      if (!vlot__alloc_grow(table->allocator, &all->room, &all->capacity, all->count + 1,
                            sizeof *all->items))
        return VLOT_NOMEM;
      all->items = all->room;
      all->items[all->count++] = item;
    }
  }
  if (all->count > 1) qsort(all->items, all->count, sizeof *all->items, compare_items);
  return VLOT_OK;
}

static void sink_item(sink *out, const vlot__kv_item *item) {
  sink_number(out, item->key_size, 4);
  sink_number(out, item->value_size, 4);
  sink_put(out, item->bytes, (size_t)item->key_size + item->value_size);
}

static vlot_result write_table(const vlot__kv_table *table, const vlot_writer *writer) {
  sink out = {.writer = writer, .result = VLOT_OK};
  item_class all = {0};
  sink_put(&out, mark, sizeof mark);
  sink_number(&out, table->count, 8);
  for (size_t first = 0; out.result == VLOT_OK && first < VLOT__KV_SEGMENT; first++) {
    out.result = class_gather(&all, table, first);
    for (size_t k = 0; out.result == VLOT_OK && k < all.count; k++) sink_item(&out, all.items[k]);
  }
  sink_number(&out, vlot__kv_table_hash(table), 8);
  sink_flush(&out);
  vlot__alloc_free(table->allocator, all.room);
  return out.result;
}

vlot_result vlot__kv_snapshot(void *state, const vlot_writer *writer) {
  return write_table(&((vlot__kv *)state)->table, writer);
}

void *vlot__kv_freeze(void *state) { return vlot__kv_image_make(&((vlot__kv *)state)->table); }

vlot_result vlot__kv_image_write(void *image, const vlot_writer *writer) {
  return write_table(vlot__kv_image_table(image), writer);
}

void vlot__kv_image_end(void *image) { vlot__kv_image_free(image); }

/* --- in --- */

typedef struct source {
  const vlot_reader *reader;
  size_t at;
  size_t used;
  uint8_t buffer[BUFFER];
} source;

/* What the reader has; *got 0: the end. A reader that claims more than it was asked for is not
 * believed.
 */
static vlot_result source_read(source *in, void *data, size_t size, size_t *got) {
  *got = 0;
  vlot_result result = in->reader->read(in->reader->context, data, size, got);
  return result == VLOT_OK && *got > size ? VLOT_CORRUPT : result;
}

static vlot_result source_fill(source *in) {
  in->at = in->used = 0;
  return source_read(in, in->buffer, BUFFER, &in->used);
}

static vlot_result source_take(source *in, void *data, size_t size) {
  uint8_t *to = data;
  while (size > 0) {
    if (in->at == in->used) {
      vlot_result result = source_fill(in);
      if (result != VLOT_OK) return result;
      if (in->used == 0) return VLOT_CORRUPT; /* it ends too early */
    }
    size_t part = in->used - in->at < size ? in->used - in->at : size;
    memcpy(to, in->buffer + in->at, part);
    in->at += part;
    to += part;
    size -= part;
  }
  return VLOT_OK;
}

static vlot_result source_number(source *in, size_t size, uint64_t *value) {
  uint8_t bytes[8];
  vlot_result result = source_take(in, bytes, size);
  *value = result == VLOT_OK ? vlot__get_word(bytes, size) : 0;
  return result;
}

static vlot_result source_end(source *in) {
  if (in->at < in->used) return VLOT_CORRUPT;
  vlot_result result = source_fill(in);
  return result == VLOT_OK && in->used > 0 ? VLOT_CORRUPT : result;
}

/* A growable place for one item on its way into the table. */
typedef struct scratch {
  const vlot_allocator *allocator;
  void *bytes;
  size_t capacity;
} scratch;

static vlot_result restore_item(vlot__kv_table *table, source *in, scratch *room) {
  uint64_t key_size, value_size;
  vlot_result result = source_number(in, 4, &key_size);
  if (result == VLOT_OK) result = source_number(in, 4, &value_size);
  if (result != VLOT_OK) return result;
  if (key_size == 0 || key_size > VLOT__KV_KEY_MAX || value_size > VLOT__KV_VALUE_MAX)
    return VLOT_CORRUPT;
  size_t size = (size_t)(key_size + value_size);
  if (!vlot__alloc_grow(room->allocator, &room->bytes, &room->capacity, size, 1)) return VLOT_NOMEM;
  result = source_take(in, room->bytes, size);
  if (result != VLOT_OK) return result;
  const uint8_t *key = room->bytes;
  if (vlot__kv_table_get(table, key, (size_t)key_size)) return VLOT_CORRUPT; /* twice */
  return vlot__kv_table_set(table, key, (size_t)key_size, key + key_size, (size_t)value_size);
}

static vlot_result restore_table(vlot__kv_table *table, source *in, scratch *room) {
  uint8_t head[sizeof mark];
  uint64_t count = 0, hash = 0;
  vlot_result result = source_take(in, head, sizeof head);
  if (result == VLOT_OK && memcmp(head, mark, sizeof mark) != 0) result = VLOT_CORRUPT;
  if (result == VLOT_OK) result = source_number(in, 8, &count);
  for (uint64_t k = 0; result == VLOT_OK && k < count; k++) result = restore_item(table, in, room);
  if (result == VLOT_OK) result = source_number(in, 8, &hash);
  if (result == VLOT_OK && hash != vlot__kv_table_hash(table)) result = VLOT_CORRUPT;
  if (result == VLOT_OK) result = source_end(in);
  return result;
}

vlot_result vlot__kv_restore(void *state, const vlot_reader *reader) {
  vlot__kv *kv = state;
  vlot__kv_table fresh;
  vlot_result result = vlot__kv_table_init(&fresh, kv->allocator);
  if (result != VLOT_OK) return result;
  source in = {.reader = reader};
  scratch room = {.allocator = kv->allocator};
  result = restore_table(&fresh, &in, &room);
  vlot__alloc_free(kv->allocator, room.bytes);
  if (result == VLOT_OK) {
    vlot__kv_table old = kv->table;
    kv->table = fresh;
    fresh = old;
  }
  vlot__kv_table_deinit(&fresh);
  return result;
}
