/* Clients: a mailbox owned by its caller. Answers are pushed by nodes, read by poll and wait; no
 * callback on a node's thread. */
#include <string.h>

#include "base/describe.h"
#include "cluster/internal.h"

/* from this size on a command's bytes are shared by all nodes instead of copied along */
enum { SHARED_BYTES = 1024 };

/* Commands submitted together: they share a deadline. */
typedef struct submission {
  uint64_t sequence;
  uint64_t deadline;
  uint32_t count;
} submission;

typedef struct inbox {
  uint8_t *bytes;
  size_t size;
  size_t capacity;
} inbox;

struct vlot_client {
  vlot_cluster *cluster;
  /* its owner's, and those of nodes that are putting an answer in */
  _Atomic uint32_t references;
  vlot_client_options options;
  uint32_t number;

  /* under lock */
  pthread_mutex_t lock;
  pthread_cond_t arrived;
  inbox incoming;
  bool is_waiting;
  bool is_due; /* the clock says: look at your deadlines */

  _Atomic uint64_t wait_deadline; /* VLOT_NEVER: not waiting */

  /* its owner's */
  inbox taken; /* swapped out of incoming; read_at: what is not handed out yet */
  size_t read_at;
  uint32_t read_count; /* of the record at read_at, so many of its commands are handed out */
  uint8_t *is_open;    /* [window] ring by sequence: not answered yet */
  uint64_t window;     /* a power of two */
  uint64_t next_sequence;
  uint64_t oldest; /* no command below is open */
  uint32_t inflight;
  vlot__ring submissions;  /* submission, by sequence */
  vlot__contact *contacts; /* [nodes] */
  uint8_t *scratch;
  size_t scratch_capacity;
};

/* For a debugger: see base/describe.h. */
const vlot__described vlot_described_client[] VLOT__DESCRIBED = {
    VLOT__VERSION,
    VLOT__STRUCT(client, struct vlot_client),
    VLOT__POINTER(client.cluster, struct vlot_client, cluster, cluster, struct vlot_cluster),
    VLOT__END,
};

void vlot_client_options_init(vlot_client_options *options) {
  *options =
      (vlot_client_options){.size = sizeof *options, .inflight_max = 65536, .timeout_ticks = 500};
}

static void free_client(vlot_client *client) {
  const vlot_allocator *allocator = client->cluster->allocator;
  if (client->contacts)
    for (uint32_t k = 0; k < client->cluster->nodes; k++)
      vlot_actor_release(client->contacts[k].actor);
  vlot__alloc_free(allocator, client->contacts);
  vlot__alloc_free(allocator, client->incoming.bytes);
  vlot__alloc_free(allocator, client->taken.bytes);
  vlot__alloc_free(allocator, client->is_open);
  vlot__alloc_free(allocator, client->scratch);
  vlot__ring_deinit(&client->submissions);
  pthread_mutex_destroy(&client->lock);
  pthread_cond_destroy(&client->arrived);
  vlot__alloc_free(allocator, client);
}

/* Numbers are never used twice, so that a late answer finds nobody. */
static bool enter_client(vlot_client *client) {
  vlot_cluster *cluster = client->cluster;
  pthread_mutex_lock(&cluster->clients_lock);
  void *clients = cluster->clients;
  bool has_room = vlot__alloc_grow(cluster->allocator, &clients, &cluster->client_capacity,
                                   cluster->client_count + 1, sizeof *cluster->clients);
  cluster->clients = clients;
  if (has_room) {
    cluster->clients[cluster->client_count++] = client;
    client->number = cluster->client_count;
  }
  pthread_mutex_unlock(&cluster->clients_lock);
  return has_room;
}

