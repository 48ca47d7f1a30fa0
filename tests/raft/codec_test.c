/* The encoded form of messages: one encoding per message, and nothing else is a message. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "base/prng.h"
#include "raft/config.h"
#include "vlot/raft_snapshot.h"

enum { SLICES_MAX = 6, BYTES_MAX = 4096 };

/* A message with room for its slices; init_message() and then drop_message(). */
typedef struct sample {
  vlot_message message;
  vlot_slice slices[SLICES_MAX];
} sample;

static void drop_message(sample *made) {
  if (made->message.kind == VLOT_MESSAGE_INSTALL)
    vlot_snapshot_release(made->message.as.install.snapshot);
  if (made->message.kind != VLOT_MESSAGE_APPEND) return;
  for (uint32_t k = 0; k < made->message.as.append.slice_count; k++)
    vlot_batch_release(made->slices[k].batch);
}

static vlot_batch *random_batch(vlot__prng *prng, uint32_t count) {
  static const uint8_t payload[] = "a raft is not a boat, and it floats nevertheless";
  vlot_entry entries[16];
  for (uint32_t k = 0; k < count; k++) {
    bool is_noop = vlot__prng_chance(prng, 200000);
    uint32_t size = is_noop ? 0 : (uint32_t)vlot__prng_below(prng, sizeof payload);
    entries[k] = (vlot_entry){
        .data = payload, .size = size, .kind = is_noop ? VLOT_ENTRY_NOOP : VLOT_ENTRY_COMMAND};
  }
  return vlot_batch_make(NULL, entries, NULL, count);
}

static void add_random_slices(vlot__prng *prng, sample *made) {
  vlot_message *message = &made->message;
  uint64_t index = message->as.append.prev_index + 1;
  uint64_t term = message->as.append.prev_term > 0 ? message->as.append.prev_term : 1;
  uint32_t count = (uint32_t)vlot__prng_below(prng, SLICES_MAX + 1);
  for (uint32_t k = 0; k < count; k++) {
    uint32_t whole = 1 + (uint32_t)vlot__prng_below(prng, 16);
    uint32_t first = (uint32_t)vlot__prng_below(prng, whole);
    vlot_slice slice = {.batch = random_batch(prng, whole), .index = index, .first = first};
    slice.count = 1 + (uint32_t)vlot__prng_below(prng, whole - first);
    slice.term = term = vlot__prng_between(prng, term, message->term);
    made->slices[k] = slice;
    index += slice.count;
    message->as.append.entry_count += slice.count;
  }
  message->as.append.slices = count > 0 ? made->slices : NULL;
  message->as.append.slice_count = count;
}

/* A chunk of a snapshot of some members, joint or not. */
static void make_install(vlot__prng *prng, vlot_message *message, uint64_t index, uint64_t term) {
  static const uint8_t payload[600];
  vlot_member members[5] = {0};
  for (uint32_t k = 0; k < 5; k++)
    members[k] = (vlot_member){.id = 1 + k * 3, .is_learner = k == 1, .disk_id = k};
  vlot_snapshot_head head = {.index = index + 1,
                             .term = term > 0 ? term : 1,
                             .chain = vlot__prng_next(prng),
                             .size = vlot__prng_below(prng, sizeof payload),
                             .checksum = vlot__prng_next(prng)};
  head.configuration = vlot_configuration_make(NULL, members, 3, members + 2,
                                               vlot__prng_chance(prng, 500000) ? 3 : 0);
  vlot_bytes *bytes = vlot_bytes_copy(NULL, payload, head.size);
  message->as.install.snapshot = vlot_snapshot_make(NULL, &head, bytes);
  vlot_configuration_release(head.configuration);
  vlot_bytes_release(bytes);
  message->as.install.offset = vlot__prng_between(prng, 0, head.size);
  message->as.install.length = (uint32_t)(head.size - message->as.install.offset);
  if (message->as.install.length > 200) message->as.install.length = 200;
}

/* A number that is often small and sometimes at the limit. */
static uint64_t random_number(vlot__prng *prng, uint64_t max) {
  uint64_t shape = vlot__prng_below(prng, 8);
  if (shape == 0) return max;
  if (shape == 1) return vlot__prng_between(prng, 0, max);
  return vlot__prng_between(prng, 0, max < 1000 ? max : 1000);
}

