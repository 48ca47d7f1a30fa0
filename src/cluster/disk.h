/* The in-memory disk of one member: a storage (vlot/storage.h) that outlives the node, and whose
 * faults are set from outside.
 *
 * Without a fault a write is durable when submit() returns. With a delay or a stall, or behind a
 * write that waits, it is pending: it completes when advance() or complete_one() says so, in the
 * order of submission, always. A write that fails: with nothing pending and no delay submit() says
 * so at once; else it becomes pending and its completion says so. Either way nothing of it is
 * stored, and every later write fails too, until the next load.
 *
 * Thread  any, unless it says otherwise; a leaf lock inside, not held while `done` runs. advance()
 *         and complete_one() from one thread at a time, or completions could be seen out of order.
 */
#ifndef VLOT_CLUSTER_DISK_H
#define VLOT_CLUSTER_DISK_H

#include <stdatomic.h>

#include "vlot/cluster.h"
#include "vlot/storage.h"

typedef struct vlot__disk vlot__disk;

/* A blank disk: no label, disk id 0, term 0, empty log above index 0. NULL without memory.
 *
 * seed, member  seed of its own random numbers: delays, and where a power cut cuts
 */
vlot__disk *vlot__disk_open(const vlot_allocator *allocator, uint64_t seed, uint32_t member);

/* NULL is allowed. The storage's release() does the same: call one of the two, once. */
void vlot__disk_close(vlot__disk *disk);

/* The disk as a storage. Its stop() returns after a completion that is under way; do not call it
 * from `done`.
 */
vlot_storage vlot__disk_storage(vlot__disk *disk);

/* Where the disk reads what tick it is when a write is delayed; borrowed for its life. NULL
 * (default): the last advance().
 */
void vlot__disk_set_clock(vlot__disk *disk, _Atomic uint64_t *now);

/* --- what it holds; while no node uses it --- */

/* Replace everything by a hard state (with its disk id) and a log, copied from entries [count],
 * terms never decreasing, or slices [count], retained, contiguous from base_index + 1. VLOT_INVALID
 * (order of terms or indexes), VLOT_NOMEM: nothing has changed.
 */
VLOT_MUST_CHECK vlot_result vlot__disk_format(vlot__disk *disk, const vlot_hard_state *hard,
                                              uint64_t base_index, uint64_t base_term,
                                              const vlot_log_entry *entries, size_t count);
VLOT_MUST_CHECK vlot_result vlot__disk_format_slices(vlot__disk *disk, const vlot_hard_state *hard,
                                                     uint64_t base_index, uint64_t base_term,
                                                     const vlot_slice *slices, size_t count);

/* As the storage's format(), compact() and keep(). While it stalls, keep() is VLOT_BUSY; it counts
 * as a write for fail_at, and where it fails so does every write until the next load. Compacting
 * has no faults.
 */
VLOT_MUST_CHECK vlot_result vlot__disk_set_label(vlot__disk *disk, const vlot_disk_label *label);
VLOT_MUST_CHECK vlot_result vlot__disk_compact(vlot__disk *disk, uint64_t index, uint64_t term);
VLOT_MUST_CHECK vlot_result vlot__disk_keep(vlot__disk *disk, vlot_snapshot *snapshot);

/* Forget everything but the label, which gets another disk id. Cannot fail. */
void vlot__disk_wipe(vlot__disk *disk, uint64_t disk_id);

/* --- faults: they stay until they are changed --- */

/* Every write submitted from now on takes min … max ticks, uniformly; 0, 0: none. VLOT_INVALID: min
 * > max.
 */
vlot_result vlot__disk_set_delay(vlot__disk *disk, uint32_t ticks_min, uint32_t ticks_max);

/* Nothing completes by itself while it stalls (complete_one() still does); afterwards what was due
 * meanwhile is due at once.
 */
void vlot__disk_stall(vlot__disk *disk, bool is_stalled);

/* The n-th write submitted from now on fails with VLOT_IO; 0: none does. */
void vlot__disk_fail_at(vlot__disk *disk, uint64_t n);

/* While it is full every write fails with VLOT_IO, after the next load too. */
void vlot__disk_set_full(vlot__disk *disk, bool is_full);

/* All of the above as the public struct says it. VLOT_INVALID: nothing has changed. */
vlot_result vlot__disk_set_fault(vlot__disk *disk, const vlot_disk_fault *fault);

/* --- pending writes --- */

/* The tick at which the oldest pending write is due; VLOT_NEVER: none, or it stalls. */
uint64_t vlot__disk_next_due(vlot__disk *disk);

/* Complete every write that is due by `now`, oldest first: each is durable (or failed), then its
 * done is called. How many.
 */
uint32_t vlot__disk_advance(vlot__disk *disk, uint64_t now);

/* Complete the oldest pending write, due or not, stalled or not; *token says which (NULL to
 * ignore). False: none is pending.
 */
bool vlot__disk_complete_one(vlot__disk *disk, uint64_t *token);

/* The oldest pending write, and so those behind it, is due so many ticks later, from now if it was
 * due earlier. False: none is pending.
 */
bool vlot__disk_postpone(vlot__disk *disk, uint64_t now, uint64_t ticks);

/* Tokens of the pending writes, oldest first: at most [capacity] are stored; how many there are. */
size_t vlot__disk_pending(vlot__disk *disk, uint64_t *tokens, size_t capacity);

/* --- what happened to another disk happens to this one, whatever its faults are; a replay's --- */

/* The newest write that became durable; 0: none. */
uint64_t vlot__disk_durable(vlot__disk *disk);

/* What came of a write there: OK, PENDING, a failure. VLOT_INVALID: that cannot come of this write
 * here. */
vlot_result vlot__disk_submit_as(vlot__disk *disk, const vlot_write *write, vlot_result result);

/* What came of a keep(); likewise. */
vlot_result vlot__disk_keep_as(vlot__disk *disk, vlot_snapshot *snapshot, vlot_result result);

/* Pending writes up to this token are durable now; with is_failed this one and those behind it
 * failed. Nobody is told. */
void vlot__disk_settle(vlot__disk *disk, uint64_t token, bool is_failed);

/* The node is gone, and what was durable up to this token is left. */
void vlot__disk_stop_at(vlot__disk *disk, uint64_t token, bool is_power_cut);

/* Writes that the power cuts so far have lost. */
uint64_t vlot__disk_lost(vlot__disk *disk);

/* The id of the disk, and the last index that is durable. Any time. */
uint64_t vlot__disk_id(vlot__disk *disk);
uint64_t vlot__disk_last(vlot__disk *disk);

#endif
