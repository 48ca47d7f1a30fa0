/* The list of verbs: what each row has, and that prompt, requests and history agree on it. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "cluster/object.h"
#include "command.h"

enum { ACTIONS_MAX = 1000 };

static const vlot_verb *parse(vlot__workspace *workspace, const char *line) {
  vlot__arguments arguments;
  const vlot_verb *verb;
  cr_expect(vlot__command_parse(workspace, line, &arguments, &verb), "%s: %s", line,
            workspace->problem.data);
  return verb;
}

Test(verbs, every_row_has_a_summary_and_an_example_that_parses) {
  vlot__workspace workspace;
  vlot__workspace_init(&workspace, false, ACTIONS_MAX);
  cr_assert_geq(vlot_verb_count, 40u);
  cr_expect(vlot_verbs[0].group, "the first row begins a group");
  for (size_t k = 0; k < vlot_verb_count; k++) {
    const vlot_verb *verb = &vlot_verbs[k];
    char line[128];
    cr_expect(verb->summary && *verb->summary && !strchr(verb->summary, '\n'), "%s", verb->name);
    snprintf(line, sizeof line, "%s %s", verb->name, verb->example ? verb->example : "");
    cr_expect_eq(parse(&workspace, line), verb, "%s", line);
    if (!verb->parameters[0].name) cr_expect_null(verb->example, "%s", verb->name);
  }
  vlot__workspace_deinit(&workspace);
}

Test(verbs, a_name_or_an_alias_is_that_of_one_row) {
  for (size_t k = 0; k < vlot_verb_count; k++) {
    cr_expect_eq(vlot_verb_find(vlot_verbs[k].name), &vlot_verbs[k], "%s", vlot_verbs[k].name);
    if (vlot_verbs[k].alias)
      cr_expect_eq(vlot_verb_find(vlot_verbs[k].alias), &vlot_verbs[k], "%s", vlot_verbs[k].alias);
  }
  cr_expect_null(vlot_verb_find("nonsense"));
  cr_expect_null(vlot_verb_find(""));
}

/* A keyword that two parameters share, or a flag without one, could not be read. */
Test(verbs, each_parameter_can_be_said) {
  for (size_t k = 0; k < vlot_verb_count; k++)
    for (int p = 0; p < VLOT_VERB_PARAMETERS_MAX && vlot_verbs[k].parameters[p].name; p++) {
      const vlot_parameter *one = &vlot_verbs[k].parameters[p];
      bool is_flag = one->type == VLOT_PARAMETER_FLAG,
           is_choice = one->type == VLOT_PARAMETER_CHOICE;
      cr_expect(!is_flag || one->keyword, "%s %s", vlot_verbs[k].name, one->name);
      cr_expect(!(is_flag || is_choice) || one->meaning, "%s %s", vlot_verbs[k].name, one->name);
      cr_expect_leq(one->min, one->max, "%s %s", vlot_verbs[k].name, one->name);
      for (int other = 0; other < p; other++) {
        const char *keyword = vlot_verbs[k].parameters[other].keyword;
        cr_expect(!keyword || !one->keyword || strcmp(keyword, one->keyword) != 0, "%s %s",
                  vlot_verbs[k].name, keyword);
      }
    }
}

Test(verbs, the_prompt_knows_what_the_list_has) {
  vlot__workspace workspace;
  vlot__workspace_init(&workspace, false, ACTIONS_MAX);
  cr_assert(vlot__command_run(&workspace, "help all"));
  const char *at = workspace.out.data;
  for (size_t k = 0; k < vlot_verb_count; k++) {
    char line[256];
    int size = snprintf(line, sizeof line, "%-10s  %-4s  %s\n", vlot_verbs[k].name,
                        vlot_verbs[k].alias ? vlot_verbs[k].alias : "", vlot_verbs[k].summary);
    cr_assert(strncmp(at, line, (size_t)size) == 0, "%s", line);
    at += size;
  }
  cr_expect_str_eq(at, "");
  for (size_t k = 0; k < vlot_verb_count; k++) {
    char line[64];
    snprintf(line, sizeof line, "help %s", vlot_verbs[k].name);
    vlot__text_clear(&workspace.out);
    cr_assert(vlot__command_run(&workspace, line));
    for (int p = 0; p < VLOT_VERB_PARAMETERS_MAX && vlot_verbs[k].parameters[p].name; p++) {
      const vlot_parameter *one = &vlot_verbs[k].parameters[p];
      char row[64]; /* of its own: six of link are not told apart by PERCENT and TICKS */
      snprintf(row, sizeof row, "\n  %-9s ", one->keyword ? one->keyword : one->name);
      cr_expect(strstr(workspace.out.data, row), "%s: no%s", line, row);
    }
  }
  vlot__workspace_deinit(&workspace);
}

