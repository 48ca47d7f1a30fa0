/* Machines out of shared objects. What they say is judged as what a file says: it may be wrong. */
#include "plugin.h"

#include <dlfcn.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lab.h"
#include "view.h"

/* --- loading --- */

__attribute__((format(printf, 4, 5))) static int complain(const char *verb, const char *path,
                                                          int code, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  fprintf(stderr, "vlot %s: --machine %s: ", verb, path);
  vfprintf(stderr, format, arguments);
  fprintf(stderr, "\n");
  va_end(arguments);
  return code;
}

/* A name without a slash would be looked for where the system has its libraries. */
static void *open_object(const char *path) {
  size_t room = strlen(path) + sizeof "./";
  char *name = malloc(room);
  if (!name) return NULL;
  snprintf(name, room, "%s%s", strchr(path, '/') ? "" : "./", path);
  void *object = dlopen(name, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
  free(name);
  return object;
}

static bool is_name(const char *name) {
  size_t size = name ? strnlen(name, VLOT_PLUGIN_NAME_MAX + 1) : 0;
  return size > 0 && size <= VLOT_PLUGIN_NAME_MAX && vlot__text_odd(name, size) == size &&
         !memchr(name, ' ', size);
}

/* Which of the functions that a machine needs is not there; NULL: all are. */
static const char *missing_function(const vlot_machine *machine) {
  if (!machine->create) return "create";
  if (!machine->apply) return "apply";
  return machine->destroy ? NULL : "destroy";
}

static int check_table(const char *verb, const char *path, const vlot_plugin *table) {
  if (!table)
    return complain(verb, path, VLOT__EXIT_DATA, "%s() returns NULL; a vlot_plugin is allowed",
                    VLOT_PLUGIN_SYMBOL);
  if (table->abi != VLOT_PLUGIN_ABI)
    return complain(verb, path, VLOT__EXIT_DATA,
                    "its abi is %" PRIu32 "; %d is allowed: build it with this version's headers",
                    table->abi, VLOT_PLUGIN_ABI);
  if (table->size != sizeof *table)
    return complain(verb, path, VLOT__EXIT_DATA, "its size is %" PRIu32 "; %zu is allowed",
                    table->size, sizeof *table);
  if (!is_name(table->name))
    return complain(verb, path, VLOT__EXIT_DATA,
                    "its name is none; 1 to %d visible ASCII characters without a blank are "
                    "allowed",
                    VLOT_PLUGIN_NAME_MAX);
  const vlot_machine *machine = table->machine;
  if (!machine)
    return complain(verb, path, VLOT__EXIT_DATA, "%s has no machine; it needs one", table->name);
  if (machine->size != sizeof *machine)
    return complain(verb, path, VLOT__EXIT_DATA,
                    "the size of %s's machine is %zu; %zu is allowed: build it with this "
                    "version's headers",
                    table->name, machine->size, sizeof *machine);
  if (!is_name(machine->name))
    return complain(verb, path, VLOT__EXIT_DATA,
                    "the name of %s's machine is none; 1 to %d visible ASCII characters without a "
                    "blank are allowed",
                    table->name, VLOT_PLUGIN_NAME_MAX);
  const char *missing = missing_function(machine);
  if (missing)
    return complain(verb, path, VLOT__EXIT_DATA,
                    "%s's machine has no %s; create, apply and destroy are needed", table->name,
                    missing);
  return VLOT__EXIT_OK;
}

int vlot__plugin_load(const char *verb, const char *path, const vlot_plugin **plugin) {
  vlot_machine_entry_function *entry;
  struct stat what;
  *plugin = NULL;
  if (!path) return VLOT__EXIT_OK;
  if (stat(path, &what) != 0)
    return complain(verb, path, VLOT__EXIT_NO_INPUT, "cannot be read: %s", strerror(errno));
  if (!S_ISREG(what.st_mode))
    return complain(verb, path, VLOT__EXIT_NO_INPUT, "no file; a shared object is allowed");
  void *object = open_object(path);
  if (!object) {
    const char *why = dlerror();
    return complain(verb, path, VLOT__EXIT_DATA, "no shared object that can be loaded: %s",
                    why ? why : "out of memory");
  }
  *(void **)&entry = dlsym(object, VLOT_PLUGIN_SYMBOL);
  if (!entry)
    return complain(verb, path, VLOT__EXIT_DATA,
                    "it has no symbol %s, which vlot/plugin.h explains", VLOT_PLUGIN_SYMBOL);
  const vlot_plugin *table = entry();
  int code = check_table(verb, path, table);
  if (code == VLOT__EXIT_OK) *plugin = table;
  return code;
}

/* --- words --- */

/* Behind the room that a function is given lies what it must not touch. */
enum { FENCE_BYTES = 64, FENCE = 0xa5 };

static char *open_room(size_t size) {
  char *room = malloc(size + FENCE_BYTES);
  if (room) memset(room + size, FENCE, FENCE_BYTES);
  return room;
}

static bool is_within(const char *room, size_t capacity, size_t size) {
  for (size_t k = 0; k < FENCE_BYTES; k++)
    if ((unsigned char)room[capacity + k] != FENCE) return false;
  return size <= capacity;
}

vlot_bytes *vlot__plugin_encode(const vlot_plugin *plugin, bool is_question, const char *line,
                                size_t size, char problem[VLOT__PLUGIN_PROBLEM_MAX]) {
  const char *what = is_question ? "question" : "command", *why = NULL;
  vlot_result (*encode)(const char *, size_t, void *, size_t, size_t *, const char **) =
      is_question ? plugin->question : plugin->command;
  vlot_bytes *bytes = NULL;
  size_t written = 0;
  snprintf(problem, VLOT__PLUGIN_PROBLEM_MAX, "%s", vlot_result_text(VLOT_NOMEM));
  if (!encode) return vlot_bytes_copy(NULL, line, size);
  char *room = open_room(VLOT_PLUGIN_COMMAND_MAX);
  if (!room) return NULL;
  vlot_result result = encode(line, size, room, VLOT_PLUGIN_COMMAND_MAX, &written, &why);
  if (!is_within(room, VLOT_PLUGIN_COMMAND_MAX, result == VLOT_OK ? written : 0))
    snprintf(problem, VLOT__PLUGIN_PROBLEM_MAX,
             "%s's function %s wrote more than it may (its size: %zu; at most %d bytes are "
             "allowed)",
             plugin->name, what, written, VLOT_PLUGIN_COMMAND_MAX);
  else if (result != VLOT_OK)
    snprintf(problem, VLOT__PLUGIN_PROBLEM_MAX, "no %s of %s: %s", what, plugin->name,
             why ? why : vlot_result_text(result));
  else
    bytes = vlot_bytes_copy(NULL, room, written);
  free(room);
  return bytes;
}

static vlot_bytes *random_bytes(uint64_t random) {
  uint8_t bytes[32];
  size_t size = 1 + random % sizeof bytes;
  for (size_t k = 0; k < size; k++) {
    random = random * 6364136223846793005u + 1442695040888963407u;
    bytes[k] = (uint8_t)(random >> 56);
  }
  return vlot_bytes_copy(NULL, bytes, size);
}

vlot_bytes *vlot__plugin_generate(const vlot_plugin *plugin, uint64_t random,
                                  char problem[VLOT__PLUGIN_PROBLEM_MAX]) {
  vlot_bytes *bytes = NULL;
  size_t written = 0;
  snprintf(problem, VLOT__PLUGIN_PROBLEM_MAX, "%s", vlot_result_text(VLOT_NOMEM));
  if (!plugin->generate) return random_bytes(random);
  char *room = open_room(VLOT_PLUGIN_COMMAND_MAX);
  if (!room) return NULL;
  vlot_result result = plugin->generate(random, room, VLOT_PLUGIN_COMMAND_MAX, &written);
  if (!is_within(room, VLOT_PLUGIN_COMMAND_MAX, result == VLOT_OK ? written : 0))
    snprintf(problem, VLOT__PLUGIN_PROBLEM_MAX,
             "%s's function generate wrote more than it may (its size: %zu; at most %d bytes are "
             "allowed)",
             plugin->name, written, VLOT_PLUGIN_COMMAND_MAX);
  else if (result != VLOT_OK)
    snprintf(problem, VLOT__PLUGIN_PROBLEM_MAX, "%s's function generate fails for %" PRIu64 ": %s",
             plugin->name, random, vlot_result_text(result));
  else
    bytes = vlot_bytes_copy(NULL, room, written);
  free(room);
  return bytes;
}

/* What a function has written, or what is wrong with that. */
static void say(const vlot_plugin *plugin, vlot__text *out, const char *function, const char *room,
                vlot_result result, size_t size) {
  if (!is_within(room, VLOT_PLUGIN_TEXT_MAX, result == VLOT_OK ? size : 0))
    vlot__text_add(out,
                   "(%s's function %s wrote more than it may: its size is %zu; at most %d bytes "
                   "are allowed)",
                   plugin->name, function, size, VLOT_PLUGIN_TEXT_MAX);
  else if (result != VLOT_OK)
    vlot__text_add(out, "(%s's function %s fails: %s)", plugin->name, function,
                   vlot_result_text(result));
  else if (size == 0)
    vlot__text_add(out, "\"\"");
  else
    vlot__view_escape(out, room, size, SIZE_MAX);
}

void vlot__plugin_say_answer(const vlot_plugin *plugin, vlot__text *out, const void *data,
                             size_t size) {
  size_t written = 0;
  if (!plugin->answer && size == 0) vlot__text_add(out, "\"\"");
  if (!plugin->answer) {
    vlot__view_escape(out, data, size, SIZE_MAX);
    return;
  }
  char *room = open_room(VLOT_PLUGIN_TEXT_MAX);
  if (room) {
    vlot_result result = plugin->answer(data, size, room, VLOT_PLUGIN_TEXT_MAX, &written);
    say(plugin, out, "answer", room, result, written);
  }
  out->is_short |= !room;
  free(room);
}

bool vlot__plugin_say_state(const vlot_plugin *plugin, vlot__text *out, void *state) {
  size_t written = 0;
  if (!plugin->state) return false;
  char *room = open_room(VLOT_PLUGIN_TEXT_MAX);
  if (room) {
    vlot_result result = plugin->state(state, room, VLOT_PLUGIN_TEXT_MAX, &written);
    say(plugin, out, "state", room, result, written);
  }
  out->is_short |= !room;
  free(room);
  return true;
}
