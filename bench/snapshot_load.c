#include "snapshot_load.h"

#include <inttypes.h>
#include <string.h>

#include "bench.h"

enum { LEADER_TICKS = 1000, ANSWERS_MAX = 1024 };

/* A set with a key of four bytes, as long as the limits' commands; where its key stands. */
static bool make_command(struct snapshot_load *load) {
  uint8_t other[SNAPSHOT_COMMAND];
  for (uint32_t pass = 0; pass < 2; pass++) {
    uint32_t key = pass - 1; /* all bits set, then none */
    vlot_kv_command set = {.operation = VLOT_KV_SET,
                           .key = &key,
                           .key_size = sizeof key,
                           .value = "a value",
                           .value_size = 0};
    vlot_bytes *bytes = vlot_kv_encode(NULL, &set);
    size_t size = bytes != NULL ? vlot_bytes_size(bytes) : SNAPSHOT_COMMAND + 1;
    vlot_bytes_release(bytes);
    if (size > SNAPSHOT_COMMAND) {
      return false;
    }
    set.value_size = SNAPSHOT_COMMAND - size;
    bytes = vlot_kv_encode(NULL, &set);
    if (bytes == NULL || vlot_bytes_size(bytes) != SNAPSHOT_COMMAND) {
      vlot_bytes_release(bytes);
      return false;
    }
    memcpy(pass == 0 ? other : load->command, vlot_bytes_data(bytes), SNAPSHOT_COMMAND);
    vlot_bytes_release(bytes);
  }
  while (load->key_at < SNAPSHOT_COMMAND && other[load->key_at] == load->command[load->key_at]) {
    load->key_at++;
  }
  return load->key_at + sizeof(uint32_t) <= SNAPSHOT_COMMAND;
}

static uint32_t next_key(struct snapshot_load *load) {
  if (load->submitted < load->keys) {
    return (uint32_t)load->submitted;
  }
  load->state ^= load->state << 13;
  load->state ^= load->state >> 7;
  load->state ^= load->state << 17;
  return (uint32_t)(load->state % load->keys);
}

bool snapshot_load_open(struct snapshot_load *load, vlot_cluster_options *options, int core,
                        uint32_t keys) {
  const char *problem = NULL;
  vlot_client_options client;
  *load = (struct snapshot_load){.keys = keys, .state = UINT64_C(88172645463325252)};
  options->nodes = SNAPSHOT_NODES;
  if (core != MEASURE_CPU_ANY) {
    options->place = VLOT_PLACE_CORE;
    options->core = (uint32_t)core;
  }
  vlot_client_options_init(&client);
  if (!make_command(load) || vlot_cluster_open(&load->cluster, options, &problem) != VLOT_OK) {
    bench_complain(BENCH_SYSTEM, "the cluster does not open: %s",
                   problem != NULL ? problem : "no command");
    return false;
  }
  if (vlot_await_leader(load->cluster, LEADER_TICKS, &load->leader) == VLOT_OK &&
      vlot_client_open(&load->client, load->cluster, &client) == VLOT_OK) {
    return true;
  }
  bench_complain(BENCH_SYSTEM, "no leader, or no client");
  (void)vlot_cluster_close(load->cluster);
  return false;
}

bool snapshot_load_close(struct snapshot_load *load) {
  vlot_client_close(load->client);
  vlot_result closed = vlot_cluster_close(load->cluster);
  if (closed != VLOT_OK) {
    bench_complain(BENCH_SYSTEM, "the cluster does not close: %s", vlot_result_name(closed));
  }
  return closed == VLOT_OK;
}

static uint64_t read_answers(struct snapshot_load *load) {
  vlot_answer answers[ANSWERS_MAX];
  size_t count = vlot_client_wait(load->client, answers, ANSWERS_MAX);
  uint64_t now_ns = measure_now_ns();
  for (size_t k = 0; k < count; k++) {
    load->failed += answers[k].result != VLOT_OK;
  }
  load->answered += count;
  if (now_ns - load->answer_ns > load->gap_max_ns) {
    load->gap_max_ns = now_ns - load->answer_ns;
  }
  load->answer_ns = now_ns;
  return now_ns;
}

bool snapshot_load_run(struct snapshot_load *load, uint64_t for_ns, uint64_t answered) {
  uint64_t start_ns = measure_now_ns(), now_ns = start_ns;
  load->answer_ns = start_ns;
  while (now_ns - start_ns < for_ns && (answered == 0 || load->answered < answered)) {
    while (load->submitted - load->answered < SNAPSHOT_WINDOW) {
      uint32_t key = next_key(load);
      memcpy(load->command + load->key_at, &key, sizeof key);
      vlot_command command = {.data = load->command, .size = SNAPSHOT_COMMAND};
      vlot_result result = vlot_client_submit(load->client, &command, 1, NULL);
      if (result != VLOT_OK) {
        bench_complain(BENCH_SYSTEM, "a command is not taken: %s", vlot_problem(result));
        return false;
      }
      load->submitted++;
    }
    now_ns = read_answers(load);
  }
  return true;
}

void snapshot_load_mark(struct snapshot_load *load) { load->gap_max_ns = 0; }

vlot_node_status snapshot_load_status(const struct snapshot_load *load, uint32_t node) {
  vlot_node_status status;
  if (vlot_cluster_get_status(load->cluster, node, &status) != VLOT_OK) {
    memset(&status, 0, sizeof status);
  }
  return status;
}
