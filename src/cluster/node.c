/* A running member: mail becomes inputs of its core, the core's output becomes writes, messages, applies and answers.
 * There is no thread in here: both drivers call begin, take, end.
 */
#include <string.h>

#include "cluster/internal.h"

/* Commands in a row of one client, appended at this node and not applied yet. */
typedef struct waiter {
  uint64_t index; /* of the first */
  uint64_t term;
  uint64_t sequence; /* of the first */
  uint32_t client;
  uint32_t count;
} waiter;

/* A read under way. Linearizable: asked of the core under its number, then waits for `index` to be applied. */
typedef struct reader {
  uint64_t tag;
  uint64_t index;
  uint64_t sequence;
  uint32_t client;
  uint32_t size;
  bool is_ready; /* index is known */
  uint8_t *question;
} reader;

/* Commands of one mail of this turn, on their way into the core. */
typedef struct group {
  const vlot__mail_propose *mail;
  uint32_t size; /* bytes of the mail */
  uint32_t count;
} group;

typedef struct answers {
  uint8_t *bytes;
  size_t size;
  size_t capacity;
} answers;

struct vlot__node {
  vlot__slot *slot;
  vlot_cluster *cluster;
  const vlot_allocator *allocator;
  vlot_raft *raft;
  void *machine;
  vlot_replies replies;
  bool is_fenced;
  atomic_bool has_left; /* one of its two owners: see vlot__node_leave() */
  vlot_why fenced_why; /* when it is not the core that says so */

  /* this turn */
  vlot_input *inputs;
  size_t input_count, input_capacity;
  vlot_command *commands;
  size_t command_count, command_capacity;
  group *groups;
  size_t group_count, group_capacity;
  bool counts_in_full; /* the next passing of time: the node was parked */
  vlot_actor *actor;   /* whose turn it is; NULL in lockstep */
  bool is_void;        /* fenced while in user code: nothing may be touched any more */

  /* time, in the node's own ticks: see vlot__node_due */
  uint64_t seen_tick;  /* cluster tick up to which its time has gone on */
  uint64_t rest;       /* thousandths of a tick left over by its clock's rate */
  uint32_t permille;   /* the rate at which it went on up to there */
  uint64_t now;
  uint64_t next_timer; /* in its own ticks */
  uint64_t spare;      /* own ticks that may pass before a timer would fire */

  /* storage and machine */
  uint64_t stored_token; /* to be told to the core; 0 */
  uint64_t failed_token;
  uint64_t applied_index;
  uint64_t told_applied;
  uint64_t commit_index;
  vlot_brief brief; /* after the last step */
  uint32_t leader;  /* likewise */
  bool awaits_storage; /* likewise: something in the core waits for STORED */

  vlot__ring waiters; /* waiter, by index */
  vlot__ring readers; /* reader */
  uint64_t next_tag;
  answers answers;
  uint64_t turns;
};

/* --- opening and closing --- */

static vlot_result create_machine(vlot__node *node) {
  vlot_cluster *cluster = node->cluster;
  node->machine = cluster->machine.create(cluster->machine.context, node->slot->id, cluster->options.is_replaying != 0);
  return node->machine ? VLOT_OK : VLOT_FAILED;
}

static vlot_result open_core(vlot__node *node, const vlot_stored *stored, const char **problem) {
  vlot__slot *slot = node->slot;
  vlot_raft_options options = node->cluster->options.raft;
  options.allocator = node->allocator;
  options.id = slot->id;
  options.members = node->cluster->members;
  options.member_count = node->cluster->nodes;
  options.seed = vlot__prng_mix(slot->seed + slot->incarnation);
  options.now = 0;
  options.request_base = ((uint64_t)slot->incarnation << 32) + 1;
  options.hard = stored->hard;
  options.hard.disk = slot->disk_id;
  options.base_index = stored->base_index;
  options.base_term = stored->base_term;
  options.log_slices = stored->slices;
  options.log_slice_count = stored->slice_count;
  options.log_entries = NULL;
  options.log_entry_count = 0;
  options.base_snapshot = NULL;
  return vlot_raft_open(&node->raft, &options, problem);
}

static void read_time(vlot__node *node, const vlot_output *output) {
  node->next_timer = output->next_timer;
  node->spare = output->next_timer == VLOT_NEVER ? VLOT_NEVER
                : output->next_timer > node->now ? output->next_timer - node->now - 1
                                                 : 0;
}

void vlot__node_free(vlot__node *node) {
  if (node->machine) node->cluster->machine.destroy(node->machine);
  vlot_raft_close(node->raft);
  vlot__replies_deinit(&node->replies);
  for (size_t k = 0; k < node->readers.count; k++)
    vlot__alloc_free(node->allocator, ((reader *)vlot__ring_at(&node->readers, k))->question);
  vlot__ring_deinit(&node->waiters);
  vlot__ring_deinit(&node->readers);
  vlot__alloc_free(node->allocator, node->inputs);
  vlot__alloc_free(node->allocator, node->commands);
  vlot__alloc_free(node->allocator, node->groups);
  vlot__alloc_free(node->allocator, node->answers.bytes);
  vlot__alloc_free(node->allocator, node);
}

vlot__node *vlot__node_open(vlot__slot *slot, vlot_result *result, const char **problem) {
  vlot_cluster *cluster = slot->cluster;
  vlot_stored stored = {0};
  *problem = "the storage cannot be read";
  *result = slot->storage.load(slot->storage.context, &stored);
  if (*result != VLOT_OK) return NULL;
  *problem = "out of memory";
  *result = VLOT_NOMEM;
  vlot__node *node = vlot__alloc_zero(cluster->allocator, 1, sizeof *node);
  if (!node) return NULL;
  node->slot = slot;
  node->cluster = cluster;
  node->allocator = cluster->allocator;
  node->seen_tick = vlot__now(cluster);
  node->permille = atomic_load(&slot->clock_permille);
  vlot__replies_init(&node->replies, cluster->allocator);
  vlot__ring_init(&node->waiters, cluster->allocator, sizeof(waiter));
  vlot__ring_init(&node->readers, cluster->allocator, sizeof(reader));
  *result = open_core(node, &stored, problem);
  if (*result == VLOT_OK) {
    *problem = "the machine could not be created";
    *result = create_machine(node);
  }
  if (*result != VLOT_OK) {
    vlot__node_free(node);
    return NULL;
  }
  const vlot_output *output;
  *result = vlot_raft_step(node->raft, NULL, 0, &output);
  read_time(node, output);
  node->brief = output->after;
  node->applied_index = node->told_applied = node->commit_index = stored.base_index;
  vlot__observe_recovered(slot, &stored);
  return node;
}

