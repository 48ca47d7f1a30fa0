#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "vlot/machine.h"

/* A machine that adds up bytes, and can be given one flaw. */
typedef enum flaw {
  NONE,
  NEEDS_NODE,
  NEEDS_REPLAYING,
  NEEDS_REPLIES,
  NEEDS_BATCHES,
  NEEDS_BATCHES_FOR_ANSWERS,
  KEEPS_POINTER,
  REFUSES,
  HASH_CHANGES,
  QUERY_CHANGES,
  QUERY_DIFFERS,
  SNAPSHOT_CHANGES,
  SNAPSHOT_FAILS,
  SNAPSHOT_DIFFERS,
  RESTORE_FAILS,
  RESTORE_ADDS,
  RESTORE_FORGETS,
  RESTORE_FORGETS_LATER,
  RESTORE_LEAVES_SOME,
  RESTORE_WANTS_ALL_AT_ONCE,
  RESTORE_CHANGES_ANSWERS,
  NO_STATE,
  FREEZE_CHANGES,
  FREEZE_GIVES_NONE,
  IMAGE_FAILS,
  IMAGE_SHARES,
  IMAGE_NEEDS_STATE,
  FLAWS
} flaw;

typedef struct sum {
  flaw flaw;
  uint32_t node;
  bool is_replaying;
  bool is_restored;
  uint64_t total;
  uint64_t step; /* of what is added, so that a forgotten one shows later only */
  uint64_t asked;
  const uint8_t *last;
  uint8_t first_byte;
} sum;

static void *sum_create(void *context, uint32_t node, bool is_replaying) {
  flaw has = *(const flaw *)context;
  if (has == NO_STATE) return NULL;
  sum *made = calloc(1, sizeof *made);
  made->flaw = has;
  made->node = node;
  made->is_replaying = is_replaying;
  made->step = 1;
  return made;
}

static vlot_result sum_apply(void *state, const vlot_entry *commands, uint32_t count,
                             uint64_t first_index, vlot_replies *replies) {
  sum *on = state;
  (void)first_index;
  if (on->flaw == REFUSES) return VLOT_FAILED;
  if (on->flaw == NEEDS_BATCHES) on->total += count;
  if (on->flaw == NEEDS_NODE) on->total += on->node;
  if (on->flaw == NEEDS_REPLAYING) on->total += on->is_replaying;
  if (on->flaw == NEEDS_REPLIES) on->total += replies != NULL;
  for (uint32_t k = 0; k < count; k++) {
    if (on->flaw == KEEPS_POINTER && on->last && *on->last != on->first_byte) on->total += 1000;
    on->last = commands[k].data;
    on->first_byte = commands[k].data[0];
    on->total += on->step * on->first_byte;
    on->step++;
    uint64_t said = on->total;
    if (on->flaw == NEEDS_BATCHES_FOR_ANSWERS) said += k;
    if (on->flaw == RESTORE_CHANGES_ANSWERS) said += on->is_restored;
    vlot_result result = vlot_replies_set(replies, k, &said, sizeof said);
    if (result != VLOT_OK) return result;
  }
  if (on->flaw == KEEPS_POINTER && count > 1)
    on->last = NULL; /* only what one batch leaves to the next */
  return VLOT_OK;
}

static vlot_result sum_query(void *state, const void *question, size_t size,
                             vlot_replies *replies) {
  sum *on = state;
  (void)question;
  if (size == 0) return VLOT_INVALID;
  uint64_t said = on->total;
  if (on->flaw == QUERY_CHANGES) on->total++;
  if (on->flaw == QUERY_DIFFERS) said += on->node;
  return vlot_replies_set(replies, 0, &said, sizeof said);
}

static vlot_result sum_snapshot(void *state, const vlot_writer *writer) {
  sum *on = state;
  if (on->flaw == SNAPSHOT_FAILS) return VLOT_IO;
  if (on->flaw == SNAPSHOT_CHANGES) on->total++;
  uint64_t numbers[2] = {on->total, on->step};
  uint8_t padding[100] = {0};
  if (on->flaw == SNAPSHOT_DIFFERS) padding[99] = on->is_restored;
  vlot_result result = writer->write(writer->context, numbers, sizeof numbers);
  return result == VLOT_OK ? writer->write(writer->context, padding, sizeof padding) : result;
}

