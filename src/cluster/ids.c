/* Ids of pending things, as people write them. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "vlot/cluster.h"

/* What is no mail has a letter, and an id above this bit. */
static const struct {
  char letter;
  uint64_t base;
} kinds[] = {{'i', VLOT_PENDING_IMAGE_ID(0)},
             {'w', VLOT_PENDING_WRITE_ID(0)},
             {'t', VLOT_PENDING_TIMER_ID(0)}};
enum { KINDS = sizeof kinds / sizeof *kinds };

size_t vlot_pending_name(uint64_t id, char *out, size_t capacity) {
  size_t k = 0;
  while (k < KINDS && id < kinds[k].base) k++;
  int length = k < KINDS
                   ? snprintf(out, capacity, "%c%" PRIu64, kinds[k].letter, id - kinds[k].base)
                   : snprintf(out, capacity, "%" PRIu64, id);
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
  size_t k = 0;
  while (k < KINDS && *text != kinds[k].letter) k++;
  bool is_mail = k == KINDS;
  uint64_t most = is_mail ? VLOT_PENDING_TIMER_ID(0) - 1 : UINT32_MAX;
  if (!parse_number(text + !is_mail, most, &number) || number == 0) return false;
  *id = is_mail ? number : kinds[k].base | number;
  return true;
}
