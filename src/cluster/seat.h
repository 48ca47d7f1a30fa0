/* A *seat* is a member's place: it outlives the incarnations of its node, and holds what must:
 * disk, event numbers, model.
 */
#ifndef VLOT_CLUSTER_SEAT_H
#define VLOT_CLUSTER_SEAT_H

#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>

#include "base/prng.h"
#include "base/ring.h"
#include "cluster/disk.h"
#include "cluster/item.h"
#include "cluster/model.h"
#include "vlot/cluster.h"
#include "vlot/lint.h"

typedef struct vlot__seat vlot__seat;
typedef struct vlot__node vlot__node;

/* Messages so far. One writer each: the seat's turns, or control. */
typedef struct vlot__traffic {
  _Atomic uint64_t sent;
  _Atomic uint64_t delivered;
  _Atomic uint64_t dropped;
} vlot__traffic;

/* A lint of a running node. Whoever looks writes it; others read lint and is_on, under
 * status_lock. */
typedef struct vlot__lint_trend {
  vlot_lint lint;
  uint64_t value; /* at the last look */
  uint32_t rises; /* looks in a row that found it higher */
  bool is_on;
} vlot__lint_trend;

/* Calls of one function of a node's machine that took longer than an election timeout. Written by
 * the node's turns, taken by whoever looks for lints; under status_lock. */
typedef struct vlot__slow_calls {
  uint64_t ns;    /* the longest since the last look; 0: none */
  uint64_t quiet; /* looks since the last one; whoever looks */
} vlot__slow_calls;

enum { VLOT__SLOW_APPLY, VLOT__SLOW_QUERY, VLOT__SLOW_SNAPSHOT, VLOT__SLOW_FUNCTIONS };

/* A link from this seat's member with a fault profile, or that had one. */
typedef struct vlot__link {
  uint32_t to;
  bool is_faulty;
  vlot_link profile;
  vlot__prng stream; /* of its chances: the seed's, and the two ends' */
} vlot__link;

/* When the newest mail to a member arrives, so that links keep their order. */
typedef struct vlot__arrival {
  uint32_t to;
  uint64_t due;
  uint64_t tie; /* lockstep */
} vlot__arrival;

typedef struct vlot__arrivals {
  vlot__arrival *items; /* [count] by_id.h */
  size_t count;
  size_t capacity;
} vlot__arrivals;

enum { VLOT__LINT_TRENDS = VLOT_LINT_NUMBERS - VLOT_LINT_RUNNING };

/* The last rare events, which others have pushed out of the ring of all. */
typedef struct vlot__rare {
  vlot_event *events; /* [capacity] the k-th, from 0, at k % capacity */
  uint32_t capacity;
  uint64_t count; /* so many so far */
} vlot__rare;

struct vlot__seat {
  uint32_t id;
  vlot_cluster *cluster;
  uint32_t incarnation; /* of the newest node; 0: none yet */
  uint64_t disk_id;
  uint64_t seed;    /* of its nodes */
  vlot__node *node; /* NULL: down */
  _Atomic vlot_node_state state;

  uint32_t side; /* of the partition that is being made; control's */

  /* its links to others, sparse (by_id.h); under links_lock, but for the count */
  vlot__link *links;
  size_t link_count;
  size_t link_capacity;
  _Atomic uint32_t faulty_links; /* 0: nobody need look */

  /* storage */
  vlot_storage storage;
  vlot__disk *disk;        /* NULL with a user's storage */
  bool has_label;          /* the disk keeps one (vlot_disk_label) */
  uint32_t disk_number;    /* so many disks the member has had */
  bool has_pending_writes; /* lockstep: storage said PENDING */

  /* clock */
  _Atomic uint32_t clock_permille;
  _Atomic uint64_t clock_changed; /* tick at which it was set */

  /* observation: written in its turns, or by control while no turn runs */
  vlot_event *events; /* [options.ring_events], and behind them those of rare */
  vlot__rare rare;
  uint64_t sequence; /* of the last event */
  uint64_t lamport;
  uint64_t cause; /* what the next events follow from */
  vlot__model model;
  vlot__traffic traffic;
  uint64_t mail_ids;      /* threads: mail it has sent; see vlot__new_id() */
  uint64_t digest;        /* over what it has put out, where the cluster has tapes */
  uint64_t digest_events; /* so many events are in there */

  /* published before answers of a turn leave, and at its end */
  pthread_mutex_t status_lock;
  vlot_node_status status;
  uint64_t status_tick;
  vlot_configuration *configuration;          /* in force there; retained; NULL: it never ran */
  vlot__lint_trend trends[VLOT__LINT_TRENDS]; /* by lint number, from VLOT_LINT_RUNNING on */
  struct vlot__asked *asked;                  /* who waits for what it is asked: asked.h */
  uint32_t asked_number;                      /* of the last of them */

  /* threads: under status_lock */
  vlot__slow_calls slow_calls[VLOT__SLOW_FUNCTIONS];
  uint64_t slow_count; /* ever */

  /* threads */
  vlot_actor *turn_actor; /* in its turns: whose */
  bool owes_fenced;       /* in its turns: it is fenced, and the log has not said so */
  vlot_actor *actor;      /* newest incarnation's; changes under seats_lock */
  _Atomic uint32_t actor_incarnation;
  _Atomic uint64_t due;      /* cluster tick of its next timer */
  vlot__contacts contacts;   /* of its turns */
  vlot__arrivals slow;       /* clock: of slow mail that it has sent; under the clock's lock */
  uint64_t seen_turns;       /* clock: to find stragglers */
  _Atomic bool is_tick_sent; /* clock: a TICK for `due` is under way */
  uint64_t tick_sent_due;

  /* lockstep */
  vlot__item *timer; /* in the heap, or NULL */
  vlot__item *write; /* likewise */
  vlot__item *image; /* likewise */
  bool was_suspended;
  vlot__arrivals arrivals; /* of what it has sent */
  vlot__ring parked_mail;  /* vlot__item *: arrived while suspended */
};

/* Is it a table of the second edition? Those once ended before keep. */
static inline bool vlot__storage_is_second(const vlot_storage *storage) {
  return storage->size == sizeof *storage ||
         storage->size == offsetof(vlot_storage, may_run_on_callers) ||
         storage->size == offsetof(vlot_storage, keep);
}

/* Why the last call on a storage failed, in its own words; NULL: it has none. */
static inline const char *vlot__storage_words(const vlot_storage *storage) {
  bool may_speak = vlot__storage_is_second(storage) && storage->problem;
  return may_speak ? storage->problem(storage->context) : NULL;
}

#endif
