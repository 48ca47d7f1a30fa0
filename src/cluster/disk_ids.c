#include "cluster/disk_ids.h"

enum { MARK_SHIFT = 48, MARK = 0x1057 };

static uint64_t marked(uint64_t id, bool is_later) {
  if (is_later) return (id & ((UINT64_C(1) << MARK_SHIFT) - 1)) | (uint64_t)MARK << MARK_SHIFT;
  if (id >> MARK_SHIFT == MARK) id ^= UINT64_C(1) << MARK_SHIFT;
  return id ? id : 1;
}

bool vlot__disk_id_is_later(uint64_t id) { return id >> MARK_SHIFT == MARK; }

uint32_t vlot__disk_id_number(const vlot_cluster *cluster, uint32_t member, uint64_t id) {
  (void)cluster, (void)member, (void)id;
  return 1;
}

vlot_result vlot__disk_id_new(vlot_cluster *cluster, uint32_t member, uint32_t number,
                              bool is_later, uint64_t *id) {
  vlot__prng prng;
  vlot__prng_init(&prng, cluster->options.seed, UINT64_C(3) << 40);
  for (uint32_t k = 1; k < member; k++) (void)vlot__prng_next(&prng);
  *id = vlot__prng_next(&prng);
  for (uint32_t k = 1; k < number; k++) *id = vlot__prng_mix(*id);
  *id = marked(*id, is_later);
  return VLOT_OK;
}
