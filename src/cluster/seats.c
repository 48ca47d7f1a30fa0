#include "cluster/seats.h"

#include "cluster/by_id.h"

/* Behind those that stand there, by insertion: ids mostly come in ascending order. */
static void enter_seat(struct vlot__seats *all, vlot__seat *seat) {
  uint32_t k = all->count++;
  for (; k > 0 && all->seats[k - 1]->id > seat->id; k--) all->seats[k] = all->seats[k - 1];
  all->seats[k] = seat;
}

static vlot__seat *make_seat(vlot_cluster *cluster, uint32_t id) {
  vlot__seat *seat = vlot__alloc_zero(cluster->allocator, 1, sizeof *seat);
  if (!seat) return NULL;
  seat->id = id;
  seat->cluster = cluster;
  return seat;
}

static bool stands_in(const struct vlot__seats *all, uint32_t id) {
  for (uint32_t k = all->count; k > 0 && all->seats[k - 1]->id >= id; k--)
    if (all->seats[k - 1]->id == id) return true;
  return false;
}

/* The new ones are those that the table before has not. */
static void give_up_table(vlot_cluster *cluster, struct vlot__seats *made) {
  for (uint32_t k = 0; k < made->count; k++)
    if (!vlot__seat_of(cluster, made->seats[k]->id))
      vlot__alloc_free(cluster->allocator, made->seats[k]);
  vlot__alloc_free(cluster->allocator, made);
}

bool vlot__seats_meet(vlot_cluster *cluster, const uint32_t *ids, uint32_t count) {
  struct vlot__seats *old = atomic_load(&cluster->seats);
  size_t most = (size_t)(old ? old->count : 0) + count;
  struct vlot__seats *made =
      vlot__alloc(cluster->allocator, 1, sizeof *made + most * sizeof *made->seats);
  if (!made) return false;
  made->before = old;
  made->seats = (vlot__seat **)(void *)(made + 1);
  made->count = 0;
  for (uint32_t k = 0; old && k < old->count; k++) made->seats[made->count++] = old->seats[k];
  for (uint32_t k = 0; k < count; k++) {
    if (stands_in(made, ids[k])) continue;
    vlot__seat *seat = make_seat(cluster, ids[k]);
    if (!seat) {
      give_up_table(cluster, made);
      return false;
    }
    enter_seat(made, seat);
  }
  atomic_store_explicit(&cluster->seats, made, memory_order_release);
  return true;
}

void vlot__seats_free(vlot_cluster *cluster) {
  struct vlot__seats *all = atomic_load(&cluster->seats);
  for (uint32_t k = 0; all && k < all->count; k++)
    vlot__alloc_free(cluster->allocator, all->seats[k]);
  while (all) {
    struct vlot__seats *before = all->before;
    vlot__alloc_free(cluster->allocator, all);
    all = before;
  }
  atomic_store(&cluster->seats, NULL);
}

vlot__seat *vlot__seats_above(const vlot_cluster *cluster, uint32_t id) {
  const struct vlot__seats *all = vlot__seats_of(cluster);
  uint32_t low = 0, high = all ? all->count : 0;
  while (low < high) {
    uint32_t middle = low + (high - low) / 2;
    if (all->seats[middle]->id <= id)
      low = middle + 1;
    else
      high = middle;
  }
  return all && low < all->count ? all->seats[low] : NULL;
}

vlot__arrival *vlot__arrivals_get(vlot__arrivals *arrivals, const vlot_allocator *allocator,
                                  uint32_t to) {
  void *items = arrivals->items;
  size_t place = vlot__by_id_enter(allocator, &items, &arrivals->count, &arrivals->capacity,
                                   sizeof *arrivals->items, to);
  arrivals->items = items;
  return place == SIZE_MAX ? NULL : &arrivals->items[place];
}
