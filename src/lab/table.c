/* The node table and the pending list. */
#include "table.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "pattern.h"
#include "screen.h"

bool vlot__table_look(vlot__table_view *view, vlot_cluster *cluster) {
  *view = (vlot__table_view){.nodes.count = 0};
  if (vlot__view_look_nodes(&view->nodes, cluster) &&
      vlot__view_look_pending(&view->pending, cluster))
    return true;
  vlot__table_deinit(view);
  return false;
}

void vlot__table_deinit(vlot__table_view *view) {
  vlot__view_nodes_deinit(&view->nodes);
  vlot__view_pending_deinit(&view->pending);
}

/* --- lines of a given width --- */

typedef struct pen {
  vlot__text *out;
  const vlot__table_style *style;
  unsigned column;
  unsigned blanks; /* that are written once something follows them */
} pen;

static unsigned columns_of(const char *text) {
  return (unsigned)vlot__text_columns(text, strlen(text));
}

static void colour(pen *at, const char *code) {
  if (at->style->has_colour && *code) vlot__text_add(at->out, "\033[%sm", code);
}

/* The last column stays free, since some terminals wrap when it is written. */
static unsigned room(const pen *at) {
  unsigned used = at->column + at->blanks;
  return used + 1 < at->style->width ? at->style->width - 1 - used : 0;
}

/* What does not fit is left out, and a sign says so. */
static void put(pen *at, const char *text, const char *code) {
  unsigned length = columns_of(text), space = room(at);
  if (length == 0) return;
  if (space == 0) {
    at->blanks = 0;
    return;
  }
  for (; at->blanks > 0; at->blanks--, at->column++) vlot__text_put(at->out, " ", 1);
  colour(at, code);
  if (length <= space) {
    vlot__text_put(at->out, text, strlen(text));
  } else {
    const char *sign = at->style->is_ascii ? "~" : "…";
    for (unsigned k = 0; k + 1 < space; k++) do
        vlot__text_put(at->out, text++, 1);
      while (((unsigned char)*text & 0xc0) == 0x80);
    vlot__text_put(at->out, sign, strlen(sign));
  }
  at->column += length <= space ? length : space;
  if (*code) colour(at, "0");
}

static void skip(pen *at, unsigned columns) { at->blanks += columns; }

static void end_line(pen *at) {
  vlot__text_put(at->out, "\n", 1);
  at->column = at->blanks = 0;
}

/* --- the node table --- */

enum { CELL_MAX = 24 };

typedef enum column {
  COLUMN_NODE,
  COLUMN_ROLE,
  COLUMN_TERM,
  COLUMN_VOTE,
  COLUMN_LEADER,
  COLUMN_LAST,
  COLUMN_OF_TERM,
  COLUMN_COMMIT,
  COLUMN_APPLIED,
  COLUMN_TIMER,
  COLUMNS,
} column;

static const struct heading {
  const char *name;
  unsigned width; /* at least */
  unsigned rank;  /* the highest is left out first; 0: never */
} headings[COLUMNS] = {
    [COLUMN_NODE] = {"node", 4, 0},       [COLUMN_ROLE] = {"role", 13, 0},
    [COLUMN_TERM] = {"term", 4, 1},       [COLUMN_VOTE] = {"vote", 4, 2},
    [COLUMN_COMMIT] = {"commit", 6, 3},   [COLUMN_LAST] = {"last", 4, 4},
    [COLUMN_LEADER] = {"leader", 6, 5},   [COLUMN_TIMER] = {"timer", 5, 6},
    [COLUMN_OF_TERM] = {"of term", 7, 7}, [COLUMN_APPLIED] = {"applied", 7, 8},
};

static const vlot_pending *timer_of(const vlot__table_view *view, uint32_t node) {
  for (size_t k = 0; k < view->pending.count; k++)
    if (view->pending.rows[k].kind == VLOT_PENDING_TIMER && view->pending.rows[k].node == node)
      return &view->pending.rows[k];
  return NULL;
}

