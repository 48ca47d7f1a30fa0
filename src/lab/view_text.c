/* Views as text: what `vlot step` and scenes show. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pattern.h"
#include "screen.h"
#include "view.h"

static const char *plural(uint64_t count) { return count == 1 ? "" : "s"; }

static void put_nodes(vlot__text *out, const vlot__view_nodes *view) {
  vlot__text_add(out, "  node  role           term  vote  last  of term  commit  applied\n");
  for (uint32_t k = 0; k < view->count; k++) {
    const vlot_node_status *status = &view->rows[k];
    char vote[16] = "-";
    if (status->raft.vote) snprintf(vote, sizeof vote, "n%u", status->raft.vote);
    vlot__text_add(out,
                   "  n%-3u  %-13s  %4" PRIu64 "  %4s  %4" PRIu64 "  %7" PRIu64 "  %6" PRIu64
                   "  %7" PRIu64 "\n",
                   status->id, vlot__screen_role(status), status->raft.term, vote,
                   status->raft.last_index, status->raft.last_term, status->raft.commit_index,
                   status->applied_index);
  }
}

static void put_status(vlot__text *out, const vlot__view_status *view) {
  vlot__text_add(out, "  tick %" PRIu64 ", %" PRIu64 " action%s, ", view->now, view->actions,
                 plural(view->actions));
  if (view->leader)
    vlot__text_add(out, "n%u leads term %" PRIu64, view->leader, view->term);
  else
    vlot__text_add(out, "no leader");
  vlot__text_add(out, ", committed %" PRIu64 "%s\n", view->commits,
                 view->is_broken ? "; a safety property is broken: 'check' says which" : "");
}

/* --- logs as columns of terms; a bar behind what the node knows as committed --- */

/* whatever a term and an index may be */
enum { COLUMNS = 24, LINE_MAX_BYTES = 16 + 24 * COLUMNS };

static void put_line(vlot__text *out, const char *line, int size) {
  while (size > 0 && line[size - 1] == ' ') size--;
  vlot__text_add(out, "%.*s\n", size, line);
}

static void put_log_row(vlot__text *out, const vlot__view_log_row *row, size_t first, size_t end) {
  char line[LINE_MAX_BYTES];
  int at = snprintf(line, sizeof line, "  n%-6u", row->node);
  for (size_t k = first; k <= end && k <= row->size; k++) {
    char term[24] = "?";
    bool is_commit = row->commit == k, is_match = row->match == k;
    if (k <= row->snapshot.base)
      snprintf(term, sizeof term, "--");
    else if (row->terms[k - 1] > 0)
      snprintf(term, sizeof term, "%" PRIu64, row->terms[k - 1]);
    at += snprintf(line + at, sizeof line - (size_t)at, "%3.20s%c", term,
                   is_commit  ? is_match ? ':' : '|'
                   : is_match ? '.'
                              : ' ');
  }
  put_line(out, line, at);
}

void vlot__view_say_snapshot(vlot__text *out, const vlot__view_snapshot *seen) {
  if (seen->index == 0) {
    vlot__text_add(out, "none");
  } else {
    vlot__text_add(out, "at %" PRIu64, seen->index);
    if (seen->term > 0)
      vlot__text_add(out, " of term %" PRIu64 ", %" PRIu64 " byte%s", seen->term, seen->size,
                     plural(seen->size));
  }
  if (seen->base > 0) vlot__text_add(out, "; the log begins behind entry %" PRIu64, seen->base);
}

/* Only where there is something that is not seen above. */
static void put_snapshot(vlot__text *out, const vlot__view_log_row *row) {
  const vlot__view_snapshot *seen = &row->snapshot;
  if (seen->index == 0 && seen->base == 0 && seen->comes_index == 0) return;
  vlot__text_add(out, "  n%-6u snapshot ", row->node);
  vlot__view_say_snapshot(out, seen);
  if (seen->comes_index > 0)
    vlot__text_add(out,
                   "; of the leader's at %" PRIu64 " it has %" PRIu64 " of %" PRIu64 " bytes%s",
                   seen->comes_index, seen->comes_offset, seen->comes_size,
                   seen->is_installing ? ", and installs it" : "");
  vlot__text_add(out, "\n");
}

