/* Recording: the one buffer of the cluster that tapes are emptied into, and control's records. A
 * thread of its own hands full buffers to the sink; whoever finds both buffers full waits for it,
 * so that memory is bounded.
 */
#include "cluster/journal.h"

#include <errno.h>
#include <signal.h>
#include <time.h>

#include "cluster/node.h"

enum {
  /* 128 KiB with the header: it is in a cache when it is written */
  BUFFER_BYTES = (1 << 17) - VLOT__JOURNAL_BLOCK_HEAD,
  /* what does not fill a buffer is written after so long: little is missing after a crash */
  WRITE_WITHIN_MS = 200
};

typedef struct buffer {
  uint8_t *data; /* room for the block's header, then [size] bytes */
  size_t size, capacity;
} buffer;

struct vlot__journal {
  vlot_cluster *cluster;
  const vlot_allocator *allocator;
  vlot_writer sink;
  _Atomic bool is_on;

  pthread_mutex_t lock;
  pthread_cond_t filled; /* the writer has something to do */
  pthread_cond_t freed;  /* a buffer has been written */
  buffer buffers[2];
  uint32_t current; /* is filled; the other is free or being written */
  bool is_handed;   /* the other is being written */
  bool is_idle;     /* the writer sleeps until something comes */
  bool must_stop;
  bool has_thread;
  bool is_told; /* that memory ran out */
  vlot_result result;
  uint64_t bytes, written;
  pthread_t writer;
};

/* --- hashing --- */

/* Four lanes that need not wait for each other. */
uint64_t vlot__journal_hash(uint64_t hash, const void *data, size_t size) {
  static const uint64_t odd[4] = {0x9e3779b97f4a7c15, 0xbf58476d1ce4e5b9, 0x94d049bb133111eb,
                                  0xd6e8feb86659fd93};
  const uint8_t *at = data;
  uint64_t lanes[4] = {hash, hash ^ odd[1], hash ^ odd[2], hash ^ size};
  for (; size >= 32; at += 32, size -= 32)
    for (int k = 0; k < 4; k++) {
      lanes[k] = (lanes[k] ^ vlot__get64(at + 8 * k)) * odd[k];
      lanes[k] ^= lanes[k] >> 29;
    }
  for (; size >= 8; at += 8, size -= 8) lanes[0] = vlot__prng_mix(lanes[0] ^ vlot__get64(at));
  uint64_t tail = 0;
  for (size_t k = 0; k < size; k++) tail |= (uint64_t)at[k] << (8 * k);
  for (int k = 0; k < 4; k++) tail = vlot__prng_mix(tail ^ lanes[k]);
  return tail;
}

/* --- the writer --- */

static void end_early(vlot__journal *journal, vlot_result result) {
  if (journal->result == VLOT_OK) journal->result = result;
  atomic_store(&journal->is_on, false);
  pthread_cond_broadcast(&journal->freed);
}

static void hand_over(vlot__journal *journal) {
  journal->is_handed = true;
  journal->current ^= 1;
}

/* Under the lock, which is let go while the sink works. */
static void write_handed(vlot__journal *journal) {
  buffer *full = &journal->buffers[journal->current ^ 1];
  vlot_result result = journal->result;
  pthread_mutex_unlock(&journal->lock);
  if (result == VLOT_OK) {
    vlot__put32(full->data, (uint32_t)full->size);
    vlot__put32(full->data + 4, 0);
    vlot__put64(full->data + 8,
                vlot__journal_hash(0, full->data + VLOT__JOURNAL_BLOCK_HEAD, full->size));
    result = journal->sink.write(journal->sink.context, full->data,
                                 VLOT__JOURNAL_BLOCK_HEAD + full->size);
    if (result != VLOT_OK)
      vlot__log(journal->cluster, "the journal ends here: it could not be written (%s)",
                vlot_result_text(result));
  }
  pthread_mutex_lock(&journal->lock);
  if (result == VLOT_OK) {
    journal->written += VLOT__JOURNAL_BLOCK_HEAD + full->size;
    journal->bytes += VLOT__JOURNAL_BLOCK_HEAD;
  } else {
    end_early(journal, result);
  }
  full->size = 0;
  journal->is_handed = false;
  pthread_cond_broadcast(&journal->freed);
}

