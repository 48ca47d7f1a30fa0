#include "cluster/line.h"

#include <string.h>

vlot_result vlot__line_enter(vlot_cluster *cluster) {
  vlot_host *host = cluster->host;
  if (!host->is_shared) return VLOT_OK;
  if (!vlot__heap_reserve(&host->line, host->allocator, 1)) return VLOT_NOMEM;
  vlot__item *place = vlot__item_make(host->allocator, sizeof cluster);
  if (!place) return VLOT_NOMEM;
  memcpy(place->payload, &cluster, sizeof cluster);
  place->due = VLOT_NEVER;
  place->tie = ++host->numbers;
  cluster->lockstep.base = host->tick;
  cluster->lockstep.in_line = place;
  vlot__heap_push(&host->line, place);
  return VLOT_OK;
}

void vlot__line_leave(vlot_cluster *cluster) {
  vlot__item *place = cluster->lockstep.in_line;
  if (!place) return;
  cluster->lockstep.in_line = NULL;
  vlot__heap_take_out(&cluster->host->line, place);
  vlot__alloc_free(cluster->host->allocator, place);
}

vlot_cluster *vlot__line_first(const vlot_host *host) {
  const vlot__item *first = host->line.items[0];
  if (first->due == VLOT_NEVER) return NULL;
  return *(vlot_cluster *const *)(const void *)first->payload;
}

uint64_t vlot__line_tick(const vlot_cluster *cluster, uint64_t tick) {
  uint64_t base = cluster->lockstep.base;
  if (tick == VLOT_NEVER) return VLOT_NEVER;
  return tick < VLOT_NEVER - 1 - base ? base + tick : VLOT_NEVER - 1;
}

bool vlot__line_set(vlot_cluster *cluster, uint64_t due) {
  vlot__item *place = cluster->lockstep.in_line;
  vlot_host *host = cluster->host;
  uint64_t before = place->due, tick = vlot__line_tick(cluster, due);
  if (before == VLOT_NEVER && tick < host->tick) {
    cluster->lockstep.base = host->tick - due;
    tick = host->tick;
  }
  place->due = tick;
  if (tick < before) vlot__heap_sift_up(&host->line, place);
  if (tick > before) vlot__heap_sift_down(&host->line, place);
  return tick == before;
}

void vlot__line_pass(vlot_host *host, uint64_t tick) {
  if (tick != VLOT_NEVER && tick > host->tick) host->tick = tick;
}
