#include "why.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pattern.h"
#include "screen.h"

enum { CHAIN_MAX = 48 };

static bool is_up(const vlot_node_status *status) {
  return status->state == VLOT_NODE_UP || status->state == VLOT_NODE_SUSPENDED;
}

#define BIT(kind) (UINT64_C(1) << VLOT_EVENT_##kind)
#define OF(kind)  (UINT64_C(1) << VLOT_MESSAGE_##kind)

typedef struct why {
  vlot__workspace *workspace;
  vlot__view_why *view;
} why;

/* --- the chain of causes --- */

static void add_event(why *at, const vlot_event *event, bool is_cause) {
  char sentence[512];
  vlot__view_line *line =
      vlot__view_why_begin(at->view, is_cause ? VLOT__VIEW_CAUSE : VLOT__VIEW_EVENT, event->node);
  if (line) line->event = vlot_event_id(event->node, event->sequence);
  if (line) line->tick = event->tick;
  vlot_event_text(event, sentence, sizeof sentence);
  vlot__view_why_say(at->view, "%s", sentence);
}

/* What was there first: nothing of the cluster's own. */
static void add_root(why *at, const vlot_event *first, uint64_t cause) {
  const char *root = "it was told to";
  char heartbeat[64];
  if (cause != 0)
    root = "what came before is too long ago: it is not kept";
  else if (first->why == VLOT_WHY_ELECTION_TIMEOUT)
    root = "its election timer fired";
  else if (first->why == VLOT_WHY_NO_QUORUM_CONTACT)
    root = "its timer fired, with which a leader looks whether a quorum still answers";
  else if (first->kind == VLOT_EVENT_PROPOSE || first->kind == VLOT_EVENT_READ)
    root = "a client asked";
  else if (first->kind == VLOT_EVENT_START)
    root = "it was started";
  else if (first->kind == VLOT_EVENT_KILL || first->kind == VLOT_EVENT_SUSPEND ||
           first->kind == VLOT_EVENT_RESUME)
    root = "somebody did that to it";
  else if (first->kind == VLOT_EVENT_SENT && first->as.message.kind == VLOT_MESSAGE_APPEND) {
    snprintf(heartbeat, sizeof heartbeat, "n%u's heartbeat timer fired", first->node);
    root = heartbeat;
  }
  vlot__view_why_begin(at->view, VLOT__VIEW_DETAIL, first->node);
  vlot__view_why_say(at->view, "and that is the beginning: %s", root);
}

/* A message is sent for a reason: a vote is asked for in a campaign and given by a decision, which
 * may have waited for the disk; entries are sent in the step that brought them. NULL: only a timer.
 */
static const vlot_event *reason_of(const vlot__workspace *workspace, const vlot_event *message) {
  bool asks = message->as.message.kind == VLOT_MESSAGE_PRE_VOTE ||
              message->as.message.kind == VLOT_MESSAGE_VOTE;
  bool votes = message->as.message.kind == VLOT_MESSAGE_PRE_VOTE_REPLY ||
               message->as.message.kind == VLOT_MESSAGE_VOTE_REPLY;
  uint64_t reasons = asks    ? BIT(CAMPAIGN)
                     : votes ? BIT(VOTE)
                             : BIT(LEADER) | BIT(APPEND) | BIT(MISMATCH);
  const vlot__past_node *past = &workspace->past.nodes[message->node];
  for (size_t k = past->count; k > 0; k--) {
    const vlot_event *event = &past->events[k - 1];
    if (event->sequence >= message->sequence) continue;
    if (!asks && !votes && event->cause != message->cause) break;
    if ((reasons >> event->kind & 1) && (!votes || event->peer == message->peer)) return event;
  }
  return NULL;
}

/* Steps go without saying, and so does that what was taken was sent: only why it was. */
static void add_chain(why *at, const vlot_event *event) {
  const vlot_event *said = event, *cause;
  add_event(at, event, false);
  for (unsigned k = 0; k < CHAIN_MAX; k++, event = cause) {
    cause = vlot__past_find(&at->workspace->past, event->cause);
    if (!cause) {
      add_root(at, said, event->cause);
      return;
    }
    bool was_sent = cause->kind == VLOT_EVENT_SENT && event->kind == VLOT_EVENT_RECEIVED;
    const vlot_event *shown = was_sent                         ? reason_of(at->workspace, cause)
                              : cause->kind == VLOT_EVENT_STEP ? NULL
                                                               : cause;
    if (was_sent && !shown) said = cause;
    if (!shown || shown == said) continue;
    add_event(at, shown, true);
    said = shown;
  }
  vlot__view_why_begin(at->view, VLOT__VIEW_DETAIL, said->node);
  vlot__view_why_say(at->view, "and so on: the chain is longer");
}

/* --- what became of a message --- */

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

