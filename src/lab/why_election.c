/* What is missing to a leader: who stands for election, what became of each vote, what is in the
 * way.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "pattern.h"
#include "why_inside.h"

/* What it would send waits for its disk. false: it does not. */
static bool add_disk(why *at, uint32_t id, const char *what) {
  vlot_node_status status = vlot__workspace_status(at->workspace, id);
  if (!why_is_up(&status) || status.raft.held_messages == 0) return false;
  vlot__view_why_say(at->view, "%s waits until n%u's disk has completed a write: ", what, id);
  return vlot__why_say_disk(at, id);
}

/* Why a voter has not given a candidate its vote, or that it has. */
static void add_voter(why *at, uint32_t candidate, uint32_t voter, const vlot_event *campaign) {
  vlot_node_status status = vlot__workspace_status(at->workspace, voter);
  const vlot_event *tally =
      vlot__past_newest(&at->workspace->past, candidate, BIT(TALLY), voter, campaign->sequence);
  const vlot_event *asked = vlot__past_sent(&at->workspace->past, candidate, voter,
                                            OF(PRE_VOTE) | OF(VOTE), campaign->sequence);
  vlot__view_why_begin(at->view, VLOT__VIEW_DETAIL, voter);
  vlot__view_why_say(at->view, "n%u: ", voter);
  if (tally && tally->why == VLOT_WHY_NONE)
    vlot__view_why_say(at->view, "granted");
  else if (tally)
    vlot__view_why_say(at->view, "refused: %s", vlot_why_text((vlot_why)tally->why));
  else if (asked)
    vlot__why_say_way(at, asked);
  else if (!add_disk(at, candidate, "what it is asked"))
    vlot__view_why_say(at->view, "was not asked");
  vlot__why_say_member(at, &status);
}

/* A vote for oneself is a promise too, and counts once it is durable. */
static void add_own_vote(why *at, uint32_t id) {
  vlot__view_why_begin(at->view, VLOT__VIEW_DETAIL, id);
  vlot__view_why_say(at->view, "n%u: ", id);
  if (!add_disk(at, id, "its own vote"))
    vlot__view_why_say(at->view, "its own vote is not counted yet");
}

/* How its last campaign went: who gave a vote, who did not, and why. */
void vlot__why_add_campaign(why *at, uint32_t id, const vlot_event *campaign) {
  vlot_node_status status = vlot__workspace_status(at->workspace, id);
  bool is_pre = campaign->as.change.from == 0;
  bool is_over = status.raft.role != (is_pre ? VLOT_ROLE_PRE_CANDIDATE : VLOT_ROLE_CANDIDATE);
  const vlot_event *tally =
      vlot__past_newest(&at->workspace->past, id, BIT(TALLY), 0, campaign->sequence);
  vlot__view_why_begin(at->view, VLOT__VIEW_FINDING, id);
  vlot__view_why_say(at->view, "n%u %s %s in term %" PRIu64 ": %" PRIu64 " of the %u it needs", id,
                     is_over ? "asked for" : "asks for", is_pre ? "pre-votes" : "votes",
                     campaign->as.change.term, tally ? tally->as.change.from : 0,
                     status.raft.quorum);
  if (!vlot__past_newest(&at->workspace->past, id, BIT(TALLY), id, campaign->sequence))
    add_own_vote(at, id);
  for (uint32_t voter = 1; voter <= at->workspace->options.nodes; voter++)
    if (voter != id && !vlot__workspace_status(at->workspace, voter).is_learner)
      add_voter(at, id, voter, campaign);
}

static bool is_cut(vlot__workspace *workspace, uint32_t a, uint32_t b) {
  vlot_link there, back;
  return vlot_cluster_get_link(workspace->cluster, a, b, &there) == VLOT_OK &&
         vlot_cluster_get_link(workspace->cluster, b, a, &back) == VLOT_OK &&
         (there.is_cut || back.is_cut);
}

/* It is up, and its vote counts. */
static bool is_able(const vlot_node_status *status) {
  return status->state == VLOT_NODE_UP && !status->is_learner && !status->raft.has_foreign_disk;
}

