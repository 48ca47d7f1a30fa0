#include "past.h"

#include <stdlib.h>
#include <string.h>

#define BIT(kind) (UINT64_C(1) << VLOT_EVENT_##kind)

/* Which of the older half stay, newest first: rare ones, and of some kinds the newest of a peer. */
typedef struct sieve {
  bool has[3][VLOT__PAST_NODES]; /* a newer MATCH, DURABLE, COMMIT was seen; by peer */
  size_t rare;
} sieve;

static bool is_newest(sieve *seen, const vlot_event *event) {
  size_t row = event->kind == VLOT_EVENT_MATCH     ? 0
               : event->kind == VLOT_EVENT_DURABLE ? 1
               : event->kind == VLOT_EVENT_COMMIT  ? 2
                                                   : 3;
  size_t peer = row == 0 ? event->peer % VLOT__PAST_NODES : 0;
  if (row == 3 || seen->has[row][peer]) return false;
  seen->has[row][peer] = true;
  return true;
}

static bool stays(sieve *seen, const vlot_event *event) {
  if (is_newest(seen, event)) return true;
  return vlot_event_is_rare(event) && ++seen->rare <= VLOT__PAST_RARE_MAX;
}

/* The newer half moves down onto what stays of the older one. */
static void forget_older(vlot__past_node *node) {
  sieve seen = {.rare = 0};
  vlot_event *events = node->events;
  size_t half = node->count / 2, to = half;
  for (size_t k = node->count; k > half; k--) (void)is_newest(&seen, &events[k - 1]);
  for (size_t k = half; k > 0; k--)
    if (stays(&seen, &events[k - 1])) events[--to] = events[k - 1];
  node->whole_from = events[half].sequence;
  node->count -= to;
  memmove(events, events + to, node->count * sizeof *events);
}

static bool reserve(vlot__past_node *node) {
  if (node->count < node->capacity) return true;
  if (node->capacity == VLOT__PAST_EVENTS_MAX) {
    forget_older(node);
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
  uint64_t last = node->count > 0 ? node->events[node->count - 1].sequence : 0;
  if (event->sequence <= last) return; /* it is known */
  if (event->sequence != last + 1) node->whole_from = node->seen_from = event->sequence;
  if (reserve(node)) {
    node->events[node->count++] = *event;
  } else {
    node->count = 0;
    node->whole_from = node->seen_from = event->sequence + 1;
  }
}

bool vlot__past_is_whole(const vlot__past *past, uint32_t node, uint64_t after) {
  return node < VLOT__PAST_NODES && after + 1 >= past->nodes[node].whole_from;
}

bool vlot__past_is_seen(const vlot__past *past, uint32_t node, uint64_t after) {
  return node < VLOT__PAST_NODES && after + 1 >= past->nodes[node].seen_from;
}

void vlot__past_clear(vlot__past *past) {
  for (size_t k = 0; k < VLOT__PAST_NODES; k++) {
    past->nodes[k].count = 0;
    past->nodes[k].whole_from = past->nodes[k].seen_from = 0;
  }
}

void vlot__past_deinit(vlot__past *past) {
  for (size_t k = 0; k < VLOT__PAST_NODES; k++) free(past->nodes[k].events);
  *past = (vlot__past){0};
}

const vlot_event *vlot__past_find(const vlot__past *past, uint64_t id) {
  uint64_t member = id >> 48, sequence = id & ((UINT64_C(1) << 48) - 1);
  if (id == 0 || member >= VLOT__PAST_NODES) return NULL;
  const vlot__past_node *node = &past->nodes[member];
  size_t low = 0, high = node->count;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    if (node->events[middle].sequence < sequence)
      low = middle + 1;
    else
      high = middle;
  }
  return low < node->count && node->events[low].sequence == sequence ? &node->events[low] : NULL;
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

const vlot_event *vlot__past_disk(const vlot__past *past, uint32_t node) {
  const vlot__past_node *own = &past->nodes[0];
  for (size_t k = own->count; k > 0; k--) {
    const vlot_event *event = &own->events[k - 1];
    if (event->kind == VLOT_EVENT_FAULT && event->why == VLOT_WHY_DISK_FAULT && event->peer == node)
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
