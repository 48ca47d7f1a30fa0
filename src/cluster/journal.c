/* The journal of a recorded cluster, that tapes and control's records go into. A regular file is
 * mapped, and they are copied into it (journal_file.c). Else there are two buffers, and a thread of
 * its own hands full ones to the sink; whoever finds both buffers full waits for it, so that memory
 * is bounded, and so does whoever is about to call a machine.
 */
#include "cluster/journal.h"

#include <signal.h>

#include "base/assert.h"
#include "base/lock.h"
#include "base/problem.h"
#include "cluster/door.h"
#include "cluster/journal_file.h"
#include "cluster/object.h"

enum {
  BUFFER_BYTES = 1 << 17, /* it is in a cache when it is written */
  /* what does not fill a buffer is written after so long: little is missing after a crash */
  WRITE_WITHIN_MS = 200
};

typedef struct buffer {
  uint8_t *data;
  size_t size, capacity;
} buffer;

struct vlot__journal {
  vlot_cluster *cluster;
  const vlot_allocator *allocator;
  vlot_writer sink;
  vlot__journal_file file; /* where a path was given */
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
  bool is_told; /* why it ended early */
  vlot_result result;
  uint64_t bytes, written;
  pthread_t writer;
};

static vlot_result write_file(void *context, const void *data, size_t size) {
  return vlot__journal_file_append(context, data, size);
}

/* --- the writer --- */

static void end_early(vlot__journal *journal, vlot_result result) {
  if (journal->result == VLOT_OK) journal->result = result;
  atomic_store(&journal->is_on, false);
  pthread_cond_broadcast(&journal->freed);
}

/* By the writer: what it says is its own, so that nobody need ask. */
static void tell_unwritten(vlot__journal *journal, vlot_result result) {
  int error = journal->file.error;
  vlot__log(journal->cluster, VLOT_LOG_ERROR, "the journal ends here: it could not be written (%s)",
            error ? vlot__journal_file_text(error) : vlot_result_text(result));
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
    result = journal->sink.write(journal->sink.context, full->data, full->size);
    if (result != VLOT_OK) tell_unwritten(journal, result);
  }
  vlot__lock(&journal->lock);
  if (result == VLOT_OK) {
    journal->written += full->size;
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
  if (!vlot__alloc_grow(journal->allocator, &data, &capacity, size, 1)) return false;
  one->data = data;
  one->capacity = capacity;
  return true;
}

/* Under the lock: room for so many bytes in the current buffer. What is larger than a buffer gets
 * one of its own size. */
