/* What this machine can do at best, without Raft: the denominators of the benchmark.
 *
 * Each limit runs once per call, on threads of its own plus the calling one (the client or
 * consumer), and leaves nothing behind. Call them in turn with what they are compared to, in the
 * same process: the clock rate and the placement of threads drift, ratios of neighbours do not.
 *
 * Every limit warms up first, outside the measured time, and proves by sums over what arrived that
 * no message was lost, doubled or reordered.
 */
#ifndef VLOT_BENCH_LIMITS_H
#define VLOT_BENCH_LIMITS_H

#include <stdbool.h>
#include <stdint.h>

#include "../measure.h"

enum limit_status {
  LIMIT_OK = 0,
  LIMIT_INVALID,  /* an option is out of range; nothing ran */
  LIMIT_MISMATCH, /* messages were lost, doubled or reordered: the figures mean nothing */
  LIMIT_SYSTEM    /* no thread, or the CPU may not be used */
};

struct limit_result {
  enum limit_status status;
  char why[160]; /* when not LIMIT_OK: the value and what is allowed, or what went wrong */
  uint64_t ops;  /* measured operations (mailbox: messages) */
  double seconds;
  double ops_per_second;
  /* The rest is 0 where a limit has no such figure. Latency runs from the moment the client begins
   * to submit a refill to the moment it has taken the answer out of its mailbox. */
  uint64_t p50_ns;
  uint64_t p99_ns;
  uint64_t p999_ns;
  uint64_t max_ns;
  uint64_t gap_max_ns; /* longest time the client saw no answer */
  double batch_mean; /* mailbox: messages per swap; pipeline: commands per message to a follower */
};

/* ---- mailbox: many producers, one consumer --------------------------------------------------- */

struct limit_mailbox_options {
  uint32_t producers; /* 1..64 */
  uint32_t size;      /* bytes of a message, 8..65536 */
  uint32_t bound;     /* messages queued at most, 1..2^24; a producer that finds it full waits */
  uint64_t messages;  /* measured, of all producers together; 1..2^40 */
  int cpu;            /* all threads on this CPU, or MEASURE_CPU_ANY */
};

/* 3 producers, 16 bytes, bound 65,536, 20 million messages, left to the kernel. */
void limit_mailbox_options_init(struct limit_mailbox_options *options);

/* thread  any; blocks; pins the calling thread for the time of the call if a CPU is given */
struct limit_result limit_mailbox_run(const struct limit_mailbox_options *options);

/* ---- relay: client -> leader -> two followers -> leader -> client ---------------------------- */

/* Four threads, one operation in flight; both followers are woken, the first acknowledgement
 * answers. */
struct limit_relay_options {
  double seconds; /* measured time, above 0, at most 3600; not used when ops is given */
  uint64_t ops;   /* measured operations, at most 2^40, 0 = by time */
  int cpu;        /* all threads on this CPU, or MEASURE_CPU_ANY */
};

/* 1 second, left to the kernel. */
void limit_relay_options_init(struct limit_relay_options *options);

/* thread  as limit_mailbox_run() */
struct limit_result limit_relay_run(const struct limit_relay_options *options);

/* ---- pipeline: the shape of Raft without Raft ------------------------------------------------ */

/* A client keeps a window of commands in flight. The leader appends them to its log, sends what a
 * turn brought as one message per follower, counts the majority, applies, answers in batches.
 * Followers append, acknowledge, apply. Everything is copied; there are no terms, elections or
 * checks. The measured time ends when the last answer is read and every follower has applied
 * everything. */
enum limit_lock {
  LIMIT_LOCK_PER_COMMAND, /* the client takes the leader's lock for every command */
  LIMIT_LOCK_PER_REFILL   /* once for all commands it may submit at that moment */
};

struct limit_pipeline_options {
  uint32_t window; /* commands in flight, 1..2^20 */
  uint32_t size;   /* bytes of a command, 8..2^20 */
  uint32_t nodes;  /* 3 or 5, leader included */
  enum limit_lock lock;
  double seconds; /* measured time, above 0, at most 3600; not used when ops is given */
  uint64_t ops;   /* measured commands, at most 2^40, 0 = by time */
  /* A node's log in bytes, 2^20..2^40, at least 4 windows. When it is full its oldest segments are
   * written again, as after a snapshot that costs nothing. Give enough for the whole run to see a
   * log grow. */
  uint64_t log_bytes;
  /* Fault the logs in before the clock starts; otherwise segments are made when needed. */
  bool pretouch;
  /* The nodes have no threads: the client, which would wait, runs their turns itself, one mailbox
   * after the other. The same locks and copies, and no wake-up. */
  bool by_caller;
  int cpu; /* all threads on this CPU, or MEASURE_CPU_ANY */
};

/* Window 256, 16 bytes, 3 nodes, a lock per command, 1 second, 64 MiB logs touched before, left to
 * the kernel. */
void limit_pipeline_options_init(struct limit_pipeline_options *options);

/* thread  as limit_mailbox_run() */
struct limit_result limit_pipeline_run(const struct limit_pipeline_options *options);

#endif
