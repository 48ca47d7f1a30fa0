/* Events as JSON, as sentences, and as the words that the event hash is made of. */
#include "vlot/event.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "cluster/writer.h"
#include "vlot/cluster.h"
#include "vlot/lint.h"

/* --- which part of the union a kind uses: one table --- */

typedef enum body { BODY_none, BODY_step, BODY_message, BODY_change, BODY_slice, BODY_client } body;

static const uint8_t bodies[VLOT_EVENT_KINDS] = {
#define VLOT_X(name, number, text, part) [number] = BODY_##part,
    VLOT_EVENTS(VLOT_X)
#undef VLOT_X
};

static const char *const kind_names[VLOT_EVENT_KINDS] = {
#define VLOT_X(name, number, text, part) [number] = text,
    VLOT_EVENTS(VLOT_X)
#undef VLOT_X
};

static body body_of(const vlot_event *event) {
  return event->kind < VLOT_EVENT_KINDS ? (body)bodies[event->kind] : BODY_none;
}

const char *vlot_event_kind_name(vlot_event_kind kind) {
  uint32_t number = (uint32_t)kind;
  return number < VLOT_EVENT_KINDS && kind_names[number] ? kind_names[number] : "?";
}

/* --- JSON --- */

typedef enum shape {
  IN_32,
  IN_64,
  AS_HEX, /* a string: JSON's waiting_reads lose bits above 2^53 */
  AS_TRUTH,
  AS_ROLE,
  AS_PROGRESS,
  AS_CAMPAIGN,
  AS_DISK,
  AS_MESSAGE_KIND,
  AS_RESULT,
  AS_OUTCOME, /* a vlot_result in 64 bits */
  AS_REQUEST,
  AS_LINT,
} shape;

typedef struct field {
  const char *key;
  uint16_t offset;
  uint8_t shape;
} field;

enum { FIELDS_MAX = 8 };

#define AT(part) (uint16_t) offsetof(vlot_event, part)
#define PEER(key) \
  { key, AT(peer), IN_32 }
#define FROM(key, shape) \
  { key, AT(as.change.from), shape }
#define TO(key, shape) \
  { key, AT(as.change.to), shape }
#define TERM(key) \
  { key, AT(as.change.term), IN_64 }
#define ROLES \
  { FROM("role_before", AS_ROLE), TO("role_after", AS_ROLE), TERM("term"), PEER("peer") }
#define PLAIN \
  { PEER("peer"), FROM("from", IN_64), TO("to", IN_64), TERM("term") }
#define ENTRIES                                                                               \
  {                                                                                           \
    PEER("peer"), {"first", AT(as.slice.first), IN_64}, {"count", AT(as.slice.count), IN_64}, \
        {"term", AT(as.slice.term), IN_64}, {"chain", AT(as.slice.chain), AS_HEX},            \
  }
#define CLIENT                                                                            \
  {"client", AT(as.client.client), IN_32}, {"client_seq", AT(as.client.sequence), IN_64}, \
      {"count", AT(as.client.count), IN_32}, {"index", AT(as.client.index), IN_64}, {     \
    "term", AT(as.client.term), IN_64                                                     \
  }

