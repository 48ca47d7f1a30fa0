#include "cluster/disk.h"

#include <pthread.h>
#include <string.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/lock.h"
#include "base/problem.h"
#include "cluster/disk_inside.h"
#include "vlot/raft_snapshot.h"

enum {
  STREAM = 0x6469736b
}; /* separates the disks' random numbers from those of nodes and links of the same seed */

vlot__disk *vlot__disk_open(const vlot_allocator *allocator, uint64_t seed, uint32_t member) {
  allocator = vlot__alloc_or_default(allocator);
  vlot__disk *disk = vlot__alloc_zero(allocator, 1, sizeof *disk);
  if (!disk) return NULL;
  if (pthread_mutex_init(&disk->lock, NULL) != 0) goto no_lock;
  if (pthread_cond_init(&disk->completed, NULL) != 0) goto no_condition;
  disk->allocator = allocator;
  vlot_log_init(&disk->log, allocator, 0, 0);
  vlot__ring_init(&disk->queue, allocator, sizeof(vlot__disk_waiting));
  vlot__prng_init(&disk->prng, seed, ((uint64_t)STREAM << 32) | member);
  return disk;
no_condition:
  pthread_mutex_destroy(&disk->lock);
no_lock:
  vlot__alloc_free(allocator, disk);
  return NULL;
}

void vlot__disk_waiting_free(vlot__disk *disk, vlot__disk_waiting *one) {
  for (uint32_t k = 0; k < one->write.slice_count; k++)
    vlot_batch_release(one->write.slices[k].batch);
  vlot_snapshot_release(one->write.snapshot);
  vlot__alloc_free(disk->allocator, (void *)(uintptr_t)one->write.slices);
}

void vlot__disk_drop_queue(vlot__disk *disk) {
  for (size_t k = 0; k < disk->queue.count; k++)
    vlot__disk_waiting_free(disk, vlot__ring_at(&disk->queue, k));
  vlot__ring_clear(&disk->queue);
  disk->queued_slices = 0;
  disk->tail_index = disk->log.last_index;
  disk->last_due = 0;
}

void vlot__disk_close(vlot__disk *disk) {
  if (!disk) return;
  VLOT_ASSERT(disk->completing == 0);
  vlot__disk_drop_queue(disk);
  vlot__ring_deinit(&disk->queue);
  vlot_log_deinit(&disk->log);
  vlot_snapshot_release(disk->snapshot);
  vlot__alloc_free(disk->allocator, disk->loaded);
  vlot__alloc_free(disk->allocator, (void *)(uintptr_t)disk->label.members);
  pthread_cond_destroy(&disk->completed);
  pthread_mutex_destroy(&disk->lock);
  vlot__alloc_free(disk->allocator, disk);
}

void vlot__disk_set_clock(vlot__disk *disk, _Atomic uint64_t *now) {
  vlot__lock(&disk->lock);
  disk->clock = now;
  vlot__unlock(&disk->lock);
}

/* No entry is left: what the snapshot has not got stood on another past. */
static void begin_at_snapshot(vlot__disk *disk, vlot_snapshot *snapshot) {
  const vlot_snapshot_head *head = vlot_snapshot_get(snapshot);
  vlot_log_restart(&disk->log, head->index, head->term);
  (void)vlot_snapshot_retain(snapshot);
  vlot_snapshot_release(disk->snapshot);
  disk->snapshot = snapshot;
}

void vlot__disk_make_durable(vlot__disk *disk, const vlot_write *write) {
  if (write->snapshot) begin_at_snapshot(disk, write->snapshot);
  if (write->truncate_from > 0) vlot_log_truncate(&disk->log, write->truncate_from);
  for (uint32_t k = 0; k < write->slice_count; k++) vlot_log_append(&disk->log, &write->slices[k]);
  if (write->has_hard) disk->hard = write->hard;
  disk->durable = write->token;
}

/* --- faults --- */

vlot_result vlot__disk_set_delay(vlot__disk *disk, uint32_t ticks_min, uint32_t ticks_max) {
  if (ticks_min > ticks_max)
    return vlot__refuse_value(VLOT_INVALID, "delay_ticks_min {0} is above delay_ticks_max {1}",
                              ticks_min, ticks_max);
  vlot__lock(&disk->lock);
  disk->delay_min = ticks_min;
  disk->delay_max = ticks_max;
  vlot__unlock(&disk->lock);
  return VLOT_OK;
}

