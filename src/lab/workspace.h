/* A workspace: what a person has said to one lockstep cluster, and what came of it, as text. The
 * cluster is opened by the first verb that needs one; what is said before sets it up. It may also
 * be a recorded run, or somebody's cluster that is paused.
 */
#ifndef VLOT_LAB_WORKSPACE_H
#define VLOT_LAB_WORKSPACE_H

#include <signal.h>

#include "past.h"
#include "plugin.h"
#include "story.h"
#include "text.h"
#include "view.h"
#include "vlot/cluster.h"
#include "vlot/verb.h"

enum {
  VLOT__WORKSPACE_NODES_MAX = VLOT_STEP_NODES_MAX,
  VLOT__WORKSPACE_LOG_MAX = 4096, /* entries of a starting position */
  VLOT__WORKSPACE_ASKED_MAX = 256,
  VLOT__WORKSPACE_IMPORTS_MAX = 16,
};

/* The terms of a node's log, put together from its events: a status shows only the end of it. */
typedef struct vlot__workspace_log {
  uint64_t *terms; /* [size], from index 1 on; 0: not known */
  size_t size;
  size_t capacity;
} vlot__workspace_log;

/* An operation of a client whose answer is still to come. */
typedef struct vlot__workspace_asked {
  uint32_t contact; /* which client; 0 in sequence: a free place */
  uint64_t sequence;
  bool is_read;
  uint32_t operation; /* vlot_kv_operation */
  uint64_t deadline;  /* tick at which it is UNKNOWN */
  char what[96];
} vlot__workspace_asked;

/* A snapshot that `import` has read. */
typedef struct vlot__workspace_import {
  char *path;
  vlot_snapshot *snapshot; /* retained */
} vlot__workspace_import;

struct vlot__workspace;

/* Where a run that is made again stops: behind an action, or the nearest one that it can stop
 * behind; or, from an action on, where somebody says so. */
typedef struct vlot__workspace_stop {
  uint64_t action;
  uint64_t from;
  bool (*may_stop)(vlot_cluster *cluster, void *context); /* NULL: nobody says so */
  void *context;
} vlot__workspace_stop;

/* A run that is not made of what was said: it was found, and can be made again as often as one
 * likes. All of it is a line of history, the first one. */
typedef struct vlot__workspace_origin {
  void *context;
  const char *line; /* what it is called where lines are shown */
  const char *end;  /* what came of it, a sentence */
  uint64_t actions; /* that it has */
  /* Make it, in a cluster of its own, which is handed to vlot__workspace_take(); then
   * vlot__workspace_drain() takes what happened from time to time. *before: where the last turn
   * began. false: no memory */
  bool (*run)(void *context, struct vlot__workspace *workspace, const vlot__workspace_stop *stop,
              uint64_t *before);
  void (*close)(void *context); /* the cluster, with all that belongs to the run */
} vlot__workspace_origin;

typedef struct vlot__workspace {
  /* how it begins: what its owner set before the first line, and nothing changes later */
  vlot_cluster_options base;
  bool has_base;
  const vlot_plugin *plugin; /* static: the machine is its; NULL: the key-value one */
  const void *journal;       /* [journal_size] borrowed: the run to be made again; NULL */
  size_t journal_size;
  char *scene; /* what `next` reads; NULL */
  size_t scene_at;
  size_t scene_from; /* the same, but while a line of it is carried out: before that line */
  bool is_adopted;   /* the cluster is somebody else's, and runs when it is not paused */
  const vlot__workspace_origin *origin; /* borrowed; NULL: the run is what was said */
  bool is_on_track;                     /* nothing but it has happened so far */
  bool has_followed;                    /* the verb under way has only gone on in it */
  vlot__workspace_import imports[VLOT__WORKSPACE_IMPORTS_MAX]; /* [import_count] */
  unsigned import_count;

  /* this run of it */
  vlot_cluster_options options;
  vlot_start starts[VLOT__WORKSPACE_NODES_MAX];
  vlot_machine machine; /* of options, where `create` was said … */
  uint64_t machines_fail[VLOT__WORKSPACE_NODES_MAX + 1]; /* … the time it is not made; 0: never */
  uint64_t machines_made[VLOT__WORKSPACE_NODES_MAX + 1]; /* so many times so far */
  bool has_no_machine; /* and it was not, while the last line was carried out */
  uint32_t start_count;
  vlot_cluster *cluster; /* NULL: not open yet */
  vlot_subscription *events;
  vlot_client *clients[VLOT__WORKSPACE_NODES_MAX + 1]; /* by the member they talk to */
  vlot__workspace_log logs[VLOT__WORKSPACE_NODES_MAX + 1];
  vlot__workspace_asked asked[VLOT__WORKSPACE_ASKED_MAX];
  vlot_past *past; /* NULL: there was no memory */

  vlot__story story;
  uint64_t turn_began;   /* action before the turn that a redo of time ended with */
  const char *under_way; /* the line that is being carried out; NULL */
  bool is_redoing;       /* carried out again: nothing is shown */
  uint64_t actions_max;  /* no verb goes on beyond this action */
  bool was_limited;      /* one would have */
  bool is_summary;       /* of what the verb under way brings only the changes are shown */
  /* not 0: long verbs end early; NULL (default): they do not */
  volatile sig_atomic_t *must_stop;
  bool was_stopped;     /* the last one did */
  bool is_problem_told; /* in out */
  unsigned plays;       /* files that are being said, one inside the other */
  uint64_t changes;     /* goes up when there may be something else to see */

  vlot__view_render *render; /* what makes something of a view in out; text unless said */
  vlot__text out;            /* what was seen; the owner clears it */
  vlot__text problem;        /* why the last verb failed, without a newline */
  unsigned problem_word;     /* at which of its words; past the last: at the end */
} vlot__workspace;

