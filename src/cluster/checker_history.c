/* Members by id, the history they have in common, and reports. */
#include <stdarg.h>
#include <stdio.h>

#include "base/prng.h"
#include "cluster/checker_history.h"

/* --- tables --- */

static vlot__checker_pair *slot_of(const vlot__checker_generation *in, uint64_t key) {
  size_t at = (size_t)vlot__prng_mix(key) & (in->capacity - 1);
  while (in->pairs[at].key != 0 && in->pairs[at].key != key) at = (at + 1) & (in->capacity - 1);
  return &in->pairs[at];
}

static bool make_room(vlot__checker_generation *in, const vlot_allocator *allocator) {
  if (in->count * 2 < in->capacity) return true;
  vlot__checker_generation grown = {.capacity = in->capacity > 0 ? in->capacity * 2 : 8,
                                    .count = in->count};
  grown.pairs = vlot__alloc_zero(allocator, grown.capacity, sizeof *grown.pairs);
  if (!grown.pairs) return false;
  for (size_t k = 0; k < in->capacity; k++)
    if (in->pairs[k].key != 0) *slot_of(&grown, in->pairs[k].key) = in->pairs[k];
  vlot__alloc_free(allocator, in->pairs);
  *in = grown;
  return true;
}

static const vlot__checker_pair *pair_of(const vlot__checker_generation *in, uint64_t key) {
  const vlot__checker_pair *slot = in->count > 0 ? slot_of(in, key) : NULL;
  return slot && slot->key != 0 ? slot : NULL;
}

/* The young generation is full. */
static void grow_old(vlot__checker *checker, vlot__checker_table *in) {
  vlot__alloc_free(checker->allocator, in->old.pairs);
  in->old = in->young;
  in->young = (vlot__checker_generation){0};
}

uint64_t vlot__checker_settle(vlot__checker *checker, vlot__checker_table *in, uint64_t key,
                              uint64_t value) {
  const vlot__checker_pair *known = pair_of(&in->young, key);
  if (!known) known = pair_of(&in->old, key);
  if (known) return known->value;
  if (in->young.count >= checker->window) grow_old(checker, in);
  if (make_room(&in->young, checker->allocator)) {
    *slot_of(&in->young, key) = (vlot__checker_pair){.key = key, .value = value};
    in->young.count++;
  } else {
    checker->is_incomplete = true;
  }
  return value;
}

/* --- members --- */

static const vlot__model blank; /* the log of whom nobody has met */

static vlot__checker_member *make_member(vlot__checker *checker, uint32_t id) {
  const vlot_allocator *allocator = checker->allocator;
  void *members = checker->members;
  vlot__checker_member *m = vlot__alloc_zero(allocator, 1, sizeof *m);
  size_t place = m ? vlot__by_id_enter(allocator, &members, &checker->member_count,
                                       &checker->member_capacity, sizeof *checker->members, id)
                   : SIZE_MAX;
  checker->members = members;
  if (place == SIZE_MAX) {
    vlot__alloc_free(allocator, m);
    checker->is_incomplete = true;
    return NULL;
  }
  m->id = id;
  m->model = &blank;
  checker->members[place].member = m;
  return m;
}

vlot__checker_member *vlot__checker_member_of(vlot__checker *checker, uint32_t id) {
  vlot__checker_member *m = vlot__checker_find(checker, id);
  return m || id == 0 ? m : make_member(checker, id);
}

void vlot__checker_meet(vlot__checker *checker, vlot__checker_member *m, const vlot__model *model) {
  const vlot__span *history = &checker->history;
  uint64_t base = vlot__model_base(model);
  m->is_met = true;
  m->model = model;
  m->last = m->commit = m->applied = m->durable_index = base;
  bool is_begun = history->last_index > history->base_index;
  if (checker->has_base && (base >= history->base_index || is_begun)) return;
  checker->has_base = true;
  checker->committed = base;
  checker->origin = model->origin;
  vlot__span_deinit(&checker->history);
  vlot__span_init(&checker->history, checker->allocator, base, &model->span.base);
}

/* --- reports --- */

void vlot__checker_report(vlot__checker *checker, uint32_t invariant, const vlot__checker_member *m,
                          const vlot_event *event, const char *format, ...) {
  if (checker->has_latest || checker->is_incomplete) return;
  checker->latest =
      (vlot__violation){.invariant = invariant, .node = m->id, .action = event->action};
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(checker->latest.text, sizeof checker->latest.text, format, arguments);
  va_end(arguments);
  checker->has_latest = true;
  if (!checker->has_first) checker->first = checker->latest;
  checker->has_first = true;
}

/* --- the history --- */

bool vlot__checker_may_be_unknown(vlot__checker *checker, const vlot__checker_member *m,
                                  uint64_t index, const vlot__span_entry *entry) {
  for (size_t k = 0; k < checker->member_count; k++) {
    const vlot__checker_member *other = checker->members[k].member;
    vlot__span_entry theirs;
    if (other != m && other->commit >= index &&
        vlot__checker_look(checker, other, index, &theirs) == VLOT__KNOWN)
      return vlot__checker_is_same(&theirs, entry);
  }
  return true;
}

bool vlot__checker_is_canonical(vlot__checker *checker, const vlot__checker_member *m,
                                uint64_t index) {
  vlot__span_entry mine;
  switch (vlot__checker_look(checker, m, index, &mine)) {
  case VLOT__KNOWN: return vlot__checker_may_be(checker, m, index, &mine);
  case VLOT__FORGOTTEN: return true;
  case VLOT__ABSENT: break;
  }
  return false;
}

bool vlot__checker_grow_history(vlot__checker *checker, uint64_t last) {
  while (checker->history.last_index < last) {
    vlot__span_entry *entry = vlot__span_push(&checker->history);
    if (!entry) {
      checker->is_incomplete = true;
      return false;
    }
    *entry = (vlot__span_entry){0};
  }
  return true;
}

void vlot__checker_move_committed(vlot__checker *checker, uint64_t index) {
  checker->committed = index;
  if (index >= checker->history.base_index + checker->window + VLOT__SPAN_SEGMENT)
    vlot__span_drop(&checker->history, index - checker->window);
}
