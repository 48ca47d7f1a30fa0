/* Why, as its files share it. Calls go down this list only:
 *
 * why.c            the public call: a question, a moment, an answer
 * why_entry.c      about an entry, a command, a read
 * why_node.c       about a node: how it is, what led there, what is missing
 * why_election.c   what is missing to a leader
 * why_commit.c     … to a commit, and to reads
 * why_chain.c      the causes of an event
 * why_snapshot.c   how far a snapshot on its way is, and what it waits for
 * why_forward.c    what a follower passes on to the leader
 * why_way.c        what became of a message, its copies and its answer
 * why_fate.c       what stands in somebody's way: disks, suspension, clocks, cuts
 * why_word.c       whose word counts
 * why_look.c       the cluster at one moment
 * explain.c        the answer as it grows
 */
#ifndef VLOT_CLUSTER_WHY_INSIDE_H
#define VLOT_CLUSTER_WHY_INSIDE_H

#include "cluster/past.h"
#include "vlot/why.h"

#define BIT(kind) (UINT64_C(1) << VLOT_EVENT_##kind)
#define OF(kind)  (UINT64_C(1) << VLOT_MESSAGE_##kind)

/* --- the cluster at one moment --- */

typedef struct vlot__why_member {
  uint32_t id;
  bool is_stuck; /* its turn did not end: the status is the one that was published last */
  bool has_entry;
  uint64_t entry_term; /* of the entry that is asked about */
  vlot_node_status status;
} vlot__why_member;

/* The entries of a leader's log from an index on are of that term. */
typedef struct vlot__why_run {
  uint64_t from;
  uint64_t term;
} vlot__why_run;

typedef struct vlot__why_cut {
  uint32_t from;
  uint32_t to;
} vlot__why_cut;

enum { VLOT__WHY_RUNS = 64 };

typedef struct vlot__moment {
  const vlot_allocator *allocator;
  uint64_t now;
  uint32_t leader;           /* 0: none */
  vlot_why obstacle;         /* vlot_cluster_leaderless_why() */
  vlot__why_member *members; /* [member_count] by_id.h */
  size_t member_count;
  size_t member_capacity;
  vlot_pending *pending; /* [pending_count] by id. Where the cluster runs: timers and writes */
  size_t pending_count;
  size_t pending_capacity;
  vlot__why_cut *cuts; /* [cut_count] */
  size_t cut_count;
  size_t cut_capacity;
  vlot__why_run runs[VLOT__WHY_RUNS]; /* [run_count] from the leader's commit index on */
  size_t run_count;
  const vlot_raft_options *raft; /* borrowed from the cluster */
  vlot_progress *sending;        /* [sending_count] peers that the leader sends a snapshot */
  size_t sending_count;
  size_t sending_capacity;
  vlot_past *past; /* own: what the rings keep; NULL where one was given */
  bool is_stepped; /* the pending list is whole */
} vlot__moment;

/* Look at all of it. index: of an entry that is asked about, 0: none; wants_past: copy the rings.
 * Unless VLOT_OK nothing is left. */
vlot_result vlot__moment_take(vlot__moment *moment, vlot_cluster *cluster, uint64_t index,
                              bool wants_past);
void vlot__moment_deinit(vlot__moment *moment);

/* --- an answer that grows --- */

typedef struct vlot__explaining {
  vlot_explanation told; /* first: it is what is handed out */
  const vlot_allocator *allocator;
  vlot_reason *reasons;
  size_t reason_capacity;
  vlot_wait *waits;
  size_t wait_capacity;
  char *text; /* [text_capacity] of the last reason */
  size_t text_size;
  size_t text_capacity;
  bool is_short; /* something did not fit into memory */
} vlot__explaining;

typedef struct why {
  const vlot__moment *moment;
  const vlot_past *past;
  vlot__explaining *out;
} why;

/* A line is begun, and then what it says. */
void vlot__why_begin(why *at, vlot_reason_kind kind, uint32_t node);
void vlot__why_say(why *at, const char *format, ...) __attribute__((format(printf, 2, 3)));
void vlot__why_begin_event(why *at, vlot_reason_kind kind, const vlot_event *event);

