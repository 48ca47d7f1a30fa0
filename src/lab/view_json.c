/* Views as JSON: one object in one line, whose "view" says which it is. Numbers are decimal, nodes
 * are numbers and 0 is none, texts are those of the view. */
#include <inttypes.h>
#include <string.h>

#include "pattern.h"
#include "screen.h"
#include "view.h"

/* --- pieces --- */

static void put_string(vlot__text *out, const char *text) {
  vlot__text_put(out, "\"", 1);
  for (; text && *text; text++)
    if (*text == '"' || *text == '\\')
      vlot__text_add(out, "\\%c", *text);
    else if ((unsigned char)*text < ' ')
      vlot__text_add(out, "\\u%04x", *text);
    else
      vlot__text_put(out, text, 1);
  vlot__text_put(out, "\"", 1);
}

static void put_key(vlot__text *out, const char *key) {
  char last = out->size > 0 ? out->data[out->size - 1] : '{';
  vlot__text_add(out, "%s\"%s\":", last == '{' ? "" : ",", key);
}

static void put_number(vlot__text *out, const char *key, uint64_t number) {
  put_key(out, key);
  vlot__text_add(out, "%" PRIu64, number);
}

static void put_truth(vlot__text *out, const char *key, bool truth) {
  put_key(out, key);
  vlot__text_add(out, truth ? "true" : "false");
}

static void put_text(vlot__text *out, const char *key, const char *text) {
  put_key(out, key);
  put_string(out, text);
}

static void put_own(vlot__text *out, const char *key, const vlot__text *text) {
  put_text(out, key, text->data);
  out->is_short |= text->is_short;
}

static void open_list(vlot__text *out, const char *key) {
  put_key(out, key);
  vlot__text_add(out, "[");
}

static void open_row(vlot__text *out, size_t k) { vlot__text_add(out, "%s{", k ? "," : ""); }

static void close_row(vlot__text *out) { vlot__text_add(out, "}"); }

static void close_list(vlot__text *out) { vlot__text_add(out, "]"); }

/* --- the cluster --- */

static void put_state(vlot__text *out, const vlot_node_status *status) {
  const vlot_raft_status *raft = &status->raft;
  put_number(out, "node", status->id);
  put_text(out, "role", vlot__screen_role(status));
  put_number(out, "life", status->incarnation);
  put_number(out, "current_term", raft->term);
  put_number(out, "voted_for", raft->vote);
  put_number(out, "last_index", raft->last_index);
  put_number(out, "last_term", raft->last_term);
  put_number(out, "commit_index", raft->commit_index);
  put_number(out, "last_applied", status->applied_index);
  put_number(out, "leader", raft->leader);
  put_number(out, "durable_index", raft->durable_index);
}

static void put_nodes(vlot__text *out, const vlot__view_nodes *view) {
  put_number(out, "tick", view->now);
  put_number(out, "actions", view->actions);
  open_list(out, "nodes");
  for (uint32_t k = 0; k < view->count; k++) {
    open_row(out, k);
    put_state(out, &view->rows[k]);
    close_row(out);
  }
  close_list(out);
}

static void put_status(vlot__text *out, const vlot__view_status *view) {
  put_number(out, "tick", view->now);
  put_number(out, "actions", view->actions);
  put_number(out, "leader", view->leader);
  put_number(out, "term", view->term);
  put_number(out, "committed", view->commits);
}

static void put_snapshot(vlot__text *out, const vlot__view_snapshot *seen) {
  put_number(out, "base_index", seen->base);
  put_number(out, "snapshot_index", seen->index);
  put_number(out, "snapshot_term", seen->term);
  put_number(out, "snapshot_bytes", seen->size);
  put_number(out, "comes_index", seen->comes_index);
  put_number(out, "comes_bytes", seen->comes_size);
  put_number(out, "comes_offset", seen->comes_offset);
  put_truth(out, "is_installing", seen->is_installing);
}

static void put_log(vlot__text *out, const vlot__view_log *view) {
  open_list(out, "logs");
  for (uint32_t k = 0; k < view->count; k++) {
    const vlot__view_log_row *row = &view->rows[k];
    size_t first = view->from > 0 ? (size_t)view->from : 1;
    open_row(out, k);
    put_number(out, "node", row->node);
    put_number(out, "commit_index", row->commit);
    put_number(out, "match_index", row->match);
    put_snapshot(out, &row->snapshot);
    put_number(out, "first", first);
    open_list(out, "terms");
    for (size_t n = first; n <= row->size; n++)
      vlot__text_add(out, "%s%" PRIu64, n > first ? "," : "", row->terms[n - 1]);
    close_list(out);
    close_row(out);
  }
  close_list(out);
}

