/* Recording a node's turns: what it took, and what the world made of its effects. */
#include "cluster/image.h"
#include "cluster/link.h"
#include "cluster/node_inside.h"
#include "vlot/raft_snapshot.h"

#define CLOSED SIZE_MAX

/* --- tapes --- */

static vlot__tape *tape_of(vlot__seat *seat) { return &seat->node->tape; }

/* Room for so many bytes at the tape's end; NULL without memory: then the journal ends here. */
static uint8_t *reserve_tape(vlot__node *node, size_t size) {
  vlot__tape *tape = &node->tape;
  vlot__journal *journal = node->cluster->journal;
  void *bytes = tape->bytes;
  bool has_room = vlot__alloc_grow(node->allocator, &bytes, &tape->capacity, tape->size + size, 1);
  tape->bytes = bytes;
  if (has_room) return tape->bytes + tape->size;
  vlot__journal_short(journal);
  return NULL;
}

static void forget_mail(vlot__tape *tape) {
  tape->stamp = tape->id = tape->sequence = 0;
  tape->client = 0;
  tape->run_end = 0;
}

static bool open_record(vlot__node *node, vlot__journal_type type, uint32_t flags) {
  vlot__tape *tape = &node->tape;
  uint8_t *at = reserve_tape(node, VLOT__JOURNAL_RECORD_HEAD);
  if (!at) return false;
  vlot__put_head(at, 0, type, flags, node->seat->id);
  tape->open = tape->size;
  tape->size += VLOT__JOURNAL_RECORD_HEAD;
  forget_mail(tape);
  return true;
}

static void close_record(vlot__tape *tape) {
  if (tape->open == CLOSED) return;
  vlot__journal_seal(tape->bytes + tape->open, (uint32_t)(tape->size - tape->open));
  tape->open = CLOSED;
}

/* The tape into the journal. */
static void empty(vlot__node *node) {
  vlot__tape *tape = &node->tape;
  close_record(tape);
  if (tape->size > 0) vlot__journal_append(node->cluster->journal, tape->bytes, tape->size);
  tape->size = 0;
}

/* Room for an item of the turn; NULL: there is none, or nothing is recorded. */
static uint8_t *begin_item(vlot__node *node, size_t size) {
  if (!node->tape.in_turn || !vlot__journal_is_on(node->cluster->journal)) return NULL;
  if (node->tape.open == CLOSED && !open_record(node, VLOT__RECORD_MORE, 0)) return NULL;
  return reserve_tape(node, size);
}

static void end_item(vlot__node *node, const uint8_t *end) {
  node->tape.size = (size_t)(end - node->tape.bytes);
}

void vlot__tape_begin(vlot__node *node, bool was_parked) {
  vlot__tape *tape = &node->tape;
  tape->checks = tape->routes = tape->submits = 0;
  tape->events = node->seat->digest_events;
  tape->in_turn = vlot__journal_is_on(node->cluster->journal) &&
                  open_record(node, VLOT__RECORD_TURN, was_parked);
}

/* --- mail --- */

static uint32_t check_message(const vlot_message *message) {
  uint64_t sum = ((uint64_t)message->kind << 48 | (uint64_t)message->flags << 32 | message->why) *
                 0x9e3779b97f4a7c15u;
  sum ^= (message->term + 1) * 0xbf58476d1ce4e5b9u;
  sum ^= (message->request_id + 3) * 0x94d049bb133111ebu;
  sum += ((uint64_t)message->from << 32 | message->to) * 0xd6e8feb86659fd93u;
  switch (vlot_message_body_of(message->kind)) {
  case VLOT_BODY_VOTE:
    sum ^= (message->as.vote.last_index << 20) + message->as.vote.last_term;
    break;
  case VLOT_BODY_APPEND:
    sum ^= (message->as.append.prev_index << 20) + message->as.append.prev_term +
           (message->as.append.commit << 40) + message->as.append.entry_count;
    break;
  case VLOT_BODY_APPEND_REPLY:
    sum ^= (message->as.reply.match_index << 20) + message->as.reply.hint_index +
           (message->as.reply.hint_term << 40);
    break;
  case VLOT_BODY_INSTALL:
    sum ^= (vlot_snapshot_get(message->as.install.snapshot)->index << 20) +
           vlot_snapshot_get(message->as.install.snapshot)->checksum +
           (message->as.install.offset << 40) + message->as.install.length;
    break;
  case VLOT_BODY_INSTALL_REPLY:
    sum ^= (message->as.installed.index << 20) + message->as.installed.match_index +
           (message->as.installed.offset << 40) + message->as.installed.limit;
    break;
  case VLOT_BODY_UNKNOWN:
  case VLOT_BODY_TIMEOUT_NOW:
  case VLOT_BODY_VOTE_REPLY: break;
  }
  sum *= 0x9e3779b97f4a7c15u;
  return (uint32_t)(sum >> 32);
}

