/* What clients ask of a follower goes on to the leader: a stream of numbered mails, per incarnation
 * of the follower, leader and term, over links that lose, double and reorder (why:
 * docs/decisions/silence.md).
 *
 * The leader takes what is next, drops what it knows or what has a gap before it, and answers each
 * turn with the number that it takes next. The follower keeps what is not answered; after two
 * silent ticks it sends the oldest again, and all from a gap on as soon as an answer shows one. Of
 * another term nothing is ever sent again: what became of it is not known.
 *
 * One record per peer at the leader, a bounded ring at the follower.
 */
#include "cluster/by_id.h"
#include "cluster/driver.h"
#include "cluster/link.h"
#include "cluster/node_inside.h"

enum {
  FORWARDS_MAX = 65536, /* mails that wait for an answer … */
  SILENCE_TICKS = 2,
};
static const uint64_t forward_bytes_max = 64 << 20; /* … and their bytes */

/* --- the follower: what is under way ---------------------------------------------------------- */

static vlot__forward *oldest(const vlot__forwarding *it) { return vlot__ring_at(&it->sent, 0); }

static void forget_oldest(vlot__node *node) {
  vlot__forwarding *it = &node->forwarding;
  vlot__forward *one = oldest(it);
  it->bytes -= one->size;
  vlot__mail_dispose(VLOT__MAIL_FORWARD, one->mail);
  vlot__alloc_free(node->allocator, one->mail);
  vlot__ring_pop_front(&it->sent);
}

/* A read was certainly not served as long as its client has no answer. */
static void answer_client(vlot__node *node, const vlot__mail_forward *mail, vlot_result result,
                          vlot_why why) {
  const vlot__mail_propose *propose = vlot__forwarded(mail);
  const vlot__mail_read *read = vlot__forwarded(mail);
  if (mail->kind == VLOT__MAIL_PROPOSE)
    vlot__node_answer(node, propose->client, propose->sequence, propose->count, result, why);
  else
    vlot__node_answer(node, read->client, read->sequence, 1, VLOT_REJECTED, why);
}

static void settle_all(vlot__node *node, vlot_result result, vlot_why why) {
  while (node->forwarding.sent.count > 0) {
    answer_client(node, oldest(&node->forwarding)->mail, result, why);
    forget_oldest(node);
  }
  node->forwarding.due = VLOT_NEVER;
}

void vlot__forwards_give_up(vlot__node *node, vlot_why why) { settle_all(node, VLOT_UNKNOWN, why); }

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
    settle_all(node, VLOT_UNKNOWN, VLOT_WHY_LEADERSHIP_LOST);
}

/* --- the follower: sending -------------------------------------------------------------------- */

/* Its effects are open. What it refers to is the caller's as before. */
static vlot_result send(vlot__node *node, uint32_t to, vlot__mail_forward *mail, size_t size) {
  vlot__parcel parcel = vlot__parcel_of(to, VLOT__MAIL_FORWARD, mail, size);
  parcel.sender = node->seat;
  vlot__mail_retain(VLOT__MAIL_FORWARD, mail);
  vlot_result result = vlot__route(node->cluster, &parcel);
  if (result != VLOT_OK) vlot__mail_dispose(VLOT__MAIL_FORWARD, mail);
  return result;
}

static vlot_result send_copy(vlot__node *node, vlot__forward *one) {
  one->mail->copy = ++node->forwarding.copies;
  return send(node, node->forwarding.leader, one->mail, one->size);
}

static vlot__forward *push_copy(vlot__node *node, uint32_t kind, const void *payload, size_t size) {
  vlot__forwarding *it = &node->forwarding;
  size_t whole = sizeof(vlot__mail_forward) + size;
  if (!vlot__ring_reserve(&it->sent, 1)) return NULL;
  vlot__mail_forward *mail = vlot__alloc(node->allocator, 1, whole);
  if (!mail) return NULL;
  *mail = (vlot__mail_forward){.term = it->term,
                               .number = it->next_number,
                               .incarnation = node->seat->incarnation,
                               .from = node->seat->id,
                               .kind = kind,
                               .size = (uint32_t)size};
  memcpy(mail + 1, payload, size);
  vlot__mail_retain(VLOT__MAIL_FORWARD, mail);
  vlot__forward *one = vlot__ring_push(&it->sent);
  *one = (vlot__forward){.mail = mail, .size = (uint32_t)whole};
  it->bytes += whole;
  return one;
}

/* A stream to the leader of this term, from its beginning where it is another one. */
static void meet_leader(vlot__node *node) {
  vlot__forwarding *it = &node->forwarding;
  leave_term(node);
  if (it->term == node->brief.term && it->leader == node->leader) return;
  it->term = node->brief.term;
  it->leader = node->leader;
  it->next_number = 1;
}

