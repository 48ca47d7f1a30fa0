/* Views of what is inside a node, as text. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "screen.h"
#include "view.h"

static const char *plural(uint64_t count) { return count == 1 ? "" : "s"; }

static const char *name_of(uint32_t node, char out[16]) {
  snprintf(out, 16, node ? "n%u" : "-", node);
  return out;
}

static const char *text_of(const vlot__text *text) { return text->data ? text->data : ""; }

/* --- entries --- */

/* How far an entry has come at this node. */
static const char *state_of(const vlot_node_status *status, uint64_t index) {
  if (status->state == VLOT_NODE_DOWN)
    return index <= status->raft.durable_index ? "on disk" : "lost?";
  if (index <= status->applied_index) return "applied";
  if (index <= status->raft.commit_index) return "committed";
  return index <= status->raft.durable_index ? "durable" : "in memory";
}

static void put_entry(vlot__text *out, const vlot_node_status *status,
                      const vlot__view_entry *entry) {
  char term[24] = "?";
  if (entry->term) snprintf(term, sizeof term, "%" PRIu64, entry->term);
  vlot__text_add(out, "  %5" PRIu64 "  %4s  %-9s  %s\n", entry->index, term,
                 state_of(status, entry->index),
                 entry->is_known ? text_of(&entry->text) : "(its node is down, or has let it go)");
  out->is_short |= entry->text.is_short;
}

static void put_front(vlot__text *out, const vlot__view_snapshot *seen) {
  if (seen->index == 0 && seen->base == 0) return;
  vlot__text_add(out, "  snapshot ");
  vlot__view_say_snapshot(out, seen);
  vlot__text_add(out, "\n");
}

static void put_entries(vlot__text *out, const vlot__view_entries *view) {
  const vlot_raft_status *raft = &view->status.raft;
  if (view->last < view->first) {
    vlot__text_add(out, "  n%u: the log is empty", view->status.id);
    if (view->first > 1) vlot__text_add(out, " behind entry %" PRIu64, view->first - 1);
    vlot__text_add(out, "\n");
    put_front(out, &view->snapshot);
    return;
  }
  vlot__text_add(out, "  n%u: entries %" PRIu64 " to %" PRIu64, view->status.id, view->first,
                 view->last);
  if (view->status.state != VLOT_NODE_DOWN)
    vlot__text_add(out, ", commit %" PRIu64 ", applied %" PRIu64 ", durable %" PRIu64,
                   raft->commit_index, view->status.applied_index, raft->durable_index);
  vlot__text_add(out, "\n");
  put_front(out, &view->snapshot);
  if (view->count > 0) vlot__text_add(out, "  index  term  is         what\n");
  for (size_t k = 0; k < view->count; k++) put_entry(out, &view->status, &view->rows[k]);
}

/* --- a node: the paper's Figure 2, section by section --- */

/* What has come of a leader's, and what it waits for. */
static void put_coming(vlot__text *out, const vlot__view_snapshot *seen) {
  if (seen->comes_index == 0) return;
  vlot__text_add(out,
                 "    comes         snapshot at %" PRIu64 ": %" PRIu64 " of %" PRIu64 " bytes%s\n",
                 seen->comes_index, seen->comes_offset, seen->comes_size,
                 seen->is_installing ? ", being installed" : "");
}

static void put_log(vlot__text *out, const vlot__view_entries *log) {
  if (log->snapshot.index > 0 || log->snapshot.base > 0) {
    vlot__text_add(out, "    snapshot      ");
    vlot__view_say_snapshot(out, &log->snapshot);
    vlot__text_add(out, "\n");
  }
  if (log->last < log->first) {
    vlot__text_add(out, "    log[]         empty\n");
    return;
  }
  vlot__text_add(out,
                 "    log[]         %" PRIu64 " to %" PRIu64 ", the last of term %" PRIu64 "\n",
                 log->first, log->last, log->status.raft.last_term);
  for (size_t k = 0; k < log->count; k++) put_entry(out, &log->status, &log->rows[k]);
}