static uint32_t check_forward(const vlot__mail_forward *mail) {
  uint64_t sum = vlot__prng_mix(mail->number ^ mail->term << 32 ^ (uint64_t)mail->verdict << 62);
  sum = vlot__prng_mix(sum ^ mail->copy);
  vlot__forwarded *one = vlot__forwarded_first(mail);
  for (uint32_t k = 0; k < mail->count; k++, one = vlot__forwarded_next(one))
    sum = vlot__prng_mix(sum ^ vlot__tape_mail_check(one->kind, vlot__forwarded_mail(one)));
  return (uint32_t)sum;
}

uint32_t vlot__tape_mail_check(uint32_t kind, const void *payload) {
  const vlot__mail_propose *propose = payload;
  const vlot__mail_read *read = payload;
  if (kind == VLOT__MAIL_MESSAGE)
    return check_message(&((const vlot__mail_message *)payload)->message);
  if (kind == VLOT__MAIL_PROPOSE)
    return (uint32_t)vlot__prng_mix(propose->sequence ^ (uint64_t)propose->client << 32 ^
                                    propose->count);
  if (kind == VLOT__MAIL_READ)
    return (uint32_t)vlot__prng_mix(read->sequence ^ (uint64_t)read->client << 32 ^
                                    read->min_index);
  if (kind == VLOT__MAIL_FORWARD) return check_forward(payload);
  return 0;
}

static size_t payload_bytes(uint32_t kind, const void *payload) {
  const vlot__mail_propose *propose = payload;
  const vlot__mail_read *read = payload;
  if (kind == VLOT__MAIL_READ) return 32 + (size_t)read->size;
  if (kind != VLOT__MAIL_PROPOSE) return 16;
  const vlot__mail_command *command;
  size_t size = 3 * VLOT__VAR_BYTES + 2;
  for (vlot__propose_reader next = vlot__propose_begin(propose);
       (command = vlot__propose_next(&next)) != NULL;)
    size += 5 + (size_t)command->size;
  return size;
}

static uint8_t *put_command(uint8_t *at, const vlot__mail_command *command) {
  if (command->size > 0) memcpy(at, vlot__propose_data(command), command->size);
  return at + command->size;
}

/* Eight bytes of a command, or what is left of them. */
static uint64_t word_of(const uint8_t *data, uint32_t size) {
  return size >= 8 ? vlot__get64(data) : vlot__get_word(data, size);
}

/* One bit for each byte of a word that is not 0. */
static uint8_t bytes_set(uint64_t word) {
  word |= word >> 4;
  word |= word >> 2;
  word |= word >> 1;
  return (uint8_t)((word & 0x0101010101010101u) * 0x0102040810204080u >> 56);
}

static void keep_words(vlot__tape *tape, const vlot__mail_command *command) {
  const uint8_t *data = vlot__propose_data(command);
  for (uint32_t k = 0; 8 * k < command->size; k++)
    tape->run_words[k] = word_of(data + 8 * k, command->size - 8 * k);
}

/* What differs from the command before: keys and counters of neighbours are alike. */
static uint8_t *put_difference(vlot__tape *tape, uint8_t *at, const vlot__mail_command *command) {
  const uint8_t *data = vlot__propose_data(command);
  for (uint32_t k = 0; 8 * k < command->size; k++) {
    uint64_t word = word_of(data + 8 * k, command->size - 8 * k), other = word ^ tape->run_words[k];
    uint8_t set = bytes_set(other);
    tape->run_words[k] = word;
    *at++ = set;
    if (set == 255) {
      at = vlot__put64(at, other);
      continue;
    }
    for (; other != 0;
         other &= ~(UINT64_C(255) << __builtin_ctz(set) * 8), set &= (uint8_t)(set - 1))
      *at++ = (uint8_t)(other >> __builtin_ctz(set) * 8);
  }
  return at;
}

static uint8_t *put_commands(vlot__tape *tape, uint8_t *at, const vlot__mail_propose *mail) {
  const vlot__mail_command *command, *last = NULL;
  at = vlot__put_var(at, mail->count);
  tape->run_at = (size_t)(at - tape->bytes);
  at = vlot__put16(at, 0);
  for (vlot__propose_reader next = vlot__propose_begin(mail);
       (command = vlot__propose_next(&next)) != NULL; last = command)
    at = put_command(vlot__put_var(at, command->size), command);
  if (last) tape->run_size = last->size;
  tape->run_more = 0;
  if (mail->count == 1 && tape->run_size <= VLOT__LIKE_BYTES) keep_words(tape, last);
  tape->run_end = mail->count == 1 ? (size_t)(at - tape->bytes) : 0;
  return at;
}

