#include "cluster/pending.h"

#include <string.h>

#include "base/assert.h"
#include "cluster/inbox.h"
#include "cluster/node.h"
#include "cluster/observe.h"
#include "cluster/recorder.h"

enum { ITEM_BYTES = 256 }; /* payload that a pooled item holds; larger ones are made for it */

/* --- items --- */

vlot__item *vlot__pending_new(vlot_cluster *cluster, size_t size) {
  vlot__lockstep *lockstep = &cluster->lockstep;
  vlot__item *item = size <= ITEM_BYTES ? lockstep->pool : NULL;
  if (item) {
    lockstep->pool = item->next;
    lockstep->pooled--;
  } else {
    item = vlot__item_make(cluster->allocator, size <= ITEM_BYTES ? ITEM_BYTES : size);
  }
  if (!item) return NULL;
  item->is_held = false;
  item->size = (uint32_t)size;
  return item;
}

void vlot__pending_free(vlot_cluster *cluster, vlot__item *item) {
  vlot__lockstep *lockstep = &cluster->lockstep;
  if (item->capacity != ITEM_BYTES || lockstep->pooled >= VLOT__PENDING_POOLED_MAX) {
    vlot__alloc_free(cluster->allocator, item);
    return;
  }
  item->next = lockstep->pool;
  lockstep->pool = item;
  lockstep->pooled++;
}

void vlot__pending_dispose(vlot_cluster *cluster, vlot__item *item) {
  if (item->mail_kind) vlot__mail_dispose(item->mail_kind, item->payload);
  vlot__pending_free(cluster, item);
}

static bool reserve_item(vlot_cluster *cluster, size_t more) {
  return vlot__heap_reserve(&cluster->lockstep.heap, cluster->allocator, more);
}

/* The tie-break is a place inside the tick, 0 to 2^32 - 1: like a time, so that whatever is posted
 * comes after what caused it and nothing waits for ever behind newer things. A clean link takes up
 * to 1/64 of a tick.
 */
enum { HOP_BITS = 26 };
#define TICK_LENGTH (UINT64_C(1) << 32)

static uint64_t draw_tie(vlot_cluster *cluster) {
  return vlot__prng_next(&cluster->lockstep.schedule) >> 32;
}

static void draw_arrival(vlot_cluster *cluster, vlot__item *item) {
  uint64_t drawn = draw_tie(cluster);
  item->tie = drawn;
  if (item->due > vlot__now(cluster)) return;
  item->tie = cluster->lockstep.now_tie + 1 + (drawn >> (32 - HOP_BITS));
  if (item->tie < TICK_LENGTH) return;
  item->tie -= TICK_LENGTH;
  item->due++;
}

/* --- beginning and end --- */

bool vlot__pending_init(vlot_cluster *cluster) {
  vlot__seat *seat;
  vlot__prng_init(&cluster->lockstep.schedule, cluster->options.seed, UINT64_C(2) << 40);
  VLOT__FOR_EACH_SEAT (seat, cluster)
    vlot__ring_init(&seat->parked_mail, cluster->allocator, sizeof(vlot__item *));
  return reserve_item(cluster, 2 * (size_t)vlot__seats_count(cluster));
}

void vlot__pending_deinit(vlot_cluster *cluster) {
  vlot__lockstep *lockstep = &cluster->lockstep;
  vlot__seat *seat;
  for (size_t k = 0; k < lockstep->heap.count; k++)
    vlot__pending_dispose(cluster, lockstep->heap.items[k]);
  for (size_t k = 0; k < lockstep->held_count; k++)
    vlot__pending_dispose(cluster, lockstep->held[k]);
  VLOT__FOR_EACH_SEAT (seat, cluster) {
    vlot__ring *parked = &seat->parked_mail;
    for (size_t m = 0; m < parked->count; m++)
      vlot__pending_dispose(cluster, *(vlot__item **)vlot__ring_at(parked, m));
    if (parked->allocator) vlot__ring_deinit(parked);
    vlot__alloc_free(cluster->allocator, seat->arrivals.items);
  }
  for (vlot__item *item = lockstep->pool, *next; item; item = next) {
    next = item->next;
    vlot__alloc_free(cluster->allocator, item);
  }
  vlot__alloc_free(cluster->allocator, lockstep->from_clients.items);
  vlot__alloc_free(cluster->allocator, lockstep->heap.items);
  vlot__alloc_free(cluster->allocator, lockstep->held);
}

/* --- posting --- */

/* The newest on this way; NULL without memory. What no member sends keeps its order too. */
static vlot__arrival *arrival_of(vlot_cluster *cluster, const vlot__parcel *parcel) {
  vlot__seat *sender = parcel->from ? vlot__seat_of(cluster, parcel->from) : NULL;
  return vlot__arrivals_get(sender ? &sender->arrivals : &cluster->lockstep.from_clients,
                            cluster->allocator, parcel->to);
}

