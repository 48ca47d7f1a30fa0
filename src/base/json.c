#include "base/json.h"

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

static void write_escape(vlot__writer *w, uint8_t byte) {
  char code[6] = {
      '\\', 'u', '0', '0', "0123456789abcdef"[byte >> 4], "0123456789abcdef"[byte & 15]};
  vlot__write(w, code, sizeof code);
}

void vlot__json_string(vlot__writer *w, const void *bytes, size_t size) {
  const uint8_t *data = bytes;
  vlot__write(w, "\"", 1);
  for (size_t k = 0, length; k < size; k += length) {
    length = character(data + k, size - k);
    if (length == 0 || data[k] < 0x20) {
      write_escape(w, data[k]);
      length = 1;
    } else {
      if (data[k] == '"' || data[k] == '\\') vlot__write(w, "\\", 1);
      vlot__write(w, (const char *)data + k, length);
    }
  }
  vlot__write(w, "\"", 1);
}
