/* Committed entries go to the machine, and whoever waits for them hears of it. */
#include "cluster/node_inside.h"
#include "cluster/observe.h"
#include "cluster/recorder.h"
#include "cluster/slow.h"

/* What the machine said to the k-th command, and what its answer lacks. */
static size_t reply_of(const vlot__node *node, uint32_t k, bool has_replies, const uint8_t **reply,
                       vlot_why *lack) {
  size_t size = 0;
  *reply = NULL;
  *lack = has_replies ? vlot__replies_lack(&node->replies, k) : VLOT_WHY_NO_MEMORY;
  if (has_replies) vlot__replies_get(&node->replies, k, reply, &size);
  return size;
}

static void answer_applied(vlot__node *node, const vlot__waiter *one, uint64_t index,
                           uint32_t count, uint32_t first_reply, bool has_replies) {
  vlot_event *event =
      vlot__event_begin(node->cluster, node->seat, VLOT_EVENT_ANSWER, VLOT_WHY_NONE, 0);
  uint64_t sequence = one->sequence + (index - one->index);
  event->as.client.client = one->client;
  event->as.client.sequence = sequence;
  event->as.client.count = count;
  event->as.client.index = index;
  event->as.client.term = one->term;
  vlot__emit(node->cluster, node->seat, event);
  vlot__answer answer = {.sequence = sequence,
                         .index = index,
                         .term = one->term,
                         .client = one->client,
                         .result = VLOT_OK,
                         .node = node->seat->id};
  for (uint32_t k = 0; k < count;) {
    const uint8_t *reply, *next;
    vlot_why lack, next_lack;
    /* at most VLOT_REPLY_BYTES_MAX */
    answer.reply_size = (uint32_t)reply_of(node, first_reply + k, has_replies, &reply, &lack);
    answer.why = lack;
    answer.count = 1;
    if (answer.reply_size == 0) /* a run of empty answers is one record */
      while (k + answer.count < count &&
             reply_of(node, first_reply + k + answer.count, has_replies, &next, &next_lack) == 0 &&
             next_lack == lack)
        answer.count++;
    vlot__node_push_answer(node, &answer, reply);
    answer.sequence += answer.count;
    answer.index += answer.count;
    k += answer.count;
  }
}

/* What was proposed in a term and is lost is lost with all that follows it there. */
static void reject_waiters(vlot__node *node, uint64_t term) {
  while (node->waiters.count > 0) {
    const vlot__waiter *one = vlot__ring_at(&node->waiters, 0);
    if (one->term != term) return;
    vlot__node_answer(node, one->client, one->sequence, one->count, VLOT_REJECTED,
                      VLOT_WHY_OVERWRITTEN);
    vlot__ring_pop_front(&node->waiters);
  }
}

/* Entries [index, index + count) of term were applied: whose were they? A waiter is (index, term)
 * (B122), in the order of terms. With another term there it is lost (Log Matching), and so is one
 * of an older term wherever it stands: behind a committed entry no older term is ever committed.
 */
static void settle_waiters(vlot__node *node, uint64_t index, uint64_t term, uint32_t count,
                           bool has_replies) {
  uint64_t last = index + count - 1;
  while (node->waiters.count > 0) {
    vlot__waiter *one = vlot__ring_at(&node->waiters, 0);
    uint64_t lost = one->term;
    if (lost >= term && one->index > last) return;
    if (lost != term) {
      reject_waiters(node, lost);
      continue;
    }
    uint64_t waiter_last = one->index + one->count - 1;
    uint32_t done = (uint32_t)((waiter_last < last ? waiter_last : last) - one->index + 1);
    VLOT_ASSERT(one->index >= index);
    answer_applied(node, one, one->index, done, (uint32_t)(one->index - index), has_replies);
    one->index += done;
    one->sequence += done;
    one->count -= done;
    if (one->count > 0) return;
    vlot__ring_pop_front(&node->waiters);
  }
}

static void fence(vlot__node *node, vlot_why why) {
  if (node->is_fenced) return;
  node->is_fenced = true;
  node->fenced_why = why;
  node->fenced_tick = vlot__now(node->cluster);
  node->fenced_event = vlot__emit_change(node->cluster, node->seat, VLOT_EVENT_FENCED, why, 0,
                                         node->applied_index, node->commit_index, 0);
}

