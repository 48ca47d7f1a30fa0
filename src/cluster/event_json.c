/* Events as JSON. */
#include <string.h>

#include "base/json.h"
#include "cluster/event_inside.h"
#include "vlot/lint.h"

typedef enum shape {
  IN_32,
  IN_64,
  AS_HEX, /* a string: readers of JSON lose bits above 2^53 */
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
  AS_ORDER,
  AS_ROLES, /* a list of VLOT_CONFIG_* */
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
    [VLOT_EVENT_VIOLATION] = {FROM("invariant", IN_64), PEER("peer")},
    [VLOT_EVENT_LINT] = {FROM("lint", AS_LINT), PEER("peer"), TO("value", IN_64), TERM("other")},
    [VLOT_EVENT_REQUEST] = {FROM("request", AS_REQUEST),
                            PEER("peer"),
                            TO("value", IN_64),
                            {"result", AT(as.change.term), AS_OUTCOME}},
    [VLOT_EVENT_ORDER] = {FROM("order", AS_ORDER), TO("value", IN_64), TERM("term")},
    [VLOT_EVENT_SNAPSHOT_TAKEN] = {FROM("snapshot_before", IN_64), TO("snapshot_after", IN_64),
                                   TERM("term")},
    [VLOT_EVENT_NO_SNAPSHOT] = {FROM("snapshot", IN_64),
                                TO("applied", IN_64),
                                {"result", AT(as.change.term), AS_OUTCOME}},
    [VLOT_EVENT_SNAPSHOT_SENT] = {PEER("peer"), TERM("snapshot"), FROM("offset", IN_64),
                                  TO("end", IN_64)},
    [VLOT_EVENT_SNAPSHOT_INSTALLED] = {PEER("leader"), FROM("commit_before", IN_64),
                                       TO("snapshot", IN_64), TERM("term")},
    [VLOT_EVENT_COMPACTED] = {FROM("base_before", IN_64), TO("base_after", IN_64), TERM("term")},
    [VLOT_EVENT_RECONFIGURED] = {PEER("leader"), FROM("config_before", IN_64),
                                 TO("config_after", IN_64), TERM("term")},
    [VLOT_EVENT_ROUND] = {PEER("peer"), FROM("round", IN_64), TO("end", IN_64), TERM("term")},
    [VLOT_EVENT_TRANSFER] = {FROM("target_before", IN_64), TO("target_after", IN_64), TERM("term")},
    [VLOT_EVENT_CONFIG] = {PEER("member"),
                           {"index", AT(as.config.index), IN_64},
                           {"disk", AT(as.config.disk_id), AS_HEX},
                           {"roles", AT(as.config.roles), AS_ROLES},
                           {"place", AT(as.config.place), IN_32},
                           {"count", AT(as.config.count), IN_32}},
};

static const char *const config_roles[] = {"voter", "learner", "old_voter"};

static const char *name_of_campaign(uint64_t how) {
  static const char *const names[] = {"pre_vote", "vote", "forced"};
  return how < 3 ? names[how] : "?";
}

static const char *name_of_disk(uint64_t how) {
  static const char *const names[] = {"keep", "lose_unsynced", "wipe"};
  return how < 3 ? names[how] : "?";
}

static void write_roles(vlot__writer *w, uint64_t roles) {
  const char *before = "";
  vlot__write(w, "[", 1);
  for (size_t k = 0; k < sizeof config_roles / sizeof *config_roles; k++) {
    if (!(roles >> k & 1)) continue;
    vlot__write_text(w, before);
    vlot__json_name(w, config_roles[k]);
    before = ",";
  }
  vlot__write(w, "]", 1);
}

static void write_value(vlot__writer *w, shape how, uint64_t value) {
  switch (how) {
  case IN_32:
  case IN_64: vlot__write_number(w, value); return;
  case AS_HEX: vlot__json_hash(w, value); return;
  case AS_TRUTH: vlot__json_truth(w, value == 1); return;
  case AS_ROLE: vlot__json_name(w, vlot__event_role_name(value)); return;
  case AS_ORDER: vlot__json_name(w, vlot__event_order_name(value)); return;
  case AS_PROGRESS: vlot__json_name(w, vlot__event_progress_name(value)); return;
  case AS_CAMPAIGN: vlot__json_name(w, name_of_campaign(value)); return;
  case AS_DISK: vlot__json_name(w, name_of_disk(value)); return;
  case AS_MESSAGE_KIND:
    vlot__json_name(w, vlot_message_kind_name((vlot_message_kind)value));
    return;
  case AS_RESULT:
  case AS_OUTCOME: vlot__json_name(w, vlot_result_name((vlot_result)value)); return;
  case AS_REQUEST: vlot__json_name(w, vlot__event_request_name(value)); return;
  case AS_LINT: vlot__json_name(w, vlot_lint_name((uint32_t)value)); return;
  case AS_ROLES: write_roles(w, value); return;
  }
}

static uint64_t value_of(const vlot_event *event, const field *at) {
  const char *place = (const char *)event + at->offset;
  uint32_t narrow;
  uint64_t wide;
  memcpy(&narrow, place, sizeof narrow);
  if (at->shape == IN_32 || at->shape == AS_RESULT || at->shape == AS_ROLES) return narrow;
  memcpy(&wide, place, sizeof wide);
  return wide;
}

static void write_fields(vlot__writer *w, const vlot_event *event) {
  const field *at = fields[event->kind];
  for (int k = 0; k < FIELDS_MAX && at[k].key; k++) {
    vlot__json_key(w, at[k].key);
    write_value(w, (shape)at[k].shape, value_of(event, &at[k]));
  }
}