static vlot_result read_all(const vlot_reader *reader, uint8_t *data, size_t size) {
  while (size > 0) {
    size_t got = 0;
    vlot_result result = reader->read(reader->context, data, size, &got);
    if (result != VLOT_OK) return result;
    if (got == 0) return VLOT_CORRUPT;
    data += got;
    size -= got;
  }
  return VLOT_OK;
}

static vlot_result sum_restore(void *state, const vlot_reader *reader) {
  sum *on = state;
  uint8_t bytes[116];
  size_t got = 0;
  if (on->flaw == RESTORE_FAILS) return VLOT_CORRUPT;
  vlot_result result = VLOT_OK;
  if (on->flaw == RESTORE_WANTS_ALL_AT_ONCE) {
    memset(bytes, 0, sizeof bytes);
    result = reader->read(reader->context, bytes, sizeof bytes, &got);
  } else {
    result = read_all(reader, bytes, on->flaw == RESTORE_LEAVES_SOME ? 60 : sizeof bytes);
  }
  if (result != VLOT_OK) return result;
  uint64_t numbers[2];
  memcpy(numbers, bytes, sizeof numbers);
  if (on->flaw != RESTORE_ADDS) on->total = 0;
  if (on->flaw != RESTORE_FORGETS) on->total += numbers[0];
  if (on->flaw != RESTORE_FORGETS_LATER) on->step = numbers[1];
  on->is_restored = true;
  return VLOT_OK;
}

/* A copy of the state, and where it was taken from. */
typedef struct sum_image {
  sum frozen;
  const sum *of;
} sum_image;

static uint32_t destroyed;

static void sum_destroy(void *state) {
  destroyed++;
  free(state);
}

static void *sum_freeze(void *state) {
  sum *on = state;
  if (on->flaw == FREEZE_GIVES_NONE) return NULL;
  if (on->flaw == FREEZE_CHANGES) on->total++;
  sum_image *made = calloc(1, sizeof *made);
  *made = (sum_image){.frozen = *on, .of = on};
  destroyed = 0;
  return made;
}

static vlot_result sum_image_write(void *image, const vlot_writer *writer) {
  sum_image *on = image;
  if (on->frozen.flaw == IMAGE_FAILS) return VLOT_IO;
  if (on->frozen.flaw == IMAGE_SHARES) on->frozen.total = on->of->total;
  if (on->frozen.flaw == IMAGE_NEEDS_STATE && destroyed > 0) on->frozen.total++;
  return sum_snapshot(&on->frozen, writer);
}

static uint64_t sum_hash(void *state) {
  sum *on = state;
  if (on->flaw == HASH_CHANGES) on->asked++;
  return on->total * 31 + on->asked;
}

static const vlot_machine plain = {
    .size = sizeof(vlot_machine),
    .name = "sum",
    .create = sum_create,
    .apply = sum_apply,
    .query = sum_query,
    .snapshot = sum_snapshot,
    .restore = sum_restore,
    .hash = sum_hash,
    .destroy = sum_destroy,
    .freeze = sum_freeze,
    .image_write = sum_image_write,
    .image_free = free,
};

static const uint8_t content[] = "the quick brown fox jumps over the lazy dog";
enum { COUNT = 40 };

static vlot_result check(const vlot_machine *machine, const char **problem) {
  vlot_entry commands[COUNT];
  for (size_t k = 0; k < COUNT; k++)
    commands[k] = (vlot_entry){.data = content + k, .size = 1, .kind = VLOT_ENTRY_COMMAND};
  vlot_entry questions[2] = {{.data = content, .size = 1}, {.data = content, .size = 0}};
  return vlot_machine_check(machine, commands, COUNT, questions, 2, problem);
}

Test(machine_check, a_machine_without_a_flaw_passes) {
  flaw has = NONE;
  vlot_machine machine = plain;
  machine.context = &has;
  const char *problem = "";
  cr_assert_eq(check(&machine, &problem), VLOT_OK, "%s", problem ? problem : "");
  cr_assert_null(problem);
  cr_assert_eq(check(&machine, NULL), VLOT_OK);
  cr_assert_eq(vlot_machine_check(&machine, NULL, 0, NULL, 0, NULL), VLOT_OK, "without a command");
}

