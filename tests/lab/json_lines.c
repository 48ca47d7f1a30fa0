/* Writes history lines whose key is any bytes, and whose value says them in hex: json_lines.sh has
 * them read back. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vlot/history.h"

enum { RANDOM = 3000, BYTES_MAX = 40 };

static uint64_t state = 1;

static uint32_t dice(uint32_t sides) {
  state = state * 6364136223846793005u + 1442695040888963407u;
  return (uint32_t)(state >> 33) % sides;
}

static void put_line(void *context, const char *text, size_t size) {
  (void)context;
  fwrite(text, 1, size, stdout);
}

/* As key, value, expected and result. */
static void write_one(vlot_history *history, const uint8_t *bytes, size_t size) {
  char hex[2 * BYTES_MAX + 1] = "";
  uint32_t operation;
  for (size_t k = 0; k < size; k++) snprintf(hex + 2 * k, 3, "%02x", bytes[k]);
  vlot_history_call call = {.operation = hex,
                            .has_expected = 1,
                            .key = bytes,
                            .key_size = size,
                            .value = bytes,
                            .value_size = size,
                            .expected = bytes,
                            .expected_size = size};
  if (vlot_history_begin(history, &call, &operation) != VLOT_OK ||
      vlot_history_end(history, operation, 1, VLOT_OK, bytes, size) != VLOT_OK)
    exit(1);
}

/* Pieces that look like characters, put together in any way. */
static size_t make_bytes(uint8_t *bytes) {
  static const char *const pieces[] = {"a",
                                       "\"",
                                       "\\",
                                       "\xc3\xa9",
                                       "\xe2\x80\xa8",
                                       "\xe2\x80\xa9",
                                       "\xc2\x85",
                                       "\xed\xa0\x80",
                                       "\xed\xb0\x80",
                                       "\xf0\x9f\x98\x80",
                                       "\xf4\x90\x80\x80",
                                       "\xc0\x80",
                                       "\xff",
                                       "\x7f",
                                       "\r\n",
                                       "\\u0000",
                                       "{\"hex\":\"00\"}"};
  size_t size = 0;
  for (uint32_t left = dice(5); left > 0; left--) {
    const char *piece = pieces[dice(sizeof pieces / sizeof *pieces)];
    size_t length = strlen(piece);
    if (size + length + 1 > BYTES_MAX) break;
    memcpy(bytes + size, piece, length);
    size += length;
    if (dice(4) == 0) bytes[size++] = (uint8_t)dice(256);
  }
  return size;
}

int main(void) {
  vlot_history *history;
  vlot_history_sink sink = {.line = put_line};
  uint8_t bytes[BYTES_MAX];
  if (vlot_history_open(&history, NULL, &sink) != VLOT_OK) return 1;
  write_one(history, bytes, 0);
  for (int a = 0; a < 256; a++) {
    bytes[0] = (uint8_t)a;
    write_one(history, bytes, 1);
    for (int b = 0; b < 256; b += 3) {
      bytes[1] = (uint8_t)b;
      write_one(history, bytes, 2);
    }
  }
  for (int k = 0; k < RANDOM; k++) {
    size_t size = dice(BYTES_MAX + 1);
    for (size_t n = 0; n < size; n++) bytes[n] = (uint8_t)dice(256);
    write_one(history, bytes, size);
    write_one(history, bytes, make_bytes(bytes));
  }
  vlot_history_close(history);
  return fflush(stdout) != 0;
}
