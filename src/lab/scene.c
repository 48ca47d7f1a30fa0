/* Playing scenes: reading blocks, comparing, writing. */
#include "scene.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "lab.h"
#include "script.h"

/* Without a byte-order mark, and with lines that end with a newline alone. Returns its size. */
static size_t normalise(char *text, size_t size, vlot__scene_form *form) {
  const char *end = memchr(text, '\n', size);
  size_t mark = vlot__text_mark(text, size), kept = 0;
  *form =
      (vlot__scene_form){.has_mark = mark > 0, .has_crlf = end && end > text && end[-1] == '\r'};
  for (size_t k = mark; k < size; k++)
    if (text[k] != '\r' || (k + 1 < size && text[k + 1] != '\n')) text[kept++] = text[k];
  return kept;
}

int vlot__scene_read(const char *name, char **text, vlot__scene_form *form, const char **problem) {
  vlot__scene_form ignored;
  size_t size;
  const vlot__script_limits limits = {.size_max = VLOT__SCENE_BYTES_MAX};
  *problem = vlot__script_read(name, &limits, text, &size);
  if (*problem && errno == EFBIG) {
    *problem = "a scene is a text of at most 1 MiB, and this is more";
    return VLOT__EXIT_DATA;
  }
  if (*problem) return errno == ENOMEM ? VLOT__EXIT_SOFTWARE : VLOT__EXIT_NO_INPUT;
  int code = VLOT__EXIT_DATA;
  char *ended = NULL;
  size = normalise(*text, size, form ? form : &ignored);
  if (memchr(*text, '\0', size)) {
    *problem = "a scene is a text of at most 1 MiB, and a text has no zero byte";
  } else if (!(ended = realloc(*text, size + 1))) {
    *problem = "out of memory";
    code = VLOT__EXIT_SOFTWARE;
  }
  if (*problem) {
    free(*text);
    return code;
  }
  ended[size] = '\0';
  *text = ended;
  return VLOT__EXIT_OK;
}

typedef struct line {
  const char *text;
  size_t size;
} line;

static bool peek_line(const vlot__scene *scene, line *next) {
  if (!*scene->at) return false;
  next->text = scene->at;
  next->size = strcspn(scene->at, "\n");
  return true;
}

static void pass_line(vlot__scene *scene, const line *next) {
  scene->at = next->text + next->size;
  if (*scene->at) scene->at++;
  scene->line++;
}

static bool is_blank(const line *one) {
  for (size_t k = 0; k < one->size; k++)
    if (!strchr(" \t\r", one->text[k])) return false;
  return true;
}

static bool is_rule(const line *one) { return one->size == 4 && memcmp(one->text, "----", 4) == 0; }