static void init_message(vlot__prng *prng, sample *made) {
  vlot_message *message = &made->message;
  memset(made, 0, sizeof *made);
  message->kind = (uint16_t)vlot__prng_between(prng, 1, VLOT_MESSAGE_KINDS - 1);
  message->from = 1 + (uint32_t)vlot__prng_below(prng, 1000);
  message->to = message->from + 1;
  message->disk_id = vlot__prng_next(prng);
  message->term = 1 + random_number(prng, VLOT_INDEX_MAX - 3);
  message->request_id = vlot__prng_next(prng);
  bool is_reply = message->kind % 2 == 0;
  bool is_ok = is_reply && vlot__prng_chance(prng, 500000);
  if (is_ok) message->flags = VLOT_MESSAGE_OK;
  if (is_reply && !is_ok) message->why = VLOT_WHY_LOG_BEHIND;
  if (message->kind == VLOT_MESSAGE_VOTE && vlot__prng_chance(prng, 500000))
    message->flags = VLOT_MESSAGE_FORCED;
  if (message->kind >= VLOT_MESSAGE_APPEND) message->dealing = vlot__prng_next(prng);

  uint64_t index = random_number(prng, VLOT_INDEX_MAX - 200);
  uint64_t term = index > 0 ? vlot__prng_between(prng, 1, message->term) : 0;
  switch ((vlot_message_kind)message->kind) {
  case VLOT_MESSAGE_PRE_VOTE:
  case VLOT_MESSAGE_VOTE:
    message->as.vote.last_index = index;
    message->as.vote.last_term = term;
    break;
  case VLOT_MESSAGE_APPEND:
    message->as.append.prev_index = index;
    message->as.append.prev_term = term;
    message->as.append.commit = random_number(prng, VLOT_INDEX_MAX - 1);
    add_random_slices(prng, made);
    break;
  case VLOT_MESSAGE_APPEND_REPLY:
    message->as.reply.prev_index = random_number(prng, VLOT_INDEX_MAX - 1);
    if (is_ok) message->as.reply.match_index = index;
    if (!is_ok) message->as.reply.hint_index = index;
    if (!is_ok) message->as.reply.hint_term = term;
    break;
  case VLOT_MESSAGE_INSTALL: make_install(prng, message, index, term); break;
  case VLOT_MESSAGE_INSTALL_REPLY:
    message->as.installed.index = index + 1;
    if (is_ok) message->as.installed.match_index = index + 1;
    if (!is_ok) message->as.installed.limit = vlot__prng_next(prng);
    if (!is_ok)
      message->as.installed.offset = vlot__prng_between(prng, 0, message->as.installed.limit);
    break;
  case VLOT_MESSAGE_PRE_VOTE_REPLY:
  case VLOT_MESSAGE_TIMEOUT_NOW:
  case VLOT_MESSAGE_VOTE_REPLY: break;
  }
}

static void expect_equal_installs(const vlot_message *a, const vlot_message *b) {
  const vlot_snapshot_head *one = vlot_snapshot_get(a->as.install.snapshot),
                           *other = vlot_snapshot_get(b->as.install.snapshot);
  uint8_t here[200], there[200];
  uint32_t length = a->as.install.length;
  cr_assert_eq(one->index, other->index);
  cr_assert_eq(one->term, other->term);
  cr_assert_eq(one->chain, other->chain);
  cr_assert_eq(one->size, other->size);
  cr_assert_eq(one->checksum, other->checksum);
  cr_assert_eq(a->as.install.offset, b->as.install.offset);
  cr_assert_eq(length, b->as.install.length);
  cr_assert(vlot__config_is_same(one->configuration, other->configuration));
  cr_assert_eq(vlot_snapshot_read(a->as.install.snapshot, a->as.install.offset, length, here),
               VLOT_OK);
  cr_assert_eq(vlot_snapshot_read(b->as.install.snapshot, a->as.install.offset, length, there),
               VLOT_OK);
  cr_assert(length == 0 || memcmp(here, there, length) == 0);
}

/* The k-th entry of an append, however it is cut into slices; its term too. */
static vlot_entry entry_at(const vlot_message *message, uint32_t k, uint64_t *term) {
  const vlot_slice *slice = message->as.append.slices;
  while (k >= slice->count) k -= slice++->count;
  *term = slice->term;
  return vlot_slice_entries(slice)[k];
}

static void expect_equal_appends(const vlot_message *a, const vlot_message *b) {
  cr_assert_eq(a->as.append.prev_index, b->as.append.prev_index);
  cr_assert_eq(a->as.append.prev_term, b->as.append.prev_term);
  cr_assert_eq(a->as.append.commit, b->as.append.commit);
  cr_assert_eq(a->as.append.entry_count, b->as.append.entry_count);
  for (uint32_t k = 0; k < a->as.append.entry_count; k++) {
    uint64_t term_a, term_b;
    vlot_entry entry_a = entry_at(a, k, &term_a), entry_b = entry_at(b, k, &term_b);
    cr_assert_eq(term_a, term_b);
    cr_assert_eq(entry_a.kind, entry_b.kind);
    cr_assert_eq(entry_a.size, entry_b.size);
    cr_assert(entry_a.size == 0 || memcmp(entry_a.data, entry_b.data, entry_a.size) == 0);
  }
}