void vlot__node_share(vlot__node *node) { atomic_store(&node->has_left, false); }

bool vlot__node_leave(vlot__node *node) { return atomic_exchange(&node->has_left, true); }

vlot__slot *vlot__node_slot(const vlot__node *node) { return node->slot; }

/* --- answers to clients --- */

static void push_answer(vlot__node *node, const vlot__answer *answer, const void *reply) {
  size_t padded = vlot__padded(answer->reply_size);
  void *bytes = node->answers.bytes;
  /* without memory the client is not told, and its deadline says UNKNOWN */
  if (!vlot__alloc_grow(node->allocator, &bytes, &node->answers.capacity, node->answers.size + sizeof *answer + padded, 1))
    return;
  node->answers.bytes = bytes;
  uint8_t *at = node->answers.bytes + node->answers.size;
  memcpy(at, answer, sizeof *answer);
  if (reply) memcpy(at + sizeof *answer, reply, answer->reply_size);
  node->answers.size += sizeof *answer + padded;
}

static void answer_client(vlot__node *node, uint32_t client, uint64_t sequence, uint32_t count, vlot_result result,
                          vlot_why why) {
  if (count == 0) return;
  vlot_event *event = vlot__event_begin(node->cluster, node->slot, VLOT_EVENT_ANSWER, why, 0);
  event->as.client.client = client;
  event->as.client.sequence = sequence;
  event->as.client.count = count;
  event->as.client.result = result;
  vlot__emit(node->cluster, node->slot, event);
  push_answer(node,
              &(vlot__answer){.sequence = sequence,
                              .client = client,
                              .count = count,
                              .result = result,
                              .why = why,
                              .node = node->slot->id},
              NULL);
}

/* Hand the answers over: one lock per run of the same client. */
static void deliver_answers(vlot__node *node) {
  size_t from = 0;
  while (from < node->answers.size) {
    uint32_t client = 0;
    size_t to = from;
    while (to < node->answers.size) {
      const vlot__answer *answer = (const vlot__answer *)(const void *)(node->answers.bytes + to);
      if (to > from && answer->client != client) break;
      client = answer->client;
      to += sizeof *answer + vlot__padded(answer->reply_size);
    }
    vlot__client_deliver(node->cluster, client, node->answers.bytes + from, to - from);
    from = to;
  }
  node->answers.size = 0;
}

/* Nothing will come of what waits here: commands may yet be committed by others, reads certainly were not served. */
static void give_up_waiting(vlot__node *node, vlot_why why) {
  for (size_t k = 0; k < node->waiters.count; k++) {
    const waiter *one = vlot__ring_at(&node->waiters, k);
    answer_client(node, one->client, one->sequence, one->count, VLOT_UNKNOWN, why);
  }
  for (size_t k = 0; k < node->readers.count; k++) {
    reader *one = vlot__ring_at(&node->readers, k);
    answer_client(node, one->client, one->sequence, 1, VLOT_REJECTED, why);
    vlot__alloc_free(node->allocator, one->question);
  }
  vlot__ring_clear(&node->waiters);
  vlot__ring_clear(&node->readers);
}

void vlot__node_close(vlot__node *node, vlot_why why) {
  give_up_waiting(node, why);
  deliver_answers(node);
  vlot__node_free(node);
}

/* --- time --- */

static vlot_input *new_input(vlot__node *node, vlot_input_kind kind) {
  void *inputs = node->inputs;
  if (!vlot__alloc_grow(node->allocator, &inputs, &node->input_capacity, node->input_count + 1, sizeof *node->inputs))
    return NULL;
  node->inputs = inputs;
  vlot_input *input = &node->inputs[node->input_count++];
  input->kind = kind;
  return input;
}

/* The clock has another rate by now: what passed before the change passed at the old one, and stays in `rest`. */
static void change_rate(vlot__node *node, uint64_t tick) {
  uint32_t permille = atomic_load_explicit(&node->slot->clock_permille, memory_order_acquire);
  if (permille == node->permille) return;
  uint64_t changed = atomic_load_explicit(&node->slot->clock_changed, memory_order_relaxed);
  if (changed > tick) changed = tick;
  if (changed > node->seen_tick) {
    node->rest += (changed - node->seen_tick) * node->permille;
    node->seen_tick = changed;
  }
  node->permille = permille;
}

void vlot__node_clock_changed(vlot__node *node) { change_rate(node, vlot__now(node->cluster)); }

/* Let the node's time go on to a cluster tick, by its own clock's rate. Only a TICK fires timers: whatever else arrives first
 * stops its timers just short of it, so that a heartbeat that waits in the mailbox is never overtaken.
 */
