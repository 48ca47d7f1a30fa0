/* Whoever reads an answer and then asks how things are is told nothing older than that answer:
 * every way of looking is tried at once behind each of thousands of answers. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vlot/cluster.h"
#include "vlot/machine.h"

enum { WINDOW = 64, COMMANDS = 6000, CALLS = 3000, PAUSES = 40, KILLS = 10, EVENTS = 4096 };

static uint64_t behind;

static void check(bool condition, const char *what) {
  if (condition) return;
  fprintf(stderr, "race fresh: %s\n", what);
  exit(1);
}

/* Counted, so that one run says all that is stale. */
static void fresh(bool condition, const char *what) {
  static char said[64][64];
  static int count;
  if (condition) return;
  behind++;
  for (int k = 0; k < count; k++)
    if (strcmp(said[k], what) == 0) return;
  if (count < 64) snprintf(said[count++], sizeof said[0], "%s", what);
  fprintf(stderr, "race fresh: %s is older than the answer\n", what);
}

static vlot_cluster *open_cluster(const vlot_cluster_options *options) {
  vlot_cluster *cluster;
  check(vlot_cluster_open(&cluster, options, NULL) == VLOT_OK, "the cluster cannot be opened");
  check(vlot_await_leader(cluster, 10000, NULL) == VLOT_OK, "there is no leader");
  return cluster;
}

static vlot_client *open_client(vlot_cluster *cluster) {
  vlot_client *client;
  check(vlot_client_open(&client, cluster, NULL) == VLOT_OK, "a client cannot be opened");
  return client;
}

static vlot_bytes *set_command(void) {
  return vlot_kv_encode(
      NULL,
      &(vlot_kv_command){
          .operation = VLOT_KV_SET, .key = "k", .key_size = 1, .value = "v", .value_size = 1});
}

/* --- what never blocks ------------------------------------------------------------------------ */

static void ask(vlot_cluster *cluster, const vlot_answer *answer) {
  vlot_cluster_stats stats;
  vlot_node_status status;
  vlot_cluster_get_stats(cluster, &stats);
  fresh(stats.commits >= answer->index, "stats.commits");
  check(vlot_cluster_get_status(cluster, answer->node, &status) == VLOT_OK, "no status");
  fresh(status.raft.commit_index >= answer->index, "status.raft.commit_index");
  fresh(status.applied_index >= answer->index, "status.applied_index");
  fresh(status.raft.term >= answer->term, "status.raft.term");
  fresh(vlot_await_applied(cluster, answer->node, answer->index, 0) == VLOT_OK, "await_applied");
  fresh(vlot_cluster_leader(cluster) != 0, "leader");
  fresh(vlot_cluster_leaderless_why(cluster) == VLOT_WHY_NONE, "leaderless_why");
}

static bool has_answer(vlot_subscription *subscription, const vlot_answer *answer) {
  vlot_event event;
  bool has_one = false;
  while (vlot_subscription_next(subscription, &event))
    if (event.kind == VLOT_EVENT_ANSWER && event.as.client.sequence <= answer->sequence &&
        answer->sequence < event.as.client.sequence + event.as.client.count)
      has_one = true;
  return has_one;
}

/* A window full, as fast as it goes; every answer is asked behind as soon as it is there. */
static void ask_behind_many(void) {
  vlot_cluster *cluster = open_cluster(NULL);
  vlot_client *client = open_client(cluster);
  vlot_bytes *bytes = set_command();
  vlot_command command = {.data = vlot_bytes_data(bytes), .size = vlot_bytes_size(bytes)};
  vlot_answer answers[WINDOW];
  uint32_t sent = 0, done = 0;
  while (done < COMMANDS) {
    while (sent - done < WINDOW && sent < COMMANDS &&
           vlot_client_submit(client, &command, 1, NULL) == VLOT_OK)
      sent++;
    size_t count = vlot_client_poll(client, answers, WINDOW);
    for (size_t k = 0; k < count; k++)
      if (answers[k].result == VLOT_OK) ask(cluster, &answers[k]);
    done += (uint32_t)count;
  }
  vlot_bytes_release(bytes);
  vlot_client_close(client);
  check(vlot_cluster_close(cluster) == VLOT_OK, "it does not close well");
}

