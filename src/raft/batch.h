/* A batch as the core sees it: entries and small payloads in one block of memory. */
#ifndef VLOT_RAFT_BATCH_H
#define VLOT_RAFT_BATCH_H

#include <stdatomic.h>

#include "vlot/raft.h"

/* One block: this header, the entries, the owners where some payload is shared, the configurations
 * where it has any, the copied payloads. Small, because a batch may be of one entry. */
struct vlot_batch {
  const vlot_allocator *allocator;
  _Atomic uint32_t references;
  uint32_t count;
  uint64_t bytes : 61;      /* payload of all entries */
  uint64_t is_legal : 1;    /* looked at once, when the batch is made */
  uint64_t is_shared : 1;   /* some payload is not copied: there are owners */
  uint64_t has_configs : 1; /* some entry is a configuration: it was decoded then, too */
  vlot_entry entries[];
};

/* As vlot_batch_make(), from commands: the ones with an owner share its bytes, the others are
 * copied. */
vlot_batch *vlot__batch_from_commands(const vlot_allocator *allocator, const vlot_command *commands,
                                      uint32_t count);

/* Are all its entries of a known kind, its no-ops empty, its configurations ones that a cluster can
 * have, and does each fit a message? */
bool vlot__batch_is_legal(const vlot_batch *batch);

/* An entry that changes the configuration, and what it says. */
typedef struct vlot__batch_config {
  uint32_t position; /* in the batch */
  vlot_configuration *configuration;
} vlot__batch_config;

/* Those of a batch, [*count] by position, where it has_configs. They live as long as the batch. */
const vlot__batch_config *vlot__batch_configs(const vlot_batch *batch, size_t *count);

/* The part of a slice that stands at indexes [from, to]; the range must touch it. Takes no
 * reference. */
vlot_slice vlot__slice_cut(const vlot_slice *slice, uint64_t from, uint64_t to);

/* Index of the slice's last entry. */
static inline uint64_t vlot__slice_last(const vlot_slice *slice) {
  return slice->index + slice->count - 1;
}

#endif
