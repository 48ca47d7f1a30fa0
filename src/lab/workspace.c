/* The cluster of a workspace, and how events become lines. */
#include "workspace.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "asked.h"
#include "vlot/journal.h"
#include "vlot/raft_snapshot.h"

void vlot__workspace_init(vlot__workspace *workspace, bool has_threads, uint64_t actions_max) {
  *workspace = (vlot__workspace){.actions_max = actions_max, .render = vlot__view_text};
  vlot_cluster_options_init(&workspace->options);
  workspace->options.driver = VLOT_DRIVER_LOCKSTEP;
  workspace->options.is_inline = !has_threads;
  workspace->options.snapshot_trailing = 0; /* what a snapshot lets go can be seen; 'stream keep' */
  workspace->options.ring_events = 1024;    /* gdb has no other memory of it */
  workspace->options.turn_max =
      1; /* one message, one turn: nothing happens behind the reader's back */
}

/* Its owner closes what is his. */
static void close_cluster(vlot__workspace *workspace) {
  if (workspace->origin && workspace->cluster)
    workspace->origin->close(workspace->origin->context);
  else if (!workspace->is_adopted)
    vlot_cluster_close(workspace->cluster);
  workspace->cluster = NULL;
}

static void close_run(vlot__workspace *workspace) {
  vlot_subscription_close(workspace->events);
  workspace->events = NULL;
  for (size_t k = 0; k <= VLOT__WORKSPACE_NODES_MAX; k++) {
    vlot_client_close(workspace->clients[k]);
    workspace->clients[k] = NULL;
    workspace->logs[k].size = 0;
  }
  close_cluster(workspace);
}

void vlot__workspace_deinit(vlot__workspace *workspace) {
  close_run(workspace);
  for (size_t k = 0; k <= VLOT__WORKSPACE_NODES_MAX; k++) free(workspace->logs[k].terms);
  for (unsigned k = 0; k < workspace->import_count; k++) {
    free(workspace->imports[k].path);
    vlot_snapshot_release(workspace->imports[k].snapshot);
  }
  vlot_past_close(workspace->past);
  vlot__story_deinit(&workspace->story);
  free(workspace->scene);
  vlot__text_deinit(&workspace->out);
  vlot__text_deinit(&workspace->problem);
}

bool vlot__workspace_set_journal(vlot__workspace *workspace, const void *data, size_t size) {
  vlot_journal_info info;
  if (vlot_journal_read_info(data, size, &info) != VLOT_OK)
    return vlot__workspace_fail(workspace, 0, "%s", info.problem);
  if (info.nodes > VLOT__WORKSPACE_NODES_MAX)
    return vlot__workspace_fail(workspace, 0, "a run of %u nodes cannot be stepped; at most %d can",
                                info.nodes, VLOT__WORKSPACE_NODES_MAX);
  workspace->journal = data;
  workspace->journal_size = size;
  return true;
}

bool vlot__workspace_set_scene(vlot__workspace *workspace, const char *text) {
  char *copy = strdup(text);
  if (!copy) return false;
  free(workspace->scene);
  workspace->scene = copy;
  workspace->scene_at = workspace->scene_from = 0;
  return true;
}

uint64_t vlot__workspace_actions(const vlot__workspace *workspace) {
  vlot_cluster_stats stats = {0};
  if (workspace->cluster) vlot_cluster_get_stats(workspace->cluster, &stats);
  return stats.actions;
}

vlot__story_place vlot__workspace_place(const vlot__workspace *workspace) {
  vlot_cluster_stats stats = {0};
  if (!workspace->cluster) return (vlot__story_place){0};
  vlot_cluster_get_stats(workspace->cluster, &stats);
  return (vlot__story_place){.action = stats.actions,
                             .idle = stats.idle_ticks,
                             .tick = vlot_cluster_now(workspace->cluster)};
}

vlot_node_status vlot__workspace_status(vlot__workspace *workspace, uint32_t id) {
  vlot_node_status status = {0};
  if (vlot_cluster_get_status(workspace->cluster, id, &status) != VLOT_OK) status.id = id;
  return status;
}

bool vlot__workspace_fail(vlot__workspace *workspace, unsigned word, const char *format, ...) {
  char text[512];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  vlot__text_clear(&workspace->problem);
  vlot__text_add(&workspace->problem, "%s", text);
  workspace->problem_word = word;
  return false;
}

/* --- logs --- */

static bool log_reserve(vlot__workspace_log *log, size_t size) {
  if (size <= log->capacity) return true;
  size_t capacity = size > 2 * log->capacity ? size : 2 * log->capacity;
  uint64_t *terms = realloc(log->terms, capacity * sizeof *terms);
  if (!terms) return false;
  log->terms = terms;
  log->capacity = capacity;
  return true;
}

bool vlot__workspace_set_log(vlot__workspace *workspace, uint32_t id, const uint64_t *terms,
                             size_t count) {
  vlot__workspace_log *log = &workspace->logs[id];
  if (!log_reserve(log, count)) return false;
  if (count > 0) memcpy(log->terms, terms, count * sizeof *terms);
  log->size = count;
  return true;
}

