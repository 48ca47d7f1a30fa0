/* Opening a journal: which records there are, which of them belong to one turn, how far it is
 * whole. It is read once, and then known to be sound: what carries it out need not look for its
 * ends.
 */
#include <stdarg.h>
#include <stdio.h>

#include "cluster/door.h"
#include "cluster/open.h"
#include "cluster/recorder.h"
#include "cluster/replay_inside.h"
#include "cluster/stop.h"

/* --- opening: the index --- */

static void say(vlot__replay *replay, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

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
      [VLOT__RECORD_START] = 52, [VLOT__RECORD_KILL] = 36,  [VLOT__RECORD_CLOSE] = 36,
      [VLOT__RECORD_LINK] = 48,  [VLOT__RECORD_CLOCK] = 12, [VLOT__RECORD_DROP] = 12,
      [VLOT__RECORD_COPY] = 16,  [VLOT__RECORD_EVENT] = 32, [VLOT__RECORD_RESTART] = 8,
  };
  return sizes[type];
}

static bool needs_node(uint32_t type) {
  return type != VLOT__RECORD_LINK && type != VLOT__RECORD_COPY && type != VLOT__RECORD_EVENT &&
         type != VLOT__RECORD_END;
}

/* Is it what its type says, as far as one sees without carrying it out? mails, has_end: of its
 * items. */
static bool is_sound(const vlot__replay *replay, const vlot__replay_record *one, uint32_t *mails,
                     bool *has_end) {
  uint32_t type = vlot__replay_type(one), nodes = replay->head.info.nodes;
  *mails = 0;
  *has_end = false;
  if (type == 0 || type >= VLOT__RECORDS) return false;
  if (needs_node(type) && (vlot__replay_node(one) == 0 || vlot__replay_node(one) > nodes))
    return false;
  if (type != VLOT__RECORD_TURN && type != VLOT__RECORD_MORE)
    return one->size == VLOT__JOURNAL_RECORD_HEAD + body_size(type);
  vlot__journal_reader reader = vlot__replay_body(one);
  vlot__replay_item last = {0}, next;
  while (!*has_end && vlot__replay_read_item(&reader, &last, &next)) {
    *has_end = next.kind == VLOT__ITEM_END;
    if (!vlot__replay_is_mail(&next)) continue;
    last = next;
    ++*mails;
  }
  return !reader.is_bad && reader.at == reader.end;
}

/* Which record goes on with an unfinished turn of each node. */
typedef struct unfinished {
  size_t first, last; /* VLOT__REPLAY_NONE: the node is between turns */
} unfinished;

static bool enter_record(vlot__replay *replay, unfinished *turns, const uint8_t *at, uint32_t size,
                         bool *has_memory) {
  vlot__replay_record one = {.at = at, .size = size, .next = VLOT__REPLAY_NONE};
  uint32_t mails;
  bool has_end;
  if (!is_sound(replay, &one, &mails, &has_end)) return false;
  void *records = replay->records;
  *has_memory = vlot__alloc_grow(replay->allocator, &records, &replay->capacity, replay->count + 1,
                                 sizeof *replay->records);
  replay->records = records;
  if (!*has_memory) return false;
  size_t place = replay->count;
  uint32_t type = vlot__replay_type(&one);
  unfinished *turn = needs_node(type) ? &turns[vlot__replay_node(&one) - 1] : NULL;
  if (type == VLOT__RECORD_TURN) {
    if (turn->first != VLOT__REPLAY_NONE) return false; /* the one before has no end */
    turn->first = place;
  } else if (type == VLOT__RECORD_MORE) {
    if (turn->first == VLOT__REPLAY_NONE) return false;
    replay->records[turn->last].next = place;
  }
  replay->records[replay->count++] = one;
  if (type == VLOT__RECORD_TURN || type == VLOT__RECORD_MORE) {
    turn->last = place;
    replay->records[turn->first].mails += mails + (turn->first == place && mails == 0);
    if (has_end) turn->first = VLOT__REPLAY_NONE;
  }
  return true;
}

