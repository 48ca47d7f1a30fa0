/* A journal in memory, and what every replay must be. */
#ifndef TAPED_H
#define TAPED_H

#include "vlot/journal.h"

typedef struct taped {
  uint8_t *bytes;
  size_t size, capacity;
  uint64_t writes;
  uint64_t fails_at; /* the n-th write fails; 0: none does */
} taped;

/* A sink that keeps everything in a taped. */
vlot_writer taped_sink(taped *tape);
void taped_free(taped *tape);

/* Replay it to its end. "": it is whole and the same; else what is wrong, until the next call with
 * the same text [320]. cluster: the replay, for the caller to look at and close; NULL: it is closed
 * here.
 */
const char *taped_replay(const taped *tape, const vlot_cluster_options *options,
                         vlot_cluster **cluster, char text[320]);

/* The record around byte `at` gets the checksum that fits it. */
void taped_mend(taped *tape, size_t at);

#endif
