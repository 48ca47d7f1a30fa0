/* vlot: actors. One thread, one mailbox, one behaviour each; usable without Raft.
 *
 * Turn       an actor takes mail, runs its behaviour, lets go of the effects. One turn at a time;
 *            between turns it is parked.
 * Address    (id, incarnation). A new life of the same id is a new incarnation; mail never passes
 *            from one to the next.
 * Handle     a vlot_actor *: one incarnation. Counted references: it stays valid, dead or alive,
 *            until released.
 * Time       nanoseconds of the monotonic clock for timers and waits; stamps are the caller's and
 *            are not looked at.
 * Memory     from the system's allocator. Bytes are copied in at send and borrowed out until the
 *            turn ends.
 * Thread     any, unless a declaration says *self*: inside that actor's turn or hooks only. No call
 *            is a point of cancellation; a behaviour must not be left by one or by pthread_exit().
 * Fork       in a child that was forked while a system was open every call that needs a lock of it
 *            returns at once: VLOT_UNSUPPORTED, or 0, false, NULL, nothing; memory is left alone.
 */
#ifndef VLOT_ACTOR_H
#define VLOT_ACTOR_H

#include "vlot/base.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct vlot_actor_system vlot_actor_system; /* a set of actors */
typedef struct vlot_actor vlot_actor;               /* a handle: one incarnation */
typedef struct vlot_turn vlot_turn;                 /* the turn that a behaviour is in */

#define VLOT_FOREVER UINT64_MAX /* a wait without a deadline */

/* Beyond these a call says VLOT_BUSY. */
enum {
  VLOT_ACTOR_IDS_MAX = 1 << 20,      /* ids of a system that its callers chose, ever */
  VLOT_ACTOR_TIMERS_MAX = 1024,      /* armed, of one actor */
  VLOT_ACTOR_MONITORS_MAX = 1 << 16, /* that one actor has, whose DOWN has not come */
};

/* Who: id 0 is nobody (mail from outside any actor). */
typedef struct vlot_address {
  uint32_t id;
  uint32_t incarnation; /* from 1 */
} vlot_address;

/* --- mail ------------------------------------------------------------------------------------- */

typedef enum vlot_lane {
  /* handed over first; capacity of its own, which data cannot use up */
  VLOT_LANE_CONTROL = 0,
  VLOT_LANE_DATA = 1
} vlot_lane;

/* One record, in place in the mailbox; its payload of [size] bytes follows, aligned to 8. */
typedef struct vlot_mail {
  uint32_t kind; /* the sender's; from VLOT_MAIL_RESERVED on the library's */
  uint32_t size; /* bytes of payload */
  vlot_address sender;
  uint64_t stamp; /* the sender's, unchanged */
} vlot_mail;

#define VLOT_MAIL_RESERVED UINT32_C(0xfffffff0)
#define VLOT_MAIL_TIMER    UINT32_C(0xfffffff1) /* payload: vlot_timer_expiry; stamp: its kind */
#define VLOT_MAIL_DOWN     UINT32_C(0xfffffff2) /* payload: vlot_down; stamp: the monitor */

/* Its payload: [mail->size] bytes, aligned to 8, borrowed as long as the mail. */
static inline const void *vlot_mail_payload(const vlot_mail *mail) { return mail + 1; }

/* The next record of this turn: control, then timers that are due, then data, until a bound of the
 * turn is reached.
 *
 * returns  NULL: no more in this turn; what was not taken is there again in the next one, before
 *          newer mail
 * memory   borrowed until the turn ends. Whatever the payload refers to is the behaviour's now.
 * thread   self
 */
VLOT_API const vlot_mail *vlot_turn_next(vlot_turn *turn);

/* Lane of the record handed over last; timers say VLOT_LANE_CONTROL. Self. */
VLOT_API vlot_lane vlot_turn_lane(const vlot_turn *turn);

/* The actor was parked, with nothing to do, when the cause of this turn arrived. False when it was
 * busy with another turn or suspended then: whoever counts time by ticks counts the time slept
 * through only when this is true. Self.
 */
