/* Rows of elections: the first one among many nodes, and the one after a leader was killed. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench.h"
#include "vlot/cluster.h"

#define TICK_NS UINT64_C(1000000)
#define LOOK_NS 50000L /* how often it is looked for a leader */

enum {
  FIRST_NODES = 101,
  FIRST_T_TICKS = 100,
  AGAIN_NODES = 3,
  AGAIN_T_TICKS = 10,
  PATIENCE_T = 200
};

static void doze(long ns) {
  struct timespec left = {.tv_nsec = ns};
  nanosleep(&left, NULL);
}

static vlot_cluster *open_cluster(uint32_t nodes, uint32_t t_ticks, uint64_t seed) {
  vlot_cluster *cluster;
  vlot_cluster_options options;
  const char *problem = NULL;
  vlot_cluster_options_init(&options);
  options.nodes = nodes;
  options.tick_ns = TICK_NS;
  options.seed = seed;
  options.raft.election_ticks_min = t_ticks;
  options.raft.election_ticks_max = 2 * t_ticks;
  options.raft.heartbeat_ticks = t_ticks / 3;
  vlot_result result = vlot_cluster_open(&cluster, &options, &problem);
  if (result != VLOT_OK) {
    bench_complain(BENCH_SYSTEM, "%" PRIu32 " nodes do not open: %s%s%s", nodes,
                   vlot_result_name(result), problem != NULL ? ", " : "",
                   problem != NULL ? problem : "");
    return NULL;
  }
  return cluster;
}

/* In multiples of T from start_ns until somebody leads; negative: nobody in PATIENCE_T. */
static double await_leader(vlot_cluster *cluster, uint64_t start_ns, uint32_t t_ticks) {
  double t_ns = (double)t_ticks * (double)TICK_NS;
  for (;;) {
    uint32_t leader = vlot_cluster_leader(cluster);
    double passed = (double)(measure_now_ns() - start_ns) / t_ns;
    if (leader != 0) {
      return passed;
    }
    if (passed > PATIENCE_T) {
      return -1.0;
    }
    doze(LOOK_NS);
  }
}

enum bench_exit bench_first_leader(const struct bench_row *row,
                                   const struct bench_settings *settings) {
  static const char text[] = "first leader of 101 nodes after the begin of open, in T";
  const struct bench_figure figure = {
      .name = "first_leader_t", .text = text, .reach = 3.0, .aim = 2.0, .is_less_better = true};
  const char *place = "left to the kernel";
  double values[BENCH_ROUNDS_MAX];
  bench_title(row, settings, place);
  for (uint64_t round = 1; round <= settings->rounds; round++) {
    bench_progress("%s: round %" PRIu64 " of %" PRIu64, row->name, round, settings->rounds);
    uint64_t start_ns = measure_now_ns();
    vlot_cluster *cluster = open_cluster(FIRST_NODES, FIRST_T_TICKS, round);
    if (cluster == NULL) {
      return BENCH_SYSTEM;
    }
    double opened = (double)(measure_now_ns() - start_ns) / 1e6;
    values[round - 1] = await_leader(cluster, start_ns, FIRST_T_TICKS);
    vlot_cluster_stats stats;
    vlot_cluster_get_stats(cluster, &stats);
    uint64_t ticks = vlot_cluster_now(cluster);
    if (vlot_cluster_close(cluster) != VLOT_OK || values[round - 1] < 0.0) {
      return bench_complain(BENCH_SYSTEM, "first-leader: no leader in %d T, or no end", PATIENCE_T);
    }
    bench_round(settings, round,
                "%.2f T (%" PRIu64 " ticks of the cluster's clock; opening took %.1f ms, %" PRIu64
                " campaigns)",
                values[round - 1], ticks, opened, stats.campaigns);
    if (settings->is_json) {
      struct measure_json json;
      bench_json(&json, row, place, round);
      measure_json_number(&json, "first_leader_t", values[round - 1]);
      measure_json_integer(&json, "ticks", ticks);
      measure_json_number(&json, "open_ms", opened);
      measure_json_integer(&json, "campaigns", stats.campaigns);
      measure_json_end(&json);
    }
  }
  bench_verdict(row, settings, place, &figure, values, settings->rounds);
  return BENCH_DONE;
}

