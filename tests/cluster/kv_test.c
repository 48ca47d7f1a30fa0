#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "base/prng.h"
#include "cluster/kv.h"
#include "cluster/replies.h"

/* --- helpers --- */

/* A machine, and where its answers go. */
typedef struct subject {
  void *state;
  vlot_replies replies;
} subject;

static subject subject_open(const vlot_allocator *allocator) {
  subject made;
  made.state = vlot_kv_machine()->create((void *)(uintptr_t)allocator, 1, false);
  vlot__replies_init(&made.replies, NULL);
  return made;
}

static void subject_close(subject *on) {
  vlot_kv_machine()->destroy(on->state);
  vlot__replies_deinit(&on->replies);
}

static uint64_t hash_of(const subject *on) { return vlot_kv_machine()->hash(on->state); }

static vlot_result apply_bytes(subject *on, const void *data, size_t size) {
  cr_assert_eq(vlot__replies_begin(&on->replies, 1), VLOT_OK);
  vlot_entry entry = {.data = data, .size = (uint32_t)size, .kind = VLOT_ENTRY_COMMAND};
  return vlot_kv_machine()->apply(on->state, &entry, 1, 1, &on->replies);
}

static vlot_result apply(subject *on, const vlot_kv_command *command) {
  vlot_bytes *bytes = vlot_kv_encode(NULL, command);
  cr_assert_not_null(bytes);
  vlot_result result = apply_bytes(on, vlot_bytes_data(bytes), vlot_bytes_size(bytes));
  vlot_bytes_release(bytes);
  return result;
}

/* The answer to the command or question just taken. */
static vlot_kv_answer answer_of(const subject *on) {
  const uint8_t *data;
  size_t size;
  vlot_kv_answer answer;
  vlot__replies_get(&on->replies, 0, &data, &size);
  cr_assert_eq(vlot_kv_answer_decode(data, size, &answer), VLOT_OK);
  return answer;
}

static bool answer_is(const subject *on, uint32_t status, const void *value, size_t size) {
  vlot_kv_answer answer = answer_of(on);
  return answer.status == status && answer.size == size &&
         (size == 0 || memcmp(answer.value, value, size) == 0);
}

static void ask(subject *on, const void *key, size_t key_size) {
  vlot_kv_command command = {.operation = VLOT_KV_GET, .key = key, .key_size = key_size};
  vlot_bytes *question = vlot_kv_encode(NULL, &command);
  cr_assert_eq(vlot__replies_begin(&on->replies, 1), VLOT_OK);
  cr_assert_eq(vlot_kv_machine()->query(on->state, vlot_bytes_data(question),
                                        vlot_bytes_size(question), &on->replies),
               VLOT_OK);
  vlot_bytes_release(question);
}

static void set(subject *on, const void *key, size_t key_size, const void *value,
                size_t value_size) {
  vlot_kv_command command = {.operation = VLOT_KV_SET,
                             .key = key,
                             .key_size = key_size,
                             .value = value,
                             .value_size = value_size};
  cr_assert_eq(apply(on, &command), VLOT_OK);
  cr_assert(answer_is(on, 0, NULL, 0));
}

static void set_text(subject *on, const char *key, const char *value) {
  set(on, key, strlen(key), value, strlen(value));
}

/* --- codec --- */

static const vlot_kv_command samples[] = {
    {.operation = VLOT_KV_GET, .key = "k", .key_size = 1},
    {.operation = VLOT_KV_SET, .key = "key", .key_size = 3, .value = "value", .value_size = 5},
    {.operation = VLOT_KV_SET, .key = "key", .key_size = 3},
    {.operation = VLOT_KV_DELETE, .key = "\0\xff", .key_size = 2},
    {.operation = VLOT_KV_CAS,
     .key = "k",
     .key_size = 1,
     .value = "new",
     .value_size = 3,
     .expected = "old",
     .expected_size = 3},
    {.operation = VLOT_KV_CAS,
     .key = "k",
     .key_size = 1,
     .value = "new",
     .value_size = 3,
     .expected = "",
     .expected_size = 0},
    {.operation = VLOT_KV_CAS, .key = "k", .key_size = 1, .value = "new", .value_size = 3},
    {.operation = VLOT_KV_INCREMENT, .key = "n", .key_size = 1, .amount = INT64_MIN},
    {.operation = VLOT_KV_INCREMENT, .key = "n", .key_size = 1, .amount = 7},
};
enum { SAMPLES = sizeof samples / sizeof *samples };

static bool is_same_bytes(const void *a, size_t a_size, const void *b, size_t b_size) {
  return a_size == b_size && (a_size == 0 || memcmp(a, b, a_size) == 0);
}

Test(kv, a_command_comes_back_as_it_was) {
  for (size_t k = 0; k < SAMPLES; k++) {
    const vlot_kv_command *sent = &samples[k];
    vlot_bytes *bytes = vlot_kv_encode(NULL, sent);
    vlot_kv_command came;
    cr_assert_eq(vlot_kv_decode(vlot_bytes_data(bytes), vlot_bytes_size(bytes), &came), VLOT_OK,
                 "sample %zu", k);
    cr_assert_eq(came.operation, sent->operation);
    cr_assert(is_same_bytes(came.key, came.key_size, sent->key, sent->key_size));
    cr_assert(is_same_bytes(came.value, came.value_size, sent->value, sent->value_size));
    cr_assert_eq(came.expected == NULL, sent->expected == NULL);
    cr_assert(
        is_same_bytes(came.expected, came.expected_size, sent->expected, sent->expected_size));
    cr_assert_eq(came.amount, sent->amount);
    vlot_bytes_release(bytes);
  }
}

