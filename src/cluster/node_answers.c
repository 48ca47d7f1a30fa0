/* What clients wait for at a node: commands until they are applied, reads until they may be
 * served. */
#include <string.h>

#include "cluster/node.h"

/* --- answers to clients --- */

void vlot__node_push_answer(vlot__node *node, const vlot__answer *answer, const void *reply) {
  size_t padded = vlot__padded(answer->reply_size);
  void *bytes = node->answers.bytes;
  /* without memory the client is not told, and its deadline says UNKNOWN */
  if (!vlot__alloc_grow(node->allocator, &bytes, &node->answers.capacity,
                        node->answers.size + sizeof *answer + padded, 1))
    return;
  node->answers.bytes = bytes;
  uint8_t *at = node->answers.bytes + node->answers.size;
  memcpy(at, answer, sizeof *answer);
  if (reply) memcpy(at + sizeof *answer, reply, answer->reply_size);
  node->answers.size += sizeof *answer + padded;
  if (node->cluster->has_tapes)
    vlot__tape_answer(node->slot, answer->sequence, answer->index, reply, answer->reply_size);
}

void vlot__node_answer(vlot__node *node, uint32_t client, uint64_t sequence, uint32_t count,
                       vlot_result result, vlot_why why) {
  if (count == 0) return;
  vlot_event *event = vlot__event_begin(node->cluster, node->slot, VLOT_EVENT_ANSWER, why, 0);
  event->as.client.client = client;
  event->as.client.sequence = sequence;
  event->as.client.count = count;
  event->as.client.result = result;
  vlot__emit(node->cluster, node->slot, event);
  vlot__node_push_answer(node,
                         &(vlot__answer){.sequence = sequence,
                                         .client = client,
                                         .count = count,
                                         .result = result,
                                         .why = why,
                                         .node = node->slot->id},
                         NULL);
}

/* Hand the answers over: one lock per run of the same client. */
void vlot__node_deliver_answers(vlot__node *node) {
  size_t from = 0;
  while (from < node->answers.size) {
    uint32_t client = 0;
    size_t to = from;
    while (to < node->answers.size) {
      const vlot__answer *answer = (const vlot__answer *)(const void *)(node->answers.bytes + to);
      if (to > from && answer->client != client) break;
      client = answer->client;
      to += sizeof *answer + vlot__padded(answer->reply_size);
    }
    vlot__client_deliver(node->cluster, client, node->answers.bytes + from, to - from);
    from = to;
  }
  node->answers.size = 0;
}

/* Nothing will come of what waits here: commands may yet be committed by others, reads certainly
 * were not served. */
void vlot__node_give_up_waiting(vlot__node *node, vlot_why why) {
  for (size_t k = 0; k < node->waiters.count; k++) {
    const vlot__waiter *one = vlot__ring_at(&node->waiters, k);
    vlot__node_answer(node, one->client, one->sequence, one->count, VLOT_UNKNOWN, why);
  }
  for (size_t k = 0; k < node->waiting_reads.count; k++) {
    vlot__node_read *one = vlot__ring_at(&node->waiting_reads, k);
    vlot__node_answer(node, one->client, one->sequence, 1, VLOT_REJECTED, why);
    vlot__alloc_free(node->allocator, one->question);
  }
  vlot__ring_clear(&node->waiters);
  vlot__ring_clear(&node->waiting_reads);
}

void vlot__node_close(vlot__node *node, vlot_why why) {
  vlot__node_give_up_waiting(node, why);
  vlot__node_deliver_answers(node);
  vlot__node_free(node);
}

/* --- outcomes of what clients asked --- */

static vlot_result client_result(vlot_result result) {
  return result == VLOT_OK || result == VLOT_TOO_LARGE ? result : VLOT_REJECTED;
}

/* The commands of this turn's groups stand in the log from outcome->index on; what was not accepted
 * certainly never will. */
/* Commands in a row of one client wait as one: what was submitted one by one is answered
 * together. */
static void await_commit(vlot__node *node, const vlot__mail_propose *mail, uint64_t index,
                         uint64_t term, uint32_t count) {
  vlot__waiter *last =
      node->waiters.count > 0 ? vlot__ring_at(&node->waiters, node->waiters.count - 1) : NULL;
  if (last && last->client == mail->client && last->term == term &&
      last->index + last->count == index && last->sequence + last->count == mail->sequence) {
    last->count += count;
    return;
  }
  vlot__waiter *one = vlot__ring_push(&node->waiters);
  *one = (vlot__waiter){.index = index,
                        .term = term,
                        .sequence = mail->sequence,
                        .client = mail->client,
                        .count = count};
}

