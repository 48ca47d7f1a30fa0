/* Whatever is said, what was there is there again: histories of random commands, gone through in
 * all directions. VLOT_SEEDS="from count" looks further than the suite does. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/prng.h"
#include "command.h"
#include "scene.h"

enum { ACTIONS_MAX = 20000, ROUNDS_MAX = 200, LINE_MAX_SIZE = 96 };

/* Every verb that acts; %n: a node, %t: a few ticks, %p: percent, %k: what is pending, %s: switches,
 * %r: a clock's rate, %x: a key. */
static const char *const acts[] = {
    "step",
    "step %t",
    "step 40 quiet",
    "tick",
    "tick 0",
    "tick %t",
    "tick 40",
    "tick 300",
    "until leader",
    "until leader %n %t",
    "until quiet",
    "until quiet %t",
    "until term %t 50",
    "until commit %t 50 at %n",
    "until role %n leader 30",
    "until Dropped 20",
    "until Vote 60 of %n",
    "deliver %k",
    "deliver all",
    "deliver timer *->%n",
    "fire write *->%n",
    "fire client",
    "drop %k",
    "hold %k",
    "hold timer *->%n",
    "hold write *->%n",
    "hold client *->%n",
    "release %k",
    "release all timer",
    "release all write",
    "release all client",
    "release all",
    "duplicate %k",
    "delay %k",
    "delay %k by %t",
    "delay write by %t",
    "timeout %n",
    "kill %n",
    "kill %n power",
    "spawn %n",
    "spawn %n",
    "restart %n",
    "restart %n lose",
    "restart %n wipe",
    "suspend %n",
    "resume %n",
    "resume %n",
    "campaign %n",
    "campaign %n later",
    "elect %n",
    "elect %n later",
    "stepdown %n",
    "stepdown %n later",
    "forget %n",
    "forget %n later",
    "snapshot %n",
    "snapshot %n",
    "snapshot %n later",
    "compact %n",
    "compact %n %t",
    "compact %n later",
    "fire image *->%n",
    "hold image *->%n",
    "delay image by %t",
    "release all image",
    "deliver InstallSnapshot",
    "drop all InstallSnapshot",
    "duplicate InstallSnapshot",
    "partition %n | %n",
    "partition %n",
    "isolate %n",
    "cut %n %n",
    "cut %n %n oneway",
    "cut * %n",
    "heal",
    "heal all",
    "heal link %n",
    "heal link %n %n",
    "heal disk",
    "heal disk %n",
    "heal clock",
    "heal clock %n",
    "link * * loss %p",
    "link %n * duplicate %p reorder %p",
    "link %n %n delay %t upto 20",
    "disk %n stalled",
    "disk %n delay %t",
    "disk %n delay 1 upto %t",
    "disk %n full",
    "disk %n fail 3",
    "clock %n %r",
    "propose %x=1",
    "propose %x=2 at %n",
    "read %x",
    "read %x at %n",
    "read %x at %n local",
    "set %x a word",
    "get %x local",
    "del %x",
    "del %x at %n",
    "cas %x a b",
    "incr %x",
    "incr %x 3 at %n",
    "switches %s",
    "switches %s",
    "switches %s at %n",
};

static const char *const looks[] = {
    "status", "node %n",   "log",         "log %n", "diff 1 %n", "kv",     "kv %n",
    "net",    "timers",    "events %n",   "check",  "lints",     "why",    "why %n",
    "nodes",  "disk %n",   "link %n *",   "json net", "history", "branches", "help",
    "why %n vote", "why %n log", "no such verb", "deliver 4711", "kill 77",
};

static const char *const kinds[] = {
    "all",      "PreVote",  "RequestVote", "VoteReply",     "AppendEntries", "AppendReply",
    "*->%n",    "%n->*",    "all *->%n",   "all AppendReply", "timer",         "write",
    "all write", "client",  "all timer",   "all client",
};

static const char *const switches[] = {"-prevote",    "+prevote",    "-checkquorum", "+checkquorum",
                                       "-stickiness", "+stickiness", "-noop",        "+noop",
                                       "-random",     "+random",     "-prevote -noop"};

#define PICK(prng, of) (of)[vlot__prng_below(prng, sizeof(of) / sizeof *(of))]

typedef struct said {
  vlot__prng prng;
  uint32_t nodes;
  unsigned rounds;
  char lines[ROUNDS_MAX][LINE_MAX_SIZE];
} said;

