#include "base/json.h"

#include "vlot/base.h"

void vlot__json_key(vlot__writer *w, const char *key) {
  vlot__write(w, ",\"", 2);
  vlot__write_text(w, key);
  vlot__write(w, "\":", 2);
}

void vlot__json_name(vlot__writer *w, const char *name) {
  vlot__write(w, "\"", 1);
  vlot__write_text(w, name);
  vlot__write(w, "\"", 1);
}

void vlot__json_hash(vlot__writer *w, uint64_t hash) {
  char digits[18] = "\"";
  for (int k = 0; k < 16; k++) digits[1 + k] = "0123456789abcdef"[hash >> (60 - 4 * k) & 15];
  digits[17] = '"';
  vlot__write(w, digits, sizeof digits);
}

void vlot__json_number_of(vlot__writer *w, const char *key, uint64_t number) {
  vlot__json_key(w, key);
  vlot__write_number(w, number);
}

void vlot__json_name_of(vlot__writer *w, const char *key, const char *name) {
  vlot__json_key(w, key);
  vlot__json_name(w, name);
}

void vlot__json_truth_of(vlot__writer *w, const char *key, bool truth) {
  vlot__json_key(w, key);
  vlot__json_truth(w, truth);
}

/* --- any bytes -------------------------------------------------------------------------------- */

static bool is_tail(uint8_t byte) { return (byte & 0xc0) == 0x80; }

/* Bytes of the UTF-8 character at data, 0 when there is none: no surrogates, nothing longer than it
 * must be. */
static size_t character(const uint8_t *data, size_t size) {
  uint8_t first = data[0];
  if (first < 0x80) return 1;
  if (first >= 0xc2 && first <= 0xdf) return size >= 2 && is_tail(data[1]) ? 2 : 0;
  if (first >= 0xe0 && first <= 0xef) {
    if (size < 3 || !is_tail(data[1]) || !is_tail(data[2])) return 0;
    if (first == 0xe0 && data[1] < 0xa0) return 0;
    return first == 0xed && data[1] >= 0xa0 ? 0 : 3;
  }
  if (first >= 0xf0 && first <= 0xf4) {
    if (size < 4 || !is_tail(data[1]) || !is_tail(data[2]) || !is_tail(data[3])) return 0;
    if (first == 0xf0 && data[1] < 0x90) return 0;
    return first == 0xf4 && data[1] >= 0x90 ? 0 : 4;
  }
  return 0;
}

static bool is_utf8(const uint8_t *data, size_t size) {
  for (size_t k = 0, length; k < size; k += length)
    if ((length = character(data + k, size - k)) == 0) return false;
  return true;
}

static void write_hex(vlot__writer *w, uint32_t number, int digits) {
  while (digits-- > 0) vlot__write(w, &"0123456789abcdef"[number >> 4 * digits & 15], 1);
}

/* Does some reader take it for the end of a line, or a terminal for an order? U+0000 to U+001F,
 * U+007F to U+009F, U+2028, U+2029. */
static bool is_control(const uint8_t *data, size_t length, uint32_t *number) {
  *number = length == 1   ? data[0]
            : length == 2 ? (uint32_t)(data[0] & 0x1f) << 6 | (data[1] & 0x3f)
            : length == 3 ? (uint32_t)(data[0] & 0x0f) << 12 | (uint32_t)(data[1] & 0x3f) << 6 |
                                (data[2] & 0x3f)
                          : UINT32_MAX;
  return *number < 0x20 || (*number >= 0x7f && *number <= 0x9f) || *number == 0x2028 ||
         *number == 0x2029;
}

static void write_utf8(vlot__writer *w, const uint8_t *data, size_t size) {
  vlot__write(w, "\"", 1);
  for (size_t k = 0, length; k < size; k += length) {
    uint32_t number;
    length = character(data + k, size - k);
    if (is_control(data + k, length, &number)) {
      vlot__write(w, "\\u", 2);
      write_hex(w, number, 4);
    } else {
      if (data[k] == '"' || data[k] == '\\') vlot__write(w, "\\", 1);
      vlot__write(w, (const char *)data + k, length);
    }
  }
  vlot__write(w, "\"", 1);
}

void vlot__json_bytes(vlot__writer *w, const void *bytes, size_t size) {
  const uint8_t *data = bytes;
  if (is_utf8(data, size)) {
    write_utf8(w, data, size);
    return;
  }
  vlot__write_text(w, "{\"hex\":\"");
  for (size_t k = 0; k < size; k++) write_hex(w, data[k], 2);
  vlot__write_text(w, "\"}");
}

size_t vlot_json_bytes(const void *bytes, size_t size, char *out, size_t capacity) {
  vlot__writer w = {.out = out, .capacity = capacity};
  if (!bytes)
    vlot__write_text(&w, "null");
  else
    vlot__json_bytes(&w, bytes, size);
  return vlot__write_end(&w);
}
