/* What happened to another disk happens to this one. */
#include "base/alloc.h"
#include "base/lock.h"
#include "cluster/disk_inside.h"
#include "vlot/raft_snapshot.h"

static void settle(vlot__disk *disk, uint64_t token) {
  while (disk->queue.count > 0) {
    vlot__disk_waiting one = *(vlot__disk_waiting *)vlot__ring_at(&disk->queue, 0);
    if (one.write.token > token) return;
    vlot__ring_pop_front(&disk->queue);
    disk->queued_slices -= one.write.slice_count;
    if (!one.must_fail) vlot__disk_make_durable(disk, &one.write);
    vlot__disk_waiting_free(disk, &one);
  }
}

/* Does the write follow on what the disk holds? What is read from a journal is data: it is refused,
 * not asserted. */
static bool follows(const vlot__disk *disk, const vlot_write *write) {
  uint64_t next = disk->tail_index + 1;
  if (write->snapshot) {
    next = vlot_snapshot_get(write->snapshot)->index + 1;
    if (write->truncate_from > 0 || next <= disk->log.base_index) return false;
  }
  if (write->truncate_from > next ||
      (write->truncate_from > 0 && write->truncate_from <= disk->log.base_index))
    return false;
  if (write->truncate_from > 0) next = write->truncate_from;
  for (uint32_t k = 0; k < write->slice_count; k++) {
    if (write->slices[k].index != next || write->slices[k].count == 0) return false;
    next += write->slices[k].count;
  }
  return true;
}

vlot_result vlot__disk_submit_as(vlot__disk *disk, const vlot_write *write, vlot_result result) {
  static const vlot_storage_done nobody = {0};
  bool is_taken = result == VLOT_OK || result == VLOT_PENDING;
  bool must_fail = false; /* behind a snapshot that could not be kept: in its turn */
  vlot__lock(&disk->lock);
  vlot__alloc_free(disk->allocator, disk->loaded);
  disk->loaded = NULL;
  if (disk->has_failed && result == VLOT_PENDING)
    must_fail = true;
  else if (is_taken && (disk->has_failed || !follows(disk, write)))
    result = VLOT_INVALID;
  else if (is_taken && !vlot_log_reserve(&disk->log, disk->queued_slices + write->slice_count))
    result = VLOT_NOMEM;
  if (result == VLOT_PENDING) result = vlot__disk_enqueue(disk, write, &nobody, must_fail);
  /* earlier ones are durable as well, though the node has not heard of it yet */
  if (result == VLOT_OK) {
    settle(disk, VLOT_NEVER);
    vlot__disk_make_durable(disk, write);
  }
  if (result != VLOT_OK && result != VLOT_PENDING)
    disk->has_failed = true;
  else if (!must_fail)
    vlot__disk_move_tail(disk, write);
  vlot__unlock(&disk->lock);
  return result;
}

void vlot__disk_settle(vlot__disk *disk, uint64_t token, bool is_failed) {
  vlot__lock(&disk->lock);
  settle(disk, is_failed && token > 0 ? token - 1 : token);
  if (is_failed) { /* and so has every later one */
    vlot__disk_drop_queue(disk);
    disk->has_failed = true;
  }
  vlot__unlock(&disk->lock);
}

void vlot__disk_stop_at(vlot__disk *disk, uint64_t token, bool is_power_cut) {
  vlot__lock(&disk->lock);
  settle(disk, token);
  if (is_power_cut) disk->lost += disk->queue.count;
  vlot__disk_drop_queue(disk);
  vlot__unlock(&disk->lock);
}
