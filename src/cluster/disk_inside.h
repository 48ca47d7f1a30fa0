/* The in-memory disk from inside: disk.c (a storage with faults), disk_format.c (all that it holds,
 * at once), disk_snapshot.c (the one it keeps, and the log below it), disk_replay.c (what happened
 * to another disk).
 */
#ifndef VLOT_CLUSTER_DISK_INSIDE_H
#define VLOT_CLUSTER_DISK_INSIDE_H

#include <pthread.h>

#include "base/prng.h"
#include "base/ring.h"
#include "cluster/disk.h"
#include "vlot/raft_log.h"

/* A write that was submitted and is not durable yet. */
typedef struct vlot__disk_waiting {
  vlot_write write; /* slices: a copy, every batch retained; and so is the snapshot */
  vlot_storage_done done;
  uint64_t due;
  bool must_fail;
} vlot__disk_waiting;

/* Guarded by lock. Batches are released and memory is asked for while it is held: an allocator is a
 * leaf below it.
 */
struct vlot__disk {
  const vlot_allocator *allocator;
  pthread_mutex_t lock;
  pthread_cond_t completed; /* completing has become 0 */
  uint32_t completing;      /* completions whose done has not returned yet */
  vlot_disk_label label;    /* its members: the disk's own */
  vlot_hard_state hard;     /* what is durable, with the log */
  vlot_log log;
  vlot_snapshot *snapshot; /* durable likewise; NULL: none */
  vlot_slice *loaded;      /* what the last load() lent */
  vlot__ring queue;        /* of vlot__disk_waiting, oldest first */
  size_t queued_slices;    /* sum over the queue: their room in the log is reserved */
  uint64_t tail_index;     /* last index once the queue is durable */
  /* of the newest waiting write: none completes before an earlier one */
  uint64_t last_due;
  uint64_t now; /* of the last advance() */
  _Atomic uint64_t *clock;
  vlot__prng prng;
  uint32_t delay_min;
  uint32_t delay_max;
  bool is_stalled;
  bool is_full;
  bool has_failed;  /* a write failed, and so does every later one until the next load */
  uint64_t fail_in; /* so many writes from now one fails; 0: never */
  uint64_t lost;
  uint64_t durable; /* token of the newest write that is */
};

/* What comes of a write, in the order of submission; a failure lasts until the next load. Under the
 * lock. */
static inline bool vlot__disk_must_fail(vlot__disk *disk) {
  if (disk->fail_in > 0 && --disk->fail_in == 0) disk->has_failed = true;
  if (disk->is_full) disk->has_failed = true;
  return disk->has_failed;
}

/* --- disk.c; under the lock, but for waiting_free --- */

/* One record becomes durable: all of it, at once (a crash between truncating and appending cannot
 * be seen). Cannot fail. */
void vlot__disk_make_durable(vlot__disk *disk, const vlot_write *write);
/* The last index is another once this write is durable. */
void vlot__disk_move_tail(vlot__disk *disk, const vlot_write *write);
/* VLOT_PENDING: the write waits, with references of its own; VLOT_NOMEM. */
vlot_result vlot__disk_enqueue(vlot__disk *disk, const vlot_write *write,
                               const vlot_storage_done *done, bool must_fail);
void vlot__disk_waiting_free(vlot__disk *disk, vlot__disk_waiting *one);
void vlot__disk_drop_queue(vlot__disk *disk); /* what waits is lost */

#endif
