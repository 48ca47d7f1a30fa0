#include "cluster/image.h"

#include <string.h>

#include "base/alloc.h"
#include "base/inside.h"
#include "base/problem.h"
#include "cluster/line.h"
#include "cluster/object.h"

/* --- what a machine writes: pieces, so that a large state neither moves nor doubles --- */

enum { PIECE = 1 << 20, FIRST_PIECE = 1 << 12 };

typedef struct content {
  const vlot_allocator *allocator;
  uint8_t **pieces; /* [count] of PIECE bytes each, but the last, which has what it needs */
  size_t count, capacity;
  size_t room; /* of the last one */
  uint64_t size;
} content;

static void content_free(void *context) {
  content *all = context;
  for (size_t k = 0; k < all->count; k++) vlot__alloc_free(all->allocator, all->pieces[k]);
  vlot__alloc_free(all->allocator, (void *)all->pieces);
  vlot__alloc_free(all->allocator, all);
}

static vlot_result content_read(void *context, uint64_t offset, uint32_t length, uint8_t *out) {
  const content *all = context;
  while (length > 0) {
    size_t at = (size_t)(offset % PIECE), part = PIECE - at;
    if (part > length) part = length;
    memcpy(out, all->pieces[offset / PIECE] + at, part);
    out += part;
    offset += part;
    length -= (uint32_t)part;
  }
  return VLOT_OK;
}

static bool begin_piece(content *all) {
  void *pieces = (void *)all->pieces;
  bool has_room = vlot__alloc_grow(all->allocator, &pieces, &all->capacity, all->count + 1,
                                   sizeof *all->pieces);
  all->pieces = pieces;
  size_t room = all->count > 0 ? PIECE : FIRST_PIECE; /* most are small */
  uint8_t *piece = has_room ? vlot__alloc(all->allocator, 1, room) : NULL;
  if (!piece) return false;
  all->pieces[all->count++] = piece;
  all->room = room;
  return true;
}

/* The last piece is full, and has not all that a piece may have. */
static bool enlarge_piece(content *all) {
  uint8_t **last = &all->pieces[all->count - 1];
  uint8_t *larger = vlot__alloc(all->allocator, 1, 2 * all->room);
  if (!larger) return false;
  memcpy(larger, *last, all->room);
  vlot__alloc_free(all->allocator, *last);
  *last = larger;
  all->room *= 2;
  return true;
}

static bool content_add(content *all, const uint8_t *data, size_t size) {
  while (size > 0) {
    size_t used = all->count > 0 ? (size_t)(all->size - (uint64_t)(all->count - 1) * PIECE) : 0;
    if (all->count == 0 || used == PIECE) {
      if (!begin_piece(all)) return false;
      used = 0;
    } else if (used == all->room && !enlarge_piece(all)) {
      return false;
    }
    size_t part = all->room - used < size ? all->room - used : size;
    memcpy(all->pieces[all->count - 1] + used, data, part);
    all->size += part;
    data += part;
    size -= part;
  }
  return true;
}

/* --- writing --- */

typedef struct writing {
  vlot__image *image;
  content *content;
  uint64_t checksum;
} writing;

static vlot_result take_bytes(void *context, const void *data, size_t size) {
  writing *to = context;
  if (atomic_load_explicit(&to->image->is_dropped, memory_order_relaxed))
    return vlot__refuse(VLOT_CLOSED, "nobody wants this image any more: its node has ended");
  if (!content_add(to->content, data, size)) return VLOT_NOMEM;
  to->checksum = vlot_snapshot_checksum(to->checksum, data, size);
  return VLOT_OK;
}

/* What is small lies in memory as one. */
static vlot_snapshot *make_small(const vlot__image *image, const content *all) {
  const void *data = all->count > 0 ? all->pieces[0] : NULL;
  vlot_bytes *bytes = vlot_bytes_copy(image->allocator, data, (size_t)all->size);
  vlot_snapshot *snapshot =
      bytes ? vlot_snapshot_make(image->allocator, &image->head, bytes) : NULL;
  vlot_bytes_release(bytes);
  return snapshot;
}

