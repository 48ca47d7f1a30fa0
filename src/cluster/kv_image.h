/* A table as it stood when it was frozen, shared with the table that goes on: whoever writes to the
 * table copies what the image still needs, once, and leaves the old behind for the image to free.
 */
#ifndef VLOT_CLUSTER_KV_IMAGE_H
#define VLOT_CLUSTER_KV_IMAGE_H

#include "cluster/kv_table.h"

/* Freeze a table; whatever its size, one copy of the array of its segments. It may be freed before
 * its image. NULL: an earlier image of it is there still, or there is no memory.
 *
 * thread  whoever has the table; the image is anybody's from then on
 */
vlot__kv_image *vlot__kv_image_make(vlot__kv_table *table);

/* What was frozen; nobody changes it. */
const vlot__kv_table *vlot__kv_image_table(const vlot__kv_image *image);

/* Free it, and what only it needed. */
void vlot__kv_image_free(vlot__kv_image *image);

/* --- for the table ---------------------------------------------------------------------------- */

/* What a table needs no more and an image may: chains by their `gone`. */
typedef struct vlot__kv_gone {
  vlot__kv_item *items;
  vlot__kv_segment *segments;
} vlot__kv_gone;

/* Hand over what the table had in common with its image; where that is freed meanwhile, so is this,
 * and the table has no image any more. */
void vlot__kv_image_leave(vlot__kv_table *table, vlot__kv_gone gone);

/* The table has no image from now on. */
void vlot__kv_image_part(vlot__kv_table *table);

#endif
