/* A journal in a file: what is left when it is cut anywhere, and what cannot be written is told. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cluster/journal.h"
#include "taped.h"

enum { TAIL_BYTES = 700 };

static char path[64];

static void name_file(void) {
  snprintf(path, sizeof path, "journal_file_test.%ld", (long)getpid());
  unlink(path);
}

static void remove_file(void) { unlink(path); }

static vlot_cluster_options options_of(const char *file) {
  vlot_cluster_options options;
  vlot_cluster_options_init(&options);
  options.tick_ns = 500000;
  options.journal_path = file;
  return options;
}

static void run(vlot_cluster *cluster, int commands) {
  vlot_client *client;
  cr_assert_eq(vlot_await_leader(cluster, 20000, NULL), VLOT_OK);
  cr_assert_eq(vlot_client_open(&client, cluster, NULL), VLOT_OK);
  for (int k = 0; k < commands; k++)
    cr_assert_eq(vlot_client_propose(client, "\2\1\0x", 4, NULL), VLOT_OK);
  vlot_client_close(client);
}

static taped read_file(void) {
  taped tape = {0};
  struct stat is;
  int descriptor = open(path, O_RDONLY);
  cr_assert(descriptor >= 0 && fstat(descriptor, &is) == 0);
  tape.bytes = malloc((size_t)is.st_size + 1);
  tape.size = (size_t)is.st_size;
  cr_assert_eq(read(descriptor, tape.bytes, tape.size), is.st_size);
  close(descriptor);
  return tape;
}

static taped record(int commands) {
  vlot_cluster *cluster;
  vlot_journal_status status;
  vlot_cluster_options options = options_of(path);
  cr_assert_eq(vlot_cluster_open(&cluster, &options, NULL), VLOT_OK);
  run(cluster, commands);
  cr_assert_eq(vlot_journal_get_status(cluster, &status), VLOT_OK);
  cr_assert(status.is_on && status.bytes > 0 && status.error == 0);
  cr_assert_eq(status.written, status.bytes, "nothing waits anywhere");
  cr_assert_eq(vlot_cluster_close(cluster), VLOT_OK);
  return read_file();
}

/* A copy of its own size, so that a byte too far is found. */
static vlot_replay_status replay(const uint8_t *bytes, size_t size, char text[320]) {
  vlot_cluster *cluster;
  vlot_replay_status status;
  uint8_t *copy = malloc(size);
  memcpy(copy, bytes, size);
  cr_assert_eq(vlot_replay_open(&cluster, NULL, copy, size, NULL), VLOT_OK);
  vlot_result result = vlot_lockstep_step(cluster, UINT64_MAX, NULL);
  cr_assert_eq(vlot_replay_get_status(cluster, &status), VLOT_OK);
  cr_assert_eq(result, VLOT_OK, "%zu: %s", size, status.text);
  snprintf(text, 320, "%s", status.text);
  cr_assert_eq(vlot_cluster_close(cluster), VLOT_OK);
  free(copy);
  return status;
}

Test(journal_file, a_closed_run_has_exactly_its_records, .init = name_file, .fini = remove_file) {
  char text[320];
  taped tape = record(30);
  cr_assert_str_empty(taped_replay(&tape, NULL, NULL, text), "%s", text);
  vlot_replay_status status = replay(tape.bytes, tape.size, text);
  cr_assert(status.has_end && !status.is_cut && status.bytes_whole == tape.size);
  cr_assert(status.unended_turns == 0 && status.unended_after == VLOT_NEVER);
  taped_free(&tape);
}

Test(journal_file, cut_at_any_byte_of_its_end_it_is_replayed_up_to_there, .init = name_file,
     .fini = remove_file) {
  char text[320];
  taped tape = record(20);
  uint64_t before = UINT64_MAX;
  for (size_t size = tape.size - 1; size > tape.size - TAIL_BYTES; size--) {
    vlot_replay_status status = replay(tape.bytes, size, text);
    cr_assert(status.is_cut && !status.has_end && status.is_finished && text[0], "%zu", size);
    cr_assert(status.bytes_whole <= size && status.actions <= before, "%zu: %s", size, text);
    before = status.actions;
  }
  taped_free(&tape);
}

Test(journal_file, zeros_behind_its_records_are_no_damage, .init = name_file, .fini = remove_file) {
  char text[320];
  taped tape = record(20);
  size_t end = tape.size - VLOT__JOURNAL_RECORD_HEAD; /* of the last record, END */
  uint8_t *long_one = calloc(1, tape.size + 5000);
  memcpy(long_one, tape.bytes, tape.size);
  vlot_replay_status status = replay(long_one, tape.size + 5000, text);
  cr_assert(status.has_end && !status.is_cut, "behind an END they say nothing: %s", text);
  for (size_t at = end; at > end - TAIL_BYTES; at -= 7) {
    memset(long_one + at, 0, 7 + VLOT__JOURNAL_RECORD_HEAD); /* also in the middle of a record */
    status = replay(long_one, tape.size + 5000, text);
    cr_assert(status.is_cut && !status.has_end && text[0]);
    cr_assert(status.bytes_whole <= at + 7, "%zu: %s", at, text);
    if (at == end) cr_assert_str_eq(text, "the journal is cut: it has no end");
  }
  free(long_one);
  taped_free(&tape);
}

