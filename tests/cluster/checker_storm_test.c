/* The checker over storms: real cores, a network that loses, repeats and reorders, disks that lag
 * and lose, steps of many inputs at once. Nothing is to be reported, and then, with one promise
 * broken on purpose, something is.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/prng.h"
#include "cluster/checker.h"

enum {
  NODES_MAX = 5,
  MAIL_MAX = 64,
  LOG_MAX = 4096,
  WRITES_MAX = 256,
  STEP_MAX = 6,
  WINDOW = 1 << 14
};

typedef enum breach {
  BREACH_NONE,
  BREACH_FORGET_VOTES, /* a restart recovers the term without its vote */
  BREACH_LYING_DISK,   /* writes are called durable at once, and lost in a crash */
} breach;

typedef struct record {
  uint64_t term;
  vlot_batch *batch;
  uint32_t at;
} record;

typedef struct pending {
  uint64_t token;
  uint64_t truncate_from;
  vlot_hard_state hard;
  record *records;
  uint32_t count;
  bool has_hard;
} pending;

typedef struct node {
  vlot_raft *raft;
  vlot__model model;
  vlot_hard_state hard;
  record log[LOG_MAX];
  size_t log_count;
  pending writes[WRITES_MAX]; /* oldest first */
  size_t write_count;
  uint64_t called_durable; /* token */
  uint64_t applied;
  uint64_t sequence;
  uint32_t incarnation;
} node;

typedef struct mail {
  vlot_message message;
  vlot_slice slices[64];
} mail;

typedef struct storm {
  node *nodes;
  uint32_t count;
  mail *mails;
  size_t mail_count;
  vlot_member members[NODES_MAX];
  vlot__checker *checker;
  vlot__prng prng;
  uint64_t now;
  uint64_t commits;
  uint64_t truncations;
  uint64_t leaders;
  uint64_t payload;
  uint32_t isolated; /* nobody hears this member, and it hears nobody; 0: none */
  breach breach;
  const vlot__violation *found;
} storm;

static uint32_t id_of(const storm *s, const node *n) { return (uint32_t)(n - s->nodes) + 1; }

static void feed(storm *s, node *n, vlot_event *event) {
  event->node = id_of(s, n);
  event->sequence = ++n->sequence;
  event->incarnation = n->incarnation;
  const vlot__violation *violation = vlot__checker_feed(s->checker, event, &n->model);
  if (violation && !s->found) s->found = vlot__checker_first(s->checker);
}

/* --- disks --- */

static void cut(node *n, uint64_t from) {
  while (n->log_count >= from) vlot_batch_release(n->log[--n->log_count].batch);
}

static void forget(pending *write) {
  for (uint32_t k = 0; k < write->count; k++) vlot_batch_release(write->records[k].batch);
  free(write->records);
}

static void take_write(node *n, const vlot_write *write) {
  if (write->token == 0) return;
  cr_assert_lt(n->write_count, (size_t)WRITES_MAX);
  pending *kept = &n->writes[n->write_count++];
  *kept = (pending){.token = write->token,
                    .truncate_from = write->truncate_from,
                    .hard = write->hard,
                    .has_hard = write->has_hard};
  uint32_t count = 0;
  for (uint32_t k = 0; k < write->slice_count; k++) count += write->slices[k].count;
  kept->records = calloc(count + 1, sizeof *kept->records);
  for (uint32_t k = 0; k < write->slice_count; k++) {
    const vlot_slice *slice = &write->slices[k];
    for (uint32_t e = 0; e < slice->count; e++)
      kept->records[kept->count++] =
          (record){slice->term, vlot_batch_retain(slice->batch), slice->first + e};
  }
}

/* The oldest write reaches the disk. */
static uint64_t settle_write(node *n) {
  pending write = n->writes[0];
  memmove(n->writes, n->writes + 1, --n->write_count * sizeof *n->writes);
  if (write.has_hard) n->hard = write.hard;
  if (write.truncate_from) cut(n, write.truncate_from);
  for (uint32_t k = 0; k < write.count; k++) {
    cr_assert_lt(n->log_count, (size_t)LOG_MAX);
    n->log[n->log_count++] = write.records[k];
  }
  free(write.records);
  return write.token;
}

/* --- lives --- */

