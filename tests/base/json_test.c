/* Text as JSON: any bytes are a string of it, within the length that is foretold. */
#include <criterion/criterion.h>
#include <string.h>

#include "base/json.h"
#include "base/little.h"

static const char *string_of(const void *bytes, size_t size) {
  static char text[400];
  vlot__writer w = {.out = text, .capacity = sizeof text};
  vlot__json_bytes(&w, bytes, size);
  cr_expect_leq(w.length, vlot__json_bytes_max(size));
  vlot__write_end(&w);
  return text;
}

Test(json, any_bytes_are_a_string) {
  static const struct {
    const char *bytes, *text;
  } rows[] = {
      {"", "\"\""},
      {"a b", "\"a b\""},
      {"\"\\", "\"\\\"\\\\\""},
      {"\n\x1f", "\"\\u000a\\u001f\""},
      {"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", "\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\""},
      {"\x7f\xc2\x80\xc2\x9f\xc2\xa0", "\"\\u007f\\u0080\\u009f\xc2\xa0\""},
      {"\xe2\x80\xa7\xe2\x80\xa8\xe2\x80\xa9", "\"\xe2\x80\xa7\\u2028\\u2029\""},
      {"a\xff\xc3", "{\"hex\":\"61ffc3\"}"},                /* no UTF-8; cut off */
      {"\xc0\x80\xed\xa0\x80", "{\"hex\":\"c080eda080\"}"}, /* too long; a surrogate */
  };
  for (size_t k = 0; k < sizeof rows / sizeof *rows; k++)
    cr_expect_str_eq(string_of(rows[k].bytes, strlen(rows[k].bytes)), rows[k].text);
  cr_expect_str_eq(string_of("\0\0", 2), "\"\\u0000\\u0000\"");
}

Test(json, members_stand_behind_a_comma) {
  char text[200];
  vlot__writer w = {.out = text, .capacity = sizeof text};
  vlot__json_number_of(&w, "number", UINT64_MAX);
  vlot__json_name_of(&w, "name", "x");
  vlot__json_truth_of(&w, "truth", false);
  vlot__json_key(&w, "hash");
  vlot__json_hash(&w, 0xabc);
  vlot__write_end(&w);
  cr_expect_str_eq(text, ",\"number\":18446744073709551615,\"name\":\"x\",\"truth\":false,"
                         "\"hash\":\"0000000000000abc\"");
}

Test(little, a_number_is_the_same_by_word_and_by_size) {
  const uint64_t value = 0x8877665544332211;
  uint8_t bytes[8], other[8];
  for (size_t size = 0; size <= 8; size++) {
    memset(bytes, 0xee, sizeof bytes);
    cr_expect_eq(vlot__put_word(bytes, value, size), bytes + size);
    cr_expect_eq(vlot__get_word(bytes, size), size == 8 ? value : value & ((1ull << 8 * size) - 1));
    for (size_t k = size; k < 8; k++) cr_expect_eq(bytes[k], 0xee);
  }
  vlot__put64(other, value);
  cr_expect_eq(memcmp(other, bytes, 8), 0);
  cr_expect_eq(vlot__get64(bytes), value);
  cr_expect_eq(vlot__get32(bytes), 0x44332211);
  cr_expect_eq(vlot__get16(bytes), 0x2211);
}
