/* Clients' operations as JSON lines: numbers, outcomes, any bytes. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "json.h"
#include "vlot/history.h"

typedef struct page {
  char text[4096];
  size_t length;
  int lines;
} page;

static void add_line(void *context, const char *text, size_t size) {
  page *to = context;
  cr_assert_lt(to->length + size, sizeof to->text);
  memcpy(to->text + to->length, text, size);
  to->length += size;
  to->text[to->length] = '\0';
  to->lines++;
  cr_assert_eq(text[size - 1], '\n');
  cr_assert(json_is_valid(text, size - 1), "%.*s", (int)size, text);
}

static vlot_history *open_on(page *to, const vlot_allocator *allocator) {
  vlot_history *history = NULL;
  vlot_history_sink sink = {.context = to, .line = add_line};
  vlot_result result = vlot_history_open(&history, allocator, &sink);
  return result == VLOT_OK ? history : NULL;
}

static uint32_t begin(vlot_history *history, uint32_t client, uint64_t time, const char *operation,
                      const char *value) {
  uint32_t handle = UINT32_MAX;
  vlot_history_call call = {
      .client = client, .time = time, .operation = operation, .key = "k", .key_size = 1};
  call.value = value;
  call.value_size = value ? strlen(value) : 0;
  cr_assert_eq(vlot_history_begin(history, &call, &handle), VLOT_OK);
  return handle;
}

static void end(vlot_history *history, uint32_t handle, uint64_t time, vlot_result outcome,
                const char *result) {
  cr_assert_eq(
      vlot_history_end(history, handle, time, outcome, result, result ? strlen(result) : 0),
      VLOT_OK);
}

Test(history, an_operation_is_one_line_with_its_times_and_result) {
  page to = {0};
  vlot_history *history = open_on(&to, NULL);
  end(history, begin(history, 0, 10, "set", "1"), 20, VLOT_OK, NULL);
  end(history, begin(history, 0, 30, "get", NULL), 40, VLOT_OK, "1");
  vlot_history_close(history);
  cr_assert_str_eq(
      to.text,
      "{\"client\":1,\"call\":10,\"op\":\"set\",\"key\":\"k\",\"value\":\"1\",\"return\":20,"
      "\"result\":null}\n"
      "{\"client\":1,\"call\":30,\"op\":\"get\",\"key\":\"k\",\"return\":40,\"result\":\"1\"}\n");
}

Test(history, what_certainly_did_not_happen_fails_and_keeps_the_number) {
  page to = {0};
  vlot_history *history = open_on(&to, NULL);
  end(history, begin(history, 0, 1, "set", "1"), 2, VLOT_REJECTED, NULL);
  end(history, begin(history, 0, 3, "set", "2"), 4, VLOT_BUSY, NULL);
  vlot_history_close(history);
  cr_assert_str_eq(to.text, "{\"client\":1,\"call\":1,\"op\":\"set\",\"key\":\"k\",\"value\":\"1\","
                            "\"return\":2,\"fail\":true}\n"
                            "{\"client\":1,\"call\":3,\"op\":\"set\",\"key\":\"k\",\"value\":\"2\","
                            "\"return\":4,\"fail\":true}\n");
}

Test(history, after_an_unknown_outcome_a_client_has_a_new_number) {
  const vlot_result unknown[] = {VLOT_UNKNOWN, VLOT_TIMEOUT, VLOT_CLOSED};
  for (int k = 0; k < 3; k++) {
    page to = {0};
    vlot_history *history = open_on(&to, NULL);
    end(history, begin(history, 5, 1, "set", "1"), 2, unknown[k], NULL);
    end(history, begin(history, 5, 3, "get", NULL), 4, VLOT_OK, "1");
    vlot_history_close(history);
    cr_assert_str_eq(
        to.text,
        "{\"client\":1,\"call\":1,\"op\":\"set\",\"key\":\"k\",\"value\":\"1\"}\n"
        "{\"client\":2,\"call\":3,\"op\":\"get\",\"key\":\"k\",\"return\":4,\"result\":\"1\"}\n");
  }
}

Test(history, no_number_ever_has_two_operations_at_once) {
  page to = {0};
  vlot_history *history = open_on(&to, NULL);
  uint32_t first = begin(history, 0, 1, "get", NULL);
  uint32_t second = begin(history, 0, 2, "get", NULL);
  uint32_t other = begin(history, 1, 3, "get", NULL);
  end(history, second, 4, VLOT_OK, NULL);
  uint32_t third = begin(history, 0, 5, "get", NULL);
  end(history, third, 6, VLOT_OK, NULL);
  end(history, first, 7, VLOT_OK, NULL);
  end(history, other, 8, VLOT_OK, NULL);
  vlot_history_close(history);
  const char *wanted[] = {"{\"client\":2,\"call\":2,", "{\"client\":2,\"call\":5,",
                          "{\"client\":1,\"call\":1,", "{\"client\":3,\"call\":3,"};
  const char *line = to.text;
  for (int k = 0; k < 4; k++) {
    cr_assert_eq(strncmp(line, wanted[k], strlen(wanted[k])), 0, "%s", line);
    line = strchr(line, '\n') + 1;
  }
}

Test(history, what_is_open_at_the_end_is_unknown) {
  page to = {0};
  vlot_history *history = open_on(&to, NULL);
  begin(history, 0, 1, "del", NULL);
  vlot_history_close(history);
  cr_assert_str_eq(to.text, "{\"client\":1,\"call\":1,\"op\":\"del\",\"key\":\"k\"}\n");
}

Test(history, a_compare_and_set_says_what_it_expected) {
  page to = {0};
  vlot_history *history = open_on(&to, NULL);
  vlot_history_call call = {
      .operation = "cas", .key = "k", .key_size = 1, .value = "v", .value_size = 1};
  uint32_t handle;
  call.has_expected = 1;
  cr_assert_eq(vlot_history_begin(history, &call, &handle), VLOT_OK);
  end(history, handle, 1, VLOT_OK, "1");
  call.expected = "";
  cr_assert_eq(vlot_history_begin(history, &call, &handle), VLOT_OK);
  end(history, handle, 2, VLOT_OK, "1");
  cr_assert_not_null(strstr(to.text, "\"value\":\"v\",\"expected\":null,\"return\":1"));
  cr_assert_not_null(strstr(to.text, "\"value\":\"v\",\"expected\":\"\",\"return\":2"));
  vlot_history_close(history);
}

Test(history, any_bytes_become_valid_json) {
  const struct {
    const char *bytes, *wanted;
  } cases[] = {
      {"plain", "\"plain\""},
      {"a\"b\\c", "\"a\\\"b\\\\c\""},
      {"\n\t\x01", "\"\\u000a\\u0009\\u0001\""},
      {"h\xc3\xa9 \xe2\x82\xac \xf0\x9f\x9a\xa3", "\"h\xc3\xa9 \xe2\x82\xac \xf0\x9f\x9a\xa3\""},
      {"\xff\xfe", "{\"hex\":\"fffe\"}"},
      {"\xc0\x80", "{\"hex\":\"c080\"}"}, /* longer than it must be */
      {"\xe0\x80\x80", "{\"hex\":\"e08080\"}"},
      {"\xed\xa0\x80", "{\"hex\":\"eda080\"}"},       /* a surrogate */
      {"\xf4\x90\x80\x80", "{\"hex\":\"f4908080\"}"}, /* above U+10FFFF */
      {"\xf0\x80\x80\x80", "{\"hex\":\"f0808080\"}"},
      {"\xe2\x82", "{\"hex\":\"e282\"}"}, /* cut off */
      {"\xc3"
       "a",
       "{\"hex\":\"c361\"}"},
  };
  for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
    page to = {0};
    char wanted[128];
    vlot_history *history = open_on(&to, NULL);
    end(history, begin(history, 0, 1, "get", NULL), 2, VLOT_OK, cases[k].bytes);
    vlot_history_close(history);
    snprintf(wanted, sizeof wanted, "\"result\":%s}\n", cases[k].wanted);
    cr_expect_not_null(strstr(to.text, wanted), "%zu: %s", k, to.text);
  }
  for (int byte = 0; byte < 256; byte++) {
    page to = {0};
    uint8_t key[2] = {(uint8_t)byte, 0};
    vlot_history *history = open_on(&to, NULL);
    vlot_history_call call = {.operation = "get", .key = key, .key_size = 2};
    uint32_t handle;
    cr_assert_eq(vlot_history_begin(history, &call, &handle), VLOT_OK);
    end(history, handle, 1, VLOT_OK, NULL);
    vlot_history_close(history);
    cr_assert_eq(to.lines, 1);
  }
}

