/* What clients asked of a node that does not lead, and that has no answer: where it is. */
#include <inttypes.h>

#include "cluster/why_inside.h"

enum { TOLD_MAX = 8, LOOKED_AT_MAX = 1 << 14 };

static bool is_of(const vlot_event *event, uint32_t client, uint64_t sequence) {
  return event->as.client.client == client && event->as.client.sequence <= sequence &&
         sequence < event->as.client.sequence + event->as.client.count;
}

/* The newest one of a kind about the last command of what was asked, at a node; of its last events,
 * as many as anybody waits for. */
static const vlot_event *find_about(const why *at, uint32_t node, vlot_event_kind kind,
                                    const vlot_event *asked) {
  const vlot__past_node *past = vlot__past_of(at->past, node);
  uint64_t sequence = asked->as.client.sequence + asked->as.client.count - 1;
  size_t least = past->count > LOOKED_AT_MAX ? past->count - LOOKED_AT_MAX : 0;
  for (size_t k = past->count; k > least; k--) {
    const vlot_event *event = &past->events[k - 1];
    if (event->tick < asked->tick) return NULL;
    if (event->kind == kind && event != asked && is_of(event, asked->as.client.client, sequence))
      return event;
  }
  return NULL;
}

static const vlot_event *find_anywhere(const why *at, vlot_event_kind kind,
                                       const vlot_event *asked) {
  for (uint32_t id = vlot__why_next(at, 0); id; id = vlot__why_next(at, id)) {
    const vlot_event *event = find_about(at, id, kind, asked);
    if (event) return event;
  }
  return NULL;
}

static uint64_t id_of(const vlot_event *event) {
  return vlot_event_id(event->node, event->sequence);
}

/* The pending mail that begins with it; NULL: none. */
static const vlot_pending *find_mail(const why *at, const vlot_event *asked) {
  for (size_t k = 0; k < at->moment->pending_count; k++) {
    const vlot_pending *one = &at->moment->pending[k];
    if (one->mail.kind == VLOT_MAIL_FORWARD && one->from == asked->node &&
        is_of(asked, one->mail.client, one->mail.sequence))
      return one;
  }
  return NULL;
}

/* The newest loss of a mail that began with it: that one names it as its cause. */
static const vlot_event *find_loss(const why *at, const vlot_event *asked) {
  const vlot_event *found = NULL;
  uint32_t id = 0; /* the cluster first */
  do {
    const vlot__past_node *past = vlot__past_of(at->past, id);
    size_t least = past->count > LOOKED_AT_MAX ? past->count - LOOKED_AT_MAX : 0;
    for (size_t k = past->count; k > least; k--) {
      const vlot_event *event = &past->events[k - 1];
      if (event->kind != VLOT_EVENT_DROPPED || event->cause != id_of(asked)) continue;
      if (!found || event->tick > found->tick) found = event;
      break;
    }
    id = vlot__why_next(at, id);
  } while (id);
  return found;
}

/* Of all that waits the oldest goes again, and what is behind it when an answer shows a gap. */
static void say_again(why *at, uint32_t id, bool is_oldest) {
  const vlot_pending *timer = vlot__why_find_pending(at, VLOT_PENDING_TIMER_ID(id));
  if (is_oldest && timer && timer->due_for == VLOT_DUE_FORWARD) {
    vlot_wait wait = vlot__why_wait_of(VLOT_WAIT_TIMER, id);
    wait.until = timer->due;
    vlot__why_wait(at, wait);
    vlot__why_say(at, "; it goes again at tick %" PRIu64, timer->due);
  }
  if (!is_oldest) vlot__why_say(at, "; it goes again behind what waits before it");
}

static void say_where(why *at, const vlot_event *asked, bool is_oldest) {
  const vlot_pending *mail = find_mail(at, asked);
  const vlot_event *taken = find_anywhere(at, (vlot_event_kind)asked->kind, asked);
  const vlot_event *lost = find_loss(at, asked);
  if (taken && taken->node != asked->node) {
    vlot__why_say(at, "n%u has taken it at tick %" PRIu64 " ('why %u' says more)", taken->node,
                  taken->tick, taken->node);
  } else if (mail) {
    vlot_wait wait = vlot__why_wait_of(VLOT_WAIT_MESSAGE, mail->node);
    wait.peer = asked->node;
    wait.id = mail->id;
    wait.is_held = mail->is_held;
    if (!mail->is_held) wait.until = mail->due;
    vlot__why_wait(at, wait);
    vlot__why_say(at, "it goes on to n%u with #%" PRIu64 ", which is %s", mail->node, mail->id,
                  mail->is_held ? "held" : "under way");
  } else if (lost) {
    vlot__why_say(at, "forward #%" PRIu64 " was lost at tick %" PRIu64 ": %s", lost->message,
                  lost->tick, vlot_why_text((vlot_why)lost->why));
    say_again(at, asked->node, is_oldest);
  } else if (asked->kind == VLOT_EVENT_READ) {
    vlot__why_say(at, "it has no answer yet"); /* of its own state, perhaps */
  } else {
    vlot__why_say(at, "nobody is known to have taken it");
    say_again(at, asked->node, is_oldest);
  }
}

void vlot__why_add_asked(why *at, const vlot_event *asked, bool is_oldest) {
  uint64_t first = asked->as.client.sequence, last = first + asked->as.client.count - 1;
  const char *what = asked->kind == VLOT_EVENT_READ ? "read" : "command";
  vlot__why_begin(at, VLOT_REASON_FINDING, asked->node);
  if (first == last)
    vlot__why_say(at, "Waits: client %u's %s, its number %" PRIu64 ": ", asked->as.client.client,
                  what, first);
  else
    vlot__why_say(at, "Waits: client %u's %ss, its numbers %" PRIu64 " to %" PRIu64 ": ",
                  asked->as.client.client, what, first, last);
  say_where(at, asked, is_oldest);
  vlot__why_say(at, ".");
}

void vlot__why_add_forwards(why *at, const vlot_node_status *status) {
  const vlot__past_node *past = vlot__past_of(at->past, status->id);
  size_t least = past->count > LOOKED_AT_MAX ? past->count - LOOKED_AT_MAX : 0, found = 0;
  const vlot_event *told[TOLD_MAX];
  if (status->waiting == 0) return;
  for (size_t k = past->count; k > least && found < TOLD_MAX; k--) {
    const vlot_event *event = &past->events[k - 1];
    if (event->incarnation != status->incarnation) break;
    if (event->kind != VLOT_EVENT_PROPOSE && event->kind != VLOT_EVENT_READ) continue;
    if (!find_anywhere(at, VLOT_EVENT_ANSWER, event)) told[found++] = event;
  }
  for (size_t k = found; k > 0; k--)
    vlot__why_add_asked(at, told[k - 1], k == found && found < TOLD_MAX);
}
