/* Rows of a log that forgets: memory under full load, what answers wait for while a large state is
 * snapshotted, and what a snapshot on its way to a follower costs the others.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"
#include "snapshot_load.h"

enum { SAMPLES = 20, FEW_KEYS = 1000, MIB = 1 << 20 };
#define NS_PER_S UINT64_C(1000000000)

static double resident_mib(void) {
  unsigned long long size = 0, resident = 0;
  FILE *file = fopen("/proc/self/statm", "r");
  if (file == NULL) {
    return 0.0;
  }
  if (fscanf(file, "%llu %llu", &size, &resident) != 2) {
    resident = 0;
  }
  fclose(file);
  return (double)resident * (double)sysconf(_SC_PAGESIZE) / MIB;
}

static double rate_of(const struct snapshot_load *load, uint64_t answered, uint64_t start_ns) {
  return (double)(load->answered - answered) * 1e9 / (double)(measure_now_ns() - start_ns);
}

/* ---- Memory ---------------------------------------------------------------------------------- */

static bool load_for(double seconds, bool has_snapshots, double samples[SAMPLES], double *rate) {
  struct snapshot_load load;
  vlot_cluster_options options;
  vlot_cluster_options_init(&options);
  if (!has_snapshots) {
    options.snapshot_bytes = 0;
  }
  if (!snapshot_load_open(&load, &options, MEASURE_CPU_ANY, FEW_KEYS)) {
    return false;
  }
  bool is_good = true;
  uint64_t start_ns = measure_now_ns();
  for (int k = 0; is_good && k < SAMPLES; k++) {
    bench_progress("memory: %d of %d", k, SAMPLES);
    is_good = snapshot_load_run(&load, (uint64_t)(seconds * 1e9) / SAMPLES, 0);
    samples[k] = resident_mib();
  }
  *rate = rate_of(&load, 0, start_ns);
  if (load.failed > 0) {
    bench_complain(BENCH_SYSTEM, "%" PRIu64 " commands failed", load.failed);
  }
  return snapshot_load_close(&load) && is_good && load.failed == 0;
}

static double most_of(const double *samples, int from, int to) {
  double most = samples[from];
  for (int k = from; k < to; k++) {
    most = samples[k] > most ? samples[k] : most;
  }
  return most;
}

enum bench_exit bench_forgets(const struct bench_row *row, const struct bench_settings *settings) {
  static const struct bench_figure figures[] = {
      {.name = "resident_mib",
       .text = "MiB of the process at the end",
       .reach = 512.0,
       .aim = 256.0,
       .is_less_better = true},
      {.name = "growth_percent",
       .text = "per cent that it grows in the second half",
       .reach = 5.0,
       .aim = 0.0,
       .is_less_better = true},
      {.name = "rate_share", .text = "of the rate without snapshots (their log is not bounded)"}};
  const char *place = "left to the kernel";
  double values[3][BENCH_ROUNDS_MAX], samples[SAMPLES], ignored[SAMPLES], rate, without;
  bench_title(row, settings, place);
  for (uint64_t round = 1; round <= settings->rounds; round++) {
    double seconds = settings->seconds, shorter = seconds < 3.0 ? seconds : 3.0;
    if (!load_for(seconds, true, samples, &rate) || !load_for(shorter, false, ignored, &without)) {
      return BENCH_SYSTEM;
    }
    double half = most_of(samples, 4, SAMPLES / 2), end = most_of(samples, SAMPLES - 6, SAMPLES);
    values[0][round - 1] = end;
    values[1][round - 1] = end > half ? 100.0 * (end - half) / half : 0.0;
    values[2][round - 1] = rate / without;
    bench_round(settings, round, "%.0f MiB at half time, %.0f at the end; %.0f/s, without %.0f/s",
                half, end, rate, without);
    if (settings->is_json) {
      struct measure_json json;
      bench_json(&json, row, place, round);
      measure_json_number(&json, "resident_mib_half", half);
      measure_json_number(&json, "resident_mib_end", end);
      measure_json_number(&json, "ops_per_second", rate);
      measure_json_number(&json, "ops_per_second_without", without);
      measure_json_end(&json);
    }
  }
  for (int k = 0; k < 3; k++) {
    bench_verdict(row, settings, place, &figures[k], values[k], settings->rounds);
  }
  return BENCH_DONE;
}

