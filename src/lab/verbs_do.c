/* Verbs that make something happen: to what is pending, to nodes, by clients. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pattern.h"
#include "verbs.h"
#include "vlot/journal.h"

/* A recorded run is what it was; and if it is not, that is said. */
static bool replay_result(vlot__workspace *workspace, unsigned word, vlot_result result) {
  vlot_replay_status status;
  if (result == VLOT_UNSUPPORTED)
    return vlot__workspace_fail(workspace, word,
                                "this is a recorded run: one can go through it and back, look, and "
                                "ask why, but change nothing");
  bool is_known = vlot_replay_get_status(workspace->cluster, &status) == VLOT_OK;
  return vlot__workspace_fail(workspace, word, "%s",
                              is_known && *status.text ? status.text : vlot_result_text(result));
}

bool vlot__verbs_result(vlot__workspace *workspace, unsigned word, vlot_result result) {
  if (result == VLOT_OK || result == VLOT_VIOLATED)
    return true; /* the event tells of the violation */
  if (result == VLOT_CLOSED) return vlot__workspace_fail(workspace, word, "this node is down");
  if (result == VLOT_EXISTS) return vlot__workspace_fail(workspace, word, "this node is up");
  if (workspace->journal && (result == VLOT_UNSUPPORTED || result == VLOT_FAILED))
    return replay_result(workspace, word, result);
  /* what is not there the prompt names better: by the word that was typed */
  if (result != VLOT_NOT_FOUND)
    return vlot__workspace_fail(workspace, word, "%s", vlot_problem(result));
  return vlot__workspace_fail(workspace, word, "%s; %s", vlot_result_text(result),
                              vlot_result_advice(result));
}

/* What was so already is no failure, and no action: a sentence instead of events. */
static void tell_unchanged(vlot__workspace *workspace, uint64_t actions_before, const char *why) {
  if (workspace->is_redoing || vlot__workspace_actions(workspace) != actions_before) return;
  vlot__text_add(&workspace->out, "Nothing changed: %s.\n", why);
}

/* --- pending things --- */

enum { IDS_MAX = 1024 };

typedef vlot_result each_id(vlot_cluster *cluster, uint64_t id, uint64_t number);

static vlot_result fire(vlot_cluster *cluster, uint64_t id, uint64_t number) {
  (void)number;
  return vlot_lockstep_fire(cluster, id);
}

static vlot_result drop(vlot_cluster *cluster, uint64_t id, uint64_t number) {
  (void)number;
  return vlot_lockstep_drop(cluster, id);
}

static vlot_result hold(vlot_cluster *cluster, uint64_t id, uint64_t is_held) {
  return vlot_lockstep_hold(cluster, id, is_held != 0);
}

static vlot_result duplicate(vlot_cluster *cluster, uint64_t id, uint64_t number) {
  (void)number;
  return vlot_lockstep_duplicate(cluster, id, NULL);
}

static vlot_result delay(vlot_cluster *cluster, uint64_t id, uint64_t ticks) {
  return vlot_lockstep_delay(cluster, id, ticks);
}

/* Each id is a line of the history: one can go back to between any two. */
static bool for_each(vlot__workspace *workspace, const vlot__arguments *arguments, each_id *act,
                     uint64_t number, const char *unsupported) {
  const vlot__value *words = &arguments->values[0];
  uint64_t ids[IDS_MAX];
  char line[64], id[24];
  size_t count;
  if (!vlot__pattern_find(workspace, arguments, words, ids, IDS_MAX, &count)) return false;
  for (size_t k = 0; k < count; k++) {
    uint64_t before = vlot__workspace_actions(workspace);
    vlot_result result = act(workspace->cluster, ids[k], number);
    if (result == VLOT_NOT_FOUND) continue; /* what was done to one has ended another */
    if (result == VLOT_UNSUPPORTED && !workspace->journal)
      return vlot__workspace_fail(workspace, words->word, "%s", unsupported);
    if (!vlot__verbs_result(workspace, words->word, result)) return false;
    (void)vlot_pending_name(ids[k], id, sizeof id);
    int at = snprintf(line, sizeof line, "%s %s", arguments->words[0], id);
    if (act == delay) snprintf(line + at, sizeof line - (size_t)at, " by %" PRIu64, number);
    if (count > 1 && vlot__workspace_actions(workspace) > before) vlot__story_part(workspace, line);
  }
  return true;
}

bool vlot__verbs_deliver(vlot__workspace *workspace, const vlot__arguments *arguments) {
  return for_each(workspace, arguments, fire, 0, "it cannot happen now");
}

bool vlot__verbs_fire(vlot__workspace *workspace, const vlot__arguments *arguments) {
  return vlot__verbs_deliver(workspace, arguments);
}

