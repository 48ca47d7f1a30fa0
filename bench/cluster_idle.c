/* Row of what an idle cluster costs: processor time. */
#include <inttypes.h>
#include <sys/resource.h>
#include <time.h>

#include "bench.h"
#include "vlot/cluster.h"

enum { IDLE_NODES = 5, LEADER_TICKS = 6000 };

static void sleep_seconds(double seconds) {
  struct timespec left = {.tv_sec = (time_t)seconds};
  left.tv_nsec = (long)((seconds - (double)left.tv_sec) * 1e9);
  while (nanosleep(&left, &left) != 0) {
    continue;
  }
}

/* A cluster with default options that has a leader; NULL: said why. */
static vlot_cluster *open_led(uint32_t nodes, uint64_t seed) {
  vlot_cluster *cluster;
  vlot_cluster_options options;
  const char *problem = NULL;
  vlot_cluster_options_init(&options);
  options.nodes = nodes;
  options.seed = seed;
  vlot_result result = vlot_cluster_open(&cluster, &options, &problem);
  if (result != VLOT_OK) {
    bench_complain(BENCH_SYSTEM, "%" PRIu32 " nodes do not open: %s", nodes,
                   vlot_result_name(result));
    return NULL;
  }
  result = vlot_await_leader(cluster, LEADER_TICKS, NULL);
  if (result == VLOT_OK) {
    return cluster;
  }
  bench_complain(BENCH_SYSTEM, "%" PRIu32 " nodes have no leader after %d ticks", nodes,
                 LEADER_TICKS);
  (void)vlot_cluster_close(cluster);
  return NULL;
}

static double cpu_seconds(void) {
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
         (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

enum bench_exit bench_idle_cpu(const struct bench_row *row, const struct bench_settings *settings) {
  static const char text[] = "per cent of a core, idle, 5 nodes";
  const struct bench_figure figure = {
      .name = "cpu_percent", .text = text, .reach = 1.0, .aim = 0.2, .is_less_better = true};
  const char *place = "left to the kernel";
  double values[BENCH_ROUNDS_MAX];
  bench_title(row, settings, place);
  for (uint64_t round = 1; round <= settings->rounds; round++) {
    bench_progress("%s: round %" PRIu64 " of %" PRIu64, row->name, round, settings->rounds);
    vlot_cluster *cluster = open_led(IDLE_NODES, round);
    if (cluster == NULL) {
      return BENCH_SYSTEM;
    }
    sleep_seconds(0.5); /* the election's last messages */
    struct rusage before, after;
    getrusage(RUSAGE_SELF, &before);
    uint64_t start_ns = measure_now_ns();
    double start_cpu = cpu_seconds();
    sleep_seconds(settings->seconds);
    double used = cpu_seconds() - start_cpu;
    double elapsed = (double)(measure_now_ns() - start_ns) / 1e9;
    getrusage(RUSAGE_SELF, &after);
    if (vlot_cluster_close(cluster) != VLOT_OK) {
      return bench_complain(BENCH_SYSTEM, "idle-cpu: the cluster does not close");
    }
    values[round - 1] = 100.0 * used / elapsed;
    double switches = (double)(after.ru_nvcsw - before.ru_nvcsw) / elapsed;
    bench_round(settings, round, "%.3f %% of a core over %.1f s, %.0f switches/s",
                values[round - 1], elapsed, switches);
    if (settings->is_json) {
      struct measure_json json;
      bench_json(&json, row, place, round);
      measure_json_number(&json, "cpu_percent", values[round - 1]);
      measure_json_number(&json, "seconds", elapsed);
      measure_json_number(&json, "switches_per_second", switches);
      measure_json_end(&json);
    }
  }
  bench_verdict(row, settings, place, &figure, values, settings->rounds);
  return BENCH_DONE;
}
