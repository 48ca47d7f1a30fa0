/* Snapshots: the object, chunks that are put together, and a transfer under loss, repetition, rate
 * and change. What they mean for Raft is in tests/paper/section7_test.c.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "basin.h"
#include "raft/receipt.h"

/* --- the object ------------------------------------------------------------------------------- */

static vlot_snapshot_head head_of(const char *text) {
  static const vlot_member members[] = {{.id = 1}, {.id = 2}};
  vlot_snapshot_head head = {.index = 7, .term = 2, .size = strlen(text)};
  head.checksum = vlot_snapshot_checksum(VLOT_SNAPSHOT_CHECKSUM, text, strlen(text));
  head.configuration = vlot_configuration_make(NULL, members, 2, NULL, 0);
  return head;
}

static vlot_snapshot *snapshot_of(const char *text) {
  vlot_snapshot_head head = head_of(text);
  vlot_bytes *bytes = vlot_bytes_copy(NULL, text, strlen(text));
  vlot_snapshot *snapshot = vlot_snapshot_make(NULL, &head, bytes);
  vlot_bytes_release(bytes);
  vlot_configuration_release(head.configuration);
  return snapshot;
}

Test(snapshot, says_what_it_is_and_gives_its_content) {
  vlot_snapshot *snapshot = snapshot_of("a state");
  uint8_t out[8] = {0};
  cr_assert_eq(vlot_snapshot_get(snapshot)->index, 7);
  cr_assert_eq(vlot_snapshot_get(snapshot)->size, 7);
  cr_assert_eq(vlot_bytes_size(vlot_snapshot_bytes(snapshot)), 7);
  cr_assert_eq(vlot_snapshot_read(snapshot, 2, 5, out), VLOT_OK);
  cr_assert_str_eq((char *)out, "state");
  cr_assert_eq(vlot_snapshot_read(snapshot, 7, 0, out), VLOT_OK);
  cr_assert_eq(vlot_snapshot_read(snapshot, 3, 5, out), VLOT_INVALID);
  cr_assert_eq(vlot_snapshot_read(snapshot, UINT64_MAX, 2, out), VLOT_INVALID);
  cr_assert_eq(vlot_snapshot_verify(snapshot), VLOT_OK);
  vlot_snapshot_release(vlot_snapshot_retain(snapshot));
  vlot_snapshot_release(snapshot);
  vlot_snapshot_release(NULL);
}

Test(snapshot, is_not_made_of_what_is_none) {
  vlot_snapshot_head good = head_of("state");
  vlot_bytes *bytes = vlot_bytes_copy(NULL, "state", 5);
  for (int k = 0; k < 6; k++) {
    vlot_snapshot_head head = good;
    if (k == 0) head.index = 0;
    if (k == 1) head.term = 0;
    if (k == 2) head.index = VLOT_INDEX_MAX;
    if (k == 3) head.configuration = NULL;
    if (k == 4) head.size = 6;
    cr_assert_null(vlot_snapshot_make(NULL, &head, k == 5 ? NULL : bytes), "row %d", k);
  }
  cr_assert_null(vlot_snapshot_make_from(NULL, &good, &(vlot_snapshot_content){0}));
  vlot_bytes_release(bytes);
  vlot_configuration_release(good.configuration);
}

Test(snapshot, checksum_is_the_same_however_the_bytes_come_and_no_byte_may_change) {
  char text[] = "a raft is not a boat";
  size_t size = strlen(text);
  uint64_t whole = vlot_snapshot_checksum(VLOT_SNAPSHOT_CHECKSUM, text, size);
  for (size_t cut = 0; cut <= size; cut++) {
    uint64_t sum = vlot_snapshot_checksum(VLOT_SNAPSHOT_CHECKSUM, text, cut);
    cr_assert_eq(vlot_snapshot_checksum(sum, text + cut, size - cut), whole);
    if (cut == size) break;
    text[cut] ^= 1;
    cr_assert_neq(vlot_snapshot_checksum(VLOT_SNAPSHOT_CHECKSUM, text, size), whole);
    text[cut] ^= 1;
  }
}

