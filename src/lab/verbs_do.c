/* Verbs that set up, and verbs that make something happen. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "options.h"
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
  return vlot__workspace_fail(workspace, word, "%s; %s", vlot_result_text(result),
                              vlot_result_advice(result));
}

/* --- setting up --- */

bool vlot__verbs_learners(vlot__workspace *workspace, const vlot__arguments *arguments) {
  if (arguments->values[0].number >= workspace->options.nodes)
    return vlot__workspace_fail(workspace, 1, "of %u nodes one must be a voter",
                                workspace->options.nodes);
  workspace->options.learners = (uint32_t)arguments->values[0].number;
  return true;
}

bool vlot__verbs_seed(vlot__workspace *workspace, const vlot__arguments *arguments) {
  workspace->options.seed = arguments->values[0].number;
  return true;
}

bool vlot__verbs_batch(vlot__workspace *workspace, const vlot__arguments *arguments) {
  workspace->options.raft.append_entries_max = (uint32_t)arguments->values[0].number;
  return true;
}

static vlot_start *start_of(vlot__workspace *workspace, uint32_t id) {
  for (uint32_t k = 0; k < workspace->start_count; k++)
    if (workspace->starts[k].id == id) return &workspace->starts[k];
  workspace->starts[workspace->start_count] = (vlot_start){.id = id};
  return &workspace->starts[workspace->start_count++];
}

static bool parse_log(vlot__workspace *workspace, const vlot__arguments *arguments, uint64_t *terms,
                      uint64_t term_max) {
  const vlot__value *log = &arguments->values[3];
  uint64_t before = 1;
  for (unsigned k = 0; k < log->count; k++) {
    if (!vlot__command_number(workspace, arguments, log->word + k, before, term_max, &terms[k]))
      return false;
    before = terms[k];
  }
  return true;
}

/* Where two logs have an entry of the same term they agree before it (section 5.3): no run leads
 * anywhere else. */
static bool check_matching(vlot__workspace *workspace, uint32_t id, const uint64_t *terms,
                           size_t count, unsigned word) {
  for (uint32_t k = 0; k < workspace->start_count; k++) {
    const vlot__workspace_log *other = &workspace->logs[workspace->starts[k].id];
    size_t same = other->size < count ? other->size : count;
    if (workspace->starts[k].id == id) continue;
    while (same > 0 && other->terms[same - 1] != terms[same - 1]) same--;
    for (size_t n = 0; n < same; n++)
      if (other->terms[n] != terms[n])
        return vlot__workspace_fail(
            workspace, word + (unsigned)n,
            "n%u has entry %zu of the same term and differs here: no run of "
            "Raft leads there (Log Matching, section 5.3)",
            workspace->starts[k].id, same);
  }
  return true;
}

/* The term is the log's last one unless it is said. */
bool vlot__verbs_start(vlot__workspace *workspace, const vlot__arguments *arguments) {
  const vlot__value *values = arguments->values;
  uint64_t terms[VLOT__COMMAND_WORDS_MAX];
  uint32_t id = (uint32_t)values[0].number;
  if (!parse_log(workspace, arguments, terms,
                 values[1].is_given ? values[1].number : VLOT_INDEX_MAX - 1))
    return false;
  uint64_t term = values[1].is_given    ? values[1].number
                  : values[3].count > 0 ? terms[values[3].count - 1]
                                        : 0;
  if (!check_matching(workspace, id, terms, values[3].count, values[3].word)) return false;
  if (values[2].is_given && term == 0)
    return vlot__workspace_fail(workspace, values[2].word, "there are no votes in term 0");
  if (!vlot__workspace_set_log(workspace, id, terms, values[3].count))
    return vlot__verbs_result(workspace, 0, VLOT_NOMEM);
  vlot_start *start = start_of(workspace, id);
  start->term = term;
  start->vote = (uint32_t)values[2].number;
  return true;
}

/* --- time --- */

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
  char line[64];
  size_t count;
  if (!vlot__pattern_find(workspace, arguments, words, ids, IDS_MAX, &count)) return false;
  for (size_t k = 0; k < count; k++) {
    uint64_t before = vlot__workspace_actions(workspace);
    vlot_result result = act(workspace->cluster, ids[k], number);
    if (result == VLOT_NOT_FOUND) continue; /* what was done to one has ended another */
    if (result == VLOT_UNSUPPORTED && !workspace->journal)
      return vlot__workspace_fail(workspace, words->word, "%s", unsupported);
    if (!vlot__verbs_result(workspace, words->word, result)) return false;
    int at = snprintf(line, sizeof line, "%s %" PRIu64, arguments->words[0], ids[k]);
    if (act == delay) snprintf(line + at, sizeof line - (size_t)at, " by %" PRIu64, number);
    if (count > 1 && vlot__workspace_actions(workspace) > before) vlot__story_part(workspace, line);
  }
  return true;
}

bool vlot__verbs_deliver(vlot__workspace *workspace, const vlot__arguments *arguments) {
  return for_each(workspace, arguments, fire, 0, "it cannot happen now");
}

