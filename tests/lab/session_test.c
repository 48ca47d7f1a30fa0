/* A session's history: going back and forth, branches, what is written down. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/prng.h"
#include "cluster/internal.h"
#include "command.h"
#include "scene.h"

enum { ACTIONS_MAX = 20000 };

static bool say(vlot__session *session, const char *line) {
  vlot__text_clear(&session->out);
  return vlot__command_run(session, line);
}

static void must_say(vlot__session *session, const char *line) {
  cr_assert(say(session, line), "%s: %s", line, session->problem.data);
}

static uint64_t hash_of(vlot__session *session) {
  vlot_cluster_stats stats;
  cr_assert(vlot__session_open(session));
  vlot_cluster_get_stats(session->cluster, &stats);
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

static void set_up(vlot__session *session, bool has_threads, uint64_t seed) {
  char line[32];
  vlot__session_init(session, has_threads, ACTIONS_MAX);
  snprintf(line, sizeof line, "seed %llu", (unsigned long long)seed);
  must_say(session, "nodes 4");
  must_say(session, line);
}

/* Whatever was said, and however far one goes back: what was there then is there again, event by
 * event. */
Test(session, going_back_finds_what_was_there) {
  for (uint64_t seed = 1; seed <= 16; seed++) {
    vlot__session session;
    vlot__prng prng;
    mark marks[ROUNDS];
    char line[64];
    vlot__prng_init(&prng, seed, 0);
    set_up(&session, seed % 8 == 0, seed);
    for (unsigned k = 0; k < ROUNDS; k++) {
      say(&session, lines[vlot__prng_below(&prng, LINES)]);
      marks[k] = (mark){vlot__session_actions(&session), hash_of(&session)};
    }
    for (unsigned k = 0; k < ROUNDS; k++) {
      const mark *wanted = &marks[vlot__prng_below(&prng, ROUNDS)];
      snprintf(line, sizeof line, "goto %llu", (unsigned long long)wanted->action);
      must_say(&session, line);
      cr_assert_eq(vlot__session_actions(&session), wanted->action, "seed %llu: %s",
                   (unsigned long long)seed, line);
      cr_assert_eq(hash_of(&session), wanted->hash, "seed %llu: %s is another place",
                   (unsigned long long)seed, line);
    }
    vlot__session_deinit(&session);
  }
}

/* Inside a line too: the actions of `until` are those that steps would have done. */
Test(session, a_part_of_a_line_is_so_many_steps) {
  for (uint64_t seed = 1; seed <= 10; seed++) {
    vlot__session whole, steps;
    uint64_t hashes[64];
    char line[32];
    set_up(&whole, false, seed);
    set_up(&steps, false, seed);
    must_say(&whole, "until leader");
    must_say(&whole, "tick 50");
    uint64_t end = vlot__session_actions(&whole);
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
    vlot__session_deinit(&whole);
    vlot__session_deinit(&steps);
  }
}

Test(session, what_is_undone_is_kept_until_it_is_wanted_again) {
  vlot__session session;
  set_up(&session, false, 3);
  must_say(&session, "until leader");
  must_say(&session, "propose x=1");
  must_say(&session, "kill 1");
  uint64_t end = vlot__session_actions(&session), hash = hash_of(&session);
  must_say(&session, "back 2");
  must_say(&session, "step"); /* something else happens: kill 1 does not */
  cr_assert_eq(session.history.branch_count, 2);
  must_say(&session, "step 3");
  uint64_t other_end = vlot__session_actions(&session), other_hash = hash_of(&session);
  must_say(&session, "branches 1");
  cr_assert_eq(vlot__session_actions(&session), end);
  cr_assert_eq(hash_of(&session), hash);
  must_say(&session, "branches 2");
  cr_assert_eq(vlot__session_actions(&session), other_end);
  cr_assert_eq(hash_of(&session), other_hash);
  vlot__session_deinit(&session);
}

/* Who goes back and lets time go on as it did has said nothing new. */
Test(session, the_same_again_is_no_other_branch) {
  vlot__session session;
  set_up(&session, false, 3);
  must_say(&session, "until leader");
  uint64_t end = vlot__session_actions(&session), hash = hash_of(&session);
  must_say(&session, "back 3");
  must_say(&session, "log");
  must_say(&session, "step");
  must_say(&session, "n 2");
  cr_assert_eq(session.history.branch_count, 1);
  cr_assert_eq(vlot__session_actions(&session), end);
  cr_assert_eq(hash_of(&session), hash);
  must_say(&session, "step");
  must_say(&session, "back 4");
  must_say(&session, "step 9"); /* over several lines, and beyond the end */
  cr_assert_eq(session.history.branch_count, 1);
  cr_assert_eq(vlot__session_actions(&session), end + 6);
  must_say(&session, "back 9");
  must_say(&session, "step 2");
  must_say(&session, "goto 3");
  must_say(&session, "fork mine");
  must_say(&session, "branches 1");
  vlot__session_deinit(&session);
}

