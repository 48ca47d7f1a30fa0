/* vlot run: a cluster replicates a data set, may lose its leader half way, and is compared at the
 * end. */
#include "run.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "dataset.h"
#include "fences.h"
#include "files.h"
#include "notes.h"
#include "vlot/journal.h"
#include "workspace.h"

#define FIELD(name) offsetof(vlot__run_settings, name)

static const vlot__option options[] = {
    {"--nodes", "N", VLOT__OPTION_NUMBER, FIELD(nodes), 1, 1024, NULL, "nodes: default 5"},
    {"--learners", "N", VLOT__OPTION_NUMBER, FIELD(learners), 0, 1023, NULL,
     "so many of them learn without voting: default 0"},
    {"--input", "FILE", VLOT__OPTION_TEXT, FIELD(input), 0, 0, NULL,
     "commands to replicate, - for stdin: default the world's time zones"},
    VLOT__PLUGIN_OPTION(FIELD(machine)),
    {"--keep-going", NULL, VLOT__OPTION_FLAG, FIELD(keeps_going), 0, 0, NULL,
     "skip bad lines of the input instead of running nothing"},
    {"--kill-leader", NULL, VLOT__OPTION_FLAG, FIELD(kills_leader), 0, 0, NULL,
     "kill the leader half way; restart it once another has committed"},
    {"--driver", "threads|lockstep", VLOT__OPTION_CHOICE, FIELD(driver), 0, 0, "threads|lockstep",
     "threads, or virtual time: default threads"},
    {"--seed", "S", VLOT__OPTION_NUMBER, FIELD(seed), 0, UINT64_MAX, NULL,
     "of everything random: default 1"},
    {"--tick", "MS", VLOT__OPTION_NUMBER, FIELD(tick_ms), 1, 10000, NULL,
     "length of a tick in ms: default 10"},
    {"--election", "TICKS", VLOT__OPTION_NUMBER, FIELD(election_ticks), 2, 100000, NULL,
     "shortest election timeout T, the longest is 2 T: default 15"},
    {"--heartbeat", "TICKS", VLOT__OPTION_NUMBER, FIELD(heartbeat_ticks), 1, 99999, NULL,
     "between heartbeats: default a third of T"},
    {"--inflight", "N", VLOT__OPTION_NUMBER, FIELD(inflight), 1, 1000000, NULL,
     "commands that wait for their answer: default a sixteenth of the input"},
    {"--checker", NULL, VLOT__OPTION_FLAG, FIELD(has_checker), 0, 0, NULL,
     "check Raft's safety properties all along (lockstep always does)"},
    {"--events", "FILE", VLOT__OPTION_TEXT, FIELD(events), 0, 0, NULL,
     "write every event as a JSON line"},
    {"--history", "FILE", VLOT__OPTION_TEXT, FIELD(history), 0, 0, NULL,
     "write every client operation as a JSON line"},
    {"--journal", "FILE", VLOT__OPTION_TEXT, FIELD(journal), 0, 0, NULL,
     "record the run: 'vlot replay FILE' carries it out again (threads only)"},
    {"--step-on", "EVENT[:N]", VLOT__OPTION_TEXT, FIELD(step_on), 0, 0, NULL,
     "stop when it happens (leader, kill, vote ..., at node N), and go on by hand"},
    {"--json", NULL, VLOT__OPTION_FLAG, FIELD(is_json), 0, 0, NULL,
     "print the summary as one JSON object"},
    {"--quiet", NULL, VLOT__OPTION_FLAG, FIELD(is_quiet), 0, 0, NULL,
     "print nothing but errors (and the JSON)"},
    {"--ascii", NULL, VLOT__OPTION_FLAG, FIELD(is_ascii), 0, 0, NULL, "no glyphs in the live view"},
};

