/* The input format: lines to commands, and the commands of each key in their order. */
#include "script.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "options.h"
#include "plugin.h"
#include "text.h"

enum { COMPLAINTS_MAX = 20, SHOWN_MAX = 40, KEY_BYTES_MAX = 65535, VALUE_BYTES_MAX = 1 << 20 };

typedef struct word {
  const char *text;
  size_t size;
} word;

/* --- reading --- */

typedef struct reader {
  FILE *file;
  const vlot__script_limits *limits;
  char *bytes; /* [size] of [room] */
  size_t size, room;
} reader;

static const char *fail(int reason, const char *problem) {
  errno = reason;
  return problem ? problem : strerror(reason);
}

/* Read on until there are so many bytes, or no more. */
static const char *read_up_to(reader *from, size_t size) {
  enum { ROOM_MIN = 1 << 16 };
  while (from->size < size) {
    if (from->size == from->room) {
      size_t room = from->room < ROOM_MIN ? ROOM_MIN : from->room;
      room = room > size / 2 ? size : room * 2;
      char *larger = realloc(from->bytes, room);
      if (!larger) return fail(ENOMEM, "it does not fit into memory");
      from->bytes = larger;
      from->room = room;
    }
    errno = 0;
    size_t got = fread(from->bytes + from->size, 1, from->room - from->size, from->file);
    from->size += got;
    if (ferror(from->file)) return fail(errno ? errno : EIO, NULL);
    if (got == 0) break;
  }
  return NULL;
}

static const char *read_all(reader *from) {
  const vlot__script_limits *limits = from->limits;
  const char *problem = NULL;
  if (limits->head_size > 0) {
    problem = read_up_to(from, limits->head_size);
    if (problem) return problem;
    problem = limits->judge(limits->context, from->bytes, from->size);
    if (problem) return fail(EILSEQ, problem);
  }
  problem = read_up_to(from, limits->size_max + 1);
  if (!problem && from->size > limits->size_max) return fail(EFBIG, "it is too large");
  return problem;
}

/* fopen() would say of a socket that there is no such device. */
static const char *find_odd(const char *path) {
  struct stat what;
  if (stat(path, &what) != 0) return NULL;
  if (S_ISDIR(what.st_mode)) return fail(EISDIR, "it is a directory");
  if (S_ISSOCK(what.st_mode)) return fail(EINVAL, "it is a socket");
  return NULL;
}

const char *vlot__script_read(const char *path, const vlot__script_limits *limits, char **text,
                              size_t *size) {
  bool is_stdin = strcmp(path, "-") == 0;
  const char *problem = is_stdin ? NULL : find_odd(path);
  if (problem) return problem;
  reader from = {.file = is_stdin ? stdin : fopen(path, "rb"), .limits = limits};
  if (!from.file) return fail(errno, NULL);
  problem = read_all(&from);
  int reason = errno;
  if (!is_stdin) fclose(from.file);
  if (!problem && !from.bytes && !(from.bytes = malloc(1)))
    problem = "it does not fit into memory", reason = ENOMEM;
  errno = reason;
  if (problem) {
    free(from.bytes);
    return problem;
  }
  *text = from.bytes;
  *size = from.size;
  return NULL;
}

/* --- lines --- */

typedef struct place { /* where a complaint points to */
  FILE *out;
  const char *name;
  uint64_t line;
  uint64_t complaints;
} place;

static const struct {
  const char *name;
  vlot_kv_operation operation;
  const char *form;
} forms[] = {
    {"set", VLOT_KV_SET, "set KEY VALUE"},
    {"del", VLOT_KV_DELETE, "del KEY"},
    {"get", VLOT_KV_GET, "get KEY"},
    {"cas", VLOT_KV_CAS, "cas KEY OLD NEW"},
    {"incr", VLOT_KV_INCREMENT, "incr KEY [N]"},
};
enum { FORMS = sizeof forms / sizeof *forms };

const char *vlot__script_operation_name(vlot_kv_operation operation) {
  for (size_t k = 0; k < FORMS; k++)
    if (forms[k].operation == operation) return forms[k].name;
  return "?";
}

/* What stands there, with what no terminal should get replaced. */
static const char *shown(word what, char out[SHOWN_MAX + 4]) {
  size_t size = what.size < SHOWN_MAX ? what.size : SHOWN_MAX;
  for (size_t k = 0; k < size; k++) {
    unsigned char c = (unsigned char)what.text[k];
    out[k] = c < 0x20 || c == 0x7f ? '?' : (char)c;
  }
  strcpy(out + size, what.size > size ? "…" : "");
  return out;
}

static bool complain(place *at, word what, const char *problem, const char *expected) {
  char text[SHOWN_MAX + 4];
  if (at->complaints++ >= COMPLAINTS_MAX) return false;
  fprintf(at->out, "%s:%" PRIu64 ": ", at->name, at->line);
  if (what.text) fprintf(at->out, "'%s': ", shown(what, text));
  fprintf(at->out, "%s; expected %s\n", problem, expected);
  return false;
}

