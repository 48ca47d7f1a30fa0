/* The cluster object, as its own files see it. Nothing outside src/cluster includes this.
 *
 *   cluster.c   open, close, status, waiting node*.c mail -> inputs, outputs -> effects; no thread
 *               in it
 *   control.c   spawn, kill, restart, faults          client.c    clients: submit, poll, wait
 *   observe.c   events, rings, hash, subscriptions    link.c      what a link does to a message
 *   lockstep.c  the pending list and its verbs threads.c actors, the clock's thread, the clock
 *   request.c   what a debugger asks tape.c journal.c recording; replay*.c: carrying it out again
 *   lint.c      bad settings, and what runs badly
 *
 * A *slot* is a member's place: it outlives the incarnations of its node, and holds what must
 * (disk, event numbers, model). Both drivers run the same three calls for a turn:
 * vlot__node_begin(), vlot__node_take() for each mail, vlot__node_end().
 */
#ifndef VLOT_CLUSTER_INTERNAL_H
#define VLOT_CLUSTER_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/prng.h"
#include "base/ring.h"
#include "cluster/checker.h"
#include "cluster/disk.h"
#include "cluster/model.h"
#include "cluster/replay.h"
#include "cluster/replies.h"
#include "vlot/cluster.h"

/* --- mail ------------------------------------------------------------------------------------- */

/* Kinds of mail that a node takes. */
typedef enum vlot__mail_kind {
  VLOT__MAIL_TICK = 1, /* no payload: a timer is due */
  VLOT__MAIL_MESSAGE,  /* vlot__mail_message */
  VLOT__MAIL_PROPOSE,  /* vlot__mail_propose */
  VLOT__MAIL_READ,     /* vlot__mail_read */
  VLOT__MAIL_ORDER,    /* vlot__mail_order */
  VLOT__MAIL_STORED,   /* vlot__mail_stored; in the control lane */
} vlot__mail_kind;

/* A TICK with this stamp, which is no tick, is a timer made to fire before it is due. */
#define VLOT__STAMP_FIRE UINT64_MAX

/* Begins every payload but STORED's. */
typedef struct vlot__mail_head {
  uint64_t id;      /* of this mail, in the whole cluster */
  uint64_t lamport; /* of the event that sent it */
  uint64_t cause;   /* that event; 0 */
} vlot__mail_head;

typedef struct vlot__mail_message {
  vlot__mail_head head;
  vlot_message message; /* its slices pointer is set by the receiver … */
  /* … to these: [message.as.append.slice_count], each holding a reference */
  vlot_slice slices[];
} vlot__mail_message;

/* One command of a PROPOSE: this header, then, unless it has an owner, its bytes, padded to 8. */
typedef struct vlot__mail_command {
  vlot_bytes *owner; /* holds a reference; the data is all of it */
  uint32_t size;
  uint32_t reserved;
} vlot__mail_command;

typedef struct vlot__mail_propose {
  vlot__mail_head head;
  uint64_t sequence; /* of the first command */
  uint32_t client;
  uint32_t count;
  uint32_t hops;       /* 1: forwarded once, not again */
  uint32_t has_owners; /* some command's bytes are shared */
} vlot__mail_propose;  /* then [count] commands */

typedef struct vlot__mail_read {
  vlot__mail_head head;
  uint64_t sequence;
  uint64_t min_index; /* or VLOT_READ_LINEARIZABLE */
  uint32_t client;
  uint32_t hops;
  uint32_t node;
  uint32_t size;
} vlot__mail_read; /* then the question, [size] bytes */

typedef struct vlot__mail_order {
  vlot__mail_head head;
  uint32_t kind; /* vlot_input_kind */
  uint32_t value;
} vlot__mail_order;

typedef struct vlot__mail_stored {
  uint64_t token;
  uint32_t result; /* vlot_result */
  uint32_t reserved;
} vlot__mail_stored;

static inline size_t vlot__padded(size_t size) { return (size + 7) & ~(size_t)7; }

/* Give back what a mail's payload refers to. */
void vlot__mail_dispose(uint32_t kind, void *payload);
/* Take a further reference to all it refers to: it was copied. */
void vlot__mail_retain(uint32_t kind, void *payload);

