#include "fleet.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/prng.h"

vlot_cluster_options fleet_options(vlot_driver driver, uint32_t nodes) {
  vlot_cluster_options options;
  vlot_cluster_options_init(&options);
  options.driver = driver;
  options.nodes = nodes;
  options.has_checker = 3;
  /* an election timeout is longer than a thread of a busy machine waits for its core */
  options.tick_ns = 8000000;
  options.stop_ns = 20000000000;
  return options;
}

vlot_cluster *fleet_open(const vlot_cluster_options *options) {
  vlot_cluster *cluster;
  const char *problem;
  vlot_result result = vlot_cluster_open(&cluster, options, &problem);
  if (result == VLOT_OK) return cluster;
  fprintf(stderr, "open: %s, %s\n", vlot_result_name(result), problem ? problem : "");
  return NULL;
}

vlot_client *fleet_client(vlot_cluster *cluster, uint32_t contact, uint64_t timeout_ticks) {
  vlot_client_options options;
  vlot_client *client;
  vlot_client_options_init(&options);
  options.contact = contact;
  if (timeout_ticks) options.timeout_ticks = timeout_ticks;
  return vlot_client_open(&client, cluster, &options) == VLOT_OK ? client : NULL;
}

/* --- one command at a time --- */

static vlot_result propose(vlot_client *client, const vlot_kv_command *command) {
  vlot_bytes *bytes = vlot_kv_encode(NULL, command);
  if (!bytes) return VLOT_NOMEM;
  vlot_bytes *reply;
  vlot_result result =
      vlot_client_propose(client, vlot_bytes_data(bytes), vlot_bytes_size(bytes), &reply);
  vlot_bytes_release(bytes);
  vlot_bytes_release(reply);
  return result;
}

vlot_result fleet_set(vlot_client *client, const char *key, const char *value) {
  return propose(client, &(vlot_kv_command){.operation = VLOT_KV_SET,
                                            .key = key,
                                            .key_size = strlen(key),
                                            .value = value,
                                            .value_size = strlen(value)});
}

static vlot_kv_command increment(const char *key, int64_t amount) {
  return (vlot_kv_command){
      .operation = VLOT_KV_INCREMENT, .key = key, .key_size = strlen(key), .amount = amount};
}

vlot_result fleet_add(vlot_client *client, const char *key, int64_t amount) {
  vlot_kv_command command = increment(key, amount);
  return propose(client, &command);
}

static vlot_bytes *question_of(const char *key) {
  return vlot_kv_encode(
      NULL, &(vlot_kv_command){.operation = VLOT_KV_GET, .key = key, .key_size = strlen(key)});
}

vlot_result fleet_get(vlot_client *client, const char *key, char *value, size_t capacity) {
  vlot_bytes *question = question_of(key), *reply = NULL;
  vlot_kv_answer answer = {0};
  value[0] = '\0';
  if (!question) return VLOT_NOMEM;
  vlot_result result =
      vlot_client_query(client, vlot_bytes_data(question), vlot_bytes_size(question), &reply);
  if (result == VLOT_OK)
    result = vlot_kv_answer_decode(vlot_bytes_data(reply), vlot_bytes_size(reply), &answer);
  if (result == VLOT_OK)
    snprintf(value, capacity, "%.*s", (int)answer.size, (const char *)answer.value);
  vlot_bytes_release(question);
  vlot_bytes_release(reply);
  return result;
}

/* --- many --- */

vlot_result fleet_submit(vlot_client *client, const char *key, uint32_t count, uint64_t *sequence) {
  vlot_kv_command wanted = increment(key, 1);
  vlot_bytes *bytes = vlot_kv_encode(NULL, &wanted);
  vlot_command *commands = calloc(count, sizeof *commands);
  vlot_result result = VLOT_NOMEM;
  for (uint32_t k = 0; bytes && commands && k < count; k++)
    commands[k] = (vlot_command){.data = vlot_bytes_data(bytes), .size = vlot_bytes_size(bytes)};
  if (bytes && commands) result = vlot_client_submit(client, commands, count, sequence);
  vlot_bytes_release(bytes);
  free(commands);
  return result;
}

vlot_result fleet_read(vlot_client *client, const char *key, uint64_t min_index,
                       uint64_t *sequence) {
  vlot_bytes *question = question_of(key);
  if (!question) return VLOT_NOMEM;
  vlot_result result = vlot_client_read(client, vlot_bytes_data(question),
                                        vlot_bytes_size(question), min_index, sequence);
  vlot_bytes_release(question);
  return result;
}

