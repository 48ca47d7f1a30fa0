/* A client's command or question, one at a time: asked and waited for. */
#include "cluster/await.h"
#include "cluster/client_inside.h"
#include "cluster/door.h"

static bool is_interrupted(vlot_cluster *cluster, void *context) {
  (void)cluster;
  return vlot__inbox_is_interrupted(context);
}

typedef vlot_result (*attempt)(vlot_client *client, const void *data, size_t size);

static vlot_result submit_once(vlot_client *client, const void *data, size_t size) {
  return vlot_client_submit(client, &(vlot_command){.data = data, .size = (uint32_t)size}, 1, NULL);
}

static vlot_result read_once(vlot_client *client, const void *data, size_t size) {
  return vlot_client_read(client, data, size, VLOT_READ_LINEARIZABLE, NULL);
}

/* What came of one round. INTERRUPTED: it goes on, and its answer will come. Closed meanwhile:
 * UNKNOWN, whatever the round before it was, so that the caller need not tell rounds apart. */
static vlot_answer try_once(vlot_client *client, attempt once, const void *data, size_t size) {
  vlot_answer answer = {.result = once(client, data, size)};
  if (answer.result == VLOT_CLOSED) answer.result = VLOT_UNKNOWN;
  bool is_under_way = answer.result == VLOT_OK;
  while (is_under_way && vlot__client_take(client, &answer, 1) == 0) {
    if (vlot__client_is_to_end(client)) return (vlot_answer){.result = VLOT_INTERRUPTED};
    vlot__client_wait_once(client);
  }
  return answer;
}

/* Ask again as long as it is certain that nothing has happened. */
static vlot_answer try_on(vlot_client *client, attempt once, const void *data, size_t size) {
  vlot_cluster *cluster = client->cluster;
  uint64_t deadline = vlot__client_deadline(client);
  while (!vlot__client_is_to_end(client)) {
    vlot_answer answer = try_once(client, once, data, size);
    bool is_certain = answer.result == VLOT_REJECTED || answer.result == VLOT_BUSY;
    if (!is_certain || vlot__now(cluster) >= deadline) return answer;
    (void)vlot__await(cluster, is_interrupted, client->inbox, 1);
  }
  return (vlot_answer){.result = VLOT_INTERRUPTED};
}

static vlot_result ask(vlot_client *client, attempt once, const void *data, size_t size,
                       vlot_bytes **reply) {
  vlot_cluster *cluster = client->cluster;
  if (reply) *reply = NULL;
  VLOT__USE(client, refused);
  VLOT__VISIT_RESULT(cluster);
  if (vlot__client_is_shell(client)) return VLOT_CLOSED;
  if (vlot__client_inflight(client) > 0) return VLOT_BUSY;
  if (size > cluster->options.raft.entry_bytes_max) return VLOT_TOO_LARGE;
  vlot_answer answer = try_on(client, once, data, size);
  vlot__inbox_end_interrupt(client->inbox);
  if (answer.result == VLOT_INTERRUPTED && vlot__client_is_shell(client)) return VLOT_UNKNOWN;
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