typedef struct shelf {
  const char *text;
  int reads, releases;
  vlot_result result;
} shelf;

static vlot_result read_shelf(void *context, uint64_t offset, uint32_t length, uint8_t *out) {
  shelf *from = context;
  from->reads++;
  memcpy(out, from->text + offset, length);
  return from->result;
}

static void release_shelf(void *context) { ((shelf *)context)->releases++; }

Test(snapshot, content_is_read_when_it_is_asked_for_and_released_once) {
  shelf from = {.text = "a state", .result = VLOT_OK};
  vlot_snapshot_head head = head_of(from.text);
  vlot_snapshot_content content = {.context = &from, .read = read_shelf, .release = release_shelf};
  vlot_snapshot *snapshot = vlot_snapshot_make_from(NULL, &head, &content);
  cr_assert_null(vlot_snapshot_bytes(snapshot));
  cr_assert_eq(from.reads, 0);
  cr_assert_eq(vlot_snapshot_verify(snapshot), VLOT_OK);
  from.text = "A state";
  cr_assert_eq(vlot_snapshot_verify(snapshot), VLOT_CORRUPT);
  from.result = VLOT_IO;
  cr_assert_eq(vlot_snapshot_verify(snapshot), VLOT_IO);
  vlot_message message = {.kind = VLOT_MESSAGE_INSTALL, .from = 1, .to = 2, .term = 2};
  message.as.install.snapshot = snapshot;
  message.as.install.length = 3;
  uint8_t out[512];
  cr_assert_gt(vlot_message_size(&message), 0);
  cr_assert_eq(vlot_message_encode(&message, out, sizeof out), 0, "it cannot be read");
  from.result = VLOT_OK;
  cr_assert_eq(vlot_message_encode(&message, out, sizeof out), vlot_message_size(&message));
  vlot_snapshot_release(snapshot);
  cr_assert_eq(from.releases, 1);
  vlot_configuration_release(head.configuration);
}

/* --- chunks ----------------------------------------------------------------------------------- */

Test(receipt, so_many_pieces_are_kept_apart_and_no_more) {
  char text[4 * VLOT__PIECES_MAX + 5];
  memset(text, 'x', sizeof text - 1);
  text[sizeof text - 1] = 0;
  vlot_snapshot *whole = snapshot_of(text);
  vlot__receipt *receipt = NULL;
  const vlot_allocator *allocator = vlot_allocator_default();
  cr_assert(vlot__receipt_reserve(&receipt, allocator, whole, UINT64_MAX));
  vlot__receipt_begin(receipt, whole, 1, 1);
  for (uint64_t k = 0; k < VLOT__PIECES_MAX; k++) vlot__receipt_take(receipt, whole, 4 * k + 2, 1);
  cr_assert_eq(receipt->piece_count, VLOT__PIECES_MAX);
  vlot__receipt_take(receipt, whole, 4 * VLOT__PIECES_MAX + 2, 1);
  cr_assert_eq(receipt->piece_count, VLOT__PIECES_MAX, "one more is as good as lost");
  cr_assert_eq(vlot__receipt_wanted(receipt), 0);
  cr_assert_eq(vlot__receipt_limit(receipt), 2);
  vlot__receipt_take(receipt, whole, 0, 2);
  cr_assert_eq(receipt->piece_count, VLOT__PIECES_MAX, "what joins others always fits");
  cr_assert_eq(vlot__receipt_wanted(receipt), 3);
  cr_assert_eq(vlot__receipt_limit(receipt), 6);
  vlot__receipt_take(receipt, whole, 1, vlot_snapshot_get(whole)->size - 1);
  cr_assert_eq(receipt->piece_count, 1);
  cr_assert_eq(vlot__receipt_wanted(receipt), vlot_snapshot_get(whole)->size);
  vlot__receipt_drop(&receipt, allocator);
  vlot_snapshot_release(whole);
}

