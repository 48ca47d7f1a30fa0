/* One turn again: the mail it took is found in the pending list by its id, or made of what a client
 * said; whatever the turn asks of the world, the next item answers; at its end both digests must be
 * the same.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "cluster/control.h"
#include "cluster/image.h"
#include "cluster/replay_inside.h"

/* --- a divergence --- */

void vlot__replay_diverge(vlot__replay *replay, const char *format, ...) {
  va_list arguments;
  const vlot__seat *seat = replay->subject;
  if (replay->status.has_diverged) return;
  replay->status.has_diverged = 1;
  replay->cluster->has_diverged = true;
  int length = 0;
  if (replay->turn_seat)
    length = snprintf(replay->text, sizeof replay->text,
                      "n%u, turn %" PRIu64 " of incarnation %u (action %" PRIu64 "): ", seat->id,
                      replay->turn, seat->incarnation, replay->cluster->action);
  else if (seat)
    length = snprintf(replay->text, sizeof replay->text, "n%u (action %" PRIu64 "): ", seat->id,
                      replay->cluster->action);
  va_start(arguments, format);
  vsnprintf(replay->text + length, sizeof replay->text - (size_t)length, format, arguments);
  va_end(arguments);
}

/* --- the items of a turn, one by one --- */

static void enter_chunk(vlot__replay *replay, size_t place) {
  replay->chunk = place;
  replay->reader = vlot__replay_body(&replay->records[place]);
  replay->last = (vlot__replay_item){0};
}

/* The item that comes; NULL behind the END. */
static const vlot__replay_item *peek(vlot__replay *replay) {
  if (replay->has_next) return &replay->next;
  while (!vlot__replay_read_item(&replay->reader, &replay->last, &replay->next)) {
    size_t next = replay->records[replay->chunk].next;
    if (next == VLOT__REPLAY_NONE) return NULL;
    enter_chunk(replay, next);
  }
  replay->has_next = true;
  return &replay->next;
}

static void pass(vlot__replay *replay) {
  replay->has_next = false;
  if (vlot__replay_is_mail(&replay->next)) replay->last = replay->next;
}

/* The outcome of the n-th thing of its kind, if something was recorded of it. */
static const uint8_t *outcome(vlot__replay *replay, uint32_t kind, uint32_t ordinal) {
  const vlot__replay_item *next = replay->turn_seat ? peek(replay) : NULL;
  if (!next || next->kind != kind || vlot__get32(next->payload) != ordinal) return NULL;
  pass(replay);
  return next->payload + 4;
}

bool vlot__replay_check(vlot__node *node, bool may) {
  vlot__replay *replay = node->cluster->replay;
  node->tape.checks++;
  if (outcome(replay, VLOT__ITEM_CUT, node->tape.checks)) node->tape.is_cut = true;
  return may && !node->tape.is_cut;
}

static bool is_result(uint32_t number) { return number <= VLOT_VIOLATED; }

/* What the disk is recorded to say to the next write. */
static vlot_result recorded_result(vlot__node *node) {
  node->tape.submits++;
  const uint8_t *recorded = outcome(node->cluster->replay, VLOT__ITEM_SUBMIT, node->tape.submits);
  return recorded && is_result(*recorded) ? (vlot_result)*recorded : VLOT_OK;
}

static vlot_result compare_result(vlot__node *node, vlot_result result, vlot_result made,
                                  const char *what) {
  if (made != result)
    vlot__replay_diverge(node->cluster->replay,
                         "the disk is recorded to say '%s' to a %s, and here it says '%s'",
                         vlot_result_text(result), what, vlot_result_text(made));
  return made;
}

vlot_result vlot__replay_submit(vlot__node *node, const vlot_write *write,
                                const vlot_storage_done *done) {
  (void)done;
  vlot__digest_write(node->seat, write);
  vlot_result result = recorded_result(node);
  return compare_result(node, result, vlot__disk_submit_as(node->seat->disk, write, result),
                        "write");
}

vlot_result vlot__replay_keep(vlot__node *node, vlot_snapshot *snapshot) {
  vlot__digest_snapshot(node->seat, snapshot);
  vlot_result result = recorded_result(node);
  return compare_result(node, result, vlot__disk_keep_as(node->seat->disk, snapshot, result),
                        "snapshot");
}

void vlot__replay_fate(vlot__seat *seat, vlot__fate *fate) {
  vlot__replay *replay = seat->cluster->replay;
  const uint8_t *recorded = outcome(replay, VLOT__ITEM_ROUTE, ++seat->node->tape.routes);
  if (!recorded) return;
  fate->copies = recorded[0] <= 2 ? recorded[0] : 1;
  fate->why = (vlot_why)vlot__get16(recorded + 1);
  for (int k = 0; k < 2; k++)
    fate->results[k] = is_result(recorded[3 + k]) ? (vlot_result)recorded[3 + k] : VLOT_OK;
}

