/* vlot_machine_check(): four instances of a machine that live through the same commands in
 * different ways.
 */
#include <string.h>

#include "base/alloc.h"
#include "base/problem.h"
#include "cluster/image.h"
#include "cluster/replies.h"

typedef struct stream {
  void *bytes;
  size_t capacity;
  size_t used;
  size_t at;
} stream;

/* One instance and where its answers go. */
typedef struct instance {
  void *state;
  vlot_replies replies;
} instance;

/* first   commands in batches of growing sizes; the others are compared with it
 * second  one command at a time, each from memory that is overwritten afterwards
 * third   nobody asks for answers, and it is told that it is replaying
 * copy    has lived through something else; half way it is restored from a snapshot of the first
 */
enum { FIRST, SECOND, THIRD, COPY, INSTANCES };

typedef struct machine_trial {
  const vlot_machine *machine;
  instance instances[INSTANCES];
  const char *problem;
  const vlot_entry *questions;
  uint32_t question_count;
  uint8_t *scratch; /* as large as the largest command */
  bool has_copy;    /* the copy takes part */
  void *image;      /* of the first, half way; NULL: not frozen */
  stream frozen;    /* what snapshot() wrote then */
} machine_trial;

static vlot_result fail(machine_trial *trial, const char *problem) {
  trial->problem = problem;
  return VLOT_FAILED;
}

static vlot_result judge(machine_trial *trial, vlot_result result, const char *problem) {
  return result == VLOT_OK || result == VLOT_NOMEM ? result : fail(trial, problem);
}

static uint64_t hash_of(const machine_trial *trial, uint32_t which) {
  return trial->machine->hash ? trial->machine->hash(trial->instances[which].state) : 0;
}

static bool is_same_answer(const machine_trial *trial, uint32_t a, uint32_t ka, uint32_t b,
                           uint32_t kb) {
  const uint8_t *left, *right;
  size_t left_size, right_size;
  vlot__replies_get(&trial->instances[a].replies, ka, &left, &left_size);
  vlot__replies_get(&trial->instances[b].replies, kb, &right, &right_size);
  return left_size == right_size && (left_size == 0 || memcmp(left, right, left_size) == 0);
}

/* --- commands --- */

static vlot_result apply(machine_trial *trial, uint32_t which, const vlot_entry *commands,
                         uint32_t count, uint64_t index) {
  instance *it = &trial->instances[which];
  vlot_replies *replies = which == THIRD ? NULL : &it->replies;
  if (replies && vlot__replies_begin(replies, count) != VLOT_OK) return VLOT_NOMEM;
  return judge(trial, trial->machine->apply(it->state, commands, count, index, replies),
               "apply() refuses a command of the sample, and so would stop its node");
}

/* One command to the second instance, from memory that holds something else afterwards (but is
 * still there: a machine that kept a pointer to it shall be told so, not crash).
 */
static vlot_result apply_copied(machine_trial *trial, const vlot_entry *command, uint64_t index) {
  if (command->size > 0) memcpy(trial->scratch, command->data, command->size);
  vlot_entry copied = {.data = trial->scratch, .size = command->size, .kind = command->kind};
  vlot_result result = apply(trial, SECOND, &copied, 1, index);
  memset(trial->scratch, 0xa5, command->size);
  return result;
}

static vlot_result compare_hashes(machine_trial *trial) {
  uint64_t hash = hash_of(trial, FIRST);
  if (hash_of(trial, FIRST) != hash)
    return fail(trial, "hash() of an unchanged state is not always the same");
  if (hash_of(trial, SECOND) != hash)
    return fail(trial,
                "the same commands in other batches, from other memory, lead to another state");
  if (hash_of(trial, THIRD) != hash)
    return fail(
        trial,
        "the state depends on the node, on is_replaying, or on whether answers are asked for");
  if (trial->has_copy && hash_of(trial, COPY) != hash)
    return fail(trial,
                "a restored machine goes on to another state than the one the snapshot is of");
  return VLOT_OK;
}

