/* vlot-limits: the machine's own limits, one sub-command each. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "limits.h"

#define EXIT_MISMATCH 1
#define EXIT_USAGE    64
#define EXIT_SYSTEM   70
#define ROUNDS_MAX    1000U

enum limit_name { MAILBOX = 1, RELAY = 2, PIPELINE = 4 };

struct settings {
  enum limit_name limit;
  const char *name;
  struct limit_mailbox_options mailbox;
  struct limit_relay_options relay;
  struct limit_pipeline_options pipeline;
  /* What several limits share; given to the one that runs. */
  uint64_t size;
  uint64_t ops;
  double seconds;
  uint64_t window;
  uint64_t nodes;
  uint64_t producers;
  uint64_t bound;
  uint64_t messages;
  uint64_t log_mib;
  uint64_t rounds;
  uint64_t cpu;
  bool has_cpu;
  bool is_one_core;
  bool is_json;
};

static const char usage_text[] =
    "usage: vlot-limits mailbox|relay|pipeline [flags]\n"
    "\n"
    "What this machine can do at best without Raft, on bare mutex/condvar mailboxes.\n"
    "\n"
    "  mailbox   producers append to one mailbox, one consumer swaps it out: messages/s\n"
    "  relay     client -> leader -> 2 followers -> leader -> client, one in flight: ops/s\n"
    "  pipeline  the shape of Raft with a window in flight, everything copied and answered: ops/s\n"
    "\n"
    "all limits\n"
    "  --place one-core|kernel  all threads on one core, or left to the kernel (default: kernel)\n"
    "  --cpu N                  which core; means --place one-core (default: the first allowed)\n"
    "  --rounds N               repeat, 1..1000, then print median, least, greatest (default: 1)\n"
    "  --json                   one JSON object per line: each round, then the summary\n"
    "mailbox\n"
    "  --producers N            1..64 (default: 3)\n"
    "  --size N                 bytes of a message, 8..65536 (default: 16)\n"
    "  --bound N                messages queued at most, 1..16777216 (default: 65536)\n"
    "  --messages N             measured messages (default: 20000000)\n"
    "relay, pipeline\n"
    "  --seconds X              measured time, at most 3600 (default: 1)\n"
    "  --ops N                  measured operations instead of a time\n"
    "pipeline\n"
    "  --window N               commands in flight, 1..1048576 (default: 256)\n"
    "  --size N                 bytes of a command, 8..1048576 (default: 16)\n"
    "  --nodes 3|5              leader included (default: 3)\n"
    "  --lock command|refill    the client locks per command or per refill (default: command)\n"
    "  --log-mib N              log of a node before its oldest part is overwritten (default: 64)\n"
    "  --by-caller              no threads: the client runs the nodes' turns, nobody is woken\n"
    "  --no-pretouch            do not fault the logs in beforehand\n"
    "\n"
    "exit: 0 done, 1 messages were lost, doubled or reordered, 64 usage, 70 no thread, CPU or "
    "memory\n";

_Noreturn static void refuse(const char *what, const char *value, const char *allowed) {
  fprintf(stderr, "vlot-limits: %s '%s': %s\n", what, value, allowed);
  exit(EXIT_USAGE);
}

static uint64_t parse_integer(const char *flag, const char *text) {
  char *end = NULL;
  errno = 0;
  unsigned long long value = strtoull(text, &end, 10);
  /* strtoull() takes signs and blanks, and turns -1 into a huge number. */
  if (text[0] < '0' || text[0] > '9' || *end != '\0' || errno != 0) {
    refuse(flag, text, "a whole number is needed, such as 256");
  }
  return value;
}

static double parse_seconds(const char *flag, const char *text) {
  char *end = NULL;
  double value = strtod(text, &end);
  if (end == text || *end != '\0') {
    refuse(flag, text, "a number of seconds is needed, such as 1.5");
  }
  return value;
}

/* Which of two words. */
static bool parse_choice(const char *flag, const char *text, const char *no, const char *yes) {
  if (strcmp(text, yes) != 0 && strcmp(text, no) != 0) {
    char allowed[64];
    snprintf(allowed, sizeof allowed, "allowed are %s and %s", yes, no);
    refuse(flag, text, allowed);
  }
  return strcmp(text, yes) == 0;
}

static enum limit_name parse_name(const char *text) {
  if (strcmp(text, "mailbox") == 0) {
    return MAILBOX;
  }
  if (strcmp(text, "relay") == 0) {
    return RELAY;
  }
  if (strcmp(text, "pipeline") == 0) {
    return PIPELINE;
  }
  refuse("limit", text, "allowed are mailbox, relay and pipeline; see --help");
}

