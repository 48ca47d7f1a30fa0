/* What tests of the cluster share: clusters that are quick to open, key-value commands in one call,
 * and a storm of faults that is a function of its seed. Public headers only, and no Criterion, so
 * that race programs can use it.
 */
#ifndef VLOT_TESTS_FLEET_H
#define VLOT_TESTS_FLEET_H

#include "vlot/vlot.h"

/* Defaults for tests: lockstep, or threads with ticks of 2 ms and the checker on. */
vlot_cluster_options fleet_options(vlot_driver driver, uint32_t nodes);

/* The cluster, or NULL after a line on stderr. */
vlot_cluster *fleet_open(const vlot_cluster_options *options);
vlot_client *fleet_client(vlot_cluster *cluster, uint32_t contact, uint64_t timeout_ticks);

/* One key-value command or question, proposed and waited for; get: value [capacity] gets a string,
 * "" when it is absent. */
vlot_result fleet_set(vlot_client *client, const char *key, const char *value);
vlot_result fleet_add(vlot_client *client, const char *key, int64_t amount);
vlot_result fleet_get(vlot_client *client, const char *key, char *value, size_t capacity);

/* Submit `count` increments of key by 1, without waiting; and a read, linearizable with min_index
 * VLOT_NEVER. */
vlot_result fleet_submit(vlot_client *client, const char *key, uint32_t count, uint64_t *sequence);
vlot_result fleet_read(vlot_client *client, const char *key, uint64_t min_index,
                       uint64_t *sequence);

/* The number that a key-value answer holds; -1: none. */
int64_t fleet_number(const vlot_answer *answer);

/* Wait for one answer. UNKNOWN by "nothing in flight" has sequence 0. */
vlot_answer fleet_wait(vlot_client *client);

vlot_node_status fleet_status(vlot_cluster *cluster, uint32_t id);
vlot_cluster_stats fleet_stats(vlot_cluster *cluster);

/* Let so many ticks pass. */
void fleet_pass(vlot_cluster *cluster, uint64_t ticks);

/* Faults off, everybody up and in agreement. False: not within timeout_ticks for any of it. */
bool fleet_settle(vlot_cluster *cluster, uint64_t timeout_ticks);

/* Do all nodes that are up hash alike, at the same index? */
bool fleet_agrees(vlot_cluster *cluster);

/* How a storm is driven in lockstep; what it does is the same with all of them, and so is the
 * run. */
enum {
  FLEET_ONE_BY_ONE = 1, /* one call per turn */
  FLEET_LISTING = 2,    /* look at the pending list between any two turns */
  FLEET_SWITCHING = 4,  /* inline and own threads in turns */
  FLEET_LOOKING = 8,    /* status, events and hashes between any two turns */
};

/* Lockstep: `rounds` of commands, kills, restarts, suspensions, links, disks, clocks and orders,
 * drawn from the seed. Returns an order-sensitive hash of the answers that its clients got.
 */
uint64_t fleet_storm(vlot_cluster *cluster, uint64_t seed, uint32_t rounds, unsigned how);

#endif
