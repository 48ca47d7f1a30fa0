/* Views of what is inside a node: its core, its log's entries, its machine. */
#include <stdlib.h>
#include <string.h>

#include "pattern.h"
#include "view.h"
#include "workspace.h"

enum { SHOWN_BYTES = 60, SHOWN_ENTRIES = 8 };

/* How long a character of UTF-8 that can be seen is; 0: it is none, or is cut. */
static size_t seen_size(const unsigned char *at, size_t size) {
  size_t wanted = at[0] >= 0xf0 && at[0] < 0xf5   ? 4
                  : at[0] >= 0xe0 && at[0] < 0xf0 ? 3
                  : at[0] >= 0xc2 && at[0] < 0xe0 ? 2
                                                  : 0;
  if (wanted > size || (at[0] == 0xc2 && size > 1 && at[1] < 0xa1)) return 0;
  for (size_t k = 1; k < wanted; k++)
    if ((at[k] & 0xc0) != 0x80) return 0;
  return memcmp(at, VLOT__BYTE_ORDER_MARK, wanted) == 0 ? 0 : wanted;
}

void vlot__view_escape(vlot__text *out, const void *bytes, size_t size, size_t most) {
  const unsigned char *at = bytes;
  for (size_t k = 0, more; k < size && k < most; k += more) {
    size_t seen = seen_size(at + k, size - k);
    more = seen > 0 ? seen : 1;
    if (seen > 0 || (at[k] >= ' ' && at[k] < 0x7f && at[k] != '\\'))
      vlot__text_put(out, (const char *)&at[k], more);
    else if (at[k] == '\\')
      vlot__text_put(out, "\\\\", 2);
    else
      vlot__text_add(out, "\\x%02x", at[k]);
  }
  if (size > most) vlot__text_add(out, "...");
}

/* --- entries --- */

static bool is_key_value(const vlot__workspace *workspace) {
  const vlot_machine *machine = workspace->options.machine;
  return !machine || machine->apply == vlot_kv_machine()->apply;
}

/* An empty one must be seen, and where it ends. */
static void say_word(vlot__text *out, const void *bytes, size_t size) {
  const char *at = bytes;
  vlot__text_add(out, size == 0 ? " \"\"" : " ");
  while (size > 0) {
    size_t run = 0;
    while (run < size && at[run] != ' ') run++;
    vlot__view_escape(out, at, run, SHOWN_BYTES);
    if (run < size) vlot__text_add(out, "\\x20");
    at += run + (run < size);
    size -= run + (run < size);
  }
}

static void say_value(vlot__text *out, const void *bytes, size_t size) {
  vlot__text_add(out, size == 0 ? " \"\"" : " ");
  vlot__view_escape(out, bytes, size, SHOWN_BYTES);
}

/* As `set`, `del` … are said at the prompt. */
static bool say_command(vlot__text *out, const vlot_entry *entry) {
  static const char *const names[] = {[VLOT_KV_GET] = "get",
                                      [VLOT_KV_SET] = "set",
                                      [VLOT_KV_DELETE] = "del",
                                      [VLOT_KV_CAS] = "cas",
                                      [VLOT_KV_INCREMENT] = "incr"};
  vlot_kv_command kv;
  if (vlot_kv_decode(entry->data, entry->size, &kv) != VLOT_OK) return false;
  vlot__text_add(out, "%s", names[kv.operation]);
  say_word(out, kv.key, kv.key_size);
  if (kv.operation == VLOT_KV_CAS && !kv.expected)
    vlot__text_add(out, " (absent)");
  else if (kv.operation == VLOT_KV_CAS)
    say_word(out, kv.expected, kv.expected_size);
  if (kv.operation == VLOT_KV_SET || kv.operation == VLOT_KV_CAS)
    say_value(out, kv.value, kv.value_size);
  if (kv.operation == VLOT_KV_INCREMENT) vlot__text_add(out, " %lld", (long long)kv.amount);
  return true;
}

