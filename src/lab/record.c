/* Files of events and of clients' histories. */
#include "record.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lab.h"
#include "plugin.h"
#include "script.h"

enum { BUFFER = 1 << 18 };

/* What is there stays until the cluster stands: a run that does not begin destroys nothing. */
static FILE *create(const char *path, bool *is_ok) {
  if (!path) return NULL;
  int descriptor = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
  FILE *file = descriptor >= 0 ? fdopen(descriptor, "w") : NULL;
  if (file) {
    setvbuf(file, NULL, _IOFBF, BUFFER);
    return file;
  }
  fprintf(stderr, "vlot: cannot write %s: %s\n", path, strerror(errno));
  if (descriptor >= 0) close(descriptor);
  *is_ok = false;
  return NULL;
}

static bool empty(vlot__recording_file *file, const char *path) {
  struct stat what;
  if (!file->file || file->is_emptied || fstat(fileno(file->file), &what) != 0) return true;
  file->is_emptied = true;
  if (!S_ISREG(what.st_mode) || ftruncate(fileno(file->file), 0) == 0) return true;
  fprintf(stderr, "vlot: cannot write %s: %s\n", path, strerror(errno));
  return false;
}

/* Whole lines only leave the buffer, so that a run that is interrupted leaves a file that can be
 * read. */
static void write_line(void *context, const char *text, size_t size) {
  vlot__recording_file *file = context;
  if (file->waiting + size > BUFFER) {
    fflush(file->file);
    file->waiting = 0;
  }
  fwrite(text, 1, size, file->file);
  file->waiting += size;
}

bool vlot__recording_open(vlot__recording *record, const char *events_path,
                          const char *history_path) {
  bool is_ok = true;
  *record = (vlot__recording){.events_path = events_path, .history_path = history_path};
  record->events.file = create(events_path, &is_ok);
  if (is_ok) record->calls.file = create(history_path, &is_ok);
  if (!is_ok && record->events.file) fclose(record->events.file);
  return is_ok;
}

bool vlot__recording_attach(vlot__recording *record, vlot_cluster *cluster, bool is_lockstep) {
  record->is_lockstep = is_lockstep;
  if (!empty(&record->events, record->events_path) || !empty(&record->calls, record->history_path))
    return false;
  if (record->events.file && vlot_subscription_open(&record->subscription, cluster, 0) != VLOT_OK)
    return false;
  vlot_history_sink sink = {.context = &record->calls, .line = write_line};
  return !record->calls.file || vlot_history_open(&record->history, NULL, &sink) == VLOT_OK;
}

void vlot__recording_detach(vlot__recording *record) {
  vlot__recording_drain(record);
  if (record->subscription) {
    record->lost += vlot_subscription_lost(record->subscription);
    vlot_subscription_close(record->subscription);
  }
  vlot_history_close(record->history);
  record->subscription = NULL;
  record->history = NULL;
}

void vlot__recording_drain(vlot__recording *record) {
  vlot_event event;
  char text[2048];
  while (record->subscription && vlot_subscription_next(record->subscription, &event)) {
    if (record->watch) record->watch(record->context, &event);
    size_t size = vlot_event_json(&event, text, sizeof text - 1);
    if (size > sizeof text - 1) size = sizeof text - 1;
    text[size] = '\n';
    write_line(&record->events, text, size + 1);
  }
}

/* --- histories --- */

static uint64_t time_of(const vlot__recording *record, vlot_cluster *cluster) {
  if (!record->is_lockstep) return vlot__lab_now();
  vlot_cluster_stats stats;
  vlot_cluster_get_stats(cluster, &stats);
  return stats.actions;
}

uint32_t vlot__recording_begin(vlot__recording *record, vlot_cluster *cluster, uint32_t client,
                               const vlot_kv_command *command) {
  uint32_t operation;
  if (!record->history) return 0;
  vlot_history_call call = {
      .client = client,
      .has_expected = command->operation == VLOT_KV_CAS,
      .time = time_of(record, cluster),
      .operation = record->plugin ? "propose" : vlot__script_operation_name(command->operation),
      .key = command->key,
      .key_size = command->key_size,
      .value = command->value,
      .value_size = command->value_size,
      .expected = command->expected,
      .expected_size = command->expected_size,
  };
  char amount[32];
  if (command->operation == VLOT_KV_INCREMENT) {
    call.value_size = (size_t)snprintf(amount, sizeof amount, "%lld", (long long)command->amount);
    call.value = amount;
  }
  return vlot_history_begin(record->history, &call, &operation) == VLOT_OK ? operation + 1 : 0;
}

/* What people and checkers read, for the bytes that the machine answers. */
static const void *readable(vlot_kv_operation kind, const void *reply, size_t *size) {
  vlot_kv_answer answer;
  if (vlot_kv_answer_decode(reply, *size, &answer) != VLOT_OK || answer.status == 1) return NULL;
  const char *text = NULL;
  if (answer.status == 2)
    text = "not a number";
  else if (answer.status == 3)
    text = "not a command";
  else if (kind == VLOT_KV_SET)
    return NULL;
  else if (kind == VLOT_KV_DELETE || kind == VLOT_KV_CAS)
    text = answer.size == 1 && answer.value[0] ? "1" : "0";
  *size = text ? strlen(text) : answer.size;
  return text ? text : (const char *)answer.value;
}

void vlot__recording_end(vlot__recording *record, vlot_cluster *cluster, uint32_t operation,
                         vlot_kv_operation kind, vlot_result result, const void *reply,
                         size_t size) {
  if (!record->history || operation == 0) return;
  vlot__text own = {0};
  const void *text = NULL;
  if (result == VLOT_OK && record->plugin) {
    vlot__plugin_say_answer(record->plugin, &own, reply, size);
    text = own.data;
    size = own.size;
  } else if (result == VLOT_OK) {
    text = readable(kind, reply, &size);
  }
  vlot_result written = vlot_history_end(record->history, operation - 1, time_of(record, cluster),
                                         result, text, text ? size : 0);
  if (written != VLOT_OK || own.is_short) record->lost++;
  vlot__text_deinit(&own);
}

static bool finish(FILE *file, const char *path) {
  if (!file) return true;
  bool is_bad = ferror(file) != 0;
  if (fclose(file) == 0 && !is_bad) return true;
  fprintf(stderr, "vlot: %s could not be written whole: %s\n", path, strerror(errno));
  return false;
}

bool vlot__recording_close(vlot__recording *record) {
  bool has_events = finish(record->events.file, record->events_path);
  bool has_history = finish(record->calls.file, record->history_path);
  if (record->lost > 0)
    fprintf(stderr, "vlot: %llu records were lost for lack of memory\n",
            (unsigned long long)record->lost);
  return has_events && has_history;
}
