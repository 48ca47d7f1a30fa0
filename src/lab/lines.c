/* Lines of commands. Whatever is odd about a line (too long, a zero byte, no end) is kept for the
 * caller to tell: nothing is lost silently. */
#include "lines.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "command.h"

#ifdef VLOT_HAVE_LIBEDIT
#include <histedit.h>
#include <locale.h>
#include <wchar.h>
#endif

/* --- signals: a handler has no argument of ours, so this is the one place it can leave a word - */

static volatile sig_atomic_t interrupted, stopped, resized;

static void note(int number) {
  if (number == SIGINT) interrupted = 1;
  if (number == SIGTSTP) stopped = 1;
  if (number == SIGWINCH) resized = 1;
}

volatile sig_atomic_t *vlot__lines_interrupted(void) { return &interrupted; }

static const int signals[] = {SIGINT, SIGTSTP, SIGWINCH};

/* Without SA_RESTART: what waits for a key must notice. */
static void watch(vlot__lines *lines, int k) {
  struct sigaction action = {.sa_handler = note};
  sigemptyset(&action.sa_mask);
  sigaction(signals[k], &action, &lines->before[k]);
}

static void let_go(vlot__lines *lines, int k) { sigaction(signals[k], &lines->before[k], NULL); }

/* Signals are kept off but while it waits for a key: else one that comes just before would not wake
 * it. */
static void keep_off(vlot__lines *lines) {
  sigset_t mask;
  sigemptyset(&mask);
  for (size_t k = 0; k < sizeof signals / sizeof *signals; k++) sigaddset(&mask, signals[k]);
  pthread_sigmask(SIG_BLOCK, &mask, &lines->mask);
}

static void let_in(const vlot__lines *lines) { pthread_sigmask(SIG_SETMASK, &lines->mask, NULL); }

/* --- lines as they come --- */

static void keep(vlot__lines *lines, int byte) {
  char one = (char)byte;
  lines->size++;
  lines->has_zero |= byte == '\0';
  if (lines->line.size < VLOT__COMMAND_LINE_MAX) vlot__text_put(&lines->line, &one, 1);
}

static void begin_line(vlot__lines *lines) {
  vlot__text_clear(&lines->line);
  vlot__text_put(&lines->line, "", 0);
  lines->size = 0;
  lines->has_zero = false;
}

/* One byte that is typed. 1; 0: the end; -1: a signal, or an error. */
static int wait_for_byte(vlot__lines *lines, char *byte) {
  int file = fileno(lines->in);
  struct pollfd typed = {.fd = file, .events = POLLIN};
  if (ppoll(&typed, 1, NULL, &lines->mask) < 0) return -1;
  let_in(lines); /* a Ctrl-C that was pressed before this key comes first */
  keep_off(lines);
  if (interrupted || stopped || resized) {
    errno = EINTR;
    return -1;
  }
  return (int)read(file, byte, 1);
}

static vlot__lines_result read_typed(vlot__lines *lines) {
  char byte;
  int got;
  fputs(lines->prompt, lines->out);
  fflush(lines->out);
  keep_off(lines);
  do {
    got = wait_for_byte(lines, &byte);
    if (got > 0 && byte != '\n') keep(lines, (unsigned char)byte);
    lines->was_empty =
        true; /* what was typed is in the terminal's own buffer, and goes with the signal */
  } while ((got > 0 && byte != '\n') || (got < 0 && errno == EINTR && !interrupted));
  let_in(lines);
  if (got > 0) return VLOT__LINES_LINE;
  fputc('\n', lines->out);
  return interrupted ? VLOT__LINES_INTERRUPTED : VLOT__LINES_END;
}

/* What is no text may have no lines, and a device no end. */
static vlot__lines_result read_plain(vlot__lines *lines) {
  enum { LINE_BYTES_MAX = 1 << 20 };
  if (lines->is_endless) return VLOT__LINES_END;
  for (;;) {
    int byte = fgetc(lines->in);
    if (lines->size == LINE_BYTES_MAX && byte != '\n' && byte != EOF) {
      lines->is_endless = true;
      return VLOT__LINES_LINE;
    }
    if (byte == '\n') return VLOT__LINES_LINE;
    if (byte == EOF) return lines->size > 0 ? VLOT__LINES_LINE : VLOT__LINES_END;
    keep(lines, byte);
  }
}

