/* Verbs that let time go on. */
#include <inttypes.h>
#include <string.h>

#include "verbs.h"

/* Nothing may go on for ever. Who goes back has room again. */
static uint64_t room(const vlot__workspace *workspace) {
  uint64_t done = vlot__workspace_actions(workspace);
  return done < workspace->actions_max ? workspace->actions_max - done : 0;
}

static bool fail_limit(vlot__workspace *workspace) {
  workspace->was_limited = true;
  return vlot__workspace_fail(workspace, 0,
                              "too many actions: this workspace may come to action %" PRIu64
                              ", and no further; going back makes room",
                              workspace->actions_max);
}

typedef enum goal_kind {
  GOAL_LEADER,
  GOAL_ROLE,
  GOAL_COMMIT,
  GOAL_TERM,
  GOAL_QUIET,
  GOAL_TICK,
  GOAL_NONE
} goal_kind;

typedef struct goal {
  goal_kind kind;
  uint32_t node; /* 0: any */
  vlot_role role;
  uint64_t number;
  const volatile sig_atomic_t *must_stop;
} goal;

static bool is_quiet(vlot_cluster *cluster) {
  vlot_pending first[VLOT__WORKSPACE_NODES_MAX +
                     1]; /* what is not a timer is among so many, or there is none */
  size_t count = vlot_lockstep_pending(cluster, first, VLOT__WORKSPACE_NODES_MAX + 1);
  if (count > VLOT__WORKSPACE_NODES_MAX + 1) count = VLOT__WORKSPACE_NODES_MAX + 1;
  for (size_t k = 0; k < count; k++)
    if (first[k].kind != VLOT_PENDING_TIMER && !first[k].is_held) return false;
  return true;
}

static bool node_reached(const vlot_node_status *status, const goal *wanted) {
  if (status->state == VLOT_NODE_DOWN) return false;
  switch (wanted->kind) {
  case GOAL_ROLE: return status->raft.role == wanted->role;
  case GOAL_COMMIT: return status->raft.commit_index >= wanted->number;
  case GOAL_TERM: return status->raft.term >= wanted->number;
  default: return false;
  }
}

static bool is_reached(vlot_cluster *cluster, void *context) {
  const goal *wanted = context;
  if (wanted->must_stop && *wanted->must_stop) return true;
  if (wanted->kind == GOAL_NONE) return false;
  uint32_t leader = wanted->kind == GOAL_LEADER ? vlot_cluster_leader(cluster) : 0;
  if (wanted->kind == GOAL_LEADER) return leader != 0 && (!wanted->node || wanted->node == leader);
  if (wanted->kind == GOAL_QUIET) return is_quiet(cluster);
  if (wanted->kind == GOAL_TICK) return vlot_cluster_now(cluster) >= wanted->number;
  for (uint32_t id = 1; id <= vlot_cluster_nodes(cluster); id++) {
    vlot_node_status status;
    if (wanted->node && wanted->node != id) continue;
    if (vlot_cluster_get_status(cluster, id, &status) == VLOT_OK && node_reached(&status, wanted))
      return true;
  }
  return false;
}

enum {
  SOME_ACTIONS = 4096
}; /* at once; then what they brought is taken from the queue of events */

/* Until it is reached, at most so many actions. VLOT_TIMEOUT: it was not. */
static vlot_result go_on(vlot__workspace *workspace, goal *wanted, uint64_t most) {
  uint64_t begin = vlot__workspace_actions(workspace), done = 0, before;
  vlot_result result = VLOT_TIMEOUT;
  wanted->must_stop = workspace->must_stop;
  do {
    uint64_t some = most - done < SOME_ACTIONS ? most - done : SOME_ACTIONS;
    before = done;
    result = vlot_lockstep_until(workspace->cluster, is_reached, wanted, some);
    done = vlot__workspace_actions(workspace) - begin;
    vlot__workspace_drain(workspace, workspace->is_summary);
  } while (result == VLOT_TIMEOUT && done > before && done < most);
  workspace->was_stopped = workspace->must_stop && *workspace->must_stop;
  if (workspace->was_stopped)
    vlot__text_add(&workspace->out, "stopped after %" PRIu64 " action%s\n", done,
                   done == 1 ? "" : "s");
  return result;
}

