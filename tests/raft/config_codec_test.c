/* The encoded form of configurations, as entries of kind CONFIG hold them. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "base/prng.h"
#include "raft/batch.h"
#include "raft/config.h"

#define COUNT(list) (sizeof(list) / sizeof *(list))

static const vlot_member three[] = {
    {.id = 1, .disk_id = 0x1122334455667788u}, {.id = 2, .is_learner = 1}, {.id = 700}};
static const vlot_member old[] = {{.id = 1, .disk_id = 9}};

static vlot_configuration *make(const vlot_member *members, uint32_t count,
                                const vlot_member *before, uint32_t before_count) {
  vlot_configuration *made = vlot_configuration_make(NULL, members, count, before, before_count);
  cr_assert_not_null(made);
  return made;
}

Test(configcodec, the_bytes_are_these) {
  static const uint8_t joint[] = {
      1,    2,    0,    0,                                           /* version, halves */
      3,    0,    0,    0,    1,    0, 0, 0,                         /* members of each */
      1,    0,    0,    0,    0,    0, 0, 0, 0x88, 0x77, 0x66, 0x55, /* 1 … */
      0x44, 0x33, 0x22, 0x11,                                        /* … by its disk */
      2,    0,    0,    0,    1,    0, 0, 0, 0,    0,    0,    0,    /* a learner */
      0,    0,    0,    0,    0xbc, 2, 0, 0, 0,    0,    0,    0,    /* 700 */
      0,    0,    0,    0,    0,    0, 0, 0, 1,    0,    0,    0,    /* the old 1 */
      0,    0,    0,    0,    9,    0, 0, 0, 0,    0,    0,    0};
  static const uint8_t wishing[] = {1, 1, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 0, 0, 5, 0, 0, 0, 0, 0,
                                    0, 0, 0, 0, 4, 0, 0, 0, 1, 0, 1, 0, 4, 0, 0, 0, 0, 0, 0, 0};
  const vlot_member wishes[] = {{.id = 1, .wish = VLOT_WISH_REMOVE},
                                {.id = 4, .is_learner = 1, .wish = VLOT_WISH_JOIN, .disk_id = 4}};
  uint8_t out[128];
  vlot_configuration *one = make(three, 3, old, 1), *other = make(wishes, 2, NULL, 0);
  cr_assert_eq(vlot_configuration_size(one), sizeof joint);
  cr_assert_eq(vlot_configuration_encode(one, out, sizeof out), sizeof joint);
  cr_expect_arr_eq(out, joint, sizeof joint);
  cr_assert_eq(vlot_configuration_encode(other, out, sizeof out), sizeof wishing);
  cr_expect_arr_eq(out, wishing, sizeof wishing);
  cr_expect_eq(vlot_configuration_encode(one, out, sizeof joint - 1), 0, "no room");
  vlot_configuration_release(one);
  vlot_configuration_release(other);
}

Test(configcodec, the_word_to_campaign_is_a_header) {
  static const uint8_t expected[] = {52, 0, 0, 0, 1, 9, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 3, 0,
                                     0,  0, 7, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0,
                                     11, 0, 0, 0, 0, 0, 0, 0, 6, 0, 0, 0, 0, 0, 0, 0};
  vlot_message message = {.kind = VLOT_MESSAGE_TIMEOUT_NOW,
                          .from = 1,
                          .to = 3,
                          .disk_id = 7,
                          .term = 5,
                          .request_id = 11,
                          .dealing = 6};
  uint8_t out[64];
  vlot_message *decoded = NULL;
  cr_assert_eq(vlot_message_encode(&message, out, sizeof out), sizeof expected);
  cr_expect_arr_eq(out, expected, sizeof expected);
  cr_assert_eq(vlot_message_decode(NULL, out, sizeof expected, &decoded, NULL), VLOT_OK);
  cr_expect_eq(decoded->dealing, 6);
  vlot_message_free(NULL, decoded);
  message.flags = VLOT_MESSAGE_FORCED;
  cr_expect_eq(vlot_message_check(&message), VLOT_WHY_MALFORMED);
}

