/* What a cluster tells by lines with levels: what is wrong, what lints see, what happens. */
#include <criterion/criterion.h>
#include <pthread.h>
#include <semaphore.h>
#include <string.h>
#include <unistd.h>

#include "vlot/vlot.h"

enum { LINES_MAX = 4096, T = 60000 };

typedef struct line {
  vlot_log_level level;
  char text[256];
} line;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static line lines[LINES_MAX];
static unsigned count, plain;
static vlot_cluster *cluster;
static vlot_result closing; /* what closing in there says */

static void take(void *context, vlot_log_level level, const char *text) {
  (void)context;
  pthread_mutex_lock(&lock);
  cr_assert_lt(count, LINES_MAX);
  lines[count].level = level;
  strncpy(lines[count].text, text, sizeof lines[count].text - 1);
  count++;
  pthread_mutex_unlock(&lock);
  if (cluster && closing == VLOT_OK) closing = vlot_cluster_close(cluster);
}

static void take_plain(void *context, const char *text) {
  (void)context, (void)text;
  plain++;
}

static const line *find(const char *part) {
  for (unsigned k = 0; k < count; k++)
    if (strstr(lines[k].text, part)) return &lines[k];
  return NULL;
}

static void expect(const char *part, vlot_log_level level) {
  const line *found = find(part);
  cr_assert(found, "no line says: %s", part);
  cr_expect_eq(found->level, level, "%s", found->text);
}

static void run(vlot_driver driver, vlot_log_level level) {
  vlot_cluster_options options;
  vlot_cluster_options_init(&options);
  const vlot_disk_fault full = {.is_full = 1};
  vlot_client *client;
  uint32_t id;
  options.driver = driver;
  options.tick_ns = 1000000;
  options.has_lints = 0; /* when they come depends on how long all of this takes */
  options.log = take_plain;
  options.log_line = take;
  options.log_level = level;
  vlot_cluster *opened;
  cr_assert_eq(vlot_cluster_open(&opened, &options, NULL), VLOT_OK);
  cr_assert_eq(vlot_await_leader(opened, T, &id), VLOT_OK);
  cr_assert_eq(vlot_cluster_restart(opened, id, VLOT_RESTART_WIPE), VLOT_OK);
  cr_assert_eq(vlot_await_leader(opened, T, &id), VLOT_OK);
  cr_assert_eq(vlot_cluster_partition(opened, (uint32_t[]){1}, 1), VLOT_OK);
  cr_assert_eq(vlot_cluster_heal(opened), VLOT_OK);
  cr_assert_eq(vlot_await_leader(opened, T, &id), VLOT_OK);
  cr_assert_eq(vlot_cluster_set_disk(opened, id, &full), VLOT_OK);
  cr_assert_eq(vlot_client_open(&client, opened, NULL), VLOT_OK);
  (void)!vlot_client_propose(client, "x", 1, NULL);
  vlot_client_close(client);
  cr_assert_eq(vlot_cluster_close(opened), VLOT_OK);
}

static void expect_all(void) {
  expect("n1 starts (incarnation 1)", VLOT_LOG_NOTE);
  expect("becomes leader of term 1: a quorum granted its votes", VLOT_LOG_NOTE);
  expect("asks for votes in term 1", VLOT_LOG_NOTE);
  expect("is started again with a blank disk", VLOT_LOG_WARNING);
  expect("is fenced and takes nothing any more", VLOT_LOG_ERROR);
  expect("stops running: the cluster was closed", VLOT_LOG_NOTE);
  cr_expect(find("tick 0: n1 starts"), "a line says when");
}

Test(log, tells_elections_lives_and_faults_with_threads) {
  run(VLOT_DRIVER_THREADS, VLOT_LOG_NOTE);
  expect_all();
  cr_expect_null(find("who would vote for it"));
  cr_expect_eq(plain, 1u, "the plain one gets what it always got");
}

Test(log, tells_the_same_in_lockstep) {
  run(VLOT_DRIVER_LOCKSTEP, VLOT_LOG_NOTE);
  expect_all();
  cr_expect_null(find("who would vote for it"));
}