static void expect_equal(const vlot_message *a, const vlot_message *b) {
  cr_assert_eq(a->kind, b->kind);
  cr_assert_eq(a->flags, b->flags);
  cr_assert_eq(a->why, b->why);
  cr_assert_eq(a->from, b->from);
  cr_assert_eq(a->to, b->to);
  cr_assert_eq(a->disk_id, b->disk_id);
  cr_assert_eq(a->term, b->term);
  cr_assert_eq(a->request_id, b->request_id);
  cr_assert_eq(a->dealing, b->dealing);
  switch ((vlot_message_kind)a->kind) {
  case VLOT_MESSAGE_PRE_VOTE:
  case VLOT_MESSAGE_VOTE:
    cr_assert_eq(a->as.vote.last_index, b->as.vote.last_index);
    cr_assert_eq(a->as.vote.last_term, b->as.vote.last_term);
    break;
  case VLOT_MESSAGE_APPEND: expect_equal_appends(a, b); break;
  case VLOT_MESSAGE_APPEND_REPLY:
    cr_assert_eq(a->as.reply.prev_index, b->as.reply.prev_index);
    cr_assert_eq(a->as.reply.match_index, b->as.reply.match_index);
    cr_assert_eq(a->as.reply.hint_index, b->as.reply.hint_index);
    cr_assert_eq(a->as.reply.hint_term, b->as.reply.hint_term);
    break;
  case VLOT_MESSAGE_INSTALL: expect_equal_installs(a, b); break;
  case VLOT_MESSAGE_INSTALL_REPLY:
    cr_assert_eq(a->as.installed.index, b->as.installed.index);
    cr_assert_eq(a->as.installed.match_index, b->as.installed.match_index);
    cr_assert_eq(a->as.installed.offset, b->as.installed.offset);
    cr_assert_eq(a->as.installed.limit, b->as.installed.limit);
    break;
  case VLOT_MESSAGE_PRE_VOTE_REPLY:
  case VLOT_MESSAGE_TIMEOUT_NOW:
  case VLOT_MESSAGE_VOTE_REPLY: break;
  }
}

/* Either an error, or bytes that are the encoding of what they decode to. */
static bool expect_error_or_canonical(const uint8_t *data, size_t size) {
  vlot_message *message = NULL;
  vlot_why why = VLOT_WHY_NONE;
  vlot_result result = vlot_message_decode(NULL, data, size, &message, &why);
  if (result != VLOT_OK) {
    cr_assert(result == VLOT_CORRUPT || result == VLOT_TOO_LARGE);
    cr_assert_neq(why, VLOT_WHY_NONE);
    cr_assert_null(message);
    return false;
  }
  cr_assert_eq(why, VLOT_WHY_NONE);
  uint8_t *again = malloc(size);
  cr_assert_eq(vlot_message_encode(message, again, size), size);
  cr_assert_eq(memcmp(again, data, size), 0);
  free(again);
  vlot_message_free(NULL, message);
  return true;
}

Test(codec, a_message_comes_back_as_it_was) {
  vlot__prng prng;
  vlot__prng_init(&prng, 1, 0);
  for (int round = 0; round < 5000; round++) {
    sample sent;
    init_message(&prng, &sent);
    cr_assert_eq(vlot_message_check(&sent.message), VLOT_WHY_NONE, "round %d", round);
    uint8_t data[BYTES_MAX * 2];
    size_t size = vlot_message_size(&sent.message);
    cr_assert_gt(size, 0);
    cr_assert_eq(vlot_message_encode(&sent.message, data, size), size);
    cr_assert_eq(vlot_message_encode(&sent.message, data, size - 1), 0,
                 "no room for the last byte");
    vlot_message *received = NULL;
    vlot_why why;
    cr_assert_eq(vlot_message_decode(NULL, data, size, &received, &why), VLOT_OK);
    expect_equal(&sent.message, received);
    cr_assert(expect_error_or_canonical(data, size));
    vlot_message_free(NULL, received);
    drop_message(&sent);
  }
}

Test(codec, how_entries_are_cut_into_slices_does_not_show) {
  vlot__prng prng;
  vlot__prng_init(&prng, 2, 0);
  vlot_batch *batch = random_batch(&prng, 8);
  vlot_slice whole = {.batch = batch, .index = 1, .term = 3, .first = 0, .count = 8};
  vlot_message message = {.kind = VLOT_MESSAGE_APPEND, .from = 1, .to = 2, .term = 3};
  message.as.append.slices = &whole;
  message.as.append.slice_count = 1;
  message.as.append.entry_count = 8;
  uint8_t one[BYTES_MAX], two[BYTES_MAX];
  size_t size = vlot_message_encode(&message, one, sizeof one);
  cr_assert_gt(size, 0);
  for (uint32_t cut = 1; cut < 8; cut++) {
    vlot_slice parts[2] = {whole, whole};
    parts[0].count = cut;
    parts[1].count = 8 - cut;
    parts[1].first = cut;
    parts[1].index = 1 + cut;
    message.as.append.slices = parts;
    message.as.append.slice_count = 2;
    cr_assert_eq(vlot_message_encode(&message, two, sizeof two), size);
    cr_assert_eq(memcmp(one, two, size), 0);
  }
  vlot_batch_release(batch);
}

