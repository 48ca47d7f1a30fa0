#include "cluster/disk.h"

#include <pthread.h>
#include <string.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/prng.h"
#include "base/ring.h"
#include "cluster/disk_log.h"

enum {
  STREAM = 0x6469736b
}; /* separates the disks' random numbers from those of nodes and links of the same seed */

/* A write that was submitted and is not durable yet. */
typedef struct waiting {
  vlot_write write; /* slices: a copy, every batch retained */
  vlot_storage_done done;
  uint64_t due;
  bool must_fail;
} waiting;

/* Guarded by lock. Batches are released and memory is asked for while it is held: an allocator is a
 * leaf below it.
 */
struct vlot__disk {
  const vlot_allocator *allocator;
  pthread_mutex_t lock;
  pthread_cond_t completed; /* completing has become 0 */
  uint32_t completing;      /* completions whose done has not returned yet */
  vlot_hard_state hard;     /* what is durable, with the log */
  vlot__disk_log log;
  vlot_slice *loaded;   /* what the last load() lent */
  vlot__ring queue;     /* of waiting, oldest first */
  size_t queued_slices; /* sum over the queue: their room in the log is reserved */
  uint64_t tail_index;  /* last index once the queue is durable */
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

vlot__disk *vlot__disk_open(const vlot_allocator *allocator, uint64_t seed, uint32_t member) {
  allocator = vlot__alloc_or_default(allocator);
  vlot__disk *disk = vlot__alloc_zero(allocator, 1, sizeof *disk);
  if (!disk) return NULL;
  if (pthread_mutex_init(&disk->lock, NULL) != 0) goto no_lock;
  if (pthread_cond_init(&disk->completed, NULL) != 0) goto no_condition;
  disk->allocator = allocator;
  vlot__disk_log_init(&disk->log, allocator, 0, 0);
  vlot__ring_init(&disk->queue, allocator, sizeof(waiting));
  vlot__prng_init(&disk->prng, seed, ((uint64_t)STREAM << 32) | member);
  return disk;
no_condition:
  pthread_mutex_destroy(&disk->lock);
no_lock:
  vlot__alloc_free(allocator, disk);
  return NULL;
}

static void waiting_free(vlot__disk *disk, waiting *one) {
  for (uint32_t k = 0; k < one->write.slice_count; k++)
    vlot_batch_release(one->write.slices[k].batch);
  vlot__alloc_free(disk->allocator, (void *)(uintptr_t)one->write.slices);
}

static void queue_drop(vlot__disk *disk) {
  for (size_t k = 0; k < disk->queue.count; k++) waiting_free(disk, vlot__ring_at(&disk->queue, k));
  vlot__ring_clear(&disk->queue);
  disk->queued_slices = 0;
  disk->tail_index = disk->log.last_index;
  disk->last_due = 0;
}

void vlot__disk_close(vlot__disk *disk) {
  if (!disk) return;
  VLOT_ASSERT(disk->completing == 0);
  queue_drop(disk);
  vlot__ring_deinit(&disk->queue);
  vlot__disk_log_deinit(&disk->log);
  vlot__alloc_free(disk->allocator, disk->loaded);
  pthread_cond_destroy(&disk->completed);
  pthread_mutex_destroy(&disk->lock);
  vlot__alloc_free(disk->allocator, disk);
}

void vlot__disk_set_clock(vlot__disk *disk, _Atomic uint64_t *now) {
  pthread_mutex_lock(&disk->lock);
  disk->clock = now;
  pthread_mutex_unlock(&disk->lock);
}

/* --- what it holds --- */

/* One record becomes durable: all of it, at once (a crash between truncating and appending cannot
 * be seen). Cannot fail.
 */
static void make_durable(vlot__disk *disk, const vlot_write *write) {
  if (write->truncate_from > 0) vlot__disk_log_truncate(&disk->log, write->truncate_from);
  for (uint32_t k = 0; k < write->slice_count; k++)
    vlot__disk_log_append(&disk->log, &write->slices[k]);
  if (write->has_hard) disk->hard = write->hard;
  disk->durable = write->token;
}

static void replace(vlot__disk *disk, const vlot_hard_state *hard, vlot__disk_log log) {
  pthread_mutex_lock(&disk->lock);
  VLOT_ASSERT(disk->queue.count == 0);
  vlot__disk_log old = disk->log;
  vlot_slice *loaded = disk->loaded;
  disk->log = log;
  disk->hard = *hard;
  disk->loaded = NULL;
  disk->tail_index = log.last_index;
  pthread_mutex_unlock(&disk->lock);
  vlot__disk_log_deinit(&old);
  vlot__alloc_free(disk->allocator, loaded);
}

vlot_result vlot__disk_format_slices(vlot__disk *disk, const vlot_hard_state *hard,
                                     uint64_t base_index, uint64_t base_term,
                                     const vlot_slice *slices, size_t count) {
  vlot__disk_log log;
  vlot__disk_log_init(&log, disk->allocator, base_index, base_term);
  vlot_result result = vlot__disk_log_reserve(&log, count) ? VLOT_OK : VLOT_NOMEM;
  uint64_t term = base_term;
  for (size_t k = 0; result == VLOT_OK && k < count; k++) {
    const vlot_slice *slice = &slices[k];
    if (slice->count == 0 || slice->index != log.last_index + 1 || slice->term < term ||
        slice->term == 0) {
      result = VLOT_INVALID;
    } else {
      vlot__disk_log_append(&log, slice);
      term = slice->term;
    }
  }
  if (result == VLOT_OK)
    replace(disk, hard, log);
  else
    vlot__disk_log_deinit(&log);
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
  vlot__disk_log log;
  vlot__disk_log_init(&log, disk->allocator, base_index, base_term);
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
    if (batch && vlot__disk_log_reserve(&log, 1)) {
      vlot__disk_log_append(
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
    vlot__disk_log_deinit(&log);
  return result;
}

void vlot__disk_wipe(vlot__disk *disk, uint64_t disk_id) {
  vlot__disk_log blank;
  vlot__disk_log_init(&blank, disk->allocator, 0, 0);
  replace(disk, &(vlot_hard_state){.disk_id = disk_id}, blank);
}

/* --- faults --- */

vlot_result vlot__disk_set_delay(vlot__disk *disk, uint32_t ticks_min, uint32_t ticks_max) {
  if (ticks_min > ticks_max) return VLOT_INVALID;
  pthread_mutex_lock(&disk->lock);
  disk->delay_min = ticks_min;
  disk->delay_max = ticks_max;
  pthread_mutex_unlock(&disk->lock);
  return VLOT_OK;
}

void vlot__disk_stall(vlot__disk *disk, bool is_stalled) {
  pthread_mutex_lock(&disk->lock);
  disk->is_stalled = is_stalled;
  pthread_mutex_unlock(&disk->lock);
}

void vlot__disk_fail_at(vlot__disk *disk, uint64_t n) {
  pthread_mutex_lock(&disk->lock);
  disk->fail_in = n;
  pthread_mutex_unlock(&disk->lock);
}

void vlot__disk_set_full(vlot__disk *disk, bool is_full) {
  pthread_mutex_lock(&disk->lock);
  disk->is_full = is_full;
  pthread_mutex_unlock(&disk->lock);
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
  pthread_mutex_lock(&disk->lock);
  VLOT_ASSERT(disk->queue.count == 0);
  size_t count = disk->log.slice_count;
  vlot_slice *slices = vlot__alloc(disk->allocator, count, sizeof *slices);
  if (slices) {
    vlot__disk_log_copy(&disk->log, slices);
    vlot__alloc_free(disk->allocator, disk->loaded);
    disk->loaded = slices;
    disk->has_failed = false;
    *stored = (vlot_stored){
        .hard = disk->hard,
        .base_index = disk->log.base_index,
        .base_term = disk->log.base_term,
        .slices = slices,
        .slice_count = count,
    };
    result = VLOT_OK;
  }
  pthread_mutex_unlock(&disk->lock);
  return result;
}

/* What comes of a write, in the order of submission; a failure lasts until the next load. */
static bool submit_must_fail(vlot__disk *disk) {
  if (disk->fail_in > 0 && --disk->fail_in == 0) disk->has_failed = true;
  if (disk->is_full) disk->has_failed = true;
  return disk->has_failed;
}

static void submit_check(const vlot__disk *disk, const vlot_write *write) {
  uint64_t next = disk->tail_index + 1;
  if (write->truncate_from > 0) {
    VLOT_ASSERT(write->truncate_from > disk->log.base_index && write->truncate_from <= next);
    next = write->truncate_from;
  }
  for (uint32_t k = 0; k < write->slice_count; k++) {
    VLOT_ASSERT(write->slices[k].index == next && write->slices[k].count > 0);
    next += write->slices[k].count;
  }
}

static void tail_after(vlot__disk *disk, const vlot_write *write) {
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

static vlot_result submit_pending(vlot__disk *disk, const vlot_write *write,
                                  const vlot_storage_done *done, bool must_fail) {
  vlot_slice *slices = NULL;
  if (write->slice_count > 0) {
    slices = vlot__alloc(disk->allocator, write->slice_count, sizeof *slices);
    if (!slices) return VLOT_NOMEM;
    memcpy(slices, write->slices, write->slice_count * sizeof *slices);
  }
  waiting *one = vlot__ring_push(&disk->queue);
  if (!one) {
    vlot__alloc_free(disk->allocator, slices);
    return VLOT_NOMEM;
  }
  *one = (waiting){.write = *write, .done = *done, .due = submit_due(disk), .must_fail = must_fail};
  one->write.slices = slices;
  for (uint32_t k = 0; k < write->slice_count; k++) vlot_batch_retain(slices[k].batch);
  disk->queued_slices += write->slice_count;
  disk->last_due = one->due;
  return VLOT_PENDING;
}

static vlot_result submit_write(vlot__disk *disk, const vlot_write *write,
                                const vlot_storage_done *done) {
  bool must_fail = submit_must_fail(disk);
  bool must_wait = disk->queue.count > 0 || disk->is_stalled || disk->delay_max > 0;
  if (must_fail && !must_wait) return VLOT_IO;
  if (!must_fail) {
    submit_check(disk, write);
    if (!vlot__disk_log_reserve(&disk->log, disk->queued_slices + write->slice_count))
      return VLOT_NOMEM;
  }
  vlot_result result = must_wait ? submit_pending(disk, write, done, must_fail) : VLOT_OK;
  if (result == VLOT_OK) make_durable(disk, write);
  if (result != VLOT_NOMEM && !must_fail) tail_after(disk, write);
  return result;
}

static vlot_result disk_submit(void *context, const vlot_write *write,
                               const vlot_storage_done *done) {
  vlot__disk *disk = context;
  pthread_mutex_lock(&disk->lock);
  if (disk->loaded) {
    vlot__alloc_free(disk->allocator, disk->loaded);
    disk->loaded = NULL;
  }
  vlot_result result = submit_write(disk, write, done);
  if (result != VLOT_OK && result != VLOT_PENDING) disk->has_failed = true;
  pthread_mutex_unlock(&disk->lock);
  return result;
}

/* So many of the waiting writes survive: all that will not fail, or, after a power cut, the first
 * few of them (a disk keeps the order of its writes, so what is left is always a prefix).
 */
static size_t stop_survivors(vlot__disk *disk, bool is_power_cut) {
  size_t sound = 0;
  while (sound < disk->queue.count && !((waiting *)vlot__ring_at(&disk->queue, sound))->must_fail)
    sound++;
  if (!is_power_cut || sound == 0) return sound;
  size_t kept = (size_t)vlot__prng_below(&disk->prng, (uint64_t)sound + 1);
  disk->lost += sound - kept;
  return kept;
}

static void disk_stop(void *context, bool is_power_cut) {
  vlot__disk *disk = context;
  pthread_mutex_lock(&disk->lock);
  while (disk->completing > 0) pthread_cond_wait(&disk->completed, &disk->lock);
  size_t kept = stop_survivors(disk, is_power_cut);
  for (size_t k = 0; k < kept; k++)
    make_durable(disk, &((waiting *)vlot__ring_at(&disk->queue, k))->write);
  queue_drop(disk);
  pthread_mutex_unlock(&disk->lock);
}

static void disk_release(void *context) { vlot__disk_close(context); }

vlot_storage vlot__disk_storage(vlot__disk *disk) {
  return (vlot_storage){.context = disk,
                        .load = disk_load,
                        .submit = disk_submit,
                        .stop = disk_stop,
                        .release = disk_release};
}

/* --- pending writes --- */

uint64_t vlot__disk_next_due(vlot__disk *disk) {
  uint64_t due = VLOT_NEVER;
  pthread_mutex_lock(&disk->lock);
  if (disk->queue.count > 0 && !disk->is_stalled)
    due = ((waiting *)vlot__ring_at(&disk->queue, 0))->due;
  pthread_mutex_unlock(&disk->lock);
  return due;
}

/* The oldest waiting write leaves the queue, durable or failed, unless it is not its time yet. */
static bool complete_take(vlot__disk *disk, bool is_forced, waiting *one, vlot_result *result) {
  if (disk->queue.count == 0) return false;
  *one = *(waiting *)vlot__ring_at(&disk->queue, 0);
  if (!is_forced && (disk->is_stalled || one->due > disk->now)) return false;
  vlot__ring_pop_front(&disk->queue);
  disk->queued_slices -= one->write.slice_count;
  if (!one->must_fail) make_durable(disk, &one->write);
  *result = one->must_fail ? VLOT_IO : VLOT_OK;
  return true;
}

static bool complete(vlot__disk *disk, bool is_forced, uint64_t *token) {
  waiting one;
  vlot_result result = VLOT_OK;
  pthread_mutex_lock(&disk->lock);
  bool is_taken = complete_take(disk, is_forced, &one, &result);
  if (is_taken) disk->completing++;
  pthread_mutex_unlock(&disk->lock);
  if (!is_taken) return false;

  if (token) *token = one.write.token;
  one.done.done(one.done.context, one.write.token, result);
  waiting_free(disk, &one);

  pthread_mutex_lock(&disk->lock);
  if (--disk->completing == 0) pthread_cond_broadcast(&disk->completed);
  pthread_mutex_unlock(&disk->lock);
  return true;
}

uint32_t vlot__disk_advance(vlot__disk *disk, uint64_t now) {
  pthread_mutex_lock(&disk->lock);
  if (now > disk->now) disk->now = now;
  size_t waiting_now =
      disk->queue.count; /* a write that a completion brings about is for the next time */
  pthread_mutex_unlock(&disk->lock);
  uint32_t count = 0;
  while (count < waiting_now && complete(disk, false, NULL)) count++;
  return count;
}

bool vlot__disk_complete_one(vlot__disk *disk, uint64_t *token) {
  return complete(disk, true, token);
}

bool vlot__disk_postpone(vlot__disk *disk, uint64_t ticks) {
  pthread_mutex_lock(&disk->lock);
  bool is_there = disk->queue.count > 0;
  if (is_there) {
    uint64_t *due = &((waiting *)vlot__ring_at(&disk->queue, 0))->due;
    *due = ticks < VLOT_NEVER - *due ? *due + ticks : VLOT_NEVER - 1;
  }
  pthread_mutex_unlock(&disk->lock);
  return is_there;
}

size_t vlot__disk_pending(vlot__disk *disk, uint64_t *tokens, size_t capacity) {
  pthread_mutex_lock(&disk->lock);
  size_t count = disk->queue.count;
  for (size_t k = 0; k < count && k < capacity; k++)
    tokens[k] = ((waiting *)vlot__ring_at(&disk->queue, k))->write.token;
  pthread_mutex_unlock(&disk->lock);
  return count;
}

/* --- as another disk did --- */

uint64_t vlot__disk_durable(vlot__disk *disk) {
  pthread_mutex_lock(&disk->lock);
  uint64_t token = disk->durable;
  pthread_mutex_unlock(&disk->lock);
  return token;
}

static void settle(vlot__disk *disk, uint64_t token) {
  while (disk->queue.count > 0) {
    waiting one = *(waiting *)vlot__ring_at(&disk->queue, 0);
    if (one.write.token > token) return;
    vlot__ring_pop_front(&disk->queue);
    disk->queued_slices -= one.write.slice_count;
    make_durable(disk, &one.write);
    waiting_free(disk, &one);
  }
}

/* Does the write follow on what the disk holds? What is read from a journal is data: it is refused,
 * not asserted. */
static bool follows(const vlot__disk *disk, const vlot_write *write) {
  uint64_t next = disk->tail_index + 1;
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
  pthread_mutex_lock(&disk->lock);
  vlot__alloc_free(disk->allocator, disk->loaded);
  disk->loaded = NULL;
  if (is_taken && (disk->has_failed || !follows(disk, write)))
    result = VLOT_INVALID;
  else if (is_taken &&
           !vlot__disk_log_reserve(&disk->log, disk->queued_slices + write->slice_count))
    result = VLOT_NOMEM;
  else if (result == VLOT_PENDING)
    result = submit_pending(disk, write, &nobody, false);
  /* earlier ones are durable as well, though the node has not heard of it yet */
  if (result == VLOT_OK) {
    settle(disk, VLOT_NEVER);
    make_durable(disk, write);
  }
  if (result == VLOT_OK || result == VLOT_PENDING)
    tail_after(disk, write);
  else
    disk->has_failed = true;
  pthread_mutex_unlock(&disk->lock);
  return result;
}

void vlot__disk_settle(vlot__disk *disk, uint64_t token, bool is_failed) {
  pthread_mutex_lock(&disk->lock);
  settle(disk, is_failed && token > 0 ? token - 1 : token);
  if (is_failed) { /* and so has every later one */
    queue_drop(disk);
    disk->has_failed = true;
  }
  pthread_mutex_unlock(&disk->lock);
}

void vlot__disk_stop_at(vlot__disk *disk, uint64_t token, bool is_power_cut) {
  pthread_mutex_lock(&disk->lock);
  settle(disk, token);
  if (is_power_cut) disk->lost += disk->queue.count;
  queue_drop(disk);
  pthread_mutex_unlock(&disk->lock);
}

uint64_t vlot__disk_lost(vlot__disk *disk) {
  pthread_mutex_lock(&disk->lock);
  uint64_t lost = disk->lost;
  pthread_mutex_unlock(&disk->lock);
  return lost;
}

uint64_t vlot__disk_id(vlot__disk *disk) {
  pthread_mutex_lock(&disk->lock);
  uint64_t id = disk->hard.disk_id;
  pthread_mutex_unlock(&disk->lock);
  return id;
}

uint64_t vlot__disk_last(vlot__disk *disk) {
  pthread_mutex_lock(&disk->lock);
  uint64_t last = disk->log.last_index;
  pthread_mutex_unlock(&disk->lock);
  return last;
}
