/* One command table: every verb a person can say to a cluster is a row. Whoever takes commands
 * (scenes, a prompt) hands lines to vlot__command_run(); parsing, errors and help are made from the
 * rows.
 */
#ifndef VLOT_LAB_COMMAND_H
#define VLOT_LAB_COMMAND_H

#include "workspace.h"

enum {
  VLOT__COMMAND_PARAMETERS_MAX = 8,
  VLOT__COMMAND_WORDS_MAX = 512,
  VLOT__COMMAND_LINE_MAX = 4096,
};

typedef enum vlot__parameter_type {
  VLOT__PARAMETER_NUMBER,  /* in [min, max] */
  VLOT__PARAMETER_NODE,    /* a member's id, with or without a leading n */
  VLOT__PARAMETER_NODES,   /* the same, or * for all: 0 */
  VLOT__PARAMETER_CHOICE,  /* one of choices, "a|b"; number: its position */
  VLOT__PARAMETER_WORD,    /* anything */
  VLOT__PARAMETER_REST,    /* all words up to a keyword of the row */
  VLOT__PARAMETER_NUMBERS, /* all numbers that follow, none is allowed too */
  VLOT__PARAMETER_FLAG,    /* a keyword alone */
} vlot__parameter_type;

typedef struct vlot__parameter {
  const char *name;    /* as help shows it, "NODE" */
  const char *keyword; /* "at": it is said as `at NODE`, anywhere; NULL: by its place */
  vlot__parameter_type type;
  bool is_optional; /* those with keywords always are */
  uint64_t min, max;
  const char *choices;
} vlot__parameter;

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
  vlot__value values[VLOT__COMMAND_PARAMETERS_MAX]; /* in the order of the row's parameters */
  char text[VLOT__COMMAND_LINE_MAX];
} vlot__arguments;

typedef struct vlot__command {
  const char *name;
  const char *summary; /* one line */
  const char *example; /* without the name, NULL: none */
  /* the heading it begins in the list of verbs; NULL: as the row before */
  const char *group;
  const char *alias;  /* a shorter name, NULL: none */
  bool is_setup;      /* only before anything has happened; the others open the cluster */
  bool is_summary;    /* many things happen: only changes are shown */
  bool needs_nothing; /* neither */
  bool is_time;       /* it lets time go on, and any part of it can be done alone */
  bool is_look;       /* it changes nothing */
  bool is_meta;       /* it is about the history, and is not part of it */
  /* false: vlot__workspace_fail() has been called, and nothing was done */
  bool (*run)(vlot__workspace *workspace, const vlot__arguments *arguments);
  /* up to the first without a name */
  vlot__parameter parameters[VLOT__COMMAND_PARAMETERS_MAX];
} vlot__command;

extern const vlot__command vlot__commands[];
extern const size_t vlot__command_count;

/* Carry out one line; what was seen, or what is wrong with it, is added to workspace->out.
 *
 * returns  false: a mistake, or it could not be done. The workspace goes on
 */
bool vlot__command_run(vlot__workspace *workspace, const char *line);

/* The same for a line of history: it is not recorded, and what is seen is not shown. */
bool vlot__command_redo(vlot__workspace *workspace, const char *line);

/* Add to workspace->out what a verb does, or (NULL) the names of all; and a line for each of
 * them. */
void vlot__command_help(vlot__workspace *workspace, const vlot__command *command);
void vlot__command_list(vlot__workspace *workspace);

const vlot__command *vlot__command_find(const char *name); /* or alias; NULL: none */

/* Parse a number, or a node's id, out of a word of the line; false: the problem is told. */
bool vlot__command_number(vlot__workspace *workspace, const vlot__arguments *arguments,
                          unsigned word, uint64_t min, uint64_t max, uint64_t *number);
bool vlot__command_node(vlot__workspace *workspace, const vlot__arguments *arguments, unsigned word,
                        uint32_t *node);

#endif
