/* Which pending things a verb means: ids, or `[all] [KIND] [A->B]`; without all the one that was
 * sent first. */
#ifndef VLOT_LAB_PATTERN_H
#define VLOT_LAB_PATTERN_H

#include "command.h"

/* The ids meant by words of the line, in the order they were made.
 *
 * ids      out: [*count] at most `capacity`
 * returns  false: nothing matches, or the words are no pattern; the problem is told
 */
bool vlot__pattern_find(vlot__workspace *workspace, const vlot__arguments *arguments,
                        const vlot__value *words, uint64_t *ids, size_t capacity, size_t *count);

/* "AppendEntries", "timer" …: as patterns name the kind of a pending thing. */
const char *vlot__pattern_kind(const vlot_pending *pending);

/* "term 3, entries 4 to 6": what a message says, into text [capacity], capacity of 128 or more. */
void vlot__pattern_message(const vlot_pending *pending, char *text, size_t capacity);

/* What it is about and when it is due, "its disk, in 3 ticks": the same wherever it is shown.
 * capacity of 128 or more. */
void vlot__pattern_about(const vlot_pending *pending, uint64_t now, char *text, size_t capacity);

/* Everything pending, ordered by id, [*count], to be freed by the caller; NULL: none, or no
 * memory. */
vlot_pending *vlot__pattern_pending(vlot__workspace *workspace, size_t *count);

#endif