Test(session, what_cannot_be_is_said_and_changes_nothing) {
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
  vlot__session session;
  set_up(&session, false, 3);
  cr_assert_not(say(&session, "back"));
  must_say(&session, "until leader");
  must_say(&session, "back");
  uint64_t action = vlot__session_actions(&session), hash = hash_of(&session);
  for (size_t k = 0; k < sizeof wrong / sizeof *wrong; k++) {
    cr_assert_not(say(&session, wrong[k]), "%s", wrong[k]);
    cr_assert(strstr(session.out.data, "error: "), "%s", wrong[k]);
    cr_assert_eq(vlot__session_actions(&session), action, "%s", wrong[k]);
    cr_assert_eq(hash_of(&session), hash, "%s", wrong[k]);
  }
  must_say(&session, "goto 1");
  vlot__session_deinit(&session);
}

Test(session, who_is_asked_to_stop_stops) {
  volatile sig_atomic_t must_stop = 1;
  vlot__session session;
  set_up(&session, false, 3);
  must_say(&session, "step 2");
  session.must_stop = &must_stop;
  must_say(&session, "until term 1000");
  cr_assert(session.was_stopped);
  cr_assert_eq(vlot__session_actions(&session), 2);
  must_stop = 0;
  must_say(&session, "until leader");
  cr_assert_not(session.was_stopped);
  vlot__session_deinit(&session);
}

/* What is saved plays, and tells the same story: with what was undone, and without it. */
Test(session, a_saved_story_plays) {
  char names[2][64];
  vlot__session session;
  vlot__session_init(&session, false, ACTIONS_MAX);
  session.options.nodes = 5;
  session.options.seed = 11;
  for (unsigned k = 0; k < 2; k++)
    snprintf(names[k], sizeof names[k], "/tmp/vlot-session-test-%d-%u", (int)getpid(), k);
  must_say(&session, "# Once upon a time");
  must_say(&session, "until leader");
  cr_assert_not(say(&session, "kill 9"));
  must_say(&session, "kill 1");
  must_say(&session, "p");
  must_say(&session, "propose x=1");
  must_say(&session, "why");
  must_say(&session, "until quiet");
  uint64_t hash = hash_of(&session);
  for (unsigned k = 0; k < 2; k++) {
    char line[128], text[1 << 16];
    snprintf(line, sizeof line, "save %s%s", names[k], k ? " line" : "");
    must_say(&session, line);
    cr_assert_not(say(&session, line)); /* never over what is there */
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
    cr_assert_eq(hash_of(&scene.session), hash);
    vlot__scene_deinit(&scene);
  }
  vlot__session_deinit(&session);
}

/* A scene that is walked through, deviated from, and gone back in, goes on where it stood. */
Test(session, a_scene_goes_on_where_one_went_back_to) {
  static const char text[] =
      "# The beginning.\nnodes 3\ntimeout 1\n----\nwhatever was seen\n\n# Votes.\n"
      "deliver all PreVote\n\ndeliver all PreVoteReply\n";
  vlot__session session;
  vlot__session_init(&session, false, ACTIONS_MAX);
  cr_assert(vlot__session_set_scene(&session, text));
  must_say(&session, "next");
  cr_assert(strstr(session.out.data, "# The beginning.\n> nodes 3\n"));
  must_say(&session, "next");
  must_say(&session, "next");
  cr_assert(strstr(session.out.data, "# Votes.\n> deliver all PreVote\n"));
  cr_assert_null(strstr(session.out.data, "whatever"));
  must_say(&session, "goto 1");
  must_say(&session, "next");
  cr_assert(strstr(session.out.data, "> deliver all PreVote\n"));
  must_say(&session, "next 2");
  cr_assert(strstr(session.out.data, "> deliver all PreVoteReply\n"));
  must_say(&session, "next");
  must_say(&session, "until leader");
  vlot__session_deinit(&session);
}

static void ask(vlot__session *session, vlot__request request) {
  vlot__requests *requests = &session->cluster->requests;
  uint64_t asked = atomic_load(&requests->asked);
  requests->ring[asked % VLOT__REQUESTS] = request;
  atomic_store(&requests->asked, asked + 1);
}

static void look(vlot__session *session, char *text, size_t capacity) {
  vlot__text_clear(&session->out);
  cr_assert(vlot__command_run(session, "nodes"));
  cr_assert(vlot__command_run(session, "net"));
  cr_assert(vlot__command_run(session, "timers"));
  snprintf(text, capacity, "%s", session->out.data);
}

