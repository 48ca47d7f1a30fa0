/* The cluster object. Nothing outside src/cluster includes this, but for tests; what a debugger
 * shows of it stands in describe.c.
 *
 *   open.c options.c         opening and closing
 *   bootstrap.c found.c disk_ids.c   the disks when it opens, and who belongs to it
 *   seats.c by_id.c          all seats, and small tables by id
 *   gate.c door.c            who may act now; who is inside, and who holds on to it
 *   control.c link.c         spawn, kill, restart, faults
 *   node*.c                  mail -> inputs, outputs -> effects; no thread in them
 *   client.c ask.c inbox.c   clients, and where their answers arrive
 *   look.c lints.c await.c   looking and waiting
 *   why*.c explain.c past.c  why it is so
 *   observe.c subscription.c log.c   events, and what is told
 *   driver.h                 what makes nodes run: threads.c clock.c actors.c, lockstep.c verbs.c
 *                            inline.c, pause.c
 *   host.c line.c timekeeper.c   what it shares with other clusters: the object, who acts next in
 *                            lockstep, the clock thread
 *   pending.c item.c         the pending list
 *   recorder.h               what keeps or gives back a run: record.c tape.c journal.c, replay*.c
 *   request.c stop.c         what a debugger asks, and where it stops
 *
 * A mail's way sees driver and recorder as tables of functions; calls between files form no circle
 * (tools/check_circles.py).
 */
#ifndef VLOT_CLUSTER_OBJECT_H
#define VLOT_CLUSTER_OBJECT_H

#include "base/alloc.h"
#include "base/assert.h"
#include "base/fence.h"
#include "base/inside.h"
#include "base/prng.h"
#include "cluster/checker.h"
#include "cluster/seat.h"
#include "cluster/teller.h"

struct vlot__driver;
struct vlot__recorder;

/* --- its parts -------------------------------------------------------------------------------- */

/* The pending list, and what draws from it. */
typedef struct vlot__lockstep {
  vlot__heap heap;
  vlot__item **held;
  size_t held_count;
  size_t held_capacity;
  vlot__item *pool; /* [pooled] free items */
  size_t pooled;
  vlot__arrivals from_clients; /* of mail that no member sent */
  vlot__prng schedule;
  uint64_t now_tie; /* the place inside the present tick */
  /* time passed last, with nothing happening, from this tick on and behind this action */
  uint64_t idle_from;
  uint64_t idle_action;
  vlot__item *in_line; /* its place among its host's groups (line.h); NULL: it steps alone */
  uint64_t base;       /* tick of the host at which its own began */
  bool is_inline;      /* turns run on the thread that steps */
  bool is_short;       /* of memory, when a timer or write was to be listed: try again */
} vlot__lockstep;

typedef struct vlot__observer {
  /* events go further than the rings: to hash, checker, subscriptions */
  _Atomic bool is_on;
  _Atomic bool has_models; /* somebody needs models and chains */
  bool is_shared;          /* several threads feed it: under the lock */
  bool has_hash;           /* of all events, in their order */
  pthread_mutex_t lock;
  vlot__checker *checker;
  struct vlot_subscription *subscriptions;
  _Atomic bool has_listeners; /* some of them have a function or a descriptor */
  /* collects since the opening, for whoever subscribes first */
  struct vlot_subscription *early;
  bool is_made;
  bool has_violation;
  char violation[256];
  _Atomic bool owes_violation; /* the event of it is still to be emitted */
  uint32_t violation_number;
  uint32_t violation_node;
  uint64_t violation_cause;
  uint64_t violation_lamport; /* of that event */
  uint64_t hash;
} vlot__observer;

/* Requests: written by a debugger while all threads stand still (request.c). */
enum { VLOT__REQUESTS = 8, VLOT__REQUEST_IDS = 64 };

