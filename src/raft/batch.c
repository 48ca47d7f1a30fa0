#include "raft/batch.h"

#include <string.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "raft/message.h"

/* [count], NULL where the payload was copied; only where it is_shared. */
static vlot_bytes **owners_of(vlot_batch *batch) {
  return (vlot_bytes **)(void *)(batch->entries + batch->count);
}

/* Only where it has_configs; those that are none are not counted. */
typedef struct config_list {
  size_t count;
  vlot__batch_config items[];
} config_list;

static config_list *configs_of(vlot_batch *batch) {
  size_t owners = batch->is_shared ? batch->count : 0;
  return (config_list *)(void *)(owners_of(batch) + owners);
}

/* What the k-th entry of a batch in the making is, whatever it is made from. */
typedef struct source {
  const vlot_entry *entries;
  vlot_bytes *const *owners;
  const vlot_command *commands;
} source;

static vlot_entry source_entry(const source *from, uint32_t k) {
  if (from->entries) return from->entries[k];
  const vlot_command *command = &from->commands[k];
  VLOT_ASSERT(command->size <= VLOT__MESSAGE_PAYLOAD_MAX); /* larger ones were refused */
  return (vlot_entry){
      .data = command->data, .size = (uint32_t)command->size, .kind = VLOT_ENTRY_COMMAND};
}

static vlot_bytes *source_owner(const source *from, uint32_t k) {
  if (from->commands) return from->commands[k].owner;
  return from->owners ? from->owners[k] : NULL;
}

/* What all entries add up to, before there is room for them. */
typedef struct tally {
  uint64_t bytes, copied;
  uint32_t configs;
  bool is_shared, is_legal;
} tally;

static tally count_entries(const source *from, uint32_t count) {
  tally sum = {.is_legal = true};
  for (uint32_t k = 0; k < count; k++) {
    vlot_entry entry = source_entry(from, k);
    uint32_t size = entry.size;
    if (entry.kind > VLOT_ENTRY_CONFIG || (entry.kind == VLOT_ENTRY_NOOP && size > 0) ||
        size > VLOT__MESSAGE_PAYLOAD_MAX)
      sum.is_legal = false;
    if (entry.kind == VLOT_ENTRY_CONFIG) sum.configs++;
    sum.bytes += size;
    if (source_owner(from, k))
      sum.is_shared = true;
    else
      sum.copied += size;
  }
  return sum;
}

static void release_shared(vlot_batch *batch) {
  if (batch->is_shared)
    for (uint32_t k = 0; k < batch->count; k++) vlot_bytes_release(owners_of(batch)[k]);
  if (!batch->has_configs) return;
  config_list *list = configs_of(batch);
  while (list->count > 0) vlot_configuration_release(list->items[--list->count].configuration);
}

/* Once, for all who will hold the batch: whoever appends such an entry needs no memory for what it
 * says. False without memory. */
static bool decode_configs(vlot_batch *batch) {
  config_list *list = configs_of(batch);
  list->count = 0;
  for (uint32_t k = 0; k < batch->count; k++) {
    const vlot_entry *entry = &batch->entries[k];
    if (entry->kind != VLOT_ENTRY_CONFIG) continue;
    vlot_configuration *configuration;
    vlot_result result =
        vlot_configuration_decode(batch->allocator, entry->data, entry->size, &configuration);
    if (result == VLOT_NOMEM) return false;
    if (result == VLOT_OK)
      list->items[list->count++] =
          (vlot__batch_config){.position = k, .configuration = configuration};
    else
      batch->is_legal = false;
  }
  return true;
}

