/* Rows of throughput and of tails: the cluster and the raft-shaped pipeline, in turns. */
#include <inttypes.h>

#include "bench_load.h"
#include "limits.h"

struct shape {
  uint32_t window;
  uint32_t size;
  int cpu;
};

struct pair {
  struct limit_result limit;
  struct cluster_load_result cluster;
};

static enum bench_exit run_pair(const struct shape *shape, const struct bench_settings *settings,
                                uint64_t round, struct pair *pair) {
  struct limit_pipeline_options limit;
  limit_pipeline_options_init(&limit);
  limit.window = shape->window;
  limit.size = shape->size;
  limit.seconds = settings->seconds;
  limit.ops = settings->ops;
  limit.cpu = shape->cpu;
  struct cluster_load_options load = {.window = shape->window,
                                      .size = shape->size,
                                      .seconds = settings->seconds,
                                      .ops = settings->ops,
                                      .cpu = shape->cpu,
                                      .assist = settings->assist,
                                      .seed = round};
  /* Who comes first changes from round to round. */
  for (uint64_t k = 0; k < 2; k++) {
    if ((round + k) % 2 == 1) {
      pair->limit = limit_pipeline_run(&limit);
    } else {
      pair->cluster = cluster_load_run(&load);
    }
  }
  if (pair->limit.status != LIMIT_OK) {
    return bench_complain(pair->limit.status == LIMIT_MISMATCH ? BENCH_MISMATCH : BENCH_SYSTEM,
                          "limit: %s", pair->limit.why);
  }
  return bench_load_exit(&pair->cluster);
}

static void put_latencies(struct measure_json *json, const char *who, uint64_t p50, uint64_t p99,
                          uint64_t p999, uint64_t max, uint64_t gap) {
  const struct {
    const char *name;
    uint64_t value;
  } fields[] = {
      {"p50_ns", p50}, {"p99_ns", p99}, {"p999_ns", p999}, {"max_ns", max}, {"gap_max_ns", gap}};
  for (size_t k = 0; k < sizeof fields / sizeof *fields; k++) {
    char name[64];
    snprintf(name, sizeof name, "%s_%s", who, fields[k].name);
    measure_json_integer(json, name, fields[k].value);
  }
}

static void put_round(const struct bench_row *row, const struct bench_settings *settings,
                      const char *place, uint64_t round, const struct pair *pair) {
  const struct limit_result *limit = &pair->limit;
  const struct cluster_load_result *cluster = &pair->cluster;
  if (settings->is_json) {
    struct measure_json json;
    bench_json(&json, row, place, round);
    measure_json_number(&json, "limit_ops_per_second", limit->ops_per_second);
    measure_json_number(&json, "ops_per_second", cluster->ops_per_second);
    measure_json_number(&json, "ratio", cluster->ops_per_second / limit->ops_per_second);
    measure_json_integer(&json, "failed", cluster->failed);
    measure_json_integer(&json, "elections", cluster->elections);
    put_latencies(&json, "limit", limit->p50_ns, limit->p99_ns, limit->p999_ns, limit->max_ns,
                  limit->gap_max_ns);
    put_latencies(&json, "cluster", cluster->p50_ns, cluster->p99_ns, cluster->p999_ns,
                  cluster->max_ns, cluster->gap_max_ns);
    measure_json_number(&json, "limit_batch_mean", limit->batch_mean);
    measure_json_number(&json, "cluster_batch_mean", cluster->batch_mean);
    measure_json_end(&json);
    return;
  }
  bench_round(settings, round,
              "ratio %.3f  limit %9.0f/s (p50 %.1f p99.9 %.1f us, gap %.1f ms, batch %.1f)  "
              "vlot %9.0f/s",
              cluster->ops_per_second / limit->ops_per_second, limit->ops_per_second,
              (double)limit->p50_ns / 1e3, (double)limit->p999_ns / 1e3,
              (double)limit->gap_max_ns / 1e6, limit->batch_mean, cluster->ops_per_second);
  printf("            vlot: p50 %.1f p99 %.1f p99.9 %.1f max %.1f us, gap %.2f ms, batch %.1f",
         (double)cluster->p50_ns / 1e3, (double)cluster->p99_ns / 1e3,
         (double)cluster->p999_ns / 1e3, (double)cluster->max_ns / 1e3,
         (double)cluster->gap_max_ns / 1e6, cluster->batch_mean);
  if (cluster->failed > 0 || cluster->elections > 0) {
    printf(", %" PRIu64 " without outcome, %" PRIu64 " elections", cluster->failed,
           cluster->elections);
  }
  putchar('\n');
  fflush(stdout);
}

