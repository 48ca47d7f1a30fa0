/* All seats of a cluster. A member that is met gets one, made once and never moved; it outlives the
 * member's nodes and its membership.
 *
 * Who looks one up holds no lock: the table is never changed, but replaced by a longer one when a
 * member is met, by control; earlier ones are kept until the cluster is freed.
 */
#ifndef VLOT_CLUSTER_SEATS_H
#define VLOT_CLUSTER_SEATS_H

#include "cluster/object.h"

struct vlot__seats {
  struct vlot__seats *before; /* the one it has replaced */
  uint32_t count;
  vlot__seat **seats; /* [count] ascending by id, behind this struct */
};

/* Members [count] are met: whoever has none yet gets a seat. False without memory, with nothing
 * changed. Control is held, or there is no thread yet. */
bool vlot__seats_meet(vlot_cluster *cluster, const uint32_t *ids, uint32_t count);
/* Free them all; no thread is left. */
void vlot__seats_free(vlot_cluster *cluster);

/* A sender's newest arrival at a member, entered as 0 if there was none; valid until another is
 * entered. NULL without memory. */
vlot__arrival *vlot__arrivals_get(vlot__arrivals *arrivals, const vlot_allocator *allocator,
                                  uint32_t to);

/* The first seat with an id above this one; NULL: there is none. */
vlot__seat *vlot__seats_above(const vlot_cluster *cluster, uint32_t id);

static inline const struct vlot__seats *vlot__seats_of(const vlot_cluster *cluster) {
  return atomic_load_explicit(&cluster->seats, memory_order_acquire);
}

static inline uint32_t vlot__seats_count(const vlot_cluster *cluster) {
  const struct vlot__seats *all = vlot__seats_of(cluster);
  return all ? all->count : 0;
}

/* A member's seat; NULL: it was never met. */
static inline vlot__seat *vlot__seat_of(const vlot_cluster *cluster, uint32_t id) {
  const struct vlot__seats *all = vlot__seats_of(cluster);
  if (all && id - 1 < all->count && all->seats[id - 1]->id == id) return all->seats[id - 1];
  if (id == 0) return NULL;
  vlot__seat *seat = vlot__seats_above(cluster, id - 1);
  return seat && seat->id == id ? seat : NULL;
}

/* VLOT__FOR_EACH_SEAT(seat, cluster) { … }: those that were met when it began, ascending by id. */
typedef struct vlot__seats_walk {
  vlot__seat *const *next;
  uint32_t left;
} vlot__seats_walk;

static inline vlot__seats_walk vlot__seats_begin(const vlot_cluster *cluster) {
  const struct vlot__seats *all = vlot__seats_of(cluster);
  return (vlot__seats_walk){.next = all ? all->seats : NULL, .left = all ? all->count : 0};
}

static inline vlot__seat *vlot__seats_next(vlot__seats_walk *walk) {
  if (walk->left == 0) return NULL;
  walk->left--;
  return *walk->next++;
}

#define VLOT__FOR_EACH_SEAT(seat, cluster)                           \
  for (vlot__seats_walk walk_of_##seat = vlot__seats_begin(cluster); \
       ((seat) = vlot__seats_next(&walk_of_##seat)) != NULL;)

#endif
