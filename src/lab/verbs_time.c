/* Verbs that let time go on. */
#include <inttypes.h>
#include <string.h>

#include "options.h"
#include "verbs.h"
#include "vlot/journal.h"
#include "why.h"

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

/* Time goes on no further once something is broken: not all that was asked is done. */
static bool fail_broken(vlot__workspace *workspace) {
  char violation[256] = "";
  vlot_cluster_violation(workspace->cluster, violation, sizeof violation);
  return vlot__workspace_fail(
      workspace, 0,
      "a safety property is broken, and time goes on no further: %s. 'back', "
      "'undo' and 'goto ACTION' go to before it; 'check', 'why', 'log' and "
      "'events' look; 'deliver' and 'fire' go on by hand",
      violation);
}

typedef enum goal_kind {
  GOAL_LEADER,
  GOAL_ROLE,
  GOAL_COMMIT,
  GOAL_TERM,
  GOAL_QUIET,
  GOAL_EVENT,
  GOAL_NONE
} goal_kind;

typedef struct goal {
  goal_kind kind;
  uint32_t node; /* 0: any */
  vlot_role role;
  uint64_t number;
  vlot_event_kind event;
  vlot_subscription *events; /* what has happened since `until` was said … */
  bool has_happened;         /* … and has the event been among it */
  vlot__workspace *followed; /* in a run that was found: what has happened there … */
  uint64_t since, end;       /* … behind this action; and the tick up to which to go on */
  const volatile sig_atomic_t *must_stop;
} goal;

