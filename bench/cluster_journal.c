/* What recording costs: the same load with a journal and without, in turns. The journal goes to a
 * temporary file. */
#include <inttypes.h>

#include "bench_load.h"

struct shape {
  const char *name;
  const char *text;
  uint32_t window;
  uint32_t size;
  bool is_pinned;
};

static const struct shape shapes[] = {
    {"cost_1", "% that recording costs, 1 in flight, 16 bytes, one core", 1, 16, true},
    {"cost_16", "% that recording costs, 16 in flight, 16 bytes, one core", 16, 16, true},
    {"cost_256", "% that recording costs, 256 in flight, 16 bytes, one core", 256, 16, true},
    {"cost_4096", "% that recording costs, 4,096 in flight, 16 bytes, left to the kernel", 4096, 16,
     false},
};

enum { SHAPES = sizeof shapes / sizeof *shapes };

static enum bench_exit run_pair(const struct shape *shape, const struct bench_settings *settings,
                                uint64_t round, struct cluster_load_result pair[2]) {
  struct cluster_load_options load = {.window = shape->window,
                                      .size = shape->size,
                                      .seconds = settings->seconds,
                                      .ops = settings->ops,
                                      .cpu = shape->is_pinned ? settings->cpu : MEASURE_CPU_ANY,
                                      .seed = round};
  struct cluster_load_options loads[2] = {load, load};
  loads[1].has_journal = true;
  return bench_load_pair(loads, round, pair);
}

static void put_round(const struct bench_row *row, const struct bench_settings *settings,
                      const struct shape *shape, const char *place, uint64_t round,
                      const struct cluster_load_result pair[2], double cost) {
  double bytes = (double)pair[1].journal_bytes / (double)pair[1].ops;
  bench_round(settings, round,
              "%4" PRIu32
              " in flight: off %9.0f/s  on %9.0f/s  cost %5.1f %%, about %.0f bytes per command\n",
              shape->window, pair[0].ops_per_second, pair[1].ops_per_second, cost, bytes);
  if (settings->is_json) {
    struct measure_json json;
    bench_json(&json, row, place, round);
    measure_json_integer(&json, "window", shape->window);
    measure_json_number(&json, "ops_per_second_off", pair[0].ops_per_second);
    measure_json_number(&json, "ops_per_second_on", pair[1].ops_per_second);
    measure_json_number(&json, "cost_percent", cost);
    measure_json_number(&json, "bytes_per_command", bytes);
    measure_json_end(&json);
  }
}

enum bench_exit bench_journal(const struct bench_row *row, const struct bench_settings *settings) {
  double costs[SHAPES][BENCH_ROUNDS_MAX];
  char place[64];
  bench_pretouch(512);
  for (size_t k = 0; k < SHAPES; k++) {
    const struct shape *shape = &shapes[k];
    bench_place_text(shape->is_pinned ? settings->cpu : MEASURE_CPU_ANY, place, sizeof place);
    bench_title(row, settings, place);
    for (uint64_t round = 1; round <= settings->rounds; round++) {
      struct cluster_load_result pair[2];
      bench_progress("%s: round %" PRIu64 " of %" PRIu64, row->name, round, settings->rounds);
      enum bench_exit done = run_pair(shape, settings, round, pair);
      if (done != BENCH_DONE) {
        return done;
      }
      double cost = 100.0 * (1.0 - pair[1].ops_per_second / pair[0].ops_per_second);
      costs[k][round - 1] = cost;
      put_round(row, settings, shape, place, round, pair, cost);
    }
    struct bench_figure figure = {.name = shape->name,
                                  .text = shape->text,
                                  .reach = 15.0,
                                  .aim = 5.0,
                                  .is_less_better = true};
    bench_verdict(row, settings, place, &figure, costs[k], settings->rounds);
  }
  return BENCH_DONE;
}
