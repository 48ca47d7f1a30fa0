/* vlot/cluster.h: a whole Raft cluster inside this process. One object, two drivers.
 *
 * threads   every node is an actor thread with a mailbox; the clock's thread turns real time
 *           into ticks.
 * lockstep  virtual time: one action at a time, chosen by a seed or by the caller; one seed always
 *           gives the same run. A call that changes the cluster (nodes, links, faults, orders, the
 *           pending list) is an action of its own, unless it fails or nothing was to be changed;
 *           what clients submit is not: its delivery is one.
 *
 * Time      deadlines and timeouts are ticks of the cluster clock, so that a breakpoint never
 *           expires one. A tick is tick_ns of real time with threads; in lockstep time goes on when
 *           an action is due later than now. A call that waits runs the schedule itself in
 *           lockstep.
 * Thread    any but a node's own (VLOT_DEADLOCK), unless it says otherwise. In lockstep one thread
 *           at a time.
 * Problems  functions with a problem argument store a static sentence there when they return
 *           VLOT_INVALID; NULL to ignore.
 */
#ifndef VLOT_CLUSTER_H
#define VLOT_CLUSTER_H

#include "vlot/actor.h"
#include "vlot/event.h"
#include "vlot/lint.h"
#include "vlot/machine.h"
#include "vlot/raft.h"
#include "vlot/storage.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct vlot_cluster vlot_cluster;
typedef struct vlot_client vlot_client;

typedef enum vlot_driver { VLOT_DRIVER_THREADS = 0, VLOT_DRIVER_LOCKSTEP } vlot_driver;

/* for a node that is inside the same turn at two successive ticks */
typedef enum vlot_clock_waits {
  VLOT_CLOCK_WAITS_DEBUGGER = 0, /* when a debugger is attached */
  VLOT_CLOCK_WAITS_NEVER,
  VLOT_CLOCK_WAITS_ALWAYS,
} vlot_clock_waits;

/* Where a member begins, on a disk that is made for it. */
typedef struct vlot_start {
  uint32_t id;
  uint32_t vote;
  uint64_t term;
  const vlot_log_entry *log; /* [log_count], copied */
  size_t log_count;
} vlot_start;

typedef struct vlot_cluster_options {
  size_t size;                     /* set by vlot_cluster_options_init() */
  const vlot_allocator *allocator; /* NULL: the default; borrowed for the cluster's life */
  /* members 1 … nodes: default 3, at most VLOT_MEMBERS_MAX */
  uint32_t nodes;
  /* so many of them, the last ones, are learners: default 0 */
  uint32_t learners;
  vlot_driver driver;
  /* lockstep: nodes run on the caller's thread, not on their own: default 1 */
  uint32_t is_inline;
  uint64_t seed;    /* of everything random: default 1 */
  uint64_t tick_ns; /* threads: default 10 ms, at least 100 µs */
  /* periods, switches, limits of every node; id, members, seed, storage fields are set per node */
  vlot_raft_options raft;
  const vlot_machine *machine; /* NULL: the key-value machine */
  /* NULL: in memory */
  vlot_result (*open_storage)(void *context, uint32_t id, vlot_storage *storage);
  void *storage_context;
  const vlot_start *starts; /* [start_count] */
  size_t start_count;
  uint32_t has_checker; /* 0: off, 1: on, 2 (default): on in lockstep, off with threads */
  vlot_clock_waits clock_waits;
  vlot_place place; /* threads: where node threads run: default the kernel decides */
  uint32_t core;    /* of VLOT_PLACE_CORE */
  /* look for mail so long before parking: default 0, at most 10 ms */
  uint64_t spin_ns;
  /* threads: how long closing waits for a node's user code: default 1 s */
  uint64_t stop_ns;
  /* last events kept per node: default 64; a power of two, 16 … 65,536 */
  uint32_t ring_events;
  /* lockstep: at most so many deliveries to one node become one turn: default 8; 1: always
   * single */
  uint32_t turn_max;
  /* 1: all events from the opening on are kept for the first subscription; default 0 */
  uint32_t keeps_events;
  uint32_t is_replaying; /* told to machines */
  /* 1 (default): bad settings, and what runs badly, are told as events and log lines */
  uint32_t has_lints;
  /* threads, disks in memory: where the run is recorded (vlot/journal.h). Copied, its context
   * borrowed; called while opening, where a failure is the opening's, then on a thread of its own,
   * where it ends the recording and not the run. NULL: not recorded */
  const vlot_writer *journal;
  void (*log)(void *context, const char *line); /* NULL: silent. Any thread, no lock held */
  void *log_context;
} vlot_cluster_options;

