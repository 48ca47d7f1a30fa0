/* `vlot play`: scenes, from files. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "files.h"
#include "lab.h"
#include "plugin.h"
#include "scene.h"

typedef struct play_settings {
  bool rewrites;
  bool has_threads;
  const char *machine;
  const vlot_plugin *plugin; /* what --machine has; NULL */
} play_settings;

static const vlot__option options[] = {
    {"--rewrite", NULL, VLOT__OPTION_FLAG, offsetof(play_settings, rewrites), 0, 0, NULL,
     "Write what is seen now into the files; read the difference before you keep it"},
    {"--threads", NULL, VLOT__OPTION_FLAG, offsetof(play_settings, has_threads), 0, 0, NULL,
     "Run every node on its own thread, for a debugger; what is seen is the same"},
    VLOT__PLUGIN_OPTION(offsetof(play_settings, machine)),
};

/* --- files --- */

static int tell(const char *name, const char *what, int code) {
  fprintf(stderr, "vlot play: %s: %s\n", name, what);
  return code;
}

static bool write_all(const vlot__scene *scene, const vlot__scene_form *form, FILE *file) {
  if (form->has_mark) fputs(VLOT__BYTE_ORDER_MARK, file);
  for (const char *at = scene->written.data; at && *at;) {
    size_t size = strcspn(at, "\n");
    fwrite(at, 1, size, file);
    fputs(form->has_crlf ? "\r\n" : "\n", file);
    at += size + 1;
  }
  return !ferror(file);
}

static int rewrite(const vlot__scene *scene, const vlot__scene_form *form) {
  FILE *file = fopen(scene->name, "w");
  if (!file) return tell(scene->name, strerror(errno), VLOT__EXIT_CANNOT_CREATE);
  bool is_written = write_all(scene, form, file);
  if (fclose(file) != 0 || !is_written)
    return tell(scene->name, "it could not be written", VLOT__EXIT_CANNOT_CREATE);
  fprintf(stderr, "%s: rewritten, %u block%s changed\n", scene->name, scene->differences,
          scene->differences == 1 ? "" : "s");
  return VLOT__EXIT_OK;
}

static int finish(const vlot__scene *scene, const vlot__scene_form *form, bool rewrites) {
  if (scene->workspace.out.is_short || scene->written.is_short)
    return tell(scene->name, "out of memory", VLOT__EXIT_SOFTWARE);
  if (rewrites && scene->differences > 0) return rewrite(scene, form);
  if (scene->differences > 0) return VLOT__EXIT_VIOLATED;
  printf("%s: ok\n", scene->name);
  return VLOT__EXIT_OK;
}

static int play(const char *name, const play_settings *settings) {
  char *text;
  const char *problem;
  vlot__scene_form form;
  int code = vlot__scene_read(name, &text, &form, &problem);
  if (code != VLOT__EXIT_OK) return tell(name, problem, code);
  vlot__scene scene = {.name = name, .rewrites = settings->rewrites, .plugin = settings->plugin};
  vlot__scene_play(&scene, text, settings->has_threads);
  code = finish(&scene, &form, settings->rewrites);
  vlot__scene_deinit(&scene);
  free(text);
  return code;
}

/* A scene that is rewritten has been read by then; it must not be what another name stands for, or
 * this command's output. */
static bool may_play(const play_settings *settings, int argc, char *const *argv) {
  vlot__file_use *uses = calloc((size_t)argc + 1, sizeof *uses);
  size_t count = 0;
  if (!uses) return false;
  for (int k = 0; k < argc; k++)
    uses[count++] = (vlot__file_use){argv[k], argv[k], settings->rewrites};
  bool may = vlot__files_may_use("play", uses, count);
  free(uses);
  return may;
}

static int play_all(const play_settings *settings, int count, char *const *names) {
  int code = VLOT__EXIT_OK;
  for (int k = 0; k < count; k++) {
    int one = play(names[k], settings);
    if (code == VLOT__EXIT_OK) code = one;
  }
  return code;
}

/* Is it the value of the option before it? */
static bool is_value(int argc, char **argv, int k) {
  return k > 0 && k < argc && strcmp(argv[k - 1], "--machine") == 0;
}

/* Files may stand before, between and behind the options: each goes to a copy of its own. */
static int run(int argc, char **argv) {
  play_settings settings = {0};
  char **words = calloc(2 * (size_t)argc + 1, sizeof *words);
  if (!words) return tell("it", "out of memory", VLOT__EXIT_SOFTWARE);
  char **files = words + argc;
  int word_count = 0, count = 0, code = VLOT__EXIT_USAGE;
  for (int k = 0; k < argc; k++)
    if ((argv[k][0] == '-' && argv[k][1]) || is_value(argc, argv, k))
      words[word_count++] = argv[k];
    else
      files[count++] = argv[k];
  int parsed = vlot__options_parse(&vlot__verb_play, word_count, words, &settings);
  if (parsed == 1) code = VLOT__EXIT_OK;
  if (!parsed && count == 0) fprintf(stderr, "vlot play: which FILE? 'vlot help play' explains\n");
  if (!parsed && count > 0 && may_play(&settings, count, files))
    code = vlot__plugin_load("play", settings.machine, &settings.plugin);
  if (!parsed && count > 0 && code == VLOT__EXIT_OK) code = play_all(&settings, count, files);
  free(words);
  return code;
}

const vlot__verb vlot__verb_play = {
    .name = "play",
    .summary = "Play scenes, FILE..., and compare what is seen with what stands there",
    .text = "A scene is a text: comments (#), commands, a line ----, what is to be seen, an empty "
            "line.\n"
            "The command 'help' inside a scene lists the verbs. Limits: 1 MiB, 100,000 actions.\n"
            "Exit code 0: all as it stands there; 1: something else was seen.\n",
    .options = options,
    .option_count = sizeof options / sizeof *options,
    .run = run,
};