Test(kv, a_small_set_costs_three_bytes_more_than_key_and_value) {
  vlot_bytes *bytes = vlot_kv_encode(NULL, &samples[1]);
  cr_assert_eq(vlot_bytes_size(bytes), 3 + 3 + 5);
  vlot_bytes_release(bytes);
}

Test(kv, what_is_out_of_range_is_not_encoded) {
  static uint8_t large[(1 << 20) + 1];
  vlot_kv_command bad[] = {
      {.operation = VLOT_KV_GET, .key = "k", .key_size = 0},
      {.operation = VLOT_KV_GET, .key = NULL, .key_size = 1},
      {.operation = VLOT_KV_GET, .key = large, .key_size = 65536},
      {.operation = VLOT_KV_SET,
       .key = "k",
       .key_size = 1,
       .value = large,
       .value_size = sizeof large},
      {.operation = VLOT_KV_SET, .key = "k", .key_size = 1, .value = NULL, .value_size = 1},
      {.operation = VLOT_KV_CAS,
       .key = "k",
       .key_size = 1,
       .expected = large,
       .expected_size = sizeof large},
      {.operation = (vlot_kv_operation)0, .key = "k", .key_size = 1},
      {.operation = (vlot_kv_operation)6, .key = "k", .key_size = 1},
  };
  for (size_t k = 0; k < sizeof bad / sizeof *bad; k++)
    cr_assert_null(vlot_kv_encode(NULL, &bad[k]), "case %zu", k);
  cr_assert_null(vlot_kv_encode(NULL, NULL));
  vlot_kv_command largest = {.operation = VLOT_KV_SET,
                             .key = large,
                             .key_size = 65535,
                             .value = large,
                             .value_size = sizeof large - 1};
  vlot_bytes *bytes = vlot_kv_encode(NULL, &largest);
  cr_assert_not_null(bytes);
  vlot_bytes_release(bytes);
}

/* Whatever decodes must be the one encoding of what it decodes to. */
static void check_total(const uint8_t *data, size_t size) {
  vlot_kv_command command = {.amount = 4711};
  if (vlot_kv_decode(data, size, &command) != VLOT_OK) {
    cr_assert_eq(command.amount, 4711, "an error has changed the output");
    return;
  }
  vlot_bytes *bytes = vlot_kv_encode(NULL, &command);
  cr_assert_not_null(bytes);
  cr_assert(is_same_bytes(vlot_bytes_data(bytes), vlot_bytes_size(bytes), data, size),
            "two encodings of one command");
  vlot_bytes_release(bytes);
}

Test(kv, any_bytes_are_a_command_or_corrupt) {
  vlot__prng prng;
  vlot__prng_init(&prng, 1, 1);
  for (size_t k = 0; k < SAMPLES; k++) {
    vlot_bytes *bytes = vlot_kv_encode(NULL, &samples[k]);
    size_t size = vlot_bytes_size(bytes);
    uint8_t data[64];
    for (size_t cut = 0; cut <= size; cut++) check_total(vlot_bytes_data(bytes), cut);
    for (size_t bit = 0; bit < size * 8; bit++) {
      memcpy(data, vlot_bytes_data(bytes), size);
      data[bit / 8] ^= (uint8_t)(1u << bit % 8);
      check_total(data, size);
    }
    vlot_bytes_release(bytes);
  }
  for (int round = 0; round < 20000; round++) {
    uint8_t data[24];
    size_t size = (size_t)vlot__prng_below(&prng, sizeof data + 1);
    for (size_t k = 0; k < size; k++) data[k] = (uint8_t)vlot__prng_below(&prng, k < 3 ? 6 : 256);
    check_total(data, size);
  }
  vlot_kv_command command;
  cr_assert_eq(vlot_kv_decode(NULL, 0, &command), VLOT_CORRUPT);
}

Test(kv, an_answer_that_is_none_is_corrupt) {
  vlot_kv_answer answer;
  cr_assert_eq(vlot_kv_answer_decode(NULL, 0, &answer), VLOT_CORRUPT);
  cr_assert_eq(vlot_kv_answer_decode("", 0, &answer), VLOT_CORRUPT);
  cr_assert_eq(vlot_kv_answer_decode("\4", 1, &answer), VLOT_CORRUPT);
  cr_assert_eq(vlot_kv_answer_decode("\1x", 2, &answer), VLOT_CORRUPT);
  cr_assert_eq(vlot_kv_answer_decode("\0x", 2, &answer), VLOT_OK);
  cr_assert_eq(answer.size, 1);
  cr_assert_eq(answer.value[0], 'x');
}

/* --- operations --- */

