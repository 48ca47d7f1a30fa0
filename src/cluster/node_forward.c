/* What clients ask of a follower goes on to the leader: a stream of numbered mails, per incarnation
 * of the follower, leader and term, over links that lose, double and reorder (why:
 * docs/decisions/silence.md).
 *
 * The leader takes what is next, drops what it knows or what has a gap before it, and answers each
 * turn with the number that it takes next. The follower sends what came in a turn as one mail, and
 * keeps it until it is answered; after two silent ticks it sends the oldest again, and all from a
 * gap on as soon as an answer shows one. Of another term nothing is ever sent again: what became of
 * it is not known.
 *
 * One record per peer at the leader, a bounded ring at the follower.
 */
#include "cluster/by_id.h"
#include "cluster/driver.h"
#include "cluster/link.h"
#include "cluster/node_inside.h"

enum {
  FORWARDS_MAX = 65536,     /* clients' mails that wait for an answer … */
  TOGETHER_BYTES = 1 << 16, /* so many go in one mail; larger ones alone */
  SILENCE_TICKS = 2,
  DOUBT = 64, /* answers after a loss until the link counts as one that loses nothing */
};
static const uint64_t forward_bytes_max = 64 << 20; /* … and their bytes */

/* --- the follower: what is under way ---------------------------------------------------------- */

static vlot__forward *forward_at(const vlot__forwarding *it, size_t k) {
  return vlot__ring_at(&it->sent, k);
}

static void free_forward(vlot__node *node, vlot__forward *one) {
  node->forwarding.bytes -= one->whole;
  node->forwarding.mails -= one->mail->count;
  vlot__mail_dispose(VLOT__MAIL_FORWARD, one->mail);
  vlot__alloc_free(node->allocator, one->mail);
}

static void forget_oldest(vlot__node *node) {
  free_forward(node, forward_at(&node->forwarding, 0));
  vlot__ring_pop_front(&node->forwarding.sent);
}

/* A read was certainly not served as long as its client has no answer. ended: the event that ended
 * it; 0: that with which the client had asked. */
static void answer_clients(vlot__node *node, const vlot__mail_forward *mail, uint64_t ended,
                           vlot_result result, vlot_why why) {
  vlot__forwarded *one = vlot__forwarded_first(mail);
  uint64_t before = node->seat->cause; /* of whatever brought us here, which goes on */
  for (uint32_t k = 0; k < mail->count; k++, one = vlot__forwarded_next(one)) {
    node->seat->cause = ended != 0 ? ended : vlot__forwarded_head(one)->cause;
    const vlot__mail_propose *propose = vlot__forwarded_mail(one);
    const vlot__mail_read *read = vlot__forwarded_mail(one);
    if (one->kind == VLOT__MAIL_PROPOSE)
      vlot__node_answer(node, propose->client, propose->sequence, propose->count, result, why);
    else
      vlot__node_answer(node, read->client, read->sequence, 1, VLOT_REJECTED, why);
  }
  node->seat->cause = before;
}

/* What nobody has was certainly not carried out. */
static void settle_all(vlot__node *node, uint64_t ended, vlot_result result, vlot_why why) {
  while (node->forwarding.sent.count > 0) {
    const vlot__mail_forward *mail = forward_at(&node->forwarding, 0)->mail;
    answer_clients(node, mail, ended, mail->copy == 0 ? VLOT_REJECTED : result, why);
    forget_oldest(node);
  }
  node->forwarding.due = VLOT_NEVER;
}

void vlot__forwards_give_up(vlot__node *node, vlot_why why) {
  settle_all(node, node->seat->cause, VLOT_UNKNOWN, why);
}

void vlot__forwards_open(vlot__node *node) {
  vlot__ring_init(&node->forwarding.sent, node->allocator, sizeof(vlot__forward));
  node->forwarding.due = VLOT_NEVER;
}

void vlot__forwards_free(vlot__node *node) {
  while (node->forwarding.sent.count > 0) forget_oldest(node);
  vlot__ring_deinit(&node->forwarding.sent);
  vlot__alloc_free(node->allocator, node->forwarding.origins);
}

/* What went to a leader of another term is not known to be taken, and goes to nobody else. */
static void leave_term(vlot__node *node) {
  if (node->forwarding.sent.count > 0 && node->forwarding.term != node->brief.term)
    settle_all(node, 0, VLOT_UNKNOWN, VLOT_WHY_LEADERSHIP_LOST);
}

/* --- the follower: putting in ----------------------------------------------------------------- */

