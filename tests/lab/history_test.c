/* Whatever is said, what was there is there again: histories of random commands, gone through in
 * all directions. VLOT_SEEDS="from count" looks further than the suite does, and says what was said
 * where something differs.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/prng.h"
#include "cluster/object.h"
#include "command.h"
#include "scene.h"

enum { ROUNDS_MAX = 200, LINE_SIZE = 96, SEEDS = 40 };

/* Every verb that acts; %n: a node, %t: a few ticks, %p: percent, %k: what is pending, %i: an id of
 * such, %s: switches, %r: a clock's rate, %x: a key. */
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
    "until dropped 20",
    "until vote 60 of %n",
    "next 2",
    "deliver %k",
    "deliver %i",
    "drop %i %i",
    "hold %i",
    "delay %i by %t",
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
    "status",      "node %n",    "log",          "log %n",       "diff 1 %n", "kv",       "kv %n",
    "net",         "timers",     "events %n",    "check",        "lints",     "why",      "why %n",
    "nodes",       "disk %n",    "link %n *",    "json net",     "history",   "branches", "help",
    "why %n vote", "why %n log", "no such verb", "deliver 4711", "kill 77",
};

static const char *const kinds[] = {
    "all",       "PreVote", "RequestVote", "VoteReply",       "AppendEntries", "AppendReply",
    "*->%n",     "%n->*",   "all *->%n",   "all AppendReply", "timer",         "write",
    "all write", "client",  "all timer",   "all client",
};

static const char *const switches[] = {
    "-prevote", "+prevote", "-checkquorum", "+checkquorum", "-stickiness",   "+stickiness",
    "-noop",    "+noop",    "-random",      "+random",      "-prevote -noop"};

#define PICK(prng, of)  (of)[vlot__prng_below(prng, sizeof(of) / sizeof *(of))]
#define ONE_IN(n, prng) (vlot__prng_below(prng, n) == 0)

/* --- what is said --- */

typedef struct session {
  vlot__prng prng;
  uint64_t seed;
  uint32_t nodes;
  unsigned rounds;
  char lines[ROUNDS_MAX][LINE_SIZE];
  /* by a debugger, before the line; kind 0: nothing. Said again it is a verb and no REQUEST: all is
   * the same but the events of that kind, and so the hash */
  vlot__request asks[ROUNDS_MAX];
  bool has_asks;
} session;

static unsigned below(session *of, unsigned limit) {
  return (unsigned)vlot__prng_below(&of->prng, limit);
}

static size_t fill(session *of, char *line, size_t at, const char *pattern);

static size_t fill_one(session *of, char *line, size_t at, char what) {
  static const unsigned rates[] = {0, 300, 500, 1000, 1500, 3000};
  size_t left = LINE_SIZE - at;
  switch (what) {
  case 'n': return at + (size_t)snprintf(line + at, left, "%u", 1 + below(of, of->nodes));
  case 't': return at + (size_t)snprintf(line + at, left, "%u", 1 + below(of, 12));
  case 'p': return at + (size_t)snprintf(line + at, left, "%u", 10 * below(of, 11));
  case 'i': return at + (size_t)snprintf(line + at, left, "%u", 1 + below(of, 200));
  case 'r': return at + (size_t)snprintf(line + at, left, "%u", PICK(&of->prng, rates));
  case 'x': return at + (size_t)snprintf(line + at, left, "%c", 'x' + (int)below(of, 3));
  case 's': return fill(of, line, at, PICK(&of->prng, switches));
  default: return fill(of, line, at, PICK(&of->prng, kinds));
  }
}

static size_t fill(session *of, char *line, size_t at, const char *pattern) {
  for (; *pattern && at + 24 < LINE_SIZE; pattern++)
    if (*pattern == '%')
      at = fill_one(of, line, at, *++pattern);
    else
      line[at++] = *pattern;
  line[at] = '\0';
  return at;
}