/* The same batch to all of them. */
static vlot_result apply_batch(machine_trial *trial, const vlot_entry *commands, uint32_t count,
                               uint64_t index) {
  vlot_result result = apply(trial, FIRST, commands, count, index);
  if (result == VLOT_OK) result = apply(trial, THIRD, commands, count, index);
  if (result == VLOT_OK && trial->has_copy) result = apply(trial, COPY, commands, count, index);
  for (uint32_t k = 0; result == VLOT_OK && k < count; k++) {
    result = apply_copied(trial, &commands[k], index + k);
    if (result == VLOT_OK && !is_same_answer(trial, FIRST, k, SECOND, 0))
      result =
          fail(trial, "the same commands in other batches, from other memory, get other answers");
    if (result == VLOT_OK && trial->has_copy && !is_same_answer(trial, FIRST, k, COPY, k))
      result =
          fail(trial, "a restored machine gives other answers than the one the snapshot is of");
  }
  return result == VLOT_OK ? compare_hashes(trial) : result;
}

/* Commands [from, to) in batches of 1, 2, 3 … */
static vlot_result apply_range(machine_trial *trial, const vlot_entry *commands, uint32_t from,
                               uint32_t to) {
  vlot_result result = VLOT_OK;
  for (uint32_t size = 1; result == VLOT_OK && from < to; size++) {
    uint32_t count = size < to - from ? size : to - from;
    result = apply_batch(trial, commands + from, count, (uint64_t)from + 1);
    from += count;
  }
  return result;
}

/* --- questions --- */

static vlot_result ask(machine_trial *trial, uint32_t which, const vlot_entry *question,
                       vlot_result *said) {
  instance *it = &trial->instances[which];
  uint64_t before = hash_of(trial, which);
  if (vlot__replies_begin(&it->replies, 1) != VLOT_OK) return VLOT_NOMEM;
  *said = trial->machine->query(it->state, question->data, question->size, &it->replies);
  if (hash_of(trial, which) != before) return fail(trial, "query() changes the state");
  return VLOT_OK;
}

static vlot_result ask_all(machine_trial *trial, const vlot_entry *question) {
  vlot_result expected, said;
  vlot_result result = ask(trial, FIRST, question, &expected);
  for (uint32_t which = SECOND; result == VLOT_OK && which < INSTANCES; which++) {
    if (which == COPY && !trial->has_copy) continue;
    result = ask(trial, which, question, &said);
    if (result == VLOT_OK && (said != expected || !is_same_answer(trial, FIRST, 0, which, 0)))
      result = fail(trial, "equal states answer a question differently");
  }
  return result;
}

static vlot_result ask_questions(machine_trial *trial) {
  vlot_result result = VLOT_OK;
  for (uint32_t k = 0; result == VLOT_OK && k < trial->question_count; k++)
    result = ask_all(trial, &trial->questions[k]);
  return result;
}

/* --- snapshots --- */

static vlot_result stream_write(void *context, const void *data, size_t size) {
  stream *to = context;
  if (size > SIZE_MAX / 2 - to->used) return VLOT_NOMEM;
  if (!vlot__alloc_grow(vlot_allocator_default(), &to->bytes, &to->capacity, to->used + size, 1))
    return VLOT_NOMEM;
  if (size > 0) memcpy((uint8_t *)to->bytes + to->used, data, size);
  to->used += size;
  return VLOT_OK;
}

/* Gives less than it was asked for, as a real stream may: 1 to 61 bytes. */
static vlot_result stream_read(void *context, void *data, size_t size, size_t *got) {
  stream *from = context;
  size_t part = from->at % 61 + 1;
  if (part > size) part = size;
  if (part > from->used - from->at) part = from->used - from->at;
  if (part > 0) memcpy(data, (uint8_t *)from->bytes + from->at, part);
  from->at += part;
  *got = part;
  return VLOT_OK;
}

static vlot_result transfer_through(machine_trial *trial, stream *between) {
  const vlot_machine *machine = trial->machine;
  uint64_t hash = hash_of(trial, FIRST);
  vlot_writer writer = {.context = between, .write = stream_write};
  vlot_reader reader = {.context = between, .read = stream_read};
  vlot_result result = machine->snapshot(trial->instances[FIRST].state, &writer);
  if (result != VLOT_OK) return judge(trial, result, "snapshot() fails");
  if (hash_of(trial, FIRST) != hash) return fail(trial, "snapshot() changes the state");
  result = machine->restore(trial->instances[COPY].state, &reader);
  if (result != VLOT_OK)
    return judge(trial, result, "restore() refuses what snapshot() has written");
  if (between->at != between->used)
    return fail(trial, "restore() does not read all that snapshot() has written");
  if (hash_of(trial, COPY) != hash) return fail(trial, "a snapshot, restored, is another state");
  return VLOT_OK;
}

