/* vlot_cluster_why(): causes as data and as text, what is waited for, in both drivers, and that
 * asking changes nothing. */
#include <criterion/criterion.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "vlot/vlot.h"

enum { ACTIONS_MAX = 200000, T = 60000 };

static vlot_cluster *cluster;
static vlot_client *client;
static vlot_explanation *told;
static char text[16384];

static void begin(vlot_driver driver, uint32_t ring_events) {
  vlot_cluster_options options;
  vlot_client_options own;
  vlot_cluster_options_init(&options);
  options.driver = driver;
  options.ring_events = ring_events;
  if (driver == VLOT_DRIVER_THREADS) options.tick_ns = 1000000;
  cr_assert_eq(vlot_cluster_open(&cluster, &options, NULL), VLOT_OK);
  vlot_client_options_init(&own);
  own.timeout_ticks = T;
  cr_assert_eq(vlot_client_open(&client, cluster, &own), VLOT_OK);
}

static void begin_lockstep(void) { begin(VLOT_DRIVER_LOCKSTEP, 1024); }

static void end(void) {
  vlot_explanation_release(told);
  told = NULL;
  vlot_client_close(client);
  cr_expect_eq(vlot_cluster_close(cluster), VLOT_OK);
}

static vlot_result ask_about(vlot_question question) {
  question.size = sizeof question;
  vlot_explanation_release(told);
  vlot_result result = vlot_cluster_why(cluster, &question, &told);
  cr_assert_eq(told != NULL, result == VLOT_OK);
  if (told) cr_assert_lt(vlot_explanation_text(told, text, sizeof text), sizeof text);
  return result;
}

#define ask(...) cr_assert_eq(ask_about((vlot_question){__VA_ARGS__}), VLOT_OK)

static void expect_says(const char *part) {
  cr_expect(strstr(text, part), "%s in:\n%s", part, text);
}

static const vlot_wait *find_wait(vlot_wait_kind kind, uint32_t node) {
  for (size_t k = 0; k < told->wait_count; k++)
    if (told->waits[k].kind == kind && told->waits[k].node == node) return &told->waits[k];
  return NULL;
}

static uint32_t lead(void) {
  uint32_t leader;
  cr_assert_eq(vlot_await_leader(cluster, T, &leader), VLOT_OK);
  return leader;
}

static uint64_t submit(const char *words) {
  uint64_t sequence;
  const vlot_command one = {.data = (const uint8_t *)words, .size = strlen(words)};
  cr_assert_eq(vlot_client_submit(client, &one, 1, &sequence), VLOT_OK);
  return sequence;
}

static void settle(void) {
  vlot_answer answer;
  cr_assert_eq(vlot_client_wait(client, &answer, 1), 1u);
  cr_assert_eq(answer.result, VLOT_OK);
}

static vlot_cluster_stats stats(void) {
  vlot_cluster_stats now;
  vlot_cluster_get_stats(cluster, &now);
  return now;
}

/* --- lockstep --- */

Test(why, a_leadership_goes_back_to_a_timer_step_by_step, .init = begin_lockstep, .fini = end) {
  uint32_t leader = lead();
  vlot_cluster_stats before = stats();
  ask(.ask = VLOT_ASK_ROLE, .node = leader);
  cr_assert_geq(told->reason_count, 5u);
  cr_expect_eq(told->reasons[0].kind, VLOT_REASON_STATE);
  cr_expect_eq(told->reasons[0].node, leader);
  const vlot_reason *event = &told->reasons[1];
  cr_expect_eq(event->kind, VLOT_REASON_EVENT);
  cr_expect_eq(event->event_kind, VLOT_EVENT_LEADER);
  cr_expect_eq(event->event >> 48, leader);
  cr_expect_eq(event->event_why, VLOT_WHY_QUORUM_OF_VOTES);
  expect_says("because");
  expect_says("and that is the beginning: its election timer fired");
  vlot_cluster_stats after = stats();
  cr_expect_eq(after.event_hash, before.event_hash, "a question changes nothing");
  cr_expect_eq(after.actions, before.actions);
  cr_expect_eq(told->is_moment, 1u);
}

