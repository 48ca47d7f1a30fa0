/* A client that keeps sets of the key-value machine in flight on three nodes with threads. */
#ifndef VLOT_BENCH_SNAPSHOT_LOAD_H
#define VLOT_BENCH_SNAPSHOT_LOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vlot/cluster.h"

enum { SNAPSHOT_NODES = 3, SNAPSHOT_WINDOW = 256, SNAPSHOT_COMMAND = 16 /* bytes */ };

struct snapshot_load {
  vlot_cluster *cluster;
  vlot_client *client;
  uint32_t leader;
  uint32_t keys;  /* set one after the other at first, then at random */
  uint64_t state; /* of the random numbers */
  uint8_t command[SNAPSHOT_COMMAND];
  size_t key_at; /* in there */
  uint64_t submitted, answered;
  uint64_t failed; /* not OK: they are asked again by nobody */
  uint64_t answer_ns, gap_max_ns;
};

/* False: said why. core: everything there, or MEASURE_CPU_ANY. */
bool snapshot_load_open(struct snapshot_load *load, vlot_cluster_options *options, int core,
                        uint32_t keys);
bool snapshot_load_close(struct snapshot_load *load);

/* Keep the window full for so long, or until so many are answered in all (0: no such end). False: a
 * command is not taken, said why. */
bool snapshot_load_run(struct snapshot_load *load, uint64_t for_ns, uint64_t answered);

/* The gap between answers is looked at from here on. */
void snapshot_load_mark(struct snapshot_load *load);

vlot_node_status snapshot_load_status(const struct snapshot_load *load, uint32_t node);

#endif