static void put_peer(vlot__text *out, const vlot__view_node *view, const vlot_progress *peer) {
  vlot__text_add(out, "    n%-3u  %11" PRIu64 "  %12" PRIu64 "  %-9s  %-5s  %u", peer->id,
                 peer->next_index, peer->match_index,
                 peer->state == VLOT_PROGRESS_SNAPSHOT ? "snapshot"
                 : peer->state == VLOT_PROGRESS_PROBE  ? "probe"
                                                       : "replicate",
                 peer->is_active ? "yes" : "no", peer->inflight_messages);
  if (view->window_messages) vlot__text_add(out, " of %" PRIu64, view->window_messages);
  vlot__text_add(out, ", %" PRIu64 " byte%s", peer->inflight_bytes, plural(peer->inflight_bytes));
  if (peer->state == VLOT_PROGRESS_SNAPSHOT)
    vlot__text_add(out, ", snapshot at %" PRIu64 ": has %" PRIu64 " of %" PRIu64 " bytes",
                   peer->snapshot_index, peer->snapshot_acked, peer->snapshot_size);
  if (peer->why != VLOT_WHY_NONE) vlot__text_add(out, ": %s", vlot_why_text(peer->why));
  vlot__text_add(out, "\n");
}

static void put_leader(vlot__text *out, const vlot__view_node *view) {
  bool leads =
      view->log.status.state != VLOT_NODE_DOWN && view->log.status.raft.role == VLOT_ROLE_LEADER;
  vlot__text_add(out, "  volatile, on leaders\n");
  if (!leads)
    vlot__text_add(out, "    nextIndex[], matchIndex[]  none: it does not lead\n");
  else if (view->peer_count == 0)
    vlot__text_add(out, "    nextIndex[], matchIndex[]  none: it is alone\n");
  else
    vlot__text_add(out,
                   "    peer  nextIndex[]  matchIndex[]  state      heard  messages in flight\n");
  for (size_t k = 0; leads && k < view->peer_count; k++) put_peer(out, view, &view->peers[k]);
}

static void put_timer(vlot__text *out, const vlot__view_node *view) {
  const vlot_raft_status *raft = &view->log.status.raft;
  if (!view->has_timer)
    vlot__text_add(out, "    timer         none");
  else
    vlot__text_add(out, "    timer         %s in %" PRIu64 " tick%s%s",
                   vlot_due_text(view->timer.due_for), view->timer.left, plural(view->timer.left),
                   view->timer.is_held ? ", held" : "");
  vlot__text_add(out, "\n    timeout       %u ticks were drawn, %u are gone; clock %u/1000\n",
                 raft->election_ticks, raft->election_elapsed, view->log.status.clock_permille);
}

static void put_disk(vlot__text *out, const vlot__view_node *view) {
  const vlot__view_disk *disk = &view->disk;
  vlot__text_add(out, "    disk          %zu write%s under way", view->writes,
                 plural(view->writes));
  if (!view->has_disk) vlot__text_add(out, ", well");
  if (view->has_disk && disk->is_stalled) vlot__text_add(out, ", stalled");
  if (view->has_disk && disk->is_full) vlot__text_add(out, ", full");
  if (view->has_disk && disk->delay)
    vlot__text_add(out, ", delay up to %" PRIu64 " ticks", disk->delay);
  if (view->has_disk && disk->fail_at)
    vlot__text_add(out, ", told to fail write %" PRIu64, disk->fail_at);
  vlot__text_add(out, "\n");
}

static void put_role(vlot__text *out, const vlot__view_node *view) {
  const vlot_node_status *status = &view->log.status;
  const vlot_raft_status *raft = &status->raft;
  char leader[16];
  vlot__text_add(out, "    role          %s", vlot__screen_role(status));
  if (raft->role == VLOT_ROLE_CANDIDATE || raft->role == VLOT_ROLE_PRE_CANDIDATE)
    vlot__text_add(out, ", %u of the %u votes it needs", raft->votes_granted, raft->quorum);
  if (raft->lacks_quorum) vlot__text_add(out, ", without an answer of a quorum");
  if (raft->is_fenced) vlot__text_add(out, ": %s", vlot_why_text(raft->fenced_why));
  vlot__text_add(out, "\n    leader known  %s\n", name_of(raft->leader, leader));
}