Test(kv, every_operation_answers_what_it_says) {
  subject on = subject_open(NULL);
  const struct {
    vlot_kv_command command;
    uint32_t status;
    const char *value;
    size_t size;
  } steps[] = {
      {{.operation = VLOT_KV_GET, .key = "a", .key_size = 1}, 1, "", 0},
      {{.operation = VLOT_KV_DELETE, .key = "a", .key_size = 1}, 0, "\0", 1},
      {{.operation = VLOT_KV_SET, .key = "a", .key_size = 1, .value = "x", .value_size = 1},
       0,
       "",
       0},
      {{.operation = VLOT_KV_GET, .key = "a", .key_size = 1}, 0, "x", 1},
      {{.operation = VLOT_KV_CAS, .key = "a", .key_size = 1, .value = "y", .value_size = 1},
       0,
       "\0",
       1},
      {{.operation = VLOT_KV_CAS,
        .key = "a",
        .key_size = 1,
        .value = "y",
        .value_size = 1,
        .expected = "",
        .expected_size = 0},
       0,
       "\0",
       1},
      {{.operation = VLOT_KV_CAS,
        .key = "a",
        .key_size = 1,
        .value = "y",
        .value_size = 1,
        .expected = "x",
        .expected_size = 1},
       0,
       "\1",
       1},
      {{.operation = VLOT_KV_GET, .key = "a", .key_size = 1}, 0, "y", 1},
      {{.operation = VLOT_KV_INCREMENT, .key = "a", .key_size = 1, .amount = 1}, 2, "", 0},
      {{.operation = VLOT_KV_GET, .key = "a", .key_size = 1}, 0, "y", 1},
      {{.operation = VLOT_KV_CAS,
        .key = "b",
        .key_size = 1,
        .value = "9",
        .value_size = 1,
        .expected = "",
        .expected_size = 0},
       0,
       "\0",
       1},
      {{.operation = VLOT_KV_CAS, .key = "b", .key_size = 1, .value = "9", .value_size = 1},
       0,
       "\1",
       1},
      {{.operation = VLOT_KV_INCREMENT, .key = "b", .key_size = 1, .amount = 1}, 0, "10", 2},
      {{.operation = VLOT_KV_INCREMENT, .key = "b", .key_size = 1, .amount = -11}, 0, "-1", 2},
      {{.operation = VLOT_KV_INCREMENT, .key = "c", .key_size = 1, .amount = 5}, 0, "5", 1},
      {{.operation = VLOT_KV_INCREMENT, .key = "c", .key_size = 1, .amount = 0}, 0, "5", 1},
      {{.operation = VLOT_KV_DELETE, .key = "a", .key_size = 1}, 0, "\1", 1},
      {{.operation = VLOT_KV_GET, .key = "a", .key_size = 1}, 1, "", 0},
      {{.operation = VLOT_KV_SET, .key = "a", .key_size = 1}, 0, "", 0},
      {{.operation = VLOT_KV_GET, .key = "a", .key_size = 1}, 0, "", 0},
  };
  for (size_t k = 0; k < sizeof steps / sizeof *steps; k++) {
    cr_assert_eq(apply(&on, &steps[k].command), VLOT_OK);
    cr_assert(answer_is(&on, steps[k].status, steps[k].value, steps[k].size), "step %zu", k);
  }
  cr_assert_eq(vlot_kv_count(on.state), 3);
  subject_close(&on);
}

Test(kv, increments_wrap_at_64_bits) {
  static const struct {
    const char *before;
    int64_t amount;
    const char *after;
  } cases[] = {
      {"9223372036854775807", 1, "-9223372036854775808"},
      {"-9223372036854775808", -1, "9223372036854775807"},
      {"-9223372036854775808", INT64_MIN, "0"},
      {"9223372036854775807", INT64_MAX, "-2"},
      {"0", INT64_MIN, "-9223372036854775808"},
      {"-1", 1, "0"},
  };
  subject on = subject_open(NULL);
  for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
    set_text(&on, "n", cases[k].before);
    vlot_kv_command command = {
        .operation = VLOT_KV_INCREMENT, .key = "n", .key_size = 1, .amount = cases[k].amount};
    cr_assert_eq(apply(&on, &command), VLOT_OK);
    cr_assert(answer_is(&on, 0, cases[k].after, strlen(cases[k].after)), "case %zu", k);
  }
  subject_close(&on);
}

Test(kv, what_is_not_a_number_is_left_alone) {
  static const char *const texts[] = {"",
                                      "-",
                                      "+1",
                                      "01",
                                      "-0",
                                      "00",
                                      "1 ",
                                      " 1",
                                      "1x",
                                      "0x1",
                                      "--1",
                                      "9223372036854775808",
                                      "-9223372036854775809",
                                      "10000000000000000000"};
  subject on = subject_open(NULL);
  for (size_t k = 0; k < sizeof texts / sizeof *texts; k++) {
    set_text(&on, "n", texts[k]);
    uint64_t hash = hash_of(&on);
    vlot_kv_command command = {
        .operation = VLOT_KV_INCREMENT, .key = "n", .key_size = 1, .amount = 1};
    cr_assert_eq(apply(&on, &command), VLOT_OK);
    cr_assert(answer_is(&on, 2, NULL, 0), "\"%s\"", texts[k]);
    cr_assert_eq(hash_of(&on), hash);
  }
  subject_close(&on);
}

Test(kv, a_malformed_command_changes_nothing_and_says_so) {
  subject on = subject_open(NULL);
  set_text(&on, "k", "v");
  uint64_t hash = hash_of(&on);
  static const char *const bad[] = {"",        "\2",      "\2\1",          "\2\0\0x",
                                    "\7\1\0k", "\2\5\0k", "\5\1\0k1234567"};
  static const size_t sizes[] = {0, 1, 2, 4, 4, 4, 11};
  for (size_t k = 0; k < sizeof bad / sizeof *bad; k++) {
    cr_assert_eq(apply_bytes(&on, bad[k], sizes[k]), VLOT_OK);
    cr_assert(answer_is(&on, 3, NULL, 0), "case %zu", k);
    cr_assert_eq(hash_of(&on), hash);
  }
  subject_close(&on);
}