Test(codec, every_truncation_is_refused) {
  vlot__prng prng;
  vlot__prng_init(&prng, 3, 0);
  for (int round = 0; round < 60; round++) {
    sample sent;
    init_message(&prng, &sent);
    uint8_t data[BYTES_MAX * 2];
    size_t size = vlot_message_encode(&sent.message, data, sizeof data);
    for (size_t cut = 0; cut < size; cut++) {
      /* Of its own size, so that a sanitizer sees a read beyond the end; once as it is, once with
       * an honest length. */
      uint8_t *part = malloc(cut > 0 ? cut : 1);
      memcpy(part, data, cut);
      cr_assert_not(expect_error_or_canonical(part, cut));
      if (cut >= 4) {
        part[0] = (uint8_t)cut;
        part[1] = (uint8_t)(cut >> 8);
        cr_assert_not(expect_error_or_canonical(part, cut));
      }
      free(part);
    }
    drop_message(&sent);
  }
}

Test(codec, every_flipped_bit_gives_an_error_or_another_canonical_message) {
  vlot__prng prng;
  vlot__prng_init(&prng, 4, 0);
  for (int round = 0; round < 40; round++) {
    sample sent;
    init_message(&prng, &sent);
    uint8_t data[BYTES_MAX * 2];
    size_t size = vlot_message_encode(&sent.message, data, sizeof data);
    for (size_t bit = 0; bit < size * 8; bit++) {
      data[bit / 8] ^= (uint8_t)(1u << (bit % 8));
      expect_error_or_canonical(data, size);
      data[bit / 8] ^= (uint8_t)(1u << (bit % 8));
    }
    for (size_t at = 0; at < size; at++) {
      uint8_t kept = data[at];
      data[at] = (uint8_t)vlot__prng_next(&prng);
      expect_error_or_canonical(data, size);
      data[at] = kept;
    }
    drop_message(&sent);
  }
}

/* Places of an encoded chunk. */
enum { CHUNK_SIZE = 76, CHUNK_OFFSET = 92, CHUNK_LENGTH = 100 };

static void put(uint8_t *at, uint64_t value, int bytes) {
  for (int k = 0; k < bytes; k++) at[k] = (uint8_t)(value >> 8 * k);
}

static uint64_t number_at(const uint8_t *at, int bytes) {
  uint64_t value = 0;
  for (int k = 0; k < bytes; k++) value |= (uint64_t)at[k] << 8 * k;
  return value;
}

Test(codec, a_chunk_that_lies_about_its_total_its_offset_or_its_length_is_refused) {
  static const struct {
    int place, bytes;
    uint64_t value;
    vlot_result result;
  } lies[] = {
      {CHUNK_SIZE, 8, 0, VLOT_CORRUPT},
      {CHUNK_SIZE, 8, 99, VLOT_CORRUPT}, /* one less than up to where it goes */
      {CHUNK_OFFSET, 8, 51, VLOT_CORRUPT},
      {CHUNK_OFFSET, 8, 101, VLOT_CORRUPT},
      {CHUNK_OFFSET, 8, UINT64_MAX, VLOT_CORRUPT}, /* the sum would be 49 */
      {CHUNK_OFFSET, 8, UINT64_MAX - 49, VLOT_CORRUPT},
      {CHUNK_LENGTH, 4, 0, VLOT_CORRUPT},
      {CHUNK_LENGTH, 4, 49, VLOT_CORRUPT},
      {CHUNK_LENGTH, 4, 51, VLOT_CORRUPT},
      {CHUNK_LENGTH, 4, UINT32_MAX, VLOT_TOO_LARGE},
  };
  vlot_member members[3] = {{.id = 1}, {.id = 2}, {.id = 3}};
  uint8_t content[100] = {0}, data[BYTES_MAX];
  vlot_snapshot_head head = {.index = 7,
                             .term = 2,
                             .size = 100,
                             .configuration = vlot_configuration_make(NULL, members, 3, NULL, 0)};
  vlot_bytes *bytes = vlot_bytes_copy(NULL, content, sizeof content);
  vlot_message message = {
      .kind = VLOT_MESSAGE_INSTALL, .from = 2, .to = 1, .term = 3, .request_id = 1, .dealing = 1};
  message.as.install.snapshot = vlot_snapshot_make(NULL, &head, bytes);
  message.as.install.offset = 50;
  message.as.install.length = 50;
  size_t size = vlot_message_encode(&message, data, sizeof data);
  cr_assert_eq(number_at(data + CHUNK_SIZE, 8), 100);
  cr_assert_eq(number_at(data + CHUNK_OFFSET, 8), 50);
  cr_assert_eq(number_at(data + CHUNK_LENGTH, 4), 50);
  cr_assert(expect_error_or_canonical(data, size));
  for (size_t k = 0; k < sizeof lies / sizeof *lies; k++) {
    uint8_t *at = data + lies[k].place;
    uint64_t kept = number_at(at, lies[k].bytes);
    vlot_message *out = NULL;
    vlot_why why;
    put(at, lies[k].value, lies[k].bytes);
    cr_expect_eq(vlot_message_decode(NULL, data, size, &out, &why), lies[k].result, "lie %d",
                 (int)k);
    cr_expect_eq(why,
                 lies[k].result == VLOT_CORRUPT ? VLOT_WHY_MALFORMED : VLOT_WHY_ENTRY_TOO_LARGE);
    cr_expect_null(out);
    put(at, kept, lies[k].bytes);
  }
  vlot_snapshot_release(message.as.install.snapshot);
  vlot_configuration_release(head.configuration);
  vlot_bytes_release(bytes);
}