Test(configcodec, a_configuration_comes_back_as_it_was) {
  vlot__prng prng;
  vlot__prng_init(&prng, 4, 4);
  for (int round = 0; round < 2000; round++) {
    vlot_member members[12], before[12];
    uint32_t count = 1 + (uint32_t)vlot__prng_below(&prng, 12);
    uint32_t before_count = vlot__prng_chance(&prng, 500000) ? count : 0;
    for (uint32_t k = 0; k < count; k++) {
      bool is_learner = k > 0 && vlot__prng_chance(&prng, 300000);
      members[k] = (vlot_member){.id = 1 + k * 7 + (uint32_t)vlot__prng_below(&prng, 7),
                                 .is_learner = is_learner,
                                 .disk_id = vlot__prng_next(&prng)};
      before[k] = members[k];
      if (k > 0 && before_count == 0 && vlot__prng_chance(&prng, 300000))
        members[k].wish = (uint16_t)(is_learner ? VLOT_WISH_PROMOTE : VLOT_WISH_DEMOTE);
    }
    before[0].disk_id++;
    vlot_configuration *made = make(members, count, before, before_count), *again = NULL;
    uint8_t bytes[1024], twice[1024];
    size_t size = vlot_configuration_encode(made, bytes, sizeof bytes);
    cr_assert_gt(size, 0);
    cr_assert_eq(vlot_configuration_decode(NULL, bytes, size, &again), VLOT_OK);
    cr_assert(vlot__config_is_same(made, again));
    cr_assert_eq(vlot_configuration_encode(again, twice, sizeof twice), size);
    cr_assert_arr_eq(bytes, twice, size);
    vlot_configuration_release(again);
    for (size_t cut = 0; cut < size; cut++)
      cr_assert_eq(vlot_configuration_decode(NULL, bytes, cut, &again), VLOT_CORRUPT);
    size_t at = vlot__prng_below(&prng, size);
    bytes[at] ^= (uint8_t)(1u << vlot__prng_below(&prng, 8));
    if (vlot_configuration_decode(NULL, bytes, size, &again) == VLOT_OK) {
      cr_assert_eq(vlot_configuration_encode(again, twice, sizeof twice), size);
      cr_assert_arr_eq(bytes, twice, size, "one encoding each");
      vlot_configuration_release(again);
    }
    vlot_configuration_release(made);
  }
}

/* A row: count of each half, then members as id, learner, wish. */
Test(configcodec, what_no_cluster_can_have_is_refused) {
  const struct {
    const char *what;
    uint8_t halves;
    uint32_t counts[2];
    vlot_member members[4];
  } rows[] = {
      {"no voter", 1, {1}, {{.id = 1, .is_learner = 1}}},
      {"a member twice", 1, {2}, {{.id = 1}, {.id = 1}}},
      {"id 0", 1, {1}, {{.id = 0}}},
      {"nobody", 1, {0}, {{.id = 1}}},
      {"too many", 1, {VLOT_MEMBERS_MAX + 1}, {{.id = 1}}},
      {"an old half without anybody", 2, {1, 0}, {{.id = 1}}},
      {"an old half without a voter", 2, {1, 1}, {{.id = 1}, {.id = 1, .is_learner = 1}}},
      {"a member twice in the old half", 2, {1, 2}, {{.id = 1}, {.id = 2}, {.id = 2}}},
      {"equal halves", 2, {2, 2}, {{.id = 1}, {.id = 2}, {.id = 2}, {.id = 1}}},
      {"a wish while joint", 2, {1, 1}, {{.id = 1}, {.id = 2, .wish = VLOT_WISH_REMOVE}}},
      {"a voter that wishes to vote", 1, {2}, {{.id = 1}, {.id = 2, .wish = VLOT_WISH_PROMOTE}}},
      {"a learner that is demoted",
       1,
       {2},
       {{.id = 1}, {.id = 2, .is_learner = 1, .wish = VLOT_WISH_DEMOTE}}},
      {"a wish of no kind", 1, {1}, {{.id = 1, .wish = 6}}},
      {"no voter, as they wish", 1, {1}, {{.id = 1, .wish = VLOT_WISH_REMOVE}}},
      {"half a learner", 1, {2}, {{.id = 1}, {.id = 2, .is_learner = 2}}},
      {"three halves", 3, {1, 1}, {{.id = 1}, {.id = 2}}},
      {"no half", 0, {1, 1}, {{.id = 1}, {.id = 2}}},
  };
  for (size_t k = 0; k < COUNT(rows); k++) {
    uint8_t bytes[128] = {1, rows[k].halves}, *at = bytes + 4;
    vlot_configuration *decoded = NULL;
    for (uint32_t half = 0; half < rows[k].halves && half < 2; half++)
      for (int byte = 0; byte < 4; byte++) *at++ = (uint8_t)(rows[k].counts[half] >> (8 * byte));
    for (uint32_t n = 0; n < rows[k].counts[0] + rows[k].counts[1] && n < 4; n++, at += 16) {
      at[0] = (uint8_t)rows[k].members[n].id;
      at[4] = (uint8_t)rows[k].members[n].is_learner;
      at[6] = (uint8_t)rows[k].members[n].wish;
    }
    size_t size = (size_t)(at - bytes);
    cr_expect_eq(vlot_configuration_decode(NULL, bytes, size, &decoded), VLOT_CORRUPT, "%s",
                 rows[k].what);
    cr_expect_null(decoded, "%s", rows[k].what);
    /* and so is a message, or a log, that has it */
    vlot_entry entry = {.data = bytes, .size = (uint32_t)size, .kind = VLOT_ENTRY_CONFIG};
    vlot_batch *batch = vlot_batch_make(NULL, &entry, NULL, 1);
    cr_expect_not(vlot__batch_is_legal(batch), "%s", rows[k].what);
    vlot_batch_release(batch);
    const vlot_log_entry stored = {.term = 1, .entry = entry};
    const vlot_member member = {.id = 1};
    vlot_raft_options options;
    vlot_raft_options_init(&options);
    options.id = 1, options.members = &member, options.member_count = 1, options.hard.term = 1;
    options.log_entries = &stored, options.log_entry_count = 1;
    const char *problem = NULL;
    vlot_raft *raft = NULL;
    cr_expect_eq(vlot_raft_open(&raft, &options, &problem), VLOT_INVALID, "%s", rows[k].what);
    cr_expect_str_eq(problem, "log_entries: a configuration that is none");
  }
}

