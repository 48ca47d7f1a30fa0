/* The verbs about snapshots: what they do, what they refuse and where, and that all of it can be
 * gone back through. In both ways of running nodes.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command.h"

enum { ACTIONS_MAX = 100000 };

typedef struct talk {
  vlot__workspace workspace;
} talk;

static void open_talk(talk *self, bool has_threads) {
  vlot__workspace_init(&self->workspace, has_threads, ACTIONS_MAX);
}

static void close_talk(talk *self) { vlot__workspace_deinit(&self->workspace); }

/* What is seen then, until the next one. */
static const char *say(talk *self, const char *line) {
  vlot__text_clear(&self->workspace.out);
  cr_expect(vlot__command_run(&self->workspace, line), "%s: %s", line,
            self->workspace.problem.data);
  return self->workspace.out.data ? self->workspace.out.data : "";
}

static void expect_seen(talk *self, const char *line, const char *wanted) {
  const char *seen = say(self, line);
  cr_expect(strstr(seen, wanted), "'%s' shows '%s' without '%s'", line, seen, wanted);
}

static void expect_refused(talk *self, const char *line, const char *wanted, unsigned word) {
  uint64_t before = vlot__workspace_actions(&self->workspace);
  vlot__text_clear(&self->workspace.out);
  cr_expect_not(vlot__command_run(&self->workspace, line), "%s", line);
  const char *problem = self->workspace.problem.data;
  cr_expect(strstr(problem, wanted), "'%s' says '%s' without '%s'", line, problem, wanted);
  cr_expect_eq(self->workspace.problem_word, word, "'%s' points at word %u", line,
               self->workspace.problem_word);
  cr_expect_eq(vlot__workspace_actions(&self->workspace), before, "'%s' did something", line);
}

static uint64_t hash_of(talk *self) {
  vlot_cluster_stats stats;
  vlot_cluster_get_stats(self->workspace.cluster, &stats);
  return stats.event_hash;
}

static void begin(talk *self) {
  say(self, "until leader");
  say(self, "propose x=1");
  say(self, "until quiet");
}

static void take(talk *self) {
  expect_seen(self, "snapshot 1", "n1 has frozen its machine, at ");
  expect_seen(self, "deliver i1", "n1 has a snapshot at ");
}

static void take_and_go_back(bool has_threads) {
  talk self;
  open_talk(&self, has_threads);
  say(&self, "stream keep 1");
  begin(&self);
  expect_seen(&self, "snapshot 1",
              "n1 has frozen its machine, at 2; i1 writes that to a snapshot, in 1 tick.\n");
  expect_seen(&self, "net", "#i1   image         at n1  its machine at 2, frozen, is written");
  uint64_t frozen = hash_of(&self);
  expect_seen(&self, "deliver i1", "n1 has a snapshot at 2");
  say(&self, "undo");
  cr_expect_eq(hash_of(&self), frozen, "what is frozen can be gone back to");
  expect_seen(&self, "tick", "n1 has a snapshot at 2");
  uint64_t taken = hash_of(&self);
  expect_seen(&self, "log", "snapshot at 2 of term 1");
  expect_seen(&self, "compact 1", "n1 drops its log up to 2");
  expect_seen(&self, "log 1", "the log begins behind entry 2");
  uint64_t dropped = hash_of(&self);
  say(&self, "back 2");
  cr_expect_eq(hash_of(&self), taken, "the order and its delivery are two actions");
  say(&self, "redo");
  cr_expect_eq(hash_of(&self), dropped);
  say(&self, "undo");
  say(&self, "fork other");
  expect_seen(&self, "compact 1", "n1 drops its log up to 2");
  cr_expect_eq(hash_of(&self), dropped, "in another line of history it is the same");
  say(&self, "check");
  close_talk(&self);
}

Test(snapshots, are_taken_and_can_be_gone_back_through) {
  take_and_go_back(false);
  take_and_go_back(true);
}

