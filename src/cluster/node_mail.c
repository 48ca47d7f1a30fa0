/* Taking mail: each becomes an input of the core, or waits to become part of one. */
#include <string.h>

#include "cluster/node.h"

/* --- taking mail --- */

static inline void each_reference(uint32_t kind, void *payload, void (*batch)(vlot_batch *),
                                  void (*bytes)(vlot_bytes *)) {
  if (kind == VLOT__MAIL_MESSAGE) {
    vlot__mail_message *mail = payload;
    if (mail->message.kind == VLOT_MESSAGE_APPEND)
      for (uint32_t k = 0; k < mail->message.as.append.slice_count; k++)
        batch(mail->slices[k].batch);
  } else if (kind == VLOT__MAIL_PROPOSE) {
    vlot__mail_propose *mail = payload;
    uint8_t *at = (uint8_t *)(mail + 1);
    for (uint32_t k = 0; k < mail->count && mail->has_owners; k++) {
      vlot__mail_command *command = (vlot__mail_command *)(void *)at;
      at += sizeof *command + (command->owner ? 0 : vlot__padded(command->size));
      bytes(command->owner);
    }
  }
}

static void retain_batch(vlot_batch *batch) { (void)vlot_batch_retain(batch); }
static void retain_bytes(vlot_bytes *bytes) { (void)vlot_bytes_retain(bytes); }

void vlot__mail_dispose(uint32_t kind, void *payload) {
  each_reference(kind, payload, vlot_batch_release, vlot_bytes_release);
}

void vlot__mail_retain(uint32_t kind, void *payload) {
  each_reference(kind, payload, retain_batch, retain_bytes);
}

/* What the following events come from. */
static void follow(vlot__node *node, const vlot__mail_head *head) {
  if (head->lamport > node->slot->lamport) node->slot->lamport = head->lamport;
  node->slot->cause = head->cause;
}

static void mail_message(vlot__node *node, vlot__mail_message *mail) {
  vlot_message *message = &mail->message;
  if (message->kind == VLOT_MESSAGE_APPEND) message->as.append.slices = mail->slices;
  follow(node, &mail->head);
  node->slot->cause = vlot__emit_message(node->cluster, node->slot, VLOT_EVENT_RECEIVED,
                                         VLOT_WHY_NONE, mail->head.id, message);
  vlot_input *input = vlot__node_new_input(node, VLOT_INPUT_MESSAGE);
  if (input)
    input->as.message = message;
  else
    vlot__mail_dispose(VLOT__MAIL_MESSAGE, mail); /* as if the network had lost it */
}

void vlot__node_emit_client(vlot__node *node, vlot_event_kind kind, uint32_t client,
                            uint64_t sequence, uint32_t count) {
  vlot_event *event = vlot__event_begin(node->cluster, node->slot, kind, VLOT_WHY_NONE, 0);
  event->as.client.client = client;
  event->as.client.sequence = sequence;
  event->as.client.count = count;
  node->slot->cause = vlot__emit(node->cluster, node->slot, event);
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
  const uint8_t *at = (const uint8_t *)(mail + 1);
  for (uint32_t k = 0; k < mail->count; k++) {
    const vlot__mail_command *command = (const vlot__mail_command *)(const void *)at;
    at += sizeof *command;
    vlot_command *out = &node->commands[node->command_count++];
    *out = (vlot_command){.size = command->size, .owner = command->owner};
    out->data = command->owner ? vlot_bytes_data(command->owner) : at;
    if (!command->owner) at += vlot__padded(command->size);
  }
  node->groups[node->group_count++] =
      (vlot__group){.mail = mail, .size = size, .count = mail->count};
}

vlot_why vlot__node_no_leader_why(const vlot__node *node) {
  return node->leader == 0 ? VLOT_WHY_NO_LEADER : VLOT_WHY_NOT_LEADER;
}

/* Pass a client's mail on to the leader, once (B118). False: nobody took it, so that certainly
 * nothing has happened. What a faulty link loses is lost like any message: the client's deadline
 * covers it.
 */
