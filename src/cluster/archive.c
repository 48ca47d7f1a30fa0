/* A snapshot as a file: a head that says whose it is and what it must be, then its bytes.
 *
 * Little-endian; [8] magic, version, bytes of the head, its hash from there on; index, term, chain,
 * size and checksum of the snapshot; the machine's name; two counts, and the members of the
 * configuration in force, as in a message. A file is written beside its place, made durable, and
 * only then has its name: nobody ever sees half of one.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/little.h"
#include "cluster/gate.h"
#include "cluster/journal.h"
#include "cluster/kv.h"
#include "cluster/refuse.h"
#include "cluster/seats.h"
#include "vlot/raft_snapshot.h"

#define MAGIC "vlotsnap"

enum {
  VERSION = 1,
  BEFORE_BYTES = 24, /* magic, version, size and hash of the head */
  NAME_BYTES = 64,
  FIXED_BYTES = BEFORE_BYTES + 40 + NAME_BYTES + 8,
  MEMBER_BYTES = 16,
  HEAD_BYTES_MAX = FIXED_BYTES + 2 * VLOT_MEMBERS_MAX * MEMBER_BYTES,
  PIECE = 1 << 16,
  PATH_BYTES = 4096,
};

/* "FILE: …", the end of a long path. */
static vlot_result refuse_file(const char *path, vlot_result result, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static vlot_result refuse_file(const char *path, vlot_result result, const char *format, ...) {
  enum { SHOWN = 80 };
  char words[256];
  size_t length = strlen(path);
  int at = snprintf(words, sizeof words, "%s%s: ", length > SHOWN ? "…" : "",
                    length > SHOWN ? path + length - SHOWN : path);
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(words + at, sizeof words - (size_t)at, format, arguments);
  va_end(arguments);
  return vlot__refuse_words(result, words);
}

static const char *name_of(const vlot_machine *machine) {
  const char *name = (machine ? machine : vlot_kv_machine())->name;
  return name ? name : "";
}

/* --- the head --- */

static uint8_t *put_members(uint8_t *at, const vlot_member *members, uint32_t count) {
  for (uint32_t k = 0; k < count; k++) {
    at = vlot__put16(vlot__put32(at, members[k].id), members[k].is_learner);
    at = vlot__put64(vlot__put16(at, members[k].wish), members[k].disk_id);
  }
  return at;
}

static size_t put_head(uint8_t *out, const vlot_snapshot *snapshot, const char *name) {
  const vlot_snapshot_head *head = vlot_snapshot_get(snapshot);
  uint32_t count, old_count;
  const vlot_member *members = vlot_configuration_members(head->configuration, &count);
  const vlot_member *old = vlot_configuration_old(head->configuration, &old_count);
  uint8_t *at = out + BEFORE_BYTES;
  at = vlot__put64(vlot__put64(vlot__put64(at, head->index), head->term), head->chain);
  at = vlot__put64(vlot__put64(at, head->size), head->checksum);
  memset(at, 0, NAME_BYTES);
  memcpy(at, name, strnlen(name, NAME_BYTES - 1));
  at = vlot__put32(vlot__put32(at + NAME_BYTES, count), old_count);
  at = put_members(put_members(at, members, count), old, old_count);
  size_t size = (size_t)(at - out);
  memcpy(out, MAGIC, 8);
  vlot__put32(vlot__put32(out + 8, VERSION), (uint32_t)size);
  vlot__put64(out + 16, vlot__journal_hash(0, out + BEFORE_BYTES, size - BEFORE_BYTES));
  return size;
}

/* --- writing --- */

static bool write_all(int file, const uint8_t *at, size_t size) {
  while (size > 0) {
    ssize_t done = write(file, at, size);
    if (done < 0 && errno == EINTR) continue;
    if (done <= 0) return false;
    at += done;
    size -= (size_t)done;
  }
  return true;
}

/* errno says what is wrong. */
static vlot_result write_content(int file, const vlot_snapshot *snapshot, uint8_t *piece) {
  uint64_t size = vlot_snapshot_get(snapshot)->size;
  for (uint64_t at = 0; at < size;) {
    uint32_t length = size - at < PIECE ? (uint32_t)(size - at) : PIECE;
    vlot_result result = vlot_snapshot_read(snapshot, at, length, piece);
    if (result != VLOT_OK) return result;
    if (!write_all(file, piece, length)) return VLOT_IO;
    at += length;
  }
  return fsync(file) == 0 ? VLOT_OK : VLOT_IO;
}

/* Its name outlasts a power cut, too. */
static void sync_directory(const char *path) {
  char directory[PATH_BYTES];
  const char *end = strrchr(path, '/');
  snprintf(directory, sizeof directory, "%.*s", end ? (int)(end - path + 1) : 1, end ? path : ".");
  int file = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (file < 0) return;
  (void)fsync(file);
  close(file);
}

/* What is there under that name stays: a backup is never lost to another. */
static vlot_result name_file(const char *temporary, const char *path) {
  if (link(temporary, path) == 0) {
    unlink(temporary);
    sync_directory(path);
    return VLOT_OK;
  }
  int error = errno;
  unlink(temporary);
  return error == EEXIST ? refuse_file(path, VLOT_EXISTS, "it exists; name another, or remove it")
                         : refuse_file(path, VLOT_IO, "cannot be named so: %s", strerror(error));
}

static vlot_result fill_file(int file, const char *path, const vlot_snapshot *snapshot,
                             const char *name, uint8_t *room) {
  size_t size = put_head(room, snapshot, name);
  errno = 0;
  vlot_result result = write_all(file, room, size) ? write_content(file, snapshot, room) : VLOT_IO;
  int error = errno;
  if (close(file) != 0 && result == VLOT_OK) {
    error = errno;
    result = VLOT_IO;
  }
  if (result == VLOT_IO && error != 0)
    return refuse_file(path, VLOT_IO, "cannot be written: %s", strerror(error));
  return result == VLOT_OK ? result
                           : refuse_file(path, result, "the snapshot cannot be read: %s",
                                         vlot_result_text(result));
}

static vlot_result write_file(const vlot_allocator *allocator, const char *path,
                              const vlot_snapshot *snapshot, const char *name) {
  char temporary[PATH_BYTES];
  struct stat is;
  if (lstat(path, &is) == 0)
    return refuse_file(path, VLOT_EXISTS, "it exists%s; name another, or remove it",
                       S_ISDIR(is.st_mode) ? ", and is a directory" : "");
  int length = snprintf(temporary, sizeof temporary, "%s.part-XXXXXX", path);
  if (length < 0 || (size_t)length >= sizeof temporary)
    return refuse_file(path, VLOT_INVALID, "the name is too long: at most %d bytes",
                       PATH_BYTES - 13);
  uint8_t *room = vlot__alloc(allocator, HEAD_BYTES_MAX > PIECE ? HEAD_BYTES_MAX : PIECE, 1);
  if (!room) return VLOT_NOMEM;
  int file = mkstemp(temporary);
  vlot_result result = file < 0
                           ? refuse_file(path, VLOT_IO, "cannot be written: %s", strerror(errno))
                           : fill_file(file, path, snapshot, name, room);
  vlot__alloc_free(allocator, room);
  if (file < 0) return result;
  if (result == VLOT_OK) return name_file(temporary, path);
  unlink(temporary);
  return result;
}

/* --- a node's --- */

static void take_snapshot(void *context, const vlot_raft *raft, void *machine) {
  (void)machine;
  *(vlot_snapshot **)context = vlot_snapshot_retain(vlot_raft_snapshot(raft));
}

vlot_result vlot_cluster_export(vlot_cluster *cluster, uint32_t id, const char *path) {
  VLOT_GIVEN(cluster);
  VLOT_GIVEN(path);
  VLOT__VISIT_RESULT(cluster);
  vlot_snapshot *snapshot = NULL;
  vlot_result result = vlot_cluster_look(cluster, id, take_snapshot, &snapshot);
  if (result != VLOT_OK) return result;
  if (!snapshot)
    return vlot__refuse_value(
        VLOT_NOT_FOUND, "node {0} has no snapshot yet: vlot_cluster_snapshot() takes one", id, 0);
  result = vlot_snapshot_verify(snapshot) == VLOT_OK
               ? write_file(cluster->allocator, path, snapshot, name_of(&cluster->machine))
               : vlot__refuse_value(VLOT_CORRUPT, "the snapshot of node {0} is damaged", id, 0);
  vlot_snapshot_release(snapshot);
  return result;
}

/* --- reading --- */

typedef struct archive {
  const char *path;
  const vlot_allocator *allocator;
  int file;
  uint64_t file_bytes;
  uint8_t *room;
  size_t head_bytes;
  vlot_snapshot_head head; /* configuration: one reference */
} archive;

static vlot_result read_all(const archive *from, uint8_t *at, size_t size) {
  while (size > 0) {
    ssize_t done = read(from->file, at, size);
    if (done < 0 && errno == EINTR) continue;
    if (done < 0) return refuse_file(from->path, VLOT_IO, "cannot be read: %s", strerror(errno));
    if (done == 0)
      return refuse_file(from->path, VLOT_CORRUPT, "it became shorter while it was read");
    at += done;
    size -= (size_t)done;
  }
  return VLOT_OK;
}

/* A pipe would be waited for. */
static vlot_result open_file(archive *from) {
  struct stat is;
  from->file = open(from->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (from->file < 0)
    return refuse_file(from->path, VLOT_IO, "cannot be read: %s", strerror(errno));
  if (fstat(from->file, &is) != 0 || !S_ISREG(is.st_mode))
    return refuse_file(from->path, VLOT_INVALID, "it is %s, and no file",
                       S_ISDIR(is.st_mode) ? "a directory" : "a device or pipe");
  from->file_bytes = (uint64_t)is.st_size;
  return VLOT_OK;
}

static vlot_result read_before(archive *from) {
  uint8_t *room = from->room;
  size_t known = from->file_bytes < 8 ? (size_t)from->file_bytes : 8;
  vlot_result result = read_all(from, room, known);
  if (result != VLOT_OK) return result;
  if (known == 0 || memcmp(room, MAGIC, known) != 0)
    return refuse_file(from->path, VLOT_CORRUPT, "it is no snapshot that vlot has exported");
  if (from->file_bytes < FIXED_BYTES)
    return refuse_file(from->path, VLOT_CORRUPT,
                       "it is cut in its head: %" PRIu64 " bytes, of %d at least", from->file_bytes,
                       FIXED_BYTES);
  result = read_all(from, room + 8, BEFORE_BYTES - 8);
  if (result != VLOT_OK) return result;
  if (vlot__get32(room + 8) != VERSION)
    return refuse_file(from->path, VLOT_UNSUPPORTED,
                       "it is of format version %" PRIu32 ", and this build reads version %d",
                       vlot__get32(room + 8), VERSION);
  from->head_bytes = vlot__get32(room + 12);
  if (from->head_bytes < FIXED_BYTES || from->head_bytes > HEAD_BYTES_MAX)
    return refuse_file(from->path, VLOT_CORRUPT, "its head says to have %zu bytes: %d to %d",
                       from->head_bytes, FIXED_BYTES, HEAD_BYTES_MAX);
  if (from->file_bytes < from->head_bytes)
    return refuse_file(from->path, VLOT_CORRUPT, "it is cut in its head: %" PRIu64 " of %zu bytes",
                       from->file_bytes, from->head_bytes);
  result = read_all(from, room + BEFORE_BYTES, from->head_bytes - BEFORE_BYTES);
  if (result != VLOT_OK) return result;
  uint64_t hash = vlot__journal_hash(0, room + BEFORE_BYTES, from->head_bytes - BEFORE_BYTES);
  return hash == vlot__get64(room + 16)
             ? VLOT_OK
             : refuse_file(from->path, VLOT_CORRUPT, "its head has a wrong checksum");
}

/* What is wrong with both halves of a joint one beside each other; NULL: nothing. */
static const char *joint_problem(const vlot_member *members, uint32_t count, const vlot_member *old,
                                 uint32_t old_count) {
  bool is_alike = count == old_count;
  for (uint32_t k = 0; k < count; k++) {
    const vlot_member *one = &members[k];
    bool is_there = false;
    for (uint32_t n = 0; n < old_count; n++)
      is_there |= old[n].id == one->id && old[n].is_learner == one->is_learner &&
                  old[n].disk_id == one->disk_id;
    is_alike = is_alike && is_there;
    if (one->wish != VLOT_WISH_NONE) return "a joint one has no wishes";
  }
  for (uint32_t k = 0; k < old_count; k++)
    if (old[k].wish != VLOT_WISH_NONE) return "a joint one has no wishes";
  return is_alike ? "its two halves are the same" : NULL;
}

static vlot_result read_members(archive *from, const uint8_t *at) {
  uint32_t count = vlot__get32(at), old_count = vlot__get32(at + 4);
  uint64_t all = (uint64_t)count + old_count;
  at += 8;
  if (all > 2 * VLOT_MEMBERS_MAX || FIXED_BYTES + all * MEMBER_BYTES != from->head_bytes)
    return refuse_file(from->path, VLOT_CORRUPT,
                       "its head has no room for the %" PRIu64 " members "
                       "that it names",
                       all);
  vlot_member *members = vlot__alloc(from->allocator, (size_t)all + 1, sizeof *members);
  if (!members) return VLOT_NOMEM;
  for (uint64_t k = 0; k < all; k++, at += MEMBER_BYTES)
    members[k] = (vlot_member){.id = vlot__get32(at),
                               .is_learner = (uint16_t)vlot__get16(at + 4),
                               .wish = (uint16_t)vlot__get16(at + 6),
                               .disk_id = vlot__get64(at + 8)};
  const char *problem = vlot_configuration_problem(members, count);
  if (!problem && old_count > 0) problem = vlot_configuration_problem(members + count, old_count);
  if (!problem && old_count > 0)
    problem = joint_problem(members, count, members + count, old_count);
  from->head.configuration = problem ? NULL
                                     : vlot_configuration_make(from->allocator, members, count,
                                                               members + count, old_count);
  vlot__alloc_free(from->allocator, members);
  if (problem) return refuse_file(from->path, VLOT_CORRUPT, "its configuration: %s", problem);
  return from->head.configuration ? VLOT_OK : VLOT_NOMEM;
}

static vlot_result read_head(archive *from, const char *name) {
  vlot_result result = read_before(from);
  const uint8_t *at = from->room + BEFORE_BYTES;
  if (result != VLOT_OK) return result;
  from->head = (vlot_snapshot_head){.index = vlot__get64(at),
                                    .term = vlot__get64(at + 8),
                                    .chain = vlot__get64(at + 16),
                                    .size = vlot__get64(at + 24),
                                    .checksum = vlot__get64(at + 32)};
  char theirs[NAME_BYTES];
  memcpy(theirs, at + 40, NAME_BYTES);
  theirs[NAME_BYTES - 1] = '\0';
  if (from->head.index == 0 || from->head.index >= VLOT_INDEX_MAX || from->head.term == 0 ||
      from->head.term >= VLOT_INDEX_MAX)
    return refuse_file(from->path, VLOT_CORRUPT,
                       "it is at entry %" PRIu64 " of term %" PRIu64 ": both from 1 on",
                       from->head.index, from->head.term);
  if (*theirs && *name && strncmp(theirs, name, NAME_BYTES - 1) != 0)
    return refuse_file(from->path, VLOT_INVALID,
                       "it is a snapshot of the machine '%.63s', and the options have '%.63s'",
                       theirs, name);
  uint64_t whole = from->head.size + from->head_bytes;
  if (from->head.size > (uint64_t)1 << 62 || whole != from->file_bytes)
    return refuse_file(from->path, VLOT_CORRUPT,
                       whole > from->file_bytes ? "it is cut: %" PRIu64 " of %" PRIu64 " bytes"
                                                : "it has %" PRIu64 " bytes instead of %" PRIu64,
                       from->file_bytes, whole);
  return read_members(from, at + 40 + NAME_BYTES);
}

static vlot_result read_content(archive *from, vlot_snapshot **out) {
  if (from->head.size > SIZE_MAX / 2) return VLOT_NOMEM;
  size_t size = (size_t)from->head.size;
  uint8_t *content = vlot__alloc(from->allocator, size + 1, 1);
  if (!content) return VLOT_NOMEM;
  vlot_result result = read_all(from, content, size);
  if (result == VLOT_OK &&
      vlot_snapshot_checksum(VLOT_SNAPSHOT_CHECKSUM, content, size) != from->head.checksum)
    result = refuse_file(from->path, VLOT_CORRUPT,
                         "its %zu bytes of content have another checksum than its head says", size);
  vlot_bytes *bytes = result == VLOT_OK ? vlot_bytes_copy(from->allocator, content, size) : NULL;
  vlot__alloc_free(from->allocator, content);
  if (result == VLOT_OK) *out = vlot_snapshot_make(from->allocator, &from->head, bytes);
  vlot_bytes_release(bytes);
  return result != VLOT_OK ? result : *out ? VLOT_OK : VLOT_NOMEM;
}

vlot_result vlot_cluster_import(vlot_snapshot **out, const char *path,
                                const vlot_cluster_options *options) {
  VLOT_GIVEN(out);
  VLOT_GIVEN(path);
  archive from = {.path = path, .allocator = options ? options->allocator : NULL, .file = -1};
  *out = NULL;
  if (!from.allocator) from.allocator = vlot_allocator_default();
  from.room = vlot__alloc(from.allocator, HEAD_BYTES_MAX, 1);
  if (!from.room) return VLOT_NOMEM;
  vlot_result result = open_file(&from);
  if (result == VLOT_OK) result = read_head(&from, name_of(options ? options->machine : NULL));
  if (result == VLOT_OK) result = read_content(&from, out);
  if (from.file >= 0) close(from.file);
  vlot_configuration_release(from.head.configuration);
  vlot__alloc_free(from.allocator, from.room);
  return result;
}
