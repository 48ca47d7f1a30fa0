/* vlot sim: what its parts share. One world is one seed's run. */
#ifndef VLOT_LAB_SIM_H
#define VLOT_LAB_SIM_H

#include "causes.h"
#include "dice.h"
#include "flights.h"
#include "plugin.h"
#include "record.h"

/* --- what should happen sometimes; a simulation that never sees it proves less than it seems -- */

#define VLOT__SIM_MARKS(X)                                          \
  X(LEADERS, "leaders elected")                                     \
  X(FORCED, "forced elections")                                     \
  X(PRE_VOTES_REFUSED, "pre-votes refused")                         \
  X(VOTES_REFUSED, "votes refused")                                 \
  X(ELECTIONS_LOST, "elections without a winner")                   \
  X(STEP_DOWNS_ALONE, "leaders that stepped down without a quorum") \
  X(STEP_DOWNS_TERM, "leaders overtaken by a higher term")          \
  X(TRUNCATIONS, "truncations")                                     \
  X(TRUNCATIONS_LONG, "truncations of two entries or more")         \
  X(MISMATCHES, "appends refused for a mismatch")                   \
  X(KILLS, "kills")                                                 \
  X(POWER_CUTS, "power cuts")                                       \
  X(LOST_WRITES, "writes lost by power cuts")                       \
  X(RESTARTS, "restarts")                                           \
  X(WIPES, "disks wiped")                                           \
  X(FENCED, "nodes fenced after a failed write")                    \
  X(SUSPENDS, "nodes suspended")                                    \
  X(LOST_MESSAGES, "messages lost or cut off")                      \
  X(ACKNOWLEDGED, "commands acknowledged")                          \
  X(REFUSED, "commands refused")                                    \
  X(IN_DOUBT, "commands in doubt")                                  \
  X(IN_DOUBT_DONE, "commands in doubt that took effect")            \
  X(READS, "linearizable reads answered")                           \
  X(LOCAL_READS, "local reads answered")                            \
  X(STICKY, "votes refused because a leader was alive")             \
  X(PRE_VOTES_HIGHER, "pre-votes refused by a higher term")         \
  X(FIGURE_8, "entries of an old term on a majority, uncommitted")  \
  X(READS_EARLY, "reads that came before a leader's first commit")  \
  X(OVERWRITTEN, "writes that end when they are overwritten")       \
  X(TAKEN, "snapshots taken")                                       \
  X(COMPACTIONS, "logs compacted")                                  \
  X(RECOVERED, "starts from a snapshot")                            \
  X(INSTALLED, "snapshots installed")                               \
  X(INSTALLED_CONFLICT, "snapshots installed over a conflict")      \
  X(SUFFIX_KEPT, "suffixes kept at a snapshot that was there")      \
  X(TRANSFERS_TWO, "two snapshots under way from one leader")       \
  X(TRANSFERS_ANEW, "transfers begun anew with a newer snapshot")   \
  X(CHUNKS_LOST, "chunks lost or cut off")                          \
  X(CHUNKS_AGAIN, "chunks that came again")                         \
  X(CHUNKS_LATE, "chunks of an older snapshot that came late")      \
  X(SENDERS_ENDED, "leaders ended in the middle of sending")        \
  X(RECEIVERS_ENDED, "nodes ended in the middle of receiving")      \
  X(INSTALLS_ENDED, "nodes ended before an install was durable")    \
  X(IMAGES_ENDED, "nodes that died while their image was written")  \
  X(CORES, "majorities that were healed alone, and committed")

typedef enum vlot__sim_mark {
#define VLOT_X(name, text) VLOT__MARK_##name,
  VLOT__SIM_MARKS(VLOT_X)
#undef VLOT_X
      VLOT__SIM_MARK_COUNT
} vlot__sim_mark;

