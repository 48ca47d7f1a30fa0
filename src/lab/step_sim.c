#include "step_sim.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

typedef struct visiting {
  vlot__step_sim *sim;
  vlot__workspace *workspace;
} visiting;

static bool opened(void *context, vlot_cluster *cluster) {
  const visiting *at = context;
  at->sim->is_open = true;
  return vlot__workspace_take(at->workspace, cluster);
}

static void seen(void *context) {
  const visiting *at = context;
  vlot__workspace_drain(at->workspace, true);
}

static void close_sim(void *context) {
  vlot__step_sim *sim = context;
  if (!sim->is_open) return;
  vlot__sim_close(&sim->world);
  sim->is_open = false;
}

static bool run(void *context, vlot__workspace *workspace, const vlot__workspace_stop *stop,
                uint64_t *before) {
  vlot__step_sim *sim = context;
  visiting at = {.sim = sim, .workspace = workspace};
  const vlot__sim_visit visit = {.stop_at = stop->action,
                                 .from = stop->from,
                                 .may_stop = stop->may_stop,
                                 .stop_context = stop->context,
                                 .opened = opened,
                                 .seen = seen,
                                 .context = &at};
  close_sim(sim);
  sim->world = (vlot__sim_world){.seed = sim->seed,
                                 .actions = sim->actions,
                                 .nodes = sim->nodes,
                                 .has_threads = sim->has_threads,
                                 .record = &sim->record,
                                 .visit = &visit};
  vlot__sim_visit_run(&sim->world);
  sim->world.visit = NULL;
  *before = sim->world.passed;
  return sim->is_open && sim->world.end != VLOT__SIM_FAILED;
}

bool vlot__step_sim_open(vlot__step_sim *sim, vlot__workspace *workspace) {
  sim->origin = (vlot__workspace_origin){
      .context = sim, .line = sim->line, .end = sim->end, .run = run, .close = close_sim};
  int size = snprintf(sim->line, sizeof sim->line, "vlot step --sim %" PRIu64, sim->seed);
  if (sim->nodes)
    size += snprintf(sim->line + size, sizeof sim->line - (size_t)size, " --nodes %u", sim->nodes);
  snprintf(sim->line + size, sizeof sim->line - (size_t)size, " --actions %" PRIu64, sim->actions);
  if (!vlot__workspace_set_origin(workspace, &sim->origin)) return false;
  if (workspace->options.nodes > VLOT__WORKSPACE_NODES_MAX)
    return vlot__workspace_fail(workspace, 0, "a run of %u nodes cannot be stepped; at most %d can",
                                workspace->options.nodes, VLOT__WORKSPACE_NODES_MAX);
  sim->origin.actions = vlot__workspace_actions(workspace);
  const vlot__sim_world *world = &sim->world;
  snprintf(sim->end, sizeof sim->end, "Here seed %" PRIu64 " is %s%s%s.", sim->seed,
           world->end == VLOT__SIM_SAFE ? "at its end, and " : "", vlot__sim_end_name(world->end),
           "");
  if (world->end != VLOT__SIM_SAFE)
    snprintf(sim->end, sizeof sim->end, "Here seed %" PRIu64 " is %s: %s.", sim->seed,
             vlot__sim_end_name(world->end), world->text);
  return true;
}
