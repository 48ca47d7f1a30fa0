/* The checker over storms: real cores, a network that loses, repeats and reorders, disks that lag
 * and lose, snapshots that are taken and installed, steps of many inputs at once. Nothing is to be
 * reported, and then, with one promise broken on purpose, something is: of some it is known what.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/prng.h"
#include "cluster/checker.h"
#include "vlot/raft_snapshot.h"

enum {
  NODES_MAX = 5,
  MAIL_MAX = 64,
  LOG_MAX = 4096,
  WRITES_MAX = 256,
  STEP_MAX = 6,
  WINDOW = 1 << 14,
  IMAGE = 20,   /* bytes of a snapshot */
  TRAILING = 5, /* entries below it that are kept */
};

typedef enum breach {
  BREACH_NONE,
  BREACH_FORGET_VOTES, /* a restart recovers the term without its vote */
  BREACH_LYING_DISK,   /* writes are called durable at once, and lost in a crash */
  /* broken cores: what each does no other invariant forbids, until something comes of it */
  BREACH_GENEROUS,         /* I-12: a leader takes who acknowledges to have one entry more */
  BREACH_LATE_TERM,        /* I-13: appends name the entry before them with the sender's own term */
  BREACH_NAMELESS,         /* I-13: messages leave in the name of the receiver */
  BREACH_OTHER_IMAGE,      /* I-14: snapshots hold one entry less than they say */
  BREACH_HASTY_COMPACTION, /* I-14: a log forgets one entry more than its snapshot holds */
  BREACH_APPLY_AGAIN,      /* I-16: what was applied is applied once more */
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
  vlot_snapshot *snapshot; /* instead of all that stood there before; NULL */
} pending;

typedef struct node {
  vlot_raft *raft;
  vlot__model model;
  vlot_hard_state hard;
  record log[LOG_MAX]; /* above base_index */
  size_t log_count;
  uint64_t base_index;
  uint64_t base_term;
  vlot_snapshot *kept;        /* the disk's; NULL */
  vlot_snapshot *restoring;   /* from this one; NULL */
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
  uint64_t taken;
  uint64_t installed;
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

static uint64_t last_of(const node *n) { return n->base_index + n->log_count; }

static void cut(node *n, uint64_t from) {
  while (n->log_count > 0 && last_of(n) >= from) vlot_batch_release(n->log[--n->log_count].batch);
}

static void compact(node *n, uint64_t to, uint64_t term) {
  uint64_t count = to - n->base_index;
  cr_assert(to >= n->base_index && count <= n->log_count);
  for (uint64_t k = 0; k < count; k++) vlot_batch_release(n->log[k].batch);
  n->log_count -= count;
  memmove(n->log, n->log + count, n->log_count * sizeof *n->log);
  n->base_index = to;
  n->base_term = term;
}

static void keep(node *n, vlot_snapshot *snapshot) {
  vlot_snapshot_release(n->kept);
  n->kept = vlot_snapshot_retain(snapshot);
}

static void forget(pending *write) {
  for (uint32_t k = 0; k < write->count; k++) vlot_batch_release(write->records[k].batch);
  free(write->records);
  vlot_snapshot_release(write->snapshot);
}

static void take_write(node *n, const vlot_write *write) {
  if (write->token == 0) return;
  cr_assert_lt(n->write_count, (size_t)WRITES_MAX);
  pending *kept = &n->writes[n->write_count++];
  *kept = (pending){.token = write->token,
                    .truncate_from = write->truncate_from,
                    .hard = write->hard,
                    .has_hard = write->has_hard,
                    .snapshot = vlot_snapshot_retain(write->snapshot)};
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
  if (write.snapshot) {
    cut(n, 0);
    keep(n, write.snapshot);
    n->base_index = vlot_snapshot_get(write.snapshot)->index;
    n->base_term = vlot_snapshot_get(write.snapshot)->term;
    vlot_snapshot_release(write.snapshot);
  }
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
  const vlot_snapshot_head *head = n->kept ? vlot_snapshot_get(n->kept) : NULL;
  uint64_t begin = head ? head->index : 0;
  if (head)
    vlot__model_restart(&n->model, head->index, head->term, head->chain);
  else
    vlot__model_reset(&n->model, 0, 0);
  for (size_t k = 0; k < n->log_count; k++) {
    slices[k] = (vlot_slice){.batch = n->log[k].batch,
                             .index = n->base_index + k + 1,
                             .term = n->log[k].term,
                             .first = n->log[k].at,
                             .count = 1};
    if (slices[k].index > begin) vlot__model_append(&n->model, &slices[k]);
  }
  options.snapshot = n->kept;
  options.snapshot_chunk_bytes = 8;
  options.base_index = n->base_index;
  options.base_term = n->base_term;
  options.log_slices = slices;
  options.log_slice_count = n->log_count;
  const char *problem = NULL;
  cr_assert_eq(vlot_raft_open(&n->raft, &options, &problem), VLOT_OK, "%s", problem);
  n->applied = begin;
  vlot_event event = {.kind = VLOT_EVENT_START};
  event.as.step.after = (vlot_brief){
      .term = hard.term, .vote = hard.vote, .last_index = last_of(n), .commit_index = begin};
  feed(s, n, &event);
}

static void crash(storm *s, node *n) {
  feed(s, n, &(vlot_event){.kind = VLOT_EVENT_KILL});
  bool may_keep = s->breach != BREACH_LYING_DISK;
  while (may_keep && n->write_count > 0 && vlot__prng_chance(&s->prng, 500000)) settle_write(n);
  while (n->write_count > 0) forget(&n->writes[--n->write_count]);
  vlot_snapshot_release(n->restoring);
  n->restoring = NULL;
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
  case VLOT_CHANGE_MATCH: event.kind = VLOT_EVENT_MATCH; break;
  case VLOT_CHANGE_SNAPSHOT_TAKEN: event.kind = VLOT_EVENT_SNAPSHOT_TAKEN; break;
  case VLOT_CHANGE_SNAPSHOT_INSTALLED:
    s->installed++;
    event.kind = VLOT_EVENT_SNAPSHOT_INSTALLED;
    break;
  case VLOT_CHANGE_COMPACTED:
    event.kind = VLOT_EVENT_COMPACTED;
    if (s->breach == BREACH_HASTY_COMPACTION) event.as.change.to += TRAILING + 1;
    break;
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
    event.as.message.log_term = message->as.append.prev_term;
    event.as.message.entries = message->as.append.entry_count;
  } else if (message->kind == VLOT_MESSAGE_INSTALL) {
    event.as.message.index = vlot_snapshot_get(message->as.install.snapshot)->index;
    event.as.message.log_term = vlot_snapshot_get(message->as.install.snapshot)->term;
  } else if (message->kind == VLOT_MESSAGE_INSTALL_REPLY) {
    event.as.message.index = message->as.installed.index;
  } else if (vlot_message_body_of(message->kind) == VLOT_BODY_VOTE) {
    event.as.message.index = message->as.vote.last_index;
    event.as.message.log_term = message->as.vote.last_term;
  } else if (message->kind == VLOT_MESSAGE_APPEND_REPLY) {
    event.as.message.index = message->as.reply.match_index;
  }
  feed(s, n, &event);
}

