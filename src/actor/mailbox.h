/* The mailbox: two lanes of chunks into which records are appended, swapped out whole by the
 * consumer.
 *
 *   producers, under the lock         room() and fill in; PENDING: bring a chunk, try again
 *   the consumer, under the lock      take(): lanes to the hand; settle(): counts, chunks back
 *   the consumer, without it          hand_peek() and hand_step() over records in place
 *
 * Nothing here allocates under the lock: where memory is missing the caller unlocks, makes a chunk,
 * and tries again. Chunks begin small, so that an idle actor is small, and double up to 64 KiB
 * within a burst; consumed ones go back to a bounded free list, so that in the steady state nothing
 * is allocated.
 */
#ifndef VLOT_ACTOR_MAILBOX_H
#define VLOT_ACTOR_MAILBOX_H

#include <pthread.h>

#include "base/problem.h"
#include "vlot/actor.h"

#define VLOT__CHUNK_BYTES_MIN 1024u  /* with its header */
#define VLOT__CHUNK_BYTES_MAX 65536u /* larger ones hold one large record and are not kept */
#define VLOT__CHUNKS_KEPT     64u    /* a full mailbox of small messages */
#define VLOT__MAIL_BYTES_MAX  (1u << 30)

typedef struct vlot__chunk {
  struct vlot__chunk *next;
  uint32_t capacity; /* bytes for records */
  uint32_t used;
} vlot__chunk;

typedef struct vlot__chunks {
  vlot__chunk *first;
  vlot__chunk *last;
} vlot__chunks;

typedef struct vlot__mail_lane {
  vlot__chunks chunks;
  uint64_t queued_bytes; /* headers included */
  uint64_t bytes_max;
  uint32_t queued;
  uint32_t messages_max;
  uint64_t sent;
} vlot__mail_lane;

typedef struct vlot__mailbox {
  pthread_mutex_t lock;
  bool is_closed;
  uint32_t free_count;
  vlot__mail_lane lanes[2];
  vlot__chunk *free;
  vlot_mail *latest;  /* the record a coalesced send may overwrite; NULL: none waits */
  uint32_t calm;      /* settles in a row that gave back one chunk at most */
  uint64_t taken;     /* records in the consumer's hand, not settled */
  uint64_t processed; /* settled */
  uint64_t dropped;
  uint64_t refused;
  const vlot_allocator *allocator;
} vlot__mailbox;

/* What the consumer has taken out. Its own: no lock. */
typedef struct vlot__hand {
  vlot__chunks lanes[2];
  uint32_t at[2];       /* offset of the next record in the first chunk */
  vlot__chunks used;    /* read to the end; their records stay valid until settle */
  uint64_t processed;   /* since the last settle */
  vlot__chunk *garbage; /* to be freed without the lock */
} vlot__hand;

/* Bytes a record of [size] bytes of payload takes. */
static inline size_t vlot__mail_bytes(size_t size) {
  return sizeof(vlot_mail) + ((size + 7) & ~(size_t)7);
}

bool vlot__mailbox_init(vlot__mailbox *box, const vlot_allocator *allocator);
void vlot__mailbox_deinit(
    vlot__mailbox *box); /* frees chunks; their records are the caller's to have buried */

/* A chunk that can hold a record of [bytes]; without the lock; NULL: no memory. */
vlot__chunk *vlot__chunk_make(const vlot_allocator *allocator, size_t bytes);
void vlot__chunk_free_all(const vlot_allocator *allocator, vlot__chunk *chunks);

static inline void vlot__chunks_append(vlot__chunks *list, vlot__chunk *first, vlot__chunk *last) {
  if (!first) return;
  if (list->last)
    list->last->next = first;
  else
    list->first = first;
  list->last = last;
}

/* --- producers; under the lock ---- */

/* What a chunk for this record should be able to hold, when room() said PENDING. */
size_t vlot__mailbox_wanted(const vlot__mailbox *box, vlot_lane lane, size_t bytes);