/* After so many silent ticks the oldest goes again: as vlot__silence_max() in the core. */
static uint32_t silence_max(const vlot__node *node) {
  uint32_t heartbeat = node->cluster->options.raft.heartbeat_ticks;
  uint32_t ticks = node->forwarding.answer_ticks;
  ticks = ticks < SILENCE_TICKS ? SILENCE_TICKS : ticks + SILENCE_TICKS;
  return ticks < heartbeat || heartbeat < SILENCE_TICKS ? ticks : heartbeat;
}

/* Timed is one copy after the other, by the answer to that very one. */
static void time_answer(vlot__node *node, uint64_t copy) {
  vlot__forwarding *it = &node->forwarding;
  if (it->timed_copy == 0 || copy < it->timed_copy) return;
  bool is_that = copy == it->timed_copy;
  uint64_t ticks = node->now - it->timed_at;
  uint32_t heartbeat = node->cluster->options.raft.heartbeat_ticks;
  it->timed_copy = 0;
  if (!is_that) return; /* answered with others, or lost */
  if (ticks > heartbeat) ticks = heartbeat;
  if (ticks >= it->answer_ticks)
    it->answer_ticks = (uint32_t)ticks;
  else
    it->answer_ticks -= (it->answer_ticks - (uint32_t)ticks + 7) / 8;
}

/* A stream to the leader of this term, from its beginning where it is another one. */
static void meet_leader(vlot__node *node) {
  vlot__forwarding *it = &node->forwarding;
  leave_term(node);
  if (it->term == node->brief.term && it->leader == node->leader) return;
  it->term = node->brief.term;
  it->leader = node->leader;
  it->next_number = 1;
  it->answer_ticks = 0;
  it->timed_copy = 0;
}

static size_t whole_size(uint32_t kind, const void *payload, size_t size) {
  return kind == VLOT__MAIL_PROPOSE ? vlot__propose_whole_size(payload) : size;
}

/* Room for so many bytes more, `whole` with what they share, in one that has not gone yet; NULL
 * without memory. */
static vlot__forward *open_forward(vlot__node *node, size_t more, size_t whole) {
  vlot__forwarding *it = &node->forwarding;
  size_t count = it->sent.count;
  vlot__forward *one = count > 0 ? forward_at(it, count - 1) : NULL;
  vlot__forward made = {.size = sizeof(vlot__mail_forward), .whole = sizeof(vlot__mail_forward)};
  bool is_new = !one || one->mail->copy > 0 || one->whole + whole > TOGETHER_BYTES;
  if (is_new && !vlot__ring_reserve(&it->sent, 1)) return NULL;
  if (is_new) one = &made;
  void *mail = one->mail;
  bool has_room = vlot__alloc_grow(node->allocator, &mail, &one->capacity, one->size + more, 1);
  one->mail = mail;
  if (!has_room) return NULL;
  if (!is_new) return one;
  *one->mail = (vlot__mail_forward){.term = it->term,
                                    .number = it->next_number++,
                                    .incarnation = node->seat->incarnation,
                                    .from = node->seat->id};
  it->bytes += one->whole;
  vlot__forward *pushed = vlot__ring_push(&it->sent);
  *pushed = made;
  return pushed;
}

vlot_why vlot__node_no_leader_why(const vlot__node *node) {
  return node->leader == 0 ? VLOT_WHY_NO_LEADER : VLOT_WHY_NOT_LEADER;
}

vlot_why vlot__node_forward(vlot__node *node, uint32_t kind, const void *payload, uint32_t size,
                            uint32_t *hops) {
  vlot__forwarding *it = &node->forwarding;
  size_t more = sizeof(vlot__forwarded) + vlot__padded(size);
  size_t whole = sizeof(vlot__forwarded) + vlot__padded(whole_size(kind, payload, size));
  if (*hops > 0 || node->leader == 0 || node->leader == node->seat->id)
    return vlot__node_no_leader_why(node);
  meet_leader(node);
  if (it->mails >= FORWARDS_MAX || it->bytes >= forward_bytes_max) return VLOT_WHY_MAILBOX_FULL;
  vlot__forward *one = open_forward(node, more, whole);
  if (!one) return VLOT_WHY_NO_MEMORY;
  *hops = 1;
  vlot__forwarded *at = (void *)((uint8_t *)one->mail + one->size);
  *at = (vlot__forwarded){.kind = kind, .size = size};
  memcpy(vlot__forwarded_mail(at), payload, size);
  vlot__mail_retain(kind, vlot__forwarded_mail(at));
  vlot__forwarded_head(at)->cause = node->seat->cause; /* the client's event here */
  one->size += more;
  one->whole += whole;
  one->mail->count++;
  it->bytes += whole;
  it->mails++;
  return VLOT_WHY_NONE;
}