VLOT_API bool vlot_turn_was_parked(const vlot_turn *turn);

/* One piece of a payload. */
typedef struct vlot_piece {
  const void *data; /* [size]; may be NULL when size is 0 */
  size_t size;      /* bytes */
} vlot_piece;

/* Put mail into an actor's mailbox: one lock, the receiver's; copies [size] bytes.
 *
 * from     the actor in whose turn this is called, or NULL outside actors. With from, the mail is
 *          an effect: outside vlot_actor_enter/leave it is bracketed by itself.
 * kind     below VLOT_MAIL_RESERVED
 * payload  may be NULL when size is 0; begins 8-aligned at the receiver
 * returns  VLOT_OK      queued: it will be handed over, or be a dead letter with a why
 *          VLOT_BUSY    a bound of that lane is reached
 *          VLOT_CLOSED  the receiver takes no mail any more
 *          VLOT_FENCED  the sender is fenced
 *          VLOT_NOMEM, VLOT_INVALID, VLOT_TOO_LARGE (more than the lane's bytes, or 1 GiB)
 *          Unless VLOT_OK, nothing has changed, and what the payload refers to stays the caller's.
 * order    mail of one sender to one receiver in one lane keeps its order; nothing else does
 * thread   any (from != NULL: self of from); never blocks on anything but the receiver's short lock
 */
VLOT_API VLOT_MUST_CHECK vlot_result vlot_actor_send(vlot_actor *from, vlot_actor *to,
                                                     vlot_lane lane, uint32_t kind, uint64_t stamp,
                                                     const void *payload, size_t size);

/* The same from [count] pieces, borrowed for the call and concatenated without padding. */
VLOT_API VLOT_MUST_CHECK vlot_result vlot_actor_send_pieces(vlot_actor *from, vlot_actor *to,
                                                            vlot_lane lane, uint32_t kind,
                                                            uint64_t stamp,
                                                            const vlot_piece *pieces, size_t count);

/* The same in the data lane, coalesced: while the newest mail sent this way still waits in the
 * mailbox with the same kind and size, it keeps its place and only its sender, stamp and payload
 * are replaced. For ticks. What is replaced counts as sent and dropped, without a dead letter and
 * without dispose. Parameters and results as vlot_actor_send().
 */
VLOT_API VLOT_MUST_CHECK vlot_result vlot_actor_send_latest(vlot_actor *from, vlot_actor *to,
                                                            uint32_t kind, uint64_t stamp,
                                                            const void *payload, size_t size);

/* As vlot_actor_send(), by address: one more lock, the system's.
 *
 * to       incarnation 0: whichever is running
 * returns  VLOT_CLOSED for an incarnation that is not (or no longer) running; else as
 *          vlot_actor_send()
 */
VLOT_API VLOT_MUST_CHECK vlot_result vlot_actor_send_to(vlot_actor_system *system, vlot_actor *from,
                                                        vlot_address to, vlot_lane lane,
                                                        uint32_t kind, uint64_t stamp,
                                                        const void *payload, size_t size);

/* --- behaviour -------------------------------------------------------------------------------- */

typedef enum vlot_end {
  VLOT_END_NORMAL = 0,       /* stopped, or it ended itself */
  VLOT_END_KILLED = 1,       /* fenced from outside, or by a link */
  VLOT_END_CRASHED = 2,      /* it ended itself with a code */
  VLOT_END_START_FAILED = 3, /* its start hook failed (supervised children only) */
  VLOT_END_INTENSITY = 4,    /* restarted too often */
  VLOT_END_NOPROC = 5        /* it was not running when it was to be monitored */
} vlot_end;

#define VLOT_OWNER_DATA 16 /* bytes an actor may publish with its status */

/* Payload of VLOT_MAIL_DOWN. */
typedef struct vlot_down {
  uint64_t monitor;   /* as given by vlot_actor_monitor; 0 in hooks */
  vlot_address actor; /* who ended */
  vlot_end end;
  vlot_why why;  /* as given to exit or kill; of an orderly stop ASKED */
  uint32_t code; /* of VLOT_END_CRASHED */
  uint32_t reserved;
  uint8_t data[VLOT_OWNER_DATA]; /* as last published */
} vlot_down;