/* Handle one flag; value is NULL where the line ends. Returns how many words it took. */
static int parse_flag(struct settings *settings, const char *flag, const char *value) {
  const struct {
    const char *flag;
    uint64_t *integer;
    int limits;
  } integers[] = {
      {"--size", &settings->size, MAILBOX | PIPELINE},
      {"--producers", &settings->producers, MAILBOX},
      {"--bound", &settings->bound, MAILBOX},
      {"--messages", &settings->messages, MAILBOX},
      {"--ops", &settings->ops, RELAY | PIPELINE},
      {"--window", &settings->window, PIPELINE},
      {"--nodes", &settings->nodes, PIPELINE},
      {"--log-mib", &settings->log_mib, PIPELINE},
      {"--rounds", &settings->rounds, MAILBOX | RELAY | PIPELINE},
      {"--cpu", &settings->cpu, MAILBOX | RELAY | PIPELINE},
  };
  bool is_pipeline = settings->limit == PIPELINE;
  if (strcmp(flag, "--json") == 0) {
    settings->is_json = true;
    return 1;
  }
  if (is_pipeline && strcmp(flag, "--by-caller") == 0) {
    settings->pipeline.by_caller = true;
    return 1;
  }
  if (is_pipeline && strcmp(flag, "--no-pretouch") == 0) {
    settings->pipeline.pretouch = false;
    return 1;
  }
  for (size_t i = 0; i < sizeof integers / sizeof *integers; i++) {
    if (strcmp(flag, integers[i].flag) == 0 && (integers[i].limits & (int)settings->limit) != 0) {
      if (value == NULL) {
        refuse("flag", flag, "it needs a value");
      }
      *integers[i].integer = parse_integer(flag, value);
      settings->has_cpu |= integers[i].integer == &settings->cpu;
      return 2;
    }
  }
  bool is_seconds = settings->limit != MAILBOX && strcmp(flag, "--seconds") == 0;
  bool is_place = strcmp(flag, "--place") == 0;
  bool is_lock = is_pipeline && strcmp(flag, "--lock") == 0;
  if (!is_seconds && !is_place && !is_lock) {
    char why[64];
    snprintf(why, sizeof why, "%s has no such flag; see --help", settings->name);
    refuse("flag", flag, why);
  }
  if (value == NULL) {
    refuse("flag", flag, "it needs a value");
  }
  if (is_seconds) {
    settings->seconds = parse_seconds(flag, value);
  } else if (is_place) {
    settings->is_one_core = parse_choice(flag, value, "kernel", "one-core");
  } else {
    settings->pipeline.lock = parse_choice(flag, value, "command", "refill")
                                  ? LIMIT_LOCK_PER_REFILL
                                  : LIMIT_LOCK_PER_COMMAND;
  }
  return 2;
}

/* The flag's value, where the option is narrower than what was parsed. Its range is the limit's own
 * to check. */
static uint32_t narrow(const char *flag, uint64_t value) {
  if (value > UINT32_MAX) {
    char text[32];
    snprintf(text, sizeof text, "%" PRIu64, value);
    refuse(flag, text, "far too large; --help says what is allowed");
  }
  return (uint32_t)value;
}

static void set_defaults(struct settings *settings) {
  limit_mailbox_options_init(&settings->mailbox);
  limit_relay_options_init(&settings->relay);
  limit_pipeline_options_init(&settings->pipeline);
  settings->size = settings->pipeline.size;
  settings->seconds = settings->pipeline.seconds;
  settings->window = settings->pipeline.window;
  settings->nodes = settings->pipeline.nodes;
  settings->log_mib = settings->pipeline.log_bytes >> 20;
  settings->producers = settings->mailbox.producers;
  settings->bound = settings->mailbox.bound;
  settings->messages = settings->mailbox.messages;
  settings->rounds = 1;
}

static void hand_over(struct settings *settings) {
  if (settings->rounds < 1 || settings->rounds > ROUNDS_MAX) {
    char text[32];
    snprintf(text, sizeof text, "%" PRIu64, settings->rounds);
    refuse("--rounds", text, "allowed are 1..1000");
  }
  int cpu = MEASURE_CPU_ANY;
  if (settings->has_cpu) {
    uint32_t wanted = narrow("--cpu", settings->cpu);
    cpu = wanted > INT32_MAX ? INT32_MAX : (int)wanted;
  } else if (settings->is_one_core) {
    cpu = measure_first_cpu();
  }
  settings->mailbox.cpu = settings->relay.cpu = settings->pipeline.cpu = cpu;
  settings->mailbox.size = settings->pipeline.size = narrow("--size", settings->size);
  settings->relay.seconds = settings->pipeline.seconds = settings->seconds;
  settings->relay.ops = settings->pipeline.ops = settings->ops;
  settings->mailbox.producers = narrow("--producers", settings->producers);
  settings->mailbox.bound = narrow("--bound", settings->bound);
  settings->mailbox.messages = settings->messages;
  settings->pipeline.window = narrow("--window", settings->window);
  settings->pipeline.nodes = narrow("--nodes", settings->nodes);
  settings->pipeline.log_bytes = (uint64_t)narrow("--log-mib", settings->log_mib) << 20;
}

