/* What vlot_problem() says: kept by thread, and made into a sentence only when somebody asks. A
 * refusal costs a few stores, so that a full mailbox may be met as often as it likes.
 */
#ifndef VLOT_BASE_PROBLEM_H
#define VLOT_BASE_PROBLEM_H

#include "vlot/base.h"

/* The calling thread's last refusal; returns result.
 *
 * sentence  static; {0} and {1} in it stand for value and allowed
 */
vlot_result vlot__refuse(vlot_result result, const char *sentence);
vlot_result vlot__refuse_value(vlot_result result, const char *sentence, uint64_t value,
                               uint64_t allowed);

/* The same with words that are gone later: copied, cut where they are too long. */
vlot_result vlot__refuse_words(vlot_result result, const char *words);

#endif