/* One by one: nobody waits at the node any more, and what it tells at rest is behind it too. */
static void ask_behind_one(void) {
  static vlot_event events[EVENTS];
  vlot_cluster *cluster = open_cluster(NULL);
  vlot_client *client = open_client(cluster);
  vlot_bytes *bytes = set_command();
  vlot_command command = {.data = vlot_bytes_data(bytes), .size = vlot_bytes_size(bytes)};
  vlot_subscription *subscription;
  check(vlot_subscription_open(&subscription, cluster, 0) == VLOT_OK, "no subscription");
  for (int k = 0; k < COMMANDS / 4; k++) {
    vlot_answer answer;
    vlot_node_status status;
    uint64_t hash, applied;
    bool is_read = k % 3 == 2;
    if (is_read)
      check(vlot_client_read(client, "k", 1, VLOT_READ_LINEARIZABLE, NULL) == VLOT_OK, "no read");
    else
      check(vlot_client_submit(client, &command, 1, NULL) == VLOT_OK, "nothing is submitted");
    while (vlot_client_poll(client, &answer, 1) == 0) continue;
    if (answer.result != VLOT_OK) continue;
    ask(cluster, &answer);
    check(vlot_cluster_get_status(cluster, answer.node, &status) == VLOT_OK, "no status");
    fresh(status.waiting == 0, "status.waiting");
    fresh(status.applied_index >= answer.index, "status.applied_index, one by one");
    fresh(has_answer(subscription, &answer), "the subscription");
    if (k % 8 != 0) continue;
    size_t count = vlot_cluster_events(cluster, answer.node, events, EVENTS);
    bool has_one = false;
    for (size_t e = 0; e < count; e++)
      has_one |=
          events[e].kind == VLOT_EVENT_ANSWER && events[e].as.client.sequence == answer.sequence;
    fresh(has_one, "the last events");
    fresh(vlot_cluster_rare_events(cluster, answer.node, events, EVENTS) > 0, "rare events");
    check(vlot_cluster_hash(cluster, answer.node, &hash, &applied) == VLOT_OK, "no hash");
    fresh(applied >= answer.index, "the hash");
    check(vlot_await_quiet(cluster, 10000) == VLOT_OK, "it is never quiet");
    for (uint32_t id = 1; id <= 3; id++) {
      check(vlot_cluster_get_status(cluster, id, &status) == VLOT_OK, "no status");
      fresh(status.applied_index >= answer.index || answer.index == 0, "await_quiet");
    }
  }
  vlot_subscription_close(subscription);
  vlot_bytes_release(bytes);
  vlot_client_close(client);
  check(vlot_cluster_close(cluster) == VLOT_OK, "it does not close well");
}

/* --- a node that ends ------------------------------------------------------------------------- */

/* Whoever is told that a node has crashed does not find it up. */
static vlot_result fail_to_apply(void *machine, const vlot_entry *entries, uint32_t count,
                                 uint64_t index, vlot_replies *replies) {
  (void)machine, (void)entries, (void)count, (void)index, (void)replies;
  return VLOT_FAILED;
}

static void *create_nothing(void *context, uint32_t node, bool is_replaying) {
  static int nothing;
  (void)context, (void)node, (void)is_replaying;
  return &nothing;
}

static void destroy_nothing(void *machine) { (void)machine; }

static void ask_behind_a_crash(void) {
  vlot_machine machine = {.size = sizeof machine,
                          .name = "fails",
                          .create = create_nothing,
                          .apply = fail_to_apply,
                          .destroy = destroy_nothing};
  vlot_cluster_options options;
  vlot_cluster_options_init(&options);
  options.nodes = 1;
  options.machine = &machine;
  for (int k = 0; k < KILLS; k++) {
    vlot_cluster *cluster = open_cluster(&options);
    vlot_client *client = open_client(cluster);
    vlot_command command = {.data = (const uint8_t *)"x", .size = 1};
    vlot_node_status status;
    vlot_answer answer;
    check(vlot_client_submit(client, &command, 1, NULL) == VLOT_OK, "nothing is submitted");
    while (vlot_client_poll(client, &answer, 1) == 0) continue;
    check(answer.why == VLOT_WHY_CRASHED, "it has not crashed");
    check(vlot_cluster_get_status(cluster, 1, &status) == VLOT_OK, "no status");
    fresh(status.state == VLOT_NODE_FENCED, "status.state, fenced");
    fresh(status.raft.is_fenced, "status.raft.is_fenced");
    fresh(vlot_cluster_leader(cluster) == 0, "leader, fenced");
    vlot_client_close(client);
    check(vlot_cluster_close(cluster) == VLOT_OK, "it does not close well");
  }
}

