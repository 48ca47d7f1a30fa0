/* How far a snapshot on its way is, and what it waits for: at its leader, and where it goes to. */
#include <inttypes.h>

#include "cluster/why_inside.h"

/* The newest chunk, or question how far it is, that left for a peer. */
static const vlot_event *find_chunk(const why *at, uint32_t leader, uint32_t peer) {
  size_t count;
  const vlot_event *events = vlot_past_events(at->past, leader, &count);
  for (size_t k = count; k > 0; k--) {
    const vlot_event *event = &events[k - 1];
    if (event->kind == VLOT_EVENT_SENT && event->peer == peer &&
        event->as.message.kind == VLOT_MESSAGE_INSTALL)
      return event;
  }
  return NULL;
}

/* Behind the last byte that left; what is lost is sent again from the first one that is missing. */
static uint64_t sent_up_to(const why *at, uint32_t leader, const vlot_progress *peer) {
  size_t count;
  const vlot_event *events = vlot_past_events(at->past, leader, &count);
  uint64_t end = 0;
  for (size_t k = count; k > 0; k--) {
    const vlot_event *event = &events[k - 1];
    if (event->kind == VLOT_EVENT_LEADER) break;
    if (event->kind == VLOT_EVENT_SNAPSHOT_SENT && event->peer == peer->id &&
        event->as.change.term == peer->snapshot_index && event->as.change.to > end)
      end = event->as.change.to;
  }
  return end;
}

/* All of it is there. */
static void say_install(why *at, uint32_t id) {
  vlot__why_say(at, "; all of it is there, and not in place yet: ");
  if (!vlot__why_say_disk(at, id)) vlot__why_say(at, "n%u's machine is restored from it", id);
}

static void say_bounds(why *at, uint32_t leader, const vlot_progress *peer,
                       const vlot_event *chunk) {
  const vlot_raft_options *raft = at->moment->raft;
  uint64_t sent = sent_up_to(at, leader, peer);
  if (sent < peer->snapshot_size && sent >= peer->snapshot_acked + raft->snapshot_window_bytes)
    vlot__why_say(at, "; no more leaves before that: the window of %u bytes is full",
                  raft->snapshot_window_bytes);
  else if (sent < peer->snapshot_size && raft->snapshot_tick_bytes > 0 &&
           chunk->tick == at->moment->now)
    vlot__why_say(at, "; no more leaves in this tick: the rate is %u bytes a tick",
                  raft->snapshot_tick_bytes);
}

static void add_peer(why *at, uint32_t leader, const vlot_progress *peer) {
  vlot_node_status status = vlot__why_status(at, peer->id);
  const vlot_event *chunk = find_chunk(at, leader, peer->id);
  vlot__why_begin(at, VLOT_REASON_FINDING, leader);
  vlot__why_say(at, "n%u needs entries that n%u's log has let go, and ", peer->id, leader);
  if (peer->snapshot_index == 0) {
    vlot__why_say(at, "is sent nothing: %s", vlot_why_text(peer->why));
    return;
  }
  vlot__why_say(at,
                "is sent the snapshot at %" PRIu64 ": %" PRIu64 " of %" PRIu64
                " bytes are known to be there",
                peer->snapshot_index, peer->snapshot_acked, peer->snapshot_size);
  if (peer->why != VLOT_WHY_NONE) vlot__why_say(at, ": %s", vlot_why_text(peer->why));
  if (why_is_up(&status) && status.raft.is_installing) {
    say_install(at, peer->id);
  } else if (chunk) {
    vlot__why_say(at, "; ");
    vlot__why_say_way(at, chunk);
    say_bounds(at, leader, peer, chunk);
  }
  vlot__why_say_member(at, &status);
}

void vlot__why_add_snapshots(why *at, const vlot_node_status *leader) {
  for (size_t k = 0; k < at->moment->sending_count; k++)
    add_peer(at, leader->id, &at->moment->sending[k]);
}

void vlot__why_add_image(why *at, uint32_t id) {
  uint64_t now = at->moment->now;
  for (size_t k = 0; k < at->moment->pending_count; k++) {
    const vlot_pending *one = &at->moment->pending[k];
    if (one->kind != VLOT_PENDING_IMAGE || one->node != id) continue;
    vlot__why_begin(at, VLOT_REASON_FINDING, id);
    vlot__why_say(at,
                  "A snapshot of its own waits for its image: its machine was frozen at %" PRIu64
                  ", and i%u, which writes that, is ",
                  one->index, id);
    if (one->is_held)
      vlot__why_say(at, "held");
    else
      vlot__why_say(at, "due at tick %" PRIu64, one->due > now ? one->due : now);
  }
}

void vlot__why_add_coming(why *at, const vlot_node_status *status) {
  const vlot_raft_status *raft = &status->raft;
  if (raft->receives_index == 0) return;
  vlot__why_begin(at, VLOT_REASON_FINDING, status->id);
  vlot__why_say(at, "A snapshot at %" PRIu64 " comes: %" PRIu64 " of %" PRIu64 " bytes are here",
                raft->receives_index, raft->receives_offset, raft->receives_size);
  if (raft->is_installing) /* its disk, if that is it, is told of before */
    vlot__why_say(at, "; it is restored from, and put in place with one write");
}
