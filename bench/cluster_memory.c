/* Row of memory: what an idle node takes, and what a log costs per entry. Each figure is taken by a
 * process of its own, which says how much its heap and its resident set have grown.
 */
#include <inttypes.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"
#include "cluster_machine.h"
#include "vlot/cluster.h"

enum {
  IDLE_NODES = 3,
  LEADER_TICKS = 6000,
  CLUSTERS = 32, /* idle ones that are measured together */
  MANY_NODES = 101,
  ENTRY_BYTES = 16,
  BATCH_MAX = 256,
  ROUNDS_MAX = 25,
};

struct memory {
  uint64_t heap; /* bytes; 0 where the C library does not say */
  uint64_t resident;
};

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

static struct memory memory_now(void) {
  struct memory now = {.resident = resident_bytes()};
#ifdef __GLIBC__
  struct mallinfo2 info = mallinfo2();
  now.heap = info.uordblks + info.hblkhd;
#endif
  return now;
}

static struct memory memory_since(const struct memory *before) {
  struct memory now = memory_now();
  return (struct memory){.heap = now.heap > before->heap ? now.heap - before->heap : 0,
                         .resident =
                             now.resident > before->resident ? now.resident - before->resident : 0};
}

/* ---- The processes that measure -------------------------------------------------------------- */

static void sleep_seconds(double seconds) {
  struct timespec left = {.tv_sec = (time_t)seconds};
  left.tv_nsec = (long)((seconds - (double)left.tv_sec) * 1e9);
  while (nanosleep(&left, &left) != 0) {
    continue;
  }
}

/* A cluster that has a leader; NULL: said why. */
static vlot_cluster *open_led(const vlot_cluster_options *options) {
  vlot_cluster *cluster;
  const char *problem = NULL;
  vlot_result result = vlot_cluster_open(&cluster, options, &problem);
  if (result != VLOT_OK) {
    bench_complain(BENCH_SYSTEM, "%" PRIu32 " nodes do not open: %s", options->nodes,
                   vlot_result_name(result));
    return NULL;
  }
  if (vlot_await_leader(cluster, LEADER_TICKS, NULL) == VLOT_OK) {
    return cluster;
  }
  bench_complain(BENCH_SYSTEM, "%" PRIu32 " nodes have no leader", options->nodes);
  (void)vlot_cluster_close(cluster);
  return NULL;
}

/* count clusters that are all idle; grown: since before the first one, of which a first one that is
 * closed again has taken what a process needs once. */
static bool measure_idle(vlot_driver driver, uint32_t nodes, uint32_t count, double seconds,
                         struct memory *grown) {
  vlot_cluster *clusters[CLUSTERS] = {0};
  vlot_cluster_options options;
  vlot_cluster_options_init(&options);
  options.driver = driver;
  options.nodes = 1;
  vlot_cluster *first = open_led(&options);
  bool is_good = first != NULL && vlot_cluster_close(first) == VLOT_OK;
  options.nodes = nodes;
  struct memory before = memory_now();
  for (uint32_t k = 0; is_good && k < count; k++) {
    options.seed = k + 1;
    clusters[k] = open_led(&options);
    is_good = clusters[k] != NULL;
    if (is_good && driver == VLOT_DRIVER_LOCKSTEP) {
      is_good = vlot_await_quiet(clusters[k], LEADER_TICKS) == VLOT_OK;
    }
  }
  if (driver == VLOT_DRIVER_THREADS) {
    sleep_seconds(seconds); /* the elections' last messages */
  }
  *grown = memory_since(&before);
  for (uint32_t k = 0; k < count; k++) {
    is_good = vlot_cluster_close(clusters[k]) == VLOT_OK && is_good;
  }
  return is_good;
}

static bool submit_entries(vlot_cluster *cluster, vlot_client *client, uint64_t entries,
                           uint32_t batch) {
  static const uint8_t bytes[ENTRY_BYTES];
  vlot_command commands[BATCH_MAX];
  vlot_answer answers[BATCH_MAX];
  for (uint32_t k = 0; k < batch; k++) {
    commands[k] = (vlot_command){.data = bytes, .size = sizeof bytes};
  }
  for (uint64_t done = 0; done < entries; done += batch) {
    if (vlot_client_submit(client, commands, batch, NULL) != VLOT_OK) {
      return false;
    }
    for (uint32_t left = batch; left > 0;) {
      size_t got = vlot_client_wait(client, answers, left);
      if (got == 0 || answers[0].result != VLOT_OK) {
        return false;
      }
      left -= (uint32_t)got;
    }
  }
  return vlot_await_quiet(cluster, LEADER_TICKS) == VLOT_OK;
}

