/* The tables of results and whys. */
#include <stdio.h>
#include <string.h>

#include <criterion/criterion.h>

#include "vlot/base.h"

static const vlot_result results[] = {
#define VLOT_X(name, number, text, advice) VLOT_##name,
    VLOT_RESULTS(VLOT_X)
#undef VLOT_X
};

static const vlot_why whys[] = {
#define VLOT_X(name, number, text) VLOT_WHY_##name,
    VLOT_WHYS(VLOT_X)
#undef VLOT_X
};

enum { RESULTS = sizeof results / sizeof *results, WHYS = sizeof whys / sizeof *whys };

/* A sentence: begins small, has no full stop, so that it can stand inside another. */
static bool is_phrase(const char *text) {
  size_t size = strlen(text);
  return size > 0 && text[size - 1] != '.' && text[size - 1] != ' ' && text[0] != ' ';
}

static bool is_name(const char *name) {
  return name[0] != 0 && strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_") == strlen(name);
}

Test(result, every_number_stands_once) {
  for (size_t k = 0; k < RESULTS; k++)
    for (size_t other = 0; other < k; other++) cr_assert_neq(results[k], results[other]);
  cr_assert_eq(VLOT_OK, 0, "so that a result can be tested like an errno");
}

Test(result, each_has_a_name_a_text_and_an_advice) {
  for (size_t k = 0; k < RESULTS; k++) {
    cr_assert(is_name(vlot_result_name(results[k])), "%s", vlot_result_name(results[k]));
    cr_assert(is_phrase(vlot_result_text(results[k])), "%s", vlot_result_name(results[k]));
    cr_assert(is_phrase(vlot_result_advice(results[k])), "%s", vlot_result_name(results[k]));
    for (size_t other = 0; other < k; other++)
      cr_assert_str_neq(vlot_result_text(results[k]), vlot_result_text(results[other]));
  }
  cr_assert_str_eq(vlot_result_name(VLOT_NOT_LEADER), "NOT_LEADER");
}

Test(result, outside_the_table_is_a_question_mark) {
  const int outside[] = {-1, RESULTS, RESULTS + 1, 1 << 20};
  for (size_t k = 0; k < sizeof outside / sizeof *outside; k++) {
    cr_assert_str_eq(vlot_result_name((vlot_result)outside[k]), "?");
    cr_assert_str_eq(vlot_result_text((vlot_result)outside[k]), "?");
    cr_assert_str_eq(vlot_result_advice((vlot_result)outside[k]), "?");
  }
}

Test(why, every_number_stands_once) {
  for (size_t k = 0; k < WHYS; k++)
    for (size_t other = 0; other < k; other++)
      cr_assert_neq(whys[k], whys[other], "%s", vlot_why_name(whys[k]));
}

Test(why, each_has_a_name_and_a_text_of_its_own) {
  for (size_t k = 0; k < WHYS; k++) {
    cr_assert(is_name(vlot_why_name(whys[k])));
    cr_assert(whys[k] == VLOT_WHY_NONE || is_phrase(vlot_why_text(whys[k])), "%s",
              vlot_why_name(whys[k]));
    for (size_t other = 0; other < k; other++)
      cr_assert_str_neq(vlot_why_text(whys[k]), vlot_why_text(whys[other]));
  }
  cr_assert_str_eq(vlot_why_text(VLOT_WHY_NONE), "");
}

/* A change carries its why in 16 bits. */
Test(why, every_number_fits_a_change) {
  for (size_t k = 0; k < WHYS; k++) cr_assert_leq((unsigned)whys[k], UINT16_MAX);
}

Test(why, outside_the_table_is_a_question_mark) {
  bool is_inside[256] = {false};
  for (size_t k = 0; k < WHYS; k++)
    if ((unsigned)whys[k] < 256) is_inside[whys[k]] = true;
  for (int number = -1; number < 256; number++) {
    if (number >= 0 && is_inside[number]) continue;
    cr_assert_str_eq(vlot_why_name((vlot_why)number), "?");
    cr_assert_str_eq(vlot_why_text((vlot_why)number), "?");
  }
}

Test(version, of_the_library_is_that_of_the_headers) {
  char text[32];
  cr_assert_str_eq(vlot_version_string(), VLOT_VERSION_STRING);
  snprintf(text, sizeof text, "%d.%d.%d", VLOT_VERSION / 1000000, VLOT_VERSION / 1000 % 1000,
           VLOT_VERSION % 1000);
  cr_assert_str_eq(text, VLOT_VERSION_STRING);
  cr_assert(VLOT_VERSION_OF(0, 1, 0) > VLOT_VERSION_OF(0, 0, 999));
}
