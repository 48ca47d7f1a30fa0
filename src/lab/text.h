/* Text that grows. Without memory it stays as it was and says so at the end. */
#ifndef VLOT_LAB_TEXT_H
#define VLOT_LAB_TEXT_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

typedef struct vlot__text {
  char *data; /* [size], and a zero behind it; NULL while nothing was added */
  size_t size;
  size_t capacity;
  bool is_short; /* something did not fit into memory */
} vlot__text;

void vlot__text_add(vlot__text *text, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void vlot__text_add_list(vlot__text *text, const char *format, va_list arguments)
    __attribute__((format(printf, 2, 0)));
void vlot__text_put(vlot__text *text, const char *data, size_t size);
void vlot__text_clear(vlot__text *text); /* the room stays */
void vlot__text_deinit(vlot__text *text);

/* --- text that somebody else wrote --- */

#define VLOT__BYTE_ORDER_MARK "\xef\xbb\xbf"

/* How many bytes of its beginning are a byte-order mark, which says nothing in UTF-8: 0 or 3. */
size_t vlot__text_mark(const char *text, size_t size);

/* Columns that it takes: only what begins a character is one. */
size_t vlot__text_columns(const char *text, size_t size);

/* The first byte that is no visible ASCII character; size: there is none. */
size_t vlot__text_odd(const char *text, size_t size);

#endif
