/* What loss costs: the same load over links that lose messages and over clean ones, in turns. The
 * nodes are left to the kernel, as a program that embeds a cluster leaves them. */
#include <inttypes.h>

#include "bench_load.h"

enum { LOSS = 50000 /* of a million */ };

struct shape {
  const char *name;
  const char *text;
  uint32_t window;
  bool by_follower;
  double reach, aim;
};

static const struct shape shapes[] = {
    {"share_256", "of the clean rate at 5 % loss, 256 in flight", 256, false, 0.3, 0.5},
    {"share_16", "of the clean rate at 5 % loss, 16 in flight", 16, false, 0.15, 0.3},
    {"share_256_forwarded", "of the clean rate at 5 % loss, 256 in flight, through a follower", 256,
     true, 0.15, 0.3},
    {"share_16_forwarded", "of the clean rate at 5 % loss, 16 in flight, through a follower", 16,
     true, 0, 0},
};

enum { SHAPES = sizeof shapes / sizeof *shapes };

static enum bench_exit run_pair(const struct shape *shape, const struct bench_settings *settings,
                                uint64_t round, struct cluster_load_result pair[2]) {
  struct cluster_load_options load = {.window = shape->window,
                                      .size = 16,
                                      .seconds = settings->seconds,
                                      .ops = settings->ops,
                                      .cpu = MEASURE_CPU_ANY,
                                      .seed = round,
                                      .by_follower = shape->by_follower};
  struct cluster_load_options loads[2] = {load, load};
  loads[1].loss = LOSS;
  return bench_load_pair(loads, round, pair);
}

static void put_round(const struct bench_row *row, const struct bench_settings *settings,
                      const struct shape *shape, const char *place, uint64_t round,
                      const struct cluster_load_result pair[2], double share) {
  bench_round(settings, round,
              "%4" PRIu32 " in flight%s: clean %9.0f/s  lossy %9.0f/s (p99.9 %.1f, max %.1f ms, "
              "%" PRIu64 " without outcome, %" PRIu64 " elections)  share %.3f\n",
              shape->window, shape->by_follower ? " through a follower" : "",
              pair[0].ops_per_second, pair[1].ops_per_second, (double)pair[1].p999_ns / 1e6,
              (double)pair[1].max_ns / 1e6, pair[1].failed, pair[1].elections, share);
  if (settings->is_json) {
    struct measure_json json;
    bench_json(&json, row, place, round);
    measure_json_integer(&json, "window", shape->window);
    measure_json_integer(&json, "by_follower", shape->by_follower);
    measure_json_number(&json, "ops_per_second_clean", pair[0].ops_per_second);
    measure_json_number(&json, "ops_per_second_lossy", pair[1].ops_per_second);
    measure_json_integer(&json, "max_ns_lossy", pair[1].max_ns);
    measure_json_integer(&json, "failed_lossy", pair[1].failed);
    measure_json_integer(&json, "elections_lossy", pair[1].elections);
    measure_json_number(&json, "share", share);
    measure_json_end(&json);
  }
}

enum bench_exit bench_loss(const struct bench_row *row, const struct bench_settings *settings) {
  double shares[BENCH_ROUNDS_MAX], clean[BENCH_ROUNDS_MAX];
  char place[64];
  bench_place_text(MEASURE_CPU_ANY, place, sizeof place);
  for (size_t k = 0; k < SHAPES; k++) {
    const struct shape *shape = &shapes[k];
    bench_title(row, settings, place);
    for (uint64_t round = 1; round <= settings->rounds; round++) {
      struct cluster_load_result pair[2];
      bench_progress("%s: round %" PRIu64 " of %" PRIu64, row->name, round, settings->rounds);
      enum bench_exit done = run_pair(shape, settings, round, pair);
      if (done != BENCH_DONE) {
        return done;
      }
      double share = pair[1].ops_per_second / pair[0].ops_per_second;
      shares[round - 1] = share;
      clean[round - 1] = pair[0].ops_per_second;
      put_round(row, settings, shape, place, round, pair, share);
    }
    struct bench_figure rate = {.name = "ops_per_second_clean", .text = "ops/s without loss"};
    struct bench_figure figure = {
        .name = shape->name, .text = shape->text, .reach = shape->reach, .aim = shape->aim};
    bench_verdict(row, settings, place, &rate, clean, settings->rounds);
    bench_verdict(row, settings, place, &figure, shares, settings->rounds);
  }
  return BENCH_DONE;
}
