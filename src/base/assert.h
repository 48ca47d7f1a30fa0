/* Assertions: on in every build, one condition, no side effect, never on data from outside. */
#ifndef VLOT_BASE_ASSERT_H
#define VLOT_BASE_ASSERT_H

#include "vlot/base.h"

/* Our own logic: a condition that only a bug of ours can break. */
#define VLOT_ASSERT(condition) \
  ((condition) ? (void)0       \
               : vlot__assert_bug(__FILE__, __LINE__, #condition " does not hold", NULL, 0))

/* What a caller of the public interface must do, as a sentence that tells it so. The same sentence
 * stands behind an "asserts" of a header, and in a test (tools/check_duties.py). */
#define VLOT_DUTY(condition, sentence) \
  ((condition) ? (void)0 : vlot__assert_duty(__FILE__, __LINE__, sentence))

/* A pointer parameter of a public function that does not allow NULL. */
#define VLOT_GIVEN(pointer) VLOT_DUTY((pointer) != NULL, "pass NULL only where it is allowed")

/* A number that shows how something broke. */
typedef struct vlot__evidence {
  const char *name;
  uint64_t value;
} vlot__evidence;

/* Out of line and cold: the way through is a comparison. evidence [count], borrowed. */
#define VLOT__NEVER_RETURNS __attribute__((noreturn, cold))
VLOT__NEVER_RETURNS void vlot__assert_duty(const char *file, int line, const char *sentence);
VLOT__NEVER_RETURNS void vlot__assert_bug(const char *file, int line, const char *broken,
                                          const vlot__evidence *evidence, size_t count);

#endif
