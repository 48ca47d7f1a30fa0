/* A workspace's history: going back and forth, branches, what is written down. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/prng.h"
#include "cluster/object.h"
#include "command.h"
#include "scene.h"

enum { ACTIONS_MAX = 20000 };

static bool say(vlot__workspace *workspace, const char *line) {
  vlot__text_clear(&workspace->out);
  return vlot__command_run(workspace, line);
}

static void must_say(vlot__workspace *workspace, const char *line) {
  cr_assert(say(workspace, line), "%s: %s", line, workspace->problem.data);
}

static uint64_t hash_of(vlot__workspace *workspace) {
  vlot_cluster_stats stats;
  cr_assert(vlot__workspace_open(workspace));
  vlot_cluster_get_stats(workspace->cluster, &stats);
  return stats.event_hash;
}

static const char *const lines[] = {
    "until leader",
    "step 7",
    "tick 3",
    "deliver all",
    "drop AppendEntries",
    "propose x=1",
    "kill 1",
    "spawn 1",
    "kill 2 power",
    "restart 2 wipe",
    "restart 3 lose",
    "suspend 3",
    "resume 3",
    "partition 1 | 2 3",
    "heal",
    "link * * loss 20",
    "timeout 2",
    "campaign 3",
    "elect 1",
    "read x",
    "hold timer *->2",
    "release timer",
    "disk 3 delay 2",
    "clock 2 1500",
    "duplicate AppendReply",
    "delay all by 3",
    "cut 1 3 oneway",
    "stepdown 1",
    "switches -prevote",
    "until quiet",
    "disk 3 stalled",
    "step 40",
    "tick 40",
    "step",
    "log",
    "why",
    "nodes",
};
enum { LINES = sizeof lines / sizeof *lines, ROUNDS = 60 };

typedef struct mark {
  uint64_t action;
  uint64_t hash;
} mark;

static void set_up(vlot__workspace *workspace, bool has_threads, uint64_t seed) {
  char line[32];
  vlot__workspace_init(workspace, has_threads, ACTIONS_MAX);
  snprintf(line, sizeof line, "seed %llu", (unsigned long long)seed);
  must_say(workspace, "nodes 4");
  must_say(workspace, line);
}

/* Whatever was said, and however far one goes back: what was there then is there again, event by
 * event. */
Test(workspace, going_back_finds_what_was_there) {
  for (uint64_t seed = 1; seed <= 16; seed++) {
    vlot__workspace workspace;
    vlot__prng prng;
    mark marks[ROUNDS];
    char line[64];
    vlot__prng_init(&prng, seed, 0);
    set_up(&workspace, seed % 8 == 0, seed);
    for (unsigned k = 0; k < ROUNDS; k++) {
      say(&workspace, lines[vlot__prng_below(&prng, LINES)]);
      marks[k] = (mark){vlot__workspace_actions(&workspace), hash_of(&workspace)};
    }
    for (unsigned k = 0; k < ROUNDS; k++) {
      const mark *wanted = &marks[vlot__prng_below(&prng, ROUNDS)];
      snprintf(line, sizeof line, "goto %llu", (unsigned long long)wanted->action);
      must_say(&workspace, line);
      cr_assert_eq(vlot__workspace_actions(&workspace), wanted->action, "seed %llu: %s",
                   (unsigned long long)seed, line);
      cr_assert_eq(hash_of(&workspace), wanted->hash, "seed %llu: %s is another place",
                   (unsigned long long)seed, line);
    }
    vlot__workspace_deinit(&workspace);
  }
}

/* While a timer is held its node may come to want it earlier: by a faster clock, say. */
Test(workspace, what_was_held_is_due_when_it_is_due_whether_somebody_looks_or_not) {
  static const char *const said[] = {
      "suspend 3",
      "kill 1",
      "disk 3 stalled",
      "hold timer *->2",
      "campaign 3",
      "clock 2 1500",
      "link * * loss 20",
      "switches -prevote",
      "restart 3 lose",
      "tick 3",
      "release timer",
      "link * * loss 20",
      "heal",
      "suspend 3",
      "step",
      "spawn 1",
      "until quiet",
      "heal",
      "read x",
      "switches -prevote",
      "step",
      "deliver all",
      "suspend 3",
      "partition 1 | 2 3",
  };
  char line[32];
  vlot__workspace workspace;
  set_up(&workspace, false, 10);
  for (size_t k = 0; k < sizeof said / sizeof *said; k++) say(&workspace, said[k]);
  uint64_t end = vlot__workspace_actions(&workspace), hash = hash_of(&workspace);
  snprintf(line, sizeof line, "goto %llu", (unsigned long long)end);
  must_say(&workspace, line);
  cr_expect_eq(hash_of(&workspace), hash);
  vlot__workspace_deinit(&workspace);
}

