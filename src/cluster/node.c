/* A running member: its life from recovery on, and looking at it. There is no thread in any of the
 * node's files: whatever drives it calls begin, take, end (node_turn.c, node_mail.c).
 */
#include "base/problem.h"
#include "cluster/bootstrap.h"
#include "cluster/node_inside.h"
#include "cluster/observe.h"
#include "cluster/open.h"
#include "vlot/raft_snapshot.h"

/* --- opening and closing --- */

static vlot_result create_machine(vlot__node *node, const char **problem) {
  vlot_cluster *cluster = node->cluster;
  const vlot_snapshot *snapshot = vlot_raft_snapshot(node->raft);
  *problem = snapshot ? "the machine could not be restored from the disk's snapshot"
                      : "the machine could not be created";
  if (snapshot) return vlot__snapshot_restore(cluster, node->seat->id, snapshot, &node->machine);
  node->machine = cluster->machine.create(cluster->machine.context, node->seat->id,
                                          cluster->options.is_replaying != 0);
  return node->machine ? VLOT_OK
                       : vlot__refuse(VLOT_FAILED, "the machine's create() returned NULL");
}

static vlot_result open_core(vlot__node *node, const vlot_stored *stored, const char **problem) {
  vlot__seat *seat = node->seat;
  vlot_raft_options options = node->cluster->options.raft;
  options.allocator = node->cluster->log_allocator;
  options.id = seat->id;
  options.members = node->cluster->bootstrap;
  options.member_count = node->cluster->bootstrap_count;
  options.seed = vlot__prng_mix(seat->seed + seat->incarnation);
  options.now = 0;
  options.request_base = ((uint64_t)seat->incarnation << 32) + 1;
  options.hard = stored->hard;
  options.hard.disk_id = seat->disk_id;
  options.base_index = stored->base_index;
  options.base_term = stored->base_term;
  options.log_slices = stored->slices;
  options.log_slice_count = stored->slice_count;
  options.log_entries = NULL;
  options.log_entry_count = 0;
  options.snapshot = stored->snapshot;
  options.log_bytes_max = vlot__options_log_bytes_max(&node->cluster->options);
  return vlot_raft_open(&node->raft, &options, problem);
}

void vlot__node_free(vlot__node *node) {
  if (node->machine) node->cluster->machine.destroy(node->machine);
  vlot__snapshots_free(node);
  vlot_raft_close(node->raft);
  vlot__replies_deinit(&node->replies);
  for (size_t k = 0; k < node->waiting_reads.count; k++)
    vlot__alloc_free(node->allocator,
                     ((vlot__node_read *)vlot__ring_at(&node->waiting_reads, k))->question);
  vlot__ring_deinit(&node->unapplied);
  vlot__ring_deinit(&node->waiters);
  vlot__ring_deinit(&node->waiting_reads);
  vlot__forwards_free(node);
  vlot__alloc_free(node->allocator, node->inputs);
  vlot__alloc_free(node->allocator, node->commands);
  vlot__alloc_free(node->allocator, node->groups);
  vlot__alloc_free(node->allocator, node->answers.bytes);
  vlot__alloc_free(node->allocator, node->tape.bytes);
  vlot__alloc_free(node->allocator, node);
}

vlot__node *vlot__node_open(vlot__seat *seat, vlot_result *result, const char **problem) {
  vlot_cluster *cluster = seat->cluster;
  vlot_stored stored = {0};
  *result = seat->storage.load(seat->storage.context, &stored);
  if (*result != VLOT_OK) {
    const char *words = vlot__storage_words(&seat->storage);
    *problem = words ? words : "the storage cannot be read";
    return NULL;
  }
  *problem = "its storage holds another disk than when the cluster was opened";
  *result = VLOT_INVALID;
  if (vlot__stored_disk_id(seat->has_label, &stored) != seat->disk_id) return NULL;
  *problem = "out of memory";
  *result = VLOT_NOMEM;
  vlot__node *node = vlot__alloc_zero(cluster->allocator, 1, sizeof *node);
  if (!node) return NULL;
  node->seat = seat;
  node->cluster = cluster;
  node->allocator = cluster->allocator;
  node->seen_tick = vlot__now(cluster);
  node->permille = atomic_load(&seat->clock_permille);
  node->tape.open = SIZE_MAX;
  vlot__replies_init(&node->replies, cluster->allocator);
  vlot__ring_init(&node->unapplied, cluster->allocator, sizeof(vlot__unapplied));
  vlot__ring_init(&node->waiters, cluster->allocator, sizeof(vlot__waiter));
  vlot__ring_init(&node->waiting_reads, cluster->allocator, sizeof(vlot__node_read));
  vlot__forwards_open(node);
  *result = open_core(node, &stored, problem);
  if (!*problem) *problem = vlot_result_text(*result); /* it is no option that is wrong */
  if (*result == VLOT_OK) {
    *result = create_machine(node, problem);
  }
  if (*result != VLOT_OK) {
    vlot__node_free(node);
    return NULL;
  }
  const vlot_output *output;
  *result = vlot_raft_step(node->raft, NULL, 0, &output);
  vlot__node_read_time(node, output);
  node->brief = output->after;
  const vlot_snapshot *snapshot = vlot_raft_snapshot(node->raft);
  node->applied_index = node->told_applied = node->commit_index =
      snapshot ? vlot_snapshot_get(snapshot)->index : stored.base_index;
  vlot__observe_recovered(seat, &stored);
  return node;
}

void vlot__node_close(vlot__node *node, vlot_why why) {
  vlot__node_give_up_waiting(node, why);
  vlot__forwards_give_up(node, why);
  vlot__node_deliver_answers(node);
  vlot__node_free(node);
}

void vlot__node_share(vlot__node *node) { atomic_store(&node->has_left, false); }

bool vlot__node_leave(vlot__node *node) { return atomic_exchange(&node->has_left, true); }

vlot__seat *vlot__node_seat(const vlot__node *node) { return node->seat; }

/* --- looking --- */

bool vlot__node_is_fenced(const vlot__node *node) { return node->is_fenced; }

const vlot_raft *vlot__node_raft(const vlot__node *node) { return node->raft; }

void vlot__node_get_status(const vlot__node *node, vlot_node_status *status) {
  vlot_raft_get_status(node->raft, &status->raft);
  if (node->is_fenced) {
    status->raft.is_fenced = 1;
    if (node->fenced_why) status->raft.fenced_why = node->fenced_why;
  }
  status->fenced_tick = node->fenced_tick;
  status->applied_index = node->applied_index;
  status->turns = node->turns;
  status->waiting = node->waiting_reads.count + node->forwarding.mails;
  for (size_t k = 0; k < node->waiters.count; k++)
    status->waiting += ((const vlot__waiter *)vlot__ring_at(&node->waiters, k))->count;
}

void *vlot__node_machine(const vlot__node *node) { return node->machine; }

vlot_result vlot__node_hash(vlot__node *node, uint64_t *hash, uint64_t *applied) {
  if (!node->cluster->machine.hash)
    return vlot__refuse(VLOT_UNSUPPORTED,
                        "the machine has no hash function: set vlot_machine.hash");
  *hash = node->cluster->machine.hash(node->machine);
  *applied = node->applied_index;
  return VLOT_OK;
}
