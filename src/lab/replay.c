/* vlot replay: a recorded run is carried out again, and compared with what was recorded. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "causes.h"
#include "command.h"
#include "lab.h"
#include "plugin.h"
#include "prompt.h"
#include "scene.h"
#include "screen.h"
#include "script.h"
#include "vlot/journal.h"

enum { ACTIONS_AT_ONCE = 10000, HEAD_BYTES = 1 << 20 };

#define JOURNAL_BYTES_MAX (UINT64_C(16) << 30)

typedef struct settings {
  uint64_t until;
  bool is_json, is_quiet, is_ascii, is_plain, has_causes;
  const char *machine;
  const vlot_plugin *plugin; /* what --machine has; NULL */
} settings;

/* One replay, from the file to what came of it. */
typedef struct again {
  const settings *set;
  const char *name;
  char *bytes; /* [size] */
  size_t size;
  vlot_journal_info info;
  vlot_cluster *cluster;
  vlot_subscription *events; /* with --causes */
  vlot__causes *causes;
  char false_cause[1000];           /* the first one; "" */
  vlot_replay_status status, first; /* now; when nothing was carried out */
  vlot_cluster_stats stats;
  vlot_result result; /* of the last step */
  uint64_t begin_ns, end_ns;
} again;

#define FIELD(name) offsetof(settings, name)

static const vlot__option options[] = {
    {"--until", "K", VLOT__OPTION_NUMBER, FIELD(until), 0, UINT64_MAX - 1, NULL,
     "stop after K actions, and go on by hand; 0 is the beginning"},
    VLOT__PLUGIN_OPTION(FIELD(machine)),
    {"--causes", NULL, VLOT__OPTION_FLAG, FIELD(has_causes), 0, 0, NULL,
     "hold the cause of every event against the events before it"},
    {"--json", NULL, VLOT__OPTION_FLAG, FIELD(is_json), 0, 0, NULL,
     "print the summary as one JSON object (nobody is asked)"},
    {"--quiet", NULL, VLOT__OPTION_FLAG, FIELD(is_quiet), 0, 0, NULL,
     "print nothing but errors (and the JSON)"},
    {"--ascii", NULL, VLOT__OPTION_FLAG, FIELD(is_ascii), 0, 0, NULL, "no glyphs"},
    {"--no-color", NULL, VLOT__OPTION_FLAG, FIELD(is_plain), 0, 0, NULL,
     "no colours, as with NO_COLOR in the environment"},
};

static const char help_text[] =
    "FILE is what 'vlot run --journal FILE' recorded. Every message, write and answer is made "
    "anew\n"
    "in virtual time and compared. With --until the prompt of 'vlot step' opens there: look "
    "around,\n"
    "step on, go back, ask why; whatever would make it another run is refused.\n"
    "\n"
    "Exit code: 0 the run is the same; 1 it is not: the first difference is told; 64 wrong usage;\n"
    "65 no journal, or one that is cut, damaged or without an end, as after a crash (what is "
    "whole\n"
    "is replayed, turns that a node was in the middle of to their end); 66 it cannot be read.\n"
    "Limits: a journal of 16 GiB, and of half the machine's memory.\n";

static int complain(const again *one, const char *what, int code) {
  fprintf(stderr, "vlot replay: %s: %s\n", one->name, what);
  return code;
}

/* --- carrying out --- */

static void draw(const again *one, vlot__screen *screen) {
  char done[32], total[32];
  vlot__view_nodes nodes;
  if (!vlot__screen_is_due(screen)) return;
  vlot__screen_begin(screen);
  vlot__screen_text(screen, "  ");
  vlot__screen_bar(screen, one->status.actions, one->status.actions_total,
                   screen->width > 70 ? 30 : screen->width / 4 + 1);
  vlot__screen_text(screen, " %s of %s actions", vlot__lab_commas(one->status.actions, done),
                    vlot__lab_commas(one->status.actions_total, total));
  vlot__screen_line_end(screen);
  if (vlot__view_look_nodes(&nodes, one->cluster)) vlot__screen_nodes(screen, &nodes);
  vlot__view_nodes_deinit(&nodes);
  vlot__screen_end(screen);
}

/* Without --causes there is nobody to ask. */
static void check_causes(again *one) {
  vlot_event event;
  while (one->events && vlot_subscription_next(one->events, &event)) {
    const char *problem = vlot__causes_feed(one->causes, &event);
    if (problem && !one->false_cause[0])
      snprintf(one->false_cause, sizeof one->false_cause, "%s", problem);
  }
}

/* Before they are carried out, because what ended the recording may come again; on the error
 * output, so that it is read whatever happens to the other. */
