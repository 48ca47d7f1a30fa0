/* vlot sim, the clients: they write unique values, read each other's keys, and know in the end what
 * they may have seen.
 *
 * A write's place is its index in the log, which its answer tells. A linearizable read must see a
 * write at least as new as everything that a client knew before it began; which writes those are is
 * compared when all answers are in, since a read may see a write that is answered later. A write
 * that was certainly not committed must never be seen.
 */
#include <stdlib.h>
#include <string.h>

#include "sim.h"

#include "script.h"

enum { POLLS = 32 };

/* --- open and close --- */

static bool open_one(vlot__sim_world *world, uint32_t k) {
  vlot__dice *dice = &world->client_dice;
  uint64_t ticks = world->raft.election_ticks_min;
  vlot_client_options options;
  vlot_client_options_init(&options);
  options.timeout_ticks = vlot__dice_between(dice, 5 * ticks, 30 * ticks);
  bool has_contact = k > 0 && vlot__dice_chance(dice, 700);
  bool is_narrow = vlot__dice_chance(dice, 200);
  uint64_t contact = vlot__dice_between(dice, 1, world->nodes);
  if (has_contact) options.contact = (uint32_t)contact;
  if (is_narrow) options.inflight_max = 2;
  return vlot_client_open(&world->clients[k].handle, world->cluster, &options) == VLOT_OK;
}

bool vlot__sim_clients_open(vlot__sim_world *world) {
  world->client_count = (uint32_t)vlot__dice_between(&world->client_dice, 1, VLOT__SIM_CLIENTS);
  for (uint32_t k = 0; k < world->client_count; k++)
    if (!open_one(world, k)) return vlot__sim_fail(world, VLOT__SIM_FAILED, "no client");
  return true;
}

void vlot__sim_clients_close(vlot__sim_world *world) {
  for (uint32_t k = 0; k < world->client_count; k++) {
    vlot_client_close(world->clients[k].handle);
    vlot__flights_deinit(&world->clients[k].flights);
  }
  free(world->ops);
  world->ops = NULL;
}

uint32_t vlot__sim_clients_inflight(const vlot__sim_world *world) {
  uint32_t count = 0;
  for (uint32_t k = 0; k < world->client_count; k++) count += world->clients[k].flights.count;
  return count;
}

/* --- starting --- */

static bool make_room(vlot__sim_world *world) {
  if (world->op_count < world->op_room) return true;
  uint32_t room = world->op_room ? world->op_room * 2 : 1024;
  vlot__sim_op *ops = realloc(world->ops, room * sizeof *ops);
  if (!ops) return vlot__sim_fail(world, VLOT__SIM_FAILED, "no memory for operations");
  world->ops = ops;
  world->op_room = room;
  return true;
}

/* "k3", or a client's counter "c1". */
static vlot_kv_command command_of(const vlot__sim_op *op, char key[VLOT__SIM_KEY_BYTES],
                                  char value[VLOT__SIM_VALUE_BYTES], uint32_t width,
                                  uint32_t number) {
  vlot_kv_command kv = {.operation = VLOT_KV_GET, .key = key};
  bool is_counter = op->kind == VLOT__SIM_ADD || op->key >= VLOT__SIM_KEYS;
  unsigned place = op->kind == VLOT__SIM_ADD ? op->client
                   : is_counter              ? op->key - (unsigned)VLOT__SIM_KEYS
                                             : op->key;
  kv.key_size =
      (size_t)snprintf(key, VLOT__SIM_KEY_BYTES, "%c%u", is_counter ? 'c' : 'k', place % 1000);
  if (op->kind == VLOT__SIM_ADD) {
    kv.operation = VLOT_KV_INCREMENT;
    kv.amount = 1;
  } else if (op->kind == VLOT__SIM_SET) {
    kv.operation = VLOT_KV_SET;
    kv.value = value;
    kv.value_size = (size_t)snprintf(value, VLOT__SIM_VALUE_BYTES, "%0*u", (int)width, number + 1);
  }
  return kv;
}

/* A machine of one's own is given commands only: of its answers nothing is known. *kv: as it is
 * recorded, with the bytes as its value. NULL: it is told. */