static void forget_newest(vlot__node *node) {
  vlot__forwarding *it = &node->forwarding;
  vlot__forward *one = vlot__ring_at(&it->sent, it->sent.count - 1);
  it->bytes -= one->size;
  vlot__mail_dispose(VLOT__MAIL_FORWARD, one->mail);
  vlot__alloc_free(node->allocator, one->mail);
  vlot__ring_pop_back(&it->sent);
}

vlot_why vlot__node_no_leader_why(const vlot__node *node) {
  return node->leader == 0 ? VLOT_WHY_NO_LEADER : VLOT_WHY_NOT_LEADER;
}

vlot_why vlot__node_forward(vlot__node *node, uint32_t kind, const void *payload, size_t size,
                            uint32_t *hops) {
  vlot__forwarding *it = &node->forwarding;
  if (*hops > 0 || node->leader == 0 || node->leader == node->seat->id)
    return vlot__node_no_leader_why(node);
  if (it->sent.count >= FORWARDS_MAX || it->bytes >= forward_bytes_max)
    return VLOT_WHY_MAILBOX_FULL;
  if (!vlot__node_enter_effects(node)) return vlot__node_no_leader_why(node);
  *hops = 1;
  meet_leader(node);
  vlot_why why = VLOT_WHY_NONE;
  vlot__forward *one = push_copy(node, kind, payload, size);
  if (!one) {
    why = VLOT_WHY_NO_MEMORY;
  } else if (send_copy(node, one) != VLOT_OK) {
    forget_newest(node); /* nobody has it */
    why = vlot__node_no_leader_why(node);
  } else {
    it->next_number++;
    if (it->due == VLOT_NEVER) {
      it->interval = SILENCE_TICKS;
      it->due = node->now + it->interval;
    }
  }
  vlot__node_leave_effects(node);
  return why;
}

/* --- the follower: answers -------------------------------------------------------------------- */

static void take_answer(vlot__node *node, const vlot__mail_forward *answer) {
  vlot__forwarding *it = &node->forwarding;
  if (answer->term != it->term || answer->from != it->leader ||
      answer->incarnation != node->seat->incarnation || it->sent.count == 0)
    return;
  bool is_news = oldest(it)->mail->number < answer->number;
  while (it->sent.count > 0 && oldest(it)->mail->number < answer->number) forget_oldest(node);
  switch ((vlot__forward_verdict)answer->verdict) {
  case VLOT__FORWARD_TAKEN: break;
  case VLOT__FORWARD_REFUSED: settle_all(node, VLOT_REJECTED, VLOT_WHY_NOT_LEADER); break;
  case VLOT__FORWARD_UNKNOWN: settle_all(node, VLOT_UNKNOWN, VLOT_WHY_LEADERSHIP_LOST); break;
  }
  /* what was sent before that which is answered and is still missing there was lost, or is slow */
  it->has_gap = it->sent.count > 0 && oldest(it)->mail->copy < answer->copy;
  if (is_news) it->interval = SILENCE_TICKS;
  it->due = it->sent.count > 0 ? node->now + it->interval : VLOT_NEVER;
}

/* From the gap on; of who is silent, one. */
static void send_again(vlot__node *node) {
  vlot__forwarding *it = &node->forwarding;
  uint32_t heartbeat = node->cluster->options.raft.heartbeat_ticks;
  size_t count = it->has_gap ? it->sent.count : 1;
  for (size_t k = 0; k < count; k++) (void)send_copy(node, vlot__ring_at(&it->sent, k));
  if (!it->has_gap && it->interval < heartbeat)
    it->interval = 2 * it->interval < heartbeat ? 2 * it->interval : heartbeat;
  it->has_gap = false;
  it->due = node->now + it->interval;
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

void *vlot__forwarded_take(vlot__node *node, vlot__mail_forward *mail) {
  vlot__forwarding *it = &node->forwarding;
  if (mail->kind == 0) {
    take_answer(node, mail);
    return NULL;
  }
  vlot__origin *origin = origin_of(node, mail);
  bool is_next = origin && origin->next == mail->number && leads_in(node, mail->term);
  if (origin) {
    it->has_answers = origin->is_asking = true;
    if (mail->copy > origin->copy) origin->copy = mail->copy;
  }
  if (is_next) {
    origin->next++;
    return vlot__forwarded(mail);
  }
  vlot__mail_dispose(VLOT__MAIL_FORWARD, mail);
  return NULL;
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
                                 .verdict = verdict_on(node, origin)};
    (void)send(node, origin->id, &answer, sizeof answer);
  }
}

/* --- the end of a turn ------------------------------------------------------------------------ */

void vlot__forwards_end(vlot__node *node) {
  vlot__forwarding *it = &node->forwarding;
  leave_term(node);
  bool sends_again = it->sent.count > 0 && (it->has_gap || node->now >= it->due);
  if ((!sends_again && !it->has_answers) || !vlot__node_enter_effects(node)) return;
  if (sends_again) send_again(node);
  if (it->has_answers) send_answers(node);
  vlot__node_leave_effects(node);
}
