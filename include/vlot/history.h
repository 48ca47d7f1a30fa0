/* vlot/history.h: what clients asked and were told, as JSON lines for a linearizability checker.
 *
 * One line per operation, written when it ends:
 *   {"client":1,"call":10,"op":"set","key":"a","value":"1","return":25,"result":null}
 * client   a number that has one operation at a time. After an unknown outcome a client goes on
 *          under a new number: the old one's last operation may still take effect, so it never
 *          returned. Operations that overlap get numbers of their own.
 * call     times of one monotonic clock: nanoseconds, in lockstep action numbers
 * return   absent: the outcome is unknown
 * fail     true: it certainly did not happen
 * result   what it answered; null: nothing
 * Keys and values are any bytes, and come back as they were: a string, or {"hex":"ff00"} where they
 * are no UTF-8. See vlot_json_bytes().
 *
 * Thread  one at a time per history.
 */
#ifndef VLOT_HISTORY_H
#define VLOT_HISTORY_H

#include "vlot/base.h"

#ifdef __cplusplus
extern "C" {
#endif

#define VLOT_HISTORY_CLIENTS_MAX    1048576u
#define VLOT_HISTORY_OPERATIONS_MAX 262144u /* under way */

/* A history that is being written. */
typedef struct vlot_history vlot_history;

/* Where lines go, on the thread that ends the operation: text [size] ends in a newline, without a 0
 * byte, borrowed for the call. */
typedef struct vlot_history_sink {
  void *context; /* the sink's own, handed to line */
  void (*line)(void *context, const char *text, size_t size);
} vlot_history_sink;

/* An operation that begins. */
typedef struct vlot_history_call {
  uint32_t client;       /* the caller's number of it: below VLOT_HISTORY_CLIENTS_MAX */
  uint32_t has_expected; /* compare-and-set: write "expected", null where it is NULL */
  uint64_t time;         /* "call" of the line */
  const char *operation; /* "set", "get" …; needed */
  const void *key;       /* [key_size]; NULL only where key_size is 0 */
  const void *value;     /* [value_size]; NULL: the operation has none */
  const void *expected;  /* [expected_size]; looked at where has_expected is not 0 */
  size_t key_size;
  size_t value_size;
  size_t expected_size;
} vlot_history_call;

/* Begin a history.
 *
 * out        out: closed with vlot_history_close(); NULL unless VLOT_OK
 * allocator  NULL: the default; borrowed for the history's life
 * sink       copied; its context is borrowed for the history's life
 * returns    VLOT_OK; VLOT_INVALID: the sink has no line; VLOT_NOMEM
 */
VLOT_API VLOT_MUST_CHECK vlot_result vlot_history_open(vlot_history **out,
                                                       const vlot_allocator *allocator,
                                                       const vlot_history_sink *sink);

/* Write the lines of what has not ended, as unknown, and free the history. NULL is allowed. Needs
 * no memory. */
VLOT_API void vlot_history_close(vlot_history *history);

/* An operation begins; nothing is written yet.
 *
 * call       borrowed for the call, with what it points to
 * operation  out: its handle for end; untouched unless VLOT_OK
 * returns    VLOT_OK; VLOT_INVALID (client, operation or key); VLOT_BUSY: as many are under way as
 *            may be; VLOT_TOO_LARGE: a size that no memory holds; VLOT_NOMEM; unless VLOT_OK
 *            nothing has begun
 */
VLOT_API VLOT_MUST_CHECK vlot_result vlot_history_begin(vlot_history *history,
                                                        const vlot_history_call *call,
                                                        uint32_t *operation);

/* It ended, and its line is written. The handle is used up, unless this returns an error.
 *
 * time     "return" of the line; not written where the outcome is unknown
 * outcome  VLOT_OK: it happened, and answered result [size] (NULL: nothing), borrowed for the call.
 *          VLOT_UNKNOWN, VLOT_TIMEOUT, VLOT_CLOSED: it may or may not happen; result is ignored;
 *          this needs no memory. Anything else: it certainly did not and will not happen; result is
 *          ignored
 * returns  VLOT_OK; VLOT_NOT_FOUND: no operation under way has that handle; VLOT_TOO_LARGE (as
 *          begin), VLOT_NOMEM: it is still under way
 */
VLOT_API VLOT_MUST_CHECK vlot_result vlot_history_end(vlot_history *history, uint32_t operation,
                                                      uint64_t time, vlot_result outcome,
                                                      const void *result, size_t size);

#ifdef __cplusplus
}
#endif

#endif
