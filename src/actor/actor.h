/* Inside of an actor and of a system: for the files of this directory only.
 *
 * guarded by     what
 * box.lock       the mailbox, the right to run, phase and reason, holds, watches of this actor,
 *                published status
 * the runner     hand, turn, timers, monitors, what is to be published: whoever holds the right to
 *                run, nobody else
 * system->lock   the registry, the list of actors, the totals of those gone
 * atomics        the fence, the references
 *
 * Units of their own: mailbox (lanes), timers, letters (dead mail); of base: fence (the point of a
 * kill).
 * On them stand: turn (right to run, own thread), life (spawn), end (stop, kill), send, monitor,
 * call, status, registry, system, thread. Above the public interface: statem, supervisor.
 */
#ifndef VLOT_ACTOR_ACTOR_H
#define VLOT_ACTOR_ACTOR_H

#include <pthread.h>
#include <stdatomic.h>

#include "actor/letters.h"
#include "actor/mailbox.h"
#include "actor/timers.h"
#include "actor/wait.h"
#include "base/fence.h"
#include "base/fork.h"
#include "base/inside.h"
#include "vlot/actor.h"
#include "vlot/actor_lend.h"

typedef enum vlot__right { VLOT__PARKED, VLOT__READY, VLOT__RUNNING } vlot__right;

typedef enum vlot__phase {
  VLOT__STARTING,
  VLOT__LIVE,
  VLOT__ENDING, /* the present turn is the last one */
  VLOT__GONE
} vlot__phase;

/* Somebody to be told when an actor ends. In the list of the actor that is watched, guarded by its
 * lock.
 */
typedef struct vlot__watch {
  struct vlot__watch *next;
  vlot_actor *watcher; /* retained */
  uint64_t monitor;    /* 0: a link */
  vlot__chunk *notice; /* room for the DOWN, reserved; NULL for a link */
} vlot__watch;

/* The watcher's side of a monitor; the runner's. */
typedef struct vlot__monitor {
  uint64_t monitor;
  vlot_actor *target; /* retained; NULL: it was not running */
} vlot__monitor;

struct vlot_turn {
  vlot_actor *actor;
  vlot_lane lane; /* of the record handed over last */
  bool was_parked;
  bool asks_timers; /* some may be due in this turn */
  uint32_t messages_left;
  uint64_t bytes_left;
  uint64_t now_ns;
  uint64_t generation_max;
  struct {
    vlot_mail mail;
    vlot_timer_expiry expiry;
  } timer; /* the expiry handed over last */
};

struct vlot_actor {
  /* what a sender touches comes first */
  vlot__mailbox box;
  pthread_cond_t wake; /* the own thread, parked */
  /* a vlot__right; changed under the lock only, read without it by who spins */
  _Atomic uint32_t right;
  bool is_waiting; /* the own thread waits on wake and nobody has signalled it yet */
  bool is_suspended;
  bool is_granted;   /* the own thread may run one turn although held */
  bool woke;         /* it was parked when mail came */
  bool is_put_off;   /* ready, and nobody was signalled: a lender means to come back at once … */
  bool is_overdue;   /* … and somebody has looked since */
  bool keeps_turns;  /* no lender runs them */
  uint32_t promises; /* of lenders: to run what comes, or to signal when they end */
  /* since the last turn: the next one does not count as woken from parking */
  bool was_suspended;
  uint32_t holds;
  vlot__phase phase;

  pthread_cond_t changed; /* for those who wait for a turn's end or a phase */
  uint32_t waiters;
  uint64_t grants;      /* turns granted that have ended */
  bool is_fence_closed; /* the fence, as the lock's holders know it */
  bool has_thread;      /* system->lock: thread is set */
  /* system->lock: its thread has folded its counts and is about to go */
  bool is_unlisted;
  bool is_detached;  /* system->lock: quarantined, nobody will join it */
  bool is_announced; /* DOWN has gone out; watches are closed */
  bool is_quarantined;
  vlot_result start_result;
  vlot_end end;
  vlot_why why;
  uint32_t code;
  vlot__watch *watches;
  uint64_t next_timer_ns;

  /* status */
  uint64_t turns;
  uint64_t wakes;
  uint64_t lost_wakes;
  uint64_t lent_turns;    /* of turns: run by lenders */
  uint64_t turn_ended_ns; /* coarse */
  uint8_t data[VLOT_OWNER_DATA];
  vlot_actor_event events[VLOT_ACTOR_EVENTS];
  uint64_t event_count;

  /* the runner's */
  uint64_t batch; /* records of the last turn */
  vlot__hand hand;
  vlot_turn turn;
  vlot__timers timers;
  vlot__monitor *monitors;
  size_t monitor_count;
  size_t monitor_capacity;
  uint64_t monitor_last;
  uint8_t data_next[VLOT_OWNER_DATA];
  bool has_entered;
  bool wants_exit;
  vlot_end exit_end;
  vlot_why exit_why;
  uint32_t exit_code;

  struct vlot__fence fence;
  _Atomic uint32_t references;
  bool owes_interrupt; /* calls_lock: of the next call to it */

