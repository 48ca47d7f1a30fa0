/* The caller's verbs: step, and what is done to one pending thing. */
#include <stdlib.h>

#include "base/assert.h"
#include "cluster/gate.h"
#include "cluster/lockstep.h"
#include "cluster/observe.h"
#include "cluster/pending.h"
#include "cluster/recorder.h"
#include "cluster/refuse.h"
#include "cluster/stop.h"
#include "vlot/raft_snapshot.h"

static vlot_result refuse_diverged(void) {
  return vlot__refuse(
      VLOT_FAILED,
      "the replay is not the recorded run any more: vlot_replay_get_status() says where");
}

static inline vlot_result check_pending(vlot_cluster *cluster) {
  if (!vlot__driver_of(cluster)->is_stepped)
    return vlot__refuse(VLOT_UNSUPPORTED, "nodes run on their own: this is for lockstep, or "
                                          "between vlot_cluster_pause() and unpause");
  /* another thread has paused it, and steps it */
  if (!vlot__may_step(cluster)) return vlot__refuse_paused();
  return vlot__waits_for_itself(cluster) ? vlot__refuse_node_thread() : VLOT_OK;
}

/* May this thread change what is pending? */
static vlot_result check_verb(vlot_cluster *cluster) {
  vlot_result result = vlot__check_change(cluster);
  return result == VLOT_OK ? check_pending(cluster) : result;
}

vlot_result vlot_lockstep_step(vlot_cluster *cluster, uint64_t actions, uint64_t *done) {
  VLOT_GIVEN(cluster);
  if (done) *done = 0;
  VLOT__VISIT_RESULT(cluster);
  const uint64_t *count = vlot__lockstep_counter(cluster), before = *count;
  vlot_result result = check_pending(cluster);
  if (result != VLOT_OK) return result;
  while (*count - before < actions && !cluster->observer.has_violation && !vlot__is_shut(cluster))
    if (!vlot__lockstep_run_one(cluster, VLOT_NEVER)) break;
  if (done) *done = *count - before;
  if (vlot__is_shut(cluster))
    return vlot__visit_refusal(cluster); /* paused, and another thread closes it */
  if (cluster->has_diverged) return refuse_diverged();
  return cluster->observer.has_violation ? VLOT_VIOLATED : VLOT_OK;
}

vlot_result vlot_lockstep_until(vlot_cluster *cluster,
                                bool (*is_reached)(vlot_cluster *cluster, void *context),
                                void *context, uint64_t actions) {
  VLOT_GIVEN(is_reached);
  VLOT_GIVEN(cluster);
  return vlot_lockstep_pass(cluster, VLOT_NEVER, is_reached, context, actions);
}

vlot_result vlot_lockstep_pass(vlot_cluster *cluster, uint64_t ticks,
                               bool (*is_reached)(vlot_cluster *cluster, void *context),
                               void *context, uint64_t actions) {
  VLOT__VISIT_RESULT(cluster);
  const uint64_t *count = vlot__lockstep_counter(cluster), before = *count;
  uint64_t now = vlot__now(cluster), limit = ticks < VLOT_NEVER - now ? now + ticks : VLOT_NEVER;
  vlot_result result = check_pending(cluster);
  while (result == VLOT_OK && !(is_reached && is_reached(cluster, context))) {
    if (vlot__is_shut(cluster))
      result = vlot__visit_refusal(cluster);
    else if (cluster->observer.has_violation)
      result = VLOT_VIOLATED;
    else if (cluster->has_diverged)
      result = refuse_diverged();
    else if (*count - before >= actions)
      result = vlot__refuse_value(VLOT_TIMEOUT, "{0} actions were too few", actions, 0);
    else if (!vlot__lockstep_run_one(cluster, limit))
      return limit == VLOT_NEVER
                 ? vlot__refuse(
                       VLOT_TIMEOUT,
                       "nothing is left that can happen: nothing is pending that is not held")
                 : VLOT_OK;
  }
  return result;
}

vlot_result vlot_lockstep_fire(vlot_cluster *cluster, uint64_t id) {
  VLOT_GIVEN(cluster);
  VLOT__VISIT_RESULT(cluster);
  vlot_result result = check_verb(cluster);
  if (result != VLOT_OK) return result;
  while (vlot__lockstep_obey_one(cluster)) continue;
  vlot__item *item = vlot__pending_find(cluster, id);
  if (!item) return vlot__refuse_pending(id);
  bool is_early = vlot__pending_due(cluster, item) > vlot__now(cluster);
  vlot__pending_unlist(cluster, item);
  vlot__count_command(cluster); /* time stands still */
  vlot__lockstep_carry_out(cluster, item, 1, is_early);
  vlot__command_ended(cluster);
  return cluster->observer.has_violation ? VLOT_VIOLATED : VLOT_OK;
}

