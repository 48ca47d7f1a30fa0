/* A client's command or question, one at a time: asked and waited for. And calls that are made of
 * others: with deadlines of their own, and many questions. */
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

/* A call ends with this: the refusal is said, and what came of it is kept as data. */
static vlot_result conclude(vlot_conclusion *outcome, vlot_result result, vlot_why why,
                            const char *words) {
  outcome->result = result;
  outcome->why = why;
  return words ? vlot__refuse(result, words) : result;
}

static vlot_result refuse_now(vlot_client *client, const void *data, size_t size) {
  if (vlot__client_is_shell(client))
    return vlot__refuse_shell(vlot__owner_is_closed(&client->owner));
  if (vlot__client_inflight(client) > 0)
    return vlot__refuse_value(VLOT_BUSY,
                              "{0} of this client's are in flight: this call is for one at a time; "
                              "take their answers first",
                              vlot__client_inflight(client), 0);
  return vlot__client_check_bytes(client, data, size);
}

/* What kept it from being asked at all, at the last try, where no node has said why. */
static vlot_why why_of(vlot_result result) {
  switch (result) {
  case VLOT_BUSY: return VLOT_WHY_MAILBOX_FULL;
  case VLOT_REJECTED: return VLOT_WHY_NODE_DOWN;
  case VLOT_NOMEM: return VLOT_WHY_NO_MEMORY;
  case VLOT_TOO_LARGE: return VLOT_WHY_ENTRY_TOO_LARGE;
  case VLOT_CLOSED: return VLOT_WHY_CLUSTER_CLOSED;
  default: return VLOT_WHY_NONE;
  }
}

static vlot_result keep_reply(vlot_client *client, attempt once, const vlot_answer *answer,
                              vlot_conclusion *outcome) {
  /* its reply could not be kept */
  if (answer->why != VLOT_WHY_NONE)
    return conclude(outcome, VLOT_UNKNOWN, answer->why, vlot_why_text(answer->why));
  outcome->reply = vlot_bytes_copy(client->cluster->allocator, answer->reply, answer->reply_size);
  if (outcome->reply) return VLOT_OK;
  /* NOMEM says that nothing has changed */
  return conclude(outcome, once == submit_once ? VLOT_UNKNOWN : VLOT_NOMEM, VLOT_WHY_NO_MEMORY,
                  "it is done, and there is no memory for the reply");
}

static vlot_result ask(vlot_client *client, attempt once, const void *data, size_t size,
                       uint64_t timeout_ticks, bool wants_reply, vlot_conclusion *outcome) {
  vlot_cluster *cluster = client->cluster;
  *outcome = (vlot_conclusion){.result = VLOT_OK};
  VLOT__USE(client, refused);
  VLOT__VISIT_RESULT(cluster);
  vlot_result allowed = refuse_now(client, data, size);
  if (allowed != VLOT_OK) return conclude(outcome, allowed, why_of(allowed), NULL);
  client->call_ticks = timeout_ticks;
  vlot_answer answer = try_on(client, once, data, size);
  client->call_ticks = 0;
  vlot__inbox_end_interrupt(client->inbox);
  if (answer.result == VLOT_INTERRUPTED && vlot__client_is_shell(client))
    return conclude(outcome, VLOT_UNKNOWN, VLOT_WHY_CLUSTER_CLOSED,
                    vlot_why_text(VLOT_WHY_CLUSTER_CLOSED));
  outcome->index = answer.index;
  outcome->term = answer.term;
  outcome->node = answer.node;
  outcome->tick = answer.tick;
  if (answer.result == VLOT_OK)
    return wants_reply ? keep_reply(client, once, &answer, outcome) : VLOT_OK;
  if (answer.result == VLOT_UNSUPPORTED && !cluster->machine.query)
    return conclude(outcome, VLOT_UNSUPPORTED, VLOT_WHY_NONE,
                    "the machine has no query function: set vlot_machine.query");
  if (answer.why != VLOT_WHY_NONE)
    return conclude(outcome, answer.result, answer.why, vlot_why_text(answer.why));
  return conclude(outcome, vlot__refuse_post(answer.result), why_of(answer.result), NULL);
}

vlot_result vlot_client_propose_by(vlot_client *client, const void *command, size_t size,
                                   uint64_t timeout_ticks, vlot_conclusion *outcome) {
  VLOT_GIVEN(client);
  VLOT_GIVEN(outcome);
  vlot_result result = ask(client, submit_once, command, size, timeout_ticks, true, outcome);
  outcome->result = result;
  return result;
}

vlot_result vlot_client_query_by(vlot_client *client, const void *question, size_t size,
                                 uint64_t timeout_ticks, vlot_conclusion *outcome) {
  VLOT_GIVEN(client);
  VLOT_GIVEN(outcome);
  vlot_result result = ask(client, read_once, question, size, timeout_ticks, true, outcome);
  outcome->result = result;
  return result;
}

vlot_result vlot_client_propose(vlot_client *client, const void *command, size_t size,
                                vlot_bytes **reply) {
  VLOT_GIVEN(client);
  vlot_conclusion outcome;
  vlot_result result = ask(client, submit_once, command, size, 0, reply != NULL, &outcome);
  if (reply) *reply = outcome.reply;
  return result;
}

vlot_result vlot_client_query(vlot_client *client, const void *question, size_t size,
                              vlot_bytes **reply) {
  VLOT_GIVEN(client);
  vlot_conclusion outcome;
  vlot_result result = ask(client, read_once, question, size, 0, reply != NULL, &outcome);
  if (reply) *reply = outcome.reply;
  return result;
}

/* --- made of others --- */

vlot_result vlot_client_submit_by(vlot_client *client, const vlot_command *commands, uint32_t count,
                                  uint64_t timeout_ticks, uint64_t *sequence) {
  VLOT_GIVEN(client);
  VLOT__USE(client, refused);
  client->call_ticks = timeout_ticks;
  vlot_result result = vlot_client_submit(client, commands, count, sequence);
  client->call_ticks = 0;
  return result;
}

vlot_result vlot_client_read_by(vlot_client *client, const void *question, size_t size,
                                uint64_t min_index, uint64_t timeout_ticks, uint64_t *sequence) {
  VLOT_GIVEN(client);
  VLOT__USE(client, refused);
  client->call_ticks = timeout_ticks;
  vlot_result result = vlot_client_read(client, question, size, min_index, sequence);
  client->call_ticks = 0;
  return result;
}

static vlot_result check_questions(const vlot_client *client, const vlot_command *questions,
                                   uint32_t count) {
  if (count == 0) return vlot__refuse(VLOT_INVALID, "count 0: nothing was given to read");
  vlot_result result = questions ? VLOT_OK : vlot__refuse(VLOT_INVALID, "questions: missing");
  for (uint32_t k = 0; k < count && result == VLOT_OK; k++)
    result = vlot__client_check_bytes(client, questions[k].data, questions[k].size);
  return result;
}

vlot_result vlot_client_read_many(vlot_client *client, const vlot_command *questions,
                                  uint32_t count, uint64_t min_index, uint64_t *sequence,
                                  uint32_t *submitted) {
  VLOT_GIVEN(client);
  VLOT_GIVEN(submitted);
  *submitted = 0;
  VLOT__USE(client, refused);
  vlot_result result = check_questions(client, questions, count);
  if (result == VLOT_OK && sequence) *sequence = client->next_sequence;
  while (result == VLOT_OK && *submitted < count) {
    const vlot_command *one = &questions[*submitted];
    result = vlot_client_read(client, one->data, one->size, min_index, NULL);
    if (result == VLOT_OK) ++*submitted;
  }
  return result;
}
