/* What is missing to a commit, and to reads: who has not stored an entry, and what became of it. */
#include <inttypes.h>
#include <stdlib.h>

#include "why_inside.h"

typedef struct match {
  uint64_t index;
  bool is_known;
} match;

static match match_of(vlot__workspace *workspace, const vlot_node_status *leader, uint32_t id,
                      uint64_t since) {
  if (id == leader->id) return (match){.index = leader->raft.durable_index, .is_known = true};
  const vlot_event *event = vlot__past_newest(&workspace->past, leader->id, BIT(MATCH), id, since);
  if (event) return (match){.index = event->as.change.to, .is_known = true};
  return (match){.is_known = vlot__past_is_seen(&workspace->past, leader->id, since)};
}

/* The sequence of the event with which a leader began. */
static uint64_t begin_of(const vlot__workspace *workspace, uint32_t leader) {
  const vlot_event *won = vlot__past_newest(&workspace->past, leader, BIT(LEADER), 0, 0);
  return won ? won->sequence : 0;
}

uint64_t vlot__why_match(vlot__workspace *workspace, uint32_t id) {
  uint32_t leader = vlot_cluster_leader(workspace->cluster);
  if (leader == 0 || id == leader) return 0;
  vlot_node_status status = vlot__workspace_status(workspace, leader);
  return match_of(workspace, &status, id, begin_of(workspace, leader)).index;
}

static int descending(const void *left, const void *right) {
  uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;
  return a < b ? 1 : a > b ? -1 : 0; /* numbers alone: equal ones are the same */
}

/* --- what became of an entry on its way to one follower and back --- */

/* It was taken, and its leader knows nothing of that. */
static void say_unanswered(why *at, const vlot_event *append, uint64_t taken) {
  uint32_t id = append->peer;
  const vlot_event *reply = vlot__why_find_reply(at, append);
  const vlot_event *ignored =
      vlot__past_newest(&at->workspace->past, id, BIT(IGNORED) | BIT(FENCED), 0, taken);
  if (reply && vlot__why_say_fate(at, reply)) return;
  if (reply)
    vlot__view_why_say(at->view, "n%u has taken its AppendReply #%" PRIu64, reply->peer,
                       reply->message);
  else if (vlot__why_say_disk(at, id))
    return;
  else if (ignored)
    vlot__view_why_say(at->view, "it took no notice: %s", vlot_why_text((vlot_why)ignored->why));
  else if (!vlot__past_is_whole(&at->workspace->past, id, taken))
    vlot__why_say_forgotten(at, id);
  else
    vlot__view_why_say(at->view, "it has not answered");
}

/* "its AppendEntries #12 …", down to what the answer waits for. */
static void say_way_of(why *at, const vlot_event *append) {
  if (vlot__why_say_fate(at, append)) return;
  const vlot_event *taken =
      vlot__past_end_of(&at->workspace->past, append->message, append->node, append->peer);
  say_unanswered(at, append, taken ? taken->sequence : 0);
}

static bool is_probing(const why *at, uint32_t leader, uint32_t peer, uint64_t since) {
  const vlot_event *event =
      vlot__past_newest(&at->workspace->past, leader, BIT(PROGRESS), peer, since);
  return !event || event->as.change.to == VLOT_PROGRESS_PROBE;
}

/* Why an entry has not reached a follower, as far as its leader knows. */
static void say_lack(why *at, const vlot_node_status *leader, uint32_t id, uint64_t index,
                     uint64_t since) {
  const vlot__past *past = &at->workspace->past;
  const vlot_event *append = vlot__why_find_append(at, leader->id, id, index);
  if (append) {
    say_way_of(at, append);
    if (is_probing(at, leader->id, id, since) &&
        append->as.message.index + append->as.message.entries < leader->raft.last_index)
      vlot__view_why_say(at->view,
                         "; until that is answered it is sent no other entries: n%u looks where "
                         "the two logs agree",
                         leader->id);
    return;
  }
  const vlot_event *probe = vlot__past_sent(past, leader->id, id, OF(APPEND), since);
  if (!vlot__past_is_whole(past, leader->id, since)) {
    vlot__view_why_say(at->view, "what it was sent is ");
    vlot__why_say_forgotten(at, leader->id);
  } else if (probe && is_probing(at, leader->id, id, since)) {
    vlot__view_why_say(at->view,
                       "entry %" PRIu64 " is not sent yet: n%u looks where the two logs agree, "
                       "one message at a time: ",
                       index, leader->id);
    say_way_of(at, probe);
  } else {
    vlot__view_why_say(at->view, "entry %" PRIu64 " is not sent yet: so much is under way", index);
  }
}