Test(codec, unknown_versions_and_kinds_are_refused_by_name) {
  vlot_message message = {
      .kind = VLOT_MESSAGE_VOTE_REPLY, .flags = VLOT_MESSAGE_OK, .from = 1, .to = 2, .term = 1};
  uint8_t data[256];
  size_t size = vlot_message_encode(&message, data, sizeof data);
  cr_assert_gt(size, 0);
  for (unsigned value = 0; value < 256; value++) {
    vlot_message *out;
    vlot_why why;
    data[4] = (uint8_t)value;
    if (value != 1) cr_assert_eq(vlot_message_decode(NULL, data, size, &out, &why), VLOT_CORRUPT);
    if (value != 1) cr_assert_eq(why, VLOT_WHY_VERSION);
    data[4] = 1;
    data[5] = (uint8_t)value;
    if (value >= 1 && value < VLOT_MESSAGE_KINDS) continue;
    cr_assert_eq(vlot_message_decode(NULL, data, size, &out, &why), VLOT_CORRUPT);
    cr_assert_eq(why, VLOT_WHY_VERSION);
  }
}

Test(codec, adjacent_runs_of_one_term_are_not_canonical) {
  vlot_entry entry = {.kind = VLOT_ENTRY_COMMAND};
  vlot_batch *batch = vlot_batch_make(NULL, (vlot_entry[]){entry, entry}, NULL, 2);
  vlot_slice slices[2] = {{.batch = batch, .index = 1, .term = 1, .first = 0, .count = 1},
                          {.batch = batch, .index = 2, .term = 2, .first = 1, .count = 1}};
  vlot_message message = {.kind = VLOT_MESSAGE_APPEND, .from = 1, .to = 2, .term = 2};
  message.as.append.slices = slices;
  message.as.append.slice_count = 2;
  message.as.append.entry_count = 2;
  uint8_t data[256];
  size_t size = vlot_message_encode(&message, data, sizeof data);
  cr_assert(expect_error_or_canonical(data, size));
  data[size - 20] = 1; /* the second run's term */
  cr_assert_not(expect_error_or_canonical(data, size));
  vlot_batch_release(batch);
}

/* Peak of what is held at once, over malloc. */
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
  *block = size;
  gauge->live += size;
  if (gauge->live > gauge->peak) gauge->peak = gauge->live;
  return block + 2;
}

static size_t decode_and_meter(const uint8_t *data, size_t size) {
  meter gauge = {0};
  vlot_allocator allocator = {.context = &gauge, .resize = metered};
  vlot_message *message;
  vlot_why why;
  if (vlot_message_decode(&allocator, data, size, &message, &why) == VLOT_OK)
    vlot_message_free(&allocator, message);
  cr_assert_eq(gauge.live, 0);
  return gauge.peak;
}

Test(codec, decoding_takes_no_more_than_four_times_the_input) {
  enum { COUNT = 1000, SIZE = 52 + 32 + COUNT * 20 };
  vlot_entry empty = {.kind = VLOT_ENTRY_COMMAND};
  vlot_batch *batch = vlot_batch_make(NULL, &empty, NULL, 1);
  vlot_slice slices[COUNT];
  for (uint32_t is_one_run = 0; is_one_run < 2; is_one_run++) {
    for (uint32_t k = 0; k < COUNT; k++)
      slices[k] = (vlot_slice){
          .batch = batch, .index = k + 1, .term = is_one_run ? 1 : k + 1, .first = 0, .count = 1};
    vlot_message message = {.kind = VLOT_MESSAGE_APPEND, .from = 1, .to = 2, .term = COUNT};
    message.as.append.slices = slices;
    message.as.append.slice_count = COUNT;
    message.as.append.entry_count = COUNT;
    uint8_t data[SIZE];
    size_t size = vlot_message_encode(&message, data, sizeof data);
    cr_assert_gt(size, 0);
    cr_assert_leq(decode_and_meter(data, size), 4 * size + 4096);
    /* What cannot be in the rest is not believed. */
    data[76] = 0xff, data[77] = 0xff, data[78] = data[79] = 0;
    data[80] = 0xff, data[81] = 0xff, data[82] = data[83] = 0;
    cr_assert_leq(decode_and_meter(data, size), 4096);
  }
  vlot_batch_release(batch);
}

