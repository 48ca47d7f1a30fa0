/* A client's calls: submit, poll, wait, by its owner alone. Answers arrive in its inbox; no
 * callback runs on a node's thread. */
#include <string.h>

#include "base/assert.h"
#include "base/describe.h"
#include "cluster/await.h"
#include "cluster/door.h"
#include "cluster/driver.h"
#include "cluster/gate.h"
#include "cluster/inbox.h"
#include "cluster/link.h"
#include "cluster/open.h"
#include "cluster/propose.h"
#include "cluster/refuse.h"

/* Commands submitted together: they share a deadline. */
typedef struct submission {
  uint64_t sequence;
  uint64_t deadline;
  uint32_t count;
} submission;

struct vlot_client {
  vlot_cluster *cluster;
  vlot_client_options options;
  vlot__inbox *inbox;
  vlot__answers taken; /* swapped out of the inbox; read_at: what is not handed out yet */
  size_t read_at;
  uint32_t read_count; /* of the record at read_at, so many of its commands are handed out */
  uint8_t *is_open;    /* [window] ring by sequence: not answered yet */
  uint64_t window;     /* a power of two */
  uint64_t next_sequence;
  uint64_t oldest; /* no command below is open */
  uint32_t inflight;
  vlot__ring submissions; /* submission, by sequence */
  vlot__contacts contacts;
  uint8_t *scratch;
  size_t scratch_capacity;
  uint32_t callbacks; /* calls of `answered` under way, one inside the other */
  bool is_closed;     /* inside one of them: freed when the last has come back */
};

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

void vlot_client_close(vlot_client *client) {
  if (!client) return;
  client->is_closed = true;
  if (client->callbacks == 0) free_client(client);
}

vlot_result vlot_client_open(vlot_client **out, vlot_cluster *cluster,
                             const vlot_client_options *options) {
  VLOT_GIVEN(out);
  VLOT_GIVEN(cluster);
  vlot_client_options defaults;
  vlot_client_options_init(&defaults);
  *out = NULL;
  VLOT__VISIT(cluster, VLOT_CLOSED);
  if (!options) options = &defaults;
  vlot_result result = vlot__client_options_check(cluster, options);
  if (result != VLOT_OK) return result;
  vlot_client *client = vlot__alloc_zero(cluster->allocator, 1, sizeof *client);
  if (!client) return VLOT_NOMEM;
  client->cluster = cluster;
  client->options = *options;
  client->next_sequence = client->oldest = 1;
  for (client->window = 64; client->window < options->inflight_max;) client->window *= 2;
  vlot__ring_init(&client->submissions, cluster->allocator, sizeof(submission));
  client->is_open = vlot__alloc_zero(cluster->allocator, client->window, 1);
  /* in a replay its number is another's, of the recorded run */
  bool is_muted = vlot__check_change(cluster) != VLOT_OK;
  result = client->is_open ? vlot__inbox_open(&client->inbox, cluster, is_muted) : VLOT_NOMEM;
  if (result == VLOT_OK)
    *out = client;
  else
    free_client(client);
  if (result == VLOT_BUSY)
    vlot__log(cluster, "no more than %u clients are open at once", VLOT_CLIENTS_MAX),
        vlot__refuse_value(result, "{0} clients are open on this cluster, the most there can be",
                           VLOT_CLIENTS_MAX, 0);
  return result;
}

uint32_t vlot_client_number(const vlot_client *client) {
  VLOT_GIVEN(client);
  return vlot__inbox_number(client->inbox);
}

uint32_t vlot_client_inflight(const vlot_client *client) {
  VLOT_GIVEN(client);
  return client->inflight;
}

/* --- submitting --- */

static bool reserve_scratch(vlot_client *client, size_t size) {
  void *scratch = client->scratch;
  bool has_room =
      vlot__alloc_grow(client->cluster->allocator, &scratch, &client->scratch_capacity, size, 1);
  client->scratch = scratch;
  return has_room;
}