  /* fixed at spawn */
  vlot_actor_system *system;
  vlot_address address;
  vlot_behaviour behaviour;
  void *context;
  char name[16];
  pthread_t thread;
  pthread_t runner; /* of the present turn, or the last one; for a debugger */
  uint64_t ordinal; /* of the spawns of its system */
  uint32_t turn_messages_max;
  uint64_t turn_bytes_max;
  uint64_t spin_ns;

  /* the system's lists */
  vlot_actor *older; /* actors in the order of their start */
  vlot_actor *newer;
  vlot_actor *next_gone;  /* to be joined */
  vlot_actor *next_ended; /* to be announced; the announcer's */
};

/* What is known of an id, running or not: the incarnation never goes back. */
typedef struct vlot__entry {
  uint32_t id;
  uint32_t incarnation;
  vlot_actor *actor; /* the present incarnation; NULL: none */
  bool is_routable;  /* it has started */
} vlot__entry;

/* A caller that waits for an answer; on its stack, listed under calls_lock. */
typedef struct vlot__call {
  struct vlot__call *next;
  uint64_t token;
  const vlot_actor *to; /* whom it asks */
  pthread_cond_t answered;
  bool is_done;
  vlot_result result;
  vlot_bytes *reply;
} vlot__call;

struct vlot_actor_system {
  pthread_mutex_t lock;
  pthread_cond_t stopped;
  bool is_stopping;
  bool is_stopped;
  pthread_t stopper; /* once is_stopping */
  vlot_result stop_result;
  vlot__entry *entries; /* sorted by id */
  size_t entry_count;
  size_t entry_capacity;
  uint32_t next_id;
  vlot_actor *newest;
  vlot_actor *gone; /* threads to be joined */
  vlot_actor_system_status totals;

  pthread_mutex_t calls_lock;
  vlot__call *calls;
  uint64_t call_last;
  bool takes_no_calls; /* it is stopping */

  vlot__letters letters;
  _Atomic uint32_t references;
  uint64_t epoch; /* base/fork.h */
  vlot_actor_system_options options;
  const vlot_allocator *allocator;
};

/* Sender incarnation (with id 0) of a call from outside: its answer goes to the caller with the
 * stamp as token.
 */
#define VLOT__CALLER UINT32_C(1)

/* --- system.c --- */
vlot_actor_system *vlot__system_retain(vlot_actor_system *system);
void vlot__system_release(vlot_actor_system *system);
__attribute__((format(printf, 2, 3))) void vlot__system_log(vlot_actor_system *system,
                                                            const char *format, ...);

/* In a child that was forked since: none of its threads is here, and its locks may be held. */
static inline bool vlot__system_is_forked(const vlot_actor_system *system) {
  return vlot__has_forked(system->epoch);
}

/* The actor of this system whose turn or hook this thread is in; NULL: none. */
static inline vlot_actor *vlot__system_current(const vlot_actor_system *system) {
  const vlot__frame *frame = vlot__inside(system);
  return frame ? frame->who : NULL;
}

/* --- registry.c --- */
vlot_result vlot__registry_add(vlot_actor_system *system, vlot_actor *actor,
                               const vlot_actor_options *options);
void vlot__registry_remove(vlot_actor *actor); /* its thread was never started */
void vlot__registry_unlist(vlot_actor_system *system, vlot_actor *actor); /* under the lock */
void vlot__registry_route(vlot_actor *actor);
void vlot__registry_unroute(vlot_actor *actor); /* the id may be spawned again */
vlot_actor *vlot__registry_find(vlot_actor_system *system, uint32_t id, uint32_t incarnation);
/* References to all actors whose threads have not gone, oldest first, in an array from the
 * allocator; false: no memory.
 */
bool vlot__registry_snapshot(vlot_actor_system *system, vlot_actor ***actors, size_t *count);

/* --- thread.c --- */
bool vlot__thread_place_is_valid(vlot_place place, uint32_t core);
vlot_result vlot__thread_start(vlot_actor *actor, const vlot_actor_options *options);
void vlot__thread_name(const char *name); /* of the calling thread */

/* --- lend.c --- */
extern _Thread_local vlot_lend *vlot__lending; /* what this thread lends now; NULL */
/* Under the lock of one that this thread sends to, while it lends: has it promised for it? */
bool vlot__lend_promise(vlot_actor *actor);

/* --- turn.c --- */
void vlot__actor_live(
    vlot_actor *actor); /* the own thread, from started to the end of the last turn */
static inline vlot__right vlot__actor_right(vlot_actor *actor) {
  return (vlot__right)atomic_load_explicit(&actor->right, memory_order_relaxed);
}
static inline void vlot__actor_set_right(vlot_actor *actor, vlot__right right) {
  atomic_store_explicit(&actor->right, right, memory_order_relaxed);
}
/* Under the lock: mail has come; true: signal wake after the unlock. Not where a lender has
 * promised to see to it: this thread, now, or another one before. */
