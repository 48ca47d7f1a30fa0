#include "cluster/kv_image.h"

#include <string.h>

#include "base/alloc.h"
#include "base/lock.h"

/* Two know it: who froze it, and the table. The second to leave frees the struct. */
struct vlot__kv_image {
  const vlot_allocator *allocator;
  vlot__kv_table frozen; /* segments: its own array of the table's segments */
  pthread_mutex_t lock;  /* of what follows */
  bool is_read;          /* who froze it has it still */
  bool has_table;
  vlot__kv_gone gone; /* what only it needs */
};

static void free_gone(const vlot_allocator *allocator, vlot__kv_gone gone) {
  while (gone.items) {
    vlot__kv_item *next = gone.items->gone;
    vlot__alloc_free(allocator, gone.items);
    gone.items = next;
  }
  while (gone.segments) {
    vlot__kv_segment *next = gone.segments->gone;
    vlot__alloc_free(allocator, gone.segments);
    gone.segments = next;
  }
}

static void free_image(vlot__kv_image *image) {
  pthread_mutex_destroy(&image->lock);
  vlot__alloc_free(image->allocator, image);
}

void vlot__kv_image_part(vlot__kv_table *table) {
  vlot__kv_image *image = table->image;
  table->image = NULL;
  if (!image) return;
  vlot__lock(&image->lock);
  image->has_table = false;
  bool is_last = !image->is_read;
  vlot__unlock(&image->lock);
  if (is_last) free_image(image);
}

/* Chains are short, but for a table that ends. */
static void put_first(vlot__kv_gone *all, vlot__kv_gone more) {
  vlot__kv_item **items = &more.items;
  vlot__kv_segment **segments = &more.segments;
  while (*items) items = &(*items)->gone;
  while (*segments) segments = &(*segments)->gone;
  *items = all->items;
  *segments = all->segments;
  *all = more;
}

void vlot__kv_image_leave(vlot__kv_table *table, vlot__kv_gone gone) {
  vlot__kv_image *image = table->image;
  vlot__lock(&image->lock);
  bool is_read = image->is_read;
  if (is_read) put_first(&image->gone, gone);
  vlot__unlock(&image->lock);
  if (is_read) return;
  vlot__kv_image_part(table);
  free_gone(table->allocator, gone);
}

static bool has_image(vlot__kv_table *table) {
  if (table->image) vlot__kv_image_leave(table, (vlot__kv_gone){0});
  return table->image != NULL;
}

vlot__kv_image *vlot__kv_image_make(vlot__kv_table *table) {
  if (has_image(table)) return NULL;
  const vlot_allocator *allocator = table->allocator;
  vlot__kv_image *image = vlot__alloc_zero(allocator, 1, sizeof *image);
  if (!image) return NULL;
  image->frozen = *table;
  image->frozen.segments = vlot__alloc(allocator, table->segment_count, sizeof(vlot__kv_segment *));
  if (!image->frozen.segments || !vlot__lock_init(&image->lock)) {
    vlot__alloc_free(allocator, image->frozen.segments);
    vlot__alloc_free(allocator, image);
    return NULL;
  }
  memcpy((void *)image->frozen.segments, (const void *)table->segments,
         table->segment_count * sizeof(vlot__kv_segment *));
  image->allocator = allocator;
  image->is_read = image->has_table = true;
  table->image = image;
  table->epoch++; /* all that is there belongs to both */
  return image;
}

const vlot__kv_table *vlot__kv_image_table(const vlot__kv_image *image) { return &image->frozen; }

void vlot__kv_image_free(vlot__kv_image *image) {
  if (!image) return;
  const vlot_allocator *allocator = image->allocator;
  vlot__alloc_free(allocator, image->frozen.segments);
  vlot__lock(&image->lock);
  image->is_read = false;
  vlot__kv_gone gone = image->gone;
  image->gone = (vlot__kv_gone){0};
  bool is_last = !image->has_table;
  vlot__unlock(&image->lock); /* from here on its table may free it */
  free_gone(allocator, gone);
  if (is_last) free_image(image);
}
