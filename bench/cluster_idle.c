/* Rows of what an idle cluster costs: memory of a node, processor time. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"
#include "vlot/cluster.h"

enum { MANY_NODES = 101, IDLE_NODES = 5, LEADER_TICKS = 6000 };

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

/* ---- Memory ---------------------------------------------------------------------------------- */

static uint64_t resident_bytes(void) {
  unsigned long long size = 0, resident = 0;
  FILE *file = fopen("/proc/self/statm", "r");
  if (file == NULL) {
    return 0;
  }
  if (fscanf(file, "%llu %llu", &size, &resident) != 2) {
    resident = 0;
  }
  fclose(file);
  return resident * (uint64_t)sysconf(_SC_PAGESIZE);
}

enum bench_exit bench_idle_child(uint64_t nodes, double seconds) {
  vlot_cluster *cluster = open_led((uint32_t)nodes, 1);
  if (cluster == NULL) {
    return BENCH_SYSTEM;
  }
  sleep_seconds(seconds);
  printf("%" PRIu64 "\n", resident_bytes());
  return vlot_cluster_close(cluster) == VLOT_OK ? BENCH_DONE : BENCH_SYSTEM;
}

/* Run this program again, so that each measurement begins with a fresh process. 0: it failed. */
static uint64_t measure_child(uint32_t nodes, double seconds) {
  char command[128];
  unsigned long long bytes = 0;
  /* The shell is not this process: /proc/self would be it. */
  snprintf(command, sizeof command, "exec /proc/%ld/exe idle-child %" PRIu32 " %.3f",
           (long)getpid(), nodes, seconds);
  FILE *child = popen(command, "r");
  if (child == NULL) {
    return 0;
  }
  bool is_read = fscanf(child, "%llu", &bytes) == 1;
  int status = pclose(child);
  return is_read && WIFEXITED(status) && WEXITSTATUS(status) == 0 ? bytes : 0;
}

enum bench_exit bench_memory(const struct bench_row *row, const struct bench_settings *settings) {
  static const char text[] = "KiB of memory per idle node";
  const struct bench_figure figure = {
      .name = "kib_per_node", .text = text, .reach = 64.0, .aim = 32.0, .is_less_better = true};
  const char *place = "left to the kernel";
  double values[BENCH_ROUNDS_MAX];
  bench_title(row, settings, place);
  for (uint64_t round = 1; round <= settings->rounds; round++) {
    bench_progress("%s: round %" PRIu64 " of %" PRIu64, row->name, round, settings->rounds);
    uint64_t one = measure_child(1, settings->seconds);
    uint64_t many = one > 0 ? measure_child(MANY_NODES, settings->seconds) : 0;
    if (many == 0) {
      return bench_complain(BENCH_SYSTEM, "memory: the measured process failed");
    }
    values[round - 1] = ((double)many - (double)one) / (MANY_NODES - 1) / 1024.0;
    bench_round(settings, round, "%.1f KiB per node: %d nodes %.0f KiB, 1 node %.0f KiB",
                values[round - 1], MANY_NODES, (double)many / 1024.0, (double)one / 1024.0);
    if (settings->is_json) {
      struct measure_json json;
      bench_json(&json, row, place, round);
      measure_json_number(&json, "kib_per_node", values[round - 1]);
      measure_json_integer(&json, "bytes_101_nodes", many);
      measure_json_integer(&json, "bytes_1_node", one);
      measure_json_end(&json);
    }
  }
  bench_verdict(row, settings, place, &figure, values, settings->rounds);
  return BENCH_DONE;
}

/* ---- Processor time -------------------------------------------------------------------------- */

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
