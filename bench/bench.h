/* vlot-bench: the cluster beside the machine's own limits, one sub-command per row of the table.
 *
 * Only public headers of vlot are used here, as a user's program would.
 */
#ifndef VLOT_BENCH_BENCH_H
#define VLOT_BENCH_BENCH_H

#include <stdbool.h>
#include <stdint.h>

#include "measure.h"

enum bench_exit {
  BENCH_DONE = 0,     /* measured; whether a goal was reached is in the output */
  BENCH_MISMATCH = 1, /* commands or messages were lost, doubled or reordered */
  BENCH_USAGE = 64,
  BENCH_SYSTEM = 70 /* no thread, memory or CPU; or the cluster refused */
};

#define BENCH_ROUNDS_MAX 1000U

/* What the command line said, defaults of the row filled in. */
struct bench_settings {
  uint64_t rounds; /* 1..BENCH_ROUNDS_MAX */
  double seconds;  /* measured time of a round; 0 where operations decide */
  uint64_t ops;    /* operations of a round; 0 where the time decides */
  uint64_t count;  /* of groups */
  int cpu;         /* of rows on one core */
  bool has_threads;
  bool is_unpinned; /* rows on one core are left to the kernel */
  uint32_t assist;  /* vlot_assist */
  bool is_json;
  bool is_quick;
};

/* Where a row on one core runs. */
static inline int bench_cpu(const struct bench_settings *settings) {
  return settings->is_unpinned ? MEASURE_CPU_ANY : settings->cpu;
}

/* Flags that say something to a row, beside --json, --quick and --cpu. BENCH_GROUPS: --count and
 * --threads. */
enum bench_flag { BENCH_ROUNDS = 1, BENCH_SECONDS = 2, BENCH_OPS = 4, BENCH_GROUPS = 8 };

/* What --rounds, --seconds and --ops are when not given. */
struct bench_amount {
  uint64_t rounds;
  double seconds;
  uint64_t ops;
};

struct bench_row {
  const char *name;
  const char *what;
  enum bench_exit (*run)(const struct bench_row *row, const struct bench_settings *settings);
  int flags; /* of enum bench_flag */
  struct bench_amount full;
  struct bench_amount quick;
};

enum bench_exit bench_ops_1(const struct bench_row *row, const struct bench_settings *settings);
enum bench_exit bench_ops_16(const struct bench_row *row, const struct bench_settings *settings);
enum bench_exit bench_ops_256(const struct bench_row *row, const struct bench_settings *settings);
enum bench_exit bench_ops_4096(const struct bench_row *row, const struct bench_settings *settings);
enum bench_exit bench_ops_4k(const struct bench_row *row, const struct bench_settings *settings);
enum bench_exit bench_tail(const struct bench_row *row, const struct bench_settings *settings);
enum bench_exit bench_assist(const struct bench_row *row, const struct bench_settings *settings);
enum bench_exit bench_mailbox(const struct bench_row *row, const struct bench_settings *settings);
enum bench_exit bench_lockstep(const struct bench_row *row, const struct bench_settings *settings);
enum bench_exit bench_loss(const struct bench_row *row, const struct bench_settings *settings);
enum bench_exit bench_journal(const struct bench_row *row, const struct bench_settings *settings);
enum bench_exit bench_memory(const struct bench_row *row, const struct bench_settings *settings);
enum bench_exit bench_idle_cpu(const struct bench_row *row, const struct bench_settings *settings);
enum bench_exit bench_first_leader(const struct bench_row *row,
                                   const struct bench_settings *settings);
enum bench_exit bench_re_election(const struct bench_row *row,
                                  const struct bench_settings *settings);

enum bench_exit bench_forgets(const struct bench_row *row, const struct bench_settings *settings);
enum bench_exit bench_freeze(const struct bench_row *row, const struct bench_settings *settings);
enum bench_exit bench_install(const struct bench_row *row, const struct bench_settings *settings);

enum bench_exit bench_groups(const struct bench_row *row, const struct bench_settings *settings);

/* The memory row's other process: what heap and resident set have grown by, in bytes, on stdout. */
enum bench_exit bench_memory_child(const char *what, uint64_t count, double seconds);

/* ---- Report ---------------------------------------------------------------------------------- */

/* A goal and what was measured for it. */
struct bench_figure {
  const char *name; /* of JSON */
  const char *text; /* what it is and its unit */
  double reach;     /* a goal of 0: none, the figure is for information */
  double aim;
  bool is_less_better;
};

/* First line of a row: what is measured and where its threads run. */
void bench_title(const struct bench_row *row, const struct bench_settings *settings,
                 const char *place);

/* Take up a round in text (format ...) unless the output is JSON. */
void bench_round(const struct bench_settings *settings, uint64_t round, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Begin a JSON object of a row: row, place, and "round" unless it is 0. */
void bench_json(struct measure_json *json, const struct bench_row *row, const char *place,
                uint64_t round);

/* Median, least and greatest of [count] values (sorted in place) beside the goal. */
void bench_verdict(const struct bench_row *row, const struct bench_settings *settings,
                   const char *place, const struct bench_figure *figure, double *values,
                   uint64_t count);

/* One line on stderr, only on a terminal; NULL wipes it. */
void bench_progress(const char *format, ...) __attribute__((format(printf, 1, 2)));
void bench_progress_end(void);

/* Complain on stderr; returns what, to be returned. */
enum bench_exit bench_complain(enum bench_exit what, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* "one core (CPU 0)" */
const char *bench_place_text(int cpu, char *text, size_t capacity);

#endif
