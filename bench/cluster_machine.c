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
                        .create = create,
                        .apply = apply,
                        .hash = hash,
                        .destroy = destroy};
}