vlot_result vlot_client_open(vlot_client **out, vlot_cluster *cluster,
                             const vlot_client_options *options) {
  vlot_client_options defaults;
  vlot_client_options_init(&defaults);
  *out = NULL;
  if (!options) options = &defaults;
  if (options->size != sizeof *options || options->contact > cluster->nodes ||
      options->inflight_max == 0 || options->inflight_max > 1u << 20 || options->timeout_ticks == 0)
    return VLOT_INVALID;
  vlot_client *client = vlot__alloc_zero(cluster->allocator, 1, sizeof *client);
  if (!client) return VLOT_NOMEM;
  client->cluster = cluster;
  client->options = *options;
  atomic_init(&client->references, 1);
  client->next_sequence = client->oldest = 1;
  for (client->window = 64; client->window < options->inflight_max;) client->window *= 2;
  atomic_init(&client->wait_deadline, VLOT_NEVER);
  pthread_mutex_init(&client->lock, NULL);
  pthread_cond_init(&client->arrived, NULL);
  vlot__ring_init(&client->submissions, cluster->allocator, sizeof(submission));
  client->is_open = vlot__alloc_zero(cluster->allocator, client->window, 1);
  client->contacts = vlot__alloc_zero(cluster->allocator, cluster->nodes, sizeof *client->contacts);
  if (!client->is_open || !client->contacts || !enter_client(client)) {
    free_client(client);
    return VLOT_NOMEM;
  }
  *out = client;
  return VLOT_OK;
}

static void release_client(vlot_client *client) {
  if (client && atomic_fetch_sub(&client->references, 1) == 1) free_client(client);
}

/* A reference to a client that is open; NULL. No lock is held with another. */
static vlot_client *find_client(vlot_cluster *cluster, uint32_t number) {
  pthread_mutex_lock(&cluster->clients_lock);
  vlot_client *client =
      number >= 1 && number <= cluster->client_count ? cluster->clients[number - 1] : NULL;
  if (client) atomic_fetch_add(&client->references, 1);
  pthread_mutex_unlock(&cluster->clients_lock);
  return client;
}

void vlot_client_close(vlot_client *client) {
  if (!client) return;
  vlot_cluster *cluster = client->cluster;
  pthread_mutex_lock(&cluster->clients_lock);
  cluster->clients[client->number - 1] = NULL;
  pthread_mutex_unlock(&cluster->clients_lock);
  release_client(client);
}

uint32_t vlot_client_number(const vlot_client *client) { return client->number; }

uint32_t vlot_client_inflight(const vlot_client *client) { return client->inflight; }

/* --- submitting --- */

static bool reserve_scratch(vlot_client *client, size_t size) {
  void *scratch = client->scratch;
  bool has_room =
      vlot__alloc_grow(client->cluster->allocator, &scratch, &client->scratch_capacity, size, 1);
  client->scratch = scratch;
  return has_room;
}

/* Whom to try, first to last: the contact alone, or the leader as far as known, then everybody who
 * is up. */
static uint32_t next_target(const vlot_client *client, uint32_t tried) {
  vlot_cluster *cluster = client->cluster;
  if (client->options.contact) return tried == 0 ? client->options.contact : 0;
  uint32_t hint = atomic_load_explicit(&cluster->leader_hint, memory_order_relaxed);
  if (tried == 0) return hint ? hint : 1;
  return tried <= cluster->nodes ? tried : 0;
}

static vlot_result post_to_contact(vlot_client *client, uint32_t kind, void *payload, size_t size) {
  vlot_cluster *cluster = client->cluster;
  vlot_result result = VLOT_REJECTED;
  for (uint32_t tried = 0;; tried++) {
    uint32_t to = next_target(client, tried);
    if (to == 0) return result == VLOT_CLOSED ? VLOT_REJECTED : result;
    if (atomic_load(&cluster->slots[to - 1].state) == VLOT_NODE_DOWN) continue;
    vlot_piece piece = {.data = payload, .size = size};
    /* a refusal gives back one reference, a success takes it */
    vlot__mail_retain(kind, payload);
    result = vlot__route(cluster, NULL, &client->contacts[to - 1], to, kind, 0, &piece, 1);
    if (result == VLOT_CLOSED) continue;
    return result;
  }
}

static vlot_result check_submit(const vlot_client *client, uint32_t count) {
  if (count == 0) return VLOT_INVALID;
  if (client->cluster->replay) return VLOT_UNSUPPORTED; /* it would be another run */
  if (vlot__is_node_thread(client->cluster)) return VLOT_DEADLOCK;
  if (count > client->options.inflight_max ||
      client->inflight > client->options.inflight_max - count)
    return VLOT_BUSY;
  if (client->next_sequence + count - client->oldest > client->window) return VLOT_BUSY;
  return VLOT_OK;
}

