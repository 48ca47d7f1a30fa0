/* A client's command or question, one at a time: asked and waited for. */
#include "base/assert.h"
#include "cluster/await.h"
#include "cluster/client_inside.h"
#include "cluster/door.h"
#include "cluster/refuse.h"

static bool is_interrupted(vlot_cluster *cluster, void *context) {
  (void)cluster;
  return vlot__inbox_is_interrupted(context);
}

typedef vlot_result (*attempt)(vlot_client *client, const void *data, size_t size);

static vlot_result submit_once(vlot_client *client, const void *data, size_t size) {
  return vlot_client_submit(client, &(vlot_command){.data = data, .size = size}, 1, NULL);
}

static vlot_result read_once(vlot_client *client, const void *data, size_t size) {
  return vlot_client_read(client, data, size, VLOT_READ_LINEARIZABLE, NULL);
}

/* What came of one round. INTERRUPTED: it goes on, and its answer will come. Closed meanwhile:
 * UNKNOWN, whatever the round before it was, so that the caller need not tell rounds apart. */
static vlot_answer try_once(vlot_client *client, attempt once, const void *data, size_t size) {
  client->is_asking = true;
  vlot_answer answer = {.result = once(client, data, size)};
  client->is_asking = false;
  client->sent_ns = 0; /* a habit is what was not said */
  if (answer.result == VLOT_CLOSED)
    answer = (vlot_answer){.result = VLOT_UNKNOWN, .why = VLOT_WHY_CLUSTER_CLOSED};
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
    /* shut while this thread was outside, in a node's turn: the next round says so */
    if (!vlot__is_shut(cluster)) (void)vlot__await(cluster, is_interrupted, client->inbox, 1);
  }
  return (vlot_answer){.result = VLOT_INTERRUPTED};
}

static vlot_result ask(vlot_client *client, attempt once, const void *data, size_t size,
                       vlot_bytes **reply) {
  vlot_cluster *cluster = client->cluster;
  if (reply) *reply = NULL;
  VLOT__USE(client, refused);
  VLOT__VISIT_RESULT(cluster);
  if (vlot__client_is_shell(client))
    return vlot__refuse_shell(vlot__owner_is_closed(&client->owner));
  if (vlot__client_inflight(client) > 0)
    return vlot__refuse_value(VLOT_BUSY,
                              "{0} of this client's are in flight: this call is for one at a time; "
                              "take their answers first",
                              vlot__client_inflight(client), 0);
  vlot_result allowed = vlot__client_check_bytes(client, data, size);
  if (allowed != VLOT_OK) return allowed;
  vlot_answer answer = try_on(client, once, data, size);
  vlot__inbox_end_interrupt(client->inbox);
  if (answer.result == VLOT_INTERRUPTED && vlot__client_is_shell(client))
    return vlot__refuse(VLOT_UNKNOWN, vlot_why_text(VLOT_WHY_CLUSTER_CLOSED));
  if (answer.result == VLOT_OK && reply) {
    /* its reply could not be kept */
    if (answer.why != VLOT_WHY_NONE) return vlot__refuse(VLOT_UNKNOWN, vlot_why_text(answer.why));
    *reply = vlot_bytes_copy(cluster->allocator, answer.reply, answer.reply_size);
    /* NOMEM says that nothing has changed */
    if (!*reply)
      return vlot__refuse(once == submit_once ? VLOT_UNKNOWN : VLOT_NOMEM,
                          "it is done, and there is no memory for the reply");
  }
  if (answer.result == VLOT_UNSUPPORTED && !cluster->machine.query)
    return vlot__refuse(VLOT_UNSUPPORTED,
                        "the machine has no query function: set vlot_machine.query");
  return answer.why != VLOT_WHY_NONE ? vlot__refuse(answer.result, vlot_why_text(answer.why))
                                     : vlot__refuse_post(answer.result);
}

vlot_result vlot_client_propose(vlot_client *client, const void *command, size_t size,
                                vlot_bytes **reply) {
  VLOT_GIVEN(client);
  return ask(client, submit_once, command, size, reply);
}

vlot_result vlot_client_query(vlot_client *client, const void *question, size_t size,
                              vlot_bytes **reply) {
  VLOT_GIVEN(client);
  return ask(client, read_once, question, size, reply);
}
