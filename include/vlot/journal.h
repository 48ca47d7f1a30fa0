/* vlot/journal.h: a threads run is recorded while it happens, and carried out again, exactly, as
 * often as one likes.
 *
 * A node is a function of its turns: which mail each turn took, and what the world made of its
 * writes and messages. That is what a journal holds; messages between nodes stand in it by their id
 * only, because a replay makes them anew. In lockstep the seed and the calls are enough, and there
 * is no journal.
 *
 * Record  vlot_cluster_options.journal_path: into a file, which is there up to the last record
 *         whatever ends the process: abort(), kill -9, a crash in a machine. It is mapped, and its
 *         room allocated ahead, so that a full disk ends the recording with VLOT_IO, and never the
 *         process; closing the cluster cuts it to its size. Nobody else may shorten it while it is
 *         recorded into; a second cluster is refused. What is no regular file is written to.
 *         vlot_cluster_options.journal: into a function, which has each turn before the machine is
 *         called in it; what no machine was called in follows within 0.2 s
 * Replay  vlot_replay_open(): a cluster under the lockstep driver, inline. vlot_lockstep_step() and
 *         vlot_lockstep_until() carry out what was recorded; status, events, subscriptions, checker
 *         and the pending list are those of any cluster. Whatever would make it another run
 *         (clients' commands, faults, drops …) gives VLOT_UNSUPPORTED and changes nothing.
 * Limits  A machine must be deterministic; where it has a hash, it is asked for it at every kill
 *         and at the end. What a node did while it was stuck in user code and given up
 *         (VLOT_TIMEOUT from a kill) is not in a journal: the replay ends there and says so. What
 *         it did without memory cannot be carried out again, and is a divergence.
 * Format  docs/decisions/journal.md
 */
#ifndef VLOT_JOURNAL_H
#define VLOT_JOURNAL_H

#include "vlot/cluster.h"

#ifdef __cplusplus
extern "C" {
#endif

#define VLOT_JOURNAL_FORMAT 7u /* that this build writes and reads */

/* --- recording -------------------------------------------------------------------------------- */

typedef struct vlot_journal_status {
  uint32_t is_on; /* it is still being recorded */
  /* VLOT_OK; or why recording ended early: what the sink said, VLOT_NOMEM. The run goes on
   * without */
  vlot_result result;
  uint64_t bytes;   /* recorded so far, written or not */
  uint64_t written; /* handed to the sink and taken by it; or in the file */
  int32_t error; /* journal_path: errno of what ended it early, EBUSY: it is another cluster's; 0 */
  uint32_t reserved;
} vlot_journal_status;

/* How the recording goes.
 *
 * status   out: all 0 unless VLOT_OK
 * returns  VLOT_OK; VLOT_UNSUPPORTED: this cluster is not recorded
 * thread   any, a node's too
 */
VLOT_API vlot_result vlot_journal_get_status(vlot_cluster *cluster, vlot_journal_status *status);

/* --- what a journal is ------------------------------------------------------------------------ */

typedef struct vlot_journal_info {
  uint32_t format;      /* of the journal; this build reads VLOT_JOURNAL_FORMAT */
  uint32_t nodes;       /* of the run, as its options said */
  uint32_t learners;    /* the last of them; as its options said */
  uint32_t has_machine; /* the run had a machine of its own: a replay needs it */
  uint64_t seed;        /* as its options said */
  uint64_t tick_ns;     /* as its options said */
  char version[32];     /* of the library that wrote it */
  char machine[64];     /* the machine's name */
  char problem[160];    /* what is wrong, in a sentence; empty when nothing is */
} vlot_journal_info;

/* Read the beginning of a journal.
 *
 * journal  [size] borrowed for the call
 * info     out: what could be read, 0 where nothing could; problem says what is wrong, with the
 *          numbers
 * returns  VLOT_OK, also when it is cut or damaged further on; VLOT_CORRUPT: it is none, or is cut
 *          or damaged there; VLOT_UNSUPPORTED: another format version
 */
VLOT_API VLOT_MUST_CHECK vlot_result vlot_journal_read_info(const void *journal, size_t size,
                                                            vlot_journal_info *info);

/* --- replay ----------------------------------------------------------------------------------- */

/* Open a cluster that carries out a journal again; nothing has happened in it yet. Close it with
 * vlot_cluster_close(): its clients and subscriptions are what those of any cluster are then.
 *
 * out      out: NULL unless VLOT_OK
 * options  NULL, or where allocator, machine, log, ring_events, observed_entries, has_checker and
 *          keeps_events are taken from; the others are the recorded run's. A run with a machine of
 *          its own needs that machine; one without takes the key-value machine, whatever is given
 * journal  [size] borrowed for the cluster's life
 * problem  out: what is wrong, a static sentence; NULL to ignore. vlot_journal_read_info() has the
 *          numbers
 * returns  VLOT_OK, also for a journal that is cut or damaged behind its beginning: what is whole
 *          is replayed, and the status says so. VLOT_CORRUPT, VLOT_UNSUPPORTED (as
 *          vlot_journal_read_info()), VLOT_INVALID (options), VLOT_NOMEM, VLOT_BUSY (as
 *          vlot_cluster_open()); unless VLOT_OK nothing is left
 */
VLOT_API VLOT_MUST_CHECK vlot_result vlot_replay_open(vlot_cluster **out,
                                                      const vlot_cluster_options *options,
                                                      const void *journal, size_t size,
                                                      const char **problem);

typedef struct vlot_replay_status {
  /* carried out; one for each mail that a turn took, at least one per turn, and one for each
   * control call */
  uint64_t actions;
  uint64_t actions_total; /* in the journal, as far as it is whole */
  uint64_t turns;         /* of nodes, carried out */
  uint64_t bytes;         /* of the journal */
  uint64_t bytes_whole;   /* that can be replayed */
  /* everything that can be replayed is carried out, without a divergence */
  uint32_t is_finished;
  /* the journal ends early: cut off, damaged, or at something that cannot be replayed */
  uint32_t is_cut;
  /* this run is not the recorded one from here on: vlot_lockstep_step() returns VLOT_FAILED */
  uint32_t has_diverged;
  /* the run was closed, and its journal whole. 0: its process crashed or was killed, or goes on;
   * or the journal is cut */
  uint32_t has_end;
  /* turns without an end: so many nodes were in the middle of one when the recording ended. They
   * are carried out as far as they are recorded, and then to their end; before each the log says
   * so. What ended the run may be in there: a machine that crashed does so again */
  uint32_t unended_turns;
  uint32_t unended_node;  /* whose is the first of them that is still to come; 0: none is */
  uint64_t unended_after; /* so many actions are before it; VLOT_NEVER: none is to come */
  /* why it is cut, or the first divergence: node, turn, what was recorded and what came; "" */
  const char *text;
} vlot_replay_status;

/* How far a replay is.
 *
 * status   out: all 0, and text "", unless VLOT_OK; text is borrowed until the cluster's next call
 * returns  VLOT_OK; VLOT_UNSUPPORTED: this is no replay
 */
VLOT_API vlot_result vlot_replay_get_status(vlot_cluster *cluster, vlot_replay_status *status);

#ifdef __cplusplus
}
#endif

#endif
