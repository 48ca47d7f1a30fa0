/* vlot/storage.h: where a node's hard state and log survive. In memory by default: it outlives the
 * node, not the process.
 */
#ifndef VLOT_STORAGE_H
#define VLOT_STORAGE_H

#include "vlot/base.h"
#include "vlot/raft.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What a disk holds. Slices are borrowed until the next call on the same disk. */
typedef struct vlot_stored {
  vlot_hard_state hard;     /* all 0 on a blank disk; hard.disk_id 0: it has none yet */
  uint64_t base_index;      /* the log begins after this index; 0: at the beginning */
  uint64_t base_term;       /* of the entry there; 0 exactly when base_index is 0 */
  const vlot_slice *slices; /* [slice_count] contiguous from base_index + 1 */
  size_t slice_count;
} vlot_stored;

/* How a disk says that a pending write is finished: VLOT_OK, or why it failed. Copy it: it is
 * borrowed for submit only, and what is copied is valid until the disk's next stop.
 *
 * done    once for each write that was PENDING, in the order of submission, and never after stop
 * thread  with threads any, inside submit too; never blocks. In lockstep the thread that drives the
 *         cluster, outside submit: the node's turn runs inside done
 */
typedef struct vlot_storage_done {
  void *context;
  void (*done)(void *context, uint64_t token, vlot_result result);
} vlot_storage_done;

/* A disk of one member, as a table of functions. load and submit are needed; stop and release may
 * be NULL: nothing is to be done then.
 *
 * load     what is durable, into *stored, which is all 0; called when the cluster opens and before
 *          each start of the node, with no write pending. Anything but VLOT_OK: the opening, or the
 *          start, fails with it
 * submit   make a write durable, as one record; writes become durable in the order they were
 *          submitted. write and its slices are borrowed for the call. VLOT_OK: it is (done is not
 *          called). VLOT_PENDING: done will be called (slices: retain the batches to keep them).
 *          Anything else: it failed, and so must every later one until the next load; the node is
 *          fenced
 * stop     the node is gone: complete nothing any more. is_power_cut: what is not durable is lost
 * release  the cluster is closed; the last call, also after an opening that failed
 *
 * Thread   submit: the node's turn, so that it must not wait long; no lock of vlot is held. The
 *          others: the thread that opens, closes or controls the cluster. One call at a time per
 *          disk, unless the node's thread is stuck in submit when stop comes
 */
typedef struct vlot_storage {
  void *context; /* the disk's own, handed to each function */
  vlot_result (*load)(void *context, vlot_stored *stored);
  vlot_result (*submit)(void *context, const vlot_write *write, const vlot_storage_done *done);
  void (*stop)(void *context, bool is_power_cut);
  void (*release)(void *context);
} vlot_storage;

#ifdef __cplusplus
}
#endif

#endif
