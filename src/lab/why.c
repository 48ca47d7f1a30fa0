/* Why: the chain of causes of what a node did, and what is missing for what it has not done yet. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pattern.h"
#include "screen.h"
#include "verbs.h"

enum { CHAIN_MAX = 48 };

static bool is_up(const vlot_node_status *status) {
  return status->state == VLOT_NODE_UP || status->state == VLOT_NODE_SUSPENDED;
}

/* The newest event of a node that is of one of these kinds (bits), with this peer (0: any), after a
 * sequence. */
static const vlot_event *newest(const vlot__workspace *workspace, uint32_t node, uint64_t kinds,
                                uint32_t peer, uint64_t after) {
  const vlot__past_node *past = &workspace->past.nodes[node];
  for (size_t k = past->count; k > 0 && past->events[k - 1].sequence > after; k--) {
    const vlot_event *event = &past->events[k - 1];
    if ((kinds >> event->kind & 1) && (peer == 0 || event->peer == peer)) return event;
  }
  return NULL;
}

#define BIT(kind) (UINT64_C(1) << VLOT_EVENT_##kind)
#define OF(kind)  (UINT64_C(1) << VLOT_MESSAGE_##kind)

/* The newest message that a node sent to a peer, of one of these kinds, after a sequence. */
static const vlot_event *sent(const vlot__workspace *workspace, uint32_t node, uint32_t peer,
                              uint64_t messages, uint64_t after) {
  const vlot__past_node *past = &workspace->past.nodes[node];
  for (size_t k = past->count; k > 0 && past->events[k - 1].sequence > after; k--) {
    const vlot_event *event = &past->events[k - 1];
    if (event->kind == VLOT_EVENT_SENT && event->peer == peer &&
        (messages >> event->as.message.kind & 1))
      return event;
  }
  return NULL;
}

/* --- the chain of causes --- */

static void add_event(vlot__workspace *workspace, const vlot_event *event, bool is_cause) {
  char sentence[512];
  vlot_event_text(event, sentence, sizeof sentence);
  vlot__text_add(&workspace->out, "%6" PRIu64 "  %s%s\n", event->tick, is_cause ? "  because " : "",
                 sentence);
}

