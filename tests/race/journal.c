/* Runs with faults and kills, drawn from a seed, are recorded while clients talk; each journal must
 * replay as the same run, and every event of it have a cause that is true, as in the run itself.
 *
 *   race_journal [RUNS [FIRST_SEED]]
 */
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/prng.h"
#include "lab/causes.h"
#include "taped.h"

enum { CLIENTS = 2, FAULTS = 14, WINDOW = 16, NODES_MAX = 5 };

typedef struct talk {
  vlot_cluster *cluster;
  _Atomic bool must_stop;
  _Atomic uint64_t answers;
  uint64_t seed;
  uint32_t nodes;
} talk;

static const taped *recorded; /* kept for who looks, where something fails */

static void fail(const char *what, uint64_t seed) {
  FILE *file = recorded ? fopen("race_journal.failed", "wb") : NULL;
  if (file) {
    fwrite(recorded->bytes, 1, recorded->size, file);
    fclose(file);
  }
  fprintf(stderr, "race journal: seed %" PRIu64 ": %s\n", seed, what);
  exit(1);
}

/* Every event so far, in the order of causality. */
static void check_causes(vlot_cluster *cluster, uint64_t seed) {
  vlot_subscription *events = NULL;
  vlot_event event;
  vlot__causes *causes = vlot__causes_open();
  if (!causes || vlot_subscription_open(&events, cluster, 0) != VLOT_OK)
    fail("no memory for events", seed);
  while (vlot_subscription_next(events, &event)) {
    const char *problem = vlot__causes_feed(causes, &event);
    if (problem) fail(problem, seed);
  }
  if (vlot_subscription_lost(events) > 0) fail("events were lost", seed);
  vlot_subscription_close(events);
  vlot__causes_close(causes);
}

/* There may be none: then the faults go on all the same. */
static void await_leader(vlot_cluster *cluster, uint64_t ticks) {
  if (vlot_await_leader(cluster, ticks, NULL) != VLOT_OK) return;
}

static void pass_ticks(vlot_cluster *cluster, uint64_t ticks) {
  if (vlot_await_applied(cluster, 1, UINT64_MAX, ticks) == VLOT_OK)
    fail("n1 has applied the last index of all", 0);
}

/* --- load: commands and reads, to leaders and to followers, small and large --- */

static bool ask(vlot_client *client, vlot__prng *prng) {
  char key[16], value[3000];
  uint64_t dice = vlot__prng_below(prng, 10);
  snprintf(key, sizeof key, "k%u", (unsigned)vlot__prng_below(prng, 20));
  vlot_kv_command command = {
      .operation = VLOT_KV_INCREMENT, .key = key, .key_size = strlen(key), .amount = 1};
  if (dice < 5) {
    command.operation = VLOT_KV_SET;
    command.value = value;
    command.value_size = (size_t)vlot__prng_below(prng, dice == 0 ? sizeof value : 60);
    memset(value, 'v', command.value_size);
  } else if (dice < 7) {
    command.operation = VLOT_KV_GET;
  }
  vlot_bytes *bytes = vlot_kv_encode(NULL, &command);
  if (!bytes) return false;
  vlot_command one = {.data = vlot_bytes_data(bytes), .size = vlot_bytes_size(bytes)};
  vlot_result result;
  if (dice == 5)
    result = vlot_client_read(client, one.data, one.size, VLOT_READ_LINEARIZABLE, NULL);
  else if (dice == 6)
    result = vlot_client_read(client, one.data, one.size, 0, NULL);
  else
    result = vlot_client_submit(client, (vlot_command[2]){one, one}, 1 + (dice == 9), NULL);
  vlot_bytes_release(bytes);
  return result == VLOT_OK;
}

