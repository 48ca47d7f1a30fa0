/* The row of lent threads: the same cluster with assist as the defaults have it and off, and the
 * limit without wake-ups, in turns; at each window, left to the kernel and on one core. */
#include <inttypes.h>

#include "bench_load.h"
#include "limits.h"
#include "vlot/cluster.h"

enum { AUTO, OFF, LIMIT, KINDS };

static const uint32_t windows[] = {1, 16, 256, 4096};

struct shape {
  uint32_t window;
  int cpu;
};

static double run_limit(const struct shape *shape, const struct bench_settings *settings,
                        enum bench_exit *done) {
  struct limit_pipeline_options limit;
  limit_pipeline_options_init(&limit);
  limit.window = shape->window;
  limit.seconds = settings->seconds;
  limit.ops = settings->ops;
  limit.cpu = shape->cpu;
  limit.by_caller = true;
  struct limit_result result = limit_pipeline_run(&limit);
  if (result.status != LIMIT_OK) {
    *done = bench_complain(result.status == LIMIT_MISMATCH ? BENCH_MISMATCH : BENCH_SYSTEM,
                           "limit: %s", result.why);
  }
  return result.ops_per_second;
}

static double run_cluster(const struct shape *shape, const struct bench_settings *settings,
                          uint64_t seed, vlot_assist assist, enum bench_exit *done) {
  struct cluster_load_options load = {.window = shape->window,
                                      .size = 16,
                                      .seconds = settings->seconds,
                                      .ops = settings->ops,
                                      .cpu = shape->cpu,
                                      .assist = (uint32_t)assist,
                                      .seed = seed};
  struct cluster_load_result result = cluster_load_run(&load);
  if (result.status != CLUSTER_LOAD_OK) {
    *done = bench_load_exit(&result);
  }
  return result.ops_per_second;
}

/* Who comes first changes from round to round. */
static enum bench_exit run_round(const struct shape *shape, const struct bench_settings *settings,
                                 uint64_t round, double rates[KINDS]) {
  enum bench_exit done = BENCH_DONE;
  for (uint64_t k = 0; k < KINDS && done == BENCH_DONE; k++) {
    switch ((round + k) % KINDS) {
    case AUTO: rates[AUTO] = run_cluster(shape, settings, round, VLOT_ASSIST_AUTO, &done); break;
    case OFF: rates[OFF] = run_cluster(shape, settings, round, VLOT_ASSIST_OFF, &done); break;
    default: rates[LIMIT] = run_limit(shape, settings, &done);
    }
  }
  return done;
}

static enum bench_exit run_shape(const struct bench_row *row, const struct bench_settings *settings,
                                 const struct shape *shape) {
  static double automatic[BENCH_ROUNDS_MAX], off[BENCH_ROUNDS_MAX], gain[BENCH_ROUNDS_MAX],
      share[BENCH_ROUNDS_MAX];
  char place[64], where[96];
  bench_place_text(shape->cpu, place, sizeof place);
  snprintf(where, sizeof where, "%" PRIu32 " in flight, %s", shape->window, place);
  bench_title(row, settings, where);
  for (uint64_t round = 1; round <= settings->rounds; round++) {
    double rates[KINDS] = {0};
    bench_progress("%s: %s: round %" PRIu64 " of %" PRIu64, row->name, where, round,
                   settings->rounds);
    enum bench_exit done = run_round(shape, settings, round, rates);
    if (done != BENCH_DONE) {
      return done;
    }
    automatic[round - 1] = rates[AUTO];
    off[round - 1] = rates[OFF];
    gain[round - 1] = rates[AUTO] / rates[OFF];
    share[round - 1] = rates[AUTO] / rates[LIMIT];
    if (!settings->is_json) {
      bench_round(settings, round, "auto %9.0f/s  off %9.0f/s  limit without wake-ups %9.0f/s",
                  rates[AUTO], rates[OFF], rates[LIMIT]);
      putchar('\n');
    }
  }
  struct bench_figure auto_rate = {.name = "auto_ops_per_second", .text = "ops/s, assist auto"};
  struct bench_figure off_rate = {.name = "off_ops_per_second", .text = "ops/s, assist off"};
  /* The default is to be within a fifth of the better one at each window. */
  struct bench_figure gained = {
      .name = "auto_to_off", .text = "auto against off", .reach = 0.8, .aim = 1.0};
  struct bench_figure reached = {.name = "to_limit", .text = "auto against that limit"};
  if (shape->window == 1) {
    reached.reach = 0.15;
    reached.aim = 0.3;
  }
  bench_verdict(row, settings, where, &auto_rate, automatic, settings->rounds);
  bench_verdict(row, settings, where, &off_rate, off, settings->rounds);
  bench_verdict(row, settings, where, &gained, gain, settings->rounds);
  bench_verdict(row, settings, where, &reached, share, settings->rounds);
  return BENCH_DONE;
}

enum bench_exit bench_assist(const struct bench_row *row, const struct bench_settings *settings) {
  bench_pretouch(UINT64_C(256) << 20);
  for (int is_one_core = 0; is_one_core < 2; is_one_core++) {
    for (size_t k = 0; k < sizeof windows / sizeof *windows; k++) {
      struct shape shape = {.window = windows[k],
                            .cpu = is_one_core ? settings->cpu : MEASURE_CPU_ANY};
      enum bench_exit done = run_shape(row, settings, &shape);
      if (done != BENCH_DONE) {
        return done;
      }
    }
  }
  return BENCH_DONE;
}
