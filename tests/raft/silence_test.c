/* Loss is repaired at the speed of the network: who hears nothing asks once, without entries, and
 * entries go again only from where one is missing. A slow disk is no silence.
 */
#include <criterion/criterion.h>

#include "basin.h"

enum { HEARTBEAT = 40 }; /* so far apart that every message between is told from one */

static basin *led_with(const vlot_raft_options *like) {
  basin *b = basin_open(3, like);
  basin_start_all(b);
  basin_make_leader(b, 1);
  basin_run(b, HEARTBEAT + 1); /* all is answered, the commit index is told */
  cr_assert_eq(basin_count(b, BASIN_ANY, BASIN_ANY, BASIN_ANY), 0);
  return b;
}

static vlot_raft_options rare_heartbeats(void) {
  vlot_raft_options like;
  vlot_raft_options_init(&like);
  like.heartbeat_ticks = HEARTBEAT;
  like.election_ticks_min = 1000;
  like.election_ticks_max = 2000;
  like.seed = 1;
  return like;
}

static basin *led(void) {
  vlot_raft_options like = rare_heartbeats();
  return led_with(&like);
}

static void drop_from(basin *b, uint32_t from, uint32_t to) {
  cr_assert_gt(basin_drop(b, from, to, BASIN_ANY), 0u);
}

/* The one message from 1 to a peer is an append that ends at an index, without entries. */
static void expect_question(const basin *b, uint32_t peer, uint64_t prev) {
  cr_assert_eq(basin_count(b, 1, peer, BASIN_ANY), 1);
  const vlot_message *asked = basin_peek(b, 1, peer, VLOT_MESSAGE_APPEND);
  cr_assert_eq(asked->as.append.entry_count, 0);
  cr_assert_eq(asked->as.append.prev_index, prev);
}

Test(silence, of_two_ticks_is_asked_after_without_entries) {
  basin *b = led();
  basin_propose(b, 1, "x");
  drop_from(b, 1, 2);
  drop_from(b, 1, 3);
  basin_tick(b, 1, 1);
  cr_assert_eq(basin_count(b, 1, BASIN_ANY, BASIN_ANY), 0);
  basin_tick(b, 1, 1);
  expect_question(b, 2, 2);
  expect_question(b, 3, 2);
  basin_deliver_all(b);
  cr_assert_eq(basin_status(b, 1).commit_index, 2);
  basin_close(b);
}

Test(silence, of_an_answer_that_was_lost_costs_no_entries) {
  basin *b = led();
  basin_propose(b, 1, "x");
  basin_deliver(b, 1, BASIN_ANY, VLOT_MESSAGE_APPEND);
  drop_from(b, 2, 1);
  drop_from(b, 3, 1);
  basin_tick(b, 1, 2);
  expect_question(b, 2, 2);
  basin_deliver(b, 1, 2, BASIN_ANY);
  basin_deliver(b, 2, 1, BASIN_ANY);
  cr_assert_eq(basin_status(b, 1).commit_index, 2);
  cr_assert_eq(basin_count(b, 1, 2, BASIN_ANY), 0);
  basin_close(b);
}

Test(silence, is_asked_after_in_intervals_that_double_up_to_the_heartbeat) {
  basin *b = led();
  basin_tick(b, 1, 1); /* so that heartbeats do not coincide */
  basin_isolate(b, 2);
  basin_propose(b, 1, "x");
  basin_deliver_all(b);
  uint32_t asked[HEARTBEAT] = {0}, count = 0;
  for (uint32_t tick = 1; count < 4 && tick < HEARTBEAT; tick++) {
    basin_tick(b, 1, 1);
    if (basin_count(b, 1, 2, VLOT_MESSAGE_APPEND) > 0 &&
        basin_peek(b, 1, 2, VLOT_MESSAGE_APPEND)->as.append.prev_index == 2)
      asked[count++] = tick;
    basin_deliver_all(b);
  }
  /* the first tick tells the commit index, too */
  cr_assert_eq(asked[0], 1);
  cr_assert_eq(asked[1], 2);
  cr_assert_eq(asked[2], 6);
  cr_assert_eq(asked[3], 14);
  basin_close(b);
}

Test(silence, wants_no_timer_where_all_is_answered) {
  basin *b = led();
  vlot_raft_status status = basin_status(b, 1);
  cr_assert_gt(status.next_timer, status.now + 2);
  basin_propose(b, 1, "x");
  status = basin_status(b, 1);
  cr_assert_eq(status.next_timer, status.now + 2);
  basin_deliver_all(b);
  basin_tick(b, 1, 1);
  basin_deliver_all(b);
  status = basin_status(b, 1);
  cr_assert_gt(status.next_timer, status.now + 2);
  basin_close(b);
}

