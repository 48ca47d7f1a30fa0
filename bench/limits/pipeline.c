/* The raft-shaped pipeline: client -> leader -> followers -> leader -> client with a window in
 * flight.
 *
 * client    submits commands, counts answers
 * leader    log, one message per follower and turn, majority, apply, one message of answers per
 * turn follower  log, one acknowledgement per turn, apply
 *
 * Batches are what happened to be queued. An index here is the number of records before it: a log
 * that ends at index i holds records 0..i-1, commit i means that those are committed.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "bytebox.h"
#include "common.h"
#include "log.h"

#define NODES_MAX     5U
#define RECORD_HEADER 8U
#define BOX_BYTES_MIN (UINT64_C(1) << 20)

enum message_kind {
  COMMAND = 1, /* to the leader; payload: one command */
  APPEND,      /* to a follower; value: commit; payload: count records */
  ACK,         /* to the leader; count: which node; value: end of its log */
  ANSWERS,     /* to the client; payload: count results of 8 bytes */
  BARRIER,     /* apply all (value: commit), then arrive at the latch */
  STOP
};

struct node {
  struct pipeline *run;
  struct bytebox box;
  struct bytebox_mail mail;
  struct limit_log log;
  pthread_t thread;
  uint32_t id; /* 0 is the leader */
  uint64_t applied;
  uint64_t commit; /* as a follower was told */
  uint64_t sum;    /* of the commands' numbers, in order: the state machine */
};

struct client {
  struct bytebox box;
  struct bytebox_mail mail;
  uint8_t *command;
  uint64_t submitted; /* also the number of the next command */
  uint64_t answered;
  uint64_t sum; /* of the answers */
  bool is_out_of_order;
  /* Refills in flight, oldest first: when each began and how many of its commands are unanswered. A
   * ring of window slots, as each refill has at least one command. */
  struct refill {
    uint64_t began_ns;
    uint64_t left;
  } * refills;
  uint64_t oldest;
  uint64_t newest;    /* one beyond */
  uint64_t answer_ns; /* of the latest answers */
  uint64_t gap_max_ns;
  struct measure_histogram latencies;
};

struct pipeline {
  struct limit_pipeline_options options;
  struct client client;
  struct node nodes[NODES_MAX];
  struct limit_latch latch; /* nodes arrive, the client waits */
  /* The leader's. */
  uint64_t match[NODES_MAX]; /* end of each log as far as the leader knows */
  uint64_t sent;             /* end of what all followers were sent */
  uint64_t commit;
  uint64_t appends; /* turns that sent something */
  uint64_t *answers;
};

void limit_pipeline_options_init(struct limit_pipeline_options *options) {
  *options = (struct limit_pipeline_options){.window = 256,
                                             .size = 16,
                                             .nodes = 3,
                                             .lock = LIMIT_LOCK_PER_COMMAND,
                                             .seconds = 1.0,
                                             .log_bytes = UINT64_C(64) << 20,
                                             .pretouch = true,
                                             .cpu = MEASURE_CPU_ANY};
}

static void push_header(struct bytebox *box, enum message_kind kind, uint32_t count,
                        uint64_t value) {
  struct limit_header header = {.kind = (uint32_t)kind, .count = count, .value = value};
  bytebox_push(box, &header, NULL, 0);
}

/* Take the next header off a message stream. */
static struct limit_header next_header(const uint8_t **at) {
  struct limit_header header;
  memcpy(&header, *at, sizeof header);
  *at += sizeof header;
  return header;
}

/* ---- Nodes --------------------------------------------------------------------------------- */

/* Apply up to commit: fold each command's number into the sum. results gets one word per command,
 * NULL on followers. */
static void apply(struct node *node, uint64_t commit, uint64_t *results) {
  while (node->applied < commit) {
    uint64_t run;
    const uint8_t *at = limit_log_at(&node->log, node->applied, &run);
    if (run > commit - node->applied) {
      run = commit - node->applied;
    }
    node->applied += run;
    for (; run > 0; run--, at += node->log.record_bytes) {
      uint64_t number;
      memcpy(&number, at + RECORD_HEADER, sizeof number);
      node->sum = limit_fold(node->sum, number);
      if (results != NULL) {
        *results++ = number;
      }
    }
  }
}