static vlot__request some_request(session *of) {
  static const uint32_t kinds_asked[] = {
      VLOT_REQUEST_DROP,    VLOT_REQUEST_DUPLICATE, VLOT_REQUEST_DELAY,    VLOT_REQUEST_HOLD,
      VLOT_REQUEST_RELEASE, VLOT_REQUEST_FIRE,      VLOT_REQUEST_TIMEOUT,  VLOT_REQUEST_HEAL,
      VLOT_REQUEST_KILL,    VLOT_REQUEST_SPAWN,     VLOT_REQUEST_RESTART,  VLOT_REQUEST_SUSPEND,
      VLOT_REQUEST_RESUME,  VLOT_REQUEST_CAMPAIGN,  VLOT_REQUEST_STEPDOWN, VLOT_REQUEST_PARTITION};
  uint32_t node = 1 + below(of, of->nodes);
  return (vlot__request){.kind = PICK(&of->prng, kinds_asked),
                         .node = node,
                         .id = below(of, 2) ? VLOT_PENDING_TIMER_ID(node) : 1 + below(of, 200),
                         .value = below(of, 2),
                         .id_count = 1,
                         .ids = {node}};
}

static void make(session *made, uint64_t seed) {
  vlot__prng_init(&made->prng, seed, 77);
  made->seed = seed;
  made->nodes = 2 + below(made, 4);
  made->has_asks = seed % 4 == 3;
  made->rounds = 20 + below(made, ROUNDS_MAX - 20);
  for (unsigned k = 0; k < made->rounds; k++) {
    fill(made, made->lines[k], 0, PICK(&made->prng, acts));
    made->asks[k] =
        made->has_asks && ONE_IN(8, &made->prng) ? some_request(made) : (vlot__request){.kind = 0};
  }
}

static bool say(vlot__workspace *workspace, const char *line) {
  vlot__text_clear(&workspace->out);
  return vlot__command_run(workspace, line);
}

static const char *said(const vlot__workspace *workspace) {
  return workspace->out.data ? workspace->out.data : "";
}

static void set_up(vlot__workspace *workspace, const session *of, bool has_threads) {
  char line[LINE_SIZE];
  vlot__workspace_init(workspace, has_threads, of->seed % 9 == 0 ? 300 : 20000);
  snprintf(line, sizeof line, "nodes %u", of->nodes);
  cr_assert(say(workspace, line));
  snprintf(line, sizeof line, "seed %llu", (unsigned long long)of->seed);
  cr_assert(say(workspace, line));
  if (of->seed % 7 == 0) cr_assert(say(workspace, "learners 1"));
  if (of->seed % 5 == 0) cr_assert(say(workspace, "batch 1"));
  if (of->seed % 6 == 0) cr_assert(say(workspace, "switches -random"));
  if (of->seed % 3 == 0) cr_assert(say(workspace, "stream chunk 16 window 48 keep 0"));
  if (of->seed % 8 == 1) cr_assert(say(workspace, "create 1 fail 2"));
  if (of->seed % 8 == 1) cr_assert(say(workspace, "create 2 fail 3"));
  if (of->seed % 4 == 0) cr_assert(say(workspace, "start 1 log 1 1 2"));
  if (of->seed % 4 == 0) cr_assert(say(workspace, "start 2 term 3 log 1 1"));
}

static bool has_asked(const vlot__workspace *workspace) {
  const vlot_cluster *cluster = workspace->cluster;
  return cluster && atomic_load(&cluster->requests.asked) != atomic_load(&cluster->requests.done);
}

static bool can_ask(const vlot__workspace *workspace) {
  return workspace->cluster && !has_asked(workspace);
}

static void ask(vlot__workspace *workspace, const vlot__request *request) {
  vlot__requests *requests = &workspace->cluster->requests;
  uint64_t asked = atomic_load(&requests->asked);
  if (!request->kind) return;
  requests->ring[asked % VLOT__REQUESTS] = *request;
  atomic_store(&requests->asked, asked + 1);
}

/* --- what there is --- */

typedef struct seen {
  vlot__story_place place;
  uint64_t hash;
  char *view; /* NULL: nobody looked */
} seen;

static bool is_same_place(const seen *a, const seen *b) {
  return a->place.action == b->place.action && a->place.idle == b->place.idle &&
         a->place.tick == b->place.tick;
}