static size_t fill(said *session, char *line, size_t at, const char *pattern) {
  static const unsigned rates[] = {0, 300, 500, 1000, 1500, 3000};
  vlot__prng *prng = &session->prng;
  for (; *pattern && at + 24 < LINE_MAX_SIZE; pattern++) {
    if (*pattern != '%') {
      line[at++] = *pattern;
      continue;
    }
    size_t left = LINE_MAX_SIZE - at;
    switch (*++pattern) {
    case 'n': at += (size_t)snprintf(line + at, left, "%u", 1 + (unsigned)vlot__prng_below(prng, session->nodes)); break;
    case 't': at += (size_t)snprintf(line + at, left, "%u", 1 + (unsigned)vlot__prng_below(prng, 12)); break;
    case 'p': at += (size_t)snprintf(line + at, left, "%u", 10 * (unsigned)vlot__prng_below(prng, 11)); break;
    case 'r': at += (size_t)snprintf(line + at, left, "%u", PICK(prng, rates)); break;
    case 'x': line[at++] = "xyz"[vlot__prng_below(prng, 3)]; break;
    case 's': at = fill(session, line, at, PICK(prng, switches)); break;
    case 'k': at = fill(session, line, at, PICK(prng, kinds)); break;
    }
  }
  line[at] = '\0';
  return at;
}

static bool say(vlot__workspace *workspace, const char *line) {
  vlot__text_clear(&workspace->out);
  return vlot__command_run(workspace, line);
}

static void begin(said *session, uint64_t seed) {
  vlot__prng_init(&session->prng, seed, 77);
  session->nodes = 1 + (uint32_t)vlot__prng_below(&session->prng, 5);
  if (session->nodes < 3) session->nodes = 3;
  if (vlot__prng_below(&session->prng, 12) == 0) session->nodes = 2;
  session->rounds = 20 + (unsigned)vlot__prng_below(&session->prng, ROUNDS_MAX - 20);
  for (unsigned k = 0; k < session->rounds; k++) fill(session, session->lines[k], 0, PICK(&session->prng, acts));
}

static void set_up(vlot__workspace *workspace, said *session, uint64_t seed) {
  char line[32];
  vlot__workspace_init(workspace, false, ACTIONS_MAX);
  snprintf(line, sizeof line, "nodes %u", session->nodes);
  cr_assert(say(workspace, line));
  snprintf(line, sizeof line, "seed %llu", (unsigned long long)seed);
  cr_assert(say(workspace, line));
  if (seed % 7 == 0) say(workspace, "learners 1");
  if (seed % 5 == 0) say(workspace, "batch 1");
  if (seed % 6 == 0) say(workspace, "switches -random");
  if (seed % 3 == 0) say(workspace, "stream chunk 16 window 48 keep 0");
  if (seed % 8 == 1) {
    cr_assert(say(workspace, "create 1 fail 2"), "%s", workspace->problem.data);
    cr_assert(say(workspace, "create 2 fail 3"));
  }
  if (seed % 4 == 0) {
    cr_assert(say(workspace, "start 1 log 1 1 2"));
    cr_assert(say(workspace, "start 2 term 3 log 1 1"));
  }
}

typedef struct seen {
  vlot__story_place place;
  uint64_t hash;
  char *view;
} seen;

static seen look(vlot__workspace *workspace) {
  vlot_cluster_stats stats;
  seen now = {.hash = 0};
  vlot__text kept = workspace->out;
  workspace->out = (vlot__text){0};
  cr_assert(vlot__workspace_open(workspace));
  vlot_cluster_get_stats(workspace->cluster, &stats);
  now.hash = stats.event_hash;
  vlot__command_run(workspace, "nodes");
  vlot__command_run(workspace, "net");
  vlot__command_run(workspace, "timers");
  for (uint32_t id = 1; id <= workspace->options.nodes; id++) {
    char line[16];
    snprintf(line, sizeof line, "node %u", id);
    vlot__command_run(workspace, line);
    snprintf(line, sizeof line, "kv %u", id);
    vlot__command_run(workspace, line);
  }
  vlot__command_run(workspace, "log");
  vlot__command_run(workspace, "why");
  now.place = vlot__workspace_place(workspace);
  now.view = strdup(workspace->out.data ? workspace->out.data : "");
  vlot__text_deinit(&workspace->out);
  workspace->out = kept;
  return now;
}

static void print_until(const said *session, unsigned last) {
  for (unsigned k = 0; k <= last && k < session->rounds; k++) fprintf(stderr, "  %s\n", session->lines[k]);
}

static void first_difference(const char *a, const char *b) {
  while (*a && *a == *b) {
    const char *x = strchr(a, '\n'), *y = strchr(b, '\n');
    if (!x || !y || x - a != y - b || memcmp(a, b, (size_t)(x - a)) != 0) break;
    a = x + 1;
    b = y + 1;
  }
  fprintf(stderr, "    was:  %.*s\n    is:   %.*s\n", (int)strcspn(a, "\n"), a, (int)strcspn(b, "\n"), b);
}

