/* Taking mail: each becomes an input of the core, or waits to become part of one. */
#include "cluster/image.h"
#include "cluster/node_inside.h"
#include "cluster/observe.h"
#include "cluster/recorder.h"

/* What the following events come from. */
static void follow(vlot__node *node, const vlot__mail_head *head) {
  if (head->lamport > node->seat->lamport) node->seat->lamport = head->lamport;
  node->seat->cause = head->cause;
}

static void mail_message(vlot__node *node, vlot__mail_message *mail) {
  vlot_message *message = &mail->message;
  if (message->kind == VLOT_MESSAGE_APPEND) message->as.append.slices = mail->slices;
  follow(node, &mail->head);
  uint64_t event = vlot__emit_message(node->cluster, node->seat, VLOT_EVENT_RECEIVED, VLOT_WHY_NONE,
                                      &mail->head, message);
  vlot_input *input = vlot__node_new_input(node, VLOT_INPUT_MESSAGE, event);
  if (input)
    input->as.message = message;
  else
    vlot__mail_dispose(VLOT__MAIL_MESSAGE, mail); /* as if the network had lost it */
}

static bool reserve_commands(vlot__node *node, uint32_t count) {
  void *commands = node->commands, *groups = node->groups;
  bool has_room = vlot__alloc_grow(node->allocator, &commands, &node->command_capacity,
                                   node->command_count + count, sizeof *node->commands);
  node->commands = commands;
  if (!has_room) return false;
  has_room = vlot__alloc_grow(node->allocator, &groups, &node->group_capacity,
                              node->group_count + 1, sizeof *node->groups);
  node->groups = groups;
  return has_room && vlot__ring_reserve(&node->waiters, node->group_count + 1);
}

/* All commands of a turn become one batch: what happened to be queued, never a timer's doing. */
static void mail_propose(vlot__node *node, vlot__mail_propose *mail, uint32_t size) {
  follow(node, &mail->head);
  if (!reserve_commands(node, mail->count)) {
    vlot__node_answer(node, mail->client, mail->sequence, mail->count, VLOT_REJECTED,
                      VLOT_WHY_NO_MEMORY);
    vlot__mail_dispose(VLOT__MAIL_PROPOSE, mail);
    return;
  }
  const vlot__mail_command *command;
  for (vlot__propose_reader next = vlot__propose_begin(mail);
       (command = vlot__propose_next(&next)) != NULL;)
    node->commands[node->command_count++] = (vlot_command){
        .size = command->size, .owner = command->owner, .data = vlot__propose_data(command)};
  node->groups[node->group_count++] =
      (vlot__group){.mail = mail, .size = size, .count = mail->count};
}

static void refuse_read(vlot__node *node, const vlot__mail_read *mail, vlot_why why) {
  vlot__node_answer(node, mail->client, mail->sequence, 1, VLOT_REJECTED, why);
}

static void mail_read(vlot__node *node, vlot__mail_read *mail, uint32_t size) {
  follow(node, &mail->head);
  vlot__node_emit_client(node, VLOT_EVENT_READ, mail->client, mail->sequence, 1);
  bool is_local = mail->min_index != VLOT_READ_LINEARIZABLE;
  if (!is_local && node->brief.role != VLOT_ROLE_LEADER) {
    vlot_why why = vlot__node_forward(node, VLOT__MAIL_READ, mail, size, &mail->hops);
    if (why != VLOT_WHY_NONE) refuse_read(node, mail, why);
    return;
  }
  if (node->waiting_reads.count >= node->cluster->options.raft.reads_max) {
    refuse_read(node, mail, VLOT_WHY_READS_FULL);
    return;
  }
  uint8_t *question = vlot__alloc(node->allocator, 1, mail->size);
  bool has_room = question && vlot__ring_reserve(&node->waiting_reads, 1);
  vlot_input *input =
      has_room && !is_local ? vlot__node_new_input(node, VLOT_INPUT_READ, node->seat->cause) : NULL;
  if (!has_room || (!is_local && !input)) {
    vlot__alloc_free(node->allocator, question);
    refuse_read(node, mail, VLOT_WHY_NO_MEMORY);
    return;
  }
  const vlot__node_read *one = vlot__node_add_read(node, mail, question);
  if (input) input->as.read_tag = one->tag;
}

