/* Events as sentences for people. */
#include <stdarg.h>
#include <stdio.h>

#include "base/writer.h"
#include "cluster/event_inside.h"
#include "vlot/cluster.h"
#include "vlot/lint.h"

static void __attribute__((format(printf, 2, 3))) say(vlot__writer *w, const char *format, ...) {
  va_list arguments;
  bool has_room = w->length < w->capacity;
  va_start(arguments, format);
  int length = vsnprintf(has_room ? w->out + w->length : NULL,
                         has_room ? w->capacity - w->length : 0, format, arguments);
  va_end(arguments);
  if (length > 0) w->length += (size_t)length;
}

typedef unsigned long long number; /* what %llu wants */

static const char *plural(uint64_t count) { return count == 1 ? "y" : "ies"; }

static void say_step(vlot__writer *w, const vlot_event *event) {
  const vlot_brief *before = &event->as.step.before, *after = &event->as.step.after;
  if (event->kind == VLOT_EVENT_START) {
    say(w, "n%u starts (incarnation %u): it recovered term %llu", event->node, event->incarnation,
        (number)after->term);
    if (after->vote != 0) say(w, ", a vote for n%u", after->vote);
    say(w, ", a log up to %llu, committed %llu", (number)after->last_index,
        (number)after->commit_index);
    return;
  }
  say(w, "n%u takes a step as %s", event->node, vlot__event_role_name(before->role));
  if (after->role != before->role) say(w, " and becomes %s", vlot__event_role_name(after->role));
  say(w, ": term %llu", (number)before->term);
  if (after->term != before->term) say(w, " to %llu", (number)after->term);
  if (after->vote != 0) say(w, ", vote n%u", after->vote);
  say(w, ", last %llu", (number)before->last_index);
  if (after->last_index != before->last_index) say(w, " to %llu", (number)after->last_index);
  say(w, ", commit %llu", (number)before->commit_index);
  if (after->commit_index != before->commit_index) say(w, " to %llu", (number)after->commit_index);
}

/* What was asked, by which client. */
static void say_asked(vlot__writer *w, const char *how, const vlot_mail_told *told) {
  const char *what = told->reads == 0             ? "command"
                     : told->reads == told->count ? "read"
                                                  : "operation";
  if (told->count == 1)
    say(w, "a %s%s", how, what);
  else
    say(w, "%llu %s%ss", (number)told->count, how, what);
  say(w, " of client %u%s", told->client, told->has_others ? " and others" : "");
}

static void say_mail(vlot__writer *w, const vlot_mail_told *told) {
  switch (told->kind) {
  case VLOT_MAIL_COMMANDS:
  case VLOT_MAIL_READ: say_asked(w, "", told); return;
  case VLOT_MAIL_ORDER: say(w, "an order"); return;
  case VLOT_MAIL_FORWARD: say_asked(w, "forwarded ", told); return;
  case VLOT_MAIL_QUESTION: say(w, "the question whether what was forwarded has come"); return;
  case VLOT_MAIL_WORD: say(w, "the word that what was forwarded has come"); return;
  }
  say(w, "mail of the unknown kind %u", (unsigned)told->kind);
}

size_t vlot_mail_text(const vlot_mail_told *told, char *out, size_t capacity) {
  vlot__writer w = {.out = out, .capacity = capacity};
  say_mail(&w, told);
  return vlot__write_end(&w);
}