static void read_entry(vlot__view_entry *row, const vlot_entry *entry, bool has_key_values) {
  row->is_known = true;
  row->kind = entry->kind;
  row->size = entry->size;
  if (entry->kind == VLOT_ENTRY_NOOP)
    vlot__text_add(&row->text, "no-op");
  else if (entry->kind != VLOT_ENTRY_COMMAND)
    vlot__text_add(&row->text, "kind %u", entry->kind);
  else if (!has_key_values || !say_command(&row->text, entry))
    vlot__view_escape(&row->text, entry->data, entry->size, SHOWN_BYTES);
}

/* One node's word for rows whose content is not known yet. */
typedef struct reading {
  vlot__view_entry *rows;
  size_t count;
  bool has_key_values;
  bool is_its_own; /* what its log says counts; else only where index and term are the same */
} reading;

static void read_log(void *context, const vlot_raft *raft, void *machine) {
  reading *what = context;
  (void)machine;
  for (size_t k = 0; k < what->count; k++) {
    vlot__view_entry *row = &what->rows[k];
    vlot_entry entry;
    uint64_t term;
    if (row->is_known || vlot_raft_get_entry(raft, row->index, &term, &entry) != VLOT_OK) continue;
    if (what->is_its_own) row->term = term;
    if (row->term == term) read_entry(row, &entry, what->has_key_values);
  }
}

/* The rows have their indexes: what stands there in a node's log. */
static void read_rows(vlot__workspace *workspace, uint32_t node, vlot__view_entry *rows,
                      size_t count) {
  const vlot__workspace_log *log = &workspace->logs[node];
  reading what = {
      .rows = rows, .count = count, .has_key_values = is_key_value(workspace), .is_its_own = true};
  for (size_t k = 0; k < count; k++)
    if (rows[k].index <= log->size) rows[k].term = log->terms[rows[k].index - 1];
  if (vlot_cluster_look(workspace->cluster, node, read_log, &what) == VLOT_OK) return;
  what.is_its_own = false;
  for (uint32_t id = 1; id <= workspace->options.nodes; id++)
    (void)vlot_cluster_look(workspace->cluster, id, read_log, &what);
}

bool vlot__view_look_entries(vlot__view_entries *view, vlot__workspace *workspace, uint32_t node,
                             uint64_t from, size_t most) {
  vlot_node_status status = vlot__workspace_status(workspace, node);
  *view = (vlot__view_entries){.status = status,
                               .first = status.raft.base_index + 1,
                               .last = status.raft.last_index,
                               .snapshot = vlot__view_look_snapshot(workspace, node)};
  if (from == 0) from = view->last >= most ? view->last - most + 1 : 1;
  if (from < view->first) from = view->first;
  uint64_t count = from <= view->last ? view->last - from + 1 : 0;
  if (count > most) count = most;
  view->rows = calloc((size_t)count + 1, sizeof *view->rows);
  if (!view->rows) return false;
  view->count = (size_t)count;
  for (size_t k = 0; k < view->count; k++) view->rows[k].index = from + k;
  read_rows(workspace, node, view->rows, view->count);
  return true;
}

/* --- a node --- */

typedef struct inside {
  vlot__view_node *view;
  uint32_t nodes;
  bool has_key_values;
} inside;

static void look_inside(void *context, const vlot_raft *raft, void *machine) {
  const inside *what = context;
  vlot__view_node *view = what->view;
  for (uint32_t id = 1; id <= what->nodes; id++)
    if (vlot_raft_get_progress(raft, id, &view->peers[view->peer_count]) == VLOT_OK)
      view->peer_count++;
  view->has_machine = what->has_key_values;
  if (what->has_key_values) view->keys = vlot_kv_count(machine);
}

static void look_pending(vlot__view_node *view, vlot__workspace *workspace, uint32_t node) {
  size_t count;
  uint64_t now = vlot_cluster_now(workspace->cluster);
  vlot_pending *pending = vlot__pattern_pending(workspace, &count);
  for (size_t k = 0; k < count; k++) {
    const vlot_pending *one = &pending[k];
    if (one->node != node) continue;
    view->writes += one->kind == VLOT_PENDING_WRITE;
    view->mail += one->kind == VLOT_PENDING_MESSAGE || one->kind == VLOT_PENDING_CLIENT;
    if (one->kind != VLOT_PENDING_TIMER) continue;
    view->has_timer = true;
    view->timer = (vlot__view_timer){.node = node,
                                     .left = one->due > now ? one->due - now : 0,
                                     .due_for = one->due_for,
                                     .is_held = one->is_held};
  }
  free(pending);
}

