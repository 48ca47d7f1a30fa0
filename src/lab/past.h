/* What has happened in a workspace's cluster: its events, kept so that a cause can be looked up. Of
 * those that are too many the older ones are forgotten, but for what one asks about long after:
 * rare events, and the newest of what a peer has stored, of what is durable and committed.
 */
#ifndef VLOT_LAB_PAST_H
#define VLOT_LAB_PAST_H

#include "vlot/event.h"
#include "vlot/verb.h"

enum {
  VLOT__PAST_NODES = VLOT_STEP_NODES_MAX + 1, /* members, and 0, the cluster */
  VLOT__PAST_EVENTS_MAX = 1 << 17,            /* of one node; then the older half is forgotten */
  VLOT__PAST_RARE_MAX = 1 << 12,              /* … but for so many */
};

typedef struct vlot__past_node {
  vlot_event *events; /* [count], in order */
  size_t count;
  uint64_t whole_from; /* sequence from which on all are kept; before it there are gaps … */
  uint64_t seen_from;  /* … and before this one things that nobody has seen at all */
  size_t capacity;
} vlot__past_node;

typedef struct vlot__past {
  vlot__past_node nodes[VLOT__PAST_NODES];
} vlot__past;

/* Without memory what came before is forgotten; a gap is remembered as one. */
void vlot__past_add(vlot__past *past, const vlot_event *event);
void vlot__past_clear(vlot__past *past);
void vlot__past_deinit(vlot__past *past);

/* The event with this vlot_event_id(); NULL: none, or it is forgotten. */
const vlot_event *vlot__past_find(const vlot__past *past, uint64_t id);

/* The tick of an action, by its newest event; VLOT_NEVER: none is known. */
uint64_t vlot__past_tick(const vlot__past *past, uint64_t action);

/* Is everything kept that a node did after a sequence? And what outlives the rest? What is not
 * found is not known otherwise. */
bool vlot__past_is_whole(const vlot__past *past, uint32_t node, uint64_t after);
bool vlot__past_is_seen(const vlot__past *past, uint32_t node, uint64_t after);

/* The newest event of a node that is of one of these kinds (bits), with this peer (0: any), after a
 * sequence; NULL: none. */
const vlot_event *vlot__past_newest(const vlot__past *past, uint32_t node, uint64_t kinds,
                                    uint32_t peer, uint64_t after);

/* The newest message that a node sent to a peer, of one of these kinds (bits), after a sequence. */
const vlot_event *vlot__past_sent(const vlot__past *past, uint32_t node, uint32_t peer,
                                  uint64_t messages, uint64_t after);

/* What was last said of a node's disk, of its cluster or in what was recorded; NULL: nothing. */
const vlot_event *vlot__past_disk(const vlot__past *past, uint32_t node);

/* What became of a message, as far as is known: its RECEIVED or DROPPED event; NULL: neither. */
const vlot_event *vlot__past_end_of(const vlot__past *past, uint64_t message, uint32_t from,
                                    uint32_t to);

#endif
