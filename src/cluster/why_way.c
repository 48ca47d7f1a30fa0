/* What became of a message, of all its copies: the best there is to say. Taken counts more than
 * under way, and that more than lost.
 */
#include <inttypes.h>

#include "cluster/why_inside.h"

/* --- messages and their copies --- */

typedef enum fate_kind {
  FATE_LOST,
  FATE_FORGOTTEN,
  FATE_WAITS,
  FATE_UNDER_WAY,
  FATE_TAKEN
} fate_kind;

typedef struct fate {
  fate_kind kind;
  const vlot_event *sent; /* the copy that it is the fate of */
  const vlot_event *end;  /* taken, lost: that */
  bool is_held;           /* under way: it is */
  bool has_copies;
} fate;

static fate fate_of_one(why *at, const vlot_event *sent) {
  const vlot_past *past = at->past;
  const vlot_pending *pending = vlot__why_find_pending(at, sent->message);
  fate one = {.sent = sent};
  one.end = vlot__past_end_of(past, sent->message, sent->as.message.from, sent->peer);
  if (one.end)
    one.kind = one.end->kind == VLOT_EVENT_RECEIVED ? FATE_TAKEN : FATE_LOST;
  else if (pending)
    one.kind = FATE_UNDER_WAY, one.is_held = pending->is_held != 0;
  else
    one.kind = vlot_past_is_whole(past, sent->peer, 0) ? FATE_WAITS : FATE_FORGOTTEN;
  return one;
}

/* Of several that were taken the last one: whoever took it may live on. */
static bool came_further(const fate *one, const fate *than) {
  if (one->kind != than->kind) return one->kind > than->kind;
  return one->kind == FATE_TAKEN ? one->end->lamport > than->end->lamport
                                 : one->kind == FATE_UNDER_WAY && !one->is_held && than->is_held;
}

/* A link makes copies at the sender, a person in the cluster. */
static fate fate_of(why *at, const vlot_event *message) {
  const vlot_event *first = vlot__why_first_of(at, message);
  const uint32_t places[] = {first->as.message.from, 0};
  fate best = fate_of_one(at, first);
  for (size_t place = 0; place < 2; place++) {
    const vlot__past_node *past = vlot__past_of(at->past, places[place]);
    for (size_t k = past->count; k > 0 && past->events[k - 1].lamport > first->lamport; k--) {
      const vlot_event *event = &past->events[k - 1];
      if (!vlot__why_is_copy(event) || event->peer != first->peer ||
          vlot__why_first_of(at, event) != first)
        continue;
      fate one = fate_of_one(at, event);
      if (came_further(&one, &best)) best = one;
      best.has_copies = true;
    }
  }
  return best;
}

/* A fenced node takes nothing, and yet it has not ended. */
static bool was_fenced(const why *at, uint32_t id, uint64_t lamport) {
  const vlot__past_node *past = vlot__past_of(at->past, id);
  const uint64_t lives = BIT(FENCED) | BIT(KILL) | BIT(START);
  for (size_t k = past->count; k > 0; k--)
    if (past->events[k - 1].lamport < lamport && (lives >> past->events[k - 1].kind & 1))
      return past->events[k - 1].kind == VLOT_EVENT_FENCED;
  return false;
}

static void say_lost(why *at, const fate *lost) {
  bool is_fenced =
      lost->end->why == VLOT_WHY_NODE_DOWN && was_fenced(at, lost->sent->peer, lost->end->lamport);
  vlot__why_say(at, "to n%u was lost at tick %" PRIu64 ": %s%s", lost->sent->peer, lost->end->tick,
                is_fenced ? "the node is fenced" : vlot_why_text((vlot_why)lost->end->why),
                lost->has_copies ? " (and so was each copy)" : "");
}

static void wait_for_message(why *at, const fate *one) {
  const vlot_pending *pending = vlot__why_find_pending(at, one->sent->message);
  vlot_wait wait = vlot__why_wait_of(VLOT_WAIT_MESSAGE, one->sent->peer);
  wait.peer = one->sent->as.message.from;
  wait.id = one->sent->message;
  wait.is_held = one->is_held;
  wait.since = one->sent->tick;
  if (pending && !one->is_held) wait.until = pending->due;
  vlot__why_wait(at, wait);
}

