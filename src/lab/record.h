/* --events and --history: files of JSON lines. */
#ifndef VLOT_LAB_RECORD_H
#define VLOT_LAB_RECORD_H

#include <stdio.h>

#include "vlot/cluster.h"
#include "vlot/history.h"
#include "vlot/plugin.h"

typedef struct vlot__recording_file {
  FILE *file;
  size_t waiting; /* bytes in its buffer, at least */
  bool is_emptied;
} vlot__recording_file;

typedef struct vlot__recording {
  const char *events_path; /* NULL: not wished */
  const char *history_path;
  vlot__recording_file events;
  vlot__recording_file calls;
  vlot_subscription *subscription;
  vlot_history *history;
  void (*watch)(void *context, const vlot_event *event); /* sees what is written; NULL: nobody */
  void *context;
  uint64_t lost;
  bool is_lockstep;
  const vlot_plugin *plugin; /* whose words the commands are; NULL: the key-value machine's */
} vlot__recording;

/* Create the files; what stands in them stays until there is a cluster. vlot__files_may_use() has
 * been asked. false: told on stderr, nothing is open. */
bool vlot__recording_open(vlot__recording *record, const char *events_path,
                          const char *history_path);

/* Begin with a cluster, and end with it before it is closed. A record may go from cluster to
 * cluster. */
bool vlot__recording_attach(vlot__recording *record, vlot_cluster *cluster, bool is_lockstep);
void vlot__recording_detach(vlot__recording *record);

/* Write the events that wait. */
void vlot__recording_drain(vlot__recording *record);

/* A client's operation begins and ends; 0: nothing is recorded. */
uint32_t vlot__recording_begin(vlot__recording *record, vlot_cluster *cluster, uint32_t client,
                               const vlot_kv_command *command);
void vlot__recording_end(vlot__recording *record, vlot_cluster *cluster, uint32_t operation,
                         vlot_kv_operation kind, vlot_result result, const void *reply,
                         size_t size);

/* Close the files. false: something could not be written, told on stderr. */
bool vlot__recording_close(vlot__recording *record);

#endif