/* ---- A large state is snapshotted ------------------------------------------------------------ */

/* The longest gap between two answers; snapshots: so many of the leader's, at least one. */
static bool measure_gap(const struct bench_settings *settings, bool has_snapshots, double *gap_ms,
                        uint64_t *snapshots) {
  struct snapshot_load load;
  vlot_cluster_options options;
  vlot_cluster_options_init(&options);
  if (!has_snapshots) {
    options.snapshot_bytes = 0;
  }
  if (!snapshot_load_open(&load, &options, settings->cpu, (uint32_t)settings->ops)) {
    return false;
  }
  bool is_good = snapshot_load_run(&load, 600 * NS_PER_S, settings->ops);
  uint64_t last = snapshot_load_status(&load, load.leader).raft.snapshot_index;
  snapshot_load_mark(&load);
  *snapshots = 0;
  double wanted = settings->seconds * 10;
  for (int k = 0; is_good && (k < wanted || (has_snapshots && *snapshots == 0 && k < 600)); k++) {
    is_good = snapshot_load_run(&load, NS_PER_S / 10, 0);
    uint64_t index = snapshot_load_status(&load, load.leader).raft.snapshot_index;
    *snapshots += index != last;
    last = index;
  }
  *gap_ms = (double)load.gap_max_ns / 1e6;
  return snapshot_load_close(&load) && is_good;
}

enum bench_exit bench_freeze(const struct bench_row *row, const struct bench_settings *given) {
  static const struct bench_figure figures[] = {
      {.name = "gap_ms",
       .text = "ms, longest gap between two answers",
       .reach = 20.0,
       .aim = 5.0,
       .is_less_better = true},
      {.name = "gap_ms_without", .text = "ms, the same without snapshots"}};
  struct bench_settings settings = *given;
  struct measure_affinity before;
  double values[2][BENCH_ROUNDS_MAX];
  char place[64];
  if (given->seconds <= 0.0) { /* --ops: keys */
    settings.seconds = settings.is_quick ? row->quick.seconds : row->full.seconds;
  }
  bench_place_text(settings.cpu, place, sizeof place);
  bench_title(row, &settings, place);
  if (!measure_pin_thread(settings.cpu, &before)) {
    return bench_complain(BENCH_SYSTEM, "CPU %d may not be used", settings.cpu);
  }
  for (uint64_t round = 1; round <= settings.rounds; round++) {
    uint64_t snapshots, none;
    bench_progress("%s: round %" PRIu64 " of %" PRIu64, row->name, round, settings.rounds);
    if (!measure_gap(&settings, true, &values[0][round - 1], &snapshots) ||
        !measure_gap(&settings, false, &values[1][round - 1], &none)) {
      return BENCH_SYSTEM;
    }
    bench_round(&settings, round,
                "%" PRIu64 " keys, %" PRIu64 " snapshots: %.1f ms, without any %.1f ms",
                settings.ops, snapshots, values[0][round - 1], values[1][round - 1]);
    if (settings.is_json) {
      struct measure_json json;
      bench_json(&json, row, place, round);
      measure_json_integer(&json, "keys", settings.ops);
      measure_json_integer(&json, "snapshots", snapshots);
      measure_json_number(&json, "gap_ms", values[0][round - 1]);
      measure_json_number(&json, "gap_ms_without", values[1][round - 1]);
      measure_json_end(&json);
    }
  }
  for (int k = 0; k < 2; k++) {
    bench_verdict(row, &settings, place, &figures[k], values[k], settings.rounds);
  }
  return BENCH_DONE;
}

/* ---- A snapshot on its way to a follower ----------------------------------------------------- */

/* A machine whose state is so many MiB that nothing changes. */
struct mass {
  uint64_t applied;
};

static uint64_t mass_mib;

static void *mass_create(void *context, uint32_t node, bool is_replaying) {
  (void)context;
  (void)node;
  (void)is_replaying;
  return calloc(1, sizeof(struct mass));
}

static vlot_result mass_apply(void *state, const vlot_entry *commands, uint32_t count,
                              uint64_t first_index, vlot_replies *replies) {
  (void)commands;
  (void)first_index;
  (void)replies;
  ((struct mass *)state)->applied += count;
  return VLOT_OK;
}

