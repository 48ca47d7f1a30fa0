/* A caller that would wait lends its thread: it runs the turns of parked nodes whose mail waits,
 * and hands a command from node to node without waking one. */
#ifndef VLOT_CLUSTER_ASSIST_H
#define VLOT_CLUSTER_ASSIST_H

#include "cluster/object.h"
#include "cluster/seats.h"

/* Would it only get in the nodes' way? With so many commands under way a turn takes longer than a
 * wake-up, and nodes that run side by side are faster than one thread that runs them in turn. */
enum { VLOT__ASSIST_INFLIGHT = 1024 };

/* Turns that a lender runs beyond what it waits for, rather than wake a thread for each of them. */
enum { VLOT__ASSIST_MORE = 8 };

/* What the options, and the machine, say of all nodes; when the cluster is made. */
static inline bool vlot__may_assist(const vlot_cluster *cluster) {
  const vlot_cluster_options *options = &cluster->options;
  if (options->driver != VLOT_DRIVER_THREADS || options->assist == VLOT_ASSIST_OFF) return false;
  return options->assist == VLOT_ASSIST_ON || cluster->machine.may_run_on_callers;
}

/* What a node's disk says: does its own thread run all of its turns? */
static inline bool vlot__keeps_turns(const vlot__seat *seat) {
  if (!seat->cluster->may_assist) return true;
  if (seat->disk || seat->cluster->options.assist == VLOT_ASSIST_ON) return false;
  return seat->storage.size != sizeof seat->storage || !seat->storage.may_run_on_callers;
}

/* May this thread lend itself now? It is inside of nothing but one call of this cluster, which is
 * not paused, and no debugger wants the nodes' own threads. */
bool vlot__assist_may(vlot_cluster *cluster);

/* Run turns until it is done, or no parked node has mail that came from here.
 *
 * asked    the member whose mail it begins with; 0: of any, and it need not have come from here
 * is_done  behind each turn, and before the first; uses what its context holds, and of the cluster
 *          no more than the struct: the door may be shut meanwhile
 * returns  whoever waits is to look again: it is done, or the door is shut, or (asked 0) some turn
 *          was run
 */
bool vlot__assist(vlot_cluster *cluster, uint32_t asked,
                  bool (*is_done)(vlot_cluster *cluster, void *context), void *context);

#endif