bool vlot__verbs_drop(vlot__workspace *workspace, const vlot__arguments *arguments) {
  return for_each(workspace, arguments, drop, 0,
                  "timers and writes cannot be lost; 'hold' keeps them from happening");
}

bool vlot__verbs_hold(vlot__workspace *workspace, const vlot__arguments *arguments) {
  return for_each(workspace, arguments, hold, 1, "it cannot be held");
}

bool vlot__verbs_release(vlot__workspace *workspace, const vlot__arguments *arguments) {
  return for_each(workspace, arguments, hold, 0, "it cannot be released");
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
static bool fire_newest(vlot__workspace *workspace, vlot_pending_kind kind, uint32_t node,
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
  return fire_newest(workspace, VLOT_PENDING_TIMER, node, missing);
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
  return vlot__verbs_result(workspace, 1,
                            vlot_cluster_suspend(workspace->cluster, node_of(arguments)));
}

bool vlot__verbs_resume(vlot__workspace *workspace, const vlot__arguments *arguments) {
  return vlot__verbs_result(workspace, 1,
                            vlot_cluster_resume(workspace->cluster, node_of(arguments)));
}

static bool order(vlot__workspace *workspace, uint32_t node, vlot_input_kind kind, uint32_t value,
                  bool is_later) {
  return vlot__verbs_result(workspace, 1,
                            vlot_cluster_order(workspace->cluster, node, kind, value)) &&
         (is_later ||
          fire_newest(workspace, VLOT_PENDING_CLIENT, node, "this node does not take it now"));
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
      workspace, word, "expected + or - and one of prevote, checkquorum, stickiness, noop, random");
}

/* Before the cluster is open, of all nodes; later of one, or of all that are up. */
bool vlot__verbs_switches(vlot__workspace *workspace, const vlot__arguments *arguments) {
  const vlot__value *words = &arguments->values[0], *at = &arguments->values[1];
  if (!at->is_given)
    (void)vlot__workspace_unopen(workspace); /* nothing has happened: they are set up */
  uint32_t switches = workspace->options.raft.switches;
  for (unsigned k = 0; k < words->count; k++)
    if (!parse_switch(workspace, arguments->words[words->word + k], words->word + k, &switches))
      return false;
  if (!workspace->cluster && at->is_given)
    return vlot__workspace_fail(workspace, at->word,
                                "before the cluster is open they are those of all nodes");
  if (!at->is_given) workspace->options.raft.switches = switches;
  for (uint32_t id = 1; workspace->cluster && id <= workspace->options.nodes; id++) {
    vlot_node_status status;
    if (at->is_given && at->number != id) continue;
    if (vlot_cluster_get_status(workspace->cluster, id, &status) != VLOT_OK ||
        status.state != VLOT_NODE_UP)
      continue;
    if (!order(workspace, id, VLOT_INPUT_SWITCHES, switches, false)) return false;
  }
  return true;
}

/* --- links --- */

/* "1 | 2 3" or "1|2,3": the groups' nodes, one after the other. */
static bool parse_groups(vlot__workspace *workspace, const vlot__arguments *arguments,
                         unsigned word, uint32_t *sides, uint32_t *side) {
  for (const char *at = arguments->words[word]; *at;) {
    size_t size = strcspn(at, "|,");
    char text[16];
    uint64_t node;
    if (*at == '|') ++*side;
    if (size == 0) {
      at++;
      continue;
    }
    snprintf(text, sizeof text, "%.*s", (int)size, at);
    if (size >= sizeof text || !vlot__options_number(text + (*text == 'n'), &node) || node == 0 ||
        node > workspace->options.nodes)
      return vlot__workspace_fail(workspace, word,
                                  "expected nodes, 1 to %u, with | between the groups",
                                  workspace->options.nodes);
    if (sides[node - 1] != 0)
      return vlot__workspace_fail(workspace, word, "n%" PRIu64 " stands there twice", node);
    sides[node - 1] = *side;
    at += size;
  }
  return true;
}

bool vlot__verbs_partition(vlot__workspace *workspace, const vlot__arguments *arguments) {
  const vlot__value *words = &arguments->values[0];
  uint32_t sides[VLOT__WORKSPACE_NODES_MAX] = {0}, side = 1;
  for (unsigned k = words->word; k < words->word + words->count; k++)
    if (!parse_groups(workspace, arguments, k, sides, &side)) return false;
  uint32_t ids[2 * VLOT__WORKSPACE_NODES_MAX + 1], count = 0;
  for (uint32_t one = 1; one <= side; one++) {
    for (uint32_t node = 1; node <= workspace->options.nodes; node++)
      if (sides[node - 1] == one) ids[count++] = node;
    if (one < side) ids[count++] = 0;
  }
  return vlot__verbs_result(workspace, 1, vlot_cluster_partition(workspace->cluster, ids, count));
}