/* Whom to try, first to last: the contact alone, or the leader as far as known, then everybody who
 * is up. */
static vlot__seat *next_target(const vlot_client *client, uint32_t tried) {
  vlot_cluster *cluster = client->cluster;
  uint32_t contact = client->options.contact;
  if (contact) return tried == 0 ? vlot__seat_of(cluster, contact) : NULL;
  const struct vlot__seats *all = vlot__seats_of(cluster);
  uint32_t hint = atomic_load_explicit(&cluster->leader_hint, memory_order_relaxed);
  if (tried == 0) return hint ? vlot__seat_of(cluster, hint) : all->seats[0];
  return tried <= all->count ? all->seats[tried - 1] : NULL;
}

/* On any result but VLOT_OK what the mail refers to is still the caller's. */
static vlot_result try_contacts(vlot_client *client, uint32_t kind, void *payload, size_t size) {
  vlot_cluster *cluster = client->cluster;
  vlot_result result = VLOT_REJECTED;
  for (uint32_t tried = 0;; tried++) {
    vlot__seat *to = next_target(client, tried);
    if (!to) return result == VLOT_CLOSED ? VLOT_REJECTED : result;
    if (atomic_load(&to->state) == VLOT_NODE_DOWN) continue;
    vlot__parcel parcel = vlot__parcel_of(to->id, kind, payload, size);
    parcel.contact = vlot__contacts_get(&client->contacts, cluster->allocator, to->id);
    result = vlot__route(cluster, &parcel);
    if (result != VLOT_CLOSED) return result;
  }
}

static vlot_result visit_contacts(vlot_client *client, uint32_t kind, void *payload, size_t size) {
  VLOT__VISIT(client->cluster, VLOT_CLOSED);
  return try_contacts(client, kind, payload, size);
}

/* Into a mailbox goes what uses nothing but what a shell keeps of its cluster, and a node that has
 * ended refuses it: so the hot path does not pass the door. Who steps a cluster that it has paused
 * puts mail on the pending list, which is behind it. In lockstep nobody closes meanwhile. */
static vlot_result post_to_contact(vlot_client *client, uint32_t kind, void *payload, size_t size) {
  vlot_cluster *cluster = client->cluster;
  bool is_paused =
      vlot__driver_of(cluster)->is_stepped && cluster->options.driver != VLOT_DRIVER_LOCKSTEP;
  if (is_paused) return visit_contacts(client, kind, payload, size);
  vlot_result result = try_contacts(client, kind, payload, size);
  if (result == VLOT_OK) return VLOT_OK;
  if (vlot__is_shut(cluster)) return vlot__refuse_closed();
  return vlot__refuse_post(result);
}

/* Its cluster is closing or closed, or it is closed itself and not free yet. */
static bool is_shell(const vlot_client *client) {
  return client->is_closed || vlot__is_shut(client->cluster);
}

static vlot_result check_submit(const vlot_client *client, uint32_t count) {
  if (count == 0) return vlot__refuse(VLOT_INVALID, "count 0: nothing was given to submit");
  if (is_shell(client)) return vlot__refuse_shell(client->is_closed);
  vlot_result result = vlot__check_change(client->cluster);
  if (result != VLOT_OK) return result;
  if (vlot__is_node_thread(client->cluster)) return vlot__refuse_node_thread();
  if (count > client->options.inflight_max ||
      client->inflight > client->options.inflight_max - count)
    return vlot__refuse_value(VLOT_BUSY,
                              "{0} of this client's are in flight already, and inflight_max allows "
                              "{1}: take answers first",
                              client->inflight, client->options.inflight_max);
  if (client->next_sequence + count - client->oldest > client->window)
    return vlot__refuse_value(VLOT_BUSY,
                              "the oldest answer of this client is missing, and {1} have been "
                              "submitted since: take answers first",
                              client->inflight, client->window);
  return VLOT_OK;
}

