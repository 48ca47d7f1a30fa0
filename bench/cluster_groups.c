/* The row of many clusters in one process: they are open at once on one host, each elects, and they
 * close; what memory that takes. */
#include <inttypes.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "bench.h"
#include "vlot/host.h"

enum { NODES = 3, LEADER_TICKS = 100000, STEP = 50 };

/* The most that this process ever had. */
static double peak_mib(void) {
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return (double)usage.ru_maxrss / 1024.0;
}

struct groups {
  vlot_host *host;
  vlot_cluster **clusters;
  uint32_t count;
  uint32_t open;
  double open_s, elect_s, close_s;
};

static double since(uint64_t start_ns) { return (double)(measure_now_ns() - start_ns) / 1e9; }

static void show(const char *what, uint32_t done, uint32_t count) {
  if (done % STEP == 0) bench_progress("groups: %" PRIu32 " of %" PRIu32 " %s", done, count, what);
}

static enum bench_exit open_all(struct groups *groups, vlot_driver driver) {
  vlot_cluster_options options;
  const char *problem = NULL;
  uint64_t start_ns = measure_now_ns();
  vlot_cluster_options_init(&options);
  options.nodes = NODES;
  options.driver = driver;
  options.host = groups->host;
  for (; groups->open < groups->count; groups->open++) {
    show("are open", groups->open, groups->count);
    options.seed = 1 + groups->open;
    vlot_result result = vlot_cluster_open(&groups->clusters[groups->open], &options, &problem);
    if (result != VLOT_OK) {
      return bench_complain(BENCH_SYSTEM, "%" PRIu32 " of %" PRIu32 " are open, then %s%s%s",
                            groups->open, groups->count, vlot_result_name(result),
                            problem ? ": " : "", problem ? problem : "");
    }
  }
  groups->open_s = since(start_ns);
  return BENCH_DONE;
}

static enum bench_exit elect_all(struct groups *groups) {
  uint64_t start_ns = measure_now_ns();
  for (uint32_t k = 0; k < groups->count; k++) {
    show("have a leader", k, groups->count);
    if (vlot_await_leader(groups->clusters[k], LEADER_TICKS, NULL) != VLOT_OK) {
      return bench_complain(BENCH_SYSTEM, "group %" PRIu32 " has no leader", k);
    }
  }
  groups->elect_s = since(start_ns);
  return BENCH_DONE;
}

static enum bench_exit close_all(struct groups *groups) {
  uint64_t start_ns = measure_now_ns();
  enum bench_exit done = BENCH_DONE;
  for (uint32_t k = 0; k < groups->open; k++) {
    show("are closed", k, groups->open);
    vlot_result result = vlot_cluster_close(groups->clusters[k]);
    if (result != VLOT_OK) {
      done = bench_complain(BENCH_MISMATCH, "group %" PRIu32 " closes with %s", k,
                            vlot_result_name(result));
    }
  }
  groups->close_s = since(start_ns);
  if (vlot_host_close(groups->host) != VLOT_OK) {
    done = bench_complain(BENCH_MISMATCH, "the host does not close");
  }
  return done;
}

static void report(const struct bench_row *row, const struct bench_settings *settings,
                   const char *place, const struct groups *groups, double peak, double bare) {
  double per_node = (peak - bare) * 1024.0 / ((double)groups->count * NODES);
  bench_round(settings, 1,
              "%" PRIu32 " clusters of %d nodes, %s: open %.2f s, all led %.2f s, closed %.2f s; "
              "%.1f KiB per node",
              groups->count, NODES, settings->has_threads ? "threads" : "lockstep, inline",
              groups->open_s, groups->elect_s, groups->close_s, per_node);
  if (settings->is_json) {
    struct measure_json json;
    bench_json(&json, row, place, 1);
    measure_json_string(&json, "driver", settings->has_threads ? "threads" : "lockstep");
    measure_json_integer(&json, "groups", groups->count);
    measure_json_integer(&json, "nodes", NODES);
    measure_json_number(&json, "open_seconds", groups->open_s);
    measure_json_number(&json, "elect_seconds", groups->elect_s);
    measure_json_number(&json, "close_seconds", groups->close_s);
    measure_json_number(&json, "kib_per_node", per_node);
    measure_json_end(&json);
  }
}

enum bench_exit bench_groups(const struct bench_row *row, const struct bench_settings *settings) {
  static const char text[] = "MiB of memory at its most";
  struct bench_figure figure = {
      .name = "peak_mib", .text = text, .reach = 1024.0, .aim = 512.0, .is_less_better = true};
  const char *place = "left to the kernel";
  struct groups groups = {.count = (uint32_t)settings->count};
  double bare = peak_mib();
  bench_title(row, settings, place);
  groups.clusters = calloc(groups.count, sizeof(vlot_cluster *));
  if (groups.clusters == NULL || vlot_host_open(&groups.host, NULL, NULL) != VLOT_OK) {
    free(groups.clusters);
    return bench_complain(BENCH_SYSTEM, "groups: no memory");
  }
  enum bench_exit done =
      open_all(&groups, settings->has_threads ? VLOT_DRIVER_THREADS : VLOT_DRIVER_LOCKSTEP);
  if (done == BENCH_DONE) done = elect_all(&groups);
  double peak = peak_mib();
  enum bench_exit closed = close_all(&groups);
  bench_progress_end();
  free(groups.clusters);
  if (done != BENCH_DONE || closed != BENCH_DONE) return done != BENCH_DONE ? done : closed;
  report(row, settings, place, &groups, peak, bare);
  bench_verdict(row, settings, place, &figure, &peak, 1);
  return BENCH_DONE;
}