static void keep_order(vlot__item *item, vlot__arrival *newest) {
  if (item->due < newest->due) item->due = newest->due;
  if (item->due == newest->due && item->tie < newest->tie) item->tie = newest->tie;
  newest->due = item->due;
  newest->tie = item->tie;
}

vlot_result vlot__pending_post(vlot_cluster *cluster, const vlot__parcel *parcel) {
  vlot__arrival *newest = parcel->may_overtake ? NULL : arrival_of(cluster, parcel);
  if (!newest && !parcel->may_overtake) return VLOT_NOMEM;
  vlot__item *item =
      reserve_item(cluster, 1) ? vlot__pending_new(cluster, vlot__parcel_size(parcel)) : NULL;
  if (!item) return VLOT_NOMEM;
  vlot__item_fill(item, parcel);
  draw_arrival(cluster, item);
  if (newest) keep_order(item, newest);
  vlot__pending_list(cluster, item);
  return VLOT_OK;
}

bool vlot__pending_is_full(const vlot_cluster *cluster) {
  const vlot__lockstep *lockstep = &cluster->lockstep;
  return lockstep->heap.count + lockstep->held_count >= VLOT__PENDING_MAX;
}

vlot_result vlot__pending_offer(vlot_cluster *cluster, const vlot__parcel *parcel) {
  return vlot__pending_is_full(cluster) ? VLOT_BUSY : vlot__pending_post(cluster, parcel);
}

/* --- timers, writes and images: one item per seat each --- */

static uint64_t id_of(vlot_pending_kind kind, uint32_t node) {
  return kind == VLOT_PENDING_TIMER   ? VLOT_PENDING_TIMER_ID(node)
         : kind == VLOT_PENDING_WRITE ? VLOT_PENDING_WRITE_ID(node)
                                      : VLOT_PENDING_IMAGE_ID(node);
}

static vlot__item *seat_item(vlot__seat *seat, vlot_pending_kind kind, uint64_t due) {
  vlot_cluster *cluster = seat->cluster;
  vlot__item *item = reserve_item(cluster, 1) ? vlot__pending_new(cluster, 0) : NULL;
  if (!item) {
    cluster->lockstep.is_short = true;
    vlot__line_listed(cluster, vlot__now(cluster));
    return NULL;
  }
  item->kind = kind;
  item->id = id_of(kind, seat->id);
  item->node = seat->id;
  item->from = 0;
  item->mail_kind = item->message_kind = 0;
  item->due = due;
  item->tie = draw_tie(cluster);
  vlot__pending_list(cluster, item);
  return item;
}

/* A due time that moved later is only looked at when the old one comes: heartbeats move it all the
 * time. */
static void set_due(vlot__seat *seat, vlot__item **item, vlot_pending_kind kind, uint64_t due) {
  if (!*item) {
    if (due != VLOT_NEVER) *item = seat_item(seat, kind, due);
  } else if (!(*item)->is_held && due < (*item)->due) {
    (*item)->due = due;
    vlot__heap_sift_up(&seat->cluster->lockstep.heap, *item);
    vlot__line_listed(seat->cluster, due);
  }
}

void vlot__pending_publish_due(vlot__seat *seat) {
  atomic_store_explicit(&seat->due, vlot__node_due(seat->node), memory_order_relaxed);
}

void vlot__pending_seat_changed(vlot__seat *seat) {
  if (seat->node) vlot__pending_publish_due(seat);
  if (!vlot__pending_runs(seat)) return;
  set_due(seat, &seat->timer, VLOT_PENDING_TIMER,
          atomic_load_explicit(&seat->due, memory_order_relaxed));
  if (seat->disk && seat->has_pending_writes) {
    uint64_t due = vlot__disk_next_due(seat->disk);
    set_due(seat, &seat->write, VLOT_PENDING_WRITE, due);
    if (due == VLOT_NEVER && vlot__disk_pending(seat->disk, NULL, 0) == 0)
      seat->has_pending_writes = false;
  }
  /* the next tick: others act between freezing and writing, as they do with threads */
  if (!seat->image && vlot__node_has_image(seat->node))
    seat->image = seat_item(seat, VLOT_PENDING_IMAGE, vlot__now(seat->cluster) + 1);
}

void vlot__pending_list_again(vlot_cluster *cluster) {
  cluster->lockstep.is_short = false;
  vlot__seat *seat;
  VLOT__FOR_EACH_SEAT (seat, cluster) vlot__pending_seat_changed(seat);
}

static void remove_held(vlot__lockstep *lockstep, const vlot__item *item) {
  size_t k = 0;
  while (lockstep->held[k] != item) k++;
  memmove(&lockstep->held[k], &lockstep->held[k + 1],
          (lockstep->held_count - k - 1) * sizeof *lockstep->held);
  lockstep->held_count--;
}

