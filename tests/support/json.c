#include "json.h"

#include <string.h>

/* Each takes what it is named after from *at on; NULL when it is not there. */
static const char *value(const char *at, const char *end, int depth);

static const char *literal(const char *at, const char *end, const char *word) {
  size_t size = strlen(word);
  return (size_t)(end - at) >= size && memcmp(at, word, size) == 0 ? at + size : NULL;
}

static const char *digits(const char *at, const char *end) {
  const char *first = at;
  while (at < end && *at >= '0' && *at <= '9') at++;
  return at > first ? at : NULL;
}

static const char *number(const char *at, const char *end) {
  if (at < end && *at == '-') at++;
  if (at < end && *at == '0')
    at++;
  else
    at = digits(at, end);
  if (at && at < end && *at == '.') at = digits(at + 1, end);
  if (at && at < end && (*at == 'e' || *at == 'E')) {
    at++;
    if (at < end && (*at == '+' || *at == '-')) at++;
    at = digits(at, end);
  }
  return at;
}

static const char *string(const char *at, const char *end) {
  if (at >= end || *at++ != '"') return NULL;
  for (; at < end && *at != '"'; at++) {
    if ((unsigned char)*at < 0x20) return NULL;
    if (*at != '\\') continue;
    if (++at >= end || !strchr("\"\\/bfnrtu", *at) || !*at) return NULL;
    if (*at != 'u') continue;
    for (int k = 0; k < 4; k++)
      if (++at >= end || !strchr("0123456789abcdefABCDEF", *at) || !*at) return NULL;
  }
  return at < end ? at + 1 : NULL;
}

static const char *members(const char *at, const char *end, char close, int depth) {
  if (at < end && *at == close) return at + 1;
  for (;;) {
    if (close == '}') {
      at = string(at, end);
      if (!at || at >= end || *at++ != ':') return NULL;
    }
    at = value(at, end, depth + 1);
    if (!at || at >= end) return NULL;
    if (*at == close) return at + 1;
    if (*at++ != ',') return NULL;
  }
}

static const char *value(const char *at, const char *end, int depth) {
  if (at >= end || depth > 32) return NULL;
  switch (*at) {
  case '{': return members(at + 1, end, '}', depth);
  case '[': return members(at + 1, end, ']', depth);
  case '"': return string(at, end);
  case 't': return literal(at, end, "true");
  case 'f': return literal(at, end, "false");
  case 'n': return literal(at, end, "null");
  default: return number(at, end);
  }
}

bool json_is_valid(const char *text, size_t size) {
  return value(text, text + size, 0) == text + size;
}
