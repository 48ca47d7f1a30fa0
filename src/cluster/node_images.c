/* The image of a node's machine, on its way to whoever writes it. */
#include "cluster/image.h"
#include "cluster/node_inside.h"

bool vlot__node_has_image(const vlot__node *node) {
  const vlot__image *image = node->snapshots.image;
  return image && !image->is_handed && !node->snapshots.is_written;
}

uint64_t vlot__node_image_index(const vlot__node *node) {
  return vlot__node_has_image(node) ? node->snapshots.image->head.index : 0;
}

vlot__image *vlot__node_take_image(vlot__node *node) {
  if (!vlot__node_has_image(node)) return NULL;
  node->snapshots.image->is_handed = true;
  return vlot__image_retain(node->snapshots.image);
}
