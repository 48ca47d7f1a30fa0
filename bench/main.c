/* vlot-bench: the rows of the table, one sub-command each. */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"

#define TIMED (BENCH_ROUNDS | BENCH_SECONDS | BENCH_OPS)

static const struct bench_row rows[] = {
    {"ops-1", "1 in flight, 16 bytes, 3 nodes", bench_ops_1, TIMED, {5, 1.0, 0}, {2, 0.3, 0}},
    {"ops-16",
     "16 in flight, 16 bytes, 3 nodes, one command per submit",
     bench_ops_16,
     TIMED,
     {5, 1.0, 0},
     {2, 0.3, 0}},
    {"ops-256",
     "256 in flight, 16 bytes, 3 nodes, one command per submit",
     bench_ops_256,
     TIMED,
     {5, 1.0, 0},
     {2, 0.3, 0}},
    {"ops-4096",
     "4,096 in flight, 16 bytes, 3 nodes, one command per submit",
     bench_ops_4096,
     TIMED,
     {5, 1.0, 0},
     {2, 0.3, 0}},
    {"ops-4k",
     "256 in flight, 4 KiB, 3 nodes, one command per submit",
     bench_ops_4k,
     TIMED,
     {5, 0.5, 0},
     {2, 0.3, 0}},
    {"assist",
     "1 to 4,096 in flight: callers lend their threads, or not; and no wake-ups at all",
     bench_assist,
     TIMED,
     {5, 0.5, 0},
     {1, 0.1, 0}},
    {"tail",
     "256 in flight, 16 bytes, 10 M operations; memory touched before (one malloc arena, "
     "never trimmed)",
     bench_tail,
     BENCH_ROUNDS | BENCH_OPS,
     {5, 0.0, 10000000},
     {1, 0.0, 1000000}},
    {"mailbox",
     "3 producers of 16-byte messages, 1 consumer",
     bench_mailbox,
     BENCH_ROUNDS | BENCH_OPS,
     {5, 0.0, 20000000},
     {1, 0.0, 4000000}},
    {"lockstep",
     "inline, 3 nodes, 1 in flight, event hash on",
     bench_lockstep,
     TIMED,
     {5, 1.0, 0},
     {2, 0.3, 0}},
    {"journal",
     "3 nodes, a run that is recorded into a file beside one that is not",
     bench_journal,
     TIMED,
     {7, 1.0, 0},
     {2, 0.3, 0}},
    {"loss",
     "3 nodes, 5 % loss on every link beside none, to the leader and through a follower",
     bench_loss,
     TIMED,
     {7, 1.0, 0},
     {2, 0.3, 0}},
    {"memory",
     "an idle node, default options; a log of one node, lockstep inline",
     bench_memory,
     BENCH_ROUNDS | BENCH_SECONDS | BENCH_OPS,
     {3, 3.0, 10000000},
     {1, 1.0, 500000}},
    {"idle-cpu",
     "5 idle nodes, default ticks",
     bench_idle_cpu,
     BENCH_ROUNDS | BENCH_SECONDS,
     {3, 10.0, 0},
     {1, 3.0, 0}},
    {"first-leader",
     "101 nodes, T = 100 ticks of 1 ms",
     bench_first_leader,
     BENCH_ROUNDS,
     {9, 0.0, 0},
     {3, 0.0, 0}},
    {"re-election",
     "3 nodes, T = 10 ms in 10 ticks, the leader is killed",
     bench_re_election,
     BENCH_ROUNDS | BENCH_OPS,
     {3, 0.0, 100},
     {1, 0.0, 20}},
    {"forgets",
     "3 nodes, 256 in flight, 16 bytes, default options: memory of the process",
     bench_forgets,
     BENCH_ROUNDS | BENCH_SECONDS,
     {1, 60.0, 0},
     {1, 2.0, 0}},
    {"freeze",
     "a key-value machine (--ops: keys) is snapshotted under load, 256 in flight, 3 nodes",
     bench_freeze,
     TIMED,
     {3, 10.0, 1000000},
     {1, 2.0, 100000}},
    {"install",
     "a snapshot (--ops: MiB) streams to a follower that was away, 256 in flight, 3 nodes",
     bench_install,
     BENCH_ROUNDS | BENCH_OPS,
     {3, 0.0, 1024},
     {1, 0.0, 64}},
    {"groups",
     "clusters of 3 nodes on one host, open at once, each elects, default options",
     bench_groups,
     BENCH_GROUPS,
     {1, 0.0, 0},
     {1, 0.0, 0}},
};

/* How many groups there are when nobody says it. */
enum { GROUPS = 5000, GROUPS_THREADS = 2000, GROUPS_QUICK = 10 /* so many times less */ };

