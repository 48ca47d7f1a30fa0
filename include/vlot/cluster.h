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
 * Host      a cluster is one group on a host (vlot/host.h), with others or alone: on a private one.
 * Thread    any but a node's own (VLOT_DEADLOCK), unless it says otherwise. In lockstep one thread
 *           at a time, on a host with other groups for all of them that are in lockstep.
 * Closing   from the begin of vlot_cluster_close() on every call of the cluster is refused:
 *           VLOT_CLOSED, or 0, false, nothing where it has no result. What is inside ends. Clients
 *           and subscriptions are closed by calls of their own, before or after.
 * Ending    every call that waits ends by itself at its deadline, at once where its cluster closes,
 *           and where another thread interrupts it: docs/calls.md has which, and by what. No
 *           call is a point of cancellation; is_reached and answered may be left by one, or by
 *           pthread_exit(), and then nothing is left behind (with glibc: other C libraries do not
 *           unwind a thread that ends). Other functions of the caller's must not be: machine,
 *           storage, log, journal, allocator (cancellation is off around them).
 * Fork      in a child that was forked while it was open every call returns at once:
 *           VLOT_UNSUPPORTED, or 0, false, nothing, and its memory is left alone, by close too. The
 *           child may open clusters of its own. One that is forked inside a call (in a function
 *           that vlot calls) must not return from there.
 * Problems  functions with a problem argument store a static sentence there when they return
 *           VLOT_INVALID, or meet a limit (VLOT_BUSY); NULL to ignore. Of every call that is
 *           refused vlot_problem() says why, with the values.
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
typedef struct vlot_host vlot_host; /* vlot/host.h */

/* What makes nodes run: see above. */
typedef enum vlot_driver { VLOT_DRIVER_THREADS = 0, VLOT_DRIVER_LOCKSTEP } vlot_driver;

/* When the clock waits for a straggler: a node that is inside the same turn at two successive
 * ticks. */
typedef enum vlot_clock_waits {
  VLOT_CLOCK_WAITS_DEBUGGER = 0, /* when a debugger is attached */
  VLOT_CLOCK_WAITS_NEVER,        /* never */
  VLOT_CLOCK_WAITS_ALWAYS,       /* always, for as long as it takes */
} vlot_clock_waits;

/* How much a line of the log matters.
 *
 * ERROR    something does not work any more: a node is fenced, the journal has ended, a property is
 *          broken
 * WARNING  it works, and will not for long: lints, slow machines, a disk that was wiped, a clock
 *          that waits
 * NOTE     what happens seldom: elections, leaders, starts, kills and restarts, faults
 * DETAIL   what explains that: campaigns, votes, terms, configurations, snapshots
 */
typedef enum vlot_log_level {
  VLOT_LOG_ERROR = 1,
  VLOT_LOG_WARNING,
  VLOT_LOG_NOTE,
  VLOT_LOG_DETAIL,
} vlot_log_level;

/* "error" …; "?" outside of these. Static. */
VLOT_API const char *vlot_log_level_name(vlot_log_level level);

/* A ready log_line: "vlot: note: tick 17: n2 becomes leader …" on standard error, each line with
 * one write(2). context: another name than "vlot", a string; NULL. Any thread. */
VLOT_API void vlot_log_stderr(void *context, vlot_log_level level, const char *line);

/* Where a member begins, on a disk that is made for it. */
typedef struct vlot_start {
  uint32_t id;               /* a member; one start each */
  uint32_t vote;             /* whom it voted for in term; 0: nobody */
  uint64_t term;             /* its current term; not below that of its last entry */
  const vlot_log_entry *log; /* [log_count], copied; from index 1 on */
  size_t log_count;
} vlot_start;

/* May a caller that waits run turns of parked nodes on its own thread? It then hands commands from
 * node to node without waking one (docs/decisions/assist.md). Never while the cluster is paused,
 * and no turn of a node that is fenced, suspended or looked into.
 */
typedef enum vlot_assist {
  /* where machine and storage say may_run_on_callers, and no debugger is attached */
  VLOT_ASSIST_AUTO = 0,
  VLOT_ASSIST_ON,  /* whatever they say, and under a debugger too */
  VLOT_ASSIST_OFF, /* every turn is run by its node's own thread */
} vlot_assist;

