/* The checker, by hand-made histories of three members: each invariant has one that breaks it and
 * nothing else, and neighbours that break nothing.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "cluster/checker_history.h"

enum { NODES = 3, WINDOW = 1 << 14 };

typedef struct stage {
  vlot__model models[NODES];
  vlot__checker *checker;
  vlot_brief briefs[NODES];
  uint64_t sequence;
  uint64_t seen; /* bit per invariant that was reported */
  char text[200];
} stage;

static const vlot_allocator *memory_of(const vlot_allocator *given) {
  return given ? given : vlot_allocator_default();
}

/* NULL: there is no such node. */
static vlot__model *model_of(stage *s, uint32_t node) {
  return node >= 1 && node <= NODES ? &s->models[node - 1] : NULL;
}

static void feed(stage *s, vlot_event event) {
  event.sequence = ++s->sequence;
  event.action = s->sequence;
  const vlot__violation *violation =
      vlot__checker_feed(s->checker, &event, model_of(s, event.node));
  if (!violation) return;
  if (!s->seen) snprintf(s->text, sizeof s->text, "%s", violation->text);
  s->seen |= (uint64_t)1 << (violation->invariant == VLOT_REPLICA_HASH ? 63 : violation->invariant);
  cr_assert_gt(strlen(violation->text), 10);
  cr_assert_eq(violation->node, event.node);
  cr_assert_eq(violation->action, event.action);
}

/* One member of a configuration, as a node (0: the cluster) tells it. */
static void configure(stage *s, uint32_t node, uint64_t index, uint32_t place, uint32_t count,
                      uint32_t member, uint64_t disk_id, uint32_t roles) {
  vlot_event event = {.kind = VLOT_EVENT_CONFIG, .node = node, .peer = member};
  event.as.config.index = index;
  event.as.config.place = place;
  event.as.config.count = count;
  event.as.config.disk_id = disk_id;
  event.as.config.roles = roles;
  feed(s, event);
}

static bool stage_open_with(stage *s, const vlot_allocator *allocator, uint64_t window) {
  memset(s, 0, sizeof *s);
  for (uint32_t k = 0; k < NODES; k++) vlot__model_init(&s->models[k], memory_of(allocator), 0, 0);
  s->checker = vlot__checker_open(memory_of(allocator), window);
  if (!s->checker) return false;
  for (uint32_t k = 0; k < NODES; k++)
    configure(s, 0, 0, k, NODES, k + 1, 100 + k, VLOT_CONFIG_VOTER);
  return true;
}

static bool stage_open(stage *s, const vlot_allocator *allocator) {
  return stage_open_with(s, allocator, WINDOW);
}

static void stage_close(stage *s) {
  vlot__checker_close(s->checker);
  for (int k = 0; k < NODES; k++) vlot__model_deinit(&s->models[k]);
}

static uint64_t chain_at(stage *s, uint32_t node, uint64_t index, uint64_t *term) {
  uint64_t chain, unused;
  cr_assert(vlot__model_at(model_of(s, node), index, term ? term : &unused, &chain) ||
            model_of(s, node)->is_lost);
  return chain;
}

/* --- one event each --- */

static void start(stage *s, uint32_t node, uint64_t term, uint32_t vote) {
  vlot_event event = {.kind = VLOT_EVENT_START, .node = node};
  event.as.step.after =
      (vlot_brief){.term = term, .vote = vote, .last_index = vlot__model_last(model_of(s, node))};
  feed(s, event);
}

static void change(stage *s, vlot_event_kind kind, uint32_t node, uint32_t peer, uint64_t from,
                   uint64_t to, uint64_t term) {
  vlot_event event = {.kind = (uint16_t)kind, .node = node, .peer = peer};
  event.as.change.from = from;
  event.as.change.to = to;
  event.as.change.term = term;
  feed(s, event);
}

static void raise_term(stage *s, uint32_t node, uint64_t from, uint64_t to) {
  change(s, VLOT_EVENT_TERM, node, 0, from, to, to);
}

static void lead(stage *s, uint32_t node, uint64_t term) {
  change(s, VLOT_EVENT_LEADER, node, 0, VLOT_ROLE_CANDIDATE, VLOT_ROLE_LEADER, term);
}

static void step_down(stage *s, uint32_t node, uint64_t term) {
  change(s, VLOT_EVENT_STEP_DOWN, node, 0, VLOT_ROLE_LEADER, VLOT_ROLE_FOLLOWER, term);
}

static void durable(stage *s, uint32_t node, uint64_t term, uint32_t vote) {
  change(s, VLOT_EVENT_DURABLE, node, vote, 0, vlot__model_last(model_of(s, node)), term);
}

static void restart(stage *s, uint32_t node, uint64_t disk) {
  change(s, VLOT_EVENT_KILL, node, 0, 1, 0, 0);
  change(s, VLOT_EVENT_RESTART, node, 0, disk, 0, 0);
}

static void slice_event(stage *s, vlot_event_kind kind, uint32_t node, uint64_t first,
                        uint64_t count, uint64_t at) {
  vlot_event event = {.kind = (uint16_t)kind, .node = node};
  event.as.slice.first = first;
  event.as.slice.count = count;
  event.as.slice.chain = chain_at(s, node, at, &event.as.slice.term);
  feed(s, event);
}

/* Entries [count] of a term whose content is their index and a letter, in one slice. */
static void grow(stage *s, uint32_t node, uint64_t term, uint32_t count, char letter) {
  vlot__model *model = model_of(s, node);
  char texts[16][24];
  vlot_entry entries[16];
  uint64_t first = vlot__model_last(model) + 1;
  for (uint32_t k = 0; k < count; k++) {
    int size = snprintf(texts[k], sizeof texts[k], "%d%c", (int)(first + k), letter);
    entries[k] = (vlot_entry){
        .data = (uint8_t *)texts[k], .size = (uint32_t)size, .kind = VLOT_ENTRY_COMMAND};
  }
  vlot_slice slice = {.batch = vlot_batch_make(NULL, entries, NULL, count),
                      .index = first,
                      .term = term,
                      .count = count};
  vlot__model_append(model, &slice);
  vlot_batch_release(slice.batch);
}

static void append_as(stage *s, uint32_t node, uint64_t term, uint32_t count, char letter) {
  grow(s, node, term, count, letter);
  uint64_t last = vlot__model_last(model_of(s, node));
  if (!model_of(s, node)->is_lost)
    slice_event(s, VLOT_EVENT_APPEND, node, last - count + 1, count, last);
}

static void append(stage *s, uint32_t node, uint64_t term, uint32_t count) {
  append_as(s, node, term, count, 'a');
}

static void truncate(stage *s, uint32_t node, uint64_t from) {
  uint64_t count = vlot__model_last(model_of(s, node)) - from + 1;
  vlot__model_truncate(model_of(s, node), from);
  slice_event(s, VLOT_EVENT_TRUNCATE, node, from, count, from - 1);
}

static void commit(stage *s, uint32_t node, uint64_t from, uint64_t to) {
  slice_event(s, VLOT_EVENT_COMMIT, node, from, to - from + 1, to);
}

static void apply(stage *s, uint32_t node, uint64_t from, uint64_t to, uint64_t hash) {
  vlot_event event = {.kind = VLOT_EVENT_APPLY, .node = node};
  event.as.slice.first = from;
  event.as.slice.count = to - from + 1;
  event.as.slice.chain = chain_at(s, node, to, &event.as.slice.term);
  event.as.slice.hash = hash;
  feed(s, event);
}

