#include "actor/letters.h"

#include "base/alloc.h"
#include "base/lock.h"

bool vlot__letters_init(vlot__letters *letters, const vlot_allocator *allocator,
                        uint32_t capacity) {
  *letters = (vlot__letters){.capacity = capacity};
  letters->ring = vlot__alloc_zero(allocator, capacity, sizeof *letters->ring);
  if (!letters->ring) return false;
  if (vlot__lock_init(&letters->lock)) return true;
  vlot__alloc_free(allocator, letters->ring);
  return false;
}

void vlot__letters_deinit(vlot__letters *letters, const vlot_allocator *allocator) {
  vlot__alloc_free(allocator, letters->ring);
  pthread_mutex_destroy(&letters->lock);
}

void vlot__letters_add(vlot__letters *letters, const vlot_letter *letter) {
  vlot__lock(&letters->lock);
  letters->ring[letters->total++ % letters->capacity] = *letter;
  if ((uint32_t)letter->why < VLOT__WHYS_MAX) letters->by_why[letter->why]++;
  vlot__unlock(&letters->lock);
}

size_t vlot__letters_copy(vlot__letters *letters, vlot_letter *out, size_t max) {
  vlot__lock(&letters->lock);
  uint64_t kept = letters->total < letters->capacity ? letters->total : letters->capacity;
  size_t count = max < kept ? max : (size_t)kept;
  for (size_t i = 0; i < count; i++)
    out[i] = letters->ring[(letters->total - count + i) % letters->capacity];
  vlot__unlock(&letters->lock);
  return count;
}

uint64_t vlot__letters_count(vlot__letters *letters, vlot_why why) {
  vlot__lock(&letters->lock);
  uint64_t count = letters->total;
  if (why != VLOT_WHY_NONE) count = (uint32_t)why < VLOT__WHYS_MAX ? letters->by_why[why] : 0;
  vlot__unlock(&letters->lock);
  return count;
}
