/* What is missing to a commit, and to reads: who has not stored an entry, and what became of it. */
#include <inttypes.h>

#include "cluster/why_inside.h"

typedef struct match {
  uint64_t index;
  bool is_known;
  bool counts; /* its disk is the one that the configuration knows */
} match;

static match match_of(const why *at, const vlot_node_status *leader, uint32_t id, uint64_t since) {
  const vlot_past *past = at->past;
  if (id == leader->id)
    return (match){.index = leader->raft.durable_index, .is_known = true, .counts = true};
  const vlot_event *event = vlot_past_newest(past, leader->id, BIT(MATCH), id, since);
  if (!event) return (match){.is_known = vlot__past_is_seen(past, leader->id, since)};
  return (match){
      .index = event->as.change.to, .is_known = true, .counts = vlot__why_counts(at, id, event)};
}

/* The sequence of the event with which a leader began. */
static uint64_t begin_of(const why *at, uint32_t leader) {
  const vlot_event *won = vlot_past_newest(at->past, leader, BIT(LEADER), 0, 0);
  return won ? won->sequence : 0;
}

/* So many voters store an index, as far as the leader knows. */
static uint32_t count_stored(const why *at, const vlot_node_status *leader, uint64_t index,
                             uint64_t since) {
  uint32_t count = 0;
  for (uint32_t id = vlot__why_next(at, 0); id; id = vlot__why_next(at, id)) {
    if (vlot__why_status(at, id).is_learner) continue;
    match one = match_of(at, leader, id, since);
    count += one.counts && one.index >= index;
  }
  return count;
}

/* The highest index that a quorum stores: one of those that somebody is known to store. */
static uint64_t stored_by_quorum(const why *at, const vlot_node_status *leader, uint64_t since) {
  uint64_t highest = 0;
  for (uint32_t id = vlot__why_next(at, 0); id; id = vlot__why_next(at, id)) {
    match one = match_of(at, leader, id, since);
    if (vlot__why_status(at, id).is_learner || !one.counts || one.index <= highest) continue;
    if (count_stored(at, leader, one.index, since) >= leader->raft.quorum) highest = one.index;
  }
  return highest;
}

/* --- what became of an entry on its way to one follower and back --- */

static bool is_probing(const why *at, uint32_t leader, uint32_t peer, uint64_t since) {
  const vlot_event *event = vlot_past_newest(at->past, leader, BIT(PROGRESS), peer, since);
  return !event || event->as.change.to == VLOT_PROGRESS_PROBE;
}

/* Why an entry has not reached a follower, as far as its leader knows. */
static void say_lack(why *at, const vlot_node_status *leader, uint32_t id, uint64_t index,
                     uint64_t since) {
  const vlot_past *past = at->past;
  const vlot_event *append = vlot__why_find_append(at, leader->id, id, index, since);
  if (append) {
    vlot__why_say_way(at, append);
    if (is_probing(at, leader->id, id, since) &&
        append->as.message.index + append->as.message.entries < leader->raft.last_index)
      vlot__why_say(at,
                    "; until that is answered it is sent no other entries: n%u looks where "
                    "the two logs agree",
                    leader->id);
    return;
  }
  const vlot_event *probe = vlot__why_find_append(at, leader->id, id, 0, since);
  if (!vlot_past_is_whole(past, leader->id, since)) {
    vlot__why_say(at, "what it was sent is ");
    vlot__why_say_forgotten(at, leader->id);
  } else if (probe && is_probing(at, leader->id, id, since)) {
    vlot__why_say(at,
                  "entry %" PRIu64 " is not sent yet: n%u looks where the two logs agree, "
                  "one message at a time: ",
                  index, leader->id);
    vlot__why_say_way(at, probe);
  } else {
    vlot__why_say(at, "entry %" PRIu64 " is not sent yet: so much is under way", index);
  }
}

static void add_follower(why *at, const vlot_node_status *leader, uint32_t id, uint64_t since) {
  vlot_node_status status = vlot__why_status(at, id);
  match own = match_of(at, leader, id, since);
  vlot__why_begin(at, VLOT_REASON_DETAIL, id);
  vlot__why_say(at, "n%u: ", id);
  if (!own.is_known) {
    vlot__why_say(at, "what it stores is ");
    vlot__why_say_forgotten(at, leader->id);
  } else {
    vlot__why_say(at, "known to store up to %" PRIu64, own.index);
  }
  if (own.is_known && own.index < leader->raft.last_index) {
    vlot__why_say(at, "; ");
    if (id != leader->id)
      say_lack(at, leader, id, own.index + 1, since);
    else if (!vlot__why_say_disk(at, id))
      vlot__why_say(at, "its disk is done, and it hears so with its next input");
  }
  vlot__why_say_member(at, &status);
}

