/* One seed is one run, on every compiler and at every level of optimisation: the hash over all
 * events of a storm stands here. A change of it must be meant: whoever changes what happens, or
 * what an event says, puts the new numbers here and says why.
 */
#include <criterion/criterion.h>
#include <inttypes.h>

#include "fleet.h"

static const struct {
  uint32_t nodes;
  uint32_t turn_max;
  uint64_t seed;
  uint64_t hash;
} runs[] = {
    {1, 8, 11, UINT64_C(0xef449d3b631a57d3)},
    {3, 1, 12, UINT64_C(0x8ffdfbe3c712bb71)},
    {5, 8, 13, UINT64_C(0xa8f4d3937c974edf)},
    {7, 3, 14, UINT64_C(0xeb2927c4b38c7eec)},
};

Test(determinism, the_hash_of_a_storm_is_the_one_written_here) {
  for (size_t k = 0; k < sizeof runs / sizeof *runs; k++) {
    vlot_cluster_options options = fleet_options(VLOT_DRIVER_LOCKSTEP, runs[k].nodes);
    options.seed = runs[k].seed;
    options.turn_max = runs[k].turn_max;
    vlot_cluster *cluster = fleet_open(&options);
    (void)fleet_storm(cluster, runs[k].seed, 200, 0);
    cr_expect(fleet_settle(cluster, 3000));
    uint64_t hash = fleet_stats(cluster).event_hash;
    cr_expect_eq(hash, runs[k].hash,
                 "{%" PRIu32 ", %" PRIu32 ", %" PRIu64 ", UINT64_C(0x%016" PRIx64 ")},",
                 runs[k].nodes, runs[k].turn_max, runs[k].seed, hash);
    cr_expect_eq(vlot_cluster_close(cluster), VLOT_OK);
  }
}