static unsigned failures;

static bool is_same_place(vlot__story_place a, vlot__story_place b) {
  return a.action == b.action && a.idle == b.idle && a.tick == b.tick;
}

static bool expect(const said *session, uint64_t seed, unsigned last, const char *how,
                   const seen *was, const seen *is) {
  if (was->hash == is->hash && is_same_place(was->place, is->place) && strcmp(was->view, is->view) == 0) return true;
  failures++;
  fprintf(stderr, "seed %llu, %u nodes, after %u '%s': %s: ", (unsigned long long)seed, session->nodes, last, session->lines[last], how);
  fprintf(stderr, "%s action %llu idle %llu tick %llu, was %llu %llu %llu\n", was->hash == is->hash ? "same events," : "OTHER EVENTS,",
          (unsigned long long)is->place.action, (unsigned long long)is->place.idle, (unsigned long long)is->place.tick,
          (unsigned long long)was->place.action, (unsigned long long)was->place.idle, (unsigned long long)was->place.tick);
  first_difference(was->view, is->view);
  if (getenv("VLOT_LINES")) print_until(session, last);
  return false;
}

static void seeds(unsigned long long *from, unsigned long long *count) {
  const char *asked = getenv("VLOT_SEEDS");
  if (asked) sscanf(asked, "%llu %llu", from, count);
}

/* One that goes back and forth and looks between its commands is where one is that does not. */
Test(history, who_looks_and_goes_back_and_forth_is_where_who_does_not_is, .timeout = 100000) {
  unsigned long long from = 1, count = 20;
  seeds(&from, &count);
  for (unsigned long long seed = from; seed < from + count; seed++) {
    said session;
    vlot__workspace plain, restless;
    begin(&session, seed);
    set_up(&plain, &session, seed);
    set_up(&restless, &session, seed);
    for (unsigned k = 0; k < session.rounds; k++) {
      char line[LINE_MAX_SIZE];
      for (unsigned looking = (unsigned)vlot__prng_below(&session.prng, 3); looking > 0; looking--) {
        fill(&session, line, 0, PICK(&session.prng, looks));
        say(&restless, line);
      }
      if (vlot__prng_below(&session.prng, 6) == 0) {
        for (unsigned steps = 1 + (unsigned)vlot__prng_below(&session.prng, 3); steps > 0; steps--) {
          uint64_t end = vlot__story_end(&restless.story);
          if (vlot__prng_below(&session.prng, 2))
            snprintf(line, sizeof line, "undo");
          else
            snprintf(line, sizeof line, "goto %llu", (unsigned long long)vlot__prng_below(&session.prng, end + 1));
          say(&restless, line);
        }
        if (restless.story.branch_count > 0) {
          snprintf(line, sizeof line, "branches %s", vlot__story_present(&restless.story)->name);
          cr_assert(say(&restless, line), "%s", restless.problem.data);
        }
      }
      bool is_done = say(&plain, session.lines[k]);
      bool is_done_too = say(&restless, session.lines[k]);
      bool is_told_so = strcmp(plain.out.data ? plain.out.data : "", restless.out.data ? restless.out.data : "") == 0;
      seen was = {0}, is = {0};
      vlot_cluster_stats a = {0}, b = {0};
      if (plain.cluster) vlot_cluster_get_stats(plain.cluster, &a);
      if (restless.cluster) vlot_cluster_get_stats(restless.cluster, &b);
      bool is_well = is_done == is_done_too && a.event_hash == b.event_hash && a.actions == b.actions && is_same_place(vlot__workspace_place(&plain), vlot__workspace_place(&restless));
      if (!is_well || !is_told_so) {
        failures++;
        fprintf(stderr, "seed %llu after %u '%s': done %d %d, told the same: %d\n", seed, k, session.lines[k], is_done, is_done_too, is_told_so);
        if (!is_told_so) first_difference(plain.out.data ? plain.out.data : "", restless.out.data ? restless.out.data : "");
        was = look(&plain);
        is = look(&restless);
        expect(&session, seed, k, "twin", &was, &is);
        free(was.view);
        free(is.view);
        if (getenv("VLOT_LINES")) print_until(&session, k);
        break;
      }
    }
    vlot__workspace_deinit(&plain);
    vlot__workspace_deinit(&restless);
  }
  cr_assert_eq(failures, 0, "%u", failures);
}