/* --- commits --- */

/* Section 5.3 and 5.4.2: a quorum stores it, and it is of the leader's own term. */
static void say_what_lacks(why *at, const vlot_node_status *leader, uint64_t stored, bool is_known,
                           bool has_foreign) {
  uint64_t commit = leader->raft.commit_index;
  uint64_t term = vlot__why_term(at, stored);
  if (stored > commit && term != 0 && term < leader->raft.term)
    vlot__why_say(at,
                  "a quorum stores entry %" PRIu64 ", but it is of term %" PRIu64
                  "; a leader counts only entries of its own term, %" PRIu64
                  ", and commits the others with them (section 5.4.2)",
                  stored, term, leader->raft.term);
  else if (is_known)
    vlot__why_say(at, "entry %" PRIu64 " is not known to be stored by %u voter%s%s", commit + 1,
                  leader->raft.quorum, leader->raft.quorum == 1 ? "" : "s",
                  has_foreign ? " whose disks the configuration knows" : "");
  else
    vlot__why_say(at, "who stores entry %" PRIu64 " is not known here any more", commit + 1);
}

void vlot__why_add_commit(why *at, const vlot_node_status *leader) {
  uint64_t since = begin_of(at, leader->id), lacks = leader->raft.commit_index + 1;
  bool is_known = true, has_foreign = false;
  vlot__why_begin(at, VLOT_REASON_FINDING, leader->id);
  if (leader->raft.commit_index >= leader->raft.last_index) {
    vlot__why_say(at, "All of its log is committed.");
    return;
  }
  for (uint32_t id = vlot__why_next(at, 0); id; id = vlot__why_next(at, id)) {
    if (vlot__why_status(at, id).is_learner) continue;
    match one = match_of(at, leader, id, since);
    is_known = is_known && one.is_known;
    has_foreign = has_foreign || (one.index > 0 && !one.counts);
  }
  vlot__why_say(at, "It knows as committed %" PRIu64 " of %" PRIu64 " entries: ",
                leader->raft.commit_index, leader->raft.last_index);
  vlot_wait wait = vlot__why_wait_of(VLOT_WAIT_STORED, leader->id);
  wait.index = lacks;
  wait.have = count_stored(at, leader, lacks, since);
  wait.need = leader->raft.quorum;
  vlot__why_wait(at, wait);
  say_what_lacks(at, leader, stored_by_quorum(at, leader, since), is_known, has_foreign);
  for (uint32_t id = vlot__why_next(at, 0); id; id = vlot__why_next(at, id))
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

/* The answer by which a voter has confirmed, after a read, that it is led; NULL: none. What it
 * said before its leader began anew with it (its match fell to 0) counts for nothing. */
static const vlot_event *find_confirmation(const why *at, const vlot_node_status *leader,
                                           uint32_t id, const vlot_event *read) {
  const vlot__past_node *past = vlot__past_of(at->past, leader->id);
  const vlot_event *found = NULL;
  uint64_t asked = 0; /* the first request since, and all later ones */
  for (size_t k = past->count; k > 0 && past->events[k - 1].sequence > read->sequence; k--) {
    const vlot_event *event = &past->events[k - 1];
    if (event->kind == VLOT_EVENT_SENT && event->peer == id &&
        event->as.message.kind == VLOT_MESSAGE_APPEND)
      asked = event->as.message.request_id;
  }
  for (size_t k = past->count; k > 0 && past->events[k - 1].sequence > read->sequence; k--) {
    const vlot_event *event = &past->events[k - 1];
    if (event->peer != id) continue;
    if (event->kind == VLOT_EVENT_MATCH && event->as.change.to == 0) break;
    if (event->kind != VLOT_EVENT_RECEIVED || event->as.message.kind != VLOT_MESSAGE_APPEND_REPLY ||
        event->as.message.term != leader->raft.term || event->as.message.request_id < asked)
      continue;
    const vlot_event *ignored = vlot__why_ignored(at, event);
    bool is_heard = !ignored || ignored->why == VLOT_WHY_STALE_REPLY;
    if (is_heard && vlot__why_counts(at, id, event)) found = event;
  }
  return asked > 0 ? found : NULL;
}

/* What a voter owes: an answer to something that was sent since the read came. */
static void add_confirmation(why *at, const vlot_node_status *leader, uint32_t id,
                             const vlot_event *read) {
  vlot_node_status status = vlot__why_status(at, id);
  const vlot_event *answer = find_confirmation(at, leader, id, read);
  const vlot_event *append =
      answer ? NULL : vlot__why_find_append(at, leader->id, id, 0, read->sequence);
  vlot__why_begin(at, VLOT_REASON_DETAIL, id);
  vlot__why_say(at, "n%u: ", id);
  if (answer)
    vlot__why_say(at, "has confirmed it: n%u took its AppendReply #%" PRIu64 " at tick %" PRIu64,
                  leader->id, answer->message, answer->tick);
  else if (append)
    vlot__why_say_way(at, append);
  else
    vlot__why_say(at, "was not sent anything since");
  vlot__why_say_member(at, &status);
}

static bool has_own_commit(const why *at, const vlot_node_status *leader) {
  uint64_t commit = leader->raft.commit_index, term = vlot__why_term(at, commit);
  return commit > 0 && (term == 0 || term == leader->raft.term);
}

/* Thesis 6.4: a quorum has to confirm that it still leads, and an entry of its term to be
 * committed. */
void vlot__why_add_read(why *at, const vlot_node_status *leader, const vlot_event *read) {
  uint32_t confirmed = 1;
  for (uint32_t id = vlot__why_next(at, 0); id; id = vlot__why_next(at, id))
    confirmed += id != leader->id && !vlot__why_status(at, id).is_learner &&
                 find_confirmation(at, leader, id, read) != NULL;
  vlot__why_begin(at, VLOT_REASON_FINDING, leader->id);
  vlot__why_say(at,
                "A read of client %u (its number %" PRIu64 ", asked at tick %" PRIu64 ") waits ",
                read->as.client.client, read->as.client.sequence, read->tick);
  if (leader->raft.pending_reads == 0) {
    vlot__why_say(at, "until n%u has applied what it asks for; it has applied %" PRIu64, leader->id,
                  leader->applied_index);
    return;
  }
  vlot__why_say(at,
                "until %u of the voters have answered something that n%u sent after it, and "
                "so confirmed that n%u leads; %u ha%s so far, n%u among them",
                leader->raft.quorum, leader->id, leader->id, confirmed, confirmed == 1 ? "s" : "ve",
                leader->id);
  vlot__why_wait_quorum(at, VLOT_WAIT_CONFIRMED, leader->id, confirmed, leader->raft.quorum);
  if (!has_own_commit(at, leader))
    vlot__why_say(at, ", and until an entry of term %" PRIu64 " is committed", leader->raft.term);
  for (uint32_t id = vlot__why_next(at, 0); id; id = vlot__why_next(at, id))
    if (id != leader->id && !vlot__why_status(at, id).is_learner)
      add_confirmation(at, leader, id, read);
}

/* Some wait for a quorum, others only for what is applied here: local ones, and those that are
 * confirmed. Which is which no event says. */
static void add_reads_of_two_kinds(why *at, const vlot_node_status *leader, uint32_t count) {
  uint32_t pending = leader->raft.pending_reads;
  vlot__why_begin(at, VLOT_REASON_FINDING, leader->id);
  vlot__why_say(at, "%u reads wait: %u until %u of the voters have confirmed that n%u leads", count,
                pending, leader->raft.quorum, leader->id);
  if (!has_own_commit(at, leader))
    vlot__why_say(at, ", and until an entry of term %" PRIu64 " is committed", leader->raft.term);
  vlot__why_say(at, "; %u until n%u has applied what %s for; it has applied %" PRIu64 ".",
                count - pending, leader->id, count - pending == 1 ? "it asks" : "they ask",
                leader->applied_index);
}

/* The oldest that waits is told of; they are answered in their order. */
void vlot__why_add_reads(why *at, const vlot_node_status *leader) {
  const vlot__past_node *past = vlot__past_of(at->past, leader->id);
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
  if (leader->raft.pending_reads > 0 && others + 1 > leader->raft.pending_reads && oldest) {
    add_reads_of_two_kinds(at, leader, others + 1);
    return;
  }
  if (oldest) {
    vlot__why_add_read(at, leader, oldest);
  } else if (leader->raft.pending_reads > 0) {
    vlot__why_begin(at, VLOT_REASON_FINDING, leader->id);
    vlot__why_say(at, "%u read%s wait%s; since when is ", leader->raft.pending_reads,
                  leader->raft.pending_reads == 1 ? "" : "s",
                  leader->raft.pending_reads == 1 ? "s" : "");
    vlot__why_say_forgotten(at, leader->id);
  }
  if (others == 0) return;
  vlot__why_begin(at, VLOT_REASON_FINDING, leader->id);
  vlot__why_say(at, "%u more read%s wait%s with it.", others, others == 1 ? "" : "s",
                others == 1 ? "s" : "");
}