static bool is_blank(char c) { return c == ' ' || c == '\t'; }

static word skip_blanks(word rest) {
  while (rest.size > 0 && is_blank(*rest.text)) rest.text++, rest.size--;
  return rest;
}

static word next_word(word *rest) {
  *rest = skip_blanks(*rest);
  word found = *rest;
  found.size = 0;
  while (found.size < rest->size && !is_blank(found.text[found.size])) found.size++;
  rest->text += found.size;
  rest->size -= found.size;
  return found;
}

static bool parse_amount(word text, int64_t *amount) {
  char digits[32];
  bool is_negative = text.size > 0 && text.text[0] == '-';
  size_t size = text.size - is_negative;
  if (size == 0 || size >= sizeof digits) return false;
  for (size_t k = 0; k < size; k++) {
    digits[k] = text.text[k + is_negative];
    if (digits[k] < '0' || digits[k] > '9') return false;
  }
  digits[size] = '\0';
  uint64_t number = 0;
  if (!vlot__options_number(digits, &number) || number > (uint64_t)INT64_MAX + is_negative)
    return false;
  if (!is_negative)
    *amount = (int64_t)number;
  else
    *amount = number > (uint64_t)INT64_MAX ? INT64_MIN : -(int64_t)number;
  return true;
}

/* "" alone is the empty value, which could not be seen otherwise; all else stands for itself. */
static word unquoted(word value) {
  if (value.size == 2 && memcmp(value.text, "\"\"", 2) == 0) value.size = 0;
  return value;
}

static bool parse_value(place *at, word rest, const char *form, vlot_kv_command *command) {
  word value = skip_blanks(rest);
  if (value.size == 0)
    return complain(at, (word){0}, "the value is missing; \"\" is the empty one", form);
  value = unquoted(value);
  if (value.size > VALUE_BYTES_MAX)
    return complain(at, value, "the value is too long", "at most 1,048,576 bytes");
  command->value = value.text;
  command->value_size = value.size;
  return true;
}

/* What follows the key. */
static bool parse_rest(place *at, word rest, const char *form, vlot_kv_command *command) {
  if (command->operation == VLOT_KV_SET) return parse_value(at, rest, form, command);
  if (command->operation == VLOT_KV_CAS) {
    word old = next_word(&rest);
    if (old.size == 0) return complain(at, (word){0}, "the old value is missing", form);
    old = unquoted(old);
    command->expected = old.text;
    command->expected_size = old.size;
    return parse_value(at, rest, form, command);
  }
  word more = next_word(&rest);
  if (command->operation == VLOT_KV_INCREMENT && more.size > 0) {
    if (!parse_amount(more, &command->amount))
      return complain(at, more, "no whole number of 64 bits", form);
    more = next_word(&rest);
  }
  return more.size == 0 || complain(at, more, "too much on this line", form);
}

/* line: the whole of it, where the name stands. */
static bool say_unknown(place *at, const char *line, word name) {
  const char *names[FORMS];
  char text[SHOWN_MAX + 4], problem[128], byte[64] = "";
  for (size_t k = 0; k < FORMS; k++) names[k] = forms[k].name;
  const char *nearest = vlot__options_nearest(shown(name, text), names, FORMS);
  size_t odd = vlot__text_odd(name.text, name.size);
  /* a control character is shown as such */
  if (odd < name.size && (unsigned char)name.text[odd] >= 0x80)
    snprintf(byte, sizeof byte, " with byte 0x%02X at column %zu", (unsigned char)name.text[odd],
             (size_t)(name.text - line) + odd + 1);
  snprintf(problem, sizeof problem, "unknown command%s%s%s%s", byte,
           nearest ? ", did you mean " : "", nearest ? nearest : "", nearest ? "?" : "");
  return complain(at, name, problem, "set, del, get, cas or incr");
}

static bool parse_line(place *at, word rest, vlot_kv_command *command) {
  const char *line = rest.text;
  word name = next_word(&rest);
  size_t k = 0;
  while (k < FORMS &&
         !(strlen(forms[k].name) == name.size && memcmp(forms[k].name, name.text, name.size) == 0))
    k++;
  if (k == FORMS) return say_unknown(at, line, name);
  word key = next_word(&rest);
  if (key.size == 0) return complain(at, (word){0}, "the key is missing", forms[k].form);
  if (key.size > KEY_BYTES_MAX)
    return complain(at, key, "the key is too long", "at most 65,535 bytes");
  *command = (vlot_kv_command){.operation = forms[k].operation,
                               .key = key.text,
                               .key_size = key.size,
                               .amount = forms[k].operation == VLOT_KV_INCREMENT};
  return parse_rest(at, rest, forms[k].form, command);
}

/* --- keys --- */

static uint64_t hash_of(const char *text, size_t size) {
  uint64_t hash = 0xcbf29ce484222325u;
  for (size_t k = 0; k < size; k++) hash = (hash ^ (unsigned char)text[k]) * 0x100000001b3u;
  return hash ^ hash >> 29;
}

