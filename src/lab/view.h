/* Views: what there is to see at one moment, as plain data. A verb that looks fills one and hands
 * it to vlot__verbs_show(); what is made of it, text or anything else, is made from it alone.
 *
 * vlot__view_look_NAME() overwrites a view; false: no memory, and the view is empty. What a view
 * points to is its own, and freed by vlot__view_deinit(), unless it says *borrowed*: then it is the
 * workspace's, until the next line is said. Those that take a cluster take any, also one that runs.
 */
#ifndef VLOT_LAB_VIEW_H
#define VLOT_LAB_VIEW_H

#include "text.h"
#include "vlot/cluster.h"
#include "vlot/why.h"

struct vlot__workspace;

typedef struct vlot__view_nodes {
  uint64_t now;
  uint64_t actions;
  uint32_t count;
  vlot_node_status *rows; /* [count] member id at id - 1 */
} vlot__view_nodes;

typedef struct vlot__view_pending {
  size_t count;
  vlot_pending *rows; /* [count] in the order they are due, then what is held */
  /* a recorded run: what comes next is what was recorded, in whatever order all this is due */
  bool is_recorded;
  bool is_cut; /* and has no whole end */
  bool has_diverged;
  uint64_t actions_total;
  uint64_t unended_after; /* so many actions before a turn without an end; VLOT_NEVER: none comes */
} vlot__view_pending;

typedef struct vlot__view_status {
  uint64_t now;
  uint64_t actions;
  uint64_t commits;
  uint32_t leader; /* 0: none */
  uint64_t term;   /* the leader's */
  bool is_broken;  /* a safety property is */
} vlot__view_status;

/* What stands for the front of a node's log, as far as it can be seen: while it is up. */
typedef struct vlot__view_snapshot {
  uint64_t base;  /* its log begins behind this entry */
  uint64_t index; /* of its newest snapshot; 0: it has none */
  uint64_t term;  /* of that entry; 0: not known, the node is down */
  uint64_t size;  /* bytes; likewise */
  /* one that comes from a leader: how much is here in one piece; of 0: none comes */
  uint64_t comes_index, comes_size, comes_offset;
  bool is_installing; /* it is here in full: being restored, or written */
} vlot__view_snapshot;

typedef struct vlot__view_log_row {
  uint32_t node;
  size_t size;
  const uint64_t *terms; /* [size] borrowed, from index 1 on; 0: not known */
  uint64_t commit;       /* what the node knows as committed */
  uint64_t match; /* what the leader knows to agree with its own log; 0: nothing, or it leads */
  vlot__view_snapshot snapshot;
} vlot__view_log_row;

typedef struct vlot__view_log {
  uint32_t count;
  vlot__view_log_row *rows; /* [count] */
  uint64_t from;            /* the first index to show; 0: the end of the logs */
} vlot__view_log;

typedef struct vlot__view_link {
  uint32_t from, to;
  vlot_link link;
} vlot__view_link;

typedef struct vlot__view_disk {
  uint32_t node;
  bool is_stalled, is_full;
  uint64_t delay;
  uint64_t fail_at; /* which write was to fail; 0: none */
  uint64_t told_at; /* tick */
  /* with a slow disk: entries that are not durable yet, none when last < first, and messages that
   * wait for them */
  bool has_waiting;
  uint64_t first, last;
  uint32_t messages;
} vlot__view_disk;

typedef struct vlot__view_clock {
  uint32_t node;
  uint32_t permille;
} vlot__view_clock;

typedef enum vlot__view_part {
  VLOT__VIEW_OF_ALL,
  VLOT__VIEW_OF_SOME_LINKS,
  VLOT__VIEW_OF_ONE_DISK,
} vlot__view_part;

typedef struct vlot__view_net {
  vlot__view_part part; /* what was asked for: the rest is not said to be well */
  uint64_t now;
  size_t link_count, disk_count, clock_count, pending_count;
  vlot__view_link *links;   /* [link_count] those with faults */
  vlot__view_disk *disks;   /* [disk_count] the same */
  vlot__view_clock *clocks; /* [clock_count] those that are not exact */
  vlot_pending *pending;    /* [pending_count] by id; timers are none of it */
} vlot__view_net;

typedef struct vlot__view_timer {
  uint32_t node;
  uint64_t left; /* ticks */
  vlot_due due_for;
  bool is_held;
} vlot__view_timer;

typedef struct vlot__view_timers {
  size_t count;
  vlot__view_timer *rows; /* [count] next first */
} vlot__view_timers;

