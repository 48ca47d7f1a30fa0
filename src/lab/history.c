#include "history.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"

/* --- branches --- */

static void free_lines(vlot__history_branch *branch, size_t from) {
  for (size_t k = from; k < branch->count; k++) free((char *)(uintptr_t)branch->lines[k].text);
  if (from < branch->count) branch->count = from;
}

void vlot__history_deinit(vlot__history *history) {
  for (unsigned k = 0; k < history->branch_count; k++) {
    free_lines(&history->branches[k], 0);
    free(history->branches[k].lines);
  }
  free(history->branches);
  free(history->inner);
  vlot__text_deinit(&history->said);
  *history = (vlot__history){0};
}

static vlot__history_branch *present_of(const vlot__history *history) {
  return &history->branches[history->present];
}

enum { STEPS_MAX = 40 };

/* A part of a line of time, as a line. */
static const char *put_steps(char steps[STEPS_MAX], uint64_t count, bool is_quiet) {
  snprintf(steps, STEPS_MAX, "step %" PRIu64 "%s", count, is_quiet ? " quiet" : "");
  return steps;
}

static bool append(vlot__history_branch *branch, const vlot__history_line *line) {
  if (branch->count == branch->capacity) {
    size_t capacity = branch->capacity ? 2 * branch->capacity : 64;
    vlot__history_line *lines = realloc(branch->lines, capacity * sizeof *lines);
    if (!lines) return false;
    branch->lines = lines;
    branch->capacity = capacity;
  }
  char *text = strdup(line->text);
  if (!text) return false;
  branch->lines[branch->count] = *line;
  branch->lines[branch->count++].text = text;
  return true;
}

static const vlot__history_branch *find(const vlot__history *history, const char *name) {
  for (unsigned k = 0; k < history->branch_count; k++)
    if (strcmp(history->branches[k].name, name) == 0) return &history->branches[k];
  return NULL;
}

/* A name that is given, or the lowest number that none has. */
static bool name_branch(vlot__session *session, vlot__history_branch *branch, const char *name) {
  const vlot__history *history = &session->history;
  if (name && strlen(name) >= sizeof branch->name)
    return vlot__session_fail(session, 1, "a name has less than %d characters",
                              VLOT__HISTORY_NAME_MAX);
  if (name && find(history, name))
    return vlot__session_fail(session, 1, "there is a branch of this name; 'branches' lists them");
  if (name) snprintf(branch->name, sizeof branch->name, "%s", name);
  for (unsigned number = 1; !name; number++) {
    snprintf(branch->name, sizeof branch->name, "%u", number);
    if (!find(history, branch->name)) return true;
  }
  return true;
}

static bool add_branch(vlot__session *session, const char *name) {
  vlot__history *history = &session->history;
  vlot__history_branch branch = {.capacity = 0};
  if (history->branch_count == VLOT__HISTORY_BRANCHES_MAX)
    return vlot__session_fail(session, 0, "there are %d branches, and no more are kept",
                              VLOT__HISTORY_BRANCHES_MAX);
  if (!name_branch(session, &branch, name)) return false;
  vlot__history_branch *branches =
      realloc(history->branches, (history->branch_count + 1) * sizeof *branches);
  if (!branches) return vlot__session_fail(session, 0, "%s", vlot_result_text(VLOT_NOMEM));
  history->branches = branches;
  history->branches[history->branch_count++] = branch;
  return true;
}

/* What is behind us goes into a branch of its own, which is then the present one. */
static bool copy_past(vlot__session *session, const char *name, uint64_t now) {
  vlot__history *history = &session->history;
  if (!add_branch(session, name)) return false;
  const vlot__history_branch *from = present_of(history);
  vlot__history_branch *to = &history->branches[history->branch_count - 1];
  bool has_memory = true;
  for (size_t k = 0; k < history->done && has_memory; k++) has_memory = append(to, &from->lines[k]);
  if (has_memory && history->done < from->count && from->lines[history->done].from < now) {
    char steps[STEPS_MAX];
    vlot__history_line half = from->lines[history->done];
    half.text = put_steps(steps, now - half.from, half.is_quiet);
    half.to = now;
    has_memory = append(to, &half);
  }
  if (!has_memory) {
    free_lines(to, 0);
    free(to->lines);
    history->branch_count--;
    return vlot__session_fail(session, 0, "%s", vlot_result_text(VLOT_NOMEM));
  }
  history->present = history->branch_count - 1;
  history->done = to->count;
  return true;
}