/* All hooks get the context of the options. They run without any lock of the library held, on the
 * actor's own thread unless said. All but turn may be NULL: nothing is done then.
 *
 * asserts  leave all that was entered before start, a turn or stop returns
 *
 * turn     required; begins with vlot_turn_next; on the caller's thread in vlot_actor_run()
 * start    recovery; anything but VLOT_OK makes the spawn fail with that result and nothing remains
 *          (finish is called, stop is not). NULL: nothing to recover
 * stop     the orderly end, before the fence closes: last effects may be let go. Not called after a
 *          kill
 * fenced   called exactly once, by whichever thread finds the fence closed and no effect open,
 *          before anybody hears of it and before any DOWN is sent: the point of a power cut. After
 *          a kill the turn may still be running elsewhere, so it must not touch what the turn uses
 * finish   the last call for this context on any thread; not while a quarantined thread is stuck
 * dispose  a record nobody will handle, as it goes to the dead letters: give back what its payload
 *          refers to
 */
typedef struct vlot_behaviour {
  void (*turn)(vlot_actor *self, void *context, vlot_turn *turn);
  vlot_result (*start)(vlot_actor *self, void *context);
  void (*stop)(vlot_actor *self, void *context);
  void (*fenced)(void *context, const vlot_down *down);
  void (*finish)(void *context);
  void (*dispose)(void *context, const vlot_mail *mail, vlot_why why);
} vlot_behaviour;

/* Where threads run. Every figure of speed must name it. */
typedef enum vlot_place {
  VLOT_PLACE_DEFAULT = 0, /* an actor: as its system says; a system: the kernel */
  VLOT_PLACE_KERNEL = 1,  /* left to the kernel */
  VLOT_PLACE_CORE = 2,    /* on one core, the one named */
  VLOT_PLACE_SPREAD = 3   /* round robin over the cores the process may use */
} vlot_place;

/* --- the system ------------------------------------------------------------------------------- */

typedef struct vlot_actor_system_options {
  size_t size; /* sizeof, set by init */
  /* NULL: the default; must outlive every handle and quarantined thread */
  const vlot_allocator *allocator;
  /* Lines for people, and every end of an actor as its DOWN mail goes out; either may be NULL.
   * Called on any thread, without a lock held.
   */
  void (*log)(void *context, const char *line);
  void (*down)(void *context, const vlot_down *down);
  void *context;    /* of log and down */
  vlot_place place; /* of actors that say DEFAULT; KERNEL */
  uint32_t core;    /* of VLOT_PLACE_CORE */
  /* Per actor, what an orderly stop may take before it is fenced and quarantined; 1 s. */
  uint64_t stop_ns;
  uint64_t seed;    /* of what is random here: jitter of restarts; 1 */
  uint32_t letters; /* dead letters kept; 1,024; not 0 */
  /* Longest wait in one piece, so that a lost wake-up is survived (and counted) even without
   * further mail; 10 s. VLOT_FOREVER spares the kernel a timer per wait, about a tenth of the price
   * of a wake-up.
   */
  uint64_t park_ns_max;
} vlot_actor_system_options;

/* Set size and the defaults, which stand in the words above; what has none is 0 or NULL. */
VLOT_API void vlot_actor_system_options_init(vlot_actor_system_options *options);

/* Open a set of actors.
 *
 * options  NULL: the defaults; copied
 * system   out: closed with vlot_actor_system_close(); NULL unless VLOT_OK
 * returns  VLOT_OK; VLOT_NOMEM; VLOT_INVALID (a bound of 0, an unknown place,
 *          a core the process may not use)
 */
VLOT_API VLOT_MUST_CHECK vlot_result
vlot_actor_system_open(const vlot_actor_system_options *options, vlot_actor_system **system);

