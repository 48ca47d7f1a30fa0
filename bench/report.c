/* What vlot-bench prints: text for people, one JSON object per line for programs. */
#include <inttypes.h>
#include <stdarg.h>
#include <unistd.h>

#include "bench.h"

const char *bench_place_text(int cpu, char *text, size_t capacity) {
  if (cpu == MEASURE_CPU_ANY) {
    snprintf(text, capacity, "left to the kernel");
  } else {
    snprintf(text, capacity, "one core (CPU %d)", cpu);
  }
  return text;
}

void bench_title(const struct bench_row *row, const struct bench_settings *settings,
                 const char *place) {
  if (!settings->is_json) {
    printf("%s: %s\n  placement: %s\n", row->name, row->what, place);
    fflush(stdout);
  }
}

void bench_round(const struct bench_settings *settings, uint64_t round, const char *format, ...) {
  bench_progress_end();
  if (settings->is_json) {
    return;
  }
  va_list arguments;
  va_start(arguments, format);
  printf("  round %-3" PRIu64 " ", round);
  vprintf(format, arguments);
  putchar('\n');
  fflush(stdout);
  va_end(arguments);
}

void bench_json(struct measure_json *json, const struct bench_row *row, const char *place,
                uint64_t round) {
  measure_json_begin(json, stdout);
  measure_json_string(json, "row", row->name);
  measure_json_string(json, "place", place);
  if (round > 0) {
    measure_json_integer(json, "round", round);
  }
}

static bool is_reached(const struct bench_figure *figure, double value, double goal) {
  return figure->is_less_better ? value <= goal : value >= goal;
}

static const char *verdict(const struct bench_figure *figure, double value) {
  if (is_reached(figure, value, figure->aim)) {
    return "aim reached";
  }
  return is_reached(figure, value, figure->reach) ? "reached" : "NOT REACHED";
}

void bench_verdict(const struct bench_row *row, const struct bench_settings *settings,
                   const char *place, const struct bench_figure *figure, double *values,
                   uint64_t count) {
  struct measure_spread spread = measure_spread_of(values, (size_t)count);
  bool has_goal = figure->reach > 0.0;
  bench_progress_end();
  if (settings->is_json) {
    struct measure_json json;
    bench_json(&json, row, place, 0);
    measure_json_string(&json, "figure", figure->name);
    measure_json_integer(&json, "count", count);
    measure_json_spread(&json, "value", spread);
    if (has_goal) {
      measure_json_number(&json, "reach", figure->reach);
      measure_json_number(&json, "aim", figure->aim);
      measure_json_bool(&json, "is_reached", is_reached(figure, spread.median, figure->reach));
      measure_json_bool(&json, "is_aim_reached", is_reached(figure, spread.median, figure->aim));
    }
    measure_json_end(&json);
    return;
  }
  printf("  => %s: %.4g (%.4g..%.4g)", figure->text, spread.median, spread.min, spread.max);
  if (has_goal) {
    const char *sign = figure->is_less_better ? "<=" : ">=";
    printf("  reach %s %.4g, aim %s %.4g: %s", sign, figure->reach, sign, figure->aim,
           verdict(figure, spread.median));
  }
  putchar('\n');
  fflush(stdout);
}

void bench_progress(const char *format, ...) {
  if (!isatty(STDERR_FILENO)) {
    return;
  }
  va_list arguments;
  va_start(arguments, format);
  fputs("\r\033[K", stderr);
  vfprintf(stderr, format, arguments);
  fflush(stderr);
  va_end(arguments);
}

void bench_progress_end(void) {
  if (isatty(STDERR_FILENO)) {
    fputs("\r\033[K", stderr);
    fflush(stderr);
  }
}

enum bench_exit bench_complain(enum bench_exit what, const char *format, ...) {
  va_list arguments;
  bench_progress_end();
  va_start(arguments, format);
  fputs("vlot-bench: ", stderr);
  vfprintf(stderr, format, arguments);
  fputc('\n', stderr);
  va_end(arguments);
  return what;
}