uint64_t vlot__history_end(const vlot__history *history) {
  if (history->branch_count == 0 || present_of(history)->count == 0) return 0;
  return present_of(history)->lines[present_of(history)->count - 1].to;
}

/* --- recording --- */

static void add_line(vlot__session *session, const vlot__history_line *line) {
  vlot__history_branch *branch = present_of(&session->history);
  if (append(branch, line))
    session->history.done = branch->count;
  else
    vlot__text_add(&session->out, "out of memory: this cannot be done again\n");
}

/* How far time goes on from here just as it did before it was undone; *at: the line that it ends in
 * or before. */
static uint64_t known_until(const vlot__history *history, uint64_t from, uint64_t to, size_t *at) {
  const vlot__history_branch *branch = present_of(history);
  uint64_t known = from;
  for (*at = history->done; *at < branch->count && known < to; ++*at) {
    const vlot__history_line *line = &branch->lines[*at];
    if (line->is_look) continue;
    if (!line->is_time) break;
    known = line->to < to ? line->to : to;
    if (line->to > to) break;
  }
  return known;
}

/* Is it the line that comes next, word for word? */
static bool is_next(vlot__history *history, const vlot__history_line *line) {
  const vlot__history_branch *branch = present_of(history);
  size_t at = history->done;
  while (at < branch->count && branch->lines[at].is_look) at++;
  if (at == branch->count || strcmp(branch->lines[at].text, line->text) != 0 ||
      branch->lines[at].from != line->from || branch->lines[at].to != line->to)
    return false;
  history->done = at + 1;
  return true;
}

/* Nothing new has been said: time goes on as it did, perhaps beyond the end, where a line of so
 * many steps is added. */
static bool is_again(vlot__session *session, const vlot__history_line *line) {
  vlot__history *history = &session->history;
  if (is_next(history, line)) return true;
  size_t at = history->done;
  uint64_t known = line->is_time ? known_until(history, line->from, line->to, &at) : line->from;
  if (!line->is_time || (known < line->to && at < present_of(history)->count)) return false;
  history->done = at;
  if (known == line->to) return true;
  char steps[STEPS_MAX];
  vlot__history_line rest = *line;
  rest.text = put_steps(steps, line->to - known, line->is_quiet);
  rest.from = known;
  add_line(session, &rest);
  return true;
}

void vlot__history_say(vlot__session *session, const char *text) {
  vlot__text_add(&session->history.said, "%s\n", text);
}

/* Something new is said where something else was undone: that is kept, in its branch. */
static void leave_branch(vlot__session *session, uint64_t now) {
  vlot__history *history = &session->history;
  uint64_t end = vlot__history_end(history);
  unsigned kept = history->present;
  if (!copy_past(session, NULL, now)) {
    vlot__text_add(&session->out, "No more branches are kept: what was undone here is lost.\n");
    free_lines(present_of(history), history->done);
    return;
  }
  vlot__text_add(&session->out,
                 "Another line of history begins here, branch %s; branch %s is kept as it was, up "
                 "to action %" PRIu64 ".\n",
                 present_of(history)->name, history->branches[kept].name, end);
}

static void record(vlot__session *session, const vlot__history_line *line) {
  vlot__history *history = &session->history;
  if (session->is_adopted || (history->branch_count == 0 && !add_branch(session, NULL))) return;
  if (history->done < present_of(history)->count) {
    if (line->is_look || is_again(session, line)) return;
    leave_branch(session, line->from);
  }
  add_line(session, line);
}

static void say_and_record(vlot__session *session, const vlot__history_line *line) {
  vlot__history_say(session, line->text);
  record(session, line);
}

/* A line of time in which something was asked: cut there. */
static void record_asked(vlot__session *session, const vlot__history_line *line) {
  vlot__history *history = &session->history;
  vlot__history_line piece = *line;
  char steps[STEPS_MAX];
  for (size_t k = 0; k < history->inner_count; k++) {
    piece.to = history->inner[k].action - 1;
    piece.text = put_steps(steps, piece.to - piece.from, line->is_quiet);
    if (piece.to > piece.from) say_and_record(session, &piece);
    piece.from = piece.to;
    piece.to = history->inner[k].action;
    piece.text = history->inner[k].text;
    piece.is_time = false;
    say_and_record(session, &piece);
    piece.from = piece.to;
    piece.is_time = true;
  }
  piece.to = line->to;
  piece.text = put_steps(steps, piece.to - piece.from, line->is_quiet);
  if (piece.to > piece.from) say_and_record(session, &piece);
}

