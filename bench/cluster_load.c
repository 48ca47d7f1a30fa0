#include "cluster_load.h"

#include <inttypes.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cluster_machine.h"
#include "measure.h"
#include "vlot/cluster.h"

#define WARMUP_NS   UINT64_C(100000000)
#define ANSWERS_MAX 4096U

/* Commands that were submitted together share the time at which that began. */
struct refill {
  uint64_t began_ns;
  uint64_t left;
};

struct load {
  struct cluster_load_options options;
  vlot_cluster *cluster;
  vlot_client *client;
  struct cluster_totals totals;
  char journal[256]; /* path of a temporary file */
  uint8_t *command;
  uint64_t submitted; /* also the number of the next command */
  uint64_t answered;
  uint64_t failed;
  uint64_t last_index;    /* highest index an answer named */
  uint64_t sum;           /* of what was submitted, in order */
  uint64_t next_sequence; /* that an answer is expected to have */
  bool is_out_of_order;
  vlot_result refused;    /* a submit that was not taken … */
  char problem[256];      /* … and why */
  struct refill *refills; /* [window] ring */
  uint64_t oldest, newest;
  uint64_t answer_ns, gap_max_ns;
  struct measure_histogram latencies;
  vlot_answer answers[ANSWERS_MAX];
};

static void fail(struct cluster_load_result *result, enum cluster_load_status status,
                 const char *format, ...) __attribute__((format(printf, 3, 4)));

/* The first failure is the one that is told. */
static void fail(struct cluster_load_result *result, enum cluster_load_status status,
                 const char *format, ...) {
  if (result->status != CLUSTER_LOAD_OK) {
    return;
  }
  va_list arguments;
  result->status = status;
  va_start(arguments, format);
  vsnprintf(result->why, sizeof result->why, format, arguments);
  va_end(arguments);
}

/* One submit per command. Returns false when the cluster does not take one. */
static bool refill(struct load *load, uint64_t count, uint64_t now_ns) {
  load->refills[load->newest++ % load->options.window] = (struct refill){now_ns, count};
  vlot_command command = {.data = load->command, .size = load->options.size};
  for (uint64_t k = 0; k < count; k++) {
    memcpy(load->command, &load->submitted, sizeof load->submitted);
    vlot_result result = vlot_client_submit(load->client, &command, 1, NULL);
    if (result != VLOT_OK) {
      load->refused = result;
      snprintf(load->problem, sizeof load->problem, "%s", vlot_problem(result));
      return false;
    }
    load->sum = cluster_fold(load->sum, load->submitted);
    load->submitted++;
  }
  return true;
}

static void note_latencies(struct load *load, uint64_t count, uint64_t now_ns) {
  while (count > 0) {
    struct refill *oldest = &load->refills[load->oldest % load->options.window];
    uint64_t share = oldest->left < count ? oldest->left : count;
    measure_histogram_record(&load->latencies, now_ns - oldest->began_ns, share);
    oldest->left -= share;
    count -= share;
    if (oldest->left == 0) {
      load->oldest++;
    }
  }
}

static uint64_t read_answers(struct load *load) {
  size_t count = vlot_client_wait(load->client, load->answers, ANSWERS_MAX);
  uint64_t now_ns = measure_now_ns();
  for (size_t k = 0; k < count; k++) {
    const vlot_answer *answer = &load->answers[k];
    load->is_out_of_order |= answer->sequence != load->next_sequence++;
    load->failed += answer->result != VLOT_OK;
    if (answer->index > load->last_index) {
      load->last_index = answer->index;
    }
  }
  load->answered += count;
  note_latencies(load, count, now_ns);
  if (now_ns - load->answer_ns > load->gap_max_ns) {
    load->gap_max_ns = now_ns - load->answer_ns;
  }
  load->answer_ns = now_ns;
  return now_ns;
}

/* Until all nodes have applied what was answered. The library's own wait looks once per tick, which
 * would be measured too. */
static void await_followers(struct load *load) {
  for (uint32_t id = 1; id <= CLUSTER_NODES; id++) {
    vlot_node_status status;
    while (vlot_cluster_get_status(load->cluster, id, &status) == VLOT_OK &&
           status.state == VLOT_NODE_UP && status.applied_index < load->last_index) {
      sched_yield();
    }
  }
}