Test(why, no_leader_names_the_voters_that_are_missing, .init = begin_lockstep, .fini = end) {
  lead();
  cr_assert_eq(vlot_cluster_kill(cluster, 1, false), VLOT_OK);
  cr_assert_eq(vlot_cluster_kill(cluster, 2, false), VLOT_OK);
  cr_assert_eq(vlot_await_leader(cluster, 1000, NULL), VLOT_TIMEOUT);
  cr_assert_eq(vlot_cluster_why(cluster, NULL, &told), VLOT_OK);
  vlot_explanation_text(told, text, sizeof text);
  expect_says("There is no leader, and there cannot be one: 1 of 3 voters runs");
  const vlot_wait *voters = find_wait(VLOT_WAIT_VOTERS, 0);
  cr_assert(voters);
  cr_expect_eq(voters->have, 1u);
  cr_expect_eq(voters->need, 2u);
  cr_expect(find_wait(VLOT_WAIT_NODE, 1));
  cr_expect(find_wait(VLOT_WAIT_NODE, 2));
}

Test(why, an_entry_waits_for_a_quorum_and_then_it_does_not, .init = begin_lockstep, .fini = end) {
  uint32_t leader = lead(), other = leader % 3 + 1, third = other % 3 + 1;
  submit("a");
  settle();
  vlot_node_status status;
  vlot_cluster_get_status(cluster, leader, &status);
  uint64_t last = status.raft.last_index;
  cr_assert_eq(vlot_await_applied(cluster, 0, last, T), VLOT_OK);
  cr_assert_eq(vlot_cluster_partition(cluster, (uint32_t[]){leader}, 1), VLOT_OK);
  submit("b");
  cr_assert_eq(vlot_lockstep_pass(cluster, 3, NULL, NULL, ACTIONS_MAX), VLOT_OK);
  ask(.ask = VLOT_ASK_ENTRY, .index = last + 1);
  expect_says("and not known there as committed");
  const vlot_wait *stored = find_wait(VLOT_WAIT_STORED, leader);
  cr_assert(stored);
  cr_expect_eq(stored->index, last + 1);
  cr_expect_eq(stored->have, 1u);
  cr_expect_eq(stored->need, 2u);
  cr_expect_lt(stored->reason, told->reason_count);
  cr_expect(strstr(text, "is cut"), "%s", text);

  ask(.ask = VLOT_ASK_ENTRY, .index = last, .node = other);
  expect_says("and committed.");
  expect_says("It is in the log of n1, n2, n3.");
  expect_says("is the beginning: a client asked");

  ask(.ask = VLOT_ASK_ENTRY, .index = last + 9, .node = third);
  expect_says("its log ends at");
  vlot_cluster_heal(cluster);
  settle();
  ask(.ask = VLOT_ASK_ENTRY, .index = last + 1);
  cr_expect(!find_wait(VLOT_WAIT_STORED, leader));
}

Test(why, a_command_is_followed_from_its_mail_to_its_answer, .init = begin_lockstep, .fini = end) {
  uint32_t leader = lead(), number = vlot_client_number(client);
  uint64_t sequence = submit("a");
  ask(.ask = VLOT_ASK_COMMAND, .client = number, .sequence = sequence);
  expect_says("is under way to n");
  const vlot_wait *mail = find_wait(VLOT_WAIT_MESSAGE, leader);
  cr_assert(mail);
  cr_expect_eq(mail->is_held, 0u);
  cr_assert_eq(vlot_lockstep_hold(cluster, mail->id, true), VLOT_OK);
  ask(.ask = VLOT_ASK_COMMAND, .client = number, .sequence = sequence);
  expect_says("is held on its way to n");
  mail = find_wait(VLOT_WAIT_MESSAGE, leader);
  cr_assert(mail);
  cr_expect_eq(mail->is_held, 1u);
  cr_assert_eq(vlot_lockstep_fire(cluster, mail->id), VLOT_OK);
  ask(.ask = VLOT_ASK_COMMAND, .client = number, .sequence = sequence);
  expect_says("and has no answer");
  cr_expect(find_wait(VLOT_WAIT_STORED, leader));
  settle();
  ask(.ask = VLOT_ASK_COMMAND, .client = number, .sequence = sequence);
  expect_says("was answered by n");
  expect_says(": OK, entry ");
  cr_expect_eq(told->wait_count, 0u);
}