static buffer *room_for(vlot__journal *journal, size_t size) {
  while (journal->result == VLOT_OK) {
    buffer *current = &journal->buffers[journal->current];
    if (current->size + size <= current->capacity) return current;
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

/* The journal ends here, and that is told once. */
static void tell_end(vlot__journal *journal, vlot_result result) {
  vlot__lock(&journal->lock);
  end_early(journal, result);
  bool is_first = !journal->is_told;
  journal->is_told = true;
  vlot__unlock(&journal->lock);
  if (is_first)
    vlot__log(journal->cluster, VLOT_LOG_ERROR, "the journal ends here: %s",
              result == VLOT_IO ? vlot__journal_file_text(journal->file.error)
                                : vlot_result_text(result));
}

void vlot__journal_short(vlot__journal *journal) { tell_end(journal, VLOT_NOMEM); }

/* Under the lock. */
static vlot_result append_mapped(vlot__journal *journal, const void *data, size_t size) {
  if (journal->result != VLOT_OK) return VLOT_OK; /* it has been told */
  vlot_result result = vlot__journal_file_append(&journal->file, data, size);
  if (result == VLOT_OK) journal->bytes = journal->written = journal->file.size;
  return result;
}

/* Under the lock. */
static vlot_result append_buffered(vlot__journal *journal, const void *data, size_t size) {
  buffer *current = room_for(journal, size);
  if (!current) return journal->result == VLOT_NOMEM ? VLOT_NOMEM : VLOT_OK;
  memcpy(current->data + current->size, data, size);
  current->size += size;
  journal->bytes += size;
  return VLOT_OK;
}

void vlot__journal_append(vlot__journal *journal, const void *data, size_t size) {
  vlot__lock(&journal->lock);
  vlot_result result = journal->file.is_mapped ? append_mapped(journal, data, size)
                                               : append_buffered(journal, data, size);
  bool must_signal = journal->is_idle;
  vlot__unlock(&journal->lock);
  if (must_signal) pthread_cond_signal(&journal->filled);
  if (result != VLOT_OK) tell_end(journal, result);
}

/* By then the writer may have taken more than what was there when this call began; a sink that is
 * slow makes whoever calls a machine slow. */
void vlot__journal_sync(vlot__journal *journal) {
  if (journal->file.is_mapped) return;
  vlot__lock(&journal->lock);
  uint64_t target = journal->bytes;
  while (journal->result == VLOT_OK && !journal->must_stop && journal->written < target) {
    if (!journal->is_handed) {
      hand_over(journal);
      pthread_cond_signal(&journal->filled);
    }
    vlot__cond_wait(&journal->freed, &journal->lock);
  }
  vlot__unlock(&journal->lock);
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
  if (error != 0) return vlot__refuse(VLOT_BUSY, "no more threads, and the journal needs one");
  pthread_setname_np(journal->writer, "vlot-journal");
  journal->has_thread = true;
  return VLOT_OK;
}

/* Where it goes, and what it needs for that. */
static vlot_result open_sink(vlot__journal *journal) {
  const vlot_cluster_options *options = &journal->cluster->options;
  if (options->journal) {
    journal->sink = *options->journal;
  } else {
    journal->sink = (vlot_writer){.context = &journal->file, .write = write_file};
    if (vlot__journal_file_open(&journal->file, options->journal_path) != VLOT_OK) return VLOT_IO;
  }
  if (journal->file.is_mapped) return VLOT_OK;
  return grow(journal, &journal->buffers[0], BUFFER_BYTES) &&
                 grow(journal, &journal->buffers[1], BUFFER_BYTES)
             ? VLOT_OK
             : VLOT_NOMEM;
}

static void tell_problem(const vlot__journal *journal) {
  if (journal->file.error == 0) return;
  vlot__problem(journal->cluster, "journal_path: %s: %s", journal->cluster->options.journal_path,
                vlot__journal_file_text(journal->file.error));
}

vlot_result vlot__journal_open(vlot__journal **out, vlot_cluster *cluster, const void *head,
                               size_t size) {
  vlot__journal *journal = vlot__alloc_zero(cluster->allocator, 1, sizeof *journal);
  *out = NULL;
  if (!journal) return VLOT_NOMEM;
  journal->cluster = cluster;
  journal->allocator = cluster->allocator;
  pthread_mutex_init(&journal->lock, NULL);
  pthread_cond_init(&journal->freed, NULL);
  (void)vlot__cond_init(&journal->filled);
  vlot_result result = open_sink(journal);
  if (result == VLOT_OK) result = journal->sink.write(journal->sink.context, head, size);
  if (result == VLOT_OK && !journal->file.is_mapped) result = start_writer(journal);
  if (result != VLOT_OK) {
    tell_problem(journal);
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
  pthread_cond_broadcast(&journal->freed);
  vlot__unlock(&journal->lock);
  if (journal->has_thread) vlot__thread_join(journal->writer);
  journal->has_thread = false;
  vlot_result closed = vlot__journal_file_close(&journal->file);
  if (closed != VLOT_OK) tell_end(journal, closed);
  return journal->result;
}

/* Nobody can reach it any more. */
void vlot__journal_close(vlot__journal *journal) {
  if (!journal) return;
  (void)vlot__journal_file_close(&journal->file); /* the run has not begun */
  pthread_mutex_destroy(&journal->lock);
  pthread_cond_destroy(&journal->filled);
  pthread_cond_destroy(&journal->freed);
  for (int k = 0; k < 2; k++) vlot__alloc_free(journal->allocator, journal->buffers[k].data);
  vlot__alloc_free(journal->allocator, journal);
}

vlot_result vlot_journal_get_status(vlot_cluster *cluster, vlot_journal_status *status) {
  VLOT_GIVEN(cluster);
  VLOT_GIVEN(status);
  *status = (vlot_journal_status){0};
  VLOT__VISIT_RESULT(cluster);
  vlot__journal *journal = cluster->journal;
  if (!journal)
    return vlot__refuse(VLOT_UNSUPPORTED,
                        "nothing is recorded: the cluster was opened without options.journal");
  vlot__lock(&journal->lock);
  status->is_on = atomic_load(&journal->is_on);
  status->result = journal->result;
  status->bytes = journal->bytes;
  status->written = journal->written;
  status->error = journal->file.error;
  vlot__unlock(&journal->lock);
  return VLOT_OK;
}