static void append_command(struct node *leader, const uint8_t *command, uint32_t size) {
  uint64_t run;
  uint8_t *at = limit_log_at(&leader->log, leader->log.end, &run);
  uint64_t length = size;
  memcpy(at, &length, RECORD_HEADER);
  memcpy(at + RECORD_HEADER, command, size);
  leader->log.end++;
}

/* Send all followers what was appended since the last time, one message each. */
static void replicate(struct pipeline *run) {
  struct node *leader = &run->nodes[0];
  uint64_t count = leader->log.end - run->sent;
  if (count == 0) {
    return;
  }
  struct limit_header header = {.kind = APPEND, .count = (uint32_t)count, .value = run->commit};
  size_t bytes = (size_t)count * leader->log.record_bytes;
  for (uint32_t i = 1; i < run->options.nodes; i++) {
    struct bytebox *box = &run->nodes[i].box;
    uint8_t *at = bytebox_open(box, sizeof header + bytes);
    memcpy(at, &header, sizeof header);
    limit_log_copy(&leader->log, at + sizeof header, run->sent, count);
    bytebox_close(box, 1);
  }
  run->sent = leader->log.end;
  run->appends++;
}

/* The greatest index that a majority stores. */
static uint64_t majority(const struct pipeline *run) {
  uint32_t nodes = run->options.nodes;
  uint64_t sorted[NODES_MAX];
  for (uint32_t i = 0; i < nodes; i++) {
    uint32_t place = i;
    for (; place > 0 && sorted[place - 1] < run->match[i]; place--) {
      sorted[place] = sorted[place - 1];
    }
    sorted[place] = run->match[i];
  }
  return sorted[nodes / 2];
}

/* Apply what has become committed and answer it with one message. */
static void commit_and_answer(struct pipeline *run) {
  struct node *leader = &run->nodes[0];
  run->match[0] = leader->log.end;
  uint64_t commit = majority(run);
  if (commit <= run->commit) {
    return;
  }
  uint64_t count = commit - run->commit;
  run->commit = commit;
  apply(leader, commit, run->answers);
  struct limit_header header = {.kind = ANSWERS, .count = (uint32_t)count, .value = commit};
  bytebox_push(&run->client.box, &header, run->answers, (size_t)count * sizeof *run->answers);
}

static void push_to_followers(struct pipeline *run, enum message_kind kind) {
  for (uint32_t i = 1; i < run->options.nodes; i++) {
    push_header(&run->nodes[i].box, kind, 0, run->commit);
  }
}

/* A turn; false: it was told to stop. */
static bool step_leader(struct node *self) {
  struct pipeline *run = self->run;
  uint32_t size = run->options.size;
  bytebox_take(&self->box, &self->mail);
  const uint8_t *at = self->mail.bytes;
  const uint8_t *end = at + self->mail.used;
  while (at < end) {
    struct limit_header header = next_header(&at);
    switch (header.kind) {
    case COMMAND:
      append_command(self, at, size);
      at += size;
      break;
    case ACK: run->match[header.count] = header.value; break;
    case BARRIER: /* comes only when every command has been answered */
      push_to_followers(run, BARRIER);
      limit_latch_arrive(&run->latch);
      break;
    default: push_to_followers(run, STOP); return false;
    }
  }
  replicate(run);
  commit_and_answer(run);
  return true;
}

static void *run_leader(void *argument) {
  while (step_leader(argument)) {
  }
  return NULL;
}

static void apply_stored(struct node *follower, uint64_t commit) {
  apply(follower, commit < follower->log.end ? commit : follower->log.end, NULL);
}

/* A follower that lags finds more mail than its log holds, and would overwrite what it has not
 * applied. What is uncommitted at the time of a message, its own records included, is at most a
 * window, and that fits. */
static void make_room(struct node *follower, uint64_t count, uint64_t commit) {
  if (follower->log.end + count - follower->applied > limit_log_capacity(&follower->log)) {
    apply_stored(follower, commit);
  }
}

