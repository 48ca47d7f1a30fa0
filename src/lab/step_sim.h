/* `vlot step --sim`: a seed of `vlot sim` as a run that one steps through. */
#ifndef VLOT_LAB_STEP_SIM_H
#define VLOT_LAB_STEP_SIM_H

#include "sim.h"
#include "workspace.h"

typedef struct vlot__step_sim {
  uint64_t seed, actions;
  uint32_t nodes; /* 0: as the seed says */
  bool has_threads;
  bool is_open;
  vlot__sim_world world;
  vlot__recording record; /* of nothing */
  vlot__workspace_origin origin;
  char line[120], end[1200];
} vlot__step_sim;

/* seed, actions, nodes and has_threads are set, the rest is 0. The workspace stands at the end of
 * that run then: at its failure, if it has one. It is to be deinited before *sim goes. false: the
 * workspace's problem says why. */
bool vlot__step_sim_open(vlot__step_sim *sim, vlot__workspace *workspace);

#endif
