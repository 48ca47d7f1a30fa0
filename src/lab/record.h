/* --events and --history: files of JSON lines. */
#ifndef VLOT_LAB_RECORD_H
#define VLOT_LAB_RECORD_H

#include <stdio.h>

#include "vlot/cluster.h"
#include "vlot/history.h"

typedef struct vlot__record_file {
  FILE *file;
  size_t waiting; /* bytes in its buffer, at least */
} vlot__record_file;

typedef struct vlot__record {
  const char *events_path; /* NULL: not wished */
  const char *history_path;
  vlot__record_file events;
  vlot__record_file calls;
  vlot_subscription *subscription;
  vlot_history *history;
  uint64_t lost;
  bool is_lockstep;
} vlot__record;

/* Create the files. false: told on stderr, nothing is open. */
bool vlot__record_open(vlot__record *record, const char *events_path, const char *history_path);

/* Begin with a cluster, and end with it before it is closed. A record may go from cluster to
 * cluster. */
bool vlot__record_attach(vlot__record *record, vlot_cluster *cluster, bool is_lockstep);
void vlot__record_detach(vlot__record *record);

/* Write the events that wait. */
void vlot__record_drain(vlot__record *record);

/* A client's operation begins and ends; 0: nothing is recorded. */
uint32_t vlot__record_begin(vlot__record *record, vlot_cluster *cluster, uint32_t client,
                            const vlot_kv_command *command);
void vlot__record_end(vlot__record *record, vlot_cluster *cluster, uint32_t operation,
                      vlot_kv_operation kind, vlot_result result, const void *reply, size_t size);

/* Close the files. false: something could not be written, told on stderr. */
bool vlot__record_close(vlot__record *record);

#endif