static uint64_t ticks_left(const vlot__table_view *view, const vlot_pending *pending) {
  return pending->due > view->nodes.now ? pending->due - view->nodes.now : 0;
}

static void timer_cell(const vlot__table_view *view, uint32_t node, char out[CELL_MAX]) {
  const vlot_pending *timer = timer_of(view, node);
  if (timer && timer->is_held)
    snprintf(out, CELL_MAX, "held");
  else if (timer)
    snprintf(out, CELL_MAX, "%" PRIu64, ticks_left(view, timer));
}

static void node_cell(uint32_t node, char out[CELL_MAX]) {
  if (node != 0) snprintf(out, CELL_MAX, "n%" PRIu32, node);
}

/* What a node that is down only had in memory is not there; what it has on its disk is. */
static void cell(const vlot__table_view *view, uint32_t k, column which, bool is_ascii,
                 char out[CELL_MAX]) {
  const vlot_node_status *node = &view->nodes.rows[k];
  const vlot_raft_status *raft = &node->raft;
  bool is_down = node->state == VLOT_NODE_DOWN;
  snprintf(out, CELL_MAX, "-");
  switch (which) {
  case COLUMN_NODE:
    snprintf(out, CELL_MAX, "%s n%" PRIu32, vlot__screen_glyph(node, is_ascii), node->id);
    break;
  case COLUMN_ROLE: snprintf(out, CELL_MAX, "%s", vlot__screen_role(node)); break;
  case COLUMN_TERM: snprintf(out, CELL_MAX, "%" PRIu64, raft->term); break;
  case COLUMN_VOTE: node_cell(raft->vote, out); break;
  case COLUMN_LEADER: node_cell(is_down ? 0 : raft->leader, out); break;
  case COLUMN_LAST: snprintf(out, CELL_MAX, "%" PRIu64, raft->last_index); break;
  case COLUMN_OF_TERM: snprintf(out, CELL_MAX, "%" PRIu64, raft->last_term); break;
  case COLUMN_COMMIT:
    if (!is_down) snprintf(out, CELL_MAX, "%" PRIu64, raft->commit_index);
    break;
  case COLUMN_APPLIED:
    if (!is_down) snprintf(out, CELL_MAX, "%" PRIu64, node->applied_index);
    break;
  case COLUMN_TIMER: timer_cell(view, node->id, out); break;
  case COLUMNS: break;
  }
}

/* A timer's ticks become fewer all the time: what counts is whether it was set anew. */
static bool timer_changed(const vlot__table_view *view, const vlot__table_view *before,
                          uint32_t k) {
  const vlot_pending *now = timer_of(view, k + 1), *then = timer_of(before, k + 1);
  if (!now || !then) return now != then;
  return now->due != then->due || now->is_held != then->is_held;
}

static bool has_changed(const vlot__table_view *view, const vlot__table_view *before, uint32_t k,
                        column which) {
  char now[CELL_MAX], then[CELL_MAX];
  if (!before || k >= before->nodes.count || which == COLUMN_NODE) return false;
  if (which == COLUMN_TIMER) return timer_changed(view, before, k);
  cell(view, k, which, true, now);
  cell(before, k, which, true, then);
  return strcmp(now, then) != 0;
}

typedef struct layout {
  unsigned widths[COLUMNS]; /* 0: left out */
} layout;

static unsigned line_width(const layout *made) {
  unsigned width = 0;
  for (int c = 0; c < COLUMNS; c++)
    if (made->widths[c])
      width += made->widths[c] + (c == COLUMN_NODE ? 0 : 2); /* a blank, a mark */
  return width;
}

static void leave_out(layout *made) {
  int worst = COLUMN_NODE;
  for (int c = 0; c < COLUMNS; c++)
    if (made->widths[c] && headings[c].rank > headings[worst].rank) worst = c;
  made->widths[worst] = 0;
}

