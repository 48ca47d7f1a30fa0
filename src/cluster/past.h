/* What has happened in a cluster (vlot/why.h), as those who ask why look into it. */
#ifndef VLOT_CLUSTER_PAST_H
#define VLOT_CLUSTER_PAST_H

#include "vlot/why.h"

typedef struct vlot__past_node {
  uint32_t id;
  vlot_event *events; /* [count], in order */
  size_t count;
  size_t capacity;
  uint64_t whole_from; /* sequence from which on all are kept; before it there are gaps … */
  uint64_t seen_from;  /* … and before this one things that nobody has seen at all */
} vlot__past_node;

/* What is known of a node; never NULL. */
const vlot__past_node *vlot__past_of(const vlot_past *past, uint32_t node);

/* Is everything known after a sequence that outlives the rest? What is not found is not known
 * otherwise. */
bool vlot__past_is_seen(const vlot_past *past, uint32_t node, uint64_t after);

/* The newest message that a node sent to a peer, of one of these kinds (bits), after a sequence. */
const vlot_event *vlot__past_sent(const vlot_past *past, uint32_t node, uint32_t peer,
                                  uint64_t messages, uint64_t after);

/* What was last said of a node's disk, of its cluster or in what was recorded; NULL: nothing. */
const vlot_event *vlot__past_disk(const vlot_past *past, uint32_t node);

/* What became of a message, as far as is known: its RECEIVED or DROPPED event; NULL: neither. */
const vlot_event *vlot__past_end_of(const vlot_past *past, uint64_t message, uint32_t from,
                                    uint32_t to);

#endif