Test(kv, only_a_get_is_a_question) {
  subject on = subject_open(NULL);
  set_text(&on, "k", "v");
  uint64_t hash = hash_of(&on);
  for (size_t k = 0; k < SAMPLES; k++) {
    vlot_bytes *bytes = vlot_kv_encode(NULL, &samples[k]);
    cr_assert_eq(vlot__replies_begin(&on.replies, 1), VLOT_OK);
    cr_assert_eq(vlot_kv_machine()->query(on.state, vlot_bytes_data(bytes), vlot_bytes_size(bytes),
                                          &on.replies),
                 VLOT_OK);
    cr_assert_eq(answer_of(&on).status, samples[k].operation == VLOT_KV_GET ? 0 : 3);
    cr_assert_eq(hash_of(&on), hash);
    vlot_bytes_release(bytes);
  }
  subject_close(&on);
}

Test(kv, nobody_has_to_ask) {
  subject on = subject_open(NULL);
  for (size_t k = 0; k < SAMPLES; k++) {
    vlot_bytes *bytes = vlot_kv_encode(NULL, &samples[k]);
    vlot_entry entry = {
        .data = vlot_bytes_data(bytes), .size = (uint32_t)vlot_bytes_size(bytes), .kind = 1};
    cr_assert_eq(vlot_kv_machine()->apply(on.state, &entry, 1, 1, NULL), VLOT_OK);
    vlot_bytes_release(bytes);
  }
  cr_assert_eq(vlot_kv_count(on.state), 3);
  subject_close(&on);
}

/* --- against a dictionary that is an array --- */

enum { KEYS = 200, VALUE_MAX = 300 };

typedef struct model_item {
  bool is_there;
  size_t size;
  uint8_t value[VALUE_MAX];
} model_item;

typedef struct dictionary {
  model_item items[KEYS];
} dictionary;

/* Keys of several sizes, some the beginning of others. */
static size_t key_of(size_t number, char key[32]) {
  return (size_t)snprintf(key, 32, number % 2 ? "%zu" : "key %zu of the model", number);
}

static size_t random_value(vlot__prng *prng, uint8_t value[VALUE_MAX]) {
  uint64_t kind = vlot__prng_below(prng, 4);
  if (kind == 0)
    return (size_t)snprintf((char *)value, VALUE_MAX, "%d",
                            (int)vlot__prng_below(prng, 2000) - 1000);
  size_t size = (size_t)vlot__prng_below(prng, kind == 1 ? VALUE_MAX + 1 : 4);
  for (size_t k = 0; k < size; k++) value[k] = (uint8_t)vlot__prng_below(prng, kind == 1 ? 256 : 2);
  return size;
}

static void model_put(model_item *item, const void *value, size_t size) {
  item->is_there = true;
  item->size = size;
  if (size > 0) memcpy(item->value, value, size);
}

/* The plainest reading of a number there is: print it again and compare. */
static bool model_number(const model_item *item, long long *number) {
  char text[VALUE_MAX + 1], again[32];
  memcpy(text, item->value, item->size);
  text[item->size] = '\0';
  if (strlen(text) != item->size || sscanf(text, "%lld", number) != 1) return false;
  return (size_t)snprintf(again, sizeof again, "%lld", *number) == item->size &&
         strcmp(text, again) == 0;
}

static void model_step(dictionary *model, subject *on, vlot__prng *prng) {
  size_t number = (size_t)vlot__prng_below(prng, KEYS);
  model_item *item = &model->items[number];
  char key[32];
  uint8_t value[VALUE_MAX], expected[VALUE_MAX];
  vlot_kv_command command = {.key = key, .key_size = key_of(number, key)};
  command.operation = (vlot_kv_operation)(1 + vlot__prng_below(prng, 5));
  bool was_there = item->is_there;
  bool is_done = false;
  long long number_before = 0;
  char text[32];
  switch (command.operation) {
  case VLOT_KV_GET:
    cr_assert_eq(apply(on, &command), VLOT_OK);
    cr_assert(answer_is(on, was_there ? 0 : 1, item->value, was_there ? item->size : 0));
    break;
  case VLOT_KV_SET:
    command.value = value;
    command.value_size = random_value(prng, value);
    cr_assert_eq(apply(on, &command), VLOT_OK);
    cr_assert(answer_is(on, 0, NULL, 0));
    model_put(item, value, command.value_size);
    break;
  case VLOT_KV_DELETE:
    cr_assert_eq(apply(on, &command), VLOT_OK);
    cr_assert(answer_is(on, 0, was_there ? "\1" : "\0", 1));
    item->is_there = false;
    break;
  case VLOT_KV_CAS:
    command.value = value;
    command.value_size = random_value(prng, value);
    switch (vlot__prng_below(prng, 3)) {
    case 0: is_done = !was_there; break;
    case 1:
      command.expected = expected;
      command.expected_size = random_value(prng, expected);
      is_done =
          was_there && is_same_bytes(item->value, item->size, expected, command.expected_size);
      break;
    default:
      command.expected = item->value;
      command.expected_size = was_there ? item->size : 0;
      is_done = was_there;
    }
    cr_assert_eq(apply(on, &command), VLOT_OK);
    cr_assert(answer_is(on, 0, is_done ? "\1" : "\0", 1));
    if (is_done) model_put(item, value, command.value_size);
    break;
  case VLOT_KV_INCREMENT:
    command.amount = (int64_t)vlot__prng_below(prng, 2000) - 1000;
    cr_assert_eq(apply(on, &command), VLOT_OK);
    if (was_there && !model_number(item, &number_before)) {
      cr_assert(answer_is(on, 2, NULL, 0));
      break;
    }
    int size = snprintf(text, sizeof text, "%lld", number_before + (long long)command.amount);
    cr_assert(answer_is(on, 0, text, (size_t)size));
    model_put(item, text, (size_t)size);
  }
}

