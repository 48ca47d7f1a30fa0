/* The model of one key. */
#include "expect.h"

#include <stdio.h>
#include <string.h>

enum { STATUS_OK = 0, STATUS_NOT_FOUND = 1, STATUS_NOT_A_NUMBER = 2 };

const void *vlot__expect_bytes(const vlot__expect *value, char digits[VLOT__EXPECT_DIGITS],
                               size_t *size) {
  *size = 0;
  if (value->kind == VLOT__EXPECT_ABSENT) return NULL;
  *size = value->size;
  if (value->kind == VLOT__EXPECT_TEXT) return value->text;
  bool is_negative = value->number > (uint64_t)INT64_MAX;
  unsigned long long distance = is_negative ? 0 - value->number : value->number;
  *size = (size_t)snprintf(digits, VLOT__EXPECT_DIGITS, "%s%llu", is_negative ? "-" : "", distance);
  return digits;
}

static bool is_value(const vlot__expect *value, const void *text, size_t size) {
  char digits[VLOT__EXPECT_DIGITS];
  size_t own_size;
  const void *own = vlot__expect_bytes(value, digits, &own_size);
  return own && own_size == size && memcmp(own, text, size) == 0;
}

bool vlot__expect_equal(const vlot__expect *a, const vlot__expect *b) {
  char digits[VLOT__EXPECT_DIGITS];
  size_t size;
  const void *text = vlot__expect_bytes(b, digits, &size);
  return text ? is_value(a, text, size) : a->kind == VLOT__EXPECT_ABSENT;
}

/* A value counts as a number only in the form that increments write: printed again, it is the
 * same. */
static bool as_number(const vlot__expect *value, uint64_t *number) {
  *number = value->number;
  if (value->kind == VLOT__EXPECT_NUMBER) return true;
  *number = 0;
  if (value->kind == VLOT__EXPECT_ABSENT) return true;
  const char *text = value->text;
  if (value->size == 0 || value->size > 20) return false;
  bool is_negative = text[0] == '-';
  for (size_t k = is_negative; k < value->size; k++)
    *number = *number * 10 + (uint64_t)(text[k] - '0');
  if (is_negative) *number = 0 - *number;
  vlot__expect printed = {.kind = VLOT__EXPECT_NUMBER, .number = *number};
  return is_value(&printed, value->text, value->size);
}

static bool may_set(const vlot__expect *before, const vlot_kv_command *command) {
  return command->expected ? is_value(before, command->expected, command->expected_size)
                           : before->kind == VLOT__EXPECT_ABSENT;
}

vlot__expect vlot__expect_after(const vlot__expect *before, const vlot_kv_command *command) {
  vlot__expect set = {
      .kind = VLOT__EXPECT_TEXT, .text = command->value, .size = command->value_size};
  uint64_t number;
  switch (command->operation) {
  case VLOT_KV_GET: break;
  case VLOT_KV_SET: return set;
  case VLOT_KV_DELETE: return (vlot__expect){0};
  case VLOT_KV_CAS: return may_set(before, command) ? set : *before;
  case VLOT_KV_INCREMENT:
    if (as_number(before, &number))
      return (vlot__expect){.kind = VLOT__EXPECT_NUMBER,
                            .number = number + (uint64_t)command->amount};
    break;
  }
  return *before;
}

bool vlot__expect_read(const vlot__expect *value, const void *reply, size_t size) {
  vlot_kv_answer answer;
  if (vlot_kv_answer_decode(reply, size, &answer) != VLOT_OK) return false;
  if (answer.status == STATUS_NOT_FOUND) return value->kind == VLOT__EXPECT_ABSENT;
  return answer.status == STATUS_OK && is_value(value, answer.value, answer.size);
}

bool vlot__expect_answer(const vlot__expect *before, const vlot_kv_command *command,
                         const void *reply, size_t size) {
  vlot_kv_answer answer;
  uint64_t number;
  if (vlot_kv_answer_decode(reply, size, &answer) != VLOT_OK) return false;
  bool is_done = false;
  switch (command->operation) {
  case VLOT_KV_GET: return vlot__expect_read(before, reply, size);
  case VLOT_KV_SET: return answer.status == STATUS_OK && answer.size == 0;
  case VLOT_KV_DELETE: is_done = before->kind != VLOT__EXPECT_ABSENT; break;
  case VLOT_KV_CAS: is_done = may_set(before, command); break;
  case VLOT_KV_INCREMENT: {
    if (!as_number(before, &number)) return answer.status == STATUS_NOT_A_NUMBER;
    vlot__expect after = vlot__expect_after(before, command);
    return answer.status == STATUS_OK && is_value(&after, answer.value, answer.size);
  }
  }
  return answer.status == STATUS_OK && answer.size == 1 && answer.value[0] == is_done;
}
