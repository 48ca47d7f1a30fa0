/* vlot/plugin.h: a machine of one's own in the command: vlot run, step, play … --machine FILE.so.
 *
 * A shared object has one symbol, VLOT_PLUGIN_SYMBOL, a function that returns a table. It is built
 * against these headers and may leave the library's functions undefined, as the command has them:
 *
 *   cc -shared -fPIC -o counter.so counter.c
 *
 * What is loaded stays loaded until the process ends: a thread that is stuck in a machine comes
 * back to its code, after its cluster was closed (VLOT_TIMEOUT) too.
 */
#ifndef VLOT_PLUGIN_H
#define VLOT_PLUGIN_H

#include "vlot/base.h"
#include "vlot/machine.h"

#ifdef __cplusplus
extern "C" {
#endif

#define VLOT_PLUGIN_ABI         1
#define VLOT_PLUGIN_SYMBOL      "vlot_machine_entry"
#define VLOT_PLUGIN_NAME_MAX    63         /* bytes of a name */
#define VLOT_PLUGIN_COMMAND_MAX (64 << 10) /* bytes of a command or question out of a text */
#define VLOT_PLUGIN_TEXT_MAX    (64 << 10) /* bytes of a text out of an answer or a state */

/* A machine, and how people talk to it. The functions are pure: the same input, the same output,
 * always; they keep nothing, and are called by any thread, one at a time. What they write goes to a
 * place of `capacity` bytes, and *size says how much it is (texts need no zero at their end).
 *
 * Anything but VLOT_OK is a refusal, which is told; *problem, where there is one, is a static
 * sentence that says what is wrong and what is allowed; NULL: the result's text is told.
 */
typedef struct vlot_plugin {
  uint32_t abi;                /* VLOT_PLUGIN_ABI */
  uint32_t size;               /* sizeof(vlot_plugin) */
  const char *name;            /* 1 … VLOT_PLUGIN_NAME_MAX visible ASCII characters, no blank */
  const vlot_machine *machine; /* as for vlot_cluster_options.machine; static, like this table */

  /* A line [length], as people write it, to a command. NULL: a line's bytes are the command. */
  vlot_result (*command)(const char *line, size_t length, void *bytes, size_t capacity,
                         size_t *size, const char **problem);
  /* The same to a question, for the machine's query. NULL: as above. */
  vlot_result (*question)(const char *line, size_t length, void *bytes, size_t capacity,
                          size_t *size, const char **problem);
  /* An answer [length], to a command or a question, to a text. NULL: its bytes are shown. */
  vlot_result (*answer)(const void *data, size_t length, char *text, size_t capacity, size_t *size);
  /* A machine's state to a text, which changes nothing. NULL: it is not shown. Called as
   * vlot_machine.hash is */
  vlot_result (*state)(void *state, char *text, size_t capacity, size_t *size);
  /* A command made of a random number, for `vlot sim`. NULL: it takes random bytes. */
  vlot_result (*generate)(uint64_t random, void *bytes, size_t capacity, size_t *size);
} vlot_plugin;

/* What the symbol is. The table is static. */
typedef const vlot_plugin *vlot_machine_entry_function(void);

#define VLOT_PLUGIN_ENTRY \
  __attribute__((visibility("default"))) const vlot_plugin *vlot_machine_entry(void)

VLOT_PLUGIN_ENTRY;

#ifdef __cplusplus
}
#endif

#endif