/* A heartbeat that is lost is followed by the next one; a leader at rest costs nothing more. */
Test(silence, after_a_heartbeat_is_left_to_the_next_one) {
  basin *b = led();
  while (basin_count(b, 1, BASIN_ANY, BASIN_ANY) == 0) basin_tick(b, 1, 1);
  drop_from(b, 1, BASIN_ANY);
  for (int tick = 1; tick < HEARTBEAT; tick++) {
    basin_tick(b, 1, 1);
    cr_assert_eq(basin_count(b, 1, BASIN_ANY, BASIN_ANY), 0);
  }
  basin_tick(b, 1, 1);
  cr_assert_eq(basin_count(b, 1, BASIN_ANY, VLOT_MESSAGE_APPEND), 2);
  basin_close(b);
}

Test(silence, of_a_read_is_asked_after_too) {
  basin *b = led();
  vlot_read_answer answer;
  basin_read(b, 1, 7);
  drop_from(b, 1, 2);
  drop_from(b, 1, 3);
  basin_run(b, 2);
  cr_assert(basin_read_answer(b, 1, 7, &answer));
  cr_assert_eq(answer.result, VLOT_OK);
  basin_close(b);
}

/* --- what goes again -------------------------------------------------------------------------- */

/* Entries that are under way from 1 to 2. */
static uint64_t entries_to_2(const basin *b) {
  uint64_t entries = 0;
  for (uint32_t k = 0; basin_in_flight(b, k); k++) {
    const vlot_message *message = basin_in_flight(b, k);
    if (message->to == 2 && message->kind == VLOT_MESSAGE_APPEND)
      entries += message->as.append.entry_count;
  }
  return entries;
}

static void drop_nth_to_2(basin *b, uint32_t n) {
  for (uint32_t k = 0; basin_in_flight(b, k); k++) {
    const vlot_message *message = basin_in_flight(b, k);
    if (message->to != 2 || message->kind != VLOT_MESSAGE_APPEND || n-- > 0) continue;
    basin_drop_kth(b, k);
    return;
  }
  cr_assert_fail("there is no such append");
}

Test(gap, is_filled_from_where_it_begins_and_once) {
  basin *b = led();
  for (int k = 0; k < 6; k++) basin_propose(b, 1, "x"); /* entries 2 … 7 */
  drop_nth_to_2(b, 2);                                  /* entry 4 */
  basin_deliver(b, 1, 2, VLOT_MESSAGE_APPEND);
  basin_forget_changes(b, 1);
  uint64_t again = 0;
  /* three refusals say the same: only the first one counts */
  while (basin_count(b, 2, 1, VLOT_MESSAGE_APPEND_REPLY) > 0) {
    basin_deliver_one(b, 2, 1, VLOT_MESSAGE_APPEND_REPLY);
    again = entries_to_2(b);
  }
  cr_assert_eq(again, 4, "entries 4 … 7");
  cr_assert_eq(basin_progress(b, 1, 2).state, VLOT_PROGRESS_REPLICATE);
  cr_assert_eq(basin_changes(b, 1, VLOT_CHANGE_PROGRESS), 0);
  basin_deliver_all(b);
  cr_assert_eq(basin_progress(b, 1, 2).match_index, 7);
  cr_assert_eq(basin_progress(b, 1, 2).inflight_messages, 0);
  basin_close(b);
}

Test(gap, that_is_filled_in_vain_is_shown_by_what_follows) {
  basin *b = led();
  basin_isolate(b, 3);
  basin_propose(b, 1, "x");
  drop_from(b, 1, 2);
  basin_propose(b, 1, "y");
  basin_deliver(b, 1, 2, VLOT_MESSAGE_APPEND);
  basin_deliver(b, 2, 1, VLOT_MESSAGE_APPEND_REPLY);
  cr_assert_eq(entries_to_2(b), 2);
  basin_drop(b, 1, 2, BASIN_ANY); /* what went again is lost as well */
  basin_propose(b, 1, "z");       /* no tick has passed */
  basin_deliver_all(b);
  cr_assert_eq(basin_status(b, 1).commit_index, 4);
  basin_close(b);
}

/* After a loss what is sent last is followed by a question, so that its loss costs no tick; as long
 * as the link is in doubt. */
Test(gap, makes_a_link_doubtful_until_it_has_answered_for_a_while) {
  basin *b = led();
  basin_propose(b, 1, "x");
  drop_from(b, 1, 2);
  basin_propose(b, 1, "y");
  basin_deliver_all(b);
  uint32_t asked = 0;
  bool was_asked = true;
  for (int k = 0; k < 200; k++) {
    basin_propose(b, 1, "z");
    bool is_asked = basin_count(b, 1, 2, VLOT_MESSAGE_APPEND) == 2;
    cr_assert_eq(basin_count(b, 1, 3, VLOT_MESSAGE_APPEND), 1, "the other link is not");
    cr_assert(was_asked || !is_asked, "at first, and then no more");
    was_asked = is_asked;
    asked += is_asked;
    basin_deliver_all(b);
  }
  cr_assert_gt(asked, 60);
  cr_assert_lt(asked, 66);
  basin_close(b);
}

Test(gap, over_a_doubtful_link_is_shown_by_a_question) {
  basin *b = led();
  basin_isolate(b, 3);
  basin_propose(b, 1, "x");
  drop_from(b, 1, 2);
  basin_propose(b, 1, "y");
  basin_deliver_all(b);
  basin_propose(b, 1, "z");
  drop_nth_to_2(b, 0); /* the entry; nothing follows but the question */
  basin_deliver_all(b);
  cr_assert_eq(basin_status(b, 1).commit_index, 4);
  basin_close(b);
}

