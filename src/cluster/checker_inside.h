/* The checker, as its own files see it. Calls go down:
 *
 *   checker.c          opening, and which event goes where
 *   checker_terms.c    roles, terms, votes, acknowledgements: I-1, I-4, I-8, I-9
 *   checker_lives.c    steps, starts, disks: I-6 to I-9 across restarts
 *   checker_commit.c   commit and apply: I-5, I-6, I-7, I-10, I-11, I-16, R-1
 *   checker_peers.c    what leaders know of others, and what is sent: I-12, I-13
 *   checker_snapshots.c  snapshots and what logs forget: I-14
 *   checker_log.c      what logs held: I-2, I-3, and what is durable
 *   checker_config.c   who votes, and does a quorum hold an entry
 *   checker_history.c  members, the common history, tables, reports (checker_history.h)
 */
#ifndef VLOT_CLUSTER_CHECKER_INSIDE_H
#define VLOT_CLUSTER_CHECKER_INSIDE_H

#include "base/alloc.h"
#include "cluster/by_id.h"
#include "cluster/checker.h"

/* Hash tables, 64 bits to 64 bits, open addressing. What was entered last is known: once a
 * generation holds as many keys as the window says, it becomes the old one, and what was the old
 * one is forgotten.
 */
typedef struct vlot__checker_pair {
  uint64_t key; /* 0: empty */
  uint64_t value;
} vlot__checker_pair;

typedef struct vlot__checker_generation {
  vlot__checker_pair *pairs; /* [capacity], a power of two, or 0 */
  size_t capacity;
  size_t count;
} vlot__checker_generation;

typedef struct vlot__checker_table {
  vlot__checker_generation young;
  vlot__checker_generation old;
} vlot__checker_table;

typedef struct vlot__checker_reach {
  uint64_t term;
  uint64_t index;
} vlot__checker_reach;

/* Up to where was committed in a term, and of which term that entry is. */
typedef struct vlot__checker_mark {
  uint64_t term;
  uint64_t index;
  uint64_t entry_term;
} vlot__checker_mark;

typedef struct vlot__checker_member vlot__checker_member;

/* --- configurations --- */

typedef struct vlot__checker_row {
  vlot__checker_member *member;
  uint64_t disk_id; /* 0: any disk counts */
  uint32_t roles;   /* VLOT_CONFIG_* */
} vlot__checker_row;

typedef struct vlot__checker_config {
  uint64_t index;
  vlot__checker_row *rows; /* [count] */
  uint32_t count;
  uint32_t known; /* in force when all are */
} vlot__checker_config;

/* What one node, or the cluster, told: by index. */
typedef struct vlot__checker_configs {
  vlot__checker_config *list; /* [count] */
  size_t count;
  size_t capacity;
} vlot__checker_configs;

/* A disk that is gone. What it had made durable still counts as held: it votes no more, so it can
 * no more elect anybody who lacks it. A configuration in force names two of a member's disks at
 * most, of the last ones. */
enum { VLOT__CHECKER_LOST_DISKS = 16 };

typedef struct vlot__checker_lost {
  uint64_t disk_id;
  uint64_t index; /* durable when it was wiped */
} vlot__checker_lost;

/* --- what is known of a member --- */

struct vlot__checker_member {
  const vlot__model *model;
  bool is_met;   /* an event of it came: the model is its own, no blank one */
  bool is_wiped; /* and not started since */
  uint32_t id;
  uint32_t role; /* vlot_role */
  uint64_t term;
  uint64_t last;
  uint64_t commit;
  uint64_t applied;
  /* what appends of its term, and of the next, can have verified at most */
  vlot__checker_reach verified;
  vlot__checker_reach verified_next;
  /* what its disk holds for certain */
  uint64_t durable_term;
  uint64_t durable_index;
  uint64_t durable_chain; /* 0: not known */
  uint32_t durable_vote;
  uint64_t durable_before; /* the durable index before this step truncated */
  uint64_t durable_kept;   /* … and before a snapshot whose write is not durable yet; else 0 */
  /* across incarnations */
  uint64_t commit_ever;
  uint64_t commit_term;      /* in which it learned that */
  uint64_t commit_kept;      /* what a restart must not have undone */
  vlot__checker_table votes; /* term: candidate */
  uint64_t disk_id;          /* its present one, as configurations name it; 0: none names it */
  vlot__checker_lost lost[VLOT__CHECKER_LOST_DISKS]; /* [lost_count], one per disk id */
  size_t lost_count;
  vlot__checker_configs configs; /* as it told them */
  /* its newest snapshot, the newest that is durable, and where its log begins, as far as told */
  uint64_t snapshot;
  uint64_t snapshot_durable;
  uint64_t base;
  /* what the last leader that told anything of it knows it to hold */
  vlot__checker_reach matched;
  uint32_t matched_by;
};

typedef struct vlot__checker_place {
  uint32_t id;
  vlot__checker_member *member;
} vlot__checker_place;

