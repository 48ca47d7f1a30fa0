/* The clock thread of a host, and in the same way the one that tells of news (teller.h).
 * It serves the clocks of the groups with threads, each at the real
 * time at which that one looks next; the first clock starts the thread, the last one ends it. What
 * is done for one clock costs no more for all the others that there are than a step in a heap.
 */
#ifndef VLOT_CLUSTER_TIMEKEEPER_H
#define VLOT_CLUSTER_TIMEKEEPER_H

#include <pthread.h>

#include "cluster/item.h"

/* A clock, as its keeper knows it. Everything but the first two is under the keeper's lock. */
typedef struct vlot__kept {
  /* Look at the clock, on the keeper's thread and without its lock: when (vlot_clock_ns) again? */
  uint64_t (*look)(void *context);
  void *context;
  vlot__item *item; /* in the heap when is_listed; due: when it looks next */
  bool is_listed;   /* neither stands nor is being looked at */
  bool is_poked;    /* since the last look: look again at once */
  bool must_stand;  /* it is to stand still … */
  bool has_stood;   /* … and does */
  bool must_go;
} vlot__kept;

typedef enum vlot__timekeeper_state {
  VLOT__TIMEKEEPER_NONE = 0, /* no thread */
  VLOT__TIMEKEEPER_RUNS,
  VLOT__TIMEKEEPER_ENDS, /* who took the last clock away joins it */
} vlot__timekeeper_state;

typedef struct vlot__timekeeper {
  const vlot_allocator *allocator;
  const char *name; /* of its thread; static */
  pthread_mutex_t lock;
  pthread_cond_t wake;    /* the thread, asleep */
  pthread_cond_t changed; /* who waits for a look to end, or for the thread */
  pthread_t thread;
  vlot__timekeeper_state state;
  bool is_asleep;           /* and nobody has signalled it yet */
  const vlot__kept *inside; /* it looks at this one */
  vlot__heap heap;          /* of the listed clocks */
  size_t count;             /* of all */
  uint64_t numbers;         /* clocks so far: the order among those that are due at once */
} vlot__timekeeper;

void vlot__timekeeper_init(vlot__timekeeper *keeper, const vlot_allocator *allocator,
                           const char *name);
void vlot__timekeeper_deinit(vlot__timekeeper *keeper); /* it has no clocks */

/* Serve one more clock, beginning with a look at once. VLOT_NOMEM; VLOT_BUSY: no more threads. */
vlot_result vlot__timekeeper_add(vlot__timekeeper *keeper, vlot__kept *kept);
/* Serve it no more: nobody looks at it when this returns. */
void vlot__timekeeper_remove(vlot__timekeeper *keeper, vlot__kept *kept);

/* Look at it at once; again, if it is being looked at. */
void vlot__timekeeper_poke(vlot__timekeeper *keeper, vlot__kept *kept);

/* After one more look it stands still until it goes on; stand returns when it does. */
void vlot__timekeeper_stand(vlot__timekeeper *keeper, vlot__kept *kept);
void vlot__timekeeper_go_on(vlot__timekeeper *keeper, vlot__kept *kept);

#endif
