/* The cluster of a session, and how events become lines. */
#include "session.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vlot/journal.h"

void vlot__session_init(vlot__session *session, bool has_threads, uint64_t actions_max) {
  *session = (vlot__session){.actions_max = actions_max};
  vlot_cluster_options_init(&session->options);
  session->options.driver = VLOT_DRIVER_LOCKSTEP;
  session->options.is_inline = !has_threads;
  session->options.group_max =
      1; /* one message, one turn: nothing happens behind the reader's back */
}

static void close_run(vlot__session *session) {
  vlot_subscription_close(session->events);
  session->events = NULL;
  for (size_t k = 0; k <= VLOT__SESSION_NODES_MAX; k++) {
    vlot_client_close(session->clients[k]);
    session->clients[k] = NULL;
    session->logs[k].size = 0;
  }
  if (!session->is_adopted) vlot_cluster_close(session->cluster);
  session->cluster = NULL;
}

void vlot__session_deinit(vlot__session *session) {
  close_run(session);
  for (size_t k = 0; k <= VLOT__SESSION_NODES_MAX; k++) free(session->logs[k].terms);
  vlot__past_deinit(&session->past);
  vlot__history_deinit(&session->history);
  free(session->scene);
  vlot__text_deinit(&session->out);
  vlot__text_deinit(&session->problem);
}

bool vlot__session_set_journal(vlot__session *session, const void *data, size_t size) {
  vlot_journal_info info;
  if (vlot_journal_read_info(data, size, &info) != VLOT_OK)
    return vlot__session_fail(session, 0, "%s", info.problem);
  if (info.nodes > VLOT__SESSION_NODES_MAX)
    return vlot__session_fail(session, 0, "a run of %u nodes cannot be stepped; at most %d can",
                              info.nodes, VLOT__SESSION_NODES_MAX);
  session->journal = data;
  session->journal_size = size;
  return true;
}

bool vlot__session_set_scene(vlot__session *session, const char *text) {
  char *copy = strdup(text);
  if (!copy) return false;
  free(session->scene);
  session->scene = copy;
  session->scene_at = session->scene_from = 0;
  return true;
}

uint64_t vlot__session_actions(const vlot__session *session) {
  vlot_cluster_stats stats = {0};
  if (session->cluster) vlot_cluster_get_stats(session->cluster, &stats);
  return stats.actions;
}

vlot_node_status vlot__session_status(vlot__session *session, uint32_t id) {
  vlot_node_status status = {0};
  if (vlot_cluster_get_status(session->cluster, id, &status) != VLOT_OK) status.id = id;
  return status;
}

bool vlot__session_fail(vlot__session *session, unsigned word, const char *format, ...) {
  char text[512];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  vlot__text_clear(&session->problem);
  vlot__text_add(&session->problem, "%s", text);
  session->problem_word = word;
  return false;
}

/* --- logs --- */

static bool log_reserve(vlot__session_log *log, size_t size) {
  if (size <= log->capacity) return true;
  size_t capacity = size > 2 * log->capacity ? size : 2 * log->capacity;
  uint64_t *terms = realloc(log->terms, capacity * sizeof *terms);
  if (!terms) return false;
  log->terms = terms;
  log->capacity = capacity;
  return true;
}

bool vlot__session_set_log(vlot__session *session, uint32_t id, const uint64_t *terms,
                           size_t count) {
  vlot__session_log *log = &session->logs[id];
  if (!log_reserve(log, count)) return false;
  if (count > 0) memcpy(log->terms, terms, count * sizeof *terms);
  log->size = count;
  return true;
}

/* Entries first … last have this term now; what is between the log's end and first is not known. */
static void log_append(vlot__session_log *log, uint64_t first, uint64_t count, uint64_t term) {
  size_t end = (size_t)(first + count - 1);
  if (first == 0 || !log_reserve(log, end)) return;
  while (log->size < first - 1) log->terms[log->size++] = 0;
  for (uint64_t k = 0; k < count; k++) log->terms[first - 1 + k] = term;
  log->size = end;
}

static void log_follow(vlot__session *session, const vlot_event *event) {
  vlot__session_log *log = &session->logs[event->node];
  uint64_t first = event->as.slice.first;
  if (event->kind == VLOT_EVENT_APPEND)
    log_append(log, first, event->as.slice.count, event->as.slice.term);
  if (event->kind == VLOT_EVENT_TRUNCATE && first > 0 && first - 1 < log->size)
    log->size = (size_t)(first - 1);
  if (event->kind != VLOT_EVENT_START) return;
  uint64_t last = event->as.step.after.last_index;
  if (last < log->size)
    log->size = (size_t)last;
  else if (last > log->size)
    log_append(log, last, 1, 0);
}

/* --- where logs begin --- */

