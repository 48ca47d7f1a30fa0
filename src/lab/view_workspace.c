/* Views of a workspace: what its cluster says, and what the workspace remembers of it. */
#include <stdlib.h>

#include "pattern.h"
#include "view.h"
#include "why.h"

bool vlot__view_look_log(vlot__view_log *view, vlot__workspace *workspace, uint32_t node) {
  uint32_t nodes = workspace->options.nodes;
  *view = (vlot__view_log){.rows = calloc(nodes, sizeof *view->rows)};
  if (!view->rows) return false;
  for (uint32_t id = 1; id <= nodes; id++) {
    if (node && node != id) continue;
    view->rows[view->count++] =
        (vlot__view_log_row){.node = id,
                             .size = workspace->logs[id].size,
                             .terms = workspace->logs[id].terms,
                             .commit = vlot__workspace_status(workspace, id).raft.commit_index,
                             .match = vlot__why_match(workspace, id)};
  }
  return true;
}

/* --- network --- */

static bool is_faulty(const vlot_link *link) {
  return link->is_cut || link->loss || link->duplicate || link->reorder ||
         link->delay_ticks_max > 0 || link->tail > 0;
}

static void look_links(vlot__view_net *view, vlot__workspace *workspace) {
  for (uint32_t from = 1; from <= workspace->options.nodes; from++)
    for (uint32_t to = 1; to <= workspace->options.nodes; to++) {
      vlot__view_link *one = &view->links[view->link_count];
      if (from == to ||
          vlot_cluster_get_link(workspace->cluster, from, to, &one->link) != VLOT_OK ||
          !is_faulty(&one->link))
        continue;
      one->from = from;
      one->to = to;
      view->link_count++;
    }
}

static void look_disk(vlot__view_net *view, const vlot_node_status *status,
                      const vlot_event *fault) {
  vlot__view_disk *one = &view->disks[view->disk_count];
  if (!fault) return;
  *one = (vlot__view_disk){.node = status->id,
                           .is_stalled = fault->as.change.term & 1,
                           .is_full = fault->as.change.term & 2,
                           .delay = fault->as.change.to,
                           .fail_at = fault->as.change.from,
                           .told_at = fault->tick,
                           .first = status->raft.durable_index + 1,
                           .last = status->raft.last_index,
                           .messages = status->raft.held_messages};
  one->has_waiting = status->state != VLOT_NODE_DOWN && (one->delay > 0 || one->is_stalled);
  if (fault->as.change.from || fault->as.change.to || fault->as.change.term) view->disk_count++;
}

static void look_disks_and_clocks(vlot__view_net *view, vlot__workspace *workspace) {
  for (uint32_t id = 1; id <= workspace->options.nodes; id++) {
    vlot_node_status status = vlot__workspace_status(workspace, id);
    look_disk(view, &status, vlot__past_disk(&workspace->past, id));
    if (status.clock_permille != 1000)
      view->clocks[view->clock_count++] =
          (vlot__view_clock){.node = id, .permille = status.clock_permille};
  }
}

static void look_under_way(vlot__view_net *view, vlot__workspace *workspace) {
  size_t count;
  view->pending = vlot__pattern_pending(workspace, &count);
  for (size_t k = 0; k < count; k++)
    if (view->pending[k].kind != VLOT_PENDING_TIMER)
      view->pending[view->pending_count++] = view->pending[k];
}

bool vlot__view_look_net(vlot__view_net *view, vlot__workspace *workspace) {
  size_t nodes = workspace->options.nodes;
  *view = (vlot__view_net){.links = calloc(nodes * nodes, sizeof *view->links),
                           .disks = calloc(nodes, sizeof *view->disks),
                           .clocks = calloc(nodes, sizeof *view->clocks)};
  if (!view->links || !view->disks || !view->clocks) {
    free(view->links);
    free(view->disks);
    free(view->clocks);
    *view = (vlot__view_net){.links = NULL};
    return false;
  }
  look_links(view, workspace);
  look_disks_and_clocks(view, workspace);
  look_under_way(view, workspace);
  return true;
}

/* --- history --- */

bool vlot__view_look_branches(vlot__view_branches *view, const vlot__workspace *workspace) {
  const vlot__story *story = &workspace->story;
  *view = (vlot__view_branches){.is_adopted = workspace->is_adopted,
                                .rows = calloc(story->branch_count + 1u, sizeof *view->rows)};
  if (!view->rows) return false;
  for (unsigned k = 0; k < story->branch_count; k++) {
    const vlot__story_branch *branch = &story->branches[k];
    vlot__view_branch *one = &view->rows[view->count++];
    one->name = branch->name;
    one->end = vlot__branch_end(branch).action;
    one->is_present = k == story->present;
    for (size_t n = 0; n < branch->count; n++)
      if (!branch->lines[n].is_look) one->last = branch->lines[n].text;
  }
  return true;
}
