/* Three cores and an array as their network: no cluster, no thread, no clock. What a driver of the
 * core must do, in the order of the output's fields, and no more: here a disk is a log that never
 * fails, and a machine prints what it is given.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vlot/raft.h"

enum { NODES = 3, FLIGHTS_MAX = 64, SLICES_MAX = 8 };

typedef struct flight { /* a message on its way; what it refers to is retained */
  vlot_message message;
  vlot_slice slices[SLICES_MAX];
} flight;

static vlot_raft *cores[NODES + 1]; /* by id */
static flight network[FLIGHTS_MAX];
static int flights;

static void check(bool condition, const char *what) {
  if (condition) return;
  fprintf(stderr, "bare_core: %s\n", what);
  exit(1);
}

static void send(const vlot_message *message) {
  check(flights < FLIGHTS_MAX, "the network is full");
  flight *sent = &network[flights++];
  sent->message = *message;
  if (message->kind != VLOT_MESSAGE_APPEND) return;
  check(message->as.append.slice_count <= SLICES_MAX, "too many slices for this small example");
  for (uint32_t k = 0; k < message->as.append.slice_count; k++) {
    sent->slices[k] = message->as.append.slices[k];
    vlot_batch_retain(sent->slices[k].batch);
  }
  sent->message.as.append.slices = NULL; /* set when it arrives: flights move */
}

static void apply(uint32_t id, const vlot_slice *slice) {
  const vlot_entry *entries = vlot_slice_entries(slice);
  for (uint32_t k = 0; k < slice->count; k++)
    if (entries[k].kind == VLOT_ENTRY_COMMAND)
      printf("node %u applies %llu: %.*s\n", id, (unsigned long long)slice->index + k,
             (int)entries[k].size, (const char *)entries[k].data);
}

/* One step, and what follows from it: the write (done at once, and said so in the next step),
 * messages, entries to apply. */
static void step(uint32_t id, vlot_input input) {
  while (input.kind != 0) {
    const vlot_output *output;
    vlot_input next = {0};
    check(vlot_raft_step(cores[id], &input, 1, &output) == VLOT_OK, "a step failed");
    uint64_t token = output->write.token; /* the output is borrowed until the next step */
    for (uint32_t k = 0; k < output->message_count; k++) send(&output->messages[k]);
    for (uint32_t k = 0; k < output->change_count; k++)
      if (output->changes[k].kind == VLOT_CHANGE_ROLE)
        printf("node %u is a %s in term %llu: %s\n", id,
               vlot_role_name((vlot_role)output->changes[k].to),
               (unsigned long long)output->changes[k].term,
               vlot_why_text((vlot_why)output->changes[k].why));
    uint64_t applied = 0;
    for (uint32_t k = 0; k < output->apply_count; k++) {
      apply(id, &output->apply[k]);
      applied = output->apply[k].index + output->apply[k].count - 1;
    }
    if (applied > 0) {
      vlot_input done = {.kind = VLOT_INPUT_APPLIED, .as.index = applied};
      step(id, done);
    }
    if (token > 0) {
      next.kind = VLOT_INPUT_STORED;
      next.as.token = token;
    }
    input = next;
  }
}

static void deliver_everything(void) {
  while (flights > 0) {
    flight first = network[0];
    memmove(network, network + 1, (size_t)--flights * sizeof *network);
    bool is_append = first.message.kind == VLOT_MESSAGE_APPEND;
    if (is_append) first.message.as.append.slices = first.slices;
    step(first.message.to, (vlot_input){.kind = VLOT_INPUT_MESSAGE, .as.message = &first.message});
    for (uint32_t k = 0; is_append && k < first.message.as.append.slice_count; k++)
      vlot_batch_release(first.slices[k].batch);
  }
}

static void tick(void) {
  static uint64_t now;
  now++;
  for (uint32_t id = 1; id <= NODES; id++)
    step(id, (vlot_input){.kind = VLOT_INPUT_TICK, .as.tick = {.now = now, .elapsed = 1}});
  deliver_everything();
}

static void propose(uint32_t id, const char *text) {
  vlot_command command = {.data = (const uint8_t *)text, .size = strlen(text)};
  vlot_input input = {.kind = VLOT_INPUT_PROPOSE};
  input.as.propose.commands = &command;
  input.as.propose.count = 1;
  step(id, input);
}

int main(void) {
  const vlot_member members[NODES] = {{.id = 1}, {.id = 2}, {.id = 3}};
  for (uint32_t id = 1; id <= NODES; id++) {
    vlot_raft_options options;
    vlot_raft_options_init(&options);
    options.id = id;
    options.members = members;
    options.member_count = NODES;
    options.seed = 42;
    const char *problem;
    if (vlot_raft_open(&cores[id], &options, &problem) != VLOT_OK)
      check(false, problem ? problem : "no memory");
  }

  uint32_t leader = 0;
  while (leader == 0) { /* time passes until somebody leads */
    tick();
    vlot_raft_status status;
    vlot_raft_get_status(cores[1], &status);
    leader = status.leader;
  }
  propose(leader, "float");
  propose(leader, "drift");
  propose(leader, "land");
  deliver_everything();
  tick(); /* within a tick everybody knows what is committed */

  for (uint32_t id = 1; id <= NODES; id++) {
    vlot_raft_status status;
    vlot_raft_get_status(cores[id], &status);
    check(status.applied_index == 4, "not everybody applied the no-op and the three commands");
    vlot_raft_close(cores[id]);
  }
  return 0;
}