bool vlot__verbs_drop(vlot__workspace *workspace, const vlot__arguments *arguments) {
  return for_each(workspace, arguments, drop, 0,
                  "timers and writes, of disks or of images, cannot be lost; 'hold' keeps them "
                  "from happening");
}

bool vlot__verbs_hold(vlot__workspace *workspace, const vlot__arguments *arguments) {
  uint64_t before = vlot__workspace_actions(workspace);
  if (!for_each(workspace, arguments, hold, 1, "it cannot be held")) return false;
  tell_unchanged(workspace, before, "what this names is held already");
  return true;
}

bool vlot__verbs_release(vlot__workspace *workspace, const vlot__arguments *arguments) {
  uint64_t before = vlot__workspace_actions(workspace);
  if (!for_each(workspace, arguments, hold, 0, "it cannot be released")) return false;
  tell_unchanged(workspace, before, "nothing that this names is held");
  return true;
}

bool vlot__verbs_duplicate(vlot__workspace *workspace, const vlot__arguments *arguments) {
  return for_each(workspace, arguments, duplicate, 0,
                  "only messages between nodes can be doubled, and no client's call among them");
}

bool vlot__verbs_delay(vlot__workspace *workspace, const vlot__arguments *arguments) {
  return for_each(workspace, arguments, delay,
                  arguments->values[1].is_given ? arguments->values[1].number : 1,
                  "a timer is due when its node says so; 'hold' keeps it from firing");
}

/* The newest pending thing of a kind at a node is carried out. */
bool vlot__verbs_fire_newest(vlot__workspace *workspace, vlot_pending_kind kind, uint32_t node,
                             const char *missing) {
  size_t count;
  uint64_t id = 0;
  vlot_pending *pending = vlot__pattern_pending(workspace, &count);
  for (size_t k = 0; k < count; k++)
    if (pending[k].kind == kind && pending[k].node == node) id = pending[k].id;
  free(pending);
  if (id == 0) return vlot__workspace_fail(workspace, 1, "%s", missing);
  return vlot__verbs_result(workspace, 1, vlot_lockstep_fire(workspace->cluster, id));
}

bool vlot__verbs_timeout(vlot__workspace *workspace, const vlot__arguments *arguments) {
  uint32_t node = (uint32_t)arguments->values[0].number;
  vlot_node_status status = vlot__workspace_status(workspace, node);
  const char *missing =
      status.state == VLOT_NODE_DOWN        ? "this node is down"
      : status.state == VLOT_NODE_SUSPENDED ? "this node is suspended: its time stands still"
      : status.state == VLOT_NODE_FENCED    ? "this node is fenced, and takes nothing any more"
      : status.is_learner
          ? "this node is a learner: it never stands for election"
          : "this node has no timer: it may not stand for election, or its clock stands still";
  return vlot__verbs_fire_newest(workspace, VLOT_PENDING_TIMER, node, missing);
}

/* --- nodes --- */

static uint32_t node_of(const vlot__arguments *arguments) {
  return (uint32_t)arguments->values[0].number;
}

bool vlot__verbs_kill(vlot__workspace *workspace, const vlot__arguments *arguments) {
  return vlot__verbs_result(
      workspace, 1,
      vlot_cluster_kill(workspace->cluster, node_of(arguments), arguments->values[1].is_given));
}

bool vlot__verbs_spawn(vlot__workspace *workspace, const vlot__arguments *arguments) {
  return vlot__verbs_result(workspace, 1,
                            vlot_cluster_spawn(workspace->cluster, node_of(arguments)));
}

bool vlot__verbs_restart(vlot__workspace *workspace, const vlot__arguments *arguments) {
  vlot_restart how = (vlot_restart)arguments->values[1].number;
  return vlot__verbs_result(workspace, 1,
                            vlot_cluster_restart(workspace->cluster, node_of(arguments), how));
}

bool vlot__verbs_suspend(vlot__workspace *workspace, const vlot__arguments *arguments) {
  uint64_t before = vlot__workspace_actions(workspace);
  if (!vlot__verbs_result(workspace, 1,
                          vlot_cluster_suspend(workspace->cluster, node_of(arguments))))
    return false;
  tell_unchanged(workspace, before, "this node is suspended already");
  return true;
}

bool vlot__verbs_resume(vlot__workspace *workspace, const vlot__arguments *arguments) {
  uint64_t before = vlot__workspace_actions(workspace);
  if (!vlot__verbs_result(workspace, 1,
                          vlot_cluster_resume(workspace->cluster, node_of(arguments))))
    return false;
  tell_unchanged(workspace, before, "this node is not suspended");
  return true;
}

static bool order(vlot__workspace *workspace, uint32_t node, vlot_input_kind kind, uint32_t value,
                  bool is_later) {
  return vlot__verbs_result(workspace, 1,
                            vlot_cluster_order(workspace->cluster, node, kind, value)) &&
         (is_later || vlot__verbs_fire_newest(workspace, VLOT_PENDING_CLIENT, node,
                                              "this node does not take it now"));
}