void vlot__disk_stall(vlot__disk *disk, bool is_stalled) {
  vlot__lock(&disk->lock);
  disk->is_stalled = is_stalled;
  vlot__unlock(&disk->lock);
}

void vlot__disk_fail_at(vlot__disk *disk, uint64_t n) {
  vlot__lock(&disk->lock);
  disk->fail_in = n;
  vlot__unlock(&disk->lock);
}

void vlot__disk_set_full(vlot__disk *disk, bool is_full) {
  vlot__lock(&disk->lock);
  disk->is_full = is_full;
  vlot__unlock(&disk->lock);
}

vlot_result vlot__disk_set_fault(vlot__disk *disk, const vlot_disk_fault *fault) {
  vlot_result result = vlot__disk_set_delay(disk, fault->delay_ticks_min, fault->delay_ticks_max);
  if (result != VLOT_OK) return result;
  vlot__disk_stall(disk, fault->is_stalled != 0);
  vlot__disk_set_full(disk, fault->is_full != 0);
  vlot__disk_fail_at(disk, fault->fail_at);
  return VLOT_OK;
}

/* --- the storage --- */

static vlot_result disk_load(void *context, vlot_stored *stored) {
  vlot__disk *disk = context;
  vlot_result result = VLOT_NOMEM;
  vlot__lock(&disk->lock);
  VLOT_ASSERT(disk->queue.count == 0);
  const vlot_log *log = &disk->log;
  size_t count = log->slice_end - log->slice_first;
  vlot_slice *slices = vlot__alloc(disk->allocator, count, sizeof *slices);
  if (slices) {
    for (size_t k = 0; k < count; k++) slices[k] = *vlot_log_slice(log, log->slice_first + k);
    vlot__alloc_free(disk->allocator, disk->loaded);
    disk->loaded = slices;
    disk->has_failed = false;
    *stored = (vlot_stored){
        .hard = disk->hard,
        .base_index = log->base_index,
        .base_term = log->base_term,
        .slices = slices,
        .slice_count = count,
        .label = disk->label,
        .snapshot = disk->snapshot,
    };
    result = VLOT_OK;
  }
  vlot__unlock(&disk->lock);
  return result;
}

static void submit_check(const vlot__disk *disk, const vlot_write *write) {
  uint64_t next = disk->tail_index + 1;
  if (write->snapshot) {
    next = vlot_snapshot_get(write->snapshot)->index + 1;
    VLOT_ASSERT(write->truncate_from == 0 && next > disk->log.base_index);
  }
  if (write->truncate_from > 0) {
    VLOT_ASSERT(write->truncate_from > disk->log.base_index && write->truncate_from <= next);
    next = write->truncate_from;
  }
  for (uint32_t k = 0; k < write->slice_count; k++) {
    VLOT_ASSERT(write->slices[k].index == next && write->slices[k].count > 0);
    next += write->slices[k].count;
  }
}

void vlot__disk_move_tail(vlot__disk *disk, const vlot_write *write) {
  if (write->snapshot) disk->tail_index = vlot_snapshot_get(write->snapshot)->index;
  if (write->truncate_from > 0) disk->tail_index = write->truncate_from - 1;
  for (uint32_t k = 0; k < write->slice_count; k++) disk->tail_index += write->slices[k].count;
}

static uint64_t submit_due(vlot__disk *disk) {
  uint64_t now = disk->clock ? atomic_load_explicit(disk->clock, memory_order_relaxed) : disk->now;
  uint64_t delay =
      disk->delay_max > 0 ? vlot__prng_between(&disk->prng, disk->delay_min, disk->delay_max) : 0;
  uint64_t due = delay < VLOT_NEVER - now ? now + delay : VLOT_NEVER - 1;
  return due > disk->last_due ? due : disk->last_due;
}