/* "RequestVote #12 is under way"; false, and nothing: it was taken. */
static bool add_fate(why *at, const vlot_event *message) {
  vlot_pending pending;
  const vlot_event *end =
      vlot__past_end_of(&at->workspace->past, message->message, message->node, message->peer);
  if (end && end->kind == VLOT_EVENT_RECEIVED) return false;
  vlot__view_why_say(at->view, "%s #%" PRIu64 " ",
                     vlot_message_kind_name((vlot_message_kind)message->as.message.kind),
                     message->message);
  if (end)
    vlot__view_why_say(at->view, "was lost: %s", vlot_why_text((vlot_why)end->why));
  else if (find_pending(at->workspace, message->message, &pending))
    vlot__view_why_say(at->view, "is %s", pending.is_held ? "held" : "under way");
  else
    vlot__view_why_say(at->view, "waits for n%u", message->peer);
  return true;
}

/* --- elections --- */

/* What it would send waits for its disk. false: it does not. */
static bool add_disk(why *at, uint32_t id, const char *what) {
  vlot_node_status status = vlot__workspace_status(at->workspace, id);
  if (!is_up(&status) || status.raft.held_messages == 0) return false;
  vlot__view_why_say(at->view, "%s waits until n%u's disk has completed a write", what, id);
  return true;
}

/* It was asked, and no answer was counted. */
static void add_silence(why *at, uint32_t candidate, uint32_t voter, const vlot_event *asked) {
  const vlot_event *taken =
      vlot__past_end_of(&at->workspace->past, asked->message, candidate, voter);
  if (add_fate(at, asked)) return;
  const vlot_event *answer = vlot__past_sent(&at->workspace->past, voter, candidate,
                                             OF(PRE_VOTE_REPLY) | OF(VOTE_REPLY), taken->sequence);
  const vlot_event *ignored =
      vlot__past_newest(&at->workspace->past, voter, BIT(IGNORED), candidate, taken->sequence);
  if (answer) {
    if (!add_fate(at, answer)) vlot__view_why_say(at->view, "its answer came too late");
  } else if (ignored) {
    vlot__view_why_say(at->view, "it took no notice: %s", vlot_why_text((vlot_why)ignored->why));
  } else if (!add_disk(at, voter, "its answer")) {
    vlot__view_why_say(at->view, "it has not answered");
  }
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
    add_silence(at, candidate, voter, asked);
  else if (!add_disk(at, candidate, "what it is asked"))
    vlot__view_why_say(at->view, "was not asked");
  if (!is_up(&status)) vlot__view_why_say(at->view, "; it is down");
}

