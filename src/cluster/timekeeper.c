#include "cluster/timekeeper.h"

#include <signal.h>
#include <string.h>
#include <time.h>

#include "base/assert.h"
#include "base/inside.h"
#include "base/lock.h"
#include "vlot/actor.h"

void vlot__timekeeper_init(vlot__timekeeper *keeper, const vlot_allocator *allocator,
                           const char *name) {
  pthread_condattr_t monotonic;
  *keeper = (vlot__timekeeper){.allocator = allocator, .name = name};
  pthread_mutex_init(&keeper->lock, NULL);
  pthread_cond_init(&keeper->changed, NULL);
  pthread_condattr_init(&monotonic);
  pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
  pthread_cond_init(&keeper->wake, &monotonic);
  pthread_condattr_destroy(&monotonic);
}

void vlot__timekeeper_deinit(vlot__timekeeper *keeper) {
  VLOT_ASSERT(keeper->count == 0);
  pthread_mutex_destroy(&keeper->lock);
  pthread_cond_destroy(&keeper->wake);
  pthread_cond_destroy(&keeper->changed);
  vlot__alloc_free(keeper->allocator, keeper->heap.items);
}

/* --- under the lock --- */

/* Must the thread wake for it? Then the caller signals, after the unlock. */
static bool is_to_wake(vlot__timekeeper *keeper, const vlot__kept *kept) {
  if (!keeper->is_asleep || keeper->heap.items[0] != kept->item) return false;
  keeper->is_asleep = false;
  return true;
}

static void list(vlot__timekeeper *keeper, vlot__kept *kept, uint64_t ns) {
  kept->item->due = ns;
  kept->is_listed = true;
  vlot__heap_push(&keeper->heap, kept->item);
}

static void unlist(vlot__timekeeper *keeper, vlot__kept *kept) {
  vlot__heap_take_out(&keeper->heap, kept->item);
  kept->is_listed = false;
}

/* True: the caller signals, after the unlock. */
static bool look_soon(vlot__timekeeper *keeper, vlot__kept *kept) {
  if (kept->is_poked) return false;
  kept->is_poked = true;
  if (!kept->is_listed) return false;
  /* the time that it is, not zero: who is poked all the time holds up nobody who is due */
  uint64_t now = vlot_clock_ns();
  if (kept->item->due > now) {
    kept->item->due = now;
    vlot__heap_sift_up(&keeper->heap, kept->item);
  }
  return is_to_wake(keeper, kept);
}

/* --- the thread --- */

static vlot__kept *kept_of(const vlot__item *item) {
  return *(vlot__kept *const *)(const void *)item->payload;
}

static void look_at_one(vlot__timekeeper *keeper, vlot__kept *kept) {
  unlist(keeper, kept);
  kept->is_poked = false;
  keeper->inside = kept;
  vlot__unlock(&keeper->lock);
  uint64_t next = kept->look(kept->context);
  vlot__lock(&keeper->lock);
  keeper->inside = NULL;
  kept->has_stood = kept->must_stand;
  if (kept->must_stand || kept->must_go)
    pthread_cond_broadcast(&keeper->changed);
  else
    list(keeper, kept, kept->is_poked ? vlot_clock_ns() : next);
}

/* Until the first one is due, or an earlier one comes. */
static void sleep_for_next(vlot__timekeeper *keeper) {
  const vlot__heap *heap = &keeper->heap;
  keeper->is_asleep = true;
  if (heap->count == 0) {
    vlot__cond_wait(&keeper->wake, &keeper->lock);
  } else {
    uint64_t ns = heap->items[0]->due;
    struct timespec until = {.tv_sec = (time_t)(ns / 1000000000),
                             .tv_nsec = (long)(ns % 1000000000)};
    pthread_cond_timedwait(&keeper->wake, &keeper->lock, &until);
  }
  keeper->is_asleep = false;
}

static void *keep_time(void *context) {
  vlot__timekeeper *keeper = context;
  const vlot__heap *heap = &keeper->heap;
  vlot__frame frame; /* for good: a call from here that waits for a look waits for itself */
  vlot__inside_push(&frame, keeper, NULL);
  vlot__lock(&keeper->lock);
  while (keeper->state == VLOT__TIMEKEEPER_RUNS) {
    if (heap->count > 0 && heap->items[0]->due <= vlot_clock_ns())
      look_at_one(keeper, kept_of(heap->items[0]));
    else
      sleep_for_next(keeper);
  }
  vlot__unlock(&keeper->lock);
  vlot__inside_pop(&frame);
  return NULL;
}