/* Until a buffer is full, or something has lain there for a while. */
static void wait_for_work(vlot__journal *journal) {
  if (journal->buffers[journal->current].size == 0) {
    journal->is_idle = true;
    pthread_cond_wait(&journal->filled, &journal->lock);
    journal->is_idle = false;
    return;
  }
  struct timespec until;
  clock_gettime(CLOCK_MONOTONIC, &until);
  until.tv_nsec += WRITE_WITHIN_MS * 1000000;
  until.tv_sec += until.tv_nsec / 1000000000;
  until.tv_nsec %= 1000000000;
  int error = 0;
  while (!journal->is_handed && !journal->must_stop && error != ETIMEDOUT)
    error = pthread_cond_timedwait(&journal->filled, &journal->lock, &until);
  if (!journal->is_handed) hand_over(journal);
}

static void *write_all(void *context) {
  vlot__journal *journal = context;
  pthread_mutex_lock(&journal->lock);
  for (;;) {
    if (journal->is_handed)
      write_handed(journal);
    else if (journal->must_stop && journal->buffers[journal->current].size == 0)
      break;
    else
      wait_for_work(journal);
  }
  pthread_mutex_unlock(&journal->lock);
  return NULL;
}

/* --- appending --- */

static bool grow(vlot__journal *journal, buffer *one, size_t size) {
  void *data = one->data;
  size_t capacity = one->capacity;
  if (size > UINT32_MAX) return false; /* a block says its size in 32 bits */
  if (!vlot__alloc_grow(journal->allocator, &data, &capacity, VLOT__JOURNAL_BLOCK_HEAD + size, 1))
    return false;
  one->data = data;
  one->capacity = capacity;
  return true;
}

/* Under the lock: room for so many bytes in the current buffer. What is larger than a buffer gets
 * one of its own size. */
static buffer *room_for(vlot__journal *journal, size_t size) {
  while (journal->result == VLOT_OK) {
    buffer *current = &journal->buffers[journal->current];
    if (VLOT__JOURNAL_BLOCK_HEAD + current->size + size <= current->capacity) return current;
    if (current->size == 0) {
      if (grow(journal, current, size)) return current;
      end_early(journal, VLOT_NOMEM);
    } else if (journal->is_handed) {
      pthread_cond_wait(&journal->freed, &journal->lock);
    } else {
      hand_over(journal);
      pthread_cond_signal(&journal->filled);
    }
  }
  return NULL;
}

/* Memory ran out: the journal ends here, and that is told once. */
void vlot__journal_short(vlot__journal *journal) {
  pthread_mutex_lock(&journal->lock);
  end_early(journal, VLOT_NOMEM);
  bool is_first = !journal->is_told;
  journal->is_told = true;
  pthread_mutex_unlock(&journal->lock);
  if (is_first) vlot__log(journal->cluster, "the journal ends here: out of memory");
}

void vlot__journal_append(vlot__journal *journal, const void *data, size_t size) {
  pthread_mutex_lock(&journal->lock);
  buffer *current = room_for(journal, size);
  if (current) {
    memcpy(current->data + VLOT__JOURNAL_BLOCK_HEAD + current->size, data, size);
    current->size += size;
    journal->bytes += size;
  }
  bool must_signal = journal->is_idle;
  bool is_short = !current && journal->result == VLOT_NOMEM;
  pthread_mutex_unlock(&journal->lock);
  if (must_signal) pthread_cond_signal(&journal->filled);
  if (is_short) vlot__journal_short(journal);
}

bool vlot__journal_is_on(const vlot__journal *journal) {
  return journal && atomic_load_explicit(&journal->is_on, memory_order_relaxed);
}

/* --- control's records --- */

enum { CONTROL_BYTES = 96 };

static void append_record(vlot__journal *journal, uint8_t *record, const uint8_t *end) {
  vlot__put32(record, (uint32_t)(end - record));
  vlot__journal_append(journal, record, (size_t)(end - record));
}

/* The node has no turn now: what is on its tape goes first. */
static bool begin_control(vlot__slot *slot) {
  if (!vlot__journal_is_on(slot->cluster->journal)) return false;
  if (!slot->node) return true;
  vlot__tape_empty(slot->node);
  return true;
}

