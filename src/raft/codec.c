/* The encoded form of a message, version 1. All numbers are little-endian.
 *
 *   u32 length of the whole message, these four bytes included
 *   u8  version   u8 kind   u16 flags   u32 why   u32 from   u32 to
 *   u64 disk id   u64 term   u64 request id   u64 dealing
 *   time out now   nothing
 *   votes          u64 last_index   u64 last_term
 *   append         u64 prev_index   u64 prev_term   u64 commit   u32 runs   u32 entries
 *                  per run: u64 term   u32 count   per entry: u32 kind   u32 size   the payload
 *   append reply   u64 prev_index   u64 match_index   u64 hint_index   u64 hint_term
 *   install        u64 index   u64 term   u64 chain   u64 size   u64 checksum   u64 offset
 *                  u32 length   u32 members   u32 old members
 *                  per member: u32 id   u16 is_learner   u16 wish   u64 disk id   then the bytes
 *   install reply  u64 index   u64 match_index   u64 offset   u64 limit
 *
 * Canonical: how entries were cut into slices is the sender's affair, so a run holds *all*
 * consecutive entries of one term: encode merges adjacent slices of equal term, decode refuses
 * adjacent runs of equal term. With that, and since vlot_message_check() wants unused fields to be
 * 0, a message has exactly one encoding.
 *
 * Memory: the counts stand before what they count, and decode believes them only when that many
 * runs and entries could fit in the rest. An entry costs 8 bytes encoded and at most 32 decoded
 * (once in the list, once in the batch), a run 12 and 32, so no input makes decode hold more than
 * four times its size and a few hundred bytes.
 */
#include <string.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/little.h"
#include "raft/config.h"
#include "raft/message.h"
#include "raft/snapshot.h"

enum {
  FORMAT_VERSION = 1,
  HEADER_BYTES = 52,
  VOTE_BYTES = 16,
  APPEND_BYTES = 32,
  REPLY_BYTES = 32,
  INSTALL_BYTES = 60,
  MEMBER_BYTES = VLOT__CONFIG_MEMBER_BYTES,
  INSTALLED_BYTES = 32,
  RUN_BYTES = 12,
  ENTRY_BYTES = 8,
};

/* More than any message within the limits can have. */
static const uint64_t message_bytes_max =
    VLOT__MESSAGE_PAYLOAD_MAX + HEADER_BYTES + APPEND_BYTES +
    (uint64_t)VLOT__MESSAGE_ENTRIES_MAX * (RUN_BYTES + ENTRY_BYTES);

/* --- runs ------------------------------------------------------------------------------------- */

/* Does the k-th slice begin a run? */
static bool begins_run(const vlot_message *message, uint32_t k) {
  const vlot_slice *slices = message->as.append.slices;
  return k == 0 || slices[k].term != slices[k - 1].term;
}

/* Entries of the run that begins with the k-th slice. */
static uint32_t run_count(const vlot_message *message, uint32_t k) {
  const vlot_slice *slices = message->as.append.slices;
  uint32_t count = slices[k].count;
  while (++k < message->as.append.slice_count && !begins_run(message, k)) count += slices[k].count;
  return count;
}

static uint32_t runs_of(const vlot_message *message) {
  uint32_t runs = 0;
  for (uint32_t k = 0; k < message->as.append.slice_count; k++) runs += begins_run(message, k);
  return runs;
}

/* --- size and encode -------------------------------------------------------------------------- */

static uint64_t payload_of(const vlot_message *message) {
  uint64_t bytes = 0;
  for (uint32_t k = 0; k < message->as.append.slice_count; k++)
    bytes += vlot_slice_bytes(&message->as.append.slices[k]);
  return bytes;
}

static size_t append_size(const vlot_message *message) {
  uint64_t payload = payload_of(message);
  if (payload > VLOT__MESSAGE_PAYLOAD_MAX) return 0;
  return HEADER_BYTES + APPEND_BYTES + (size_t)runs_of(message) * RUN_BYTES +
         (size_t)message->as.append.entry_count * ENTRY_BYTES + (size_t)payload;
}

static size_t install_size(const vlot_message *message) {
  const vlot_configuration *configuration =
      vlot_snapshot_get(message->as.install.snapshot)->configuration;
  return HEADER_BYTES + INSTALL_BYTES +
         ((size_t)configuration->counts[0] + configuration->counts[1]) * MEMBER_BYTES +
         message->as.install.length;
}

