/* A state machine of one's own: a counter. It is checked first, then replicated to three nodes, one
 * of which is killed. Built as a shared object it is a machine for the command:
 *
 *   cc -shared -fPIC -o counter.so counter.c
 *   vlot step --machine counter.so
 *
 * There `propose add 5` adds five, `read total` asks, and `kv` shows what a node holds.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vlot/vlot.h"

/* --- the machine: a command is an amount, its answer is the new total --- */

enum { NUMBER = 8 }; /* bytes of a number in commands, answers and snapshots; little-endian */

static void put(uint8_t bytes[NUMBER], uint64_t number) {
  for (int k = 0; k < NUMBER; k++) bytes[k] = (uint8_t)(number >> (8 * k));
}

static uint64_t get(const uint8_t *bytes) {
  uint64_t number = 0;
  for (int k = 0; k < NUMBER; k++) number |= (uint64_t)bytes[k] << (8 * k);
  return number;
}

static void *counter_create(void *context, uint32_t node, bool is_replaying) {
  (void)context, (void)node, (void)is_replaying; /* all nodes must compute the same */
  return calloc(1, sizeof(uint64_t));
}

static vlot_result answer(vlot_replies *replies, uint32_t k, uint64_t total) {
  uint8_t bytes[NUMBER];
  put(bytes, total);
  return vlot_replies_set(replies, k, bytes, NUMBER);
}

static vlot_result counter_apply(void *state, const vlot_entry *commands, uint32_t count,
                                 uint64_t first_index, vlot_replies *replies) {
  uint64_t *total = state;
  (void)first_index;
  for (uint32_t k = 0; k < count; k++) {
    if (commands[k].size != NUMBER) continue; /* the log is data: skipped, everywhere alike */
    *total += get(commands[k].data);
    vlot_result result = answer(replies, k, *total);
    if (result != VLOT_OK) return result;
  }
  return VLOT_OK;
}

static vlot_result counter_query(void *state, const void *question, size_t size,
                                 vlot_replies *replies) {
  (void)question, (void)size; /* there is only one thing to ask */
  return answer(replies, 0, *(uint64_t *)state);
}

static vlot_result counter_snapshot(void *state, const vlot_writer *writer) {
  uint8_t bytes[NUMBER];
  put(bytes, *(uint64_t *)state);
  return writer->write(writer->context, bytes, NUMBER);
}

static vlot_result counter_restore(void *state, const vlot_reader *reader) {
  uint8_t bytes[NUMBER];
  for (size_t have = 0; have < NUMBER;) {
    size_t got = 0;
    vlot_result result = reader->read(reader->context, bytes + have, NUMBER - have, &got);
    if (result != VLOT_OK) return result;
    if (got == 0) return VLOT_CORRUPT;
    have += got;
  }
  *(uint64_t *)state = get(bytes);
  return VLOT_OK;
}

static uint64_t counter_hash(void *state) { return *(uint64_t *)state; }

static const vlot_machine counter = {
    .size = sizeof(vlot_machine),
    .name = "counter",
    .create = counter_create,
    .apply = counter_apply,
    .query = counter_query,
    .snapshot = counter_snapshot,
    .restore = counter_restore,
    .hash = counter_hash,
    .destroy = free,
};

/* --- its words, for the command (vlot/plugin.h) --- */

static vlot_result counter_command(const char *line, size_t length, void *bytes, size_t capacity,
                                   size_t *size, const char **problem) {
  char digits[24] = "", *end = digits;
  *problem = "expected add N, N a whole number of 64 bits";
  if (length < 5 || length - 4 >= sizeof digits || memcmp(line, "add ", 4) != 0)
    return VLOT_INVALID;
  memcpy(digits, line + 4, length - 4);
  errno = 0;
  unsigned long long amount = strtoull(digits, &end, 10);
  if (digits[0] < '0' || digits[0] > '9' || *end || errno || capacity < NUMBER) return VLOT_INVALID;
  put(bytes, amount);
  *size = NUMBER;
  return VLOT_OK;
}

static vlot_result counter_question(const char *line, size_t length, void *bytes, size_t capacity,
                                    size_t *size, const char **problem) {
  (void)bytes, (void)capacity;
  *problem = "expected total";
  *size = 0;
  return length == 5 && memcmp(line, "total", 5) == 0 ? VLOT_OK : VLOT_INVALID;
}

static vlot_result say(uint64_t number, char *text, size_t capacity, size_t *size) {
  int written = snprintf(text, capacity, "%" PRIu64, number);
  *size = (size_t)written;
  return *size < capacity ? VLOT_OK : VLOT_TOO_LARGE;
}

