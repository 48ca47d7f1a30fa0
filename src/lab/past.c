#include "past.h"

uint64_t vlot__past_action_tick(const vlot_past *past, uint64_t action) {
  for (uint32_t node = 0; past && node <= VLOT_STEP_NODES_MAX; node++) {
    size_t count;
    const vlot_event *events = vlot_past_events(past, node, &count);
    while (count > 0 && events[count - 1].action > action) count--;
    if (count > 0 && events[count - 1].action == action) return events[count - 1].tick;
  }
  return action == 0 ? 0 : VLOT_NEVER;
}

const vlot_event *vlot__past_disk_fault(const vlot_past *past, uint32_t node) {
  size_t count = 0;
  const vlot_event *events = past ? vlot_past_events(past, 0, &count) : NULL;
  for (size_t k = count; k > 0; k--)
    if (events[k - 1].kind == VLOT_EVENT_FAULT && events[k - 1].why == VLOT_WHY_DISK_FAULT &&
        events[k - 1].peer == node)
      return &events[k - 1];
  return NULL;
}