/* Give a fresh chunk to the free list. */
void vlot__mailbox_give(vlot__mailbox *box, vlot__chunk *chunk);

/* From the free list to the lane's end; NULL: none is large enough. */
vlot__chunk *vlot__mailbox_next_chunk(vlot__mailbox *box, vlot_lane lane, size_t bytes);

/* Room for a record of [size] bytes of payload, counted as sent; its sender fills it in before the
 * unlock. NULL: *result is CLOSED, BUSY, or PENDING: a chunk is missing.
 */
static inline vlot_mail *vlot__mailbox_room(vlot__mailbox *box, vlot_lane lane, size_t size,
                                            vlot_result *result) {
  vlot__mail_lane *to = &box->lanes[lane];
  size_t bytes = vlot__mail_bytes(size);
  if (box->is_closed) {
    *result = vlot__refuse(VLOT_CLOSED, "the actor has ended: its mailbox takes nothing more");
    return NULL;
  }
  if (to->queued >= to->messages_max || to->queued_bytes + bytes > to->bytes_max) {
    box->refused++;
    *result = vlot__refuse_value(
        VLOT_BUSY, "the mailbox is full: {0} messages and {1} bytes wait in this lane", to->queued,
        to->queued_bytes);
    return NULL;
  }
  vlot__chunk *chunk = to->chunks.last;
  if (!chunk || chunk->capacity - chunk->used < bytes) {
    chunk = vlot__mailbox_next_chunk(box, lane, bytes);
    if (!chunk) {
      *result = VLOT_PENDING;
      return NULL;
    }
  }
  vlot_mail *mail = (vlot_mail *)(void *)((unsigned char *)(chunk + 1) + chunk->used);
  chunk->used += (uint32_t)bytes;
  to->queued++;
  to->queued_bytes += bytes;
  to->sent++;
  *result = VLOT_OK;
  return mail;
}

/* Append a chunk that holds exactly one record, bounds ignored: its capacity was reserved by
 * whoever made it. False: closed.
 */
bool vlot__mailbox_push_chunk(vlot__mailbox *box, vlot_lane lane, vlot__chunk *chunk);

/* --- the consumer; under the lock ---- */

static inline bool vlot__mailbox_is_empty(const vlot__mailbox *box) {
  return box->lanes[0].queued + box->lanes[1].queued == 0;
}

/* Move the control lane behind what is in hand, and the data lane when none is in hand: what a turn
 * has left over comes before newer mail, and no more than one mailbox full is ever in hand.
 */
void vlot__mailbox_take(vlot__mailbox *box, vlot__hand *hand);

/* Count what was processed, keep or set aside the chunks that were read. Pointers to their records
 * end here.
 */
void vlot__mailbox_settle(vlot__mailbox *box, vlot__hand *hand);

/* --- the consumer; without the lock ---- */

static inline bool vlot__hand_is_empty(const vlot__hand *hand) {
  return !hand->lanes[0].first && !hand->lanes[1].first;
}

/* The next record of a lane, not yet taken; NULL: none. */
static inline vlot_mail *vlot__hand_peek(const vlot__hand *hand, vlot_lane lane) {
  vlot__chunk *chunk = hand->lanes[lane].first;
  return chunk ? (vlot_mail *)(void *)((unsigned char *)(chunk + 1) + hand->at[lane]) : NULL;
}

/* Step over the record that peek has shown; a chunk read to its end is set aside. */
static inline void vlot__hand_step(vlot__hand *hand, vlot_lane lane, const vlot_mail *mail) {
  vlot__chunk *chunk = hand->lanes[lane].first;
  hand->processed++;
  hand->at[lane] += (uint32_t)vlot__mail_bytes(mail->size);
  if (hand->at[lane] < chunk->used) return;
  hand->at[lane] = 0;
  hand->lanes[lane].first = chunk->next;
  if (!chunk->next) hand->lanes[lane].last = NULL;
  chunk->next = NULL;
  vlot__chunks_append(&hand->used, chunk, chunk);
}

#endif