static vlot_bytes *draw_own(vlot__sim_world *world, vlot_kv_command *kv) {
  char problem[VLOT__PLUGIN_PROBLEM_MAX];
  uint64_t random = vlot__dice_below(&world->client_dice, UINT64_MAX);
  vlot_bytes *bytes = vlot__plugin_generate(world->plugin, random, problem);
  if (!bytes) vlot__sim_fail(world, VLOT__SIM_FAILED, "%s", problem);
  *kv = (vlot_kv_command){.key = world->plugin->name, .key_size = strlen(world->plugin->name)};
  if (bytes) kv->value = vlot_bytes_data(bytes), kv->value_size = vlot_bytes_size(bytes);
  return bytes;
}

static vlot_result hand_over(vlot_client *client, const vlot__sim_op *op, vlot_bytes *bytes,
                             uint64_t *sequence) {
  const uint8_t *data = vlot_bytes_data(bytes);
  size_t size = vlot_bytes_size(bytes);
  vlot_command command = {.data = data, .size = size};
  switch ((vlot__sim_op_kind)op->kind) {
  case VLOT__SIM_READ:
    return vlot_client_read(client, data, size, VLOT_READ_LINEARIZABLE, sequence);
  case VLOT__SIM_LOCAL_READ: return vlot_client_read(client, data, size, op->floor, sequence);
  case VLOT__SIM_SET:
  case VLOT__SIM_ADD: break;
  }
  return vlot_client_submit(client, &command, 1, sequence);
}

bool vlot__sim_clients_start(vlot__sim_world *world, uint32_t client, vlot__sim_op_kind kind,
                             uint32_t key, uint32_t *number) {
  char key_text[VLOT__SIM_KEY_BYTES], value[VLOT__SIM_VALUE_BYTES];
  uint64_t sequence = 0;
  *number = VLOT__SIM_NONE;
  if (!make_room(world)) return false;
  vlot__sim_op op = {.kind = (uint8_t)kind,
                     .client = (uint8_t)client,
                     .key = (uint8_t)key,
                     .result = VLOT_PENDING};
  bool is_read = kind == VLOT__SIM_READ || kind == VLOT__SIM_LOCAL_READ;
  if (is_read && key < VLOT__SIM_KEYS) op.floor = world->floors[key];
  vlot_kv_command kv = command_of(&op, key_text, value, world->value_width, world->op_count);
  vlot_bytes *bytes = world->plugin ? draw_own(world, &kv) : vlot_kv_encode(NULL, &kv);
  if (!bytes) return vlot__sim_fail(world, VLOT__SIM_FAILED, "no memory for a command");
  vlot__sim_client *at = &world->clients[client];
  vlot_result result = hand_over(at->handle, &op, bytes, &sequence);
  bool is_out = result == VLOT_OK && vlot__flights_add(&at->flights, sequence, world->op_count);
  if (is_out && kind != VLOT__SIM_LOCAL_READ) /* which need not be linearizable */
    op.record =
        vlot__recording_begin(world->record, world->cluster, vlot_client_number(at->handle), &kv);
  vlot_bytes_release(bytes); /* what is recorded may be these */
  if (result == VLOT_BUSY || result == VLOT_REJECTED) return true;
  if (!is_out)
    return vlot__sim_fail(world, VLOT__SIM_FAILED, "a client cannot submit: %s",
                          vlot_result_text(result));
  *number = world->op_count++;
  world->ops[*number] = op;
  return true;
}

/* --- answers --- */

static bool is_number(const vlot_kv_answer *answer, uint64_t *number) {
  char text[VLOT__SIM_VALUE_BYTES];
  if (answer->size == 0 || answer->size >= sizeof text) return false;
  memcpy(text, answer->value, answer->size);
  text[answer->size] = '\0';
  char *end;
  *number = strtoull(text, &end, 10);
  return *end == '\0';
}

static void know(vlot__sim_world *world, uint32_t key, uint64_t index) {
  if (key < VLOT__SIM_KEYS && index > world->floors[key]) world->floors[key] = index;
}