Test(machine_check, every_flaw_is_found_and_named) {
  static const struct {
    flaw flaw;
    const char *says;
  } cases[] = {
      {NEEDS_NODE, "other batches"},
      {NEEDS_REPLAYING, "is_replaying"},
      {NEEDS_REPLIES, "asked for"},
      {NEEDS_BATCHES, "other batches"},
      {NEEDS_BATCHES_FOR_ANSWERS, "other answers"},
      {KEEPS_POINTER, "other memory"},
      {REFUSES, "apply() refuses"},
      {HASH_CHANGES, "hash()"},
      {QUERY_CHANGES, "query() changes"},
      {QUERY_DIFFERS, "question differently"},
      {SNAPSHOT_CHANGES, "snapshot() changes"},
      {SNAPSHOT_FAILS, "snapshot() fails"},
      {SNAPSHOT_DIFFERS, "other bytes"},
      {RESTORE_FAILS, "restore() refuses"},
      {RESTORE_ADDS, "another state"},
      {RESTORE_FORGETS, "another state"},
      {RESTORE_FORGETS_LATER, "restored machine"},
      {RESTORE_LEAVES_SOME, "does not read all"},
      {RESTORE_WANTS_ALL_AT_ONCE, "does not read all"},
      {RESTORE_CHANGES_ANSWERS, "other answers"},
      {NO_STATE, "create()"},
      {FREEZE_CHANGES, "freeze() changes"},
      {FREEZE_GIVES_NONE, "freeze() returns NULL"},
      {IMAGE_FAILS, "image_write() fails"},
      {IMAGE_SHARES, "applied since"},
      {IMAGE_NEEDS_STATE, "its machine is gone"},
  };
  cr_assert_eq(sizeof cases / sizeof *cases, FLAWS - 1);
  for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
    flaw has = cases[k].flaw;
    vlot_machine machine = plain;
    machine.context = &has;
    const char *problem = NULL;
    cr_assert_eq(check(&machine, &problem), VLOT_FAILED, "flaw %d passes", (int)has);
    cr_assert_not_null(problem);
    cr_assert_not_null(strstr(problem, cases[k].says), "flaw %d: \"%s\"", (int)has, problem);
  }
}

Test(machine_check, what_a_machine_need_not_have_is_not_tried) {
  flaw has = NONE;
  vlot_machine machine = plain;
  machine.context = &has;
  machine.hash = NULL;
  cr_assert_eq(check(&machine, NULL), VLOT_OK);
  machine.freeze = NULL;
  machine.image_write = NULL;
  machine.image_free = NULL;
  cr_assert_eq(check(&machine, NULL), VLOT_OK);
  machine.snapshot = NULL;
  machine.restore = NULL;
  cr_assert_eq(check(&machine, NULL), VLOT_OK);
  machine.query = NULL;
  vlot_entry command = {.data = content, .size = 1};
  cr_assert_eq(vlot_machine_check(&machine, &command, 1, NULL, 0, NULL), VLOT_OK);
}

Test(machine_check, without_a_hash_answers_are_compared) {
  flaw has = NEEDS_BATCHES;
  vlot_machine machine = plain;
  machine.context = &has;
  machine.hash = NULL;
  cr_assert_eq(check(&machine, NULL), VLOT_FAILED);
}

Test(machine_check, what_is_missing_is_named) {
  flaw has = NONE;
  vlot_entry entry = {.data = content, .size = 1};
  const char *problem;
  for (int missing = 0; missing < 13; missing++) {
    vlot_machine machine = plain;
    machine.context = &has;
    const vlot_entry *commands = &entry, *questions = &entry;
    switch (missing) {
    case 0: machine.size--; break;
    case 1: machine.create = NULL; break;
    case 2: machine.apply = NULL; break;
    case 3: machine.destroy = NULL; break;
    case 4: machine.snapshot = NULL; break;
    case 5: machine.restore = NULL; break;
    case 6: machine.query = NULL; break;
    case 7: commands = NULL; break;
    case 8: questions = NULL; break;
    case 9: machine.freeze = NULL; break;
    case 10: machine.image_write = NULL; break;
    case 11: machine.image_free = NULL; break;
    default: break;
    }
    problem = NULL;
    vlot_result result =
        vlot_machine_check(missing == 12 ? NULL : &machine, commands, 1, questions, 1, &problem);
    cr_assert_eq(result, VLOT_INVALID, "case %d", missing);
    cr_assert_not_null(problem);
  }
}