/* A line that did several things, or before which something was asked: each is a line, and what was
 * said is said as it was. */
static void record_parts(vlot__session *session, const vlot__history_line *line) {
  vlot__history *history = &session->history;
  vlot__history_line piece = *line;
  bool has_parts = false, is_said = false;
  for (size_t k = 0; k < history->inner_count; k++) {
    const vlot__history_inner *inner = &history->inner[k];
    piece.to = inner->action;
    piece.text = inner->text;
    if (!inner->is_asked && !is_said) vlot__history_say(session, line->text);
    is_said = is_said || !inner->is_asked;
    has_parts = has_parts || !inner->is_asked;
    if (inner->is_asked)
      say_and_record(session, &piece);
    else
      record(session, &piece);
    piece.from = piece.to;
  }
  piece.to = line->to;
  piece.text = line->text;
  if (!has_parts && piece.to > piece.from) say_and_record(session, &piece);
}

void vlot__history_record(vlot__session *session, const vlot__history_line *line) {
  vlot__history *history = &session->history;
  if (session->is_redoing) return;
  if (history->inner_count == 0)
    say_and_record(session, line);
  else if (line->is_time)
    record_asked(session, line);
  else
    record_parts(session, line);
  history->inner_count = 0;
}

static vlot__history_inner *new_inner(vlot__session *session, uint64_t action) {
  vlot__history *history = &session->history;
  if (history->inner_count == history->inner_capacity) {
    size_t capacity = history->inner_capacity ? 2 * history->inner_capacity : 16;
    vlot__history_inner *inner = realloc(history->inner, capacity * sizeof *inner);
    if (!inner) return NULL;
    history->inner = inner;
    history->inner_capacity = capacity;
  }
  vlot__history_inner *one = &history->inner[history->inner_count++];
  *one = (vlot__history_inner){.action = action};
  return one;
}

void vlot__history_part(vlot__session *session, const char *text) {
  if (session->is_redoing) return;
  vlot__history_inner *part = new_inner(session, vlot__session_actions(session));
  if (part) snprintf(part->text, sizeof part->text, "%s", text);
}

/* The groups between which links are cut: whoever reaches each other is in one. */
static void put_groups(vlot__session *session, char *text, size_t capacity) {
  uint32_t groups[VLOT__SESSION_NODES_MAX + 1] = {0}, count = 0, nodes = session->options.nodes;
  int at = snprintf(text, capacity, "partition");
  for (uint32_t first = 1; first <= nodes; first++) {
    if (groups[first]) continue;
    groups[first] = ++count;
    if (count > 1) at += snprintf(text + at, capacity - (size_t)at, " |");
    for (uint32_t id = first; id <= nodes; id++) {
      vlot_link link = {0};
      if (id != first &&
          (groups[id] || vlot_cluster_get_link(session->cluster, first, id, &link) != VLOT_OK ||
           link.is_cut))
        continue;
      groups[id] = count;
      if ((size_t)at + 8 < capacity) at += snprintf(text + at, capacity - (size_t)at, " %u", id);
    }
  }
}