size_t vlot_message_size(const vlot_message *message) {
  VLOT_GIVEN(message);
  if (vlot_message_check(message) != VLOT_WHY_NONE) return 0;
  switch (vlot_message_body_of(message->kind)) {
  case VLOT_BODY_UNKNOWN: return 0;
  case VLOT_BODY_VOTE: return HEADER_BYTES + VOTE_BYTES;
  case VLOT_BODY_VOTE_REPLY: return HEADER_BYTES;
  case VLOT_BODY_APPEND: return append_size(message);
  case VLOT_BODY_APPEND_REPLY: return HEADER_BYTES + REPLY_BYTES;
  case VLOT_BODY_INSTALL: return install_size(message);
  case VLOT_BODY_INSTALL_REPLY: return HEADER_BYTES + INSTALLED_BYTES;
  case VLOT_BODY_TIMEOUT_NOW: return HEADER_BYTES;
  }
  return 0;
}

static uint8_t *put_entries(uint8_t *at, const vlot_slice *slice) {
  const vlot_entry *entries = vlot_slice_entries(slice);
  for (uint32_t k = 0; k < slice->count; k++) {
    at = vlot__put_word(at, entries[k].kind, 4);
    at = vlot__put_word(at, entries[k].size, 4);
    if (entries[k].size > 0) memcpy(at, entries[k].data, entries[k].size);
    at += entries[k].size;
  }
  return at;
}

static uint8_t *put_append(uint8_t *at, const vlot_message *message) {
  at = vlot__put_word(at, message->as.append.prev_index, 8);
  at = vlot__put_word(at, message->as.append.prev_term, 8);
  at = vlot__put_word(at, message->as.append.commit, 8);
  at = vlot__put_word(at, runs_of(message), 4);
  at = vlot__put_word(at, message->as.append.entry_count, 4);
  for (uint32_t k = 0; k < message->as.append.slice_count; k++) {
    const vlot_slice *slice = &message->as.append.slices[k];
    if (begins_run(message, k)) {
      at = vlot__put_word(at, slice->term, 8);
      at = vlot__put_word(at, run_count(message, k), 4);
    }
    at = put_entries(at, slice);
  }
  return at;
}

static uint8_t *put_reply(uint8_t *at, const vlot_message *message) {
  at = vlot__put_word(at, message->as.reply.prev_index, 8);
  at = vlot__put_word(at, message->as.reply.match_index, 8);
  at = vlot__put_word(at, message->as.reply.hint_index, 8);
  return vlot__put_word(at, message->as.reply.hint_term, 8);
}

/* NULL: its content could not be read. */
static uint8_t *put_install(uint8_t *at, const vlot_message *message) {
  const vlot_snapshot *snapshot = message->as.install.snapshot;
  const vlot_snapshot_head *head = vlot_snapshot_get(snapshot);
  const vlot_configuration *configuration = head->configuration;
  uint32_t length = message->as.install.length;
  at = vlot__put_word(at, head->index, 8);
  at = vlot__put_word(at, head->term, 8);
  at = vlot__put_word(at, head->chain, 8);
  at = vlot__put_word(at, head->size, 8);
  at = vlot__put_word(at, head->checksum, 8);
  at = vlot__put_word(at, message->as.install.offset, 8);
  at = vlot__put_word(at, length, 4);
  at = vlot__put_word(at, configuration->counts[0], 4);
  at = vlot__put_word(at, configuration->counts[1], 4);
  at = vlot__config_put_members(at, configuration);
  vlot_result result = vlot_snapshot_read(snapshot, message->as.install.offset, length, at);
  return result == VLOT_OK ? at + length : NULL;
}

static uint8_t *put_installed(uint8_t *at, const vlot_message *message) {
  at = vlot__put_word(at, message->as.installed.index, 8);
  at = vlot__put_word(at, message->as.installed.match_index, 8);
  at = vlot__put_word(at, message->as.installed.offset, 8);
  return vlot__put_word(at, message->as.installed.limit, 8);
}

static uint8_t *put_header(uint8_t *at, const vlot_message *message, size_t size) {
  at = vlot__put_word(at, size, 4);
  at = vlot__put_word(at, FORMAT_VERSION, 1);
  at = vlot__put_word(at, message->kind, 1);
  at = vlot__put_word(at, message->flags, 2);
  at = vlot__put_word(at, message->why, 4);
  at = vlot__put_word(at, message->from, 4);
  at = vlot__put_word(at, message->to, 4);
  at = vlot__put_word(at, message->disk_id, 8);
  at = vlot__put_word(at, message->term, 8);
  at = vlot__put_word(at, message->request_id, 8);
  return vlot__put_word(at, message->dealing, 8);
}

