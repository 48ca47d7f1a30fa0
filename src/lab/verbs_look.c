/* Verbs that look, and change nothing. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pattern.h"
#include "screen.h"
#include "verbs.h"

static void add_nodes(vlot__workspace *workspace) {
  vlot__text_add(&workspace->out,
                 "  node  role           term  vote  last  of term  commit  applied\n");
  for (uint32_t id = 1; id <= workspace->options.nodes; id++) {
    vlot_node_status status = vlot__workspace_status(workspace, id);
    char vote[16] = "-";
    if (status.raft.vote) snprintf(vote, sizeof vote, "n%u", status.raft.vote);
    vlot__text_add(&workspace->out,
                   "  n%-3u  %-13s  %4" PRIu64 "  %4s  %4" PRIu64 "  %7" PRIu64 "  %6" PRIu64
                   "  %7" PRIu64 "\n",
                   id, vlot__screen_role(&status), status.raft.term, vote, status.raft.last_index,
                   status.raft.last_term, status.raft.commit_index, status.applied_index);
  }
}

/* With a number it sets up, without one it looks: both are what a person expects of this word. */
bool vlot__verbs_nodes(vlot__workspace *workspace, const vlot__arguments *arguments) {
  const vlot__value *count = &arguments->values[0];
  if (!count->is_given) {
    if (!vlot__workspace_open(workspace)) return false;
    add_nodes(workspace);
    return true;
  }
  if (!vlot__workspace_unopen(workspace))
    return vlot__workspace_fail(workspace, 1, "something has happened already: there are %u nodes",
                                workspace->options.nodes);
  if (workspace->start_count > 0 || workspace->options.learners >= count->number)
    return vlot__workspace_fail(workspace, 1,
                                "say how many nodes there are before you say what they are");
  workspace->options.nodes = (uint32_t)count->number;
  workspace->changes++;
  return true;
}

bool vlot__verbs_status(vlot__workspace *workspace, const vlot__arguments *arguments) {
  vlot_cluster_stats stats;
  uint32_t leader = vlot_cluster_leader(workspace->cluster);
  (void)arguments;
  vlot_cluster_get_stats(workspace->cluster, &stats);
  vlot__text_add(&workspace->out, "  tick %" PRIu64 ", %" PRIu64 " action%s, ",
                 vlot_cluster_now(workspace->cluster), stats.actions,
                 stats.actions == 1 ? "" : "s");
  if (leader)
    vlot__text_add(&workspace->out, "n%u leads term %" PRIu64, leader,
                   vlot__workspace_status(workspace, leader).raft.term);
  else
    vlot__text_add(&workspace->out, "no leader");
  vlot__text_add(&workspace->out, ", committed %" PRIu64 "\n", stats.commits);
  return true;
}

/* --- logs as columns of terms; a bar behind what the node knows as committed --- */

static size_t log_end(const vlot__workspace *workspace, uint32_t only) {
  size_t end = 0;
  for (uint32_t id = 1; id <= workspace->options.nodes; id++)
    if ((!only || only == id) && workspace->logs[id].size > end) end = workspace->logs[id].size;
  return end;
}

/* whatever a term and an index may be */
enum { COLUMNS = 24, LINE_MAX_BYTES = 16 + 24 * COLUMNS };

static void add_log(vlot__workspace *workspace, uint32_t id, size_t first, size_t end) {
  const vlot__workspace_log *log = &workspace->logs[id];
  vlot_node_status status = vlot__workspace_status(workspace, id);
  uint64_t match = vlot__why_match(workspace, id);
  char line[LINE_MAX_BYTES];
  int at = snprintf(line, sizeof line, "  n%-6u", id);
  for (size_t k = first; k <= end && k <= log->size; k++) {
    char term[24] = "?";
    bool is_commit = status.raft.commit_index == k, is_match = match == k;
    if (log->terms[k - 1] > 0) snprintf(term, sizeof term, "%" PRIu64, log->terms[k - 1]);
    at += snprintf(line + at, sizeof line - (size_t)at, "%3.20s%c", term,
                   is_commit  ? is_match ? ':' : '|'
                   : is_match ? '.'
                              : ' ');
  }
  while (at > 0 && line[at - 1] == ' ') at--;
  vlot__text_add(&workspace->out, "%.*s\n", at, line);
}

bool vlot__verbs_log(vlot__workspace *workspace, const vlot__arguments *arguments) {
  uint32_t only = (uint32_t)arguments->values[0].number;
  size_t end = log_end(workspace, only), first = end > COLUMNS ? end - COLUMNS + 1 : 1;
  char line[LINE_MAX_BYTES];
  int at = snprintf(line, sizeof line, "  index  ");
  for (size_t k = first; k <= end; k++)
    at += snprintf(line + at, sizeof line - (size_t)at, "%2zu%s", k, k < end ? "  " : "");
  while (at > 0 && line[at - 1] == ' ') at--;
  vlot__text_add(&workspace->out, "%.*s\n", at, line);
  for (uint32_t id = 1; id <= workspace->options.nodes; id++)
    if (!only || only == id) add_log(workspace, id, first, end);
  return true;
}

