/* The encoded form of a configuration, version 1: what an entry of kind CONFIG holds. All numbers
 * are little-endian.
 *
 *   u8  version   u8 halves (2: joint)   u16 0   per half: u32 members
 *   then per member, those of the half to come first:
 *   u32 id   u16 is_learner   u16 wish   u64 disk id
 *
 * Canonical: members keep their order, and a configuration that no cluster can have is refused, so
 * what decodes has one encoding. Memory: one block, which is made when it is known that so many
 * members are there; it takes no more than twice their bytes and 48.
 */
#include "base/alloc.h"
#include "base/assert.h"
#include "base/little.h"
#include "raft/config.h"

enum { FORMAT_VERSION = 1, HEAD_BYTES = 4, COUNT_BYTES = 4 };

uint8_t *vlot__config_put_members(uint8_t *at, const vlot_configuration *configuration) {
  for (uint32_t k = 0; k < configuration->counts[0] + configuration->counts[1]; k++) {
    const vlot_member *member = &configuration->members[k];
    at = vlot__put_word(at, member->id, 4);
    at = vlot__put_word(at, member->is_learner, 2);
    at = vlot__put_word(at, member->wish, 2);
    at = vlot__put_word(at, member->disk_id, 8);
  }
  return at;
}

vlot_result vlot__config_take_members(const vlot_allocator *allocator, const uint8_t *at,
                                      uint32_t count, uint32_t old_count,
                                      vlot_configuration **out) {
  vlot_configuration *made = vlot__config_begin(allocator, count, old_count);
  *out = NULL;
  if (!made) return VLOT_NOMEM;
  for (uint32_t k = 0; k < count + old_count; k++, at += VLOT__CONFIG_MEMBER_BYTES)
    made->members[k] = (vlot_member){.id = (uint32_t)vlot__get_word(at, 4),
                                     .is_learner = (uint16_t)vlot__get_word(at + 4, 2),
                                     .wish = (uint16_t)vlot__get_word(at + 6, 2),
                                     .disk_id = vlot__get_word(at + 8, 8)};
  if (!vlot__config_is_legal(made)) {
    vlot_configuration_release(made);
    return VLOT_CORRUPT;
  }
  vlot__config_end(made);
  *out = made;
  return VLOT_OK;
}

size_t vlot_configuration_size(const vlot_configuration *configuration) {
  VLOT_GIVEN(configuration);
  size_t members = (size_t)configuration->counts[0] + configuration->counts[1];
  return HEAD_BYTES + configuration->half_count * (size_t)COUNT_BYTES +
         members * VLOT__CONFIG_MEMBER_BYTES;
}

size_t vlot_configuration_encode(const vlot_configuration *configuration, uint8_t *out,
                                 size_t capacity) {
  size_t size = vlot_configuration_size(configuration);
  if (capacity < size) return 0;
  uint8_t *at = vlot__put_word(out, FORMAT_VERSION, 1);
  at = vlot__put_word(at, configuration->half_count, 1);
  at = vlot__put_word(at, 0, 2);
  for (uint32_t half = 0; half < configuration->half_count; half++)
    at = vlot__put_word(at, configuration->counts[half], COUNT_BYTES);
  at = vlot__config_put_members(at, configuration);
  VLOT_ASSERT(at == out + size);
  return size;
}

vlot_result vlot_configuration_decode(const vlot_allocator *allocator, const uint8_t *data,
                                      size_t size, vlot_configuration **out) {
  VLOT_GIVEN(out);
  *out = NULL;
  if (size < HEAD_BYTES) return VLOT_CORRUPT;
  uint64_t halves = vlot__get_word(data + 1, 1), counts[VLOT__CONFIG_HALVES] = {0, 0};
  size_t head = HEAD_BYTES + (size_t)halves * COUNT_BYTES;
  if (vlot__get_word(data, 1) != FORMAT_VERSION || halves < 1 || halves > VLOT__CONFIG_HALVES ||
      vlot__get_word(data + 2, 2) != 0 || size < head)
    return VLOT_CORRUPT;
  for (size_t half = 0; half < halves; half++) {
    counts[half] = vlot__get_word(data + HEAD_BYTES + half * COUNT_BYTES, COUNT_BYTES);
    if (counts[half] == 0 || counts[half] > VLOT_MEMBERS_MAX) return VLOT_CORRUPT;
  }
  if (size - head != (counts[0] + counts[1]) * VLOT__CONFIG_MEMBER_BYTES) return VLOT_CORRUPT;
  return vlot__config_take_members(vlot__alloc_or_default(allocator), data + head,
                                   (uint32_t)counts[0], (uint32_t)counts[1], out);
}