static void retain(const mail *at) {
  if (at->message.kind == VLOT_MESSAGE_INSTALL)
    (void)vlot_snapshot_retain(at->message.as.install.snapshot);
  if (at->message.kind == VLOT_MESSAGE_APPEND)
    for (uint32_t e = 0; e < at->message.as.append.slice_count; e++)
      (void)vlot_batch_retain(at->slices[e].batch);
}

static void release(const mail *at) {
  if (at->message.kind == VLOT_MESSAGE_INSTALL)
    vlot_snapshot_release(at->message.as.install.snapshot);
  if (at->message.kind == VLOT_MESSAGE_APPEND)
    for (uint32_t e = 0; e < at->message.as.append.slice_count; e++)
      vlot_batch_release(at->slices[e].batch);
}

static void drop_mail(storm *s, size_t k) {
  release(&s->mails[k]);
  s->mails[k] = s->mails[--s->mail_count];
}

static void keep_mail(storm *s, const vlot_message *message) {
  if (s->mail_count == MAIL_MAX) drop_mail(s, vlot__prng_below(&s->prng, MAIL_MAX));
  mail *at = &s->mails[s->mail_count++];
  at->message = *message;
  if (message->kind == VLOT_MESSAGE_APPEND) {
    cr_assert_leq(message->as.append.slice_count, 64);
    for (uint32_t k = 0; k < message->as.append.slice_count; k++)
      at->slices[k] = message->as.append.slices[k];
  }
  retain(at);
}

/* As a broken core would say it. */
static vlot_message bent(const storm *s, const vlot_message *message) {
  vlot_message said = *message;
  if (s->breach == BREACH_NAMELESS && vlot_message_body_of(said.kind) == VLOT_BODY_VOTE)
    said.from = said.to;
  if (s->breach == BREACH_LATE_TERM && said.kind == VLOT_MESSAGE_APPEND &&
      said.as.append.prev_index > 0)
    said.as.append.prev_term = said.term;
  return said;
}

