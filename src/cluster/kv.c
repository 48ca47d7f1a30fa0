/* The key-value machine: what each operation does to the table, and what it answers. */
#include "cluster/kv.h"

#include <string.h>

#include "base/alloc.h"
#include "cluster/replies.h"

/* --- decimal numbers, as INCREMENT keeps them --- */

enum { DIGITS_MAX = 20 }; /* of a signed 64-bit number, with its sign */

/* One form per number: no plus, no spaces, no leading zeros, no "-0". */
static bool parse(const uint8_t *text, size_t size, uint64_t *number) {
  bool is_negative = size > 0 && text[0] == '-';
  size_t k = is_negative;
  if (k == size || size - k > 19) return false;
  if (text[k] == '0' && (size - k > 1 || is_negative)) return false;
  uint64_t value = 0;
  for (; k < size; k++) {
    if (text[k] < '0' || text[k] > '9') return false;
    value = value * 10 + (uint64_t)(text[k] - '0');
  }
  if (value > (uint64_t)INT64_MAX + is_negative) return false;
  *number = is_negative ? 0 - value : value;
  return true;
}

/* A two's complement number as text at the end of out [DIGITS_MAX]; its first character. */
static const uint8_t *format(uint64_t number, uint8_t out[DIGITS_MAX]) {
  bool is_negative = number > INT64_MAX;
  if (is_negative) number = 0 - number;
  uint8_t *at = out + DIGITS_MAX;
  do {
    *--at = (uint8_t)('0' + number % 10);
    number /= 10;
  } while (number > 0);
  if (is_negative) *--at = '-';
  return at;
}

/* --- operations --- */

/* Without memory the answer stays empty, which no client takes for an answer. */
static void answer(vlot_replies *replies, uint32_t k, uint8_t status, const void *value,
                   size_t size) {
  uint8_t *place = vlot__replies_place(replies, k, 1 + size);
  if (!place) return;
  place[0] = status;
  if (size > 0) memcpy(place + 1, value, size);
}

static void answer_bool(vlot_replies *replies, uint32_t k, bool is_true) {
  answer(replies, k, VLOT__KV_OK, &(uint8_t){is_true}, 1);
}

static void get(vlot__kv *kv, const vlot_kv_command *command, vlot_replies *replies, uint32_t k) {
  const vlot__kv_item *item = vlot__kv_table_get(&kv->table, command->key, command->key_size);
  if (item)
    answer(replies, k, VLOT__KV_OK, vlot__kv_item_value(item), item->value_size);
  else
    answer(replies, k, VLOT__KV_NOT_FOUND, NULL, 0);
}

static vlot_result set(vlot__kv *kv, const vlot_kv_command *command) {
  return vlot__kv_table_set(&kv->table, command->key, command->key_size, command->value,
                            command->value_size);
}

static vlot_result delete (vlot__kv *kv, const vlot_kv_command *command, vlot_replies *replies,
                           uint32_t k) {
  bool was_there;
  vlot_result result =
      vlot__kv_table_delete(&kv->table, command->key, command->key_size, &was_there);
  if (result == VLOT_OK) answer_bool(replies, k, was_there);
  return result;
}

static bool is_expected(const vlot__kv *kv, const vlot_kv_command *command) {
  const vlot__kv_item *item = vlot__kv_table_get(&kv->table, command->key, command->key_size);
  if (!item || !command->expected) return !item && !command->expected;
  return item->value_size == command->expected_size &&
         memcmp(vlot__kv_item_value(item), command->expected, command->expected_size) == 0;
}

static vlot_result compare_and_set(vlot__kv *kv, const vlot_kv_command *command,
                                   vlot_replies *replies, uint32_t k) {
  bool is_set = is_expected(kv, command);
  vlot_result result = is_set ? set(kv, command) : VLOT_OK;
  if (result == VLOT_OK) answer_bool(replies, k, is_set);
  return result;
}

