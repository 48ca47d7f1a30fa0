/* What lints say. */
#include "vlot/lint.h"

#include <string.h>

#include "base/writer.h"
#include "cluster/lint_settings.h"

static const struct {
  uint32_t number;
  const char *word, *sentence, *advice;
} rows[] = {
#define VLOT_X(name, number, word, sentence, advice) {number, word, sentence, advice},
    VLOT_LINTS(VLOT_X)
#undef VLOT_X
};

enum { ROWS = sizeof rows / sizeof *rows };

const char *vlot_lint_name(uint32_t number) {
  for (size_t k = 0; k < ROWS; k++)
    if (rows[k].number == number) return rows[k].word;
  return "?";
}

/* What the advice recommends. */
static uint64_t right_of(const vlot_lint *lint) {
  switch (lint->number) {
  case VLOT_LINT_NARROW_TIMEOUTS: return 2 * lint->value;
  case VLOT_LINT_SLOW_HEARTBEAT: return lint->other > 3 ? (lint->other - 1) / 2 : 1;
  case VLOT_LINT_EVEN_VOTERS: return lint->value - 1;
  case VLOT_LINT_SHORT_TIMEOUTS:
    return lint->other ? (lint->value * VLOT__LINT_SHORT_US + lint->other - 1) / lint->other : 0;
  default: return 0;
  }
}

/* Behind a 1 these are said without their s. */
static const char *skip_plural(vlot__writer *w, const char *text) {
  static const char *const units[] = {" tick", " microsecond"};
  for (size_t k = 0; k < sizeof units / sizeof *units; k++) {
    size_t size = strlen(units[k]);
    if (strncmp(text, units[k], size) != 0 || text[size] != 's') continue;
    vlot__write(w, text, size);
    return text + size + 1;
  }
  return text;
}

/* Was it a 1? */
static bool put_value(vlot__writer *w, const vlot_lint *lint, const char *name, size_t size) {
  const struct {
    const char *name;
    uint64_t value;
  } values[] = {{"value", lint->value},
                {"other", lint->other},
                {"right", right_of(lint)},
                {"node", lint->node}};
  for (size_t k = 0; k < sizeof values / sizeof *values; k++) {
    if (strlen(values[k].name) != size || memcmp(values[k].name, name, size) != 0) continue;
    vlot__write_number(w, values[k].value);
    return values[k].value == 1;
  }
  return false;
}

static void put_filled(vlot__writer *w, const vlot_lint *lint, const char *text) {
  for (const char *brace; (brace = strchr(text, '{')) != NULL;) {
    const char *end = strchr(brace, '}');
    vlot__write(w, text, (size_t)(brace - text));
    bool is_one = put_value(w, lint, brace + 1, (size_t)(end - brace - 1));
    text = is_one ? skip_plural(w, end + 1) : end + 1;
  }
  vlot__write(w, text, strlen(text));
}

size_t vlot_lint_text(const vlot_lint *lint, char *out, size_t capacity) {
  vlot__writer w = {.out = out, .capacity = capacity};
  size_t k = 0;
  while (k < ROWS && rows[k].number != lint->number) k++;
  if (k < ROWS) {
    put_filled(&w, lint, rows[k].sentence);
    vlot__write(&w, "; ", 2);
    put_filled(&w, lint, rows[k].advice);
  } else {
    put_filled(&w, &(vlot_lint){.value = lint->number}, "lint {value} is unknown");
  }
  if (capacity > 0) out[w.length < capacity ? w.length : capacity - 1] = '\0';
  return w.length;
}