vlot_result vlot__disk_enqueue(vlot__disk *disk, const vlot_write *write,
                               const vlot_storage_done *done, bool must_fail) {
  vlot_slice *slices = NULL;
  if (write->slice_count > 0) {
    slices = vlot__alloc(disk->allocator, write->slice_count, sizeof *slices);
    if (!slices) return VLOT_NOMEM;
    memcpy(slices, write->slices, write->slice_count * sizeof *slices);
  }
  vlot__disk_waiting *one = vlot__ring_push(&disk->queue);
  if (!one) {
    vlot__alloc_free(disk->allocator, slices);
    return VLOT_NOMEM;
  }
  *one = (vlot__disk_waiting){
      .write = *write, .done = *done, .due = submit_due(disk), .must_fail = must_fail};
  one->write.slices = slices;
  for (uint32_t k = 0; k < write->slice_count; k++) vlot_batch_retain(slices[k].batch);
  (void)vlot_snapshot_retain(one->write.snapshot);
  disk->queued_slices += write->slice_count;
  disk->last_due = one->due;
  return VLOT_PENDING;
}

static vlot_result submit_write(vlot__disk *disk, const vlot_write *write,
                                const vlot_storage_done *done) {
  bool must_fail = vlot__disk_must_fail(disk);
  bool must_wait = disk->queue.count > 0 || disk->is_stalled || disk->delay_max > 0;
  if (must_fail && !must_wait) return VLOT_IO;
  if (!must_fail) {
    submit_check(disk, write);
    if (!vlot_log_reserve(&disk->log, disk->queued_slices + write->slice_count)) return VLOT_NOMEM;
  }
  vlot_result result = must_wait ? vlot__disk_enqueue(disk, write, done, must_fail) : VLOT_OK;
  if (result == VLOT_OK) vlot__disk_make_durable(disk, write);
  if (result != VLOT_NOMEM && !must_fail) vlot__disk_move_tail(disk, write);
  return result;
}

static vlot_result disk_submit(void *context, const vlot_write *write,
                               const vlot_storage_done *done) {
  vlot__disk *disk = context;
  vlot__lock(&disk->lock);
  if (disk->loaded) {
    vlot__alloc_free(disk->allocator, disk->loaded);
    disk->loaded = NULL;
  }
  vlot_result result = submit_write(disk, write, done);
  if (result != VLOT_OK && result != VLOT_PENDING) disk->has_failed = true;
  vlot__unlock(&disk->lock);
  return result;
}

/* So many of the waiting writes survive: all that will not fail, or, after a power cut, the first
 * few of them (a disk keeps the order of its writes, so what is left is always a prefix).
 */
static size_t stop_survivors(vlot__disk *disk, bool is_power_cut) {
  size_t sound = 0;
  while (sound < disk->queue.count &&
         !((vlot__disk_waiting *)vlot__ring_at(&disk->queue, sound))->must_fail)
    sound++;
  if (!is_power_cut || sound == 0) return sound;
  size_t kept = (size_t)vlot__prng_below(&disk->prng, (uint64_t)sound + 1);
  disk->lost += sound - kept;
  return kept;
}

static void disk_stop(void *context, bool is_power_cut) {
  vlot__disk *disk = context;
  vlot__lock(&disk->lock);
  while (disk->completing > 0) vlot__cond_wait(&disk->completed, &disk->lock);
  size_t kept = stop_survivors(disk, is_power_cut);
  for (size_t k = 0; k < kept; k++)
    vlot__disk_make_durable(disk, &((vlot__disk_waiting *)vlot__ring_at(&disk->queue, k))->write);
  vlot__disk_drop_queue(disk);
  vlot__unlock(&disk->lock);
}

static void disk_release(void *context) { vlot__disk_close(context); }

static vlot_result disk_set_label(void *context, const vlot_disk_label *label) {
  return vlot__disk_set_label(context, label);
}

static vlot_result disk_keep(void *context, vlot_snapshot *snapshot) {
  return vlot__disk_keep(context, snapshot);
}

static vlot_result disk_compact(void *context, uint64_t index, uint64_t term) {
  return vlot__disk_compact(context, index, term);
}

vlot_storage vlot__disk_storage(vlot__disk *disk) {
  return (vlot_storage){.context = disk,
                        .load = disk_load,
                        .submit = disk_submit,
                        .stop = disk_stop,
                        .release = disk_release,
                        .size = sizeof(vlot_storage),
                        .format = disk_set_label,
                        .compact = disk_compact,
                        .keep = disk_keep};
}

