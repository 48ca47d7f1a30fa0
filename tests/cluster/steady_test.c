/* A core and a disk under steady load, whose logs drop their fronts as a snapshot would have them
 * do: once warm, they ask the allocator beneath the pool for nothing.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "base/pool.h"
#include "cluster/disk_inside.h"
#include "cluster/host.h"
#include "fleet.h"
#include "raft/core.h"

enum { COMMANDS = 64, BYTES = 64, KEPT = 100, POOL_BYTES = 4 << 20 };

typedef struct stage {
  vlot_fault_allocator *under;
  vlot__pool *pool;
  vlot__disk *disk;
  vlot_storage storage;
  vlot_raft *raft;
  uint64_t stored; /* token */
} stage;

static void step(stage *s, const vlot_input *input) {
  const vlot_output *output;
  cr_assert_eq(vlot_raft_step(s->raft, input, input ? 1 : 0, &output), VLOT_OK);
  if (output->write.token == 0) return;
  vlot_storage_done none = {0};
  cr_assert_eq(s->storage.submit(s->storage.context, &output->write, &none), VLOT_OK);
  s->stored = output->write.token;
}

static void stage_open(stage *s, size_t pool_bytes) {
  vlot_raft_options options;
  vlot_member self = {.id = 1};
  *s = (stage){.under = vlot_fault_allocator_open()};
  s->pool = vlot__pool_open(vlot_fault_allocator_get(s->under), pool_bytes);
  const vlot_allocator *allocator = vlot__pool_allocator(s->pool);
  s->disk = vlot__disk_open(allocator, 1, 1);
  s->storage = vlot__disk_storage(s->disk);
  vlot_raft_options_init(&options);
  options.allocator = allocator;
  options.id = 1;
  options.members = &self;
  options.member_count = 1;
  cr_assert_eq(vlot_raft_open(&s->raft, &options, NULL), VLOT_OK);
  step(s, NULL);
  step(s, &(vlot_input){.kind = VLOT_INPUT_ELECT});
  step(s, &(vlot_input){.kind = VLOT_INPUT_STORED, .as.token = s->stored});
  cr_assert_eq(s->raft->role, VLOT_ROLE_LEADER);
}

static void stage_close(stage *s) {
  vlot_raft_close(s->raft);
  s->storage.release(s->storage.context);
  vlot__pool_close(s->pool);
  vlot_fault_allocator_close(s->under);
}

static void propose(stage *s, uint32_t count) {
  uint8_t data[BYTES] = {1};
  vlot_command commands[COMMANDS];
  for (uint32_t k = 0; k < count; k++) commands[k] = (vlot_command){.data = data, .size = BYTES};
  vlot_input input = {.kind = VLOT_INPUT_PROPOSE};
  input.as.propose.commands = commands;
  input.as.propose.count = count;
  step(s, &input);
  step(s, &(vlot_input){.kind = VLOT_INPUT_STORED, .as.token = s->stored});
  uint64_t committed = s->raft->commit_index;
  cr_assert_eq(committed, s->raft->log.last_index);
  step(s, &(vlot_input){.kind = VLOT_INPUT_APPLIED, .as.index = committed});
  if (committed <= s->raft->log.base_index + 2 * KEPT * COMMANDS) return;
  vlot_log_compact(&s->raft->log, committed - KEPT * COMMANDS);
  vlot_log_compact(&s->disk->log, committed - KEPT * COMMANDS);
}

static uint64_t made_by(stage *s, uint32_t rounds, uint32_t count) {
  uint64_t before = vlot_fault_allocator_made(s->under);
  for (uint32_t k = 0; k < rounds; k++) propose(s, count);
  return vlot_fault_allocator_made(s->under) - before;
}

Test(steady, load_makes_no_system_allocation_once_it_is_warm) {
  stage s;
  stage_open(&s, POOL_BYTES);
  cr_expect_gt(made_by(&s, 1000, COMMANDS), 100);
  uint64_t live = vlot_fault_allocator_live(s.under);
  cr_expect_eq(made_by(&s, 20000, COMMANDS), 0);
  cr_expect_eq(vlot_fault_allocator_live(s.under), live);
  stage_close(&s);
}

