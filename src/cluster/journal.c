/* The one buffer of a recorded cluster, that tapes and control's records go into. A thread of its
 * own hands full buffers to the sink; whoever finds both buffers full waits for it,
 * so that memory is bounded.
 */
#include "cluster/journal.h"

#include <signal.h>

#include "base/lock.h"
#include "cluster/door.h"
#include "cluster/object.h"

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
  vlot__unlock(&journal->lock);
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
  vlot__lock(&journal->lock);
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
    vlot__cond_wait(&journal->filled, &journal->lock);
    journal->is_idle = false;
    return;
  }
  uint64_t until_ns = vlot_clock_ns() + WRITE_WITHIN_MS * UINT64_C(1000000);
  while (!journal->is_handed && !journal->must_stop)
    if (!vlot__cond_wait_until(&journal->filled, &journal->lock, until_ns)) break;
  if (!journal->is_handed) hand_over(journal);
}

static void *write_all(void *context) {
  vlot__journal *journal = context;
  vlot__visit visit; /* the sink must not close the cluster, which waits for this thread */
  vlot__visit_note(&visit, journal->cluster);
  vlot__lock(&journal->lock);
  for (;;) {
    if (journal->is_handed)
      write_handed(journal);
    else if (journal->must_stop && journal->buffers[journal->current].size == 0)
      break;
    else
      wait_for_work(journal);
  }
  vlot__unlock(&journal->lock);
  vlot__visit_end(&visit);
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
      vlot__cond_wait(&journal->freed, &journal->lock);
    } else {
      hand_over(journal);
      pthread_cond_signal(&journal->filled);
    }
  }
  return NULL;
}

/* Memory ran out: the journal ends here, and that is told once. */
void vlot__journal_short(vlot__journal *journal) {
  vlot__lock(&journal->lock);
  end_early(journal, VLOT_NOMEM);
  bool is_first = !journal->is_told;
  journal->is_told = true;
  vlot__unlock(&journal->lock);
  if (is_first) vlot__log(journal->cluster, "the journal ends here: out of memory");
}

void vlot__journal_append(vlot__journal *journal, const void *data, size_t size) {
  vlot__lock(&journal->lock);
  buffer *current = room_for(journal, size);
  if (current) {
    memcpy(current->data + VLOT__JOURNAL_BLOCK_HEAD + current->size, data, size);
    current->size += size;
    journal->bytes += size;
  }
  bool must_signal = journal->is_idle;
  bool is_short = !current && journal->result == VLOT_NOMEM;
  vlot__unlock(&journal->lock);
  if (must_signal) pthread_cond_signal(&journal->filled);
  if (is_short) vlot__journal_short(journal);
}

bool vlot__journal_is_on(const vlot__journal *journal) {
  return journal && atomic_load_explicit(&journal->is_on, memory_order_relaxed);
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

vlot_result vlot__journal_open(vlot__journal **out, vlot_cluster *cluster, const void *head,
                               size_t size) {
  vlot__journal *journal = vlot__alloc_zero(cluster->allocator, 1, sizeof *journal);
  *out = NULL;
  if (!journal) return VLOT_NOMEM;
  journal->cluster = cluster;
  journal->allocator = cluster->allocator;
  journal->sink = *cluster->options.journal;
  pthread_mutex_init(&journal->lock, NULL);
  pthread_cond_init(&journal->freed, NULL);
  (void)vlot__cond_init(&journal->filled);
  bool has_room = grow(journal, &journal->buffers[0], BUFFER_BYTES) &&
                  grow(journal, &journal->buffers[1], BUFFER_BYTES);
  vlot_result result =
      has_room ? journal->sink.write(journal->sink.context, head, size) : VLOT_NOMEM;
  if (result == VLOT_OK) result = start_writer(journal);
  if (result != VLOT_OK) {
    vlot__journal_close(journal);
    return result;
  }
  journal->bytes = journal->written = size;
  atomic_store(&journal->is_on, true);
  *out = journal;
  return VLOT_OK;
}

vlot_result vlot__journal_finish(vlot__journal *journal) {
  vlot__lock(&journal->lock);
  atomic_store(&journal->is_on, false);
  journal->must_stop = true;
  pthread_cond_signal(&journal->filled);
  vlot__unlock(&journal->lock);
  if (journal->has_thread) vlot__thread_join(journal->writer);
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
  *status = (vlot_journal_status){0};
  VLOT__VISIT_RESULT(cluster);
  vlot__journal *journal = cluster->journal;
  if (!journal) return VLOT_UNSUPPORTED;
  vlot__lock(&journal->lock);
  status->is_on = atomic_load(&journal->is_on);
  status->result = journal->result;
  status->bytes = journal->bytes;
  status->written = journal->written;
  vlot__unlock(&journal->lock);
  return VLOT_OK;
}