/* Several lines each, after which what was there is looked for again. */
Test(workspace, what_did_no_action_leaves_nothing_behind_that_going_back_would_lose) {
  static const char *const said[][10] = {
      {"kill 1", "kill 2", "kill 3", "kill 4", "switches -noop", "spawn 1", "switches -prevote"},
      {"switches -noop at 3", "until leader", "switches +noop at 3"},
      {"until leader", "hold timer *->3", "release all timer", "tick 40"},
      {"kill 2", "read x at 2", "read x at 3 local", "tick 9"},
      {"create 3 fail 2", "kill 3", "spawn 3", "spawn 3", "tick 40"},
      {"until leader", "disk 2 delay 9", "propose x=1", "tick 3", "hold write *->2", "tick 9",
       "release write", "delay write *->2 by 3", "tick 2"},
  };
  for (size_t n = 0; n < sizeof said / sizeof *said; n++) {
    char line[32];
    vlot__workspace workspace;
    set_up(&workspace, false, 3);
    for (size_t k = 0; k < 10 && said[n][k]; k++) say(&workspace, said[n][k]);
    uint64_t end = vlot__workspace_actions(&workspace), hash = hash_of(&workspace);
    snprintf(line, sizeof line, "goto %llu", (unsigned long long)end);
    must_say(&workspace, line);
    cr_expect_eq(hash_of(&workspace), hash, "way %zu", n);
    cr_expect_eq(vlot__workspace_actions(&workspace), end, "way %zu", n);
    vlot__workspace_deinit(&workspace);
  }
}

/* Inside a line too: the actions of `until` are those that steps would have done. */
Test(workspace, a_part_of_a_line_is_so_many_steps) {
  for (uint64_t seed = 1; seed <= 10; seed++) {
    vlot__workspace whole, steps;
    uint64_t hashes[64];
    char line[32];
    set_up(&whole, false, seed);
    set_up(&steps, false, seed);
    must_say(&whole, "until leader");
    must_say(&whole, "tick 50");
    uint64_t end = vlot__workspace_actions(&whole);
    if (end > 63) end = 63;
    for (uint64_t k = 1; k <= end; k++) {
      must_say(&steps, "step");
      hashes[k] = hash_of(&steps);
    }
    for (uint64_t k = end; k >= 1; k--) {
      snprintf(line, sizeof line, "goto %llu", (unsigned long long)k);
      must_say(&whole, line);
      cr_assert_eq(hash_of(&whole), hashes[k]);
    }
    vlot__workspace_deinit(&whole);
    vlot__workspace_deinit(&steps);
  }
}

Test(workspace, what_is_undone_is_kept_until_it_is_wanted_again) {
  vlot__workspace workspace;
  set_up(&workspace, false, 3);
  must_say(&workspace, "until leader");
  must_say(&workspace, "propose x=1");
  must_say(&workspace, "kill 1");
  uint64_t end = vlot__workspace_actions(&workspace), hash = hash_of(&workspace);
  must_say(&workspace, "back 2");
  must_say(&workspace, "step"); /* something else happens: kill 1 does not */
  cr_assert_eq(workspace.story.branch_count, 2);
  must_say(&workspace, "step 3");
  uint64_t other_end = vlot__workspace_actions(&workspace), other_hash = hash_of(&workspace);
  must_say(&workspace, "branches 1");
  cr_assert_eq(vlot__workspace_actions(&workspace), end);
  cr_assert_eq(hash_of(&workspace), hash);
  must_say(&workspace, "branches 2");
  cr_assert_eq(vlot__workspace_actions(&workspace), other_end);
  cr_assert_eq(hash_of(&workspace), other_hash);
  vlot__workspace_deinit(&workspace);
}

/* Who goes back and lets time go on as it did has said nothing new. */
Test(workspace, the_same_again_is_no_other_branch) {
  vlot__workspace workspace;
  set_up(&workspace, false, 3);
  must_say(&workspace, "until leader");
  uint64_t end = vlot__workspace_actions(&workspace), hash = hash_of(&workspace);
  must_say(&workspace, "back 3");
  must_say(&workspace, "log");
  must_say(&workspace, "step");
  must_say(&workspace, "n 2");
  cr_assert_eq(workspace.story.branch_count, 1);
  cr_assert_eq(vlot__workspace_actions(&workspace), end);
  cr_assert_eq(hash_of(&workspace), hash);
  must_say(&workspace, "step");
  must_say(&workspace, "back 4");
  must_say(&workspace, "step 9"); /* over several lines, and beyond the end */
  cr_assert_eq(workspace.story.branch_count, 1);
  cr_assert_eq(vlot__workspace_actions(&workspace), end + 6);
  must_say(&workspace, "back 9");
  must_say(&workspace, "step 2");
  must_say(&workspace, "goto 3");
  must_say(&workspace, "fork mine");
  must_say(&workspace, "branches 1");
  vlot__workspace_deinit(&workspace);
}

