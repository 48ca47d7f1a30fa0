#include "cluster/model.h"

#include "base/prng.h"

void vlot__model_init(vlot__model *model, const vlot_allocator *allocator, uint64_t base_index,
                      uint64_t base_term) {
  *model = (vlot__model){.origin = base_index};
  vlot__span_init(&model->span, allocator, base_index, &(vlot__span_entry){.term = base_term});
}

void vlot__model_deinit(vlot__model *model) { vlot__span_deinit(&model->span); }

void vlot__model_reset(vlot__model *model, uint64_t base_index, uint64_t base_term) {
  vlot__span_entry base;
  bool is_known = !model->is_lost &&
                  vlot__span_look(&model->span, base_index, &base) == VLOT__KNOWN &&
                  base.term == base_term;
  uint64_t origin = model->origin;
  const vlot_allocator *allocator = model->span.segments.allocator;
  vlot__model_deinit(model);
  vlot__model_init(model, allocator, base_index, base_term);
  if (!is_known) return;
  model->origin = origin;
  model->span.base.chain = base.chain;
}

void vlot__model_restart(vlot__model *model, uint64_t index, uint64_t term, uint64_t chain) {
  vlot__model_reset(model, index, term);
  if (chain == 0) return;
  model->origin = 0;
  model->span.base.chain = chain;
}

/* Eight bytes at a time, little-endian whatever the machine is. */
static uint64_t hash_bytes(uint64_t hash, const uint8_t *data, size_t size) {
  for (; size >= 8; data += 8, size -= 8) {
    uint64_t word = 0;
    for (int k = 0; k < 8; k++) word |= (uint64_t)data[k] << (8 * k);
    hash = vlot__prng_mix(hash ^ word);
  }
  uint64_t tail = 0;
  for (size_t k = 0; k < size; k++) tail |= (uint64_t)data[k] << (8 * k);
  return vlot__prng_mix(hash ^ tail);
}

static uint64_t chain_of(uint64_t before, uint64_t term, const vlot_entry *entry) {
  uint64_t hash = vlot__prng_mix(before ^ (term << 8) ^ entry->kind);
  return hash_bytes(hash ^ entry->size, entry->data, entry->size);
}

void vlot__model_append(vlot__model *model, const vlot_slice *slice) {
  if (model->is_lost) return;
  vlot__span *span = &model->span;
  const vlot_entry *content = vlot_slice_entries(slice);
  vlot__span_entry newest;
  (void)vlot__span_look(span, span->last_index, &newest); /* its end is known */
  for (uint32_t k = 0; k < slice->count; k++) {
    vlot__span_entry *entry = vlot__span_push(span);
    if (!entry) {
      model->is_lost = true;
      return;
    }
    newest.term = slice->term;
    newest.chain = chain_of(newest.chain, slice->term, &content[k]);
    *entry = newest;
  }
}

void vlot__model_truncate(vlot__model *model, uint64_t from) {
  vlot__span *span = &model->span;
  if (from <= span->last_index)
    vlot__span_cut(span, from > span->base_index ? from - 1 : span->base_index);
}

void vlot__model_forget(vlot__model *model, uint64_t applied, uint64_t window) {
  vlot__span *span = &model->span;
  uint64_t last = span->last_index < applied ? span->last_index : applied;
  if (last >= span->base_index + window + VLOT__SPAN_SEGMENT) vlot__span_drop(span, last - window);
}

bool vlot__model_at(const vlot__model *model, uint64_t index, uint64_t *term, uint64_t *chain) {
  vlot__span_entry entry;
  vlot__known known = vlot__span_look(&model->span, index, &entry);
  bool is_known = known == VLOT__KNOWN && (!model->is_lost || index == model->span.base_index);
  *term = is_known ? entry.term : 0;
  *chain = is_known ? entry.chain : 0;
  return is_known;
}