static void put_ours(vlot__text *out, const vlot__view_node *view) {
  const vlot_node_status *status = &view->log.status;
  const vlot_raft_status *raft = &status->raft;
  vlot__text_add(out, "  beside Figure 2\n");
  put_role(out, view);
  put_timer(out, view);
  vlot__text_add(out, "    durable       log up to %" PRIu64 ", term %" PRIu64 "\n",
                 raft->durable_index, raft->durable_term);
  put_disk(out, view);
  put_coming(out, &view->log.snapshot);
  vlot__text_add(out, "    held          %u message%s until the disk has what they promise\n",
                 raft->held_messages, plural(raft->held_messages));
  vlot__text_add(out, "    mail          %zu under way to it\n", view->mail);
  vlot__text_add(out, "    clients wait  for %" PRIu64 " outcome%s; %u read%s in its core\n",
                 status->waiting, plural(status->waiting), raft->pending_reads,
                 plural(raft->pending_reads));
  if (view->has_machine)
    vlot__text_add(out, "    machine       %" PRIu64 " key%s\n", view->keys, plural(view->keys));
}

static void put_node(vlot__text *out, const vlot__view_node *view) {
  const vlot_node_status *status = &view->log.status;
  const vlot_raft_status *raft = &status->raft;
  char vote[16];
  bool is_down = status->state == VLOT_NODE_DOWN;
  vlot__text_add(out, "  n%u, %s, life %u\n", status->id, vlot__screen_role(status),
                 status->incarnation);
  vlot__text_add(out, "  persistent, on all servers\n");
  vlot__text_add(out, "    currentTerm   %" PRIu64 "\n    votedFor      %s\n", raft->term,
                 name_of(raft->vote, vote));
  put_log(out, &view->log);
  vlot__text_add(out, "  volatile, on all servers\n");
  if (is_down) {
    vlot__text_add(out, "    none: it is down\n");
    put_leader(out, view);
    return;
  }
  vlot__text_add(out, "    commitIndex   %" PRIu64 "\n    lastApplied   %" PRIu64 "\n",
                 raft->commit_index, status->applied_index);
  put_leader(out, view);
  put_ours(out, view);
}

/* --- two nodes --- */

static void put_pair(vlot__text *out, const char *what, const char *a, const char *b) {
  vlot__text_add(out, "%c %-13s  %-13s  %s\n", strcmp(a, b) ? '*' : ' ', what, a, b);
}

static void number_cell(uint64_t number, char out[24]) {
  snprintf(out, 24, "-");
  if (number != VLOT_NEVER) snprintf(out, 24, "%" PRIu64, number);
}

/* VLOT_NEVER: it has none. */
static void put_numbers(vlot__text *out, const char *what, uint64_t a, uint64_t b) {
  char left[24], right[24];
  number_cell(a, left);
  number_cell(b, right);
  put_pair(out, what, left, right);
}

static void put_side(vlot__text *out, const vlot__view_entry *entry, char *cell, size_t capacity) {
  if (entry->term == 0)
    snprintf(cell, capacity, "-");
  else
    snprintf(cell, capacity, "t%" PRIu64 " %s", entry->term, text_of(&entry->text));
  out->is_short |= entry->text.is_short;
}

static void put_parting(vlot__text *out, const vlot__view_diff *view) {
  uint32_t a = view->status[0].id, b = view->status[1].id;
  if (view->same >= view->first)
    vlot__text_add(out, "  logs agree up to entry %" PRIu64 "%s\n", view->same,
                   view->count ? ", and part behind it:" : "");
  else if (view->count > 0)
    vlot__text_add(out, "  logs have nothing in common:\n");
  else
    vlot__text_add(out, "  both logs are empty\n");
  if (view->count > 0) vlot__text_add(out, "  index  n%-30u  n%u\n", a, b);
  for (size_t k = 0; k < view->count; k++) {
    char cells[2][96];
    for (int side = 0; side < 2; side++)
      put_side(out, &view->rows[side][k], cells[side], sizeof cells[side]);
    vlot__text_add(out, "  %5" PRIu64 "  %-31s  %s\n", view->rows[0][k].index, cells[0], cells[1]);
  }
  if (view->more > 0) vlot__text_add(out, "  ... and %" PRIu64 " more: log\n", view->more);
}

