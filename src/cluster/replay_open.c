/* Opening a journal: which records there are, which of them belong to one turn, how far it is
 * whole. It is read once, and then known to be sound: what carries it out need not look for its
 * ends.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/assert.h"
#include "base/problem.h"
#include "cluster/door.h"
#include "cluster/open.h"
#include "cluster/recorder.h"
#include "cluster/replay_inside.h"
#include "cluster/stop.h"

enum { TOLD_TURNS = 4 }; /* without an end, by their nodes */

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

static bool has_end_record(const vlot__replay *replay) {
  return replay->count > 0 &&
         vlot__replay_type(&replay->records[replay->count - 1]) == VLOT__RECORD_END;
}

/* Nothing but zeros: allocated, and never written. */
static bool is_blank(const uint8_t *at, const uint8_t *end) {
  while (at < end && *at == 0) at++;
  return at == end;
}

/* Is there a whole record? False: none is, which is said where it is no end. */
static bool check_record(vlot__replay *replay, size_t at, uint32_t *size) {
  const uint8_t *record = replay->journal + at;
  size_t left = replay->size - at;
  *size = left >= 4 ? vlot__get32(record) : 0;
  if (*size == 0 && (left >= 4 || is_blank(record, record + left))) {
    bool is_closed = has_end_record(replay) && is_blank(record, record + left);
    if (!is_closed) cut(replay, replay->count, at); /* it has no end */
    return false;
  }
  if (*size < VLOT__JOURNAL_RECORD_HEAD || *size > left) {
    say(replay, "the journal is cut: of its %zu bytes %zu are whole", replay->size, at);
    cut(replay, replay->count, at);
    return false;
  }
  if (vlot__get32(record + 8) == vlot__journal_check(record, *size)) return true;
  say(replay, "the record at byte %zu of the journal has a wrong checksum", at);
  cut(replay, replay->count, at);
  return false;
}

/* A record that does not make sense ends the journal as a wrong checksum does. */
static bool check_sense(vlot__replay *replay, unfinished *turns, size_t at, uint32_t size,
                        bool *has_memory) {
  const uint8_t *record = replay->journal + at;
  bool is_given_up = record[4] == VLOT__RECORD_QUARANTINE;
  if (!is_given_up && enter_record(replay, turns, record, size, has_memory)) return true;
  if (!*has_memory) return false;
  if (is_given_up)
    say(replay,
        "n%u was stuck in user code when it was killed: what it did last is not in the journal",
        vlot__get16(record + 6));
  else
    say(replay, "the record at byte %zu is none that can be understood", at);
  cut(replay, replay->count, at);
  return false;
}

/* Turns in which a node was when the recording ended: their mail is there, because it is recorded
 * before anybody can see what comes of it, and before the machine is called. */
static void mark_unended(vlot__replay *replay, const unfinished *turns) {
  for (uint32_t k = 0; k < replay->head.info.nodes; k++)
    if (turns[k].first != VLOT__REPLAY_NONE) replay->records[turns[k].first].is_unended = true;
}

/* "; in the middle of a turn: n2 after action 311, n1 after action 402" */
static void say_unended(vlot__replay *replay, uint32_t node) {
  size_t length = strlen(replay->text), room = sizeof replay->text - length;
  uint32_t count = replay->status.unended_turns;
  if (count == 1)
    snprintf(replay->text + length, room, "; in the middle of a turn: n%u after action %" PRIu64,
             node, replay->status.actions_total);
  else if (count <= TOLD_TURNS)
    snprintf(replay->text + length, room, ", n%u after action %" PRIu64, node,
             replay->status.actions_total);
  else if (count == TOLD_TURNS + 1)
    snprintf(replay->text + length, room, " …");
}