Test(codec, more_entries_than_the_limit_are_too_large) {
  enum { LIMIT = 65536 };
  vlot_entry *entries = calloc(LIMIT + 1, sizeof *entries);
  for (uint32_t k = 0; k <= LIMIT; k++) entries[k].kind = VLOT_ENTRY_COMMAND;
  vlot_batch *batch = vlot_batch_make(NULL, entries, NULL, LIMIT + 1);
  vlot_slice slice = {.batch = batch, .index = 1, .term = 1, .first = 0, .count = LIMIT};
  vlot_message message = {.kind = VLOT_MESSAGE_APPEND, .from = 1, .to = 2, .term = 1};
  message.as.append.slices = &slice;
  message.as.append.slice_count = 1;
  message.as.append.entry_count = LIMIT;
  size_t size = vlot_message_size(&message);
  cr_assert_gt(size, 0);
  uint8_t *data = calloc(1, size + 8);
  cr_assert_eq(vlot_message_encode(&message, data, size), size);
  cr_assert(expect_error_or_canonical(data, size));
  slice.count = message.as.append.entry_count = LIMIT + 1;
  cr_assert_eq(vlot_message_size(&message), 0);

  /* One more by hand: an empty entry of 8 bytes, and the counts and the length for it. */
  data[size] = VLOT_ENTRY_COMMAND;
  data[80] = 1, data[82] = 1; /* entries = 65,537 */
  data[92] = 1, data[94] = 1; /* count of the run */
  size += 8;
  for (unsigned k = 0; k < 4; k++) data[k] = (uint8_t)(size >> (8 * k));
  vlot_message *out;
  vlot_why why;
  cr_assert_eq(vlot_message_decode(NULL, data, size, &out, &why), VLOT_TOO_LARGE);
  free(data);
  free(entries);
  vlot_batch_release(batch);
}

Test(codec, without_memory_nothing_is_made) {
  vlot__prng prng;
  vlot__prng_init(&prng, 5, 0);
  sample sent;
  do {
    init_message(&prng, &sent);
    if (sent.message.kind == VLOT_MESSAGE_APPEND && sent.message.as.append.slice_count > 2) break;
    drop_message(&sent);
  } while (true);
  uint8_t data[BYTES_MAX * 2];
  size_t size = vlot_message_encode(&sent.message, data, sizeof data);
  for (uint64_t k = 1; k <= 4; k++) {
    vlot_fault_allocator *faults = vlot_fault_allocator_open();
    vlot_fault_allocator_fail_at(faults, k, false);
    vlot_message *message;
    vlot_why why;
    vlot_result result =
        vlot_message_decode(vlot_fault_allocator_get(faults), data, size, &message, &why);
    cr_assert_eq(result, k <= 3 ? VLOT_NOMEM : VLOT_OK, "allocation %d", (int)k);
    if (result == VLOT_OK) vlot_message_free(vlot_fault_allocator_get(faults), message);
    vlot_fault_allocator_close(faults);
  }
  drop_message(&sent);
}

Test(codec, kinds_have_names) {
  cr_assert_str_eq(vlot_message_kind_name(VLOT_MESSAGE_APPEND), "AppendEntries");
  cr_assert_str_eq(vlot_message_kind_name(VLOT_MESSAGE_PRE_VOTE), "PreVote");
  cr_assert_str_eq(vlot_message_kind_name((vlot_message_kind)0), "?");
  cr_assert_str_eq(vlot_message_kind_name((vlot_message_kind)VLOT_MESSAGE_KINDS), "?");
}

/* --- what a message may say ------------------------------------------------------------------- */

static vlot_message an_append(const vlot_slice *slices, uint32_t count) {
  vlot_message message = {.kind = VLOT_MESSAGE_APPEND, .from = 1, .to = 2, .term = 5, .dealing = 1};
  message.as.append.prev_index = 10;
  message.as.append.prev_term = 3;
  message.as.append.slices = slices;
  message.as.append.slice_count = count;
  for (uint32_t k = 0; k < count; k++) message.as.append.entry_count += slices[k].count;
  return message;
}