static layout lay_out(const vlot__table_view *view, const vlot__table_style *style) {
  layout made;
  char text[CELL_MAX];
  for (int c = 0; c < COLUMNS; c++) {
    made.widths[c] = headings[c].width;
    for (uint32_t k = 0; k < view->nodes.count; k++) {
      cell(view, k, (column)c, style->is_ascii, text);
      if (columns_of(text) > made.widths[c]) made.widths[c] = columns_of(text);
    }
  }
  while (line_width(&made) >= style->width && made.widths[COLUMN_TERM]) leave_out(&made);
  return made;
}

static bool is_left(int c) { return c == COLUMN_NODE || c == COLUMN_ROLE; }

static void heading_line(pen *at, const layout *made) {
  for (int c = 0; c < COLUMNS; c++) {
    unsigned width = made->widths[c], length = columns_of(headings[c].name);
    if (width == 0) continue;
    if (c != COLUMN_NODE) skip(at, 1);
    if (!is_left(c)) skip(at, width - length);
    put(at, headings[c].name, "2");
    if (is_left(c)) skip(at, width - length);
    if (c != COLUMN_NODE) skip(at, 1);
  }
  end_line(at);
}

static void node_line(pen *at, const layout *made, const vlot__table_view *view,
                      const vlot__table_view *before, uint32_t k) {
  char text[CELL_MAX];
  for (int c = 0; c < COLUMNS; c++) {
    unsigned width = made->widths[c];
    if (width == 0) continue;
    bool is_marked = has_changed(view, before, k, (column)c);
    cell(view, k, (column)c, at->style->is_ascii, text);
    unsigned length = columns_of(text);
    const char *look = is_left(c) ? vlot__screen_colour(&view->nodes.rows[k]) : "";
    if (c != COLUMN_NODE) skip(at, 1);
    if (!is_left(c)) skip(at, width - length);
    put(at, text, is_marked ? "1;33" : look);
    if (is_marked) put(at, "*", "1;33");
    if (is_left(c)) skip(at, width - length);
    if (c != COLUMN_NODE && !is_marked) skip(at, 1);
  }
  end_line(at);
}

/* Where there are too many nodes to see all of them: those that lead, want to, or have changed. */
static bool is_telling(const vlot__table_view *view, const vlot__table_view *before, uint32_t k) {
  for (int c = 0; c < COLUMN_TIMER; c++)
    if (has_changed(view, before, k, (column)c)) return true;
  const vlot_node_status *node = &view->nodes.rows[k];
  return node->state != VLOT_NODE_UP || node->raft.role != VLOT_ROLE_FOLLOWER;
}

void vlot__table_nodes(vlot__text *out, const vlot__table_view *view,
                       const vlot__table_view *before, const vlot__table_style *style) {
  pen at = {.out = out, .style = style};
  layout made = lay_out(view, style);
  unsigned left = style->nodes_max ? style->nodes_max : view->nodes.count, hidden = 0, others;
  bool is_all = view->nodes.count <= left;
  heading_line(&at, &made);
  for (uint32_t k = 0; !is_all && k < view->nodes.count; k++)
    hidden += !is_telling(view, before, k);
  others = view->nodes.count - hidden < left ? left - (view->nodes.count - hidden) : 0;
  hidden = 0;
  for (uint32_t k = 0; k < view->nodes.count; k++) {
    bool is_other = !is_all && !is_telling(view, before, k);
    if (left == 0 || (is_other && others == 0)) {
      hidden++;
      continue;
    }
    others -= is_other;
    left--;
    node_line(&at, &made, view, before, k);
  }
  if (hidden == 0) return;
  char text[64];
  snprintf(text, sizeof text, "%s and %u more: nodes", style->is_ascii ? "..." : "…", hidden);
  put(&at, text, "2");
  end_line(&at);
}

/* --- the pending list --- */

static void describe(const vlot__table_view *view, const vlot_pending *pending, char *text,
                     size_t capacity) {
  vlot__pattern_about(pending, view->nodes.now, text, capacity);
}

static bool is_new(const vlot_pending *pending, const vlot__table_view *before) {
  for (size_t k = 0; before && k < before->pending.count; k++)
    if (before->pending.rows[k].id == pending->id) return false;
  return before != NULL;
}

