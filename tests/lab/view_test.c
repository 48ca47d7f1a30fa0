/* Views can be filled, of any cluster, and what is shown is made from them alone. */
#include <criterion/criterion.h>
#include <string.h>

#include "command.h"
#include "table.h"
#include "view.h"
#include "why.h"

enum { ACTIONS_MAX = 20000, KINDS = VLOT__VIEW_KINDS };

static void must_say(vlot__workspace *workspace, const char *line) {
  vlot__text_clear(&workspace->out);
  cr_assert(vlot__command_run(workspace, line), "%s: %s", line, workspace->problem.data);
}

/* --- whoever shows views --- */

static unsigned shown[KINDS];

static void count(vlot__text *out, const vlot__view *view) {
  shown[view->kind]++;
  vlot__text_add(out, "a view\n");
}

Test(view, what_a_verb_that_looks_shows_is_made_from_its_view) {
  static const char *const lines[KINDS] = {
      [VLOT__VIEW_OF_NODES] = "nodes",     [VLOT__VIEW_OF_STATUS] = "status",
      [VLOT__VIEW_OF_LOG] = "log",         [VLOT__VIEW_OF_NET] = "net",
      [VLOT__VIEW_OF_TIMERS] = "timers",   [VLOT__VIEW_OF_EVENTS] = "events 1",
      [VLOT__VIEW_OF_CHECK] = "check",     [VLOT__VIEW_OF_LINTS] = "lints",
      [VLOT__VIEW_OF_WHY] = "why",         [VLOT__VIEW_OF_BRANCHES] = "branches",
      [VLOT__VIEW_OF_NODE] = "node 2",     [VLOT__VIEW_OF_ENTRIES] = "log 1",
      [VLOT__VIEW_OF_DIFF] = "diff 1 2",   [VLOT__VIEW_OF_KV] = "kv 1",
      [VLOT__VIEW_OF_HISTORY] = "history",
  };
  vlot__workspace workspace;
  vlot__workspace_init(&workspace, false, ACTIONS_MAX);
  must_say(&workspace, "until leader");
  workspace.render = count;
  for (unsigned k = 0; k < KINDS; k++) {
    cr_assert_not_null(lines[k], "view %u: this test does not know which verb shows it", k);
    must_say(&workspace, lines[k]);
    cr_expect_str_eq(workspace.out.data, "a view\n", "%s", lines[k]);
    cr_expect_eq(shown[k], 1u, "%s", lines[k]);
  }
  for (size_t k = 0; k < vlot_verb_count; k++) {
    const vlot_verb *verb = &vlot_verbs[k];
    bool is_view = verb->flags & VLOT_VERB_LOOK && strcmp(verb->name, "help") != 0 &&
                   strcmp(verb->name, "json") != 0,
         is_known = false;
    for (unsigned n = 0; n < KINDS; n++)
      is_known |= strncmp(lines[n], verb->name, strlen(verb->name)) == 0;
    cr_expect(!is_view || is_known, "%s looks, and this test does not know its view", verb->name);
  }
  vlot__workspace_deinit(&workspace);
}

/* --- of a cluster that runs --- */

Test(view, a_cluster_of_threads_can_be_looked_at_while_it_runs) {
  vlot_cluster_options options;
  vlot_cluster *cluster;
  uint32_t leader = 0;
  vlot__view view = {.kind = VLOT__VIEW_OF_NODES};
  vlot_cluster_options_init(&options);
  options.tick_ns = 1000000;
  options.has_lints = 1;
  cr_assert_eq(vlot_cluster_open(&cluster, &options, NULL), VLOT_OK);
  cr_assert_eq(vlot_await_leader(cluster, 100000, &leader), VLOT_OK);
  cr_assert(vlot__view_look_nodes(&view.as.nodes, cluster));
  cr_expect_eq(view.as.nodes.count, 3u);
  for (uint32_t k = 0; k < 3; k++) cr_expect_eq(view.as.nodes.rows[k].id, k + 1);
  cr_expect_geq(view.as.nodes.rows[leader - 1].raft.term, 1u);
  vlot__view_deinit(&view);

  view.kind = VLOT__VIEW_OF_STATUS;
  cr_assert(vlot__view_look_status(&view.as.status, cluster));
  cr_expect(view.as.status.leader == 0 || view.as.status.term >= 1);
  vlot__view_deinit(&view);

  view.kind = VLOT__VIEW_OF_CHECK;
  cr_assert(vlot__view_look_check(&view.as.check, cluster));
  cr_expect_eq(view.as.check.count, 3u);
  cr_expect_str_eq(view.as.check.violation, "");
  cr_expect_null(view.as.check.differs[0]);
  vlot__view_deinit(&view);

  view.kind = VLOT__VIEW_OF_LINTS;
  cr_assert(vlot__view_look_lints(&view.as.lints, cluster));
  vlot__view_deinit(&view);

  vlot__view_pending pending;
  cr_assert(vlot__view_look_pending(&pending, cluster));
  cr_expect_eq(pending.count, 0u, "what is under way is in its threads' hands");
  vlot__view_pending_deinit(&pending);
  cr_expect_eq(vlot_cluster_close(cluster), VLOT_OK);
}