static void mail_order(vlot__node *node, const vlot__mail_order *mail) {
  follow(node, &mail->head);
  bool is_input = vlot__mail_is_input(mail->kind, mail->value);
  uint64_t event =
      vlot__emit_change(node->cluster, node->seat, VLOT_EVENT_ORDER, VLOT_WHY_ASKED, 0, mail->kind,
                        is_input ? mail->value : mail->index, node->brief.term);
  if (mail->kind == VLOT_INPUT_TRANSFER) {
    vlot__transfers_ask(node, mail, event);
    return;
  }
  if (!is_input) {
    vlot__snapshots_ask(node, mail, event);
    return;
  }
  vlot_input *input = vlot__node_new_input(node, (vlot_input_kind)mail->kind, event);
  if (input && mail->kind == VLOT_INPUT_SWITCHES) input->as.switches = mail->value;
}

/* Completions of an earlier incarnation's writes say nothing about this one (B128). */
static void mail_stored(vlot__node *node, const vlot__mail_stored *mail) {
  if (mail->token >> 32 != node->seat->incarnation) return;
  if (mail->result != VLOT_OK)
    vlot__node_write_failed(node, mail->token, mail->result);
  else if (mail->token > node->stored_token)
    node->stored_token = mail->token;
}

/* That of an earlier incarnation says nothing about this one either. */
static void mail_written(vlot__node *node, const vlot__mail_written *mail) {
  if (mail->image == node->snapshots.image) node->snapshots.is_written = true;
  vlot__image_release(mail->image);
}

/* What a client asked of another node: from here on as if it had come from the client, but for the
 * event that it comes from. */
static void mail_forward(vlot__node *node, vlot__mail_forward *mail) {
  follow(node, &mail->head);
  if (!vlot__forwarded_take(node, mail)) return;
  vlot__forwarded *one = vlot__forwarded_first(mail);
  for (uint32_t k = 0; k < mail->count; k++, one = vlot__forwarded_next(one)) {
    void *inner = vlot__forwarded_mail(one);
    vlot__mail_head *head = vlot__forwarded_head(one);
    head->id = mail->head.id;
    head->lamport = mail->head.lamport;
    if (one->kind == VLOT__MAIL_PROPOSE)
      mail_propose(node, inner, one->size);
    else
      mail_read(node, inner, one->size);
  }
}

void vlot__node_take(vlot__node *node, uint32_t kind, uint64_t stamp, void *payload,
                     uint32_t size) {
  VLOT__RECORD(node->cluster, take, node, kind, stamp, payload);
  if (node->is_fenced) {
    vlot__mail_refused(node->cluster, kind, payload, VLOT_WHY_NODE_DOWN);
    vlot__mail_dispose(kind, payload);
    return;
  }
  if (kind != VLOT__MAIL_STORED && kind != VLOT__MAIL_WRITTEN)
    vlot__node_pass_time(node, stamp, kind == VLOT__MAIL_TICK);
  switch ((vlot__mail_kind)kind) {
  case VLOT__MAIL_TICK: return;
  case VLOT__MAIL_MESSAGE: mail_message(node, payload); return;
  case VLOT__MAIL_PROPOSE: mail_propose(node, payload, size); return;
  case VLOT__MAIL_READ: mail_read(node, payload, size); return;
  case VLOT__MAIL_ORDER: mail_order(node, payload); return;
  case VLOT__MAIL_STORED: mail_stored(node, payload); return;
  case VLOT__MAIL_FORWARD: mail_forward(node, payload); return;
  case VLOT__MAIL_WRITTEN: mail_written(node, payload); return;
  }
}
