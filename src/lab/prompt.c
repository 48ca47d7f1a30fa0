/* The prompt's loop. What is said goes to the verbs; here it is only read, and what came of
 * it is shown. */
#include "prompt.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "command.h"
#include "complete.h"
#include "lab.h"
#include "lines.h"
#include "screen.h"
#include "table.h"

enum {
  WIDTH_USUAL = 80,
  WIDTH_MIN = 20,
  WIDTH_OF_PROMPT = 40, /* narrower, it is a short one, to leave room for what is typed */
  PENDING_ROWS = 8,
  ROWS_BESIDES_NODES = 14,
  ROWS_BESIDES_LIST = 5, /* an empty line, two headings, what is left out, the prompt */
  NODE_ROWS_MIN = 4,
  SCROLL_LINES = 1000
};

typedef struct prompt {
  vlot__workspace *workspace;
  const vlot__prompt_options *options;
  vlot__lines lines;
  vlot__screen screen;   /* which colours and glyphs there are */
  vlot__table_view seen; /* what is on the screen */
  bool has_seen;
  uint32_t nodes;
  unsigned told;    /* lines that the last command has told: they should not leave the screen */
  uint64_t changes; /* of the workspace, before the last command */
  bool has_begun;   /* a line was read: what comes is not the beginning of the input */
  bool has_failed;
} prompt;

uint64_t vlot__prompt_actions_max(void) {
  return isatty(STDIN_FILENO) == 1 ? UINT64_MAX : 10000000;
}

/* --- how wide it may be --- */

static unsigned columns_wished(void) {
  const char *text = getenv("COLUMNS");
  uint64_t columns;
  bool is_said = text && vlot__options_number(text, &columns) && columns > 0 && columns <= 1000;
  return is_said ? (unsigned)columns : 0;
}

/* As long as the screen allows, with the table above it and what was told above that; of a long
 * tale a third of the screen stays. */
static unsigned list_rows(const prompt *at, unsigned rows, unsigned nodes_max) {
  unsigned nodes = at->nodes < nodes_max ? at->nodes : nodes_max;
  unsigned told = at->told < rows / 3 ? at->told : rows / 3;
  unsigned used = nodes + told + ROWS_BESIDES_LIST;
  return rows > used + PENDING_ROWS ? rows - used : PENDING_ROWS;
}