/* All orders of five chunks that overlap, as parts. */
Test(receipt, the_order_of_chunks_does_not_matter) {
  const char *text = "0123456789abcdefghij";
  const uint64_t from[] = {0, 3, 8, 12, 15}, to[] = {5, 9, 12, 16, 20};
  vlot_snapshot_head head = head_of(text);
  for (uint32_t code = 0; code < 3125; code++) {
    uint32_t seen = 0, order[5], rest = code;
    for (int k = 0; k < 5; k++, rest /= 5) seen |= 1u << (order[k] = rest % 5);
    if (seen != 31) continue;
    vlot__receipt *receipt = NULL;
    for (int k = 0; k < 5; k++) {
      uint8_t *data = NULL;
      size_t length = (size_t)(to[order[k]] - from[order[k]]);
      vlot_snapshot *part = vlot__snapshot_make_part(NULL, &head, from[order[k]], length, &data);
      memcpy(data, text + from[order[k]], length);
      cr_assert(vlot__receipt_reserve(&receipt, vlot_allocator_default(), part, 100));
      if (k == 0) vlot__receipt_begin(receipt, part, 1, 1);
      cr_assert_lt(vlot__receipt_wanted(receipt), 20);
      vlot__receipt_take(receipt, part, from[order[k]], length);
      vlot_snapshot_release(part);
    }
    cr_assert_eq(vlot__receipt_wanted(receipt), 20);
    cr_assert_eq(vlot_snapshot_verify(receipt->snapshot), VLOT_OK);
    vlot__receipt_drop(&receipt, vlot_allocator_default());
  }
  vlot_configuration_release(head.configuration);
}

/* --- a transfer ------------------------------------------------------------------------------- */

static vlot_raft_options options_of(uint32_t chunk, uint32_t window) {
  vlot_raft_options like;
  vlot_raft_options_init(&like);
  like.heartbeat_ticks = 8;
  like.election_ticks_min = 40;
  like.election_ticks_max = 60;
  like.seed = 3;
  like.snapshot_chunk_bytes = chunk;
  like.snapshot_window_bytes = window;
  return like;
}

/* 1 leads, with a snapshot of 48 bytes at 4; 3 has heard of none, and 1 has just learned so. */
static basin *sending(const vlot_raft_options *like) {
  basin *b = basin_open(3, like);
  basin_start_all(b);
  basin_make_leader(b, 1);
  basin_run(b, 2);
  basin_isolate(b, 3);
  basin_propose(b, 1, "0123456789abcde 0123456789abcde 0123456789abcdef");
  basin_run(b, 10);
  basin_snapshot(b, 1, 0);
  cr_assert_eq(vlot_snapshot_get(vlot_raft_snapshot(basin_core(b, 1)))->size, 48);
  basin_heal(b);
  for (int tick = 0; tick < 30; tick++) {
    basin_tick(b, BASIN_ANY, 1);
    for (int k = 0; k < 6; k++) {
      basin_deliver(b, 1, BASIN_ANY, VLOT_MESSAGE_APPEND);
      basin_deliver(b, BASIN_ANY, 1, BASIN_ANY);
      if (basin_progress(b, 1, 3).state == VLOT_PROGRESS_SNAPSHOT) return b;
    }
  }
  cr_assert_fail("it is never sent a snapshot");
  return b;
}

static uint32_t chunks(const basin *b) { return basin_count(b, 1, 3, VLOT_MESSAGE_INSTALL); }

static void expect_done(basin *b) {
  cr_assert_eq(basin_progress(b, 1, 3).state, VLOT_PROGRESS_REPLICATE);
  cr_assert_str_eq(basin_applied(b, 3), basin_applied(b, 1));
  cr_assert_eq(basin_progress(b, 1, 3).match_index, basin_status(b, 1).last_index);
}

