/* What the core made of what clients asked: commands wait to be applied, are passed on, or are
 * answered at once. */
#include "cluster/node_inside.h"

static vlot_result client_result(vlot_result result) {
  return result == VLOT_OK || result == VLOT_TOO_LARGE ? result : VLOT_REJECTED;
}

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

/* The commands of this turn's groups stand in the log from outcome->index on; what was not accepted
 * certainly never will. */
void vlot__node_settle_groups(vlot__node *node, const vlot_outcome *outcome) {
  uint32_t accepted = outcome->accepted;
  uint64_t index = outcome->index;
  for (size_t k = 0; k < node->group_count; k++) {
    vlot_why why = outcome->why;
    vlot__mail_propose *mail = node->groups[k].mail;
    node->seat->cause = node->groups[k].cause;
    uint32_t taken = mail->count < accepted ? mail->count : accepted;
    accepted -= taken;
    if (taken > 0) {
      await_commit(node, mail, index, outcome->term, taken);
      index += taken;
    } else if (outcome->result == VLOT_NOT_LEADER) {
      why = vlot__node_forward(node, VLOT__MAIL_PROPOSE, mail, node->groups[k].size, &mail->hops);
      if (why == VLOT_WHY_NONE) continue;
    }
    vlot__node_answer(node, mail->client, mail->sequence + taken, mail->count - taken,
                      client_result(outcome->result), why);
  }
}

void vlot__node_settle_outcomes(vlot__node *node, const vlot_output *output) {
  vlot__transfers_answer(node, output);
  for (uint32_t k = 0; k < output->outcome_count; k++) {
    const vlot_outcome *outcome = &output->outcomes[k];
    const vlot_input *input = &node->inputs[outcome->input];
    if (input->kind == VLOT_INPUT_PROPOSE)
      vlot__node_settle_groups(node, outcome);
    else if (input->kind == VLOT_INPUT_READ && outcome->result != VLOT_OK)
      vlot__node_drop_read(node, input->as.read_tag, outcome->why);
    else if (input->kind == VLOT_INPUT_TRANSFER)
      vlot__transfers_settle(node, input, outcome->result, outcome->why);
    else
      vlot__snapshots_settle(node, input, outcome);
  }
}