/* What was there first: nothing of the cluster's own. */
static void add_root(vlot__workspace *workspace, const vlot_event *first, uint64_t cause) {
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
  vlot__text_add(&workspace->out, "          and that is the beginning: %s\n", root);
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
static void add_chain(vlot__workspace *workspace, const vlot_event *event) {
  const vlot_event *said = event, *cause;
  add_event(workspace, event, false);
  for (unsigned k = 0; k < CHAIN_MAX; k++, event = cause) {
    cause = vlot__past_find(&workspace->past, event->cause);
    if (!cause) {
      add_root(workspace, said, event->cause);
      return;
    }
    bool was_sent = cause->kind == VLOT_EVENT_SENT && event->kind == VLOT_EVENT_RECEIVED;
    const vlot_event *shown = was_sent                         ? reason_of(workspace, cause)
                              : cause->kind == VLOT_EVENT_STEP ? NULL
                                                               : cause;
    if (was_sent && !shown) said = cause;
    if (!shown || shown == said) continue;
    add_event(workspace, shown, true);
    said = shown;
  }
  vlot__text_add(&workspace->out, "          and so on: the chain is longer\n");
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
static bool add_fate(vlot__workspace *workspace, const vlot_event *message) {
  vlot_pending pending;
  const vlot_event *end =
      vlot__past_end_of(&workspace->past, message->message, message->node, message->peer);
  if (end && end->kind == VLOT_EVENT_RECEIVED) return false;
  vlot__text_add(&workspace->out, "%s #%" PRIu64 " ",
                 vlot_message_kind_name((vlot_message_kind)message->as.message.kind),
                 message->message);
  if (end)
    vlot__text_add(&workspace->out, "was lost: %s", vlot_why_text((vlot_why)end->why));
  else if (find_pending(workspace, message->message, &pending))
    vlot__text_add(&workspace->out, "is %s", pending.is_held ? "held" : "under way");
  else
    vlot__text_add(&workspace->out, "waits for n%u", message->peer);
  return true;
}

/* --- elections --- */

/* What it would send waits for its disk. false: it does not. */
static bool add_disk(vlot__workspace *workspace, uint32_t id, const char *what) {
  vlot_node_status status = vlot__workspace_status(workspace, id);
  if (!is_up(&status) || status.raft.held_messages == 0) return false;
  vlot__text_add(&workspace->out, "%s waits until n%u's disk has completed a write", what, id);
  return true;
}

/* It was asked, and no answer was counted. */
static void add_silence(vlot__workspace *workspace, uint32_t candidate, uint32_t voter,
                        const vlot_event *asked) {
  const vlot_event *taken = vlot__past_end_of(&workspace->past, asked->message, candidate, voter);
  if (add_fate(workspace, asked)) return;
  const vlot_event *answer =
      sent(workspace, voter, candidate, OF(PRE_VOTE_REPLY) | OF(VOTE_REPLY), taken->sequence);
  const vlot_event *ignored = newest(workspace, voter, BIT(IGNORED), candidate, taken->sequence);
  if (answer) {
    if (!add_fate(workspace, answer)) vlot__text_add(&workspace->out, "its answer came too late");
  } else if (ignored) {
    vlot__text_add(&workspace->out, "it took no notice: %s", vlot_why_text((vlot_why)ignored->why));
  } else if (!add_disk(workspace, voter, "its answer")) {
    vlot__text_add(&workspace->out, "it has not answered");
  }
}

/* Why a voter has not given a candidate its vote, or that it has. */
static void add_voter(vlot__workspace *workspace, uint32_t candidate, uint32_t voter,
                      const vlot_event *campaign) {
  vlot_node_status status = vlot__workspace_status(workspace, voter);
  const vlot_event *tally = newest(workspace, candidate, BIT(TALLY), voter, campaign->sequence);
  const vlot_event *asked =
      sent(workspace, candidate, voter, OF(PRE_VOTE) | OF(VOTE), campaign->sequence);
  vlot__text_add(&workspace->out, "          n%u: ", voter);
  if (tally && tally->why == VLOT_WHY_NONE)
    vlot__text_add(&workspace->out, "granted");
  else if (tally)
    vlot__text_add(&workspace->out, "refused: %s", vlot_why_text((vlot_why)tally->why));
  else if (asked)
    add_silence(workspace, candidate, voter, asked);
  else if (!add_disk(workspace, candidate, "what it is asked"))
    vlot__text_add(&workspace->out, "was not asked");
  vlot__text_add(&workspace->out, "%s\n", is_up(&status) ? "" : "; it is down");
}

/* How its last campaign went: who gave a vote, who did not, and why. */
static void add_campaign(vlot__workspace *workspace, uint32_t id, const vlot_event *campaign) {
  vlot_node_status status = vlot__workspace_status(workspace, id);
  bool is_pre = campaign->as.change.from == 0;
  bool is_over = status.raft.role != (is_pre ? VLOT_ROLE_PRE_CANDIDATE : VLOT_ROLE_CANDIDATE);
  const vlot_event *tally = newest(workspace, id, BIT(TALLY), 0, campaign->sequence);
  vlot__text_add(&workspace->out,
                 "  n%u %s %s in term %" PRIu64 ": %" PRIu64 " of the %u it needs\n", id,
                 is_over ? "asked for" : "asks for", is_pre ? "pre-votes" : "votes",
                 campaign->as.change.term, tally ? tally->as.change.from : 1, status.raft.quorum);
  for (uint32_t voter = 1; voter <= workspace->options.nodes; voter++)
    if (voter != id && !vlot__workspace_status(workspace, voter).is_learner)
      add_voter(workspace, id, voter, campaign);
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
static void add_next_timer(vlot__workspace *workspace) {
  size_t count, held = 0;
  vlot_pending *pending = vlot__pattern_pending(workspace, &count);
  const vlot_pending *next = NULL;
  uint64_t now = vlot_cluster_now(workspace->cluster);
  for (size_t k = 0; k < count; k++) {
    if (pending[k].kind != VLOT_PENDING_TIMER || pending[k].due == VLOT_NEVER) continue;
    if (pending[k].is_held)
      held++;
    else if (!next || pending[k].due < next->due)
      next = &pending[k];
  }
  uint64_t left = next && next->due > now ? next->due - now : 0;
  if (next)
    vlot__text_add(&workspace->out, "  The next timer is that of n%u, in %" PRIu64 " tick%s.\n",
                   next->node, left, left == 1 ? "" : "s");
  else if (held > 0)
    vlot__text_add(&workspace->out,
                   "  No timer fires: %s held ('release all timer' lets %s go on).\n",
                   held == 1 ? "the only one is" : "all are", held == 1 ? "it" : "them");
  else
    vlot__text_add(&workspace->out, "  No timer runs: nothing will begin by itself.\n");
  free(pending);
}

/* Who led last, as far as is kept; *end: what ended it, NULL when nothing did that it knows of. */
static const vlot_event *last_leader(const vlot__workspace *workspace, const vlot_event **end) {
  const vlot_event *last = NULL;
  *end = NULL;
  for (uint32_t id = 1; id <= workspace->options.nodes; id++) {
    const vlot_event *won = newest(workspace, id, BIT(LEADER), 0, 0);
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

static void add_last_leader(vlot__workspace *workspace, const vlot_event *last,
                            const vlot_event *end) {
  char sentence[512];
  if (!last) return;
  vlot__text_add(&workspace->out, "  n%u led term %" PRIu64 ".", last->node, last->as.change.term);
  if (end) vlot_event_text(end, sentence, sizeof sentence);
  if (end) vlot__text_add(&workspace->out, " Then, at tick %" PRIu64 ": %s", end->tick, sentence);
  vlot__text_add(&workspace->out, "\n");
}

/* Campaigns that are under way, or that came later than the last leader and are of the newest
 * term. */
static void add_campaigns(vlot__workspace *workspace) {
  const vlot_event *end, *last = last_leader(workspace, &end);
  uint64_t term = last ? last->as.change.term + 1 : 0;
  unsigned shown = 0;
  for (uint32_t id = 1; id <= workspace->options.nodes; id++) {
    vlot_node_status status = vlot__workspace_status(workspace, id);
    if (is_up(&status) && status.raft.term > term) term = status.raft.term;
  }
  add_last_leader(workspace, last, end);
  for (uint32_t id = 1; id <= workspace->options.nodes; id++) {
    const vlot_event *campaign = newest(workspace, id, BIT(CAMPAIGN), 0, 0);
    vlot_node_status status = vlot__workspace_status(workspace, id);
    if (!campaign || !is_up(&status) || campaign->incarnation != status.incarnation) continue;
    bool is_under_way =
        status.raft.role == VLOT_ROLE_CANDIDATE || status.raft.role == VLOT_ROLE_PRE_CANDIDATE;
    if (!is_under_way && campaign->as.change.term < term) continue;
    add_campaign(workspace, id, campaign);
    shown++;
  }
  if (shown == 0)
    vlot__text_add(&workspace->out, "  Nobody stands for election%s.\n", last ? " since" : "");
  add_next_timer(workspace);
}

static void add_no_leader(vlot__workspace *workspace) {
  uint32_t voters = 0, up = 0, most = reachable(workspace);
  for (uint32_t id = 1; id <= workspace->options.nodes; id++) {
    vlot_node_status status = vlot__workspace_status(workspace, id);
    voters += !status.is_learner;
    up += !status.is_learner && status.state == VLOT_NODE_UP;
  }
  uint32_t quorum = voters / 2 + 1;
  if (up < quorum)
    vlot__text_add(
        &workspace->out,
        "There is no leader, and there cannot be one: %u of %u voters run%s, and a leader "
        "needs the votes of %u.\n",
        up, voters, up == 1 ? "s" : "", quorum);
  else if (most < quorum)
    vlot__text_add(
        &workspace->out,
        "There is no leader, and there cannot be one: links are cut. No node reaches more "
        "than %u voter%s, itself among them, and a leader needs the votes of %u.\n",
        most, most == 1 ? "" : "s", quorum);
  else
    vlot__text_add(&workspace->out, "There is no leader: that takes the votes of %u of %u.\n",
                   quorum, voters);
  add_campaigns(workspace);
}

/* --- commit --- */

static uint64_t match_of(vlot__workspace *workspace, const vlot_node_status *leader, uint32_t id,
                         uint64_t since) {
  if (id == leader->id) return leader->raft.durable_index;
  const vlot_event *match = newest(workspace, leader->id, BIT(MATCH), id, since);
  return match ? match->as.change.to : 0;
}

uint64_t vlot__why_match(vlot__workspace *workspace, uint32_t id) {
  uint32_t leader = vlot_cluster_leader(workspace->cluster);
  if (leader == 0 || id == leader) return 0;
  vlot_node_status status = vlot__workspace_status(workspace, leader);
  const vlot_event *won = newest(workspace, leader, BIT(LEADER), 0, 0);
  return match_of(workspace, &status, id, won ? won->sequence : 0);
}

static int descending(const void *left, const void *right) {
  uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;
  return a < b ? 1 : a > b ? -1 : 0; /* numbers alone: equal ones are the same */
}

static void add_follower(vlot__workspace *workspace, const vlot_node_status *leader, uint32_t id,
                         uint64_t match, uint64_t since) {
  vlot_node_status status = vlot__workspace_status(workspace, id);
  const vlot_event *append = sent(workspace, leader->id, id, OF(APPEND), since);
  bool lacks = id != leader->id && append && match < leader->raft.last_index;
  vlot__text_add(&workspace->out, "          n%u: known to store up to %" PRIu64 "%s", id, match,
                 lacks ? "; " : "");
  if (lacks && !add_fate(workspace, append)) {
    const vlot_event *answer = sent(workspace, id, leader->id, OF(APPEND_REPLY), 0);
    if (!answer || !add_fate(workspace, answer))
      vlot__text_add(&workspace->out, "more was not sent yet");
  }
  vlot__text_add(&workspace->out, "%s%s\n", status.is_learner ? "; it is a learner" : "",
                 is_up(&status) ? "" : "; it is down");
}

/* Section 5.3 and 5.4.2: a quorum stores it, and it is of the leader's own term. */
static void add_commit(vlot__workspace *workspace, const vlot_node_status *leader) {
  uint64_t matches[VLOT__WORKSPACE_NODES_MAX];
  uint32_t voters = 0, quorum = leader->raft.quorum;
  const vlot_event *won = newest(workspace, leader->id, BIT(LEADER), 0, 0);
  uint64_t since = won ? won->sequence : 0, commit = leader->raft.commit_index;
  const vlot__workspace_log *log = &workspace->logs[leader->id];
  if (commit >= leader->raft.last_index) {
    vlot__text_add(&workspace->out, "  All of its log is committed.\n");
    return;
  }
  for (uint32_t id = 1; id <= workspace->options.nodes; id++)
    if (!vlot__workspace_status(workspace, id).is_learner)
      matches[voters++] = match_of(workspace, leader, id, since);
  qsort(matches, voters, sizeof *matches, descending);
  uint64_t stored = quorum > 0 && quorum <= voters ? matches[quorum - 1] : 0;
  uint64_t term = stored > 0 && stored <= log->size ? log->terms[stored - 1] : 0;
  vlot__text_add(&workspace->out,
                 "  It knows as committed %" PRIu64 " of %" PRIu64 " entries: ", commit,
                 leader->raft.last_index);
  if (stored > commit && term != 0 && term < leader->raft.term)
    vlot__text_add(&workspace->out,
                   "a quorum stores entry %" PRIu64 ", but it is of term %" PRIu64
                   "; a leader counts only entries of its own term, %" PRIu64
                   ", and commits the others with them (section 5.4.2)\n",
                   stored, term, leader->raft.term);
  else
    vlot__text_add(&workspace->out, "entry %" PRIu64 " is not known to be stored by %u voter%s\n",
                   commit + 1, quorum, quorum == 1 ? "" : "s");
  for (uint32_t id = 1; id <= workspace->options.nodes; id++)
    add_follower(workspace, leader, id, match_of(workspace, leader, id, since), since);
}

/* --- a node --- */

static void add_state(vlot__workspace *workspace, const vlot_node_status *status) {
  bool is_running = status->state == VLOT_NODE_UP || status->state == VLOT_NODE_SUSPENDED;
  if (is_running && status->raft.role == VLOT_ROLE_LEADER)
    vlot__text_add(&workspace->out, "n%u leads term %" PRIu64, status->id, status->raft.term);
  else if (is_running)
    vlot__text_add(&workspace->out, "n%u is a %s in term %" PRIu64, status->id,
                   status->is_learner ? "learner" : vlot_role_name(status->raft.role),
                   status->raft.term);
  else
    vlot__text_add(&workspace->out, "n%u is %s", status->id, vlot__screen_role(status));
  if (is_running && status->raft.role == VLOT_ROLE_FOLLOWER && status->raft.leader)
    vlot__text_add(&workspace->out, " and follows n%u", status->raft.leader);
  else if (is_running && status->raft.role == VLOT_ROLE_FOLLOWER)
    vlot__text_add(&workspace->out, " and knows no leader");
  vlot__text_add(&workspace->out, "%s.\n",
                 status->state == VLOT_NODE_SUSPENDED ? "; it is suspended" : "");
}

static uint64_t kinds_of(const vlot__value *what) {
  static const uint64_t kinds[] = {
      BIT(LEADER) | BIT(STEP_DOWN) | BIT(ROLE) | BIT(VOTE) | BIT(TERM) | BIT(APPEND) |
          BIT(TRUNCATE) | BIT(COMMIT) | BIT(CAMPAIGN) | BIT(FENCED) | BIT(START) | BIT(KILL) |
          BIT(SUSPEND) | BIT(RESUME),
      BIT(LEADER) | BIT(STEP_DOWN) | BIT(ROLE) | BIT(FENCED) | BIT(START) | BIT(KILL),
      BIT(VOTE) | BIT(CAMPAIGN), /* who campaigns votes for itself */
      BIT(TERM),
      BIT(APPEND) | BIT(TRUNCATE) | BIT(MISMATCH),
      BIT(COMMIT),
      BIT(CAMPAIGN),
  };
  return kinds[what->is_given ? what->number : 0];
}

bool vlot__verbs_why(vlot__workspace *workspace, const vlot__arguments *arguments) {
  const vlot__value *node = &arguments->values[0], *what = &arguments->values[1];
  uint32_t id = node->is_given ? (uint32_t)node->number : vlot_cluster_leader(workspace->cluster);
  if (id == 0) {
    add_no_leader(workspace);
    return true;
  }
  vlot_node_status status = vlot__workspace_status(workspace, id);
  const vlot_event *event = newest(workspace, id, kinds_of(what), 0, 0);
  const vlot_event *campaign = newest(workspace, id, BIT(CAMPAIGN), 0, 0);
  add_state(workspace, &status);
  bool is_candidate =
      status.raft.role == VLOT_ROLE_CANDIDATE || status.raft.role == VLOT_ROLE_PRE_CANDIDATE;
  if (is_up(&status) && is_candidate && campaign && !what->is_given)
    add_campaign(workspace, id, campaign);
  if (is_up(&status) && status.raft.role == VLOT_ROLE_LEADER &&
      (!what->is_given || what->number == 5))
    add_commit(workspace, &status);
  const vlot_event *start = newest(workspace, id, BIT(START), 0, event ? event->sequence : 0);
  if (event) add_chain(workspace, event);
  /* what it did before may be forgotten */
  if (event && start) add_event(workspace, start, false);
  if (!event && what->is_given)
    vlot__text_add(&workspace->out, "  Nothing of this kind has happened to it.\n");
  return true;
}
