/* Options of a verb, as one table: parsing, range errors and help text are made from it. */
#ifndef VLOT_LAB_OPTIONS_H
#define VLOT_LAB_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

typedef enum vlot__option_type {
  VLOT__OPTION_FLAG,   /* bool */
  VLOT__OPTION_NUMBER, /* uint64_t in [min, max] */
  VLOT__OPTION_TEXT,   /* const char *, borrowed from argv */
  VLOT__OPTION_CHOICE, /* uint64_t: position in choices */
} vlot__option_type;

typedef struct vlot__option {
  const char *name;  /* "--nodes" */
  const char *value; /* how help names the value; NULL for a flag */
  vlot__option_type type;
  size_t offset; /* of the field in the verb's settings */
  uint64_t min;
  uint64_t max;
  const char *choices; /* "threads|lockstep" */
  const char *help;
} vlot__option;

/* What a verb takes, and what it says about itself. */
typedef struct vlot__verb {
  const char *name;
  const char *summary;         /* one line */
  const char *text;            /* below the options in `help VERB`; NULL */
  const vlot__option *options; /* [option_count] */
  size_t option_count;
  int (*run)(int argc,
             char **argv); /* argv [argc] without program and verb; returns the exit code */
} vlot__verb;

/* Fill settings, which hold the defaults, from arguments.
 *
 * returns  0: go on; 1: help was asked for and is printed to stdout; 2: a mistake, told on stderr
 */
int vlot__options_parse(const vlot__verb *verb, int argc, char **argv, void *settings);

/* The same where a file may stand before, between and behind the options; *file: NULL when there is
 * none. */
int vlot__options_parse_file(const vlot__verb *verb, int argc, char **argv, void *settings,
                             const char **file);

void vlot__options_help(const vlot__verb *verb, FILE *out);

/* The word of words [count] that is nearest to a mistyped one; NULL: none is near. */
const char *vlot__options_nearest(const char *word, const char *const *words, size_t count);

/* A decimal number, or a hexadecimal one after 0x; the whole text, nothing else. */
bool vlot__options_number(const char *text, uint64_t *number);

#endif