static bool apply_commands(vlot__node *node, const vlot_entry *entries, uint32_t count,
                           uint64_t index, uint64_t term) {
  bool is_asked = node->waiters.count > 0;
  bool has_replies = is_asked && vlot__replies_begin(&node->replies, count) == VLOT_OK;
  VLOT__RECORD(node->cluster, calling, node->seat);
  uint64_t begin = vlot__slow_begin(node->cluster);
  vlot_result result = node->cluster->machine.apply(node->machine, entries, count, index,
                                                    has_replies ? &node->replies : NULL);
  if (vlot__node_is_void(node)) return false;
  vlot__slow_end(node->seat, VLOT__SLOW_APPLY, begin);
  if (result != VLOT_OK) {
    fence(node, result == VLOT_NOMEM ? VLOT_WHY_NO_MEMORY : VLOT_WHY_APPLY_FAILED);
    return false;
  }
  node->applied_index = index + count - 1;
  if (is_asked) settle_waiters(node, index, term, count, has_replies);
  return true;
}

/* Runs of commands go to the machine as they lie in their batch; no-ops lie between them. */
static bool apply_slice(vlot__node *node, const vlot_slice *slice) {
  const vlot_entry *entries = vlot_slice_entries(slice);
  for (uint32_t k = 0; k < slice->count;) {
    uint32_t run = 0;
    while (k + run < slice->count && entries[k + run].kind == VLOT_ENTRY_COMMAND) run++;
    if (run > 0) {
      if (!apply_commands(node, entries + k, run, slice->index + k, slice->term)) return false;
      k += run;
    } else {
      node->applied_index = slice->index + k;
      if (node->waiters.count > 0) settle_waiters(node, slice->index + k, slice->term, 1, false);
      k++;
    }
  }
  vlot_event *event =
      vlot__event_begin(node->cluster, node->seat, VLOT_EVENT_APPLY, VLOT_WHY_NONE, 0);
  event->as.slice.first = slice->index;
  event->as.slice.count = slice->count;
  event->as.slice.term = slice->term;
  uint64_t term;
  if (!vlot__model_at(&node->seat->model, node->applied_index, &term, &event->as.slice.chain))
    event->as.slice.chain = 0;
  if (node->cluster->observer.checker && node->cluster->machine.hash)
    event->as.slice.hash = node->cluster->machine.hash(node->machine);
  node->apply_event = vlot__emit(node->cluster, node->seat, event);
  return true;
}

/* COMMITs of this step that the machine has not caught up with: it has no room, or a snapshot is
 * being restored. Without memory it is not known later on which of them an APPLY follows. */
static void note_unapplied(vlot__node *node, const vlot_output *output) {
  vlot__ring *ring = &node->unapplied;
  while (ring->count > 0) {
    const vlot__unapplied *first = vlot__ring_at(ring, 0);
    if (first->last > node->applied_index) break;
    vlot__ring_pop_front(ring);
  }
  for (uint32_t k = 0; k < output->change_count; k++) {
    const vlot_change *change = &output->changes[k];
    if (change->kind != VLOT_CHANGE_COMMIT || change->to <= node->applied_index) continue;
    vlot__unapplied *one = vlot__ring_push(ring);
    if (one)
      *one =
          (vlot__unapplied){.event = vlot__node_change_event(node, output, k), .last = change->to};
  }
}

/* The COMMIT of an earlier step that an entry belongs to; 0: not known any more. */
static uint64_t earlier_commit(const vlot__node *node, uint64_t index) {
  for (size_t k = 0; k < node->unapplied.count; k++) {
    const vlot__unapplied *one = vlot__ring_at(&node->unapplied, k);
    if (index <= one->last) return one->event;
  }
  return 0;
}

/* The COMMIT of this step that a slice ends in; the last APPLY where the machine had as much before
 * it as it may, and has room now; else the COMMIT of an earlier step, in which nothing could be
 * applied. */
static uint64_t apply_cause(const vlot__node *node, const vlot_output *output,
                            const vlot_slice *slice) {
  uint64_t last = slice->index + slice->count - 1;
  for (uint32_t k = output->change_count; k > 0; k--) {
    const vlot_change *change = &output->changes[k - 1];
    if (change->kind == VLOT_CHANGE_COMMIT && change->from < last && last <= change->to)
      return vlot__node_change_event(node, output, k - 1);
  }
  return node->apply_event ? node->apply_event : earlier_commit(node, last);
}

void vlot__node_apply(vlot__node *node, const vlot_output *output) {
  for (uint32_t k = 0; k < output->apply_count; k++) {
    node->seat->cause = apply_cause(node, output, &output->apply[k]);
    if (!apply_slice(node, &output->apply[k])) return;
  }
  note_unapplied(node, output);
}
