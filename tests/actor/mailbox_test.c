#include <criterion/criterion.h>
#include <string.h>

#include "actor/mailbox.h"
#include "base/prng.h"

static void open_box(vlot__mailbox *box, const vlot_allocator *allocator) {
  cr_assert(vlot__mailbox_init(box, allocator));
  for (int lane = 0; lane < 2; lane++) {
    box->lanes[lane].messages_max = 100000;
    box->lanes[lane].bytes_max = 64u << 20;
  }
}

static void close_box(vlot__mailbox *box, vlot__hand *hand) {
  vlot__mailbox_settle(box, hand);
  vlot__chunk_free_all(box->allocator, hand->garbage);
  for (int lane = 0; lane < 2; lane++)
    vlot__chunk_free_all(box->allocator, hand->lanes[lane].first);
  vlot__mailbox_deinit(box);
}

/* What send.c does, without threads: fetch a chunk when one is missing. Payload: [size] times the
 * low byte of stamp.
 */
static vlot_result push(vlot__mailbox *box, vlot_lane lane, uint64_t stamp, size_t size) {
  vlot_result result;
  vlot_mail *mail = vlot__mailbox_room(box, lane, size, &result);
  if (result == VLOT_PENDING) {
    size_t wanted = vlot__mailbox_wanted(box, lane, vlot__mail_bytes(size));
    vlot__chunk *chunk = vlot__chunk_make(box->allocator, wanted);
    if (!chunk) return VLOT_NOMEM;
    vlot__mailbox_give(box, chunk);
    mail = vlot__mailbox_room(box, lane, size, &result);
  }
  if (!mail) return result;
  *mail = (vlot_mail){.kind = 1, .size = (uint32_t)size, .stamp = stamp};
  memset(mail + 1, (int)(stamp & 0xff), size);
  return result;
}

static const vlot_mail *pop(vlot__hand *hand, vlot_lane lane) {
  const vlot_mail *mail = vlot__hand_peek(hand, lane);
  if (mail) vlot__hand_step(hand, lane, mail);
  return mail;
}

static bool is_whole(const vlot_mail *mail) {
  const unsigned char *payload = vlot_mail_payload(mail);
  for (uint32_t i = 0; i < mail->size; i++)
    if (payload[i] != (mail->stamp & 0xff)) return false;
  return (uintptr_t)payload % 8 == 0;
}

Test(mailbox, records_of_any_size_come_out_whole_in_order_and_aligned) {
  static const size_t sizes[] = {0,   1,   7,    8,    9,     16,    100,   983,
                                 984, 985, 1000, 4096, 65472, 65496, 65536, 200000};
  vlot__mailbox box;
  vlot__hand hand = {0};
  open_box(&box, vlot_allocator_default());
  const size_t count = sizeof sizes / sizeof *sizes;
  for (size_t round = 0; round < 3; round++) {
    for (size_t i = 0; i < count; i++)
      cr_assert_eq(push(&box, VLOT_LANE_DATA, i, sizes[i]), VLOT_OK);
    vlot__mailbox_take(&box, &hand);
    for (size_t i = 0; i < count; i++) {
      const vlot_mail *mail = pop(&hand, VLOT_LANE_DATA);
      cr_assert(mail && mail->stamp == i && mail->size == sizes[i] && is_whole(mail), "size %zu",
                sizes[i]);
    }
    cr_assert_null(pop(&hand, VLOT_LANE_DATA));
    vlot__mailbox_settle(&box, &hand);
  }
  cr_assert_eq(box.processed, 3 * count);
  close_box(&box, &hand);
}