static void pass_time(vlot__node *node, uint64_t tick, bool is_tick) {
  if (tick == VLOT_NEVER) { /* a timer is made to fire before it is due: for this node alone time jumps */
    tick = node->seen_tick;
    if (node->spare != VLOT_NEVER) node->now += node->spare + 1;
    vlot_input *fired = node->spare != VLOT_NEVER ? new_input(node, VLOT_INPUT_TICK) : NULL;
    if (fired) {
      fired->as.tick.now = node->now;
      fired->as.tick.elapsed = node->spare + 1;
    }
    return;
  }
  uint64_t counted = 0;
  change_rate(node, tick);
  if (tick > node->seen_tick || node->rest >= 1000) {
    uint64_t thousandths = (tick - node->seen_tick) * node->permille + node->rest;
    uint64_t passed = thousandths / 1000;
    node->rest = thousandths % 1000;
    node->seen_tick = tick;
    node->now += passed;
    counted = node->counts_in_full || passed < 1 ? passed : 1;
  }
  node->counts_in_full = false;
  if (counted > node->spare) {
    if (!is_tick) counted = node->spare;
    node->spare = counted > node->spare ? 0 : node->spare - counted;
  } else if (node->spare != VLOT_NEVER) {
    node->spare -= counted;
  }
  if (counted == 0 && !is_tick) return;
  vlot_input *input = new_input(node, VLOT_INPUT_TICK);
  if (!input) return; /* time stands still without memory; the next tick makes up for it */
  input->as.tick.now = node->now;
  input->as.tick.elapsed = counted;
}

uint64_t vlot__node_due(const vlot__node *node) {
  uint32_t permille = atomic_load_explicit(&node->slot->clock_permille, memory_order_acquire);
  if (node->next_timer == VLOT_NEVER || permille == 0 || node->is_fenced) return VLOT_NEVER;
  uint64_t ticks = node->next_timer > node->now ? node->next_timer - node->now : 1;
  uint64_t from = node->seen_tick, gone = node->rest, wanted = ticks * 1000;
  if (permille != node->permille) { /* up to the change it went on at the old rate */
    uint64_t changed = atomic_load_explicit(&node->slot->clock_changed, memory_order_relaxed);
    if (changed > from) {
      gone += (changed - from) * node->permille;
      from = changed;
    }
  }
  return gone < wanted ? from + (wanted - gone + permille - 1) / permille : from;
}

/* --- the fence --- */

/* Effects are let go between enter and leave, so that a kill is wholly before or wholly after them. In lockstep no kill
 * comes between two instructions.
 */
static bool enter(vlot__node *node) { return !node->is_void && (!node->actor || vlot_actor_enter(node->actor)); }

static void leave(vlot__node *node) {
  if (node->actor) vlot_actor_leave(node->actor);
}

/* After user code: was this node killed meanwhile? Then its place may belong to another incarnation already. */
static bool is_void(vlot__node *node) {
  if (node->actor && vlot_actor_is_fenced(node->actor)) node->is_void = true;
  return node->is_void;
}

/* --- taking mail --- */

void vlot__mail_dispose(uint32_t kind, void *payload) {
  if (kind == VLOT__MAIL_MESSAGE) {
    vlot__mail_message *mail = payload;
    if (mail->message.kind == VLOT_MESSAGE_APPEND)
      for (uint32_t k = 0; k < mail->message.as.append.slice_count; k++) vlot_batch_release(mail->slices[k].batch);
  } else if (kind == VLOT__MAIL_PROPOSE) {
    vlot__mail_propose *mail = payload;
    uint8_t *at = (uint8_t *)(mail + 1);
    for (uint32_t k = 0; k < mail->count && mail->has_owners; k++) {
      vlot__mail_command *command = (vlot__mail_command *)(void *)at;
      at += sizeof *command + (command->owner ? 0 : vlot__padded(command->size));
      vlot_bytes_release(command->owner);
    }
  }
}

void vlot__mail_retain(uint32_t kind, void *payload) {
  if (kind == VLOT__MAIL_MESSAGE) {
    vlot__mail_message *mail = payload;
    if (mail->message.kind == VLOT_MESSAGE_APPEND)
      for (uint32_t k = 0; k < mail->message.as.append.slice_count; k++) vlot_batch_retain(mail->slices[k].batch);
  } else if (kind == VLOT__MAIL_PROPOSE) {
    vlot__mail_propose *mail = payload;
    uint8_t *at = (uint8_t *)(mail + 1);
    for (uint32_t k = 0; k < mail->count && mail->has_owners; k++) {
      vlot__mail_command *command = (vlot__mail_command *)(void *)at;
      at += sizeof *command + (command->owner ? 0 : vlot__padded(command->size));
      vlot_bytes_retain(command->owner);
    }
  }
}

/* What the following events come from. */
static void follow(vlot__node *node, const vlot__mail_head *head) {
  if (head->lamport > node->slot->lamport) node->slot->lamport = head->lamport;
  node->slot->cause = head->cause;
}

static void take_message(vlot__node *node, vlot__mail_message *mail) {
  vlot_message *message = &mail->message;
  if (message->kind == VLOT_MESSAGE_APPEND) message->as.append.slices = mail->slices;
  follow(node, &mail->head);
  node->slot->cause =
      vlot__emit_message(node->cluster, node->slot, VLOT_EVENT_RECEIVED, VLOT_WHY_NONE, mail->head.id, message);
  vlot_input *input = new_input(node, VLOT_INPUT_MESSAGE);
  if (input) input->as.message = message;
  else vlot__mail_dispose(VLOT__MAIL_MESSAGE, mail); /* as if the network had lost it */
}

static void emit_client(vlot__node *node, vlot_event_kind kind, uint32_t client, uint64_t sequence, uint32_t count) {
  vlot_event *event = vlot__event_begin(node->cluster, node->slot, kind, VLOT_WHY_NONE, 0);
  event->as.client.client = client;
  event->as.client.sequence = sequence;
  event->as.client.count = count;
  node->slot->cause = vlot__emit(node->cluster, node->slot, event);
}

static bool reserve_commands(vlot__node *node, uint32_t count) {
  void *commands = node->commands, *groups = node->groups;
  bool has_room = vlot__alloc_grow(node->allocator, &commands, &node->command_capacity, node->command_count + count,
                                   sizeof *node->commands);
  node->commands = commands;
  if (!has_room) return false;
  has_room =
      vlot__alloc_grow(node->allocator, &groups, &node->group_capacity, node->group_count + 1, sizeof *node->groups);
  node->groups = groups;
  return has_room && vlot__ring_reserve(&node->waiters, node->group_count + 1);
}