static void say_what(vlot__writer *w, const vlot_event *event) {
  number term = event->as.message.term, index = event->as.message.index,
         log_term = event->as.message.log_term;
  if (event->as.message.kind == 0) {
    say_mail(w, &(vlot_mail_told){.kind = (vlot_mail_kind)event->as.message.flags,
                                  .client = (uint32_t)log_term,
                                  .has_others = event->as.message.request_id != 0,
                                  .count = event->as.message.entries,
                                  .reads = event->as.message.commit});
    return;
  }
  say(w, "%s of term %llu", vlot_message_kind_name((vlot_message_kind)event->as.message.kind),
      term);
  switch (vlot_message_body_of(event->as.message.kind)) {
  case VLOT_BODY_UNKNOWN:
  case VLOT_BODY_TIMEOUT_NOW: return;
  case VLOT_BODY_VOTE:
    say(w, " (its log ends at %llu of term %llu%s)", index, log_term,
        event->as.message.flags & VLOT_MESSAGE_FORCED ? "; forced" : "");
    return;
  case VLOT_BODY_VOTE_REPLY:
    say(w, " (%s)", vlot__event_is_success(event) ? "granted" : "refused");
    return;
  case VLOT_BODY_APPEND:
    say(w, " (%u entr%s after %llu of term %llu, commit %llu)", event->as.message.entries,
        plural(event->as.message.entries), index, log_term, (number)event->as.message.commit);
    return;
  case VLOT_BODY_APPEND_REPLY:
    if (vlot__event_is_success(event))
      say(w, " (stored up to %llu)", index);
    else
      say(w, " (refused after %llu; try %llu of term %llu)", (number)event->as.message.commit,
          index, log_term);
    return;
  case VLOT_BODY_INSTALL:
    if (event->as.message.entries == 0)
      say(w, " (of the snapshot at %llu: how far is it?)", index);
    else
      say(w, " (%u byte%s from %llu on of the snapshot at %llu)", event->as.message.entries,
          event->as.message.entries == 1 ? "" : "s", (number)event->as.message.commit, index);
    return;
  case VLOT_BODY_INSTALL_REPLY:
    if (vlot__event_is_success(event))
      say(w, " (has all up to the snapshot at %llu)", index);
    else
      say(w, " (lacks the snapshot at %llu from byte %llu on)", index,
          (number)event->as.message.commit);
    return;
  }
}

static void say_message(vlot__writer *w, const vlot_event *event) {
  uint32_t from = event->as.message.from, to = vlot__event_receiver(event);
  if (event->kind == VLOT_EVENT_SENT && event->why == VLOT_WHY_COPIED)
    say(w, "Copied on its way from n%u to n%u: ", from, to);
  else if (event->kind == VLOT_EVENT_SENT)
    say(w, "n%u sends n%u ", from, to);
  else if (event->kind == VLOT_EVENT_RECEIVED)
    say(w, "n%u takes from n%u ", to, from);
  else if (from == 0)
    say(w, "Dropped on its way to n%u: ", to);
  else
    say(w, "Dropped on its way from n%u to n%u: ", from, to);
  say_what(w, event);
}

static void say_slice(vlot__writer *w, const vlot_event *event) {
  uint64_t first = event->as.slice.first, count = event->as.slice.count;
  number last = first + count - 1, term = event->as.slice.term;
  if (event->kind == VLOT_EVENT_APPEND)
    say(w, "n%u appends entr%s ", event->node, plural(count));
  else if (event->kind == VLOT_EVENT_TRUNCATE)
    say(w, "n%u removes entr%s ", event->node, plural(count));
  else if (event->kind == VLOT_EVENT_COMMIT)
    say(w, "n%u knows entr%s ", event->node, plural(count));
  else
    say(w, "n%u applies entr%s ", event->node, plural(count));
  if (count == 1)
    say(w, "%llu", (number)first);
  else
    say(w, "%llu to %llu", (number)first, last);
  if (event->kind == VLOT_EVENT_COMMIT && count != 1) /* they may be of several terms */
    say(w, " as committed, the last of term %llu", term);
  else if (event->kind != VLOT_EVENT_TRUNCATE)
    say(w, " of term %llu%s", term, event->kind == VLOT_EVENT_COMMIT ? " as committed" : "");
  if (event->kind == VLOT_EVENT_APPLY && event->as.slice.hash != 0)
    say(w, "; its machine hashes to %016llx", (number)event->as.slice.hash);
}

