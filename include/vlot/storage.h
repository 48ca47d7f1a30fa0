/* vlot/storage.h: where a node's hard state and log survive. In memory by default: it outlives the
 * node, not the process.
 *
 * A table of functions for one member's disk, filled in by vlot_cluster_options.open_storage. Two
 * editions: the first ends behind release and has no label; the second has a size, and keeps a
 * label, so that a disk that outlives the process cannot be mistaken for another
 * (docs/decisions/disk-ids.md; in lockstep that of a cluster with the same seed can). Where it has
 * keep, it keeps snapshots too (docs/decisions/snapshots.md).
 */
#ifndef VLOT_STORAGE_H
#define VLOT_STORAGE_H

#include "vlot/base.h"
#include "vlot/raft.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What a disk belongs to. Made when a cluster bootstraps, or when a blank disk is found among
 * written ones; all 0 on a blank disk. A storage keeps it as it is, the members too; what vlot
 * hands out here is valid, and what a storage gives back is looked at, never trusted.
 */
typedef struct vlot_disk_label {
  uint64_t cluster_id; /* of the cluster; never 0 */
  uint64_t disk_id;    /* of this disk; never 0 */
  uint32_t member;     /* whose disk it is; 1 … 65,535 */
  /* 1: every disk of the configuration has its label, and the cluster may run. While no disk says
   * so, opening completes the bootstrap */
  uint32_t is_made;
  uint32_t member_count;
  uint32_t reserved; /* 0 */
  /* [member_count] the configuration that the cluster began with, and the disk of each. Where that
   * names another disk for this member, this one was blank once: what it says does not count */
  const vlot_member *members;
} vlot_disk_label;

/* What a disk holds. Slices and members are borrowed until the next call on the same disk. It grows
 * at its end: what a storage does not know stays 0. */
typedef struct vlot_stored {
  vlot_hard_state hard;     /* all 0 on a blank disk; without a label hard.disk_id is the disk's */
  uint64_t base_index;      /* the log begins after this index; 0: at the beginning */
  uint64_t base_term;       /* of the entry there; 0 exactly when base_index is 0 */
  const vlot_slice *slices; /* [slice_count] contiguous from base_index + 1 */
  size_t slice_count;
  vlot_disk_label label; /* as format() was given it last; all 0 where it never was */
  /* the newest one that keep(), or a write with a snapshot, has made durable; at or above
   * base_index. NULL: none. Borrowed likewise */
  vlot_snapshot *snapshot;
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

/* A disk of one member, as a table of functions. load and submit are needed; every other one may be
 * NULL, and what that means is said there.
 *
 * load     what is durable, into *stored, which is all 0; called when the cluster opens and before
 *          each start of the node, with no write pending. Anything but VLOT_OK: the opening, or the
 *          start, fails with it
 * submit   make a write durable, as one record; writes become durable in the order they were
 *          submitted. write and its slices are borrowed for the call. VLOT_OK: it is (done is not
 *          called). VLOT_PENDING: done will be called (slices: retain the batches to keep them).
 *          Anything else: it failed, and so must every later one until the next load; the node is
 *          fenced
 * stop     the node is gone: complete nothing any more. is_power_cut: what is not durable is lost,
 *          else it becomes durable. NULL: nothing is to be done then
 * release  the cluster is closed; the last call, also after an opening that failed, that of this
 *          storage too. NULL: nothing is to be done then
 *
 * Second edition, where size is not 0:
 *
 * format   make this the disk's label, durably, and leave the rest as it is; all of it or none. The
 *          same label may come twice, and comes with is_made 0 and then with 1; label and its
 *          members are borrowed for the call. Called when the cluster opens, with no write pending.
 *          Anything but VLOT_OK: the opening fails with it, and the next one goes on where this one
 *          ended. NULL: the disk has no label, as in the first edition
 * compact  drop the entries up to index, durably; it becomes the base, with its term, and entries
 *          behind it stay. VLOT_INVALID: index is below the base or above the log, or has another
 *          term; nothing has changed. Writes may be pending: those of entries up to index are not.
 *          What comes of it is not looked at: where it fails the log is longer than it need be.
 *          NULL: the log keeps its front
 * problem  in words, why the last call on this disk did not give VLOT_OK: into the log's line and
 *          the opening's problem. Borrowed until the next call; NULL: there is nothing to say, as
 *          where the function is NULL
 *
 * keep     this is the disk's snapshot from now on, durably, in place of an older one; the log
 *          stays as it is. All of it or none: content first, pointer last. snapshot is borrowed for
 *          the call (retain it, or read it). VLOT_OK: it is durable. VLOT_BUSY: not now, ask again.
 *          VLOT_INVALID: the disk has a newer one; nothing has changed. Anything else: it failed,
 *          and so must every later write until the next load. NULL, also where the table ends
 *          before it: the disk cannot keep snapshots. Then it is refused where snapshot_bytes of
 *          the cluster's options asks for them, and a write with a snapshot is never submitted to
 *          it: the node is fenced
 *
 * Without a label (first edition, or format NULL) a disk is marked at bootstrap through submit:
 * hard.disk_id in term 0, then term 1 on all once each has its id; PENDING is waited for. Nothing
 * there says how many members there are: `nodes` of the options is believed.
 *
 * Growth   further functions come at the end, with a larger size; vlot takes for NULL what lies
 *          behind the size that a table says. A size that this build does not know is refused
 * Thread   submit, compact, keep: the node's turn, so that they must not wait long; no lock of vlot
 *          is held. The others, and submit while opening: the thread that opens, closes or controls
 *          the cluster. One call at a time per disk, unless the node's thread is stuck in one of
 *          these when stop comes
 */
typedef struct vlot_storage {
  void *context; /* the disk's own, handed to each function */
  vlot_result (*load)(void *context, vlot_stored *stored);
  vlot_result (*submit)(void *context, const vlot_write *write, const vlot_storage_done *done);
  void (*stop)(void *context, bool is_power_cut);
  void (*release)(void *context);
  /* sizeof(vlot_storage), set by vlot_storage_init(); 0: the first edition, which ends here */
  size_t size;
  vlot_result (*format)(void *context, const vlot_disk_label *label);
  vlot_result (*compact)(void *context, uint64_t index, uint64_t term);
  const char *(*problem)(void *context);
  vlot_result (*keep)(void *context, vlot_snapshot *snapshot);
  /* 1: submit, compact and keep are short, and may be called on the thread of a caller that waits
   * for the cluster, as vlot_machine.may_run_on_callers says. 0, also where the table ends before
   * it: on the node's own thread only */
  uint32_t may_run_on_callers;
  uint32_t reserved; /* 0 */
} vlot_storage;

/* Set size, and everything else to NULL. A table that is assigned as a whole says the same with
 * .size = sizeof(vlot_storage). */
VLOT_API void vlot_storage_init(vlot_storage *storage);

#ifdef __cplusplus
}
#endif

#endif