/* … because of the pool: without room in it, each batch is one. */
Test(steady, load_allocates_each_batch_where_nothing_is_kept) {
  stage s;
  stage_open(&s, 0);
  made_by(&s, 1000, COMMANDS);
  cr_expect_geq(made_by(&s, 1000, COMMANDS), 1000);
  stage_close(&s);
}

/* A small batch is left to malloc(), which has a cache for it; segments are not. */
Test(steady, small_batches_are_left_to_malloc) {
  stage s;
  stage_open(&s, POOL_BYTES);
  made_by(&s, 40000, 1);
  cr_expect_eq(made_by(&s, 20000, 1), 20000);
  stage_close(&s);
}

/* --- a whole cluster, whose logs forget --- */

static uint64_t load_cluster(vlot_cluster *cluster, vlot_client *client, uint32_t rounds) {
  vlot_command commands[COMMANDS];
  vlot_answer answers[COMMANDS];
  vlot_kv_command command = {
      .operation = VLOT_KV_SET, .key = "k", .key_size = 1, .value = (uint8_t[BYTES]){1}};
  command.value_size = BYTES;
  vlot_bytes *bytes = vlot_kv_encode(NULL, &command);
  for (int k = 0; k < COMMANDS; k++)
    commands[k] =
        (vlot_command){.data = vlot_bytes_data(bytes), .size = (uint32_t)vlot_bytes_size(bytes)};
  for (uint32_t k = 0; k < rounds; k++) {
    cr_assert_eq(vlot_client_submit(client, commands, COMMANDS, NULL), VLOT_OK);
    for (size_t got = 0; got < COMMANDS;) got += vlot_client_wait(client, answers, COMMANDS);
  }
  vlot_bytes_release(bytes);
  cr_assert_eq(vlot_await_quiet(cluster, 1000), VLOT_OK);
  return fleet_status(cluster, 1).raft.snapshot_index;
}

/* Per snapshot the objects of it, small ones; for commands nothing, however many there are. */
Test(steady, a_cluster_that_takes_snapshots_allocates_for_these_alone) {
  enum { PER_SNAPSHOT = 40 };
  vlot_host *host;
  vlot_fault_allocator *under = vlot_fault_allocator_open();
  cr_assert_eq(vlot_host_open(&host, NULL, NULL), VLOT_OK);
  vlot__pool_close(host->pool);
  host->pool = vlot__pool_open(vlot_fault_allocator_get(under), POOL_BYTES);
  host->log_allocator = vlot__pool_allocator(host->pool);
  vlot_cluster_options options = fleet_options(VLOT_DRIVER_LOCKSTEP, 3);
  options.host = host;
  options.tick_ns = 10000000;
  options.has_checker = 0;
  options.snapshot_bytes = 256 << 10;
  vlot_cluster *cluster = fleet_open(&options);
  vlot_client *client = fleet_client(cluster, 1, 2000);
  cr_assert_eq(vlot_await_leader(cluster, 2000, NULL), VLOT_OK);
  uint64_t first = load_cluster(cluster, client, 600);
  uint64_t made = vlot_fault_allocator_made(under), live = vlot_fault_allocator_live(under);
  uint64_t last = load_cluster(cluster, client, 3000);
  /* as many at each of three nodes */
  uint64_t snapshots = (last - first) * (BYTES + 12 + VLOT_ENTRY_OVERHEAD) / options.snapshot_bytes;
  cr_expect_gt(snapshots, 30);
  cr_expect_leq(vlot_fault_allocator_made(under) - made, 3 * (snapshots + 2) * PER_SNAPSHOT,
                "%lu for %lu snapshots", (unsigned long)(vlot_fault_allocator_made(under) - made),
                (unsigned long)snapshots);
  cr_expect_leq(vlot_fault_allocator_live(under), live + 200);
  vlot_client_close(client);
  cr_expect_eq(vlot_cluster_close(cluster), VLOT_OK);
  cr_expect_eq(vlot_host_close(host), VLOT_OK);
  cr_expect_eq(vlot_fault_allocator_live(under), 0);
  vlot_fault_allocator_close(under);
}
