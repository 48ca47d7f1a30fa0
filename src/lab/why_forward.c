/* What clients asked of a node that does not lead, and that has no answer: where it is. */
#include <inttypes.h>
#include <stdlib.h>

#include "pattern.h"
#include "why_inside.h"

enum { TOLD_MAX = 8, LOOKED_AT_MAX = 1 << 14 };

static bool is_of(const vlot_event *event, uint32_t client, uint64_t sequence) {
  return event->as.client.client == client && event->as.client.sequence <= sequence &&
         sequence < event->as.client.sequence + event->as.client.count;
}

/* The newest one of a kind about the last command of what was asked, at a node; of its last events,
 * as many as anybody waits for. */
static const vlot_event *find_about(const why *at, uint32_t node, vlot_event_kind kind,
                                    const vlot_event *asked) {
  const vlot__past_node *past = &at->workspace->past.nodes[node];
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
  for (uint32_t id = 1; id <= at->workspace->options.nodes; id++) {
    const vlot_event *event = find_about(at, id, kind, asked);
    if (event) return event;
  }
  return NULL;
}

static uint64_t id_of(const vlot_event *event) {
  return vlot_event_id(event->node, event->sequence);
}

/* The pending mail that begins with it. */
static bool find_mail(const why *at, const vlot_event *asked, vlot_pending *found) {
  size_t count;
  bool is_there = false;
  vlot_pending *pending = vlot__pattern_pending(at->workspace, &count);
  for (size_t k = 0; k < count && !is_there; k++) {
    is_there = pending[k].mail.kind == VLOT_MAIL_FORWARD && pending[k].from == asked->node &&
               is_of(asked, pending[k].mail.client, pending[k].mail.sequence);
    if (is_there) *found = pending[k];
  }
  free(pending);
  return is_there;
}

/* The newest loss of a mail that began with it: that one names it as its cause. */
static const vlot_event *find_loss(const why *at, const vlot_event *asked) {
  const vlot_event *found = NULL;
  for (uint32_t id = 0; id <= at->workspace->options.nodes; id++) {
    const vlot__past_node *past = &at->workspace->past.nodes[id];
    size_t least = past->count > LOOKED_AT_MAX ? past->count - LOOKED_AT_MAX : 0;
    for (size_t k = past->count; k > least; k--) {
      const vlot_event *event = &past->events[k - 1];
      if (event->kind != VLOT_EVENT_DROPPED || event->cause != id_of(asked)) continue;
      if (!found || event->tick > found->tick) found = event;
      break;
    }
  }
  return found;
}

/* Of all that waits the oldest goes again, and what is behind it when an answer shows a gap. */
static void say_again(why *at, uint32_t id, bool is_oldest) {
  size_t count;
  vlot_pending *pending = vlot__pattern_pending(at->workspace, &count);
  for (size_t k = 0; k < count && is_oldest; k++)
    if (pending[k].id == VLOT_PENDING_TIMER_ID(id) && pending[k].due_for == VLOT_DUE_FORWARD)
      vlot__view_why_say(at->view, "; it goes again at tick %" PRIu64, pending[k].due);
  if (!is_oldest) vlot__view_why_say(at->view, "; it goes again behind what waits before it");
  free(pending);
}

static void say_where(why *at, const vlot_event *asked, bool is_oldest) {
  vlot_pending mail;
  const vlot_event *taken = find_anywhere(at, (vlot_event_kind)asked->kind, asked);
  const vlot_event *lost = find_loss(at, asked);
  if (taken && taken->node != asked->node) {
    vlot__view_why_say(at->view, "n%u has taken it at tick %" PRIu64 " ('why %u' says more)",
                       taken->node, taken->tick, taken->node);
  } else if (find_mail(at, asked, &mail)) {
    vlot__view_why_say(at->view, "it goes on to n%u with #%" PRIu64 ", which is %s", mail.node,
                       mail.id, mail.is_held ? "held" : "under way");
  } else if (lost) {
    vlot__view_why_say(at->view, "forward #%" PRIu64 " was lost at tick %" PRIu64 ": %s",
                       lost->message, lost->tick, vlot_why_text((vlot_why)lost->why));
    say_again(at, asked->node, is_oldest);
  } else if (asked->kind == VLOT_EVENT_READ) {
    vlot__view_why_say(at->view, "it has no answer yet"); /* of its own state, perhaps */
  } else {
    vlot__view_why_say(at->view, "nobody is known to have taken it");
    say_again(at, asked->node, is_oldest);
  }
}

static void add_asked(why *at, const vlot_event *asked, bool is_oldest) {
  uint64_t first = asked->as.client.sequence, last = first + asked->as.client.count - 1;
  const char *what = asked->kind == VLOT_EVENT_READ ? "read" : "command";
  vlot__view_why_begin(at->view, VLOT__VIEW_FINDING, asked->node);
  if (first == last)
    vlot__view_why_say(at->view, "Waits: client %u's %s, its number %" PRIu64 ": ",
                       asked->as.client.client, what, first);
  else
    vlot__view_why_say(at->view, "Waits: client %u's %ss, its numbers %" PRIu64 " to %" PRIu64 ": ",
                       asked->as.client.client, what, first, last);
  say_where(at, asked, is_oldest);
  vlot__view_why_say(at->view, ".");
}

void vlot__why_add_forwards(why *at, const vlot_node_status *status) {
  const vlot__past_node *past = &at->workspace->past.nodes[status->id];
  size_t least = past->count > LOOKED_AT_MAX ? past->count - LOOKED_AT_MAX : 0, found = 0;
  const vlot_event *told[TOLD_MAX];
  if (status->waiting == 0) return;
  for (size_t k = past->count; k > least && found < TOLD_MAX; k--) {
    const vlot_event *event = &past->events[k - 1];
    if (event->incarnation != status->incarnation) break;
    if (event->kind != VLOT_EVENT_PROPOSE && event->kind != VLOT_EVENT_READ) continue;
    if (!find_anywhere(at, VLOT_EVENT_ANSWER, event)) told[found++] = event;
  }
  for (size_t k = found; k > 0; k--) add_asked(at, told[k - 1], k == found && found < TOLD_MAX);
}