static void write_brief(vlot__writer *w, const char *key, const vlot_brief *brief) {
  vlot__json_key(w, key);
  vlot__write_text(w, "{\"role\":");
  vlot__json_name(w, vlot__event_role_name(brief->role));
  vlot__json_number_of(w, "term", brief->term);
  vlot__json_number_of(w, "vote", brief->vote);
  vlot__json_number_of(w, "last", brief->last_index);
  vlot__json_number_of(w, "commit", brief->commit_index);
  vlot__write(w, "}", 1);
}

/* No message of Raft's: what a client asked, an order, or what is passed on. */
static void write_mail(vlot__writer *w, const vlot_event *event) {
  uint64_t reads = event->as.message.commit;
  vlot__json_name_of(w, "kind", vlot_mail_kind_name((vlot_mail_kind)event->as.message.flags));
  if (event->as.message.from != 0) vlot__json_number_of(w, "from", event->as.message.from);
  vlot__json_number_of(w, "to", vlot__event_receiver(event));
  if (event->as.message.term != 0) vlot__json_number_of(w, "term", event->as.message.term);
  if (event->as.message.entries == 0) return;
  vlot__json_number_of(w, "client", event->as.message.log_term);
  vlot__json_number_of(w, "sequence", event->as.message.index);
  vlot__json_number_of(w, "commands", event->as.message.entries - reads);
  vlot__json_number_of(w, "reads", reads);
}

static void write_message(vlot__writer *w, const vlot_event *event) {
  bool is_ok = vlot__event_is_success(event);
  if (event->as.message.kind == 0) {
    write_mail(w, event);
    return;
  }
  vlot__json_name_of(w, "kind", vlot_message_kind_name((vlot_message_kind)event->as.message.kind));
  vlot__json_number_of(w, "from", event->as.message.from);
  vlot__json_number_of(w, "to", vlot__event_receiver(event));
  vlot__json_number_of(w, "term", event->as.message.term);
  vlot__json_number_of(w, "request", event->as.message.request_id);
  switch (vlot_message_body_of(event->as.message.kind)) {
  case VLOT_BODY_VOTE:
    vlot__json_number_of(w, "last_index", event->as.message.index);
    vlot__json_number_of(w, "last_term", event->as.message.log_term);
    vlot__json_truth_of(w, "forced", event->as.message.flags & VLOT_MESSAGE_FORCED);
    return;
  case VLOT_BODY_APPEND:
    vlot__json_number_of(w, "prev_index", event->as.message.index);
    vlot__json_number_of(w, "prev_term", event->as.message.log_term);
    vlot__json_number_of(w, "entries", event->as.message.entries);
    vlot__json_number_of(w, "commit", event->as.message.commit);
    return;
  case VLOT_BODY_APPEND_REPLY:
    vlot__json_number_of(w, "prev_index", event->as.message.commit);
    vlot__json_number_of(w, is_ok ? "match_index" : "hint_index", event->as.message.index);
    if (!is_ok) vlot__json_number_of(w, "hint_term", event->as.message.log_term);
    break;
  case VLOT_BODY_INSTALL:
    vlot__json_number_of(w, "snapshot", event->as.message.index);
    vlot__json_number_of(w, "snapshot_term", event->as.message.log_term);
    vlot__json_number_of(w, "offset", event->as.message.commit);
    vlot__json_number_of(w, "bytes", event->as.message.entries);
    return;
  case VLOT_BODY_INSTALL_REPLY:
    vlot__json_number_of(w, "snapshot", event->as.message.index);
    vlot__json_number_of(w, "offset", event->as.message.commit);
    break;
  case VLOT_BODY_UNKNOWN:
  case VLOT_BODY_TIMEOUT_NOW:
  case VLOT_BODY_VOTE_REPLY: break;
  }
  vlot__json_truth_of(w, "success", is_ok);
}

size_t vlot_event_json(const vlot_event *event, char *out, size_t capacity) {
  vlot__writer w = {.out = out, .capacity = capacity};
  vlot__write_text(&w, "{\"seq\":");
  vlot__write_number(&w, event->sequence);
  vlot__json_number_of(&w, "lamport", event->lamport);
  vlot__json_number_of(&w, "action", event->action);
  vlot__json_number_of(&w, "tick", event->tick);
  vlot__json_number_of(&w, "node", event->node);
  vlot__json_number_of(&w, "inc", event->incarnation);
  if (event->cause != 0) { /* [node, sequence] */
    vlot__json_key(&w, "cause");
    vlot__write(&w, "[", 1);
    vlot__write_number(&w, event->cause >> 48);
    vlot__write(&w, ",", 1);
    vlot__write_number(&w, event->cause & (((uint64_t)1 << 48) - 1));
    vlot__write(&w, "]", 1);
  }
  vlot__json_name_of(&w, "event", vlot_event_kind_name((vlot_event_kind)event->kind));
  if (event->message != 0) vlot__json_number_of(&w, "message", event->message);
  switch (vlot__event_body_of(event)) {
  case VLOT__EVENT_BODY_none: break;
  case VLOT__EVENT_BODY_step:
    write_brief(&w, "before", &event->as.step.before);
    write_brief(&w, "after", &event->as.step.after);
    break;
  case VLOT__EVENT_BODY_message: write_message(&w, event); break;
  case VLOT__EVENT_BODY_change:
  case VLOT__EVENT_BODY_slice:
  case VLOT__EVENT_BODY_client:
  case VLOT__EVENT_BODY_config: write_fields(&w, event); break;
  }
  if (event->why != VLOT_WHY_NONE)
    vlot__json_name_of(&w, "why", vlot_why_name((vlot_why)event->why));
  vlot__write(&w, "}", 1);
  return vlot__write_end(&w);
}