Test(history, bad_calls_are_refused) {
  page to = {0};
  vlot_history *history = open_on(&to, NULL);
  uint32_t handle = 0;
  vlot_history_call good = {.operation = "get", .key = "k", .key_size = 1}, bad = good;
  bad.client = VLOT_HISTORY_CLIENTS_MAX;
  cr_assert_eq(vlot_history_begin(history, &bad, &handle), VLOT_INVALID);
  bad = good, bad.operation = NULL;
  cr_assert_eq(vlot_history_begin(history, &bad, &handle), VLOT_INVALID);
  bad = good, bad.key = NULL;
  cr_assert_eq(vlot_history_begin(history, &bad, &handle), VLOT_INVALID);
  cr_assert_eq(vlot_history_end(history, 0, 1, VLOT_OK, NULL, 0), VLOT_NOT_FOUND);
  cr_assert_eq(vlot_history_begin(history, &good, &handle), VLOT_OK);
  cr_assert_eq(vlot_history_end(history, handle, 1, VLOT_OK, NULL, 0), VLOT_OK);
  cr_assert_eq(vlot_history_end(history, handle, 1, VLOT_OK, NULL, 0), VLOT_NOT_FOUND);
  vlot_history_close(history);
  vlot_history_close(NULL);
}

/* Two clients, one unknown, one long answer: returns the number of lines. */
static int play(const vlot_allocator *allocator, page *to) {
  static const char answer[300] = {[0] = 'x', [299] = 'y'};
  vlot_history *history = open_on(to, allocator);
  uint32_t handles[3];
  bool is_open[3] = {false};
  if (!history) return -1;
  for (uint32_t k = 0; k < 3; k++) {
    vlot_history_call call = {.client = k % 2 * 9, .operation = "get", .key = "k", .key_size = 1};
    is_open[k] = vlot_history_begin(history, &call, &handles[k]) == VLOT_OK;
  }
  int begun = is_open[0] + is_open[1] + is_open[2];
  for (int k = 0; k < 3; k++) {
    if (!is_open[k]) continue;
    vlot_result outcome = k == 1 ? VLOT_UNKNOWN : VLOT_OK;
    vlot_result result = vlot_history_end(history, handles[k], 1, outcome, answer, sizeof answer);
    cr_assert(result == VLOT_OK || (result == VLOT_NOMEM && k != 1));
  }
  vlot_history_close(history);
  return begun;
}