typedef struct vlot_cluster_options {
  size_t size; /* set by vlot_cluster_options_init() */
  /* sees every allocation; borrowed until cluster, clients, subscriptions and what storages retain
   * are all gone. NULL: the host's, or without a host the default. With a host no other than the
   * host's */
  const vlot_allocator *allocator;
  /* members 1 … nodes, where no disk says who they are: default 3, at most VLOT_MEMBERS_MAX */
  uint32_t nodes;
  /* so many of them, the last ones, are learners: default 0 */
  uint32_t learners;
  vlot_driver driver; /* default threads */
  /* lockstep: nodes run on the caller's thread, not on their own: default 1 */
  uint32_t is_inline;
  uint64_t seed; /* of everything random: default 1 */
  /* threads: default 10 ms, at least 100 µs, at most 10 s. With a host: the default or the host's,
   * which it is then */
  uint64_t tick_ns;
  /* periods, switches, limits of every node; id, members, seed, storage fields are set per node;
   * reads_max is of local reads too. Defaults as vlot_raft_options_init(), but apply_entries_max:
   * 4,096; and log_bytes_max 0 is, where snapshots are taken, eight times snapshot_bytes and at
   * least 128 MiB, UINT64_MAX: no limit */
  vlot_raft_options raft;
  const vlot_machine *machine; /* NULL: the key-value machine; copied */
  /* Fill in the table of member id's disk, which is all 0; called while opening, once for each of 1
   * … nodes and then for each further member that one of their disks names. Anything but VLOT_OK is
   * the opening's result. What the disks hold wins over nodes and learners: vlot/storage.h. NULL:
   * disks in memory */
  vlot_result (*open_storage)(void *context, uint32_t id, vlot_storage *storage);
  void *storage_context; /* handed to open_storage */
  /* [start_count] disks in memory: members that do not begin blank; borrowed for the opening */
  const vlot_start *starts;
  size_t start_count;
  /* 0: off, 1: on, 2 (default): on in lockstep, off with threads, 3: on, and each core is asked for
   * its own laws after each step (vlot_raft_check()) */
  uint32_t has_checker;
  vlot_clock_waits clock_waits; /* threads: default when a debugger is attached */
  vlot_place place;             /* threads: where node threads run: default the kernel decides */
  uint32_t core;                /* of VLOT_PLACE_CORE */
  /* look for mail so long before parking: default 0, at most 10 ms */
  uint64_t spin_ns;
  /* threads: may callers that wait lend their threads: default AUTO */
  vlot_assist assist;
  /* threads: how long a close, kill, suspend or look inside waits for a node's user code to end its
   * turn: default 1 s; not 0 */
  uint64_t stop_ns;
  /* last events kept per node: default 64; a power of two, 16 … 65,536 */
  uint32_t ring_events;
  /* what checker and event streams know of a log: so many entries below what its member has
   * applied; and the checker of so many terms: default 16,384; 1 … 2^24 */
  uint32_t observed_entries;
  /* lockstep: at most so many deliveries to one node become one turn: default 8; 1: always
   * single; at most 64 */
  uint32_t turn_max;
  /* 1: all events from the opening on are kept for the first subscription; default 0 */
  uint32_t keeps_events;
  uint32_t is_replaying; /* told to machines: default 0 */
  /* 1 (default): bad settings, and what runs badly, are told as events and log lines */
  uint32_t has_lints;
  /* threads, disks in memory: where the run is recorded (vlot/journal.h). Copied, its context
   * borrowed; called while opening, where a failure is the opening's, then on a thread of its own,
   * where it ends the recording and not the run. Before a machine is called it has taken all of the
   * turn: a node waits for it there. NULL: not recorded, or into journal_path */
  const vlot_writer *journal;
  /* the same into a file, which is created, or emptied: cheaper, and nothing is lost with the
   * process, however it ends. Borrowed for the opening. NULL (default): no file */
  const char *journal_path;
  /* a line for people, without a newline, borrowed for the call; any thread, no lock held. Of what
   * is wrong, and lints: log_line has more. NULL: silent */
  void (*log)(void *context, const char *line);
  void *log_context; /* handed to log and log_line */
  /* out: [problem_size] why it could not be opened, with ids and the storage's own words, where
   * there is more to say than a static sentence can; "" otherwise. Borrowed for the opening; the
   * log gets the same line. NULL with 0 (default) */
  char *problem;
  size_t problem_size;
  /* what it is opened on, with others; borrowed for the cluster's life. NULL (default): a host of
   * its own */
  vlot_host *host;
  /* a node takes a snapshot of its machine when its log above the last one has so many bytes, each
   * entry counted with VLOT_ENTRY_OVERHEAD, and as many as the last one has itself (but half of
   * what the log may have at most), and compacts its log: default 16 MiB, or a quarter of
   * raft.log_bytes_max where that is lower; 0: never; at most raft.log_bytes_max where that is not
   * 0. Machine and storage must know snapshots, but for the default: where they do not, that takes
   * none, the log is kept whole, and a lint says how large it is. What a disk or a leader has is
   * restored from in any case */
  uint64_t snapshot_bytes;
  /* so many entries below a snapshot stay in the log, for followers that are slow, by their mean
   * size no more than a quarter of snapshot_bytes: default 65,536 */
  uint64_t snapshot_trailing;
  /* what a new cluster begins with: the state of another's machine, as vlot_cluster_import() reads
   * it from a backup. All members begin behind its entry, in its term, and who they are is said by
   * nodes and learners, not by the snapshot. All of their disks must be blank, and keep label and
   * snapshots (VLOT_INVALID: one is of a cluster already). Borrowed for the opening. NULL
   * (default): it begins empty */
  vlot_snapshot *snapshot;
  /* the lines of log and, beside them, what happens, up to log_level. Lines of what happens come on
   * a thread of the host's, not a node's and not the clock's; in lockstep inside the call that
   * steps. As in every function that a call of the cluster calls, closing is VLOT_DEADLOCK in
   * there. Where many come at once some may be missing, which a line says. vlot_log_stderr() is
   * one. NULL (default): none */
  void (*log_line)(void *context, vlot_log_level level, const char *line);
  uint32_t log_level; /* vlot_log_level: default NOTE */
} vlot_cluster_options;

/* Set size and the defaults; what has none in the words above is 0 or NULL. */
VLOT_API void vlot_cluster_options_init(vlot_cluster_options *options);

/* Make a cluster and start all its nodes. How many there can be is a matter of memory and, with
 * threads, of the threads that the machine and the process are allowed: one per node, and one per
 * host.
 *
 * out      out: closed with vlot_cluster_close(); NULL unless VLOT_OK
 * options  NULL: the defaults; copied, what it points to as said there
 * problem  out: what is wrong, or which limit was met, a static sentence, or options->problem where
 *          that is filled; NULL to ignore
 * returns  VLOT_OK; VLOT_INVALID (options; or what the disks hold does not fit together, or is no
 *          log of a Raft node); VLOT_NOMEM; VLOT_BUSY (no more threads: the log callback says how
 *          many the host runs); VLOT_FAILED (a machine could not be created); VLOT_UNSUPPORTED
 *          (the host is of a process that this one was forked from); or
 *          what a user's storage or the journal's sink said. Unless VLOT_OK nothing is left
 * thread   any; blocks while the nodes start
 */
VLOT_API VLOT_MUST_CHECK vlot_result vlot_cluster_open(vlot_cluster **out,
                                                       const vlot_cluster_options *options,
                                                       const char **problem);

/* Stop everything and free it. NULL is allowed.
 *
 * Calls that other threads are inside of are safe: who waits is woken (an await and a call that
 * waits for control return VLOT_CLOSED, what a client has under way is VLOT_UNKNOWN, why
 * CLUSTER_CLOSED), who works ends its work, and this call returns behind the last of them. Who
 * begins a call later must know that the handle is still there: it is for as long as a client or
 * subscription of the cluster is open, and says VLOT_CLOSED. Those become shells, each until its
 * own close: what had arrived can be taken out, and nothing else comes.
 *
 * returns  VLOT_OK; VLOT_TIMEOUT: user code is stuck in a quarantined thread, the cluster's memory
 *          is left alone, and the code of vlot stays loaded until the process ends, dlclose() or
 *          not: that thread comes back to it. So must what the options point to: the machine's
 *          code, allocator, storage, log. VLOT_VIOLATED: the checker found something; VLOT_IO: the
 *          journal is not whole. The cluster is gone for the caller then. Nothing was done with
 *          VLOT_CLOSED: another thread is closing it, or has; and with VLOT_DEADLOCK: called on a
 *          node's thread or the clock's, or in a function of the caller's that a call of this
 *          cluster or its clients has called (`answered`, is_reached, log, the journal's sink …)
 * thread   any but a node's; blocks until the calls inside have ended, and for stop_ns per node
 *          whose user code does not come back
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

/* Start, end or stop for a while the node of a member. From here to vlot_cluster_heal() these
 * results can come from each call, and nothing has changed then:
 *
 * VLOT_NOT_FOUND    no such member
 * VLOT_DEADLOCK     called on a node's thread
 * VLOT_BUSY         another thread has paused the cluster; also where a call names it
 * VLOT_UNSUPPORTED  it is a replay; also where a call names it
 * VLOT_CLOSED       the cluster is closing; also where a call names it
 *
 * spawn    start a node that is down, with the disk as it is. VLOT_EXISTS: it is up; VLOT_NOMEM,
 *          VLOT_BUSY (no more threads), VLOT_FAILED (its machine could not be created), or what its
 *          storage said: it is down still
 * kill     end it: what it has let go of stays, nothing follows; its mail and machine are gone.
 *          is_power_cut: writes that are not durable may be lost, else they become durable.
 *          VLOT_CLOSED: it is down. VLOT_TIMEOUT: it is down, and its thread is stuck in user code,
 *          left alone with node and machine until it comes back
 * restart  kill it if it is up, then spawn it: VLOT_INVALID: unknown `how`; VLOT_UNSUPPORTED: a
 *          user's storage cannot be wiped; else as spawn, and it is down where that fails
 * suspend  its mail waits, its timers stand still. Twice is once. VLOT_CLOSED: it is down or
 *          fenced; VLOT_TIMEOUT: its turn did not end within stop_ns, it goes on
 * resume   it goes on, with the mail that has waited. VLOT_OK too when it was not suspended;
 *          VLOT_CLOSED: it is down or fenced
 * thread   any but a node's; blocks until the node's turn has ended
 */
