#include "base/alloc.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"

static void *resize_with_malloc(void *context, void *memory, size_t size) {
  (void)context;
  if (size > 0) return realloc(memory, size);
  free(memory);
  return NULL;
}

const vlot_allocator *vlot_allocator_default(void) {
  static const vlot_allocator with_malloc = {.resize = resize_with_malloc};
  return &with_malloc;
}

void *vlot__alloc(const vlot_allocator *allocator, size_t count, size_t size) {
  if (size > 0 && count > SIZE_MAX / 2 / size) return NULL;
  size_t bytes = count * size;
  return allocator->resize(allocator->context, NULL, bytes > 0 ? bytes : 1);
}

void *vlot__alloc_zero(const vlot_allocator *allocator, size_t count, size_t size) {
  void *memory = vlot__alloc(allocator, count, size);
  if (memory) memset(memory, 0, count * size);
  return memory;
}

void vlot__alloc_free(const vlot_allocator *allocator, void *memory) {
  if (memory) allocator->resize(allocator->context, memory, 0);
}

bool vlot__alloc_grow_more(const vlot_allocator *allocator, void **array, size_t *capacity,
                           size_t wanted, size_t size) {
  size_t grown = *capacity > 0 ? *capacity : 4;
  while (grown < wanted) {
    if (grown > SIZE_MAX / 4) return false;
    grown *= 2;
  }
  if (grown > SIZE_MAX / 2 / size) return false;
  void *memory = allocator->resize(allocator->context, *array, grown * size);
  if (!memory) return false;
  *array = memory;
  *capacity = grown;
  return true;
}

/* --- the allocator that fails on demand --- */

struct vlot_fault_allocator {
  vlot_allocator allocator;
  _Atomic uint64_t made;
  _Atomic uint64_t live;
  _Atomic uint64_t fail_from; /* number of the allocation that fails; 0: none */
  atomic_bool is_sticky;
};

static bool must_fail(vlot_fault_allocator *faults) {
  uint64_t number = atomic_fetch_add(&faults->made, 1) + 1;
  uint64_t from = atomic_load(&faults->fail_from);
  if (from == 0 || number < from) return false;
  return number == from || atomic_load(&faults->is_sticky);
}

static void *resize_with_faults(void *context, void *memory, size_t size) {
  vlot_fault_allocator *faults = context;
  if (size == 0) {
    if (memory) atomic_fetch_sub(&faults->live, 1);
    free(memory);
    return NULL;
  }
  if (must_fail(faults)) return NULL;
  void *resized = realloc(memory, size);
  if (resized && !memory) atomic_fetch_add(&faults->live, 1);
  return resized;
}

vlot_fault_allocator *vlot_fault_allocator_open(void) {
  vlot_fault_allocator *faults = calloc(1, sizeof *faults);
  if (!faults) return NULL;
  faults->allocator = (vlot_allocator){.context = faults, .resize = resize_with_faults};
  return faults;
}

const vlot_allocator *vlot_fault_allocator_get(vlot_fault_allocator *faults) {
  VLOT_GIVEN(faults);
  return &faults->allocator;
}

void vlot_fault_allocator_fail_at(vlot_fault_allocator *faults, uint64_t n, bool sticky) {
  VLOT_GIVEN(faults);
  atomic_store(&faults->is_sticky, sticky);
  atomic_store(&faults->fail_from, n > 0 ? atomic_load(&faults->made) + n : 0);
}

uint64_t vlot_fault_allocator_live(const vlot_fault_allocator *faults) {
  VLOT_GIVEN(faults);
  return atomic_load(&faults->live);
}

uint64_t vlot_fault_allocator_made(const vlot_fault_allocator *faults) {
  VLOT_GIVEN(faults);
  return atomic_load(&faults->made);
}

void vlot_fault_allocator_close(vlot_fault_allocator *faults) {
  if (!faults) return;
  VLOT_DUTY(atomic_load(&faults->live) == 0,
            "free all that a fault allocator gave before it is closed");
  free(faults);
}