/* Stop all actors in reverse order of start and join their threads. No spawn succeeds afterwards.
 *
 * Idempotent; callable from any thread, by several at once; takes at most (number of actors) *
 * stop_ns + 1 s.
 * returns  VLOT_OK; VLOT_TIMEOUT: some threads were stuck in user code and are quarantined;
 *          VLOT_DEADLOCK: called inside an actor, nothing was done; VLOT_UNSUPPORTED: in a process
 *          forked after open, nothing was done
 * thread   any but an actor's; blocks
 */
VLOT_API vlot_result vlot_actor_system_stop(vlot_actor_system *system);

/* Stop, and let go of the system; its memory is freed when the last handle has been released and
 * the last quarantined thread has come back. NULL is allowed.
 *
 * returns  as vlot_actor_system_stop(); after VLOT_OK and VLOT_TIMEOUT system is gone for the
 *          caller; after VLOT_DEADLOCK and VLOT_UNSUPPORTED it is still open
 * thread   any but an actor's, once; blocks
 */
VLOT_API vlot_result vlot_actor_system_close(vlot_actor_system *system);

/* The conservation law, exact at any time: for each actor and for those gone, sent = processed +
 * queued + dropped.
 *
 * returns  VLOT_OK; VLOT_VIOLATED: a bug of the library, the log names where; VLOT_NOMEM
 */
VLOT_API vlot_result vlot_actor_system_check(vlot_actor_system *system);

typedef struct vlot_actor_system_status {
  uint32_t actors;      /* running */
  uint32_t quarantined; /* threads stuck in user code now */
  uint64_t spawned;     /* actors whose thread was started, so far */
  /* of actors that are gone */
  uint64_t lost_wakes; /* wake-ups that never came: bugs */
  uint64_t sent;       /* mail to them that was accepted */
  uint64_t processed;  /* and handed over */
  uint64_t dropped;    /* and not handed over */
} vlot_actor_system_status;

/* How the system is now. Never blocks. */
VLOT_API void vlot_actor_system_get_status(vlot_actor_system *system,
                                           vlot_actor_system_status *status);

/* A record that was queued and that nobody handled. */
typedef struct vlot_letter {
  vlot_address sender;   /* id 0: from outside any actor */
  vlot_address receiver; /* id 0: a caller that waits no longer */
  uint32_t kind;         /* the mail's */
  uint32_t size;         /* bytes of its payload, which is not kept */
  uint64_t stamp;        /* the mail's */
  vlot_why why;          /* why nobody handled it */
  vlot_lane lane;
} vlot_letter;

/* The last dead letters, oldest first: copies at most [max], returns how many. */
VLOT_API size_t vlot_actor_system_letters(vlot_actor_system *system, vlot_letter *letters,
                                          size_t max);

/* How many dead letters there have been for a why; VLOT_WHY_NONE: for all. */
VLOT_API uint64_t vlot_actor_system_letter_count(vlot_actor_system *system, vlot_why why);

/* --- life ------------------------------------------------------------------------------------- */

typedef struct vlot_actor_options {
  size_t size; /* sizeof, set by init */
  /* of the thread, at most 15 characters are used; NULL: "vlot-<id>"; copied */
  const char *name;
  uint32_t id; /* 1 to 2^31 - 1, or 0: assigned, from 2^31 on */
  vlot_behaviour behaviour;
  void *context;                 /* handed to every hook of the behaviour */
  vlot_place place;              /* DEFAULT: as the system's options say */
  uint32_t core;                 /* of VLOT_PLACE_CORE */
  size_t stack_bytes;            /* 256 KiB; at least what the C library asks for */
  uint32_t data_messages_max;    /* waiting in the mailbox; 65,536 */
  uint64_t data_bytes_max;       /* with 24 bytes of header each; 64 MiB */
  uint32_t control_messages_max; /* 4,096 */
  uint64_t control_bytes_max;    /* 4 MiB */
  uint32_t turn_messages_max;    /* of the data lane in one turn; 4,096 */
  uint64_t turn_bytes_max;       /* 4 MiB; one record is always handed over */
  uint64_t spin_ns;              /* looking for mail before parking; 0 */
  bool is_held;                  /* begins with one hold */
  bool keeps_turns;              /* no lender runs them: vlot_actor_keep_turns() */
} vlot_actor_options;