/* The fields of each kind of event; steps and messages have functions of their own. */
static const field fields[VLOT_EVENT_KINDS][FIELDS_MAX] = {
    [VLOT_EVENT_CAMPAIGN] = {FROM("campaign", AS_CAMPAIGN), TO("last_index", IN_64), TERM("term")},
    [VLOT_EVENT_LEADER] = ROLES,
    [VLOT_EVENT_STEP_DOWN] = ROLES,
    [VLOT_EVENT_ROLE] = ROLES,
    [VLOT_EVENT_TERM] = {FROM("term_before", IN_64), TO("term_after", IN_64), PEER("peer")},
    [VLOT_EVENT_KNOWN_LEADER] = {FROM("leader_before", IN_64), TO("leader_after", IN_64),
                                 TERM("term")},
    [VLOT_EVENT_VOTE] = {PEER("candidate"), FROM("pre_vote", AS_TRUTH), TO("granted", AS_TRUTH),
                         TERM("term")},
    [VLOT_EVENT_TALLY] = {PEER("voter"), FROM("granted", IN_64), TO("quorum", IN_64), TERM("term")},
    [VLOT_EVENT_APPEND] = ENTRIES,
    [VLOT_EVENT_TRUNCATE] = ENTRIES,
    [VLOT_EVENT_MATCH] = {PEER("peer"), FROM("match_before", IN_64), TO("match_after", IN_64),
                          TERM("term")},
    [VLOT_EVENT_PROGRESS] = {PEER("peer"), FROM("progress_before", AS_PROGRESS),
                             TO("progress_after", AS_PROGRESS), TERM("term")},
    [VLOT_EVENT_MISMATCH] = {PEER("leader"), FROM("prev_index", IN_64), TERM("prev_term"),
                             TO("hint_index", IN_64)},
    [VLOT_EVENT_DURABLE] = {FROM("durable_before", IN_64), TO("durable_after", IN_64), TERM("term"),
                            PEER("vote")},
    [VLOT_EVENT_COMMIT] = ENTRIES,
    [VLOT_EVENT_APPLY] = {{"first", AT(as.slice.first), IN_64},
                          {"count", AT(as.slice.count), IN_64},
                          {"term", AT(as.slice.term), IN_64},
                          {"chain", AT(as.slice.chain), AS_HEX},
                          {"hash", AT(as.slice.hash), AS_HEX}},
    [VLOT_EVENT_IGNORED] = {PEER("from"), FROM("kind", AS_MESSAGE_KIND), TERM("term")},
    [VLOT_EVENT_FENCED] = PLAIN,
    [VLOT_EVENT_KILL] = {FROM("power_cut", AS_TRUTH)},
    [VLOT_EVENT_RESTART] = {FROM("disk", AS_DISK)},
    [VLOT_EVENT_FAULT] = PLAIN,
    [VLOT_EVENT_CLOCK_WAIT] = {PEER("peer")},
    [VLOT_EVENT_PROPOSE] = {CLIENT},
    [VLOT_EVENT_ANSWER] = {CLIENT, {"result", AT(as.client.result), AS_RESULT}},
    [VLOT_EVENT_READ] = {CLIENT},
    [VLOT_EVENT_VIOLATION] = {FROM("invariant", IN_64)},
    [VLOT_EVENT_LINT] = {FROM("lint", AS_LINT), PEER("peer"), TO("value", IN_64), TERM("other")},
    [VLOT_EVENT_REQUEST] = {FROM("request", AS_REQUEST),
                            PEER("peer"),
                            TO("value", IN_64),
                            {"result", AT(as.change.term), AS_OUTCOME}},
};

static const char *name_of_role(uint64_t role) { return vlot_role_name((vlot_role)role); }

static const char *name_of_progress(uint64_t state) {
  return state == VLOT_PROGRESS_REPLICATE ? "replicate" : "probe";
}

static const char *name_of_campaign(uint64_t how) {
  static const char *const names[] = {"pre_vote", "vote", "forced"};
  return how < 3 ? names[how] : "?";
}

static const char *name_of_disk(uint64_t how) {
  static const char *const names[] = {"keep", "lose_unsynced", "wipe"};
  return how < 3 ? names[how] : "?";
}

static const char *name_of_request(uint64_t kind) {
  const vlot_verb *verb = vlot_verb_of_request(kind);
  return verb ? verb->name : "something unknown";
}

static void put_key(vlot__writer *w, const char *key) {
  vlot__write(w, ",\"", 2);
  vlot__write_text(w, key);
  vlot__write(w, "\":", 2);
}

static void put_name(vlot__writer *w, const char *name) {
  vlot__write(w, "\"", 1);
  vlot__write_text(w, name);
  vlot__write(w, "\"", 1);
}

static void put_hash(vlot__writer *w, uint64_t hash) {
  char digits[18] = "\"";
  for (int k = 0; k < 16; k++) digits[1 + k] = "0123456789abcdef"[hash >> (60 - 4 * k) & 15];
  digits[17] = '"';
  vlot__write(w, digits, sizeof digits);
}

static void json_number(vlot__writer *w, const char *key, uint64_t number) {
  put_key(w, key);
  vlot__write_number(w, number);
}

static void json_name(vlot__writer *w, const char *key, const char *name) {
  put_key(w, key);
  put_name(w, name);
}