static void *keep_talking(void *argument) {
  talk *shared = argument;
  vlot_client *client;
  vlot_client_options options;
  vlot_answer answers[WINDOW];
  vlot__prng prng;
  uint64_t number = atomic_fetch_add(&shared->answers, 1);
  vlot__prng_init(&prng, shared->seed, 100 + number);
  vlot_client_options_init(&options);
  options.timeout_ticks = 60;
  options.contact = number % 2 ? 1 + (uint32_t)vlot__prng_below(&prng, shared->nodes) : 0;
  if (vlot_client_open(&client, shared->cluster, &options) != VLOT_OK)
    fail("no client", shared->seed);
  while (!atomic_load(&shared->must_stop)) {
    while (vlot_client_inflight(client) < WINDOW && ask(client, &prng)) continue;
    size_t count = vlot_client_wait(client, answers, WINDOW);
    atomic_fetch_add(&shared->answers, count);
    if (count == 0) pass_ticks(shared->cluster, 1);
  }
  vlot_client_close(client);
  return NULL;
}

/* --- faults --- */

static uint32_t any_node(vlot_cluster *cluster, vlot__prng *prng) {
  return 1 + (uint32_t)vlot__prng_below(prng, vlot_cluster_nodes(cluster));
}

static void fault_link(vlot_cluster *cluster, vlot__prng *prng) {
  vlot_link link = {.loss = 50000,
                    .duplicate = 50000,
                    .reorder = 100000,
                    .reorder_ticks = 3,
                    .delay_ticks_max = 2};
  if (vlot__prng_below(prng, 3) == 0) link = (vlot_link){.is_cut = 1};
  uint32_t from = any_node(cluster, prng);
  uint32_t to = any_node(cluster, prng);
  if (vlot__prng_below(prng, 3) == 0) from = to = 0;
  if (from != to || from == 0)
    (void)vlot_cluster_set_link(cluster, link.is_cut ? any_node(cluster, prng) : from, to, &link);
}

static void fault_partition(vlot_cluster *cluster, vlot__prng *prng) {
  uint32_t ids[NODES_MAX], count = 0;
  for (uint32_t id = 1; id <= vlot_cluster_nodes(cluster); id++)
    if (vlot__prng_below(prng, 2) == 1) ids[count++] = id;
  (void)vlot_cluster_partition(cluster, ids, count);
}

static void fault_disk(vlot_cluster *cluster, vlot__prng *prng, uint32_t node) {
  uint64_t dice = vlot__prng_below(prng, 8);
  vlot_disk_fault fault = {.delay_ticks_min = 1, .delay_ticks_max = 4};
  if (dice == 0) fault.fail_at = 5;
  if (dice == 1) fault.is_stalled = 1;
  if (dice == 2) fault = (vlot_disk_fault){0};
  (void)vlot_cluster_set_disk(cluster, node, &fault);
}

/* Steps, drops, holds, copies, kills and clocks while it stands still. */
static void fault_pause(vlot_cluster *cluster, vlot__prng *prng) {
  vlot_pending pending[64];
  if (vlot_cluster_pause(cluster) != VLOT_OK) return;
  for (int k = 0; k < 12; k++) {
    size_t count = vlot_lockstep_pending(cluster, pending, 64);
    if (count > 64) count = 64;
    uint64_t dice = vlot__prng_below(prng, 9);
    uint64_t id = count > 0 ? pending[vlot__prng_below(prng, count)].id : 0;
    switch (dice) {
    case 0: (void)vlot_lockstep_drop(cluster, id); break;
    case 1: (void)vlot_lockstep_duplicate(cluster, id, NULL); break;
    case 2: (void)vlot_lockstep_hold(cluster, id, true); break;
    case 3: (void)vlot_lockstep_fire(cluster, id); break;
    case 4:
      (void)vlot_cluster_set_clock_rate(cluster, any_node(cluster, prng),
                                        800 + (uint32_t)vlot__prng_below(prng, 400));
      break;
    case 5: (void)vlot_cluster_suspend(cluster, any_node(cluster, prng)); break;
    case 6: (void)vlot_cluster_restart(cluster, any_node(cluster, prng), VLOT_RESTART_LOSE); break;
    default: (void)vlot_lockstep_step(cluster, 5, NULL); break;
    }
  }
  if (vlot_cluster_unpause(cluster) != VLOT_OK) fail("it does not go on", 0);
}

