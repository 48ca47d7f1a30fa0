/* A session: what a person has said to one lockstep cluster, and what came of it, as text. The cluster is opened by the first
 * verb that needs one; what is said before sets it up.
 */
#ifndef VLOT_LAB_SESSION_H
#define VLOT_LAB_SESSION_H

#include "text.h"
#include "vlot/cluster.h"

enum {
  VLOT__SESSION_NODES_MAX = 32,
  VLOT__SESSION_LOG_MAX = 4096, /* entries of a starting position */
  VLOT__SESSION_ASKED_MAX = 256,
};

/* The terms of a node's log, put together from its events: a status shows only the end of it. */
typedef struct vlot__session_log {
  uint64_t *terms; /* [size], from index 1 on; 0: not known */
  size_t size;
  size_t capacity;
} vlot__session_log;

/* An operation of a client whose answer is still to come. */
typedef struct vlot__session_asked {
  uint32_t contact; /* which client; 0 in sequence: a free place */
  uint64_t sequence;
  bool is_read;
  char what[96];
} vlot__session_asked;

typedef struct vlot__session {
  vlot_cluster_options options;
  vlot_start starts[VLOT__SESSION_NODES_MAX];
  uint32_t start_count;
  vlot_cluster *cluster; /* NULL: not open yet */
  vlot_subscription *events;
  vlot_client *clients[VLOT__SESSION_NODES_MAX + 1]; /* by the member they talk to */
  vlot__session_log logs[VLOT__SESSION_NODES_MAX + 1];
  vlot__session_asked asked[VLOT__SESSION_ASKED_MAX];
  uint64_t actions_left;
  vlot__text out;        /* what was seen; the owner clears it */
  vlot__text problem;    /* why the last verb failed, without a newline */
  unsigned problem_word; /* at which of its words; past the last: at the end */
} vlot__session;

/* Nodes run on the caller's thread, or (has_threads) on their own: what is seen is the same. */
void vlot__session_init(vlot__session *session, bool has_threads, uint64_t actions_max);
void vlot__session_deinit(vlot__session *session);

/* Open the cluster if it is not. false: the problem is told. */
bool vlot__session_open(vlot__session *session);

/* Tell why the verb under way fails, at one of its words; returns false. */
bool vlot__session_fail(vlot__session *session, unsigned word, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Turn the events since the last call, and answers to clients, into lines: one per effect. is_summary: only what changed, without
 * the messages that led there.
 */
void vlot__session_drain(vlot__session *session, bool is_summary);

/* The starting log of a node; its terms [count]. false: no memory, nothing has changed. */
bool vlot__session_set_log(vlot__session *session, uint32_t id, const uint64_t *terms,
                           size_t count);

/* Submit SET key=value, or a read of the key, as the client of a member. local: without asking the others. */
bool vlot__session_propose(vlot__session *session, uint32_t contact, const char *key,
                           const char *value);
bool vlot__session_read(vlot__session *session, uint32_t contact, const char *key, bool is_local);

#endif
