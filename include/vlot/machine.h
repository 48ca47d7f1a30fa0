/* vlot/machine.h: the replicated state machine a user brings, and the key-value machine that comes
 * along.
 *
 * A machine is a table of functions. Every node creates its own; all of them are fed the same
 * commands in the same order, so they must be deterministic: no clock, no random numbers, no
 * addresses in what they compute.
 * Thread  all functions of one machine are called by one thread at a time (its node's turn); never
 *         with a lock held.
 */
#ifndef VLOT_MACHINE_H
#define VLOT_MACHINE_H

#include "vlot/base.h"
#include "vlot/raft.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Where a machine puts its answers. */
typedef struct vlot_replies vlot_replies;

/* Answer the k-th command of the apply() or the one query() under way: copies [size] bytes. A
 * second answer replaces the first. replies may be NULL (nobody asked): nothing happens.
 * VLOT_NOMEM: the answer will be empty.
 */
VLOT_API vlot_result vlot_replies_set(vlot_replies *replies, uint32_t k, const void *data,
                                      size_t size);

/* Byte streams of snapshots. write: all of [size] bytes or an error. read: 1 … size bytes, 0 at the
 * end, by *got. */
typedef struct vlot_writer {
  void *context;
  vlot_result (*write)(void *context, const void *data, size_t size);
} vlot_writer;

typedef struct vlot_reader {
  void *context;
  vlot_result (*read)(void *context, void *data, size_t size, size_t *got);
} vlot_reader;

typedef struct vlot_machine {
  size_t size;      /* sizeof(vlot_machine) */
  const char *name; /* for reports */
  void *context;    /* handed to create */

  /* A new machine for a node, in its initial state; NULL: it cannot (the node's start fails).
   * is_replaying: the run is a re-execution; the outside world has seen its effects already.
   */
  void *(*create)(void *context, uint32_t node, bool is_replaying);

  /* Apply commands [count] at log indexes first_index …, in order. Anything but VLOT_OK stops this
   * node. */
  vlot_result (*apply)(void *state, const vlot_entry *commands, uint32_t count,
                       uint64_t first_index, vlot_replies *replies);

  /* Answer a question, without changing anything. NULL: this machine answers none. A result other
   * than VLOT_OK goes to the asker.
   */
  vlot_result (*query)(void *state, const void *question, size_t size, vlot_replies *replies);

  vlot_result (*snapshot)(void *state, const vlot_writer *writer); /* NULL: not supported */
  /* replaces the whole state; NULL: not supported */
  vlot_result (*restore)(void *state, const vlot_reader *reader);
  /* equal states, equal hashes; NULL: replicas are not compared */
  uint64_t (*hash)(void *state);
  void (*destroy)(void *state);
} vlot_machine;

/* Try a machine: two instances get the same commands in different batches and must hash alike; a
 * snapshot restored into a third must hash alike and go on alike; queries must change nothing.
 *
 * commands   [count] a sample of the machine's own commands
 * questions  [question_count] may be NULL
 * problem    out: what is wrong, a static sentence; NULL when nothing is, or to ignore
 * returns    VLOT_OK; VLOT_FAILED (*problem says what); VLOT_NOMEM; VLOT_INVALID (a required
 *            function is missing)
 */
VLOT_API VLOT_MUST_CHECK vlot_result vlot_machine_check(const vlot_machine *machine,
                                                        const vlot_entry *commands, uint32_t count,
                                                        const vlot_entry *questions,
                                                        uint32_t question_count,
                                                        const char **problem);

/* --- the key-value machine -------------------------------------------------------------------- */

typedef enum vlot_kv_operation {
  VLOT_KV_GET = 1, /* also a query; answer: the value, or status 1 */
  VLOT_KV_SET,     /* answer: empty */
  VLOT_KV_DELETE,  /* answer: one byte, 1 when the key was there */
  VLOT_KV_CAS,     /* set to value if it is `expected`; answer: one byte, 1 when it was */
  /* decimal value + amount (signed 64 bit, wraps); answer: the new value in decimal; absent counts
   * as 0 */
  VLOT_KV_INCREMENT,
} vlot_kv_operation;

/* One operation. Keys 1 … 65,535 bytes, values up to 1 MiB; any bytes. */
typedef struct vlot_kv_command {
  vlot_kv_operation operation;
  const void *key;
  const void *value;    /* SET, CAS: the new value */
  const void *expected; /* CAS: the old value; NULL: the key must be absent */
  size_t key_size;
  size_t value_size;
  size_t expected_size;
  int64_t amount; /* INCREMENT */
} vlot_kv_command;

/* Encoded for submit or query: bytes with one reference; NULL without memory or when a field is out
 * of range. */
VLOT_API vlot_bytes *vlot_kv_encode(const vlot_allocator *allocator,
                                    const vlot_kv_command *command);

/* Back from bytes; pointers into data. VLOT_CORRUPT when data is no command. */
VLOT_API VLOT_MUST_CHECK vlot_result vlot_kv_decode(const void *data, size_t size,
                                                    vlot_kv_command *command);

/* An answer: its first byte is a status (0 ok, 1 not found, 2 not a number, 3 not a command), then
 * the value. */
typedef struct vlot_kv_answer {
  uint32_t status;
  uint32_t size;
  const uint8_t *value;
} vlot_kv_answer;
VLOT_API VLOT_MUST_CHECK vlot_result vlot_kv_answer_decode(const void *data, size_t size,
                                                           vlot_kv_answer *answer);

/* The table; context NULL, or a vlot_allocator to be used by every instance. A malformed command
 * changes nothing and answers status 3: what stands in the log is data, not a reason to stop.
 */
VLOT_API const vlot_machine *vlot_kv_machine(void);

/* Number of keys of an instance. */
VLOT_API uint64_t vlot_kv_count(void *state);

#ifdef __cplusplus
}
#endif

#endif
