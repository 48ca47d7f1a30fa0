#include "notes.h"

#include <stdio.h>

static void say(const vlot_lint *lint) {
  char text[512];
  vlot_lint_text(lint, text, sizeof text);
  fprintf(stderr, "note: %s\n", text);
}

void vlot__notes_settings(const vlot_cluster_options *options) {
  enum { LINTS_MAX = VLOT_LINT_RUNNING }; /* settings have numbers below */
  vlot_lint lints[LINTS_MAX];
  size_t count = vlot_cluster_options_lint(options, lints, LINTS_MAX);
  for (size_t k = 0; k < count; k++) say(&lints[k]);
}

static bool is_same(const vlot_event *a, const vlot_event *b) {
  return a->kind == b->kind && a->peer == b->peer && a->as.change.from == b->as.change.from;
}

void vlot__notes_running(vlot_cluster *cluster) {
  enum { EVENTS_MAX = 64 }; /* as many as a cluster keeps */
  vlot_event events[EVENTS_MAX];
  size_t count = vlot_cluster_events(cluster, 0, events, EVENTS_MAX);
  for (size_t k = 0; k < count; k++) {
    const vlot_event *one = &events[k];
    size_t first = 0;
    while (!is_same(&events[first], one)) first++;
    if (one->kind != VLOT_EVENT_LINT || one->as.change.from < VLOT_LINT_RUNNING || first != k)
      continue;
    say(&(vlot_lint){.number = (uint32_t)one->as.change.from,
                     .node = one->peer,
                     .value = one->as.change.to,
                     .other = one->as.change.term});
  }
}