static size_t traffic(vlot_cluster *cluster) {
  vlot_pending first[VLOT__WORKSPACE_NODES_MAX +
                     1]; /* what is not a timer is among so many, or there is none */
  size_t found = 0, count = vlot_lockstep_pending(cluster, first, VLOT__WORKSPACE_NODES_MAX + 1);
  if (count > VLOT__WORKSPACE_NODES_MAX + 1) count = VLOT__WORKSPACE_NODES_MAX + 1;
  for (size_t k = 0; k < count; k++)
    found += first[k].kind != VLOT_PENDING_TIMER && !first[k].is_held;
  return found;
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

static bool is_wanted(const goal *wanted, const vlot_event *event) {
  uint32_t node = event->node ? event->node : event->peer;
  return event->kind == wanted->event && (wanted->node == 0 || node == wanted->node);
}

static bool has_seen(const goal *wanted) {
  for (uint32_t node = 0; node <= VLOT_STEP_NODES_MAX; node++) {
    size_t count;
    const vlot_event *events = vlot_past_events(wanted->followed->past, node, &count);
    for (size_t k = count; k > 0; k--) {
      if (events[k - 1].action <= wanted->since) break;
      if (is_wanted(wanted, &events[k - 1])) return true;
    }
  }
  return false;
}

/* Whose event it is: of one that the cluster tells of a node, that node's. */
static bool has_happened(goal *wanted) {
  vlot_event event;
  if (wanted->followed) return has_seen(wanted);
  while (!wanted->has_happened && vlot_subscription_next(wanted->events, &event))
    wanted->has_happened = is_wanted(wanted, &event);
  return wanted->has_happened;
}

static bool must_stop(const goal *wanted) { return wanted->must_stop && *wanted->must_stop; }

static bool has_come(vlot_cluster *cluster, goal *wanted) {
  if (wanted->kind == GOAL_NONE) return false;
  if (wanted->kind == GOAL_EVENT) return has_happened(wanted);
  uint32_t leader = wanted->kind == GOAL_LEADER ? vlot_cluster_leader(cluster) : 0;
  if (wanted->kind == GOAL_LEADER) return leader != 0 && (!wanted->node || wanted->node == leader);
  if (wanted->kind == GOAL_QUIET) return traffic(cluster) == 0;
  for (uint32_t id = 1; id <= vlot_cluster_nodes(cluster); id++) {
    vlot_node_status status;
    if (wanted->node && wanted->node != id) continue;
    if (vlot_cluster_get_status(cluster, id, &status) == VLOT_OK && node_reached(&status, wanted))
      return true;
  }
  return false;
}

static bool is_reached(vlot_cluster *cluster, void *context) {
  return must_stop(context) || has_come(cluster, context);
}

/* --- what a long way brought: how it began, and how it ended --- */

enum { LINES_FIRST = 20, LINES_LAST = 20, LINES_SLACK = 4096 };

typedef struct digest {
  size_t begin; /* of what it brought, in out */
  uint64_t left_out;
} digest;

/* Where so many lines end, from here on. */
static size_t behind_lines(const vlot__text *out, size_t at, size_t lines) {
  for (; lines > 0 && at < out->size; at++) lines -= out->data[at] == '\n';
  return at;
}

static void shorten(vlot__text *out, digest *long_way, size_t slack) {
  size_t first = behind_lines(out, long_way->begin, LINES_FIRST), lines = 0;
  for (size_t k = first; k < out->size; k++) lines += out->data[k] == '\n';
  if (lines <= LINES_LAST + slack) return;
  size_t last = behind_lines(out, first, lines - LINES_LAST);
  memmove(out->data + first, out->data + last, out->size - last + 1);
  out->size -= last - first;
  long_way->left_out += lines - LINES_LAST;
}

static void say_left_out(vlot__text *out, const digest *long_way) {
  vlot__text rest = {0};
  if (long_way->left_out == 0) return;
  size_t first = behind_lines(out, long_way->begin, LINES_FIRST);
  vlot__text_put(&rest, out->data + first, out->size - first);
  out->data[out->size = first] = '\0';
  vlot__text_add(out, "   ...  %" PRIu64 " line%s left out: 'events NODE' has the newest\n",
                 long_way->left_out, long_way->left_out == 1 ? " is" : "s are");
  if (rest.size > 0) vlot__text_put(out, rest.data, rest.size);
  out->is_short |= rest.is_short;
  vlot__text_deinit(&rest);
}

/* --- going on --- */

enum {
  SOME_ACTIONS = 4096
}; /* at once; then what they brought is taken from the queue of events */

/* How long to go on before the answers are looked at again. */
static uint64_t ticks_at_once(const vlot__workspace *workspace, uint64_t end) {
  uint64_t now = vlot_cluster_now(workspace->cluster);
  uint64_t deadline = vlot__workspace_deadline(workspace);
  vlot_pending next;
  bool has_next = vlot_lockstep_pending(workspace->cluster, &next, 1) > 0 && !next.is_held;
  if (deadline > now && deadline < end && has_next) end = deadline;
  return end == VLOT_NEVER ? VLOT_NEVER : end - now;
}

static bool may_stop(vlot_cluster *cluster, void *context) {
  goal *wanted = context;
  return is_reached(cluster, wanted) ||
         (wanted->end != VLOT_NEVER && vlot_cluster_now(cluster) >= wanted->end);
}

/* The same in a run that was found, for as long as nothing else is said: it is made again. */
static vlot_result follow(vlot__workspace *workspace, goal *wanted, uint64_t end, uint64_t most) {
  uint64_t at = vlot__workspace_actions(workspace), track = vlot__workspace_track(workspace);
  vlot__workspace_stop stop = {.action = most < track - at ? at + most : track,
                               .from = at,
                               .may_stop = may_stop,
                               .context = wanted};
  wanted->followed = workspace;
  wanted->since = at;
  wanted->end = end;
  wanted->must_stop = workspace->must_stop;
  if (is_reached(workspace->cluster, wanted)) return VLOT_OK;
  bool is_done = vlot__workspace_follow(workspace, &stop);
  workspace->was_stopped = must_stop(wanted);
  return is_done ? VLOT_OK : VLOT_NOMEM;
}

/* Until it is reached, up to this tick (VLOT_NEVER: without end), at most so many actions.
 * VLOT_TIMEOUT: the actions were not enough, or nothing is left that could happen. long_way: only
 * how it began and ended is told; NULL: all of it. */
static vlot_result go_on(vlot__workspace *workspace, goal *wanted, uint64_t end, uint64_t most,
                         digest *long_way) {
  if (vlot__workspace_track(workspace)) return follow(workspace, wanted, end, most);
  uint64_t begin = vlot__workspace_actions(workspace), done = 0, before, now;
  vlot_cluster *cluster = workspace->cluster;
  vlot_result result = VLOT_TIMEOUT;
  bool goes_on;
  wanted->must_stop = workspace->must_stop;
  do {
    uint64_t some = most - done < SOME_ACTIONS ? most - done : SOME_ACTIONS;
    before = done;
    now = vlot_cluster_now(cluster);
    result = vlot_lockstep_pass(cluster, ticks_at_once(workspace, end), is_reached, wanted, some);
    done = vlot__workspace_actions(workspace) - begin;
    vlot__workspace_drain(workspace, workspace->is_summary);
    if (long_way) shorten(&workspace->out, long_way, LINES_SLACK);
    bool has_moved = done > before || vlot_cluster_now(cluster) > now;
    goes_on = result == VLOT_TIMEOUT ? done < most && has_moved
                                     : result == VLOT_OK && vlot_cluster_now(cluster) < end &&
                                           !is_reached(cluster, wanted);
  } while (goes_on);
  workspace->was_stopped = must_stop(wanted);
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
  vlot_result result = go_on(workspace, &wanted, VLOT_NEVER, count < most ? count : most, NULL);
  uint64_t done = vlot__workspace_actions(workspace) - before;
  if (done == 0 && result == VLOT_TIMEOUT)
    return vlot__workspace_fail(workspace, 0,
                                workspace->journal ? "the recording ends here"
                                                   : "nothing is pending that could happen");
  if (result == VLOT_VIOLATED) return done >= count || fail_broken(workspace);
  if (result != VLOT_TIMEOUT) return vlot__verbs_result(workspace, 0, result);
  return done >= count || done < most || fail_limit(workspace);
}

static bool is_recording_over(const vlot__workspace *workspace) {
  vlot_replay_status status;
  return workspace->journal && vlot_replay_get_status(workspace->cluster, &status) == VLOT_OK &&
         status.actions >= status.actions_total;
}

bool vlot__verbs_tick(vlot__workspace *workspace, const vlot__arguments *arguments) {
  uint64_t ticks = arguments->values[0].is_given ? arguments->values[0].number : 1;
  uint64_t end = vlot_cluster_now(workspace->cluster) + ticks, most = room(workspace);
  goal wanted = {.kind = GOAL_NONE};
  if (is_recording_over(workspace))
    return vlot__workspace_fail(workspace, 0, "the recording ends here");
  vlot_result result = go_on(workspace, &wanted, end, most, NULL);
  if (result == VLOT_VIOLATED) return fail_broken(workspace);
  return result == VLOT_TIMEOUT ? fail_limit(workspace) : vlot__verbs_result(workspace, 0, result);
}

/* --- until --- */

static void say_leader(vlot__workspace *workspace, vlot__text *out) {
  uint32_t leader = vlot_cluster_leader(workspace->cluster);
  vlot_node_status status = vlot__workspace_status(workspace, leader);
  if (leader)
    vlot__text_add(out, "n%u leads term %" PRIu64, leader, status.raft.term);
  else
    vlot__why_say_nobody_leads(workspace, out);
}

static void say_highest(vlot__workspace *workspace, const goal *wanted, vlot__text *out) {
  const char *what = wanted->kind == GOAL_COMMIT ? "commit index" : "term";
  uint64_t highest = 0;
  for (uint32_t id = 1; id <= workspace->options.nodes; id++) {
    vlot_node_status status = vlot__workspace_status(workspace, id);
    uint64_t here = wanted->kind == GOAL_COMMIT ? status.raft.commit_index : status.raft.term;
    if (wanted->node && wanted->node != id) continue;
    if (status.state != VLOT_NODE_DOWN && here > highest) highest = here;
  }
  if (wanted->node)
    vlot__text_add(out, "the %s of n%u is %" PRIu64, what, wanted->node, highest);
  else
    vlot__text_add(out, "the highest %s is %" PRIu64, what, highest);
  if (wanted->kind != GOAL_COMMIT) return;
  vlot__text_add(out, "; ");
  say_leader(workspace, out);
}

static void say_role(vlot__workspace *workspace, uint32_t id, vlot__text *out) {
  vlot_node_status status = vlot__workspace_status(workspace, id);
  if (status.state == VLOT_NODE_DOWN)
    vlot__text_add(out, "n%u is down", id);
  else if (status.state == VLOT_NODE_FENCED)
    vlot__text_add(out, "n%u is fenced", id);
  else
    vlot__text_add(out, "n%u is %s in term %" PRIu64, id, vlot_role_name(status.raft.role),
                   status.raft.term);
}

/* What there is instead of what was waited for. */
static void say_instead(vlot__workspace *workspace, const goal *wanted, vlot__text *out) {
  size_t count;
  switch (wanted->kind) {
  case GOAL_LEADER: say_leader(workspace, out); return;
  case GOAL_ROLE: say_role(workspace, wanted->node, out); return;
  case GOAL_COMMIT:
  case GOAL_TERM: say_highest(workspace, wanted, out); return;
  case GOAL_QUIET:
    count = traffic(workspace->cluster);
    vlot__text_add(out, "%zu %s under way", count, count == 1 ? "thing is" : "things are");
    return;
  case GOAL_EVENT:
    vlot__text_add(out, "no such event");
    if (wanted->node) vlot__text_add(out, " of n%u", wanted->node);
    vlot__text_add(out, " has come");
    return;
  case GOAL_NONE: return;
  }
}

static bool fail_missed(vlot__workspace *workspace, const goal *wanted, uint64_t ticks) {
  vlot__text instead = {0};
  say_instead(workspace, wanted, &instead);
  vlot__workspace_fail(workspace, 1, "it has not come to this within %" PRIu64 " tick%s: %s%s",
                       ticks, ticks == 1 ? "" : "s", instead.data ? instead.data : "",
                       is_recording_over(workspace) ? "; the recording ends here" : "");
  vlot__text_deinit(&instead);
  return false;
}

static bool go_to(vlot__workspace *workspace, goal *wanted, uint64_t ticks) {
  uint64_t end = vlot_cluster_now(workspace->cluster) + ticks, most = room(workspace);
  digest long_way = {.begin = workspace->out.size};
  if (most == 0) return fail_limit(workspace);
  vlot_result result = go_on(workspace, wanted, end, most, &long_way);
  shorten(&workspace->out, &long_way, 0);
  say_left_out(&workspace->out, &long_way);
  if (result == VLOT_TIMEOUT) return fail_limit(workspace);
  if (result == VLOT_VIOLATED)
    return has_come(workspace->cluster, wanted) || fail_broken(workspace);
  if (result != VLOT_OK) return vlot__verbs_result(workspace, 0, result);
  return workspace->was_stopped || has_come(workspace->cluster, wanted) ||
         fail_missed(workspace, wanted, ticks);
}

static bool parse_role(vlot__workspace *workspace, const vlot__arguments *arguments,
                       const vlot__value *value, vlot_role *role) {
  for (int k = VLOT_ROLE_FOLLOWER; value->is_given && k <= VLOT_ROLE_LEADER; k++)
    if (strcmp(value->text, vlot_role_name((vlot_role)k)) == 0) {
      *role = (vlot_role)k;
      return true;
    }
  char instead[VLOT__COMMAND_INSTEAD_MAX];
  unsigned word = value->is_given ? value->word : 3;
  return vlot__workspace_fail(workspace, word,
                              "expected follower, pre-candidate, candidate or leader%s",
                              vlot__command_instead(arguments, word, instead));
}

/* Of the places behind WHAT, how many belong to the goal; what comes then is TICKS. */
static unsigned goal_words(goal_kind kind) {
  return kind == GOAL_QUIET || kind == GOAL_EVENT ? 0 : kind == GOAL_ROLE ? 2 : 1;
}

enum { GOALS_OF_STATE = GOAL_EVENT, NEAREST_MAX = GOALS_OF_STATE + VLOT_EVENT_KINDS };

static const char *const goal_names[GOALS_OF_STATE] = {"leader", "role", "commit", "term", "quiet"};

static bool find_event(const char *word, vlot_event_kind *kind) {
  for (int k = 1; k < VLOT_EVENT_KINDS; k++)
    if (strcmp(word, vlot_event_kind_name((vlot_event_kind)k)) == 0 && *word != '?') {
      *kind = (vlot_event_kind)k;
      return true;
    }
  return false;
}

static bool fail_goal(vlot__workspace *workspace, const vlot__arguments *arguments) {
  const vlot__value *what = &arguments->values[0];
  char odd[VLOT__COMMAND_ODD_MAX];
  vlot__command_odd(arguments, what->word, odd);
  const char *names[NEAREST_MAX];
  size_t count = 0;
  for (; count < GOALS_OF_STATE; count++) names[count] = goal_names[count];
  for (int k = 1; k < VLOT_EVENT_KINDS; k++)
    names[count++] = vlot_event_kind_name((vlot_event_kind)k);
  const char *nearest = vlot__options_nearest(what->text, names, count);
  if (nearest)
    return vlot__workspace_fail(workspace, what->word,
                                "no goal and no event%s; did you mean '%s'? 'help until' has them",
                                odd, nearest);
  return vlot__workspace_fail(workspace, what->word,
                              "expected leader, role, commit, term, quiet, or an event%s; 'help "
                              "until' has them",
                              odd);
}

/* A word that is both is how the cluster is, unless it is said whose event is meant. */
static bool parse_kind(vlot__workspace *workspace, const vlot__arguments *arguments, bool is_event,
                       goal *wanted) {
  const vlot__value *what = &arguments->values[0];
  for (int k = 0; k < GOALS_OF_STATE && !is_event; k++)
    if (strcmp(what->text, goal_names[k]) == 0) {
      wanted->kind = (goal_kind)k;
      return true;
    }
  wanted->kind = GOAL_EVENT;
  return find_event(what->text, &wanted->event) || fail_goal(workspace, arguments);
}

static bool parse_goal(vlot__workspace *workspace, const vlot__arguments *arguments, goal *wanted) {
  const vlot__value *values = arguments->values;
  bool has_number = wanted->kind == GOAL_COMMIT || wanted->kind == GOAL_TERM;
  bool is_any =
      wanted->kind == GOAL_LEADER && (!values[1].is_given || strcmp(values[1].text, "*") == 0);
  bool has_node = !is_any && (wanted->kind == GOAL_ROLE || wanted->kind == GOAL_LEADER);
  if (has_node && !vlot__command_node(workspace, arguments, 2, &wanted->node)) return false;
  if (has_number &&
      !vlot__command_number(workspace, arguments, 2, 1, VLOT_INDEX_MAX, &wanted->number))
    return false;
  return wanted->kind != GOAL_ROLE || parse_role(workspace, arguments, &values[2], &wanted->role);
}

/* 'at NODE': of a goal that is one node's already it can say nothing else. */
static bool parse_place(vlot__workspace *workspace, const vlot__value *at, goal *wanted) {
  if (!at->is_given) return true;
  if (wanted->kind == GOAL_QUIET)
    return vlot__workspace_fail(workspace, at->word,
                                "quiet is what the whole cluster is: it has no 'at'");
  if (wanted->node && wanted->node != at->number)
    return vlot__workspace_fail(workspace, at->word,
                                "it is n%u that is waited for, and not n%" PRIu64, wanted->node,
                                at->number);
  wanted->node = (uint32_t)at->number;
  return true;
}

bool vlot__verbs_until(vlot__workspace *workspace, const vlot__arguments *arguments) {
  const vlot__value *values = arguments->values;
  const vlot__value *of = &values[5];
  goal wanted = {.kind = GOAL_NONE};
  uint64_t ticks = (uint64_t)VLOT_UNTIL_TIMEOUTS * workspace->options.raft.election_ticks_min;
  char instead[VLOT__COMMAND_INSTEAD_MAX];
  if (!parse_kind(workspace, arguments, of->is_given, &wanted)) return false;
  const vlot__value *limit = &values[1 + goal_words(wanted.kind)];
  if (!parse_goal(workspace, arguments, &wanted)) return false;
  if (limit->is_given &&
      !vlot__command_number(workspace, arguments, limit->word, 0, VLOT_TICKS_AT_ONCE, &ticks))
    return false;
  if (limit < &values[3] && limit[1].is_given)
    return vlot__workspace_fail(workspace, limit[1].word, "expected at NODE or nothing more%s",
                                vlot__command_instead(arguments, limit[1].word, instead));
  if (!parse_place(workspace, &values[4], &wanted)) return false;
  if (wanted.kind != GOAL_EVENT) return go_to(workspace, &wanted, ticks);
  if (!parse_place(workspace, of, &wanted)) return false;
  if (!vlot__verbs_result(workspace, 0,
                          vlot_subscription_open(&wanted.events, workspace->cluster, 0)))
    return false;
  bool is_done = go_to(workspace, &wanted, ticks);
  vlot_subscription_close(wanted.events);
  return is_done;
}
