/* What can be said next in a line of commands, out of the list of verbs. */
#ifndef VLOT_LAB_COMPLETE_H
#define VLOT_LAB_COMPLETE_H

#include "command.h"

/* The words that begin like the last one of line [size] and may stand there, one per line, in the
 * order of the table.
 *
 * more     [more_count] first words besides the table's
 * returns  where in the line that word begins; at its end: a new one
 */
size_t vlot__complete(const vlot__workspace *workspace, const char *line, size_t size,
                      const char *const *more, size_t more_count, vlot__text *words);

#endif