/* Under the lock, so that the first clock is there before anybody looks. */
static bool start_thread(vlot__timekeeper *keeper) {
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before); /* the host's signals are the host's (P23) */
  bool is_made = pthread_create(&keeper->thread, NULL, keep_time, keeper) == 0;
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  if (!is_made) return false;
  pthread_setname_np(keeper->thread, keeper->name);
  keeper->state = VLOT__TIMEKEEPER_RUNS;
  return true;
}

/* Under the lock, which it gives back and takes again. */
static void end_thread(vlot__timekeeper *keeper) {
  keeper->state = VLOT__TIMEKEEPER_ENDS;
  pthread_cond_signal(&keeper->wake);
  vlot__unlock(&keeper->lock);
  vlot__thread_join(keeper->thread);
  vlot__lock(&keeper->lock);
  keeper->state = VLOT__TIMEKEEPER_NONE;
  pthread_cond_broadcast(&keeper->changed);
}

/* --- calls --- */

static vlot_result add(vlot__timekeeper *keeper, vlot__kept *kept) {
  while (keeper->state == VLOT__TIMEKEEPER_ENDS) vlot__cond_wait(&keeper->changed, &keeper->lock);
  /* room for all, listed or not: nothing can fail later */
  size_t more = keeper->count + 1 - keeper->heap.count;
  if (!vlot__heap_reserve(&keeper->heap, keeper->allocator, more)) return VLOT_NOMEM;
  if (keeper->state == VLOT__TIMEKEEPER_NONE && !start_thread(keeper)) return VLOT_BUSY;
  keeper->count++;
  kept->item->tie = ++keeper->numbers;
  list(keeper, kept, vlot_clock_ns());
  if (is_to_wake(keeper, kept)) pthread_cond_signal(&keeper->wake);
  return VLOT_OK;
}

vlot_result vlot__timekeeper_add(vlot__timekeeper *keeper, vlot__kept *kept) {
  kept->item = vlot__item_make(keeper->allocator, sizeof kept);
  if (!kept->item) return VLOT_NOMEM;
  memcpy(kept->item->payload, &kept, sizeof kept);
  vlot__lock(&keeper->lock);
  vlot_result result = add(keeper, kept);
  vlot__unlock(&keeper->lock);
  if (result != VLOT_OK) vlot__alloc_free(keeper->allocator, kept->item);
  return result;
}

void vlot__timekeeper_remove(vlot__timekeeper *keeper, vlot__kept *kept) {
  vlot__lock(&keeper->lock);
  kept->must_go = true;
  while (keeper->inside == kept) vlot__cond_wait(&keeper->changed, &keeper->lock);
  if (kept->is_listed) unlist(keeper, kept);
  if (--keeper->count == 0) end_thread(keeper);
  vlot__unlock(&keeper->lock);
  vlot__alloc_free(keeper->allocator, kept->item);
}

void vlot__timekeeper_poke(vlot__timekeeper *keeper, vlot__kept *kept) {
  vlot__lock(&keeper->lock);
  bool must_signal = look_soon(keeper, kept);
  vlot__unlock(&keeper->lock);
  if (must_signal) pthread_cond_signal(&keeper->wake);
}

void vlot__timekeeper_stand(vlot__timekeeper *keeper, vlot__kept *kept) {
  vlot__lock(&keeper->lock);
  kept->must_stand = true;
  if (look_soon(keeper, kept)) pthread_cond_signal(&keeper->wake);
  while (!kept->has_stood) vlot__cond_wait(&keeper->changed, &keeper->lock);
  vlot__unlock(&keeper->lock);
}

void vlot__timekeeper_go_on(vlot__timekeeper *keeper, vlot__kept *kept) {
  vlot__lock(&keeper->lock);
  kept->must_stand = kept->has_stood = false;
  list(keeper, kept, vlot_clock_ns());
  if (is_to_wake(keeper, kept)) pthread_cond_signal(&keeper->wake);
  vlot__unlock(&keeper->lock);
}