Test(snapshots, what_cannot_be_is_refused_at_its_word) {
  talk self;
  open_talk(&self, false);
  expect_refused(&self, "snapshot 1", "nothing was applied yet", 1);
  begin(&self);
  expect_refused(&self, "snapshot", "expected NODE", 1);
  expect_refused(&self, "snapshot 4", "expected a node, 1 to 3", 1);
  expect_refused(&self, "compact 1", "'snapshot 1' takes one", 1);
  expect_refused(&self, "export 1 file", "'snapshot 1' takes one", 1);
  take(&self);
  expect_refused(&self, "snapshot 1", "its snapshot at 2 is the newest", 1);
  expect_refused(&self, "compact 1 3", "expected at most 2", 2);
  expect_refused(&self, "compact 1 2", "begins behind 2 already", 2);
  expect_refused(&self, "compact 1 0", "from 1", 2);
  expect_refused(&self, "export 1 /", "it exists, and is a directory", 2);
  expect_refused(&self, "export 1 /no/such/place", "No such file", 2);
  expect_refused(&self, "import file", "forget what it has promised", 0);
  expect_refused(&self, "stream chunk 5", "something has happened already", 0);
  say(&self, "propose x=2");
  say(&self, "until quiet");
  say(&self, "suspend 2");
  expect_refused(&self, "snapshot 2", "node 2 is suspended", 1);
  say(&self, "kill 3");
  expect_refused(&self, "snapshot 3", "this node is down", 1);
  expect_refused(&self, "export 3 file", "no snapshot yet", 1);
  close_talk(&self);
}

Test(snapshots, one_that_the_disk_refuses_is_told) {
  talk self;
  open_talk(&self, false);
  begin(&self);
  say(&self, "disk 1 stalled");
  say(&self, "snapshot 1");
  expect_seen(&self, "deliver i1", "n1 takes no snapshot at 2: the disk takes nothing just now");
  say(&self, "heal disk 1");
  take(&self);
  close_talk(&self);
}

Test(snapshots, one_waits_for_what_is_not_durable_yet) {
  talk self;
  open_talk(&self, false);
  begin(&self);
  say(&self, "disk 2 delay 9");
  say(&self, "propose x=2");
  say(&self, "until commit 3 at 2");
  expect_seen(&self, "snapshot 2",
              "when what it has applied, up to 3, is durable; so far that is up "
              "to 2");
  expect_seen(&self, "until quiet", "n2 has a snapshot at 3");
  close_talk(&self);
}

/* --- its image, a thing of its own --- */

Test(snapshots, an_image_is_held_delayed_and_written_like_a_write) {
  talk self;
  open_talk(&self, false);
  begin(&self);
  say(&self, "snapshot 1");
  expect_seen(&self, "why 1",
              "A snapshot of its own waits for its image: its machine was frozen at 2, "
              "and i1, which writes that, is due at tick ");
  say(&self, "hold i1");
  expect_seen(&self, "why 1", "i1, which writes that, is held");
  say(&self, "propose x=2");
  say(&self, "until commit 3");
  expect_seen(&self, "snapshot 1",
              "n1 takes it when i1 has written the image that it has already, at 2.\n");
  expect_refused(&self, "drop i1", "of disks or of images, cannot be lost", 1);
  expect_refused(&self, "duplicate i1", "only messages between nodes", 1);
  expect_refused(&self, "deliver i2", "nothing with id i2 is pending", 1);
  say(&self, "release image");
  expect_seen(&self, "deliver i1", "n1 has a snapshot at 2");
  expect_seen(&self, "net", "#i1   image         at n1  its machine at 3"); /* the second order's */
  say(&self, "delay i1 by 3");
  expect_seen(&self, "net", "frozen, is written to a snapshot, in 4 ticks");
  expect_seen(&self, "tick 4", "n1 has a snapshot at 3 of term 1 (was at 2)");
  close_talk(&self);
}