static vlot_result mass_write(void *state, const vlot_writer *writer) {
  static const uint8_t block[1 << 16] = {1, 2, 3};
  vlot_result result = writer->write(writer->context, state, sizeof(struct mass));
  for (uint64_t k = 0; result == VLOT_OK && k < mass_mib * 16; k++) {
    result = writer->write(writer->context, block,
                           k == 0 ? sizeof block - sizeof(struct mass) : sizeof block);
  }
  return result;
}

static vlot_result mass_restore(void *state, const vlot_reader *reader) {
  static uint8_t block[SNAPSHOT_NODES][1 << 16];
  static uint32_t places;
  uint8_t *room = block[places++ % SNAPSHOT_NODES];
  size_t got = 0;
  vlot_result result = reader->read(reader->context, room, sizeof block[0], &got);
  if (result == VLOT_OK && got >= sizeof(struct mass)) {
    memcpy(state, room, sizeof(struct mass));
  }
  while (result == VLOT_OK && got > 0) {
    result = reader->read(reader->context, room, sizeof block[0], &got);
  }
  return result;
}

static void *mass_freeze(void *state) {
  struct mass *image = malloc(sizeof *image);
  if (image != NULL) {
    *image = *(struct mass *)state;
  }
  return image;
}

static const vlot_machine mass_machine = {.size = sizeof(vlot_machine),
                                          .name = "mass",
                                          .create = mass_create,
                                          .apply = mass_apply,
                                          .snapshot = mass_write,
                                          .restore = mass_restore,
                                          .destroy = free,
                                          .freeze = mass_freeze,
                                          .image_write = mass_write,
                                          .image_free = free};

struct install {
  double alone, during; /* commands a second: the follower is down; a snapshot streams to it */
  double seconds;       /* that it took, under load */
  uint64_t late;        /* heartbeats to the other follower, without load */
  uint64_t elections;
};

/* Until the leader's log has forgotten what n says it has. */
static bool leave_behind(struct snapshot_load *load, uint32_t id) {
  uint64_t last = snapshot_load_status(load, id).raft.last_index;
  if (vlot_cluster_kill(load->cluster, id, false) != VLOT_OK) {
    return false;
  }
  for (int k = 0; k < 1200; k++) {
    if (snapshot_load_status(load, load->leader).raft.base_index > last) {
      return true;
    }
    if (!snapshot_load_run(load, NS_PER_S / 10, 0)) {
      return false;
    }
  }
  bench_complain(BENCH_SYSTEM, "the leader's log does not forget");
  return false;
}

static bool is_back(const struct snapshot_load *load, uint32_t id, uint64_t last) {
  vlot_node_status status = snapshot_load_status(load, id);
  return status.raft.snapshot_index > last && status.applied_index >= status.raft.snapshot_index;
}

static bool stream_under_load(struct snapshot_load *load, uint32_t id, struct install *result) {
  vlot_cluster_stats before, after;
  if (!leave_behind(load, id)) {
    return false;
  }
  uint64_t last = snapshot_load_status(load, id).raft.snapshot_index;
  uint64_t start_ns = measure_now_ns(), answered = load->answered;
  bool is_good = snapshot_load_run(load, 2 * NS_PER_S, 0);
  result->alone = rate_of(load, answered, start_ns);
  vlot_cluster_get_stats(load->cluster, &before);
  start_ns = measure_now_ns();
  answered = load->answered;
  is_good = is_good && vlot_cluster_spawn(load->cluster, id) == VLOT_OK;
  while (is_good && !is_back(load, id, last) && measure_now_ns() - start_ns < 120 * NS_PER_S) {
    is_good = snapshot_load_run(load, NS_PER_S / 100, 0);
  }
  result->during = rate_of(load, answered, start_ns);
  result->seconds = (double)(measure_now_ns() - start_ns) / 1e9;
  vlot_cluster_get_stats(load->cluster, &after);
  result->elections = after.elections - before.elections;
  return is_good && is_back(load, id, last);
}

/* How often two appends to a follower were more than two periods apart. */
static uint64_t count_late(vlot_subscription *events, uint32_t leader, uint32_t to, uint64_t period,
                           uint64_t *last) {
  vlot_event event;
  uint64_t late = 0;
  while (vlot_subscription_next(events, &event)) {
    if (event.kind != VLOT_EVENT_SENT || event.node != leader || event.peer != to ||
        event.as.message.kind != VLOT_MESSAGE_APPEND) {
      continue;
    }
    late += *last > 0 && event.tick > *last + 2 * period;
    *last = event.tick;
  }
  return late;
}