static void model_compare(const dictionary *model, subject *on) {
  uint64_t count = 0;
  for (size_t k = 0; k < KEYS; k++) {
    const model_item *item = &model->items[k];
    char key[32];
    ask(on, key, key_of(k, key));
    cr_assert(answer_is(on, item->is_there ? 0 : 1, item->value, item->is_there ? item->size : 0));
    count += item->is_there;
  }
  cr_assert_eq(vlot_kv_count(on->state), count);
}

/* The same contents, put in afresh from the last key to the first. */
static uint64_t model_hash(const dictionary *model) {
  subject fresh = subject_open(NULL);
  char key[32];
  for (size_t k = KEYS; k-- > 0;)
    if (model->items[k].is_there)
      set(&fresh, key, key_of(k, key), model->items[k].value, model->items[k].size);
  uint64_t hash = hash_of(&fresh);
  subject_close(&fresh);
  return hash;
}

Test(kv, it_is_a_dictionary_whose_hash_says_what_it_holds) {
  static dictionary model;
  for (uint64_t seed = 0; seed < 6; seed++) {
    memset(&model, 0, sizeof model);
    vlot__prng prng;
    vlot__prng_init(&prng, seed, 0);
    subject on = subject_open(NULL);
    for (int round = 0; round < 20; round++) {
      for (int step = 0; step < 200; step++) model_step(&model, &on, &prng);
      model_compare(&model, &on);
      cr_assert_eq(hash_of(&on), model_hash(&model), "the hash depends on the history");
    }
    subject_close(&on);
  }
}

Test(kv, different_contents_have_different_hashes) {
  static const char *const contents[][4] = {
      {"a", "b", NULL, NULL}, {"b", "a", NULL, NULL}, {"a", "", NULL, NULL},
      {"ab", "", NULL, NULL}, {"a", "b", "b", "a"},   {"a", "a", "b", "b"},
      {"a", "bb", "b", "a"},  {"a", "b", "c", ""},    {"a", "\1", NULL, NULL},
  };
  enum { COUNT = sizeof contents / sizeof *contents };
  uint64_t hashes[COUNT + 1];
  for (size_t k = 0; k <= COUNT; k++) {
    subject on = subject_open(NULL);
    for (size_t pair = 0; k < COUNT && pair < 4 && contents[k][pair]; pair += 2)
      set_text(&on, contents[k][pair], contents[k][pair + 1]);
    hashes[k] = hash_of(&on);
    for (size_t before = 0; before < k; before++)
      cr_assert_neq(hashes[k], hashes[before], "%zu and %zu", k, before);
    subject_close(&on);
  }
}

Test(kv, many_keys_are_found_while_the_table_grows_and_shrinks) {
  enum { MANY = 50000 };
  subject on = subject_open(NULL);
  uint64_t empty = hash_of(&on);
  for (uint64_t k = 0; k < MANY; k++) set(&on, &k, sizeof k, &k, sizeof k);
  cr_assert_eq(vlot_kv_count(on.state), MANY);
  const vlot__kv_table *table = &((vlot__kv *)on.state)->table;
  cr_assert_geq(table->bucket_count, MANY, "it has grown with its keys");
  for (uint64_t k = 0; k < MANY; k++) {
    ask(&on, &k, sizeof k);
    cr_assert(answer_is(&on, 0, &k, sizeof k));
  }
  for (uint64_t k = 0; k < MANY; k++) {
    vlot_kv_command command = {.operation = VLOT_KV_DELETE, .key = &k, .key_size = sizeof k};
    cr_assert_eq(apply(&on, &command), VLOT_OK);
    cr_assert(answer_is(&on, 0, "\1", 1));
  }
  cr_assert_eq(vlot_kv_count(on.state), 0);
  cr_assert_eq(hash_of(&on), empty);
  subject_close(&on);
}

Test(kv, the_table_grows_by_one_bucket_at_a_time) {
  subject on = subject_open(NULL);
  const vlot__kv_table *table = &((vlot__kv *)on.state)->table;
  for (uint64_t k = 0; k < 5000; k++) {
    size_t buckets = table->bucket_count;
    set(&on, &k, sizeof k, "", 0);
    cr_assert_leq(table->bucket_count, buckets + 1);
  }
  cr_assert_eq(table->bucket_count, 5000);
  subject_close(&on);
}

/* --- snapshots --- */

typedef struct stream {
  uint8_t bytes[1 << 18];
  size_t used;
  size_t at;
  size_t fail_at; /* 0: never; else the read or write that passes this byte fails */
  size_t step;    /* at most so many bytes per read */
} stream;

static vlot_result stream_write(void *context, const void *data, size_t size) {
  stream *to = context;
  if (to->fail_at > 0 && to->used + size >= to->fail_at) return VLOT_IO;
  cr_assert_leq(size, sizeof to->bytes - to->used);
  memcpy(to->bytes + to->used, data, size);
  to->used += size;
  return VLOT_OK;
}

static vlot_result stream_read(void *context, void *data, size_t size, size_t *got) {
  stream *from = context;
  if (from->fail_at > 0 && from->at >= from->fail_at) return VLOT_IO;
  if (from->step > 0 && size > from->step) size = from->step;
  if (size > from->used - from->at) size = from->used - from->at;
  memcpy(data, from->bytes + from->at, size);
  from->at += size;
  *got = size;
  return VLOT_OK;
}

static vlot_result snapshot(subject *on, stream *to) {
  vlot_writer writer = {.context = to, .write = stream_write};
  to->used = 0;
  return vlot_kv_machine()->snapshot(on->state, &writer);
}

static vlot_result restore(subject *on, stream *from) {
  vlot_reader reader = {.context = from, .read = stream_read};
  from->at = 0;
  return vlot_kv_machine()->restore(on->state, &reader);
}