/* What is done to several things is a line of history each. */
Test(snapshots, images_of_several_nodes_are_held_and_that_is_taken_back_one_by_one) {
  talk self;
  open_talk(&self, false);
  begin(&self);
  for (char node = '1'; node <= '3'; node++) {
    char line[] = "snapshot N";
    line[9] = node;
    say(&self, line);
  }
  say(&self, "hold all image");
  cr_expect_not(strstr(say(&self, "tick 3"), "has a snapshot"));
  say(&self, "undo");
  say(&self, "back 1"); /* n3's is not held yet */
  const char *seen = say(&self, "tick");
  cr_expect(strstr(seen, "n3 has a snapshot at 1") && !strstr(seen, "n1 has a snapshot"), "%s",
            seen);
  expect_seen(&self, "net",
              "#i2   image         at n2  its machine at 1, frozen, is written to a "
              "snapshot  held");
  say(&self, "release all image");
  expect_seen(&self, "tick", "n1 has a snapshot at 2");
  close_talk(&self);
}

/* --- as a file --- */

static void with_file(bool has_threads) {
  char directory[] = "snapshots_test.XXXXXX", line[128], path[96];
  talk self, other;
  cr_assert_not_null(mkdtemp(directory));
  snprintf(path, sizeof path, "%s/backup", directory);
  open_talk(&self, has_threads);
  begin(&self);
  take(&self);
  snprintf(line, sizeof line, "export 1 %s", path);
  expect_seen(&self, line, "n1's snapshot at 2");
  expect_refused(&self, line, "it exists; name another", 2);
  say(&self, "back 1"); /* a file is no part of the story */
  cr_expect_eq(access(path, F_OK), 0);
  close_talk(&self);

  open_talk(&other, has_threads);
  snprintf(line, sizeof line, "import %s", path);
  say(&other, line);
  expect_refused(&other, "start 1 term 1 log 1", "one of the two", 0);
  say(&other, "until leader");
  expect_seen(&other, "kv", "x = 1");
  say(&other, "propose y=2");
  say(&other, "until quiet");
  uint64_t hash = hash_of(&other);
  cr_assert_eq(unlink(path), 0);
  cr_assert_eq(rmdir(directory), 0);
  say(&other, "back 3"); /* and what was read is kept */
  say(&other, "redo");
  say(&other, "until quiet");
  cr_expect_eq(hash_of(&other), hash);
  expect_seen(&other, "kv", "y = 2");
  close_talk(&other);
}

Test(snapshots, begin_another_cluster_out_of_a_file) {
  with_file(false);
  with_file(true);
}

Test(snapshots, a_file_that_is_none_is_refused_at_its_name) {
  talk self;
  open_talk(&self, false);
  expect_refused(&self, "import /", "it is a directory, and no file", 1);
  expect_refused(&self, "import /no/such/file", "No such file", 1);
  expect_refused(&self, "import /dev/null", "device", 1);
  close_talk(&self);
}

/* What was read is kept, so that history can be gone through whatever becomes of the file. */
Test(snapshots, of_files_that_were_imported_so_many_are_kept_and_no_more) {
  enum { KEPT = 16 };
  char directory[] = "snapshots_test.XXXXXX", line[128], path[KEPT + 2][64];
  talk self, other;
  cr_assert_not_null(mkdtemp(directory));
  for (int k = 0; k < KEPT + 2; k++) snprintf(path[k], sizeof path[k], "%s/%d", directory, k);
  open_talk(&self, false);
  begin(&self);
  take(&self);
  snprintf(line, sizeof line, "export 1 %.63s", path[0]);
  say(&self, line);
  close_talk(&self);

  open_talk(&other, false);
  for (int k = 1; k < KEPT + 2; k++) cr_assert_eq(link(path[0], path[k]), 0);
  for (int k = 0; k < KEPT; k++) {
    snprintf(line, sizeof line, "import %.63s", path[k]);
    say(&other, line);
  }
  snprintf(line, sizeof line, "import %.63s", path[KEPT]);
  expect_refused(&other, line, "at most 16 files", 1);
  snprintf(line, sizeof line, "import %.63s", path[3]);
  say(&other, line); /* one that is known already is no further one */
  say(&other, "until leader");
  expect_seen(&other, "kv", "x = 1");
  close_talk(&other);
  for (int k = 0; k < KEPT + 2; k++) cr_assert_eq(unlink(path[k]), 0);
  cr_assert_eq(rmdir(directory), 0);
}
