#include "branch.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool vlot__place_is_before(vlot__story_place a, vlot__story_place b) {
  return a.action != b.action ? a.action < b.action : a.idle < b.idle;
}

bool vlot__place_is_same(vlot__story_place a, vlot__story_place b) {
  return a.action == b.action && a.idle == b.idle;
}

const char *vlot__story_piece(char text[VLOT__STORY_PIECE_MAX], vlot__story_place from,
                              vlot__story_place to, bool is_quiet) {
  if (to.idle > 0)
    snprintf(text, VLOT__STORY_PIECE_MAX, "tick %" PRIu64, to.tick - from.tick);
  else
    snprintf(text, VLOT__STORY_PIECE_MAX, "step %" PRIu64 "%s", to.action - from.action,
             is_quiet ? " quiet" : "");
  return text;
}

/* --- lines and marks --- */

bool vlot__branch_append(vlot__story_branch *branch, const vlot__story_line *line) {
  if (branch->count == branch->capacity) {
    size_t capacity = branch->capacity ? 2 * branch->capacity : 64;
    vlot__story_line *lines = realloc(branch->lines, capacity * sizeof *lines);
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

bool vlot__point_is_before(vlot__story_point a, vlot__story_point b) {
  return a.line != b.line ? a.line < b.line : vlot__place_is_before(a.place, b.place);
}

static bool reserve_mark(vlot__story_branch *branch) {
  if (branch->mark_count < branch->mark_capacity) return true;
  size_t capacity = branch->mark_capacity ? 2 * branch->mark_capacity : 64;
  vlot__story_mark *marks = realloc(branch->marks, capacity * sizeof *marks);
  if (!marks) return false;
  branch->marks = marks;
  branch->mark_capacity = capacity;
  return true;
}

bool vlot__branch_mark(vlot__story_branch *branch, vlot__story_point begin, vlot__story_point end,
                       const char *text) {
  size_t at = branch->mark_count;
  char *copy = reserve_mark(branch) ? strdup(text) : NULL;
  if (!copy) return false;
  while (at > 0 && vlot__point_is_before(begin, branch->marks[at - 1].begin)) at--;
  bool is_there = at > 0 && !vlot__point_is_before(branch->marks[at - 1].begin, begin);
  if (is_there) {
    free(branch->marks[--at].text);
  } else {
    memmove(&branch->marks[at + 1], &branch->marks[at],
            (branch->mark_count - at) * sizeof *branch->marks);
    branch->mark_count++;
  }
  branch->marks[at] = (vlot__story_mark){.text = copy, .begin = begin, .end = end};
  return true;
}

void vlot__branch_cut(vlot__story_branch *branch, size_t from) {
  for (size_t k = from; k < branch->count; k++) free((char *)(uintptr_t)branch->lines[k].text);
  if (from < branch->count) branch->count = from;
  size_t kept = 0;
  while (kept < branch->mark_count && branch->marks[kept].begin.line < from) kept++;
  for (size_t k = kept; k < branch->mark_count; k++) free(branch->marks[k].text);
  branch->mark_count = kept;
}

void vlot__branch_deinit(vlot__story_branch *branch) {
  vlot__branch_cut(branch, 0);
  free(branch->lines);
  free(branch->marks);
}

vlot__story_place vlot__branch_end(const vlot__story_branch *branch) {
  return branch->count > 0 ? branch->lines[branch->count - 1].to : (vlot__story_place){0};
}
