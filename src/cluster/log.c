/* Lines for people: what a cluster has to say by itself, and what happens in it. */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/lock.h"
#include "cluster/door.h"
#include "cluster/event_inside.h"

enum { LINE_BYTES = 512, RING_EVENTS = 512 };

/* What has happened and was not told yet. Events come from nodes' turns, where the user is not
 * called: a function that takes its time there would hold up the node. */
typedef struct vlot__log_lines {
  vlot__listener listener;
  vlot_cluster *cluster;
  pthread_mutex_t lock;
  vlot_event ring[RING_EVENTS]; /* under the lock, as is what follows */
  uint64_t put;
  uint64_t told;
  uint64_t lost; /* there was no room for */
} vlot__log_lines;

const char *vlot_log_level_name(vlot_log_level level) {
  switch (level) {
  case VLOT_LOG_ERROR: return "error";
  case VLOT_LOG_WARNING: return "warning";
  case VLOT_LOG_NOTE: return "note";
  case VLOT_LOG_DETAIL: return "detail";
  }
  return "?";
}

/* is_event: not for `log`, which has never told any. */
static void say(vlot_cluster *cluster, vlot_log_level level, const char *line, bool is_event) {
  const vlot_cluster_options *options = &cluster->options;
  bool wants_plain = options->log && !is_event;
  bool wants_level = options->log_line && (uint32_t)level <= options->log_level;
  if (!wants_plain && !wants_level) return;
  vlot__visit visit; /* closing the cluster in there is a deadlock, on whatever thread */
  vlot__visit_note(&visit, cluster);
  int cancel_state = vlot__cancel_off();
  if (wants_plain) options->log(options->log_context, line);
  if (wants_level) options->log_line(options->log_context, level, line);
  vlot__cancel_restore(cancel_state);
  vlot__visit_end(&visit);
}

/* A line that is longer than there is room for says that it is. */
static void lay_out(char line[LINE_BYTES], const char *format, va_list arguments) {
  static const char mark[] = " [cut]";
  int length = vsnprintf(line, LINE_BYTES, format, arguments);
  if (length >= LINE_BYTES) memcpy(line + LINE_BYTES - sizeof mark, mark, sizeof mark);
}

void vlot__log(vlot_cluster *cluster, vlot_log_level level, const char *format, ...) {
  char line[LINE_BYTES];
  va_list arguments;
  va_start(arguments, format);
  lay_out(line, format, arguments);
  va_end(arguments);
  say(cluster, level, line, false);
}

void vlot__problem(vlot_cluster *cluster, const char *format, ...) {
  const vlot_cluster_options *options = &cluster->options;
  char line[LINE_BYTES];
  va_list arguments;
  va_start(arguments, format);
  lay_out(line, format, arguments);
  va_end(arguments);
  if (options->problem_size > 0 && !options->problem[0])
    snprintf(options->problem, options->problem_size, "%s", line);
  say(cluster, VLOT_LOG_ERROR, line, false);
}

/* --- what happens --- */

/* Of a kind that lines tell of; 0: none. FENCED and LINT have lines of their own. */
static uint32_t level_of(const vlot_event *event) {
  switch ((vlot_event_kind)event->kind) {
  case VLOT_EVENT_VIOLATION: return VLOT_LOG_ERROR;
  case VLOT_EVENT_CLOCK_WAIT: return VLOT_LOG_WARNING;
  case VLOT_EVENT_RESTART:
    return event->as.change.from == VLOT_RESTART_WIPE ? VLOT_LOG_WARNING : VLOT_LOG_NOTE;
  case VLOT_EVENT_LEADER:
  case VLOT_EVENT_STEP_DOWN:
  case VLOT_EVENT_START:
  case VLOT_EVENT_KILL:
  case VLOT_EVENT_SUSPEND:
  case VLOT_EVENT_RESUME:
  case VLOT_EVENT_FAULT:
  case VLOT_EVENT_SNAPSHOT_INSTALLED: return VLOT_LOG_NOTE;
  case VLOT_EVENT_CAMPAIGN:
    return event->as.change.from == 0 ? VLOT_LOG_DETAIL : VLOT_LOG_NOTE; /* 0: a pre-vote */
  case VLOT_EVENT_ROLE:
  case VLOT_EVENT_TERM:
  case VLOT_EVENT_VOTE:
  case VLOT_EVENT_KNOWN_LEADER:
  case VLOT_EVENT_TRUNCATE:
  case VLOT_EVENT_CONFIG:
  case VLOT_EVENT_ORDER:
  case VLOT_EVENT_REQUEST:
  case VLOT_EVENT_SNAPSHOT_TAKEN:
  case VLOT_EVENT_SNAPSHOT_SENT:
  case VLOT_EVENT_COMPACTED: return VLOT_LOG_DETAIL;
  default: return 0;
  }
}

