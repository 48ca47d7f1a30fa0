/* Where a client's answers arrive. Nodes put them in from their threads; the client takes them out
 * from its own. It outlives its client as long as a node is putting an answer in.
 */
#ifndef VLOT_CLUSTER_INBOX_H
#define VLOT_CLUSTER_INBOX_H

#include "cluster/object.h"

/* An answer to `count` commands in a row, all alike; reply only with count 1. */
typedef struct vlot__answer {
  uint64_t sequence;
  uint64_t index;
  uint64_t term;
  uint64_t tick; /* at which it was put out */
  uint32_t client;
  uint32_t count;
  uint32_t result;
  uint32_t why;
  uint32_t node;
  uint32_t reply_size; /* bytes that follow, padded to 8 */
} vlot__answer;

/* Records in a row, each a vlot__answer and its reply. */
typedef struct vlot__answers {
  uint8_t *bytes;
  size_t size;
  size_t capacity;
} vlot__answers;

/* Room for more answers at the end; NULL without memory: then the client is not told, and its
 * deadline says UNKNOWN. */
uint8_t *vlot__answers_reserve(vlot__answers *answers, const vlot_allocator *allocator,
                               size_t more);

typedef struct vlot__inbox vlot__inbox;

/* Open one under the next number; numbers are never used twice, so that a late answer finds nobody.
 *
 * out       out: NULL unless VLOT_OK
 * is_muted  nothing is ever put in: what is said to this number is meant for another client
 * returns   VLOT_OK; VLOT_NOMEM; VLOT_BUSY: VLOT_CLIENTS_MAX are open
 */
VLOT_MUST_CHECK vlot_result vlot__inbox_open(vlot__inbox **out, vlot_cluster *cluster,
                                             bool is_muted);
void vlot__inbox_close(vlot__inbox *inbox); /* NULL is allowed; also after the cluster's end */
/* The cluster closes: nothing is put into any of them from here on. */
void vlot__clients_close(vlot_cluster *cluster);
uint32_t vlot__inbox_number(const vlot__inbox *inbox);
/* Everything that has arrived, against room that is empty. */
void vlot__inbox_swap(vlot__inbox *inbox, vlot__answers *empty);

/* Has anything arrived? Without the lock: who finds nothing may look too early. */
bool vlot__inbox_has_some(const vlot__inbox *inbox);

/* Whoever waits, now or next, is to leave: by any thread that has a reference (retain, release).
 * end: it has left. */
void vlot__inbox_interrupt(vlot__inbox *inbox);
bool vlot__inbox_is_interrupted(const vlot__inbox *inbox);
void vlot__inbox_end_interrupt(vlot__inbox *inbox);
vlot__inbox *vlot__inbox_retain(vlot__inbox *inbox);
void vlot__inbox_release(vlot__inbox *inbox); /* NULL is allowed */

/* Wait until something is there, the clock says that a deadline has come, the cluster closes or it
 * is interrupted:
 * first announce the deadline, then see to it that the clock comes by at that tick, then wait. */
void vlot__inbox_announce(vlot__inbox *inbox, uint64_t deadline);
void vlot__inbox_wait(vlot__inbox *inbox, uint64_t deadline);

/* Put answers [size] bytes of records, all of one client, into its inbox. Any thread. */
void vlot__client_deliver(vlot_cluster *cluster, uint32_t number, const void *records, size_t size);

/* A mail that nobody will take: if it is a client's, the client is told that certainly nothing has
 * happened. */
void vlot__mail_refused(vlot_cluster *cluster, uint32_t kind, const void *payload, vlot_why why);

/* Earliest deadline of a client that is waiting; VLOT_NEVER: none. And: wake those whose deadline
 * has come; VLOT_NEVER: all. Only those that wait are looked at. */
uint64_t vlot__clients_due(vlot_cluster *cluster);
void vlot__clients_wake(vlot_cluster *cluster, uint64_t now);

#endif