int64_t fleet_number(const vlot_answer *answer) {
  vlot_kv_answer value;
  char text[32];
  if (vlot_kv_answer_decode(answer->reply, answer->reply_size, &value) != VLOT_OK) return -1;
  if (value.status != 0 || value.size == 0) return -1;
  snprintf(text, sizeof text, "%.*s", (int)value.size, (const char *)value.value);
  return strtoll(text, NULL, 10);
}

vlot_answer fleet_wait(vlot_client *client) {
  vlot_answer answer = {.result = VLOT_UNKNOWN};
  (void)vlot_client_wait(client, &answer, 1);
  return answer;
}

vlot_node_status fleet_status(vlot_cluster *cluster, uint32_t id) {
  vlot_node_status status;
  (void)vlot_cluster_get_status(cluster, id, &status);
  return status;
}

vlot_cluster_stats fleet_stats(vlot_cluster *cluster) {
  vlot_cluster_stats stats;
  vlot_cluster_get_stats(cluster, &stats);
  return stats;
}

void fleet_pass(vlot_cluster *cluster, uint64_t ticks) {
  /* no member ever applies that much: only the time limit ends it */
  if (vlot_await_applied(cluster, 1, VLOT_NEVER, ticks) == VLOT_OK) abort();
}

/* --- the end of a storm --- */

bool fleet_agrees(vlot_cluster *cluster) {
  uint64_t hash, applied, first_hash = 0, first_applied = 0;
  bool has_first = false;
  for (uint32_t id = 1; id <= vlot_cluster_nodes(cluster); id++) {
    if (fleet_status(cluster, id).state != VLOT_NODE_UP) continue;
    if (vlot_cluster_hash(cluster, id, &hash, &applied) != VLOT_OK) return false;
    if (has_first && (hash != first_hash || applied != first_applied)) return false;
    first_hash = hash;
    first_applied = applied;
    has_first = true;
  }
  return has_first;
}

static bool is_settled(vlot_cluster *cluster, uint64_t timeout_ticks) {
  uint32_t leader;
  for (int tries = 0; tries < 10; tries++) {
    if (vlot_await_leader(cluster, timeout_ticks, &leader) != VLOT_OK) return false;
    if (vlot_await_quiet(cluster, timeout_ticks) != VLOT_OK) return false;
    if (fleet_agrees(cluster)) return true;
  }
  return false;
}

bool fleet_settle(vlot_cluster *cluster, uint64_t timeout_ticks) {
  vlot_disk_fault healthy = {0};
  (void)vlot_cluster_heal(cluster);
  for (uint32_t id = 1; id <= vlot_cluster_nodes(cluster); id++) {
    (void)vlot_cluster_set_clock_rate(cluster, id, 1000);
    (void)vlot_cluster_set_disk(cluster, id, &healthy);
    (void)vlot_cluster_resume(cluster, id);
    if (fleet_status(cluster, id).state != VLOT_NODE_UP)
      (void)vlot_cluster_restart(cluster, id, VLOT_RESTART_KEEP);
  }
  return is_settled(cluster, timeout_ticks);
}

/* --- the storm --- */

typedef struct storm {
  vlot_cluster *cluster;
  vlot__prng prng;
  vlot_client *clients[2];
  uint64_t answers;
  uint64_t turns;
  unsigned how;
} storm;

static uint32_t below(storm *self, uint32_t limit) {
  return (uint32_t)vlot__prng_below(&self->prng, limit);
}

static void look(storm *self) {
  vlot_pending pending[8];
  vlot_event events[8];
  uint64_t hash, applied;
  if (self->how & FLEET_LISTING) (void)vlot_lockstep_pending(self->cluster, pending, 8);
  if (self->how & FLEET_SWITCHING)
    (void)vlot_lockstep_set_inline(self->cluster, self->turns / 7 % 2 == 0);
  if (!(self->how & FLEET_LOOKING)) return;
  for (uint32_t id = 1; id <= vlot_cluster_nodes(self->cluster); id++) {
    (void)fleet_status(self->cluster, id);
    if (vlot_cluster_hash(self->cluster, id, &hash, &applied) != VLOT_OK) continue;
    (void)vlot_cluster_events(self->cluster, id, events, 8);
  }
  (void)fleet_stats(self->cluster);
}

/* A call may overshoot when its last turn takes several deliveries, so both ways count from the
 * target. */
static void step(storm *self, uint64_t actions) {
  uint64_t target = fleet_stats(self->cluster).actions + actions;
  for (uint64_t done = 1; done > 0;) {
    uint64_t now = fleet_stats(self->cluster).actions;
    if (now >= target) return;
    uint64_t wanted = self->how ? 1 : target - now;
    if (vlot_lockstep_step(self->cluster, wanted, &done) != VLOT_OK) return;
    self->turns++;
    if (self->how) look(self);
  }
}

