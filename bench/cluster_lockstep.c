/* Row of virtual time: actions per second of a lockstep cluster, one command in flight. */
#include <inttypes.h>
#include <string.h>

#include "bench.h"
#include "cluster_machine.h"
#include "vlot/cluster.h"

#define WARMUP_COMMANDS 2000U

struct lockstep_run {
  vlot_cluster *cluster;
  vlot_client *client;
  uint64_t number; /* of the next command */
};

/* One command from submit to answer, the actions between driven from here. */
static bool run_command(struct lockstep_run *run) {
  uint8_t bytes[16] = {0};
  vlot_command command = {.data = bytes, .size = sizeof bytes};
  vlot_answer answer;
  memcpy(bytes, &run->number, sizeof run->number);
  run->number++;
  if (vlot_client_submit(run->client, &command, 1, NULL) != VLOT_OK) {
    return false;
  }
  while (vlot_client_poll(run->client, &answer, 1) == 0) {
    if (vlot_lockstep_step(run->cluster, 1, NULL) != VLOT_OK) {
      return false;
    }
  }
  return answer.result == VLOT_OK;
}

static bool run_commands(struct lockstep_run *run, uint64_t ops, double seconds, double *rate) {
  vlot_cluster_stats before, after;
  for (uint32_t k = 0; k < WARMUP_COMMANDS; k++) {
    if (!run_command(run)) {
      return false;
    }
  }
  vlot_cluster_get_stats(run->cluster, &before);
  uint64_t start_ns = measure_now_ns(), now_ns = start_ns;
  uint64_t limit_ns = (uint64_t)(seconds * 1e9);
  for (uint64_t done = 0; ops > 0 ? done < ops : now_ns - start_ns < limit_ns; done++) {
    if (!run_command(run)) {
      return false;
    }
    if (done % 256 == 255) {
      now_ns = measure_now_ns();
    }
  }
  now_ns = measure_now_ns();
  vlot_cluster_get_stats(run->cluster, &after);
  *rate = (double)(after.actions - before.actions) / ((double)(now_ns - start_ns) / 1e9);
  return true;
}

static double run_cluster(const struct bench_settings *settings, bool has_checker, uint64_t seed,
                          double *per_command) {
  struct lockstep_run run = {0};
  struct cluster_totals totals;
  vlot_machine machine = cluster_machine(&totals);
  vlot_cluster_options options;
  vlot_cluster_options_init(&options);
  options.nodes = CLUSTER_NODES;
  options.driver = VLOT_DRIVER_LOCKSTEP;
  options.has_checker = has_checker;
  options.machine = &machine;
  options.seed = seed;
  double rate = 0.0;
  if (vlot_cluster_open(&run.cluster, &options, NULL) != VLOT_OK) {
    return 0.0;
  }
  bool is_good = vlot_await_leader(run.cluster, 10000, NULL) == VLOT_OK &&
                 vlot_client_open(&run.client, run.cluster, NULL) == VLOT_OK &&
                 run_commands(&run, settings->ops, settings->seconds, &rate);
  vlot_cluster_stats stats;
  vlot_cluster_get_stats(run.cluster, &stats);
  *per_command = run.number > 0 ? (double)stats.actions / (double)run.number : 0.0;
  vlot_client_close(run.client);
  is_good = vlot_cluster_close(run.cluster) == VLOT_OK && is_good;
  return is_good ? rate : 0.0;
}

enum bench_exit bench_lockstep(const struct bench_row *row, const struct bench_settings *settings) {
  static const char off_text[] = "million actions/s, checker off";
  static const char on_text[] = "million actions/s, checker on";
  const struct bench_figure figures[] = {
      {.name = "actions_checker_off", .text = off_text, .reach = 3.0, .aim = 8.0},
      {.name = "actions_checker_on", .text = on_text, .reach = 1.5, .aim = 5.0},
  };
  double rates[2][BENCH_ROUNDS_MAX];
  char place[64];
  struct measure_affinity before;
  bench_place_text(settings->cpu, place, sizeof place);
  bench_title(row, settings, place);
  if (!measure_pin_thread(settings->cpu, &before)) {
    return bench_complain(BENCH_SYSTEM, "CPU %d may not be used", settings->cpu);
  }
  for (uint64_t round = 1; round <= settings->rounds; round++) {
    double per_command[2] = {0};
    bench_progress("%s: round %" PRIu64 " of %" PRIu64, row->name, round, settings->rounds);
    for (size_t k = 0; k < 2; k++) {
      rates[k][round - 1] = run_cluster(settings, k == 1, round, &per_command[k]) / 1e6;
      if (rates[k][round - 1] <= 0.0) {
        return bench_complain(BENCH_SYSTEM, "lockstep: a command failed, or the checker objected");
      }
    }
    bench_round(settings, round,
                "checker off %.3f M actions/s, on %.3f M; %.2f actions per command",
                rates[0][round - 1], rates[1][round - 1], per_command[0]);
    if (settings->is_json) {
      struct measure_json json;
      bench_json(&json, row, place, round);
      measure_json_number(&json, "actions_checker_off", rates[0][round - 1]);
      measure_json_number(&json, "actions_checker_on", rates[1][round - 1]);
      measure_json_number(&json, "actions_per_command", per_command[0]);
      measure_json_end(&json);
    }
  }
  for (size_t k = 0; k < 2; k++) {
    bench_verdict(row, settings, place, &figures[k], rates[k], settings->rounds);
  }
  measure_unpin_thread(&before);
  return BENCH_DONE;
}
