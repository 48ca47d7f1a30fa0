#include "measure.h"

#include <dirent.h>
#include <math.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

uint64_t measure_now_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec;
}

_Noreturn void measure_fatal(const char *what) {
  fprintf(stderr, "vlot-bench: %s\n", what);
  exit(70);
}

/* ---- Histogram ----------------------------------------------------------------------------- */

void measure_histogram_clear(struct measure_histogram *histogram) {
  memset(histogram, 0, sizeof *histogram);
}

void measure_histogram_merge(struct measure_histogram *into, const struct measure_histogram *from) {
  for (size_t bucket = 0; bucket < MEASURE_BUCKETS; bucket++) {
    into->counts[bucket] += from->counts[bucket];
  }
  into->total += from->total;
  if (from->max > into->max) {
    into->max = from->max;
  }
}

/* The greatest value that falls into a bucket: a percentile may come out too high, never too low.
 */
static uint64_t bucket_top(uint32_t bucket) {
  if (bucket < MEASURE_SUB_COUNT) {
    return bucket;
  }
  uint32_t shift = (bucket >> MEASURE_SUB_BITS) - 1U;
  uint64_t lead = MEASURE_SUB_COUNT + (bucket & (MEASURE_SUB_COUNT - 1U));
  return (lead << shift) + ((UINT64_C(1) << shift) - 1U);
}

uint64_t measure_histogram_percentile(const struct measure_histogram *histogram, double percent) {
  double share = (double)histogram->total * percent / 100.0;
  uint64_t wanted = (uint64_t)share;
  if ((double)wanted < share) {
    wanted++;
  }
  uint64_t seen = 0;
  for (uint32_t bucket = 0; bucket < MEASURE_BUCKETS && seen < histogram->total; bucket++) {
    seen += histogram->counts[bucket];
    if (seen >= wanted && seen > 0) {
      uint64_t top = bucket_top(bucket);
      return top < histogram->max ? top : histogram->max;
    }
  }
  return histogram->max;
}

/* ---- Rounds -------------------------------------------------------------------------------- */

static int compare_doubles(const void *left, const void *right) {
  double a = *(const double *)left;
  double b = *(const double *)right;
  return (a > b) - (a < b);
}

struct measure_spread measure_spread_of(double *values, size_t count) {
  struct measure_spread spread = {0};
  if (count == 0) {
    return spread;
  }
  qsort(values, count, sizeof *values, compare_doubles);
  spread.min = values[0];
  spread.max = values[count - 1];
  spread.median = (values[(count - 1) / 2] + values[count / 2]) / 2.0;
  return spread;
}

/* ---- Placement ----------------------------------------------------------------------------- */

_Static_assert(sizeof(cpu_set_t) <= sizeof(((struct measure_affinity *)0)->mask),
               "a saved affinity holds a cpu_set_t");

int measure_first_cpu(void) {
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) != 0) {
    return MEASURE_CPU_ANY;
  }
  for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
    if (CPU_ISSET((size_t)cpu, &set)) {
      return cpu;
    }
  }
  return MEASURE_CPU_ANY;
}

/* thread 0 is the calling one. */
static bool pin(pid_t thread, int cpu) {
  if (cpu < 0 || cpu >= CPU_SETSIZE) {
    return false;
  }
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET((size_t)cpu, &set);
  return sched_setaffinity(thread, sizeof set, &set) == 0;
}

bool measure_pin_thread(int cpu, struct measure_affinity *saved) {
  cpu_set_t before;
  memset(saved, 0, sizeof *saved);
  if (cpu == MEASURE_CPU_ANY) {
    return true;
  }
  if (sched_getaffinity(0, sizeof before, &before) != 0 || !pin(0, cpu)) {
    return false;
  }
  memcpy(saved->mask, &before, sizeof before);
  saved->changed = true;
  return true;
}

void measure_unpin_thread(const struct measure_affinity *saved) {
  if (saved->changed) {
    cpu_set_t before;
    memcpy(&before, saved->mask, sizeof before);
    sched_setaffinity(0, sizeof before, &before);
  }
}

bool measure_pin_process(int cpu) {
  DIR *threads = opendir("/proc/self/task");
  if (threads == NULL) {
    return false;
  }
  bool is_pinned = true;
  for (struct dirent *entry = readdir(threads); entry != NULL; entry = readdir(threads)) {
    long thread = strtol(entry->d_name, NULL, 10);
    if (thread > 0 && !pin((pid_t)thread, cpu)) {
      is_pinned = false;
    }
  }
  closedir(threads);
  return is_pinned;
}

/* ---- JSON lines ---------------------------------------------------------------------------- */

static void put_quoted(FILE *out, const char *text) {
  fputc('"', out);
  for (const unsigned char *at = (const unsigned char *)text; *at != '\0'; at++) {
    if (*at == '"' || *at == '\\') {
      fprintf(out, "\\%c", *at);
    } else if (*at < 0x20) {
      fprintf(out, "\\u%04x", *at);
    } else {
      fputc(*at, out);
    }
  }
  fputc('"', out);
}

static void put_key(struct measure_json *json, const char *key) {
  if (json->has_field) {
    fputc(',', json->out);
  }
  json->has_field = true;
  put_quoted(json->out, key);
  fputc(':', json->out);
}

void measure_json_begin(struct measure_json *json, FILE *out) {
  json->out = out;
  json->has_field = false;
  fputc('{', out);
}

void measure_json_string(struct measure_json *json, const char *key, const char *value) {
  put_key(json, key);
  put_quoted(json->out, value);
}

void measure_json_integer(struct measure_json *json, const char *key, uint64_t value) {
  put_key(json, key);
  fprintf(json->out, "%llu", (unsigned long long)value);
}

void measure_json_number(struct measure_json *json, const char *key, double value) {
  put_key(json, key);
  if (isfinite(value)) {
    fprintf(json->out, "%.6g", value);
  } else {
    fputs("null", json->out);
  }
}

void measure_json_bool(struct measure_json *json, const char *key, bool value) {
  put_key(json, key);
  fputs(value ? "true" : "false", json->out);
}

void measure_json_spread(struct measure_json *json, const char *key, struct measure_spread spread) {
  const char *suffixes[] = {"median", "min", "max"};
  const double values[] = {spread.median, spread.min, spread.max};
  for (size_t i = 0; i < 3; i++) {
    char name[96];
    snprintf(name, sizeof name, "%s_%s", key, suffixes[i]);
    measure_json_number(json, name, values[i]);
  }
}

void measure_json_end(struct measure_json *json) {
  fputs("}\n", json->out);
  fflush(json->out);
}