size_t vlot_message_encode(const vlot_message *message, uint8_t *out, size_t capacity) {
  size_t size = vlot_message_size(message);
  if (size == 0 || capacity < size) return 0;
  uint8_t *at = put_header(out, message, size);
  switch (vlot_message_body_of(message->kind)) {
  case VLOT_BODY_VOTE:
    at = vlot__put_word(at, message->as.vote.last_index, 8);
    at = vlot__put_word(at, message->as.vote.last_term, 8);
    break;
  case VLOT_BODY_UNKNOWN:
  case VLOT_BODY_TIMEOUT_NOW:
  case VLOT_BODY_VOTE_REPLY: break;
  case VLOT_BODY_APPEND: at = put_append(at, message); break;
  case VLOT_BODY_APPEND_REPLY: at = put_reply(at, message); break;
  case VLOT_BODY_INSTALL: at = put_install(at, message); break;
  case VLOT_BODY_INSTALL_REPLY: at = put_installed(at, message); break;
  }
  if (!at) return 0;
  VLOT_ASSERT(at == out + size);
  return size;
}

/* --- decode ----------------------------------------------------------------------------------- */

/* Reading beyond the end yields 0 and is remembered, so that a parser asks once, where it
 * matters. */
typedef struct reader {
  const uint8_t *at;
  size_t left;
  bool is_short;
} reader;

static uint64_t take_le(reader *from, unsigned bytes) {
  if (from->left < bytes) {
    from->is_short = true;
    from->left = 0;
    return 0;
  }
  uint64_t value = vlot__get_word(from->at, bytes);
  from->at += bytes;
  from->left -= bytes;
  return value;
}

static uint32_t take_u32(reader *from) { return (uint32_t)take_le(from, 4); }

/* The payload stays in the input; the batch copies it. */
static vlot_entry take_entry(reader *from) {
  vlot_entry entry = {0};
  entry.kind = take_u32(from);
  entry.size = take_u32(from);
  if (from->left < entry.size) {
    from->is_short = true;
    return entry;
  }
  entry.data = from->at;
  from->at += entry.size;
  from->left -= entry.size;
  return entry;
}

/* What stands before the entries of an append. */
typedef struct append_counts {
  uint32_t runs;
  uint32_t entries;
} append_counts;

static void take_header(reader *from, vlot_message *message) {
  take_le(from, 5); /* length and version, seen to already */
  message->kind = (uint16_t)take_le(from, 1);
  message->flags = (uint16_t)take_le(from, 2);
  message->why = take_u32(from);
  message->from = take_u32(from);
  message->to = take_u32(from);
  message->disk_id = take_le(from, 8);
  message->term = take_le(from, 8);
  message->request_id = take_le(from, 8);
  message->dealing = take_le(from, 8);
}

static append_counts take_append(reader *from, vlot_message *message) {
  message->as.append.prev_index = take_le(from, 8);
  message->as.append.prev_term = take_le(from, 8);
  message->as.append.commit = take_le(from, 8);
  append_counts counts = {.runs = take_u32(from)};
  counts.entries = take_u32(from);
  return counts;
}

static append_counts take_body(reader *from, vlot_message *message) {
  switch (vlot_message_body_of(message->kind)) {
  case VLOT_BODY_VOTE:
    message->as.vote.last_index = take_le(from, 8);
    message->as.vote.last_term = take_le(from, 8);
    break;
  case VLOT_BODY_UNKNOWN:
  case VLOT_BODY_TIMEOUT_NOW:
  case VLOT_BODY_VOTE_REPLY: break;
  case VLOT_BODY_APPEND: return take_append(from, message);
  case VLOT_BODY_APPEND_REPLY:
    message->as.reply.prev_index = take_le(from, 8);
    message->as.reply.match_index = take_le(from, 8);
    message->as.reply.hint_index = take_le(from, 8);
    message->as.reply.hint_term = take_le(from, 8);
    break;
  case VLOT_BODY_INSTALL: break; /* by decode_install() */
  case VLOT_BODY_INSTALL_REPLY:
    message->as.installed.index = take_le(from, 8);
    message->as.installed.match_index = take_le(from, 8);
    message->as.installed.offset = take_le(from, 8);
    message->as.installed.limit = take_le(from, 8);
    break;
  }
  return (append_counts){0};
}