VLOT_API void vlot_cluster_options_init(vlot_cluster_options *options);

/* Make a cluster and start all its nodes. VLOT_OK, VLOT_INVALID, VLOT_NOMEM, VLOT_BUSY (no more
 * threads), VLOT_FAILED (a machine could not be created), or what a user's storage or the journal's
 * sink said; unless VLOT_OK nothing is left. options NULL: the defaults.
 */
VLOT_API VLOT_MUST_CHECK vlot_result vlot_cluster_open(vlot_cluster **out,
                                                       const vlot_cluster_options *options,
                                                       const char **problem);

/* Stop everything and free it. Clients must be closed before. NULL is allowed.
 * returns  VLOT_OK; VLOT_TIMEOUT: user code is stuck in a quarantined thread, its memory is left
 *          alone; VLOT_VIOLATED: the checker found something; VLOT_IO: the journal is not whole;
 *          VLOT_DEADLOCK: called on a node's thread, nothing was done
 */
VLOT_API vlot_result vlot_cluster_close(vlot_cluster *cluster);

/* --- nodes, while load runs ------------------------------------------------------------------- */

typedef enum vlot_restart {
  VLOT_RESTART_KEEP = 0, /* the disk as it is, with writes that were under way */
  VLOT_RESTART_LOSE,     /* a power cut: writes that were not durable may be lost */
  /* a blank disk with another id: the member's promises are gone, its votes do not count any
   * more */
  VLOT_RESTART_WIPE,
} vlot_restart;

/* VLOT_NOT_FOUND: no such member; VLOT_CLOSED: it is down (kill), VLOT_EXISTS: it is up (spawn). */
VLOT_API vlot_result vlot_cluster_spawn(vlot_cluster *cluster, uint32_t id);
VLOT_API vlot_result vlot_cluster_kill(vlot_cluster *cluster, uint32_t id, bool is_power_cut);
/* up or down */
VLOT_API vlot_result vlot_cluster_restart(vlot_cluster *cluster, uint32_t id, vlot_restart how);
/* mail waits; twice is once */
VLOT_API vlot_result vlot_cluster_suspend(vlot_cluster *cluster, uint32_t id);
VLOT_API vlot_result vlot_cluster_resume(vlot_cluster *cluster, uint32_t id);

/* Tell a node something: VLOT_INPUT_CAMPAIGN, ELECT, STEP_DOWN, FORGET_LEADER, SWITCHES (value: the
 * new switches). It is taken in its turn; what came of it shows in its status and events.
 * VLOT_INVALID for other kinds.
 */
VLOT_API vlot_result vlot_cluster_order(vlot_cluster *cluster, uint32_t id, vlot_input_kind kind,
                                        uint32_t value);

/* Rate of a node's clock in thousandths: 1000 is exact, 0 stands still, at most 100,000. */
VLOT_API vlot_result vlot_cluster_set_clock_rate(vlot_cluster *cluster, uint32_t id,
                                                 uint32_t permille);

/* Faults of the in-memory disk; VLOT_UNSUPPORTED with another storage. */
typedef struct vlot_disk_fault {
  uint32_t delay_ticks_min; /* each write takes min … max ticks */
  uint32_t delay_ticks_max;
  uint32_t is_stalled; /* nothing completes */
  uint32_t is_full;    /* writes fail: the node is fenced */
  uint64_t fail_at;    /* the n-th write from now fails; 0: none */
} vlot_disk_fault;
VLOT_API vlot_result vlot_cluster_set_disk(vlot_cluster *cluster, uint32_t id,
                                           const vlot_disk_fault *fault);