static void start(storm *s, node *n) {
  static vlot_slice slices[LOG_MAX];
  vlot_raft_options options;
  vlot_raft_options_init(&options);
  vlot_hard_state hard = n->hard;
  if (s->breach == BREACH_FORGET_VOTES) hard.vote = 0;
  n->incarnation++;
  options.id = id_of(s, n);
  options.members = s->members;
  options.member_count = s->count;
  options.seed = vlot__prng_next(&s->prng);
  options.request_base = (uint64_t)n->incarnation << 32;
  options.election_ticks_min = 10;
  options.election_ticks_max = 20;
  options.heartbeat_ticks = 2;
  options.append_entries_max = 7;
  options.now = s->now;
  options.hard = hard;
  vlot__model_deinit(&n->model);
  vlot__model_init(&n->model, vlot_allocator_default(), 0, 0);
  for (size_t k = 0; k < n->log_count; k++) {
    slices[k] = (vlot_slice){.batch = n->log[k].batch,
                             .index = k + 1,
                             .term = n->log[k].term,
                             .first = n->log[k].at,
                             .count = 1};
    vlot__model_append(&n->model, &slices[k]);
  }
  options.log_slices = slices;
  options.log_slice_count = n->log_count;
  const char *problem = NULL;
  cr_assert_eq(vlot_raft_open(&n->raft, &options, &problem), VLOT_OK, "%s", problem);
  n->applied = 0;
  vlot_event event = {.kind = VLOT_EVENT_START};
  event.as.step.after =
      (vlot_brief){.term = hard.term, .vote = hard.vote, .last_index = n->log_count};
  feed(s, n, &event);
}

static void crash(storm *s, node *n) {
  feed(s, n, &(vlot_event){.kind = VLOT_EVENT_KILL});
  bool may_keep = s->breach != BREACH_LYING_DISK;
  while (may_keep && n->write_count > 0 && vlot__prng_chance(&s->prng, 500000)) settle_write(n);
  while (n->write_count > 0) forget(&n->writes[--n->write_count]);
  vlot_raft_close(n->raft);
  n->raft = NULL;
}

/* --- one step, and its events as the cluster's node emits them --- */

static vlot_brief brief_of(const node *n) {
  vlot_raft_status status;
  vlot_raft_get_status(n->raft, &status);
  return (vlot_brief){.term = status.term,
                      .vote = status.vote,
                      .last_index = status.last_index,
                      .commit_index = status.commit_index,
                      .role = status.role};
}

static void emit_slice(storm *s, node *n, vlot_event_kind kind, uint64_t first, uint64_t last,
                       uint64_t newest, uint64_t term) {
  vlot_event event = {.kind = (uint16_t)kind};
  uint64_t unused;
  event.as.slice.first = first;
  event.as.slice.count = last - first + 1;
  event.as.slice.term = term;
  if (!vlot__model_at(&n->model, newest, &unused, &event.as.slice.chain)) event.as.slice.chain = 0;
  feed(s, n, &event);
}

static void emit_change(storm *s, node *n, const vlot_change *change) {
  vlot_event event = {.peer = change->peer, .why = change->why};
  event.as.change.from = change->from;
  event.as.change.to = change->to;
  event.as.change.term = change->term;
  switch ((vlot_change_kind)change->kind) {
  case VLOT_CHANGE_APPEND:
    emit_slice(s, n, VLOT_EVENT_APPEND, change->from, change->to, change->to, change->term);
    return;
  case VLOT_CHANGE_TRUNCATE:
    s->truncations++;
    emit_slice(s, n, VLOT_EVENT_TRUNCATE, change->from, change->to, change->from - 1, change->term);
    return;
  case VLOT_CHANGE_COMMIT:
    s->commits++;
    emit_slice(s, n, VLOT_EVENT_COMMIT, change->from + 1, change->to, change->to, change->term);
    return;
  case VLOT_CHANGE_TERM: event.kind = VLOT_EVENT_TERM; break;
  case VLOT_CHANGE_DURABLE: event.kind = VLOT_EVENT_DURABLE; break;
  case VLOT_CHANGE_FENCED: event.kind = VLOT_EVENT_FENCED; break;
  case VLOT_CHANGE_ROLE:
    event.kind = change->to == VLOT_ROLE_LEADER     ? VLOT_EVENT_LEADER
                 : change->from == VLOT_ROLE_LEADER ? VLOT_EVENT_STEP_DOWN
                                                    : VLOT_EVENT_ROLE;
    s->leaders += event.kind == VLOT_EVENT_LEADER;
    break;
  default: return;
  }
  feed(s, n, &event);
}

static void emit_message(storm *s, node *n, vlot_event_kind kind, const vlot_message *message) {
  vlot_event event = {.kind = (uint16_t)kind,
                      .peer = kind == VLOT_EVENT_SENT ? message->to : message->from};
  event.as.message.kind = message->kind;
  event.as.message.flags = message->flags;
  event.as.message.term = message->term;
  event.as.message.from = message->from;
  if (message->kind == VLOT_MESSAGE_APPEND) {
    event.as.message.index = message->as.append.prev_index;
    event.as.message.entries = message->as.append.entry_count;
  } else if (message->kind == VLOT_MESSAGE_APPEND_REPLY) {
    event.as.message.index = message->as.reply.match_index;
  }
  feed(s, n, &event);
}