static vlot_result counter_answer(const void *data, size_t length, char *text, size_t capacity,
                                  size_t *size) {
  return length == NUMBER ? say(get(data), text, capacity, size) : VLOT_CORRUPT;
}

static vlot_result counter_state(void *state, char *text, size_t capacity, size_t *size) {
  return say(*(uint64_t *)state, text, capacity, size);
}

static vlot_result counter_generate(uint64_t random, void *bytes, size_t capacity, size_t *size) {
  if (capacity < NUMBER) return VLOT_TOO_LARGE;
  put(bytes, random % 100);
  *size = NUMBER;
  return VLOT_OK;
}

VLOT_PLUGIN_ENTRY {
  static const vlot_plugin plugin = {
      .abi = VLOT_PLUGIN_ABI,
      .size = sizeof(vlot_plugin),
      .name = "counter",
      .machine = &counter,
      .command = counter_command,
      .question = counter_question,
      .answer = counter_answer,
      .state = counter_state,
      .generate = counter_generate,
  };
  return &plugin;
}

/* --- its use --- */

enum { NODES = 3, ADDITIONS = 20, TICKS = 500 };

static vlot_result check(void) {
  uint8_t amounts[10][NUMBER];
  vlot_entry commands[10], question = {0};
  for (uint64_t k = 0; k < 10; k++) {
    put(amounts[k], k * k);
    commands[k] = (vlot_entry){.data = amounts[k], .size = NUMBER, .kind = VLOT_ENTRY_COMMAND};
  }
  const char *problem;
  vlot_result result = vlot_machine_check(&counter, commands, 10, &question, 1, &problem);
  if (result == VLOT_OK)
    printf("the machine is sound\n");
  else
    printf("the machine: %s\n", problem ? problem : vlot_result_text(result));
  return result;
}

static vlot_result add(vlot_client *client, uint64_t from, uint64_t to) {
  vlot_result result = VLOT_OK;
  for (uint64_t k = from; result == VLOT_OK && k <= to; k++) {
    uint8_t amount[NUMBER];
    put(amount, k);
    result = vlot_client_propose(client, amount, NUMBER, NULL);
  }
  return result;
}

/* Waiting for the next leader is not needed for safety; but an addition that is on its way to a
 * dead one would come back as VLOT_UNKNOWN, and what may have been counted already must not be
 * counted again.
 */
static vlot_result replace_leader(vlot_cluster *cluster) {
  uint32_t leader = 0;
  vlot_result result = vlot_await_leader(cluster, TICKS, &leader);
  if (result == VLOT_OK) result = vlot_cluster_kill(cluster, leader, false);
  if (result != VLOT_OK) return result;
  printf("half way: node %" PRIu32 ", the leader, is killed\n", leader);
  return vlot_await_leader(cluster, TICKS, NULL);
}

/* Add 1 … ADDITIONS, and kill the leader half way. */
static vlot_result add_up(vlot_cluster *cluster, vlot_client *client) {
  vlot_result result = add(client, 1, ADDITIONS / 2);
  if (result == VLOT_OK) result = replace_leader(cluster);
  if (result == VLOT_OK) result = add(client, ADDITIONS / 2 + 1, ADDITIONS);
  return result;
}

static vlot_result read_total(vlot_client *client) {
  vlot_bytes *reply = NULL;
  vlot_result result = vlot_client_query(client, NULL, 0, &reply);
  if (result != VLOT_OK) return result;
  uint64_t total = vlot_bytes_size(reply) == NUMBER ? get(vlot_bytes_data(reply)) : 0;
  vlot_bytes_release(reply);
  printf("1 + 2 + ... + %d = %" PRIu64 "\n", ADDITIONS, total);
  return total == (uint64_t)ADDITIONS * (ADDITIONS + 1) / 2 ? VLOT_OK : VLOT_FAILED;
}

static vlot_result run(void) {
  vlot_cluster_options options;
  vlot_cluster_options_init(&options);
  options.nodes = NODES;
  options.machine = &counter;
  vlot_cluster *cluster = NULL;
  vlot_client *client = NULL;
  vlot_result result = vlot_cluster_open(&cluster, &options, NULL);
  if (result == VLOT_OK) result = vlot_client_open(&client, cluster, NULL);
  if (result == VLOT_OK) result = add_up(cluster, client);
  if (result == VLOT_OK) result = read_total(client);
  vlot_client_close(client);
  vlot_result closed = vlot_cluster_close(cluster);
  return result == VLOT_OK ? closed : result;
}

int main(void) {
  vlot_result result = check();
  if (result == VLOT_OK) result = run();
  if (result != VLOT_OK) fprintf(stderr, "counter: %s\n", vlot_result_text(result));
  return result == VLOT_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}
