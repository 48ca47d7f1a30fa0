#include "taped.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cluster/journal.h"

static vlot_result keep(void *context, const void *data, size_t size) {
  taped *tape = context;
  if (++tape->writes == tape->fails_at) return VLOT_IO;
  if (tape->size + size > tape->capacity) {
    size_t capacity = 2 * (tape->size + size);
    void *bytes = realloc(tape->bytes, capacity);
    if (!bytes) return VLOT_NOMEM;
    tape->bytes = bytes;
    tape->capacity = capacity;
  }
  memcpy(tape->bytes + tape->size, data, size);
  tape->size += size;
  return VLOT_OK;
}

vlot_writer taped_sink(taped *tape) { return (vlot_writer){.context = tape, .write = keep}; }

void taped_free(taped *tape) { free(tape->bytes); }

const char *taped_replay(const taped *tape, const vlot_cluster_options *options, vlot_cluster **out,
                         char text[320]) {
  vlot_cluster *cluster;
  vlot_replay_status status;
  const char *problem;
  uint64_t done;
  if (out) *out = NULL;
  vlot_result result = vlot_replay_open(&cluster, options, tape->bytes, tape->size, &problem);
  if (result != VLOT_OK) {
    snprintf(text, 320, "it cannot be opened: %s, %s", vlot_result_text(result),
             problem ? problem : "");
    return text;
  }
  result = vlot_lockstep_step(cluster, UINT64_MAX, &done);
  (void)vlot_replay_get_status(cluster, &status);
  snprintf(text, 320, "%s", status.text);
  bool is_whole = status.is_finished && !status.is_cut && !status.has_diverged &&
                  status.actions == status.actions_total;
  if (!text[0] && (result != VLOT_OK || !is_whole))
    snprintf(text, 320, "%s after %llu of %llu actions, finished %u, cut %u",
             vlot_result_text(result), (unsigned long long)status.actions,
             (unsigned long long)status.actions_total, status.is_finished, status.is_cut);
  if (out)
    *out = cluster;
  else
    result = vlot_cluster_close(cluster);
  if (!out && !text[0] && result != VLOT_OK)
    snprintf(text, 320, "it cannot be closed: %s", vlot_result_text(result));
  return text;
}

void taped_mend(taped *tape, size_t place) {
  size_t at = VLOT__JOURNAL_FILE_HEAD;
  at += VLOT__JOURNAL_BLOCK_HEAD + vlot__get32(tape->bytes + at);
  while (at + VLOT__JOURNAL_RECORD_HEAD <= tape->size) {
    uint32_t size = vlot__get32(tape->bytes + at);
    if (size < VLOT__JOURNAL_RECORD_HEAD || size > tape->size - at) return;
    if (place < at + size) {
      vlot__journal_seal(tape->bytes + at, size);
      return;
    }
    at += size;
  }
}