Test(message, the_header_is_checked) {
  const vlot_message good = {
      .kind = VLOT_MESSAGE_VOTE_REPLY, .flags = VLOT_MESSAGE_OK, .from = 1, .to = 2, .term = 7};
  cr_assert_eq(vlot_message_check(&good), VLOT_WHY_NONE);
  struct {
    const char *what;
    vlot_message message;
    vlot_why why;
  } cases[10];
  for (int k = 0; k < 10; k++) cases[k].message = good, cases[k].why = VLOT_WHY_MALFORMED;
  cases[0].what = "kind 0", cases[0].message.kind = 0, cases[0].why = VLOT_WHY_VERSION;
  cases[1].what = "a kind too high", cases[1].message.kind = VLOT_MESSAGE_KINDS,
  cases[1].why = VLOT_WHY_VERSION;
  cases[2].what = "from nobody", cases[2].message.from = 0;
  cases[3].what = "to nobody", cases[3].message.to = 0;
  cases[4].what = "to itself", cases[4].message.to = 1;
  cases[5].what = "term 0", cases[5].message.term = 0;
  cases[6].what = "term at the limit", cases[6].message.term = VLOT_INDEX_MAX;
  cases[7].what = "forced reply", cases[7].message.flags = VLOT_MESSAGE_FORCED;
  cases[8].what = "granted and why", cases[8].message.why = VLOT_WHY_LOG_BEHIND;
  cases[9].what = "dealing in a vote", cases[9].message.dealing = 1;
  for (int k = 0; k < 10; k++)
    cr_assert_eq(vlot_message_check(&cases[k].message), cases[k].why, "%s", cases[k].what);
}

Test(message, term_0_is_for_the_pre_votes_of_a_fresh_node) {
  for (uint16_t kind = VLOT_MESSAGE_PRE_VOTE; kind <= VLOT_MESSAGE_APPEND_REPLY; kind++) {
    bool is_reply = kind % 2 == 0;
    vlot_message message = {
        .kind = kind, .flags = is_reply ? VLOT_MESSAGE_OK : 0, .from = 1, .to = 2, .term = 0};
    bool is_allowed = kind == VLOT_MESSAGE_PRE_VOTE || kind == VLOT_MESSAGE_PRE_VOTE_REPLY;
    cr_assert_eq(vlot_message_check(&message), is_allowed ? VLOT_WHY_NONE : VLOT_WHY_MALFORMED);
    message.term = 1;
    cr_assert_eq(vlot_message_check(&message), VLOT_WHY_NONE);
  }
}

Test(message, a_refusal_says_why_and_only_a_refusal) {
  vlot_message message = {.kind = VLOT_MESSAGE_VOTE_REPLY, .from = 1, .to = 2, .term = 1};
  cr_assert_eq(vlot_message_check(&message), VLOT_WHY_MALFORMED);
  message.why = VLOT_WHY_LOG_BEHIND;
  cr_assert_eq(vlot_message_check(&message), VLOT_WHY_NONE);
  message.why = 999; /* a number that no why has */
  cr_assert_eq(vlot_message_check(&message), VLOT_WHY_MALFORMED);
}

Test(message, positions_have_term_0_at_index_0_only) {
  struct {
    uint64_t index, term;
    bool is_legal;
  } cases[] = {
      {0, 0, true},
      {0, 1, false},
      {1, 0, false},
      {1, 1, true},
      {9, 5, true},
      {9, 6, false},
      {VLOT_INDEX_MAX - 1, 5, true},
      {VLOT_INDEX_MAX, 5, false},
  };
  for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
    vlot_why expected = cases[k].is_legal ? VLOT_WHY_NONE : VLOT_WHY_MALFORMED;
    vlot_message vote = {.kind = VLOT_MESSAGE_VOTE, .from = 1, .to = 2, .term = 5};
    vote.as.vote.last_index = cases[k].index;
    vote.as.vote.last_term = cases[k].term;
    cr_assert_eq(vlot_message_check(&vote), expected, "vote, case %zu", k);
    vlot_message append = an_append(NULL, 0);
    append.as.append.prev_index = cases[k].index;
    append.as.append.prev_term = cases[k].term;
    cr_assert_eq(vlot_message_check(&append), expected, "append, case %zu", k);
    vlot_message reply = {.kind = VLOT_MESSAGE_APPEND_REPLY, .from = 1, .to = 2, .term = 5};
    reply.why = VLOT_WHY_LOG_MISMATCH;
    reply.as.reply.hint_index = cases[k].index;
    reply.as.reply.hint_term = cases[k].term;
    cr_assert_eq(vlot_message_check(&reply), expected, "reply, case %zu", k);
  }
}