/* The state of the first becomes that of the copy. */
static vlot_result transfer(machine_trial *trial) {
  if (!trial->machine->snapshot) return VLOT_OK;
  stream between = {0};
  vlot_result result = transfer_through(trial, &between);
  vlot__alloc_free(vlot_allocator_default(), between.bytes);
  trial->has_copy = result == VLOT_OK;
  return result;
}

static vlot_result write_bytes(machine_trial *trial, uint32_t which, stream *to) {
  vlot_writer writer = {.context = to, .write = stream_write};
  return judge(trial, trial->machine->snapshot(trial->instances[which].state, &writer),
               "snapshot() fails");
}

static bool is_same_stream(const stream *left, const stream *right) {
  return left->used == right->used &&
         (left->used == 0 || memcmp(left->bytes, right->bytes, left->used) == 0);
}

/* Those of the first, and of one that has had other batches, or was restored half way: members
 * that are compared by their snapshots have lived like that. */
static vlot_result compare_bytes(machine_trial *trial) {
  stream first = {0}, other = {0};
  vlot_result result = write_bytes(trial, FIRST, &first);
  for (uint32_t which = SECOND; result == VLOT_OK && which < INSTANCES; which++) {
    other.used = 0;
    result = write_bytes(trial, which, &other);
    if (result == VLOT_OK && !is_same_stream(&first, &other))
      result = fail(trial, "snapshot() writes other bytes for the same commands");
  }
  vlot__alloc_free(vlot_allocator_default(), first.bytes);
  vlot__alloc_free(vlot_allocator_default(), other.bytes);
  return result;
}

/* --- images --- */

static vlot_result freeze(machine_trial *trial, uint32_t which) {
  uint64_t hash = hash_of(trial, which);
  trial->frozen.used = 0;
  vlot_result result = write_bytes(trial, which, &trial->frozen);
  if (result != VLOT_OK) return result;
  trial->image = trial->machine->freeze(trial->instances[which].state);
  if (!trial->image)
    return fail(trial, "freeze() returns NULL, and there is no other image of this state");
  return hash_of(trial, which) == hash ? VLOT_OK : fail(trial, "freeze() changes the state");
}

static void free_image(machine_trial *trial) {
  if (trial->image) trial->machine->image_free(trial->image);
  trial->image = NULL;
}

static vlot_result compare_image(machine_trial *trial, const char *problem) {
  stream written = {0};
  vlot_writer writer = {.context = &written, .write = stream_write};
  vlot_result result =
      judge(trial, trial->machine->image_write(trial->image, &writer), "image_write() fails");
  if (result == VLOT_OK && !is_same_stream(&written, &trial->frozen)) result = fail(trial, problem);
  vlot__alloc_free(vlot_allocator_default(), written.bytes);
  free_image(trial);
  return result;
}

/* One that is never written, then one that is written at the end. */
static vlot_result freeze_half_way(machine_trial *trial) {
  if (!trial->machine->freeze) return VLOT_OK;
  vlot_result result = freeze(trial, FIRST);
  free_image(trial);
  return result == VLOT_OK ? freeze(trial, FIRST) : result;
}

static vlot_result write_frozen(machine_trial *trial) {
  if (!trial->machine->freeze) return VLOT_OK;
  vlot_result result =
      compare_image(trial, "image_write() writes other bytes than snapshot() did when it was "
                           "frozen: what was applied since shows in it");
  if (result == VLOT_OK) result = freeze(trial, THIRD);
  if (result != VLOT_OK) return result;
  trial->machine->destroy(trial->instances[THIRD].state);
  trial->instances[THIRD].state = NULL;
  return compare_image(trial, "image_write() writes other bytes when its machine is gone");
}

/* --- the whole trial --- */

/* What is restored must replace a state, not add to it: so the copy gets one, from more commands
 * than the first has had.
 */