static void json_value(vlot__writer *w, shape how, uint64_t value) {
  switch (how) {
  case IN_32:
  case IN_64: vlot__write_number(w, value); return;
  case AS_HEX: put_hash(w, value); return;
  case AS_TRUTH: vlot__write_text(w, value == 1 ? "true" : "false"); return;
  case AS_ROLE: put_name(w, name_of_role(value)); return;
  case AS_PROGRESS: put_name(w, name_of_progress(value)); return;
  case AS_CAMPAIGN: put_name(w, name_of_campaign(value)); return;
  case AS_DISK: put_name(w, name_of_disk(value)); return;
  case AS_MESSAGE_KIND: put_name(w, vlot_message_kind_name((vlot_message_kind)value)); return;
  case AS_RESULT:
  case AS_OUTCOME: put_name(w, vlot_result_name((vlot_result)value)); return;
  case AS_REQUEST: put_name(w, name_of_request(value)); return;
  case AS_LINT: put_name(w, vlot_lint_name((uint32_t)value)); return;
  }
}

static uint64_t value_of(const vlot_event *event, const field *at) {
  const char *place = (const char *)event + at->offset;
  uint32_t narrow;
  uint64_t wide;
  memcpy(&narrow, place, sizeof narrow);
  if (at->shape == IN_32 || at->shape == AS_RESULT) return narrow;
  memcpy(&wide, place, sizeof wide);
  return wide;
}

static void json_fields(vlot__writer *w, const vlot_event *event) {
  const field *at = fields[event->kind];
  for (int k = 0; k < FIELDS_MAX && at[k].key; k++) {
    put_key(w, at[k].key);
    json_value(w, (shape)at[k].shape, value_of(event, &at[k]));
  }
}

static void json_brief(vlot__writer *w, const char *key, const vlot_brief *brief) {
  put_key(w, key);
  vlot__write_text(w, "{\"role\":");
  put_name(w, name_of_role(brief->role));
  json_number(w, "term", brief->term);
  json_number(w, "vote", brief->vote);
  json_number(w, "last", brief->last_index);
  json_number(w, "commit", brief->commit_index);
  vlot__write(w, "}", 1);
}

static uint32_t receiver_of(const vlot_event *event) {
  if (event->kind == VLOT_EVENT_RECEIVED) return event->node;
  bool is_known =
      event->kind == VLOT_EVENT_SENT || (event->peer != 0 && event->peer != event->as.message.from);
  return is_known ? event->peer : event->node;
}

/* Does the reply say yes? */
static bool is_success(const vlot_event *event) {
  return (event->as.message.flags & VLOT_MESSAGE_OK) != 0;
}

static void json_message(vlot__writer *w, const vlot_event *event) {
  bool is_ok = is_success(event);
  if (event->as.message.kind == 0) { /* mail that is no message of Raft's */
    json_number(w, "to", receiver_of(event));
    return;
  }
  json_name(w, "kind", vlot_message_kind_name((vlot_message_kind)event->as.message.kind));
  json_number(w, "from", event->as.message.from);
  json_number(w, "to", receiver_of(event));
  json_number(w, "term", event->as.message.term);
  json_number(w, "request", event->as.message.request_id);
  switch (event->as.message.kind) {
  case VLOT_MESSAGE_PRE_VOTE:
  case VLOT_MESSAGE_VOTE:
    json_number(w, "last_index", event->as.message.index);
    json_number(w, "last_term", event->as.message.log_term);
    put_key(w, "forced");
    vlot__write_text(w, event->as.message.flags & VLOT_MESSAGE_FORCED ? "true" : "false");
    return;
  case VLOT_MESSAGE_APPEND:
    json_number(w, "prev_index", event->as.message.index);
    json_number(w, "prev_term", event->as.message.log_term);
    json_number(w, "entries", event->as.message.entries);
    json_number(w, "commit", event->as.message.commit);
    return;
  case VLOT_MESSAGE_APPEND_REPLY:
    json_number(w, "prev_index", event->as.message.commit);
    json_number(w, is_ok ? "match_index" : "hint_index", event->as.message.index);
    if (!is_ok) json_number(w, "hint_term", event->as.message.log_term);
    break;
  default: break;
  }
  put_key(w, "success");
  vlot__write_text(w, is_ok ? "true" : "false");
}

