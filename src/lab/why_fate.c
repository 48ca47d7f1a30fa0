/* What stands in somebody's way: disks, suspension, clocks, cuts. */
#include <inttypes.h>

#include "why_inside.h"

/* --- disks --- */

/* As it was last said. */
static bool is_slow(const vlot_event *fault) { return fault && fault->as.change.to > 0; }
static bool is_stalled(const vlot_event *fault) {
  return fault && (fault->as.change.term & 1) != 0;
}
static bool is_full(const vlot_event *fault) { return fault && (fault->as.change.term & 2) != 0; }

/* Since when it is so: it may have been said again with something else. */
static uint64_t disk_since(const why *at, uint32_t id, bool is_so(const vlot_event *fault)) {
  const vlot__past_node *past = &at->workspace->past.nodes[0];
  uint64_t since = 0;
  bool was_so = false;
  for (size_t k = 0; k < past->count; k++) {
    const vlot_event *event = &past->events[k];
    if (event->kind != VLOT_EVENT_FAULT || event->why != VLOT_WHY_DISK_FAULT || event->peer != id)
      continue;
    if (is_so(event) && !was_so) since = event->tick;
    was_so = is_so(event);
  }
  return since;
}

/* "n1's disk is stalled since tick 28 …"; false, and nothing: the disk is as it should be. */
static bool say_disk_fault(why *at, uint32_t id) {
  const vlot_event *fault = vlot__past_disk(&at->workspace->past, id);
  uint64_t delay = fault ? fault->as.change.to : 0;
  if (is_stalled(fault))
    vlot__view_why_say(at->view, "n%u's disk is stalled since tick %" PRIu64 ": nothing completes",
                       id, disk_since(at, id, is_stalled));
  else if (is_full(fault))
    vlot__view_why_say(at->view,
                       "n%u's disk is full since tick %" PRIu64
                       ": its next write fails, and then it is fenced",
                       id, disk_since(at, id, is_full));
  else if (is_slow(fault))
    vlot__view_why_say(
        at->view, "n%u's disk is slow since tick %" PRIu64 ", up to %" PRIu64 " tick%s for a write",
        id, disk_since(at, id, is_slow), delay, delay == 1 ? "" : "s");
  else
    return false;
  return true;
}

bool vlot__why_say_disk(why *at, uint32_t id) {
  vlot_pending write;
  vlot_node_status status = vlot__workspace_status(at->workspace, id);
  bool waits = status.raft.held_messages > 0 ||
               status.raft.durable_index < status.raft.last_index ||
               status.raft.durable_term < status.raft.term;
  if (!why_is_up(&status) || !waits) return false;
  bool is_told = say_disk_fault(at, id);
  bool is_listed = vlot__why_find_pending(at, VLOT_PENDING_WRITE_ID(id), &write);
  if (!is_told && !is_listed && status.raft.held_messages == 0) return false;
  if (!is_told) vlot__view_why_say(at->view, "n%u's disk has not completed a write", id);
  if (is_listed && write.is_held)
    vlot__view_why_say(at->view, "; its oldest write, w%u, is held", id);
  else if (is_listed && write.due != VLOT_NEVER)
    vlot__view_why_say(at->view, "; its oldest write, w%u, is done at tick %" PRIu64, id,
                       write.due);
  return true;
}

/* --- what stands in a node's way --- */

static void begin_obstacle(why *at, uint32_t id) {
  vlot__view_why_begin(at->view, VLOT__VIEW_FINDING, id);
}

static void add_suspended(why *at, const vlot_node_status *status) {
  const vlot_event *event = vlot__past_newest(&at->workspace->past, status->id, BIT(SUSPEND), 0, 0);
  begin_obstacle(at, status->id);
  vlot__view_why_say(at->view, "n%u is suspended", status->id);
  if (event) vlot__view_why_say(at->view, " since tick %" PRIu64, event->tick);
  vlot__view_why_say(at->view, ": %" PRIu64 " message%s wait%s there ('resume %u' lets it go on).",
                     status->mailbox, status->mailbox == 1 ? "" : "s",
                     status->mailbox == 1 ? "s" : "", status->id);
}

