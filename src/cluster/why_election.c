/* What is missing to a leader: who stands for election, what became of each vote, what is in the
 * way.
 */
#include <inttypes.h>

#include "cluster/why_inside.h"

/* What it would send waits for its disk. false: it does not. */
static bool add_disk(why *at, uint32_t id, const char *what) {
  vlot_node_status status = vlot__why_status(at, id);
  if (!why_is_up(&status) || status.raft.held_messages == 0) return false;
  vlot__why_say(at, "%s waits until n%u's disk has completed a write: ", what, id);
  return vlot__why_say_disk(at, id);
}

/* Why a voter has not given a candidate its vote, or that it has. */
static void add_voter(why *at, uint32_t candidate, uint32_t voter, const vlot_event *campaign) {
  vlot_node_status status = vlot__why_status(at, voter);
  const vlot_event *tally =
      vlot_past_newest(at->past, candidate, BIT(TALLY), voter, campaign->sequence);
  const vlot_event *asked =
      vlot__past_sent(at->past, candidate, voter, OF(PRE_VOTE) | OF(VOTE), campaign->sequence);
  vlot__why_begin(at, VLOT_REASON_DETAIL, voter);
  vlot__why_say(at, "n%u: ", voter);
  if (tally && tally->why == VLOT_WHY_NONE)
    vlot__why_say(at, "granted");
  else if (tally)
    vlot__why_say(at, "refused: %s", vlot_why_text((vlot_why)tally->why));
  else if (asked)
    vlot__why_say_way(at, asked);
  else if (!add_disk(at, candidate, "what it is asked"))
    vlot__why_say(at, "was not asked");
  vlot__why_say_member(at, &status);
}

/* A vote for oneself is a promise too, and counts once it is durable. */
static void add_own_vote(why *at, uint32_t id) {
  vlot__why_begin(at, VLOT_REASON_DETAIL, id);
  vlot__why_say(at, "n%u: ", id);
  if (!add_disk(at, id, "its own vote")) vlot__why_say(at, "its own vote is not counted yet");
}

/* How its last campaign went: who gave a vote, who did not, and why. */
void vlot__why_add_campaign(why *at, uint32_t id, const vlot_event *campaign) {
  vlot_node_status status = vlot__why_status(at, id);
  bool is_pre = campaign->as.change.from == 0;
  bool is_over = status.raft.role != (is_pre ? VLOT_ROLE_PRE_CANDIDATE : VLOT_ROLE_CANDIDATE);
  const vlot_event *tally = vlot_past_newest(at->past, id, BIT(TALLY), 0, campaign->sequence);
  vlot__why_begin(at, VLOT_REASON_FINDING, id);
  vlot__why_say(at, "n%u %s %s in term %" PRIu64 ": %" PRIu64 " of the %u it needs", id,
                is_over ? "asked for" : "asks for", is_pre ? "pre-votes" : "votes",
                campaign->as.change.term, tally ? tally->as.change.from : 0, status.raft.quorum);
  if (!is_over)
    vlot__why_wait_quorum(at, VLOT_WAIT_VOTES, id, (uint32_t)(tally ? tally->as.change.from : 0),
                          status.raft.quorum);
  if (!vlot_past_newest(at->past, id, BIT(TALLY), id, campaign->sequence)) add_own_vote(at, id);
  for (uint32_t voter = vlot__why_next(at, 0); voter; voter = vlot__why_next(at, voter))
    if (voter != id && !vlot__why_status(at, voter).is_learner) add_voter(at, id, voter, campaign);
}

static bool is_cut(const why *at, uint32_t a, uint32_t b) {
  return vlot__why_is_cut(at, a, b) || vlot__why_is_cut(at, b, a);
}

/* It is up, and its vote counts. */
static bool is_able(const vlot_node_status *status) {
  return status->state == VLOT_NODE_UP && !status->is_learner && !status->raft.has_foreign_disk;
}

/* The most voters that some voter can talk to, itself among them. */
static uint32_t reachable(const why *at) {
  uint32_t most = 0;
  for (uint32_t a = vlot__why_next(at, 0); a; a = vlot__why_next(at, a)) {
    vlot_node_status status = vlot__why_status(at, a);
    uint32_t count = 1;
    if (!is_able(&status)) continue;
    for (uint32_t b = vlot__why_next(at, 0); b; b = vlot__why_next(at, b)) {
      vlot_node_status other = vlot__why_status(at, b);
      if (a != b && is_able(&other) && !is_cut(at, a, b)) count++;
    }
    if (count > most) most = count;
  }
  return most;
}

