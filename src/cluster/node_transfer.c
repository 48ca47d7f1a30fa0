/* What somebody asks of a leader: to hand over (thesis 3.10). */
#include "cluster/asked.h"
#include "cluster/node_inside.h"

void vlot__transfers_ask(vlot__node *node, const vlot__mail_order *order, uint64_t event) {
  vlot_input *input = vlot__node_new_input(node, VLOT_INPUT_TRANSFER, event);
  vlot__asked_taken(node->seat, order->value);
  if (!input) {
    vlot__asked_settle_one(node->seat, order->value, VLOT_NOMEM, VLOT_WHY_NO_MEMORY, order->index);
    return;
  }
  input->as.transfer.to = (uint32_t)order->index;
  input->as.transfer.ticks = 0;
  input->as.transfer.tag = order->value;
}

/* What is accepted is answered later. */
void vlot__transfers_settle(vlot__node *node, const vlot_input *input, vlot_result result,
                            vlot_why why) {
  if (result == VLOT_OK) return;
  vlot__asked_settle_one(node->seat, (uint32_t)input->as.transfer.tag, result, why,
                         input->as.transfer.to);
}

void vlot__transfers_answer(vlot__node *node, const vlot_output *output) {
  for (uint32_t k = 0; k < output->answer_count; k++) {
    const vlot_late_answer *answer = &output->answers[k];
    if (answer->what == VLOT_INPUT_TRANSFER)
      vlot__asked_settle_one(node->seat, (uint32_t)answer->tag, answer->result, answer->why,
                             answer->peer);
  }
}
