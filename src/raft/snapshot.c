#include "raft/snapshot.h"

#include <stdatomic.h>
#include <string.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/describe.h"

struct vlot_snapshot {
  const vlot_allocator *allocator;
  _Atomic uint32_t references;
  vlot_snapshot_head head;
  /* bytes [part_offset, part_offset + part_size) of its content are here … */
  uint64_t part_offset;
  uint64_t part_size;
  vlot_bytes *bytes;             /* … in these; NULL: they are read */
  vlot_snapshot_content content; /* by this */
};

/* For a debugger: see base/describe.h. */
const vlot__described vlot_described_snapshot[] VLOT__DESCRIBED = {
    VLOT__VERSION,
    VLOT__STRUCT(snapshot, struct vlot_snapshot),
    VLOT__NUMBER(snapshot.index, struct vlot_snapshot, head.index),
    VLOT__NUMBER(snapshot.term, struct vlot_snapshot, head.term),
    VLOT__NUMBER(snapshot.size, struct vlot_snapshot, head.size),
    VLOT__END,
};

static bool head_is_legal(const vlot_snapshot_head *head) {
  return head->index > 0 && head->index < VLOT_INDEX_MAX && head->term > 0 &&
         head->term < VLOT_INDEX_MAX && head->configuration;
}

static vlot_snapshot *make(const vlot_allocator *allocator, const vlot_snapshot_head *head) {
  allocator = vlot__alloc_or_default(allocator);
  vlot_snapshot *snapshot =
      head_is_legal(head) ? vlot__alloc_zero(allocator, 1, sizeof *snapshot) : NULL;
  if (!snapshot) return NULL;
  snapshot->allocator = allocator;
  atomic_init(&snapshot->references, 1);
  snapshot->head = *head;
  snapshot->part_size = head->size;
  (void)vlot_configuration_retain(head->configuration);
  return snapshot;
}

vlot_snapshot *vlot_snapshot_make(const vlot_allocator *allocator, const vlot_snapshot_head *head,
                                  vlot_bytes *bytes) {
  VLOT_GIVEN(head);
  if (!bytes || vlot_bytes_size(bytes) != head->size) return NULL;
  vlot_snapshot *snapshot = make(allocator, head);
  if (snapshot) snapshot->bytes = vlot_bytes_retain(bytes);
  return snapshot;
}

vlot_snapshot *vlot_snapshot_make_from(const vlot_allocator *allocator,
                                       const vlot_snapshot_head *head,
                                       const vlot_snapshot_content *content) {
  VLOT_GIVEN(head);
  if (!content || !content->read) return NULL;
  vlot_snapshot *snapshot = make(allocator, head);
  if (snapshot) snapshot->content = *content;
  return snapshot;
}

vlot_snapshot *vlot__snapshot_make_part(const vlot_allocator *allocator,
                                        const vlot_snapshot_head *head, uint64_t offset,
                                        size_t size, uint8_t **data) {
  vlot_bytes *bytes = vlot_bytes_make(allocator, size, data);
  vlot_snapshot *snapshot = bytes ? make(allocator, head) : NULL;
  if (!snapshot) {
    vlot_bytes_release(bytes);
    return NULL;
  }
  snapshot->bytes = bytes;
  snapshot->part_offset = offset;
  snapshot->part_size = size;
  return snapshot;
}

vlot_snapshot *vlot_snapshot_retain(vlot_snapshot *snapshot) {
  if (snapshot) atomic_fetch_add_explicit(&snapshot->references, 1, memory_order_relaxed);
  return snapshot;
}

void vlot_snapshot_release(vlot_snapshot *snapshot) {
  if (!snapshot) return;
  uint32_t before = atomic_fetch_sub_explicit(&snapshot->references, 1, memory_order_acq_rel);
  VLOT_DUTY(before > 0, "release each reference to a snapshot once");
  if (before > 1) return;
  if (snapshot->content.release) snapshot->content.release(snapshot->content.context);
  vlot_bytes_release(snapshot->bytes);
  vlot_configuration_release(snapshot->head.configuration);
  vlot__alloc_free(snapshot->allocator, snapshot);
}