Test(why, a_read_that_waits_says_who_has_not_confirmed, .init = begin_lockstep, .fini = end) {
  uint32_t leader = lead();
  uint64_t sequence;
  submit("a");
  settle();
  ask(.ask = VLOT_ASK_READ);
  expect_says("No read waits at n");
  cr_assert_eq(vlot_cluster_partition(cluster, (uint32_t[]){leader}, 1), VLOT_OK);
  cr_assert_eq(vlot_client_read(client, "a", 1, VLOT_READ_LINEARIZABLE, &sequence), VLOT_OK);
  cr_assert_eq(vlot_lockstep_pass(cluster, 2, NULL, NULL, ACTIONS_MAX), VLOT_OK);
  ask(.ask = VLOT_ASK_READ);
  const vlot_wait *confirmed = find_wait(VLOT_WAIT_CONFIRMED, leader);
  cr_assert(confirmed);
  cr_expect_eq(confirmed->have, 1u);
  cr_expect_eq(confirmed->need, 2u);
  ask(.ask = VLOT_ASK_READ, .client = vlot_client_number(client), .sequence = sequence);
  cr_expect(find_wait(VLOT_WAIT_CONFIRMED, leader), "%s", text);
}

Test(why, what_is_asked_wrongly_is_refused_with_what_is_allowed, .init = begin_lockstep,
     .fini = end) {
  cr_expect_eq(ask_about((vlot_question){.ask = VLOT_ASK_COUNT}), VLOT_INVALID);
  cr_expect(strstr(vlot_problem(VLOT_INVALID), "at most 10"), "%s", vlot_problem(VLOT_INVALID));
  cr_expect_eq(ask_about((vlot_question){.ask = VLOT_ASK_ENTRY}), VLOT_INVALID);
  cr_expect_eq(ask_about((vlot_question){.ask = VLOT_ASK_COMMAND, .client = 1}), VLOT_INVALID);
  cr_expect_eq(ask_about((vlot_question){.node = 9}), VLOT_NOT_FOUND);
  vlot_question question = {.size = 3};
  cr_expect_eq(vlot_cluster_why(cluster, &question, &told), VLOT_INVALID);
  cr_expect(strstr(vlot_problem(VLOT_INVALID), "size 3"), "%s", vlot_problem(VLOT_INVALID));
}

Test(why, a_past_of_ones_own_knows_what_the_rings_have_forgotten) {
  begin(VLOT_DRIVER_LOCKSTEP, 16);
  vlot_subscription *subscription;
  vlot_event event;
  vlot_past *past;
  cr_assert_eq(vlot_subscription_open(&subscription, cluster, 0), VLOT_OK);
  cr_assert_eq(vlot_past_open(&past, NULL, 0), VLOT_OK);
  uint32_t number = vlot_client_number(client);
  lead();
  uint64_t sequence = submit("a");
  settle();
  for (unsigned k = 0; k < 30; k++) {
    submit("b");
    settle();
  }
  while (vlot_subscription_next(subscription, &event)) vlot_past_add(past, &event);
  ask(.ask = VLOT_ASK_COMMAND, .client = number, .sequence = sequence);
  expect_says("no longer known");
  ask(.ask = VLOT_ASK_COMMAND, .client = number, .sequence = sequence, .past = past);
  expect_says("was answered by n");
  cr_expect(!strstr(text, "no longer known"), "%s", text);
  vlot_past_close(past);
  vlot_subscription_close(subscription);
  end();
}

/* --- what is forgotten --- */

