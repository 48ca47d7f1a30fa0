/* What the prompt shows of what is inside a node, and the words that came with it. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command.h"
#include "step_sim.h"
#include "synonyms.h"

enum { ACTIONS_MAX = 100000 };

static vlot__workspace workspace;

static bool say(const char *line) {
  vlot__text_clear(&workspace.out);
  return vlot__command_run(&workspace, line);
}

static const char *shown(const char *line) {
  cr_assert(say(line), "%s: %s", line, workspace.problem.data);
  return workspace.out.data ? workspace.out.data : "";
}

static void expect(const char *line, const char *part) {
  const char *text = shown(line);
  cr_expect(strstr(text, part), "%s: no '%s' in\n%s", line, part, text);
}

static void expect_problem(const char *line, const char *part) {
  cr_assert_not(say(line), "%s", line);
  cr_expect(strstr(workspace.out.data, part), "%s: no '%s' in\n%s", line, part, workspace.out.data);
}

static void begin(void) {
  vlot__workspace_init(&workspace, false, ACTIONS_MAX);
  shown("until leader 1");
}

static void end(void) { vlot__workspace_deinit(&workspace); }

Test(looking, a_node_is_figure_2_section_by_section, .init = begin, .fini = end) {
  static const char *const parts[] = {"persistent, on all servers\n    currentTerm   1\n"
                                      "    votedFor      n1\n    log[]         1 to 2, the last of",
                                      "    2     1  applied    set boat vlot\n",
                                      "volatile, on all servers\n    commitIndex   2\n"
                                      "    lastApplied   2\n",
                                      "peer  nextIndex[]  matchIndex[]  state",
                                      "    n2              3             2  replicate  yes",
                                      "beside Figure 2",
                                      "leader known  n1",
                                      "durable       log up to 2",
                                      "0 writes under way, well",
                                      "machine       1 key"};
  shown("set boat vlot");
  shown("until quiet");
  for (size_t k = 0; k < sizeof parts / sizeof *parts; k++) expect("node 1", parts[k]);
  expect("node 2", "nextIndex[], matchIndex[]  none: it does not lead");
  shown("disk 2 stalled");
  expect("node 2", "stalled");
  shown("kill 2");
  expect("node 2", "volatile, on all servers\n    none: it is down\n");
  expect("node 2", "set boat vlot"); /* the others have it under the same index and term */
  expect_problem("node 4", "expected a node, 1 to 3");
}

Test(looking, entries_are_said_as_they_can_be_said_again, .init = begin, .fini = end) {
  shown("set boat two  words");
  shown("set nothing \"\"");
  shown("propose empty=");
  shown("set odd a\\b\x01\xff");
  shown("cas boat \"\" x");
  shown("incr n -3");
  shown("del boat");
  shown("until quiet");
  expect("log 1", "  2     1  applied    set boat two  words\n");
  expect("log 1", "set nothing \"\"\n");
  expect("log 1", "set empty \"\"\n");
  expect("log 1", "set odd a\\\\b\\x01\\xff\n");
  expect("log 1", "cas boat \"\" x\n");
  expect("log 1", "incr n -3\n");
  expect("log 1 7 1", "  index  term  is         what\n      7     1  applied    incr n -3\n");
  expect("log * 3", "  index   3   4   5   6   7   8\n");
  expect_problem("log 1 9", "the log of n1 has entries 1 to 8");
  expect_problem("log * 3 4", "name a node");
}

Test(looking, a_machine_is_seen_key_by_key, .init = begin, .fini = end) {
  shown("set b 2");
  shown("set a 1");
  shown("incr c 40");
  shown("incr c 2");
  expect("until quiet", "incr c 2: committed at 5 of term 1; it is 42 now");
  expect("kv", "  n1: 3 keys, applied 5\n  a = 1\n  b = 2\n  c = 42\n");
  shown("cas a 1 9");
  expect("until quiet", "cas a 1 9: committed at 6 of term 1; it is set");
  shown("cas a 1 9");
  expect("until quiet", "it had another value: nothing was set");
  shown("del a");
  expect("until quiet", "it was there");
  shown("del a");
  expect("until quiet", "there was no such key");
  shown("set b \"\" at 2");
  shown("until quiet");
  shown("incr b");
  expect("until quiet", "no whole number of 64 bits: nothing was added");
  shown("get b");
  expect("until quiet", "get b: \"\"\n");
  expect_problem("incr b much", "expected a whole number of 64 bits, such as 5 or -3");
  expect_problem("incr b 1\xe2\x80\x8b", "(byte 0xE2 at column 9)");
  shown("kill 3");
  expect_problem("kv 3", "this node is down: it has no machine");
}