Test(kv, a_restored_snapshot_is_the_same_state) {
  static dictionary model;
  static stream between;
  memset(&model, 0, sizeof model);
  vlot__prng prng;
  vlot__prng_init(&prng, 3, 0);
  subject on = subject_open(NULL);
  for (int round = 0; round < 8; round++) {
    between.step = (size_t[]){0, 1, 7, 5000}[round % 4];
    cr_assert_eq(snapshot(&on, &between), VLOT_OK);
    subject other = subject_open(NULL);
    set_text(&other, "left over", "from before");
    cr_assert_eq(restore(&other, &between), VLOT_OK);
    cr_assert_eq(hash_of(&other), hash_of(&on));
    model_compare(&model, &other);
    subject_close(&on);
    on = other; /* goes on from there */
    for (int step = 0; step < 300; step++) model_step(&model, &on, &prng);
  }
  subject_close(&on);
}

/* A table that has grown, and one that never did, or was restored: the same bytes. */
Test(kv, bytes_of_a_snapshot_depend_on_the_content_alone) {
  static stream one, two;
  enum { MANY = 700 };
  char key[16];
  subject grown = subject_open(NULL), plain = subject_open(NULL), restored = subject_open(NULL);
  for (int k = 0; k < MANY; k++) set_text(&grown, (snprintf(key, sizeof key, "k%d", k), key), "v");
  for (int k = 100; k < MANY; k++) {
    vlot_kv_command gone = {.operation = VLOT_KV_DELETE, .key = key};
    gone.key_size = (size_t)snprintf(key, sizeof key, "k%d", k);
    vlot_bytes *bytes = vlot_kv_encode(NULL, &gone);
    vlot_entry entry = {.data = vlot_bytes_data(bytes),
                        .size = (uint32_t)vlot_bytes_size(bytes),
                        .kind = VLOT_ENTRY_COMMAND};
    cr_assert_eq(vlot_kv_machine()->apply(grown.state, &entry, 1, 1, NULL), VLOT_OK);
    vlot_bytes_release(bytes);
  }
  for (int k = 99; k >= 0; k--) set_text(&plain, (snprintf(key, sizeof key, "k%d", k), key), "v");
  cr_assert_eq(snapshot(&grown, &one), VLOT_OK);
  cr_assert_eq(restore(&restored, &one), VLOT_OK);
  cr_assert_eq(snapshot(&plain, &two), VLOT_OK);
  cr_expect(one.used == two.used && memcmp(one.bytes, two.bytes, one.used) == 0);
  cr_assert_eq(snapshot(&restored, &two), VLOT_OK);
  cr_expect(one.used == two.used && memcmp(one.bytes, two.bytes, one.used) == 0);
  subject_close(&grown);
  subject_close(&plain);
  subject_close(&restored);
}

/* --- images --- */

static vlot_result write_image(void *image, stream *to) {
  vlot_writer writer = {.context = to, .write = stream_write};
  to->used = 0;
  return vlot_kv_machine()->image_write(image, &writer);
}

static bool is_same_stream(const stream *left, const stream *right) {
  return left->used == right->used && memcmp(left->bytes, right->bytes, left->used) == 0;
}

/* Sets, deletes, increments, growth and restores behind a freeze; some images are freed half way,
 * some outlive their table. */
Test(kv, an_image_writes_what_was_there_when_it_was_frozen) {
  static dictionary model;
  static stream before, after, other;
  vlot_fault_allocator *faults = vlot_fault_allocator_open();
  memset(&model, 0, sizeof model);
  vlot__prng prng;
  vlot__prng_init(&prng, 5, 0);
  subject on = subject_open(vlot_fault_allocator_get(faults));
  for (int round = 0; round < 40; round++) {
    for (int step = 0; step < 100; step++) model_step(&model, &on, &prng);
    cr_assert_eq(snapshot(&on, &before), VLOT_OK);
    void *image = vlot_kv_machine()->freeze(on.state);
    cr_assert_not_null(image);
    cr_expect_null(vlot_kv_machine()->freeze(on.state), "one at a time");
    for (int step = 0; step < 10 * round; step++) model_step(&model, &on, &prng);
    if (round % 4 == 1) { /* the old table goes */
      cr_assert_eq(snapshot(&on, &other), VLOT_OK);
      cr_assert_eq(restore(&on, &other), VLOT_OK);
    }
    if (round % 4 != 3) {
      cr_assert_eq(write_image(image, &after), VLOT_OK);
      cr_expect(is_same_stream(&before, &after), "round %d", round);
    }
    vlot_kv_machine()->image_free(image);
    for (int step = 0; step < 50; step++) model_step(&model, &on, &prng);
    model_compare(&model, &on);
  }
  cr_assert_eq(snapshot(&on, &before), VLOT_OK);
  void *image = vlot_kv_machine()->freeze(on.state);
  for (int step = 0; step < 50; step++) model_step(&model, &on, &prng);
  subject_close(&on);
  cr_assert_eq(write_image(image, &after), VLOT_OK);
  cr_expect(is_same_stream(&before, &after));
  vlot_kv_machine()->image_free(image);
  cr_expect_eq(vlot_fault_allocator_live(faults), 0);
  vlot_fault_allocator_close(faults);
}