/* --- links ------------------------------------------------------------------------------------ */

/* What a directed link does to messages. Chances in millionths. All zero: a clean link. */
typedef struct vlot_link {
  uint32_t is_cut;
  uint32_t loss;
  /* messages of Raft; forwarded commands and reads are never duplicated */
  uint32_t duplicate;
  /* the message gets a delay of its own, up to reorder_ticks more, and may be overtaken */
  uint32_t reorder;
  uint32_t reorder_ticks;
  uint32_t delay_ticks_min; /* uniform in [min, max] … */
  uint32_t delay_ticks_max;
  uint32_t tail; /* … and with this chance up to tail_ticks more */
  uint32_t tail_ticks;
  /* bit mask 1 << vlot_message_kind of what is touched; 0: everything */
  uint32_t kinds;
} vlot_link;

/* from or to 0: from or to everybody. Messages already under way are not touched, except by a cut
 * in lockstep. */
VLOT_API vlot_result vlot_cluster_set_link(vlot_cluster *cluster, uint32_t from, uint32_t to,
                                           const vlot_link *link);
VLOT_API vlot_result vlot_cluster_get_link(vlot_cluster *cluster, uint32_t from, uint32_t to,
                                           vlot_link *link);

/* Cut every link between different groups; sides[k] is the group of member k + 1, [nodes]. Adds to
 * what is cut already: heal first for nothing but this partition. One-way cuts: set_link.
 */
VLOT_API vlot_result vlot_cluster_partition(vlot_cluster *cluster, const uint32_t *sides);

/* All links clean again. */
VLOT_API vlot_result vlot_cluster_heal(vlot_cluster *cluster);

/* --- looking ---------------------------------------------------------------------------------- */

typedef enum vlot_node_state {
  VLOT_NODE_DOWN = 0,
  VLOT_NODE_UP,
  VLOT_NODE_SUSPENDED,
  VLOT_NODE_FENCED, /* it refuses to go on: raft.fenced_why */
} vlot_node_state;

typedef struct vlot_node_status {
  uint32_t id;
  uint32_t incarnation; /* from 1 */
  vlot_node_state state;
  uint32_t is_learner;
  vlot_raft_status raft; /* as of the end of its last turn; the last one when it is down */
  uint64_t applied_index;
  uint64_t waiting; /* clients' commands that wait for their outcome here */
  uint64_t mailbox; /* mail waiting */
  uint64_t turns;
  uint64_t age_ticks; /* since its last turn */
  uint64_t disk_id;
  uint64_t lost_writes; /* by power cuts */
  uint32_t clock_permille;
  uint32_t reserved;
} vlot_node_status;

VLOT_API uint32_t vlot_cluster_nodes(const vlot_cluster *cluster);
VLOT_API vlot_result vlot_cluster_get_status(vlot_cluster *cluster, uint32_t id,
                                             vlot_node_status *status);

/* The up node that leads in the highest term; 0: none. */
VLOT_API uint32_t vlot_cluster_leader(vlot_cluster *cluster);
VLOT_API uint64_t vlot_cluster_now(vlot_cluster *cluster); /* ticks since it was opened */

/* The machine's hash at a node, and the index up to which it has applied. VLOT_CLOSED: down;
 * VLOT_UNSUPPORTED: no hash. With threads it waits for the node's turn to end.
 */
VLOT_API VLOT_MUST_CHECK vlot_result vlot_cluster_hash(vlot_cluster *cluster, uint32_t id,
                                                       uint64_t *hash, uint64_t *applied);

typedef struct vlot_cluster_stats {
  uint64_t elections; /* leaders that there have been */
  uint64_t campaigns;
  uint64_t sent; /* messages between nodes */
  uint64_t delivered;
  uint64_t dropped;
  uint64_t kills;
  uint64_t restarts;
  uint64_t commits;          /* highest commit index */
  uint64_t leaderless_ticks; /* while nodes were up and none of them led */
  uint64_t clock_waits;
  uint64_t actions;    /* lockstep: carried out so far, commands included */
  uint64_t event_hash; /* lockstep: over all events so far */
} vlot_cluster_stats;
VLOT_API void vlot_cluster_get_stats(vlot_cluster *cluster, vlot_cluster_stats *stats);