static vlot_batch *make_batch(const vlot_allocator *allocator, const source *from, uint32_t count) {
  if (count == 0) return NULL;
  allocator = vlot__alloc_or_default(allocator);
  tally sum = count_entries(from, count);
  size_t fixed = sizeof(vlot_batch) +
                 count * (sizeof(vlot_entry) + (sum.is_shared ? sizeof(vlot_bytes *) : 0));
  if (sum.configs > 0) fixed += sizeof(config_list) + sum.configs * sizeof(vlot__batch_config);
  if (sum.copied > SIZE_MAX / 2 - fixed) return NULL;
  vlot_batch *batch = vlot__alloc(allocator, 1, fixed + (size_t)sum.copied);
  if (!batch) return NULL;

  batch->allocator = allocator;
  atomic_init(&batch->references, 1);
  batch->count = count;
  batch->bytes = sum.bytes & (UINT64_MAX >> 3); /* payloads are far below that */
  batch->is_legal = sum.is_legal;
  batch->is_shared = sum.is_shared;
  batch->has_configs = sum.configs > 0;
  uint8_t *payload = (uint8_t *)batch + fixed;
  for (uint32_t k = 0; k < count; k++) {
    vlot_entry entry = source_entry(from, k);
    vlot_bytes *owner = source_owner(from, k);
    if (sum.is_shared) owners_of(batch)[k] = vlot_bytes_retain(owner);
    if (entry.size > 0) VLOT_GIVEN(entry.data);
    if (!owner) {
      if (entry.size > 0) memcpy(payload, entry.data, entry.size);
      entry.data = payload;
      payload += entry.size;
    }
    batch->entries[k] = entry;
  }
  VLOT_ASSERT(payload == (uint8_t *)batch + fixed + sum.copied);
  if (!batch->has_configs || decode_configs(batch)) return batch;
  vlot_batch_release(batch);
  return NULL;
}

vlot_batch *vlot_batch_make(const vlot_allocator *allocator, const vlot_entry *entries,
                            vlot_bytes *const *owners, uint32_t count) {
  return make_batch(allocator, &(source){.entries = entries, .owners = owners}, count);
}

vlot_batch *vlot__batch_from_commands(const vlot_allocator *allocator, const vlot_command *commands,
                                      uint32_t count) {
  return make_batch(allocator, &(source){.commands = commands}, count);
}

vlot_batch *vlot_batch_retain(vlot_batch *batch) {
  if (batch) atomic_fetch_add_explicit(&batch->references, 1, memory_order_relaxed);
  return batch;
}

void vlot_batch_release(vlot_batch *batch) {
  if (!batch) return;
  uint32_t before = atomic_fetch_sub_explicit(&batch->references, 1, memory_order_acq_rel);
  VLOT_DUTY(before > 0, "release each reference to a batch once");
  if (before > 1) return;
  if (batch->is_shared || batch->has_configs) release_shared(batch);
  vlot__alloc_free(batch->allocator, batch);
}

const vlot__batch_config *vlot__batch_configs(const vlot_batch *batch, size_t *count) {
  *count = 0;
  if (!batch->has_configs) return NULL;
  const config_list *list = configs_of((vlot_batch *)batch);
  *count = list->count;
  return list->items;
}

bool vlot__batch_is_legal(const vlot_batch *batch) { return batch->is_legal; }

uint32_t vlot_batch_count(const vlot_batch *batch) {
  VLOT_GIVEN(batch);
  return batch->count;
}

const vlot_entry *vlot_slice_entries(const vlot_slice *slice) {
  VLOT_GIVEN(slice);
  return slice->batch->entries + slice->first;
}

uint64_t vlot_slice_bytes(const vlot_slice *slice) {
  VLOT_GIVEN(slice);
  if (slice->count == slice->batch->count) return slice->batch->bytes;
  uint64_t bytes = 0;
  for (uint32_t k = 0; k < slice->count; k++) bytes += slice->batch->entries[slice->first + k].size;
  return bytes;
}

vlot_slice vlot__slice_cut(const vlot_slice *slice, uint64_t from, uint64_t to) {
  uint64_t last = vlot__slice_last(slice);
  if (from < slice->index) from = slice->index;
  if (to > last) to = last;
  VLOT_ASSERT(from <= to);
  vlot_slice cut = *slice;
  cut.first += (uint32_t)(from - slice->index);
  cut.count = (uint32_t)(to - from + 1);
  cut.index = from;
  return cut;
}
