/* Inside of a client: for client.c, client_send.c and ask.c only. */
#ifndef VLOT_CLUSTER_CLIENT_INSIDE_H
#define VLOT_CLUSTER_CLIENT_INSIDE_H

#include "cluster/inbox.h"
#include "cluster/owner.h"

/* Commands submitted together: they share a deadline. */
typedef struct vlot__submission {
  uint64_t sequence;
  uint64_t deadline;
  uint32_t count;
} vlot__submission;

struct vlot_client {
  vlot_cluster *cluster;
  vlot__owner owner;
  vlot_client_options options;
  vlot__inbox *inbox;
  vlot__answers taken; /* swapped out of the inbox; read_at: what is not handed out yet */
  size_t read_at;
  uint32_t read_count; /* of the record at read_at, so many of its commands are handed out */
  uint8_t *is_open;    /* [window] ring by sequence: not answered yet */
  uint64_t window;     /* a power of two */
  uint64_t next_sequence;
  uint64_t oldest;           /* no command below is open */
  _Atomic uint32_t inflight; /* written by its owner alone */
  vlot__ring submissions;    /* submission, by sequence */
  uint64_t call_ticks;       /* of the call under way; 0: options.timeout_ticks */
  bool has_early;            /* some deadline may be before that of an earlier submission */
  vlot__contacts contacts;
  uint32_t asked;   /* the member that its last submit went to */
  bool owes;        /* a wake-up there was put off, and nobody has waited since */
  bool is_asking;   /* it waits for each answer, right behind the submit */
  uint32_t habit;   /* waits in a row that came right behind a submit; see client_send.c */
  uint32_t depth;   /* in flight when it waited last */
  uint64_t sent_ns; /* coarse: of the first submit since the last wait; 0: none */
  uint8_t *scratch;
  size_t scratch_capacity;
};

/* A call of a client, on the caller's stack. */
typedef struct vlot__use {
  vlot_client *client; /* NULL: there is nothing to end */
} vlot__use;

/* begin  VLOT_OK: this thread alone is inside until the end, which may free the client;
 *        VLOT_BUSY: another thread is; VLOT_UNSUPPORTED: this is a forked child; VLOT_DEADLOCK
 */
vlot_result vlot__use_begin(vlot__use *use, vlot_client *client);
void vlot__use_end(vlot__use *use);

/* The rest of a function's block is its client's owner; a second thread returns `nothing`. */
#define VLOT__USE(client, nothing)                             \
  __attribute__((cleanup(vlot__use_end))) vlot__use use = {0}; \
  const vlot_result refused = vlot__use_begin(&use, client);   \
  if (refused != VLOT_OK) return nothing

/* Its cluster is closing or closed, or it is closed itself and not free yet. */
bool vlot__client_is_shell(const vlot_client *client);
/* May it be submitted, or asked? Before a byte of it is read. */
vlot_result vlot__client_check_bytes(const vlot_client *client, const void *data, size_t size);
/* Of what is submitted now: by the ticks of the call that is under way (0: the options'). */
uint64_t vlot__client_deadline(const vlot_client *client);
/* Answers that are there, as vlot_client_poll(). */
size_t vlot__client_take(vlot_client *client, vlot_answer *answers, size_t capacity);
/* Whoever waits looks whether it is to leave before it waits once more. */
bool vlot__client_is_to_end(const vlot_client *client);
void vlot__client_wait_once(vlot_client *client);

/* --- client_send.c --- */

/* On any result but VLOT_OK what the mail refers to is still the caller's. */
vlot_result vlot__client_send(vlot_client *client, uint32_t kind, void *payload, size_t size);
/* By its last wait: who fills a deep window again begins with few in flight. */
bool vlot__client_is_deep(const vlot_client *client);
/* It waits now; it does something else than to wait. */
void vlot__client_note_wait(vlot_client *client);
void vlot__client_pay(vlot_client *client);

static inline uint32_t vlot__client_inflight(const vlot_client *client) {
  return atomic_load_explicit(&client->inflight, memory_order_relaxed);
}

#endif
