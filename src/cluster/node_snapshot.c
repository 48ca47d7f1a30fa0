/* Snapshots at a node, in the order of docs/decisions/snapshots.md: taken of its own machine where
 * the log has grown, restored from a leader's, and swapped in.
 */
#include "base/assert.h"
#include "base/problem.h"
#include "cluster/image.h"
#include "cluster/node_inside.h"
#include "cluster/open.h"
#include "cluster/recorder.h"
#include "cluster/slow.h"
#include "vlot/raft_snapshot.h"

/* --- restoring --- */

enum { PART = 1 << 20 }; /* bytes that a machine gets at once, at most */

typedef struct source {
  const vlot_snapshot *snapshot;
  uint64_t at;
} source;

static vlot_result source_read(void *context, void *data, size_t size, size_t *got) {
  source *from = context;
  uint64_t left = vlot_snapshot_get(from->snapshot)->size - from->at;
  uint32_t part = size < PART ? (uint32_t)size : PART;
  if (part > left) part = (uint32_t)left;
  *got = part;
  if (part == 0) return VLOT_OK;
  vlot_result result = vlot_snapshot_read(from->snapshot, from->at, part, data);
  from->at += part;
  return result;
}

/* What is whole and still does not suit the machine will not when it comes again. */
static vlot_result restore_into(const vlot_machine *machine, void *state,
                                const vlot_snapshot *snapshot) {
  source from = {.snapshot = snapshot};
  vlot_reader reader = {.context = &from, .read = source_read};
  vlot_result result = machine->restore(state, &reader);
  return result == VLOT_CORRUPT ? vlot__refuse(VLOT_FAILED, "the machine's restore() refuses it")
                                : result;
}

vlot_result vlot__snapshot_restore(vlot_cluster *cluster, uint32_t id,
                                   const vlot_snapshot *snapshot, void **state) {
  const vlot_machine *machine = &cluster->machine;
  *state = NULL;
  if (!machine->restore)
    return vlot__refuse(VLOT_UNSUPPORTED, "the machine has no restore(): set vlot_machine.restore");
  vlot_result result = vlot_snapshot_verify(snapshot);
  if (result != VLOT_OK) return result;
  void *made = machine->create(machine->context, id, cluster->options.is_replaying != 0);
  if (!made) return vlot__refuse(VLOT_FAILED, "the machine's create() returned NULL");
  result = restore_into(machine, made, snapshot);
  if (result == VLOT_OK)
    *state = made;
  else
    machine->destroy(made);
  return result;
}

void vlot__snapshots_see(vlot__node *node, const vlot_output *output) {
  if (!output->restore) return;
  vlot__node_snapshots *on = &node->snapshots;
  vlot_snapshot_release(on->restoring);
  on->restoring = vlot_snapshot_retain(output->restore);
  on->restore_cause = output->restore_cause;
}

static void drop_staged(vlot__node *node) {
  if (node->snapshots.staged) node->cluster->machine.destroy(node->snapshots.staged);
  node->snapshots.staged = NULL;
}

void vlot__snapshots_restore(vlot__node *node) {
  vlot__node_snapshots *on = &node->snapshots;
  void *staged;
  if (!on->restoring || node->is_fenced || node->is_void) return;
  drop_staged(node);
  VLOT__RECORD(node->cluster, calling, node->seat);
  vlot_result result =
      vlot__snapshot_restore(node->cluster, node->seat->id, on->restoring, &staged);
  on->staged = staged;
  if (vlot__node_is_void(node)) return;
  if (result != VLOT_OK)
    vlot__log(node->cluster, VLOT_LOG_ERROR,
              "n%u's machine cannot be restored from the snapshot at %llu: %s", node->seat->id,
              (unsigned long long)vlot_snapshot_get(on->restoring)->index,
              vlot_result_text(result));
  vlot_snapshot_release(on->restoring);
  on->restoring = NULL;
  on->result = result;
  on->owes_restored = true;
}

void vlot__snapshots_tell(vlot__node *node) {
  vlot__node_snapshots *on = &node->snapshots;
  if (!on->owes_restored) return;
  vlot_input *input = vlot__node_new_input(node, VLOT_INPUT_RESTORED, on->restore_cause);
  if (!input) return;
  input->as.restored = on->result;
  on->owes_restored = false;
}

/* --- swapping --- */

/* Commands proposed here in an earlier leadership, which a snapshot has overtaken: it does not say
 * whether they are in it. */
