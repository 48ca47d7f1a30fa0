#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/lock.h"
#include "cluster/door.h"

enum { LINE_BYTES = 512 };

static void say(vlot_cluster *cluster, const char *line) {
  if (!cluster->options.log) return;
  vlot__visit visit; /* closing the cluster in there is a deadlock, on whatever thread */
  vlot__visit_note(&visit, cluster);
  int cancel_state = vlot__cancel_off();
  cluster->options.log(cluster->options.log_context, line);
  vlot__cancel_restore(cancel_state);
  vlot__visit_end(&visit);
}

/* A line that is longer than there is room for says that it is. */
static void lay_out(char line[LINE_BYTES], const char *format, va_list arguments) {
  static const char mark[] = " [cut]";
  int length = vsnprintf(line, LINE_BYTES, format, arguments);
  if (length >= LINE_BYTES) memcpy(line + LINE_BYTES - sizeof mark, mark, sizeof mark);
}

void vlot__log(vlot_cluster *cluster, const char *format, ...) {
  char line[LINE_BYTES];
  va_list arguments;
  va_start(arguments, format);
  lay_out(line, format, arguments);
  va_end(arguments);
  say(cluster, line);
}

void vlot__problem(vlot_cluster *cluster, const char *format, ...) {
  const vlot_cluster_options *options = &cluster->options;
  char line[LINE_BYTES];
  va_list arguments;
  va_start(arguments, format);
  lay_out(line, format, arguments);
  va_end(arguments);
  if (options->problem_size > 0 && !options->problem[0])
    snprintf(options->problem, options->problem_size, "%s", line);
  say(cluster, line);
}