VLOT_API vlot_result vlot_cluster_spawn(vlot_cluster *cluster, uint32_t id);
VLOT_API vlot_result vlot_cluster_kill(vlot_cluster *cluster, uint32_t id, bool is_power_cut);
VLOT_API vlot_result vlot_cluster_restart(vlot_cluster *cluster, uint32_t id, vlot_restart how);
VLOT_API vlot_result vlot_cluster_suspend(vlot_cluster *cluster, uint32_t id);
VLOT_API vlot_result vlot_cluster_resume(vlot_cluster *cluster, uint32_t id);

/* Tell a node something. It is taken in its turn; what came of it shows in its status and events.
 *
 * kind     VLOT_INPUT_CAMPAIGN, ELECT, STEP_DOWN, FORGET_LEADER, SWITCHES
 * value    SWITCHES: VLOT_SWITCH_*, all that are to be on; else not looked at
 * returns  VLOT_OK: it is on its way; VLOT_INVALID: another kind, or unknown switches; VLOT_CLOSED:
 *          it is down; VLOT_BUSY: its mailbox is full; VLOT_NOMEM
 * thread   any; never blocks
 */
VLOT_API vlot_result vlot_cluster_order(vlot_cluster *cluster, uint32_t id, vlot_input_kind kind,
                                        uint32_t value);

/* --- snapshots by hand; when nodes take them by themselves is said by the options ------------- */

/* Let a node take a snapshot of its machine now, whatever the policy says: of all that it has
 * applied, as soon as that is durable here. As the options say, its log is dropped below it. A
 * machine that freezes is frozen in the node's turn, and its image is written beside its turns, or
 * in lockstep by an action, VLOT_PENDING_IMAGE; where one is on its way already, behind that.
 *
 * timeout_ticks  how long its outcome is waited for; 0: not at all. Whoever waits no more has not
 *                taken it back
 * index          out: of the snapshot, the last entry that it stands for; 0 unless VLOT_OK, and
 *                where it is not waited for; NULL to ignore
 * returns        VLOT_OK          it is there, durable; or with 0: it is on its way to the node
 *                VLOT_EXISTS      nothing was applied behind the newest one
 *                VLOT_UNSUPPORTED the machine has no snapshot or restore, or the storage no keep
 *                VLOT_BUSY        the node is suspended; its mailbox is full; or its disk takes
 *                                 nothing now
 *                VLOT_CLOSED      it is down, or was stopped meanwhile
 *                VLOT_FENCED, VLOT_NOMEM, VLOT_TIMEOUT, VLOT_INTERRUPTED; VLOT_IO, or what machine
 *                and storage said: nothing has changed, the older one is the node's as before
 *                vlot_problem() says it in words, with the value
 * thread         any but a node's, with 0 any; blocks; in lockstep it runs the schedule meanwhile
 * paper          section 7, thesis 5.1
 */
VLOT_API VLOT_MUST_CHECK vlot_result vlot_cluster_snapshot(vlot_cluster *cluster, uint32_t id,
                                                           uint64_t timeout_ticks, uint64_t *index);

/* Let a node drop its log up to an index: at most up to its newest snapshot, which stands for what
 * is dropped. Followers that need entries of those are sent the snapshot.
 *
 * index          the last entry that goes; 1 …, and UINT64_MAX: all that may
 * timeout_ticks  as above
 * base           out: behind which entry the log begins now; 0 unless VLOT_OK, and where it is not
 *                waited for; NULL to ignore
 * returns        VLOT_OK: it begins there, or did so before, or with 0: the order is on its way;
 *                VLOT_INVALID: index is 0; VLOT_NOT_FOUND: it has no snapshot, or there is no such
 *                member; else as above
 * thread         as above
 */
VLOT_API VLOT_MUST_CHECK vlot_result vlot_cluster_compact(vlot_cluster *cluster, uint32_t id,
                                                          uint64_t index, uint64_t timeout_ticks,
                                                          uint64_t *base);

/* Let whoever leads hand over to another (thesis 3.10). Commands are refused (why TRANSFER) until
 * that one leads, or until it is given up: after an election timeout at the latest.
 *
 * to             the member that is to lead; 0: whom it suits best
 * timeout_ticks  as above. Not waited for, it shows as the event TRANSFER what becomes of it
 * leader         out: who leads then; 0 unless VLOT_OK, and where it is not waited for; NULL to
 *                ignore
 * returns        VLOT_OK          it leads; or with 0: the order is on its way to the leader
 *                VLOT_NOT_LEADER  nobody leads just now, or who does is suspended
 *                VLOT_REJECTED    leadership stays or went elsewhere: the target's log, disk or
 *                                 silence was in the way, or another election
 *                VLOT_UNKNOWN     it was told to campaign, and may yet lead; or the leader was
 *                                 stopped meanwhile
 *                VLOT_INVALID     it leads already, or is a learner
 *                VLOT_NOT_FOUND   there is no such member, or nobody to hand over to
 *                VLOT_BUSY        it hands over already; or its mailbox is full
 *                VLOT_CLOSED, VLOT_FENCED, VLOT_NOMEM, VLOT_TIMEOUT, VLOT_INTERRUPTED
 *                vlot_problem() says it in words, with the member
 * thread         as above
 */
VLOT_API VLOT_MUST_CHECK vlot_result vlot_cluster_transfer(vlot_cluster *cluster, uint32_t to,
                                                           uint64_t timeout_ticks,
                                                           uint32_t *leader);

/* Write a node's newest snapshot into a file: a backup, from which a cluster can begin anew.
 *
 * path     a name that does not exist yet: nothing is ever overwritten. The file has it when all of
 *          it is durable, and not before
 * returns  VLOT_OK; VLOT_NOT_FOUND: it has no snapshot (vlot_cluster_snapshot() takes one), or
 *          there is no such member; VLOT_EXISTS: the name is taken; VLOT_IO: it cannot be written;
 *          VLOT_CORRUPT: the snapshot is damaged; VLOT_INVALID: the name is too long; VLOT_NOMEM;
 *          or as vlot_cluster_look(). No file is there then but one that was there
 * thread   any but a node's; blocks until the node's turn has ended, and for the disk; the node
 *          goes on meanwhile
 */
VLOT_API VLOT_MUST_CHECK vlot_result vlot_cluster_export(vlot_cluster *cluster, uint32_t id,
                                                         const char *path);