static void message(stage *s, vlot_event_kind kind, uint32_t node, uint32_t peer,
                    vlot_message_kind what, uint64_t term, uint64_t index, uint32_t entries) {
  vlot_event event = {.kind = (uint16_t)kind, .node = node, .peer = peer};
  event.as.message.kind = (uint32_t)what;
  event.as.message.flags =
      what == VLOT_MESSAGE_VOTE_REPLY || what == VLOT_MESSAGE_APPEND_REPLY ? VLOT_MESSAGE_OK : 0;
  event.as.message.term = term;
  event.as.message.index = index;
  event.as.message.entries = entries;
  event.as.message.from = kind == VLOT_EVENT_SENT ? node : peer;
  if (kind == VLOT_EVENT_SENT && index <= vlot__model_last(model_of(s, node)))
    (void)chain_at(s, node, index, &event.as.message.log_term);
  feed(s, event);
}

/* An append or a chunk as it says itself. */
static void send(stage *s, uint32_t node, uint32_t peer, vlot_message_kind what, uint64_t term,
                 uint64_t index, uint64_t log_term, uint32_t entries) {
  vlot_event event = {.kind = VLOT_EVENT_SENT, .node = node, .peer = peer};
  event.as.message.kind = (uint32_t)what;
  event.as.message.term = term;
  event.as.message.index = index;
  event.as.message.log_term = log_term;
  event.as.message.entries = entries;
  event.as.message.from = node;
  feed(s, event);
}

static void match(stage *s, uint32_t node, uint32_t peer, uint64_t from, uint64_t to,
                  uint64_t term) {
  change(s, VLOT_EVENT_MATCH, node, peer, from, to, term);
}

static void acknowledge(stage *s, uint32_t node, uint32_t leader, uint64_t term, uint64_t match) {
  message(s, VLOT_EVENT_SENT, node, leader, VLOT_MESSAGE_APPEND_REPLY, term, match, 0);
}

static void receive(stage *s, uint32_t node, uint32_t leader, uint64_t term, uint64_t prev,
                    uint32_t entries) {
  message(s, VLOT_EVENT_RECEIVED, node, leader, VLOT_MESSAGE_APPEND, term, prev, entries);
}

/* --- longer stretches of a correct history --- */

static void start_all(stage *s) {
  for (uint32_t node = 1; node <= NODES; node++) start(s, node, 0, 0);
}

/* The leader and one voter go from a term to the next, the third stays behind. */
static void elect(stage *s, uint32_t leader, uint32_t voter, uint64_t from, uint64_t term) {
  raise_term(s, leader, from, term);
  durable(s, leader, term, leader);
  message(s, VLOT_EVENT_SENT, leader, voter, VLOT_MESSAGE_VOTE, term,
          vlot__model_last(model_of(s, leader)), 0);
  raise_term(s, voter, from, term);
  durable(s, voter, term, leader);
  message(s, VLOT_EVENT_SENT, voter, leader, VLOT_MESSAGE_VOTE_REPLY, term, 0, 0);
  lead(s, leader, term);
}

/* Leader and follower get entries; the follower acknowledges them. */
static void replicate(stage *s, uint32_t leader, uint32_t follower, uint64_t term, uint32_t count) {
  uint64_t prev = vlot__model_last(model_of(s, leader));
  append(s, leader, term, count);
  durable(s, leader, term, leader);
  receive(s, follower, leader, term, prev, count);
  append(s, follower, term, count);
  durable(s, follower, term, leader);
  acknowledge(s, follower, leader, term, prev + count);
}

/* n1 leads term 1; n1 and n2 hold and know as committed entries 1 to 4. */
static void four_committed(stage *s) {
  start_all(s);
  elect(s, 1, 2, 0, 1);
  replicate(s, 1, 2, 1, 4);
  commit(s, 1, 1, 4);
  commit(s, 2, 1, 4);
}

/* --- the table --- */

static void good_life(stage *s) {
  four_committed(s);
  apply(s, 1, 1, 4, 77);
  apply(s, 2, 1, 2, 0);
  apply(s, 2, 3, 4, 77);
  raise_term(s, 3, 0, 1);
  receive(s, 3, 1, 1, 0, 4);
  append(s, 3, 1, 2);
  append(s, 3, 1, 2);
  durable(s, 3, 1, 0);
  acknowledge(s, 3, 1, 1, 4);
  commit(s, 3, 1, 4);
  apply(s, 3, 1, 4, 77);
}

static void i1_bad(stage *s) {
  start_all(s);
  lead(s, 1, 1);
  step_down(s, 1, 1);
  lead(s, 2, 1);
}
static void i1_fenced(stage *s) {
  start_all(s);
  vlot_event event = {.kind = VLOT_EVENT_FENCED, .node = 1, .peer = 2, .why = VLOT_WHY_TWO_LEADERS};
  feed(s, event);
}
static void i1_good(stage *s) {
  start_all(s);
  lead(s, 1, 1);
  step_down(s, 1, 1);
  lead(s, 2, 2);
  vlot_event event = {.kind = VLOT_EVENT_FENCED, .node = 1, .why = VLOT_WHY_WRITE_FAILED};
  feed(s, event);
}

static void i2_bad(stage *s) {
  start_all(s);
  elect(s, 1, 2, 0, 1);
  append(s, 1, 1, 4);
  truncate(s, 1, 3);
}
static void i2_good(stage *s) {
  start_all(s);
  elect(s, 1, 2, 0, 1);
  append(s, 1, 1, 4);
  step_down(s, 1, 1);
  truncate(s, 1, 3);
}

static void i3_bad(stage *s) {
  start_all(s);
  elect(s, 1, 2, 0, 1);
  append(s, 1, 1, 3);
  append_as(s, 2, 1, 2, 'b');
}
static void i3_bad_prefix(stage *s) { /* the same entry on another one */
  start_all(s);
  append(s, 1, 1, 1);
  append(s, 1, 2, 1);
  append_as(s, 2, 1, 1, 'a');
  truncate(s, 2, 1);
  append_as(s, 2, 3, 1, 'b');
  grow(s, 3, 1, 1, 'b');
  slice_event(s, VLOT_EVENT_APPEND, 3, 1, 1, 1);
}
static void i3_bad_forgotten(stage *s) { /* the history has a higher term there */
  start_all(s);
  append(s, 1, 1, 1);
  append(s, 2, 2, 1);
  append_as(s, 3, 1, 1, 'b');
}
static void i3_bad_gap(stage *s) {
  start_all(s);
  append(s, 1, 1, 3);
  slice_event(s, VLOT_EVENT_APPEND, 2, 3, 0, 0);
}
static void i3_good(stage *s) {
  start_all(s);
  append(s, 1, 1, 3);
  append(s, 2, 1, 2);
  truncate(s, 2, 2);
  append_as(s, 2, 2, 1, 'b');
  append(s, 3, 1, 2);
}

static void i4_bad(stage *s) {
  four_committed(s);
  lead(s, 3, 2);
}
static void i4_good(stage *s) { /* a leader of an older term, elected late, need not have them */
  start_all(s);
  elect(s, 1, 2, 0, 5);
  replicate(s, 1, 2, 5, 4);
  commit(s, 1, 1, 4);
  lead(s, 3, 4);
}
static void i4_good_next(stage *s) {
  four_committed(s);
  lead(s, 2, 2);
}

static void i5_bad_apply(stage *s) {
  four_committed(s);
  vlot_event event = {.kind = VLOT_EVENT_APPLY, .node = 1};
  event.as.slice.first = 1;
  event.as.slice.count = 4;
  event.as.slice.term = 1;
  event.as.slice.chain = 99;
  feed(s, event);
}
static void i16_bad_gap(stage *s) {
  four_committed(s);
  apply(s, 1, 2, 4, 0);
}
static void i16_bad_again(stage *s) {
  four_committed(s);
  apply(s, 1, 1, 2, 0);
  apply(s, 1, 2, 4, 0);
}
static void i5_bad_commit(stage *s) {
  four_committed(s);
  raise_term(s, 3, 0, 1);
  receive(s, 3, 1, 1, 0, 4);
  append(s, 3, 3, 4);
  commit(s, 3, 1, 4);
}
/* its entries were given to no storage: nobody knows which they are */
static void i5_good_fenced_step(stage *s) {
  four_committed(s);
  raise_term(s, 3, 0, 1);
  receive(s, 3, 1, 1, 0, 4);
  vlot_event event = {.kind = VLOT_EVENT_APPEND, .node = 3};
  event.as.slice.first = 1;
  event.as.slice.count = 4;
  event.as.slice.term = 1;
  feed(s, event);
  event.kind = VLOT_EVENT_COMMIT;
  feed(s, event);
  event = (vlot_event){.kind = VLOT_EVENT_FENCED, .node = 3, .why = VLOT_WHY_WRITE_FAILED};
  feed(s, event);
}
static void i5_good_restart(stage *s) { /* everything again, after a restart */
  four_committed(s);
  apply(s, 2, 1, 4, 0);
  restart(s, 2, 0);
  start(s, 2, 1, 1);
  receive(s, 2, 1, 1, 4, 0);
  commit(s, 2, 1, 3);
  apply(s, 2, 1, 3, 0);
}