Test(mailbox, a_record_stays_readable_until_the_turn_is_settled) {
  vlot__mailbox box;
  vlot__hand hand = {0};
  open_box(&box, vlot_allocator_default());
  const vlot_mail *mails[200];
  for (uint64_t i = 0; i < 200; i++) cr_assert_eq(push(&box, VLOT_LANE_DATA, i, 50), VLOT_OK);
  vlot__mailbox_take(&box, &hand);
  for (uint64_t i = 0; i < 200; i++) mails[i] = pop(&hand, VLOT_LANE_DATA);
  for (uint64_t i = 0; i < 200; i++) cr_assert(mails[i]->stamp == i && is_whole(mails[i]));
  close_box(&box, &hand);
}

Test(mailbox, bounds_in_messages_and_bytes_are_exact_and_each_lane_has_its_own) {
  vlot__mailbox box;
  vlot__hand hand = {0};
  open_box(&box, vlot_allocator_default());
  box.lanes[VLOT_LANE_DATA].messages_max = 3;
  for (uint64_t i = 0; i < 3; i++) cr_assert_eq(push(&box, VLOT_LANE_DATA, i, 0), VLOT_OK);
  cr_assert_eq(push(&box, VLOT_LANE_DATA, 3, 0), VLOT_BUSY);
  cr_assert_eq(push(&box, VLOT_LANE_CONTROL, 9, 0), VLOT_OK);
  vlot__mailbox_take(&box, &hand);
  box.lanes[VLOT_LANE_DATA].messages_max = 100;
  box.lanes[VLOT_LANE_DATA].bytes_max = 2 * vlot__mail_bytes(16);
  cr_assert_eq(push(&box, VLOT_LANE_DATA, 0, 16), VLOT_OK);
  cr_assert_eq(push(&box, VLOT_LANE_DATA, 0, 17), VLOT_BUSY);
  cr_assert_eq(push(&box, VLOT_LANE_DATA, 0, 16), VLOT_OK);
  cr_assert_eq(push(&box, VLOT_LANE_DATA, 0, 0), VLOT_BUSY);
  cr_assert_eq(box.refused, 3);
  cr_assert_eq(box.lanes[VLOT_LANE_DATA].sent, 5);
  box.is_closed = true;
  cr_assert_eq(push(&box, VLOT_LANE_CONTROL, 0, 0), VLOT_CLOSED);
  close_box(&box, &hand);
}

Test(mailbox, newer_data_stays_behind_while_older_is_in_hand_but_control_does_not) {
  vlot__mailbox box;
  vlot__hand hand = {0};
  open_box(&box, vlot_allocator_default());
  cr_assert_eq(push(&box, VLOT_LANE_DATA, 1, 0), VLOT_OK);
  cr_assert_eq(push(&box, VLOT_LANE_DATA, 2, 0), VLOT_OK);
  vlot__mailbox_take(&box, &hand);
  cr_assert_eq(pop(&hand, VLOT_LANE_DATA)->stamp, 1);
  cr_assert_eq(push(&box, VLOT_LANE_DATA, 3, 0), VLOT_OK);
  cr_assert_eq(push(&box, VLOT_LANE_CONTROL, 4, 0), VLOT_OK);
  vlot__mailbox_settle(&box, &hand);
  vlot__mailbox_take(&box, &hand);
  cr_assert_eq(pop(&hand, VLOT_LANE_CONTROL)->stamp, 4);
  cr_assert_eq(pop(&hand, VLOT_LANE_DATA)->stamp, 2);
  cr_assert_null(pop(&hand, VLOT_LANE_DATA));
  vlot__mailbox_settle(&box, &hand);
  vlot__mailbox_take(&box, &hand);
  cr_assert_eq(pop(&hand, VLOT_LANE_DATA)->stamp, 3);
  close_box(&box, &hand);
}

static void one_turn(vlot__mailbox *box, vlot__hand *hand, uint64_t messages) {
  for (uint64_t i = 0; i < messages; i++) cr_assert_eq(push(box, VLOT_LANE_DATA, i, 16), VLOT_OK);
  vlot__mailbox_take(box, hand);
  while (pop(hand, VLOT_LANE_DATA)) continue;
  vlot__mailbox_settle(box, hand);
  vlot__chunk_free_all(box->allocator, hand->garbage);
  hand->garbage = NULL;
}