static void tell_unended(const again *one, uint64_t until) {
  if (one->set->is_quiet || one->first.unended_after >= until) return;
  fprintf(stderr,
          "vlot replay: %s: the journal has no end: nodes were in the middle of %u turn%s, which "
          "will be carried out; --until %" PRIu64 " stands before the first, of n%u\n",
          one->name, one->first.unended_turns, one->first.unended_turns == 1 ? "" : "s",
          one->first.unended_after, one->first.unended_node);
}

static void carry_out(again *one, uint64_t until) {
  vlot__screen screen;
  vlot__screen_init(&screen, stdout, !one->set->is_json && !one->set->is_quiet, one->set->is_ascii);
  one->begin_ns = vlot__lab_now();
  tell_unended(one, until);
  uint64_t done = 1;
  do {
    uint64_t left = until - one->status.actions;
    one->result =
        vlot_lockstep_step(one->cluster, left < ACTIONS_AT_ONCE ? left : ACTIONS_AT_ONCE, &done);
    (void)vlot_replay_get_status(one->cluster, &one->status);
    check_causes(one);
    draw(one, &screen);
  } while (one->result == VLOT_OK && done > 0 && one->status.actions < until);
  one->end_ns = vlot__lab_now();
  vlot__screen_erase(&screen);
  vlot_cluster_get_stats(one->cluster, &one->stats);
}

/* Starts behind the first one: after a kill, as they were recorded. */
static uint64_t restarts(const again *one) {
  uint64_t count = 0;
  vlot_node_status status;
  for (uint32_t id = 1; id <= one->info.nodes; id++)
    if (vlot_cluster_get_status(one->cluster, id, &status) == VLOT_OK && status.incarnation > 1)
      count += status.incarnation - 1;
  return count;
}

static int verdict(const again *one) {
  if (one->status.has_diverged || one->result != VLOT_OK || one->false_cause[0])
    return VLOT__EXIT_VIOLATED;
  return one->status.is_cut ? VLOT__EXIT_DATA : VLOT__EXIT_OK;
}

/* --- saying what came of it --- */

static void print_json(const again *one, const char *violation, int code) {
  const vlot_replay_status *status = &one->status;
  printf("{\"file\":");
  vlot__lab_json_text(stdout, one->name);
  printf(",\"nodes\":%u,\"learners\":%u,\"seed\":%" PRIu64 ",\"recorded_by\":", one->info.nodes,
         one->info.learners, one->info.seed);
  vlot__lab_json_text(stdout, one->info.version);
  printf(",\"actions\":%" PRIu64 ",\"actions_total\":%" PRIu64 ",\"turns\":%" PRIu64,
         status->actions, status->actions_total, status->turns);
  printf(",\"kills\":%" PRIu64 ",\"restarts\":%" PRIu64 ",\"elections\":%" PRIu64
         ",\"commit_index\":%" PRIu64,
         one->stats.kills, restarts(one), one->stats.elections, one->stats.commits);
  printf(",\"bytes\":%" PRIu64 ",\"bytes_whole\":%" PRIu64 ",\"seconds\":%.3f", status->bytes,
         status->bytes_whole, (double)(one->end_ns - one->begin_ns) / 1e9);
  printf(",\"finished\":%s,\"cut\":%s,\"diverged\":%s,\"text\":",
         status->is_finished ? "true" : "false", status->is_cut ? "true" : "false",
         status->has_diverged ? "true" : "false");
  vlot__lab_json_text(stdout, status->text);
  printf(",\"end\":%s,\"unended_turns\":%u,\"unended_node\":%u,\"unended_after\":",
         status->has_end ? "true" : "false", one->first.unended_turns, one->first.unended_node);
  if (one->first.unended_turns > 0)
    printf("%" PRIu64, one->first.unended_after);
  else
    printf("null");
  printf(",\"violation\":");
  vlot__lab_json_text(stdout, violation);
  if (one->causes) {
    printf(",\"causes\":%" PRIu64 ",\"false_cause\":", vlot__causes_count_of(one->causes).caused);
    vlot__lab_json_text(stdout, one->false_cause);
  }
  printf(",\"exit\":%d}\n", code);
}