/* All commands of a turn become one batch: what happened to be queued, never a timer's doing. */
static void take_propose(vlot__node *node, vlot__mail_propose *mail, uint32_t size) {
  follow(node, &mail->head);
  if (!reserve_commands(node, mail->count)) {
    answer_client(node, mail->client, mail->sequence, mail->count, VLOT_REJECTED, VLOT_WHY_NO_MEMORY);
    vlot__mail_dispose(VLOT__MAIL_PROPOSE, mail);
    return;
  }
  const uint8_t *at = (const uint8_t *)(mail + 1);
  for (uint32_t k = 0; k < mail->count; k++) {
    const vlot__mail_command *command = (const vlot__mail_command *)(const void *)at;
    at += sizeof *command;
    vlot_command *out = &node->commands[node->command_count++];
    *out = (vlot_command){.size = command->size, .owner = command->owner};
    out->data = command->owner ? vlot_bytes_data(command->owner) : at;
    if (!command->owner) at += vlot__padded(command->size);
  }
  node->groups[node->group_count++] = (group){.mail = mail, .size = size, .count = mail->count};
}

static vlot_why no_leader_why(const vlot__node *node) {
  return node->leader == 0 ? VLOT_WHY_NO_LEADER : VLOT_WHY_NOT_LEADER;
}

/* Pass a client's mail on to the leader, once (B118). False: nobody took it, so that certainly nothing has happened. What a
 * faulty link loses is lost like any message: the client's deadline covers it.
 */
static bool forward(vlot__node *node, uint32_t kind, void *payload, size_t size, uint32_t hops) {
  uint32_t leader = node->leader;
  if (hops > 0 || leader == 0 || leader == node->slot->id || !enter(node)) return false;
  vlot__contact *contact = node->slot->contacts ? &node->slot->contacts[leader - 1] : NULL;
  vlot_piece piece = {.data = payload, .size = size};
  vlot__mail_retain(kind, payload);
  vlot_result result = vlot__route(node->cluster, node->slot, contact, leader, kind, 0, &piece, 1);
  leave(node);
  return result == VLOT_OK;
}

static void take_read(vlot__node *node, vlot__mail_read *mail, uint32_t size) {
  follow(node, &mail->head);
  emit_client(node, VLOT_EVENT_READ, mail->client, mail->sequence, 1);
  bool is_local = mail->min_index != VLOT_NEVER;
  if (!is_local && node->brief.role != VLOT_ROLE_LEADER) {
    mail->hops++;
    if (!forward(node, VLOT__MAIL_READ, mail, size, mail->hops - 1))
      answer_client(node, mail->client, mail->sequence, 1, VLOT_REJECTED, no_leader_why(node));
    return;
  }
  uint8_t *question = vlot__alloc(node->allocator, 1, mail->size);
  reader *one = question && vlot__ring_reserve(&node->readers, 1) ? vlot__ring_push(&node->readers) : NULL;
  vlot_input *input = one && !is_local ? new_input(node, VLOT_INPUT_READ) : NULL;
  if (!one || (!is_local && !input)) {
    if (one) vlot__ring_pop_back(&node->readers);
    vlot__alloc_free(node->allocator, question);
    answer_client(node, mail->client, mail->sequence, 1, VLOT_REJECTED, VLOT_WHY_NO_MEMORY);
    return;
  }
  memcpy(question, mail + 1, mail->size);
  *one = (reader){.tag = node->next_tag++,
                  .index = mail->min_index,
                  .sequence = mail->sequence,
                  .client = mail->client,
                  .size = mail->size,
                  .is_ready = is_local,
                  .question = question};
  if (input) input->as.read_tag = one->tag;
}

static void take_order(vlot__node *node, const vlot__mail_order *mail) {
  follow(node, &mail->head);
  vlot_input *input = new_input(node, (vlot_input_kind)mail->kind);
  if (input && mail->kind == VLOT_INPUT_SWITCHES) input->as.switches = mail->value;
}

/* Completions of an earlier incarnation's writes say nothing about this one (B128). */
static void take_stored(vlot__node *node, const vlot__mail_stored *mail) {
  if (mail->token >> 32 != node->slot->incarnation) return;
  if (mail->result != VLOT_OK) node->failed_token = mail->token;
  else if (mail->token > node->stored_token) node->stored_token = mail->token;
}

void vlot__node_begin(vlot__node *node, vlot_actor *actor, bool was_parked) {
  node->actor = node->slot->turn_actor = actor;
  node->counts_in_full = was_parked;
  node->input_count = node->command_count = node->group_count = 0;
  node->slot->cause = 0;
}

void vlot__node_take(vlot__node *node, uint32_t kind, uint64_t stamp, void *payload, uint32_t size) {
  if (node->is_fenced) {
    vlot__mail_refused(node->cluster, kind, payload, VLOT_WHY_NODE_DOWN);
    vlot__mail_dispose(kind, payload);
    return;
  }
  if (kind != VLOT__MAIL_STORED) pass_time(node, stamp, kind == VLOT__MAIL_TICK);
  switch ((vlot__mail_kind)kind) {
    case VLOT__MAIL_TICK: return;
    case VLOT__MAIL_MESSAGE: take_message(node, payload); return;
    case VLOT__MAIL_PROPOSE: take_propose(node, payload, size); return;
    case VLOT__MAIL_READ: take_read(node, payload, size); return;
    case VLOT__MAIL_ORDER: take_order(node, payload); return;
    case VLOT__MAIL_STORED: take_stored(node, payload); return;
  }
}

/* --- the core's output: what happened --- */