/* As the limit's client: keep the window full until ops commands (0: as many as limit_ns allows)
 * are submitted, then wait for the answers and the followers. Returns the elapsed time. */
static uint64_t run_client(struct load *load, uint64_t ops, uint64_t limit_ns) {
  uint64_t window = load->options.window;
  uint64_t first = load->submitted;
  uint64_t start_ns = measure_now_ns();
  uint64_t now_ns = start_ns;
  load->answer_ns = start_ns;
  for (;;) {
    uint64_t room = window - (load->submitted - load->answered);
    if (ops > 0 && room > first + ops - load->submitted) {
      room = first + ops - load->submitted;
    } else if (ops == 0 && now_ns - start_ns >= limit_ns) {
      room = 0;
    }
    if (room > 0) {
      if (!refill(load, room, now_ns)) {
        break;
      }
    } else if (load->answered == load->submitted) {
      break;
    }
    now_ns = read_answers(load);
  }
  await_followers(load);
  return measure_now_ns() - start_ns;
}

static bool open_cluster(struct load *load, struct cluster_load_result *result) {
  vlot_machine machine = cluster_machine(&load->totals);
  vlot_cluster_options options;
  const char *problem = NULL;
  vlot_cluster_options_init(&options);
  options.nodes = CLUSTER_NODES;
  options.machine = &machine;
  options.seed = load->options.seed;
  options.assist = (vlot_assist)load->options.assist;
  if (load->options.cpu != MEASURE_CPU_ANY) {
    options.place = VLOT_PLACE_CORE;
    options.core = (uint32_t)load->options.cpu;
  }
  if (load->options.has_journal) {
    options.journal_path = load->journal;
  }
  vlot_result opened = vlot_cluster_open(&load->cluster, &options, &problem);
  if (opened != VLOT_OK) {
    fail(result, CLUSTER_LOAD_SYSTEM, "the cluster does not open: %s%s%s", vlot_result_name(opened),
         problem != NULL ? ", " : "", problem != NULL ? problem : "");
    return false;
  }
  uint32_t leader = 0;
  vlot_result led = vlot_await_leader(load->cluster, 1000, &leader);
  vlot_client_options client;
  vlot_client_options_init(&client);
  if (load->options.by_follower) {
    client.contact = leader % CLUSTER_NODES + 1;
  }
  vlot_result has_client = vlot_client_open(&load->client, load->cluster, &client);
  if (led != VLOT_OK || has_client != VLOT_OK) {
    fail(result, CLUSTER_LOAD_SYSTEM, "no leader (%s) or no client (%s)", vlot_result_name(led),
         vlot_result_name(has_client));
    return false;
  }
  vlot_link link = {.loss = load->options.loss};
  vlot_result lossy = vlot_cluster_set_link(load->cluster, 0, 0, &link);
  if (lossy != VLOT_OK) {
    fail(result, CLUSTER_LOAD_SYSTEM, "the links do not become lossy: %s", vlot_result_name(lossy));
    return false;
  }
  return true;
}

static void measure(struct load *load, struct cluster_load_result *result) {
  vlot_cluster_stats before, after;
  load->next_sequence = 1;
  run_client(load, 0, WARMUP_NS);
  measure_histogram_clear(&load->latencies);
  load->gap_max_ns = 0;
  uint64_t submitted = load->submitted, failed = load->failed;
  vlot_cluster_get_stats(load->cluster, &before);

  uint64_t limit_ns = (uint64_t)(load->options.seconds * 1e9);
  uint64_t elapsed_ns = run_client(load, load->options.ops, limit_ns);

  vlot_cluster_get_stats(load->cluster, &after);
  result->failed = load->failed - failed;
  result->ops = load->submitted - submitted - result->failed;
  result->seconds = (double)elapsed_ns / 1e9;
  result->ops_per_second = (double)result->ops / result->seconds;
  result->p50_ns = measure_histogram_percentile(&load->latencies, 50.0);
  result->p99_ns = measure_histogram_percentile(&load->latencies, 99.0);
  result->p999_ns = measure_histogram_percentile(&load->latencies, 99.9);
  result->max_ns = load->latencies.max;
  result->gap_max_ns = load->gap_max_ns;
  result->elections = after.elections - before.elections;
  for (uint32_t id = 1; id <= CLUSTER_NODES; id++) {
    vlot_node_status status;
    if (vlot_cluster_get_status(load->cluster, id, &status) == VLOT_OK &&
        status.state == VLOT_NODE_FENCED) {
      fail(result, CLUSTER_LOAD_SYSTEM, "n%" PRIu32 " was fenced at tick %" PRIu64 ": %s", id,
           status.fenced_tick, vlot_why_text(status.raft.fenced_why));
    }
  }
  if (load->refused != VLOT_OK) {
    fail(result, CLUSTER_LOAD_SYSTEM, "a submit was refused: %s", load->problem);
  }
}