/* Before a byte of any is read. */
static vlot_result check_bytes(const vlot_client *client, const void *data, size_t size) {
  uint64_t most = client->cluster->options.raft.entry_bytes_max;
  if (size > most) return vlot__refuse_bytes(size, most);
  if (data || size == 0) return VLOT_OK;
  return vlot__refuse_value(VLOT_INVALID, "data: missing, with size {0}", size, 0);
}

static vlot_result check_commands(const vlot_client *client, const vlot_command *commands,
                                  uint32_t count) {
  vlot_result result = commands ? VLOT_OK : vlot__refuse(VLOT_INVALID, "commands: missing");
  for (uint32_t k = 0; k < count && result == VLOT_OK; k++)
    result = check_bytes(client, commands[k].data, commands[k].size);
  return result;
}

static uint64_t new_deadline(const vlot_client *client) {
  uint64_t now = vlot__now(client->cluster);
  return client->options.timeout_ticks < VLOT_NEVER - now ? now + client->options.timeout_ticks
                                                          : VLOT_NEVER;
}

static void remember(vlot_client *client, uint32_t count) {
  submission *one = vlot__ring_push(&client->submissions);
  *one = (submission){
      .sequence = client->next_sequence, .deadline = new_deadline(client), .count = count};
  for (uint32_t k = 0; k < count; k++)
    client->is_open[(client->next_sequence + k) & (client->window - 1)] = 1;
  client->next_sequence += count;
  client->inflight += count;
}

/* Nobody took it: it was never submitted. */
static void unremember(vlot_client *client, uint32_t count) {
  client->next_sequence -= count;
  client->inflight -= count;
  vlot__ring_pop_back(&client->submissions);
}

vlot_result vlot_client_submit(vlot_client *client, const vlot_command *commands, uint32_t count,
                               uint64_t *sequence) {
  VLOT_GIVEN(client);
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
  result = post_to_contact(client, VLOT__MAIL_PROPOSE, mail, size);
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
  vlot_result result = check_submit(client, 1);
  if (result != VLOT_OK) return result;
  result = check_bytes(client, question, size);
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
  result = post_to_contact(client, VLOT__MAIL_READ, mail, bytes);
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
  client->inflight--;
}

