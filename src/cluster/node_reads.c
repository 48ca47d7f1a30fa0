/* Reads that wait at a node until they may be served. */
#include <string.h>

#include "cluster/node_inside.h"
#include "cluster/observe.h"
#include "cluster/recorder.h"
#include "cluster/slow.h"

vlot__node_read *vlot__node_add_read(vlot__node *node, const vlot__mail_read *mail,
                                     uint8_t *question) {
  vlot__node_read *one = vlot__ring_push(&node->waiting_reads);
  memcpy(question, vlot__mail_question(mail), mail->size);
  *one = (vlot__node_read){.tag = node->next_tag++,
                           .index = mail->min_index,
                           .sequence = mail->sequence,
                           .cause = node->seat->cause,
                           .client = mail->client,
                           .size = mail->size,
                           .is_ready = mail->min_index != VLOT_READ_LINEARIZABLE,
                           .question = question};
  return one;
}

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
    uint64_t begin = 0;
    if (result == VLOT_OK) {
      VLOT__RECORD(node->cluster, calling, node->seat);
      begin = vlot__slow_begin(node->cluster);
      result = machine->query(node->machine, one->question, one->size, &node->replies);
    }
    if (vlot__node_is_void(node)) return;
    vlot__slow_end(node->seat, VLOT__SLOW_QUERY, begin);
    if (result == VLOT_OK)
      result = vlot__replies_lack_result(vlot__replies_lack(&node->replies, 0));
    if (result == VLOT_OK) vlot__replies_get(&node->replies, 0, &reply, &size);
  }
  vlot_event *event = vlot__event_begin(node->cluster, node->seat, VLOT_EVENT_ANSWER, why, 0);
  event->cause = one->cause;
  event->as.client.client = one->client;
  event->as.client.sequence = one->sequence;
  event->as.client.count = 1;
  event->as.client.index = node->applied_index;
  event->as.client.result = result;
  vlot__emit(node->cluster, node->seat, event);
  vlot__node_push_answer(node,
                         &(vlot__answer){.sequence = one->sequence,
                                         .index = node->applied_index,
                                         .client = one->client,
                                         .count = 1,
                                         .result = result,
                                         .why = why,
                                         .node = node->seat->id,
                                         /* at most VLOT_REPLY_BYTES_MAX */
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

void vlot__node_drop_read(vlot__node *node, uint64_t tag, vlot_why why) {
  size_t k = find_read(node, tag);
  if (k == node->waiting_reads.count) return;
  answer_read(node, vlot__ring_at(&node->waiting_reads, k), VLOT_REJECTED, why);
  remove_read(node, k);
}

void vlot__node_settle_reads(vlot__node *node, const vlot_output *output) {
  for (uint32_t k = 0; k < output->read_count; k++) {
    const vlot_read_answer *answer = &output->reads[k];
    size_t at = find_read(node, answer->tag);
    if (at == node->waiting_reads.count) continue;
    vlot__node_read *one = vlot__ring_at(&node->waiting_reads, at);
    if (answer->result != VLOT_OK) {
      vlot__node_drop_read(node, answer->tag, answer->why);
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
