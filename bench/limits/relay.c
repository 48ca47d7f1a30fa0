/* Client -> leader -> two followers -> leader -> client with one operation in flight: the floor of
 * a commit in a three-node cluster. What is measured is four wake-ups in a row. */
#include <stdlib.h>

#include "bytebox.h"
#include "common.h"

#define FOLLOWERS 2U
#define BOX_BYTES 4096U

enum relay_kind { RELAY_OP = 1, RELAY_STOP };
enum relay_sender { FROM_CLIENT = 0, FROM_FOLLOWER = 1 };

struct relay_node {
  struct relay_run *run;
  struct bytebox box;
  struct bytebox_mail mail;
  pthread_t thread;
  uint64_t seen; /* operations */
  uint64_t sum;  /* of their numbers, in order */
};

struct relay_run {
  struct relay_node client; /* the calling thread */
  struct relay_node leader;
  struct relay_node followers[FOLLOWERS];
  uint64_t acknowledged; /* at the leader, of all followers together */
  struct measure_histogram latencies;
};

void limit_relay_options_init(struct limit_relay_options *options) {
  *options = (struct limit_relay_options){.seconds = 1.0, .cpu = MEASURE_CPU_ANY};
}

static void push(struct relay_node *to, enum relay_kind kind, enum relay_sender from,
                 uint64_t number) {
  struct limit_header header = {.kind = (uint32_t)kind, .count = (uint32_t)from, .value = number};
  bytebox_push(&to->box, &header, NULL, 0);
}

static struct limit_header header_at(const struct relay_node *node, size_t at) {
  struct limit_header header;
  memcpy(&header, node->mail.bytes + at, sizeof header);
  return header;
}

static void note(struct relay_node *node, uint64_t number) {
  node->seen++;
  node->sum = limit_fold(node->sum, number);
}

static void push_to_followers(struct relay_run *run, enum relay_kind kind, uint64_t number) {
  for (uint32_t i = 0; i < FOLLOWERS; i++) {
    push(&run->followers[i], kind, FROM_CLIENT, number);
  }
}

static void *run_leader(void *argument) {
  struct relay_node *self = argument;
  struct relay_run *run = self->run;
  uint64_t committed = 0;
  bool is_stopping = false;
  /* The slower follower's acknowledgement may come long after its operation was answered. */
  while (!is_stopping || run->acknowledged < FOLLOWERS * self->seen) {
    bytebox_take(&self->box, &self->mail);
    for (size_t at = 0; at < self->mail.used; at += sizeof(struct limit_header)) {
      struct limit_header header = header_at(self, at);
      if (header.kind == RELAY_STOP) {
        is_stopping = true;
        push_to_followers(run, RELAY_STOP, 0);
      } else if (header.count == FROM_CLIENT) {
        note(self, header.value);
        push_to_followers(run, RELAY_OP, header.value);
      } else {
        run->acknowledged++;
        if (header.value > committed) {
          committed = header.value;
          push(&run->client, RELAY_OP, FROM_CLIENT, committed);
        }
      }
    }
  }
  return NULL;
}

static void *run_follower(void *argument) {
  struct relay_node *self = argument;
  for (;;) {
    bytebox_take(&self->box, &self->mail);
    for (size_t at = 0; at < self->mail.used; at += sizeof(struct limit_header)) {
      struct limit_header header = header_at(self, at);
      if (header.kind == RELAY_STOP) {
        return NULL;
      }
      note(self, header.value);
      push(&self->run->leader, RELAY_OP, FROM_FOLLOWER, header.value);
    }
  }
}

/* Operations one after the other until ops are done or, for ops 0, the time is over. Returns the
 * elapsed time. */
static uint64_t run_client(struct relay_run *run, uint64_t ops, uint64_t limit_ns) {
  struct relay_node *self = &run->client;
  uint64_t start_ns = measure_now_ns();
  uint64_t now_ns = start_ns;
  for (uint64_t done = 0; ops > 0 ? done < ops : now_ns - start_ns < limit_ns; done++) {
    uint64_t number = self->seen + 1;
    push(&run->leader, RELAY_OP, FROM_CLIENT, number);
    bytebox_take(&self->box, &self->mail);
    note(self, header_at(self, 0).value);
    uint64_t answered_ns = measure_now_ns();
    measure_histogram_record(&run->latencies, answered_ns - now_ns, 1);
    now_ns = answered_ns;
  }
  return now_ns - start_ns;
}