/* The table goes on to what it would have been without an image. */
Test(kv, without_memory_for_a_copy_nothing_has_changed) {
  static stream before, after;
  vlot_fault_allocator *faults = vlot_fault_allocator_open();
  subject on = subject_open(vlot_fault_allocator_get(faults));
  char key[16];
  for (int k = 0; k < 300; k++) set_text(&on, (snprintf(key, sizeof key, "k%d", k), key), "v");
  cr_assert_eq(snapshot(&on, &before), VLOT_OK);
  for (uint64_t fail_at = 1; fail_at <= 4; fail_at++) {
    vlot_fault_allocator_fail_at(faults, fail_at, false);
    void *image = vlot_kv_machine()->freeze(on.state);
    cr_expect(image != NULL || fail_at <= 2);
    vlot_kv_command command = {
        .operation = fail_at % 2 ? VLOT_KV_SET : VLOT_KV_DELETE, .key = "k7", .key_size = 2};
    uint64_t hash = hash_of(&on);
    vlot_result result = image ? apply(&on, &command) : VLOT_NOMEM;
    vlot_fault_allocator_fail_at(faults, 0, false);
    cr_expect_eq(result, VLOT_NOMEM);
    cr_expect_eq(hash_of(&on), hash);
    cr_assert_eq(snapshot(&on, &after), VLOT_OK);
    cr_expect(is_same_stream(&before, &after));
    vlot_kv_machine()->image_free(image);
  }
  subject_close(&on);
  vlot_fault_allocator_close(faults);
}

/* Whatever the number of keys: an array of pointers is copied, and each bucket when it is first
 * changed. */
Test(kv, freezing_copies_no_key) {
  enum { MANY = 20000 };
  vlot_fault_allocator *faults = vlot_fault_allocator_open();
  subject on = subject_open(vlot_fault_allocator_get(faults));
  for (uint64_t k = 0; k < MANY; k++) set(&on, &k, sizeof k, &k, sizeof k);
  uint64_t made = vlot_fault_allocator_made(faults);
  void *image = vlot_kv_machine()->freeze(on.state);
  cr_expect_eq(vlot_fault_allocator_made(faults), made + 2);
  uint64_t key = 5;
  set(&on, &key, sizeof key, &key, sizeof key);
  cr_expect_leq(vlot_fault_allocator_made(faults), made + 20, "a segment, and a chain");
  made = vlot_fault_allocator_made(faults);
  set(&on, &key, sizeof key, &key, sizeof key);
  cr_expect_eq(vlot_fault_allocator_made(faults), made, "its own by now");
  vlot_kv_machine()->image_free(image);
  subject_close(&on);
  vlot_fault_allocator_close(faults);
}

Test(kv, a_large_value_survives_a_snapshot) {
  static uint8_t large[200000];
  static stream between;
  memset(large, 7, sizeof large);
  subject on = subject_open(NULL), other = subject_open(NULL);
  set(&on, "large", 5, large, sizeof large);
  cr_assert_eq(snapshot(&on, &between), VLOT_OK);
  cr_assert_eq(restore(&other, &between), VLOT_OK);
  ask(&other, "large", 5);
  cr_assert(answer_is(&other, 0, large, sizeof large));
  subject_close(&on);
  subject_close(&other);
}

/* A stream that must be refused, leaving the old state. */
static void refuse(subject *on, stream *from, vlot_result expected) {
  uint64_t hash = hash_of(on);
  cr_assert_eq(restore(on, from), expected);
  cr_assert_eq(hash_of(on), hash);
  ask(on, "old", 3);
  cr_assert(answer_is(on, 0, "state", 5));
}

Test(kv, a_damaged_snapshot_is_refused_and_the_old_state_stays) {
  static stream good, bad;
  subject on = subject_open(NULL), other = subject_open(NULL);
  set_text(&on, "one", "1");
  set_text(&on, "two", "22");
  set_text(&on, "three", "");
  set_text(&other, "old", "state");
  cr_assert_eq(snapshot(&on, &good), VLOT_OK);
  for (size_t cut = 0; cut < good.used; cut++) {
    bad = good;
    bad.used = cut;
    refuse(&other, &bad, VLOT_CORRUPT);
  }
  for (size_t bit = 0; bit < good.used * 8; bit++) {
    bad = good;
    bad.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
    refuse(&other, &bad, VLOT_CORRUPT);
  }
  bad = good;
  bad.used++;
  refuse(&other, &bad, VLOT_CORRUPT);
  cr_assert_eq(restore(&other, &good), VLOT_OK);
  cr_assert_eq(hash_of(&other), hash_of(&on));
  subject_close(&on);
  subject_close(&other);
}

Test(kv, a_snapshot_with_a_key_twice_is_refused) {
  static stream twice;
  subject on = subject_open(NULL), other = subject_open(NULL);
  set_text(&other, "old", "state");
  set_text(&on, "k", "v");
  cr_assert_eq(snapshot(&on, &twice), VLOT_OK);
  size_t item = 4 + 4 + 1 + 1;
  memmove(twice.bytes + 16 + 2 * item, twice.bytes + 16 + item, 8);
  memcpy(twice.bytes + 16 + item, twice.bytes + 16, item);
  twice.bytes[8] = 2;
  twice.used += item;
  refuse(&other, &twice, VLOT_CORRUPT);
  subject_close(&on);
  subject_close(&other);
}

static vlot_result read_too_much(void *context, void *data, size_t size, size_t *got) {
  (void)context;
  (void)data;
  *got = size + 1;
  return VLOT_OK;
}