static const char help_text[] =
    "Input, one command per line:\n"
    "  set KEY VALUE...   the value is the rest of the line; \"\" is the empty one\n"
    "  del KEY\n"
    "  get KEY\n"
    "  cas KEY OLD NEW    set NEW if the value is OLD\n"
    "  incr KEY [N]       add N to a whole number, 1 unless said\n"
    "Blank lines and lines that begin with # are skipped. A bad line stops everything before it\n"
    "begins, unless --keep-going. Commands of one key keep their order. At most 256 MiB.\n"
    "With --machine a line is in that machine's words, and goes behind the answer to the one\n"
    "before it. One whose outcome is unknown is not repeated, and nothing is read back: replicas\n"
    "are compared by their hash, where the machine has one.\n"
    "\n"
    "Exit code: 0 all is well; 1 something was lost, or replicas differ; 2 stuck; 64 wrong usage;\n"
    "65 bad input; 66 the input cannot be read; 70 no cluster; 71 memory ran out, and nodes are\n"
    "fenced; 73 a file cannot be written.\n";

/* --- from settings to an end --- */

static int read_input(const char *name, char **text, size_t *size) {
  const vlot__script_limits limits = {.size_max = VLOT__SCRIPT_INPUT_MAX};
  const char *problem = vlot__script_read(name, &limits, text, size);
  if (!problem) return VLOT__EXIT_OK;
  if (errno == EFBIG) {
    fprintf(stderr, "vlot run: %s: an input has at most 256 MiB, and this is more\n", name);
    return VLOT__EXIT_DATA;
  }
  int code = errno == ENOMEM ? VLOT__EXIT_SOFTWARE : VLOT__EXIT_NO_INPUT;
  fprintf(stderr, "vlot run: cannot read %s: %s\n", name, problem);
  return code;
}

static int prepare_input(vlot__run *run) {
  const char *text = vlot__dataset, *name = run->set.input;
  size_t size = vlot__dataset_size;
  char *own = NULL;
  if (name) {
    int code = read_input(name, &own, &size);
    if (code != VLOT__EXIT_OK) return code;
  }
  if (own) text = own;
  if (name && strcmp(name, "-") == 0) name = "stdin";
  if (!vlot__script_parse_own(&run->script, run->set.plugin, name ? name : "zones.txt", text, size,
                              stderr)) {
    free(own);
    fprintf(stderr, "vlot run: the input does not fit into memory\n");
    return VLOT__EXIT_SOFTWARE;
  }
  run->script.text = own;
  if (run->script.bad_lines == 0 || run->set.keeps_going) return VLOT__EXIT_OK;
  fprintf(stderr, "vlot run: %" PRIu64 " bad lines, nothing was run; --keep-going skips them\n",
          run->script.bad_lines);
  return VLOT__EXIT_DATA;
}

static bool may_use_files(const vlot__run_settings *set) {
  const vlot__file_use files[] = {{"--input", set->input, false},
                                  {"--events", set->events, true},
                                  {"--history", set->history, true},
                                  {"--journal", set->journal, true}};
  return vlot__files_may_use("run", files, sizeof files / sizeof *files);
}

/* Is all of it in the file? Before the cluster is closed, which can still fail. */
static bool has_journal(const vlot__run *run) {
  vlot_journal_status status;
  if (!run->set.journal || vlot_journal_get_status(run->cluster, &status) != VLOT_OK ||
      status.result == VLOT_OK)
    return true;
  fprintf(stderr, "vlot run: %s is not whole: %s\n", run->set.journal,
          status.error ? strerror(status.error) : vlot_result_text(status.result));
  return false;
}

