/* Who keeps or gives back what the world made of a run: tape (record.c), replay (replay_open.c), or
 * nobody. A table of functions, chosen when the cluster opens; nobody else asks which one it is.
 *
 * Where nothing is recorded the cluster has no recorder, and each place costs one look at a
 * pointer. A recorder leaves NULL what does not concern it.
 */
#ifndef VLOT_CLUSTER_RECORDER_H
#define VLOT_CLUSTER_RECORDER_H

#include "cluster/link.h"
#include "cluster/object.h"
#include "cluster/seats.h"

typedef struct vlot__recorder {
  bool is_replay;

  /* A node's turn, on its thread.
   *
   * check      every look at the fence; may: what was found. Returns what counts
   * submit     hand a write to the storage
   * keep       likewise a snapshot
   * see_rate   its clock's rate is about to be looked at; rate: it is another
   * sending    before a message can be seen by another node
   * calling    before the machine is called: a crash in there loses nothing of the turn
   * fate       what becomes of a message, where that is known
   * sent       and what has become of it
   */
  void (*begin)(vlot__node *node, bool was_parked);
  void (*take)(vlot__node *node, uint32_t kind, uint64_t stamp, const void *payload);
  void (*end)(vlot__node *node);
  bool (*check)(vlot__node *node, bool may);
  vlot_result (*submit)(vlot__node *node, const vlot_write *write, const vlot_storage_done *done);
  vlot_result (*keep)(vlot__node *node, vlot_snapshot *snapshot);
  void (*see_rate)(vlot__node *node);
  void (*rate)(vlot__node *node, uint32_t permille, uint64_t changed);
  void (*sending)(vlot__seat *seat);
  void (*calling)(vlot__seat *seat);
  void (*fate)(vlot__seat *seat, vlot__fate *fate);
  void (*sent)(vlot__seat *seat, const vlot__fate *fate);

  /* What is put out; seat NULL: by the cluster. */
  void (*event)(vlot_cluster *cluster, vlot__seat *seat, const vlot_event *event);
  void (*answer)(vlot__seat *seat, uint64_t sequence, uint64_t index, const void *reply,
                 size_t size);

  /* Control, between turns. was_leader: did it lead, as far as anybody knew when it was killed? */
  bool (*was_leader)(vlot__seat *seat, bool was);
  void (*start)(vlot__seat *seat);
  void (*unstart)(vlot__seat *seat); /* it could not be given a thread after all */
  void (*kill)(vlot__seat *seat, vlot_why why, bool is_power_cut, bool was_leader,
               bool is_quarantined);
  void (*restart)(vlot__seat *seat, vlot_restart how, uint64_t disk_id); /* wiped: its new disk */
  void (*suspend)(vlot__seat *seat, bool is_suspended);
  void (*clock)(vlot__seat *seat, uint32_t permille);
  void (*link)(vlot_cluster *cluster, uint32_t from, uint32_t to, const vlot_link *link);
  void (*drop)(vlot_cluster *cluster, uint32_t to, bool is_message, vlot_why why, uint64_t id);
  void (*copy)(vlot_cluster *cluster, uint64_t id, uint64_t copy);

  /* A replay's. run_one: carry out the next of what was recorded, instead of the pending list's.
   * disk_id: the id that a member's disk (0: the cluster) was given when it was opened */
  bool (*run_one)(vlot_cluster *cluster, uint64_t limit);
  uint64_t (*disk_id)(vlot_cluster *cluster, uint32_t member);

  /* finish: the run is over, nothing is added any more. close: free what it has */
  vlot_result (*finish)(vlot_cluster *cluster);
  void (*close)(vlot_cluster *cluster);
} vlot__recorder;

/* VLOT__RECORD(cluster, begin, node, was_parked): tell the recorder, if there is one. */
#define VLOT__RECORD(cluster, what, ...)                            \
  do {                                                              \
    const vlot__recorder *recorder_ = (cluster)->recorder;          \
    if (recorder_ && recorder_->what) recorder_->what(__VA_ARGS__); \
  } while (0)

static inline bool vlot__record_check(vlot_cluster *cluster, vlot__node *node, bool may) {
  return cluster->recorder ? cluster->recorder->check(node, may) : may;
}

static inline vlot_result vlot__record_submit(vlot_cluster *cluster, vlot__node *node,
                                              const vlot_storage *storage, const vlot_write *write,
                                              const vlot_storage_done *done) {
  return cluster->recorder ? cluster->recorder->submit(node, write, done)
                           : storage->submit(storage->context, write, done);
}

static inline vlot_result vlot__record_keep(vlot_cluster *cluster, vlot__node *node,
                                            const vlot_storage *storage, vlot_snapshot *snapshot) {
  return cluster->recorder ? cluster->recorder->keep(node, snapshot)
                           : storage->keep(storage->context, snapshot);
}

static inline bool vlot__record_was_leader(vlot_cluster *cluster, vlot__seat *seat, bool was) {
  const vlot__recorder *recorder = cluster->recorder;
  return recorder && recorder->was_leader ? recorder->was_leader(seat, was) : was;
}

#endif