Test(kv, errors_of_a_stream_are_passed_on) {
  static stream between;
  subject on = subject_open(NULL), other = subject_open(NULL);
  set_text(&other, "old", "state");
  for (uint64_t k = 0; k < 1000; k++) set(&on, &k, sizeof k, &k, sizeof k);
  cr_assert_eq(snapshot(&on, &between), VLOT_OK);
  size_t whole = between.used;
  for (size_t at = 1; at <= whole; at += 1000) {
    between.used = whole;
    between.fail_at = at;
    refuse(&other, &between, VLOT_IO);
    cr_assert_eq(snapshot(&on, &between), VLOT_IO);
  }
  vlot_reader reader = {.read = read_too_much};
  cr_assert_eq(vlot_kv_machine()->restore(other.state, &reader), VLOT_CORRUPT);
  subject_close(&on);
  subject_close(&other);
}

/* --- memory --- */

Test(kv, without_memory_a_command_changes_nothing) {
  static const vlot_kv_command commands[] = {
      {.operation = VLOT_KV_SET, .key = "new", .key_size = 3, .value = "value", .value_size = 5},
      {.operation = VLOT_KV_SET,
       .key = "old",
       .key_size = 3,
       .value = "a value that has no room",
       .value_size = 24},
      {.operation = VLOT_KV_CAS, .key = "cas", .key_size = 3, .value = "value", .value_size = 5},
      {.operation = VLOT_KV_INCREMENT, .key = "number", .key_size = 6, .amount = 5},
  };
  vlot_fault_allocator *faults = vlot_fault_allocator_open();
  subject on = subject_open(vlot_fault_allocator_get(faults));
  set_text(&on, "old", "value");
  for (size_t k = 0; k < sizeof commands / sizeof *commands; k++) {
    uint64_t hash = hash_of(&on);
    vlot_fault_allocator_fail_at(faults, 1, false);
    cr_assert_eq(apply(&on, &commands[k]), VLOT_NOMEM, "case %zu", k);
    cr_assert_eq(hash_of(&on), hash);
    cr_assert_eq(apply(&on, &commands[k]), VLOT_OK);
    cr_assert_neq(hash_of(&on), hash);
  }
  subject_close(&on);
  vlot_fault_allocator_close(faults);
}

Test(kv, without_memory_for_buckets_the_table_goes_on) {
  vlot_fault_allocator *faults = vlot_fault_allocator_open();
  subject on = subject_open(vlot_fault_allocator_get(faults));
  uint64_t k = 0;
  for (; k < VLOT__KV_SEGMENT; k++) set(&on, &k, sizeof k, &k, sizeof k);
  vlot_fault_allocator_fail_at(faults, 2, false); /* the item is made, the segment is not */
  set(&on, &k, sizeof k, &k, sizeof k);
  for (; k > 0; k--) {
    ask(&on, &k, sizeof k);
    cr_assert(answer_is(&on, 0, &k, sizeof k));
  }
  subject_close(&on);
  vlot_fault_allocator_close(faults);
}

Test(kv, without_memory_a_restore_leaves_the_old_state_and_leaks_nothing) {
  static stream between;
  vlot_fault_allocator *faults = vlot_fault_allocator_open();
  subject on = subject_open(NULL), other = subject_open(vlot_fault_allocator_get(faults));
  for (uint64_t k = 0; k < 20; k++) set(&on, &k, sizeof k, &k, sizeof k);
  set_text(&other, "old", "state");
  cr_assert_eq(snapshot(&on, &between), VLOT_OK);
  uint64_t n = 0;
  vlot_result result;
  do {
    uint64_t hash = hash_of(&other);
    vlot_fault_allocator_fail_at(faults, ++n, false);
    result = restore(&other, &between);
    if (result != VLOT_OK) cr_assert_eq(hash_of(&other), hash);
    cr_assert(result == VLOT_OK || result == VLOT_NOMEM);
  } while (result != VLOT_OK);
  cr_assert_gt(n, 20);
  vlot_fault_allocator_fail_at(faults, 0, false);
  cr_assert_eq(hash_of(&other), hash_of(&on));
  subject_close(&on);
  subject_close(&other);
  vlot_fault_allocator_close(faults);
}

Test(kv, without_memory_there_is_no_machine) {
  vlot_fault_allocator *faults = vlot_fault_allocator_open();
  for (uint64_t n = 1; n <= 3; n++) {
    vlot_fault_allocator_fail_at(faults, n, false);
    cr_assert_null(
        vlot_kv_machine()->create((void *)(uintptr_t)vlot_fault_allocator_get(faults), 1, false));
  }
  vlot_fault_allocator_close(faults);
}

/* --- as every machine --- */

Test(kv, it_passes_the_check_for_machines) {
  enum { COUNT = 400 };
  vlot_bytes *encoded[COUNT];
  vlot_entry commands[COUNT], questions[SAMPLES];
  vlot__prng prng;
  vlot__prng_init(&prng, 8, 0);
  for (size_t k = 0; k < COUNT; k++) {
    char key = (char)('a' + vlot__prng_below(&prng, 20));
    vlot_kv_command command = samples[vlot__prng_below(&prng, SAMPLES)];
    command.key = &key;
    command.key_size = 1;
    encoded[k] = vlot_kv_encode(NULL, &command);
    commands[k] = (vlot_entry){.data = vlot_bytes_data(encoded[k]),
                               .size = (uint32_t)vlot_bytes_size(encoded[k]),
                               .kind = 1};
  }
  for (size_t k = 0; k < SAMPLES; k++) questions[k] = commands[k];
  const char *problem = "";
  vlot_result result =
      vlot_machine_check(vlot_kv_machine(), commands, COUNT, questions, SAMPLES, &problem);
  cr_assert_eq(result, VLOT_OK, "%s", problem ? problem : vlot_result_text(result));
  cr_assert_null(problem);
  for (size_t k = 0; k < COUNT; k++) vlot_bytes_release(encoded[k]);
}