/* Read such a file, for options.snapshot: a cluster is restored from a backup by being opened with
 * it, on new disks, all of its members at once.
 *
 * There is no way to give it to a member of a cluster that exists. A voter that has acknowledged
 * entries behind the snapshot, or voted in a term, would forget it, and two leaders or a lost
 * entry could come of that; and one that is only behind is sent a snapshot by its leader anyhow.
 *
 * out      out: one reference, given back with vlot_snapshot_release(), behind the opening at the
 *          earliest; NULL unless VLOT_OK
 * options  those it will be opened with: machine and allocator are looked at; NULL: the defaults
 * returns  VLOT_OK: all of it was read, and is what its checksums say. VLOT_IO: it cannot be read;
 *          VLOT_CORRUPT: it is no such file, cut, longer than it says, or damaged;
 *          VLOT_UNSUPPORTED: of another format version; VLOT_INVALID: it is a directory or device,
 *          or of a machine of another name; VLOT_NOMEM. vlot_problem() says which, and the values
 * thread   any; blocks for the disk
 */
VLOT_API VLOT_MUST_CHECK vlot_result vlot_cluster_import(vlot_snapshot **out, const char *path,
                                                         const vlot_cluster_options *options);

/* Set the rate of a node's clock in thousandths: 1000 is exact, 0 stands still, at most 100,000
 * (VLOT_INVALID above). It stays when the node is down and comes back. Any thread; may wait for
 * other calls of this part.
 */
VLOT_API vlot_result vlot_cluster_set_clock_rate(vlot_cluster *cluster, uint32_t id,
                                                 uint32_t permille);

/* Faults of the in-memory disk. All zero: a disk that is done at once and never fails. */
typedef struct vlot_disk_fault {
  uint32_t delay_ticks_min; /* each write takes min … max ticks */
  uint32_t delay_ticks_max;
  uint32_t is_stalled; /* nothing completes */
  uint32_t is_full;    /* writes fail: the node is fenced */
  uint64_t fail_at;    /* the n-th write from now fails; 0: none */
} vlot_disk_fault;

/* Set the faults of a member's disk.
 *
 * fault    copied; replaces what was set before
 * returns  VLOT_OK; VLOT_INVALID: min is above max; VLOT_UNSUPPORTED: another storage
 * thread   any; may wait for other calls of this part
 */
VLOT_API vlot_result vlot_cluster_set_disk(vlot_cluster *cluster, uint32_t id,
                                           const vlot_disk_fault *fault);

/* --- links ------------------------------------------------------------------------------------ */

/* What a directed link does to messages. Chances in millionths. All zero: a clean link. */
typedef struct vlot_link {
  uint32_t is_cut;    /* 1: nothing arrives */
  uint32_t loss;      /* chance that a message is lost */
  uint32_t duplicate; /* chance that it comes twice */
  /* the message gets a delay of its own, up to reorder_ticks more, and may be overtaken */
  uint32_t reorder;
  uint32_t reorder_ticks;
  uint32_t delay_ticks_min; /* each takes ticks uniform in [min, max] … */
  uint32_t delay_ticks_max;
  uint32_t tail; /* … and with this chance up to tail_ticks more */
  uint32_t tail_ticks;
  /* bit mask 1 << vlot_message_kind of what is touched; 0: everything */
  uint32_t kinds;
} vlot_link;

/* Set the profile of a link, which replaces what it had. Messages already under way are not
 * touched, except by a cut in lockstep that touches every kind: they are dropped.
 *
 * from, to  members; 0: from or to everybody. Nobody has a link to itself: that changes nothing
 * link      copied
 * returns   VLOT_OK; VLOT_NOT_FOUND: no such member; VLOT_INVALID: a chance above a million, min
 *           above max; VLOT_NOMEM, VLOT_UNSUPPORTED (a replay), VLOT_BUSY, VLOT_DEADLOCK: nothing
 *           has changed
 * thread    any but a node's; may wait for other calls of this part
 */
VLOT_API vlot_result vlot_cluster_set_link(vlot_cluster *cluster, uint32_t from, uint32_t to,
                                           const vlot_link *link);

/* The profile of the link between two different members; out: all 0 where it is clean.
 * VLOT_NOT_FOUND: there is no such link. Any thread; never blocks.
 */
VLOT_API vlot_result vlot_cluster_get_link(vlot_cluster *cluster, uint32_t from, uint32_t to,
                                           vlot_link *link);

/* Cut every link between members of different sides. Adds to what is cut already: heal first for
 * nothing but this partition. One-way cuts: vlot_cluster_set_link().
 *
 * ids      [count] the members of each side, with a 0 between two sides: {1, 0, 2, 3} is n1 against
 *          n2 and n3. Who is not named stands on one more side, with all the others that are not.
 *          Where all stand on one side nothing is cut
 * returns  VLOT_OK; VLOT_NOT_FOUND: no such member; VLOT_INVALID: one is named twice; VLOT_NOMEM,
 *          VLOT_UNSUPPORTED (a replay), VLOT_BUSY, VLOT_DEADLOCK: nothing was cut
 */
VLOT_API vlot_result vlot_cluster_partition(vlot_cluster *cluster, const uint32_t *ids,
                                            size_t count);

/* All links clean again: cuts and every other fault of them end. Any thread but a node's; may wait
 * for other calls of this part. */
VLOT_API vlot_result vlot_cluster_heal(vlot_cluster *cluster);

/* --- looking ---------------------------------------------------------------------------------- */

/* What any of these calls shows, and what an await function looks at, is at least as new as every
 * answer that its caller has read: a node publishes its status before the answers of a turn leave.
 */

typedef enum vlot_node_state {
  VLOT_NODE_DOWN = 0,  /* it does not run */
  VLOT_NODE_UP,        /* it runs */
  VLOT_NODE_SUSPENDED, /* it stands still until vlot_cluster_resume() */
  VLOT_NODE_FENCED,    /* it refuses to go on: raft.fenced_why */
} vlot_node_state;

typedef struct vlot_node_status {
  uint32_t id;
  uint32_t incarnation;    /* from 1; of the last one when it is down */
  vlot_node_state state;   /* as of now */
  uint32_t is_learner;     /* 0: a voter */
  vlot_raft_status raft;   /* as of its last turn's end or answers; the last one when it is down */
  uint64_t applied_index;  /* the machine has applied everything up to here */
  uint64_t waiting;        /* clients' commands and reads that wait for their outcome here */
  uint64_t mailbox;        /* mail waiting; in lockstep of a suspended node only */
  uint64_t turns;          /* of this incarnation */
  uint64_t age_ticks;      /* since it was published: how old the rest is; lockstep: 0 */
  uint64_t disk_id;        /* id of its disk */
  uint64_t lost_writes;    /* by power cuts; disks in memory only */
  uint64_t fenced_tick;    /* when it was fenced, a tick of the cluster clock; 0: it is not */
  uint64_t slow_calls;     /* of its machine, longer than the shortest election timeout; threads */
  uint32_t clock_permille; /* rate of its clock in thousandths, as of now */
  uint32_t reserved;
} vlot_node_status;

/* How many members it has met: those that it was opened with, and who came later. */
VLOT_API uint32_t vlot_cluster_nodes(const vlot_cluster *cluster);

/* Their ids, ascending; not more than fit.
 *
 * ids      out: [capacity]; NULL with capacity 0
 * returns  how many there are
 */