static seen stand(vlot__workspace *workspace) {
  vlot_cluster_stats stats;
  cr_assert(vlot__workspace_open(workspace)); /* it was perhaps only set up */
  vlot_cluster_get_stats(workspace->cluster, &stats);
  return (seen){.place = vlot__workspace_place(workspace), .hash = stats.event_hash};
}

static void look_by(vlot__workspace *workspace, const char *verb, uint32_t id) {
  char line[LINE_SIZE];
  snprintf(line, sizeof line, id ? "%s %u" : "%s", verb, id);
  vlot__command_run(workspace, line);
}

static seen look(vlot__workspace *workspace, const session *of) {
  static const char *const whole[] = {"nodes", "net", "timers", "log", "why", "lints", "check"};
  static const char *const each[] = {"node", "kv", "events"}; /* those the last */
  vlot__text kept = workspace->out;
  workspace->out = (vlot__text){0};
  for (size_t k = 0; k < sizeof whole / sizeof *whole; k++) look_by(workspace, whole[k], 0);
  for (uint32_t id = 1; id <= workspace->options.nodes; id++)
    for (size_t k = 0; k < sizeof each / sizeof *each - of->has_asks; k++)
      look_by(workspace, each[k], id);
  seen now = stand(workspace);
  now.view = strdup(said(workspace));
  vlot__text_deinit(&workspace->out);
  workspace->out = kept;
  return now;
}

/* --- what differs --- */

static unsigned differences;

static void tell_first_line(const char *was, const char *is) {
  for (const char *a, *b; (a = strchr(was, '\n')) && (b = strchr(is, '\n'));
       was = a + 1, is = b + 1)
    if (a - was != b - is || memcmp(was, is, (size_t)(a - was)) != 0) break;
  fprintf(stderr, "    was  %.*s\n    is   %.*s\n", (int)strcspn(was, "\n"), was,
          (int)strcspn(is, "\n"), is);
}

static void tell(const session *of, unsigned last, const char *how, const seen *was,
                 const seen *is) {
  fprintf(stderr, "seed %llu, after line %u, '%s'; %s:\n", (unsigned long long)of->seed, last,
          of->lines[last], how);
  fprintf(stderr, "  action %llu tick %llu, was action %llu tick %llu%s\n",
          (unsigned long long)is->place.action, (unsigned long long)is->place.tick,
          (unsigned long long)was->place.action, (unsigned long long)was->place.tick,
          was->hash == is->hash ? "" : ": other events");
  if (was->view && is->view) tell_first_line(was->view, is->view);
  for (unsigned k = 0; k <= last && getenv("VLOT_SEEDS"); k++) {
    const vlot__request *ask = &of->asks[k];
    if (ask->kind)
      fprintf(stderr, "    request %u n%u id %llu value %llu\n", ask->kind, ask->node,
              (unsigned long long)ask->id, (unsigned long long)ask->value);
    fprintf(stderr, "    %s\n", of->lines[k]);
  }
}

static bool expect_same(const session *of, unsigned last, const char *how, const seen *was,
                        const seen *is) {
  bool is_same = (was->hash == is->hash || of->has_asks) && is_same_place(was, is) &&
                 (!was->view || !is->view || strcmp(was->view, is->view) == 0);
  if (!is_same) tell(of, last, how, was, is);
  differences += !is_same;
  return is_same;
}

static bool expect_same_view(const session *of, unsigned last, const char *how,
                             vlot__workspace *was, vlot__workspace *is) {
  seen there = look(was, of), here = look(is, of);
  bool is_same = expect_same(of, last, how, &there, &here);
  free(there.view);
  free(here.view);
  return is_same;
}

static void run_seeds(void (*run)(session *of)) {
  const char *asked = getenv("VLOT_SEEDS");
  unsigned long long from = 1, count = SEEDS;
  session *one = malloc(sizeof *one);
  cr_assert_not_null(one);
  if (asked) sscanf(asked, "%llu %llu", &from, &count);
  for (unsigned long long seed = from; seed < from + count; seed++) {
    make(one, seed);
    run(one);
  }
  free(one);
  cr_assert_eq(differences, 0, "%u sessions differ", differences);
}

