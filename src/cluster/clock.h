/* The clock of a threads cluster: it turns real time into ticks, lets go of mail that links delay
 * and completes delayed writes, on the thread of the host's timekeeper.
 */
#ifndef VLOT_CLUSTER_CLOCK_H
#define VLOT_CLUSTER_CLOCK_H

#include "cluster/host.h"
#include "cluster/seats.h"

vlot_result vlot__clock_start(vlot_cluster *cluster);
void vlot__clock_stop(vlot_cluster *cluster);  /* also where there is none */
void vlot__clock_pause(vlot_cluster *cluster); /* returns when it stands still */
void vlot__clock_go_on(vlot_cluster *cluster);

/* Is this the thread that looks at it? It must not wait for that. */
static inline bool vlot__clock_is_here(const vlot_cluster *cluster) {
  return vlot__inside(&cluster->host->timekeeper) != NULL;
}

/* Something is due at that tick: it looks no later than then. */
void vlot__clock_wake(vlot_cluster *cluster, uint64_t due);

/* A submit has put off a wake-up: unless the mail is taken before, the clock wakes its receiver in
 * a millisecond or two. Any thread that a client keeps the struct for. */
void vlot__clock_owe(vlot_cluster *cluster);

/* Mail that arrives later, so much of it at most: what finds no room is refused, VLOT_BUSY, as by a
 * full mailbox. */
enum { VLOT__LATE_MAX = 1 << 18 };

/* arrival: the tick at which mail that could arrive at `due` does arrive,
 * behind what is slow on the same link. take_late: out of the clock's hands again, the earliest
 * first (NULL: there is none), while it stands still; until there is none. has_late: is some not in
 * its mailbox yet? */
uint64_t vlot__clock_arrival(vlot_cluster *cluster, uint32_t from, uint32_t to, uint64_t due);
vlot_result vlot__clock_post(vlot_cluster *cluster, const vlot__parcel *parcel);
vlot__item *vlot__clock_take_late(vlot_cluster *cluster);
bool vlot__clock_has_late(vlot_cluster *cluster);

#endif