static vlot__table_style style_of(const prompt *at) {
  struct winsize size = {0};
  unsigned wished = columns_wished();
  bool is_terminal = ioctl(fileno(at->screen.out), TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
  vlot__table_style style = {.pending_max = PENDING_ROWS,
                             .is_ascii = at->screen.is_ascii,
                             .has_colour = at->screen.has_colour};
  style.width = wished ? wished : is_terminal ? size.ws_col : WIDTH_USUAL;
  if (style.width < WIDTH_MIN) style.width = WIDTH_MIN;
  if (is_terminal && size.ws_row > 0) {
    style.nodes_max = size.ws_row > ROWS_BESIDES_NODES + NODE_ROWS_MIN
                          ? size.ws_row - ROWS_BESIDES_NODES
                          : NODE_ROWS_MIN;
    style.pending_max = list_rows(at, size.ws_row, style.nodes_max);
  }
  return style;
}

/* --- what was seen --- */

/* Where a line goes on that does not fit: below its text, "    12 n1 sends …", "until Let things
 *                                                              …", as far as there is room for
 *                                                              it. */
static size_t indent_of(const char *line, size_t size, size_t width) {
  enum { USUAL = 2 };
  size_t begin = strspn(line, " "), indent = begin + USUAL;
  for (size_t k = 2; k < size && k <= width / 3; k++)
    if (line[k] != ' ' && line[k - 1] == ' ' && line[k - 2] == ' ' && k > begin) indent = k;
  return indent < width / 2 ? indent : width > 2 * USUAL ? USUAL : 0;
}

/* Where it is broken: behind the last word that fits; a word longer than the line ends where it
 * ends. */
static size_t break_of(const char *line, size_t size, size_t room) {
  size_t at = strspn(line, " "), last = 0;
  while (at < size) {
    while (at < size && line[at] != ' ') at++;
    if (last > 0 && vlot__text_columns(line, at) > room) return last;
    last = at;
    while (at < size && line[at] == ' ') at++;
  }
  return size;
}

/* Long lines go on below, between words, where a terminal would break words. */
static void print_wrapped(FILE *out, const char *line, size_t size, size_t width) {
  size_t room = width - 1, indent = indent_of(line, size, width);
  bool is_first = true;
  while (size > 0 && vlot__text_columns(line, size) > room) {
    size_t end = break_of(line, size, room);
    fwrite(line, 1, end, out);
    while (end < size && line[end] == ' ') end++;
    line += end;
    size -= end;
    if (size == 0) break;
    fprintf(out, "\n%*s", (int)indent, "");
    if (is_first) room -= indent;
    is_first = false;
  }
  fwrite(line, 1, size, out);
}

/* An error's line, and where in it: they must stay one below the other. */
static bool is_pointed_at(const char *line, size_t size) {
  const char *next = line[size] ? line + size + 1 : line + size;
  size_t blanks = strspn(line, " "), next_blanks = strspn(next, " ");
  return (blanks > 0 && line[blanks] == '^') || (next_blanks > 0 && next[next_blanks] == '^');
}

static const char *colour_of(const char *line) {
  if (strncmp(line, "error:", 6) == 0) return "31";
  if (line[0] == '#') return "36"; /* a scene's story */
  if (strncmp(line, "> ", 2) == 0) return "1";
  return NULL;
}

static void print_line(const prompt *at, const char *line, size_t size, size_t width) {
  FILE *out = at->screen.out;
  const char *look = at->screen.has_colour ? colour_of(line) : NULL;
  if (look) fprintf(out, "\033[%sm", look);
  if (at->lines.is_typed && !is_pointed_at(line, size))
    print_wrapped(out, line, size, width);
  else
    fwrite(line, 1, size, out);
  fputs(look ? "\033[0m\n" : "\n", out);
}

/* What is not of the workspace: lines, the last without its end. */
static void print_text(const prompt *at, const char *text) {
  size_t width = style_of(at).width;
  while (*text) {
    size_t size = strcspn(text, "\n");
    print_line(at, text, size, width);
    text += size + (text[size] == '\n');
  }
}

/* Nobody reads a million lines off a terminal: where it begins. In a pipe nothing is left out. */
static const char *begin_of(const prompt *at, const vlot__text *text) {
  size_t lines = 0;
  for (size_t k = 0; k < text->size; k++) lines += text->data[k] == '\n';
  if (!at->lines.is_typed || lines <= SCROLL_LINES) return text->data;
  const char *line = text->data;
  for (size_t k = lines - SCROLL_LINES; k > 0; k--) line = strchr(line, '\n') + 1;
  fprintf(at->screen.out, "%s %zu lines are left out\n", at->screen.is_ascii ? "..." : "…",
          lines - SCROLL_LINES);
  return line;
}

static void show_text(prompt *at) {
  vlot__text *text = &at->workspace->out;
  unsigned width = style_of(at).width;
  at->told = 0;
  for (const char *line = begin_of(at, text); text->size > 0 && *line;) {
    size_t size = strcspn(line, "\n");
    print_line(at, line, size, width);
    at->told += (unsigned)(vlot__text_columns(line, size) / width) + 1;
    line += size + (line[size] == '\n');
  }
  vlot__text_clear(text);
  if (!text->is_short) return;
  fputs("error: out of memory: something is missing here\n", at->screen.out);
  text->is_short = false;
}

/* --- the table --- */

static bool differ(const vlot__table_view *a, const vlot__table_view *b) {
  if (a->nodes.actions != b->nodes.actions || a->nodes.now != b->nodes.now ||
      a->pending.count != b->pending.count)
    return true;
  for (size_t k = 0; k < a->pending.count; k++)
    if (a->pending.rows[k].id != b->pending.rows[k].id ||
        a->pending.rows[k].due != b->pending.rows[k].due ||
        a->pending.rows[k].is_held != b->pending.rows[k].is_held)
      return true;
  return false;
}

static void draw(prompt *at, const vlot__table_view *view) {
  vlot__text text = {0};
  at->nodes = view->nodes.count;
  vlot__table_style style = style_of(at);
  const vlot__table_view *before = at->has_seen ? &at->seen : NULL;
  vlot__table_nodes(&text, view, before, &style);
  vlot__table_pending(&text, view, before, &style);
  fputc('\n', at->screen.out);
  if (text.size > 0) fwrite(text.data, 1, text.size, at->screen.out);
  vlot__text_deinit(&text);
}

/* A cluster that was only opened to be looked at is closed again: what is said next may still set
 * it up. */
static bool look(vlot__workspace *workspace, vlot__table_view *view) {
  bool was_open = workspace->cluster != NULL;
  *view = (vlot__table_view){.nodes.count = 0};
  if (!vlot__workspace_open(workspace)) {
    vlot__text_add(&workspace->out, "error: %s\n", workspace->problem.data);
    return false;
  }
  bool has_looked = vlot__table_look(view, workspace->cluster);
  if (!has_looked) vlot__text_add(&workspace->out, "error: out of memory: there is no table\n");
  if (!was_open) vlot__workspace_unopen(workspace);
  return has_looked;
}

/* Draw what there is to see, if it is something else than before. */
static void show_table(prompt *at) {
  vlot__table_view view;
  bool must_draw = !at->has_seen || at->changes != at->workspace->changes;
  if (!look(at->workspace, &view)) {
    show_text(at);
    at->has_failed = true;
    return;
  }
  if (must_draw || differ(&at->seen, &view)) draw(at, &view);
  vlot__table_deinit(&at->seen);
  at->seen = view;
  at->has_seen = true;
}

/* --- greeting --- */

static void greet(const prompt *at) {
  static const char *const keys[] = {
      "Enter: the next thing", "p: back",      "d ID: deliver", "x ID: drop",
      "why: why no leader",    "until leader", "?: help",       "q: quit"};
  static const char *const keys_running[] = {
      "Enter: the next thing", "d ID: deliver", "x ID: drop",
      "continue: let it run",  "?: help",       "q: no more stops"};
  bool may_go_on = at->options->must_go_on != NULL;
  const char *const *words = may_go_on ? keys_running : keys;
  size_t count =
      may_go_on ? sizeof keys_running / sizeof *keys_running : sizeof keys / sizeof *keys;
  unsigned width = style_of(at).width, column = 0;
  FILE *out = at->screen.out;
  if (at->options->greeting) print_text(at, at->options->greeting);
  if (!at->lines.is_typed) return;
  for (size_t k = 0; k < count; k++) {
    unsigned length = (unsigned)strlen(words[k]);
    if (column > 0 && column + 3 + length >= width) {
      fputc('\n', out);
      column = 0;
    }
    if (length >= width) {
      print_wrapped(out, words[k], length, width);
      column = width;
    } else {
      column += (unsigned)fprintf(out, "%s%s", column > 0 ? "   " : "", words[k]);
    }
  }
  fputc('\n', out);
}

/* --- one line --- */

typedef struct own_word {
  const char *name;
  const char *alias;
  const char *other; /* one more; NULL: none */
  const char *summary;
  bool needs_run; /* only where a cluster can be let run */
} own_word;

static const own_word own_words[] = {
    {"quit", "q", "exit", "Leave, as does the end of the input", false},
    {"continue", "c", NULL, "Let the cluster run, until the next stop", true},
};
enum { OWN_WORDS = sizeof own_words / sizeof *own_words };

/* The own word that a line begins with; *rest: what follows it. */
static const own_word *find_own(const prompt *at, const char *line, const char **rest) {
  size_t size = strcspn(line, " \t\r");
  for (size_t k = 0; k < OWN_WORDS; k++) {
    const own_word *own = &own_words[k];
    const char *names[] = {own->name, own->alias, own->other};
    if (own->needs_run && !at->options->must_go_on) continue;
    for (size_t n = 0; n < sizeof names / sizeof *names; n++) {
      if (!names[n] || strlen(names[n]) != size || memcmp(names[n], line, size) != 0) continue;
      *rest = line + size + strspn(line + size, " \t\r");
      return own;
    }
  }
  return NULL;
}

/* "help" and "?" with what follows them; NULL: it is something else. */
static const char *help_about(const char *line) {
  size_t size = strcspn(line, " \t\r");
  if (!(size == 4 && memcmp(line, "help", 4) == 0) && !(size == 1 && *line == '?')) return NULL;
  return line + size + strspn(line + size, " \t\r");
}

static bool is_word(const char *line, const char *word) {
  size_t size = strlen(word);
  return strncmp(line, word, size) == 0 && line[size + strspn(line + size, " \t\r")] == '\0';
}

static void list_own(const prompt *at, vlot__text *out) {
  for (size_t k = OWN_WORDS; k-- > 0;)
    if (!own_words[k].needs_run || at->options->must_go_on)
      vlot__text_add(out, "%-10s  %-4s  %s\n", own_words[k].name, own_words[k].alias,
                     own_words[k].summary);
}

/* Help about a word that the table does not have. */
static bool explain_own(prompt *at, const char *line) {
  const char *about = help_about(line), *rest;
  if (!about || !*about) return false;
  const own_word *own = find_own(at, about, &rest);
  if (own && !*rest) {
    vlot__text_add(&at->workspace->out, "usage: %s | %s%s%s\n  %s.\n", own->name, own->alias,
                   own->other ? " | " : "", own->other ? own->other : "", own->summary);
  } else if (is_word(about, "continue")) {
    vlot__text_add(&at->workspace->out, "'continue' is for a cluster that runs: 'vlot run "
                                        "--step-on'. Here 'next' and 'until' go on.\n");
  } else {
    return false;
  }
  show_text(at);
  return true;
}

static void carry_out(prompt *at, const char *line) {
  vlot__text *out = &at->workspace->out;
  const char *about = help_about(line);
  at->changes = at->workspace->changes;
  bool is_done = vlot__command_run(at->workspace, line);
  if (!is_done) at->has_failed = true;
  /* the terminal has shown a ^C */
  if (*vlot__lines_interrupted()) fputc('\n', at->screen.out);
  if (about && (!*about || is_word(about, "all"))) list_own(at, out);
  show_text(at);
  show_table(at);
}

/* A word of our own takes no others. */
static void refuse_more(prompt *at, const own_word *own, const char *line, const char *rest) {
  at->has_failed = true;
  vlot__text_add(&at->workspace->out, "error: '%s' takes no words\n  %s\n  %*s\n", own->name, line,
                 (int)(rest - line) + 1, "^");
  show_text(at);
}

/* What cannot be a command, and is not even shown to the table. */
static bool is_odd(prompt *at) {
  const vlot__lines *lines = &at->lines;
  FILE *out = at->screen.out;
  if (!lines->line.data) {
    fputs("error: out of memory: this line was not read\n", out);
    return at->has_failed = true;
  }
  if (lines->size <= lines->line.size && lines->size < VLOT__COMMAND_LINE_MAX && !lines->has_zero)
    return false;
  at->has_failed = true;
  fprintf(out, "%s%.40s...\n", lines->is_typed ? "" : "> ", lines->line.data);
  if (lines->is_endless)
    fputs("error: this line has more than 1 MiB, which is no command; nothing more is read\n", out);
  else if (lines->has_zero)
    fputs("error: a line with a zero byte is no command\n", out);
  else
    fprintf(out, "error: a line has less than %d characters; this one has %zu\n",
            VLOT__COMMAND_LINE_MAX, lines->size);
  return true;
}

/* false: it is the last one. */
static bool take_line(prompt *at, char *line) {
  FILE *out = at->screen.out;
  bool is_typed = at->lines.is_typed;
  size_t size = strlen(line);
  if (size > 0 && line[size - 1] == '\r') line[--size] = '\0';
  if (!at->has_begun) line += vlot__text_mark(line, size);
  at->has_begun = true;
  line += strspn(line, " \t");
  bool is_silent = *line == '\0' || *line == '#';
  if (!is_typed) fprintf(out, "%s%s\n", is_silent ? "" : "> ", line);
  const char *rest = NULL;
  const own_word *own = find_own(at, line, &rest);
  if (own && !*rest) {
    if (own->needs_run) *at->options->must_go_on = true;
    return false;
  }
  if (*line == '\0' && !is_typed) return true;
  if (own)
    refuse_more(at, own, line, rest);
  else if (!explain_own(at, line))
    carry_out(at, *line ? line : "next");
  if (!is_typed && !is_silent) fputc('\n', out);
  return true;
}

/* --- the loop --- */

static size_t complete(void *context, const char *line, size_t size, vlot__text *words) {
  prompt *at = context;
  const char *names[OWN_WORDS];
  size_t count = 0;
  for (size_t k = 0; k < OWN_WORDS; k++)
    if (!own_words[k].needs_run || at->options->must_go_on) names[count++] = own_words[k].name;
  return vlot__complete(at->workspace, line, size, names, count, words);
}

static void talk(prompt *at) {
  char where[96];
  for (;;) {
    if (style_of(at).width >= WIDTH_OF_PROMPT)
      snprintf(where, sizeof where, "[action %" PRIu64 ", tick %" PRIu64 "] > ",
               at->seen.nodes.actions, at->seen.nodes.now);
    else
      snprintf(where, sizeof where, "[%" PRIu64 "] > ", at->seen.nodes.actions);
    fflush(at->screen.out);
    switch (vlot__lines_read(&at->lines, where)) {
    case VLOT__LINES_END: return;
    case VLOT__LINES_INTERRUPTED:
      if (at->lines.was_empty) print_text(at, "q leaves, and so does Ctrl-D.");
      break;
    case VLOT__LINES_LINE:
      if (!is_odd(at) && !take_line(at, at->lines.line.data)) return;
      break;
    }
  }
}

int vlot__prompt_run(vlot__workspace *workspace, const vlot__prompt_options *options) {
  prompt at = {.workspace = workspace, .options = options};
  if (!workspace->has_base) workspace->base = workspace->options;
  workspace->has_base = true;
  vlot__screen_init(&at.screen, stdout, true, options->is_ascii);
  if (options->is_plain) at.screen.has_colour = false;
  vlot__lines_open(&at.lines, stdin, stdout, complete, &at);
  if (at.lines.is_typed) workspace->must_stop = vlot__lines_interrupted();
  greet(&at);
  if (!workspace->scene) show_table(&at); /* a scene first says what cluster it is about */
  if (!at.lines.is_typed) fputc('\n', stdout);
  talk(&at);
  workspace->must_stop = NULL;
  fflush(stdout);
  vlot__lines_close(&at.lines);
  vlot__table_deinit(&at.seen);
  bool is_broken = workspace->cluster && vlot_cluster_violation(workspace->cluster, NULL, 0);
  bool is_well = at.lines.is_typed || (!at.has_failed && !is_broken);
  return is_well ? VLOT__EXIT_OK : VLOT__EXIT_VIOLATED;
}
