#include "text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool reserve(vlot__text *text, size_t more) {
  size_t wanted = text->size + more + 1;
  if (wanted <= text->capacity) return true;
  size_t capacity = wanted > 2 * text->capacity ? wanted : 2 * text->capacity;
  char *data = realloc(text->data, capacity);
  if (!data) {
    text->is_short = true;
    return false;
  }
  text->data = data;
  text->capacity = capacity;
  return true;
}

void vlot__text_put(vlot__text *text, const char *data, size_t size) {
  if (!reserve(text, size)) return;
  if (size > 0) memcpy(text->data + text->size, data, size);
  text->size += size;
  text->data[text->size] = '\0';
}

void vlot__text_add_list(vlot__text *text, const char *format, va_list arguments) {
  va_list again;
  va_copy(again, arguments);
  int length = vsnprintf(NULL, 0, format, arguments);
  if (length >= 0 && reserve(text, (size_t)length)) {
    vsnprintf(text->data + text->size, (size_t)length + 1, format, again);
    text->size += (size_t)length;
  }
  va_end(again);
}

void vlot__text_add(vlot__text *text, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  vlot__text_add_list(text, format, arguments);
  va_end(arguments);
}

void vlot__text_clear(vlot__text *text) {
  text->size = 0;
  if (text->data) text->data[0] = '\0';
}

void vlot__text_deinit(vlot__text *text) {
  free(text->data);
  *text = (vlot__text){0};
}

size_t vlot__text_mark(const char *text, size_t size) {
  enum { MARK_SIZE = sizeof VLOT__BYTE_ORDER_MARK - 1 };
  return size >= MARK_SIZE && memcmp(text, VLOT__BYTE_ORDER_MARK, MARK_SIZE) == 0 ? MARK_SIZE : 0;
}

size_t vlot__text_columns(const char *text, size_t size) {
  size_t count = 0;
  for (size_t k = 0; k < size; k++) count += ((unsigned char)text[k] & 0xc0) != 0x80;
  return count;
}

size_t vlot__text_odd(const char *text, size_t size) {
  size_t at = 0;
  while (at < size && text[at] > ' ' && text[at] < 0x7f) at++;
  return at;
}