enum { ROW_COUNT = sizeof rows / sizeof *rows };

static void usage(FILE *out) {
  fputs("usage: vlot-bench ROW|all [flags]\n"
        "\n"
        "The cluster beside this machine's own limits, and what it should reach. Rows:\n"
        "\n",
        out);
  for (size_t k = 0; k < ROW_COUNT; k++) fprintf(out, "  %-13s %s\n", rows[k].name, rows[k].what);
  fputs("  all           every row, each in a process of its own\n"
        "\n"
        "flags\n"
        "  --rounds N    repeat, 1..1000, and print median, least, greatest\n"
        "  --seconds X   measured time of a round, above 0, at most 3600\n"
        "  --ops N       operations of a round instead (messages, kills), at most 1099511627776\n"
        "  --count N     of groups: 1..1000000, default 5000, with threads 2000\n"
        "  --threads     of groups: every node a thread of its own\n"
        "  --cpu N       the core of rows on one core (default: the first allowed)\n"
        "  --unpinned    rows on one core are left to the kernel\n"
        "  --assist WHAT of the clusters of the ops rows: auto (default), on, off\n"
        "  --quick       fewer and shorter rounds: half a minute for all rows\n"
        "  --json        one JSON object per line: each round, then each figure\n"
        "With `all`, a flag goes to those rows that know it.\n"
        "\n"
        "exit: 0 measured, 1 commands or messages were lost, doubled or reordered, 64 usage,\n"
        "      70 no thread, CPU or memory\n",
        out);
}

_Noreturn static void refuse(const char *what, const char *value, const char *allowed) {
  fprintf(stderr, "vlot-bench: %s '%s': %s\n", what, value, allowed);
  exit(BENCH_USAGE);
}

static uint64_t parse_integer(const char *flag, const char *text, uint64_t low, uint64_t high) {
  char *end = NULL;
  char allowed[96];
  errno = 0;
  unsigned long long value = strtoull(text, &end, 10);
  /* strtoull() takes signs and blanks, and turns -1 into a huge number. */
  bool is_number = text[0] >= '0' && text[0] <= '9' && *end == '\0' && errno == 0;
  if (!is_number || value < low || value > high) {
    snprintf(allowed, sizeof allowed, "allowed are whole numbers %" PRIu64 "..%" PRIu64, low, high);
    refuse(flag, text, allowed);
  }
  return value;
}

static double parse_seconds(const char *flag, const char *text) {
  char *end = NULL;
  double value = strtod(text, &end);
  if (end == text || *end != '\0' || !isfinite(value) || value <= 0.0 || value > 3600.0) {
    refuse(flag, text, "allowed are numbers above 0, at most 3600");
  }
  return value;
}

static uint32_t parse_assist(const char *text) {
  static const char *const words[] = {"auto", "on", "off"}; /* as enum vlot_assist */
  for (uint32_t k = 0; k < 3; k++)
    if (strcmp(text, words[k]) == 0) return k;
  refuse("--assist", text, "allowed are auto, on and off");
}

/* The command line; what was not given is 0, and cpu MEASURE_CPU_ANY. */
static void parse_flags(struct bench_settings *settings, int argc, char **argv) {
  for (int k = 2; k < argc; k++) {
    const char *flag = argv[k];
    if (strcmp(flag, "--json") == 0) {
      settings->is_json = true;
      continue;
    }
    if (strcmp(flag, "--quick") == 0) {
      settings->is_quick = true;
      continue;
    }
    if (strcmp(flag, "--threads") == 0) {
      settings->has_threads = true;
      continue;
    }
    if (strcmp(flag, "--unpinned") == 0) {
      settings->is_unpinned = true;
      continue;
    }
    bool is_known = strcmp(flag, "--rounds") == 0 || strcmp(flag, "--seconds") == 0 ||
                    strcmp(flag, "--ops") == 0 || strcmp(flag, "--cpu") == 0 ||
                    strcmp(flag, "--count") == 0 || strcmp(flag, "--assist") == 0;
    if (!is_known) {
      refuse("flag", flag,
             "allowed are --rounds, --seconds, --ops, --count, --threads, --cpu, --unpinned, "
             "--assist, "
             "--quick and --json");
    }
    if (k + 1 == argc) {
      refuse("flag", flag, "it needs a value");
    }
    const char *value = argv[++k];
    if (strcmp(flag, "--rounds") == 0) {
      settings->rounds = parse_integer(flag, value, 1, BENCH_ROUNDS_MAX);
    } else if (strcmp(flag, "--seconds") == 0) {
      settings->seconds = parse_seconds(flag, value);
    } else if (strcmp(flag, "--ops") == 0) {
      settings->ops = parse_integer(flag, value, 1, UINT64_C(1) << 40);
    } else if (strcmp(flag, "--assist") == 0) {
      settings->assist = parse_assist(value);
    } else if (strcmp(flag, "--count") == 0) {
      settings->count = parse_integer(flag, value, 1, 1000000);
    } else {
      settings->cpu = (int)parse_integer(flag, value, 0, 1023);
    }
  }
}

