/* A client's calls: submit, poll, wait, by its owner alone. Answers arrive in its inbox; no
 * callback runs on a node's thread. */
#include <string.h>

#include "base/assert.h"
#include "base/describe.h"
#include "cluster/client_inside.h"
#include "cluster/door.h"
#include "cluster/driver.h"
#include "cluster/gate.h"
#include "cluster/open.h"
#include "cluster/propose.h"
#include "cluster/refuse.h"

/* For a debugger: see base/describe.h. */
const vlot__described vlot_described_client[] VLOT__DESCRIBED = {
    VLOT__VERSION,
    VLOT__STRUCT(client, struct vlot_client),
    VLOT__POINTER(client.cluster, struct vlot_client, cluster, cluster, struct vlot_cluster),
    VLOT__END,
};

void vlot_client_options_init(vlot_client_options *options) {
  VLOT_GIVEN(options);
  *options =
      (vlot_client_options){.size = sizeof *options, .inflight_max = 65536, .timeout_ticks = 500};
}

static void free_client(vlot_client *client) {
  const vlot_allocator *allocator = client->cluster->allocator;
  vlot__inbox_close(client->inbox); /* the cluster's struct may go with it */
  vlot__contacts_free(&client->contacts, allocator);
  vlot__alloc_free(allocator, client->taken.bytes);
  vlot__alloc_free(allocator, client->is_open);
  vlot__alloc_free(allocator, client->scratch);
  vlot__ring_deinit(&client->submissions);
  vlot__alloc_free(allocator, client);
}

void vlot__use_end(vlot__use *use) {
  vlot_client *client = use->client;
  if (!client || vlot__is_forked(client->cluster)) return;
  if (vlot__owner_leave(&client->owner)) free_client(client);
}

vlot_result vlot__use_begin(vlot__use *use, vlot_client *client) {
  if (vlot__is_forked(client->cluster)) return vlot__refuse_forked_child();
  enum vlot__owner_entry entry = vlot__owner_enter(&client->owner);
  if (entry == VLOT__OWNER_ENTERED) use->client = client;
  if (entry != VLOT__OWNER_REFUSED) return VLOT_OK;
  if (vlot__is_node_thread(client->cluster)) return vlot__refuse_node_thread();
  return vlot__refuse(VLOT_BUSY,
                      "another thread is inside a call of this client: give each thread its own");
}

static bool is_closed(const vlot_client *client) { return vlot__owner_is_closed(&client->owner); }

/* Whoever is inside leaves soon, and frees it. */
void vlot_client_close(vlot_client *client) {
  if (!client || vlot__is_forked(client->cluster)) return;
  vlot__inbox *inbox = vlot__inbox_retain(client->inbox);
  if (vlot__owner_close(&client->owner))
    free_client(client);
  else
    vlot__inbox_interrupt(inbox);
  vlot__inbox_release(inbox);
}

void vlot_client_interrupt(vlot_client *client) {
  if (!vlot__is_forked(client->cluster)) vlot__inbox_interrupt(client->inbox);
}

vlot_result vlot_client_open(vlot_client **out, vlot_cluster *cluster,
                             const vlot_client_options *options) {
  VLOT_GIVEN(out);
  VLOT_GIVEN(cluster);
  vlot_client_options defaults;
  vlot_client_options_init(&defaults);
  *out = NULL;
  VLOT__VISIT_RESULT(cluster);
  if (!options) options = &defaults;
  vlot_result result = vlot__client_options_check(cluster, options);
  if (result != VLOT_OK) return result;
  vlot_client *client = vlot__alloc_zero(cluster->allocator, 1, sizeof *client);
  if (!client) return VLOT_NOMEM;
  client->cluster = cluster;
  client->options = *options;
  client->next_sequence = client->oldest = 1;
  for (client->window = 64; client->window < options->inflight_max;) client->window *= 2;
  vlot__ring_init(&client->submissions, cluster->allocator, sizeof(vlot__submission));
  client->is_open = vlot__alloc_zero(cluster->allocator, (size_t)client->window, 1);
  /* in a replay its number is another's, of the recorded run */
  bool is_muted = vlot__check_change(cluster) != VLOT_OK;
  result = client->is_open ? vlot__inbox_open(&client->inbox, cluster, is_muted) : VLOT_NOMEM;
  if (result == VLOT_OK)
    *out = client;
  else
    free_client(client);
  if (result == VLOT_BUSY)
    vlot__log(cluster, VLOT_LOG_WARNING, "no more than %u clients are open at once",
              VLOT_CLIENTS_MAX),
        vlot__refuse_value(result, "{0} clients are open on this cluster, the most there can be",
                           VLOT_CLIENTS_MAX, 0);
  return result;
}