static vlot_event_kind event_kind_of(const vlot_change *change) {
  switch ((vlot_change_kind)change->kind) {
    case VLOT_CHANGE_TERM: return VLOT_EVENT_TERM;
    case VLOT_CHANGE_ROLE:
      return change->to == VLOT_ROLE_LEADER     ? VLOT_EVENT_LEADER
             : change->from == VLOT_ROLE_LEADER ? VLOT_EVENT_STEP_DOWN
                                                : VLOT_EVENT_ROLE;
    case VLOT_CHANGE_LEADER: return VLOT_EVENT_KNOWN_LEADER;
    case VLOT_CHANGE_CAMPAIGN: return VLOT_EVENT_CAMPAIGN;
    case VLOT_CHANGE_VOTE: return VLOT_EVENT_VOTE;
    case VLOT_CHANGE_TALLY: return VLOT_EVENT_TALLY;
    case VLOT_CHANGE_APPEND: return VLOT_EVENT_APPEND;
    case VLOT_CHANGE_TRUNCATE: return VLOT_EVENT_TRUNCATE;
    case VLOT_CHANGE_MATCH: return VLOT_EVENT_MATCH;
    case VLOT_CHANGE_PROGRESS: return VLOT_EVENT_PROGRESS;
    case VLOT_CHANGE_MISMATCH: return VLOT_EVENT_MISMATCH;
    case VLOT_CHANGE_DURABLE: return VLOT_EVENT_DURABLE;
    case VLOT_CHANGE_COMMIT: return VLOT_EVENT_COMMIT;
    case VLOT_CHANGE_IGNORED: return VLOT_EVENT_IGNORED;
    case VLOT_CHANGE_FENCED: return VLOT_EVENT_FENCED;
  }
  return VLOT_EVENT_STEP;
}

/* APPEND, TRUNCATE, COMMIT speak of entries: first, count, and the chain at the newest entry that stands after it. */
static void emit_slice(vlot__node *node, const vlot_change *change, vlot_event_kind kind) {
  vlot_event *event = vlot__event_begin(node->cluster, node->slot, kind, (vlot_why)change->why, change->peer);
  uint64_t first = kind == VLOT_EVENT_COMMIT ? change->from + 1 : change->from;
  uint64_t newest = kind == VLOT_EVENT_TRUNCATE ? change->from - 1 : change->to;
  uint64_t term;
  event->as.slice.first = first;
  event->as.slice.count = change->to - first + 1;
  event->as.slice.term = change->term;
  if (!vlot__model_at(&node->slot->model, newest, &term, &event->as.slice.chain)) event->as.slice.chain = 0;
  vlot__emit(node->cluster, node->slot, event);
}

static void emit_changes(vlot__node *node, const vlot_output *output) {
  vlot__slot *slot = node->slot;
  vlot_event *step = vlot__event_begin(node->cluster, slot, VLOT_EVENT_STEP, VLOT_WHY_NONE, 0);
  step->as.step.before = node->brief;
  step->as.step.after = node->brief = output->after;
  node->leader = output->leader;
  node->awaits_storage = output->awaits_storage != 0;
  slot->cause = vlot__emit(node->cluster, slot, step);
  for (uint32_t k = 0; k < output->change_count; k++) {
    const vlot_change *change = &output->changes[k];
    vlot_event_kind kind = event_kind_of(change);
    switch ((vlot_change_kind)change->kind) {
      case VLOT_CHANGE_COMMIT: node->commit_index = change->to; /* fall through */
      case VLOT_CHANGE_APPEND:
      case VLOT_CHANGE_TRUNCATE: emit_slice(node, change, kind); break;
      default:
        vlot__emit_change(node->cluster, slot, kind, (vlot_why)change->why, change->peer, change->from, change->to,
                          change->term);
    }
  }
}

/* --- the core's output: effects --- */

static void submit_write(vlot__node *node, const vlot_write *write) {
  vlot__slot *slot = node->slot;
  if (write->token == 0) return;
  vlot_storage_done done = {.context = slot, .done = vlot__write_done};
  vlot_result result = slot->storage.submit(slot->storage.context, write, &done);
  if (result == VLOT_OK) node->stored_token = write->token;
  else if (result == VLOT_PENDING) slot->has_pending_writes = true;
  else node->failed_token = write->token;
}

static void send_message(vlot__node *node, const vlot_message *message) {
  vlot__slot *slot = node->slot;
  vlot__mail_message mail = {.message = *message};
  uint32_t slices = message->kind == VLOT_MESSAGE_APPEND ? message->as.append.slice_count : 0;
  vlot_piece pieces[2] = {{.data = &mail, .size = sizeof mail}, {.size = slices * sizeof(vlot_slice)}};
  if (slices > 0) {
    pieces[1].data = message->as.append.slices;
    for (uint32_t k = 0; k < slices; k++) vlot_batch_retain(message->as.append.slices[k].batch);
  }
  vlot__contact *contact = slot->contacts ? &slot->contacts[message->to - 1] : NULL;
  (void)vlot__route(node->cluster, slot, contact, message->to, VLOT__MAIL_MESSAGE, message->kind, pieces,
                    slices > 0 ? 2 : 1);
}

/* Writes, messages, answers: inside one enter and leave. */
static bool let_go(vlot__node *node, const vlot_output *output) {
  bool has_effects = node->answers.size > 0 || (output && (output->write.token != 0 || output->message_count > 0));
  if (!has_effects) return true;
  if (!enter(node)) return false;
  if (output) {
    submit_write(node, &output->write);
    for (uint32_t k = 0; k < output->message_count; k++) send_message(node, &output->messages[k]);
  }
  deliver_answers(node);
  leave(node);
  return true;
}

/* --- outcomes of what clients asked --- */

static vlot_result client_result(vlot_result result) {
  return result == VLOT_OK || result == VLOT_TOO_LARGE ? result : VLOT_REJECTED;
}