const vlot_snapshot_head *vlot_snapshot_get(const vlot_snapshot *snapshot) {
  VLOT_GIVEN(snapshot);
  return &snapshot->head;
}

bool vlot__snapshot_is_whole(const vlot_snapshot *snapshot) {
  return snapshot->part_offset == 0 && snapshot->part_size == snapshot->head.size;
}

vlot_bytes *vlot_snapshot_bytes(const vlot_snapshot *snapshot) {
  VLOT_GIVEN(snapshot);
  return vlot__snapshot_is_whole(snapshot) ? snapshot->bytes : NULL;
}

bool vlot__snapshot_has(const vlot_snapshot *snapshot, uint64_t offset, uint64_t length) {
  if (offset < snapshot->part_offset) return false;
  uint64_t at = offset - snapshot->part_offset;
  return at <= snapshot->part_size && length <= snapshot->part_size - at;
}

const uint8_t *vlot__snapshot_at(const vlot_snapshot *snapshot, uint64_t offset, uint64_t length) {
  if (!snapshot->bytes || !vlot__snapshot_has(snapshot, offset, length)) return NULL;
  return vlot_bytes_data(snapshot->bytes) + (offset - snapshot->part_offset);
}

bool vlot__snapshot_is_same(const vlot_snapshot *one, const vlot_snapshot *other) {
  return one == other ||
         (one->head.index == other->head.index && one->head.term == other->head.term &&
          one->head.size == other->head.size && one->head.checksum == other->head.checksum);
}

vlot_result vlot_snapshot_read(const vlot_snapshot *snapshot, uint64_t offset, uint32_t length,
                               uint8_t *out) {
  VLOT_GIVEN(snapshot);
  if (!vlot__snapshot_has(snapshot, offset, length)) return VLOT_INVALID;
  if (length == 0) return VLOT_OK;
  if (!snapshot->bytes)
    return snapshot->content.read(snapshot->content.context, offset, length, out);
  memcpy(out, vlot__snapshot_at(snapshot, offset, length), length);
  return VLOT_OK;
}

uint64_t vlot_snapshot_checksum(uint64_t before, const void *data, size_t size) {
  const uint8_t *at = data;
  for (size_t k = 0; k < size; k++) before = (before ^ at[k]) * 0x100000001b3u;
  return before;
}

static vlot_result verify_read(const vlot_snapshot *snapshot, uint64_t *sum) {
  enum { PIECE = 1 << 16 };
  uint8_t *piece = vlot__alloc(snapshot->allocator, PIECE, 1);
  if (!piece) return VLOT_NOMEM;
  vlot_result result = VLOT_OK;
  for (uint64_t at = 0; at < snapshot->head.size && result == VLOT_OK;) {
    uint64_t left = snapshot->head.size - at;
    uint32_t length = left < PIECE ? (uint32_t)left : PIECE;
    result = vlot_snapshot_read(snapshot, at, length, piece);
    if (result == VLOT_OK) *sum = vlot_snapshot_checksum(*sum, piece, length);
    at += length;
  }
  vlot__alloc_free(snapshot->allocator, piece);
  return result;
}

vlot_result vlot_snapshot_verify(const vlot_snapshot *snapshot) {
  VLOT_GIVEN(snapshot);
  uint64_t sum = VLOT_SNAPSHOT_CHECKSUM;
  vlot_result result = VLOT_OK;
  if (!vlot__snapshot_is_whole(snapshot)) return VLOT_CORRUPT;
  if (snapshot->bytes)
    sum =
        vlot_snapshot_checksum(sum, vlot_bytes_data(snapshot->bytes), (size_t)snapshot->head.size);
  else
    result = verify_read(snapshot, &sum);
  if (result != VLOT_OK) return result;
  return sum == snapshot->head.checksum ? VLOT_OK : VLOT_CORRUPT;
}
