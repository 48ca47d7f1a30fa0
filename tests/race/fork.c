/* A process forks while its cluster is under load, at any moment; each child says good-bye as
 * programs do: it exits, and handlers of exit close what is open. Each ends, and the parent's
 * cluster is none the worse.
 *
 * fork [children]
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fleet.h"

/* A sanitizer's own handler of exit waits: for locks of threads that are not in the child, or to
 * give other threads time. Then the child closes and ends without it. */
#if defined(__has_feature)
#define HAS(feature) __has_feature(feature)
#else
#define HAS(feature) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || HAS(address_sanitizer) || \
    HAS(thread_sanitizer)
enum { RUNS_HANDLERS = 0 };
#else
enum { RUNS_HANDLERS = 1 };
#endif

static vlot_cluster *cluster;
static vlot_client *clients[2];
static _Atomic bool must_end;
static bool is_child;

static void *run_load(void *context) {
  vlot_client *client = context;
  vlot_answer answers[64];
  while (!atomic_load(&must_end)) {
    (void)!fleet_submit(client, "x", 32, NULL);
    (void)vlot_client_wait(client, answers, 64);
  }
  return NULL;
}

static void close_all(void) {
  vlot_client_close(clients[0]);
  vlot_client_close(clients[1]);
  vlot_result result = vlot_cluster_close(cluster);
  if (result != (is_child ? VLOT_UNSUPPORTED : VLOT_OK)) _exit(3);
}

int main(int argc, char **argv) {
  long children = argc > 1 ? strtol(argv[1], NULL, 10) : 60;
  vlot_cluster_options options = fleet_options(VLOT_DRIVER_THREADS, 3);
  options.tick_ns = 1000000;
  cluster = fleet_open(&options);
  if (!cluster || atexit(close_all) != 0) return 2;
  pthread_t threads[2];
  for (int k = 0; k < 2; k++) {
    clients[k] = fleet_client(cluster, 0, 0);
    if (!clients[k] || pthread_create(&threads[k], NULL, run_load, clients[k]) != 0) return 2;
  }
  for (long k = 0; k < children; k++) {
    pid_t child = fork();
    if (child == 0) {
      is_child = true;
      alarm(60);
      if (RUNS_HANDLERS) exit(0);
      close_all();
      _exit(0);
    }
    int status;
    if (child < 0 || waitpid(child, &status, 0) != child) return 2;
    if (status != 0) {
      fprintf(stderr, "race fork: child %ld ended with status 0x%x\n", k, (unsigned)status);
      _exit(1);
    }
  }
  atomic_store(&must_end, true);
  for (int k = 0; k < 2; k++) pthread_join(threads[k], NULL);
  printf("forked %ld times under load\n", children);
  return 0;
}
