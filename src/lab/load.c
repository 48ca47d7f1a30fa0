/* A script through a client. */
#include "load.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "fences.h"
#include "plugin.h"

enum { ANSWERS = 64, SUBMITS = 64, PATIENCE_TICKS = 5, OWNED_BYTES_MIN = 512 };

/* --- open and close --- */

static void push(vlot__load *load, uint32_t command) {
  load->ready[(load->ready_head + load->ready_count++) % load->ready_size] = command;
}

static uint32_t pop(vlot__load *load) {
  uint32_t command = load->ready[load->ready_head];
  load->ready_head = (load->ready_head + 1) % load->ready_size;
  load->ready_count--;
  return command;
}

/* Back to where it came from: it is the oldest. */
static void push_front(vlot__load *load, uint32_t command) {
  load->ready_head = (load->ready_head + load->ready_size - 1) % load->ready_size;
  load->ready[load->ready_head] = command;
  load->ready_count++;
}

bool vlot__load_open(vlot__load *load, const vlot__load_options *options) {
  const vlot__script *script = options->script;
  vlot_client_options client;
  vlot_client_options_init(&client);
  client.inflight_max = options->inflight_max;
  if (options->timeout_ticks) client.timeout_ticks = options->timeout_ticks;
  *load = (vlot__load){.options = *options, .ready_size = script->key_count + 1};
  load->trouble_tick = VLOT_NEVER;
  load->keys = calloc(script->key_count + 1u, sizeof *load->keys);
  load->items = calloc(script->count + 1u, sizeof *load->items);
  load->reads = calloc(script->key_count + 1u, sizeof *load->reads);
  /* at most one command per key */
  load->ready = calloc(load->ready_size, sizeof *load->ready);
  if (!load->keys || !load->items || !load->ready || !load->reads ||
      vlot_client_open(&load->client, options->cluster, &client) != VLOT_OK) {
    vlot__load_close(load);
    return false;
  }
  for (uint32_t k = 0; k < script->key_count; k++) push(load, script->keys[k].first);
  load->progress_tick = vlot_cluster_now(options->cluster);
  return true;
}

void vlot__load_close(vlot__load *load) {
  vlot_client_close(load->client);
  vlot__flights_deinit(&load->flights);
  free(load->keys);
  free(load->items);
  free(load->ready);
  free(load->reads);
  *load = (vlot__load){0};
}

/* --- out --- */

static vlot_bytes *encode(const vlot__load *load, uint32_t number) {
  const vlot_kv_command *kv = &load->options.script->commands[number].kv;
  char problem[VLOT__PLUGIN_PROBLEM_MAX];
  if (load->options.plugin)
    return vlot__plugin_encode(load->options.plugin, false, kv->value, kv->value_size, problem);
  vlot_kv_command probe = {.operation = VLOT_KV_GET, .key = kv->key, .key_size = kv->key_size};
  return vlot_kv_encode(NULL, load->items[number].is_probing ? &probe : kv);
}

/* Submit commands [count]; those that could not be stay ready, in their order. */
static vlot_result submit(vlot__load *load, const uint32_t *numbers, vlot_bytes *const *encoded,
                          uint32_t count) {
  vlot_command commands[SUBMITS];
  uint64_t sequence = 0;
  for (uint32_t k = 0; k < count; k++) {
    size_t size = vlot_bytes_size(encoded[k]);
    commands[k] = (vlot_command){.data = vlot_bytes_data(encoded[k]),
                                 .size = size,
                                 .owner = size >= OWNED_BYTES_MIN ? encoded[k] : NULL};
  }
  vlot_result result = vlot_client_submit(load->client, commands, count, &sequence);
  for (uint32_t k = count; result != VLOT_OK && k > 0; k--) push_front(load, numbers[k - 1]);
  for (uint32_t k = 0; result == VLOT_OK && k < count; k++)
    if (!vlot__flights_add(&load->flights, sequence + k, numbers[k])) result = VLOT_NOMEM;
  return result;
}