/* --- requests --- */

static const struct {
  vlot_request_kind kind;
  const char *line; /* of node 2 or id 5, with the value 2 */
} requests[] = {
    {VLOT_REQUEST_DROP, "drop 5"},
    {VLOT_REQUEST_DUPLICATE, "duplicate 5"},
    {VLOT_REQUEST_DELAY, "delay 5 by 2"},
    {VLOT_REQUEST_HOLD, "hold 5"},
    {VLOT_REQUEST_RELEASE, "release 5"},
    {VLOT_REQUEST_FIRE, "deliver 5"},
    {VLOT_REQUEST_TIMEOUT, "timeout 2"},
    {VLOT_REQUEST_PARTITION, "partition 1 3 | 2"},
    {VLOT_REQUEST_HEAL, "heal"},
    {VLOT_REQUEST_KILL, "kill 2 power"},
    {VLOT_REQUEST_SPAWN, "spawn 2"},
    {VLOT_REQUEST_RESTART, "restart 2 wipe"},
    {VLOT_REQUEST_SUSPEND, "suspend 2"},
    {VLOT_REQUEST_RESUME, "resume 2"},
    {VLOT_REQUEST_CAMPAIGN, "campaign 2 later"},
    {VLOT_REQUEST_ELECT, "elect 2 later"},
    {VLOT_REQUEST_STEPDOWN, "stepdown 2 later"},
    {VLOT_REQUEST_SNAPSHOT, "snapshot 2 later"},
    {VLOT_REQUEST_COMPACT, "compact 2 2 later"},
};
enum { REQUESTS = sizeof requests / sizeof *requests };

/* They stand in recorded events, and gdb writes them. */
Test(verbs, numbers_of_requests_stay_what_they_are) {
  unsigned rows = 0;
  for (uint64_t k = 0; k < REQUESTS; k++) {
    const vlot_verb *verb = vlot_verb_of_request(k + 1);
    cr_expect_eq((uint64_t)requests[k].kind, k + 1);
    cr_assert(verb, "request %zu has no row", (size_t)k + 1);
    cr_expect_eq(verb->request, k + 1);
    cr_expect(strncmp(requests[k].line, verb->name, strlen(verb->name)) == 0, "%s", verb->name);
  }
  cr_expect_null(vlot_verb_of_request(0));
  cr_expect_null(vlot_verb_of_request(REQUESTS + 1));
#define VLOT_X(...)
#define VLOT_R(...) rows++;
  VLOT_VERBS(VLOT_X, VLOT_R)
#undef VLOT_X
#undef VLOT_R
  cr_expect_eq(rows, REQUESTS, "a request is missing in this test");
}

/* Each parameter goes into one field of the request, and each field takes one. */
Test(verbs, what_a_request_takes_is_said_by_its_row) {
  for (size_t k = 0; k < vlot_verb_count; k++) {
    unsigned fields[VLOT_ASKS_ALWAYS + 1] = {0};
    for (int p = 0; vlot_verbs[k].request && p < VLOT_VERB_PARAMETERS_MAX; p++) {
      const vlot_parameter *parameter = &vlot_verbs[k].parameters[p];
      if (!parameter->name) continue;
      fields[parameter->asks]++;
      /* only the prompt takes it: then it can be left out */
      cr_expect(parameter->asks != VLOT_ASKS_NOTHING || parameter->is_optional, "%s %s",
                vlot_verbs[k].name, parameter->name);
    }
    cr_expect_leq(fields[VLOT_ASKS_VALUE], 1u, "%s", vlot_verbs[k].name);
    cr_expect_leq(fields[VLOT_ASKS_NODE] + fields[VLOT_ASKS_ID] + fields[VLOT_ASKS_SIDES], 1u, "%s",
                  vlot_verbs[k].name);
  }
}

Test(verbs, what_was_asked_becomes_a_line_that_can_be_said) {
  vlot__workspace workspace;
  vlot__workspace_init(&workspace, false, ACTIONS_MAX);
  cr_assert(vlot__command_run(&workspace, "partition 2 | 1 3"));
  for (size_t k = 0; k < REQUESTS; k++) {
    bool is_of_id = requests[k].kind < VLOT_REQUEST_TIMEOUT;
    vlot_event event = {.kind = VLOT_EVENT_REQUEST, .action = 7};
    event.peer = is_of_id ? 0 : 2;
    event.message = is_of_id ? 5 : 0;
    event.as.change.from = requests[k].kind;
    event.as.change.to = 2;
    event.as.change.term = VLOT_OK;
    workspace.story.inner_count = 0;
    vlot__story_ask(&workspace, &event);
    cr_assert_eq(workspace.story.inner_count, 1u);
    cr_expect_str_eq(workspace.story.inner[0].text, requests[k].line);
    cr_expect_eq(parse(&workspace, workspace.story.inner[0].text),
                 vlot_verb_of_request(requests[k].kind));
  }
  workspace.story.inner_count = 0;
  vlot__workspace_deinit(&workspace);
}