void vlot__journal_start(vlot__slot *slot) {
  uint8_t record[CONTROL_BYTES];
  vlot_raft_status status;
  if (!slot->cluster->journal) return;
  if (!begin_control(slot)) return;
  vlot_raft_get_status(slot->node->raft, &status);
  uint8_t *at = vlot__put_head(record, 0, VLOT__RECORD_START, 0, slot->id);
  at = vlot__put32(at, slot->incarnation);
  at = vlot__put64(at, slot->node->seen_tick);
  at = vlot__put32(at, slot->node->permille);
  at = vlot__put64(at, slot->disk_id);
  at = vlot__put64(at, status.term);
  at = vlot__put32(at, status.vote);
  at = vlot__put64(at, status.last_index);
  at = vlot__put64(at, slot->digest);
  append_record(slot->cluster->journal, record, at);
}

static void append_bare(vlot__slot *slot, vlot__journal_type type, uint32_t flags) {
  uint8_t record[CONTROL_BYTES];
  if (begin_control(slot))
    append_record(slot->cluster->journal, record, vlot__put_head(record, 0, type, flags, slot->id));
}

void vlot__journal_unstart(vlot__slot *slot) { append_bare(slot, VLOT__RECORD_UNSTART, 0); }

void vlot__journal_restart(vlot__slot *slot, vlot_restart how) {
  append_bare(slot, VLOT__RECORD_RESTART, how);
}

void vlot__journal_suspend(vlot__slot *slot, bool is_suspended) {
  append_bare(slot, is_suspended ? VLOT__RECORD_SUSPEND : VLOT__RECORD_RESUME, 0);
}

void vlot__journal_kill(vlot__slot *slot, vlot_why why, bool is_power_cut, bool was_leader,
                        bool is_quarantined) {
  vlot_cluster *cluster = slot->cluster;
  uint8_t record[CONTROL_BYTES];
  uint64_t hash = 0, applied = 0;
  if (!vlot__journal_is_on(cluster->journal)) return;
  if (is_quarantined) { /* its tape is its own */
    append_record(cluster->journal, record,
                  vlot__put_head(record, 0, VLOT__RECORD_QUARANTINE, 0, slot->id));
    return;
  }
  begin_control(slot);
  (void)vlot__node_hash(slot->node, &hash, &applied);
  vlot__journal_type type = cluster->is_closing ? VLOT__RECORD_CLOSE : VLOT__RECORD_KILL;
  uint8_t *at =
      vlot__put_head(record, 0, type, (uint32_t)is_power_cut | (uint32_t)was_leader << 1, slot->id);
  at = vlot__put32(at, (uint32_t)why);
  at = vlot__put64(at, vlot__disk_durable(slot->disk));
  at = vlot__put64(at, slot->node->applied_index);
  at = vlot__put64(at, hash);
  at = vlot__put64(at, slot->digest);
  append_record(cluster->journal, record, at);
}

void vlot__journal_link(vlot_cluster *cluster, uint32_t from, uint32_t to, const vlot_link *link) {
  uint8_t record[CONTROL_BYTES];
  if (!vlot__journal_is_on(cluster->journal)) return;
  uint8_t *at = vlot__put_head(record, 0, VLOT__RECORD_LINK, 0, 0);
  at = vlot__put32(vlot__put32(at, from), to);
  const uint32_t fields[10] = {link->is_cut,          link->loss,
                               link->duplicate,       link->reorder,
                               link->reorder_ticks,   link->delay_ticks_min,
                               link->delay_ticks_max, link->tail,
                               link->tail_ticks,      link->kinds};
  for (int k = 0; k < 10; k++) at = vlot__put32(at, fields[k]);
  append_record(cluster->journal, record, at);
}

void vlot__journal_clock(vlot__slot *slot, uint32_t permille) {
  uint8_t record[CONTROL_BYTES];
  if (!begin_control(slot)) return;
  uint8_t *at = vlot__put_head(record, 0, VLOT__RECORD_CLOCK, 0, slot->id);
  append_record(slot->cluster->journal, record,
                vlot__put64(vlot__put32(at, permille), vlot__now(slot->cluster)));
}

void vlot__journal_drop(vlot_cluster *cluster, uint32_t to, bool is_message, vlot_why why,
                        uint64_t id) {
  uint8_t record[CONTROL_BYTES];
  if (!vlot__journal_is_on(cluster->journal)) return;
  uint8_t *at = vlot__put_head(record, 0, VLOT__RECORD_DROP, is_message, to);
  append_record(cluster->journal, record, vlot__put64(vlot__put32(at, (uint32_t)why), id));
}

void vlot__journal_copy(vlot_cluster *cluster, uint64_t id, uint64_t copy) {
  uint8_t record[CONTROL_BYTES];
  if (!vlot__journal_is_on(cluster->journal)) return;
  uint8_t *at = vlot__put_head(record, 0, VLOT__RECORD_COPY, 0, 0);
  append_record(cluster->journal, record, vlot__put64(vlot__put64(at, id), copy));
}

