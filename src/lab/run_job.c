/* vlot run, the job: replicate, kill, restart, read back, compare. */
#include <inttypes.h>
#include <stdarg.h>

#include "fences.h"
#include "run.h"

enum { STUCK_ELECTIONS = 200, ATTEMPTS_MAX = 100, KILL_ACTIONS = 64 };

__attribute__((format(printf, 2, 3))) static void tell(vlot__run *run, const char *format, ...) {
  if (run->story_count == VLOT__RUN_STORIES) return;
  char *story = run->stories[run->story_count++];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(story, sizeof run->stories[0], format, arguments);
  va_end(arguments);
  if (!run->screen.is_live) return;
  vlot__screen_erase(&run->screen);
  fprintf(run->screen.out, "  %s\n", story);
}

uint64_t vlot__run_stuck_ticks(const vlot__run *run) {
  return (uint64_t)STUCK_ELECTIONS * run->raft.election_ticks_min;
}

/* Can the voters that are left elect anybody? */
static bool can_lose_one(const vlot__run *run) {
  uint64_t voters = run->set.nodes - run->set.learners;
  return (voters - 1) * 2 > voters;
}

static void kill_leader(vlot__run *run) {
  char done[32], total[32];
  uint32_t leader = vlot_cluster_leader(run->cluster);
  vlot_node_status status;
  /* Not always between two commands: the seed says how far those in flight get; with threads they
   * say so themselves. */
  if (run->set.driver == 1) vlot_lockstep_step(run->cluster, run->set.seed % KILL_ACTIONS, NULL);
  if (leader == 0 || vlot_cluster_get_status(run->cluster, leader, &status) != VLOT_OK) return;
  if (vlot_cluster_kill(run->cluster, leader, false) != VLOT_OK) return;
  run->phase = VLOT__RUN_KILLED;
  run->victim = leader;
  run->kill_term = status.raft.term;
  run->kill_tick = vlot_cluster_now(run->cluster);
  run->kill_ns = vlot__lab_now();
  tell(run, "n%u, leader of term %" PRIu64 ", is killed after %s of %s commands", leader,
       status.raft.term, vlot__lab_commas(run->load.done, done),
       vlot__lab_commas(run->script.count, total));
}

static void restart_victim(vlot__run *run) {
  if (vlot_cluster_spawn(run->cluster, run->victim) != VLOT_OK) return;
  run->phase = VLOT__RUN_RESTARTED;
  tell(run, "n%u is started again from its disk", run->victim);
}

static void end_outage(vlot__run *run) {
  uint64_t ns = vlot__lab_now() - run->kill_ns;
  uint64_t ticks = vlot_cluster_now(run->cluster) - run->kill_tick;
  char text[40];
  run->has_recovered = true;
  run->outage_ticks += ticks;
  run->outage_ns += ns;
  tell(run, "n%u, leader of term %" PRIu64 ", commits %" PRIu64 " tick%s (%s) after the kill%s",
       run->load.last_node, run->load.last_term, ticks, ticks == 1 ? "" : "s",
       vlot__lab_ms(ns, text), run->step.stops > 0 ? ", pauses left out" : "");
}

/* Trouble that nobody ordered: from the first answer that was none until the next
 * acknowledgement. */
static void watch_trouble(vlot__run *run) {
  if (run->victim != 0 && !run->has_recovered) return;
  bool is_trouble = run->load.trouble_tick != VLOT_NEVER;
  if (is_trouble && run->trouble_ns == 0) {
    run->trouble_ns = vlot__lab_now();
    run->trouble_tick = run->load.trouble_tick;
  } else if (!is_trouble && run->trouble_ns != 0) {
    run->outage_ns += vlot__lab_now() - run->trouble_ns;
    run->outage_ticks += vlot_cluster_now(run->cluster) - run->trouble_tick;
    run->trouble_ns = 0;
  }
}

/* After a quorum is lost only the victim itself can bring it back; it gets as long as an election
 * would take. */
static bool is_restart_due(const vlot__run *run) {
  if (can_lose_one(run)) return run->has_recovered;
  return vlot_cluster_now(run->cluster) - run->kill_tick >= run->raft.election_ticks_max;
}

static void tend_kill(vlot__run *run) {
  if (!run->set.kills_leader) return;
  if (run->phase == VLOT__RUN_BEFORE && run->load.done >= run->script.count / 2) kill_leader(run);
  if (run->phase == VLOT__RUN_BEFORE) return;
  if (!run->has_recovered && run->load.last_term > run->kill_term) end_outage(run);
  if (run->phase == VLOT__RUN_KILLED && is_restart_due(run)) restart_victim(run);
}

static void draw(vlot__run *run) {
  char done[32], total[32], rate[32];
  vlot__view_nodes nodes;
  vlot__screen *screen = &run->screen;
  if (!vlot__screen_is_due(screen)) return;
  uint64_t ns = vlot__lab_now() - run->begin_ns;
  uint64_t per_second = ns == 0 ? 0 : run->load.done * 1000000000u / ns;
  vlot__screen_begin(screen);
  vlot__screen_text(screen, "  ");
  vlot__screen_bar(screen, run->load.done, run->script.count,
                   screen->width > 70 ? 30 : screen->width / 4 + 1);
  vlot__screen_text(screen, " %s/%s  %s/s", vlot__lab_commas(run->load.done, done),
                    vlot__lab_commas(run->script.count, total), vlot__lab_commas(per_second, rate));
  vlot__screen_line_end(screen);
  if (vlot__view_look_nodes(&nodes, run->cluster)) vlot__screen_nodes(screen, &nodes);
  vlot__view_nodes_deinit(&nodes);
  vlot__screen_end(screen);
}