Test(journal_file, what_was_never_finished_is_not_read, .init = name_file, .fini = remove_file) {
  char text[320];
  taped tape = record(20);
  size_t end = tape.size - VLOT__JOURNAL_RECORD_HEAD;
  memset(tape.bytes + end, 0, 4); /* the size comes last */
  vlot_replay_status status = replay(tape.bytes, tape.size, text);
  cr_assert(status.is_cut && status.bytes_whole == end, "%s", text);
  cr_assert_str_eq(text, "the journal is cut: it has no end");
  taped_free(&tape);
}

Test(journal_file, a_turn_that_a_node_was_in_the_middle_of_is_carried_out, .init = name_file,
     .fini = remove_file) {
  char text[320], words[80];
  taped tape = record(20);
  vlot_cluster *cluster;
  vlot_replay_status status;
  uint64_t done;
  size_t at = VLOT__JOURNAL_FILE_HEAD, found = 0;
  at += VLOT__JOURNAL_BLOCK_HEAD + vlot__get32(tape.bytes + at);
  for (; at < tape.size; at += vlot__get32(tape.bytes + at))
    if (tape.bytes[at + 4] == VLOT__RECORD_MORE) found = at; /* the rest of some turn */
  cr_assert_neq(found, 0);
  uint32_t node = vlot__get16(tape.bytes + found + 6);
  cr_assert_eq(vlot_replay_open(&cluster, NULL, tape.bytes, found, NULL), VLOT_OK);
  cr_assert_eq(vlot_replay_get_status(cluster, &status), VLOT_OK);
  cr_assert(status.unended_turns >= 1 && status.unended_after < status.actions_total);
  snprintf(words, sizeof words, "n%u after action", node);
  cr_assert(strstr(status.text, words), "'%s' lacks '%s'", status.text, words);
  cr_assert_eq(vlot_lockstep_step(cluster, status.unended_after, &done), VLOT_OK);
  uint64_t before = status.unended_after, turns;
  cr_assert_eq(vlot_replay_get_status(cluster, &status), VLOT_OK);
  cr_assert_eq(status.actions, before, "one can stand before it");
  turns = status.turns;
  cr_assert_eq(vlot_lockstep_step(cluster, 1, &done), VLOT_OK);
  cr_assert_eq(vlot_replay_get_status(cluster, &status), VLOT_OK);
  cr_assert_eq(status.turns, turns + 1, "and it is carried out");
  cr_assert(!status.has_diverged && status.unended_after != before);
  cr_assert_eq(vlot_cluster_close(cluster), VLOT_OK);
  (void)replay(tape.bytes, found, text);
  taped_free(&tape);
}

static void refuse(vlot_cluster_options *options, vlot_result result, const char *words) {
  vlot_cluster *cluster;
  const char *problem = NULL;
  char text[256];
  options->problem = text;
  options->problem_size = sizeof text;
  cr_assert_eq(vlot_cluster_open(&cluster, options, &problem), result);
  cr_assert(!cluster && problem && strstr(problem, words), "'%s' lacks '%s'",
            problem ? problem : "", words);
  options->problem = NULL;
  options->problem_size = 0;
  cr_assert_eq(vlot_cluster_open(&cluster, options, &problem), result);
  cr_assert(problem && strstr(problem, "journal"), "%s", problem ? problem : "");
}

Test(journal_file, what_cannot_be_written_is_refused_with_a_reason, .init = name_file,
     .fini = remove_file) {
  vlot_cluster *cluster;
  vlot_journal_status status;
  taped tape = {0};
  vlot_writer sink = taped_sink(&tape);
  vlot_cluster_options options = options_of("no/such/directory/file");
  refuse(&options, VLOT_IO, "No such file or directory");
  options.journal_path = ".";
  refuse(&options, VLOT_IO, "Is a directory");
  options.journal_path = "/dev/full";
  refuse(&options, VLOT_IO, "No space left");
  options.journal_path = path;
  options.journal = &sink;
  refuse(&options, VLOT_INVALID, "journal_path: one of the two");
  cr_assert_neq(access(path, F_OK), 0, "nothing is made for bad options");
  options.journal = NULL;
  cr_assert_eq(vlot_cluster_open(&cluster, &options, NULL), VLOT_OK);
  refuse(&options, VLOT_IO, "another cluster");
  run(cluster, 5);
  cr_assert_eq(vlot_journal_get_status(cluster, &status), VLOT_OK);
  cr_assert(status.is_on && status.result == VLOT_OK, "the first one goes on");
  cr_assert_eq(vlot_cluster_close(cluster), VLOT_OK);
  options.driver = VLOT_DRIVER_LOCKSTEP;
  refuse(&options, VLOT_INVALID, "lockstep");
  tape = read_file();
  char text[320];
  cr_assert_str_empty(taped_replay(&tape, NULL, NULL, text), "and is whole: %s", text);
  taped_free(&tape);
}
