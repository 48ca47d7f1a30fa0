/* What the parts of the key-value machine share: its limits, its statuses, its state. */
#ifndef VLOT_CLUSTER_KV_H
#define VLOT_CLUSTER_KV_H

#include "cluster/kv_table.h"
#include "vlot/machine.h"

enum {
  VLOT__KV_KEY_MAX = 65535,
  VLOT__KV_VALUE_MAX = 1 << 20,
};

/* The first byte of an answer. */
enum {
  VLOT__KV_OK = 0,
  VLOT__KV_NOT_FOUND = 1,
  VLOT__KV_NOT_A_NUMBER = 2,
  VLOT__KV_MALFORMED = 3,
};

typedef struct vlot__kv {
  const vlot_allocator *allocator;
  vlot__kv_table table;
} vlot__kv;

/* As vlot_kv_decode(), straight into *command, which is not to be looked at after an error: copying
 * it would cost more than decoding does. data may be NULL when size is 0.
 */
vlot_result vlot__kv_decode(const uint8_t *data, size_t size, vlot_kv_command *command);

/* The machine's snapshot and restore. A stream that is cut, damaged or longer than it says leaves
 * the old state, with VLOT_CORRUPT; equal states may have different streams.
 */
vlot_result vlot__kv_snapshot(void *state, const vlot_writer *writer);
vlot_result vlot__kv_restore(void *state, const vlot_reader *reader);

/* A frozen view of the state, which writes what the state would have written then. */
void *vlot__kv_freeze(void *state);
vlot_result vlot__kv_image_write(void *image, const vlot_writer *writer);
void vlot__kv_image_end(void *image);

#endif