static void keep_line(vlot__scene *scene, const line *one) {
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

static bool begins_line(const char *text, size_t at) { return at == 0 || text[at - 1] == '\n'; }

/* The lines that both begin with, and those that both end with, are left out. */
static void print_difference(const vlot__scene *scene, unsigned first_line, const char *wanted,
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
static void read_expected(vlot__scene *scene, vlot__text *expected) {
  line next;
  while (peek_line(scene, &next) && !is_blank(&next)) {
    vlot__text_put(expected, next.text, next.size);
    vlot__text_put(expected, "\n", 1);
    pass_line(scene, &next);
  }
}

static void run_line(vlot__scene *scene, const line *next) {
  char command[VLOT__COMMAND_LINE_MAX + 1];
  size_t size = next->size < sizeof command - 1 ? next->size : sizeof command - 1;
  memcpy(command, next->text, size);
  command[size] = '\0';
  if (vlot__command_run(&scene->workspace, command) || !scene->rewrites || scene->is_silent) return;
  /* a mistake is text too, a scene may show one; but nobody should write one down unawares */
  fprintf(stderr, "%s:%u: %s\n", scene->name, scene->line - 1, scene->workspace.problem.data);
}

static void end_block(vlot__scene *scene, bool has_rule) {
  vlot__text expected = {0};
  vlot__text *out = &scene->workspace.out;
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

static void play_all(vlot__scene *scene) {
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

void vlot__scene_play(vlot__scene *scene, const char *text, bool has_threads) {
  scene->at = text;
  scene->line = 1;
  vlot__workspace_init(&scene->workspace, has_threads, VLOT__SCENE_ACTIONS_MAX);
  vlot__workspace_set_plugin(&scene->workspace, scene->plugin);
  play_all(scene);
}

void vlot__scene_deinit(vlot__scene *scene) {
  vlot__workspace_deinit(&scene->workspace);
  vlot__text_deinit(&scene->written);
}

/* Each command becomes a block of its own. */
const char *vlot__scene_write(const vlot__text *commands, const vlot_plugin *plugin,
                              vlot__text *scene) {
  vlot__text blocks = {0};
  for (const char *at = commands->data; at && *at;) {
    size_t size = strcspn(at, "\n");
    vlot__text_put(&blocks, at, size);
    vlot__text_put(&blocks, "\n\n", *at == '#' ? 1 : 2);
    at += size + (at[size] == '\n');
  }
  vlot__scene playing = {.name = "", .rewrites = true, .is_silent = true, .plugin = plugin};
  vlot__scene_play(&playing, blocks.data ? blocks.data : "", false);
  const char *problem = NULL;
  if (playing.workspace.was_limited)
    problem =
        "a scene may do 100,000 actions, and this story has more; 'save FILE line' leaves out "
        "what was undone";
  if (blocks.is_short || playing.written.is_short || playing.workspace.out.is_short)
    problem = "out of memory";
  if (playing.written.size > VLOT__SCENE_BYTES_MAX)
    problem =
        "a scene has at most 1 MiB, and this story is longer; 'save FILE line' leaves out what was "
        "undone";
  if (!problem)
    vlot__text_put(scene, playing.written.data ? playing.written.data : "", playing.written.size);
  vlot__scene_deinit(&playing);
  vlot__text_deinit(&blocks);
  return problem;
}

static line line_at(const char *text, size_t at) {
  return (line){.text = text + at, .size = strcspn(text + at, "\n")};
}

static size_t behind(const char *text, size_t at, const line *one) {
  at += one->size;
  return text[at] ? at + 1 : at;
}

size_t vlot__scene_next(const char *scene, size_t at, vlot__text *told, char *command,
                        size_t capacity) {
  *command = '\0';
  while (scene[at]) {
    line one = line_at(scene, at);
    at = behind(scene, at, &one);
    if (is_rule(&one)) {
      while (scene[at]) {
        line seen = line_at(scene, at);
        if (is_blank(&seen)) break;
        at = behind(scene, at, &seen);
      }
    } else if (one.text[0] == '#') {
      vlot__text_put(told, one.text, one.size);
      vlot__text_put(told, "\n", 1);
    } else if (!is_blank(&one)) {
      snprintf(command, capacity, "%.*s", (int)one.size, one.text);
      return at;
    }
  }
  return at;
}

/* --- again, for a debugger --- */

__attribute__((noinline, used)) void vlot__scene_said_again(vlot__workspace *workspace) {
  __asm__ volatile("" ::"g"(workspace) : "memory");
}

bool vlot__scene_say_again(vlot__workspace *workspace) {
  const char *name = getenv("VLOT_STEP_REDO");
  const vlot__script_limits limits = {.size_max = (size_t)64 << 20};
  char *text, *rest = NULL;
  size_t size;
  if (!name || !*name || vlot__script_read(name, &limits, &text, &size)) return false;
  char *lines = calloc(size + 1, 1);
  if (lines) memcpy(lines, text, size);
  free(text);
  char *one = lines ? strtok_r(lines, "\n", &rest) : NULL;
  size_t place = one ? (size_t)strtoull(one, NULL, 10) : 0;
  while (one && (one = strtok_r(NULL, "\n", &rest)) != NULL) {
    vlot__command_run(workspace, one);
    vlot__text_clear(&workspace->out);
  }
  if (workspace->scene && place <= strlen(workspace->scene))
    workspace->scene_at = workspace->scene_from = place;
  free(lines);
  vlot__scene_said_again(workspace);
  return true;
}