static void put_log(vlot__text *out, const vlot__view_log *view) {
  size_t end = 0;
  for (uint32_t k = 0; k < view->count; k++)
    if (view->rows[k].size > end) end = view->rows[k].size;
  size_t first = end > COLUMNS ? end - COLUMNS + 1 : 1;
  if (view->from > 0 && end > 0) {
    first = view->from < end ? (size_t)view->from : end;
    if (end - first >= COLUMNS) end = first + COLUMNS - 1;
  }
  char line[LINE_MAX_BYTES];
  int at = snprintf(line, sizeof line, "  index  ");
  for (size_t k = first; k <= end; k++)
    at += snprintf(line + at, sizeof line - (size_t)at, "%2zu%s", k, k < end ? "  " : "");
  put_line(out, line, at);
  for (uint32_t k = 0; k < view->count; k++) put_log_row(out, &view->rows[k], first, end);
  for (uint32_t k = 0; k < view->count; k++) put_snapshot(out, &view->rows[k]);
}

/* --- network --- */

static void put_link(vlot__text *out, const vlot__view_link *one) {
  const vlot_link *link = &one->link;
  vlot__text_add(out, "  link n%u -> n%u%s", one->from, one->to, link->is_cut ? "  cut" : "");
  if (link->loss) vlot__text_add(out, "  loss %u%%", link->loss / 10000);
  if (link->duplicate) vlot__text_add(out, "  duplicate %u%%", link->duplicate / 10000);
  if (link->reorder) vlot__text_add(out, "  reorder %u%%", link->reorder / 10000);
  if (link->delay_ticks_max > 0 || link->tail > 0)
    vlot__text_add(out, "  delay %u to %u", link->delay_ticks_min, link->delay_ticks_max);
  vlot__text_add(out, "\n");
}

static void put_waiting(vlot__text *out, const vlot__view_disk *disk) {
  if (disk->first == disk->last)
    vlot__text_add(out, "  entry %" PRIu64 " is not durable yet", disk->first);
  else if (disk->first < disk->last)
    vlot__text_add(out, "  entries %" PRIu64 " to %" PRIu64 " are not durable yet", disk->first,
                   disk->last);
  if (disk->messages > 0)
    vlot__text_add(out, "  %u message%s for it", disk->messages,
                   disk->messages == 1 ? " waits" : "s wait");
}

static void put_disk(vlot__text *out, const vlot__view_disk *disk) {
  vlot__text_add(out, "  disk n%u%s%s", disk->node, disk->is_stalled ? "  stalled" : "",
                 disk->is_full ? "  full" : "");
  if (disk->delay > 0) vlot__text_add(out, "  delay up to %" PRIu64, disk->delay);
  if (disk->fail_at > 0)
    vlot__text_add(out, "  told at tick %" PRIu64 " to fail write %" PRIu64 " from then on",
                   disk->told_at, disk->fail_at);
  if (disk->has_waiting) put_waiting(out, disk);
  vlot__text_add(out, "\n");
}

static void put_clock(vlot__text *out, const vlot__view_clock *clock) {
  if (clock->permille == 0)
    vlot__text_add(out, "  clock n%u  stands still\n", clock->node);
  else
    vlot__text_add(out, "  clock n%u  runs at %u/1000\n", clock->node, clock->permille);
}

static void put_pending(vlot__text *out, const vlot_pending *pending, uint64_t now) {
  char id[24], way[32], text[160];
  vlot_pending_name(pending->id, id, sizeof id);
  vlot__pattern_about(pending, now, text, sizeof text);
  if (pending->kind == VLOT_PENDING_MESSAGE)
    snprintf(way, sizeof way, "n%u -> n%u", pending->from, pending->node);
  else
    snprintf(way, sizeof way, "at n%u", pending->node);
  vlot__text_add(out, "  #%-4s %-13s %s  %s%s\n", id, vlot__pattern_kind(pending), way, text,
                 pending->is_held ? "  held" : "");
}