static uint64_t new_deadline(const vlot_client *client) {
  uint64_t now = vlot__now(client->cluster);
  return client->options.timeout_ticks < VLOT_NEVER - now ? now + client->options.timeout_ticks
                                                          : VLOT_NEVER;
}

static void remember(vlot_client *client, uint32_t count) {
  submission *one = vlot__ring_push(&client->submissions);
  *one = (submission){
      .sequence = client->next_sequence, .deadline = new_deadline(client), .count = count};
  for (uint32_t k = 0; k < count; k++)
    client->is_open[(client->next_sequence + k) & (client->window - 1)] = 1;
  client->next_sequence += count;
  client->inflight += count;
}

static size_t propose_size(const vlot_command *commands, uint32_t count) {
  size_t size = sizeof(vlot__mail_propose);
  for (uint32_t k = 0; k < count; k++) {
    bool is_shared = commands[k].owner || commands[k].size >= SHARED_BYTES;
    size += sizeof(vlot__mail_command) + (is_shared ? 0 : vlot__padded(commands[k].size));
  }
  return size;
}

/* Lay the commands out behind the header; large ones become shared bytes. False without memory,
 * with nothing held. */
static bool lay_out(vlot_client *client, const vlot_command *commands, uint32_t count,
                    vlot__mail_propose *mail) {
  uint8_t *at = (uint8_t *)(mail + 1);
  for (uint32_t k = 0; k < count; k++) {
    const vlot_command *command = &commands[k];
    vlot__mail_command *out = (vlot__mail_command *)(void *)at;
    *out = (vlot__mail_command){.size = command->size};
    bool is_whole = command->owner && vlot_bytes_size(command->owner) == command->size;
    if (is_whole)
      out->owner = vlot_bytes_retain(command->owner);
    else if (command->owner || command->size >= SHARED_BYTES)
      out->owner = vlot_bytes_copy(client->cluster->allocator, command->data, command->size);
    if (!out->owner && (command->owner || command->size >= SHARED_BYTES)) {
      mail->count = k; /* so many hold references */
      vlot__mail_dispose(VLOT__MAIL_PROPOSE, mail);
      return false;
    }
    at += sizeof *out;
    if (out->owner) {
      mail->has_owners = 1;
      continue;
    }
    if (command->size > 0) memcpy(at, command->data, command->size);
    at += vlot__padded(command->size);
  }
  return true;
}

vlot_result vlot_client_submit(vlot_client *client, const vlot_command *commands, uint32_t count,
                               uint64_t *sequence) {
  vlot_result result = check_submit(client, count);
  if (result != VLOT_OK) return result;
  for (uint32_t k = 0; k < count; k++)
    if (commands[k].size > client->cluster->options.raft.entry_bytes_max) return VLOT_TOO_LARGE;
  size_t size = propose_size(commands, count);
  if (!vlot__ring_reserve(&client->submissions, 1) || !reserve_scratch(client, size))
    return VLOT_NOMEM;
  vlot__mail_propose *mail = (vlot__mail_propose *)(void *)client->scratch;
  *mail = (vlot__mail_propose){
      .sequence = client->next_sequence, .client = client->number, .count = count};
  if (!lay_out(client, commands, count, mail)) return VLOT_NOMEM;
  uint64_t first = client->next_sequence;
  remember(client, count); /* before it can be answered */
  result = post_to_contact(client, VLOT__MAIL_PROPOSE, mail, size);
  vlot__mail_dispose(VLOT__MAIL_PROPOSE, mail);
  if (result != VLOT_OK) {
    client->next_sequence = first;
    client->inflight -= count;
    vlot__ring_pop_back(&client->submissions);
    return result;
  }
  if (sequence) *sequence = first;
  return VLOT_OK;
}