Test(workspace, what_cannot_be_is_said_and_changes_nothing) {
  static const char *const wrong[] = {
      "back 100",
      "goto 100",
      "branches 7",
      "fork 1",
      "fork a-name-that-is-longer-than-any-may-be",
      "save /nowhere/x",
      "seed 4",
      "nodes 3",
      "learners 1",
      "back 0",
      "why 9",
      "why 1 nothing",
      "disk 1 delay 5 upto 2",
      "clock 1 100001",
      "next 0",
  };
  vlot__workspace workspace;
  set_up(&workspace, false, 3);
  cr_assert_not(say(&workspace, "back"));
  must_say(&workspace, "until leader");
  must_say(&workspace, "back");
  uint64_t action = vlot__workspace_actions(&workspace), hash = hash_of(&workspace);
  for (size_t k = 0; k < sizeof wrong / sizeof *wrong; k++) {
    cr_assert_not(say(&workspace, wrong[k]), "%s", wrong[k]);
    cr_assert(strstr(workspace.out.data, "error: "), "%s", wrong[k]);
    cr_assert_eq(vlot__workspace_actions(&workspace), action, "%s", wrong[k]);
    cr_assert_eq(hash_of(&workspace), hash, "%s", wrong[k]);
  }
  must_say(&workspace, "goto 1");
  vlot__workspace_deinit(&workspace);
}

static void expect_unchanged(vlot__workspace *workspace, const char *line, const char *told) {
  uint64_t before = vlot__workspace_actions(workspace);
  must_say(workspace, line);
  cr_expect_eq(vlot__workspace_actions(workspace), before);
  cr_expect_str_eq(workspace->out.data, told, "%s", line);
}

Test(workspace, what_is_so_already_is_told_and_is_no_failure) {
  vlot__workspace workspace;
  set_up(&workspace, false, 1);
  must_say(&workspace, "until leader");
  must_say(&workspace, "suspend 2");
  expect_unchanged(&workspace, "suspend 2", "Nothing changed: this node is suspended already.\n");
  must_say(&workspace, "resume 2");
  expect_unchanged(&workspace, "resume 2", "Nothing changed: this node is not suspended.\n");
  expect_unchanged(&workspace, "release timer",
                   "Nothing changed: nothing that this names is held.\n");
  must_say(&workspace, "hold timer *->2");
  expect_unchanged(&workspace, "hold timer *->2",
                   "Nothing changed: what this names is held already.\n");
  must_say(&workspace, "hold timer"); /* the others were not */
  cr_expect_null(strstr(workspace.out.data ? workspace.out.data : "", "Nothing changed"));
  vlot__workspace_deinit(&workspace);
}

Test(workspace, who_is_asked_to_stop_stops) {
  volatile sig_atomic_t must_stop = 1;
  vlot__workspace workspace;
  set_up(&workspace, false, 3);
  must_say(&workspace, "step 2");
  workspace.must_stop = &must_stop;
  must_say(&workspace, "until term 1000");
  cr_assert(workspace.was_stopped);
  cr_assert_eq(vlot__workspace_actions(&workspace), 2);
  must_stop = 0;
  must_say(&workspace, "until leader");
  cr_assert_not(workspace.was_stopped);
  vlot__workspace_deinit(&workspace);
}

/* What is saved plays, and tells the same story: with what was undone, and without it. */
Test(workspace, a_saved_story_plays) {
  char names[2][64];
  vlot__workspace workspace;
  vlot__workspace_init(&workspace, false, ACTIONS_MAX);
  workspace.options.nodes = 5;
  workspace.options.seed = 11;
  for (unsigned k = 0; k < 2; k++)
    snprintf(names[k], sizeof names[k], "workspace_test.%ld-%u", (long)getpid(), k);
  must_say(&workspace, "# Once upon a time");
  must_say(&workspace, "until leader");
  cr_assert_not(say(&workspace, "kill 9"));
  must_say(&workspace, "kill 1");
  must_say(&workspace, "p");
  must_say(&workspace, "propose x=1");
  must_say(&workspace, "why");
  must_say(&workspace, "until quiet");
  uint64_t hash = hash_of(&workspace);
  for (unsigned k = 0; k < 2; k++) {
    char line[128], text[1 << 16];
    snprintf(line, sizeof line, "save %s%s", names[k], k ? " line" : "");
    must_say(&workspace, line);
    cr_assert_not(say(&workspace, line)); /* never over what is there */
    FILE *file = fopen(names[k], "r");
    cr_assert_not_null(file);
    size_t size = fread(text, 1, sizeof text - 1, file);
    text[size] = '\0';
    fclose(file);
    unlink(names[k]);
    cr_assert_eq(strstr(text, "# Once upon") != NULL, k == 0);
    cr_assert_eq(strstr(text, "kill 1") != NULL, k == 0);
    cr_assert_null(strstr(text, "kill 9"));
    vlot__scene scene = {.name = line};
    vlot__scene_play(&scene, text, false);
    cr_assert_eq(scene.differences, 0);
    cr_assert_eq(hash_of(&scene.workspace), hash);
    vlot__scene_deinit(&scene);
  }
  vlot__workspace_deinit(&workspace);
}