static bool step_follower(struct node *self) {
  struct pipeline *run = self->run;
  bytebox_take(&self->box, &self->mail);
  const uint8_t *at = self->mail.bytes;
  const uint8_t *end = at + self->mail.used;
  uint64_t end_before = self->log.end;
  bool must_arrive = false;
  while (at < end) {
    struct limit_header header = next_header(&at);
    if (header.kind == STOP) {
      return false;
    }
    self->commit = header.value;
    if (header.kind == APPEND) {
      make_room(self, header.count, self->commit);
      limit_log_append(&self->log, at, header.count);
      at += header.count * self->log.record_bytes;
    } else {
      must_arrive = true;
    }
  }
  if (self->log.end > end_before) {
    push_header(&run->nodes[0].box, ACK, self->id, self->log.end);
  }
  apply_stored(self, self->commit);
  if (must_arrive) {
    limit_latch_arrive(&run->latch);
  }
  return true;
}

static void *run_follower(void *argument) {
  while (step_follower(argument)) {
  }
  return NULL;
}

/* By the client: one turn of each node that has mail. */
static void step_nodes(struct pipeline *run) {
  for (uint32_t i = 0; i < run->options.nodes; i++) {
    struct node *node = &run->nodes[i];
    if (bytebox_has_mail(&node->box)) {
      (void)(i == 0 ? step_leader(node) : step_follower(node));
    }
  }
}

/* ---- Client -------------------------------------------------------------------------------- */

/* The command's number is its first 8 bytes. */
static void write_command(struct client *client, uint8_t *at, uint32_t size) {
  struct limit_header header = {.kind = COMMAND, .count = 1, .value = client->submitted};
  memcpy(client->command, &client->submitted, sizeof client->submitted);
  memcpy(at, &header, sizeof header);
  memcpy(at + sizeof header, client->command, size);
  client->submitted++;
}

static void refill(struct pipeline *run, uint64_t count, uint64_t now_ns) {
  struct client *client = &run->client;
  struct bytebox *leader = &run->nodes[0].box;
  uint32_t size = run->options.size;
  size_t bytes = sizeof(struct limit_header) + size;
  client->refills[client->newest++ % run->options.window] = (struct refill){now_ns, count};
  if (run->options.lock == LIMIT_LOCK_PER_REFILL) {
    uint8_t *at = bytebox_open(leader, bytes * (size_t)count);
    for (uint64_t i = 0; i < count; i++) {
      write_command(client, at + i * bytes, size);
    }
    bytebox_close(leader, count);
    return;
  }
  for (uint64_t i = 0; i < count; i++) {
    write_command(client, bytebox_open(leader, bytes), size);
    bytebox_close(leader, 1);
  }
}

/* Account for count more answers. They come in the order of the commands. */
static void note_latencies(struct pipeline *run, uint64_t count, uint64_t now_ns) {
  struct client *client = &run->client;
  while (count > 0) {
    struct refill *oldest = &client->refills[client->oldest % run->options.window];
    uint64_t share = oldest->left < count ? oldest->left : count;
    measure_histogram_record(&client->latencies, now_ns - oldest->began_ns, share);
    oldest->left -= share;
    count -= share;
    if (oldest->left == 0) {
      client->oldest++;
    }
  }
}

/* Read all answers that are there, waiting for the first. Returns the time after which they were in
 * hand. */
static uint64_t read_answers(struct pipeline *run) {
  struct client *client = &run->client;
  while (run->options.by_caller && !bytebox_has_mail(&client->box)) {
    step_nodes(run);
  }
  bytebox_take(&client->box, &client->mail);
  uint64_t now_ns = measure_now_ns();
  uint64_t before = client->answered;
  const uint8_t *at = client->mail.bytes;
  const uint8_t *end = at + client->mail.used;
  while (at < end) {
    struct limit_header header = next_header(&at);
    for (uint32_t i = 0; i < header.count; i++, at += sizeof(uint64_t)) {
      uint64_t number;
      memcpy(&number, at, sizeof number);
      client->is_out_of_order |= number != client->answered++;
      client->sum = limit_fold(client->sum, number);
    }
  }
  note_latencies(run, client->answered - before, now_ns);
  if (now_ns - client->answer_ns > client->gap_max_ns) {
    client->gap_max_ns = now_ns - client->answer_ns;
  }
  client->answer_ns = now_ns;
  return now_ns;
}