static void answer_overtaken(vlot__node *node, uint64_t index) {
  node->seat->cause = node->snapshots.installed_event;
  while (node->waiters.count > 0) {
    vlot__waiter *one = vlot__ring_at(&node->waiters, 0);
    if (one->index > index) return;
    uint64_t below = index - one->index + 1;
    uint32_t count = below < one->count ? (uint32_t)below : one->count;
    vlot__node_answer(node, one->client, one->sequence, count, VLOT_UNKNOWN,
                      VLOT_WHY_SNAPSHOT_INSTALLING);
    one->index += count;
    one->sequence += count;
    one->count -= count;
    if (one->count > 0) return;
    vlot__ring_pop_front(&node->waiters);
  }
}

void vlot__snapshots_swap(vlot__node *node) {
  vlot__node_snapshots *on = &node->snapshots;
  uint64_t index = vlot_snapshot_get(vlot_raft_snapshot(node->raft))->index;
  VLOT_ASSERT(on->staged);
  void *old = node->machine;
  node->machine = on->staged;
  on->staged = NULL;
  node->applied_index = node->told_applied = index;
  node->apply_event = 0;
  answer_overtaken(node, index);
  node->cluster->machine.destroy(old);
  (void)vlot__node_is_void(node);
}

/* --- taking --- */

/* Of which entry its machine is the state, in which configuration. A chain that does not go over
 * all of the log says nothing to others. */
static bool head_of(const vlot__node *node, vlot_snapshot_head *head) {
  const vlot__model *model = &node->seat->model;
  vlot_entry ignored;
  uint64_t term;
  *head = (vlot_snapshot_head){.index = node->applied_index,
                               .configuration =
                                   vlot_raft_configuration_at(node->raft, node->applied_index)};
  if (model->origin == 0 && !model->is_lost)
    (void)vlot__model_at(model, head->index, &term, &head->chain);
  return head->configuration &&
         vlot_raft_get_entry(node->raft, head->index, &head->term, &ignored) == VLOT_OK;
}

/* What the options allow a log, but not less than the last snapshot had, so that writing snapshots
 * stays a share of the work, however large the state is (thesis 5.1.2); half of what a log may have
 * at most. */
static uint64_t allowed_bytes(const vlot__node *node) {
  const vlot_cluster_options *options = &node->cluster->options;
  const vlot_snapshot *last = vlot_raft_snapshot(node->raft);
  uint64_t allowed = options->snapshot_bytes, most = vlot__options_log_bytes_max(options) / 2;
  uint64_t size = last ? vlot_snapshot_get(last)->size : 0;
  if (size > most) size = most;
  if (allowed < size) allowed = size;
  return allowed > node->snapshots.not_below ? allowed : node->snapshots.not_below;
}

/* Its log has grown by what it is allowed, or somebody has asked; and what is applied is durable
 * here. */
bool vlot__snapshots_are_due(vlot__node *node) {
  const vlot__node_snapshots *on = &node->snapshots;
  bool is_taken = node->cluster->options.snapshot_bytes > 0 || on->is_asked;
  vlot_raft_status status;
  if (!is_taken || on->image || node->is_fenced || node->is_void) return false;
  vlot_raft_get_status(node->raft, &status);
  if (status.is_installing || node->applied_index > status.durable_index) return false;
  if (on->is_asked) return true;
  return status.log_bytes >= allowed_bytes(node) && node->applied_index > status.snapshot_index;
}

static void forget_image(vlot__node *node) {
  vlot__image_drop(node->snapshots.image);
  node->snapshots.image = NULL;
  node->snapshots.is_written = false;
}

/* Who has asked is told; by itself it is tried again, but not with every turn: once the log has
 * grown by a quarter more. */
static void put_off(vlot__node *node, uint64_t index, vlot_result result, vlot_why why) {
  vlot_raft_status status;
  if (!node->is_void) vlot__snapshots_refuse(node, result, why);
  vlot_raft_get_status(node->raft, &status);
  node->snapshots.not_below = status.log_bytes + node->cluster->options.snapshot_bytes / 4 + 1;
  if (!node->is_void && result != VLOT_BUSY)
    vlot__log(node->cluster, VLOT_LOG_ERROR, "n%u has no snapshot at %llu: %s", node->seat->id,
              (unsigned long long)index, vlot_result_text(result));
  forget_image(node);
}

/* User code either way: an image, or the whole of it. */
static void freeze(vlot__node *node, vlot__image *image) {
  const vlot_machine *machine = &node->cluster->machine;
  VLOT__RECORD(node->cluster, calling, node->seat);
  if (machine->freeze) {
    image->frozen = machine->freeze(node->machine);
    if (!image->frozen) image->result = vlot__refuse(VLOT_BUSY, "freeze() returned NULL");
    (void)vlot__node_is_void(node);
    return;
  }
  uint64_t begin = vlot__slow_begin(node->cluster);
  vlot__image_write_state(image, node->machine);
  if (!vlot__node_is_void(node)) vlot__slow_end(node->seat, VLOT__SLOW_SNAPSHOT, begin);
}

