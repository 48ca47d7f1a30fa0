/* Members by id, the history they have in common, and reports. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/prng.h"
#include "cluster/checker_inside.h"

/* --- tables --- */

static vlot__checker_pair *slot_of(const vlot__checker_table *in, uint64_t key) {
  size_t at = (size_t)vlot__prng_mix(key) & (in->capacity - 1);
  while (in->pairs[at].key != 0 && in->pairs[at].key != key) at = (at + 1) & (in->capacity - 1);
  return &in->pairs[at];
}

static bool make_room(vlot__checker_table *in, const vlot_allocator *allocator) {
  if (in->count * 2 < in->capacity) return true;
  vlot__checker_table grown = {.capacity = in->capacity > 0 ? in->capacity * 2 : 64,
                               .count = in->count};
  grown.pairs = vlot__alloc_zero(allocator, grown.capacity, sizeof *grown.pairs);
  if (!grown.pairs) return false;
  for (size_t k = 0; k < in->capacity; k++)
    if (in->pairs[k].key != 0) *slot_of(&grown, in->pairs[k].key) = in->pairs[k];
  vlot__alloc_free(allocator, in->pairs);
  *in = grown;
  return true;
}

uint64_t vlot__checker_settle(vlot__checker *checker, vlot__checker_table *in, uint64_t key,
                              uint64_t value) {
  if (!make_room(in, checker->allocator)) {
    checker->is_incomplete = true;
    return value;
  }
  vlot__checker_pair *slot = slot_of(in, key);
  if (slot->key == 0) {
    *slot = (vlot__checker_pair){.key = key, .value = value};
    in->count++;
  }
  return slot->value;
}

/* --- members --- */

static const vlot__model blank; /* the log of whom nobody has met */

vlot__checker_member *vlot__checker_find(const vlot__checker *checker, uint32_t id) {
  if (id == 0 || checker->places.count == 0) return NULL;
  const vlot__checker_pair *place = slot_of(&checker->places, id);
  return place->key == 0 ? NULL : checker->members[place->value];
}

static vlot__checker_member *make_member(vlot__checker *checker, uint32_t id) {
  const vlot_allocator *allocator = checker->allocator;
  void *members = checker->members;
  bool has_room = make_room(&checker->places, allocator) &&
                  vlot__alloc_grow(allocator, &members, &checker->member_capacity,
                                   checker->member_count + 1, sizeof *checker->members);
  checker->members = members;
  vlot__checker_member *m = has_room ? vlot__alloc_zero(allocator, 1, sizeof *m) : NULL;
  if (!m) {
    checker->is_incomplete = true;
    return NULL;
  }
  m->id = id;
  m->model = &blank;
  vlot__checker_settle(checker, &checker->places, id, checker->member_count);
  checker->members[checker->member_count++] = m;
  return m;
}

vlot__checker_member *vlot__checker_member_of(vlot__checker *checker, uint32_t id) {
  vlot__checker_member *m = vlot__checker_find(checker, id);
  return m || id == 0 ? m : make_member(checker, id);
}

void vlot__checker_meet(vlot__checker *checker, vlot__checker_member *m, const vlot__model *model) {
  uint64_t base = model->base_index;
  m->is_met = true;
  m->model = model;
  m->last = m->commit = m->applied = m->durable_index = base;
  if (checker->has_base && (base >= checker->base || checker->history_count > 0)) return;
  checker->has_base = true;
  checker->base = checker->committed = base;
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

bool vlot__checker_look(vlot__checker *checker, const vlot__checker_member *m, uint64_t index,
                        vlot__model_entry *entry) {
  if (m->model->is_lost) checker->is_incomplete = true;
  return vlot__model_at(m->model, index, &entry->term, &entry->chain);
}

bool vlot__checker_is_canonical(vlot__checker *checker, const vlot__checker_member *m,
                                uint64_t index) {
  vlot__model_entry mine;
  if (index <= checker->base || index <= m->model->base_index) return true;
  return vlot__checker_look(checker, m, index, &mine) &&
         vlot__checker_is_same(&mine, vlot__checker_at(checker, index));
}

bool vlot__checker_grow_history(vlot__checker *checker, uint64_t last) {
  size_t wanted = (size_t)(last - checker->base);
  if (wanted <= checker->history_count) return true;
  void *history = checker->history;
  if (!vlot__alloc_grow(checker->allocator, &history, &checker->history_capacity, wanted,
                        sizeof *checker->history)) {
    checker->is_incomplete = true;
    return false;
  }
  checker->history = history;
  memset(checker->history + checker->history_count, 0,
         (wanted - checker->history_count) * sizeof *checker->history);
  checker->history_count = wanted;
  return true;
}
