#include "actor/timers.h"

#include "base/alloc.h"
#include "base/problem.h"

void vlot__timers_deinit(vlot__timers *timers, const vlot_allocator *allocator) {
  vlot__alloc_free(allocator, timers->slots);
  *timers = (vlot__timers){0};
}

static vlot__timer *find_timer(vlot__timers *timers, uint64_t kind) {
  for (size_t i = 0; i < timers->count; i++)
    if (timers->slots[i].kind == kind) return &timers->slots[i];
  return NULL;
}

vlot_result vlot__timers_set(vlot__timers *timers, const vlot_allocator *allocator, uint64_t kind,
                             uint64_t due_ns) {
  vlot__timer *slot = find_timer(timers, kind);
  if (!slot) {
    void *slots = timers->slots;
    if (timers->count >= VLOT_ACTOR_TIMERS_MAX)
      return vlot__refuse_value(VLOT_BUSY, "{0} timers are armed, the most that an actor can have",
                                VLOT_ACTOR_TIMERS_MAX, 0);
    if (!vlot__alloc_grow(allocator, &slots, &timers->capacity, timers->count + 1, sizeof *slot))
      return VLOT_NOMEM;
    timers->slots = slots;
    slot = &timers->slots[timers->count++];
  }
  if (due_ns == VLOT__TIMER_NEVER) due_ns--;
  *slot = (vlot__timer){.kind = kind, .due_ns = due_ns, .generation = ++timers->generation};
  return VLOT_OK;
}

/* The last slot moves into the gap: kinds come and go without the array growing. */
static void disarm(vlot__timers *timers, vlot__timer *slot) {
  *slot = timers->slots[--timers->count];
}

bool vlot__timers_cancel(vlot__timers *timers, uint64_t kind) {
  vlot__timer *slot = find_timer(timers, kind);
  if (slot) disarm(timers, slot);
  return slot;
}

uint64_t vlot__timers_next_ns(const vlot__timers *timers) {
  uint64_t next = VLOT__TIMER_NEVER;
  for (size_t i = 0; i < timers->count; i++)
    if (timers->slots[i].due_ns < next) next = timers->slots[i].due_ns;
  return next;
}

static bool timer_is_before(const vlot__timer *a, const vlot__timer *b) {
  return a->due_ns != b->due_ns ? a->due_ns < b->due_ns : a->generation < b->generation;
}

bool vlot__timers_pop(vlot__timers *timers, uint64_t now_ns, uint64_t generation_max,
                      vlot_timer_expiry *expiry) {
  vlot__timer *first = NULL;
  for (size_t i = 0; i < timers->count; i++) {
    vlot__timer *slot = &timers->slots[i];
    if (slot->due_ns > now_ns || slot->generation > generation_max) continue;
    if (!first || timer_is_before(slot, first)) first = slot;
  }
  if (!first) return false;
  *expiry = (vlot_timer_expiry){
      .kind = first->kind, .generation = first->generation, .due_ns = first->due_ns};
  disarm(timers, first);
  return true;
}