/* A record that does not make sense ends the journal as a wrong checksum does. */
static bool enter_block(vlot__replay *replay, unfinished *turns, const uint8_t *from,
                        const uint8_t *to, bool *has_memory) {
  while (from < to) {
    size_t left = (size_t)(to - from);
    uint32_t size = left >= VLOT__JOURNAL_RECORD_HEAD ? vlot__get32(from) : 0;
    bool is_sized = size >= VLOT__JOURNAL_RECORD_HEAD && size <= left;
    bool is_given_up = is_sized && from[4] == VLOT__RECORD_QUARANTINE;
    if (is_sized && !is_given_up && enter_record(replay, turns, from, size, has_memory)) {
      from += size;
      continue;
    }
    if (!*has_memory) return false;
    if (is_given_up)
      say(replay,
          "n%u was stuck in user code when it was killed: what it did last is not in the journal",
          vlot__get16(from + 6));
    else
      say(replay, "the record at byte %zu is none that can be understood",
          (size_t)(from - replay->journal));
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
  if (vlot__get32(replay->journal + at + 4) != 0 ||
      vlot__get64(replay->journal + at + 8) != vlot__journal_hash(0, body, size)) {
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
  say(replay, "the journal is cut in the middle of a turn of n%u",
      vlot__replay_node(&replay->records[first]));
  cut(replay, first, (size_t)(replay->records[first].at - replay->journal));
}

static bool has_end_record(const vlot__replay *replay) {
  return replay->count > 0 &&
         vlot__replay_type(&replay->records[replay->count - 1]) == VLOT__RECORD_END;
}

static vlot_result make_index(vlot__replay *replay) {
  uint32_t nodes = replay->head.info.nodes;
  unfinished *turns = vlot__alloc(replay->allocator, nodes, sizeof *turns);
  bool has_memory = turns != NULL;
  if (!turns) return VLOT_NOMEM;
  for (uint32_t k = 0; k < nodes; k++)
    turns[k] = (unfinished){VLOT__REPLAY_NONE, VLOT__REPLAY_NONE};
  replay->status.bytes = replay->status.bytes_whole = replay->size;
  for (size_t at = replay->head.bytes, end; at < replay->size; at = end)
    if (!check_block(replay, at, &end) ||
        !enter_block(replay, turns, replay->journal + at + VLOT__JOURNAL_BLOCK_HEAD,
                     replay->journal + end, &has_memory))
      break;
  if (has_memory) cut_unfinished(replay, turns);
  vlot__alloc_free(replay->allocator, turns);
  if (!replay->status.is_cut && !has_end_record(replay)) {
    say(replay, "the journal is cut: it has no end");
    cut(replay, replay->count, replay->size);
  }
  for (size_t k = 0; k < replay->count; k++) {
    uint32_t type = vlot__replay_type(&replay->records[k]);
    bool is_action = type != VLOT__RECORD_TURN && type != VLOT__RECORD_MORE &&
                     type != VLOT__RECORD_LINK && type != VLOT__RECORD_CLOSE &&
                     type != VLOT__RECORD_END;
    if (type == VLOT__RECORD_TURN)
      replay->status.actions_total += replay->records[k].mails;
    else if (is_action)
      replay->status.actions_total++;
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

static vlot_result options_of(vlot__replay *replay, const vlot_cluster_options *given,
                              vlot_cluster_options *options, const char **problem) {
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
    options->observed_entries = given->observed_entries;
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

/* --- the recorder that gives back what was recorded --- */

static void replay_event(vlot_cluster *cluster, vlot__seat *seat, const vlot_event *event) {
  (void)cluster;
  if (seat) vlot__digest_event(seat, event);
}

static bool replay_was_leader(vlot__seat *seat, bool was) {
  int recorded = seat->cluster->replay->was_leader;
  return recorded >= 0 ? recorded != 0 : was;
}

static void replay_close(vlot_cluster *cluster) { free_replay(cluster->replay); }

static uint64_t replay_disk_id(vlot_cluster *cluster, uint32_t member) {
  return cluster->replay->head.disk_ids[member];
}

static const vlot__recorder recorder = {
    .is_replay = true,
    .check = vlot__replay_check,
    .submit = vlot__replay_submit,
    .see_rate = vlot__replay_see_rate,
    .fate = vlot__replay_fate,
    .event = replay_event,
    .answer = vlot__digest_answer,
    .was_leader = replay_was_leader,
    .run_one = vlot__replay_run_one,
    .disk_id = replay_disk_id,
    .close = replay_close,
};

/* --- the cluster --- */

static vlot_result open_replay(vlot__replay *replay, vlot_cluster **out,
                               const vlot_cluster_options *given, const char **problem) {
  vlot_cluster_options options;
  vlot_result result =
      vlot__replay_head_read(&replay->head, replay->journal, replay->size, true, replay->allocator);
  *problem = head_problem(result);
  if (result == VLOT_OK) result = options_of(replay, given, &options, problem);
  if (result == VLOT_OK) result = make_index(replay);
  if (result == VLOT_OK)
    result = vlot__cluster_make(&replay->cluster, &options, &recorder, replay, problem);
  if (result == VLOT_OK) *out = replay->cluster;
  return result;
}

vlot_result vlot_replay_open(vlot_cluster **out, const vlot_cluster_options *options,
                             const void *journal, size_t size, const char **problem) {
  const char *ignored;
  const vlot_allocator *allocator = vlot__alloc_or_default(
      options && options->size == sizeof *options ? options->allocator : NULL);
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
  if (result == VLOT_OK)
    vlot__stop_opened(*out);
  else
    free_replay(replay);
  return result;
}

vlot_result vlot_replay_get_status(vlot_cluster *cluster, vlot_replay_status *status) {
  *status = (vlot_replay_status){.text = ""};
  VLOT__VISIT_RESULT(cluster);
  vlot__replay *replay = cluster->replay;
  if (!replay) return VLOT_UNSUPPORTED;
  *status = replay->status;
  status->actions = cluster->action;
  status->is_finished = !replay->status.has_diverged && replay->place == replay->count;
  status->text = replay->text;
  return VLOT_OK;
}