static vlot_result increment(vlot__kv *kv, const vlot_kv_command *command, vlot_replies *replies,
                             uint32_t k) {
  const vlot__kv_item *item = vlot__kv_table_get(&kv->table, command->key, command->key_size);
  uint64_t number = 0;
  if (item && !parse(vlot__kv_item_value(item), item->value_size, &number)) {
    answer(replies, k, VLOT__KV_NOT_A_NUMBER, NULL, 0);
    return VLOT_OK;
  }
  uint8_t digits[DIGITS_MAX];
  const uint8_t *text = format(number + (uint64_t)command->amount, digits);
  size_t size = (size_t)(digits + DIGITS_MAX - text);
  vlot_result result = vlot__kv_table_set(&kv->table, command->key, command->key_size, text, size);
  if (result == VLOT_OK) answer(replies, k, VLOT__KV_OK, text, size);
  return result;
}

static vlot_result execute(vlot__kv *kv, const vlot_kv_command *command, vlot_replies *replies,
                           uint32_t k) {
  vlot_result result = VLOT_OK;
  switch (command->operation) {
  case VLOT_KV_GET: get(kv, command, replies, k); break;
  case VLOT_KV_SET:
    result = set(kv, command);
    if (result == VLOT_OK) answer(replies, k, VLOT__KV_OK, NULL, 0);
    break;
  case VLOT_KV_DELETE: result = delete (kv, command, replies, k); break;
  case VLOT_KV_CAS: result = compare_and_set(kv, command, replies, k); break;
  case VLOT_KV_INCREMENT: result = increment(kv, command, replies, k); break;
  }
  return result;
}

/* --- the machine --- */

static void *kv_create(void *context, uint32_t node, bool is_replaying) {
  (void)node;
  (void)is_replaying;
  const vlot_allocator *allocator = vlot__alloc_or_default(context);
  vlot__kv *kv = vlot__alloc(allocator, 1, sizeof *kv);
  if (!kv) return NULL;
  kv->allocator = allocator;
  if (vlot__kv_table_init(&kv->table, allocator) == VLOT_OK) return kv;
  vlot__alloc_free(allocator, kv);
  return NULL;
}

static void kv_destroy(void *state) {
  vlot__kv *kv = state;
  if (!kv) return;
  vlot__kv_table_deinit(&kv->table);
  vlot__alloc_free(kv->allocator, kv);
}

static vlot_result kv_apply(void *state, const vlot_entry *commands, uint32_t count,
                            uint64_t first_index, vlot_replies *replies) {
  (void)first_index;
  vlot_result result = VLOT_OK;
  for (uint32_t k = 0; result == VLOT_OK && k < count; k++) {
    vlot_kv_command command;
    if (vlot__kv_decode(commands[k].data, commands[k].size, &command) == VLOT_OK)
      result = execute(state, &command, replies, k);
    else
      answer(replies, k, VLOT__KV_MALFORMED, NULL, 0);
  }
  return result;
}

static vlot_result kv_query(void *state, const void *question, size_t size, vlot_replies *replies) {
  vlot_kv_command command;
  if (vlot__kv_decode(question, size, &command) == VLOT_OK && command.operation == VLOT_KV_GET)
    get(state, &command, replies, 0);
  else
    answer(replies, 0, VLOT__KV_MALFORMED, NULL, 0);
  return VLOT_OK;
}

static uint64_t kv_hash(void *state) { return vlot__kv_table_hash(&((vlot__kv *)state)->table); }

const vlot_machine *vlot_kv_machine(void) {
  static const vlot_machine machine = {
      .size = sizeof(vlot_machine),
      .name = "key-value",
      .create = kv_create,
      .apply = kv_apply,
      .query = kv_query,
      .snapshot = vlot__kv_snapshot,
      .restore = vlot__kv_restore,
      .hash = kv_hash,
      .destroy = kv_destroy,
      .freeze = vlot__kv_freeze,
      .image_write = vlot__kv_image_write,
      .image_free = vlot__kv_image_end,
      .may_run_on_callers = 1,
  };
  return &machine;
}

uint64_t vlot_kv_count(void *state) { return ((vlot__kv *)state)->table.count; }

void vlot_kv_each(void *state,
                  void (*see)(void *context, const void *key, size_t key_size, const void *value,
                              size_t value_size),
                  void *context) {
  const vlot__kv_table *table = &((vlot__kv *)state)->table;
  for (size_t bucket = 0; bucket < table->bucket_count; bucket++)
    for (const vlot__kv_item *item = vlot__kv_table_bucket(table, bucket); item; item = item->next)
      see(context, item->bytes, item->key_size, vlot__kv_item_value(item), item->value_size);
}
