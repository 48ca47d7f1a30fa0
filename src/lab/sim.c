/* vlot sim: many seeds under virtual time. */
#include "sim.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "files.h"
#include "lab.h"
#include "notes.h"
#include "screen.h"

typedef struct settings {
  uint64_t seeds, seed, nodes, actions;
  const char *events, *history, *machine;
  const vlot_plugin *plugin; /* what --machine has; NULL: the key-value machine */
  bool prints_hashes, is_json, is_verbose, has_threads, needs_coverage;
} settings;

#define FIELD(name) offsetof(settings, name)

static const vlot__option options[] = {
    {"--seeds", "N", VLOT__OPTION_NUMBER, FIELD(seeds), 1, UINT64_MAX, NULL,
     "so many seeds: default 100, with --events or --history 1"},
    {"--seed", "S", VLOT__OPTION_NUMBER, FIELD(seed), 0, UINT64_MAX, NULL,
     "the first seed: default 1"},
    {"--nodes", "N", VLOT__OPTION_NUMBER, FIELD(nodes), 1, 1024, NULL,
     "nodes: default 1, 2, 3, 5 or 7 as the seed says"},
    {"--actions", "A", VLOT__OPTION_NUMBER, FIELD(actions), 10, 1000000000000, NULL,
     "actions of each run: default 20000"},
    VLOT__PLUGIN_OPTION(FIELD(machine)),
    {"--threads", NULL, VLOT__OPTION_FLAG, FIELD(has_threads), 0, 0, NULL,
     "run nodes on their own threads: slower, and the same run"},
    {"--hash", NULL, VLOT__OPTION_FLAG, FIELD(prints_hashes), 0, 0, NULL,
     "print a line per seed: seed, actions, event hash"},
    {"--verbose", NULL, VLOT__OPTION_FLAG, FIELD(is_verbose), 0, 0, NULL,
     "print every fault and a line per seed"},
    {"--json", NULL, VLOT__OPTION_FLAG, FIELD(is_json), 0, 0, NULL,
     "print the summary as one JSON object"},
    {"--coverage", NULL, VLOT__OPTION_FLAG, FIELD(needs_coverage), 0, 0, NULL,
     "fail when one of the rare things that are counted never happens"},
    {"--events", "FILE", VLOT__OPTION_TEXT, FIELD(events), 0, 0, NULL,
     "write every event as a JSON line; one seed only"},
    {"--history", "FILE", VLOT__OPTION_TEXT, FIELD(history), 0, 0, NULL,
     "write every client operation as a JSON line; one seed only"},
};

static const char help_text[] =
    "Seven tenths of a run's actions are chaos: bad links, cuts, partitions, kills, power cuts,\n"
    "blank, slow, stalled, full and failing disks, suspended nodes, skewed clocks, forced "
    "elections,\n"
    "protections switched off, small limits, snapshots that come slowly and are struck on their "
    "way.\n"
    "Then a majority is healed, and must commit whatever becomes of the rest. Then all are, and\n"
    "something new must be committed within 50 election timeouts. While all is idle nobody may\n"
    "campaign; after it all replicas must hash alike, nobody may owe anything, and everything "
    "that\n"
    "clients were told must be true. The checker looks at every event.\n"
    "With --machine clients propose what that machine's generator makes, or random bytes; nothing\n"
    "is read, and replicas are compared by their hash, where the machine has one.\n"
    "\n"
    "Exit code: 0 safe; 1 violated; 2 stuck; 3 --coverage, and something never happened; 64 wrong\n"
    "usage; 71 memory ran out, and a node was fenced; 73 a file cannot be written.\n";

enum { FAILURES_MAX = 100 };

typedef struct failure {
  uint64_t seed;
  uint32_t nodes;
  vlot__sim_end end;
  char *text;
} failure;

typedef struct totals {
  uint64_t seeds, violated, stuck, failed, without_memory;
  uint64_t actions, elections, commits, begin_ns;
  uint64_t marks[VLOT__SIM_MARK_COUNT];
  uint64_t seen[VLOT__SIM_MARK_COUNT]; /* in so many seeds */
  uint64_t recovery_permille_max;      /* slowest recovery, in thousandths of T … */
  uint64_t core_permille_max;          /* … and that of a majority healed alone */
  failure failures[FAILURES_MAX];      /* the first ones */
  uint32_t failure_count;
} totals;

