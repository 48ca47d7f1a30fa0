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

bool vlot__branch_mark(vlot__story_branch *branch, size_t line, vlot__story_place place,
                       const char *text) {
  size_t at = branch->mark_count;
  while (at > 0 && (branch->marks[at - 1].line > line ||
                    (branch->marks[at - 1].line == line &&
                     !vlot__place_is_before(branch->marks[at - 1].place, place))))
    at--;
  char *copy = strdup(text);
  if (!copy) return false;
  if (at < branch->mark_count && branch->marks[at].line == line &&
      vlot__place_is_same(branch->marks[at].place, place)) {
    free(branch->marks[at].text);
    branch->marks[at].text = copy;
    return true;
  }
  if (branch->mark_count == branch->mark_capacity) {
    size_t capacity = branch->mark_capacity ? 2 * branch->mark_capacity : 64;
    vlot__story_mark *marks = realloc(branch->marks, capacity * sizeof *marks);
    if (!marks) {
      free(copy);
      return false;
    }
    branch->marks = marks;
    branch->mark_capacity = capacity;
  }
  memmove(&branch->marks[at + 1], &branch->marks[at],
          (branch->mark_count - at) * sizeof *branch->marks);
  branch->marks[at] = (vlot__story_mark){.text = copy, .line = line, .place = place};
  branch->mark_count++;
  return true;
}

bool vlot__mark_is_behind(const vlot__story_mark *mark, size_t done, vlot__story_place now) {
  return mark->line < done || (mark->line == done && vlot__place_is_before(mark->place, now));
}

void vlot__branch_cut(vlot__story_branch *branch, size_t from) {
  for (size_t k = from; k < branch->count; k++) free((char *)(uintptr_t)branch->lines[k].text);
  if (from < branch->count) branch->count = from;
  size_t kept = 0;
  while (kept < branch->mark_count && branch->marks[kept].line < from) kept++;
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