/* Set size and the defaults, which are the numbers in the words above; what has none is 0, false or
 * NULL. behaviour.turn is still to be given.
 */
VLOT_API void vlot_actor_options_init(vlot_actor_options *options);

/* Start an actor: returns when its start hook has succeeded and mail is taken, or when nothing of
 * it remains.
 *
 * options  copied, except what context points to; on failure the context is the caller's again
 *          (finish has been called if and only if the start hook has)
 * actor    out: one reference, given back with vlot_actor_release; NULL: none wanted
 * returns  VLOT_OK, VLOT_NOMEM, VLOT_INVALID, VLOT_EXISTS (an incarnation of that id is running),
 *          VLOT_CLOSED (the system is stopping), VLOT_BUSY (no more threads, or
 *          VLOT_ACTOR_IDS_MAX), VLOT_UNSUPPORTED (after fork), or the start hook's own result
 *          (VLOT_FAILED where that says VLOT_PENDING)
 * thread   any; blocks while the start hook runs, in an actor's turn too
 */
VLOT_API VLOT_MUST_CHECK vlot_result vlot_actor_spawn(vlot_actor_system *system,
                                                      const vlot_actor_options *options,
                                                      vlot_actor **actor);

/* retain: another reference to a handle; returns actor. release: give one back; an actor that runs
 * goes on running without it. NULL is allowed in both.
 *
 * asserts  release each reference to an actor once
 */
VLOT_API vlot_actor *vlot_actor_retain(vlot_actor *actor);
VLOT_API void vlot_actor_release(vlot_actor *actor);

/* Its id and incarnation, and the system that it was spawned in (borrowed while it is open): the
 * same for all of its life, and afterwards.
 */
VLOT_API vlot_address vlot_actor_address(const vlot_actor *actor);
VLOT_API vlot_actor_system *vlot_actor_get_system(const vlot_actor *actor);

/* A reference to the running incarnation of an id, given back with vlot_actor_release(); NULL: none
 * is running. */
VLOT_API vlot_actor *vlot_actor_find(vlot_actor_system *system, uint32_t id);

/* End oneself after this turn, orderly: the stop hook runs. code 0: NORMAL; otherwise CRASHED with
 * that code.
 * thread  self
 */
VLOT_API void vlot_actor_exit(vlot_actor *self, vlot_why why, uint32_t code);

/* Orderly end after the present turn; mail still queued becomes dead letters (VLOT_WHY_NODE_DOWN).
 * Waits until the thread has gone.
 *
 * wait_ns  then it is fenced and its thread quarantined: left alone with its memory, counted, never
 *          cancelled
 * returns  VLOT_OK: gone; VLOT_TIMEOUT: quarantined; VLOT_DEADLOCK: called inside this actor,
 *          nothing was done; VLOT_UNSUPPORTED: after fork, nothing was done
 * thread   any, inside other actors too; blocks
 */
VLOT_API vlot_result vlot_actor_stop(vlot_actor *actor, uint64_t wait_ns);

/* Fence an actor, at once: each of its effects is wholly before or wholly after, and those after do
 * not happen. DOWN goes out when no effect is open. The thread, if it is in user code, is left to
 * come back by itself.
 *
 * returns  VLOT_OK, VLOT_CLOSED (it was fenced already)
 * thread   any, inside the actor too; never blocks
 */
VLOT_API vlot_result vlot_actor_kill(vlot_actor *actor, vlot_why why);

/* Kill, then wait until the thread has gone; wait_ns, results and thread as vlot_actor_stop(). */
VLOT_API vlot_result vlot_actor_kill_wait(vlot_actor *actor, vlot_why why, uint64_t wait_ns);

/* True when its thread has gone: nothing of this incarnation runs any more. False while
 * quarantined. Never blocks.
 */
VLOT_API bool vlot_actor_is_gone(vlot_actor *actor);

/* --- effects ---------------------------------------------------------------------------------- */