/* The operation begins when it is first submitted; later attempts belong to it, since it returns
 * but once. */
static void begin_record(vlot__load *load, uint32_t number) {
  vlot__load_item *item = &load->items[number];
  if (!load->options.record->history || item->operation != 0) return;
  item->operation = vlot__recording_begin(load->options.record, load->options.cluster,
                                          vlot_client_number(load->client),
                                          &load->options.script->commands[number].kv);
}

bool vlot__load_fill(vlot__load *load) {
  vlot_result result = VLOT_OK;
  while (result == VLOT_OK && !load->wants_leader && load->ready_count > 0 &&
         load->flights.count < load->options.inflight_max) {
    uint32_t numbers[SUBMITS], count = 0, room = load->options.inflight_max - load->flights.count;
    vlot_bytes *encoded[SUBMITS];
    for (; count < SUBMITS && count < room && load->ready_count > 0; count++) {
      numbers[count] = pop(load);
      begin_record(load, numbers[count]);
      encoded[count] = encode(load, numbers[count]);
      if (encoded[count]) continue;
      push_front(load, numbers[count]);
      break;
    }
    result = count == 0 ? VLOT_NOMEM : submit(load, numbers, encoded, count);
    while (count > 0) vlot_bytes_release(encoded[--count]);
  }
  if (result == VLOT_REJECTED) load->wants_leader = true;
  if (result == VLOT_OK || result == VLOT_BUSY || result == VLOT_REJECTED) return true;
  fprintf(stderr, "vlot: commands cannot be submitted: %s\n", vlot_problem(result));
  return false;
}

/* --- back --- */

static void finish(vlot__load *load, uint32_t number, vlot_result result, const void *reply,
                   size_t size) {
  const vlot__script_command *command = &load->options.script->commands[number];
  vlot__expect *key = &load->keys[command->key];
  vlot__recording_end(load->options.record, load->options.cluster, load->items[number].operation,
                      command->kv.operation, result, reply, size);
  if (!load->options.plugin) *key = vlot__expect_after(key, &command->kv);
  load->items[number].is_probing = false;
  load->done++;
  if (command->next != VLOT__SCRIPT_NONE) push(load, command->next);
}

static void note_wrong(vlot__load *load, uint32_t number, const char *problem) {
  const vlot__script_command *command = &load->options.script->commands[number];
  if (load->wrong++ > 0) return;
  snprintf(load->wrong_text, sizeof load->wrong_text, "%s %.*s: %s",
           vlot__script_operation_name(command->kv.operation),
           (int)(command->kv.key_size < 100 ? command->kv.key_size : 100),
           (const char *)command->kv.key, problem);
}

static void take_ok(vlot__load *load, uint32_t number, const vlot_answer *answer) {
  const vlot__script_command *command = &load->options.script->commands[number];
  vlot__expect *key = &load->keys[command->key];
  if (!load->options.plugin &&
      !vlot__expect_answer(key, &command->kv, answer->reply, answer->reply_size))
    note_wrong(load, number, "the answer contradicts the commands before it");
  finish(load, number, VLOT_OK, answer->reply, answer->reply_size);
}

/* The get behind a command in doubt was answered: did the command take effect? The get went through
 * the same log behind it, so what it does not show does not come any more. Where both would look
 * alike, nothing has to be done.
 */
static void take_probe(vlot__load *load, uint32_t number, const vlot_answer *answer) {
  const vlot__script_command *command = &load->options.script->commands[number];
  vlot__expect *key = &load->keys[command->key];
  vlot__expect after = vlot__expect_after(key, &command->kv);
  if (vlot__expect_read(&after, answer->reply, answer->reply_size)) {
    finish(load, number, VLOT_UNKNOWN, NULL, 0);
    return;
  }
  if (!vlot__expect_read(key, answer->reply, answer->reply_size)) {
    note_wrong(load, number, "the key holds neither its old value nor its new one");
    finish(load, number, VLOT_UNKNOWN, NULL, 0);
    return;
  }
  load->items[number].is_probing = false;
  load->repeated++;
  push_front(load, number);
}