static inline bool vlot__actor_is_to_wake(vlot_actor *actor) {
  vlot__right right = vlot__actor_right(actor);
  if (right == VLOT__RUNNING) return false;
  if (right == VLOT__PARKED) {
    vlot__actor_set_right(actor, VLOT__READY);
    actor->woke = true;
  }
  if (vlot__lending && vlot__lend_promise(actor)) return false;
  if (!actor->is_waiting || actor->is_suspended || actor->promises > 0) return false;
  if (actor->holds > 0 && !actor->is_granted) return false;
  if (right == VLOT__READY && !actor->is_put_off) actor->lost_wakes++; /* it should not wait */
  actor->is_waiting = false;
  return true;
}
/* Under the lock: may its own thread run a turn now, or a lender (which is not granted one)? */
static inline bool vlot__actor_may_run_alone(vlot_actor *actor) {
  return actor->phase == VLOT__LIVE && vlot__actor_right(actor) != VLOT__RUNNING &&
         !actor->is_suspended && (actor->holds == 0 || actor->is_granted);
}
/* Under the lock: a lender's turn, or promise. What has a timer sleeps until it is due, itself. */
static inline bool vlot__actor_may_lend(vlot_actor *actor) {
  return actor->phase == VLOT__LIVE && !actor->keeps_turns && !actor->is_suspended &&
         actor->holds == 0 && actor->next_timer_ns == VLOT__TIMER_NEVER;
}
/* Run one turn as a lender that has promised for it; false: it has no mail, or may not. */
bool vlot__actor_run_lent(vlot_actor *actor);
/* Under the lock: the own thread is to look again, whatever for. */
static inline void vlot__actor_rouse(vlot_actor *actor) {
  actor->is_waiting = false;
  pthread_cond_signal(&actor->wake);
}
/* Under the lock, on changed; false: the deadline. */
bool vlot__actor_wait(vlot_actor *actor, uint64_t deadline_ns);
static inline void vlot__actor_tell_waiters(vlot_actor *actor) {
  if (actor->waiters > 0) pthread_cond_broadcast(&actor->changed);
}

/* Behind each hook that may let effects go. */
static inline void vlot__actor_check_left(const vlot_actor *actor) {
  VLOT_DUTY(!actor->has_entered, "leave all that was entered before start, a turn or stop returns");
}

/* --- life.c, end.c --- */
void *vlot__actor_main(void *actor);
/* The own thread's way out; the actor may be freed when it returns. */
void vlot__actor_end(vlot_actor *actor, bool has_started);
/* vlot_actor_spawn; has_begun: the context is no longer the caller's, finish has been or will be
 * called.
 */
vlot_result vlot__actor_spawn(vlot_actor_system *system, const vlot_actor_options *options,
                              vlot_actor **actor, bool *has_begun);
void vlot__actor_reap(vlot_actor_system *system); /* join the threads that have gone */
/* Under the lock: close the fence with a reason; true: announce after the unlock. */
bool vlot__actor_close_fence(vlot_actor *actor, vlot_end end, vlot_why why, uint32_t code);
/* Under the lock: the kill itself. False: fenced before. *announces as above. */
bool vlot__actor_kill_locked(vlot_actor *actor, vlot_why why, bool *announces);

/* vlot_actor_exit with any end. */
void vlot__actor_exit_as(vlot_actor *self, vlot_end end, vlot_why why, uint32_t code);

/* --- send.c --- */
vlot_result vlot__actor_post(vlot_actor *to, vlot_lane lane, const vlot_mail *header,
                             const vlot_piece *pieces, size_t count);

/* --- monitor.c --- */
/* The fence is closed and no effect is open: call the fenced hook, then tell everybody who watches,
 * and those that links take along. By the one caller whom close or leave has told to.
 */
void vlot__actor_announce(vlot_actor *actor);
/* The two halves, for an orderly end, which finishes in between. */
void vlot__actor_call_fenced(vlot_actor *actor);
void vlot__actor_tell_watchers(vlot_actor *actor);
/* Is this DOWN still wanted? Then its monitor is used up. The runner. */
bool vlot__monitor_take(vlot_actor *actor, uint64_t monitor);
void vlot__monitor_drop_all(vlot_actor *actor); /* the runner, at its end */

/* --- call.c --- */
/* Give a caller its answer (a reference is taken over on VLOT_OK); VLOT_CLOSED: it waits no longer.
 */
/* Whoever waits for its answer is told VLOT_CLOSED: it will give none. All: the system stops, and
 * takes no call any more. */
void vlot__calls_end(vlot_actor *to);
void vlot__calls_end_all(vlot_actor_system *system);
vlot_result vlot__call_answer(vlot_actor_system *system, uint64_t token, vlot_result result,
                              vlot_bytes *reply);

/* --- status.c --- */
/* What it has published in this turn can be seen from now on: self, without the lock. */
void vlot__actor_publish_now(vlot_actor *self);
/* Under the lock. */
void vlot__actor_record(vlot_actor *actor, vlot_actor_event_kind kind, vlot_why why,
                        uint64_t value);

#endif