/* The first broken safety property, as text; false: none. Off: false. */
VLOT_API bool vlot_cluster_violation(vlot_cluster *cluster, char *text, size_t capacity);

/* What an expert would warn of in these options, before anything is opened; and in a cluster,
 * settings and what runs badly by now (with the option has_lints). At most [capacity], returns how
 * many there are.
 */
VLOT_API size_t vlot_cluster_options_lint(const vlot_cluster_options *options, vlot_lint *lints,
                                          size_t capacity);
VLOT_API size_t vlot_cluster_lint(vlot_cluster *cluster, vlot_lint *lints, size_t capacity);

/* The last events of a node (0: of the cluster), oldest first: at most [capacity], returns how
 * many. */
VLOT_API size_t vlot_cluster_events(vlot_cluster *cluster, uint32_t id, vlot_event *events,
                                    size_t capacity);

/* Subscribe to all events: a queue of its own, read by its owner. From then on events are
 * collected; none is lost until bytes_max (0: 256 MiB) are waiting.
 *
 * It begins now; with the option keeps_events the first one begins with the cluster.
 *
 * next   false: nothing is waiting. One thread at a time.
 * lost   events that found it full
 */
typedef struct vlot_subscription vlot_subscription;
VLOT_API VLOT_MUST_CHECK vlot_result vlot_subscription_open(vlot_subscription **out,
                                                            vlot_cluster *cluster,
                                                            uint64_t bytes_max);
VLOT_API bool vlot_subscription_next(vlot_subscription *subscription, vlot_event *event);
VLOT_API uint64_t vlot_subscription_lost(const vlot_subscription *subscription);
VLOT_API void vlot_subscription_close(vlot_subscription *subscription);

/* --- clients ---------------------------------------------------------------------------------- */

/* What came of one command or read. Exactly one for each that was submitted.
 *
 * VLOT_OK        committed and applied (a read: answered); reply is the machine's answer
 * VLOT_REJECTED  certainly not committed, and never will be; why
 * VLOT_UNKNOWN   may or may not be committed (deadline passed, node killed); why
 * others         a read's or machine's own result
 */
typedef struct vlot_answer {
  uint64_t sequence; /* as given by submit */
  vlot_result result;
  vlot_why why;
  uint64_t index; /* where it was committed */
  uint64_t term;
  const uint8_t *reply; /* [reply_size] borrowed until the next poll or wait */
  uint32_t reply_size;
  uint32_t node; /* that answered */
} vlot_answer;

typedef struct vlot_client_options {
  size_t size;
  /* always talk to this member, which forwards to the leader; 0 (default): to the leader when one
   * is known */
  uint32_t contact;
  uint32_t inflight_max;  /* commands waiting for an answer: default 65,536, at most 1 M */
  uint64_t timeout_ticks; /* default 500: then the answer is UNKNOWN */
  /* NULL (default): poll and wait give answers to their caller; else to this function, inside the
   * call, on the caller's thread. It may submit, and must not close */
  void (*answered)(void *context, const vlot_answer *answer);
  void *context;
} vlot_client_options;

VLOT_API void vlot_client_options_init(vlot_client_options *options);

/* A client is a small mailbox owned by its caller: one thread at a time uses it. options NULL: the
 * defaults. */
VLOT_API VLOT_MUST_CHECK vlot_result vlot_client_open(vlot_client **out, vlot_cluster *cluster,
                                                      const vlot_client_options *options);
/* what is not answered yet never will be. NULL is allowed */
VLOT_API void vlot_client_close(vlot_client *client);
VLOT_API uint32_t vlot_client_number(const vlot_client *client);

