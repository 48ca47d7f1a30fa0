#include "cluster/asked.h"

#include "base/lock.h"
#include "cluster/seat.h"

void vlot__asked_begin(vlot__seat *seat, vlot__asked *asked) {
  vlot__lock(&seat->status_lock);
  if (++seat->asked_number == 0) seat->asked_number = 1; /* 0 is nobody's */
  asked->number = seat->asked_number;
  asked->incarnation = seat->status.incarnation;
  asked->next = seat->asked;
  seat->asked = asked;
  vlot__unlock(&seat->status_lock);
}

void vlot__asked_end(vlot__seat *seat, vlot__asked *asked) {
  vlot__lock(&seat->status_lock);
  vlot__asked **at = &seat->asked;
  while (*at != asked) at = &(*at)->next;
  *at = asked->next;
  vlot__unlock(&seat->status_lock);
}

vlot__asked vlot__asked_look(vlot__seat *seat, const vlot__asked *asked) {
  vlot__lock(&seat->status_lock);
  vlot__asked now = *asked;
  if (!now.is_done && seat->status.incarnation != now.incarnation) {
    now.is_done = true; /* the node that had the order is gone */
    now.result = VLOT_CLOSED;
    now.why = VLOT_WHY_KILLED;
  }
  vlot__unlock(&seat->status_lock);
  return now;
}

void vlot__asked_taken(vlot__seat *seat, uint32_t number) {
  if (number == 0) return;
  vlot__lock(&seat->status_lock);
  for (vlot__asked *one = seat->asked; one; one = one->next)
    if (one->number == number) one->is_taken = true;
  vlot__unlock(&seat->status_lock);
}

void vlot__asked_begun(vlot__seat *seat, uint32_t kind) {
  vlot__lock(&seat->status_lock);
  for (vlot__asked *one = seat->asked; one; one = one->next)
    if (one->kind == kind && one->is_taken) one->is_begun = true;
  vlot__unlock(&seat->status_lock);
}

void vlot__asked_settle(vlot__seat *seat, uint32_t kind, vlot_result result, vlot_why why,
                        uint64_t index) {
  vlot__lock(&seat->status_lock);
  for (vlot__asked *one = seat->asked; one; one = one->next) {
    if (one->kind != kind || !one->is_begun || one->is_settled) continue;
    one->is_settled = true;
    one->result = result;
    one->why = why;
    one->index = index;
  }
  vlot__unlock(&seat->status_lock);
}

void vlot__asked_settle_one(vlot__seat *seat, uint32_t number, vlot_result result, vlot_why why,
                            uint64_t index) {
  if (number == 0) return;
  vlot__lock(&seat->status_lock);
  for (vlot__asked *one = seat->asked; one; one = one->next) {
    if (one->number != number || one->is_settled) continue;
    one->is_settled = true;
    one->result = result;
    one->why = why;
    one->index = index;
  }
  vlot__unlock(&seat->status_lock);
}

void vlot__asked_publish(vlot__seat *seat) {
  for (vlot__asked *one = seat->asked; one; one = one->next) one->is_done = one->is_settled;
}