vlot_result vlot_lockstep_drop(vlot_cluster *cluster, uint64_t id) {
  VLOT_GIVEN(cluster);
  VLOT__VISIT_RESULT(cluster);
  vlot_result result = check_verb(cluster);
  if (result != VLOT_OK) return result;
  vlot__item *item = vlot__pending_find(cluster, id);
  if (!item) return vlot__refuse_pending(id);
  if (!item->mail_kind)
    return vlot__refuse(VLOT_UNSUPPORTED,
                        "timers and writes cannot be dropped, of disks or of images: hold them, or "
                        "stall the disk");
  vlot__pending_unlist(cluster, item);
  vlot__count_command(cluster); /* time stands still */
  vlot__pending_lose(cluster, item, VLOT_WHY_DROPPED);
  vlot__command_ended(cluster);
  return VLOT_OK;
}

vlot_result vlot_lockstep_hold(vlot_cluster *cluster, uint64_t id, bool is_held) {
  VLOT_GIVEN(cluster);
  VLOT__VISIT_RESULT(cluster);
  vlot__lockstep *lockstep = &cluster->lockstep;
  vlot_result result = check_verb(cluster);
  if (result != VLOT_OK) return result;
  vlot__item *item = vlot__pending_find(cluster, id);
  if (!item) return vlot__refuse_pending(id);
  if (item->is_held == is_held) return VLOT_OK;
  if (!is_held) {
    if (!vlot__heap_reserve(&lockstep->heap, cluster->allocator, 1)) return VLOT_NOMEM;
    vlot__count_command(cluster);
    vlot__pending_unlist(cluster, item);
    /* a node or a disk may have come to want it earlier than it did when it was held */
    item->due = vlot__pending_due(cluster, item);
    vlot__pending_list(cluster, item);
    vlot__command_ended(cluster);
    return VLOT_OK;
  }
  void *held = lockstep->held;
  if (!vlot__alloc_grow(cluster->allocator, &held, &lockstep->held_capacity,
                        lockstep->held_count + 1, sizeof *lockstep->held))
    return VLOT_NOMEM;
  lockstep->held = held;
  vlot__count_command(cluster);
  vlot__heap_take_out(&lockstep->heap, item);
  item->is_held = true;
  lockstep->held[lockstep->held_count++] = item;
  vlot__command_ended(cluster);
  return VLOT_OK;
}

vlot_result vlot_lockstep_duplicate(vlot_cluster *cluster, uint64_t id, uint64_t *copy) {
  VLOT_GIVEN(cluster);
  VLOT__VISIT_RESULT(cluster);
  vlot_result result = check_verb(cluster);
  if (result != VLOT_OK) return result;
  vlot__item *item = vlot__pending_find(cluster, id);
  if (!item) return vlot__refuse_pending(id);
  /* what nodes send may come twice, a client's call may not */
  if (item->kind != VLOT_PENDING_MESSAGE)
    return vlot__refuse(VLOT_UNSUPPORTED, "only messages between nodes can be duplicated");
  if (vlot__pending_is_full(cluster))
    return vlot__refuse(VLOT_BUSY,
                        "262,144 mails are pending, the most there can be; deliver or drop some");
  vlot__item *twin = vlot__pending_copy(cluster, item, vlot__new_id(cluster, NULL));
  if (!twin) return VLOT_NOMEM;
  vlot__count_command(cluster);
  VLOT__RECORD(cluster, copy, cluster, id, twin->id);
  vlot__emit_copied(cluster, twin->mail_kind, twin->payload);
  vlot__command_ended(cluster);
  if (copy) *copy = twin->id;
  return VLOT_OK;
}

vlot_result vlot_lockstep_delay(vlot_cluster *cluster, uint64_t id, uint64_t ticks) {
  VLOT_GIVEN(cluster);
  VLOT__VISIT_RESULT(cluster);
  vlot_result result = check_verb(cluster);
  if (result != VLOT_OK) return result;
  vlot__item *item = vlot__pending_find(cluster, id);
  if (!item) return vlot__refuse_pending(id);
  /* a timer is due when its node says so: hold it */
  if (item->kind == VLOT_PENDING_TIMER)
    return vlot__refuse(VLOT_UNSUPPORTED, "a timer cannot be delayed: hold it");
  uint64_t now = vlot__now(cluster);
  if (item->kind == VLOT_PENDING_WRITE &&
      !vlot__disk_postpone(vlot__seat_of(cluster, item->node)->disk, now, ticks))
    return vlot__refuse_pending(id);
  vlot__count_command(cluster);
  uint64_t from = item->due > now ? item->due : now;
  item->due = item->kind == VLOT_PENDING_WRITE ? vlot__pending_due(cluster, item)
              : ticks < VLOT_NEVER - from      ? from + ticks
                                               : VLOT_NEVER;
  if (!item->is_held) vlot__heap_sift_down(&cluster->lockstep.heap, item);
  vlot__command_ended(cluster);
  return VLOT_OK;
}

