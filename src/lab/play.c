/* `vlot play`: scenes. A scene is a text of blocks: comments that tell the story, commands, a line ----, what was seen, an empty line. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "lab.h"
#include "script.h"

enum { SCENE_BYTES_MAX = 1 << 20, SCENE_ACTIONS_MAX = 100000 };

typedef struct play_settings {
  bool rewrites;
  bool has_threads;
} play_settings;

static const vlot__option options[] = {
    {"--rewrite", NULL, VLOT__OPTION_FLAG, offsetof(play_settings, rewrites), 0, 0, NULL,
     "Write what is seen now into the files; read the difference before you keep it"},
    {"--threads", NULL, VLOT__OPTION_FLAG, offsetof(play_settings, has_threads), 0, 0, NULL,
     "Run every node on its own thread, for a debugger; what is seen is the same"},
};

/* Where in the file we are. */
typedef struct play_scene {
  const char *name;
  const char *at; /* the next line */
  unsigned line;  /* its number */
  vlot__session session;
  vlot__text written; /* the file as it should be */
  bool rewrites;
  unsigned differences;
} play_scene;

typedef struct line {
  const char *text;
  size_t size;
} line;

static bool peek_line(const play_scene *scene, line *next) {
  if (!*scene->at) return false;
  next->text = scene->at;
  next->size = strcspn(scene->at, "\n");
  return true;
}

static void pass_line(play_scene *scene, const line *next) {
  scene->at = next->text + next->size;
  if (*scene->at) scene->at++;
  scene->line++;
}

static bool is_blank(const line *one) {
  for (size_t k = 0; k < one->size; k++)
    if (!strchr(" \t\r", one->text[k])) return false;
  return true;
}

static bool is_rule(const line *one) {
  return one->size == 4 && memcmp(one->text, "----", 4) == 0;
}

static void keep_line(play_scene *scene, const line *one) {
  vlot__text_put(&scene->written, one->text, one->size);
  vlot__text_put(&scene->written, "\n", 1);
}

/* --- differences --- */

static unsigned count_lines(const char *text, size_t size) {
  unsigned count = 0;
  for (size_t k = 0; k < size; k++) count += text[k] == '\n';
  return count;
}

static void print_lines(char mark, const char *text, size_t size) {
  for (size_t at = 0; at < size;) {
    const char *end = memchr(text + at, '\n', size - at);
    size_t length = end ? (size_t)(end - text) - at : size - at;
    printf("%c%.*s\n", mark, (int)length, text + at);
    at += length + 1;
  }
}

static bool begins_line(const char *text, size_t at) {
  return at == 0 || text[at - 1] == '\n';
}

/* The lines that both begin with, and those that both end with, are left out. */
static void print_difference(const play_scene *scene, unsigned first_line, const char *wanted,
                             size_t wanted_size, const char *seen, size_t seen_size) {
  size_t line_start = 0, tail_line = 0;
  for (size_t k = 0; k < wanted_size && k < seen_size && wanted[k] == seen[k]; k++)
    if (wanted[k] == '\n') line_start = k + 1;
  size_t room = (wanted_size < seen_size ? wanted_size : seen_size) - line_start;
  for (size_t tail = 1; tail <= room && wanted[wanted_size - tail] == seen[seen_size - tail];
       tail++)
    if (begins_line(wanted, wanted_size - tail) && begins_line(seen, seen_size - tail))
      tail_line = tail;
  printf("%s:%u: seen (+) is not what stands there (-)\n", scene->name,
         first_line + count_lines(wanted, line_start));
  print_lines('-', wanted + line_start, wanted_size - line_start - tail_line);
  print_lines('+', seen + line_start, seen_size - line_start - tail_line);
}

/* --- blocks --- */

/* What stands between the rule and the empty line. */
static void read_expected(play_scene *scene, vlot__text *expected) {
  line next;
  while (peek_line(scene, &next) && !is_blank(&next)) {
    vlot__text_put(expected, next.text, next.size);
    vlot__text_put(expected, "\n", 1);
    pass_line(scene, &next);
  }
}

static void run_line(play_scene *scene, const line *next) {
  char command[VLOT__COMMAND_LINE_MAX + 1];
  size_t size = next->size < sizeof command - 1 ? next->size : sizeof command - 1;
  memcpy(command, next->text, size);
  command[size] = '\0';
  if (vlot__command_run(&scene->session, command) || !scene->rewrites) return;
  /* a mistake is text too, a scene may show one; but nobody should write one down unawares */
  fprintf(stderr, "%s:%u: %s\n", scene->name, scene->line - 1, scene->session.problem.data);
}