/* Of 32 nodes, each alone: no line of a request is longer. */
Test(verbs, the_longest_line_of_a_request_is_whole) {
  vlot__workspace workspace;
  char line[256] = "partition";
  vlot__workspace_init(&workspace, false, ACTIONS_MAX);
  cr_assert(vlot__command_run(&workspace, "nodes 32"));
  for (int id = 1; id <= VLOT_STEP_NODES_MAX; id++)
    sprintf(line + strlen(line), "%s %d", id > 1 ? " |" : "", id);
  cr_assert(vlot__command_run(&workspace, line));
  vlot_event event = {.kind = VLOT_EVENT_REQUEST};
  event.as.change.from = VLOT_REQUEST_PARTITION;
  event.as.change.term = VLOT_OK;
  vlot__story_ask(&workspace, &event);
  cr_expect_str_eq(workspace.story.inner[0].text, line);
  vlot__workspace_deinit(&workspace);
}

/* --- what is wrong is named, and what would be right --- */

Test(verbs, an_error_names_what_stands_there_and_what_may) {
  static const struct {
    const char *line, *wanted;
  } cases[] = {
      {"until leader 2 at 1", "it is n2 that is waited for, and not n1"},
      {"until role 1 leader at 3", "it is n1 that is waited for, and not n3"},
      {"until quiet at 2", "quiet is what the whole cluster is: it has no 'at'"},
      {"until role 1 leader 3 2", "expected at NODE, of WHOSE or nothing more, not '2'"},
      {"until nothing", "expected leader, role, commit, term, quiet, or an event"},
      {"until commit 0", "expected a number from 1 to 4611686018427387904, not '0'"},
      {"delay t1 4", "nothing with id 4 is pending; a number of ticks is said as 'by 4'"},
      {"delay t1 by", "expected TICKS after 'by': a number, 1 to 1000000"},
      {"drop 99", "nothing with id 99 is pending"},
      {"drop 99 98", "nothing with id 99 is pending"},
      {"drop zz", "expected an id, all, a kind such as AppendEntries, or A->B, not 'zz'"},
      {"deliver 1->9", "expected A->B with nodes 1 to 3, or * for any, not '1->9'"},
      {"disk 1 bogus",
       "expected delay TICKS, upto TICKS, stalled, full, fail N or nothing more, not "
       "'bogus'; see 'help disk'"},
      {"disk 1 delay", "expected TICKS after 'delay': a number, 0 to 100000; see 'help disk'"},
      {"elect 1 now", "expected later or nothing more, not 'now'; see 'help elect'"},
      {"link 1 2 reorder", "expected PERCENT after 'reorder': a number, 0 to 100"},
      {"link 1 2 delay 5 upto 3", "expected a number from 5, the delay, on after 'upto', not '3'"},
      {"disk 1 delay 5 upto 3", "expected a number from 5, the delay, on after 'upto', not '3'"},
      {"link 1 2 loss 300", "expected a number from 0 to 100, not '300'"},
      {"heal 3", "expected one of link|disk|clock|all, not '3'"},
      {"kill 9", "expected a node, 1 to 3, not '9'"},
      {"kill", "expected NODE: a node, 1 to 3; see 'help kill'"},
      {"restart 1 erase", "expected one of keep|lose|wipe, not 'erase'"},
      {"switches +foo", "checkquorum, stickiness, noop, random, not '+foo'"},
      {"propose x", "expected KEY=VALUE, each at most 32 characters, not 'x'"},
      {"branches nope", "there is no branch 'nope'"},
  };
  vlot__workspace workspace;
  vlot__workspace_init(&workspace, false, ACTIONS_MAX);
  for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
    vlot__text_clear(&workspace.out);
    cr_expect_not(vlot__command_run(&workspace, cases[k].line), "%s", cases[k].line);
    cr_expect_not_null(strstr(workspace.out.data, cases[k].wanted), "\"%s\" is not in\n%s",
                       cases[k].wanted, workspace.out.data);
  }
  cr_expect_eq(vlot__workspace_actions(&workspace), 0, "nothing has happened");
  vlot__text_clear(&workspace.out);
  cr_expect(vlot__command_run(&workspace, "until leader 1 at 1"), "the same node is no mistake");
  vlot__workspace_deinit(&workspace);
}
