/* vlot/machine.h: the replicated state machine a user brings, and the key-value machine that comes
 * along.
 *
 * A machine is a table of functions. Every node creates its own; all of them are fed the same
 * commands in the same order, so they must be deterministic: no clock, no random numbers, no
 * addresses in what they compute.
 * Thread  all functions of one machine are called by one thread at a time (its node's turn); never
 *         with a lock held. Those of an image (image_write, image_free) run beside them.
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

#define VLOT_REPLY_BYTES_MAX (1u << 30) /* one answer: 1 GiB */

/* Answer the k-th command of the apply() under way, or (k 0) the query(). A second answer replaces
 * the first; who is given none gets an empty one.
 *
 * replies  as handed to apply() or query(); NULL (nobody asked): nothing happens
 * data     [size] copied; NULL is allowed when size is 0
 * returns  VLOT_OK; VLOT_INVALID: k is none of the commands, or data is missing; VLOT_NOMEM;
 *          VLOT_TOO_LARGE: more than VLOT_REPLY_BYTES_MAX, and data is not read. Where the machine
 *          lets it be, a command's answer is empty and its why says so (vlot_answer), and a query's
 *          asker gets this result
 * thread   inside that call only
 */
VLOT_API vlot_result vlot_replies_set(vlot_replies *replies, uint32_t k, const void *data,
                                      size_t size);

/* Byte streams: of snapshots, and what a journal is written to. write: all of [size] bytes or an
 * error. read: 1 … size bytes, 0 at the end, by *got, or an error. data is borrowed for the call.
 */
typedef struct vlot_writer {
  void *context; /* the stream's own, handed to write */
  vlot_result (*write)(void *context, const void *data, size_t size);
} vlot_writer;

typedef struct vlot_reader {
  void *context; /* the stream's own, handed to read */
  vlot_result (*read)(void *context, void *data, size_t size, size_t *got);
} vlot_reader;

/* A state machine, as a table of functions: create, apply and destroy are needed, the others may be
 * NULL. Copied where it is an option; name and context are borrowed for as long as it is in use.
 */
typedef struct vlot_machine {
  size_t size;      /* sizeof(vlot_machine) */
  const char *name; /* for reports */
  void *context;    /* handed to create */

  /* A new machine for a node, in its initial state; NULL: it cannot (the node's start fails).
   * is_replaying: the run is a re-execution; the outside world has seen its effects already.
   */
  void *(*create)(void *context, uint32_t node, bool is_replaying);

  /* Apply commands [count] at log indexes first_index …, in order; they are borrowed for the call.
   * replies is NULL where nobody waits for an answer. Anything but VLOT_OK stops this node: it is
   * fenced. */
  vlot_result (*apply)(void *state, const vlot_entry *commands, uint32_t count,
                       uint64_t first_index, vlot_replies *replies);

  /* Answer a question [size], borrowed for the call, without changing anything. NULL: this machine
   * answers none (VLOT_UNSUPPORTED). A result other than VLOT_OK goes to the asker.
   */
  vlot_result (*query)(void *state, const void *question, size_t size, vlot_replies *replies);

  /* writes the whole state, without changing it: the same bytes wherever the same commands were
   * applied, in whatever batches, above a restored snapshot or not; NULL: not supported */
  vlot_result (*snapshot)(void *state, const vlot_writer *writer);
  /* replaces the whole state, and reads all that snapshot wrote; NULL: not supported */
  vlot_result (*restore)(void *state, const vlot_reader *reader);
  /* equal states, equal hashes; NULL: replicas are not compared */
  uint64_t (*hash)(void *state);
  void (*destroy)(void *state); /* the last call for this state */

  /* A frozen view of the state, an *image*: cheap, whatever the state's size, and not changed by
   * what is called for the state afterwards; all three of these, or none. It stands for itself: its
   * state may be destroyed first. At most one per state is there at a time. NULL: not now (it is
   * tried again when the log has grown), or not supported where the function is NULL: then the
   * node's turn is as long as snapshot is */
  void *(*freeze)(void *state);
  /* writes what snapshot would have written when it was frozen; once at most, on a thread that is
   * not the node's, while other functions run for the state; in lockstep as an action of its own */
  vlot_result (*image_write)(void *image, const vlot_writer *writer);
  /* the last call for this image, written or not; on any thread likewise */
  void (*image_free)(void *image);

  /* 1: apply, query, freeze (snapshot, where there is none) and restore are short, and may be
   * called on the thread of a caller that waits for this cluster: they take no lock that such a
   * caller may hold, wait for nobody, need no more stack than it has, and never leave by
   * pthread_exit() or longjmp(). 0: on the node's own thread only */
  uint32_t may_run_on_callers;
} vlot_machine;