static void print_text(const again *one, const char *violation) {
  char a[32], b[32];
  const vlot_replay_status *status = &one->status;
  printf("vlot replay: %s: %u node%s, seed %" PRIu64 ", recorded by vlot %s\n", one->name,
         one->info.nodes, one->info.nodes == 1 ? "" : "s", one->info.seed, one->info.version);
  printf("  actions            %s of %s\n", vlot__lab_commas(status->actions, a),
         vlot__lab_commas(status->actions_total, b));
  printf("  turns              %s\n", vlot__lab_commas(status->turns, a));
  printf("  kills, restarts    %" PRIu64 ", %" PRIu64 "\n", one->stats.kills, restarts(one));
  printf("  elections          %" PRIu64 "\n", one->stats.elections);
  printf("  commit index       %s\n", vlot__lab_commas(one->stats.commits, a));
  printf("  bytes              %s of %s\n", vlot__lab_commas(status->bytes_whole, a),
         vlot__lab_commas(status->bytes, b));
  printf("  seconds            %.3f\n", (double)(one->end_ns - one->begin_ns) / 1e9);
  if (violation[0]) printf("  violation          %s\n", violation);
  if (one->false_cause[0])
    printf("  FALSE CAUSE        %s\n", one->false_cause);
  else if (one->causes)
    printf("  causes             %s, all true\n",
           vlot__lab_commas(vlot__causes_count_of(one->causes).caused, a));
  if (status->has_diverged)
    printf("  DIVERGED: %s\n", status->text);
  else if (violation[0])
    printf("  STOPPED: a safety property is broken\n");
  else if (status->is_cut)
    printf("  up to there identical to the recording; %s\n", status->text);
  else
    printf("  %s\n", status->is_finished ? "identical to the recording"
                                         : "identical to the recording so far");
}

static int report(const again *one) {
  char violation[256] = "";
  int code = verdict(one);
  vlot_cluster_violation(one->cluster, violation, sizeof violation);
  if (one->set->is_json)
    print_json(one, violation, code);
  else if (!one->set->is_quiet)
    print_text(one, violation);
  else if (code != VLOT__EXIT_OK)
    complain(one,
             one->status.text[0]   ? one->status.text
             : one->false_cause[0] ? one->false_cause
                                   : violation,
             code);
  return code;
}

/* --- by hand --- */

static int step(const again *one, uint64_t until) {
  vlot__workspace workspace;
  char greeting[768], line[40], nearest[120] = "";
  vlot__workspace_init(&workspace, false, UINT64_MAX);
  int code = VLOT__EXIT_SOFTWARE;
  vlot__workspace_set_plugin(&workspace, one->set->plugin);
  if (!vlot__workspace_set_journal(&workspace, one->bytes, one->size)) {
    complain(one, workspace.problem.data ? workspace.problem.data : "out of memory", code);
  } else {
    snprintf(line, sizeof line, "goto %" PRIu64, until);
    if (!vlot__scene_say_again(&workspace) && until > 0 && !vlot__command_run(&workspace, line))
      complain(one, workspace.problem.data ? workspace.problem.data : "it cannot go there", code);
    vlot__text_clear(&workspace.out);
    uint64_t at = vlot__workspace_actions(&workspace);
    if (at < until)
      snprintf(nearest, sizeof nearest,
               ", the nearest before %" PRIu64 ": a turn of several actions cannot be halved",
               until);
    snprintf(greeting, sizeof greeting,
             "vlot replay: %.200s, after action %" PRIu64 " of %" PRIu64 "%s.%s%s%s", one->name, at,
             one->status.actions_total, nearest, one->status.is_cut ? " These are whole; " : "",
             one->status.is_cut ? one->status.text : "", one->status.is_cut ? "." : "");
    vlot__prompt_options prompt = {
        .greeting = greeting, .is_ascii = one->set->is_ascii, .is_plain = one->set->is_plain};
    code = vlot__prompt_run(&workspace, &prompt);
  }
  vlot__workspace_deinit(&workspace);
  return code;
}

/* --- the verb --- */

static int with_cluster(again *one) {
  (void)vlot_replay_get_status(one->cluster, &one->status);
  one->first = one->status;
  uint64_t until = one->set->until, total = one->status.actions_total;
  if (until != UINT64_MAX && until > total && one->status.is_cut) {
    fprintf(stderr, "vlot replay: %s: --until %" PRIu64 ": %" PRIu64 " actions are whole; %s\n",
            one->name, until, total, one->status.text);
    return VLOT__EXIT_DATA;
  }
  if (until != UINT64_MAX && until > total) {
    fprintf(stderr, "vlot replay: --until %" PRIu64 ": the journal has %" PRIu64 " actions\n",
            until, total);
    return VLOT__EXIT_USAGE;
  }
  if (until != UINT64_MAX && !one->set->is_json && !one->set->is_quiet) return step(one, until);
  carry_out(one, until);
  return report(one);
}

static bool open_causes(again *one) {
  if (!one->set->has_causes) return true;
  one->causes = vlot__causes_open();
  return one->causes && vlot_subscription_open(&one->events, one->cluster, 0) == VLOT_OK;
}