/* --- lines that can be edited --- */

#ifdef VLOT_HAVE_LIBEDIT

enum { HISTORY_LINES = 500 };

static vlot__lines *lines_of(EditLine *editor) {
  void *lines = NULL;
  el_get(editor, EL_CLIENTDATA, &lines);
  return lines;
}

static char *show_prompt(EditLine *editor) { return (char *)(uintptr_t)lines_of(editor)->prompt; }

/* Stopped from the keyboard: the terminal is given back as it was, and set up again when we go
 * on. */
static void stop(vlot__lines *lines, EditLine *editor) {
  stopped = 0;
  el_set(editor, EL_PREP_TERM, 0);
  let_go(lines, 1);
  let_in(lines);
  raise(SIGTSTP);
  keep_off(lines);
  watch(lines, 1);
  el_set(editor, EL_PREP_TERM, 1);
  el_set(editor, EL_REFRESH);
}

static int wait_for_key(vlot__lines *lines, EditLine *editor, char *byte) {
  for (;;) {
    int got = wait_for_byte(lines, byte);
    if (got >= 0) return got;
    if (interrupted) {
      const LineInfo *line = el_line(editor);
      lines->was_empty = line->lastchar == line->buffer;
      return -1;
    }
    bool is_signal = stopped || resized;
    if (stopped) stop(lines, editor);
    if (resized) el_resize(editor);
    resized = 0;
    if (!is_signal && errno != EINTR) return -1;
  }
}

static int get_character(EditLine *editor, wchar_t *out) {
  mbstate_t state = {0};
  for (;;) {
    char byte;
    int got = wait_for_key(lines_of(editor), editor, &byte);
    if (got <= 0) return got;
    size_t size = mbrtowc(out, &byte, 1, &state);
    if (size == 0) *out = L'\0';
    if (size == (size_t)-2) continue;
    if (size != (size_t)-1) return 1;
    memset(&state, 0, sizeof state); /* a byte that is no character here is left out */
  }
}

/* --- completion --- */

static size_t common_size(const char *words) {
  size_t size = strcspn(words, "\n");
  for (const char *word = words; *word; word += strcspn(word, "\n") + 1) {
    size_t same = 0;
    while (same < size && word[same] == words[same]) same++;
    size = same;
  }
  return size;
}

static size_t longest(const char *words) {
  size_t size = 0;
  for (const char *word = words; *word; word += strcspn(word, "\n") + 1)
    if (strcspn(word, "\n") > size) size = strcspn(word, "\n");
  return size;
}

static void list_words(vlot__lines *lines, const char *words) {
  size_t width = longest(words) + 2, column = 0, room = 79;
  struct winsize size = {0};
  if (ioctl(fileno(lines->out), TIOCGWINSZ, &size) == 0 && size.ws_col > 1) room = size.ws_col - 1u;
  fputc('\n', lines->out);
  for (const char *word = words; *word; word += strcspn(word, "\n") + 1) {
    if (column + width > room && column > 0) {
      fputc('\n', lines->out);
      column = 0;
    }
    fprintf(lines->out, "%-*.*s", (int)width, (int)strcspn(word, "\n"), word);
    column += width;
  }
  fputc('\n', lines->out);
  fflush(lines->out);
}

static unsigned char complete(EditLine *editor, int key) {
  vlot__lines *lines = lines_of(editor);
  const LineInfo *line = el_line(editor);
  size_t size = (size_t)(line->cursor - line->buffer);
  vlot__text words = {0};
  unsigned char result = CC_ERROR;
  (void)key;
  size_t begin = lines->complete(lines->context, line->buffer, size, &words);
  if (words.size > 0) {
    size_t typed = size - begin, common = common_size(words.data);
    bool is_only = words.data[strcspn(words.data, "\n") + 1] == '\0';
    char rest[256];
    snprintf(rest, sizeof rest, "%.*s%s", common > typed ? (int)(common - typed) : 0,
             words.data + typed, is_only && words.data[common - 1] != '/' ? " " : "");
    if (*rest && el_insertstr(editor, rest) == 0) result = CC_REFRESH;
    if (!*rest) {
      list_words(lines, words.data);
      result = CC_REDISPLAY;
    }
  }
  vlot__text_deinit(&words);
  return result;
}

