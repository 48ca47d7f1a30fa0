/* Why: how a node is, what led there, and what is missing. */
#include <inttypes.h>

#include "screen.h"
#include "why_inside.h"

static void add_state(why *at, const vlot_node_status *status) {
  bool is_running = status->state == VLOT_NODE_UP || status->state == VLOT_NODE_SUSPENDED;
  vlot__view_why_begin(at->view, VLOT__VIEW_STATE, status->id);
  if (is_running && status->raft.role == VLOT_ROLE_LEADER)
    vlot__view_why_say(at->view, "n%u leads term %" PRIu64, status->id, status->raft.term);
  else if (is_running)
    vlot__view_why_say(at->view, "n%u is a %s in term %" PRIu64, status->id,
                       status->is_learner ? "learner" : vlot_role_name(status->raft.role),
                       status->raft.term);
  else
    vlot__view_why_say(at->view, "n%u is %s", status->id, vlot__screen_role(status));
  if (is_running && status->raft.role == VLOT_ROLE_FOLLOWER && status->raft.leader)
    vlot__view_why_say(at->view, " and follows n%u", status->raft.leader);
  else if (is_running && status->raft.role == VLOT_ROLE_FOLLOWER)
    vlot__view_why_say(at->view, " and knows no leader");
  vlot__view_why_say(at->view, "%s.",
                     status->state == VLOT_NODE_SUSPENDED ? "; it is suspended" : "");
}

static uint64_t kinds_of(vlot__why_about about) {
  const uint64_t change = BIT(LEADER) | BIT(STEP_DOWN) | BIT(ROLE) | BIT(VOTE) | BIT(TERM) |
                          BIT(APPEND) | BIT(TRUNCATE) | BIT(COMMIT) | BIT(CAMPAIGN) | BIT(FENCED) |
                          BIT(START) | BIT(KILL) | BIT(SUSPEND) | BIT(RESUME) |
                          BIT(SNAPSHOT_INSTALLED);
  switch (about) {
  case VLOT__WHY_ROLE:
    return BIT(LEADER) | BIT(STEP_DOWN) | BIT(ROLE) | BIT(FENCED) | BIT(START) | BIT(KILL);
  case VLOT__WHY_VOTE: return BIT(VOTE) | BIT(CAMPAIGN); /* who campaigns votes for itself */
  case VLOT__WHY_TERM: return BIT(TERM);
  case VLOT__WHY_LOG:
    return BIT(APPEND) | BIT(TRUNCATE) | BIT(MISMATCH) | BIT(SNAPSHOT_INSTALLED) | BIT(COMPACTED);
  case VLOT__WHY_COMMIT: return BIT(COMMIT);
  case VLOT__WHY_CAMPAIGN: return BIT(CAMPAIGN);
  case VLOT__WHY_CHANGE:
  case VLOT__WHY_ANYTHING: break;
  }
  return change;
}

/* The newest thing of that kind; that it was told to forget its leader is one where nothing has
 * happened since. */
static const vlot_event *find_event(const why *at, uint32_t id, vlot__why_about about) {
  const vlot__past *past = &at->workspace->past;
  const vlot_event *event = vlot__past_newest(past, id, kinds_of(about), 0, 0);
  const vlot_event *known = vlot__past_newest(past, id, BIT(KNOWN_LEADER), 0, 0);
  bool is_asked =
      about == VLOT__WHY_CHANGE || about == VLOT__WHY_ANYTHING || about == VLOT__WHY_ROLE;
  bool is_newer = known && (!event || known->sequence > event->sequence);
  return is_asked && is_newer && known->why == VLOT_WHY_LEADER_FORGOTTEN ? known : event;
}

static void add_node(why *at, uint32_t id, vlot__why_about about) {
  vlot__workspace *workspace = at->workspace;
  vlot_node_status status = vlot__workspace_status(workspace, id);
  const vlot_event *event = find_event(at, id, about);
  const vlot_event *campaign = vlot__past_newest(&workspace->past, id, BIT(CAMPAIGN), 0, 0);
  add_state(at, &status);
  bool is_candidate =
      status.raft.role == VLOT_ROLE_CANDIDATE || status.raft.role == VLOT_ROLE_PRE_CANDIDATE;
  if (why_is_up(&status) && is_candidate && campaign && about == VLOT__WHY_ANYTHING)
    vlot__why_add_campaign(at, id, campaign);
  if (why_is_up(&status) && status.raft.role == VLOT_ROLE_LEADER &&
      (about == VLOT__WHY_ANYTHING || about == VLOT__WHY_COMMIT)) {
    vlot__why_add_commit(at, &status);
    vlot__why_add_snapshots(at, &status);
    vlot__why_add_reads(at, &status);
  }
  if (about == VLOT__WHY_ANYTHING) vlot__why_add_obstacles(at, id);
  if (why_is_up(&status) && status.raft.role != VLOT_ROLE_LEADER && about == VLOT__WHY_ANYTHING)
    vlot__why_add_forwards(at, &status);
  if (why_is_up(&status) && about == VLOT__WHY_ANYTHING) {
    vlot__why_add_coming(at, &status);
    vlot__why_add_image(at, id);
  }
  const vlot_event *start =
      vlot__past_newest(&workspace->past, id, BIT(START), 0, event ? event->sequence : 0);
  if (event) vlot__why_add_chain(at, event);
  /* what it did before may be forgotten */
  if (event && start) vlot__why_add_event(at, start);
  if (event || about == VLOT__WHY_ANYTHING) return;
  vlot__view_why_begin(at->view, VLOT__VIEW_FINDING, id);
  if (vlot__past_is_whole(&workspace->past, id, 0)) {
    vlot__view_why_say(at->view, "Nothing of this kind has happened to it.");
  } else {
    vlot__view_why_say(at->view, "What of this kind has happened to it is ");
    vlot__why_say_forgotten(at, id);
  }
}

bool vlot__why_look(vlot__view_why *view, vlot__workspace *workspace, uint32_t node,
                    vlot__why_about about) {
  why at = {.workspace = workspace, .view = view};
  uint32_t id = node ? node : vlot_cluster_leader(workspace->cluster);
  *view = (vlot__view_why){.count = 0};
  if (id)
    add_node(&at, id, about);
  else
    vlot__why_add_no_leader(&at);
  return view->count > 0;
}