void vlot__log_event(vlot_cluster *cluster, const vlot_event *event) {
  vlot__log_lines *lines = cluster->log_lines;
  uint32_t level = level_of(event);
  if (level == 0 || level > cluster->options.log_level) return;
  vlot__lock(&lines->lock);
  if (lines->put - lines->told < RING_EVENTS)
    lines->ring[lines->put++ % RING_EVENTS] = *event;
  else
    lines->lost++;
  vlot__unlock(&lines->lock);
  vlot__teller_news(cluster);
}

static bool take_line(vlot__log_lines *lines, vlot_event *event, uint64_t *lost) {
  vlot__lock(&lines->lock);
  bool has_one = lines->told < lines->put;
  if (has_one) *event = lines->ring[lines->told++ % RING_EVENTS];
  *lost = has_one ? 0 : lines->lost;
  if (!has_one) lines->lost = 0;
  vlot__unlock(&lines->lock);
  return has_one;
}

static void tell_lines(vlot__listener *listener) {
  vlot__log_lines *lines = (vlot__log_lines *)(void *)listener; /* it begins with it */
  char line[LINE_BYTES];
  vlot_event event;
  uint64_t lost;
  while (take_line(lines, &event, &lost)) {
    int length = snprintf(line, sizeof line, "tick %" PRIu64 ": ", event.tick);
    vlot_event_text(&event, line + length, sizeof line - (size_t)length);
    say(lines->cluster, (vlot_log_level)level_of(&event), line, true);
  }
  if (lost == 0) return;
  snprintf(line, sizeof line, "%" PRIu64 " lines are missing here: so many came at once", lost);
  say(lines->cluster, VLOT_LOG_WARNING, line, true);
}

vlot_result vlot__log_open(vlot_cluster *cluster) {
  if (!cluster->options.log_line) return VLOT_OK;
  vlot__log_lines *lines = vlot__alloc_zero(cluster->allocator, 1, sizeof *lines);
  if (!lines) return VLOT_NOMEM;
  lines->cluster = cluster;
  lines->listener.tell = tell_lines;
  pthread_mutex_init(&lines->lock, NULL);
  cluster->log_lines = lines;
  return vlot__teller_add(cluster, &lines->listener);
}

void vlot__log_close(vlot_cluster *cluster) {
  vlot__log_lines *lines = cluster->log_lines;
  if (!lines) return;
  cluster->log_lines = NULL;
  pthread_mutex_destroy(&lines->lock);
  vlot__alloc_free(cluster->allocator, lines);
}

/* --- a ready one --- */

void vlot_log_stderr(void *context, vlot_log_level level, const char *line) {
  char text[LINE_BYTES + 64];
  const char *name = context ? context : "vlot";
  int saved = errno;
  int length =
      snprintf(text, sizeof text, "%.40s: %s: %s\n", name, vlot_log_level_name(level), line);
  size_t size = length < (int)sizeof text ? (size_t)length : sizeof text - 1;
  /* in one piece, so that the lines of several threads stay whole */
  if (write(STDERR_FILENO, text, size) < 0) errno = 0; /* there is nobody to tell */
  errno = saved;
}
