/* Chunks of snapshots from anybody, in any order: nothing is installed unless total, offsets
 * and checksum agree; until then the old state stays as it was.
 *
 * A core of three members that has three entries is sent parts of snapshots: of two good ones, and
 * of some that lie about total, checksum, chain or content. They come as they are or by the codec,
 * from two leaders of different terms. What the core calls whole is verified as a driver does it.
 */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "raft/core.h"
#include "raft/snapshot.h"
#include "vlot/raft_snapshot.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { TOTAL = 48, KINDS = 8, STEPS_MAX = 300, WRITES_MAX = 64, SELF = 1, ENCODED_MAX = 512 };

static void demand(bool holds) {
  if (!holds) abort();
}

typedef struct bytes {
  const uint8_t *at;
  size_t left;
} bytes;

static uint8_t next(bytes *from) {
  if (from->left == 0) return 0;
  from->left--;
  return *from->at++;
}

/* --- snapshots that are sent --- */

static uint8_t content_at(uint64_t index, uint64_t offset) {
  return (uint8_t)(index * 31 + offset * 7 + 1);
}

static vlot_configuration *configuration(void) {
  static const vlot_member members[] = {{.id = 1}, {.id = 2}, {.id = 3}};
  return vlot_configuration_make(NULL, members, 3, NULL, 0);
}

/* 0 and 1: good, at 10 and at 12. Others are as the first, but for one thing. */
static vlot_snapshot *snapshot_of(uint32_t kind, uint64_t offset, size_t length) {
  uint8_t whole[TOTAL];
  vlot_snapshot_head head = {.index = kind == 1 ? 12 : 10,
                             .term = 2,
                             .chain = 5,
                             .size = TOTAL,
                             .configuration = configuration()};
  for (uint64_t k = 0; k < TOTAL; k++) whole[k] = content_at(head.index, k);
  head.checksum = vlot_snapshot_checksum(VLOT_SNAPSHOT_CHECKSUM, whole, TOTAL);
  switch (kind) {
  case 2: whole[TOTAL / 2] ^= 1; break;
  case 3: head.size = TOTAL - 8; break;
  case 4: head.size = TOTAL + 8; break;
  case 5: head.checksum ^= 1; break;
  case 6: head.term = 1; break;
  case 7: head.index = 2; break; /* the core has that entry, of another term */
  default: break;
  }
  if (offset > head.size) offset = head.size;
  if (length > head.size - offset) length = (size_t)(head.size - offset);
  uint8_t *data = NULL;
  vlot_snapshot *part = vlot__snapshot_make_part(NULL, &head, offset, length, &data);
  demand(part != NULL);
  for (size_t k = 0; k < length; k++) data[k] = offset + k < TOTAL ? whole[offset + k] : 0;
  vlot_configuration_release(head.configuration);
  return part;
}

/* --- the core and its driver --- */

typedef struct world {
  vlot_raft *raft;
  vlot_snapshot *restoring;
  uint64_t tokens[WRITES_MAX];
  uint32_t token_count;
  uint64_t request;
  bool may_install; /* a driver has said that it restored from something that is whole */
} world;

static vlot_raft_status status_of(const world *w) {
  vlot_raft_status status;
  vlot_raft_get_status(w->raft, &status);
  return status;
}

static void take_output(world *w, const vlot_output *output) {
  for (uint32_t k = 0; k < output->change_count; k++)
    if (output->changes[k].kind == VLOT_CHANGE_SNAPSHOT_INSTALLED) demand(w->may_install);
  demand(!output->write.snapshot || w->may_install);
  if (output->write.token != 0 && w->token_count < WRITES_MAX)
    w->tokens[w->token_count++] = output->write.token;
  if (!output->restore) return;
  vlot_snapshot_release(w->restoring);
  w->restoring = vlot_snapshot_retain(output->restore);
  demand(vlot__snapshot_is_whole(w->restoring));
}

/* Its log, commit index and snapshot are as before, whatever came, unless something may be. */
static void step(world *w, const vlot_input *input) {
  const vlot_output *output;
  vlot_raft_status before = status_of(w);
  vlot_result result = vlot_raft_step(w->raft, input, 1, &output);
  demand(result == VLOT_OK || result == VLOT_FENCED);
  take_output(w, output);
  vlot_raft_status after = status_of(w);
  demand(after.receives_offset <= after.receives_size);
  if (w->may_install) return;
  demand(after.last_index == before.last_index && after.base_index == before.base_index);
  demand(after.snapshot_index == before.snapshot_index);
  demand(after.commit_index == before.commit_index || after.commit_index <= before.last_index);
}