vlot_result vlot_client_read(vlot_client *client, const void *question, size_t size,
                             uint64_t min_index, uint64_t *sequence) {
  vlot_result result = check_submit(client, 1);
  if (result != VLOT_OK) return result;
  if (size > client->cluster->options.raft.entry_bytes_max) return VLOT_TOO_LARGE;
  if (!vlot__ring_reserve(&client->submissions, 1) ||
      !reserve_scratch(client, sizeof(vlot__mail_read) + size))
    return VLOT_NOMEM;
  vlot__mail_read *mail = (vlot__mail_read *)(void *)client->scratch;
  *mail = (vlot__mail_read){.sequence = client->next_sequence,
                            .min_index = min_index,
                            .client = client->number,
                            .size = (uint32_t)size};
  if (size > 0) memcpy(mail + 1, question, size);
  uint64_t first = client->next_sequence;
  remember(client, 1);
  result = post_to_contact(client, VLOT__MAIL_READ, mail, sizeof *mail + size);
  if (result != VLOT_OK) {
    client->next_sequence = first;
    client->inflight--;
    vlot__ring_pop_back(&client->submissions);
    return result;
  }
  if (sequence) *sequence = first;
  return VLOT_OK;
}

/* --- answers --- */

void vlot__client_deliver(vlot_cluster *cluster, uint32_t number, const void *records,
                          size_t size) {
  /* there, it is the recorded run's */
  vlot_client *client = cluster->replay ? NULL : find_client(cluster, number);
  if (!client) return;
  pthread_mutex_lock(&client->lock);
  void *bytes = client->incoming.bytes;
  /* without memory the client is not told, and its deadline says UNKNOWN */
  if (vlot__alloc_grow(cluster->allocator, &bytes, &client->incoming.capacity,
                       client->incoming.size + size, 1)) {
    client->incoming.bytes = bytes;
    memcpy(client->incoming.bytes + client->incoming.size, records, size);
    client->incoming.size += size;
  }
  bool must_signal = client->is_waiting;
  client->is_waiting = false;
  pthread_mutex_unlock(&client->lock);
  if (must_signal) pthread_cond_signal(&client->arrived);
  release_client(client);
}

void vlot__mail_refused(vlot_cluster *cluster, uint32_t kind, const void *payload, vlot_why why) {
  const vlot__mail_propose *propose = payload;
  const vlot__mail_read *read = payload;
  vlot__answer answer = {.result = VLOT_REJECTED, .why = why, .count = 1};
  if (kind == VLOT__MAIL_PROPOSE) {
    answer.client = propose->client;
    answer.sequence = propose->sequence;
    answer.count = propose->count;
  } else if (kind == VLOT__MAIL_READ) {
    answer.client = read->client;
    answer.sequence = read->sequence;
  } else {
    return;
  }
  vlot__client_deliver(cluster, answer.client, &answer, sizeof answer);
}

static bool is_open(const vlot_client *client, uint64_t sequence) {
  return sequence >= client->oldest && sequence < client->next_sequence &&
         client->is_open[sequence & (client->window - 1)];
}

static void close_one(vlot_client *client, uint64_t sequence) {
  client->is_open[sequence & (client->window - 1)] = 0;
  client->inflight--;
}

static void forget_answered(vlot_client *client) {
  while (client->oldest < client->next_sequence &&
         !client->is_open[client->oldest & (client->window - 1)])
    client->oldest++;
  while (client->submissions.count > 0) {
    const submission *one = vlot__ring_at(&client->submissions, 0);
    if (one->sequence + one->count > client->oldest) return;
    vlot__ring_pop_front(&client->submissions);
  }
}

/* Hand out what lies in `taken`; a record speaks for `count` commands in a row. */
static size_t hand_out_answers(vlot_client *client, vlot_answer *answers, size_t capacity) {
  size_t count = 0;
  while (count < capacity && client->read_at < client->taken.size) {
    const vlot__answer *record =
        (const vlot__answer *)(const void *)(client->taken.bytes + client->read_at);
    uint64_t sequence = record->sequence + client->read_count;
    /* else late: it was given up, or answered by another way */
    if (is_open(client, sequence)) {
      close_one(client, sequence);
      answers[count++] = (vlot_answer){
          .sequence = sequence,
          .result = (vlot_result)record->result,
          .why = (vlot_why)record->why,
          .index = record->result == VLOT_OK ? record->index + client->read_count : 0,
          .term = record->term,
          .reply = record->reply_size > 0 ? (const uint8_t *)(record + 1) : NULL,
          .reply_size = record->reply_size,
          .node = record->node,
      };
    }
    if (++client->read_count < record->count) continue;
    client->read_at += sizeof *record + vlot__padded(record->reply_size);
    client->read_count = 0;
  }
  return count;
}

