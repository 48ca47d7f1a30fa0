#include <criterion/criterion.h>

#include "base/fence.h"

Test(fence, closing_with_no_effect_open_is_to_be_announced_by_who_closed) {
  struct vlot__fence fence;
  vlot__fence_init(&fence);
  cr_assert_not(vlot__fence_is_closed(&fence));
  cr_assert(vlot__fence_close(&fence));
  cr_assert(vlot__fence_is_closed(&fence));
}

Test(fence, closing_with_an_effect_open_is_to_be_announced_by_who_leaves) {
  struct vlot__fence fence;
  vlot__fence_init(&fence);
  cr_assert(vlot__fence_enter(&fence));
  cr_assert_not(vlot__fence_close(&fence));
  cr_assert(vlot__fence_leave(&fence));
}

Test(fence, nobody_enters_a_closed_fence_and_a_failed_enter_leaves_no_trace) {
  struct vlot__fence fence;
  vlot__fence_init(&fence);
  cr_assert(vlot__fence_enter(&fence));
  cr_assert_not(vlot__fence_close(&fence));
  cr_assert_not(vlot__fence_enter(&fence));
  cr_assert(vlot__fence_leave(&fence), "the failed enter must not count as open");
}

Test(fence, only_the_first_close_can_announce) {
  struct vlot__fence fence;
  vlot__fence_init(&fence);
  cr_assert(vlot__fence_close(&fence));
  cr_assert_not(vlot__fence_close(&fence));
}

Test(fence, leaving_an_open_fence_announces_nothing) {
  struct vlot__fence fence;
  vlot__fence_init(&fence);
  for (int i = 0; i < 3; i++) {
    cr_assert(vlot__fence_enter(&fence));
    cr_assert_not(vlot__fence_leave(&fence));
  }
  cr_assert(vlot__fence_close(&fence));
}

/* All interleavings of one actor (two rounds of enter and leave) with two killers: each step of the
 * fence is one atomic operation, so the order of operations is all there is. Exactly one announces,
 * and no effect is let go after it.
 */
typedef struct schedule {
  int announced;
  int entered_after;
  int runs;
} schedule;

static void run_schedule(unsigned actor_steps, unsigned order, schedule *all) {
  struct vlot__fence fence;
  vlot__fence_init(&fence);
  unsigned actor = 0, killers = 0;
  bool is_inside = false;
  int announced = 0;
  for (unsigned step = 0; step < actor_steps + 2; step++) {
    bool is_kill = order >> step & 1;
    if (is_kill && killers++ < 2) {
      announced += vlot__fence_close(&fence);
    } else if (!is_kill && actor++ < actor_steps) {
      if (is_inside) announced += vlot__fence_leave(&fence);
      is_inside = !is_inside && vlot__fence_enter(&fence);
      if (is_inside && announced > 0) all->entered_after++;
    }
  }
  if (is_inside) announced += vlot__fence_leave(&fence);
  if (killers > 0) {
    all->runs++;
    all->announced += announced == 1;
  }
}

Test(fence, in_every_interleaving_exactly_one_announces_and_no_effect_follows) {
  schedule all = {0};
  for (unsigned order = 0; order < 1u << 6; order++) run_schedule(4, order, &all);
  cr_assert_gt(all.runs, 20);
  cr_assert_eq(all.announced, all.runs);
  cr_assert_eq(all.entered_after, 0);
}