/* Index and term make the entry: logs that agree there agree in content, as Raft promises. */
static vlot_bytes *start_command(size_t index, uint64_t term) {
  char key[32], value[32];
  int key_size = snprintf(key, sizeof key, "k%zu", index);
  int value_size = snprintf(value, sizeof value, "t%" PRIu64, term);
  return vlot_kv_encode(NULL, &(vlot_kv_command){.operation = VLOT_KV_SET,
                                                 .key = key,
                                                 .key_size = (size_t)key_size,
                                                 .value = value,
                                                 .value_size = (size_t)value_size});
}

typedef struct start_log {
  vlot_log_entry *entries;
  vlot_bytes **bytes;
  size_t count;
} start_log;

static void free_start_log(start_log *log) {
  for (size_t k = 0; log->bytes && k < log->count; k++) vlot_bytes_release(log->bytes[k]);
  free(log->bytes);
  free(log->entries);
}

static bool make_start_log(start_log *made, const vlot__session_log *log) {
  *made = (start_log){.count = log->size};
  if (log->size == 0) return true;
  made->entries = calloc(log->size, sizeof *made->entries);
  made->bytes = calloc(log->size, sizeof(vlot_bytes *));
  if (!made->entries || !made->bytes) return false;
  for (size_t k = 0; k < log->size; k++) {
    vlot_bytes *bytes = made->bytes[k] = start_command(k + 1, log->terms[k]);
    if (!bytes) return false;
    made->entries[k] = (vlot_log_entry){.term = log->terms[k],
                                        .entry = {.data = vlot_bytes_data(bytes),
                                                  .size = (uint32_t)vlot_bytes_size(bytes),
                                                  .kind = VLOT_ENTRY_COMMAND}};
  }
  return true;
}

/* --- once more --- */

void vlot__session_begin_redo(vlot__session *session) {
  session->is_redoing = true;
  close_run(session);
  vlot__past_clear(&session->past);
  memset(session->asked, 0, sizeof session->asked);
  session->start_count = 0;
  session->options = session->base;
}

enum { REDO_ACTIONS = 4096 }; /* so many at once, then their events are taken */

/* A turn of a recorded run is several actions and cannot be halved: towards the end it goes turn by
 * turn, to know where one began. */
bool vlot__session_redo_time(vlot__session *session, uint64_t actions) {
  uint64_t end = vlot__session_actions(session) + actions, done = 1;
  if (!vlot__session_open(session)) return false;
  for (uint64_t at = vlot__session_actions(session); at < end && done > 0;
       at = vlot__session_actions(session)) {
    uint64_t some = end - at < REDO_ACTIONS ? end - at : REDO_ACTIONS;
    session->turn_began = at;
    vlot_lockstep_step(session->cluster, session->journal && end - at <= REDO_ACTIONS ? 1 : some,
                       &done);
    vlot__session_drain(session, true);
  }
  return true;
}

void vlot__session_end_redo(vlot__session *session) {
  if (session->cluster && !session->base.is_inline && !session->journal &&
      vlot_lockstep_set_inline(session->cluster, false) != VLOT_OK)
    vlot__text_add(&session->out, "no more threads: nodes run on this one\n");
  session->is_redoing = false;
  session->changes++;
}

/* --- opening --- */

static bool open_cluster(vlot__session *session) {
  const char *problem = NULL;
  vlot_cluster_options options = session->options;
  options.keeps_events = 1;
  if (session->is_redoing) options.is_inline = 1; /* faster, and the same */
  vlot_result result = session->journal
                           ? vlot_replay_open(&session->cluster, &options, session->journal,
                                              session->journal_size, &problem)
                           : vlot_cluster_open(&session->cluster, &options, &problem);
  if (result == VLOT_OK && session->journal)
    session->options.nodes = vlot_cluster_nodes(session->cluster);
  if (result == VLOT_OK) result = vlot_subscription_open(&session->events, session->cluster, 0);
  if (result == VLOT_OK) return true;
  vlot_cluster_close(session->cluster);
  session->cluster = NULL;
  return vlot__session_fail(session, 0, "the cluster cannot be opened: %s",
                            problem ? problem : vlot_result_text(result));
}

bool vlot__session_open(vlot__session *session) {
  start_log logs[VLOT__SESSION_NODES_MAX] = {{0}};
  bool has_memory = true;
  if (session->cluster) return true;
  for (uint32_t k = 0; k < session->start_count && has_memory; k++) {
    vlot_start *start = &session->starts[k];
    has_memory = make_start_log(&logs[k], &session->logs[start->id]);
    start->log = logs[k].entries;
    start->log_count = logs[k].count;
  }
  session->options.starts = session->starts;
  session->options.start_count = session->start_count;
  bool is_open = has_memory ? open_cluster(session)
                            : vlot__session_fail(session, 0, "%s", vlot_result_text(VLOT_NOMEM));
  for (uint32_t k = 0; k < session->start_count; k++) {
    free_start_log(&logs[k]);
    session->starts[k].log = NULL; /* the cluster has copies */
  }
  session->options.starts = NULL;
  session->options.start_count = 0;
  return is_open;
}

