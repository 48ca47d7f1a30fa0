/* Options: parsing and errors come from one table. */
#include <criterion/criterion.h>
#include <criterion/redirect.h>

#include "options.h"

typedef struct settings {
  uint64_t count, kind;
  const char *file;
  bool is_loud;
} settings;

static const vlot__option table[] = {
    {"--count", "N", VLOT__OPTION_NUMBER, offsetof(settings, count), 2, 9, NULL, "how many"},
    {"--kind", "a|bc", VLOT__OPTION_CHOICE, offsetof(settings, kind), 0, 0, "a|bc", "which"},
    {"--file", "FILE", VLOT__OPTION_TEXT, offsetof(settings, file), 0, 0, NULL, "where"},
    {"--loud", NULL, VLOT__OPTION_FLAG, offsetof(settings, is_loud), 0, 0, NULL, "noise"},
};
static const vlot__verb verb = {
    .name = "try", .summary = "Try", .options = table, .option_count = 4, .text = "More.\n"};

static int parse(settings *set, char *a, char *b, char *c) {
  char *argv[] = {a, b, c};
  int argc = c ? 3 : b ? 2 : a ? 1 : 0;
  *set = (settings){.count = 5};
  return vlot__options_parse(&verb, argc, argv, set);
}

Test(options, values_follow_their_name_or_an_equals_sign) {
  settings set;
  cr_assert_eq(parse(&set, NULL, NULL, NULL), 0);
  cr_assert_eq(set.count, 5);
  cr_assert_eq(parse(&set, "--count", "7", "--loud"), 0);
  cr_assert_eq(set.count, 7);
  cr_assert(set.is_loud);
  cr_assert_eq(parse(&set, "--count=0x9", "--kind=bc", "--file=x=y"), 0);
  cr_assert_eq(set.count, 9);
  cr_assert_eq(set.kind, 1);
  cr_assert_str_eq(set.file, "x=y");
}

Test(options, a_mistake_is_told_with_what_is_allowed) {
  static const struct {
    char *a, *b;
    const char *says;
  } cases[] = {
      {"--count", "1", "vlot try: --count 1: 2 to 9 is allowed\n"},
      {"--count", "10", "vlot try: --count 10: 2 to 9 is allowed\n"},
      {"--count", "three", "vlot try: --count three: 2 to 9 is allowed\n"},
      {"--count", "-3", "vlot try: --count -3: 2 to 9 is allowed\n"},
      {"--count", NULL, "vlot try: --count needs a value: --count N\n"},
      {"--kind", "b", "vlot try: --kind b: a|bc is allowed\n"},
      {"--loud=1", NULL, "vlot try: --loud takes no value\n"},
      {"--cuont", "3",
       "vlot try: unknown option --cuont; did you mean --count?\n"
       "'vlot help try' lists the options\n"},
      {"--zzzzzzzzz", NULL,
       "vlot try: unknown option --zzzzzzzzz\n'vlot help try' lists the options\n"},
      {"word", NULL, "vlot try: unexpected argument 'word'\n'vlot help try' lists the options\n"},
  };
  char expected[2048] = "";
  cr_redirect_stderr();
  for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
    settings set;
    cr_expect_eq(parse(&set, cases[k].a, cases[k].b, NULL), 2, "%s", cases[k].a);
    strcat(expected, cases[k].says);
  }
  fflush(stderr);
  cr_assert_stderr_eq_str(expected);
}

Test(options, help_lists_every_option_with_its_range) {
  settings set;
  cr_redirect_stdout();
  cr_assert_eq(parse(&set, "--count", "1", "--help"), 1);
  fflush(stdout);
  cr_assert_stdout_eq_str("usage: vlot try [OPTIONS]\n\nTry.\n\n"
                          "  --count N                  how many (2 to 9)\n"
                          "  --kind a|bc                which\n"
                          "  --file FILE                where\n"
                          "  --loud                     noise\n"
                          "\nMore.\n");
}

Test(options, a_number_is_the_whole_text_and_fits_64_bits) {
  static const struct {
    const char *text;
    bool is_good;
    uint64_t value;
  } cases[] = {
      {"0", true, 0},      {"007", true, 7},    {"18446744073709551615", true, UINT64_MAX},
      {"0xff", true, 255}, {"0XfF", true, 255}, {"18446744073709551616", false, 0},
      {"", false, 0},      {"0x", false, 0},    {"1 ", false, 0},
      {"-1", false, 0},    {"1e3", false, 0},   {"0x10000000000000000", false, 0},
  };
  for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
    uint64_t value = 0;
    cr_expect_eq(vlot__options_number(cases[k].text, &value), cases[k].is_good, "%s",
                 cases[k].text);
    cr_expect_eq(value, cases[k].value, "%s", cases[k].text);
  }
}

Test(options, the_nearest_word_shares_more_than_half) {
  static const char *const words[] = {"run", "sim", "help", "--version"};
  static const struct {
    const char *word, *nearest;
  } cases[] = {
      {"rum", "run"},
      {"smi", "sim"},
      {"sin", "sim"},
      {"hlep", "help"},
      {"-version", "--version"},
      {"q", NULL},
      {"", NULL},
      {"a-very-long-word-that-no-table-would-ever-hold", NULL},
  };
  for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
    const char *found = vlot__options_nearest(cases[k].word, words, 4);
    if (!cases[k].nearest)
      cr_expect_null(found, "%s", cases[k].word);
    else
      cr_expect_str_eq(found, cases[k].nearest, "%s", cases[k].word);
  }
}