/* A scene that is walked through, deviated from, and gone back in, goes on where it stood. */
Test(workspace, a_scene_goes_on_where_one_went_back_to) {
  static const char text[] =
      "# The beginning.\nnodes 3\ntimeout 1\n----\nwhatever was seen\n\n# Votes.\n"
      "deliver all PreVote\n\ndeliver all PreVoteReply\n";
  vlot__workspace workspace;
  vlot__workspace_init(&workspace, false, ACTIONS_MAX);
  cr_assert(vlot__workspace_set_scene(&workspace, text));
  must_say(&workspace, "next");
  cr_assert(strstr(workspace.out.data, "# The beginning.\n> nodes 3\n"));
  must_say(&workspace, "next");
  must_say(&workspace, "next");
  cr_assert(strstr(workspace.out.data, "# Votes.\n> deliver all PreVote\n"));
  cr_assert_null(strstr(workspace.out.data, "whatever"));
  must_say(&workspace, "goto 1");
  must_say(&workspace, "next");
  cr_assert(strstr(workspace.out.data, "> deliver all PreVote\n"));
  must_say(&workspace, "next 2");
  cr_assert(strstr(workspace.out.data, "> deliver all PreVoteReply\n"));
  must_say(&workspace, "next");
  must_say(&workspace, "until leader");
  vlot__workspace_deinit(&workspace);
}

static void ask(vlot__workspace *workspace, vlot__request request) {
  vlot__requests *requests = &workspace->cluster->requests;
  uint64_t asked = atomic_load(&requests->asked);
  requests->ring[asked % VLOT__REQUESTS] = request;
  atomic_store(&requests->asked, asked + 1);
}

static void look(vlot__workspace *workspace, char *text, size_t capacity) {
  vlot__text_clear(&workspace->out);
  cr_assert(vlot__command_run(workspace, "nodes"));
  cr_assert(vlot__command_run(workspace, "net"));
  cr_assert(vlot__command_run(workspace, "timers"));
  snprintf(text, capacity, "%s", workspace->out.data);
}

/* What a debugger asked for in the middle of a line is done again where it was done. */
Test(workspace, going_back_asks_again_what_a_debugger_asked) {
  static const vlot__request requests[] = {
      {.kind = VLOT_REQUEST_TIMEOUT, .node = 2},
      {.kind = VLOT_REQUEST_HOLD, .id = VLOT_PENDING_TIMER_ID(3)},
      {.kind = VLOT_REQUEST_PARTITION, .id_count = 2, .ids = {1, 4}},
      {.kind = VLOT_REQUEST_DROP, .id = 4711}, /* nothing comes of it */
      {.kind = VLOT_REQUEST_CAMPAIGN, .node = 4},
      {.kind = VLOT_REQUEST_RESTART, .node = 3, .value = VLOT_RESTART_WIPE},
      {.kind = VLOT_REQUEST_KILL, .node = 1, .value = 1},
      {.kind = VLOT_REQUEST_HEAL},
  };
  enum { REQUESTS = sizeof requests / sizeof *requests };
  char then[8192], now[8192], line[32];
  vlot__workspace workspace;
  set_up(&workspace, false, 5);
  must_say(&workspace, "step");
  for (size_t k = 0; k < REQUESTS; k++) {
    ask(&workspace, requests[k]);
    must_say(&workspace, k % 3 == 1 ? "tick 2" : k % 3 == 2 ? "until leader" : "step 4");
  }
  uint64_t end = vlot__workspace_actions(&workspace);
  look(&workspace, then, sizeof then);
  must_say(&workspace, "goto 2");
  snprintf(line, sizeof line, "goto %llu", (unsigned long long)end);
  must_say(&workspace, line);
  look(&workspace, now, sizeof now);
  cr_assert_str_eq(now, then);
  vlot__workspace_deinit(&workspace);
}

static uint64_t now_of(const vlot__workspace *workspace) {
  return workspace->cluster ? vlot_cluster_now(workspace->cluster) : 0;
}

