/* All that a disk holds, at once; while no node uses it. */
#include <string.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/lock.h"
#include "cluster/disk_inside.h"
#include "vlot/raft_snapshot.h"

static void replace(vlot__disk *disk, const vlot_hard_state *hard, vlot_log log) {
  vlot__lock(&disk->lock);
  VLOT_ASSERT(disk->queue.count == 0);
  vlot_log old = disk->log;
  vlot_slice *loaded = disk->loaded;
  vlot_snapshot *snapshot = disk->snapshot;
  disk->snapshot = NULL;
  disk->log = log;
  disk->hard = *hard;
  disk->loaded = NULL;
  disk->tail_index = log.last_index;
  vlot__unlock(&disk->lock);
  vlot_log_deinit(&old);
  vlot_snapshot_release(snapshot);
  vlot__alloc_free(disk->allocator, loaded);
}

vlot_result vlot__disk_format_slices(vlot__disk *disk, const vlot_hard_state *hard,
                                     uint64_t base_index, uint64_t base_term,
                                     const vlot_slice *slices, size_t count) {
  vlot_log log;
  vlot_log_init(&log, disk->allocator, base_index, base_term);
  vlot_result result = vlot_log_reserve(&log, count) ? VLOT_OK : VLOT_NOMEM;
  uint64_t term = base_term;
  for (size_t k = 0; result == VLOT_OK && k < count; k++) {
    const vlot_slice *slice = &slices[k];
    if (slice->count == 0 || slice->index != log.last_index + 1 || slice->term < term ||
        slice->term == 0) {
      result = VLOT_INVALID;
    } else {
      vlot_log_append(&log, slice);
      term = slice->term;
    }
  }
  if (result == VLOT_OK)
    replace(disk, hard, log);
  else
    vlot_log_deinit(&log);
  return result;
}

/* Entries from k on that have one term, at most what fits into a batch that is not huge. */
static uint32_t format_run(const vlot_log_entry *entries, size_t k, size_t count) {
  uint32_t run = 1;
  while (run < 4096 && k + run < count && entries[k + run].term == entries[k].term) run++;
  return run;
}

static vlot_batch *format_batch(vlot__disk *disk, const vlot_log_entry *entries, uint32_t run) {
  vlot_entry *plain = vlot__alloc(disk->allocator, run, sizeof *plain);
  if (!plain) return NULL;
  for (uint32_t k = 0; k < run; k++) plain[k] = entries[k].entry;
  vlot_batch *batch = vlot_batch_make(disk->allocator, plain, NULL, run);
  vlot__alloc_free(disk->allocator, plain);
  return batch;
}

vlot_result vlot__disk_format(vlot__disk *disk, const vlot_hard_state *hard, uint64_t base_index,
                              uint64_t base_term, const vlot_log_entry *entries, size_t count) {
  vlot_log log;
  vlot_log_init(&log, disk->allocator, base_index, base_term);
  vlot_result result = VLOT_OK;
  uint64_t term = base_term > 0 ? base_term : 1;
  size_t k = 0;
  while (result == VLOT_OK && k < count) {
    uint32_t run = format_run(entries, k, count);
    if (entries[k].term < term) {
      result = VLOT_INVALID;
      break;
    }
    term = entries[k].term;
    vlot_batch *batch = format_batch(disk, entries + k, run);
    if (batch && vlot_log_reserve(&log, 1)) {
      vlot_log_append(
          &log,
          &(vlot_slice){.batch = batch, .index = log.last_index + 1, .term = term, .count = run});
    } else {
      result = VLOT_NOMEM;
    }
    vlot_batch_release(batch);
    k += run;
  }
  if (result == VLOT_OK)
    replace(disk, hard, log);
  else
    vlot_log_deinit(&log);
  return result;
}

/* A label comes twice, mostly with the members of before; while no node uses the disk. */
static const vlot_member *copy_members(vlot__disk *disk, const vlot_disk_label *label) {
  const vlot_disk_label *old = &disk->label;
  size_t bytes = label->member_count * sizeof *label->members;
  if (old->member_count == label->member_count && memcmp(old->members, label->members, bytes) == 0)
    return old->members;
  vlot_member *members = vlot__alloc(disk->allocator, label->member_count, sizeof *members);
  if (members) memcpy(members, label->members, bytes);
  return members;
}

vlot_result vlot__disk_set_label(vlot__disk *disk, const vlot_disk_label *label) {
  const vlot_member *members = copy_members(disk, label), *old = disk->label.members;
  if (!members) return VLOT_NOMEM;
  vlot__lock(&disk->lock);
  disk->label = *label;
  disk->label.members = members;
  disk->hard.disk_id = label->disk_id;
  vlot__unlock(&disk->lock);
  if (old != members) vlot__alloc_free(disk->allocator, (void *)(uintptr_t)old);
  return VLOT_OK;
}

void vlot__disk_wipe(vlot__disk *disk, uint64_t disk_id) {
  vlot_log blank;
  vlot_log_init(&blank, disk->allocator, 0, 0);
  disk->label.disk_id = disk_id;
  replace(disk, &(vlot_hard_state){.disk_id = disk_id}, blank);
}
