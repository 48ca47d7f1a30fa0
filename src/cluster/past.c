/* What has happened: events by node, so that a cause can be looked up. */
#include "cluster/past.h"

#include <string.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/problem.h"
#include "cluster/by_id.h"

#define BIT(kind) (UINT64_C(1) << VLOT_EVENT_##kind)

enum {
  EVENTS_DEFAULT = 1 << 17, /* of one node; then the older half is forgotten … */
  EVENTS_MIN = 1 << 8,
  RARE_MAX = 1 << 12, /* … but for so many */
};

struct vlot_past {
  const vlot_allocator *allocator;
  vlot__past_node *nodes; /* [node_count] by_id.h */
  size_t node_count;
  size_t node_capacity;
  uint32_t events_max;
  bool is_short; /* there was no memory for a node that is not in the table */
};

vlot_result vlot_past_open(vlot_past **out, const vlot_allocator *allocator, uint32_t events_max) {
  VLOT_GIVEN(out);
  *out = NULL;
  allocator = vlot__alloc_or_default(allocator);
  if (events_max == 0) events_max = EVENTS_DEFAULT;
  if (events_max < EVENTS_MIN || (events_max & (events_max - 1)) != 0)
    return vlot__refuse_value(VLOT_INVALID,
                              "events_max {0}: a power of two, {1} or more; 0: 131,072", events_max,
                              EVENTS_MIN);
  vlot_past *past = vlot__alloc_zero(allocator, 1, sizeof *past);
  if (!past) return vlot__refuse(VLOT_NOMEM, "no memory for a past");
  past->allocator = allocator;
  past->events_max = events_max;
  *out = past;
  return VLOT_OK;
}

void vlot_past_clear(vlot_past *past) {
  VLOT_GIVEN(past);
  for (size_t k = 0; k < past->node_count; k++)
    vlot__alloc_free(past->allocator, past->nodes[k].events);
  past->node_count = 0;
  past->is_short = false;
}

void vlot_past_close(vlot_past *past) {
  if (!past) return;
  vlot_past_clear(past);
  vlot__alloc_free(past->allocator, past->nodes);
  vlot__alloc_free(past->allocator, past);
}

/* --- the table --- */

const vlot__past_node *vlot__past_of(const vlot_past *past, uint32_t node) {
  static const vlot__past_node unknown = {.count = 0};
  static const vlot__past_node forgotten = {.whole_from = UINT64_MAX, .seen_from = UINT64_MAX};
  size_t place = vlot__by_id_find(past->nodes, past->node_count, sizeof *past->nodes, node);
  if (place != SIZE_MAX) return &past->nodes[place];
  return past->is_short ? &forgotten : &unknown;
}

static vlot__past_node *enter_node(vlot_past *past, uint32_t node) {
  void *nodes = past->nodes;
  size_t place = vlot__by_id_enter(past->allocator, &nodes, &past->node_count, &past->node_capacity,
                                   sizeof *past->nodes, node);
  past->nodes = nodes;
  return place == SIZE_MAX ? NULL : &past->nodes[place];
}

/* --- forgetting --- */

/* Which of the older half stay, newest first: rare ones, and of some kinds the newest. */
typedef struct sieve {
  uint64_t peers[1024]; /* bits by id: a newer MATCH of it was seen */
  bool has_durable;
  bool has_commit;
  size_t rare;
} sieve;

static bool is_first(bool *has) {
  bool is_so = !*has;
  *has = true;
  return is_so;
}

static bool is_newest(sieve *seen, const vlot_event *event) {
  if (event->kind == VLOT_EVENT_DURABLE) return is_first(&seen->has_durable);
  if (event->kind == VLOT_EVENT_COMMIT) return is_first(&seen->has_commit);
  if (event->kind != VLOT_EVENT_MATCH) return false;
  uint64_t *word = &seen->peers[event->peer / 64 % 1024], bit = UINT64_C(1) << event->peer % 64;
  bool is_so = (*word & bit) == 0;
  *word |= bit;
  return is_so;
}

