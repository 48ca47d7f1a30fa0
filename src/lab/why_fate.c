/* What became of a message, and what stands in somebody's way. */
#include <inttypes.h>
#include <stdlib.h>

#include "pattern.h"
#include "why_inside.h"

static bool find_pending(vlot__workspace *workspace, uint64_t id, vlot_pending *found) {
  size_t count;
  bool is_there = false;
  vlot_pending *pending = vlot__pattern_pending(workspace, &count);
  for (size_t k = 0; k < count && !is_there; k++)
    if (pending[k].id == id) {
      *found = pending[k];
      is_there = true;
    }
  free(pending);
  return is_there;
}

bool vlot__why_say_fate(why *at, const vlot_event *message) {
  vlot_pending pending;
  const vlot_event *end =
      vlot__past_end_of(&at->workspace->past, message->message, message->node, message->peer);
  if (end && end->kind == VLOT_EVENT_RECEIVED) return false;
  vlot__view_why_say(at->view, "%s #%" PRIu64 " ",
                     vlot_message_kind_name((vlot_message_kind)message->as.message.kind),
                     message->message);
  if (end)
    vlot__view_why_say(at->view, "to n%u was lost at tick %" PRIu64 ": %s", message->peer,
                       end->tick, vlot_why_text((vlot_why)end->why));
  else if (find_pending(at->workspace, message->message, &pending))
    vlot__view_why_say(at->view, "is %s", pending.is_held ? "held" : "under way");
  else if (!vlot__past_is_whole(&at->workspace->past, message->peer, 0))
    vlot__why_say_forgotten(at, message->peer);
  else
    vlot__view_why_say(at->view, "waits for n%u", message->peer);
  return true;
}

/* --- disks --- */

/* As it was last said. */
static bool is_slow(const vlot_event *fault) {
  return fault && (fault->as.change.to > 0 || (fault->as.change.term & 1) != 0);
}

/* "n1's disk is stalled since tick 28 …"; false, and nothing: the disk is as it should be. */
static bool say_disk_fault(why *at, uint32_t id) {
  const vlot_event *fault = vlot__past_disk(&at->workspace->past, id);
  if (!is_slow(fault)) return false;
  uint64_t delay = fault->as.change.to;
  bool is_stalled = fault->as.change.term & 1;
  if (is_stalled)
    vlot__view_why_say(at->view, "n%u's disk is stalled since tick %" PRIu64 ": nothing completes",
                       id, fault->tick);
  else
    vlot__view_why_say(
        at->view, "n%u's disk is slow since tick %" PRIu64 ", up to %" PRIu64 " tick%s for a write",
        id, fault->tick, delay, delay == 1 ? "" : "s");
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
  bool is_listed = find_pending(at->workspace, VLOT_PENDING_WRITE_ID(id), &write);
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

void vlot__why_add_obstacles(why *at, uint32_t id) {
  vlot_pending timer;
  vlot_node_status status = vlot__workspace_status(at->workspace, id);
  if (!why_is_up(&status)) return;
  if (status.state == VLOT_NODE_SUSPENDED) add_suspended(at, &status);
  if (status.clock_permille != 1000) add_clock(at, &status);
  if (find_pending(at->workspace, VLOT_PENDING_TIMER_ID(id), &timer) && timer.is_held) {
    begin_obstacle(at, id);
    vlot__view_why_say(at->view, "n%u's timer is held ('release t%u' lets it go on).", id, id);
  }
  if (!is_slow(vlot__past_disk(&at->workspace->past, id))) return;
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

/* --- looking for messages --- */

const vlot_event *vlot__why_find_append(const why *at, uint32_t from, uint32_t to, uint64_t index) {
  const vlot__past_node *past = &at->workspace->past.nodes[from];
  for (size_t k = past->count; k > 0; k--) {
    const vlot_event *event = &past->events[k - 1];
    if (event->kind == VLOT_EVENT_SENT && event->peer == to &&
        event->as.message.kind == VLOT_MESSAGE_APPEND && event->as.message.index < index &&
        index <= event->as.message.index + event->as.message.entries)
      return event;
    if (event->kind == VLOT_EVENT_LEADER) return NULL;
  }
  return NULL;
}

const vlot_event *vlot__why_find_reply(const why *at, const vlot_event *request) {
  const vlot__past_node *past = &at->workspace->past.nodes[request->peer];
  for (size_t k = past->count; k > 0; k--) {
    const vlot_event *event = &past->events[k - 1];
    if (event->kind == VLOT_EVENT_SENT && event->peer == request->node &&
        event->as.message.kind == request->as.message.kind + 1 &&
        event->as.message.request_id == request->as.message.request_id)
      return event;
  }
  return NULL;
}