size_t vlot_event_json(const vlot_event *event, char *out, size_t capacity) {
  vlot__writer w = {.out = out, .capacity = capacity};
  vlot__write_text(&w, "{\"seq\":");
  vlot__write_number(&w, event->sequence);
  json_number(&w, "lamport", event->lamport);
  json_number(&w, "action", event->action);
  json_number(&w, "tick", event->tick);
  json_number(&w, "node", event->node);
  json_number(&w, "inc", event->incarnation);
  if (event->cause != 0) { /* [node, sequence] */
    put_key(&w, "cause");
    vlot__write(&w, "[", 1);
    vlot__write_number(&w, event->cause >> 48);
    vlot__write(&w, ",", 1);
    vlot__write_number(&w, event->cause & (((uint64_t)1 << 48) - 1));
    vlot__write(&w, "]", 1);
  }
  json_name(&w, "event", vlot_event_kind_name((vlot_event_kind)event->kind));
  if (event->message != 0) json_number(&w, "message", event->message);
  switch (body_of(event)) {
  case BODY_none: break;
  case BODY_step:
    json_brief(&w, "before", &event->as.step.before);
    json_brief(&w, "after", &event->as.step.after);
    break;
  case BODY_message: json_message(&w, event); break;
  case BODY_change:
  case BODY_slice:
  case BODY_client: json_fields(&w, event); break;
  }
  if (event->why != VLOT_WHY_NONE) json_name(&w, "why", vlot_why_name((vlot_why)event->why));
  vlot__write(&w, "}", 1);
  return vlot__write_end(&w);
}

/* --- sentences --- */

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
  say(w, "n%u takes a step as %s", event->node, name_of_role(before->role));
  if (after->role != before->role) say(w, " and becomes %s", name_of_role(after->role));
  say(w, ": term %llu", (number)before->term);
  if (after->term != before->term) say(w, " to %llu", (number)after->term);
  if (after->vote != 0) say(w, ", vote n%u", after->vote);
  say(w, ", last %llu", (number)before->last_index);
  if (after->last_index != before->last_index) say(w, " to %llu", (number)after->last_index);
  say(w, ", commit %llu", (number)before->commit_index);
  if (after->commit_index != before->commit_index) say(w, " to %llu", (number)after->commit_index);
}

static void say_what(vlot__writer *w, const vlot_event *event) {
  number term = event->as.message.term, index = event->as.message.index,
         log_term = event->as.message.log_term;
  say(w, "%s of term %llu", vlot_message_kind_name((vlot_message_kind)event->as.message.kind),
      term);
  switch (event->as.message.kind) {
  case VLOT_MESSAGE_PRE_VOTE:
  case VLOT_MESSAGE_VOTE:
    say(w, " (its log ends at %llu of term %llu%s)", index, log_term,
        event->as.message.flags & VLOT_MESSAGE_FORCED ? "; forced" : "");
    return;
  case VLOT_MESSAGE_PRE_VOTE_REPLY:
  case VLOT_MESSAGE_VOTE_REPLY: say(w, " (%s)", is_success(event) ? "granted" : "refused"); return;
  case VLOT_MESSAGE_APPEND:
    say(w, " (%u entr%s after %llu of term %llu, commit %llu)", event->as.message.entries,
        plural(event->as.message.entries), index, log_term, (number)event->as.message.commit);
    return;
  case VLOT_MESSAGE_APPEND_REPLY:
    if (is_success(event))
      say(w, " (stored up to %llu)", index);
    else
      say(w, " (refused after %llu; try %llu of term %llu)", (number)event->as.message.commit,
          index, log_term);
    return;
  default: return;
  }
}

