/* The prompt: a person talks to a workspace, one command after the other, and sees the nodes and
 * what is pending after each that changed something. Read from a pipe the same becomes a
 * transcript.
 */
#ifndef VLOT_LAB_PROMPT_H
#define VLOT_LAB_PROMPT_H

#include "workspace.h"

typedef struct vlot__prompt_options {
  const char *greeting; /* lines above the first table: what there is; NULL: none */
  bool is_ascii;        /* no glyphs, as where the locale is not UTF-8 */
  /* no colours, as with NO_COLOR, and where the output is no terminal */
  bool is_plain;
  /* out: somebody said `continue`; NULL: there is nothing that could go on */
  bool *must_go_on;
} vlot__prompt_options;

/* Read commands from the standard input, until `quit`, `continue` or its end.
 *
 * An empty line at a terminal is `next`. Ctrl-C ends what takes long, or throws the line away. From
 * a pipe or file every line is echoed; empty lines and comments do nothing.
 *
 * workspace  opened, if it is not; it stays open. Its must_stop is the prompt's while this runs
 * returns  VLOT__EXIT_OK; VLOT__EXIT_VIOLATED: some line failed that was not typed at a terminal
 */
int vlot__prompt_run(vlot__workspace *workspace, const vlot__prompt_options *options);

/* How many steps a workspace may make that this prompt will drive: where nobody could press Ctrl-C
 * there is an end. */
uint64_t vlot__prompt_actions_max(void);

#endif
