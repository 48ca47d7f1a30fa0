/* Input of `vlot run`: one command of the key-value machine per line.
 *
 *   set KEY VALUE…   the value is the rest of the line; "" is the empty one
 *   del KEY
 *   get KEY
 *   cas KEY OLD NEW… sets NEW if the value is OLD
 *   incr KEY [N]     adds N, 1 unless said
 *
 * Blank lines and lines that begin with # are skipped. Words are separated by blanks or tabs.
 */
#ifndef VLOT_LAB_SCRIPT_H
#define VLOT_LAB_SCRIPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "vlot/plugin.h"

#define VLOT__SCRIPT_NONE UINT32_MAX

typedef struct vlot__script_command {
  vlot_kv_command kv; /* points into the text */
  uint32_t key;       /* its number, from 0 in the order of first use */
  uint32_t next;      /* the next command with the same key; NONE */
} vlot__script_command;

typedef struct vlot__script_key {
  const char *text; /* [size] */
  size_t size;
  uint32_t first; /* its first command */
  uint32_t last;
} vlot__script_key;

typedef struct vlot__script {
  char *text; /* what was read; NULL when it is somebody else's */
  vlot__script_command *commands;
  vlot__script_key *keys;
  uint32_t *table; /* [table_size] numbers of keys by hash, a power of two */
  uint32_t count;
  uint32_t key_count;
  uint32_t command_room;
  uint32_t key_room;
  uint32_t table_size;
  uint64_t bad_lines;
} vlot__script;

#define VLOT__SCRIPT_INPUT_MAX ((size_t)256 << 20) /* bytes of a run's input */

/* What a file must be to be read on, judged by what has been read so far, [size]; NULL: it may go
 * on. */
typedef const char *vlot__script_judge(void *context, const char *text, size_t size);

typedef struct vlot__script_limits {
  /* bytes; a file that has more (a device may have no end) is not read on */
  size_t size_max;
  /* so many bytes are read before `judge` is asked; 0: nobody is */
  size_t head_size;
  vlot__script_judge *judge; /* of the head, or of the whole where it is shorter */
  void *context;
} vlot__script_limits;

/* Read a whole file, "-" for stdin.
 *
 * returns  NULL; or what is wrong with it, a sentence, and nothing is left. errno: EFBIG too large,
 *          ENOMEM, EILSEQ the judge said it, or why it cannot be read
 */
const char *vlot__script_read(const char *path, const vlot__script_limits *limits, char **text,
                              size_t *size);

/* Parse text [size], which must outlive the script. Every bad line is told on `complaints` as
 * "NAME:LINE: …" (at most 20 of them) and counted in bad_lines; all others are there.
 * returns  false: out of memory, nothing is left
 */
bool vlot__script_parse(vlot__script *script, const char *name, const char *text, size_t size,
                        FILE *complaints);

/* The same in the words of a machine of one's own: each line is a `value`; all of them are of one
 * key, and so keep their order. */
bool vlot__script_parse_own(vlot__script *script, const vlot_plugin *plugin, const char *name,
                            const char *text, size_t size, FILE *complaints);

void vlot__script_deinit(vlot__script *script);

/* "set", "del" … */
const char *vlot__script_operation_name(vlot_kv_operation operation);

#endif