Test(sending, no_more_than_the_window_is_in_flight_and_no_more_than_the_rate_leaves_in_a_tick) {
  vlot_raft_options like = options_of(8, 24);
  basin *b = sending(&like);
  cr_assert_eq(chunks(b), 3);
  basin_deliver_one(b, 1, 3, VLOT_MESSAGE_INSTALL);
  basin_deliver(b, 3, 1, BASIN_ANY);
  cr_assert_eq(chunks(b), 3, "one left, and one more may");
  cr_assert_eq(basin_progress(b, 1, 3).snapshot_acked, 8);
  basin_close(b);

  like.snapshot_window_bytes = 7; /* one always fits */
  b = sending(&like);
  cr_assert_eq(chunks(b), 1);
  basin_close(b);

  like = options_of(8, 1000);
  like.snapshot_tick_bytes = 17; /* two chunks, and what is left of a tick does not add up */
  b = sending(&like);
  cr_assert_eq(chunks(b), 2);
  cr_assert_eq(basin_status(b, 1).next_timer, basin_now(b, 1) + 1);
  basin_tick(b, 1, 1);
  cr_assert_eq(chunks(b), 4);
  basin_tick(b, 1, 1);
  cr_assert_eq(chunks(b), 6);
  cr_assert_gt(basin_status(b, 1).next_timer, basin_now(b, 1) + 1);
  basin_close(b);

  like.snapshot_tick_bytes = 3; /* less than a chunk: it is saved up for */
  b = sending(&like);
  basin_drop(b, BASIN_ANY, BASIN_ANY, BASIN_ANY);
  uint32_t sent = basin_changes(b, 1, VLOT_CHANGE_SNAPSHOT_SENT);
  basin_tick(b, 1, 6);
  sent = basin_changes(b, 1, VLOT_CHANGE_SNAPSHOT_SENT) - sent;
  cr_assert(sent >= 1 && sent <= 3, "%u chunks of 8 in 6 ticks of 3", sent);
  basin_run(b, 60);
  expect_done(b);
  basin_close(b);
}

Test(sending, one_that_is_lost_is_sent_again_as_soon_as_a_later_one_is_answered) {
  vlot_raft_options like = options_of(8, 48);
  basin *b = sending(&like);
  cr_assert_eq(chunks(b), 6);
  basin_deliver_one(b, 1, 3, VLOT_MESSAGE_INSTALL); /* 0, and 8 is lost */
  uint32_t before = basin_changes(b, 1, VLOT_CHANGE_SNAPSHOT_SENT);
  for (uint32_t k = 0;; k++) {
    const vlot_message *message = basin_in_flight(b, k);
    if (message->kind != VLOT_MESSAGE_INSTALL) continue;
    cr_assert_eq(message->as.install.offset, 8);
    basin_drop_kth(b, k);
    break;
  }
  basin_deliver_all(b); /* no tick */
  cr_assert_eq(basin_changes(b, 1, VLOT_CHANGE_SNAPSHOT_SENT), before + 1, "it alone");
  expect_done(b);
  basin_close(b);
}

Test(sending, silence_of_two_ticks_is_asked_after_without_bytes) {
  vlot_raft_options like = options_of(8, 24);
  basin *b = sending(&like);
  basin_drop(b, 1, 3, BASIN_ANY);
  uint32_t before = basin_changes(b, 1, VLOT_CHANGE_SNAPSHOT_SENT);
  basin_tick(b, 1, 1);
  cr_assert_eq(chunks(b), 0);
  basin_tick(b, 1, 1);
  cr_assert_eq(chunks(b), 1);
  const vlot_message *ask = basin_peek(b, 1, 3, VLOT_MESSAGE_INSTALL);
  cr_assert_eq(ask->as.install.length, 0);
  cr_assert_eq(ask->as.install.offset, 48);
  cr_assert_eq(basin_changes(b, 1, VLOT_CHANGE_SNAPSHOT_SENT), before);
  basin_tick(b, 1, 3);
  cr_assert_eq(chunks(b), 1, "then for twice as long");
  basin_deliver_all(b);
  expect_done(b);
  basin_close(b);
}

Test(sending, a_peer_that_is_down_is_not_sent_its_window_again) {
  vlot_raft_options like = options_of(8, 24);
  basin *b = sending(&like);
  basin_crash(b, 3);
  uint32_t before = basin_changes(b, 1, VLOT_CHANGE_SNAPSHOT_SENT);
  basin_run(b, 200);
  cr_assert_eq(basin_changes(b, 1, VLOT_CHANGE_SNAPSHOT_SENT), before);
  basin_start(b, 3);
  basin_run(b, 20);
  expect_done(b);
  basin_close(b);
}