/* What a debugger asked for in the middle of a line is done again where it was done. */
Test(session, going_back_asks_again_what_a_debugger_asked) {
  static const vlot__request requests[] = {
      {.kind = VLOT_REQUEST_TIMEOUT, .node = 2},
      {.kind = VLOT_REQUEST_HOLD, .id = 3},
      {.kind = VLOT_REQUEST_PARTITION, .sides = {1, 0, 0, 1}},
      {.kind = VLOT_REQUEST_DROP, .id = 4711}, /* nothing comes of it */
      {.kind = VLOT_REQUEST_CAMPAIGN, .node = 4},
      {.kind = VLOT_REQUEST_RESTART, .node = 3, .value = VLOT_RESTART_WIPE},
      {.kind = VLOT_REQUEST_KILL, .node = 1, .value = 1},
      {.kind = VLOT_REQUEST_HEAL},
  };
  enum { REQUESTS = sizeof requests / sizeof *requests };
  char then[8192], now[8192], line[32];
  vlot__session session;
  set_up(&session, false, 5);
  must_say(&session, "step");
  for (size_t k = 0; k < REQUESTS; k++) {
    ask(&session, requests[k]);
    must_say(&session, k % 3 == 1 ? "tick 2" : k % 3 == 2 ? "until leader" : "step 4");
  }
  uint64_t end = vlot__session_actions(&session);
  look(&session, then, sizeof then);
  must_say(&session, "goto 2");
  snprintf(line, sizeof line, "goto %llu", (unsigned long long)end);
  must_say(&session, line);
  look(&session, now, sizeof now);
  cr_assert_str_eq(now, then);
  vlot__session_deinit(&session);
}

Test(session, of_several_things_each_can_be_undone) {
  vlot__session session;
  set_up(&session, false, 3);
  must_say(&session, "timeout 1");
  must_say(&session, "deliver all");
  uint64_t end = vlot__session_actions(&session), hash = hash_of(&session);
  cr_assert_eq(end, 4); /* a timer, and three messages */
  must_say(&session, "back");
  cr_assert_eq(vlot__session_actions(&session), 3);
  must_say(&session, "goto 4");
  cr_assert_eq(hash_of(&session), hash);
  vlot__session_deinit(&session);
}

Test(session, of_several_ids_all_are_meant_or_none) {
  vlot__session session;
  set_up(&session, false, 3);
  must_say(&session, "timeout 1");
  uint64_t before = vlot__session_actions(&session);
  cr_assert_not(say(&session, "drop 9 10 4711"));
  cr_assert(strstr(session.out.data, "\n            ^^^^"), "%s", session.out.data);
  cr_assert_not(say(&session, "drop 9 9"));
  cr_assert_not(say(&session, "drop 9 PreVote"));
  cr_assert_not(say(&session, "drop PreVote RequestVote"));
  cr_assert_not(say(&session, "drop 1->2 1->3"));
  cr_assert_eq(vlot__session_actions(&session), before);
  must_say(&session, "drop #9 10");
  cr_assert_eq(vlot__session_actions(&session), before + 2);
  vlot__session_deinit(&session);
}

/* A session that may go no further than to an action has room again when it goes back. */
Test(session, its_limit_is_a_place) {
  vlot__session session;
  vlot__session_init(&session, false, 50);
  cr_assert_not(say(&session, "until term 100"));
  cr_assert(session.was_limited);
  cr_assert_eq(vlot__session_actions(&session), 50);
  cr_assert_not(say(&session, "step"));
  must_say(&session, "kill 1"); /* what is no time is done all the same */
  must_say(&session, "back 21");
  must_say(&session, "step 5");
  vlot__session_deinit(&session);
}

Test(session, looking_leaves_the_setting_up_open) {
  vlot__session session;
  vlot__session_init(&session, false, ACTIONS_MAX);
  must_say(&session, "status");
  must_say(&session, "timers");
  must_say(&session, "switches -random");
  must_say(&session, "nodes 4");
  must_say(&session, "log");
  must_say(&session, "start 1 log 1 1 2");
  cr_assert_not(say(&session, "start 2 log 1 2 2")); /* entry 3 is the same, and 2 is not */
  must_say(&session, "start 2 log 1 1 2 2");
  must_say(&session, "timers");
  cr_assert(strstr(session.out.data, "n4  in 15 ticks"), "%s", session.out.data);
  vlot__session_deinit(&session);
}

/* What a disk or clock does that is not as usual is seen for as long as it is so. */
Test(session, net_lists_disks_and_clocks_that_are_not_as_usual) {
  vlot__session session;
  vlot__session_init(&session, false, ACTIONS_MAX);
  must_say(&session, "net");
  cr_assert_null(strstr(session.out.data, "disk"), "%s", session.out.data);
  must_say(&session, "disk 2 stalled");
  must_say(&session, "clock 3 1500");
  must_say(&session, "timeout 1");
  must_say(&session, "until leader");
  must_say(&session, "tick 6");
  must_say(&session, "net");
  cr_assert(strstr(session.out.data, "  disk n2  stalled  entry 1 is not durable yet"), "%s",
            session.out.data);
  cr_assert(strstr(session.out.data, "  clock n3  runs at 1500/1000\n"), "%s", session.out.data);
  must_say(&session, "disk 2");
  must_say(&session, "clock 3 1000");
  must_say(&session, "net");
  cr_assert_null(strstr(session.out.data, "  disk n2"), "%s", session.out.data);
  cr_assert_null(strstr(session.out.data, "  clock n3"), "%s", session.out.data);
  vlot__session_deinit(&session);
}