static bool take_read(vlot__sim_world *world, vlot__sim_op *op, const vlot_kv_answer *answer) {
  world->marks[op->kind == VLOT__SIM_READ ? VLOT__MARK_READS : VLOT__MARK_LOCAL_READS]++;
  if (answer->status == 1) return true; /* not found: value 0 */
  if (answer->status != 0 || !is_number(answer, &op->value))
    return vlot__sim_fail(world, VLOT__SIM_VIOLATED, "a read of key %u answers no number", op->key);
  if (op->key >= VLOT__SIM_KEYS) return true;
  if (op->value == 0 || op->value > world->op_count ||
      world->ops[op->value - 1].kind != VLOT__SIM_SET || world->ops[op->value - 1].key != op->key)
    return vlot__sim_fail(world, VLOT__SIM_VIOLATED,
                          "a read of key %u sees %llu, which nobody wrote", op->key,
                          (unsigned long long)op->value);
  const vlot__sim_op *write = &world->ops[op->value - 1];
  /* What one reader saw, a later one must see too. */
  if (write->result == VLOT_OK && op->kind == VLOT__SIM_READ) know(world, op->key, write->floor);
  return true;
}

static bool take_ok(vlot__sim_world *world, vlot__sim_op *op, const vlot_answer *answer) {
  vlot_kv_answer kv;
  if (world->plugin) {
    world->marks[VLOT__MARK_ACKNOWLEDGED]++;
    return true;
  }
  if (vlot_kv_answer_decode(answer->reply, answer->reply_size, &kv) != VLOT_OK)
    return vlot__sim_fail(world, VLOT__SIM_VIOLATED, "an answer of n%u is none of the machine's",
                          answer->node);
  if (op->kind == VLOT__SIM_READ || op->kind == VLOT__SIM_LOCAL_READ)
    return take_read(world, op, &kv);
  world->marks[VLOT__MARK_ACKNOWLEDGED]++;
  op->floor = answer->index;
  if (op->kind == VLOT__SIM_SET)
    know(world, op->key, answer->index);
  else
    world->clients[op->client].added++;
  return true;
}

static void take_other(vlot__sim_world *world, vlot__sim_op *op) {
  if (op->kind == VLOT__SIM_READ || op->kind == VLOT__SIM_LOCAL_READ) return;
  if (op->result == VLOT_REJECTED) {
    world->marks[VLOT__MARK_REFUSED]++;
    return;
  }
  world->marks[VLOT__MARK_IN_DOUBT]++;
  if (op->kind == VLOT__SIM_ADD) world->clients[op->client].added_perhaps++;
}

static bool take(vlot__sim_world *world, uint32_t client, const vlot_answer *answer) {
  static const vlot_kv_operation operations[] = {
      [VLOT__SIM_SET] = VLOT_KV_SET,
      [VLOT__SIM_ADD] = VLOT_KV_INCREMENT,
      [VLOT__SIM_READ] = VLOT_KV_GET,
      [VLOT__SIM_LOCAL_READ] = VLOT_KV_GET,
  };
  uint32_t number;
  if (!vlot__flights_take(&world->clients[client].flights, answer->sequence, &number))
    return vlot__sim_fail(world, VLOT__SIM_VIOLATED, "client %u gets a second answer to %llu",
                          client + 1, (unsigned long long)answer->sequence);
  vlot__sim_op *op = &world->ops[number];
  op->result = (uint8_t)answer->result;
  vlot__recording_end(world->record, world->cluster, op->record, operations[op->kind],
                      answer->result, answer->reply, answer->reply_size);
  if (answer->result == VLOT_OK) return take_ok(world, op, answer);
  take_other(world, op);
  return true;
}

bool vlot__sim_clients_poll(vlot__sim_world *world) {
  vlot_answer answers[POLLS];
  for (uint32_t k = 0; k < world->client_count; k++) {
    size_t count;
    do {
      count = vlot_client_poll(world->clients[k].handle, answers, POLLS);
      for (size_t i = 0; i < count; i++)
        if (!take(world, k, &answers[i])) return false;
    } while (count == POLLS);
  }
  return true;
}

