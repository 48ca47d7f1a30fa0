/* Which files a command reads and writes: nothing that it writes may be something that it reads, or
 * writes twice. */
#ifndef VLOT_LAB_FILES_H
#define VLOT_LAB_FILES_H

#include <stdbool.h>
#include <stddef.h>

typedef struct vlot__file_use {
  const char *what; /* as people name it: "--journal" */
  const char *path; /* NULL: it is not wished; of what is read "-" is the standard input */
  bool is_written;
} vlot__file_use;

/* May a command use these files? To be asked before any of them is opened or emptied, and by every
 * command that writes to a file whose name it is given. A file is known by what it is, whatever its
 * names are; one that does not exist yet by its directory and its name there. What standard input,
 * output and error are redirected to counts as well; a device may be named as often as one likes.
 *
 * verb     who complains
 * returns  false: told on stderr
 */
bool vlot__files_may_use(const char *verb, const vlot__file_use *uses, size_t count);

#endif