/* Counts what is held at once. */
typedef struct meter {
  size_t live, peak;
} meter;

static void *metered(void *context, void *memory, size_t size) {
  meter *gauge = context;
  size_t *block = memory ? (size_t *)memory - 2 : NULL;
  if (block) gauge->live -= *block;
  if (size == 0) {
    free(block);
    return NULL;
  }
  block = realloc(block, size + 2 * sizeof *block);
  if (!block) abort();
  *block = size;
  gauge->live += size;
  if (gauge->live > gauge->peak) gauge->peak = gauge->live;
  return block + 2;
}

Test(configcodec, a_message_full_of_configurations_takes_no_more_than_four_times_its_size) {
  enum { ENTRIES = 3000 };
  const vlot_member member = {.id = 1};
  vlot_configuration *one = make(&member, 1, NULL, 0);
  uint8_t bytes[64];
  uint32_t size = (uint32_t)vlot_configuration_encode(one, bytes, sizeof bytes);
  vlot_entry *entries = calloc(ENTRIES, sizeof *entries);
  for (uint32_t k = 0; k < ENTRIES; k++)
    entries[k] = (vlot_entry){.data = bytes, .size = size, .kind = VLOT_ENTRY_CONFIG};
  vlot_batch *batch = vlot_batch_make(NULL, entries, NULL, ENTRIES);
  vlot_slice slice = {.batch = batch, .index = 1, .term = 1, .count = ENTRIES};
  vlot_message message = {.kind = VLOT_MESSAGE_APPEND, .from = 1, .to = 2, .term = 1, .dealing = 1};
  message.as.append.slices = &slice;
  message.as.append.slice_count = 1;
  message.as.append.entry_count = ENTRIES;
  size_t whole = vlot_message_size(&message);
  uint8_t *out = malloc(whole);
  cr_assert_eq(vlot_message_encode(&message, out, whole), whole);
  meter gauge = {0};
  vlot_allocator allocator = {.context = &gauge, .resize = metered};
  vlot_message *decoded = NULL;
  cr_assert_eq(vlot_message_decode(&allocator, out, whole, &decoded, NULL), VLOT_OK);
  cr_expect_leq(gauge.peak, 4 * whole + 4096, "%zu for %zu", gauge.peak, whole);
  vlot_message_free(&allocator, decoded);
  cr_expect_eq(gauge.live, 0);
  for (uint64_t n = 1; n < 6; n++) { /* without memory nothing is left */
    vlot_fault_allocator *faults = vlot_fault_allocator_open();
    vlot_fault_allocator_fail_at(faults, n, true);
    cr_expect_eq(vlot_message_decode(vlot_fault_allocator_get(faults), out, whole, &decoded, NULL),
                 VLOT_NOMEM);
    vlot_fault_allocator_close(faults);
  }
  free(out);
  free(entries);
  vlot_batch_release(batch);
  vlot_configuration_release(one);
}