/* Every command on every node, once and in order. Commands that failed may be anywhere or nowhere:
 * then only the replicas can be compared. */
static void check(const struct load *load, struct cluster_load_result *result) {
  const struct cluster_applied *nodes = load->totals.nodes;
  for (uint32_t k = 0; k < CLUSTER_NODES; k++) {
    bool is_equal = nodes[k].sum == nodes[0].sum && nodes[k].commands == nodes[0].commands;
    bool is_whole = nodes[k].sum == load->sum && nodes[k].commands == load->submitted;
    if (!is_equal || (load->failed == 0 && !is_whole)) {
      fail(result, CLUSTER_LOAD_MISMATCH,
           "node %" PRIu32 " applied %" PRIu64 " commands with sum %016" PRIx64
           ", submitted were %" PRIu64 " with sum %016" PRIx64,
           k + 1, nodes[k].commands, nodes[k].sum, load->submitted, load->sum);
    }
  }
  if (load->is_out_of_order && load->failed == 0) {
    fail(result, CLUSTER_LOAD_MISMATCH, "answers came out of order");
  }
  if (nodes[0].calls > 0) {
    result->batch_mean = (double)nodes[0].commands / (double)nodes[0].calls;
  }
}

/* False: there is none. */
static bool make_file(struct load *load) {
  const char *directory = getenv("TMPDIR");
  int length = snprintf(load->journal, sizeof load->journal, "%s/vlot-bench-journal.XXXXXX",
                        directory && *directory ? directory : P_tmpdir);
  if (length < 0 || (size_t)length >= sizeof load->journal) return false;
  int descriptor = mkstemp(load->journal);
  return descriptor >= 0 && close(descriptor) == 0;
}

static void run(struct load *load, struct cluster_load_result *result) {
  if (load->options.has_journal && !make_file(load)) {
    fail(result, CLUSTER_LOAD_SYSTEM, "no temporary file");
    return;
  }
  if (open_cluster(load, result)) {
    measure(load, result);
  }
  vlot_client_close(load->client);
  vlot_result closed = vlot_cluster_close(load->cluster);
  if (closed != VLOT_OK) {
    fail(result, CLUSTER_LOAD_SYSTEM, "the cluster does not close: %s", vlot_result_name(closed));
  } else {
    check(load, result);
  }
  if (load->options.has_journal) {
    struct stat file;
    result->journal_bytes = stat(load->journal, &file) == 0 ? (uint64_t)file.st_size : 0;
    unlink(load->journal);
  }
}

struct cluster_load_result cluster_load_run(const struct cluster_load_options *options) {
  struct cluster_load_result result = {0};
  struct measure_affinity before;
  struct load *load = calloc(1, sizeof *load);
  uint8_t *command = calloc(1, options->size);
  struct refill *refills = calloc(options->window, sizeof *refills);
  if (load == NULL || command == NULL || refills == NULL) {
    measure_fatal("no memory for the client");
  }
  /* The clock's thread inherits this, the nodes' are placed by the cluster. */
  if (measure_pin_thread(options->cpu, &before)) {
    load->options = *options;
    load->command = command;
    load->refills = refills;
    run(load, &result);
    measure_unpin_thread(&before);
  } else {
    fail(&result, CLUSTER_LOAD_SYSTEM, "CPU %d may not be used", options->cpu);
  }
  free(refills);
  free(command);
  free(load);
  return result;
}