static void say_client(vlot__writer *w, const vlot_event *event) {
  uint32_t client = event->as.client.client, count = event->as.client.count;
  number sequence = event->as.client.sequence;
  const char *s = count == 1 ? "" : "s";
  if (event->kind == VLOT_EVENT_PROPOSE)
    say(w, "Client %u hands n%u %u command%s from its number %llu on", client, event->node, count,
        s, sequence);
  else if (event->kind == VLOT_EVENT_READ)
    say(w, "Client %u asks n%u for a read, its number %llu", client, event->node, sequence);
  else
    say(w, "n%u answers client %u for %u operation%s from its number %llu on (%s)", event->node,
        client, count, s, sequence, vlot_result_text((vlot_result)event->as.client.result));
}

static void say_role(vlot__writer *w, const vlot_event *event) {
  number term = event->as.change.term;
  if (event->kind == VLOT_EVENT_LEADER)
    say(w, "n%u becomes leader of term %llu", event->node, term);
  else if (event->kind == VLOT_EVENT_STEP_DOWN)
    say(w, "n%u steps down as leader of term %llu", event->node, term);
  else
    say(w, "n%u, in term %llu, turns from %s to %s", event->node, term,
        vlot__event_role_name(event->as.change.from), vlot__event_role_name(event->as.change.to));
}

static void say_election(vlot__writer *w, const vlot_event *event) {
  uint64_t from = event->as.change.from, to = event->as.change.to;
  number term = event->as.change.term;
  switch ((vlot_event_kind)event->kind) {
  case VLOT_EVENT_CAMPAIGN:
    if (from == 0)
      say(w, "n%u in term %llu asks who would vote for it", event->node, term);
    else
      say(w, "n%u %s in term %llu", event->node,
          from == 2 ? "forces an election" : "asks for votes", term);
    say(w, ", with a log up to %llu", (number)to);
    return;
  case VLOT_EVENT_VOTE:
    say(w, "n%u %s n%u its %svote in term %llu", event->node, to == 1 ? "grants" : "refuses",
        event->peer, from == 1 ? "pre-" : "", term);
    return;
  default:
    say(w, "n%u counts the answer of n%u in term %llu: %llu of the %llu vote%s it needs",
        event->node, event->peer, term, (number)from, (number)to, to == 1 ? "" : "s");
    return;
  }
}

static void say_known_leader(vlot__writer *w, const vlot_event *event) {
  number term = event->as.change.term;
  if (event->as.change.to == 0)
    say(w, "n%u knows no leader any more in term %llu", event->node, term);
  else
    say(w, "n%u knows n%llu as leader of term %llu", event->node, (number)event->as.change.to,
        term);
}

static void say_link(vlot__writer *w, const vlot_event *event) {
  number from = event->as.change.from, to = event->peer;
  say(w, from != 0 && to != 0 ? "The link" : "Every link");
  if (from != 0) say(w, " from n%llu", from);
  if (to != 0) say(w, " to n%llu", to);
  if (event->why == VLOT_WHY_HEALED)
    say(w, " is clean");
  else if (event->as.change.to != 0)
    say(w, " is cut");
  else
    say(w, " may lose, delay, reorder or duplicate messages");
}

static void say_disk(vlot__writer *w, const vlot_event *event) {
  number fail_at = event->as.change.from, delay = event->as.change.to;
  bool is_stalled = (event->as.change.term & 1) != 0, is_full = (event->as.change.term & 2) != 0;
  const char *joint = "";
  say(w, "The disk of n%u ", event->peer);
  if (is_stalled) say(w, "completes no write"), joint = ", ";
  if (delay > 0)
    say(w, "%stakes up to %llu tick%s for a write", joint, delay, delay == 1 ? "" : "s"),
        joint = ", ";
  if (is_full) say(w, "%sis full: writes fail", joint), joint = ", ";
  if (fail_at == 1)
    say(w, "%sfails the next write", joint);
  else if (fail_at > 1)
    say(w, "%sfails write number %llu from now", joint, fail_at);
  else if (*joint == '\0')
    say(w, "is well");
}

