/* `vlot gdb`: gdb on the command itself or on a program of one's own, with the vlot commands
 * loaded. The terminal becomes gdb's. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lab.h"

enum { PATH_BYTES = 4096, GDB_WORDS = 10 };

static int complain(const char *about, const char *what, int code) {
  fprintf(stderr, "vlot gdb: %s%s%s\n", about, *about ? ": " : "", what);
  return code;
}

static bool is_file(const char *path) {
  struct stat about;
  return stat(path, &about) == 0 && S_ISREG(about.st_mode);
}

/* --- what there is --- */

/* The command's own file. */
static bool find_self(char path[PATH_BYTES]) {
  ssize_t size = readlink("/proc/self/exe", path, PATH_BYTES - 1);
  path[size > 0 ? size : 0] = '\0';
  return size > 0;
}

/* The commands, from where this one lies: as installed, or as in the tree that it was built in. */
static bool find_script(const char *self, char path[PATH_BYTES]) {
  static const char *const places[] = {
      "../share/vlot/gdb/vlot.py",
#ifdef VLOT_GDB_SCRIPT
      VLOT_GDB_SCRIPT,
#endif
  };
  size_t size = strlen(self);
  while (size > 0 && self[size - 1] != '/') size--;
  for (size_t k = 0; k < sizeof places / sizeof *places; k++) {
    int length = snprintf(path, PATH_BYTES, "%.*s%s", (int)size, self, places[k]);
    if (size > 0 && length < PATH_BYTES && is_file(path)) return true;
  }
  return false;
}

static bool find_gdb(char path[PATH_BYTES]) {
  const char *at = getenv("PATH");
  while (at && *at) {
    size_t size = strcspn(at, ":");
    if (size > 0 && size + sizeof "/gdb" < PATH_BYTES) {
      snprintf(path, PATH_BYTES, "%.*s/gdb", (int)size, at);
      if (is_file(path) && access(path, X_OK) == 0) return true;
    }
    at += size + (at[size] == ':');
  }
  return false;
}

/* It can be built without. */
static bool has_python(void) {
  char answer[16] = "";
  FILE *pipe = popen("gdb -q -nx -batch -ex 'python print(6 * 7)' 2>/dev/null </dev/null", "r");
  if (!pipe) return false;
  bool has_one = fgets(answer, sizeof answer, pipe) && strcmp(answer, "42\n") == 0;
  pclose(pipe);
  return has_one;
}

/* --- what to run --- */

static int check_program(const char *name) {
  struct stat about;
  if (stat(name, &about) != 0) return complain(name, strerror(errno), VLOT__EXIT_NO_INPUT);
  if (S_ISDIR(about.st_mode))
    return complain(name, "a directory, not a program", VLOT__EXIT_NO_INPUT);
  if (access(name, X_OK) != 0)
    return complain(name, "it may not be run (chmod +x?)", VLOT__EXIT_NO_INPUT);
  return VLOT__EXIT_OK;
}

/* A word that is neither a verb nor a path. */
static int check_word(const char *word) {
  char what[256];
  if (word[0] == '-') {
    snprintf(what, sizeof what, "options belong behind a verb or a program: vlot gdb step %.100s",
             word);
    return complain(word, what, VLOT__EXIT_USAGE);
  }
  if (is_file(word)) {
    snprintf(what, sizeof what, "no verb of this command; for the file say ./%.100s", word);
    return complain(word, what, VLOT__EXIT_USAGE);
  }
  const char *nearest = vlot__lab_nearest_verb(word);
  snprintf(what, sizeof what, "neither a verb of this command nor a path to a program%s%s%s",
           nearest ? "; did you mean '" : "", nearest ? nearest : "", nearest ? "'?" : "");
  return complain(word, what, VLOT__EXIT_USAGE);
}

/* Is what stands there something that can be run? Then *is_own says whose it is. */
static int check_target(int argc, char **argv, bool *is_own) {
  *is_own = argc == 0 || vlot__lab_is_verb(argv[0]);
  if (*is_own && argc > 0 && (strcmp(argv[0], "gdb") == 0 || strcmp(argv[0], "help") == 0))
    return complain(argv[0], "there is nothing to debug in it", VLOT__EXIT_USAGE);
  if (*is_own) return VLOT__EXIT_OK;
  return strchr(argv[0], '/') ? check_program(argv[0]) : check_word(argv[0]);
}

/* --- a process that runs already --- */

