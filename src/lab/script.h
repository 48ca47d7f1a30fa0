/* Input of `vlot run`: one command of the key-value machine per line.
 *
 *   set KEY VALUE…   the value is the rest of the line
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

#include "vlot/machine.h"

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

/* Read a whole file, "-" for stdin. false: errno says why; nothing is left. */
bool vlot__script_read(const char *path, char **text, size_t *size);

/* Parse text [size], which must outlive the script. Every bad line is told on `complaints` as
 * "NAME:LINE: …" (at most 20 of them) and counted in bad_lines; all others are there.
 * returns  false: out of memory, nothing is left
 */
bool vlot__script_parse(vlot__script *script, const char *name, const char *text, size_t size,
                        FILE *complaints);

void vlot__script_deinit(vlot__script *script);

/* "set", "del" … */
const char *vlot__script_operation_name(vlot_kv_operation operation);

#endif
