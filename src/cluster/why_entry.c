/* Why, about one thing: an entry of a log, a client's command, a read. */
#include <inttypes.h>

#include "cluster/by_id.h"
#include "cluster/why_inside.h"

/* --- an entry --- */

static const vlot__why_member *member_of(const why *at, uint32_t id) {
  const vlot__moment *moment = at->moment;
  size_t place =
      vlot__by_id_find(moment->members, moment->member_count, sizeof *moment->members, id);
  return place == SIZE_MAX ? NULL : &moment->members[place];
}

static bool has(const vlot_event *slice, uint64_t index) {
  return slice->as.slice.first <= index && index < slice->as.slice.first + slice->as.slice.count;
}

/* The newest event of a kind about an entry at a node; NULL: none is known. */
static const vlot_event *find_slice(const why *at, uint32_t id, vlot_event_kind kind,
                                    uint64_t index) {
  const vlot__past_node *past = vlot__past_of(at->past, id);
  for (size_t k = past->count; k > 0; k--)
    if (past->events[k - 1].kind == kind && has(&past->events[k - 1], index))
      return &past->events[k - 1];
  return NULL;
}

/* " n1, n3": those that have the entry, with that term, and (is_applied) have applied it. */
static uint32_t say_holders(why *at, uint64_t index, uint64_t term, bool is_applied) {
  uint32_t count = 0;
  for (uint32_t id = vlot__why_next(at, 0); id; id = vlot__why_next(at, id)) {
    const vlot__why_member *member = member_of(at, id);
    bool is_there = member->has_entry && member->entry_term == term;
    bool is_below = why_is_up(&member->status) && member->status.raft.base_index >= index;
    if (is_applied ? !why_is_up(&member->status) || member->status.applied_index < index
                   : !is_there && !is_below)
      continue;
    vlot__why_say(at, "%s n%u", count++ ? "," : "", id);
  }
  if (count == 0) vlot__why_say(at, " nobody that runs");
  return count;
}

static void say_state(why *at, const vlot__why_member *member, uint64_t index, bool is_committed) {
  const vlot_raft_status *raft = &member->status.raft;
  vlot__why_begin(at, VLOT_REASON_STATE, member->id);
  if (member->has_entry)
    vlot__why_say(at, "Entry %" PRIu64 " of n%u is of term %" PRIu64, index, member->id,
                  member->entry_term);
  else
    vlot__why_say(
        at, "Entry %" PRIu64 " is below the snapshot that n%u's log begins above (%" PRIu64 ")",
        index, member->id, raft->base_index);
  vlot__why_say(at, is_committed ? " and committed." : " and not known there as committed.");
}

/* What is known of an index that a node's log does not reach. */
static void add_absent(why *at, const vlot__why_member *member, uint64_t index) {
  vlot__why_begin(at, VLOT_REASON_STATE, member->id);
  if (!why_is_up(&member->status))
    vlot__why_say(at, "n%u does not run: nobody can look into its log.", member->id);
  else
    vlot__why_say(at, "n%u has no entry %" PRIu64 ": its log ends at %" PRIu64 ".", member->id,
                  index, member->status.raft.last_index);
  const vlot_event *cut = find_slice(at, member->id, VLOT_EVENT_TRUNCATE, index);
  const vlot_event *append = find_slice(at, member->id, VLOT_EVENT_APPEND, index);
  if (cut && (!append || append->sequence < cut->sequence)) vlot__why_add_chain(at, cut);
}

void vlot__why_add_entry(why *at, uint32_t id, uint64_t index) {
  const vlot__why_member *member = member_of(at, id);
  uint64_t base = member->status.raft.base_index;
  if (!member->has_entry && !(why_is_up(&member->status) && index <= base)) {
    add_absent(at, member, index);
    return;
  }
  bool is_committed = index <= member->status.raft.commit_index;
  say_state(at, member, index, is_committed);
  if (member->has_entry) {
    vlot__why_begin(at, VLOT_REASON_FINDING, id);
    vlot__why_say(at, "It is in the log of");
    say_holders(at, index, member->entry_term, false);
    vlot__why_say(at, ".");
  }
  if (is_committed) {
    vlot__why_begin(at, VLOT_REASON_FINDING, id);
    vlot__why_say(at, "Its machine's turn has come at");
    say_holders(at, index, 0, true);
    vlot__why_say(at, ".");
  } else if (id == at->moment->leader) {
    vlot__why_add_commit(at, &member->status);
  }
  const vlot_event *commit = is_committed ? find_slice(at, id, VLOT_EVENT_COMMIT, index) : NULL;
  const vlot_event *append = find_slice(at, id, VLOT_EVENT_APPEND, index);
  if (commit) vlot__why_add_chain(at, commit);
  if (append && !commit) vlot__why_add_chain(at, append);
  if (commit || append) return;
  vlot__why_begin(at, VLOT_REASON_DETAIL, id);
  vlot__why_say(at, "how it came there is ");
  vlot__why_say_forgotten(at, id);
}

/* --- a command, a read --- */

/* Mail of the client itself that has it; NULL: none is pending. */
static const vlot_pending *find_clients_mail(const why *at, uint32_t client, uint64_t sequence) {
  for (size_t k = 0; k < at->moment->pending_count; k++) {
    const vlot_pending *one = &at->moment->pending[k];
    if (one->kind == VLOT_PENDING_CLIENT && one->mail.client == client &&
        one->mail.sequence <= sequence && sequence < one->mail.sequence + one->mail.count)
      return one;
  }
  return NULL;
}

