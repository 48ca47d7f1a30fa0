/* Options: one table per verb gives parsing, errors and help. */
#include "options.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* --- words --- */

enum { WORD_MAX = 32 };

static size_t least(size_t a, size_t b) { return a < b ? a : b; }

/* Letters to change, insert, remove or swap with their neighbour. Longer words than WORD_MAX are
 * far from everything. */
static size_t distance(const char *a, const char *b) {
  size_t rows = strlen(a), columns = strlen(b), table[WORD_MAX + 1][WORD_MAX + 1];
  if (rows > WORD_MAX || columns > WORD_MAX) return WORD_MAX;
  for (size_t i = 0; i <= rows; i++) table[i][0] = i;
  for (size_t j = 0; j <= columns; j++) table[0][j] = j;
  for (size_t i = 1; i <= rows; i++)
    for (size_t j = 1; j <= columns; j++) {
      size_t away = least(table[i - 1][j], table[i][j - 1]) + 1;
      away = least(away, table[i - 1][j - 1] + (a[i - 1] != b[j - 1]));
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        away = least(away, table[i - 2][j - 2] + 1);
      table[i][j] = away;
    }
  return table[rows][columns];
}

const char *vlot__options_nearest(const char *word, const char *const *words, size_t count) {
  const char *nearest = NULL;
  size_t best = strlen(word) / 2 + 1; /* a suggestion that shares less than half is a guess */
  if (best > 4) best = 4;
  for (size_t k = 0; k < count; k++) {
    size_t d = distance(word, words[k]);
    if (d >= best) continue;
    best = d;
    nearest = words[k];
  }
  return nearest;
}

bool vlot__options_number(const char *text, uint64_t *number) {
  uint64_t base = 10, value = 0;
  if (text[0] == '0' && (text[1] == 'x' || text[1] == 'X')) {
    base = 16;
    text += 2;
  }
  if (!*text) return false;
  for (; *text; text++) {
    uint64_t digit = 99;
    if (*text >= '0' && *text <= '9')
      digit = (uint64_t)(*text - '0');
    else if (*text >= 'a' && *text <= 'f')
      digit = (uint64_t)(*text - 'a' + 10);
    else if (*text >= 'A' && *text <= 'F')
      digit = (uint64_t)(*text - 'A' + 10);
    if (digit >= base || value > (UINT64_MAX - digit) / base) return false;
    value = value * base + digit;
  }
  *number = value;
  return true;
}

/* --- parsing --- */

static const vlot__option *find(const vlot__verb *verb, const char *name, size_t size) {
  for (size_t k = 0; k < verb->option_count; k++) {
    const char *known = verb->options[k].name;
    if (strlen(known) == size && memcmp(known, name, size) == 0) return &verb->options[k];
  }
  return NULL;
}

enum { SUGGESTIONS_MAX = 64 };

static void say_unknown(const vlot__verb *verb, const char *name, size_t size) {
  const char *names[SUGGESTIONS_MAX] = {"--help"};
  size_t count = 1;
  for (size_t k = 0; k < verb->option_count && count < SUGGESTIONS_MAX; k++)
    names[count++] = verb->options[k].name;
  char word[WORD_MAX + 1];
  snprintf(word, sizeof word, "%.*s", (int)least(size, WORD_MAX), name);
  const char *nearest = vlot__options_nearest(word, names, count);
  fprintf(stderr, "vlot %s: unknown option %.*s", verb->name, (int)size, name);
  if (nearest) fprintf(stderr, "; did you mean %s?", nearest);
  fprintf(stderr, "\n'vlot help %s' lists the options\n", verb->name);
}

static bool choose(const vlot__option *option, const char *text, uint64_t *choice) {
  size_t size = strlen(text);
  uint64_t k = 0;
  for (const char *at = option->choices;; k++) {
    const char *bar = strchr(at, '|');
    size_t length = bar ? (size_t)(bar - at) : strlen(at);
    if (length == size && memcmp(at, text, size) == 0) break;
    if (!bar) return false;
    at = bar + 1;
  }
  *choice = k;
  return true;
}

static bool say_range(const vlot__verb *verb, const vlot__option *option, const char *text) {
  fprintf(stderr, "vlot %s: %s %s: ", verb->name, option->name, text);
  if (option->type == VLOT__OPTION_CHOICE)
    fprintf(stderr, "%s is allowed\n", option->choices);
  else
    fprintf(stderr, "%" PRIu64 " to %" PRIu64 " is allowed\n", option->min, option->max);
  return false;
}