const char *vlot__sim_end_name(vlot__sim_end end) {
  switch (end) {
  case VLOT__SIM_SAFE: return "safe";
  case VLOT__SIM_VIOLATED: return "violated";
  case VLOT__SIM_STUCK: return "stuck";
  case VLOT__SIM_NO_MEMORY: return "out of memory";
  case VLOT__SIM_FAILED: return "failed";
  }
  return "?";
}

static uint64_t permille_of_t(const vlot__sim_world *world, uint64_t ticks) {
  uint32_t t = world->raft.election_ticks_min;
  return t > 0 ? ticks * 1000 / t : 0;
}

static void add(totals *sum, const vlot__sim_world *world) {
  sum->seeds++;
  sum->violated += world->end == VLOT__SIM_VIOLATED;
  sum->stuck += world->end == VLOT__SIM_STUCK;
  sum->failed += world->end == VLOT__SIM_FAILED;
  sum->without_memory += world->end == VLOT__SIM_NO_MEMORY;
  sum->actions += world->stats.actions;
  sum->elections += world->stats.elections;
  sum->commits += world->stats.commits;
  for (uint32_t k = 0; k < VLOT__SIM_MARK_COUNT; k++) {
    sum->marks[k] += world->marks[k];
    sum->seen[k] += world->marks[k] > 0;
  }
  uint64_t recovery = permille_of_t(world, world->recovery_ticks);
  uint64_t core = permille_of_t(world, world->core_ticks);
  if (recovery > sum->recovery_permille_max) sum->recovery_permille_max = recovery;
  if (core > sum->core_permille_max) sum->core_permille_max = core;
  if (world->end == VLOT__SIM_SAFE || sum->failure_count == FAILURES_MAX) return;
  sum->failures[sum->failure_count++] = (failure){
      .seed = world->seed, .nodes = world->nodes, .end = world->end, .text = strdup(world->text)};
}

static void repeat_command(FILE *out, uint64_t seed, uint32_t nodes, uint64_t actions) {
  fprintf(out, "vlot sim --seed %" PRIu64 " --seeds 1 --nodes %u --actions %" PRIu64, seed, nodes,
          actions);
}

static void print_world(const settings *set, const vlot__sim_world *world) {
  if (set->prints_hashes)
    printf("%" PRIu64 " %" PRIu64 " %016" PRIx64 "\n", world->seed, world->stats.actions,
           world->stats.event_hash);
  if (set->is_verbose)
    printf("seed %" PRIu64 ": %u nodes, %u learners, T %u, %" PRIu64 " actions, %" PRIu64
           " elections, %" PRIu64 " entries, %u operations, recovered in %" PRIu64 " ticks: %s\n",
           world->seed, world->nodes, world->learners, world->raft.election_ticks_min,
           world->stats.actions, world->stats.elections, world->stats.commits, world->op_count,
           world->recovery_ticks, vlot__sim_end_name(world->end));
  if (world->end == VLOT__SIM_SAFE) return;
  FILE *out = set->is_json || set->prints_hashes ? stderr : stdout;
  fprintf(out, "%s: seed %" PRIu64 ": %s; repeat: ", vlot__sim_end_name(world->end), world->seed,
          world->text);
  repeat_command(out, world->seed, world->nodes, world->actions);
  if (set->machine) fprintf(out, " --machine %s\n", set->machine);
  if (!set->machine)
    fprintf(out, "; step into it: vlot step --sim %" PRIu64 " --nodes %u --actions %" PRIu64 "\n",
            world->seed, world->nodes, world->actions);
  fflush(out);
}