static void drop_mail(storm *s, size_t k) {
  mail *at = &s->mails[k];
  if (at->message.kind == VLOT_MESSAGE_APPEND)
    for (uint32_t e = 0; e < at->message.as.append.slice_count; e++)
      vlot_batch_release(at->slices[e].batch);
  *at = s->mails[--s->mail_count];
}

static void keep_mail(storm *s, const vlot_message *message) {
  if (s->mail_count == MAIL_MAX) drop_mail(s, vlot__prng_below(&s->prng, MAIL_MAX));
  mail *at = &s->mails[s->mail_count++];
  at->message = *message;
  if (message->kind != VLOT_MESSAGE_APPEND) return;
  cr_assert_leq(message->as.append.slice_count, 64);
  for (uint32_t k = 0; k < message->as.append.slice_count; k++) {
    at->slices[k] = message->as.append.slices[k];
    vlot_batch_retain(at->slices[k].batch);
  }
}

static void step(storm *s, node *n, const vlot_input *inputs, uint32_t count) {
  const vlot_output *output;
  vlot_event event = {.kind = VLOT_EVENT_STEP};
  for (uint32_t k = 0; k < count; k++)
    if (inputs[k].kind == VLOT_INPUT_MESSAGE)
      emit_message(s, n, VLOT_EVENT_RECEIVED, inputs[k].as.message);
  event.as.step.before = brief_of(n);
  vlot_result result = vlot_raft_step(n->raft, inputs, count, &output);
  cr_assert(result == VLOT_OK || (s->breach != BREACH_NONE && result == VLOT_FENCED));
  event.as.step.after = brief_of(n);
  if (output->write.truncate_from) vlot__model_truncate(&n->model, output->write.truncate_from);
  for (uint32_t k = 0; k < output->write.slice_count; k++)
    vlot__model_append(&n->model, &output->write.slices[k]);
  feed(s, n, &event);
  for (uint32_t k = 0; k < output->change_count; k++) emit_change(s, n, &output->changes[k]);
  take_write(n, &output->write);
  for (uint32_t k = 0; k < output->message_count; k++) {
    emit_message(s, n, VLOT_EVENT_SENT, &output->messages[k]);
    bool is_cut = s->isolated == output->messages[k].to || s->isolated == id_of(s, n);
    if (!is_cut && !vlot__prng_chance(&s->prng, 50000)) keep_mail(s, &output->messages[k]);
  }
  for (uint32_t k = 0; k < output->apply_count; k++) {
    uint64_t last = output->apply[k].index + output->apply[k].count - 1;
    emit_slice(s, n, VLOT_EVENT_APPLY, output->apply[k].index, last, last, output->apply[k].term);
    n->applied = last;
  }
}

/* --- what may happen --- */

static uint64_t next_token(storm *s, node *n) {
  if (s->breach != BREACH_LYING_DISK) return settle_write(n);
  uint64_t token = n->writes[n->write_count - 1].token;
  while (n->write_count > 8) settle_write(n);
  return token;
}

/* A turn takes several things at once: messages, a tick, a proposal, a completed write. */
static void turn(storm *s, node *n) {
  vlot_input inputs[STEP_MAX + 4];
  mail taken[STEP_MAX];
  uint32_t count = 0, taken_count = 0;
  uint64_t wanted = 1 + vlot__prng_below(&s->prng, STEP_MAX);
  bool has_write = n->write_count > 0 && vlot__prng_chance(&s->prng, 600000);
  for (size_t k = 0; k < s->mail_count && taken_count < wanted; k++) {
    size_t at = (size_t)vlot__prng_below(&s->prng, s->mail_count);
    if (s->mails[at].message.to != id_of(s, n)) continue;
    taken[taken_count] = s->mails[at];
    if (taken[taken_count].message.kind == VLOT_MESSAGE_APPEND)
      for (uint32_t e = 0; e < s->mails[at].message.as.append.slice_count; e++)
        vlot_batch_retain(s->mails[at].slices[e].batch);
    if (!vlot__prng_chance(&s->prng, 100000)) drop_mail(s, at); /* else it comes again */
    taken_count++;
  }
  for (uint32_t k = 0; k < taken_count; k++) {
    if (taken[k].message.kind == VLOT_MESSAGE_APPEND)
      taken[k].message.as.append.slices = taken[k].slices;
    inputs[count++] = (vlot_input){.kind = VLOT_INPUT_MESSAGE, .as.message = &taken[k].message};
  }
  if (vlot__prng_chance(&s->prng, 300000))
    inputs[count++] =
        (vlot_input){.kind = VLOT_INPUT_TICK, .as.tick = {.now = s->now, .elapsed = 1}};
  vlot_command command = {.data = (const uint8_t *)&s->payload, .size = sizeof s->payload};
  if (vlot__prng_chance(&s->prng, 200000)) {
    s->payload++;
    inputs[count++] =
        (vlot_input){.kind = VLOT_INPUT_PROPOSE, .as.propose = {.commands = &command, .count = 1}};
  }
  if (has_write)
    inputs[count++] = (vlot_input){.kind = VLOT_INPUT_STORED, .as.token = next_token(s, n)};
  if (n->applied > 0)
    inputs[count++] = (vlot_input){.kind = VLOT_INPUT_APPLIED, .as.index = n->applied};
  if (count > 1) { /* any order */
    uint64_t other = vlot__prng_below(&s->prng, count);
    vlot_input first = inputs[0];
    inputs[0] = inputs[other];
    inputs[other] = first;
  }
  if (count > 0) step(s, n, inputs, count);
  for (uint32_t k = 0; k < taken_count; k++)
    if (taken[k].message.kind == VLOT_MESSAGE_APPEND)
      for (uint32_t e = 0; e < taken[k].message.as.append.slice_count; e++)
        vlot_batch_release(taken[k].slices[e].batch);
}