static void parse(struct settings *settings, int argc, char **argv) {
  for (int i = 1; i < argc; i++) {
    if (strcmp(argv[i], "--help") == 0) {
      fputs(usage_text, stdout);
      exit(0);
    }
  }
  if (argc < 2) {
    fputs(usage_text, stderr);
    exit(EXIT_USAGE);
  }
  set_defaults(settings);
  settings->name = argv[1];
  settings->limit = parse_name(argv[1]);
  for (int i = 2; i < argc;) {
    i += parse_flag(settings, argv[i], i + 1 < argc ? argv[i + 1] : NULL);
  }
  hand_over(settings);
}

static struct limit_result run_once(const struct settings *settings) {
  switch (settings->limit) {
  case MAILBOX: return limit_mailbox_run(&settings->mailbox);
  case RELAY: return limit_relay_run(&settings->relay);
  default: return limit_pipeline_run(&settings->pipeline);
  }
}

static void put_setting(struct measure_json *json, const struct settings *settings) {
  bool is_pipeline = settings->limit == PIPELINE;
  measure_json_begin(json, stdout);
  measure_json_string(json, "limit", settings->name);
  measure_json_string(json, "place", settings->relay.cpu < 0 ? "kernel" : "one-core");
  if (settings->limit != RELAY) {
    measure_json_integer(json, "size", settings->size);
  }
  if (settings->limit == MAILBOX) {
    measure_json_integer(json, "producers", settings->producers);
    measure_json_integer(json, "bound", settings->bound);
  }
  if (is_pipeline) {
    bool is_refill = settings->pipeline.lock == LIMIT_LOCK_PER_REFILL;
    measure_json_integer(json, "window", settings->window);
    measure_json_integer(json, "nodes", settings->nodes);
    measure_json_string(json, "lock", is_refill ? "refill" : "command");
    measure_json_integer(json, "log_mib", settings->log_mib);
    measure_json_bool(json, "pretouch", settings->pipeline.pretouch);
    measure_json_bool(json, "by_caller", settings->pipeline.by_caller);
  }
}

static void put_round_json(const struct settings *settings, uint64_t round,
                           const struct limit_result *result) {
  struct measure_json json;
  put_setting(&json, settings);
  measure_json_integer(&json, "round", round);
  measure_json_integer(&json, "ops", result->ops);
  measure_json_number(&json, "seconds", result->seconds);
  measure_json_number(&json, "ops_per_second", result->ops_per_second);
  if (settings->limit != MAILBOX) {
    measure_json_integer(&json, "p50_ns", result->p50_ns);
    measure_json_integer(&json, "p99_ns", result->p99_ns);
    measure_json_integer(&json, "p999_ns", result->p999_ns);
    measure_json_integer(&json, "max_ns", result->max_ns);
    measure_json_integer(&json, "gap_max_ns", result->gap_max_ns);
  }
  if (settings->limit != RELAY) {
    measure_json_number(&json, "batch_mean", result->batch_mean);
  }
  measure_json_end(&json);
}

static void put_round_text(const struct settings *settings, uint64_t round,
                           const struct limit_result *result) {
  printf("%-8s round %-3" PRIu64 " %12.0f ops/s", settings->name, round, result->ops_per_second);
  if (settings->limit != MAILBOX) {
    printf("  p50 %.1f  p99 %.1f  p99.9 %.1f  max %.1f  gap %.1f us", (double)result->p50_ns / 1e3,
           (double)result->p99_ns / 1e3, (double)result->p999_ns / 1e3,
           (double)result->max_ns / 1e3, (double)result->gap_max_ns / 1e3);
  }
  if (settings->limit != RELAY) {
    printf("  batch %.1f", result->batch_mean);
  }
  putchar('\n');
  fflush(stdout);
}

static void put_summary(const struct settings *settings, struct measure_spread rate) {
  if (settings->is_json) {
    struct measure_json json;
    put_setting(&json, settings);
    measure_json_integer(&json, "rounds", settings->rounds);
    measure_json_spread(&json, "ops_per_second", rate);
    measure_json_end(&json);
    return;
  }
  printf("%-8s median    %12.0f ops/s  (%.0f..%.0f), %s\n", settings->name, rate.median, rate.min,
         rate.max, settings->relay.cpu < 0 ? "left to the kernel" : "one core");
}

int main(int argc, char **argv) {
  struct settings settings = {0};
  double rates[ROUNDS_MAX];
  parse(&settings, argc, argv);
  for (uint64_t round = 0; round < settings.rounds; round++) {
    struct limit_result result = run_once(&settings);
    if (result.status != LIMIT_OK) {
      fprintf(stderr, "vlot-limits: %s\n", result.why);
      return result.status == LIMIT_INVALID    ? EXIT_USAGE
             : result.status == LIMIT_MISMATCH ? EXIT_MISMATCH
                                               : EXIT_SYSTEM;
    }
    rates[round] = result.ops_per_second;
    if (settings.is_json) {
      put_round_json(&settings, round + 1, &result);
    } else {
      put_round_text(&settings, round + 1, &result);
    }
  }
  put_summary(&settings, measure_spread_of(rates, (size_t)settings.rounds));
  return 0;
}