/* Between turns only control's CLOCK record changes the rate. */
void vlot__replay_see_rate(vlot__node *node) {
  vlot__replay *replay = node->cluster->replay;
  const vlot__replay_item *next = replay->turn_seat == node->seat ? peek(replay) : NULL;
  if (!next || next->kind != VLOT__ITEM_RATE) return;
  uint32_t permille = vlot__get32(next->payload);
  uint64_t changed = vlot__get64(next->payload + 4);
  pass(replay);
  atomic_store(&node->seat->clock_permille, permille <= 100000 ? permille : 1000);
  atomic_store(&node->seat->clock_changed, changed <= VLOT__REPLAY_TICK_MAX ? changed : 0);
}

/* --- a turn --- */

void vlot__replay_pass_time(vlot_cluster *cluster, uint64_t tick) {
  if (tick != VLOT__STAMP_FIRE && tick > vlot__now(cluster))
    atomic_store_explicit(&cluster->now, tick, memory_order_relaxed);
}

/* Room for one more mail of this turn. */
static bool keep_mail(vlot__replay *replay, vlot__item *mail) {
  void *items = (void *)replay->items;
  bool has_room = mail && vlot__alloc_grow(replay->allocator, &items, &replay->item_capacity,
                                           replay->item_count + 1, sizeof *replay->items);
  replay->items = items;
  if (has_room)
    replay->items[replay->item_count++] = mail;
  else if (mail)
    vlot__pending_free(replay->cluster, mail);
  if (!has_room) vlot__replay_diverge(replay, "out of memory");
  return has_room;
}

static vlot__item *make_propose(vlot__replay *replay, const vlot__replay_item *one) {
  const uint8_t *payload = one->payload ? one->payload : one->like;
  vlot__journal_reader reader = {.at = payload, .end = payload + one->size};
  size_t size = sizeof(vlot__mail_propose);
  for (uint32_t k = 0; k < one->count; k++) {
    uint32_t bytes = one->is_like ? one->command : (uint32_t)vlot__read_var(&reader);
    vlot__read_bytes(&reader, bytes);
    size += vlot__propose_command_size(bytes);
  }
  vlot__item *made =
      size <= UINT32_MAX ? vlot__pending_make(replay->cluster, VLOT__MAIL_PROPOSE, size) : NULL;
  if (!made) return NULL;
  vlot__mail_propose *mail = (void *)made->payload;
  *mail = (vlot__mail_propose){
      .head.id = one->id, .sequence = one->sequence, .client = one->client, .count = one->count};
  uint8_t *at = vlot__propose_first(mail);
  reader.at = payload;
  for (uint32_t k = 0; k < one->count; k++) {
    uint32_t bytes = one->is_like ? one->command : (uint32_t)vlot__read_var(&reader);
    at = vlot__propose_put(at, vlot__read_bytes(&reader, bytes), bytes);
  }
  return made;
}

static vlot__item *make_read(vlot__replay *replay, const vlot__replay_item *one) {
  vlot__item *made =
      one->size <= UINT32_MAX - sizeof(vlot__mail_read)
          ? vlot__pending_make(replay->cluster, VLOT__MAIL_READ, vlot__mail_read_size(one->size))
          : NULL;
  if (!made) return NULL;
  vlot__mail_lay_out_read((void *)made->payload,
                          (vlot__mail_read){.head.id = one->id,
                                            .client = vlot__get32(one->payload),
                                            .sequence = vlot__get64(one->payload + 4),
                                            .min_index = vlot__get64(one->payload + 12)},
                          one->payload + 24, one->size);
  return made;
}

static vlot__item *make_order(vlot__replay *replay, const vlot__replay_item *one) {
  uint32_t kind = vlot__get32(one->payload), value = vlot__get32(one->payload + 4);
  uint64_t index = vlot__mail_order_has_index(kind) ? vlot__get64(one->payload + 8) : 0;
  if (!vlot__mail_is_order(kind, value)) {
    vlot__replay_diverge(replay, "it is recorded to take an order that there is not (%u)", kind);
    return NULL;
  }
  vlot__item *made =
      vlot__pending_make(replay->cluster, VLOT__MAIL_ORDER, sizeof(vlot__mail_order));
  if (made)
    *(vlot__mail_order *)(void *)made->payload =
        (vlot__mail_order){.head.id = one->id, .kind = kind, .value = value, .index = index};
  return made;
}