static void look_disk(vlot__view_node *view, vlot__workspace *workspace, uint32_t node) {
  vlot__view_net net;
  if (!vlot__view_look_net(&net, workspace)) return;
  for (size_t k = 0; k < net.disk_count; k++)
    if (net.disks[k].node == node) {
      view->disk = net.disks[k];
      view->has_disk = true;
    }
  vlot__view all = {.kind = VLOT__VIEW_OF_NET, .as.net = net};
  vlot__view_deinit(&all);
}

bool vlot__view_look_node(vlot__view_node *view, vlot__workspace *workspace, uint32_t node) {
  inside what = {
      .view = view, .nodes = workspace->options.nodes, .has_key_values = is_key_value(workspace)};
  *view = (vlot__view_node){.has_timer = false};
  if (!vlot__view_look_entries(&view->log, workspace, node, 0, SHOWN_ENTRIES)) return false;
  view->peers = calloc(what.nodes + 1u, sizeof *view->peers);
  if (!view->peers) {
    vlot__view whole = {.kind = VLOT__VIEW_OF_NODE, .as.node = *view};
    vlot__view_deinit(&whole);
    *view = whole.as.node;
    return false;
  }
  if (!workspace->journal) {
    view->window_messages = workspace->options.raft.window_messages_max;
    view->window_bytes = workspace->options.raft.window_bytes_max;
  }
  (void)vlot_cluster_look(workspace->cluster, node, look_inside, &what); /* down: it has none */
  look_pending(view, workspace, node);
  look_disk(view, workspace, node);
  return true;
}

/* --- two nodes --- */

static uint64_t agree_up_to(vlot__workspace *workspace, uint32_t a, uint32_t b, uint64_t first,
                            uint64_t last) {
  enum { AT_ONCE = 256 };
  vlot__view_entry left[AT_ONCE], right[AT_ONCE];
  for (uint64_t from = first; from <= last; from += AT_ONCE) {
    size_t count = last - from + 1 < AT_ONCE ? (size_t)(last - from + 1) : AT_ONCE, same = 0;
    memset(left, 0, sizeof left);
    memset(right, 0, sizeof right);
    for (size_t k = 0; k < count; k++) left[k].index = right[k].index = from + k;
    read_rows(workspace, a, left, count);
    read_rows(workspace, b, right, count);
    /* where either is not known both are taken to be the same, as Raft promises of what is before
     * an entry that is */
    while (same < count &&
           (left[same].term == right[same].term || !left[same].term || !right[same].term))
      same++;
    for (size_t k = 0; k < count; k++) {
      vlot__text_deinit(&left[k].text);
      vlot__text_deinit(&right[k].text);
    }
    if (same < count) return from + same - 1;
  }
  return last < first ? first - 1 : last;
}

bool vlot__view_look_diff(vlot__view_diff *view, vlot__workspace *workspace, uint32_t a,
                          uint32_t b) {
  *view = (vlot__view_diff){
      .status = {vlot__workspace_status(workspace, a), vlot__workspace_status(workspace, b)}};
  const vlot_raft_status *left = &view->status[0].raft, *right = &view->status[1].raft;
  uint64_t base = left->base_index > right->base_index ? left->base_index : right->base_index;
  uint64_t common = left->last_index < right->last_index ? left->last_index : right->last_index;
  uint64_t end = left->last_index > right->last_index ? left->last_index : right->last_index;
  view->first = base + 1;
  view->same = agree_up_to(workspace, a, b, view->first, common);
  uint64_t behind = end > view->same ? end - view->same : 0;
  view->count = behind < SHOWN_ENTRIES ? (size_t)behind : SHOWN_ENTRIES;
  view->more = behind - view->count;
  for (int side = 0; side < 2; side++) {
    view->rows[side] = calloc(view->count + 1, sizeof *view->rows[side]);
    if (!view->rows[side]) {
      free(view->rows[0]);
      *view = (vlot__view_diff){.count = 0};
      return false;
    }
  }
  for (int side = 0; side < 2; side++) {
    uint64_t last = view->status[side].raft.last_index, known = last - view->same;
    for (size_t k = 0; k < view->count; k++) view->rows[side][k].index = view->same + 1 + k;
    if (last <= view->same) continue;
    read_rows(workspace, side ? b : a, view->rows[side],
              known < view->count ? (size_t)known : view->count);
  }
  return true;
}