/* One command like the one before: most are, under load, and then nothing but its bytes is
 * written. */
static bool put_more(vlot__node *node, uint64_t stamp, const vlot__mail_propose *mail) {
  vlot__tape *tape = &node->tape;
  vlot__propose_reader next = vlot__propose_begin(mail);
  const vlot__mail_command *command = vlot__propose_next(&next);
  bool is_like = mail->count == 1 && tape->run_end == tape->size && tape->run_more < UINT16_MAX &&
                 stamp == tape->stamp && mail->head.id == tape->id + VLOT__MAIL_STRIDE &&
                 mail->client == tape->client && mail->sequence == tape->sequence &&
                 command->size == tape->run_size;
  if (!is_like || tape->open == CLOSED || !tape->in_turn) return false;
  bool is_short = command->size <= VLOT__LIKE_BYTES;
  uint8_t *at = reserve_tape(node, is_short ? VLOT__LIKE_BYTES + VLOT__LIKE_WORDS : command->size);
  if (!at) return false;
  at = is_short ? put_difference(tape, at, command) : put_command(at, command);
  tape->size = tape->run_end = (size_t)(at - tape->bytes);
  vlot__put16(tape->bytes + tape->run_at, ++tape->run_more);
  tape->id += VLOT__MAIL_STRIDE;
  tape->sequence++;
  return true;
}

static uint8_t *put_propose(vlot__tape *tape, uint8_t *at, uint8_t *tag,
                            const vlot__mail_propose *mail) {
  if (tape->client == mail->client && tape->sequence == mail->sequence) {
    *tag |= VLOT__ITEM_NEXT_SEQUENCE;
  } else {
    at = vlot__put_var(at, mail->client);
    at = vlot__put_var(at, mail->sequence);
  }
  tape->client = mail->client;
  tape->sequence = mail->sequence + mail->count;
  return put_commands(tape, at, mail);
}

static uint8_t *put_payload(vlot__tape *tape, uint8_t *at, uint8_t *tag, uint32_t kind,
                            const void *payload) {
  if (kind == VLOT__MAIL_PROPOSE) return put_propose(tape, at, tag, payload);
  if (kind == VLOT__MAIL_ORDER) {
    const vlot__mail_order *order = payload;
    at = vlot__put32(vlot__put32(at, order->kind), order->value);
    return vlot__mail_order_has_index(order->kind) ? vlot__put64(at, order->index) : at;
  }
  const vlot__mail_read *read = payload;
  at = vlot__put32(at, read->client);
  at = vlot__put64(at, read->sequence);
  at = vlot__put64(at, read->min_index);
  at = vlot__put32(at, read->size);
  if (read->size > 0) memcpy(at, vlot__mail_question(read), read->size);
  return at + read->size;
}

static uint8_t *put_stamp(vlot__tape *tape, uint8_t *at, uint8_t *tag, uint64_t stamp) {
  if (tape->stamp == stamp) {
    *tag |= VLOT__ITEM_SAME_STAMP;
    return at;
  }
  tape->stamp = stamp;
  return vlot__put_var(at, stamp);
}

static uint8_t *put_id(vlot__tape *tape, uint8_t *at, uint8_t *tag, uint64_t id) {
  bool is_next = id == tape->id + VLOT__MAIL_STRIDE;
  tape->id = id;
  if (!is_next) return vlot__put_var(at, id);
  *tag |= VLOT__ITEM_NEXT_ID;
  return at;
}

void vlot__tape_take(vlot__node *node, uint32_t kind, uint64_t stamp, const void *payload) {
  vlot__tape *tape = &node->tape;
  const vlot__mail_head *head = payload;
  bool is_clients =
      kind == VLOT__MAIL_PROPOSE || kind == VLOT__MAIL_READ || kind == VLOT__MAIL_ORDER;
  if (is_clients && kind == VLOT__MAIL_PROPOSE && put_more(node, stamp, payload)) return;
  uint8_t *tag =
      begin_item(node, 1 + 2 * VLOT__VAR_BYTES + (is_clients ? payload_bytes(kind, payload) : 16));
  if (!tag) return;
  uint8_t *at = tag + 1;
  *tag = (uint8_t)kind;
  if (kind == VLOT__MAIL_STORED) {
    const vlot__mail_stored *stored = payload;
    end_item(node, vlot__put32(vlot__put64(at, stored->token), stored->result));
    return;
  }
  if (kind == VLOT__MAIL_WRITTEN) {
    const vlot__mail_written *written = payload;
    at = vlot__put64(at, written->image->head.index);
    end_item(node, vlot__put32(at, written->image->result));
    return;
  }
  at = put_stamp(tape, at, tag, stamp);
  if (kind != VLOT__MAIL_TICK) {
    at = put_id(tape, at, tag, head->id);
    if (is_clients) {
      *tag |= VLOT__ITEM_HAS_PAYLOAD;
      at = put_payload(tape, at, tag, kind, payload);
    } else {
      at = vlot__put32(at, vlot__tape_mail_check(kind, payload));
    }
  }
  end_item(node, at);
}