/* --- text --- */

static void expect_text(const vlot__view *view, const char *wanted) {
  vlot__text text = {0};
  vlot__view_text(&text, view);
  cr_expect_str_eq(text.data, wanted);
  vlot__text_deinit(&text);
}

Test(view, text_is_made_of_views_that_nobody_looked_for) {
  vlot_node_status nodes[] = {{.id = 1, .state = VLOT_NODE_DOWN},
                              {.id = 2, .state = VLOT_NODE_UP, .applied_index = 3}};
  nodes[1].raft = (vlot_raft_status){.role = VLOT_ROLE_LEADER,
                                     .term = 4,
                                     .vote = 2,
                                     .last_index = 9,
                                     .last_term = 4,
                                     .commit_index = 8};
  vlot__view view = {.kind = VLOT__VIEW_OF_NODES, .as.nodes = {.count = 2, .rows = nodes}};
  expect_text(&view, "  node  role           term  vote  last  of term  commit  applied\n"
                     "  n1    down              0     -     0        0       0        0\n"
                     "  n2    leader            4    n2     9        4       8        3\n");

  view = (vlot__view){.kind = VLOT__VIEW_OF_STATUS,
                      .as.status = {.now = 7, .actions = 1, .leader = 2, .term = 4, .commits = 8}};
  expect_text(&view, "  tick 7, 1 action, n2 leads term 4, committed 8\n");

  static const uint64_t terms[] = {1, 1, 0, 4};
  vlot__view_log_row logs[] = {{.node = 1, .size = 4, .terms = terms, .commit = 2},
                               {.node = 2, .size = 2, .terms = terms, .commit = 1, .match = 2},
                               {.node = 3, .size = 1, .terms = terms, .commit = 1, .match = 1}};
  view = (vlot__view){.kind = VLOT__VIEW_OF_LOG, .as.log = {.count = 3, .rows = logs}};
  expect_text(&view, "  index   1   2   3   4\n"
                     "  n1       1   1|  ?   4\n"
                     "  n2       1|  1.\n"
                     "  n3       1:\n");
  view.as.log.from = 3;
  expect_text(&view, "  index   3   4\n"
                     "  n1       ?   4\n"
                     "  n2\n"
                     "  n3\n");
  view.as.log.from = 99;
  expect_text(&view, "  index   4\n"
                     "  n1       4\n"
                     "  n2\n"
                     "  n3\n");
  vlot__view_log_row nothing = {.node = 1};
  view.as.log = (vlot__view_log){.count = 1, .rows = &nothing, .from = 1};
  expect_text(&view, "  index\n  n1\n");

  vlot__view_timer timers[] = {
      {.node = 2, .left = 1, .due_for = VLOT_DUE_HEARTBEAT},
      {.node = 1, .left = 5, .due_for = VLOT_DUE_ELECTION, .is_held = true}};
  view = (vlot__view){.kind = VLOT__VIEW_OF_TIMERS, .as.timers = {.count = 2, .rows = timers}};
  expect_text(&view, "  n2  in 1 tick  heartbeat\n  n1  in 5 ticks  election timeout  held\n");

  vlot__view_link links[] = {{.from = 1, .to = 2, .link = {.is_cut = 1}}};
  vlot__view_disk disks[] = {
      {.node = 2, .is_stalled = true, .has_waiting = true, .first = 3, .last = 4, .messages = 1}};
  vlot__view_clock clocks[] = {{.node = 3, .permille = 1500}};
  view = (vlot__view){.kind = VLOT__VIEW_OF_NET,
                      .as.net = {.link_count = 1,
                                 .links = links,
                                 .disk_count = 1,
                                 .disks = disks,
                                 .clock_count = 1,
                                 .clocks = clocks}};
  expect_text(&view, "  link n1 -> n2  cut\n"
                     "  disk n2  stalled  entries 3 to 4 are not durable yet  1 message waits for "
                     "it\n"
                     "  clock n3  runs at 1500/1000\n"
                     "  nothing is under way\n");

  vlot__view_branch branches[] = {{.name = "1", .end = 12, .last = "step 3"},
                                  {.name = "lost-vote", .is_present = true}};
  view =
      (vlot__view){.kind = VLOT__VIEW_OF_BRANCHES, .as.branches = {.count = 2, .rows = branches}};
  expect_text(&view, "  1          up to action 12      last: step 3\n"
                     "* lost-vote  up to action 0       last: nothing was said\n");
}