/* 0 is every node: one link after the other, so that each is told. */
static bool set_link(vlot__workspace *workspace, uint32_t from, uint32_t to,
                     const vlot_link *link) {
  if (from == to && from != 0)
    return vlot__workspace_fail(workspace, 2, "a link joins two different nodes");
  for (uint32_t a = from ? from : 1; a <= (from ? from : workspace->options.nodes); a++)
    for (uint32_t b = to ? to : 1; b <= (to ? to : workspace->options.nodes); b++)
      if (a != b &&
          !vlot__verbs_result(workspace, 1, vlot_cluster_set_link(workspace->cluster, a, b, link)))
        return false;
  return true;
}

bool vlot__verbs_cut(vlot__workspace *workspace, const vlot__arguments *arguments) {
  const vlot__value *values = arguments->values;
  uint32_t a = (uint32_t)values[0].number, b = (uint32_t)values[1].number;
  vlot_link link = {.is_cut = 1};
  return set_link(workspace, a, b, &link) &&
         (values[2].is_given || set_link(workspace, b, a, &link));
}

bool vlot__verbs_heal(vlot__workspace *workspace, const vlot__arguments *arguments) {
  (void)arguments;
  return vlot__verbs_result(workspace, 0, vlot_cluster_heal(workspace->cluster));
}

bool vlot__verbs_link(vlot__workspace *workspace, const vlot__arguments *arguments) {
  const vlot__value *values = arguments->values;
  uint32_t delay_min = (uint32_t)values[4].number;
  vlot_link link = {.loss = (uint32_t)values[2].number * 10000,
                    .duplicate = (uint32_t)values[3].number * 10000,
                    .delay_ticks_min = delay_min,
                    .delay_ticks_max = values[5].is_given ? (uint32_t)values[5].number : delay_min,
                    .reorder = (uint32_t)values[6].number * 10000,
                    .reorder_ticks = 10};
  if (link.delay_ticks_max < delay_min)
    return vlot__workspace_fail(workspace, values[5].word, "expected at least %u", delay_min);
  return set_link(workspace, (uint32_t)values[0].number, (uint32_t)values[1].number, &link);
}

/* --- disks and clocks --- */

bool vlot__verbs_disk(vlot__workspace *workspace, const vlot__arguments *arguments) {
  const vlot__value *values = arguments->values;
  uint32_t delay_min = (uint32_t)values[1].number;
  vlot_disk_fault fault = {.delay_ticks_min = delay_min,
                           .delay_ticks_max =
                               values[2].is_given ? (uint32_t)values[2].number : delay_min,
                           .is_stalled = values[3].is_given,
                           .is_full = values[4].is_given,
                           .fail_at = values[5].number};
  if (fault.delay_ticks_max < delay_min)
    return vlot__workspace_fail(workspace, values[2].word, "expected at least %u", delay_min);
  return vlot__verbs_result(workspace, 1,
                            vlot_cluster_set_disk(workspace->cluster, node_of(arguments), &fault));
}

bool vlot__verbs_clock(vlot__workspace *workspace, const vlot__arguments *arguments) {
  return vlot__verbs_result(workspace, 1,
                            vlot_cluster_set_clock_rate(workspace->cluster, node_of(arguments),
                                                        (uint32_t)arguments->values[1].number));
}

/* --- clients --- */

/* Whom a client asks: who was named, else who leads. */
static bool contact_of(vlot__workspace *workspace, const vlot__value *at, uint32_t *contact) {
  *contact = at->is_given ? (uint32_t)at->number : vlot_cluster_leader(workspace->cluster);
  return *contact != 0 ||
         vlot__workspace_fail(workspace, 0, "there is no leader: say whom to ask with 'at NODE'");
}

enum { KEY_MAX = 32 };

bool vlot__verbs_propose(vlot__workspace *workspace, const vlot__arguments *arguments) {
  const char *text = arguments->values[0].text, *equals = strchr(text, '=');
  char key[KEY_MAX + 1];
  uint32_t contact;
  if (!equals || equals == text || equals - text > KEY_MAX || strlen(equals + 1) > KEY_MAX)
    return vlot__workspace_fail(workspace, 1, "expected KEY=VALUE, each at most %d characters",
                                KEY_MAX);
  if (!contact_of(workspace, &arguments->values[1], &contact)) return false;
  snprintf(key, sizeof key, "%.*s", (int)(equals - text), text);
  return vlot__workspace_propose(workspace, contact, key, equals + 1) &&
         fire_newest(workspace, VLOT_PENDING_CLIENT, contact, "this node does not take it now");
}

bool vlot__verbs_read(vlot__workspace *workspace, const vlot__arguments *arguments) {
  const vlot__value *values = arguments->values;
  uint32_t contact;
  if (strlen(values[0].text) > KEY_MAX)
    return vlot__workspace_fail(workspace, 1, "expected a key of at most %d characters", KEY_MAX);
  if (!contact_of(workspace, &values[1], &contact)) return false;
  return vlot__workspace_read(workspace, contact, values[0].text, values[2].is_given) &&
         fire_newest(workspace, VLOT_PENDING_CLIENT, contact, "this node does not take it now");
}
