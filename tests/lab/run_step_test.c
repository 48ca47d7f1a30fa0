/* Where `vlot run --step-on` stops. */
#include "run_step.h"

#include <criterion/criterion.h>

#define COUNT(list) (sizeof(list) / sizeof *(list))

Test(run_step, it_awaits_what_happens_at_a_node_or_to_it) {
  const struct {
    const char *text;
    vlot_event event;
    bool is_awaited;
  } rows[] = {
      {"leader", {.kind = VLOT_EVENT_LEADER, .node = 3}, true},
      {"leader:3", {.kind = VLOT_EVENT_LEADER, .node = 3}, true},
      {"leader:n3", {.kind = VLOT_EVENT_LEADER, .node = 3}, true},
      {"leader:3", {.kind = VLOT_EVENT_LEADER, .node = 2, .peer = 3}, false},
      {"leader:3", {.kind = VLOT_EVENT_VOTE, .node = 3}, false},
      {"violation", {.kind = VLOT_EVENT_VIOLATION, .peer = 2}, true},
      {"violation:2", {.kind = VLOT_EVENT_VIOLATION, .peer = 2}, true},
      {"snapshot:3", {.kind = VLOT_EVENT_SNAPSHOT_TAKEN, .node = 3}, true},
      {"install", {.kind = VLOT_EVENT_SNAPSHOT_INSTALLED, .node = 3}, true},
      {"install:2", {.kind = VLOT_EVENT_SNAPSHOT_INSTALLED, .node = 3, .peer = 2}, false},
      {"violation:1", {.kind = VLOT_EVENT_VIOLATION, .peer = 2}, false},
  };
  for (size_t k = 0; k < COUNT(rows); k++) {
    vlot__run_step step = {.kind = 0};
    cr_assert(vlot__run_step_parse(&step, rows[k].text, 5), "%s", rows[k].text);
    cr_expect_eq(vlot__run_step_awaits(&step, &rows[k].event), rows[k].is_awaited, "row %zu", k);
  }
}