static void add_clock(why *at, const vlot_node_status *status) {
  begin_obstacle(at, status->id);
  if (status->clock_permille == 0)
    vlot__view_why_say(at->view, "n%u's clock stands still: no timer of it fires.", status->id);
  else
    vlot__view_why_say(at->view, "n%u's clock goes at %u.%03u of the cluster's speed.", status->id,
                       status->clock_permille / 1000, status->clock_permille % 1000);
}

static void add_fenced(why *at, const vlot_node_status *status) {
  const vlot_event *event = vlot__past_newest(&at->workspace->past, status->id, BIT(FENCED), 0, 0);
  begin_obstacle(at, status->id);
  vlot__view_why_say(at->view, "n%u is fenced", status->id);
  if (event)
    vlot__view_why_say(at->view, " since tick %" PRIu64 ": %s", event->tick,
                       vlot_why_text((vlot_why)event->why));
  vlot__view_why_say(at->view, " ('restart %u' begins another life of it).", status->id);
}

static void add_foreign(why *at, const vlot_node_status *status) {
  begin_obstacle(at, status->id);
  vlot__view_why_say(at->view, "n%u's ", status->id);
  vlot__why_say_foreign(at, status->id);
  vlot__view_why_say(at->view, ".");
}

void vlot__why_add_obstacles(why *at, uint32_t id) {
  vlot_pending timer;
  vlot_node_status status = vlot__workspace_status(at->workspace, id);
  if (status.state == VLOT_NODE_FENCED) add_fenced(at, &status);
  if (status.raft.has_foreign_disk && !status.is_learner) add_foreign(at, &status);
  if (!why_is_up(&status)) return;
  if (status.state == VLOT_NODE_SUSPENDED) add_suspended(at, &status);
  if (status.clock_permille != 1000) add_clock(at, &status);
  if (vlot__why_find_pending(at, VLOT_PENDING_TIMER_ID(id), &timer) && timer.is_held) {
    begin_obstacle(at, id);
    vlot__view_why_say(at->view, "n%u's timer is held ('release t%u' lets it go on).", id, id);
  }
  const vlot_event *fault = vlot__past_disk(&at->workspace->past, id);
  if (!is_slow(fault) && !is_stalled(fault) && !is_full(fault)) return;
  begin_obstacle(at, id);
  if (!vlot__why_say_disk(at, id)) (void)say_disk_fault(at, id);
  vlot__view_why_say(at->view, ".");
}

static bool is_cut(why *at, uint32_t from, uint32_t to) {
  vlot_link link;
  return from != to && vlot_cluster_get_link(at->workspace->cluster, from, to, &link) == VLOT_OK &&
         link.is_cut != 0;
}

void vlot__why_add_cuts(why *at) {
  enum { TOLD_MAX = 8 };
  uint32_t nodes = at->workspace->options.nodes, count = 0;
  for (uint32_t from = 1; from <= nodes; from++)
    for (uint32_t to = 1; to <= nodes; to++) {
      if (!is_cut(at, from, to)) continue;
      if (from > to && is_cut(at, to, from)) continue; /* told with the other way */
      if (count++ >= TOLD_MAX) continue;
      if (count == 1) vlot__view_why_begin(at->view, VLOT__VIEW_FINDING, 0);
      vlot__view_why_say(at->view, "%s%s n%u to n%u", count == 1 ? "Cut:" : ",",
                         is_cut(at, to, from) ? "" : " only", from, to);
    }
  if (count > TOLD_MAX) vlot__view_why_say(at->view, " and %u more", count - TOLD_MAX);
  if (count > 0) vlot__view_why_say(at->view, ".");
}