/* Commands whose deadline has come are UNKNOWN. */
static size_t give_up_late(vlot_client *client, vlot_answer *answers, size_t capacity) {
  uint64_t now = vlot__now(client->cluster);
  size_t count = 0;
  for (size_t k = 0; k < client->submissions.count && count < capacity; k++) {
    const submission *one = vlot__ring_at(&client->submissions, k);
    if (one->deadline > now) break;
    for (uint32_t c = 0; c < one->count && count < capacity; c++) {
      if (!is_open(client, one->sequence + c)) continue;
      close_one(client, one->sequence + c);
      answers[count++] = (vlot_answer){
          .sequence = one->sequence + c, .result = VLOT_UNKNOWN, .why = VLOT_WHY_DEADLINE};
    }
  }
  return count;
}

static void swap_in(vlot_client *client) {
  pthread_mutex_lock(&client->lock);
  inbox empty = client->taken;
  client->taken = client->incoming;
  empty.size = 0;
  client->incoming = empty;
  pthread_mutex_unlock(&client->lock);
  client->read_at = 0;
  client->read_count = 0;
}

static size_t take_answers(vlot_client *client, vlot_answer *answers, size_t capacity) {
  if (client->read_at >= client->taken.size) swap_in(client);
  size_t count = hand_out_answers(client, answers, capacity);
  if (count == 0 && client->inflight > 0) count = give_up_late(client, answers, capacity);
  forget_answered(client);
  return count;
}

/* Everything that is there, to the client's own function. It may submit more: what it is shown
 * stays valid until the next take. */
static size_t call_back(vlot_client *client) {
  vlot_answer answers[64];
  size_t total = 0, count;
  while ((count = take_answers(client, answers, sizeof answers / sizeof *answers)) > 0) {
    for (size_t k = 0; k < count; k++)
      client->options.answered(client->options.context, &answers[k]);
    total += count;
  }
  return total;
}

size_t vlot_client_poll(vlot_client *client, vlot_answer *answers, size_t capacity) {
  if (vlot__is_node_thread(client->cluster)) return 0;
  if (client->options.answered) return call_back(client);
  return capacity > 0 ? take_answers(client, answers, capacity) : 0;
}

/* --- waiting --- */

static uint64_t first_deadline(const vlot_client *client) {
  for (size_t k = 0; k < client->submissions.count; k++) {
    const submission *one = vlot__ring_at(&client->submissions, k);
    if (one->sequence + one->count > client->oldest) return one->deadline;
  }
  return VLOT_NEVER;
}

uint64_t vlot__clients_due(vlot_cluster *cluster) {
  uint64_t due = VLOT_NEVER;
  pthread_mutex_lock(&cluster->clients_lock);
  for (uint32_t k = 0; k < cluster->client_count; k++) {
    if (!cluster->clients[k]) continue;
    uint64_t deadline = atomic_load(&cluster->clients[k]->wait_deadline);
    if (deadline < due) due = deadline;
  }
  pthread_mutex_unlock(&cluster->clients_lock);
  return due;
}

static uint32_t client_count(vlot_cluster *cluster) {
  pthread_mutex_lock(&cluster->clients_lock);
  uint32_t count = cluster->client_count;
  pthread_mutex_unlock(&cluster->clients_lock);
  return count;
}

void vlot__clients_wake(vlot_cluster *cluster, uint64_t now) {
  if (vlot__clients_due(cluster) > now) return;
  for (uint32_t number = 1; number <= client_count(cluster); number++) {
    vlot_client *client = find_client(cluster, number);
    if (!client) continue;
    if (atomic_load(&client->wait_deadline) <= now) {
      pthread_mutex_lock(&client->lock);
      client->is_due = true;
      pthread_mutex_unlock(&client->lock);
      pthread_cond_signal(&client->arrived);
    }
    release_client(client);
  }
}