static void id_of(const vlot_pending *pending, char out[CELL_MAX]) {
  vlot_pending_name(pending->id, out, CELL_MAX);
}

/* From where to where, or just where. */
static void way_of(const vlot_pending *pending, char out[CELL_MAX]) {
  if (pending->kind == VLOT_PENDING_MESSAGE)
    snprintf(out, CELL_MAX, "n%" PRIu32 " -> n%" PRIu32, pending->from, pending->node);
  else
    snprintf(out, CELL_MAX, "n%" PRIu32, pending->node);
}

typedef struct list_layout {
  unsigned id;
  unsigned way;
} list_layout;

static list_layout lay_out_list(const vlot__table_view *view, size_t shown) {
  list_layout made = {.id = 3, .way = 8};
  char text[CELL_MAX];
  for (size_t k = 0; k < shown; k++) {
    id_of(&view->pending.rows[k], text);
    if (columns_of(text) > made.id) made.id = columns_of(text);
    way_of(&view->pending.rows[k], text);
    if (columns_of(text) > made.way) made.way = columns_of(text);
  }
  return made;
}

static void pending_line(pen *at, const list_layout *made, const vlot__table_view *view, size_t k,
                         bool is_marked) {
  const vlot_pending *pending = &view->pending.rows[k];
  bool is_next = k == 0 && !pending->is_held && !view->pending.is_recorded;
  const char *state = pending->is_held ? "held" : is_next ? "next" : "";
  const char *look = is_next ? "1" : "";
  char cells[3][CELL_MAX], text[128];
  id_of(pending, cells[0]);
  snprintf(cells[1], CELL_MAX, "%-13s", vlot__pattern_kind(pending));
  way_of(pending, cells[2]);
  put(at, state, look);
  skip(at, 4 - columns_of(state) + 1 + made->id - columns_of(cells[0]));
  put(at, cells[0], look);
  if (is_marked) put(at, "*", "1;33");
  skip(at, is_marked ? 1 : 2);
  put(at, cells[1], look);
  skip(at, 1);
  put(at, cells[2], look);
  skip(at, made->way - columns_of(cells[2]) + 2);
  describe(view, pending, text, sizeof text);
  put(at, text, "");
  end_line(at);
}

static void recorded_line(pen *at, const vlot__table_view *view) {
  char text[96] = "the recording ends here";
  bool goes_on = view->nodes.actions < view->pending.actions_total && !view->pending.has_diverged;
  if (goes_on)
    snprintf(text, sizeof text, "as recorded: action %" PRIu64 " of %" PRIu64 "%s",
             view->nodes.actions + 1, view->pending.actions_total,
             view->pending.unended_after == view->nodes.actions ? ", a turn without an end" : "");
  else if (view->pending.has_diverged)
    snprintf(text, sizeof text, "from here on it is not the recorded run");
  else if (view->pending.is_cut)
    snprintf(text, sizeof text, "the journal is whole up to here");
  if (goes_on) put(at, "next", "1");
  if (goes_on) skip(at, 1);
  put(at, text, goes_on ? "1" : "2");
  end_line(at);
}

void vlot__table_pending(vlot__text *out, const vlot__table_view *view,
                         const vlot__table_view *before, const vlot__table_style *style) {
  pen at = {.out = out, .style = style};
  size_t shown = view->pending.count;
  if (style->pending_max && shown > style->pending_max) shown = style->pending_max;
  list_layout made = lay_out_list(view, shown);
  if (view->pending.is_recorded) recorded_line(&at, view);
  for (size_t k = 0; k < shown; k++)
    pending_line(&at, &made, view, k, is_new(&view->pending.rows[k], before));
  char text[64] = "nothing is pending";
  if (shown < view->pending.count)
    snprintf(text, sizeof text, "%s and %zu more: net, timers", style->is_ascii ? "..." : "…",
             view->pending.count - shown);
  else if (shown > 0 || view->pending.is_recorded)
    return;
  put(&at, text, "2");
  end_line(&at);
}