static void add_follower(why *at, const vlot_node_status *leader, uint32_t id, uint64_t since) {
  vlot_node_status status = vlot__workspace_status(at->workspace, id);
  match own = match_of(at->workspace, leader, id, since);
  vlot__view_why_begin(at->view, VLOT__VIEW_DETAIL, id);
  vlot__view_why_say(at->view, "n%u: ", id);
  if (!own.is_known) {
    vlot__view_why_say(at->view, "what it stores is ");
    vlot__why_say_forgotten(at, leader->id);
  } else {
    vlot__view_why_say(at->view, "known to store up to %" PRIu64, own.index);
  }
  if (own.is_known && own.index < leader->raft.last_index) {
    vlot__view_why_say(at->view, "; ");
    if (id != leader->id)
      say_lack(at, leader, id, own.index + 1, since);
    else if (!vlot__why_say_disk(at, id))
      vlot__view_why_say(at->view, "its disk is done, and it hears so with its next input");
  }
  vlot__view_why_say(at->view, "%s%s%s", status.is_learner ? "; it is a learner" : "",
                     status.state == VLOT_NODE_SUSPENDED ? "; it is suspended" : "",
                     why_is_up(&status) ? "" : "; it is down");
}

/* --- commits --- */

/* Section 5.3 and 5.4.2: a quorum stores it, and it is of the leader's own term. */
static void say_what_lacks(why *at, const vlot_node_status *leader, uint64_t stored,
                           bool is_known) {
  const vlot__workspace_log *log = &at->workspace->logs[leader->id];
  uint64_t commit = leader->raft.commit_index;
  uint64_t term = stored > 0 && stored <= log->size ? log->terms[stored - 1] : 0;
  if (stored > commit && term != 0 && term < leader->raft.term)
    vlot__view_why_say(at->view,
                       "a quorum stores entry %" PRIu64 ", but it is of term %" PRIu64
                       "; a leader counts only entries of its own term, %" PRIu64
                       ", and commits the others with them (section 5.4.2)",
                       stored, term, leader->raft.term);
  else if (is_known)
    vlot__view_why_say(at->view, "entry %" PRIu64 " is not known to be stored by %u voter%s",
                       commit + 1, leader->raft.quorum, leader->raft.quorum == 1 ? "" : "s");
  else
    vlot__view_why_say(at->view, "who stores entry %" PRIu64 " is not known here any more",
                       commit + 1);
}

void vlot__why_add_commit(why *at, const vlot_node_status *leader) {
  uint64_t matches[VLOT__WORKSPACE_NODES_MAX], since = begin_of(at->workspace, leader->id);
  uint32_t voters = 0, quorum = leader->raft.quorum;
  bool is_known = true;
  vlot__view_why_begin(at->view, VLOT__VIEW_FINDING, leader->id);
  if (leader->raft.commit_index >= leader->raft.last_index) {
    vlot__view_why_say(at->view, "All of its log is committed.");
    return;
  }
  for (uint32_t id = 1; id <= at->workspace->options.nodes; id++) {
    if (vlot__workspace_status(at->workspace, id).is_learner) continue;
    match one = match_of(at->workspace, leader, id, since);
    is_known = is_known && one.is_known;
    matches[voters++] = one.index;
  }
  qsort(matches, voters, sizeof *matches, descending);
  vlot__view_why_say(at->view, "It knows as committed %" PRIu64 " of %" PRIu64 " entries: ",
                     leader->raft.commit_index, leader->raft.last_index);
  say_what_lacks(at, leader, quorum > 0 && quorum <= voters ? matches[quorum - 1] : 0, is_known);
  for (uint32_t id = 1; id <= at->workspace->options.nodes; id++)
    add_follower(at, leader, id, since);
}

/* --- reads --- */