static void configure(storm *s, uint32_t place) {
  vlot_event event = {.kind = VLOT_EVENT_CONFIG, .peer = s->members[place].id};
  event.as.config.place = place;
  event.as.config.count = s->count;
  event.as.config.roles = VLOT_CONFIG_VOTER;
  cr_assert_null(vlot__checker_feed(s->checker, &event, NULL));
}

static void play(storm *s, uint64_t seed, uint32_t count, breach how, int turns) {
  memset(s, 0, sizeof *s);
  s->count = count;
  s->breach = how;
  s->nodes = calloc(count, sizeof *s->nodes);
  s->mails = calloc(MAIL_MAX, sizeof *s->mails);
  vlot__prng_init(&s->prng, seed, 1);
  for (uint32_t k = 0; k < count; k++) {
    s->members[k] = (vlot_member){.id = k + 1};
    vlot__model_init(&s->nodes[k].model, vlot_allocator_default(), 0, 0);
  }
  s->checker = vlot__checker_open(vlot_allocator_default(), WINDOW);
  for (uint32_t k = 0; k < count; k++) configure(s, k);
  for (int k = 0; k < turns && !s->found; k++) {
    node *n = &s->nodes[vlot__prng_below(&s->prng, count)];
    if (vlot__prng_chance(&s->prng, 5000))
      s->isolated = (uint32_t)vlot__prng_below(&s->prng, count + 1);
    s->now += vlot__prng_chance(&s->prng, 200000);
    if (!n->raft)
      start(s, n);
    else if (vlot__prng_chance(&s->prng, how == BREACH_NONE ? 3000 : 20000))
      crash(s, n);
    else
      turn(s, n);
  }
}

static void stop(storm *s) {
  while (s->mail_count > 0) drop_mail(s, 0);
  for (uint32_t k = 0; k < s->count; k++) {
    node *n = &s->nodes[k];
    while (n->write_count > 0) forget(&n->writes[--n->write_count]);
    cut(n, 1);
    vlot_raft_close(n->raft);
    vlot__model_deinit(&n->model);
  }
  vlot__checker_close(s->checker);
  free(s->nodes);
  free(s->mails);
}

Test(checker_storm, a_correct_history_breaks_nothing) {
  uint64_t commits = 0, truncations = 0, leaders = 0;
  for (uint64_t seed = 1; seed <= 60; seed++) {
    storm s;
    play(&s, seed, seed % 2 ? 3 : 5, BREACH_NONE, 8000);
    cr_assert_null(s.found, "seed %d: I-%u: %s", (int)seed, s.found ? s.found->invariant : 0,
                   s.found ? s.found->text : "");
    cr_assert_not(vlot__checker_is_incomplete(s.checker));
    commits += s.commits;
    truncations += s.truncations;
    leaders += s.leaders;
    stop(&s);
  }
  cr_assert_gt(commits, 1000);
  cr_assert_gt(truncations, 20);
  cr_assert_gt(leaders, 200);
}

Test(checker_storm, a_broken_promise_is_found) {
  const breach breaches[] = {BREACH_FORGET_VOTES, BREACH_LYING_DISK};
  for (size_t k = 0; k < sizeof breaches / sizeof *breaches; k++) {
    int found = 0;
    for (uint64_t seed = 1; seed <= 10; seed++) {
      storm s;
      play(&s, seed, 3, breaches[k], 3000);
      found += s.found != NULL;
      stop(&s);
    }
    cr_assert_geq(found, 8, "breach %zu: %d of 10", k, found);
  }
}