bool vlot__session_unopen(vlot__session *session) {
  if (!session->cluster) return true;
  if (session->is_adopted || session->journal || vlot__session_actions(session) > 0) return false;
  return vlot__history_reset(session);
}

/* What its rings still hold, and where its logs end. */
static void learn(vlot__session *session) {
  enum { RING_MAX = 1024 };
  vlot_event *events = calloc(RING_MAX, sizeof *events);
  for (uint32_t id = 0; events && id <= session->options.nodes; id++) {
    size_t count = vlot_cluster_events(session->cluster, id, events, RING_MAX);
    for (size_t k = 0; k < count && k < RING_MAX; k++) vlot__past_add(&session->past, &events[k]);
  }
  free(events);
  for (uint32_t id = 1; id <= session->options.nodes; id++) {
    vlot_node_status status;
    if (vlot_cluster_get_status(session->cluster, id, &status) == VLOT_OK &&
        status.raft.last_index > 0)
      log_append(&session->logs[id], status.raft.last_index, 1, status.raft.last_term);
  }
}

bool vlot__session_adopt(vlot__session *session, vlot_cluster *cluster,
                         const vlot_cluster_options *options) {
  if (options->nodes > VLOT__SESSION_NODES_MAX)
    return vlot__session_fail(session, 0, "a cluster of more than %d nodes cannot be stepped",
                              VLOT__SESSION_NODES_MAX);
  if (vlot_subscription_open(&session->events, cluster, 0) != VLOT_OK)
    return vlot__session_fail(session, 0, "%s", vlot_result_text(VLOT_NOMEM));
  session->base = session->options = *options;
  session->has_base = session->is_adopted = true;
  session->cluster = cluster;
  learn(session);
  return true;
}

/* --- clients --- */

static vlot_client *client_of(vlot__session *session, uint32_t contact) {
  vlot_client_options options;
  vlot_client_options_init(&options);
  options.contact = contact;
  if (!session->clients[contact] &&
      vlot_client_open(&session->clients[contact], session->cluster, &options) != VLOT_OK)
    session->clients[contact] = NULL;
  return session->clients[contact];
}

static vlot__session_asked *free_place(vlot__session *session) {
  for (size_t k = 0; k < VLOT__SESSION_ASKED_MAX; k++)
    if (session->asked[k].sequence == 0) return &session->asked[k];
  return NULL;
}

static bool submit(vlot__session *session, uint32_t contact, const vlot_kv_command *kv,
                   bool is_read, bool is_local, const char *what) {
  vlot__session_asked *asked = free_place(session);
  vlot_client *client = client_of(session, contact);
  vlot_bytes *bytes = vlot_kv_encode(NULL, kv);
  uint64_t sequence = 0;
  vlot_result result = asked ? VLOT_NOMEM : VLOT_BUSY;
  if (asked && client && bytes) {
    vlot_command command = {
        .data = vlot_bytes_data(bytes), .size = (uint32_t)vlot_bytes_size(bytes), .owner = bytes};
    result = is_read ? vlot_client_read(client, command.data, command.size,
                                        is_local ? 0 : VLOT_NEVER, &sequence)
                     : vlot_client_submit(client, &command, 1, &sequence);
  }
  vlot_bytes_release(bytes);
  if (result != VLOT_OK)
    return vlot__session_fail(session, 1, "n%u does not take it: %s", contact,
                              session->journal
                                  ? "this is a recorded run, and nothing in it can be changed"
                                  : vlot_result_text(result));
  /* sequences are kept from 1 on: 0 marks a free place */
  *asked = (vlot__session_asked){.contact = contact, .sequence = sequence + 1, .is_read = is_read};
  snprintf(asked->what, sizeof asked->what, "%s", what);
  return true;
}

bool vlot__session_propose(vlot__session *session, uint32_t contact, const char *key,
                           const char *value) {
  char what[96];
  snprintf(what, sizeof what, "propose %s=%s", key, value);
  vlot_kv_command kv = {.operation = VLOT_KV_SET,
                        .key = key,
                        .key_size = strlen(key),
                        .value = value,
                        .value_size = strlen(value)};
  return submit(session, contact, &kv, false, false, what);
}