static bool is_down(const vlot_node_status *status) { return status->state == VLOT_NODE_DOWN; }

static void put_diff(vlot__text *out, const vlot__view_diff *view) {
  const vlot_node_status *a = &view->status[0], *b = &view->status[1];
  char left[16], right[16], heads[2][16];
  vlot__text_add(out, "  %-13s  %-13s  %s\n", "", name_of(a->id, heads[0]),
                 name_of(b->id, heads[1]));
  put_pair(out, "role", vlot__screen_role(a), vlot__screen_role(b));
  put_numbers(out, "currentTerm", a->raft.term, b->raft.term);
  put_pair(out, "votedFor", name_of(a->raft.vote, left), name_of(b->raft.vote, right));
  put_pair(out, "leader known", name_of(is_down(a) ? 0 : a->raft.leader, left),
           name_of(is_down(b) ? 0 : b->raft.leader, right));
  put_numbers(out, "last entry", a->raft.last_index, b->raft.last_index);
  put_numbers(out, "of term", a->raft.last_term, b->raft.last_term);
  put_numbers(out, "commitIndex", is_down(a) ? VLOT_NEVER : a->raft.commit_index,
              is_down(b) ? VLOT_NEVER : b->raft.commit_index);
  put_numbers(out, "lastApplied", is_down(a) ? VLOT_NEVER : a->applied_index,
              is_down(b) ? VLOT_NEVER : b->applied_index);
  put_numbers(out, "durable", a->raft.durable_index, b->raft.durable_index);
  put_parting(out, view);
}

/* --- machine, history --- */

static void put_kv(vlot__text *out, const vlot__view_kv *view) {
  enum { ROWS_MAX = 500 };
  size_t count = view->count < ROWS_MAX ? view->count : ROWS_MAX;
  vlot__text_add(out, "  n%u: %zu key%s, applied %" PRIu64 "\n", view->node, view->count,
                 plural(view->count), view->applied);
  for (size_t k = 0; k < count; k++) {
    const vlot__view_pair *row = &view->rows[k];
    vlot__text_add(out, "  %s = %s\n", text_of(&row->key),
                   row->value_size ? text_of(&row->value) : "\"\"");
    out->is_short |= row->key.is_short || row->value.is_short;
  }
  if (count < view->count) vlot__text_add(out, "  ... and %zu more: get\n", view->count - count);
}

static void put_history(vlot__text *out, const vlot__view_history *view) {
  for (size_t k = 0; k < view->count; k++) {
    const vlot__view_said *row = &view->rows[k];
    if (row->is_look) continue;
    vlot__text_add(out, "%6" PRIu64 "  %s%s\n", row->action, text_of(&row->text),
                   row->is_undone ? "  (taken back)" : "");
    out->is_short |= row->text.is_short;
  }
  if (view->count == 0)
    vlot__text_add(out, view->is_adopted ? "  of a cluster that runs no history is kept\n"
                                         : "  nothing was said yet\n");
}

void vlot__view_text_node(vlot__text *out, const vlot__view *view) {
  switch (view->kind) {
  case VLOT__VIEW_OF_NODE: put_node(out, &view->as.node); break;
  case VLOT__VIEW_OF_ENTRIES: put_entries(out, &view->as.entries); break;
  case VLOT__VIEW_OF_DIFF: put_diff(out, &view->as.diff); break;
  case VLOT__VIEW_OF_KV: put_kv(out, &view->as.kv); break;
  case VLOT__VIEW_OF_HISTORY: put_history(out, &view->as.history); break;
  default: break;
  }
}