static const char *name_of_mail(uint32_t kind) {
  return kind == VLOT__MAIL_MESSAGE ? "message" : "forwarded call";
}

/* A node in the middle of a turn can have let go of more than stands of it in the journal: a copy
 * that a bad link made. Who took that was recorded, and cannot be followed. */
static bool was_cut_off(vlot__replay *replay, const vlot__replay_item *one) {
  const vlot__seat *from = vlot__seat_of(replay->cluster, (uint32_t)(one->id % VLOT__MAIL_STRIDE));
  if (!from || !from->node || !from->node->tape.in_turn) return false;
  replay->ends_here = true;
  snprintf(replay->text, sizeof replay->text,
           "the journal is cut: it has no end; n%u takes %s %" PRIu64
           " out of a turn of n%u that has none either, and how it came to be is not recorded",
           replay->turn_seat->id, name_of_mail(one->kind), one->id, from->id);
  return true;
}

/* A node's mail: it must have been sent here too, and be the same. */
static vlot__item *find_mail(vlot__replay *replay, const vlot__replay_item *one) {
  vlot__item *found = vlot__pending_take(replay->cluster, one->id);
  if (!found && was_cut_off(replay, one)) return NULL;
  if (!found) {
    vlot__replay_diverge(replay,
                         "it is recorded to take %s %" PRIu64 " from n%" PRIu64
                         ", which has not been sent here",
                         name_of_mail(one->kind), one->id, one->id % VLOT__MAIL_STRIDE);
    return NULL;
  }
  if (found->node != replay->turn_seat->id || found->mail_kind != one->kind)
    vlot__replay_diverge(
        replay, "%s %" PRIu64 " from n%" PRIu64 " is recorded to come to it, and here goes to n%u",
        name_of_mail(one->kind), one->id, one->id % VLOT__MAIL_STRIDE, found->node);
  else if (vlot__tape_mail_check(found->mail_kind, found->payload) != one->check)
    vlot__replay_diverge(
        replay, "%s %" PRIu64 " from n%" PRIu64 " has another content here than was recorded",
        name_of_mail(one->kind), one->id, one->id % VLOT__MAIL_STRIDE);
  return found;
}

static vlot__item *mail_of(vlot__replay *replay, const vlot__replay_item *one) {
  if (!one->has_payload) return find_mail(replay, one);
  switch (one->kind) {
  case VLOT__MAIL_PROPOSE: return make_propose(replay, one);
  case VLOT__MAIL_READ: return make_read(replay, one);
  default: return make_order(replay, one);
  }
}

static void take_recorded_stored(vlot__replay *replay, const vlot__replay_item *one) {
  vlot__seat *seat = replay->turn_seat;
  vlot__mail_stored stored = {.token = vlot__get64(one->payload),
                              .result = vlot__get32(one->payload + 8)};
  vlot__disk_settle(seat->disk, stored.token, stored.result != VLOT_OK);
  vlot__node_take(seat->node, VLOT__MAIL_STORED, 0, &stored, sizeof stored);
}

/* The image that the node here has frozen; it is written now, where it was there. */
static void take_recorded_written(vlot__replay *replay, const vlot__replay_item *one) {
  vlot__seat *seat = replay->turn_seat;
  uint64_t index = vlot__get64(one->payload);
  uint32_t number = vlot__get32(one->payload + 8);
  vlot_result result = (vlot_result)number;
  vlot__mail_written written = {.image = vlot__node_take_image(seat->node)};
  vlot__pending_forget_image(seat);
  if (!written.image || written.image->head.index != index || !is_result(number)) {
    vlot__replay_diverge(replay,
                         "an image of its machine at %" PRIu64
                         " is recorded to be written, and here none was frozen",
                         index);
    vlot__image_release(written.image);
    return;
  }
  if (result == VLOT_OK)
    vlot__image_write(written.image);
  else
    vlot__image_fail(written.image, result);
  if (written.image->result != result)
    vlot__replay_diverge(replay,
                         "an image of its machine is recorded to be written with '%s', and here "
                         "with '%s'",
                         vlot_result_text(result), vlot_result_text(written.image->result));
  vlot__node_take(seat->node, VLOT__MAIL_WRITTEN, 0, &written, sizeof written);
}

