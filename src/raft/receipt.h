/* A snapshot that comes in chunks, in whatever order: what is here of it, and what is missing.
 * Bounded: one at a time, of limited size, with a limited number of holes.
 */
#ifndef VLOT_RAFT_RECEIPT_H
#define VLOT_RAFT_RECEIPT_H

#include "raft/snapshot.h"

/* Pieces apart from each other. A chunk that would make one more is as good as lost: it comes
 * again. */
enum { VLOT__PIECES_MAX = 32 };

typedef struct vlot__piece {
  uint64_t from; /* the first byte … */
  uint64_t to;   /* … and the one behind the last */
} vlot__piece;

typedef enum vlot__receipt_stage {
  VLOT__RECEIPT_EMPTY,     /* room for one */
  VLOT__RECEIPT_RECEIVING, /* chunks are missing */
  VLOT__RECEIPT_RESTORING, /* it is whole; the driver makes a machine of it */
  VLOT__RECEIPT_WRITING,   /* log and commit index begin at it; its write is not durable */
} vlot__receipt_stage;

typedef struct vlot__receipt {
  vlot__receipt_stage stage;
  uint32_t from; /* the leader that sends it … */
  uint64_t term; /* … in this term */
  vlot_snapshot *snapshot;
  uint8_t *data; /* of the snapshot, to be filled in; NULL: it came as a whole object */
  vlot__piece pieces[VLOT__PIECES_MAX]; /* ascending, none touches the next */
  uint32_t piece_count;
  /* of the chunk that completed it */
  uint64_t request_id;
  uint64_t dealing;
  uint64_t token; /* WRITING: of the write that holds it */
  /* room for the next one, for its first chunk */
  vlot_snapshot *spare;
  uint8_t *spare_data;
} vlot__receipt;

/* Have a receipt, and room for what this part belongs to. False without memory, with nothing
 * changed. */
bool vlot__receipt_reserve(vlot__receipt **receipt, const vlot_allocator *allocator,
                           vlot_snapshot *part, uint64_t bytes_max);

/* Let go of it. */
void vlot__receipt_drop(vlot__receipt **receipt, const vlot_allocator *allocator);

/* Begin with the snapshot of a part; room was reserved. */
void vlot__receipt_begin(vlot__receipt *receipt, vlot_snapshot *part, uint32_t from, uint64_t term);

/* Take a chunk of it. */
void vlot__receipt_take(vlot__receipt *receipt, const vlot_snapshot *part, uint64_t offset,
                        uint64_t length);

/* The first byte that is missing; the size: none is. */
uint64_t vlot__receipt_wanted(const vlot__receipt *receipt);

/* Where those end that are missing from there on. */
uint64_t vlot__receipt_limit(const vlot__receipt *receipt);

#endif