bool vlot__verbs_step(vlot__workspace *workspace, const vlot__arguments *arguments) {
  uint64_t count = arguments->values[0].is_given ? arguments->values[0].number : 1;
  uint64_t before = vlot__workspace_actions(workspace), most = room(workspace);
  goal wanted = {.kind = GOAL_NONE};
  workspace->is_summary = arguments->values[1].is_given;
  if (most == 0) return fail_limit(workspace);
  vlot_result result = go_on(workspace, &wanted, count < most ? count : most);
  uint64_t done = vlot__workspace_actions(workspace) - before;
  if (done == 0 && result == VLOT_TIMEOUT)
    return vlot__workspace_fail(workspace, 0,
                                workspace->journal ? "the recording ends here"
                                                   : "nothing is pending that could happen");
  if (result != VLOT_TIMEOUT) return vlot__verbs_result(workspace, 0, result);
  return done >= count || done < most || fail_limit(workspace);
}

enum { UNTIL_ACTIONS = 1000000 };

static bool go_to(vlot__workspace *workspace, goal *wanted) {
  uint64_t before = vlot__workspace_actions(workspace), most = room(workspace);
  bool is_until = wanted->kind != GOAL_TICK;
  if (most == 0) return fail_limit(workspace);
  bool is_last = !is_until || most <= UNTIL_ACTIONS;
  if (!is_last) most = UNTIL_ACTIONS;
  vlot_result result = go_on(workspace, wanted, most);
  if (result != VLOT_TIMEOUT) return vlot__verbs_result(workspace, 0, result);
  if (vlot__workspace_actions(workspace) - before >= most)
    return is_last
               ? fail_limit(workspace)
               : vlot__workspace_fail(workspace, 1,
                                      "it has not come to this within 1,000,000 actions; say it "
                                      "again to go on");
  return vlot__workspace_fail(workspace, 1,
                              workspace->journal
                                  ? "it did not come to this: the recording ends here"
                                  : "it did not come to this: nothing is left that could happen");
}

bool vlot__verbs_tick(vlot__workspace *workspace, const vlot__arguments *arguments) {
  uint64_t ticks = arguments->values[0].is_given ? arguments->values[0].number : 1;
  goal wanted = {.kind = GOAL_TICK, .number = vlot_cluster_now(workspace->cluster) + ticks};
  return go_to(workspace, &wanted);
}

static bool parse_role(vlot__workspace *workspace, const vlot__value *value, vlot_role *role) {
  for (int k = VLOT_ROLE_FOLLOWER; value->is_given && k <= VLOT_ROLE_LEADER; k++)
    if (strcmp(value->text, vlot_role_name((vlot_role)k)) == 0) {
      *role = (vlot_role)k;
      return true;
    }
  return vlot__workspace_fail(workspace, value->is_given ? value->word : 3,
                              "expected follower, pre-candidate, candidate or leader");
}

bool vlot__verbs_until(vlot__workspace *workspace, const vlot__arguments *arguments) {
  const vlot__value *values = arguments->values;
  goal wanted = {.kind = (goal_kind)values[0].number};
  bool has_node = wanted.kind == GOAL_ROLE || (wanted.kind == GOAL_LEADER && values[1].is_given);
  bool has_number = wanted.kind == GOAL_COMMIT || wanted.kind == GOAL_TERM;
  if (has_node && !vlot__command_node(workspace, arguments, 2, &wanted.node)) return false;
  if (has_number &&
      !vlot__command_number(workspace, arguments, 2, 1, VLOT_INDEX_MAX, &wanted.number))
    return false;
  if (!has_node && !has_number && values[1].is_given)
    return vlot__workspace_fail(workspace, 2, "nothing more is expected");
  if (wanted.kind == GOAL_ROLE && !parse_role(workspace, &values[2], &wanted.role)) return false;
  if (wanted.kind != GOAL_ROLE && values[2].is_given)
    return vlot__workspace_fail(workspace, 3, "nothing more is expected");
  if (values[3].is_given) wanted.node = (uint32_t)values[3].number;
  return go_to(workspace, &wanted);
}
