/* A snapshot as a file: written, read, begun with; and every way in which a file can be wrong. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cluster/disk.h"
#include "fleet.h"
#include "taped.h"
#include "vlot/raft_snapshot.h"

enum { WAIT = 500, FILE_MAX = 4096, HEAD_FIXED = 136 };

static char directory[64];

static void enter(void) {
  snprintf(directory, sizeof directory, "archive_test.XXXXXX"); /* where the test runs */
  cr_assert_not_null(mkdtemp(directory));
  cr_assert_eq(chdir(directory), 0);
}

static void leave(void) {
  char command[96];
  cr_assert_eq(chdir(".."), 0);
  snprintf(command, sizeof command, "rm -rf %s", directory);
  cr_assert_eq(system(command), 0);
}

TestSuite(archive, .init = enter, .fini = leave);

static void add(vlot_cluster *cluster, uint32_t count) {
  vlot_client *client = fleet_client(cluster, 1, 2000);
  for (uint32_t k = 0; k < count; k++) cr_assert_eq(fleet_add(client, "key", 1), VLOT_OK);
  vlot_client_close(client);
}

static void expect_total(vlot_cluster *cluster, const char *total) {
  char value[32];
  vlot_client *client = fleet_client(cluster, 1, 2000);
  cr_assert_eq(fleet_get(client, "key", value, sizeof value), VLOT_OK);
  cr_expect_str_eq(value, total);
  vlot_client_close(client);
}

/* "backup", of a cluster that has counted to 12. Returns its index. */
static uint64_t back_up(vlot_driver driver) {
  vlot_cluster_options options = fleet_options(driver, 3);
  vlot_cluster *cluster = fleet_open(&options);
  uint64_t index;
  add(cluster, 12);
  cr_expect_eq(vlot_cluster_export(cluster, 1, "backup"), VLOT_NOT_FOUND);
  cr_expect_eq(access("backup", F_OK), -1);
  cr_assert_eq(vlot_cluster_snapshot(cluster, 1, WAIT, &index), VLOT_OK);
  cr_assert_eq(vlot_cluster_export(cluster, 1, "backup"), VLOT_OK);
  cr_expect_eq(vlot_cluster_close(cluster), VLOT_OK);
  return index;
}

static void restore_in(vlot_driver driver, uint32_t nodes) {
  uint64_t index = back_up(driver);
  vlot_cluster_options options = fleet_options(driver, nodes);
  cr_assert_eq(vlot_cluster_import(&options.snapshot, "backup", &options), VLOT_OK);
  cr_expect_eq(vlot_snapshot_get(options.snapshot)->index, index);
  vlot_cluster *cluster = fleet_open(&options);
  cr_assert_not_null(cluster);
  vlot_snapshot_release(options.snapshot);
  cr_expect_eq(fleet_status(cluster, nodes).raft.base_index, index);
  expect_total(cluster, "12");
  add(cluster, 3);
  for (uint32_t id = 1; id <= nodes; id++)
    cr_assert_eq(vlot_cluster_restart(cluster, id, VLOT_RESTART_LOSE), VLOT_OK);
  cr_assert(fleet_settle(cluster, 3000));
  expect_total(cluster, "15");
  cr_expect(fleet_agrees(cluster));
  cr_expect_eq(vlot_cluster_close(cluster), VLOT_OK);
}

Test(archive, a_cluster_of_another_size_begins_with_a_backup_in_lockstep) {
  restore_in(VLOT_DRIVER_LOCKSTEP, 5);
}
Test(archive, a_cluster_begins_with_a_backup_with_threads) { restore_in(VLOT_DRIVER_THREADS, 3); }