/* Open the effects of this turn, and close them. Between enter and leave: sends, storage
 * submissions, answers; no user code, nothing that blocks, because a kill is not known to anybody
 * before leave.
 *
 * returns  enter: false: fenced; let nothing go, and do not leave
 * asserts  leave before entering again; leave only what was entered
 * thread   self; leave may call the fenced hook and the system's down, where a kill came meanwhile
 */
VLOT_API VLOT_MUST_CHECK bool vlot_actor_enter(vlot_actor *self);
VLOT_API void vlot_actor_leave(vlot_actor *self);

/* True once fenced: a long turn may look and give up. Any thread. */
VLOT_API bool vlot_actor_is_fenced(const vlot_actor *actor);

/* --- the right to run ------------------------------------------------------------------------- */

/* Hold: the actor's own thread runs no turn by itself, whatever arrives; vlot_actor_run and
 * vlot_actor_grant still do. Returns when no turn is running. Holds are counted; each needs its
 * unhold. Stop and kill work on a held actor.
 *
 * wait_ns  how long a running turn may take to end (not waited for when called inside this actor)
 * returns  VLOT_OK; VLOT_TIMEOUT: the turn is still running and nothing is held
 * asserts  unhold an actor once for each hold that returned VLOT_OK
 * thread   any; hold blocks, unhold never does
 */
VLOT_API VLOT_MUST_CHECK vlot_result vlot_actor_hold(vlot_actor *actor, uint64_t wait_ns);
VLOT_API void vlot_actor_unhold(vlot_actor *actor);

/* Run one turn here and now, on the caller's thread, if there is mail or a timer is due, nobody
 * else is running one, and it is not suspended. Does not wait for anybody; takes as long as the
 * turn.
 *
 * returns  a turn was run
 */
VLOT_API bool vlot_actor_run(vlot_actor *actor);

/* Let a held actor's own thread run one turn, and wait until that has ended.
 *
 * returns  VLOT_OK; VLOT_NOT_FOUND: there was nothing to run a turn for; VLOT_CLOSED: it is ending;
 *          VLOT_BUSY: suspended, or a turn or another grant is under way; VLOT_INVALID: not held;
 *          VLOT_DEADLOCK: called inside this actor
 * thread   any but its own; blocks until the turn has ended
 */
VLOT_API VLOT_MUST_CHECK vlot_result vlot_actor_grant(vlot_actor *actor);

/* Suspend: nobody runs a turn, until resume. A flag: suspending twice is once, and so is resuming.
 * Independent of holds. wait_ns, results and thread as hold and unhold.
 */
VLOT_API VLOT_MUST_CHECK vlot_result vlot_actor_suspend(vlot_actor *actor, uint64_t wait_ns);
VLOT_API void vlot_actor_resume(vlot_actor *actor);

/* --- timers ----------------------------------------------------------------------------------- */

/* Payload of VLOT_MAIL_TIMER. */
typedef struct vlot_timer_expiry {
  uint64_t kind;       /* as given to set */
  uint64_t generation; /* as returned by set */
  uint64_t due_ns;     /* on the monotonic clock */
} vlot_timer_expiry;

/* Arm the timer of a kind, one per (actor, kind): arming replaces. Its expiry comes as
 * VLOT_MAIL_TIMER in a later turn, never early. Once set or cancel has returned, no older expiry of
 * that kind is handed over.
 *
 * delay_ns    from now; 0: the next turn
 * generation  out, may be NULL
 * returns     VLOT_OK; VLOT_NOMEM, VLOT_BUSY (VLOT_ACTOR_TIMERS_MAX): nothing changed
 * thread      self
 */
VLOT_API VLOT_MUST_CHECK vlot_result vlot_timer_set(vlot_actor *self, uint64_t kind,
                                                    uint64_t delay_ns, uint64_t *generation);

/* Disarm the timer of a kind. Returns whether it was armed. Self. */
VLOT_API bool vlot_timer_cancel(vlot_actor *self, uint64_t kind);

/* Nanoseconds of the monotonic clock (CLOCK_MONOTONIC). */
VLOT_API uint64_t vlot_clock_ns(void);

/* --- monitors and links ----------------------------------------------------------------------- */

