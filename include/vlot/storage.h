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
  vlot_hard_state hard; /* hard.disk_id: 0 on a blank disk */
  uint64_t base_index;
  uint64_t base_term;
  const vlot_slice *slices; /* [slice_count] */
  size_t slice_count;
} vlot_stored;

/* How a disk says that a pending write is finished; valid until then. Any thread; never blocks;
 * exactly once. */
typedef struct vlot_storage_done {
  void *context;
  void (*done)(void *context, uint64_t token, vlot_result result);
} vlot_storage_done;

/* A disk of one member, as a table of functions.
 *
 * load     what is durable; called before a node starts, with no write pending
 * submit   make a write durable, as one record; writes become durable in the order they were
 *          submitted. VLOT_OK: it is (done is not called). VLOT_PENDING: done will be called
 *          (slices: retain the batches to keep them). Anything else: it failed, and so will every
 *          later one until the next load
 * stop     the node is gone: complete nothing any more. is_power_cut: what is not durable is lost
 * release  the cluster is closed
 */
typedef struct vlot_storage {
  void *context;
  vlot_result (*load)(void *context, vlot_stored *stored);
  vlot_result (*submit)(void *context, const vlot_write *write, const vlot_storage_done *done);
  void (*stop)(void *context, bool is_power_cut);
  void (*release)(void *context);
} vlot_storage;

#ifdef __cplusplus
}
#endif

#endif
