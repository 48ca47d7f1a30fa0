/* vlot/watch.h: being told instead of asking: events by a function or a file descriptor, and the
 * last state of something that is never missed.
 *
 * Function    with threads it is called on a thread of the host's, vlot-tell, never a node's and
 *             not the clock's: it may take its time, and may use the cluster as any other thread
 *             may (propose, kill …). All functions of a host's clusters share it: what one waits
 *             for holds up the others. In lockstep, and while the cluster is paused, it is called
 *             at the end of an action, inside the call that steps: there it may look, and whatever
 *             would step or change the cluster is VLOT_DEADLOCK. Closing the cluster is
 *             VLOT_DEADLOCK in either; closing what it belongs to is allowed, and then it is not
 *             called again.
 * Descriptor  an eventfd or the write end of a pipe or socket, non-blocking (O_NONBLOCK), the
 *             caller's: 8 bytes, a 1, are written when there is news and the news before was taken;
 *             then it is readable, in a poll loop with other things. Read it, then take what there
 *             is until there is no more.
 * Cost        events of all kinds cost as a subscription does; a watch next to nothing.
 */
#ifndef VLOT_WATCH_H
#define VLOT_WATCH_H

#include "vlot/cluster.h"

#ifdef __cplusplus
extern "C" {
#endif

/* --- events ----------------------------------------------------------------------------------- */

typedef struct vlot_subscription_options {
  size_t size;        /* set by vlot_subscription_options_init() */
  uint64_t bytes_max; /* as vlot_subscription_open() has it: default 0, 256 MiB */
  uint64_t kinds;     /* bits, 1 << vlot_event_kind: of these kinds only; default 0: all */
  /* gets every event, once; vlot_subscription_next() has none then. NULL (default): none */
  void (*told)(void *context, const vlot_event *event);
  void *context; /* handed to told */
  int32_t fd;    /* written to; default -1: none */
  uint32_t reserved;
} vlot_subscription_options;

/* Set size and the defaults; what has none in the words above is 0 or NULL. */
VLOT_API void vlot_subscription_options_init(vlot_subscription_options *options);

/* vlot_subscription_open(), with options. What was lost for want of room is counted, and the rest
 * is told: vlot_subscription_lost().
 *
 * options  NULL: the defaults; copied
 * returns  VLOT_OK; VLOT_INVALID: unknown kinds, both told and fd, or fd is none that can be
 *          written to without blocking; VLOT_NOMEM; VLOT_BUSY: no more threads; VLOT_CLOSED
 * thread   any; blocks while vlot-tell starts. vlot_subscription_close() then waits for a call of
 *          told that is under way on another thread
 */
VLOT_API VLOT_MUST_CHECK vlot_result vlot_subscription_open_with(
    vlot_subscription **out, vlot_cluster *cluster, const vlot_subscription_options *options);

/* --- the last state --------------------------------------------------------------------------- */

/* LEADER   who leads, and in which term
 * APPLIED  up to where node has applied; of all that are up the highest, where node is 0
 */
typedef enum vlot_watch_kind { VLOT_WATCH_LEADER = 1, VLOT_WATCH_APPLIED } vlot_watch_kind;

typedef struct vlot_watched {
  uint32_t leader;  /* LEADER: the node that is up and leads in the highest term; 0: none */
  uint32_t node;    /* APPLIED: whom it is about */
  uint64_t term;    /* LEADER: of it; 0: none */
  uint64_t applied; /* APPLIED; 0: it is down */
  uint64_t changes; /* how often another state was told so far, this one included */
} vlot_watched;

typedef struct vlot_watch vlot_watch;

typedef struct vlot_watch_options {
  size_t size; /* set by vlot_watch_options_init() */
  vlot_watch_kind kind;
  uint32_t node; /* APPLIED */
  /* gets the state as it is: at the begin, and when it has changed since the call before. States in
   * between may be missed, the last one never is. NULL (default): none */
  void (*told)(void *context, const vlot_watched *state);
  void *context; /* handed to told */
  int32_t fd;    /* written to; default -1: none */
  uint32_t reserved;
} vlot_watch_options;

/* Set size, kind and the defaults; what has none in the words above is 0 or NULL. */
VLOT_API void vlot_watch_options_init(vlot_watch_options *options, vlot_watch_kind kind);

/* Watch, from now on until it is closed.
 *
 * out      out: closed with vlot_watch_close(); NULL unless VLOT_OK
 * options  copied
 * returns  VLOT_OK; VLOT_INVALID: kind, both told and fd, or fd is none that can be written to
 *          without blocking; VLOT_NOT_FOUND: no such member; VLOT_NOMEM; VLOT_BUSY: no more
 *          threads; VLOT_CLOSED
 * thread   any; blocks while vlot-tell starts
 */
VLOT_API VLOT_MUST_CHECK vlot_result vlot_watch_open(vlot_watch **out, vlot_cluster *cluster,
                                                     const vlot_watch_options *options);

/* The state as it was looked at last, which with threads is soon after it changed; behind the
 * cluster's close the last one.
 *
 * state    out: set in any case
 * returns  is it another one than the last that was taken here?
 * thread   any, one at a time per watch; never blocks
 */
VLOT_API bool vlot_watch_take(vlot_watch *watch, vlot_watched *state);

/* Before or behind the cluster's; NULL is allowed. Waits for a call of told that is under way on
 * another thread. */
VLOT_API void vlot_watch_close(vlot_watch *watch);

#ifdef __cplusplus
}
#endif

#endif
