/* Carrying a journal out again. It is read once when it is opened: which records there are, which of them belong to one turn, how far it
 * is whole. Then its records are carried out in their order, and every turn is compared with what was recorded of it.
 *
 * What stands in a journal is data: whatever it says, nothing is read outside of it, and no assertion depends on it.
 */
#include "cluster/replay.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "cluster/node.h"

#define TICK_MAX (UINT64_C(1) << 48) /* a clock that is fed with more would overflow */
#define NO_RECORD SIZE_MAX

typedef struct record {
  const uint8_t *at; /* its header */
  uint32_t size;
  uint32_t mails;    /* TURN: actions of the whole turn; 0: it has no end */
  size_t next;       /* TURN, MORE: the record that goes on with this turn; NO_RECORD */
} record;

typedef struct item {
  uint32_t kind; /* vlot__mail_kind or VLOT__ITEM_* */
  bool has_payload;
  bool is_like; /* the one before: its command alone is the payload, without a size */
  uint64_t stamp, id, sequence;
  uint32_t client, count, check;
  uint32_t more;          /* PROPOSE: so many like it follow */
  uint32_t command;       /* … all with one command of this size */
  const uint8_t *payload; /* PROPOSE: sizes and bytes; READ: the question; else what the kind says */
  size_t size;
  uint8_t like[VLOT__LIKE_BYTES]; /* PROPOSE with more: its short command; of one that is_like, the payload */
} item;

struct vlot__replay {
  vlot_cluster *cluster;
  const vlot_allocator *allocator;
  vlot__journal_head head;
  const uint8_t *journal;
  size_t size;
  record *records;
  size_t count, capacity;
  size_t place;          /* of the next record */
  uint64_t *wanted;      /* [wanted_room] hash table: ids that some record names; made when the first node is killed */
  size_t wanted_room;
  vlot_replay_status status;
  int was_leader;        /* while a kill is carried out; else -1 */
  const vlot__slot *subject; /* whose record is carried out */
  vlot__slot *turn_slot; /* whose turn is; NULL between turns */
  uint64_t turn;         /* its number in its incarnation */
  size_t chunk;          /* the record in which its reader stands */
  vlot__journal_reader reader;
  item last, next;       /* the item before in the chunk; the one that comes */
  bool has_next;
  vlot__item **items;    /* [item_capacity] mail of this turn */
  size_t item_count, item_capacity;
  char text[320];
};

/* --- reading records and items --- */

static uint32_t type_of(const record *one) { return one->at[4]; }
static uint32_t flags_of(const record *one) { return one->at[5]; }
static uint32_t node_of(const record *one) { return vlot__get16(one->at + 6); }

static vlot__journal_reader body_of(const record *one) {
  return (vlot__journal_reader){.at = one->at + VLOT__JOURNAL_RECORD_HEAD, .end = one->at + one->size};
}

/* What a PROPOSE holds: walked once, so that later nobody need ask whether it is whole. */
static void read_commands(vlot__journal_reader *reader, item *one) {
  uint64_t count = vlot__read_var(reader);
  one->more = vlot__read16(reader);
  one->count = (uint32_t)count;
  one->payload = reader->at;
  if (count == 0 || count > UINT32_MAX || (one->more > 0 && count != 1)) reader->is_bad = true;
  for (uint64_t k = 0; k < count && !reader->is_bad; k++) {
    uint64_t size = vlot__read_var(reader);
    if (size > UINT32_MAX) reader->is_bad = true;
    one->command = (uint32_t)size;
    const uint8_t *bytes = vlot__read_bytes(reader, (size_t)size);
    if (one->more > 0 && size > 0 && size <= VLOT__LIKE_BYTES && !reader->is_bad) memcpy(one->like, bytes, (size_t)size);
  }
  one->size = (size_t)(reader->at - one->payload);
}

/* The bytes that differ from the command before. */
static void read_difference(vlot__journal_reader *reader, uint8_t *command, uint32_t size) {
  for (uint32_t k = 0; k < size; k += 8) {
    uint32_t set = vlot__read8(reader);
    for (uint32_t b = 0; b < 8; b++) {
      if (!(set >> b & 1)) continue;
      uint8_t byte = vlot__read8(reader);
      if (k + b < size) command[k + b] ^= byte;
      else reader->is_bad = true;
    }
  }
}

/* The next of several mails like the last one. */
static void read_more(vlot__journal_reader *reader, uint32_t stride, const item *last, item *one) {
  *one = *last;
  one->is_like = true;
  one->more--;
  one->id += stride;
  one->sequence += last->count;
  one->count = 1;
  one->size = one->command;
  one->payload = NULL; /* in `like` */
  if (one->command <= VLOT__LIKE_BYTES) read_difference(reader, one->like, one->command);
  else one->payload = vlot__read_bytes(reader, one->size);
}

static void read_payload(vlot__journal_reader *reader, uint32_t tag, const item *last, item *one) {
  bool is_next = tag & VLOT__ITEM_NEXT_SEQUENCE;
  switch (one->kind) {
    case VLOT__MAIL_PROPOSE:
      one->client = is_next ? last->client : (uint32_t)vlot__read_var(reader);
      one->sequence = is_next ? last->sequence + last->count : vlot__read_var(reader);
      read_commands(reader, one);
      return;
    case VLOT__MAIL_READ:
      one->payload = vlot__read_bytes(reader, 24); /* client, sequence, min_index, size */
      one->size = reader->is_bad ? 0 : vlot__get32(one->payload + 20);
      vlot__read_bytes(reader, one->size);
      return;
    case VLOT__MAIL_ORDER:
      one->payload = vlot__read_bytes(reader, 8);
      return;
    default: reader->is_bad = true;
  }
}

static void read_mail(vlot__journal_reader *reader, uint32_t tag, uint32_t stride, const item *last, item *one) {
  one->client = last->client;
  one->sequence = last->sequence;
  one->count = last->count;
  if (one->kind == VLOT__MAIL_STORED) {
    one->payload = vlot__read_bytes(reader, 12);
    one->stamp = last->stamp;
    one->id = last->id;
    return;
  }
  one->stamp = tag & VLOT__ITEM_SAME_STAMP ? last->stamp : vlot__read_var(reader);
  one->id = last->id;
  if (one->stamp > TICK_MAX && one->stamp != VLOT_NEVER) reader->is_bad = true;
  if (one->kind == VLOT__MAIL_TICK) return;
  one->id = tag & VLOT__ITEM_NEXT_ID ? last->id + stride : vlot__read_var(reader);
  one->has_payload = tag & VLOT__ITEM_HAS_PAYLOAD;
  if (one->has_payload) read_payload(reader, tag, last, one);
  else one->check = vlot__read32(reader);
}

