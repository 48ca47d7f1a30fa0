/* The snapshot that a disk keeps, and the part of the log that it stands for. Both are durable at
 * once: delays are of writes.
 */
#include "base/alloc.h"
#include "base/lock.h"
#include "cluster/disk_inside.h"
#include "vlot/raft_snapshot.h"

static void end_loan(vlot__disk *disk) {
  vlot__alloc_free(disk->allocator, disk->loaded);
  disk->loaded = NULL;
}

static bool is_older(const vlot__disk *disk, const vlot_snapshot *snapshot) {
  return disk->snapshot &&
         vlot_snapshot_get(snapshot)->index < vlot_snapshot_get(disk->snapshot)->index;
}

/* Returns the one to release, outside of the lock. */
static vlot_snapshot *replace(vlot__disk *disk, vlot_snapshot *snapshot) {
  vlot_snapshot *old = disk->snapshot;
  disk->snapshot = vlot_snapshot_retain(snapshot);
  return old;
}

vlot_result vlot__disk_keep(vlot__disk *disk, vlot_snapshot *snapshot) {
  vlot_snapshot *old = NULL;
  vlot_result result = VLOT_OK;
  vlot__lock(&disk->lock);
  end_loan(disk);
  if (is_older(disk, snapshot))
    result = VLOT_INVALID;
  else if (disk->is_stalled)
    result = VLOT_BUSY;
  else if (vlot__disk_must_fail(disk))
    result = VLOT_IO;
  else
    old = replace(disk, snapshot);
  vlot__unlock(&disk->lock);
  vlot_snapshot_release(old);
  return result;
}

vlot_result vlot__disk_keep_as(vlot__disk *disk, vlot_snapshot *snapshot, vlot_result result) {
  vlot_snapshot *old = NULL;
  vlot__lock(&disk->lock);
  end_loan(disk);
  if (result == VLOT_OK && (disk->has_failed || is_older(disk, snapshot))) result = VLOT_INVALID;
  if (result == VLOT_OK) old = replace(disk, snapshot);
  if (result == VLOT_IO) disk->has_failed = true;
  vlot__unlock(&disk->lock);
  vlot_snapshot_release(old);
  return result;
}

vlot_result vlot__disk_compact(vlot__disk *disk, uint64_t index, uint64_t term) {
  uint64_t found = 0;
  vlot__lock(&disk->lock);
  end_loan(disk);
  vlot_log *log = &disk->log;
  bool is_base = index == log->base_index && term == log->base_term;
  bool is_there = is_base || (vlot_log_term(log, index, &found) && found == term);
  if (is_there) vlot_log_compact(log, index);
  vlot__unlock(&disk->lock);
  return is_there ? VLOT_OK : VLOT_INVALID;
}