/* --- node ------------------------------------------------------------------------------------- */

typedef struct vlot__slot vlot__slot;
typedef struct vlot__node vlot__node;

/* Make a node from its slot's disk: recovery. NULL: *result and *problem say why. */
vlot__node *vlot__node_open(vlot__slot *slot, vlot_result *result, const char **problem);
/* Free it; whoever waits for an outcome here gets UNKNOWN with this why. */
void vlot__node_close(vlot__node *node, vlot_why why);

/* A node's memory has two owners while it has a thread: control, and the thread. The first to leave
 * leaves it to the other, who gets true and must free it: so a node that was stuck in user code is
 * freed when it comes back, and not under its hands.
 */
void vlot__node_share(vlot__node *node);
bool vlot__node_leave(vlot__node *node);
/* nobody who waits is told: their deadlines say UNKNOWN */
void vlot__node_free(vlot__node *node);
vlot__slot *vlot__node_slot(const vlot__node *node);

/* One turn: begin, take each mail, end. actor: whose turn it is; NULL in lockstep, where no kill
 * comes between. was_parked: nothing kept the node from running when the first mail came, so that
 * the ticks since its last turn count in full; else as one (P15).
 */
void vlot__node_begin(vlot__node *node, vlot_actor *actor, bool was_parked);
void vlot__node_take(vlot__node *node, uint32_t kind, uint64_t stamp, void *payload, uint32_t size);
void vlot__node_end(vlot__node *node);

/* Its slot's clock has another rate; between turns. With threads the TICK that a change sends does
 * it. */
void vlot__node_clock_changed(vlot__node *node);

/* Cluster tick at which it needs a TICK; VLOT_NEVER. Valid between turns. */
uint64_t vlot__node_due(const vlot__node *node);
/* fills raft, applied, waiting, turns */
void vlot__node_get_status(const vlot__node *node, vlot_node_status *status);
vlot_result vlot__node_hash(vlot__node *node, uint64_t *hash, uint64_t *applied);
bool vlot__node_is_fenced(const vlot__node *node);
const char *vlot__node_fenced_text(const vlot__node *node); /* why, as a sentence */
const vlot_raft *vlot__node_raft(const vlot__node *node);

/* --- slots and the cluster -------------------------------------------------------------------- */

/* A sender's remembered handle of a receiver: renewed when the receiver's incarnation has
 * changed. */
typedef struct vlot__contact {
  vlot_actor *actor;
  uint32_t incarnation;
} vlot__contact;

typedef struct vlot__item vlot__item; /* a pending thing; lockstep.c */

/* Messages so far. One writer each: the slot's turns, or control. */
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

enum { VLOT__LINT_TRENDS = VLOT_LINT_NUMBERS - VLOT_LINT_RUNNING };

struct vlot__slot {
  vlot_cluster *cluster;
  uint32_t id;
  uint32_t incarnation; /* of the newest node; 0: none yet */
  uint64_t disk_id;
  uint64_t seed;    /* of its nodes */
  vlot__node *node; /* NULL: down */
  _Atomic vlot_node_state state;

  uint32_t side; /* of the partition that is being made; control's */

  /* storage */
  vlot_storage storage;
  vlot__disk *disk;        /* NULL with a user's storage */
  bool has_pending_writes; /* lockstep: storage said PENDING */

  /* clock */
  _Atomic uint32_t clock_permille;
  _Atomic uint64_t clock_changed; /* tick at which it was set */

  /* observation: written in its turns, or by control while no turn runs */
  vlot_event *events; /* [options.ring_events] */
  uint64_t sequence;  /* of the last event */
  uint64_t lamport;
  uint64_t cause; /* what the next events follow from */
  vlot__model model;
  vlot__traffic traffic;
  uint64_t mail_ids;      /* threads: mail it has sent; see vlot__new_id() */
  uint64_t digest;        /* over what it has put out, where the cluster has tapes */
  uint64_t digest_events; /* so many events are in there */