static uint32_t *slot_of(const vlot__script *script, const char *text, size_t size) {
  for (uint64_t at = hash_of(text, size);; at++) {
    uint32_t *slot = &script->table[at & (script->table_size - 1)];
    if (*slot == VLOT__SCRIPT_NONE) return slot;
    const vlot__script_key *key = &script->keys[*slot];
    if (key->size == size && memcmp(key->text, text, size) == 0) return slot;
  }
}

static bool grow_table(vlot__script *script) {
  uint32_t size = script->table_size ? script->table_size * 2 : 1024;
  uint32_t *table = malloc(size * sizeof *table);
  if (!table) return false;
  for (uint32_t k = 0; k < size; k++) table[k] = VLOT__SCRIPT_NONE;
  free(script->table);
  script->table = table;
  script->table_size = size;
  for (uint32_t k = 0; k < script->key_count; k++)
    *slot_of(script, script->keys[k].text, script->keys[k].size) = k;
  return true;
}

static bool grow(void **array, uint32_t *room, uint32_t count, size_t size) {
  if (count < *room) return true;
  uint32_t larger = *room ? *room * 2 : 1024;
  void *moved = larger > VLOT__SCRIPT_NONE / 4 ? NULL : realloc(*array, larger * size);
  if (!moved) return false;
  *array = moved;
  *room = larger;
  return true;
}

static bool add(vlot__script *script, const vlot_kv_command *kv) {
  if (script->table_size / 2 <= script->key_count && !grow_table(script)) return false;
  if (!grow((void **)&script->commands, &script->command_room, script->count,
            sizeof *script->commands) ||
      !grow((void **)&script->keys, &script->key_room, script->key_count, sizeof *script->keys))
    return false;
  uint32_t number = script->count++;
  uint32_t *slot = slot_of(script, kv->key, kv->key_size);
  if (*slot == VLOT__SCRIPT_NONE) {
    *slot = script->key_count++;
    script->keys[*slot] =
        (vlot__script_key){.text = kv->key, .size = kv->key_size, .first = number, .last = number};
  } else {
    vlot__script_key *key = &script->keys[*slot];
    script->commands[key->last].next = number;
    key->last = number;
  }
  script->commands[number] =
      (vlot__script_command){.kv = *kv, .key = *slot, .next = VLOT__SCRIPT_NONE};
  return true;
}

/* --- the whole text --- */

static word cut_line(word *rest) {
  word line = *rest;
  const char *end = memchr(rest->text, '\n', rest->size);
  if (end) line.size = (size_t)(end - rest->text);
  size_t taken = line.size + (end != NULL);
  rest->text += taken;
  rest->size -= taken;
  if (line.size > 0 && line.text[line.size - 1] == '\r') line.size--;
  return skip_blanks(line);
}

/* false: it is told. */
static bool parse_own(place *at, const vlot_plugin *plugin, word line, vlot_kv_command *kv) {
  char problem[VLOT__PLUGIN_PROBLEM_MAX];
  vlot_bytes *bytes = vlot__plugin_encode(plugin, false, line.text, line.size, problem);
  vlot_bytes_release(bytes);
  *kv = (vlot_kv_command){.key = plugin->name,
                          .key_size = strlen(plugin->name),
                          .value = line.text,
                          .value_size = line.size};
  char text[SHOWN_MAX + 4];
  if (!bytes && at->complaints++ < COMPLAINTS_MAX)
    fprintf(at->out, "%s:%" PRIu64 ": '%s': %s\n", at->name, at->line, shown(line, text), problem);
  return bytes != NULL;
}

bool vlot__script_parse_own(vlot__script *script, const vlot_plugin *plugin, const char *name,
                            const char *text, size_t size, FILE *complaints) {
  *script = (vlot__script){0};
  place at = {.out = complaints, .name = name};
  size_t mark = vlot__text_mark(text, size);
  word rest = {text + mark, size - mark};
  while (rest.size > 0) {
    word line = cut_line(&rest);
    vlot_kv_command kv = {0};
    at.line++;
    if (line.size == 0 || line.text[0] == '#') continue;
    if (!(plugin ? parse_own(&at, plugin, line, &kv) : parse_line(&at, line, &kv)))
      script->bad_lines++;
    else if (!add(script, &kv)) {
      vlot__script_deinit(script);
      return false;
    }
  }
  if (at.complaints > COMPLAINTS_MAX)
    fprintf(complaints, "%s: %" PRIu64 " more bad lines\n", name, at.complaints - COMPLAINTS_MAX);
  return true;
}

bool vlot__script_parse(vlot__script *script, const char *name, const char *text, size_t size,
                        FILE *complaints) {
  return vlot__script_parse_own(script, NULL, name, text, size, complaints);
}

void vlot__script_deinit(vlot__script *script) {
  free(script->text);
  free(script->commands);
  free(script->keys);
  free(script->table);
  *script = (vlot__script){0};
}
