/* The in-memory disk between a node's thread, which writes, and the clock's, which completes,
 * sets faults and cuts the power: completions come in order, none comes after stop, and nothing
 * that was acknowledged is lost.
 */
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

#include "cluster/disk.h"

#define CHECK(condition) \
  ((condition) ? (void)0 \
               : (fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition), exit(1)))

enum { LIVES = 60, WRITES = 400 };

typedef struct node {
  vlot__disk *disk;
  _Atomic uint64_t acknowledged; /* index up to which writes are known to be durable */
  atomic_bool is_running;
  atomic_bool has_stopped; /* after that nobody may call done */
} node;

static void done(void *context, uint64_t token, vlot_result result) {
  node *on = context;
  CHECK(!atomic_load(&on->has_stopped));
  CHECK(result == VLOT_OK);
  CHECK(token == atomic_load(&on->acknowledged) + 1);
  atomic_store(&on->acknowledged, token);
  for (int k = 0; k < 3; k++) sched_yield(); /* gives a stop that does not wait its chance */
  CHECK(!atomic_load(&on->has_stopped));
}

/* The clock while the node lives: time goes on, and the disk gets slower and faster. */
static void *supervise(void *argument) {
  node *on = argument;
  for (uint64_t now = 0; atomic_load(&on->is_running); now++) {
    vlot__disk_stall(on->disk, now % 16 == 3);
    CHECK(vlot__disk_set_delay(on->disk, 0, (uint32_t)(now % 3) + 1) == VLOT_OK);
    vlot__disk_advance(on->disk, now);
  }
  return NULL;
}

static void write_entries(node *on, uint64_t first) {
  vlot_storage storage = vlot__disk_storage(on->disk);
  vlot_storage_done answer = {.context = on, .done = done};
  for (uint64_t index = first; index < first + WRITES; index++) {
    vlot_entry entry = {.kind = VLOT_ENTRY_COMMAND};
    vlot_slice slice = {
        .batch = vlot_batch_make(NULL, &entry, NULL, 1), .index = index, .term = 1, .count = 1};
    vlot_write write = {.token = index, .slices = &slice, .slice_count = 1};
    CHECK(storage.submit(storage.context, &write, &answer) == VLOT_PENDING);
    vlot_batch_release(slice.batch);
    /* Half way at the latest both threads are at work; in the end some writes are still pending. */
    while (index == first + WRITES / 2 && atomic_load(&on->acknowledged) < first) sched_yield();
  }
}

/* One incarnation; returns the last index that survives it. */
static uint64_t live(node *on, uint64_t last, bool is_power_cut) {
  vlot_storage storage = vlot__disk_storage(on->disk);
  atomic_store(&on->has_stopped, false);
  atomic_store(&on->acknowledged, last);
  atomic_store(&on->is_running, true);
  CHECK(vlot__disk_set_delay(on->disk, 0, 1) == VLOT_OK);
  pthread_t clock;
  CHECK(pthread_create(&clock, NULL, supervise, on) == 0);
  write_entries(on, last + 1);
  storage.stop(storage.context, is_power_cut);
  atomic_store(&on->has_stopped, true);
  atomic_store(&on->is_running, false);
  CHECK(pthread_join(clock, NULL) == 0);

  vlot_stored stored;
  CHECK(storage.load(storage.context, &stored) == VLOT_OK);
  uint64_t survived = vlot__disk_last(on->disk);
  CHECK(stored.slice_count == survived);
  CHECK(survived >= atomic_load(&on->acknowledged));
  CHECK(is_power_cut || survived == last + WRITES);
  return survived;
}

int main(void) {
  node on = {.disk = vlot__disk_open(NULL, 7, 1)};
  CHECK(on.disk != NULL);
  uint64_t last = 0;
  for (int k = 0; k < LIVES; k++) last = live(&on, last, k % 2 == 0);
  CHECK(last > 0);
  vlot__disk_close(on.disk);
  return 0;
}
