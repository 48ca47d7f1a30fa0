#include "cluster/traced.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vlot/actor.h"

bool vlot__traced_is(vlot__traced *traced) {
  uint64_t now = vlot_clock_ns();
  if (traced->looked_ns != 0 && now - traced->looked_ns < 100000000) return traced->is_traced;
  traced->looked_ns = now;
  traced->is_traced = false;
  char text[2048];
  int file = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
  if (file < 0) return false;
  ssize_t size = read(file, text, sizeof text - 1);
  close(file);
  if (size <= 0) return false;
  text[size] = '\0';
  const char *line = strstr(text, "TracerPid:");
  traced->is_traced = line && strtol(line + strlen("TracerPid:"), NULL, 10) != 0;
  return traced->is_traced;
}