/* Is the machine that is given the recorded run's? false: it is told. */
static bool has_its_machine(const again *one) {
  const vlot_plugin *plugin = one->set->plugin;
  const char *recorded = one->info.machine, *given = plugin ? plugin->machine->name : NULL;
  char text[400];
  if (!one->info.has_machine && !given) return true;
  if (!one->info.has_machine)
    snprintf(text, sizeof text,
             "the run had the key-value machine, and not '%s': leave out --machine", given);
  else if (!given)
    snprintf(text, sizeof text,
             "the run had a machine of its own, '%.63s': give it with --machine FILE, or replay it "
             "with vlot_replay_open(), in a program that has it",
             recorded);
  else if (strncmp(recorded, given, sizeof one->info.machine - 1) != 0)
    snprintf(text, sizeof text, "the run had the machine '%.63s', and --machine has '%s'", recorded,
             given);
  else
    return true;
  (void)complain(one, text, VLOT__EXIT_DATA);
  return false;
}

static int replay(again *one) {
  const char *problem = NULL;
  if (vlot_journal_read_info(one->bytes, one->size, &one->info) != VLOT_OK)
    return complain(one, one->info.problem, VLOT__EXIT_DATA);
  if (!has_its_machine(one)) return VLOT__EXIT_DATA;
  vlot_cluster_options cluster;
  vlot_cluster_options_init(&cluster);
  cluster.keeps_events = one->set->has_causes;
  if (one->set->plugin) cluster.machine = one->set->plugin->machine;
  vlot_result result = vlot_replay_open(&one->cluster, &cluster, one->bytes, one->size, &problem);
  if (result != VLOT_OK) {
    bool is_data = result == VLOT_CORRUPT || result == VLOT_UNSUPPORTED || result == VLOT_INVALID;
    return complain(one, vlot_problem(result), is_data ? VLOT__EXIT_DATA : VLOT__EXIT_SOFTWARE);
  }
  int code = open_causes(one) ? with_cluster(one)
                              : complain(one, vlot_result_text(VLOT_NOMEM), VLOT__EXIT_SOFTWARE);
  vlot__causes_close(one->causes);
  vlot_subscription_close(one->events);
  (void)vlot_cluster_close(one->cluster); /* what it could say has been said */
  return code;
}

/* Before all of what may be a huge file, or has no end, is read. */
static const char *judge(void *context, const char *bytes, size_t size) {
  again *one = context;
  if (vlot_journal_read_info(bytes, size, &one->info) == VLOT_OK) return NULL;
  bool may_be_long = size == HEAD_BYTES && one->info.format == VLOT_JOURNAL_FORMAT;
  return may_be_long ? NULL : one->info.problem;
}

/* So that it is this command that says so, and not the system that ends whatever it chooses. */
static size_t bytes_max(void) {
  uint64_t limit = JOURNAL_BYTES_MAX;
#ifdef _SC_PHYS_PAGES
  long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
  uint64_t half = pages > 0 && page > 0 ? (uint64_t)pages / 2 * (uint64_t)page : limit;
  if (half < limit) limit = half;
#endif
  return limit < SIZE_MAX ? (size_t)limit : SIZE_MAX - 1;
}

static int read_journal(again *one) {
  const vlot__script_limits limits = {
      .size_max = bytes_max(), .head_size = HEAD_BYTES, .judge = judge, .context = one};
  const char *problem = vlot__script_read(one->name, &limits, &one->bytes, &one->size);
  char text[160];
  if (!problem) return VLOT__EXIT_OK;
  switch (errno) {
  case EFBIG:
    snprintf(text, sizeof text,
             "a journal of more than %zu MiB is not read here: a replay has all of it in memory",
             limits.size_max >> 20);
    return complain(one, text, VLOT__EXIT_DATA);
  case EILSEQ: return complain(one, problem, VLOT__EXIT_DATA);
  case ENOMEM: return complain(one, problem, VLOT__EXIT_SOFTWARE);
  default: return complain(one, problem, VLOT__EXIT_NO_INPUT);
  }
}

static int run_replay(int argc, char **argv) {
  settings set = {.until = UINT64_MAX};
  again one = {.set = &set};
  int parsed = vlot__options_parse_file(&vlot__verb_replay, argc, argv, &set, &one.name);
  if (parsed != 0) return parsed == 1 ? VLOT__EXIT_OK : VLOT__EXIT_USAGE;
  if (!one.name) {
    fprintf(stderr, "vlot replay: which journal? vlot replay FILE\n");
    return VLOT__EXIT_USAGE;
  }
  int code = vlot__plugin_load("replay", set.machine, &set.plugin);
  if (code == VLOT__EXIT_OK) code = read_journal(&one);
  if (code == VLOT__EXIT_OK) code = replay(&one);
  free(one.bytes);
  return code;
}

const vlot__verb vlot__verb_replay = {
    .name = "replay",
    .summary = "Carry out a recorded run (FILE) again, exactly, or step through it",
    .text = help_text,
    .options = options,
    .option_count = sizeof options / sizeof *options,
    .run = run_replay,
};