bool vlot__sim_clients_act(vlot__sim_world *world) {
  vlot__dice *dice = &world->client_dice;
  uint32_t number;
  if (!vlot__sim_clients_poll(world)) return false;
  while (vlot__dice_chance(dice, world->client_permille)) {
    uint32_t client = (uint32_t)vlot__dice_below(dice, world->client_count);
    uint32_t key = (uint32_t)vlot__dice_below(dice, VLOT__SIM_KEYS);
    uint64_t pick = vlot__dice_below(dice, 10);
    vlot__sim_op_kind kind = pick < 5   ? VLOT__SIM_SET
                             : pick < 7 ? VLOT__SIM_ADD
                             : pick < 9 ? VLOT__SIM_READ
                                        : VLOT__SIM_LOCAL_READ;
    if (world->plugin) kind = VLOT__SIM_SET;
    if (!vlot__sim_clients_start(world, client, kind, key, &number)) return false;
  }
  return true;
}

/* --- at the end --- */

static bool check_read(vlot__sim_world *world, const vlot__sim_op *op) {
  unsigned long long floor = op->floor, value = op->value;
  if (value == 0) {
    if (floor == 0) return true;
    return vlot__sim_fail(
        world, VLOT__SIM_VIOLATED,
        "a read finds no key %u, of which the write at index %llu was acknowledged", op->key,
        floor);
  }
  const vlot__sim_op *write = &world->ops[value - 1];
  if (write->result == VLOT_REJECTED)
    return vlot__sim_fail(world, VLOT__SIM_VIOLATED,
                          "a read of key %u sees %llu, which was certainly not committed", op->key,
                          value);
  if (write->result == VLOT_OK && write->floor < floor)
    return vlot__sim_fail(world, VLOT__SIM_VIOLATED,
                          "a read of key %u sees the write at index %llu instead of that at %llu",
                          op->key, (unsigned long long)write->floor, floor);
  if (write->result != VLOT_OK) world->marks[VLOT__MARK_IN_DOUBT_DONE]++;
  return true;
}

static bool check_counter(vlot__sim_world *world, const vlot__sim_op *op) {
  const vlot__sim_client *client = &world->clients[op->key - VLOT__SIM_KEYS];
  if (op->value >= client->added && op->value <= client->added + client->added_perhaps) return true;
  return vlot__sim_fail(world, VLOT__SIM_VIOLATED,
                        "counter %u is %llu after %llu acknowledged additions and %llu in doubt",
                        op->key - (unsigned)VLOT__SIM_KEYS, (unsigned long long)op->value,
                        (unsigned long long)client->added,
                        (unsigned long long)client->added_perhaps);
}

/* Read one key to its end; refused while elections settle, it is asked again. */
static bool read_back(vlot__sim_world *world, uint32_t key, uint32_t *number) {
  uint64_t patience = 50u * world->raft.election_ticks_min;
  uint64_t deadline = vlot_cluster_now(world->cluster) + patience, done;
  *number = VLOT__SIM_NONE;
  while (vlot_cluster_now(world->cluster) <= deadline) {
    if (*number == VLOT__SIM_NONE &&
        !vlot__sim_clients_start(world, 0, VLOT__SIM_READ, key, number))
      return false;
    if (!vlot__sim_step(world, 8, &done) || !vlot__sim_clients_poll(world)) return false;
    if (*number == VLOT__SIM_NONE || world->ops[*number].result == VLOT_PENDING) {
      if (done == 0) break;
      continue;
    }
    if (world->ops[*number].result == VLOT_OK) return true;
    *number = VLOT__SIM_NONE;
  }
  return vlot__sim_fail(world, VLOT__SIM_STUCK, "I-23: key %u cannot be read within %llu ticks",
                        key, (unsigned long long)patience);
}

bool vlot__sim_clients_verify(vlot__sim_world *world) {
  uint32_t number, first_last = world->op_count;
  if (world->plugin) return true;
  for (uint32_t key = 0; key < VLOT__SIM_KEYS + world->client_count; key++)
    if (!read_back(world, key, &number)) return false;
  for (uint32_t k = 0; k < world->op_count; k++) {
    const vlot__sim_op *op = &world->ops[k];
    if (op->result != VLOT_OK || (op->kind != VLOT__SIM_READ && op->kind != VLOT__SIM_LOCAL_READ))
      continue;
    bool is_ok = op->key < VLOT__SIM_KEYS ? check_read(world, op)
                                          : k < first_last || check_counter(world, op);
    if (!is_ok) return false;
  }
  return true;
}