/* The same where time stood between two actions when it was asked. */
Test(workspace, going_back_asks_again_at_the_tick_at_which_it_was_asked) {
  char then[8192], now[8192];
  vlot__workspace workspace;
  set_up(&workspace, false, 5);
  must_say(&workspace, "tick 30");
  must_say(&workspace, "tick 1");
  must_say(&workspace, "tick 1");
  ask(&workspace, (vlot__request){.kind = VLOT_REQUEST_TIMEOUT, .node = 2});
  must_say(&workspace, "tick 7");
  ask(&workspace, (vlot__request){.kind = VLOT_REQUEST_KILL, .node = 1});
  must_say(&workspace, "step 5");
  look(&workspace, then, sizeof then);
  uint64_t end = now_of(&workspace);
  must_say(&workspace, "goto 0");
  cr_expect_eq(now_of(&workspace), 0);
  must_say(&workspace, "redo");
  cr_expect_eq(now_of(&workspace), 30);
  for (int k = 0; k < 4; k++) must_say(&workspace, "redo");
  cr_expect_eq(now_of(&workspace), end);
  look(&workspace, now, sizeof now);
  cr_assert_str_eq(now, then);
  vlot__workspace_deinit(&workspace);
}

/* --- time, and commands as wholes --- */

static void begin(vlot__workspace *workspace, uint32_t nodes) {
  vlot__workspace_init(workspace, false, 200000);
  workspace->options.nodes = nodes;
}

static const char *said_of(vlot__workspace *workspace, const char *line) {
  vlot__text_clear(&workspace->out);
  (void)vlot__command_run(workspace, line);
  return workspace->out.data ? workspace->out.data : "";
}

static void expect_said(vlot__workspace *workspace, const char *line, const char *wanted) {
  const char *text = said_of(workspace, line);
  cr_expect(strstr(text, wanted), "%s: no '%s' in\n%s", line, wanted, text);
}

Test(workspace, ticks_pass_where_nothing_is_due) {
  vlot__workspace workspace;
  begin(&workspace, 3);
  must_say(&workspace, "tick");
  expect_said(&workspace, "status", "tick 1, 0 actions");
  expect_said(&workspace, "timers", "n1  in 16 ticks");
  must_say(&workspace, "tick 15");
  expect_said(&workspace, "status", "tick 16, 0 actions");
  must_say(&workspace, "tick 0");
  expect_said(&workspace, "status", "tick 16, 0 actions");
  must_say(&workspace, "tick 1");
  expect_said(&workspace, "status", "tick 17, 3 actions");
  must_say(&workspace, "tick 0");
  expect_said(&workspace, "status", "tick 17, 3 actions");
  expect_said(&workspace, "tick 1000001", "expected a number from 0 to 1000000");
  expect_said(&workspace, "tick -1", "expected a number from 0 to 1000000");
  for (int id = 1; id <= 3; id++) {
    char line[16];
    snprintf(line, sizeof line, "kill %d", id);
    must_say(&workspace, line);
  }
  must_say(&workspace, "tick 1000000");
  must_say(&workspace, "tick 1000000");
  expect_said(&workspace, "status", "tick 2000017, 9 actions");
  expect_said(&workspace, "step", "nothing is pending that could happen");
  expect_said(&workspace, "status", "tick 2000017, 9 actions");
  vlot__workspace_deinit(&workspace);
}

Test(workspace, what_looked_is_no_command_to_redo) {
  vlot__workspace workspace;
  begin(&workspace, 3);
  must_say(&workspace, "status");
  must_say(&workspace, "tick 10");
  must_say(&workspace, "status");
  must_say(&workspace, "log");
  must_say(&workspace, "kill 3");
  must_say(&workspace, "why");
  must_say(&workspace, "spawn 3");
  for (int k = 0; k < 3; k++) must_say(&workspace, "undo");
  expect_said(&workspace, "undo", "no command is left to undo");
  expect_said(&workspace, "redo", "Done again: tick 10\n");
  expect_said(&workspace, "redo", "Done again: kill 3\n");
  expect_said(&workspace, "undo", "Taken back: kill 3\n");
  expect_said(&workspace, "redo", "Done again: kill 3\n");
  expect_said(&workspace, "redo", "Done again: spawn 3\n");
  expect_said(&workspace, "redo", "nothing was taken back here");
  vlot__workspace_deinit(&workspace);
}