Test(past, the_older_half_goes_but_what_one_asks_about_long_after_stays) {
  vlot_past *past;
  size_t count;
  cr_expect_eq(vlot_past_open(&past, NULL, 100), VLOT_INVALID);
  cr_assert_eq(vlot_past_open(&past, NULL, 256), VLOT_OK);
  vlot_event event = {.node = 7, .kind = VLOT_EVENT_MATCH, .peer = 9, .as.change.to = 5};
  for (uint64_t k = 1; k <= 1000; k++) {
    event.sequence = k;
    vlot_past_add(past, &event);
    event.kind = VLOT_EVENT_STEP;
  }
  const vlot_event *events = vlot_past_events(past, 7, &count);
  cr_assert_leq(count, 256u);
  cr_expect_eq(events[0].kind, VLOT_EVENT_MATCH, "the newest word of that peer");
  cr_expect_eq(events[count - 1].sequence, 1000u);
  cr_expect(!vlot_past_is_whole(past, 7, 0));
  cr_expect(vlot_past_is_whole(past, 7, 999));
  cr_expect(vlot_past_find(past, vlot_event_id(7, 1)));
  cr_expect_null(vlot_past_find(past, vlot_event_id(7, 2)));
  cr_expect(vlot_past_newest(past, 7, UINT64_C(1) << VLOT_EVENT_MATCH, 9, 0));
  cr_expect_null(vlot_past_newest(past, 7, UINT64_C(1) << VLOT_EVENT_MATCH, 8, 0));
  vlot_past_clear(past);
  cr_expect_null(vlot_past_events(past, 7, &count));
  cr_expect(vlot_past_is_whole(past, 7, 0));
  vlot_past_close(past);
}

Test(past, without_memory_what_came_before_is_no_longer_known_and_that_is_told) {
  vlot_past *past;
  vlot_fault_allocator *fault = vlot_fault_allocator_open();
  cr_assert(fault);
  cr_assert_eq(vlot_past_open(&past, vlot_fault_allocator_get(fault), 256), VLOT_OK);
  vlot_event event = {.node = 1, .sequence = 1, .kind = VLOT_EVENT_STEP};
  vlot_fault_allocator_fail_at(fault, 1, true);
  vlot_past_add(past, &event);
  cr_expect(!vlot_past_is_whole(past, 1, 0));
  vlot_fault_allocator_fail_at(fault, 0, false);
  event.sequence = 2;
  vlot_past_add(past, &event);
  cr_expect(!vlot_past_is_whole(past, 1, 0));
  cr_expect(vlot_past_is_whole(past, 1, 1));
  vlot_past_close(past);
  vlot_fault_allocator_close(fault);
}

/* --- threads --- */

Test(why, with_threads_an_answer_is_of_one_moment_while_load_runs) {
  begin(VLOT_DRIVER_THREADS, 4096);
  uint32_t leader = lead();
  for (unsigned k = 0; k < 50; k++) {
    uint64_t sequence = submit("a");
    ask(.node = leader);
    cr_expect_eq(told->is_moment, 1u);
    cr_expect_eq(told->reasons[0].kind, VLOT_REASON_STATE);
    settle();
    ask(.ask = VLOT_ASK_COMMAND, .client = vlot_client_number(client), .sequence = sequence);
    expect_says("was answered by n");
  }
  end();
}

Test(why, a_stalled_disk_stays_stalled_when_one_asks) {
  begin(VLOT_DRIVER_THREADS, 4096);
  uint32_t leader = lead(), other = leader % 3 + 1, third = other % 3 + 1;
  const vlot_disk_fault stalled = {.is_stalled = 1};
  cr_assert_eq(vlot_cluster_set_disk(cluster, other, &stalled), VLOT_OK);
  cr_assert_eq(vlot_cluster_kill(cluster, third, false), VLOT_OK);
  uint64_t sequence = submit("a");
  /* until the append stands in the other's log, on its way to its disk */
  vlot_node_status status;
  uint64_t wanted = 0;
  do {
    sched_yield();
    vlot_cluster_get_status(cluster, leader, &status);
    wanted = status.raft.last_index;
    vlot_cluster_get_status(cluster, other, &status);
  } while (wanted < 2 || status.raft.last_index < wanted);
  for (unsigned k = 0; k < 3; k++) {
    ask(.ask = VLOT_ASK_COMMAND, .client = vlot_client_number(client), .sequence = sequence);
    cr_expect(strstr(text, "disk is stalled since tick"), "%s", text);
    cr_expect(find_wait(VLOT_WAIT_DISK, other), "%s", text);
    cr_expect(find_wait(VLOT_WAIT_NODE, third), "%s", text);
  }
  const vlot_disk_fault well = {0};
  cr_assert_eq(vlot_cluster_set_disk(cluster, other, &well), VLOT_OK);
  settle();
  end();
}

