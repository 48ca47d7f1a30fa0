#include "cluster/wire.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/problem.h"

vlot_result vlot__wire_check(bool has_function, int fd) {
  if (fd < 0) return VLOT_OK;
  if (has_function)
    return vlot__refuse_value(VLOT_INVALID,
                              "fd {0}, and a function: one of the two is told; -1 is no descriptor",
                              (uint64_t)fd, 0);
  int flags = fcntl(fd, F_GETFL);
  if (flags < 0)
    return vlot__refuse_value(VLOT_INVALID, "fd {0}: no open descriptor", (uint64_t)fd, 0);
  if ((flags & O_ACCMODE) == O_RDONLY)
    return vlot__refuse_value(VLOT_INVALID, "fd {0}: it cannot be written to", (uint64_t)fd, 0);
  if (!(flags & O_NONBLOCK))
    return vlot__refuse_value(VLOT_INVALID,
                              "fd {0}: it would block; open it with EFD_NONBLOCK or O_NONBLOCK",
                              (uint64_t)fd, 0);
  return VLOT_OK;
}

void vlot__wire_init(vlot__wire *wire, int fd) {
  wire->fd = fd;
  atomic_store(&wire->is_told, false);
}

/* One that is full is readable: that is enough. What its reader closed is the user's to know. */
void vlot__wire_tell(vlot__wire *wire) {
  const uint64_t one = 1;
  int saved = errno;
  if (wire->fd < 0 || atomic_exchange(&wire->is_told, true)) return;
  if (write(wire->fd, &one, sizeof one) < 0) errno = saved;
}

void vlot__wire_taken(vlot__wire *wire) { atomic_store(&wire->is_told, false); }