/* Exactly one VLOT_MAIL_DOWN when the target ends, in the data lane behind its last mail, in memory
 * reserved here. Already ended: at once, VLOT_END_NOPROC.
 *
 * monitor  out: stamp of the DOWN; NULL to ignore
 * returns  VLOT_OK; VLOT_NOMEM; VLOT_BUSY (VLOT_ACTOR_MONITORS_MAX); VLOT_FENCED: self is;
 *          VLOT_INVALID: target is NULL, or self
 * thread   self
 */
VLOT_API VLOT_MUST_CHECK vlot_result vlot_actor_monitor(vlot_actor *self, vlot_actor *target,
                                                        uint64_t *monitor);
/* The same by address: one that is not running gives NOPROC; incarnation 0 is whichever is running;
 * id 0 is VLOT_INVALID. */
VLOT_API VLOT_MUST_CHECK vlot_result vlot_actor_monitor_address(vlot_actor *self,
                                                                vlot_address target,
                                                                uint64_t *monitor);
/* End a monitor: once this has returned no DOWN of it is handed over. VLOT_OK; VLOT_NOT_FOUND: no
 * such monitor (any more). Self.
 */
VLOT_API vlot_result vlot_actor_demonitor(vlot_actor *self, uint64_t monitor);

/* Share fate: when either ends otherwise than NORMAL, the other is killed with the same why.
 * Linking twice is once; unlink undoes it, from either side, and does nothing without a link.
 *
 * returns  VLOT_OK; VLOT_CLOSED: the other has ended; VLOT_FENCED: self is; VLOT_INVALID: other is
 *          NULL, or self; VLOT_NOMEM. Unless VLOT_OK there is no new link
 * thread   self
 */
VLOT_API VLOT_MUST_CHECK vlot_result vlot_actor_link(vlot_actor *self, vlot_actor *other);
VLOT_API void vlot_actor_unlink(vlot_actor *self, vlot_actor *other);

/* --- call ------------------------------------------------------------------------------------- */

/* Send in the data lane and wait for the answer; outside actors only (inside, send and take the
 * answer as mail).
 *
 * payload  [size] copied; NULL is allowed when size is 0
 * wait_ns  from now; VLOT_FOREVER: without a deadline
 * reply    out: the answer's payload, released by the caller with vlot_bytes_release(), NULL unless
 *          VLOT_OK; NULL to ignore
 * returns  VLOT_OK; VLOT_TIMEOUT (a later answer is a dead letter); VLOT_CLOSED (it takes no mail,
 *          or is ended before it has answered, at once: its status says why; or the system stops);
 *          VLOT_INTERRUPTED; VLOT_DEADLOCK (inside an actor of this system); VLOT_UNSUPPORTED
 *          (after fork); or as vlot_actor_send()
 * thread   any but an actor's; blocks; no point of cancellation
 */
VLOT_API VLOT_MUST_CHECK vlot_result vlot_actor_call(vlot_actor *to, uint32_t kind,
                                                     const void *payload, size_t size,
                                                     uint64_t wait_ns, vlot_bytes **reply);

/* End the calls to an actor that are under way, or, when none is, the next one: VLOT_INTERRUPTED
 * there. What was asked may be done all the same; its answer is a dead letter. Any thread, an
 * actor's too; never blocks.
 */
VLOT_API void vlot_actor_interrupt(vlot_actor *to);

/* Answer a mail: to whoever sent it, with its stamp. An answer to a call goes to the caller, one to
 * an actor is data mail of that kind. An effect, as vlot_actor_send().
 *
 * mail     of the present turn
 * payload  [size] copied; NULL is allowed when size is 0
 * returns  VLOT_OK; VLOT_CLOSED: the asker is gone or waits no longer; VLOT_INVALID: the mail names
 *          no sender; else as vlot_actor_send()
 * thread   self
 */
VLOT_API vlot_result vlot_actor_reply(vlot_actor *self, const vlot_mail *mail, uint32_t kind,
                                      const void *payload, size_t size);

/* --- looking at actors ------------------------------------------------------------------------ */