/* Keep the window full until ops commands (0: as many as limit_ns allows) are submitted, then wait
 * until all are answered and applied on every node. Returns the elapsed time. */
static uint64_t run_client(struct pipeline *run, uint64_t ops, uint64_t limit_ns) {
  struct client *client = &run->client;
  uint64_t window = run->options.window;
  uint64_t first = client->submitted;
  uint64_t start_ns = measure_now_ns();
  uint64_t now_ns = start_ns;
  client->answer_ns = start_ns;
  for (;;) {
    uint64_t room = window - (client->submitted - client->answered);
    if (ops > 0 && room > first + ops - client->submitted) {
      room = first + ops - client->submitted;
    } else if (ops == 0 && now_ns - start_ns >= limit_ns) {
      room = 0;
    }
    if (room > 0) {
      refill(run, room, now_ns);
    } else if (client->answered == client->submitted) {
      break;
    }
    now_ns = read_answers(run);
  }
  push_header(&run->nodes[0].box, BARRIER, 0, 0);
  if (run->options.by_caller) {
    step_nodes(run); /* the leader, and then those that it tells */
  }
  limit_latch_wait(&run->latch, run->options.nodes);
  return measure_now_ns() - start_ns;
}

/* ---- A run --------------------------------------------------------------------------------- */

static struct limit_result check(const struct limit_pipeline_options *options) {
  struct limit_result result = limit_check_duration(options->seconds, options->ops);
  if (result.status == LIMIT_OK) {
    result = limit_check_range("window", options->window, 1, UINT64_C(1) << 20);
  }
  if (result.status == LIMIT_OK) {
    result = limit_check_range("size", options->size, 8, UINT64_C(1) << 20);
  }
  if (result.status == LIMIT_OK) {
    /* The log keeps at least half of log_bytes, and a window must not catch up with its own tail.
     */
    uint64_t window_bytes = (uint64_t)options->window * (options->size + RECORD_HEADER);
    uint64_t low = BOX_BYTES_MIN > 4 * window_bytes ? BOX_BYTES_MIN : 4 * window_bytes;
    result = limit_check_range("log bytes", options->log_bytes, low, UINT64_C(1) << 40);
  }
  if (result.status != LIMIT_OK) {
    return result;
  }
  if (options->nodes != 3 && options->nodes != 5) {
    return limit_refuse(LIMIT_INVALID, "nodes %" PRIu32 ": allowed are 3 and 5", options->nodes);
  }
  if (options->lock != LIMIT_LOCK_PER_COMMAND && options->lock != LIMIT_LOCK_PER_REFILL) {
    return limit_refuse(LIMIT_INVALID,
                        "lock %d: allowed are LIMIT_LOCK_PER_COMMAND and _PER_REFILL",
                        (int)options->lock);
  }
  return result;
}

static void stop(struct pipeline *run, uint32_t started) {
  if (run->options.by_caller) {
    return;
  }
  /* The leader passes it on; without a leader it goes to the followers at once. */
  if (started == run->options.nodes) {
    push_header(&run->nodes[0].box, STOP, 0, 0);
    pthread_join(run->nodes[0].thread, NULL);
  } else {
    push_to_followers(run, STOP);
  }
  for (uint32_t i = 1; i < run->options.nodes && i <= started; i++) {
    pthread_join(run->nodes[i].thread, NULL);
  }
}

/* Followers first, so that the leader's thread runs only in a whole cluster. Returns how many were
 * started. */
static uint32_t start(struct pipeline *run) {
  uint32_t nodes = run->options.nodes;
  for (uint32_t i = 1; i < nodes; i++) {
    struct node *node = &run->nodes[i];
    if (!limit_spawn(&node->thread, "limit-follower", run_follower, node)) {
      return i - 1;
    }
  }
  if (!limit_spawn(&run->nodes[0].thread, "limit-leader", run_leader, &run->nodes[0])) {
    return nodes - 1;
  }
  return nodes;
}

