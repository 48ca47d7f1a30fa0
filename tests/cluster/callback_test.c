#include <criterion/criterion.h>

#include "vlot/cluster.h"

enum { COMMANDS = 200 };

typedef struct counter {
  vlot_client *client;
  uint64_t next; /* the sequence that is answered next */
  uint32_t answered;
  uint32_t submitted;
} counter;

static void submit_one(counter *c) {
  cr_assert_eq(vlot_client_submit(
                   c->client, &(vlot_command){.data = (const uint8_t *)"x", .size = 1}, 1, NULL),
               VLOT_OK);
  c->submitted++;
}

/* Each answer submits the next command: a client may talk from inside its own function. */
static void count_answer(void *context, const vlot_answer *answer) {
  counter *c = context;
  cr_assert_eq(answer->result, VLOT_OK);
  cr_assert_eq(answer->sequence, c->next++);
  c->answered++;
  if (c->submitted < COMMANDS) submit_one(c);
}

static void run(vlot_driver driver) {
  vlot_cluster_options options;
  vlot_client_options client;
  vlot_cluster *cluster;
  counter c = {.next = 1};
  vlot_cluster_options_init(&options);
  vlot_client_options_init(&client);
  options.driver = driver;
  client.answered = count_answer;
  client.context = &c;
  cr_assert_eq(vlot_cluster_open(&cluster, &options, NULL), VLOT_OK);
  cr_assert_eq(vlot_await_leader(cluster, 10000, NULL), VLOT_OK);
  cr_assert_eq(vlot_client_open(&c.client, cluster, &client), VLOT_OK);
  for (int k = 0; k < 10; k++) submit_one(&c);
  while (vlot_client_inflight(c.client) > 0) cr_assert_gt(vlot_client_wait(c.client, NULL, 0), 0);
  cr_assert_eq(c.answered, COMMANDS);
  /* propose keeps its own answer */
  cr_assert_eq(vlot_client_propose(c.client, "y", 1, NULL), VLOT_OK);
  cr_assert_eq(c.answered, COMMANDS);
  vlot_client_close(c.client);
  cr_assert_eq(vlot_cluster_close(cluster), VLOT_OK);
}

Test(callback, answers_go_to_the_clients_function_in_its_own_wait) { run(VLOT_DRIVER_THREADS); }

Test(callback, answers_go_to_the_clients_function_in_lockstep) { run(VLOT_DRIVER_LOCKSTEP); }