static void fault(vlot_cluster *cluster, vlot__prng *prng) {
  uint32_t node = any_node(cluster, prng), leader = vlot_cluster_leader(cluster);
  switch (vlot__prng_below(prng, 15)) {
  case 0: (void)vlot_cluster_kill(cluster, leader ? leader : node, false); break;
  case 1: (void)vlot_cluster_kill(cluster, node, true); break;
  case 2: (void)vlot_cluster_restart(cluster, leader ? leader : node, VLOT_RESTART_KEEP); break;
  case 3: (void)vlot_cluster_restart(cluster, node, VLOT_RESTART_LOSE); break;
  case 4: (void)vlot_cluster_spawn(cluster, node); break;
  case 5: (void)vlot_cluster_suspend(cluster, node); break;
  case 6: (void)vlot_cluster_resume(cluster, node); break;
  case 7: fault_link(cluster, prng); break;
  case 8: fault_partition(cluster, prng); break;
  case 9: (void)vlot_cluster_heal(cluster); break;
  case 10: fault_disk(cluster, prng, node); break;
  case 11:
    (void)vlot_cluster_set_clock_rate(cluster, node, 500 + (uint32_t)vlot__prng_below(prng, 1000));
    break;
  case 12:
    (void)vlot_cluster_order(cluster, leader ? leader : node, VLOT_INPUT_STEP_DOWN, 0);
    break;
  case 13: (void)vlot_cluster_order(cluster, node, VLOT_INPUT_ELECT, 0); break;
  default: fault_pause(cluster, prng); break;
  }
}

/* All nodes are up again at the end, but one that the disk has fenced. */
static void repair(vlot_cluster *cluster) {
  (void)vlot_cluster_heal(cluster);
  for (uint32_t id = 1; id <= vlot_cluster_nodes(cluster); id++) {
    (void)vlot_cluster_set_disk(cluster, id, &(vlot_disk_fault){0});
    (void)vlot_cluster_set_clock_rate(cluster, id, 1000);
    (void)vlot_cluster_resume(cluster, id);
    (void)vlot_cluster_spawn(cluster, id);
  }
}

/* How a run ended, as far as what goes on until it is closed does not change it. */
typedef struct ending {
  vlot_cluster_stats stats;
  vlot_node_state states[NODES_MAX];
} ending;

static ending look(vlot_cluster *cluster) {
  ending at = {0};
  vlot_cluster_get_stats(cluster, &at.stats);
  for (uint32_t id = 1; id <= vlot_cluster_nodes(cluster); id++) {
    vlot_node_status status;
    if (vlot_cluster_get_status(cluster, id, &status) == VLOT_OK) at.states[id - 1] = status.state;
  }
  return at;
}

/* A healthy replica has a hash, also in a replay; nobody else has. */
static bool has_hashes(vlot_cluster *cluster, const ending *at) {
  for (uint32_t id = 1; id <= vlot_cluster_nodes(cluster); id++) {
    uint64_t hash, applied;
    bool is_healthy =
        at->states[id - 1] == VLOT_NODE_UP || at->states[id - 1] == VLOT_NODE_SUSPENDED;
    if ((vlot_cluster_hash(cluster, id, &hash, &applied) == VLOT_OK) != is_healthy) return false;
  }
  return true;
}

static uint64_t lent_turns; /* of all recorded runs, on clients' threads */

