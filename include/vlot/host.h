/* vlot/host.h: what the clusters of a process share. A cluster is one *group* on a host: a private
 * one, which is made and closed with it, or one that it is opened on with options.host.
 *
 * What groups share is the memory they take, the length of a tick, one clock thread (as long as
 * there are groups with threads) and, in lockstep, virtual time. What a group keeps to itself is
 * everything else: its nodes, its ticks, ids, action numbers, events and their hash, faults, pause.
 *
 * threads   the host's clock thread serves every group at its own time: a group that is paused, or
 *           whose clock waits for a straggler, holds no other one. What a group's log callback,
 *           storage or lint does on the clock's thread the others wait for: it must not block there
 * lockstep  stepping a group steps its host: whose action comes next is the earliest, by the tick
 *           of the host and then by the group's number (that of its opening). One thread at a time
 *           for all lockstep groups of a host, opening and closing too; inside a turn of one of
 *           them, calls to all of them are VLOT_DEADLOCK. A group's run, and its event hash, do not
 *           depend on which other groups there are
 *
 * Groups of both kinds may be on one host and do not see each other; nor does a threads group that
 * is paused and stepped see any other.
 */
#ifndef VLOT_HOST_H
#define VLOT_HOST_H

#include "vlot/cluster.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct vlot_host_options {
  size_t size;                     /* set by vlot_host_options_init() */
  const vlot_allocator *allocator; /* NULL: the default; borrowed for the host's life */
  uint64_t tick_ns; /* of all groups with threads: default 10 ms, at least 100 µs, at most 10 s */
} vlot_host_options;

/* Set size and the defaults; what has none in the words above is 0 or NULL. */
VLOT_API void vlot_host_options_init(vlot_host_options *options);

/* Make a host without groups; it starts no thread.
 *
 * out      out: closed with vlot_host_close(); NULL unless VLOT_OK
 * options  NULL: the defaults; copied
 * problem  out: what is wrong with the options, a static sentence; NULL to ignore
 * returns  VLOT_OK; VLOT_INVALID (options); VLOT_NOMEM
 * thread   any; never blocks
 */
VLOT_API VLOT_MUST_CHECK vlot_result vlot_host_open(vlot_host **out,
                                                    const vlot_host_options *options,
                                                    const char **problem);

/* Free it. NULL is allowed.
 *
 * returns  VLOT_OK; VLOT_BUSY: groups are open on it; VLOT_UNSUPPORTED: in a process forked since;
 *          and nothing was done
 * thread   any, once nobody opens groups on it any more; never blocks
 */
VLOT_API vlot_result vlot_host_close(vlot_host *host);

/* How many groups are open on it. Any thread; never blocks. */
VLOT_API uint32_t vlot_host_groups(vlot_host *host);

/* Open so many groups with the same options, but for the seed: group k, from 0, gets seed + k. All
 * or none: where one cannot be opened, those before it are closed again. It is a loop around
 * vlot_cluster_open().
 *
 * out      out: [count] each is closed by itself, with vlot_cluster_close(), in any order; NULL
 *          unless VLOT_OK
 * host     NULL: one is made for them, with the allocator and tick_ns of the options, and closed
 *          with the last of them
 * options  NULL: the defaults. options.host: NULL or the same host
 * problem  out: as of vlot_cluster_open(); NULL to ignore
 * returns  as vlot_cluster_open(), of the first that failed; VLOT_INVALID too where what belongs to
 *          one cluster would be given to several (journal, journal_path, open_storage), or for two
 *          hosts
 * thread   any but a node's; blocks while nodes start, and where it takes them back as
 *          vlot_cluster_close()
 */
VLOT_API VLOT_MUST_CHECK vlot_result vlot_groups_open(vlot_cluster **out, uint32_t count,
                                                      vlot_host *host,
                                                      const vlot_cluster_options *options,
                                                      const char **problem);

#ifdef __cplusplus
}
#endif

#endif