/* What of a node is needed to see some of these. */
typedef struct vlot__sim_seen {
  uint64_t term, last, commit, durable;
  uint64_t term_first; /* leader: the first entry of its term; 0: not yet */
  uint64_t installing; /* the index of a snapshot whose write is not durable; 0 */
  uint32_t transfers;  /* leader: snapshots under way */
  bool leads;
  bool has_figure_8;   /* seen in this leadership */
  bool is_receiving;   /* it has part of a snapshot … */
  uint64_t part_index; /* … that one, and all of it up to here */
  uint64_t part_to;
  bool is_overwritten; /* a write under way holds entries that are gone */
  uint64_t *matches;   /* leader: [nodes + 1], of its peers */
  uint64_t *sent;      /* leader: [nodes + 1], index of the snapshot under way to each; 0 */
} vlot__sim_seen;

/* --- clients --- */

enum {
  VLOT__SIM_CLIENTS = 6,
  VLOT__SIM_KEYS = 6,
  VLOT__SIM_KEY_BYTES = 8,
  VLOT__SIM_VALUE_BYTES = 320,
};

typedef enum vlot__sim_op_kind {
  VLOT__SIM_SET, /* the value is the operation's number, so that it is unique */
  VLOT__SIM_ADD, /* 1 to the client's own counter */
  VLOT__SIM_READ,
  VLOT__SIM_LOCAL_READ,
} vlot__sim_op_kind;

typedef struct vlot__sim_op {
  uint8_t kind;
  uint8_t client;
  uint8_t key;
  uint8_t result; /* vlot_result; PENDING: no answer yet */
  uint32_t record;
  /* read: what it must at least see; answered write: where it was committed */
  uint64_t floor;
  uint64_t value; /* read: the number of the write it saw; 0: nothing */
} vlot__sim_op;

typedef struct vlot__sim_client {
  vlot_client *handle;
  vlot__flights flights;  /* items: positions in ops */
  uint64_t added;         /* acknowledged additions to its counter … */
  uint64_t added_perhaps; /* … and those in doubt */
} vlot__sim_client;

/* --- one run --- */

typedef enum vlot__sim_end {
  VLOT__SIM_SAFE = 0,
  VLOT__SIM_VIOLATED,
  VLOT__SIM_STUCK,
  VLOT__SIM_NO_MEMORY, /* a node was fenced for want of it */
  VLOT__SIM_FAILED,    /* the simulator itself: no memory */
} vlot__sim_end;

/* Somebody who steps through the run: it stops behind an action of its cluster, or inside a turn of
 * several, or among control calls, behind the nearest that comes; or earlier, where he says so. */
typedef struct vlot__sim_visit {
  uint64_t stop_at; /* UINT64_MAX: only where the run ends */
  uint64_t from;    /* may_stop is asked behind every action from this one on */
  bool (*may_stop)(vlot_cluster *cluster, void *stop_context); /* NULL: nowhere else */
  void *stop_context;
  /* the cluster is open, and nothing has happened; false: no memory */
  bool (*opened)(void *context, vlot_cluster *cluster);
  void (*seen)(void *context); /* something has happened */
  void *context;
} vlot__sim_visit;