/* False: it has diverged. */
static bool take_recorded(vlot__replay *replay, const vlot__replay_item *one) {
  vlot__node *node = replay->turn_seat->node;
  uint32_t kind = one->kind;
  if (kind == VLOT__MAIL_STORED) {
    take_recorded_stored(replay, one);
  } else if (kind == VLOT__MAIL_WRITTEN) {
    take_recorded_written(replay, one);
  } else if (kind == VLOT__MAIL_TICK) {
    vlot__replay_pass_time(replay->cluster, one->stamp);
    vlot__node_take(node, kind, one->stamp, NULL, 0);
  } else {
    vlot__replay_pass_time(replay->cluster, one->stamp);
    vlot__item *mail = mail_of(replay, one);
    bool has_diverged = replay->status.has_diverged;
    if (replay->ends_here) return false;
    if (mail && has_diverged) vlot__mail_dispose(mail->mail_kind, mail->payload);
    if (!keep_mail(replay, mail) || has_diverged) return false;
    vlot__node_take(node, mail->mail_kind, one->stamp, mail->payload, mail->size);
  }
  return !replay->status.has_diverged;
}

/* What was recorded at the turn's end, against what stands here. */
static void compare(vlot__replay *replay, const vlot__seat *seat) {
  const vlot__node *node = seat->node;
  const vlot__replay_item *end = peek(replay);
  if (replay->ends_here || (!end && replay->is_unended)) return;
  if (!end || end->kind != VLOT__ITEM_END) {
    vlot__replay_diverge(replay, "something is recorded that happened to a message or write of it, "
                                 "and here it has none that this could be");
    return;
  }
  const uint8_t *at = end->payload;
  if (vlot__get64(at) == seat->digest) return;
  vlot__journal_reader reader = {.at = at + 8, .end = replay->reader.end};
  uint64_t recorded[5];
  for (int k = 0; k < 5; k++) recorded[k] = vlot__read_var(&reader);
  vlot__replay_diverge(replay,
                       "it puts out something else: recorded are %" PRIu64
                       " events and then term %" PRIu64 ", last %" PRIu64 ", commit %" PRIu64
                       ", applied %" PRIu64 "; here %" PRIu64 " events, term %" PRIu64
                       ", last %" PRIu64 ", commit %" PRIu64 ", applied %" PRIu64,
                       recorded[0], recorded[1], recorded[2], recorded[3], recorded[4],
                       seat->digest_events - node->tape.events, node->brief.term,
                       node->brief.last_index, node->commit_index, node->applied_index);
}

static void begin_recorded_turn(vlot__replay *replay, size_t place, vlot__seat *seat) {
  vlot__node *node = seat->node;
  replay->turn_seat = seat;
  replay->turn = node->turns + 1;
  replay->has_next = false;
  replay->item_count = 0;
  replay->is_unended = node->tape.in_turn = replay->records[place].is_unended;
  enter_chunk(replay, place);
  node->tape.checks = node->tape.routes = node->tape.submits = 0;
  node->tape.events = seat->digest_events;
  vlot__node_begin(node, NULL, vlot__replay_flags(&replay->records[place]) & 1);
}

static void after_recorded_turn(vlot__replay *replay, vlot__seat *seat) {
  vlot_cluster *cluster = replay->cluster;
  /* what they refer to is the node's */
  for (size_t k = 0; k < replay->item_count; k++) vlot__pending_free(cluster, replay->items[k]);
  replay->turn_seat = NULL;
  replay->status.turns++;
  seat->was_suspended = false;
  if (vlot__node_is_fenced(seat->node)) {
    if (atomic_exchange(&seat->state, VLOT_NODE_FENCED) != VLOT_NODE_FENCED) vlot__log_fenced(seat);
    vlot__pending_forget(seat);
  } else {
    vlot__pending_seat_changed(seat);
  }
}

/* Before it comes to what may have ended the process that was recorded. */
static void tell_unended(const vlot__replay *replay, size_t place, const vlot__seat *seat) {
  uint64_t last = replay->cluster->action, first = last - replay->records[place].mails + 1;
  vlot__log(replay->cluster, VLOT_LOG_ERROR,
            "n%u takes a turn without an end (action %" PRIu64 " to %" PRIu64
            "): it was in the middle of it when the recording ended, and what ended it may come "
            "again",
            seat->id, first, last);
}

void vlot__replay_turn(vlot__replay *replay, size_t place, vlot__seat *seat) {
  const vlot__replay_item *next;
  vlot__frame frame;
  vlot__inside_push(&frame, replay->cluster, NULL);
  replay->cluster->action += replay->records[place].mails;
  if (replay->records[place].is_unended) tell_unended(replay, place, seat);
  begin_recorded_turn(replay, place, seat);
  bool goes_on = true;
  while (goes_on && (next = peek(replay)) != NULL && vlot__replay_is_mail(next)) {
    vlot__replay_item one = *next;
    pass(replay);
    goes_on = take_recorded(replay, &one);
  }
  vlot__node_end(seat->node);
  compare(replay, seat);
  vlot__inside_pop(&frame);
  after_recorded_turn(replay, seat);
}
