/* Looking at actors: what the last turn published, the last events. */
#include <string.h>

#include "actor/actor.h"
#include "base/assert.h"

void vlot__actor_record(vlot_actor *actor, vlot_actor_event_kind kind, vlot_why why,
                        uint64_t value) {
  vlot_actor_event *last = &actor->events[(actor->event_count - 1) % VLOT_ACTOR_EVENTS];
  bool continues = kind == VLOT_ACTOR_EVENT_TURN && actor->event_count > 0 && last->kind == kind;
  if (continues) {
    last->value += value;
    return;
  }
  uint64_t sequence = ++actor->event_count;
  actor->events[(sequence - 1) % VLOT_ACTOR_EVENTS] =
      (vlot_actor_event){.sequence = sequence, .value = value, .kind = kind, .why = why};
}

size_t vlot_actor_events(vlot_actor *actor, vlot_actor_event *events, size_t max) {
  VLOT_GIVEN(actor);
  if (vlot__system_is_forked(actor->system)) return 0;
  vlot__lock(&actor->box.lock);
  uint64_t count = actor->event_count;
  if (count > VLOT_ACTOR_EVENTS) count = VLOT_ACTOR_EVENTS;
  if (count > max) count = max;
  for (uint64_t i = 0; i < count; i++)
    events[i] = actor->events[(actor->event_count - count + i) % VLOT_ACTOR_EVENTS];
  vlot__unlock(&actor->box.lock);
  return (size_t)count;
}

void vlot_actor_note(vlot_actor *self, vlot_why why, uint64_t value) {
  VLOT_GIVEN(self);
  if (vlot__system_is_forked(self->system)) return;
  vlot__lock(&self->box.lock);
  vlot__actor_record(self, VLOT_ACTOR_EVENT_NOTE, why, value);
  vlot__unlock(&self->box.lock);
}

void vlot_actor_publish(vlot_actor *self, const void *data) {
  VLOT_GIVEN(self);
  memcpy(self->data_next, data, sizeof self->data_next);
}

void vlot__actor_publish_now(vlot_actor *self) {
  vlot__lock(&self->box.lock);
  memcpy(self->data, self->data_next, sizeof self->data);
  vlot__unlock(&self->box.lock);
}

static vlot_actor_state state_of(vlot_actor *actor) {
  switch (actor->phase) {
  case VLOT__STARTING: return VLOT_ACTOR_STARTING;
  case VLOT__ENDING: return VLOT_ACTOR_ENDING;
  case VLOT__GONE: return VLOT_ACTOR_GONE;
  case VLOT__LIVE: break;
  }
  switch (vlot__actor_right(actor)) {
  case VLOT__READY: return VLOT_ACTOR_READY;
  case VLOT__RUNNING: return VLOT_ACTOR_RUNNING;
  case VLOT__PARKED: break;
  }
  return VLOT_ACTOR_PARKED;
}

void vlot_actor_get_status(vlot_actor *actor, vlot_actor_status *status) {
  VLOT_GIVEN(actor);
  VLOT_GIVEN(status);
  uint64_t now = vlot__clock_coarse_ns();
  *status = (vlot_actor_status){.address = actor->address};
  memcpy(status->name, actor->name, sizeof status->name);
  if (vlot__system_is_forked(actor->system)) return;
  vlot__lock(&actor->box.lock);
  const vlot__mailbox *box = &actor->box;
  const vlot__mail_lane *lanes = box->lanes;
  status->state = state_of(actor);
  status->end = actor->end;
  status->why = actor->why;
  status->code = actor->code;
  status->holds = actor->holds;
  status->is_suspended = actor->is_suspended;
  status->is_quarantined = actor->is_quarantined;
  status->turns = actor->turns;
  status->wakes = actor->wakes;
  status->lent_turns = actor->lent_turns;
  status->sent = lanes[0].sent + lanes[1].sent;
  status->refused = box->refused;
  status->processed = box->processed;
  status->dropped = box->dropped;
  status->queued = (uint64_t)lanes[0].queued + lanes[1].queued + box->taken;
  status->queued_bytes = lanes[0].queued_bytes + lanes[1].queued_bytes;
  status->lost_wakes = actor->lost_wakes;
  status->age_ns = now > actor->turn_ended_ns ? now - actor->turn_ended_ns : 0;
  memcpy(status->data, actor->data, sizeof status->data);
  vlot__unlock(&actor->box.lock);
}
