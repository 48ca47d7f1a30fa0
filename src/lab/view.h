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
} vlot__view_pending;

typedef struct vlot__view_status {
  uint64_t now;
  uint64_t actions;
  uint64_t commits;
  uint32_t leader; /* 0: none */
  uint64_t term;   /* the leader's */
} vlot__view_status;

typedef struct vlot__view_log_row {
  uint32_t node;
  size_t size;
  const uint64_t *terms; /* [size] borrowed, from index 1 on; 0: not known */
  uint64_t commit;       /* what the node knows as committed */
  uint64_t match; /* what the leader knows to agree with its own log; 0: nothing, or it leads */
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

typedef struct vlot__view_net {
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
} vlot__view_replica;

typedef struct vlot__view_check {
  char violation[512]; /* of a safety property; "": none */
  uint32_t count;
  vlot__view_replica *rows;             /* [count] machines that have a hash */
  const vlot__view_replica *differs[2]; /* two that have applied as much and differ; NULL */
} vlot__view_check;

typedef struct vlot__view_lints {
  size_t count;
  vlot_lint *rows; /* [count] */
} vlot__view_lints;

typedef struct vlot__view_branch {
  const char *name; /* borrowed */
  uint64_t end;     /* its last action */
  const char *last; /* borrowed: the last line that did something; NULL: nothing was said */
  bool is_present;
} vlot__view_branch;

typedef struct vlot__view_branches {
  bool is_adopted; /* a cluster that runs has one line of history, and it is not kept */
  size_t count;
  vlot__view_branch *rows; /* [count] */
} vlot__view_branches;

typedef enum vlot__view_line_kind {
  VLOT__VIEW_STATE,   /* how it is */
  VLOT__VIEW_FINDING, /* and what follows from that, or is missing */
  VLOT__VIEW_DETAIL,  /* of the finding before it, about one node */
  VLOT__VIEW_EVENT,   /* what happened */
  VLOT__VIEW_CAUSE,   /* because of what: of the event or cause before it */
} vlot__view_line_kind;

typedef struct vlot__view_line {
  vlot__view_line_kind kind;
  uint32_t node;  /* whom it is about; 0: the cluster */
  uint64_t event; /* vlot_event_id() of EVENT and CAUSE */
  uint64_t tick;  /* of EVENT and CAUSE */
  vlot__text text;
} vlot__view_line;

typedef struct vlot__view_why {
  size_t count, capacity;
  vlot__view_line *rows; /* [count] */
  bool is_short;         /* something did not fit into memory */
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
  } as;
} vlot__view;

/* What makes something of a view that can be read. */
typedef void vlot__view_render(vlot__text *out, const vlot__view *view);
vlot__view_render vlot__view_text;

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
bool vlot__view_look_log(vlot__view_log *view, struct vlot__workspace *workspace, uint32_t node);
bool vlot__view_look_net(vlot__view_net *view, struct vlot__workspace *workspace);
bool vlot__view_look_branches(vlot__view_branches *view, const struct vlot__workspace *workspace);

/* A line is added, and then what it says. Without memory it is not, and is_short says so.
 *
 * returns  the line, until the next one is added; NULL: no memory
 */
vlot__view_line *vlot__view_why_begin(vlot__view_why *view, vlot__view_line_kind kind,
                                      uint32_t node);
void vlot__view_why_say(vlot__view_why *view, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

void vlot__view_nodes_deinit(vlot__view_nodes *view);
void vlot__view_pending_deinit(vlot__view_pending *view);
void vlot__view_deinit(vlot__view *view);

#endif