static void draw(vlot__screen *screen, const settings *set, const totals *sum) {
  char a[32], b[32], c[32];
  if (!vlot__screen_is_due(screen)) return;
  uint64_t ns = vlot__lab_now() - sum->begin_ns;
  vlot__screen_begin(screen);
  vlot__screen_text(screen, "  ");
  vlot__screen_bar(screen, sum->seeds, set->seeds, screen->width > 70 ? 30 : screen->width / 4 + 1);
  vlot__screen_text(screen, " %s/%s seeds  %s actions/s  %" PRIu64 " violated  %" PRIu64 " stuck",
                    vlot__lab_commas(sum->seeds, a), vlot__lab_commas(set->seeds, b),
                    vlot__lab_commas((uint64_t)((double)sum->actions * 1e9 / (double)(ns + 1)), c),
                    sum->violated, sum->stuck);
  vlot__screen_line_end(screen);
  vlot__screen_end(screen);
}

static void print_text(const settings *set, const totals *sum) {
  char a[32], b[32];
  double seconds = (double)(vlot__lab_now() - sum->begin_ns) / 1e9;
  printf("vlot sim: %s seeds from %" PRIu64 " on: %" PRIu64 " violated, %" PRIu64 " stuck\n",
         vlot__lab_commas(sum->seeds, a), set->seed, sum->violated, sum->stuck);
  printf("  %s actions in %.1f s", vlot__lab_commas(sum->actions, a), seconds);
  printf(", %s actions/s\n",
         vlot__lab_commas((uint64_t)((double)sum->actions / (seconds + 1e-9)), b));
  printf("  slowest recovery after healing: %" PRIu64 ".%" PRIu64
         " T; of a majority healed alone: %" PRIu64 ".%" PRIu64 " T\n",
         sum->recovery_permille_max / 1000, sum->recovery_permille_max / 100 % 10,
         sum->core_permille_max / 1000, sum->core_permille_max / 100 % 10);
  printf("  seen, and in how many seeds:\n");
  for (uint32_t k = 0; k < VLOT__SIM_MARK_COUNT; k++)
    printf("  %14s %8s  %s%s\n", vlot__lab_commas(sum->marks[k], a),
           vlot__lab_commas(sum->seen[k], b), vlot__sim_mark_text((vlot__sim_mark)k),
           sum->marks[k] ? "" : "  <- never");
}

/* What never happened was not tested either. */
static bool covers_all(const totals *sum) {
  bool is_all = true;
  for (uint32_t k = 0; k < VLOT__SIM_MARK_COUNT; k++) {
    if (sum->marks[k] > 0) continue;
    fprintf(stderr, "vlot sim: never in %" PRIu64 " seeds: %s\n", sum->seeds,
            vlot__sim_mark_text((vlot__sim_mark)k));
    is_all = false;
  }
  return is_all;
}

static void print_counts(const char *name, const uint64_t counts[VLOT__SIM_MARK_COUNT]) {
  printf(",\"%s\":{", name);
  for (uint32_t k = 0; k < VLOT__SIM_MARK_COUNT; k++) {
    printf("%s", k ? "," : "");
    vlot__lab_json_text(stdout, vlot__sim_mark_text((vlot__sim_mark)k));
    printf(":%" PRIu64, counts[k]);
  }
  printf("}");
}

static void print_json(const settings *set, const totals *sum, int code) {
  printf("{\"seeds\":%" PRIu64 ",\"first_seed\":%" PRIu64 ",\"violated\":%" PRIu64
         ",\"stuck\":%" PRIu64,
         sum->seeds, set->seed, sum->violated, sum->stuck);
  printf(",\"actions\":%" PRIu64 ",\"elections\":%" PRIu64 ",\"seconds\":%.3f", sum->actions,
         sum->elections, (double)(vlot__lab_now() - sum->begin_ns) / 1e9);
  if (set->machine) {
    printf(",\"machine\":");
    vlot__lab_json_text(stdout, set->machine);
  }
  print_counts("seen", sum->marks);
  print_counts("seen_in_seeds", sum->seen);
  printf(",\"failures\":[");
  for (uint32_t k = 0; k < sum->failure_count; k++) {
    const failure *one = &sum->failures[k];
    printf("%s{\"seed\":%" PRIu64 ",\"kind\":\"%s\",\"text\":", k ? "," : "", one->seed,
           vlot__sim_end_name(one->end));
    vlot__lab_json_text(stdout, one->text ? one->text : "");
    printf(",\"repeat\":\"");
    repeat_command(stdout, one->seed, one->nodes, set->actions);
    printf("\"}");
  }
  printf("],\"exit\":%d}\n", code);
}