/* --- the follower: sending -------------------------------------------------------------------- */

/* Its effects are open. What it refers to is the caller's as before. It follows from what its first
 * client asked; answers and questions from nothing that is told. */
static vlot_result send(vlot__node *node, uint32_t to, vlot__mail_forward *mail, size_t size) {
  node->seat->cause =
      mail->count > 0 ? vlot__forwarded_head(vlot__forwarded_first(mail))->cause : 0;
  vlot__parcel parcel = vlot__parcel_of(to, VLOT__MAIL_FORWARD, mail, size);
  parcel.sender = node->seat;
  vlot__mail_retain(VLOT__MAIL_FORWARD, mail);
  vlot_result result = vlot__route(node->cluster, &parcel);
  if (result != VLOT_OK) vlot__mail_dispose(VLOT__MAIL_FORWARD, mail);
  return result;
}

static vlot_result send_copy(vlot__node *node, vlot__forward *one) {
  vlot__forwarding *it = &node->forwarding;
  one->mail->copy = ++it->copies;
  if (it->timed_copy == 0) {
    it->timed_copy = it->copies;
    it->timed_at = node->now;
  }
  return send(node, node->forwarding.leader, one->mail, one->size);
}

/* Of what was not accepted anywhere nobody has anything, nor of what would follow it. */
static void refuse_from(vlot__node *node, size_t first) {
  vlot__forwarding *it = &node->forwarding;
  for (size_t k = first; k < it->sent.count; k++)
    answer_clients(node, forward_at(it, k)->mail, 0, VLOT_REJECTED, vlot__node_no_leader_why(node));
  while (it->sent.count > first) {
    free_forward(node, forward_at(it, it->sent.count - 1));
    vlot__ring_pop_back(&it->sent);
    it->next_number--;
  }
}

static void send_new(vlot__node *node) {
  vlot__forwarding *it = &node->forwarding;
  size_t k = it->sent.count;
  while (k > 0 && forward_at(it, k - 1)->mail->copy == 0) k--;
  for (; k < it->sent.count; k++)
    if (send_copy(node, forward_at(it, k)) != VLOT_OK) refuse_from(node, k);
  if (it->due != VLOT_NEVER || it->sent.count == 0) return;
  it->interval = silence_max(node);
  it->due = node->now + it->interval;
}

/* From the gap on; of who is silent, one. */
static void send_again(vlot__node *node) {
  vlot__forwarding *it = &node->forwarding;
  uint32_t heartbeat = node->cluster->options.raft.heartbeat_ticks;
  size_t count = it->has_gap ? it->sent.count : 1;
  for (size_t k = 0; k < count; k++) (void)send_copy(node, forward_at(it, k));
  if (!it->has_gap && it->interval < heartbeat)
    it->interval = 2 * it->interval < heartbeat ? 2 * it->interval : heartbeat;
  it->has_gap = false;
  it->doubt = DOUBT;
  it->due = node->now + it->interval;
}

/* Over a link that loses, what shows the loss of what was sent last: its answer shows a gap, before
 * any tick. */
static void send_question(vlot__node *node) {
  vlot__forwarding *it = &node->forwarding;
  vlot__mail_forward question = {.term = it->term,
                                 .number = it->next_number,
                                 .copy = ++it->copies,
                                 .incarnation = node->seat->incarnation,
                                 .from = node->seat->id};
  (void)send(node, it->leader, &question, sizeof question);
}

/* --- the follower: answers -------------------------------------------------------------------- */

static void take_answer(vlot__node *node, const vlot__mail_forward *answer) {
  vlot__forwarding *it = &node->forwarding;
  if (answer->term != it->term || answer->from != it->leader ||
      answer->incarnation != node->seat->incarnation || it->sent.count == 0)
    return;
  bool is_news = forward_at(it, 0)->mail->number < answer->number;
  time_answer(node, answer->copy);
  while (it->sent.count > 0 && forward_at(it, 0)->mail->number < answer->number)
    forget_oldest(node);
  switch ((vlot__forward_verdict)answer->verdict) {
  case VLOT__FORWARD_TAKEN: break;
  case VLOT__FORWARD_REFUSED: settle_all(node, 0, VLOT_REJECTED, VLOT_WHY_NOT_LEADER); break;
  case VLOT__FORWARD_UNKNOWN: settle_all(node, 0, VLOT_UNKNOWN, VLOT_WHY_LEADERSHIP_LOST); break;
  }
  /* what was sent before that which is answered and is still missing there was lost, or is slow */
  it->has_gap = it->sent.count > 0 && forward_at(it, 0)->mail->copy > 0 &&
                forward_at(it, 0)->mail->copy < answer->copy;
  if (is_news) it->interval = silence_max(node);
  if (is_news && it->doubt > 0) it->doubt--;
  it->due = it->sent.count > 0 ? node->now + it->interval : VLOT_NEVER;
}

