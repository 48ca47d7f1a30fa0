/* Row of the mailbox: three producers and an actor against three producers and the bare swap
 * queue. */
#include <inttypes.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "limits.h"
#include "vlot/actor.h"

enum { PRODUCERS = 3, MESSAGE_BYTES = 16, WARMUP_SHARE = 10 };

/* A message begins with its producer's number and its own number there, as the limit's does. */
#define NUMBER_BITS 48U
#define NUMBER_MASK ((UINT64_C(1) << NUMBER_BITS) - 1U)

struct flood {
  vlot_actor *consumer;
  uint64_t quota[2]; /* per producer: warm-up, measurement */
  /* The consumer's. */
  uint64_t expected[PRODUCERS];
  uint64_t seen, mismatches, turns;
  /* Under lock. */
  pthread_mutex_t lock;
  pthread_cond_t changed;
  uint32_t phase;   /* 1: warm up, 2: measure */
  uint64_t reached; /* messages that were seen when a phase was over */
  bool is_cancelled;
};

struct producer {
  struct flood *flood;
  pthread_t thread;
  uint64_t id;
  uint64_t started_ns;
  uint64_t refused; /* sends that met a full mailbox */
  bool has_failed;
};

static void take_turn(vlot_actor *self, void *context, vlot_turn *turn) {
  struct flood *flood = context;
  uint64_t warm = flood->quota[0] * PRODUCERS, all = warm + flood->quota[1] * PRODUCERS;
  uint64_t before = flood->seen;
  (void)self;
  flood->turns++;
  for (const vlot_mail *mail; (mail = vlot_turn_next(turn)) != NULL;) {
    uint64_t stamp;
    memcpy(&stamp, vlot_mail_payload(mail), sizeof stamp);
    uint64_t producer = stamp >> NUMBER_BITS;
    if (producer >= PRODUCERS || flood->expected[producer]++ != (stamp & NUMBER_MASK)) {
      flood->mismatches++;
    }
    flood->seen++;
  }
  if ((before < warm && flood->seen >= warm) || (before < all && flood->seen >= all)) {
    pthread_mutex_lock(&flood->lock);
    flood->reached = flood->seen;
    pthread_cond_broadcast(&flood->changed);
    pthread_mutex_unlock(&flood->lock);
  }
}

static void produce(struct producer *self, uint64_t from, uint64_t to) {
  uint8_t message[MESSAGE_BYTES] = {0};
  for (uint64_t number = from; number < to; number++) {
    uint64_t stamp = self->id << NUMBER_BITS | number;
    memcpy(message, &stamp, sizeof stamp);
    for (;;) {
      vlot_result result = vlot_actor_send(NULL, self->flood->consumer, VLOT_LANE_DATA, 1, 0,
                                           message, sizeof message);
      if (result == VLOT_OK) {
        break;
      }
      if (result != VLOT_BUSY) {
        self->has_failed = true;
        return;
      }
      /* A full mailbox refuses instead of making its sender wait. */
      self->refused++;
      sched_yield();
    }
  }
}

static bool pass(struct flood *flood, uint32_t phase) {
  pthread_mutex_lock(&flood->lock);
  while (flood->phase < phase && !flood->is_cancelled) {
    pthread_cond_wait(&flood->changed, &flood->lock);
  }
  bool may_pass = !flood->is_cancelled;
  pthread_mutex_unlock(&flood->lock);
  return may_pass;
}

static void set_phase(struct flood *flood, uint32_t phase, bool is_cancelled) {
  pthread_mutex_lock(&flood->lock);
  flood->phase = phase;
  flood->is_cancelled = is_cancelled;
  pthread_cond_broadcast(&flood->changed);
  pthread_mutex_unlock(&flood->lock);
}

static void await_seen(struct flood *flood, uint64_t messages) {
  pthread_mutex_lock(&flood->lock);
  while (flood->reached < messages) {
    pthread_cond_wait(&flood->changed, &flood->lock);
  }
  pthread_mutex_unlock(&flood->lock);
}

static void *run_producer(void *argument) {
  struct producer *self = argument;
  struct flood *flood = self->flood;
  if (pass(flood, 1)) {
    produce(self, 0, flood->quota[0]);
    pass(flood, 2);
    self->started_ns = measure_now_ns();
    produce(self, flood->quota[0], flood->quota[0] + flood->quota[1]);
  }
  return NULL;
}