static void i6_bad_truncate(stage *s) {
  four_committed(s);
  truncate(s, 2, 4);
}
static void i6_bad_after_restart(stage *s) {
  four_committed(s);
  restart(s, 2, 0);
  start(s, 2, 1, 1);
  truncate(s, 2, 4);
}
static void i6_bad_recovery(stage *s) {
  four_committed(s);
  restart(s, 2, 1);
  vlot__model_truncate(model_of(s, 2), 3);
  start(s, 2, 1, 1);
}
static void i6_bad_fenced(stage *s) {
  four_committed(s);
  vlot_event event = {
      .kind = VLOT_EVENT_FENCED, .node = 2, .peer = 3, .why = VLOT_WHY_COMMITTED_CONFLICT};
  feed(s, event);
}
static void i6_good(stage *s) {
  four_committed(s);
  append(s, 2, 1, 2);
  truncate(s, 2, 5);
}
static void i6_good_lost(stage *s) { /* known as committed, but never durable here */
  four_committed(s);
  raise_term(s, 3, 0, 1);
  durable(s, 3, 1, 0);
  receive(s, 3, 1, 1, 0, 4);
  append(s, 3, 1, 4);
  commit(s, 3, 1, 4);
  restart(s, 3, 1);
  vlot__model_truncate(model_of(s, 3), 1);
  start(s, 3, 1, 0);
  append(s, 3, 1, 4);
  truncate(s, 3, 2);
}

static void i7_bad_term(stage *s) {
  start_all(s);
  raise_term(s, 1, 0, 3);
  raise_term(s, 1, 3, 2);
}
static void i7_bad_durable_term(stage *s) {
  start_all(s);
  durable(s, 1, 3, 0);
  durable(s, 1, 2, 0);
}
static void i7_bad_recovered_term(stage *s) {
  start_all(s);
  durable(s, 1, 3, 0);
  restart(s, 1, 1);
  start(s, 1, 2, 0);
}
static void i7_bad_commit_back(stage *s) {
  four_committed(s);
  commit(s, 2, 3, 4);
}
static void i7_bad_unverified(stage *s) { /* a heartbeat verified 2, and 4 is committed */
  four_committed(s);
  raise_term(s, 3, 0, 1);
  append(s, 3, 1, 4);
  receive(s, 3, 1, 1, 2, 0);
  commit(s, 3, 1, 4);
}
static void i7_bad_apply(stage *s) {
  four_committed(s);
  append(s, 1, 1, 1);
  apply(s, 1, 1, 5, 0);
}
static void i7_bad_step(stage *s) {
  four_committed(s);
  vlot_event event = {.kind = VLOT_EVENT_STEP, .node = 1};
  event.as.step.before = (vlot_brief){.term = 1, .last_index = 4, .commit_index = 4};
  event.as.step.after = (vlot_brief){.term = 1, .last_index = 4, .commit_index = 3};
  feed(s, event);
}
static void i7_good(stage *s) {
  four_committed(s);
  receive(s, 3, 1, 1, 0,
          2); /* two messages of two terms are received before the step that takes both */
  receive(s, 3, 1, 2, 2, 0);
  vlot_event event = {.kind = VLOT_EVENT_STEP, .node = 3};
  event.as.step.after = (vlot_brief){.term = 2, .last_index = 2, .commit_index = 2};
  feed(s, event);
  raise_term(s, 3, 0, 1);
  append(s, 3, 1, 2);
  commit(s, 3, 1, 2);
  raise_term(s, 3, 1, 2);
}

static void i8_bad_twice(stage *s) {
  start_all(s);
  raise_term(s, 1, 0, 1);
  durable(s, 1, 1, 2);
  message(s, VLOT_EVENT_SENT, 1, 2, VLOT_MESSAGE_VOTE_REPLY, 1, 0, 0);
  raise_term(s, 1, 1, 2);
  durable(s, 1, 2, 0);
  message(s, VLOT_EVENT_SENT, 1, 3, VLOT_MESSAGE_VOTE_REPLY, 1, 0, 0);
}
static void i8_bad_early(stage *s) {
  start_all(s);
  raise_term(s, 1, 0, 1);
  message(s, VLOT_EVENT_SENT, 1, 2, VLOT_MESSAGE_VOTE_REPLY, 1, 0, 0);
}
static void i8_bad_own(stage *s) {
  start_all(s);
  raise_term(s, 1, 0, 1);
  durable(s, 1, 1, 0);
  message(s, VLOT_EVENT_SENT, 1, 2, VLOT_MESSAGE_VOTE, 1, 0, 0);
}
static void i8_bad_recovered(stage *s) {
  start_all(s);
  durable(s, 1, 3, 2);
  restart(s, 1, 1);
  start(s, 1, 3, 0);
}
static void i8_bad_durable(stage *s) {
  start_all(s);
  durable(s, 1, 3, 2);
  durable(s, 1, 3, 1);
}
static void i8_good(stage *s) {
  start_all(s);
  raise_term(s, 1, 0, 1);
  durable(s, 1, 1, 2);
  message(s, VLOT_EVENT_SENT, 1, 2, VLOT_MESSAGE_VOTE_REPLY, 1, 0, 0);
  message(s, VLOT_EVENT_SENT, 1, 2, VLOT_MESSAGE_VOTE_REPLY, 1, 0, 0); /* the same once more */
  message(s, VLOT_EVENT_SENT, 1, 3, VLOT_MESSAGE_PRE_VOTE_REPLY, 1, 0, 0);
  raise_term(s, 1, 1, 2);
  durable(s, 1, 2, 3);
  message(s, VLOT_EVENT_SENT, 1, 3, VLOT_MESSAGE_VOTE_REPLY, 2, 0, 0);
}
static void i8_good_superseded(stage *s) {
  start_all(s);
  raise_term(s, 1, 0, 1);
  durable(s, 1, 2, 0);
  message(s, VLOT_EVENT_SENT, 1, 2, VLOT_MESSAGE_VOTE_REPLY, 1, 0, 0);
}

