/* vlot run --step-on. The cluster is paused by the thread that looks at the events, as soon as it
 * sees the right one. */
#include "run_step.h"

#include <inttypes.h>
#include <string.h>

#include "prompt.h"
#include "run.h"

/* --- which event --- */

enum { NAME_MAX_SIZE = 32 };

static size_t names_of_events(const char *names[VLOT_EVENT_KINDS]) {
  size_t count = 0;
  for (int k = 1; k < VLOT_EVENT_KINDS; k++) {
    const char *name = vlot_event_kind_name((vlot_event_kind)k);
    if (strcmp(name, "?") != 0) names[count++] = name;
  }
  return count;
}

static bool refuse(const char *text) {
  const char *names[VLOT_EVENT_KINDS];
  size_t count = names_of_events(names);
  char word[NAME_MAX_SIZE];
  snprintf(word, sizeof word, "%.*s", (int)strcspn(text, ":"), text);
  const char *nearest = vlot__options_nearest(word, names, count);
  fprintf(stderr, "vlot run: --step-on %s: there is no such event", text);
  if (nearest) fprintf(stderr, "; did you mean %s?", nearest);
  fprintf(stderr, "\nallowed, each with :N for node N alone:");
  for (size_t k = 0; k < count; k++) fprintf(stderr, "%s%s", k % 8 ? " " : "\n  ", names[k]);
  fprintf(stderr, "\n");
  return false;
}

bool vlot__run_step_parse(vlot__run_step *step, const char *text, uint64_t nodes) {
  const char *colon = strchr(text, ':');
  size_t size = colon ? (size_t)(colon - text) : strlen(text);
  uint64_t node = 0;
  if (colon &&
      (!vlot__options_number(colon + 1 + (colon[1] == 'n'), &node) || node == 0 || node > nodes)) {
    fprintf(stderr,
            "vlot run: --step-on %s: a node from 1 to %" PRIu64 " is expected after the colon\n",
            text, nodes);
    return false;
  }
  if (size == strlen("snapshot") && memcmp(text, "snapshot", size) == 0) /* as `vlot break` says */
    text = "snapshot_taken", size = strlen(text);
  else if (size == strlen("install") && memcmp(text, "install", size) == 0)
    text = "snapshot_installed", size = strlen(text);
  for (int k = 1; k < VLOT_EVENT_KINDS; k++) {
    const char *name = vlot_event_kind_name((vlot_event_kind)k);
    if (strlen(name) != size || memcmp(name, text, size) != 0 || *name == '?') continue;
    step->kind = (vlot_event_kind)k;
    step->node = (uint32_t)node;
    return true;
  }
  return refuse(text);
}

/* --- looking out for it --- */

bool vlot__run_step_awaits(const vlot__run_step *step, const vlot_event *event) {
  uint32_t node = event->node ? event->node : event->peer;
  return event->kind == step->kind && (step->node == 0 || step->node == node);
}

static void see(void *context, const vlot_event *event) {
  vlot__run_step *step = context;
  if (step->has_happened || !vlot__run_step_awaits(step, event)) return;
  step->has_happened = true;
  step->event = *event;
}

bool vlot__run_step_open(vlot__run_step *step, vlot__recording *record, vlot_cluster *cluster,
                         const vlot_cluster_options *options) {
  step->options = *options;
  record->watch = see;
  record->context = step;
  return record->events.file || vlot_subscription_open(&step->events, cluster, 0) == VLOT_OK;
}

void vlot__run_step_close(vlot__run_step *step) {
  vlot_subscription_close(step->events);
  step->events = NULL;
}

static void see_all(vlot__run *run) {
  vlot_event event;
  vlot__recording_drain(&run->record);
  while (run->step.events && vlot_subscription_next(run->step.events, &event))
    see(&run->step, &event);
}

/* --- standing still --- */

static void add_if_set(uint64_t *moment, uint64_t more) {
  if (*moment != 0) *moment += more;
}

/* What was measured goes on as if no time had passed. */
static void leave_out(vlot__run *run, uint64_t ns, uint64_t ticks) {
  add_if_set(&run->begin_ns, ns);
  add_if_set(&run->kill_ns, ns);
  add_if_set(&run->trouble_ns, ns);
  run->begin_tick += ticks;
  run->kill_tick += ticks;
  run->trouble_tick += ticks;
  run->load.progress_tick += ticks;
  if (run->load.trouble_tick != VLOT_NEVER) run->load.trouble_tick += ticks;
  run->step.ticks += ticks;
}

static void greeting_of(const vlot__run *run, const vlot_event *event, char *text,
                        size_t capacity) {
  char sentence[512];
  uint64_t ago = vlot_cluster_now(run->cluster) - event->tick;
  vlot_event_text(event, sentence, sizeof sentence);
  int size = snprintf(text, capacity, "vlot run: paused at tick %" PRIu64 ". ",
                      vlot_cluster_now(run->cluster));
  if (ago > 0)
    size += snprintf(text + size, capacity - (size_t)size, "%" PRIu64 " tick%s ago: ", ago,
                     ago == 1 ? "" : "s");
  snprintf(text + size, capacity - (size_t)size, "%s", sentence);
}

/* false: nobody wants to be asked any more. */
static bool talk(vlot__run *run, const vlot_event *event) {
  vlot__workspace workspace;
  char greeting[768];
  bool must_go_on = false;
  vlot__prompt_options options = {
      .greeting = greeting, .is_ascii = run->set.is_ascii, .must_go_on = &must_go_on};
  greeting_of(run, event, greeting, sizeof greeting);
  vlot__workspace_init(&workspace, true, vlot__prompt_actions_max());
  vlot__workspace_set_plugin(&workspace, run->set.plugin);
  if (vlot__workspace_adopt(&workspace, run->cluster, &run->step.options))
    vlot__prompt_run(&workspace, &options);
  else
    fprintf(stderr, "vlot run: %s\n", workspace.problem.data);
  vlot__workspace_deinit(&workspace);
  return must_go_on;
}

static void stop_here(vlot__run *run, const vlot_event *event) {
  uint64_t ns = vlot__lab_now(), ticks = vlot_cluster_now(run->cluster);
  vlot_result result = vlot_cluster_pause(run->cluster);
  if (result != VLOT_OK) {
    fprintf(stderr, "vlot run: the cluster cannot be paused: %s\n", vlot_problem(result));
    run->step.kind = 0;
    return;
  }
  run->step.stops++;
  vlot__screen_erase(&run->screen);
  if (!talk(run, event)) run->step.kind = 0;
  see_all(run);
  run->step.has_happened = false; /* what happened by hand was seen */
  result = vlot_cluster_unpause(run->cluster);
  if (result != VLOT_OK)
    fprintf(stderr, "vlot run: the cluster cannot go on: %s\n", vlot_problem(result));
  leave_out(run, vlot__lab_now() - ns, vlot_cluster_now(run->cluster) - ticks);
}

void vlot__run_step_look(void *context) {
  vlot__run *run = context;
  if (run->step.kind == 0) return;
  see_all(run);
  if (run->step.has_happened) stop_here(run, &run->step.event);
}