static int open_cluster(vlot__run *run) {
  const char *prefix = "journal_path: ";
  char text[512];
  vlot_cluster_options cluster;
  vlot_cluster_options_init(&cluster);
  cluster.nodes = (uint32_t)run->set.nodes;
  cluster.learners = (uint32_t)run->set.learners;
  cluster.driver = run->set.driver == 0 ? VLOT_DRIVER_THREADS : VLOT_DRIVER_LOCKSTEP;
  cluster.seed = run->set.seed;
  if (run->set.plugin) cluster.machine = run->set.plugin->machine;
  cluster.keeps_events = run->set.events || run->set.step_on;
  cluster.tick_ns = run->set.tick_ms * 1000000u;
  cluster.has_checker = run->set.has_checker ? 1 : 2;
  cluster.raft.election_ticks_min = (uint32_t)run->set.election_ticks;
  cluster.raft.election_ticks_max = (uint32_t)run->set.election_ticks * 2;
  cluster.raft.heartbeat_ticks = (uint32_t)run->set.heartbeat_ticks;
  if (run->step.kind != 0) cluster.turn_max = 1; /* by hand one message is one turn */
  /* who else would see it */
  if (run->step.kind == VLOT_EVENT_VIOLATION) cluster.has_checker = 1;
  run->raft = cluster.raft;
  cluster.journal_path = run->set.journal;
  cluster.problem = text;
  cluster.problem_size = sizeof text;
  if (!run->set.is_quiet) vlot__notes_settings(&cluster);
  vlot_result result = vlot_cluster_open(&run->cluster, &cluster, NULL);
  if (result == VLOT_OK && run->step.kind != 0 &&
      !vlot__run_step_open(&run->step, &run->record, run->cluster, &cluster))
    result = VLOT_NOMEM;
  if (result == VLOT_OK) return VLOT__EXIT_OK;
  const char *problem = vlot_problem(result);
  if (strncmp(problem, prefix, strlen(prefix)) == 0) {
    fprintf(stderr, "vlot run: cannot write %s\n", problem + strlen(prefix));
    return VLOT__EXIT_CANNOT_CREATE;
  }
  fprintf(stderr, "vlot run: the cluster cannot be opened: %s\n", problem);
  return VLOT__EXIT_SOFTWARE;
}

static bool open_load(vlot__run *run) {
  uint64_t inflight = run->set.inflight ? run->set.inflight : run->script.count / 16;
  if (inflight < 1) inflight = 1;
  if (run->set.inflight == 0 && inflight > 4096) inflight = 4096;
  bool is_lockstep = run->set.driver == 1;
  vlot__load_options load = {.cluster = run->cluster,
                             .script = &run->script,
                             .plugin = run->set.plugin,
                             .record = &run->record,
                             .inflight_max = (uint32_t)inflight,
                             .stuck_ticks = vlot__run_stuck_ticks(run),
                             .timeout_ticks = is_lockstep ? 0 : 4 * run->raft.election_ticks_max,
                             .await_ticks = is_lockstep ? 0 : 10,
                             .look = run->step.kind != 0 ? vlot__run_step_look : NULL,
                             .context = run};
  if (vlot__recording_attach(&run->record, run->cluster, is_lockstep) &&
      vlot__load_open(&run->load, &load))
    return true;
  fprintf(stderr, "vlot run: %s\n", vlot_result_text(VLOT_NOMEM));
  return false;
}

static int with_cluster(vlot__run *run) {
  run->replicas = calloc((size_t)run->set.nodes, sizeof *run->replicas);
  if (!run->replicas) return VLOT__EXIT_SOFTWARE;
  int code = open_cluster(run);
  if (code != VLOT__EXIT_OK) return code;
  code = VLOT__EXIT_SOFTWARE;
  if (open_load(run)) {
    run->state = vlot__run_carry_out(run);
    vlot__run_step_close(&run->step);
    vlot__recording_detach(&run->record);
    vlot_cluster_get_stats(run->cluster, &run->stats);
    (void)vlot__fences_look(run->cluster, run->fences, sizeof run->fences);
    vlot_cluster_violation(run->cluster, run->violation, sizeof run->violation);
    if (!run->set.is_quiet) vlot__notes_running(run->cluster);
    code = vlot__run_report(run);
  } else {
    vlot__run_step_close(&run->step);
    vlot__recording_detach(&run->record);
  }
  vlot__load_close(&run->load);
  bool is_told = !has_journal(run);
  if (is_told && (code == VLOT__EXIT_OK || code == VLOT__EXIT_SOFTWARE))
    code = VLOT__EXIT_CANNOT_CREATE;
  vlot_result closed = vlot_cluster_close(run->cluster);
  if (closed == VLOT_IO && !is_told)
    fprintf(stderr, "vlot run: %s is not whole: closing it failed\n", run->set.journal);
  if (closed == VLOT_IO && code == VLOT__EXIT_OK) code = VLOT__EXIT_CANNOT_CREATE;
  if (closed != VLOT_OK && code == VLOT__EXIT_OK) {
    fprintf(stderr, "vlot run: closing the cluster: %s\n", vlot_problem(closed));
    code = closed == VLOT_VIOLATED ? VLOT__EXIT_VIOLATED : VLOT__EXIT_SOFTWARE;
  }
  return code;
}