/* And what that line says is waited for. */
void vlot__why_wait(why *at, vlot_wait wait);
static inline vlot_wait vlot__why_wait_of(vlot_wait_kind kind, uint32_t node) {
  return (vlot_wait){.kind = kind, .node = node, .since = VLOT_NEVER, .until = VLOT_NEVER};
}
void vlot__why_wait_quorum(why *at, vlot_wait_kind kind, uint32_t node, uint32_t have,
                           uint32_t need);

/* --- why_look.c --- */

static inline bool why_is_up(const vlot_node_status *status) {
  return status->state == VLOT_NODE_UP || status->state == VLOT_NODE_SUSPENDED;
}

/* A node as it is; where there is none, only its id. */
vlot_node_status vlot__why_status(const why *at, uint32_t id);
/* The next member; 0: there is none. */
uint32_t vlot__why_next(const why *at, uint32_t id);
/* Of an entry of the leader's log; 0: not known. */
uint64_t vlot__why_term(const why *at, uint64_t index);
bool vlot__why_is_cut(const why *at, uint32_t from, uint32_t to);
/* NULL: nothing pending has that id. */
const vlot_pending *vlot__why_find_pending(const why *at, uint64_t id);
/* A link made it of another one at its sender, or a person in the cluster. */
bool vlot__why_is_copy(const vlot_event *sent);
/* What it was copied from in the end; itself. */
const vlot_event *vlot__why_first_of(const why *at, const vlot_event *sent);

/* --- why_word.c --- */

/* Does this count, that a member told (RECEIVED, or what it led to)? Not from a disk that the
 * configuration does not know. */
bool vlot__why_counts(const why *at, uint32_t id, const vlot_event *told);
/* "disk is not the one the configuration knows, since it was wiped at tick 19: …" */
void vlot__why_say_foreign(why *at, uint32_t id);
/* "; it is a learner, which does not count; it is suspended", at the end of a line. */
void vlot__why_say_member(why *at, const vlot_node_status *status);
/* "no longer known: …", at the end of a line: what a node did is forgotten. */
void vlot__why_say_forgotten(why *at, uint32_t node);

/* --- why_fate.c --- */

/* "its disk is stalled since tick 28: nothing completes"; false, and nothing: it waits for no
 * write. */
bool vlot__why_say_disk(why *at, uint32_t id);
/* What stands in the way of a node, a line each: it is suspended, its clock stands still, its timer
 * is held, … */
void vlot__why_add_obstacles(why *at, uint32_t id);
/* The links that are cut, one way or both, in a line; nothing: none is. */
void vlot__why_add_cuts(why *at);

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

/* --- why_forward.c --- */

/* What clients asked of a node that does not lead, and what each of it waits for, a line each. */
void vlot__why_add_forwards(why *at, const vlot_node_status *status);
/* Of one PROPOSE or READ there, that has no answer. */
void vlot__why_add_asked(why *at, const vlot_event *asked, bool is_oldest);

/* --- why_chain.c --- */

/* A line of an event alone; and one with all that led there. */
void vlot__why_add_event(why *at, const vlot_event *event);
void vlot__why_add_chain(why *at, const vlot_event *event);

/* --- why_commit.c --- */

void vlot__why_add_commit(why *at, const vlot_node_status *leader);
void vlot__why_add_reads(why *at, const vlot_node_status *leader);
void vlot__why_add_read(why *at, const vlot_node_status *leader, const vlot_event *read);

/* --- why_snapshot.c --- */

/* Whom a leader sends one, a line each; what comes to a node. */
void vlot__why_add_snapshots(why *at, const vlot_node_status *leader);
void vlot__why_add_coming(why *at, const vlot_node_status *status);
/* One of its own, whose image is not written yet. */
void vlot__why_add_image(why *at, uint32_t id);

/* --- why_election.c --- */

void vlot__why_add_campaign(why *at, uint32_t id, const vlot_event *campaign);
void vlot__why_add_no_leader(why *at);

/* --- why_node.c --- */

void vlot__why_add_node(why *at, uint32_t id, vlot_ask about);

/* --- why_entry.c --- */

void vlot__why_add_entry(why *at, uint32_t id, uint64_t index);
void vlot__why_add_command(why *at, uint32_t client, uint64_t sequence);
void vlot__why_add_asked_read(why *at, uint32_t id, uint32_t client, uint64_t sequence);

#endif