/* --- the key-value machine --- */

typedef struct gathering {
  vlot__view_kv *view;
  size_t room;
  bool is_short;
} gathering;

static void gather(void *context, const void *key, size_t key_size, const void *value,
                   size_t value_size) {
  gathering *what = context;
  vlot__view_kv *view = what->view;
  if (view->count == what->room) {
    size_t larger = what->room ? 2 * what->room : 64;
    vlot__view_pair *rows = realloc(view->rows, larger * sizeof *rows);
    what->is_short |= !rows;
    if (!rows) return;
    view->rows = rows;
    what->room = larger;
  }
  char *raw = malloc(key_size + 1);
  what->is_short |= !raw;
  if (!raw) return;
  memcpy(raw, key, key_size);
  vlot__view_pair *row = &view->rows[view->count++];
  *row = (vlot__view_pair){.value_size = value_size, .raw = raw, .raw_size = key_size};
  vlot__view_escape(&row->key, key, key_size, SHOWN_BYTES);
  vlot__view_escape(&row->value, value, value_size, SHOWN_BYTES);
}

static int by_key(const void *left, const void *right) {
  const vlot__view_pair *a = left, *b = right;
  int order = memcmp(a->raw, b->raw, a->raw_size < b->raw_size ? a->raw_size : b->raw_size);
  return order ? order : (a->raw_size > b->raw_size) - (a->raw_size < b->raw_size);
}

static void look_kv(void *context, const vlot_raft *raft, void *machine) {
  (void)raft;
  vlot_kv_each(machine, gather, context);
}

bool vlot__view_look_kv(vlot__view_kv *view, vlot__workspace *workspace, uint32_t node,
                        const char **why) {
  gathering what = {.view = view};
  *why = NULL;
  *view = (vlot__view_kv){.node = node,
                          .applied = vlot__workspace_status(workspace, node).applied_index};
  if (!is_key_value(workspace)) {
    *why = "this cluster has another machine than the key-value one";
    return false;
  }
  vlot_result result = vlot_cluster_look(workspace->cluster, node, look_kv, &what);
  if (result != VLOT_OK)
    *why =
        result == VLOT_CLOSED ? "this node is down: it has no machine" : vlot_result_text(result);
  if (result == VLOT_OK && view->count > 0)
    qsort(view->rows, view->count, sizeof *view->rows, by_key);
  if (!*why && !what.is_short) return true;
  vlot__view whole = {.kind = VLOT__VIEW_OF_KV, .as.kv = *view};
  vlot__view_deinit(&whole);
  return false;
}

/* --- and gone --- */

static void free_rows(vlot__view_entry *rows, size_t count) {
  for (size_t k = 0; rows && k < count; k++) vlot__text_deinit(&rows[k].text);
  free(rows);
}

static void free_pairs(vlot__view_kv *view) {
  for (size_t k = 0; k < view->count; k++) {
    vlot__text_deinit(&view->rows[k].key);
    vlot__text_deinit(&view->rows[k].value);
    free(view->rows[k].raw);
  }
  free(view->rows);
}

void vlot__view_node_free(vlot__view *view) {
  switch (view->kind) {
  case VLOT__VIEW_OF_NODE:
    free_rows(view->as.node.log.rows, view->as.node.log.count);
    free(view->as.node.peers);
    break;
  case VLOT__VIEW_OF_ENTRIES: free_rows(view->as.entries.rows, view->as.entries.count); break;
  case VLOT__VIEW_OF_DIFF:
    free_rows(view->as.diff.rows[0], view->as.diff.count);
    free_rows(view->as.diff.rows[1], view->as.diff.count);
    break;
  case VLOT__VIEW_OF_KV: free_pairs(&view->as.kv); break;
  case VLOT__VIEW_OF_HISTORY:
    for (size_t k = 0; k < view->as.history.count; k++)
      vlot__text_deinit(&view->as.history.rows[k].text);
    free(view->as.history.rows);
    break;
  default: break;
  }
}
