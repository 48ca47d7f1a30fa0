/* Who is told of news by a function or a file descriptor of the user's: lines of the log,
 * subscriptions, watches.
 *
 * With threads they are told on a thread of the host's, vlot-tell, which the first listener of any
 * group starts and the last group that had one ends: never on a node's, and the clock does not wait
 * for them. Where the cluster is stepped they are told by whoever steps it, at the end of each
 * action. One thread tells at a time.
 */
#ifndef VLOT_CLUSTER_TELLER_H
#define VLOT_CLUSTER_TELLER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "cluster/timekeeper.h"

struct vlot_cluster;

typedef struct vlot__listener {
  struct vlot__listener *next;
  /* Look for news, and tell the user; no lock is held. Where none is, nothing happens. */
  void (*tell)(struct vlot__listener *listener);
  /* it was removed inside of its own tell, which has returned: free it */
  void (*gone)(struct vlot__listener *listener);
  bool is_telling;
  bool is_gone;
} vlot__listener;

typedef enum vlot__teller_state {
  VLOT__TELLER_NONE = 0, /* nobody has listened yet */
  VLOT__TELLER_STARTS,
  VLOT__TELLER_READY,
  VLOT__TELLER_OVER, /* the cluster is closed */
} vlot__teller_state;

typedef struct vlot__teller {
  pthread_mutex_t lock;
  pthread_cond_t told;   /* a listener was told, or the state is another */
  vlot__listener *first; /* under the lock, as is what follows */
  uint64_t thread;       /* number of the thread that tells; 0: none does */
  vlot__teller_state state;
  vlot__kept kept;        /* threads: the host's teller looks */
  _Atomic bool is_served; /* it does, from now on */
  _Atomic bool is_heard;  /* somebody listens */
  _Atomic bool owes;      /* there may be news that nobody has been told of */
} vlot__teller;

/* The last look, for all; then nobody is told of anything any more. Nodes and calls have ended.
 * Twice is once. */
void vlot__teller_stop(struct vlot_cluster *cluster);

/* VLOT_NOMEM; VLOT_BUSY: no more threads, which the caller says; VLOT_CLOSED. */
vlot_result vlot__teller_add(struct vlot_cluster *cluster, vlot__listener *listener);
/* It is not told any more when this returns, unless this is inside of its tell: false, and `gone`
 * is called behind that. */
bool vlot__teller_remove(struct vlot_cluster *cluster, vlot__listener *listener);

/* There may be news: told at once, or where the cluster is stepped at the end of the action. No
 * lock is held. */
void vlot__teller_news_now(struct vlot_cluster *cluster);
/* The end of an action or of a call that changed something; control is not held. */
void vlot__teller_ended_now(struct vlot_cluster *cluster);

#endif