Test(mailbox, the_steady_state_allocates_nothing) {
  static const uint64_t loads[] = {1, 20, 1000, 60000};
  for (size_t i = 0; i < sizeof loads / sizeof *loads; i++) {
    vlot_fault_allocator *faults = vlot_fault_allocator_open();
    vlot__mailbox box;
    vlot__hand hand = {0};
    open_box(&box, vlot_fault_allocator_get(faults));
    for (int turn = 0; turn < 8; turn++) one_turn(&box, &hand, loads[i]);
    uint64_t before = vlot_fault_allocator_made(faults);
    for (int turn = 0; turn < 8; turn++) one_turn(&box, &hand, loads[i]);
    cr_expect_eq(vlot_fault_allocator_made(faults), before, "%lu messages a turn",
                 (unsigned long)loads[i]);
    close_box(&box, &hand);
    vlot_fault_allocator_close(faults);
  }
}

Test(mailbox, an_idle_mailbox_is_small_also_after_a_burst) {
  vlot_fault_allocator *faults = vlot_fault_allocator_open();
  vlot__mailbox box;
  vlot__hand hand = {0};
  open_box(&box, vlot_fault_allocator_get(faults));
  one_turn(&box, &hand, 1);
  cr_expect_leq(vlot_fault_allocator_live(faults), 2);
  cr_expect_leq(box.free->capacity, VLOT__CHUNK_BYTES_MIN);
  one_turn(&box, &hand, 60000);
  cr_expect_gt(vlot_fault_allocator_live(faults), 10);
  for (int turn = 0; turn < 64 * 64; turn++) one_turn(&box, &hand, 1);
  cr_expect_leq(vlot_fault_allocator_live(faults), 2);
  for (const vlot__chunk *chunk = box.free; chunk; chunk = chunk->next)
    cr_expect_leq(chunk->capacity, 8192);
  close_box(&box, &hand);
  vlot_fault_allocator_close(faults);
}

Test(mailbox, any_mix_of_turns_and_sizes_keeps_order_and_count) {
  for (uint64_t seed = 0; seed < 20; seed++) {
    vlot__prng prng;
    vlot__prng_init(&prng, seed, 1);
    vlot__mailbox box;
    vlot__hand hand = {0};
    open_box(&box, vlot_allocator_default());
    uint64_t sent[2] = {0}, seen[2] = {0};
    for (int step = 0; step < 300; step++) {
      uint64_t pushes = vlot__prng_below(&prng, 60);
      while (pushes-- > 0) {
        vlot_lane lane = vlot__prng_chance(&prng, 100000) ? VLOT_LANE_CONTROL : VLOT_LANE_DATA;
        size_t size = (size_t)vlot__prng_below(&prng, vlot__prng_chance(&prng, 10000) ? 90000 : 64);
        cr_assert_eq(push(&box, lane, sent[lane], size), VLOT_OK);
        sent[lane]++;
      }
      vlot__mailbox_take(&box, &hand);
      uint64_t pops = vlot__prng_below(&prng, 80);
      for (int lane = 0; lane < 2; lane++) {
        const vlot_mail *mail;
        for (uint64_t i = 0; (lane == 0 || i < pops) && (mail = pop(&hand, (vlot_lane)lane)); i++)
          cr_assert(mail->stamp == seen[lane]++ && is_whole(mail));
      }
      vlot__mailbox_settle(&box, &hand);
      vlot__chunk_free_all(box.allocator, hand.garbage);
      hand.garbage = NULL;
      uint64_t queued = box.taken + box.lanes[0].queued + box.lanes[1].queued;
      cr_assert_eq(sent[0] + sent[1], box.processed + queued);
    }
    close_box(&box, &hand);
  }
}