static bool stays(sieve *seen, const vlot_event *event) {
  if (is_newest(seen, event)) return true;
  return vlot_event_is_rare(event) && ++seen->rare <= RARE_MAX;
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

/* --- adding --- */

static bool make_room(vlot_past *past, vlot__past_node *node) {
  if (node->count < node->capacity) return true;
  if (node->count >= past->events_max) {
    forget_older(node);
    if (node->count < node->capacity) return true;
  }
  void *events = node->events;
  size_t wanted = node->capacity > 0 ? node->count + 1 : EVENTS_MIN;
  bool has_room =
      vlot__alloc_grow(past->allocator, &events, &node->capacity, wanted, sizeof *node->events);
  node->events = events;
  return has_room;
}

void vlot_past_add(vlot_past *past, const vlot_event *event) {
  VLOT_GIVEN(past);
  VLOT_GIVEN(event);
  vlot__past_node *node = enter_node(past, event->node);
  if (!node) {
    past->is_short = true;
    return;
  }
  uint64_t last = node->count > 0 ? node->events[node->count - 1].sequence : 0;
  if (event->sequence <= last) return; /* it is known */
  if (event->sequence != last + 1) node->whole_from = node->seen_from = event->sequence;
  if (make_room(past, node)) {
    node->events[node->count++] = *event;
  } else {
    node->count = 0;
    node->whole_from = node->seen_from = event->sequence + 1;
  }
}

/* --- looking --- */

const vlot_event *vlot_past_events(const vlot_past *past, uint32_t node, size_t *count) {
  VLOT_GIVEN(past);
  VLOT_GIVEN(count);
  const vlot__past_node *own = vlot__past_of(past, node);
  *count = own->count;
  return own->count > 0 ? own->events : NULL;
}

bool vlot_past_is_whole(const vlot_past *past, uint32_t node, uint64_t after) {
  VLOT_GIVEN(past);
  return after + 1 >= vlot__past_of(past, node)->whole_from;
}

bool vlot__past_is_seen(const vlot_past *past, uint32_t node, uint64_t after) {
  return after + 1 >= vlot__past_of(past, node)->seen_from;
}

const vlot_event *vlot_past_find(const vlot_past *past, uint64_t id) {
  VLOT_GIVEN(past);
  const uint64_t sequence = id & ((UINT64_C(1) << 48) - 1);
  const vlot__past_node *node = vlot__past_of(past, (uint32_t)(id >> 48));
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

const vlot_event *vlot_past_newest(const vlot_past *past, uint32_t node, uint64_t kinds,
                                   uint32_t peer, uint64_t after) {
  VLOT_GIVEN(past);
  const vlot__past_node *own = vlot__past_of(past, node);
  for (size_t k = own->count; k > 0 && own->events[k - 1].sequence > after; k--) {
    const vlot_event *event = &own->events[k - 1];
    if ((kinds >> event->kind & 1) && (peer == 0 || event->peer == peer)) return event;
  }
  return NULL;
}

const vlot_event *vlot__past_sent(const vlot_past *past, uint32_t node, uint32_t peer,
                                  uint64_t messages, uint64_t after) {
  const vlot__past_node *own = vlot__past_of(past, node);
  for (size_t k = own->count; k > 0 && own->events[k - 1].sequence > after; k--) {
    const vlot_event *event = &own->events[k - 1];
    if (event->kind == VLOT_EVENT_SENT && event->peer == peer &&
        (messages >> event->as.message.kind & 1))
      return event;
  }
  return NULL;
}

const vlot_event *vlot__past_disk(const vlot_past *past, uint32_t node) {
  const vlot__past_node *own = vlot__past_of(past, 0);
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

const vlot_event *vlot__past_end_of(const vlot_past *past, uint64_t message, uint32_t from,
                                    uint32_t to) {
  const vlot_event *end = find_message(vlot__past_of(past, to), message, VLOT_EVENT_RECEIVED);
  if (!end) end = find_message(vlot__past_of(past, 0), message, VLOT_EVENT_DROPPED);
  if (!end) end = find_message(vlot__past_of(past, from), message, VLOT_EVENT_DROPPED);
  return end;
}
