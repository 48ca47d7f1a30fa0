/* vlot sim: what it looks for at the end of a run, and that broken cores are seen by it: each by
 * the one rule of whole runs (docs/catalogue.md) that forbids what comes of them. And what happens
 * in many runs does happen.
 */
#include "sim.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "cluster/node.h"
#include "cluster/node_inside.h"
#include "cluster/seats.h"
#include "raft/core.h"

enum { ACTIONS = 6000, SEEDS = 12, NOBODYS = 1000000000 };

/* --- broken cores: bent behind every turn --- */

typedef void breakage(const vlot__sim_world *world, vlot__node *node);

typedef struct broken {
  vlot__sim_world world;
  breakage *how;
} broken;

static bool goes_on(vlot_cluster *cluster, void *context) {
  (void)context;
  return !cluster;
}

static bool opened(void *context, vlot_cluster *cluster) { return context && cluster; }

static void seen(void *context) {
  broken *run = context;
  for (uint32_t id = 1; id <= run->world.nodes; id++) {
    vlot__seat *seat = vlot__seat_of(run->world.cluster, id);
    if (run->how && seat->node && seat->node->raft) run->how(&run->world, seat->node);
  }
}

/* Who waits for a command to be applied is forgotten. */
static void never_answers(const vlot__sim_world *world, vlot__node *node) {
  if (world->is_healed) vlot__ring_clear(&node->waiters);
}

/* A leader thinks that it has just sent heartbeats. */
static void never_beats(const vlot__sim_world *world, vlot__node *node) {
  if (world->is_healed && node->raft->role == VLOT_ROLE_LEADER) node->raft->heartbeat_elapsed = 0;
}

/* A leader waits for ever for a round of its heartbeats, for nobody's sake; the clients have their
 * last answers by then. */
static void never_forgets(const vlot__sim_world *world, vlot__node *node) {
  static uint64_t reads;
  vlot_raft *raft = node->raft;
  bool is_end = world->is_healed && world->done >= world->actions;
  if (!is_end) reads = world->marks[VLOT__MARK_READS];
  if (!is_end || raft->role != VLOT_ROLE_LEADER ||
      world->marks[VLOT__MARK_READS] < reads + VLOT__SIM_KEYS + world->client_count)
    return;
  vlot__ring_clear(&raft->reads);
  vlot__read *read = vlot__ring_push(&raft->reads);
  cr_assert(read);
  *read = (vlot__read){.tag = NOBODYS, .index = raft->commit_index, .round = raft->next_request};
}

static void play(broken *run, uint64_t seed, uint32_t nodes, breakage *how) {
  vlot__sim_visit visit = {.stop_at = UINT64_MAX,
                           .may_stop = goes_on, /* so that it goes turn by turn */
                           .opened = opened,
                           .seen = seen,
                           .context = run};
  vlot__recording record;
  cr_assert(vlot__recording_open(&record, NULL, NULL));
  memset(run, 0, sizeof *run);
  run->how = how;
  run->world.seed = seed;
  run->world.nodes = nodes;
  run->world.actions = ACTIONS;
  run->world.record = &record;
  run->world.visit = &visit;
  vlot__sim_visit_run(&run->world);
  vlot__sim_close(&run->world);
  cr_assert(vlot__recording_close(&record));
}

static uint32_t found_as(breakage *how, const char *rule) {
  static broken run;
  uint32_t found = 0;
  for (uint64_t seed = 1; seed <= SEEDS; seed++) {
    play(&run, seed, 3, how);
    found += run.world.end != VLOT__SIM_SAFE;
    if (run.world.end != VLOT__SIM_SAFE)
      cr_expect_eq(strncmp(run.world.text, rule, strlen(rule)), 0, "seed %d: %s", (int)seed,
                   run.world.text);
  }
  return found;
}

Test(sim, whole_runs_of_sound_cores_are_sound) { cr_expect_eq(found_as(NULL, "none"), 0); }

Test(sim, who_never_answers_is_seen_as_no_progress) {
  cr_expect_eq(found_as(never_answers, "I-23: "), SEEDS);
}

Test(sim, a_leader_without_heartbeats_is_seen_as_elections_while_idle) {
  cr_expect_geq(found_as(never_beats, "I-24: "), SEEDS / 2);
}

Test(sim, a_read_that_waits_for_ever_is_seen_at_rest) {
  cr_expect_eq(found_as(never_forgets, "I-21: "), SEEDS);
}

/* --- what should happen sometimes --- */

/* In 2,000 seeds all of it must (.ci/run); here, what is frequent. */
Test(sim, what_is_frequent_happens_in_few_seeds) {
  static const vlot__sim_mark frequent[] = {
      VLOT__MARK_TRUNCATIONS_LONG, VLOT__MARK_STICKY,      VLOT__MARK_PRE_VOTES_HIGHER,
      VLOT__MARK_FIGURE_8,         VLOT__MARK_READS_EARLY, VLOT__MARK_TAKEN,
      VLOT__MARK_COMPACTIONS,      VLOT__MARK_RECOVERED,   VLOT__MARK_INSTALLED,
      VLOT__MARK_TRANSFERS_TWO,    VLOT__MARK_CORES,       VLOT__MARK_LOST_WRITES,
  };
  uint64_t marks[VLOT__SIM_MARK_COUNT] = {0};
  for (uint64_t seed = 1; seed <= 40; seed++) {
    vlot__recording record;
    cr_assert(vlot__recording_open(&record, NULL, NULL));
    vlot__sim_world world = {.seed = seed, .actions = 20000, .record = &record};
    vlot__sim_run(&world);
    cr_assert_eq(world.end, VLOT__SIM_SAFE, "seed %d: %s", (int)seed, world.text);
    for (uint32_t k = 0; k < VLOT__SIM_MARK_COUNT; k++) marks[k] += world.marks[k];
    cr_assert(vlot__recording_close(&record));
  }
  for (size_t k = 0; k < sizeof frequent / sizeof *frequent; k++)
    cr_expect_gt(marks[frequent[k]], 0, "%s: never", vlot__sim_mark_text(frequent[k]));
}