static size_t outcome_size(uint32_t kind) {
  switch (kind) {
    case VLOT__ITEM_RATE: return 12;
    case VLOT__ITEM_CUT: return 4;
    case VLOT__ITEM_ROUTE: return 9;
    case VLOT__ITEM_SUBMIT: return 5;
    default: return 0;
  }
}

static bool is_mail(const item *one) { return one->kind <= VLOT__MAIL_STORED; }

/* The next item of a record; last: the mail before it, all 0 at the beginning. False: there is none, or it is bad. */
static bool read_item(vlot__journal_reader *reader, uint32_t stride, const item *last, item *one) {
  if (last->more > 0) {
    read_more(reader, stride, last, one);
    return !reader->is_bad;
  }
  if (reader->at == reader->end) return false;
  uint32_t tag = vlot__read8(reader);
  *one = (item){.kind = tag & VLOT__ITEM_KIND};
  if (one->kind >= VLOT__MAIL_TICK && one->kind <= VLOT__MAIL_STORED) {
    read_mail(reader, tag, stride, last, one);
  } else if (one->kind == VLOT__ITEM_END) {
    one->payload = vlot__read_bytes(reader, 8);
    for (int k = 0; k < 5; k++) vlot__read_var(reader);
  } else {
    one->size = outcome_size(one->kind);
    one->payload = vlot__read_bytes(reader, one->size);
    if (one->size == 0) reader->is_bad = true;
  }
  return !reader->is_bad;
}

/* --- opening: the index --- */

