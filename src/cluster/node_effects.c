/* What a turn of a node lets go: writes, messages, answers. */
#include "base/problem.h"
#include "cluster/driver.h"
#include "cluster/link.h"
#include "cluster/node_inside.h"
#include "cluster/recorder.h"
#include "vlot/raft_snapshot.h"

/* --- the fence --- */

bool vlot__node_enter_effects(vlot__node *node) {
  bool may = !node->is_void && (!node->fence.enter || node->fence.enter(node->fence.context));
  return vlot__record_check(node->cluster, node, may);
}

void vlot__node_leave_effects(vlot__node *node) {
  if (node->fence.leave) node->fence.leave(node->fence.context);
}

bool vlot__node_is_void(vlot__node *node) {
  if (node->fence.is_closed && node->fence.is_closed(node->fence.context)) node->is_void = true;
  if (!vlot__record_check(node->cluster, node, !node->is_void)) node->is_void = true;
  return node->is_void;
}

/* --- letting go --- */

static void write_done(void *context, uint64_t token, vlot_result result) {
  vlot__seat *seat = context;
  vlot__mail_stored stored = {.token = token, .result = result};
  vlot__driver_of(seat->cluster)->stored(seat, &stored);
}

void vlot__node_write_failed(vlot__node *node, uint64_t token, vlot_result result) {
  node->failed_token = token;
  node->lacks_memory = result == VLOT_NOMEM;
}

static void submit_write(vlot__node *node, const vlot_write *write) {
  vlot__seat *seat = node->seat;
  if (write->token == 0) return;
  vlot_storage_done done = {.context = seat, .done = write_done};
  bool is_kept = !write->snapshot || seat->storage.keep;
  vlot_result result =
      is_kept ? vlot__record_submit(node->cluster, node, &seat->storage, write, &done)
              : vlot__refuse(VLOT_UNSUPPORTED, "the storage cannot keep snapshots: set keep");
  if (result == VLOT_OK)
    node->stored_token = write->token;
  else if (result == VLOT_PENDING)
    seat->has_pending_writes = true;
  else
    vlot__node_write_failed(node, write->token, result);
}

/* It may be put off, but need not: whatever it drops is durable, and so is the snapshot of it. */
static void drop_front(const vlot__node *node, uint64_t index, uint64_t term) {
  const vlot_storage *storage = &node->seat->storage;
  if (index > 0 && storage->compact) (void)storage->compact(storage->context, index, term);
}

static void send_message(vlot__node *node, const vlot_message *message, vlot_why why) {
  vlot__mail_message mail = {.message = *message};
  uint32_t slices = message->kind == VLOT_MESSAGE_APPEND ? message->as.append.slice_count : 0;
  vlot_snapshot *snapshot =
      message->kind == VLOT_MESSAGE_INSTALL ? message->as.install.snapshot : NULL;
  vlot__parcel parcel = vlot__parcel_of(message->to, VLOT__MAIL_MESSAGE, &mail, sizeof mail);
  parcel.sender = node->seat;
  parcel.message_kind = message->kind;
  parcel.why = why;
  if (slices > 0) {
    parcel.pieces[1] =
        (vlot_piece){.data = message->as.append.slices, .size = slices * sizeof(vlot_slice)};
    parcel.count = 2;
  }
  for (uint32_t k = 0; k < slices; k++) (void)vlot_batch_retain(message->as.append.slices[k].batch);
  (void)vlot_snapshot_retain(snapshot);
  if (vlot__route(node->cluster, &parcel) == VLOT_OK) return;
  vlot_snapshot_release(snapshot);
  for (uint32_t k = 0; k < slices; k++) vlot_batch_release(message->as.append.slices[k].batch);
}

/* Who reads an answer and then asks how the node is finds it no older than that answer. First of
 * all effects: storage is user code, and where it is stuck the seat is soon another node's. */
static void publish(vlot__node *node) {
  const vlot__driver *driver = vlot__driver_of(node->cluster);
  if (node->answers.size > 0 && driver->publish) driver->publish(node->seat);
}

bool vlot__node_let_go(vlot__node *node, const vlot_output *output) {
  bool has_effects =
      node->answers.size > 0 || (output && (output->write.token != 0 || output->message_count > 0 ||
                                            output->compact_index > 0));
  if (!has_effects) return true;
  if (!vlot__node_enter_effects(node)) return false;
  publish(node);
  if (output) {
    drop_front(node, output->compact_index, output->compact_term);
    submit_write(node, &output->write);
    uint32_t whys = 0, why_count = output->why_count;
    for (uint32_t k = 0; k < output->message_count; k++) {
      bool has_why = whys < why_count && output->whys[whys].message == k;
      node->seat->cause = vlot__node_event_of(node, output->message_causes[k]);
      send_message(node, &output->messages[k], has_why ? output->whys[whys++].why : VLOT_WHY_NONE);
    }
  }
  vlot__node_deliver_answers(node);
  vlot__node_leave_effects(node);
  return true;
}