static bool is_whole(const struct relay_run *run) {
  const struct relay_node *client = &run->client;
  uint64_t sum = 0;
  for (uint64_t number = 1; number <= client->seen; number++) {
    sum = limit_fold(sum, number);
  }
  bool is_equal =
      client->sum == sum && run->leader.sum == sum && run->acknowledged == FOLLOWERS * client->seen;
  for (uint32_t i = 0; i < FOLLOWERS; i++) {
    is_equal = is_equal && run->followers[i].sum == sum;
  }
  return is_equal;
}

static bool start(struct relay_run *run) {
  for (uint32_t i = 0; i < FOLLOWERS; i++) {
    struct relay_node *follower = &run->followers[i];
    if (!limit_spawn(&follower->thread, "limit-follower", run_follower, follower)) {
      while (i > 0) {
        i--;
        push(&run->followers[i], RELAY_STOP, FROM_CLIENT, 0);
        pthread_join(run->followers[i].thread, NULL);
      }
      return false;
    }
  }
  if (!limit_spawn(&run->leader.thread, "limit-leader", run_leader, &run->leader)) {
    push_to_followers(run, RELAY_STOP, 0);
    for (uint32_t i = 0; i < FOLLOWERS; i++) {
      pthread_join(run->followers[i].thread, NULL);
    }
    return false;
  }
  return true;
}

static struct limit_result measure(struct relay_run *run,
                                   const struct limit_relay_options *options) {
  if (!start(run)) {
    return limit_refuse(LIMIT_SYSTEM, "relay: no thread left");
  }
  run_client(run, 0, LIMIT_WARMUP_NS);
  measure_histogram_clear(&run->latencies);
  uint64_t before = run->client.seen;
  uint64_t elapsed_ns =
      run_client(run, options->ops, limit_duration_ns(options->seconds, options->ops));

  push(&run->leader, RELAY_STOP, FROM_CLIENT, 0);
  pthread_join(run->leader.thread, NULL);
  for (uint32_t i = 0; i < FOLLOWERS; i++) {
    pthread_join(run->followers[i].thread, NULL);
  }
  if (!is_whole(run)) {
    return limit_refuse(LIMIT_MISMATCH, "relay: messages were lost, doubled or reordered");
  }
  struct limit_result result = limit_report(run->client.seen - before, elapsed_ns, &run->latencies);
  result.gap_max_ns = run->latencies.max;
  return result;
}

static void init_node(struct relay_node *node, struct relay_run *run) {
  node->run = run;
  bytebox_init(&node->box, BOX_BYTES, 0);
  bytebox_mail_init(&node->mail, BOX_BYTES);
}

static void deinit_node(struct relay_node *node) {
  free(node->mail.bytes);
  bytebox_deinit(&node->box);
}

struct limit_result limit_relay_run(const struct limit_relay_options *options) {
  struct limit_result result = limit_check_duration(options->seconds, options->ops);
  if (result.status != LIMIT_OK) {
    return result;
  }
  struct measure_affinity before;
  if (!measure_pin_thread(options->cpu, &before)) {
    return limit_refuse(LIMIT_SYSTEM, "relay: CPU %d may not be used", options->cpu);
  }
  struct relay_run *run = calloc(1, sizeof *run);
  if (run == NULL) {
    measure_fatal("no memory for the relay");
  }
  init_node(&run->client, run);
  init_node(&run->leader, run);
  for (uint32_t i = 0; i < FOLLOWERS; i++) {
    init_node(&run->followers[i], run);
  }

  result = measure(run, options);

  deinit_node(&run->client);
  deinit_node(&run->leader);
  for (uint32_t i = 0; i < FOLLOWERS; i++) {
    deinit_node(&run->followers[i]);
  }
  free(run);
  measure_unpin_thread(&before);
  return result;
}
