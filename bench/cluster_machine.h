/* The machine of the throughput rows: the same work per command as the limit's apply (fold the
 * command's number into a sum that depends on the order), no answer but that it happened.
 */
#ifndef VLOT_BENCH_CLUSTER_MACHINE_H
#define VLOT_BENCH_CLUSTER_MACHINE_H

#include "vlot/machine.h"

#define CLUSTER_NODES 3U

/* What a node's machine has seen, written when it is destroyed: read it after the cluster's
 * close. */
struct cluster_applied {
  uint64_t commands;
  uint64_t calls; /* of apply */
  uint64_t sum;
};

struct cluster_totals {
  struct cluster_applied nodes[CLUSTER_NODES];
};

uint64_t cluster_fold(uint64_t sum, uint64_t value);

/* totals  must outlive the cluster */
vlot_machine cluster_machine(struct cluster_totals *totals);

#endif