/* The deadline is the clock's to announce; it is asked to only if it would look too late by
 * itself. */
static void wait_with_threads(vlot_client *client) {
  uint64_t deadline = first_deadline(client);
  pthread_mutex_lock(&client->lock);
  if (client->incoming.size == 0) {
    client->is_waiting = true;
    client->is_due = false;
    atomic_store(&client->wait_deadline, deadline);
    if (vlot__threads_must_wake(client->cluster, deadline)) {
      pthread_mutex_unlock(&client->lock);
      vlot__threads_wake_clock(client->cluster, deadline);
      pthread_mutex_lock(&client->lock);
    }
    while (client->is_waiting && client->incoming.size == 0 && !client->is_due &&
           vlot__now(client->cluster) < deadline)
      pthread_cond_wait(&client->arrived, &client->lock);
    client->is_waiting = false;
    atomic_store_explicit(&client->wait_deadline, VLOT_NEVER, memory_order_relaxed);
  }
  pthread_mutex_unlock(&client->lock);
}

/* Until an answer may be there, or a deadline has come. */
static void wait_once(vlot_client *client) {
  if (vlot__drives(client->cluster))
    vlot__lockstep_run_one(client->cluster, first_deadline(client));
  else
    wait_with_threads(client);
}

size_t vlot_client_wait(vlot_client *client, vlot_answer *answers, size_t capacity) {
  if ((capacity == 0 && !client->options.answered) || vlot__is_node_thread(client->cluster))
    return 0;
  for (;;) {
    size_t count = vlot_client_poll(client, answers, capacity);
    if (count > 0 || client->inflight == 0) return count;
    wait_once(client);
  }
}

/* --- one command at a time --- */

static bool never(vlot_cluster *cluster, void *context) {
  (void)cluster;
  (void)context;
  return false;
}

typedef vlot_result (*attempt)(vlot_client *client, const void *data, size_t size);

static vlot_result submit_once(vlot_client *client, const void *data, size_t size) {
  return vlot_client_submit(client, &(vlot_command){.data = data, .size = (uint32_t)size}, 1, NULL);
}

static vlot_result read_once(vlot_client *client, const void *data, size_t size) {
  return vlot_client_read(client, data, size, VLOT_READ_LINEARIZABLE, NULL);
}

/* Ask again as long as it is certain that nothing has happened. */
static vlot_result ask(vlot_client *client, attempt once, const void *data, size_t size,
                       vlot_bytes **reply) {
  vlot_cluster *cluster = client->cluster;
  uint64_t deadline = new_deadline(client);
  vlot_answer answer;
  if (reply) *reply = NULL;
  if (client->inflight > 0) return VLOT_BUSY;
  if (size > cluster->options.raft.entry_bytes_max) return VLOT_TOO_LARGE;
  for (;;) {
    answer = (vlot_answer){.result = once(client, data, size)};
    if (answer.result == VLOT_OK)
      while (take_answers(client, &answer, 1) == 0) wait_once(client);
    if (answer.result != VLOT_REJECTED && answer.result != VLOT_BUSY) break;
    if (vlot__now(cluster) >= deadline) break;
    (void)vlot__await(cluster, never, NULL, 1);
  }
  if (answer.result == VLOT_OK && reply) {
    *reply = vlot_bytes_copy(cluster->allocator, answer.reply, answer.reply_size);
    /* NOMEM says that nothing has changed */
    if (!*reply) return once == submit_once ? VLOT_UNKNOWN : VLOT_NOMEM;
  }
  return answer.result;
}

vlot_result vlot_client_propose(vlot_client *client, const void *command, size_t size,
                                vlot_bytes **reply) {
  return ask(client, submit_once, command, size, reply);
}

vlot_result vlot_client_query(vlot_client *client, const void *question, size_t size,
                              vlot_bytes **reply) {
  return ask(client, read_once, question, size, reply);
}