void vlot__history_ask(vlot__session *session, const vlot_event *event) {
  static const char *const verbs[] = {
      [VLOT_REQUEST_DROP] = "drop",       [VLOT_REQUEST_DUPLICATE] = "duplicate",
      [VLOT_REQUEST_DELAY] = "delay",     [VLOT_REQUEST_HOLD] = "hold",
      [VLOT_REQUEST_RELEASE] = "release", [VLOT_REQUEST_FIRE] = "deliver",
      [VLOT_REQUEST_TIMEOUT] = "timeout", [VLOT_REQUEST_HEAL] = "heal",
      [VLOT_REQUEST_KILL] = "kill",       [VLOT_REQUEST_SPAWN] = "spawn",
      [VLOT_REQUEST_RESTART] = "restart", [VLOT_REQUEST_SUSPEND] = "suspend",
      [VLOT_REQUEST_RESUME] = "resume",   [VLOT_REQUEST_CAMPAIGN] = "campaign",
      [VLOT_REQUEST_ELECT] = "elect",     [VLOT_REQUEST_STEPDOWN] = "stepdown",
  };
  static const char *const hows[] = {" keep", " lose", " wipe"};
  uint64_t kind = event->as.change.from, value = event->as.change.to;
  if (event->as.change.term != VLOT_OK || kind > VLOT_REQUEST_STEPDOWN) return;
  vlot__history_inner *asked = new_inner(session, event->action);
  if (!asked) return;
  asked->is_asked = true;
  if (kind == VLOT_REQUEST_PARTITION) {
    put_groups(session, asked->text, sizeof asked->text);
    return;
  }
  size_t size = sizeof asked->text;
  int at = snprintf(asked->text, size, "%s", verbs[kind]);
  if (kind != VLOT_REQUEST_HEAL)
    at += snprintf(asked->text + at, size - (size_t)at, " %" PRIu64,
                   event->peer ? event->peer : event->message);
  if (kind == VLOT_REQUEST_DELAY)
    snprintf(asked->text + at, size - (size_t)at, " by %" PRIu64, value);
  if (kind == VLOT_REQUEST_KILL && value) snprintf(asked->text + at, size - (size_t)at, " power");
  if (kind == VLOT_REQUEST_RESTART && value < 3)
    snprintf(asked->text + at, size - (size_t)at, "%s", hows[value]);
  if (kind >= VLOT_REQUEST_CAMPAIGN) snprintf(asked->text + at, size - (size_t)at, " later");
}

/* --- going there --- */

static bool redo_line(vlot__session *session, const vlot__history_line *line, uint64_t target) {
  uint64_t to = line->to < target ? line->to : target;
  if (line->is_look) return true;
  if (line->is_time) return vlot__session_redo_time(session, to - line->from);
  return vlot__command_redo(session, line->text);
}

/* Is this line, or a part of it that can be done alone, at or before the target? */
static bool is_before(const vlot__history_line *line, uint64_t target) {
  return line->to <= target || (line->is_time && line->from < target);
}

static bool redo(vlot__session *session, uint64_t target) {
  vlot__history *history = &session->history;
  const vlot__history_branch *branch = present_of(history);
  size_t k = 0;
  bool is_well = true;
  vlot__session_begin_redo(session);
  for (; is_well && k < branch->count && is_before(&branch->lines[k], target); k++) {
    is_well = redo_line(session, &branch->lines[k], target);
    if (branch->lines[k].to > target) break;
  }
  history->done = k;
  session->scene_at = k < branch->count ? branch->lines[k].scene_from
                      : k > 0           ? branch->lines[k - 1].scene_to
                                        : 0;
  session->scene_from = session->scene_at;
  vlot__session_end_redo(session);
  return is_well;
}

bool vlot__history_goto(vlot__session *session, uint64_t action) {
  if (session->is_adopted)
    return vlot__session_fail(session, 0,
                              "this cluster runs, and has no way back; record a run with 'vlot run "
                              "--journal FILE', and go back in 'vlot replay FILE'");
  uint64_t end = vlot__history_end(&session->history);
  if (action > end)
    return vlot__session_fail(session, 1, "this line of history ends at action %" PRIu64, end);
  if (session->history.branch_count == 0) return true; /* nothing has been said */
  if (!redo(session, action)) return false;
  return vlot__session_actions(session) <= action || redo(session, session->turn_began);
}

/* What was said before anything happened has set something up, or looked. */
bool vlot__history_reset(vlot__session *session) {
  if (session->history.branch_count > 0) return redo(session, 0);
  vlot__session_begin_redo(session);
  vlot__session_end_redo(session);
  return true;
}

bool vlot__history_fork(vlot__session *session, const char *name) {
  if (session->is_adopted || session->history.branch_count == 0)
    return vlot__session_fail(session, 0,
                              session->is_adopted
                                  ? "this cluster runs: there is one line of history"
                                  : "nothing has happened yet");
  return copy_past(session, name, vlot__session_actions(session));
}

bool vlot__history_switch(vlot__session *session, const char *name) {
  vlot__history *history = &session->history;
  for (unsigned k = 0; k < history->branch_count; k++) {
    if (strcmp(history->branches[k].name, name) != 0) continue;
    history->present = k;
    return redo(session, vlot__history_end(history));
  }
  return vlot__session_fail(session, 1, "there is no such branch; 'branches' lists them");
}