/* --- pending writes --- */

uint64_t vlot__disk_next_due(vlot__disk *disk) {
  uint64_t due = VLOT_NEVER;
  vlot__lock(&disk->lock);
  if (disk->queue.count > 0 && !disk->is_stalled)
    due = ((vlot__disk_waiting *)vlot__ring_at(&disk->queue, 0))->due;
  vlot__unlock(&disk->lock);
  return due;
}

/* The oldest waiting write leaves the queue, durable or failed, unless it is not its time yet. */
static bool complete_take(vlot__disk *disk, bool is_forced, vlot__disk_waiting *one,
                          vlot_result *result) {
  if (disk->queue.count == 0) return false;
  *one = *(vlot__disk_waiting *)vlot__ring_at(&disk->queue, 0);
  if (!is_forced && (disk->is_stalled || one->due > disk->now)) return false;
  vlot__ring_pop_front(&disk->queue);
  disk->queued_slices -= one->write.slice_count;
  if (!one->must_fail) vlot__disk_make_durable(disk, &one->write);
  *result = one->must_fail ? VLOT_IO : VLOT_OK;
  return true;
}

static bool complete(vlot__disk *disk, bool is_forced, uint64_t *token) {
  vlot__disk_waiting one;
  vlot_result result = VLOT_OK;
  vlot__lock(&disk->lock);
  bool is_taken = complete_take(disk, is_forced, &one, &result);
  if (is_taken) disk->completing++;
  vlot__unlock(&disk->lock);
  if (!is_taken) return false;

  if (token) *token = one.write.token;
  one.done.done(one.done.context, one.write.token, result);
  vlot__disk_waiting_free(disk, &one);

  vlot__lock(&disk->lock);
  if (--disk->completing == 0) pthread_cond_broadcast(&disk->completed);
  vlot__unlock(&disk->lock);
  return true;
}

uint32_t vlot__disk_advance(vlot__disk *disk, uint64_t now) {
  vlot__lock(&disk->lock);
  if (now > disk->now) disk->now = now;
  size_t waiting_now =
      disk->queue.count; /* a write that a completion brings about is for the next time */
  vlot__unlock(&disk->lock);
  uint32_t count = 0;
  while (count < waiting_now && complete(disk, false, NULL)) count++;
  return count;
}

bool vlot__disk_complete_one(vlot__disk *disk, uint64_t *token) {
  return complete(disk, true, token);
}

bool vlot__disk_postpone(vlot__disk *disk, uint64_t now, uint64_t ticks) {
  vlot__lock(&disk->lock);
  bool is_there = disk->queue.count > 0;
  if (is_there) {
    uint64_t *due = &((vlot__disk_waiting *)vlot__ring_at(&disk->queue, 0))->due;
    uint64_t from = *due > now ? *due : now;
    *due = ticks < VLOT_NEVER - from ? from + ticks : VLOT_NEVER - 1;
  }
  vlot__unlock(&disk->lock);
  return is_there;
}

size_t vlot__disk_pending(vlot__disk *disk, uint64_t *tokens, size_t capacity) {
  vlot__lock(&disk->lock);
  size_t count = disk->queue.count;
  for (size_t k = 0; k < count && k < capacity; k++)
    tokens[k] = ((vlot__disk_waiting *)vlot__ring_at(&disk->queue, k))->write.token;
  vlot__unlock(&disk->lock);
  return count;
}

/* --- looking --- */

uint64_t vlot__disk_durable(vlot__disk *disk) {
  vlot__lock(&disk->lock);
  uint64_t token = disk->durable;
  vlot__unlock(&disk->lock);
  return token;
}

uint64_t vlot__disk_lost(vlot__disk *disk) {
  vlot__lock(&disk->lock);
  uint64_t lost = disk->lost;
  vlot__unlock(&disk->lock);
  return lost;
}

uint64_t vlot__disk_id(vlot__disk *disk) {
  vlot__lock(&disk->lock);
  uint64_t id = disk->hard.disk_id;
  vlot__unlock(&disk->lock);
  return id;
}

uint64_t vlot__disk_last(vlot__disk *disk) {
  vlot__lock(&disk->lock);
  uint64_t last = disk->log.last_index;
  vlot__unlock(&disk->lock);
  return last;
}