static void i9_bad_early(stage *s) {
  start_all(s);
  elect(s, 1, 2, 0, 1);
  append(s, 1, 1, 3);
  receive(s, 2, 1, 1, 0, 3);
  append(s, 2, 1, 3);
  acknowledge(s, 2, 1, 1, 3);
}
static void i9_bad_overwritten(stage *s) { /* durable was what is removed since */
  start_all(s);
  elect(s, 1, 2, 0, 1);
  append(s, 1, 1, 3);
  append_as(s, 2, 1, 1, 'a');
  append_as(s, 2, 1, 1, 'a');
  durable(s, 2, 1, 1);
  truncate(s, 2, 2);
  append(s, 2, 1, 1);
  acknowledge(s, 2, 1, 1, 2);
}
static void i9_bad_other(stage *s) { /* durable, but not the leader's */
  start_all(s);
  append_as(s, 2, 1, 2, 'b');
  durable(s, 2, 0, 0);
  elect(s, 1, 2, 0, 2);
  append(s, 1, 2, 2);
  acknowledge(s, 2, 1, 2, 2);
}
static void i9_bad_recovery(stage *s) {
  start_all(s);
  append(s, 1, 1, 4);
  durable(s, 1, 1, 0);
  restart(s, 1, 1);
  vlot__model_truncate(model_of(s, 1), 4);
  start(s, 1, 1, 0);
}
static void i9_bad_claim(stage *s) {
  start_all(s);
  append(s, 1, 1, 4);
  change(s, VLOT_EVENT_DURABLE, 1, 0, 0, 3, 1);
  vlot_event event = {.kind = VLOT_EVENT_DURABLE, .node = 1};
  event.as.change.to = 5;
  event.as.change.term = 1;
  feed(s, event);
}
static void i9_good_past(stage *s) { /* one step answers the old leader, then follows the new one */
  start_all(s);
  elect(s, 1, 2, 0, 1);
  append(s, 1, 1, 3);
  append(s, 2, 1, 3);
  durable(s, 2, 1, 1);
  vlot_event event = {.kind = VLOT_EVENT_STEP, .node = 2};
  event.as.step.before = (vlot_brief){.term = 1, .last_index = 3};
  event.as.step.after = (vlot_brief){.term = 2, .last_index = 2};
  feed(s, event);
  raise_term(s, 2, 1, 2);
  truncate(s, 2, 3);
  acknowledge(s, 2, 1, 1, 3);
}
static void i9_good_recovery(stage *s) { /* what was not durable may be lost */
  start_all(s);
  append(s, 1, 1, 2);
  durable(s, 1, 1, 0);
  append(s, 1, 1, 2);
  restart(s, 1, 1);
  vlot__model_truncate(model_of(s, 1), 3);
  start(s, 1, 1, 0);
}
static void i9_good_wiped(stage *s) {
  four_committed(s);
  restart(s, 2, 2);
  vlot__model_truncate(model_of(s, 2), 1);
  start(s, 2, 0, 0);
}

static void i10_bad(stage *s) {
  start_all(s);
  elect(s, 1, 2, 0, 1);
  append(s, 1, 1, 2);
  durable(s, 1, 1, 1);
  append(s, 2, 1, 2);
  commit(s, 1, 1, 2);
}
static void i10_bad_other(stage *s) { /* the second one holds another entry there */
  start_all(s);
  append_as(s, 2, 1, 2, 'b');
  durable(s, 2, 0, 0);
  elect(s, 1, 3, 0, 2);
  append(s, 1, 2, 2);
  durable(s, 1, 2, 1);
  commit(s, 1, 1, 2);
}
static void i10_good_down(stage *s) { /* a node that is down still holds what it stored */
  start_all(s);
  elect(s, 1, 2, 0, 1);
  replicate(s, 1, 2, 1, 2);
  change(s, VLOT_EVENT_KILL, 2, 0, 1, 0, 0);
  commit(s, 1, 1, 2);
}
static void i10_good_wiped(stage *s) {
  start_all(s);
  elect(s, 1, 2, 0, 1);
  replicate(s, 1, 2, 1, 2);
  restart(s, 2, 2);
  vlot__model_truncate(model_of(s, 2), 1);
  start(s, 2, 0, 0);
  commit(s, 1, 1, 2);
}

/* The cluster was opened with other roles than three voters; 0: no member. */
static void opened_with(stage *s, uint32_t role1, uint32_t role2, uint32_t role3) {
  const uint32_t roles[NODES] = {role1, role2, role3};
  uint32_t count = 0, place = 0;
  for (uint32_t k = 0; k < NODES; k++) count += roles[k] != 0;
  for (uint32_t k = 0; k < NODES; k++)
    if (roles[k]) configure(s, 0, 0, place++, count, k + 1, 100 + k, roles[k]);
}

/* n1 leads and has stored an entry together with n2; it tells a configuration at the second. */
static void second_is_a_configuration(stage *s, uint32_t role1, uint32_t role2, uint32_t role3) {
  const uint32_t roles[NODES] = {role1, role2, role3};
  start_all(s);
  elect(s, 1, 2, 0, 1);
  replicate(s, 1, 2, 1, 2);
  for (uint32_t k = 0; k < NODES; k++) configure(s, 1, 2, k, NODES, k + 1, 100 + k, roles[k]);
}

static void i10_bad_learner(stage *s) {
  opened_with(s, VLOT_CONFIG_VOTER, VLOT_CONFIG_LEARNER, VLOT_CONFIG_VOTER);
  start_all(s);
  elect(s, 1, 3, 0, 1);
  raise_term(s, 2, 0, 1);
  replicate(s, 1, 2, 1, 2);
  commit(s, 1, 1, 2);
}
static void i10_bad_stranger(stage *s) {
  opened_with(s, VLOT_CONFIG_VOTER, 0, VLOT_CONFIG_VOTER);
  start_all(s);
  elect(s, 1, 3, 0, 1);
  raise_term(s, 2, 0, 1);
  replicate(s, 1, 2, 1, 2);
  commit(s, 1, 1, 2);
}
static void i10_good_two_voters(stage *s) {
  opened_with(s, VLOT_CONFIG_VOTER, VLOT_CONFIG_VOTER, 0);
  start_all(s);
  elect(s, 1, 2, 0, 1);
  replicate(s, 1, 2, 1, 2);
  commit(s, 1, 1, 2);
}
static void i10_bad_new_half(stage *s) {
  second_is_a_configuration(s, VLOT_CONFIG_VOTER | VLOT_CONFIG_OLD_VOTER, VLOT_CONFIG_OLD_VOTER,
                            VLOT_CONFIG_VOTER);
  commit(s, 1, 1, 2);
}
static void i10_bad_old_half(stage *s) {
  second_is_a_configuration(s, VLOT_CONFIG_VOTER | VLOT_CONFIG_OLD_VOTER, VLOT_CONFIG_VOTER,
                            VLOT_CONFIG_OLD_VOTER);
  commit(s, 1, 1, 2);
}
static void i10_good_joint(stage *s) {
  second_is_a_configuration(s, VLOT_CONFIG_VOTER, VLOT_CONFIG_VOTER | VLOT_CONFIG_OLD_VOTER,
                            VLOT_CONFIG_LEARNER);
  commit(s, 1, 1, 2);
}
static void i10_good_half_told(stage *s) { /* what is not told to its end is not in force */
  start_all(s);
  elect(s, 1, 2, 0, 1);
  replicate(s, 1, 2, 1, 2);
  configure(s, 1, 2, 0, 2, 3, 102, VLOT_CONFIG_VOTER);
  commit(s, 1, 1, 2);
}
static void i10_good_removed(stage *s) { /* with the entry that it stood at */
  second_is_a_configuration(s, VLOT_CONFIG_LEARNER, VLOT_CONFIG_LEARNER, VLOT_CONFIG_VOTER);
  step_down(s, 1, 1);
  truncate(s, 1, 2);
  truncate(s, 2, 2);
  elect(s, 1, 2, 1, 2);
  replicate(s, 1, 2, 2, 1);
  commit(s, 1, 1, 2);
}

/* n2 comes back with a blank disk and is given everything. */
static void refill_wiped(stage *s) {
  start_all(s);
  elect(s, 1, 3, 0, 1);
  restart(s, 2, 2);
  start(s, 2, 0, 0);
  raise_term(s, 2, 0, 1);
  replicate(s, 1, 2, 1, 2);
}
static void i10_bad_disk(stage *s) {
  refill_wiped(s);
  commit(s, 1, 1, 2);
}
static void i10_good_disk(stage *s) { /* a configuration names the new disk */
  refill_wiped(s);
  configure(s, 1, 2, 0, 2, 1, 100, VLOT_CONFIG_VOTER);
  configure(s, 1, 2, 1, 2, 2, 500, VLOT_CONFIG_VOTER);
  commit(s, 1, 1, 2);
}