static void put_disk(vlot__text *out, const vlot__view_disk *disk) {
  put_number(out, "node", disk->node);
  put_truth(out, "is_stalled", disk->is_stalled);
  put_truth(out, "is_full", disk->is_full);
  put_number(out, "delay_ticks_max", disk->delay);
  put_number(out, "fail_at", disk->fail_at);
}

static void put_links(vlot__text *out, const vlot__view_net *view) {
  open_list(out, "links");
  for (size_t k = 0; k < view->link_count; k++) {
    const vlot__view_link *one = &view->links[k];
    open_row(out, k);
    put_number(out, "from", one->from);
    put_number(out, "to", one->to);
    put_truth(out, "is_cut", one->link.is_cut);
    put_number(out, "loss_ppm", one->link.loss);
    put_number(out, "duplicate_ppm", one->link.duplicate);
    put_number(out, "reorder_ppm", one->link.reorder);
    put_number(out, "delay_ticks_min", one->link.delay_ticks_min);
    put_number(out, "delay_ticks_max", one->link.delay_ticks_max);
    close_row(out);
  }
  close_list(out);
}

static void put_pending(vlot__text *out, const vlot_pending *one) {
  char id[24], text[128] = "";
  vlot_pending_name(one->id, id, sizeof id);
  if (one->message_kind != 0 || one->mail.kind != 0 || one->kind == VLOT_PENDING_IMAGE)
    vlot__pattern_message(one, text, sizeof text);
  put_text(out, "id", id);
  put_text(out, "kind", vlot__pattern_kind(one));
  put_number(out, "from", one->from);
  put_number(out, "to", one->node);
  put_number(out, "due", one->due);
  put_truth(out, "is_held", one->is_held);
  put_text(out, "says", text);
}

static void put_net(vlot__text *out, const vlot__view_net *view) {
  put_number(out, "tick", view->now);
  put_links(out, view);
  open_list(out, "disks");
  for (size_t k = 0; k < view->disk_count; k++) {
    open_row(out, k);
    put_disk(out, &view->disks[k]);
    close_row(out);
  }
  close_list(out);
  open_list(out, "clocks");
  for (size_t k = 0; k < view->clock_count; k++) {
    open_row(out, k);
    put_number(out, "node", view->clocks[k].node);
    put_number(out, "permille", view->clocks[k].permille);
    close_row(out);
  }
  close_list(out);
  open_list(out, "under_way");
  for (size_t k = 0; k < view->pending_count; k++) {
    open_row(out, k);
    put_pending(out, &view->pending[k]);
    close_row(out);
  }
  close_list(out);
}

static void put_timer(vlot__text *out, const vlot__view_timer *timer) {
  put_number(out, "node", timer->node);
  put_number(out, "ticks", timer->left);
  put_text(out, "timer", vlot_due_text(timer->due_for));
  put_truth(out, "is_held", timer->is_held);
}

static void put_timers(vlot__text *out, const vlot__view_timers *view) {
  open_list(out, "timers");
  for (size_t k = 0; k < view->count; k++) {
    open_row(out, k);
    put_timer(out, &view->rows[k]);
    close_row(out);
  }
  close_list(out);
}

/* --- what has happened --- */

static void put_events(vlot__text *out, const vlot__view_events *view) {
  char sentence[512];
  open_list(out, "events");
  for (size_t k = 0; k < view->count; k++) {
    const vlot_event *event = &view->rows[k];
    vlot_event_text(event, sentence, sizeof sentence);
    open_row(out, k);
    put_number(out, "tick", event->tick);
    put_number(out, "action", event->action);
    put_text(out, "kind", vlot_event_kind_name((vlot_event_kind)event->kind));
    put_text(out, "text", sentence);
    close_row(out);
  }
  close_list(out);
}

static void put_check(vlot__text *out, const vlot__view_check *view) {
  put_text(out, "violation", view->violation);
  open_list(out, "machines");
  for (uint32_t k = 0; k < view->count; k++) {
    open_row(out, k);
    put_number(out, "node", view->rows[k].node);
    put_number(out, "applied", view->rows[k].applied);
    put_key(out, "hash");
    vlot__text_add(out, "\"%016" PRIx64 "\"", view->rows[k].hash);
    close_row(out);
  }
  close_list(out);
}

static void put_lints(vlot__text *out, const vlot__view_lints *view) {
  char sentence[512];
  open_list(out, "lints");
  for (size_t k = 0; k < view->count; k++) {
    vlot_lint_text(&view->rows[k], sentence, sizeof sentence);
    if (k > 0) vlot__text_add(out, ",");
    put_string(out, sentence);
  }
  close_list(out);
}