/* --- network --- */

static void add_links(vlot__workspace *workspace) {
  size_t faulty = 0;
  for (uint32_t from = 1; from <= workspace->options.nodes; from++)
    for (uint32_t to = 1; to <= workspace->options.nodes; to++) {
      vlot_link link;
      if (from == to || vlot_cluster_get_link(workspace->cluster, from, to, &link) != VLOT_OK)
        continue;
      bool is_slow = link.delay_ticks_max > 0 || link.tail > 0;
      if (!link.is_cut && !link.loss && !link.duplicate && !link.reorder && !is_slow) continue;
      faulty++;
      vlot__text_add(&workspace->out, "  link n%u -> n%u%s", from, to, link.is_cut ? "  cut" : "");
      if (link.loss) vlot__text_add(&workspace->out, "  loss %u%%", link.loss / 10000);
      if (link.duplicate)
        vlot__text_add(&workspace->out, "  duplicate %u%%", link.duplicate / 10000);
      if (link.reorder) vlot__text_add(&workspace->out, "  reorder %u%%", link.reorder / 10000);
      if (is_slow)
        vlot__text_add(&workspace->out, "  delay %u to %u", link.delay_ticks_min,
                       link.delay_ticks_max);
      vlot__text_add(&workspace->out, "\n");
    }
  if (faulty == 0) vlot__text_add(&workspace->out, "  all links are clean\n");
}

static void add_pending(vlot__workspace *workspace, const vlot_pending *pending) {
  vlot__text *out = &workspace->out;
  vlot__text_add(out, "  #%-4" PRIu64 " %-13s ", pending->id, vlot__pattern_kind(pending));
  if (pending->kind == VLOT_PENDING_MESSAGE)
    vlot__text_add(out, "n%u -> n%u  term %" PRIu64, pending->from, pending->node, pending->term);
  else
    vlot__text_add(out, "at n%u", pending->node);
  if (pending->entries)
    vlot__text_add(out, "  entries %" PRIu64 " after %" PRIu64, pending->entries, pending->index);
  vlot__text_add(out, "%s\n", pending->is_held ? "  held" : "");
}

/* What was last said of a node's disk, of its cluster or in what was recorded; NULL: nothing. */
static const vlot_event *disk_of(const vlot__workspace *workspace, uint32_t id) {
  const vlot__past_node *own = &workspace->past.nodes[0];
  for (size_t k = own->count; k > 0; k--) {
    const vlot_event *event = &own->events[k - 1];
    if (event->kind == VLOT_EVENT_FAULT && event->why == VLOT_WHY_DISK_FAULT && event->peer == id)
      return event;
  }
  return NULL;
}

static void add_waiting(vlot__workspace *workspace, const vlot_raft_status *raft) {
  uint64_t first = raft->durable_index + 1, last = raft->last_index;
  if (first == last)
    vlot__text_add(&workspace->out, "  entry %" PRIu64 " is not durable yet", first);
  else if (first < last)
    vlot__text_add(&workspace->out, "  entries %" PRIu64 " to %" PRIu64 " are not durable yet",
                   first, last);
  if (raft->held_messages > 0)
    vlot__text_add(&workspace->out, "  %u message%s for it", raft->held_messages,
                   raft->held_messages == 1 ? " waits" : "s wait");
}

static void add_disk(vlot__workspace *workspace, uint32_t id) {
  const vlot_event *fault = disk_of(workspace, id);
  vlot_node_status status = vlot__workspace_status(workspace, id);
  if (!fault) return;
  uint64_t fail_at = fault->as.change.from, delay = fault->as.change.to;
  uint64_t flags = fault->as.change.term;
  if (fail_at == 0 && delay == 0 && flags == 0) return;
  vlot__text_add(&workspace->out, "  disk n%u%s%s", id, flags & 1 ? "  stalled" : "",
                 flags & 2 ? "  full" : "");
  if (delay > 0) vlot__text_add(&workspace->out, "  delay up to %" PRIu64, delay);
  if (fail_at > 0)
    vlot__text_add(&workspace->out,
                   "  told at tick %" PRIu64 " to fail write %" PRIu64 " from then on", fault->tick,
                   fail_at);
  if (status.state != VLOT_NODE_DOWN && (delay > 0 || flags & 1))
    add_waiting(workspace, &status.raft);
  vlot__text_add(&workspace->out, "\n");
}

static void add_disks_and_clocks(vlot__workspace *workspace) {
  for (uint32_t id = 1; id <= workspace->options.nodes; id++) add_disk(workspace, id);
  for (uint32_t id = 1; id <= workspace->options.nodes; id++) {
    uint32_t rate = vlot__workspace_status(workspace, id).clock_permille;
    if (rate == 0)
      vlot__text_add(&workspace->out, "  clock n%u  stands still\n", id);
    else if (rate != 1000)
      vlot__text_add(&workspace->out, "  clock n%u  runs at %u/1000\n", id, rate);
  }
}