static void i11_bad(stage *s) { /* Figure 8 */
  start_all(s);
  elect(s, 1, 2, 0, 1);
  replicate(s, 1, 2, 1, 2);
  step_down(s, 1, 1);
  elect(s, 1, 2, 1, 2);
  commit(s, 1, 1, 2);
}
static void i11_good(stage *s) {
  start_all(s);
  elect(s, 1, 2, 0, 1);
  replicate(s, 1, 2, 1, 2);
  step_down(s, 1, 1);
  elect(s, 1, 2, 1, 2);
  replicate(s, 1, 2, 2, 1);
  commit(s, 1, 1, 3);
  commit(s, 2, 1, 2); /* a follower may learn of an old entry alone */
}

static void i12_bad_more(stage *s) { /* n2 acknowledged 2 of 4 */
  start_all(s);
  elect(s, 1, 2, 0, 1);
  replicate(s, 1, 2, 1, 2);
  append(s, 1, 1, 2);
  durable(s, 1, 1, 1);
  match(s, 1, 2, 0, 3, 1);
}
static void i12_bad_not_durable(stage *s) {
  start_all(s);
  elect(s, 1, 2, 0, 1);
  append(s, 1, 1, 2);
  append(s, 2, 1, 2);
  match(s, 1, 2, 0, 2, 1);
}
static void i12_bad_other(stage *s) { /* as much as that, but of another past */
  start_all(s);
  append_as(s, 2, 1, 2, 'b');
  durable(s, 2, 0, 0);
  elect(s, 1, 2, 0, 2);
  append(s, 1, 2, 2);
  match(s, 1, 2, 0, 2, 2);
}
static void i12_bad_back(stage *s) {
  four_committed(s);
  match(s, 1, 2, 0, 4, 1);
  match(s, 1, 2, 4, 3, 1);
}
static void i12_bad_forgets(stage *s) { /* what was known to be held is not any more */
  four_committed(s);
  match(s, 1, 2, 0, 3, 1);
  match(s, 1, 2, 0, 4, 1);
}
static void i12_good(stage *s) {
  four_committed(s);
  match(s, 1, 2, 0, 2, 1);
  match(s, 1, 2, 2, 4, 1);
  match(s, 1, 2, 4, 0, 1); /* it has lost its disk */
  match(s, 1, 2, 0, 4, 1);
  step_down(s, 1, 1);
  elect(s, 1, 2, 1, 2);
  match(s, 1, 2, 0, 4, 2);
}
static void i12_good_later(stage *s) { /* it has gone on to a later term meanwhile */
  start_all(s);
  elect(s, 1, 2, 0, 1);
  replicate(s, 1, 2, 1, 3);
  raise_term(s, 2, 1, 2);
  truncate(s, 2, 2);
  match(s, 1, 2, 0, 3, 1);
}

/* It has left, and comes back, within one leadership. */
static void i12_good_again(stage *s) {
  four_committed(s);
  match(s, 1, 2, 0, 4, 1);
  for (uint32_t k = 0; k < NODES; k++)
    configure(s, 1, 4, k, NODES, k + 1, 100 + k, VLOT_CONFIG_VOTER);
  match(s, 1, 2, 0, 4, 1);
}

static void i13_bad_name(stage *s) {
  four_committed(s);
  vlot_event event = {.kind = VLOT_EVENT_SENT, .node = 2, .peer = 1};
  event.as.message.kind = VLOT_MESSAGE_APPEND_REPLY;
  event.as.message.term = 1;
  event.as.message.from = 3;
  feed(s, event);
}
static void i13_bad_early(stage *s) {
  start_all(s);
  raise_term(s, 1, 0, 1);
  send(s, 1, 2, VLOT_MESSAGE_PRE_VOTE, 1, 0, 0, 0);
}
static void i13_bad_follower(stage *s) {
  four_committed(s);
  send(s, 2, 3, VLOT_MESSAGE_APPEND, 1, 4, 1, 0);
}
static void i13_bad_past(stage *s) { /* it led that term, and leads another now */
  four_committed(s);
  step_down(s, 1, 1);
  elect(s, 1, 2, 1, 2);
  send(s, 1, 2, VLOT_MESSAGE_APPEND, 1, 4, 1, 0);
}
static void i13_bad_no_term(stage *s) {
  four_committed(s);
  send(s, 1, 2, VLOT_MESSAGE_APPEND, 1, 3, 0, 1);
}
static void i13_bad_no_index(stage *s) {
  four_committed(s);
  send(s, 1, 2, VLOT_MESSAGE_APPEND, 1, 0, 1, 1);
}
static void i13_bad_other_term(stage *s) {
  four_committed(s);
  step_down(s, 1, 1);
  elect(s, 1, 2, 1, 2);
  send(s, 1, 2, VLOT_MESSAGE_APPEND, 2, 4, 2, 0);
}
static void i13_bad_later_term(stage *s) {
  four_committed(s);
  send(s, 1, 2, VLOT_MESSAGE_APPEND, 1, 4, 2, 0);
}
static void i13_bad_entries(stage *s) {
  four_committed(s);
  send(s, 1, 2, VLOT_MESSAGE_APPEND, 1, 3, 1, 2);
}
static void i13_bad_gap(stage *s) {
  four_committed(s);
  send(s, 1, 2, VLOT_MESSAGE_APPEND, 1, 5, 1, 0);
}
static void i13_bad_candidate(stage *s) {
  four_committed(s);
  send(s, 3, 2, VLOT_MESSAGE_PRE_VOTE, 0, 4, 1, 0);
}
static void i13_bad_chunk(stage *s) { /* it has no snapshot there */
  four_committed(s);
  apply(s, 1, 1, 4, 0);
  change(s, VLOT_EVENT_SNAPSHOT_TAKEN, 1, 0, 0, 3, 1);
  send(s, 1, 3, VLOT_MESSAGE_INSTALL, 1, 4, 1, 20);
}
static void i13_good(stage *s) {
  four_committed(s);
  send(s, 1, 3, VLOT_MESSAGE_APPEND, 1, 0, 0, 4);
  send(s, 1, 3, VLOT_MESSAGE_APPEND, 1, 4, 1, 0);
  apply(s, 1, 1, 4, 0);
  change(s, VLOT_EVENT_SNAPSHOT_TAKEN, 1, 0, 0, 4, 1);
  send(s, 1, 3, VLOT_MESSAGE_INSTALL, 1, 4, 1, 20);
  send(s, 3, 2, VLOT_MESSAGE_PRE_VOTE, 0, 0, 0, 0);
}