/* --- user code that does not end --- */

static _Atomic bool may_end, is_inside;

static void *make(void *context, uint32_t node, bool is_replaying) {
  (void)context, (void)is_replaying;
  uint32_t *state = malloc(sizeof *state);
  if (state) *state = node;
  return state;
}

static vlot_result apply(void *state, const vlot_entry *commands, uint32_t count,
                         uint64_t first_index, vlot_replies *replies) {
  (void)commands, (void)count, (void)first_index, (void)replies;
  if (*(uint32_t *)state != 2) return VLOT_OK;
  atomic_store(&is_inside, true);
  while (!atomic_load(&may_end)) sched_yield();
  return VLOT_OK;
}

Test(why, a_node_whose_user_code_does_not_end_is_named) {
  const vlot_machine machine = {
      .size = sizeof machine, .name = "stuck", .create = make, .apply = apply, .destroy = free};
  vlot_cluster_options options;
  vlot_cluster_options_init(&options);
  options.tick_ns = 1000000;
  options.machine = &machine;
  options.stop_ns = 20000000;
  cr_assert_eq(vlot_cluster_open(&cluster, &options, NULL), VLOT_OK);
  vlot_client_options own;
  vlot_client_options_init(&own);
  own.timeout_ticks = T;
  cr_assert_eq(vlot_client_open(&client, cluster, &own), VLOT_OK);
  lead();
  submit("a");
  while (!atomic_load(&is_inside)) sched_yield();
  ask(.ask = VLOT_ASK_CHANGE, .node = 1);
  cr_expect_eq(told->is_moment, 0u);
  expect_says("n2 is inside a turn that has not ended within stop_ns");
  cr_expect(find_wait(VLOT_WAIT_NODE, 2));
  atomic_store(&may_end, true);
  end();
}

/* --- without memory --- */

Test(why, without_memory_for_an_answer_it_says_so_and_leaves_nothing) {
  vlot_cluster_options options;
  vlot_cluster_options_init(&options);
  vlot_fault_allocator *fault = vlot_fault_allocator_open();
  cr_assert(fault);
  options.allocator = vlot_fault_allocator_get(fault);
  options.driver = VLOT_DRIVER_LOCKSTEP;
  cr_assert_eq(vlot_cluster_open(&cluster, &options, NULL), VLOT_OK);
  lead();
  uint64_t live = vlot_fault_allocator_live(fault), made;
  unsigned failures = 0;
  do {
    vlot_fault_allocator_fail_at(fault, failures + 1, true);
    vlot_result result = vlot_cluster_why(cluster, NULL, &told);
    vlot_fault_allocator_fail_at(fault, 0, false);
    if (result == VLOT_OK) break;
    cr_assert_eq(result, VLOT_NOMEM);
    cr_assert_null(told);
    cr_assert_eq(vlot_fault_allocator_live(fault), live, "after %u", failures);
  } while (++failures < 100000);
  cr_expect_gt(failures, 10u);
  made = vlot_fault_allocator_live(fault);
  cr_expect_gt(made, live);
  vlot_explanation_release(told);
  told = NULL;
  cr_expect_eq(vlot_fault_allocator_live(fault), live);
  cr_expect_eq(vlot_cluster_close(cluster), VLOT_OK);
  vlot_fault_allocator_close(fault);
}