Test(message, an_append_that_does_not_add_up_is_malformed) {
  vlot_entry entries[4] = {{.kind = 1}, {.kind = 1}, {.kind = 1}, {.kind = 1}};
  vlot_batch *batch = vlot_batch_make(NULL, entries, NULL, 4);
  const vlot_slice good[2] = {{.batch = batch, .index = 11, .term = 3, .first = 0, .count = 2},
                              {.batch = batch, .index = 13, .term = 5, .first = 2, .count = 2}};
  vlot_message message = an_append(good, 2);
  cr_assert_eq(vlot_message_check(&message), VLOT_WHY_NONE);
  message.as.append.entry_count = 3;
  cr_assert_eq(vlot_message_check(&message), VLOT_WHY_MALFORMED, "wrong sum");
  message = an_append(good, 2);
  message.as.append.slices = NULL;
  cr_assert_eq(vlot_message_check(&message), VLOT_WHY_MALFORMED, "no slices");

  static const char *const what[] = {"a gap at the start",
                                     "a gap inside",
                                     "a term below prev's",
                                     "a term that falls",
                                     "a term above the message's",
                                     "no entries",
                                     "beyond its batch",
                                     "first + count overflows",
                                     "no batch"};
  for (int k = 0; k < 9; k++) {
    vlot_slice bad[2] = {good[0], good[1]};
    if (k == 0) bad[0].index = 12, bad[1].index = 14;
    if (k == 1) bad[1].index = 14;
    if (k == 2) bad[0].term = 2;
    if (k == 3) bad[0].term = 5, bad[1].term = 4;
    if (k == 4) bad[1].term = 6;
    if (k == 5) bad[1].count = 0;
    if (k == 6) bad[1].count = 3;
    if (k == 7) bad[1].first = UINT32_MAX, bad[1].count = 2;
    if (k == 8) bad[1].batch = NULL;
    message = an_append(bad, 2);
    cr_assert_eq(vlot_message_check(&message), VLOT_WHY_MALFORMED, "%s", what[k]);
  }
  vlot_batch_release(batch);
}

Test(message, indexes_do_not_overflow) {
  vlot_entry entries[2] = {{.kind = 1}, {.kind = 1}};
  vlot_batch *batch = vlot_batch_make(NULL, entries, NULL, 2);
  for (uint64_t below = 1; below < 6; below++) {
    uint64_t prev = VLOT_INDEX_MAX - below;
    vlot_slice slice = {.batch = batch, .index = prev + 1, .term = 5, .first = 0, .count = 2};
    vlot_message message = an_append(&slice, 1);
    message.as.append.prev_index = prev;
    cr_assert_eq(vlot_message_check(&message), below > 2 ? VLOT_WHY_NONE : VLOT_WHY_MALFORMED);
  }
  vlot_slice wrapped = {.batch = batch, .index = 0, .term = 5, .first = 0, .count = 2};
  vlot_message message = an_append(&wrapped, 1);
  message.as.append.prev_index = UINT64_MAX;
  cr_assert_eq(vlot_message_check(&message), VLOT_WHY_MALFORMED);
  message = an_append(NULL, 0);
  message.as.append.commit = VLOT_INDEX_MAX;
  cr_assert_eq(vlot_message_check(&message), VLOT_WHY_MALFORMED);
  vlot_batch_release(batch);
}

Test(message, unknown_entry_kinds_and_full_noops_are_malformed) {
  const uint8_t byte = 1;
  vlot_entry entries[] = {{.kind = 2}, {.kind = 0, .size = 1, .data = &byte}, {.kind = UINT32_MAX}};
  for (int k = 0; k < 3; k++) {
    vlot_batch *batch = vlot_batch_make(NULL, &entries[k], NULL, 1);
    vlot_slice slice = {.batch = batch, .index = 11, .term = 5, .first = 0, .count = 1};
    vlot_message message = an_append(&slice, 1);
    cr_assert_eq(vlot_message_check(&message), VLOT_WHY_MALFORMED);
    cr_assert_eq(vlot_message_size(&message), 0);
    uint8_t data[256];
    cr_assert_eq(vlot_message_encode(&message, data, sizeof data), 0);
    vlot_batch_release(batch);
  }
}

Test(message, a_reply_sets_only_what_its_outcome_uses) {
  vlot_message ok = {
      .kind = VLOT_MESSAGE_APPEND_REPLY, .flags = VLOT_MESSAGE_OK, .from = 1, .to = 2, .term = 5};
  ok.as.reply.prev_index = 10;
  ok.as.reply.match_index = 12;
  cr_assert_eq(vlot_message_check(&ok), VLOT_WHY_NONE);
  vlot_message bad = ok;
  bad.as.reply.hint_index = bad.as.reply.hint_term = 1;
  cr_assert_eq(vlot_message_check(&bad), VLOT_WHY_MALFORMED);
  bad = ok;
  bad.flags = 0;
  bad.why = VLOT_WHY_LOG_MISMATCH;
  cr_assert_eq(vlot_message_check(&bad), VLOT_WHY_MALFORMED);
  bad = ok;
  bad.as.reply.match_index = VLOT_INDEX_MAX;
  cr_assert_eq(vlot_message_check(&bad), VLOT_WHY_MALFORMED);
}