static void refuse_unknown(const struct bench_row *row, const struct bench_settings *settings) {
  char why[64];
  snprintf(why, sizeof why, "the row %s does not know it", row->name);
  if (settings->rounds > 0 && (row->flags & BENCH_ROUNDS) == 0) refuse("flag", "--rounds", why);
  if (settings->seconds > 0 && (row->flags & BENCH_SECONDS) == 0) refuse("flag", "--seconds", why);
  if (settings->ops > 0 && (row->flags & BENCH_OPS) == 0) refuse("flag", "--ops", why);
  if (settings->count > 0 && (row->flags & BENCH_GROUPS) == 0) refuse("flag", "--count", why);
  if (settings->has_threads && (row->flags & BENCH_GROUPS) == 0) refuse("flag", "--threads", why);
}

/* What was not given comes from the row. */
static struct bench_settings fill_in(const struct bench_row *row, struct bench_settings settings) {
  const struct bench_amount *amount = settings.is_quick ? &row->quick : &row->full;
  if (settings.rounds == 0) settings.rounds = amount->rounds;
  if (settings.ops > 0) {
    settings.seconds = 0.0;
  } else if (settings.seconds <= 0.0) {
    settings.seconds = amount->seconds;
    settings.ops = amount->ops;
  }
  if (settings.count == 0) {
    settings.count = settings.has_threads ? GROUPS_THREADS : GROUPS;
    if (settings.is_quick) settings.count /= GROUPS_QUICK;
  }
  if (settings.cpu == MEASURE_CPU_ANY) settings.cpu = measure_first_cpu();
  return settings;
}

static enum bench_exit run_row(const struct bench_row *row, struct bench_settings settings) {
  refuse_unknown(row, &settings);
  settings = fill_in(row, settings);
  return row->run(row, &settings);
}

/* A row leaves its process with a touched heap and with threads' arenas: the next begins afresh. */
static enum bench_exit run_in_child(const struct bench_row *row, struct bench_settings settings) {
  if ((row->flags & BENCH_ROUNDS) == 0) settings.rounds = 0;
  if ((row->flags & BENCH_SECONDS) == 0) settings.seconds = 0.0;
  if ((row->flags & BENCH_OPS) == 0) settings.ops = 0;
  if ((row->flags & BENCH_GROUPS) == 0) {
    settings.count = 0;
    settings.has_threads = false;
  }
  fflush(stdout);
  pid_t child = fork();
  if (child == 0) {
    enum bench_exit done = run_row(row, settings);
    fflush(stdout);
    _exit((int)done);
  }
  int status = 0;
  if (child < 0 || waitpid(child, &status, 0) != child || !WIFEXITED(status)) {
    return bench_complain(BENCH_SYSTEM, "the row %s did not come to its end", row->name);
  }
  return (enum bench_exit)WEXITSTATUS(status);
}

static enum bench_exit run_all(const struct bench_settings *settings) {
  enum bench_exit worst = BENCH_DONE;
  for (size_t k = 0; k < ROW_COUNT; k++) {
    enum bench_exit done = run_in_child(&rows[k], *settings);
    if (done > worst) worst = done;
  }
  return worst;
}

int main(int argc, char **argv) {
  struct bench_settings settings = {.cpu = MEASURE_CPU_ANY};
  if (argc < 2) {
    usage(stderr);
    return BENCH_USAGE;
  }
  for (int k = 1; k < argc; k++) {
    if (strcmp(argv[k], "--help") == 0) {
      usage(stdout);
      return BENCH_DONE;
    }
  }
  if (strcmp(argv[1], "memory-child") == 0 && argc == 5) {
    return (int)bench_memory_child(argv[2], parse_integer("count", argv[3], 1, UINT64_C(1) << 40),
                                   parse_seconds("seconds", argv[4]));
  }
  parse_flags(&settings, argc, argv);
  if (strcmp(argv[1], "all") == 0) {
    return (int)run_all(&settings);
  }
  for (size_t k = 0; k < ROW_COUNT; k++) {
    if (strcmp(argv[1], rows[k].name) == 0) {
      return (int)run_row(&rows[k], settings);
    }
  }
  refuse("row", argv[1], "see --help for the rows");
}