static vlot_result live_otherwise(machine_trial *trial, const vlot_entry *commands,
                                  uint32_t count) {
  uint32_t half = count / 2;
  vlot_result result = VLOT_OK;
  for (uint32_t k = half; result == VLOT_OK && k < count; k++)
    result = apply(trial, COPY, &commands[k], 1, k - half + 1);
  if (result == VLOT_OK && count > 0)
    result = apply(trial, COPY, commands, 1, (uint64_t)(count - half) + 1);
  return result;
}

static vlot_result run(machine_trial *trial, const vlot_entry *commands, uint32_t count) {
  uint32_t half = count / 2;
  vlot_result result = compare_hashes(trial);
  if (result == VLOT_OK) result = apply_range(trial, commands, 0, half);
  if (result == VLOT_OK && trial->machine->snapshot)
    result = live_otherwise(trial, commands, count);
  if (result == VLOT_OK) result = transfer(trial);
  if (result == VLOT_OK) result = ask_questions(trial);
  if (result == VLOT_OK) result = freeze_half_way(trial);
  if (result == VLOT_OK) result = apply_range(trial, commands, half, count);
  if (result == VLOT_OK && trial->machine->snapshot) result = compare_bytes(trial);
  if (result == VLOT_OK) result = transfer(trial);
  if (result == VLOT_OK) result = ask_questions(trial);
  return result == VLOT_OK ? write_frozen(trial) : result;
}

static vlot_result make_scratch(machine_trial *trial, const vlot_entry *commands, uint32_t count) {
  size_t largest = 0;
  for (uint32_t k = 0; k < count; k++)
    if (commands[k].size > largest) largest = commands[k].size;
  trial->scratch = vlot__alloc(vlot_allocator_default(), largest, 1);
  return trial->scratch ? VLOT_OK : VLOT_NOMEM;
}

static vlot_result make_instances(machine_trial *trial) {
  const vlot_machine *machine = trial->machine;
  for (uint32_t which = 0; which < INSTANCES; which++)
    vlot__replies_init(&trial->instances[which].replies, vlot_allocator_default());
  for (uint32_t which = 0; which < INSTANCES; which++) {
    void *state = machine->create(machine->context, which + 1, which == THIRD);
    if (!state) return fail(trial, "create() returns NULL");
    trial->instances[which].state = state;
  }
  return VLOT_OK;
}

static void free_instances(machine_trial *trial) {
  free_image(trial);
  vlot__alloc_free(vlot_allocator_default(), trial->frozen.bytes);
  for (uint32_t which = 0; which < INSTANCES; which++) {
    if (trial->instances[which].state) trial->machine->destroy(trial->instances[which].state);
    vlot__replies_deinit(&trial->instances[which].replies);
  }
  vlot__alloc_free(vlot_allocator_default(), trial->scratch);
}

static const char *check_arguments(const vlot_machine *machine, const vlot_entry *commands,
                                   uint32_t count, const vlot_entry *questions,
                                   uint32_t question_count) {
  if (!machine || machine->size != sizeof *machine) return "size is not sizeof(vlot_machine)";
  if (!machine->create || !machine->apply || !machine->destroy)
    return "create, apply and destroy are required";
  if (!machine->snapshot != !machine->restore) return "snapshot and restore go together";
  const char *problem = vlot__machine_image_problem(machine);
  if (problem) return problem;
  if (count > 0 && !commands) return "commands is NULL";
  if (question_count > 0 && !questions) return "questions is NULL";
  if (question_count > 0 && !machine->query) return "there are questions, but no query";
  return NULL;
}

vlot_result vlot_machine_check(const vlot_machine *machine, const vlot_entry *commands,
                               uint32_t count, const vlot_entry *questions, uint32_t question_count,
                               const char **problem) {
  const char *invalid = check_arguments(machine, commands, count, questions, question_count);
  if (problem) *problem = invalid;
  if (invalid) return vlot__refuse(VLOT_INVALID, invalid);
  machine_trial trial = {
      .machine = machine, .questions = questions, .question_count = question_count};
  vlot_result result = make_instances(&trial);
  if (result == VLOT_OK) result = make_scratch(&trial, commands, count);
  if (result == VLOT_OK) result = run(&trial, commands, count);
  free_instances(&trial);
  if (problem) *problem = trial.problem;
  return result != VLOT_OK && trial.problem ? vlot__refuse(result, trial.problem) : result;
}
