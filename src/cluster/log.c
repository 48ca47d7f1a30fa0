#include <stdarg.h>
#include <stdio.h>

#include "base/lock.h"
#include "cluster/door.h"

enum { LINE_BYTES = 256 };

static void say(vlot_cluster *cluster, const char *line) {
  if (!cluster->options.log) return;
  vlot__visit visit; /* closing the cluster in there is a deadlock, on whatever thread */
  vlot__visit_note(&visit, cluster);
  int cancel_state = vlot__cancel_off();
  cluster->options.log(cluster->options.log_context, line);
  vlot__cancel_restore(cancel_state);
  vlot__visit_end(&visit);
}

void vlot__log(vlot_cluster *cluster, const char *format, ...) {
  char line[LINE_BYTES];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(line, sizeof line, format, arguments);
  va_end(arguments);
  say(cluster, line);
}

void vlot__problem(vlot_cluster *cluster, const char *format, ...) {
  const vlot_cluster_options *options = &cluster->options;
  char line[LINE_BYTES];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(line, sizeof line, format, arguments);
  va_end(arguments);
  if (options->problem_size > 0 && !options->problem[0])
    snprintf(options->problem, options->problem_size, "%s", line);
  say(cluster, line);
}