static void add_not_taken(why *at, const char *what, uint32_t client, uint64_t sequence) {
  const vlot_pending *mail = find_clients_mail(at, client, sequence);
  vlot__why_begin(at, VLOT_REASON_STATE, mail ? mail->node : 0);
  vlot__why_say(at, "Client %u's %s %" PRIu64 " ", client, what, sequence);
  if (mail) {
    vlot_wait wait = vlot__why_wait_of(VLOT_WAIT_MESSAGE, mail->node);
    wait.id = mail->id;
    wait.is_held = mail->is_held;
    if (!mail->is_held) wait.until = mail->due;
    vlot__why_wait(at, wait);
    vlot__why_say(at, "is %s to n%u, as #%" PRIu64 ".",
                  mail->is_held ? "held on its way" : "under way", mail->node, mail->id);
    return;
  }
  vlot__why_say(at, at->moment->is_stepped
                        ? "is not known to have been taken by any node."
                        : "is not known to have been taken by any node; it may wait in a mailbox.");
  for (uint32_t id = vlot__why_next(at, 0); id; id = vlot__why_next(at, id)) {
    if (vlot_past_is_whole(at->past, id, 0)) continue;
    vlot__why_begin(at, VLOT_REASON_DETAIL, id);
    vlot__why_say(at, "n%u: what it did is ", id);
    vlot__why_say_forgotten(at, id);
  }
}

static void add_answered(why *at, const char *what, const vlot_event *answer, uint32_t client,
                         uint64_t sequence) {
  vlot__why_begin(at, VLOT_REASON_STATE, answer->node);
  vlot__why_say(at, "Client %u's %s %" PRIu64 " was answered by n%u: %s", client, what, sequence,
                answer->node, vlot_result_name((vlot_result)answer->as.client.result));
  if (answer->why != VLOT_WHY_NONE) vlot__why_say(at, ", %s", vlot_why_text((vlot_why)answer->why));
  if (answer->as.client.index)
    vlot__why_say(at, ", entry %" PRIu64,
                  answer->as.client.index + (sequence - answer->as.client.sequence));
  vlot__why_say(at, ".");
  vlot__why_add_chain(at, answer);
}

/* Taken and not answered: where, and what it waits for. */
static void add_waiting(why *at, const char *what, const vlot_event *taken, uint64_t sequence) {
  vlot_node_status status = vlot__why_status(at, taken->node);
  bool is_alive = why_is_up(&status) && status.incarnation == taken->incarnation;
  vlot__why_begin(at, VLOT_REASON_STATE, taken->node);
  vlot__why_say(at,
                "Client %u's %s %" PRIu64 " was taken by n%u at tick %" PRIu64 " and has no "
                "answer.",
                taken->as.client.client, what, sequence, taken->node, taken->tick);
  if (!is_alive) {
    vlot__why_begin(at, VLOT_REASON_FINDING, taken->node);
    vlot__why_wait(at, vlot__why_wait_of(VLOT_WAIT_NODE, taken->node));
    vlot__why_say(at,
                  "That life of n%u is over: its answer will be UNKNOWN, at the client's "
                  "deadline.",
                  taken->node);
  } else if (status.raft.role != VLOT_ROLE_LEADER) {
    vlot__why_add_asked(at, taken, true);
  } else if (taken->kind == VLOT_EVENT_READ) {
    vlot__why_add_read(at, &status, taken);
  } else {
    vlot__why_add_commit(at, &status);
  }
  vlot__why_add_chain(at, taken);
}

/* The newest event of a kind about it, wherever: where it was taken last (by the leader, or by a
 * follower that has passed it on); its answer. */
static const vlot_event *find_newest(const why *at, vlot_event_kind kind, uint32_t client,
                                     uint64_t sequence) {
  const vlot_event *found = NULL;
  for (uint32_t id = vlot__why_next(at, 0); id; id = vlot__why_next(at, id)) {
    const vlot__past_node *past = vlot__past_of(at->past, id);
    for (size_t k = past->count; k > 0; k--) {
      const vlot_event *event = &past->events[k - 1];
      bool is_it = event->kind == kind && event->as.client.client == client &&
                   event->as.client.sequence <= sequence &&
                   sequence < event->as.client.sequence + event->as.client.count;
      if (!is_it) continue;
      if (!found || event->lamport > found->lamport) found = event;
      break;
    }
  }
  return found;
}

static void add_clients(why *at, vlot_event_kind kind, uint32_t client, uint64_t sequence) {
  const char *what = kind == VLOT_EVENT_READ ? "read" : "command";
  const vlot_event *taken = find_newest(at, kind, client, sequence);
  const vlot_event *answer = find_newest(at, VLOT_EVENT_ANSWER, client, sequence);
  if (answer)
    add_answered(at, what, answer, client, sequence);
  else if (taken)
    add_waiting(at, what, taken, sequence);
  else
    add_not_taken(at, what, client, sequence);
}

void vlot__why_add_command(why *at, uint32_t client, uint64_t sequence) {
  add_clients(at, VLOT_EVENT_PROPOSE, client, sequence);
}

void vlot__why_add_asked_read(why *at, uint32_t id, uint32_t client, uint64_t sequence) {
  if (client != 0) {
    add_clients(at, VLOT_EVENT_READ, client, sequence);
    return;
  }
  if (id == 0) {
    vlot__why_add_no_leader(at);
    return;
  }
  vlot_node_status status = vlot__why_status(at, id);
  size_t before = at->out->told.reason_count;
  if (why_is_up(&status) && status.raft.role == VLOT_ROLE_LEADER)
    vlot__why_add_reads(at, &status);
  else if (why_is_up(&status))
    vlot__why_add_forwards(at, &status);
  if (at->out->told.reason_count > before) return;
  vlot__why_begin(at, VLOT_REASON_STATE, id);
  vlot__why_say(at, "No read waits at n%u.", id);
}
