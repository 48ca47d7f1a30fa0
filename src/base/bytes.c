#include <stdatomic.h>
#include <string.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "vlot/base.h"

struct vlot_bytes {
  const vlot_allocator *allocator;
  _Atomic uint32_t references;
  size_t size;
  uint8_t data[];
};

vlot_bytes *vlot_bytes_make(const vlot_allocator *allocator, size_t size, uint8_t **data) {
  if (size > SIZE_MAX / 2 - sizeof(vlot_bytes)) return NULL;
  allocator = vlot__alloc_or_default(allocator);
  vlot_bytes *bytes = vlot__alloc(allocator, 1, sizeof *bytes + size);
  if (!bytes) return NULL;
  bytes->allocator = allocator;
  atomic_init(&bytes->references, 1);
  bytes->size = size;
  *data = bytes->data;
  return bytes;
}

vlot_bytes *vlot_bytes_copy(const vlot_allocator *allocator, const void *data, size_t size) {
  uint8_t *filled;
  vlot_bytes *bytes = vlot_bytes_make(allocator, size, &filled);
  if (bytes && size > 0) memcpy(filled, data, size);
  return bytes;
}

const uint8_t *vlot_bytes_data(const vlot_bytes *bytes) {
  VLOT_GIVEN(bytes);
  return bytes->data;
}

size_t vlot_bytes_size(const vlot_bytes *bytes) {
  VLOT_GIVEN(bytes);
  return bytes->size;
}

vlot_bytes *vlot_bytes_retain(vlot_bytes *bytes) {
  if (bytes) atomic_fetch_add_explicit(&bytes->references, 1, memory_order_relaxed);
  return bytes;
}

void vlot_bytes_release(vlot_bytes *bytes) {
  if (!bytes) return;
  uint32_t before = atomic_fetch_sub_explicit(&bytes->references, 1, memory_order_acq_rel);
  VLOT_DUTY(before > 0, "release each reference to bytes once");
  if (before == 1) vlot__alloc_free(bytes->allocator, bytes);
}
