/* Going to another place of the history: everything is said again up to there. */
#include <inttypes.h>
#include <string.h>

#include "command.h"
#include "story.h"

static bool redo_line(vlot__workspace *workspace, const vlot__story_line *line,
                      vlot__story_place target) {
  if (line->is_look) return true;
  if (line->is_origin) {
    uint64_t end = line->to.action < target.action ? line->to.action : target.action;
    return vlot__workspace_run_origin(workspace,
                                      &(vlot__workspace_stop){.action = end, .from = end});
  }
  workspace->is_on_track = false;
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

/* In the middle of a line, or before it. */
static bool redo_to(vlot__workspace *workspace, vlot__story_point to) {
  const vlot__story_branch *branch = vlot__story_present(&workspace->story);
  bool is_inside =
      to.line < branch->count && vlot__place_is_before(branch->lines[to.line].from, to.place);
  return redo(workspace, to.line + is_inside, to.place);
}

static vlot__story_point point_of(const vlot__workspace *workspace) {
  return (vlot__story_point){.line = workspace->story.done,
                             .place = vlot__workspace_place(workspace)};
}

/* How many marks begin before this point, or (or_there) in it. */
static size_t marks_before(const vlot__story_branch *branch, vlot__story_point now, bool or_there) {
  size_t k = 0;
  while (k < branch->mark_count && (or_there ? !vlot__point_is_before(now, branch->marks[k].begin)
                                             : vlot__point_is_before(branch->marks[k].begin, now)))
    k++;
  return k;
}

bool vlot__story_undo(vlot__workspace *workspace, const char **taken) {
  const vlot__story *story = &workspace->story;
  *taken = NULL;
  if (!has_way_back(workspace)) return false;
  if (story->branch_count == 0) return true;
  const vlot__story_branch *branch = vlot__story_present(story);
  size_t count = marks_before(branch, point_of(workspace), false);
  if (count == 0) return true;
  *taken = branch->marks[count - 1].text;
  return redo_to(workspace, branch->marks[count - 1].begin);
}

/* The command that begins here, or the rest of one, or of what is no command of its own any more
 * because another one was said where it was taken back. */
bool vlot__story_redo(vlot__workspace *workspace, const char **taken) {
  vlot__story *story = &workspace->story;
  *taken = NULL;
  if (!has_way_back(workspace)) return false;
  if (story->branch_count == 0 || !vlot__story_is_undone(story)) return true;
  const vlot__story_branch *branch = vlot__story_present(story);
  while (branch->lines[story->done].is_look) story->done++; /* what looked was no command */
  vlot__story_point now = point_of(workspace);
  size_t count = marks_before(branch, now, true);
  const vlot__story_mark *mark = count > 0 ? &branch->marks[count - 1] : NULL;
  if (mark && vlot__point_is_before(now, mark->end)) {
    *taken = mark->text;
    return redo_to(workspace, mark->end);
  }
  *taken = "what followed";
  return count < branch->mark_count ? redo_to(workspace, branch->marks[count].begin)
                                    : redo(workspace, branch->count, vlot__branch_end(branch));
}

/* What was said before anything happened has set something up, or looked. */
bool vlot__story_reset(vlot__workspace *workspace) {
  if (workspace->story.branch_count > 0)
    return redo(workspace, workspace->story.done, (vlot__story_place){0});
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
  return vlot__workspace_fail(workspace, 1, "there is no branch '%.40s'; 'branches' lists them",
                              name);
}