typedef struct vlot__request {
  uint32_t kind; /* vlot_request_kind */
  uint32_t node;
  uint64_t id;    /* of something pending */
  uint64_t value; /* delay: ticks; kill: 1 is a power cut; restart: vlot_restart */
  uint32_t id_count;
  uint32_t ids[VLOT__REQUEST_IDS]; /* [id_count] partition: as vlot_cluster_partition() has them */
  uint64_t action;                 /* when it was carried out … */
  uint64_t tick;
  uint64_t result; /* … and the vlot_result */
} vlot__request;

typedef struct vlot__requests {
  /* by the debugger; request n stands at (n - 1) % VLOT__REQUESTS */
  _Atomic uint64_t asked;
  _Atomic uint64_t done; /* carried out */
  /* the thread that carries some out, and has control meanwhile */
  _Atomic uint64_t obeys;       /* its number; 0: none does */
  _Atomic uint64_t is_armed;    /* one of these: come by vlot__stop_here() … */
  _Atomic uint64_t steps;       /* … at the end of an action, after so many more */
  _Atomic uint64_t stop_action; /* … at the end of this one, or of a later one */
  _Atomic uint64_t stop_before; /* … when nothing is due any more before this tick */
  bool has_command;             /* one was counted that has not ended */
  /* vlot__requests_obey(): set once, so that drivers need not know what can be asked */
  bool (*obey)(vlot_cluster *cluster, uint64_t most);
  vlot__request ring[VLOT__REQUESTS];
} vlot__requests;

#define VLOT__MARK_OPEN   UINT64_C(0x766c6f742d6f706e)
#define VLOT__MARK_CLOSED UINT64_C(0x766c6f742d656e64)

/* --- the object ------------------------------------------------------------------------------- */

struct vlot_cluster {
  vlot_cluster_options options;
  const vlot_allocator *allocator;     /* the host's … */
  const vlot_allocator *log_allocator; /* … and of cores and disks, which is its pool's */
  vlot_host *host;
  uint64_t cluster_id;    /* as the labels of its disks have it */
  vlot_member *bootstrap; /* [bootstrap_count] the configuration it began with */
  uint32_t bootstrap_count;
  _Atomic(struct vlot__seats *) seats; /* of every member that was met: seats.h */
  vlot_machine machine;
  _Atomic(const struct vlot__driver *) driver; /* only pausing changes it */
  const struct vlot__recorder *recorder;       /* NULL: nothing is recorded or replayed */
  _Atomic uint64_t pauser;                     /* number of the thread that has paused it */
  bool is_closing;    /* nobody is inside any more: its nodes are stopped */
  bool lacks_threads; /* one could not be made */

  bool may_assist; /* threads: callers that wait may run turns */
  /* threads: vlot__put_off; wake-ups that clients' submits have put off */
  _Atomic uint32_t put_off;
  _Atomic uint64_t lent_turns; /* so far */

  _Atomic uint64_t now;     /* cluster clock, ticks */
  _Atomic uint64_t next_id; /* of mail */
  _Atomic uint32_t leader_hint;
  _Atomic uint64_t slow_until; /* threads: no delayed mail is due later than that */
  uint64_t action;             /* lockstep: number of the action or command under way */
  /* VLOT__MARK_*: a debugger that still has a pointer sees whether this is one */
  _Atomic uint64_t mark;
  vlot__requests requests;

  bool has_seat_ids;             /* every seat numbers its own mail */
  bool has_diverged;             /* a replay that is not the recorded run any more */
  struct vlot__journal *journal; /* the recorder's: what is recorded … */
  struct vlot__replay *replay;   /* … or carried out again */

  /* statistics; under stats_lock */
  pthread_mutex_t stats_lock;
  vlot_cluster_stats stats;
  uint32_t leaders; /* nodes that lead, in whatever term */
  uint64_t leaderless_since;

  vlot__observer observer;
  pthread_mutex_t links_lock; /* every seat's links */
  vlot__lockstep lockstep;

  vlot__teller teller;
  struct vlot__log_lines *log_lines; /* log.c: of events; NULL: nobody wants any */

  /* lints */
  _Atomic uint64_t next_look; /* tick; 0: never */
  uint64_t seen_commit;       /* highest commit index at the last look */