typedef struct vlot__view_events {
  size_t count;
  vlot_event *rows; /* [count] oldest first */
} vlot__view_events;

typedef struct vlot__view_replica {
  uint32_t node;
  uint64_t hash;
  uint64_t applied;
  vlot_node_state state;
} vlot__view_replica;

typedef struct vlot__view_check {
  char violation[512]; /* of a safety property; "": none */
  uint32_t count;
  vlot__view_replica *rows; /* [count] machines that have a hash */
  uint32_t absent_count;
  const vlot__view_replica *absent; /* [absent_count] in rows: who is down or fenced; node only */
  const vlot__view_replica *differs[2]; /* two that have applied as much and differ; NULL */
} vlot__view_check;

typedef struct vlot__view_lints {
  size_t count;
  vlot_lint *rows; /* [count] */
} vlot__view_lints;

typedef struct vlot__view_branch {
  const char *name;   /* borrowed */
  const char *parent; /* borrowed: which it was made from; "": none */
  uint64_t parts_at;  /* behind which action it leaves that one */
  unsigned depth;     /* in the tree: 0 has no parent */
  uint64_t end;       /* its last action */
  const char *last;   /* borrowed: the last line that did something; NULL: nothing was said */
  bool is_present;
} vlot__view_branch;

typedef struct vlot__view_branches {
  bool is_adopted; /* a cluster that runs has one line of history, and it is not kept */
  size_t count;
  vlot__view_branch *rows; /* [count] each behind its parent */
} vlot__view_branches;

/* An entry of a log, as a person reads it. */
typedef struct vlot__view_entry {
  uint64_t index;
  uint64_t term;   /* 0: not known */
  bool is_known;   /* what it contains; no node that runs has it any more otherwise */
  uint32_t kind;   /* vlot_entry_kind */
  uint32_t size;   /* bytes */
  vlot__text text; /* a command of the key-value machine as it is said, other bytes escaped */
} vlot__view_entry;

typedef struct vlot__view_entries {
  vlot_node_status status;
  uint64_t first, last; /* of the whole log; last < first: it is empty */
  vlot__view_snapshot snapshot;
  size_t count;
  vlot__view_entry *rows; /* [count] */
} vlot__view_entries;

/* Figure 2 of the paper, and what we keep beside it. */
typedef struct vlot__view_node {
  vlot__view_entries log; /* its status, and the end of its log */
  bool has_timer, has_disk;
  vlot__view_timer timer;
  vlot__view_disk disk; /* what was done to it */
  size_t writes;        /* under way to its disk */
  size_t mail;          /* under way to it */
  size_t peer_count;
  vlot_progress *peers;                   /* [peer_count] of a leader */
  uint64_t window_messages, window_bytes; /* at most in flight to a peer; 0: not known */
  bool has_machine;                       /* the key-value machine */
  uint64_t keys;
} vlot__view_node;

typedef struct vlot__view_diff {
  vlot_node_status status[2];
  uint64_t first;            /* index from which on both were compared */
  uint64_t same;             /* they agree up to here; first - 1: nowhere */
  size_t count;              /* entries behind that are shown … */
  uint64_t more;             /* … and those that are not */
  vlot__view_entry *rows[2]; /* [count] each; term 0: this log ends before it */
} vlot__view_diff;

typedef struct vlot__view_pair {
  vlot__text key, value; /* escaped, long ones shortened */
  size_t value_size;     /* bytes */
  char *raw;             /* [raw_size] the key, to be sorted by */
  size_t raw_size;
} vlot__view_pair;

typedef struct vlot__view_kv {
  uint32_t node;
  uint64_t applied;
  size_t count;
  vlot__view_pair *rows; /* [count] by key */
} vlot__view_kv;

typedef struct vlot__view_said {
  uint64_t action; /* before it */
  uint64_t tick;
  bool is_undone;
  bool is_look; /* it changed nothing: no part of what is shown as text */
  vlot__text text;
} vlot__view_said;

typedef struct vlot__view_history {
  bool is_adopted;
  size_t count;
  vlot__view_said *rows; /* [count] as they can be said again */
} vlot__view_history;

typedef struct vlot__view_why {
  vlot_explanation *told; /* released with the view */
} vlot__view_why;

