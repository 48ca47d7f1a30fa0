/* Whose word counts, and what is said of a member at the end of a line. */
#include <inttypes.h>

#include "cluster/why_inside.h"

/* Since when its disk is another one; NULL: that is not known. */
static const vlot_event *find_wipe(const why *at, uint32_t id) {
  const vlot__past_node *past = vlot__past_of(at->past, id);
  for (size_t k = 0; k < past->count; k++)
    if (past->events[k].kind == VLOT_EVENT_RESTART &&
        past->events[k].as.change.from == VLOT_RESTART_WIPE)
      return &past->events[k];
  return NULL;
}

bool vlot__why_counts(const why *at, uint32_t id, const vlot_event *told) {
  const vlot_past *past = at->past;
  if (!vlot__why_status(at, id).raft.has_foreign_disk) return true;
  const vlot_event *wipe = find_wipe(at, id);
  if (wipe && told->tick < wipe->tick)
    return true; /* also where what it was told by is forgotten */
  const vlot_event *taken = told->kind == VLOT_EVENT_RECEIVED ? told : NULL;
  if (!taken) taken = vlot_past_find(past, told->cause);
  const vlot_event *sent = taken ? vlot_past_find(past, taken->cause) : NULL;
  if (!wipe || !sent) return false;
  sent = vlot__why_first_of(at, sent);
  return sent->node == id && sent->sequence < wipe->sequence;
}

void vlot__why_say_foreign(why *at, uint32_t id) {
  const vlot_event *wipe = find_wipe(at, id);
  vlot__why_say(at, "disk is not the one the configuration knows");
  if (wipe && wipe->why != VLOT_WHY_FOREIGN_DISK)
    vlot__why_say(
        at, ", since it was wiped at tick %" PRIu64 ": what it says since then does not count",
        wipe->tick);
  else
    vlot__why_say(at, ": what it says does not count");
}

void vlot__why_say_member(why *at, const vlot_node_status *status) {
  if (status->is_learner) vlot__why_say(at, "; it is a learner, which does not count");
  if (status->state == VLOT_NODE_SUSPENDED) vlot__why_say(at, "; it is suspended");
  if (status->state != VLOT_NODE_UP)
    vlot__why_wait(at, vlot__why_wait_of(VLOT_WAIT_NODE, status->id));
  if (status->state == VLOT_NODE_FENCED)
    vlot__why_say(at, "; it is fenced");
  else if (!why_is_up(status))
    vlot__why_say(at, "; it is down");
  if (!status->raft.has_foreign_disk || status->is_learner) return;
  vlot__why_wait(at, vlot__why_wait_of(VLOT_WAIT_IDENTITY, status->id));
  vlot__why_say(at, "; its ");
  vlot__why_say_foreign(at, status->id);
}

void vlot__why_say_forgotten(why *at, uint32_t node) {
  const vlot__past_node *past = vlot__past_of(at->past, node);
  size_t whole = 0;
  while (whole < past->count && past->events[past->count - 1 - whole].sequence >= past->whole_from)
    whole++;
  vlot__why_say(at, "no longer known: of n%u the last %zu events are kept", node, whole);
}