  /* the cluster's own events (node 0) */
  vlot_event *events; /* as a seat's */
  vlot__rare rare;
  uint64_t sequence;
  uint64_t lamport;
  vlot__traffic traffic; /* dropped where no node's turn did it */

  /* door.h */
  uint64_t epoch;          /* base/fork.h */
  struct vlot__fence door; /* closed: it is closing, or closed; open effects: visits */
  _Atomic uint32_t references;
  pthread_mutex_t door_lock;
  pthread_cond_t left;
  bool has_left; /* the last visit behind the shut door has ended */

  /* control calls are taken one at a time */
  pthread_mutex_t control_lock;
  pthread_cond_t control_free;
  _Atomic uint64_t controller; /* number of the thread that has control; 0: none has */
  int cancel_state;            /* that whoever has control had before */

  /* clients: those that are open, by number, and those that wait (inbox.c) */
  pthread_mutex_t clients_lock;
  struct vlot__inbox **inboxes; /* [inbox_buckets], a power of two, or 0 */
  size_t inbox_buckets;
  uint32_t client_count;   /* open */
  uint32_t client_numbers; /* given out, ever */
  pthread_mutex_t waiting_lock;
  struct vlot__inbox *waiting;

  /* whoever waits for something to change */
  pthread_mutex_t change_lock;
  pthread_cond_t changed;
  _Atomic uint32_t waiters;
  uint64_t changes;
  /* public awaits; under change_lock, but that they look at the number without it */
  uint32_t awaits;             /* under way */
  _Atomic uint64_t interrupts; /* so far */
  bool owes_interrupt;         /* of the next one: none was under way */

  vlot_actor_system *actors; /* threads, or lockstep not inline */
  pthread_mutex_t seats_lock;
  struct vlot__clock *clock; /* threads */
  bool has_helper;           /* likewise: it is one of the groups of its host's helper */
  bool is_paused;
};

static inline uint64_t vlot__now(vlot_cluster *cluster) {
  return atomic_load_explicit(&cluster->now, memory_order_relaxed);
}

/* Ids. They depend on no option: another member changes no id of what went before.
 *
 * mail    in lockstep 1, 2, … for the whole cluster. With threads, and in a replay, every sender
 *         numbers its own, so that an id says who sent it and does not depend on what others send
 *         meanwhile: number << 16 | sender, 0 for clients and the clock
 * timers, disks  VLOT_PENDING_TIMER_ID, VLOT_PENDING_WRITE_ID
 */
enum { VLOT__MAIL_STRIDE = 1 << 16 };

static inline uint64_t vlot__new_id(vlot_cluster *cluster, vlot__seat *seat) {
  bool is_own = cluster->has_seat_ids && seat;
  uint64_t number = is_own ? ++seat->mail_ids
                           : atomic_fetch_add_explicit(&cluster->next_id, 1, memory_order_relaxed);
  return cluster->has_seat_ids ? number * VLOT__MAIL_STRIDE + (seat ? seat->id : 0) : number;
}

/* One branch each where nobody listens. */
static inline void vlot__teller_news(vlot_cluster *cluster) {
  if (atomic_load_explicit(&cluster->teller.is_heard, memory_order_relaxed))
    vlot__teller_news_now(cluster);
}
static inline void vlot__teller_ended(vlot_cluster *cluster) {
  if (atomic_load_explicit(&cluster->teller.is_heard, memory_order_relaxed))
    vlot__teller_ended_now(cluster);
}

/* A line for whoever keeps a log; log.c. */
void vlot__log(vlot_cluster *cluster, vlot_log_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The same of an event, where log_lines are wanted: told by the teller, if log_level asks for its
 * kind. */
void vlot__log_event(vlot_cluster *cluster, const vlot_event *event);
vlot_result vlot__log_open(vlot_cluster *cluster);
void vlot__log_close(vlot_cluster *cluster);

/* Why it cannot open: a line of the log, and the options' problem, where the first one stays. */
void vlot__problem(vlot_cluster *cluster, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