/* The log of one node, inline. */
static bool measure_entries(bool has_checker, uint64_t entries, uint32_t batch,
                            struct memory *grown) {
  struct cluster_totals totals;
  vlot_machine machine = cluster_machine(&totals);
  vlot_client *client = NULL;
  vlot_cluster_options options;
  vlot_cluster_options_init(&options);
  options.nodes = 1;
  options.driver = VLOT_DRIVER_LOCKSTEP;
  options.has_checker = has_checker;
  options.machine = &machine;
  vlot_cluster *cluster = open_led(&options);
  if (cluster == NULL) {
    return false;
  }
  struct memory before = memory_now();
  bool is_good = vlot_client_open(&client, cluster, NULL) == VLOT_OK &&
                 submit_entries(cluster, client, entries, batch);
  *grown = memory_since(&before);
  vlot_client_close(client);
  return vlot_cluster_close(cluster) == VLOT_OK && is_good;
}

enum bench_exit bench_memory_child(const char *what, uint64_t count, double seconds) {
  struct memory grown = {0};
  bool is_good = false;
  if (strcmp(what, "nodes") == 0) {
    is_good = measure_idle(VLOT_DRIVER_THREADS, (uint32_t)count, 1, seconds, &grown);
  } else if (strcmp(what, "threads") == 0) {
    is_good = measure_idle(VLOT_DRIVER_THREADS, IDLE_NODES, CLUSTERS, seconds, &grown);
  } else if (strcmp(what, "inline") == 0) {
    is_good = measure_idle(VLOT_DRIVER_LOCKSTEP, IDLE_NODES, CLUSTERS, seconds, &grown);
  } else if (strcmp(what, "batches") == 0) {
    is_good = measure_entries(false, count, BATCH_MAX, &grown);
  } else if (strcmp(what, "single") == 0) {
    is_good = measure_entries(false, count, 1, &grown);
  } else if (strcmp(what, "checked") == 0) {
    is_good = measure_entries(true, count, BATCH_MAX, &grown);
  }
  printf("%" PRIu64 " %" PRIu64 "\n", grown.heap, grown.resident);
  return is_good ? BENCH_DONE : BENCH_SYSTEM;
}