/* The commands of this turn's groups stand in the log from outcome->index on; what was not accepted certainly never will. */
/* Commands in a row of one client wait as one: what was submitted one by one is answered together. */
static void await_commit(vlot__node *node, const vlot__mail_propose *mail, uint64_t index, uint64_t term, uint32_t count) {
  waiter *last = node->waiters.count > 0 ? vlot__ring_at(&node->waiters, node->waiters.count - 1) : NULL;
  if (last && last->client == mail->client && last->term == term && last->index + last->count == index &&
      last->sequence + last->count == mail->sequence) {
    last->count += count;
    return;
  }
  waiter *one = vlot__ring_push(&node->waiters);
  *one = (waiter){.index = index, .term = term, .sequence = mail->sequence, .client = mail->client, .count = count};
}

static void settle_groups(vlot__node *node, const vlot_outcome *outcome) {
  uint32_t accepted = outcome->accepted;
  uint64_t index = outcome->index;
  for (size_t k = 0; k < node->group_count; k++) {
    const vlot__mail_propose *mail = node->groups[k].mail;
    uint32_t taken = mail->count < accepted ? mail->count : accepted;
    accepted -= taken;
    if (taken > 0) {
      await_commit(node, mail, index, outcome->term, taken);
      index += taken;
    } else if (outcome->result == VLOT_NOT_LEADER) {
      vlot__mail_propose copy = *mail;
      copy.hops++;
      *(vlot__mail_propose *)(uintptr_t)mail = copy;
      if (forward(node, VLOT__MAIL_PROPOSE, (void *)(uintptr_t)mail, node->groups[k].size, copy.hops - 1)) continue;
    }
    vlot_why why = outcome->result == VLOT_NOT_LEADER ? no_leader_why(node) : outcome->why;
    answer_client(node, mail->client, mail->sequence + taken, mail->count - taken, client_result(outcome->result), why);
  }
}

static void drop_reader(vlot__node *node, uint64_t tag, vlot_result result, vlot_why why);

static void settle_outcomes(vlot__node *node, const vlot_output *output) {
  for (uint32_t k = 0; k < output->outcome_count; k++) {
    const vlot_outcome *outcome = &output->outcomes[k];
    const vlot_input *input = &node->inputs[outcome->input];
    if (input->kind == VLOT_INPUT_PROPOSE) settle_groups(node, outcome);
    else if (input->kind == VLOT_INPUT_READ && outcome->result != VLOT_OK)
      drop_reader(node, input->as.read_tag, VLOT_REJECTED, outcome->why);
  }
}

/* --- applying --- */

static size_t reply_of(const vlot__node *node, uint32_t k, bool has_replies, const uint8_t **reply) {
  size_t size = 0;
  *reply = NULL;
  if (has_replies) vlot__replies_get(&node->replies, k, reply, &size);
  return size;
}

static void answer_applied(vlot__node *node, const waiter *one, uint64_t index, uint32_t count, uint32_t first_reply,
                           bool has_replies) {
  vlot_event *event = vlot__event_begin(node->cluster, node->slot, VLOT_EVENT_ANSWER, VLOT_WHY_NONE, 0);
  uint64_t sequence = one->sequence + (index - one->index);
  event->as.client.client = one->client;
  event->as.client.sequence = sequence;
  event->as.client.count = count;
  event->as.client.index = index;
  event->as.client.term = one->term;
  vlot__emit(node->cluster, node->slot, event);
  vlot__answer answer = {.sequence = sequence,
                         .index = index,
                         .term = one->term,
                         .client = one->client,
                         .result = VLOT_OK,
                         .node = node->slot->id};
  for (uint32_t k = 0; k < count;) {
    const uint8_t *reply, *next;
    answer.reply_size = (uint32_t)reply_of(node, first_reply + k, has_replies, &reply);
    answer.count = 1;
    if (answer.reply_size == 0) /* a run of empty answers is one record */
      while (k + answer.count < count && reply_of(node, first_reply + k + answer.count, has_replies, &next) == 0)
        answer.count++;
    push_answer(node, &answer, reply);
    answer.sequence += answer.count;
    answer.index += answer.count;
    k += answer.count;
  }
}

/* What was proposed in a term and is lost is lost with all that follows it there. */
static void reject_waiters(vlot__node *node, uint64_t term) {
  while (node->waiters.count > 0) {
    const waiter *one = vlot__ring_at(&node->waiters, 0);
    if (one->term != term) return;
    answer_client(node, one->client, one->sequence, one->count, VLOT_REJECTED, VLOT_WHY_OVERWRITTEN);
    vlot__ring_pop_front(&node->waiters);
  }
}

/* Entries [index, index + count) of term were applied: whose were they? A waiter is (index, term) (B122), in the order of terms. With
 * another term there it is lost (Log Matching), and so is one of an older term wherever it stands: behind a committed
 * entry no older term is ever committed.
 */
static void settle_waiters(vlot__node *node, uint64_t index, uint64_t term, uint32_t count, bool has_replies) {
  uint64_t last = index + count - 1;
  while (node->waiters.count > 0) {
    waiter *one = vlot__ring_at(&node->waiters, 0);
    uint64_t lost = one->term;
    if (lost >= term && one->index > last) return;
    if (lost != term) {
      reject_waiters(node, lost);
      continue;
    }
    uint64_t waiter_last = one->index + one->count - 1;
    uint32_t done = (uint32_t)((waiter_last < last ? waiter_last : last) - one->index + 1);
    VLOT_ASSERT(one->index >= index);
    answer_applied(node, one, one->index, done, (uint32_t)(one->index - index), has_replies);
    one->index += done;
    one->sequence += done;
    one->count -= done;
    if (one->count > 0) return;
    vlot__ring_pop_front(&node->waiters);
  }
}

static void fence(vlot__node *node, vlot_why why) {
  if (node->is_fenced) return;
  node->is_fenced = true;
  node->fenced_why = why;
  vlot__emit_change(node->cluster, node->slot, VLOT_EVENT_FENCED, why, 0, node->applied_index, node->commit_index, 0);
}