/* Try a machine: instances get the same commands in different batches, one with and one without
 * answers, and must answer and hash alike; a snapshot restored into another one must hash alike and
 * go on alike; an image must write the bytes that snapshot would have written when it was frozen,
 * whatever was applied since, and also when its machine is gone; all of them must write the same
 * bytes at the end; queries must change nothing.
 *
 * machine    borrowed for the call, like the rest; its functions are called on this thread
 * commands   [count] a sample of the machine's own commands; NULL is allowed when count is 0
 * questions  [question_count] may be NULL when question_count is 0
 * problem    out: what is wrong, a static sentence; NULL when nothing is, or to ignore
 * returns    VLOT_OK; VLOT_FAILED (*problem says what); VLOT_NOMEM; VLOT_INVALID (a required
 *            function is missing, or what is counted is NULL)
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

/* One operation. Keys 1 … 65,535 bytes, values up to 1 MiB; any bytes. Encoded it has at most
 * 2,162,695 bytes, which is below the default raft.entry_bytes_max: all that can be encoded can be
 * proposed. */
typedef struct vlot_kv_command {
  vlot_kv_operation operation;
  const void *key;      /* [key_size] */
  const void *value;    /* [value_size] SET, CAS: the new value */
  const void *expected; /* [expected_size] CAS: the old value; NULL: the key must be absent */
  size_t key_size;
  size_t value_size;
  size_t expected_size;
  int64_t amount; /* INCREMENT: what is added */
} vlot_kv_command;

/* Encode a command for submit, propose, read or query.
 *
 * allocator  NULL: the default; borrowed for the life of the bytes
 * command    borrowed for the call, with what it points to; what its operation does not use is not
 *            looked at
 * returns    bytes with one reference, given back with vlot_bytes_release(); NULL without memory,
 *            and when a field is out of range
 */
VLOT_API vlot_bytes *vlot_kv_encode(const vlot_allocator *allocator,
                                    const vlot_kv_command *command);

/* Back from bytes.
 *
 * data     [size] borrowed for as long as the command is used: it points into them
 * command  out: untouched unless VLOT_OK
 * returns  VLOT_OK; VLOT_CORRUPT: data is no command
 */
VLOT_API VLOT_MUST_CHECK vlot_result vlot_kv_decode(const void *data, size_t size,
                                                    vlot_kv_command *command);

/* An answer: its first byte is a status, then the value. */
typedef struct vlot_kv_answer {
  uint32_t status;      /* 0 ok, 1 not found, 2 not a number, 3 not a command */
  uint32_t size;        /* of the value, in bytes */
  const uint8_t *value; /* [size]; empty unless status is 0 */
} vlot_kv_answer;

/* An answer from bytes, as the machine gave them.
 *
 * data     [size] borrowed for as long as the answer is used: its value points into them
 * answer   out: untouched unless VLOT_OK
 * returns  VLOT_OK; VLOT_CORRUPT: data is no answer; nor is an empty one, which is what a client
 *          gets where the machine had no memory to answer
 */
VLOT_API VLOT_MUST_CHECK vlot_result vlot_kv_answer_decode(const void *data, size_t size,
                                                           vlot_kv_answer *answer);

/* The key-value machine, a static table. In a copy, context may be set to a vlot_allocator for
 * every instance; it is NULL here: the default. A malformed command changes nothing and answers
 * status 3: what stands in the log is data, not a reason to stop.
 */
VLOT_API const vlot_machine *vlot_kv_machine(void);

/* Number of keys of an instance, as its create() returned it; not while another of its functions
 * runs. */
VLOT_API uint64_t vlot_kv_count(void *state);

/* All keys of an instance with their values, in the order of its table; not while another of its
 * functions runs. What is seen is borrowed for the call. */
VLOT_API void vlot_kv_each(void *state,
                           void (*see)(void *context, const void *key, size_t key_size,
                                       const void *value, size_t value_size),
                           void *context);

#ifdef __cplusplus
}
#endif

#endif