void vlot__snapshots_take(vlot__node *node) {
  vlot__node_snapshots *on = &node->snapshots;
  vlot_snapshot_head head;
  vlot_raft_status status;
  vlot_raft_get_status(node->raft, &status);
  vlot__snapshots_begin(node);
  if (node->applied_index <= status.snapshot_index) {
    vlot__snapshots_refuse(node, VLOT_EXISTS, VLOT_WHY_NOTHING_NEW);
    return;
  }
  on->image = head_of(node, &head) ? vlot__image_make(node->seat, &head) : NULL;
  if (!on->image) {
    put_off(node, node->applied_index, VLOT_NOMEM, VLOT_WHY_NO_MEMORY);
    return;
  }
  freeze(node, on->image);
  if (node->is_void)
    forget_image(node);
  else if (on->image->result != VLOT_PENDING)
    on->is_written = true;
}

/* --- keeping --- */

/* False: the node was killed meanwhile. *result: VLOT_OK, the disk keeps it. */
static bool keep_durably(vlot__node *node, vlot_snapshot *snapshot, vlot_result *result) {
  if (!vlot__node_enter_effects(node)) return false;
  *result = vlot__record_keep(node->cluster, node, &node->seat->storage, snapshot);
  vlot__node_leave_effects(node);
  return true;
}

/* A leader's has come meanwhile, or comes. */
static bool is_overtaken(const vlot__node *node, const vlot__image *image) {
  vlot_raft_status status;
  vlot_raft_get_status(node->raft, &status);
  return status.is_installing || status.snapshot_index >= image->head.index;
}

/* Entries that stay below it: as many as the options say, and by their mean size no more than a
 * quarter of what is allowed above it. */
static uint64_t entries_kept(const vlot__node *node) {
  const vlot_cluster_options *options = &node->cluster->options;
  vlot_raft_status status;
  vlot_raft_get_status(node->raft, &status);
  uint64_t entries = status.last_index - status.snapshot_index;
  uint64_t mean = entries > 0 ? status.log_bytes / entries : 0;
  uint64_t most = mean > 0 ? options->snapshot_bytes / 4 / mean : 0;
  if (options->snapshot_bytes == 0) return options->snapshot_trailing;
  return options->snapshot_trailing < most ? options->snapshot_trailing : most;
}

static void tell_taken(vlot__node *node, const vlot__image *image) {
  uint64_t kept = entries_kept(node), index = image->head.index;
  uint64_t cause = node->snapshots.is_for_order ? node->snapshots.order_event : 0;
  vlot_input *input = vlot__node_new_input(node, VLOT_INPUT_SNAPSHOT_TAKEN, cause);
  if (!input) { /* by itself it is taken again, later */
    vlot__snapshots_refuse(node, VLOT_NOMEM, VLOT_WHY_NO_MEMORY);
    return;
  }
  node->snapshots.taken = vlot_snapshot_retain(image->snapshot);
  input->as.taken.snapshot = image->snapshot;
  input->as.taken.compact_to = index > kept ? index - kept : 0;
}

void vlot__snapshots_keep(vlot__node *node) {
  vlot__node_snapshots *on = &node->snapshots;
  if (!on->is_written || node->is_void) return;
  vlot_result result = on->image->result;
  vlot_why why = VLOT_WHY_SNAPSHOT_FAILED;
  if (is_overtaken(node, on->image)) { /* whoever has asked for it gets another, or that one */
    vlot__snapshots_begin_again(node);
    forget_image(node);
    return;
  }
  if (result == VLOT_OK) {
    why = VLOT_WHY_WRITE_FAILED;
    if (!keep_durably(node, on->image->snapshot, &result)) return;
  }
  if (result != VLOT_OK) {
    put_off(node, on->image->head.index, result, why);
    return;
  }
  on->not_below = 0;
  tell_taken(node, on->image);
  forget_image(node);
}

void vlot__snapshots_taken(vlot__node *node) {
  vlot_snapshot_release(node->snapshots.taken);
  node->snapshots.taken = NULL;
}

/* --- what the core makes of it --- */

void vlot__snapshots_settle(vlot__node *node, const vlot_input *input,
                            const vlot_outcome *outcome) {
  if (input->kind == VLOT_INPUT_RESTORED && outcome->result != VLOT_OK) drop_staged(node);
  if (input->kind == VLOT_INPUT_SNAPSHOT_TAKEN) vlot__snapshots_answer(node, outcome);
}

void vlot__snapshots_free(vlot__node *node) {
  drop_staged(node);
  vlot__image_drop(node->snapshots.image);
  vlot_snapshot_release(node->snapshots.restoring);
  vlot_snapshot_release(node->snapshots.taken);
}
