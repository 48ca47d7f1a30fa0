/* vlot run: what its parts share. */
#ifndef VLOT_LAB_RUN_H
#define VLOT_LAB_RUN_H

#include "lab.h"
#include "load.h"
#include "plugin.h"
#include "run_step.h"
#include "screen.h"

typedef struct vlot__run_settings {
  uint64_t nodes, learners, driver, seed, tick_ms, inflight, election_ticks, heartbeat_ticks;
  const char *input, *events, *history, *step_on, *journal, *machine;
  const vlot_plugin *plugin; /* what --machine has; NULL: the key-value machine */
  bool kills_leader, keeps_going, is_json, is_quiet, has_checker, is_ascii;
} vlot__run_settings;

enum { VLOT__RUN_STORIES = 16 };

typedef enum vlot__run_phase {
  VLOT__RUN_BEFORE = 0, /* nobody was killed yet */
  VLOT__RUN_KILLED,
  VLOT__RUN_RESTARTED,
} vlot__run_phase;

typedef struct vlot__run_replica {
  uint64_t applied;
  uint64_t hash;
  vlot_result result;
  vlot_node_state state;
  bool is_left_out; /* somebody at the prompt has left it like that: it is not compared */
} vlot__run_replica;

typedef struct vlot__run {
  vlot__run_settings set;
  vlot__script script;
  vlot__recording record;
  vlot__screen screen;
  vlot__load load;
  vlot__run_step step;
  vlot_cluster *cluster;
  vlot_raft_options raft;
  char stories[VLOT__RUN_STORIES][160]; /* what happened, in sentences */
  uint32_t story_count;
  vlot__run_phase phase;
  uint32_t victim;
  uint64_t kill_tick, kill_ns, kill_term;
  bool has_recovered;               /* something was committed since the kill */
  uint64_t outage_ticks, outage_ns; /* clients could not get anything committed */
  uint64_t trouble_ns;              /* when trouble began; 0: there is none */
  uint64_t trouble_tick;
  uint64_t begin_ns, end_ns, begin_tick, end_tick;
  uint64_t verified, lost;
  vlot__run_replica *replicas; /* [nodes] */
  bool replicas_differ;
  vlot__text state_text; /* of the first replica, in the words of a machine of one's own */
  char violation[256];
  char fences[512]; /* who was fenced for want of memory; "": nobody */
  vlot_cluster_stats stats;
  vlot__load_state state;
} vlot__run;

/* Is it compared with the others? Not: left like that at the prompt, down, fenced, or it could not
 * be asked. */
bool vlot__run_is_compared(const vlot__run_replica *one);

/* The first replica that is compared; NULL: none is. */
const vlot__run_replica *vlot__run_first_replica(const vlot__run *run);

/* So long without an acknowledgement is stuck. */
uint64_t vlot__run_stuck_ticks(const vlot__run *run);

/* Replicate everything, read it back, compare the replicas. */
vlot__load_state vlot__run_carry_out(vlot__run *run);

/* The exit code. */
int vlot__run_verdict(const vlot__run *run);

/* Print the summary; returns the exit code. */
int vlot__run_report(vlot__run *run);

#endif
