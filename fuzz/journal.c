/* What stands in a journal is data: whatever it says, a replay ends with a sentence.
 *
 * The first byte says what the others are: a whole file; records behind a good head; or changes to
 * a good journal (place, value). Checksums are made to fit, because else nothing behind them would
 * be read.
 */
#include <stdlib.h>
#include <string.h>

#include "cluster/journal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ACTIONS_MAX = 20000, JOURNAL_MAX = 1 << 18 };

typedef struct file {
  uint8_t bytes[JOURNAL_MAX];
  size_t size;
} file;

static vlot_result keep(void *context, const void *data, size_t size) {
  file *out = context;
  if (size > sizeof out->bytes - out->size) return VLOT_TOO_LARGE;
  memcpy(out->bytes + out->size, data, size);
  out->size += size;
  return VLOT_OK;
}

/* A run of its own in the first call: an election, some commands, a kill, a pause. Its times differ
 * from process to process. */
static const file *good(void) {
  static file journal;
  if (journal.size > 0) return &journal;
  vlot_writer sink = {.context = &journal, .write = keep};
  vlot_cluster_options options;
  vlot_cluster *cluster;
  vlot_client *client;
  vlot_cluster_options_init(&options);
  options.tick_ns = 200000;
  options.journal = &sink;
  if (vlot_cluster_open(&cluster, &options, NULL) != VLOT_OK ||
      vlot_await_leader(cluster, 10000, NULL) != VLOT_OK)
    abort();
  if (vlot_client_open(&client, cluster, NULL) != VLOT_OK) abort();
  (void)vlot_cluster_set_disk(cluster, 1, &(vlot_disk_fault){.delay_ticks_max = 3});
  for (int k = 0; k < 20; k++) {
    vlot_result result = vlot_client_propose(client, "\2\1\0x", 4, NULL);
    if (result != VLOT_OK && result != VLOT_UNKNOWN) abort();
    if (k == 5) (void)vlot_cluster_restart(cluster, 1, VLOT_RESTART_LOSE);
    if (k == 8) (void)vlot_cluster_suspend(cluster, 2);
    if (k == 9) (void)vlot_cluster_resume(cluster, 2);
    if (k == 10)
      (void)vlot_cluster_set_link(cluster, 0, 0, &(vlot_link){.loss = 100000, .duplicate = 100000});
    if (k == 12 && vlot_cluster_pause(cluster) == VLOT_OK) {
      (void)vlot_lockstep_step(cluster, 20, NULL);
      (void)vlot_cluster_unpause(cluster);
    }
  }
  vlot_client_close(client);
  if (vlot_cluster_close(cluster) != VLOT_OK) abort();
  return &journal;
}

static void mend(uint8_t *bytes, size_t size) {
  size_t at = VLOT__JOURNAL_FILE_HEAD, room = size - at;
  if (size < VLOT__JOURNAL_FILE_HEAD + VLOT__JOURNAL_BLOCK_HEAD) return;
  size_t body = vlot__get32(bytes + at);
  if (room - VLOT__JOURNAL_BLOCK_HEAD < body) return;
  vlot__put64(bytes + at + 8, vlot__journal_hash(0, bytes + at + VLOT__JOURNAL_BLOCK_HEAD, body));
  for (at += VLOT__JOURNAL_BLOCK_HEAD + body; size - at >= VLOT__JOURNAL_RECORD_HEAD; at += body) {
    body = vlot__get32(bytes + at);
    if (body < VLOT__JOURNAL_RECORD_HEAD || body > size - at) return;
    vlot__journal_seal(bytes + at, (uint32_t)body);
  }
}

static void replay(const uint8_t *bytes, size_t size) {
  vlot_cluster *cluster;
  vlot_replay_status status;
  uint64_t done;
  if (vlot_replay_open(&cluster, NULL, bytes, size, NULL) != VLOT_OK) return;
  vlot_result result = vlot_lockstep_step(cluster, ACTIONS_MAX, &done);
  if (vlot_replay_get_status(cluster, &status) != VLOT_OK) abort();
  if (status.has_diverged != (result == VLOT_FAILED)) abort();
  if ((status.has_diverged || status.is_cut) && !status.text[0]) abort();
  (void)vlot_cluster_close(cluster); /* the checker may object to such a run */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static uint8_t bytes[2 * JOURNAL_MAX];
  const file *journal = good();
  if (size == 0 || size > JOURNAL_MAX) return 0;
  uint32_t how = data[0] % 3;
  data++;
  size--;
  size_t head = VLOT__JOURNAL_FILE_HEAD + VLOT__JOURNAL_BLOCK_HEAD +
                vlot__get32(journal->bytes + VLOT__JOURNAL_FILE_HEAD);
  size_t length = 0;
  if (how == 0) {
    memcpy(bytes, data, size);
    length = size;
  } else if (how == 1) {
    memcpy(bytes, journal->bytes, head);
    memcpy(bytes + head, data, size);
    length = head + size;
  } else {
    memcpy(bytes, journal->bytes, journal->size);
    length = journal->size;
    for (; size >= 4; data += 4, size -= 4)
      bytes[(data[0] | (size_t)data[1] << 8 | (size_t)data[2] << 16) % length] = data[3];
  }
  mend(bytes, length);
  /* a copy of its own size, so that a byte too far is found */
  uint8_t *exact = malloc(length ? length : 1);
  if (!exact) return 0;
  memcpy(exact, bytes, length);
  replay(exact, length);
  free(exact);
  return 0;
}