/* Submit commands [count], under one lock.
 *
 * commands  borrowed for the call; a command with an owner is shared, not copied
 * sequence  out: number of the first one, the others follow; NULL to ignore
 * returns   VLOT_OK        each will get exactly one answer
 *           VLOT_BUSY      too many in flight, or the node's mailbox is full; nothing was submitted
 *           VLOT_REJECTED  no node is up; VLOT_TOO_LARGE; VLOT_NOMEM; VLOT_DEADLOCK (on a node's
 *                          thread)
 */
VLOT_API VLOT_MUST_CHECK vlot_result vlot_client_submit(vlot_client *client,
                                                        const vlot_command *commands,
                                                        uint32_t count, uint64_t *sequence);

/* As min_index: what every answer given before the question has done is seen. */
#define VLOT_READ_LINEARIZABLE UINT64_MAX

/* Ask the machine a question.
 *
 * min_index  VLOT_READ_LINEARIZABLE (default way to read); else: any node's own state, once it
 *            has applied that index: the contact's, or the leader's
 */
VLOT_API VLOT_MUST_CHECK vlot_result vlot_client_read(vlot_client *client, const void *question,
                                                      size_t size, uint64_t min_index,
                                                      uint64_t *sequence);

/* Answers that are there: at most [capacity], never blocks. Returns how many. Where the client has
 * an `answered` function, all that are there go to it, and answers and capacity are not looked at
 * (NULL, 0).
 */
VLOT_API size_t vlot_client_poll(vlot_client *client, vlot_answer *answers, size_t capacity);

/* The same, but waits for the first one; 0: nothing is in flight. Every command gets an answer by
 * its deadline, so this ends. */
VLOT_API size_t vlot_client_wait(vlot_client *client, vlot_answer *answers, size_t capacity);

VLOT_API uint32_t vlot_client_inflight(const vlot_client *client);

/* Propose one command and wait for its outcome; asks again, until the deadline, as long as it is
 * certain that the command was not committed. Only while nothing else of this client is in flight
 * (VLOT_BUSY).
 *
 * reply    out: the machine's answer, released by the caller with vlot_bytes_release(); NULL to
 *          ignore
 * returns  VLOT_OK, VLOT_REJECTED, VLOT_UNKNOWN, VLOT_TOO_LARGE, VLOT_NOMEM, VLOT_DEADLOCK
 */
VLOT_API VLOT_MUST_CHECK vlot_result vlot_client_propose(vlot_client *client, const void *command,
                                                         size_t size, vlot_bytes **reply);

/* The same for a linearizable read. */
VLOT_API VLOT_MUST_CHECK vlot_result vlot_client_query(vlot_client *client, const void *question,
                                                       size_t size, vlot_bytes **reply);

/* --- waiting for something, so that nobody writes a sleep loop -------------------------------- */

/* Each waits at most timeout_ticks of the cluster clock. VLOT_OK; VLOT_TIMEOUT; VLOT_NOT_FOUND (no
 * such member).
 *
 * leader   there is one, and a quorum follows it; *id (NULL to ignore)
 * applied  a node (0: every node that is up) has applied index
 * role     a node has a role
 * quiet    no message, write or answer is under way, and every node that is up has applied what is
 *          committed; timers do not count
 */
VLOT_API VLOT_MUST_CHECK vlot_result vlot_await_leader(vlot_cluster *cluster,
                                                       uint64_t timeout_ticks, uint32_t *id);
VLOT_API VLOT_MUST_CHECK vlot_result vlot_await_applied(vlot_cluster *cluster, uint32_t id,
                                                        uint64_t index, uint64_t timeout_ticks);
VLOT_API VLOT_MUST_CHECK vlot_result vlot_await_role(vlot_cluster *cluster, uint32_t id,
                                                     vlot_role role, uint64_t timeout_ticks);
VLOT_API VLOT_MUST_CHECK vlot_result vlot_await_quiet(vlot_cluster *cluster,
                                                      uint64_t timeout_ticks);

/* --- lockstep: the pending list --------------------------------------------------------------- */

typedef enum vlot_pending_kind {
  VLOT_PENDING_MESSAGE = 1, /* a message on a link */
  VLOT_PENDING_TIMER,       /* a node's next timer */
  VLOT_PENDING_WRITE,       /* a disk's oldest write under way */
  VLOT_PENDING_CLIENT,      /* a client's commands or read, or an order, for a node */
} vlot_pending_kind;