bool vlot__node_forward(vlot__node *node, uint32_t kind, void *payload, size_t size,
                        uint32_t hops) {
  uint32_t leader = node->leader;
  if (hops > 0 || leader == 0 || leader == node->slot->id || !vlot__node_enter_effects(node))
    return false;
  vlot__contact *contact = node->slot->contacts ? &node->slot->contacts[leader - 1] : NULL;
  vlot_piece piece = {.data = payload, .size = size};
  vlot__mail_retain(kind, payload);
  vlot_result result = vlot__route(node->cluster, node->slot, contact, leader, kind, 0, &piece, 1);
  vlot__node_leave_effects(node);
  return result == VLOT_OK;
}

static void mail_read(vlot__node *node, vlot__mail_read *mail, uint32_t size) {
  follow(node, &mail->head);
  vlot__node_emit_client(node, VLOT_EVENT_READ, mail->client, mail->sequence, 1);
  bool is_local = mail->min_index != VLOT_READ_LINEARIZABLE;
  if (!is_local && node->brief.role != VLOT_ROLE_LEADER) {
    mail->hops++;
    if (!vlot__node_forward(node, VLOT__MAIL_READ, mail, size, mail->hops - 1))
      vlot__node_answer(node, mail->client, mail->sequence, 1, VLOT_REJECTED,
                        vlot__node_no_leader_why(node));
    return;
  }
  uint8_t *question = vlot__alloc(node->allocator, 1, mail->size);
  vlot__node_read *one = question && vlot__ring_reserve(&node->waiting_reads, 1)
                             ? vlot__ring_push(&node->waiting_reads)
                             : NULL;
  vlot_input *input = one && !is_local ? vlot__node_new_input(node, VLOT_INPUT_READ) : NULL;
  if (!one || (!is_local && !input)) {
    if (one) vlot__ring_pop_back(&node->waiting_reads);
    vlot__alloc_free(node->allocator, question);
    vlot__node_answer(node, mail->client, mail->sequence, 1, VLOT_REJECTED, VLOT_WHY_NO_MEMORY);
    return;
  }
  memcpy(question, mail + 1, mail->size);
  *one = (vlot__node_read){.tag = node->next_tag++,
                           .index = mail->min_index,
                           .sequence = mail->sequence,
                           .client = mail->client,
                           .size = mail->size,
                           .is_ready = is_local,
                           .question = question};
  if (input) input->as.read_tag = one->tag;
}

static void mail_order(vlot__node *node, const vlot__mail_order *mail) {
  follow(node, &mail->head);
  vlot_input *input = vlot__node_new_input(node, (vlot_input_kind)mail->kind);
  if (input && mail->kind == VLOT_INPUT_SWITCHES) input->as.switches = mail->value;
}

/* Completions of an earlier incarnation's writes say nothing about this one (B128). */
static void mail_stored(vlot__node *node, const vlot__mail_stored *mail) {
  if (mail->token >> 32 != node->slot->incarnation) return;
  if (mail->result != VLOT_OK)
    node->failed_token = mail->token;
  else if (mail->token > node->stored_token)
    node->stored_token = mail->token;
}

void vlot__node_begin(vlot__node *node, vlot_actor *actor, bool was_parked) {
  node->actor = node->slot->turn_actor = actor;
  node->counts_in_full = was_parked;
  node->input_count = node->command_count = node->group_count = 0;
  node->slot->cause = 0;
  if (node->cluster->journal) vlot__tape_begin(node, was_parked);
}

void vlot__node_take(vlot__node *node, uint32_t kind, uint64_t stamp, void *payload,
                     uint32_t size) {
  if (node->cluster->journal) vlot__tape_take(node, kind, stamp, payload);
  if (node->is_fenced) {
    vlot__mail_refused(node->cluster, kind, payload, VLOT_WHY_NODE_DOWN);
    vlot__mail_dispose(kind, payload);
    return;
  }
  if (kind != VLOT__MAIL_STORED) vlot__node_pass_time(node, stamp, kind == VLOT__MAIL_TICK);
  switch ((vlot__mail_kind)kind) {
  case VLOT__MAIL_TICK: return;
  case VLOT__MAIL_MESSAGE: mail_message(node, payload); return;
  case VLOT__MAIL_PROPOSE: mail_propose(node, payload, size); return;
  case VLOT__MAIL_READ: mail_read(node, payload, size); return;
  case VLOT__MAIL_ORDER: mail_order(node, payload); return;
  case VLOT__MAIL_STORED: mail_stored(node, payload); return;
  }
}
