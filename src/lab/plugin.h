/* --machine FILE: a machine out of a shared object (vlot/plugin.h), and its words. */
#ifndef VLOT_LAB_PLUGIN_H
#define VLOT_LAB_PLUGIN_H

#include "text.h"
#include "vlot/plugin.h"

enum { VLOT__PLUGIN_PROBLEM_MAX = 256 };

/* The row of --machine, in the options of the verbs that take it. */
#define VLOT__PLUGIN_OPTION(offset)                                                                \
  {                                                                                                \
    "--machine", "FILE", VLOT__OPTION_TEXT, offset, 0, 0, NULL,                                    \
        "a machine of your own, out of a shared object (vlot/plugin.h): default the key-value one" \
  }

/* Load it; it is never unloaded. path NULL: none is wished, *plugin is NULL.
 *
 * verb     who complains
 * returns  VLOT__EXIT_OK; else an exit code, and why is told on stderr
 */
int vlot__plugin_load(const char *verb, const char *path, const vlot_plugin **plugin);

/* A line [size] to a command or a question; NULL: why not is in problem. */
vlot_bytes *vlot__plugin_encode(const vlot_plugin *plugin, bool is_question, const char *line,
                                size_t size, char problem[VLOT__PLUGIN_PROBLEM_MAX]);

/* A command out of a random number: made by the machine's generator, or 1 to 32 random bytes. NULL:
 * why not is in problem. */
vlot_bytes *vlot__plugin_generate(const vlot_plugin *plugin, uint64_t random,
                                  char problem[VLOT__PLUGIN_PROBLEM_MAX]);

/* An answer [size] as text, one line: what no terminal should get is escaped. */
void vlot__plugin_say_answer(const vlot_plugin *plugin, vlot__text *out, const void *data,
                             size_t size);

/* A state likewise. false: this machine has no words for it. */
bool vlot__plugin_say_state(const vlot_plugin *plugin, vlot__text *out, void *state);

#endif
