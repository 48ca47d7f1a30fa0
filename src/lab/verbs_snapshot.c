/* Verbs about snapshots: to take one, to drop the log below it, to write it down and to begin with
 * one. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "pattern.h"
#include "verbs.h"
#include "vlot/raft_snapshot.h"

static uint32_t node_of(const vlot__arguments *arguments) {
  return (uint32_t)arguments->values[0].number;
}

/* --- taking one --- */

/* Of a node's machine, on its way to a snapshot; id 0: there is none. */
static vlot_pending find_image(vlot__workspace *workspace, uint32_t node) {
  size_t count;
  vlot_pending *pending = vlot__pattern_pending(workspace, &count), found = {0};
  for (size_t k = 0; k < count; k++)
    if (pending[k].kind == VLOT_PENDING_IMAGE && pending[k].node == node) found = pending[k];
  free(pending);
  return found;
}

static void tell_image(vlot__workspace *workspace, const vlot_pending *image) {
  vlot__text *out = &workspace->out;
  uint64_t now = vlot_cluster_now(workspace->cluster);
  vlot__text_add(out, "n%u has frozen its machine, at %" PRIu64 "; i%u writes that to a snapshot",
                 image->node, image->index, image->node);
  if (image->due > now)
    vlot__text_add(out, ", in %" PRIu64 " tick%s", image->due - now,
                   image->due - now == 1 ? "" : "s");
  vlot__text_add(out, ".\n");
}

/* What is not there behind the order is taken when it can be. */
static void tell_delay(vlot__workspace *workspace, uint32_t node, uint64_t before,
                       bool was_frozen) {
  vlot_node_status status = vlot__workspace_status(workspace, node);
  if (workspace->is_redoing || status.raft.snapshot_index != before) return;
  vlot_pending image = find_image(workspace, node);
  if (image.id != 0 && was_frozen)
    vlot__text_add(&workspace->out,
                   "n%u takes it when i%u has written the image that it has already, at %" PRIu64
                   ".\n",
                   node, node, image.index);
  else if (image.id != 0)
    tell_image(workspace, &image);
  else if (status.raft.is_installing)
    vlot__text_add(&workspace->out, "n%u takes it when what it installs now is in place.\n", node);
  else if (status.applied_index > status.raft.durable_index)
    vlot__text_add(&workspace->out,
                   "n%u takes it when what it has applied, up to %" PRIu64
                   ", is durable; so far that is up to %" PRIu64 ".\n",
                   node, status.applied_index, status.raft.durable_index);
}

bool vlot__verbs_snapshot(vlot__workspace *workspace, const vlot__arguments *arguments) {
  uint32_t node = node_of(arguments);
  bool is_later = arguments->values[1].is_given;
  vlot_node_status status = vlot__workspace_status(workspace, node);
  uint64_t index = status.raft.snapshot_index;
  bool was_frozen = find_image(workspace, node).id != 0;
  if (status.state == VLOT_NODE_UP && !is_later && !workspace->is_redoing &&
      status.applied_index <= index)
    return vlot__workspace_fail(workspace, 1,
                                index > 0 ? "its snapshot at %" PRIu64 " is the newest there can "
                                            "be: nothing was applied behind it"
                                          : "nothing was applied yet that one could stand for",
                                index);
  if (!vlot__verbs_result(workspace, 1, vlot_cluster_snapshot(workspace->cluster, node, 0, NULL)))
    return false;
  if (is_later) return true;
  if (!vlot__verbs_fire_newest(workspace, VLOT_PENDING_CLIENT, node,
                               "this node does not take it now"))
    return false;
  tell_delay(workspace, node, index, was_frozen);
  return true;
}

