/* A snapshot as the core sees it: a head, and content that it moves and does not look into. */
#ifndef VLOT_RAFT_SNAPSHOT_INSIDE_H
#define VLOT_RAFT_SNAPSHOT_INSIDE_H

#include "vlot/raft_snapshot.h"

/* Part of one, as a message brings it: [size] bytes from offset on, to be filled in at *data. */
vlot_snapshot *vlot__snapshot_make_part(const vlot_allocator *allocator,
                                        const vlot_snapshot_head *head, uint64_t offset,
                                        size_t size, uint8_t **data);

/* Where bytes [offset, offset + length) lie in memory; NULL: they do not, or it lacks them. */
const uint8_t *vlot__snapshot_at(const vlot_snapshot *snapshot, uint64_t offset, uint64_t length);

/* Has it all of its content? */
bool vlot__snapshot_is_whole(const vlot_snapshot *snapshot);

/* May its bytes [offset, offset + length) be asked for? */
bool vlot__snapshot_has(const vlot_snapshot *snapshot, uint64_t offset, uint64_t length);

/* Do two heads speak of the same snapshot? */
bool vlot__snapshot_is_same(const vlot_snapshot *one, const vlot_snapshot *other);

#endif