/* The most voters that some voter can talk to, itself among them. */
static uint32_t reachable(vlot__workspace *workspace) {
  uint32_t most = 0;
  for (uint32_t a = 1; a <= workspace->options.nodes; a++) {
    vlot_node_status status = vlot__workspace_status(workspace, a);
    uint32_t count = 1;
    if (!is_able(&status)) continue;
    for (uint32_t b = 1; b <= workspace->options.nodes; b++) {
      vlot_node_status other = vlot__workspace_status(workspace, b);
      if (a != b && is_able(&other) && !is_cut(workspace, a, b)) count++;
    }
    if (count > most) most = count;
  }
  return most;
}

/* Whose timer comes next; or why none does. */
static void add_next_timer(why *at) {
  size_t count, held = 0;
  vlot_pending *pending = vlot__pattern_pending(at->workspace, &count);
  const vlot_pending *next = NULL;
  uint64_t now = vlot_cluster_now(at->workspace->cluster);
  for (size_t k = 0; k < count; k++) {
    if (pending[k].kind != VLOT_PENDING_TIMER || pending[k].due == VLOT_NEVER) continue;
    if (pending[k].is_held)
      held++;
    else if (!next || pending[k].due < next->due)
      next = &pending[k];
  }
  uint64_t left = next && next->due > now ? next->due - now : 0;
  vlot__view_why_begin(at->view, VLOT__VIEW_FINDING, next ? next->node : 0);
  if (next)
    vlot__view_why_say(at->view, "The next timer is that of n%u, in %" PRIu64 " tick%s.",
                       next->node, left, left == 1 ? "" : "s");
  else if (held > 0)
    vlot__view_why_say(at->view, "No timer fires: %s held ('release all timer' lets %s go on).",
                       held == 1 ? "the only one is" : "all are", held == 1 ? "it" : "them");
  else
    vlot__view_why_say(at->view, "No timer runs: nothing will begin by itself.");
  free(pending);
}

/* What ended a leadership that began there: it stood down, its life ended, or it was suspended and
 * is so still. Whoever is resumed leads on. */
static const vlot_event *end_of_leading(const vlot__past_node *past, uint64_t since) {
  const uint64_t ends = BIT(STEP_DOWN) | BIT(KILL) | BIT(FENCED);
  const vlot_event *suspended = NULL;
  for (size_t k = 0; k < past->count; k++) {
    const vlot_event *event = &past->events[k];
    if (event->sequence <= since) continue;
    if (event->kind == VLOT_EVENT_SUSPEND) suspended = event;
    if (event->kind == VLOT_EVENT_RESUME) suspended = NULL;
    if (ends >> event->kind & 1) return suspended ? suspended : event;
  }
  return suspended;
}

/* Who led last, as far as is kept; *end: what ended it, NULL when nothing did that it knows of. */
static const vlot_event *last_leader(const vlot__workspace *workspace, const vlot_event **end) {
  const vlot_event *last = NULL;
  *end = NULL;
  for (uint32_t id = 1; id <= workspace->options.nodes; id++) {
    const vlot_event *won = vlot__past_newest(&workspace->past, id, BIT(LEADER), 0, 0);
    if (won && (!last || won->as.change.term > last->as.change.term)) last = won;
  }
  if (!last) return NULL;
  *end = end_of_leading(&workspace->past.nodes[last->node], last->sequence);
  return last;
}

static void add_last_leader(why *at, const vlot_event *last, const vlot_event *end) {
  char sentence[512];
  if (!last) return;
  vlot__view_why_begin(at->view, VLOT__VIEW_FINDING, last->node);
  vlot__view_why_say(at->view, "n%u led term %" PRIu64 ".", last->node, last->as.change.term);
  if (end) vlot_event_text(end, sentence, sizeof sentence);
  if (end) vlot__view_why_say(at->view, " Then, at tick %" PRIu64 ": %s", end->tick, sentence);
}

/* Campaigns that are under way, or that came later than the last leader and are of the newest
 * term. */