Test(history, going_anywhere_finds_what_was_there, .timeout = 100000) {
  unsigned long long from = 1, count = 20;
  seeds(&from, &count);
  for (unsigned long long seed = from; seed < from + count; seed++) {
    said session;
    vlot__workspace workspace;
    static seen marks[ROUNDS_MAX];
    char line[LINE_MAX_SIZE], how[128];
    begin(&session, seed);
    set_up(&workspace, &session, seed);
    for (unsigned k = 0; k < session.rounds; k++) {
      say(&workspace, session.lines[k]);
      /* half of the sessions look only at the end of it */
      marks[k] = (seen){.hash = 0};
      if (seed % 2 || k + 1 == session.rounds) {
        marks[k] = look(&workspace);
      } else {
        vlot_cluster_stats stats;
        cr_assert(vlot__workspace_open(&workspace));
        vlot_cluster_get_stats(workspace.cluster, &stats);
        marks[k] = (seen){.place = vlot__workspace_place(&workspace), .hash = stats.event_hash, .view = NULL};
      }
    }
    unsigned last = session.rounds - 1;
    bool is_well = true;
    for (unsigned turn = 0; turn < 30 && is_well; turn++) {
      seen now;
      unsigned k = (unsigned)vlot__prng_below(&session.prng, session.rounds);
      switch (vlot__prng_below(&session.prng, 4)) {
      case 0: snprintf(line, sizeof line, "undo"); break;
      case 1: snprintf(line, sizeof line, "redo"); break;
      case 2: snprintf(line, sizeof line, "branches %s", workspace.story.branch_count ? vlot__story_present(&workspace.story)->name : "1"); break;
      default: snprintf(line, sizeof line, "goto %llu", (unsigned long long)marks[k].place.action); break;
      }
      if (!say(&workspace, line)) continue;
      now = look(&workspace);
      for (unsigned m = 0; m <= last; m++) {
        if (marks[m].place.action != now.place.action) continue;
        if (now.place.action == 0 && m < last && marks[m + 1].place.action == 0) continue; /* set up further */
        if (marks[m].hash == now.hash && (!is_same_place(marks[m].place, now.place) || !marks[m].view)) continue;
        snprintf(how, sizeof how, "%s, mark %u", line, m);
        seen was = marks[m];
        if (!was.view) was.view = "";
        if (!expect(&session, seed, m, how, &was, &now)) {
          is_well = false;
          break;
        }
      }
      free(now.view);
    }
    for (unsigned k = 0; k < session.rounds; k++) free(marks[k].view);
    vlot__workspace_deinit(&workspace);
  }
  cr_assert_eq(failures, 0, "%u", failures);
}

/* What is saved is the way to where one is. */
Test(history, what_is_saved_leads_there, .timeout = 100000) {
  unsigned long long from = 1, count = 20;
  char name[64];
  seeds(&from, &count);
  snprintf(name, sizeof name, "history_test.%ld", (long)getpid());
  for (unsigned long long seed = from; seed < from + count; seed++) {
    said session;
    vlot__workspace workspace;
    char line[LINE_MAX_SIZE];
    static char text[1 << 20];
    begin(&session, seed);
    set_up(&workspace, &session, seed);
    for (unsigned k = 0; k < session.rounds; k++) {
      say(&workspace, session.lines[k]);
      if (vlot__prng_below(&session.prng, 20) == 0) {
        snprintf(line, sizeof line, "back %u", 1 + (unsigned)vlot__prng_below(&session.prng, 20));
        say(&workspace, line);
      }
    }
    for (unsigned k = 0; k < 2; k++) {
      seen was = look(&workspace);
      snprintf(line, sizeof line, "save %s%s", name, k ? " line" : "");
      cr_assert(say(&workspace, line), "seed %llu: %s", seed, workspace.problem.data);
      FILE *file = fopen(name, "r");
      size_t size = fread(text, 1, sizeof text - 1, file);
      text[size] = '\0';
      fclose(file);
      unlink(name);
      vlot__scene scene = {.name = line};
      vlot__scene_play(&scene, text, false);
      seen is = look(&scene.workspace);
      bool is_well = expect(&session, seed, session.rounds - 1, line, &was, &is);
      if (scene.differences || !is_well) {
        fprintf(stderr, "seed %llu %s: %u differences\n", seed, line, (unsigned)scene.differences);
        failures += is_well;
        if (getenv("VLOT_LINES")) fprintf(stderr, "%s\n", text);
      }
      vlot__scene_deinit(&scene);
      free(was.view);
      free(is.view);
    }
    vlot__workspace_deinit(&workspace);
  }
  cr_assert_eq(failures, 0, "%u", failures);
}