typedef enum vlot__view_kind {
  VLOT__VIEW_OF_NODES,
  VLOT__VIEW_OF_STATUS,
  VLOT__VIEW_OF_LOG,
  VLOT__VIEW_OF_NET,
  VLOT__VIEW_OF_TIMERS,
  VLOT__VIEW_OF_EVENTS,
  VLOT__VIEW_OF_CHECK,
  VLOT__VIEW_OF_LINTS,
  VLOT__VIEW_OF_WHY,
  VLOT__VIEW_OF_BRANCHES,
  VLOT__VIEW_OF_NODE,
  VLOT__VIEW_OF_ENTRIES,
  VLOT__VIEW_OF_DIFF,
  VLOT__VIEW_OF_KV,
  VLOT__VIEW_OF_HISTORY,
  VLOT__VIEW_KINDS,
} vlot__view_kind;

/* What a verb shows: one of them. */
typedef struct vlot__view {
  vlot__view_kind kind;
  union {
    vlot__view_nodes nodes;
    vlot__view_status status;
    vlot__view_log log;
    vlot__view_net net;
    vlot__view_timers timers;
    vlot__view_events events;
    vlot__view_check check;
    vlot__view_lints lints;
    vlot__view_why why;
    vlot__view_branches branches;
    vlot__view_node node;
    vlot__view_entries entries;
    vlot__view_diff diff;
    vlot__view_kv kv;
    vlot__view_history history;
  } as;
} vlot__view;

/* What makes something of a view that can be read. */
typedef void vlot__view_render(vlot__text *out, const vlot__view *view);
vlot__view_render vlot__view_text;
vlot__view_render vlot__view_json; /* one object, in one line */

/* Its part for what is inside a node. */
void vlot__view_text_node(vlot__text *out, const vlot__view *view);

/* Of a cluster. Where it runs nothing is pending, and no timer is known. */
bool vlot__view_look_nodes(vlot__view_nodes *view, vlot_cluster *cluster);
bool vlot__view_look_pending(vlot__view_pending *view, vlot_cluster *cluster);
bool vlot__view_look_status(vlot__view_status *view, vlot_cluster *cluster);
bool vlot__view_look_timers(vlot__view_timers *view, vlot_cluster *cluster);
bool vlot__view_look_events(vlot__view_events *view, vlot_cluster *cluster, uint32_t node,
                            size_t most);
bool vlot__view_look_check(vlot__view_check *view, vlot_cluster *cluster);
bool vlot__view_look_lints(vlot__view_lints *view, vlot_cluster *cluster);

/* Of a workspace, which remembers what has happened. */
/* "at 4 of term 1, 54 bytes; the log begins behind entry 4" */
void vlot__view_say_snapshot(vlot__text *out, const vlot__view_snapshot *seen);
vlot__view_snapshot vlot__view_look_snapshot(struct vlot__workspace *workspace, uint32_t node);
bool vlot__view_look_log(vlot__view_log *view, struct vlot__workspace *workspace, uint32_t node);
bool vlot__view_look_net(vlot__view_net *view, struct vlot__workspace *workspace);
bool vlot__view_look_branches(vlot__view_branches *view, const struct vlot__workspace *workspace);
bool vlot__view_look_history(vlot__view_history *view, const struct vlot__workspace *workspace);

/* What is inside a node. from 0: the end of its log. Of a node that is down the terms of its log
 * are known, and of its entries what others have under the same index and term: they are the same
 * (section 5.3). Of diff: a log that does not reach so far back is compared from where it begins.
 * kv false with no memory, and where there is none: why says it, else it is NULL.
 */
bool vlot__view_look_node(vlot__view_node *view, struct vlot__workspace *workspace, uint32_t node);
bool vlot__view_look_entries(vlot__view_entries *view, struct vlot__workspace *workspace,
                             uint32_t node, uint64_t from, size_t most);
bool vlot__view_look_diff(vlot__view_diff *view, struct vlot__workspace *workspace, uint32_t a,
                          uint32_t b);
bool vlot__view_look_kv(vlot__view_kv *view, struct vlot__workspace *workspace, uint32_t node,
                        const char **why);

/* Bytes as text that any terminal can show and a person can tell apart; after `most` of them three
 * dots. */
void vlot__view_escape(vlot__text *out, const void *bytes, size_t size, size_t most);

/* Free the parts that hold more than one block. */
void vlot__view_node_free(vlot__view *view);

void vlot__view_nodes_deinit(vlot__view_nodes *view);
void vlot__view_pending_deinit(vlot__view_pending *view);
void vlot__view_deinit(vlot__view *view);

#endif