uint32_t vlot_client_number(const vlot_client *client) {
  VLOT_GIVEN(client);
  return vlot__inbox_number(client->inbox);
}

/* By its owner: there is no other who writes. */
static void set_inflight(vlot_client *client, uint32_t count) {
  atomic_store_explicit(&client->inflight, count, memory_order_relaxed);
}

uint32_t vlot_client_inflight(const vlot_client *client) {
  VLOT_GIVEN(client);
  return vlot__is_forked(client->cluster) ? 0 : vlot__client_inflight(client);
}

/* --- submitting --- */

static bool reserve_scratch(vlot_client *client, size_t size) {
  void *scratch = client->scratch;
  bool has_room =
      vlot__alloc_grow(client->cluster->allocator, &scratch, &client->scratch_capacity, size, 1);
  client->scratch = scratch;
  return has_room;
}

/* Its cluster is closing or closed, or it is closed itself and not free yet. */
bool vlot__client_is_shell(const vlot_client *client) {
  return is_closed(client) || vlot__is_shut(client->cluster);
}

static vlot_result check_submit(const vlot_client *client, uint32_t count) {
  if (count == 0) return vlot__refuse(VLOT_INVALID, "count 0: nothing was given to submit");
  if (vlot__client_is_shell(client))
    return vlot__refuse_shell(vlot__owner_is_closed(&client->owner));
  vlot_result result = vlot__check_change(client->cluster);
  if (result != VLOT_OK) return result;
  if (vlot__is_node_thread(client->cluster)) return vlot__refuse_node_thread();
  if (count > client->options.inflight_max ||
      vlot__client_inflight(client) > client->options.inflight_max - count)
    return vlot__refuse_value(VLOT_BUSY,
                              "{0} of this client's are in flight already, and inflight_max allows "
                              "{1}: take answers first",
                              vlot__client_inflight(client), client->options.inflight_max);
  if (client->next_sequence + count - client->oldest > client->window)
    return vlot__refuse_value(VLOT_BUSY,
                              "the oldest answer of this client is missing, and {1} have been "
                              "submitted since: take answers first",
                              vlot__client_inflight(client), client->window);
  return VLOT_OK;
}

vlot_result vlot__client_check_bytes(const vlot_client *client, const void *data, size_t size) {
  uint64_t most = client->cluster->options.raft.entry_bytes_max;
  if (size > most) return vlot__refuse_bytes(size, most);
  if (data || size == 0) return VLOT_OK;
  return vlot__refuse_value(VLOT_INVALID, "data: missing, with size {0}", size, 0);
}

static vlot_result check_commands(const vlot_client *client, const vlot_command *commands,
                                  uint32_t count) {
  vlot_result result = commands ? VLOT_OK : vlot__refuse(VLOT_INVALID, "commands: missing");
  for (uint32_t k = 0; k < count && result == VLOT_OK; k++)
    result = vlot__client_check_bytes(client, commands[k].data, commands[k].size);
  return result;
}

uint64_t vlot__client_deadline(const vlot_client *client) {
  uint64_t now = vlot__now(client->cluster);
  uint64_t ticks = client->call_ticks ? client->call_ticks : client->options.timeout_ticks;
  return ticks < VLOT_NEVER - now ? now + ticks : VLOT_NEVER;
}

static void remember(vlot_client *client, uint32_t count) {
  uint64_t deadline = vlot__client_deadline(client);
  size_t before = client->submissions.count;
  if (before == 0)
    client->has_early = false;
  else if (((vlot__submission *)vlot__ring_at(&client->submissions, before - 1))->deadline >
           deadline)
    client->has_early = true;
  vlot__submission *one = vlot__ring_push(&client->submissions);
  *one =
      (vlot__submission){.sequence = client->next_sequence, .deadline = deadline, .count = count};
  for (uint32_t k = 0; k < count; k++)
    client->is_open[(client->next_sequence + k) & (client->window - 1)] = 1;
  client->next_sequence += count;
  set_inflight(client, vlot__client_inflight(client) + count);
}

