/* What every benchmark here measures with: a clock, a histogram, the spread of several rounds,
 * placement on one core, and JSON lines.
 *
 * libc and pthreads only; compile with _GNU_SOURCE defined.
 */
#ifndef VLOT_BENCH_MEASURE_H
#define VLOT_BENCH_MEASURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* CLOCK_MONOTONIC in nanoseconds. */
uint64_t measure_now_ns(void);

/* Print "vlot-bench: WHAT" on stderr and exit with 70. For a machine that cannot go on (no memory,
 * no thread), never for a wrong option. */
_Noreturn void measure_fatal(const char *what);

/* ---- Histogram ----------------------------------------------------------------------------- */

/* Log-linear buckets: 128 per power of two, so that a percentile is at most 0.8 % too high. The
 * memory is fixed and recording never allocates, so that measuring cannot cause the pause it looks
 * for. */
#define MEASURE_SUB_BITS  7
#define MEASURE_SUB_COUNT (1U << MEASURE_SUB_BITS)
#define MEASURE_BUCKETS   ((64U - MEASURE_SUB_BITS + 1U) * MEASURE_SUB_COUNT)

struct measure_histogram {
  uint64_t counts[MEASURE_BUCKETS];
  uint64_t total; /* recorded values */
  uint64_t max;   /* exact; 0 when empty */
};

void measure_histogram_clear(struct measure_histogram *histogram);

/* Bucket a value falls into. */
static inline uint32_t measure_histogram_bucket(uint64_t value) {
  if (value < MEASURE_SUB_COUNT) {
    return (uint32_t)value;
  }
  uint32_t shift = 63U - (uint32_t)__builtin_clzll(value) - MEASURE_SUB_BITS;
  return (shift << MEASURE_SUB_BITS) + (uint32_t)(value >> shift);
}

/* Record the same value count times: answers that are read together share one clock reading. */
static inline void measure_histogram_record(struct measure_histogram *histogram, uint64_t value,
                                            uint64_t count) {
  histogram->counts[measure_histogram_bucket(value)] += count;
  histogram->total += count;
  if (value > histogram->max && count > 0) {
    histogram->max = value;
  }
}

/* Add all that from has recorded. One histogram per thread, merged afterwards, needs no lock. */
void measure_histogram_merge(struct measure_histogram *into, const struct measure_histogram *from);

/* The smallest bucket edge that at least percent of the values do not exceed, never above max.
 *
 * percent  0 < percent <= 100, for example 99.9
 * returns  0 for an empty histogram
 */
uint64_t measure_histogram_percentile(const struct measure_histogram *histogram, double percent);

/* ---- Rounds -------------------------------------------------------------------------------- */

struct measure_spread {
  double median;
  double min;
  double max;
};

/* Median, least and greatest of [count] values, which are sorted in place. All zero for count 0. */
struct measure_spread measure_spread_of(double *values, size_t count);

/* ---- Placement ----------------------------------------------------------------------------- */

/* Where the kernel places threads. */
#define MEASURE_CPU_ANY (-1)

/* The lowest-numbered CPU this thread may run on; MEASURE_CPU_ANY if the kernel does not say. */
int measure_first_cpu(void);

/* A thread's CPU mask, to be restored. */
struct measure_affinity {
  unsigned char mask[128];
  bool changed;
};

/* Pin the calling thread to a CPU. Threads it creates from now on inherit this; existing threads
 * stay where they are.
 *
 * cpu      a CPU number, or MEASURE_CPU_ANY to change nothing
 * saved    out: what measure_unpin_thread() restores
 * returns  false if the thread may not run there (nothing changed)
 */
bool measure_pin_thread(int cpu, struct measure_affinity *saved);
void measure_unpin_thread(const struct measure_affinity *saved);

/* Pin every thread the process has now, and so all that these will create.
 *
 * returns  false if one of them could not be pinned; the others are
 */
bool measure_pin_process(int cpu);

/* ---- JSON lines ---------------------------------------------------------------------------- */

/* One object on one line: begin, any number of fields, end. Nothing is nested. */
struct measure_json {
  FILE *out;
  bool has_field;
};

void measure_json_begin(struct measure_json *json, FILE *out);
void measure_json_string(struct measure_json *json, const char *key, const char *value);
void measure_json_integer(struct measure_json *json, const char *key, uint64_t value);
/* A number that JSON cannot say (infinite, not a number) becomes null. */
void measure_json_number(struct measure_json *json, const char *key, double value);
void measure_json_bool(struct measure_json *json, const char *key, bool value);
/* Three fields: KEY_median, KEY_min, KEY_max. */
void measure_json_spread(struct measure_json *json, const char *key, struct measure_spread spread);
void measure_json_end(struct measure_json *json);

#endif