Test(archive, a_recorded_run_that_began_with_one_is_replayed_without_the_file) {
  taped tape = {0};
  char text[320];
  vlot_writer sink = taped_sink(&tape);
  back_up(VLOT_DRIVER_LOCKSTEP);
  vlot_cluster_options options = fleet_options(VLOT_DRIVER_THREADS, 3);
  cr_assert_eq(vlot_cluster_import(&options.snapshot, "backup", &options), VLOT_OK);
  options.journal = &sink;
  vlot_cluster *cluster = fleet_open(&options);
  vlot_snapshot_release(options.snapshot);
  add(cluster, 5);
  cr_assert(fleet_settle(cluster, 3000));
  cr_expect_eq(vlot_cluster_close(cluster), VLOT_OK);
  cr_assert_eq(unlink("backup"), 0);
  cr_expect_str_eq(taped_replay(&tape, NULL, NULL, text), "");
  taped_free(&tape);
}

/* --- files that are wrong --- */

typedef struct image {
  uint8_t bytes[FILE_MAX];
  size_t size;
} image;

static image read_file(const char *name) {
  image of = {.size = 0};
  FILE *file = fopen(name, "rb");
  cr_assert_not_null(file);
  of.size = fread(of.bytes, 1, FILE_MAX, file);
  fclose(file);
  cr_assert(of.size > HEAD_FIXED && of.size < FILE_MAX);
  return of;
}

static void write_file(const char *name, const image *of, size_t size) {
  FILE *file = fopen(name, "wb");
  cr_assert_not_null(file);
  cr_assert_eq(fwrite(of->bytes, 1, size, file), size);
  fclose(file);
}

static void expect_no_import(const char *name, const vlot_cluster_options *options,
                             vlot_result result, const char *words) {
  vlot_snapshot *snapshot = (vlot_snapshot *)(uintptr_t)1;
  cr_expect_eq(vlot_cluster_import(&snapshot, name, options), result, "%s: %s", words,
               vlot_problem(result));
  cr_expect(strstr(vlot_problem(result), words), "'%s' has no '%s'", vlot_problem(result), words);
  cr_expect(strstr(vlot_problem(result), name), "'%s' does not name the file",
            vlot_problem(result));
  cr_expect_null(snapshot);
}

Test(archive, a_file_cut_anywhere_is_told_to_be_cut) {
  back_up(VLOT_DRIVER_LOCKSTEP);
  image whole = read_file("backup");
  for (size_t size = 0; size < whole.size; size++) {
    write_file("cut", &whole, size);
    expect_no_import("cut", NULL, VLOT_CORRUPT, size < 8 && size == 0 ? "no snapshot" : "cut");
  }
  whole.bytes[whole.size++] = 'x';
  write_file("longer", &whole, whole.size);
  expect_no_import("longer", NULL, VLOT_CORRUPT, "instead of");
}

Test(archive, one_byte_that_is_another_is_found_wherever_it_is) {
  back_up(VLOT_DRIVER_LOCKSTEP);
  image whole = read_file("backup");
  for (size_t at = 0; at < whole.size; at++) {
    vlot_snapshot *snapshot;
    whole.bytes[at] ^= 0x10;
    write_file("other", &whole, whole.size);
    vlot_result result = vlot_cluster_import(&snapshot, "other", NULL);
    cr_expect(result == VLOT_CORRUPT || (at >= 8 && at < 12 && result == VLOT_UNSUPPORTED),
              "byte %zu: %s", at, vlot_problem(result));
    whole.bytes[at] ^= 0x10;
  }
  whole.bytes[8] = 7;
  write_file("newer", &whole, whole.size);
  expect_no_import("newer", NULL, VLOT_UNSUPPORTED, "format version 7");
}

Test(archive, what_is_no_backup_of_this_machine_is_refused) {
  vlot_machine machine = *vlot_kv_machine();
  vlot_cluster_options options = fleet_options(VLOT_DRIVER_LOCKSTEP, 3);
  back_up(VLOT_DRIVER_LOCKSTEP);
  machine.name = "counter";
  options.machine = &machine;
  expect_no_import("backup", &options, VLOT_INVALID, "the machine 'key-value'");
  cr_assert_eq(mkdir("folder", 0777), 0);
  cr_assert_eq(mkfifo("pipe", 0666), 0);
  expect_no_import("folder", NULL, VLOT_INVALID, "a directory");
  expect_no_import("pipe", NULL, VLOT_INVALID, "pipe");
  expect_no_import("missing", NULL, VLOT_IO, "No such file");
}