/* --- there and back --- */

static void look_about(vlot__workspace *workspace, session *of) {
  char line[LINE_SIZE];
  for (unsigned count = has_asked(workspace) ? 0 : below(of, 3); count > 0; count--) {
    fill(of, line, 0, PICK(&of->prng, looks));
    say(workspace, line);
  }
}

static void go_somewhere(vlot__workspace *workspace, session *of) {
  char line[LINE_SIZE];
  unsigned end = (unsigned)vlot__story_end(&workspace->story);
  switch (below(of, 4)) {
  case 0: snprintf(line, sizeof line, "undo"); break;
  case 1: snprintf(line, sizeof line, "redo"); break;
  case 2: snprintf(line, sizeof line, "back %u", 1 + below(of, 9)); break;
  default: snprintf(line, sizeof line, "goto %u", below(of, end + 1)); break;
  }
  say(workspace, line);
}

/* Back, perhaps into another branch, and to the end of this one again. */
static void go_about(vlot__workspace *workspace, session *of) {
  char home[LINE_SIZE], line[LINE_SIZE];
  if (workspace->story.branch_count == 0 || has_asked(workspace)) return;
  if (ONE_IN(4, &of->prng)) say(workspace, "fork");
  snprintf(home, sizeof home, "branches %s", vlot__story_present(&workspace->story)->name);
  for (unsigned count = 1 + below(of, 3); count > 0; count--) go_somewhere(workspace, of);
  if (ONE_IN(2, &of->prng)) say(workspace, "fork"); /* what is said there is not said here */
  bool is_elsewhere =
      strcmp(home + strlen("branches "), vlot__story_present(&workspace->story)->name) != 0;
  for (unsigned count = is_elsewhere ? below(of, 4) : 0; count > 0; count--) {
    fill(of, line, 0, PICK(&of->prng, acts));
    say(workspace, line);
  }
  cr_assert(say(workspace, home), "%s: %s", home, workspace->problem.data);
}

static bool is_as_restless(session *of, unsigned k, vlot__workspace *calm,
                           vlot__workspace *restless) {
  bool are_asked = can_ask(calm) && can_ask(restless);
  if (are_asked) ask(calm, &of->asks[k]);
  if (are_asked) ask(restless, &of->asks[k]);
  bool is_done = say(calm, of->lines[k]), is_done_too = say(restless, of->lines[k]);
  seen was = stand(calm), is = stand(restless);
  was.view = strdup(said(calm));
  is.view = strdup(said(restless));
  bool is_same = expect_same(of, k, "who went about", &was, &is) && is_done == is_done_too;
  free(was.view);
  free(is.view);
  return is_same;
}

static void run_restless(session *of) {
  vlot__workspace calm, restless;
  bool is_same = true;
  set_up(&calm, of, false);
  set_up(&restless, of, of->seed % 10 == 3);
  for (unsigned k = 0; k < of->rounds && is_same; k++) {
    look_about(&restless, of);
    if (ONE_IN(6, &of->prng)) go_about(&restless, of);
    is_same = is_as_restless(of, k, &calm, &restless);
  }
  if (is_same) expect_same_view(of, of->rounds - 1, "at the end", &calm, &restless);
  vlot__workspace_deinit(&calm);
  vlot__workspace_deinit(&restless);
}

Test(history, who_looks_and_goes_about_is_told_what_others_are, .timeout = 3600) {
  run_seeds(run_restless);
}

/* --- anywhere --- */

static bool is_as_marked(const session *of, const seen *marks, const seen *now, const char *how) {
  for (unsigned k = 0; k < of->rounds; k++) {
    bool is_last = k + 1 == of->rounds;
    if (marks[k].place.action != now->place.action) continue;
    /* before anything has happened it may have been set up further */
    if (now->place.action == 0 && !is_last && marks[k + 1].place.action == 0) continue;
    if ((marks[k].hash == now->hash || of->has_asks) && !is_same_place(&marks[k], now)) continue;
    if (!expect_same(of, k, how, &marks[k], now)) return false;
  }
  return true;
}

