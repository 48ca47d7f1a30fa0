/* What basin.c (mechanics) and basin_laws.c (what must hold) share. */
#ifndef VLOT_TEST_BASIN_INSIDE_H
#define VLOT_TEST_BASIN_INSIDE_H

#include "basin.h"

/* An entry as a disk or a model holds it. chain: hash over everything up to here, so that equal
 * chains mean equal prefixes. */
typedef struct basin_entry {
  uint64_t term;
  uint64_t chain;
  vlot_batch *batch; /* a reference; NULL in models */
  uint32_t at;       /* in the batch */
} basin_entry;

typedef struct basin_entries {
  basin_entry *items; /* items[k] stands at index k + 1 */
  size_t count, capacity;
} basin_entries;

typedef struct basin_write {
  uint64_t token;
  uint64_t truncate_from;
  vlot_hard_state hard;
  bool has_hard;
  vlot_snapshot *snapshot; /* a reference, or NULL */
  basin_entries entries;
} basin_write;

typedef struct basin_flight {
  vlot_message message; /* its slices are our own, with references */
  bool is_held;
} basin_flight;

/* A disk that was lost: what it had acknowledged was true. */
typedef struct basin_lost_disk {
  uint64_t disk_id;
  basin_entries entries;
} basin_lost_disk;

#define BASIN_LIST(type)    \
  struct {                  \
    type *items;            \
    size_t count, capacity; \
  }

typedef struct basin_node {
  uint32_t id;
  vlot_raft *raft;
  vlot_raft_seen seen;
  bool was_up, is_learner, is_waiting, is_absent, holds_disk, holds_machine;
  uint64_t now;
  uint32_t incarnation;
  uint64_t configured_disk;
  /* the disk */
  vlot_hard_state hard;
  basin_entries disk; /* from index 1 on: those up to the base are known to the test only */
  uint64_t disk_base;
  vlot_snapshot *snapshot; /* of the disk; NULL: none */
  /* a machine that is being made of one */
  bool holds_restore;
  vlot_snapshot *restoring, *staged;
  uint32_t swaps;
  BASIN_LIST(basin_write) pending;
  BASIN_LIST(basin_lost_disk) lost_disks;
  /* what the node said since its start */
  uint64_t handed_index, told_index, handed_chain;
  BASIN_LIST(char) applied;
  BASIN_LIST(vlot_read_answer) reads;
  BASIN_LIST(vlot_lost) lost;
  BASIN_LIST(vlot_late_answer) answers;
  BASIN_LIST(vlot_change) changes;
  vlot_outcome outcome; /* the last one */
  char text[3][4096];
  /* models, for the laws */
  basin_entries mirror;  /* the log, as get_entry() shows it */
  basin_entries written; /* what the disk will hold when all pending writes are done */
  vlot_hard_state written_hard;
  uint64_t seen_term, seen_commit, seen_last;
  vlot_role role;
} basin_node;

typedef struct basin_position {
  uint64_t index, term, chain;
} basin_position;

typedef struct basin_promise { /* a vote that was sent, or a leadership */
  uint64_t term;
  uint32_t voter, candidate;
} basin_promise;

typedef struct basin_asked { /* a read, and what had been committed anywhere when it was asked */
  uint64_t tag, committed;
  uint32_t node;
} basin_asked;

struct basin {
  const char *file;
  int line;
  uint32_t count;
  bool is_lawless, is_by_wire;
  vlot_raft_options like;
  basin_node nodes[BASIN_NODES_MAX]; /* nodes[id - 1] */
  bool is_cut[BASIN_NODES_MAX + 1][BASIN_NODES_MAX + 1];
  BASIN_LIST(basin_flight) flights;
  BASIN_LIST(vlot_slice *) forged; /* freed at the end */
  /* history, for the laws */
  basin_position *positions; /* hash table over (index, term) */
  size_t position_capacity, position_count;
  BASIN_LIST(basin_promise) votes;
  BASIN_LIST(basin_promise) leaders;
  basin_entries committed; /* the one sequence */
  BASIN_LIST(basin_asked) asked;
};

/* Room for one more item; the list's next slot, counted. */
#define BASIN_PUSH(list)                                                     \
  (basin_grow((void **)&(list)->items, &(list)->capacity, (list)->count + 1, \
              sizeof *(list)->items),                                        \
   &(list)->items[(list)->count++])
void basin_grow(void **items, size_t *capacity, size_t wanted, size_t size);

uint64_t basin_chain(uint64_t chain, uint64_t term, const vlot_entry *entry);
void basin_entries_cut(basin_entries *entries, uint64_t last_index);
/* What a snapshot stands for: the one sequence, up to its index. */
void basin_entries_restart(const basin *b, basin_entries *entries, const vlot_snapshot *snapshot);
uint64_t basin_chain_at(const basin_entries *entries, uint64_t index);

/* The laws. */
void basin_laws_on_start(basin *b, basin_node *node);
void basin_laws_on_write(basin *b, basin_node *node, const vlot_write *write);
void basin_laws_on_changes(basin *b, basin_node *node, const vlot_output *output);
void basin_laws_on_message(basin *b, basin_node *node, const vlot_message *message);
void basin_laws_on_apply(basin *b, basin_node *node, const vlot_slice *slice);
void basin_laws_on_read(basin *b, const basin_node *node, const vlot_read_answer *answer);
void basin_laws_after_step(basin *b, basin_node *node, const vlot_output *output);

#endif