/* What one option's range cannot say. */
static const char *contradiction(vlot__run_settings *set) {
  static char text[160];
  if (set->machine && !set->input)
    return "--machine needs --input: the data set is of the key-value machine";
  if (set->machine && set->inflight > 1) {
    snprintf(text, sizeof text,
             "--inflight %" PRIu64 " with --machine: 1 is allowed, so that its commands keep their "
             "order",
             set->inflight);
    return text;
  }
  if (set->learners >= set->nodes) {
    snprintf(text, sizeof text,
             "--learners %" PRIu64 " of --nodes %" PRIu64 ": at most %" PRIu64
             " is allowed, so that one votes",
             set->learners, set->nodes, set->nodes - 1);
    return text;
  }
  if (set->heartbeat_ticks == 0)
    set->heartbeat_ticks = set->election_ticks < 3 ? 1 : set->election_ticks / 3;
  if (set->heartbeat_ticks >= set->election_ticks) {
    snprintf(text, sizeof text,
             "--heartbeat %" PRIu64 " must be below --election, which is %" PRIu64,
             set->heartbeat_ticks, set->election_ticks);
    return text;
  }
  if (set->journal && set->driver == 1)
    return "--journal records threads; in lockstep the seed and the input are enough";
  if (set->step_on && set->driver == 1) return "--step-on stops threads; lockstep is 'vlot step'";
  if (set->step_on && set->nodes > VLOT__WORKSPACE_NODES_MAX) {
    snprintf(text, sizeof text, "--step-on with --nodes %" PRIu64 ": at most %d is allowed",
             set->nodes, (int)VLOT__WORKSPACE_NODES_MAX);
    return text;
  }
  if (set->step_on && set->is_json) return "--step-on talks to people, --json does not";
  if (set->step_on && set->input && strcmp(set->input, "-") == 0)
    return "--step-on and --input - both read the standard input";
  return NULL;
}

static int run_run(int argc, char **argv) {
  vlot__run run = {.set = {.nodes = 5, .seed = 1, .tick_ms = 10, .election_ticks = 15}};
  int parsed = vlot__options_parse(&vlot__verb_run, argc, argv, &run.set);
  if (parsed != 0) return parsed == 1 ? VLOT__EXIT_OK : VLOT__EXIT_USAGE;
  const char *problem = contradiction(&run.set);
  if (problem) {
    fprintf(stderr, "vlot run: %s\n", problem);
    return VLOT__EXIT_USAGE;
  }
  if (run.set.step_on && !vlot__run_step_parse(&run.step, run.set.step_on, run.set.nodes))
    return VLOT__EXIT_USAGE;
  if (!may_use_files(&run.set)) return VLOT__EXIT_USAGE;
  int code = vlot__plugin_load("run", run.set.machine, &run.set.plugin);
  if (code == VLOT__EXIT_OK) code = prepare_input(&run);
  if (code == VLOT__EXIT_OK) {
    vlot__screen_init(&run.screen, stdout, !run.set.is_json && !run.set.is_quiet, run.set.is_ascii);
    if (!vlot__recording_open(&run.record, run.set.events, run.set.history)) {
      code = VLOT__EXIT_CANNOT_CREATE;
    } else {
      run.record.plugin = run.set.plugin;
      code = with_cluster(&run);
      if (!vlot__recording_close(&run.record) && code == VLOT__EXIT_OK)
        code = VLOT__EXIT_CANNOT_CREATE;
    }
  }
  free(run.replicas);
  vlot__text_deinit(&run.state_text);
  vlot__script_deinit(&run.script);
  return code;
}

const vlot__verb vlot__verb_run = {
    .name = "run",
    .summary = "Replicate a data set, kill the leader on the way, compare what is left",
    .text = help_text,
    .options = options,
    .option_count = sizeof options / sizeof *options,
    .run = run_run,
};