/* Something that can happen. Its id is stable: a message's is its message id. */
typedef struct vlot_pending {
  uint64_t id;
  vlot_pending_kind kind;
  uint32_t node; /* to whom it happens */
  uint32_t from; /* message: sender; client: client number */
  uint32_t is_held;
  uint64_t due;          /* tick */
  uint32_t message_kind; /* vlot_message_kind; 0: a forwarded command or read */
  uint32_t message_flags;
  uint64_t term; /* message: the fields that matter */
  uint64_t index;
  uint64_t entries;
} vlot_pending;

/* Everything pending, in the order it is due: at most [capacity]; returns how many there are; 0
 * also where this thread may not look: a cluster that runs, or that another thread has paused.
 */
VLOT_API size_t vlot_lockstep_pending(vlot_cluster *cluster, vlot_pending *pending,
                                      size_t capacity);

/* Carry out `actions` actions as the seed chooses; *done (NULL to ignore) says how many there were:
 * fewer when nothing is pending that is not held, up to turn_max - 1 more when the last turn takes
 * several deliveries. VLOT_OK; VLOT_VIOLATED: the checker objects, and it stopped there;
 * VLOT_UNSUPPORTED: not in lockstep and not paused.
 */
VLOT_API vlot_result vlot_lockstep_step(vlot_cluster *cluster, uint64_t actions, uint64_t *done);

/* The same until a condition holds (looked at after every action) or `actions` have passed
 * (VLOT_TIMEOUT). */
VLOT_API vlot_result vlot_lockstep_until(vlot_cluster *cluster,
                                         bool (*is_reached)(vlot_cluster *cluster, void *context),
                                         void *context, uint64_t actions);

/* Verbs on one pending thing. VLOT_NOT_FOUND: no such id; VLOT_UNSUPPORTED: not for this kind
 * (timers and writes cannot be dropped, timers cannot be delayed, only messages between nodes can
 * be duplicated: a client's call is made once).
 *
 * Each is one action.
 *
 * fire       now: deliver the message, fire the timer, complete the write, held or not
 * drop       it never arrives
 * hold       it is not chosen until released (or fired)
 * duplicate  a copy is pending too; *copy (NULL to ignore)
 * delay      due so many ticks later
 */
VLOT_API vlot_result vlot_lockstep_fire(vlot_cluster *cluster, uint64_t id);
VLOT_API vlot_result vlot_lockstep_drop(vlot_cluster *cluster, uint64_t id);
VLOT_API vlot_result vlot_lockstep_hold(vlot_cluster *cluster, uint64_t id, bool is_held);
VLOT_API vlot_result vlot_lockstep_duplicate(vlot_cluster *cluster, uint64_t id, uint64_t *copy);
VLOT_API vlot_result vlot_lockstep_delay(vlot_cluster *cluster, uint64_t id, uint64_t ticks);

/* Run nodes on the caller's thread (faster) or on their own (visible in a debugger), from the next
 * action on; the run is the same. VLOT_BUSY: no more threads; VLOT_UNSUPPORTED: a paused cluster,
 * or a replay.
 */
VLOT_API vlot_result vlot_lockstep_set_inline(vlot_cluster *cluster, bool is_inline);

/* Pause a threads cluster: turns end, writes drain, all mail moves to the pending list; from then
 * on it is stepped with the calls above, until resume puts the mail back in its order. Drops and
 * holds stay as done: what is still held then stays in the list, and is there in the next pause.
 * Meanwhile the calling thread alone steps the cluster and controls its nodes, links and faults
 * (others get VLOT_BUSY), and it alone unpauses; other threads' clients and orders go on: what they
 * send waits in the mailboxes. VLOT_UNSUPPORTED in lockstep; twice is once.
 */
VLOT_API vlot_result vlot_cluster_pause(vlot_cluster *cluster);
VLOT_API vlot_result vlot_cluster_unpause(vlot_cluster *cluster);

#ifdef __cplusplus
}
#endif

#endif