/* n1 has applied all four and has a snapshot at 3. */
static void taken(stage *s) {
  four_committed(s);
  apply(s, 1, 1, 4, 0);
  change(s, VLOT_EVENT_SNAPSHOT_TAKEN, 1, 0, 0, 3, 1);
}
/* n3 begins at a snapshot whose last entry has this chain. */
static void begins_at(stage *s, uint64_t index, uint64_t term, uint64_t chain) {
  raise_term(s, 3, 0, 1);
  durable(s, 3, 1, 0);
  vlot__model_restart(model_of(s, 3), index, term, chain);
  change(s, VLOT_EVENT_SNAPSHOT_INSTALLED, 3, 1, 0, index, term);
}
static void i14_bad_early(stage *s) {
  four_committed(s);
  apply(s, 1, 1, 2, 0);
  change(s, VLOT_EVENT_SNAPSHOT_TAKEN, 1, 0, 0, 3, 1);
}
static void i14_bad_volatile(stage *s) { /* of what is not durable here */
  four_committed(s);
  raise_term(s, 3, 0, 1);
  receive(s, 3, 1, 1, 0, 4);
  append(s, 3, 1, 4);
  commit(s, 3, 1, 4);
  apply(s, 3, 1, 4, 0);
  change(s, VLOT_EVENT_SNAPSHOT_TAKEN, 3, 0, 0, 4, 1);
}
static void i14_bad_term(stage *s) {
  four_committed(s);
  apply(s, 1, 1, 4, 0);
  change(s, VLOT_EVENT_SNAPSHOT_TAKEN, 1, 0, 0, 4, 2);
}
static void i14_bad_back(stage *s) {
  taken(s);
  change(s, VLOT_EVENT_SNAPSHOT_TAKEN, 1, 0, 3, 2, 1);
}
static void i14_bad_compaction(stage *s) {
  taken(s);
  change(s, VLOT_EVENT_COMPACTED, 1, 0, 0, 4, 1);
}
static void i14_bad_base(stage *s) {
  taken(s);
  change(s, VLOT_EVENT_COMPACTED, 1, 0, 0, 3, 1);
  change(s, VLOT_EVENT_COMPACTED, 1, 0, 1, 2, 1);
}
static void i14_bad_recovery(stage *s) {
  taken(s);
  restart(s, 1, 1);
  start(s, 1, 1, 1);
}
static void i14_bad_install(stage *s) { /* what was committed there is another entry */
  taken(s);
  begins_at(s, 3, 1, 99);
}
static void i14_bad_future(stage *s) { /* nobody has committed that much */
  taken(s);
  begins_at(s, 5, 1, 99);
}
static void i14_bad_pointer(stage *s) { /* between the write and the next start it is not durable */
  taken(s);
  begins_at(s, 3, 1, chain_at(s, 1, 3, NULL));
  change(s, VLOT_EVENT_COMPACTED, 3, 0, 0, 3, 1);
}
static void recovered_at(stage *s, uint32_t node, uint64_t snapshot) {
  vlot_event event = {.kind = VLOT_EVENT_START, .node = node};
  event.as.step.after = (vlot_brief){.term = 1,
                                     .vote = node == 3 ? 0 : 1,
                                     .commit_index = snapshot,
                                     .last_index = vlot__model_last(model_of(s, node))};
  feed(s, event);
}
static void i14_good(stage *s) {
  taken(s);
  change(s, VLOT_EVENT_COMPACTED, 1, 0, 0, 1, 1);
  change(s, VLOT_EVENT_COMPACTED, 1, 0, 1, 3, 1);
  change(s, VLOT_EVENT_SNAPSHOT_TAKEN, 1, 0, 3, 4, 1);
  begins_at(s, 4, 1, chain_at(s, 1, 4, NULL));
  durable(s, 3, 1, 0);
  acknowledge(s, 3, 1, 1, 4);
  restart(s, 1, 1);
  recovered_at(s, 1, 4);
  restart(s, 3, 1);
  recovered_at(s, 3, 4);
}
/* A snapshot is installed, and the power is cut before its write is durable. */
static void i14_good_lost(stage *s) {
  taken(s);
  begins_at(s, 3, 1, chain_at(s, 1, 3, NULL));
  restart(s, 3, 1);
  vlot__model_restart(model_of(s, 3), 0, 0, 0);
  recovered_at(s, 3, 0);
}
static void i14_good_wiped(stage *s) {
  taken(s);
  restart(s, 1, 2);
  vlot__model_truncate(model_of(s, 1), 1);
  start(s, 1, 0, 0);
}
/* What it held before counts until the snapshot is durable, in whose place it stands then. */
static void i10_good_installing(stage *s) {
  taken(s);
  raise_term(s, 3, 0, 1);
  receive(s, 3, 1, 1, 0, 2);
  append(s, 3, 1, 2);
  durable(s, 3, 1, 0);
  vlot__model_restart(model_of(s, 3), 3, 1, chain_at(s, 1, 3, NULL));
  change(s, VLOT_EVENT_SNAPSHOT_INSTALLED, 3, 1, 0, 3, 1);
  match(s, 1, 3, 0, 2, 1);
}

static void hash_bad(stage *s) {
  four_committed(s);
  apply(s, 1, 1, 4, 77);
  apply(s, 2, 1, 4, 78);
}
static void hash_good(stage *s) {
  four_committed(s);
  apply(s, 1, 1, 3, 77);
  apply(s, 1, 4, 4, 78);
  apply(s, 2, 1, 4, 78);
}