static bool apply_commands(vlot__node *node, const vlot_entry *entries, uint32_t count, uint64_t index, uint64_t term) {
  bool is_asked = node->waiters.count > 0;
  bool has_replies = is_asked && vlot__replies_begin(&node->replies, count) == VLOT_OK;
  vlot_result result =
      node->cluster->machine.apply(node->machine, entries, count, index, has_replies ? &node->replies : NULL);
  if (is_void(node)) return false;
  if (result != VLOT_OK) {
    fence(node, VLOT_WHY_APPLY_FAILED);
    return false;
  }
  node->applied_index = index + count - 1;
  if (is_asked) settle_waiters(node, index, term, count, has_replies);
  return true;
}

/* Runs of commands go to the machine as they lie in their batch; no-ops lie between them. */
static bool apply_slice(vlot__node *node, const vlot_slice *slice) {
  const vlot_entry *entries = vlot_slice_entries(slice);
  for (uint32_t k = 0; k < slice->count;) {
    uint32_t run = 0;
    while (k + run < slice->count && entries[k + run].kind == VLOT_ENTRY_COMMAND) run++;
    if (run > 0) {
      if (!apply_commands(node, entries + k, run, slice->index + k, slice->term)) return false;
      k += run;
    } else {
      node->applied_index = slice->index + k;
      if (node->waiters.count > 0) settle_waiters(node, slice->index + k, slice->term, 1, false);
      k++;
    }
  }
  vlot_event *event = vlot__event_begin(node->cluster, node->slot, VLOT_EVENT_APPLY, VLOT_WHY_NONE, 0);
  event->as.slice.first = slice->index;
  event->as.slice.count = slice->count;
  event->as.slice.term = slice->term;
  uint64_t term;
  if (!vlot__model_at(&node->slot->model, node->applied_index, &term, &event->as.slice.chain)) event->as.slice.chain = 0;
  if (node->cluster->observer.checker && node->cluster->machine.hash)
    event->as.slice.hash = node->cluster->machine.hash(node->machine);
  vlot__emit(node->cluster, node->slot, event);
  return true;
}

static void apply(vlot__node *node, const vlot_output *output) {
  for (uint32_t k = 0; k < output->apply_count; k++)
    if (!apply_slice(node, &output->apply[k])) return;
}

/* --- reads --- */

static void answer_read(vlot__node *node, const reader *one, vlot_result result, vlot_why why) {
  const uint8_t *reply = NULL;
  size_t size = 0;
  if (result == VLOT_OK) {
    const vlot_machine *machine = &node->cluster->machine;
    if (!machine->query) result = VLOT_UNSUPPORTED;
    else result = vlot__replies_begin(&node->replies, 1);
    if (result == VLOT_OK) result = machine->query(node->machine, one->question, one->size, &node->replies);
    if (is_void(node)) return;
    if (result == VLOT_OK && node->replies.is_short) result = VLOT_NOMEM;
    if (result == VLOT_OK) vlot__replies_get(&node->replies, 0, &reply, &size);
  }
  vlot_event *event = vlot__event_begin(node->cluster, node->slot, VLOT_EVENT_ANSWER, why, 0);
  event->as.client.client = one->client;
  event->as.client.sequence = one->sequence;
  event->as.client.count = 1;
  event->as.client.index = node->applied_index;
  event->as.client.result = result;
  vlot__emit(node->cluster, node->slot, event);
  push_answer(node,
              &(vlot__answer){.sequence = one->sequence,
                              .index = node->applied_index,
                              .client = one->client,
                              .count = 1,
                              .result = result,
                              .why = why,
                              .node = node->slot->id,
                              .reply_size = (uint32_t)size},
              reply);
}

/* Remove the k-th reader, keeping the order of the others. */
static void remove_reader(vlot__node *node, size_t k) {
  vlot__alloc_free(node->allocator, ((reader *)vlot__ring_at(&node->readers, k))->question);
  for (; k > 0; k--) *(reader *)vlot__ring_at(&node->readers, k) = *(reader *)vlot__ring_at(&node->readers, k - 1);
  vlot__ring_pop_front(&node->readers);
}

static size_t find_reader(const vlot__node *node, uint64_t tag) {
  size_t k = 0;
  while (k < node->readers.count && ((reader *)vlot__ring_at(&node->readers, k))->tag != tag) k++;
  return k;
}

static void drop_reader(vlot__node *node, uint64_t tag, vlot_result result, vlot_why why) {
  size_t k = find_reader(node, tag);
  if (k == node->readers.count) return;
  answer_read(node, vlot__ring_at(&node->readers, k), result, why);
  remove_reader(node, k);
}

static void settle_reads(vlot__node *node, const vlot_output *output) {
  for (uint32_t k = 0; k < output->read_count; k++) {
    const vlot_read_answer *answer = &output->reads[k];
    size_t at = find_reader(node, answer->tag);
    if (at == node->readers.count) continue;
    reader *one = vlot__ring_at(&node->readers, at);
    if (answer->result != VLOT_OK) {
      drop_reader(node, answer->tag, VLOT_REJECTED, answer->why);
      continue;
    }
    one->index = answer->index;
    one->is_ready = true;
  }
}

/* Serve the reads whose index is applied (B107). */
static void serve_reads(vlot__node *node) {
  for (size_t k = 0; k < node->readers.count && !node->is_void;) {
    const reader *one = vlot__ring_at(&node->readers, k);
    if (!one->is_ready || one->index > node->applied_index) {
      k++;
      continue;
    }
    answer_read(node, one, VLOT_OK, VLOT_WHY_NONE);
    remove_reader(node, k);
  }
}

/* --- a turn --- */

static void add_internal_inputs(vlot__node *node) {
  if (node->applied_index > node->told_applied) {
    vlot_input *input = new_input(node, VLOT_INPUT_APPLIED);
    if (input) input->as.index = node->told_applied = node->applied_index;
  }
  if (node->failed_token) {
    vlot_input *input = new_input(node, VLOT_INPUT_WRITE_FAILED);
    if (input) input->as.token = node->failed_token;
    node->failed_token = 0;
  }
  if (node->stored_token) {
    vlot_input *input = new_input(node, VLOT_INPUT_STORED);
    if (!input) return;
    input->as.token = node->stored_token;
    node->stored_token = 0;
  }
}