static bool has_gone_well(session *of, vlot__workspace *workspace, const seen *marks) {
  char line[LINE_SIZE];
  unsigned k = below(of, of->rounds);
  switch (below(of, 4)) {
  case 0: snprintf(line, sizeof line, "undo"); break;
  case 1: snprintf(line, sizeof line, "redo"); break;
  case 2: snprintf(line, sizeof line, "branches 1"); break;
  default:
    snprintf(line, sizeof line, "goto %llu", (unsigned long long)marks[k].place.action);
    break;
  }
  if (!say(workspace, line)) return true;
  seen now = look(workspace, of);
  bool is_well = is_as_marked(of, marks, &now, line);
  free(now.view);
  return is_well;
}

/* Half of them look only where they come to: what looks changes nothing. */
static void run_anywhere(session *of) {
  static seen marks[ROUNDS_MAX];
  vlot__workspace workspace;
  bool is_well = true;
  set_up(&workspace, of, false);
  for (unsigned k = 0; k < of->rounds; k++) {
    if (can_ask(&workspace)) ask(&workspace, &of->asks[k]);
    say(&workspace, of->lines[k]);
    marks[k] = of->seed % 2 || k + 1 == of->rounds ? look(&workspace, of) : stand(&workspace);
  }
  for (unsigned turn = 0; turn < 30 && is_well; turn++)
    is_well = has_gone_well(of, &workspace, marks);
  for (unsigned k = 0; k < of->rounds; k++) free(marks[k].view);
  vlot__workspace_deinit(&workspace);
}

Test(history, wherever_one_goes_it_is_as_it_was, .timeout = 3600) { run_seeds(run_anywhere); }

/* --- written down --- */

static char *save(vlot__workspace *workspace, const char *how) {
  enum { TEXT_SIZE = 1 << 22 };
  char name[64], line[LINE_SIZE + 64];
  char *text = malloc(TEXT_SIZE);
  cr_assert_not_null(text);
  snprintf(name, sizeof name, "history_test.%ld", (long)getpid());
  snprintf(line, sizeof line, "save %s%s", name, how);
  cr_assert(say(workspace, line), "%s", workspace->problem.data);
  FILE *file = fopen(name, "r");
  cr_assert_not_null(file);
  text[fread(text, 1, TEXT_SIZE - 1, file)] = '\0';
  fclose(file);
  unlink(name);
  return text;
}

/* What is played tells what it told, and goes on as this does. */
static bool is_played(session *of, vlot__workspace *workspace, const char *how, bool goes_on) {
  char *text = save(workspace, how);
  vlot__scene scene = {.name = "saved"};
  vlot__scene_play(&scene, text, false);
  bool is_same = expect_same_view(of, of->rounds - 1, how, workspace, &scene.workspace);
  cr_expect_eq(scene.differences, 0, "seed %llu", (unsigned long long)of->seed);
  scene.workspace.actions_max = workspace->actions_max;
  if (goes_on && workspace->story.branch_count > 0) say(workspace, "fork"); /* nothing is undone */
  for (unsigned k = 0; k < of->rounds && goes_on && is_same; k++)
    is_same = is_as_restless(of, k, workspace, &scene.workspace);
  vlot__scene_deinit(&scene);
  free(text);
  return is_same;
}

static void run_saved(session *of) {
  vlot__workspace workspace;
  set_up(&workspace, of, false);
  for (unsigned k = 0; k < of->rounds; k++) {
    if (ONE_IN(20, &of->prng)) go_somewhere(&workspace, of);
    say(&workspace, of->lines[k]);
  }
  for (unsigned k = 0; k < of->rounds; k++) of->asks[k].kind = 0;
  if (is_played(of, &workspace, "", false)) is_played(of, &workspace, " line", true);
  vlot__workspace_deinit(&workspace);
}

Test(history, what_is_saved_is_the_way_there, .timeout = 3600) { run_seeds(run_saved); }
