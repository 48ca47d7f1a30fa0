/* Images under load: three nodes whose machines are frozen all the time and written by the host's
 * helper, while commands go on and nodes are killed, restarted and suspended; and a table that is
 * changed while its image is read. Runs under ThreadSanitizer.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fleet.h"
#include "vlot/machine.h"

static void require(bool is_so, const char *what) {
  if (is_so) return;
  fprintf(stderr, "images: %s\n", what);
  exit(1);
}

/* --- a table and its image --- */

static vlot_result count_bytes(void *context, const void *data, size_t size) {
  uint64_t *sum = context;
  for (size_t k = 0; k < size; k++) *sum = *sum * 31 + ((const uint8_t *)data)[k];
  return VLOT_OK;
}

static uint64_t sum_of(void *of, vlot_result (*write)(void *, const vlot_writer *)) {
  uint64_t sum = 0;
  vlot_writer writer = {.context = &sum, .write = count_bytes};
  require(write(of, &writer) == VLOT_OK, "a state cannot be written");
  return sum;
}

static void *write_image(void *image) {
  uint64_t *sum = malloc(sizeof *sum);
  *sum = sum_of(image, vlot_kv_machine()->image_write);
  vlot_kv_machine()->image_free(image);
  return sum;
}

static void change(void *state, uint32_t from, uint32_t count) {
  for (uint32_t k = from; k < from + count; k++) {
    uint32_t key = k * 2654435761u % 3000;
    vlot_kv_command command = {.operation = k % 5 ? VLOT_KV_SET : VLOT_KV_DELETE,
                               .key = &key,
                               .key_size = sizeof key,
                               .value = &k,
                               .value_size = k % 3 ? sizeof k : 1};
    vlot_bytes *bytes = vlot_kv_encode(NULL, &command);
    vlot_entry entry = {.data = vlot_bytes_data(bytes), .size = (uint32_t)vlot_bytes_size(bytes)};
    require(vlot_kv_machine()->apply(state, &entry, 1, k + 1, NULL) == VLOT_OK, "apply fails");
    vlot_bytes_release(bytes);
  }
}

static void freeze_a_table(void) {
  const vlot_machine *kv = vlot_kv_machine();
  void *state = kv->create(NULL, 1, false);
  for (uint32_t round = 0; round < 20; round++) {
    pthread_t thread;
    void *sum;
    change(state, round * 4000, 2000);
    uint64_t before = sum_of(state, kv->snapshot);
    void *image = kv->freeze(state);
    require(image != NULL, "nothing is frozen");
    require(pthread_create(&thread, NULL, write_image, image) == 0, "no thread");
    change(state, round * 4000 + 2000, 2000);
    if (round == 19) kv->destroy(state);
    pthread_join(thread, &sum);
    require(*(uint64_t *)sum == before, "an image shows what came later");
    free(sum);
  }
}

/* --- a cluster --- */

enum { ROUNDS = 60 };

static void load(vlot_client *client) {
  uint64_t sequence;
  char key[16];
  for (int k = 0; k < 40; k++) {
    snprintf(key, sizeof key, "key%d", k % 17);
    if (fleet_submit(client, key, 1, &sequence) == VLOT_OK) (void)fleet_wait(client);
  }
}

int main(void) {
  freeze_a_table();
  vlot_cluster_options options = fleet_options(VLOT_DRIVER_THREADS, 3);
  options.snapshot_bytes = 600;
  options.snapshot_trailing = 2;
  options.tick_ns = 2000000;
  vlot_cluster *cluster = fleet_open(&options);
  require(cluster != NULL, "it does not open");
  require(vlot_await_leader(cluster, 5000, NULL) == VLOT_OK, "nobody leads");
  vlot_client *client = fleet_client(cluster, 0, 500);
  for (uint32_t round = 0; round < ROUNDS; round++) {
    uint32_t id = round % 3 + 1;
    load(client);
    if (round % 4 == 1)
      (void)vlot_cluster_restart(cluster, id, VLOT_RESTART_LOSE);
    else if (round % 4 == 2 && vlot_cluster_kill(cluster, id, true) == VLOT_OK)
      (void)vlot_cluster_spawn(cluster, id);
    else if (round % 8 == 3 && vlot_cluster_pause(cluster) == VLOT_OK)
      (void)vlot_cluster_unpause(cluster);
    else if (round % 8 == 7 && vlot_cluster_suspend(cluster, id) == VLOT_OK)
      (void)vlot_cluster_resume(cluster, id);
  }
  require(fleet_settle(cluster, 10000) && fleet_agrees(cluster), "they do not agree");
  require(fleet_status(cluster, 1).raft.snapshot_index > 0, "no snapshot was taken");
  vlot_client_close(client);
  require(vlot_cluster_close(cluster) == VLOT_OK, "it does not close");
  return 0;
}