static void say_message(vlot__writer *w, const vlot_event *event) {
  uint32_t from = event->as.message.from, to = receiver_of(event);
  if (event->kind == VLOT_EVENT_SENT)
    say(w, "n%u sends n%u ", from, to);
  else if (event->kind == VLOT_EVENT_RECEIVED)
    say(w, "n%u takes from n%u ", to, from);
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
        name_of_role(event->as.change.from), name_of_role(event->as.change.to));
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
  say(w, "A debugger asks: %s", name_of_request(kind));
  char id[24];
  vlot_pending_name(event->message, id, sizeof id);
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
    say(w, "n%u, towards n%u, goes from %s to %s", node, peer, name_of_progress(from),
        name_of_progress(to));
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
    if (from > 0 && from <= VLOT_MESSAGE_APPEND_REPLY)
      say(w, ", %s", vlot_message_kind_name((vlot_message_kind)from));
    return;
  case VLOT_EVENT_FENCED: say_fenced(w, event); return;
  case VLOT_EVENT_KILL:
    say(w, "n%u stops running%s", node, from == 1 ? " by a power cut" : "");
    return;
  case VLOT_EVENT_RESTART:
    say(w, "n%u is started again %s", node, disks[from < 3 ? from : 0]);
    return;
  case VLOT_EVENT_SUSPEND: say(w, "n%u is suspended", node); return;
  case VLOT_EVENT_RESUME: say(w, "n%u is resumed", node); return;
  case VLOT_EVENT_FAULT: say_fault(w, event); return;
  case VLOT_EVENT_CLOCK_WAIT: say(w, "The clock waits for n%u", node != 0 ? node : peer); return;
  case VLOT_EVENT_LINT: say_lint(w, event); return;
  case VLOT_EVENT_REQUEST: say_request(w, event); return;
  case VLOT_EVENT_VIOLATION:
    say(w, "A safety property is broken at n%u: invariant %llu", node, from);
    return;
  default: return;
  }
}

size_t vlot_event_text(const vlot_event *event, char *out, size_t capacity) {
  vlot__writer w = {.out = out, .capacity = capacity};
  switch (body_of(event)) {
  case BODY_none:
    say(&w, "n%u: an event of the unknown kind %u", event->node, (unsigned)event->kind);
    break;
  case BODY_step: say_step(&w, event); break;
  case BODY_message: say_message(&w, event); break;
  case BODY_change: say_change(&w, event); break;
  case BODY_slice: say_slice(&w, event); break;
  case BODY_client: say_client(&w, event); break;
  }
  bool has_why =
      event->why != VLOT_WHY_NONE && event->kind != VLOT_EVENT_REQUEST && !is_fault_told(event);
  if (has_why) say(&w, ": %s", vlot_why_text((vlot_why)event->why));
  return vlot__write_end(&w);
}

static uint64_t pair(uint32_t high, uint32_t low) { return (uint64_t)high << 32 | low; }

static void brief_words(const vlot_brief *brief, uint64_t words[4]) {
  words[0] = brief->term;
  words[1] = brief->last_index;
  words[2] = brief->commit_index;
  words[3] = pair(brief->vote, brief->role);
}

/* Field by field: reading the memory of a record that was just written in smaller pieces would wait
 * for the stores. */
uint32_t vlot_event_words(const vlot_event *event, uint64_t words[VLOT_EVENT_WORDS]) {
  words[0] = event->sequence;
  words[1] = event->lamport;
  words[2] = event->action;
  words[3] = event->cause;
  words[4] = event->tick;
  words[5] = event->message;
  words[6] = pair(event->node, event->incarnation);
  words[7] = pair(event->peer, (uint32_t)event->kind << 16 | event->why);
  switch (body_of(event)) {
  case BODY_none: return 8;
  case BODY_step:
    brief_words(&event->as.step.before, words + 8);
    brief_words(&event->as.step.after, words + 12);
    return 16;
  case BODY_message:
    words[8] = pair(event->as.message.kind, event->as.message.flags);
    words[9] = event->as.message.term;
    words[10] = event->as.message.index;
    words[11] = event->as.message.log_term;
    words[12] = event->as.message.commit;
    words[13] = event->as.message.request_id;
    words[14] = pair(event->as.message.entries, event->as.message.from);
    return 15;
  case BODY_change:
    words[8] = event->as.change.from;
    words[9] = event->as.change.to;
    words[10] = event->as.change.term;
    return 11;
  case BODY_slice:
    words[8] = event->as.slice.first;
    words[9] = event->as.slice.count;
    words[10] = event->as.slice.term;
    return 11;
  case BODY_client:
    words[8] = event->as.client.sequence;
    words[9] = event->as.client.index;
    words[10] = event->as.client.term;
    words[11] = pair(event->as.client.client, event->as.client.count);
    words[12] = event->as.client.result;
    return 13;
  }
  return 8;
}