bool vlot__session_read(vlot__session *session, uint32_t contact, const char *key, bool is_local) {
  char what[96];
  snprintf(what, sizeof what, "%sread %s", is_local ? "local " : "", key);
  vlot_kv_command kv = {.operation = VLOT_KV_GET, .key = key, .key_size = strlen(key)};
  return submit(session, contact, &kv, true, is_local, what);
}

static void say_value(vlot__session *session, const vlot_answer *answer) {
  vlot_kv_answer kv;
  if (vlot_kv_answer_decode(answer->reply, answer->reply_size, &kv) != VLOT_OK || kv.status > 1)
    vlot__text_add(&session->out, "an answer that is no value");
  else if (kv.status == 1)
    vlot__text_add(&session->out, "no such key");
  else
    vlot__text_add(&session->out, "%.*s", (int)kv.size, (const char *)kv.value);
}

static void say_answer(vlot__session *session, vlot__session_asked *asked,
                       const vlot_answer *answer) {
  asked->sequence = 0;
  if (session->is_redoing) return;
  vlot__text_add(&session->out,
                 "%6" PRIu64 "  The client of n%u, %s: ", vlot_cluster_now(session->cluster),
                 asked->contact, asked->what);
  if (answer->result != VLOT_OK) {
    vlot__text_add(&session->out, "%s", vlot_result_text(answer->result));
    if (answer->why != VLOT_WHY_NONE)
      vlot__text_add(&session->out, ": %s", vlot_why_text(answer->why));
  } else if (asked->is_read) {
    say_value(session, answer);
  } else {
    vlot__text_add(&session->out, "committed at %" PRIu64 " of term %" PRIu64, answer->index,
                   answer->term);
  }
  vlot__text_add(&session->out, "\n");
}

static void drain_answers(vlot__session *session, uint32_t contact) {
  vlot_answer answer;
  while (session->clients[contact] && vlot_client_poll(session->clients[contact], &answer, 1) == 1)
    for (size_t k = 0; k < VLOT__SESSION_ASKED_MAX; k++) {
      vlot__session_asked *asked = &session->asked[k];
      if (asked->contact == contact && asked->sequence == answer.sequence + 1) {
        say_answer(session, asked, &answer);
        break;
      }
    }
}

/* --- events --- */

/* What is worth a line when one thing was done, and when many were. */
static bool is_shown(const vlot_event *event, bool is_summary) {
  switch ((vlot_event_kind)event->kind) {
  case VLOT_EVENT_CAMPAIGN:
  case VLOT_EVENT_LEADER:
  case VLOT_EVENT_STEP_DOWN:
  case VLOT_EVENT_VOTE:
  case VLOT_EVENT_APPEND:
  case VLOT_EVENT_TRUNCATE:
  case VLOT_EVENT_MISMATCH:
  case VLOT_EVENT_COMMIT:
  case VLOT_EVENT_FENCED:
  case VLOT_EVENT_START:
  case VLOT_EVENT_KILL:
  case VLOT_EVENT_SUSPEND:
  case VLOT_EVENT_RESUME:
  case VLOT_EVENT_FAULT:
  case VLOT_EVENT_REQUEST:
  case VLOT_EVENT_VIOLATION: return true;
  case VLOT_EVENT_LINT:
    return event->as.change.from >= VLOT_LINT_RUNNING; /* settings: the verb `lints` */
  case VLOT_EVENT_ROLE: return !is_summary || event->as.change.to == VLOT_ROLE_FOLLOWER;
  case VLOT_EVENT_SENT:
  case VLOT_EVENT_RECEIVED:
  case VLOT_EVENT_DROPPED:
  case VLOT_EVENT_TALLY:
  case VLOT_EVENT_TERM:
  case VLOT_EVENT_MATCH:
  case VLOT_EVENT_IGNORED: return !is_summary;
  default: return false;
  }
}

/* Nodes that begin with the cluster are nothing that somebody did. */
static bool is_beginning(const vlot_event *event) {
  return event->kind == VLOT_EVENT_START && event->incarnation == 1;
}

void vlot__session_drain(vlot__session *session, bool is_summary) {
  vlot_event event;
  char sentence[512];
  if (!session->cluster) return;
  while (vlot_subscription_next(session->events, &event)) {
    vlot__past_add(&session->past, &event);
    if (event.node <= VLOT__SESSION_NODES_MAX) log_follow(session, &event);
    if (event.kind == VLOT_EVENT_REQUEST && !session->is_redoing)
      vlot__history_ask(session, &event);
    if (session->is_redoing || is_beginning(&event) || !is_shown(&event, is_summary)) continue;
    vlot_event_text(&event, sentence, sizeof sentence);
    vlot__text_add(&session->out, "%6" PRIu64 "  %s\n", event.tick, sentence);
  }
  for (uint32_t k = 0; k <= VLOT__SESSION_NODES_MAX; k++) drain_answers(session, k);
}