/* One kill, at a moment that has nothing to do with the heartbeats'. In T; negative: it failed. */
static double kill_once(vlot_cluster *cluster, uint64_t *random) {
  uint32_t leader;
  if (vlot_await_leader(cluster, PATIENCE_T * AGAIN_T_TICKS, &leader) != VLOT_OK ||
      vlot_await_quiet(cluster, PATIENCE_T * AGAIN_T_TICKS) != VLOT_OK) {
    return -1.0;
  }
  *random = *random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
  doze((long)(5000000 + (*random >> 33) % 10000000));
  leader = vlot_cluster_leader(cluster);
  uint64_t start_ns = measure_now_ns();
  if (leader == 0 || vlot_cluster_kill(cluster, leader, true) != VLOT_OK) {
    return -1.0;
  }
  double passed = await_leader(cluster, start_ns, AGAIN_T_TICKS);
  bool is_back = vlot_cluster_restart(cluster, leader, VLOT_RESTART_KEEP) == VLOT_OK;
  return is_back ? passed : -1.0;
}

static enum bench_exit kill_leaders(const struct bench_settings *settings, uint64_t round,
                                    double *values) {
  vlot_cluster *cluster = open_cluster(AGAIN_NODES, AGAIN_T_TICKS, round);
  uint64_t random = round;
  if (cluster == NULL) {
    return BENCH_SYSTEM;
  }
  enum bench_exit done = BENCH_DONE;
  for (uint64_t k = 0; k < settings->ops && done == BENCH_DONE; k++) {
    bench_progress("re-election: kill %" PRIu64 " of %" PRIu64, k + 1, settings->ops);
    values[k] = kill_once(cluster, &random);
    if (values[k] < 0.0) {
      done = bench_complain(BENCH_SYSTEM, "re-election: kill %" PRIu64 " failed", k + 1);
    }
  }
  if (vlot_cluster_close(cluster) != VLOT_OK) {
    done = bench_complain(BENCH_SYSTEM, "re-election: the cluster does not close");
  }
  return done;
}

enum bench_exit bench_re_election(const struct bench_row *row,
                                  const struct bench_settings *settings) {
  static const char text[] = "kill to role = leader, median of the kills, in T";
  const struct bench_figure figure = {
      .name = "re_election_t", .text = text, .reach = 1.6, .aim = 1.3, .is_less_better = true};
  const char *place = "left to the kernel";
  double medians[BENCH_ROUNDS_MAX];
  bool fits = settings->ops <= SIZE_MAX / sizeof(double);
  double *values = fits ? calloc((size_t)settings->ops, sizeof *values) : NULL;
  enum bench_exit done = BENCH_DONE;
  if (values == NULL) {
    measure_fatal("no memory for the kills");
  }
  bench_title(row, settings, place);
  for (uint64_t round = 1; round <= settings->rounds && done == BENCH_DONE; round++) {
    done = kill_leaders(settings, round, values);
    if (done != BENCH_DONE) {
      break;
    }
    struct measure_spread spread = measure_spread_of(values, (size_t)settings->ops);
    medians[round - 1] = spread.median;
    bench_round(settings, round, "median %.2f T (%.2f..%.2f) of %" PRIu64 " kills", spread.median,
                spread.min, spread.max, settings->ops);
    if (settings->is_json) {
      struct measure_json json;
      bench_json(&json, row, place, round);
      measure_json_integer(&json, "kills", settings->ops);
      measure_json_spread(&json, "re_election_t", spread);
      measure_json_end(&json);
    }
  }
  free(values);
  if (done == BENCH_DONE) {
    bench_verdict(row, settings, place, &figure, medians, settings->rounds);
  }
  return done;
}