static void say(vlot__replay *replay, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The first sentence stays. */
static void say(vlot__replay *replay, const char *format, ...) {
  va_list arguments;
  if (replay->text[0]) return;
  va_start(arguments, format);
  vsnprintf(replay->text, sizeof replay->text, format, arguments);
  va_end(arguments);
}

/* What is behind this record cannot be replayed. */
static void cut(vlot__replay *replay, size_t records, size_t bytes) {
  replay->status.is_cut = 1;
  replay->status.bytes_whole = bytes;
  replay->count = records;
}

static uint32_t body_size(uint32_t type) {
  static const uint8_t sizes[VLOT__RECORDS] = {
      [VLOT__RECORD_START] = 52, [VLOT__RECORD_KILL] = 36, [VLOT__RECORD_CLOSE] = 36, [VLOT__RECORD_LINK] = 48,
      [VLOT__RECORD_CLOCK] = 12, [VLOT__RECORD_DROP] = 12, [VLOT__RECORD_COPY] = 16,  [VLOT__RECORD_EVENT] = 32,
  };
  return sizes[type];
}

static bool needs_node(uint32_t type) {
  return type != VLOT__RECORD_LINK && type != VLOT__RECORD_COPY && type != VLOT__RECORD_EVENT && type != VLOT__RECORD_END;
}

/* Is it what its type says, as far as one sees without carrying it out? mails, has_end: of its items. */
static bool is_sound(const vlot__replay *replay, const record *one, uint32_t *mails, bool *has_end) {
  uint32_t type = type_of(one), nodes = replay->head.info.nodes;
  *mails = 0;
  *has_end = false;
  if (type == 0 || type >= VLOT__RECORDS) return false;
  if (needs_node(type) && (node_of(one) == 0 || node_of(one) > nodes)) return false;
  if (type != VLOT__RECORD_TURN && type != VLOT__RECORD_MORE) return one->size == VLOT__JOURNAL_RECORD_HEAD + body_size(type);
  vlot__journal_reader reader = body_of(one);
  item last = {0}, next;
  while (!*has_end && read_item(&reader, nodes + 1, &last, &next)) {
    *has_end = next.kind == VLOT__ITEM_END;
    if (!is_mail(&next)) continue;
    last = next;
    ++*mails;
  }
  return !reader.is_bad && reader.at == reader.end;
}

/* Which record goes on with an unfinished turn of each node. */
typedef struct unfinished {
  size_t first, last; /* NO_RECORD: the node is between turns */
} unfinished;

static bool enter(vlot__replay *replay, unfinished *turns, const uint8_t *at, uint32_t size, bool *has_memory) {
  record one = {.at = at, .size = size, .next = NO_RECORD};
  uint32_t mails;
  bool has_end;
  if (!is_sound(replay, &one, &mails, &has_end)) return false;
  void *records = replay->records;
  *has_memory = vlot__alloc_grow(replay->allocator, &records, &replay->capacity, replay->count + 1, sizeof *replay->records);
  replay->records = records;
  if (!*has_memory) return false;
  size_t place = replay->count;
  uint32_t type = type_of(&one);
  unfinished *turn = needs_node(type) ? &turns[node_of(&one) - 1] : NULL;
  if (type == VLOT__RECORD_TURN) {
    if (turn->first != NO_RECORD) return false; /* the one before has no end */
    turn->first = place;
  } else if (type == VLOT__RECORD_MORE) {
    if (turn->first == NO_RECORD) return false;
    replay->records[turn->last].next = place;
  }
  replay->records[replay->count++] = one;
  if (type == VLOT__RECORD_TURN || type == VLOT__RECORD_MORE) {
    turn->last = place;
    replay->records[turn->first].mails += mails + (turn->first == place && mails == 0);
    if (has_end) turn->first = NO_RECORD;
  }
  return true;
}

/* A record that does not make sense ends the journal as a wrong checksum does. */
static bool enter_block(vlot__replay *replay, unfinished *turns, const uint8_t *from, const uint8_t *to, bool *has_memory) {
  while (from < to) {
    size_t left = (size_t)(to - from);
    uint32_t size = left >= VLOT__JOURNAL_RECORD_HEAD ? vlot__get32(from) : 0;
    bool is_sized = size >= VLOT__JOURNAL_RECORD_HEAD && size <= left;
    bool is_given_up = is_sized && from[4] == VLOT__RECORD_QUARANTINE;
    if (is_sized && !is_given_up && enter(replay, turns, from, size, has_memory)) {
      from += size;
      continue;
    }
    if (!*has_memory) return false;
    if (is_given_up) say(replay, "n%u was stuck in user code when it was killed: what it did last is not in the journal", vlot__get16(from + 6));
    else say(replay, "the record at byte %zu is none that can be understood", (size_t)(from - replay->journal));
    cut(replay, replay->count, (size_t)(from - replay->journal));
    return false;
  }
  return true;
}

static bool check_block(vlot__replay *replay, size_t at, size_t *end) {
  size_t left = replay->size - at;
  uint32_t size = left >= VLOT__JOURNAL_BLOCK_HEAD ? vlot__get32(replay->journal + at) : 0;
  if (left < VLOT__JOURNAL_BLOCK_HEAD || left - VLOT__JOURNAL_BLOCK_HEAD < size) {
    say(replay, "the journal is cut: of its %zu bytes %zu are whole", replay->size, at);
    cut(replay, replay->count, at);
    return false;
  }
  const uint8_t *body = replay->journal + at + VLOT__JOURNAL_BLOCK_HEAD;
  if (vlot__get32(replay->journal + at + 4) != 0 || vlot__get64(replay->journal + at + 8) != vlot__journal_hash(0, body, size)) {
    say(replay, "the block at byte %zu of the journal has a wrong checksum", at);
    cut(replay, replay->count, at);
    return false;
  }
  *end = at + VLOT__JOURNAL_BLOCK_HEAD + size;
  return true;
}

/* Turns without an end cannot be carried out: a replay ends before the first of them. */
static void cut_unfinished(vlot__replay *replay, const unfinished *turns) {
  size_t first = replay->count;
  for (uint32_t k = 0; k < replay->head.info.nodes; k++)
    if (turns[k].first < first) first = turns[k].first;
  if (first == replay->count) return;
  say(replay, "the journal is cut in the middle of a turn of n%u", node_of(&replay->records[first]));
  cut(replay, first, (size_t)(replay->records[first].at - replay->journal));
}

static bool has_end_record(const vlot__replay *replay) {
  return replay->count > 0 && type_of(&replay->records[replay->count - 1]) == VLOT__RECORD_END;
}

static vlot_result make_index(vlot__replay *replay) {
  uint32_t nodes = replay->head.info.nodes;
  unfinished *turns = vlot__alloc(replay->allocator, nodes, sizeof *turns);
  bool has_memory = turns != NULL;
  if (!turns) return VLOT_NOMEM;
  for (uint32_t k = 0; k < nodes; k++) turns[k] = (unfinished){NO_RECORD, NO_RECORD};
  replay->status.bytes = replay->status.bytes_whole = replay->size;
  for (size_t at = replay->head.bytes, end; at < replay->size; at = end)
    if (!check_block(replay, at, &end) ||
        !enter_block(replay, turns, replay->journal + at + VLOT__JOURNAL_BLOCK_HEAD, replay->journal + end, &has_memory))
      break;
  if (has_memory) cut_unfinished(replay, turns);
  vlot__alloc_free(replay->allocator, turns);
  if (!replay->status.is_cut && !has_end_record(replay)) {
    say(replay, "the journal is cut: it has no end");
    cut(replay, replay->count, replay->size);
  }
  for (size_t k = 0; k < replay->count; k++) {
    uint32_t type = type_of(&replay->records[k]);
    bool is_action = type != VLOT__RECORD_TURN && type != VLOT__RECORD_MORE && type != VLOT__RECORD_LINK &&
                     type != VLOT__RECORD_CLOSE && type != VLOT__RECORD_END;
    if (type == VLOT__RECORD_TURN) replay->status.actions_total += replay->records[k].mails;
    else if (is_action) replay->status.actions_total++;
  }
  return has_memory ? VLOT_OK : VLOT_NOMEM;
}

static const char *head_problem(vlot_result result) {
  switch (result) {
    case VLOT_UNSUPPORTED: return "the journal is of another format version than this build reads";
    case VLOT_CORRUPT: return "this is no journal, or its head is cut or damaged";
    default: return NULL;
  }
}

static vlot_result options_of(vlot__replay *replay, const vlot_cluster_options *given, vlot_cluster_options *options,
                              const char **problem) {
  const vlot__journal_head *head = &replay->head;
  vlot_cluster_options_init(options);
  if (given && given->size != sizeof *given) {
    *problem = "options: call vlot_cluster_options_init() first";
    return VLOT_INVALID;
  }
  if (head->info.has_machine && !(given && given->machine)) {
    *problem = "machine: the recorded run had one of its own; give it here";
    return VLOT_INVALID;
  }
  if (given) {
    options->allocator = given->allocator;
    options->machine = head->info.has_machine ? given->machine : NULL;
    options->log = given->log;
    options->log_context = given->log_context;
    options->ring_events = given->ring_events;
    options->has_checker = given->has_checker;
    options->keeps_events = given->keeps_events;
  }
  options->driver = VLOT_DRIVER_LOCKSTEP;
  options->is_replaying = 1;
  options->has_lints = 0; /* what was remarked on is recorded */
  options->nodes = head->info.nodes;
  options->learners = head->info.learners;
  options->seed = head->info.seed;
  options->tick_ns = head->info.tick_ns;
  options->raft = head->raft;
  options->starts = head->starts;
  options->start_count = head->start_count;
  return VLOT_OK;
}

static void free_replay(vlot__replay *replay) {
  vlot__replay_head_free(&replay->head, replay->allocator);
  vlot__alloc_free(replay->allocator, replay->records);
  vlot__alloc_free(replay->allocator, replay->wanted);
  vlot__alloc_free(replay->allocator, (void *)replay->items);
  vlot__alloc_free(replay->allocator, replay);
}

static vlot_result open_replay(vlot__replay *replay, vlot_cluster **out, const vlot_cluster_options *given, const char **problem) {
  vlot_cluster_options options;
  vlot_result result = vlot__replay_head_read(&replay->head, replay->journal, replay->size, true, replay->allocator);
  *problem = head_problem(result);
  if (result == VLOT_OK && (replay->head.info.nodes == 0 || replay->head.info.nodes > VLOT_MEMBERS_MAX)) result = VLOT_CORRUPT;
  if (result == VLOT_OK) result = options_of(replay, given, &options, problem);
  if (result == VLOT_OK) result = make_index(replay);
  if (result == VLOT_OK) result = vlot__cluster_make(&replay->cluster, &options, replay, problem);
  if (result == VLOT_OK) *out = replay->cluster;
  return result;
}

vlot_result vlot_replay_open(vlot_cluster **out, const vlot_cluster_options *options, const void *journal, size_t size,
                             const char **problem) {
  const char *ignored;
  const vlot_allocator *allocator = vlot__alloc_or_default(options && options->size == sizeof *options ? options->allocator : NULL);
  if (!problem) problem = &ignored;
  *problem = NULL;
  *out = NULL;
  vlot__replay *replay = vlot__alloc_zero(allocator, 1, sizeof *replay);
  if (!replay) return VLOT_NOMEM;
  replay->allocator = allocator;
  replay->journal = journal;
  replay->size = size;
  replay->was_leader = -1;
  vlot_result result = open_replay(replay, out, options, problem);
  if (result == VLOT_OK) vlot__stop_opened(*out);
  else free_replay(replay);
  return result;
}

void vlot__replay_close(vlot_cluster *cluster) {
  if (cluster->replay) free_replay(cluster->replay);
  cluster->replay = NULL;
}

vlot_result vlot_replay_get_status(vlot_cluster *cluster, vlot_replay_status *status) {
  vlot__replay *replay = cluster->replay;
  *status = (vlot_replay_status){.text = ""};
  if (!replay) return VLOT_UNSUPPORTED;
  *status = replay->status;
  status->actions = cluster->action;
  status->is_finished = !replay->status.has_diverged && replay->place == replay->count;
  status->text = replay->text;
  return VLOT_OK;
}

/* --- a divergence --- */

bool vlot__replay_has_diverged(const vlot_cluster *cluster) { return cluster->replay && cluster->replay->status.has_diverged; }

int vlot__replay_was_leader(const vlot_cluster *cluster) { return cluster->replay ? cluster->replay->was_leader : -1; }

static void diverge(vlot__replay *replay, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Of a turn: "n2, turn 17 of its incarnation 1 (action 312): …". The sentence why the journal is cut gives way to it. */
static void diverge(vlot__replay *replay, const char *format, ...) {
  va_list arguments;
  const vlot__slot *slot = replay->subject;
  if (replay->status.has_diverged) return;
  replay->status.has_diverged = 1;
  int length = 0;
  if (replay->turn_slot)
    length = snprintf(replay->text, sizeof replay->text, "n%u, turn %" PRIu64 " of incarnation %u (action %" PRIu64 "): ", slot->id,
                      replay->turn, slot->incarnation, replay->cluster->action);
  else if (slot)
    length = snprintf(replay->text, sizeof replay->text, "n%u (action %" PRIu64 "): ", slot->id, replay->cluster->action);
  va_start(arguments, format);
  vsnprintf(replay->text + length, sizeof replay->text - (size_t)length, format, arguments);
  va_end(arguments);
}

/* --- the items of a turn, one by one --- */

static void enter_chunk(vlot__replay *replay, size_t place) {
  replay->chunk = place;
  replay->reader = body_of(&replay->records[place]);
  replay->last = (item){0};
}

/* The item that comes; NULL behind the END. */
static const item *peek(vlot__replay *replay) {
  if (replay->has_next) return &replay->next;
  uint32_t stride = replay->cluster->nodes + 1;
  while (!read_item(&replay->reader, stride, &replay->last, &replay->next)) {
    size_t next = replay->records[replay->chunk].next;
    if (next == NO_RECORD) return NULL;
    enter_chunk(replay, next);
  }
  replay->has_next = true;
  return &replay->next;
}

static void pass(vlot__replay *replay) {
  replay->has_next = false;
  if (is_mail(&replay->next)) replay->last = replay->next;
}

/* The outcome of the n-th thing of its kind, if something was recorded of it. */
static const uint8_t *outcome(vlot__replay *replay, uint32_t kind, uint32_t ordinal) {
  const item *next = replay->turn_slot ? peek(replay) : NULL;
  if (!next || next->kind != kind || vlot__get32(next->payload) != ordinal) return NULL;
  pass(replay);
  return next->payload + 4;
}

bool vlot__replay_check(vlot__node *node, bool may) {
  vlot__replay *replay = node->cluster->replay;
  node->tape.checks++;
  if (outcome(replay, VLOT__ITEM_CUT, node->tape.checks)) node->tape.is_cut = true;
  return may && !node->tape.is_cut;
}

static bool is_result(uint32_t number) { return number <= VLOT_VIOLATED; }

vlot_result vlot__replay_submit(vlot__node *node, const vlot_write *write, const vlot_storage_done *done) {
  vlot__replay *replay = node->cluster->replay;
  (void)done;
  node->tape.submits++;
  const uint8_t *recorded = outcome(replay, VLOT__ITEM_SUBMIT, node->tape.submits);
  vlot_result result = recorded && is_result(*recorded) ? (vlot_result)*recorded : VLOT_OK;
  vlot_result made = vlot__disk_submit_as(node->slot->disk, write, result);
  if (made != result) diverge(replay, "the disk is recorded to say '%s' to a write, and here it says '%s'", vlot_result_text(result),
                              vlot_result_text(made));
  return made;
}

void vlot__replay_fate(vlot__slot *slot, vlot__fate *fate) {
  vlot__replay *replay = slot->cluster->replay;
  const uint8_t *recorded = outcome(replay, VLOT__ITEM_ROUTE, ++slot->node->tape.routes);
  if (!recorded) return;
  fate->copies = recorded[0] <= 2 ? recorded[0] : 1;
  fate->why = (vlot_why)vlot__get16(recorded + 1);
  for (int k = 0; k < 2; k++) fate->results[k] = is_result(recorded[3 + k]) ? (vlot_result)recorded[3 + k] : VLOT_OK;
}

/* Between turns only control's CLOCK record changes the rate. */
void vlot__replay_rate(vlot__node *node) {
  vlot__replay *replay = node->cluster->replay;
  const item *next = replay->turn_slot == node->slot ? peek(replay) : NULL;
  if (!next || next->kind != VLOT__ITEM_RATE) return;
  uint32_t permille = vlot__get32(next->payload);
  uint64_t changed = vlot__get64(next->payload + 4);
  pass(replay);
  atomic_store(&node->slot->clock_permille, permille <= 100000 ? permille : 1000);
  atomic_store(&node->slot->clock_changed, changed <= TICK_MAX ? changed : 0);
}

/* --- a turn --- */

static void pass_time(vlot_cluster *cluster, uint64_t tick) {
  if (tick != VLOT_NEVER && tick > vlot__now(cluster)) atomic_store_explicit(&cluster->now, tick, memory_order_relaxed);
}

/* Room for one more mail of this turn. */
static bool keep(vlot__replay *replay, vlot__item *mail) {
  void *items = (void *)replay->items;
  bool has_room =
      mail && vlot__alloc_grow(replay->allocator, &items, &replay->item_capacity, replay->item_count + 1, sizeof *replay->items);
  replay->items = items;
  if (has_room) replay->items[replay->item_count++] = mail;
  else if (mail) vlot__lockstep_free(replay->cluster, mail);
  if (!has_room) diverge(replay, "out of memory");
  return has_room;
}

static vlot__item *make_propose(vlot__replay *replay, const item *one) {
  const uint8_t *payload = one->payload ? one->payload : one->like;
  vlot__journal_reader reader = {.at = payload, .end = payload + one->size};
  size_t size = sizeof(vlot__mail_propose);
  for (uint32_t k = 0; k < one->count; k++) {
    uint32_t bytes = one->is_like ? one->command : (uint32_t)vlot__read_var(&reader);
    vlot__read_bytes(&reader, bytes);
    size += sizeof(vlot__mail_command) + vlot__padded(bytes);
  }
  vlot__item *made = size <= UINT32_MAX ? vlot__lockstep_make(replay->cluster, VLOT__MAIL_PROPOSE, size) : NULL;
  if (!made) return NULL;
  uint32_t kind, room;
  vlot__mail_propose *mail = vlot__lockstep_payload(made, &kind, &room);
  *mail = (vlot__mail_propose){.head.id = one->id, .sequence = one->sequence, .client = one->client, .count = one->count};
  uint8_t *at = (uint8_t *)(mail + 1);
  reader.at = payload;
  for (uint32_t k = 0; k < one->count; k++) {
    vlot__mail_command command = {.size = one->is_like ? one->command : (uint32_t)vlot__read_var(&reader)};
    memcpy(at, &command, sizeof command);
    const uint8_t *bytes = vlot__read_bytes(&reader, command.size);
    if (command.size > 0) memcpy(at + sizeof command, bytes, command.size);
    at += sizeof command + vlot__padded(command.size);
  }
  return made;
}

static vlot__item *make_read(vlot__replay *replay, const item *one) {
  uint32_t kind, room;
  vlot__item *made = one->size <= UINT32_MAX - sizeof(vlot__mail_read)
                         ? vlot__lockstep_make(replay->cluster, VLOT__MAIL_READ, sizeof(vlot__mail_read) + one->size)
                         : NULL;
  if (!made) return NULL;
  vlot__mail_read *mail = vlot__lockstep_payload(made, &kind, &room);
  *mail = (vlot__mail_read){.head.id = one->id,
                            .client = vlot__get32(one->payload),
                            .sequence = vlot__get64(one->payload + 4),
                            .min_index = vlot__get64(one->payload + 12),
                            .size = (uint32_t)one->size};
  if (one->size > 0) memcpy(mail + 1, one->payload + 24, one->size);
  return made;
}

static vlot__item *make_order(vlot__replay *replay, const item *one) {
  uint32_t kind = vlot__get32(one->payload), value = vlot__get32(one->payload + 4), room;
  bool is_order = kind == VLOT_INPUT_CAMPAIGN || kind == VLOT_INPUT_ELECT || kind == VLOT_INPUT_STEP_DOWN ||
                  kind == VLOT_INPUT_FORGET_LEADER || (kind == VLOT_INPUT_SWITCHES && value <= VLOT_SWITCH_ALL);
  if (!is_order) {
    diverge(replay, "it is recorded to take an order that there is not (%u)", kind);
    return NULL;
  }
  vlot__item *made = vlot__lockstep_make(replay->cluster, VLOT__MAIL_ORDER, sizeof(vlot__mail_order));
  if (made) *(vlot__mail_order *)vlot__lockstep_payload(made, &room, &room) = (vlot__mail_order){.head.id = one->id, .kind = kind, .value = value};
  return made;
}

static const char *name_of_mail(uint32_t kind) {
  return kind == VLOT__MAIL_MESSAGE ? "message" : kind == VLOT__MAIL_READ ? "read" : "batch of commands";
}

/* A node's mail: it must have been sent here too, and be the same. */
static vlot__item *find_mail(vlot__replay *replay, const item *one) {
  uint32_t stride = replay->cluster->nodes + 1, node = 0, kind, size;
  vlot__item *found = vlot__lockstep_take(replay->cluster, one->id, &node);
  if (!found) {
    diverge(replay, "it is recorded to take %s %" PRIu64 " from n%" PRIu64 ", which has not been sent here", name_of_mail(one->kind),
            one->id, one->id % stride);
    return NULL;
  }
  const void *payload = vlot__lockstep_payload(found, &kind, &size);
  if (node != replay->turn_slot->id || kind != one->kind)
    diverge(replay, "%s %" PRIu64 " from n%" PRIu64 " is recorded to come to it, and here goes to n%u", name_of_mail(one->kind),
            one->id, one->id % stride, node);
  else if (vlot__tape_mail_check(kind, payload) != one->check)
    diverge(replay, "%s %" PRIu64 " from n%" PRIu64 " has another content here than was recorded", name_of_mail(one->kind), one->id,
            one->id % stride);
  return found;
}

static vlot__item *mail_of(vlot__replay *replay, const item *one) {
  if (!one->has_payload) return find_mail(replay, one);
  switch (one->kind) {
    case VLOT__MAIL_PROPOSE: return make_propose(replay, one);
    case VLOT__MAIL_READ: return make_read(replay, one);
    default: return make_order(replay, one);
  }
}

static void take_stored(vlot__replay *replay, const item *one) {
  vlot__slot *slot = replay->turn_slot;
  vlot__mail_stored stored = {.token = vlot__get64(one->payload), .result = vlot__get32(one->payload + 8)};
  vlot__disk_settle(slot->disk, stored.token, stored.result != VLOT_OK);
  vlot__node_take(slot->node, VLOT__MAIL_STORED, 0, &stored, sizeof stored);
}

/* False: it has diverged. */
static bool take(vlot__replay *replay, const item *one) {
  vlot__node *node = replay->turn_slot->node;
  uint32_t kind = one->kind, size = 0;
  pass_time(replay->cluster, kind == VLOT__MAIL_STORED ? VLOT_NEVER : one->stamp);
  if (kind == VLOT__MAIL_STORED) {
    take_stored(replay, one);
  } else if (kind == VLOT__MAIL_TICK) {
    vlot__node_take(node, kind, one->stamp, NULL, 0);
  } else {
    vlot__item *mail = mail_of(replay, one);
    bool has_diverged = replay->status.has_diverged;
    void *payload = mail ? vlot__lockstep_payload(mail, &kind, &size) : NULL;
    if (mail && has_diverged) vlot__mail_dispose(kind, payload);
    if (!keep(replay, mail)) return false;
    if (has_diverged) return false;
    vlot__node_take(node, kind, one->stamp, payload, size);
  }
  return !replay->status.has_diverged;
}

/* What was recorded at the turn's end, against what stands here. */
static void compare(vlot__replay *replay, const vlot__slot *slot) {
  const vlot__node *node = slot->node;
  const item *end = peek(replay);
  if (!end || end->kind != VLOT__ITEM_END) {
    diverge(replay, "something is recorded that happened to a message or write of it, and here it has none that this could be");
    return;
  }
  const uint8_t *at = end->payload;
  if (vlot__get64(at) == slot->digest) return;
  vlot__journal_reader reader = {.at = at + 8, .end = replay->reader.end};
  uint64_t recorded[5];
  for (int k = 0; k < 5; k++) recorded[k] = vlot__read_var(&reader);
  diverge(replay,
          "it puts out something else: recorded are %" PRIu64 " events and then term %" PRIu64 ", last %" PRIu64 ", commit %" PRIu64
          ", applied %" PRIu64 "; here %" PRIu64 " events, term %" PRIu64 ", last %" PRIu64 ", commit %" PRIu64 ", applied %" PRIu64,
          recorded[0], recorded[1], recorded[2], recorded[3], recorded[4], slot->digest_events - node->tape.events, node->brief.term,
          node->brief.last_index, node->commit_index, node->applied_index);
}

static void begin_turn(vlot__replay *replay, size_t place, vlot__slot *slot) {
  vlot__node *node = slot->node;
  replay->turn_slot = slot;
  replay->turn = node->turns + 1;
  replay->has_next = false;
  replay->item_count = 0;
  enter_chunk(replay, place);
  replay->cluster->is_in_turn = true;
  node->tape.checks = node->tape.routes = node->tape.submits = 0;
  node->tape.events = slot->digest_events;
  vlot__node_begin(node, NULL, flags_of(&replay->records[place]) & 1);
}

static void after_turn(vlot__replay *replay, vlot__slot *slot) {
  vlot_cluster *cluster = replay->cluster;
  for (size_t k = 0; k < replay->item_count; k++) vlot__lockstep_free(cluster, replay->items[k]); /* what they refer to is the node's */
  cluster->is_in_turn = false;
  replay->turn_slot = NULL;
  replay->status.turns++;
  slot->was_suspended = false;
  if (vlot__node_is_fenced(slot->node)) {
    if (atomic_exchange(&slot->state, VLOT_NODE_FENCED) != VLOT_NODE_FENCED)
      vlot__log(cluster, "n%u is fenced and takes nothing any more: %s", slot->id, vlot__node_fenced_text(slot->node));
    vlot__lockstep_forget(slot);
  } else {
    vlot__lockstep_slot_changed(slot);
  }
}

/* After a divergence the turn is ended all the same, so that nothing is left half done. */
static void run_turn(vlot__replay *replay, size_t place, vlot__slot *slot) {
  const item *next;
  replay->cluster->action += replay->records[place].mails;
  begin_turn(replay, place, slot);
  bool goes_on = true;
  while (goes_on && (next = peek(replay)) != NULL && is_mail(next)) {
    item one = *next;
    pass(replay);
    goes_on = take(replay, &one);
  }
  vlot__node_end(slot->node);
  compare(replay, slot);
  after_turn(replay, slot);
}

/* --- control's records --- */

static void check_digest(vlot__replay *replay, const vlot__slot *slot, uint64_t recorded) {
  if (slot->digest != recorded) diverge(replay, "it has put out something else since its last turn than was recorded");
}

static void run_start(vlot__replay *replay, vlot__slot *slot, vlot__journal_reader reader) {
  vlot_cluster *cluster = replay->cluster;
  vlot_raft_status status;
  uint32_t incarnation = vlot__read32(&reader);
  uint64_t tick = vlot__read64(&reader), now = vlot__now(cluster);
  uint32_t permille = vlot__read32(&reader);
  uint64_t disk = vlot__read64(&reader), term = vlot__read64(&reader);
  uint32_t vote = vlot__read32(&reader);
  uint64_t last = vlot__read64(&reader), recorded = vlot__read64(&reader);
  if (slot->node || tick > TICK_MAX || permille > 100000) {
    diverge(replay, "it is recorded to start, and it is up");
    return;
  }
  atomic_store(&slot->clock_permille, permille);
  atomic_store(&cluster->now, tick); /* its own time begins here; others may have been later in the journal's order */
  slot->incarnation = incarnation - 1;
  vlot_result result = vlot__slot_start(slot);
  if (now > tick) atomic_store(&cluster->now, now);
  if (result != VLOT_OK) {
    diverge(replay, "it is recorded to start, and here it cannot: %s", vlot_result_text(result));
    return;
  }
  vlot_raft_get_status(slot->node->raft, &status);
  if (status.term != term || status.vote != vote || status.last_index != last || slot->disk_id != disk)
    diverge(replay,
            "it is recorded to recover term %" PRIu64 ", vote %u, log up to %" PRIu64 "; here term %" PRIu64
            ", vote %u, log up to %" PRIu64,
            term, vote, last, status.term, status.vote, status.last_index);
  check_digest(replay, slot, recorded);
}

static bool check_machine(vlot__replay *replay, const vlot__slot *slot, uint64_t applied, uint64_t hash) {
  uint64_t here = 0, here_applied = slot->node->applied_index, ignored;
  if (vlot__node_hash(slot->node, &here, &ignored) != VLOT_OK) here = hash;
  if (here_applied == applied && here == hash) return true;
  diverge(replay, "its machine is recorded to have applied %" PRIu64 " with hash %016" PRIx64 "; here %" PRIu64 " with hash %016" PRIx64,
          applied, hash, here_applied, here);
  return false;
}

static bool is_wanted(void *context, uint64_t id) {
  const vlot__replay *replay = context;
  if (replay->wanted_room == 0) return true;
  for (size_t k = (size_t)vlot__prng_mix(id) & (replay->wanted_room - 1); replay->wanted[k] != 0; k = (k + 1) & (replay->wanted_room - 1))
    if (replay->wanted[k] == id) return true;
  return false;
}

/* Ids that a record names: how many, or, with a table, into it. */
static size_t collect_wanted(vlot__replay *replay, bool is_counting) {
  size_t count = 0;
  for (size_t r = 0; r < replay->count; r++) {
    const record *one = &replay->records[r];
    vlot__journal_reader reader = body_of(one);
    item last = {0}, next;
    uint64_t id;
    for (;;) {
      if (type_of(one) == VLOT__RECORD_TURN || type_of(one) == VLOT__RECORD_MORE) {
        if (!read_item(&reader, replay->cluster->nodes + 1, &last, &next)) break;
        if (!is_mail(&next)) continue;
        last = next;
        if (next.kind == VLOT__MAIL_TICK || next.kind == VLOT__MAIL_STORED || next.has_payload) continue;
        id = next.id;
      } else if (type_of(one) == VLOT__RECORD_DROP && reader.at == one->at + VLOT__JOURNAL_RECORD_HEAD) {
        vlot__read32(&reader);
        id = vlot__read64(&reader);
      } else if (type_of(one) == VLOT__RECORD_COPY && reader.at == one->at + VLOT__JOURNAL_RECORD_HEAD) {
        id = vlot__read64(&reader);
      } else {
        break;
      }
      count++;
      if (is_counting || is_wanted(replay, id)) continue;
      size_t k = (size_t)vlot__prng_mix(id) & (replay->wanted_room - 1);
      while (replay->wanted[k] != 0) k = (k + 1) & (replay->wanted_room - 1);
      replay->wanted[k] = id;
    }
  }
  return count;
}

/* What lay in the mailbox of a node that is gone, and nobody ever took, was lost with it. Without memory it stays in the list. */
static void lose_mail(vlot__replay *replay, uint32_t node) {
  if (!replay->wanted) {
    size_t room = 64;
    while (room < 2 * collect_wanted(replay, true)) room *= 2;
    replay->wanted = vlot__alloc_zero(replay->allocator, room, sizeof *replay->wanted);
    if (!replay->wanted) return;
    replay->wanted_room = room;
    collect_wanted(replay, false);
  }
  vlot__lockstep_purge(replay->cluster, node, is_wanted, replay);
}

static void run_kill(vlot__replay *replay, const record *one, vlot__slot *slot) {
  vlot__journal_reader reader = body_of(one);
  vlot_why why = (vlot_why)vlot__read32(&reader);
  uint64_t durable = vlot__read64(&reader), applied = vlot__read64(&reader), hash = vlot__read64(&reader), digest = vlot__read64(&reader);
  if (!slot->node) {
    diverge(replay, "it is recorded to be killed, and it is down");
    return;
  }
  if (slot->digest != digest) check_digest(replay, slot, digest);
  if (!check_machine(replay, slot, applied, hash) || type_of(one) == VLOT__RECORD_CLOSE || replay->status.has_diverged) return;
  bool is_power_cut = flags_of(one) & 1;
  vlot__disk_stop_at(slot->disk, durable, is_power_cut);
  replay->was_leader = (flags_of(one) & 2) != 0;
  vlot__slot_stop(slot, why, is_power_cut);
  replay->was_leader = -1;
  lose_mail(replay, slot->id);
}

static void run_suspend(vlot_cluster *cluster, vlot__slot *slot, bool is_suspended) {
  atomic_store(&slot->state, is_suspended ? VLOT_NODE_SUSPENDED : VLOT_NODE_UP);
  if (is_suspended) vlot__lockstep_forget(slot);
  slot->cause = 0;
  vlot__emit_change(cluster, slot, is_suspended ? VLOT_EVENT_SUSPEND : VLOT_EVENT_RESUME,
                    is_suspended ? VLOT_WHY_SUSPENDED : VLOT_WHY_RESUMED, 0, 0, 0, 0);
  if (!is_suspended) vlot__lockstep_resume(slot);
}

static void run_link(vlot__replay *replay, vlot__journal_reader reader) {
  vlot_cluster *cluster = replay->cluster;
  uint32_t from = vlot__read32(&reader), to = vlot__read32(&reader);
  vlot_link link;
  uint32_t *const fields[10] = {&link.is_cut,          &link.loss,            &link.duplicate, &link.reorder,    &link.reorder_ticks,
                                &link.delay_ticks_min, &link.delay_ticks_max, &link.tail,      &link.tail_ticks, &link.kinds};
  for (int k = 0; k < 10; k++) *fields[k] = vlot__read32(&reader);
  if (from > cluster->nodes || to > cluster->nodes || (from != 0 && (to == 0 || to == from))) return; /* for views only */
  (void)vlot__links_restore(cluster, from, to, from ? &link : NULL);
}

static void run_clock(vlot_cluster *cluster, vlot__slot *slot, vlot__journal_reader reader) {
  uint32_t permille = vlot__read32(&reader);
  uint64_t tick = vlot__read64(&reader), now = vlot__now(cluster);
  if (permille > 100000 || tick > TICK_MAX || !slot->node) return;
  atomic_store(&slot->clock_changed, tick);
  atomic_store(&slot->clock_permille, permille);
  atomic_store(&cluster->now, tick);
  vlot__node_clock_changed(slot->node);
  if (now > tick) atomic_store(&cluster->now, now);
  vlot__lockstep_slot_changed(slot);
}

static void run_drop(vlot__replay *replay, const record *one) {
  vlot_cluster *cluster = replay->cluster;
  vlot__journal_reader reader = body_of(one);
  vlot_why why = (vlot_why)vlot__read32(&reader);
  uint64_t id = vlot__read64(&reader);
  if (vlot__lockstep_drop(cluster, id, why)) return;
  if (flags_of(one) & 1) {
    diverge(replay, "message %" PRIu64 " is recorded to be dropped, and has not been sent here", id);
    return;
  }
  /* a client's, which nobody took */
  vlot_event *event = vlot__event_begin(cluster, NULL, VLOT_EVENT_DROPPED, why, node_of(one));
  event->message = id;
  vlot__emit(cluster, NULL, event);
}

static void run_copy(vlot__replay *replay, vlot__journal_reader reader) {
  uint64_t id = vlot__read64(&reader), copy = vlot__read64(&reader);
  if (!vlot__lockstep_copy(replay->cluster, id, copy))
    diverge(replay, "message %" PRIu64 " is recorded to be duplicated, and has not been sent here", id);
}

/* The cluster's own events that are about nothing but a change. */
static bool may_be_its_own(uint32_t kind) {
  return kind == VLOT_EVENT_FAULT || kind == VLOT_EVENT_CLOCK_WAIT || kind == VLOT_EVENT_VIOLATION || kind == VLOT_EVENT_LINT ||
         kind == VLOT_EVENT_REQUEST;
}

static void run_event(vlot_cluster *cluster, vlot__journal_reader reader) {
  uint32_t kind = vlot__read16(&reader), why = vlot__read16(&reader), peer = vlot__read32(&reader);
  uint64_t from = vlot__read64(&reader), to = vlot__read64(&reader), term = vlot__read64(&reader);
  if (may_be_its_own(kind)) vlot__emit_change(cluster, NULL, (vlot_event_kind)kind, (vlot_why)why, peer, from, to, term);
}

static void run_unstart(vlot__slot *slot) {
  vlot__node *node = slot->node;
  vlot__lockstep_forget(slot);
  atomic_store(&slot->state, VLOT_NODE_DOWN);
  slot->node = NULL;
  if (node) vlot__node_close(node, VLOT_WHY_START_FAILED);
}

/* --- one record after the other --- */

/* May a node do this now? What it is recorded to do must fit what it is. */
static bool fits(vlot__replay *replay, const record *one, const vlot__slot *slot) {
  uint32_t type = type_of(one);
  bool is_up = slot && slot->node;
  switch ((vlot__record)type) {
    case VLOT__RECORD_TURN:
      if (is_up && !slot->node->tape.is_cut) return true;
      diverge(replay, "it is recorded to take a turn, and it is down");
      return false;
    case VLOT__RECORD_SUSPEND:
    case VLOT__RECORD_RESUME:
    case VLOT__RECORD_UNSTART:
      if (is_up) return true;
      diverge(replay, "it is recorded to be suspended or resumed, and it is down");
      return false;
    case VLOT__RECORD_RESTART:
      if (!is_up && flags_of(one) <= VLOT_RESTART_WIPE) return true;
      diverge(replay, "it is recorded to be started again, and it is up");
      return false;
    default: return true;
  }
}

static void run_record(vlot__replay *replay, size_t place) {
  vlot_cluster *cluster = replay->cluster;
  const record *one = &replay->records[place];
  vlot__slot *slot = vlot__slot_of(cluster, node_of(one));
  switch ((vlot__record)type_of(one)) {
    case VLOT__RECORD_TURN: run_turn(replay, place, slot); return;
    case VLOT__RECORD_START: run_start(replay, slot, body_of(one)); return;
    case VLOT__RECORD_UNSTART: run_unstart(slot); return;
    case VLOT__RECORD_KILL:
    case VLOT__RECORD_CLOSE: run_kill(replay, one, slot); return;
    case VLOT__RECORD_RESTART: vlot__slot_restarted(slot, (vlot_restart)flags_of(one)); return;
    case VLOT__RECORD_SUSPEND: run_suspend(cluster, slot, true); return;
    case VLOT__RECORD_RESUME: run_suspend(cluster, slot, false); return;
    case VLOT__RECORD_LINK: run_link(replay, body_of(one)); return;
    case VLOT__RECORD_CLOCK: run_clock(cluster, slot, body_of(one)); return;
    case VLOT__RECORD_DROP: run_drop(replay, one); return;
    case VLOT__RECORD_COPY: run_copy(replay, body_of(one)); return;
    case VLOT__RECORD_EVENT: run_event(cluster, body_of(one)); return;
    case VLOT__RECORD_MORE:
    case VLOT__RECORD_QUARANTINE:
    case VLOT__RECORD_END:
    case VLOT__RECORDS: return;
  }
}

/* Records that are no actions go with the one before. */
static bool is_silent(const record *one) {
  uint32_t type = type_of(one);
  return type == VLOT__RECORD_MORE || type == VLOT__RECORD_LINK || type == VLOT__RECORD_CLOSE || type == VLOT__RECORD_END;
}

bool vlot__replay_run_one(vlot_cluster *cluster, uint64_t limit) {
  vlot__replay *replay = cluster->replay;
  bool has_acted = false;
  while (replay->place < replay->count && !replay->status.has_diverged) {
    const record *one = &replay->records[replay->place];
    vlot__slot *slot = vlot__slot_of(cluster, node_of(one));
    bool is_action = !is_silent(one);
    if (is_action && has_acted) break;
    if (is_action) has_acted = true;
    if (is_action && type_of(one) != VLOT__RECORD_TURN) cluster->action++;
    replay->subject = slot;
    if (fits(replay, one, slot)) run_record(replay, replay->place);
    replay->place++;
  }
  if (has_acted) vlot__requests_ended(cluster, true);
  if (!has_acted && limit != VLOT_NEVER) pass_time(cluster, limit); /* whoever waits here waits in vain, but not for ever */
  return has_acted;
}