Test(history, without_memory_nothing_is_lost_that_was_begun) {
  for (int is_sticky = 0; is_sticky < 2; is_sticky++) {
    for (uint64_t n = 1; n < 30; n++) {
      page to = {0};
      vlot_fault_allocator *faults = vlot_fault_allocator_open();
      vlot_fault_allocator_fail_at(faults, n, is_sticky == 1);
      int begun = play(vlot_fault_allocator_get(faults), &to);
      cr_assert_eq(to.lines, begun < 0 ? 0 : begun);
      cr_assert_eq(vlot_fault_allocator_live(faults), 0);
      vlot_fault_allocator_close(faults);
    }
  }
}

static void count_line(void *context, const char *text, size_t size) {
  (void)text;
  (void)size;
  ++*(size_t *)context;
}

Test(history, operations_under_way_are_so_many_and_no_more) {
  size_t lines = 0;
  uint32_t first = 0, handle;
  vlot_history *history;
  vlot_history_sink sink = {.context = &lines, .line = count_line};
  vlot_history_call call = {.operation = "get", .key = "k", .key_size = 1};
  cr_assert_eq(vlot_history_open(&history, NULL, &sink), VLOT_OK);
  cr_assert_eq(vlot_history_begin(history, &call, &first), VLOT_OK);
  for (size_t k = 1; k < VLOT_HISTORY_OPERATIONS_MAX - 1; k++)
    cr_assert_eq(vlot_history_begin(history, &call, &handle), VLOT_OK);
  cr_expect_eq(vlot_history_begin(history, &call, &handle), VLOT_OK, "the limit itself");
  cr_expect_eq(vlot_history_begin(history, &call, &handle), VLOT_BUSY, "one more");
  cr_expect_eq(vlot_history_end(history, first, 1, VLOT_OK, NULL, 0), VLOT_OK);
  cr_expect_eq(vlot_history_begin(history, &call, &handle), VLOT_OK);
  vlot_history_close(history);
  cr_expect_eq(lines, VLOT_HISTORY_OPERATIONS_MAX + 1);
}
