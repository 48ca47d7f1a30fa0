/* The pending list: everything that can happen in lockstep, the earliest first; what is held stands
 * beside it. Empty while nodes run freely, but for what was held in a pause.
 */
#ifndef VLOT_CLUSTER_PENDING_H
#define VLOT_CLUSTER_PENDING_H

#include "cluster/line.h"
#include "cluster/seats.h"

bool vlot__pending_init(vlot_cluster *cluster);
void vlot__pending_deinit(vlot_cluster *cluster);

/* So many mails are listed at most, held or not, and for a suspended node so many wait as in its
 * mailbox with threads: what finds no room is lost as by a full mailbox. And free items that are
 * kept. */
enum {
  VLOT__PENDING_MAX = 1 << 18,
  VLOT__PARKED_MAX = 1 << 16,
  VLOT__PENDING_POOLED_MAX = 1024,
};

/* Is there no room for a further mail? */
bool vlot__pending_is_full(const vlot_cluster *cluster);

/* List a mail; on any result but VLOT_OK the caller still owns what it refers to. VLOT_BUSY: the
 * list is full. */
vlot_result vlot__pending_offer(vlot_cluster *cluster, const vlot__parcel *parcel);
/* The same of one that is there already, and only moves to the list: there is room for it. */
vlot_result vlot__pending_post(vlot_cluster *cluster, const vlot__parcel *parcel);

/* The earliest thing, with due times brought up to date; NULL: there is none. */
vlot__item *vlot__pending_earliest(vlot_cluster *cluster);
/* The tick at which it is due by now: a seat's timer moves all the time. */
uint64_t vlot__pending_due(vlot_cluster *cluster, const vlot__item *item);
/* What is listed stands where that is. */
void vlot__pending_catch_up(vlot_cluster *cluster, vlot__item *item);
/* Mail under way, held or not, or a write. */
bool vlot__pending_has_traffic(const vlot_cluster *cluster);

/* Into the list, where room was reserved. */
static inline void vlot__pending_list(vlot_cluster *cluster, vlot__item *item) {
  vlot__heap_push(&cluster->lockstep.heap, item);
  vlot__line_listed(cluster, item->due);
}
/* Out of the list, held or not. */
void vlot__pending_unlist(vlot_cluster *cluster, vlot__item *item);
/* Free an item that is in no list; what it refers to is somebody else's by then. */
void vlot__pending_free(vlot_cluster *cluster, vlot__item *item);
/* Lose a mail that is in no list: the event, its client's answer, and free it. */
void vlot__pending_lose(vlot_cluster *cluster, vlot__item *item, vlot_why why);

/* --- a seat's timer, write and image ---------------------------------------------------------- */

static inline bool vlot__pending_runs(const vlot__seat *seat) {
  return seat->node && atomic_load(&seat->state) == VLOT_NODE_UP;
}
/* Its timer, pending write or image may be another. */
void vlot__pending_seat_changed(vlot__seat *seat);
/* A debugger reads when its node needs a tick: with threads the end of a turn says it to the clock,
 * in the same place. */
void vlot__pending_publish_due(vlot__seat *seat);
/* It has no node that runs: no timer, no write, no image. */
void vlot__pending_forget(vlot__seat *seat);
/* The image of its machine has been taken to be written. */
void vlot__pending_forget_image(vlot__seat *seat);
/* One could not be listed for want of memory; try again. */
void vlot__pending_list_again(vlot_cluster *cluster);

/* --- mail of a suspended node ----------------------------------------------------------------- */

void vlot__pending_park(vlot__seat *seat, vlot__item *mail);
/* It is due now, in the order in which it came. */
void vlot__pending_unpark(vlot__seat *seat);
void vlot__pending_lose_parked(vlot__seat *seat, vlot_why why);

/* --- pending_find.c: some of it --------------------------------------------------------------- */

/* Messages from one member to another are lost, but for those that are held. */
void vlot__pending_cut(vlot_cluster *cluster, uint32_t from, uint32_t to, vlot_why why);

vlot__item *vlot__pending_find(vlot_cluster *cluster, uint64_t id); /* NULL: there is none */

/* List a copy of a mail under an id of its own; NULL without memory. */
vlot__item *vlot__pending_copy(vlot_cluster *cluster, const vlot__item *item, uint64_t id);

/* For a replay, which carries out by id what was recorded: take a mail out of the list (NULL: there
 * is none), or make one that was never listed, with room for so many bytes.
 */
vlot__item *vlot__pending_take(vlot_cluster *cluster, uint64_t id);
vlot__item *vlot__pending_make(vlot_cluster *cluster, uint32_t kind, size_t size);
/* Mail to a node whose id is not wanted leaves the list without a word. */
void vlot__pending_purge(vlot_cluster *cluster, uint32_t node,
                         bool (*is_wanted)(void *context, uint64_t id), void *context);

/* --- pending.c, for pending_find.c ------------------------------------------------------------ */

/* An item from the pool, or a new one; NULL without memory. */
vlot__item *vlot__pending_new(vlot_cluster *cluster, size_t size);
void vlot__pending_dispose(vlot_cluster *cluster, vlot__item *item); /* with what it refers to */

#endif
