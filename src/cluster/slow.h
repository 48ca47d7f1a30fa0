/* Calls of a node's machine that take longer than the shortest election timeout: a leader inside
 * one is taken for dead, and a follower inside one takes its leader for dead. With threads only:
 * this is about real time, which nothing else of a node looks at, and which changes nothing but a
 * lint.
 */
#ifndef VLOT_CLUSTER_SLOW_H
#define VLOT_CLUSTER_SLOW_H

#include "cluster/object.h"

/* Nanoseconds of a coarse clock, which costs a load or two; 0: they are not looked at. */
uint64_t vlot__slow_begin(vlot_cluster *cluster);

/* The monotonic clock, to some milliseconds. */
uint64_t vlot__coarse_ns(void);

/* On the node's thread, behind user code and only where the node is not void: was it too long?
 *
 * function  VLOT__SLOW_*
 * begin     what vlot__slow_begin() has returned before the call
 */
void vlot__slow_end(vlot__seat *seat, int function, uint64_t begin);

/* What is too long. */
static inline uint64_t vlot__slow_limit_ns(const vlot_cluster *cluster) {
  return cluster->options.raft.election_ticks_min * cluster->options.tick_ns;
}

#endif
