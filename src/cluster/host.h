/* What groups share (vlot/host.h). The lockstep part of it, who acts next, is line.h. */
#ifndef VLOT_CLUSTER_HOST_H
#define VLOT_CLUSTER_HOST_H

#include "cluster/object.h"
#include "cluster/timekeeper.h"
#include "cluster/traced.h"
#include "vlot/host.h"

enum { VLOT__TICK_NS = 10000000 }; /* default */

struct vlot_host {
  vlot_host_options options;
  uint64_t epoch; /* base/fork.h */
  const vlot_allocator *allocator;
  struct vlot__pool *pool;             /* NULL: its opener brought an allocator */
  const vlot_allocator *log_allocator; /* the pool's, or the allocator */
  bool is_shared;                      /* there may be more than one group */
  bool is_owned;                       /* by whoever closes it; else it goes with its last group */
  pthread_mutex_t lock;
  uint32_t groups;
  uint32_t nodes; /* that have threads of their own */
  vlot__timekeeper timekeeper;
  vlot__timekeeper teller; /* likewise, of listeners (teller.h) */
  vlot__traced traced;
  struct vlot__helper *helper;
  /* lockstep: whoever steps */
  vlot__heap line;  /* of its groups (line.h) */
  uint64_t tick;    /* that any of them has reached */
  uint64_t numbers; /* groups so far */
  uint64_t actions; /* of all of them, while somebody stepped one */
};

/* What is wrong with the length of a tick; NULL: nothing. */
const char *vlot__tick_problem(uint64_t tick_ns);

/* One that nobody owns; NULL without memory. asked: NULL, then the default one with a pool. */
vlot_host *vlot__host_make(const vlot_allocator *asked, uint64_t tick_ns, bool is_shared);

/* A group more, a group less; whatever it had of the host's is given back before. The last one may
 * take the host with it. */
void vlot__host_join(vlot_host *host);
void vlot__host_leave(vlot_host *host);

/* A node got a thread of its own, or has none any more. */
void vlot__host_count_node(vlot_host *host, bool has_thread);
/* A thread could not be made: it is logged, and known to who opens the cluster. */
void vlot__host_lacks_threads(vlot_cluster *cluster);

#endif