Test(log, tells_votes_and_terms_where_details_are_asked_for) {
  run(VLOT_DRIVER_LOCKSTEP, VLOT_LOG_DETAIL);
  expect_all();
  expect("asks who would vote for it", VLOT_LOG_DETAIL);
  expect("from term 0 to term 1", VLOT_LOG_DETAIL);
}

Test(log, tells_only_what_is_wrong_where_no_more_is_asked_for) {
  run(VLOT_DRIVER_LOCKSTEP, VLOT_LOG_ERROR);
  cr_assert_eq(count, 1u);
  expect("is fenced", VLOT_LOG_ERROR);
}

Test(log, a_level_that_is_none_is_refused) {
  vlot_cluster_options options;
  const char *problem;
  vlot_cluster_options_init(&options);
  options.log_level = 5;
  cr_expect_eq(vlot_cluster_open(&cluster, &options, &problem), VLOT_INVALID);
  cr_expect_str_eq(problem, "log_level: VLOT_LOG_ERROR to VLOT_LOG_DETAIL");
  cr_expect_str_eq(vlot_log_level_name(VLOT_LOG_WARNING), "warning");
  cr_expect_str_eq(vlot_log_level_name((vlot_log_level)9), "?");
}

/* --- more at once than there is room for --- */

static sem_t gate;
static unsigned told;

static void take_behind_the_gate(void *context, vlot_log_level level, const char *text) {
  if (told++ == 0) cr_assert_eq(sem_wait(&gate), 0);
  take(context, level, text);
}

/* Whoever is told is inside its function; meanwhile a node comes and goes. */
static void flood(unsigned lives) {
  vlot_cluster_options options;
  vlot_cluster *opened;
  cr_assert_eq(sem_init(&gate, 0, 0), 0);
  vlot_cluster_options_init(&options);
  options.nodes = 2;
  options.tick_ns = 1000000000; /* nobody campaigns */
  options.has_lints = 0;
  options.log_line = take_behind_the_gate;
  cr_assert_eq(vlot_cluster_open(&opened, &options, NULL), VLOT_OK);
  for (unsigned k = 0; k < lives; k++) {
    cr_assert_eq(vlot_cluster_kill(opened, 1, false), VLOT_OK);
    cr_assert_eq(vlot_cluster_spawn(opened, 1), VLOT_OK);
  }
  cr_assert_eq(sem_post(&gate), 0);
  cr_assert_eq(vlot_cluster_close(opened), VLOT_OK);
}

Test(log, so_many_lines_wait_and_none_is_missing) {
  flood(250); /* 500 lines, and those of the opening */
  cr_expect_null(find("missing here"));
}

Test(log, of_lines_that_find_no_room_it_is_told_how_many_are_missing) {
  flood(300);
  expect("lines are missing here: so many came at once", VLOT_LOG_WARNING);
}

Test(log, closing_in_there_is_refused) {
  vlot_cluster_options options;
  vlot_cluster_options_init(&options);
  options.driver = VLOT_DRIVER_LOCKSTEP;
  options.log_line = take;
  cr_assert_eq(vlot_cluster_open(&cluster, &options, NULL), VLOT_OK);
  cr_assert_eq(vlot_await_leader(cluster, T, NULL), VLOT_OK);
  cr_expect_eq(closing, VLOT_DEADLOCK);
  vlot_cluster *opened = cluster;
  cluster = NULL;
  cr_assert_eq(vlot_cluster_close(opened), VLOT_OK);
}

Test(log, the_ready_one_writes_whole_lines_to_standard_error) {
  int ends[2], saved = dup(STDERR_FILENO);
  char text[256] = "";
  cr_assert_eq(pipe(ends), 0);
  cr_assert(dup2(ends[1], STDERR_FILENO) >= 0);
  vlot_log_stderr(NULL, VLOT_LOG_NOTE, "n1 starts");
  vlot_log_stderr((void *)(uintptr_t) "mine", VLOT_LOG_ERROR, "it does not");
  cr_assert(dup2(saved, STDERR_FILENO) >= 0);
  close(ends[1]);
  for (size_t size = 0; size < sizeof text - 1;) {
    ssize_t got = read(ends[0], text + size, sizeof text - 1 - size);
    if (got <= 0) break;
    size += (size_t)got;
  }
  cr_expect_str_eq(text, "vlot: note: n1 starts\nmine: error: it does not\n");
  close(ends[0]);
  close(saved);
}
