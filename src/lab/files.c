/* Files that a command must not confuse. */
#include "files.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LINKS_MAX = 40 };

/* What a name stands for. */
typedef struct identity {
  bool is_known;
  bool is_device; /* it is not a file that holds what is written to it */
  dev_t device;
  ino_t number;            /* of the file; of its directory where it does not exist yet */
  char name[NAME_MAX + 1]; /* then its name in there; else "" */
} identity;

static identity of_stat(const struct stat *is) {
  return (identity){.is_known = true,
                    .is_device = S_ISCHR(is->st_mode) || S_ISBLK(is->st_mode),
                    .device = is->st_dev,
                    .number = is->st_ino};
}

/* The directory of a name that is not there, and the name in it. */
static identity of_absent(const char *path) {
  char directory[PATH_MAX];
  struct stat is;
  const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
  size_t length = slash ? (size_t)(slash - path) + 1 : 0;
  if (length >= sizeof directory || strlen(name) > NAME_MAX) return (identity){0};
  memcpy(directory, path, length);
  directory[length] = '\0';
  if (stat(length > 0 ? directory : ".", &is) != 0) return (identity){0}; /* opening it says so */
  identity one = of_stat(&is);
  snprintf(one.name, sizeof one.name, "%s", name);
  return one;
}

/* Follow one symbolic link, whose target may be absent; false: it is none. */
static bool follow(char path[PATH_MAX]) {
  char target[PATH_MAX], joined[PATH_MAX];
  ssize_t size = readlink(path, target, sizeof target - 1);
  if (size < 0) return false;
  target[size] = '\0';
  const char *slash = strrchr(path, '/');
  int directory = target[0] == '/' || !slash ? 0 : (int)(slash - path) + 1;
  int length = snprintf(joined, sizeof joined, "%.*s%s", directory, path, target);
  if (length < 0 || (size_t)length >= sizeof joined) return false;
  memcpy(path, joined, (size_t)length + 1);
  return true;
}

static identity of_path(const char *given) {
  char path[PATH_MAX];
  struct stat is;
  if (stat(given, &is) == 0) return of_stat(&is);
  if (errno != ENOENT || strlen(given) >= sizeof path) return (identity){0};
  memcpy(path, given, strlen(given) + 1);
  for (int k = 0; k < LINKS_MAX && follow(path); k++)
    if (stat(path, &is) == 0) return of_stat(&is);
  return of_absent(path);
}

/* What a shell has redirected; pipes and terminals are nobody's loss. */
static identity of_descriptor(int descriptor) {
  struct stat is;
  if (fstat(descriptor, &is) != 0 || !S_ISREG(is.st_mode)) return (identity){0};
  return of_stat(&is);
}

static bool is_same(const identity *one, const identity *other) {
  return one->is_known && other->is_known && !one->is_device && one->device == other->device &&
         one->number == other->number && strcmp(one->name, other->name) == 0;
}

/* --- deciding --- */

static bool is_standard(const char *verb, const vlot__file_use *use, const identity *file) {
  static const char *const names[] = {"input comes from", "output goes to", "error goes to"};
  for (int k = 0; k < 3; k++) {
    identity standard = of_descriptor(k);
    if (!is_same(file, &standard)) continue;
    fprintf(stderr, "vlot %s: %s is the file that the standard %s, %s: name another\n", verb,
            use->what, names[k], use->path);
    return true;
  }
  return false;
}

static bool is_others(const char *verb, const vlot__file_use *uses, size_t count, size_t k,
                      const identity *file) {
  const vlot__file_use *use = &uses[k];
  for (size_t other = 0; other < count; other++) {
    const vlot__file_use *one = &uses[other];
    if (other == k || !one->path || (one->is_written && other > k)) continue;
    identity its = of_path(one->path);
    if (!is_same(file, &its)) continue;
    if (one->is_written)
      fprintf(stderr, "vlot %s: %s and %s are the same file, %s: name two\n", verb, one->what,
              use->what, use->path);
    else
      fprintf(stderr, "vlot %s: %s is the file that %s reads, %s: name another\n", verb, use->what,
              one->what, use->path);
    return true;
  }
  return false;
}

bool vlot__files_may_use(const char *verb, const vlot__file_use *uses, size_t count) {
  for (size_t k = 0; k < count; k++) {
    const vlot__file_use *use = &uses[k];
    if (!use->path || !use->is_written) continue;
    if (strcmp(use->path, "-") == 0) {
      fprintf(stderr,
              "vlot %s: %s -: the standard output is taken by the summary: name a file instead\n",
              verb, use->what);
      return false;
    }
    identity file = of_path(use->path);
    if (is_standard(verb, use, &file) || is_others(verb, uses, count, k, &file)) return false;
  }
  return true;
}