static vlot_pending describe(vlot_cluster *cluster, const vlot__item *item) {
  vlot_pending pending = {
      .id = item->id,
      .kind = (vlot_pending_kind)item->kind,
      .node = item->node,
      .from = item->from,
      .is_held = item->is_held,
      .due = vlot__pending_due(cluster, item),
      .message_kind = item->message_kind,
  };
  if (item->kind == VLOT_PENDING_TIMER)
    pending.due_for = vlot__node_due_for(vlot__seat_of(cluster, item->node)->node);
  if (item->kind == VLOT_PENDING_IMAGE)
    pending.index = vlot__node_image_index(vlot__seat_of(cluster, item->node)->node);
  vlot__mail_about about = vlot__mail_tell(item->mail_kind, item->payload);
  pending.mail = about.told;
  pending.entries = about.told.count - about.told.reads;
  pending.term = about.term;
  if (item->kind == VLOT_PENDING_CLIENT) pending.from = about.told.client;
  if (item->mail_kind != VLOT__MAIL_MESSAGE) return pending;
  const vlot_message *message = &((const vlot__mail_message *)(const void *)item->payload)->message;
  bool is_append = message->kind == VLOT_MESSAGE_APPEND;
  bool is_reply = message->kind == VLOT_MESSAGE_APPEND_REPLY;
  bool is_request = message->kind == VLOT_MESSAGE_VOTE || message->kind == VLOT_MESSAGE_PRE_VOTE;
  pending.message_flags = message->flags;
  pending.term = message->term;
  pending.entries = is_append ? message->as.append.entry_count : 0;
  if (message->kind == VLOT_MESSAGE_INSTALL) {
    pending.offset = message->as.install.offset;
    pending.bytes = message->as.install.length;
    pending.size = vlot_snapshot_get(message->as.install.snapshot)->size;
  }
  if (message->kind == VLOT_MESSAGE_INSTALL_REPLY) pending.offset = message->as.installed.offset;
  pending.index = is_append    ? message->as.append.prev_index
                  : is_request ? message->as.vote.last_index
                  : message->kind == VLOT_MESSAGE_INSTALL
                      ? vlot_snapshot_get(message->as.install.snapshot)->index
                  : message->kind == VLOT_MESSAGE_INSTALL_REPLY ? message->as.installed.index
                  : is_reply ? (message->flags & VLOT_MESSAGE_OK ? message->as.reply.match_index
                                                                 : message->as.reply.hint_index)
                             : 0;
  return pending;
}

static int compare_pending(const void *left, const void *right) {
  const vlot__item *a = *(vlot__item *const *)left;
  const vlot__item *b = *(vlot__item *const *)right;
  return vlot__item_is_before(a, b)   ? -1
         : vlot__item_is_before(b, a) ? 1
                                      : 0; /* ids differ: there are no ties */
}

size_t vlot_lockstep_pending(vlot_cluster *cluster, vlot_pending *pending, size_t capacity) {
  VLOT_GIVEN(cluster);
  VLOT__VISIT(cluster, 0);
  vlot__lockstep *lockstep = &cluster->lockstep;
  vlot__heap *heap = &lockstep->heap;
  if (check_pending(cluster) != VLOT_OK) return 0;
  /* due times first, then the heap is sorted in place: a sorted array is a heap */
  for (size_t k = 0; k < heap->count; k++) vlot__pending_catch_up(cluster, heap->items[k]);
  if (heap->count > 0) qsort(heap->items, heap->count, sizeof *heap->items, compare_pending);
  size_t count = 0;
  for (size_t k = 0; k < heap->count; k++) {
    const vlot__item *item = heap->items[k];
    heap->items[k]->place = k;
    if (item->due == VLOT_NEVER && !item->mail_kind) continue;
    if (count < capacity) pending[count] = describe(cluster, item);
    count++;
  }
  for (size_t k = 0; k < lockstep->held_count; k++, count++)
    if (count < capacity) pending[count] = describe(cluster, lockstep->held[k]);
  return count;
}
