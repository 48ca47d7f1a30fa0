/* The pending list by id, and by link. */
#include <string.h>

#include "cluster/pending.h"

/* What will never be due is not pending, though it may still stand in the heap. */
vlot__item *vlot__pending_find(vlot_cluster *cluster, uint64_t id) {
  vlot__lockstep *lockstep = &cluster->lockstep;
  for (size_t k = 0; k < lockstep->heap.count; k++) {
    vlot__item *item = lockstep->heap.items[k];
    if (item->id != id) continue;
    return item->mail_kind || vlot__pending_due(cluster, item) != VLOT_NEVER ? item : NULL;
  }
  for (size_t k = 0; k < lockstep->held_count; k++)
    if (lockstep->held[k]->id == id) return lockstep->held[k];
  return NULL;
}

/* By id, not by place in the heap: the order of these events is the order in which the messages
 * were sent. */
static vlot__item *find_oldest(vlot_cluster *cluster, uint32_t from, uint32_t to) {
  const vlot__heap *heap = &cluster->lockstep.heap;
  vlot__item *found = NULL;
  for (size_t k = 0; k < heap->count; k++) {
    vlot__item *item = heap->items[k];
    if (item->kind == VLOT_PENDING_MESSAGE && item->from == from && item->node == to &&
        (!found || item->id < found->id))
      found = item;
  }
  return found;
}

void vlot__pending_cut(vlot_cluster *cluster, uint32_t from, uint32_t to, vlot_why why) {
  vlot__item *found;
  while ((found = find_oldest(cluster, from, to)) != NULL) {
    vlot__heap_take_out(&cluster->lockstep.heap, found);
    vlot__pending_lose(cluster, found, why);
  }
}

vlot__item *vlot__pending_copy(vlot_cluster *cluster, const vlot__item *item, uint64_t id) {
  vlot__heap *heap = &cluster->lockstep.heap;
  vlot__item *twin = vlot__heap_reserve(heap, cluster->allocator, 1)
                         ? vlot__pending_new(cluster, item->size)
                         : NULL;
  if (!twin) return NULL;
  uint32_t capacity = twin->capacity;
  memcpy(twin, item, sizeof *item + item->size);
  twin->capacity = capacity;
  twin->is_held = false;
  twin->id = id;
  ((vlot__mail_head *)(void *)twin->payload)->id = id;
  vlot__mail_retain(twin->mail_kind, twin->payload);
  vlot__pending_list(cluster, twin);
  return twin;
}

vlot__item *vlot__pending_take(vlot_cluster *cluster, uint64_t id) {
  /* the lowest ids are those of timers and writes */
  vlot__item *item = id < VLOT_PENDING_TIMER_ID(0) ? vlot__pending_find(cluster, id) : NULL;
  if (item) vlot__pending_unlist(cluster, item);
  return item;
}

vlot__item *vlot__pending_make(vlot_cluster *cluster, uint32_t kind, size_t size) {
  vlot__item *item = vlot__pending_new(cluster, size);
  if (item) item->mail_kind = kind;
  return item;
}

void vlot__pending_purge(vlot_cluster *cluster, uint32_t node,
                         bool (*is_wanted)(void *context, uint64_t id), void *context) {
  vlot__heap *heap = &cluster->lockstep.heap;
  size_t kept = 0;
  for (size_t k = 0; k < heap->count; k++) {
    vlot__item *item = heap->items[k];
    if (item->mail_kind && item->node == node && !is_wanted(context, item->id))
      vlot__pending_dispose(cluster, item);
    else
      heap->items[kept++] = item;
  }
  if (kept == heap->count) return;
  heap->count = 0;
  /* place k is free by then */
  for (size_t k = 0; k < kept; k++) vlot__heap_push(heap, heap->items[k]);
}