/* Ticks that are not known, or never come, are not said. */
static void put_wait(vlot__text *out, const vlot_wait *wait) {
  put_text(out, "kind", vlot_wait_kind_name(wait->kind));
  put_number(out, "node", wait->node);
  put_number(out, "peer", wait->peer);
  put_truth(out, "is_held", wait->is_held);
  put_number(out, "have", wait->have);
  put_number(out, "need", wait->need);
  put_number(out, "id", wait->id);
  put_number(out, "index", wait->index);
  if (wait->since != VLOT_NEVER) put_number(out, "since", wait->since);
  if (wait->until != VLOT_NEVER) put_number(out, "until", wait->until);
  put_number(out, "line", wait->reason);
}

static void put_why(vlot__text *out, const vlot__view_why *view) {
  open_list(out, "lines");
  for (size_t k = 0; k < view->told->reason_count; k++) {
    const vlot_reason *reason = &view->told->reasons[k];
    open_row(out, k);
    put_text(out, "kind", vlot_reason_kind_name(reason->kind));
    put_number(out, "node", reason->node);
    put_number(out, "tick", reason->tick);
    put_text(out, "text", reason->text);
    close_row(out);
  }
  close_list(out);
  open_list(out, "waits");
  for (size_t k = 0; k < view->told->wait_count; k++) {
    open_row(out, k);
    put_wait(out, &view->told->waits[k]);
    close_row(out);
  }
  close_list(out);
}

static void put_branches(vlot__text *out, const vlot__view_branches *view) {
  open_list(out, "branches");
  for (size_t k = 0; k < view->count; k++) {
    const vlot__view_branch *branch = &view->rows[k];
    open_row(out, k);
    put_text(out, "name", branch->name);
    put_text(out, "parent", branch->parent);
    put_number(out, "parts_at", branch->parts_at);
    put_number(out, "end", branch->end);
    put_truth(out, "is_present", branch->is_present);
    close_row(out);
  }
  close_list(out);
}

static void put_history(vlot__text *out, const vlot__view_history *view) {
  open_list(out, "said");
  for (size_t k = 0; k < view->count; k++) {
    open_row(out, k);
    put_number(out, "action", view->rows[k].action);
    put_number(out, "tick", view->rows[k].tick);
    put_truth(out, "is_undone", view->rows[k].is_undone);
    put_truth(out, "only_looked", view->rows[k].is_look);
    put_own(out, "text", &view->rows[k].text);
    close_row(out);
  }
  close_list(out);
}

/* --- inside a node --- */

static void put_entry(vlot__text *out, const vlot__view_entry *entry) {
  put_number(out, "index", entry->index);
  put_number(out, "term", entry->term);
  if (!entry->is_known) return;
  put_number(out, "size", entry->size);
  put_own(out, "text", &entry->text);
}

static void put_rows(vlot__text *out, const char *key, const vlot__view_entry *rows, size_t count) {
  open_list(out, key);
  for (size_t k = 0; k < count; k++) {
    open_row(out, k);
    put_entry(out, &rows[k]);
    close_row(out);
  }
  close_list(out);
}

static void put_entries(vlot__text *out, const vlot__view_entries *view) {
  put_state(out, &view->status);
  put_number(out, "first_index", view->first);
  put_snapshot(out, &view->snapshot);
  put_rows(out, "log", view->rows, view->count);
}

static void put_peers(vlot__text *out, const vlot__view_node *view) {
  open_list(out, "peers");
  for (size_t k = 0; k < view->peer_count; k++) {
    const vlot_progress *peer = &view->peers[k];
    open_row(out, k);
    put_number(out, "node", peer->id);
    put_number(out, "next_index", peer->next_index);
    put_number(out, "match_index", peer->match_index);
    put_text(out, "state",
             peer->state == VLOT_PROGRESS_SNAPSHOT ? "snapshot"
             : peer->state == VLOT_PROGRESS_PROBE  ? "probe"
                                                   : "replicate");
    put_number(out, "snapshot_index", peer->snapshot_index);
    put_number(out, "snapshot_bytes", peer->snapshot_size);
    put_number(out, "snapshot_acked", peer->snapshot_acked);
    put_number(out, "in_flight_messages", peer->inflight_messages);
    put_number(out, "in_flight_bytes", peer->inflight_bytes);
    put_truth(out, "is_heard", peer->is_active);
    close_row(out);
  }
  close_list(out);
}

