#include "past.h"

#include <stdlib.h>
#include <string.h>

static bool reserve(vlot__past_node *node) {
  if (node->count < node->capacity) return true;
  if (node->capacity == VLOT__PAST_EVENTS_MAX) {
    size_t kept = node->count / 2;
    memmove(node->events, node->events + (node->count - kept), kept * sizeof *node->events);
    node->count = kept;
    return true;
  }
  size_t capacity = node->capacity ? 2 * node->capacity : 256;
  vlot_event *events = realloc(node->events, capacity * sizeof *events);
  if (!events) return false;
  node->events = events;
  node->capacity = capacity;
  return true;
}

void vlot__past_add(vlot__past *past, const vlot_event *event) {
  if (event->node >= VLOT__PAST_NODES) return;
  vlot__past_node *node = &past->nodes[event->node];
  if (node->count > 0 && node->events[node->count - 1].sequence + 1 != event->sequence)
    node->count = 0;
  if (reserve(node))
    node->events[node->count++] = *event;
  else
    node->count = 0;
}

void vlot__past_clear(vlot__past *past) {
  for (size_t k = 0; k < VLOT__PAST_NODES; k++) past->nodes[k].count = 0;
}

void vlot__past_deinit(vlot__past *past) {
  for (size_t k = 0; k < VLOT__PAST_NODES; k++) free(past->nodes[k].events);
  *past = (vlot__past){0};
}

const vlot_event *vlot__past_find(const vlot__past *past, uint64_t id) {
  uint64_t member = id >> 48, sequence = id & ((UINT64_C(1) << 48) - 1);
  if (id == 0 || member >= VLOT__PAST_NODES) return NULL;
  const vlot__past_node *node = &past->nodes[member];
  if (node->count == 0 || sequence < node->events[0].sequence) return NULL;
  uint64_t place = sequence - node->events[0].sequence;
  return place < node->count ? &node->events[place] : NULL;
}

uint64_t vlot__past_tick(const vlot__past *past, uint64_t action) {
  for (size_t n = 0; n < VLOT__PAST_NODES; n++) {
    const vlot__past_node *node = &past->nodes[n];
    size_t k = node->count;
    while (k > 0 && node->events[k - 1].action > action) k--;
    if (k > 0 && node->events[k - 1].action == action) return node->events[k - 1].tick;
  }
  return action == 0 ? 0 : VLOT_NEVER;
}

const vlot_event *vlot__past_newest(const vlot__past *past, uint32_t node, uint64_t kinds,
                                    uint32_t peer, uint64_t after) {
  const vlot__past_node *own = &past->nodes[node];
  for (size_t k = own->count; k > 0 && own->events[k - 1].sequence > after; k--) {
    const vlot_event *event = &own->events[k - 1];
    if ((kinds >> event->kind & 1) && (peer == 0 || event->peer == peer)) return event;
  }
  return NULL;
}

const vlot_event *vlot__past_sent(const vlot__past *past, uint32_t node, uint32_t peer,
                                  uint64_t messages, uint64_t after) {
  const vlot__past_node *own = &past->nodes[node];
  for (size_t k = own->count; k > 0 && own->events[k - 1].sequence > after; k--) {
    const vlot_event *event = &own->events[k - 1];
    if (event->kind == VLOT_EVENT_SENT && event->peer == peer &&
        (messages >> event->as.message.kind & 1))
      return event;
  }
  return NULL;
}

static const vlot_event *find_message(const vlot__past_node *node, uint64_t message,
                                      vlot_event_kind kind) {
  for (size_t k = node->count; k > 0; k--)
    if (node->events[k - 1].message == message && node->events[k - 1].kind == kind)
      return &node->events[k - 1];
  return NULL;
}

const vlot_event *vlot__past_end_of(const vlot__past *past, uint64_t message, uint32_t from,
                                    uint32_t to) {
  const vlot_event *end = NULL;
  if (to < VLOT__PAST_NODES) end = find_message(&past->nodes[to], message, VLOT_EVENT_RECEIVED);
  if (!end) end = find_message(&past->nodes[0], message, VLOT_EVENT_DROPPED);
  if (!end && from < VLOT__PAST_NODES)
    end = find_message(&past->nodes[from], message, VLOT_EVENT_DROPPED);
  return end;
}