Test(looking, two_nodes_part_where_their_logs_do, .init = begin, .fini = end) {
  shown("until quiet");
  shown("isolate 1");
  shown("set x 1");
  shown("until leader 2");
  shown("set x 2");
  shown("step 3");
  const char *text = shown("diff 1 2");
  cr_expect(strstr(text, "logs agree up to entry 1, and part behind it"), "%s", text);
  cr_expect(strstr(text, "t1 set x 1"), "%s", text);
  cr_expect(strstr(text, "* currentTerm"), "%s", text);
  expect_problem("diff 1 1", "two different nodes");
}

Test(looking, a_question_changes_nothing, .init = begin, .fini = end) {
  shown("disk 2 delay 4");
  shown("link 1 2 loss 20");
  uint64_t actions = vlot__workspace_actions(&workspace);
  expect("disk 2", "disk n2  delay up to 4");
  expect("disk 1", "this disk is well");
  expect("link 1 2", "loss 20%");
  expect("link 2 1", "  clean\n");
  cr_expect_eq(vlot__workspace_actions(&workspace), actions);
  expect("net", "loss 20%");
  shown("heal link 1 2");
  expect("link 1 2", "  clean\n");
  shown("heal disk");
  expect("disk 2", "this disk is well");
  expect_problem("heal disk 1 2", "nothing more is expected");
  expect_problem("heal link 2 2", "two different nodes");
}

Test(looking, a_partition_cuts_something, .init = begin, .fini = end) {
  expect_problem("partition ,", "nobody is named");
  expect_problem("partition 1 2 3", "all nodes are on one side");
  shown("isolate 2");
  expect_problem("partition 2 | 1 3", "this cuts nothing");
  shown("heal");
  shown("partition 2");
}

Test(looking, until_takes_events, .init = begin, .fini = end) {
  expect("until commit of 2", "n2 knows entry 1 of term 1 as committed");
  shown("isolate 1");
  expect("until step_down of 1", "n1");
  shown("elect 3");
  shown("until vote of *");
  expect("until leader", ""); /* how it is, not what happens */
  expect_problem("until vo\xc2\xa0te", "no goal and no event (byte 0xC2 at column 9)");
  expect_problem("until votee", "did you mean 'vote'?");
  expect_problem("until fenced of 2 5", "within 5 ticks: no such event of n2 has come");
  expect_problem("until kill 1 2", "nothing more, not '2'");
}

Test(looking, words_of_others_are_understood) {
  vlot__workspace_init(&workspace, false, ACTIONS_MAX);
  expect_problem("leader", "did you mean 'until leader'?");
  expect_problem("Crash 2", "did you mean 'kill'?");
  expect_problem("vote", "did you mean 'campaign'?");
  cr_expect_null(vlot__synonym("kill"));
  vlot__workspace_deinit(&workspace);
}

/* A line that begins another word for a verb must be sayable, and no verb is a synonym. */
Test(looking, every_synonym_leads_to_a_verb) {
  for (size_t k = 0; k < vlot_verb_count; k++)
    cr_expect_null(vlot__synonym(vlot_verbs[k].name), "%s", vlot_verbs[k].name);
  static const char *const words[] = {"leader", "vote", "pause", "put", "entries", "wipe"};
  for (size_t k = 0; k < sizeof words / sizeof *words; k++) {
    char verb[16];
    const char *meant = vlot__synonym(words[k]);
    cr_assert_not_null(meant, "%s", words[k]);
    snprintf(verb, sizeof verb, "%.*s", (int)strcspn(meant, " "), meant);
    cr_expect_not_null(vlot_verb_find(verb), "%s", meant);
  }
}

Test(looking, what_was_said_can_be_said_again, .init = begin, .fini = end) {
  shown("set x 1");
  shown("until quiet");
  shown("log");
  expect("note n2 is behind", "# n2 is behind\n");
  const char *text = shown("history");
  cr_expect(strstr(text, "     0  until leader 1\n"), "%s", text);
  cr_expect(strstr(text, "  set x 1\n"), "%s", text);
  cr_expect_null(strstr(text, "  log\n"), "%s", text);
  shown("back 2");
  expect("history", "(taken back)");
  cr_expect(strstr(workspace.story.said.data, "# n2 is behind\n"));
}

Test(looking, branches_are_a_tree_with_where_they_part, .init = begin, .fini = end) {
  uint64_t parting = vlot__workspace_actions(&workspace) - 2;
  char part[64];
  shown("back 2");
  shown("kill 3");
  shown("back");
  shown("kill 2");
  snprintf(part, sizeof part, "parts behind action %llu", (unsigned long long)parting);
  const char *text = shown("branches");
  cr_expect(strstr(text, "  1"), "%s", text);
  cr_expect(strstr(text, "  +- 2"), "%s", text);
  cr_expect(strstr(text, "*    +- 3"), "%s", text);
  cr_expect(strstr(text, part), "%s", text);
}