/* --- opening it --- */

static void open_editor(vlot__lines *lines) {
  const char *term = getenv("TERM");
  HistEvent event;
  if (!isatty(fileno(lines->out)) || !term || !*term || strcmp(term, "dumb") == 0) return;
  setlocale(LC_CTYPE, ""); /* what a character is */
  EditLine *editor = el_init("vlot", lines->in, lines->out, stderr);
  History *past = editor ? history_init() : NULL;
  if (!past) {
    if (editor) el_end(editor);
    return;
  }
  lines->editor = editor;
  lines->history = past;
  history(past, &event, H_SETSIZE, HISTORY_LINES);
  history(past, &event, H_SETUNIQUE, 1);
  el_set(editor, EL_CLIENTDATA, lines);
  el_set(editor, EL_PROMPT, show_prompt);
  el_set(editor, EL_EDITOR, "emacs");
  el_set(editor, EL_SIGNAL, 0);
  el_set(editor, EL_HIST, history, past);
  el_set(editor, EL_GETCFN, get_character);
  /* el_set() leaks */
  el_wset(editor, EL_ADDFN, L"vlot-complete", L"Complete the word", complete);
  el_set(editor, EL_BIND, "^I", "vlot-complete", NULL);
  el_set(editor, EL_BIND, "^R", "em-inc-search-prev", NULL);
  el_source(editor, NULL); /* a person's own keys, ~/.editrc */
}

static void close_editor(vlot__lines *lines) {
  if (lines->history) history_end(lines->history);
  if (lines->editor) el_end(lines->editor);
}

static vlot__lines_result read_edited(vlot__lines *lines) {
  HistEvent event;
  int size = 0;
  watch(lines, 1);
  watch(lines, 2);
  keep_off(lines);
  /* before the prompt: who sees it may press any key */
  el_set(lines->editor, EL_PREP_TERM, 1);
  const char *line = el_gets(lines->editor, &size);
  let_in(lines);
  let_go(lines, 2);
  let_go(lines, 1);
  if (!line) {
    fputs(interrupted ? "^C\n" : "\n", lines->out);
    return interrupted ? VLOT__LINES_INTERRUPTED : VLOT__LINES_END;
  }
  for (int k = 0; k < size && line[k] != '\n'; k++) keep(lines, (unsigned char)line[k]);
  if (lines->size > 0) history(lines->history, &event, H_ENTER, lines->line.data);
  return VLOT__LINES_LINE;
}

#endif

/* --- */

void vlot__lines_open(vlot__lines *lines, FILE *in, FILE *out, vlot__lines_complete *complete_line,
                      void *context) {
  *lines = (vlot__lines){.in = in, .out = out, .complete = complete_line, .context = context};
  lines->is_typed = isatty(fileno(in)) == 1;
  interrupted = 0;
  if (!lines->is_typed) return;
  watch(lines, 0);
#ifdef VLOT_HAVE_LIBEDIT
  open_editor(lines);
#endif
}

void vlot__lines_close(vlot__lines *lines) {
#ifdef VLOT_HAVE_LIBEDIT
  close_editor(lines);
#endif
  if (lines->is_typed) let_go(lines, 0);
  vlot__text_deinit(&lines->line);
}

vlot__lines_result vlot__lines_read(vlot__lines *lines, const char *prompt) {
  interrupted = stopped = resized = 0;
  lines->prompt = prompt;
  begin_line(lines);
#ifdef VLOT_HAVE_LIBEDIT
  if (lines->editor) return read_edited(lines);
#endif
  return lines->is_typed ? read_typed(lines) : read_plain(lines);
}