static enum bench_exit run_rounds(const struct bench_row *row,
                                  const struct bench_settings *settings, const struct shape *shape,
                                  struct pair *pairs) {
  char place[64];
  bench_place_text(shape->cpu, place, sizeof place);
  bench_title(row, settings, place);
  for (uint64_t round = 1; round <= settings->rounds; round++) {
    bench_progress("%s: round %" PRIu64 " of %" PRIu64, row->name, round, settings->rounds);
    enum bench_exit done = run_pair(shape, settings, round, &pairs[round - 1]);
    if (done != BENCH_DONE) {
      return done;
    }
    put_round(row, settings, place, round, &pairs[round - 1]);
  }
  return BENCH_DONE;
}

static enum bench_exit run_ops(const struct bench_row *row, const struct bench_settings *settings,
                               const struct shape *shape, double reach, double aim) {
  static const char text[] = "ops/s against the raft-shaped pipeline";
  struct bench_figure figure = {.name = "ratio", .text = text, .reach = reach, .aim = aim};
  struct bench_figure rate = {.name = "ops_per_second", .text = "ops/s"};
  struct pair pairs[BENCH_ROUNDS_MAX];
  double ratios[BENCH_ROUNDS_MAX], rates[BENCH_ROUNDS_MAX];
  char place[64];
  /* Nothing is compacted away: a round keeps about 11 bytes per node beside the command, and one
   * copy of a large one. */
  bench_pretouch(shape->size > 1024 ? 3072 : 256);
  enum bench_exit done = run_rounds(row, settings, shape, pairs);
  if (done != BENCH_DONE) {
    return done;
  }
  for (uint64_t k = 0; k < settings->rounds; k++) {
    rates[k] = pairs[k].cluster.ops_per_second;
    ratios[k] = rates[k] / pairs[k].limit.ops_per_second;
  }
  bench_place_text(shape->cpu, place, sizeof place);
  bench_verdict(row, settings, place, &rate, rates, settings->rounds);
  bench_verdict(row, settings, place, &figure, ratios, settings->rounds);
  return BENCH_DONE;
}

enum bench_exit bench_ops_1(const struct bench_row *row, const struct bench_settings *settings) {
  struct shape shape = {.window = 1, .size = 16, .cpu = bench_cpu(settings)};
  return run_ops(row, settings, &shape, 0.75, 0.90);
}

enum bench_exit bench_ops_16(const struct bench_row *row, const struct bench_settings *settings) {
  struct shape shape = {.window = 16, .size = 16, .cpu = bench_cpu(settings)};
  return run_ops(row, settings, &shape, 0.5, 0.7);
}

enum bench_exit bench_ops_256(const struct bench_row *row, const struct bench_settings *settings) {
  struct shape shape = {.window = 256, .size = 16, .cpu = bench_cpu(settings)};
  return run_ops(row, settings, &shape, 0.3, 0.5);
}

enum bench_exit bench_ops_4096(const struct bench_row *row, const struct bench_settings *settings) {
  struct shape shape = {.window = 4096, .size = 16, .cpu = MEASURE_CPU_ANY};
  return run_ops(row, settings, &shape, 0.25, 0.4);
}

enum bench_exit bench_ops_4k(const struct bench_row *row, const struct bench_settings *settings) {
  struct shape shape = {.window = 256, .size = 4096, .cpu = bench_cpu(settings)};
  return run_ops(row, settings, &shape, 0.5, 1.2);
}

enum bench_exit bench_tail(const struct bench_row *row, const struct bench_settings *settings) {
  struct shape shape = {.window = 256, .size = 16, .cpu = bench_cpu(settings)};
  struct bench_figure tail = {.name = "p999_over_p50",
                              .text = "p99.9 / p50",
                              .reach = 10.0,
                              .aim = 5.0,
                              .is_less_better = true};
  struct bench_figure gap = {.name = "gap_ms",
                             .text = "longest gap between two answers, ms",
                             .reach = 10.0,
                             .aim = 5.0,
                             .is_less_better = true};
  struct pair pairs[BENCH_ROUNDS_MAX];
  double tails[BENCH_ROUNDS_MAX], gaps[BENCH_ROUNDS_MAX];
  char place[64];
  bench_pretouch(768);
  enum bench_exit done = run_rounds(row, settings, &shape, pairs);
  if (done != BENCH_DONE) {
    return done;
  }
  for (uint64_t k = 0; k < settings->rounds; k++) {
    const struct cluster_load_result *cluster = &pairs[k].cluster;
    tails[k] = (double)cluster->p999_ns / (double)cluster->p50_ns;
    gaps[k] = (double)cluster->gap_max_ns / 1e6;
  }
  bench_place_text(shape.cpu, place, sizeof place);
  bench_verdict(row, settings, place, &tail, tails, settings->rounds);
  bench_verdict(row, settings, place, &gap, gaps, settings->rounds);
  return BENCH_DONE;
}