void vlot__pending_unlist(vlot_cluster *cluster, vlot__item *item) {
  if (item->is_held)
    remove_held(&cluster->lockstep, item);
  else
    vlot__heap_take_out(&cluster->lockstep.heap, item);
  item->is_held = false;
}

static void forget_item(vlot__seat *seat, vlot__item **item) {
  if (!*item) return;
  vlot__pending_unlist(seat->cluster, *item);
  vlot__pending_free(seat->cluster, *item);
  *item = NULL;
}

void vlot__pending_forget(vlot__seat *seat) {
  forget_item(seat, &seat->timer);
  forget_item(seat, &seat->write);
  forget_item(seat, &seat->image);
  seat->has_pending_writes = false;
}

void vlot__pending_forget_image(vlot__seat *seat) { forget_item(seat, &seat->image); }

/* --- what comes next --- */

uint64_t vlot__pending_due(vlot_cluster *cluster, const vlot__item *item) {
  vlot__seat *seat = vlot__seat_of(cluster, item->node);
  bool is_seats = item->kind == VLOT_PENDING_TIMER || item->kind == VLOT_PENDING_WRITE;
  if (!is_seats) return item->due;
  if (!vlot__pending_runs(seat)) return VLOT_NEVER;
  return item->kind == VLOT_PENDING_TIMER ? vlot__node_due(seat->node)
                                          : vlot__disk_next_due(seat->disk);
}

/* Only ever later: what comes to be due earlier is listed so at once. Else it would happen earlier
 * because somebody looked. */
void vlot__pending_catch_up(vlot_cluster *cluster, vlot__item *item) {
  if (item->mail_kind) return;
  uint64_t due = vlot__pending_due(cluster, item);
  VLOT_ASSERT(due >= item->due);
  item->due = due;
}

/* A timer that will never be due stays listed, at the end of the heap: if it left, that would
 * happen when somebody looks, and its next item would draw another tie. */
vlot__item *vlot__pending_earliest(vlot_cluster *cluster) {
  vlot__heap *heap = &cluster->lockstep.heap;
  while (heap->count > 0) {
    vlot__item *item = heap->items[0];
    if (item->due == VLOT_NEVER) return NULL;
    if (item->mail_kind) return item;
    uint64_t due = vlot__pending_due(cluster, item);
    if (due <= item->due) return item;
    item->due = due;
    vlot__heap_sift_down(heap, item);
  }
  return NULL;
}

bool vlot__pending_has_traffic(const vlot_cluster *cluster) {
  const vlot__lockstep *lockstep = &cluster->lockstep;
  for (size_t k = 0; k < lockstep->heap.count; k++)
    if (lockstep->heap.items[k]->kind != VLOT_PENDING_TIMER) return true;
  for (size_t k = 0; k < lockstep->held_count; k++)
    if (lockstep->held[k]->kind != VLOT_PENDING_TIMER) return true;
  return false;
}

/* --- losing mail --- */

void vlot__pending_lose(vlot_cluster *cluster, vlot__item *item, vlot_why why) {
  bool is_message = item->mail_kind == VLOT__MAIL_MESSAGE;
  VLOT__RECORD(cluster, drop, cluster, item->node, is_message, why, item->id);
  vlot__emit_dropped(cluster, NULL, why, item->node, item->mail_kind, item->payload);
  vlot__mail_refused(cluster, item->mail_kind, item->payload, why);
  vlot__pending_dispose(cluster, item);
}

/* --- mail of a suspended node --- */

void vlot__pending_park(vlot__seat *seat, vlot__item *mail) {
  bool is_full = seat->parked_mail.count >= VLOT__PARKED_MAX;
  vlot__item **parked = is_full ? NULL : vlot__ring_push(&seat->parked_mail);
  if (parked)
    *parked = mail;
  else
    vlot__pending_lose(seat->cluster, mail, is_full ? VLOT_WHY_MAILBOX_FULL : VLOT_WHY_NO_MEMORY);
}

void vlot__pending_unpark(vlot__seat *seat) {
  vlot_cluster *cluster = seat->cluster;
  seat->was_suspended = true;
  while (seat->parked_mail.count > 0) {
    vlot__item *item = *(vlot__item **)vlot__ring_at(&seat->parked_mail, 0);
    vlot__ring_pop_front(&seat->parked_mail);
    item->due = vlot__now(cluster);
    item->tie = 0; /* before anything newer; ids keep their order */
    if (reserve_item(cluster, 1))
      vlot__pending_list(cluster, item);
    else
      vlot__pending_lose(cluster, item, VLOT_WHY_NO_MEMORY);
  }
  vlot__pending_seat_changed(seat);
}

void vlot__pending_lose_parked(vlot__seat *seat, vlot_why why) {
  while (seat->parked_mail.count > 0) {
    vlot__item *item = *(vlot__item **)vlot__ring_at(&seat->parked_mail, 0);
    vlot__ring_pop_front(&seat->parked_mail);
    vlot__pending_lose(seat->cluster, item, why);
  }
}