Test(workspace, a_command_is_taken_back_however_many_actions_it_made) {
  vlot__workspace workspace;
  begin(&workspace, 3);
  expect_said(&workspace, "undo", "no command is left to undo");
  must_say(&workspace, "seed 5");
  must_say(&workspace, "tick 5");
  must_say(&workspace, "until leader");
  uint64_t leads = vlot__workspace_actions(&workspace);
  must_say(&workspace, "propose x=1");
  must_say(&workspace, "tick 50");
  uint64_t end = vlot__workspace_actions(&workspace);
  expect_said(&workspace, "status", "committed 2");
  expect_said(&workspace, "undo", "Taken back: tick 50\n");
  expect_said(&workspace, "undo", "Taken back: propose x=1\n");
  cr_expect_eq(vlot__workspace_actions(&workspace), leads);
  expect_said(&workspace, "until leader", "");
  expect_said(&workspace, "undo", "'until leader' has done nothing that could be taken back");
  cr_expect_eq(vlot__workspace_actions(&workspace), leads);
  expect_said(&workspace, "undo", "Taken back: until leader\n");
  expect_said(&workspace, "status", "tick 5, 0 actions");
  expect_said(&workspace, "undo", "Taken back: tick 5\n");
  expect_said(&workspace, "undo", "Taken back: seed 5\n");
  cr_expect_eq(workspace.options.seed, 1);
  expect_said(&workspace, "undo", "no command is left to undo");
  for (int k = 0; k < 5; k++) expect_said(&workspace, "redo", "Done again: ");
  expect_said(&workspace, "redo", "nothing was taken back here");
  cr_expect_eq(vlot__workspace_actions(&workspace), end);
  cr_expect_eq(workspace.options.seed, 5);
  expect_said(&workspace, "back 3", "Now action ");
  expect_said(&workspace, "redo", "Done again: tick 50\n");
  expect_said(&workspace, "undo", "Taken back: tick 50\n");
  expect_said(&workspace, "kill 1", "Another line of history begins here");
  expect_said(&workspace, "undo", "Taken back: kill 1\n");
  expect_said(&workspace, "undo", "Taken back: propose x=1\n");
  vlot__workspace_deinit(&workspace);
}

Test(workspace, time_that_passed_belongs_to_what_was_said_after_it) {
  char then[8192], now[8192];
  vlot__workspace workspace;
  begin(&workspace, 3);
  must_say(&workspace, "until leader");
  must_say(&workspace, "tick 3");
  must_say(&workspace, "tick 1"); /* nothing is due */
  must_say(&workspace, "propose x=1");
  must_say(&workspace, "tick 1");
  must_say(&workspace, "kill 2");
  must_say(&workspace, "tick 40");
  look(&workspace, then, sizeof then);
  uint64_t end = vlot__workspace_actions(&workspace);
  char line[32];
  for (uint64_t k = 0; k < end; k++) {
    snprintf(line, sizeof line, "goto %llu", (unsigned long long)k);
    must_say(&workspace, line);
    cr_assert_eq(vlot__workspace_actions(&workspace), k);
    snprintf(line, sizeof line, "step %llu", (unsigned long long)(k % 3 + 1));
    if (k % 5 == 0) must_say(&workspace, line); /* perhaps into another branch … */
    must_say(&workspace, "branches 1");         /* … and back to the end of the first */
    look(&workspace, now, sizeof now);
    cr_assert_str_eq(now, then, "from action %llu", (unsigned long long)k);
  }
  vlot__workspace_deinit(&workspace);
}

Test(workspace, until_ends_and_says_what_there_is_instead) {
  vlot__workspace workspace;
  begin(&workspace, 5);
  must_say(&workspace, "until leader");
  must_say(&workspace, "partition 1 2 | 3 4 5");
  uint64_t before = now_of(&workspace), actions = vlot__workspace_actions(&workspace);
  const char *text = said_of(&workspace, "until leader 3");
  cr_expect(strstr(text, "not come to this within 300 ticks: n4 leads term 2"), "%s", text);
  cr_expect(strstr(text, "lines are left out"), "%s", text);
  unsigned count = 0;
  for (const char *at = text; *at; at++) count += *at == '\n';
  cr_expect_lt(count, 50);
  cr_expect_eq(now_of(&workspace), before + 300);
  must_say(&workspace, "undo");
  cr_expect_eq(vlot__workspace_actions(&workspace), actions);
  expect_said(&workspace, "until leader 3 10", "within 10 ticks: n1 leads term 1");
  cr_expect_eq(now_of(&workspace), before + 10);
  expect_said(&workspace, "until leader * 0", "");
  expect_said(&workspace, "until role 3 leader 1", "within 1 tick: n3 is follower in term 1");
  expect_said(&workspace, "until commit 7 2", "the highest commit index is 0; n1 leads term 1");
  expect_said(&workspace, "until term 9 at 2 1", "within 1 tick: the term of n2 is 1");
  expect_said(&workspace, "until leader 6", "expected a node, 1 to 5");
  expect_said(&workspace, "until leader 3 x", "expected a number from 0 to 1000000");
  expect_said(&workspace, "until leader 3 4 5", "nothing more, not '5'");
  expect_said(&workspace, "until quiet 1 2", "nothing more, not '2'");
  for (int id = 1; id <= 3; id++) {
    char line[16];
    snprintf(line, sizeof line, "kill %d", id);
    must_say(&workspace, line);
  }
  expect_said(&workspace, "until leader 3", "nobody leads, and nobody can: 2 of 5 voters run");
  vlot__workspace_deinit(&workspace);
}

