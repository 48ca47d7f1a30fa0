/* With threads they are drawn from the operating system, so that no two clusters ever share one:
 * this is the only place of vlot that asks it for chance. A replay has what was drawn; lockstep
 * must not draw.
 */
#include "cluster/disk_ids.h"

#include <errno.h>
#include <sys/random.h>

#include "cluster/recorder.h"

/* mark [16], hash [32], number [16]; without the mark the hash goes on there. Drawn ones have no
 * number. */
enum { MARK_SHIFT = 48, MARK = 0x1057, NUMBER_BITS = 16 };

static uint64_t marked(uint64_t id, bool is_later) {
  if (is_later) return (id & ((UINT64_C(1) << MARK_SHIFT) - 1)) | (uint64_t)MARK << MARK_SHIFT;
  if (id >> MARK_SHIFT == MARK) id ^= UINT64_C(1) << MARK_SHIFT;
  return id ? id : 1;
}

bool vlot__disk_id_is_later(uint64_t id) { return id >> MARK_SHIFT == MARK; }

static uint64_t hash(uint64_t seed, uint32_t member, uint32_t number) {
  uint64_t id = vlot__prng_mix(vlot__prng_mix(seed) + member);
  return (id >> NUMBER_BITS << NUMBER_BITS) + number;
}

uint32_t vlot__disk_id_number(const vlot_cluster *cluster, uint32_t member, uint64_t id) {
  uint64_t first = marked(hash(cluster->options.seed, member, 0), true), ours = marked(id, true);
  return ours >> NUMBER_BITS == first >> NUMBER_BITS ? (uint32_t)(ours - first) : 1;
}

static vlot_result draw(uint64_t *id) {
  ssize_t size;
  do size = getrandom(id, sizeof *id, 0);
  while (size < 0 && errno == EINTR);
  return size == (ssize_t)sizeof *id ? VLOT_OK : VLOT_IO;
}

vlot_result vlot__disk_id_new(vlot_cluster *cluster, uint32_t member, uint32_t number,
                              bool is_later, uint64_t *id) {
  const vlot__recorder *recorder = cluster->recorder;
  if (recorder && recorder->disk_id) {
    *id = recorder->disk_id(cluster, member);
    return VLOT_OK;
  }
  vlot_result result = VLOT_OK;
  if (cluster->options.driver == VLOT_DRIVER_THREADS)
    result = draw(id);
  else
    *id = hash(cluster->options.seed, member, number);
  if (result == VLOT_OK)
    *id = marked(*id, is_later);
  else
    vlot__problem(cluster, "the operating system gives no random numbers");
  return result;
}