static void apply(storm *s, node *n, const vlot_slice *slice) {
  uint64_t last = slice->index + slice->count - 1;
  emit_slice(s, n, VLOT_EVENT_APPLY, slice->index, last, last, slice->term);
  if (s->breach == BREACH_APPLY_AGAIN && vlot__prng_chance(&s->prng, 10000))
    emit_slice(s, n, VLOT_EVENT_APPLY, last, last, last, slice->term);
  n->applied = last;
}

static void write_model(node *n, const vlot_write *write) {
  if (write->snapshot) {
    const vlot_snapshot_head *head = vlot_snapshot_get(write->snapshot);
    vlot__model_restart(&n->model, head->index, head->term, head->chain);
  }
  if (write->truncate_from) vlot__model_truncate(&n->model, write->truncate_from);
  for (uint32_t k = 0; k < write->slice_count; k++)
    vlot__model_append(&n->model, &write->slices[k]);
}

/* What comes of snapshots, but for the write. */
static void handle_snapshots(node *n, const vlot_output *output) {
  if (output->compact_index) compact(n, output->compact_index, output->compact_term);
  if (output->restore) {
    vlot_snapshot_release(n->restoring);
    n->restoring = vlot_snapshot_retain(output->restore);
  }
  if (output->has_swapped) n->applied = vlot_snapshot_get(vlot_raft_snapshot(n->raft))->index;
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
  write_model(n, &output->write);
  feed(s, n, &event);
  for (uint32_t k = 0; k < output->change_count; k++) emit_change(s, n, &output->changes[k]);
  take_write(n, &output->write);
  for (uint32_t k = 0; k < output->message_count; k++) {
    vlot_message said = bent(s, &output->messages[k]);
    emit_message(s, n, VLOT_EVENT_SENT, &said);
    bool is_cut = s->isolated == said.to || s->isolated == id_of(s, n);
    if (!is_cut && !vlot__prng_chance(&s->prng, 50000)) keep_mail(s, &said);
  }
  handle_snapshots(n, output);
  for (uint32_t k = 0; k < output->apply_count; k++) apply(s, n, &output->apply[k]);
}

/* --- what may happen --- */

static uint64_t next_token(storm *s, node *n) {
  if (s->breach != BREACH_LYING_DISK) return settle_write(n);
  uint64_t token = n->writes[n->write_count - 1].token;
  while (n->write_count > 8) settle_write(n);
  return token;
}

/* An image of the machine, durable at once. NULL: there is nothing to take one of. */
static vlot_snapshot *take_snapshot(const storm *s, node *n) {
  vlot_raft_status status;
  vlot_entry ignored;
  vlot_raft_get_status(n->raft, &status);
  uint64_t index = status.applied_index, unused;
  if (s->breach == BREACH_LYING_DISK || status.is_installing || index <= status.snapshot_index ||
      index > status.durable_index)
    return NULL;
  uint8_t *data;
  vlot_bytes *bytes = vlot_bytes_make(NULL, IMAGE, &data);
  memset(data, (int)(index & 0xff), IMAGE);
  vlot_snapshot_head head = {.index = index,
                             .size = IMAGE,
                             .checksum =
                                 vlot_snapshot_checksum(VLOT_SNAPSHOT_CHECKSUM, data, IMAGE),
                             .configuration = vlot_raft_configuration_at(n->raft, index)};
  cr_assert(vlot__model_at(&n->model, index, &unused, &head.chain));
  cr_assert_eq(vlot_raft_get_entry(n->raft, index, &head.term, &ignored), VLOT_OK);
  vlot_snapshot *snapshot = vlot_snapshot_make(NULL, &head, bytes);
  keep(n, snapshot);
  if (s->breach == BREACH_OTHER_IMAGE) { /* what others get; its own disk has the right one */
    vlot_snapshot_release(snapshot);
    (void)vlot__model_at(&n->model, index - 1, &unused, &head.chain);
    snapshot = vlot_snapshot_make(NULL, &head, bytes);
  }
  vlot_bytes_release(bytes);
  return snapshot;
}

/* What a leader makes of it. */
static void read_generously(const storm *s, const node *n, vlot_message *message) {
  vlot_raft_status status;
  vlot_raft_get_status(n->raft, &status);
  bool is_it = message->kind == VLOT_MESSAGE_APPEND_REPLY && message->flags & VLOT_MESSAGE_OK &&
               message->term == status.term && status.role == VLOT_ROLE_LEADER;
  if (s->breach == BREACH_GENEROUS && is_it && message->as.reply.match_index < status.last_index)
    message->as.reply.match_index++;
}