Test(sending, a_receiver_that_was_restarted_is_sent_it_from_the_beginning) {
  vlot_raft_options like = options_of(8, 16);
  basin *b = sending(&like);
  for (int k = 0; k < 3; k++) {
    basin_deliver_one(b, 1, 3, VLOT_MESSAGE_INSTALL);
    basin_deliver(b, 3, 1, BASIN_ANY);
  }
  cr_assert_eq(basin_progress(b, 1, 3).snapshot_acked, 24);
  basin_restart(b, 3);
  basin_run(b, 20);
  expect_done(b);
  basin_close(b);
}

Test(sending, is_begun_anew_when_the_log_does_not_go_on_behind_it) {
  vlot_raft_options like = options_of(8, 16);
  basin *b = sending(&like);
  basin_deliver_one(b, 1, 3, VLOT_MESSAGE_INSTALL);
  basin_hold(b, 1, 3, BASIN_ANY);
  basin_propose(b, 1, "x y");
  basin_deliver(b, 1, 2, BASIN_ANY);
  basin_deliver(b, 2, 1, BASIN_ANY);
  cr_assert_eq(basin_status(b, 1).commit_index, 6);
  basin_snapshot(b, 1, 2); /* at 6, and 5 and 6 are there */
  basin_tick(b, 1, 1);
  cr_assert_eq(basin_progress(b, 1, 3).snapshot_index, 4, "it is of use as it is");
  basin_propose(b, 1, "z");
  basin_deliver(b, 1, 2, BASIN_ANY);
  basin_deliver(b, 2, 1, BASIN_ANY);
  basin_snapshot(b, 1, 0);
  basin_tick(b, 1, 1);
  cr_assert_eq(basin_progress(b, 1, 3).snapshot_index, 7);
  cr_assert_eq(basin_progress(b, 1, 3).snapshot_acked, 0);
  basin_release(b, 1, 3, BASIN_ANY);
  basin_run(b, 20);
  expect_done(b);
  cr_assert_eq(basin_status(b, 3).base_index, 7);
  basin_close(b);
}

Test(sending, damage_is_found_before_anything_is_replaced_and_it_is_fetched_again) {
  vlot_raft_options like = options_of(16, 48);
  basin *b = sending(&like);
  basin_hold_restore(b, 3);
  basin_deliver_all(b);
  vlot_outcome outcome = basin_restored(b, 3, VLOT_CORRUPT);
  cr_assert_eq(outcome.result, VLOT_REJECTED);
  cr_assert_eq(outcome.why, VLOT_WHY_SNAPSHOT_CORRUPT);
  cr_assert_eq(basin_status(b, 3).commit_index, 1);
  basin_deliver_all(b);
  cr_assert_not_null(basin_restoring(b, 3));
  cr_assert_eq(basin_restored(b, 3, VLOT_OK).result, VLOT_OK);
  basin_deliver_all(b);
  expect_done(b);
  basin_close(b);
}

Test(sending, a_machine_that_cannot_be_restored_fences_the_node) {
  vlot_raft_options like = options_of(16, 48);
  basin *b = sending(&like);
  basin_hold_restore(b, 3);
  basin_deliver_all(b);
  (void)basin_restored(b, 3, VLOT_NOMEM);
  cr_assert_eq(basin_status(b, 3).is_fenced, 1);
  cr_assert_eq(basin_status(b, 3).fenced_why, VLOT_WHY_RESTORE_FAILED);
  basin_close(b);
}

