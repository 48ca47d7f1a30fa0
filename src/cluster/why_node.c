/* Why: how a node is, what led there, and what is missing. */
#include <inttypes.h>

#include "cluster/why_inside.h"

static void add_state(why *at, const vlot_node_status *status) {
  bool is_running = status->state == VLOT_NODE_UP || status->state == VLOT_NODE_SUSPENDED;
  vlot__why_begin(at, VLOT_REASON_STATE, status->id);
  if (is_running && status->raft.role == VLOT_ROLE_LEADER)
    vlot__why_say(at, "n%u leads term %" PRIu64, status->id, status->raft.term);
  else if (is_running)
    vlot__why_say(at, "n%u is a %s in term %" PRIu64, status->id,
                  status->is_learner ? "learner" : vlot_role_name(status->raft.role),
                  status->raft.term);
  else
    vlot__why_say(at, "n%u is %s", status->id,
                  status->state == VLOT_NODE_FENCED ? "fenced" : "down");
  if (is_running && status->raft.role == VLOT_ROLE_FOLLOWER && status->raft.leader)
    vlot__why_say(at, " and follows n%u", status->raft.leader);
  else if (is_running && status->raft.role == VLOT_ROLE_FOLLOWER)
    vlot__why_say(at, " and knows no leader");
  vlot__why_say(at, "%s.", status->state == VLOT_NODE_SUSPENDED ? "; it is suspended" : "");
}

static uint64_t kinds_of(vlot_ask about) {
  const uint64_t change = BIT(LEADER) | BIT(STEP_DOWN) | BIT(ROLE) | BIT(VOTE) | BIT(TERM) |
                          BIT(APPEND) | BIT(TRUNCATE) | BIT(COMMIT) | BIT(CAMPAIGN) | BIT(FENCED) |
                          BIT(START) | BIT(KILL) | BIT(SUSPEND) | BIT(RESUME) |
                          BIT(SNAPSHOT_INSTALLED);
  switch (about) {
  case VLOT_ASK_ROLE:
    return BIT(LEADER) | BIT(STEP_DOWN) | BIT(ROLE) | BIT(FENCED) | BIT(START) | BIT(KILL);
  case VLOT_ASK_VOTE: return BIT(VOTE) | BIT(CAMPAIGN); /* who campaigns votes for itself */
  case VLOT_ASK_TERM: return BIT(TERM);
  case VLOT_ASK_LOG:
    return BIT(APPEND) | BIT(TRUNCATE) | BIT(MISMATCH) | BIT(SNAPSHOT_INSTALLED) | BIT(COMPACTED);
  case VLOT_ASK_COMMIT: return BIT(COMMIT);
  case VLOT_ASK_CAMPAIGN: return BIT(CAMPAIGN);
  default: break; /* any change */
  }
  return change;
}

/* The newest thing of that kind; that it was told to forget its leader is one where nothing has
 * happened since. */
static const vlot_event *find_event(const why *at, uint32_t id, vlot_ask about) {
  const vlot_past *past = at->past;
  const vlot_event *event = vlot_past_newest(past, id, kinds_of(about), 0, 0);
  const vlot_event *known = vlot_past_newest(past, id, BIT(KNOWN_LEADER), 0, 0);
  bool is_asked = about == VLOT_ASK_CHANGE || about == VLOT_ASK_ANYTHING || about == VLOT_ASK_ROLE;
  bool is_newer = known && (!event || known->sequence > event->sequence);
  return is_asked && is_newer && known->why == VLOT_WHY_LEADER_FORGOTTEN ? known : event;
}

void vlot__why_add_node(why *at, uint32_t id, vlot_ask about) {
  vlot_node_status status = vlot__why_status(at, id);
  const vlot_event *event = find_event(at, id, about);
  const vlot_event *campaign = vlot_past_newest(at->past, id, BIT(CAMPAIGN), 0, 0);
  add_state(at, &status);
  bool is_candidate =
      status.raft.role == VLOT_ROLE_CANDIDATE || status.raft.role == VLOT_ROLE_PRE_CANDIDATE;
  if (why_is_up(&status) && is_candidate && campaign && about == VLOT_ASK_ANYTHING)
    vlot__why_add_campaign(at, id, campaign);
  if (why_is_up(&status) && status.raft.role == VLOT_ROLE_LEADER &&
      (about == VLOT_ASK_ANYTHING || about == VLOT_ASK_COMMIT)) {
    vlot__why_add_commit(at, &status);
    vlot__why_add_snapshots(at, &status);
    vlot__why_add_reads(at, &status);
  }
  if (about == VLOT_ASK_ANYTHING) vlot__why_add_obstacles(at, id);
  if (why_is_up(&status) && status.raft.role != VLOT_ROLE_LEADER && about == VLOT_ASK_ANYTHING)
    vlot__why_add_forwards(at, &status);
  if (why_is_up(&status) && about == VLOT_ASK_ANYTHING) {
    vlot__why_add_coming(at, &status);
    vlot__why_add_image(at, id);
  }
  const vlot_event *start =
      vlot_past_newest(at->past, id, BIT(START), 0, event ? event->sequence : 0);
  if (event) vlot__why_add_chain(at, event);
  /* what it did before may be forgotten */
  if (event && start) vlot__why_add_event(at, start);
  if (event || about == VLOT_ASK_ANYTHING) return;
  vlot__why_begin(at, VLOT_REASON_FINDING, id);
  if (vlot_past_is_whole(at->past, id, 0)) {
    vlot__why_say(at, "Nothing of this kind has happened to it.");
  } else {
    vlot__why_say(at, "What of this kind has happened to it is ");
    vlot__why_say_forgotten(at, id);
  }
}