/* One event for commands in a row of one client. */
static void emit_proposals(vlot__node *node) {
  for (size_t from = 0, to; from < node->group_count; from = to) {
    const vlot__mail_propose *first = node->groups[from].mail;
    uint32_t count = first->count;
    for (to = from + 1; to < node->group_count; to++) {
      const vlot__mail_propose *next = node->groups[to].mail;
      if (next->client != first->client || next->sequence != first->sequence + count) break;
      count += next->count;
    }
    emit_client(node, VLOT_EVENT_PROPOSE, first->client, first->sequence, count);
  }
}

static void add_proposals(vlot__node *node) {
  if (node->command_count == 0) return;
  emit_proposals(node);
  vlot_input *input = new_input(node, VLOT_INPUT_PROPOSE);
  if (!input) return;
  input->as.propose.commands = node->commands;
  input->as.propose.count = (uint32_t)node->command_count;
}

/* Inputs that the core did not take, for want of memory or because it is fenced: messages are lost as on a network, clients are told,
 * completions come again.
 */
static void give_up(vlot__node *node, uint32_t from, vlot_why why) {
  for (size_t k = from; k < node->input_count; k++) {
    const vlot_input *input = &node->inputs[k];
    switch (input->kind) {
      case VLOT_INPUT_STORED: node->stored_token = input->as.token; break;
      case VLOT_INPUT_WRITE_FAILED: node->failed_token = input->as.token; break;
      case VLOT_INPUT_APPLIED: node->told_applied = 0; break;
      case VLOT_INPUT_READ: drop_reader(node, input->as.read_tag, VLOT_REJECTED, why); break;
      case VLOT_INPUT_PROPOSE:
        settle_groups(node, &(vlot_outcome){.result = VLOT_REJECTED, .why = why});
        break;
      default: break;
    }
  }
}

/* One step of the core and what follows from it. False: the node is fenced, or killed meanwhile. */
static bool step(vlot__node *node) {
  const vlot_output *output;
  vlot_result result = vlot_raft_step(node->raft, node->inputs, (uint32_t)node->input_count, &output);
  vlot__observe_write(node->slot, &output->write);
  emit_changes(node, output);
  read_time(node, output);
  settle_outcomes(node, output);
  if (result != VLOT_OK)
    give_up(node, output->consumed, result == VLOT_NOMEM ? VLOT_WHY_NO_MEMORY : VLOT_WHY_CRASHED);
  if (result == VLOT_FENCED) {
    node->is_fenced = true;
    settle_reads(node, output);
    return let_go(node, NULL) && false;
  }
  if (!let_go(node, output)) return false;
  apply(node, output);
  if (node->is_void) return false;
  settle_reads(node, output);
  serve_reads(node);
  return result == VLOT_OK && !node->is_fenced && !node->is_void; /* without memory: go on in a later turn */
}

static void release_mail(vlot__node *node) {
  for (size_t k = 0; k < node->input_count; k++) {
    if (node->inputs[k].kind != VLOT_INPUT_MESSAGE) continue;
    const vlot_message *message = node->inputs[k].as.message;
    if (message->kind != VLOT_MESSAGE_APPEND) continue;
    for (uint32_t s = 0; s < message->as.append.slice_count; s++) vlot_batch_release(message->as.append.slices[s].batch);
  }
  for (size_t k = 0; k < node->group_count; k++)
    vlot__mail_dispose(VLOT__MAIL_PROPOSE, (void *)(uintptr_t)node->groups[k].mail);
}

/* Step until nothing more follows at once: a write that is durable already is told to the core in the same turn if something
 * in there waits for it, else with the next input.
 */
void vlot__node_end(vlot__node *node) {
  node->turns++;
  if (node->is_fenced) return;
  add_internal_inputs(node);
  add_proposals(node);
  bool goes_on = node->input_count == 0 || step(node);
  release_mail(node);
  node->command_count = node->group_count = node->input_count = 0;
  while (goes_on && ((node->stored_token && node->awaits_storage) || node->failed_token ||
                     node->applied_index < node->commit_index)) {
    add_internal_inputs(node);
    if (node->input_count == 0) break;
    goes_on = step(node);
    node->input_count = 0;
  }
  if (node->is_fenced && !node->is_void) give_up_waiting(node, VLOT_WHY_CRASHED);
  serve_reads(node);
  (void)let_go(node, NULL);
}

/* --- looking --- */

bool vlot__node_is_fenced(const vlot__node *node) { return node->is_fenced; }

const char *vlot__node_fenced_text(const vlot__node *node) {
  vlot_node_status status;
  vlot__node_get_status(node, &status);
  return vlot_why_text(status.raft.fenced_why);
}

const vlot_raft *vlot__node_raft(const vlot__node *node) { return node->raft; }

bool vlot__node_is_idle(const vlot__node *node) { return node->waiters.count == 0 && node->readers.count == 0; }

void vlot__node_get_status(const vlot__node *node, vlot_node_status *status) {
  vlot_raft_get_status(node->raft, &status->raft);
  if (node->is_fenced && !status->raft.is_fenced) {
    status->raft.is_fenced = 1;
    status->raft.fenced_why = node->fenced_why;
  }
  status->applied_index = node->applied_index;
  status->turns = node->turns;
  status->waiting = node->readers.count;
  for (size_t k = 0; k < node->waiters.count; k++)
    status->waiting += ((const waiter *)vlot__ring_at(&node->waiters, k))->count;
}

vlot_result vlot__node_hash(vlot__node *node, uint64_t *hash, uint64_t *applied) {
  if (!node->cluster->machine.hash) return VLOT_UNSUPPORTED;
  *hash = node->cluster->machine.hash(node->machine);
  *applied = node->applied_index;
  return VLOT_OK;
}
