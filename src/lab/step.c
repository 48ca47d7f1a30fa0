/* `vlot step`: a cluster under one's own hands. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "lab.h"
#include "prompt.h"
#include "scene.h"
#include "script.h"

typedef struct step_settings {
  uint64_t nodes, seed;
  bool has_threads, is_ascii, is_plain;
} step_settings;

#define FIELD(name) offsetof(step_settings, name)

static const vlot__option options[] = {
    {"--nodes", "N", VLOT__OPTION_NUMBER, FIELD(nodes), 1, VLOT__SESSION_NODES_MAX, NULL,
     "nodes: default 3"},
    {"--seed", "S", VLOT__OPTION_NUMBER, FIELD(seed), 0, UINT64_MAX, NULL,
     "of everything random: default 1"},
    {"--threads", NULL, VLOT__OPTION_FLAG, FIELD(has_threads), 0, 0, NULL,
     "run every node on its own thread, for a debugger; what is seen is the same"},
    {"--ascii", NULL, VLOT__OPTION_FLAG, FIELD(is_ascii), 0, 0, NULL, "no glyphs"},
    {"--no-color", NULL, VLOT__OPTION_FLAG, FIELD(is_plain), 0, 0, NULL,
     "no colours, as with NO_COLOR in the environment"},
};

static int tell(const char *name, const char *what, int code) {
  fprintf(stderr, "vlot step: %s: %s\n", name, what);
  return code;
}

static int load_scene(vlot__session *session, const char *name) {
  char *text;
  const char *problem;
  int code = vlot__scene_read(name, &text, &problem);
  if (code != VLOT__EXIT_OK) return tell(name, problem, code);
  if (!vlot__session_set_scene(session, text))
    code = tell(name, "out of memory", VLOT__EXIT_SOFTWARE);
  free(text);
  return code;
}

/* A debugger that goes back starts the command again, with the lines that led to where it wants to be in a file, behind the place in the
 * scene. They are said again before anybody is asked; what they say has been seen.
 */
static void say_again(vlot__session *session) {
  const char *name = getenv("VLOT_STEP_REDO");
  const vlot__script_limits limits = {.size_max = (size_t)64 << 20};
  char *text, *rest = NULL;
  size_t size;
  if (!name || !*name || vlot__script_read(name, &limits, &text, &size)) return;
  char *lines = calloc(size + 1, 1);
  if (lines) memcpy(lines, text, size);
  free(text);
  char *line = lines ? strtok_r(lines, "\n", &rest) : NULL;
  size_t place = line ? (size_t)strtoull(line, NULL, 10) : 0;
  while (line && (line = strtok_r(NULL, "\n", &rest)) != NULL) {
    vlot__command_run(session, line);
    vlot__text_clear(&session->out);
  }
  if (session->scene && place <= strlen(session->scene))
    session->scene_at = session->scene_from = place;
  free(lines);
}

static int step(const char *scene, const step_settings *settings) {
  vlot__session session;
  char greeting[256];
  vlot__session_init(&session, settings->has_threads, vlot__prompt_actions_max());
  session.options.nodes = (uint32_t)settings->nodes;
  session.options.seed = settings->seed;
  int code = scene ? load_scene(&session, scene) : VLOT__EXIT_OK;
  if (scene)
    snprintf(greeting, sizeof greeting, "vlot step: the scene %.200s. Next: its first command.",
             scene);
  else
    snprintf(greeting, sizeof greeting,
             "vlot step: %" PRIu64 " node%s, seed %" PRIu64 ". Nothing has happened yet.",
             settings->nodes, settings->nodes == 1 ? "" : "s", settings->seed);
  vlot__prompt_options prompt = {
      .greeting = greeting, .is_ascii = settings->is_ascii, .is_plain = settings->is_plain};
  if (code == VLOT__EXIT_OK) {
    say_again(&session);
    code = vlot__prompt_run(&session, &prompt);
  }
  vlot__session_deinit(&session);
  return code;
}

static int run(int argc, char **argv) {
  step_settings settings = {.nodes = 3, .seed = 1};
  const char *scene;
  int parsed = vlot__options_parse_file(&vlot__verb_step, argc, argv, &settings, &scene);
  if (parsed) return parsed == 1 ? VLOT__EXIT_OK : VLOT__EXIT_USAGE;
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
        "Exit code 0; 1: a command of a script failed; 64 wrong usage; 65 no scene; 66 the scene\n"
        "cannot be read; 73 the output cannot be written.\n",
    .options = options,
    .option_count = sizeof options / sizeof *options,
    .run = run,
};