/* True: the content is the snapshot's. */
static bool make_snapshot(vlot__image *image, const writing *from) {
  content *all = from->content;
  bool is_small = all->count <= 1;
  vlot_snapshot_content pieces = {.context = all, .read = content_read, .release = content_free};
  image->head.size = all->size;
  image->head.checksum = from->checksum;
  image->snapshot = is_small ? make_small(image, all)
                             : vlot_snapshot_make_from(image->allocator, &image->head, &pieces);
  if (!image->snapshot) image->result = VLOT_NOMEM;
  return image->snapshot && !is_small;
}

static void write_by(vlot__image *image, vlot_result (*write)(void *, const vlot_writer *),
                     void *of) {
  writing to = {.image = image, .checksum = VLOT_SNAPSHOT_CHECKSUM};
  vlot_writer writer = {.context = &to, .write = take_bytes};
  image->result = VLOT_NOMEM;
  to.content = vlot__alloc_zero(image->allocator, 1, sizeof *to.content);
  if (!to.content) return;
  to.content->allocator = image->allocator;
  image->result = write(of, &writer);
  if (image->result != VLOT_OK || !make_snapshot(image, &to)) content_free(to.content);
}

/* The machine's, and so user code. */
static void free_frozen(vlot__image *image) {
  if (image->frozen) image->machine->image_free(image->frozen);
  image->frozen = NULL;
}

void vlot__image_write(vlot__image *image) {
  vlot__frame frame; /* what it calls would wait for it */
  vlot__inside_push(&frame, vlot__line_place(image->seat->cluster), NULL);
  image->result = VLOT_CLOSED;
  if (!atomic_load_explicit(&image->is_dropped, memory_order_relaxed))
    write_by(image, image->machine->image_write, image->frozen);
  free_frozen(image);
  vlot__inside_pop(&frame);
}

void vlot__image_write_state(vlot__image *image, void *state) {
  write_by(image, image->machine->snapshot, state);
}

void vlot__image_fail(vlot__image *image, vlot_result result) {
  image->result = result;
  free_frozen(image);
}

/* --- its life --- */

const char *vlot__machine_image_problem(const vlot_machine *machine) {
  if (!machine->freeze != !machine->image_write || !machine->freeze != !machine->image_free)
    return "machine: freeze, image_write and image_free go together";
  if (machine->freeze && !machine->snapshot) return "machine: freeze goes with snapshot";
  return NULL;
}

vlot__image *vlot__image_make(vlot__seat *seat, const vlot_snapshot_head *head) {
  vlot_cluster *cluster = seat->cluster;
  vlot__image *image = vlot__alloc_zero(cluster->log_allocator, 1, sizeof *image);
  if (!image) return NULL;
  image->allocator = cluster->log_allocator;
  image->machine = &cluster->machine;
  image->seat = seat;
  image->head = *head;
  image->result = VLOT_PENDING;
  atomic_init(&image->references, 1);
  (void)vlot_configuration_retain(head->configuration);
  return image;
}

vlot__image *vlot__image_retain(vlot__image *image) {
  atomic_fetch_add_explicit(&image->references, 1, memory_order_relaxed);
  return image;
}

void vlot__image_drop(vlot__image *image) {
  if (image) atomic_store_explicit(&image->is_dropped, true, memory_order_relaxed);
  vlot__image_release(image);
}

void vlot__image_release(vlot__image *image) {
  if (!image || atomic_fetch_sub_explicit(&image->references, 1, memory_order_acq_rel) > 1) return;
  free_frozen(image);
  vlot_snapshot_release(image->snapshot);
  vlot_configuration_release(image->head.configuration);
  vlot__alloc_free(image->allocator, image);
}