VLOT_API uint32_t vlot_cluster_ids(const vlot_cluster *cluster, uint32_t *ids, uint32_t capacity);

/* How a node is, without waking it or waiting for it. Of one that is down or fenced (state) all
 * else is its last word: a role and an applied index that nobody stands for any more.
 *
 * status   out: all 0 but the id, unless VLOT_OK
 * returns  VLOT_OK, also when it is down; VLOT_NOT_FOUND: no such member
 * thread   any, a node's too; never blocks
 */
VLOT_API vlot_result vlot_cluster_get_status(vlot_cluster *cluster, uint32_t id,
                                             vlot_node_status *status);

/* The node that is up and leads in the highest term, by its own word; 0: none. Any thread; never
 * blocks. */
VLOT_API uint32_t vlot_cluster_leader(vlot_cluster *cluster);

/* Why nobody leads: NONE, somebody does; DISKS_LOST, nobody can be elected, whoever is started or
 * healed; NO_MEMORY, so many voters are fenced because memory ran out that no quorum is left until
 * some are restarted; NO_LEADER, nobody does just now. Any thread; never blocks. */
VLOT_API vlot_why vlot_cluster_leaderless_why(vlot_cluster *cluster);

/* Ticks of the cluster clock since it was opened. Any thread; never blocks. */
VLOT_API uint64_t vlot_cluster_now(vlot_cluster *cluster);

/* The machine's hash at a node, and the index up to which it has applied.
 *
 * hash, applied  out, both needed; 0 unless VLOT_OK
 * returns        VLOT_OK; VLOT_NOT_FOUND: no such member; VLOT_CLOSED: it is down; VLOT_FENCED:
 *                what its machine holds is nobody's replica any more; VLOT_UNSUPPORTED: its machine
 *                has no hash; VLOT_TIMEOUT: its turn did not end within stop_ns; VLOT_BUSY: another
 *                thread has paused the cluster; VLOT_DEADLOCK
 * thread         any but a node's; blocks until the node's turn has ended
 */
VLOT_API VLOT_MUST_CHECK vlot_result vlot_cluster_hash(vlot_cluster *cluster, uint32_t id,
                                                       uint64_t *hash, uint64_t *applied);

/* What looks into a node: its core, for the questions of vlot/raft.h that change nothing, and its
 * machine's state, as create() returned it. Both are borrowed for the call, in which nothing of the
 * cluster may be called. */
typedef void vlot_cluster_looker(void *context, const vlot_raft *raft, void *machine);

/* Look into a node between two of its turns: what its status has no room for.
 *
 * look     called once, on this thread, when VLOT_OK is returned, and not otherwise
 * returns  VLOT_OK; VLOT_NOT_FOUND: no such member; VLOT_CLOSED: it is down; VLOT_TIMEOUT: its turn
 *          did not end within stop_ns; VLOT_BUSY: another thread has paused the cluster;
 *          VLOT_DEADLOCK
 * thread   any but a node's; blocks until the node's turn has ended, and its next one waits for
 *          look to return
 */
VLOT_API vlot_result vlot_cluster_look(vlot_cluster *cluster, uint32_t id,
                                       vlot_cluster_looker *look, void *context);

typedef struct vlot_cluster_stats {
  uint64_t elections; /* leaders that there have been */
  uint64_t campaigns; /* pre-votes, votes and forced ones, each on its own */
  uint64_t sent;      /* messages between nodes */
  uint64_t delivered; /* of those: taken by a node */
  uint64_t dropped;   /* of those: ended without being taken */
  uint64_t kills;     /* nodes that ended, in restarts too */
  uint64_t restarts;
  uint64_t commits;          /* highest commit index */
  uint64_t leaderless_ticks; /* while no node led */
  uint64_t clock_waits;      /* how often the clock has waited for a straggler */
  uint64_t lent_turns;       /* turns of nodes that waiting callers have run */
  /* lockstep, and for the thread that has paused it: carried out so far, commands included */
  uint64_t actions;
  uint64_t event_hash; /* lockstep: over all events so far */
  uint64_t idle_ticks; /* lockstep: that have passed since the last action (vlot_lockstep_pass) */
} vlot_cluster_stats;

/* Counts since the cluster was opened. With threads they are not of one instant. Any thread; never
 * blocks. */
VLOT_API void vlot_cluster_get_stats(vlot_cluster *cluster, vlot_cluster_stats *stats);

/* The first safety property that the checker has found broken.
 *
 * text     out: [capacity] ends in a 0 byte, cut where it is too long; untouched where there is
 *          none; NULL with capacity 0
 * returns  false: there is none, or the checker is off
 * thread   any; never blocks
 */
VLOT_API bool vlot_cluster_violation(vlot_cluster *cluster, char *text, size_t capacity);

/* What an expert would warn of: in these options (NULL: the defaults), before anything is opened;
 * and in a cluster, its settings and what runs badly by now (0 without the option has_lints).
 *
 * lints    out: [capacity], the first ones; NULL with capacity 0
 * returns  how many there are
 * thread   any; never blocks
 */
VLOT_API size_t vlot_cluster_options_lint(const vlot_cluster_options *options, vlot_lint *lints,
                                          size_t capacity);
VLOT_API size_t vlot_cluster_lint(vlot_cluster *cluster, vlot_lint *lints, size_t capacity);

/* The last events of a node (id 0: of the cluster), oldest first: of those kept (ring_events) at
 * most [capacity], the newest ones. Returns how many; 0 also for an unknown id, on a node's thread,
 * while another thread has paused the cluster, and when its turn does not end within stop_ns. Any
 * thread but a node's; blocks until the node's turn has ended.
 */
VLOT_API size_t vlot_cluster_events(vlot_cluster *cluster, uint32_t id, vlot_event *events,
                                    size_t capacity);

/* The same of its last rare events (vlot_event_is_rare()), VLOT_RARE_EVENTS at most: what one asks
 * about long after, when the last of all say nothing of it any more. */
VLOT_API size_t vlot_cluster_rare_events(vlot_cluster *cluster, uint32_t id, vlot_event *events,
                                         size_t capacity);

/* Subscribe to all events: a queue of its own, read by its owner. It begins now; with the option
 * keeps_events the first one begins with the cluster.
 *
 * open    *out: NULL unless VLOT_OK. bytes_max: none is lost until so many bytes are waiting, in
 *         blocks of some 32 KiB; 0: 256 MiB. VLOT_OK, VLOT_NOMEM, VLOT_CLOSED
 * next    the oldest one that waits, into *event; false: nothing is waiting. Behind the cluster's
 *         close: what was collected up to its very end
 * lost    how many events found it full, or no memory, so far
 * close   before or behind the cluster's; NULL is allowed; what waits is gone
 * thread  any; one at a time per subscription; never blocks. vlot/watch.h has one that is told by a
 *         function or a file descriptor
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
 * VLOT_UNKNOWN   may or may not be committed (deadline passed, node killed, cluster closed); why
 * others         a read's or machine's own result
 */