/* --- outcomes --- */

void vlot__tape_rate(vlot__node *node, uint32_t permille, uint64_t changed) {
  uint8_t *at = begin_item(node, 16);
  if (!at) return;
  *at = VLOT__ITEM_RATE;
  end_item(node, vlot__put64(vlot__put32(at + 1, permille), changed));
}

bool vlot__tape_check(vlot__node *node, bool may) {
  vlot__tape *tape = &node->tape;
  tape->checks++;
  if (may || tape->is_cut) return may;
  tape->is_cut = true;
  uint8_t *at = begin_item(node, 8);
  if (!at) return false;
  *at = VLOT__ITEM_CUT;
  end_item(node, vlot__put32(at + 1, tape->checks));
  return false;
}

/* Before any other node can know of this turn; and again before it can know of what became of a
 * message or write of it since. */
void vlot__tape_sending(vlot__seat *seat) {
  const vlot__tape *tape = tape_of(seat);
  if (tape->in_turn && tape->size > 0 && vlot__journal_is_on(seat->cluster->journal))
    empty(seat->node);
}

void vlot__tape_calling(vlot__seat *seat) {
  vlot__journal *journal = seat->cluster->journal;
  if (!tape_of(seat)->in_turn || !vlot__journal_is_on(journal)) return;
  vlot__tape_sending(seat);
  vlot__journal_sync(journal);
}

void vlot__tape_sent(vlot__seat *seat, const vlot__fate *fate) {
  vlot__tape *tape = tape_of(seat);
  tape->routes++;
  if (fate->copies == 1 && fate->results[0] == VLOT_OK) return;
  uint8_t *at = begin_item(seat->node, 16);
  if (!at) return;
  *at = VLOT__ITEM_ROUTE;
  at = vlot__put32(at + 1, tape->routes);
  *at = (uint8_t)fate->copies;
  at = vlot__put16(at + 1, (uint32_t)fate->why);
  at[0] = (uint8_t)fate->results[0];
  at[1] = (uint8_t)fate->results[1];
  end_item(seat->node, at + 2);
}

/* What a disk says, unless it is the usual. */
static vlot_result put_result(vlot__node *node, vlot_result result) {
  node->tape.submits++;
  if (result == VLOT_OK) return result;
  uint8_t *at = begin_item(node, 8);
  if (!at) return result;
  *at = VLOT__ITEM_SUBMIT;
  at = vlot__put32(at + 1, node->tape.submits);
  *at = (uint8_t)result;
  end_item(node, at + 1);
  return result;
}

vlot_result vlot__tape_submit(vlot__node *node, const vlot_write *write,
                              const vlot_storage_done *done) {
  const vlot_storage *storage = &node->seat->storage;
  vlot__digest_write(node->seat, write);
  return put_result(node, storage->submit(storage->context, write, done));
}

vlot_result vlot__tape_keep(vlot__node *node, vlot_snapshot *snapshot) {
  const vlot_storage *storage = &node->seat->storage;
  vlot__digest_snapshot(node->seat, snapshot);
  return put_result(node, storage->keep(storage->context, snapshot));
}

/* What a node is at the end of a turn; where it was cut, control writes it: the thread may not
 * touch the seat any more. */
static void put_end(vlot__node *node) {
  vlot__tape *tape = &node->tape;
  vlot__seat *seat = node->seat;
  uint8_t *at = begin_item(node, 64);
  tape->in_turn = false;
  if (!at) return;
  *at = VLOT__ITEM_END;
  at = vlot__put64(at + 1, seat->digest);
  at = vlot__put_var(at, seat->digest_events - tape->events);
  at = vlot__put_var(at, node->brief.term);
  at = vlot__put_var(at, node->brief.last_index);
  at = vlot__put_var(at, node->commit_index);
  at = vlot__put_var(at, node->applied_index);
  end_item(node, at);
  close_record(tape);
}

void vlot__tape_end(vlot__node *node) {
  if (!node->tape.in_turn || node->tape.is_cut) return;
  put_end(node);
  empty(node); /* so that after a crash a turn without an end is one that had none */
}

void vlot__tape_empty(vlot__node *node) {
  if (node->tape.in_turn) put_end(node);
  empty(node);
}
