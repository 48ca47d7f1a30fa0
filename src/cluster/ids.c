/* Ids of pending things, as people write them. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "vlot/cluster.h"

enum { IS_WRITE = 3, IS_TIMER = 2, KIND_SHIFT = 62 };

size_t vlot_pending_name(uint64_t id, char *out, size_t capacity) {
  uint64_t number = id & (((uint64_t)1 << KIND_SHIFT) - 1);
  const char *letter = id >> KIND_SHIFT == IS_TIMER ? "t" : id >> KIND_SHIFT == IS_WRITE ? "w" : "";
  int length = snprintf(out, capacity, "%s%" PRIu64, letter, *letter ? number : id);
  return length > 0 ? (size_t)length : 0;
}

/* Decimal digits and nothing else, up to a limit. */
static bool parse_number(const char *text, uint64_t most, uint64_t *number) {
  *number = 0;
  if (!*text) return false;
  for (; *text; text++) {
    if (*text < '0' || *text > '9') return false;
    uint64_t digit = (uint64_t)(*text - '0');
    if (*number > (most - digit) / 10) return false;
    *number = *number * 10 + digit;
  }
  return true;
}

bool vlot_pending_parse(const char *text, uint64_t *id) {
  uint64_t number;
  text += *text == '#';
  bool is_timer = *text == 't', is_write = *text == 'w';
  uint64_t most = is_timer || is_write ? UINT32_MAX : VLOT_PENDING_TIMER_ID(0) - 1;
  if (!parse_number(text + (is_timer || is_write), most, &number) || number == 0) return false;
  *id = is_timer   ? VLOT_PENDING_TIMER_ID(number)
        : is_write ? VLOT_PENDING_WRITE_ID(number)
                   : number;
  return true;
}
