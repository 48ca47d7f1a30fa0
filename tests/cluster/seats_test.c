/* Seats of members that are met: found by any id, kept as the table grows. And the tables by id. */
#include "cluster/seats.h"

#include <criterion/criterion.h>

#include "cluster/by_id.h"
#include "fleet.h"

#define COUNT(list) (sizeof(list) / sizeof *(list))

static void expect_ids(const vlot_cluster *cluster, const uint32_t *ids, size_t count) {
  vlot__seat *seat;
  size_t k = 0;
  VLOT__FOR_EACH_SEAT (seat, cluster) {
    cr_assert_lt(k, count);
    cr_expect_eq(seat->id, ids[k], "seat %zu", k);
    cr_expect_eq(vlot__seat_of(cluster, ids[k]), seat);
    k++;
  }
  cr_expect_eq(k, count);
  cr_expect_eq(vlot__seats_count(cluster), count);
}

Test(seats, are_found_by_id_whatever_ids_there_are) {
  vlot_cluster cluster = {.allocator = vlot_allocator_default()};
  cr_expect_null(vlot__seat_of(&cluster, 1), "nobody is met yet");
  expect_ids(&cluster, NULL, 0);
  cr_assert(vlot__seats_meet(&cluster, (uint32_t[]){1, 2, 3}, 3));
  expect_ids(&cluster, (uint32_t[]){1, 2, 3}, 3);
  cr_assert(vlot__seats_meet(&cluster, (uint32_t[]){65535, 2, 7, 7}, 4));
  expect_ids(&cluster, (uint32_t[]){1, 2, 3, 7, 65535}, 5);
  const uint32_t strangers[] = {0, 4, 5, 6, 8, 65534, UINT32_MAX};
  for (size_t k = 0; k < COUNT(strangers); k++)
    cr_expect_null(vlot__seat_of(&cluster, strangers[k]), "%u", strangers[k]);
  vlot__seats_free(&cluster);
  expect_ids(&cluster, NULL, 0);
}

Test(seats, stay_where_they_are_when_another_is_met) {
  vlot_cluster cluster = {.allocator = vlot_allocator_default()};
  cr_assert(vlot__seats_meet(&cluster, &(uint32_t){9}, 1));
  vlot__seat *nine = vlot__seat_of(&cluster, 9), *seat;
  nine->seed = 99;
  uint32_t seen = 0;
  VLOT__FOR_EACH_SEAT (seat, &cluster) {
    for (uint32_t id = 1; id < 9; id++) cr_assert(vlot__seats_meet(&cluster, &id, 1));
    seen++;
  }
  cr_expect_eq(seen, 1, "a walk sees those that there were when it began");
  cr_expect_eq(vlot__seat_of(&cluster, 9), nine);
  cr_expect_eq(nine->seed, 99);
  cr_expect_eq(vlot__seats_above(&cluster, 0)->id, 1);
  cr_expect_eq(vlot__seats_above(&cluster, 8), nine);
  cr_expect_null(vlot__seats_above(&cluster, 9));
  vlot__seats_free(&cluster);
}

Test(seats, that_cannot_be_made_change_nothing) {
  vlot_fault_allocator *memory = vlot_fault_allocator_open();
  for (uint32_t n = 1; n <= 3; n++) {
    vlot_cluster cluster = {.allocator = vlot_fault_allocator_get(memory)};
    cr_assert(vlot__seats_meet(&cluster, &(uint32_t){2}, 1));
    vlot_fault_allocator_fail_at(memory, n, false);
    cr_expect_not(vlot__seats_meet(&cluster, (uint32_t[]){1, 2, 3}, 3), "block %u", n);
    expect_ids(&cluster, &(uint32_t){2}, 1);
    vlot__seats_free(&cluster);
    cr_expect_eq(vlot_fault_allocator_live(memory), 0);
  }
  vlot_fault_allocator_close(memory);
}

/* --- by id --- */

typedef struct item {
  uint32_t id;
  uint32_t value;
} item;

Test(by_id, what_is_entered_is_found_in_any_order) {
  const uint32_t ids[] = {3, 65535, 1, 2, 40, 3, 39, 1};
  void *items = NULL;
  size_t count = 0, capacity = 0;
  for (uint32_t k = 0; k < COUNT(ids); k++) {
    size_t place = vlot__by_id_enter(vlot_allocator_default(), &items, &count, &capacity,
                                     sizeof(item), ids[k]);
    cr_assert_lt(place, count);
    ((item *)items)[place].value += ids[k];
  }
  cr_expect_eq(count, 6, "two came twice");
  for (size_t k = 0; k < COUNT(ids); k++) {
    size_t place = vlot__by_id_find(items, count, sizeof(item), ids[k]);
    cr_assert_lt(place, count);
    bool is_twice = ids[k] == 3 || ids[k] == 1;
    cr_expect_eq(((item *)items)[place].value, is_twice ? 2 * ids[k] : ids[k]);
  }
  for (size_t k = 1; k < count; k++) cr_expect_lt(((item *)items)[k - 1].id, ((item *)items)[k].id);
  const uint32_t strangers[] = {0, 4, 38, 41, 65534, UINT32_MAX};
  for (size_t k = 0; k < COUNT(strangers); k++)
    cr_expect_eq(vlot__by_id_find(items, count, sizeof(item), strangers[k]), SIZE_MAX);
  vlot__alloc_free(vlot_allocator_default(), items);
}

/* --- what the public says of it --- */

Test(seats, their_ids_are_told) {
  vlot_cluster_options options = fleet_options(VLOT_DRIVER_LOCKSTEP, 5);
  vlot_cluster *cluster = fleet_open(&options);
  uint32_t ids[5] = {0};
  cr_expect_eq(vlot_cluster_ids(cluster, NULL, 0), 5);
  cr_expect_eq(vlot_cluster_ids(cluster, ids, 2), 5);
  cr_expect(ids[0] == 1 && ids[1] == 2 && ids[2] == 0, "not more than fit");
  cr_expect_eq(vlot_cluster_ids(cluster, ids, 5), 5);
  cr_expect(ids[2] == 3 && ids[3] == 4 && ids[4] == 5);
  cr_assert_eq(vlot_cluster_close(cluster), VLOT_OK);
}
