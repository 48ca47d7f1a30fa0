/* Lines that say verbs (vlot/verb.h). Whoever takes some (scenes, a prompt) hands them to
 * vlot__command_run(); parsing, errors and help are made from the verbs' rows.
 */
#ifndef VLOT_LAB_COMMAND_H
#define VLOT_LAB_COMMAND_H

#include "vlot/verb.h"
#include "workspace.h"

enum {
  VLOT__COMMAND_WORDS_MAX = 512,
  VLOT__COMMAND_LINE_MAX = 4096,
  VLOT__COMMAND_ODD_MAX = 64,
};

typedef struct vlot__value {
  bool is_given;
  uint64_t number;
  const char *text; /* its first word */
  unsigned word;    /* place of that word in the line, 0 is the verb */
  unsigned count;   /* REST, NUMBERS: so many words */
} vlot__value;

typedef struct vlot__arguments {
  const char *words[VLOT__COMMAND_WORDS_MAX];
  unsigned columns[VLOT__COMMAND_WORDS_MAX]; /* where they begin in the line */
  unsigned word_count;
  vlot__value values[VLOT_VERB_PARAMETERS_MAX]; /* in the order of the row's parameters */
  char text[VLOT__COMMAND_LINE_MAX];
} vlot__arguments;

/* Only read a line: which verb, and what follows it; *verb NULL: an empty line.
 *
 * returns  false: it is no line that can be said; the problem is told
 */
bool vlot__command_parse(vlot__workspace *workspace, const char *line, vlot__arguments *arguments,
                         const vlot_verb **verb);

/* Carry out one line; what was seen, or what is wrong with it, is added to workspace->out.
 *
 * returns  false: a mistake, or it could not be done. The workspace goes on
 */
bool vlot__command_run(vlot__workspace *workspace, const char *line);

/* The same for a line of history: it is not recorded, and what is seen is not shown. */
bool vlot__command_redo(vlot__workspace *workspace, const char *line);

/* Add to workspace->out what a verb does, or (NULL) the names of all; and a line for each of
 * them. */
void vlot__command_help(vlot__workspace *workspace, const vlot_verb *verb);
void vlot__command_list(vlot__workspace *workspace);

/* " (byte 0xEF at column 3)", where a word has a byte that is not seen or looks like another; "":
 * it has none. For what is told of it; text is returned. */
const char *vlot__command_odd(const vlot__arguments *arguments, unsigned word,
                              char text[VLOT__COMMAND_ODD_MAX]);

enum { VLOT__COMMAND_INSTEAD_MAX = 128 };

/* ", not 'WORD'": what stands where something else was expected, into text, which is returned; of a
 * word with a byte that is not seen that byte; "" where the line ends before it. */
const char *vlot__command_instead(const vlot__arguments *arguments, unsigned word,
                                  char text[VLOT__COMMAND_INSTEAD_MAX]);

/* Parse a number, or a node's id, out of a word of the line; false: the problem is told. */
bool vlot__command_number(vlot__workspace *workspace, const vlot__arguments *arguments,
                          unsigned word, uint64_t min, uint64_t max, uint64_t *number);
bool vlot__command_node(vlot__workspace *workspace, const vlot__arguments *arguments, unsigned word,
                        uint32_t *node);

#endif