Test(looking, a_view_is_json_too, .init = begin, .fini = end) {
  shown("set x a\"b");
  shown("until quiet");
  expect("json node 1", "{\"view\":\"node\",\"node\":1,\"role\":\"leader\",");
  expect("json kv", "\"pairs\":[{\"key\":\"x\",\"value\":\"a\\\"b\",\"size\":3}]}\n");
  expect("json nodes", "\"commit_index\":2");
  expect("json branches", "\"parts_at\":0");
  expect("json link 1 2", "\"links\":[]");
  expect_problem("json kill 1", "this shows nothing that could be JSON");
  expect_problem("json nodes 3", "this shows nothing that could be JSON");
  expect_problem("json log 9", "expected a node, 1 to 3");
}

Test(looking, a_file_is_said, .init = begin, .fini = end) {
  char name[] = "looking_test.XXXXXX", line[64];
  int file = mkstemp(name);
  cr_assert_geq(file, 0);
  static const char text[] =
      "\xef\xbb\xbf# a story\r\nset x 1\r\n----\r\nwhatever\r\n\r\nuntil quiet\r\n";
  cr_assert_eq(write(file, text, sizeof text - 1), (ssize_t)sizeof text - 1);
  snprintf(line, sizeof line, "play %s", name);
  expect(line, "> set x 1\n");
  expect("kv", "x = 1");
  expect("history", "set x 1");
  cr_assert_eq(ftruncate(file, 0), 0);
  cr_assert_eq(pwrite(file, line, strlen(line), 0), (ssize_t)strlen(line));
  expect_problem(line, "8 files play each other");
  close(file);
  unlink(name);
  expect_problem(line, "it cannot be read: No such file or directory");
}

/* --- a seed of vlot sim --- */

static uint64_t hash_of(vlot_cluster *cluster) {
  vlot_cluster_stats stats;
  vlot_cluster_get_stats(cluster, &stats);
  return stats.event_hash;
}

/* However one comes to a place, what has happened by then is the same. */
Test(looking, a_found_run_is_the_same_however_one_steps, .timeout = 60) {
  for (uint64_t seed = 1; seed <= 6; seed++) {
    vlot__recording record = {0};
    vlot__sim_world world = {.seed = seed, .actions = 3000, .record = &record};
    vlot__sim_run(&world);
    vlot__step_sim sim = {.seed = seed, .actions = 3000};
    vlot__workspace_init(&workspace, false, UINT64_MAX);
    cr_assert(vlot__step_sim_open(&sim, &workspace));
    cr_expect_eq(hash_of(workspace.cluster), world.stats.event_hash, "seed %zu", (size_t)seed);
    uint64_t total = vlot__workspace_actions(&workspace);
    cr_expect_eq(total, world.stats.actions);
    shown("goto 1000");
    uint64_t middle = vlot__workspace_actions(&workspace), there = hash_of(workspace.cluster);
    shown("back 300");
    shown("goto 1000");
    cr_expect_eq(vlot__workspace_actions(&workspace), middle);
    cr_expect_eq(hash_of(workspace.cluster), there);
    shown("step 2");
    cr_expect_gt(vlot__workspace_actions(&workspace), middle);
    shown("step 9000000");
    cr_expect_eq(vlot__workspace_actions(&workspace), total);
    cr_expect_eq(hash_of(workspace.cluster), world.stats.event_hash, "seed %zu", (size_t)seed);
    vlot__workspace_deinit(&workspace);
  }
}

Test(looking, whoever_does_something_else_leaves_the_found_run, .timeout = 60) {
  vlot__step_sim sim = {.seed = 5, .actions = 3000};
  vlot__workspace_init(&workspace, false, UINT64_MAX);
  cr_assert(vlot__step_sim_open(&sim, &workspace));
  uint64_t total = vlot__workspace_actions(&workspace), hash = hash_of(workspace.cluster);
  shown("goto 800");
  expect("suspend 2", "Another line of history begins here");
  expect("tick 3", "");
  cr_expect_eq(vlot__workspace_track(&workspace), 0u);
  expect("branches", "+- 2");
  shown("branches 1");
  cr_expect_eq(vlot__workspace_actions(&workspace), total);
  cr_expect_eq(hash_of(workspace.cluster), hash);
  shown("goto 0");
  expect("until leader", "becomes leader");
  cr_expect_leq(vlot__workspace_actions(&workspace), total);
  expect("history", "vlot step --sim 5 --actions 3000");
  expect_problem("save x.scene", "'vlot step --sim 5 --actions 3000' makes it again");
  vlot__workspace_deinit(&workspace);
}