static const struct history {
  const char *name;
  void (*play)(stage *s);
  uint32_t breaks; /* 0: nothing */
} histories[] = {
#define GOOD(name) \
  { #name, name, 0 }
#define BAD(number, name) \
  { #name, name, number }
    GOOD(good_life),
    BAD(1, i1_bad),
    BAD(1, i1_fenced),
    GOOD(i1_good),
    BAD(2, i2_bad),
    GOOD(i2_good),
    BAD(3, i3_bad),
    BAD(3, i3_bad_prefix),
    BAD(3, i3_bad_forgotten),
    BAD(3, i3_bad_gap),
    GOOD(i3_good),
    BAD(4, i4_bad),
    GOOD(i4_good),
    GOOD(i4_good_next),
    BAD(5, i5_bad_apply),
    BAD(16, i16_bad_gap),
    BAD(16, i16_bad_again),
    BAD(5, i5_bad_commit),
    GOOD(i5_good_fenced_step),
    GOOD(i5_good_restart),
    BAD(6, i6_bad_truncate),
    BAD(6, i6_bad_after_restart),
    BAD(6, i6_bad_recovery),
    BAD(6, i6_bad_fenced),
    GOOD(i6_good),
    GOOD(i6_good_lost),
    BAD(7, i7_bad_term),
    BAD(7, i7_bad_durable_term),
    BAD(7, i7_bad_recovered_term),
    BAD(7, i7_bad_commit_back),
    BAD(7, i7_bad_unverified),
    BAD(7, i7_bad_apply),
    BAD(7, i7_bad_step),
    GOOD(i7_good),
    BAD(8, i8_bad_twice),
    BAD(8, i8_bad_early),
    BAD(8, i8_bad_own),
    BAD(8, i8_bad_recovered),
    BAD(8, i8_bad_durable),
    GOOD(i8_good),
    GOOD(i8_good_superseded),
    BAD(9, i9_bad_early),
    BAD(9, i9_bad_overwritten),
    BAD(9, i9_bad_other),
    BAD(9, i9_bad_recovery),
    BAD(9, i9_bad_claim),
    GOOD(i9_good_past),
    GOOD(i9_good_recovery),
    GOOD(i9_good_wiped),
    BAD(10, i10_bad),
    BAD(10, i10_bad_other),
    GOOD(i10_good_down),
    GOOD(i10_good_wiped),
    BAD(10, i10_bad_learner),
    BAD(10, i10_bad_stranger),
    GOOD(i10_good_two_voters),
    BAD(10, i10_bad_new_half),
    BAD(10, i10_bad_old_half),
    GOOD(i10_good_joint),
    GOOD(i10_good_half_told),
    GOOD(i10_good_removed),
    BAD(10, i10_bad_disk),
    GOOD(i10_good_disk),
    BAD(11, i11_bad),
    GOOD(i11_good),
    BAD(12, i12_bad_more),
    BAD(12, i12_bad_not_durable),
    BAD(12, i12_bad_other),
    BAD(12, i12_bad_back),
    BAD(12, i12_bad_forgets),
    GOOD(i12_good),
    GOOD(i12_good_later),
    GOOD(i12_good_again),
    BAD(13, i13_bad_name),
    BAD(13, i13_bad_early),
    BAD(13, i13_bad_follower),
    BAD(13, i13_bad_past),
    BAD(13, i13_bad_no_term),
    BAD(13, i13_bad_no_index),
    BAD(13, i13_bad_other_term),
    BAD(13, i13_bad_later_term),
    BAD(13, i13_bad_entries),
    BAD(13, i13_bad_gap),
    BAD(13, i13_bad_candidate),
    BAD(13, i13_bad_chunk),
    GOOD(i13_good),
    BAD(14, i14_bad_early),
    BAD(14, i14_bad_volatile),
    BAD(14, i14_bad_term),
    BAD(14, i14_bad_back),
    BAD(14, i14_bad_compaction),
    BAD(14, i14_bad_base),
    BAD(14, i14_bad_recovery),
    BAD(14, i14_bad_install),
    BAD(14, i14_bad_future),
    BAD(14, i14_bad_pointer),
    GOOD(i14_good),
    GOOD(i14_good_lost),
    GOOD(i14_good_wiped),
    GOOD(i10_good_installing),
    BAD(VLOT_REPLICA_HASH, hash_bad),
    GOOD(hash_good),
};
enum { HISTORIES = sizeof histories / sizeof *histories };

Test(checker, each_history_breaks_the_invariant_it_is_made_to_break_and_no_other) {
  for (int k = 0; k < HISTORIES; k++) {
    const struct history *history = &histories[k];
    stage s;
    cr_assert(stage_open(&s, NULL));
    history->play(&s);
    uint32_t bit = history->breaks == VLOT_REPLICA_HASH ? 63 : history->breaks;
    uint64_t wanted = history->breaks ? (uint64_t)1 << bit : 0;
    cr_expect_eq(s.seen, wanted, "%s: wanted I-%u, got %llx: %s", history->name, history->breaks,
                 (unsigned long long)s.seen, s.text);
    const vlot__violation *first = vlot__checker_first(s.checker);
    cr_expect_eq(first != NULL, history->breaks != 0);
    if (first) cr_expect_str_eq(first->text, s.text);
    cr_expect_not(vlot__checker_is_incomplete(s.checker));
    stage_close(&s);
  }
}

Test(checker, every_invariant_has_a_history_that_breaks_it) {
  uint64_t broken = 0;
  for (int k = 0; k < HISTORIES; k++)
    if (histories[k].breaks < 64) broken |= (uint64_t)1 << histories[k].breaks;
  cr_assert_eq(broken, 0x17fff); /* 0, of those that break nothing, 1 to 14, and 16 */
}

Test(checker, evidence_names_nodes_terms_and_indexes) {
  stage s;
  cr_assert(stage_open(&s, NULL));
  i4_bad(&s);
  cr_assert_str_eq(s.text,
                   "n3 leads term 2 without entry 4 of term 1 that was committed in term 1");
  stage_close(&s);
}

Test(checker, without_memory_it_reports_nothing_and_says_so) {
  for (int k = 0; k < HISTORIES; k++) {
    bool is_done = false;
    for (uint64_t n = 1; !is_done; n++) {
      vlot_fault_allocator *faults = vlot_fault_allocator_open();
      vlot_fault_allocator_fail_at(faults, n, true);
      stage s;
      if (stage_open(&s, vlot_fault_allocator_get(faults))) {
        histories[k].play(&s);
        is_done = vlot_fault_allocator_made(faults) < n;
        bool is_lost = false;
        for (int m = 0; m < NODES; m++) is_lost = is_lost || s.models[m].is_lost;
        bool may_be_missing = vlot__checker_is_incomplete(s.checker) || is_lost;
        uint32_t bit = histories[k].breaks == VLOT_REPLICA_HASH ? 63 : histories[k].breaks;
        uint64_t wanted = histories[k].breaks ? (uint64_t)1 << bit : 0;
        cr_expect(s.seen == wanted || (s.seen == 0 && may_be_missing),
                  "%s with allocation %d failing: %llx: %s", histories[k].name, (int)n,
                  (unsigned long long)s.seen, s.text);
      }
      stage_close(&s);
      cr_assert_eq(vlot_fault_allocator_live(faults), 0);
      vlot_fault_allocator_close(faults);
      cr_assert_lt(n, 1000);
    }
  }
}

Test(checker, events_of_others_are_ignored) {
  stage s;
  cr_assert(stage_open(&s, NULL));
  for (uint32_t kind = 0; kind <= VLOT_EVENT_KINDS; kind++) {
    feed(&s, (vlot_event){.kind = (uint16_t)kind, .node = 0});
    feed(&s, (vlot_event){.kind = (uint16_t)kind, .node = 9});
  }
  cr_assert_eq(s.seen, 0);
  stage_close(&s);
}

/* One vote of a member that has any id at all; returns the invariant it breaks. */
static uint32_t cast_vote(vlot__checker *checker, const vlot__model *model, uint32_t id,
                          uint64_t term, uint32_t candidate) {
  vlot_event durable = {.kind = VLOT_EVENT_DURABLE, .node = id, .peer = candidate};
  durable.as.change.term = term;
  (void)vlot__checker_feed(checker, &durable, model);
  vlot_event sent = {.kind = VLOT_EVENT_SENT, .node = id, .peer = candidate};
  sent.as.message.kind = VLOT_MESSAGE_VOTE_REPLY;
  sent.as.message.flags = VLOT_MESSAGE_OK;
  sent.as.message.term = term;
  sent.as.message.from = id;
  const vlot__violation *violation = vlot__checker_feed(checker, &sent, model);
  return violation ? violation->invariant : 0;
}

Test(checker, members_have_the_ids_that_they_have) {
  enum { MEMBERS = 200 };
  static vlot__model models[MEMBERS];
  vlot__checker *checker = vlot__checker_open(NULL, WINDOW);
  cr_assert_not_null(checker);
  for (uint32_t k = 0; k < MEMBERS; k++)
    vlot__model_init(&models[k], vlot_allocator_default(), 0, 0);
  for (uint64_t term = 1; term <= 20; term++)
    for (uint32_t k = 0; k < MEMBERS; k++) /* 65,535, 65,207 … */
      cr_assert_eq(cast_vote(checker, &models[k], 65535 - 328 * k, term, 1 + k), 0,
                   "n%u in term %d", 65535 - 328 * k, (int)term);
  cr_assert_eq(cast_vote(checker, &models[199], 65535 - 328 * 199, 20, 7), 8);
  vlot__checker_close(checker);
}

/* --- what is forgotten ---
 *
 * n1 leads term 1; n1 and n2 hold and have committed entries 1 to LONG; n3 is far behind. Whose
 * front is dropped is drawn from a table, and n3 is given something false below, at and above it.
 */

/* BASE: where the history begins in the end, which drops whole segments */
enum { LONG = 400, SHORT = 16, KEPT = 100, BASE = 300, FRONTS = 8 };

static uint64_t base_of_history(const stage *s) { return s->checker->history.base_index; }

/* fronts: bit 0: the history's is dropped, bits 1 and 2: n1's and n2's */
static void long_life(stage *s, uint32_t fronts) {
  cr_assert(stage_open_with(s, NULL, fronts & 1 ? KEPT : WINDOW));
  start_all(s);
  elect(s, 1, 2, 0, 1);
  raise_term(s, 3, 0, 1);
  for (uint64_t last = 0; last < LONG; last += SHORT) {
    replicate(s, 1, 2, 1, SHORT);
    commit(s, 1, last + 1, last + SHORT);
    commit(s, 2, last + 1, last + SHORT);
  }
  for (uint32_t node = 1; node <= 2; node++)
    if (fronts >> node & 1) vlot__model_forget(model_of(s, node), LONG, LONG - BASE);
  cr_assert_eq(base_of_history(s), fronts & 1 ? BASE : 0);
  cr_assert_eq(s->seen, 0, "%s", s->text);
}

/* Does somebody know what stands at this index? */
static bool is_known(const stage *s, uint64_t index) {
  return index >= base_of_history(s) || index >= vlot__model_base(&s->models[0]) ||
         index >= vlot__model_base(&s->models[1]);
}

/* n3 takes over the log up to `last`, all of term 1, in slices of 16 and less; the entry at an
 * index is another one (0: none is). */
static void catch_up(stage *s, uint64_t last, uint64_t index) {
  while (vlot__model_last(model_of(s, 3)) < last) {
    uint64_t next = vlot__model_last(model_of(s, 3)) + 1;
    uint64_t count = last - next + 1 < SHORT ? last - next + 1 : SHORT;
    if (next < index && next + count > index) count = index - next;
    receive(s, 3, 1, 1, next - 1, (uint32_t)(next == index ? 1 : count));
    append_as(s, 3, 1, next == index ? 1 : (uint32_t)count, next == index ? 'b' : 'a');
  }
}

Test(checker, another_entry_is_found_where_somebody_still_knows_what_stood_there) {
  for (uint32_t fronts = 0; fronts < FRONTS; fronts++)
    for (uint64_t index = BASE - 2; index <= BASE + 2; index++) {
      stage s;
      long_life(&s, fronts);
      catch_up(&s, index, index);
      bool is_found = is_known(&s, index);
      cr_expect_eq(s.seen, is_found ? 1u << 3 : 0, "fronts %u, entry %d: %s", fronts, (int)index,
                   s.text);
      catch_up(&s, BASE + 20, 0); /* its chain never agrees again */
      cr_expect_eq(s.seen, 1u << 3, "fronts %u, entry %d: %s", fronts, (int)index, s.text);
      stage_close(&s);
    }
}

Test(checker, whoever_comes_from_far_behind_with_the_same_log_breaks_nothing) {
  for (uint32_t fronts = 0; fronts < FRONTS; fronts++) {
    stage s;
    long_life(&s, fronts);
    for (uint64_t last = 0, next; last < LONG; last = next) {
      next = last + 7 < LONG ? last + 7 : LONG;
      catch_up(&s, next, 0);
      durable(&s, 3, 1, 0);
      acknowledge(&s, 3, 1, 1, next);
      commit(&s, 3, last + 1, next);
      apply(&s, 3, last + 1, next, 0);
      vlot__model_forget(model_of(&s, 3), next, 5);
    }
    restart(&s, 3, 1);
    start(&s, 3, 1, 0);
    cr_expect_eq(s.seen, 0, "fronts %u: %s", fronts, s.text);
    stage_close(&s);
  }
}

/* Of another term, so that the logs may differ until it is called committed. */
Test(checker, other_committed_entries_are_found_where_somebody_still_knows_them) {
  for (uint32_t fronts = 0; fronts < FRONTS; fronts++)
    for (uint64_t index = BASE - 1; index <= BASE + 1; index++) {
      stage s;
      long_life(&s, fronts);
      catch_up(&s, index - 1, 0);
      receive(&s, 3, 1, 1, index - 1, 1);
      append(&s, 3, 2, 1);
      cr_assert_eq(s.seen, 0, "%s", s.text);
      commit(&s, 3, 1, index);
      cr_expect_eq(s.seen, is_known(&s, index) ? 1u << 5 : 0, "fronts %u, entry %d: %s", fronts,
                   (int)index, s.text);
      stage_close(&s);
    }
}

Test(checker, a_leader_without_what_is_committed_is_found_whatever_is_forgotten) {
  for (uint32_t fronts = 0; fronts < FRONTS; fronts++)
    for (uint64_t last = BASE - 1; last <= BASE + 1; last++) {
      stage s;
      long_life(&s, fronts);
      catch_up(&s, last, 0);
      lead(&s, 3, 2);
      cr_expect_eq(s.seen, 1u << 4, "fronts %u, up to %d: %s", fronts, (int)last, s.text);
      stage_close(&s);
    }
}

/* n2 is given back less than it had durable. */
Test(checker, a_log_that_comes_back_shorter_is_found_whatever_is_forgotten) {
  for (uint32_t fronts = 0; fronts < FRONTS; fronts++)
    for (uint64_t last = BASE; last < LONG; last += LONG - BASE - 1) {
      stage s;
      long_life(&s, fronts);
      restart(&s, 2, 1);
      vlot__model_truncate(model_of(&s, 2), last + 1);
      start(&s, 2, 1, 1);
      cr_expect_eq(s.seen, 1u << 6, "fronts %u, up to %d: %s", fronts, (int)last, s.text);
      stage_close(&s);
    }
}

/* Chains of another origin say nothing: they are not compared, and break nothing. */
Test(checker, a_log_whose_beginning_nobody_saw_is_not_compared) {
  stage s;
  cr_assert(stage_open(&s, NULL));
  four_committed(&s);
  vlot__model_deinit(model_of(&s, 3));
  vlot__model_init(model_of(&s, 3), vlot_allocator_default(), 2, 1);
  restart(&s, 3, 0);
  start(&s, 3, 1, 0);
  append(&s, 3, 1, 2);
  receive(&s, 3, 1, 1, 0, 4);
  durable(&s, 3, 1, 0);
  acknowledge(&s, 3, 1, 1, 4);
  vlot_event event = {.kind = VLOT_EVENT_COMMIT, .node = 3};
  event.as.slice.first = 1;
  event.as.slice.count = 4;
  event.as.slice.chain = chain_at(&s, 3, 4, &event.as.slice.term);
  feed(&s, event);
  cr_expect_eq(s.seen, 0, "%s", s.text);
  stage_close(&s);
}

/* A vote, a leader: known while not more than twice the window came after. */
Test(checker, terms_are_remembered_for_twice_the_window) {
  enum { TERMS = 8 };
  for (uint64_t later = 2 * TERMS - 2; later <= 2 * TERMS; later++) {
    vlot__model model;
    vlot__checker *checker = vlot__checker_open(NULL, TERMS);
    vlot__model_init(&model, vlot_allocator_default(), 0, 0);
    vlot__checker_table *table = &checker->leaders;
    cr_assert_eq(vlot__checker_settle(checker, table, 1, 7), 7);
    for (uint64_t term = 2; term <= 1 + later; term++)
      cr_assert_eq(vlot__checker_settle(checker, table, term, 3), 3);
    cr_expect_eq(vlot__checker_settle(checker, table, 1, 9), later < 2 * TERMS ? 7 : 9);
    cr_expect_leq(table->young.count, TERMS);
    cr_expect_leq(table->old.count, TERMS);
    vlot__checker_close(checker);
    vlot__model_deinit(&model);
  }
}

Test(checker, marks_of_commits_are_as_many_as_the_window) {
  enum { TERMS = 8 };
  for (uint64_t terms = TERMS - 1; terms <= TERMS + 1; terms++) {
    stage s;
    cr_assert(stage_open_with(&s, NULL, TERMS));
    start_all(&s);
    for (uint64_t term = 1; term <= terms; term++) {
      elect(&s, 1, 2, term - 1, term);
      replicate(&s, 1, 2, term, 1);
      commit(&s, 1, term, term);
      step_down(&s, 1, term);
    }
    cr_expect_eq(s.seen, 0, "%s", s.text);
    cr_expect_eq(s.checker->marks.count, terms < TERMS ? terms : TERMS);
    lead(&s, 3, terms + 1);
    cr_expect_eq(s.seen, 1u << 4, "%s", s.text);
    stage_close(&s);
  }
}

Test(checker, of_lost_disks_the_last_ones_are_known) {
  enum { DISKS = VLOT__CHECKER_LOST_DISKS };
  for (uint64_t wipes = DISKS - 1; wipes <= DISKS + 1; wipes++) {
    stage s;
    cr_assert(stage_open(&s, NULL));
    start_all(&s);
    for (uint64_t k = 1; k <= wipes; k++) {
      configure(&s, 0, 0, 0, 1, 2, 1000 + k, VLOT_CONFIG_VOTER);
      vlot__checker_find(s.checker, 2)->disk_id = 1000 + k;
      restart(&s, 2, 2);
      start(&s, 2, 0, 0);
    }
    const vlot__checker_member *m = vlot__checker_find(s.checker, 2);
    cr_expect_eq(m->lost_count, wipes < DISKS ? wipes : DISKS);
    cr_expect_eq(m->lost[m->lost_count - 1].disk_id, 1000 + wipes);
    cr_expect_eq(m->lost[0].disk_id, wipes <= DISKS ? 1001 : 1002);
    stage_close(&s);
  }
}