static void end_block(play_scene *scene, bool has_rule) {
  vlot__text expected = {0};
  vlot__text *out = &scene->session.out;
  unsigned first_line = scene->line;
  if (has_rule) read_expected(scene, &expected);
  if (has_rule || out->size > 0) vlot__text_put(&scene->written, "----\n", 5);
  if (out->size > 0) vlot__text_put(&scene->written, out->data, out->size);
  bool is_same = expected.size == out->size &&
                 (out->size == 0 || memcmp(expected.data, out->data, out->size) == 0);
  if (!is_same) {
    scene->differences++;
    if (!scene->rewrites)
      print_difference(scene, first_line, expected.data ? expected.data : "", expected.size,
                       out->data ? out->data : "", out->size);
  }
  vlot__text_clear(out);
  vlot__text_deinit(&expected);
}

static void play_all(play_scene *scene) {
  line next;
  bool is_inside = false; /* commands whose output is not compared yet */
  while (peek_line(scene, &next)) {
    bool ends = is_blank(&next), has_rule = is_rule(&next);
    if (has_rule || (ends && is_inside)) {
      if (has_rule) pass_line(scene, &next);
      end_block(scene, has_rule);
      is_inside = false;
      continue;
    }
    keep_line(scene, &next);
    pass_line(scene, &next);
    if (ends || next.text[0] == '#') continue;
    is_inside = true;
    run_line(scene, &next);
  }
  if (is_inside) end_block(scene, false);
}

/* --- files --- */

static int tell(const char *name, const char *what, int code) {
  fprintf(stderr, "vlot play: %s: %s\n", name, what);
  return code;
}

static int rewrite(const play_scene *scene) {
  FILE *file = fopen(scene->name, "w");
  if (!file) return tell(scene->name, strerror(errno), VLOT__EXIT_CANNOT_CREATE);
  bool is_written =
      fwrite(scene->written.data, 1, scene->written.size, file) == scene->written.size;
  if (fclose(file) != 0 || !is_written)
    return tell(scene->name, "it could not be written", VLOT__EXIT_CANNOT_CREATE);
  fprintf(stderr, "%s: rewritten, %u block%s changed\n", scene->name, scene->differences,
          scene->differences == 1 ? "" : "s");
  return VLOT__EXIT_OK;
}

static int finish(const play_scene *scene, bool rewrites) {
  if (scene->session.out.is_short || scene->written.is_short)
    return tell(scene->name, "out of memory", VLOT__EXIT_SOFTWARE);
  if (rewrites && scene->differences > 0) return rewrite(scene);
  if (scene->differences > 0) return VLOT__EXIT_VIOLATED;
  printf("%s: ok\n", scene->name);
  return VLOT__EXIT_OK;
}

static int play(const char *name, const play_settings *settings) {
  char *text;
  size_t size;
  if (!vlot__script_read(name, &text, &size))
    return tell(name, strerror(errno), VLOT__EXIT_NO_INPUT);
  if (size > SCENE_BYTES_MAX || memchr(text, '\0', size)) {
    free(text);
    return tell(name, "a scene is a text of at most 1 MiB", VLOT__EXIT_DATA);
  }
  char *ended = realloc(text, size + 1);
  if (!ended) {
    free(text);
    return tell(name, "out of memory", VLOT__EXIT_SOFTWARE);
  }
  ended[size] = '\0';
  play_scene scene = {.name = name, .at = ended, .line = 1, .rewrites = settings->rewrites};
  vlot__session_init(&scene.session, settings->has_threads, SCENE_ACTIONS_MAX);
  play_all(&scene);
  int code = finish(&scene, settings->rewrites);
  vlot__session_deinit(&scene.session);
  vlot__text_deinit(&scene.written);
  free(ended);
  return code;
}

/* Files may stand before, between and behind the options: they are taken out of a copy of argv. */
static int run(int argc, char **argv) {
  play_settings settings = {0};
  char **words = calloc((size_t)argc + 1, sizeof *words);
  int word_count = 0, files = 0, code = VLOT__EXIT_OK;
  if (!words) return tell("it", "out of memory", VLOT__EXIT_SOFTWARE);
  for (int k = 0; k < argc; k++)
    if (argv[k][0] == '-' && argv[k][1]) words[word_count++] = argv[k];
  int parsed = vlot__options_parse(&vlot__verb_play, word_count, words, &settings);
  free(words);
  if (parsed) return parsed == 1 ? VLOT__EXIT_OK : VLOT__EXIT_USAGE;
  for (int k = 0; k < argc; k++) {
    if (argv[k][0] == '-' && argv[k][1]) continue;
    int one = play(argv[k], &settings);
    if (code == VLOT__EXIT_OK) code = one;
    files++;
  }
  if (files > 0) return code;
  fprintf(stderr, "vlot play: which FILE? 'vlot help play' explains\n");
  return VLOT__EXIT_USAGE;
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