static vlot__load_state without_leader(const vlot__run *run) {
  return vlot__fences_are_short(run->cluster) ? VLOT__LOAD_NO_MEMORY : VLOT__LOAD_STUCK;
}

static vlot__load_state replicate(vlot__run *run) {
  uint32_t leader = 0;
  if (vlot__load_await_leader(&run->load, vlot__run_stuck_ticks(run), &leader) != VLOT_OK)
    return without_leader(run);
  vlot_node_status status;
  if (vlot_cluster_get_status(run->cluster, leader, &status) == VLOT_OK)
    tell(run, "n%u leads term %" PRIu64, leader, status.raft.term);
  run->begin_ns = vlot__lab_now();
  run->begin_tick = vlot_cluster_now(run->cluster);
  run->load.progress_tick = run->begin_tick;
  vlot__load_state state = VLOT__LOAD_GOING;
  if (run->script.count == 0) state = VLOT__LOAD_DONE;
  while (state == VLOT__LOAD_GOING) {
    if (!vlot__load_fill(&run->load)) return VLOT__LOAD_FAILED;
    tend_kill(run); /* with commands in flight */
    vlot__run_step_look(run);
    draw(run);
    state = vlot__load_turn(&run->load);
    watch_trouble(run);
    vlot__recording_drain(&run->record);
  }
  run->end_ns = vlot__lab_now();
  run->end_tick = vlot_cluster_now(run->cluster);
  tend_kill(run);
  return state;
}

/* --- comparing replicas --- */

/* A leader's own entry may come between two looks; then look again. */
static bool look_at_replicas(vlot__run *run) {
  bool is_level = true;
  const vlot__run_replica *first = NULL;
  vlot_node_status status;
  for (uint32_t id = 1; id <= run->set.nodes; id++) {
    vlot__run_replica *at = &run->replicas[id - 1];
    at->result = vlot_cluster_get_status(run->cluster, id, &status);
    at->state = status.state;
    at->is_left_out = run->set.step_on && at->result == VLOT_OK && status.state != VLOT_NODE_UP;
    if (at->is_left_out) continue;
    at->result = vlot_cluster_hash(run->cluster, id, &at->hash, &at->applied);
    if (at->result == VLOT_OK && !first) first = at;
    if (at->result != VLOT_OK || at->applied != first->applied) is_level = false;
  }
  return is_level && first;
}

/* What a node that is down or fenced once held is no replica. */
bool vlot__run_is_compared(const vlot__run_replica *one) {
  return !one->is_left_out && one->result == VLOT_OK;
}

const vlot__run_replica *vlot__run_first_replica(const vlot__run *run) {
  for (uint64_t k = 0; k < run->set.nodes; k++)
    if (vlot__run_is_compared(&run->replicas[k])) return &run->replicas[k];
  return NULL;
}

static void read_state(void *context, const vlot_raft *raft, void *machine) {
  vlot__run *run = context;
  (void)raft;
  (void)vlot__plugin_say_state(run->set.plugin, &run->state_text, machine);
}

/* What the first that is compared holds, in its own words. */
static void look_at_state(vlot__run *run) {
  for (uint32_t id = 1; id <= run->set.nodes && run->set.plugin; id++)
    if (vlot__run_is_compared(&run->replicas[id - 1])) {
      if (vlot_cluster_look(run->cluster, id, read_state, run) == VLOT_OK) return;
      vlot__text_clear(&run->state_text);
    }
}

static vlot__load_state compare_replicas(vlot__run *run) {
  bool is_level = false;
  uint64_t patience = vlot__run_stuck_ticks(run);
  for (uint32_t k = 0; k < ATTEMPTS_MAX && !is_level; k++) {
    if (vlot__load_await_leader(&run->load, patience, NULL) != VLOT_OK) return without_leader(run);
    vlot_cluster_get_stats(run->cluster, &run->stats);
    if (vlot_await_applied(run->cluster, 0, run->stats.commits, patience) != VLOT_OK)
      return VLOT__LOAD_STUCK;
    is_level = look_at_replicas(run);
    vlot__recording_drain(&run->record);
  }
  const vlot__run_replica *first = vlot__run_first_replica(run);
  for (uint64_t k = 0; k < run->set.nodes; k++) {
    const vlot__run_replica *one = &run->replicas[k];
    if (vlot__run_is_compared(one) && one->applied == first->applied && one->hash != first->hash)
      run->replicas_differ = true;
  }
  return is_level ? VLOT__LOAD_DONE : VLOT__LOAD_STUCK;
}

vlot__load_state vlot__run_carry_out(vlot__run *run) {
  vlot__load_state state = replicate(run);
  if (state == VLOT__LOAD_DONE) state = vlot__load_verify(&run->load, &run->verified, &run->lost);
  /* who is down is part of the answer */
  if (state == VLOT__LOAD_STUCK || state == VLOT__LOAD_NO_MEMORY) look_at_replicas(run);
  if (state != VLOT__LOAD_DONE) return state;
  /* a minority of them: all is written, and not by all */
  if (vlot__fences_look(run->cluster, NULL, 0).count > 0) {
    look_at_replicas(run);
    return VLOT__LOAD_NO_MEMORY;
  }
  if (run->phase == VLOT__RUN_KILLED)
    restart_victim(run); /* the last command came before it was due */
  bool has_hash = !run->set.plugin || run->set.plugin->machine->hash;
  if (has_hash) state = compare_replicas(run);
  look_at_state(run);
  for (uint64_t k = 0; k < run->set.nodes && !has_hash; k++)
    run->replicas[k].result = VLOT_UNSUPPORTED;
  if (state == VLOT__LOAD_STUCK && vlot__fences_are_short(run->cluster))
    state = VLOT__LOAD_NO_MEMORY;
  return state;
}
