/* The bare mailbox of all limits: one byte buffer under a mutex, swapped out whole by its one
 * consumer.
 *
 * Whoever appends signals only a parked consumer, and after unlocking, so that the woken thread
 * does not run into the lock. Everything is inline: a limit pays for locks, copies and wake-ups,
 * not calls.
 */
#ifndef VLOT_BENCH_BYTEBOX_H
#define VLOT_BENCH_BYTEBOX_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../measure.h"

/* A buffer of mail; the consumer owns one, the box the other. */
struct bytebox_mail {
  uint8_t *bytes;
  size_t used;
  size_t capacity;
  uint64_t count; /* messages */
};

struct bytebox {
  pthread_mutex_t lock;
  pthread_cond_t arrived;   /* the parked consumer */
  pthread_cond_t drained;   /* producers that found the box full */
  struct bytebox_mail mail; /* what is queued */
  uint64_t count_max;       /* 0 = unbounded */
  bool is_parked;
  uint32_t waiting_producers;
};

/* capacity  bytes, touched now, so that no page fault falls into the measured time */
static inline void bytebox_mail_init(struct bytebox_mail *mail, size_t capacity) {
  *mail = (struct bytebox_mail){.bytes = malloc(capacity), .capacity = capacity};
  if (mail->bytes == NULL) {
    measure_fatal("no memory for a mailbox");
  }
  memset(mail->bytes, 1, capacity);
}

static inline void bytebox_init(struct bytebox *box, size_t capacity, uint64_t count_max) {
  memset(box, 0, sizeof *box);
  pthread_mutex_init(&box->lock, NULL);
  pthread_cond_init(&box->arrived, NULL);
  pthread_cond_init(&box->drained, NULL);
  bytebox_mail_init(&box->mail, capacity);
  box->count_max = count_max;
}

static inline void bytebox_deinit(struct bytebox *box) {
  pthread_mutex_destroy(&box->lock);
  pthread_cond_destroy(&box->arrived);
  pthread_cond_destroy(&box->drained);
  free(box->mail.bytes);
}

static inline void bytebox_grow(struct bytebox_mail *mail, size_t wanted) {
  size_t capacity = mail->capacity;
  while (capacity < wanted) {
    capacity *= 2;
  }
  uint8_t *bytes = realloc(mail->bytes, capacity);
  if (bytes == NULL) {
    measure_fatal("no memory for a mailbox");
  }
  mail->bytes = bytes;
  mail->capacity = capacity;
}

/* Lock the box and make room. Returns where the caller writes its [bytes]; bytebox_close() ends it.
 * Waits while the box is full. */
static inline uint8_t *bytebox_open(struct bytebox *box, size_t bytes) {
  pthread_mutex_lock(&box->lock);
  while (box->count_max != 0 && box->mail.count >= box->count_max) {
    box->waiting_producers++;
    pthread_cond_wait(&box->drained, &box->lock);
    box->waiting_producers--;
  }
  if (box->mail.used + bytes > box->mail.capacity) {
    bytebox_grow(&box->mail, box->mail.used + bytes);
  }
  uint8_t *at = box->mail.bytes + box->mail.used;
  box->mail.used += bytes;
  return at;
}

/* Unlock the box; count messages were written since it was opened. */
static inline void bytebox_close(struct bytebox *box, uint64_t count) {
  box->mail.count += count;
  bool must_wake = box->is_parked;
  box->is_parked = false;
  pthread_mutex_unlock(&box->lock);
  if (must_wake) {
    pthread_cond_signal(&box->arrived);
  }
}

/* Append one message: a header of 16 bytes and [size] bytes of payload. */
static inline void bytebox_push(struct bytebox *box, const void *header, const void *payload,
                                size_t size) {
  uint8_t *at = bytebox_open(box, 16 + size);
  memcpy(at, header, 16);
  if (size > 0) {
    memcpy(at + 16, payload, size);
  }
  bytebox_close(box, 1);
}

/* Is anything queued? */
static inline bool bytebox_has_mail(struct bytebox *box) {
  pthread_mutex_lock(&box->lock);
  bool has_mail = box->mail.used > 0;
  pthread_mutex_unlock(&box->lock);
  return has_mail;
}

/* Swap everything queued for the consumer's empty buffer; parks while there is nothing. */
static inline void bytebox_take(struct bytebox *box, struct bytebox_mail *mail) {
  mail->used = 0;
  mail->count = 0;
  pthread_mutex_lock(&box->lock);
  while (box->mail.used == 0) {
    box->is_parked = true;
    pthread_cond_wait(&box->arrived, &box->lock);
  }
  box->is_parked = false;
  struct bytebox_mail taken = box->mail;
  box->mail = *mail;
  *mail = taken;
  bool must_wake = box->waiting_producers > 0;
  pthread_mutex_unlock(&box->lock);
  if (must_wake) {
    pthread_cond_broadcast(&box->drained);
  }
}

#endif
