/* What the benchmarks of whole clusters share: memory touched before, and two loads in turns. */
#ifndef VLOT_BENCH_BENCH_LOAD_H
#define VLOT_BENCH_BENCH_LOAD_H

#include "bench.h"
#include "cluster_load.h"

/* Memory from the kernel costs a page fault per 4 KiB, and the limit's logs are touched before the
 * clock starts. So are the cluster's: one arena that is touched once, and that the C library never
 * gives back. */
void bench_pretouch(uint32_t mebibytes);

/* What a load that did not end well means for the benchmark; BENCH_DONE where it did. */
enum bench_exit bench_load_exit(const struct cluster_load_result *result);

/* Both loads, results in the order of the loads. Who comes first changes from round to round.
 *
 * returns  BENCH_DONE, or what the first that failed means, which is said
 */
enum bench_exit bench_load_pair(const struct cluster_load_options loads[2], uint64_t round,
                                struct cluster_load_result results[2]);

#endif
