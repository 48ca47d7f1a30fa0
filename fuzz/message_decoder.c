/* Any bytes are either one message, whole and canonical, or an error; and decoding them takes no
 * more than four times their size and 4 KiB.
 */
#include <stdlib.h>
#include <string.h>

#include "vlot/raft.h"

/* Counts what is held at once. Each block is preceded by its size, and by as much again to keep the
 * alignment. */
typedef struct meter {
  size_t live, peak;
} meter;

static void *metered(void *context, void *memory, size_t size) {
  meter *gauge = context;
  size_t *block = memory ? (size_t *)memory - 2 : NULL;
  if (block) gauge->live -= *block;
  if (size == 0) {
    free(block);
    return NULL;
  }
  block = realloc(block, size + 2 * sizeof *block);
  if (!block) abort();
  *block = size;
  gauge->live += size;
  if (gauge->live > gauge->peak) gauge->peak = gauge->live;
  return block + 2;
}

static void demand(bool condition) {
  if (!condition) abort();
}

static void expect_canonical(const vlot_message *message, const uint8_t *data, size_t size) {
  uint8_t *again = malloc(size);
  if (!again) abort();
  demand(vlot_message_check(message) == VLOT_WHY_NONE);
  demand(vlot_message_size(message) == size);
  demand(vlot_message_encode(message, again, size - 1) == 0);
  demand(vlot_message_encode(message, again, size) == size);
  demand(memcmp(again, data, size) == 0);
  free(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  meter gauge = {0};
  vlot_allocator allocator = {.context = &gauge, .resize = metered};
  vlot_message *message = NULL;
  vlot_why why = VLOT_WHY_NONE;
  vlot_result result = vlot_message_decode(&allocator, data, size, &message, &why);
  demand(gauge.peak <= 4 * size + 4096);
  demand((result == VLOT_OK) == (message != NULL));
  demand((result == VLOT_OK) == (why == VLOT_WHY_NONE));
  if (message) expect_canonical(message, data, size);
  vlot_message_free(&allocator, message);
  demand(gauge.live == 0);
  return 0;
}