Test(sending, a_larger_one_than_the_limit_is_refused_and_one_as_large_is_taken) {
  for (uint64_t limit = 47; limit <= 49; limit++) {
    vlot_raft_options like = options_of(8, 24);
    like.snapshot_bytes_max = limit;
    basin *b = sending(&like);
    basin_by_wire(b);
    basin_run(b, 30);
    if (limit >= 48) expect_done(b);
    if (limit < 48) {
      cr_assert_eq(basin_progress(b, 1, 3).why, VLOT_WHY_SNAPSHOT_TOO_LARGE);
      cr_assert_eq(basin_leader(b), 1);
      uint32_t before = basin_changes(b, 1, VLOT_CHANGE_SNAPSHOT_SENT);
      basin_run(b, 60);
      cr_assert_eq(basin_changes(b, 1, VLOT_CHANGE_SNAPSHOT_SENT), before, "and not sent again");
    }
    basin_close(b);
  }
}

Test(sending, an_empty_snapshot_is_one_too) {
  vlot_raft_options like = options_of(8, 24);
  basin *b = basin_open(3, &like);
  basin_start(b, 1);
  basin_start(b, 2);
  basin_make_leader(b, 1); /* a no-op: the machine has nothing */
  basin_run(b, 10);
  basin_snapshot(b, 1, 0);
  cr_assert_eq(vlot_snapshot_get(vlot_raft_snapshot(basin_core(b, 1)))->size, 0);
  basin_start(b, 3);
  basin_run(b, 30);
  cr_assert_eq(basin_status(b, 3).base_index, 1);
  cr_assert_eq(basin_progress(b, 1, 3).state, VLOT_PROGRESS_REPLICATE);
  basin_close(b);
}

/* Late replies of an earlier attempt, of another snapshot, or that claim what there is not. */
Test(sending, replies_that_say_nothing_about_it_change_nothing) {
  vlot_raft_options like = options_of(8, 16);
  basin *b = sending(&like);
  basin_lawless(b);
  const vlot_message *chunk = basin_peek(b, 1, 3, VLOT_MESSAGE_INSTALL);
  for (int k = 0; k < 5; k++) {
    vlot_message reply = basin_forge(b, VLOT_MESSAGE_INSTALL_REPLY, 3, 1, 1);
    reply.dealing = chunk->dealing;
    reply.request_id = chunk->request_id;
    reply.why = VLOT_WHY_SNAPSHOT_PARTIAL;
    reply.as.installed.index = 4;
    reply.as.installed.offset = 48;
    reply.as.installed.limit = 48;
    if (k == 0) reply.as.installed.index = 3;
    if (k == 1) reply.dealing++;
    if (k == 2) reply.as.installed.limit = 49;
    if (k == 3) reply.request_id += 1000;
    if (k == 4) reply.request_id -= 100;
    basin_inject(b, &reply);
    cr_assert_eq(basin_progress(b, 1, 3).snapshot_acked, 0, "row %d", k);
    cr_assert(basin_change(b, 1, VLOT_CHANGE_IGNORED).why != VLOT_WHY_NONE);
    basin_forget_changes(b, 1);
  }
  basin_close(b);
}

/* --- a log that is full ----------------------------------------------------------------------- */

Test(log, a_log_above_its_snapshot_is_bounded_until_the_next_one) {
  vlot_raft_options like = options_of(8, 16);
  like.log_bytes_max = 4 * (1 + VLOT_ENTRY_OVERHEAD); /* a no-op and three commands of 1 byte */
  basin *b = basin_open(1, &like);
  basin_start(b, 1);
  basin_make_leader(b, 1);
  cr_assert_eq(basin_status(b, 1).log_bytes, VLOT_ENTRY_OVERHEAD);
  vlot_outcome outcome = basin_propose(b, 1, "a b c d e");
  cr_assert_eq(outcome.result, VLOT_BUSY);
  cr_assert_eq(outcome.why, VLOT_WHY_LOG_FULL);
  cr_assert_eq(outcome.accepted, 3);
  cr_assert_eq(basin_propose(b, 1, "d").why, VLOT_WHY_LOG_FULL);
  basin_step_down(b, 1);
  basin_make_leader(b, 1); /* its no-op is not refused */
  cr_assert_eq(basin_status(b, 1).commit_index, 5);
  cr_assert_eq(basin_propose(b, 1, "d").why, VLOT_WHY_LOG_FULL);
  basin_snapshot(b, 1, 4); /* what is kept below it does not count */
  cr_assert_eq(basin_status(b, 1).log_bytes, 0);
  cr_assert_eq(basin_propose(b, 1, "d").result, VLOT_OK);
  basin_restart(b, 1);
  cr_assert_eq(basin_status(b, 1).log_bytes, 1 + VLOT_ENTRY_OVERHEAD);
  cr_assert_str_eq(basin_applied(b, 1), "a b c");
  basin_close(b);
}