/* Nobody took it: it was never submitted. */
static void unremember(vlot_client *client, uint32_t count) {
  client->next_sequence -= count;
  set_inflight(client, vlot__client_inflight(client) - count);
  vlot__ring_pop_back(&client->submissions);
}

vlot_result vlot_client_submit(vlot_client *client, const vlot_command *commands, uint32_t count,
                               uint64_t *sequence) {
  VLOT_GIVEN(client);
  VLOT__USE(client, refused);
  vlot_result result = check_submit(client, count);
  if (result != VLOT_OK) return result;
  result = check_commands(client, commands, count);
  if (result != VLOT_OK) return result;
  size_t size = vlot__propose_size(commands, count);
  if (size > VLOT__MAIL_CLIENT_MAX)
    return vlot__refuse_value(VLOT_TOO_LARGE, "commands of {0} bytes together: at most {1} a call",
                              size, VLOT__MAIL_CLIENT_MAX);
  if (!vlot__ring_reserve(&client->submissions, 1) || !reserve_scratch(client, size))
    return VLOT_NOMEM;
  vlot__mail_propose *mail = (vlot__mail_propose *)(void *)client->scratch;
  *mail = (vlot__mail_propose){
      .sequence = client->next_sequence, .client = vlot_client_number(client), .count = count};
  if (!vlot__propose_lay_out(mail, client->cluster->allocator, commands)) return VLOT_NOMEM;
  uint64_t first = client->next_sequence;
  remember(client, count); /* before it can be answered */
  result = vlot__client_send(client, VLOT__MAIL_PROPOSE, mail, size);
  if (result != VLOT_OK) {
    vlot__mail_dispose(VLOT__MAIL_PROPOSE, mail);
    unremember(client, count);
    return result;
  }
  if (sequence) *sequence = first;
  return VLOT_OK;
}

vlot_result vlot_client_read(vlot_client *client, const void *question, size_t size,
                             uint64_t min_index, uint64_t *sequence) {
  VLOT_GIVEN(client);
  VLOT__USE(client, refused);
  vlot_result result = check_submit(client, 1);
  if (result != VLOT_OK) return result;
  result = vlot__client_check_bytes(client, question, size);
  if (result != VLOT_OK) return result;
  size_t bytes = vlot__mail_read_size(size);
  if (!vlot__ring_reserve(&client->submissions, 1) || !reserve_scratch(client, bytes))
    return VLOT_NOMEM;
  vlot__mail_read *mail = (vlot__mail_read *)(void *)client->scratch;
  vlot__mail_lay_out_read(mail,
                          (vlot__mail_read){.sequence = client->next_sequence,
                                            .min_index = min_index,
                                            .client = vlot_client_number(client)},
                          question, size);
  uint64_t first = client->next_sequence;
  remember(client, 1);
  result = vlot__client_send(client, VLOT__MAIL_READ, mail, bytes);
  if (result != VLOT_OK) {
    unremember(client, 1);
    return result;
  }
  if (sequence) *sequence = first;
  return VLOT_OK;
}

/* --- answers --- */

static bool is_open(const vlot_client *client, uint64_t sequence) {
  return sequence >= client->oldest && sequence < client->next_sequence &&
         client->is_open[sequence & (client->window - 1)];
}

static void close_one(vlot_client *client, uint64_t sequence) {
  client->is_open[sequence & (client->window - 1)] = 0;
  set_inflight(client, vlot__client_inflight(client) - 1);
}

static void forget_answered(vlot_client *client) {
  while (client->oldest < client->next_sequence &&
         !client->is_open[client->oldest & (client->window - 1)])
    client->oldest++;
  while (client->submissions.count > 0) {
    const vlot__submission *one = vlot__ring_at(&client->submissions, 0);
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
          .tick = record->tick,
      };
    }
    if (++client->read_count < record->count) continue;
    client->read_at += sizeof *record + vlot__padded(record->reply_size);
    client->read_count = 0;
  }
  return count;
}

/* Commands whose deadline has come are UNKNOWN; when the cluster closes, all that are left. */
static size_t give_up_open(vlot_client *client, vlot_answer *answers, size_t capacity) {
  bool is_shut = vlot__is_shut(client->cluster);
  uint64_t now = vlot__now(client->cluster);
  vlot_why why = is_shut ? VLOT_WHY_CLUSTER_CLOSED : VLOT_WHY_DEADLINE;
  size_t count = 0;
  for (size_t k = 0; k < client->submissions.count && count < capacity; k++) {
    const vlot__submission *one = vlot__ring_at(&client->submissions, k);
    if (one->deadline > now && !is_shut) {
      if (!client->has_early) break; /* they come in their order */
      continue;
    }
    for (uint32_t c = 0; c < one->count && count < capacity; c++) {
      if (!is_open(client, one->sequence + c)) continue;
      close_one(client, one->sequence + c);
      answers[count++] = (vlot_answer){
          .sequence = one->sequence + c,
          .result = VLOT_UNKNOWN,
          .why = why,
          .tick = one->deadline <= now ? one->deadline : now,
      };
    }
  }
  return count;
}