static void put_net(vlot__text *out, const vlot__view_net *view) {
  for (size_t k = 0; k < view->link_count; k++) put_link(out, &view->links[k]);
  bool has_links = view->part != VLOT__VIEW_OF_ONE_DISK, is_all = view->part == VLOT__VIEW_OF_ALL;
  if (view->link_count == 0 && has_links)
    vlot__text_add(out, is_all ? "  all links are clean\n" : "  clean\n");
  if (view->disk_count == 0 && !has_links) vlot__text_add(out, "  this disk is well\n");
  for (size_t k = 0; k < view->disk_count; k++) put_disk(out, &view->disks[k]);
  for (size_t k = 0; k < view->clock_count; k++) put_clock(out, &view->clocks[k]);
  for (size_t k = 0; k < view->pending_count; k++) put_pending(out, &view->pending[k], view->now);
  if (view->pending_count == 0 && is_all) vlot__text_add(out, "  nothing is under way\n");
}

static void put_timers(vlot__text *out, const vlot__view_timers *view) {
  for (size_t k = 0; k < view->count; k++) {
    const vlot__view_timer *timer = &view->rows[k];
    vlot__text_add(out, "  n%u  in %" PRIu64 " tick%s  %s%s\n", timer->node, timer->left,
                   plural(timer->left), vlot_due_text(timer->due_for),
                   timer->is_held ? "  held" : "");
  }
}

/* --- what has happened, and whether all is well --- */

static void put_events(vlot__text *out, const vlot__view_events *view) {
  char sentence[512];
  for (size_t k = 0; k < view->count; k++) {
    vlot_event_text(&view->rows[k], sentence, sizeof sentence);
    vlot__text_add(out, "%6" PRIu64 "  %s\n", view->rows[k].tick, sentence);
  }
}

static void put_check(vlot__text *out, const vlot__view_check *view) {
  vlot__text_add(out, "  safe: no property is broken; %u machine%s, applied", view->count,
                 view->count == 1 ? "" : "s agree");
  for (uint32_t k = 0; k < view->count; k++)
    vlot__text_add(out, " %" PRIu64, view->rows[k].applied);
  for (uint32_t k = view->absent_count; k > 0; k--) {
    const vlot__view_replica *one = &view->absent[k - 1];
    vlot__text_add(out, "%s n%u (%s)", k == view->absent_count ? "; without" : ",", one->node,
                   one->state == VLOT_NODE_FENCED ? "fenced" : "down");
  }
  vlot__text_add(out, "\n");
}

static void put_lints(vlot__text *out, const vlot__view_lints *view) {
  char sentence[512];
  for (size_t k = 0; k < view->count; k++) {
    vlot_lint_text(&view->rows[k], sentence, sizeof sentence);
    vlot__text_add(out, "  note: %s\n", sentence);
  }
  if (view->count == 0) vlot__text_add(out, "  nothing to warn of\n");
}

static void put_why(vlot__text *out, const vlot__view_why *view) {
  size_t size = vlot_explanation_text(view->told, NULL, 0) + 1;
  char *text = malloc(size);
  if (text) vlot_explanation_text(view->told, text, size);
  if (text) vlot__text_put(out, text, size - 1);
  out->is_short |= !text;
  free(text);
}

static int width_of(const vlot__view_branch *branch) {
  return (int)strlen(branch->name) + (branch->depth ? 3 * (int)branch->depth : 0);
}

static void put_branches(vlot__text *out, const vlot__view_branches *view) {
  int width = 8;
  for (size_t k = 0; k < view->count; k++)
    if (width_of(&view->rows[k]) > width) width = width_of(&view->rows[k]);
  for (size_t k = 0; k < view->count; k++) {
    const vlot__view_branch *branch = &view->rows[k];
    vlot__text_add(out, "%c ", branch->is_present ? '*' : ' ');
    if (branch->depth) vlot__text_add(out, "%*s", 3 * (int)branch->depth, "+- ");
    vlot__text_add(out, "%-*s  up to action %-6" PRIu64, width - 3 * (int)branch->depth,
                   branch->name, branch->end);
    if (branch->depth) vlot__text_add(out, "  parts behind action %-6" PRIu64, branch->parts_at);
    vlot__text_add(out, "  last: %s\n", branch->last ? branch->last : "nothing was said");
  }
  if (view->count == 0)
    vlot__text_add(out, view->is_adopted ? "  this cluster runs: it has one line of history\n"
                                         : "  nothing has happened yet\n");
}

void vlot__view_text(vlot__text *out, const vlot__view *view) {
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
  default: vlot__view_text_node(out, view); break;
  }
}