/* --- causes ----------------------------------------------------------------------------------- */

Test(snapshot, each_change_write_and_message_of_an_install_says_its_input) {
  static const vlot_member members[] = {{.id = 1}, {.id = 2}};
  vlot_snapshot *snapshot = snapshot_of("a state");
  vlot_raft_options options;
  vlot_raft_options_init(&options);
  options.id = 1;
  options.members = members;
  options.member_count = 2;
  vlot_raft *raft;
  cr_assert_eq(vlot_raft_open(&raft, &options, NULL), VLOT_OK);
  vlot_message chunk = {.kind = VLOT_MESSAGE_INSTALL, .from = 2, .to = 1, .term = 2};
  chunk.as.install.snapshot = snapshot;
  chunk.as.install.length = 7;
  vlot_input input = {.kind = VLOT_INPUT_MESSAGE, .as.message = &chunk, .cause = 11};
  const vlot_output *output;
  cr_assert_eq(vlot_raft_step(raft, &input, 1, &output), VLOT_OK);
  cr_assert_eq(output->restore, snapshot);
  cr_assert_eq(output->restore_cause, 11);
  cr_assert_eq(output->write_cause, 11, "the term");
  uint64_t token = output->write.token;
  input = (vlot_input){.kind = VLOT_INPUT_RESTORED, .cause = 12};
  cr_assert_eq(vlot_raft_step(raft, &input, 1, &output), VLOT_OK);
  cr_assert_eq(output->write_cause, 12);
  cr_assert_eq(output->write.snapshot, snapshot);
  cr_assert_eq(output->write.token, token + 1);
  cr_assert_eq(output->changes[0].kind, VLOT_CHANGE_SNAPSHOT_INSTALLED);
  cr_assert_eq(output->changes[0].cause, 12);
  cr_assert_null(output->restore);
  input = (vlot_input){.kind = VLOT_INPUT_STORED, .as.token = token + 1, .cause = 13};
  cr_assert_eq(vlot_raft_step(raft, &input, 1, &output), VLOT_OK);
  cr_assert_eq(output->has_swapped, 1);
  cr_assert_eq(output->message_count, 2);
  cr_assert_eq(output->message_causes[0], 11, "it says that it is whole");
  cr_assert_eq(output->message_causes[1], 12, "and that it is installed");
  cr_assert_eq(output->messages[1].flags, VLOT_MESSAGE_OK);
  cr_assert_eq(vlot_raft_step(raft, NULL, 0, &output), VLOT_OK);
  cr_assert_eq(output->has_swapped, 0);
  vlot_raft_close(raft);
  vlot_snapshot_release(snapshot);
}

/* The fuzzer found it: terms went down behind the base. */
Test(snapshots, an_append_that_lies_about_the_bases_entry_fences) {
  basin *b = basin_of(3);
  basin_force_elect(b, 1);
  basin_deliver_all(b);
  basin_step_down(b, 1);
  basin_force_elect(b, 1);
  basin_deliver_all(b);
  basin_propose(b, 1, "x y z");
  basin_run(b, 3);
  basin_snapshot(b, 2, 0);
  basin_lawless(b);
  cr_assert_gt(basin_status(b, 2).base_index, 3);
  vlot_message lie = basin_forge_append(b, 1, 2, 2, 0, 0, 0, "1 1 1 1 1 1 1");
  basin_inject(b, &lie);
  cr_expect_eq(basin_status(b, 2).fenced_why, VLOT_WHY_COMMITTED_CONFLICT);
  basin_close(b);
}
