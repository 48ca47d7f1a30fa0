/* Text into room that may be too small for it: what fits is there, and its whole length is known,
 * as with snprintf. */
#ifndef VLOT_BASE_WRITER_H
#define VLOT_BASE_WRITER_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef struct vlot__writer {
  char *out;
  size_t capacity;
  size_t length; /* wanted so far */
} vlot__writer;

static inline void vlot__write(vlot__writer *writer, const char *text, size_t size) {
  if (writer->length < writer->capacity) {
    size_t room = writer->capacity - writer->length;
    memcpy(writer->out + writer->length, text, size < room ? size : room);
  }
  writer->length += size;
}

static inline void vlot__write_text(vlot__writer *writer, const char *text) {
  vlot__write(writer, text, strlen(text));
}

static inline void vlot__write_number(vlot__writer *writer, uint64_t number) {
  char digits[20];
  size_t k = sizeof digits;
  do digits[--k] = (char)('0' + number % 10);
  while (number /= 10);
  vlot__write(writer, digits + k, sizeof digits - k);
}

/* The zero at its end. Returns the length it has, or would have. */
static inline size_t vlot__write_end(vlot__writer *writer) {
  if (writer->capacity > 0)
    writer->out[writer->length < writer->capacity ? writer->length : writer->capacity - 1] = '\0';
  return writer->length;
}

#endif