/* Nodes run on the caller's thread, or (has_threads) on their own: what is seen is the same. */
void vlot__workspace_init(vlot__workspace *workspace, bool has_threads, uint64_t actions_max);
void vlot__workspace_deinit(vlot__workspace *workspace);

/* The workspace's cluster is a recorded run made again; before the first line. false: the problem
 * is told. */
bool vlot__workspace_set_journal(vlot__workspace *workspace, const void *data, size_t size);

/* The workspace's cluster is one with threads that is paused by this thread; it stays its owner's.
 * false: the problem is told. */
bool vlot__workspace_adopt(vlot__workspace *workspace, vlot_cluster *cluster,
                           const vlot_cluster_options *options);

/* The machine is this one from the first line on; NULL: nothing changes. */
void vlot__workspace_set_plugin(vlot__workspace *workspace, const vlot_plugin *plugin);

/* What `next` reads, a scene's text, which is copied. false: no memory. */
bool vlot__workspace_set_scene(vlot__workspace *workspace, const char *text);

/* The workspace's cluster is in a run that was found, at its end; before the first line. false: no
 * memory, and that is told. */
bool vlot__workspace_set_origin(vlot__workspace *workspace, const vlot__workspace_origin *origin);
bool vlot__workspace_take(vlot__workspace *workspace, vlot_cluster *cluster);

/* Make it again up to there; what was said is gone. And, from where it stands, go on in it: what
 * happens is told. false: the problem is told. */
bool vlot__workspace_run_origin(vlot__workspace *workspace, const vlot__workspace_stop *stop);
bool vlot__workspace_follow(vlot__workspace *workspace, const vlot__workspace_stop *stop);

/* How far one can follow it from here; 0: one has left it, or it is over. */
uint64_t vlot__workspace_track(const vlot__workspace *workspace);

/* What happens in a cluster from now on is taken by vlot__workspace_drain(). */
vlot_result vlot__workspace_listen(vlot__workspace *workspace, vlot_cluster *cluster);

/* Open the cluster if it is not. false: the problem is told. */
bool vlot__workspace_open(vlot__workspace *workspace);

/* Close it again, to set something up, as long as nothing has happened. false: something has. */
bool vlot__workspace_unopen(vlot__workspace *workspace);

/* Number of the last action; 0: none yet. */
uint64_t vlot__workspace_actions(const vlot__workspace *workspace);

/* The state in which the cluster is. */
vlot__story_place vlot__workspace_place(const vlot__workspace *workspace);

/* The tick at which the next answer to a client is overdue; VLOT_NEVER: nothing is asked. Who lets
 * time pass looks at the answers there: so they are the same whatever way one steps. */
uint64_t vlot__workspace_deadline(const vlot__workspace *workspace);

/* A node as it is; where there is none, only its id. */
vlot_node_status vlot__workspace_status(vlot__workspace *workspace, uint32_t id);

/* Everything that was set up or has happened is gone, as if nothing had been said; from then on
 * nothing is shown. */
void vlot__workspace_begin_redo(vlot__workspace *workspace);
bool vlot__workspace_redo_time(vlot__workspace *workspace, const vlot__story_place *target);
void vlot__workspace_end_redo(vlot__workspace *workspace);

/* Tell why the verb under way fails, at one of its words; returns false. */
bool vlot__workspace_fail(vlot__workspace *workspace, unsigned word, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Turn the events since the last call, and answers to clients, into lines: one per effect.
 * is_summary: only what changed, without the messages that led there.
 */
void vlot__workspace_drain(vlot__workspace *workspace, bool is_summary);

/* Is an event worth a line when one thing was done, and (is_summary) when many were? */
bool vlot__workspace_shows(const vlot_event *event, bool is_summary);

/* The starting log of a node; its terms [count]. false: no memory, nothing has changed. */
bool vlot__workspace_set_log(vlot__workspace *workspace, uint32_t id, const uint64_t *terms,
                             size_t count);

/* Ask the key-value machine something as the client of a member; what: as it is told later. A GET
 * is a read, linearizable unless it is local: then without asking the others. false: the problem is
 * told. */
bool vlot__workspace_ask(vlot__workspace *workspace, uint32_t contact, const vlot_kv_command *kv,
                         bool is_local, const char *what);

/* The same in the words of a machine of one's own: its line [size]. false: the problem, at the
 * first word behind the verb, is told. */
bool vlot__workspace_ask_own(vlot__workspace *workspace, uint32_t contact, bool is_read,
                             bool is_local, const char *line, size_t size, const char *what);

#endif
