/* Many producers append to one box, one consumer swaps it out: messages per second. */
#include <stdlib.h>

#include "bytebox.h"
#include "common.h"

#define PRODUCERS_MAX 64U

/* A message begins with its producer's number and its own number at that producer. */
#define NUMBER_BITS 48U
#define NUMBER_MASK ((UINT64_C(1) << NUMBER_BITS) - 1U)

/* Producers wait here for the warm-up, and again for the measurement. */
struct gate {
  pthread_mutex_t lock;
  pthread_cond_t opened;
  uint32_t phase;
  bool is_cancelled;
};

struct mailbox_run {
  struct bytebox box;
  struct bytebox_mail mail; /* the consumer's */
  struct gate gate;
  uint32_t size;
  uint32_t producers;
  uint64_t quota[2];                /* messages per producer: warm-up, measurement */
  uint64_t expected[PRODUCERS_MAX]; /* next number of each producer */
  uint64_t mismatches;
  uint64_t swaps;
};

struct producer {
  struct mailbox_run *run;
  pthread_t thread;
  uint64_t id;
  uint64_t started_ns; /* of the measurement */
};

void limit_mailbox_options_init(struct limit_mailbox_options *options) {
  *options = (struct limit_mailbox_options){
      .producers = 3, .size = 16, .bound = 65536, .messages = 20000000, .cpu = MEASURE_CPU_ANY};
}

static void gate_set(struct gate *gate, uint32_t phase, bool is_cancelled) {
  pthread_mutex_lock(&gate->lock);
  gate->phase = phase;
  gate->is_cancelled = is_cancelled;
  pthread_cond_broadcast(&gate->opened);
  pthread_mutex_unlock(&gate->lock);
}

static bool gate_pass(struct gate *gate, uint32_t phase) {
  pthread_mutex_lock(&gate->lock);
  while (gate->phase < phase && !gate->is_cancelled) {
    pthread_cond_wait(&gate->opened, &gate->lock);
  }
  bool may_pass = !gate->is_cancelled;
  pthread_mutex_unlock(&gate->lock);
  return may_pass;
}

static void produce(struct producer *self, uint8_t *message, uint64_t from, uint64_t to) {
  struct mailbox_run *run = self->run;
  size_t size = run->size;
  for (uint64_t number = from; number < to; number++) {
    uint64_t stamp = self->id << NUMBER_BITS | number;
    memcpy(message, &stamp, sizeof stamp);
    uint8_t *at = bytebox_open(&run->box, size);
    memcpy(at, message, size);
    bytebox_close(&run->box, 1);
  }
}

static void *run_producer(void *argument) {
  struct producer *self = argument;
  struct mailbox_run *run = self->run;
  uint8_t *message = calloc(1, run->size);
  if (message == NULL) {
    measure_fatal("no memory for a message");
  }
  if (gate_pass(&run->gate, 1)) {
    produce(self, message, 0, run->quota[0]);
    gate_pass(&run->gate, 2);
    self->started_ns = measure_now_ns();
    produce(self, message, run->quota[0], run->quota[0] + run->quota[1]);
  }
  free(message);
  return NULL;
}

static void consume(struct mailbox_run *run, uint64_t messages) {
  for (uint64_t seen = 0; seen < messages;) {
    bytebox_take(&run->box, &run->mail);
    run->swaps++;
    seen += run->mail.count;
    for (size_t at = 0; at < run->mail.used; at += run->size) {
      uint64_t stamp;
      memcpy(&stamp, run->mail.bytes + at, sizeof stamp);
      uint64_t producer = stamp >> NUMBER_BITS;
      if (producer >= run->producers || run->expected[producer]++ != (stamp & NUMBER_MASK)) {
        run->mismatches++;
      }
    }
  }
}

static struct limit_result check(const struct limit_mailbox_options *options) {
  struct limit_result result = limit_check_range("producers", options->producers, 1, PRODUCERS_MAX);
  if (result.status == LIMIT_OK) {
    result = limit_check_range("size", options->size, 8, 65536);
  }
  if (result.status == LIMIT_OK) {
    result = limit_check_range("bound", options->bound, 1, UINT64_C(1) << 24);
  }
  if (result.status == LIMIT_OK) {
    result = limit_check_range("messages", options->messages, 1, UINT64_C(1) << 40);
  }
  return result;
}

static struct limit_result conclude(const struct mailbox_run *run, const struct producer *producers,
                                    uint64_t end_ns) {
  uint64_t start_ns = producers[0].started_ns;
  bool is_whole = run->mismatches == 0;
  for (uint32_t i = 0; i < run->producers; i++) {
    if (producers[i].started_ns < start_ns) {
      start_ns = producers[i].started_ns;
    }
    is_whole = is_whole && run->expected[i] == run->quota[0] + run->quota[1];
  }
  if (!is_whole) {
    return limit_refuse(LIMIT_MISMATCH, "mailbox: messages were lost, doubled or reordered");
  }
  uint64_t messages = run->quota[1] * run->producers;
  struct limit_result result = limit_report(messages, end_ns - start_ns, NULL);
  result.batch_mean = (double)messages / (double)run->swaps;
  return result;
}

static struct limit_result measure(struct mailbox_run *run) {
  struct producer producers[PRODUCERS_MAX] = {0};
  uint32_t started = 0;
  while (started < run->producers) {
    struct producer *self = &producers[started];
    *self = (struct producer){.run = run, .id = started};
    if (!limit_spawn(&self->thread, "limit-producer", run_producer, self)) {
      break;
    }
    started++;
  }
  uint64_t end_ns = 0;
  if (started == run->producers) {
    gate_set(&run->gate, 1, false);
    consume(run, run->quota[0] * run->producers);
    run->swaps = 0;
    gate_set(&run->gate, 2, false);
    consume(run, run->quota[1] * run->producers);
    end_ns = measure_now_ns();
  } else {
    gate_set(&run->gate, 0, true);
  }
  for (uint32_t i = 0; i < started; i++) {
    pthread_join(producers[i].thread, NULL);
  }
  if (started < run->producers) {
    return limit_refuse(LIMIT_SYSTEM, "mailbox: no thread left for a producer");
  }
  return conclude(run, producers, end_ns);
}

struct limit_result limit_mailbox_run(const struct limit_mailbox_options *options) {
  struct limit_result result = check(options);
  if (result.status != LIMIT_OK) {
    return result;
  }
  struct measure_affinity before;
  if (!measure_pin_thread(options->cpu, &before)) {
    return limit_refuse(LIMIT_SYSTEM, "mailbox: CPU %d may not be used", options->cpu);
  }
  struct mailbox_run run = {.size = options->size, .producers = options->producers};
  run.quota[1] = (options->messages + options->producers - 1) / options->producers;
  run.quota[0] = run.quota[1] / LIMIT_WARMUP_SHARE + 1;
  size_t capacity = (size_t)options->bound * options->size;
  bytebox_init(&run.box, capacity, options->bound);
  bytebox_mail_init(&run.mail, capacity);
  pthread_mutex_init(&run.gate.lock, NULL);
  pthread_cond_init(&run.gate.opened, NULL);

  result = measure(&run);

  pthread_mutex_destroy(&run.gate.lock);
  pthread_cond_destroy(&run.gate.opened);
  free(run.mail.bytes);
  bytebox_deinit(&run.box);
  measure_unpin_thread(&before);
  return result;
}