/* --- while it is paused ----------------------------------------------------------------------- */

typedef struct talk {
  vlot_cluster *cluster;
  _Atomic bool must_stop;
  _Atomic uint64_t acknowledged;
} talk;

static void *keep_asking(void *argument) {
  talk *shared = argument;
  vlot_client *client = open_client(shared->cluster);
  vlot_bytes *bytes = set_command();
  vlot_command command = {.data = vlot_bytes_data(bytes), .size = vlot_bytes_size(bytes)};
  vlot_answer answers[8];
  while (!atomic_load(&shared->must_stop)) {
    vlot_result sent = vlot_client_submit(client, &command, 1, NULL); /* or BUSY */
    check(sent == VLOT_OK || sent == VLOT_BUSY, "nothing is submitted");
    size_t count = vlot_client_poll(client, answers, 8);
    for (size_t k = 0; k < count; k++) {
      if (answers[k].result != VLOT_OK) continue;
      vlot_cluster_stats stats;
      vlot_cluster_get_stats(shared->cluster, &stats);
      fresh(stats.commits >= answers[k].index, "stats.commits, paused");
      fresh(vlot_await_applied(shared->cluster, answers[k].node, answers[k].index, 0) == VLOT_OK,
            "await_applied, paused");
      atomic_fetch_add(&shared->acknowledged, 1);
    }
  }
  vlot_bytes_release(bytes);
  vlot_client_close(client);
  return NULL;
}

static void ask_while_paused(void) {
  talk shared = {.cluster = open_cluster(NULL)};
  pthread_t thread;
  check(pthread_create(&thread, NULL, keep_asking, &shared) == 0, "no thread");
  for (int round = 0; round < PAUSES; round++) {
    uint64_t before = atomic_load(&shared.acknowledged);
    check(vlot_cluster_pause(shared.cluster) == VLOT_OK, "it cannot be paused");
    check(vlot_lockstep_step(shared.cluster, 60, NULL) == VLOT_OK, "it cannot be stepped");
    check(vlot_cluster_unpause(shared.cluster) == VLOT_OK, "it does not go on");
    while (atomic_load(&shared.acknowledged) < before + 20)
      check(vlot_await_leader(shared.cluster, 10000, NULL) == VLOT_OK, "there is no leader");
  }
  atomic_store(&shared.must_stop, true);
  pthread_join(thread, NULL);
  check(vlot_cluster_close(shared.cluster) == VLOT_OK, "it does not close well");
}

/* --- an actor --------------------------------------------------------------------------------- */

static void count_calls(vlot_actor *self, void *context, vlot_turn *turn) {
  uint64_t data[VLOT_OWNER_DATA / 8] = {0};
  const vlot_mail *mail;
  (void)context;
  while ((mail = vlot_turn_next(turn)) != NULL) {
    memcpy(&data[0], vlot_mail_payload(mail), sizeof data[0]);
    vlot_actor_publish(self, data);
    (void)vlot_actor_reply(self, mail, 1, NULL, 0);
  }
}

static void ask_behind_a_reply(void) {
  vlot_actor_system *system;
  vlot_actor *actor;
  vlot_actor_options options;
  vlot_actor_options_init(&options);
  options.behaviour.turn = count_calls;
  check(vlot_actor_system_open(NULL, &system) == VLOT_OK, "no actors");
  check(vlot_actor_spawn(system, &options, &actor) == VLOT_OK, "no actor");
  for (uint64_t k = 1; k <= CALLS; k++) {
    vlot_actor_status status;
    uint64_t seen;
    check(vlot_actor_call(actor, 1, &k, sizeof k, 10000000000, NULL) == VLOT_OK, "no reply");
    vlot_actor_get_status(actor, &status);
    memcpy(&seen, status.data, sizeof seen);
    fresh(seen >= k, "an actor's published data");
  }
  vlot_actor_release(actor);
  check(vlot_actor_system_close(system) == VLOT_OK, "the actors do not end");
}

int main(void) {
  ask_behind_many();
  ask_behind_one();
  ask_behind_a_crash();
  ask_while_paused();
  ask_behind_a_reply();
  printf("%llu answers were newer than what was shown behind them\n", (unsigned long long)behind);
  return behind > 0;
}
