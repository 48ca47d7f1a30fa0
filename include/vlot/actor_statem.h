/* vlot: state machines above the turn of an actor, in the spirit of Erlang's gen_statem.
 *
 * A machine is in one state. Its handler gets one event at a time: mail, a timeout, a next event it
 * has sent itself, or that a state was entered. On a change of state: the state timeout is
 * cancelled, ENTER is handed over, and what was postponed comes again, in order, before newer mail.
 * Next events come before anything else.
 *
 *   options.behaviour = vlot_statem_behaviour();   the actor owns the machine and closes it
 *   options.context = machine;
 */
#ifndef VLOT_ACTOR_STATEM_H
#define VLOT_ACTOR_STATEM_H

#include "vlot/actor.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct vlot_statem vlot_statem; /* a machine: one, for one incarnation of an actor */

typedef enum vlot_statem_event_kind {
  VLOT_STATEM_ENTER = 0,         /* also of the initial state, in the actor's start */
  VLOT_STATEM_MAIL = 1,          /* from the mailbox */
  VLOT_STATEM_NEXT = 2,          /* from vlot_statem_next */
  VLOT_STATEM_TIMEOUT = 3,       /* named */
  VLOT_STATEM_STATE_TIMEOUT = 4, /* armed in this state, and still in it */
  VLOT_STATEM_EVENT_TIMEOUT = 5  /* no other event came meanwhile */
} vlot_statem_event_kind;

typedef struct vlot_statem_event {
  vlot_statem_event_kind kind;
  uint32_t state_before; /* ENTER: where it came from; the initial state: itself */
  uint64_t name;         /* TIMEOUT: as given to vlot_statem_set_timeout() */
  const vlot_mail *mail; /* MAIL and NEXT, borrowed for the call; otherwise NULL */
} vlot_statem_event;

typedef enum vlot_statem_verdict {
  VLOT_STATEM_HANDLED = 0,
  /* MAIL and NEXT only: again in the next state, with what it refers to */
  VLOT_STATEM_POSTPONE = 1
} vlot_statem_verdict;

/* What a machine does with an event in a state. event is borrowed for the call. The verdict on
 * ENTER is not looked at.
 *
 * asserts  postpone MAIL and NEXT only, no timeout
 * thread   the actor's turn (the first ENTER: its start); without a lock held
 */
typedef vlot_statem_verdict (*vlot_statem_handler)(vlot_statem *machine, void *context,
                                                   uint32_t state, const vlot_statem_event *event);

typedef struct vlot_statem_options {
  size_t size;                     /* sizeof, set by init */
  const vlot_allocator *allocator; /* NULL: the default; borrowed for the machine's life */
  vlot_statem_handler handler;     /* required */
  void *context;                   /* handed to handler, dispose and finish */
  /* As of an actor; either may be NULL. */
  void (*dispose)(void *context, const vlot_mail *mail, vlot_why why);
  void (*finish)(void *context);
  uint32_t state; /* the initial one */
  /* Events; more are dropped and disposed of (VLOT_WHY_MAILBOX_FULL); 1,024. */
  uint32_t postponed_max;
  uint32_t next_max; /* next events waiting; 1,024 */
} vlot_statem_options;

/* Set size and the two bounds; the rest is 0 or NULL. handler is still to be given. */
VLOT_API void vlot_statem_options_init(vlot_statem_options *options);

/* Make a machine; its handler hears of nothing before its actor starts.
 *
 * options  copied
 * machine  out: taken by the actor that is spawned with it, which closes it when it ends; else
 *          closed with vlot_statem_close(); NULL unless VLOT_OK
 * returns  VLOT_OK; VLOT_NOMEM; VLOT_INVALID: size is not set, or the handler is missing
 */
VLOT_API VLOT_MUST_CHECK vlot_result vlot_statem_open(const vlot_statem_options *options,
                                                      vlot_statem **machine);

/* Free a machine that no actor owns (yet): one whose spawn failed before the start. What it holds
 * back goes to dispose, then finish is called. NULL is allowed.
 */
VLOT_API void vlot_statem_close(vlot_statem *machine);

/* The behaviour of an actor whose context is a machine; a machine serves one actor, once. */
VLOT_API vlot_behaviour vlot_statem_behaviour(void);

/* --- inside the handler (thread: self) -------------------------------------------------------- */

/* The actor that it runs in, borrowed; NULL before that has started. */
VLOT_API vlot_actor *vlot_statem_self(vlot_statem *machine);

/* Change the state when the handler returns; the present state: no change. The last one of a call
 * counts.
 *
 * asserts  go to another state in any event but ENTER
 */
VLOT_API void vlot_statem_goto(vlot_statem *machine, uint32_t state);

/* Timeouts: one state timeout (ends with the state; armed together with a goto it is the new
 * state's), one event timeout (ends with any other event), and one per name (ends when cancelled).
 * Arming replaces.
 *
 * delay_ns  from now; 0: the next turn
 * returns   set: VLOT_OK, VLOT_NOMEM, VLOT_INVALID (a name from 2^63 on); unless VLOT_OK nothing
 *           has changed. cancel: it was armed
 */
VLOT_API VLOT_MUST_CHECK vlot_result vlot_statem_set_state_timeout(vlot_statem *machine,
                                                                   uint64_t delay_ns);
VLOT_API VLOT_MUST_CHECK vlot_result vlot_statem_set_event_timeout(vlot_statem *machine,
                                                                   uint64_t delay_ns);
VLOT_API VLOT_MUST_CHECK vlot_result vlot_statem_set_timeout(vlot_statem *machine, uint64_t name,
                                                             uint64_t delay_ns);
VLOT_API bool vlot_statem_cancel_timeout(vlot_statem *machine, uint64_t name);

/* An event to oneself, before anything external and in the order of these calls.
 *
 * kind     below VLOT_MAIL_RESERVED
 * stamp    the machine's own, not looked at
 * payload  [size] copied; NULL is allowed when size is 0
 * returns  VLOT_OK; VLOT_BUSY (next_max are waiting); VLOT_NOMEM; VLOT_TOO_LARGE (1 GiB or more);
 *          VLOT_INVALID; unless VLOT_OK nothing has changed
 */
VLOT_API VLOT_MUST_CHECK vlot_result vlot_statem_next(vlot_statem *machine, uint32_t kind,
                                                      uint64_t stamp, const void *payload,
                                                      size_t size);

/* Postponed events that were dropped so far because the bound was reached or memory was out. */
VLOT_API uint64_t vlot_statem_dropped(const vlot_statem *machine);

#ifdef __cplusplus
}
#endif

#endif