typedef struct vlot_answer {
  uint64_t sequence; /* as given by submit or read */
  vlot_result result;
  /* with VLOT_OK NONE, but where a command's reply could not be kept and is empty: NO_MEMORY,
   * REPLY_TOO_LARGE */
  vlot_why why;
  uint64_t index; /* where it was committed; a read: up to where was applied; 0 unless VLOT_OK */
  uint64_t term;  /* of the entry there; 0 of a read, and unless VLOT_OK */
  /* [reply_size] borrowed until the client's next poll, wait, propose or query; NULL: empty */
  const uint8_t *reply;
  uint32_t reply_size;
  uint32_t node; /* that answered; 0: none did */
  /* of the cluster clock, when it was given, however late it is taken; of a deadline that has
   * passed, that tick */
  uint64_t tick;
} vlot_answer;

#define VLOT_CLIENTS_MAX 65536u /* of a cluster, open at once */

typedef struct vlot_client_options {
  size_t size; /* set by vlot_client_options_init() */
  /* always talk to this member, which forwards to the leader; 0 (default): to the leader when one
   * is known */
  uint32_t contact;
  uint32_t inflight_max;  /* commands waiting for an answer: default 65,536, at most 1 M */
  uint64_t timeout_ticks; /* default 500: then the answer is UNKNOWN */
  /* NULL (default): poll and wait give answers to their caller; else to this function, inside the
   * call, on the caller's thread. It may submit, and close the client: then it is not called
   * again, and the client is freed when that call returns. In there closing the cluster is
   * VLOT_DEADLOCK */
  void (*answered)(void *context, const vlot_answer *answer);
  void *context; /* handed to answered */
} vlot_client_options;

/* Set size and the defaults; what has none in the words above is 0 or NULL. */
VLOT_API void vlot_client_options_init(vlot_client_options *options);

/* A client is a small mailbox owned by its caller: one thread at a time uses it, for each of the
 * calls of this part but number, inflight, interrupt and close. A second one that comes meanwhile
 * is told VLOT_BUSY, by poll and wait 0, and nothing was done. When its cluster closes it becomes a
 * shell: poll and wait hand out the answers that have arrived, then VLOT_UNKNOWN (why
 * CLUSTER_CLOSED) for what is left, then nothing; submit, read, propose and query return
 * VLOT_CLOSED.
 *
 * out      out: closed with vlot_client_close(); NULL unless VLOT_OK
 * options  NULL: the defaults; copied
 * returns  VLOT_OK; VLOT_INVALID (options); VLOT_NOMEM; VLOT_BUSY: VLOT_CLIENTS_MAX are open, or
 *          2^32 - 1 have been (the log callback says so); VLOT_CLOSED
 * thread   any; never blocks
 */
VLOT_API VLOT_MUST_CHECK vlot_result vlot_client_open(vlot_client **out, vlot_cluster *cluster,
                                                      const vlot_client_options *options);

/* Close a client, before or behind its cluster: what is not answered yet never will be, and may
 * happen all the same. NULL is allowed. In its own `answered`: see there. While another thread is
 * inside a call of it that call ends soon (propose and query VLOT_UNKNOWN, wait 0), and frees it.
 * Never blocks. */
VLOT_API void vlot_client_close(vlot_client *client);

/* End the wait, propose or query that another thread is inside of; or, when none is, the next one.
 * It returns as said there, and nothing is lost: what is under way goes on, and its answer can be
 * taken. Several before one wait are one.
 *
 * thread  any, a node's too, while the client is open; never blocks
 */
VLOT_API void vlot_client_interrupt(vlot_client *client);

/* Its number in events and in the pending list: from 1, and no other client of this cluster ever
 * has it. Any thread. */
VLOT_API uint32_t vlot_client_number(const vlot_client *client);

/* Submit commands, under one lock. They reach a node together and in order.
 *
 * commands  [count], count > 0, borrowed for the call; a command that is all of its owner's bytes
 *           is shared, others are copied
 * sequence  out: number of the first one, the others follow; NULL to ignore
 * returns   VLOT_OK        each will get exactly one answer
 *           VLOT_BUSY      too many in flight, or the node's mailbox is full; or another thread is
 *                          inside a call of this client
 *           VLOT_REJECTED  no node is up, or the contact is not
 *           VLOT_TOO_LARGE a command is above raft.entry_bytes_max; or together they are above 64
 *                          MiB, where each counts 16 bytes, and those below 1 KiB that are nobody's
 *                          (owner) their own
 *           VLOT_INVALID   count is 0, or bytes are missing
 *           VLOT_NOMEM, VLOT_DEADLOCK (on a node's thread), VLOT_UNSUPPORTED (a replay),
 *           VLOT_CLOSED (its cluster is)
 *           Unless VLOT_OK nothing was submitted.
 * thread    any but a node's; never blocks
 * time      the deadline is timeout_ticks from now: what has no answer by then is UNKNOWN
 */
VLOT_API VLOT_MUST_CHECK vlot_result vlot_client_submit(vlot_client *client,
                                                        const vlot_command *commands,
                                                        uint32_t count, uint64_t *sequence);

/* As min_index: what every answer given before the question has done is seen. */
#define VLOT_READ_LINEARIZABLE UINT64_MAX

/* Ask the machine a question.
 *
 * question   [size] copied; NULL is allowed when size is 0. At most raft.entry_bytes_max, as a
 *            command
 * min_index  VLOT_READ_LINEARIZABLE (default way to read); else: any node's own state, once it
 *            has applied that index: the contact's, or the leader's
 * sequence, returns, thread, time  as vlot_client_submit(), of the one answer that will come
 * paper      thesis 6.4
 */
VLOT_API VLOT_MUST_CHECK vlot_result vlot_client_read(vlot_client *client, const void *question,
                                                      size_t size, uint64_t min_index,
                                                      uint64_t *sequence);

/* Answers that are there, and those whose deadline has come. Where the client has an `answered`
 * function, all of them go to it, and answers and capacity are not looked at (NULL, 0).
 *
 * answers  out: [capacity], in the order they came
 * returns  how many; 0 on a node's thread, and while another thread is inside
 * thread   any but a node's; never blocks
 */
VLOT_API size_t vlot_client_poll(vlot_client *client, vlot_answer *answers, size_t capacity);

/* The same, but waits for the first one; 0: nothing is in flight (or capacity is 0), or it was
 * interrupted (then something still is). Every command gets an answer by its deadline, or when the
 * cluster closes, so this ends. In lockstep it runs the schedule meanwhile.
 */
VLOT_API size_t vlot_client_wait(vlot_client *client, vlot_answer *answers, size_t capacity);

/* Commands and reads that were submitted and whose answer was not handed out yet. Any thread. */
VLOT_API uint32_t vlot_client_inflight(const vlot_client *client);