/* --- the leader ------------------------------------------------------------------------------- */

/* The record of who sends, at the stream of this mail; NULL: of an older one, or without memory. */
static vlot__origin *origin_of(vlot__node *node, const vlot__mail_forward *mail) {
  vlot__forwarding *it = &node->forwarding;
  void *origins = it->origins;
  size_t place = vlot__by_id_enter(node->allocator, &origins, &it->origin_count,
                                   &it->origin_capacity, sizeof *it->origins, mail->from);
  it->origins = origins;
  if (place == SIZE_MAX) return NULL;
  vlot__origin *origin = &it->origins[place];
  if (mail->incarnation < origin->incarnation ||
      (mail->incarnation == origin->incarnation && mail->term < origin->term))
    return NULL;
  if (mail->incarnation == origin->incarnation && mail->term == origin->term) return origin;
  *origin = (vlot__origin){
      .id = mail->from, .incarnation = mail->incarnation, .term = mail->term, .next = 1};
  return origin;
}

static bool leads_in(const vlot__node *node, uint64_t term) {
  return node->brief.role == VLOT_ROLE_LEADER && node->brief.term == term;
}

bool vlot__forwarded_take(vlot__node *node, vlot__mail_forward *mail) {
  vlot__forwarding *it = &node->forwarding;
  if (mail->is_answer) {
    take_answer(node, mail);
    return false;
  }
  vlot__origin *origin = origin_of(node, mail);
  bool is_next =
      origin && mail->count > 0 && origin->next == mail->number && leads_in(node, mail->term);
  if (origin) {
    it->has_answers = origin->is_asking = true;
    if (mail->copy > origin->copy) origin->copy = mail->copy;
  }
  if (is_next) {
    origin->next++;
    return true;
  }
  vlot__mail_dispose(VLOT__MAIL_FORWARD, mail);
  return false;
}

/* Whoever led in that term, in this life of it, knows all that it has taken; and takes no more. */
static vlot__forward_verdict verdict_on(const vlot__node *node, const vlot__origin *origin) {
  return leads_in(node, origin->term)                ? VLOT__FORWARD_TAKEN
         : node->forwarding.led_term == origin->term ? VLOT__FORWARD_REFUSED
                                                     : VLOT__FORWARD_UNKNOWN;
}

static void send_answers(vlot__node *node) {
  vlot__forwarding *it = &node->forwarding;
  it->has_answers = false;
  for (size_t k = 0; k < it->origin_count; k++) {
    vlot__origin *origin = &it->origins[k];
    if (!origin->is_asking) continue;
    origin->is_asking = false;
    vlot__mail_forward answer = {.term = origin->term,
                                 .number = origin->next,
                                 .copy = origin->copy,
                                 .incarnation = origin->incarnation,
                                 .from = node->seat->id,
                                 .is_answer = 1,
                                 .verdict = verdict_on(node, origin)};
    (void)send(node, origin->id, &answer, sizeof answer);
  }
}

/* --- the end of a turn ------------------------------------------------------------------------ */

void vlot__forwards_end(vlot__node *node) {
  vlot__forwarding *it = &node->forwarding;
  if (node->is_void) return;
  leave_term(node);
  size_t count = it->sent.count;
  bool has_new = count > 0 && forward_at(it, count - 1)->mail->copy == 0;
  bool is_silent = count > 0 && node->now >= it->due;
  bool has_gap = it->has_gap;
  bool sends_again = count > 0 && (has_gap || is_silent);
  if ((!has_new && !sends_again && !it->has_answers) || !vlot__node_enter_effects(node)) return;
  if (sends_again) send_again(node);
  if (has_new) send_new(node);
  if ((has_new || has_gap) && it->doubt > 0) send_question(node);
  if (it->has_answers) send_answers(node);
  vlot__node_leave_effects(node);
}