/* A slow disk holds its answers. It is asked, answers at once with what it has and how much of it
 * is durable, and gets nothing again. */
Test(slow_disk, is_not_sent_its_window_again) {
  basin *b = led();
  basin_hold_disk(b, 2);
  for (int k = 0; k < 5; k++) basin_propose(b, 1, "x");
  basin_deliver_all(b);
  cr_assert_eq(basin_progress(b, 1, 2).match_index, 1);
  for (int tick = 0; tick < 3 * HEARTBEAT; tick++) {
    basin_tick(b, BASIN_ANY, 1);
    cr_assert_eq(entries_to_2(b), 0);
    basin_deliver_all(b);
    cr_assert_eq(basin_progress(b, 1, 2).match_index, 1, "received is not durable");
    cr_assert_eq(basin_progress(b, 1, 2).next_index, 7);
  }
  basin_release_disk(b, 2);
  basin_deliver_all(b);
  cr_assert_eq(basin_progress(b, 1, 2).match_index, 6);
  basin_close(b);
}

Test(slow_disk, that_lacks_something_is_sent_no_more_than_that) {
  basin *b = led();
  basin_hold_disk(b, 2);
  for (int k = 0; k < 5; k++) basin_propose(b, 1, "x"); /* entries 2 … 6 */
  drop_nth_to_2(b, 3);                                  /* entry 5 */
  drop_nth_to_2(b, 3);                                  /* entry 6 */
  basin_deliver_all(b);
  basin_tick(b, 1, 2);
  cr_assert_eq(entries_to_2(b), 0);
  basin_deliver(b, 1, 2, BASIN_ANY);
  basin_deliver(b, 2, 1, BASIN_ANY);
  cr_assert_eq(entries_to_2(b), 2);
  basin_deliver_all(b);
  cr_assert_eq(basin_progress(b, 1, 2).match_index, 1);
  basin_release_disk(b, 2);
  basin_deliver_all(b);
  cr_assert_eq(basin_progress(b, 1, 2).match_index, 6);
  basin_close(b);
}

/* --- what must not become of it --------------------------------------------------------------- */

Test(silence, does_not_begin_while_a_clean_link_answers) {
  vlot_raft_options like = rare_heartbeats();
  basin *b = led_with(&like);
  uint32_t sent = 0;
  for (int k = 0; k < 50; k++) {
    basin_propose(b, 1, "x");
    sent += basin_count(b, 1, 2, BASIN_ANY);
    basin_deliver_all(b);
    basin_tick(b, 1, 1);
    /* the commit index alone, or a heartbeat */
    sent += basin_count(b, 1, 2, BASIN_ANY) - 1;
    basin_deliver_all(b);
  }
  cr_assert_leq(sent, 50u + 2u);
  basin_close(b);
}

Test(silence, may_be_reordered_and_doubled) {
  basin *b = led();
  basin_hold_disk(b, 2);
  basin_propose(b, 1, "x");
  basin_hold(b, 1, 2, BASIN_ANY); /* late */
  basin_deliver_all(b);
  basin_tick(b, 1, 2);
  basin_duplicate(b, 1, 2, BASIN_ANY);
  basin_deliver_all(b); /* the questions come first, and what is missing goes again */
  basin_release(b, 1, 2, BASIN_ANY);
  basin_duplicate(b, 1, 2, BASIN_ANY);
  basin_deliver_all(b);
  cr_assert_eq(basin_progress(b, 1, 2).match_index, 1);
  basin_release_disk(b, 2);
  basin_run(b, 2);
  cr_assert_eq(basin_progress(b, 1, 2).match_index, 2);
  cr_assert_str_eq(basin_log(b, 2), "1 1");
  basin_close(b);
}

/* Each answer takes so many ticks; nothing is lost. How often is anybody asked in vain? */
static uint32_t questions_at(basin *b, uint32_t ticks, uint32_t commands) {
  uint32_t questions = 0;
  for (uint32_t k = 0; k < commands; k++) {
    basin_propose(b, 1, "x");
    for (uint32_t tick = 0; tick < ticks; tick++) {
      uint32_t before = (uint32_t)basin_count(b, 1, 2, VLOT_MESSAGE_APPEND);
      basin_tick(b, 1, 1);
      questions += (uint32_t)basin_count(b, 1, 2, VLOT_MESSAGE_APPEND) - before;
    }
    basin_deliver_all(b);
    basin_tick(b, 1, 1); /* the commit index is told */
    basin_deliver_all(b);
  }
  return questions;
}

Test(silence, is_none_where_answers_take_long) {
  basin *b = led();
  cr_assert_gt(questions_at(b, 6, 1), 0, "nobody knows yet how long they take");
  cr_assert_eq(questions_at(b, 6, 3), 0);
  /* a link that became fast again is asked early again, by and by */
  (void)questions_at(b, 0, 64);
  cr_assert_gt(questions_at(b, 3, 1), 0);
  basin_close(b);
}
