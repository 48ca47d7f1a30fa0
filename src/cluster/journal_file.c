/* A journal's file, mapped window by window.
 *
 * Space is allocated before it is mapped: a store into a page that the disk has no room for would
 * be a SIGBUS, and a full disk must be a result. What is allocated and not written is zeros, which
 * a replay reads as the end; closing cuts them off.
 */
#include "cluster/journal_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

enum { WINDOW_BYTES = 1 << 20, ZEROS_BYTES = 1 << 12 };

static vlot_result fail(vlot__journal_file *file, int error) {
  file->error = error ? error : EIO;
  return VLOT_IO;
}

const char *vlot__journal_file_text(int error) {
  return error == EBUSY ? "another cluster is being recorded into it" : strerror(error);
}

/* --- opening and closing --- */

/* A pipe or device that is open for reading, too, would never tell that its reader is gone. */
static int open_path(const char *path) {
  struct stat is;
  bool is_regular = stat(path, &is) != 0 || S_ISREG(is.st_mode);
  return open(path, (is_regular ? O_RDWR : O_WRONLY) | O_CREAT | O_CLOEXEC | O_NOCTTY, 0666);
}

/* Who is the second to record into a file would take the pages away that the first one has mapped.
 * A file system without locks is trusted. */
static bool is_taken(int descriptor) {
  return flock(descriptor, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK;
}

static int prepare(vlot__journal_file *file) {
  struct stat is;
  if (fstat(file->descriptor, &is) != 0) return errno;
  file->is_mapped = S_ISREG(is.st_mode);
  if (!file->is_mapped) return 0;
  if (is_taken(file->descriptor)) return EBUSY;
  return ftruncate(file->descriptor, 0) == 0 ? 0 : errno;
}

vlot_result vlot__journal_file_open(vlot__journal_file *file, const char *path) {
  *file = (vlot__journal_file){.descriptor = open_path(path)};
  if (file->descriptor < 0) return fail(file, errno);
  int error = prepare(file);
  file->is_open = error == 0;
  if (error == 0) return VLOT_OK;
  close(file->descriptor);
  return fail(file, error);
}

static void unmap(vlot__journal_file *file) {
  if (file->window) munmap(file->window, file->window_size);
  file->window = NULL;
}

vlot_result vlot__journal_file_close(vlot__journal_file *file) {
  int error = 0;
  if (!file->is_open) return VLOT_OK;
  file->is_open = false;
  unmap(file);
  if (file->is_mapped && ftruncate(file->descriptor, (off_t)file->size) != 0) error = errno;
  if (close(file->descriptor) != 0 && error == 0) error = errno;
  return error == 0 ? VLOT_OK : fail(file, error);
}

/* --- writing --- */

/* Past its limit a process is sent a signal, which is not ours to take. */
static uint64_t bytes_allowed(void) {
  struct rlimit limit;
  if (getrlimit(RLIMIT_FSIZE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return INT64_MAX;
  return limit.rlim_cur;
}

static vlot_result write_all(int descriptor, const uint8_t *at, size_t size) {
  while (size > 0) {
    ssize_t done = write(descriptor, at, size);
    if (done < 0 && errno == EINTR) continue;
    if (done < 0) return VLOT_IO;
    at += done;
    size -= (size_t)done;
  }
  return VLOT_OK;
}

/* Where a file system cannot allocate. */
static int write_zeros(int descriptor, uint64_t from, uint64_t to) {
  static const uint8_t zeros[ZEROS_BYTES];
  while (from < to) {
    size_t size = to - from < sizeof zeros ? (size_t)(to - from) : sizeof zeros;
    ssize_t done = pwrite(descriptor, zeros, size, (off_t)from);
    if (done < 0 && errno == EINTR) continue;
    if (done < 0) return errno;
    from += (uint64_t)done;
  }
  return 0;
}

static int allocate(vlot__journal_file *file, uint64_t end) {
  if (end <= file->allocated) return 0;
  if (end > bytes_allowed()) return EFBIG;
  int error;
  do {
    error =
        posix_fallocate(file->descriptor, (off_t)file->allocated, (off_t)(end - file->allocated));
  } while (error == EINTR);
  if (error == EOPNOTSUPP || error == EINVAL || error == ENOSYS)
    error = write_zeros(file->descriptor, file->allocated, end);
  if (error == 0) file->allocated = end;
  return error;
}

/* Pages at once are cheaper than one by one; and where the kernel can, it says now what a store
 * would be a SIGBUS for. */
static int touch(void *window, size_t size) {
#ifdef MADV_POPULATE_WRITE
  if (madvise(window, size, MADV_POPULATE_WRITE) != 0 && (errno == EFAULT || errno == ENOMEM))
    return errno == EFAULT ? ENOSPC : ENOMEM;
#else
  (void)window, (void)size;
#endif
  return 0;
}

/* A window that holds the next [size] bytes: a large one while there is room for it. */
static int map_next(vlot__journal_file *file, size_t size) {
  uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE), at = file->size - file->size % page;
  uint64_t least = (file->size + size + page - 1) / page * page, end = at + WINDOW_BYTES;
  if (end < least) end = least;
  int error = allocate(file, end);
  if (error != 0) error = allocate(file, end = least);
  if (error != 0) return error;
  void *window = mmap(NULL, (size_t)(end - at), PROT_READ | PROT_WRITE, MAP_SHARED,
                      file->descriptor, (off_t)at);
  if (window == MAP_FAILED) return errno;
  error = touch(window, (size_t)(end - at));
  if (error != 0) {
    munmap(window, (size_t)(end - at));
    return error;
  }
  unmap(file);
  file->window = window;
  file->window_at = at;
  file->window_size = (size_t)(end - at);
  return 0;
}

/* The first four bytes, a record's size, come last: until then the journal ends before them. What
 * one thread has stored is there whatever happens to it afterwards, in the order of its program. */
static void put(uint8_t *at, const uint8_t *data, size_t size) {
  size_t first = size < 4 ? size : 4;
  memcpy(at + first, data + first, size - first);
  atomic_signal_fence(memory_order_seq_cst);
  memcpy(at, data, first);
}

vlot_result vlot__journal_file_append(vlot__journal_file *file, const void *data, size_t size) {
  if (!file->is_mapped) {
    if (write_all(file->descriptor, data, size) != VLOT_OK) return fail(file, errno);
  } else {
    uint64_t end = file->size + size;
    bool has_room = file->window && end <= file->window_at + file->window_size;
    int error = has_room ? 0 : map_next(file, size);
    if (error != 0) return fail(file, error);
    put(file->window + (file->size - file->window_at), data, size);
  }
  file->size += size;
  return VLOT_OK;
}
