/* The kinds of events, and what is said of them in more than one place. */
#include "base/assert.h"
#include "cluster/event_inside.h"
#include "vlot/verb.h"

const uint8_t vlot__event_bodies[VLOT_EVENT_KINDS] = {
#define VLOT_X(name, number, text, part) [number] = VLOT__EVENT_BODY_##part,
    VLOT_EVENTS(VLOT_X)
#undef VLOT_X
};

static const char *const kind_names[VLOT_EVENT_KINDS] = {
#define VLOT_X(name, number, text, part) [number] = text,
    VLOT_EVENTS(VLOT_X)
#undef VLOT_X
};

const char *vlot_event_kind_name(vlot_event_kind kind) {
  uint32_t number = (uint32_t)kind;
  return number < VLOT_EVENT_KINDS && kind_names[number] ? kind_names[number] : "?";
}

bool vlot_event_is_rare(const vlot_event *event) {
  VLOT_GIVEN(event);
  const uint64_t messages =
      VLOT__EVENT_BIT(SENT) | VLOT__EVENT_BIT(RECEIVED) | VLOT__EVENT_BIT(DROPPED);
  if (event->kind >= VLOT_EVENT_KINDS) return false;
  if (messages >> event->kind & 1) return vlot__event_is_vote(event);
  return (VLOT__EVENTS_RARE >> event->kind & 1) != 0;
}

const char *vlot_mail_kind_name(vlot_mail_kind mail) {
  switch (mail) {
#define VLOT_X(name, number, text) \
  case VLOT_MAIL_##name: return text;
    VLOT_MAILS(VLOT_X)
#undef VLOT_X
  }
  return "?";
}

const char *vlot__event_role_name(uint64_t role) { return vlot_role_name((vlot_role)role); }

const char *vlot__event_progress_name(uint64_t state) {
  return state == VLOT_PROGRESS_SNAPSHOT    ? "snapshot"
         : state == VLOT_PROGRESS_REPLICATE ? "replicate"
                                            : "probe";
}

const char *vlot__event_request_name(uint64_t kind) {
  const vlot_verb *verb = vlot_verb_of_request(kind);
  return verb ? verb->name : "something unknown";
}

/* What vlot__mail_is_order() lets through, and a timer that is made to fire. */
const char *vlot__event_order_name(uint64_t kind) {
  switch (kind) {
  case VLOT_INPUT_CAMPAIGN: return "campaign";
  case VLOT_INPUT_ELECT: return "elect";
  case VLOT_INPUT_STEP_DOWN: return "step_down";
  case VLOT_INPUT_FORGET_LEADER: return "forget_leader";
  case VLOT_INPUT_SWITCHES: return "switches";
  case VLOT_INPUT_TICK: return "timeout";
  case VLOT_INPUT_TRANSFER: return "transfer";
  case VLOT_ORDER_SNAPSHOT: return "snapshot";
  case VLOT_ORDER_COMPACT: return "compact";
  default: return "something unknown";
  }
}

uint32_t vlot__event_receiver(const vlot_event *event) {
  if (event->kind == VLOT_EVENT_RECEIVED) return event->node;
  bool is_known =
      event->kind == VLOT_EVENT_SENT || (event->peer != 0 && event->peer != event->as.message.from);
  return is_known ? event->peer : event->node;
}

bool vlot__event_is_success(const vlot_event *event) {
  return (event->as.message.flags & VLOT_MESSAGE_OK) != 0;
}