static void say_clock(vlot__writer *w, const vlot_event *event) {
  number permille = event->as.change.to;
  say(w, "The clock of n%u ", event->peer);
  if (permille == 0)
    say(w, "stands still");
  else if (permille == 1000)
    say(w, "is exact");
  else
    say(w, "runs at %llu thousandth%s of the speed of the others", permille,
        permille == 1 ? "" : "s");
}

/* Does the sentence of a fault say all there is to it? */
static bool is_fault_told(const vlot_event *event) {
  if (event->kind != VLOT_EVENT_FAULT) return false;
  bool is_named = event->peer != 0 || event->as.change.from != 0;
  return event->why == VLOT_WHY_DISK_FAULT || event->why == VLOT_WHY_CLOCK_FAULT ||
         event->why == VLOT_WHY_LINK_FAULT || (event->why == VLOT_WHY_HEALED && is_named);
}

static void say_fault(vlot__writer *w, const vlot_event *event) {
  if (!is_fault_told(event))
    say(w, "The network is changed");
  else if (event->why == VLOT_WHY_DISK_FAULT)
    say_disk(w, event);
  else if (event->why == VLOT_WHY_CLOCK_FAULT)
    say_clock(w, event);
  else
    say_link(w, event);
}

/* What its numbers mean depends on why; those of a broken disk are for a debugger only. */
static void say_fenced(vlot__writer *w, const vlot_event *event) {
  number from = event->as.change.from, to = event->as.change.to, term = event->as.change.term;
  say(w, "n%u is fenced and takes no input any more", event->node);
  if (event->why == VLOT_WHY_COMMITTED_CONFLICT)
    say(w, " (n%u sent another entry %llu in term %llu, and up to %llu is committed)", event->peer,
        from, term, to);
  else if (event->why == VLOT_WHY_TWO_LEADERS)
    say(w, " (n%llu and n%llu, in term %llu)", from, to, term);
  else if (event->why == VLOT_WHY_APPLY_FAILED)
    say(w, " (it had applied up to %llu, of %llu committed)", from, to);
}

static void say_request(vlot__writer *w, const vlot_event *event) {
  uint64_t kind = event->as.change.from, result = event->as.change.term;
  char id[24];
  vlot_pending_name(event->message, id, sizeof id);
  say(w, "A debugger asks: %s", vlot__event_request_name(kind));
  if (event->peer != 0)
    say(w, " n%u", event->peer);
  else if (kind < VLOT_REQUEST_TIMEOUT)
    say(w, " %s", id);
  say(w, ", and gets: %s", vlot_result_text((vlot_result)result));
}

static void say_lint(vlot__writer *w, const vlot_event *event) {
  char text[512];
  vlot_lint lint = {.number = (uint32_t)event->as.change.from,
                    .node = event->peer,
                    .value = event->as.change.to,
                    .other = event->as.change.term};
  vlot_lint_text(&lint, text, sizeof text);
  say(w, "Note: %s", text);
}

static void say_violation(vlot__writer *w, const vlot_event *event) {
  static const char *const broken[] = {
#define VLOT_X(number, text) [number] = text,
      VLOT__BROKEN(VLOT_X)
#undef VLOT_X
  };
  uint64_t invariant = event->as.change.from;
  bool is_replica = invariant == VLOT_REPLICA_HASH;
  say(w, "Broken: %s%llu at n%u", is_replica ? "R-" : "I-", is_replica ? 1 : (number)invariant,
      event->peer);
  if (is_replica) say(w, ": machines that applied the same entries differ");
  if (invariant < sizeof broken / sizeof *broken && broken[invariant])
    say(w, ": %s", broken[invariant]);
}

