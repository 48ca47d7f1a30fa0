/* `vlot step`: a cluster under one's own hands. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "lab.h"
#include "plugin.h"
#include "prompt.h"
#include "scene.h"
#include "script.h"
#include "step_sim.h"

enum { SIM_ACTIONS = 20000 }; /* as `vlot sim` */

typedef struct step_settings {
  uint64_t nodes, seed, sim, actions;
  bool has_threads, is_ascii, is_plain;
  const char *machine;
  const vlot_plugin *plugin; /* what --machine has; NULL */
} step_settings;

#define FIELD(name) offsetof(step_settings, name)

static const vlot__option options[] = {
    {"--nodes", "N", VLOT__OPTION_NUMBER, FIELD(nodes), 1, VLOT__WORKSPACE_NODES_MAX, NULL,
     "nodes: default 3"},
    {"--seed", "S", VLOT__OPTION_NUMBER, FIELD(seed), 0, UINT64_MAX - 1, NULL,
     "of everything random: default 1"},
    {"--sim", "SEED", VLOT__OPTION_NUMBER, FIELD(sim), 0, UINT64_MAX - 1, NULL,
     "step through that seed of 'vlot sim', from where it fails or ends; --nodes as the seed says"},
    {"--actions", "A", VLOT__OPTION_NUMBER, FIELD(actions), 10, 10000000, NULL,
     "actions of that seed's run: default 20000"},
    {"--threads", NULL, VLOT__OPTION_FLAG, FIELD(has_threads), 0, 0, NULL,
     "run every node on its own thread, for a debugger; what is seen is the same"},
    VLOT__PLUGIN_OPTION(FIELD(machine)),
    {"--ascii", NULL, VLOT__OPTION_FLAG, FIELD(is_ascii), 0, 0, NULL, "no glyphs"},
    {"--no-color", NULL, VLOT__OPTION_FLAG, FIELD(is_plain), 0, 0, NULL,
     "no colours, as with NO_COLOR in the environment"},
};

static int tell(const char *name, const char *what, int code) {
  fprintf(stderr, "vlot step: %s: %s\n", name, what);
  return code;
}

static int load_scene(vlot__workspace *workspace, const char *name) {
  char *text;
  const char *problem;
  int code = vlot__scene_read(name, &text, NULL, &problem);
  if (code != VLOT__EXIT_OK) return tell(name, problem, code);
  if (!vlot__workspace_set_scene(workspace, text))
    code = tell(name, "out of memory", VLOT__EXIT_SOFTWARE);
  free(text);
  return code;
}

static int step_found(const step_settings *settings) {
  vlot__workspace workspace;
  vlot__step_sim sim = {.seed = settings->sim,
                        .actions = settings->actions ? settings->actions : SIM_ACTIONS,
                        .nodes = (uint32_t)settings->nodes,
                        .has_threads = settings->has_threads};
  int code = VLOT__EXIT_SOFTWARE;
  char greeting[1300];
  vlot__workspace_init(&workspace, settings->has_threads, UINT64_MAX);
  if (vlot__step_sim_open(&sim, &workspace)) {
    (void)vlot__scene_say_again(&workspace);
    snprintf(greeting, sizeof greeting, "vlot step: action %" PRIu64 " of %" PRIu64 ". %s",
             vlot__workspace_actions(&workspace), sim.origin.actions, sim.end);
    vlot__prompt_options prompt = {
        .greeting = greeting, .is_ascii = settings->is_ascii, .is_plain = settings->is_plain};
    code = vlot__prompt_run(&workspace, &prompt);
  } else {
    tell(sim.line, workspace.problem.data ? workspace.problem.data : "out of memory", code);
  }
  vlot__workspace_deinit(&workspace);
  return code;
}

/* What the two ways to begin do not share. */
static const char *problem_of(const step_settings *settings, const char *scene) {
  bool is_found = settings->sim != UINT64_MAX;
  if (is_found && scene) return "--sim steps through a seed, and takes no scene";
  if (is_found && settings->machine)
    return "--sim steps through a run with the key-value machine, and takes no --machine";
  if (is_found && settings->seed != UINT64_MAX)
    return "--seed goes without --sim, which has its own";
  if (!is_found && settings->actions) return "--actions goes with --sim only";
  return NULL;
}

static int step(const char *scene, const step_settings *settings) {
  vlot__workspace workspace;
  char greeting[256];
  vlot__workspace_init(&workspace, settings->has_threads, vlot__prompt_actions_max());
  vlot__workspace_set_plugin(&workspace, settings->plugin);
  workspace.options.nodes = (uint32_t)settings->nodes;
  workspace.options.seed = settings->seed;
  int code = scene ? load_scene(&workspace, scene) : VLOT__EXIT_OK;
  bool is_again = code == VLOT__EXIT_OK && vlot__scene_say_again(&workspace);
  if (is_again)
    snprintf(greeting, sizeof greeting, "vlot step: again after action %" PRIu64 ".",
             vlot__workspace_actions(&workspace));
  else if (scene)
    snprintf(greeting, sizeof greeting, "vlot step: the scene %.200s. Next: its first command.",
             scene);
  else
    snprintf(greeting, sizeof greeting,
             "vlot step: %" PRIu64 " node%s, seed %" PRIu64 ". Nothing has happened yet.",
             settings->nodes, settings->nodes == 1 ? "" : "s", settings->seed);
  vlot__prompt_options prompt = {
      .greeting = greeting, .is_ascii = settings->is_ascii, .is_plain = settings->is_plain};
  if (code == VLOT__EXIT_OK) code = vlot__prompt_run(&workspace, &prompt);
  vlot__workspace_deinit(&workspace);
  return code;
}

static int run(int argc, char **argv) {
  step_settings settings = {.sim = UINT64_MAX, .seed = UINT64_MAX};
  const char *scene;
  int parsed = vlot__options_parse_file(&vlot__verb_step, argc, argv, &settings, &scene);
  if (parsed) return parsed == 1 ? VLOT__EXIT_OK : VLOT__EXIT_USAGE;
  const char *problem = problem_of(&settings, scene);
  if (problem) {
    fprintf(stderr, "vlot step: %s\n", problem);
    return VLOT__EXIT_USAGE;
  }
  if (settings.sim != UINT64_MAX) return step_found(&settings);
  int code = vlot__plugin_load("step", settings.machine, &settings.plugin);
  if (code != VLOT__EXIT_OK) return code;
  if (settings.nodes == 0) settings.nodes = 3;
  if (settings.seed == UINT64_MAX) settings.seed = 1;
  return step(scene, &settings);
}

const vlot__verb vlot__verb_step = {
    .name = "step",
    .summary = "Step through a cluster, or a scene (FILE), one message at a time, at a prompt",
    .text =
        "Enter does the next thing, 'help' lists the commands, 'q' leaves. Ctrl-C ends what takes\n"
        "long. A script on the standard input gives a transcript: each command, then what came of\n"
        "it. COLUMNS says how wide tables may be.\n"
        "A scene has at most 1 MiB.\n"
        "Exit code 0; 1: a command of a script failed, or a safety property is broken at its end;\n"
        "64 wrong usage; 65 no scene; 66 the scene cannot be read; 73 the output cannot be "
        "written.\n",
    .options = options,
    .option_count = sizeof options / sizeof *options,
    .run = run,
};