void vlot__node_settle_groups(vlot__node *node, const vlot_outcome *outcome) {
  uint32_t accepted = outcome->accepted;
  uint64_t index = outcome->index;
  for (size_t k = 0; k < node->group_count; k++) {
    const vlot__mail_propose *mail = node->groups[k].mail;
    uint32_t taken = mail->count < accepted ? mail->count : accepted;
    accepted -= taken;
    if (taken > 0) {
      await_commit(node, mail, index, outcome->term, taken);
      index += taken;
    } else if (outcome->result == VLOT_NOT_LEADER) {
      vlot__mail_propose copy = *mail;
      copy.hops++;
      *(vlot__mail_propose *)(uintptr_t)mail = copy;
      if (vlot__node_forward(node, VLOT__MAIL_PROPOSE, (void *)(uintptr_t)mail,
                             node->groups[k].size, copy.hops - 1))
        continue;
    }
    vlot_why why =
        outcome->result == VLOT_NOT_LEADER ? vlot__node_no_leader_why(node) : outcome->why;
    vlot__node_answer(node, mail->client, mail->sequence + taken, mail->count - taken,
                      client_result(outcome->result), why);
  }
}

void vlot__node_settle_outcomes(vlot__node *node, const vlot_output *output) {
  for (uint32_t k = 0; k < output->outcome_count; k++) {
    const vlot_outcome *outcome = &output->outcomes[k];
    const vlot_input *input = &node->inputs[outcome->input];
    if (input->kind == VLOT_INPUT_PROPOSE)
      vlot__node_settle_groups(node, outcome);
    else if (input->kind == VLOT_INPUT_READ && outcome->result != VLOT_OK)
      vlot__node_drop_read(node, input->as.read_tag, VLOT_REJECTED, outcome->why);
  }
}

/* --- reads --- */

static void answer_read(vlot__node *node, const vlot__node_read *one, vlot_result result,
                        vlot_why why) {
  const uint8_t *reply = NULL;
  size_t size = 0;
  if (result == VLOT_OK) {
    const vlot_machine *machine = &node->cluster->machine;
    if (!machine->query)
      result = VLOT_UNSUPPORTED;
    else
      result = vlot__replies_begin(&node->replies, 1);
    if (result == VLOT_OK)
      result = machine->query(node->machine, one->question, one->size, &node->replies);
    if (vlot__node_is_void(node)) return;
    if (result == VLOT_OK && node->replies.is_short) result = VLOT_NOMEM;
    if (result == VLOT_OK) vlot__replies_get(&node->replies, 0, &reply, &size);
  }
  vlot_event *event = vlot__event_begin(node->cluster, node->slot, VLOT_EVENT_ANSWER, why, 0);
  event->as.client.client = one->client;
  event->as.client.sequence = one->sequence;
  event->as.client.count = 1;
  event->as.client.index = node->applied_index;
  event->as.client.result = result;
  vlot__emit(node->cluster, node->slot, event);
  vlot__node_push_answer(node,
                         &(vlot__answer){.sequence = one->sequence,
                                         .index = node->applied_index,
                                         .client = one->client,
                                         .count = 1,
                                         .result = result,
                                         .why = why,
                                         .node = node->slot->id,
                                         .reply_size = (uint32_t)size},
                         reply);
}

/* Remove the k-th reader, keeping the order of the others. */
static void remove_read(vlot__node *node, size_t k) {
  vlot__alloc_free(node->allocator,
                   ((vlot__node_read *)vlot__ring_at(&node->waiting_reads, k))->question);
  for (; k > 0; k--)
    *(vlot__node_read *)vlot__ring_at(&node->waiting_reads, k) =
        *(vlot__node_read *)vlot__ring_at(&node->waiting_reads, k - 1);
  vlot__ring_pop_front(&node->waiting_reads);
}

static size_t find_read(const vlot__node *node, uint64_t tag) {
  size_t k = 0;
  while (k < node->waiting_reads.count &&
         ((vlot__node_read *)vlot__ring_at(&node->waiting_reads, k))->tag != tag)
    k++;
  return k;
}

void vlot__node_drop_read(vlot__node *node, uint64_t tag, vlot_result result, vlot_why why) {
  size_t k = find_read(node, tag);
  if (k == node->waiting_reads.count) return;
  answer_read(node, vlot__ring_at(&node->waiting_reads, k), result, why);
  remove_read(node, k);
}

void vlot__node_settle_reads(vlot__node *node, const vlot_output *output) {
  for (uint32_t k = 0; k < output->read_count; k++) {
    const vlot_read_answer *answer = &output->reads[k];
    size_t at = find_read(node, answer->tag);
    if (at == node->waiting_reads.count) continue;
    vlot__node_read *one = vlot__ring_at(&node->waiting_reads, at);
    if (answer->result != VLOT_OK) {
      vlot__node_drop_read(node, answer->tag, VLOT_REJECTED, answer->why);
      continue;
    }
    one->index = answer->index;
    one->is_ready = true;
  }
}

/* Serve the reads whose index is applied (B107). */
void vlot__node_serve_reads(vlot__node *node) {
  for (size_t k = 0; k < node->waiting_reads.count && !node->is_void;) {
    const vlot__node_read *one = vlot__ring_at(&node->waiting_reads, k);
    if (!one->is_ready || one->index > node->applied_index) {
      k++;
      continue;
    }
    answer_read(node, one, VLOT_OK, VLOT_WHY_NONE);
    remove_read(node, k);
  }
}
