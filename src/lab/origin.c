/* A workspace in a run that was found: see vlot__workspace_origin. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "branch.h"
#include "workspace.h"

bool vlot__workspace_take(vlot__workspace *workspace, vlot_cluster *cluster) {
  workspace->cluster = cluster;
  workspace->options.nodes = vlot_cluster_nodes(cluster);
  return vlot__workspace_listen(workspace, cluster) == VLOT_OK;
}

bool vlot__workspace_run_origin(vlot__workspace *workspace, const vlot__workspace_stop *stop) {
  const vlot__workspace_origin *origin = workspace->origin;
  bool was_redoing = workspace->is_redoing;
  uint64_t before = 0;
  if (!was_redoing || workspace->cluster) vlot__workspace_begin_redo(workspace);
  bool is_done = origin->run(origin->context, workspace, stop, &before);
  if (workspace->cluster) vlot__workspace_drain(workspace, true);
  workspace->turn_began = before;
  workspace->is_on_track = is_done;
  if (!was_redoing) vlot__workspace_end_redo(workspace);
  return is_done || vlot__workspace_fail(workspace, 0, "%s", vlot_result_text(VLOT_NOMEM));
}

bool vlot__workspace_set_origin(vlot__workspace *workspace, const vlot__workspace_origin *origin) {
  vlot__workspace_stop end = {.action = UINT64_MAX, .from = UINT64_MAX};
  workspace->origin = origin;
  workspace->base = workspace->options;
  workspace->has_base = true;
  if (!vlot__workspace_run_origin(workspace, &end)) return false;
  workspace->base.nodes = workspace->options.nodes;
  vlot__story_line line = {.text = origin->line,
                           .to = vlot__workspace_place(workspace),
                           .is_time = true,
                           .is_origin = true};
  vlot__story_record(workspace, &line, origin->line);
  return true;
}

uint64_t vlot__workspace_track(const vlot__workspace *workspace) {
  const vlot__story *story = &workspace->story;
  if (!workspace->origin || !workspace->is_on_track || story->branch_count == 0) return 0;
  const vlot__story_branch *branch = vlot__story_present(story);
  uint64_t end = branch->count > 0 && branch->lines[0].is_origin ? branch->lines[0].to.action : 0;
  return vlot__workspace_actions(workspace) < end ? end : 0;
}

/* --- what has happened since --- */

static int in_order(const void *left, const void *right) {
  const vlot_event *a = *(const vlot_event *const *)left, *b = *(const vlot_event *const *)right;
  if (a->action != b->action) return a->action < b->action ? -1 : 1;
  if (a->lamport != b->lamport) return a->lamport < b->lamport ? -1 : 1;
  if (a->node != b->node) return a->node < b->node ? -1 : 1;
  return a->sequence < b->sequence ? -1 : a->sequence > b->sequence;
}

static size_t collect(const vlot_past *past, uint64_t action, bool is_summary,
                      const vlot_event **found) {
  size_t shown = 0;
  for (uint32_t node = 0; node <= VLOT_STEP_NODES_MAX; node++) {
    size_t count;
    const vlot_event *events = vlot_past_events(past, node, &count);
    for (size_t k = count; k > 0 && events[k - 1].action > action; k--) {
      if (!vlot__workspace_shows(&events[k - 1], is_summary)) continue;
      if (found) found[shown] = &events[k - 1];
      shown++;
    }
  }
  return shown;
}

static void tell_since(vlot__workspace *workspace, uint64_t action) {
  char sentence[512];
  size_t count = collect(workspace->past, action, workspace->is_summary, NULL);
  const vlot_event **found = calloc(count + 1, sizeof *found);
  if (!found) {
    workspace->out.is_short = true;
    return;
  }
  collect(workspace->past, action, workspace->is_summary, found);
  qsort(found, count, sizeof *found, in_order);
  for (size_t k = 0; k < count; k++) {
    vlot_event_text(found[k], sentence, sizeof sentence);
    vlot__text_add(&workspace->out, "%6" PRIu64 "  %s\n", found[k]->tick, sentence);
  }
  free(found);
}

bool vlot__workspace_follow(vlot__workspace *workspace, const vlot__workspace_stop *stop) {
  uint64_t before = vlot__workspace_actions(workspace), end = vlot__workspace_track(workspace);
  bool is_summary = workspace->is_summary;
  if (!vlot__workspace_run_origin(workspace, stop)) return false;
  workspace->is_summary = is_summary;
  workspace->has_followed = true;
  uint64_t now = vlot__workspace_actions(workspace);
  workspace->story.done = now >= end;
  tell_since(workspace, before);
  if (now >= workspace->origin->actions)
    vlot__text_add(&workspace->out, "%s\n", workspace->origin->end);
  return true;
}