/* Propose one command and wait for its outcome; asks again, until the deadline, as long as it is
 * certain that the command was not committed. Only while nothing else of this client is in flight.
 *
 * command  [size] borrowed for the call
 * reply    out: the machine's answer, released by the caller with vlot_bytes_release(), NULL unless
 *          VLOT_OK; NULL to ignore
 * returns  VLOT_OK        committed and applied
 *          VLOT_REJECTED  certainly not committed, and never will be
 *          VLOT_UNKNOWN   may or may not be committed; also: it is, and its reply, which is asked
 *                         for, could not be kept; or the cluster was closed meanwhile
 *          VLOT_INTERRUPTED by vlot_client_interrupt(). In flight is 1: it goes on, and poll and
 *                         wait give its answer; 0: as VLOT_REJECTED
 *          VLOT_BUSY      something is in flight; or, at the deadline, no node had room; or another
 *                         thread is inside a call of this client
 *          VLOT_TOO_LARGE, VLOT_NOMEM, VLOT_INVALID, VLOT_DEADLOCK, VLOT_UNSUPPORTED, VLOT_CLOSED
 *                         as vlot_client_submit()
 * thread   any but a node's; blocks
 * time     about twice timeout_ticks at most: each time that it asks has a deadline of its own, and
 *          it asks no more once timeout_ticks have passed
 */
VLOT_API VLOT_MUST_CHECK vlot_result vlot_client_propose(vlot_client *client, const void *command,
                                                         size_t size, vlot_bytes **reply);

/* The same for a linearizable read: VLOT_REJECTED and VLOT_UNKNOWN: it was not answered; VLOT_NOMEM
 * too where there is no memory for the reply; or the machine's own result. */
VLOT_API VLOT_MUST_CHECK vlot_result vlot_client_query(vlot_client *client, const void *question,
                                                       size_t size, vlot_bytes **reply);

/* What came of one call, as data: vlot_problem() has it in words. */
typedef struct vlot_conclusion {
  vlot_result result; /* as returned */
  /* NOT_LEADER, LOG_FULL, DEADLINE …; NODE_DOWN: no node is up to ask; NONE: with VLOT_OK, and
   * where the result says all there is */
  vlot_why why;
  uint64_t index; /* as vlot_answer has them: where it was committed … */
  uint64_t term;
  uint64_t tick;
  uint32_t node; /* … and who answered; 0: nobody did */
  uint32_t reserved;
  vlot_bytes *reply; /* with VLOT_OK: released by the caller; else NULL */
} vlot_conclusion;

/* The four calls with a deadline of their own, and (propose, query) with all that is known of how
 * it ended.
 *
 * timeout_ticks  of this call; 0: the client's
 * outcome        out: set in any case
 * the rest       as the call without _by
 */
VLOT_API VLOT_MUST_CHECK vlot_result vlot_client_submit_by(vlot_client *client,
                                                           const vlot_command *commands,
                                                           uint32_t count, uint64_t timeout_ticks,
                                                           uint64_t *sequence);
VLOT_API VLOT_MUST_CHECK vlot_result vlot_client_read_by(vlot_client *client, const void *question,
                                                         size_t size, uint64_t min_index,
                                                         uint64_t timeout_ticks,
                                                         uint64_t *sequence);
VLOT_API VLOT_MUST_CHECK vlot_result vlot_client_propose_by(vlot_client *client,
                                                            const void *command, size_t size,
                                                            uint64_t timeout_ticks,
                                                            vlot_conclusion *outcome);
VLOT_API VLOT_MUST_CHECK vlot_result vlot_client_query_by(vlot_client *client, const void *question,
                                                          size_t size, uint64_t timeout_ticks,
                                                          vlot_conclusion *outcome);

/* Ask many questions; their answers come as those of commands do.
 *
 * questions  [count], count > 0, borrowed for the call; owner is not looked at
 * min_index  as vlot_client_read(), of each
 * sequence   out: number of the first one, the others follow; NULL to ignore
 * submitted  out: how many were: fewer than count unless VLOT_OK, the first ones, and each of them
 *            will get exactly one answer
 * returns, thread, time  as vlot_client_submit()
 */
VLOT_API VLOT_MUST_CHECK vlot_result vlot_client_read_many(vlot_client *client,
                                                           const vlot_command *questions,
                                                           uint32_t count, uint64_t min_index,
                                                           uint64_t *sequence, uint32_t *submitted);

/* --- waiting for something, so that nobody writes a sleep loop -------------------------------- */

/* Each waits at most timeout_ticks of the cluster clock; 0: looks once. VLOT_OK; VLOT_TIMEOUT;
 * VLOT_CLOSED (the cluster is, meanwhile or before); VLOT_INTERRUPTED; VLOT_NOT_FOUND (no such
 * member); VLOT_DEADLOCK (on a node's thread). Any other thread; blocks; in lockstep it runs the
 * schedule meanwhile. While no node is up none of them is reached.
 *
 * leader   there is one, and a quorum follows it; *id (NULL to ignore), 0 unless VLOT_OK
 * applied  a node that is not down (0: every node that is up) has applied index
 * role     a node is up and has a role
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

/* End all of these that are under way in a cluster, or, when none is, the next one:
 * VLOT_INTERRUPTED there, unless it is reached in that moment.
 *
 * returns  VLOT_OK; VLOT_CLOSED
 * thread   any, a node's too, in lockstep beside the one that has the cluster; never blocks
 */
VLOT_API vlot_result vlot_cluster_interrupt(vlot_cluster *cluster);

/* --- lockstep: the pending list --------------------------------------------------------------- */

typedef enum vlot_pending_kind {
  VLOT_PENDING_MESSAGE = 1, /* a message on a link */
  VLOT_PENDING_TIMER,       /* a node's next timer */
  VLOT_PENDING_WRITE,       /* a disk's oldest write under way */
  VLOT_PENDING_CLIENT,      /* a client's commands or read, or an order, for a node */
  VLOT_PENDING_IMAGE,       /* a node's machine is frozen: its image is written to a snapshot */
} vlot_pending_kind;

/* Ids of what is no mail: a node's timer, a write of its disk, an image of its machine. */
#define VLOT_PENDING_TIMER_ID(node) ((uint64_t)1 << 63 | (node))
#define VLOT_PENDING_WRITE_ID(node) ((uint64_t)3 << 62 | (node))
#define VLOT_PENDING_IMAGE_ID(node) ((uint64_t)7 << 61 | (node))

/* An id as people write it: "17", "t3" (the timer of n3), "w3" (the write of its disk), "i3" (the
 * image of its machine).
 *
 * name   into out [capacity], cut when it is too small, with a zero; returns the length it has or
 *        would have
 * parse  the whole of text, with or without a # before it; false: it is none, *id is not set
 */
VLOT_API size_t vlot_pending_name(uint64_t id, char *out, size_t capacity);
VLOT_API bool vlot_pending_parse(const char *text, uint64_t *id);

/* Something that can happen. Its id is stable, and no option changes it: a message has that of its
 * sending, counted from 1 in lockstep; with threads every sender numbers its own.
 */