/* The cluster's own events; a dropped message has a record of its own. */
void vlot__journal_event(vlot_cluster *cluster, const vlot_event *event) {
  uint8_t record[CONTROL_BYTES];
  if (event->kind == VLOT_EVENT_DROPPED || !vlot__journal_is_on(cluster->journal)) return;
  uint8_t *at = vlot__put_head(record, 0, VLOT__RECORD_EVENT, 0, 0);
  at = vlot__put16(vlot__put16(at, event->kind), event->why);
  at = vlot__put32(at, event->peer);
  at = vlot__put64(at, event->as.change.from);
  at = vlot__put64(at, event->as.change.to);
  append_record(cluster->journal, record, vlot__put64(at, event->as.change.term));
}

/* --- opening and closing --- */

static vlot_result start_writer(vlot__journal *journal) {
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before); /* the host's signals are the host's (P23) */
  int error = pthread_create(&journal->writer, NULL, write_all, journal);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  if (error != 0) return VLOT_BUSY;
  pthread_setname_np(journal->writer, "vlot-journal");
  journal->has_thread = true;
  return VLOT_OK;
}

vlot_result vlot__journal_open(vlot_cluster *cluster) {
  pthread_condattr_t monotonic;
  vlot__journal *journal = vlot__alloc_zero(cluster->allocator, 1, sizeof *journal);
  if (!journal) return VLOT_NOMEM;
  journal->cluster = cluster;
  journal->allocator = cluster->allocator;
  journal->sink = *cluster->options.journal;
  pthread_mutex_init(&journal->lock, NULL);
  pthread_cond_init(&journal->freed, NULL);
  pthread_condattr_init(&monotonic);
  pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
  pthread_cond_init(&journal->filled, &monotonic);
  pthread_condattr_destroy(&monotonic);
  bool has_room = grow(journal, &journal->buffers[0], BUFFER_BYTES) &&
                  grow(journal, &journal->buffers[1], BUFFER_BYTES);
  uint8_t *head = NULL;
  size_t size = 0;
  vlot_result result = has_room ? vlot__replay_head_make(cluster, &head, &size) : VLOT_NOMEM;
  if (result == VLOT_OK) result = journal->sink.write(journal->sink.context, head, size);
  if (result == VLOT_OK) result = start_writer(journal);
  vlot__alloc_free(cluster->allocator, head);
  if (result != VLOT_OK) {
    vlot__journal_close(journal);
    return result;
  }
  journal->bytes = journal->written = size;
  atomic_store(&journal->is_on, true);
  cluster->journal = journal;
  return VLOT_OK;
}

vlot_result vlot__journal_finish(vlot_cluster *cluster) {
  vlot__journal *journal = cluster->journal;
  uint8_t record[CONTROL_BYTES];
  if (!journal) return VLOT_OK;
  if (vlot__journal_is_on(journal))
    append_record(journal, record, vlot__put_head(record, 0, VLOT__RECORD_END, 0, 0));
  pthread_mutex_lock(&journal->lock);
  atomic_store(&journal->is_on, false);
  journal->must_stop = true;
  pthread_cond_signal(&journal->filled);
  pthread_mutex_unlock(&journal->lock);
  if (journal->has_thread) pthread_join(journal->writer, NULL);
  journal->has_thread = false;
  return journal->result;
}

/* Nobody can reach it any more. */
void vlot__journal_close(vlot__journal *journal) {
  if (!journal) return;
  pthread_mutex_destroy(&journal->lock);
  pthread_cond_destroy(&journal->filled);
  pthread_cond_destroy(&journal->freed);
  for (int k = 0; k < 2; k++) vlot__alloc_free(journal->allocator, journal->buffers[k].data);
  vlot__alloc_free(journal->allocator, journal);
}

vlot_result vlot_journal_get_status(vlot_cluster *cluster, vlot_journal_status *status) {
  vlot__journal *journal = cluster->journal;
  *status = (vlot_journal_status){0};
  if (!journal) return VLOT_UNSUPPORTED;
  pthread_mutex_lock(&journal->lock);
  status->is_on = atomic_load(&journal->is_on);
  status->result = journal->result;
  status->bytes = journal->bytes;
  status->written = journal->written;
  pthread_mutex_unlock(&journal->lock);
  return VLOT_OK;
}
