/* Who acts next: the lockstep groups of a shared host, the earliest first, by the host's tick and
 * then by their numbers. A group's own ticks begin with it; `base` is the host's tick by then. They
 * stand still while nothing can happen in it, and its base moves on when something can again, so
 * that it does not come before everybody else with what is long past.
 *
 * A group on a host of its own stands in no line, and pays a branch.
 */
#ifndef VLOT_CLUSTER_LINE_H
#define VLOT_CLUSTER_LINE_H

#include "cluster/host.h"

/* VLOT_NOMEM; where the host is not shared nothing happens. */
vlot_result vlot__line_enter(vlot_cluster *cluster);
void vlot__line_leave(vlot_cluster *cluster); /* also where it is in none */

/* Whose next action may be the earliest, as far as it was told; NULL: nobody has any. */
vlot_cluster *vlot__line_first(const vlot_host *host);

/* Its next action is due at this tick of its own; VLOT_NEVER: it has none. True: it was so. */
bool vlot__line_set(vlot_cluster *cluster, uint64_t due);

/* A tick of its own as one of the host. */
uint64_t vlot__line_tick(const vlot_cluster *cluster, uint64_t tick);
/* The host's time goes on to a tick, unless that is VLOT_NEVER; it never goes back. */
void vlot__line_pass(vlot_host *host, uint64_t tick);

/* Something was listed in it, or moved to an earlier tick: set knows no later than that. */
static inline void vlot__line_listed(vlot_cluster *cluster, uint64_t due) {
  const vlot__item *place = cluster->lockstep.in_line;
  if (place && vlot__line_tick(cluster, due) < place->due) (void)vlot__line_set(cluster, due);
}

/* What a thread is inside of in a turn: of all lockstep groups of the host at once, where they run
 * each other. */
static inline const void *vlot__line_place(const vlot_cluster *cluster) {
  return cluster->lockstep.in_line ? (const void *)cluster->host : (const void *)cluster;
}

#endif
