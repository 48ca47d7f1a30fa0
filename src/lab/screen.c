/* The live view. */
#include "screen.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "lab.h"

#define FRAME_NS 100000000u

static bool is_set(const char *name) { /* as no-color.org has it: present and not empty */
  const char *value = getenv(name);
  return value && *value;
}

static bool locale_is_utf8(void) {
  static const char *const names[] = {"LC_ALL", "LC_CTYPE", "LANG"};
  for (size_t k = 0; k < sizeof names / sizeof *names; k++) {
    const char *value = getenv(names[k]);
    if (!value || !*value) continue; /* the first that is set decides */
    return strstr(value, "UTF-8") || strstr(value, "utf8") || strstr(value, "UTF8") ||
           strstr(value, "utf-8");
  }
  return false;
}

void vlot__screen_init(vlot__screen *screen, FILE *out, bool wants_live, bool wants_ascii) {
  const char *term = getenv("TERM");
  bool is_dumb = !term || !*term || strcmp(term, "dumb") == 0;
  *screen = (vlot__screen){.out = out, .width = 80, .height = 24};
  screen->is_live = wants_live && !is_dumb && isatty(fileno(out));
  screen->is_ascii = wants_ascii || !locale_is_utf8();
  screen->has_colour = screen->is_live && !is_set("NO_COLOR");
}

bool vlot__screen_is_due(vlot__screen *screen) {
  if (!screen->is_live) return false;
  uint64_t now = vlot__lab_now();
  if (now < screen->next) return false;
  screen->next = now + FRAME_NS;
  return true;
}

/* --- frames --- */

static void measure(vlot__screen *screen) {
  struct winsize size;
  if (ioctl(fileno(screen->out), TIOCGWINSZ, &size) != 0 || size.ws_col == 0 || size.ws_row == 0)
    return;
  screen->width = size.ws_col;
  screen->height = size.ws_row;
}

static void go_to_start(vlot__screen *screen) {
  if (screen->lines > 0) fprintf(screen->out, "\r\033[%uA", screen->lines);
}

void vlot__screen_begin(vlot__screen *screen) {
  measure(screen);
  go_to_start(screen);
  screen->drawn = 0;
  screen->column = 0;
}

/* Cuts between characters: a byte 10xxxxxx goes on with the one before. The last column stays free,
 * since some terminals wrap when it is written.
 */
static void put(vlot__screen *screen, const char *text) {
  bool is_shown = true;
  for (; *text; text++) {
    if (((unsigned char)*text & 0xc0) != 0x80) {
      is_shown = screen->column + 1 < screen->width;
      screen->column += is_shown;
    }
    if (is_shown) fputc(*text, screen->out);
  }
}

void vlot__screen_text(vlot__screen *screen, const char *format, ...) {
  char text[512];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  put(screen, text);
}

static void colour(vlot__screen *screen, const char *code) {
  if (screen->has_colour) fprintf(screen->out, "\033[%sm", code);
}

void vlot__screen_line_end(vlot__screen *screen) {
  fputs("\033[K\n", screen->out);
  screen->column = 0;
  screen->drawn++;
}

void vlot__screen_end(vlot__screen *screen) {
  fputs("\033[J", screen->out); /* what an earlier, longer frame left */
  screen->lines = screen->drawn;
  fflush(screen->out);
}

void vlot__screen_erase(vlot__screen *screen) {
  if (!screen->is_live || screen->lines == 0) return;
  go_to_start(screen);
  fputs("\033[J", screen->out);
  screen->lines = 0;
  screen->next = 0;
}

void vlot__screen_bar(vlot__screen *screen, uint64_t done, uint64_t total, unsigned columns) {
  uint64_t full = total == 0 ? columns : done / ((total + columns - 1) / columns);
  if (done >= total || full > columns) full = columns;
  put(screen, "[");
  colour(screen, "32");
  for (unsigned k = 0; k < columns; k++) {
    const char *cell = k < full ? "█" : "·";
    if (screen->is_ascii) cell = k < full ? "#" : ".";
    put(screen, cell);
  }
  colour(screen, "0");
  put(screen, "]");
}

