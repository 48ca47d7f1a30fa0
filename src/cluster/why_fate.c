/* What stands in somebody's way: disks, suspension, clocks, cuts. */
#include <inttypes.h>

#include "cluster/why_inside.h"

/* --- disks --- */

/* As it was last said. */
static bool is_slow(const vlot_event *fault) { return fault && fault->as.change.to > 0; }
static bool is_stalled(const vlot_event *fault) {
  return fault && (fault->as.change.term & 1) != 0;
}
static bool is_full(const vlot_event *fault) { return fault && (fault->as.change.term & 2) != 0; }

/* Since when it is so: it may have been said again with something else. */
static uint64_t disk_since(const why *at, uint32_t id, bool is_so(const vlot_event *fault)) {
  const vlot__past_node *past = vlot__past_of(at->past, 0);
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
  const vlot_event *fault = vlot__past_disk(at->past, id);
  uint64_t delay = fault ? fault->as.change.to : 0;
  if (is_stalled(fault))
    vlot__why_say(at, "n%u's disk is stalled since tick %" PRIu64 ": nothing completes", id,
                  disk_since(at, id, is_stalled));
  else if (is_full(fault))
    vlot__why_say(at,
                  "n%u's disk is full since tick %" PRIu64
                  ": its next write fails, and then it is fenced",
                  id, disk_since(at, id, is_full));
  else if (is_slow(fault))
    vlot__why_say(at,
                  "n%u's disk is slow since tick %" PRIu64 ", up to %" PRIu64 " tick%s for a write",
                  id, disk_since(at, id, is_slow), delay, delay == 1 ? "" : "s");
  else
    return false;
  return true;
}

/* Since when its fault is what it is; VLOT_NEVER: it has none. */
static uint64_t fault_since(const why *at, uint32_t id) {
  const vlot_event *fault = vlot__past_disk(at->past, id);
  if (is_stalled(fault)) return disk_since(at, id, is_stalled);
  if (is_full(fault)) return disk_since(at, id, is_full);
  return is_slow(fault) ? disk_since(at, id, is_slow) : VLOT_NEVER;
}

static void wait_for_disk(why *at, uint32_t id, const vlot_pending *write) {
  vlot_wait wait = vlot__why_wait_of(VLOT_WAIT_DISK, id);
  wait.since = fault_since(at, id);
  wait.is_held = write && write->is_held;
  if (write && !write->is_held) wait.until = write->due;
  vlot__why_wait(at, wait);
}

bool vlot__why_say_disk(why *at, uint32_t id) {
  const vlot_pending *write = vlot__why_find_pending(at, VLOT_PENDING_WRITE_ID(id));
  vlot_node_status status = vlot__why_status(at, id);
  bool waits = status.raft.held_messages > 0 ||
               status.raft.durable_index < status.raft.last_index ||
               status.raft.durable_term < status.raft.term;
  if (!why_is_up(&status) || !waits) return false;
  bool is_told = say_disk_fault(at, id);
  if (!is_told && !write && status.raft.held_messages == 0) return false;
  wait_for_disk(at, id, write);
  if (!is_told) vlot__why_say(at, "n%u's disk has not completed a write", id);
  if (write && write->is_held)
    vlot__why_say(at, "; its oldest write, w%u, is held", id);
  else if (write && write->due != VLOT_NEVER)
    vlot__why_say(at, "; its oldest write, w%u, is done at tick %" PRIu64, id, write->due);
  return true;
}

/* --- what stands in a node's way --- */

/* since NULL: not known. */
static void begin_obstacle(why *at, vlot_wait_kind kind, uint32_t id, const vlot_event *since) {
  vlot_wait wait = vlot__why_wait_of(kind, id);
  if (since) wait.since = since->tick;
  vlot__why_begin(at, VLOT_REASON_FINDING, id);
  vlot__why_wait(at, wait);
}