static bool is_answered(const vlot__past_node *past, size_t from, const vlot_event *read) {
  for (size_t k = from; k < past->count; k++) {
    const vlot_event *event = &past->events[k];
    if (event->kind == VLOT_EVENT_ANSWER && event->as.client.client == read->as.client.client &&
        event->as.client.sequence <= read->as.client.sequence &&
        read->as.client.sequence < event->as.client.sequence + event->as.client.count)
      return true;
  }
  return false;
}

/* What a voter owes: an answer to something that was sent since the read came. */
static void add_confirmation(why *at, const vlot_node_status *leader, uint32_t id,
                             const vlot_event *read) {
  const vlot__past *past = &at->workspace->past;
  vlot_node_status status = vlot__workspace_status(at->workspace, id);
  const vlot_event *append = vlot__past_sent(past, leader->id, id, OF(APPEND), read->sequence);
  vlot__view_why_begin(at->view, VLOT__VIEW_DETAIL, id);
  vlot__view_why_say(at->view, "n%u: ", id);
  if (append)
    say_way_of(at, append);
  else
    vlot__view_why_say(at->view, "was not sent anything since");
  if (status.state == VLOT_NODE_SUSPENDED) vlot__view_why_say(at->view, "; it is suspended");
  if (!why_is_up(&status)) vlot__view_why_say(at->view, "; it is down");
}

static bool has_committed_in_term(const why *at, const vlot_node_status *leader) {
  const vlot__workspace_log *log = &at->workspace->logs[leader->id];
  uint64_t commit = leader->raft.commit_index;
  bool is_known = commit > 0 && commit <= log->size && log->terms[commit - 1] != 0;
  return commit > 0 && (!is_known || log->terms[commit - 1] == leader->raft.term);
}

/* Thesis 6.4: a quorum has to confirm that it still leads, and an entry of its term to be
 * committed. */
static void add_read(why *at, const vlot_node_status *leader, const vlot_event *read) {
  vlot__view_why_begin(at->view, VLOT__VIEW_FINDING, leader->id);
  vlot__view_why_say(
      at->view, "A read of client %u (its number %" PRIu64 ", asked at tick %" PRIu64 ") waits ",
      read->as.client.client, read->as.client.sequence, read->tick);
  if (leader->raft.pending_reads == 0) {
    vlot__view_why_say(at->view, "until n%u has applied what it asks for; it has applied %" PRIu64,
                       leader->id, leader->applied_index);
    return;
  }
  vlot__view_why_say(at->view,
                     "until %u of the voters have answered something that n%u sent after it, and "
                     "so confirmed that n%u leads",
                     leader->raft.quorum, leader->id, leader->id);
  if (!has_committed_in_term(at, leader))
    vlot__view_why_say(at->view, ", and until an entry of term %" PRIu64 " is committed",
                       leader->raft.term);
  for (uint32_t id = 1; id <= at->workspace->options.nodes; id++)
    if (id != leader->id && !vlot__workspace_status(at->workspace, id).is_learner)
      add_confirmation(at, leader, id, read);
}

/* The oldest that waits is told of; they are answered in their order. */
void vlot__why_add_reads(why *at, const vlot_node_status *leader) {
  const vlot__past_node *past = &at->workspace->past.nodes[leader->id];
  const vlot_event *oldest = NULL;
  uint32_t others = 0;
  if (leader->waiting == 0 && leader->raft.pending_reads == 0) return;
  for (size_t k = past->count; k > 0; k--) {
    const vlot_event *event = &past->events[k - 1];
    if (event->kind == VLOT_EVENT_START) break;
    if (event->kind != VLOT_EVENT_READ || is_answered(past, k, event)) continue;
    others += oldest != NULL;
    oldest = event;
  }
  if (oldest) {
    add_read(at, leader, oldest);
  } else if (leader->raft.pending_reads > 0) {
    vlot__view_why_begin(at->view, VLOT__VIEW_FINDING, leader->id);
    vlot__view_why_say(at->view, "%u read%s wait%s; since when is ", leader->raft.pending_reads,
                       leader->raft.pending_reads == 1 ? "" : "s",
                       leader->raft.pending_reads == 1 ? "s" : "");
    vlot__why_say_forgotten(at, leader->id);
  }
  if (others == 0) return;
  vlot__view_why_begin(at->view, VLOT__VIEW_FINDING, leader->id);
  vlot__view_why_say(at->view, "%u more read%s wait%s with it.", others, others == 1 ? "" : "s",
                     others == 1 ? "s" : "");
}