/* --- nodes --- */

static const struct look {
  const char *glyph, *ascii, *colour;
} looks[] = {
    [VLOT_ROLE_FOLLOWER] = {"●", "f", "0"},
    [VLOT_ROLE_PRE_CANDIDATE] = {"◇", "p", "33"},
    [VLOT_ROLE_CANDIDATE] = {"◆", "c", "33"},
    [VLOT_ROLE_LEADER] = {"▲", "L", "1;32"},
    {"○", "l", "36"},
    {"✕", "x", "31"},
    {"‖", "s", "35"},
};
enum { LOOK_LEARNER = VLOT_ROLE_LEADER + 1, LOOK_DOWN, LOOK_SUSPENDED };

static const struct look *look_of(const vlot_node_status *status) {
  if (status->state == VLOT_NODE_DOWN || status->state == VLOT_NODE_FENCED)
    return &looks[LOOK_DOWN];
  if (status->state == VLOT_NODE_SUSPENDED) return &looks[LOOK_SUSPENDED];
  if (status->is_learner) return &looks[LOOK_LEARNER];
  return &looks[status->raft.role <= VLOT_ROLE_LEADER ? status->raft.role : VLOT_ROLE_FOLLOWER];
}

const char *vlot__screen_glyph(const vlot_node_status *status, bool is_ascii) {
  const struct look *look = look_of(status);
  return is_ascii ? look->ascii : look->glyph;
}

const char *vlot__screen_colour(const vlot_node_status *status) {
  const char *code = look_of(status)->colour;
  return strcmp(code, "0") == 0 ? "" : code;
}

const char *vlot__screen_role(const vlot_node_status *status) {
  switch (status->state) {
  case VLOT_NODE_DOWN: return "down";
  case VLOT_NODE_SUSPENDED: return "suspended";
  case VLOT_NODE_FENCED: return "fenced";
  case VLOT_NODE_UP: break;
  }
  return status->is_learner ? "learner" : vlot_role_name(status->raft.role);
}

/* Whole columns only: a number that is cut would be another number. */
static void number(vlot__screen *screen, unsigned columns, uint64_t value) {
  char text[32];
  if (screen->column + columns + 1 < screen->width)
    vlot__screen_text(screen, " %*s", (int)columns, vlot__lab_commas(value, text));
}

static void heading(vlot__screen *screen, unsigned columns, const char *text) {
  if (screen->column + columns + 1 < screen->width)
    vlot__screen_text(screen, " %*s", (int)columns, text);
}

static void node_line(vlot__screen *screen, const vlot_node_status *status) {
  const struct look *look = look_of(status);
  colour(screen, look->colour);
  vlot__screen_text(screen, " %s n%-4u %-13s", screen->is_ascii ? look->ascii : look->glyph,
                    status->id, vlot__screen_role(status));
  colour(screen, "0");
  number(screen, 6, status->raft.term);
  number(screen, 11, status->raft.last_index);
  number(screen, 11, status->raft.commit_index);
  number(screen, 11, status->applied_index);
  number(screen, 6, status->mailbox);
  vlot__screen_line_end(screen);
}

void vlot__screen_nodes(vlot__screen *screen, const vlot__view_nodes *view) {
  uint32_t nodes = view->count;
  unsigned room = screen->height > screen->drawn + 4 ? screen->height - screen->drawn - 4 : 1;
  uint32_t shown = nodes < room ? nodes : room;
  colour(screen, "2");
  vlot__screen_text(screen, "   %-5s %-13s", "node", "role");
  heading(screen, 6, "term");
  heading(screen, 11, "last");
  heading(screen, 11, "commit");
  heading(screen, 11, "applied");
  heading(screen, 6, "mail");
  colour(screen, "0");
  vlot__screen_line_end(screen);
  for (uint32_t k = 0; k < shown; k++) node_line(screen, &view->rows[k]);
  if (shown == nodes) return;
  vlot__screen_text(screen, "   and %u more", nodes - shown);
  vlot__screen_line_end(screen);
}