struct vlot__checker {
  const vlot_allocator *allocator;
  uint64_t window;
  vlot__checker_place *members; /* [member_count] by_id.h */
  size_t member_count;
  size_t member_capacity;
  vlot__checker_configs configs; /* as the cluster told them */
  /* committed entries up to `committed`; above, the entry with the highest term that any log held
   * there; chains as in models with this origin */
  vlot__span history;
  uint64_t origin;
  uint64_t committed;
  vlot__ring marks;            /* vlot__checker_mark: first commits; terms and indexes increase */
  vlot__checker_table leaders; /* term: node */
  vlot__checker_table hashes;  /* applied index: hash of the machine */
  bool is_incomplete;
  bool has_base; /* a member was met */
  bool has_first;
  bool has_latest; /* this event caused one */
  vlot__violation first;
  vlot__violation latest;
};

static inline uint64_t vlot__checker_last_of(const vlot_event *event) {
  return event->as.slice.first + event->as.slice.count - 1;
}

/* --- checker_config.c --- */

/* One row of what a node (NULL: the cluster) tells. */
void vlot__checker_on_config(vlot__checker *checker, vlot__checker_member *m,
                             const vlot_event *event);
/* What it told from this index on is not in its log any more. */
void vlot__checker_forget_configs(vlot__checker *checker, vlot__checker_member *m, uint64_t from);
void vlot__checker_free_configs(vlot__checker *checker, vlot__checker_configs *configs);
/* Its disk is replaced: its promises are gone with it. */
void vlot__checker_wipe(vlot__checker *checker, vlot__checker_member *m);
/* I-10: a quorum holds what is committed for the first time. */
void vlot__checker_check_quorum(vlot__checker *checker, const vlot__checker_member *m,
                                const vlot_event *event, uint64_t index,
                                const vlot__span_entry *entry);

/* Does a member's disk (0: any that it had) hold an entry durably, as far as anybody knows? */
bool vlot__checker_holds(vlot__checker *checker, const vlot__checker_member *m, uint64_t disk_id,
                         uint64_t index, const vlot__span_entry *entry);

/* --- checker_log.c --- */

/* A run of entries stands in a member's log now; newest: the last one of them. */
void vlot__checker_witness(vlot__checker *checker, const vlot__checker_member *m,
                           const vlot_event *event, uint64_t first, uint64_t last,
                           const vlot__span_entry *newest);
void vlot__checker_on_append(vlot__checker *checker, vlot__checker_member *m,
                             const vlot_event *event);
void vlot__checker_on_truncate(vlot__checker *checker, vlot__checker_member *m,
                               const vlot_event *event);
void vlot__checker_on_durable(vlot__checker *checker, vlot__checker_member *m,
                              const vlot_event *event);

/* --- checker_commit.c --- */

void vlot__checker_on_commit(vlot__checker *checker, vlot__checker_member *m,
                             const vlot_event *event);
void vlot__checker_on_apply(vlot__checker *checker, vlot__checker_member *m,
                            const vlot_event *event);

/* --- checker_peers.c --- */

void vlot__checker_on_match(vlot__checker *checker, const vlot__checker_member *m,
                            const vlot_event *event);
/* What leaves it is well formed. */
void vlot__checker_check_form(vlot__checker *checker, const vlot__checker_member *m,
                              const vlot_event *event);

/* --- checker_snapshots.c --- */

void vlot__checker_on_taken(vlot__checker *checker, vlot__checker_member *m,
                            const vlot_event *event);
/* Log, commit index and what is applied begin at a snapshot. */
void vlot__checker_on_installed(vlot__checker *checker, vlot__checker_member *m,
                                const vlot_event *event);
void vlot__checker_on_compacted(vlot__checker *checker, vlot__checker_member *m,
                                const vlot_event *event);
/* It begins from what was durable; and so much of its log is durable now. */
void vlot__checker_recover_snapshot(vlot__checker *checker, vlot__checker_member *m,
                                    const vlot_event *event);
void vlot__checker_keep_snapshot(vlot__checker_member *m, uint64_t durable);

/* --- checker_lives.c --- */

void vlot__checker_on_step(vlot__checker *checker, vlot__checker_member *m,
                           const vlot_event *event);
void vlot__checker_on_start(vlot__checker *checker, vlot__checker_member *m,
                            const vlot_event *event);
void vlot__checker_on_fenced(vlot__checker *checker, vlot__checker_member *m,
                             const vlot_event *event);

/* --- checker_terms.c --- */

void vlot__checker_on_term(vlot__checker *checker, vlot__checker_member *m,
                           const vlot_event *event);
void vlot__checker_on_leader(vlot__checker *checker, vlot__checker_member *m,
                             const vlot_event *event);
void vlot__checker_on_sent(vlot__checker *checker, vlot__checker_member *m,
                           const vlot_event *event);
void vlot__checker_on_received(vlot__checker_member *m, const vlot_event *event);

#endif
