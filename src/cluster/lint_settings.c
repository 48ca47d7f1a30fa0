/* Lints of settings. */
#include "cluster/lint_settings.h"

#include "cluster/host.h"

void vlot__lint_add(vlot__lint_list *all, uint32_t number, uint32_t node, uint64_t value,
                    uint64_t other) {
  if (all->count < all->capacity)
    all->lints[all->count] =
        (vlot_lint){.number = number, .node = node, .value = value, .other = other};
  all->count++;
}

static void add_timeouts(vlot__lint_list *all, const vlot_cluster_options *options) {
  uint32_t min = options->raft.election_ticks_min, max = options->raft.election_ticks_max;
  uint32_t heartbeat = options->raft.heartbeat_ticks;
  uint64_t tick_ns = options->host ? options->host->options.tick_ns : options->tick_ns;
  uint64_t us = min * tick_ns / 1000;
  if (!(options->raft.switches & VLOT_SWITCH_RANDOM_TIMEOUT))
    vlot__lint_add(all, VLOT_LINT_FIXED_TIMEOUTS, 0, min, 0);
  /* max is never drawn */
  else if (max - min == 1 || 2 * (max - min) < min)
    vlot__lint_add(all, VLOT_LINT_NARROW_TIMEOUTS, 0, min, max);
  if (2 * heartbeat >= min) vlot__lint_add(all, VLOT_LINT_SLOW_HEARTBEAT, 0, heartbeat, min);
  if (options->driver == VLOT_DRIVER_THREADS && us < VLOT__LINT_SHORT_US)
    vlot__lint_add(all, VLOT_LINT_SHORT_TIMEOUTS, 0, min, us);
}

static void add_switches(vlot__lint_list *all, const vlot_cluster_options *options) {
  uint32_t switches = options->raft.switches;
  bool checks_quorum = switches & VLOT_SWITCH_CHECK_QUORUM;
  if (checks_quorum && !(switches & VLOT_SWITCH_PRE_VOTE))
    vlot__lint_add(all, VLOT_LINT_NO_PRE_VOTE, 0, switches, 0);
  if (!checks_quorum && (switches & VLOT_SWITCH_STICKINESS))
    vlot__lint_add(all, VLOT_LINT_NO_CHECK_QUORUM, 0, switches, 0);
}

void vlot__lint_add_settings(vlot__lint_list *all, const vlot_cluster_options *options,
                             uint32_t members, uint32_t voters) {
  if (voters == 1) { /* no elections, no quorums: the rest does not matter */
    vlot__lint_add(all, VLOT_LINT_SINGLE_VOTER, 0, members, 0);
    return;
  }
  if (voters % 2 == 0) vlot__lint_add(all, VLOT_LINT_EVEN_VOTERS, 0, voters, voters / 2 + 1);
  add_timeouts(all, options);
  add_switches(all, options);
}

size_t vlot_cluster_options_lint(const vlot_cluster_options *options, vlot_lint *lints,
                                 size_t capacity) {
  vlot_cluster_options defaults;
  vlot_cluster_options_init(&defaults);
  if (!options) options = &defaults;
  vlot__lint_list all = {.lints = lints, .capacity = capacity};
  if (options->size == sizeof *options && options->learners < options->nodes)
    vlot__lint_add_settings(&all, options, options->nodes, options->nodes - options->learners);
  return all.count;
}