/* Could so many runs and entries fit in the rest? Asked before memory is spent on them. */
static vlot_result check_counts(const reader *from, append_counts counts, vlot_why *why) {
  if (counts.entries > VLOT__MESSAGE_ENTRIES_MAX)
    return *why = VLOT_WHY_ENTRY_TOO_LARGE, VLOT_TOO_LARGE;
  uint64_t least = (uint64_t)counts.runs * RUN_BYTES + (uint64_t)counts.entries * ENTRY_BYTES;
  if (counts.runs > counts.entries || least > from->left)
    return *why = VLOT_WHY_MALFORMED, VLOT_CORRUPT;
  if (from->left - least > VLOT__MESSAGE_PAYLOAD_MAX)
    return *why = VLOT_WHY_ENTRY_TOO_LARGE, VLOT_TOO_LARGE;
  return VLOT_OK;
}

/* Fills slices [counts.runs] (without their batch) and entries [counts.entries]; false when the
 * bytes do not add up. */
static bool take_runs(reader *from, append_counts counts, uint64_t prev_index, vlot_slice *slices,
                      vlot_entry *entries) {
  uint32_t taken = 0;
  for (uint32_t k = 0; k < counts.runs; k++) {
    uint64_t term = take_le(from, 8);
    uint32_t count = take_u32(from);
    if (from->is_short || count == 0 || count > counts.entries - taken) return false;
    if (k > 0 && term == slices[k - 1].term) return false; /* it would be one run */
    slices[k] =
        (vlot_slice){.index = prev_index + 1 + taken, .term = term, .first = taken, .count = count};
    for (uint32_t n = 0; n < count; n++) entries[taken + n] = take_entry(from);
    if (from->is_short) return false;
    taken += count;
    VLOT_ASSERT(taken <= counts.entries);
  }
  return taken == counts.entries;
}

/* The message with its slices behind it, in one block. The slices share one batch, with a reference
 * each. */
static vlot_result take_slices(const vlot_allocator *allocator, reader *from, append_counts counts,
                               vlot_message *message, vlot_why *why) {
  vlot_slice *slices = (vlot_slice *)(void *)(message + 1);
  vlot_entry *entries = vlot__alloc(allocator, counts.entries, sizeof *entries);
  if (!entries) return *why = VLOT_WHY_NO_MEMORY, VLOT_NOMEM;
  vlot_batch *batch = NULL;
  bool is_sound = take_runs(from, counts, message->as.append.prev_index, slices, entries);
  if (is_sound) batch = vlot_batch_make(allocator, entries, NULL, counts.entries);
  vlot__alloc_free(allocator, entries);
  if (!is_sound) return *why = VLOT_WHY_MALFORMED, VLOT_CORRUPT;
  if (!batch) return *why = VLOT_WHY_NO_MEMORY, VLOT_NOMEM;

  for (uint32_t k = 0; k < counts.runs; k++)
    slices[k].batch = k == 0 ? batch : vlot_batch_retain(batch);
  message->as.append.slices = slices;
  message->as.append.slice_count = counts.runs;
  message->as.append.entry_count = counts.entries;
  return VLOT_OK;
}

/* Of either half; *problem where they are none that a cluster can have. */
static vlot_configuration *take_configuration(const vlot_allocator *allocator, reader *from,
                                              uint32_t count, uint32_t old_count, bool *problem) {
  uint64_t total = (uint64_t)count + old_count;
  vlot_configuration *configuration = NULL;
  *problem = true;
  if (from->is_short || count > VLOT_MEMBERS_MAX || old_count > VLOT_MEMBERS_MAX ||
      from->left < total * MEMBER_BYTES)
    return NULL;
  vlot_result result =
      vlot__config_take_members(allocator, from->at, count, old_count, &configuration);
  *problem = result == VLOT_CORRUPT;
  from->at += total * MEMBER_BYTES;
  from->left -= (size_t)total * MEMBER_BYTES;
  return configuration;
}