static void record(uint64_t seed, taped *tape, ending *end) {
  talk shared = {.seed = seed};
  vlot_writer sink = taped_sink(tape);
  vlot_cluster_options options;
  pthread_t threads[CLIENTS];
  vlot__prng prng;
  vlot__prng_init(&prng, seed, 1);
  vlot_cluster_options_init(&options);
  if (seed / 2 % 2) { /* logs are short, and who was away is sent a snapshot in small chunks */
    options.snapshot_bytes = 500 + 1000 * (seed % 5);
    options.snapshot_trailing = seed % 7;
    options.raft.snapshot_chunk_bytes = 300;
  }
  options.nodes = shared.nodes = 3 + 2 * (uint32_t)(seed % 2);
  options.learners = seed % 4 == 3;
  options.seed = seed;
  options.tick_ns = 500000;
  options.journal = &sink;
  options.assist = seed % 5 == 4 ? VLOT_ASSIST_OFF : VLOT_ASSIST_AUTO;
  options.has_checker = seed % 3 == 0;
  options.keeps_events = seed % 2;
  if (vlot_cluster_open(&shared.cluster, &options, NULL) != VLOT_OK)
    fail("the cluster cannot be opened", seed);
  for (int k = 0; k < CLIENTS; k++)
    if (pthread_create(&threads[k], NULL, keep_talking, &shared) != 0) fail("no thread", seed);
  for (int k = 0; k < FAULTS; k++) {
    await_leader(shared.cluster, 40);
    pass_ticks(shared.cluster, vlot__prng_below(&prng, 30));
    fault(shared.cluster, &prng);
  }
  repair(shared.cluster);
  await_leader(shared.cluster, 2000);
  atomic_store(&shared.must_stop, true);
  for (int k = 0; k < CLIENTS; k++) pthread_join(threads[k], NULL);
  *end = look(shared.cluster);
  vlot_cluster_stats stats;
  vlot_cluster_get_stats(shared.cluster, &stats);
  lent_turns += stats.lent_turns;
  recorded = tape;
  if (options.keeps_events) check_causes(shared.cluster, seed);
  vlot_result closed = vlot_cluster_close(shared.cluster);
  if (closed != VLOT_OK) fail(vlot_result_text(closed), seed);
  recorded = NULL;
}

static uint64_t now_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static uint64_t number(int argc, char **argv, int place, uint64_t usual) {
  char *end = NULL;
  if (place >= argc) return usual;
  uint64_t value = strtoull(argv[place], &end, 10);
  if (*end == '\0' && value > 0 && value <= 1000000) return value;
  fprintf(stderr,
          "race_journal: \"%s\" is no number from 1 to 1000000; usage: race_journal [RUNS "
          "[FIRST_SEED]]\n",
          argv[place]);
  exit(64);
}

int main(int argc, char **argv) {
  uint64_t runs = number(argc, argv, 1, 8), first = number(argc, argv, 2, 1);
  uint64_t bytes = 0, commits = 0, kills = 0, actions = 0, replay_ns = 0;
  for (uint64_t seed = first; seed < first + runs; seed++) {
    taped tape = {0};
    ending run, again;
    vlot_cluster *cluster;
    char text[320];
    record(seed, &tape, &run);
    uint64_t began = now_ns();
    vlot_cluster_options options;
    vlot_cluster_options_init(&options);
    options.keeps_events = 1;
    const char *problem = taped_replay(&tape, &options, &cluster, text);
    replay_ns += now_ns() - began;
    recorded = &tape;
    if (problem[0]) fail(problem, seed);
    check_causes(cluster, seed);
    again = look(cluster);
    if (memcmp(again.states, run.states, sizeof run.states) != 0)
      fail("a node is not in the state in which it was", seed);
    if (!has_hashes(cluster, &again)) fail("not the healthy replicas have a hash", seed);
    if (again.stats.kills != run.stats.kills || again.stats.restarts != run.stats.restarts)
      fail("another number of kills", seed);
    if (vlot_cluster_close(cluster) != VLOT_OK)
      fail("the replay finds a broken safety property", seed);
    recorded = NULL;
    bytes += tape.size;
    kills += run.stats.kills;
    commits += run.stats.commits;
    actions += again.stats.actions;
    taped_free(&tape);
  }
  if (runs > 1 && lent_turns == 0) fail("no client has lent its thread", first);
  printf("race journal: %" PRIu64 " runs replay alike, and no cause is false: %" PRIu64
         " kills and restarts, %" PRIu64 " commits, %" PRIu64 " actions, %" PRIu64
         " bytes, %" PRIu64 " turns on clients' threads; replayed in %" PRIu64 " ms\n",
         runs, kills, commits, actions, bytes, lent_turns, replay_ns / 1000000);
  return 0;
}