static bool stream_alone(struct snapshot_load *load, uint32_t id, uint32_t other, uint64_t period,
                         struct install *result) {
  vlot_subscription *events = NULL;
  if (!leave_behind(load, id)) {
    return false;
  }
  uint64_t last = snapshot_load_status(load, id).raft.snapshot_index, tick = 0;
  bool is_good = vlot_await_quiet(load->cluster, 1000) == VLOT_OK &&
                 vlot_subscription_open(&events, load->cluster, 0) == VLOT_OK &&
                 vlot_cluster_spawn(load->cluster, id) == VLOT_OK;
  uint64_t start_ns = measure_now_ns();
  while (is_good && !is_back(load, id, last) && measure_now_ns() - start_ns < 120 * NS_PER_S) {
    usleep(1000);
    result->late += count_late(events, load->leader, other, period, &tick);
  }
  vlot_subscription_close(events);
  return is_good && is_back(load, id, last);
}

static bool measure_install(uint64_t mib, struct install *result) {
  struct snapshot_load load;
  vlot_cluster_options options;
  vlot_cluster_options_init(&options);
  options.machine = &mass_machine;
  options.raft.snapshot_bytes_max = UINT64_C(1) << 40;
  mass_mib = mib;
  *result = (struct install){0};
  if (!snapshot_load_open(&load, &options, MEASURE_CPU_ANY, FEW_KEYS)) {
    return false;
  }
  uint32_t id = load.leader % SNAPSHOT_NODES + 1, other = id % SNAPSHOT_NODES + 1;
  bool is_good = snapshot_load_run(&load, NS_PER_S, 0) && stream_under_load(&load, id, result);
  is_good = is_good && vlot_await_leader(load.cluster, 1000, &load.leader) == VLOT_OK;
  id = load.leader % SNAPSHOT_NODES + 1;
  other = id % SNAPSHOT_NODES + 1;
  is_good = is_good && stream_alone(&load, id, other, options.raft.heartbeat_ticks, result);
  if (!is_good) {
    bench_complain(BENCH_SYSTEM, "the follower does not come back");
  }
  return snapshot_load_close(&load) && is_good;
}

enum bench_exit bench_install(const struct bench_row *row, const struct bench_settings *settings) {
  static const struct bench_figure figures[] = {
      {.name = "rate_share",
       .text = "of the rate before, while a snapshot streams to a follower",
       .reach = 0.6,
       .aim = 0.8},
      {.name = "late",
       .text = "heartbeats later than one period, without load",
       .reach = 0.5, /* none */
       .aim = 0.0,
       .is_less_better = true}};
  const char *place = "left to the kernel";
  double values[2][BENCH_ROUNDS_MAX];
  uint64_t mib = settings->ops;
  bench_title(row, settings, place);
  if (mib == 0 || mib > 1 << 16) {
    return bench_complain(BENCH_USAGE, "install: --ops 1 to 65536 MiB");
  }
  for (uint64_t round = 1; round <= settings->rounds; round++) {
    struct install result;
    bench_progress("%s: round %" PRIu64 " of %" PRIu64, row->name, round, settings->rounds);
    if (!measure_install(mib, &result)) {
      return BENCH_SYSTEM;
    }
    values[0][round - 1] = result.during / result.alone;
    values[1][round - 1] = (double)result.late;
    bench_round(settings, round,
                "%" PRIu64 " MiB in %.1f s: %.0f/s, before %.0f/s; %" PRIu64
                " heartbeats late, %" PRIu64 " elections; %.0f MiB resident",
                mib, result.seconds, result.during, result.alone, result.late, result.elections,
                resident_mib());
    if (settings->is_json) {
      struct measure_json json;
      bench_json(&json, row, place, round);
      measure_json_integer(&json, "mib", mib);
      measure_json_number(&json, "seconds", result.seconds);
      measure_json_number(&json, "ops_per_second", result.during);
      measure_json_number(&json, "ops_per_second_before", result.alone);
      measure_json_integer(&json, "heartbeats_late", result.late);
      measure_json_integer(&json, "elections", result.elections);
      measure_json_end(&json);
    }
  }
  for (int k = 0; k < 2; k++) {
    bench_verdict(row, settings, place, &figures[k], values[k], settings->rounds);
  }
  return BENCH_DONE;
}