/* Messages per second; 0 when something is wrong, which has been said. */
static double run_producers(struct flood *flood) {
  struct producer producers[PRODUCERS] = {0};
  uint32_t started = 0;
  for (; started < PRODUCERS; started++) {
    producers[started] = (struct producer){.flood = flood, .id = started};
    if (pthread_create(&producers[started].thread, NULL, run_producer, &producers[started]) != 0) {
      break;
    }
  }
  uint64_t end_ns = 0;
  if (started == PRODUCERS) {
    set_phase(flood, 1, false);
    await_seen(flood, flood->quota[0] * PRODUCERS);
    set_phase(flood, 2, false);
    await_seen(flood, (flood->quota[0] + flood->quota[1]) * PRODUCERS);
    end_ns = measure_now_ns();
  } else {
    set_phase(flood, 0, true);
  }
  uint64_t start_ns = UINT64_MAX;
  for (uint32_t k = 0; k < started; k++) {
    pthread_join(producers[k].thread, NULL);
    start_ns = producers[k].started_ns < start_ns ? producers[k].started_ns : start_ns;
  }
  if (started < PRODUCERS || flood->mismatches > 0) {
    return 0.0;
  }
  return (double)(flood->quota[1] * PRODUCERS) / ((double)(end_ns - start_ns) / 1e9);
}

static double run_actor(uint64_t messages, int cpu, double *batch) {
  struct flood flood = {.quota = {0, (messages + PRODUCERS - 1) / PRODUCERS}};
  flood.quota[0] = flood.quota[1] / WARMUP_SHARE + 1;
  pthread_mutex_init(&flood.lock, NULL);
  pthread_cond_init(&flood.changed, NULL);
  vlot_actor_system *system = NULL;
  vlot_actor_system_options system_options;
  vlot_actor_options options;
  vlot_actor_system_options_init(&system_options);
  vlot_actor_options_init(&options);
  if (cpu != MEASURE_CPU_ANY) {
    system_options.place = VLOT_PLACE_CORE;
    system_options.core = (uint32_t)cpu;
  }
  options.behaviour.turn = take_turn;
  options.context = &flood;
  double rate = 0.0;
  if (vlot_actor_system_open(&system_options, &system) == VLOT_OK) {
    if (vlot_actor_spawn(system, &options, &flood.consumer) == VLOT_OK) {
      rate = run_producers(&flood);
    }
    vlot_actor_release(flood.consumer);
    if (vlot_actor_system_close(system) != VLOT_OK) {
      rate = 0.0;
    }
  }
  *batch = flood.turns > 0 ? (double)flood.seen / (double)flood.turns : 0.0;
  pthread_cond_destroy(&flood.changed);
  pthread_mutex_destroy(&flood.lock);
  return rate;
}

static enum bench_exit run_round(const struct bench_row *row, const struct bench_settings *settings,
                                 int cpu, uint64_t round, double *ratio) {
  struct limit_mailbox_options options;
  struct limit_result limit = {0};
  struct measure_affinity before;
  double rate = 0.0, batch = 0.0;
  char place[64];
  limit_mailbox_options_init(&options);
  options.messages = settings->ops;
  options.cpu = cpu;
  if (!measure_pin_thread(cpu, &before)) {
    return bench_complain(BENCH_SYSTEM, "CPU %d may not be used", cpu);
  }
  for (uint64_t k = 0; k < 2; k++) {
    if ((round + k) % 2 == 1) {
      limit = limit_mailbox_run(&options);
    } else {
      rate = run_actor(settings->ops, cpu, &batch);
    }
  }
  measure_unpin_thread(&before);
  if (limit.status != LIMIT_OK || rate <= 0.0) {
    return bench_complain(BENCH_MISMATCH, "mailbox: %s",
                          rate <= 0.0 ? "the actor's messages were lost or reordered" : limit.why);
  }
  *ratio = rate / limit.ops_per_second;
  bench_round(settings, round,
              "ratio %.3f  limit %.2f M/s (batch %.0f)  vlot %.2f M/s (batch %.0f)", *ratio,
              limit.ops_per_second / 1e6, limit.batch_mean, rate / 1e6, batch);
  if (settings->is_json) {
    struct measure_json json;
    bench_json(&json, row, bench_place_text(cpu, place, sizeof place), round);
    measure_json_number(&json, "limit_messages_per_second", limit.ops_per_second);
    measure_json_number(&json, "messages_per_second", rate);
    measure_json_number(&json, "ratio", *ratio);
    measure_json_end(&json);
  }
  return BENCH_DONE;
}

enum bench_exit bench_mailbox(const struct bench_row *row, const struct bench_settings *settings) {
  const struct bench_figure figure = {
      .name = "ratio", .text = "messages/s against the bare swap queue", .reach = 0.7, .aim = 0.9};
  const int cpus[] = {settings->cpu, MEASURE_CPU_ANY};
  double ratios[BENCH_ROUNDS_MAX];
  for (size_t k = 0; k < 2; k++) {
    char place[64];
    bench_place_text(cpus[k], place, sizeof place);
    bench_title(row, settings, place);
    for (uint64_t round = 1; round <= settings->rounds; round++) {
      bench_progress("%s: round %" PRIu64 " of %" PRIu64, row->name, round, settings->rounds);
      enum bench_exit done = run_round(row, settings, cpus[k], round, &ratios[round - 1]);
      if (done != BENCH_DONE) {
        return done;
      }
    }
    bench_verdict(row, settings, place, &figure, ratios, settings->rounds);
  }
  return BENCH_DONE;
}