static bool is_whole(const struct pipeline *run) {
  const struct client *client = &run->client;
  bool is_equal = !client->is_out_of_order && client->answered == client->submitted;
  for (uint32_t i = 0; i < run->options.nodes; i++) {
    const struct node *node = &run->nodes[i];
    is_equal = is_equal && node->applied == client->submitted && node->sum == client->sum;
  }
  return is_equal;
}

static struct limit_result measure(struct pipeline *run) {
  const struct limit_pipeline_options *options = &run->options;
  struct client *client = &run->client;
  uint32_t started = options->by_caller ? 0 : start(run);
  if (started < options->nodes && !options->by_caller) {
    stop(run, started);
    return limit_refuse(LIMIT_SYSTEM, "pipeline: no thread left for a node");
  }
  run_client(run, 0, LIMIT_WARMUP_NS);
  measure_histogram_clear(&client->latencies);
  client->gap_max_ns = 0;
  uint64_t ops_before = client->submitted;
  /* All nodes passed the barrier, so the leader changes this only after the next command. */
  uint64_t appends_before = run->appends;

  uint64_t elapsed_ns =
      run_client(run, options->ops, limit_duration_ns(options->seconds, options->ops));

  stop(run, started);
  if (!is_whole(run)) {
    return limit_refuse(LIMIT_MISMATCH, "pipeline: commands were lost, doubled or reordered");
  }
  uint64_t ops = client->submitted - ops_before;
  struct limit_result result = limit_report(ops, elapsed_ns, &client->latencies);
  result.gap_max_ns = client->gap_max_ns;
  result.batch_mean = (double)ops / (double)(run->appends - appends_before);
  return result;
}

static void init(struct pipeline *run) {
  const struct limit_pipeline_options *options = &run->options;
  size_t record_bytes = RECORD_HEADER + options->size;
  size_t window_bytes = options->window * (sizeof(struct limit_header) + record_bytes);
  /* Room for a follower that lags by several windows; a box that needs more grows. */
  size_t box_bytes = 4 * window_bytes > BOX_BYTES_MIN ? 4 * window_bytes : BOX_BYTES_MIN;
  for (uint32_t i = 0; i < options->nodes; i++) {
    struct node *node = &run->nodes[i];
    node->run = run;
    node->id = i;
    bytebox_init(&node->box, box_bytes, 0);
    bytebox_mail_init(&node->mail, box_bytes);
    if (!limit_log_init(&node->log, record_bytes, options->log_bytes, options->pretouch)) {
      measure_fatal("no memory for a log");
    }
  }
  struct client *client = &run->client;
  bytebox_init(&client->box, box_bytes, 0);
  bytebox_mail_init(&client->mail, box_bytes);
  client->command = calloc(1, options->size);
  client->refills = calloc(options->window, sizeof *client->refills);
  run->answers = calloc(options->window, sizeof *run->answers);
  if (client->command == NULL || client->refills == NULL || run->answers == NULL) {
    measure_fatal("no memory for the client");
  }
  limit_latch_init(&run->latch);
}

static void deinit(struct pipeline *run) {
  for (uint32_t i = 0; i < run->options.nodes; i++) {
    bytebox_deinit(&run->nodes[i].box);
    free(run->nodes[i].mail.bytes);
    limit_log_deinit(&run->nodes[i].log);
  }
  bytebox_deinit(&run->client.box);
  free(run->client.mail.bytes);
  free(run->client.command);
  free(run->client.refills);
  free(run->answers);
  limit_latch_deinit(&run->latch);
}

struct limit_result limit_pipeline_run(const struct limit_pipeline_options *options) {
  struct limit_result result = check(options);
  if (result.status != LIMIT_OK) {
    return result;
  }
  struct measure_affinity before;
  if (!measure_pin_thread(options->cpu, &before)) {
    return limit_refuse(LIMIT_SYSTEM, "pipeline: CPU %d may not be used", options->cpu);
  }
  struct pipeline *run = calloc(1, sizeof *run);
  if (run == NULL) {
    measure_fatal("no memory for the pipeline");
  }
  run->options = *options;
  init(run);
  result = measure(run);
  deinit(run);
  free(run);
  measure_unpin_thread(&before);
  return result;
}