/* What would be taken, and change nothing. */
static const char *idle_order(const vlot_node_status *status, vlot_input_kind kind) {
  bool leads = status->raft.role == VLOT_ROLE_LEADER;
  if (status->state != VLOT_NODE_UP) return NULL; /* that is told anyhow */
  if (kind == VLOT_INPUT_STEP_DOWN) return leads ? NULL : "this node does not lead";
  if (kind == VLOT_INPUT_FORGET_LEADER)
    return leads                 ? "this node leads itself"
           : status->raft.leader ? NULL
                                 : "this node knows no leader";
  if (leads) return "this node leads already";
  if (status->is_learner) return "this node is a learner: it never stands for election";
  return NULL;
}

static bool tell_node(vlot__workspace *workspace, const vlot__arguments *arguments,
                      vlot_input_kind kind) {
  vlot_node_status status = vlot__workspace_status(workspace, node_of(arguments));
  const char *idle = arguments->values[1].is_given ? NULL : idle_order(&status, kind);
  if (idle) return vlot__workspace_fail(workspace, 1, "%s", idle);
  return order(workspace, node_of(arguments), kind, 0, arguments->values[1].is_given);
}

bool vlot__verbs_campaign(vlot__workspace *workspace, const vlot__arguments *arguments) {
  return tell_node(workspace, arguments, VLOT_INPUT_CAMPAIGN);
}

bool vlot__verbs_elect(vlot__workspace *workspace, const vlot__arguments *arguments) {
  return tell_node(workspace, arguments, VLOT_INPUT_ELECT);
}

bool vlot__verbs_stepdown(vlot__workspace *workspace, const vlot__arguments *arguments) {
  return tell_node(workspace, arguments, VLOT_INPUT_STEP_DOWN);
}

bool vlot__verbs_forget(vlot__workspace *workspace, const vlot__arguments *arguments) {
  return tell_node(workspace, arguments, VLOT_INPUT_FORGET_LEADER);
}

static bool parse_switch(vlot__workspace *workspace, const char *text, unsigned word,
                         uint32_t *switches) {
  static const char *const names[] = {"prevote", "checkquorum", "stickiness", "noop", "random"};
  for (unsigned k = 0; (*text == '+' || *text == '-') && k < sizeof names / sizeof *names; k++) {
    if (strcmp(text + 1, names[k]) != 0) continue;
    if (*text == '+')
      *switches |= 1u << k;
    else
      *switches &= ~(1u << k);
    return true;
  }
  return vlot__workspace_fail(
      workspace, word,
      "expected + or - and one of prevote, checkquorum, stickiness, noop, random, not '%.40s'",
      text);
}

static bool parse_switches(vlot__workspace *workspace, const vlot__arguments *arguments,
                           uint32_t *switches) {
  const vlot__value *words = &arguments->values[0];
  for (unsigned word = words->word; word < words->word + words->count; word++)
    if (!parse_switch(workspace, arguments->words[word], word, switches)) return false;
  return true;
}

/* What is not named stays as this node has it. */
static bool order_switches(vlot__workspace *workspace, const vlot__arguments *arguments,
                           const vlot_node_status *status) {
  uint32_t switches = status->raft.switches;
  return parse_switches(workspace, arguments, &switches) &&
         order(workspace, status->id, VLOT_INPUT_SWITCHES, switches, false);
}

static bool order_all_switches(vlot__workspace *workspace, const vlot__arguments *arguments) {
  bool is_told = false;
  for (uint32_t id = 1; id <= workspace->options.nodes; id++) {
    vlot_node_status status = vlot__workspace_status(workspace, id);
    if (status.state != VLOT_NODE_UP) continue;
    if (!order_switches(workspace, arguments, &status)) return false;
    is_told = true;
  }
  return is_told || vlot__workspace_fail(workspace, 0, "no node is up: there is nobody to be told");
}

/* Before anything has happened, of all nodes; later, or of one, they are an order: to it, or to all
 * that are up. */
bool vlot__verbs_switches(vlot__workspace *workspace, const vlot__arguments *arguments) {
  const vlot__value *at = &arguments->values[1];
  if (at->is_given) {
    if (!vlot__workspace_open(workspace)) return false;
    vlot_node_status status = vlot__workspace_status(workspace, (uint32_t)at->number);
    return order_switches(workspace, arguments, &status);
  }
  if (!vlot__workspace_unopen(workspace)) return order_all_switches(workspace, arguments);
  uint32_t switches = workspace->options.raft.switches;
  if (!parse_switches(workspace, arguments, &switches)) return false;
  workspace->options.raft.switches = switches;
  return true;
}
