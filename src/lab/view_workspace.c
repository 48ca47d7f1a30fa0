/* Views of a workspace: what its cluster says, and what the workspace remembers of it. */
#include <stdio.h>
#include <stdlib.h>

#include "pattern.h"
#include "view.h"
#include "vlot/raft_snapshot.h"
#include "why.h"

static void look_head(void *context, const vlot_raft *raft, void *machine) {
  vlot__view_snapshot *seen = context;
  const vlot_snapshot *snapshot = vlot_raft_snapshot(raft);
  (void)machine;
  if (!snapshot) return;
  seen->term = vlot_snapshot_get(snapshot)->term;
  seen->size = vlot_snapshot_get(snapshot)->size;
}

vlot__view_snapshot vlot__view_look_snapshot(vlot__workspace *workspace, uint32_t node) {
  vlot_node_status status = vlot__workspace_status(workspace, node);
  vlot__view_snapshot seen = {.base = status.raft.base_index, .index = status.raft.snapshot_index};
  if (status.state == VLOT_NODE_DOWN) return seen;
  if (seen.index > 0) (void)vlot_cluster_look(workspace->cluster, node, look_head, &seen);
  if (status.state == VLOT_NODE_FENCED) return seen; /* it takes nothing any more */
  seen.comes_index = status.raft.receives_index;
  seen.comes_size = status.raft.receives_size;
  seen.comes_offset = status.raft.receives_offset;
  seen.is_installing = status.raft.is_installing;
  return seen;
}

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
                             .match = vlot__why_match(workspace, id),
                             .snapshot = vlot__view_look_snapshot(workspace, id)};
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
    look_disk(view, &status, vlot__past_disk_fault(workspace->past, id));
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
  *view = (vlot__view_net){.now = vlot_cluster_now(workspace->cluster),
                           .links = calloc(nodes * nodes, sizeof *view->links),
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

static vlot__view_branch row_of(const vlot__story *story, unsigned k, unsigned depth) {
  const vlot__story_branch *branch = &story->branches[k];
  vlot__view_branch one = {.name = branch->name,
                           .parent = depth ? story->branches[branch->parent - 1].name : "",
                           .parts_at = branch->parts_at.action,
                           .depth = depth,
                           .end = vlot__branch_end(branch).action,
                           .is_present = k == story->present};
  for (size_t n = 0; n < branch->count; n++)
    if (!branch->lines[n].is_look) one.last = branch->lines[n].text;
  return one;
}

/* The next branch behind this one that has the same parent; 0: none. Numbers count from 1. */
static unsigned next_sibling(const vlot__story *story, unsigned parent, unsigned behind) {
  for (unsigned k = behind; k < story->branch_count; k++)
    if (story->branches[k].parent == parent) return k + 1;
  return 0;
}

/* Down to a branch's first child, else on to its sibling, else up: a tree of any depth. */
bool vlot__view_look_branches(vlot__view_branches *view, const vlot__workspace *workspace) {
  const vlot__story *story = &workspace->story;
  *view = (vlot__view_branches){.is_adopted = workspace->is_adopted,
                                .rows = calloc(story->branch_count + 1u, sizeof *view->rows)};
  if (!view->rows) return false;
  unsigned at = next_sibling(story, 0, 0), depth = 0;
  while (at) {
    view->rows[view->count++] = row_of(story, at - 1, depth);
    unsigned child = next_sibling(story, at, 0), next = 0;
    if (child) {
      at = child;
      depth++;
      continue;
    }
    while (at && !(next = next_sibling(story, story->branches[at - 1].parent, at))) {
      at = story->branches[at - 1].parent;
      if (at) depth--;
    }
    at = next;
  }
  return true;
}

typedef struct telling {
  vlot__view_history *view;
  size_t room;
  bool is_short;
} telling;

static vlot__view_said *add_said(telling *tale, vlot__story_place from, bool is_undone) {
  vlot__view_history *view = tale->view;
  if (view->count == tale->room) {
    size_t larger = tale->room ? 2 * tale->room : 64;
    vlot__view_said *rows = realloc(view->rows, larger * sizeof *rows);
    tale->is_short |= !rows;
    if (!rows) return NULL;
    view->rows = rows;
    tale->room = larger;
  }
  view->rows[view->count] =
      (vlot__view_said){.action = from.action, .tick = from.tick, .is_undone = is_undone};
  return &view->rows[view->count++];
}

static void tell(telling *tale, vlot__story_place from, bool is_undone, const char *text) {
  vlot__view_said *one = add_said(tale, from, is_undone);
  if (one) vlot__text_add(&one->text, "%s", text);
}

/* How it began, where that is not how every scene begins. */
static void tell_base(telling *tale, const vlot__workspace *workspace) {
  const vlot_cluster_options *base = workspace->has_base ? &workspace->base : &workspace->options;
  vlot_cluster_options usual;
  char text[48];
  vlot_cluster_options_init(&usual);
  snprintf(text, sizeof text, "nodes %u", base->nodes);
  if (base->nodes != usual.nodes) tell(tale, (vlot__story_place){0}, false, text);
  snprintf(text, sizeof text, "learners %u", base->learners);
  if (base->learners) tell(tale, (vlot__story_place){0}, false, text);
  snprintf(text, sizeof text, "seed %llu", (unsigned long long)base->seed);
  if (base->seed != usual.seed) tell(tale, (vlot__story_place){0}, false, text);
}

/* A line of which only a part is behind us: that part, and the rest of it, which is undone. */
static void tell_halves(telling *tale, const vlot__story_line *line, vlot__story_place now) {
  char piece[VLOT__STORY_PIECE_MAX];
  if (line->is_origin) {
    tell(tale, line->from, false, line->text);
    return;
  }
  tell(tale, line->from, false, vlot__story_piece(piece, line->from, now, line->is_quiet));
  tell(tale, now, true, vlot__story_piece(piece, now, line->to, line->is_quiet));
}

bool vlot__view_look_history(vlot__view_history *view, const vlot__workspace *workspace) {
  const vlot__story *story = &workspace->story;
  telling tale = {.view = view};
  *view = (vlot__view_history){.is_adopted = workspace->is_adopted};
  if (!workspace->is_adopted && !workspace->journal && !workspace->origin)
    tell_base(&tale, workspace);
  const vlot__story_branch *branch = story->branch_count ? vlot__story_present(story) : NULL;
  vlot__story_place now = vlot__workspace_place(workspace);
  for (size_t k = 0; branch && k < branch->count; k++) {
    const vlot__story_line *line = &branch->lines[k];
    bool is_half = k == story->done && line->is_time && vlot__place_is_before(line->from, now) &&
                   vlot__place_is_before(now, line->to);
    if (is_half)
      tell_halves(&tale, line, now);
    else
      tell(&tale, line->from, k >= story->done, line->text);
    if (view->count > 0) view->rows[view->count - 1].is_look = line->is_look;
  }
  if (!tale.is_short) return true;
  vlot__view whole = {.kind = VLOT__VIEW_OF_HISTORY, .as.history = *view};
  vlot__view_deinit(&whole);
  *view = whole.as.history;
  return false;
}
