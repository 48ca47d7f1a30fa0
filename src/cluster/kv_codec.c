/* Commands and answers of the key-value machine as bytes. Little-endian; every command has one
 * encoding:
 *
 *   operation 1 · key size 2 · key · then  SET value · CAS has 1 [size 4 · expected] value ·
 *   INCREMENT amount 8
 *
 * The last field takes what is left, so that a small command stays small.
 */
#include "cluster/kv.h"

#include <string.h>

#include "base/little.h"

static void put(uint8_t **out, const void *data, size_t size) {
  if (size > 0) memcpy(*out, data, size);
  *out += size;
}

static void put_number(uint8_t **out, uint64_t value, size_t size) {
  *out = vlot__put_word(*out, value, size);
}

/* --- encoding --- */

static bool is_field(const void *data, size_t size) {
  return size <= VLOT__KV_VALUE_MAX && (data || size == 0);
}

static bool encode_check(const vlot_kv_command *command) {
  if (!command->key || command->key_size == 0 || command->key_size > VLOT__KV_KEY_MAX) return false;
  switch (command->operation) {
  case VLOT_KV_GET:
  case VLOT_KV_DELETE:
  case VLOT_KV_INCREMENT: return true;
  case VLOT_KV_SET: return is_field(command->value, command->value_size);
  case VLOT_KV_CAS:
    return is_field(command->value, command->value_size) &&
           (!command->expected || is_field(command->expected, command->expected_size));
  }
  return false;
}

static size_t encoded_size(const vlot_kv_command *command) {
  size_t size = 3 + command->key_size;
  if (command->operation == VLOT_KV_SET) size += command->value_size;
  if (command->operation == VLOT_KV_CAS)
    size += 1 + (command->expected ? 4 + command->expected_size : 0) + command->value_size;
  if (command->operation == VLOT_KV_INCREMENT) size += 8;
  return size;
}

vlot_bytes *vlot_kv_encode(const vlot_allocator *allocator, const vlot_kv_command *command) {
  if (!command || !encode_check(command)) return NULL;
  uint8_t *out;
  vlot_bytes *bytes = vlot_bytes_make(allocator, encoded_size(command), &out);
  if (!bytes) return NULL;
  put_number(&out, (uint64_t)command->operation, 1);
  put_number(&out, command->key_size, 2);
  put(&out, command->key, command->key_size);
  if (command->operation == VLOT_KV_CAS) {
    put_number(&out, command->expected != NULL, 1);
    if (command->expected) {
      put_number(&out, command->expected_size, 4);
      put(&out, command->expected, command->expected_size);
    }
  }
  if (command->operation == VLOT_KV_SET || command->operation == VLOT_KV_CAS)
    put(&out, command->value, command->value_size);
  if (command->operation == VLOT_KV_INCREMENT) put_number(&out, (uint64_t)command->amount, 8);
  return bytes;
}

/* --- decoding --- */

static vlot_result decode_value(vlot_kv_command *command, const uint8_t *data, size_t size) {
  if (size > VLOT__KV_VALUE_MAX) return VLOT_CORRUPT;
  command->value = data;
  command->value_size = size;
  return VLOT_OK;
}

static vlot_result decode_cas(vlot_kv_command *command, const uint8_t *data, size_t size) {
  if (size < 1 || data[0] > 1) return VLOT_CORRUPT;
  bool has_expected = data[0] == 1;
  data += 1;
  size -= 1;
  if (has_expected) {
    if (size < 4) return VLOT_CORRUPT;
    uint64_t expected_size = vlot__get_word(data, 4);
    data += 4;
    size -= 4;
    if (expected_size > VLOT__KV_VALUE_MAX || expected_size > size) return VLOT_CORRUPT;
    command->expected = data;
    command->expected_size = (size_t)expected_size;
    data += command->expected_size;
    size -= command->expected_size;
  }
  return decode_value(command, data, size);
}

static vlot_result decode_amount(vlot_kv_command *command, const uint8_t *data, size_t size) {
  if (size != 8) return VLOT_CORRUPT;
  uint64_t amount = vlot__get_word(data, 8);
  /* Two's complement, whatever a conversion would do. */
  memcpy(&command->amount, &amount, sizeof amount);
  return VLOT_OK;
}

vlot_result vlot__kv_decode(const uint8_t *data, size_t size, vlot_kv_command *command) {
  if (size < 4) return VLOT_CORRUPT;
  size_t key_size = data[1] | (size_t)data[2] << 8;
  if (key_size == 0 || key_size > size - 3) return VLOT_CORRUPT;
  *command = (vlot_kv_command){
      .operation = (vlot_kv_operation)data[0], .key = data + 3, .key_size = key_size};
  const uint8_t *rest = data + 3 + key_size;
  size_t rest_size = size - 3 - key_size;
  switch (data[0]) {
  case VLOT_KV_GET:
  case VLOT_KV_DELETE: return rest_size == 0 ? VLOT_OK : VLOT_CORRUPT;
  case VLOT_KV_SET: return decode_value(command, rest, rest_size);
  case VLOT_KV_CAS: return decode_cas(command, rest, rest_size);
  case VLOT_KV_INCREMENT: return decode_amount(command, rest, rest_size);
  default: return VLOT_CORRUPT;
  }
}

vlot_result vlot_kv_decode(const void *data, size_t size, vlot_kv_command *command) {
  vlot_kv_command decoded;
  if (!data || !command) return VLOT_CORRUPT;
  vlot_result result = vlot__kv_decode(data, size, &decoded);
  if (result == VLOT_OK) *command = decoded;
  return result;
}

vlot_result vlot_kv_answer_decode(const void *data, size_t size, vlot_kv_answer *answer) {
  const uint8_t *bytes = data;
  if (!data || size == 0 || bytes[0] > VLOT__KV_MALFORMED || size - 1 > VLOT__KV_VALUE_MAX)
    return VLOT_CORRUPT;
  if (bytes[0] != VLOT__KV_OK && size > 1) return VLOT_CORRUPT;
  *answer = (vlot_kv_answer){.status = bytes[0], .size = (uint32_t)(size - 1), .value = bytes + 1};
  return VLOT_OK;
}