typedef struct vlot_pending {
  uint64_t id;
  vlot_pending_kind kind;
  uint32_t node;          /* to whom it happens */
  uint32_t from;          /* message: sender; client: client number, 0 of an order */
  uint32_t is_held;       /* it is not chosen until released */
  uint64_t due;           /* tick at which it happens; from then on it is only a matter of order */
  uint32_t message_kind;  /* vlot_message_kind; 0: mail says what it is */
  uint32_t message_flags; /* VLOT_MESSAGE_* */
  uint64_t term;          /* message: its term */
  /* message: append: prev_index; a vote asked for: last_index; append reply: match or hint index;
   * install and its reply: of the snapshot. image: of the entry whose state it is */
  uint64_t index;
  uint64_t entries;    /* append: how many; mail: how many commands */
  vlot_mail_told mail; /* what it is, where it is no message of Raft's */
  vlot_due due_for;    /* timer: what it will do; else NOTHING */
  uint64_t offset;     /* install: of its first byte; its reply: the first byte that is missing */
  uint64_t bytes;      /* install: how many from there on; 0: it asks how far the receiver is */
  uint64_t size;       /* install: of all of the snapshot's content */
} vlot_pending;

/* Everything pending: in the order it is due, then what is held.
 *
 * pending  out: [capacity], the first ones; NULL with capacity 0
 * returns  how many there are; 0 also where this thread may not look: a cluster that runs, or that
 *          another thread has paused, or on a node's thread
 */
VLOT_API size_t vlot_lockstep_pending(vlot_cluster *cluster, vlot_pending *pending,
                                      size_t capacity);

/* Carry out `actions` actions as the seed chooses; on a host with other lockstep groups, of all of
 * them, in the order of vlot/host.h. stats.actions counts the cluster's own.
 *
 * done     out: how many there were: fewer when nothing is pending that is not held, up to
 *          turn_max - 1 more when the last turn takes several deliveries; NULL to ignore
 * returns  VLOT_OK, also when there were fewer. VLOT_VIOLATED: this cluster's checker objects, and
 *          it stopped there (what another group's finds is told there, and stops nothing here);
 *          VLOT_FAILED: a replay has diverged; VLOT_UNSUPPORTED: not in lockstep and not paused;
 *          VLOT_BUSY: another thread has paused it; VLOT_CLOSED: another closes it meanwhile;
 *          VLOT_DEADLOCK: on a node's thread
 * thread   any but a node's, one at a time; of a paused cluster the one that paused it. Runs the
 *          turns of nodes, and user code in them
 */
VLOT_API vlot_result vlot_lockstep_step(vlot_cluster *cluster, uint64_t actions, uint64_t *done);

/* The same until a condition holds (VLOT_OK), or `actions` have passed or nothing is left that can
 * happen (VLOT_TIMEOUT; on a host with others: in any of them).
 *
 * is_reached  looked at first, and after every action; it may look, and must not change anything
 * context     handed to is_reached
 */
VLOT_API vlot_result vlot_lockstep_until(vlot_cluster *cluster,
                                         bool (*is_reached)(vlot_cluster *cluster, void *context),
                                         void *context, uint64_t actions);

/* Let time pass: do what is due within `ticks` ticks, as the seed chooses, and nothing else; then
 * time stands at now + ticks, whatever comes next.
 *
 * ticks       0: only what is due now; VLOT_NEVER: without end, for as long as something is pending
 * is_reached  as vlot_lockstep_until(), with context: true ends it there; NULL: nothing does
 * actions     at most so many; up to turn_max - 1 more when the last turn takes several deliveries
 * returns     VLOT_OK: the time has passed, or is_reached ended it; VLOT_TIMEOUT: `actions` were
 *             too few, or (without end) nothing is left that can happen; else as
 *             vlot_lockstep_step(), like the thread. In a replay a turn is due at its last tick
 */
VLOT_API vlot_result vlot_lockstep_pass(vlot_cluster *cluster, uint64_t ticks,
                                        bool (*is_reached)(vlot_cluster *cluster, void *context),
                                        void *context, uint64_t actions);

/* Verbs on one pending thing. VLOT_NOT_FOUND: no such id, or it will never be due (of a clock that
 * stands still, of a stalled disk) and is not held; VLOT_UNSUPPORTED: not for this kind (timers
 * and writes cannot be dropped, timers cannot be delayed, only messages between nodes can be
 * duplicated: a client's call is made once), or a replay, or as vlot_lockstep_step(), like
 * VLOT_BUSY, VLOT_DEADLOCK and the thread.
 *
 * Each is one action; unless VLOT_OK (fire: or VLOT_VIOLATED, the checker objects) nothing has
 * changed.
 *
 * fire       now: deliver the message, fire the timer, complete the write, held or not
 * drop       it never arrives
 * hold       it is not chosen until released (or fired); is_held false: release it; twice is once,
 *            and no action. VLOT_NOMEM
 * duplicate  a copy is pending too, with an id of its own; *copy (NULL to ignore). Of a message of
 *            the core that is a SENT of node 0 with VLOT_WHY_COPIED. VLOT_NOMEM; VLOT_BUSY too
 *            where 262,144 mails are pending, which is the most there can be: what nodes and
 *            clients send then is refused as by a full mailbox
 * delay      due so many ticks later, from now if it was due earlier
 */
VLOT_API vlot_result vlot_lockstep_fire(vlot_cluster *cluster, uint64_t id);
VLOT_API vlot_result vlot_lockstep_drop(vlot_cluster *cluster, uint64_t id);
VLOT_API vlot_result vlot_lockstep_hold(vlot_cluster *cluster, uint64_t id, bool is_held);
VLOT_API vlot_result vlot_lockstep_duplicate(vlot_cluster *cluster, uint64_t id, uint64_t *copy);
VLOT_API vlot_result vlot_lockstep_delay(vlot_cluster *cluster, uint64_t id, uint64_t ticks);

/* Run nodes on the caller's thread (faster) or on their own (visible in a debugger), from the next
 * action on; the run is the same.
 *
 * returns  VLOT_OK; VLOT_BUSY (no more threads) or VLOT_NOMEM: it stays as it was, and some nodes
 *          may have threads that wait; VLOT_UNSUPPORTED: not in lockstep, a paused cluster, or a
 *          replay; VLOT_DEADLOCK: on a node's thread
 */
VLOT_API vlot_result vlot_lockstep_set_inline(vlot_cluster *cluster, bool is_inline);

/* Pause a threads cluster: turns end, writes drain, all mail moves to the pending list; from then
 * on it is stepped with the calls above, until resume puts the mail back in its order. Drops and
 * holds stay as done: what is still held then stays in the list, and is there in the next pause.
 * Meanwhile the calling thread alone steps the cluster and controls its nodes, links and faults
 * (others get VLOT_BUSY), and it alone unpauses; other threads' clients and orders go on: what they
 * send waits in the mailboxes. Twice is once, for both.
 *
 * returns  VLOT_OK; VLOT_TIMEOUT: pause: a turn did not end within stop_ns, the cluster runs on;
 *          VLOT_UNSUPPORTED: in lockstep; VLOT_BUSY: another thread has paused it; VLOT_DEADLOCK:
 *          on a node's thread; pause: on the clock's too
 * thread   any but a node's; pause blocks until every turn has ended
 */
VLOT_API vlot_result vlot_cluster_pause(vlot_cluster *cluster);
VLOT_API vlot_result vlot_cluster_unpause(vlot_cluster *cluster);

#ifdef __cplusplus
}
#endif

#endif