  /* published at the end of each turn */
  pthread_mutex_t status_lock;
  vlot_node_status status;
  uint64_t status_tick;
  vlot__lint_trend trends[VLOT__LINT_TRENDS]; /* by lint number, from VLOT_LINT_RUNNING on */

  /* threads */
  vlot_actor *turn_actor; /* in its turns: whose */
  vlot_actor *actor;      /* newest incarnation's; changes under slots_lock */
  _Atomic uint32_t actor_incarnation;
  _Atomic uint64_t due;    /* cluster tick of its next timer */
  vlot__contact *contacts; /* [nodes] of its turns */
  uint64_t seen_turns;     /* clock: to find stragglers */
  /* its mail goes to the pending list: the cluster is being paused */
  bool is_collected;
  _Atomic bool is_tick_sent; /* clock: a TICK for `due` is under way */
  uint64_t tick_sent_due;

  /* lockstep */
  vlot__item *timer; /* in the heap, or NULL */
  vlot__item *write; /* likewise */
  bool was_suspended;
  vlot__ring parked_mail; /* vlot__item *: arrived while suspended */
};

/* The key of the newest mail on a link, so that links keep their order. */
typedef struct vlot__link_key {
  uint64_t due;
  uint64_t tie;
} vlot__link_key;

typedef struct vlot__lockstep {
  vlot__item **heap; /* by (due, tie, id) */
  size_t count;
  size_t capacity;
  vlot__item **held;
  size_t held_count;
  size_t held_capacity;
  vlot__item *pool;       /* free items */
  vlot__link_key *newest; /* [(nodes + 1) * nodes]: row 0 is clients */
  vlot__prng schedule;
  uint64_t now_tie; /* the place inside the present tick */
  bool is_inline;
  bool is_short; /* of memory, when a timer or write was to be listed: try again */
} vlot__lockstep;

typedef struct vlot__links {
  pthread_mutex_t lock;
  _Atomic uint8_t *is_faulty; /* [nodes * nodes] */
  vlot_link **profiles;       /* [nodes * nodes], NULL: clean */
  vlot__prng *streams;        /* [nodes * nodes], made when the first profile is set */
} vlot__links;

typedef struct vlot__observer {
  /* events go further than the rings: to hash, checker, subscriptions */
  _Atomic bool is_on;
  _Atomic bool has_models; /* somebody needs models and chains */
  pthread_mutex_t lock;
  vlot__checker *checker;
  struct vlot_subscription *subscriptions;
  /* collects since the opening, for whoever subscribes first */
  struct vlot_subscription *early;
  bool is_made;
  bool has_violation;
  char violation[256];
  _Atomic bool owes_violation; /* the event of it is still to be emitted */
  uint32_t violation_number;
  uint32_t violation_node;
  uint64_t violation_cause;
  /* lockstep only */
  uint64_t hash;
} vlot__observer;

typedef struct vlot__clock vlot__clock; /* threads.c */

/* --- requests: written by a debugger while all threads stand still; request.c ----------------- */

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
  _Atomic uintptr_t obeys;
  _Atomic uint64_t is_armed;    /* one of these: end an action in vlot__stop_here() … */
  _Atomic uint64_t steps;       /* … after so many more */
  _Atomic uint64_t stop_action; /* … from this one on */
  _Atomic uint64_t stop_tick;   /* … from this tick on */
  vlot__request ring[VLOT__REQUESTS];
} vlot__requests;

#define VLOT__MARK_OPEN   UINT64_C(0x766c6f742d6f706e)
#define VLOT__MARK_CLOSED UINT64_C(0x766c6f742d656e64)

struct vlot_cluster {
  vlot_cluster_options options;
  const vlot_allocator *allocator;
  uint32_t nodes;
  vlot_member *members; /* [nodes] as bootstrapped */
  vlot__slot *slots;    /* [nodes]; member id at id - 1 */
  vlot_machine machine;
  _Atomic bool is_lockstep;        /* now: also while a threads cluster is paused … */
  _Atomic uintptr_t driver_thread; /* … by this thread, which alone steps it then */
  bool is_closing;