/* Whose timer comes next; or why none does. */
static void add_next_timer(why *at) {
  const vlot__moment *moment = at->moment;
  const vlot_pending *next = NULL;
  size_t held = 0;
  for (size_t k = 0; k < moment->pending_count; k++) {
    const vlot_pending *one = &moment->pending[k];
    if (one->kind != VLOT_PENDING_TIMER || one->due == VLOT_NEVER) continue;
    if (one->is_held)
      held++;
    else if (!next || one->due < next->due)
      next = one;
  }
  uint64_t left = next && next->due > moment->now ? next->due - moment->now : 0;
  vlot__why_begin(at, VLOT_REASON_FINDING, next ? next->node : 0);
  if (next) {
    vlot_wait wait = vlot__why_wait_of(VLOT_WAIT_TIMER, next->node);
    wait.until = next->due;
    vlot__why_wait(at, wait);
    vlot__why_say(at, "The next timer is that of n%u, in %" PRIu64 " tick%s.", next->node, left,
                  left == 1 ? "" : "s");
  } else if (held > 0) {
    vlot__why_say(at, "No timer fires: %s held ('release all timer' lets %s go on).",
                  held == 1 ? "the only one is" : "all are", held == 1 ? "it" : "them");
  } else {
    vlot__why_say(at, "No timer runs: nothing will begin by itself.");
  }
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
static const vlot_event *last_leader(const why *at, const vlot_event **end) {
  const vlot_event *last = NULL;
  *end = NULL;
  for (uint32_t id = vlot__why_next(at, 0); id; id = vlot__why_next(at, id)) {
    const vlot_event *won = vlot_past_newest(at->past, id, BIT(LEADER), 0, 0);
    if (won && (!last || won->as.change.term > last->as.change.term)) last = won;
  }
  if (!last) return NULL;
  *end = end_of_leading(vlot__past_of(at->past, last->node), last->sequence);
  return last;
}

static void add_last_leader(why *at, const vlot_event *last, const vlot_event *end) {
  char sentence[512];
  if (!last) return;
  vlot__why_begin(at, VLOT_REASON_FINDING, last->node);
  vlot__why_say(at, "n%u led term %" PRIu64 ".", last->node, last->as.change.term);
  if (end) vlot_event_text(end, sentence, sizeof sentence);
  if (end) vlot__why_say(at, " Then, at tick %" PRIu64 ": %s", end->tick, sentence);
}

/* Campaigns that are under way, or that came later than the last leader and are of the newest
 * term. */
static void add_campaigns(why *at) {
  const vlot_event *end, *last = last_leader(at, &end);
  uint64_t term = last ? last->as.change.term + 1 : 0;
  unsigned shown = 0;
  for (uint32_t id = vlot__why_next(at, 0); id; id = vlot__why_next(at, id)) {
    vlot_node_status status = vlot__why_status(at, id);
    if (why_is_up(&status) && status.raft.term > term) term = status.raft.term;
  }
  add_last_leader(at, last, end);
  for (uint32_t id = vlot__why_next(at, 0); id; id = vlot__why_next(at, id)) {
    const vlot_event *campaign = vlot_past_newest(at->past, id, BIT(CAMPAIGN), 0, 0);
    vlot_node_status status = vlot__why_status(at, id);
    if (!campaign || !why_is_up(&status) || campaign->incarnation != status.incarnation) continue;
    bool is_under_way =
        status.raft.role == VLOT_ROLE_CANDIDATE || status.raft.role == VLOT_ROLE_PRE_CANDIDATE;
    if (!is_under_way && campaign->as.change.term < term) continue;
    vlot__why_add_campaign(at, id, campaign);
    shown++;
  }
  if (shown == 0) {
    vlot__why_begin(at, VLOT_REASON_FINDING, 0);
    vlot__why_say(at, "Nobody stands for election%s.", last ? " since" : "");
  }
  add_next_timer(at);
}

/* ": that takes …", or ", and there cannot be one: …" */
static void say_why_nobody(why *at) {
  static const char cannot[] = "there cannot be one";
  uint32_t voters = 0, up = 0, able = 0, most = reachable(at);
  for (uint32_t id = vlot__why_next(at, 0); id; id = vlot__why_next(at, id)) {
    vlot_node_status status = vlot__why_status(at, id);
    voters += !status.is_learner;
    up += !status.is_learner && status.state == VLOT_NODE_UP;
    able += is_able(&status);
  }
  uint32_t quorum = voters / 2 + 1;
  vlot_why obstacle = at->moment->obstacle;
  vlot__why_wait_quorum(at, VLOT_WAIT_VOTERS, 0, most, quorum);
  if (obstacle == VLOT_WHY_DISKS_LOST)
    vlot__why_say(at, ", and %s: %s", cannot, vlot_why_text(obstacle));
  else if (obstacle == VLOT_WHY_NO_MEMORY)
    vlot__why_say(at, ", and %s: memory ran out, and voters are fenced for it", cannot);
  else if (up < quorum)
    vlot__why_say(at, ", and %s: %u of %u voters run%s, and a leader needs the votes of %u", cannot,
                  up, voters, up == 1 ? "s" : "", quorum);
  else if (able < quorum)
    vlot__why_say(at,
                  ", and %s: %u of %u voters run%s with the disk that the configuration knows, and "
                  "a leader needs the votes of %u",
                  cannot, able, voters, able == 1 ? "s" : "", quorum);
  else if (most < quorum)
    vlot__why_say(at,
                  ", and %s: links are cut. No node reaches more than %u voter%s, itself among "
                  "them, and a leader needs the votes of %u",
                  cannot, most, most == 1 ? "" : "s", quorum);
  else
    vlot__why_say(at, ": that takes the votes of %u of %u", quorum, voters);
}

void vlot__why_add_no_leader(why *at) {
  vlot__why_begin(at, VLOT_REASON_STATE, 0);
  vlot__why_say(at, "There is no leader");
  say_why_nobody(at);
  vlot__why_say(at, ".");
  vlot__why_add_cuts(at);
  for (uint32_t id = vlot__why_next(at, 0); id; id = vlot__why_next(at, id))
    vlot__why_add_obstacles(at, id);
  add_campaigns(at);
}