/* --- places that are wrong --- */

Test(archive, an_export_never_overwrites_and_leaves_nothing_half_written) {
  vlot_cluster_options options = fleet_options(VLOT_DRIVER_LOCKSTEP, 1);
  vlot_cluster *cluster = fleet_open(&options);
  uint64_t index;
  image before, after;
  back_up(VLOT_DRIVER_LOCKSTEP);
  before = read_file("backup");
  add(cluster, 1);
  cr_assert_eq(vlot_cluster_snapshot(cluster, 1, WAIT, &index), VLOT_OK);
  cr_expect_eq(vlot_cluster_export(cluster, 1, "backup"), VLOT_EXISTS);
  cr_expect(strstr(vlot_problem(VLOT_EXISTS), "backup: it exists"));
  after = read_file("backup");
  cr_expect(before.size == after.size && memcmp(before.bytes, after.bytes, after.size) == 0);
  cr_assert_eq(mkdir("folder", 0777), 0);
  cr_expect_eq(vlot_cluster_export(cluster, 1, "folder"), VLOT_EXISTS);
  cr_expect_eq(vlot_cluster_export(cluster, 1, "nowhere/backup"), VLOT_IO);
  cr_expect(strstr(vlot_problem(VLOT_IO), "nowhere/backup: cannot be written"));
  cr_expect_eq(vlot_cluster_export(cluster, 1, ""), VLOT_IO);
  cr_expect_eq(vlot_cluster_export(cluster, 1, "backup/under"), VLOT_IO);
  cr_expect_eq(vlot_cluster_export(cluster, 7, "other"), VLOT_NOT_FOUND);
  cr_expect_eq(system("test \"$(ls | tr '\\n' ' ')\" = 'backup folder '"), 0, "nothing is left");
  cr_expect_eq(vlot_cluster_close(cluster), VLOT_OK);
}

/* --- clusters that cannot begin with one --- */

static vlot__disk *disks[3];

static vlot_result open_kept(void *context, uint32_t id, vlot_storage *storage) {
  (void)context;
  *storage = vlot__disk_storage(disks[id - 1]);
  storage->release = NULL; /* they outlive the cluster */
  return VLOT_OK;
}

Test(archive, a_disk_that_has_promised_something_takes_none) {
  char words[256];
  vlot_cluster *cluster;
  vlot_cluster_options options = fleet_options(VLOT_DRIVER_LOCKSTEP, 3);
  back_up(VLOT_DRIVER_LOCKSTEP);
  for (uint32_t k = 0; k < 3; k++) disks[k] = vlot__disk_open(NULL, 1, k + 1);
  options.open_storage = open_kept;
  options.problem = words;
  options.problem_size = sizeof words;
  cr_assert_eq(vlot_cluster_open(&cluster, &options, NULL), VLOT_OK);
  add(cluster, 2);
  cr_expect_eq(vlot_cluster_close(cluster), VLOT_OK);
  cr_assert_eq(vlot_cluster_import(&options.snapshot, "backup", &options), VLOT_OK);
  cr_expect_eq(vlot_cluster_open(&cluster, &options, NULL), VLOT_INVALID);
  cr_expect(strstr(words, "n1's disk belongs to a cluster already"), "%s", words);
  vlot_snapshot_release(options.snapshot);
  options.snapshot = NULL;
  cr_assert_eq(vlot_cluster_open(&cluster, &options, NULL), VLOT_OK, "it is as it was");
  expect_total(cluster, "2");
  cr_expect_eq(vlot_cluster_close(cluster), VLOT_OK);
  for (uint32_t k = 0; k < 3; k++) vlot__disk_close(disks[k]);
}
