/* Snapshots at a node, in the order of docs/decisions/snapshots.md: taken of its own machine where
 * the log has grown, restored from a leader's, and swapped in.
 */
#include <string.h>

#include "base/assert.h"
#include "base/problem.h"
#include "cluster/node_inside.h"
#include "cluster/recorder.h"
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

typedef struct image {
  const vlot_allocator *allocator;
  void *bytes;
  size_t size, capacity;
} image;

static vlot_result image_write(void *context, const void *data, size_t size) {
  image *to = context;
  bool has_room = size <= SIZE_MAX / 2 - to->size &&
                  vlot__alloc_grow(to->allocator, &to->bytes, &to->capacity, to->size + size, 1);
  if (!has_room) return VLOT_NOMEM;
  if (size > 0) memcpy((uint8_t *)to->bytes + to->size, data, size);
  to->size += size;
  return VLOT_OK;
}

/* Of which entry it is the state, in which configuration. A chain that does not go over all of the
 * log says nothing to others. */
static bool head_of(const vlot__node *node, const image *content, vlot_snapshot_head *head) {
  const vlot__model *model = &node->seat->model;
  vlot_entry ignored;
  uint64_t term;
  *head = (vlot_snapshot_head){
      .index = node->applied_index,
      .size = content->size,
      .checksum = vlot_snapshot_checksum(VLOT_SNAPSHOT_CHECKSUM, content->bytes, content->size),
      .configuration = vlot_raft_configuration_at(node->raft, node->applied_index)};
  if (model->origin == 0 && !model->is_lost)
    (void)vlot__model_at(model, head->index, &term, &head->chain);
  return head->configuration &&
         vlot_raft_get_entry(node->raft, head->index, &head->term, &ignored) == VLOT_OK;
}

static vlot_snapshot *make_snapshot(vlot__node *node, const image *content) {
  const vlot_allocator *allocator = content->allocator;
  vlot_snapshot_head head;
  if (!head_of(node, content, &head)) return NULL;
  vlot_bytes *bytes = vlot_bytes_copy(allocator, content->bytes, content->size);
  vlot_snapshot *snapshot = bytes ? vlot_snapshot_make(allocator, &head, bytes) : NULL;
  vlot_bytes_release(bytes);
  return snapshot;
}

/* False: the node was killed meanwhile. *result: VLOT_OK, the disk keeps it. */
static bool keep_image(vlot__node *node, vlot_snapshot *snapshot, vlot_result *result) {
  if (!vlot__node_enter_effects(node)) return false;
  *result = vlot__record_keep(node->cluster, node, &node->seat->storage, snapshot);
  vlot__node_leave_effects(node);
  return true;
}

/* The image of its machine, durable; NULL: there is none, or the node is void. */
static vlot_snapshot *take_image(vlot__node *node, vlot_result *result) {
  image content = {.allocator = node->cluster->log_allocator};
  vlot_writer writer = {.context = &content, .write = image_write};
  vlot_snapshot *snapshot = NULL;
  VLOT__RECORD(node->cluster, calling, node->seat);
  *result = node->cluster->machine.snapshot(node->machine, &writer);
  bool is_void = vlot__node_is_void(node);
  if (!is_void && *result == VLOT_OK) {
    snapshot = make_snapshot(node, &content);
    if (!snapshot) *result = VLOT_NOMEM;
  }
  vlot__alloc_free(content.allocator, content.bytes);
  if (!snapshot) return NULL;
  if (keep_image(node, snapshot, result) && *result == VLOT_OK) return snapshot;
  vlot_snapshot_release(snapshot);
  return NULL;
}

/* Its log has grown by what the options allow, and what is applied is durable here. */
bool vlot__snapshots_are_due(vlot__node *node) {
  const vlot__node_snapshots *on = &node->snapshots;
  uint64_t allowed = node->cluster->options.snapshot_bytes;
  vlot_raft_status status;
  if (allowed == 0 || node->is_fenced || node->is_void) return false;
  vlot_raft_get_status(node->raft, &status);
  if (allowed < on->not_below) allowed = on->not_below;
  return status.log_bytes >= allowed && !status.is_installing &&
         node->applied_index > status.snapshot_index && node->applied_index <= status.durable_index;
}

void vlot__snapshots_take(vlot__node *node) {
  vlot__node_snapshots *on = &node->snapshots;
  uint64_t kept = node->cluster->options.snapshot_trailing;
  vlot_raft_status status;
  vlot_result result;
  vlot_raft_get_status(node->raft, &status);
  on->taken = take_image(node, &result);
  if (!on->taken) { /* not with every turn: once the log has grown by a quarter more */
    on->not_below = status.log_bytes + node->cluster->options.snapshot_bytes / 4 + 1;
    if (!node->is_void && result != VLOT_BUSY)
      vlot__log(node->cluster, VLOT_LOG_ERROR, "n%u has no snapshot at %llu: %s", node->seat->id,
                (unsigned long long)node->applied_index, vlot_result_text(result));
    return;
  }
  on->not_below = 0;
  vlot_input *input = vlot__node_new_input(node, VLOT_INPUT_SNAPSHOT_TAKEN, 0);
  if (!input) { /* it is taken again, later */
    vlot__snapshots_taken(node);
    return;
  }
  input->as.taken.snapshot = on->taken;
  input->as.taken.compact_to = node->applied_index > kept ? node->applied_index - kept : 0;
}

void vlot__snapshots_taken(vlot__node *node) {
  vlot_snapshot_release(node->snapshots.taken);
  node->snapshots.taken = NULL;
}

/* --- what the core makes of it --- */

void vlot__snapshots_settle(vlot__node *node, const vlot_input *input,
                            const vlot_outcome *outcome) {
  if (input->kind == VLOT_INPUT_RESTORED && outcome->result != VLOT_OK) drop_staged(node);
}

void vlot__snapshots_free(vlot__node *node) {
  drop_staged(node);
  vlot_snapshot_release(node->snapshots.restoring);
  vlot_snapshot_release(node->snapshots.taken);
}