static void count_actions(vlot__replay *replay) {
  vlot_replay_status *status = &replay->status;
  for (size_t k = 0; k < replay->count; k++) {
    const vlot__replay_record *one = &replay->records[k];
    uint32_t type = vlot__replay_type(one);
    if (one->is_unended) {
      replay->unended[status->unended_turns++] =
          (vlot__replay_unended){vlot__replay_node(one), status->actions_total};
      say_unended(replay, vlot__replay_node(one));
    }
    bool is_action = type != VLOT__RECORD_TURN && type != VLOT__RECORD_MORE &&
                     type != VLOT__RECORD_LINK && type != VLOT__RECORD_CLOSE &&
                     type != VLOT__RECORD_END;
    if (type == VLOT__RECORD_TURN)
      status->actions_total += one->mails;
    else if (is_action)
      status->actions_total++;
  }
}

static vlot_result make_index(vlot__replay *replay) {
  uint32_t nodes = replay->head.info.nodes;
  unfinished *turns = vlot__alloc(replay->allocator, nodes, sizeof *turns);
  replay->unended = vlot__alloc(replay->allocator, nodes, sizeof *replay->unended);
  bool has_memory = turns && replay->unended;
  if (!has_memory) {
    vlot__alloc_free(replay->allocator, turns);
    return VLOT_NOMEM;
  }
  for (uint32_t k = 0; k < nodes; k++)
    turns[k] = (unfinished){VLOT__REPLAY_NONE, VLOT__REPLAY_NONE};
  replay->status.bytes = replay->status.bytes_whole = replay->size;
  uint32_t size;
  for (size_t at = replay->head.bytes; at < replay->size; at += size)
    if (!check_record(replay, at, &size) || !check_sense(replay, turns, at, size, &has_memory))
      break;
  if (has_memory) mark_unended(replay, turns);
  vlot__alloc_free(replay->allocator, turns);
  if (!replay->status.is_cut && !has_end_record(replay)) cut(replay, replay->count, replay->size);
  if (replay->status.is_cut) say(replay, "the journal is cut: it has no end");
  replay->status.has_end = has_end_record(replay);
  count_actions(replay);
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
  options->snapshot_bytes = head->snapshot_bytes;
  options->snapshot_trailing = head->snapshot_trailing;
  options->snapshot = head->snapshot;
  options->starts = head->starts;
  options->start_count = head->start_count;
  return VLOT_OK;
}

static void free_replay(vlot__replay *replay) {
  vlot__replay_head_free(&replay->head, replay->allocator);
  vlot__alloc_free(replay->allocator, replay->records);
  vlot__alloc_free(replay->allocator, replay->wanted);
  vlot__alloc_free(replay->allocator, replay->unended);
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
    .keep = vlot__replay_keep,
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
  VLOT_GIVEN(out);
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
  return result != VLOT_OK && *problem ? vlot__refuse(result, *problem) : result;
}

/* The first of them that is still to come. */
static void find_unended(const vlot__replay *replay, vlot_replay_status *status) {
  status->unended_after = VLOT_NEVER;
  for (uint32_t k = 0; k < status->unended_turns; k++) {
    if (replay->unended[k].after < status->actions) continue;
    status->unended_node = replay->unended[k].node;
    status->unended_after = replay->unended[k].after;
    return;
  }
}

vlot_result vlot_replay_get_status(vlot_cluster *cluster, vlot_replay_status *status) {
  VLOT_GIVEN(cluster);
  VLOT_GIVEN(status);
  *status = (vlot_replay_status){.text = ""};
  VLOT__VISIT_RESULT(cluster);
  vlot__replay *replay = cluster->replay;
  if (!replay)
    return vlot__refuse(VLOT_UNSUPPORTED,
                        "this cluster is no replay: it was not opened by vlot_replay_open()");
  *status = replay->status;
  status->actions = cluster->action;
  status->is_finished = !replay->status.has_diverged && replay->place == replay->count;
  status->text = replay->text;
  find_unended(replay, status);
  return VLOT_OK;
}
