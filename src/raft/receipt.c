#include "raft/receipt.h"

#include <string.h>

#include "base/alloc.h"
#include "base/assert.h"

static uint64_t size_of(const vlot__receipt *receipt) {
  return vlot_snapshot_get(receipt->snapshot)->size;
}

/* A snapshot that comes as a whole object needs no room: its chunks are parts of it. */
static bool needs_room(const vlot__receipt *receipt, const vlot_snapshot *part,
                       uint64_t bytes_max) {
  if (vlot__snapshot_is_whole(part) || vlot_snapshot_get(part)->size > bytes_max) return false;
  if (receipt->snapshot && vlot__snapshot_is_same(receipt->snapshot, part)) return false;
  return !receipt->spare || !vlot__snapshot_is_same(receipt->spare, part);
}

bool vlot__receipt_reserve(vlot__receipt **place, const vlot_allocator *allocator,
                           vlot_snapshot *part, uint64_t bytes_max) {
  vlot__receipt *receipt = *place;
  if (!receipt) receipt = vlot__alloc_zero(allocator, 1, sizeof *receipt);
  if (!receipt) return false;
  *place = receipt;
  if (!needs_room(receipt, part, bytes_max)) return true;
  const vlot_snapshot_head *head = vlot_snapshot_get(part);
  uint8_t *data = NULL;
  if (head->size > SIZE_MAX / 2) return false;
  vlot_snapshot *spare = vlot__snapshot_make_part(allocator, head, 0, (size_t)head->size, &data);
  if (!spare) return false;
  vlot_snapshot_release(receipt->spare);
  receipt->spare = spare;
  receipt->spare_data = data;
  return true;
}

void vlot__receipt_drop(vlot__receipt **place, const vlot_allocator *allocator) {
  vlot__receipt *receipt = *place;
  if (!receipt) return;
  vlot_snapshot_release(receipt->snapshot);
  vlot_snapshot_release(receipt->spare);
  vlot__alloc_free(allocator, receipt);
  *place = NULL;
}

/* Of the same one there is an object already, with room or whole. */
static void take_object(vlot__receipt *receipt, vlot_snapshot *part) {
  bool is_apart = !vlot__snapshot_is_whole(part);
  if (receipt->snapshot && vlot__snapshot_is_same(receipt->snapshot, part)) return;
  VLOT_ASSERT(!is_apart || (receipt->spare && vlot__snapshot_is_same(receipt->spare, part)));
  vlot_snapshot_release(receipt->snapshot);
  receipt->snapshot = is_apart ? receipt->spare : vlot_snapshot_retain(part);
  receipt->data = is_apart ? receipt->spare_data : NULL;
  if (!is_apart) vlot_snapshot_release(receipt->spare);
  receipt->spare = NULL;
  receipt->spare_data = NULL;
}

void vlot__receipt_begin(vlot__receipt *receipt, vlot_snapshot *part, uint32_t from,
                         uint64_t term) {
  VLOT_ASSERT(receipt->stage <= VLOT__RECEIPT_RECEIVING);
  take_object(receipt, part);
  receipt->stage = VLOT__RECEIPT_RECEIVING;
  receipt->from = from;
  receipt->term = term;
  receipt->piece_count = 0;
  receipt->token = 0;
}

/* Those that touch [from, to) become one with it. False where it would be one too many. */
static bool add_piece(vlot__receipt *receipt, uint64_t from, uint64_t to) {
  vlot__piece *pieces = receipt->pieces;
  uint32_t first = 0, last;
  while (first < receipt->piece_count && pieces[first].to < from) first++;
  for (last = first; last < receipt->piece_count && pieces[last].from <= to; last++) {
    if (pieces[last].from < from) from = pieces[last].from;
    if (pieces[last].to > to) to = pieces[last].to;
  }
  if (last == first && receipt->piece_count == VLOT__PIECES_MAX) return false;
  memmove(&pieces[first + 1], &pieces[last], (receipt->piece_count - last) * sizeof *pieces);
  pieces[first] = (vlot__piece){.from = from, .to = to};
  receipt->piece_count = receipt->piece_count - (last - first) + 1;
  VLOT_ASSERT(receipt->piece_count <= VLOT__PIECES_MAX);
  return true;
}

void vlot__receipt_take(vlot__receipt *receipt, const vlot_snapshot *part, uint64_t offset,
                        uint64_t length) {
  VLOT_ASSERT(receipt->stage == VLOT__RECEIPT_RECEIVING);
  VLOT_ASSERT(offset <= size_of(receipt) && length <= size_of(receipt) - offset);
  if (length == 0) return;
  const uint8_t *from = NULL;
  if (receipt->data) from = vlot__snapshot_at(part, offset, length);
  if (receipt->data && !from) return; /* of a source that the core does not read */
  if (!add_piece(receipt, offset, offset + length)) return;
  if (from) memcpy(receipt->data + offset, from, (size_t)length);
}

uint64_t vlot__receipt_wanted(const vlot__receipt *receipt) {
  bool has_start = receipt->piece_count > 0 && receipt->pieces[0].from == 0;
  return has_start ? receipt->pieces[0].to : 0;
}

uint64_t vlot__receipt_limit(const vlot__receipt *receipt) {
  uint32_t next = vlot__receipt_wanted(receipt) > 0 ? 1 : 0;
  return next < receipt->piece_count ? receipt->pieces[next].from : size_of(receipt);
}
