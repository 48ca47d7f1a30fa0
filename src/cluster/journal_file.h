/* A journal's file. What is written to it is in the page cache at once, so that the process may
 * end in any moment: a regular file is mapped, any other is written to.
 *
 * Whoever calls has the journal's lock, but for opening and closing.
 */
#ifndef VLOT_CLUSTER_JOURNAL_FILE_H
#define VLOT_CLUSTER_JOURNAL_FILE_H

#include "vlot/base.h"

typedef struct vlot__journal_file {
  int descriptor;
  bool is_open;
  bool is_mapped;     /* else it is no regular file */
  uint8_t *window;    /* [window_size] the part of the file that is mapped; NULL: none yet */
  uint64_t window_at; /* where in the file it begins */
  size_t window_size;
  uint64_t size;      /* written */
  uint64_t allocated; /* of the file: it never has a hole, and so no write can meet a full disk */
  int error;          /* errno of what failed; 0 */
} vlot__journal_file;

/* Create the file, or empty it. VLOT_IO: it cannot be opened, or is being written to by another
 * cluster (EBUSY); error says why, and there is nothing to close. */
vlot_result vlot__journal_file_open(vlot__journal_file *file, const char *path);

/* Behind what is there; of a mapped one a reader sees all of [size] bytes or, from their first four
 * on, zeros. VLOT_IO: nothing is added (error says why). */
vlot_result vlot__journal_file_append(vlot__journal_file *file, const void *data, size_t size);

/* What is wrong, in words. */
const char *vlot__journal_file_text(int error);

/* The file has the size of what was written. VLOT_IO: that failed (error). */
vlot_result vlot__journal_file_close(vlot__journal_file *file);

#endif