static void collect(storm *self) {
  vlot_answer answers[16];
  for (int c = 0; c < 2; c++)
    for (size_t count; (count = vlot_client_poll(self->clients[c], answers, 16)) > 0;)
      for (size_t k = 0; k < count; k++) {
        self->answers = vlot__prng_mix(self->answers ^ answers[k].sequence);
        self->answers = vlot__prng_mix(self->answers ^ answers[k].result);
        self->answers = vlot__prng_mix(self->answers ^ answers[k].index);
        self->answers = vlot__prng_mix(self->answers ^ answers[k].why);
      }
}

static void disturb_link(storm *self, uint32_t from, uint32_t to) {
  vlot_link link = {0};
  link.is_cut = below(self, 4) == 0;
  link.loss = below(self, 300000);
  link.duplicate = below(self, 300000);
  link.reorder = below(self, 500000);
  link.reorder_ticks = below(self, 20);
  link.delay_ticks_max = below(self, 8);
  link.tail = below(self, 100000);
  link.tail_ticks = below(self, 60);
  (void)vlot_cluster_set_link(self->cluster, from, to, &link);
}

static void disturb_disk(storm *self, uint32_t id) {
  vlot_disk_fault fault = {0};
  fault.delay_ticks_max = below(self, 6);
  fault.is_stalled = below(self, 6) == 0;
  fault.fail_at = below(self, 12) == 0 ? 1 + below(self, 5) : 0;
  (void)vlot_cluster_set_disk(self->cluster, id, &fault);
}

static void divide(storm *self) {
  uint32_t ids[VLOT_MEMBERS_MAX], count = 0;
  for (uint32_t id = 1; id <= vlot_cluster_nodes(self->cluster); id++)
    if (below(self, 2) == 1) ids[count++] = id;
  (void)vlot_cluster_partition(self->cluster, ids, count);
}

static void disturb(storm *self) {
  vlot_cluster *cluster = self->cluster;
  static const vlot_input_kind orders[] = {VLOT_INPUT_CAMPAIGN, VLOT_INPUT_ELECT,
                                           VLOT_INPUT_STEP_DOWN, VLOT_INPUT_FORGET_LEADER};
  uint32_t nodes = vlot_cluster_nodes(cluster);
  uint32_t id = 1 + below(self, nodes), other = 1 + below(self, nodes);
  uint32_t draw = below(self, 100);
  switch (below(self, 12)) {
  case 0: (void)vlot_cluster_kill(cluster, id, draw < 50); break;
  case 1: (void)vlot_cluster_spawn(cluster, id); break;
  case 2:
    (void)vlot_cluster_restart(cluster, id, draw < 50 ? VLOT_RESTART_KEEP : VLOT_RESTART_LOSE);
    break;
  case 3: (void)vlot_cluster_suspend(cluster, id); break;
  case 4:
    for (id = 1; id <= nodes; id++) (void)vlot_cluster_resume(cluster, id);
    break;
  case 5: disturb_link(self, id, other); break;
  case 6: (void)vlot_cluster_heal(cluster); break;
  case 7: disturb_disk(self, id); break;
  case 8: (void)vlot_cluster_set_disk(cluster, id, &(vlot_disk_fault){0}); break;
  case 9: (void)vlot_cluster_set_clock_rate(cluster, id, draw < 20 ? 0 : 500 + 10 * draw); break;
  case 10: (void)vlot_cluster_order(cluster, id, orders[draw % 4], 0); break;
  default: divide(self); break;
  }
}

uint64_t fleet_storm(vlot_cluster *cluster, uint64_t seed, uint32_t rounds, unsigned how) {
  static const char *const keys[] = {"a", "b", "c"};
  storm self = {.cluster = cluster, .how = how};
  vlot__prng_init(&self.prng, seed, 77);
  self.clients[0] = fleet_client(cluster, 0, 100);
  self.clients[1] = fleet_client(cluster, vlot_cluster_nodes(cluster), 100);
  for (uint32_t round = 0; round < rounds; round++) {
    uint32_t who = below(&self, 2), key = below(&self, 3), count = 1 + below(&self, 4);
    (void)fleet_submit(self.clients[who], keys[key], count, NULL);
    if (below(&self, 4) == 0)
      (void)fleet_read(self.clients[who], keys[key], VLOT_READ_LINEARIZABLE, NULL);
    step(&self, 1 + below(&self, 60));
    if (below(&self, 3) == 0) disturb(&self);
    collect(&self);
  }
  vlot_client_close(self.clients[0]);
  vlot_client_close(self.clients[1]);
  return self.answers;
}