bool vlot__verbs_net(vlot__workspace *workspace, const vlot__arguments *arguments) {
  size_t count, shown = 0;
  vlot_pending *pending = vlot__pattern_pending(workspace, &count);
  (void)arguments;
  add_links(workspace);
  add_disks_and_clocks(workspace);
  for (size_t k = 0; k < count; k++) {
    if (pending[k].kind == VLOT_PENDING_TIMER) continue;
    add_pending(workspace, &pending[k]);
    shown++;
  }
  if (shown == 0) vlot__text_add(&workspace->out, "  nothing is under way\n");
  free(pending);
  return true;
}

/* Next first: the pending list is in that order. */
bool vlot__verbs_timers(vlot__workspace *workspace, const vlot__arguments *arguments) {
  vlot_pending pending[512];
  size_t count = vlot_lockstep_pending(workspace->cluster, pending, 512);
  uint64_t now = vlot_cluster_now(workspace->cluster);
  (void)arguments;
  for (size_t k = 0; k < count && k < 512; k++) {
    if (pending[k].kind != VLOT_PENDING_TIMER) continue;
    vlot_node_status status = vlot__workspace_status(workspace, pending[k].node);
    uint64_t left = pending[k].due > now ? pending[k].due - now : 0;
    vlot__text_add(&workspace->out, "  n%u  in %" PRIu64 " tick%s  %s%s\n", pending[k].node, left,
                   left == 1 ? "" : "s",
                   status.raft.role == VLOT_ROLE_LEADER ? "heartbeat" : "election timeout",
                   pending[k].is_held ? "  held" : "");
  }
  return true;
}

bool vlot__verbs_events(vlot__workspace *workspace, const vlot__arguments *arguments) {
  enum { EVENTS_MAX = 64 };
  vlot_event events[EVENTS_MAX];
  char sentence[512];
  uint32_t id = (uint32_t)arguments->values[0].number;
  size_t wanted = arguments->values[1].is_given ? (size_t)arguments->values[1].number : 10;
  size_t count = vlot_cluster_events(workspace->cluster, id, events, EVENTS_MAX);
  if (count > EVENTS_MAX) count = EVENTS_MAX;
  for (size_t k = count > wanted ? count - wanted : 0; k < count; k++) {
    vlot_event_text(&events[k], sentence, sizeof sentence);
    vlot__text_add(&workspace->out, "%6" PRIu64 "  %s\n", events[k].tick, sentence);
  }
  return true;
}

/* --- check --- */

typedef struct replica {
  bool is_known;
  uint64_t hash;
  uint64_t applied;
} replica;

bool vlot__verbs_check(vlot__workspace *workspace, const vlot__arguments *arguments) {
  replica replicas[VLOT__WORKSPACE_NODES_MAX + 1] = {{0}};
  char violation[512];
  uint32_t known = 0;
  (void)arguments;
  if (vlot_cluster_violation(workspace->cluster, violation, sizeof violation))
    return vlot__workspace_fail(workspace, 0, "a safety property is broken: %s", violation);
  for (uint32_t id = 1; id <= workspace->options.nodes; id++) {
    replica *one = &replicas[id];
    one->is_known = vlot_cluster_hash(workspace->cluster, id, &one->hash, &one->applied) == VLOT_OK;
    if (!one->is_known) continue;
    known++;
    for (uint32_t other = 1; other < id; other++)
      if (replicas[other].is_known && replicas[other].applied == one->applied &&
          replicas[other].hash != one->hash)
        return vlot__workspace_fail(workspace, 0,
                                    "n%u and n%u have applied %" PRIu64 " entr%s and differ", other,
                                    id, one->applied, one->applied == 1 ? "y" : "ies");
  }
  vlot__text_add(&workspace->out, "  safe: no property is broken; %u machine%s, applied", known,
                 known == 1 ? "" : "s agree");
  for (uint32_t id = 1; id <= workspace->options.nodes; id++)
    if (replicas[id].is_known) vlot__text_add(&workspace->out, " %" PRIu64, replicas[id].applied);
  vlot__text_add(&workspace->out, "\n");
  return true;
}

bool vlot__verbs_lints(vlot__workspace *workspace, const vlot__arguments *arguments) {
  enum { LINTS_MAX = 128 };
  vlot_lint lints[LINTS_MAX];
  char sentence[512];
  size_t count = vlot_cluster_lint(workspace->cluster, lints, LINTS_MAX);
  (void)arguments;
  for (size_t k = 0; k < count && k < LINTS_MAX; k++) {
    vlot_lint_text(&lints[k], sentence, sizeof sentence);
    vlot__text_add(&workspace->out, "  note: %s\n", sentence);
  }
  if (count == 0) vlot__text_add(&workspace->out, "  nothing to warn of\n");
  return true;
}

bool vlot__verbs_help(vlot__workspace *workspace, const vlot__arguments *arguments) {
  const vlot__value *name = &arguments->values[0];
  const vlot_verb *verb = name->is_given ? vlot_verb_find(name->text) : NULL;
  if (name->is_given && strcmp(name->text, "all") == 0) {
    vlot__command_list(workspace);
    return true;
  }
  if (name->is_given && !verb)
    return vlot__workspace_fail(workspace, 1, "there is no such verb; 'help' lists them");
  vlot__command_help(workspace, verb);
  return true;
}