/* However one steps, it is told at the tick at which it was given; of a deadline, that one. */
Test(workspace, an_answer_is_told_where_it_was_given) {
  static const char *const ways[][4] = {
      {"tick 20", "tick 600", NULL},
      {"tick 1", "until quiet", "step 40", NULL},
      {"step 1", "step 400 quiet", NULL},
  };
  for (size_t k = 0; k < sizeof ways / sizeof *ways; k++) {
    vlot__workspace workspace;
    begin(&workspace, 3);
    must_say(&workspace, "until leader");
    must_say(&workspace, "tick 10");
    vlot__text_clear(&workspace.out);
    cr_assert(vlot__command_run(&workspace, "propose x=1"));
    for (const char *const *line = ways[k]; *line; line++)
      cr_assert(vlot__command_run(&workspace, *line));
    const char *text = workspace.out.data;
    const char *told = strstr(text, "    28  The client of n1, propose x=1: committed at 2");
    cr_assert(told, "way %zu:\n%s", k, text);
    const char *later = strstr(text, "    29  n2 knows entry 2");
    if (later) cr_expect_lt(told, later);
    vlot__workspace_deinit(&workspace);
  }
  for (int way = 0; way < 2; way++) {
    vlot__workspace workspace;
    begin(&workspace, 3);
    must_say(&workspace, "until leader");
    must_say(&workspace, "tick 2");
    must_say(&workspace, "link 1 * loss 100");
    vlot__text_clear(&workspace.out);
    must_say(&workspace, "propose x=1 at 1");
    must_say(&workspace, way ? "step 2000 quiet" : "tick 700");
    cr_expect(strstr(workspace.out.data, "   520  The client of n1, propose x=1: "), "%s",
              workspace.out.data);
    vlot__workspace_deinit(&workspace);
  }
}

Test(workspace, of_several_things_each_can_be_undone) {
  vlot__workspace workspace;
  set_up(&workspace, false, 3);
  must_say(&workspace, "timeout 1");
  must_say(&workspace, "deliver all");
  uint64_t end = vlot__workspace_actions(&workspace), hash = hash_of(&workspace);
  cr_assert_eq(end, 4); /* a timer, and three messages */
  must_say(&workspace, "back");
  cr_assert_eq(vlot__workspace_actions(&workspace), 3);
  must_say(&workspace, "goto 4");
  cr_assert_eq(hash_of(&workspace), hash);
  vlot__workspace_deinit(&workspace);
}

Test(workspace, of_several_ids_all_are_meant_or_none) {
  vlot__workspace workspace;
  set_up(&workspace, false, 3);
  must_say(&workspace, "timeout 1");
  uint64_t before = vlot__workspace_actions(&workspace);
  cr_assert_not(say(&workspace, "drop 1 2 4711"));
  cr_assert(strstr(workspace.out.data, "\n           ^^^^"), "%s", workspace.out.data);
  cr_assert_not(say(&workspace, "drop 1 1"));
  cr_assert_not(say(&workspace, "drop 1 PreVote"));
  cr_assert_not(say(&workspace, "drop PreVote RequestVote"));
  cr_assert_not(say(&workspace, "drop 1->2 1->3"));
  cr_assert_eq(vlot__workspace_actions(&workspace), before);
  must_say(&workspace, "drop #1 2");
  cr_assert_eq(vlot__workspace_actions(&workspace), before + 2);
  vlot__workspace_deinit(&workspace);
}

/* A workspace that may go no further than to an action has room again when it goes back. */
Test(workspace, its_limit_is_a_place) {
  vlot__workspace workspace;
  vlot__workspace_init(&workspace, false, 50);
  cr_assert_not(say(&workspace, "until term 100"));
  cr_assert(workspace.was_limited);
  cr_assert_eq(vlot__workspace_actions(&workspace), 50);
  cr_assert_not(say(&workspace, "step"));
  must_say(&workspace, "kill 1"); /* what is no time is done all the same */
  must_say(&workspace, "back 21");
  must_say(&workspace, "step 5");
  vlot__workspace_deinit(&workspace);
}

Test(workspace, looking_leaves_the_setting_up_open) {
  vlot__workspace workspace;
  vlot__workspace_init(&workspace, false, ACTIONS_MAX);
  must_say(&workspace, "status");
  must_say(&workspace, "timers");
  must_say(&workspace, "switches -random");
  must_say(&workspace, "nodes 4");
  must_say(&workspace, "log");
  must_say(&workspace, "start 1 log 1 1 2");
  cr_assert_not(say(&workspace, "start 2 log 1 2 2")); /* entry 3 is the same, and 2 is not */
  must_say(&workspace, "start 2 log 1 1 2 2");
  must_say(&workspace, "timers");
  cr_assert(strstr(workspace.out.data, "n4  in 15 ticks"), "%s", workspace.out.data);
  vlot__workspace_deinit(&workspace);
}