  _Atomic uint64_t now;     /* cluster clock, ticks */
  _Atomic uint64_t next_id; /* of mail */
  _Atomic uint32_t leader_hint;
  _Atomic uint64_t slow_until; /* threads: no delayed mail is due later than that */
  uint64_t action;             /* lockstep: number of the action or command under way */
  /* VLOT__MARK_*: a debugger that still has a pointer sees whether this is one */
  _Atomic uint64_t mark;
  vlot__requests requests;

  bool has_tapes;         /* it is recorded, or it is a replay */
  bool has_slot_ids;      /* every slot numbers its own mail */
  vlot__journal *journal; /* NULL: not recorded */
  vlot__replay *replay;   /* NULL: it is no replay */

  /* statistics; under stats_lock */
  pthread_mutex_t stats_lock;
  vlot_cluster_stats stats;
  uint32_t leaders; /* nodes that lead, in whatever term */
  uint64_t leaderless_since;

  vlot__observer observer;
  vlot__links links;
  vlot__lockstep lockstep;

  /* lints */
  _Atomic uint64_t next_look; /* tick; 0: never */
  uint64_t seen_commit;       /* highest commit index at the last look */

  /* the cluster's own events (node 0) */
  vlot_event *events;
  uint64_t sequence;
  uint64_t lamport;
  vlot__traffic traffic; /* dropped where no node's turn did it */

  /* control calls are taken one at a time */
  pthread_mutex_t control_lock;
  pthread_cond_t control_free;
  bool is_controlled;

  /* clients */
  pthread_mutex_t clients_lock;
  vlot_client **clients; /* [client_capacity]; number - 1; NULL: closed */
  size_t client_capacity;
  uint32_t client_count; /* numbers given out */

  /* whoever waits for something to change */
  pthread_mutex_t change_lock;
  pthread_cond_t changed;
  _Atomic uint32_t waiters;
  uint64_t changes;

  vlot_actor_system *actors; /* threads, or lockstep not inline */
  pthread_mutex_t slots_lock;
  vlot__clock *clock;
  bool is_paused;
  pthread_key_t in_turn; /* of a thread: set inside a turn … */
  bool is_in_turn;       /* … and for turns that run inline */
};

static inline vlot__slot *vlot__slot_of(const vlot_cluster *cluster, uint32_t id) {
  return id >= 1 && id <= cluster->nodes ? &cluster->slots[id - 1] : NULL;
}

/* Does this thread run the schedule? While a threads cluster is paused, only the thread that paused
 * it: what others do waits in the mailboxes until the cluster goes on.
 */
static inline bool vlot__drives(vlot_cluster *cluster) {
  if (cluster->options.driver == VLOT_DRIVER_LOCKSTEP) return true;
  return atomic_load(&cluster->is_lockstep) &&
         atomic_load(&cluster->driver_thread) == (uintptr_t)pthread_self();
}

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

static inline uint64_t vlot__new_id(vlot_cluster *cluster, vlot__slot *slot) {
  bool is_own = cluster->has_slot_ids && slot;
  uint64_t number = is_own ? ++slot->mail_ids
                           : atomic_fetch_add_explicit(&cluster->next_id, 1, memory_order_relaxed);
  return cluster->has_slot_ids ? number * VLOT__MAIL_STRIDE + (slot ? slot->id : 0) : number;
}