static void add_campaigns(why *at) {
  const vlot_event *end, *last = last_leader(at->workspace, &end);
  uint64_t term = last ? last->as.change.term + 1 : 0;
  unsigned shown = 0;
  for (uint32_t id = 1; id <= at->workspace->options.nodes; id++) {
    vlot_node_status status = vlot__workspace_status(at->workspace, id);
    if (why_is_up(&status) && status.raft.term > term) term = status.raft.term;
  }
  add_last_leader(at, last, end);
  for (uint32_t id = 1; id <= at->workspace->options.nodes; id++) {
    const vlot_event *campaign = vlot__past_newest(&at->workspace->past, id, BIT(CAMPAIGN), 0, 0);
    vlot_node_status status = vlot__workspace_status(at->workspace, id);
    if (!campaign || !why_is_up(&status) || campaign->incarnation != status.incarnation) continue;
    bool is_under_way =
        status.raft.role == VLOT_ROLE_CANDIDATE || status.raft.role == VLOT_ROLE_PRE_CANDIDATE;
    if (!is_under_way && campaign->as.change.term < term) continue;
    vlot__why_add_campaign(at, id, campaign);
    shown++;
  }
  if (shown == 0) {
    vlot__view_why_begin(at->view, VLOT__VIEW_FINDING, 0);
    vlot__view_why_say(at->view, "Nobody stands for election%s.", last ? " since" : "");
  }
  add_next_timer(at);
}

/* ": that takes …", or ", and CANNOT: …" */
static void say_why_nobody(vlot__workspace *workspace, const char *cannot, vlot__text *out) {
  uint32_t voters = 0, up = 0, able = 0, most = reachable(workspace);
  for (uint32_t id = 1; id <= workspace->options.nodes; id++) {
    vlot_node_status status = vlot__workspace_status(workspace, id);
    voters += !status.is_learner;
    up += !status.is_learner && status.state == VLOT_NODE_UP;
    able += is_able(&status);
  }
  uint32_t quorum = voters / 2 + 1;
  vlot_why obstacle = vlot_cluster_leaderless_why(workspace->cluster);
  if (obstacle == VLOT_WHY_DISKS_LOST)
    vlot__text_add(out, ", and %s: %s", cannot, vlot_why_text(obstacle));
  else if (obstacle == VLOT_WHY_NO_MEMORY)
    vlot__text_add(out, ", and %s: memory ran out, and voters are fenced for it", cannot);
  else if (up < quorum)
    vlot__text_add(out, ", and %s: %u of %u voters run%s, and a leader needs the votes of %u",
                   cannot, up, voters, up == 1 ? "s" : "", quorum);
  else if (able < quorum)
    vlot__text_add(
        out,
        ", and %s: %u of %u voters run%s with the disk that the configuration knows, and "
        "a leader needs the votes of %u",
        cannot, able, voters, able == 1 ? "s" : "", quorum);
  else if (most < quorum)
    vlot__text_add(out,
                   ", and %s: links are cut. No node reaches more than %u voter%s, itself among "
                   "them, and a leader needs the votes of %u",
                   cannot, most, most == 1 ? "" : "s", quorum);
  else
    vlot__text_add(out, ": that takes the votes of %u of %u", quorum, voters);
}

void vlot__why_nobody_leads(vlot__workspace *workspace, vlot__text *out) {
  vlot__text_add(out, "nobody leads");
  say_why_nobody(workspace, "nobody can", out);
}

void vlot__why_add_no_leader(why *at) {
  vlot__text sentence = {0};
  say_why_nobody(at->workspace, "there cannot be one", &sentence);
  vlot__view_why_begin(at->view, VLOT__VIEW_STATE, 0);
  vlot__view_why_say(at->view, "There is no leader%s.", sentence.data ? sentence.data : "");
  vlot__text_deinit(&sentence);
  vlot__why_add_cuts(at);
  for (uint32_t id = 1; id <= at->workspace->options.nodes; id++) vlot__why_add_obstacles(at, id);
  add_campaigns(at);
}
