/* Majorities. A leaf: it knows numbers, not nodes. */
#ifndef VLOT_RAFT_QUORUM_H
#define VLOT_RAFT_QUORUM_H

#include <stdint.h>

/* Votes needed among [voters]; voters > 0. */
static inline uint32_t vlot__quorum_of(uint32_t voters) { return voters / 2 + 1; }

/* The highest value that a majority of values [count] reaches; 0 for count 0. Reorders values. */
uint64_t vlot__quorum_reached(uint64_t *values, uint32_t count);

#endif