/* Run this program again, so that each measurement begins with a fresh process and one arena. */
static bool measure_child(const char *what, uint64_t count, double seconds, struct memory *grown) {
  char command[160];
  unsigned long long heap = 0, resident = 0;
  /* The shell is not this process: /proc/self would be it. */
  snprintf(command, sizeof command,
           "MALLOC_ARENA_MAX=1 exec /proc/%ld/exe memory-child %s %" PRIu64 " %.3f", (long)getpid(),
           what, count, seconds);
  FILE *child = popen(command, "r");
  if (child == NULL) {
    return false;
  }
  bool is_read = fscanf(child, "%llu %llu", &heap, &resident) == 2;
  int status = pclose(child);
  *grown = (struct memory){.heap = heap, .resident = resident};
  return is_read && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* ---- The row --------------------------------------------------------------------------------- */

static const struct part {
  const char *what; /* of the child */
  const char *unit;
  struct bench_figure heap;
  struct bench_figure resident;
} parts[] = {
    {"nodes",
     "KiB per node of 101, threads",
     {.name = "kib_heap_of_101", .text = "KiB of heap per idle node of 101, threads"},
     {.name = "kib_per_node",
      .text = "KiB of memory per idle node of 101, threads",
      .reach = 64.0,
      .aim = 32.0,
      .is_less_better = true}},
    {"threads",
     "KiB per node of 3, threads",
     {.name = "kib_heap_threads", .text = "KiB of heap per idle node of 3, threads"},
     {.name = "kib_threads",
      .text = "KiB of memory per idle node of 3, threads, with its stack",
      .reach = 60.0,
      .aim = 40.0,
      .is_less_better = true}},
    {"inline",
     "KiB per node of 3, lockstep",
     {.name = "kib_heap_inline", .text = "KiB of heap per idle node of 3, lockstep inline"},
     {.name = "kib_inline",
      .text = "KiB of memory per idle node of 3, lockstep inline",
      .reach = 60.0,
      .aim = 40.0,
      .is_less_better = true}},
    {"batches",
     "bytes per entry of 16 bytes, batches of 256",
     {.name = "bytes_per_entry_256", .text = "bytes of heap per entry of 16, batches of 256"},
     {.name = "resident_per_entry_256", .text = "bytes of memory, the same"}},
    {"checked",
     "bytes per entry of 16 bytes, batches of 256, checker on",
     {.name = "bytes_per_entry_checked", .text = "bytes of heap, the same with the checker on"},
     {.name = "resident_per_entry_checked", .text = "bytes of memory, the same"}},
    {"single",
     "bytes per entry of 16 bytes, batches of 1",
     {.name = "bytes_per_entry_1", .text = "bytes of heap per entry of 16, batches of 1"},
     {.name = "resident_per_entry_1", .text = "bytes of memory, the same"}},
};
enum { PARTS = sizeof parts / sizeof *parts };

/* What a part counts, and what its figures are divided by. */
static uint64_t count_of(size_t part, const struct bench_settings *settings, double *divisor) {
  *divisor = part == 0 ? 1024.0 * MANY_NODES : 1024.0 * CLUSTERS * IDLE_NODES;
  if (part >= 3) {
    *divisor = (double)settings->ops;
  }
  return part == 0 ? MANY_NODES : settings->ops;
}

static void tell_part(const struct bench_row *row, const struct bench_settings *settings,
                      const char *place, uint64_t round, size_t part, double heap,
                      double resident) {
  bench_round(settings, round, "%s: heap %.1f, resident %.1f", parts[part].unit, heap, resident);
  if (settings->is_json) {
    struct measure_json json;
    bench_json(&json, row, place, round);
    measure_json_number(&json, parts[part].heap.name, heap);
    measure_json_number(&json, parts[part].resident.name, resident);
    measure_json_end(&json);
  }
}

enum bench_exit bench_memory(const struct bench_row *row, const struct bench_settings *given) {
  const char *place = "left to the kernel";
  struct bench_settings settings = *given;
  double heap[PARTS][ROUNDS_MAX], resident[PARTS][ROUNDS_MAX];
  if (settings.rounds > ROUNDS_MAX) {
    return bench_complain(BENCH_USAGE, "memory: at most %d rounds", ROUNDS_MAX);
  }
  const struct bench_amount *usual = settings.is_quick ? &row->quick : &row->full;
  if (settings.seconds <= 0.0) {
    settings.seconds = usual->seconds;
  }
  if (settings.ops == 0) {
    settings.ops = usual->ops;
  }
  settings.ops = settings.ops / BATCH_MAX * BATCH_MAX;
  if (settings.ops == 0) {
    return bench_complain(BENCH_USAGE, "memory: at least %d operations", BATCH_MAX);
  }
  bench_title(row, &settings, place);
  for (uint64_t round = 1; round <= settings.rounds; round++) {
    for (size_t part = 0; part < PARTS; part++) {
      struct memory grown;
      double divisor;
      uint64_t count = count_of(part, &settings, &divisor);
      bench_progress("%s: round %" PRIu64 " of %" PRIu64 ", %s", row->name, round, settings.rounds,
                     parts[part].unit);
      if (!measure_child(parts[part].what, count, settings.seconds, &grown)) {
        return bench_complain(BENCH_SYSTEM, "memory: the process that measures %s failed",
                              parts[part].what);
      }
      heap[part][round - 1] = (double)grown.heap / divisor;
      resident[part][round - 1] = (double)grown.resident / divisor;
      tell_part(row, &settings, place, round, part, heap[part][round - 1],
                resident[part][round - 1]);
    }
  }
  for (size_t part = 0; part < PARTS; part++) {
    bench_verdict(row, &settings, place, &parts[part].heap, heap[part], settings.rounds);
    bench_verdict(row, &settings, place, &parts[part].resident, resident[part], settings.rounds);
  }
  return BENCH_DONE;
}