static int verdict(const totals *sum) {
  if (sum->violated > 0) return VLOT__EXIT_VIOLATED;
  if (sum->stuck > 0) return VLOT__EXIT_STUCK;
  if (sum->without_memory > 0) return VLOT__EXIT_NO_MEMORY;
  return sum->failed > 0 ? VLOT__EXIT_SOFTWARE : VLOT__EXIT_OK;
}

static int run_seeds(const settings *set, vlot__recording *record) {
  totals sum = {.begin_ns = vlot__lab_now()};
  vlot__screen screen;
  bool wants_live = !set->is_json && !set->prints_hashes && !set->is_verbose;
  vlot__screen_init(&screen, stdout, wants_live, false);
  for (uint64_t k = 0; k < set->seeds; k++) {
    vlot__sim_world world = {.seed = set->seed + k,
                             .actions = set->actions,
                             .nodes = (uint32_t)set->nodes,
                             .has_threads = set->has_threads,
                             .is_verbose = set->is_verbose,
                             .record = record,
                             .plugin = set->plugin};
    vlot__sim_run(&world);
    add(&sum, &world);
    if (world.end != VLOT__SIM_SAFE) vlot__screen_erase(&screen);
    print_world(set, &world);
    draw(&screen, set, &sum);
  }
  int code = verdict(&sum);
  vlot__screen_erase(&screen);
  if (set->needs_coverage && !covers_all(&sum) && code == VLOT__EXIT_OK) code = VLOT__EXIT_UNSEEN;
  if (set->is_json)
    print_json(set, &sum, code);
  else if (!set->prints_hashes)
    print_text(set, &sum);
  for (uint32_t k = 0; k < sum.failure_count; k++) free(sum.failures[k].text);
  return code;
}

/* Once, not for each seed; what seeds draw themselves nobody has set. */
static void note_settings(const settings *set) {
  vlot_cluster_options cluster;
  vlot_cluster_options_init(&cluster);
  cluster.driver = VLOT_DRIVER_LOCKSTEP;
  if (set->nodes != 0) cluster.nodes = (uint32_t)set->nodes;
  vlot__notes_settings(&cluster);
}

static int run_sim(int argc, char **argv) {
  settings set = {.seed = 1, .actions = 20000};
  vlot__recording record;
  int parsed = vlot__options_parse(&vlot__verb_sim, argc, argv, &set);
  if (parsed != 0) return parsed == 1 ? VLOT__EXIT_OK : VLOT__EXIT_USAGE;
  bool is_recorded = set.events || set.history;
  if (set.seeds == 0) set.seeds = is_recorded ? 1 : 100;
  if (is_recorded && set.seeds > 1) {
    fprintf(stderr, "vlot sim: --events and --history take one seed: add --seeds 1\n");
    return VLOT__EXIT_USAGE;
  }
  const vlot__file_use files[] = {{"--events", set.events, true}, {"--history", set.history, true}};
  if (!vlot__files_may_use("sim", files, sizeof files / sizeof *files)) return VLOT__EXIT_USAGE;
  int loaded = vlot__plugin_load("sim", set.machine, &set.plugin);
  if (loaded != VLOT__EXIT_OK) return loaded;
  if (!vlot__recording_open(&record, set.events, set.history)) return VLOT__EXIT_CANNOT_CREATE;
  record.plugin = set.plugin;
  note_settings(&set);
  int code = run_seeds(&set, &record);
  if (!vlot__recording_close(&record) && code == VLOT__EXIT_OK) code = VLOT__EXIT_CANNOT_CREATE;
  return code;
}

const vlot__verb vlot__verb_sim = {
    .name = "sim",
    .summary = "Run seeds under virtual time with faults and kills, and check everything",
    .text = help_text,
    .options = options,
    .option_count = sizeof options / sizeof *options,
    .run = run_sim,
};