static int check_process(int argc, char **argv) {
  char path[64], what[128];
  uint64_t process;
  if (argc < 2) return complain("-p", "which process? vlot gdb -p PID", VLOT__EXIT_USAGE);
  if (argc > 2) return complain(argv[2], "nothing more is expected behind PID", VLOT__EXIT_USAGE);
  if (!vlot__options_number(argv[1], &process) || process == 0 || process > INT32_MAX)
    return complain(argv[1], "a process is named by its number, PID", VLOT__EXIT_USAGE);
  snprintf(path, sizeof path, "/proc/%s/exe", argv[1]);
  if (access(path, R_OK) == 0) return VLOT__EXIT_OK;
  snprintf(what, sizeof what, "this process cannot be looked at: %s", strerror(errno));
  return complain(argv[1], what, VLOT__EXIT_NO_INPUT);
}

static bool is_process(int argc, char **argv) { return argc > 0 && strcmp(argv[0], "-p") == 0; }

/* --- running --- */

static int attach(const char *gdb, const char *script, char *process) {
  char *words[] = {
      "gdb", "-q",    "-iex", "set print thread-events off", "-x", (char *)(size_t)script,
      "-p",  process, NULL};
  fflush(stdout);
  execv(gdb, words);
  return complain(gdb, strerror(errno), VLOT__EXIT_UNAVAILABLE);
}

static int start(const char *gdb, const char *script, const char *self, int argc, char **argv) {
  static char *const usual[] = {"step", "--threads"};
  char **words = calloc((size_t)argc + GDB_WORDS + 4, sizeof *words);
  if (!words) return complain("", "out of memory", VLOT__EXIT_SOFTWARE);
  char *first[GDB_WORDS] = {"gdb",
                            "-q",
                            "-iex",
                            "set print thread-events off",
                            "-x",
                            (char *)(size_t)script,
                            "-ex",
                            "echo vlot: `vlot` shows the commands. Such as: vlot break election, "
                            "then run\\n",
                            "--args",
                            (char *)(size_t)self};
  int count = self ? GDB_WORDS : GDB_WORDS - 1;
  memcpy(words, first, (size_t)count * sizeof *words);
  memcpy(words + count, argc > 0 ? argv : usual, (size_t)(argc > 0 ? argc : 2) * sizeof *words);
  fflush(stdout);
  execv(gdb, words);
  free(words);
  return complain(gdb, strerror(errno), VLOT__EXIT_UNAVAILABLE);
}

static int run(int argc, char **argv) {
  char gdb[PATH_BYTES], self[PATH_BYTES], script[PATH_BYTES];
  bool is_own = false;
  if (argc > 0 && (strcmp(argv[0], "--help") == 0 || strcmp(argv[0], "-h") == 0)) {
    vlot__options_help(&vlot__verb_gdb, stdout);
    return VLOT__EXIT_OK;
  }
  bool attaches = is_process(argc, argv);
  int code = attaches ? check_process(argc, argv) : check_target(argc, argv, &is_own);
  if (code != VLOT__EXIT_OK) return code;
  if (!find_gdb(gdb))
    return complain("", "gdb is not installed: apt-get install gdb", VLOT__EXIT_UNAVAILABLE);
  if (!has_python())
    return complain("",
                    "this gdb was built without Python, which the vlot commands are written in; "
                    "install your distribution's full one: apt-get install gdb",
                    VLOT__EXIT_UNAVAILABLE);
  if (!find_self(self)) return complain("/proc/self/exe", strerror(errno), VLOT__EXIT_SOFTWARE);
  if (!find_script(self, script))
    return complain("", "its commands for gdb (share/vlot/gdb/vlot.py) are not installed",
                    VLOT__EXIT_UNAVAILABLE);
  if (attaches) return attach(gdb, script, argv[1]);
  return start(gdb, script, is_own ? self : NULL, argc, argv);
}

const vlot__verb vlot__verb_gdb = {
    .name = "gdb",
    .summary = "Start gdb on a cluster, with commands that know what a cluster is",
    .text = "  vlot gdb                      on 'vlot step --threads': a thread per node, at a "
            "prompt\n"
            "  vlot gdb step FILE.scene      on any other verb, with its options\n"
            "  vlot gdb run --kill-leader\n"
            "  vlot gdb ./a.out ARGUMENTS    on a program of yours that links the library\n"
            "  vlot gdb -p PID               on a process that runs already\n"
            "\nIn gdb, 'vlot' shows the commands; docs/debugging.md walks through a workspace.\n"
            "Exit code of gdb; 69: gdb, or its Python, is missing.\n",
    .run = run,
};