/* The prompt's table and `nodes` look at the same thing. */
Test(view, the_table_is_another_text_of_the_same_nodes) {
  vlot__workspace workspace;
  vlot__table_view table;
  vlot__workspace_init(&workspace, false, ACTIONS_MAX);
  must_say(&workspace, "until leader");
  cr_assert(vlot__table_look(&table, workspace.cluster));
  vlot__text text = {0};
  vlot__view_text(&text, &(vlot__view){.kind = VLOT__VIEW_OF_NODES, .as.nodes = table.nodes});
  must_say(&workspace, "nodes");
  cr_expect_str_eq(text.data, workspace.out.data);
  vlot__text_deinit(&text);
  vlot__table_deinit(&table);
  vlot__workspace_deinit(&workspace);
}

/* --- why --- */

static bool has_line(const vlot__view_why *why, vlot_reason_kind kind, uint32_t node,
                     const char *text) {
  for (size_t k = 0; k < why->told->reason_count; k++)
    if (why->told->reasons[k].kind == kind && why->told->reasons[k].node == node &&
        strstr(why->told->reasons[k].text, text))
      return true;
  return false;
}

Test(view, why_nobody_leads_when_most_disks_are_lost) {
  vlot__workspace workspace;
  vlot__view view = {.kind = VLOT__VIEW_OF_WHY};
  vlot__workspace_init(&workspace, false, ACTIONS_MAX);
  must_say(&workspace, "until leader");
  must_say(&workspace, "restart 1 wipe");
  must_say(&workspace, "restart 2 wipe");
  must_say(&workspace, "kill 3");
  cr_assert_eq(vlot__why_look(&view.as.why, &workspace, 0, VLOT_ASK_ANYTHING), VLOT_OK);
  cr_expect(has_line(&view.as.why, VLOT_REASON_STATE, 0,
                     "There is no leader, and there cannot be one: so many disks of voters were "
                     "lost that no quorum of them is left."));
  vlot__view_deinit(&view);
  vlot__workspace_deinit(&workspace);
}

Test(view, why_is_lines_that_say_what_they_are_and_of_whom) {
  vlot__workspace workspace;
  vlot__view view = {.kind = VLOT__VIEW_OF_WHY};
  vlot__workspace_init(&workspace, false, ACTIONS_MAX);
  must_say(&workspace, "timeout 2");
  cr_assert_eq(vlot__why_look(&view.as.why, &workspace, 0, VLOT_ASK_ANYTHING), VLOT_OK);
  cr_expect(has_line(&view.as.why, VLOT_REASON_STATE, 0, "There is no leader"));
  cr_expect(has_line(&view.as.why, VLOT_REASON_FINDING, 2, "n2 asks for pre-votes"));
  cr_expect(has_line(&view.as.why, VLOT_REASON_DETAIL, 3, "n3: PreVote #"));
  vlot__view_deinit(&view);

  must_say(&workspace, "until leader 2");
  cr_assert_eq(vlot__why_look(&view.as.why, &workspace, 2, VLOT_ASK_ROLE), VLOT_OK);
  const vlot__view_why *why = &view.as.why;
  cr_expect(has_line(why, VLOT_REASON_STATE, 2, "n2 leads term 1."));
  cr_expect(has_line(why, VLOT_REASON_EVENT, 2, "becomes leader of term 1"));
  unsigned causes = 0;
  for (size_t k = 0; k < why->told->reason_count; k++) {
    const vlot_reason *one = &why->told->reasons[k];
    causes += one->kind == VLOT_REASON_CAUSE;
    if (one->kind == VLOT_REASON_EVENT || one->kind == VLOT_REASON_CAUSE)
      cr_expect(vlot_past_find(workspace.past, one->event), "%s", one->text);
  }
  cr_expect_geq(causes, 3u);
  vlot__view_deinit(&view);
  vlot__workspace_deinit(&workspace);
}
