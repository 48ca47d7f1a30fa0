#include "cluster/model.h"

#include <string.h>

#include "base/alloc.h"
#include "base/prng.h"

void vlot__model_init(vlot__model *model, const vlot_allocator *allocator, uint64_t base_index,
                      uint64_t base_term) {
  *model = (vlot__model){.allocator = allocator, .base_index = base_index, .base_term = base_term};
}

void vlot__model_deinit(vlot__model *model) {
  vlot__alloc_free(model->allocator, model->entries);
  model->entries = NULL;
  model->count = model->capacity = 0;
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
  void *entries = model->entries;
  if (!vlot__alloc_grow(model->allocator, &entries, &model->capacity, model->count + slice->count,
                        sizeof *model->entries)) {
    model->is_lost = true;
    return;
  }
  model->entries = entries;
  const vlot_entry *content = vlot_slice_entries(slice);
  uint64_t chain = model->count > 0 ? model->entries[model->count - 1].chain : 0;
  for (uint32_t k = 0; k < slice->count; k++) {
    chain = chain_of(chain, slice->term, &content[k]);
    model->entries[model->count++] = (vlot__model_entry){.term = slice->term, .chain = chain};
  }
}

void vlot__model_truncate(vlot__model *model, uint64_t from) {
  if (from <= vlot__model_last(model))
    model->count = from > model->base_index ? from - model->base_index - 1 : 0;
}

bool vlot__model_at(const vlot__model *model, uint64_t index, uint64_t *term, uint64_t *chain) {
  *term = model->base_term;
  *chain = 0;
  if (index == model->base_index) return true;
  if (model->is_lost || index < model->base_index || index > vlot__model_last(model)) return false;
  *term = model->entries[index - model->base_index - 1].term;
  *chain = model->entries[index - model->base_index - 1].chain;
  return true;
}