/* How its last campaign went: who gave a vote, who did not, and why. */
static void add_campaign(why *at, uint32_t id, const vlot_event *campaign) {
  vlot_node_status status = vlot__workspace_status(at->workspace, id);
  bool is_pre = campaign->as.change.from == 0;
  bool is_over = status.raft.role != (is_pre ? VLOT_ROLE_PRE_CANDIDATE : VLOT_ROLE_CANDIDATE);
  const vlot_event *tally =
      vlot__past_newest(&at->workspace->past, id, BIT(TALLY), 0, campaign->sequence);
  vlot__view_why_begin(at->view, VLOT__VIEW_FINDING, id);
  vlot__view_why_say(at->view, "n%u %s %s in term %" PRIu64 ": %" PRIu64 " of the %u it needs", id,
                     is_over ? "asked for" : "asks for", is_pre ? "pre-votes" : "votes",
                     campaign->as.change.term, tally ? tally->as.change.from : 1,
                     status.raft.quorum);
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

/* The most voters that some voter can talk to, itself among them. */
static uint32_t reachable(vlot__workspace *workspace) {
  uint32_t most = 0;
  for (uint32_t a = 1; a <= workspace->options.nodes; a++) {
    vlot_node_status status = vlot__workspace_status(workspace, a);
    uint32_t count = 1;
    if (status.state != VLOT_NODE_UP || status.is_learner) continue;
    for (uint32_t b = 1; b <= workspace->options.nodes; b++) {
      vlot_node_status other = vlot__workspace_status(workspace, b);
      if (a != b && other.state == VLOT_NODE_UP && !other.is_learner && !is_cut(workspace, a, b))
        count++;
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

/* Who led last, as far as is kept; *end: what ended it, NULL when nothing did that it knows of. */
static const vlot_event *last_leader(const vlot__workspace *workspace, const vlot_event **end) {
  const vlot_event *last = NULL;
  *end = NULL;
  for (uint32_t id = 1; id <= workspace->options.nodes; id++) {
    const vlot_event *won = vlot__past_newest(&workspace->past, id, BIT(LEADER), 0, 0);
    if (won && (!last || won->as.change.term > last->as.change.term)) last = won;
  }
  if (!last) return NULL;
  const vlot__past_node *past = &workspace->past.nodes[last->node];
  const uint64_t ends = BIT(STEP_DOWN) | BIT(KILL) | BIT(SUSPEND) | BIT(FENCED);
  for (size_t k = 0; k < past->count && !*end; k++)
    if (past->events[k].sequence > last->sequence && (ends >> past->events[k].kind & 1))
      *end = &past->events[k];
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
    if (is_up(&status) && status.raft.term > term) term = status.raft.term;
  }
  add_last_leader(at, last, end);
  for (uint32_t id = 1; id <= at->workspace->options.nodes; id++) {
    const vlot_event *campaign = vlot__past_newest(&at->workspace->past, id, BIT(CAMPAIGN), 0, 0);
    vlot_node_status status = vlot__workspace_status(at->workspace, id);
    if (!campaign || !is_up(&status) || campaign->incarnation != status.incarnation) continue;
    bool is_under_way =
        status.raft.role == VLOT_ROLE_CANDIDATE || status.raft.role == VLOT_ROLE_PRE_CANDIDATE;
    if (!is_under_way && campaign->as.change.term < term) continue;
    add_campaign(at, id, campaign);
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
  uint32_t voters = 0, up = 0, most = reachable(workspace);
  for (uint32_t id = 1; id <= workspace->options.nodes; id++) {
    vlot_node_status status = vlot__workspace_status(workspace, id);
    voters += !status.is_learner;
    up += !status.is_learner && status.state == VLOT_NODE_UP;
  }
  uint32_t quorum = voters / 2 + 1;
  vlot_why obstacle = vlot_cluster_leaderless_why(workspace->cluster);
  if (obstacle == VLOT_WHY_DISKS_LOST)
    vlot__text_add(out, ", and %s: %s", cannot, vlot_why_text(obstacle));
  else if (up < quorum)
    vlot__text_add(out, ", and %s: %u of %u voters run%s, and a leader needs the votes of %u",
                   cannot, up, voters, up == 1 ? "s" : "", quorum);
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

static void add_no_leader(why *at) {
  vlot__text sentence = {0};
  say_why_nobody(at->workspace, "there cannot be one", &sentence);
  vlot__view_why_begin(at->view, VLOT__VIEW_STATE, 0);
  vlot__view_why_say(at->view, "There is no leader%s.", sentence.data ? sentence.data : "");
  vlot__text_deinit(&sentence);
  add_campaigns(at);
}

/* --- commit --- */

static uint64_t match_of(vlot__workspace *workspace, const vlot_node_status *leader, uint32_t id,
                         uint64_t since) {
  if (id == leader->id) return leader->raft.durable_index;
  const vlot_event *match = vlot__past_newest(&workspace->past, leader->id, BIT(MATCH), id, since);
  return match ? match->as.change.to : 0;
}

uint64_t vlot__why_match(vlot__workspace *workspace, uint32_t id) {
  uint32_t leader = vlot_cluster_leader(workspace->cluster);
  if (leader == 0 || id == leader) return 0;
  vlot_node_status status = vlot__workspace_status(workspace, leader);
  const vlot_event *won = vlot__past_newest(&workspace->past, leader, BIT(LEADER), 0, 0);
  return match_of(workspace, &status, id, won ? won->sequence : 0);
}

static int descending(const void *left, const void *right) {
  uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;
  return a < b ? 1 : a > b ? -1 : 0; /* numbers alone: equal ones are the same */
}

static void add_follower(why *at, const vlot_node_status *leader, uint32_t id, uint64_t match,
                         uint64_t since) {
  vlot_node_status status = vlot__workspace_status(at->workspace, id);
  const vlot_event *append =
      vlot__past_sent(&at->workspace->past, leader->id, id, OF(APPEND), since);
  bool lacks = id != leader->id && append && match < leader->raft.last_index;
  vlot__view_why_begin(at->view, VLOT__VIEW_DETAIL, id);
  vlot__view_why_say(at->view, "n%u: known to store up to %" PRIu64 "%s", id, match,
                     lacks ? "; " : "");
  if (lacks && !add_fate(at, append)) {
    const vlot_event *answer =
        vlot__past_sent(&at->workspace->past, id, leader->id, OF(APPEND_REPLY), 0);
    if (!answer || !add_fate(at, answer)) vlot__view_why_say(at->view, "more was not sent yet");
  }
  vlot__view_why_say(at->view, "%s%s", status.is_learner ? "; it is a learner" : "",
                     is_up(&status) ? "" : "; it is down");
}

/* Section 5.3 and 5.4.2: a quorum stores it, and it is of the leader's own term. */
static void add_commit(why *at, const vlot_node_status *leader) {
  uint64_t matches[VLOT__WORKSPACE_NODES_MAX];
  uint32_t voters = 0, quorum = leader->raft.quorum;
  const vlot_event *won = vlot__past_newest(&at->workspace->past, leader->id, BIT(LEADER), 0, 0);
  uint64_t since = won ? won->sequence : 0, commit = leader->raft.commit_index;
  const vlot__workspace_log *log = &at->workspace->logs[leader->id];
  vlot__view_why_begin(at->view, VLOT__VIEW_FINDING, leader->id);
  if (commit >= leader->raft.last_index) {
    vlot__view_why_say(at->view, "All of its log is committed.");
    return;
  }
  for (uint32_t id = 1; id <= at->workspace->options.nodes; id++)
    if (!vlot__workspace_status(at->workspace, id).is_learner)
      matches[voters++] = match_of(at->workspace, leader, id, since);
  qsort(matches, voters, sizeof *matches, descending);
  uint64_t stored = quorum > 0 && quorum <= voters ? matches[quorum - 1] : 0;
  uint64_t term = stored > 0 && stored <= log->size ? log->terms[stored - 1] : 0;
  vlot__view_why_say(at->view, "It knows as committed %" PRIu64 " of %" PRIu64 " entries: ", commit,
                     leader->raft.last_index);
  if (stored > commit && term != 0 && term < leader->raft.term)
    vlot__view_why_say(at->view,
                       "a quorum stores entry %" PRIu64 ", but it is of term %" PRIu64
                       "; a leader counts only entries of its own term, %" PRIu64
                       ", and commits the others with them (section 5.4.2)",
                       stored, term, leader->raft.term);
  else
    vlot__view_why_say(at->view, "entry %" PRIu64 " is not known to be stored by %u voter%s",
                       commit + 1, quorum, quorum == 1 ? "" : "s");
  for (uint32_t id = 1; id <= at->workspace->options.nodes; id++)
    add_follower(at, leader, id, match_of(at->workspace, leader, id, since), since);
}

/* --- a node --- */

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
                          BIT(START) | BIT(KILL) | BIT(SUSPEND) | BIT(RESUME);
  switch (about) {
  case VLOT__WHY_ROLE:
    return BIT(LEADER) | BIT(STEP_DOWN) | BIT(ROLE) | BIT(FENCED) | BIT(START) | BIT(KILL);
  case VLOT__WHY_VOTE: return BIT(VOTE) | BIT(CAMPAIGN); /* who campaigns votes for itself */
  case VLOT__WHY_TERM: return BIT(TERM);
  case VLOT__WHY_LOG: return BIT(APPEND) | BIT(TRUNCATE) | BIT(MISMATCH);
  case VLOT__WHY_COMMIT: return BIT(COMMIT);
  case VLOT__WHY_CAMPAIGN: return BIT(CAMPAIGN);
  case VLOT__WHY_CHANGE:
  case VLOT__WHY_ANYTHING: break;
  }
  return change;
}

static void add_node(why *at, uint32_t id, vlot__why_about about) {
  vlot__workspace *workspace = at->workspace;
  vlot_node_status status = vlot__workspace_status(workspace, id);
  const vlot_event *event = vlot__past_newest(&workspace->past, id, kinds_of(about), 0, 0);
  const vlot_event *campaign = vlot__past_newest(&workspace->past, id, BIT(CAMPAIGN), 0, 0);
  add_state(at, &status);
  bool is_candidate =
      status.raft.role == VLOT_ROLE_CANDIDATE || status.raft.role == VLOT_ROLE_PRE_CANDIDATE;
  if (is_up(&status) && is_candidate && campaign && about == VLOT__WHY_ANYTHING)
    add_campaign(at, id, campaign);
  if (is_up(&status) && status.raft.role == VLOT_ROLE_LEADER &&
      (about == VLOT__WHY_ANYTHING || about == VLOT__WHY_COMMIT))
    add_commit(at, &status);
  const vlot_event *start =
      vlot__past_newest(&workspace->past, id, BIT(START), 0, event ? event->sequence : 0);
  if (event) add_chain(at, event);
  /* what it did before may be forgotten */
  if (event && start) add_event(at, start, false);
  if (event || about == VLOT__WHY_ANYTHING) return;
  vlot__view_why_begin(at->view, VLOT__VIEW_FINDING, id);
  vlot__view_why_say(at->view, "Nothing of this kind has happened to it.");
}

bool vlot__why_look(vlot__view_why *view, vlot__workspace *workspace, uint32_t node,
                    vlot__why_about about) {
  why at = {.workspace = workspace, .view = view};
  uint32_t id = node ? node : vlot_cluster_leader(workspace->cluster);
  *view = (vlot__view_why){.count = 0};
  if (id)
    add_node(&at, id, about);
  else
    add_no_leader(&at);
  return view->count > 0;
}