static void put_node(vlot__text *out, const vlot__view_node *view) {
  const vlot_raft_status *raft = &view->log.status.raft;
  put_entries(out, &view->log);
  put_peers(out, view);
  if (view->has_timer) {
    put_key(out, "timer");
    vlot__text_add(out, "{");
    put_timer(out, &view->timer);
    close_row(out);
  }
  if (view->has_disk) {
    put_key(out, "disk");
    vlot__text_add(out, "{");
    put_disk(out, &view->disk);
    close_row(out);
  }
  put_number(out, "durable_term", raft->durable_term);
  put_number(out, "election_ticks", raft->election_ticks);
  put_number(out, "election_elapsed", raft->election_elapsed);
  put_number(out, "votes_granted", raft->votes_granted);
  put_number(out, "quorum", raft->quorum);
  put_number(out, "writes", view->writes);
  put_number(out, "held_messages", raft->held_messages);
  put_number(out, "mail", view->mail);
  put_number(out, "waiting", view->log.status.waiting);
  put_number(out, "pending_reads", raft->pending_reads);
  put_number(out, "clock_permille", view->log.status.clock_permille);
  if (view->has_machine) put_number(out, "keys", view->keys);
}

static void put_diff(vlot__text *out, const vlot__view_diff *view) {
  open_list(out, "nodes");
  for (size_t side = 0; side < 2; side++) {
    open_row(out, side);
    put_state(out, &view->status[side]);
    put_rows(out, "behind", view->rows[side], view->count);
    close_row(out);
  }
  close_list(out);
  put_number(out, "compared_from", view->first);
  put_number(out, "same_up_to", view->same);
}

static void put_kv(vlot__text *out, const vlot__view_kv *view) {
  put_number(out, "node", view->node);
  put_number(out, "last_applied", view->applied);
  open_list(out, "pairs");
  for (size_t k = 0; k < view->count; k++) {
    open_row(out, k);
    put_own(out, "key", &view->rows[k].key);
    put_own(out, "value", &view->rows[k].value);
    put_number(out, "size", view->rows[k].value_size);
    close_row(out);
  }
  close_list(out);
}

/* --- all of them --- */

static const char *const names[VLOT__VIEW_KINDS] = {
    [VLOT__VIEW_OF_NODES] = "nodes",     [VLOT__VIEW_OF_STATUS] = "status",
    [VLOT__VIEW_OF_LOG] = "log",         [VLOT__VIEW_OF_NET] = "net",
    [VLOT__VIEW_OF_TIMERS] = "timers",   [VLOT__VIEW_OF_EVENTS] = "events",
    [VLOT__VIEW_OF_CHECK] = "check",     [VLOT__VIEW_OF_LINTS] = "lints",
    [VLOT__VIEW_OF_WHY] = "why",         [VLOT__VIEW_OF_BRANCHES] = "branches",
    [VLOT__VIEW_OF_NODE] = "node",       [VLOT__VIEW_OF_ENTRIES] = "entries",
    [VLOT__VIEW_OF_DIFF] = "diff",       [VLOT__VIEW_OF_KV] = "kv",
    [VLOT__VIEW_OF_HISTORY] = "history",
};

static void put_fields(vlot__text *out, const vlot__view *view) {
  switch (view->kind) {
  case VLOT__VIEW_OF_NODES: put_nodes(out, &view->as.nodes); break;
  case VLOT__VIEW_OF_STATUS: put_status(out, &view->as.status); break;
  case VLOT__VIEW_OF_LOG: put_log(out, &view->as.log); break;
  case VLOT__VIEW_OF_NET: put_net(out, &view->as.net); break;
  case VLOT__VIEW_OF_TIMERS: put_timers(out, &view->as.timers); break;
  case VLOT__VIEW_OF_EVENTS: put_events(out, &view->as.events); break;
  case VLOT__VIEW_OF_CHECK: put_check(out, &view->as.check); break;
  case VLOT__VIEW_OF_LINTS: put_lints(out, &view->as.lints); break;
  case VLOT__VIEW_OF_WHY: put_why(out, &view->as.why); break;
  case VLOT__VIEW_OF_BRANCHES: put_branches(out, &view->as.branches); break;
  case VLOT__VIEW_OF_NODE: put_node(out, &view->as.node); break;
  case VLOT__VIEW_OF_ENTRIES: put_entries(out, &view->as.entries); break;
  case VLOT__VIEW_OF_DIFF: put_diff(out, &view->as.diff); break;
  case VLOT__VIEW_OF_KV: put_kv(out, &view->as.kv); break;
  case VLOT__VIEW_OF_HISTORY: put_history(out, &view->as.history); break;
  case VLOT__VIEW_KINDS: break;
  }
}

void vlot__view_json(vlot__text *out, const vlot__view *view) {
  vlot__text_add(out, "{");
  put_text(out, "view", names[view->kind]);
  put_fields(out, view);
  vlot__text_add(out, "}\n");
}