/* What a disk or clock does that is not as usual is seen for as long as it is so. */
Test(workspace, net_lists_disks_and_clocks_that_are_not_as_usual) {
  vlot__workspace workspace;
  vlot__workspace_init(&workspace, false, ACTIONS_MAX);
  must_say(&workspace, "net");
  cr_assert_null(strstr(workspace.out.data, "disk"), "%s", workspace.out.data);
  must_say(&workspace, "disk 2 stalled");
  must_say(&workspace, "clock 3 1500");
  must_say(&workspace, "timeout 1");
  must_say(&workspace, "until leader");
  must_say(&workspace, "tick 6");
  must_say(&workspace, "net");
  cr_assert(strstr(workspace.out.data, "  disk n2  stalled  entry 1 is not durable yet"), "%s",
            workspace.out.data);
  cr_assert(strstr(workspace.out.data, "  clock n3  runs at 1500/1000\n"), "%s",
            workspace.out.data);
  must_say(&workspace, "heal disk 2");
  must_say(&workspace, "clock 3 1000");
  must_say(&workspace, "net");
  cr_assert_null(strstr(workspace.out.data, "  disk n2"), "%s", workspace.out.data);
  cr_assert_null(strstr(workspace.out.data, "  clock n3"), "%s", workspace.out.data);
  vlot__workspace_deinit(&workspace);
}

/* --- what is broken --- */

static uint64_t drift;

static uint64_t drifting_hash(void *state) {
  (void)state;
  return ++drift;
}

Test(workspace, a_broken_safety_property_is_told_once_where_it_breaks) {
  vlot__workspace workspace;
  vlot_machine machine = *vlot_kv_machine();
  machine.hash = drifting_hash; /* replicas differ from the first entry on */
  vlot__workspace_init(&workspace, false, ACTIONS_MAX);
  workspace.options.machine = &machine;
  must_say(&workspace, "until leader");
  cr_assert_null(strstr(workspace.out.data, "Broken"), "%s", workspace.out.data);
  for (int k = 0; k < 200 && !strstr(workspace.out.data, "Broken"); k++)
    must_say(&workspace, "step");
  const char *line = strstr(workspace.out.data, "  Broken: R-1 at n");
  cr_assert_not_null(line, "%s", workspace.out.data);
  cr_expect_not_null(strstr(line, ": machines that applied the same entries differ\n"), "%s", line);
  cr_expect_null(strstr(line + 10, "Broken"), "%s", line);
  const char *const on[] = {"step", "tick 5", "next 3", "until commit 9 at 1", "until leader 3"};
  uint64_t broken_at = vlot__workspace_actions(&workspace);
  for (size_t k = 0; k < sizeof on / sizeof *on; k++) {
    cr_expect_not(say(&workspace, on[k]), "%s", on[k]);
    cr_expect_null(strstr(workspace.out.data, "Broken"), "%s", workspace.out.data);
    cr_expect_not_null(strstr(workspace.out.data, "time goes on no further: R-1: "), "%s",
                       workspace.out.data);
    cr_expect_not_null(strstr(workspace.out.data, "'back', 'undo' and 'goto ACTION'"));
  }
  must_say(&workspace, "status");
  cr_expect_not_null(strstr(workspace.out.data, "; a safety property is broken: 'check' says"));
  must_say(&workspace, "why");
  must_say(&workspace, "kill 1");
  cr_expect_eq(vlot__workspace_actions(&workspace), broken_at + 1, "by hand it goes on");
  vlot__workspace_deinit(&workspace);
}

Test(workspace, time_that_breaks_something_half_way_says_that_it_stopped) {
  vlot__workspace workspace;
  vlot_machine machine = *vlot_kv_machine();
  machine.hash = drifting_hash;
  vlot__workspace_init(&workspace, false, ACTIONS_MAX);
  workspace.options.machine = &machine;
  cr_expect_not(say(&workspace, "tick 500"));
  cr_expect_not_null(strstr(workspace.out.data, "Broken: R-1"), "%s", workspace.out.data);
  cr_expect_not_null(strstr(workspace.out.data, "time goes on no further"));
  uint64_t broken_at = vlot__workspace_actions(&workspace);
  must_say(&workspace, "undo");
  cr_expect_eq(vlot__workspace_actions(&workspace), 0);
  must_say(&workspace, "redo");
  cr_expect_eq(vlot__workspace_actions(&workspace), broken_at, "what it did is done again");
  vlot__workspace_deinit(&workspace);
}