/* Entries first … last have this term now; what is between the log's end and first is not known. */
static void log_append(vlot__workspace_log *log, uint64_t first, uint64_t count, uint64_t term) {
  size_t end = (size_t)(first + count - 1);
  if (first == 0 || !log_reserve(log, end)) return;
  while (log->size < first - 1) log->terms[log->size++] = 0;
  for (uint64_t k = 0; k < count; k++) log->terms[first - 1 + k] = term;
  log->size = end;
}

static void log_follow(vlot__workspace *workspace, const vlot_event *event) {
  vlot__workspace_log *log = &workspace->logs[event->node];
  uint64_t first = event->as.slice.first;
  if (event->kind == VLOT_EVENT_APPEND)
    log_append(log, first, event->as.slice.count, event->as.slice.term);
  if (event->kind == VLOT_EVENT_TRUNCATE && first > 0 && first - 1 < log->size)
    log->size = (size_t)(first - 1);
  if (event->kind == VLOT_EVENT_SNAPSHOT_INSTALLED) { /* in place of all of it */
    uint64_t index = event->as.change.to;
    if (log->size >= index) log->size = (size_t)(index - 1);
    log_append(log, index, 1, event->as.change.term);
  }
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

static bool make_start_log(start_log *made, const vlot__workspace_log *log) {
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

void vlot__workspace_begin_redo(vlot__workspace *workspace) {
  workspace->is_redoing = true;
  close_run(workspace);
  if (workspace->past) vlot_past_clear(workspace->past);
  memset(workspace->asked, 0, sizeof workspace->asked);
  memset(workspace->machines_fail, 0, sizeof workspace->machines_fail);
  workspace->start_count = 0;
  workspace->options = workspace->base;
}

enum { REDO_ACTIONS = 4096 }; /* so many at once, then their events are taken */

/* A turn of a recorded run is several actions and cannot be halved: towards the end it goes turn by
 * turn, to know where one began. */
bool vlot__workspace_redo_time(vlot__workspace *workspace, const vlot__story_place *target) {
  uint64_t end = target->action, done = 1;
  if (!vlot__workspace_open(workspace)) return false;
  for (uint64_t at = vlot__workspace_actions(workspace); at < end && done > 0;
       at = vlot__workspace_actions(workspace)) {
    uint64_t some = end - at < REDO_ACTIONS ? end - at : REDO_ACTIONS;
    workspace->turn_began = at;
    vlot_lockstep_step(workspace->cluster,
                       workspace->journal && end - at <= REDO_ACTIONS ? 1 : some, &done);
    vlot__workspace_drain(workspace, true);
  }
  uint64_t now = vlot_cluster_now(workspace->cluster);
  if (target->idle > 0 && now < target->tick)
    (void)vlot_lockstep_pass(workspace->cluster, target->tick - now, NULL, NULL, 1);
  return true;
}

void vlot__workspace_end_redo(vlot__workspace *workspace) {
  if (workspace->cluster && !workspace->base.is_inline && !workspace->journal &&
      !workspace->origin && vlot_lockstep_set_inline(workspace->cluster, false) != VLOT_OK)
    vlot__text_add(&workspace->out, "no more threads: nodes run on this one\n");
  workspace->is_redoing = false;
  workspace->changes++;
}

/* --- opening --- */

static bool open_cluster(vlot__workspace *workspace) {
  const char *problem = NULL;
  vlot_cluster_options options = workspace->options;
  options.keeps_events = 1;
  memset(workspace->machines_made, 0, sizeof workspace->machines_made);
  if (workspace->is_redoing) options.is_inline = 1; /* faster, and the same */
  vlot_result result = workspace->journal
                           ? vlot_replay_open(&workspace->cluster, &options, workspace->journal,
                                              workspace->journal_size, &problem)
                           : vlot_cluster_open(&workspace->cluster, &options, &problem);
  if (result == VLOT_OK && workspace->journal)
    workspace->options.nodes = vlot_cluster_nodes(workspace->cluster);
  if (result == VLOT_OK) result = vlot__workspace_listen(workspace, workspace->cluster);
  if (result == VLOT_OK) return true;
  vlot_cluster_close(workspace->cluster);
  workspace->cluster = NULL;
  return vlot__workspace_fail(workspace, 0, "the cluster cannot be opened: %s",
                              vlot_problem(result));
}

vlot_result vlot__workspace_listen(vlot__workspace *workspace, vlot_cluster *cluster) {
  vlot_result result = workspace->past ? VLOT_OK : vlot_past_open(&workspace->past, NULL, 0);
  return result == VLOT_OK ? vlot_subscription_open(&workspace->events, cluster, 0) : result;
}

bool vlot__workspace_open(vlot__workspace *workspace) {
  start_log logs[VLOT__WORKSPACE_NODES_MAX] = {{0}};
  bool has_memory = true;
  if (workspace->cluster) return true;
  if (workspace->origin)
    return vlot__workspace_run_origin(workspace, &(vlot__workspace_stop){.action = 0});
  for (uint32_t k = 0; k < workspace->start_count && has_memory; k++) {
    vlot_start *start = &workspace->starts[k];
    has_memory = make_start_log(&logs[k], &workspace->logs[start->id]);
    start->log = logs[k].entries;
    start->log_count = logs[k].count;
  }
  workspace->options.starts = workspace->starts;
  workspace->options.start_count = workspace->start_count;
  bool is_open = has_memory
                     ? open_cluster(workspace)
                     : vlot__workspace_fail(workspace, 0, "%s", vlot_result_text(VLOT_NOMEM));
  for (uint32_t k = 0; k < workspace->start_count; k++) {
    free_start_log(&logs[k]);
    workspace->starts[k].log = NULL; /* the cluster has copies */
  }
  workspace->options.starts = NULL;
  workspace->options.start_count = 0;
  return is_open;
}

bool vlot__workspace_unopen(vlot__workspace *workspace) {
  if (!workspace->cluster) return true;
  vlot__story_place now = vlot__workspace_place(workspace);
  if (workspace->is_adopted || workspace->journal || workspace->origin || now.action > 0 ||
      now.idle > 0)
    return false;
  return vlot__story_reset(workspace);
}

/* What its rings still hold, and where its logs end. */
static void learn(vlot__workspace *workspace) {
  enum { RING_MAX = 1024 };
  vlot_event *events = calloc(RING_MAX, sizeof *events);
  for (uint32_t id = 0; events && id <= workspace->options.nodes; id++) {
    vlot_event rare[VLOT_RARE_EVENTS];
    size_t rare_count = vlot_cluster_rare_events(workspace->cluster, id, rare, VLOT_RARE_EVENTS);
    size_t count = vlot_cluster_events(workspace->cluster, id, events, RING_MAX);
    for (size_t k = 0; k < rare_count && count > 0 && rare[k].sequence < events[0].sequence; k++)
      vlot_past_add(workspace->past, &rare[k]);
    for (size_t k = 0; k < count && k < RING_MAX; k++) vlot_past_add(workspace->past, &events[k]);
  }
  free(events);
  for (uint32_t id = 1; id <= workspace->options.nodes; id++) {
    vlot_node_status status;
    if (vlot_cluster_get_status(workspace->cluster, id, &status) == VLOT_OK &&
        status.raft.last_index > 0)
      log_append(&workspace->logs[id], status.raft.last_index, 1, status.raft.last_term);
  }
}

bool vlot__workspace_adopt(vlot__workspace *workspace, vlot_cluster *cluster,
                           const vlot_cluster_options *options) {
  if (options->nodes > VLOT__WORKSPACE_NODES_MAX)
    return vlot__workspace_fail(workspace, 0, "a cluster of more than %d nodes cannot be stepped",
                                VLOT__WORKSPACE_NODES_MAX);
  if (vlot__workspace_listen(workspace, cluster) != VLOT_OK)
    return vlot__workspace_fail(workspace, 0, "%s", vlot_result_text(VLOT_NOMEM));
  workspace->base = workspace->options = *options;
  workspace->has_base = workspace->is_adopted = true;
  workspace->cluster = cluster;
  learn(workspace);
  return true;
}

/* --- events --- */

/* What is worth a line when one thing was done, and when many were. */
bool vlot__workspace_shows(const vlot_event *event, bool is_summary) {
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
  case VLOT_EVENT_SNAPSHOT_TAKEN:
  case VLOT_EVENT_NO_SNAPSHOT:
  case VLOT_EVENT_SNAPSHOT_INSTALLED:
  case VLOT_EVENT_COMPACTED:
  case VLOT_EVENT_RECONFIGURED:
  case VLOT_EVENT_TRANSFER:
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
  case VLOT_EVENT_ROUND:
  case VLOT_EVENT_IGNORED: return !is_summary;
  default: return false;
  }
}

/* Nodes that begin with the cluster are nothing that somebody did. */
static bool is_beginning(const vlot_event *event) {
  return event->kind == VLOT_EVENT_START && event->incarnation == 1;
}

void vlot__workspace_drain(vlot__workspace *workspace, bool is_summary) {
  vlot_event event;
  char sentence[512];
  vlot__told_answers told;
  if (!workspace->cluster) return;
  vlot__asked_take(workspace, &told);
  while (vlot_subscription_next(workspace->events, &event)) {
    vlot_past_add(workspace->past, &event);
    if (event.node <= VLOT__WORKSPACE_NODES_MAX) log_follow(workspace, &event);
    if (event.kind == VLOT_EVENT_REQUEST && !workspace->is_redoing)
      vlot__story_ask(workspace, &event);
    if (workspace->is_redoing || is_beginning(&event) || !vlot__workspace_shows(&event, is_summary))
      continue;
    vlot__asked_say(workspace, &told, event.tick);
    vlot_event_text(&event, sentence, sizeof sentence);
    vlot__text_add(&workspace->out, "%6" PRIu64 "  %s\n", event.tick, sentence);
  }
  vlot__asked_say(workspace, &told, VLOT_NEVER);
}
