/* Why, as its files share it: why.c looks at a node, why_chain.c follows causes, why_election.c has
 * what is missing to a leader, why_commit.c to a commit and to reads, why_forward.c to what a
 * follower passes on, why_snapshot.c to a snapshot on its way, why_way.c what became of a message
 * and whose word counts, why_fate.c what stands in somebody's way.
 */
#ifndef VLOT_LAB_WHY_INSIDE_H
#define VLOT_LAB_WHY_INSIDE_H

#include "why.h"

#define BIT(kind) (UINT64_C(1) << VLOT_EVENT_##kind)
#define OF(kind)  (UINT64_C(1) << VLOT_MESSAGE_##kind)

typedef struct why {
  vlot__workspace *workspace;
  vlot__view_why *view;
} why;

static inline bool why_is_up(const vlot_node_status *status) {
  return status->state == VLOT_NODE_UP || status->state == VLOT_NODE_SUSPENDED;
}

/* --- why_chain.c --- */

/* A line of an event alone; and one with all that led there. */
void vlot__why_add_event(why *at, const vlot_event *event);
void vlot__why_add_chain(why *at, const vlot_event *event);
/* "no longer known: …", at the end of a line: what a node did is forgotten. */
void vlot__why_say_forgotten(why *at, uint32_t node);

/* --- why_way.c --- */

/* "RequestVote #12 is under way", of the copy that came furthest; false, and nothing: one was
 * taken. */
bool vlot__why_say_fate(why *at, const vlot_event *message);
/* The same, and of what was taken what became of the answer, or what that waits for. */
void vlot__why_say_way(why *at, const vlot_event *request);
/* Of the newest appends with an entry (0: of all) after a sequence, the one that came furthest. */
const vlot_event *vlot__why_find_append(why *at, uint32_t from, uint32_t to, uint64_t index,
                                        uint64_t since);
/* The IGNORED that a RECEIVED led to; NULL: none. */
const vlot_event *vlot__why_ignored(const why *at, const vlot_event *taken);
/* Does this count, that a member told (RECEIVED, or what it led to)? Not from a disk that the
 * configuration does not know. */
bool vlot__why_counts(const why *at, uint32_t id, const vlot_event *told);
/* "disk is not the one the configuration knows, since it was wiped at tick 19: …" */
void vlot__why_say_foreign(why *at, uint32_t id);
/* "; it is a learner, which does not count; it is suspended", at the end of a line. */
void vlot__why_say_member(why *at, const vlot_node_status *status);
bool vlot__why_find_pending(why *at, uint64_t id, vlot_pending *found);

/* --- why_fate.c --- */

/* "its disk is stalled since tick 28: nothing completes"; false, and nothing: it waits for no
 * write. */
bool vlot__why_say_disk(why *at, uint32_t id);
/* What stands in the way of a node, a line each: it is suspended, its clock stands still, its timer
 * is held, … */
void vlot__why_add_obstacles(why *at, uint32_t id);
/* The links that are cut, one way or both, in a line; nothing: none is. */
void vlot__why_add_cuts(why *at);

/* --- why_forward.c --- */

/* What clients asked of a node that does not lead, and what each of it waits for, a line each. */
void vlot__why_add_forwards(why *at, const vlot_node_status *status);

/* --- why_snapshot.c --- */

/* Of a leader: who is sent a snapshot, how far it is, what it waits for; a line each. */
void vlot__why_add_snapshots(why *at, const vlot_node_status *leader);
/* The same of one that comes to this node; nothing: none does. */
void vlot__why_add_coming(why *at, const vlot_node_status *status);
/* One of its own, whose image is not written yet. */
void vlot__why_add_image(why *at, uint32_t id);

/* --- why_election.c --- */

void vlot__why_add_campaign(why *at, uint32_t id, const vlot_event *campaign);
void vlot__why_add_no_leader(why *at);

/* --- why_commit.c --- */

void vlot__why_add_commit(why *at, const vlot_node_status *leader);
void vlot__why_add_reads(why *at, const vlot_node_status *leader);

#endif