static void add_suspended(why *at, const vlot_node_status *status) {
  const vlot_event *event = vlot_past_newest(at->past, status->id, BIT(SUSPEND), 0, 0);
  begin_obstacle(at, VLOT_WAIT_NODE, status->id, event);
  vlot__why_say(at, "n%u is suspended", status->id);
  if (event) vlot__why_say(at, " since tick %" PRIu64, event->tick);
  vlot__why_say(at, ": %" PRIu64 " message%s wait%s there ('resume %u' lets it go on).",
                status->mailbox, status->mailbox == 1 ? "" : "s", status->mailbox == 1 ? "s" : "",
                status->id);
}

static void add_clock(why *at, const vlot_node_status *status) {
  begin_obstacle(at, VLOT_WAIT_CLOCK, status->id, NULL);
  if (status->clock_permille == 0)
    vlot__why_say(at, "n%u's clock stands still: no timer of it fires.", status->id);
  else
    vlot__why_say(at, "n%u's clock goes at %u.%03u of the cluster's speed.", status->id,
                  status->clock_permille / 1000, status->clock_permille % 1000);
}

static void add_fenced(why *at, const vlot_node_status *status) {
  const vlot_event *event = vlot_past_newest(at->past, status->id, BIT(FENCED), 0, 0);
  begin_obstacle(at, VLOT_WAIT_NODE, status->id, event);
  vlot__why_say(at, "n%u is fenced", status->id);
  if (event)
    vlot__why_say(at, " since tick %" PRIu64 ": %s", event->tick,
                  vlot_why_text((vlot_why)event->why));
  vlot__why_say(at, " ('restart %u' begins another life of it).", status->id);
}

static void add_foreign(why *at, const vlot_node_status *status) {
  begin_obstacle(at, VLOT_WAIT_IDENTITY, status->id, NULL);
  vlot__why_say(at, "n%u's ", status->id);
  vlot__why_say_foreign(at, status->id);
  vlot__why_say(at, ".");
}

void vlot__why_add_obstacles(why *at, uint32_t id) {
  vlot_node_status status = vlot__why_status(at, id);
  const vlot_pending *timer = vlot__why_find_pending(at, VLOT_PENDING_TIMER_ID(id));
  if (status.state == VLOT_NODE_FENCED) add_fenced(at, &status);
  if (status.raft.has_foreign_disk && !status.is_learner) add_foreign(at, &status);
  if (!why_is_up(&status)) return;
  if (status.state == VLOT_NODE_SUSPENDED) add_suspended(at, &status);
  if (status.clock_permille != 1000) add_clock(at, &status);
  if (timer && timer->is_held) {
    vlot_wait wait = vlot__why_wait_of(VLOT_WAIT_TIMER, id);
    wait.is_held = 1;
    vlot__why_begin(at, VLOT_REASON_FINDING, id);
    vlot__why_wait(at, wait);
    vlot__why_say(at, "n%u's timer is held ('release t%u' lets it go on).", id, id);
  }
  const vlot_event *fault = vlot__past_disk(at->past, id);
  if (!is_slow(fault) && !is_stalled(fault) && !is_full(fault)) return;
  vlot__why_begin(at, VLOT_REASON_FINDING, id);
  if (!vlot__why_say_disk(at, id) && say_disk_fault(at, id)) wait_for_disk(at, id, NULL);
  vlot__why_say(at, ".");
}

void vlot__why_add_cuts(why *at) {
  enum { TOLD_MAX = 8 };
  const vlot__moment *moment = at->moment;
  uint32_t count = 0;
  for (size_t k = 0; k < moment->cut_count; k++) {
    uint32_t from = moment->cuts[k].from, to = moment->cuts[k].to;
    bool is_both = vlot__why_is_cut(at, to, from);
    vlot_wait wait = vlot__why_wait_of(VLOT_WAIT_LINK, to);
    wait.peer = from;
    if (count == 0) vlot__why_begin(at, VLOT_REASON_FINDING, 0);
    vlot__why_wait(at, wait);
    if (from > to && is_both) continue; /* told with the other way */
    if (count++ >= TOLD_MAX) continue;
    vlot__why_say(at, "%s%s n%u to n%u", count == 1 ? "Cut:" : ",", is_both ? "" : " only", from,
                  to);
  }
  if (count > TOLD_MAX) vlot__why_say(at, " and %u more", count - TOLD_MAX);
  if (count > 0) vlot__why_say(at, ".");
}
