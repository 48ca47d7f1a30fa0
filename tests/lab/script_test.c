/* The input format of vlot run. */
#include <criterion/criterion.h>

#include "script.h"

static void parse(vlot__script *script, const char *text, char *complaints, size_t size) {
  FILE *out = fmemopen(complaints, size, "w");
  cr_assert(vlot__script_parse(script, "in", text, strlen(text), out));
  fclose(out);
}

static bool is(const void *data, size_t size, const char *text) {
  return data ? size == strlen(text) && memcmp(data, text, size) == 0 : size == 0 && !*text;
}

Test(script, a_line_is_a_command) {
  static const struct {
    const char *line;
    vlot_kv_operation operation;
    const char *key, *value, *expected;
    int64_t amount;
  } cases[] = {
      {"set k a value of words ", VLOT_KV_SET, "k", "a value of words ", "", 0},
      {"  set\tk\t v\r", VLOT_KV_SET, "k", "v", "", 0},
      {"set k \"\"", VLOT_KV_SET, "k", "", "", 0},
      {"set k \"a\"", VLOT_KV_SET, "k", "\"a\"", "", 0},
      {"cas k \"\" \"\"", VLOT_KV_CAS, "k", "", "", 0},
      {"del k ", VLOT_KV_DELETE, "k", "", "", 0},
      {"get k", VLOT_KV_GET, "k", "", "", 0},
      {"cas k old new and more", VLOT_KV_CAS, "k", "new and more", "old", 0},
      {"incr k", VLOT_KV_INCREMENT, "k", "", "", 1},
      {"incr k -5", VLOT_KV_INCREMENT, "k", "", "", -5},
      {"incr k 9223372036854775807", VLOT_KV_INCREMENT, "k", "", "", INT64_MAX},
      {"incr k -9223372036854775808", VLOT_KV_INCREMENT, "k", "", "", INT64_MIN},
  };
  for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
    vlot__script script;
    char complaints[256] = "";
    parse(&script, cases[k].line, complaints, sizeof complaints);
    cr_assert_eq(script.count, 1, "%s: %s", cases[k].line, complaints);
    const vlot_kv_command *kv = &script.commands[0].kv;
    cr_expect_eq(kv->operation, cases[k].operation, "%s", cases[k].line);
    cr_expect(is(kv->key, kv->key_size, cases[k].key), "%s", cases[k].line);
    cr_expect(is(kv->value, kv->value_size, cases[k].value), "%s", cases[k].line);
    cr_expect(is(kv->expected, kv->expected_size, cases[k].expected), "%s", cases[k].line);
    cr_expect_eq(kv->amount, cases[k].amount, "%s", cases[k].line);
    vlot__script_deinit(&script);
  }
}

Test(script, comments_and_blank_lines_are_nothing) {
  vlot__script script;
  char complaints[256] = "";
  parse(&script, "# set a 1\n\n   \n\t# x\n\r\nset b 2", complaints, sizeof complaints);
  cr_assert_eq(script.count, 1);
  cr_assert_eq(script.bad_lines, 0);
  vlot__script_deinit(&script);
}

Test(script, a_byte_order_mark_is_nothing) {
  vlot__script script;
  char complaints[512] = "";
  parse(&script, "\xef\xbb\xbfset a 1\r\nset a 2\r\n", complaints, sizeof complaints);
  cr_assert_str_empty(complaints);
  cr_assert_eq(script.count, 2);
  vlot__script_deinit(&script);
}

Test(script, a_bad_line_is_named_with_its_number_its_word_and_what_was_expected) {
  static const struct {
    const char *text, *says;
  } cases[] = {
      {"sett a 1",
       "in:1: 'sett': unknown command, did you mean set?; expected set, del, get, cas or incr\n"},
      {"\nSET a 1", "in:2: 'SET': unknown command; expected set, del, get, cas or incr\n"},
      {"set", "in:1: the key is missing; expected set KEY VALUE\n"},
      {"set a", "in:1: the value is missing; \"\" is the empty one; expected set KEY VALUE\n"},
      {"cas a", "in:1: the old value is missing; expected cas KEY OLD NEW\n"},
      {"cas a b", "in:1: the value is missing; \"\" is the empty one; expected cas KEY OLD NEW\n"},
      {"get a b", "in:1: 'b': too much on this line; expected get KEY\n"},
      {"del a b", "in:1: 'b': too much on this line; expected del KEY\n"},
      {"incr a 1 2", "in:1: '2': too much on this line; expected incr KEY [N]\n"},
      {"incr a 1.5", "in:1: '1.5': no whole number of 64 bits; expected incr KEY [N]\n"},
      {"incr a 0x10", "in:1: '0x10': no whole number of 64 bits; expected incr KEY [N]\n"},
      {"incr a 9223372036854775808",
       "in:1: '9223372036854775808': no whole number of 64 bits; expected incr KEY [N]\n"},
      {"set\xc2\xa0"
       "a b",
       "in:1: 'set\xc2\xa0"
       "a': unknown command with byte 0xC2 at column 4, did you mean set?; "
       "expected set, del, get, cas or incr\n"},
      {"\033[2J a", "in:1: '?[2J': unknown command; expected set, del, get, cas or incr\n"},
  };
  for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
    vlot__script script;
    char complaints[512] = "";
    parse(&script, cases[k].text, complaints, sizeof complaints);
    cr_expect_str_eq(complaints, cases[k].says);
    cr_expect_eq(script.bad_lines, 1);
    cr_expect_eq(script.count, 0);
    vlot__script_deinit(&script);
  }
}

Test(script, many_bad_lines_are_counted_and_a_few_are_told) {
  vlot__script script;
  char text[4096] = "", complaints[8192] = "";
  for (int k = 0; k < 100; k++) strcat(text, "bad\nget a\n");
  parse(&script, text, complaints, sizeof complaints);
  cr_assert_eq(script.bad_lines, 100);
  cr_assert_eq(script.count, 100);
  cr_assert_not_null(strstr(complaints, "in: 80 more bad lines\n"));
  vlot__script_deinit(&script);
}

Test(script, a_key_is_too_long_beyond_its_limit) {
  for (size_t size = 65535; size <= 65536; size++) {
    vlot__script script;
    char complaints[512] = "", *text = malloc(size + 8);
    memcpy(text, "get ", 4);
    memset(text + 4, 'k', size);
    text[size + 4] = '\0';
    parse(&script, text, complaints, sizeof complaints);
    cr_expect_eq(script.count, size == 65535);
    cr_expect_eq(strstr(complaints, "the key is too long") != NULL, size == 65536);
    vlot__script_deinit(&script);
    free(text);
  }
}

Test(script, commands_of_one_key_are_linked_in_their_order) {
  enum { KEYS = 3000, ROUNDS = 3 };
  char *text = malloc(KEYS * ROUNDS * 24), complaints[64] = "", *at = text;
  vlot__script script;
  for (int k = 0; k < KEYS * ROUNDS; k++) at += sprintf(at, "set key%d %d\n", k % KEYS, k);
  parse(&script, text, complaints, sizeof complaints);
  cr_assert_eq(script.count, KEYS * ROUNDS);
  cr_assert_eq(script.key_count, KEYS);
  for (uint32_t key = 0; key < KEYS; key++) {
    uint32_t command = script.keys[key].first;
    for (uint32_t round = 0; round < ROUNDS; round++) {
      cr_assert_eq(command, key + round * KEYS);
      cr_assert_eq(script.commands[command].key, key);
      command = script.commands[command].next;
    }
    cr_assert_eq(command, VLOT__SCRIPT_NONE);
  }
  vlot__script_deinit(&script);
  free(text);
}
