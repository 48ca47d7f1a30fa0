/* Answers to clients: each has an event, and is laid aside until the turn lets its effects go. */
#include <string.h>

#include "cluster/node_inside.h"
#include "cluster/observe.h"
#include "cluster/recorder.h"

void vlot__node_emit_client(vlot__node *node, vlot_event_kind kind, uint32_t client,
                            uint64_t sequence, uint32_t count) {
  vlot_event *event = vlot__event_begin(node->cluster, node->seat, kind, VLOT_WHY_NONE, 0);
  event->as.client.client = client;
  event->as.client.sequence = sequence;
  event->as.client.count = count;
  node->seat->cause = vlot__emit(node->cluster, node->seat, event);
}

void vlot__node_push_answer(vlot__node *node, const vlot__answer *answer, const void *reply) {
  size_t padded = vlot__padded(answer->reply_size);
  uint8_t *at = vlot__answers_reserve(&node->answers, node->allocator, sizeof *answer + padded);
  if (!at) return;
  vlot__answer *record = (vlot__answer *)(void *)at;
  *record = *answer;
  record->tick = vlot__now(node->cluster);
  if (reply) memcpy(at + sizeof *answer, reply, answer->reply_size);
  node->answers.size += sizeof *answer + padded;
  VLOT__RECORD(node->cluster, answer, node->seat, answer->sequence, answer->index, reply,
               answer->reply_size);
}

void vlot__node_answer(vlot__node *node, uint32_t client, uint64_t sequence, uint32_t count,
                       vlot_result result, vlot_why why) {
  if (count == 0) return;
  vlot_event *event = vlot__event_begin(node->cluster, node->seat, VLOT_EVENT_ANSWER, why, 0);
  event->as.client.client = client;
  event->as.client.sequence = sequence;
  event->as.client.count = count;
  event->as.client.result = result;
  vlot__emit(node->cluster, node->seat, event);
  vlot__node_push_answer(node,
                         &(vlot__answer){.sequence = sequence,
                                         .client = client,
                                         .count = count,
                                         .result = result,
                                         .why = why,
                                         .node = node->seat->id},
                         NULL);
}

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

/* Commands may yet be committed by others, reads certainly were not served. The event that ended it
 * all is the seat's cause. */
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
