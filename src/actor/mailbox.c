#include "actor/mailbox.h"

#include "base/alloc.h"
#include "base/lock.h"

bool vlot__mailbox_init(vlot__mailbox *box, const vlot_allocator *allocator) {
  *box = (vlot__mailbox){.allocator = allocator};
  return vlot__lock_init(&box->lock);
}

void vlot__mailbox_deinit(vlot__mailbox *box) {
  for (int lane = 0; lane < 2; lane++)
    vlot__chunk_free_all(box->allocator, box->lanes[lane].chunks.first);
  vlot__chunk_free_all(box->allocator, box->free);
  pthread_mutex_destroy(&box->lock);
}

vlot__chunk *vlot__chunk_make(const vlot_allocator *allocator, size_t bytes) {
  vlot__chunk *chunk = vlot__alloc(allocator, 1, sizeof *chunk + bytes);
  if (chunk) *chunk = (vlot__chunk){.capacity = (uint32_t)bytes};
  return chunk;
}

void vlot__chunk_free_all(const vlot_allocator *allocator, vlot__chunk *chunks) {
  while (chunks) {
    vlot__chunk *next = chunks->next;
    vlot__alloc_free(allocator, chunks);
    chunks = next;
  }
}

/* --- producers --- */

size_t vlot__mailbox_wanted(const vlot__mailbox *box, vlot_lane lane, size_t bytes) {
  const vlot__chunk *last = box->lanes[lane].chunks.last;
  size_t wanted = VLOT__CHUNK_BYTES_MIN;
  if (last) wanted = 2 * (last->capacity + sizeof *last);
  if (wanted > VLOT__CHUNK_BYTES_MAX) wanted = VLOT__CHUNK_BYTES_MAX;
  wanted -= sizeof *last;
  return bytes > wanted ? bytes : wanted;
}

void vlot__mailbox_give(vlot__mailbox *box, vlot__chunk *chunk) {
  chunk->next = box->free;
  chunk->used = 0;
  box->free = chunk;
  box->free_count++;
}

vlot__chunk *vlot__mailbox_next_chunk(vlot__mailbox *box, vlot_lane lane, size_t bytes) {
  vlot__chunk **link = &box->free;
  while (*link && (*link)->capacity < bytes) link = &(*link)->next;
  vlot__chunk *chunk = *link;
  if (!chunk) return NULL;
  *link = chunk->next;
  box->free_count--;
  chunk->next = NULL;
  vlot__chunks_append(&box->lanes[lane].chunks, chunk, chunk);
  return chunk;
}

bool vlot__mailbox_push_chunk(vlot__mailbox *box, vlot_lane lane, vlot__chunk *chunk) {
  if (box->is_closed) return false;
  vlot__mail_lane *to = &box->lanes[lane];
  vlot__chunks_append(&to->chunks, chunk, chunk);
  to->queued++;
  to->sent++;
  return true;
}

/* --- the consumer --- */

static void take_lane(vlot__mailbox *box, vlot__hand *hand, vlot_lane lane) {
  vlot__mail_lane *from = &box->lanes[lane];
  vlot__chunks_append(&hand->lanes[lane], from->chunks.first, from->chunks.last);
  from->chunks = (vlot__chunks){0};
  box->taken += from->queued;
  from->queued = 0;
  from->queued_bytes = 0;
}

void vlot__mailbox_take(vlot__mailbox *box, vlot__hand *hand) {
  take_lane(box, hand, VLOT_LANE_CONTROL);
  if (hand->lanes[VLOT_LANE_DATA].first) return;
  take_lane(box, hand, VLOT_LANE_DATA);
  box->latest = NULL;
}

static void keep_or_discard(vlot__mailbox *box, vlot__hand *hand, vlot__chunk *chunk) {
  bool is_ordinary = chunk->capacity + sizeof *chunk >= VLOT__CHUNK_BYTES_MIN &&
                     chunk->capacity + sizeof *chunk <= VLOT__CHUNK_BYTES_MAX;
  if (is_ordinary && box->free_count < VLOT__CHUNKS_KEPT) {
    vlot__mailbox_give(box, chunk);
  } else {
    chunk->next = hand->garbage;
    hand->garbage = chunk;
  }
}

/* After a burst the kept chunks go back, slowly, the largest first: an actor with little to do is
 * small again.
 */
static void trim(vlot__mailbox *box, vlot__hand *hand) {
  if (box->free_count <= 2) return;
  vlot__chunk **largest = &box->free;
  for (vlot__chunk **link = &box->free; *link; link = &(*link)->next)
    if ((*link)->capacity > (*largest)->capacity) largest = link;
  vlot__chunk *chunk = *largest;
  *largest = chunk->next;
  box->free_count--;
  chunk->next = hand->garbage;
  hand->garbage = chunk;
}

void vlot__mailbox_settle(vlot__mailbox *box, vlot__hand *hand) {
  box->processed += hand->processed;
  box->taken -= hand->processed;
  hand->processed = 0;
  vlot__chunk *chunk = hand->used.first;
  bool is_calm = !chunk || !chunk->next;
  hand->used = (vlot__chunks){0};
  while (chunk) {
    vlot__chunk *next = chunk->next;
    keep_or_discard(box, hand, chunk);
    chunk = next;
  }
  box->calm = is_calm ? box->calm + 1 : 0;
  if (box->calm % 64 == 63) trim(box, hand);
}