bool vlot__verbs_compact(vlot__workspace *workspace, const vlot__arguments *arguments) {
  uint32_t node = node_of(arguments);
  const vlot__value *index = &arguments->values[1];
  bool is_later = arguments->values[2].is_given;
  vlot_node_status status = vlot__workspace_status(workspace, node);
  bool is_up = status.state == VLOT_NODE_UP && !workspace->is_redoing && !is_later;
  uint64_t most = status.raft.snapshot_index, base = status.raft.base_index;
  if (is_up && most == 0)
    return vlot__workspace_fail(workspace, 1,
                                "it has no snapshot that could stand for what is "
                                "dropped; 'snapshot %u' takes one",
                                node);
  if (is_up && index->is_given && index->number > most)
    return vlot__workspace_fail(workspace, index->word,
                                "expected at most %" PRIu64 ", where its snapshot is", most);
  if (is_up && (index->is_given ? index->number : most) <= base)
    return vlot__workspace_fail(workspace, index->is_given ? index->word : 1,
                                "its log begins behind %" PRIu64 " already", base);
  uint64_t to = index->is_given ? index->number : UINT64_MAX;
  return vlot__verbs_result(workspace, 1,
                            vlot_cluster_compact(workspace->cluster, node, to, 0, NULL)) &&
         (is_later || vlot__verbs_fire_newest(workspace, VLOT_PENDING_CLIENT, node,
                                              "this node does not take it now"));
}

/* --- as a file --- */

bool vlot__verbs_export(vlot__workspace *workspace, const vlot__arguments *arguments) {
  const char *path = arguments->values[1].text;
  uint32_t node = node_of(arguments);
  if (!vlot__workspace_open(workspace)) return false;
  if (*path == '"' || *path == '\'')
    return vlot__workspace_fail(workspace, 2,
                                "a name stands here as it is, without quotes around it");
  if (vlot__workspace_status(workspace, node).raft.snapshot_index == 0)
    return vlot__workspace_fail(workspace, 1, "it has no snapshot yet; 'snapshot %u' takes one",
                                node);
  vlot_result result = vlot_cluster_export(workspace->cluster, node, path);
  if (result != VLOT_OK)
    return vlot__workspace_fail(workspace, result == VLOT_CLOSED ? 1 : 2, "%s",
                                result == VLOT_CLOSED ? "this node is down" : vlot_problem(result));
  vlot_node_status status = vlot__workspace_status(workspace, node);
  vlot__text_add(&workspace->out, "%s: n%u's snapshot at %" PRIu64 "; 'import' begins with it\n",
                 path, node, status.raft.snapshot_index);
  return true;
}

/* A line of history is said again with what was read then, whatever has become of the file. */
static vlot__workspace_import *find_import(vlot__workspace *workspace, const char *path) {
  for (unsigned k = 0; k < workspace->import_count; k++)
    if (strcmp(workspace->imports[k].path, path) == 0) return &workspace->imports[k];
  return NULL;
}

static bool keep_import(vlot__workspace *workspace, const char *path, vlot_snapshot *snapshot) {
  vlot__workspace_import *one = find_import(workspace, path);
  if (!one) {
    if (workspace->import_count == VLOT__WORKSPACE_IMPORTS_MAX) return false;
    one = &workspace->imports[workspace->import_count];
    *one = (vlot__workspace_import){.path = strdup(path)};
    if (!one->path) return false;
    workspace->import_count++;
  }
  vlot_snapshot_release(one->snapshot);
  one->snapshot = snapshot;
  return true;
}

bool vlot__verbs_import(vlot__workspace *workspace, const vlot__arguments *arguments) {
  const char *path = arguments->values[0].text;
  const vlot__workspace_import *known = workspace->is_redoing ? find_import(workspace, path) : NULL;
  vlot_snapshot *snapshot;
  if (known) {
    workspace->options.snapshot = known->snapshot;
    return true;
  }
  if (workspace->start_count > 0)
    return vlot__workspace_fail(workspace, 0, "'start' has said where nodes begin: one of the two");
  vlot_result result = vlot_cluster_import(&snapshot, path, &workspace->options);
  if (result != VLOT_OK) return vlot__workspace_fail(workspace, 1, "%s", vlot_problem(result));
  if (!keep_import(workspace, path, snapshot)) {
    vlot_snapshot_release(snapshot);
    return vlot__workspace_fail(workspace, 1, "at most %d files are kept in memory at once",
                                VLOT__WORKSPACE_IMPORTS_MAX);
  }
  workspace->options.snapshot = snapshot;
  return true;
}
