/* One client that keeps a window of commands in flight on a threads cluster of three nodes. */
#ifndef VLOT_BENCH_CLUSTER_LOAD_H
#define VLOT_BENCH_CLUSTER_LOAD_H

#include <stdbool.h>
#include <stdint.h>

enum cluster_load_status {
  CLUSTER_LOAD_OK = 0,
  CLUSTER_LOAD_MISMATCH, /* replicas differ, or commands were lost, doubled or reordered */
  CLUSTER_LOAD_SYSTEM    /* the cluster could not be opened, led or closed */
};

struct cluster_load_options {
  uint32_t window; /* commands in flight, 1..65,536 */
  uint32_t size;   /* bytes of a command, >= 8 */
  double seconds;  /* measured; not used when ops is given */
  uint64_t ops;    /* measured commands; 0: by time */
  int cpu;         /* everything on this CPU, or MEASURE_CPU_ANY */
  uint64_t seed;
  bool has_journal; /* the run is recorded into a temporary file */
  uint32_t loss;    /* of a million messages on each link, once there is a leader */
  uint32_t assist;  /* vlot_assist */
  bool by_follower; /* the client sends to a follower, which passes on */
};

struct cluster_load_result {
  enum cluster_load_status status;
  char why[160]; /* when not OK */
  uint64_t ops;  /* answered OK in the measured time */
  /* rejected or of unknown outcome: they count nowhere, and say that leadership moved */
  uint64_t failed;
  double seconds;
  double ops_per_second;
  uint64_t p50_ns, p99_ns, p999_ns, max_ns; /* from the begin of a refill to the answer in hand */
  uint64_t gap_max_ns;                      /* longest time without an answer */
  double batch_mean;                        /* commands per apply on a follower or leader */
  uint64_t journal_bytes;
  uint64_t elections;
};

/* Opens a cluster, warms it up, loads it, closes it. Every command is a submit of its own. The time
 * ends when the last answer is read and all nodes have applied everything.
 */
struct cluster_load_result cluster_load_run(const struct cluster_load_options *options);

#endif
