/* A batch as the core sees it: entries and small payloads in one block of memory. */
#ifndef VLOT_RAFT_BATCH_H
#define VLOT_RAFT_BATCH_H

#include "vlot/raft.h"

/* As vlot_batch_make(), from commands: the ones with an owner share its bytes, the others are
 * copied. */
vlot_batch *vlot__batch_from_commands(const vlot_allocator *allocator, const vlot_command *commands,
                                      uint32_t count);

/* Are all its entries of a known kind, its no-ops empty, and does each fit a message? */
bool vlot__batch_is_legal(const vlot_batch *batch);

/* The part of a slice that stands at indexes [from, to]; the range must touch it. Takes no
 * reference. */
vlot_slice vlot__slice_cut(const vlot_slice *slice, uint64_t from, uint64_t to);

/* Index of the slice's last entry. */
static inline uint64_t vlot__slice_last(const vlot_slice *slice) {
  return slice->index + slice->count - 1;
}

#endif
