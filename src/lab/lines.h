/* Lines of commands: typed at a terminal, with editing, history and completion where libedit is
 * there, or read from a pipe or file. */
#ifndef VLOT_LAB_LINES_H
#define VLOT_LAB_LINES_H

#include <signal.h>
#include <stdbool.h>
#include <stdio.h>

#include "text.h"

/* Add the words that may stand where the line ends, one per line; returns where in the line the
 * word begins. */
typedef size_t vlot__lines_complete(void *context, const char *line, size_t size,
                                    vlot__text *words);

typedef struct vlot__lines {
  FILE *in;
  FILE *out;
  bool is_typed; /* by a person, at a terminal: there is a prompt, and Ctrl-C interrupts */
  vlot__lines_complete *complete;
  void *context;
  vlot__text line; /* the last one, without its end */
  size_t size;     /* of what was read; more than `line` has: too long */
  bool has_zero;   /* a zero byte was in it */
  /* the last one was longer than any line: nothing behind its beginning is read */
  bool is_endless;
  const char *prompt; /* while a line is being read */
  void *editor;       /* libedit's; NULL: none */
  void *history;
  bool was_empty; /* what Ctrl-C has interrupted */
  struct sigaction before[3];
  sigset_t mask;
} vlot__lines;

typedef enum vlot__lines_result {
  VLOT__LINES_LINE = 0,
  VLOT__LINES_END,
  VLOT__LINES_INTERRUPTED, /* Ctrl-C; the line is gone */
} vlot__lines_result;

/* Begin to read. One at a time, since signals are the process's: until it is closed Ctrl-C only
 * sets a flag, if lines are typed. */
void vlot__lines_open(vlot__lines *lines, FILE *in, FILE *out, vlot__lines_complete *complete,
                      void *context);
void vlot__lines_close(vlot__lines *lines);

/* prompt: shown where somebody types. */
vlot__lines_result vlot__lines_read(vlot__lines *lines, const char *prompt);

/* Not 0: Ctrl-C was pressed since it was set to 0. */
volatile sig_atomic_t *vlot__lines_interrupted(void);

#endif