/* A turn takes several things at once: messages, a tick, a proposal, a completed write. */
static void turn(storm *s, node *n) {
  vlot_input inputs[STEP_MAX + 6];
  mail taken[STEP_MAX];
  uint32_t count = 0, taken_count = 0;
  uint64_t wanted = 1 + vlot__prng_below(&s->prng, STEP_MAX);
  bool has_write = n->write_count > 0 && vlot__prng_chance(&s->prng, 600000);
  for (size_t k = 0; k < s->mail_count && taken_count < wanted; k++) {
    size_t at = (size_t)vlot__prng_below(&s->prng, s->mail_count);
    if (s->mails[at].message.to != id_of(s, n)) continue;
    taken[taken_count] = s->mails[at];
    retain(&taken[taken_count]);
    read_generously(s, n, &taken[taken_count].message);
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
  vlot_raft_status status;
  vlot_raft_get_status(n->raft, &status);
  if (n->applied > status.applied_index)
    inputs[count++] = (vlot_input){.kind = VLOT_INPUT_APPLIED, .as.index = n->applied};
  if (n->restoring && vlot__prng_chance(&s->prng, 300000)) {
    inputs[count++] = (vlot_input){.kind = VLOT_INPUT_RESTORED, .as.restored = VLOT_OK};
    vlot_snapshot_release(n->restoring);
    n->restoring = NULL;
  }
  if (count > 1) { /* any order */
    uint64_t other = vlot__prng_below(&s->prng, count);
    vlot_input first = inputs[0];
    inputs[0] = inputs[other];
    inputs[other] = first;
  }
  if (count > 0) step(s, n, inputs, count);
  for (uint32_t k = 0; k < taken_count; k++) release(&taken[k]);
  vlot_snapshot *image = vlot__prng_chance(&s->prng, 20000) ? take_snapshot(s, n) : NULL;
  if (!image) return;
  uint64_t index = vlot_snapshot_get(image)->index;
  inputs[0] = (vlot_input){.kind = VLOT_INPUT_SNAPSHOT_TAKEN};
  inputs[0].as.taken.snapshot = image;
  inputs[0].as.taken.compact_to = index > TRAILING ? index - TRAILING : 0;
  step(s, n, inputs, 1);
  s->taken++;
  vlot_snapshot_release(image);
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
    cut(n, 0);
    vlot_snapshot_release(n->kept);
    vlot_snapshot_release(n->restoring);
    vlot_raft_close(n->raft);
    vlot__model_deinit(&n->model);
  }
  vlot__checker_close(s->checker);
  free(s->nodes);
  free(s->mails);
}

Test(checker_storm, a_correct_history_breaks_nothing) {
  uint64_t commits = 0, truncations = 0, leaders = 0, taken = 0, installed = 0;
  for (uint64_t seed = 1; seed <= 60; seed++) {
    storm s;
    play(&s, seed, seed % 2 ? 3 : 5, BREACH_NONE, 8000);
    cr_assert_null(s.found, "seed %d: I-%u: %s", (int)seed, s.found ? s.found->invariant : 0,
                   s.found ? s.found->text : "");
    cr_assert_not(vlot__checker_is_incomplete(s.checker));
    commits += s.commits;
    truncations += s.truncations;
    leaders += s.leaders;
    taken += s.taken;
    installed += s.installed;
    stop(&s);
  }
  cr_assert_gt(commits, 1000);
  cr_assert_gt(truncations, 20);
  cr_assert_gt(leaders, 200);
  cr_assert_gt(taken, 1000);
  cr_assert_gt(installed, 100);
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

/* Exactly that one, and before anything else comes of it. */
Test(checker_storm, a_broken_core_breaks_the_invariant_that_forbids_what_it_does) {
  static const struct {
    breach how;
    uint32_t invariant;
  } cores[] = {
      {BREACH_GENEROUS, 12},    {BREACH_LATE_TERM, 13},        {BREACH_NAMELESS, 13},
      {BREACH_OTHER_IMAGE, 14}, {BREACH_HASTY_COMPACTION, 14}, {BREACH_APPLY_AGAIN, 16},
  };
  for (size_t k = 0; k < sizeof cores / sizeof *cores; k++) {
    int found = 0;
    for (uint64_t seed = 1; seed <= 10; seed++) {
      storm s;
      play(&s, seed, 3, cores[k].how, 8000);
      if (s.found)
        cr_expect_eq(s.found->invariant, cores[k].invariant, "breach %d, seed %d: I-%u: %s",
                     (int)cores[k].how, (int)seed, s.found->invariant, s.found->text);
      found += s.found != NULL;
      stop(&s);
    }
    cr_expect_geq(found, 8, "breach %d: %d of 10", (int)cores[k].how, found);
  }
}