bool vlot__why_say_fate(why *at, const vlot_event *message) {
  fate best = fate_of(at, message);
  if (best.kind == FATE_TAKEN) return false;
  vlot__why_say(at, "%s #%" PRIu64 " ",
                vlot_message_kind_name((vlot_message_kind)message->as.message.kind),
                best.sent->message);
  if (best.kind == FATE_UNDER_WAY || best.kind == FATE_WAITS) wait_for_message(at, &best);
  switch (best.kind) {
  case FATE_LOST: say_lost(at, &best); break;
  case FATE_FORGOTTEN: vlot__why_say_forgotten(at, message->peer); break;
  case FATE_WAITS: vlot__why_say(at, "waits for n%u", message->peer); break;
  case FATE_UNDER_WAY:
  case FATE_TAKEN: vlot__why_say(at, "is %s", best.is_held ? "held" : "under way"); break;
  }
  return true;
}

/* --- answers --- */

/* Each copy that was taken may have been answered: the answer that came furthest; NULL: none. */
static const vlot_event *find_reply(why *at, const vlot_event *request, fate *best) {
  const vlot__past_node *past = vlot__past_of(at->past, request->peer);
  const vlot_event *found = NULL;
  for (size_t k = past->count; k > 0 && past->events[k - 1].lamport > request->lamport; k--) {
    const vlot_event *event = &past->events[k - 1];
    if (event->kind != VLOT_EVENT_SENT || vlot__why_is_copy(event) ||
        event->peer != request->as.message.from ||
        event->as.message.kind != request->as.message.kind + 1 ||
        event->as.message.request_id != request->as.message.request_id)
      continue;
    fate one = fate_of(at, event);
    if (found && !came_further(&one, best)) continue;
    found = event;
    *best = one;
  }
  return found;
}

/* What a node did because of an input, of these kinds. */
static const vlot_event *find_effect(const why *at, const vlot_event *taken, uint64_t kinds) {
  const vlot__past_node *past = vlot__past_of(at->past, taken->node);
  uint64_t id = vlot_event_id(taken->node, taken->sequence);
  for (size_t k = past->count; k > 0 && past->events[k - 1].sequence > taken->sequence; k--)
    if ((kinds >> past->events[k - 1].kind & 1) && past->events[k - 1].cause == id)
      return &past->events[k - 1];
  return NULL;
}

const vlot_event *vlot__why_ignored(const why *at, const vlot_event *taken) {
  return find_effect(at, taken, BIT(IGNORED));
}

/* How the life ended that took something, or that it was fenced; NULL: it goes on, or that is not
 * known. */
static const vlot_event *end_of_life(const why *at, const vlot_event *taken) {
  const vlot__past_node *past = vlot__past_of(at->past, taken->node);
  const uint64_t ends = BIT(KILL) | BIT(FENCED);
  const vlot_event *end = NULL;
  for (size_t k = past->count; k > 0 && past->events[k - 1].sequence > taken->sequence; k--)
    if ((ends >> past->events[k - 1].kind & 1) &&
        past->events[k - 1].incarnation == taken->incarnation)
      end = &past->events[k - 1];
  return end;
}

static bool is_over(const why *at, const vlot_event *taken) {
  vlot_node_status status = vlot__why_status(at, taken->node);
  return status.incarnation != taken->incarnation || !why_is_up(&status) ||
         end_of_life(at, taken) != NULL;
}

static void say_over(why *at, const vlot_event *taken) {
  const vlot_event *end = end_of_life(at, taken);
  vlot__why_say(at, "it took %s #%" PRIu64 " at tick %" PRIu64,
                vlot_message_kind_name((vlot_message_kind)taken->as.message.kind), taken->message,
                taken->tick);
  if (end && end->kind == VLOT_EVENT_FENCED)
    vlot__why_say(at, ", and was fenced at tick %" PRIu64 ": %s", end->tick,
                  vlot_why_text((vlot_why)end->why));
  else if (end)
    vlot__why_say(at, ", and stopped running at tick %" PRIu64 "%s before it answered", end->tick,
                  end->as.change.from == 1 ? ", by a power cut," : "");
  else
    vlot__why_say(at, ", and that life of it is over");
}