void vlot__log(vlot_cluster *cluster, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* --- effects: how a node's turn reaches the world; each goes to the driver in force ----------- */

/* Send a mail from a slot (NULL: a client or the clock) to a member, through the link between
 * them. The payload's head gets id, lamport and cause here. What it refers to is taken over in any
 * case.
 *
 * message_kind  0 for what is not a Raft message
 * returns       VLOT_OK, also when the link lost it or nobody took a Raft message; a client's mail
 *               that nobody took gives VLOT_CLOSED, VLOT_BUSY, VLOT_NOMEM. The references are given
 *               back then
 */
vlot_result vlot__route(vlot_cluster *cluster, vlot__slot *from, vlot__contact *contact,
                        uint32_t to, uint32_t kind, uint32_t message_kind, vlot_piece *pieces,
                        size_t count);

/* One mail to a member, link or not; the driver's. due: cluster tick; pieces[0] begins with the
 * head. */
vlot_result vlot__threads_post(vlot_cluster *cluster, vlot__slot *from, vlot__contact *contact,
                               uint32_t to, uint32_t kind, const vlot_piece *pieces, size_t count);
/* The tick at which mail that could arrive at `due` does arrive, behind what is slow on the same
 * link. */
uint64_t vlot__threads_arrival(vlot_cluster *cluster, uint32_t from, uint32_t to, uint64_t due);
vlot_result vlot__threads_post_later(vlot_cluster *cluster, uint32_t from, uint32_t to,
                                     uint32_t kind, uint64_t due, const vlot_piece *pieces,
                                     size_t count);
vlot_result vlot__lockstep_post(vlot_cluster *cluster, uint32_t from, uint32_t to, uint32_t kind,
                                uint32_t message_kind, uint64_t due, bool may_overtake,
                                const vlot_piece *pieces, size_t count);

/* A storage write was completed, later than at once. Any thread. */
void vlot__write_done(void *slot, uint64_t token, vlot_result result);

/* --- links ------------------------------------------------------------------------------------ */

/* What becomes of one message: copies [0..2] with a delay each; may_overtake: it may pass earlier
 * ones. */
typedef struct vlot__fate {
  uint32_t copies;
  uint64_t delay[2];
  bool may_overtake;
  vlot_why why;           /* of no copy, or of two */
  vlot_result results[2]; /* what became of each copy: recorded, replayed */
} vlot__fate;

bool vlot__links_init(vlot_cluster *cluster);
void vlot__links_deinit(vlot_cluster *cluster);
/* As set_link(), without an event and for one link; link NULL: all are clean again. A replay's. */
bool vlot__links_restore(vlot_cluster *cluster, uint32_t from, uint32_t to, const vlot_link *link);
vlot__fate vlot__links_fate(vlot_cluster *cluster, uint32_t from, uint32_t to,
                            uint32_t message_kind);

/* --- observation ------------------------------------------------------------------------------ */

bool vlot__observer_init(vlot_cluster *cluster);
void vlot__observer_deinit(vlot_cluster *cluster);

/* The next event of a slot (NULL: of the cluster), in its place in the ring: fill it there, then
 * emit it. Cleared in pieces, because for the whole of it compilers use an instruction that takes
 * longer than everything else here.
 */
static inline vlot_event *vlot__event_begin(const vlot_cluster *cluster, const vlot__slot *slot,
                                            vlot_event_kind kind, vlot_why why, uint32_t peer) {
  uint64_t sequence = (slot ? slot->sequence : cluster->sequence) + 1;
  vlot_event *event =
      &(slot ? slot->events : cluster->events)[sequence & (cluster->options.ring_events - 1)];
  event->cause = event->message = 0;
  event->peer = peer;
  event->kind = (uint16_t)kind;
  event->why = (uint16_t)why;
  event->as.step.before = event->as.step.after = (vlot_brief){0};
  return event;
}

/* Record an event that was begun: number, time, Lamport time and, where it has none, its cause are
 * filled in. Returns its id. */
uint64_t vlot__emit(vlot_cluster *cluster, vlot__slot *slot, vlot_event *event);

/* The event of a message; kind SENT, RECEIVED or DROPPED. */
uint64_t vlot__emit_message(vlot_cluster *cluster, vlot__slot *slot, vlot_event_kind kind,
                            vlot_why why, uint64_t id, const vlot_message *message);
uint64_t vlot__emit_change(vlot_cluster *cluster, vlot__slot *slot, vlot_event_kind kind,
                           vlot_why why, uint32_t peer, uint64_t from, uint64_t to, uint64_t term);

/* The configuration from an index on, a CONFIG for each member; the cluster's own events. */
void vlot__emit_config(vlot_cluster *cluster, uint64_t index, const vlot_member *members,
                       uint32_t count);

/* A safety property is broken and the event that tells it is owed: it is the cluster's, and whoever
 * may emit those does, once. */
static inline bool vlot__owes_violation(vlot_cluster *cluster) {
  return atomic_load_explicit(&cluster->observer.owes_violation, memory_order_acquire);
}
void vlot__emit_violation(vlot_cluster *cluster);

/* A member's log begins anew (a start): the model takes what was recovered. */
void vlot__observe_recovered(vlot__slot *slot, const vlot_stored *stored);

/* Its log changes by this write: the model takes it before the step's events are recorded. */
void vlot__observe_write(vlot__slot *slot, const vlot_write *write);

/* --- clients ---------------------------------------------------------------------------------- */

/* An answer to `count` commands in a row, all alike; reply only with count 1. */
typedef struct vlot__answer {
  uint64_t sequence;
  uint64_t index;
  uint64_t term;
  uint32_t client;
  uint32_t count;
  uint32_t result;
  uint32_t why;
  uint32_t node;
  uint32_t reply_size; /* bytes that follow, padded to 8 */
} vlot__answer;

/* Put answers [size] bytes of records, all of one client, into its mailbox. Any thread. */
void vlot__client_deliver(vlot_cluster *cluster, uint32_t number, const void *records, size_t size);

/* A mail that nobody will take: if it is a client's, the client is told that certainly nothing has
 * happened. */
void vlot__mail_refused(vlot_cluster *cluster, uint32_t kind, const void *payload, vlot_why why);

/* Earliest deadline of a client that is waiting; VLOT_NEVER. And: wake those whose deadline has
 * come. */
uint64_t vlot__clients_due(vlot_cluster *cluster);
void vlot__clients_wake(vlot_cluster *cluster, uint64_t now);

/* --- control, drivers ------------------------------------------------------------------------- */

/* Take control, unless this is a node's thread (VLOT_DEADLOCK) or the cluster is paused by another
 * thread (VLOT_BUSY). */
vlot_result vlot__control_take(vlot_cluster *cluster);
void vlot__control_begin(vlot_cluster *cluster);
/* the clock's: it never waits for whoever waits for it */
bool vlot__control_try(vlot_cluster *cluster);
void vlot__control_end(vlot_cluster *cluster);

/* A call changes the cluster from here on, and cannot fail any more: where the cluster is stepped
 * that is an action of its own, so that every state has a number. Not for what user code does
 * inside a turn: that belongs to the turn.
 */
void vlot__count_command(vlot_cluster *cluster);

/* Lints: of settings, before there are nodes; and a look at what runs, in lockstep between two
 * turns. */
void vlot__lint_open(vlot_cluster *cluster);
void vlot__lint_look(vlot_cluster *cluster);
static inline bool vlot__lint_is_due(vlot_cluster *cluster) {
  uint64_t next = atomic_load_explicit(&cluster->next_look, memory_order_relaxed);
  return next != 0 && vlot__now(cluster) >= next;
}

/* Start and stop a slot's node under the driver in force; control is held. */
vlot_result vlot__slot_start(vlot__slot *slot);
vlot_result vlot__slot_stop(vlot__slot *slot, vlot_why why, bool is_power_cut);
/* Between the two: it is started again. */
void vlot__slot_restarted(vlot__slot *slot, vlot_restart how);

/* A cluster whose nodes are not started yet, for a replay to start. */
vlot_result vlot__cluster_make(vlot_cluster **out, const vlot_cluster_options *options,
                               vlot__replay *replay, const char **problem);
void vlot__slot_publish(vlot__slot *slot); /* status, at the end of a turn */
void vlot__notify_changed(vlot_cluster *cluster);

/* Is this thread inside a turn of one of this cluster's nodes? */
bool vlot__is_node_thread(vlot_cluster *cluster);

/* the actor system and the clock's thread */
vlot_result vlot__threads_open(vlot_cluster *cluster);
vlot_result vlot__threads_close(vlot_cluster *cluster);
vlot_result vlot__threads_start(vlot__slot *slot, bool is_held); /* give the node an actor */
vlot_result vlot__threads_stop(vlot__slot *slot, vlot_why why, bool is_power_cut);
/* is it planning to look later than that? */
bool vlot__threads_must_wake(vlot_cluster *cluster, uint64_t due);
void vlot__threads_wake_clock(vlot_cluster *cluster, uint64_t due);
void vlot__threads_poke(vlot__slot *slot); /* let it look at its clock */

bool vlot__lockstep_init(vlot_cluster *cluster);
void vlot__lockstep_deinit(vlot_cluster *cluster);
/* its timer or pending write may be another */
void vlot__lockstep_slot_changed(vlot__slot *slot);
void vlot__lockstep_forget(vlot__slot *slot); /* the node is gone: no timer, no write */
void vlot__lockstep_stored(vlot__slot *slot, vlot__mail_stored *stored);
void vlot__lockstep_resume(vlot__slot *slot);
/* pending mail goes to the mailboxes again, in its order */
void vlot__lockstep_hand_back(vlot_cluster *cluster);
void vlot__lockstep_drop_parked(vlot__slot *slot, vlot_why why);
void vlot__lockstep_cut(vlot_cluster *cluster, uint32_t from, uint32_t to, vlot_why why);
/* Of a replay: take the mail of this id out of the pending list (NULL: there is none), or make one
 * that was never listed; drop or copy the one of this id. Room for a mail of so many bytes; free:
 * what it refers to is somebody else's by then.
 */
vlot__item *vlot__lockstep_take(vlot_cluster *cluster, uint64_t id, uint32_t *node);
vlot__item *vlot__lockstep_make(vlot_cluster *cluster, uint32_t kind, size_t size);
void *vlot__lockstep_payload(vlot__item *item, uint32_t *kind, uint32_t *size);
void vlot__lockstep_free(vlot_cluster *cluster, vlot__item *item);
bool vlot__lockstep_drop(vlot_cluster *cluster, uint64_t id, vlot_why why);
bool vlot__lockstep_copy(vlot_cluster *cluster, uint64_t id, uint64_t copy);
/* Mail to a node whose id is not wanted leaves the list without a word. */
void vlot__lockstep_purge(vlot_cluster *cluster, uint32_t node,
                          bool (*is_wanted)(void *context, uint64_t id), void *context);
/* mail under way, held or not */
bool vlot__lockstep_has_traffic(const vlot_cluster *cluster);
/* One action, none of it later than `limit`; then time stands at limit. False: there was none. */
bool vlot__lockstep_run_one(vlot_cluster *cluster, uint64_t limit);

/* Is something asked that is not carried out yet? Looked at before every action, and whenever the
 * clock wakes. */
static inline bool vlot__requests_wait(vlot_cluster *cluster) {
  const vlot__requests *requests = &cluster->requests;
  return atomic_load_explicit(&requests->asked, memory_order_relaxed) !=
             atomic_load_explicit(&requests->done, memory_order_relaxed) &&
         atomic_load_explicit(&requests->obeys, memory_order_relaxed) == 0;
}
/* Carry out the oldest ones, at most so many. false: somebody else has control; later. */
bool vlot__requests_obey(vlot_cluster *cluster, uint64_t most);
/* Does this thread have control because it carries out requests? */
bool vlot__requests_hold_control(vlot_cluster *cluster);

/* The end of an action (or only of a passage of time): does a debugger want to stop here? */
void vlot__requests_stop(vlot_cluster *cluster, bool is_action);
static inline void vlot__requests_ended(vlot_cluster *cluster, bool is_action) {
  if (atomic_load_explicit(&cluster->requests.is_armed, memory_order_relaxed))
    vlot__requests_stop(cluster, is_action);
}

/* Empty: a debugger's breakpoints. A cluster is open, all its nodes are up; an action has ended at
 * which it wants to stop. */
void vlot__stop_opened(vlot_cluster *cluster);
void vlot__stop_here(vlot_cluster *cluster, uint64_t action);

/* Wait, in either driver, until is_reached() or timeout_ticks have passed. */
vlot_result vlot__await(vlot_cluster *cluster,
                        bool (*is_reached)(vlot_cluster *cluster, void *context), void *context,
                        uint64_t timeout_ticks);

#endif