typedef struct vlot__sim_world {
  uint64_t seed;
  uint64_t actions; /* how many the run has */
  uint32_t nodes;
  uint32_t learners;
  bool has_threads;
  bool is_verbose;
  vlot__recording *record;
  const vlot_plugin *plugin; /* whose machine it is; NULL: the key-value one */

  vlot_cluster *cluster;
  vlot_subscription *subscription;
  vlot__causes *causes;
  vlot_raft_options raft; /* as drawn */
  uint32_t turn_max;
  vlot__dice dice; /* of faults and of how far to go */
  vlot__dice client_dice;
  uint32_t faults; /* bit mask: kinds of faults that this seed has */
  uint32_t fault_permille;
  uint32_t client_permille;
  uint32_t value_width; /* of what is written, at least: snapshots of many chunks */
  /* voters whose promises are gone: always a minority, or nobody could be elected any more */
  uint32_t wiped;
  bool is_wiped[VLOT_MEMBERS_MAX + 1];
  bool is_core[VLOT_MEMBERS_MAX + 1]; /* of a majority that is healed before the rest */
  bool has_stalled_disk[VLOT_MEMBERS_MAX + 1];
  vlot__sim_seen *seen; /* [nodes + 1], in one block with what it points to */

  vlot__sim_client clients[VLOT__SIM_CLIENTS];
  uint32_t client_count;
  vlot__sim_op *ops; /* [op_count] */
  uint32_t op_count;
  uint32_t op_room;
  /* highest index a client knows that key's value to be of */
  uint64_t floors[VLOT__SIM_KEYS];

  uint64_t done; /* actions so far */
  bool is_healed;
  uint64_t healed_tick;
  bool has_fence;          /* somebody was fenced since the last look */
  uint64_t core_ticks;     /* from healing a majority to the first commit */
  uint64_t recovery_ticks; /* from healing to the first commit */
  uint64_t marks[VLOT__SIM_MARK_COUNT];
  vlot_cluster_stats stats; /* at the end */
  vlot__sim_end end;
  char text[1000]; /* of the failure */

  const vlot__sim_visit *visit; /* NULL: nobody stands by */
  uint64_t passed;  /* actions of the cluster before the last turn or control call … */
  bool has_stopped; /* … and has it stopped where it should */
} vlot__sim_world;

/* Run a seed: seed, actions, nodes (0: drawn), has_threads, is_verbose, record and plugin are set;
 * the rest is zero. */
void vlot__sim_run(vlot__sim_world *world);

/* The same, with a visit; where it ends or stops the cluster stays open, as it is then, until
 * vlot__sim_close(). */
void vlot__sim_visit_run(vlot__sim_world *world);
void vlot__sim_close(vlot__sim_world *world);

/* "safe", "violated" … */
const char *vlot__sim_end_name(vlot__sim_end end);

/* The first failure counts. Returns false, for the caller to pass on. */
bool vlot__sim_fail(vlot__sim_world *world, vlot__sim_end end, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Carry out up to count actions; *done (NULL to ignore) how many there were. false: failed. */
bool vlot__sim_step(vlot__sim_world *world, uint64_t count, uint64_t *done);

/* --- its parts --- */

bool vlot__sim_clients_open(vlot__sim_world *world);
void vlot__sim_clients_close(vlot__sim_world *world);

/* Let some client do something, or take its answers. */
bool vlot__sim_clients_act(vlot__sim_world *world);
bool vlot__sim_clients_poll(vlot__sim_world *world);
uint32_t vlot__sim_clients_inflight(const vlot__sim_world *world);

/* Start one operation. *number: its position in ops, NONE when it could not be submitted now. */
#define VLOT__SIM_NONE UINT32_MAX
bool vlot__sim_clients_start(vlot__sim_world *world, uint32_t client, vlot__sim_op_kind kind,
                             uint32_t key, uint32_t *number);

/* Read all keys and counters back; compare all reads of the run with what became of the writes. */
bool vlot__sim_clients_verify(vlot__sim_world *world);

/* Draw what this seed's faults are; inject one; make everything well again. */
void vlot__sim_faults_draw(vlot__sim_world *world);
void vlot__sim_faults_inject(vlot__sim_world *world);
void vlot__sim_faults_heal(vlot__sim_world *world);

/* Make a majority well, and the links among them; the rest stays as broken as it is. false: there
 * is nobody else. */
bool vlot__sim_faults_heal_core(vlot__sim_world *world);

/* Restart who was fenced: a write that failed before healing may be told only now. */
void vlot__sim_faults_mend(vlot__sim_world *world);

/* Bring somebody back, since nothing can happen any more. */
void vlot__sim_faults_revive(vlot__sim_world *world);

/* Look at the events so far: count marks, find fences that must not be. */
bool vlot__sim_marks_open(vlot__sim_world *world);
bool vlot__sim_marks_watch(vlot__sim_world *world);
const char *vlot__sim_mark_text(vlot__sim_mark mark);

#endif
