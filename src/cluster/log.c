#include <stdarg.h>
#include <stdio.h>

#include "cluster/object.h"

void vlot__log(vlot_cluster *cluster, const char *format, ...) {
  char line[256];
  va_list arguments;
  if (!cluster->options.log) return;
  va_start(arguments, format);
  vsnprintf(line, sizeof line, format, arguments);
  va_end(arguments);
  cluster->options.log(cluster->options.log_context, line);
}