static bool store(const vlot__verb *verb, const vlot__option *option, const char *text,
                  void *settings) {
  void *field = (char *)settings + option->offset;
  uint64_t number = 0;
  switch (option->type) {
  case VLOT__OPTION_FLAG: *(bool *)field = true; return true;
  case VLOT__OPTION_TEXT: *(const char **)field = text; return true;
  case VLOT__OPTION_NUMBER:
    if (!vlot__options_number(text, &number) || number < option->min || number > option->max)
      return say_range(verb, option, text);
    break;
  case VLOT__OPTION_CHOICE:
    if (!choose(option, text, &number)) return say_range(verb, option, text);
    break;
  }
  *(uint64_t *)field = number;
  return true;
}

/* One option at argv[*at]; *at moves on to the last argument it takes. */
static bool parse_one(const vlot__verb *verb, int argc, char **argv, int *at, void *settings) {
  const char *word = argv[*at], *equals = strchr(word, '=');
  size_t size = equals ? (size_t)(equals - word) : strlen(word);
  if (word[0] != '-' || word[1] == '\0') {
    fprintf(stderr, "vlot %s: unexpected argument '%s'\n'vlot help %s' lists the options\n",
            verb->name, word, verb->name);
    return false;
  }
  const vlot__option *option = find(verb, word, size);
  if (!option) {
    say_unknown(verb, word, size);
    return false;
  }
  if (option->type == VLOT__OPTION_FLAG) {
    if (equals) fprintf(stderr, "vlot %s: %s takes no value\n", verb->name, option->name);
    return !equals && store(verb, option, NULL, settings);
  }
  const char *value = equals ? equals + 1 : *at + 1 < argc ? argv[++*at] : NULL;
  if (!value || !*value) {
    fprintf(stderr, "vlot %s: %s needs a value: %s %s\n", verb->name, option->name, option->name,
            option->value);
    return false;
  }
  return store(verb, option, value, settings);
}

int vlot__options_parse(const vlot__verb *verb, int argc, char **argv, void *settings) {
  for (int k = 0; k < argc; k++)
    if (strcmp(argv[k], "--help") == 0 || strcmp(argv[k], "-h") == 0) {
      vlot__options_help(verb, stdout);
      return 1;
    }
  for (int k = 0; k < argc; k++)
    if (!parse_one(verb, argc, argv, &k, settings)) return 2;
  return 0;
}

/* --- help --- */

void vlot__options_help(const vlot__verb *verb, FILE *out) {
  fprintf(out, "usage: vlot %s%s\n\n%s.\n", verb->name, verb->option_count ? " [OPTIONS]" : "",
          verb->summary);
  if (verb->option_count) fprintf(out, "\n");
  for (size_t k = 0; k < verb->option_count; k++) {
    const vlot__option *option = &verb->options[k];
    char left[80];
    snprintf(left, sizeof left, "%s%s%s", option->name, option->value ? " " : "",
             option->value ? option->value : "");
    fprintf(out, "  %-25s  %s", left, option->help);
    if (option->type == VLOT__OPTION_NUMBER && option->max != UINT64_MAX)
      fprintf(out, " (%" PRIu64 " to %" PRIu64 ")", option->min, option->max);
    fprintf(out, "\n");
  }
  if (verb->text) fprintf(out, "\n%s", verb->text);
}

static bool takes_value(const vlot__verb *verb, const char *word) {
  for (size_t k = 0; k < verb->option_count; k++)
    if (verb->options[k].value && strcmp(verb->options[k].name, word) == 0) return true;
  return false;
}

/* A second file stays among the options, which refuse it. */
int vlot__options_parse_file(const vlot__verb *verb, int argc, char **argv, void *settings,
                             const char **file) {
  char **words = calloc((size_t)argc + 1, sizeof *words);
  int count = 0;
  *file = NULL;
  if (!words) {
    fprintf(stderr, "vlot %s: out of memory\n", verb->name);
    return 2;
  }
  for (int k = 0; k < argc; k++) {
    bool is_option = argv[k][0] == '-' && argv[k][1];
    if (is_option || *file || (k > 0 && takes_value(verb, argv[k - 1])))
      words[count++] = argv[k];
    else
      *file = argv[k];
  }
  int parsed = vlot__options_parse(verb, count, words, settings);
  free(words);
  return parsed;
}
