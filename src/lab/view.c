/* Views of a cluster: through public headers alone, and of any cluster. */
#include "view.h"

#include <stdlib.h>

#include "vlot/journal.h"

/* Room for `count` things, also for none. */
static void *room(size_t count, size_t size) { return calloc(count + 1, size); }

bool vlot__view_look_nodes(vlot__view_nodes *view, vlot_cluster *cluster) {
  vlot_cluster_stats stats;
  uint32_t nodes = vlot_cluster_nodes(cluster);
  vlot_cluster_get_stats(cluster, &stats);
  *view = (vlot__view_nodes){.now = vlot_cluster_now(cluster), .actions = stats.actions};
  view->rows = room(nodes, sizeof *view->rows);
  if (!view->rows) return false;
  view->count = nodes;
  for (uint32_t k = 0; k < nodes; k++)
    if (vlot_cluster_get_status(cluster, k + 1, &view->rows[k]) != VLOT_OK)
      view->rows[k].id = k + 1;
  return true;
}

bool vlot__view_look_pending(vlot__view_pending *view, vlot_cluster *cluster) {
  size_t count = vlot_lockstep_pending(cluster, NULL, 0);
  vlot_replay_status replay;
  *view = (vlot__view_pending){.rows = room(count, sizeof *view->rows)};
  if (!view->rows) return false;
  view->count = vlot_lockstep_pending(cluster, view->rows, count);
  if (vlot_replay_get_status(cluster, &replay) != VLOT_OK) return true;
  view->is_recorded = true;
  view->is_cut = replay.is_cut;
  view->has_diverged = replay.has_diverged;
  view->actions_total = replay.actions_total;
  view->unended_after = replay.unended_after;
  return true;
}

bool vlot__view_look_status(vlot__view_status *view, vlot_cluster *cluster) {
  vlot_cluster_stats stats;
  vlot_node_status leader;
  vlot_cluster_get_stats(cluster, &stats);
  *view = (vlot__view_status){.now = vlot_cluster_now(cluster),
                              .actions = stats.actions,
                              .commits = stats.commits,
                              .leader = vlot_cluster_leader(cluster),
                              .is_broken = vlot_cluster_violation(cluster, NULL, 0)};
  if (view->leader && vlot_cluster_get_status(cluster, view->leader, &leader) == VLOT_OK)
    view->term = leader.raft.term;
  return true;
}

/* The pending list is in the order of what is next. */
bool vlot__view_look_timers(vlot__view_timers *view, vlot_cluster *cluster) {
  vlot__view_pending pending;
  uint64_t now = vlot_cluster_now(cluster);
  *view = (vlot__view_timers){.count = 0};
  if (!vlot__view_look_pending(&pending, cluster)) return false;
  view->rows = room(pending.count, sizeof *view->rows);
  for (size_t k = 0; view->rows && k < pending.count; k++) {
    const vlot_pending *one = &pending.rows[k];
    if (one->kind != VLOT_PENDING_TIMER) continue;
    view->rows[view->count++] = (vlot__view_timer){.node = one->node,
                                                   .left = one->due > now ? one->due - now : 0,
                                                   .due_for = one->due_for,
                                                   .is_held = one->is_held};
  }
  vlot__view_pending_deinit(&pending);
  return view->rows != NULL;
}

bool vlot__view_look_events(vlot__view_events *view, vlot_cluster *cluster, uint32_t node,
                            size_t most) {
  enum { EVENTS_MAX = 64 };
  *view = (vlot__view_events){.rows = room(EVENTS_MAX, sizeof *view->rows)};
  if (!view->rows) return false;
  size_t count = vlot_cluster_events(cluster, node, view->rows, EVENTS_MAX);
  if (count > EVENTS_MAX) count = EVENTS_MAX;
  size_t first = count > most ? count - most : 0;
  for (size_t k = first; k < count; k++) view->rows[view->count++] = view->rows[k];
  return true;
}

/* The first two machines that have applied as much and are not the same. */
static void compare(vlot__view_check *view) {
  for (uint32_t k = 0; k < view->count && !view->differs[0]; k++)
    for (uint32_t other = 0; other < k && !view->differs[0]; other++) {
      const vlot__view_replica *a = &view->rows[other], *b = &view->rows[k];
      if (a->applied != b->applied || a->hash == b->hash) continue;
      view->differs[0] = a;
      view->differs[1] = b;
    }
}

bool vlot__view_look_check(vlot__view_check *view, vlot_cluster *cluster) {
  uint32_t nodes = vlot_cluster_nodes(cluster);
  *view = (vlot__view_check){.rows = room(nodes, sizeof *view->rows)};
  if (!view->rows) return false;
  if (!vlot_cluster_violation(cluster, view->violation, sizeof view->violation))
    *view->violation = '\0';
  for (uint32_t id = 1; id <= nodes; id++) {
    vlot__view_replica one = {.node = id};
    vlot_node_status status;
    vlot_result result = vlot_cluster_hash(cluster, id, &one.hash, &one.applied);
    if (vlot_cluster_get_status(cluster, id, &status) == VLOT_OK) one.state = status.state;
    if (result == VLOT_OK)
      view->rows[view->count++] = one;
    else if (result == VLOT_CLOSED || result == VLOT_FENCED)
      view->rows[nodes - ++view->absent_count] = one; /* from behind: there is room for all */
  }
  view->absent = view->rows + (nodes - view->absent_count);
  compare(view);
  return true;
}

bool vlot__view_look_lints(vlot__view_lints *view, vlot_cluster *cluster) {
  size_t most = vlot_cluster_lint(cluster, NULL, 0);
  *view = (vlot__view_lints){.rows = room(most, sizeof *view->rows)};
  if (!view->rows) return false;
  size_t count = vlot_cluster_lint(cluster, view->rows, most);
  view->count = count < most ? count : most; /* it may run: there may be more by now */
  return true;
}

/* --- and gone --- */

void vlot__view_nodes_deinit(vlot__view_nodes *view) {
  free(view->rows);
  *view = (vlot__view_nodes){0};
}

void vlot__view_pending_deinit(vlot__view_pending *view) {
  free(view->rows);
  *view = (vlot__view_pending){0};
}

static void free_net(vlot__view_net *view) {
  free(view->links);
  free(view->disks);
  free(view->clocks);
  free(view->pending);
}

void vlot__view_deinit(vlot__view *view) {
  switch (view->kind) {
  case VLOT__VIEW_OF_NODES: free(view->as.nodes.rows); break;
  case VLOT__VIEW_OF_STATUS: break;
  case VLOT__VIEW_OF_LOG: free(view->as.log.rows); break;
  case VLOT__VIEW_OF_NET: free_net(&view->as.net); break;
  case VLOT__VIEW_OF_TIMERS: free(view->as.timers.rows); break;
  case VLOT__VIEW_OF_EVENTS: free(view->as.events.rows); break;
  case VLOT__VIEW_OF_CHECK: free(view->as.check.rows); break;
  case VLOT__VIEW_OF_LINTS: free(view->as.lints.rows); break;
  case VLOT__VIEW_OF_WHY: vlot_explanation_release(view->as.why.told); break;
  case VLOT__VIEW_OF_BRANCHES: free(view->as.branches.rows); break;
  case VLOT__VIEW_OF_NODE:
  case VLOT__VIEW_OF_ENTRIES:
  case VLOT__VIEW_OF_DIFF:
  case VLOT__VIEW_OF_KV:
  case VLOT__VIEW_OF_HISTORY: vlot__view_node_free(view); break;
  case VLOT__VIEW_KINDS: break;
  }
  *view = (vlot__view){.kind = view->kind};
}