static void forget_answered(vlot_client *client) {
  while (client->oldest < client->next_sequence &&
         !client->is_open[client->oldest & (client->window - 1)])
    client->oldest++;
  while (client->submissions.count > 0) {
    const submission *one = vlot__ring_at(&client->submissions, 0);
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
    const submission *one = vlot__ring_at(&client->submissions, k);
    if (one->deadline > now && !is_shut) break;
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

static size_t take_answers(vlot_client *client, vlot_answer *answers, size_t capacity) {
  if (client->read_at >= client->taken.size) swap_in(client);
  size_t count = hand_out_answers(client, answers, capacity);
  if (count == 0 && client->inflight > 0) count = give_up_open(client, answers, capacity);
  forget_answered(client);
  return count;
}

/* Everything that is there, to the client's own function. It may submit more: what it is shown
 * stays valid until the next take. It may close the client: then it is not called again. */
static size_t call_back(vlot_client *client) {
  vlot_answer answers[64];
  size_t total = 0, count;
  vlot__visit visit; /* closing the cluster in there is a deadlock */
  vlot__visit_note(&visit, client->cluster);
  client->callbacks++;
  while (!client->is_closed &&
         (count = take_answers(client, answers, sizeof answers / sizeof *answers)) > 0)
    for (size_t k = 0; k < count && !client->is_closed; k++, total++)
      client->options.answered(client->options.context, &answers[k]);
  client->callbacks--;
  vlot__visit_end(&visit);
  return total;
}

static size_t poll_client(vlot_client *client, vlot_answer *answers, size_t capacity) {
  if (client->options.answered) return call_back(client);
  return capacity > 0 ? take_answers(client, answers, capacity) : 0;
}

/* The end of a call that may have called back. */
static size_t end_poll(vlot_client *client, size_t count) {
  if (client->is_closed && client->callbacks == 0) free_client(client);
  return count;
}

size_t vlot_client_poll(vlot_client *client, vlot_answer *answers, size_t capacity) {
  VLOT_GIVEN(client);
  if (vlot__is_node_thread(client->cluster)) return 0;
  return end_poll(client, poll_client(client, answers, capacity));
}

/* --- waiting --- */

static uint64_t first_deadline(const vlot_client *client) {
  for (size_t k = 0; k < client->submissions.count; k++) {
    const submission *one = vlot__ring_at(&client->submissions, k);
    if (one->sequence + one->count > client->oldest) return one->deadline;
  }
  return VLOT_NEVER;
}

static void wait_once(vlot_client *client) {
  vlot_cluster *cluster = client->cluster;
  vlot__driver_of(cluster)->wait_for_answer(cluster, client->inbox, first_deadline(client));
}

size_t vlot_client_wait(vlot_client *client, vlot_answer *answers, size_t capacity) {
  VLOT_GIVEN(client);
  if ((capacity == 0 && !client->options.answered) || vlot__is_node_thread(client->cluster))
    return 0;
  vlot__visit visit;
  size_t count = 0;
  /* not let in: it need not wait, as what has no answer is unknown */
  (void)!vlot__visit_begin(&visit, client->cluster);
  while ((count = poll_client(client, answers, capacity)) == 0 && client->inflight > 0 &&
         !client->is_closed)
    wait_once(client);
  vlot__visit_end(&visit); /* the struct may go with the client */
  return end_poll(client, count);
}

/* --- one command at a time --- */

static bool never(vlot_cluster *cluster, void *context) {
  (void)cluster;
  (void)context;
  return false;
}

typedef vlot_result (*attempt)(vlot_client *client, const void *data, size_t size);

static vlot_result submit_once(vlot_client *client, const void *data, size_t size) {
  return vlot_client_submit(client, &(vlot_command){.data = data, .size = size}, 1, NULL);
}

static vlot_result read_once(vlot_client *client, const void *data, size_t size) {
  return vlot_client_read(client, data, size, VLOT_READ_LINEARIZABLE, NULL);
}

/* Ask again as long as it is certain that nothing has happened. Where the cluster closes meanwhile
 * it is UNKNOWN, whatever the last round was: the caller need not tell rounds apart. */
static vlot_result ask(vlot_client *client, attempt once, const void *data, size_t size,
                       vlot_bytes **reply) {
  vlot_cluster *cluster = client->cluster;
  uint64_t deadline = new_deadline(client);
  vlot_answer answer;
  if (reply) *reply = NULL;
  VLOT__VISIT(cluster, VLOT_CLOSED);
  if (is_shell(client)) return vlot__refuse_shell(client->is_closed);
  if (client->inflight > 0)
    return vlot__refuse_value(VLOT_BUSY,
                              "{0} of this client's are in flight: this call is for one at a time; "
                              "take their answers first",
                              client->inflight, 0);
  answer.result = check_bytes(client, data, size);
  if (answer.result != VLOT_OK) return answer.result;
  for (;;) {
    answer = (vlot_answer){.result = once(client, data, size)};
    if (answer.result == VLOT_CLOSED)
      return vlot__refuse(VLOT_UNKNOWN, vlot_why_text(VLOT_WHY_CLUSTER_CLOSED));
    if (answer.result == VLOT_OK)
      while (take_answers(client, &answer, 1) == 0) wait_once(client);
    if (answer.result != VLOT_REJECTED && answer.result != VLOT_BUSY) break;
    if (vlot__now(cluster) >= deadline) break;
    (void)vlot__await(cluster, never, NULL, 1);
  }
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
