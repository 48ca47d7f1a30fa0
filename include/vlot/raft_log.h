/* vlot/raft_log.h: a log as slices of shared batches, above a base. The core has one, the in-memory
 * disk another; whoever writes a storage may want a third.
 *
 * It is kept in segments, so that it grows without ever moving what it holds (growing one array by
 * realloc is what gives other implementations pauses of 50 to 75 ms), and gives memory back at both
 * ends: compaction drops the front, truncation the back.
 *
 * Indexes  base_index is the last one below the log; entries stand at base_index + 1 … last_index
 * Slices   are numbered slice_first … slice_end - 1; a number is good until the next change
 * Cost     a change costs what it adds or removes, nothing per slice that stays; find is a binary
 *          search, but for the newest slices
 * Memory   a segment is given back when compaction has emptied it, and at the back with the next
 *          reserve; one spare segment is kept. It takes one reference per slice on its batch
 * Thread   one at a time; nothing blocks
 */
#ifndef VLOT_RAFT_LOG_H
#define VLOT_RAFT_LOG_H

#include "vlot/base.h"
#include "vlot/raft.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { VLOT_LOG_SEGMENT = 32 }; /* slices per segment: 1 KiB */

typedef struct vlot_log_segment {
  vlot_slice slices[VLOT_LOG_SEGMENT];
} vlot_log_segment;

/* To be read; the functions below change it. */
typedef struct vlot_log {
  const vlot_allocator *allocator;
  /* [segment_capacity] pointers; those before segments were dropped */
  vlot_log_segment **table;
  vlot_log_segment **segments; /* [segment_count] made, from slice number 0 on; into table */
  size_t segment_capacity;
  size_t segment_count;
  size_t slice_first; /* number of the first slice, below VLOT_LOG_SEGMENT: those before it are
                         dropped, and what stands in their place means nothing */
  size_t slice_end;   /* one more than the number of the last; slice_first: there is none */
  uint64_t base_index;
  uint64_t base_term;
  uint64_t last_index; /* base_index: it has no entry */
  uint64_t last_term;
} vlot_log;

/* An empty log; it takes no memory yet.
 *
 * allocator  NULL: the default; borrowed for the log's life
 * base_index, base_term  of the entry below it; 0, 0: it begins at the beginning
 */
VLOT_API void vlot_log_init(vlot_log *log, const vlot_allocator *allocator, uint64_t base_index,
                            uint64_t base_term);

/* Free what it has, and release every batch. */
VLOT_API void vlot_log_deinit(vlot_log *log);

/* Have room for [more] slices beyond those it holds. What an earlier call had reserved beyond that,
 * or a truncation left, is given back but for one segment.
 *
 * returns  false without memory: as many as before can still be appended
 */
VLOT_API VLOT_MUST_CHECK bool vlot_log_reserve(vlot_log *log, size_t more);

/* Append a slice, copied; its batch is retained. Cannot fail.
 *
 * asserts  append a slice that has an entry; append a slice that begins at last_index + 1; reserve
 *          room before a slice is appended. That terms do not fall is left to who knows where they
 *          come from
 */
VLOT_API void vlot_log_append(vlot_log *log, const vlot_slice *slice);

/* Remove the entries from an index on; above last_index there is nothing to remove. The slice that
 * holds it is cut. Room that was reserved stays.
 *
 * asserts  truncate from an index above base_index
 */
VLOT_API void vlot_log_truncate(vlot_log *log, uint64_t from);

/* Drop the entries up to an index, which becomes the base, with its term: what a snapshot there
 * makes unneeded (log compaction, section 7). The slice that holds it is cut; a cut slice keeps its
 * whole batch. Room that was reserved stays. Cannot fail.
 *
 * to       base_index: nothing changes; last_index: all entries go
 * asserts  compact to an index from base_index to last_index
 */
VLOT_API void vlot_log_compact(vlot_log *log, uint64_t to);

/* Drop all entries: the log begins above a snapshot that holds more than they do, or another past
 * (section 7, figure 13). Room that was reserved stays. Cannot fail. */
VLOT_API void vlot_log_restart(vlot_log *log, uint64_t base_index, uint64_t base_term);

/* Term of the entry at an index.
 *
 * returns  false when it is not known here (below the base or above the last), with *term as it
 *          was: never "term 0"
 */
VLOT_API bool vlot_log_term(const vlot_log *log, uint64_t index, uint64_t *term);

/* Number of the slice that holds an index.
 *
 * asserts  find an index from base_index + 1 to last_index
 */
VLOT_API size_t vlot_log_find(const vlot_log *log, uint64_t index);

/* Where another log may agree with this one: the highest index <= limit whose term is <= term. At
 * the base it stops (section 5.3, the optimization of rejected appends).
 *
 * found_term  out: the term there
 */
VLOT_API uint64_t vlot_log_find_agreement(const vlot_log *log, uint64_t limit, uint64_t term,
                                          uint64_t *found_term);

/* The slice of a number, slice_first <= k < slice_end; borrowed until the next change. */
static inline const vlot_slice *vlot_log_slice(const vlot_log *log, size_t k) {
  return &log->segments[k / VLOT_LOG_SEGMENT]->slices[k % VLOT_LOG_SEGMENT];
}

#ifdef __cplusplus
}
#endif

#endif