static void take_other(vlot__load *load, uint32_t number, vlot_result result) {
  vlot__load_item *item = &load->items[number];
  if (result == VLOT_REJECTED)
    load->refused++;
  else if (load->options.plugin) {
    load->in_doubt++;
    load->wants_leader = true;
    finish(load, number, VLOT_UNKNOWN, NULL, 0);
    return;
  } else {
    load->in_doubt += !item->is_probing;
    item->is_probing = true;
  }
  load->wants_leader = true;
  push_front(load, number);
  if (load->trouble_tick == VLOT_NEVER)
    load->trouble_tick = vlot_cluster_now(load->options.cluster);
}

static void take(vlot__load *load, const vlot_answer *answer) {
  uint32_t number;
  if (!vlot__flights_take(&load->flights, answer->sequence, &number)) return;
  if (answer->result != VLOT_OK) {
    take_other(load, number, answer->result);
    return;
  }
  load->progress_tick = vlot_cluster_now(load->options.cluster);
  load->last_term = answer->term;
  load->last_node = answer->node;
  load->trouble_tick = VLOT_NEVER;
  if (load->items[number].is_probing)
    take_probe(load, number, answer);
  else
    take_ok(load, number, answer);
}

/* --- waiting, with an eye on something else --- */

static void rest(void) {
  static const struct timespec moment = {.tv_nsec = 100000};
  nanosleep(&moment, NULL);
}

static size_t wait_for_answers(vlot__load *load, vlot_answer *answers, size_t capacity) {
  size_t count = 0;
  if (!load->options.look) return vlot_client_wait(load->client, answers, capacity);
  while (count == 0 && vlot_client_inflight(load->client) > 0) {
    load->options.look(load->options.context);
    rest();
    count = vlot_client_poll(load->client, answers, capacity);
  }
  return count;
}

/* Nothing goes on for so many ticks: is that for want of memory, which does not get better? */
static bool is_out_of_memory(const vlot__load *load, uint64_t ticks) {
  vlot_cluster *cluster = load->options.cluster;
  if (vlot__fences_stop(cluster)) return true;
  return ticks > load->options.stuck_ticks / 20 && vlot__fences_are_short(cluster);
}

vlot_result vlot__load_await_leader(vlot__load *load, uint64_t timeout_ticks, uint32_t *leader) {
  vlot_cluster *cluster = load->options.cluster;
  uint64_t left = timeout_ticks, seen = vlot_cluster_now(cluster);
  uint64_t step = load->options.look ? 0 : load->options.await_ticks;
  if (!load->options.look && step == 0) return vlot_await_leader(cluster, timeout_ticks, leader);
  for (;;) {
    vlot_result result = vlot_await_leader(cluster, step < left ? step : left, leader);
    uint64_t now = vlot_cluster_now(cluster), passed = now - seen;
    if (result != VLOT_TIMEOUT || passed >= left ||
        is_out_of_memory(load, timeout_ticks - left + passed))
      return result;
    left -= passed;
    if (load->options.look) load->options.look(load->options.context);
    seen = vlot_cluster_now(cluster); /* what `look` let pass does not count */
    if (step == 0) rest();
  }
}

/* GOING, or why it ends. Looked at only when there is trouble. */
static vlot__load_state check(const vlot__load *load, bool has_trouble) {
  uint64_t passed = vlot_cluster_now(load->options.cluster) - load->progress_tick;
  if (!has_trouble && passed <= load->options.stuck_ticks) return VLOT__LOAD_GOING;
  if (is_out_of_memory(load, passed)) return VLOT__LOAD_NO_MEMORY;
  return passed > load->options.stuck_ticks ? VLOT__LOAD_STUCK : VLOT__LOAD_GOING;
}

