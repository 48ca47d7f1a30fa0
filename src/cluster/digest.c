/* What a node has put out, in 64 bits: recorded at the end of a turn, and compared by a replay. */
#include "base/prng.h"
#include "cluster/journal.h"
#include "cluster/seat.h"
#include "vlot/raft_snapshot.h"

/* Four lanes that need not wait for each other. */
uint64_t vlot__journal_hash(uint64_t hash, const void *data, size_t size) {
  static const uint64_t odd[4] = {0x9e3779b97f4a7c15, 0xbf58476d1ce4e5b9, 0x94d049bb133111eb,
                                  0xd6e8feb86659fd93};
  const uint8_t *at = data;
  uint64_t lanes[4] = {hash, hash ^ odd[1], hash ^ odd[2], hash ^ size};
  for (; size >= 32; at += 32, size -= 32)
    for (int k = 0; k < 4; k++) {
      lanes[k] = (lanes[k] ^ vlot__get64(at + 8 * k)) * odd[k];
      lanes[k] ^= lanes[k] >> 29;
    }
  for (; size >= 8; at += 8, size -= 8) lanes[0] = vlot__prng_mix(lanes[0] ^ vlot__get64(at));
  uint64_t tail = vlot__get_word(at, size);
  for (int k = 0; k < 4; k++) tail = vlot__prng_mix(tail ^ lanes[k]);
  return tail;
}

static void join(vlot__seat *seat, uint64_t sum) {
  uint64_t mixed = (seat->digest ^ sum ^ (sum >> 32)) * 0x9e3779b97f4a7c15u;
  seat->digest = mixed ^ (mixed >> 32);
}

void vlot__digest_write(vlot__seat *seat, const vlot_write *write) {
  uint64_t sum = write->token * 0x9e3779b97f4a7c15u + write->truncate_from * 0xbf58476d1ce4e5b9u;
  if (write->has_hard) sum += (write->hard.term << 16 ^ write->hard.vote) * 0x94d049bb133111ebu;
  if (write->snapshot) sum += vlot_snapshot_get(write->snapshot)->index * 0x8ebc6af09c88c6e3u;
  for (uint32_t k = 0; k < write->slice_count; k++)
    sum +=
        (write->slices[k].index + ((uint64_t)write->slices[k].count << 40)) * 0xd6e8feb86659fd93u +
        write->slices[k].term * 0xa0761d6478bd642fu;
  join(seat, sum);
}

/* Its bytes too: a machine that writes others, with the same commands, is found here. */
void vlot__digest_snapshot(vlot__seat *seat, const vlot_snapshot *snapshot) {
  const vlot_snapshot_head *head = vlot_snapshot_get(snapshot);
  join(seat, head->index * 0x8ebc6af09c88c6e3u + head->term * 0xa0761d6478bd642fu +
                 (head->checksum ^ head->size));
}

/* What a debugger asks, and what is only remarked on, are no outputs. */
static bool is_output(uint32_t kind) {
  return kind != VLOT_EVENT_VIOLATION && kind != VLOT_EVENT_LINT && kind != VLOT_EVENT_REQUEST &&
         kind != VLOT_EVENT_ORDER;
}

/* Those of the canonical words that do not depend on the driver. */
void vlot__digest_event(vlot__seat *seat, const vlot_event *event) {
  static const uint64_t odd[VLOT_EVENT_WORDS] = {0,
                                                 0,
                                                 0,
                                                 0,
                                                 0,
                                                 0xe7037ed1a0b428db,
                                                 0x8ebc6af09c88c6e3,
                                                 0x589965cc75374cc3,
                                                 0x1d8e4e27c47d124f,
                                                 0xeb44accab455d165,
                                                 0x2545f4914f6cdd1d,
                                                 0xc2b2ae3d27d4eb4f,
                                                 0x165667b19e3779f9,
                                                 0x85ebca77c2b2ae63,
                                                 0x27d4eb2f165667c5,
                                                 0xff51afd7ed558ccd};
  uint64_t words[VLOT_EVENT_WORDS], sum = 0;
  if (!is_output(event->kind)) return;
  uint32_t count = vlot_event_words(event, words);
  for (uint32_t k = 5; k < count; k++) sum += words[k] * odd[k];
  join(seat, sum);
  seat->digest_events++;
}

void vlot__digest_answer(vlot__seat *seat, uint64_t sequence, uint64_t index, const void *reply,
                         size_t size) {
  join(seat, vlot__journal_hash(sequence ^ index << 32, reply, size));
}
