/* Going to another place of the history: everything is said again up to there. */
#include <inttypes.h>
#include <string.h>

#include "command.h"
#include "story.h"

static bool redo_line(vlot__workspace *workspace, const vlot__story_line *line,
                      vlot__story_place target) {
  if (line->is_look) return true;
  if (!line->is_time) return vlot__command_redo(workspace, line->text);
  return vlot__workspace_redo_time(workspace,
                                   vlot__place_is_before(line->to, target) ? &line->to : &target);
}

/* Is this line, or a part of it that can be done alone, at or before the target? */
static bool is_on_way(const vlot__story_line *line, vlot__story_place target) {
  return !vlot__place_is_before(target, line->to) ||
         (line->is_time && vlot__place_is_before(line->from, target));
}

/* So many lines at most, and of them what is not behind the target. */
static bool redo(vlot__workspace *workspace, size_t lines, vlot__story_place target) {
  vlot__story *story = &workspace->story;
  const vlot__story_branch *branch = vlot__story_present(story);
  size_t k = 0;
  bool is_well = true;
  vlot__workspace_begin_redo(workspace);
  for (; is_well && k < lines && is_on_way(&branch->lines[k], target); k++) {
    is_well = redo_line(workspace, &branch->lines[k], target);
    if (vlot__place_is_before(target, branch->lines[k].to)) break;
  }
  story->done = k;
  workspace->scene_at = k < branch->count ? branch->lines[k].scene_from
                        : k > 0           ? branch->lines[k - 1].scene_to
                                          : 0;
  workspace->scene_from = workspace->scene_at;
  vlot__workspace_end_redo(workspace);
  return is_well;
}

static bool has_way_back(vlot__workspace *workspace) {
  return !workspace->is_adopted ||
         vlot__workspace_fail(workspace, 0,
                              "this cluster runs, and has no way back; record a run with 'vlot run "
                              "--journal FILE', and go back in 'vlot replay FILE'");
}

bool vlot__story_goto(vlot__workspace *workspace, uint64_t action) {
  if (!has_way_back(workspace)) return false;
  uint64_t end = vlot__story_end(&workspace->story);
  if (action > end)
    return vlot__workspace_fail(workspace, 1, "this line of history ends at action %" PRIu64, end);
  if (workspace->story.branch_count == 0) return true; /* nothing has been said */
  const vlot__story_branch *branch = vlot__story_present(&workspace->story);
  vlot__story_place target = {.action = action};
  size_t lines = branch->count;
  if (action == end && end > 0) target = vlot__branch_end(branch);
  if (!redo(workspace, lines, target)) return false;
  return vlot__workspace_actions(workspace) <= action ||
         redo(workspace, lines, (vlot__story_place){.action = workspace->turn_began});
}

/* Where a command was said: in the middle of a line, or behind it. */
static bool redo_to_mark(vlot__workspace *workspace, const vlot__story_mark *mark) {
  const vlot__story_branch *branch = vlot__story_present(&workspace->story);
  bool is_inside = mark->line < branch->count &&
                   vlot__place_is_before(branch->lines[mark->line].from, mark->place);
  return redo(workspace, mark->line + is_inside, mark->place);
}

bool vlot__story_undo(vlot__workspace *workspace, const char **taken) {
  const vlot__story *story = &workspace->story;
  *taken = NULL;
  if (!has_way_back(workspace)) return false;
  if (story->branch_count == 0) return true;
  const vlot__story_branch *branch = vlot__story_present(story);
  vlot__story_place now = vlot__workspace_place(workspace);
  size_t k = branch->mark_count;
  while (k > 0 && !vlot__mark_is_behind(&branch->marks[k - 1], story->done, now)) k--;
  if (k == 0) return true;
  *taken = branch->marks[k - 1].text;
  return redo_to_mark(workspace, &branch->marks[k - 1]);
}

bool vlot__story_redo(vlot__workspace *workspace, const char **taken) {
  const vlot__story *story = &workspace->story;
  *taken = NULL;
  if (!has_way_back(workspace)) return false;
  if (story->branch_count == 0 || story->done == vlot__story_present(story)->count) return true;
  const vlot__story_branch *branch = vlot__story_present(story);
  vlot__story_place now = vlot__workspace_place(workspace);
  size_t k = 0;
  while (k < branch->mark_count && vlot__mark_is_behind(&branch->marks[k], story->done, now)) k++;
  if (k == branch->mark_count) {
    if (k > 0) *taken = branch->marks[k - 1].text; /* the rest of it */
    return redo(workspace, branch->count, vlot__branch_end(branch));
  }
  bool is_here =
      branch->marks[k].line == story->done && vlot__place_is_same(branch->marks[k].place, now);
  *taken = branch->marks[is_here || k == 0 ? k : k - 1].text;
  if (is_here) k++;
  return k < branch->mark_count ? redo_to_mark(workspace, &branch->marks[k])
                                : redo(workspace, branch->count, vlot__branch_end(branch));
}

/* What was said before anything happened has set something up, or looked. */
bool vlot__story_reset(vlot__workspace *workspace) {
  if (workspace->story.branch_count > 0)
    return redo(workspace, vlot__story_present(&workspace->story)->count, (vlot__story_place){0});
  vlot__workspace_begin_redo(workspace);
  vlot__workspace_end_redo(workspace);
  return true;
}

bool vlot__story_switch(vlot__workspace *workspace, const char *name) {
  vlot__story *story = &workspace->story;
  for (unsigned k = 0; k < story->branch_count; k++) {
    if (strcmp(story->branches[k].name, name) != 0) continue;
    story->present = k;
    return redo(workspace, vlot__story_present(story)->count,
                vlot__branch_end(vlot__story_present(story)));
  }
  return vlot__workspace_fail(workspace, 1, "there is no such branch; 'branches' lists them");
}