static void say_round(vlot__writer *w, const vlot_event *event) {
  number round = event->as.change.from, end = event->as.change.to;
  if (event->why != VLOT_WHY_NONE)
    say(w, "n%u gives up catching up new voters", event->node);
  else if (round == 0)
    say(w, "n%u has caught n%u up", event->node, event->peer);
  else
    say(w, "n%u catches n%u up, round %llu", event->node, event->peer, round);
  if (event->why == VLOT_WHY_NONE)
    say(w, ", to %llu", end);
  else if (event->peer != 0)
    say(w, ", because of n%u", event->peer);
}

static void say_membership(vlot__writer *w, const vlot_event *event) {
  number from = event->as.change.from, to = event->as.change.to, term = event->as.change.term;
  switch ((vlot_event_kind)event->kind) {
  case VLOT_EVENT_RECONFIGURED:
    say(w, "n%u counts by the configuration of entry %llu (was %llu)", event->node, to, from);
    if (event->peer != 0 && event->peer != event->node) say(w, ", of n%u", event->peer);
    return;
  case VLOT_EVENT_ROUND: say_round(w, event); return;
  default:
    if (to != 0)
      say(w, "n%u hands leadership of term %llu over to n%llu", event->node, term, to);
    else
      say(w, "n%u's handing over to n%llu is at an end", event->node, from);
    return;
  }
}

static void say_change(vlot__writer *w, const vlot_event *event) {
  static const char *const disks[] = {"with its disk", "without what it had not synced",
                                      "with a blank disk"};
  uint32_t node = event->node, peer = event->peer;
  number from = event->as.change.from, to = event->as.change.to, term = event->as.change.term;
  switch ((vlot_event_kind)event->kind) {
  case VLOT_EVENT_CAMPAIGN:
  case VLOT_EVENT_VOTE:
  case VLOT_EVENT_TALLY: say_election(w, event); return;
  case VLOT_EVENT_LEADER:
  case VLOT_EVENT_STEP_DOWN:
  case VLOT_EVENT_ROLE: say_role(w, event); return;
  case VLOT_EVENT_TERM: say(w, "n%u goes from term %llu to term %llu", node, from, to); return;
  case VLOT_EVENT_KNOWN_LEADER: say_known_leader(w, event); return;
  case VLOT_EVENT_MATCH:
    say(w, "n%u knows that n%u stores its log up to %llu (was %llu)", node, peer, to, from);
    return;
  case VLOT_EVENT_PROGRESS:
    say(w, "n%u, towards n%u, goes from %s to %s", node, peer, vlot__event_progress_name(from),
        vlot__event_progress_name(to));
    return;
  case VLOT_EVENT_MISMATCH:
    say(w, "n%u cannot append after %llu of term %llu from n%u; it hints at %llu", node, from, term,
        peer, to);
    return;
  case VLOT_EVENT_DURABLE:
    say(w, "n%u has made durable its log up to %llu (was %llu), term %llu", node, to, from, term);
    if (peer != 0) say(w, " and its vote for n%u", peer);
    return;
  case VLOT_EVENT_IGNORED:
    say(w, "n%u ignores a message of term %llu from n%u", node, term, peer);
    if (from > 0 && from < VLOT_MESSAGE_KINDS)
      say(w, ", %s", vlot_message_kind_name((vlot_message_kind)from));
    return;
  case VLOT_EVENT_FENCED: say_fenced(w, event); return;
  case VLOT_EVENT_KILL:
    say(w, "n%u stops running%s", node, from == 1 ? " by a power cut" : "");
    return;
  case VLOT_EVENT_RESTART:
    if (event->why == VLOT_WHY_FOREIGN_DISK)
      say(w, "n%u's disk is not the one that the configuration names: it was blank once", node);
    else
      say(w, "n%u is started again %s", node, disks[from < 3 ? from : 0]);
    return;
  case VLOT_EVENT_SUSPEND: say(w, "n%u is suspended", node); return;
  case VLOT_EVENT_RESUME: say(w, "n%u is resumed", node); return;
  case VLOT_EVENT_FAULT: say_fault(w, event); return;
  case VLOT_EVENT_CLOCK_WAIT: say(w, "The clock waits for n%u", node != 0 ? node : peer); return;
  case VLOT_EVENT_LINT: say_lint(w, event); return;
  case VLOT_EVENT_REQUEST: say_request(w, event); return;
  case VLOT_EVENT_VIOLATION: say_violation(w, event); return;
  case VLOT_EVENT_SNAPSHOT_TAKEN:
    say(w, "n%u has a snapshot at %llu of term %llu", node, to, term);
    if (from != 0) say(w, " (was at %llu)", from);
    return;
  case VLOT_EVENT_NO_SNAPSHOT:
    say(w, "n%u takes no snapshot at %llu", node, to);
    if (from != 0) say(w, " (it has one at %llu)", from);
    return;
  case VLOT_EVENT_SNAPSHOT_SENT:
    say(w, "n%u sends n%u bytes %llu to %llu of the snapshot at %llu", node, peer, from, to, term);
    return;
  case VLOT_EVENT_SNAPSHOT_INSTALLED:
    say(w, "n%u begins at n%u's snapshot, at %llu of term %llu (had committed %llu)", node, peer,
        to, term, from);
    return;
  case VLOT_EVENT_COMPACTED:
    say(w, "n%u drops its log up to %llu of term %llu (it began behind %llu)", node, to, term,
        from);
    return;
  case VLOT_EVENT_RECONFIGURED:
  case VLOT_EVENT_ROUND:
  case VLOT_EVENT_TRANSFER: say_membership(w, event); return;
  case VLOT_EVENT_ORDER:
    if (from == VLOT_INPUT_TICK)
      say(w, "n%u's timer is made to fire before its time (%s)", node, vlot_due_text((vlot_due)to));
    else
      say(w, "n%u takes the order %s", node, vlot__event_order_name(from));
    return;
  default: return;
  }
}