/* A part of a snapshot, with this chunk only. */
static vlot_result take_install(const vlot_allocator *allocator, reader *from,
                                vlot_message *message, vlot_why *why) {
  vlot_snapshot_head head = {0};
  bool problem;
  head.index = take_le(from, 8);
  head.term = take_le(from, 8);
  head.chain = take_le(from, 8);
  head.size = take_le(from, 8);
  head.checksum = take_le(from, 8);
  message->as.install.offset = take_le(from, 8);
  uint32_t length = message->as.install.length = take_u32(from);
  uint32_t count = take_u32(from), old_count = take_u32(from);
  if (length > VLOT__MESSAGE_PAYLOAD_MAX) return *why = VLOT_WHY_ENTRY_TOO_LARGE, VLOT_TOO_LARGE;
  head.configuration = take_configuration(allocator, from, count, old_count, &problem);
  if (problem || (head.configuration &&
                  (from->left != length || head.index == 0 || head.index >= VLOT_INDEX_MAX ||
                   head.term == 0 || head.term >= VLOT_INDEX_MAX))) {
    vlot_configuration_release(head.configuration);
    return *why = VLOT_WHY_MALFORMED, VLOT_CORRUPT;
  }
  uint8_t *data = NULL;
  if (head.configuration)
    message->as.install.snapshot =
        vlot__snapshot_make_part(allocator, &head, message->as.install.offset, length, &data);
  vlot_configuration_release(head.configuration);
  if (!message->as.install.snapshot) return *why = VLOT_WHY_NO_MEMORY, VLOT_NOMEM;
  if (length > 0) memcpy(data, from->at, length);
  from->at += length;
  from->left -= length;
  return VLOT_OK;
}

void vlot_message_free(const vlot_allocator *allocator, vlot_message *message) {
  if (!message) return;
  if (vlot_message_body_of(message->kind) == VLOT_BODY_APPEND)
    for (uint32_t k = 0; k < message->as.append.slice_count; k++)
      vlot_batch_release(message->as.append.slices[k].batch);
  if (vlot_message_body_of(message->kind) == VLOT_BODY_INSTALL)
    vlot_snapshot_release(message->as.install.snapshot);
  vlot__alloc_free(vlot__alloc_or_default(allocator), message);
}

/* Is this, from the outside, one message of this version? */
static vlot_result check_frame(const uint8_t *data, size_t size, vlot_why *why) {
  if (size > message_bytes_max) return *why = VLOT_WHY_ENTRY_TOO_LARGE, VLOT_TOO_LARGE;
  reader from = {.at = data, .left = size};
  uint64_t length = take_le(&from, 4);
  uint64_t version = take_le(&from, 1);
  uint64_t kind = take_le(&from, 1);
  *why = VLOT_WHY_MALFORMED;
  if (from.is_short || length != size) return VLOT_CORRUPT;
  *why = VLOT_WHY_VERSION;
  if (version != FORMAT_VERSION || !vlot__message_kind_is_known((uint32_t)kind))
    return VLOT_CORRUPT;
  *why = VLOT_WHY_NONE;
  return VLOT_OK;
}

static vlot_result decode(const vlot_allocator *allocator, const uint8_t *data, size_t size,
                          vlot_message **out, vlot_why *why) {
  vlot_result result = check_frame(data, size, why);
  if (result != VLOT_OK) return result;
  reader from = {.at = data, .left = size};
  vlot_message fixed;
  memset(&fixed, 0, sizeof fixed); /* all of the union, not only its first member (B134) */
  take_header(&from, &fixed);
  append_counts counts = take_body(&from, &fixed);
  if (from.is_short) return *why = VLOT_WHY_MALFORMED, VLOT_CORRUPT;
  if (vlot_message_body_of(fixed.kind) != VLOT_BODY_INSTALL)
    result = check_counts(&from, counts, why);
  if (result != VLOT_OK) return result;

  vlot_message *message =
      vlot__alloc(allocator, 1, sizeof *message + counts.runs * sizeof(vlot_slice));
  if (!message) return *why = VLOT_WHY_NO_MEMORY, VLOT_NOMEM;
  *message = fixed;
  if (vlot_message_body_of(message->kind) == VLOT_BODY_INSTALL)
    result = take_install(allocator, &from, message, why);
  if (counts.entries > 0) result = take_slices(allocator, &from, counts, message, why);
  if (result == VLOT_OK && from.left > 0) *why = VLOT_WHY_MALFORMED, result = VLOT_CORRUPT;
  if (result == VLOT_OK && vlot_message_check(message) != VLOT_WHY_NONE)
    *why = VLOT_WHY_MALFORMED, result = VLOT_CORRUPT;
  if (result != VLOT_OK) {
    vlot_message_free(allocator, message);
    return result;
  }
  VLOT_ASSERT(vlot_message_size(message) == size); /* it has one encoding: this one */
  *out = message;
  return VLOT_OK;
}

vlot_result vlot_message_decode(const vlot_allocator *allocator, const uint8_t *data, size_t size,
                                vlot_message **out, vlot_why *why) {
  VLOT_GIVEN(out);
  vlot_why ignored;
  if (!why) why = &ignored;
  *why = VLOT_WHY_NONE;
  *out = NULL;
  return decode(vlot__alloc_or_default(allocator), data, size, out, why);
}