/* Is it, to its last byte, one of the two good ones? */
static void check_content(const vlot_snapshot *snapshot) {
  const vlot_snapshot_head *head = vlot_snapshot_get(snapshot);
  uint8_t content[TOTAL];
  demand(head->size == TOTAL && (head->index == 10 || head->index == 12 || head->index == 2));
  demand(vlot_snapshot_read(snapshot, 0, TOTAL, content) == VLOT_OK);
  for (uint64_t k = 0; k < TOTAL; k++)
    demand(content[k] == content_at(head->index == 12 ? 12 : 10, k));
}

static void say_restored(world *w) {
  if (!w->restoring) return;
  vlot_input input = {.kind = VLOT_INPUT_RESTORED};
  input.as.restored = vlot_snapshot_verify(w->restoring);
  demand(input.as.restored == VLOT_OK || input.as.restored == VLOT_CORRUPT);
  if (input.as.restored == VLOT_OK) check_content(w->restoring);
  w->may_install = input.as.restored == VLOT_OK;
  vlot_snapshot_release(w->restoring);
  w->restoring = NULL;
  step(w, &input);
  w->may_install = false;
}

static void say_stored(world *w) {
  if (w->token_count == 0) return;
  vlot_input input = {.kind = VLOT_INPUT_STORED, .as.token = w->tokens[w->token_count - 1]};
  w->token_count = 0;
  step(w, &input);
}

/* By the codec it is the same, or it is refused. */
static void hand_over(world *w, vlot_message *message, bool is_encoded, uint8_t flip) {
  uint8_t encoded[ENCODED_MAX];
  vlot_message *decoded = NULL;
  vlot_why why;
  if (!is_encoded) {
    step(w, &(vlot_input){.kind = VLOT_INPUT_MESSAGE, .as.message = message});
    return;
  }
  if (vlot_message_check(message) != VLOT_WHY_NONE) return;
  size_t size = vlot_message_encode(message, encoded, sizeof encoded);
  demand(size > 0);
  if (flip % 4 == 0) encoded[76 + flip / 4 % 28] ^= 1u << flip % 8; /* total to length */
  if (vlot_message_decode(NULL, encoded, size, &decoded, &why) != VLOT_OK) return;
  step(w, &(vlot_input){.kind = VLOT_INPUT_MESSAGE, .as.message = decoded});
  vlot_message_free(NULL, decoded);
}

static void say_chunk(world *w, bytes *from) {
  uint8_t what = next(from), shape = next(from);
  uint64_t offset = next(from) % (TOTAL + 12);
  size_t length = next(from) % (TOTAL + 12);
  bool is_later = (shape & 1) != 0, is_encoded = (shape & 2) != 0;
  if (shape & 4) offset = offset / 8 * 8, length = 8;
  vlot_message message = {.kind = VLOT_MESSAGE_INSTALL,
                          .from = is_later ? 3 : 2,
                          .to = SELF,
                          .term = is_later ? 4 : 3,
                          .request_id = ++w->request,
                          .dealing = 1};
  message.as.install.snapshot = snapshot_of(what % KINDS, offset, length);
  message.as.install.offset = offset;
  message.as.install.length = (uint32_t)length;
  if (vlot__snapshot_has(message.as.install.snapshot, offset, length) || shape & 8)
    hand_over(w, &message, is_encoded, shape >= 224 ? next(from) : 1);
  vlot_snapshot_release(message.as.install.snapshot);
}

static void open_core(world *w) {
  vlot_raft_options options;
  vlot_raft_options_init(&options);
  static const vlot_member members[] = {{.id = 1}, {.id = 2}, {.id = 3}};
  vlot_entry entry = {.data = (const uint8_t *)"x", .size = 1, .kind = VLOT_ENTRY_COMMAND};
  vlot_entry entries[3] = {entry, entry, entry};
  vlot_slice slice = {
      .batch = vlot_batch_make(NULL, entries, NULL, 3), .index = 1, .term = 1, .count = 3};
  options.id = SELF;
  options.members = members;
  options.member_count = 3;
  options.hard = (vlot_hard_state){.term = 2};
  options.log_slices = &slice;
  options.log_slice_count = 1;
  options.snapshot_bytes_max = TOTAL + 8;
  const char *problem = NULL;
  demand(vlot_raft_open(&w->raft, &options, &problem) == VLOT_OK);
  vlot_batch_release(slice.batch);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  world w = {0};
  bytes from = {.at = data, .left = size};
  open_core(&w);
  for (int k = 0; k < STEPS_MAX && from.left > 0; k++) {
    uint8_t what = next(&from);
    if (what < 200)
      say_chunk(&w, &from);
    else if (what < 228)
      say_restored(&w);
    else
      say_stored(&w);
  }
  vlot_snapshot_release(w.restoring);
  vlot_raft_close(w.raft);
  return 0;
}
