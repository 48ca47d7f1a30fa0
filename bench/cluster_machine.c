#include "cluster_machine.h"

#include <stdlib.h>
#include <string.h>

struct state {
  struct cluster_applied applied;
  struct cluster_applied *total;
};

/* As limit_fold(). */
uint64_t cluster_fold(uint64_t sum, uint64_t value) {
  return sum * UINT64_C(0x9E3779B97F4A7C15) + value;
}

static void *create(void *context, uint32_t node, bool is_replaying) {
  struct cluster_totals *totals = context;
  struct state *state = calloc(1, sizeof *state);
  (void)is_replaying;
  if (state != NULL) {
    state->total = &totals->nodes[node - 1];
  }
  return state;
}

static vlot_result apply(void *context, const vlot_entry *commands, uint32_t count,
                         uint64_t first_index, vlot_replies *replies) {
  struct state *state = context;
  uint64_t sum = state->applied.sum;
  (void)first_index;
  (void)replies;
  for (uint32_t k = 0; k < count; k++) {
    uint64_t number = 0;
    if (commands[k].size >= sizeof number) {
      memcpy(&number, commands[k].data, sizeof number);
    }
    sum = sum * UINT64_C(0x9E3779B97F4A7C15) + number;
  }
  state->applied.sum = sum;
  state->applied.commands += count;
  state->applied.calls++;
  return VLOT_OK;
}

static vlot_result snapshot(void *context, const vlot_writer *writer) {
  const struct state *state = context;
  return writer->write(writer->context, &state->applied, sizeof state->applied);
}

static vlot_result restore(void *context, const vlot_reader *reader) {
  struct state *state = context;
  uint8_t bytes[sizeof state->applied + 1];
  size_t used = 0, got = 1;
  vlot_result result = VLOT_OK;
  while (result == VLOT_OK && got > 0 && used < sizeof bytes) {
    result = reader->read(reader->context, bytes + used, sizeof bytes - used, &got);
    used += got;
  }
  if (result == VLOT_OK && used != sizeof state->applied) return VLOT_CORRUPT;
  if (result == VLOT_OK) memcpy(&state->applied, bytes, sizeof state->applied);
  return result;
}

static uint64_t hash(void *context) {
  const struct state *state = context;
  return state->applied.sum;
}

static void destroy(void *context) {
  struct state *state = context;
  *state->total = state->applied;
  free(state);
}

vlot_machine cluster_machine(struct cluster_totals *totals) {
  return (vlot_machine){.size = sizeof(vlot_machine),
                        .name = "sum",
                        .context = totals,
                        .may_run_on_callers = 1,
                        .create = create,
                        .apply = apply,
                        .snapshot = snapshot,
                        .restore = restore,
                        .hash = hash,
                        .destroy = destroy};
}
