/* A cluster in twelve lines: open, propose, read, close. README.md shows what follows. */
#include <stdio.h>
#include <vlot/vlot.h>

static const vlot_kv_command name_it = {
    .operation = VLOT_KV_SET, .key = "boat", .key_size = 4, .value = "vlot", .value_size = 4};
static const vlot_kv_command ask_it = {.operation = VLOT_KV_GET, .key = "boat", .key_size = 4};

int main(void) {
  vlot_cluster *cluster = NULL;
  vlot_client *client = NULL;
  vlot_bytes *set = vlot_kv_encode(NULL, &name_it), *get = vlot_kv_encode(NULL, &ask_it);
  vlot_bytes *reply = NULL;                                /* a byte of status, then the value */
  vlot_result r = vlot_cluster_open(&cluster, NULL, NULL); /* three nodes, a thread each */
  if (!r) r = vlot_client_open(&client, cluster, NULL);
  if (!r) r = vlot_client_propose(client, vlot_bytes_data(set), vlot_bytes_size(set), NULL);
  if (!r) r = vlot_client_query(client, vlot_bytes_data(get), vlot_bytes_size(get), &reply);
  if (!r) printf("boat = %.*s\n", (int)vlot_bytes_size(reply) - 1, vlot_bytes_data(reply) + 1);
  vlot_bytes_release(reply), vlot_bytes_release(get), vlot_bytes_release(set);
  vlot_client_close(client);
  return vlot_cluster_close(cluster) || r;
}