vlot__load_state vlot__load_turn(vlot__load *load) {
  vlot_answer answers[ANSWERS];
  size_t count = 0;
  if (load->flights.count > 0)
    count = wait_for_answers(load, answers, ANSWERS);
  else if (load->wants_leader || load->ready_count > 0) {
    vlot_result result = vlot__load_await_leader(load, PATIENCE_TICKS, NULL);
    /* else: still nobody; the caller looks around first */
    load->wants_leader = result != VLOT_OK;
  }
  for (size_t k = 0; k < count; k++) take(load, &answers[k]);
  if (load->done == load->options.script->count) return VLOT__LOAD_DONE;
  return check(load, count == 0 || load->wants_leader);
}

/* --- reading everything back --- */

static vlot_result ask(vlot__load *load, uint32_t key) {
  const vlot__script_key *known = &load->options.script->keys[key];
  vlot_kv_command get = {.operation = VLOT_KV_GET, .key = known->text, .key_size = known->size};
  vlot_bytes *question = vlot_kv_encode(NULL, &get);
  uint64_t sequence;
  if (!question) return VLOT_NOMEM;
  if (load->options.record->history && load->reads[key] == 0)
    load->reads[key] = vlot__recording_begin(load->options.record, load->options.cluster,
                                             vlot_client_number(load->client), &get);
  vlot_result result =
      vlot_client_read(load->client, vlot_bytes_data(question), vlot_bytes_size(question),
                       VLOT_READ_LINEARIZABLE, &sequence);
  vlot_bytes_release(question);
  if (result == VLOT_OK && !vlot__flights_add(&load->flights, sequence, key)) result = VLOT_NOMEM;
  return result;
}

static void compare(vlot__load *load, uint32_t key, const vlot_answer *answer, uint64_t *verified,
                    uint64_t *lost) {
  if (answer->result != VLOT_OK) {
    load->wants_leader = true;
    push_front(load, key);
    return;
  }
  load->progress_tick = vlot_cluster_now(load->options.cluster);
  vlot__recording_end(load->options.record, load->options.cluster, load->reads[key], VLOT_KV_GET,
                      answer->result, answer->reply, answer->reply_size);
  ++*verified;
  if (!vlot__expect_read(&load->keys[key], answer->reply, answer->reply_size)) ++*lost;
}

vlot__load_state vlot__load_verify(vlot__load *load, uint64_t *verified, uint64_t *lost) {
  uint32_t keys = load->options.script->key_count;
  *verified = *lost = 0;
  if (load->options.plugin) return VLOT__LOAD_DONE; /* nobody knows what it should hold */
  load->wants_leader = false;
  load->progress_tick = vlot_cluster_now(load->options.cluster);
  for (uint32_t k = 0; k < keys; k++) push(load, k); /* the ring holds keys now */
  while (*verified < keys) {
    vlot_answer answers[ANSWERS];
    vlot_result result = VLOT_OK;
    while (result == VLOT_OK && !load->wants_leader && load->ready_count > 0 &&
           load->flights.count < load->options.inflight_max) {
      uint32_t key = pop(load);
      result = ask(load, key);
      if (result != VLOT_OK) push_front(load, key);
    }
    if (result == VLOT_NOMEM) return VLOT__LOAD_FAILED;
    size_t count = 0;
    if (load->flights.count > 0)
      count = wait_for_answers(load, answers, ANSWERS);
    else
      load->wants_leader = vlot__load_await_leader(load, PATIENCE_TICKS, NULL) != VLOT_OK;
    for (size_t k = 0; k < count; k++) {
      uint32_t key;
      if (vlot__flights_take(&load->flights, answers[k].sequence, &key))
        compare(load, key, &answers[k], verified, lost);
    }
    vlot__recording_drain(load->options.record);
    vlot__load_state state = check(load, count == 0 || load->wants_leader);
    if (state != VLOT__LOAD_GOING) return state;
  }
  return VLOT__LOAD_DONE;
}
