/* Is a text one JSON value, whole and strict (RFC 8259)? No duplicate keys are looked for. */
#ifndef VLOT_TESTS_JSON_H
#define VLOT_TESTS_JSON_H

#include <stdbool.h>
#include <stddef.h>

bool json_is_valid(const char *text, size_t size);

#endif
