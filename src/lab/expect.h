/* What the key-value machine must hold and answer: a model of one key, written from the machine's
 * documentation. */
#ifndef VLOT_LAB_EXPECT_H
#define VLOT_LAB_EXPECT_H

#include <stdbool.h>

#include "vlot/machine.h"

enum { VLOT__EXPECT_DIGITS = 24 };

typedef enum vlot__expect_kind {
  VLOT__EXPECT_ABSENT = 0,
  VLOT__EXPECT_TEXT,
  VLOT__EXPECT_NUMBER, /* what an increment left: kept as its value */
} vlot__expect_kind;

typedef struct vlot__expect {
  vlot__expect_kind kind;
  const void *text; /* [size], somebody else's */
  size_t size;
  uint64_t number; /* two's complement */
} vlot__expect;

/* The value's bytes [*size]; digits are used where it is a number. */
const void *vlot__expect_bytes(const vlot__expect *value, char digits[VLOT__EXPECT_DIGITS],
                               size_t *size);

/* The key's value after a command. */
vlot__expect vlot__expect_after(const vlot__expect *before, const vlot_kv_command *command);

bool vlot__expect_equal(const vlot__expect *a, const vlot__expect *b);

/* Is this the machine's answer to a command that found the key so? */
bool vlot__expect_answer(const vlot__expect *before, const vlot_kv_command *command,
                         const void *reply, size_t size);

/* Is this the machine's answer to a get of a key with this value? */
bool vlot__expect_read(const vlot__expect *value, const void *reply, size_t size);

#endif