static void say_answered(why *at, const fate *answer) {
  const vlot_event *ignored = find_effect(at, answer->end, BIT(IGNORED));
  bool is_late =
      ignored && (ignored->why == VLOT_WHY_NOT_CANDIDATE || ignored->why == VLOT_WHY_STALE_TERM);
  if (is_late) {
    vlot__why_say(at, "its answer came too late");
    return;
  }
  vlot__why_say(at, "n%u has taken its %s #%" PRIu64, answer->end->node,
                vlot_message_kind_name((vlot_message_kind)answer->sent->as.message.kind),
                answer->sent->message);
  /* a disk that is not known is told of at the end of the line */
  if (ignored && ignored->why != VLOT_WHY_FOREIGN_DISK)
    vlot__why_say(at, ", which does not count: %s", vlot_why_text((vlot_why)ignored->why));
  else if (ignored || !vlot__why_counts(at, answer->end->peer, answer->end))
    vlot__why_say(at, ", which does not count");
}

static void say_unanswered(why *at, const vlot_event *taken) {
  vlot_node_status status = vlot__why_status(at, taken->node);
  const vlot_event *ignored = find_effect(at, taken, BIT(IGNORED));
  bool is_vote = taken->as.message.kind != VLOT_MESSAGE_APPEND;
  if (is_over(at, taken)) {
    say_over(at, taken);
  } else if (ignored) {
    vlot__why_say(at, "it took no notice: %s", vlot_why_text((vlot_why)ignored->why));
  } else if (is_vote && status.raft.held_messages > 0) {
    vlot__why_say(at, "its answer waits until n%u's disk has completed a write: ", taken->node);
    (void)vlot__why_say_disk(at, taken->node);
  } else if (!is_vote && vlot__why_say_disk(at, taken->node)) {
    return;
  } else if (!vlot_past_is_whole(at->past, taken->node, taken->sequence)) {
    vlot__why_say_forgotten(at, taken->node);
  } else {
    vlot_wait wait = vlot__why_wait_of(VLOT_WAIT_ANSWER, taken->node);
    wait.peer = taken->as.message.from;
    wait.id = taken->message;
    wait.since = taken->tick;
    vlot__why_wait(at, wait);
    vlot__why_say(at, "it has not answered");
  }
}

void vlot__why_say_way(why *at, const vlot_event *request) {
  fate answer;
  if (vlot__why_say_fate(at, request)) return;
  const vlot_event *reply = find_reply(at, request, &answer);
  if (!reply)
    say_unanswered(at, fate_of(at, request).end);
  else if (!vlot__why_say_fate(at, reply))
    say_answered(at, &answer);
}

/* --- what was sent more than once --- */

/* What may still come of a request. */
typedef enum hope {
  HOPE_NONE,      /* it or its answer is lost, or whoever took it does not answer */
  HOPE_ANSWERED,  /* it is answered, and that was not enough */
  HOPE_UNDER_WAY, /* it is to be taken */
  HOPE_TAKEN,     /* it is to be answered */
  HOPE_ANSWER,    /* its answer is to be taken */
} hope;

static hope hope_of(why *at, const vlot_event *request) {
  fate answer, asked = fate_of(at, request);
  if (asked.kind != FATE_TAKEN) return asked.kind < FATE_WAITS ? HOPE_NONE : HOPE_UNDER_WAY;
  if (!find_reply(at, request, &answer)) {
    bool is_dead = is_over(at, asked.end) || find_effect(at, asked.end, BIT(IGNORED));
    return is_dead ? HOPE_NONE : HOPE_TAKEN;
  }
  return answer.kind == FATE_TAKEN  ? HOPE_ANSWERED
         : answer.kind < FATE_WAITS ? HOPE_NONE
                                    : HOPE_ANSWER;
}

/* Of so many the newest, the one of which there is most to hope; of equals the newest. */
const vlot_event *vlot__why_find_append(why *at, uint32_t from, uint32_t to, uint64_t index,
                                        uint64_t since) {
  enum { LOOKED_AT_MAX = 16 };
  const vlot__past_node *past = vlot__past_of(at->past, from);
  const vlot_event *best = NULL;
  hope best_hope = HOPE_NONE;
  unsigned looked_at = 0;
  for (size_t k = past->count; k > 0 && past->events[k - 1].sequence > since; k--) {
    const vlot_event *event = &past->events[k - 1];
    if (event->kind != VLOT_EVENT_SENT || vlot__why_is_copy(event) || event->peer != to ||
        event->as.message.kind != VLOT_MESSAGE_APPEND)
      continue;
    if (index > 0 && (event->as.message.index >= index ||
                      index > event->as.message.index + event->as.message.entries))
      continue;
    hope one = hope_of(at, event);
    if (!best || one > best_hope) best = event, best_hope = one;
    if (++looked_at == LOOKED_AT_MAX) break;
  }
  return best;
}
