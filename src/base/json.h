/* Text as JSON: what every writer of it in the library is made of. */
#ifndef VLOT_BASE_JSON_H
#define VLOT_BASE_JSON_H

#include <stdbool.h>

#include "base/writer.h"

/* ,"key": of a member that is not its object's first. */
void vlot__json_key(vlot__writer *w, const char *key);

/* A string with its quotes, of a name that needs no escapes. Any [size] bytes, as vlot_json_bytes()
 * has them, and the most that this is. */
void vlot__json_name(vlot__writer *w, const char *name);
void vlot__json_bytes(vlot__writer *w, const void *bytes, size_t size);
static inline size_t vlot__json_bytes_max(size_t size) {
  return size < SIZE_MAX / 64 ? size * 6 + 12 : SIZE_MAX / 4; /* too long for any memory */
}

/* As a string of 16 digits: readers of JSON lose bits above 2^53. */
void vlot__json_hash(vlot__writer *w, uint64_t hash);

static inline void vlot__json_truth(vlot__writer *w, bool truth) {
  vlot__write_text(w, truth ? "true" : "false");
}

/* A member that is not the first: key and value. */
void vlot__json_number_of(vlot__writer *w, const char *key, uint64_t number);
void vlot__json_name_of(vlot__writer *w, const char *key, const char *name);
void vlot__json_truth_of(vlot__writer *w, const char *key, bool truth);

#endif
