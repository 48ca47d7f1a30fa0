/* Machines for the command that are wrong in one way, which ODD says. */
#include <stdlib.h>
#include <string.h>

#include "vlot/plugin.h"

enum {
  RIGHT,
  NULL_TABLE,
  OLD_ABI,
  OTHER_SIZE,
  NO_NAME,
  NO_MACHINE,
  OTHER_MACHINE,
  NO_APPLY,
  WRITES_MUCH,
  SAYS_MUCH,
  FAILS,
  NO_ENTRY,
  DIFFERS
};

static void *create(void *context, uint32_t node, bool is_replaying) {
  (void)context, (void)node, (void)is_replaying;
  return malloc(1);
}

static vlot_result apply(void *state, const vlot_entry *commands, uint32_t count, uint64_t first,
                         vlot_replies *replies) {
  (void)state, (void)commands, (void)first;
  for (uint32_t k = 0; k < count; k++)
    if (vlot_replies_set(replies, k, "x", 1) != VLOT_OK) return VLOT_NOMEM;
  return VLOT_OK;
}

static vlot_result command(const char *line, size_t length, void *bytes, size_t capacity,
                           size_t *size, const char **problem) {
  (void)problem;
  if (ODD == FAILS) return VLOT_FAILED;
  if (ODD == WRITES_MUCH) memset(bytes, 'x', capacity + 1);
  memcpy(bytes, line, length < capacity ? length : capacity);
  *size = length;
  return VLOT_OK;
}

static vlot_result answer(const void *data, size_t length, char *text, size_t capacity,
                          size_t *size) {
  (void)data, (void)length;
  text[0] = 'y';
  *size = ODD == SAYS_MUCH ? capacity + 1 : 1;
  return ODD == FAILS ? VLOT_CORRUPT : VLOT_OK;
}

/* A replica that is not like the others. */
static uint64_t hash(void *state) { return (uint64_t)(uintptr_t)state; }

static const vlot_machine machine = {
    .size = sizeof machine - (ODD == OTHER_MACHINE),
    .name = "odd",
    .create = create,
    .apply = ODD == NO_APPLY ? NULL : apply,
    .hash = ODD == DIFFERS ? hash : NULL,
    .destroy = free,
};

#if ODD == 11
#define vlot_machine_entry vlot_another_entry
VLOT_PLUGIN_ENTRY;
#endif

VLOT_PLUGIN_ENTRY {
  static const vlot_plugin plugin = {
      .abi = VLOT_PLUGIN_ABI + (ODD == OLD_ABI),
      .size = sizeof(vlot_plugin) - (ODD == OTHER_SIZE),
      .name = ODD == NO_NAME ? "two words" : "odd",
      .machine = ODD == NO_MACHINE ? NULL : &machine,
      .command = command,
      .answer = answer,
  };
  return ODD == NULL_TABLE ? NULL : &plugin;
}