static void swap_in(vlot_client *client) {
  vlot__inbox_swap(client->inbox, &client->taken);
  client->read_at = 0;
  client->read_count = 0;
}

size_t vlot__client_take(vlot_client *client, vlot_answer *answers, size_t capacity) {
  if (client->read_at >= client->taken.size) swap_in(client);
  size_t count = hand_out_answers(client, answers, capacity);
  if (count == 0 && vlot__client_inflight(client) > 0)
    count = give_up_open(client, answers, capacity);
  forget_answered(client);
  return count;
}

/* Everything that is there, to the client's own function. It may submit more: what it is shown
 * stays valid until the next take. It may close the client: then it is not called again. */
static size_t call_back(vlot_client *client) {
  vlot_answer answers[64];
  size_t total = 0, count;
  __attribute__((cleanup(vlot__visit_end))) vlot__visit visit;
  vlot__visit_note(&visit, client->cluster); /* closing the cluster in there is a deadlock */
  while (!is_closed(client) &&
         (count = vlot__client_take(client, answers, sizeof answers / sizeof *answers)) > 0)
    for (size_t k = 0; k < count && !is_closed(client); k++, total++)
      client->options.answered(client->options.context, &answers[k]);
  return total;
}

static size_t poll_client(vlot_client *client, vlot_answer *answers, size_t capacity) {
  if (client->options.answered) return call_back(client);
  return capacity > 0 ? vlot__client_take(client, answers, capacity) : 0;
}

size_t vlot_client_poll(vlot_client *client, vlot_answer *answers, size_t capacity) {
  VLOT_GIVEN(client);
  if (vlot__is_node_thread(client->cluster)) return 0;
  VLOT__USE(client, 0);
  if (client->sent_ns != 0) vlot__client_pay(client);
  client->sent_ns = 0;
  return poll_client(client, answers, capacity);
}

/* --- waiting --- */

static uint64_t first_deadline(const vlot_client *client) {
  uint64_t first = VLOT_NEVER;
  for (size_t k = 0; k < client->submissions.count; k++) {
    const vlot__submission *one = vlot__ring_at(&client->submissions, k);
    for (uint32_t c = 0; c < one->count && one->deadline < first; c++)
      if (is_open(client, one->sequence + c)) first = one->deadline;
    if (first != VLOT_NEVER && !client->has_early) break; /* they come in their order */
  }
  return first;
}

/* Whoever waits looks at it before each wait. */
bool vlot__client_is_to_end(const vlot_client *client) {
  return is_closed(client) || vlot__inbox_is_interrupted(client->inbox) ||
         vlot__is_forked(client->cluster);
}

void vlot__client_wait_once(vlot_client *client) {
  vlot_cluster *cluster = client->cluster;
  uint32_t asked = vlot__client_is_deep(client) ? 0 : client->asked;
  if (asked == 0 && client->owes) vlot__client_pay(client);
  client->owes = false;
  vlot__driver_of(cluster)->wait_for_answer(cluster, client->inbox, asked, first_deadline(client));
}

size_t vlot_client_wait(vlot_client *client, vlot_answer *answers, size_t capacity) {
  VLOT_GIVEN(client);
  if ((capacity == 0 && !client->options.answered) || vlot__is_node_thread(client->cluster))
    return 0;
  VLOT__USE(client, 0);
  __attribute__((cleanup(vlot__visit_end))) vlot__visit visit;
  /* not let in: it need not wait, as what has no answer is unknown */
  (void)!vlot__visit_begin(&visit, client->cluster);
  size_t count = 0;
  vlot__client_note_wait(client);
  while ((count = poll_client(client, answers, capacity)) == 0 &&
         vlot__client_inflight(client) > 0 && !vlot__client_is_to_end(client))
    vlot__client_wait_once(client);
  vlot__inbox_end_interrupt(client->inbox);
  return count;
}