/* Publish data [VLOT_OWNER_DATA], copied, with this actor's status: before the next reply of this
 * turn leaves (vlot_actor_reply()), and at the latest at the end of the turn, or of its start.
 * Self. */
VLOT_API void vlot_actor_publish(vlot_actor *self, const void *data);

typedef enum vlot_actor_state {
  VLOT_ACTOR_STARTING = 0, /* its start hook has not returned */
  VLOT_ACTOR_PARKED = 1,   /* has nothing to do */
  VLOT_ACTOR_READY = 2,    /* has something to do; nobody runs it yet */
  VLOT_ACTOR_RUNNING = 3,  /* inside a turn */
  VLOT_ACTOR_ENDING = 4,   /* stopping or fenced; its thread is not gone */
  VLOT_ACTOR_GONE = 5      /* nothing of it runs any more */
} vlot_actor_state;

typedef struct vlot_actor_status {
  vlot_address address;
  char name[16]; /* of its thread */
  vlot_actor_state state;
  vlot_end end;          /* once it is fenced */
  vlot_why why;          /* once it is fenced; as in vlot_down */
  uint32_t code;         /* of VLOT_END_CRASHED */
  uint32_t holds;        /* not undone by an unhold */
  bool is_suspended;     /* until resume */
  bool is_quarantined;   /* its thread was stuck when it was to stop, and is left alone */
  uint64_t turns;        /* begun; the same number twice while RUNNING: the same turn */
  uint64_t wakes;        /* turns that began by waking a parked actor */
  uint64_t lent_turns;   /* of turns: run by lenders (vlot/actor_lend.h) */
  uint64_t sent;         /* to it, accepted */
  uint64_t refused;      /* to it, BUSY */
  uint64_t processed;    /* of those sent: handed over, in turns that have ended */
  uint64_t dropped;      /* of those sent: dead letters, and what send_latest replaced */
  uint64_t queued;       /* of those sent: waiting, or in the hands of the present turn */
  uint64_t queued_bytes; /* of those waiting in the mailbox, with their headers */
  uint64_t lost_wakes;   /* wake-ups that never came: bugs */
  uint64_t age_ns;       /* since the end of the last turn, to some milliseconds: how old data is */
  uint8_t data[VLOT_OWNER_DATA]; /* as last published: no older than any reply of its */
} vlot_actor_status;

/* How an actor is, without waking or waiting for anybody: its state is of now; processed and data
 * are of the end of the last turn, data also of a reply of the present one. Any thread.
 */
VLOT_API void vlot_actor_get_status(vlot_actor *actor, vlot_actor_status *status);

typedef enum vlot_actor_event_kind {
  VLOT_ACTOR_EVENT_STARTED = 1,
  VLOT_ACTOR_EVENT_TURN = 2, /* value: records handled */
  VLOT_ACTOR_EVENT_SUSPENDED = 3,
  VLOT_ACTOR_EVENT_RESUMED = 4,
  VLOT_ACTOR_EVENT_STOPPING = 5,
  VLOT_ACTOR_EVENT_KILLED = 6,
  VLOT_ACTOR_EVENT_QUARANTINED = 7,
  VLOT_ACTOR_EVENT_GONE = 8,
  VLOT_ACTOR_EVENT_NOTE = 9 /* the owner's; why and value as given to vlot_actor_note() */
} vlot_actor_event_kind;

typedef struct vlot_actor_event {
  uint64_t sequence; /* from 1 */
  uint64_t value;    /* of TURN and NOTE, as said there; else 0 */
  vlot_actor_event_kind kind;
  vlot_why why;
} vlot_actor_event;

#define VLOT_ACTOR_EVENTS 16 /* kept of each actor */

/* The last events, oldest first: copies at most [max], the newest ones, returns how many. Turns in
 * a row are one event. Any thread; never blocks.
 */
VLOT_API size_t vlot_actor_events(vlot_actor *actor, vlot_actor_event *events, size_t max);

/* Add an event of the owner's, VLOT_ACTOR_EVENT_NOTE. Self. */
VLOT_API void vlot_actor_note(vlot_actor *self, vlot_why why, uint64_t value);

#ifdef __cplusplus
}
#endif

#endif