/* The cluster's is what everybody began with. */
static void say_config(vlot__writer *w, const vlot_event *event) {
  uint32_t roles = event->as.config.roles;
  bool is_voter = (roles & VLOT_CONFIG_VOTER) != 0, was_voter = roles & VLOT_CONFIG_OLD_VOTER;
  if (event->node == 0)
    say(w, "The configuration from index %llu on: ", (number)event->as.config.index);
  else
    say(w, "n%u's configuration from index %llu on: ", event->node, (number)event->as.config.index);
  say(w, "n%u %s", event->peer, is_voter || was_voter ? "votes" : "learns");
  if (is_voter != was_voter && was_voter) say(w, " in the old half");
  if (is_voter && was_voter) say(w, " in both halves");
  say(w, ", with disk %016llx", (number)event->as.config.disk_id);
}

size_t vlot_event_text(const vlot_event *event, char *out, size_t capacity) {
  vlot__writer w = {.out = out, .capacity = capacity};
  switch (vlot__event_body_of(event)) {
  case VLOT__EVENT_BODY_none:
    say(&w, "n%u: an event of the unknown kind %u", event->node, (unsigned)event->kind);
    break;
  case VLOT__EVENT_BODY_step: say_step(&w, event); break;
  case VLOT__EVENT_BODY_message: say_message(&w, event); break;
  case VLOT__EVENT_BODY_change: say_change(&w, event); break;
  case VLOT__EVENT_BODY_slice: say_slice(&w, event); break;
  case VLOT__EVENT_BODY_client: say_client(&w, event); break;
  case VLOT__EVENT_BODY_config: say_config(&w, event); break;
  }
  bool has_why = event->why != VLOT_WHY_NONE && event->kind != VLOT_EVENT_REQUEST &&
                 event->kind != VLOT_EVENT_ORDER && !is_fault_told(event);
  if (has_why) say(&w, ": %s", vlot_why_text((vlot_why)event->why));
  return vlot__write_end(&w);
}
